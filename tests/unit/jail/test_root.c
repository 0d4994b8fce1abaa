/* test_root.c - stepping down from root: the broker's way and its children's.
 * Run as an ordinary user it tests that nothing is asked of one. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "inmate.h"

#define USER 4242u

static struct shared *sh;

static bool
root(void)
{
	return geteuid() == 0;
}

/* Run `body` in a child of its own, for it changes who the process is. */
static void
apart(void (*body)(void))
{
	pid_t pid;

	memset(sh, 0, offsetof(struct shared, secret));
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		body();
		sh->done = 1;
		_exit(0);
	}
	assert_true(WIFEXITED(inmate_wait(pid)));
	assert_int_equal(sh->done, 1);
}

static void
drop(void)
{
	struct writ_err err = { WRIT_OK, "" };
	enum writ_jail_drop how = WRIT_DROP_NONE;

	sh->status = (int)writ_jail_broker_drop(&how, &err);
	sh->ret = (long)how;
	memcpy(sh->why, err.msg, sizeof(sh->why));
	inmate_slurp("/proc/self/status", sh->text, sizeof(sh->text));
}

static void
assert_field(const char *name, const char *want)
{
	char v[256];

	assert_string_equal(inmate_field(sh->text, name, v), want);
}

static void
test_root__a_user_stays_who_it_is(void **state)
{
	struct writ_jail_args a;
	char uid[16];

	if (root())
		return;
	setenv("SUDO_UID", "1", 1);	/* a lie that nobody believes */
	apart(drop);
	unsetenv("SUDO_UID");
	assert_int_equal(sh->status, WRIT_OK);
	assert_int_equal(sh->ret, WRIT_DROP_NONE);
	assert_field("\nNoNewPrivs:", "1");
	writ_jail_args(0, &a);
	snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	assert_string_equal(a.uid, uid);
}

static void
test_root__plain_root_keeps_three_capabilities(void **state)
{
	if (!root())
		return;
	unsetenv("SUDO_UID");
	apart(drop);
	assert_int_equal(sh->status, WRIT_OK);
	assert_int_equal(sh->ret, WRIT_DROP_ROOT);
	assert_field("\nUid:", "0\t0\t0\t0");
	assert_field("\nCapEff:", "00000000000000e0");	/* KILL SETGID SETUID */
	assert_field("\nCapPrm:", "00000000000000e0");
	assert_field("\nCapBnd:", "00000000000000e0");
	assert_field("\nCapInh:", "0000000000000000");
	assert_field("\nNoNewPrivs:", "1");
	setenv("SUDO_UID", "0", 1);
	apart(drop);
	unsetenv("SUDO_UID");
	assert_int_equal(sh->ret, WRIT_DROP_ROOT);
}

static char private_file[80];

