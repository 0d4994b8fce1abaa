/*
 * grants.h - suggested grants, put together so that they can be pasted into one
 * writ.  Pure: texts in, text out.  Knows the form that libwrit writes, "KIND:
 * [{ name: N, ... }]", and prints what has another form as it stands.
 */
#ifndef WRIT_CLI_GRANTS_H
#define WRIT_CLI_GRANTS_H

#include "base/buf.h"

/**
 * Append the `n` texts to `out`, each line behind four spaces, made safe for a
 * terminal: one key for each kind, names made unique, and no file grant that
 * another one covers (the same or a higher guest path, at least the same
 * mode).  Empty and NULL texts are skipped.  At most `max` grants are shown;
 * what was left out is said.  Returns how many are shown.
 */
size_t cli_grants_put(struct writ_buf *out, const char *const *texts, size_t n,
    size_t max);

#endif
