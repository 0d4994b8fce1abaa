#include "fake_engine.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"

#define BIG (16u * 1024 * 1024)		/* bytes of /big */
#define MS 1000000ull

unsigned fake_tasks, fake_tasks_made, fake_tasks_most;
char fake_seen[8192];

struct writ_task {
	const struct writ_ports *ports;
	struct writ_exchange *x;
	struct writ_wake *wake;
	char path[64];
	unsigned halves;		/* closed */
	bool answered, finished;
	size_t written;
	uint64_t due;
};

static void
look(const struct writ_http_head *h)
{
	size_t n, i;

	n = (size_t)snprintf(fake_seen, sizeof(fake_seen), "%.*s %.*s %.*s\n",
	    WRIT_STR_ARG(h->method), WRIT_STR_ARG(h->authority),
	    WRIT_STR_ARG(h->path));
	for (i = 0; i < h->fields_count && n < sizeof(fake_seen); i++)
		n += (size_t)snprintf(fake_seen + n, sizeof(fake_seen) - n,
		    "%.*s: %.*s\n", WRIT_STR_ARG(h->fields[i].name),
		    WRIT_STR_ARG(h->fields[i].value));
}

enum writ_status
writ_task_handle(struct writ_component *component, const struct writ_ports *ports,
    const struct writ_task_limits *limits, const struct writ_http_head *request,
    struct writ_exchange *x, struct writ_wake *wake, struct writ_task **out,
    struct writ_err *err)
{
	struct writ_task *t;

	look(request);
	if (writ_str_is(request->path, "/refused"))
		return writ_fail(err, WRIT_NOMEM, "no room");
	t = writ_alloc(1, sizeof(*t));
	if (!t)
		return WRIT_NOMEM;
	t->ports = ports;
	t->x = x;
	t->wake = wake;
	snprintf(t->path, sizeof(t->path), "%.*s", WRIT_STR_ARG(request->path));
	fake_tasks_made++;
	if (++fake_tasks > fake_tasks_most)
		fake_tasks_most = fake_tasks;
	*out = t;
	return WRIT_OK;
}

void
writ_task_free(struct writ_task *t)
{
	if (!t)
		return;
	t->ports->http.close(t->ports->http.ctx, t->x, WRIT_EXCHANGE_OUT |
	    WRIT_EXCHANGE_IN);
	t->ports->forget(t->ports->forget_ctx, t->wake);
	fake_tasks--;
	writ_mem_free(t);
}

static void
answer(struct writ_task *t, unsigned status, const struct writ_http_field *f,
    size_t n, bool body)
{
	struct writ_http_head h = { .status = status, .fields = f,
		.fields_count = n };

	t->answered = t->ports->http.respond(t->ports->http.ctx, t->x, &h,
	    body, NULL) == WRIT_OK;
}

static bool
put(struct writ_task *t, const char *bytes, size_t n)
{
	struct writ_http_fault fault;
	size_t room = 0;

	return t->ports->http.room(t->ports->http.ctx, t->x, &room, &fault,
	    t->wake) == WRIT_OK && room >= n && t->ports->http.write(
	    t->ports->http.ctx, t->x, (const uint8_t *)bytes, n) == WRIT_OK;
}

static bool
finish(struct writ_task *t, struct writ_outcome *out,
    const struct writ_http_field *f, size_t n)
{
	if (t->ports->http.finish(t->ports->http.ctx, t->x, f, n) == WRIT_OK)
		t->finished = true;
	out->kind = WRIT_OUTCOME_DONE;
	return true;
}

static bool
hello(struct writ_task *t, struct writ_outcome *out)
{
	static const struct writ_http_field f[] = {
		{ { "x-kind", 6 }, { "hello", 5 } },
		{ { "connection", 10 }, { "upgrade", 7 } },
	};

	answer(t, 200, f, 2, true);
	(void)put(t, "hello", 5);
	return finish(t, out, NULL, 0);
}

/* Whatever comes goes back, trailers too. */
static bool
echo(struct writ_task *t, struct writ_outcome *out)
{
	const struct writ_http_port *p = &t->ports->http;
	struct writ_http_fault fault;
	struct writ_http_head head;
	enum writ_status st = WRIT_OK;
	uint8_t bytes[1000];
	size_t n, room;

	if (!t->answered)
		answer(t, 200, NULL, 0, true);
	for (;;) {
		st = p->room(p->ctx, t->x, &room, &fault, t->wake);
		if (st != WRIT_OK)
			break;
		st = p->read(p->ctx, t->x, bytes, room < sizeof(bytes) ? room :
		    sizeof(bytes), &n, &fault, t->wake);
		if (st != WRIT_OK)
			break;
		(void)!p->write(p->ctx, t->x, bytes, n);
	}
	if (st == WRIT_AGAIN)
		return false;
	if (st == WRIT_CLOSED && p->trailers(p->ctx, t->x, &head, &fault,
	    t->wake) == WRIT_OK)
		return finish(t, out, head.fields, head.fields_count);
	out->kind = WRIT_OUTCOME_EXIT;
	return true;
}

