#include <strings.h>

#include "base/http.h"
#include "net/net.h"

#define HEAD_MAX (100 * 1024)		/* bytes of a response's head */
#define INTERIM_MAX 16			/* 1xx answers before the real one */
#define UNSENT_MAX (256 * 1024)		/* towards a worker that does not read */

static const char *const hop_by_hop[] = { "connection", "keep-alive",
	"proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
	"trailer", "transfer-encoding", "upgrade" };

static bool
bad(struct net_request *r, enum writ_http_code code)
{
	net_request_fail(r, code);
	return false;
}

/* ---- lines */

static struct writ_str
trim(struct writ_str v)
{
	while (v.len && (v.ptr[0] == ' ' || v.ptr[0] == '\t'))
		v = writ_str_skip(v, 1);
	while (v.len && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
		v.len--;
	return v;
}

/* "Name: value" in place: the name in lower case, the value without white space around it. */
static bool
split_line(char *line, size_t n, struct writ_http_field *out)
{
	char *colon = memchr(line, ':', n);
	size_t i, name = colon ? (size_t)(colon - line) : 0;
	struct writ_str v;

	if (!writ_http_is_token(writ_str(line, name)))
		return false;
	for (i = 0; i < name; i++)
		if (line[i] >= 'A' && line[i] <= 'Z')
			line[i] = (char)(line[i] | 0x20);
	v = trim(writ_str(line + name + 1, n - name - 1));
	if (!writ_http_is_value(v))
		return false;
	*out = (struct writ_http_field){ writ_str(line, name), v };
	return true;
}

/* "HTTP/1.1 200 OK", "HTTP/2 200"; 0: neither. */
static unsigned
read_status(const struct net_request *r, struct writ_str line)
{
	struct writ_str rest, version = writ_str_cut(line, ' ', &rest);
	struct writ_str code = writ_str_first(rest, 3);
	uint64_t v;

	if (r->h2 ? !writ_str_is(version, "HTTP/2") :
	    !writ_str_is(version, "HTTP/1.1") &&
	    !writ_str_is(version, "HTTP/1.0"))
		return 0;
	if (code.len != 3 || (rest.len > 3 && rest.ptr[3] != ' ') ||
	    writ_str_u64(code, 999, &v) != WRIT_OK || v < 100)
		return 0;
	return (unsigned)v;
}

/* ---- fields */

static bool
list_has(struct writ_str list, struct writ_str name)
{
	struct writ_str rest = list, one;

	while (rest.len) {
		one = writ_str_cut(rest, ',', &rest);
		if (writ_str_eq(one, name))
			return true;
	}
	return false;
}

static bool
is_hop(struct writ_str name)
{
	size_t i;

	for (i = 0; i < sizeof(hop_by_hop) / sizeof(hop_by_hop[0]); i++)
		if (writ_str_is(name, hop_by_hop[i]))
			return true;
	return false;
}

/* RFC 9110 7.6.1: what Connection names is for this hop alone. */
static bool
connection_names(struct writ_str lines, struct writ_str name)
{
	struct writ_str rest = lines, line, one;
	struct writ_http_field f;

	while (rest.len) {
		line = writ_str_cut(rest, '\n', &rest);
		if (!split_line((char *)(uintptr_t)line.ptr, line.len, &f) ||
		    !writ_str_is(f.name, "connection"))
			continue;
		while (f.value.len) {
			one = trim(writ_str_cut(f.value, ',', &f.value));
			if (one.len == name.len &&
			    !strncasecmp(one.ptr, name.ptr, name.len))
				return true;
		}
	}
	return false;
}

static bool
passes(const struct net_request *r, struct writ_str name)
{
	return !is_hop(name) && (r->s.all_headers ||
	    list_has(r->s.response_headers, name));
}

/* The media type must be one of those listed. */
static bool
type_passes(const struct net_request *r, struct writ_str value)
{
	struct writ_str rest, type = writ_str_cut(value, ';', &rest);
	char low[128];
	size_t i;

	type = trim(type);
	if (type.len >= sizeof(low))
		return false;
	for (i = 0; i < type.len; i++)
		low[i] = type.ptr[i] >= 'A' && type.ptr[i] <= 'Z' ?
		    (char)(type.ptr[i] | 0x20) : type.ptr[i];
	return list_has(r->s.response_types, writ_str(low, type.len));
}

/* RFC 9112 6.3: one length, or chunks, never both, never two. */
static bool
take_framing(struct net_request *r, const struct writ_http_field *f)
{
	if (writ_str_is(f->name, "transfer-encoding")) {
		if (r->chunked || r->has_length || r->old ||
		    f->value.len != 7 ||
		    strncasecmp(f->value.ptr, "chunked", 7))
			return bad(r, WRIT_HTTP_PROTOCOL_ERROR);
		r->chunked = true;
	} else if (writ_str_is(f->name, "content-length")) {
		size_t i;

		for (i = 0; i < f->value.len; i++)
			if (f->value.ptr[i] < '0' || f->value.ptr[i] > '9')
				return bad(r, WRIT_HTTP_PROTOCOL_ERROR);
		if (r->chunked || r->has_length || f->value.len == 0 ||
		    f->value.len > 19 || writ_str_u64(f->value, INT64_MAX,
		    &r->length) != WRIT_OK)
			return bad(r, WRIT_HTTP_PROTOCOL_ERROR);
		r->has_length = true;
	}
	return true;
}

/* A value with the secret in it comes back with stars. */
static struct writ_str
scrubbed(struct net_request *r, struct writ_str value, struct writ_buf *room)
{
	size_t at = room->len;

	if (!r->scrub.on)
		return value;
	net_scrub_add(&r->scrub, value, true, room);
	if (writ_buf_status(room) != WRIT_OK)
		return WRIT_STR("");
	return writ_str((char *)room->ptr + at, room->len - at);
}

/* False: no room. */
static bool
scrub_fields(struct net_request *r, struct writ_http_field *fields, size_t n,
    struct writ_buf *room)
{
	size_t i;

	if (!r->scrub.on)
		return true;
	/* room for all at once: what is made must not move */
	if (!writ_buf_room(room, WRIT_HTTP_FIELDS_BYTES_MAX))
		return bad(r, WRIT_HTTP_INTERNAL_ERROR);
	for (i = 0; i < n; i++)
		fields[i].value = scrubbed(r, fields[i].value, room);
	return writ_buf_status(room) == WRIT_OK || bad(r,
	    WRIT_HTTP_INTERNAL_ERROR);
}

static void
tell_fields(struct net_request *r, enum writ_exchange_type type,
    unsigned status, const struct writ_http_field *fields, size_t n)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, WRIT_WIRE_MSG_MAX);
	if (type == WRIT_X_HEAD)
		writ_wire_put_u32(&b, status);
	writ_fields_put(&b, fields, n);
	if (writ_buf_status(&b) != WRIT_OK ||
	    writ_conn_send(&r->x, type, 0, writ_buf_view(&b), -1) != WRIT_OK)
		net_request_fail(r, WRIT_HTTP_INTERNAL_ERROR);
}

