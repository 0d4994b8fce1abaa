/*
 * watch.h - fds that a worker waits for beside its wire: exchanges, clients, a listener.
 * Of a worker with one guest they are looked at with poll(2); one that serves has an epoll,
 * made before the door is shut.  Level-triggered.  One thread.
 */
#ifndef WRIT_WORKER_WATCH_H
#define WRIT_WORKER_WATCH_H

#include <poll.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

/** The owner's storage; zeroed but for fd and ready before it is added. */
struct writ_watch {
	int fd;				/* stays the owner's */
	short events;			/* POLLIN, POLLOUT; 0: its end alone */
	/** Something happened: `revents` as of poll(2).  May remove any watch, itself too. */
	void (*ready)(struct writ_watch *watch, short revents);
	struct writ_watch *next, *prev;	/* of the set, while it is in one */
	bool added;
	bool exclusive;			/* epoll: of those who wait for it, wake one */
};

#define WRIT_WATCH_BATCH 64

struct writ_watches {
	struct writ_watch *first;
	unsigned count;
	int epoll_fd;			/* has_epoll */
	bool has_epoll, has_wire;
	bool wire_ready;		/* epoll: told so when last waited */
	short wire_events;		/* that the epoll waits for on the wire */
	struct pollfd polled[WRIT_WATCH_POLL_MAX + 1];	/* without epoll */
	struct writ_watch *polled_watch[WRIT_WATCH_POLL_MAX + 1];
	/* what was ready and is yet to be told */
	struct {
		struct writ_watch *watch;	/* NULL: removed meanwhile */
		short revents;
	} batch[WRIT_WATCH_BATCH];
	unsigned batch_len;
};

/** Use epoll from now on; nothing is in the set yet.  WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_watches_epoll(struct writ_watches *s, struct writ_err *err);

/** Watch it for watch->events until it is removed.  WRIT_LIMIT more than WRIT_WATCH_POLL_MAX
 * without epoll; WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_watch_add(struct writ_watches *s, struct writ_watch *watch);
/** Wait for other events; the fd is still open. */
void writ_watch_events(struct writ_watches *s, struct writ_watch *watch,
    short events);
/** Before its fd is closed.  Takes one that is not in the set. */
void writ_watch_remove(struct writ_watches *s, struct writ_watch *watch);

/**
 * Wait at most `ms` (-1: for ever) until one of the set or `fd` (for `events`) is ready; then
 * writ_watches_tell.  WRIT_OK, also when interrupted; WRIT_IO.
 */
WRIT_MUST_CHECK enum writ_status
writ_watches_wait(struct writ_watches *s, int fd, short events, int ms);
/** Tell the watches that were ready. */
void writ_watches_tell(struct writ_watches *s);

#endif
