/* Protected names. */
#include "policy_test.h"

static bool
protected(const char *path, char *const *opened, const char **which)
{
	return writ_policy_is_protected(writ_str_from(path), opened, which);
}

static void
test_protect__at_and_below(void **state)
{
	const char *which = NULL;

	assert_true(protected("/a/.git/hooks", NULL, &which));
	assert_string_equal(which, ".git/hooks");
	assert_true(protected(".git/hooks/pre-commit", NULL, &which));
	assert_true(protected("x/.claude/settings.json", NULL, &which));
	assert_string_equal(which, ".claude");
	assert_false(protected(".git", NULL, NULL));
	assert_false(protected(".git/objects", NULL, NULL));
	assert_false(protected(".git/x/hooks", NULL, NULL));
	assert_false(protected("hooks", NULL, NULL));
	assert_false(protected("", NULL, NULL));
	assert_false(protected("/", NULL, NULL));
}

static void
test_protect__case_and_stars(void **state)
{
	const char *which = NULL;

	assert_true(protected("/A/.BASHRC", NULL, &which));
	assert_string_equal(which, ".bashrc");
	assert_true(protected("Key.PEM", NULL, NULL));
	assert_true(protected(".env.production", NULL, NULL));
	assert_true(protected("x.writ.yaml", NULL, NULL));
	assert_false(protected("x.writ.yaml.txt", NULL, NULL));
	assert_false(protected(".environment", NULL, NULL));
}

static void
test_protect__opened_by_name_only(void **state)
{
	char env[] = ".env", hooks[] = ".git/hooks";
	char *opened[] = { env, hooks, NULL };

	assert_false(protected("/a/.env", opened, NULL));
	assert_false(protected("/a/.git/hooks/x", opened, NULL));
	assert_true(protected("/a/.git/config", opened, NULL));
	assert_true(protected("/a/.env.local", opened, NULL));
	/* opening one name does not open another inside it */
	assert_true(protected("/a/.env/id_rsa", opened, NULL));
}

static void
test_protect__secrets_are_fewer(void **state)
{
	const char *which = NULL;

	assert_true(writ_policy_is_secret(WRIT_STR("a/.env"), NULL, &which));
	assert_string_equal(which, ".env");
	assert_false(writ_policy_is_secret(WRIT_STR("a/.bashrc"), NULL, NULL));
	assert_false(writ_policy_is_secret(WRIT_STR(".git/hooks"), NULL, NULL));
}

static void
test_protect__folders_that_hold_names(void **state)
{
	char *none[] = { NULL };

	assert_true(writ_policy_holds_protected(WRIT_STR("a/.git"), none, NULL));
	assert_true(writ_policy_holds_protected(WRIT_STR("/.Config"), NULL, NULL));
	assert_false(writ_policy_holds_protected(WRIT_STR("a"), NULL, NULL));
	assert_false(writ_policy_holds_protected(WRIT_STR(".git/x"), NULL, NULL));
}

static void
test_protect__every_name_protects_itself(void **state)
{
	const char *const *n = writ_policy_protected();
	size_t count = 0;

	for (; *n; n++, count++) {
		char path[128];
		size_t i, k = 0;

		for (i = 0; (*n)[i]; i++)
			path[k++] = (*n)[i] == '*' ? 'x' : (*n)[i];
		path[k] = '\0';
		assert_true(protected(path, NULL, NULL));
	}
	assert_true(count > 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protect__at_and_below),
		cmocka_unit_test(test_protect__case_and_stars),
		cmocka_unit_test(test_protect__opened_by_name_only),
		cmocka_unit_test(test_protect__secrets_are_fewer),
		cmocka_unit_test(test_protect__folders_that_hold_names),
		cmocka_unit_test(test_protect__every_name_protects_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
