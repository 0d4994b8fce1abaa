#include "worker/serve_head.h"

#define CHUNK_LINE_MAX 256	/* bytes of a chunk's size with its extensions */
#define CHUNK_DIGITS_MAX 15	/* so that no size wraps */

/* What a byte may be part of. */
enum {
	TOKEN = 1,		/* RFC 9110 5.6.2 */
	TARGET = 2,		/* path and query, RFC 3986; "%" only before two digits */
	VALUE = 4,		/* RFC 9110 5.5 */
	HEX = 8,
	HOST = 16,		/* of a name or an address, without [] and port */
	DIGIT = 32,
	UPPER = 64
};

#define SOME (TOKEN | TARGET | VALUE)

static const uint8_t class[256] = {
	['\t'] = VALUE, [' '] = VALUE, ['"'] = VALUE,
	['!'] = SOME, ['#'] = TOKEN | VALUE, ['$'] = SOME,
	['%'] = TOKEN | VALUE, ['&'] = SOME, ['\''] = SOME,
	['('] = TARGET | VALUE, [')'] = TARGET | VALUE,
	['*'] = SOME, ['+'] = SOME, [','] = TARGET | VALUE,
	['-'] = SOME | HOST, ['.'] = SOME | HOST, ['/'] = TARGET | VALUE,
	['0' ... '9'] = SOME | HEX | HOST | DIGIT,
	[':'] = TARGET | VALUE, [';'] = TARGET | VALUE, ['<'] = VALUE,
	['='] = TARGET | VALUE, ['>'] = VALUE, ['?'] = TARGET | VALUE,
	['@'] = TARGET | VALUE,
	['A' ... 'F'] = SOME | HEX | HOST | UPPER,
	['G' ... 'Z'] = SOME | HOST | UPPER,
	['['] = VALUE, ['\\'] = VALUE, [']'] = VALUE, ['^'] = TOKEN | VALUE,
	['_'] = SOME | HOST, ['`'] = TOKEN | VALUE,
	['a' ... 'f'] = SOME | HEX | HOST, ['g' ... 'z'] = SOME | HOST,
	['{'] = VALUE, ['|'] = TOKEN | VALUE, ['}'] = VALUE, ['~'] = SOME | HOST,
	[0x80 ... 0xff] = VALUE,
};

static bool
all(struct writ_str s, unsigned what)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!(class[(uint8_t)s.ptr[i]] & what))
			return false;
	return true;
}

bool
writ_serve_is_token(struct writ_str method)
{
	return method.len && all(method, TOKEN);
}

bool
writ_serve_is_value(struct writ_str value)
{
	return all(value, VALUE);
}

/* ASCII alone: in a field's name there is nothing else. */
static void
lower(uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (class[p[i]] & UPPER)
			p[i] |= 0x20;
}

/* ASCII letters alike. */
static bool
same(struct writ_str a, struct writ_str b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++) {
		uint8_t x = (uint8_t)a.ptr[i], y = (uint8_t)b.ptr[i];

		if ((class[x] & UPPER ? x | 0x20 : x) !=
		    (class[y] & UPPER ? y | 0x20 : y))
			return false;
	}
	return true;
}

/* ---- where a section ends */

enum writ_status
writ_serve_scan(struct writ_serve_scan *scan, const uint8_t *p, size_t len,
    size_t skip, size_t *size)
{
	size_t most = len < WRIT_HTTP_HEAD_MAX ? len : WRIT_HTTP_HEAD_MAX;

	while (scan->at < most) {
		const uint8_t *lf = memchr(p + scan->at, '\n',
		    most - scan->at);
		size_t at;

		if (!lf) {
			scan->at = most;
			break;
		}
		at = (size_t)(lf - p);
		if (at == scan->line || p[at - 1] != '\r')
			return WRIT_INVALID;
		scan->at = at + 1;
		if (at - scan->line == 1 && scan->line >= skip) {
			*size = at + 1;
			return WRIT_OK;
		}
		scan->line = at + 1;
	}
	return len >= WRIT_HTTP_HEAD_MAX ? WRIT_LIMIT : WRIT_AGAIN;
}

/* ---- fields */

/* What a line of fields is for whoever reads the message. */
enum kind { PLAIN, HOP, HOST_NAME, LENGTH, CODING, EXPECT, CONNECTION };

