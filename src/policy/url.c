#include "policy/url.h"

#include <arpa/inet.h>

#include "base/limits.h"
#include "policy/fold.h"
#include "policy/glob.h"

#define HOST_MAX 253
#define LABEL_MAX 63

/* Suffixes under which strangers register names: `*.x` over one of them is a
 * mistake.  Not the whole public suffix list, only what people write by accident;
 * a single label (`*.com`) is refused without it. */
static const char *const public_suffixes[] = {
	"amazonaws.com", "appspot.com", "azurewebsites.net", "blogspot.com",
	"cloudfront.net", "firebaseapp.com", "fly.dev", "github.io", "gitlab.io",
	"githubusercontent.com", "herokuapp.com", "myshopify.com", "netlify.app",
	"ngrok.io", "ngrok-free.app", "onrender.com", "pages.dev",
	"r2.dev", "run.app", "s3.amazonaws.com", "sharepoint.com", "supabase.co",
	"vercel.app", "web.app", "windows.net", "workers.dev", "zendesk.com",
};

/* Second-level labels that registries of countries use: co.uk, com.au, ... */
static const char *const second_level[] = { "ac", "co", "com", "edu", "go", "gob",
	"gov", "mil", "ne", "net", "nom", "or", "org" };

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static unsigned
hex(char c)
{
	if (is_digit(c))
		return (unsigned)(c - '0');
	return (unsigned)((c | 0x20) - 'a') + 10;
}

static bool
is_unreserved(unsigned c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c && c < 0x80 && strchr("-._~", (int)c));
}

static bool
is_suffix(struct writ_str host)
{
	struct writ_str rest, first = writ_str_cut(host, '.', &rest);
	size_t i;

	if (!rest.ptr)
		return true;
	for (i = 0; i < sizeof(public_suffixes) / sizeof(char *); i++)
		if (writ_str_is(host, public_suffixes[i]))
			return true;
	if (rest.len != 2)
		return false;
	for (i = 0; i < sizeof(second_level) / sizeof(char *); i++)
		if (writ_str_is(first, second_level[i]))
			return true;
	return false;
}

static const char *
label_wrong(struct writ_str l)
{
	size_t i;

	if (l.len == 0)
		return "an empty label in the host";
	if (l.len > LABEL_MAX)
		return "a label of the host is longer than 63 bytes";
	if (l.ptr[0] == '-' || l.ptr[l.len - 1] == '-')
		return "a label of the host begins or ends with \"-\"";
	for (i = 0; i < l.len; i++) {
		char c = l.ptr[i];

		if (c >= 'A' && c <= 'Z')
			return "the host must be lower-case";
		if ((unsigned char)c >= 0x80)
			return "the host must be written as an A-label (xn--)";
		if (c == '*')
			return "\"*\" in a host stands only alone, as the first "
			    "label";
		if (!is_digit(c) && c != '-' && (c < 'a' || c > 'z'))
			return "a character that no host has";
	}
	return NULL;
}

/* Whether the last label makes a name an address in some spelling (127.1, 0x7f.1). */
static bool
ends_numeric(struct writ_str host)
{
	size_t i = host.len;
	struct writ_str last;

	while (i > 0 && host.ptr[i - 1] != '.')
		i--;
	last = writ_str_skip(host, i);
	if (last.len > 1 && last.ptr[0] == '0' && last.ptr[1] == 'x')
		return true;
	for (i = 0; i < last.len; i++)
		if (!is_digit(last.ptr[i]))
			return false;
	return last.len > 0;
}

