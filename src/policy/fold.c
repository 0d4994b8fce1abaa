#include "policy/fold.h"

/* Unicode 15, NFKC and then case folding, where that is one ASCII character; ' ': it is not.
 * The mathematical letters and digits are computed. */
static const struct { uint32_t first; const char *plain; } forms[] = {
	{ 0xaa,    "a" },
	{ 0xb2,    "23" },
	{ 0xb9,    "1o" },
	{ 0x130,   "ii" },
	{ 0x17f,   "s" },
	{ 0x2b0,   "h jr   wy" },
	{ 0x2e1,   "lsx" },
	{ 0x37e,   ";" },
	{ 0x1d2c,  "a b de ghijklmn o prtuwa   bde   g km o   ptu  v" },
	{ 0x1d62,  "iruv" },
	{ 0x1d9c,  "c   f" },
	{ 0x1dbb,  "z" },
	{ 0x1fef,  "`" },
	{ 0x2070,  "0i  456789+ =()n0123456789+ =() aeox hklmnpst" },
	{ 0x2102,  "c" },
	{ 0x210a,  "ghhhh iill n   pqrrr" },
	{ 0x2124,  "z   z k bc eef mo    i" },
	{ 0x2145,  "ddeij" },
	{ 0x2160,  "i   v    x  lcdmi   v    x  lcdm" },
	{ 0x2460,  "123456789" },
	{ 0x24b6,  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0" },
	{ 0x2c7c,  "jv" },
	{ 0xa7f2,  "cfq" },
	{ 0xfb29,  "+" },
	{ 0xfe10,  ",  :;!?" },
	{ 0xfe33,  "__(){}" },
	{ 0xfe47,  "[]    ___,   ;:?! (){}  #& +-<>=  $ @" },
	{ 0xff01,  "!\"#$ &'()*+,-  0123456789:;<=>?@abcdefghijklmnopqrstuvwxyz"
	    "[ ]^_`abcdefghijklmnopqrstuvwxyz{|}~" },
	{ 0x107a5, "q" },
	{ 0x1f12b, "cr   abcdefghijklmnopqrstuvwxyz" },
	{ 0x1fbf0, "0123456789" },
};

/* NFKC has a slash, a backslash or nothing but dots for these. */
static const uint32_t breakers[] = { 0x2024, 0x2025, 0x2026, 0x2100, 0x2101,
	0x2105, 0x2106, 0xfe19, 0xfe30, 0xfe52, 0xfe68, 0xff0e, 0xff0f, 0xff3c };

static bool
is_hex(uint32_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The byte at s.ptr[*i], %XX decoded, and *i behind it. */
static uint32_t
next_byte(struct writ_str s, size_t *i)
{
	uint32_t c = (unsigned char)s.ptr[*i];

	if (c != '%' || s.len - *i < 3) {
		++*i;
		return c;
	}
	c = (uint32_t)(hex(s.ptr[*i + 1]) * 16 + hex(s.ptr[*i + 2]));
	*i += 3;
	return c;
}

/* The character there in *out, and *i behind it; false: no UTF-8 (RFC 3629). */
static bool
next_char(struct writ_str s, size_t *i, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint32_t c = next_byte(s, i), b;
	unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3, k;

	if ((c >= 0x80 && c < 0xc2) || c > 0xf4)
		return false;
	if (more)
		c &= 0x3fu >> more;
	for (k = 0; k < more; k++) {
		if (*i == s.len)
			return false;
		b = next_byte(s, i);
		if ((b & 0xc0) != 0x80)
			return false;
		c = c << 6 | (b & 0x3f);
	}
	*out = c;
	return c >= least[more] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

const char *
writ_fold_path_wrong(struct writ_str path)
{
	uint32_t c, before[2] = { 0, 0 };
	size_t i = 0, k;

	while (i < path.len) {
		if (!next_char(path, &i, &c))
			return "a path that is not UTF-8";
		if (before[0] == '%' && is_hex(before[1]) && is_hex(c))
			return "a path that is encoded twice";
		for (k = 0; k < sizeof(breakers) / sizeof(breakers[0]); k++)
			if (c == breakers[k])
				return "a character that some take for a dot or "
				    "a slash";
		before[0] = before[1];
		before[1] = c;
	}
	return NULL;
}

/* 0: it stands for itself alone. */
static char
plain_of(uint32_t c)
{
	size_t i;

	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : (char)c;
	if (c >= 0x1d400 && c <= 0x1d6a3)
		return (char)('a' + (c - 0x1d400) % 26);
	if (c >= 0x1d7ce && c <= 0x1d7ff)
		return (char)('0' + (c - 0x1d7ce) % 10);
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (c >= forms[i].first &&
		    c - forms[i].first < strlen(forms[i].plain))
			return forms[i].plain[c - forms[i].first] == ' ' ? 0 :
			    forms[i].plain[c - forms[i].first];
	return 0;
}

size_t
writ_fold_path(struct writ_str path, bool pattern, char *out)
{
	size_t i = 0, n = 0, from;
	uint32_t c;
	char plain;

	while (i < path.len) {
		from = i;
		plain = next_char(path, &i, &c) ? plain_of(c) : 0;
		if (plain == '*' && (!pattern || i - from > 1)) {
			memcpy(out + n, "%2A", 3);
			n += 3;
		} else if (plain && plain != '%') {
			out[n++] = plain;
		} else {
			memcpy(out + n, path.ptr + from, i - from);
			n += i - from;
		}
	}
	while (n > 1 && out[n - 1] == '/')
		n--;
	return n;
}
