/*
 * child.h - start a jailed program of ours: given fds at 3, 4, ..., nothing else.
 */
#ifndef WRIT_BROKER_CHILD_H
#define WRIT_BROKER_CHILD_H

#include <sys/types.h>

#include "base/mem.h"
#include "base/str.h"

#define WRIT_SPAWN_FDS 4

struct writ_spawn {
	const char *program;		/* path */
	const char *args[6];		/* argv[1..], NULL-terminated */
	int fds[WRIT_SPAWN_FDS];	/* become 3, 4, ... */
	unsigned fds_count;
};

/** A child: its pid, and a pidfd that polls readable when it has ended. */
struct writ_child {
	pid_t pid;
	int pidfd;
};

/**
 * Start it with an empty environment, default signals, its own session, and /dev/null as
 * 0, 1 and 2.  Fails: WRIT_NOENT no such program; WRIT_IO.
 */
WRIT_MUST_CHECK enum writ_status
writ_spawn(const struct writ_spawn *spec, struct writ_child *out,
    struct writ_err *err);

/** Kill (if it still lives) and reap; *status as of waitpid(2).  Idempotent. */
void writ_child_end(struct writ_child *child, int *status);

/**
 * Wait at most `timeout_ms`; on a timeout, kill.  Reaps either way.
 * Returns WRIT_OK with *status, or WRIT_LIMIT on the timeout.
 */
WRIT_MUST_CHECK enum writ_status
writ_child_wait(struct writ_child *child, uint64_t timeout_ms, int *status);

/** How a child ended, in words: "exited with 3", "was killed by signal 31 (Bad system
 * call)". */
void writ_child_words(int status, char *out, size_t cap);

#endif
