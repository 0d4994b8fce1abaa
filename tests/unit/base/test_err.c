/* test_err.c - status names, messages, and the way a bug ends. */
#include "base/err.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void
test_err__every_status_has_its_name(void **state)
{
	int i, j;

	assert_string_equal(writ_status_name(WRIT_OK), "ok");
	assert_string_equal(writ_status_name(WRIT_DENIED), "denied");
	assert_string_equal(writ_status_name(WRIT_NOTPERM), "notperm");
	for (i = WRIT_OK; i <= WRIT_NOTPERM; i++) {
		assert_string_not_equal(writ_status_name(i), "?");
		for (j = WRIT_OK; j < i; j++)
			assert_string_not_equal(writ_status_name(i),
			    writ_status_name(j));
	}
	assert_string_equal(writ_status_name(WRIT_NOTPERM + 1), "?");
	assert_string_equal(writ_status_name((enum writ_status)-1), "?");
}

static void
test_err__fail_sets_both_and_returns_the_status(void **state)
{
	struct writ_err err = { 0 };

	errno = EPERM;
	assert_int_equal(writ_fail(&err, WRIT_IO, "open %s: %d", "x", 7),
	    WRIT_IO);
	assert_int_equal(err.status, WRIT_IO);
	assert_string_equal(err.msg, "open x: 7");
	assert_int_equal(errno, EPERM);
	assert_int_equal(writ_fail(NULL, WRIT_DENIED, "no"), WRIT_DENIED);
}

static void
test_err__message_is_cut_and_cleaned(void **state)
{
	char big[2 * WRIT_ERR_MSG_MAX];
	struct writ_err err;

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void)writ_fail(&err, WRIT_IO, "%s", big);
	assert_int_equal(strlen(err.msg), WRIT_ERR_MSG_MAX - 1);
	(void)writ_fail(&err, WRIT_IO, "a\nb\x1b[1m\x7f\xc3\xa9");
	assert_string_equal(err.msg, "a?b?[1m?\xc3\xa9");
}

static void
test_err__fail_may_quote_its_own_message(void **state)
{
	struct writ_err err = { 0 };

	(void)writ_fail(&err, WRIT_IO, "inner");
	(void)writ_fail(&err, WRIT_DENIED, "outer (%s)", err.msg);
	assert_string_equal(err.msg, "outer (inner)");
}

static void
test_err__prefix_goes_in_front(void **state)
{
	char big[2 * WRIT_ERR_MSG_MAX];
	struct writ_err err = { 0 };

	(void)writ_fail(&err, WRIT_NOENT, "no such key");
	assert_int_equal(writ_fail_in(&err, WRIT_NOENT, "bucket %d", 3),
	    WRIT_NOENT);
	assert_string_equal(err.msg, "bucket 3: no such key");
	assert_int_equal(err.status, WRIT_NOENT);
	memset(big, 'p', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void)writ_fail_in(&err, WRIT_NOENT, "%s", big);
	assert_int_equal(strlen(err.msg), WRIT_ERR_MSG_MAX - 1);
	(void)writ_fail(&err, WRIT_IO, "%s", big);
	(void)writ_fail_in(&err, WRIT_IO, "q");
	assert_int_equal(strlen(err.msg), WRIT_ERR_MSG_MAX - 1);
	assert_memory_equal(err.msg, "q: ppp", 6);
	assert_int_equal(writ_fail_in(NULL, WRIT_IO, "q"), WRIT_IO);
}

static void
test_err__a_bug_says_where_and_aborts(void **state)
{
	char got[256] = { 0 };
	struct rlimit none = { 0, 0 };
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &none);
		dup2(fds[1], STDERR_FILENO);
		writ_bug("some.c", 42, "it broke");
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	n = read(fds[0], got, sizeof(got) - 1);
	close(fds[0]);
	assert_true(n > 0);
	if (n > 64)
		n = 64;
	assert_memory_equal(got, "writ: bug at some.c:42: it broke\n", 33);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err__every_status_has_its_name),
		cmocka_unit_test(
		    test_err__fail_sets_both_and_returns_the_status),
		cmocka_unit_test(test_err__message_is_cut_and_cleaned),
		cmocka_unit_test(test_err__fail_may_quote_its_own_message),
		cmocka_unit_test(test_err__prefix_goes_in_front),
		cmocka_unit_test(test_err__a_bug_says_where_and_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
