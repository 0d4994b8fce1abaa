/* test_path.c - the default place of a log. */
#include <sys/stat.h>

#include "fixture.h"

#define WHEN 1795552255123	/* 2026-11-24 */

static enum writ_status
place(char *out, size_t cap)
{
	return writ_audit_default_path(WRIT_STR("s1"), WHEN, out, cap, NULL);
}

static void
test_path__follows_the_state_folder(void **state)
{
	struct fixture *f = *state;
	char want[256], got[256];
	struct stat sb;
	mode_t mask = umask(0);

	snprintf(want, sizeof(want), "%s/state", f->dir);
	setenv("XDG_STATE_HOME", want, 1);
	assert_int_equal(place(got, sizeof(got)), WRIT_OK);
	umask(mask);
	snprintf(want, sizeof(want),
	    "%s/state/writ/audit/2026-11-24-s1.jsonl", f->dir);
	assert_string_equal(got, want);
	*strrchr(got, '/') = '\0';
	assert_int_equal(stat(got, &sb), 0);
	assert_int_equal(sb.st_mode, S_IFDIR | 0700);
	assert_int_equal(place(got, sizeof(got)), WRIT_OK);
	snprintf(f->path, sizeof(f->path), "%.95s", got);
	writ_audit_free(fixture_must_open(f));
}

static void
test_path__falls_back_to_home(void **state)
{
	struct fixture *f = *state;
	char want[256], got[256];

	setenv("XDG_STATE_HOME", "not/absolute", 1);
	setenv("HOME", f->dir, 1);
	assert_int_equal(place(got, sizeof(got)), WRIT_OK);
	snprintf(want, sizeof(want),
	    "%s/.local/state/writ/audit/2026-11-24-s1.jsonl", f->dir);
	assert_string_equal(got, want);
	unsetenv("XDG_STATE_HOME");
	assert_int_equal(place(got, sizeof(got)), WRIT_OK);
	assert_string_equal(got, want);
}

static void
test_path__without_a_home_there_is_none(void **state)
{
	char got[256] = "old";

	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_int_equal(place(got, sizeof(got)), WRIT_NOENT);
	setenv("HOME", "relative", 1);
	assert_int_equal(place(got, sizeof(got)), WRIT_NOENT);
	assert_string_equal(got, "old");
}

static void
test_path__a_folder_of_others_is_refused(void **state)
{
	struct fixture *f = *state;
	char folder[256], got[256], away[256];

	setenv("XDG_STATE_HOME", f->dir, 1);
	assert_int_equal(place(got, sizeof(got)), WRIT_OK);
	snprintf(folder, sizeof(folder), "%s/writ/audit", f->dir);
	chmod(folder, 0770);
	assert_int_equal(place(got, sizeof(got)), WRIT_INVALID);
	chmod(folder, 0700);
	snprintf(away, sizeof(away), "%s/away", f->dir);
	assert_int_equal(rename(folder, away), 0);
	assert_int_equal(symlink(away, folder), 0);
	assert_int_equal(place(got, sizeof(got)), WRIT_INVALID);
	unlink(folder);
	fixture_write(folder, WRIT_STR(""));
	assert_int_equal(place(got, sizeof(got)), WRIT_INVALID);
}

static void
test_path__too_long_and_bad_ids_are_refused(void **state)
{
	struct fixture *f = *state;
	char got[256], small[8];

	setenv("XDG_STATE_HOME", f->dir, 1);
	assert_int_equal(place(small, sizeof(small)), WRIT_NAMETOOLONG);
	assert_int_equal(writ_audit_default_path(WRIT_STR("../x"), WHEN, got,
	    sizeof(got), NULL), WRIT_INVALID);
}

int
main(void)
{
#define WITH_FIXTURE(t) \
	cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_path__follows_the_state_folder),
		WITH_FIXTURE(test_path__falls_back_to_home),
		WITH_FIXTURE(test_path__without_a_home_there_is_none),
		WITH_FIXTURE(test_path__a_folder_of_others_is_refused),
		WITH_FIXTURE(test_path__too_long_and_bad_ids_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