/* The lines of a head or of trailers, as fields that pass; false: failed. */
static bool
read_lines(struct net_request *r, struct writ_str lines, bool trailers,
    struct writ_http_field *out, size_t *count)
{
	struct writ_str rest = lines, line;
	struct writ_http_field f;
	size_t n = 0, bytes = 0, all = 0, i, k;
	bool typed = false, named = false;

	for (; rest.len; named |= writ_str_is(f.name, "connection")) {
		line = writ_str_cut(rest, '\n', &rest);
		if (!split_line((char *)(uintptr_t)line.ptr, line.len, &f))
			return bad(r, WRIT_HTTP_PROTOCOL_ERROR);
		if (!trailers && !take_framing(r, &f))
			return false;
		/* no search sees through it */
		if (!trailers && r->s.scrub && r->s.credential_name.len &&
		    writ_str_is(f.name, "content-encoding") &&
		    !writ_str_is(f.value, "identity"))
			return bad(r, WRIT_HTTP_RESPONSE_CONTENT_CODING);
		if (!trailers && r->s.response_types.len &&
		    writ_str_is(f.name, "content-type")) {
			if (typed || !type_passes(r, f.value))
				return bad(r, WRIT_HTTP_REQUEST_DENIED);
			typed = true;
		}
		bytes += f.name.len + f.value.len;
		if (all++ == WRIT_HTTP_FIELDS_OUT_MAX ||
		    bytes > WRIT_HTTP_FIELDS_BYTES_MAX)
			return bad(r, trailers ?
			    WRIT_HTTP_RESPONSE_TRAILER_SECTION_SIZE :
			    WRIT_HTTP_RESPONSE_HEADER_SECTION_SIZE);
		if (passes(r, f.name))
			out[n++] = f;
	}
	for (i = k = 0; i < n; i++)
		if (!named || !connection_names(lines, out[i].name))
			out[k++] = out[i];
	if (!trailers && r->s.response_types.len && !typed && !r->bodiless &&
	    !(r->has_length && r->length == 0))
		return bad(r, WRIT_HTTP_REQUEST_DENIED);
	*count = k;
	return true;
}

