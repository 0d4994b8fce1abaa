/*
 * serve.h - a worker that serves: it accepts connections on the listener that the broker opened,
 * reads HTTP/1.1 from them, and runs a fresh instance for each request, many at a time.
 * serve.c has the requests and their guests, serve_conn.c the connections, serve_port.c what
 * a guest sees of its request, serve_answer.c heads of answers.
 *
 * A connection has at most one request at a time; what a client sends behind it waits.  A
 * request whose client has gone is given up, and its instance with it.  One thread.
 */
#ifndef WRIT_WORKER_SERVE_H
#define WRIT_WORKER_SERVE_H

#include "wire/serve_msg.h"
#include "worker/serve_head.h"
#include "worker/worker.h"

enum writ_serve_phase {
	WRIT_SERVE_READING,	/* a head, or nothing yet */
	WRIT_SERVE_WAITING,	/* for a guest's place */
	WRIT_SERVE_RUNNING,	/* a guest has it */
	WRIT_SERVE_LEAVING,	/* what is queued leaves, then it is closed */
	WRIT_SERVE_LINGERING	/* the client is told; what it sends is thrown away */
};

/** One client. */
struct writ_serve_conn {
	struct writ_serve *serve;
	struct writ_watch watch;
	struct writ_serve_conn *next, *prev;	/* of all connections */
	struct writ_serve_conn *behind;		/* in the queue of those that wait */
	enum writ_serve_phase phase;
	bool blocked;			/* its socket takes no more now */
	bool close;			/* no request follows this one */
	bool cut;			/* the answer stays incomplete */
	bool reset;			/* and only a reset shows that */
	bool to_head;			/* the request is a HEAD */
	uint64_t since_ns;		/* the phase's start, or the last bytes either way */
	size_t thrown;			/* LINGERING: bytes */
	struct writ_serve_head head;	/* of the request; slices of `in` */
	size_t head_size;
	struct writ_serve_scan scan;
	struct writ_serve_body body;
	struct writ_str ready;		/* body in `in`, not taken by the guest */
	struct writ_buf trailers;	/* of the request, as they came */
	struct writ_served *served;	/* RUNNING */
	struct writ_buf out;
	size_t out_pos;			/* sent of it */
	size_t in_pos, in_len;
	uint8_t in[WRIT_SERVE_IN_MAX];
};

/** A request that a guest answers; what the engine knows as its exchange. */
struct writ_served {
	struct writ_guest guest;	/* first */
	struct writ_http_port outgoing;	/* for requests of the guest's own */
	struct writ_serve *serve;
	struct writ_served *next;	/* of those that run, or are free */
	struct writ_serve_conn *conn;	/* NULL: the client has gone */
	bool cancelled;
	bool responded, finished;	/* a head was queued; the whole answer was */
	bool bodiless;			/* what is written is thrown away (HEAD, 204, 304) */
	bool chunked, has_length;
	uint64_t length;		/* that is still to be written */
	bool body_over, body_failed;	/* of the request */
	struct writ_wake *read_wake, *room_wake;
	struct writ_http_field fields[WRIT_HTTP_FIELDS_MAX];	/* trailers of the request */
	size_t fields_count;
	uint64_t start_ns, cpu_ns;
	unsigned status;
	uint64_t up, down;
	char method[WRIT_HTTP_METHOD_MAX + 1];
	char path[WRIT_SERVE_PATH_SHOWN + 1];
};

struct writ_serve {
	struct writ_worker *worker;
	struct writ_watch listener;
	unsigned guests_max;
	bool sealed, draining, told_done;
	struct writ_serve_conn *conns;
	unsigned conns_count;
	struct writ_serve_conn *waiting, **waiting_end;
	unsigned waiting_count;
	struct writ_served *running, *started, *free;	/* started: run from the next step on */
	unsigned running_count;
	struct writ_vec mounts;		/* struct writ_buf: MOUNT messages, for each guest */
	uint64_t memory_calls, memory_bytes, untold;	/* of guests that have ended */
	uint64_t now_ns, swept_ns;
	/* SERVED */
	struct writ_serving counts;	/* as last told; what was refused since */
	struct writ_buf rows;
	uint64_t told_ns;
	char date[40];			/* "Sun, 06 Nov 1994 08:49:37 GMT" */
	int64_t date_s;
};

