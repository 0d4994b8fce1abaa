/*
 * writ/mcp.h - toolboxes: pin what their tools are, and serve them over MCP.
 * Part of the public API; compiles alone as C11 and C++17.
 */
#ifndef WRIT_MCP_H
#define WRIT_MCP_H

#include "writ/host.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How to serve a toolbox.  Zero-initialise, then set what you need; all borrowed. */
struct writ_mcp_options {
	const char *toolbox;	/* file; required */
	/** HTTP: "127.0.0.1:PORT", "[::1]:PORT" or "localhost:PORT", port 0 for any free one;
	 * NULL: stdio over in_fd and out_fd. */
	const char *http;
	int in_fd, out_fd;
	/** HTTP: file with the bearer token, mode 0600, made when it is missing; NULL: under the
	 * state folder. */
	const char *token_file;
	/** HTTP: ask for no token, so that whoever can connect (all users and programs of this
	 * machine) may call the tools.  For tests on loopback; `say` is told. */
	bool no_token;
	bool no_wishes;		/* offer no writ_request_grant */
	/** Readable: stop serving, if has_cancel. */
	int cancel_fd;
	bool has_cancel;
	/** Told what the operator should know, one line; may be NULL. */
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

/**
 * Serve until the client goes (stdio), the front end ends, or cancel_fd says so.
 * WRIT_OK: it served.  Fails before that: WRIT_NOENT no toolbox, or not pinned; WRIT_DENIED
 * changed since it was pinned (the message shows what); WRIT_INVALID; WRIT_UNSUPPORTED;
 * WRIT_LIMIT; WRIT_IO (address in use, audit log, ...).
 */
enum writ_status writ_mcp_serve(struct writ_host *host,
    const struct writ_mcp_options *options, struct writ_err *err);

/**
 * Load a toolbox and compare it with its lock.  *diff is what changed, for people, "" when
 * nothing did, to be freed with writ_free.  With `shown`, what a call before gave as *diff and a
 * person agreed to, the lock is written anew; NULL: it is not.
 * Fails: as writ_mcp_serve; WRIT_BUSY the difference is not `shown` any more, and nothing was
 * written; WRIT_IO the lock cannot be written.
 */
enum writ_status writ_mcp_pin(struct writ_host *host, const char *toolbox,
    const char *shown, char **diff, struct writ_err *err);

/**
 * What agents wished for through writ_request_grant: one JSON object a line ({"id","time",
 * "toolbox","tool","client","what","why"}), "" for none, to be freed with writ_free.  The words
 * are the agents': untrusted.  With `clear` the list is empty afterwards.  Fails: WRIT_IO,
 * WRIT_LIMIT, WRIT_NOMEM.
 */
enum writ_status writ_mcp_wishes(bool clear, char **lines, struct writ_err *err);

#ifdef __cplusplus
}
#endif
#endif
