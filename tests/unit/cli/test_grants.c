/* cmocka needs these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/grants.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define READ(name, at) "files: [{ name: " name ", at: " at \
	", from: \"host:." at "\", mode: read }]"
#define WRITE(name, at) "files: [{ name: " name ", at: " at \
	", from: \"host:." at "\", mode: write }]"

static void
expect(const char *const *texts, size_t n, size_t max, const char *want)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 65536);
	(void)cli_grants_put(&b, texts, n, max);
	writ_buf_char(&b, '\0');
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	assert_string_equal((const char *)b.ptr, want);
}

static void
test_grants__one_stays_on_its_line(void **state)
{
	const char *const t[] = { READ("src", "/src"), "", NULL,
		READ("src", "/src") };

	expect(t, COUNT(t), 8, "    " READ("src", "/src") "\n");
}

static void
test_grants__one_key_for_each_kind(void **state)
{
	const char *const t[] = { READ("a", "/a"),
		"http: [{ name: x, url: \"https://x/\", methods: [GET] }]",
		READ("b", "/b") };

	expect(t, COUNT(t), 8,
	    "    files:\n"
	    "      - { name: a, at: /a, from: \"host:./a\", mode: read }\n"
	    "      - { name: b, at: /b, from: \"host:./b\", mode: read }\n"
	    "    http: [{ name: x, url: \"https://x/\", methods: [GET] }]\n");
}

static void
test_grants__covered_ones_are_left_out(void **state)
{
	const char *const t[] = { READ("c", "/a/b/c"), READ("a", "/a"),
		READ("d", "/a/d") };

	expect(t, COUNT(t), 8, "    " READ("a", "/a") "\n");
}

static void
test_grants__writing_covers_reading_of_the_same_place(void **state)
{
	const char *const t[] = { READ("a", "/a"), WRITE("a", "/a") };

	expect(t, COUNT(t), 8, "    " WRITE("a", "/a") "\n");
}

static void
test_grants__reading_does_not_cover_writing(void **state)
{
	const char *const t[] = { READ("a", "/a"), WRITE("b", "/a/b") };

	expect(t, COUNT(t), 8,
	    "    files:\n"
	    "      - { name: a, at: /a, from: \"host:./a\", mode: read }\n"
	    "      - { name: b, at: /a/b, from: \"host:./a/b\", mode: write }\n");
}

static void
test_grants__a_longer_name_is_not_below(void **state)
{
	const char *const t[] = { READ("a", "/a"), READ("ab", "/ab") };

	expect(t, COUNT(t), 8,
	    "    files:\n"
	    "      - { name: a, at: /a, from: \"host:./a\", mode: read }\n"
	    "      - { name: ab, at: /ab, from: \"host:./ab\", mode: read }\n");
}

static void
test_grants__names_are_unique(void **state)
{
	const char *const t[] = { READ("src", "/a/src"), READ("src", "/b/src") };

	expect(t, COUNT(t), 8,
	    "    files:\n"
	    "      - { name: src, at: /a/src, from: \"host:./a/src\", "
	    "mode: read }\n"
	    "      - { name: src-2, at: /b/src, from: \"host:./b/src\", "
	    "mode: read }\n");
}

static void
test_grants__what_is_left_out_is_said(void **state)
{
	const char *const t[] = { READ("a", "/a"), READ("b", "/b"),
		READ("c", "/c") };

	expect(t, COUNT(t), 1, "    " READ("a", "/a") "\n    # and 2 more\n");
}

static void
test_grants__other_forms_are_shown_safely(void **state)
{
	const char *const t[] = { "strange \033[31m" };

	expect(t, COUNT(t), 8, "    strange \\x1b[31m\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grants__one_stays_on_its_line),
		cmocka_unit_test(test_grants__one_key_for_each_kind),
		cmocka_unit_test(test_grants__covered_ones_are_left_out),
		cmocka_unit_test(
		    test_grants__writing_covers_reading_of_the_same_place),
		cmocka_unit_test(test_grants__reading_does_not_cover_writing),
		cmocka_unit_test(test_grants__a_longer_name_is_not_below),
		cmocka_unit_test(test_grants__names_are_unique),
		cmocka_unit_test(test_grants__what_is_left_out_is_said),
		cmocka_unit_test(test_grants__other_forms_are_shown_safely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
