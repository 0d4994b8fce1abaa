/* test_json.c - strict reading, its bounds, and members. */
#include "base/json.h"

#include "base/hash.h"
#include "base/limits.h"
#include "check.h"

static enum writ_status
parse(struct writ_str s, struct writ_err *err)
{
	writ_auto_json j = NULL;

	return writ_json_parse(s, &j, err);
}

static void
test_json__malformed_is_invalid_with_its_place(void **state)
{
	static const struct {
		const char *text, *place;
	} bad[] = {
		{ "", "line 1, column 0" },
		{ "{\"a\":1,}", "line 1, column 8" },
		{ "{\"a\":1}\n x", "line 2, column 2" },
		{ "{\"a\":1,\"a\":2}", "line 1" },
		{ "{\"a\\u0000\":1}", "line 1" },
		{ "[\"\xff\"]", "line 1" },
		{ "[\"\\ud800\"]", "line 1" },
		{ "[\"\n\"]", "line 1" },
		{ "[99999999999999999999]", "line 1" },
		{ "[NaN]", "line 1" },
		{ "[01]", "line 1" },
		{ "1", "line 1" },
		{ "\"s\"", "line 1" },
		{ "[1", "line 1" },
		{ "// c\n{}", "line 1" },
		{ "\xef\xbb\xbf{}", "line 1" },
	};
	struct writ_err err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(parse(writ_str_from(bad[i].text), &err),
		    WRIT_INVALID);
		assert_non_null(strstr(err.msg, bad[i].place));
	}
	assert_int_equal(parse(WRIT_STR("{}\0"), NULL), WRIT_INVALID);
	assert_int_equal(parse(writ_str(NULL, 0), NULL), WRIT_INVALID);
}

static void
test_json__depth_is_bounded(void **state)
{
	char text[2 * WRIT_JSON_DEPTH_MAX + 2];
	struct writ_err err = { 0 };

	memset(text, '[', WRIT_JSON_DEPTH_MAX);
	memset(text + WRIT_JSON_DEPTH_MAX, ']', WRIT_JSON_DEPTH_MAX);
	assert_int_equal(parse(writ_str(text, 2 * WRIT_JSON_DEPTH_MAX), &err),
	    WRIT_OK);
	memset(text, '[', WRIT_JSON_DEPTH_MAX + 1);
	memset(text + WRIT_JSON_DEPTH_MAX + 1, ']', WRIT_JSON_DEPTH_MAX + 1);
	assert_int_equal(parse(writ_str(text, sizeof(text)), &err),
	    WRIT_LIMIT);
	assert_non_null(strstr(err.msg, "line 1, column 65"));
}

static void
test_json__brackets_in_strings_are_not_depth(void **state)
{
	char text[1000];

	memset(text, '[', sizeof(text));
	memcpy(text, "[\"\\\"", 4);
	memcpy(text + sizeof(text) - 2, "\"]", 2);
	assert_int_equal(parse(writ_str(text, sizeof(text)), NULL), WRIT_OK);
}

static void
test_json__size_is_bounded(void **state)
{
	size_t n = WRIT_JSON_MAX;
	writ_auto_mem char *text = writ_alloc(n + 1, 1);

	assert_non_null(text);
	memset(text, ' ', n + 1);
	memcpy(text, "[]", 2);
	assert_int_equal(parse(writ_str(text, n), NULL), WRIT_OK);
	assert_int_equal(parse(writ_str(text, n + 1), NULL), WRIT_LIMIT);
}

static void
test_json__put_escapes_and_means_the_same(void **state)
{
	static const char text[] = "{\"k\xe2\x80\xae\":[\"\x7f\\\\\\u2028\","
	    "\"\xf3\xa0\x81\x81h\xc3\xa9\\\"\",1,null,true]}";
	static const char want[] = "{\"k\\u202e\":[\"\\u007f\\\\\\u2028\","
	    "\"\\udb40\\udc41h\xc3\xa9\\\"\",1,null,true]}";
	writ_auto_json j = NULL;
	writ_auto_json again = NULL;
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 1000);
	assert_int_equal(writ_json_parse(writ_str_from(text), &j, NULL),
	    WRIT_OK);
	writ_json_put(&b, j);
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	assert_int_equal(b.len, strlen(want));
	assert_memory_equal(b.ptr, want, b.len);
	assert_int_equal(writ_json_parse(writ_buf_view(&b), &again, NULL),
	    WRIT_OK);
	assert_true(json_equal(j, again));
	writ_buf_reset(&b);
	writ_json_put(&b, NULL);
	assert_memory_equal(b.ptr, "null", 4);
}

