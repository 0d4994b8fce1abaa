/*
 * test_handle.c - requests that came in, through the engine's C header: answers, bodies, ends that are
 * none.  Arguments as test_engine.c.
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

#define ROOM 1000			/* bytes that a client takes at a time */

/* One client with its request, and the guest that answers it. */
struct client {
	struct world w;
	struct writ_ports ports;
	struct writ_task *task;
	struct writ_outcome outcome;

	const char *sends;		/* of its body, yet to come */
	bool stalled;			/* takes nothing */
	unsigned responded, status, faults, finished, closed_out, closed_in;
	size_t trailers;
	char got[256 * 1024];
	size_t got_len;
};

static struct client *
client_of(struct writ_exchange *x)
{
	return (struct client *)(void *)x;
}

/* ---- the port */

static enum writ_status
on_respond(void *ctx, struct writ_exchange *x, const struct writ_http_head *head,
    bool has_body, const struct writ_http_fault *fault)
{
	struct client *c = client_of(x);

	(void)ctx; (void)has_body;
	assert_true((head != NULL) != (fault != NULL));
	c->responded++;
	c->status = head ? head->status : 500;
	c->faults += fault != NULL;
	return WRIT_OK;
}

static enum writ_status
on_room(void *ctx, struct writ_exchange *x, size_t *n,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	struct client *c = client_of(x);

	(void)ctx; (void)fault; (void)wake;
	assert_int_equal(c->closed_out, 0);
	if (c->stalled)
		return WRIT_AGAIN;
	*n = ROOM;
	return WRIT_OK;
}

static enum writ_status
on_write(void *ctx, struct writ_exchange *x, const uint8_t *p, size_t n)
{
	struct client *c = client_of(x);

	(void)ctx;
	assert_true(n <= ROOM && c->got_len + n <= sizeof(c->got));
	memcpy(c->got + c->got_len, p, n);
	c->got_len += n;
	return WRIT_OK;
}

static enum writ_status
on_flush(void *ctx, struct writ_exchange *x, struct writ_http_fault *fault,
    struct writ_wake *wake)
{
	(void)ctx; (void)x; (void)fault; (void)wake;
	return WRIT_OK;
}

static enum writ_status
on_finish(void *ctx, struct writ_exchange *x,
    const struct writ_http_field *trailers, size_t count)
{
	struct client *c = client_of(x);

	(void)ctx; (void)trailers;
	assert_int_equal(c->closed_out, 0);
	c->finished++;
	c->trailers = count;
	return WRIT_OK;
}

static enum writ_status
on_read(void *ctx, struct writ_exchange *x, uint8_t *p, size_t cap, size_t *n,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	struct client *c = client_of(x);

	(void)ctx; (void)fault; (void)wake;
	assert_int_equal(c->closed_in, 0);
	if (!c->sends)
		return WRIT_AGAIN;
	*n = strlen(c->sends) < cap ? strlen(c->sends) : cap;
	if (!*n)
		return WRIT_CLOSED;
	memcpy(p, c->sends, *n);
	c->sends += *n;
	return WRIT_OK;
}

static enum writ_status
on_trailers(void *ctx, struct writ_exchange *x, struct writ_http_head *head,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	(void)ctx; (void)x; (void)fault; (void)wake;
	memset(head, 0, sizeof(*head));
	return WRIT_OK;
}

static void
on_close(void *ctx, struct writ_exchange *x, unsigned halves)
{
	struct client *c = client_of(x);

	(void)ctx;
	c->closed_out += (halves & WRIT_EXCHANGE_OUT) != 0;
	c->closed_in += (halves & WRIT_EXCHANGE_IN) != 0;
}

/* ---- */

struct server {
	struct writ_engine *engine;
	struct writ_component *component;
};

