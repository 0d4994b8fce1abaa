/*
 * engine.h - what the Rust engine (engine/) offers to the worker and the compiler.
 * Hand-written contract; the crate's ffi.rs implements it.  One thread for all but
 * writ_engine_tick, which is async-signal-safe.  Nothing here unwinds: a panic inside ends
 * in abort().  Objects: engine outlives components outlive tasks.
 */
#ifndef WRIT_PORT_ENGINE_H
#define WRIT_PORT_ENGINE_H

#include "port/ports.h"

struct writ_engine;
struct writ_component;
struct writ_task;

struct writ_engine_config {
	/** Instances ready at once in the pool; 0: on-demand allocation. */
	uint32_t pool_slots;
	/** Largest linear memory of a pooled instance, bytes (multiple of 64 KiB). */
	uint64_t pool_memory_max;
	/** Reserve no huge address ranges (sanitizer builds); must be the same in compiler
	 * and worker. */
	bool small_address_space;
};

/** The engine's version and settings as one line, e.g. "wasmtime 48.0.8 ..." ; static. */
const char *writ_engine_version(void);

/** Make an engine.  *out is the caller's.  Fails: WRIT_IO with the reason. */
WRIT_MUST_CHECK enum writ_status
writ_engine_new(const struct writ_engine_config *config, struct writ_engine **out,
    struct writ_err *err);
void writ_engine_free(struct writ_engine *engine);

/** Raise the epoch by one: every running guest yields at its next check.
 * Async-signal-safe; any thread. */
void writ_engine_tick(struct writ_engine *engine);

/** Bytes owned by the engine; free with writ_engine_bytes_free. */
struct writ_engine_bytes {
	uint8_t *ptr;
	size_t len;
};
void writ_engine_bytes_free(struct writ_engine_bytes *bytes);

/* ---- compiler build only */

/**
 * Compile component bytes (binary format; no text) for this host and engine.
 * *code is to be freed by the caller.  Fails: WRIT_INVALID with one sentence: a core
 * module (says so and how to make a component), not WebAssembly, truncated, or malformed;
 * WRIT_UNSUPPORTED a feature that is off, named (threads, shared memory, memory64, ...).
 */
WRIT_MUST_CHECK enum writ_status
writ_engine_compile(struct writ_engine *engine, const uint8_t *wasm, size_t len,
    struct writ_engine_bytes *code, struct writ_err *err);

/**
 * Describe a component as JSON (at most WRIT_DESCRIBE_MAX bytes):
 * {"imports":[{"name":"wasi:cli/environment@0.2.12","kind":"instance","offered":true,
 *   "functions":[{"name":"get-environment","type":"func() -> list<tuple<string, string>>"}]}],
 *  "exports":[{"name":"wasi:cli/run@0.2.12","kind":"instance","functions":[...]},
 *   {"name":"triage","kind":"func","type":"func(issue: string) -> result<report, string>"}],
 *  "missing":["foo:bar/baz"],              every import outside the void table, or whose
 *                                          type does not fit it (then with the reason)
 *  "run":true,                             exports wasi:cli/run
 *  "serve":true,                           exports wasi:http/incoming-handler
 *  "wasi":"0.2.12",                        newest wasi:* version imported, or null
 *  "producers":["clang 16.0.6", ...]}      from the producers sections, if any
 * Each exported function has more (docs/VALUES.md): "export" the name for writ_task_invoke,
 * "params" their names, "input" the JSON Schema of the arguments' object, "output" of
 * {"result": value} (absent without a result), "error" of the err of a result, "resources" whether
 * handles occur, "docs" if the component carries them, "content":true if it returns
 * list<block> of writ:client/content@0.1.x; without a JSON form "uncallable" and the reason
 * instead of the schemas.
 * Fails as writ_engine_compile.
 */
WRIT_MUST_CHECK enum writ_status
writ_engine_describe(struct writ_engine *engine, const uint8_t *wasm, size_t len,
    struct writ_engine_bytes *json, struct writ_err *err);

/* ---- worker build */

/**
 * Map code that writ_engine_compile made (the caller has verified its MAC) from an open file,
 * pre-link it against the void table and ports.  The fd is borrowed for the call.
 * Fails: WRIT_INVALID not code of this engine; WRIT_UNSUPPORTED an import outside the void
 * table (all named).
 */
WRIT_MUST_CHECK enum writ_status
writ_component_load(struct writ_engine *engine, int code_fd,
    struct writ_component **out, struct writ_err *err);
void writ_component_free(struct writ_component *component);

struct writ_task_limits {
	uint64_t memory_bytes;	/* all memories and tables of the instance together */
	uint64_t handles;	/* entries of the resource table */
	uint64_t hostcall_bytes; /* hostcall fuel of one call */
};

enum writ_outcome_kind {
	WRIT_OUTCOME_NONE,	/* not finished */
	WRIT_OUTCOME_DONE,	/* the export returned */
	WRIT_OUTCOME_EXIT,	/* wasi:cli exit, or run returned error (code 1) */
	WRIT_OUTCOME_TRAP,
	WRIT_OUTCOME_LIMIT,
	WRIT_OUTCOME_ERROR	/* could not be started; a fault of ours or of its shape */
};

