/* test_walls.c - each wall refuses, the effect does not happen, and without it it would. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "inmate.h"

#define SECRET "swordfish"
#define PAGE 4096

static struct shared *sh;
static volatile sig_atomic_t signalled;

static void
on_signal(int sig)
{
	signalled = 1;
}

static int
run(unsigned without, long (*act)(struct shared *, void *), void *ctx)
{
	struct inmate in = { .without = without, .role = WRIT_JAIL_WORKER,
		.fd = -1, .act = act, .ctx = ctx };

	return inmate_run(&in, sh);
}

/* Killed by the filter; in a sanitizer build some calls are let through to Landlock. */
static void
assert_filtered(int status)
{
	if (SANITIZED && WIFEXITED(status))
		assert_refused(status, sh, EACCES);
	else
		assert_sigsys(status);
}

/* ---- files */

static long
make_file(struct shared *s, void *ctx)
{
	int fd = open(ctx, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : fd;
}

static void
test_walls__no_file_is_made(void **state)
{
	char dir[64], path[80];

	inmate_mkdir(dir);
	snprintf(path, sizeof(path), "%s/made", dir);
	assert_filtered(run(0, make_file, path));
	assert_int_equal(access(path, F_OK), -1);
	assert_refused(run(WRIT_WALL_SECCOMP, make_file, path), sh, EACCES);
	assert_int_equal(access(path, F_OK), -1);
	if (!SANITIZED) {
		assert_sigsys(run(WRIT_WALL_LANDLOCK, make_file, path));
		assert_int_equal(access(path, F_OK), -1);
	}
	assert_done(run(ONLY(0), make_file, path), sh);
	assert_int_equal(access(path, F_OK), 0);
	inmate_rmdir(dir);
}

static long
read_file(struct shared *s, void *ctx)
{
	return inmate_slurp(ctx, s->text, sizeof(s->text));
}

static void
test_walls__no_file_is_read(void **state)
{
	char dir[64], path[80];
	int fd;

	inmate_mkdir(dir);
	snprintf(path, sizeof(path), "%s/secret", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, SECRET, sizeof(SECRET)), sizeof(SECRET));
	close(fd);
	sh->text[0] = '\0';
	assert_filtered(run(0, read_file, path));
	assert_string_equal(sh->text, "");
	assert_refused(run(WRIT_WALL_SECCOMP, read_file, path), sh, EACCES);
	assert_string_equal(sh->text, "");
	assert_done(run(ONLY(0), read_file, path), sh);
	assert_string_equal(sh->text, SECRET);
	inmate_rmdir(dir);
}

static long
remove_file(struct shared *s, void *ctx)
{
	return unlink(ctx);
}

static void
test_walls__no_file_is_removed(void **state)
{
	char dir[64], path[80];

	inmate_mkdir(dir);
	snprintf(path, sizeof(path), "%s/kept", dir);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	assert_sigsys(run(0, remove_file, path));
	assert_refused(run(WRIT_WALL_SECCOMP, remove_file, path), sh, EACCES);
	assert_int_equal(access(path, F_OK), 0);
	assert_done(run(ONLY(0), remove_file, path), sh);
	assert_int_equal(access(path, F_OK), -1);
	inmate_rmdir(dir);
}

/* Between the halves files can be read (to map code), nothing else. */
static void
test_walls__before_the_lock_nothing_is_made_or_listed(void **state)
{
	struct inmate in = { .begin_only = true, .fd = -1 };
	char dir[64], path[80];

	inmate_mkdir(dir);
	snprintf(path, sizeof(path), "%s/made", dir);
	in.act = make_file;
	in.ctx = path;
	assert_refused(inmate_run(&in, sh), sh, EACCES);
	assert_int_equal(access(path, F_OK), -1);
	in.without = WRIT_WALL_LANDLOCK;
	assert_done(inmate_run(&in, sh), sh);
	assert_int_equal(access(path, F_OK), 0);
	in.without = 0;
	in.act = remove_file;
	assert_refused(inmate_run(&in, sh), sh, EACCES);
	assert_int_equal(access(path, F_OK), 0);
	inmate_rmdir(dir);
}

static long
read_parent(struct shared *s, void *ctx)
{
	return inmate_slurp(ctx, s->text, sizeof(s->text));
}

