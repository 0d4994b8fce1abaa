/* http entries: what they match, and what they bound. */
#include "base/http.h"
#include "policy/address.h"
#include "policy/fold.h"
#include "policy/http_shape.h"
#include "policy/parts.h"
#include "policy/url.h"

#define AT(s, f) offsetof(struct s, f)

#define RATE_MAX WRIT_BUDGET_RATE_MAX
#define BODY_MAX (64 * WRIT_GIB)

static const struct writ_doc_word asks[] = {
	{ "never", 0 }, { "first", 1 }, { "each", 2 }, { NULL, 0 },
};

enum writ_status
writ_doc_ask(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_doc_key row = *k;

	row.more = asks;
	return writ_doc_pick(d, n, &row, field);
}

/* field: struct writ_http_shape */
static enum writ_status
read_url(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_http_shape *s = field;
	writ_auto_release(writ_buf) path;
	struct writ_str text;
	enum writ_status st = writ_doc_plain_text(d, n, &text);
	struct writ_url u;
	const char *why;

	if (st != WRIT_OK)
		return st;
	why = writ_url_read(text, true, &u);
	if (why)
		return writ_doc_bad(d, n, "%s", why);
	writ_buf_init(&path, WRIT_DOC_STRING_MAX);
	writ_url_path(u.path, &path);
	if (writ_buf_status(&path) != WRIT_OK)
		return writ_doc_nomem(d);
	s->https = u.https;
	s->any_label = u.any_label;
	s->address = u.address;
	s->port = u.port;
	s->host = writ_str_dup(u.host);
	s->path = writ_str_dup(writ_buf_view(&path));
	if (!s->host || !s->path)
		return writ_doc_nomem(d);
	s->literal = writ_http_literal(writ_buf_view(&path));
	return WRIT_OK;
}

static bool
is_method(struct writ_str s)
{
	size_t i;

	if (s.len == 0 || s.len > 32)
		return false;
	for (i = 0; i < s.len; i++)
		if ((s.ptr[i] < 'A' || s.ptr[i] > 'Z') &&
		    (i == 0 || s.ptr[i] != '-'))
			return false;
	return true;
}

/* A list of texts, each checked by `check` (with `which`), copied into *out. */
static enum writ_status
copy_texts(struct writ_doc *d, const struct writ_yaml_node *list,
    enum writ_status (*check)(struct writ_doc *d,
    const struct writ_yaml_node *n, struct writ_str s, int which), int which,
    char ***out)
{
	const struct writ_yaml_node *n;
	enum writ_status st = WRIT_OK;
	struct writ_str s;
	size_t i = 0;
	char **v = writ_alloc(list->count + 1, sizeof(*v));

	if (!v)
		return writ_doc_nomem(d);
	*out = v;
	for (n = list->first; n && st == WRIT_OK; n = n->next) {
		st = writ_doc_plain_text(d, n, &s);
		if (st == WRIT_OK)
			st = check(d, n, s, which);
		if (st != WRIT_OK)
			break;
		v[i] = writ_str_dup(s);
		if (!v[i++])
			st = writ_doc_nomem(d);
	}
	return st;
}

static enum writ_status
check_method(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str s, int which)
{
	if (!is_method(s))
		return writ_doc_bad(d, n, "\"%.40s\" is not a method in "
		    "capitals", s.ptr);
	if (writ_str_is(s, "CONNECT") || writ_str_is(s, "TRACE") ||
	    writ_str_is(s, "TRACK"))
		return writ_doc_bad(d, n, "%.8s is never allowed", s.ptr);
	return WRIT_OK;
}

/* field: char ** */
static enum writ_status
read_methods(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	enum writ_status st = writ_doc_is_set(d, list, "methods");

	return st == WRIT_OK ? copy_texts(d, list, check_method, 0, field) : st;
}

/* A lower-case field name (RFC 9110, token). */
static bool
is_header(struct writ_str s)
{
	return writ_http_is_name(s) && s.len <= 128;
}

static enum writ_status
check_header(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str s, int request)
{
	if (!is_header(s))
		return writ_doc_bad(d, n, "\"%.40s\" is not a header name in "
		    "lower case", s.ptr);
	if (request && writ_http_not_guests(s))
		return writ_doc_bad(d, n, "the header %s is not the guest's to "
		    "set", s.ptr);
	return WRIT_OK;
}