static bool
tell_head(struct net_request *r, unsigned status, struct writ_str lines)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	writ_auto_release(writ_buf) room;
	size_t n = 0;

	writ_buf_init(&room, WRIT_HTTP_FIELDS_BYTES_MAX + WRIT_SECRET_MAX);
	if (!read_lines(r, lines, false, fields, &n))
		return false;
	if (r->has_length && r->length > r->s.response_max && !r->bodiless) {
		r->fault = (struct writ_http_fault){
			WRIT_HTTP_RESPONSE_BODY_SIZE, true, r->length };
		r->failed = true;
		return false;
	}
	if (!scrub_fields(r, fields, n, &room))
		return false;
	tell_fields(r, WRIT_X_HEAD, status, fields, n);
	r->head_done = true;
	net_request_touch(r, NET_BODY);
	return !r->failed;
}

static bool tell_early_end(struct net_request *r);

/* The empty line: a whole head, or the end of trailers. */
static bool
end_lines(struct net_request *r)
{
	struct writ_str all = writ_buf_view(&r->head_bytes), rest;
	struct writ_str first = writ_str_cut(all, '\n', &rest);
	unsigned status = read_status(r, first);

	if (status == 0)
		return bad(r, WRIT_HTTP_PROTOCOL_ERROR);
	if (status >= 100 && status < 200) {
		if (status == 101 || ++r->interim > INTERIM_MAX)
			return bad(r, WRIT_HTTP_PROTOCOL_ERROR);
		writ_buf_reset(&r->head_bytes);
		return true;
	}
	r->old = writ_str_starts(first, WRIT_STR("HTTP/1.0"));
	r->bodiless = status == 204 || status == 304 ||
	    writ_str_is(r->s.method, "HEAD");
	return tell_head(r, status, rest.ptr ? rest : WRIT_STR("")) &&
	    tell_early_end(r);
}

static bool
take_line(struct net_request *r, struct writ_str line)
{
	bool first = r->head_bytes.len == 0;

	if (line.len < 2 || memcmp(line.ptr + line.len - 2, "\r\n", 2) ||
	    memchr(line.ptr, '\r', line.len - 2) || memchr(line.ptr, '\0',
	    line.len))
		return bad(r, WRIT_HTTP_PROTOCOL_ERROR);
	line.len -= 2;
	if (r->trailing || (r->head_done && line.len)) {
		r->trailing = true;
		if (!line.len)
			return true;
	} else if (!line.len) {
		return r->head_done || end_lines(r);
	}
	if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
		return bad(r, WRIT_HTTP_PROTOCOL_ERROR);	/* obs-fold */
	if (r->head_done) {
		writ_buf_str(&r->out_fields, line);
		writ_buf_char(&r->out_fields, '\n');
		return writ_buf_status(&r->out_fields) == WRIT_OK ||
		    bad(r, WRIT_HTTP_RESPONSE_TRAILER_SECTION_SIZE);
	}
	if (!first && writ_str_starts(line, WRIT_STR("HTTP/")))
		return bad(r, WRIT_HTTP_PROTOCOL_ERROR);
	writ_buf_str(&r->head_bytes, line);
	writ_buf_char(&r->head_bytes, '\n');
	return writ_buf_status(&r->head_bytes) == WRIT_OK ||
	    bad(r, WRIT_HTTP_RESPONSE_HEADER_SECTION_SIZE);
}

/* CURLOPT_HEADERFUNCTION: one line at a time. */
size_t
net_response_header(char *p, size_t size, size_t n, void *ctx)
{
	struct net_request *r = ctx;

	n *= size;
	if (r->head_bytes.max == 0) {
		writ_buf_init(&r->head_bytes, HEAD_MAX);
		writ_buf_init(&r->out_fields, HEAD_MAX);
	}
	return !r->failed && take_line(r, writ_str(p, n)) ? n : 0;
}

/* ---- the body */

