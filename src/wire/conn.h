/*
 * conn.h - one end of a conversation over a stream socket: bounded queues both ways, fd
 * passing, and a table of messages (proto.h, api.h) applied to whatever arrives.
 * Never blocks (the fd is non-blocking).  One thread.
 */
#ifndef WRIT_WIRE_CONN_H
#define WRIT_WIRE_CONN_H

#include "wire/proto.h"

#define WRIT_CONN_FDS 16

struct writ_conn {
	int fd;				/* owned */
	const struct writ_wire_table *table;	/* static */
	enum writ_wire_side self;
	enum writ_wire_state state;	/* kept by the owner, checked on arrival */
	struct writ_buf in;
	size_t in_pos;			/* consumed bytes of `in` */
	bool in_much;			/* as the last time: room for all that may come */
	struct writ_buf out;
	size_t out_pos;
	uint64_t out_base;		/* stream offset of out.ptr[0] */
	int in_fds[WRIT_CONN_FDS];	/* arrived, not yet claimed */
	unsigned in_fds_len;
	struct {
		uint64_t at;		/* stream offset of its message */
		int fd;
		bool lent;		/* not ours to close: leaves at once or is copied */
	} out_fds[WRIT_CONN_FDS];
	unsigned out_fds_len;
	uint64_t spin_max_ns, spin_ns;	/* at most; now, after how it went before */
	unsigned spins_left_out;
};

/** A message that arrived.  `body` is borrowed until the next writ_conn call. */
struct writ_msg {
	const struct writ_wire_row *row;
	uint32_t id;
	struct writ_str body;
	int fd;				/* -1, or the receiver's to close */
};

/** Take over `fd` (made non-blocking); what may be said on it stands in `table`. */
WRIT_MUST_CHECK enum writ_status
writ_conn_init(struct writ_conn *c, int fd, const struct writ_wire_table *table,
    enum writ_wire_side self, struct writ_err *err);
/** The same of a socket that is non-blocking already, without a system call: for a jailed process
 * that is given one by a message.  Never spins. */
void writ_conn_adopt(struct writ_conn *c, int fd,
    const struct writ_wire_table *table, enum writ_wire_side self);
/** Close everything.  Takes NULL and a zeroed conn with fd -1. */
void writ_conn_release(struct writ_conn *c);

/**
 * Queue a message; `fd` (-1: none) is duplicated.  Nothing is sent before
 * writ_conn_flush.  Fails: WRIT_LIMIT the peer does not read (WRIT_WIRE_QUEUE_MAX);
 * WRIT_NOMEM; WRIT_IO the fd cannot be duplicated.  A message outside the table is our bug.
 */
WRIT_MUST_CHECK enum writ_status
writ_conn_send(struct writ_conn *c, unsigned type, uint32_t id,
    struct writ_str body, int fd);

/**
 * As writ_conn_send, and send what is queued.  `fd` stays the caller's; it is duplicated only
 * if it cannot leave at once.  A peer that is gone shows at the next writ_conn_fill.
 */
WRIT_MUST_CHECK enum writ_status
writ_conn_send_now(struct writ_conn *c, unsigned type, uint32_t id,
    struct writ_str body, int fd);

/** Send what is queued.  WRIT_OK all gone; WRIT_AGAIN the socket is full; WRIT_CLOSED. */
WRIT_MUST_CHECK enum writ_status writ_conn_flush(struct writ_conn *c);

/** Read what is there.  WRIT_OK something; WRIT_AGAIN nothing; WRIT_CLOSED the end;
 * WRIT_PROTO more fds than any message has; WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status writ_conn_fill(struct writ_conn *c);

/**
 * As writ_conn_fill, and looks again for a few microseconds while there is nothing: cheaper
 * than sleeping when the answer is on its way.  Where that did not pay lately, or there is one
 * CPU only, it looks once.
 */
WRIT_MUST_CHECK enum writ_status writ_conn_spin(struct writ_conn *c);

/** The next whole message.  WRIT_OK; WRIT_AGAIN incomplete; WRIT_PROTO outside the table
 * (err says what: unknown type, wrong sender, wrong state, wrong size, missing fd). */
WRIT_MUST_CHECK enum writ_status
writ_conn_next(struct writ_conn *c, struct writ_msg *msg, struct writ_err *err);

/** Whether more has arrived behind the message that writ_conn_next gave last. */
bool writ_conn_more(const struct writ_conn *c);

/** Whether something waits to be sent. */
bool writ_conn_unsent(const struct writ_conn *c);

WRIT_AUTO_RELEASE(writ_conn)

#endif