static enum writ_status
read_headers(struct writ_doc *d, const struct writ_yaml_node *list, int request,
    char ***out)
{
	enum writ_status st = writ_doc_is_list(d, list);

	if (st == WRIT_OK && list->count > 0)
		st = writ_doc_is_set(d, list, "headers");
	return st == WRIT_OK ? copy_texts(d, list, check_header, request, out) :
	    st;
}

static enum writ_status
check_type(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str s, int which)
{
	struct writ_str sub, type = writ_str_cut(s, '/', &sub);

	if (!is_header(type) || !is_header(sub))
		return writ_doc_bad(d, n, "\"%.60s\" is not a media type such "
		    "as application/json, in lower case", s.ptr);
	return WRIT_OK;
}

/* field: char ** */
static enum writ_status
read_types(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	enum writ_status st = writ_doc_is_set(d, list, "types");

	return st == WRIT_OK ? copy_texts(d, list, check_type, 0, field) : st;
}

/* ---- query */

/* A text that may be empty when it is quoted. */
static enum writ_status
read_value(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str *s)
{
	if (n->kind == WRIT_YAML_SCALAR && !n->plain && n->text.len == 0) {
		*s = WRIT_STR("");
		return WRIT_OK;
	}
	return writ_doc_plain_text(d, n, s);
}

static enum writ_status
read_values(struct writ_doc *d, const struct writ_yaml_node *list, char ***out)
{
	enum writ_status st = writ_doc_is_set(d, list, "values");
	const struct writ_yaml_node *n;
	struct writ_str s;
	size_t i = 0;

	if (st != WRIT_OK)
		return st;
	*out = writ_alloc(list->count + 1, sizeof(**out));
	if (!*out)
		return writ_doc_nomem(d);
	for (n = list->first; n; n = n->next) {
		st = read_value(d, n, &s);
		if (st != WRIT_OK)
			return st;
		(*out)[i] = writ_str_dup(s);
		if (!(*out)[i++])
			return writ_doc_nomem(d);
	}
	return WRIT_OK;
}

/* A list of allowed names, or a map of names to their allowed values; field: struct
 * writ_http_shape. */
static enum writ_status
read_query(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_http_shape *s = field;
	const struct writ_yaml_node *v;
	enum writ_status st = WRIT_OK;
	struct writ_str name;

	if (n->kind == WRIT_YAML_SCALAR)
		return writ_doc_bad(d, n, "a list of names or a map of names to "
		    "values is needed here");
	if (n->count == 0)
		return writ_doc_bad(d, n, "an empty query; leave the key out");
	if (n->kind == WRIT_YAML_LIST)
		st = writ_doc_is_set(d, n, "query names");
	if (st != WRIT_OK)
		return st;
	s->query = writ_alloc(n->count, sizeof(s->query[0]));
	if (!s->query)
		return writ_doc_nomem(d);
	for (v = n->first; v; v = v->next) {
		struct writ_http_key *key = &s->query[s->query_count++];

		name = v->key;
		if (n->kind == WRIT_YAML_LIST)
			st = writ_doc_plain_text(d, v, &name);
		else
			st = read_values(d, v, &key->values);
		if (st != WRIT_OK)
			return st;
		key->name = writ_str_dup(name);
		if (!key->name)
			return writ_doc_nomem(d);
	}
	return WRIT_OK;
}

/* ---- bodies */

/* One entry being read. */
struct http_doc {
	struct writ_str name;
	struct writ_http_grant *g;
	unsigned ask;
	bool durable;
	uint64_t request_max, response_max;	/* UINT64_MAX: not said */
};

static const struct writ_doc_word operation_fields[] = {
	{ "operationName", 0 }, { "method", 1 }, { NULL, 0 },
};

struct operations_doc {
	struct writ_http_grant *g;
	unsigned field;
};

static enum writ_status
check_operation(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str s, int which)
{
	if (s.len > 256)
		return writ_doc_bad(d, n, "an operation of more than 256 bytes");
	return WRIT_OK;
}

static enum writ_status
read_operation_values(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	struct operations_doc *o = field;
	enum writ_status st = writ_doc_is_set(d, list, "values");

	return st == WRIT_OK ? copy_texts(d, list, check_operation, 0,
	    &o->g->operations) : st;
}

