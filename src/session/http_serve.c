#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>

#include "base/limits.h"
#include "cap/clock.h"
#include "session/http_serve.h"

#define MS 1000000ull
#define AGAIN_MS 100			/* before a lost worker is replaced; doubles */
#define AGAIN_MS_MAX 10000
#define WELL_MS 10000			/* one that lasted so long had no failure */
#define TOLD_MAX 32			/* requests of one worker that went wrong and are told */
#define POLLED (3 * WRIT_SERVE_WORKERS_MAX + HTTP_ADMIN_MAX + 2)

static void
say(const struct http_server *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(const struct http_server *s, const char *fmt, ...)
{
	char line[WRIT_ERR_MSG_MAX + 128];
	va_list ap;

	if (!s->options->say)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->options->say(s->options->ctx, line);
}

/* ---- what a worker tells */

static void
on_refused(void *ctx, const struct writ_refused *r)
{
	struct http_seat *seat = ctx;
	const struct writ_serve_options *o = seat->server->options;

	if (o->refused)
		writ_tool_refusal(&seat->tool, r, o->refused, o->ctx);
}

static bool
on_output(void *ctx, int which, const char *bytes, size_t len)
{
	const struct writ_serve_options *o =
	    ((struct http_seat *)ctx)->server->options;

	return !o->output || o->output(o->ctx, which, bytes, len);
}

static void
on_log(void *ctx, unsigned level, struct writ_str context,
    struct writ_str message)
{
	const struct writ_serve_options *o =
	    ((struct http_seat *)ctx)->server->options;

	writ_tool_tell_log(level, context, message, o->log, o->ctx);
}

static void
on_report(void *ctx, struct writ_str kind, struct writ_str op, uint64_t count,
    uint64_t bytes)
{
	struct http_seat *seat = ctx;

	if (!writ_tool_report(&seat->tool, kind, op, count, bytes))
		seat->record.failed = true;
}

static const char *
outcome_word(enum writ_served_outcome outcome)
{
	static const char *const words[] = { "ok", "exited", "trapped",
		"limit", "cancelled", "failed" };

	return words[outcome];
}

/* The operator hears of the first ones; all of them are on record. */
static void
tell_wrong(struct http_seat *seat, const struct writ_served_row *r)
{
	struct writ_buf room[2];

	seat->server->failed++;
	if (seat->told >= TOLD_MAX)
		return;
	writ_buf_init(&room[0], WRIT_WIRE_MSG_MAX);
	writ_buf_init(&room[1], WRIT_WIRE_MSG_MAX);
	say(seat->server, "%.*s %.*s: %s%s%.*s%s", WRIT_STR_ARG(r->method),
	    WRIT_STR_ARG(writ_str_first(writ_secrets_clean(seat->tool.secrets,
	    r->path, r->path.len, &room[0]), 128)),
	    outcome_word(r->outcome), r->detail.len ? ": " : "",
	    WRIT_STR_ARG(writ_str_first(writ_secrets_clean(seat->tool.secrets,
	    r->detail, r->detail.len, &room[1]), 256)),
	    ++seat->told == TOLD_MAX ? " (the rest is on record)" : "");
	writ_buf_release(&room[0]);
	writ_buf_release(&room[1]);
}

static bool
next_row(void *ctx, struct writ_audit_request *out)
{
	struct writ_wire_in *rows = ctx;
	struct writ_served_row r;

	if (!rows->len)
		return false;
	writ_served_get(rows, &r);
	*out = (struct writ_audit_request){ r.method, r.path,
		writ_str_from(outcome_word(r.outcome)), r.detail, r.status,
		r.up, r.down, r.wall_us, r.cpu_us };
	return true;
}

static enum writ_status
open_log(struct http_seat *seat, struct writ_err *err)
{
	struct writ_tool *t = &seat->tool;
	enum writ_status st = writ_tool_log(t, NULL, "serve", err);

	if (st == WRIT_OK)
		st = writ_tool_secrets(t, err);
	if (st == WRIT_OK && !seat->has_net)
		st = writ_session_net_prepare(&seat->net, seat->server->host,
		    t->policy, err);
	seat->has_net = st == WRIT_OK;
	t->net = &seat->net;
	if (st == WRIT_OK)
		st = writ_tool_begin(t, (struct writ_str){ NULL, 0 }, err);
	seat->record.audit = t->audit;
	seat->record.secrets = seat->run.secrets = t->secrets;
	return st;
}

static enum writ_status
start_net(struct http_seat *seat, struct writ_err *err)
{
	enum writ_status st = writ_session_net_start(&seat->net,
	    seat->server->host, &seat->record, seat->tool.secrets, err);

	seat->run.net = seat->net.net;
	seat->run.socks = seat->net.socks;
	return st;
}

/* A session's log is full, and those who are served know nothing of it: another session goes on. */
static bool
next_session(struct http_seat *seat)
{
	struct writ_audit_end end = { WRIT_STR("limit"),
		WRIT_STR("another session goes on"), 0, 0 };
	struct writ_secrets *secrets = writ_steal(&seat->tool.secrets);

	/* what its guests asked of others ends with the log that it is in */
	if (seat->run.socks)
		(void)!writ_socks_cut(seat->run.socks, &seat->run.conn);
	seat->run.net = NULL;
	seat->run.socks = NULL;
	writ_session_net_end(&seat->net);
	(void)!writ_audit_session_end(seat->tool.audit, &end, NULL);
	writ_tool_release(&seat->tool);
	writ_tool_share(&seat->tool, &seat->server->tool);
	seat->tool.secrets = secrets;	/* the worker, and what it says, go on */
	return open_log(seat, NULL) == WRIT_OK && start_net(seat, NULL) ==
	    WRIT_OK;
}

static void
write_down(struct http_seat *seat, const struct writ_serving *now,
    const struct writ_wire_in *rows)
{
	struct writ_audit_served a = { now->malformed, now->busy };
	struct writ_wire_in in = *rows;
	struct writ_served_row r;
	uint64_t written;
	enum writ_status st = writ_audit_served(seat->tool.audit, &a, next_row,
	    &in, &written, NULL);

	if (st == WRIT_LIMIT && next_session(seat)) {
		if (written)
			a = (struct writ_audit_served){ 0, 0 };
		for (in = *rows; written; written--)
			writ_served_get(&in, &r);
		st = writ_audit_served(seat->tool.audit, &a, next_row, &in,
		    &written, NULL);
	}
	if (st != WRIT_OK)
		seat->record.failed = true;
}

static void
on_served(void *ctx, const struct writ_serving *now, struct writ_wire_in *rows)
{
	struct http_seat *seat = ctx;
	struct http_server *s = seat->server;
	struct writ_wire_in in = *rows;
	struct writ_served_row r;

	seat->now = *now;
	s->malformed += now->malformed;
	s->busy += now->busy;
	if (rows->len || now->malformed || now->busy)
		write_down(seat, now, rows);
	while (in.len) {
		writ_served_get(&in, &r);
		s->requests++;
		if (r.outcome != WRIT_SERVED_OK &&
		    r.outcome != WRIT_SERVED_CANCELLED)
			tell_wrong(seat, &r);
	}
}

/* ---- seats */

static void
seat_end_record(struct http_seat *seat)
{
	struct writ_audit_end end = { WRIT_STR("stopped"), { NULL, 0 }, 0, 0 };

	if (seat->run.over && seat->run.end == WRIT_RUN_LOST) {
		end.outcome = WRIT_STR("worker-lost");
		end.reason = writ_str_from(seat->run.why);
	}
	if (seat->tool.begun)
		(void)!writ_audit_session_end(seat->tool.audit, &end, NULL);
}

static void
seat_clear(struct http_seat *seat)
{
	if (!seat->filled)
		return;
	writ_run_release(&seat->run);
	writ_session_net_release(&seat->net);
	seat->has_net = false;
	seat->run.net = NULL;
	seat->run.socks = NULL;
	seat_end_record(seat);
	writ_files_release(&seat->files);
	writ_record_release(&seat->record);
	writ_tool_release(&seat->tool);
	memset(&seat->now, 0, sizeof(seat->now));
	seat->filled = false;
}

static void
seat_ports(struct http_seat *seat)
{
	struct writ_run *run = &seat->run;
	const struct writ_serve_options *o = seat->server->options;

	writ_record_init(&seat->record, seat->tool.audit, seat->tool.policy,
	    on_refused, seat);
	run->policy = seat->tool.policy;
	run->record = &seat->record;
	run->files = &seat->files;
	run->name = seat->server->name;
	run->args = o->args;
	run->args_count = o->args_count;
	run->output = on_output;
	run->log = on_log;
	run->report = on_report;
	run->served = on_served;
	run->ctx = seat;
	writ_tool_setup(&seat->tool, &run->setup);
}

static enum writ_status
seat_start(struct http_seat *seat, struct writ_err *err)
{
	struct http_server *s = seat->server;
	uint8_t key[WRIT_FS_KEY_LEN];
	enum writ_status st;

	st = writ_run_start_serving(&seat->run, s->host->worker,
	    s->host->without_walls, s->listener, s->concurrency, err);
	seat_ports(seat);
	if (st == WRIT_OK)
		st = open_log(seat, err);
	if (st == WRIT_OK)
		st = writ_tool_check_places(&seat->tool, err);
	writ_hash_random(key, sizeof(key));
	if (st == WRIT_OK)
		st = writ_files_init(&seat->files, seat->tool.policy,
		    &seat->record, key, false, err);
	if (st == WRIT_OK)
		st = start_net(seat, err);
	if (st == WRIT_OK)
		st = writ_run_setup(&seat->run, &seat->tool.code.code, err);
	if (st == WRIT_OK)
		writ_run_serving(&seat->run);
	return st;
}

static enum writ_status
seat_fill(struct http_seat *seat, struct writ_err *err)
{
	seat->filled = true;
	seat->told = 0;
	seat->started_ns = writ_clock_host_ns();
	seat->run.conn.fd = seat->run.child.pidfd = -1;
	memset(&seat->record, 0, sizeof(seat->record));
	memset(&seat->files, 0, sizeof(seat->files));
	writ_tool_share(&seat->tool, &seat->server->tool);
	return seat_start(seat, err);
}

static void
later(struct http_seat *seat, uint64_t now)
{
	uint64_t ms = AGAIN_MS;
	unsigned i;

	if (now - seat->started_ns > WELL_MS * MS)
		seat->failures = 0;
	for (i = 0; i < seat->failures && ms < AGAIN_MS_MAX; i++)
		ms *= 2;
	seat->failures++;
	seat->again_ns = now + (ms < AGAIN_MS_MAX ? ms : AGAIN_MS_MAX) * MS;
}

/* Before it has served at all, what is wrong with one is wrong with all. */
static void
seat_over(struct http_seat *seat)
{
	struct http_server *s = seat->server;
	const struct writ_run *run = &seat->run;

	if (!s->ready && !s->stopping)
		writ_fail(&s->why, run->end == WRIT_RUN_REFUSED ?
		    run->refused_status : WRIT_IO, "%s: %s",
		    s->options->component, run->why);
	else if (!s->stopping)
		say(s, "worker %u: %s; another takes its place",
		    seat->number, run->why[0] ? run->why : run->limit);
	later(seat, writ_clock_host_ns());
	seat_clear(seat);
	if (!s->stopping)
		s->replaced++;
}

static void
seat_step(struct http_seat *seat, short revents)
{
	struct http_server *s = seat->server;
	struct writ_err err = { WRIT_OK, "" };

	if (!seat->filled) {
		if (s->stopping || writ_clock_host_ns() < seat->again_ns)
			return;
		if (seat_fill(seat, &err) == WRIT_OK)
			return;
		say(s, "worker %u: %s", seat->number, err.msg);
		later(seat, writ_clock_host_ns());
		seat_clear(seat);
		return;
	}
	if (seat->run.net)
		writ_net_step(seat->run.net);
	writ_run_side_step(&seat->run);
	if (revents || writ_conn_unsent(&seat->run.conn))
		(void)writ_run_step(&seat->run);
	else
		writ_run_judge_due(&seat->run);
	if (seat->run.over)
		seat_over(seat);
}

/* ---- the whole */

static void
tell_ready(struct http_server *s)
{
	char url[80];
	unsigned i;

	if (s->ready || s->stopping)
		return;
	for (i = 0; i < s->seats_count; i++)
		if (!s->seats[i].filled || !s->seats[i].run.started)
			return;
	s->ready = true;
	snprintf(url, sizeof(url), "http://%s/", s->address);
	if (s->options->ready)
		s->options->ready(s->options->ctx, url);
}

static void
stop(struct http_server *s)
{
	uint64_t grace = s->options->grace_ms ? s->options->grace_ms :
	    WRIT_SERVE_GRACE_MS;
	char bytes[16];
	ssize_t n = read(s->options->cancel_fd, bytes, sizeof(bytes));
	unsigned i;

	if (n < 0)
		return;
	if (s->stopping || n > 1) {
		s->stopping = 2;
		return;
	}
	s->stopping = 1;
	s->stop_ns = writ_clock_host_ns() + grace * MS;
	writ_closep(&s->listener);
	for (i = 0; i < s->seats_count; i++) {
		struct http_seat *seat = &s->seats[i];

		if (seat->filled && (!seat->run.started ||
		    writ_run_drain(&seat->run) != WRIT_OK))
			seat_clear(seat);
	}
}

static unsigned
filled(const struct http_server *s)
{
	unsigned i, n = 0;

	for (i = 0; i < s->seats_count; i++)
		n += s->seats[i].filled;
	return n;
}

static int
wait_ms(const struct http_server *s)
{
	uint64_t now = writ_clock_host_ns();
	unsigned i;
	int ms = 1000, net;

	for (i = 0; i < s->seats_count; i++) {
		net = s->seats[i].filled && s->seats[i].run.net ?
		    writ_net_wait_ms(s->seats[i].run.net) : -1;
		if (net >= 0 && net < ms)
			ms = net;
	}
	for (i = 0; i < s->seats_count; i++)
		if (!s->seats[i].filled && s->seats[i].again_ns < now +
		    AGAIN_MS * MS)
			ms = 20;
	if (s->stopping)
		ms = s->stop_ns <= now ? 0 : 50;
	return ms;
}

static enum writ_status
turn(struct http_server *s)
{
	struct pollfd p[POLLED];
	unsigned i, n = s->seats_count;

	for (i = 0; i < n; i++) {
		struct http_seat *seat = &s->seats[i];

		p[i] = (struct pollfd){ seat->filled ? seat->run.conn.fd : -1,
			POLLIN, 0 };
		if (seat->filled && writ_conn_unsent(&seat->run.conn))
			p[i].events |= POLLOUT;
		p[n + HTTP_ADMIN_MAX + 2 + i] = (struct pollfd){ seat->filled &&
		    seat->run.net ? writ_net_fd(seat->run.net) : -1, POLLIN,
		    0 };
		p[2 * n + HTTP_ADMIN_MAX + 2 + i] = (struct pollfd){
		    seat->filled && seat->run.socks ?
		    writ_socks_fd(seat->run.socks) : -1, POLLIN, 0 };
	}
	http_admin_poll(&s->admin, p + n);
	p[n + HTTP_ADMIN_MAX + 1] = (struct pollfd){ s->options->has_cancel &&
		s->stopping < 2 ? s->options->cancel_fd : -1, POLLIN, 0 };
	if (poll(p, 3 * n + HTTP_ADMIN_MAX + 2, wait_ms(s)) < 0)
		return errno == EINTR ? WRIT_OK : writ_fail(&s->why, WRIT_IO,
		    "poll: %s", strerror(errno));
	if (p[n + HTTP_ADMIN_MAX + 1].revents)
		stop(s);
	for (i = 0; i < n; i++)
		seat_step(&s->seats[i], p[i].revents);
	http_admin_step(s, p + n);
	tell_ready(s);
	return s->why.status;
}

static enum writ_status
serve(struct http_server *s)
{
	enum writ_status st = WRIT_OK;
	unsigned i, n;

	for (i = 0; st == WRIT_OK && i < s->seats_count; i++)
		st = seat_fill(&s->seats[i], &s->why);
	while (st == WRIT_OK && !(s->stopping && !filled(s))) {
		st = turn(s);
		if (s->stopping && (s->stopping > 1 ||
		    writ_clock_host_ns() >= s->stop_ns))
			break;
	}
	n = filled(s);
	if (st == WRIT_OK && n)
		say(s, "%u worker%s ended with requests that still ran", n,
		    n == 1 ? "" : "s");
	return st;
}

/* ---- before and after */

static unsigned
cpus(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > WRIT_SERVE_WORKERS_MAX ?
	    WRIT_SERVE_WORKERS_MAX : (unsigned)n;
}

static enum writ_status
check_options(struct http_server *s, struct writ_err *err)
{
	const struct writ_serve_options *o = s->options;
	const char *slash = o->component ? strrchr(o->component, '/') : NULL;

	if (!o->component || !o->address)
		return writ_fail(err, WRIT_INVALID, "no component, or no "
		    "address");
	if (o->workers > WRIT_SERVE_WORKERS_MAX ||
	    o->concurrency > WRIT_SERVE_GUESTS_MAX)
		return writ_fail(err, WRIT_LIMIT, "at most %u workers, and %u "
		    "requests of one at a time", WRIT_SERVE_WORKERS_MAX,
		    WRIT_SERVE_GUESTS_MAX);
	s->seats_count = o->workers ? o->workers : cpus();
	s->concurrency = o->concurrency ? o->concurrency : WRIT_SERVE_GUESTS;
	snprintf(s->name, sizeof(s->name), "%s", o->name ? o->name :
	    slash ? slash + 1 : o->component);
	return WRIT_OK;
}

static enum writ_status
load(struct http_server *s, struct writ_err *err)
{
	const struct writ_policy *policy = s->options->policy;
	enum writ_status st = WRIT_OK;

	if (!policy)
		st = writ_policy_empty(&s->own_policy, err);
	writ_tool_init(&s->tool, s->host, s->options->component, policy ?
	    policy : s->own_policy);
	if (st == WRIT_OK)
		st = writ_tool_open(&s->tool, err);
	if (st == WRIT_OK)
		st = writ_tool_read(&s->tool, err);
	if (st == WRIT_OK)
		st = writ_tool_prepare(&s->tool, err);
	if (st == WRIT_OK && !json_is_true(json_object_get(s->tool.described,
	    "serve")))
		return writ_fail(err, WRIT_INVALID, "%s: does not export "
		    "wasi:http/incoming-handler, so it cannot serve",
		    s->options->component);
	return st;
}

static enum writ_status
prepare(struct http_server *s, struct writ_err *err)
{
	enum writ_status st = check_options(s, err);
	unsigned i;

	if (st == WRIT_OK)
		st = load(s, err);
	if (st == WRIT_OK)
		st = http_bind(s->options->address, &s->listener, s->address,
		    err);
	if (st == WRIT_OK && s->options->admin)
		st = http_bind_unix(s->options->admin, &s->admin.fd, err);
	if (st != WRIT_OK)
		return st;
	s->seats = writ_alloc(s->seats_count, sizeof(*s->seats));
	if (!s->seats)
		return writ_fail(err, WRIT_NOMEM, "workers");
	for (i = 0; i < s->seats_count; i++) {
		s->seats[i].server = s;
		s->seats[i].number = i + 1;
	}
	return WRIT_OK;
}

static void
release(struct http_server *s)
{
	unsigned i;

	for (i = 0; s->seats && i < s->seats_count; i++)
		seat_clear(&s->seats[i]);
	writ_mem_free(s->seats);
	http_admin_release(&s->admin);
	writ_closep(&s->listener);
	writ_tool_release(&s->tool);
	writ_policy_free(s->own_policy);
}

enum writ_status
writ_http_serve(struct writ_host *host, const struct writ_serve_options *options,
    struct writ_err *err)
{
	struct http_server s = { .host = host, .options = options,
		.listener = -1, .admin.fd = -1, .admin.path = options->admin,
		.tool.fd = -1 };
	enum writ_status st;
	unsigned i;

	for (i = 0; i < HTTP_ADMIN_MAX; i++)
		s.admin.askers[i].fd = -1;
	s.tool.file.bytes = s.tool.code.code = s.tool.code.text =
	    WRIT_BYTES_NONE;
	host->cancel_fd = options->has_cancel ? options->cancel_fd : -1;
	st = prepare(&s, err);
	if (st == WRIT_OK) {
		st = serve(&s);
		if (st != WRIT_OK && err)
			*err = s.why;
	}
	release(&s);
	host->cancel_fd = -1;
	return st;
}
