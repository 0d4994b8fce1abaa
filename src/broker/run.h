/*
 * run.h - one worker and one call in it, seen from the broker: set-up, the loop that serves it,
 * and its end, however it ends.
 */
#ifndef WRIT_BROKER_RUN_H
#define WRIT_BROKER_RUN_H

#include "broker/bytes.h"
#include "broker/files.h"
#include "broker/child.h"
#include "wire/setup_msg.h"

enum writ_run_end {
	WRIT_RUN_FINISHED,	/* the worker told the outcome */
	WRIT_RUN_REFUSED,	/* the worker could not load it; nothing ran */
	WRIT_RUN_CANCELLED,
	WRIT_RUN_LIMIT,		/* the broker stopped it: `limit` says which */
	WRIT_RUN_LOST		/* it died, hung or talked nonsense: `why` */
};

struct writ_run {
	/* given */
	const struct writ_policy *policy;
	struct writ_record *record;
	struct writ_files *files;
	struct writ_setup setup;
	const char *name;
	const char *const *args;
	size_t args_count;
	unsigned without_walls;
	int stdin_fd, cancel_fd;	/* -1: none */
	/** Told once, before output and log: by when they must return.  May be NULL. */
	void (*until)(void *ctx, uint64_t mono_ns);
	bool (*output)(void *ctx, int which, const char *bytes, size_t len);
	void (*log)(void *ctx, unsigned level, struct writ_str context,
	    struct writ_str message);
	/** The worker's word about things inside it. */
	void (*report)(void *ctx, struct writ_str kind, struct writ_str op,
	    uint64_t count, uint64_t bytes);
	void *ctx;
	/* running */
	struct writ_conn conn;
	struct writ_child child;
	bool started, stdin_ended, over;
	uint32_t stdin_credit;
	uint64_t out_credit[3];	/* bytes the worker may still send */
	uint64_t output_bytes, log_bytes, deadline_ns;
	uint64_t judge_ns;	/* when limits are looked at next */
	unsigned reports;
	bool closed[3];
	/* result */
	enum writ_run_end end;
	struct writ_done_msg done;
	char limit[32];
	char why[WRIT_ERR_MSG_MAX];
	enum writ_status refused_status;
	unsigned walls;
};

/** Start a worker (it loads itself while the caller hashes and looks things up).  The struct is
 * zeroed first.  Fails as writ_spawn. */
WRIT_MUST_CHECK enum writ_status
writ_run_start(struct writ_run *run, const char *program, unsigned without_walls,
    struct writ_err *err);

/** Send set-up and code, serve the call to its end, reap the worker.  The fields under "given"
 * are set by now.  WRIT_OK: see `end`; otherwise nothing ran. */
WRIT_MUST_CHECK enum writ_status
writ_run_serve(struct writ_run *run, const struct writ_bytes *code,
    struct writ_err *err);

/** Kill what still lives and free.  Takes a run that was never started. */
void writ_run_release(struct writ_run *run);

#endif
