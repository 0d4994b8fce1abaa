/* test_secrets.c - the store at rest, the sources of a session's secrets, and their change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "broker/secret_store.h"
#include "broker/secrets.h"

#define VALUE "ghp_canary_0123456789"
#define OTHER "ghp_second_9876543210"

struct world {
	char dir[64], secrets[96], store[128], key[128], file[128];
	struct writ_policy policy;
	struct writ_http_grant http[2];
	struct writ_credential_part parts[3];
	struct writ_secret_source sources[2];
	struct writ_files_grant files[1];
};

static char name_gh[] = "gh", name_env[] = "env", name_file[] = "file",
    variable[] = "WRIT_TEST_SECRET", grant_name[] = "g", writ_name[] = "w";

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	snprintf(w->dir, sizeof(w->dir), "/tmp/writ-secrets-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->secrets, sizeof(w->secrets), "%s/secrets", w->dir);
	snprintf(w->store, sizeof(w->store), "%s/store", w->secrets);
	snprintf(w->key, sizeof(w->key), "%s/store.key", w->secrets);
	snprintf(w->file, sizeof(w->file), "%s/token", w->dir);
	w->parts[0].secret = name_gh;
	w->parts[1].secret = name_env;
	w->parts[2].secret = name_file;
	w->http[0].name = grant_name;
	w->http[0].credential = w->parts;
	w->http[0].credential_parts = 1;
	w->http[1] = w->http[0];
	w->sources[0] = (struct writ_secret_source){ name_env, WRIT_SECRET_ENV,
		variable };
	w->sources[1] = (struct writ_secret_source){ name_file,
		WRIT_SECRET_FILE, w->file };
	w->files[0].name = grant_name;
	w->files[0].source = WRIT_SOURCE_HOST;
	w->files[0].from = w->dir;
	w->policy.name = writ_name;
	w->policy.http = w->http;
	w->policy.http_count = 2;
	w->policy.secrets = w->sources;
	w->policy.secrets_count = 2;
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	unsetenv(variable);
	(void)unlink(w->file);
	assert_int_equal(writ_secret_store_clear(w->dir, NULL), WRIT_OK);
	(void)rmdir(w->secrets);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static struct writ_secret_store *
opened(struct world *w, bool for_change)
{
	struct writ_secret_store *s = NULL;
	struct writ_err err = { WRIT_OK, "" };

	if (writ_secret_store_open(w->dir, for_change, &s, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	return s;
}

static void
set(struct world *w, const char *name, const char *value)
{
	struct writ_secret_store *s = opened(w, true);
	struct writ_err err = { WRIT_OK, "" };

	if (writ_secret_store_set(s, writ_str_from(name), writ_str_from(value),
	    1000, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	writ_secret_store_free(s);
}

static void
drop(struct world *w, const char *name)
{
	struct writ_secret_store *s = opened(w, true);

	assert_int_equal(writ_secret_store_remove(s, writ_str_from(name), NULL),
	    WRIT_OK);
	writ_secret_store_free(s);
}

static size_t
slurp(const char *path, uint8_t *out, size_t cap)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, out, cap);

	assert_true(n > 0);
	close(fd);
	return (size_t)n;
}

static void
spit(const char *path, const void *p, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* ---- the store */