/* A body of JSON whose one field says what it asks for (GraphQL, JSON-RPC). */
static enum writ_status
read_operations(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "field", true, writ_doc_pick, AT(operations_doc, field), 0, 0,
		    operation_fields },
		{ "values", true, read_operation_values, 0, 0, 0, NULL },
	};
	struct operations_doc o = { ((struct http_doc *)field)->g, 0 };
	enum writ_status st = writ_doc_map(d, n, WRIT_DOC_ROWS(rows), &o);

	if (st != WRIT_OK)
		return st;
	o.g->operation_field = writ_str_dup(writ_str_from(
	    operation_fields[o.field].word));
	return o.g->operation_field ? WRIT_OK : writ_doc_nomem(d);
}

static enum writ_status
request_headers(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	return read_headers(d, list, 1,
	    &((struct http_doc *)field)->g->shape->headers);
}

static enum writ_status
request_types(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	return read_types(d, list, k,
	    &((struct http_doc *)field)->g->shape->types);
}

static enum writ_status
response_headers(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	return read_headers(d, list, 0,
	    &((struct http_doc *)field)->g->response_headers);
}

static enum writ_status
response_types(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	return read_types(d, list, k,
	    &((struct http_doc *)field)->g->response_types);
}

static enum writ_status
read_request(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "headers", false, request_headers, 0, 0, 0, NULL },
		{ "max", false, writ_doc_size, AT(http_doc, request_max), 0,
		    BODY_MAX, NULL },
		{ "types", false, request_types, 0, 0, 0, NULL },
		{ "operations", false, read_operations, 0, 0, 0, NULL },
	};

	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), field);
}

static enum writ_status
read_response(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "headers", false, response_headers, 0, 0, 0, NULL },
		{ "max", false, writ_doc_size, AT(http_doc, response_max), 0,
		    BODY_MAX, NULL },
		{ "types", false, response_types, 0, 0, 0, NULL },
	};

	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), field);
}

/* ---- budgets and hours */

static const struct { const char *word; uint64_t ms; } rate_units[] = {
	{ "s", 1000 }, { "min", 60 * 1000 }, { "h", 3600 * 1000 },
	{ "day", 24 * 3600 * 1000 },
};

static enum writ_status
no_rate(struct writ_doc *d, const struct writ_yaml_node *n, struct writ_str s)
{
	return writ_doc_bad(d, n, "\"%.40s\" is not a rate such as 30/min (s, "
	    "min, h or day)", s.ptr);
}

static enum writ_status
read_rate(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_http_grant *g = ((struct http_doc *)field)->g;
	struct writ_str s, unit, count;
	enum writ_status st;
	uint64_t v;
	size_t i;

	/* quotes would not make it one */
	if (n->kind == WRIT_YAML_SCALAR && writ_str_u64(n->text, UINT64_MAX,
	    &v) == WRIT_OK)
		return no_rate(d, n, n->text);
	st = writ_doc_plain_text(d, n, &s);
	if (st != WRIT_OK)
		return st;
	count = writ_str_cut(s, '/', &unit);
	for (i = 0; i < sizeof(rate_units) / sizeof(rate_units[0]); i++)
		if (writ_str_is(unit, rate_units[i].word))
			break;
	if (writ_str_u64(count, RATE_MAX, &v) != WRIT_OK || v == 0 ||
	    i == sizeof(rate_units) / sizeof(rate_units[0]))
		return no_rate(d, n, s);
	g->rate_count = v;
	g->rate_window_ms = rate_units[i].ms;
	return WRIT_OK;
}

static enum writ_status
read_concurrency(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return writ_doc_count(d, n, k, &((struct http_doc *)field)->g->concurrency);
}

static enum writ_status
read_total(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "requests", false, writ_doc_count,
		    AT(writ_http_grant, total_requests), 1, 1ull << 53, NULL },
		{ "bytes", false, writ_doc_size,
		    AT(writ_http_grant, total_bytes), 1, 1024 * WRIT_GIB, NULL },
	};

	if (n->kind == WRIT_YAML_MAP && n->count == 0)
		return writ_doc_bad(d, n, "requests or bytes is needed here");
	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows),
	    ((struct http_doc *)field)->g);
}

