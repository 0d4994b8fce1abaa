/*
 * client.h - what a tool may want of whoever called it: to tell how far it is, to log, to ask
 * (writ:client), and to call another tool (writ:tools/spawn).  Void without a grant.
 * An answer is data; it approves nothing.
 */
#ifndef WRIT_PORT_CLIENT_H
#define WRIT_PORT_CLIENT_H

#include "base/buf.h"
#include "port/op.h"

enum writ_ask_kind {
	WRIT_ASK_ELICIT,	/* name: the question's key; text: {"message": ..., "requestedSchema": ...} */
	WRIT_ASK_SAMPLE,	/* name: as above; text: params of sampling/createMessage */
	WRIT_ASK_ROOTS,		/* name: as above; no text */
	WRIT_ASK_SPAWN,		/* name: the tool; text: its arguments, JSON */
	WRIT_ASK_KIND_COUNT
};

enum writ_ask_status {
	WRIT_ASK_OK,		/* the reply is the client's result, or the tool's value */
	WRIT_ASK_ERR,		/* SPAWN: the tool's own error value */
	WRIT_ASK_DENIED,	/* not granted; the reply is a sentence */
	WRIT_ASK_UNSUPPORTED,	/* this client cannot do it */
	WRIT_ASK_CANCELLED,
	WRIT_ASK_UNKNOWN,	/* SPAWN: no such tool */
	WRIT_ASK_ARGUMENTS,	/* SPAWN: they do not fit; the reply is a sentence */
	WRIT_ASK_LIMIT,		/* too many, too long, too deep; the reply is a sentence */
	WRIT_ASK_FAILED,
	WRIT_ASK_STATUS_COUNT
};

/**
 * One ask.  The caller owns it and keeps it where it is until it has finished; `name` and
 * `text` (at most WRIT_ASK_TEXT_MAX bytes) are borrowed for the start only.  `reply` is the
 * caller's, initialised with its bound; what does not fit makes the answer WRIT_ASK_LIMIT.
 */
struct writ_ask {
	struct writ_op op;	/* its status: WRIT_OK, then `answer` says more; WRIT_IO */
	enum writ_ask_kind kind;
	bool more;		/* another ask follows at once: one round for both */
	struct writ_str name, text;
	enum writ_ask_status answer;
	struct writ_buf reply;
};

struct writ_client_port {
	void *ctx;
	/** How far the call is.  `total` is NULL when unknown.  May be dropped. */
	void (*progress)(void *ctx, double done, const double *total,
	    struct writ_str message);
	/** A line for the client, level 0 (debug) to 7 (emergency).  May be dropped. */
	void (*log)(void *ctx, uint32_t level, struct writ_str logger,
	    struct writ_str data);
	/** Start `ask` (rules in op.h). */
	enum writ_status (*ask)(void *ctx, struct writ_ask *ask);
};

#endif
