/* test_between.c - what one call leaves in a worker, and that the next finds none of it; what one
 * guest has beside another, and that the other does not reach it. */
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
static unsigned closes;		/* FS messages that wait for no answer */

void
writ_worker_send(struct writ_worker *w, enum writ_wire_type type, uint32_t id,
    struct writ_str body)
{
	if (type == WRIT_MSG_FS && id == UINT32_MAX)
		closes++;
	else
		last_id = id;
}

bool
writ_worker_flooded(struct writ_guest *g)
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
	w.done_fd = -1;
	w.first.worker = &w;
	writ_buf_init(&w.scratch, WRIT_WIRE_MSG_MAX);
	writ_worker_tree_init(&w.first);
	done_count = closes = 0;
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct writ_worker *w = *state;

	writ_worker_tree_release(&w->first);
	writ_buf_release(&w->scratch);
	return 0;
}

static enum writ_status
ask(struct writ_worker *w, struct writ_ask *a)
{
	struct writ_client_port port = writ_worker_client_port(&w->first);

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
	writ_worker_client_drop(&w->first);
	assert_int_equal(done_count, WRIT_ASKS_MAX);
	assert_int_equal(w->first.asks_in_flight, 0);
	for (i = 0; i < WRIT_ASKS_MAX; i++)
		assert_int_equal(left[i].answer, WRIT_ASK_CANCELLED);
	assert_int_equal(ask(w, &next), WRIT_PENDING);
	assert_true(last_id != old);
	writ_worker_client_drop(&w->first);
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
	writ_worker_client_drop(&w->first);
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
	assert_int_equal(writ_worker_tree_mount(&w->first, &mount), WRIT_OK);
	port = writ_worker_tree_port(&w->first);
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
	writ_worker_tree_release(&w->first);
	writ_worker_tree_init(&w->first);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	writ_buf_release(&body);
}

/* ---- two guests */

static const struct writ_mount_msg shared_mount = { .at = WRIT_STR("/d"),
	.remote = true, .root = 7 };

static void
second_guest(struct writ_worker *w, struct writ_guest *g)
{
	memset(g, 0, sizeof(*g));
	g->worker = w;
	writ_worker_tree_init(g);
	assert_int_equal(writ_worker_tree_mount(&w->first, &shared_mount),
	    WRIT_OK);
	assert_int_equal(writ_worker_tree_mount(g, &shared_mount), WRIT_OK);
}

static void
start_open(struct writ_guest *g, struct writ_fs_call *c)
{
	struct writ_tree_port port = writ_worker_tree_port(g);
	struct writ_str name;

	*c = (struct writ_fs_call){ .what = WRIT_FS_OPEN,
		.path = WRIT_STR("f"), .op.done = on_done };
	assert_int_equal(port.preopen(port.ctx, 0, &name, &c->handle),
	    WRIT_OK);
	assert_int_equal(port.start(port.ctx, c), WRIT_PENDING);
}

static void
answer_open(struct writ_worker *w, uint32_t id, uint64_t handle)
{
	struct writ_fs_call answer = { .what = WRIT_FS_OPEN,
		.out_handle = handle, .out_type = WRIT_NODE_REGULAR };
	struct writ_msg m = { .row = writ_wire_row(WRIT_MSG_FS_REPLY),
		.id = id, .fd = -1 };
	struct writ_buf body;

	writ_buf_init(&body, WRIT_WIRE_MSG_MAX);
	writ_fs_reply_put(&body, &answer, WRIT_OK);
	m.body = writ_buf_view(&body);
	assert_int_equal(writ_worker_tree_reply(w, &m), WRIT_OK);
	writ_buf_release(&body);
}

static enum writ_status
start_read(struct writ_guest *g, uint64_t handle)
{
	static uint8_t bytes[16];
	static struct writ_fs_call c;
	struct writ_tree_port port = writ_worker_tree_port(g);

	c = (struct writ_fs_call){ .what = WRIT_FS_READ, .handle = handle,
		.buf = bytes, .len = sizeof(bytes), .op.done = on_done };
	return port.start(port.ctx, &c);
}

static void
test_between__answers_go_to_the_guest_that_asked(void **state)
{
	struct writ_worker *w = *state;
	struct writ_guest other;
	struct writ_fs_call a, b;
	uint32_t id;

	second_guest(w, &other);
	start_open(&w->first, &a);
	id = last_id;
	start_open(&other, &b);
	assert_int_equal(w->first.tree.in_flight, 1);
	assert_int_equal(other.tree.in_flight, 1);
	answer_open(w, last_id, 22);
	assert_int_equal(other.tree.in_flight, 0);
	assert_int_equal(w->first.tree.in_flight, 1);
	answer_open(w, id, 11);
	/* the one's handle means nothing, or its own file, to the other */
	assert_int_equal(start_read(&w->first, a.out_handle), WRIT_PENDING);
	writ_worker_tree_release(&w->first);
	writ_worker_tree_init(&w->first);
	assert_int_equal(start_read(&w->first, a.out_handle), WRIT_BADF);
	assert_int_equal(start_read(&other, b.out_handle), WRIT_PENDING);
	writ_worker_tree_release(&other);
}

static void
test_between__a_guest_reaches_no_handle_of_another(void **state)
{
	struct writ_worker *w = *state;
	struct writ_guest other;
	struct writ_fs_call a;

	second_guest(w, &other);
	start_open(&w->first, &a);
	answer_open(w, last_id, 11);
	assert_int_equal(start_read(&other, a.out_handle), WRIT_BADF);
	writ_worker_tree_release(&other);
}

static void
test_between__a_guest_that_leaves_closes_its_own_files_alone(void **state)
{
	struct writ_worker *w = *state;
	struct writ_guest other;
	struct writ_fs_call a, b, late;
	uint32_t id;

	second_guest(w, &other);
	start_open(&w->first, &a);
	answer_open(w, last_id, 11);
	start_open(&other, &b);
	answer_open(w, last_id, 22);
	start_open(&other, &late);
	id = last_id;
	writ_worker_tree_leave(&other);
	assert_int_equal(closes, 1);
	writ_worker_tree_release(&other);
	answer_open(w, id, 33);	/* which nobody will use */
	assert_int_equal(closes, 2);
	assert_int_equal(late.op.status, WRIT_LIMIT);
	assert_int_equal(start_read(&w->first, a.out_handle), WRIT_PENDING);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_between__asks_left_open_take_no_room_from_the_next_call),
		T(test_between__an_answer_to_the_last_call_is_none_to_the_next),
		T(test_between__a_file_lent_too_late_is_closed),
		T(test_between__answers_go_to_the_guest_that_asked),
		T(test_between__a_guest_reaches_no_handle_of_another),
		T(test_between__a_guest_that_leaves_closes_its_own_files_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
