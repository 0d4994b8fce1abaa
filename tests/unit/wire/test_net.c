#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/limits.h"
#include "wire/exchange.h"
#include "wire/net.h"

static void
assert_sound(const struct writ_wire_table *t, unsigned sides)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		const struct writ_wire_row *row = &t->rows[i];

		assert_true(row->from != 0 && !(row->from & ~sides));
		assert_true(row->states != 0);
		assert_true(row->min <= row->max);
		assert_true(row->max <= WRIT_WIRE_MSG_MAX);
		assert_true(strlen(row->name) > 0);
		assert_ptr_equal(writ_wire_table_row(t, row->type), row);
	}
	assert_true(i > 4);
}

static void
test_net__every_row_is_sound(void **state)
{
	size_t i;

	assert_sound(&writ_wire_net, WRIT_SIDE_BROKER | WRIT_SIDE_NET);
	assert_sound(&writ_wire_exchange, WRIT_SIDE_WORKER | WRIT_SIDE_NET);
	/* net is given fds, and gives none; an exchange moves none at all */
	for (i = 0; i < writ_wire_net.count; i++)
		if (writ_wire_net.rows[i].fds)
			assert_int_equal(writ_wire_net.rows[i].from,
			    WRIT_SIDE_BROKER);
	for (i = 0; i < writ_wire_exchange.count; i++)
		assert_int_equal(writ_wire_exchange.rows[i].fds, 0);
}

static const struct writ_http_field two[] = {
	{ { "accept", 6 }, { "text/*", 6 } },
	{ { "x-empty", 7 }, { "", 0 } },
};

static struct writ_net_send
full(void)
{
	return (struct writ_net_send){ .pool = 7, .https = true,
		.host = WRIT_STR("origin.test"), .port = 8443,
		.method = WRIT_STR("POST"), .target = WRIT_STR("/a?b"),
		.fields = two, .fields_count = 2, .has_body = true,
		.has_length = true, .length = 5, .request_max = UINT64_MAX,
		.response_max = 1, .connect_ms = 2, .first_byte_ms = 3,
		.between_ms = 4, .ca = 9, .pins = WRIT_STR("sha256//x="),
		.credential_query = true, .credential_name = WRIT_STR("k"),
		.credential_value = WRIT_STR("\1\0\0\0\0\0\0\0"),
		.scrub = true, .all_headers = true,
		.response_headers = WRIT_STR("a,b"),
		.response_types = WRIT_STR("text/plain"),
		.operation_field = WRIT_STR("method") };
}

static void
test_net__send_there_and_back(void **state)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	struct writ_net_send in = full(), out;
	writ_auto_release(writ_buf) a, b;

	writ_buf_init(&a, WRIT_WIRE_MSG_MAX);
	writ_buf_init(&b, WRIT_WIRE_MSG_MAX);
	writ_net_send_put(&a, &in);
	assert_int_equal(writ_net_send_get(writ_buf_view(&a), fields, &out),
	    WRIT_OK);
	assert_int_equal(out.fields_count, 2);
	assert_true(writ_str_is(out.fields[1].name, "x-empty"));
	assert_true(writ_str_is(out.host, "origin.test"));
	assert_true(out.request_max == UINT64_MAX && out.between_ms == 4);
	writ_net_send_put(&b, &out);
	assert_true(writ_str_eq(writ_buf_view(&a), writ_buf_view(&b)));
}

/* Cut anywhere, or with bytes behind it, it is malformed; never read beyond. */
static void
test_net__send_of_another_length_is_malformed(void **state)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	struct writ_net_send in = full(), out;
	writ_auto_release(writ_buf) a;
	size_t n;

	writ_buf_init(&a, WRIT_WIRE_MSG_MAX);
	writ_net_send_put(&a, &in);
	for (n = 0; n < a.len; n++) {
		uint8_t *cut = writ_memdup(a.ptr, n);

		assert_int_equal(writ_net_send_get(writ_str((char *)cut, n),
		    fields, &out), WRIT_PROTO);
		writ_mem_free(cut);
	}
	writ_buf_char(&a, 0);
	assert_int_equal(writ_net_send_get(writ_buf_view(&a), fields, &out),
	    WRIT_PROTO);
}

