/*
 * str.h - borrowed byte slices.  Never assumed NUL-terminated, never owned.
 */
#ifndef WRIT_BASE_STR_H
#define WRIT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct writ_str {
	const char *ptr;
	size_t len;
};

/** A slice over a string literal. */
#define WRIT_STR(lit) ((struct writ_str){ (lit), sizeof(lit) - 1 })
/** Arguments for the printf format "%.*s" (cut at INT_MAX). */
#define WRIT_STR_ARG(s) (int)((s).len > 4096 ? 4096 : (s).len), (s).ptr

static inline struct writ_str
writ_str(const char *ptr, size_t len)
{
	return (struct writ_str){ ptr, len };
}

/** A slice over a C string; NULL gives the empty slice. */
static inline struct writ_str
writ_str_from(const char *c)
{
	return (struct writ_str){ c, c ? strlen(c) : 0 };
}

static inline bool
writ_str_eq(struct writ_str a, struct writ_str b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.ptr, b.ptr, a.len));
}

static inline bool
writ_str_is(struct writ_str a, const char *c)
{
	return writ_str_eq(a, writ_str_from(c));
}

static inline bool
writ_str_starts(struct writ_str a, struct writ_str prefix)
{
	return a.len >= prefix.len &&
	    (prefix.len == 0 || !memcmp(a.ptr, prefix.ptr, prefix.len));
}

/** a without its first n bytes (all of it if n is larger). */
static inline struct writ_str
writ_str_skip(struct writ_str a, size_t n)
{
	if (n > a.len)
		n = a.len;
	return (struct writ_str){ n ? a.ptr + n : a.ptr, a.len - n };
}

/** The first bytes of `s`, at most `max`, cut before a character that would not be whole. */
static inline struct writ_str
writ_str_first(struct writ_str s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
		max--;
	s.len = max;
	return s;
}

/**
 * Split at the first `sep`: returns what stands before it and leaves the rest
 * (after `sep`) in *rest; without a `sep` the whole, and *rest becomes
 * {NULL,0}.
 */
struct writ_str writ_str_cut(struct writ_str s, char sep,
    struct writ_str *rest);

/**
 * Copy `s` as a C string into buf[cap].  Fails: WRIT_INVALID an inner NUL;
 * WRIT_NAMETOOLONG no room.  The only way from a slice to a C string.
 */
WRIT_MUST_CHECK enum writ_status
writ_str_cstr(struct writ_str s, char *buf, size_t cap);

/** malloc'd C string copy; NULL without memory or with an inner NUL. */
char *writ_str_dup(struct writ_str s);

/**
 * The first character of `s`: its length in bytes (1 to 4), its code point in
 * *cp.  0 when `s` is empty or does not begin with well-formed UTF-8.
 */
size_t writ_str_rune(struct writ_str s, uint32_t *cp);

/**
 * Whether a character draws nothing or changes how others are drawn: DEL, C1,
 * bidi controls, zero width, separators of lines, tags and the like (C0 is not
 * in it).
 */
bool writ_str_deceptive(uint32_t cp);

#define WRIT_STR_SHOWN_MAX 16
/**
 * The first character of a non-empty `s` as a terminal may see it
 * (writ_buf_safe says how): its form in out[*len]; returns the bytes of `s`
 * that it stands for.
 */
size_t writ_str_shown(struct writ_str s, bool multiline,
    char out[WRIT_STR_SHOWN_MAX], size_t *len);

/** Whether `s` is well-formed UTF-8 (no surrogates, no overlong forms). */
bool writ_str_utf8(struct writ_str s);

/**
 * Parse all of `s` as an unsigned decimal of at most `max`: digits only, no
 * sign, no space, no leading zero but "0" itself.  Fails: WRIT_INVALID;
 * WRIT_OVERFLOW.  The one integer parser of the project.
 */
WRIT_MUST_CHECK enum writ_status
writ_str_u64(struct writ_str s, uint64_t max, uint64_t *out);

/** Levenshtein distance, at most `cap` (both cut at 64 bytes); "did you mean".
 */
unsigned writ_str_distance(struct writ_str a, struct writ_str b, unsigned cap);

#endif
