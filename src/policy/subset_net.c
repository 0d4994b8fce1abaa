/*
 * http entries: all of `b` that may match what an entry of `a` allows are charged and bind, so the
 * entry must be within each of them, and one must be there.
 */
#include "policy/address.h"
#include "policy/fold.h"
#include "policy/glob.h"
#include "policy/http_shape.h"
#include "policy/subset_int.h"

/* ---- sets */

/* 0 stands for no bound. */
static bool
fits(uint64_t a, uint64_t b)
{
	return b == 0 || (a != 0 && a <= b);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* NULL: everything. */
static bool
within_list(char *const *a, char *const *b)
{
	size_t i;

	if (!b)
		return true;
	for (i = 0; a && a[i]; i++)
		if (!writ_texts_have(b, writ_str_from(a[i])))
			return false;
	return a != NULL;
}

static bool
lists_meet(char *const *a, char *const *b)
{
	size_t i;

	if (!a || !b)
		return true;
	for (i = 0; a[i]; i++)
		if (writ_texts_have(b, writ_str_from(a[i])))
			return true;
	return false;
}

static bool
ranges_within(const struct writ_range *a, size_t n, const struct writ_range *b,
    size_t m)
{
	size_t i, k;

	if (n == 0 || m == 0)
		return n == 0 && m == 0;	/* public ones alone */
	for (i = 0; i < n; i++) {
		/* a range of one address opens what no wider one does */
		for (k = 0; k < m; k++)
			if ((a[i].bits < 128 ? a[i].bits >= b[k].bits :
			    b[k].bits == 128) &&
			    writ_range_has(&b[k], a[i].address))
				break;
		if (k == m)
			return false;
	}
	return true;
}

/* ---- places */

static bool
is_wild(struct writ_str s)
{
	return s.len && memchr(s.ptr, '*', s.len);
}

static bool
segment_within(struct writ_str a, struct writ_str b)
{
	if (writ_str_is(a, "**"))
		return false;
	if (writ_str_eq(a, b))
		return true;
	if (writ_str_is(b, "*"))
		return a.len > 0;
	return is_wild(b) && !is_wild(a) && writ_glob_match(b, a);
}

/* Whether every path that pattern `a` matches, `b` matches; NULL slices: no segment is left.
 * `b` has at most two `**`, which bounds the work. */
static bool
path_within(struct writ_str a, struct writ_str b)
{
	struct writ_str a_rest, b_rest, a_seg, b_seg;

	if (!b.ptr)
		return !a.ptr;
	b_seg = writ_str_cut(b, '/', &b_rest);
	if (!writ_str_is(b_seg, "**")) {
		if (!a.ptr)
			return false;
		a_seg = writ_str_cut(a, '/', &a_rest);
		return segment_within(a_seg, b_seg) &&
		    path_within(a_rest, b_rest);
	}
	for (;;) {
		if (path_within(a, b_rest))
			return true;
		if (!a.ptr)
			return false;
		a_seg = writ_str_cut(a, '/', &a);
		if (a_seg.len == 0)	/* a trailing slash is no segment */
			return false;
	}
}

static bool
host_within(const struct writ_http_shape *a, const struct writ_http_shape *b)
{
	const char *dot;

	if (a->any_label == b->any_label)
		return !strcmp(a->host, b->host);
	dot = strchr(a->host, '.');
	return b->any_label && !a->address && dot && !strcmp(dot + 1, b->host);
}

static bool
place_within(const struct writ_http_shape *a, const struct writ_http_shape *b)
{
	return a->https == b->https && a->port == b->port && host_within(a, b) &&
	    path_within(writ_str_from(a->path + 1), writ_str_from(b->path + 1));
}

/* Literal beginnings that part ways at a segment. */
static bool
literals_apart(struct writ_str a, struct writ_str b)
{
	struct writ_str longer = a.len < b.len ? b : a;
	size_t n = a.len < b.len ? a.len : b.len;

	if (n && memcmp(a.ptr, b.ptr, n))
		return true;
	return longer.len > n && longer.ptr[n] != '/';
}

static bool
places_apart(const struct writ_http_shape *a, const struct writ_http_shape *b)
{
	return a->https != b->https || a->port != b->port ||
	    (!host_within(a, b) && !host_within(b, a)) ||
	    !lists_meet(a->methods, b->methods);
}

static bool
apart(const struct writ_http_shape *a, const struct writ_http_shape *b)
{
	return places_apart(a, b) ||
	    literals_apart(writ_str(a->path, a->literal),
	    writ_str(b->path, b->literal));
}

/* The same of a grant and a deny entry, which looks at folded paths. */
static bool
apart_from_deny(const struct writ_http_shape *a, const struct writ_http_shape *deny)
{
	struct writ_str path = writ_str_from(a->path);
	char folded[WRIT_FOLD_ROOM(WRIT_DOC_STRING_MAX)];

	if (path.len > WRIT_DOC_STRING_MAX)
		WRIT_BUG("a text that was not read");
	path = writ_str(folded, writ_fold_path(path, true, folded));
	return places_apart(a, deny) ||
	    literals_apart(writ_str(folded, writ_http_literal(path)),
	    writ_str(deny->path, deny->literal));
}

/* ---- one entry within another */

static const struct writ_http_key *
key_named(const struct writ_http_shape *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->query_count; i++)
		if (!strcmp(s->query[i].name, name))
			return &s->query[i];
	return NULL;
}

