/*
 * writ/session.h - run a component under a writ.
 * Part of the public API; compiles alone as C11 and C++17.
 */
#ifndef WRIT_SESSION_H
#define WRIT_SESSION_H

#include <stdint.h>

#include "writ/host.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A request that was refused, told while the call runs.  Borrowed for the
 * callback. */
struct writ_refusal {
	const char *id;		/* short, for `writ explain` */
	const char *kind;	/* files, http, sockets, keyvalue, ... */
	const char *op;		/* read, open, GET, ... */
	/* path, URL, name; raw: make it safe before showing it */
	const char *target;
	const char *rule;	/* which rule decided */
	const char *reason;	/* one sentence */
	/* the smallest grant that would allow it, or "" */
	const char *smallest;
};

/** One call.  Zero-initialise, then set what you need; all borrowed for the
 * call. */
struct writ_call {
	const char *component;		/* file; required */
	const struct writ_policy *policy;	/* NULL: nothing is granted */
	/** The exported function to call ("add", "ns:pkg/iface@1.0.0#add"), with its arguments:
	 * JSON, an object by parameter name or an array in order; NULL none.  With `wave` the
	 * arguments and the result are WAVE.  NULL: run wasi:cli/run. */
	const char *function, *arguments;
	bool wave;
	/* argument 0; NULL: the component's file name */
	const char *name;
	/* the guest's arguments, count of them */
	const char *const *args;
	size_t args_count;
	int stdin_fd;	/* read for the guest's stdin if has_stdin */
	bool has_stdin;			/* false: end of stream */
	/* a phantom mount at / that refuses and records */
	bool trace_denials;
	/* file; NULL: a new file under the state folder */
	const char *audit;
	int cancel_fd;	/* readable: stop the guest, if has_cancel */
	bool has_cancel;
	/** Told once, before output and log are: the end of the call's time on
	 * the clock CLOCK_MONOTONIC.  Time is not judged while a callback runs,
	 * so those that may wait for somebody return by then, output with
	 * false.  May be NULL. */
	void (*until)(void *ctx, uint64_t mono_ns);
	/** Guest output, which = 1 or 2.  It may block; the guest then waits.
	 * Return false to close the stream towards the guest.  NULL: dropped.
	 */
	bool (*output)(void *ctx, int which, const char *bytes, size_t len);
	/** Told of each refusal (coalesced as the audit is).  May be NULL. */
	void (*refused)(void *ctx, const struct writ_refusal *refusal);
	/** A line of wasi:logging.  May be NULL. */
	void (*log)(void *ctx, const char *level, const char *context,
	    const char *message);
	void *ctx;
};

enum writ_ending {
	WRIT_ENDED_OK,		/* run returned ok */
	WRIT_ENDED_EXIT,	/* exit_code says more */
	WRIT_ENDED_TRAP,
	WRIT_ENDED_LIMIT,
	WRIT_ENDED_CANCELLED,
	WRIT_ENDED_WORKER	/* the worker died, hung or talked nonsense */
};

struct writ_result {
	enum writ_ending ending;
	uint8_t exit_code;
	char limit[32];	/* LIMIT: memory, time, cpu, output, handles, ... */
	/* TRAP, LIMIT, WORKER: one sentence, safe to show */
	char message[1024];
	uint64_t allowed, refused, asked;	/* decisions */
	uint64_t wall_us, cpu_us, memory_peak;
	uint64_t audit_first, audit_last;	/* record numbers */
	char audit_file[4096];
	char *value;		/* of a function: its result's text, "" for none; NULL when it
				 * did not return.  Free with writ_free */
	bool value_is_err;	/* the function returned the err of its result<T, E> */
	bool cached;		/* the code came from the cache */
	unsigned void_files;	/* 1: imports files and was granted none */
};

/**
 * Run wasi:cli/run of a component, or call one of its functions, in a jailed worker, to its
 * end.
 * WRIT_OK: it ran, and *result says how it ended.  Otherwise nothing ran, and
 * the log has that and why once the component's file could be read: WRIT_NOENT,
 * WRIT_INVALID not a runnable component, or arguments that do not fit (the
 * message begins with the JSON pointer); WRIT_NOENT no such function;
 * WRIT_UNSUPPORTED an import that is not offered (all named); WRIT_DENIED the
 * writ forbids (strict, digest mismatch); WRIT_LIMIT too large; WRIT_IO (the
 * audit log cannot be written, a host directory is missing, ...).
 */
enum writ_status writ_run(struct writ_host *host, const struct writ_call *call,
    struct writ_result *result, struct writ_err *err);

/**
 * Record a call that is refused before writ_run, because its writ could not be
 * loaded: a session "not-started" for the reason `why`, without a writ.  Of
 * `call` are used: component, args, audit.  Runs nothing; of *result the audit
 * members are set.
 * Fails: as writ_run, when the component or the log cannot be opened.
 */
enum writ_status writ_run_refused(const struct writ_call *call,
    const struct writ_err *why, struct writ_result *result,
    struct writ_err *err);

#ifdef __cplusplus
}
#endif
#endif
