/* test_life.c - names and arguments; what a locked program must still be able to do. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "inmate.h"

static struct shared *sh;

static int
run(enum writ_jail_role role, int fd, long (*act)(struct shared *, void *),
    void *ctx)
{
	struct inmate in = { .role = role, .fd = fd, .act = act, .ctx = ctx };

	return inmate_run(&in, sh);
}

/* ---- names */

static void
test_life__names_and_bits_agree(void **state)
{
	unsigned i, mask;

	for (i = 0; i < WRIT_WALLS_COUNT; i++) {
		mask = 0;
		assert_int_equal(writ_jail_parse(
		    writ_str_from(writ_jail_name(1u << i)), &mask, NULL),
		    WRIT_OK);
		assert_int_equal(mask, 1u << i);
	}
	assert_string_equal(writ_jail_name(0), "?");
	assert_string_equal(writ_jail_name(3), "?");
	assert_string_equal(writ_jail_name(1u << WRIT_WALLS_COUNT), "?");
}

static void
test_life__lists_of_names_are_strict(void **state)
{
	static const char *const bad[] = { "selinux", "Landlock", "landlock,",
		",landlock", "landlock,,seccomp", "landlock,landlock", ",",
		" landlock", "all" };
	struct writ_err err;
	unsigned mask = 77;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(writ_jail_parse(writ_str_from(bad[i]), &mask,
		    &err), WRIT_INVALID);
		assert_int_equal(mask, 77);
		assert_true(strlen(err.msg) > 10);
	}
	assert_int_equal(writ_jail_parse(WRIT_STR("seccomp,landlock"), &mask,
	    &err), WRIT_OK);
	assert_int_equal(mask, WRIT_WALL_SECCOMP | WRIT_WALL_LANDLOCK);
	assert_int_equal(writ_jail_parse(WRIT_STR(""), &mask, &err), WRIT_OK);
	assert_int_equal(mask, 0);
}

static void
test_life__every_wall_has_a_sentence(void **state)
{
	struct writ_jail_offer offers[WRIT_WALLS_COUNT];
	bool all = true;
	unsigned i;

	writ_jail_offers(offers);
	for (i = 0; i < WRIT_WALLS_COUNT; i++) {
		assert_int_equal(offers[i].wall, 1u << i);
		assert_true(strlen(offers[i].what) > 20);
		all = all && offers[i].offered;
	}
	assert_int_equal(writ_jail_check(0, NULL),
	    all ? WRIT_OK : WRIT_UNSUPPORTED);
	assert_int_equal(writ_jail_check(WRIT_WALLS_ALL, NULL), WRIT_OK);
}

/* ---- arguments of a jailed program */

static long
begin_with(struct shared *s, void *ctx)
{
	char **argv = ctx;
	struct writ_err err = { WRIT_OK, "" };
	int argc = 0;

	while (argv[argc])
		argc++;
	s->text[0] = (char)writ_jail_child_args(argc, argv, WRIT_JAIL_WORKER,
	    &err);
	return 0;
}

static enum writ_status
begun(const char *walls, const char *uid, const char *gid)
{
	struct inmate in = { .without = WRIT_WALLS_ALL, .fd = -1,
		.act = begin_with };
	char a[40], b[40], c[40], name[] = "x";
	char *argv[] = { name, walls ? a : NULL, uid ? b : NULL, gid ? c : NULL,
		NULL };

	snprintf(a, sizeof(a), "%s", walls ? walls : "");
	snprintf(b, sizeof(b), "%s", uid ? uid : "");
	snprintf(c, sizeof(c), "%s", gid ? gid : "");
	in.ctx = argv;
	assert_done(inmate_run(&in, sh), sh);
	return (enum writ_status)sh->text[0];
}

static void
test_life__bad_arguments_are_refused(void **state)
{
	struct writ_jail_args a;

	writ_jail_args(0, &a);
	assert_int_equal(begun(a.walls, a.uid, a.gid), WRIT_OK);
	assert_int_equal(begun(NULL, NULL, NULL), WRIT_INVALID);
	assert_int_equal(begun("0", a.uid, NULL), WRIT_INVALID);
	assert_int_equal(begun("", a.uid, a.gid), WRIT_INVALID);
	assert_int_equal(begun("-1", a.uid, a.gid), WRIT_INVALID);
	assert_int_equal(begun("512", a.uid, a.gid), WRIT_INVALID);
	assert_int_equal(begun("0x1", a.uid, a.gid), WRIT_INVALID);
	assert_int_equal(begun("0", "nobody", a.gid), WRIT_INVALID);
	assert_int_equal(begun("0", "0", a.gid), WRIT_INVALID);
	assert_int_equal(begun("0", a.uid, "0"), WRIT_INVALID);
	assert_int_equal(begun("0", "4294967295", a.gid), WRIT_INVALID);
	if (geteuid() != 0)
		assert_int_equal(begun("0", "12345", a.gid), WRIT_INVALID);
}