static bool
query_within(const struct writ_http_shape *a, const struct writ_http_shape *b)
{
	const struct writ_http_key *k;
	size_t i;

	for (i = 0; i < a->query_count; i++) {
		k = key_named(b, a->query[i].name);
		if (!k || !within_list(a->query[i].values, k->values))
			return false;
	}
	return true;
}

static bool
headers_within(const struct writ_http_shape *a, const struct writ_http_shape *b)
{
	static const char *const usual[] = { "accept", "accept-language",
		"content-type" };
	size_t i;

	if (!a->headers && !b->headers)
		return true;
	for (i = 0; !a->headers && i < sizeof(usual) / sizeof(usual[0]); i++)
		if (!writ_texts_have(b->headers, writ_str_from(usual[i])))
			return false;
	for (i = 0; a->headers && a->headers[i]; i++) {
		struct writ_str h = writ_str_from(a->headers[i]);

		if (b->headers ? !writ_texts_have(b->headers, h) :
		    !writ_http_usual_header(h))
			return false;
	}
	return true;
}

static bool
hours_within(const struct writ_http_shape *a, const struct writ_http_shape *b)
{
	size_t i, k;

	if (b->hours_count == 0)
		return true;
	for (i = 0; i < a->hours_count; i++) {
		for (k = 0; k < b->hours_count; k++)
			if (a->hours[i].from >= b->hours[k].from &&
			    a->hours[i].to <= b->hours[k].to)
				break;
		if (k == b->hours_count)
			return false;
	}
	return a->hours_count > 0;
}

static bool
operations_within(const struct writ_http_grant *a,
    const struct writ_http_grant *b)
{
	return !b->operation_field ||
	    (same_text(a->operation_field, b->operation_field) &&
	    within_list(a->operations, b->operations));
}

