/*
 * test_call.c - typed calls through the engine's C header: arguments, results, sessions, handles.
 * Arguments as test_engine.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness.h"

/* A component whose functions are called one by one. */
struct calls {
	struct writ_engine *engine;
	struct writ_component *component;
	struct writ_ports ports;
	struct writ_outcome outcome;
	struct writ_err err;
	struct world w;
};

static void
calls_init(struct calls *c, const char *guest)
{
	memset(c, 0, sizeof(*c));
	c->engine = engine_new(2);
	if (load(c->engine, guest, &c->component, &c->err) != WRIT_OK)
		fail_msg("%s", c->err.msg);
	world_init(&c->w, &c->ports);
}

static void
calls_release(struct calls *c)
{
	writ_component_free(c->component);
	writ_engine_free(c->engine);
}

static struct writ_invoke
invoke(const char *function, const char *args)
{
	return (struct writ_invoke){
		.function = writ_str_from(function),
		.args = writ_str_from(args),
		.result_max = 1000,
	};
}

/* To the end. */
static void
finish(struct calls *c, struct writ_task *task)
{
	while (!writ_task_poll(task, &c->outcome))
		assert_true(c->w.fired > 0);
}

static void
check_result(struct calls *c, const struct writ_task *task, const char *text)
{
	struct writ_str result = writ_task_result(task);

	assert_int_equal(c->outcome.kind, WRIT_OUTCOME_DONE);
	if (result.len != strlen(text) ||
	    memcmp(result.ptr, text, result.len) != 0)
		fail_msg("%.*s, not %s", WRIT_STR_ARG(result), text);
}

/* One function in a fresh instance returns `text`. */
static void
check_call(struct calls *c, const struct writ_invoke *i, const char *text)
{
	struct writ_task *task = NULL;

	if (writ_task_invoke(c->component, &c->ports, &plenty, i, &c->w.wake,
	    &task, &c->err) != WRIT_OK)
		fail_msg("%s", c->err.msg);
	finish(c, task);
	check_result(c, task, text);
	writ_task_free(task);
}

/* As check_call, but it ends another way. */
static void
check_end(struct calls *c, const struct writ_invoke *i,
    enum writ_outcome_kind kind)
{
	struct writ_task *task = NULL;

	if (writ_task_invoke(c->component, &c->ports, &plenty, i, &c->w.wake,
	    &task, &c->err) != WRIT_OK)
		fail_msg("%s", c->err.msg);
	finish(c, task);
	assert_int_equal(c->outcome.kind, kind);
	assert_int_equal(writ_task_result(task).len, 0);
	assert_int_equal(writ_task_again(task, i, &c->err), WRIT_CLOSED);
	writ_task_free(task);
}

/* A call is refused with this status, and `text` begins the reason. */
static void
check_refused(struct calls *c, const struct writ_invoke *i,
    enum writ_status st, const char *text)
{
	struct writ_task *task = NULL;

