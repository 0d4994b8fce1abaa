/*
 * op.h - the two rules for whatever may wait (DESIGN section 6).
 *
 * A *stream* operation never blocks: it finishes, or returns WRIT_AGAIN, keeps the wake it
 * was given and fires it once when calling again makes sense (a spurious fire is
 * harmless).  A *request* is started once: it finishes at once (any status but
 * WRIT_PENDING), or returns WRIT_PENDING and calls op->done exactly once, later, also when
 * the caller has lost interest.  Nothing with an effect is ever retried.
 *
 * All of it on the one thread that polls guests.  A wake lives as long as its task; a port
 * must have forgotten it (writ_ports.forget) before the task is freed.
 */
#ifndef WRIT_PORT_OP_H
#define WRIT_PORT_OP_H

#include "base/str.h"

struct writ_wake {
	void (*fire)(struct writ_wake *wake);
};

struct writ_op {
	/** Set by the caller; called by the port after `status` and results are set.
	 * Never called when start returned something other than WRIT_PENDING. */
	void (*done)(struct writ_op *op);
	enum writ_status status;
};

#endif