/* The first thing of `a` that is not within `b`, or NULL. */
static const char *
differs(const struct writ_http_grant *a, const struct writ_http_grant *b)
{
	const struct writ_http_shape *x = a->shape, *y = b->shape;

	if (!place_within(x, y))
		return "url";
	if (!within_list(x->methods, y->methods))
		return "methods";
	if (!query_within(x, y))
		return "query";
	if (!headers_within(x, y))
		return "request.headers";
	if (!within_list(x->types, y->types))
		return "request.types";
	if (a->request_max > b->request_max)
		return "request.max";
	if (!operations_within(a, b))
		return "request.operations";
	if (a->response_max > b->response_max)
		return "response.max";
	if (!within_list(a->response_headers, b->response_headers))
		return "response.headers";
	if (!within_list(a->response_types, b->response_types))
		return "response.types";
	if (!hours_within(x, y))
		return "hours";
	if (!ranges_within(a->addresses, a->addresses_count, b->addresses,
	    b->addresses_count))
		return "addresses";
	if (!same_text(a->ca_file, b->ca_file) ||
	    (b->pins && !same_text(a->pins, b->pins)))
		return "tls";
	if (a->ask < b->ask)
		return "ask";
	return b->durable && !a->durable ? "durable" : NULL;
}

static bool
same_credential(const struct writ_http_grant *a, const struct writ_http_grant *b)
{
	size_t i;

	if (!same_text(a->credential_name, b->credential_name) ||
	    a->credential_query != b->credential_query ||
	    a->credential_parts != b->credential_parts ||
	    (b->scrub && !a->scrub))
		return false;
	for (i = 0; i < a->credential_parts; i++)
		if (!same_text(a->credential[i].text, b->credential[i].text) ||
		    !same_text(a->credential[i].secret, b->credential[i].secret))
			return false;
	return true;
}

static void
prove_http(struct writ_proof *p, const struct writ_http_grant *a)
{
	bool credential = !a->credential_name;
	size_t i, covered = 0, credentials = 0;

	for (i = 0; i < p->b->http_count; i++) {
		const struct writ_http_grant *b = &p->b->http[i];
		const char *what;

		if (apart(a->shape, b->shape))
			continue;
		what = differs(a, b);
		if (what)
			writ_unproved(p, "http \"%s\": %s not within that of "
			    "\"%s\"", a->name, what, b->name);
		else
			covered++;
		if (!b->credential_name)
			continue;
		credentials++;
		if (same_credential(a, b))
			credential = true;
		else
			writ_unproved(p, "http \"%s\": not the credential of "
			    "\"%s\"", a->name, b->name);
	}
	if (!covered)
		writ_unproved(p, "http \"%s\": %s is not granted there", a->name,
		    a->shape->host);
	else if (!credential)
		writ_unproved(p, "http \"%s\": its credential is not there",
		    a->name);
	else if (credentials > 1 || covered > WRIT_HTTP_MATCHES_MAX)
		writ_unproved(p, "http \"%s\": entries overlap there, so that "
		    "requests are refused", a->name);
}

/* ---- budgets: entries of `a` that share one of `b` must sum within it */

struct sums {
	uint64_t rate, concurrency, requests, bytes;
	bool open_rate, open_concurrency, open_requests, open_bytes;
};

static void
add(uint64_t v, uint64_t *sum, bool *open)
{
	if (v == 0 || __builtin_add_overflow(*sum, v, sum))
		*open = true;
}

/* A rate over a longer window holds over a shorter one. */
static void
add_http(struct sums *s, const struct writ_http_grant *a,
    const struct writ_http_grant *b)
{
	add(a->rate_window_ms >= b->rate_window_ms ? a->rate_count : 0, &s->rate,
	    &s->open_rate);
	add(a->concurrency, &s->concurrency, &s->open_concurrency);
	add(a->total_requests, &s->requests, &s->open_requests);
	add(a->total_bytes, &s->bytes, &s->open_bytes);
}

static void
prove_sum(struct writ_proof *p, const char *kind, const char *name,
    const char *what, uint64_t bound, uint64_t sum, bool open)
{
	if (bound && (open || sum > bound))
		writ_unproved(p, "%s \"%s\": %s of what uses it is not within it",
		    kind, name, what);
}

