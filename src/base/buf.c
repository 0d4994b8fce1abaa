/* buf.c - see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#define FIRST_CAP 64

void
writ_buf_init(struct writ_buf *b, size_t max)
{
	*b = (struct writ_buf){ .max = max };
}

void
writ_buf_release(struct writ_buf *b)
{
	if (!b)
		return;
	writ_mem_free(b->ptr);
	b->ptr = NULL;
	b->len = b->cap = 0;
	b->failed = WRIT_OK;
}

void
writ_buf_reset(struct writ_buf *b)
{
	b->len = 0;
	b->failed = WRIT_OK;
}

/* One byte more than cap is allocated, for vsnprintf's NUL. */
static bool
reserve(struct writ_buf *b, size_t n)
{
	size_t need, cap;
	uint8_t *p;

	if (b->failed != WRIT_OK)
		return false;
	if (n > b->max - b->len || b->max == SIZE_MAX) {
		b->failed = WRIT_LIMIT;
		return false;
	}
	need = b->len + n;
	if (b->ptr && need <= b->cap)
		return true;
	cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
	if (cap < FIRST_CAP)
		cap = b->max < FIRST_CAP ? b->max : FIRST_CAP;
	if (cap < need)
		cap = need;
	p = writ_realloc(b->ptr, cap + 1, 1);
	if (!p) {
		b->failed = WRIT_NOMEM;
		return false;
	}
	b->ptr = p;
	b->cap = cap;
	return true;
}

void
writ_buf_add(struct writ_buf *b, const void *p, size_t n)
{
	if (n == 0 || !reserve(b, n))
		return;
	memcpy(b->ptr + b->len, p, n);
	b->len += n;
}

void
writ_buf_str(struct writ_buf *b, struct writ_str s)
{
	writ_buf_add(b, s.ptr, s.len);
}

void
writ_buf_cstr(struct writ_buf *b, const char *c)
{
	writ_buf_str(b, writ_str_from(c));
}

void
writ_buf_char(struct writ_buf *b, char c)
{
	writ_buf_add(b, &c, 1);
}

void
writ_buf_printf(struct writ_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!reserve(b, 0))
		return;
	va_start(ap, fmt);
	n = vsnprintf((char *)b->ptr + b->len, b->cap - b->len + 1, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = WRIT_LIMIT;
		return;
	}
	if ((size_t)n > b->cap - b->len) {
		if (!reserve(b, (size_t)n))
			return;
		va_start(ap, fmt);
		n = vsnprintf((char *)b->ptr + b->len, b->cap - b->len + 1,
		    fmt, ap);
		va_end(ap);
		if (n < 0 || (size_t)n > b->cap - b->len)
			WRIT_BUG("a format printed two lengths");
	}
	b->len += (size_t)n;
}

static bool
json_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* One character as an escape of JSON, or of YAML, which has no pairs of surrogates. */
static void
escape(struct writ_buf *b, uint32_t cp, bool yaml)
{
	if (cp < 0x10000)
		writ_buf_printf(b, "\\u%04x", (unsigned)cp);
	else if (yaml)
		writ_buf_printf(b, "\\U%08x", (unsigned)cp);
	else
		writ_buf_printf(b, "\\u%04x\\u%04x",
		    (unsigned)(0xd7c0 + (cp >> 10)),
		    (unsigned)(0xdc00 | (cp & 0x3ff)));
}

/* One character that is not plain ASCII; returns the bytes it took. */
static size_t
quote_special(struct writ_buf *b, struct writ_str s, bool yaml)
{
	uint32_t cp = 0;
	size_t n = writ_str_rune(s, &cp);

	if (n == 0) {
		writ_buf_cstr(b, "\xef\xbf\xbd");
		return 1;
	}
	if (cp < 0x20 || writ_str_deceptive(cp)) {
		escape(b, cp, yaml);
	} else {
		if (cp == '"' || cp == '\\')
			writ_buf_char(b, '\\');
		writ_buf_add(b, s.ptr, n);
	}
	return n;
}

static void
quote(struct writ_buf *b, struct writ_str s, bool yaml)
{
	size_t start = b->len, n;

	writ_buf_char(b, '"');
	while (s.len && b->failed == WRIT_OK) {
		for (n = 0; n < s.len && json_plain((uint8_t)s.ptr[n]); n++)
			;
		writ_buf_add(b, s.ptr, n);
		s = writ_str_skip(s, n);
		if (s.len)
			s = writ_str_skip(s, quote_special(b, s, yaml));
	}
	writ_buf_char(b, '"');
	if (b->failed != WRIT_OK)
		b->len = start;
}

void
writ_buf_json(struct writ_buf *b, struct writ_str s)
{
	quote(b, s, false);
}

void
writ_buf_json_escape(struct writ_buf *b, uint32_t cp)
{
	escape(b, cp, false);
}

void
writ_buf_yaml(struct writ_buf *b, struct writ_str s)
{
	quote(b, s, true);
}

void
writ_buf_safe(struct writ_buf *b, struct writ_str s, bool multiline)
{
	char form[WRIT_STR_SHOWN_MAX];
	size_t start = b->len, n;

	while (s.len && b->failed == WRIT_OK) {
		s = writ_str_skip(s, writ_str_shown(s, multiline, form, &n));
		writ_buf_add(b, form, n);
	}
	if (b->failed != WRIT_OK)
		b->len = start;
}

void
writ_buf_hex(struct writ_buf *b, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = p;
	char *out;
	size_t i;

	if (n > SIZE_MAX / 2) {
		b->failed = WRIT_LIMIT;
		return;
	}
	out = writ_buf_room(b, n * 2);
	if (!out)
		return;
	for (i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	writ_buf_grew(b, n * 2);
}

void *
writ_buf_room(struct writ_buf *b, size_t n)
{
	return reserve(b, n) ? b->ptr + b->len : NULL;
}

void
writ_buf_grew(struct writ_buf *b, size_t n)
{
	if (n > b->cap - b->len)
		WRIT_BUG("a buffer was filled past its room");
	b->len += n;
}

void
writ_buf_consume(struct writ_buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->ptr, b->ptr + n, b->len - n);
	b->len -= n;
}
