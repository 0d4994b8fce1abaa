#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "wire/serve_msg.h"

static const struct writ_served_row row = { WRIT_SERVED_LIMIT, 504, 1, 2, 3, 4,
	{ "GET", 3 }, { "/a", 2 }, { "cpu", 3 } };

static void
test_serve_msg__rows_come_back(void **state)
{
	struct writ_serving out = { 1, 2, 3, 4, 5 }, s;
	struct writ_served_row r;
	writ_auto_release(writ_buf) b;
	struct writ_wire_in in;
	unsigned n = 0;

	writ_buf_init(&b, 4096);
	writ_serving_put(&b, &out);
	writ_served_put(&b, &row);
	writ_served_put(&b, &row);
	in = writ_wire_in(writ_buf_view(&b));
	writ_serving_get(&in, &s);
	assert_memory_equal(&s, &out, sizeof(s));
	for (; in.len && !in.bad; n++) {
		writ_served_get(&in, &r);
		assert_int_equal(r.outcome, WRIT_SERVED_LIMIT);
		assert_true(r.status == 504 && r.wall_us == 1 &&
		    r.cpu_us == 2 && r.up == 3 && r.down == 4);
		assert_true(writ_str_is(r.method, "GET") &&
		    writ_str_is(r.path, "/a") && writ_str_is(r.detail, "cpu"));
	}
	assert_int_equal(n, 2);
	assert_true(writ_wire_done(&in));
}

/* Every message cut short, and every byte of one that is something else. */
static void
test_serve_msg__malformed_rows_are_refused(void **state)
{
	struct writ_served_row r = row;
	writ_auto_release(writ_buf) b;
	struct writ_wire_in in;
	size_t i;

	writ_buf_init(&b, 4096);
	writ_served_put(&b, &r);
	for (i = 0; i < b.len; i++) {
		in = writ_wire_in(writ_str((const char *)b.ptr, i));
		writ_served_get(&in, &r);
		assert_false(writ_wire_done(&in));
	}
	b.ptr[0] = WRIT_SERVED_OUTCOME_COUNT;
	in = writ_wire_in(writ_buf_view(&b));
	writ_served_get(&in, &r);
	assert_false(writ_wire_done(&in));
	b.ptr[0] = WRIT_SERVED_OK;
	b.ptr[3] = 1;				/* a status of 65536 and more */
	in = writ_wire_in(writ_buf_view(&b));
	writ_served_get(&in, &r);
	assert_false(writ_wire_done(&in));
}

static void
test_serve_msg__texts_are_cut(void **state)
{
	static char long_path[4 * WRIT_SERVE_PATH_SHOWN];
	struct writ_served_row r = row;
	writ_auto_release(writ_buf) b;
	struct writ_wire_in in;

	memset(long_path, 'a', sizeof(long_path));
	r.path = r.detail = writ_str(long_path, sizeof(long_path));
	writ_buf_init(&b, 4096);
	writ_served_put(&b, &r);
	in = writ_wire_in(writ_buf_view(&b));
	writ_served_get(&in, &r);
	assert_true(writ_wire_done(&in));
	assert_int_equal(r.path.len, WRIT_SERVE_PATH_SHOWN);
	assert_int_equal(r.detail.len, WRIT_SERVE_PATH_SHOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serve_msg__rows_come_back),
		cmocka_unit_test(test_serve_msg__malformed_rows_are_refused),
		cmocka_unit_test(test_serve_msg__texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
