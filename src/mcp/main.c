/*
 * writ-mcp: speaks the Model Context Protocol with clients, jailed.  Started by the broker
 * with its socket as fd 3 and, over stdio, the client's input and output as fds 4 and 5, over
 * HTTP the listening socket as fd 4; argv is "writ-mcp WALLS UID GID" (see jail.h).  It ends when its client or the broker goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/limits.h"
#include "jail/jail.h"
#include "mcp/http.h"
#include "mcp/pipe.h"

#define WIRE_FD 3
#define IN_FD 4
#define OUT_FD 5

static bool
is_listener(int fd)
{
	socklen_t len = sizeof(int);
	int on = 0;

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) && on;
}

static enum writ_status
unblock(void)
{
	int fd;

	for (fd = IN_FD; fd <= OUT_FD; fd++) {
		int fl = fcntl(fd, F_GETFL);

		if (fl >= 0 && fcntl(fd, F_SETFL, fl | O_NONBLOCK))
			return WRIT_IO;
	}
	return WRIT_OK;
}

/* What a client sends is foreign, so the door is shut before the first byte of it is read. */
static enum writ_status
begin(int argc, char **argv, struct writ_conn *conn,
    struct writ_mcp_http **http, struct writ_err *err)
{
	unsigned without = 0, walls = 0;
	enum writ_status st;

	st = writ_jail_child_args(argc, argv, WRIT_JAIL_FRONT, err);
	if (st == WRIT_OK)
		st = writ_jail_args_without(argv, &without, err);
	if (st == WRIT_OK)
		st = writ_hash_init();
	if (st != WRIT_OK)
		return st;
	writ_json_init();
	signal(SIGPIPE, SIG_IGN);	/* a client that is gone is an error of write */
	st = writ_conn_init(conn, WIRE_FD, &writ_wire_api, WRIT_SIDE_FRONT,
	    err);
	if (st == WRIT_OK)
		st = unblock();
	if (st == WRIT_OK && is_listener(IN_FD))
		st = writ_mcp_http_open(IN_FD, http, err);
	if (st == WRIT_OK)
		st = writ_jail_lock(WRIT_JAIL_FRONT, without, &walls, err);
	return st;
}

/* Wait for the configuration, which says how to go on. */
static enum writ_status
configured(struct writ_mcp *m, struct writ_conn *conn, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;

	while (st == WRIT_OK && !writ_mcp_config(m)) {
		struct pollfd p = { conn->fd, POLLIN, 0 };

		st = writ_conn_flush(conn);
		if (st == WRIT_AGAIN)
			p.events |= POLLOUT;
		else if (st != WRIT_OK)
			break;
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return WRIT_IO;
		st = writ_conn_fill(conn);
		if (st == WRIT_OK)
			st = writ_mcp_broker(m, err);
		else if (st == WRIT_AGAIN)
			st = WRIT_OK;
	}
	return st;
}

/* Takes `http` over: it must go before the protocol does. */
static enum writ_status
run(struct writ_conn *conn, struct writ_mcp_http *taken, struct writ_err *err)
{
	writ_auto(writ_mcp) m = NULL;
	writ_auto(writ_mcp_http) http = taken;
	enum writ_status st = writ_mcp_new(conn, &m, err);

	if (st == WRIT_OK)
		st = configured(m, conn, err);
	if (st != WRIT_OK)
		return st;
	if ((writ_mcp_config(m)->transport == WRIT_API_HTTP) != (http != NULL))
		return writ_fail(err, WRIT_PROTO, "transport");
	if (http)
		return writ_mcp_http_serve(http, m, conn, err);
	return writ_mcp_pipe(m, conn, IN_FD, OUT_FD, err);
}

int
main(int argc, char **argv)
{
	static struct writ_conn conn = { .fd = -1 };
	struct writ_mcp_http *http = NULL;
	struct writ_err err = { WRIT_OK, "" };
	enum writ_status st = begin(argc, argv, &conn, &http, &err);

	if (st == WRIT_OK)
		st = run(&conn, http, &err);
	writ_conn_release(&conn);
	return st == WRIT_OK || st == WRIT_CLOSED ? 0 : (int)st;
}
