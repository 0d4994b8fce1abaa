/* test_buf.c - bounded growth, sticky failure, and the three ways to quote. */
#include "base/buf.h"

#include "check.h"

static void
test_buf__grows_to_its_maximum_and_no_further(void **state)
{
	writ_auto_release(writ_buf) b;
	size_t i;

	writ_buf_init(&b, 1000);
	for (i = 0; i < 1000; i++)
		writ_buf_char(&b, (char)('a' + i % 26));
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	assert_int_equal(b.len, 1000);
	for (i = 0; i < 1000; i++)
		assert_int_equal(b.ptr[i], 'a' + i % 26);
	writ_buf_char(&b, 'x');
	assert_int_equal(writ_buf_status(&b), WRIT_LIMIT);
	assert_int_equal(b.len, 1000);
	assert_true(b.cap <= 1000);
}

static void
test_buf__failure_sticks_until_reset(void **state)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 4);
	writ_buf_cstr(&b, "abc");
	writ_buf_cstr(&b, "de");
	writ_buf_char(&b, 'f');
	assert_slice(writ_buf_view(&b), "abc");
	assert_int_equal(writ_buf_status(&b), WRIT_LIMIT);
	writ_buf_reset(&b);
	writ_buf_cstr(&b, "wxyz");
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	assert_slice(writ_buf_view(&b), "wxyz");
}

static void
test_buf__zeroed_buffer_takes_nothing(void **state)
{
	struct writ_buf b = { 0 };

	writ_buf_str(&b, WRIT_STR(""));
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	writ_buf_char(&b, 'x');
	assert_int_equal(writ_buf_status(&b), WRIT_LIMIT);
	writ_buf_release(&b);
	writ_buf_release(NULL);
}

static void
test_buf__no_memory_is_nomem(void **state)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 1000);
	writ_mem_fail_after(0);
	writ_buf_char(&b, 'x');
	writ_mem_fail_after(-1);
	assert_int_equal(writ_buf_status(&b), WRIT_NOMEM);
	assert_int_equal(b.len, 0);
	writ_buf_char(&b, 'x');
	assert_int_equal(b.len, 0);
	writ_buf_release(&b);
	writ_buf_char(&b, 'x');
	assert_slice(writ_buf_view(&b), "x");
}

static void
test_buf__printf_fits_exactly_or_not_at_all(void **state)
{
	writ_auto_release(writ_buf) b;
	writ_auto_release(writ_buf) big;

	writ_buf_init(&b, 8);
	writ_buf_printf(&b, "%s-%d", "abc", 4567);
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	assert_slice(writ_buf_view(&b), "abc-4567");
	writ_buf_printf(&b, "%s", "");
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	writ_buf_printf(&b, "%d", 1);
	assert_int_equal(writ_buf_status(&b), WRIT_LIMIT);
	assert_slice(writ_buf_view(&b), "abc-4567");
	writ_buf_init(&big, 10000);
	writ_buf_printf(&big, "%9000d", 5);
	assert_int_equal(writ_buf_status(&big), WRIT_OK);
	assert_int_equal(big.len, 9000);
	assert_int_equal(big.ptr[8999], '5');
}

static void
check_json(struct writ_str in, const char *want)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 1000);
	writ_buf_json(&b, in);
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	assert_slice(writ_buf_view(&b), want);
}

