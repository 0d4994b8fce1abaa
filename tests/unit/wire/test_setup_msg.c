#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "wire/setup_msg.h"

static void
test_setup_msg__config_comes_back(void **state)
{
	struct writ_setup in, out = { .memory_bytes = 1, .time_ms = 2,
		.cpu_ms = 3, .output_bytes = 4, .requests = 5, .handles = 6,
		.clock = 2, .random = 3, .clock_seconds = -7,
		.clock_resolution_ns = 8, .random_seed = 9,
		.hash_key = "0123456789abcde" };
	struct writ_buf b;

	writ_buf_init(&b, 256);
	writ_setup_put(&b, &out);
	assert_int_equal(writ_setup_get(writ_buf_view(&b), &in), WRIT_OK);
	assert_true(in.memory_bytes == 1 && in.handles == 6);
	assert_true(in.clock_seconds == -7 && in.random_seed == 9);
	assert_memory_equal(in.hash_key, out.hash_key, 16);
	b.len--;
	assert_int_equal(writ_setup_get(writ_buf_view(&b), &in), WRIT_PROTO);
	writ_buf_reset(&b);
	out.clock = 3;
	writ_setup_put(&b, &out);
	assert_int_equal(writ_setup_get(writ_buf_view(&b), &in), WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_setup_msg__a_mount_comes_back(void **state)
{
	struct writ_mount_msg in, out = { .at = WRIT_STR("/src"), .remote = true,
		.write = true, .quota_bytes = 10, .quota_files = 11, .root = 12,
		.deny = { WRIT_STR("/src/**") }, .deny_write_only = { true },
		.deny_count = 1, .opened = { WRIT_STR(".env") },
		.opened_count = 1, .masked = { WRIT_STR("a"), WRIT_STR("b/c") },
		.masked_count = 2 };
	struct writ_buf b;
	size_t i;

	writ_buf_init(&b, 4096);
	writ_mount_put(&b, &out);
	assert_int_equal(writ_mount_get(writ_buf_view(&b), &in), WRIT_OK);
	assert_true(writ_str_is(in.at, "/src"));
	assert_true(in.remote && in.write && !in.phantom);
	assert_true(in.deny_write_only[0]);
	assert_true(writ_str_is(in.masked[1], "b/c"));
	for (i = 0; i < b.len; i++)
		assert_int_equal(writ_mount_get(writ_str((char *)b.ptr, i),
		    &in), WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_setup_msg__an_outcome_comes_back_without_control_bytes(void **state)
{
	struct writ_done_msg in, out = { { .kind = WRIT_OUTCOME_LIMIT,
		.limit = "memory", .msg = "a\x1b[31mred" }, .cpu_us = 1234 };
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_done_put(&b, &out);
	assert_int_equal(writ_done_get(writ_buf_view(&b), &in), WRIT_OK);
	assert_int_equal(in.outcome.kind, WRIT_OUTCOME_LIMIT);
	assert_string_equal(in.outcome.limit, "memory");
	assert_string_equal(in.outcome.msg, "a?[31mred");
	assert_int_equal(in.cpu_us, 1234);
	b.ptr[0] = 99;
	assert_int_equal(writ_done_get(writ_buf_view(&b), &in), WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_setup_msg__long_texts_are_cut_to_their_fields(void **state)
{
	struct writ_done_msg in;
	char text[3000];
	struct writ_buf b;

	memset(text, 'x', sizeof(text));
	writ_buf_init(&b, 8192);
	writ_wire_put_u8(&b, WRIT_OUTCOME_TRAP);
	writ_wire_put_u8(&b, 0);
	writ_wire_put_u8(&b, 0);
	writ_wire_put_u8(&b, 0);
	writ_wire_put_u8(&b, 0);
	writ_wire_put_u64(&b, 0);
	writ_wire_put_u64(&b, 0);
	writ_wire_put_str(&b, writ_str(text, 100));
	writ_wire_put_str(&b, writ_str(text, sizeof(text)));
	assert_int_equal(writ_done_get(writ_buf_view(&b), &in), WRIT_OK);
	assert_int_equal(strlen(in.outcome.limit), sizeof(in.outcome.limit) - 1);
	assert_int_equal(strlen(in.outcome.msg), sizeof(in.outcome.msg) - 1);
	writ_buf_release(&b);
}

/* What nothing ran for has no outcome of its own. */
static void
test_setup_msg__a_refusal_is_an_error_or_nonsense(void **state)
{
	struct writ_done_msg in, out = { { .kind = WRIT_OUTCOME_ERROR,
		.msg = "/a: no" }, .refused = WRIT_INVALID };
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_done_put(&b, &out);
	assert_int_equal(writ_done_get(writ_buf_view(&b), &in), WRIT_OK);
	assert_int_equal(in.refused, WRIT_INVALID);
	b.ptr[0] = WRIT_OUTCOME_DONE;
	assert_int_equal(writ_done_get(writ_buf_view(&b), &in), WRIT_PROTO);
	b.ptr[0] = WRIT_OUTCOME_ERROR;
	b.ptr[4] = 200;
	assert_int_equal(writ_done_get(writ_buf_view(&b), &in), WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_setup_msg__a_typed_call_comes_back(void **state)
{
	struct writ_invoke_msg in, out = { true, WRIT_VALUE_WAVE, 4096,
		WRIT_STR("a:b/c#d") };
	struct writ_buf b;
	size_t i;

	writ_buf_init(&b, 4096);
	writ_invoke_put(&b, &out);
	assert_int_equal(writ_invoke_get(writ_buf_view(&b), &in), WRIT_OK);
	assert_true(in.keep);
	assert_int_equal(in.form, WRIT_VALUE_WAVE);
	assert_int_equal(in.result_max, 4096);
	assert_true(writ_str_is(in.function, "a:b/c#d"));
	for (i = 0; i < b.len; i++)
		assert_int_equal(writ_invoke_get(writ_str((char *)b.ptr, i),
		    &in), WRIT_PROTO);
	b.ptr[0] = 2;
	assert_int_equal(writ_invoke_get(writ_buf_view(&b), &in), WRIT_PROTO);
	writ_buf_reset(&b);
	out.result_max = WRIT_CALL_VALUE_MAX + 1;
	writ_invoke_put(&b, &out);
	assert_int_equal(writ_invoke_get(writ_buf_view(&b), &in), WRIT_PROTO);
	writ_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setup_msg__config_comes_back),
		cmocka_unit_test(test_setup_msg__a_mount_comes_back),
		cmocka_unit_test(
		    test_setup_msg__an_outcome_comes_back_without_control_bytes),
		cmocka_unit_test(test_setup_msg__long_texts_are_cut_to_their_fields),
		cmocka_unit_test(
		    test_setup_msg__a_refusal_is_an_error_or_nonsense),
		cmocka_unit_test(test_setup_msg__a_typed_call_comes_back),
	};

	return cmocka_run_group_tests_name("setup_msg", tests, NULL, NULL);
}
