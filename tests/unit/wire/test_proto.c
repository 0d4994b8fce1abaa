#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/limits.h"
#include "wire/proto.h"

static void
test_proto__every_row_is_sound(void **state)
{
	const struct writ_wire_row *row;
	size_t i;

	for (i = 0; (row = writ_wire_row_at(i)); i++) {
		assert_true(row->from == WRIT_SIDE_BROKER ||
		    row->from == WRIT_SIDE_WORKER);
		assert_true(row->states != 0);
		assert_true(row->min <= row->max);
		assert_true(row->max <= WRIT_WIRE_MSG_MAX);
		assert_true(strlen(row->name) > 0);
		assert_ptr_equal(writ_wire_row((unsigned)row->type), row);
	}
	assert_true(i > 20);
}

static void
test_proto__only_the_broker_sends_fds(void **state)
{
	const struct writ_wire_row *row;
	size_t i;

	for (i = 0; (row = writ_wire_row_at(i)); i++)
		if (row->fds)
			assert_int_equal(row->from, WRIT_SIDE_BROKER);
}

static void
test_proto__what_is_not_in_the_table_does_not_exist(void **state)
{
	assert_null(writ_wire_row(0));
	assert_null(writ_wire_row(31));
	assert_null(writ_wire_row(65535));
}

/* A worker may act only while a call runs: before, it can say who it is and little else. */
static void
test_proto__a_worker_asks_only_while_running(void **state)
{
	const struct writ_wire_row *row;
	size_t i;

	for (i = 0; (row = writ_wire_row_at(i)); i++) {
		if (row->from != WRIT_SIDE_WORKER ||
		    row->type == WRIT_MSG_HELLO ||
		    row->type == WRIT_MSG_READY || row->type == WRIT_MSG_FAILED)
			continue;
		assert_int_equal(row->states, WRIT_STATE_RUNNING);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proto__every_row_is_sound),
		cmocka_unit_test(test_proto__only_the_broker_sends_fds),
		cmocka_unit_test(test_proto__what_is_not_in_the_table_does_not_exist),
		cmocka_unit_test(test_proto__a_worker_asks_only_while_running),
	};

	return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
