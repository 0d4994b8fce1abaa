/* The documents of tests/data/policy against the parser. */
#include <dirent.h>

#include "base/limits.h"
#include "policy_test.h"

struct text {
	char bytes[WRIT_MIB];
	size_t len;
};

static void
load(const char *dir, const char *name, struct text *out)
{
	const char *root = getenv("WRIT_TEST_DATA");
	char path[1024];
	FILE *f;

	assert_non_null(root);
	(void)snprintf(path, sizeof(path), "%s/policy/%s/%s", root, dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	out->len = fread(out->bytes, 1, sizeof(out->bytes) - 1, f);
	out->bytes[out->len] = '\0';
	(void)fclose(f);
}

/* What stands behind "# expect: " in the first line. */
static void
expected(const struct text *t, char *out, size_t cap)
{
	const char *at = strstr(t->bytes, "# expect: ");
	struct writ_str rest, line;

	assert_non_null(at);
	line = writ_str_cut(writ_str_from(at + strlen("# expect: ")), '\n', &rest);
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	assert_int_equal(writ_str_cstr(line, out, cap), WRIT_OK);
}

static void
check(const char *dir, const char *name, struct text *t, bool unbuilt)
{
	char want[WRIT_ERR_MSG_MAX], got[WRIT_ERR_MSG_MAX + 8];
	struct writ_policy *p = NULL;
	struct writ_err err = { 0 };
	enum writ_status st;

	load(dir, name, t);
	st = writ_policy_parse(writ_str(t->bytes, t->len), "f", &p, &err);
	if (!strcmp(dir, "accept")) {
		if (st != WRIT_OK)
			fail_msg("accept/%s: %s", name, err.msg);
		assert_non_null(p);
		writ_policy_free(p);
		return;
	}
	expected(t, want, sizeof(want));
	assert_null(p);
	(void)snprintf(got, sizeof(got), "f:%s", want);
	if (strcmp(got, err.msg))
		fail_msg("%s/%s: want \"%s\" got \"%s\"", dir, name, got,
		    err.msg);
	if (unbuilt) {
		assert_int_equal(st, WRIT_UNSUPPORTED);
		assert_non_null(strstr(err.msg, "not built yet"));
	} else {
		assert_true(st == WRIT_INVALID || st == WRIT_LIMIT);
	}
	assert_int_equal(err.status, st);
}

static size_t
check_all(const char *dir, bool unbuilt)
{
	const char *root = getenv("WRIT_TEST_DATA");
	struct text *t = calloc(1, sizeof(*t));
	struct dirent *e;
	char path[1024];
	size_t n = 0;
	DIR *d;

	assert_non_null(root);
	assert_non_null(t);
	(void)snprintf(path, sizeof(path), "%s/policy/%s", root, dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (!strstr(e->d_name, ".yaml"))
			continue;
		check(dir, e->d_name, t, unbuilt);
		n++;
	}
	(void)closedir(d);
	free(t);
	return n;
}

static void
test_cases__accepted_documents(void **state)
{
	assert_true(check_all("accept", false) >= 60);
}

static void
test_cases__rejected_with_place_and_reason(void **state)
{
	assert_true(check_all("reject", false) >= 450);
}

static void
test_cases__kinds_not_built_yet_are_refused(void **state)
{
	assert_true(check_all("unbuilt", true) >= 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases__accepted_documents),
		cmocka_unit_test(test_cases__rejected_with_place_and_reason),
		cmocka_unit_test(test_cases__kinds_not_built_yet_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
