/*
 * json.h - strict JSON in (jansson: duplicate keys refused, depth and size
 * bounded); JSON out is written with writ_buf_json.  The only header that shows
 * json_t.
 */
#ifndef WRIT_BASE_JSON_H
#define WRIT_BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"

/**
 * Let jansson allocate through mem.h and seed its tables (it would open a file
 * for that, which a jail kills).  Call once, after writ_hash_init, before any
 * other thread exists.
 */
void writ_json_init(void);

/**
 * Parse all of `s` (WRIT_JSON_MAX bytes, WRIT_JSON_DEPTH_MAX levels at most).
 * The outermost value is an object or an array; integers fit 64 bits, signed;
 * no string has a NUL.  *out is the caller's: json_decref.  Fails: WRIT_INVALID
 * with line and column in err; WRIT_LIMIT too large or too deep; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_json_parse(struct writ_str s, json_t **out, struct writ_err *err);

/** The same, but strings may hold \u0000: for text that was quoted by
 * writ_buf_json and may be anything. */
WRIT_MUST_CHECK enum writ_status
writ_json_parse_nul(struct writ_str s, json_t **out, struct writ_err *err);

/**
 * A message of a stranger: any outermost value, `max` bytes and
 * WRIT_JSON_VALUES_MAX values at most.  Every number becomes a real, so that
 * none is refused for its size (its digits are in the text alone), and strings
 * may hold \u0000.  Else as writ_json_parse.
 */
WRIT_MUST_CHECK enum writ_status
writ_json_parse_foreign(struct writ_str s, size_t max, json_t **out,
    struct writ_err *err);

/** A member that must be a string / a non-negative integer; WRIT_NOENT,
 * WRIT_INVALID. */
WRIT_MUST_CHECK enum writ_status
writ_json_str(const json_t *o, const char *key, struct writ_str *out);
WRIT_MUST_CHECK enum writ_status
writ_json_u64(const json_t *o, const char *key, uint64_t *out);

/** Append a value as compact JSON, escaped as writ_buf_json does; NULL: null.
 */
void writ_json_put(struct writ_buf *b, const json_t *value);

static inline void
writ_json_decrefp(json_t **j)
{
	json_decref(*j);
}
#define writ_auto_json __attribute__((cleanup(writ_json_decrefp))) json_t *

#endif
