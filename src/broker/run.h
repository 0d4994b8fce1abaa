/*
 * run.h - one worker and one call in it, seen from the broker: set-up, the loop that serves it,
 * and its end, however it ends.
 */
#ifndef WRIT_BROKER_RUN_H
#define WRIT_BROKER_RUN_H

#include "broker/bytes.h"
#include "broker/files.h"
#include "broker/net.h"
#include "broker/child.h"
#include "wire/serve_msg.h"
#include "broker/sock.h"
#include "wire/setup_msg.h"

enum writ_run_end {
	WRIT_RUN_FINISHED,	/* the worker told the outcome */
	WRIT_RUN_REFUSED,	/* the worker could not load it; nothing ran */
	WRIT_RUN_CANCELLED,
	WRIT_RUN_LIMIT,		/* the broker stopped it: `limit` says which */
	WRIT_RUN_LOST		/* it died, hung or talked nonsense: `why` */
};

/** How far a call is; binary64 as bits. */
struct writ_progress {
	uint64_t done, total;
	bool has_total;
	struct writ_str message;
};

/** What the guest asks of its client, or of another tool (port/client.h). */
struct writ_run_ask {
	uint32_t id;
	enum writ_ask_kind kind;
	bool more;
	struct writ_str name, text;
};

struct writ_run {
	/* given */
	const struct writ_policy *policy;
	struct writ_record *record;
	struct writ_files *files;
	struct writ_net *net;		/* NULL: the policy grants nothing it is for */
	struct writ_socks *socks;	/* NULL: none are granted */
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
	/** What a typed call tells and asks; NULL: dropped, and refused. */
	void (*progress)(void *ctx, const struct writ_progress *p);
	void (*client_log)(void *ctx, unsigned level, struct writ_str logger,
	    struct writ_str data);
	/** Answer with writ_run_reply, now or later; `ask` is borrowed for the call. */
	enum writ_status (*ask)(void *ctx, const struct writ_run_ask *ask);
	/** What a worker that serves says of itself, with the rows that follow (writ_served_get;
	 * they were looked through). */
	void (*served)(void *ctx, const struct writ_serving *s,
	    struct writ_wire_in *rows);
	void *ctx;
	/** Kept out of all that it says; NULL: none. */
	const struct writ_secrets *secrets;
	/* running */
	struct writ_buf held[3];	/* the end of an output that may be a secret's beginning */
	struct writ_conn conn;
	struct writ_child child;
	bool started;		/* the worker is ready */
	bool calling;		/* a call was sent and has not ended */
	unsigned guests;	/* it serves, so many requests at a time; 0: it does not */
	uint64_t served_count;	/* requests that have ended */
	bool fresh;		/* its first call: all its CPU time counts */
	/* the call has ended, or the worker: see `end`, which turns from FINISHED to LOST when
	 * the worker does anything between calls */
	bool over;
	bool stdin_ended;
	uint32_t call_id;
	uint64_t cpu_base_ms;	/* the worker's CPU time when the call began, or it last spoke */
	uint64_t result_max;
	uint32_t stdin_credit;
	uint64_t out_credit[3];	/* bytes the worker may still send */
	uint64_t output_bytes, log_bytes, deadline_ns;
	uint64_t judge_ns;	/* when limits are looked at next */
	clockid_t cpu_clock;	/* of the worker, if has_cpu_clock */
	bool has_cpu_clock;
	unsigned reports;
	bool closed[3];
	/* result */
	enum writ_run_end end;
	struct writ_done_msg done;
	struct writ_buf value;	/* of a typed call */
	char limit[32];
	char why[WRIT_ERR_MSG_MAX];
	enum writ_status refused_status;
	unsigned walls;
};

/** Start a worker (it loads itself while the caller hashes and looks things up).  The struct is
 * zeroed first.  `pool`: many calls will come, so an instance is kept ready to be used again; a
 * dearer start, a cheaper call.  Fails as writ_spawn. */
WRIT_MUST_CHECK enum writ_status
writ_run_start(struct writ_run *run, const char *program, unsigned without_walls,
    bool pool, struct writ_err *err);

/** The same of one that serves at most `guests` requests at a time on the listening socket `fd`
 * (borrowed). */
WRIT_MUST_CHECK enum writ_status
writ_run_start_serving(struct writ_run *run, const char *program,
    unsigned without_walls, int fd, unsigned guests, struct writ_err *err);

/** Queue set-up and code; the fields under "given" are set by now.  WRIT_LIMIT too much. */
WRIT_MUST_CHECK enum writ_status
writ_run_setup(struct writ_run *run, const struct writ_bytes *code,
    struct writ_err *err);

/** Queue the call of wasi:cli/run: the first and only one of this worker. */
WRIT_MUST_CHECK enum writ_status writ_run_command(struct writ_run *run);

/** It serves from when it is ready (`started`) until writ_run_drain and its last request, or until
 * it is lost.  No limit of a call is judged here but that it answers: they are the worker's. */
void writ_run_serving(struct writ_run *run);
/** Let it finish what it has begun.  Fails as writ_conn_send. */
WRIT_MUST_CHECK enum writ_status writ_run_drain(struct writ_run *run);

/** A typed call; everything is borrowed until writ_run_invoke returns. */
struct writ_run_invoke {
	struct writ_str function, args;
	enum writ_value_form form;
	bool keep;		/* this worker's one instance, kept from call to call */
	uint64_t result_max;	/* bytes; 0: WRIT_CALL_VALUE_MAX */
};

/** Queue a typed call; the last one, if any, is over and ended as WRIT_RUN_FINISHED.
 * WRIT_LIMIT arguments too large; WRIT_INVALID no name. */
WRIT_MUST_CHECK enum writ_status
writ_run_invoke(struct writ_run *run, const struct writ_run_invoke *call,
    struct writ_err *err);

/** Answer ask `id` of the running call.  Fails as writ_conn_send. */
WRIT_MUST_CHECK enum writ_status
writ_run_reply(struct writ_run *run, uint32_t id, enum writ_ask_status status,
    struct writ_str text);

/**
 * Send and handle what is there, never waiting.  WRIT_OK something was done; WRIT_AGAIN nothing
 * was there.  See `over` afterwards; only when `end` is WRIT_RUN_FINISHED may the worker be
 * given another call.
 */
enum writ_status writ_run_step(struct writ_run *run);
/** Do what its sockets wait for (writ_socks_fd); writ_run_step does it, too. */
void writ_run_side_step(struct writ_run *run);
/** Stop the running call; it is over, and so is the worker. */
void writ_run_cancel(struct writ_run *run);
/** Judge the call's limits now. */
void writ_run_judge(struct writ_run *run);
/** The same if a look is due; a loop that waits does it at least each writ_run_wait_ms. */
void writ_run_judge_due(struct writ_run *run);
/** Milliseconds until limits must be judged again; -1: nothing runs. */
int writ_run_wait_ms(const struct writ_run *run);

/** Serve one call to its end, waiting as needed, and end the worker.  See `end`. */
enum writ_status writ_run_serve(struct writ_run *run);

/** Kill what still lives and free.  Takes a run that was never started. */
void writ_run_release(struct writ_run *run);

#endif
