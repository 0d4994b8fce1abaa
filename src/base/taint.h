/*
 * taint.h - finding values in text: as they are, backwards, in hex, in base64 of either alphabet and
 * any alignment, and all of these below percent-encoding, \-escapes (JSON), or both.
 * The values are borrowed, and nothing of them is kept but a table in locked memory.
 *
 * A value that begins in the text and is cut by its end counts from WRIT_SECRET_MIN characters on.
 * Cost: 2 to 3 ns a byte, whatever the number of values.
 */
#ifndef WRIT_BASE_TAINT_H
#define WRIT_BASE_TAINT_H

#include "base/buf.h"
#include "base/limits.h"

struct writ_taint;

struct writ_taint_value {
	const char *name;
	const uint8_t *ptr;		/* at least WRIT_SECRET_MIN bytes */
	size_t len;
};

/** Values and names must outlive *out.  WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_taint_new(const struct writ_taint_value *values, size_t count,
    struct writ_taint **out);
void writ_taint_free(struct writ_taint *t);
WRIT_AUTO_FREE(writ_taint)

/** Append `text` with each value replaced by "[secret NAME]".  Without memory out->failed is set,
 * and nothing is appended.  `t` NULL: as it is. */
void writ_taint_redact(const struct writ_taint *t, struct writ_str text,
    struct writ_buf *out);
/** The same in place, with a '*' for each byte of it.  WRIT_NOMEM: p[n] is as it was. */
WRIT_MUST_CHECK enum writ_status
writ_taint_mask(const struct writ_taint *t, char *p, size_t n);
/** How many bytes at its end, 2 * WRIT_SECRET_MAX at most, may be the beginning of one that goes on in
 * the next piece of the text. */
size_t writ_taint_tail(const struct writ_taint *t, struct writ_str text);
/** Whether one is in it; also when memory is gone. */
bool writ_taint_in(const struct writ_taint *t, struct writ_str text);

#endif