static bool
big(struct writ_task *t, struct writ_outcome *out)
{
	static uint8_t bytes[WRIT_FS_IO_MAX];
	const struct writ_http_port *p = &t->ports->http;
	struct writ_http_fault fault;
	enum writ_status st;
	size_t room;

	if (!t->answered)
		answer(t, 200, NULL, 0, true);
	while (t->written < BIG) {
		st = p->room(p->ctx, t->x, &room, &fault, t->wake);
		if (st == WRIT_AGAIN)
			return false;
		if (st != WRIT_OK) {
			out->kind = WRIT_OUTCOME_EXIT;
			return true;
		}
		if (room > sizeof(bytes))
			room = sizeof(bytes);
		if (room > BIG - t->written)
			room = BIG - t->written;
		(void)!p->write(p->ctx, t->x, bytes, room);
		t->written += room;
	}
	return finish(t, out, NULL, 0);
}

static bool
sleeper(struct writ_task *t, struct writ_outcome *out)
{
	const struct writ_clock_port *c = &t->ports->clock;

	if (!t->due)
		t->due = c->mono_now(c->ctx) + 150 * MS;
	if (c->wait(c->ctx, t->due, t->wake) != WRIT_OK)
		return false;
	return hello(t, out);
}

static bool
hang(struct writ_task *t, struct writ_outcome *out)
{
	return false;
}

static bool
spin(struct writ_task *t, struct writ_outcome *out)
{
	uint64_t until = t->ports->clock.mono_now(t->ports->clock.ctx) + 5 * MS;

	while (t->ports->clock.mono_now(t->ports->clock.ctx) < until)
		;
	t->wake->fire(t->wake);
	return false;
}

static bool
trap(struct writ_task *t, struct writ_outcome *out)
{
	out->kind = WRIT_OUTCOME_TRAP;
	snprintf(out->msg, sizeof(out->msg), "unreachable");
	return true;
}

static bool
nothing(struct writ_task *t, struct writ_outcome *out)
{
	out->kind = WRIT_OUTCOME_DONE;
	return true;
}

/* Says ten bytes and writes five. */
static bool
small(struct writ_task *t, struct writ_outcome *out)
{
	static const struct writ_http_field f = { { "content-length", 14 },
		{ "10", 2 } };

	answer(t, 200, &f, 1, true);
	(void)put(t, "hello", 5);
	return finish(t, out, NULL, 0);
}

/* Begins and gives up. */
static bool
half(struct writ_task *t, struct writ_outcome *out)
{
	answer(t, 200, NULL, 0, true);
	(void)put(t, "hello", 5);
	return nothing(t, out);
}

static bool
split(struct writ_task *t, struct writ_outcome *out)
{
	static const struct writ_http_field f = { { "x", 1 },
		{ "a\r\nSet-Cookie: b", 16 } };

	answer(t, 200, &f, 1, false);
	return nothing(t, out);
}

static bool
interim(struct writ_task *t, struct writ_outcome *out)
{
	answer(t, 101, NULL, 0, false);
	return nothing(t, out);
}

static bool
none(struct writ_task *t, struct writ_outcome *out)
{
	answer(t, 204, NULL, 0, true);
	(void)put(t, "hello", 5);
	return finish(t, out, NULL, 0);
}

static const struct {
	const char *path;
	bool (*run)(struct writ_task *t, struct writ_outcome *out);
} guests[] = {
	{ "/hello", hello }, { "/echo", echo }, { "/big", big },
	{ "/sleep", sleeper }, { "/hang", hang }, { "/spin", spin },
	{ "/trap", trap }, { "/nothing", nothing }, { "/small", small },
	{ "/half", half }, { "/split", split }, { "/interim", interim },
	{ "/none", none },
};

bool
writ_task_poll(struct writ_task *t, struct writ_outcome *out)
{
	size_t i;

	for (i = 0; i < sizeof(guests) / sizeof(guests[0]); i++)
		if (!strcmp(guests[i].path, t->path))
			return guests[i].run(t, out);
	return nothing(t, out);
}