static const struct {
	struct writ_str name;
	enum kind kind;
} known[] = {
	{ { "host", 4 }, HOST_NAME },
	{ { "content-length", 14 }, LENGTH },
	{ { "transfer-encoding", 17 }, CODING },
	{ { "expect", 6 }, EXPECT },
	{ { "connection", 10 }, CONNECTION },
	{ { "keep-alive", 10 }, HOP },
	{ { "proxy-authenticate", 18 }, HOP },
	{ { "proxy-authorization", 19 }, HOP },
	{ { "proxy-connection", 16 }, HOP },
	{ { "te", 2 }, HOP },
	{ { "upgrade", 7 }, HOP },
	{ { "http2-settings", 14 }, HOP },
};

static enum kind
kind_of(struct writ_str name)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (writ_str_eq(name, known[i].name))
			return known[i].kind;
	return PLAIN;
}

bool
writ_serve_is_hop(struct writ_str name)
{
	enum kind k = kind_of(name);

	return k != PLAIN && k != LENGTH;
}

static struct writ_str
trimmed(struct writ_str s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = writ_str_skip(s, 1);
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* One line without its CRLF.  A fold begins with a blank, which no name has. */
static bool
read_field(uint8_t *p, size_t len, struct writ_http_field *f)
{
	uint8_t *colon = memchr(p, ':', len);
	size_t n = colon ? (size_t)(colon - p) : 0;

	f->name = writ_str((const char *)p, n);
	if (!writ_serve_is_token(f->name))
		return false;
	lower(p, n);
	f->value = trimmed(writ_str((const char *)p + n + 1, len - n - 1));
	return all(f->value, VALUE);
}

/* The next line of a section that writ_serve_scan found whole; false at its end. */
static bool
next_line(uint8_t **p, size_t *len, uint8_t **line, size_t *n)
{
	uint8_t *lf = memchr(*p, '\n', *len);

	if (!lf || lf - *p < 2)
		return false;
	*line = *p;
	*n = (size_t)(lf - *p) - 1;
	*len -= *n + 2;
	*p = lf + 1;
	return true;
}

/* ---- what the connection is told */

static bool
read_length(struct writ_serve_head *h, struct writ_str value)
{
	uint64_t n;

	if (h->has_length || !value.len || !all(value, DIGIT) ||
	    writ_str_u64(value, INT64_MAX, &n) != WRIT_OK)
		return false;
	h->has_length = true;
	h->length = n;
	return true;
}

static void
read_connection(struct writ_serve_head *h, struct writ_str value)
{
	while (value.len) {
		struct writ_str one = writ_str_cut(value, ',', &value);

		if (same(trimmed(one), WRIT_STR("close")))
			h->close = true;
	}
}

/* name, address or [address], with a port or without one */
static bool
is_authority(struct writ_str s)
{
	struct writ_str host, port;
	size_t i;

	if (s.len && s.ptr[0] == '[') {
		for (i = 1; i < s.len && s.ptr[i] != ']'; i++)
			if (!(class[(uint8_t)s.ptr[i]] & HEX) &&
			    s.ptr[i] != ':' && s.ptr[i] != '.')
				return false;
		if (i < 3 || i == s.len)
			return false;
		port = writ_str_skip(s, i + 1);
		if (port.len == 0)
			return true;
		if (port.ptr[0] != ':')
			return false;
		port = writ_str_skip(port, 1);
	} else {
		host = writ_str_cut(s, ':', &port);
		if (!host.len || host.len > WRIT_HTTP_HOST_MAX ||
		    !all(host, HOST))
			return false;
		if (!port.ptr)
			return true;
	}
	return port.len && port.len <= 5 && all(port, DIGIT);
}

static unsigned
take_field(struct writ_serve_head *h, struct writ_str *host,
    const struct writ_http_field *f)
{
	switch (kind_of(f->name)) {
	case HOST_NAME:
		if (host->ptr || !is_authority(f->value))
			return 400;
		*host = f->value;
		return 0;
	case LENGTH:
		if (!read_length(h, f->value))
			return 400;
		break;
	case CODING:
		if (h->chunked)
			return 400;
		if (!same(f->value, WRIT_STR("chunked")))
			return 501;
		h->chunked = true;
		return 0;
	case EXPECT:
		if (!same(f->value, WRIT_STR("100-continue")))
			return 417;
		h->expects = true;
		return 0;
	case CONNECTION:
		read_connection(h, f->value);
		return 0;
	case HOP:
		return 0;
	case PLAIN:
		break;
	}
	h->fields[h->request.fields_count++] = *f;
	return 0;
}

static unsigned
read_fields(struct writ_serve_head *h, struct writ_str *host, uint8_t *p,
    size_t len)
{
	struct writ_http_field f;
	unsigned status, count = 0;
	uint8_t *line;
	size_t n;

	while (next_line(&p, &len, &line, &n)) {
		if (!read_field(line, n, &f))
			return 400;
		if (++count > WRIT_HTTP_FIELDS_MAX)
			return 431;
		status = take_field(h, host, &f);
		if (status)
			return status;
	}
	return 0;
}

/* ---- the request line */

/* RFC 3986 3.3 and 3.4: an origin-form, from its first "/". */
static bool
is_path(struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (class[(uint8_t)s.ptr[i]] & TARGET)
			continue;
		if (s.ptr[i] != '%' || s.len - i < 3 ||
		    !(class[(uint8_t)s.ptr[i + 1]] & HEX) ||
		    !(class[(uint8_t)s.ptr[i + 2]] & HEX))
			return false;
	}
	return true;
}

