/* A worker that serves accepts on its listener and speaks with whom it accepted; a worker that does
 * not serve does neither. */
#include "inmate.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct shared *sh;

static int
run(enum writ_jail_role role, long (*act)(struct shared *, void *))
{
	struct inmate in = { 0, role, false, -1, act, NULL };

	memset(sh, 0, sizeof(*sh));
	return inmate_run(&in, sh);
}

/* ---- what serving needs; fd 3 is a socket, 4 is none */

static long
accept_there(struct shared *s, void *ctx)
{
	(void)!accept4(4, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return 0;
}

static long
receive(struct shared *s, void *ctx)
{
	char byte;

	return recv(900, &byte, 1, 0) < 0 && errno == EBADF ? 0 : -1;
}

static long
send_back(struct shared *s, void *ctx)
{
	return send(900, "x", 1, MSG_NOSIGNAL) < 0 && errno == EBADF ? 0 : -1;
}

static long
reset(struct shared *s, void *ctx)
{
	struct linger l = { 1, 0 };

	return setsockopt(3, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static long
half_close(struct shared *s, void *ctx)
{
	return shutdown(900, SHUT_WR) < 0 && errno == EBADF ? 0 : -1;
}

static long
look(struct shared *s, void *ctx)
{
	struct epoll_event e;

	return epoll_wait(900, &e, 1, 0) < 0 && errno == EBADF ? 0 : -1;
}

static long
watch(struct shared *s, void *ctx)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(900, EPOLL_CTL_ADD, 3, &e) < 0 && errno == EBADF ? 0 :
	    -1;
}

/* ---- what it does not */

static long
make_socket(struct shared *s, void *ctx)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long
connect_out(struct shared *s, void *ctx)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	return connect(3, (struct sockaddr *)&to, sizeof(to));
}

static long
bind_here(struct shared *s, void *ctx)
{
	struct sockaddr_in at = { .sin_family = AF_INET };

	return bind(4, (struct sockaddr *)&at, sizeof(at));
}

static long
listen_more(struct shared *s, void *ctx)
{
	return listen(4, 1);
}

static long
accept_elsewhere(struct shared *s, void *ctx)
{
	return accept4(3, NULL, NULL, SOCK_CLOEXEC);
}

static long
send_somewhere(struct shared *s, void *ctx)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	return sendto(3, "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&to,
	    sizeof(to));
}

static long
change_socket(struct shared *s, void *ctx)
{
	int on = 1;

	return setsockopt(3, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

static long
ask_who(struct shared *s, void *ctx)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	return getpeername(3, (struct sockaddr *)&a, &len);
}

static long
make_epoll(struct shared *s, void *ctx)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

static long
make_process(struct shared *s, void *ctx)
{
	return fork();
}

static long
open_file(struct shared *s, void *ctx)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

/* The last two are a worker's too: it speaks on pairs that the broker made. */
static long (*const needed[])(struct shared *, void *) = { accept_there,
	reset, half_close, look, watch, receive, send_back };
static long (*const never[])(struct shared *, void *) = { make_socket,
	connect_out, bind_here, listen_more, accept_elsewhere, send_somewhere,
	change_socket, ask_who, make_epoll, make_process, open_file };

static void
assert_killed(enum writ_jail_role role, long (*act)(struct shared *, void *))
{
	int status = run(role, act);

	assert_int_equal(sh->locked, 1);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
	assert_int_equal(sh->done, 0);
}

static void
test_serve__a_serving_worker_does_what_it_is_for(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		assert_done(run(WRIT_JAIL_SERVE, needed[i]), sh);
}

static void
test_serve__everything_else_kills_it(void **state)
{
	size_t i, n = sizeof(never) / sizeof(never[0]) - (SANITIZED ? 2 : 0);

	for (i = 0; i < n; i++)
		assert_killed(WRIT_JAIL_SERVE, never[i]);
}

static void
test_serve__another_worker_waits_for_no_client(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]) - 2; i++)
		assert_killed(WRIT_JAIL_WORKER, needed[i]);
}

static int
set_up(void **state)
{
	sh = inmate_shared();
	return 0;
}

static int
tear_down(void **state)
{
	inmate_unshare(sh);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_serve__a_serving_worker_does_what_it_is_for),
		cmocka_unit_test(test_serve__everything_else_kills_it),
		cmocka_unit_test(test_serve__another_worker_waits_for_no_client),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
