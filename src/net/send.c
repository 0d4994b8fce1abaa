#include <strings.h>

#include "base/http.h"
#include "base/json.h"
#include "net/net.h"

#define CHUNK WRIT_FS_IO_MAX

static bool
add_header(struct curl_slist **list, const struct writ_buf *line)
{
	struct curl_slist *more = curl_slist_append(*list, (char *)line->ptr);

	if (more)
		*list = more;
	return more != NULL;
}

static bool
is_blank(struct writ_str s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = writ_str_skip(s, 1);
	return s.len == 0;
}

/* "name: value"; curl writes "name:" for an empty value when told "name;", and leaves out a field
 * whose value is blank. */
static bool
add_field(struct curl_slist **list, struct writ_str name, struct writ_str value)
{
	struct writ_buf line;
	bool ok;

	writ_buf_init(&line, WRIT_HTTP_FIELDS_BYTES_MAX + WRIT_SECRET_MAX);
	if (!writ_buf_room(&line, name.len + value.len + 4))
		return false;
	writ_buf_str(&line, name);
	if (is_blank(value)) {
		writ_buf_char(&line, ';');
	} else {
		writ_buf_cstr(&line, ": ");
		writ_buf_str(&line, value);
	}
	writ_buf_char(&line, '\0');
	ok = writ_buf_status(&line) == WRIT_OK && add_header(list, &line);
	writ_wipe(line.ptr, line.cap);
	writ_buf_release(&line);
	return ok;
}

/* The credential's value: texts and secrets in turn. */
static bool
put_credential(const struct net_request *r, struct writ_buf *out)
{
	struct writ_wire_in in = writ_wire_in(r->s.credential_value);

	/* all at once: what grows leaves copies behind */
	if (!writ_buf_room(out, out->max))
		return false;
	while (in.len && !in.bad) {
		uint32_t index = writ_wire_get_u32(&in);
		struct writ_str text = writ_wire_get_str(&in,
		    WRIT_DOC_STRING_MAX);

		writ_buf_str(out, text);
		if (index > WRIT_SECRETS_MAX || (index &&
		    !r->net->secrets[index - 1].len))
			return false;
		if (index)
			writ_buf_add(out, r->net->secrets[index - 1].bytes,
			    r->net->secrets[index - 1].len);
	}
	return !in.bad && writ_buf_status(out) == WRIT_OK;
}

static bool
add_credential(struct net_request *r)
{
	struct writ_buf value;
	bool ok;

	writ_buf_init(&value, WRIT_SECRET_MAX + WRIT_DOC_STRING_MAX);
	/* a secret with a line's end would add fields */
	ok = put_credential(r, &value) &&
	    writ_http_is_value(writ_buf_view(&value)) &&
	    add_field(&r->headers, r->s.credential_name, writ_buf_view(&value));
	if (value.ptr)
		writ_wipe(value.ptr, value.cap);
	writ_buf_release(&value);
	return ok;
}

static bool
add_headers(struct net_request *r)
{
	static const char *const ours[] = { "Accept:", "Expect:",
		"Content-Type:" };
	bool has_accept = false, has_type = false, ok = true;
	size_t i;

	for (i = 0; i < r->s.fields_count && ok; i++) {
		struct writ_str name = r->s.fields[i].name;

		has_accept |= writ_str_is(name, "accept");
		has_type |= writ_str_is(name, "content-type");
		if (!writ_str_is(name, "content-length"))
			ok = add_field(&r->headers, name, r->s.fields[i].value);
	}
	/* What curl would add by itself, unless the request has it. */
	for (i = 0; i < 3 && ok; i++) {
		struct curl_slist *more;

		if ((i == 0 && has_accept) || (i == 2 && has_type))
			continue;
		more = curl_slist_append(r->headers, ours[i]);
		ok = more != NULL;
		r->headers = ok ? more : r->headers;
	}
	/* RFC 9110 8.6: these say that they have no body */
	if (ok && !r->s.has_body && (r->s.has_length ||
	    writ_str_is(r->s.method, "POST") || writ_str_is(r->s.method,
	    "PUT") || writ_str_is(r->s.method, "PATCH")))
		ok = add_field(&r->headers, WRIT_STR("content-length"),
		    WRIT_STR("0"));
	if (ok && r->s.credential_name.len && !r->s.credential_query)
		ok = add_credential(r);
	return ok;
}

