/*
 * http_session.h - sessions over HTTP (revisions before 2026-07-28): an id that cannot be
 * guessed, a client of the protocol, and the streams (GET) that its notifications leave by.
 * All belong to whoever holds the token.  Knows no library.
 */
#ifndef WRIT_MCP_HTTP_SESSION_H
#define WRIT_MCP_HTTP_SESSION_H

#include "base/hash.h"
#include "base/limits.h"
#include "base/vec.h"
#include "mcp/http_exchange.h"

#define WRIT_HTTP_SESSION_ID_LEN 48	/* hex digits: 192 bits */

struct writ_http_session {
	struct writ_mcp_sink sink;	/* first: to the newest stream */
	struct writ_mcp_client *client;
	uint8_t mac[WRIT_MAC_LEN];	/* of the id, which is kept by its owner alone */
	uint64_t used_ms;
	struct writ_http_exchange *streams[WRIT_HTTP_STREAMS_MAX];	/* newest last */
	unsigned streams_count;
};

struct writ_http_sessions {
	struct writ_mcp *m;		/* borrowed */
	uint8_t key[WRIT_KEY_LEN];
	struct writ_vec list;		/* struct writ_http_session * */
};

void writ_http_sessions_init(struct writ_http_sessions *s, struct writ_mcp *m);
/** Close all of them. */
void writ_http_sessions_release(struct writ_http_sessions *s);

/** A session for `client`, which it takes over on success; its id goes to `id` (with NUL).
 * Fails: WRIT_LIMIT, WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_http_session_open(struct writ_http_sessions *s,
    struct writ_mcp_client *client, uint64_t now_ms,
    char id[WRIT_HTTP_SESSION_ID_LEN + 1]);
/** End it: its streams end, what runs for it is cancelled. */
void writ_http_session_close(struct writ_http_sessions *s,
    struct writ_http_session *session);
/** The session of that id, marked as used now; NULL. */
struct writ_http_session *
writ_http_session_find(struct writ_http_sessions *s, struct writ_str id,
    uint64_t now_ms);
/** Close those that have no stream, run nothing and were not used for `idle_ms`. */
void writ_http_sessions_expire(struct writ_http_sessions *s, uint64_t now_ms,
    uint64_t idle_ms);

/** Let notifications leave by `x`.  False: it has WRIT_HTTP_STREAMS_MAX streams. */
WRIT_MUST_CHECK bool
writ_http_session_attach(struct writ_http_session *session,
    struct writ_http_exchange *x);
/** `x` is gone, whichever session it was of. */
void writ_http_sessions_detach(struct writ_http_sessions *s,
    const struct writ_http_exchange *x, uint64_t now_ms);

#endif