static void
test_walls__the_parent_in_proc_is_out_of_reach(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)getpid());
	sh->text[0] = '\0';
	assert_filtered(run(0, read_parent, path));
	assert_refused(run(WRIT_WALL_SECCOMP, read_parent, path), sh, EACCES);
	assert_string_equal(sh->text, "");
	assert_done(run(ONLY(0), read_parent, path), sh);
	assert_non_null(strstr(sh->text, "Pid:"));
}

/* ---- network */

static long
make_socket(struct shared *s, void *ctx)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void
test_walls__no_socket_is_made(void **state)
{
	assert_sigsys(run(0, make_socket, NULL));
	assert_int_equal(sh->done, 0);
	assert_sigsys(run(WRIT_WALL_LANDLOCK, make_socket, NULL));
	assert_done(run(ONLY(0), make_socket, NULL), sh);
}

static long
connect_to(struct shared *s, void *ctx)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : connect(fd, ctx, sizeof(struct sockaddr_in));
}

static int
listener(struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(*at);

	memset(at, 0, sizeof(*at));
	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (void *)at, n), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (void *)at, &n), 0);
	return fd;
}

static void
test_walls__nothing_is_connected(void **state)
{
	struct sockaddr_in at;
	int fd = listener(&at), got;

	assert_sigsys(run(0, connect_to, &at));
	assert_refused(run(WRIT_WALL_SECCOMP, connect_to, &at), sh, EACCES);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_done(run(ONLY(0), connect_to, &at), sh);
	got = accept(fd, NULL, NULL);
	assert_true(got >= 0);
	close(got);
	close(fd);
}

static long
abstract_connect(struct shared *s, void *ctx)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : connect(fd, ctx, sizeof(sa_family_t) + 16);
}