static void
assert_send_refused(const struct writ_net_send *m)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	struct writ_net_send out;
	writ_auto_release(writ_buf) a;

	writ_buf_init(&a, 4 * WRIT_WIRE_MSG_MAX);
	writ_net_send_put(&a, m);
	assert_int_equal(writ_buf_status(&a), WRIT_OK);
	assert_int_equal(writ_net_send_get(writ_buf_view(&a), fields, &out),
	    WRIT_PROTO);
}

static void
test_net__send_out_of_range_is_malformed(void **state)
{
	static const struct writ_http_field bad[][1] = {
		{ { { "Upper", 5 }, { "x", 1 } } },
		{ { { "", 0 }, { "x", 1 } } },
		{ { { "a b", 3 }, { "x", 1 } } },
		{ { { "a:", 2 }, { "x", 1 } } },
		{ { { "a", 1 }, { "x\r\ny: z", 7 } } },
		{ { { "a", 1 }, { "x\0", 2 } } },
		{ { { "a", 1 }, { "\x7f", 1 } } },
	};
	struct writ_net_send m;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m = full();
		m.fields = bad[i];
		m.fields_count = 1;
		assert_send_refused(&m);
	}
	m = full();
	m.port = 0;
	assert_send_refused(&m);
	m.port = 65536;
	assert_send_refused(&m);
	m = full();
	m.target = WRIT_STR("a");
	assert_send_refused(&m);
	m.target = WRIT_STR("");
	assert_send_refused(&m);
	m = full();
	m.host = WRIT_STR("");
	assert_send_refused(&m);
	m = full();
	m.method = WRIT_STR("");
	assert_send_refused(&m);
}

static void
test_net__too_many_fields_are_malformed(void **state)
{
	static struct writ_http_field many[WRIT_HTTP_FIELDS_OUT_MAX + 1],
	    out[WRIT_HTTP_FIELDS_OUT_MAX];
	writ_auto_release(writ_buf) a;
	struct writ_wire_in in;
	size_t i, n;

	for (i = 0; i < WRIT_HTTP_FIELDS_OUT_MAX + 1; i++)
		many[i] = (struct writ_http_field){ WRIT_STR("a"),
			WRIT_STR("b") };
	writ_buf_init(&a, WRIT_WIRE_MSG_MAX);
	writ_fields_put(&a, many, WRIT_HTTP_FIELDS_OUT_MAX);
	in = writ_wire_in(writ_buf_view(&a));
	writ_fields_get(&in, out, &n);
	assert_true(writ_wire_done(&in));
	assert_int_equal(n, WRIT_HTTP_FIELDS_OUT_MAX);
	writ_buf_reset(&a);
	writ_fields_put(&a, many, WRIT_HTTP_FIELDS_OUT_MAX + 1);
	in = writ_wire_in(writ_buf_view(&a));
	writ_fields_get(&in, out, &n);
	assert_false(writ_wire_done(&in));
	assert_int_equal(n, 0);
}