static bool
is_address(int family, struct writ_str s)
{
	char text[INET6_ADDRSTRLEN + 1], again[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (writ_str_cstr(s, text, sizeof(text)) != WRIT_OK ||
	    inet_pton(family, text, bytes) != 1)
		return false;
	/* one spelling only: what the library would write itself */
	return inet_ntop(family, bytes, again, sizeof(again)) &&
	    !strcmp(text, again);
}

static const char *
host_wrong(struct writ_url *u)
{
	struct writ_str rest = u->host, l;
	const char *why;

	if (u->host.len == 0)
		return "no host";
	if (u->host.len > HOST_MAX)
		return "the host is longer than 253 bytes";
	if (u->host.ptr[0] == '[') {
		u->address = true;
		if (u->any_label || u->host.ptr[u->host.len - 1] != ']' ||
		    !is_address(AF_INET6, writ_str(u->host.ptr + 1,
		    u->host.len - 2)))
			return "not an IPv6 address in its short form";
		return NULL;
	}
	if (u->host.ptr[u->host.len - 1] == '.')
		return "a trailing dot in the host";
	if (ends_numeric(u->host)) {
		u->address = true;
		if (u->any_label || !is_address(AF_INET, u->host))
			return "not an IPv4 address in its plain form";
		return NULL;
	}
	while (rest.ptr) {
		l = writ_str_cut(rest, '.', &rest);
		why = label_wrong(l);
		if (why)
			return why;
	}
	return u->any_label && is_suffix(u->host) ?
	    "\"*\" over a whole public suffix" : NULL;
}

/* HOST[:PORT] into u. */
static const char *
authority(struct writ_str a, bool pattern, struct writ_url *u)
{
	size_t host = a.len;
	uint64_t port;

	if (memchr(a.ptr, '@', a.len))
		return "user information in the address";
	if (a.len && a.ptr[0] == '[') {
		const char *end = memchr(a.ptr, ']', a.len);

		host = end ? (size_t)(end - a.ptr) + 1 : a.len;
		if (host < a.len && a.ptr[host] != ':')
			return "not an IPv6 address in its short form";
	} else if (a.len) {
		const char *colon = memchr(a.ptr, ':', a.len);

		host = colon ? (size_t)(colon - a.ptr) : a.len;
	}
	u->host = writ_str(a.ptr, host);
	if (pattern && writ_str_starts(u->host, WRIT_STR("*."))) {
		u->any_label = true;
		u->host = writ_str_skip(u->host, 2);
	}
	if (pattern && writ_str_is(u->host, "*"))
		return "a host of \"*\" alone";
	if (host < a.len) {
		if (writ_str_u64(writ_str_skip(a, host + 1), 65535, &port) !=
		    WRIT_OK || port == 0)
			return "the port is not a number from 1 to 65535";
		u->port = (unsigned)port;
		u->port_written = true;
	}
	return host_wrong(u);
}

static const char *
escape_wrong(struct writ_str s, size_t i)
{
	unsigned c;

	if (i + 2 >= s.len || !is_hex(s.ptr[i + 1]) || !is_hex(s.ptr[i + 2]))
		return "\"%\" without two hex digits";
	c = hex(s.ptr[i + 1]) * 16 + hex(s.ptr[i + 2]);
	if (c == '/' || c == '\\' || c == 0)
		return "%2F, %5C or %00 in the path";
	if (c < 0x20 || c == 0x7f)
		return "a control character in the path";
	if (c == ';')
		return "\";\" in the path";
	return NULL;
}

static const char *
byte_wrong(struct writ_str s, size_t i)
{
	unsigned char c = (unsigned char)s.ptr[i];

	if (c == '%')
		return escape_wrong(s, i);
	if (c == '\\')
		return "\"\\\" in the path";
	if (c == ';')
		return "\";\" in the path";
	if (c >= 0x80)
		return "a character that must be written as %XX";
	if (c != '/' && !is_unreserved(c) && !strchr("!$&'()*+,=:@", c))
		return "a character that no URL path has";
	return NULL;
}

/* A segment that is a dot segment once %2E is decoded. */
static bool
is_dots(struct writ_str seg)
{
	size_t i, dots = 0;

	for (i = 0; i < seg.len; i++, dots++) {
		if (seg.ptr[i] == '.')
			continue;
		if (seg.len - i < 3 || seg.ptr[i] != '%' ||
		    seg.ptr[i + 1] != '2' || (seg.ptr[i + 2] | 0x20) != 'e')
			return false;
		i += 2;
	}
	return dots == 1 || dots == 2;
}

static const char *
path_wrong(struct writ_str path, bool pattern)
{
	struct writ_str rest = writ_str_skip(path, 1), seg;
	const char *why;
	size_t i;

	for (i = 0; i < path.len; i++) {
		why = byte_wrong(path, i);
		if (why)
			return why;
	}
	while (rest.ptr) {
		seg = writ_str_cut(rest, '/', &rest);
		if (seg.len == 0 && rest.ptr)
			return "\"//\" in the path";
		if (is_dots(seg))
			return "a dot segment in the path";
	}
	why = writ_fold_path_wrong(path);
	return why || !pattern ? why : writ_glob_wrong(writ_str_skip(path, 1));
}

static const char *
query_wrong(struct writ_str q)
{
	size_t i;

	for (i = 0; i < q.len; i++) {
		unsigned char c = (unsigned char)q.ptr[i];

		if (c == '%' && (i + 2 >= q.len || !is_hex(q.ptr[i + 1]) ||
		    !is_hex(q.ptr[i + 2])))
			return "\"%\" without two hex digits";
		if (c != '%' && !is_unreserved(c) &&
		    (c >= 0x80 || !c || !strchr("!$&'()*+,;=:@/?", c)))
			return "a character that no query has";
	}
	return NULL;
}

static const char *
scheme(struct writ_str *s, bool pattern, struct writ_url *u)
{
	const char *sep = s->len ? memmem(s->ptr, s->len, "://", 3) : NULL;
	struct writ_str word;

	u->https = true;
	if (!sep && pattern)
		return NULL;
	if (!sep)
		return "no scheme (https:// or http://)";
	word = writ_str(s->ptr, (size_t)(sep - s->ptr));
	if (writ_str_is(word, "http"))
		u->https = false;
	else if (!writ_str_is(word, "https"))
		return "the scheme is neither https nor http";
	*s = writ_str_skip(*s, word.len + 3);
	return NULL;
}

const char *
writ_url_read(struct writ_str text, bool pattern, struct writ_url *out)
{
	struct writ_url u = { 0 };
	const char *why = scheme(&text, pattern, &u);
	size_t i, end;

	if (why)
		return why;
	u.port = u.https ? 443 : 80;
	for (i = 0; i < text.len && !strchr("/?#", text.ptr[i]); i++)
		if (!text.ptr[i])
			return "a NUL";
	for (end = i; end < text.len && text.ptr[end] != '?'; end++)
		if (text.ptr[end] == '#' || !text.ptr[end])
			return "a fragment";
	if (end < text.len && pattern)
		return "a query; say it with the key \"query\"";
	if (end < text.len) {
		u.query = writ_str_skip(text, end + 1);
		why = query_wrong(u.query);
	}
	if (!why)
		why = authority(writ_str(text.ptr, i), pattern, &u);
	if (why)
		return why;
	u.path = end > i ? writ_str(text.ptr + i, end - i) : WRIT_STR("/");
	why = path_wrong(u.path, pattern);
	if (!why)
		*out = u;
	return why;
}

void
writ_url_path(struct writ_str path, struct writ_buf *out)
{
	static const char digit[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < path.len; i++) {
		const char *next = memchr(path.ptr + i, '%', path.len - i);
		size_t plain = next ? (size_t)(next - path.ptr) - i :
		    path.len - i;
		unsigned c;

		writ_buf_add(out, path.ptr + i, plain);
		i += plain;
		if (i + 2 >= path.len) {
			writ_buf_add(out, path.ptr + i, path.len - i);
			return;
		}
		c = hex(path.ptr[i + 1]) * 16 + hex(path.ptr[i + 2]);
		i += 2;
		if (is_unreserved(c))
			writ_buf_char(out, (char)c);
		else
			writ_buf_printf(out, "%%%c%c", digit[(c >> 4) & 15],
			    digit[c & 15]);
	}
}

const char *
writ_url_host_port(struct writ_str text, struct writ_url *out)
{
	struct writ_url u = { 0 };
	const char *why = text.len ? authority(text, false, &u) : "no host";

	if (why)
		return why;
	if (!u.port_written)
		return "no port";
	*out = u;
	return NULL;
}

/* Whether bits behind the first `bits` are set in v[n]. */
static bool
has_host_bits(const uint8_t *v, size_t n, unsigned bits)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned keep = bits > i * 8 ? bits - (unsigned)i * 8 : 0;
		uint8_t mask = keep >= 8 ? 0 : (uint8_t)(0xff >> keep);

		if (v[i] & mask)
			return true;
	}
	return false;
}

const char *
writ_url_range(struct writ_str text)
{
	struct writ_str rest, addr = writ_str_cut(text, '/', &rest);
	bool six = addr.len && memchr(addr.ptr, ':', addr.len);
	char s[INET6_ADDRSTRLEN + 1];
	uint8_t v[16] = { 0 };
	uint64_t bits;

	if (!is_address(six ? AF_INET6 : AF_INET, addr))
		return "not an address in its short form";
	if (!rest.ptr || writ_str_u64(rest, six ? 128 : 32, &bits) != WRIT_OK)
		return "no prefix length such as /32";
	if (writ_str_cstr(addr, s, sizeof(s)) != WRIT_OK ||
	    inet_pton(six ? AF_INET6 : AF_INET, s, v) != 1)
		return "not an address in its short form";
	if (has_host_bits(v, six ? 16 : 4, (unsigned)bits))
		return "bits are set behind the prefix length";
	if (!six && v[0] == 127 && bits >= 8 && bits < 32)
		return "addresses of this machine only as /32 or /128";
	return NULL;
}