static bool
read_day(struct writ_str s, unsigned *day)
{
	static const char *const days[] = { "mon", "tue", "wed", "thu", "fri",
		"sat", "sun" };
	unsigned i;

	for (i = 0; i < 7; i++)
		if (writ_str_is(s, days[i])) {
			*day = i;
			return true;
		}
	return false;
}

/* "08:30" in minutes; 24:00 is the end of a day. */
static bool
read_minute(struct writ_str s, unsigned *out)
{
	uint64_t h, m;

	if (s.len != 5 || s.ptr[2] != ':' || s.ptr[0] < '0' || s.ptr[0] > '2' ||
	    s.ptr[3] < '0' || s.ptr[3] > '5' || s.ptr[1] < '0' ||
	    s.ptr[1] > '9' || s.ptr[4] < '0' || s.ptr[4] > '9')
		return false;
	h = (uint64_t)(s.ptr[0] - '0') * 10 + (uint64_t)(s.ptr[1] - '0');
	m = (uint64_t)(s.ptr[3] - '0') * 10 + (uint64_t)(s.ptr[4] - '0');
	*out = (unsigned)(h * 60 + m);
	return h * 60 + m <= 24 * 60;
}

/* "mon-fri 08:00-18:00" as one window a day, in `out` (room for 7). */
static size_t
read_window(struct writ_str s, struct writ_http_hours *out)
{
	struct writ_str times, to, last, days = writ_str_cut(s, ' ', &times);
	struct writ_str first = writ_str_cut(days, '-', &last);
	struct writ_str from = writ_str_cut(times, '-', &to);
	unsigned a, b, lo, hi;
	size_t n = 0;

	if (!times.ptr || !to.ptr || !read_minute(from, &lo) ||
	    !read_minute(to, &hi) || lo >= hi)
		return 0;
	if (!last.ptr && writ_str_is(first, "daily")) {
		a = 0;
		b = 6;
	} else if (!read_day(first, &a) || (last.ptr && !read_day(last, &b))) {
		return 0;
	} else if (!last.ptr) {
		b = a;
	}
	for (; a <= b; a++)
		out[n++] = (struct writ_http_hours){ a * 1440 + lo,
			a * 1440 + hi };
	return n;
}

static enum writ_status
read_hours(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	struct writ_http_shape *shape = ((struct http_doc *)field)->g->shape;
	enum writ_status st = writ_doc_is_set(d, list, "hours");
	const struct writ_yaml_node *n;
	struct writ_str s;
	size_t made;

	if (st != WRIT_OK)
		return st;
	shape->hours = writ_alloc(list->count * 7, sizeof(shape->hours[0]));
	if (!shape->hours)
		return writ_doc_nomem(d);
	for (n = list->first; n; n = n->next) {
		st = writ_doc_plain_text(d, n, &s);
		if (st != WRIT_OK)
			return st;
		made = read_window(s, shape->hours + shape->hours_count);
		if (!made)
			return writ_doc_bad(d, n, "\"%.40s\" is not a window "
			    "such as \"mon-fri 08:00-18:00\" (UTC; \"daily\", "
			    "\"sat\"; not over midnight)", s.ptr);
		shape->hours_count += made;
	}
	return WRIT_OK;
}

/* ---- credentials */

/* Takes `${secret:NAME}` from the front of s; false when something else follows. */
static bool
cut_secret(struct writ_str *s, struct writ_str *name)
{
	const struct writ_str open = WRIT_STR("${secret:");
	struct writ_str rest;

	if (!writ_str_starts(*s, open))
		return false;
	*name = writ_str_cut(writ_str_skip(*s, open.len), '}', &rest);
	if (!rest.ptr || !writ_doc_good_name(*name))
		return false;
	*s = rest;
	return true;
}

/* The next part: text, and then a secret if one follows; false: something wrong, in *why. */
static bool
cut_part(struct writ_str *s, struct writ_buf *text, struct writ_str *secret,
    const char **why)
{
	*secret = (struct writ_str){ NULL, 0 };
	while (s->len > 0) {
		unsigned char c = (unsigned char)s->ptr[0];

		if (c < 0x20 || c >= 0x7f) {
			*why = "a character that no header value has";
			return false;
		}
		if (writ_str_starts(*s, WRIT_STR("$${"))) {
			writ_buf_cstr(text, "${");
			*s = writ_str_skip(*s, 3);
		} else if (c == '$' && s->len > 1 && s->ptr[1] == '{') {
			if (cut_secret(s, secret))
				return true;
			*why = "only ${secret:NAME} is known here; \"${\" is "
			    "written \"$${\"";
			return false;
		} else {
			writ_buf_char(text, (char)c);
			*s = writ_str_skip(*s, 1);
		}
	}
	return true;
}