static bool
tell_data(struct net_request *r, struct writ_str data)
{
	if (data.len > r->s.response_max - r->down) {
		r->fault = (struct writ_http_fault){
			WRIT_HTTP_RESPONSE_BODY_SIZE, true, r->down + data.len };
		r->failed = true;
		return false;
	}
	r->down += data.len;
	while (data.len) {
		struct writ_str part = writ_str_first(data, WRIT_FS_IO_MAX);

		/* writ_str_first cuts text between characters; bytes need not be */
		if (!part.len || data.len > WRIT_FS_IO_MAX)
			part = writ_str(data.ptr, data.len > WRIT_FS_IO_MAX ?
			    WRIT_FS_IO_MAX : data.len);
		if (writ_conn_send(&r->x, WRIT_X_DATA, 0, part, -1) != WRIT_OK)
			return bad(r, WRIT_HTTP_INTERNAL_ERROR);
		data = writ_str_skip(data, part.len);
	}
	return true;
}

static bool
take_trailers(struct net_request *r)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	size_t n;

	return read_lines(r, writ_buf_view(&r->out_fields), true, fields, &n);
}

static bool
pass_body(struct net_request *r, const char *p, size_t n)
{
	writ_auto_release(writ_buf) data, clean;
	struct writ_str out = writ_str(p, n);
	enum writ_status st = WRIT_OK;

	writ_buf_init(&data, n + 1);
	writ_buf_init(&clean, n + 2 * WRIT_SECRET_MAX + 1);
	if (r->chunked) {
		st = net_chunks_add(&r->chunks, p, n, &data, &r->out_fields);
		if (st == WRIT_PROTO)
			return bad(r, WRIT_HTTP_RESPONSE_TRANSFER_CODING);
		/* while the connection can still be closed for it */
		if (st == WRIT_CLOSED && !take_trailers(r))
			return false;
		out = writ_buf_view(&data);
	}
	if (r->scrub.on) {
		net_scrub_add(&r->scrub, out, false, &clean);
		out = writ_buf_view(&clean);
	}
	if (writ_buf_status(&data) != WRIT_OK ||
	    writ_buf_status(&clean) != WRIT_OK)
		return bad(r, WRIT_HTTP_INTERNAL_ERROR);
	return out.len == 0 || tell_data(r, out);
}

/* An answer that is whole before its request is: curl would tell when both are, and the guest may
 * wait for the answer before it goes on. */
static bool
tell_early_end(struct net_request *r)
{
	bool whole = r->bodiless || (r->has_length && r->got >= r->length);

	if (r->chunked && !r->bodiless)
		whole = net_chunks_add(&r->chunks, "", 0, &r->out_fields,
		    &r->out_fields) == WRIT_CLOSED;
	return !whole || !r->s.has_body || r->out_ended || net_response_end(r);
}

/* CURLOPT_WRITEFUNCTION */
size_t
net_response_body(char *p, size_t size, size_t n, void *ctx)
{
	struct net_request *r = ctx;

	n *= size;
	if (r->failed || !r->head_done)
		return 0;
	if (r->x.out.len - r->x.out_pos > UNSENT_MAX) {
		r->write_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	net_request_touch(r, NET_BODY);
	r->got += n;
	return pass_body(r, p, n) && tell_early_end(r) ? n : 0;
}

bool
net_response_end(struct net_request *r)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	writ_auto_release(writ_buf) last, room;
	size_t n = 0;

	writ_buf_init(&last, 2 * WRIT_SECRET_MAX + 1);
	writ_buf_init(&room, WRIT_HTTP_FIELDS_BYTES_MAX + WRIT_SECRET_MAX);
	if (r->end_told)
		return true;
	if (!r->head_done)
		return bad(r, WRIT_HTTP_RESPONSE_INCOMPLETE);
	if (r->chunked && !r->bodiless &&
	    net_chunks_add(&r->chunks, "", 0, &r->out_fields, &r->out_fields) !=
	    WRIT_CLOSED)
		return bad(r, WRIT_HTTP_RESPONSE_INCOMPLETE);
	/* It ends where the connection does: only the peer's word tells that from a cut, and libcurl
	 * 7.88 does not ask for it. */
	if (r->s.https && !r->h2 && !r->chunked && !r->has_length &&
	    !r->bodiless && !r->farewell)
		return bad(r, WRIT_HTTP_RESPONSE_INCOMPLETE);
	net_scrub_add(&r->scrub, WRIT_STR(""), true, &last);
	if (writ_buf_status(&last) != WRIT_OK)
		return bad(r, WRIT_HTTP_INTERNAL_ERROR);
	if (last.len && !tell_data(r, writ_buf_view(&last)))
		return false;
	if (!read_lines(r, writ_buf_view(&r->out_fields), true, fields, &n) ||
	    !scrub_fields(r, fields, n, &room))
		return false;
	tell_fields(r, WRIT_X_END, 0, fields, n);
	r->end_told = !r->failed;
	return r->end_told;
}