static void
server_init(struct server *s, const char *guest)
{
	struct writ_err err = { 0 };

	s->engine = engine_new(2);
	if (load(s->engine, guest, &s->component, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
}

static void
server_release(struct server *s)
{
	writ_component_free(s->component);
	writ_engine_free(s->engine);
}

static enum writ_status
begin(struct client *c, struct server *s, const char *path, struct writ_err *err)
{
	struct writ_http_head head = {
		.method = WRIT_STR("POST"),
		.scheme = WRIT_STR("http"),
		.authority = WRIT_STR("a.test"),
		.path = writ_str_from(path),
	};

	memset(c, 0, sizeof(*c));
	world_init(&c->w, &c->ports);
	c->ports.http = (struct writ_http_port){ c, NULL, NULL, on_respond,
		on_room, on_write, on_flush, on_finish, on_read, on_trailers,
		on_close };
	return writ_task_handle(s->component, &c->ports, &plenty, &head,
	    (struct writ_exchange *)(void *)c, &c->w.wake, &c->task, err);
}

static struct client *
client_new(struct server *s, const char *path)
{
	struct client *c = test_malloc(sizeof(*c));
	struct writ_err err = { 0 };

	if (begin(c, s, path, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	return c;
}

/* Every half is closed once, however it ended. */
static void
client_free(struct client *c)
{
	writ_task_free(c->task);
	assert_int_equal(c->closed_out, 1);
	assert_int_equal(c->closed_in, 1);
	assert_int_equal(c->w.forgotten, 1);
	test_free(c);
}

/* Until it is done, or waits. */
static bool
poll_it(struct client *c)
{
	unsigned fired;

	do {
		fired = c->w.fired;
		if (writ_task_poll(c->task, &c->outcome))
			return true;
	} while (c->w.fired != fired);
	return false;
}

static void
assert_got(const struct client *c, const char *text)
{
	assert_int_equal(c->got_len, strlen(text));
	assert_memory_equal(c->got, text, strlen(text));
}

static void
test_handle__a_request_is_answered(void **state)
{
	struct server s;
	struct client *c;

	(void)state;
	server_init(&s, "serve-c.wasm");
	c = client_new(&s, "/hello");
	assert_true(poll_it(c));
	assert_int_equal(c->outcome.kind, WRIT_OUTCOME_DONE);
	assert_int_equal(c->responded, 1);
	assert_int_equal(c->status, 200);
	assert_got(c, "hello\n");
	assert_int_equal(c->finished, 1);
	client_free(c);

	c = client_new(&s, "/trailers");
	assert_true(poll_it(c));
	assert_got(c, "hello");
	assert_int_equal(c->trailers, 2);
	client_free(c);
	server_release(&s);
}

static void
test_handle__many_are_answered_at_once(void **state)
{
	struct server s;
	struct client *a, *b;

	(void)state;
	server_init(&s, "serve-c.wasm");
	a = client_new(&s, "/echo");
	b = client_new(&s, "/echo");
	assert_false(poll_it(a));
	assert_false(poll_it(b));
	b->sends = "of b";
	assert_true(poll_it(b));
	assert_got(b, "of b");
	assert_false(poll_it(a));
	assert_int_equal(a->got_len, 0);
	a->sends = "of a";
	assert_true(poll_it(a));
	assert_got(a, "of a");
	client_free(a);
	client_free(b);
	server_release(&s);
}

static void
test_handle__a_slow_client_holds_its_guest(void **state)
{
	struct server s;
	struct client *c;

	(void)state;
	server_init(&s, "serve-c.wasm");
	c = client_new(&s, "/big/200000");
	c->stalled = true;
	assert_false(poll_it(c));
	assert_int_equal(c->status, 200);
	assert_int_equal(c->got_len, 0);
	c->stalled = false;
	assert_true(poll_it(c));
	assert_int_equal(c->got_len, 200000);
	assert_int_equal(c->finished, 1);
	client_free(c);
	server_release(&s);
}

static void
test_handle__what_ends_badly_is_never_whole(void **state)
{
	static const struct {
		const char *path;
		enum writ_outcome_kind kind;
		unsigned responded, faults;
	} cases[] = {
		{ "/none", WRIT_OUTCOME_DONE, 0, 0 },
		{ "/error", WRIT_OUTCOME_DONE, 1, 1 },
		{ "/trap", WRIT_OUTCOME_TRAP, 0, 0 },
		{ "/trap-late", WRIT_OUTCOME_TRAP, 1, 0 },
		{ "/cut/1000", WRIT_OUTCOME_DONE, 1, 0 },
		{ "/short", WRIT_OUTCOME_DONE, 1, 0 },
		{ "/long", WRIT_OUTCOME_DONE, 1, 0 },
	};
	struct server s;
	struct client *c;
	size_t i;

	(void)state;
	server_init(&s, "serve-c.wasm");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c = client_new(&s, cases[i].path);
		assert_true(poll_it(c));
		assert_int_equal(c->outcome.kind, cases[i].kind);
		assert_int_equal(c->responded, cases[i].responded);
		assert_int_equal(c->faults, cases[i].faults);
		assert_int_equal(c->finished, 0);
		client_free(c);
	}
	server_release(&s);
}

static void
test_handle__a_guest_is_dropped_at_any_time(void **state)
{
	struct server s;
	struct client *c;

	(void)state;
	server_init(&s, "serve-c.wasm");
	client_free(client_new(&s, "/hello"));	/* before it began */
	c = client_new(&s, "/echo");
	assert_false(poll_it(c));		/* while it reads */
	client_free(c);
	c = client_new(&s, "/big/100000");
	c->stalled = true;
	assert_false(poll_it(c));		/* while it writes */
	assert_int_equal(c->closed_out, 0);
	client_free(c);
	server_release(&s);
}

static void
test_handle__what_cannot_serve_is_refused(void **state)
{
	struct writ_err err = { 0 };
	struct client *c = test_malloc(sizeof(*c));
	struct server s;

	(void)state;
	server_init(&s, "hello-c.wasm");
	assert_int_equal(begin(c, &s, "/", &err), WRIT_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "incoming-handler"));
	assert_int_equal(c->closed_out + c->closed_in, 0);
	test_free(c);
	server_release(&s);
}

/* Not a test: what a fresh instance for each request costs. */
static void
bench_handle__fresh_instances(void **state)
{
	const unsigned turns = 20000;
	struct timespec from, to;
	struct server s;
	struct client *c;
	unsigned i;

	(void)state;
	server_init(&s, "serve-c.wasm");
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < turns; i++) {
		c = client_new(&s, "/hello");
		assert_true(poll_it(c));
		client_free(c);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%.1f us\n", ((double)(to.tv_sec - from.tv_sec) * 1e9 +
	    (double)(to.tv_nsec - from.tv_nsec)) / 1e3 / turns);
	server_release(&s);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handle__a_request_is_answered),
		cmocka_unit_test(test_handle__many_are_answered_at_once),
		cmocka_unit_test(test_handle__a_slow_client_holds_its_guest),
		cmocka_unit_test(test_handle__what_ends_badly_is_never_whole),
		cmocka_unit_test(test_handle__a_guest_is_dropped_at_any_time),
		cmocka_unit_test(test_handle__what_cannot_serve_is_refused),
		cmocka_unit_test(bench_handle__fresh_instances),
	};

	if (argc < 3) {
		fputs("usage: test_handle GUESTS TEST\n", stderr);
		return 2;
	}
	harness_guests = argv[1];
	cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
