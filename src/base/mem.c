/* mem.c - see mem.h. */
#include "base/mem.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* How many allocations may still succeed; negative: all of them. */
static atomic_long fail_after = -1;

void
writ_mem_fail_after(long n)
{
	atomic_store(&fail_after, n < 0 ? -1 : n);
}

static bool
may_allocate(void)
{
	long left = atomic_load_explicit(&fail_after, memory_order_relaxed);

	while (left > 0)
		if (atomic_compare_exchange_weak(&fail_after, &left, left - 1))
			return true;
	return left < 0;
}

/* The bytes of n objects, never 0, so that NULL always means failure. */
static bool
total(size_t n, size_t size, size_t *bytes)
{
	if (__builtin_mul_overflow(n, size, bytes) || *bytes > PTRDIFF_MAX)
		return false;
	if (*bytes == 0)
		*bytes = 1;
	return may_allocate();
}

void *
writ_alloc(size_t n, size_t size)
{
	size_t bytes;

	return total(n, size, &bytes) ? calloc(1, bytes) : NULL;
}

void *
writ_realloc(void *p, size_t n, size_t size)
{
	size_t bytes;

	return total(n, size, &bytes) ? realloc(p, bytes) : NULL;
}

void *
writ_memdup(const void *p, size_t n)
{
	char *copy;
	size_t bytes;

	if (n == SIZE_MAX || !total(n + 1, 1, &bytes))
		return NULL;
	copy = malloc(bytes);
	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

void
writ_mem_free(void *p)
{
	free(p);
}