	assert_int_equal(writ_task_invoke(c->component, &c->ports, &plenty, i,
	    &c->w.wake, &task, &c->err), st);
	assert_null(task);
	if (strncmp(c->err.msg, text, strlen(text)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", c->err.msg, text);
}

#define VALUES "writ:test/values@0.1.0#"

static void
test_call__a_function_is_called_by_name(void **state)
{
	static const char *const table[][3] = {
		/* function            arguments            result */
		{ "add", "{\"a\":1,\"b\":2}", "3" },
		{ "add", "[4294967295, 1.0]", "0" },
		{ "add", " {\"b\": 2e0, \"a\": 1} ", "3" },
		{ "greet", "{\"name\":\"w\\u00f6rld\"}", "\"hello, w\303\266rld\"" },
		{ "greet", "[\"\\\"\\n\"]", "\"hello, \\\"\\n\"" },
		{ "check", "{\"text\":\"x\"}", "\"x\"" },
		{ "divide", "{\"a\":\"9223372036854775807\",\"b\":1}",
		  "\"9223372036854775807\"" },
		{ "nothing", "", "" },
		{ "nothing", "{}", "" },
		{ VALUES "echo-u64", "[\"18446744073709551615\"]",
		  "\"18446744073709551615\"" },
		{ VALUES "echo-u64", "[9007199254740991]", "9007199254740991" },
		{ VALUES "echo-f32", "[0.1]", "0.1" },
		{ VALUES "echo-f64", "[\"-Infinity\"]", "\"-Infinity\"" },
		{ VALUES "echo-char", "[\"\\ud83d\\ude00\"]", "\"\360\237\230\200\"" },
		{ VALUES "echo-bytes", "{\"data\":\"AAEC/w==\"}", "\"AAEC/w==\"" },
		{ VALUES "move-by", "{\"at\":{\"x\":1,\"y\":-2},\"by\":3}",
		  "{\"x\":4,\"y\":1,\"label\":null}" },
		{ VALUES "open", "[\"\"]", "" },
	};
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct writ_invoke call = invoke(table[i][0], table[i][1]);

		check_call(&c, &call, table[i][2]);
		assert_false(c.outcome.result_err);
	}
	calls_release(&c);
}

static void
test_call__every_type_comes_back(void **state)
{
	static const char all[] = "[{\"truth\":true,\"bytes\":\"AP8=\","
	    "\"small\":-128,\"short\":65535,\"wide\":\"-9223372036854775808\","
	    "\"unsigned\":9007199254740991,\"single\":3.4028235e38,"
	    "\"double\":5e-324,\"letter\":\"\\u0000\",\"text\":\"\\u001f\\\\\","
	    "\"color\":\"blue\",\"rights\":[\"read\",\"exec\"],"
	    "\"shape\":{\"line\":[{\"x\":1,\"y\":2,\"label\":\"a\"},"
	    "{\"x\":3,\"y\":4,\"label\":null}]},\"maybe\":{\"some\":null},"
	    "\"outcome\":{\"err\":\"no\"},\"nothing\":{\"ok\":null},"
	    "\"pair\":[1,\"x\"],\"points\":[]}]";
	struct writ_invoke call = invoke(VALUES "echo-all", NULL);
	char args[sizeof(all) + 16];
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	snprintf(args, sizeof(args), "{\"items\":%s}", all);
	call.args = writ_str_from(args);
	check_call(&c, &call, all);
	calls_release(&c);
}

static void
test_call__an_err_is_no_trap(void **state)
{
	struct writ_invoke call = invoke("check", "[\"\"]");
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	check_call(&c, &call, "\"empty\"");
	assert_true(c.outcome.result_err);
	call = invoke("divide", "[1,0]");
	check_call(&c, &call, "\"no such number\"");
	assert_true(c.outcome.result_err);
	call = invoke(VALUES "open", "[\"x\"]");
	check_call(&c, &call, "\"green\"");
	assert_true(c.outcome.result_err);
	calls_release(&c);
}

static void
test_call__wrong_arguments_are_named(void **state)
{
	static const char *const table[][3] = {
		{ "add", "{\"a\":\"x\",\"b\":2}",
		  "/a: expected an integer 0..4294967295 (u32), got \"x\"" },
		{ "add", "{\"a\":4294967296,\"b\":2}", "/a: expected an integer" },
		{ "add", "{\"a\":1.5,\"b\":2}", "/a: expected an integer" },
		{ "add", "{\"a\":-1,\"b\":2}", "/a: expected an integer" },
		{ "add", "{\"a\":1}", "/b: missing" },
		{ "add", "", "/a: missing" },
		{ "add", "[1]", "/1: missing: b" },
		{ "add", "[1,2,3]", "the arguments: more than 2 arguments" },
		{ "add", "{\"a\":1,\"b\":2,\"c\":3}",
		  "/c: unknown; there are: a, b" },
		{ "add", "{\"a\":1,\"a\":2}", "/a: given twice" },
		{ "add", "7", "the arguments: expected an object of arguments, got 7" },
		{ "add", "{\"a\":1,\"b\":2} x", "at byte 14: not JSON" },
		{ "add", "{\"a\":01,\"b\":2}", "at byte 6: not JSON" },
		{ "add", "{\"a\":1,}", "at byte 7: not JSON" },
		{ "greet", "{\"name\":\"\\ud800\"}", "/name: half a surrogate" },
		{ "greet", "{\"name\":1}", "/name: expected a string, got 1" },
		{ "greet", "{\"nam\":\"\"}", "/nam: unknown; there are: name" },
		{ "greet", "{}", "/name: missing" },
		{ "greet", "{\"name\":\"\",\"name\":\"\"}", "/name: given twice" },
		{ "greet", "[\"\",1]", "the arguments: more than 1 argument" },
		{ VALUES "echo-u64", "[9007199254740992]", "/0: expected an integer" },
		{ VALUES "echo-u64", "[\"18446744073709551616\"]", "/0: expected" },
		{ VALUES "echo-u64", "[\"01\"]", "/0: expected" },
		{ VALUES "echo-f64", "[1e999]", "/0: 1e999 is beyond" },
		{ VALUES "echo-f64", "[\"inf\"]", "/0: expected a number" },
		{ VALUES "echo-char", "[\"ab\"]", "/0: expected one character" },
		{ VALUES "echo-bytes", "[\"AB==\"]", "/0: expected bytes in base64" },
		{ VALUES "move-by", "{\"at\":{\"x\":1},\"by\":1}", "/at/y: missing" },
		{ VALUES "move-by", "{\"at\":{\"x\":1,\"y\":1,\"z/\":1},\"by\":1}",
		  "/at/z~1: unknown; there are: x, y, label" },
		{ VALUES "echo-texts", "[[\"a\",[]]]",
		  "/0/1: expected a string, got an array" },
	};
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct writ_invoke call = invoke(table[i][0], table[i][1]);

		check_refused(&c, &call, WRIT_INVALID, table[i][2]);
	}
	calls_release(&c);
}

