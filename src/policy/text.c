#include "policy/text.h"

#include <stdio.h>

#define MARKS_MAX 8
#define BLANKS_MAX 128

struct range {
	uint32_t from, to;
	const char *what;
};

static const char control[] = "a control character";
static const char unseen[] = "a character that shows nothing";
static const char reorders[] = "a character that reorders text";
static const char line_end[] = "a line separator";
static const char selector[] = "a variation selector";
static const char tag[] = "a tag character";
static const char nonchar[] = "a noncharacter";

/* In order; U+FE0E and U+FE0F are judged by what stands before them. */
static const struct range refused[] = {
	{ 0x0000, 0x0008, control },	{ 0x000b, 0x001f, control },
	{ 0x007f, 0x009f, control },	{ 0x00ad, 0x00ad, unseen },
	{ 0x034f, 0x034f, unseen },	{ 0x061c, 0x061c, reorders },
	{ 0x115f, 0x1160, unseen },	{ 0x17b4, 0x17b5, unseen },
	{ 0x180b, 0x180d, selector },	{ 0x180e, 0x180f, unseen },
	{ 0x200b, 0x200d, unseen },	{ 0x200e, 0x200f, reorders },
	{ 0x2028, 0x2029, line_end },	{ 0x202a, 0x202e, reorders },
	{ 0x2060, 0x2065, unseen },	{ 0x2066, 0x2069, reorders },
	{ 0x206a, 0x206f, unseen },	{ 0x2800, 0x2800, unseen },
	{ 0x3164, 0x3164, unseen },	{ 0xd800, 0xdfff, nonchar },
	{ 0xfdd0, 0xfdef, nonchar },	{ 0xfe00, 0xfe0d, selector },
	{ 0xfeff, 0xfeff, unseen },	{ 0xffa0, 0xffa0, unseen },
	{ 0xfff0, 0xfffb, unseen },	{ 0xfffe, 0xffff, nonchar },
	{ 0x13430, 0x1345f, control },	{ 0x1bca0, 0x1bca3, unseen },
	{ 0x1d173, 0x1d17a, unseen },	{ 0xe0000, 0xe007f, tag },
	{ 0xe0080, 0xe00ff, unseen },	{ 0xe0100, 0xe01ef, selector },
	{ 0xe01f0, 0xe0fff, unseen },
};

static const struct range marks[] = {
	{ 0x0300, 0x036f, NULL }, { 0x0483, 0x0489, NULL },
	{ 0x0591, 0x05bd, NULL }, { 0x064b, 0x065f, NULL },
	{ 0x0e31, 0x0e3a, NULL }, { 0x0e47, 0x0e4e, NULL },
	{ 0x1ab0, 0x1aff, NULL }, { 0x1dc0, 0x1dff, NULL },
	{ 0x20d0, 0x20ff, NULL }, { 0x302a, 0x302f, NULL },
	{ 0xfe20, 0xfe2f, NULL },
};

#define COUNT(t) (sizeof(t) / sizeof((t)[0]))

static const struct range *
find(const struct range *v, size_t n, uint32_t cp)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (cp >= v[i].from && cp <= v[i].to)
			return &v[i];
	return NULL;
}

/* Emoji and symbols that have a coloured and a plain form, and key caps. */
static bool
has_forms(uint32_t cp)
{
	return cp == 0xa9 || cp == 0xae || (cp >= 0x203c && cp <= 0x3299) ||
	    (cp >= 0x1f000 && cp <= 0x1faff) || cp == '#' || cp == '*' ||
	    (cp >= '0' && cp <= '9');
}

static bool
is_blank(uint32_t cp)
{
	return cp == ' ' || cp == '\t' || cp == '\n' || cp == 0xa0 ||
	    cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x202f ||
	    cp == 0x205f || cp == 0x3000;
}

struct scan {
	uint32_t before;
	size_t marks, blanks;
};

static const char *
judge(struct scan *s, uint32_t cp)
{
	const struct range *r = find(refused, COUNT(refused), cp);

	if (r)
		return r->what;
	if ((cp & 0xfffe) == 0xfffe)
		return nonchar;
	if ((cp == 0xfe0e || cp == 0xfe0f) && !has_forms(s->before))
		return selector;
	s->marks = find(marks, COUNT(marks), cp) ? s->marks + 1 : 0;
	if (s->marks > MARKS_MAX)
		return "one of too many combining marks";
	s->blanks = is_blank(cp) ? s->blanks + 1 : 0;
	if (s->blanks > BLANKS_MAX)
		return "one of more than 128 blanks in a row";
	s->before = cp;
	return NULL;
}

bool
writ_text_wrong(struct writ_str s, char why[WRIT_TEXT_WHY_MAX])
{
	struct scan scan = { 0 };
	const char *what;
	size_t at = 0, n;
	uint32_t cp;

	while (at < s.len) {
		n = writ_str_rune(writ_str_skip(s, at), &cp);
		if (n == 0) {
			(void)snprintf(why, WRIT_TEXT_WHY_MAX,
			    "not UTF-8 at byte %zu", at + 1);
			return true;
		}
		what = judge(&scan, cp);
		if (what) {
			(void)snprintf(why, WRIT_TEXT_WHY_MAX,
			    "U+%04X at byte %zu is %s", (unsigned)cp, at + 1,
			    what);
			return true;
		}
		at += n;
	}
	return false;
}

bool
writ_text_line_wrong(struct writ_str s, char why[WRIT_TEXT_WHY_MAX])
{
	size_t i;

	if (s.len > WRIT_TITLE_MAX) {
		(void)snprintf(why, WRIT_TEXT_WHY_MAX, "longer than %d bytes",
		    WRIT_TITLE_MAX);
		return true;
	}
	for (i = 0; i < s.len; i++)
		if (s.ptr[i] == '\n' || s.ptr[i] == '\t') {
			(void)snprintf(why, WRIT_TEXT_WHY_MAX,
			    "a line break or tab at byte %zu", i + 1);
			return true;
		}
	return writ_text_wrong(s, why);
}

enum writ_status
writ_text_check(struct writ_str s, const char *what, struct writ_err *err)
{
	char why[WRIT_TEXT_WHY_MAX];

	if (s.len > WRIT_TEXT_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: longer than 16 KiB", what);
	if (writ_text_wrong(s, why))
		return writ_fail(err, WRIT_INVALID, "%s: %s", what, why);
	return WRIT_OK;
}