static bool
read_target(struct writ_serve_head *h, struct writ_str target,
    struct writ_str *authority)
{
	static const char scheme[] = "http://";
	size_t i;

	if (target.len && target.ptr[0] == '/') {
		h->request.path = target;
		return is_path(target);
	}
	if (writ_str_is(target, "*")) {
		h->request.path = target;
		return writ_str_is(h->request.method, "OPTIONS");
	}
	if (target.len < sizeof(scheme) ||
	    !same(writ_str(target.ptr, sizeof(scheme) - 1), WRIT_STR(scheme)))
		return false;
	target = writ_str_skip(target, sizeof(scheme) - 1);
	for (i = 0; i < target.len && target.ptr[i] != '/' &&
	    target.ptr[i] != '?'; i++)
		;
	*authority = writ_str(target.ptr, i);
	h->request.path = writ_str_skip(target, i);
	if (!h->request.path.len)
		h->request.path = WRIT_STR("/");
	/* "http://host?query" would need a "/" that nobody sent */
	return is_authority(*authority) && h->request.path.ptr[0] == '/' &&
	    is_path(h->request.path);
}

static unsigned
read_line(struct writ_serve_head *h, struct writ_str line,
    struct writ_str *authority)
{
	struct writ_str method = writ_str_cut(line, ' ', &line);
	struct writ_str target = writ_str_cut(line, ' ', &line);

	h->request.method = method;
	h->request.scheme = WRIT_STR("http");
	if (!writ_serve_is_token(method) || !target.len || !line.ptr)
		return 400;
	if (!writ_str_starts(line, WRIT_STR("HTTP/")) || line.len != 8 ||
	    !(class[(uint8_t)line.ptr[5]] & DIGIT) || line.ptr[6] != '.' ||
	    !(class[(uint8_t)line.ptr[7]] & DIGIT))
		return 400;
	if (line.ptr[5] != '1')
		return 505;
	h->http10 = h->close = line.ptr[7] == '0';
	if (method.len > WRIT_HTTP_METHOD_MAX ||
	    writ_str_is(method, "CONNECT"))
		return 501;
	if (target.len > WRIT_HTTP_TARGET_MAX)
		return 414;
	return read_target(h, target, authority) ? 0 : 400;
}

/* RFC 9112 3.2: one Host, and in an absolute target the same. */
static unsigned
settle(struct writ_serve_head *h, struct writ_str host,
    struct writ_str authority)
{
	if (!host.ptr && !h->http10)
		return 400;
	if (authority.ptr && host.ptr && !same(authority, host))
		return 400;
	h->request.authority = host.ptr ? host : authority;
	/* RFC 9112 6.1 and 6.3: who sends both may mean either */
	if (h->chunked && (h->has_length || h->http10))
		return 400;
	if (h->http10)
		h->expects = false;
	h->request.fields = h->fields;
	return 0;
}

unsigned
writ_serve_head_read(uint8_t *p, size_t len, struct writ_serve_head *out)
{
	struct writ_str host = { NULL, 0 }, authority = { NULL, 0 };
	unsigned status;
	uint8_t *line;
	size_t n;

	memset(out, 0, offsetof(struct writ_serve_head, fields));
	out->http10 = out->close = out->expects = false;
	out->has_length = out->chunked = false;
	out->length = 0;
	if (len >= 2 && p[0] == '\r' && p[1] == '\n') {
		p += 2;		/* RFC 9112 2.2: one is left by old clients */
		len -= 2;
	}
	if (!next_line(&p, &len, &line, &n))
		return 400;
	status = read_line(out, writ_str((const char *)line, n), &authority);
	if (!status)
		status = read_fields(out, &host, p, len);
	return status ? status : settle(out, host, authority);
}

/* ---- bodies */

