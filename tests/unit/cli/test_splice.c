/* test_splice.c - one member set in a JSON text, every other byte kept. */
#include "cli/splice.h"

#include "../base/check.h"
#include "base/hash.h"
#include "base/limits.h"

static const char *const name[] = { "servers", "writ", NULL };

static enum writ_status
splice(const char *text, const char *const *path, struct writ_buf *out,
    struct writ_err *err)
{
	writ_auto_json value = json_pack("{s:s}", "command", "w");
	enum writ_status st;

	writ_buf_init(out, 4096);
	if (!value)
		return WRIT_NOMEM;
	st = cli_splice(writ_str_from(text), path, value, out, err);
	return st;
}

static void
becomes(const char *text, const char *want)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_buf out;

	assert_int_equal(splice(text, name, &out, &err), WRIT_OK);
	assert_slice(writ_buf_view(&out), want);
	writ_buf_release(&out);
}

static void
test_splice__makes_what_is_missing(void **state)
{
	becomes("{}\n", "{\n  \"servers\": {\n    \"writ\": {\n"
	    "      \"command\": \"w\"\n    }\n  }\n}\n");
	becomes("{\n    \"a\": 1\n}", "{\n    \"a\": 1,\n    \"servers\": {\n"
	    "        \"writ\": {\n            \"command\": \"w\"\n        }\n"
	    "    }\n}");
	becomes("{\n\t\"servers\": { }\n}", "{\n\t\"servers\": {\n\t\t\"writ\": "
	    "{\n\t\t\t\"command\": \"w\"\n\t\t}\n\t}\n}");
}

static void
test_splice__keeps_every_other_byte(void **state)
{
	becomes(" {\"servers\" : {\"x\":[1,{\"writ\":2}] , \"y\": 1.0e3 } } ",
	    " {\"servers\" : {\"x\":[1,{\"writ\":2}] , \"y\": 1.0e3,\n"
	    "    \"writ\": {\n      \"command\": \"w\"\n    } } } ");
	becomes("{\"writ\":0,\"servers\":{\"a\":\"}\\\"\",\"writ\":[0] ,\"b\":1}}",
	    "{\"writ\":0,\"servers\":{\"a\":\"}\\\"\",\"writ\":{\n"
	    "      \"command\": \"w\"\n    } ,\"b\":1}}");
}

static void
test_splice__finds_names_however_they_are_written(void **state)
{
	becomes("{\"\\u0073ervers\":{\"w\\u0072it\":null}}",
	    "{\"\\u0073ervers\":{\"w\\u0072it\":{\n      \"command\": \"w\"\n"
	    "    }}}");
}

static void
test_splice__refuses_what_it_cannot_set(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "1", "{\"servers\":1}",
		"{\"servers\":[]}", "{\"servers\":null}", "{\"a\":1,\"a\":1}",
		"{} x", "{/**/}", "\xef\xbb\xbf{}" };
	struct writ_err err;
	struct writ_buf out;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(splice(bad[i], name, &out, &err),
		    WRIT_INVALID);
		assert_int_equal(out.len, 0);
		writ_buf_release(&out);
	}
}

static void
test_splice__out_of_room_is_a_limit(void **state)
{
	writ_auto_json value = json_string("0123456789");
	struct writ_err err;
	struct writ_buf out;

	assert_non_null(value);
	writ_buf_init(&out, 16);
	assert_int_equal(cli_splice(WRIT_STR("{}"), name, value, &out, &err),
	    WRIT_LIMIT);
	writ_buf_release(&out);
}

static void
test_splice__survives_every_failed_allocation(void **state)
{
	struct writ_err err;
	struct writ_buf out;
	enum writ_status st = WRIT_NOMEM;
	long n;

	for (n = 0; n < 500 && st != WRIT_OK; n++) {
		writ_mem_fail_after(n);
		st = splice("{\"a\":[1,2,\"x\"],\"servers\":{\"y\":{}}}", name,
		    &out, &err);
		writ_mem_fail_after(-1);
		assert_true(st == WRIT_OK || st == WRIT_NOMEM);
		writ_buf_release(&out);
	}
	assert_int_equal(st, WRIT_OK);
	assert_true(n > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splice__makes_what_is_missing),
		cmocka_unit_test(test_splice__keeps_every_other_byte),
		cmocka_unit_test(
		    test_splice__finds_names_however_they_are_written),
		cmocka_unit_test(test_splice__refuses_what_it_cannot_set),
		cmocka_unit_test(test_splice__out_of_room_is_a_limit),
		cmocka_unit_test(test_splice__survives_every_failed_allocation),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
