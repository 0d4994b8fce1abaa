/*
 * http.h - HTTP between a guest and whoever speaks it for the guest: requests that go out
 * (wasi:http/outgoing-handler) and one that came in (incoming-handler).  Both are an
 * *exchange*: a head each way, a body each way, trailers each way.
 * The engine checks the form of fields; what may be sent is decided behind the port.
 * Rules for whatever may wait: op.h.  All on the thread that polls guests.
 */
#ifndef WRIT_PORT_HTTP_H
#define WRIT_PORT_HTTP_H

#include "base/field.h"
#include "port/op.h"

/** wasi:http/types.error-code, in its order. */
enum writ_http_code {
	WRIT_HTTP_DNS_TIMEOUT,
	WRIT_HTTP_DNS_ERROR,			/* n: the answer's RCODE */
	WRIT_HTTP_DESTINATION_NOT_FOUND,
	WRIT_HTTP_DESTINATION_UNAVAILABLE,
	WRIT_HTTP_DESTINATION_IP_PROHIBITED,
	WRIT_HTTP_DESTINATION_IP_UNROUTABLE,
	WRIT_HTTP_CONNECTION_REFUSED,
	WRIT_HTTP_CONNECTION_TERMINATED,
	WRIT_HTTP_CONNECTION_TIMEOUT,
	WRIT_HTTP_CONNECTION_READ_TIMEOUT,
	WRIT_HTTP_CONNECTION_WRITE_TIMEOUT,
	WRIT_HTTP_CONNECTION_LIMIT_REACHED,
	WRIT_HTTP_TLS_PROTOCOL_ERROR,
	WRIT_HTTP_TLS_CERTIFICATE_ERROR,
	WRIT_HTTP_TLS_ALERT_RECEIVED,		/* n: the alert */
	WRIT_HTTP_REQUEST_DENIED,
	WRIT_HTTP_REQUEST_LENGTH_REQUIRED,
	WRIT_HTTP_REQUEST_BODY_SIZE,		/* n: bytes, if has_n */
	WRIT_HTTP_REQUEST_METHOD_INVALID,
	WRIT_HTTP_REQUEST_URI_INVALID,
	WRIT_HTTP_REQUEST_URI_TOO_LONG,
	WRIT_HTTP_REQUEST_HEADER_SECTION_SIZE,	/* n */
	WRIT_HTTP_REQUEST_HEADER_SIZE,
	WRIT_HTTP_REQUEST_TRAILER_SECTION_SIZE,	/* n */
	WRIT_HTTP_REQUEST_TRAILER_SIZE,
	WRIT_HTTP_RESPONSE_INCOMPLETE,
	WRIT_HTTP_RESPONSE_HEADER_SECTION_SIZE,	/* n */
	WRIT_HTTP_RESPONSE_HEADER_SIZE,
	WRIT_HTTP_RESPONSE_BODY_SIZE,		/* n */
	WRIT_HTTP_RESPONSE_TRAILER_SECTION_SIZE, /* n */
	WRIT_HTTP_RESPONSE_TRAILER_SIZE,
	WRIT_HTTP_RESPONSE_TRANSFER_CODING,
	WRIT_HTTP_RESPONSE_CONTENT_CODING,
	WRIT_HTTP_RESPONSE_TIMEOUT,
	WRIT_HTTP_UPGRADE_FAILED,
	WRIT_HTTP_PROTOCOL_ERROR,
	WRIT_HTTP_LOOP_DETECTED,
	WRIT_HTTP_CONFIGURATION_ERROR,
	WRIT_HTTP_INTERNAL_ERROR,
	WRIT_HTTP_CODE_COUNT
};

/** Why an exchange failed, as far as a guest may know. */
struct writ_http_fault {
	enum writ_http_code code;
	bool has_n;
	uint64_t n;
};

/** The head of a request or response; what does not apply is empty or 0. */
struct writ_http_head {
	struct writ_str method, scheme, authority, path;	/* path with its query */
	unsigned status;
	const struct writ_http_field *fields;
	size_t fields_count;		/* at most WRIT_HTTP_FIELDS_OUT_MAX */
};

