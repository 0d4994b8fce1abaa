/*
 * fake_mcp WRIT-MCP [INSTRUCTION] - the real, jailed front end on this program's stdin and
 * stdout, with a broker of no substance (fake.h) behind it.  Ends when the front end does,
 * with its status.  INSTRUCTION "finish": calls of `slow` end after 50 ms each.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "broker/child.h"
#include "fake.h"
#include "jail/jail.h"

static struct fake fake;

static int
serve(struct writ_child *child, bool finish)
{
	int status = 0;

	for (;;) {
		struct pollfd p = { fake.conn.fd, POLLIN, 0 };

		if (!fake_step(&fake))
			break;
		if (writ_conn_unsent(&fake.conn))
			p.events |= POLLOUT;
		if (poll(&p, 1, finish ? 50 : -1) < 0 && errno != EINTR)
			break;
		if (finish)
			fake_finish(&fake);
	}
	(void)!writ_child_wait(child, 5000, &status);
	if (status) {
		char words[128];

		writ_child_words(status, words, sizeof(words));
		fprintf(stderr, "fake_mcp: the front end %s\n", words);
		return 1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct writ_spawn spec = { .program = argv[1], .fds_count = 3 };
	struct writ_child child = { 0, -1 };
	struct writ_jail_args args;
	struct writ_err err = { WRIT_OK, "" };
	int fds[2];

	if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return 2;
	writ_jail_args(0, &args);
	spec.args[0] = args.walls;
	spec.args[1] = args.uid;
	spec.args[2] = args.gid;
	spec.fds[0] = fds[1];
	spec.fds[1] = 0;
	spec.fds[2] = 1;
	if (writ_spawn(&spec, &child, &err) != WRIT_OK) {
		fprintf(stderr, "fake_mcp: %s\n", err.msg);
		return 2;
	}
	close(fds[1]);
	close(0);
	close(1);
	fake_init(&fake, fds[0]);
	fake_greet(&fake, WRIT_API_STDIO);
	return serve(&child, argc > 2 && !strcmp(argv[2], "finish"));
}
