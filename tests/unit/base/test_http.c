#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/http.h"

/* tchar of RFC 9110, 5.6.2, spelt out. */
static const char tchars[] = "!#$%&'*+-.^_`|~0123456789"
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

static void
test_http__every_byte(void **state)
{
	unsigned c;

	for (c = 0; c < 256; c++) {
		const char text[3] = { 'a', (char)c, 'z' };
		struct writ_str s = writ_str(text, 3);
		bool token = c && strchr(tchars, (int)c) != NULL;
		bool capital = c >= 'A' && c <= 'Z';

		assert_int_equal(writ_http_is_token(s), token);
		assert_int_equal(writ_http_is_name(s), token && !capital);
		assert_int_equal(writ_http_is_value(s), c == '\t' ||
		    (c >= ' ' && c != 0x7f));
	}
}

static void
test_http__nothing_is_a_value_alone(void **state)
{
	assert_false(writ_http_is_token(WRIT_STR("")));
	assert_false(writ_http_is_name(WRIT_STR("")));
	assert_true(writ_http_is_value(WRIT_STR("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http__every_byte),
		cmocka_unit_test(test_http__nothing_is_a_value_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
