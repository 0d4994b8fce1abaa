/* test_file.c - the file: one writer, continued, full, read-only, hostile. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/json.h"
#include "fixture.h"

/* Opening must fail like this; the file keeps its bytes. */
static void
refused(struct fixture *f, enum writ_status want, const char *why)
{
	struct writ_audit *a = NULL;
	struct writ_err err = { 0 };

	assert_int_equal(fixture_open(f, &a, &err), want);
	assert_null(a);
	if (!strstr(err.msg, why))
		fail_msg("open said: %s", err.msg);
}

static void
test_file__is_private_and_not_inherited(void **state)
{
	struct fixture *f = *state;
	mode_t mask = umask(0);
	writ_auto(writ_audit) a = fixture_must_open(f);
	char link[64], target[128];
	struct stat sb;
	ssize_t n;
	int fd, found = 0;

	umask(mask);
	assert_int_equal(stat(f->path, &sb), 0);
	assert_int_equal(sb.st_mode, S_IFREG | 0600);
	assert_non_null(a);
	for (fd = 3; fd < 256; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, f->path))
			continue;
		found++;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fd, F_GETFL) & O_APPEND);
	}
	assert_int_equal(found, 1);
}

static void
test_file__second_writer_is_refused(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);

	fixture_decide(a, fixture_decision(WRIT_AUDIT_ALLOW), 1);
	refused(f, WRIT_BUSY, "another writer");
	fixture_decide(a, fixture_decision(WRIT_AUDIT_ALLOW), 1);
	fixture_verify(f, 0, NULL);
	writ_audit_free(writ_steal(&a));
	a = fixture_must_open(f);
}

static void
test_file__is_continued_by_the_next_session(void **state)
{
	struct fixture *f = *state;
	writ_auto_release(writ_buf) file;
	struct writ_audit *a;
	uint64_t id = 0, i;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_ALLOW);

	for (i = 1; i <= 5; i++) {
		a = fixture_must_open(f);
		assert_int_equal(writ_audit_decide(a, &d, &id, NULL), WRIT_OK);
		assert_int_equal(id, i);
		writ_audit_free(a);
	}
	file = fixture_read(f->path);
	assert_int_equal(fixture_lines(&file), 5);
	fixture_verify(f, 0, NULL);
}

static void
test_file__torn_or_changed_end_is_not_continued(void **state)
{
	struct fixture *f = *state;
	struct writ_audit *a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;
	writ_auto_release(writ_buf) after;

	fixture_decide(a, fixture_decision(WRIT_AUDIT_ALLOW), 2);
	writ_audit_free(a);
	file = fixture_read(f->path);
	fixture_write(f->path, writ_str((char *)file.ptr, file.len - 1));
	refused(f, WRIT_INVALID, "torn");
	after = fixture_read(f->path);
	assert_int_equal(after.len, file.len - 1);
	file.ptr[file.len - 200] ^= 1;
	fixture_write(f->path, writ_buf_view(&file));
	refused(f, WRIT_INVALID, "hash does not match");
	fixture_write(f->path, WRIT_STR("hello\n"));
	refused(f, WRIT_INVALID, "not a record");
	fixture_write(f->path, WRIT_STR("\n"));
	refused(f, WRIT_INVALID, "not a record");
}

static void
test_file__only_a_private_regular_file_is_taken(void **state)
{
	struct fixture *f = *state;
	char real[128];

	snprintf(real, sizeof(real), "%s/real", f->dir);
	fixture_write(real, WRIT_STR(""));
	assert_int_equal(symlink(real, f->path), 0);
	refused(f, WRIT_LOOP, "symbolic link");
	unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	refused(f, WRIT_INVALID, "regular");
	unlink(f->path);
	assert_int_equal(mkdir(f->path, 0700), 0);
	refused(f, WRIT_IO, "directory");
	rmdir(f->path);
	fixture_write(f->path, WRIT_STR(""));
	chmod(f->path, 0620);
	refused(f, WRIT_INVALID, "others may write");
	chmod(f->path, 0644);
	writ_audit_free(fixture_must_open(f));
	snprintf(f->path, sizeof(f->path), "/dev/full");
	refused(f, WRIT_INVALID, "regular");
	snprintf(f->path, sizeof(f->path), "%s/none/log", f->dir);
	refused(f, WRIT_IO, "No such file");
}

static void
test_file__another_users_file_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();		/* only root can give a file away */
	fixture_write(f->path, WRIT_STR(""));
	assert_int_equal(chown(f->path, 12345, 12345), 0);
	refused(f, WRIT_INVALID, "another user");
}

