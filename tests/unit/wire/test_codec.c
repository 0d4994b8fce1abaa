#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "wire/codec.h"

static void
test_codec__values_come_back(void **state)
{
	struct writ_wire_in in;
	struct writ_buf b;

	writ_buf_init(&b, 256);
	writ_wire_put_u8(&b, 200);
	writ_wire_put_u32(&b, 0xdeadbeef);
	writ_wire_put_u64(&b, 0x0123456789abcdefull);
	writ_wire_put_str(&b, WRIT_STR("caf\xc3\xa9"));
	writ_wire_put_str(&b, WRIT_STR(""));
	writ_buf_cstr(&b, "rest");
	in = writ_wire_in(writ_buf_view(&b));
	assert_int_equal(writ_wire_get_u8(&in), 200);
	assert_int_equal(writ_wire_get_u32(&in), 0xdeadbeef);
	assert_true(writ_wire_get_u64(&in) == 0x0123456789abcdefull);
	assert_true(writ_str_is(writ_wire_get_str(&in, 64), "caf\xc3\xa9"));
	assert_int_equal(writ_wire_get_str(&in, 64).len, 0);
	assert_false(writ_wire_done(&in));
	assert_true(writ_str_is(writ_wire_get_rest(&in), "rest"));
	assert_true(writ_wire_done(&in));
	writ_buf_release(&b);
}

static void
test_codec__integers_are_little_endian(void **state)
{
	struct writ_buf b;

	writ_buf_init(&b, 16);
	writ_wire_put_u32(&b, 0x04030201);
	assert_memory_equal(b.ptr, "\1\2\3\4", 4);
	writ_buf_release(&b);
}

static void
test_codec__a_short_field_marks_the_reader_bad(void **state)
{
	struct writ_wire_in in = writ_wire_in(WRIT_STR("\1\2\3"));

	assert_int_equal(writ_wire_get_u32(&in), 0);
	assert_true(in.bad);
	/* and stays so, whatever else would fit */
	assert_int_equal(writ_wire_get_u8(&in), 0);
	assert_false(writ_wire_done(&in));
}

static void
test_codec__a_length_beyond_its_maximum_is_bad(void **state)
{
	struct writ_wire_in in = writ_wire_in(WRIT_STR("\5\0\0\0hello"));

	assert_int_equal(writ_wire_get_str(&in, 4).len, 0);
	assert_true(in.bad);
}

static void
test_codec__a_length_beyond_the_message_is_bad(void **state)
{
	struct writ_wire_in in = writ_wire_in(WRIT_STR("\xff\xff\xff\xffhello"));

	assert_int_equal(writ_wire_get_str(&in, SIZE_MAX).len, 0);
	assert_true(in.bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codec__values_come_back),
		cmocka_unit_test(test_codec__integers_are_little_endian),
		cmocka_unit_test(test_codec__a_short_field_marks_the_reader_bad),
		cmocka_unit_test(test_codec__a_length_beyond_its_maximum_is_bad),
		cmocka_unit_test(test_codec__a_length_beyond_the_message_is_bad),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
