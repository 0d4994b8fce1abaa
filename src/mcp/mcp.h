/*
 * mcp.h - the Model Context Protocol without a transport: messages of clients in, messages
 * to clients out, and the broker behind (wire/api.h).  Revisions 2026-07-28 (each request
 * carries its revision) and 2025-11-25, 2025-06-18, 2025-03-26 (`initialize` opens a
 * session), side by side.
 *
 * Holds no authority and decides nothing: tools run, files are read and requests are filed
 * by the broker.  Everything a client sends is foreign, and so is what a tool answers.
 *
 * A transport (pipe.c; HTTP) parses no JSON.  It reads one message, calls
 * writ_mcp_in_init, looks at the result if it must (writ_mcp_in), and hands it with a sink
 * to writ_mcp_receive.  The same for all clients, so that one front end serves many.
 * One thread; no call here blocks.  Sinks are called from within any call of this header
 * and must not call back into it.
 */
#ifndef WRIT_MCP_MCP_H
#define WRIT_MCP_MCP_H

#include "base/json.h"
#include "wire/api.h"

struct writ_mcp;
struct writ_mcp_client;

/** Where the messages that answer one message go. */
struct writ_mcp_sink {
	/**
	 * A notification, or a request to the client (revisions before 2026-07-28), that
	 * belongs to the request being answered.  One JSON text, no line break in it.
	 * Never fails: a transport that cannot send closes its client later.
	 */
	void (*send)(struct writ_mcp_sink *sink, struct writ_str json);
	/**
	 * The last call: the response, or nothing (json.len == 0) when there is none: the
	 * message was a notification or an answer, or its request was cancelled.
	 * `http` is the status that HTTP gives it if nothing was sent before.
	 */
	void (*end)(struct writ_mcp_sink *sink, struct writ_str json,
	    unsigned http);
};

enum writ_mcp_kind {
	WRIT_MCP_BAD,		/* malformed: `code` and `why` say how */
	WRIT_MCP_REQUEST,
	WRIT_MCP_NOTIFICATION,
	WRIT_MCP_ANSWER		/* to a request of ours */
};

/** Headers that repeat what is in the message (HTTP, 2026-07-28); {NULL,0}: not sent. */
struct writ_mcp_headers {
	struct writ_str version, method, name;
};

/** One message of a client, parsed.  Borrows its text. */
struct writ_mcp_in {
	enum writ_mcp_kind kind;
	struct writ_str text;
	struct writ_str id;		/* as written; empty: none */
	struct writ_str method;		/* decoded; may hold anything */
	struct writ_str params;		/* as written; empty: none */
	struct writ_str version;	/* of _meta, decoded; {NULL,0}: none */
	int code;			/* BAD: of the error */
	char why[200];
	json_t *json;			/* whole message */
	const json_t *args;		/* its params, or NULL */
	const json_t *meta;		/* their _meta, or NULL */
	/** The transport's, before writ_mcp_receive: NULL where there are no headers. */
	const struct writ_mcp_headers *headers;
};

/** Parse a message of at most WRIT_MCP_MESSAGE_MAX bytes.  Always gives a message; what is
 * wrong with it is answered by writ_mcp_receive. */
void writ_mcp_in_init(struct writ_mcp_in *in, struct writ_str text);
void writ_mcp_in_release(struct writ_mcp_in *in);
WRIT_AUTO_RELEASE(writ_mcp_in)

/** Whether the message is a request that opens a session (a transport with several
 * clients makes one for it). */
bool writ_mcp_in_opens(const struct writ_mcp_in *in);

enum writ_mcp_peer {
	WRIT_MCP_PIPE,		/* one program, both revisions, ids are its own */
	WRIT_MCP_SESSION,	/* a session over HTTP, before 2026-07-28 */
	WRIT_MCP_STATELESS	/* all who hold the token, 2026-07-28: ids may repeat, a
				 * request is cancelled by writ_mcp_gone alone */
};

/** Who has this revision: WRIT_MCP_STATELESS or WRIT_MCP_SESSION; WRIT_MCP_PIPE: nobody. */
enum writ_mcp_peer writ_mcp_speaks(struct writ_str version);

/** Start over a connection to the broker (borrowed; HELLO is queued on it).
 * Fails: WRIT_NOMEM, WRIT_LIMIT. */
WRIT_MUST_CHECK enum writ_status
writ_mcp_new(struct writ_conn *broker, struct writ_mcp **out,
    struct writ_err *err);
/** Sinks that still wait are ended with nothing. */
void writ_mcp_free(struct writ_mcp *m);
WRIT_AUTO_FREE(writ_mcp)

/** The broker's configuration, or NULL before it has come; slices live as long as `m`. */
const struct writ_api_config *writ_mcp_config(const struct writ_mcp *m);
/** Whether a catalog has come: before, do not receive. */
bool writ_mcp_ready(const struct writ_mcp *m);

/**
 * Handle every whole message in the connection's buffer (after writ_conn_fill).
 * Fails: WRIT_PROTO, WRIT_NOMEM: this front end must end.
 */
WRIT_MUST_CHECK enum writ_status
writ_mcp_broker(struct writ_mcp *m, struct writ_err *err);

/** Tell the time (monotonic) and end what is overdue; returns ms until the next is due,
 * or -1.  Call before anything else in a turn of the loop. */
int writ_mcp_tick(struct writ_mcp *m, uint64_t now_ms);

/**
 * A new client.  Fails: WRIT_LIMIT too many (config's clients_max); WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_mcp_client_open(struct writ_mcp *m, enum writ_mcp_peer peer,
    struct writ_mcp_client **out, struct writ_err *err);
/** Gone: what runs for it is cancelled, its sinks are ended with nothing. */
void writ_mcp_client_close(struct writ_mcp *m, struct writ_mcp_client *client);

/** Where goes what belongs to no request (changes of lists): NULL, or a sink of which only
 * `send` is called; borrowed until replaced or the client is closed. */
void writ_mcp_client_stream(struct writ_mcp_client *client,
    struct writ_mcp_sink *sink);
/** Requests of the client that the broker has still to answer. */
unsigned writ_mcp_client_busy(const struct writ_mcp_client *client);
/** Whether `initialize` succeeded: a session to keep. */
bool writ_mcp_client_opened(const struct writ_mcp_client *client);

/**
 * Handle one message of `client`.  `sink` is borrowed until its `end`, which is called
 * exactly once, now or later.
 */
void writ_mcp_receive(struct writ_mcp *m, struct writ_mcp_client *client,
    const struct writ_mcp_in *in, struct writ_mcp_sink *sink);

/**
 * The other end of a sink is gone; it is not touched any more, not even by `end`.
 * Requests of revision 2026-07-28 are cancelled by it, older ones run on.
 */
void writ_mcp_gone(struct writ_mcp *m, struct writ_mcp_sink *sink);

#endif
