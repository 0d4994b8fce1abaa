#include "policy/http_shape.h"

#include "policy/fold.h"
#include "policy/glob.h"

void
writ_texts_free(char **v)
{
	size_t i;

	for (i = 0; v && v[i]; i++)
		writ_mem_free(v[i]);
	writ_mem_free(v);
}

bool
writ_texts_have(char *const *v, struct writ_str s)
{
	size_t i;

	for (i = 0; v && v[i]; i++)
		if (writ_str_is(s, v[i]))
			return true;
	return false;
}

void
writ_http_shape_free(struct writ_http_shape *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->query_count; i++) {
		writ_mem_free(s->query[i].name);
		writ_texts_free(s->query[i].values);
	}
	writ_mem_free(s->query);
	writ_texts_free(s->methods);
	writ_texts_free(s->headers);
	writ_texts_free(s->types);
	writ_mem_free(s->hours);
	writ_mem_free(s->host);
	writ_mem_free(s->path);
	writ_mem_free(s);
}

/* ---- the index */

size_t
writ_http_literal(struct writ_str path)
{
	const char *star = memchr(path.ptr, '*', path.len);
	size_t n = star ? (size_t)(star - path.ptr) : path.len;

	while (star && n > 0 && path.ptr[n - 1] != '/')
		n--;
	return star ? n - 1 : n;
}

/* What an entry and a request are compared by. */
struct place {
	bool grant, https, any_label;
	unsigned port;
	struct writ_str host, literal;
};

static int
cmp_bool(bool a, bool b)
{
	return (a > b) - (a < b);
}

static int
cmp_str(struct writ_str a, struct writ_str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int r = n ? memcmp(a.ptr, b.ptr, n) : 0;

	return r ? r : (a.len > b.len) - (a.len < b.len);
}

static int
cmp_place(const struct place *a, const struct place *b)
{
	int r = cmp_bool(a->grant, b->grant);

	if (!r)
		r = cmp_str(a->host, b->host);
	if (!r)
		r = (a->port > b->port) - (a->port < b->port);
	if (!r)
		r = cmp_bool(a->https, b->https);
	if (!r)
		r = cmp_bool(a->any_label, b->any_label);
	return r ? r : cmp_str(a->literal, b->literal);
}

static struct place
place_of(const struct writ_http_entry *e)
{
	const struct writ_http_shape *s = e->shape;

	return (struct place){ e->grant != NULL, s->https, s->any_label, s->port,
		writ_str_from(s->host), writ_str(s->path, s->literal) };
}

static const char *
name_of(const struct writ_http_entry *e)
{
	return e->grant ? e->grant->name : e->deny->name;
}

static int
by_place(const void *a, const void *b)
{
	const struct writ_http_entry *x = a, *y = b;
	struct place p = place_of(x), q = place_of(y);
	int r = cmp_place(&p, &q);

	return r ? r : strcmp(name_of(x), name_of(y));
}

void
writ_http_index_sort(struct writ_http_entry *v, size_t n)
{
	if (n > 1)
		qsort(v, n, sizeof(*v), by_place);
}

