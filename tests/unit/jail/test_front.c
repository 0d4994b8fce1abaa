/* A front end reads and writes what it was given, and that is all. */
#include "inmate.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct shared *sh;

static int
run(int fd, long (*act)(struct shared *, void *))
{
	struct inmate in = { 0, WRIT_JAIL_FRONT, false, fd, act, NULL };

	memset(sh, 0, sizeof(*sh));
	return inmate_run(&in, sh);
}

static long
write_only(struct shared *s, void *ctx)
{
	return write(3, "x", 1) == 1 ? 0 : -1;
}

static long
open_file(struct shared *s, void *ctx)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long
make_socket(struct shared *s, void *ctx)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
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
signal_parent(struct shared *s, void *ctx)
{
	return kill(getppid(), 0);
}

static long
make_code(struct shared *s, void *ctx)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long
bend_fd(struct shared *s, void *ctx)
{
	return fcntl(3, F_SETFL, 0);
}

static void
test_front__it_writes_to_what_it_was_given(void **state)
{
	char byte = 0;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_done(run(p[1], write_only), sh);
	assert_int_equal(read(p[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(p[0]);
	close(p[1]);
}

static void
test_front__everything_else_kills_it(void **state)
{
	long (*const acts[])(struct shared *, void *) = { make_socket,
		accept_elsewhere, send_somewhere, change_socket, make_epoll,
		make_process, signal_parent, make_code, bend_fd, open_file };
	size_t i, n = sizeof(acts) / sizeof(acts[0]) - (SANITIZED ? 4 : 0);

	for (i = 0; i < n; i++) {
		int status = run(-1, acts[i]);

		assert_int_equal(sh->locked, 1);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
		assert_int_equal(sh->done, 0);
	}
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
		cmocka_unit_test(test_front__it_writes_to_what_it_was_given),
		cmocka_unit_test(test_front__everything_else_kills_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
