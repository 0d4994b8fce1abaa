/* http and sockets: read and checked in full, offered later. */
#include "policy/parts.h"
#include "policy/url.h"

#define AT(s, f) offsetof(struct s, f)

#define RATE_MAX 1000000
#define BODY_MAX (64 * WRIT_GIB)

/* Headers that the broker writes itself or that belong to one hop. */
static const char *const broker_headers[] = { "connection", "host",
	"keep-alive", "proxy-authenticate", "proxy-authorization",
	"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	"user-agent" };

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

enum writ_status
writ_doc_url(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str *out = field;
	enum writ_status st = writ_doc_plain_text(d, n, out);
	struct writ_url u;
	const char *why;

	if (st != WRIT_OK)
		return st;
	why = writ_url_read(*out, true, &u);
	return why ? writ_doc_bad(d, n, "%s", why) : WRIT_OK;
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

enum writ_status
writ_doc_methods(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	enum writ_status st = writ_doc_is_set(d, list, "methods");
	const struct writ_yaml_node *n;
	struct writ_str s;

	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		st = writ_doc_plain_text(d, n, &s);
		if (st != WRIT_OK)
			return st;
		if (!is_method(s))
			return writ_doc_bad(d, n, "\"%.40s\" is not a method in "
			    "capitals", s.ptr);
		if (writ_str_is(s, "CONNECT") || writ_str_is(s, "TRACE") ||
		    writ_str_is(s, "TRACK"))
			return writ_doc_bad(d, n, "%.8s is never allowed",
			    s.ptr);
	}
	return WRIT_OK;
}

/* A lower-case field name (RFC 9110, token). */
static bool
is_header(struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    (c <= 0 || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return s.len > 0 && s.len <= 128;
}

static enum writ_status
check_header(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str s, bool request)
{
	size_t i;

	if (!is_header(s))
		return writ_doc_bad(d, n, "\"%.40s\" is not a header name in "
		    "lower case", s.ptr);
	for (i = 0; i < sizeof(broker_headers) / sizeof(char *); i++)
		if (request && writ_str_is(s, broker_headers[i]))
			return writ_doc_bad(d, n, "the header %s is not the "
			    "guest's to set", s.ptr);
	return WRIT_OK;
}

/* k->min tells a request's headers from a response's. */
static enum writ_status
read_headers(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	enum writ_status st = writ_doc_is_list(d, list);
	const struct writ_yaml_node *n;
	struct writ_str s;

	if (st == WRIT_OK && list->count > 0)
		st = writ_doc_is_set(d, list, "headers");
	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		st = writ_doc_plain_text(d, n, &s);
		if (st == WRIT_OK)
			st = check_header(d, n, s, k->min != 0);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

/* A set of texts; values of a query may be empty, names may not. */
static enum writ_status
check_texts(struct writ_doc *d, const struct writ_yaml_node *list,
    const char *of, bool values)
{
	enum writ_status st = writ_doc_is_set(d, list, of);
	const struct writ_yaml_node *n;
	struct writ_str s;

	for (n = list->first; n && st == WRIT_OK; n = n->next)
		if (!values || n->kind != WRIT_YAML_SCALAR || n->plain ||
		    n->text.len > 0)
			st = writ_doc_plain_text(d, n, &s);
	return st;
}

/* A list of allowed names, or a map of names to their allowed values. */
static enum writ_status
read_query(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_yaml_node *v;
	enum writ_status st;

	if (n->kind == WRIT_YAML_SCALAR)
		return writ_doc_bad(d, n, "a list of names or a map of names to "
		    "values is needed here");
	if (n->count == 0)
		return writ_doc_bad(d, n, "an empty query; leave the key out");
	if (n->kind == WRIT_YAML_LIST)
		return check_texts(d, n, "query names", false);
	for (v = n->first; v; v = v->next) {
		st = check_texts(d, v, "values", true);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

struct body_doc {
	uint64_t max;
};

/* Of a request (k->min 1) or a response; see read_headers. */
static enum writ_status
read_body(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_doc_key rows[] = {
		{ "headers", false, read_headers, 0, k->min, 0, NULL },
		{ "max", false, writ_doc_size, AT(body_doc, max), 0, BODY_MAX,
		    NULL },
	};
	struct body_doc b = { 0 };

	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), &b);
}

static enum writ_status
read_rate(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s, unit, count;
	enum writ_status st = writ_doc_plain_text(d, n, &s);
	uint64_t v;

	if (st != WRIT_OK)
		return st;
	count = writ_str_cut(s, '/', &unit);
	if (writ_str_u64(count, RATE_MAX, &v) != WRIT_OK || v == 0 ||
	    (!writ_str_is(unit, "s") && !writ_str_is(unit, "min") &&
	    !writ_str_is(unit, "h") && !writ_str_is(unit, "day")))
		return writ_doc_bad(d, n, "\"%.40s\" is not a rate such as "
		    "30/min (s, min, h or day)", s.ptr);
	return WRIT_OK;
}

/* Takes `${secret:NAME}` from the front of s; false when something else follows. */
static bool
cut_secret(struct writ_str *s)
{
	const struct writ_str open = WRIT_STR("${secret:");
	struct writ_str rest, name;

	if (!writ_str_starts(*s, open))
		return false;
	name = writ_str_cut(writ_str_skip(*s, open.len), '}', &rest);
	if (!rest.ptr || !writ_doc_good_name(name))
		return false;
	*s = rest;
	return true;
}

/* The value is never repeated in a message: it may hold half a secret. */
static enum writ_status
read_credential_value(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_literal(d, n, &s);
	size_t secrets = 0;

	if (st != WRIT_OK)
		return st;
	while (s.len > 0) {
		unsigned char c = (unsigned char)s.ptr[0];

		if (c < 0x20 || c >= 0x7f)
			return writ_doc_bad(d, n,
			    "a character that no header value has");
		if (writ_str_starts(s, WRIT_STR("$${"))) {
			s = writ_str_skip(s, 3);
		} else if (c == '$' && s.len > 1 && s.ptr[1] == '{') {
			if (!cut_secret(&s))
				return writ_doc_bad(d, n, "only ${secret:NAME} "
				    "is known here; \"${\" is written \"$${\"");
			secrets++;
		} else {
			s = writ_str_skip(s, 1);
		}
	}
	return secrets ? WRIT_OK : writ_doc_bad(d, n,
	    "no ${secret:NAME} in it; a secret does not belong in a writ");
}

static enum writ_status
read_credential_header(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_plain_text(d, n, &s);

	return st == WRIT_OK ? check_header(d, n, s, true) : st;
}

static enum writ_status
read_credential(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "header", true, read_credential_header, 0, 0, 0, NULL },
		{ "value", true, read_credential_value, 0, 0, 0, NULL },
	};
	char none;

	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), &none);
}

