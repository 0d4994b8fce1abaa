/*
 * serve_msg.h - SERVED: what a worker that serves says of itself and of the requests that have
 * ended since it last spoke.  Its word: nothing is decided by it.
 */
#ifndef WRIT_WIRE_SERVE_MSG_H
#define WRIT_WIRE_SERVE_MSG_H

#include "base/limits.h"
#include "wire/codec.h"

/** How it stands. */
struct writ_serving {
	uint32_t running, waiting, connections;	/* now */
	uint32_t malformed;	/* requests refused unread, since it last spoke */
	uint32_t busy;		/* answered with 503, since it last spoke */
};

enum writ_served_outcome {
	WRIT_SERVED_OK,
	WRIT_SERVED_EXIT,	/* the guest ended without an answer, or with half of one */
	WRIT_SERVED_TRAP,
	WRIT_SERVED_LIMIT,	/* detail: which */
	WRIT_SERVED_CANCELLED,	/* the client went, or the server stopped */
	WRIT_SERVED_FAILED,	/* ours */
	WRIT_SERVED_OUTCOME_COUNT
};

/** One request that a guest was started for. */
struct writ_served_row {
	enum writ_served_outcome outcome;
	uint32_t status;	/* that the client was told; 0: none */
	uint32_t wall_us, cpu_us;
	uint64_t up, down;	/* bytes of the bodies */
	struct writ_str method, path, detail;
};

void writ_serving_put(struct writ_buf *b, const struct writ_serving *s);
/** Appends a row behind it. */
void writ_served_put(struct writ_buf *b, const struct writ_served_row *r);
/** Read the first part; rows follow while in->len. */
void writ_serving_get(struct writ_wire_in *in, struct writ_serving *s);
/** The next row; slices are borrowed.  Marks `in` bad when malformed. */
void writ_served_get(struct writ_wire_in *in, struct writ_served_row *r);

#endif