static bool
is_unreserved(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || (c && strchr("-._~", c));
}

static bool
is_host(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c && strchr("-._[]:", c));
}

static void
put_escaped(struct writ_buf *out, struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (is_unreserved((unsigned char)s.ptr[i]))
			writ_buf_char(out, s.ptr[i]);
		else
			writ_buf_printf(out, "%%%02X", (unsigned char)s.ptr[i]);
}

/* The target as it was judged; a credential may stand behind it. */
static bool
set_target(struct net_request *r)
{
	struct writ_buf t, value;
	bool ok;

	writ_buf_init(&t, WRIT_HTTP_TARGET_MAX + 4 * WRIT_SECRET_MAX);
	writ_buf_init(&value, WRIT_SECRET_MAX + WRIT_DOC_STRING_MAX);
	ok = writ_buf_room(&t, t.max) != NULL;
	writ_buf_str(&t, r->s.target);
	if (ok && r->s.credential_query) {
		ok = put_credential(r, &value);
		writ_buf_char(&t, memchr(t.ptr, '?', t.len) ? '&' : '?');
		put_escaped(&t, r->s.credential_name);
		writ_buf_char(&t, '=');
		put_escaped(&t, writ_buf_view(&value));
	}
	writ_buf_char(&t, '\0');
	ok = ok && writ_buf_status(&t) == WRIT_OK && curl_easy_setopt(r->easy,
	    CURLOPT_REQUEST_TARGET, (char *)t.ptr) == CURLE_OK;
	if (t.ptr && r->s.credential_query)
		writ_wipe(t.ptr, t.cap);
	if (value.ptr)
		writ_wipe(value.ptr, value.cap);
	writ_buf_release(&t);
	writ_buf_release(&value);
	return ok;
}

/* The URL is for the Host header and TLS alone.  Its name is given an address of nobody
 * (RFC 5737): the socket is there already. */
static bool
set_url(struct net_request *r)
{
	char url[WRIT_HTTP_HOST_MAX + 32], at[WRIT_HTTP_HOST_MAX + 64];

	snprintf(url, sizeof(url), "%s://%.*s:%u/", r->s.https ? "https" :
	    "http", WRIT_STR_ARG(r->s.host), (unsigned)r->s.port);
	snprintf(at, sizeof(at), "%.*s:%u:192.0.2.1", WRIT_STR_ARG(r->s.host),
	    (unsigned)r->s.port);
	if (r->s.host.ptr[0] != '[') {
		r->resolve = curl_slist_append(NULL, at);
		if (!r->resolve)
			return false;
		curl_easy_setopt(r->easy, CURLOPT_RESOLVE, r->resolve);
	}
	return curl_easy_setopt(r->easy, CURLOPT_URL, url) == CURLE_OK;
}

static int
on_trailers(struct curl_slist **list, void *ctx)
{
	struct net_request *r = ctx;

	*list = r->trailers;		/* curl frees them */
	r->trailers = NULL;
	return CURL_TRAILERFUNC_OK;
}

static void
set_body(struct net_request *r)
{
	char method[WRIT_HTTP_METHOD_MAX + 1];

	(void)!writ_str_cstr(r->s.method, method, sizeof(method));
	if (r->s.has_body)
		curl_easy_setopt(r->easy, CURLOPT_UPLOAD, 1L);
	if (writ_str_is(r->s.method, "HEAD"))
		curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, method);
	if (!r->s.has_body)
		return;
	curl_easy_setopt(r->easy, CURLOPT_INFILESIZE_LARGE,
	    r->s.has_length ? (curl_off_t)r->s.length : (curl_off_t)-1);
	curl_easy_setopt(r->easy, CURLOPT_READFUNCTION, net_send_body);
	curl_easy_setopt(r->easy, CURLOPT_READDATA, r);
	if (!r->s.has_length) {
		curl_easy_setopt(r->easy, CURLOPT_TRAILERFUNCTION, on_trailers);
		curl_easy_setopt(r->easy, CURLOPT_TRAILERDATA, r);
	}
}