static void
test_call__an_unknown_function_has_neighbours(void **state)
{
	struct writ_invoke call = invoke("ad", "");
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	check_refused(&c, &call, WRIT_NOENT, "no function \"ad\"; there is: add");
	call = invoke("echo-u9", "");
	check_refused(&c, &call, WRIT_NOENT, "no function \"echo-u9\"");
	assert_non_null(strstr(c.err.msg, VALUES "echo-u8"));
	call = invoke(VALUES, "");
	check_refused(&c, &call, WRIT_NOENT, "no function");
	call = invoke("writ:test/values@0.1.0", "");
	check_refused(&c, &call, WRIT_NOENT, "no function");
	call = invoke("", "");
	check_refused(&c, &call, WRIT_NOENT, "no function");
	calls_release(&c);
}

static void
test_call__a_call_ends_as_a_run_does(void **state)
{
	struct writ_invoke call = invoke("trap", "");
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	check_end(&c, &call, WRIT_OUTCOME_TRAP);
	assert_non_null(strstr(c.outcome.msg, "unreachable"));
	call = invoke("leave", "[true]");
	check_end(&c, &call, WRIT_OUTCOME_EXIT);
	assert_int_equal(c.outcome.exit_code, 0);
	call = invoke("leave", "[false]");
	check_end(&c, &call, WRIT_OUTCOME_EXIT);
	assert_int_equal(c.outcome.exit_code, 1);
	call = invoke("fill", "[998]");
	call.result_max = 999;
	check_end(&c, &call, WRIT_OUTCOME_LIMIT);
	assert_string_equal(c.outcome.limit, "output");
	call = invoke("fill-list", "[300000]");
	call.result_max = WRIT_MIB;
	check_end(&c, &call, WRIT_OUTCOME_LIMIT);
	assert_string_equal(c.outcome.limit, "hostcall");
	calls_release(&c);
}

/* Call again in the same instance. */
static void
check_again(struct calls *c, struct writ_task *task, const char *function,
    const char *args, const char *text)
{
	struct writ_invoke call = invoke(function, args);

	if (writ_task_again(task, &call, &c->err) != WRIT_OK)
		fail_msg("%s", c->err.msg);
	finish(c, task);
	check_result(c, task, text);
}

