/*
 * compile.h - run writ-compiler: untrusted component bytes in, code and a
 * description out.  One jailed process per component, bounded in time and
 * memory, then gone.  What it says about types is untrusted text of bounded
 * size.
 */
#ifndef WRIT_BROKER_COMPILE_H
#define WRIT_BROKER_COMPILE_H

#include "broker/bytes.h"

struct writ_compile {
	const char *program;		/* path of writ-compiler */
	unsigned without_walls;
	int cancel_fd;			/* readable: give up; -1: none */
	/** Called once when it takes longer than half a second; may be NULL. */
	void (*progress)(void *ctx, const char *what);
	void *ctx;
};

/**
 * Describe, and if `code` is not NULL also compile, the component in `wasm`.
 * *text: JSON as writ_engine_describe gives it; both are the caller's.
 * Fails: WRIT_INVALID, WRIT_UNSUPPORTED with the compiler's sentence;
 * WRIT_LIMIT took too long, too much memory or made too much; WRIT_CANCELLED;
 * WRIT_IO it cannot be started or died.
 */
WRIT_MUST_CHECK enum writ_status
writ_compile(const struct writ_compile *c, const struct writ_bytes *wasm,
    struct writ_bytes *code, struct writ_bytes *text, struct writ_err *err);

#endif
