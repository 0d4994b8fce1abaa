/*
 * subset.h - whether one writ allows no more than another.
 * Pure, and it looks at the two writs only: host paths must be absolute, since two
 * writs may lie in different folders.
 */
#ifndef WRIT_POLICY_SUBSET_H
#define WRIT_POLICY_SUBSET_H

#include "policy/policy.h"

enum writ_subset { WRIT_SUBSET_UNPROVED, WRIT_SUBSET_PROVED };

/**
 * PROVED only if whatever `a` allows `b` allows on the same thing, what it asks for `b`
 * asks for or allows, and every budget of `a` fits in that of `b`.  UNPROVED says
 * nothing: the answer is never wrongly yes, and may be a wrong no.  Each reason is
 * appended to `why` (may be NULL) as a line; one that is full changes no answer.
 *
 * Rules.  Limits: each at most that of `b`.  `strict` of `b` needs that of `a`.
 * Clock: none is within any; real within real, frozen within frozen at the same second,
 * and no finer.  Random: `trap` is within any, none within any but `trap`, secure and
 * the same seed within themselves.  env, config: each with the same value in `b`.
 * files: each mount of `a` is one of `b` at the same place from the same source, with
 * no more rights, opened names and quota; what `b` mounts below it `a` mounts too, or
 * denies; what `b` denies `a` denies, or does not mount.  spawn: no more depth and calls
 * of the same tool (that both go down from parent to child is the caller's affair).
 * client: no more words.  http: each entry is within every one of `b` that may match what it
 * allows, one at least, with the same credential; what shares an entry of `b` sums within its
 * rate, concurrency and totals; what `b` denies `a` denies, or does not grant.  sockets: each is
 * one of `b`, with no more addresses and budget.  Grants that are not built yet cannot be in a
 * policy.
 *
 * Not compared: name, component, and the limits of what else is running.
 */
enum writ_subset
writ_policy_subset(const struct writ_policy *a, const struct writ_policy *b,
    struct writ_buf *why);

#endif