static void
test_net__resolved_there_and_back(void **state)
{
	struct writ_net_resolved in = { .how = WRIT_DNS_OK, .count = 2,
		.addresses = { { 1 }, { [15] = 2 } } }, out;
	writ_auto_release(writ_buf) a;

	writ_buf_init(&a, 1024);
	writ_net_resolved_put(&a, &in);
	assert_int_equal(writ_net_resolved_get(writ_buf_view(&a), &out),
	    WRIT_OK);
	assert_int_equal(out.count, 2);
	assert_memory_equal(in.addresses, out.addresses, 32);
	/* OK without an address, addresses without OK, more than there is room for */
	in.count = 0;
	writ_buf_reset(&a);
	writ_net_resolved_put(&a, &in);
	assert_int_equal(writ_net_resolved_get(writ_buf_view(&a), &out),
	    WRIT_PROTO);
	in.how = WRIT_DNS_NONE;
	in.count = 1;
	writ_buf_reset(&a);
	writ_net_resolved_put(&a, &in);
	assert_int_equal(writ_net_resolved_get(writ_buf_view(&a), &out),
	    WRIT_PROTO);
	in.how = WRIT_DNS_OK;
	in.count = WRIT_NET_ADDRESSES_MAX;
	writ_buf_reset(&a);
	writ_net_resolved_put(&a, &in);
	assert_int_equal(writ_net_resolved_get(writ_buf_view(&a), &out),
	    WRIT_OK);
	a.ptr[5] = WRIT_NET_ADDRESSES_MAX + 1;
	assert_int_equal(writ_net_resolved_get(writ_buf_view(&a), &out),
	    WRIT_PROTO);
	a.ptr[5] = a.ptr[8] = 0xff;
	assert_int_equal(writ_net_resolved_get(writ_buf_view(&a), &out),
	    WRIT_PROTO);
}

static void
test_net__done_and_faults_there_and_back(void **state)
{
	struct writ_net_done in = { .failed = true, .fault = {
		WRIT_HTTP_RESPONSE_BODY_SIZE, true, 77 }, .status = 200,
		.sent = true, .up = 1, .down = UINT64_MAX }, out;
	writ_auto_release(writ_buf) a;
	size_t n;

	writ_buf_init(&a, 64);
	writ_net_done_put(&a, &in);
	assert_int_equal(a.len, 32);
	assert_int_equal(writ_net_done_get(writ_buf_view(&a), &out), WRIT_OK);
	assert_true(out.failed && out.sent && out.fault.n == 77 &&
	    out.status == 200 && out.up == 1 && out.down == UINT64_MAX);
	for (n = 0; n < a.len; n++)
		assert_int_equal(writ_net_done_get(writ_str((char *)a.ptr, n),
		    &out), WRIT_PROTO);
	a.ptr[1] = WRIT_HTTP_CODE_COUNT;
	assert_int_equal(writ_net_done_get(writ_buf_view(&a), &out),
	    WRIT_PROTO);
	a.ptr[1] = 0;
	a.ptr[0] = 2;
	assert_int_equal(writ_net_done_get(writ_buf_view(&a), &out),
	    WRIT_PROTO);
}

static void
test_net__a_guests_request_there_and_back(void **state)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	struct writ_http_msg in = { .head = { .method = WRIT_STR("GET"),
		.scheme = WRIT_STR("https"), .authority = WRIT_STR("a:1"),
		.path = WRIT_STR("/x"), .fields = two, .fields_count = 2 },
		.options = { 1, 2, UINT64_MAX, true } }, out;
	writ_auto_release(writ_buf) a;
	size_t n;

	writ_buf_init(&a, WRIT_WIRE_MSG_MAX);
	writ_http_msg_put(&a, &in);
	assert_int_equal(writ_http_msg_get(writ_buf_view(&a), fields, &out),
	    WRIT_OK);
	assert_true(writ_str_is(out.head.authority, "a:1"));
	assert_true(out.options.between_bytes_ns == UINT64_MAX &&
	    out.options.has_body);
	assert_int_equal(out.head.fields_count, 2);
	for (n = 0; n < a.len; n++)
		assert_int_equal(writ_http_msg_get(writ_str((char *)a.ptr, n),
		    fields, &out), WRIT_PROTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_net__every_row_is_sound),
		cmocka_unit_test(test_net__send_there_and_back),
		cmocka_unit_test(test_net__send_of_another_length_is_malformed),
		cmocka_unit_test(test_net__send_out_of_range_is_malformed),
		cmocka_unit_test(test_net__too_many_fields_are_malformed),
		cmocka_unit_test(test_net__resolved_there_and_back),
		cmocka_unit_test(test_net__done_and_faults_there_and_back),
		cmocka_unit_test(test_net__a_guests_request_there_and_back),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
