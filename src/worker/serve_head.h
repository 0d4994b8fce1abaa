/*
 * serve_head.h - HTTP/1.1 as a server reads it: the head of a request, and its body (RFC 9112).
 * Strict: what two programs could read in two ways is refused, never mended.  Pure: bytes in,
 * slices out; no socket, no clock.  Runs in the jail.
 */
#ifndef WRIT_WORKER_SERVE_HEAD_H
#define WRIT_WORKER_SERVE_HEAD_H

#include "base/limits.h"
#include "port/http.h"

struct writ_serve_head {
	/** As the guest gets it: fields in lower case, without those of the connection. */
	struct writ_http_head request;
	struct writ_http_field fields[WRIT_HTTP_FIELDS_MAX];
	bool http10, close;		/* of HTTP/1.0; no request follows */
	bool expects;			/* 100-continue */
	bool has_length, chunked;	/* neither: no body */
	uint64_t length;
};

/** How far the search for the end of a section has come; zeroed at its start. */
struct writ_serve_scan {
	size_t at, line;
};

/**
 * Look for the empty line that ends a head or trailers.  WRIT_OK: *size bytes, it included;
 * WRIT_AGAIN; WRIT_INVALID a line that ends in LF alone, or one empty line too many;
 * WRIT_LIMIT more than WRIT_HTTP_HEAD_MAX bytes.
 * `skip`: empty lines at the start that are no end (RFC 9112 2.2).
 */
WRIT_MUST_CHECK enum writ_status
writ_serve_scan(struct writ_serve_scan *scan, const uint8_t *p, size_t len,
    size_t skip, size_t *size);

/** Read a whole head (names are changed to lower case in place; slices are borrowed).  0, or the
 * status to refuse it with: 400, 414, 417, 431, 501, 505. */
unsigned writ_serve_head_read(uint8_t *p, size_t len, struct writ_serve_head *out);

enum writ_serve_part {
	WRIT_SERVE_NO_BODY,		/* whole */
	WRIT_SERVE_LENGTH,		/* `left` bytes are to come */
	WRIT_SERVE_CHUNK_SIZE,
	WRIT_SERVE_CHUNK,		/* `left` bytes of one */
	WRIT_SERVE_CHUNK_END,
	WRIT_SERVE_TRAILERS
};

/** Where in a body one is. */
struct writ_serve_body {
	enum writ_serve_part part;
	uint64_t left;
	struct writ_serve_scan scan;
};

/** At the start of the body that `head` announces. */
void writ_serve_body_init(struct writ_serve_body *b,
    const struct writ_serve_head *head);

/**
 * Take body from p[len]: *used bytes are done with, *data (within p) is body.  WRIT_OK: data is
 * not empty; WRIT_AGAIN more is needed; WRIT_CLOSED the body is whole, *data its trailer section
 * ("" for none); WRIT_INVALID malformed; WRIT_LIMIT trailers or a chunk's extensions too large.
 */
WRIT_MUST_CHECK enum writ_status
writ_serve_body_take(struct writ_serve_body *b, const uint8_t *p, size_t len,
    size_t *used, struct writ_str *data);

/** The fields of a trailer section, changed to lower case in place; those that frame a message
 * are refused.  `out` has room for WRIT_HTTP_FIELDS_MAX.  0, or 400 or 431. */
unsigned writ_serve_trailers_read(uint8_t *p, size_t len,
    struct writ_http_field *out, size_t *count);

/** Whether `method` is a token of RFC 9110; `value` a field's value. */
bool writ_serve_is_token(struct writ_str method);
bool writ_serve_is_value(struct writ_str value);

/** Whether a field belongs to the connection, and so to no guest: neither from nor to it. */
bool writ_serve_is_hop(struct writ_str name);

#endif
