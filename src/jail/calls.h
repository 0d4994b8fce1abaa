/*
 * calls.h - the system calls that a locked program may still make: one table.
 */
#ifndef WRIT_JAIL_CALLS_H
#define WRIT_JAIL_CALLS_H

#include "jail/jail.h"

#define WRIT_CALL_ARGS 2

/** Who a row is for. */
enum writ_call_who {
	WRIT_CALL_WORKER = 1,
	WRIT_CALL_COMPILER = 2,
	WRIT_CALL_BOTH = 3,
	WRIT_CALL_FRONT = 4,
	WRIT_CALL_NET = 8,
	WRIT_CALL_SERVE = 16	/* on top of a worker's */
};

/** A value that stands for this process's id. */
#define WRIT_CALL_SELF UINT64_MAX

/** Of a row's `answer`: the call returns 0 without being done. */
#define WRIT_CALL_NOTHING (-1)

/** A call is allowed when, for each condition, (argument & mask) == value. */
struct writ_call_row {
	const char *name;
	unsigned who;
	unsigned count;		/* of conditions */
	struct {
		unsigned arg;
		uint64_t mask, value;
	} only[WRIT_CALL_ARGS];
	int answer;		/* 0: done; else an errno, without being done */
};

/** The i-th row, or NULL past the last.  Several rows of one call add up. */
const struct writ_call_row *writ_jail_call_at(size_t i);

#endif