static long
nothing(struct shared *s, void *ctx)
{
	return 0;
}

static void
test_life__walls_left_out_are_not_claimed(void **state)
{
	struct inmate in = { .fd = -1, .act = nothing };
	unsigned i;

	assert_done(inmate_run(&in, sh), sh);
	assert_int_equal(sh->walls, WRIT_WALLS_ALL);
	for (i = 0; i < WRIT_WALLS_COUNT; i++) {
		in.without = 1u << i;
		/* Two walls stand on this one when the user has no rights. */
		if (in.without == WRIT_WALL_NO_NEW_PRIVS)
			in.without |= WRIT_WALL_SECCOMP | WRIT_WALL_LANDLOCK;
		assert_done(inmate_run(&in, sh), sh);
		assert_int_equal(sh->walls, WRIT_WALLS_ALL & ~in.without);
	}
}

/* A wall that fell between the halves is found out. */
static long
undo_and_lock(struct shared *s, void *ctx)
{
	struct writ_err err = { WRIT_OK, "" };
	unsigned walls = 77;
	enum writ_status st;

	setenv("LATE", "1", 1);
	st = writ_jail_lock(WRIT_JAIL_WORKER, 0, &walls, &err);
	memcpy(s->text, err.msg, sizeof(err.msg));
	return st == WRIT_IO && walls == 77 ? 0 : -1;
}

static void
test_life__a_fallen_wall_stops_the_lock(void **state)
{
	struct inmate in = { .begin_only = true, .fd = -1,
		.act = undo_and_lock };

	assert_done(inmate_run(&in, sh), sh);
	assert_string_equal(sh->text, "wall environment does not stand");
}

/* ---- status of a jailed process, seen from outside */

static long
wait_for_go(struct shared *s, void *ctx)
{
	int i;

	for (i = 0; i < 5000 && !s->go; i++)
		poll(NULL, 0, 1);
	return 0;
}

static pid_t
start_waiting(void)
{
	struct inmate in = { .fd = -1, .act = wait_for_go };
	pid_t pid;
	int i;

	sh->go = 0;
	pid = inmate_start(&in, sh);
	for (i = 0; i < 5000 && !sh->locked; i++)
		usleep(1000);
	assert_int_equal(sh->locked, 1);
	return pid;
}

static void
test_life__the_kernel_shows_the_walls(void **state)
{
	char path[64], text[4096], v[256];
	pid_t pid = start_waiting();

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	assert_true(inmate_slurp(path, text, sizeof(text)) > 0);
	sh->go = 1;
	assert_done(inmate_wait(pid), sh);
	assert_string_equal(inmate_field(text, "\nNoNewPrivs:", v), "1");
	assert_string_equal(inmate_field(text, "\nSeccomp:", v), "2");
	assert_string_equal(inmate_field(text, "\nCapEff:", v),
	    "0000000000000000");
	assert_string_equal(inmate_field(text, "\nCapPrm:", v),
	    "0000000000000000");
	assert_string_not_equal(inmate_field(text, "\nUid:", v), "0\t0\t0\t0");
}

/* Ctrl-Z and back: the kernel restarts the sleep through a call of its own. */
static void
test_life__it_survives_stop_and_continue(void **state)
{
	pid_t pid = start_waiting();
	int i;

	for (i = 0; i < 5; i++) {
		assert_int_equal(kill(pid, SIGSTOP), 0);
		usleep(3000);
		assert_int_equal(kill(pid, SIGCONT), 0);
		usleep(3000);
	}
	sh->go = 1;
	assert_done(inmate_wait(pid), sh);
}

/* ---- what stays possible */

static long
compute(struct shared *s, void *ctx)
{
	struct timespec ts;
	char r[16];
	char *p;
	int i;

	for (i = 1; i < 400; i++) {
		p = malloc((size_t)i * 5000);
		if (!p)
			return -1;
		memset(p, i, (size_t)i * 5000);
		p = realloc(p, (size_t)i * 9000);
		free(p);
	}
	if (clock_gettime(CLOCK_MONOTONIC, &ts) ||
	    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) ||
	    getrandom(r, sizeof(r), 0) != sizeof(r))
		return -1;
	p = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
	    MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED || mprotect(p, 65536, PROT_READ | PROT_WRITE))
		return -1;
	p[0] = 1;
	return madvise(p, 65536, MADV_DONTNEED) || p[0] ||
	    munmap(p, 1 << 20) ? -1 : 0;
}

