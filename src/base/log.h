/*
 * log.h - the operator's log.  The library never prints: a sink is passed in
 * context.
 */
#ifndef WRIT_BASE_LOG_H
#define WRIT_BASE_LOG_H

#include "base/str.h"

enum writ_log_level {
	WRIT_LOG_ERROR,
	WRIT_LOG_WARN,
	WRIT_LOG_INFO,
	WRIT_LOG_DEBUG
};

/** Where lines go.  `emit` may be NULL (nothing is kept); it must not fail. */
struct writ_log {
	enum writ_log_level level;
	void (*emit)(void *ctx, enum writ_log_level level,
	    struct writ_str line);
	void *ctx;
};

/** One line, cut at 1 KiB, control bytes shown escaped.  `log` may be NULL. */
void writ_logf(const struct writ_log *log, enum writ_log_level level,
    const char *fmt, ...) WRIT_PRINTF(3, 4);

#endif