static enum writ_status
keep_part(struct writ_doc *d, struct writ_http_grant *g,
    const struct writ_buf *text, struct writ_str secret)
{
	struct writ_credential_part *part =
	    &g->credential[g->credential_parts++];

	part->text = writ_str_dup(writ_buf_view(text));
	part->secret = secret.ptr ? writ_str_dup(secret) : NULL;
	return part->text && (part->secret || !secret.ptr) ? WRIT_OK :
	    writ_doc_nomem(d);
}

/* The value is never repeated in a message: it may hold half a secret. */
static enum writ_status
read_credential_value(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_http_grant *g = ((struct http_doc *)field)->g;
	struct writ_str s, secret;
	enum writ_status st = writ_doc_literal(d, n, &s);
	const char *why = NULL;
	size_t secrets = 0;

	if (st != WRIT_OK)
		return st;
	/* each part but the last ends in a secret of 12 characters or more */
	g->credential = writ_alloc(s.len / 10 + 1, sizeof(g->credential[0]));
	if (!g->credential)
		return writ_doc_nomem(d);
	do {
		writ_auto_release(writ_buf) text;

		writ_buf_init(&text, WRIT_DOC_STRING_MAX);
		if (!cut_part(&s, &text, &secret, &why))
			return writ_doc_bad(d, n, "%s", why);
		st = keep_part(d, g, &text, secret);
		secrets += secret.ptr != NULL;
	} while (st == WRIT_OK && s.len > 0);
	if (st != WRIT_OK)
		return st;
	return secrets ? WRIT_OK : writ_doc_bad(d, n,
	    "no ${secret:NAME} in it; a secret does not belong in a writ");
}

static enum writ_status
read_credential_header(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_http_grant *g = ((struct http_doc *)field)->g;
	struct writ_str s;
	enum writ_status st = writ_doc_plain_text(d, n, &s);

	if (st == WRIT_OK && !k->max)
		st = check_header(d, n, s, true);
	if (st == WRIT_OK && writ_str_is(s, "content-length"))
		return writ_doc_bad(d, n, "not a credential's header");
	if (st == WRIT_OK && g->credential_name)
		return writ_doc_bad(d, n, "either header or query");
	if (st != WRIT_OK)
		return st;
	g->credential_query = k->max != 0;
	g->credential_name = writ_str_dup(s);
	return g->credential_name ? WRIT_OK : writ_doc_nomem(d);
}

static enum writ_status
read_scrub(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return writ_doc_bool(d, n, k, &((struct http_doc *)field)->g->scrub);
}

static enum writ_status
read_credential(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "header", false, read_credential_header, 0, 0, 0, NULL },
		{ "query", false, read_credential_header, 0, 0, 1, NULL },
		{ "value", true, read_credential_value, 0, 0, 0, NULL },
		{ "scrub", false, read_scrub, 0, 0, 0, NULL },
	};
	enum writ_status st = writ_doc_map(d, n, WRIT_DOC_ROWS(rows), field);

	if (st == WRIT_OK && !((struct http_doc *)field)->g->credential_name)
		return writ_doc_bad(d, n, "header or query is needed here");
	return st;
}

/* ---- where it leads */

enum writ_status
writ_doc_ranges(struct writ_doc *d, const struct writ_yaml_node *list,
    struct writ_range **out, size_t *count)
{
	enum writ_status st = writ_doc_is_set(d, list, "address ranges");
	const struct writ_yaml_node *n;
	struct writ_str s;
	const char *why;

	if (st != WRIT_OK)
		return st;
	*out = writ_alloc(list->count, sizeof(**out));
	if (!*out)
		return writ_doc_nomem(d);
	for (n = list->first; n; n = n->next) {
		st = writ_doc_plain_text(d, n, &s);
		if (st != WRIT_OK)
			return st;
		why = writ_range_read(s, &(*out)[*count]);
		if (why)
			return writ_doc_bad(d, n, "\"%.60s\": %s", s.ptr, why);
		++*count;
	}
	return WRIT_OK;
}

