/*
 * http_head.h - what the head of an HTTP request must be before anything of it is done: one
 * table of headers, and one order of refusals.  Pure: knows no library and no socket.
 *
 * Until the token has been found right, an answer depends on Host, Origin and the token alone,
 * and is a constant.
 */
#ifndef WRIT_MCP_HTTP_HEAD_H
#define WRIT_MCP_HTTP_HEAD_H

#include "wire/api.h"

enum writ_http_field {
	WRIT_HTTP_HOST,
	WRIT_HTTP_ORIGIN,
	WRIT_HTTP_AUTHORIZATION,
	WRIT_HTTP_TYPE,
	WRIT_HTTP_LENGTH,
	WRIT_HTTP_ENCODING,		/* Transfer-Encoding */
	WRIT_HTTP_CONTENT_ENCODING,
	WRIT_HTTP_SESSION,
	WRIT_HTTP_VERSION,
	WRIT_HTTP_METHOD,		/* Mcp-Method */
	WRIT_HTTP_NAME,
	WRIT_HTTP_ACCEPT,		/* may come several times */
	WRIT_HTTP_FIELD_COUNT
};

enum writ_http_verb {
	WRIT_HTTP_OTHER,
	WRIT_HTTP_POST,
	WRIT_HTTP_GET,
	WRIT_HTTP_DELETE
};

/** A head, as it is read.  Zero-initialise; borrows all text. */
struct writ_http_head {
	enum writ_http_verb verb;
	bool path;			/* it is the endpoint's, as sent */
	struct writ_str field[WRIT_HTTP_FIELD_COUNT];	/* {NULL,0}: not sent */
	bool accepts_json, accepts_stream;
	unsigned fields;		/* of any name */
	bool malformed;
};

/** An answer that is no message: plain text. */
struct writ_http_refusal {
	unsigned status;
	const char *text;
};

/** "POST", "GET", "DELETE"; case counts. */
enum writ_http_verb writ_http_head_verb(struct writ_str name);

/** Take one header.  A name that is no token, a value with control bytes, one that may come
 * once and comes again, and too many of them make the head malformed. */
void writ_http_head_add(struct writ_http_head *head, struct writ_str name,
    struct writ_str value);

/** Why the request is refused, or NULL.  *trusted says whether its token (where one is
 * needed) was right. */
const struct writ_http_refusal *
writ_http_head_judge(const struct writ_http_head *head,
    const struct writ_api_config *config, bool *trusted);

/** Decode a value of Mcp-Name: "=?base64?...?=" or as it stands.  False: neither; `out` then
 * holds nothing. */
WRIT_MUST_CHECK bool
writ_http_head_decode(struct writ_str value, struct writ_buf *out);

#endif
