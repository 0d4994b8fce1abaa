/*
 * http_exchange.h - one request over HTTP and what answers it: nothing yet, one JSON text, or a
 * stream of events (text/event-stream).  It is the sink that the protocol writes to, and a
 * bounded queue; who moves the bytes to a socket is told by `wake`.  Knows no library.
 */
#ifndef WRIT_MCP_HTTP_EXCHANGE_H
#define WRIT_MCP_HTTP_EXCHANGE_H

#include "mcp/mcp.h"

enum writ_http_answer {
	WRIT_HTTP_NONE,			/* yet */
	WRIT_HTTP_JSON,			/* all in the queue; `status` */
	WRIT_HTTP_STREAM
};

struct writ_http_exchange {
	struct writ_mcp_sink sink;	/* first: a sink is its exchange */
	enum writ_http_answer answer;
	unsigned status;
	struct writ_buf out;
	size_t pos;			/* taken of `out` */
	bool ended;			/* nothing follows what is queued */
	bool live;			/* the protocol holds the sink */
	bool broken;			/* more than the queue takes: cut the client off */
	size_t *held;			/* bytes queued, of all exchanges */
	void (*wake)(struct writ_http_exchange *x);	/* from within the protocol */
};

/** Start with nothing; `held` and `wake` are borrowed. */
void writ_http_exchange_init(struct writ_http_exchange *x, size_t *held,
    void (*wake)(struct writ_http_exchange *x));
/** Back to nothing, memory given back; the sink must not be live. */
void writ_http_exchange_reset(struct writ_http_exchange *x);

/** Make it a stream before there is a message. */
void writ_http_exchange_stream(struct writ_http_exchange *x);
/** A comment, which clients skip: the connection is alive. */
void writ_http_exchange_comment(struct writ_http_exchange *x);
/** One JSON text as an event. */
void writ_http_exchange_event(struct writ_http_exchange *x, struct writ_str json);
/** Nothing follows. */
void writ_http_exchange_end(struct writ_http_exchange *x);

/** Bytes that wait. */
static inline size_t
writ_http_exchange_left(const struct writ_http_exchange *x)
{
	return x->out.len - x->pos;
}
/** Move at most `max` of them to `to`; how many. */
size_t writ_http_exchange_take(struct writ_http_exchange *x, char *to, size_t max);

#endif
