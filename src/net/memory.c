#include <malloc.h>

#include "net/net.h"

/* What curl frees may have been part of a request: its target, a header, a buffer.  Until a secret
 * has come, no secret is in it. */
static bool wiping;

static void
wiping_free(void *p)
{
	if (p && wiping)
		writ_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *
wiping_realloc(void *p, size_t n)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *q;

	if (n && !wiping)
		return realloc(p, n);
	if (p && n && n <= had)
		return p;
	q = n ? malloc(n) : NULL;
	if (q && p)
		memcpy(q, p, had < n ? had : n);
	if (q || !n)
		wiping_free(p);
	return q;
}

void
net_memory_wipe(void)
{
	wiping = true;
}

bool
net_memory_init(void)
{
	return curl_global_init_mem(CURL_GLOBAL_ALL, malloc, wiping_free,
	    wiping_realloc, strdup, calloc) == CURLE_OK;
}
