/* test_run.c - the broker's side of a worker, against a peer that plays the worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "broker/run.h"

/* A worker that is ready, and its broker. */
struct world {
	struct writ_run run;
	struct writ_record record;
	struct writ_files files;
	struct writ_policy *policy;
	struct writ_conn peer;
};

static int
setup(void **state)
{
	static struct world w;
	struct writ_run *run = &w.run;
	int fds[2];

	memset(&w, 0, sizeof(w));
	assert_int_equal(writ_policy_empty(&w.policy, NULL), WRIT_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
	    0);
	assert_int_equal(writ_conn_init(&run->conn, fds[0], &writ_wire_proto,
	    WRIT_SIDE_BROKER, NULL), WRIT_OK);
	assert_int_equal(writ_conn_init(&w.peer, fds[1], &writ_wire_proto,
	    WRIT_SIDE_WORKER, NULL), WRIT_OK);
	writ_buf_init(&run->value, WRIT_CALL_VALUE_MAX);
	writ_buf_init(&w.files.reply, WRIT_WIRE_MSG_MAX);
	w.files.record = &w.record;
	w.files.policy = w.policy;
	run->policy = w.policy;
	run->record = &w.record;
	run->files = &w.files;
	run->stdin_fd = run->cancel_fd = run->child.pidfd = -1;
	run->setup.time_ms = run->setup.cpu_ms = 60000;
	run->setup.requests = 100;
	run->started = true;
	run->conn.state = WRIT_STATE_READY;
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	writ_conn_release(&w->run.conn);
	writ_conn_release(&w->peer);
	writ_buf_release(&w->run.value);
	writ_buf_release(&w->files.reply);
	writ_policy_free(w->policy);
	return 0;
}

static void
invoke(struct world *w)
{
	const struct writ_run_invoke call = { .function = WRIT_STR("f"),
		.form = WRIT_VALUE_JSON };

	assert_int_equal(writ_run_invoke(&w->run, &call, NULL), WRIT_OK);
	(void)writ_run_step(&w->run);
}

static void
say(struct world *w, enum writ_wire_type type, uint32_t id, struct writ_str body)
{
	assert_int_equal(writ_conn_send(&w->peer, type, id, body, -1), WRIT_OK);
}

static void
say_done(struct world *w, uint32_t id)
{
	const struct writ_done_msg done = {
		.outcome.kind = WRIT_OUTCOME_DONE };
	struct writ_buf b;

	writ_buf_init(&b, 1024);
	writ_done_put(&b, &done);
	say(w, WRIT_MSG_DONE, id, writ_buf_view(&b));
	writ_buf_release(&b);
}

static void
step(struct world *w)
{
	assert_int_equal(writ_conn_flush(&w->peer), WRIT_OK);
	(void)writ_run_step(&w->run);
}

/* One call that ended well. */
static void
one_call(struct world *w)
{
	invoke(w);
	say_done(w, w->run.call_id);
	step(w);
	assert_true(w->run.over);
	assert_int_equal(w->run.end, WRIT_RUN_FINISHED);
}

static void
test_run__a_quiet_worker_gets_call_after_call(void **state)
{
	struct world *w = *state;

	one_call(w);
	assert_int_equal(writ_run_step(&w->run), WRIT_AGAIN);
	assert_int_equal(w->run.end, WRIT_RUN_FINISHED);
	say(w, WRIT_MSG_VALUE, 2, WRIT_STR("x"));	/* too early; not yet sent */
	invoke(w);
	say_done(w, 2);
	step(w);
	assert_int_equal(w->run.end, WRIT_RUN_FINISHED);
	assert_true(writ_str_is(writ_buf_view(&w->run.value), "x"));
}

static void
test_run__what_is_said_between_calls_ends_the_worker(void **state)
{
	struct world *w = *state;

	one_call(w);
	say_done(w, 2);		/* the result of a call not yet made */
	step(w);
	assert_true(w->run.over);
	assert_int_equal(w->run.end, WRIT_RUN_LOST);
	assert_non_null(strstr(w->run.why, "between calls"));
}

static void
test_run__what_follows_done_ends_the_worker(void **state)
{
	struct world *w = *state;

	invoke(w);
	say_done(w, 1);
	say_done(w, 2);
	step(w);
	assert_true(w->run.over);
	assert_int_equal(w->run.end, WRIT_RUN_LOST);
}

static void
test_run__the_end_of_a_call_of_another_number_is_none(void **state)
{
	struct world *w = *state;

	invoke(w);
	say_done(w, 7);
	step(w);
	assert_int_equal(w->run.end, WRIT_RUN_LOST);
}

static void
test_run__a_worker_that_ends_between_calls_is_lost(void **state)
{
	struct world *w = *state;

	one_call(w);
	writ_conn_release(&w->peer);
	assert_int_equal(writ_run_step(&w->run), WRIT_OK);
	assert_int_equal(w->run.end, WRIT_RUN_LOST);
	assert_non_null(strstr(w->run.why, "ended between calls"));
}

static void
test_run__cpu_time_between_calls_is_judged(void **state)
{
	struct world *w = *state;
	struct timespec t = { 0, 0 };	/* of this process */

	one_call(w);
	/* this process stands for the worker: what it has used is over the limit */
	while (t.tv_sec == 0 && t.tv_nsec < 4000000)
		assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	w->run.child.pid = getpid();
	w->run.cpu_clock = CLOCK_PROCESS_CPUTIME_ID;
	w->run.has_cpu_clock = true;
	w->run.judge_ns = 0;		/* due */
	w->run.cpu_base_ms = 0;
	w->run.setup.cpu_ms = (uint64_t)-3000;	/* with the grace: nothing */
	writ_run_judge(&w->run);
	w->run.child.pid = 0;
	assert_int_equal(w->run.end, WRIT_RUN_LOST);
	assert_non_null(strstr(w->run.why, "CPU"));
}

static void
test_run__a_result_beyond_its_bound_ends_the_worker(void **state)
{
	struct world *w = *state;
	const struct writ_run_invoke call = { .function = WRIT_STR("f"),
		.form = WRIT_VALUE_JSON, .result_max = 4 };

	assert_int_equal(writ_run_invoke(&w->run, &call, NULL), WRIT_OK);
	say(w, WRIT_MSG_VALUE, 1, WRIT_STR("1234"));
	step(w);
	assert_false(w->run.over);
	say(w, WRIT_MSG_VALUE, 1, WRIT_STR("5"));
	step(w);
	assert_int_equal(w->run.end, WRIT_RUN_LOST);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_run__a_quiet_worker_gets_call_after_call),
		T(test_run__what_is_said_between_calls_ends_the_worker),
		T(test_run__what_follows_done_ends_the_worker),
		T(test_run__the_end_of_a_call_of_another_number_is_none),
		T(test_run__a_worker_that_ends_between_calls_is_lost),
		T(test_run__cpu_time_between_calls_is_judged),
		T(test_run__a_result_beyond_its_bound_ends_the_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
