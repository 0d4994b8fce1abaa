/* test_sock.c - the words of sockets: whatever is put is got, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/limits.h"
#include "wire/sock.h"

static void
test_sock__a_request_comes_back(void **state)
{
	const struct writ_sock_msg m = { .what = WRIT_SOCK_ACCEPT,
		.sock = 0x105, .new_sock = 0x206, .v6 = true,
		.has_address = true, .address = { { 1, 2, 3, [15] = 9 }, 65535 },
		.option = WRIT_SOCK_BACKLOG, .value = UINT64_MAX,
		.name = WRIT_STR("db.test") };
	struct writ_sock_msg got;
	struct writ_buf b;
	size_t i;

	writ_buf_init(&b, 1024);
	writ_sock_msg_put(&b, &m);
	assert_int_equal(writ_sock_msg_get(writ_buf_view(&b), &got), WRIT_OK);
	assert_int_equal(got.what, m.what);
	assert_int_equal(got.sock, m.sock);
	assert_int_equal(got.new_sock, m.new_sock);
	assert_true(!got.udp && got.v6 && got.has_address);
	assert_memory_equal(got.address.ip, m.address.ip, 16);
	assert_int_equal(got.address.port, 65535);
	assert_int_equal(got.option, m.option);
	assert_true(got.value == UINT64_MAX);
	assert_true(writ_str_is(got.name, "db.test"));
	for (i = 0; i < b.len; i++)
		assert_int_equal(writ_sock_msg_get(writ_str((char *)b.ptr, i),
		    &got), WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_sock__requests_out_of_range_are_none(void **state)
{
	const struct writ_sock_msg m = { .what = WRIT_SOCK_BIND };
	const struct { size_t at; uint8_t value; } bad[] = {
		{ 0, WRIT_SOCK_MSG_COUNT }, { 0, 255 }, { 1, 8 },
		{ 28, 1 },			/* a port of 17 bits */
		{ 30, WRIT_SOCK_OPTION_COUNT },
		{ 42, 1 },			/* a name that is not there */
	};
	char name[WRIT_HTTP_HOST_MAX + 1];
	struct writ_sock_msg got, longer = m;
	struct writ_buf b;
	size_t i;

	writ_buf_init(&b, 1024);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		writ_buf_reset(&b);
		writ_sock_msg_put(&b, &m);
		assert_int_equal(b.len, 46);
		b.ptr[bad[i].at] = bad[i].value;
		assert_int_equal(writ_sock_msg_get(writ_buf_view(&b), &got),
		    WRIT_PROTO);
	}
	memset(name, 'a', sizeof(name));
	longer.name = writ_str(name, sizeof(name));
	writ_buf_reset(&b);
	writ_sock_msg_put(&b, &longer);
	assert_int_equal(writ_sock_msg_get(writ_buf_view(&b), &got),
	    WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_sock__a_reply_comes_back_with_all_its_addresses(void **state)
{
	struct writ_sock_reply r = { .error = WRIT_SOCK_TIMEOUT,
		.local = { { 7 }, 80 }, .remote = { { 8 }, 81 } }, got;
	struct writ_buf b;
	size_t i;

	memset(r.addresses, 5, sizeof(r.addresses));
	r.count = WRIT_NET_ADDRESSES_MAX;
	writ_buf_init(&b, 1024);
	writ_sock_reply_put(&b, &r);
	assert_int_equal(writ_sock_reply_get(writ_buf_view(&b), &got), WRIT_OK);
	assert_int_equal(got.error, r.error);
	assert_int_equal(got.local.port, 80);
	assert_int_equal(got.remote.port, 81);
	assert_int_equal(got.count, r.count);
	assert_memory_equal(got.addresses, r.addresses, sizeof(r.addresses));
	for (i = 0; i < b.len; i++)
		assert_int_equal(writ_sock_reply_get(writ_str((char *)b.ptr,
		    i), &got), WRIT_PROTO);
	b.ptr[0] = 2;
	assert_int_equal(writ_sock_reply_get(writ_buf_view(&b), &got),
	    WRIT_PROTO);
	b.ptr[0] = 0;
	b.ptr[1] = WRIT_SOCK_ERROR_COUNT;
	assert_int_equal(writ_sock_reply_get(writ_buf_view(&b), &got),
	    WRIT_PROTO);
	b.ptr[1] = 0;
	b.ptr[42] = WRIT_NET_ADDRESSES_MAX + 1;
	assert_int_equal(writ_sock_reply_get(writ_buf_view(&b), &got),
	    WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_sock__no_fd_ever_goes_on_a_pair(void **state)
{
	size_t i;

	assert_true(writ_wire_sock.plain);
	for (i = 0; i < writ_wire_sock.count; i++)
		assert_int_equal(writ_wire_sock.rows[i].fds, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sock__a_request_comes_back),
		cmocka_unit_test(test_sock__requests_out_of_range_are_none),
		cmocka_unit_test(
		    test_sock__a_reply_comes_back_with_all_its_addresses),
		cmocka_unit_test(test_sock__no_fd_ever_goes_on_a_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
