/* subset_int.h - shared by the files of the proof that one writ is within another. */
#ifndef WRIT_POLICY_SUBSET_INT_H
#define WRIT_POLICY_SUBSET_INT_H

#include "policy/subset.h"

struct writ_proof {
	const struct writ_policy *a, *b;
	struct writ_buf *why;
	bool open;		/* something was not proved */
};

/** Something was not proved: one line of `why`. */
void writ_unproved(struct writ_proof *p, const char *fmt, ...)
    WRIT_PRINTF(2, 3);

/** http and sockets entries. */
void writ_prove_net(struct writ_proof *p);

#endif
