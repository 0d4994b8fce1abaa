/* cmocka needs these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "cli/recall.h"

#define START "{\"seq\":1,\"session\":\"24d6aa\",\"type\":\"session-start\"," \
	"\"writ_name\":\"mine\"}\n"
#define DECISION(seq, session, target) "{\"seq\":" seq ",\"session\":\"" \
	session "\",\"type\":\"decision\",\"target\":\"" target "\"}\n"

static char folder[200];

static void
write_log(const char *name, const char *text, char path[512])
{
	FILE *f;

	snprintf(path, 512, "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
expect_target(const struct cli_recall *r, const char *want)
{
	struct writ_str target;

	assert_int_equal(writ_json_str(r->decision, "target", &target), WRIT_OK);
	assert_true(writ_str_is(target, want));
}

static void
test_recall__finds_record_and_session(void **state)
{
	struct cli_recall r;
	char path[512];

	write_log("a", START DECISION("2", "24d6aa", "/a")
	    DECISION("3", "24d6aa", "/b"), path);
	assert_int_equal(cli_recall_find("24d6-3", path, &r, NULL), WRIT_OK);
	expect_target(&r, "/b");
	assert_string_equal(json_string_value(json_object_get(r.start,
	    "writ_name")), "mine");
	cli_recall_release(&r);
}

static void
test_recall__another_session_is_not_it(void **state)
{
	struct cli_recall r;
	char path[512];

	write_log("b", DECISION("3", "ffffaa", "/b"), path);
	assert_int_equal(cli_recall_find("24d6-3", path, &r, NULL), WRIT_NOENT);
}

static void
test_recall__broken_lines_are_passed_over(void **state)
{
	struct cli_recall r;
	char path[512];

	write_log("c", "{\n[]\n\n{\"seq\":\"2\"}\nnonsense\n"
	    DECISION("2", "24d6aa", "/a"), path);
	assert_int_equal(cli_recall_find("24d6-2", path, &r, NULL), WRIT_OK);
	expect_target(&r, "/a");
	assert_null(r.start);
	cli_recall_release(&r);
}

static void
test_recall__links_and_missing_files_are_errors(void **state)
{
	struct cli_recall r;
	char path[512], link[512];

	write_log("d", DECISION("2", "24d6aa", "/a"), path);
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(cli_recall_find("24d6-2", link, &r, NULL), WRIT_IO);
	snprintf(link, sizeof(link), "%s/none", folder);
	assert_int_equal(cli_recall_find("24d6-2", link, &r, NULL), WRIT_NOENT);
}

static void
test_recall__looks_in_the_state_folder(void **state)
{
	struct cli_recall r;
	char path[512];

	snprintf(path, sizeof(path), "%s/writ", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/writ/audit", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(setenv("XDG_STATE_HOME", folder, 1), 0);
	write_log("writ/audit/2026-01-01-24d6bb.jsonl",
	    DECISION("7", "24d6bb", "/other"), path);
	write_log("writ/audit/2026-01-01-24d6aa.jsonl",
	    START DECISION("2", "24d6aa", "/state"), path);
	assert_int_equal(cli_recall_find("24d6-2", NULL, &r, NULL), WRIT_OK);
	expect_target(&r, "/state");
	cli_recall_release(&r);
	assert_int_equal(cli_recall_find("24d6-9", NULL, &r, NULL), WRIT_NOENT);
}

static void
test_recall__only_ids_are_ids(void **state)
{
	static const char *const bad[] = { "", "24d6", "24d6-", "24d-1", "24D6-1",
		"24d6-1x", "24d6-99999999999999999999", "../..-1", "24d6:1" };
	struct cli_recall r;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cli_recall_find(bad[i], NULL, &r, NULL),
		    WRIT_INVALID);
	assert_true(cli_recall_is_id("24d6-18"));
}

static int
make_folder(void **state)
{
	char here[160];

	if (!getcwd(here, sizeof(here)))
		return -1;
	snprintf(folder, sizeof(folder), "%s/test-recall-XXXXXX", here);
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "link",
		"writ/audit/2026-01-01-24d6bb.jsonl",
		"writ/audit/2026-01-01-24d6aa.jsonl", "writ/audit", "writ" };
	char path[512];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)remove(path);
	}
	return remove(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recall__finds_record_and_session),
		cmocka_unit_test(test_recall__another_session_is_not_it),
		cmocka_unit_test(test_recall__broken_lines_are_passed_over),
		cmocka_unit_test(test_recall__links_and_missing_files_are_errors),
		cmocka_unit_test(test_recall__looks_in_the_state_folder),
		cmocka_unit_test(test_recall__only_ids_are_ids),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
