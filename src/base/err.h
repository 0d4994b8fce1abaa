/*
 * err.h - how everything that can fail says so.  A status code for programs, a
 * fixed message for people; nothing to free, so it works when memory is gone.
 * No I/O.  Safe on any thread (no shared state).
 */
#ifndef WRIT_BASE_ERR_H
#define WRIT_BASE_ERR_H

#include <stddef.h>

#include "writ/error.h"

#define WRIT_MUST_CHECK __attribute__((warn_unused_result))
#define WRIT_PRINTF(f, a) __attribute__((format(printf, f, a)))

/**
 * Set `err` (NULL allowed) to `st` and a message made from `fmt`, cut at
 * WRIT_ERR_MSG_MAX - 1 bytes, control bytes replaced by '?'.  Returns `st`, so
 * that `return writ_fail(err, WRIT_IO, ...)` does both.
 */
enum writ_status
writ_fail(struct writ_err *err, enum writ_status st, const char *fmt, ...)
    WRIT_PRINTF(3, 4);

/**
 * Put "prefix: " in front of the message already in `err` (NULL allowed) and
 * return `st` unchanged: for callers that know which thing failed.
 */
enum writ_status
writ_fail_in(struct writ_err *err, enum writ_status st, const char *fmt, ...)
    WRIT_PRINTF(3, 4);

/**
 * A broken invariant of ours: writes one line to stderr and aborts.
 * Never used for bad input.
 */
#define WRIT_BUG(why) writ_bug(__FILE__, __LINE__, (why))
__attribute__((noreturn)) void
writ_bug(const char *file, int line, const char *why);

#endif
