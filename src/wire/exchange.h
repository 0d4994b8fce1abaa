/*
 * exchange.h - the messages of one HTTP exchange between a worker and net, on a socket pair of
 * their own that the broker made for it: no byte of a body passes through the broker.  Framing and
 * table as in proto.h; no fd ever comes with one.  A side that does not read makes the
 * other wait: that is all the flow control there is.
 *
 * Worker: DATA* then END, or GIVE_UP.  A request without a body: END at once.
 * Net: HEAD, DATA*, END; or FAULT at any time, which is the last.
 * A pair that closes early is a message that was cut: the other side must treat it as broken.
 */
#ifndef WRIT_WIRE_EXCHANGE_H
#define WRIT_WIRE_EXCHANGE_H

#include "port/http.h"
#include "wire/proto.h"

enum writ_exchange_type {
	/* both ways; the worker is WRIT_SIDE_WORKER, net WRIT_SIDE_NET */
	WRIT_X_DATA = 1,	/* bytes of the body */
	WRIT_X_END,		/* the body is whole: fields (trailers, often none); not of
				 * a request that has none */
	/* worker to net */
	WRIT_X_GIVE_UP,		/* the request will not be finished */
	/* net to worker */
	WRIT_X_HEAD,		/* u32 status, fields */
	WRIT_X_FAULT		/* u8 writ_http_code, u8 has n, u64 n */
};

extern const struct writ_wire_table writ_wire_exchange;

/** u32 count, then name and value of each. */
void writ_fields_put(struct writ_buf *b, const struct writ_http_field *fields,
    size_t count);
/**
 * Read them into `out` (room for WRIT_HTTP_FIELDS_OUT_MAX), borrowed from the message.  Marks
 * `in` bad when there are more, when a name is no token in lower case (RFC 9110 5.6.2), or a
 * value has a byte that no field value has (5.5).
 */
void writ_fields_get(struct writ_wire_in *in, struct writ_http_field *out,
    size_t *count);

void writ_fault_put(struct writ_buf *b, const struct writ_http_fault *f);
/** WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_fault_get(struct writ_str body, struct writ_http_fault *f);

/** MSG_HTTP of proto.h: the request as the guest gave it. */
struct writ_http_msg {
	struct writ_http_head head;
	struct writ_http_options options;
};

void writ_http_msg_put(struct writ_buf *b, const struct writ_http_msg *m);
/** Slices are borrowed from `body`; head.fields becomes `fields` (room for
 * WRIT_HTTP_FIELDS_OUT_MAX).  WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_http_msg_get(struct writ_str body, struct writ_http_field *fields,
    struct writ_http_msg *m);

#endif