static void
test_life__memory_time_and_randomness_stay(void **state)
{
	assert_done(run(WRIT_JAIL_WORKER, -1, compute, NULL), sh);
	assert_done(run(WRIT_JAIL_COMPILER, -1, compute, NULL), sh);
}

static void *
lock_and_leave(void *arg)
{
	return arg;
}

static long
lock_mutex(struct shared *s, void *ctx)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_t t;

	pthread_mutex_lock(&m);
	pthread_mutex_unlock(&m);
	return pthread_create(&t, NULL, lock_and_leave, NULL) ? 0 : 1;
}

static void
test_life__no_thread_is_started(void **state)
{
	assert_sigsys(run(WRIT_JAIL_WORKER, -1, lock_mutex, NULL));
}

static char *volatile hole;

static void
on_fault(int sig)
{
	mprotect(hole, 4096, PROT_READ | PROT_WRITE);
}

/* As the engine does: a handler on its own stack mends what the fault was about. */
static long
fault(struct shared *s, void *ctx)
{
	hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	hole[0] = 5;
	return hole[0];
}

static void
test_life__faults_are_caught(void **state)
{
	struct sigaction sa = { .sa_handler = on_fault,
		.sa_flags = SA_ONSTACK }, old;

	sigaction(SIGSEGV, &sa, &old);
	assert_done(run(WRIT_JAIL_WORKER, -1, fault, NULL), sh);
	sigaction(SIGSEGV, &old, NULL);
	assert_int_equal(sh->ret, 5);
}

static long
give_up(struct shared *s, void *ctx)
{
	abort();
}

static void
test_life__an_abort_ends_as_an_abort(void **state)
{
	int status;

	signal(SIGABRT, SIG_DFL);
	status = run(WRIT_JAIL_WORKER, -1, give_up, NULL);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	status = run(WRIT_JAIL_COMPILER, -1, give_up, NULL);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* A lent file: read, written and appended to with the rights of its fd. */
static long
use_file(struct shared *s, void *ctx)
{
	char add[] = "!";
	struct iovec iov = { add, 1 };

	if (pread(3, s->text, 5, 0) != 5)
		return -1;
	if (pwritev2(3, &iov, 1, 0, RWF_APPEND) != 1)
		return -2;
	return pwrite(3, "J", 1, 0) == 1 ? 0 : -3;
}

static void
test_life__lent_files_can_be_used(void **state)
{
	char got[8] = "";
	int fd = memfd_create("lent", MFD_CLOEXEC);

	assert_int_equal(write(fd, "hello", 5), 5);
	assert_done(run(WRIT_JAIL_WORKER, fd, use_file, NULL), sh);
	assert_int_equal(pread(fd, got, 7, 0), 6);
	assert_string_equal(got, "Jello!");
	close(fd);
}

static long
no_append(struct shared *s, void *ctx)
{
	char add[] = "!";
	struct iovec iov = { add, 1 };

	return pwritev2(3, &iov, 1, 0, 0x20);	/* RWF_NOAPPEND */
}

static void
test_life__append_only_cannot_be_undone(void **state)
{
	int fd = memfd_create("lent", MFD_CLOEXEC);

	assert_int_equal(write(fd, "hello", 5), 5);
	assert_sigsys(run(WRIT_JAIL_WORKER, fd, no_append, NULL));
	assert_int_equal(lseek(fd, 0, SEEK_END), 5);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life__names_and_bits_agree),
		cmocka_unit_test(test_life__lists_of_names_are_strict),
		cmocka_unit_test(test_life__every_wall_has_a_sentence),
		cmocka_unit_test(test_life__bad_arguments_are_refused),
		cmocka_unit_test(test_life__walls_left_out_are_not_claimed),
		cmocka_unit_test(test_life__a_fallen_wall_stops_the_lock),
		cmocka_unit_test(test_life__the_kernel_shows_the_walls),
		cmocka_unit_test(test_life__it_survives_stop_and_continue),
		cmocka_unit_test(test_life__memory_time_and_randomness_stay),
		cmocka_unit_test(test_life__no_thread_is_started),
		cmocka_unit_test(test_life__faults_are_caught),
		cmocka_unit_test(test_life__an_abort_ends_as_an_abort),
		cmocka_unit_test(test_life__lent_files_can_be_used),
		cmocka_unit_test(test_life__append_only_cannot_be_undone),
	};
	int rc;

	sh = inmate_shared();
	rc = cmocka_run_group_tests_name("life", tests, NULL, NULL);
	inmate_unshare(sh);
	return rc;
}