void
writ_serve_body_init(struct writ_serve_body *b,
    const struct writ_serve_head *head)
{
	memset(b, 0, sizeof(*b));
	if (head->chunked) {
		b->part = WRIT_SERVE_CHUNK_SIZE;
	} else if (head->length) {
		b->part = WRIT_SERVE_LENGTH;
		b->left = head->length;
	}
}

/* RFC 9112 7.1: digits, then the end of the line or extensions, which mean nothing here. */
static enum writ_status
chunk_size(struct writ_serve_body *b, const uint8_t *p, size_t len,
    size_t *used)
{
	size_t most = len < CHUNK_LINE_MAX ? len : CHUNK_LINE_MAX, i, n;
	uint64_t size = 0;

	for (i = 0; i < most && class[p[i]] & HEX; i++) {
		unsigned c = p[i];

		if (i == CHUNK_DIGITS_MAX)
			return WRIT_INVALID;
		size = size << 4 | (class[c] & DIGIT ? c - '0' :
		    (c | 0x20) - 'a' + 10);
	}
	if (i == most)
		return i == CHUNK_LINE_MAX ? WRIT_LIMIT : WRIT_AGAIN;
	if (i == 0 || (p[i] != '\r' && p[i] != ';'))
		return WRIT_INVALID;
	for (n = i; n < most && class[p[n]] & VALUE; n++)
		;
	if (n < most && p[n] != '\r')
		return WRIT_INVALID;
	if (n + 1 >= most)
		return most == CHUNK_LINE_MAX ? WRIT_LIMIT : WRIT_AGAIN;
	if (p[n + 1] != '\n')
		return WRIT_INVALID;
	*used += n + 2;
	b->left = size;
	b->part = size ? WRIT_SERVE_CHUNK : WRIT_SERVE_TRAILERS;
	memset(&b->scan, 0, sizeof(b->scan));
	return WRIT_OK;
}

static enum writ_status
trailers(struct writ_serve_body *b, const uint8_t *p, size_t len, size_t *used,
    struct writ_str *data)
{
	size_t size = 0;
	enum writ_status st = writ_serve_scan(&b->scan, p, len, 0, &size);

	if (st != WRIT_OK)
		return st;
	*data = writ_str((const char *)p, size > 2 ? size : 0);
	*used += size;
	b->part = WRIT_SERVE_NO_BODY;
	return WRIT_CLOSED;
}

static enum writ_status
take_data(struct writ_serve_body *b, const uint8_t *p, size_t len, size_t *used,
    struct writ_str *data)
{
	size_t n = b->left < len ? (size_t)b->left : len;

	if (n == 0)
		return WRIT_AGAIN;
	*data = writ_str((const char *)p, n);
	*used += n;
	b->left -= n;
	if (b->left == 0)
		b->part = b->part == WRIT_SERVE_CHUNK ? WRIT_SERVE_CHUNK_END :
		    WRIT_SERVE_NO_BODY;
	return WRIT_OK;
}

enum writ_status
writ_serve_body_take(struct writ_serve_body *b, const uint8_t *p, size_t len,
    size_t *used, struct writ_str *data)
{
	enum writ_status st;

	*used = 0;
	*data = WRIT_STR("");
	if (b->part == WRIT_SERVE_NO_BODY)
		return WRIT_CLOSED;
	if (b->part == WRIT_SERVE_CHUNK_END) {
		if (len && (p[0] != '\r' || (len > 1 && p[1] != '\n')))
			return WRIT_INVALID;
		if (len < 2)
			return WRIT_AGAIN;
		*used = 2;
		b->part = WRIT_SERVE_CHUNK_SIZE;
	}
	if (b->part == WRIT_SERVE_CHUNK_SIZE) {
		st = chunk_size(b, p + *used, len - *used, used);
		if (st != WRIT_OK)
			return st;
	}
	if (b->part == WRIT_SERVE_TRAILERS)
		return trailers(b, p + *used, len - *used, used, data);
	return take_data(b, p + *used, len - *used, used, data);
}

unsigned
writ_serve_trailers_read(uint8_t *p, size_t len, struct writ_http_field *out,
    size_t *count)
{
	uint8_t *line;
	size_t n;

	*count = 0;
	while (next_line(&p, &len, &line, &n)) {
		if (*count == WRIT_HTTP_FIELDS_MAX)
			return 431;
		/* RFC 9110 6.5.1: none that frames, routes or asks */
		if (!read_field(line, n, &out[*count]) ||
		    kind_of(out[*count].name) != PLAIN)
			return 400;
		++*count;
	}
	return 0;
}