static void
test_buf__json_quotes_everything_it_must(void **state)
{
	check_json(WRIT_STR(""), "\"\"");
	check_json(writ_str(NULL, 0), "\"\"");
	check_json(WRIT_STR("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
	check_json(WRIT_STR("\n\r\t\0\x1f"),
	    "\"\\u000a\\u000d\\u0009\\u0000\\u001f\"");
	check_json(WRIT_STR("\x7f\xc2\x85z"), "\"\\u007f\\u0085z\"");
	check_json(WRIT_STR("h\xc3\xa9 \xf0\x9f\x98\x80"),
	    "\"h\xc3\xa9 \xf0\x9f\x98\x80\"");
	check_json(WRIT_STR("a\xff\xed\xa0\x80z"),
	    "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
	check_json(WRIT_STR("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void
check_yaml(struct writ_str in, const char *want)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 1000);
	writ_buf_yaml(&b, in);
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	assert_slice(writ_buf_view(&b), want);
}

static void
test_buf__json_escapes_what_would_deceive(void **state)
{
	check_json(WRIT_STR("\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9"),
	    "\"\\u202a\\u202e\\u2066\\u2069\"");
	check_json(WRIT_STR("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c\xe2\x80\x8b"),
	    "\"\\u200e\\u200f\\u061c\\u200b\"");
	check_json(WRIT_STR("\xe2\x80\xa8\xe2\x80\xa9\xc2\x85\xef\xbb\xbf"),
	    "\"\\u2028\\u2029\\u0085\\ufeff\"");
	check_json(WRIT_STR("\xf3\xa0\x80\x80\xf3\xa0\x81\xbf"),
	    "\"\\udb40\\udc00\\udb40\\udc7f\"");
	check_yaml(WRIT_STR("a\"\xf3\xa0\x81\xbf\xe2\x80\xae\n"),
	    "\"a\\\"\\U000e007f\\u202e\\u000a\"");
}

static void
test_buf__json_that_does_not_fit_leaves_nothing(void **state)
{
	writ_auto_release(writ_buf) b;
	size_t max;

	for (max = 3; max < 12; max++) {
		writ_buf_init(&b, max);
		writ_buf_cstr(&b, "abc");
		writ_buf_json(&b, WRIT_STR("x\ny"));
		if (max < 3 + 10) {
			assert_int_equal(writ_buf_status(&b), WRIT_LIMIT);
			assert_slice(writ_buf_view(&b), "abc");
		}
		writ_buf_release(&b);
	}
	writ_buf_init(&b, 13);
	writ_buf_cstr(&b, "abc");
	writ_buf_json(&b, WRIT_STR("x\ny"));
	assert_slice(writ_buf_view(&b), "abc\"x\\u000ay\"");
}

static void
check_safe(struct writ_str in, bool multiline, const char *want)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 1000);
	writ_buf_safe(&b, in, multiline);
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	assert_slice(writ_buf_view(&b), want);
}

static void
test_buf__safe_shows_what_would_deceive(void **state)
{
	check_safe(WRIT_STR("plain h\xc3\xa9"), false, "plain h\xc3\xa9");
	check_safe(WRIT_STR("\x1b[31m\a\0"), true, "\\x1b[31m\\x07\\x00");
	check_safe(WRIT_STR("a\n\tb\r"), true, "a\n\tb\\x0d");
	check_safe(WRIT_STR("a\n\tb"), false, "a\\x0a\\x09b");
	check_safe(WRIT_STR("\x7f\xc2\x9b"), true, "\\x7f\\u{9b}");
	check_safe(WRIT_STR("\xe2\x80\xae"), true, "\\u{202e}");
	check_safe(WRIT_STR("\xe2\x81\xa6\xe2\x81\xa9"), true,
	    "\\u{2066}\\u{2069}");
	check_safe(WRIT_STR("\xe2\x80\x8b\xef\xbb\xbf\xe2\x80\xa8"), true,
	    "\\u{200b}\\u{feff}\\u{2028}");
	check_safe(WRIT_STR("\xf3\xa0\x81\x81"), true, "\\u{e0041}");
	check_safe(WRIT_STR("\xff\xc3("), true, "\\xff\\xc3(");
}

static void
test_buf__hex_is_lower_case(void **state)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 6);
	writ_buf_hex(&b, "\x00\xaf\x10", 3);
	assert_slice(writ_buf_view(&b), "00af10");
	writ_buf_hex(&b, "", 0);
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	writ_buf_hex(&b, "a", 1);
	assert_int_equal(writ_buf_status(&b), WRIT_LIMIT);
}

static void
test_buf__room_and_consume(void **state)
{
	writ_auto_release(writ_buf) b;
	void *p;

	writ_buf_init(&b, 100);
	p = writ_buf_room(&b, 100);
	assert_non_null(p);
	memcpy(p, "hello world", 11);
	writ_buf_grew(&b, 11);
	writ_buf_consume(&b, 6);
	assert_slice(writ_buf_view(&b), "world");
	writ_buf_consume(&b, 99);
	assert_int_equal(b.len, 0);
	assert_non_null(writ_buf_room(&b, 0));
	assert_null(writ_buf_room(&b, 101));
	assert_int_equal(writ_buf_status(&b), WRIT_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf__grows_to_its_maximum_and_no_further),
		cmocka_unit_test(test_buf__failure_sticks_until_reset),
		cmocka_unit_test(test_buf__zeroed_buffer_takes_nothing),
		cmocka_unit_test(test_buf__no_memory_is_nomem),
		cmocka_unit_test(test_buf__printf_fits_exactly_or_not_at_all),
		cmocka_unit_test(test_buf__json_quotes_everything_it_must),
		cmocka_unit_test(test_buf__json_escapes_what_would_deceive),
		cmocka_unit_test(
		    test_buf__json_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(test_buf__safe_shows_what_would_deceive),
		cmocka_unit_test(test_buf__hex_is_lower_case),
		cmocka_unit_test(test_buf__room_and_consume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