static void
drop_and_open(void)
{
	drop();
	sh->err = open(private_file, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

/* File permissions bind a root broker: what another user keeps private stays so. */
static void
test_root__file_permissions_bind_root(void **state)
{
	char dir[64];

	if (!root())
		return;
	inmate_mkdir(dir);
	snprintf(private_file, sizeof(private_file), "%s/private", dir);
	close(open(private_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(chown(private_file, USER, USER), 0);
	assert_int_equal(access(private_file, R_OK), 0);
	apart(drop_and_open);
	assert_int_equal(sh->err, EACCES);
	assert_int_equal(chown(private_file, 0, 0), 0);
	apart(drop_and_open);
	assert_int_equal(sh->err, 0);
	inmate_rmdir(dir);
}

static void
test_root__sudo_becomes_its_user(void **state)
{
	if (!root())
		return;
	setenv("SUDO_UID", "4242", 1);
	setenv("SUDO_GID", "4243", 1);
	apart(drop);
	assert_int_equal(sh->status, WRIT_OK);
	assert_int_equal(sh->ret, WRIT_DROP_SUDO);
	assert_field("\nUid:", "4242\t4242\t4242\t4242");
	assert_field("\nGid:", "4243\t4243\t4243\t4243");
	assert_field("\nGroups:", "");
	assert_field("\nCapEff:", "0000000000000000");
	assert_field("\nCapPrm:", "0000000000000000");
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
}

static void
test_root__malformed_sudo_variables_are_errors(void **state)
{
	static const char *const bad[][2] = {
		{ "", "1" }, { "x", "1" }, { "-1", "1" }, { "4294967295", "1" },
		{ " 5", "1" }, { "5", "" }, { "5", "0" }, { "5", NULL },
	};
	size_t i;

	if (!root())
		return;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("SUDO_UID", bad[i][0], 1);
		if (bad[i][1])
			setenv("SUDO_GID", bad[i][1], 1);
		else
			unsetenv("SUDO_GID");
		apart(drop);
		assert_int_equal(sh->status, WRIT_INVALID);
		assert_field("\nUid:", "0\t0\t0\t0");
	}
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
}

static long
wait_for_go(struct shared *s, void *ctx)
{
	int i;

	for (i = 0; i < 5000 && !s->go; i++)
		poll(NULL, 0, 1);
	return 0;
}

/* Every wall stands in the child of a dropped broker, which can still end it. */
static void
drop_and_jail(void)
{
	struct inmate in = { .fd = -1, .act = wait_for_go };
	struct writ_err err;
	enum writ_jail_drop how;
	pid_t pid;
	int i, status = 0;

	if (writ_jail_broker_drop(&how, &err) != WRIT_OK)
		return;
	pid = inmate_start(&in, sh);
	for (i = 0; i < 5000 && !sh->locked; i++)
		usleep(1000);
	snprintf(sh->secret, sizeof(sh->secret), "/proc/%d/status", (int)pid);
	inmate_slurp(sh->secret, sh->text, sizeof(sh->text));
	sh->ret = kill(pid, SIGKILL);
	sh->go = 1;
	waitpid(pid, &status, 0);
	sh->err = status;
}

static void
test_root__children_of_root_are_nobody(void **state)
{
	const gid_t groups[] = { 1, 2 };

	if (!root())
		return;
	assert_int_equal(setgroups(2, groups), 0);
	apart(drop_and_jail);
	assert_int_equal(setgroups(0, NULL), 0);
	assert_string_equal(sh->why, "");
	assert_int_equal(sh->walls, WRIT_WALLS_ALL);
	assert_field("\nUid:", "65534\t65534\t65534\t65534");
	assert_field("\nGid:", "65534\t65534\t65534\t65534");
	assert_field("\nGroups:", "");
	assert_field("\nCapEff:", "0000000000000000");
	assert_int_equal(sh->ret, 0);
	assert_true(WIFSIGNALED((int)sh->err));
}

static long
open_private(struct shared *s, void *ctx)
{
	return open(ctx, O_RDONLY | O_CLOEXEC);
}

/* The wall by itself: with Landlock and seccomp gone the file stays closed. */
static void
test_root__unprivileged_stands_alone(void **state)
{
	struct inmate in = { .fd = -1, .act = open_private,
		.without = ONLY(WRIT_WALL_UNPRIVILEGED) };
	char dir[64], path[80];

	if (!root())
		return;
	inmate_mkdir(dir);
	snprintf(path, sizeof(path), "%s/private", dir);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	in.ctx = path;
	assert_refused(inmate_run(&in, sh), sh, EACCES);
	in.without = WRIT_WALLS_ALL;
	assert_done(inmate_run(&in, sh), sh);
	inmate_rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root__a_user_stays_who_it_is),
		cmocka_unit_test(test_root__plain_root_keeps_three_capabilities),
		cmocka_unit_test(test_root__file_permissions_bind_root),
		cmocka_unit_test(test_root__sudo_becomes_its_user),
		cmocka_unit_test(test_root__malformed_sudo_variables_are_errors),
		cmocka_unit_test(test_root__children_of_root_are_nobody),
		cmocka_unit_test(test_root__unprivileged_stands_alone),
	};
	int rc;

	sh = inmate_shared();
	rc = cmocka_run_group_tests_name("root", tests, NULL, NULL);
	inmate_unshare(sh);
	return rc;
}
