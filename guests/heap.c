/*
 * heap.c - linked into every C guest.
 *
 * Debian's wasi-libc takes all of linear memory above the data for its heap at
 * the first malloc.  The preview1 adapter grows memory for its own state at the
 * first call into it; were that before the first malloc, both would own the
 * same bytes.  So the heap is claimed before anything else runs.
 */
#include <stdlib.h>

__attribute__((constructor(1))) static void
claim_heap(void)
{
	void *volatile first = malloc(1);

	free(first);
}