static void
test_secrets__come_back_and_are_nowhere_in_the_files(void **state)
{
	struct world *w = *state;
	struct writ_secret_value v = { NULL, 0 };
	struct writ_secret_entry e;
	struct writ_secret_store *s = NULL;
	uint8_t bytes[4096];
	struct stat st;
	size_t n;

	assert_int_equal(writ_secret_store_open(w->dir, false, &s, NULL),
	    WRIT_NOENT);
	set(w, "b", VALUE);
	set(w, "a", OTHER);
	n = slurp(w->store, bytes, sizeof(bytes));
	assert_null(memmem(bytes, n, VALUE, 4));
	assert_null(memmem(bytes, n, OTHER, 4));
	assert_int_equal(stat(w->store, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(w->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(w->secrets, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	s = opened(w, false);
	assert_int_equal(writ_secret_store_get(s, WRIT_STR("b"), &v, NULL),
	    WRIT_OK);
	assert_int_equal(v.len, strlen(VALUE));
	assert_memory_equal(v.ptr, VALUE, v.len);
	writ_locked_free(v.ptr);
	assert_int_equal(writ_secret_store_get(s, WRIT_STR("c"), &v, NULL),
	    WRIT_NOENT);
	assert_true(writ_secret_store_at(s, 0, &e));
	assert_true(writ_str_is(e.name, "a"));
	assert_int_equal(e.set_ms, 1000);
	assert_int_equal(strlen(e.print), 8);
	assert_true(writ_secret_store_at(s, 1, &e));
	assert_false(writ_secret_store_at(s, 2, &e));
	writ_secret_store_free(s);
}

static void
test_secrets__a_value_replaced_or_removed_is_gone(void **state)
{
	struct world *w = *state;
	struct writ_secret_value v = { NULL, 0 };
	struct writ_secret_store *s;

	set(w, "gh", VALUE);
	set(w, "gh", OTHER);
	s = opened(w, false);
	assert_int_equal(writ_secret_store_get(s, WRIT_STR("gh"), &v, NULL),
	    WRIT_OK);
	assert_memory_equal(v.ptr, OTHER, v.len);
	writ_locked_free(v.ptr);
	writ_secret_store_free(s);
	drop(w, "gh");
	s = opened(w, true);
	assert_int_equal(writ_secret_store_remove(s, WRIT_STR("gh"), NULL),
	    WRIT_NOENT);
	writ_secret_store_free(s);
}

static void
test_secrets__bad_names_and_values_are_refused(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *name, *value, *word;
	} bad[] = {
		{ "", VALUE, "not a name" },
		{ ".gh", VALUE, "not a name" },
		{ "g h", VALUE, "not a name" },
		{ "../gh", VALUE, "not a name" },
		{ "gh", "1234567", "shorter than 8" },
		{ "gh", "one\nand two", "control character" },
		{ "gh", "one and two\r", "control character" },
		{ "gh", " one and two", "space" },
		{ "gh", "one and two ", "space" },
	};
	char big[WRIT_SECRET_MAX + 2];
	struct writ_secret_store *s = opened(w, true);
	struct writ_err err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(writ_secret_store_set(s,
		    writ_str_from(bad[i].name), writ_str_from(bad[i].value), 0,
		    &err), WRIT_INVALID);
		assert_non_null(strstr(err.msg, bad[i].word));
		assert_null(strstr(err.msg, "and two"));
	}
	assert_int_equal(writ_secret_store_set(s, WRIT_STR("gh"),
	    writ_str("with a \0 in", 11), 0, &err), WRIT_INVALID);
	memset(big, 'x', sizeof(big));
	assert_int_equal(writ_secret_store_set(s, WRIT_STR("gh"),
	    writ_str(big, WRIT_SECRET_MAX + 1), 0, &err), WRIT_INVALID);
	assert_int_equal(access(w->store, F_OK), -1);
	assert_int_equal(writ_secret_store_set(s, WRIT_STR("gh"),
	    writ_str(big, WRIT_SECRET_MAX), 0, &err), WRIT_OK);
	writ_secret_store_free(s);
}

static void
refused(struct world *w, enum writ_status want, const char *word)
{
	struct writ_secret_store *s = NULL;
	struct writ_err err = { WRIT_OK, "" };

	assert_int_equal(writ_secret_store_open(w->dir, false, &s, &err), want);
	assert_null(s);
	if (!strstr(err.msg, word))
		fail_msg("%s", err.msg);
}

static void
test_secrets__a_changed_store_is_refused(void **state)
{
	struct world *w = *state;
	uint8_t bytes[4096];
	size_t i, n;

	set(w, "gh", VALUE);
	set(w, "other", OTHER);
	n = slurp(w->store, bytes, sizeof(bytes));
	for (i = 0; i < n; i++) {
		bytes[i] ^= 1;
		spit(w->store, bytes, n, 0600);
		refused(w, WRIT_INVALID, "");
		bytes[i] ^= 1;
	}
	for (i = 0; i < n; i++) {
		spit(w->store, bytes, i, 0600);
		refused(w, WRIT_INVALID, "");
	}
	spit(w->store, bytes, n, 0600);
	writ_secret_store_free(opened(w, false));
}

static void
test_secrets__what_others_can_reach_is_refused(void **state)
{
	struct world *w = *state;

	set(w, "gh", VALUE);
	assert_int_equal(chmod(w->store, 0644), 0);
	refused(w, WRIT_DENIED, "chmod 600");
	assert_int_equal(chmod(w->store, 0600), 0);
	assert_int_equal(chmod(w->key, 0640), 0);
	refused(w, WRIT_DENIED, "store.key");
	assert_int_equal(chmod(w->key, 0600), 0);
	assert_int_equal(chmod(w->secrets, 0750), 0);
	refused(w, WRIT_DENIED, "chmod 700");
	assert_int_equal(chmod(w->secrets, 0700), 0);
	assert_int_equal(unlink(w->key), 0);
	refused(w, WRIT_INVALID, "is gone");
	assert_int_equal(symlink("store", w->key), 0);
	refused(w, WRIT_IO, "store.key");
}

static void
test_secrets__one_writer_at_a_time(void **state)
{
	struct world *w = *state;
	struct writ_secret_store *s = opened(w, true), *second = NULL;
	struct writ_err err;

	assert_int_equal(writ_secret_store_open(w->dir, true, &second, &err),
	    WRIT_BUSY);
	writ_secret_store_free(s);
	writ_secret_store_free(opened(w, true));
}

/* Where the kernel has a keyring for us: not in every container. */
static void
test_secrets__a_key_in_the_keyring(void **state)
{
	struct world *w = *state;
	struct writ_secret_store *s = opened(w, true);
	struct writ_secret_value v = { NULL, 0 };
	struct writ_err err = { WRIT_OK, "" };
	enum writ_status st;

	assert_int_equal(writ_secret_store_key(s, WRIT_SECRET_KEY_KEYRING, NULL),
	    WRIT_OK);
	st = writ_secret_store_set(s, WRIT_STR("gh"), WRIT_STR(VALUE), 0, &err);
	writ_secret_store_free(s);
	if (st == WRIT_UNSUPPORTED) {
		assert_non_null(strstr(err.msg, "keyring"));
		return;
	}
	assert_int_equal(st, WRIT_OK);
	assert_int_equal(access(w->key, F_OK), -1);
	s = opened(w, true);
	assert_int_equal(writ_secret_store_where(s), WRIT_SECRET_KEY_KEYRING);
	assert_int_equal(writ_secret_store_get(s, WRIT_STR("gh"), &v, NULL),
	    WRIT_OK);
	assert_memory_equal(v.ptr, VALUE, v.len);
	writ_locked_free(v.ptr);
	assert_int_equal(writ_secret_store_key(s, WRIT_SECRET_KEY_FILE, NULL),
	    WRIT_EXIST);
	writ_secret_store_free(s);
	{
		uint8_t bytes[4096];
		size_t n = slurp(w->store, bytes, sizeof(bytes));

		assert_int_equal(writ_secret_store_clear(w->dir, NULL), WRIT_OK);
		spit(w->store, bytes, n, 0600);	/* its key is gone */
		refused(w, WRIT_INVALID, "not in the kernel's keyring");
	}
}

/* ---- a session's */

static struct writ_secrets *
session(struct world *w, size_t parts)
{
	struct writ_secrets *s = NULL;
	struct writ_err err = { WRIT_OK, "" };

	w->http[0].credential_parts = parts;
	if (writ_secrets_open(&w->policy, w->dir, &s, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	return s;
}

static void
no_session(struct world *w, size_t parts, enum writ_status want,
    const char *word)
{
	struct writ_secrets *s = NULL;
	struct writ_err err = { WRIT_OK, "" };

	w->http[0].credential_parts = parts;
	assert_int_equal(writ_secrets_open(&w->policy, w->dir, &s, &err), want);
	assert_null(s);
	if (!strstr(err.msg, word) || strstr(err.msg, "canary"))
		fail_msg("%s", err.msg);
}

static void
pipe_has(struct writ_secrets *s, const char *name, const char *want)
{
	char got[WRIT_SECRET_MAX + 1];
	int i = writ_secrets_index(s, name), fd = -1;
	ssize_t n;

	assert_true(i >= 0);
	if (!want) {
		assert_int_equal(writ_secrets_pipe(s, (unsigned)i, &fd, NULL),
		    WRIT_NOENT);
		return;
	}
	assert_int_equal(writ_secrets_pipe(s, (unsigned)i, &fd, NULL), WRIT_OK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	n = read(fd, got, sizeof(got));
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, (size_t)n);
	assert_int_equal(read(fd, got, 1), 0);
	close(fd);
}

static void
test_secrets__nothing_named_nothing_held(void **state)
{
	struct world *w = *state;
	bool changed = true;

	w->http[0].credential_parts = w->http[1].credential_parts = 0;
	assert_null(session(w, 0));
	assert_int_equal(writ_secrets_index(NULL, "gh"), -1);
	assert_int_equal(writ_secrets_refresh(NULL, &changed, NULL), WRIT_OK);
	assert_false(changed);
	assert_false(writ_secrets_in(NULL, WRIT_STR(VALUE)));
}

static void
test_secrets__from_store_variable_and_file(void **state)
{
	struct world *w = *state;
	struct writ_secrets *s;
	struct writ_buf b;

	set(w, "gh", VALUE);
	set(w, "unnamed", "not_for_this_session");
	setenv(variable, "env_canary_value", 1);
	spit(w->file, "file_canary_value\n", 18, 0600);
	s = session(w, 3);
	pipe_has(s, "gh", VALUE);
	pipe_has(s, "env", "env_canary_value");
	pipe_has(s, "file", "file_canary_value");
	assert_int_equal(writ_secrets_index(s, "unnamed"), -1);
	writ_buf_init(&b, 1024);
	writ_secrets_redact(s, WRIT_STR("a " VALUE " b env_canary_value c "
	    "file_canary_value d"), &b);
	writ_buf_char(&b, '\0');
	assert_string_equal((char *)b.ptr, "a [secret gh] b [secret env] c "
	    "[secret file] d");
	assert_false(writ_secrets_in(s, WRIT_STR("not_for_this_session")));
	writ_buf_release(&b);
	writ_secrets_free(s);
}

static void
test_secrets__the_longest_fits_a_pipe(void **state)
{
	struct world *w = *state;
	char big[WRIT_SECRET_MAX + 1];
	struct writ_secrets *s;

	memset(big, 'x', sizeof(big));
	big[WRIT_SECRET_MAX] = '\0';
	set(w, "gh", big);
	s = session(w, 1);
	pipe_has(s, "gh", big);
	writ_secrets_free(s);
}

static void
test_secrets__missing_ones_are_named(void **state)
{
	struct world *w = *state;

	no_session(w, 1, WRIT_NOENT, "writ secret set gh");
	set(w, "other", VALUE);
	no_session(w, 1, WRIT_NOENT, "writ secret set gh");
	set(w, "gh", VALUE);
	no_session(w, 2, WRIT_NOENT, "WRIT_TEST_SECRET is not set");
	setenv(variable, "short", 1);
	no_session(w, 2, WRIT_INVALID, "shorter than 8");
	setenv(variable, "canary\nand more", 1);
	no_session(w, 2, WRIT_INVALID, "control character");
	setenv(variable, "long enough", 1);
	no_session(w, 3, WRIT_NOENT, "No such file");
}

static void
test_secrets__a_file_must_be_ours_alone(void **state)
{
	struct world *w = *state;
	char target[160];

	set(w, "gh", VALUE);
	setenv(variable, "env_canary_value", 1);
	spit(w->file, "file_canary_value", 17, 0640);
	no_session(w, 3, WRIT_DENIED, "chmod 600");
	assert_int_equal(chmod(w->file, 0606), 0);
	no_session(w, 3, WRIT_DENIED, "chmod 600");
	snprintf(target, sizeof(target), "%s.real", w->file);
	assert_int_equal(chmod(w->file, 0600), 0);
	assert_int_equal(rename(w->file, target), 0);
	assert_int_equal(symlink(target, w->file), 0);
	no_session(w, 3, WRIT_DENIED, "symbolic link");
	assert_int_equal(unlink(w->file), 0);
	assert_int_equal(unlink(target), 0);
	assert_int_equal(mkfifo(w->file, 0600), 0);
	no_session(w, 3, WRIT_INVALID, "not a regular file");
	assert_int_equal(unlink(w->file), 0);
	spit(w->file, "", 0, 0600);
	no_session(w, 3, WRIT_INVALID, "shorter");
	assert_int_equal(truncate(w->file, WRIT_SECRET_MAX + 2), 0);
	no_session(w, 3, WRIT_LIMIT, "16 KiB");
}

static void
test_secrets__a_file_that_the_guest_could_read_is_refused(void **state)
{
	struct world *w = *state;

	set(w, "gh", VALUE);
	setenv(variable, "env_canary_value", 1);
	spit(w->file, "file_canary_value", 17, 0600);
	w->policy.files = w->files;
	w->policy.files_count = 1;
	no_session(w, 3, WRIT_DENIED, "lies inside");
	w->files[0].source = WRIT_SOURCE_MEMORY;
	writ_secrets_free(session(w, 3));
}

static void
test_secrets__a_rotation_is_seen_at_the_next_look(void **state)
{
	struct world *w = *state;
	struct writ_secrets *s;
	bool changed;

	set(w, "gh", VALUE);
	setenv(variable, "env_canary_value", 1);
	spit(w->file, "file_canary_value", 17, 0600);
	s = session(w, 3);
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_OK);
	assert_false(changed);
	set(w, "unnamed", "not_for_this_session");
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_OK);
	assert_false(changed);
	set(w, "gh", OTHER);
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_OK);
	assert_true(changed);
	pipe_has(s, "gh", OTHER);
	assert_true(writ_secrets_in(s, WRIT_STR(OTHER)));
	assert_true(writ_secrets_in(s, WRIT_STR(VALUE)));	/* still one */
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_OK);
	assert_false(changed);
	spit(w->file, "file_canary_again", 17, 0600);
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_OK);
	assert_true(changed);
	pipe_has(s, "file", "file_canary_again");
	assert_int_equal(unlink(w->file), 0);
	drop(w, "gh");
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_OK);
	assert_true(changed);
	pipe_has(s, "gh", NULL);
	pipe_has(s, "file", NULL);
	pipe_has(s, "env", "env_canary_value");
	assert_true(writ_secrets_in(s, WRIT_STR(OTHER)));
	set(w, "gh", VALUE);
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_OK);
	pipe_has(s, "gh", VALUE);
	writ_secrets_free(s);
}

