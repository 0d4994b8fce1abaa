/* trap.c - ends in a trap: abort, unreachable, out of bounds, division, call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int zero;

int
main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "abort";

	puts("before");
	fflush(stdout);
	if (strcmp(how, "bounds") == 0)
		*(volatile int *)0xfffffff0u = 1;
	else if (strcmp(how, "divide") == 0)
		zero = 1 / zero;
	else if (strcmp(how, "call") == 0)
		((void (*)(void))(size_t)(12345 + zero))();
	else if (strcmp(how, "unreachable") == 0)
		__builtin_trap();
	abort();
}
