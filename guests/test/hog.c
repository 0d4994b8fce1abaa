/* hog.c - takes memory until refused; says how much, and that it still works. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	size_t total = 0;

	if (argc > 1 && strcmp(argv[1], "grow") == 0) {
		while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1)
			total += 16 * 65536;
	} else {
		for (;;) {
			char *volatile piece = malloc(1 << 20);

			if (!piece)
				break;
			memset(piece, 1, 1 << 20);
			total += 1 << 20;
		}
	}
	printf("refused after %zu MiB\n", total >> 20);
	return 0;
}