static void
test_call__an_instance_is_called_again(void **state)
{
	struct writ_invoke call = invoke("remember", "[7]");
	struct writ_task *task = NULL;
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	check_call(&c, &call, "0");
	assert_int_equal(writ_task_invoke(c.component, &c.ports, &plenty, &call,
	    &c.w.wake, &task, &c.err), WRIT_OK);
	assert_int_equal(writ_task_again(task, &call, &c.err), WRIT_CLOSED);
	finish(&c, task);
	check_result(&c, task, "0");
	check_again(&c, task, "remember", "[8]", "7");
	call = invoke("remember", "[\"x\"]");
	assert_int_equal(writ_task_again(task, &call, &c.err), WRIT_INVALID);
	check_again(&c, task, "remember", "[9]", "8");
	call = invoke("trap", "");
	assert_int_equal(writ_task_again(task, &call, &c.err), WRIT_OK);
	finish(&c, task);
	assert_int_equal(c.outcome.kind, WRIT_OUTCOME_TRAP);
	assert_int_equal(writ_task_again(task, &call, &c.err), WRIT_CLOSED);
	writ_task_free(task);
	calls_release(&c);
}

/* The number in {"handle":N}. */
static unsigned
handle_of(const struct writ_task *task)
{
	struct writ_str text = writ_task_result(task);
	unsigned n = 0;

	assert_true(text.len > 11 && memcmp(text.ptr, "{\"handle\":", 10) == 0);
	for (size_t i = 10; i < text.len - 1; i++)
		n = n * 10 + (unsigned)(text.ptr[i] - '0');
	return n;
}

static struct writ_task *
new_counter(struct calls *c, const char *args)
{
	struct writ_invoke call = invoke(VALUES "[constructor]counter", args);
	struct writ_task *task = NULL;

	if (writ_task_invoke(c->component, &c->ports, &plenty, &call, &c->w.wake,
	    &task, &c->err) != WRIT_OK)
		fail_msg("%s", c->err.msg);
	finish(c, task);
	assert_int_equal(c->outcome.kind, WRIT_OUTCOME_DONE);
	return task;
}

static void
again_is_refused(struct calls *c, struct writ_task *task, const char *function,
    const char *args, const char *why)
{
	struct writ_invoke call = invoke(function, args);

	assert_int_equal(writ_task_again(task, &call, &c->err), WRIT_INVALID);
	if (!strstr(c->err.msg, why))
		fail_msg("%s", c->err.msg);
}

static void
test_call__handles_stay_in_their_instance(void **state)
{
	static const char add_name[] = VALUES "[method]counter.increment";
	static const char merge[] = VALUES "[static]counter.merge";
	struct writ_task *mine, *other;
	unsigned a, b, foreign;
	char args[128], text[64];
	struct writ_invoke call;
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	mine = new_counter(&c, "[5]");
	a = handle_of(mine);
	other = new_counter(&c, "[100]");
	foreign = handle_of(other);
	assert_true(foreign != a);
	snprintf(args, sizeof(args), "{\"self\":{\"handle\":%u},\"by\":2}", a);
	check_again(&c, mine, add_name, args, "7");
	again_is_refused(&c, other, add_name, args, "/self: no handle");
	call = invoke(add_name, args);
	check_refused(&c, &call, WRIT_INVALID, "/self: no handle");
	/* A second one; the first is given away. */
	call = invoke(VALUES "[constructor]counter", "[10]");
	assert_int_equal(writ_task_again(mine, &call, &c.err), WRIT_OK);
	finish(&c, mine);
	b = handle_of(mine);
	snprintf(args, sizeof(args), "[{\"handle\":%u},{\"handle\":%u}]", a, a);
	again_is_refused(&c, mine, merge, args, "given away and used again");
	snprintf(args, sizeof(args), "[{\"handle\":%u},{\"handle\":%u}]", a, b);
	call = invoke(merge, args);
	assert_int_equal(writ_task_again(mine, &call, &c.err), WRIT_OK);
	finish(&c, mine);
	assert_int_equal(c.outcome.kind, WRIT_OUTCOME_DONE);
	snprintf(text, sizeof(text), "{\"self\":{\"handle\":%u},\"by\":0}",
	    handle_of(mine));
	check_again(&c, mine, add_name, text, "17");
	again_is_refused(&c, mine, merge, args, "/0: no handle");
	writ_task_free(other);
	writ_task_free(mine);
	calls_release(&c);
}