/* ---- serve.c */
/** Get ready to serve on `listener` (kept) with at most `guests` at a time. */
WRIT_MUST_CHECK enum writ_status
writ_serve_new(struct writ_worker *w, int listener, unsigned guests,
    struct writ_serve **out, struct writ_err *err);
/** All of it, its guests too; nothing runs, and no connection is left. */
void writ_serve_free(struct writ_serve *s);
/** A MOUNT of the set-up: each guest gets it anew. */
WRIT_MUST_CHECK enum writ_status
writ_serve_mount(struct writ_serve *s, struct writ_str body);
/** The door is shut: accept. */
WRIT_MUST_CHECK enum writ_status
writ_serve_begin(struct writ_serve *s, struct writ_err *err);
/** Accept nothing more; DONE follows the last request. */
void writ_serve_drain(struct writ_serve *s);
/** Let every guest run that can; judge limits, and tell the broker. */
void writ_serve_step(struct writ_serve *s);
/** It has waited: what comes now comes at another time. */
void writ_serve_woke(struct writ_serve *s);
/** How long there is nothing to do unless something happens. */
int writ_serve_wait_ms(struct writ_serve *s);
/** A whole head has arrived on `c`: run it, let it wait, or refuse it. */
void writ_serve_request(struct writ_serve *s, struct writ_serve_conn *c);
/** The client of a running request has gone. */
void writ_served_abandon(struct writ_served *r);
/** A connection that waits has gone. */
void writ_serve_unqueue(struct writ_serve *s, struct writ_serve_conn *c);

/* ---- serve_conn.c */
/** Take the next connection, if there is one. */
void writ_serve_accept(struct writ_serve *s);
/** Its request has been answered, or never will be: go on with the next, or leave. */
void writ_serve_conn_next(struct writ_serve_conn *c);
/** Answer without a guest, and leave. */
void writ_serve_conn_refuse(struct writ_serve_conn *c, unsigned status);
/** Send what is queued, as far as the socket takes it.  False: the connection is gone. */
bool writ_serve_conn_flush(struct writ_serve_conn *c);
/** More bytes into `in`.  WRIT_OK; WRIT_AGAIN; WRIT_LIMIT it is full; WRIT_CLOSED: the client has
 * gone (the connection still stands, for the caller to drop). */
WRIT_MUST_CHECK enum writ_status writ_serve_conn_fill(struct writ_serve_conn *c);
/** Wait for what its phase needs. */
void writ_serve_conn_events(struct writ_serve_conn *c);
/** Close it at once. */
void writ_serve_conn_drop(struct writ_serve_conn *c);
/** End those that took too long. */
void writ_serve_sweep(struct writ_serve *s);
/** Close those without a request: the server stops. */
void writ_serve_conns_leave(struct writ_serve *s);

/* ---- serve_port.c */
/** Let the guest of `r` speak of its request, beside those that it sends itself. */
void writ_serve_attach(struct writ_served *r);
/** What it is for the engine. */
struct writ_exchange *writ_serve_exchange(struct writ_served *r);
/** Its socket can be read, or takes more. */
void writ_served_readable(struct writ_served *r);
void writ_served_room(struct writ_served *r);

/* ---- serve_answer.c */
/** Whether a guest's head may be sent: a final status, good fields, at most one length. */
bool writ_serve_answer_ok(const struct writ_http_head *head, bool *has_length,
    uint64_t *length);
/** Queue the head of a guest's answer; how its body is framed stands in `r`. */
void writ_serve_answer(struct writ_served *r, const struct writ_http_head *head);
/** Queue a whole answer of ours. */
void writ_serve_answer_plain(struct writ_serve_conn *c, unsigned status);
/** The date of `now`, for heads. */
void writ_serve_date(int64_t seconds, char out[40]);

#endif
