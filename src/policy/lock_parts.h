/*
 * lock_parts.h - what writing and comparing locks share.  Internal to src/policy.
 */
#ifndef WRIT_POLICY_LOCK_PARTS_H
#define WRIT_POLICY_LOCK_PARTS_H

#include "policy/lock.h"

/** The words of enum writ_toolbox_hint. */
extern const char *const writ_lock_hints[];

/** The order of names and imports in a lock: that of their bytes. */
int writ_lock_order(struct writ_str a, struct writ_str b);

#endif