static void
test_call__wave_is_understood(void **state)
{
	static const char *const table[][3] = {
		{ "add", "1, 2", "3" },
		{ "add", "(1, 2)", "3" },
		{ "greet", "\"x\"", "\"hello, x\"" },
		{ "nothing", "", "" },
		{ "nothing", "()", "" },
		{ "divide", "(1, 0)", "\"no such number\"" },
		{ VALUES "move-by", "{x: 1, y: 2, label: some(\"a\")}, 1",
		  "{x: 2, y: 3, label: some(\"a\")}" },
	};
	struct writ_invoke call;
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		call = invoke(table[i][0], table[i][1]);
		call.form = WRIT_VALUE_WAVE;
		check_call(&c, &call, table[i][2]);
	}
	call = invoke("add", "1, \"x\"");
	call.form = WRIT_VALUE_WAVE;
	check_refused(&c, &call, WRIT_INVALID, "at byte 3: ");
	call = invoke(VALUES "[constructor]counter", "1");
	call.form = WRIT_VALUE_WAVE;
	check_refused(&c, &call, WRIT_UNSUPPORTED, "a resource has no WAVE form");
	calls_release(&c);
}

/* Fresh instances, each called once: prints the mean. */
static void
bench_call(struct calls *c, const char *what, const struct writ_invoke *call)
{
	enum { RUNS = 5000 };
	struct writ_task *task = NULL;
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < RUNS; i++) {
		assert_int_equal(writ_task_invoke(c->component, &c->ports, &plenty,
		    call, &c->w.wake, &task, &c->err), WRIT_OK);
		finish(c, task);
		assert_int_equal(c->outcome.kind, WRIT_OUTCOME_DONE);
		writ_task_free(task);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%s: %.1f us\n", what, ((double)(to.tv_sec - from.tv_sec) * 1e9 +
	    (double)(to.tv_nsec - from.tv_nsec)) / RUNS / 1e3);
}

static void
bench_call__fresh_instances(void **state)
{
	static char bytes[64 * 1024 + 4];
	struct writ_invoke call = invoke("greet", "{\"name\":\"x\"}");
	struct calls c;

	(void)state;
	calls_init(&c, "test/typed.wasm");
	bench_call(&c, "func(string) -> string", &call);
	call = invoke(VALUES "move-by", "{\"at\":{\"x\":1,\"y\":2},\"by\":3}");
	bench_call(&c, "func(record, s32) -> record", &call);
	memset(bytes, 'A', sizeof(bytes));
	bytes[0] = '[';
	bytes[1] = bytes[sizeof(bytes) - 2] = '"';
	bytes[sizeof(bytes) - 1] = ']';
	call = invoke(VALUES "echo-bytes", NULL);
	call.args = writ_str(bytes, sizeof(bytes));
	call.result_max = WRIT_MIB;
	bench_call(&c, "48 KiB each way", &call);
	calls_release(&c);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call__a_function_is_called_by_name),
		cmocka_unit_test(test_call__every_type_comes_back),
		cmocka_unit_test(test_call__an_err_is_no_trap),
		cmocka_unit_test(test_call__wrong_arguments_are_named),
		cmocka_unit_test(test_call__an_unknown_function_has_neighbours),
		cmocka_unit_test(test_call__a_call_ends_as_a_run_does),
		cmocka_unit_test(test_call__an_instance_is_called_again),
		cmocka_unit_test(test_call__handles_stay_in_their_instance),
		cmocka_unit_test(test_call__wave_is_understood),
		cmocka_unit_test(bench_call__fresh_instances),
	};

	if (argc < 3) {
		fputs("usage: test_call GUESTS TEST\n", stderr);
		return 2;
	}
	harness_guests = argv[1];
	cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
