/*
 * tool.h - a component under a writ: its bytes, code and description, and the audit log of its
 * session.  What `writ run`, `writ call` and a toolbox have in common before and after a call.
 * One thread.
 */
#ifndef WRIT_SESSION_TOOL_H
#define WRIT_SESSION_TOOL_H

#include "audit/audit.h"
#include "base/json.h"
#include "broker/run.h"
#include "broker/secrets.h"
#include "session/net.h"
#include "session/session.h"

#define WRIT_TOOL_IMPORTS_MAX 512

struct writ_tool {
	struct writ_host *host;		/* NULL: nothing will run (writ_run_refused) */
	const char *path;		/* of the component; borrowed */
	const struct writ_policy *policy;	/* borrowed */
	char id[17];			/* of the session */
	int fd;				/* the file, until it is read */
	size_t size;
	struct writ_component_file file;
	struct writ_code code;
	json_t *described;
	struct writ_str voids[WRIT_TOOL_IMPORTS_MAX];	/* of `described` */
	size_t voids_count;
	bool cached;			/* the code came from the cache */
	bool void_files;		/* it imports files and was granted none */
	const struct writ_session_net *net;	/* what its net has; NULL: not known */
	struct writ_secrets *secrets;	/* of its writ; NULL: none are named */
	struct writ_audit *audit;
	char audit_file[4096];
	uint64_t audit_first;		/* number of the session's first record */
	bool begun;			/* session-start is written */
	bool no_writ;			/* the writ itself was refused */
	bool shared;			/* bytes, code and description are another's */
	struct writ_err rejected;	/* about a changed cache entry */
};

/** Start empty, with a session id of its own; all is borrowed. */
void writ_tool_init(struct writ_tool *t, struct writ_host *host, const char *path,
    const struct writ_policy *policy);
/** A session of its own over what `t` has loaded, which must outlive it. */
void writ_tool_share(struct writ_tool *out, const struct writ_tool *t);
/** Close and free what it owns; writes nothing. */
void writ_tool_release(struct writ_tool *t);

/** Open the component's file (see writ_component_file_open), then read and hash it. */
WRIT_MUST_CHECK enum writ_status
writ_tool_open(struct writ_tool *t, struct writ_err *err);
WRIT_MUST_CHECK enum writ_status
writ_tool_read(struct writ_tool *t, struct writ_err *err);

/** Open the log; `file` NULL: a new one under the state folder.  `who` follows the user in the
 * principal's name, or is NULL.  Fails as writ_audit_open. */
WRIT_MUST_CHECK enum writ_status
writ_tool_log(struct writ_tool *t, const char *file, const char *who,
    struct writ_err *err);

/** Check digest, get code and description, refuse imports that are not offered, or not granted
 * under strict.  Fails with a sentence: WRIT_DENIED, WRIT_UNSUPPORTED, WRIT_INVALID, WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_tool_prepare(struct writ_tool *t, struct writ_err *err);

/** Calls `visit` for each exported function that can be called with values, with its part of the
 * description, until one fails. */
WRIT_MUST_CHECK enum writ_status
writ_tool_each(const struct writ_tool *t, enum writ_status (*visit)(void *ctx,
    const json_t *function, struct writ_err *err), void *ctx,
    struct writ_err *err);
/** The full name of the export that `name` means (writ_toolbox_selects); *full is borrowed from
 * the description.  WRIT_NOENT none, or several, with those there are. */
WRIT_MUST_CHECK enum writ_status
writ_tool_export(const struct writ_tool *t, struct writ_str name,
    struct writ_str *full, struct writ_err *err);

/** Fetch the secrets that the writ names, before anything is recorded of the session: from here on
 * they are kept out of its log.  Those it has already stay.  Fails as writ_secrets_open. */
WRIT_MUST_CHECK enum writ_status
writ_tool_secrets(struct writ_tool *t, struct writ_err *err);

/** Refuse grants that reach what is Writ's own: cache, log, secrets, budgets.  WRIT_DENIED. */
WRIT_MUST_CHECK enum writ_status
writ_tool_check_places(const struct writ_tool *t, struct writ_err *err);

/** Write session-start; `args` is a digest or a NULL slice. */
WRIT_MUST_CHECK enum writ_status
writ_tool_begin(struct writ_tool *t, struct writ_str args, struct writ_err *err);

/** Nothing ran, and why.  A failure to record it changes nothing. */
void writ_tool_not_started(struct writ_tool *t, struct writ_str args,
    const struct writ_err *why);

/** The scalars of a worker's set-up under this policy. */
void writ_tool_setup(const struct writ_tool *t, struct writ_setup *u);

/** How a call ended, in words for the log: "ok", "exited", "trapped", ... */
const char *writ_tool_ending(enum writ_ending ending);
/** Fill ending, limit, message, exit code and costs from a worker's end.  A limit is explained,
 * and recorded.  Fails: WRIT_IO the record cannot be written. */
WRIT_MUST_CHECK enum writ_status
writ_tool_result(struct writ_tool *t, const struct writ_run *run,
    struct writ_result *r, struct writ_err *err);

/** Tell of a refusal in the words of the public API: calls `tell` with it.  `t` names the log. */
void writ_tool_refusal(const struct writ_tool *t, const struct writ_refused *r,
    void (*tell)(void *ctx, const struct writ_refusal *refusal), void *ctx);

/** Tell a line of a guest's log in the words of the public API; `tell` may be NULL. */
void writ_tool_tell_log(unsigned level, struct writ_str context,
    struct writ_str message, void (*tell)(void *ctx, const char *level,
    const char *context, const char *message), void *ctx);

/** Write down a worker's word; false when the log cannot be written. */
bool writ_tool_report(struct writ_tool *t, struct writ_str kind, struct writ_str op,
    uint64_t count, uint64_t bytes);

#endif