static void
test_file__read_only_is_refused(void **state)
{
	struct fixture *f = *state;
	struct writ_audit *a = NULL;
	int status;
	pid_t pid;

	fixture_write(f->path, WRIT_STR(""));
	chmod(f->path, 0400);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* As root the mode means nothing: become nobody, as owner. */
		if (geteuid() == 0 && (chown(f->path, 65534, 65534) ||
		    chmod(f->dir, 0755) || setresuid(65534, 65534, 65534)))
			_exit(2);
		_exit(fixture_open(f, &a, NULL) == WRIT_IO ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/*
 * A disk with room for part of a record only: RLIMIT_FSIZE makes the kernel write short
 * and then fail, just as a full disk does.
 */
static void
test_file__full_disk_denies_and_keeps_the_chain(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) before;
	writ_auto_release(writ_buf) after;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_ALLOW);
	struct rlimit was, small;
	struct writ_err err = { 0 };
	uint64_t id = 77;
	int i;

	fixture_decide(a, d, 3);
	before = fixture_read(f->path);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	for (i = 0; i < 3; i++) {
		small = was;
		small.rlim_cur = before.len + (rlim_t)i * 100;
		setrlimit(RLIMIT_FSIZE, &small);
		assert_int_equal(writ_audit_decide(a, &d, &id, &err), WRIT_IO);
		assert_int_equal(id, 77);
		setrlimit(RLIMIT_FSIZE, &was);
		after = fixture_read(f->path);
		assert_int_equal(after.len, before.len);
		assert_memory_equal(after.ptr, before.ptr, before.len);
		writ_buf_release(&after);
		fixture_verify(f, 0, NULL);
	}
	assert_int_equal(writ_audit_decide(a, &d, &id, &err), WRIT_OK);
	assert_int_equal(id, 4);
	fixture_verify(f, 0, NULL);
	after = fixture_read(f->path);
	assert_int_equal(fixture_lines(&after), 4);
}

/* A count that cannot be written is a refusal that was not counted: try again. */
static void
test_file__full_disk_does_not_lose_counts(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_DENY);
	struct writ_audit_end e = { WRIT_STR("x"), { NULL, 0 }, 0, 0 };
	struct rlimit was, small;
	uint64_t id = 77;

	fixture_decide(a, d, 31);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	small = was;
	small.rlim_cur = 1;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(writ_audit_decide(a, &d, &id, NULL), WRIT_IO);
	assert_int_equal(writ_audit_session_end(a, &e, NULL), WRIT_IO);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(writ_audit_session_end(a, &e, NULL), WRIT_OK);
	file = fixture_read(f->path);
	assert_true(fixture_has(fixture_line(&file, 16),
	    "\"count\":15,\"total\":31,"));
	assert_true(fixture_has(fixture_line(&file, 17),
	    "\"refused\":31,\"allowed_counted\":0,\"refused_counted\":15,"));
	fixture_verify(f, 0, NULL);
}

static void
test_file__killed_writer_leaves_what_was_decided(void **state)
{
	struct fixture *f = *state;
	writ_auto_release(writ_buf) file;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_ALLOW);
	struct writ_audit *a = NULL;
	int status, ready[2];
	uint64_t id;
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (fixture_open(f, &a, NULL) != WRIT_OK ||
		    writ_audit_decide(a, &d, &id, NULL) != WRIT_OK ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	refused(f, WRIT_BUSY, "another writer");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	file = fixture_read(f->path);
	assert_true(fixture_has(fixture_line(&file, 0), "\"verdict\":\"allow\""));
	fixture_verify(f, 0, NULL);
	a = fixture_must_open(f);	/* the lock died with it */
	fixture_decide(a, d, 1);
	writ_audit_free(a);
	fixture_verify(f, 0, NULL);
}

static void
test_file__session_ids_are_plain_names(void **state)
{
	static const char *const bad[] = { "", "a/b", "..", ".a", "a b", "a\n",
		"\xc3\xa9", "a\"", ("12345678901234567890123456789012345678901"
		"234567890123456789012345") };
	struct fixture *f = *state;
	struct writ_audit_config c = { .path = f->path,
		.principal = WRIT_STR("uid:7") };
	struct writ_audit *a = NULL;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		c.session = writ_str_from(bad[i]);
		assert_int_equal(writ_audit_open(&c, &a, NULL), WRIT_INVALID);
	}
	c.session = WRIT_STR("A-z_0.9");
	assert_int_equal(writ_audit_open(&c, &a, NULL), WRIT_OK);
	writ_audit_free(a);
}

int
main(void)
{
#define WITH_FIXTURE(t) \
	cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_file__is_private_and_not_inherited),
		WITH_FIXTURE(test_file__second_writer_is_refused),
		WITH_FIXTURE(test_file__is_continued_by_the_next_session),
		WITH_FIXTURE(test_file__torn_or_changed_end_is_not_continued),
		WITH_FIXTURE(test_file__only_a_private_regular_file_is_taken),
		WITH_FIXTURE(test_file__another_users_file_is_refused),
		WITH_FIXTURE(test_file__read_only_is_refused),
		WITH_FIXTURE(test_file__full_disk_denies_and_keeps_the_chain),
		WITH_FIXTURE(test_file__full_disk_does_not_lose_counts),
		WITH_FIXTURE(test_file__killed_writer_leaves_what_was_decided),
		WITH_FIXTURE(test_file__session_ids_are_plain_names),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
