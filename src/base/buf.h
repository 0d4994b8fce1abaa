/*
 * buf.h - a byte buffer that grows to a stated maximum and no further.
 * Failure is sticky: a run of appends needs one check at the end.
 */
#ifndef WRIT_BASE_BUF_H
#define WRIT_BASE_BUF_H

#include "base/mem.h"
#include "base/str.h"

struct writ_buf {
	uint8_t *ptr;
	size_t len, cap, max;
	enum writ_status failed;	/* WRIT_OK, WRIT_LIMIT or WRIT_NOMEM */
};

/** Start empty; `max` bytes at most (no default; see limits.h). */
void writ_buf_init(struct writ_buf *b, size_t max);
/** Free the bytes; the buffer may be used again.  Takes NULL. */
void writ_buf_release(struct writ_buf *b);
/** Length 0 and no failure; memory and maximum are kept. */
void writ_buf_reset(struct writ_buf *b);

/** Append; on failure nothing is appended and the failure sticks. */
void writ_buf_add(struct writ_buf *b, const void *p, size_t n);
void writ_buf_str(struct writ_buf *b, struct writ_str s);
void writ_buf_cstr(struct writ_buf *b, const char *c);
void writ_buf_char(struct writ_buf *b, char c);
void writ_buf_printf(struct writ_buf *b, const char *fmt, ...)
    WRIT_PRINTF(2, 3);
/** Append `s` as a JSON string with its quotes (RFC 8259); invalid UTF-8 bytes
 * become U+FFFD, C0 and what is deceptive (writ_str_deceptive) \uXXXX. */
void writ_buf_json(struct writ_buf *b, struct writ_str s);
/** Append one character as \uXXXX, beyond U+FFFF as two of them. */
void writ_buf_json_escape(struct writ_buf *b, uint32_t cp);
/** As writ_buf_json, as a double-quoted scalar of YAML 1.2: beyond U+FFFF
 * \UXXXXXXXX. */
void writ_buf_yaml(struct writ_buf *b, struct writ_str s);
/** Append `s` for a terminal: C0/C1 controls, DEL, bidi and zero-width
 * characters and invalid UTF-8 shown as \xNN or \u{N}; newline and tab kept if
 * `multiline`. */
void writ_buf_safe(struct writ_buf *b, struct writ_str s, bool multiline);
/** Append lower-case hex of p[n]. */
void writ_buf_hex(struct writ_buf *b, const void *p, size_t n);
/** Room for n more bytes at the end (pointer), or NULL with the failure set;
 * writ_buf_grew() then says how many were filled. */
void *writ_buf_room(struct writ_buf *b, size_t n);
void writ_buf_grew(struct writ_buf *b, size_t n);
/** Drop the first n bytes (all if n is larger). */
void writ_buf_consume(struct writ_buf *b, size_t n);

/** The sticky status. */
WRIT_MUST_CHECK static inline enum writ_status
writ_buf_status(const struct writ_buf *b)
{
	return b->failed;
}

static inline struct writ_str
writ_buf_view(const struct writ_buf *b)
{
	return (struct writ_str){ (const char *)b->ptr, b->len };
}

WRIT_AUTO_RELEASE(writ_buf)

#endif
