/* test_str.c - slices, UTF-8, the integer parser. */
#include "base/str.h"

#include "base/mem.h"
#include "check.h"

static void
test_str__compares_bytes(void **state)
{
	assert_true(writ_str_eq(WRIT_STR("a\0b"), writ_str("a\0b", 3)));
	assert_false(writ_str_eq(WRIT_STR("a\0b"), writ_str("a\0c", 3)));
	assert_true(writ_str_eq(writ_str(NULL, 0), WRIT_STR("")));
	assert_true(writ_str_is(WRIT_STR("x"), "x"));
	assert_false(writ_str_is(WRIT_STR("xy"), "x"));
	assert_true(writ_str_is(writ_str(NULL, 0), NULL));
	assert_true(writ_str_starts(WRIT_STR("abc"), WRIT_STR("ab")));
	assert_false(writ_str_starts(WRIT_STR("a"), WRIT_STR("ab")));
	assert_true(writ_str_starts(WRIT_STR("a"), writ_str(NULL, 0)));
}

static void
test_str__skip_stops_at_the_end(void **state)
{
	assert_slice(writ_str_skip(WRIT_STR("abc"), 1), "bc");
	assert_slice(writ_str_skip(WRIT_STR("abc"), 9), "");
	assert_slice(writ_str_skip(writ_str(NULL, 0), 9), "");
}

static void
test_str__cut_splits_once(void **state)
{
	struct writ_str rest;

	assert_slice(writ_str_cut(WRIT_STR("a:b:c"), ':', &rest), "a");
	assert_slice(rest, "b:c");
	assert_slice(writ_str_cut(WRIT_STR("a:"), ':', &rest), "a");
	assert_int_equal(rest.len, 0);
	assert_non_null(rest.ptr);
	assert_slice(writ_str_cut(WRIT_STR("abc"), ':', &rest), "abc");
	assert_null(rest.ptr);
	assert_slice(writ_str_cut(writ_str(NULL, 0), ':', &rest), "");
	assert_null(rest.ptr);
}

static void
test_str__cstr_refuses_nul_and_overflow(void **state)
{
	char buf[4] = "zzz";

	assert_int_equal(writ_str_cstr(WRIT_STR("a\0b"), buf, sizeof(buf)),
	    WRIT_INVALID);
	assert_int_equal(writ_str_cstr(WRIT_STR("abcd"), buf, sizeof(buf)),
	    WRIT_NAMETOOLONG);
	assert_int_equal(writ_str_cstr(WRIT_STR(""), buf, 0),
	    WRIT_NAMETOOLONG);
	assert_string_equal(buf, "zzz");
	assert_int_equal(writ_str_cstr(WRIT_STR("abc"), buf, sizeof(buf)),
	    WRIT_OK);
	assert_string_equal(buf, "abc");
	assert_int_equal(writ_str_cstr(writ_str(NULL, 0), buf, 1), WRIT_OK);
	assert_string_equal(buf, "");
}

static void
test_str__dup_refuses_an_inner_nul(void **state)
{
	writ_auto_mem char *p = writ_str_dup(WRIT_STR("abc"));

	assert_string_equal(p, "abc");
	assert_null(writ_str_dup(WRIT_STR("a\0c")));
}

static void
test_str__utf8_is_strict(void **state)
{
	static const char *const good[] = { "", "a", "\x7f", "\xc2\x80",
		"\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		"h\xc3\xa9\xe2\x82\xac" };
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80",
		"\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82",
		"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xff", "\xfe", "ok\xf0\x9f\x98",
		"\xf8\x88\x80\x80\x80" };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(writ_str_utf8(writ_str_from(good[i])));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(writ_str_utf8(writ_str_from(bad[i])));
	assert_true(writ_str_utf8(WRIT_STR("a\0b")));
}

static void
test_str__rune_gives_length_and_code_point(void **state)
{
	uint32_t cp = 0;

	assert_int_equal(writ_str_rune(WRIT_STR("\xf0\x9f\x98\x80z"), &cp), 4);
	assert_int_equal(cp, 0x1f600);
	assert_int_equal(writ_str_rune(WRIT_STR("\xe2\x82\xac"), &cp), 3);
	assert_int_equal(cp, 0x20ac);
	assert_int_equal(writ_str_rune(WRIT_STR("\xff"), &cp), 0);
	assert_int_equal(writ_str_rune(WRIT_STR(""), &cp), 0);
	assert_int_equal(cp, 0x20ac);
}

static void
test_str__u64_takes_plain_decimals_only(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "01",
		"00", "0x1", "1e3", "1.0", "1_000", "\xd9\xa1", "a",
		"99999999999999999999999a" };
	uint64_t v = 77;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
		    writ_str_u64(writ_str_from(bad[i]), UINT64_MAX, &v),
		    WRIT_INVALID);
	assert_int_equal(writ_str_u64(WRIT_STR("1\0"), UINT64_MAX, &v),
	    WRIT_INVALID);
	assert_int_equal(v, 77);
	assert_int_equal(writ_str_u64(WRIT_STR("0"), 0, &v), WRIT_OK);
	assert_int_equal(v, 0);
	assert_int_equal(writ_str_u64(WRIT_STR("18446744073709551615"),
	    UINT64_MAX, &v), WRIT_OK);
	assert_true(v == UINT64_MAX);
}

static void
test_str__u64_overflow_is_its_own_status(void **state)
{
	uint64_t v = 77;

	assert_int_equal(writ_str_u64(WRIT_STR("18446744073709551616"),
	    UINT64_MAX, &v), WRIT_OVERFLOW);
	assert_int_equal(writ_str_u64(WRIT_STR("36893488147419103232"),
	    UINT64_MAX, &v), WRIT_OVERFLOW);
	assert_int_equal(writ_str_u64(WRIT_STR("256"), 255, &v),
	    WRIT_OVERFLOW);
	assert_int_equal(v, 77);
	assert_int_equal(writ_str_u64(WRIT_STR("255"), 255, &v), WRIT_OK);
	assert_int_equal(v, 255);
}

static void
test_str__distance_counts_edits(void **state)
{
	char big[1000];

	assert_int_equal(writ_str_distance(WRIT_STR("kitten"),
	    WRIT_STR("sitting"), 9), 3);
	assert_int_equal(writ_str_distance(WRIT_STR("files"),
	    WRIT_STR("file"), 9), 1);
	assert_int_equal(writ_str_distance(WRIT_STR(""), WRIT_STR("abc"), 9),
	    3);
	assert_int_equal(writ_str_distance(WRIT_STR("abc"), WRIT_STR(""), 2),
	    2);
	assert_int_equal(writ_str_distance(WRIT_STR("x"), WRIT_STR("x"), 9),
	    0);
	memset(big, 'b', sizeof(big));
	assert_int_equal(writ_str_distance(writ_str(big, sizeof(big)),
	    WRIT_STR(""), 999), 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str__compares_bytes),
		cmocka_unit_test(test_str__skip_stops_at_the_end),
		cmocka_unit_test(test_str__cut_splits_once),
		cmocka_unit_test(test_str__cstr_refuses_nul_and_overflow),
		cmocka_unit_test(test_str__dup_refuses_an_inner_nul),
		cmocka_unit_test(test_str__utf8_is_strict),
		cmocka_unit_test(test_str__rune_gives_length_and_code_point),
		cmocka_unit_test(test_str__u64_takes_plain_decimals_only),
		cmocka_unit_test(test_str__u64_overflow_is_its_own_status),
		cmocka_unit_test(test_str__distance_counts_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
