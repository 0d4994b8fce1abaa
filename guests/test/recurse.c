/* recurse.c - recurses without end: the call stack runs out. */
#include <stdio.h>

static volatile unsigned depth;

__attribute__((noinline)) static unsigned
down(unsigned n)
{
	depth = n;
	return n ? down(n + 1) + depth : 0;
}

int
main(void)
{
	printf("%u\n", down(1));
	return 0;
}