static enum writ_status
read_addresses(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	struct writ_http_grant *g = ((struct http_doc *)field)->g;

	return writ_doc_ranges(d, list, &g->addresses, &g->addresses_count);
}

static enum writ_status
read_ca(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_http_grant *g = ((struct http_doc *)field)->g;
	struct writ_str s;
	enum writ_status st = writ_doc_plain_text(d, n, &s);

	if (st != WRIT_OK)
		return st;
	if (s.ptr[0] == '~')
		return writ_doc_bad(d, n, "\"~\" is not expanded; write the path "
		    "in full");
	g->ca_file = writ_str_dup(s);
	return g->ca_file ? WRIT_OK : writ_doc_nomem(d);
}

/* SHA-256 of a public key, in base64 (RFC 7469 2.4). */
static enum writ_status
check_pin(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str s, int which)
{
	size_t i, begin = strlen("sha256//");

	if (!writ_str_starts(s, WRIT_STR("sha256//")) || s.len != begin + 44 ||
	    s.ptr[s.len - 1] != '=')
		return writ_doc_bad(d, n, "a pin is sha256// and 44 characters "
		    "of base64");
	for (i = begin; i < s.len - 1; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
		    "wxyz0123456789+/", s.ptr[i]))
			return writ_doc_bad(d, n, "a pin is sha256// and 44 "
			    "characters of base64");
	return WRIT_OK;
}

static enum writ_status
read_pins(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	struct writ_http_grant *g = ((struct http_doc *)field)->g;
	enum writ_status st = writ_doc_is_set(d, list, "pins");
	writ_auto_release(writ_buf) all;
	char **v = NULL;
	size_t i;

	if (st == WRIT_OK && list->count > 16)
		return writ_doc_bad(d, list, "more than 16 pins");
	if (st == WRIT_OK)
		st = copy_texts(d, list, check_pin, 0, &v);
	writ_buf_init(&all, WRIT_DOC_STRING_MAX);
	for (i = 0; st == WRIT_OK && v[i]; i++) {
		writ_buf_cstr(&all, i ? ";" : "");
		writ_buf_cstr(&all, v[i]);
	}
	writ_texts_free(v);
	if (st != WRIT_OK)
		return st;
	g->pins = writ_buf_status(&all) == WRIT_OK ?
	    writ_str_dup(writ_buf_view(&all)) : NULL;
	return g->pins ? WRIT_OK : writ_doc_nomem(d);
}

static enum writ_status
read_tls(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "ca", false, read_ca, 0, 0, 0, NULL },
		{ "pins", false, read_pins, 0, 0, 0, NULL },
	};

	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), field);
}

/* ---- entries */

static enum writ_status
http_url(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return read_url(d, n, k, ((struct http_doc *)field)->g->shape);
}

static enum writ_status
http_methods(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return read_methods(d, n, k,
	    &((struct http_doc *)field)->g->shape->methods);
}

static enum writ_status
http_query(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return read_query(d, n, k, ((struct http_doc *)field)->g->shape);
}

static const struct writ_doc_key http_rows[] = {
	{ "name", true, writ_doc_name, AT(http_doc, name), 0, 0, NULL },
	{ "methods", true, http_methods, 0, 0, 0, NULL },
	{ "url", true, http_url, 0, 0, 0, NULL },
	{ "query", false, http_query, 0, 0, 0, NULL },
	{ "request", false, read_request, 0, 0, 0, NULL },
	{ "response", false, read_response, 0, 0, 0, NULL },
	{ "rate", false, read_rate, 0, 0, 0, NULL },
	{ "concurrency", false, read_concurrency, 0, 1, 1000000, NULL },
	{ "total", false, read_total, 0, 0, 0, NULL },
	{ "hours", false, read_hours, 0, 0, 0, NULL },
	{ "credential", false, read_credential, 0, 0, 0, NULL },
	{ "addresses", false, read_addresses, 0, 0, 0, NULL },
	{ "tls", false, read_tls, 0, 0, 0, NULL },
	{ "ask", false, writ_doc_ask, AT(http_doc, ask), 0, 0, NULL },
	{ "durable", false, writ_doc_bool, AT(http_doc, durable), 0, 0, NULL },
};

