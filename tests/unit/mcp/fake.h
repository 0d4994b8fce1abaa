/*
 * fake.h - a broker with tools that do one thing each, for tests and fuzzing.
 */
#ifndef FAKE_H
#define FAKE_H

#include "base/buf.h"
#include "base/limits.h"
#include "wire/api.h"

#define FAKE_CALLS 256
#define FAKE_CLIENTS 64

struct fake_call {
	bool used;
	uint32_t id;
	unsigned asked, answered, step;
	char tool[WRIT_TOOL_NAME_MAX + 1];
	struct writ_buf args, answers, answer;
};

struct fake {
	struct writ_conn conn;
	struct fake_call calls[FAKE_CALLS];
	bool clients[FAKE_CLIENTS];
	unsigned cancelled, granted, opened, closed;
	bool plain;		/* no long numbers: jansson aborts when there is no memory
				 * to unread one */
};

/* Takes the broker's end of a socket pair. */
void fake_init(struct fake *f, int fd);
void fake_release(struct fake *f);
/* CONFIG and the first catalog. */
void fake_greet(struct fake *f, enum writ_api_transport transport);
/* A catalog: `which` 0 the usual one, 1 with a tool more, 2 with a prompt less, 3 with very
 * many tools. */
void fake_catalog(struct fake *f, unsigned which);
/* Tell that a resource has changed. */
void fake_updated(struct fake *f, const char *uri);
/* Answer what has come; false when the front end is gone or broke the language. */
bool fake_step(struct fake *f);
/* End every call of `slow`. */
void fake_finish(struct fake *f);

#endif