struct writ_outcome {
	enum writ_outcome_kind kind;
	uint8_t exit_code;	/* EXIT */
	bool memory_refused;	/* a memory or table growth was refused by the limit; an
				 * EXIT or TRAP after it is reported as LIMIT "memory" */
	bool result_err;	/* DONE of an invoked result<T, E>: the function returned
				 * err; the result text is E's */
	uint64_t memory_peak;	/* bytes */
	char limit[32];		/* LIMIT: "memory", "handles", "hostcall", "stack", "output",
				 * "time", "cpu" */
	char msg[1024];		/* trap text, control bytes replaced */
};

/**
 * Prepare to run wasi:cli/run#run (any 0.2.x) of a fresh instance.  `ports` and `wake` are
 * borrowed until the task is freed.  `wake` fires (on this thread or within
 * writ_engine calls) when polling again makes sense.  *out is the caller's.
 */
WRIT_MUST_CHECK enum writ_status
writ_task_run(struct writ_component *component, const struct writ_ports *ports,
    const struct writ_task_limits *limits, struct writ_wake *wake,
    struct writ_task **out, struct writ_err *err);

/**
 * Prepare to answer one request (wasi:http/incoming-handler#handle, any 0.2.x) in a fresh instance;
 * else as writ_task_run.  `request` is borrowed for the call: method, scheme, authority, path and
 * fields.  `x` is the exchange it came in, spoken with through ports->http: respond(), room() and
 * the like for the answer, read() and trailers() for the request's body.  Both halves are closed,
 * each once, before writ_task_free returns, whatever the guest did; one that never called
 * response-outparam.set has not called respond() then.  The outcome is DONE when handle returned.
 * When this fails x was not touched.
 */
WRIT_MUST_CHECK enum writ_status
writ_task_handle(struct writ_component *component, const struct writ_ports *ports,
    const struct writ_task_limits *limits, const struct writ_http_head *request,
    struct writ_exchange *x, struct writ_wake *wake, struct writ_task **out,
    struct writ_err *err);

enum writ_value_form {
	WRIT_VALUE_JSON,
	WRIT_VALUE_WAVE
};

/* One call of an exported function; everything is borrowed for the call it is given to. */
struct writ_invoke {
	struct writ_str function; /* "export" of the description: "add", or
				   * "ns:pkg/iface@1.0.0#add" */
	struct writ_str args;	/* JSON: an object by parameter name, or an array in order;
				 * WAVE: "(1, \"x\")" or "1, \"x\"".  "" is no argument */
	enum writ_value_form form; /* of the arguments and of the result */
	uint64_t result_max;	/* bytes of the result's text; beyond: LIMIT "output" */
};

/**
 * Prepare to call an export of a fresh instance; else as writ_task_run.  Arguments are checked
 * against the types first: nothing of the guest has run when this fails.
 * Fails: WRIT_NOENT no such function (the nearest names in err->msg); WRIT_INVALID an
 * argument, err->msg begins with the JSON pointer of what is wrong ("/items/3/price:
 * expected a number, ..."), with "at byte N: " for WAVE and for broken JSON; WRIT_LIMIT
 * arguments beyond WRIT_VALUE_TEXT_MAX, WRIT_WAVE_TEXT_MAX or WRIT_VALUE_ITEMS_MAX;
 * WRIT_UNSUPPORTED a type that has no such form (stream, future; resources in WAVE).
 */
WRIT_MUST_CHECK enum writ_status
writ_task_invoke(struct writ_component *component, const struct writ_ports *ports,
    const struct writ_task_limits *limits, const struct writ_invoke *invoke,
    struct writ_wake *wake, struct writ_task **out, struct writ_err *err);

/**
 * Call again in the instance of a task from writ_task_invoke whose last poll returned true with
 * WRIT_OUTCOME_DONE.  Fails as writ_task_invoke, and with WRIT_CLOSED when the instance is not
 * there any more (another outcome, or still running); on failure the task is as before.
 */
WRIT_MUST_CHECK enum writ_status
writ_task_again(struct writ_task *task, const struct writ_invoke *invoke,
    struct writ_err *err);

/** The result's text after WRIT_OUTCOME_DONE; "" for no result.  Of a result<T, E> it is T's or,
 * with result_err, E's.  Borrowed until the next writ_task_again or the free. */
struct writ_str writ_task_result(const struct writ_task *task);

/**
 * Run the guest until it finishes (true; *out set), or waits or yields at an epoch tick
 * (false).  After a yield `wake` has been fired already.
 */
bool writ_task_poll(struct writ_task *task, struct writ_outcome *out);

/** Free at any time: a guest that has not finished is cancelled, its instance dropped, never
 * reused.  Requests in flight finish behind.  Takes NULL. */
void writ_task_free(struct writ_task *task);

#endif
