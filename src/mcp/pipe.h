/*
 * pipe.h - the stdio transport: one client, one message a line, nothing else on the way
 * out.  A client that does not read is not read from either; nothing piles up.
 */
#ifndef WRIT_MCP_PIPE_H
#define WRIT_MCP_PIPE_H

#include "mcp/mcp.h"

/**
 * Serve until the client's input ends (answers on their way get WRIT_MCP_LINGER_MS; what
 * runs on then is cancelled), its output is closed, or the broker goes.  `in` and `out`
 * are borrowed and non-blocking.
 * Fails: WRIT_CLOSED the broker is gone; WRIT_PROTO, WRIT_NOMEM, WRIT_LIMIT, WRIT_IO.
 */
WRIT_MUST_CHECK enum writ_status
writ_mcp_pipe(struct writ_mcp *m, struct writ_conn *broker, int in, int out,
    struct writ_err *err);

#endif
