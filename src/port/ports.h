/*
 * ports.h - everything a guest instance can reach, as one struct of narrow ports.
 * The engine calls these; providers in src/cap/ implement them; neither knows the other.
 * Single-threaded.  Every function returns at once.
 */
#ifndef WRIT_PORT_PORTS_H
#define WRIT_PORT_PORTS_H

#include "port/client.h"
#include "port/http.h"
#include "port/op.h"
#include "port/sock.h"
#include "port/tree.h"

enum writ_stdio { WRIT_STDIN = 0, WRIT_STDOUT = 1, WRIT_STDERR = 2 };

struct writ_stdio_port {
	void *ctx;
	/** Up to cap bytes of stdin: WRIT_OK and *n > 0; WRIT_AGAIN; WRIT_CLOSED. */
	enum writ_status (*read)(void *ctx, uint8_t *p, size_t cap, size_t *n,
	    struct writ_wake *wake);
	/** How much write() takes now: WRIT_OK and *n > 0; WRIT_AGAIN; WRIT_CLOSED;
	 * WRIT_LIMIT (limits.output reached: the call ends). */
	enum writ_status (*room)(void *ctx, enum writ_stdio which, size_t *n,
	    struct writ_wake *wake);
	/** Take all n bytes, n within what room() said.  WRIT_OK; WRIT_CLOSED;
	 * WRIT_LIMIT. */
	enum writ_status (*write)(void *ctx, enum writ_stdio which, const uint8_t *p,
	    size_t n);
};

struct writ_clock_port {
	void *ctx;
	uint64_t (*mono_now)(void *ctx);		/* ns */
	uint64_t (*mono_resolution)(void *ctx);		/* ns */
	void (*wall_now)(void *ctx, struct writ_time *out);
	void (*wall_resolution)(void *ctx, struct writ_time *out);
	/** A guest waits until mono_now() >= deadline_ns: WRIT_OK due (a virtual clock has
	 * then advanced to it); WRIT_AGAIN: wake fires when it is; WRIT_LIMIT: the wait is
	 * longer than the time the call has left (the call ends). */
	enum writ_status (*wait)(void *ctx, uint64_t deadline_ns,
	    struct writ_wake *wake);
};

struct writ_random_port {
	void *ctx;
	/** n (at most WRIT_RANDOM_MAX) bytes; `insecure` for wasi:random/insecure*.
	 * WRIT_OK, or WRIT_DENIED (random: trap; the guest traps). */
	enum writ_status (*fill)(void *ctx, bool insecure, uint8_t *p, size_t n);
};

struct writ_env_port {
	void *ctx;
	/** The i-th item, borrowed for the port's life; WRIT_NOENT past the last. */
	enum writ_status (*variable)(void *ctx, size_t i, struct writ_str *key,
	    struct writ_str *value);
	enum writ_status (*argument)(void *ctx, size_t i, struct writ_str *arg);
	enum writ_status (*config)(void *ctx, size_t i, struct writ_str *key,
	    struct writ_str *value);
};

struct writ_log_port {
	void *ctx;
	/** wasi:logging/logging.log; `level` is its enum's index.  May drop lines over a
	 * cap, counting them. */
	void (*log)(void *ctx, uint32_t level, struct writ_str context,
	    struct writ_str message);
};

struct writ_refuse_port {
	void *ctx;
	/** A void interface refused something: tell the operator.  `kind` is "http",
	 * "sockets", "keyvalue", "blobs", "config"; `op` the method or function; `target`
	 * what it was on (URL, tcp://host:port, name, bucket), at most 4 KiB.  Only a report;
	 * the refusal stands whatever becomes of it. */
	void (*refused)(void *ctx, const char *kind, struct writ_str op,
	    struct writ_str target);
};

struct writ_ports {
	struct writ_stdio_port stdio;
	struct writ_clock_port clock;
	struct writ_random_port random;
	struct writ_env_port env;
	struct writ_log_port log;
	struct writ_refuse_port refuse;
	struct writ_tree_port tree;
	/** The task behind `wake` is about to be freed: no port may keep it. */
	void (*forget)(void *ctx, struct writ_wake *wake);
	void *forget_ctx;
	struct writ_client_port client;
	struct writ_sock_port sock;
	struct writ_http_port http;
};

#endif
