/* str.c - see str.h. */
#include "base/str.h"

#include <stdio.h>

#include "base/mem.h"

struct writ_str
writ_str_cut(struct writ_str s, char sep, struct writ_str *rest)
{
	const char *at = s.len ? memchr(s.ptr, sep, s.len) : NULL;
	size_t n;

	if (!at) {
		*rest = (struct writ_str){ NULL, 0 };
		return s;
	}
	n = (size_t)(at - s.ptr);
	*rest = writ_str_skip(s, n + 1);
	return writ_str(s.ptr, n);
}

enum writ_status
writ_str_cstr(struct writ_str s, char *buf, size_t cap)
{
	if (s.len && memchr(s.ptr, '\0', s.len))
		return WRIT_INVALID;
	if (s.len >= cap)
		return WRIT_NAMETOOLONG;
	if (s.len)
		memcpy(buf, s.ptr, s.len);
	buf[s.len] = '\0';
	return WRIT_OK;
}

char *
writ_str_dup(struct writ_str s)
{
	if (s.len && memchr(s.ptr, '\0', s.len))
		return NULL;
	return writ_memdup(s.ptr, s.len);
}

/* RFC 3629, section 4: the length that a first byte announces, 0 for none. */
static size_t
rune_len(uint8_t b)
{
	if (b < 0x80)
		return 1;
	if (b >= 0xc2 && b <= 0xdf)
		return 2;
	if (b >= 0xe0 && b <= 0xef)
		return 3;
	if (b >= 0xf0 && b <= 0xf4)
		return 4;
	return 0;
}

size_t
writ_str_rune(struct writ_str s, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const uint8_t first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const uint8_t *p = (const uint8_t *)s.ptr;
	size_t n = s.len ? rune_len(p[0]) : 0, i;
	uint32_t c;

	if (n == 0 || n > s.len)
		return 0;
	c = p[0] & first_bits[n];
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return n;
}

bool
writ_str_utf8(struct writ_str s)
{
	uint32_t cp;
	size_t n;

	while (s.len) {
		n = writ_str_rune(s, &cp);
		if (n == 0)
			return false;
		s = writ_str_skip(s, n);
	}
	return true;
}

bool
writ_str_deceptive(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x7f, 0x9f },		/* DEL and C1 */
		{ 0xad, 0xad },		/* soft hyphen */
		{ 0x34f, 0x34f },	/* combining grapheme joiner */
		{ 0x61c, 0x61c },	/* Arabic letter mark */
		{ 0x115f, 0x1160 },	/* Hangul fillers */
		{ 0x17b4, 0x17b5 },	/* Khmer inherent vowels */
		{ 0x180b, 0x180f },	/* Mongolian selectors */
		{ 0x200b, 0x200f },	/* zero width, direction marks */
		{ 0x2028, 0x202e },	/* separators, embeddings */
		{ 0x2060, 0x206f },	/* joiners, isolates */
		{ 0x3164, 0x3164 },	/* Hangul filler */
		{ 0xfe00, 0xfe0f },	/* variation selectors */
		{ 0xfeff, 0xfeff },	/* byte order mark */
		{ 0xffa0, 0xffa0 },	/* half-width Hangul filler */
		{ 0xfff0, 0xfffb },	/* interlinear and unassigned */
		{ 0x1bca0, 0x1bca3 },	/* shorthand controls */
		{ 0x1d173, 0x1d17a },	/* musical controls */
		{ 0xe0000, 0xe0fff },	/* tags and selectors */
	};
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

size_t
writ_str_shown(struct writ_str s, bool multiline,
    char out[WRIT_STR_SHOWN_MAX], size_t *len)
{
	uint32_t c = 0;
	size_t n = writ_str_rune(s, &c);
	int w;

	if (n == 0 || c == 0x7f ||
	    (c < 0x20 && !(multiline && (c == '\n' || c == '\t')))) {
		w = snprintf(out, WRIT_STR_SHOWN_MAX, "\\x%02x",
		    (unsigned)(uint8_t)s.ptr[0]);
		*len = (size_t)w;
		return 1;
	}
	if (writ_str_deceptive(c)) {
		w = snprintf(out, WRIT_STR_SHOWN_MAX, "\\u{%x}", (unsigned)c);
		*len = (size_t)w;
		return n;
	}
	memcpy(out, s.ptr, n);
	*len = n;
	return n;
}

enum writ_status
writ_str_u64(struct writ_str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	bool over = false;
	size_t i;

	if (s.len == 0 || (s.len > 1 && s.ptr[0] == '0'))
		return WRIT_INVALID;
	for (i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(uint8_t)s.ptr[i] - '0';

		if (digit > 9)
			return WRIT_INVALID;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			over = true;
	}
	if (over || v > max)
		return WRIT_OVERFLOW;
	*out = v;
	return WRIT_OK;
}

#define DISTANCE_MAX 64

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned
writ_str_distance(struct writ_str a, struct writ_str b, unsigned cap)
{
	unsigned row[DISTANCE_MAX + 1], diag, above;
	size_t la = a.len < DISTANCE_MAX ? a.len : DISTANCE_MAX;
	size_t lb = b.len < DISTANCE_MAX ? b.len : DISTANCE_MAX;
	size_t i, j;

	for (j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		diag = row[0];
		row[0] = (unsigned)i;
		for (j = 1; j <= lb; j++) {
			above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1,
			    diag + (a.ptr[i - 1] != b.ptr[j - 1]));
			diag = above;
		}
	}
	return row[lb] < cap ? row[lb] : cap;
}
