/*
 * test_engine.c - the engine through its C header: compile, load, run, limits, cancelling.
 * Components come from guests/out (argument 1); a test whose component is not built skips.
 * Argument 2 names the test, or "bench_*" to measure: one a process, for cmocka takes the
 * fault handlers, which Wasmtime needs and installs once, away after each test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

static struct writ_engine *ticking;

/* Run to the end, with a tick for every yield. */
static void
run(struct writ_engine *engine, struct writ_component *component,
    const struct writ_task_limits *limits, struct world *w, size_t out_max,
    struct writ_outcome *outcome)
{
	struct writ_ports ports;
	struct writ_task *task = NULL;
	struct writ_err err = { 0 };

	(void)engine;
	world_init(w, &ports);
	w->out_max = out_max;
	if (writ_task_run(component, &ports, limits, &w->wake, &task, &err) !=
	    WRIT_OK)
		fail_msg("%s", err.msg);
	while (!writ_task_poll(task, outcome))
		assert_true(w->fired > 0);
	writ_task_free(task);
	assert_int_equal(w->forgotten, 1);
}

/* One component, one run. */
static void
run_guest(const char *name, const struct writ_task_limits *limits, size_t out_max,
    struct world *w, struct writ_outcome *outcome)
{
	struct writ_engine *engine = engine_new(2);
	struct writ_component *component = NULL;
	struct writ_err err = { 0 };

