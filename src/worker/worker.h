/*
 * worker.h - the jailed process that runs guests: its one struct and its parts.
 * It holds the bytes its session was granted and one socket, on which it may ask.
 * Single-threaded; the only asynchronous thing is the CPU tick (a signal).
 *
 * struct writ_worker is what its guests have in common; struct writ_guest is one call.  A worker
 * of `writ run` or a toolbox has one guest, `first`; one that serves has many at a time.
 * What one guest was given (handles, memory, answers on their way) no other one reaches.
 */
#ifndef WRIT_WORKER_WORKER_H
#define WRIT_WORKER_WORKER_H

#include "base/vec.h"
#include "cap/clock.h"
#include "cap/env.h"
#include "cap/fs_front.h"
#include "cap/random.h"
#include "port/engine.h"
#include "wire/conn.h"
#include "wire/setup_msg.h"
#include "worker/watch.h"

/** stdio.c: the call's streams, over the wire under credits. */
struct writ_worker_stdio {
	struct writ_buf in;
	bool in_ended, in_asked;
	uint64_t output, output_max;	/* bytes; 0: no limit */
	struct writ_wake *in_wake, *out_wake;
};

/** tree.c: one preopened directory. */
struct writ_worker_mount {
	char *at;
	uint64_t root;			/* handle, as the guest knows it */
};

/** tree.c: the rules of one mount in memory, with what they point to. */
struct writ_worker_rules {
	struct writ_fs_rules rules;
	struct writ_fs_deny deny[64];
	char *opened[65];
};

/** tree.c: mounts, and descriptors that the broker holds. */
struct writ_worker_tree {
	struct writ_fs *memory;		/* every mount in memory */
	struct writ_vec mounts;		/* struct writ_worker_mount */
	struct writ_vec rules;		/* struct writ_worker_rules *, by memory mount */
	struct writ_vec remote;		/* struct writ_remote */
	unsigned in_flight;		/* of this guest */
	uint64_t memory_calls, memory_bytes;	/* for the report */
	uint64_t memory_quota;		/* bytes of all mounts in memory */
};

/** One call: its instance, and all that belongs to it alone. */
struct writ_guest {
	struct writ_worker *worker;
	struct writ_guest *next;	/* of worker->guests */
	struct writ_worker_stdio stdio;
	struct writ_worker_tree tree;
	struct writ_clock clock;
	struct writ_random random;
	struct writ_ports ports;
	struct writ_exchange *http;	/* http.c: its requests that go out */
	struct writ_task *task;
	struct writ_wake wake;		/* the task's */
	bool woken;
	bool running;			/* a call is; a task may outlive it (keep) */
	unsigned asks_in_flight, socks_in_flight;
	/** Whether it awaits its client (serve_port.c); NULL: it has none. */
	bool (*awaits)(const struct writ_guest *g);
	uint64_t call_start_ns, slept_before_ns;
	uint64_t log_bytes;		/* of the call's log so far */
	uint64_t untold;		/* log lines and refusals counted only */
};

struct writ_serve;

struct writ_worker {
	struct writ_conn conn;
	struct writ_setup setup;
	bool has_setup, cancelled, broken;
	struct writ_env env;
	struct writ_engine *engine;
	struct writ_component *component;
	struct writ_guest first;	/* the only one, unless it serves */
	struct writ_guest *guests;	/* all there are */
	uint64_t credit[3];		/* bytes that stdout and stderr may send, of all guests */
	struct {			/* tree.c: questions to the broker, by id */
		struct writ_fs_call *call;	/* NULL: free */
		struct writ_guest *guest;	/* NULL: it has gone */
		uint32_t gen;
	} pending[WRIT_WIRE_PENDING_MAX];
	unsigned in_flight;
	int done_fd;			/* lent, no longer used: closed while waiting */
	struct {			/* client.c */
		struct writ_ask *ask;	/* NULL: free */
		struct writ_guest *guest;
		uint32_t gen;
	} asks[WRIT_ASKS_MAX];
	struct {			/* http.c: requests that the broker has not answered */
		struct writ_exchange *exchange;	/* NULL: its guest gave it up */
		bool busy;
		uint32_t gen;
	} http[WRIT_HTTP_ASKS_MAX];
	uint32_t http_next;		/* row to be looked at first */
	struct writ_http_field http_fields[WRIT_HTTP_FIELDS_OUT_MAX];	/* to check some */
	struct writ_watches watches;	/* fds of guests */
	struct writ_worker_socks *socks; /* sock.c; NULL: never used */
	struct writ_serve *serve;	/* serve.h; NULL: it runs one call at a time */
	/* the call of `first` */
	bool invoked, keep;
	struct writ_buf args;		/* of the INVOKE to come */
	uint32_t call_id;
	uint64_t cpu_start_ns;
	uint64_t cpu_ns, cpu_at_ns;	/* CPU time when last looked at, and when */
	struct writ_buf scratch;	/* for the body of one message */
};

/** Queue one message; a full queue or a lost broker ends the worker. */
void writ_worker_send(struct writ_worker *w, enum writ_wire_type type, uint32_t id,
    struct writ_str body);

/* ---- stdio.c */
void writ_worker_stdio_init(struct writ_guest *g);
void writ_worker_stdio_release(struct writ_guest *g);
struct writ_stdio_port writ_worker_stdio_port(struct writ_guest *g);
/** STDIN, STDIN_END (for `first`), OUT_CREDIT arrived.  WRIT_PROTO when out of bounds. */
WRIT_MUST_CHECK enum writ_status
writ_worker_stdio_message(struct writ_worker *w, const struct writ_msg *m);

