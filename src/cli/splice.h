/*
 * splice.h - set one member in the text of a JSON object and leave every other
 * byte of it alone: order, spaces, numbers, escapes.  No I/O.
 */
#ifndef WRIT_CLI_SPLICE_H
#define WRIT_CLI_SPLICE_H

#include "base/json.h"

/**
 * Append to `out` the text with the member at `path` (names from the outside in,
 * ended by NULL; objects on the way are made) set to `value`.  The result is
 * read again and compared before it is handed out.
 * Fails: WRIT_INVALID not JSON, or a name on the way is no object; WRIT_LIMIT;
 * WRIT_NOMEM.  `out` is then to be released by the caller all the same.
 */
WRIT_MUST_CHECK enum writ_status
cli_splice(struct writ_str text, const char *const *path, const json_t *value,
    struct writ_buf *out, struct writ_err *err);

/** Append a value as indented JSON: `spaces` a level (0: one tab), its first
 * line as it is, the others behind `depth` levels. */
void cli_splice_value(struct writ_buf *out, const json_t *value,
    unsigned spaces, unsigned depth);

#endif
