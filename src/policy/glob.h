/*
 * glob.h - patterns over `/`-separated segments, for paths, keys and URL
 * paths.  Internal to src/policy.  `*` stands for a non-empty run within a
 * segment, `**` as a whole segment for zero or more segments.
 */
#ifndef WRIT_POLICY_GLOB_H
#define WRIT_POLICY_GLOB_H

#include "base/str.h"

/** What is wrong with a pattern of segments, or NULL: `**` inside a segment,
 * more than two `**`, too long, too many segments. */
const char *writ_glob_wrong(struct writ_str pattern);

/** Whether the pattern matches `s`; neither with a leading `/`. */
bool writ_glob_match(struct writ_str pattern, struct writ_str s);

/** Whether it matches `s`, or anything `s/...` lies below what it matches. */
bool writ_glob_covers(struct writ_str pattern, struct writ_str s);

/** Whether it may match something at or below `s`. */
bool writ_glob_reaches(struct writ_str pattern, struct writ_str s);

#endif
