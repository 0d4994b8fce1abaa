/*
 * fold.h - what paths that strangers' servers take for one another look like.  Internal to
 * src/policy.  Only refusals lean on it: a deny entry has to meet every spelling.
 */
#ifndef WRIT_POLICY_FOLD_H
#define WRIT_POLICY_FOLD_H

#include "base/str.h"

/** Room for the folded form of n bytes of a path. */
#define WRIT_FOLD_ROOM(n) (3 * (n) + 1)

/**
 * What is wrong with the characters of a path, or NULL: it is no UTF-8 once decoded, it is
 * encoded twice, or it has a character that compatibility forms (NFKC) make a dot or a slash.
 * Its %XX are well formed.
 */
const char *writ_fold_path_wrong(struct writ_str path);

/**
 * A path without what servers differ on: letters in lower case, compatibility forms (full-width,
 * circled, mathematical letters ...) and encoded ASCII as plain characters, no slash at the end.
 * `pattern`: a `*` stays one; else it is %2A.  Gives the bytes written to `out`, which has
 * WRIT_FOLD_ROOM(path.len) of them.
 */
size_t writ_fold_path(struct writ_str path, bool pattern, char *out);

#endif
