#include "base/base64.h"
#include "base/http.h"
#include "base/limits.h"
#include "mcp/http_head.h"

static const struct {
	const char *name;		/* lower case */
	enum writ_http_field field;
	bool many;
} table[] = {
	{ "host",                 WRIT_HTTP_HOST,             false },
	{ "origin",               WRIT_HTTP_ORIGIN,           false },
	{ "authorization",        WRIT_HTTP_AUTHORIZATION,    false },
	{ "content-type",         WRIT_HTTP_TYPE,             false },
	{ "content-length",       WRIT_HTTP_LENGTH,           false },
	{ "transfer-encoding",    WRIT_HTTP_ENCODING,         false },
	{ "content-encoding",     WRIT_HTTP_CONTENT_ENCODING, false },
	{ "mcp-session-id",       WRIT_HTTP_SESSION,          false },
	{ "mcp-protocol-version", WRIT_HTTP_VERSION,          false },
	{ "mcp-method",           WRIT_HTTP_METHOD,           false },
	{ "mcp-name",             WRIT_HTTP_NAME,             false },
	{ "accept",               WRIT_HTTP_ACCEPT,           true },
};

static const struct writ_http_refusal
	malformed = { 400, "the head of the request is malformed" },
	forbidden_host = { 403, "this Host is not served here" },
	forbidden_origin = { 403, "this Origin is not allowed" },
	unauthorized = { 401, "a bearer token is needed" },
	not_found = { 404, "nothing here" },
	bad_method = { 405, "POST; in a session also GET and DELETE" },
	framing = { 400, "Content-Length and Transfer-Encoding disagree" },
	too_large = { 413, "the message is too long" },
	bad_type = { 415, "Content-Type must be application/json" },
	not_acceptable = { 406, "Accept must list application/json and "
	    "text/event-stream; for GET the latter" };