	if (load(engine, name, &component, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	run(engine, component, limits, w, out_max, outcome);
	writ_component_free(component);
	writ_engine_free(engine);
}

static void
test_engine__hello_runs(void **state)
{
	struct writ_outcome o = { 0 };
	struct world w;

	(void)state;
	run_guest("hello-c.wasm", &plenty, sizeof(w.out), &w, &o);
	assert_int_equal(o.kind, WRIT_OUTCOME_DONE);
	assert_false(o.memory_refused);
	assert_true(o.memory_peak >= 65536 && o.memory_peak < WRIT_MIB);
	assert_int_equal(w.out_len, strlen("hello from c\n"));
	assert_memory_equal(w.out, "hello from c\n", w.out_len);
}

static void
test_engine__full_output_ends_the_call(void **state)
{
	struct writ_outcome o = { 0 };
	struct world w;

	(void)state;
	run_guest("hello-c.wasm", &plenty, 5, &w, &o);
	assert_int_equal(o.kind, WRIT_OUTCOME_LIMIT);
	assert_string_equal(o.limit, "output");
	assert_int_equal(w.out_len, 5);
}

static void
test_engine__memory_is_limited(void **state)
{
	struct writ_task_limits limits = plenty;
	struct writ_outcome o = { 0 };
	struct world w;

	(void)state;
	limits.memory_bytes = 65536;
	run_guest("hello-c.wasm", &limits, sizeof(w.out), &w, &o);
	assert_int_equal(o.kind, WRIT_OUTCOME_LIMIT);
	assert_string_equal(o.limit, "memory");
	assert_true(o.memory_refused);
	assert_int_equal(w.out_len, 0);
}

static void
test_engine__handles_are_limited(void **state)
{
	struct writ_outcome o = { 0 };
	struct world w;

	(void)state;
	run_guest("wat/many-handles.wasm", &plenty, sizeof(w.out), &w, &o);
	assert_int_equal(o.kind, WRIT_OUTCOME_LIMIT);
	assert_string_equal(o.limit, "handles");
}

static void
test_engine__deep_recursion_is_a_limit(void **state)
{
	struct writ_outcome o = { 0 };
	struct world w;

	(void)state;
	run_guest("test/recurse.wasm", &plenty, sizeof(w.out), &w, &o);
	assert_int_equal(o.kind, WRIT_OUTCOME_LIMIT);
	assert_string_equal(o.limit, "stack");
}

static void
test_engine__a_trap_says_what(void **state)
{
	struct writ_outcome o = { 0 };
	struct world w;

	(void)state;
	run_guest("test/trap.wasm", &plenty, sizeof(w.out), &w, &o);
	assert_int_equal(o.kind, WRIT_OUTCOME_TRAP);
	assert_non_null(strstr(o.msg, "unreachable"));
	assert_null(strchr(o.msg, '\n'));
}

static void
test_engine__a_refusal_is_told(void **state)
{
	struct writ_outcome o = { 0 };
	struct world w;

	(void)state;
	run_guest("wat/keyvalue-open.wasm", &plenty, sizeof(w.out), &w, &o);
	assert_int_equal(o.kind, WRIT_OUTCOME_DONE);
	assert_string_equal(w.refused, "keyvalue open default");
}

static void
on_alarm(int sig)
{
	(void)sig;
	writ_engine_tick(ticking);
}

static void
test_engine__a_spinning_guest_yields_and_dies(void **state)
{
	struct itimerval every = { { 0, 5000 }, { 0, 5000 } };
	struct sigaction act = {
		.sa_handler = on_alarm,
		.sa_flags = SA_RESTART | SA_ONSTACK,
	};
	struct writ_engine *engine = engine_new(0);
	struct writ_component *component = NULL;
	struct writ_outcome o = { 0 };
	struct writ_task *task = NULL;
	struct writ_err err = { 0 };
	struct writ_ports ports;
	struct world w;

	(void)state;
	if (load(engine, "test/spin.wasm", &component, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	world_init(&w, &ports);
	assert_int_equal(writ_task_run(component, &ports, &plenty, &w.wake, &task,
	    &err), WRIT_OK);
	ticking = engine;
	assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
	for (unsigned i = 1; i <= 3; i++) {
		assert_false(writ_task_poll(task, &o));
		assert_int_equal(w.fired, i);
	}
	memset(&every, 0, sizeof(every));
	assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
	writ_task_free(task);
	assert_int_equal(w.forgotten, 1);
	writ_component_free(component);
	writ_engine_free(engine);
}

static void
test_engine__missing_imports_are_all_named(void **state)
{
	struct writ_engine *engine = engine_new(0);
	struct writ_component *component = NULL;
	struct writ_err err = { 0 };

	(void)state;
	assert_int_equal(load(engine, "wat/unknown-import.wasm", &component, &err),
	    WRIT_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "foo:bar/baz"));
	assert_non_null(strstr(err.msg, "foo:bar/qux@1.2.3"));
	assert_null(component);
	writ_engine_free(engine);
}

static void
test_engine__a_core_module_is_refused(void **state)
{
	static const uint8_t module[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
	struct writ_engine *engine = engine_new(0);
	struct writ_engine_bytes bytes = { NULL, 0 };
	struct writ_err err = { 0 };

	(void)state;
	assert_int_equal(writ_engine_compile(engine, module, sizeof(module),
	    &bytes, &err), WRIT_INVALID);
	assert_non_null(strstr(err.msg, "a core module, not a component"));
	assert_int_equal(writ_engine_describe(engine, module, 0, &bytes, &err),
	    WRIT_INVALID);
	assert_null(bytes.ptr);
	writ_engine_free(engine);
}

static void
test_engine__what_is_no_code_does_not_load(void **state)
{
	struct writ_engine *engine = engine_new(2);
	struct writ_component *component = NULL;
	struct writ_err err = { 0 };
	int fd = memfd_create("code", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, "not code", 8), 8);
	assert_int_equal(writ_component_load(engine, fd, &component, &err),
	    WRIT_INVALID);
	assert_true(err.msg[0] != '\0');
	assert_int_equal(writ_component_load(engine, -1, &component, &err),
	    WRIT_INVALID);
	close(fd);
	writ_engine_free(engine);
}

/* Fresh instances of hello: prints the mean. */
static void
bench_engine__fresh_instances(void **state)
{
	enum { RUNS = 5000 };
	struct writ_engine *engine = engine_new(8);
	struct writ_component *component = NULL;
	struct writ_outcome o = { 0 };
	struct writ_err err = { 0 };
	struct timespec from, to;
	struct world w;

	(void)state;
	if (load(engine, "hello-c.wasm", &component, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	run(engine, component, &plenty, &w, sizeof(w.out), &o);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < RUNS; i++)
		run(engine, component, &plenty, &w, sizeof(w.out), &o);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("fresh instance: %.1f us\n", ((double)(to.tv_sec - from.tv_sec) *
	    1e9 + (double)(to.tv_nsec - from.tv_nsec)) / RUNS / 1e3);
	writ_component_free(component);
	writ_engine_free(engine);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__hello_runs),
		cmocka_unit_test(test_engine__full_output_ends_the_call),
		cmocka_unit_test(test_engine__memory_is_limited),
		cmocka_unit_test(test_engine__handles_are_limited),
		cmocka_unit_test(test_engine__deep_recursion_is_a_limit),
		cmocka_unit_test(test_engine__a_trap_says_what),
		cmocka_unit_test(test_engine__a_refusal_is_told),
		cmocka_unit_test(test_engine__a_spinning_guest_yields_and_dies),
		cmocka_unit_test(test_engine__missing_imports_are_all_named),
		cmocka_unit_test(test_engine__a_core_module_is_refused),
		cmocka_unit_test(test_engine__what_is_no_code_does_not_load),
		cmocka_unit_test(bench_engine__fresh_instances),
	};

	if (argc < 3) {
		fputs("usage: test_engine GUESTS TEST\n", stderr);
		return 2;
	}
	harness_guests = argv[1];
	cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
