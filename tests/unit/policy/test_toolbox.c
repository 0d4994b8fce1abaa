/* The documents of tests/data/toolbox, and what is made of a toolbox. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/lookalike.h"
#include "policy/text.h"
#include "policy/toolbox.h"
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
	(void)snprintf(path, sizeof(path), "%s/toolbox/%s/%s", root, dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	out->len = fread(out->bytes, 1, sizeof(out->bytes) - 1, f);
	out->bytes[out->len] = '\0';
	(void)fclose(f);
}

static void
check(const char *dir, const char *name, struct text *t, size_t *wrong)
{
	char want[WRIT_ERR_MSG_MAX] = "f";
	struct writ_toolbox *box = NULL;
	struct writ_err err = { 0 };
	struct writ_str rest, line;
	enum writ_status st;
	const char *at;

	load(dir, name, t);
	st = writ_toolbox_parse(writ_str(t->bytes, t->len), "f", &box, &err);
	if (!strcmp(dir, "accept")) {
		if (st != WRIT_OK)
			fail_msg("accept/%s: %s", name, err.msg);
		writ_toolbox_free(box);
		return;
	}
	assert_null(box);
	at = strstr(t->bytes, "# expect: ");
	assert_non_null(at);
	line = writ_str_cut(writ_str_from(at + strlen("# expect: ")), '\n', &rest);
	assert_int_equal(writ_str_cstr(line, want + 1, sizeof(want) - 1), WRIT_OK);
	if (strcmp(want, err.msg))
		print_error("reject/%s: want \"%s\" got \"%s\"\n", name, want,
		    err.msg);
	*wrong += strcmp(want, err.msg) != 0;
	assert_true(st == WRIT_INVALID || st == WRIT_LIMIT);
	assert_int_equal(err.status, st);
}

static size_t
check_all(const char *dir)
{
	const char *root = getenv("WRIT_TEST_DATA");
	struct text *t = calloc(1, sizeof(*t));
	struct dirent *e;
	char path[1024];
	size_t n = 0, wrong = 0;
	DIR *d;

	assert_non_null(root);
	assert_non_null(t);
	(void)snprintf(path, sizeof(path), "%s/toolbox/%s", root, dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (!strstr(e->d_name, ".yaml"))
			continue;
		check(dir, e->d_name, t, &wrong);
		n++;
	}
	(void)closedir(d);
	free(t);
	assert_int_equal(wrong, 0);
	return n;
}

static void
test_toolbox__accepted_documents(void **state)
{
	assert_true(check_all("accept") >= 2);
}

static void
test_toolbox__rejected_with_place_and_reason(void **state)
{
	assert_true(check_all("reject") >= 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_toolbox__accepted_documents),
		cmocka_unit_test(test_toolbox__rejected_with_place_and_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