static void
test_walls__abstract_sockets_are_out_of_reach(void **state)
{
	struct sockaddr_un_like {
		sa_family_t family;
		char name[108];
	} at = { AF_UNIX, "" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(at.name + 1, 16, "writ-%010d", (int)getpid());
	assert_int_equal(bind(fd, (void *)&at, sizeof(sa_family_t) + 16), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_sigsys(run(0, abstract_connect, &at));
	assert_refused(run(WRIT_WALL_SECCOMP, abstract_connect, &at), sh, EPERM);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_done(run(ONLY(0), abstract_connect, &at), sh);
	close(fd);
}

/* The wire is the one socket: sending elsewhere, or with other flags, is not possible. */
static long
send_on(struct shared *s, void *ctx)
{
	struct iovec iov = { s->text, 4 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	const int *how = ctx;

	return sendmsg(how[0], &m, how[1]);
}

static void
test_walls__only_the_wire_is_written(void **state)
{
	int wire[2] = { 3, MSG_NOSIGNAL }, other[2] = { 4, MSG_NOSIGNAL };
	int oob[2] = { 3, MSG_OOB };

	run(0, send_on, wire);
	assert_int_equal(sh->done, 1);
	assert_sigsys(run(0, send_on, other));
	assert_sigsys(run(0, send_on, oob));
}

/* ---- other programs and processes */

static long
execute(struct shared *s, void *ctx)
{
	char name[] = "sh", flag[] = "-c";
	char *argv[] = { name, flag, ctx, NULL };
	char *envp[] = { NULL };

	return execve("/bin/sh", argv, envp);
}

static void
test_walls__nothing_is_executed(void **state)
{
	char dir[64], path[80], line[100];

	inmate_mkdir(dir);
	snprintf(path, sizeof(path), "%s/ran", dir);
	snprintf(line, sizeof(line), ": > %s", path);
	assert_sigsys(run(0, execute, line));
	assert_refused(run(WRIT_WALL_SECCOMP, execute, line), sh, EACCES);
	assert_int_equal(access(path, F_OK), -1);
	run(ONLY(0), execute, line);
	assert_int_equal(access(path, F_OK), 0);
	inmate_rmdir(dir);
}

static long
fork_once(struct shared *s, void *ctx)
{
	pid_t pid = fork();

	if (pid == 0) {
		memcpy(s->text, "born", 5);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

static void
test_walls__no_process_is_made(void **state)
{
	sh->text[0] = '\0';
	assert_sigsys(run(0, fork_once, NULL));
	assert_refused(run(WRIT_WALL_SECCOMP, fork_once, NULL), sh, EAGAIN);
	assert_string_equal(sh->text, "");
	assert_done(run(ONLY(0), fork_once, NULL), sh);
	assert_string_equal(sh->text, "born");
}

static long
signal_parent(struct shared *s, void *ctx)
{
	return kill(*(pid_t *)ctx, SIGUSR1);
}

static void
test_walls__the_parent_is_not_signalled(void **state)
{
	pid_t me = getpid();

	signal(SIGUSR1, on_signal);
	signalled = 0;
	assert_sigsys(run(0, signal_parent, &me));
	assert_refused(run(WRIT_WALL_SECCOMP, signal_parent, &me), sh, EPERM);
	assert_int_equal(signalled, 0);
	assert_done(run(ONLY(0), signal_parent, &me), sh);
	assert_int_equal(signalled, 1);
}

static long
abort_other(struct shared *s, void *ctx)
{
	pid_t pid = *(pid_t *)ctx;

	return syscall(SYS_tgkill, pid, pid, SIGUSR1);
}

static void
test_walls__tgkill_is_for_its_own_abort_alone(void **state)
{
	pid_t me = getpid();

	signalled = 0;
	assert_sigsys(run(0, abort_other, &me));
	assert_int_equal(signalled, 0);
	assert_done(run(ONLY(0), abort_other, &me), sh);
	assert_int_equal(signalled, 1);
}

static char target[16];

static long
write_parent(struct shared *s, void *ctx)
{
	char text[] = "overwritten";
	struct iovec from = { text, sizeof(text) }, to = { target,
		sizeof(text) };

	return process_vm_writev(*(pid_t *)ctx, &from, 1, &to, 1, 0);
}

static void
test_walls__the_parents_memory_is_not_written(void **state)
{
	pid_t me = getpid();

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	memcpy(target, "untouched", 10);
	assert_sigsys(run(0, write_parent, &me));
	assert_refused(run(WRIT_WALL_SECCOMP, write_parent, &me), sh, EPERM);
	assert_string_equal(target, "untouched");
	assert_done(run(ONLY(0), write_parent, &me), sh);
	assert_string_equal(target, "overwritten");
}

static long
trace_parent(struct shared *s, void *ctx)
{
	long rc = ptrace(PTRACE_SEIZE, *(pid_t *)ctx, NULL, NULL);

	return rc;
}

static void
test_walls__the_parent_is_not_traced(void **state)
{
	pid_t me = getpid();

	assert_sigsys(run(0, trace_parent, &me));
	assert_refused(run(WRIT_WALL_SECCOMP, trace_parent, &me), sh, EPERM);
	assert_done(run(ONLY(0), trace_parent, &me), sh);
}

/* ---- code */

static const unsigned char forty_two[] = { 0xb8, 42, 0, 0, 0, 0xc3 };

static long
call_it(void *p)
{
	int (*fn)(void);

	memcpy(&fn, &p, sizeof(fn));
	return fn();
}

static long
by_mprotect(struct shared *s, void *ctx)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	memcpy(p, forty_two, sizeof(forty_two));
	s->go = 7;
	if (mprotect(p, PAGE, PROT_READ | PROT_EXEC))
		return -1;
	return call_it(p);
}

static long
by_mmap(struct shared *s, void *ctx)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	memcpy(p, forty_two, sizeof(forty_two));
	return call_it(p);
}

/* A passed fd holds the code: mapping the lent file executable is as forbidden. */
static long
by_file(struct shared *s, void *ctx)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 3, 0);

	return p == MAP_FAILED ? -1 : call_it(p);
}

static void
test_walls__no_code_is_made(void **state)
{
	struct inmate in = { .act = by_file };
	int status;

	sh->go = 0;
	assert_sigsys(run(0, by_mprotect, NULL));
	assert_int_equal(sh->go, 7);
	assert_int_equal(sh->done, 0);
	assert_sigsys(run(0, by_mmap, NULL));
	assert_int_equal(sh->done, 0);
	assert_done(run(WRIT_WALL_SECCOMP, by_mprotect, NULL), sh);
	assert_int_equal(sh->ret, 42);
	assert_done(run(WRIT_WALL_SECCOMP, by_mmap, NULL), sh);
	assert_int_equal(sh->ret, 42);

	in.fd = memfd_create("code", MFD_CLOEXEC);
	assert_true(write(in.fd, forty_two, sizeof(forty_two)) > 0);
	assert_sigsys(inmate_run(&in, sh));
	in.without = WRIT_WALL_SECCOMP;
	status = inmate_run(&in, sh);
	assert_done(status, sh);
	assert_int_equal(sh->ret, 42);
	close(in.fd);
}

static long
share(struct shared *s, void *ctx)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static void
test_walls__no_memory_is_shared(void **state)
{
	if (!SANITIZED)
		assert_sigsys(run(0, share, NULL));
	assert_done(run(WRIT_WALL_SECCOMP, share, NULL), sh);
}

/* ---- what it inherits */

static long
read_fd(struct shared *s, void *ctx)
{
	return pread(*(int *)ctx, s->text, sizeof(SECRET), 0);
}

static void
test_walls__no_fd_is_inherited(void **state)
{
	int low = memfd_create("secret", 0), fd = fcntl(low, F_DUPFD, 40);

	close(low);
	assert_int_equal(write(fd, SECRET, sizeof(SECRET)), sizeof(SECRET));
	sh->text[0] = '\0';
	assert_refused(run(0, read_fd, &fd), sh, EBADF);
	assert_string_equal(sh->text, "");
	assert_done(run(WRIT_WALL_FDS, read_fd, &fd), sh);
	assert_string_equal(sh->text, SECRET);
	close(fd);
}

static long
write_stderr(struct shared *s, void *ctx)
{
	return write(2, "", 1);
}

static void
test_walls__standard_streams_lead_nowhere(void **state)
{
	if (!SANITIZED)
		assert_refused(run(0, write_stderr, NULL), sh, EBADF);
	assert_done(run(WRIT_WALL_FDS, write_stderr, NULL), sh);
}

/* Not only unset: the bytes on the stack are gone. */
static long
read_env(struct shared *s, void *ctx)
{
	const char *was = *(char **)ctx;

	memcpy(s->text, was, strlen(was) + 1);
	return getenv("WRIT_TEST_SECRET") ? 1 : 0;
}

static void
test_walls__the_environment_is_wiped(void **state)
{
	char *where;

	setenv("WRIT_TEST_SECRET", SECRET, 1);
	where = getenv("WRIT_TEST_SECRET");
	assert_done(run(0, read_env, &where), sh);
	assert_int_equal(sh->ret, 0);
	assert_string_equal(sh->text, "");
	assert_done(run(WRIT_WALL_ENVIRONMENT, read_env, &where), sh);
	assert_int_equal(sh->ret, 1);
	assert_string_equal(sh->text, SECRET);
	unsetenv("WRIT_TEST_SECRET");
}

/* ---- limits */

static long
many_fds(struct shared *s, void *ctx)
{
	long n = 0;

	while (n < 20000 && dup(3) >= 0)
		n++;
	return n;
}

static void
test_walls__open_files_are_bounded(void **state)
{
	struct rlimit r;
	long had;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	had = r.rlim_max > 20000 ? 20000 : (long)r.rlim_max;
	run(WRIT_WALL_SECCOMP, many_fds, NULL);
	assert_true(sh->ret > 1000 && sh->ret < 4200);
	r.rlim_cur = r.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	run(ONLY(0), many_fds, NULL);
	assert_true(had <= 4200 || sh->ret > 4200);
}

static long
cap_then_grow(struct shared *s, void *ctx)
{
	struct writ_err err = { WRIT_OK, "" };
	void *p;

	if (*(uint64_t *)ctx &&
	    writ_jail_cap_memory(*(uint64_t *)ctx, &err) != WRIT_OK)
		return 9;
	p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? -1 : 0;
}

static void
test_walls__memory_is_bounded(void **state)
{
	struct inmate in = { .begin_only = true, .fd = -1,
		.act = cap_then_grow };
	uint64_t cap = 48 << 20;

	in.ctx = &cap;
	if (!SANITIZED)
		assert_refused(inmate_run(&in, sh), sh, ENOMEM);
	cap = 0;
	assert_done(inmate_run(&in, sh), sh);
}

/* ---- what others can do to it */

static long
wait_for_go(struct shared *s, void *ctx)
{
	int i;

	for (i = 0; i < 5000 && !s->go; i++)
		poll(NULL, 0, 1);
	return 0;
}

static const char hidden[] = "hidden";

/* As another process of the same user. */
static long
observe(pid_t pid)
{
	char got[sizeof(hidden)];
	struct iovec to = { got, sizeof(got) };
	struct iovec from = { (void *)(uintptr_t)hidden, sizeof(got) };

	return process_vm_readv(pid, &to, 1, &from, 1, 0);
}

static long
watched(unsigned without)
{
	struct inmate in = { .without = without, .fd = -1, .act = wait_for_go };
	pid_t pid;
	long n;
	int i;

	sh->go = 0;
	pid = inmate_start(&in, sh);
	for (i = 0; i < 5000 && !sh->locked; i++)
		usleep(1000);
	assert_int_equal(sh->locked, 1);
	n = observe(pid);
	sh->go = 1;
	assert_done(inmate_wait(pid), sh);
	return n;
}

static void
test_walls__its_memory_is_not_read(void **state)
{
	assert_int_equal(watched(0), -1);
	assert_int_equal(watched(WRIT_WALL_DUMPABLE), sizeof(hidden));
}

/* The middle process starts the inmate and dies; is the inmate alive a moment later? */
static bool
orphan_lives(unsigned without)
{
	struct inmate in = { .without = without, .fd = -1, .act = wait_for_go };
	bool lives = false;
	int i, life[2];
	struct pollfd p;
	pid_t middle;

	sh->go = 0;
	sh->locked = 0;
	assert_int_equal(pipe(life), 0);
	middle = fork();
	if (middle == 0) {
		close(life[0]);
		inmate_start(&in, sh);
		for (i = 0; i < 5000 && !sh->locked; i++)
			usleep(1000);
		_exit(0);
	}
	close(life[1]);
	inmate_wait(middle);
	assert_int_equal(sh->locked, 1);
	/* Its own copy of the pipe, kept only without the wall of fds. */
	p = (struct pollfd){ life[0], 0, 0 };
	lives = poll(&p, 1, 500) == 0;
	sh->go = 1;
	close(life[0]);
	return lives;
}

static void
test_walls__it_dies_with_its_parent(void **state)
{
	assert_false(orphan_lives(WRIT_WALL_FDS));
	assert_true(orphan_lives(WRIT_WALL_FDS | WRIT_WALL_PARENT_DEATH));
}

static void
become_user(void)
{
	if (geteuid() != 0)
		return;
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY) ||
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		_exit(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walls__no_file_is_made),
		cmocka_unit_test(test_walls__no_file_is_read),
		cmocka_unit_test(test_walls__no_file_is_removed),
		cmocka_unit_test(
		    test_walls__before_the_lock_nothing_is_made_or_listed),
		cmocka_unit_test(test_walls__the_parent_in_proc_is_out_of_reach),
		cmocka_unit_test(test_walls__no_socket_is_made),
		cmocka_unit_test(test_walls__nothing_is_connected),
		cmocka_unit_test(test_walls__abstract_sockets_are_out_of_reach),
		cmocka_unit_test(test_walls__only_the_wire_is_written),
		cmocka_unit_test(test_walls__nothing_is_executed),
		cmocka_unit_test(test_walls__no_process_is_made),
		cmocka_unit_test(test_walls__the_parent_is_not_signalled),
		cmocka_unit_test(test_walls__tgkill_is_for_its_own_abort_alone),
		cmocka_unit_test(test_walls__the_parents_memory_is_not_written),
		cmocka_unit_test(test_walls__the_parent_is_not_traced),
		cmocka_unit_test(test_walls__no_code_is_made),
		cmocka_unit_test(test_walls__no_memory_is_shared),
		cmocka_unit_test(test_walls__no_fd_is_inherited),
		cmocka_unit_test(test_walls__standard_streams_lead_nowhere),
		cmocka_unit_test(test_walls__the_environment_is_wiped),
		cmocka_unit_test(test_walls__open_files_are_bounded),
		cmocka_unit_test(test_walls__memory_is_bounded),
		cmocka_unit_test(test_walls__its_memory_is_not_read),
		cmocka_unit_test(test_walls__it_dies_with_its_parent),
	};
	int rc;

	become_user();
	sh = inmate_shared();
	rc = cmocka_run_group_tests_name("walls", tests, NULL, NULL);
	inmate_unshare(sh);
	return rc;
}