/* Whether the guest may say what the credential says. */
static bool
guests_too(const struct writ_http_grant *g)
{
	struct writ_str name = writ_str_from(g->credential_name);
	size_t i;

	if (!g->credential_query)
		return g->shape->headers ?
		    writ_texts_have(g->shape->headers, name) :
		    writ_http_usual_header(name);
	for (i = 0; i < g->shape->query_count; i++)
		if (writ_str_is(name, g->shape->query[i].name))
			return true;
	return false;
}

static enum writ_status
check_http(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_http_grant *g)
{
	if (!g->shape->https && g->credential_name)
		return writ_doc_bad(d, n, "a credential goes over https only");
	if (g->credential_name && guests_too(g))
		return writ_doc_bad(d, n, "\"%s\" is the credential's, and not "
		    "the guest's to set", g->credential_name);
	if (!g->shape->https && (g->ca_file || g->pins))
		return writ_doc_bad(d, n, "tls is for https only");
	if (g->operation_field &&
	    g->request_max > WRIT_HTTP_OPERATION_BODY_MAX)
		return writ_doc_bad(d, n, "with operations, request.max is at "
		    "most 1MiB: the body is held back to be read");
	return WRIT_OK;
}

static enum writ_status
read_http(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_http_grant *g)
{
	struct http_doc f = { .g = g, .request_max = UINT64_MAX,
		.response_max = UINT64_MAX };
	enum writ_status st;

	g->scrub = true;
	g->shape = writ_alloc(1, sizeof(*g->shape));
	if (!g->shape)
		return writ_doc_nomem(d);
	st = writ_doc_entry(d, n, "http", WRIT_DOC_ROWS(http_rows), &f);
	if (st != WRIT_OK)
		return st;
	writ_doc_wants_random(d, "http", f.name, n);
	g->name = writ_str_dup(f.name);
	g->request_max = f.request_max != UINT64_MAX ? f.request_max :
	    g->operation_field ? WRIT_HTTP_OPERATION_BODY_MAX :
	    WRIT_DEFAULT_HTTP_REQUEST;
	g->response_max = f.response_max != UINT64_MAX ? f.response_max :
	    WRIT_DEFAULT_HTTP_RESPONSE;
	g->ask = (enum writ_ask_when)f.ask;
	g->durable = f.durable;
	g->line = n->line;
	g->column = n->column;
	return g->name ? check_http(d, n, g) : writ_doc_nomem(d);
}

enum writ_status
writ_doc_http(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_yaml_node *n;
	struct writ_policy *p = d->p;
	enum writ_status st;

	writ_doc_in(d, k->key);
	st = writ_doc_is_list(d, list);
	if (st != WRIT_OK || list->count == 0)
		return st;
	p->http = writ_alloc(list->count, sizeof(p->http[0]));
	if (!p->http)
		return writ_doc_nomem(d);
	for (n = list->first; n; n = n->next) {
		st = read_http(d, n, &p->http[p->http_count++]);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

static enum writ_status
deny_methods(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return read_methods(d, n, k, &((struct writ_http_shape *)field)->methods);
}

/* What is denied is denied in every spelling. */
static enum writ_status
fold_shape(struct writ_doc *d, struct writ_http_shape *s)
{
	struct writ_str path = writ_str_from(s->path);
	char folded[WRIT_FOLD_ROOM(WRIT_DOC_STRING_MAX)];

	if (path.len > WRIT_DOC_STRING_MAX)
		WRIT_BUG("a text that was not read");
	path = writ_str(folded, writ_fold_path(path, true, folded));
	s->literal = writ_http_literal(path);
	writ_mem_free(s->path);
	s->path = writ_str_dup(path);
	return s->path ? WRIT_OK : writ_doc_nomem(d);
}

enum writ_status
writ_doc_deny_http(struct writ_doc *d, const struct writ_yaml_node *n)
{
	static const struct writ_doc_key rows[] = {
		{ "url", true, read_url, 0, 0, 0, NULL },
		{ "methods", false, deny_methods, 0, 0, 0, NULL },
	};
	struct writ_http_deny *out =
	    &d->p->http_deny[d->p->http_deny_count++];

	enum writ_status st;

	out->shape = writ_alloc(1, sizeof(*out->shape));
	if (!out->shape)
		return writ_doc_nomem(d);
	st = writ_doc_map(d, n, WRIT_DOC_ROWS(rows), out->shape);
	return st == WRIT_OK ? fold_shape(d, out->shape) : st;
}
