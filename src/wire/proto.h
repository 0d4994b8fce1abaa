/*
 * proto.h - the messages between broker and worker: one table of what exists, who may send
 * it, in which state, how large, and whether an fd comes with it.
 * A message is a 12-byte header (u32 payload length, u16 type, u16 1 if an fd comes with it
 * else 0, u32 id; little-endian) and its payload (codec.h).  Anything outside the table ends the conversation.
 *
 * States, as both sides count them:
 *   NEW      the worker has not spoken yet
 *   SETUP    HELLO was seen: configuration and code may be sent
 *   READY    the worker has loaded and locked its jail (no guest code ran before), or its
 *            call has ended and it waits for the next
 *   RUNNING  a call is in progress, or it serves: then from the first on
 *
 * A call is START (the component's wasi:cli/run, once) or, any number of times, INVOKE of an
 * export.  Before an INVOKE in a fresh instance come RESET and the mounts again: nothing that
 * a call left in the worker's memory is there for the next one.
 */
#ifndef WRIT_WIRE_PROTO_H
#define WRIT_WIRE_PROTO_H

#include "wire/codec.h"

/* A worker with sanitizers, its filter widened, and a real broker refuse each other. */
#ifdef WRIT_SANITIZE
#define WRIT_WIRE_VERSION 0x10001
#else
#define WRIT_WIRE_VERSION 1
#endif
#define WRIT_WIRE_HEADER 12

enum writ_wire_side {
	WRIT_SIDE_BROKER = 1,
	WRIT_SIDE_WORKER = 2,
	WRIT_SIDE_FRONT = 2,		/* of api.h: the broker's other peer */
	WRIT_SIDE_NET = 4		/* of net.h and exchange.h */
};

enum writ_wire_state {
	WRIT_STATE_NEW = 1,
	WRIT_STATE_SETUP = 2,
	WRIT_STATE_READY = 4,
	WRIT_STATE_RUNNING = 8
};

enum writ_wire_type {
	/* broker to worker */
	WRIT_MSG_CONFIG = 1,	/* scalars of the session */
	WRIT_MSG_ARG,		/* one argument */
	WRIT_MSG_ENV,		/* str key, str value */
	WRIT_MSG_SETTING,	/* wasi:config: str key, str value */
	WRIT_MSG_MOUNT,		/* one preopen */
	WRIT_MSG_LOAD,		/* fd: compiled code with a verified MAC */
	WRIT_MSG_SEAL,		/* lock the jail; answered by READY */
	WRIT_MSG_START,		/* run; id = call */
	WRIT_MSG_STDIN,		/* bytes, within the worker's credit */
	WRIT_MSG_STDIN_END,
	WRIT_MSG_OUT_CREDIT,	/* u8 which, u32 bytes (control: outside the credits) */
	WRIT_MSG_CANCEL,	/* control: stop the call */
	WRIT_MSG_FS_REPLY,	/* id = request; may carry one regular-file fd */
	WRIT_MSG_RESET,		/* forget the last call: files, streams, clocks, random */
	WRIT_MSG_TEXT,		/* arguments of the INVOKE to come, a piece */
	WRIT_MSG_INVOKE,	/* id = call: struct writ_invoke_msg */
	WRIT_MSG_ASK_TEXT,	/* of the reply to come, a piece */
	WRIT_MSG_ASK_REPLY,	/* id = request: u8 writ_ask_status */
	WRIT_MSG_SOCK_REPLY,	/* id = request: struct writ_sock_reply of sock.h, perhaps a pair */
	WRIT_MSG_DRAIN,		/* serving: accept nothing more; DONE follows the last request */
	WRIT_MSG_HTTP_REPLY,	/* id = request: fd, the exchange (exchange.h); or no fd and u8
				 * writ_http_code, u8 has n, u64 n */
	/* worker to broker */
	WRIT_MSG_HELLO = 32,	/* u32 version, str engine version */
	WRIT_MSG_READY,		/* u32 walls that stand */
	WRIT_MSG_FAILED,	/* cannot be run: u8 status, str sentence */
	WRIT_MSG_OUT,		/* u8 which, bytes, within the broker's credit */
	WRIT_MSG_IN_CREDIT,	/* u32 bytes of stdin the worker has room for */
	WRIT_MSG_LOG,		/* u8 level, str context, str message */
	WRIT_MSG_REFUSED,	/* a void refused: str kind, str op, str target */
	WRIT_MSG_REPORT,	/* the worker's word: str kind, str op, u64 count, u64 bytes */
	WRIT_MSG_FS,		/* id = request */
	WRIT_MSG_DONE,		/* the call ended: outcome */
	WRIT_MSG_VALUE,		/* of the result, a piece; before DONE */
	WRIT_MSG_PROGRESS,	/* u64 done, u8 has total, u64 total (binary64), str message */
	WRIT_MSG_CLIENT_LOG,	/* u8 level 0..7, str logger, str data */
	WRIT_MSG_ASK,		/* id = request: u8 writ_ask_kind, u8 more, str name, str text */
	WRIT_MSG_SOCK,		/* id = request: struct writ_sock_msg of sock.h */
	WRIT_MSG_SERVED,	/* serve_msg.h: how it stands, requests that ended */
	WRIT_MSG_HTTP		/* id = request: struct writ_http_msg (exchange.h) */
};

struct writ_wire_row {
	unsigned type;
	unsigned from;			/* writ_wire_side, or both */
	unsigned states;		/* in which it may arrive */
	uint32_t min, max;		/* payload bytes */
	unsigned fds;			/* fds that may come with it */
	const char *name;
};

/** A whole language: the rows of proto.c, or those of api.c. */
struct writ_wire_table {
	const struct writ_wire_row *rows;
	size_t count;
	bool plain;			/* no fd ever comes: send and recv will do, which
					 * can pass none and name no address */
};

/** The messages between broker and worker. */
extern const struct writ_wire_table writ_wire_proto;

/** The row of `type` in a table, or NULL: it does not exist. */
const struct writ_wire_row *
writ_wire_table_row(const struct writ_wire_table *table, unsigned type);

/** The same for writ_wire_proto. */
const struct writ_wire_row *writ_wire_row(unsigned type);
/** The i-th row of writ_wire_proto, or NULL past the last: for tests and probes. */
const struct writ_wire_row *writ_wire_row_at(size_t i);

#endif