/* ---- tree.c */
void writ_worker_tree_init(struct writ_guest *g);
/** Forget all of it.  What the broker holds for the guest stays open there: see _leave. */
void writ_worker_tree_release(struct writ_guest *g);
struct writ_tree_port writ_worker_tree_port(struct writ_guest *g);
/** Add a preopen (MOUNT); CONFIG has come before. */
WRIT_MUST_CHECK enum writ_status
writ_worker_tree_mount(struct writ_guest *g, const struct writ_mount_msg *m);
/** Close what was lent and is done with; the next question is on its way. */
void writ_worker_tree_tidy(struct writ_worker *w);
/** A reply came.  Takes m->fd. */
WRIT_MUST_CHECK enum writ_status
writ_worker_tree_reply(struct writ_worker *w, struct writ_msg *m);
/** Tell the broker to close what this guest left open, and nobody else's. */
void writ_worker_tree_leave(struct writ_guest *g);
/** Whether a handle is one of the broker's. */
bool writ_worker_tree_remote(uint64_t handle);

/* ---- client.c */
struct writ_client_port writ_worker_client_port(struct writ_guest *g);
/** ASK_TEXT or ASK_REPLY came. */
WRIT_MUST_CHECK enum writ_status
writ_worker_client_reply(struct writ_worker *w, const struct writ_msg *m);
/** Nobody answers what this guest's call left open, so it is cancelled.  Answers to it that were
 * on their way have come before. */
void writ_worker_client_drop(struct writ_guest *g);

/* ---- sock.c */
struct writ_sock_port writ_worker_sock_port(struct writ_guest *g);
/** SOCK_REPLY came.  Takes m->fd. */
WRIT_MUST_CHECK enum writ_status
writ_worker_sock_reply(struct writ_worker *w, struct writ_msg *m);
/** Whether the guest awaits something of a socket. */
bool writ_worker_sock_awaits(const struct writ_guest *g);
/** The task behind `wake` is about to be freed. */
void writ_worker_sock_forget(struct writ_guest *g, struct writ_wake *wake);
/** Close what this guest left open; its requests in flight still finish. */
void writ_worker_sock_leave(struct writ_guest *g);

/* ---- http.c */
struct writ_http_port writ_worker_http_port(struct writ_guest *g);
/** HTTP_REPLY came.  Takes m->fd. */
WRIT_MUST_CHECK enum writ_status
writ_worker_http_reply(struct writ_worker *w, struct writ_msg *m);
/** The guest is gone: so are its exchanges. */
void writ_worker_http_drop(struct writ_guest *g);
/** Its call is over but it stays: its exchanges end, and it may find that out later. */
void writ_worker_http_cut(struct writ_guest *g);
void writ_worker_http_forget(struct writ_guest *g, const struct writ_wake *wake);
/** Whether it awaits something of one. */
bool writ_worker_http_waits(const struct writ_guest *g);

/* ---- peek.c */
/**
 * Append to `out` what a mount in memory holds.  `args` is its guest path and, after a line
 * feed: for "#list" the prefix of URIs (the answer: JSON objects, separated by commas), for
 * "#read" a path within (the answer: its bytes).  WRIT_NOENT no such mount or file;
 * WRIT_LIMIT more than fits; else as writ_fs_run.
 */
WRIT_MUST_CHECK enum writ_status
writ_worker_peek(struct writ_guest *g, struct writ_str what,
    struct writ_str args, struct writ_buf *out);

/* ---- guest.c */
/** A guest of `w` without a call, its ports filled in. */
void writ_guest_init(struct writ_guest *g, struct writ_worker *w);
/** Clocks, random stream and bounds as the set-up says, for a call to come. */
void writ_guest_start_over(struct writ_guest *g);
/** Forget the last call: its instance, files, streams, clocks and random stream. */
void writ_guest_reset(struct writ_guest *g);
/** A call begins now: what is counted for one starts from nothing. */
struct writ_task_limits writ_guest_begin(struct writ_guest *g);
/** Wall time left, ns, sleeps of a virtual clock counted. */
uint64_t writ_guest_left_ns(const struct writ_guest *g);
/** Whether the guest (ctx, a struct writ_guest) awaits something from outside. */
bool writ_guest_awaits_more(void *ctx);
/** Whether what only informs is to be dropped, and counted, because the broker does not read. */
bool writ_worker_flooded(struct writ_guest *g);
/** An outcome that a refused growth of memory explains becomes LIMIT "memory". */
void writ_guest_explain(struct writ_outcome *o);
/** The worker's word on what was done within it. */
void writ_worker_report(struct writ_worker *w, const char *kind, const char *op,
    uint64_t count, uint64_t bytes);
/** The same of one call. */
void writ_guest_report(struct writ_guest *g);

/* ---- call.c: the calls of `first` */
/** Call an export (INVOKE), with the arguments in w->args.  WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_worker_invoke(struct writ_worker *w, uint32_t id, struct writ_str body);
/** Begin the call (START). */
void writ_worker_call_start(struct writ_worker *w, uint32_t id);
/** Let the guest run until it waits, yields or ends; judge its limits. */
void writ_worker_call_step(struct writ_worker *w);

/* ---- setup.c */
/** Handle one message of the SETUP state.  A sentence in err on failure. */
WRIT_MUST_CHECK enum writ_status
writ_worker_setup(struct writ_worker *w, struct writ_msg *m, struct writ_err *err);

#endif
