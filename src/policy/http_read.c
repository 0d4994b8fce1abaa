/* A guest's words for a request, read strictly into the one that is judged and sent. */
#include "base/http.h"
#include "policy/http_shape.h"
#include "policy/url.h"

#define URL_MAX (WRIT_HTTP_TARGET_MAX + WRIT_HTTP_HOST_MAX + 32)

/* Fields that only whoever makes the connection may say (RFC 9110 7.6.1, RFC 9112), and that ask
 * for what is never done. */
static const char *const not_guests[] = { "connection", "host", "expect",
	"http2-settings", "keep-alive", "proxy-authenticate",
	"proxy-authorization", "proxy-connection", "te", "trailer",
	"transfer-encoding", "upgrade", "user-agent" };

bool
writ_http_not_guests(struct writ_str name)
{
	size_t i;

	for (i = 0; i < sizeof(not_guests) / sizeof(not_guests[0]); i++)
		if (writ_str_is(name, not_guests[i]))
			return true;
	return false;
}

static const char *
method_wrong(struct writ_str m)
{
	size_t i;

	if (m.len == 0 || m.len > WRIT_HTTP_METHOD_MAX)
		return "the method is empty or too long";
	for (i = 0; i < m.len; i++)
		if ((m.ptr[i] < 'A' || m.ptr[i] > 'Z') &&
		    (i == 0 || m.ptr[i] != '-'))
			return "the method is not a word in capitals";
	if (writ_str_is(m, "CONNECT") || writ_str_is(m, "TRACE") ||
	    writ_str_is(m, "TRACK"))
		return "CONNECT, TRACE and TRACK are never allowed";
	return NULL;
}

/* RFC 9110 8.6: digits; one spelling of each number. */
static const char *
read_length(struct writ_str v, struct writ_http_request *out)
{
	size_t i;

	if (out->has_length)
		return "content-length more than once";
	for (i = 0; i < v.len; i++)
		if (v.ptr[i] < '0' || v.ptr[i] > '9')
			return "content-length is not a number in digits";
	if (v.len == 0 || (v.len > 1 && v.ptr[0] == '0') ||
	    writ_str_u64(v, INT64_MAX, &out->length) != WRIT_OK)
		return "content-length is not a number in digits";
	out->has_length = true;
	return NULL;
}

static const char *
field_wrong(const struct writ_http_field *f)
{
	if (f->name.len == 0)
		return "a field without a name";
	if (!writ_http_is_name(f->name))
		return "a field's name is not a token in lower case";
	if (!writ_http_is_value(f->value))
		return "a control character in a field's value";
	return writ_http_not_guests(f->name) ? "a field that is not the guest's "
	    "to set (connection, host, te, upgrade, user-agent, ...)" : NULL;
}

static const char *
read_fields(struct writ_http_request *out)
{
	const char *why = NULL;
	size_t i, bytes = 0;

	if (out->fields_count > WRIT_HTTP_FIELDS_OUT_MAX)
		return "too many fields";
	for (i = 0; i < out->fields_count && !why; i++) {
		const struct writ_http_field *f = &out->fields[i];

		bytes += f->name.len + f->value.len;
		why = bytes > WRIT_HTTP_FIELDS_BYTES_MAX ? "fields too large" :
		    field_wrong(f);
		if (!why && writ_str_is(f->name, "content-length"))
			why = read_length(f->value, out);
	}
	return why;
}

/* scheme://authority path, the host in lower case; "/" for an empty path. */
static const char *
put_url(struct writ_str scheme, struct writ_str authority, struct writ_str path,
    struct writ_buf *b)
{
	size_t i, low;

	if (scheme.len && !writ_str_is(scheme, "http") &&
	    !writ_str_is(scheme, "https"))
		return "the scheme is neither https nor http";
	if (path.len && path.ptr[0] != '/' && path.ptr[0] != '?')
		return "the path does not begin with \"/\"";
	if (path.len > WRIT_HTTP_TARGET_MAX)
		return "the path and query are too long";
	if (authority.len > WRIT_HTTP_HOST_MAX + 16)
		return "the host is too long";
	for (i = 0; i < authority.len; i++)
		if (!authority.ptr[i] || strchr("/?#", authority.ptr[i]))
			return "a character that no host has";
	writ_buf_cstr(b, writ_str_is(scheme, "http") ? "http://" : "https://");
	low = b->len;
	writ_buf_str(b, authority);
	for (i = low; i < b->len; i++)
		if (b->ptr[i] >= 'A' && b->ptr[i] <= 'Z')
			b->ptr[i] |= 0x20;
	if (path.len == 0 || path.ptr[0] == '?')
		writ_buf_char(b, '/');
	writ_buf_str(b, path);
	return NULL;
}

/* Canonical text, and where in it everything is. */
static const char *
put_canonical(const struct writ_url *u, struct writ_buf *b,
    struct writ_http_request *out)
{
	size_t url = b->len, host, path, query = 0;

	writ_buf_cstr(b, u->https ? "https://" : "http://");
	host = b->len;
	writ_buf_str(b, u->host);
	if (u->port != (u->https ? 443 : 80))
		writ_buf_printf(b, ":%u", u->port);
	path = b->len;
	writ_url_path(u->path, b);
	if (u->query.ptr) {
		writ_buf_char(b, '?');
		query = b->len;
		writ_url_path(u->query, b);
	}
	if (writ_buf_status(b) != WRIT_OK)
		return "too long";
	out->https = u->https;
	out->address = u->address;
	out->port = u->port;
	out->host = writ_str((char *)b->ptr + host, u->host.len);
	out->path = writ_str((char *)b->ptr + path,
	    (query ? query - 1 : b->len) - path);
	out->query = query ? writ_str((char *)b->ptr + query, b->len - query) :
	    (struct writ_str){ NULL, 0 };
	out->url = writ_str((char *)b->ptr + url, b->len - url);
	return NULL;
}

const char *
writ_http_read(struct writ_str method, struct writ_str scheme,
    struct writ_str authority, struct writ_str path,
    const struct writ_http_field *fields, size_t fields_count,
    struct writ_buf *storage, struct writ_http_request *out)
{
	struct writ_http_request rq = { .method = method, .fields = fields,
		.fields_count = fields_count };
	writ_auto_release(writ_buf) text;
	const char *why;
	struct writ_url u;

	writ_buf_init(&text, URL_MAX);
	why = put_url(scheme, authority, path, &text);
	if (!why && writ_buf_status(&text) != WRIT_OK)
		why = "too long";
	if (!why)
		why = writ_url_read(writ_buf_view(&text), false, &u);
	if (!why && u.query.len > WRIT_HTTP_QUERY_MAX)
		why = "a query of more than 2 KiB";
	if (!why && u.query.ptr && u.query.len &&
	    memchr(u.query.ptr, ';', u.query.len))
		why = "\";\" in the query; %3B is not taken for a separator";
	if (!why)
		why = put_canonical(&u, storage, &rq);
	if (!why)
		why = method_wrong(method);
	if (!why)
		why = read_fields(&rq);
	if (!why)
		*out = rq;
	return why;
}
