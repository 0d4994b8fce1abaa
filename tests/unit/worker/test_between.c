/* test_between.c - what one call leaves in a worker, and that the next finds none of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>

#include "base/limits.h"
#include "wire/fs_msg.h"
#include "worker/worker.h"

/* The rest of a worker. */
static uint32_t last_id;

void
writ_worker_send(struct writ_worker *w, enum writ_wire_type type, uint32_t id,
    struct writ_str body)
{
	last_id = id;
}

bool
writ_worker_flooded(struct writ_worker *w)
{
	return false;
}

static unsigned done_count;

static void
on_done(struct writ_op *op)
{
	done_count++;
}

static int
setup(void **state)
{
	static struct writ_worker w;

	memset(&w, 0, sizeof(w));
	writ_buf_init(&w.scratch, WRIT_WIRE_MSG_MAX);
	writ_worker_tree_init(&w);
	done_count = 0;
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct writ_worker *w = *state;

	writ_worker_tree_release(w);
	writ_buf_release(&w->scratch);
	return 0;
}

static enum writ_status
ask(struct writ_worker *w, struct writ_ask *a)
{
	struct writ_client_port port = writ_worker_client_port(w);

	memset(a, 0, sizeof(*a));
	a->op.done = on_done;
	a->name = WRIT_STR("q");
	writ_buf_init(&a->reply, WRIT_ASK_TEXT_MAX);
	return port.ask(port.ctx, a);
}

static void
test_between__asks_left_open_take_no_room_from_the_next_call(void **state)
{
	struct writ_worker *w = *state;
	struct writ_ask left[WRIT_ASKS_MAX], next;
	uint32_t old;
	unsigned i;

	for (i = 0; i < WRIT_ASKS_MAX; i++)
		assert_int_equal(ask(w, &left[i]), WRIT_PENDING);
	old = last_id;
	assert_int_equal(ask(w, &next), WRIT_OK);
	assert_int_equal(next.answer, WRIT_ASK_LIMIT);
	writ_worker_client_drop(w);
	assert_int_equal(done_count, WRIT_ASKS_MAX);
	assert_int_equal(w->asks_in_flight, 0);
	for (i = 0; i < WRIT_ASKS_MAX; i++)
		assert_int_equal(left[i].answer, WRIT_ASK_CANCELLED);
	assert_int_equal(ask(w, &next), WRIT_PENDING);
	assert_true(last_id != old);
	writ_worker_client_drop(w);
}

static void
test_between__an_answer_to_the_last_call_is_none_to_the_next(void **state)
{
	struct writ_worker *w = *state;
	struct writ_ask left, next;
	struct writ_msg m = { .row = writ_wire_row(WRIT_MSG_ASK_REPLY),
		.body = writ_str("\0", 1), .fd = -1 };

	assert_int_equal(ask(w, &left), WRIT_PENDING);
	m.id = last_id;
	writ_worker_client_drop(w);
	assert_int_equal(ask(w, &next), WRIT_PENDING);
	assert_int_equal(writ_worker_client_reply(w, &m), WRIT_PROTO);
	m.id = last_id;
	assert_int_equal(writ_worker_client_reply(w, &m), WRIT_OK);
	assert_int_equal(next.answer, WRIT_ASK_OK);
}

/* The guest ended with an open on its way; the answer brings a file that nobody will close. */
static void
test_between__a_file_lent_too_late_is_closed(void **state)
{
	struct writ_worker *w = *state;
	const struct writ_mount_msg mount = { .at = WRIT_STR("/d"),
		.remote = true, .root = 7 };
	struct writ_fs_call open = { .what = WRIT_FS_OPEN,
		.path = WRIT_STR("f"), .op.done = on_done }, answer = open;
	struct writ_tree_port port;
	struct writ_msg m = { .row = writ_wire_row(WRIT_MSG_FS_REPLY) };
	struct writ_buf body;
	struct writ_str name;
	int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);

	assert_true(fd >= 3);
	assert_int_equal(writ_worker_tree_mount(w, &mount), WRIT_OK);
	port = writ_worker_tree_port(w);
	assert_int_equal(port.preopen(port.ctx, 0, &name, &open.handle),
	    WRIT_OK);
	assert_int_equal(port.start(port.ctx, &open), WRIT_PENDING);
	answer.out_handle = 9;
	answer.out_type = WRIT_NODE_REGULAR;
	writ_buf_init(&body, WRIT_WIRE_MSG_MAX);
	writ_fs_reply_put(&body, &answer, WRIT_OK);
	m.id = last_id;
	m.body = writ_buf_view(&body);
	m.fd = fd;
	assert_int_equal(writ_worker_tree_reply(w, &m), WRIT_OK);
	assert_int_equal(done_count, 1);
	assert_int_equal(m.fd, -1);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	writ_worker_tree_release(w);
	writ_worker_tree_init(w);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	writ_buf_release(&body);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_between__asks_left_open_take_no_room_from_the_next_call),
		T(test_between__an_answer_to_the_last_call_is_none_to_the_next),
		T(test_between__a_file_lent_too_late_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