static size_t
first_at(const struct writ_policy *p, const struct place *at)
{
	size_t lo = 0, hi = p->http_index_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct place here = place_of(&p->http_index[mid]);

		if (cmp_place(&here, at) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct finding {
	const struct writ_policy *p;
	void (*visit)(void *ctx, const struct writ_http_entry *e);
	void *ctx;
};

/* Entries whose literal beginning is exactly that of `at`. */
static void
find_at(const struct finding *f, const struct place *at, struct writ_str path)
{
	size_t i;

	for (i = first_at(f->p, at); i < f->p->http_index_count; i++) {
		const struct writ_http_entry *e = &f->p->http_index[i];
		struct place here = place_of(e);

		if (cmp_place(&here, at))
			return;
		if (writ_glob_match(writ_str_from(e->shape->path + 1),
		    writ_str_skip(path, 1)))
			f->visit(f->ctx, e);
	}
}

static void
find_host(const struct finding *f, struct place at, struct writ_str path)
{
	size_t n;

	for (n = 0; n <= path.len; n++) {
		if (n > 0 && n < path.len && path.ptr[n] != '/')
			continue;
		at.literal = writ_str(path.ptr, n);
		find_at(f, &at, path);
	}
}

static void
find_kind(const struct finding *f, const struct writ_http_request *rq, bool grant,
    struct writ_str path)
{
	struct place at = { grant, rq->https, false, rq->port, rq->host,
		{ "", 0 } };
	struct writ_str rest;

	find_host(f, at, path);
	if (rq->address)
		return;
	(void)writ_str_cut(rq->host, '.', &rest);
	if (!rest.ptr)
		return;
	at.host = rest;
	at.any_label = true;
	find_host(f, at, path);
}

void
writ_http_find(const struct writ_policy *p, const struct writ_http_request *rq,
    void (*visit)(void *ctx, const struct writ_http_entry *e), void *ctx)
{
	struct finding f = { p, visit, ctx };
	char folded[WRIT_FOLD_ROOM(WRIT_HTTP_TARGET_MAX + 1)];

	if (p->http_deny_count > 0) {
		if (rq->path.len > WRIT_HTTP_TARGET_MAX + 1)
			WRIT_BUG("a path that was not read");
		find_kind(&f, rq, false, writ_str(folded,
		    writ_fold_path(rq->path, false, folded)));
	}
	if (p->http_count > 0)
		find_kind(&f, rq, true, rq->path);
}

/* ---- queries */

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Whether canonical query text, decoded, is `plain`. */
static bool
decodes_to(struct writ_str s, const char *plain)
{
	size_t i, k;

	for (i = k = 0; i < s.len; i++, k++) {
		int c = (unsigned char)s.ptr[i];

		if (c == '%') {
			c = hex(s.ptr[i + 1]) * 16 + hex(s.ptr[i + 2]);
			i += 2;
		}
		if (!c || (unsigned char)plain[k] != c)
			return false;
	}
	return plain[k] == '\0';
}

static const struct writ_http_key *
key_of(const struct writ_http_shape *s, struct writ_str name)
{
	size_t i;

	for (i = 0; i < s->query_count; i++)
		if (decodes_to(name, s->query[i].name))
			return &s->query[i];
	return NULL;
}

static bool
value_fits(const struct writ_http_key *k, struct writ_str value)
{
	size_t i;

	if (!k->values)
		return true;
	for (i = 0; k->values[i]; i++)
		if (decodes_to(value, k->values[i]))
			return true;
	return false;
}

/* Names are listed ones by now, so equal ones have one key. */
static bool
said_before(const struct writ_http_shape *s, struct writ_str query,
    const char *upto, const struct writ_http_key *k)
{
	struct writ_str rest = query, pair, value;

	while (rest.ptr && rest.ptr < upto) {
		pair = writ_str_cut(rest, '&', &rest);
		if (pair.ptr >= upto)
			break;
		if (key_of(s, writ_str_cut(pair, '=', &value)) == k)
			return true;
	}
	return false;
}

bool
writ_http_query_fits(const struct writ_http_shape *s, struct writ_str query,
    struct writ_str *which)
{
	struct writ_str rest = query, pair, value;
	const struct writ_http_key *k;

	while (rest.ptr) {
		pair = writ_str_cut(rest, '&', &rest);
		*which = writ_str_cut(pair, '=', &value);
		if (!value.ptr)
			value = WRIT_STR("");
		k = key_of(s, *which);
		if (!k || !value_fits(k, value) ||
		    said_before(s, query, pair.ptr, k))
			return false;
	}
	return true;
}

/* ---- fields */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

struct writ_str
writ_http_media_type(struct writ_str value)
{
	struct writ_str rest, type = writ_str_cut(value, ';', &rest);

	while (type.len && (type.ptr[0] == ' ' || type.ptr[0] == '\t'))
		type = writ_str_skip(type, 1);
	while (type.len && (type.ptr[type.len - 1] == ' ' ||
	    type.ptr[type.len - 1] == '\t'))
		type.len--;
	return type;
}

bool
writ_http_type_in(char *const *list, struct writ_str type)
{
	size_t i, k;

	for (i = 0; list && list[i]; i++) {
		for (k = 0; k < type.len && list[i][k] == lower(type.ptr[k]);
		    k++)
			;
		if (k == type.len && list[i][k] == '\0')
			return true;
	}
	return false;
}

bool
writ_http_usual_header(struct writ_str name)
{
	static const char *const usual[] = { "accept", "accept-language",
		"content-type", "content-length" };
	size_t i;

	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (writ_str_is(name, usual[i]))
			return true;
	return false;
}

bool
writ_http_grant_https(const struct writ_http_grant *g)
{
	return g->shape->https;
}
