/*
 * net.h - the messages between broker and net (a jailed process that speaks DNS, HTTP and TLS
 * for one session).  Framing as in proto.h.
 *
 * Every request carries its id (chosen by the broker, unique while it lives).  The broker
 * says SEND with the worker's end of an exchange; net asks DIAL when it has no idle connection of
 * that pool, and gets a socket that the broker judged and connected (DIALED), or a fault.  One
 * DONE ends each request, whatever happened.  With an operation to be checked, net holds
 * the whole body back, says OPERATION, and sends nothing before GO.
 */
#ifndef WRIT_WIRE_NET_H
#define WRIT_WIRE_NET_H

#include "base/limits.h"
#include "port/http.h"
#include "wire/proto.h"

#define WRIT_NET_VERSION 1

enum writ_net_type {
	/* broker to net */
	WRIT_NET_CONFIG = 1,	/* u32 walls left out */
	WRIT_NET_CA,		/* u32 index, str PEM: a grant's own authorities; index 0: the system's */
	WRIT_NET_SECRET,	/* u32 index; fd: a pipe that holds the bytes, then ends */
	WRIT_NET_SEAL,		/* shut the door; answered by READY */
	WRIT_NET_RESOLVE,	/* id; u8 1: TCP after truncation; str host; fd: a UDP or TCP
				 * socket to the name server */
	WRIT_NET_SEND,		/* id; struct writ_net_send; fd: the exchange */
	WRIT_NET_DIALED,	/* id; fd: connected */
	WRIT_NET_FAIL,		/* id; u8 code, u8 has n, u64 n: give this request up with it */
	WRIT_NET_GO,		/* id: the operation is allowed */
	WRIT_NET_CLOSE_POOL,	/* u32 pool: close its idle connections; running ones end */
	/* net to broker */
	WRIT_NET_HELLO = 32,	/* u32 version */
	WRIT_NET_READY,		/* u32 walls that stand */
	WRIT_NET_RESOLVED,	/* id; struct writ_net_resolved */
	WRIT_NET_DIAL,		/* id */
	WRIT_NET_OPERATION,	/* id; str: what the body asks for */
	WRIT_NET_DONE		/* id; struct writ_net_done */
};

extern const struct writ_wire_table writ_wire_net;

/** What net is told of one request; everything in it was judged. */
struct writ_net_send {
	uint32_t pool;		/* connections are shared within one (grant, origin) */
	bool https;
	struct writ_str host;	/* lower case; IPv6 in [] */
	uint32_t port;
	struct writ_str method;
	struct writ_str target;	/* path and query, sent byte for byte */
	const struct writ_http_field *fields;	/* content-length among them, checked */
	size_t fields_count;
	bool has_body;
	bool has_length;	/* what content-length says; the body must be exactly that */
	uint64_t length;
	uint64_t request_max, response_max;	/* bytes of body */
	uint64_t connect_ms, first_byte_ms, between_ms;	/* none is 0 */
	uint32_t ca;		/* of WRIT_NET_CA */
	struct writ_str pins;	/* "sha256//BASE64;..." of the public key; "" none */
	/* credential: the value is `before` SECRET `after` (more than one secret: parts repeat) */
	bool credential_query;	/* a query value, not a header */
	struct writ_str credential_name;	/* "" none */
	struct writ_str credential_value;	/* parts: u32 secret index + 1 or 0, str text */
	bool scrub;		/* replace the secret in what comes back */
	bool all_headers;	/* else only these of the response pass */
	struct writ_str response_headers;	/* names, separated by commas */
	struct writ_str response_types;		/* media types, separated by commas; "" any */
	struct writ_str operation_field;	/* "operationName" or "method"; "" none */
};

void writ_net_send_put(struct writ_buf *b, const struct writ_net_send *m);
/** Slices are borrowed; m->fields becomes `fields` (room for WRIT_HTTP_FIELDS_OUT_MAX).
 * WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_net_send_get(struct writ_str body, struct writ_http_field *fields,
    struct writ_net_send *m);

/** What a name server answered; IPv4 addresses as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
struct writ_net_resolved {
	enum { WRIT_DNS_OK, WRIT_DNS_NONE, WRIT_DNS_TIMEOUT, WRIT_DNS_TRUNCATED,
	    WRIT_DNS_ERROR } how;
	uint32_t rcode;
	uint8_t addresses[WRIT_NET_ADDRESSES_MAX][16];
	size_t count;
};

/** Append one; `count` is 0 unless `how` is WRIT_DNS_OK. */
void writ_net_resolved_put(struct writ_buf *b,
    const struct writ_net_resolved *m);
/** WRIT_PROTO when malformed, or when OK and no address. */
WRIT_MUST_CHECK enum writ_status
writ_net_resolved_get(struct writ_str body, struct writ_net_resolved *m);

/** How a request ended. */
struct writ_net_done {
	bool failed;
	struct writ_http_fault fault;
	uint32_t status;		/* of the response, 0: none came */
	bool sent;			/* bytes of the request have left */
	uint64_t up, down;		/* bytes of the bodies */
};

/** Append one. */
void writ_net_done_put(struct writ_buf *b, const struct writ_net_done *m);
/** WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_net_done_get(struct writ_str body, struct writ_net_done *m);

#endif
