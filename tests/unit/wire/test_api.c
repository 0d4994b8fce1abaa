#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "wire/api.h"

static void
test_api__every_message_keeps_its_fields(void **state)
{
	struct writ_api_call call = { 7, WRIT_API_CAN_ELICIT,
		WRIT_STR("tool"), WRIT_STR("s") }, call2;
	struct writ_api_result result = { WRIT_API_EXIT, 3, 1, 2,
		WRIT_STR("why"), WRIT_STR("text/plain") }, result2;
	struct writ_api_refused refused = { WRIT_STR("1"), WRIT_STR("files"),
		WRIT_STR("open"), WRIT_STR("/x"), WRIT_STR("r"), WRIT_STR("w"),
		WRIT_STR("files: []") }, refused2;
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_api_call_put(&b, &call);
	assert_int_equal(writ_api_call_get(writ_buf_view(&b), &call2), WRIT_OK);
	assert_int_equal(call2.client, 7);
	assert_true(writ_str_is(call2.tool, "tool"));
	writ_buf_reset(&b);
	writ_api_result_put(&b, &result);
	assert_int_equal(writ_api_result_get(writ_buf_view(&b), &result2),
	    WRIT_OK);
	assert_int_equal(result2.status, WRIT_API_EXIT);
	assert_int_equal(result2.exit_code, 3);
	assert_true(writ_str_is(result2.extra, "text/plain"));
	writ_buf_reset(&b);
	writ_api_refused_put(&b, &refused);
	assert_int_equal(writ_api_refused_get(writ_buf_view(&b), &refused2),
	    WRIT_OK);
	assert_true(writ_str_is(refused2.smallest, "files: []"));
	writ_buf_release(&b);
}

static void
test_api__a_config_keeps_its_fields_and_bounds(void **state)
{
	struct writ_api_config c = { WRIT_API_HTTP, WRIT_API_CONFIG_TOKEN, 9,
		1, 2, { 3 }, WRIT_STR("0.1"), WRIT_STR("/mcp"),
		WRIT_STR("localhost:1"), WRIT_STR("") }, got;
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_api_config_put(&b, &c);
	assert_int_equal(writ_api_config_get(writ_buf_view(&b), &got), WRIT_OK);
	assert_int_equal(got.transport, WRIT_API_HTTP);
	assert_int_equal(got.clients_max, 9);
	assert_int_equal(got.token[0], 3);
	assert_true(writ_str_is(got.hosts, "localhost:1"));
	writ_buf_reset(&b);
	c.clients_max = WRIT_CLIENTS_MAX + 1;
	writ_api_config_put(&b, &c);
	assert_int_equal(writ_api_config_get(writ_buf_view(&b), &got),
	    WRIT_PROTO);
	b.ptr[0] = 2;
	assert_int_equal(writ_api_config_get(writ_buf_view(&b), &got),
	    WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_api__a_cut_or_longer_body_is_refused(void **state)
{
	struct writ_api_tool tool = { 1, WRIT_STR("a"), WRIT_STR("b"),
		WRIT_STR("c"), WRIT_STR("{}"), WRIT_STR(""), WRIT_STR("") };
	struct writ_buf b;
	size_t i;

	writ_buf_init(&b, 4096);
	writ_api_tool_put(&b, &tool);
	for (i = 0; i < b.len; i++)
		assert_int_equal(writ_api_tool_get(writ_str((char *)b.ptr, i),
		    &tool), WRIT_PROTO);
	writ_wire_put_u8(&b, 0);
	assert_int_equal(writ_api_tool_get(writ_buf_view(&b), &tool),
	    WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_api__a_status_outside_the_list_is_refused(void **state)
{
	struct writ_api_result r = { WRIT_API_STATUS_COUNT, 0, 0, 0,
		WRIT_STR(""), WRIT_STR("") };
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_api_result_put(&b, &r);
	assert_int_equal(writ_api_result_get(writ_buf_view(&b), &r),
	    WRIT_PROTO);
	writ_buf_release(&b);
}

static void
test_api__a_long_text_arrives_in_pieces(void **state)
{
	static char text[3 * WRIT_API_TEXT_MAX / 2];
	struct writ_conn broker, front;
	struct writ_msg m;
	size_t got = 0;
	int fds[2];

	memset(text, 'x', sizeof(text));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(writ_conn_init(&broker, fds[0], &writ_wire_api,
	    WRIT_SIDE_BROKER, NULL), WRIT_OK);
	assert_int_equal(writ_conn_init(&front, fds[1], &writ_wire_api,
	    WRIT_SIDE_FRONT, NULL), WRIT_OK);
	front.state = WRIT_STATE_RUNNING;
	assert_int_equal(writ_api_send_text(&broker, 9, WRIT_API_TEXT_VALUE,
	    writ_str(text, sizeof(text))), WRIT_OK);
	while (got < sizeof(text)) {
		(void)!writ_conn_flush(&broker);
		assert_int_equal(writ_conn_fill(&front), WRIT_OK);
		while (writ_conn_next(&front, &m, NULL) == WRIT_OK) {
			assert_int_equal(m.row->type, WRIT_API_TEXT);
			assert_int_equal(m.id, 9);
			got += m.body.len - 1;
		}
	}
	assert_int_equal(got, sizeof(text));
	writ_conn_release(&broker);
	writ_conn_release(&front);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_api__every_message_keeps_its_fields),
		cmocka_unit_test(test_api__a_config_keeps_its_fields_and_bounds),
		cmocka_unit_test(test_api__a_cut_or_longer_body_is_refused),
		cmocka_unit_test(test_api__a_status_outside_the_list_is_refused),
		cmocka_unit_test(test_api__a_long_text_arrives_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
