/*
 * http_serve.h - inside of the server of one component: its workers ("seats"), each a process
 * and a session with an audit log of its own.  http_serve.c has the loop and the seats, http_bind.c
 * the listening sockets, http_admin.c who asks how it goes.  No byte of a client comes here.
 * Nothing outside src/session includes it.  One thread.
 */
#ifndef WRIT_SESSION_HTTP_SERVE_H
#define WRIT_SESSION_HTTP_SERVE_H

#include "session/tool.h"
#include "writ/serve.h"

#define HTTP_ADMIN_MAX 8		/* who asks at a time */

struct http_server;

struct http_seat {
	struct http_server *server;
	unsigned number;		/* from 1 */
	bool filled;			/* all of the following stands */
	bool has_net;			/* `net` is prepared */
	struct writ_tool tool;		/* shares the server's */
	struct writ_record record;
	struct writ_files files;
	struct writ_run run;
	struct writ_session_net net;
	struct writ_serving now;	/* as it last said */
	uint64_t started_ns, again_ns;	/* when it was, and when it may be again */
	unsigned failures;		/* in a row */
	unsigned told;			/* of requests that went wrong */
};

struct http_asker {
	int fd;				/* -1: free */
	uint64_t since_ns;
	size_t len;
	char text[1024];
};

struct http_admin {
	int fd;				/* -1: none */
	const char *path;
	struct http_asker askers[HTTP_ADMIN_MAX];
};

struct http_server {
	struct writ_host *host;
	const struct writ_serve_options *options;
	struct writ_policy *own_policy;	/* when none was given */
	struct writ_tool tool;		/* bytes, code, description */
	char name[256];			/* argument 0 */
	int listener;
	char address[64];		/* as bound */
	struct http_seat *seats;
	unsigned seats_count, concurrency;
	struct http_admin admin;
	bool ready;			/* has been told */
	unsigned stopping;		/* 1: finish, 2: end */
	uint64_t stop_ns;		/* when those that run are ended */
	uint64_t requests, failed, malformed, busy;	/* since the start */
	unsigned replaced;
	struct writ_err why;		/* it cannot go on */
};

/* ---- http_bind.c */
/** Listen on `address`; *text gets what is bound, as in a URL.  WRIT_INVALID, WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
http_bind(const char *address, int *fd, char text[64], struct writ_err *err);
/** Make a socket at `path` that only this user can reach; a dead one there is replaced.
 * WRIT_EXIST somebody listens there; WRIT_IO; WRIT_NAMETOOLONG. */
WRIT_MUST_CHECK enum writ_status
http_bind_unix(const char *path, int *fd, struct writ_err *err);

/* ---- http_admin.c */
struct pollfd;
/** Put what it waits for into p[HTTP_ADMIN_MAX + 1], and act on what came. */
void http_admin_poll(const struct http_admin *a, struct pollfd *p);
void http_admin_step(struct http_server *s, const struct pollfd *p);
/** Close all, and remove the socket. */
void http_admin_release(struct http_admin *a);

#endif