static void
test_json__members_have_their_type_or_fail(void **state)
{
	writ_auto_json j = NULL;
	struct writ_str s = WRIT_STR("old");
	uint64_t v = 7;

	assert_int_equal(writ_json_parse(WRIT_STR("{\"s\":\"t\",\"n\":12,"
	    "\"neg\":-1,\"f\":1.5,\"z\":null,"
	    "\"max\":9223372036854775807}"), &j, NULL), WRIT_OK);
	assert_int_equal(writ_json_str(j, "n", &s), WRIT_INVALID);
	assert_int_equal(writ_json_str(j, "z", &s), WRIT_INVALID);
	assert_int_equal(writ_json_str(j, "none", &s), WRIT_NOENT);
	assert_slice(s, "old");
	assert_int_equal(writ_json_str(j, "s", &s), WRIT_OK);
	assert_slice(s, "t");
	assert_int_equal(writ_json_u64(j, "s", &v), WRIT_INVALID);
	assert_int_equal(writ_json_u64(j, "neg", &v), WRIT_INVALID);
	assert_int_equal(writ_json_u64(j, "f", &v), WRIT_INVALID);
	assert_int_equal(writ_json_u64(j, "none", &v), WRIT_NOENT);
	assert_int_equal(v, 7);
	assert_int_equal(writ_json_u64(j, "n", &v), WRIT_OK);
	assert_int_equal(v, 12);
	assert_int_equal(writ_json_u64(j, "max", &v), WRIT_OK);
	assert_true(v == INT64_MAX);
	assert_int_equal(writ_json_u64(NULL, "n", &v), WRIT_INVALID);
}

static void
test_json__reads_what_buf_writes(void **state)
{
	writ_auto_release(writ_buf) b;
	writ_auto_json j = NULL;
	struct writ_str s;

	writ_buf_init(&b, 1000);
	writ_buf_cstr(&b, "{\"k\":");
	writ_buf_json(&b, WRIT_STR("\x01\n\"\\h\xc3\xa9\x7f\xff"));
	writ_buf_char(&b, '}');
	assert_int_equal(writ_json_parse(writ_buf_view(&b), &j, NULL),
	    WRIT_OK);
	assert_int_equal(writ_json_str(j, "k", &s), WRIT_OK);
	assert_slice(s, "\x01\n\"\\h\xc3\xa9\x7f\xef\xbf\xbd");
}

static void
test_json__nul_is_taken_only_where_asked(void **state)
{
	struct writ_str text = WRIT_STR("{\"k\":\"a\\u0000b\"}"), s;
	writ_auto_json j = NULL;

	assert_int_equal(writ_json_parse(text, &j, NULL), WRIT_INVALID);
	assert_int_equal(writ_json_parse_nul(text, &j, NULL), WRIT_OK);
	assert_int_equal(writ_json_str(j, "k", &s), WRIT_OK);
	assert_true(writ_str_eq(s, WRIT_STR("a\0b")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_json__malformed_is_invalid_with_its_place),
		cmocka_unit_test(test_json__depth_is_bounded),
		cmocka_unit_test(test_json__brackets_in_strings_are_not_depth),
		cmocka_unit_test(test_json__size_is_bounded),
		cmocka_unit_test(test_json__put_escapes_and_means_the_same),
		cmocka_unit_test(test_json__members_have_their_type_or_fail),
		cmocka_unit_test(test_json__reads_what_buf_writes),
		cmocka_unit_test(test_json__nul_is_taken_only_where_asked),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