enum writ_status
writ_doc_addresses(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	enum writ_status st = writ_doc_is_set(d, list, "address ranges");
	const struct writ_yaml_node *n;
	struct writ_str s;
	const char *why;

	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		st = writ_doc_plain_text(d, n, &s);
		if (st != WRIT_OK)
			return st;
		why = writ_url_range(s);
		if (why)
			return writ_doc_bad(d, n, "\"%.60s\": %s", s.ptr, why);
	}
	return WRIT_OK;
}

enum writ_status
writ_doc_connect(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str *out = field;
	enum writ_status st = writ_doc_plain_text(d, n, out);
	struct writ_url u;
	const char *why;

	if (st != WRIT_OK)
		return st;
	if (!writ_str_starts(*out, WRIT_STR("tcp://")) &&
	    !writ_str_starts(*out, WRIT_STR("udp://")))
		return writ_doc_bad(d, n, "tcp://HOST:PORT or udp://HOST:PORT is "
		    "needed here");
	why = writ_url_host_port(writ_str_skip(*out, 6), &u);
	return why ? writ_doc_bad(d, n, "%s", why) : WRIT_OK;
}

struct net_doc {
	struct writ_str name, url, connect;
	unsigned ask;
	bool durable;
};

static const struct writ_doc_key http_rows[] = {
	{ "name", true, writ_doc_name, AT(net_doc, name), 0, 0, NULL },
	{ "methods", true, writ_doc_methods, 0, 0, 0, NULL },
	{ "url", true, writ_doc_url, AT(net_doc, url), 0, 0, NULL },
	{ "query", false, read_query, 0, 0, 0, NULL },
	{ "request", false, read_body, 0, 1, 0, NULL },
	{ "response", false, read_body, 0, 0, 0, NULL },
	{ "rate", false, read_rate, 0, 0, 0, NULL },
	{ "credential", false, read_credential, 0, 0, 0, NULL },
	{ "addresses", false, writ_doc_addresses, 0, 0, 0, NULL },
	{ "ask", false, writ_doc_ask, AT(net_doc, ask), 0, 0, NULL },
	{ "durable", false, writ_doc_bool, AT(net_doc, durable), 0, 0, NULL },
};

static const struct writ_doc_key sockets_rows[] = {
	{ "name", true, writ_doc_name, AT(net_doc, name), 0, 0, NULL },
	{ "connect", true, writ_doc_connect, AT(net_doc, connect), 0, 0, NULL },
	{ "addresses", false, writ_doc_addresses, 0, 0, 0, NULL },
	{ "ask", false, writ_doc_ask, AT(net_doc, ask), 0, 0, NULL },
	{ "durable", false, writ_doc_bool, AT(net_doc, durable), 0, 0, NULL },
};

static enum writ_status
read_list(struct writ_doc *d, const struct writ_yaml_node *list,
    const char *kind, const struct writ_doc_key *rows, size_t count)
{
	const struct writ_yaml_node *n;
	enum writ_status st;

	writ_doc_in(d, kind);
	st = writ_doc_is_list(d, list);
	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		struct net_doc f = { 0 };

		st = writ_doc_entry(d, n, kind, rows, count, &f);
		if (st != WRIT_OK)
			return st;
		writ_doc_unbuilt(d, kind, f.name, n);
		writ_doc_wants_random(d, kind, f.name, n);
	}
	return WRIT_OK;
}

enum writ_status
writ_doc_http(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	return read_list(d, list, "http", WRIT_DOC_ROWS(http_rows));
}

enum writ_status
writ_doc_sockets(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	return read_list(d, list, "sockets", WRIT_DOC_ROWS(sockets_rows));
}
