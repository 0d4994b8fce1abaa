/*
 * base64.h - base64 of RFC 4648 section 4: padded, no line breaks, one form only.
 */
#ifndef WRIT_BASE_BASE64_H
#define WRIT_BASE_BASE64_H

#include "base/buf.h"

/** Append `bytes` in base64. */
void writ_base64_put(struct writ_buf *b, struct writ_str bytes);

/** Append the bytes that `text` spells.  WRIT_INVALID it is not base64 in its one form;
 * out->failed. */
WRIT_MUST_CHECK enum writ_status
writ_base64_get(struct writ_str text, struct writ_buf *out);

#endif
