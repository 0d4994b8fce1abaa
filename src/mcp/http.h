/*
 * http.h - the transport "streamable HTTP": one endpoint, both revisions, many clients; sessions
 * (http_session.h) for those before 2026-07-28.  The only file pair that knows libmicrohttpd.
 *
 * Who may speak is http_head.h's to say; TLS, cookies, CORS and files do not exist.  One
 * thread; everything a peer can make it hold is bounded in limits.h, and every peer has a
 * deadline in each thing it does (the table in http.c).
 */
#ifndef WRIT_MCP_HTTP_H
#define WRIT_MCP_HTTP_H

#include "mcp/mcp.h"

struct writ_mcp_http;

/**
 * Take over a listening socket, whatever comes of it, and open all that serving it needs, before
 * the door is shut; accepts nothing yet.
 * Fails: WRIT_IO, WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_mcp_http_open(int listener, struct writ_mcp_http **out,
    struct writ_err *err);
/** Every connection is closed. */
void writ_mcp_http_free(struct writ_mcp_http *h);
WRIT_AUTO_FREE(writ_mcp_http)

/**
 * Serve until the broker goes.  `m` must be configured, and outlive `h`'s last use: free `h`
 * first.  Fails: WRIT_CLOSED the broker is gone; WRIT_PROTO, WRIT_NOMEM, WRIT_LIMIT, WRIT_IO.
 */
WRIT_MUST_CHECK enum writ_status
writ_mcp_http_serve(struct writ_mcp_http *h, struct writ_mcp *m,
    struct writ_conn *broker, struct writ_err *err);

#endif
