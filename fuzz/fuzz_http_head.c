/*
 * fuzz_http_head.c - bytes of a stranger's connection into the reader of requests that
 * serving workers have: whole and in pieces, which must make no difference.  The first byte
 * says how long a piece is.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "worker/serve_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	unsigned requests, status;	/* read; refused with */
	uint64_t body;			/* bytes, of all of them */
	size_t used;
	uint64_t sum;
};

static void
check_head(const struct writ_serve_head *h)
{
	size_t i;

	if (h->chunked && h->has_length)
		WRIT_BUG("two lengths");
	if (!h->http10 && !h->request.authority.len)
		WRIT_BUG("no authority");
	if (!writ_serve_is_token(h->request.method) || !h->request.path.len)
		WRIT_BUG("a request line");
	for (i = 0; i < h->request.fields_count; i++) {
		const struct writ_http_field *f = &h->request.fields[i];

		if (!writ_serve_is_token(f->name) ||
		    !writ_serve_is_value(f->value) ||
		    writ_serve_is_hop(f->name))
			WRIT_BUG("a field");
	}
}

/* All bytes up to `have` are there; false: more are needed, or it is over. */
static bool
one_body(uint8_t *p, size_t have, struct writ_serve_body *b, struct told *t)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_MAX];
	struct writ_str data;
	enum writ_status st;
	size_t used, count, i;

	for (;;) {
		st = writ_serve_body_take(b, p + t->used, have - t->used,
		    &used, &data);
		if (used > have - t->used)
			WRIT_BUG("more than there is");
		t->used += used;
		if (st != WRIT_OK)
			break;
		if (!data.len)
			WRIT_BUG("an empty piece");
		t->body += data.len;
		for (i = 0; i < data.len; i++)
			t->sum = t->sum * 31 + (uint8_t)data.ptr[i];
	}
	if (st == WRIT_CLOSED && data.len)
		t->status = writ_serve_trailers_read(p + t->used - data.len,
		    data.len, fields, &count);
	else if (st != WRIT_AGAIN && st != WRIT_CLOSED)
		t->status = 400;
	return st == WRIT_CLOSED && !t->status;
}

static void
run(const uint8_t *data, size_t size, size_t step, struct told *t)
{
	static struct writ_serve_head head;
	uint8_t *p = malloc(size ? size : 1);
	struct writ_serve_scan scan = { 0 };
	struct writ_serve_body body;
	bool in_body = false;
	size_t have = 0, n;

	if (!p)
		abort();
	memset(t, 0, sizeof(*t));
	while (!t->status) {
		enum writ_status st;

		if (in_body) {
			in_body = !one_body(p, have, &body, t);
			st = in_body ? WRIT_AGAIN : WRIT_OK;
			if (!in_body)
				memset(&scan, 0, sizeof(scan));
		} else {
			st = writ_serve_scan(&scan, p + t->used,
			    have - t->used, 2, &n);
			if (st == WRIT_OK) {
				t->status = writ_serve_head_read(p + t->used,
				    n, &head);
				if (t->status)
					break;
				check_head(&head);
				t->requests++;
				t->used += n;
				writ_serve_body_init(&body, &head);
				in_body = true;
			} else if (st != WRIT_AGAIN) {
				t->status = st == WRIT_LIMIT ? 431 : 400;
			}
		}
		if (st != WRIT_AGAIN)
			continue;
		if (have == size)
			break;
		n = size - have < step ? size - have : step;
		memcpy(p + have, data + have, n);
		have += n;
	}
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told whole, pieces;

	if (size < 1)
		return 0;
	run(data + 1, size - 1, SIZE_MAX, &whole);
	run(data + 1, size - 1, (size_t)data[0] + 1, &pieces);
	if (whole.requests != pieces.requests ||
	    whole.status != pieces.status || whole.body != pieces.body ||
	    whole.sum != pieces.sum)
		WRIT_BUG("pieces make a difference");
	return 0;
}
