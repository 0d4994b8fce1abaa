#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/limits.h"
#include "wire/fs_msg.h"

static struct writ_fs_call
sample(enum writ_fs_op what)
{
	return (struct writ_fs_call){ .what = what, .handle = 0x1234,
		.handle2 = 0x5678, .path = WRIT_STR("a/b"),
		.path2 = WRIT_STR("c"), .path_flags = 1, .open_flags = 9,
		.fd_flags = 35, .offset = 1ull << 40, .size = 77, .cookie = 5,
		.atime_how = WRIT_TIME_SET, .atime = { -5, 999999999 } };
}

static void
test_fs_msg__a_request_comes_back(void **state)
{
	uint8_t bytes[4] = { 1, 2, 3, 4 };
	struct writ_fs_call in, out = sample(WRIT_FS_WRITE);
	struct writ_buf b;

	out.buf = bytes;
	out.len = sizeof(bytes);
	writ_buf_init(&b, 4096);
	writ_fs_msg_put(&b, &out);
	assert_int_equal(writ_fs_msg_get(writ_buf_view(&b), &in), WRIT_OK);
	assert_int_equal(in.what, WRIT_FS_WRITE);
	assert_true(in.handle == out.handle && in.handle2 == out.handle2);
	assert_true(writ_str_eq(in.path, out.path));
	assert_true(writ_str_eq(in.path2, out.path2));
	assert_true(in.offset == out.offset && in.size == out.size);
	assert_int_equal(in.atime.s, -5);
	assert_int_equal(in.len, 4);
	assert_memory_equal(in.buf, bytes, 4);
	writ_buf_release(&b);
}

static void
refuse(struct writ_fs_call c)
{
	struct writ_fs_call in;
	struct writ_buf b;

	writ_buf_init(&b, 4 * WRIT_FS_IO_MAX);
	writ_fs_msg_put(&b, &c);
	assert_int_equal(writ_fs_msg_get(writ_buf_view(&b), &in), WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_fs_msg__values_out_of_range_are_refused(void **state)
{
	static char path[WRIT_PATH_MAX + 1];
	struct writ_fs_call c;

	c = sample(WRIT_FS_OP_COUNT);
	refuse(c);
	c = sample(WRIT_FS_OPEN);
	c.open_flags = 16;
	refuse(c);
	c = sample(WRIT_FS_OPEN);
	c.path_flags = 2;
	refuse(c);
	c = sample(WRIT_FS_READ);
	c.len = WRIT_FS_IO_MAX + 1;
	refuse(c);
	c = sample(WRIT_FS_SET_TIMES);
	c.atime.ns = 1000000000;
	refuse(c);
	c = sample(WRIT_FS_OPEN);
	c.path = writ_str(path, sizeof(path));
	refuse(c);
}

/* Every prefix of a good message, and the message with a byte more, is malformed. */
static void
test_fs_msg__truncated_and_trailing_bytes_are_refused(void **state)
{
	struct writ_fs_call in, out = sample(WRIT_FS_STAT_AT);
	struct writ_buf b;
	size_t i;

	writ_buf_init(&b, 4096);
	writ_fs_msg_put(&b, &out);
	for (i = 0; i < b.len; i++)
		assert_int_equal(writ_fs_msg_get(writ_str((char *)b.ptr, i),
		    &in), WRIT_PROTO);
	writ_buf_char(&b, 'x');
	assert_int_equal(writ_fs_msg_get(writ_buf_view(&b), &in), WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_fs_msg__a_reply_comes_back(void **state)
{
	uint8_t from[8] = "abcdefg", to[8] = { 0 };
	struct writ_fs_call out = sample(WRIT_FS_READ), in = out;
	enum writ_status st;
	struct writ_buf b;

	out.buf = from;
	out.out_count = 7;
	out.out_type = WRIT_NODE_REGULAR;
	out.out_stat.size = 99;
	out.out_stat.mtime.s = -1;
	in.buf = to;
	in.len = 8;
	writ_buf_init(&b, 4096);
	writ_fs_reply_put(&b, &out, WRIT_OK);
	assert_int_equal(writ_fs_reply_get(writ_buf_view(&b), &in, &st), WRIT_OK);
	assert_int_equal(st, WRIT_OK);
	assert_memory_equal(to, "abcdefg", 7);
	assert_int_equal(in.out_count, 7);
	assert_true(in.out_stat.size == 99 && in.out_stat.mtime.s == -1);
	writ_buf_release(&b);
}

static void
test_fs_msg__a_reply_longer_than_asked_for_is_refused(void **state)
{
	uint8_t from[64] = { 0 }, to[65];
	struct writ_fs_call out = sample(WRIT_FS_READ), in = out;
	enum writ_status st;
	struct writ_buf b;

	memset(to, 7, sizeof(to));
	out.buf = from;
	out.out_count = 64;
	in.buf = to;
	in.len = 63;
	writ_buf_init(&b, 4096);
	writ_fs_reply_put(&b, &out, WRIT_OK);
	assert_int_equal(writ_fs_reply_get(writ_buf_view(&b), &in, &st),
	    WRIT_PROTO);
	assert_int_equal(to[0], 7);
	writ_buf_release(&b);
}

static void
test_fs_msg__a_reply_cannot_ask_to_wait(void **state)
{
	struct writ_fs_call out = sample(WRIT_FS_SYNC), in = out;
	enum writ_status st;
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_fs_reply_put(&b, &out, WRIT_PENDING);
	assert_int_equal(writ_fs_reply_get(writ_buf_view(&b), &in, &st),
	    WRIT_PROTO);
	writ_buf_reset(&b);
	writ_fs_reply_put(&b, &out, (enum writ_status)200);
	assert_int_equal(writ_fs_reply_get(writ_buf_view(&b), &in, &st),
	    WRIT_PROTO);
	writ_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_msg__a_request_comes_back),
		cmocka_unit_test(test_fs_msg__values_out_of_range_are_refused),
		cmocka_unit_test(
		    test_fs_msg__truncated_and_trailing_bytes_are_refused),
		cmocka_unit_test(test_fs_msg__a_reply_comes_back),
		cmocka_unit_test(
		    test_fs_msg__a_reply_longer_than_asked_for_is_refused),
		cmocka_unit_test(test_fs_msg__a_reply_cannot_ask_to_wait),
	};

	return cmocka_run_group_tests_name("fs_msg", tests, NULL, NULL);
}
