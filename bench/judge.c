/*
 * judge SHAPES [ROUNDS] - what judging one HTTP request costs under a writ of so many http entries:
 * reading it into its canonical form, and deciding.  Prints one line of JSON: nanoseconds a
 * request, the median of the rounds.  The entries differ in host and path; one of them matches.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pace.h"
#include "policy/policy.h"

#define REQUESTS 20000
#define ROUNDS_MAX 101
#define SHAPES_MAX 1024

static struct writ_policy *
make(unsigned shapes)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_policy *p = NULL;
	struct writ_buf b;
	unsigned i;

	writ_buf_init(&b, WRIT_DOC_MAX);
	writ_buf_cstr(&b, "writ: 1\nrandom: secure\nhttp:\n");
	for (i = 0; i < shapes; i++)
		writ_buf_printf(&b, "  - { name: n%u, methods: [GET], url: "
		    "\"https://h%u.example.com/v1/c%u/*/items\", query: [page] }\n",
		    i, i % 10, i);
	if (writ_policy_parse(writ_buf_view(&b), "judge", &p, &err) != WRIT_OK)
		fprintf(stderr, "judge: %s\n", err.msg);
	writ_buf_release(&b);
	return p;
}

/* One request, as the broker has it; false: it was not allowed. */
static bool
judge(const struct writ_policy *p, struct writ_str authority,
    struct writ_str path, struct writ_buf *storage)
{
	static const struct writ_http_field fields[] = {
		{ { "accept", 6 }, { "application/json", 16 } } };
	struct writ_http_request rq;
	struct writ_http_terms terms;
	struct writ_decision d;

	writ_buf_reset(storage);
	if (writ_http_read(WRIT_STR("GET"), WRIT_STR("https"), authority, path,
	    fields, 1, storage, &rq))
		return false;
	writ_decide_http(p, &rq, &terms, &d);
	return d.verdict == WRIT_ALLOW;
}

static int
by_number(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char **argv)
{
	char authority[64], path[64];
	double ns[ROUNDS_MAX];
	uint64_t shapes = 0, rounds = 11, i, k, begin;
	struct writ_policy *p;
	struct writ_buf storage;

	if (argc < 2 || writ_str_u64(writ_str_from(argv[1]), SHAPES_MAX,
	    &shapes) != WRIT_OK || shapes == 0 || (argc > 2 && (writ_str_u64(
	    writ_str_from(argv[2]), ROUNDS_MAX, &rounds) != WRIT_OK ||
	    rounds == 0)))
		return 2;
	p = make((unsigned)shapes);
	if (!p)
		return 1;
	writ_buf_init(&storage, 65536);
	k = shapes / 2;
	snprintf(authority, sizeof(authority), "h%u.example.com",
	    (unsigned)(k % 10));
	snprintf(path, sizeof(path), "/v1/c%u/42/items?page=7", (unsigned)k);
	for (i = 0; i < rounds; i++) {
		begin = bench_now();
		for (k = 0; k < REQUESTS; k++)
			if (!judge(p, writ_str_from(authority),
			    writ_str_from(path), &storage))
				return 1;
		ns[i] = (double)(bench_now() - begin) / REQUESTS;
	}
	qsort(ns, rounds, sizeof(ns[0]), by_number);
	printf("{\"shapes\":%u,\"ns\":%.1f}\n", (unsigned)shapes,
	    ns[rounds / 2]);
	writ_buf_release(&storage);
	writ_policy_free(p);
	return 0;
}
