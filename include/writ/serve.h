/*
 * writ/serve.h - serve HTTP with a component that exports wasi:http/incoming-handler, a fresh
 * instance for each request.  Part of the public API; compiles alone as C11 and C++17.
 */
#ifndef WRIT_PUBLIC_SERVE_H
#define WRIT_PUBLIC_SERVE_H

#include "writ/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How to serve.  Zero-initialise, then set what you need; all borrowed. */
struct writ_serve_options {
	const char *component;		/* file; required */
	const struct writ_policy *policy;	/* NULL: nothing is granted */
	/** "127.0.0.1:8080", "[::1]:8080" or "localhost:8080"; port 0: any free one.  Another
	 * address of this machine, or 0.0.0.0 and [::], is taken too. */
	const char *address;
	unsigned workers;		/* processes; 0: one for each CPU */
	unsigned concurrency;		/* requests of one worker at a time; 0: 64 */
	uint64_t grace_ms;		/* for running requests at the end; 0: 30 s */
	const char *admin;		/* path of a socket that answers GET /healthz; NULL: none */
	const char *name;		/* argument 0; NULL: the component's file name */
	const char *const *args;	/* the guests' arguments, count of them */
	size_t args_count;
	/** Each byte that can be read there stops more: the first lets running requests finish,
	 * the second ends them.  If has_cancel. */
	int cancel_fd;
	bool has_cancel;
	/** Told once: all workers accept.  `url` ends with "/".  May be NULL. */
	void (*ready)(void *ctx, const char *url);
	/** Told what the operator should know, one line; may be NULL. */
	void (*say)(void *ctx, const char *line);
	/** Guests' output, refusals and log lines, as in struct writ_call.  A callback that
	 * waits makes all guests of that worker wait. */
	bool (*output)(void *ctx, int which, const char *bytes, size_t len);
	void (*refused)(void *ctx, const struct writ_refusal *refusal);
	void (*log)(void *ctx, const char *level, const char *context,
	    const char *message);
	void *ctx;
};

/**
 * Serve until cancel_fd says so.  WRIT_OK: it served.  Fails before that: WRIT_NOENT no component;
 * WRIT_INVALID it exports no wasi:http/incoming-handler, or the address is none; WRIT_DENIED;
 * WRIT_UNSUPPORTED; WRIT_LIMIT; WRIT_IO (address in use, audit log, a worker, ...).
 */
enum writ_status writ_http_serve(struct writ_host *host,
    const struct writ_serve_options *options, struct writ_err *err);

#ifdef __cplusplus
}
#endif
#endif
