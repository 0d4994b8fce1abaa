/*
 * bench-front: stands where writ-mcp stands, speaks wire/api.h with the broker and no MCP with
 * anybody, so that what a call costs behind the front end is measured alone.  The broker
 * starts it (a folder of programs where it has the name writ-mcp); it reads lines
 * "TOOL<tab>ARGUMENTS<tab>WINDOW<tab>COUNT<tab>RATE" from fd 4 and answers each with a line of
 * bench_pace_report on fd 5.
 */
#include <poll.h>

#include "base/limits.h"
#include "pace.h"
#include "wire/api.h"

enum { WIRE = 3, IN = 4, OUT = 5, CLIENT = 1, ID = 1000 };

struct order {
	struct writ_str tool, args;
	struct bench_pace pace;
};

static bool
send_call(struct writ_conn *c, const struct order *o, size_t i)
{
	struct writ_api_call call = { .client = CLIENT, .tool = o->tool };
	writ_auto_release(writ_buf) b;
	uint32_t id = (uint32_t)(ID + i);

	writ_buf_init(&b, 1024);
	writ_api_call_put(&b, &call);
	return writ_api_send_text(c, id, WRIT_API_TEXT_ARGS, o->args) ==
	    WRIT_OK && writ_buf_status(&b) == WRIT_OK &&
	    writ_conn_send(c, WRIT_API_CALL, id, writ_buf_view(&b), -1) ==
	    WRIT_OK;
}

/* Everything that came; `pace` NULL: only the catalog is waited for. */
static bool
hear(struct writ_conn *c, struct bench_pace *pace, bool *catalog)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_api_result r;
	struct writ_msg m;
	enum writ_status st = writ_conn_fill(c);

	if (st != WRIT_OK)
		return st == WRIT_AGAIN;
	while ((st = writ_conn_next(c, &m, &err)) == WRIT_OK) {
		if (m.row->type == WRIT_API_CATALOG)
			*catalog = true;
		if (m.row->type != WRIT_API_RESULT)
			continue;
		if (!pace || writ_api_result_get(m.body, &r) != WRIT_OK ||
		    m.id < ID || m.id - ID >= pace->sent)
			return false;
		bench_pace_done(pace, m.id - ID, r.status == WRIT_API_OK);
	}
	return st == WRIT_AGAIN;
}

static bool
wait_for(struct writ_conn *c, const struct bench_pace *pace)
{
	struct timespec t;
	bool due = bench_pace_wait(pace, &t);
	struct pollfd p = { c->fd, POLLIN, 0 };

	if (writ_conn_flush(c) == WRIT_CLOSED)
		return false;
	if (writ_conn_unsent(c))
		p.events |= POLLOUT;
	return ppoll(&p, 1, &t, NULL) > 0 || due;
}

static bool
greet(struct writ_conn *c)
{
	static const char hello[4] = { WRIT_API_VERSION, 0, 0, 0 };
	const struct bench_pace none = { .count = 0 };
	bool catalog = false;

	if (writ_conn_send(c, WRIT_API_HELLO, 0, writ_str(hello, 4), -1) !=
	    WRIT_OK)
		return false;
	c->state = WRIT_STATE_RUNNING;
	while (!catalog)
		if (!wait_for(c, &none) || !hear(c, NULL, &catalog))
			return false;
	return writ_conn_send(c, WRIT_API_CLIENT, CLIENT,
	    WRIT_STR("\1\5\0\0\0bench"), -1) == WRIT_OK;
}

static bool
carry_out(struct writ_conn *c, struct order *o)
{
	struct bench_pace *p = &o->pace;
	bool ignored;

	while (!bench_pace_over(p)) {
		while (bench_pace_take(p, bench_now()))
			if (!send_call(c, o, p->sent - 1))
				return false;
		if (!wait_for(c, p) ||
		    !hear(c, p, &ignored))
			return false;
	}
	return true;
}

/* A line's words, cut in place. */
static bool
parse(char *line, struct order *o)
{
	const char *words[5];
	char *save = line;
	unsigned i;

	line[strcspn(line, "\n")] = '\0';
	for (i = 0; i < 5; i++)
		words[i] = strsep(&save, "\t");
	if (!words[4] || save)
		return false;
	o->tool = writ_str_from(words[0]);
	o->args = writ_str_from(words[1]);
	return bench_pace_init(&o->pace, words + 2);
}

int
main(void)
{
	static struct writ_conn conn;
	struct writ_err err = { WRIT_OK, "" };
	FILE *in = fdopen(IN, "r");
	char line[4096];
	bool well;

	if (!in || writ_conn_init(&conn, WIRE, &writ_wire_api, WRIT_SIDE_FRONT,
	    &err) != WRIT_OK || !greet(&conn))
		return 1;
	while (fgets(line, sizeof(line), in)) {
		struct order o = { .pace.count = 0 };

		well = parse(line, &o) && carry_out(&conn, &o);
		if (!well)
			return 1;
		bench_pace_report(&o.pace, line, sizeof(line));
		bench_pace_release(&o.pace);
		if (write(OUT, line, strlen(line)) < 0)
			return 1;
	}
	return 0;
}