/** What a guest chose for one request; 0: nothing. */
struct writ_http_options {
	uint64_t connect_ns, first_byte_ns, between_bytes_ns;
	bool has_body;			/* it took the outgoing-body */
};

struct writ_exchange;			/* whatever the port makes of it */

/** The halves of an exchange: what the guest writes, and what it reads. */
enum { WRIT_EXCHANGE_OUT = 1, WRIT_EXCHANGE_IN = 2 };

struct writ_http_port {
	void *ctx;
	/**
	 * Ask for a request to be sent.  Everything is borrowed for the call.  WRIT_OK: *out is
	 * the caller's, who ends both halves with close(); also when it will be refused, which
	 * head() tells.  WRIT_LIMIT: too many at once; WRIT_NOMEM.
	 */
	enum writ_status (*send)(void *ctx, const struct writ_http_head *head,
	    const struct writ_http_options *options, struct writ_exchange **out);
	/** The response's head.  WRIT_OK: *head, borrowed until the next call with x; WRIT_AGAIN;
	 * WRIT_IO: *fault. */
	enum writ_status (*head)(void *ctx, struct writ_exchange *x,
	    struct writ_http_head *head, struct writ_http_fault *fault,
	    struct writ_wake *wake);
	/** Answer a request that came in, once: `head` (with `has_body`, a body follows), or
	 * `fault` and head NULL.  WRIT_OK; WRIT_CLOSED the client has gone; WRIT_INVALID. */
	enum writ_status (*respond)(void *ctx, struct writ_exchange *x,
	    const struct writ_http_head *head, bool has_body,
	    const struct writ_http_fault *fault);

	/** How much write() takes now: WRIT_OK and *n > 0; WRIT_AGAIN; WRIT_CLOSED nobody reads
	 * any more; WRIT_IO: *fault. */
	enum writ_status (*room)(void *ctx, struct writ_exchange *x, size_t *n,
	    struct writ_http_fault *fault, struct writ_wake *wake);
	/** Take all n bytes, n within what room() said.  WRIT_OK; WRIT_CLOSED. */
	enum writ_status (*write)(void *ctx, struct writ_exchange *x,
	    const uint8_t *p, size_t n);
	/** Everything written has left this process: WRIT_OK, WRIT_AGAIN, WRIT_CLOSED, WRIT_IO. */
	enum writ_status (*flush)(void *ctx, struct writ_exchange *x,
	    struct writ_http_fault *fault, struct writ_wake *wake);
	/** The body is whole; trailers may follow (count 0: none).  The OUT half still has to be
	 * closed.  A half that is closed without it was given up: the peer must see a broken
	 * message, never a short one.  WRIT_OK; WRIT_CLOSED. */
	enum writ_status (*finish)(void *ctx, struct writ_exchange *x,
	    const struct writ_http_field *trailers, size_t count);

	/** Up to cap bytes of the peer's body: WRIT_OK and *n > 0; WRIT_AGAIN; WRIT_CLOSED the
	 * body was whole; WRIT_IO: *fault. */
	enum writ_status (*read)(void *ctx, struct writ_exchange *x, uint8_t *p,
	    size_t cap, size_t *n, struct writ_http_fault *fault,
	    struct writ_wake *wake);
	/** The peer's trailers, after read() said WRIT_CLOSED or the reader gave up the body.
	 * WRIT_OK: *head has them as fields (count 0: none), borrowed as in head(); WRIT_AGAIN;
	 * WRIT_IO: *fault. */
	enum writ_status (*trailers)(void *ctx, struct writ_exchange *x,
	    struct writ_http_head *head, struct writ_http_fault *fault,
	    struct writ_wake *wake);

	/** Nobody uses these halves any more (OUT, IN, or both ORed), each said once.  After the
	 * second x is gone; a request that has not been answered is given up when IN goes. */
	void (*close)(void *ctx, struct writ_exchange *x, unsigned halves);
};

#endif