static void
prove_budgets(struct writ_proof *p, const struct writ_http_grant *b)
{
	struct sums s = { 0 };
	size_t i;

	for (i = 0; i < p->a->http_count; i++)
		if (!apart(p->a->http[i].shape, b->shape))
			add_http(&s, &p->a->http[i], b);
	prove_sum(p, "http", b->name, "rate", b->rate_count, s.rate,
	    s.open_rate);
	prove_sum(p, "http", b->name, "concurrency", b->concurrency,
	    s.concurrency, s.open_concurrency);
	prove_sum(p, "http", b->name, "total.requests", b->total_requests,
	    s.requests, s.open_requests);
	prove_sum(p, "http", b->name, "total.bytes", b->total_bytes, s.bytes,
	    s.open_bytes);
}

/* ---- deny */

static void
prove_http_deny(struct writ_proof *p, const struct writ_http_deny *b)
{
	size_t i;

	for (i = 0; i < p->a->http_deny_count; i++) {
		const struct writ_http_shape *a = p->a->http_deny[i].shape;

		if (place_within(b->shape, a) &&
		    within_list(b->shape->methods, a->methods))
			return;
	}
	for (i = 0; i < p->a->http_count; i++)
		if (!apart_from_deny(p->a->http[i].shape, b->shape))
			writ_unproved(p, "http \"%s\": deny \"%s\" is not kept",
			    p->a->http[i].name, b->name);
}

/* ---- sockets */

static bool
same_socket(const struct writ_sockets_grant *a,
    const struct writ_sockets_grant *b)
{
	return a->udp == b->udp && a->listen == b->listen &&
	    a->port == b->port && !strcmp(a->host, b->host);
}

static bool
socket_denied(const struct writ_policy *p, bool udp, const char *host,
    unsigned port)
{
	size_t i;

	for (i = 0; i < p->sockets_deny_count; i++)
		if (p->sockets_deny[i].udp == udp &&
		    p->sockets_deny[i].port == port &&
		    !strcmp(p->sockets_deny[i].host, host))
			return true;
	return false;
}

/* Of several entries for one place the one with the least name decides. */
static const struct writ_sockets_grant *
socket_of(const struct writ_policy *p, const struct writ_sockets_grant *like)
{
	const struct writ_sockets_grant *best = NULL;
	size_t i;

	for (i = 0; i < p->sockets_count; i++)
		if (same_socket(&p->sockets[i], like) && (!best ||
		    strcmp(p->sockets[i].name, best->name) < 0))
			best = &p->sockets[i];
	return best;
}

static void
prove_socket(struct writ_proof *p, const struct writ_sockets_grant *a)
{
	const struct writ_sockets_grant *b = socket_of(p->b, a);

	if (socket_of(p->a, a) != a ||
	    (!a->listen && socket_denied(p->a, a->udp, a->host, a->port)))
		return;
	if (!b || (!a->listen &&
	    socket_denied(p->b, a->udp, a->host, a->port))) {
		writ_unproved(p, "sockets \"%s\": not granted there", a->name);
		return;
	}
	if (!ranges_within(a->addresses, a->addresses_count, b->addresses,
	    b->addresses_count))
		writ_unproved(p, "sockets \"%s\": addresses not within those of "
		    "\"%s\"", a->name, b->name);
	if (!fits(a->total_bytes, b->total_bytes) ||
	    !fits(a->concurrency, b->concurrency))
		writ_unproved(p, "sockets \"%s\": its budget is not within that "
		    "of \"%s\"", a->name, b->name);
	if (a->ask < b->ask || (b->durable && !a->durable))
		writ_unproved(p, "sockets \"%s\": ask or durable there", a->name);
}

void
writ_prove_net(struct writ_proof *p)
{
	size_t i;

	for (i = 0; i < p->a->http_count; i++)
		prove_http(p, &p->a->http[i]);
	for (i = 0; i < p->b->http_count; i++)
		prove_budgets(p, &p->b->http[i]);
	for (i = 0; i < p->b->http_deny_count; i++)
		prove_http_deny(p, &p->b->http_deny[i]);
	for (i = 0; i < p->a->sockets_count; i++)
		prove_socket(p, &p->a->sockets[i]);
}