enum writ_http_verb
writ_http_head_verb(struct writ_str name)
{
	if (writ_str_is(name, "POST"))
		return WRIT_HTTP_POST;
	if (writ_str_is(name, "GET"))
		return WRIT_HTTP_GET;
	return writ_str_is(name, "DELETE") ? WRIT_HTTP_DELETE : WRIT_HTTP_OTHER;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Header names, types and schemes: ASCII without regard to case. */
static bool
is(struct writ_str a, const char *b)
{
	size_t i;

	if (a.len != strlen(b))
		return false;
	for (i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != b[i])
			return false;
	return true;
}

static struct writ_str
strip(struct writ_str s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = writ_str_skip(s, 1);
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* ---- one header */

static void
accept(struct writ_http_head *head, struct writ_str list)
{
	while (list.len) {
		struct writ_str rest, one = writ_str_cut(list, ',', &list);

		one = strip(writ_str_cut(one, ';', &rest));
		if (is(one, "*/*") || is(one, "application/*") ||
		    is(one, "application/json"))
			head->accepts_json = true;
		if (is(one, "*/*") || is(one, "text/*") ||
		    is(one, "text/event-stream"))
			head->accepts_stream = true;
	}
}

void
writ_http_head_add(struct writ_http_head *head, struct writ_str name,
    struct writ_str value)
{
	size_t i;

	if (++head->fields > WRIT_HTTP_FIELDS_MAX ||
	    !writ_http_is_token(name) || !writ_http_is_value(value)) {
		head->malformed = true;
		return;
	}
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct writ_str *f = &head->field[table[i].field];

		if (!is(name, table[i].name))
			continue;
		if (f->ptr && !table[i].many)
			head->malformed = true;
		*f = strip(writ_str(value.ptr ? value.ptr : "", value.len));
		if (table[i].field == WRIT_HTTP_ACCEPT)
			accept(head, *f);
	}
}

/* ---- all of them */

static bool
listed(struct writ_str list, struct writ_str value)
{
	while (list.len)
		if (writ_str_eq(strip(writ_str_cut(list, ',', &list)), value))
			return true;
	return false;
}

/* The token itself is not here: digests are compared, in constant time. */
static bool
authorized(struct writ_str header, const uint8_t token[WRIT_SHA256_LEN])
{
	struct writ_str rest, scheme = writ_str_cut(header, ' ', &rest);
	struct writ_digest d;

	if (!header.ptr || !is(scheme, "bearer"))
		return false;
	rest = strip(rest);
	writ_sha256(rest.len ? rest.ptr : "", rest.len, &d);
	_Static_assert(WRIT_SHA256_LEN == WRIT_MAC_LEN, "one comparison");
	return writ_mac_eq(d.b, token);
}

static bool
is_json(struct writ_str type)
{
	struct writ_str rest, key;

	if (!is(strip(writ_str_cut(type, ';', &rest)), "application/json"))
		return false;
	while (rest.len) {
		struct writ_str value, one = strip(writ_str_cut(rest, ';',
		    &rest));

		key = writ_str_cut(one, '=', &value);
		if (is(key, "charset") && !is(value, "utf-8") &&
		    !is(value, "\"utf-8\""))
			return false;
	}
	return true;
}

static const struct writ_http_refusal *
judge_body(const struct writ_http_head *head)
{
	const struct writ_str *f = head->field;
	uint64_t length;

	if (f[WRIT_HTTP_ENCODING].ptr && (f[WRIT_HTTP_LENGTH].ptr ||
	    !is(f[WRIT_HTTP_ENCODING], "chunked")))
		return &framing;
	if (f[WRIT_HTTP_LENGTH].ptr) {
		enum writ_status st = writ_str_u64(f[WRIT_HTTP_LENGTH],
		    WRIT_MCP_MESSAGE_MAX, &length);

		if (st != WRIT_OK)
			return st == WRIT_OVERFLOW ? &too_large : &malformed;
	}
	if (head->verb != WRIT_HTTP_POST)
		return NULL;
	if (!is_json(f[WRIT_HTTP_TYPE]) || (f[WRIT_HTTP_CONTENT_ENCODING].ptr &&
	    !is(f[WRIT_HTTP_CONTENT_ENCODING], "identity")))
		return &bad_type;
	return NULL;
}

const struct writ_http_refusal *
writ_http_head_judge(const struct writ_http_head *head,
    const struct writ_api_config *config, bool *trusted)
{
	const struct writ_str *f = head->field;
	const struct writ_http_refusal *r;

	*trusted = false;
	if (head->malformed)
		return &malformed;
	if (!listed(config->hosts, f[WRIT_HTTP_HOST]))
		return &forbidden_host;
	if (f[WRIT_HTTP_ORIGIN].ptr &&
	    !listed(config->origins, f[WRIT_HTTP_ORIGIN]))
		return &forbidden_origin;
	if ((config->flags & WRIT_API_CONFIG_TOKEN) &&
	    !authorized(f[WRIT_HTTP_AUTHORIZATION], config->token))
		return &unauthorized;
	*trusted = true;
	if (!head->path)
		return &not_found;
	if (head->verb == WRIT_HTTP_OTHER || (head->verb != WRIT_HTTP_POST &&
	    !f[WRIT_HTTP_SESSION].ptr))
		return &bad_method;
	r = judge_body(head);
	if (r)
		return r;
	if ((head->verb == WRIT_HTTP_POST && !head->accepts_json) ||
	    (head->verb != WRIT_HTTP_DELETE && !head->accepts_stream))
		return &not_acceptable;
	return NULL;
}

bool
writ_http_head_decode(struct writ_str value, struct writ_buf *out)
{
	static const struct writ_str begin = { "=?base64?", 9 };

	if (!writ_str_starts(value, begin) || value.len < begin.len + 2 ||
	    memcmp(value.ptr + value.len - 2, "?=", 2)) {
		writ_buf_str(out, value);
		return writ_buf_status(out) == WRIT_OK;
	}
	value = writ_str(value.ptr + begin.len, value.len - begin.len - 2);
	return writ_base64_get(value, out) == WRIT_OK;
}