static void
test_secrets__a_store_that_broke_fails_until_it_is_whole(void **state)
{
	struct world *w = *state;
	struct writ_secrets *s;
	uint8_t bytes[4096];
	bool changed;
	size_t n;

	set(w, "gh", VALUE);
	s = session(w, 1);
	n = slurp(w->store, bytes, sizeof(bytes));
	bytes[n - 1] ^= 1;
	spit(w->store, bytes, n - 1, 0600);
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_INVALID);
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_INVALID);
	bytes[n - 1] ^= 1;
	spit(w->store, bytes, n, 0600);
	assert_int_equal(writ_secrets_refresh(s, &changed, NULL), WRIT_OK);
	assert_false(changed);
	writ_secrets_free(s);
}

static void
test_secrets__the_nth_allocation_fails(void **state)
{
	struct world *w = *state;
	struct writ_secrets *s = NULL;
	enum writ_status st = WRIT_NOMEM;
	bool changed;
	long n;

	set(w, "gh", VALUE);
	w->http[0].credential_parts = 1;
	for (n = 0; st != WRIT_OK && n < 100; n++) {
		writ_mem_fail_after(n);
		st = writ_secrets_open(&w->policy, w->dir, &s, NULL);
		writ_mem_fail_after(-1);
		assert_true(st == WRIT_OK || !s);
	}
	assert_int_equal(st, WRIT_OK);
	set(w, "gh", OTHER);
	st = WRIT_NOMEM;
	for (n = 0; st != WRIT_OK && n < 100; n++) {
		writ_mem_fail_after(n);
		st = writ_secrets_refresh(s, &changed, NULL);
		writ_mem_fail_after(-1);
		assert_true(writ_secrets_in(s, WRIT_STR(VALUE)));
	}
	assert_int_equal(st, WRIT_OK);
	assert_true(writ_secrets_in(s, WRIT_STR(OTHER)));
	assert_false(writ_secrets_in(s, WRIT_STR("nothing of it")));
	writ_secrets_free(s);
}

#define T(name) cmocka_unit_test_setup_teardown(test_secrets__##name, setup, \
	teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(come_back_and_are_nowhere_in_the_files),
		T(a_value_replaced_or_removed_is_gone),
		T(bad_names_and_values_are_refused),
		T(a_changed_store_is_refused),
		T(what_others_can_reach_is_refused),
		T(one_writer_at_a_time),
		T(a_key_in_the_keyring),
		T(nothing_named_nothing_held),
		T(from_store_variable_and_file),
		T(the_longest_fits_a_pipe),
		T(missing_ones_are_named),
		T(a_file_must_be_ours_alone),
		T(a_file_that_the_guest_could_read_is_refused),
		T(a_rotation_is_seen_at_the_next_look),
		T(a_store_that_broke_fails_until_it_is_whole),
		T(the_nth_allocation_fails),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