/* CURLOPT_PREREQFUNCTION: the connection stands, nothing has been sent over it.  When a connection
 * that was kept dies, curl would send the request again over another one. */
static int
on_ready(void *ctx, char *to, char *from, int to_port, int from_port)
{
	struct net_request *r = ctx;

	r->pool->h2 = r->h2 = r->s.https && net_tls_begin(r);
	r->wants_socket = !r->h2 && !net_pool_use(r, from_port);
	if (r->wants_socket)
		return CURL_PREREQFUNC_ABORT;
	if (r->failed || (r->tries++ && !net_request_may_repeat(r))) {
		net_request_fail(r, WRIT_HTTP_CONNECTION_TERMINATED);
		return CURL_PREREQFUNC_ABORT;
	}
	if (r->h2 && r->trailers) {
		net_request_fail(r, WRIT_HTTP_PROTOCOL_ERROR);
		return CURL_PREREQFUNC_ABORT;
	}
	net_request_touch(r, NET_WAITING);
	return CURL_PREREQFUNC_OK;
}

/* Nothing of the surroundings, nothing that curl does on its own. */
static void
set_plain(struct net_request *r)
{
	static const struct {
		CURLoption option;
		long value;
	} longs[] = {
		{ CURLOPT_NOSIGNAL, 1 }, { CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
		{ CURLOPT_PATH_AS_IS, 1 }, { CURLOPT_TCP_KEEPALIVE, 0 },
		{ CURLOPT_TCP_NODELAY, 1 }, { CURLOPT_HTTP_TRANSFER_DECODING, 0 },
		{ CURLOPT_HTTP_CONTENT_DECODING, 0 }, { CURLOPT_NOPROGRESS, 1 },
		{ CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
		{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		{ CURLOPT_SSL_VERIFYPEER, 1 }, { CURLOPT_SSL_VERIFYHOST, 2 },
		{ CURLOPT_SSL_SESSIONID_CACHE, 0 }, { CURLOPT_HTTP09_ALLOWED, 0 },
		/* else a pool's first authorities are those of all its requests */
		{ CURLOPT_CA_CACHE_TIMEOUT, 0 },
		{ CURLOPT_CONNECTTIMEOUT_MS, 0 }, { CURLOPT_MAXREDIRS, 0 },
		{ CURLOPT_BUFFERSIZE, CHUNK },
		/* a whole piece, and the frame of a chunk around it */
		{ CURLOPT_UPLOAD_BUFFERSIZE, CHUNK + 1024 },
	};
	size_t i;

	for (i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
		curl_easy_setopt(r->easy, longs[i].option, longs[i].value);
	curl_easy_setopt(r->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(r->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR,
	    r->s.https ? "https" : "http");
	curl_easy_setopt(r->easy, CURLOPT_HTTP_VERSION, r->s.https ?
	    CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(r->easy, CURLOPT_USERAGENT, "writ/" WRIT_VERSION);
	curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
	curl_easy_setopt(r->easy, CURLOPT_PREREQFUNCTION, on_ready);
	curl_easy_setopt(r->easy, CURLOPT_PREREQDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, net_response_header);
	curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, net_response_body);
	curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
}

/* What the broker has judged already, and what would undo what is said here. */
static bool
acceptable(struct net_request *r)
{
	static const char *const never[] = { "connection", "expect", "host",
		"keep-alive", "proxy-authorization", "proxy-connection", "te",
		"trailer", "transfer-encoding", "upgrade" };
	size_t i, k;

	for (i = 0; i < r->s.fields_count; i++)
		for (k = 0; k < sizeof(never) / sizeof(never[0]); k++)
			if (writ_str_is(r->s.fields[i].name, never[k]))
				return false;
	for (i = 0; i < r->s.host.len; i++)
		if (!is_host(r->s.host.ptr[i]))
			return false;
	for (i = 0; i < r->s.target.len; i++)
		if (r->s.target.ptr[i] <= ' ' || r->s.target.ptr[i] == 0x7f)
			return false;
	return writ_http_is_token(r->s.method) &&
	    r->s.method.len <= WRIT_HTTP_METHOD_MAX && !writ_str_is(r->s.method, "CONNECT") &&
	    !writ_str_is(r->s.method, "TRACE") &&
	    (r->s.https || !r->s.credential_name.len) &&
	    (r->s.has_body || !r->s.has_length || r->s.length == 0);
}

void
net_send_forget(struct net_request *r)
{
	struct curl_slist *one;

	for (one = r->headers; one; one = one->next)
		writ_wipe(one->data, strlen(one->data));
	curl_slist_free_all(r->headers);
	r->headers = NULL;
}

bool
net_send_prepare(struct net_request *r)
{
	if (!acceptable(r)) {
		net_request_fail(r, WRIT_HTTP_REQUEST_DENIED);
		return false;
	}
	r->easy = curl_easy_init();
	if (!r->easy)
		return false;
	set_plain(r);
	net_pool_sockets(r);
	set_body(r);
	if (r->s.https)
		net_tls_prepare(r);
	if (!set_url(r) || !set_target(r) || !add_headers(r))
		return false;
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
	return true;
}

/* ---- the body */

static const char *const never_trailers[] = { "authorization",
	"content-encoding", "content-length", "content-type", "cookie", "host",
	"set-cookie", "te", "trailer", "transfer-encoding", "connection" };

/* RFC 9110 6.5.1: what frames, routes or authenticates is no trailer; and only chunks have any. */
static bool
take_trailers(struct net_request *r, struct writ_str body)
{
	struct writ_wire_in in = writ_wire_in(body);
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	size_t count, i, k;

	writ_fields_get(&in, fields, &count);
	if (!writ_wire_done(&in))
		return false;
	/* libcurl 7.88 sends none over HTTP/2: better no request than half of one */
	if (count && (r->s.has_length || r->h2)) {
		net_request_fail(r, WRIT_HTTP_PROTOCOL_ERROR);
		return false;
	}
	for (i = 0; i < count; i++) {
		for (k = 0; k < sizeof(never_trailers) / sizeof(char *); k++)
			if (writ_str_is(fields[i].name, never_trailers[k])) {
				net_request_fail(r, WRIT_HTTP_PROTOCOL_ERROR);
				return false;
			}
		if (!add_field(&r->trailers, fields[i].name, fields[i].value))
			return false;
	}
	return true;
}

/* The next piece of the body in r->part.  WRIT_OK; WRIT_AGAIN; WRIT_CLOSED it has ended;
 * WRIT_PROTO. */
static enum writ_status
next_part(struct net_request *r)
{
	struct writ_err err;
	struct writ_msg m;
	enum writ_status st = WRIT_OK;

	while (!r->part.len && !r->out_ended) {
		st = writ_conn_next(&r->x, &m, &err);
		if (st == WRIT_AGAIN)
			st = writ_conn_fill(&r->x);
		else if (st == WRIT_OK && m.row->type == WRIT_X_DATA)
			r->part = m.body;
		else if (st == WRIT_OK && m.row->type == WRIT_X_END &&
		    take_trailers(r, m.body))
			r->out_ended = true;
		else if (st == WRIT_OK)
			st = WRIT_PROTO;	/* GIVE_UP, or no trailer */
		if (st != WRIT_OK)
			return st == WRIT_CLOSED ? WRIT_PROTO : st;
	}
	return r->part.len ? WRIT_OK : WRIT_CLOSED;
}

/* The body is not what was promised, or larger than allowed. */
static size_t
wrong_size(struct net_request *r, uint64_t n)
{
	if (!r->failed)
		r->fault = (struct writ_http_fault){
			WRIT_HTTP_REQUEST_BODY_SIZE, true, n };
	r->failed = true;
	return CURL_READFUNC_ABORT;
}

static size_t
given(struct net_request *r, size_t n)
{
	r->up += n;
	net_request_touch(r, r->phase);
	return n;
}

/* What may be given next.  The last byte of a body of known length waits for the word that the body
 * ends there: until then it may be longer, or be given up. */
static enum writ_status
next_bytes(struct net_request *r, struct writ_str *out)
{
	struct writ_str held = writ_str_skip(writ_buf_view(&r->held),
	    r->held_at);
	enum writ_status st = held.len ? WRIT_OK : next_part(r);

	*out = held.len ? held : r->part;
	if (st != WRIT_OK || held.len || !r->s.has_length || r->has_last ||
	    r->up + out->len != r->s.length)
		return st;
	r->last = out->ptr[out->len - 1];
	r->has_last = true;
	r->part.len--;
	out->len--;
	return out->len ? st : next_bytes(r, out);
}

/* CURLOPT_READFUNCTION */
size_t
net_send_body(char *p, size_t size, size_t n, void *ctx)
{
	struct net_request *r = ctx;
	struct writ_str from;
	enum writ_status st = next_bytes(r, &from);

	n *= size;
	if (st == WRIT_AGAIN) {
		r->read_paused = true;
		return CURL_READFUNC_PAUSE;
	}
	if (st == WRIT_CLOSED && r->has_last) {
		r->has_last = false;
		p[0] = r->last;
		return given(r, 1);
	}
	if (st == WRIT_CLOSED)
		return r->s.has_length && r->up != r->s.length ?
		    wrong_size(r, r->up) : 0;
	if (st != WRIT_OK) {
		net_request_fail(r, WRIT_HTTP_CONNECTION_TERMINATED);
		return CURL_READFUNC_ABORT;
	}
	if (from.len > r->s.request_max - r->up - r->has_last ||
	    (r->s.has_length && from.len > r->s.length - r->up - r->has_last))
		return wrong_size(r, r->up + r->has_last + from.len);
	if (from.len > n)
		from.len = n;
	memcpy(p, from.ptr, from.len);
	if (r->held_at < r->held.len)
		r->held_at += from.len;
	else
		r->part = writ_str_skip(r->part, from.len);
	return given(r, from.len);
}

/* ---- operations */

static enum writ_status
find_operation(struct net_request *r, struct writ_buf *out)
{
	char field[33];
	writ_auto_json root = NULL;
	const json_t *v;

	if (writ_str_cstr(r->s.operation_field, field, sizeof(field)) !=
	    WRIT_OK || writ_json_parse(writ_buf_view(&r->held), &root, NULL) !=
	    WRIT_OK || !json_is_object(root))
		return WRIT_INVALID;
	v = json_object_get(root, field);
	if (!json_is_string(v) || json_string_length(v) > 256)
		return WRIT_INVALID;
	writ_buf_add(out, json_string_value(v), json_string_length(v));
	return writ_buf_status(out);
}

enum writ_status
net_send_operation(struct net_request *r, struct writ_buf *out)
{
	enum writ_status st;

	while ((st = next_part(r)) == WRIT_OK) {
		if (r->held.len + r->part.len > r->s.request_max ||
		    (r->s.has_length && r->held.len + r->part.len >
		    r->s.length)) {
			(void)wrong_size(r, r->held.len + r->part.len);
			return WRIT_INVALID;
		}
		writ_buf_str(&r->held, r->part);
		r->part = WRIT_STR("");
		if (writ_buf_status(&r->held) != WRIT_OK)
			return WRIT_INVALID;
	}
	if (st == WRIT_AGAIN)
		return st;
	if (st != WRIT_CLOSED) {
		net_request_fail(r, WRIT_HTTP_CONNECTION_TERMINATED);
		return WRIT_INVALID;
	}
	if (r->s.has_length && r->held.len != r->s.length) {
		(void)wrong_size(r, r->held.len);
		return WRIT_INVALID;
	}
	return r->s.operation_field.len ? find_operation(r, out) : WRIT_OK;
}
