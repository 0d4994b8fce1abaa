#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "cap/clock.h"
#include "jail/jail.h"
#include "session/listen.h"
#include "session/serve.h"

#define RELOAD_NS 300000000ull		/* an edit is over when it has been quiet so long */
#define TICK_MS 1000
#define GONE_MS 2000			/* for a front end to end by itself */

void
serve_say(const struct serve *s, const char *fmt, ...)
{
	char line[WRIT_ERR_MSG_MAX + 256];
	va_list ap;

	if (!s->options->say)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->options->say(s->options->ctx, line);
}

/* ---- seats */

static struct serve_seat *
seat_at(const struct serve *s, size_t i)
{
	return *(struct serve_seat **)writ_vec_at(&s->seats, i);
}

static void
seat_end_record(struct serve_seat *seat)
{
	struct writ_audit_end end = { WRIT_STR("ok"), { NULL, 0 }, 0, 0 };

	if (seat->run.over && seat->run.end != WRIT_RUN_FINISHED)
		end.outcome = seat->run.end == WRIT_RUN_LOST ?
		    WRIT_STR("worker-lost") : WRIT_STR("stopped");
	if (seat->tool.begun)
		(void)!writ_audit_session_end(seat->tool.audit, &end, NULL);
}

static void
seat_free(struct serve_seat *seat)
{
	writ_run_release(&seat->run);
	writ_session_net_release(&seat->net);
	seat_end_record(seat);
	writ_files_release(&seat->files);
	writ_record_release(&seat->record);
	writ_tool_release(&seat->tool);
	seat->box->users--;
	writ_mem_free(seat);
}

static void
seat_drop(struct serve *s, size_t i)
{
	struct serve_seat *seat = seat_at(s, i);

	writ_vec_remove(&s->seats, i);
	seat_free(seat);
}

static enum writ_status
seat_start(struct serve *s, struct serve_seat *seat, struct writ_err *err)
{
	uint8_t key[WRIT_FS_KEY_LEN];
	enum writ_status st;

	st = writ_run_start(&seat->run, s->host->worker,
	    s->host->without_walls, true, err);
	if (st == WRIT_OK)
		st = writ_tool_log(&seat->tool, NULL, "mcp", err);
	if (st == WRIT_OK)
		st = writ_tool_secrets(&seat->tool, err);
	if (st == WRIT_OK)
		st = writ_session_net_prepare(&seat->net, s->host,
		    seat->tool.policy, err);
	seat->tool.net = &seat->net;
	if (st == WRIT_OK)
		st = writ_tool_begin(&seat->tool, (struct writ_str){ NULL, 0 },
		    err);
	if (st != WRIT_OK)
		return st;
	serve_call_ports(seat);
	writ_hash_random(key, sizeof(key));
	st = writ_tool_check_places(&seat->tool, err);
	if (st == WRIT_OK)
		st = writ_files_init(&seat->files, seat->tool.policy,
		    &seat->record, key, false, err);
	seat->run.files = &seat->files;
	if (st == WRIT_OK)
		st = writ_session_net_start(&seat->net, s->host, &seat->record,
		    seat->tool.secrets, err);
	seat->run.net = seat->net.net;
	seat->run.socks = seat->net.socks;
	return st == WRIT_OK ? writ_run_setup(&seat->run, &seat->tool.code.code,
	    err) : st;
}

static enum writ_status
seat_new(struct serve *s, struct serve_call *call, struct serve_seat **out,
    struct writ_err *err)
{
	struct serve_seat *seat = writ_alloc(1, sizeof(*seat)), **slot;
	enum writ_status st;

	if (!seat)
		return writ_fail(err, WRIT_NOMEM, "worker");
	seat->server = s;
	seat->box = call->box;
	seat->box->users++;
	seat->group = call->tool->group;
	seat->run.conn.fd = seat->run.child.pidfd = -1;
	seat->client = call->client;
	memcpy(seat->name, call->session, sizeof(seat->name));
	writ_tool_share(&seat->tool, &seat->group->tool);
	st = writ_vec_push(&s->seats, &slot);
	if (st == WRIT_OK) {
		*slot = seat;
		st = seat_start(s, seat, err);
		if (st != WRIT_OK)
			writ_vec_remove(&s->seats, s->seats.len - 1);
	}
	if (st != WRIT_OK) {
		seat_free(seat);
		return st;
	}
	*out = seat;
	return WRIT_OK;
}

/* An idle worker of another tool makes room. */
static bool
make_room(struct serve *s)
{
	size_t i, oldest = s->seats.len;

	for (i = 0; i < s->seats.len; i++) {
		struct serve_seat *seat = seat_at(s, i);

		if (!seat->call && !seat->name[0] && (oldest == s->seats.len ||
		    seat->idle_ns < seat_at(s, oldest)->idle_ns))
			oldest = i;
	}
	if (oldest == s->seats.len)
		return false;
	seat_drop(s, oldest);
	return true;
}

/* Whether a call waits for its client's answer: it costs a process, and no time of others. */
static bool
asks(const struct serve_call *c)
{
	unsigned i;

	for (i = 0; i < WRIT_ASKS_MAX; i++)
		if (c->asks[i].id)
			return true;
	return false;
}

static enum writ_status
named_full(const struct serve_call *call, size_t named, struct writ_err *err)
{
	if (named < call->tool->group->spec->limits.sessions)
		return WRIT_OK;
	return writ_fail(err, WRIT_LIMIT, "%zu named sessions of this tool are "
	    "open, and its toolbox allows no more (limits.sessions)", named);
}

enum writ_status
serve_seat_for(struct serve *s, struct serve_call *call, struct serve_seat **out,
    struct writ_err *err)
{
	const struct writ_box_group *g = call->tool->group;
	size_t i, busy = 0, named = 0;
	enum writ_status st = WRIT_OK;

	for (i = 0; i < s->seats.len; i++) {
		struct serve_seat *seat = seat_at(s, i);
		bool mine = seat->name[0] && seat->client == call->client &&
		    !strcmp(seat->name, call->session);

		if (seat->group != g || seat->stop)
			continue;
		busy += seat->call && !asks(seat->call);
		named += seat->name[0] != '\0';
		if (mine && seat->call)
			return WRIT_BUSY;
		if (!seat->call && (call->session[0] ? mine :
		    seat->name[0] == '\0')) {
			*out = seat;
			return WRIT_OK;
		}
	}
	if (call->session[0])
		st = named_full(call, named, err);
	else if (busy >= g->spec->limits.concurrency && !call->parent)
		return WRIT_BUSY;	/* a parent would wait for itself */
	if (st == WRIT_OK && s->seats.len >= WRIT_SERVE_SEATS_MAX &&
	    !make_room(s))
		return WRIT_BUSY;
	return st == WRIT_OK ? seat_new(s, call, out, err) : st;
}

static void
seat_over(struct serve *s, size_t i)
{
	struct serve_seat *seat = seat_at(s, i);

	if (seat->run.end != WRIT_RUN_FINISHED)
		seat->stop = true;
	if (seat->name[0] && seat->run.done.outcome.kind != WRIT_OUTCOME_DONE &&
	    !seat->run.done.refused)
		seat->stop = true;	/* its instance is gone, so its state is */
	if (seat->call)
		serve_call_finish(s, seat);
	if (seat->call)
		return;			/* it was given another already */
	if (seat->stop)
		seat_drop(s, i);
	else
		seat->idle_ns = writ_clock_host_ns();
}

/* Who only looks at a session's files does not end it by looking away. */
static bool
to_stop(const struct serve_seat *seat)
{
	return seat->call && seat->call->cancelled && !seat->call->peek &&
	    !seat->run.over;
}

/* Between calls a worker has nothing to say: it died, or it is not itself any more. */
static bool
idle_spoke(struct serve *s, size_t i, short revents)
{
	struct serve_seat *seat = seat_at(s, i);

	if (seat->call || !seat->calls || !revents)
		return false;
	seat->run.end = WRIT_RUN_LOST;
	seat_drop(s, i);
	return true;
}

/* Every worker's turn; from the last, since one may be dropped. */
static void
seats_step(struct serve *s, const struct pollfd *p)
{
	size_t i;

	/* whoever's turn it is: an outcome waits for nobody */
	for (i = 0; i < s->seats.len; i++) {
		struct writ_run *run = &seat_at(s, i)->run;

		if (run->net)
			writ_net_step(run->net);
		writ_run_side_step(run);
	}

	for (i = s->seats.len; i-- > 0;) {
		struct serve_seat *seat = seat_at(s, i);

		if (idle_spoke(s, i, p[i].revents & ~POLLOUT))
			continue;
		if (serve_stalled(s))
			writ_run_judge_due(&seat->run);
		else if (p[i].revents || writ_conn_unsent(&seat->run.conn))
			(void)writ_run_step(&seat->run);
		if (!p[i].revents && seat->run.calling)
			writ_run_judge_due(&seat->run);
		if (to_stop(seat))
			writ_run_cancel(&seat->run);
		/* whoever does not read: a stopped guest does not go on */
		if (seat->run.over && seat->run.end != WRIT_RUN_FINISHED)
			writ_child_end(&seat->run.child, NULL);
		if (seat->run.over && !serve_stalled(s) && (seat->call ||
		    seat->run.end != WRIT_RUN_FINISHED))
			seat_over(s, i);
	}
}

static void
seats_expire(struct serve *s)
{
	uint64_t now = writ_clock_host_ns();
	size_t i;

	for (i = s->seats.len; i-- > 0;) {
		struct serve_seat *seat = seat_at(s, i);

		if (seat->call || !seat->calls)
			continue;
		if (seat->stop || now - seat->idle_ns >
		    seat->group->spec->limits.idle_ms * 1000000) {
			seat_drop(s, i);
		} else if (now - seat->judged_ns > TICK_MS * 1000000ull) {
			seat->judged_ns = now;
			writ_run_judge(&seat->run);
		}
	}
}

/* ---- the toolbox, and its edits */

static void
boxes_sweep(struct serve *s)
{
	size_t i;

	for (i = s->boxes.len; i-- > 0;) {
		struct serve_box *b = *(struct serve_box **)writ_vec_at(
		    &s->boxes, i);

		if (b == s->box || b->users)
			continue;
		writ_vec_remove(&s->boxes, i);
		writ_box_free(b->box);
		writ_mem_free(b);
	}
}

static enum writ_status
box_take(struct serve *s, struct writ_err *err)
{
	writ_auto(writ_box) box = NULL;
	struct serve_box *b, **slot;
	enum writ_status st;

	st = writ_box_load(s->host, s->options->toolbox, WRIT_BOX_LOCKED, &box,
	    err);
	if (st != WRIT_OK)
		return st;
	b = writ_alloc(1, sizeof(*b));
	if (!b)
		return writ_fail(err, WRIT_NOMEM, "toolbox");
	st = writ_vec_push(&s->boxes, &slot);
	if (st != WRIT_OK) {
		writ_mem_free(b);
		return writ_fail(err, st, "calls of several older toolboxes "
		    "still run");
	}
	b->box = writ_steal(&box);
	*slot = b;
	s->box = b;
	return WRIT_OK;
}

static void
watch(struct serve *s)
{
	const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE |
	    IN_DONT_FOLLOW;
	const struct writ_box *box = s->box->box;
	size_t i;

	if (s->watch_fd >= 0)
		close(s->watch_fd);
	s->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->watch_fd < 0)
		return;
	(void)inotify_add_watch(s->watch_fd, box->dir, mask);
	for (i = 0; i < box->toolbox->groups_count; i++) {
		(void)inotify_add_watch(s->watch_fd, box->groups[i].component,
		    mask);
		if (box->groups[i].writ)
			(void)inotify_add_watch(s->watch_fd,
			    box->groups[i].writ, mask);
	}
}

static void
drain_watch(struct serve *s)
{
	char events[8192];

	while (read(s->watch_fd, events, sizeof(events)) > 0)
		s->reload_ns = writ_clock_host_ns() + RELOAD_NS;
}

/* What was approved goes on being served until the new state is pinned as well. */
static void
reload(struct serve *s)
{
	struct writ_err err = { WRIT_OK, "" };
	size_t i;

	s->reload_ns = 0;
	if (box_take(s, &err) != WRIT_OK) {
		serve_say(s, "toolbox changed, still serving what was pinned: "
		    "%s", err.msg);
		return;
	}
	for (i = 0; i < s->seats.len; i++)
		seat_at(s, i)->stop = true;
	watch(s);
	s->generation++;
	if (serve_catalog(s) != WRIT_OK) {
		(void)!writ_fail(&s->why, WRIT_LIMIT, "%s: more than the front "
		    "end takes", s->options->toolbox);
		s->over = true;
		return;
	}
	serve_say(s, "toolbox loaded again: %zu tools", s->box->box->tools.len);
}

/* ---- the loop */

static enum writ_status
hear(struct serve *s)
{
	struct writ_err err = { WRIT_OK, "" };
	enum writ_status st = s->held ? WRIT_OK : writ_conn_fill(&s->conn);
	struct writ_msg m;

	if (st != WRIT_OK)
		return st == WRIT_AGAIN ? WRIT_OK : st;
	while (!(s->held = serve_stalled(s)) &&
	    (st = writ_conn_next(&s->conn, &m, &err)) == WRIT_OK) {
		st = serve_message(s, &m);
		writ_closep(&m.fd);
		if (st != WRIT_OK)
			return writ_fail(&s->why, st, "the front end broke the "
			    "protocol (%s)", m.row->name);
	}
	if (s->held || st == WRIT_AGAIN)
		return WRIT_OK;
	return writ_fail(&s->why, st, "the front end broke the protocol (%s)",
	    err.msg);
}

static int
timeout_ms(const struct serve *s)
{
	int most = s->reload_ns ? 100 : s->seats.len ? TICK_MS : -1;
	bool stalled = serve_stalled(s);
	size_t i;

	if (s->held && !stalled)
		return 0;
	for (i = 0; i < s->seats.len; i++) {
		const struct serve_seat *seat = seat_at(s, i);
		int net = seat->run.net ? writ_net_wait_ms(seat->run.net) : -1;
		int ms = !seat->run.over ? writ_run_wait_ms(&seat->run) :
		    seat->call && !stalled ? 0 : -1;

		if (to_stop(seat))
			return 0;
		if (ms >= 0 && (most < 0 || ms < most))
			most = ms;
		if (net >= 0 && (most < 0 || net < most))
			most = net;
	}
	return most;
}

static void
turn(struct serve *s)
{
	struct pollfd p[3 + 3 * WRIT_SERVE_SEATS_MAX];
	size_t i, n = s->seats.len;
	bool stalled = serve_stalled(s);

	p[0] = (struct pollfd){ s->conn.fd, stalled ? 0 : POLLIN, 0 };
	if (writ_conn_unsent(&s->conn))
		p[0].events |= POLLOUT;
	p[1] = (struct pollfd){ s->options->has_cancel ? s->options->cancel_fd :
	    -1, POLLIN, 0 };
	p[2] = (struct pollfd){ s->watch_fd, POLLIN, 0 };
	for (i = 0; i < n; i++) {
		const struct writ_conn *c = &seat_at(s, i)->run.conn;

		p[3 + i] = (struct pollfd){ stalled ? -1 : c->fd, POLLIN, 0 };
		if (writ_conn_unsent(c))
			p[3 + i].events |= POLLOUT;
		p[3 + n + i] = (struct pollfd){ seat_at(s, i)->run.net ?
		    writ_net_fd(seat_at(s, i)->run.net) : -1, POLLIN, 0 };
		p[3 + 2 * n + i] = (struct pollfd){ seat_at(s, i)->run.socks ?
		    writ_socks_fd(seat_at(s, i)->run.socks) : -1, POLLIN, 0 };
	}
	if (poll(p, 3 + 3 * n, timeout_ms(s)) < 0 && errno != EINTR) {
		s->over = true;
		return;
	}
	if (p[1].revents)
		s->over = true;
	if (p[2].revents)
		drain_watch(s);
	seats_step(s, p + 3);
	if ((p[0].revents || s->held) && !serve_stalled(s) &&
	    hear(s) != WRIT_OK)
		s->over = true;
	serve_calls_go(s);
}

static void
loop(struct serve *s)
{
	while (!s->over) {
		turn(s);
		if (writ_conn_flush(&s->conn) == WRIT_CLOSED)
			s->over = true;
		seats_expire(s);
		boxes_sweep(s);
		if (s->reload_ns && writ_clock_host_ns() > s->reload_ns &&
		    !serve_stalled(s))
			reload(s);
	}
}

/* ---- begin and end */

static enum writ_status
start_front(struct serve *s, int a, int b, struct writ_err *err)
{
	struct writ_jail_args args;
	char program[4096];
	struct writ_spawn spec = { .program = program };
	writ_auto_fd theirs = -1;
	enum writ_status st;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return writ_fail(err, WRIT_IO, "socketpair: %s",
		    strerror(errno));
	theirs = pair[1];
	st = writ_conn_init(&s->conn, pair[0], &writ_wire_api, WRIT_SIDE_BROKER,
	    err);
	if (st != WRIT_OK) {
		close(pair[0]);
		return st;
	}
	st = writ_host_program(s->host, "writ-mcp", program, err);
	if (st != WRIT_OK)
		return st;
	writ_jail_args(s->host->without_walls, &args);
	spec.args[0] = args.walls;
	spec.args[1] = args.uid;
	spec.args[2] = args.gid;
	spec.fds[spec.fds_count++] = theirs;
	spec.fds[spec.fds_count++] = a;
	if (b >= 0)
		spec.fds[spec.fds_count++] = b;
	return writ_spawn(&spec, &s->front, err);
}

static enum writ_status
send_config(struct serve *s, const struct writ_listen *l, struct writ_err *err)
{
	struct writ_api_config c = {
		.transport = s->options->http ? WRIT_API_HTTP : WRIT_API_STDIO,
		.flags = s->options->no_wishes ? 0 : WRIT_API_CONFIG_GRANTS,
		.clients_max = s->options->http ? WRIT_CLIENTS_MAX : 1,
		.idle_ms = WRIT_SERVE_IDLE_MS, .park_ms = WRIT_SERVE_PARK_MS,
		.version = WRIT_STR(WRIT_VERSION), .path = WRIT_STR("/mcp"),
		.hosts = writ_str_from(l->hosts),
		.origins = writ_str_from(l->origins),
	};
	enum writ_status st;

	if (s->options->http && !s->options->no_token) {
		c.flags |= WRIT_API_CONFIG_TOKEN;
		memcpy(c.token, l->token, sizeof(c.token));
	}
	writ_buf_reset(&s->scratch);
	writ_api_config_put(&s->scratch, &c);
	st = writ_buf_status(&s->scratch);
	if (st == WRIT_OK)
		st = writ_conn_send(&s->conn, WRIT_API_CONFIG, 0,
		    writ_buf_view(&s->scratch), -1);
	return st == WRIT_OK ? st : writ_fail(err, st, "front end");
}

/* The front end says HELLO first; it has some seconds for it. */
static enum writ_status
greet(struct serve *s, struct writ_err *err)
{
	struct pollfd p = { s->conn.fd, POLLIN, 0 };
	struct writ_msg m;
	enum writ_status st = WRIT_AGAIN;

	while (st == WRIT_AGAIN && poll(&p, 1, 10000) > 0) {
		st = writ_conn_fill(&s->conn);
		if (st == WRIT_OK)
			st = writ_conn_next(&s->conn, &m, err);
	}
	if (st != WRIT_OK || m.row->type != WRIT_API_HELLO ||
	    (uint8_t)m.body.ptr[0] != WRIT_API_VERSION)
		return writ_fail(err, WRIT_IO, "writ-mcp did not start");
	s->conn.state = WRIT_STATE_RUNNING;
	return WRIT_OK;
}

static void
serve_release(struct serve *s)
{
	while (s->calls.len)
		serve_call_free(s, *(struct serve_call **)writ_vec_at(&s->calls,
		    s->calls.len - 1));
	while (s->seats.len)
		seat_drop(s, s->seats.len - 1);
	s->box = NULL;
	boxes_sweep(s);
	writ_vec_release(&s->boxes);
	writ_vec_release(&s->seats);
	writ_vec_release(&s->calls);
	writ_vec_release(&s->clients);
	writ_conn_release(&s->conn);
	if (s->front.pid > 0)
		(void)!writ_child_wait(&s->front, GONE_MS, &(int){ 0 });
	writ_buf_release(&s->scratch);
	if (s->watch_fd >= 0)
		close(s->watch_fd);
}

static enum writ_status
begin(struct serve *s, struct writ_listen *l, struct writ_err *err)
{
	const struct writ_mcp_options *o = s->options;
	enum writ_status st = box_take(s, err);

	if (st == WRIT_OK && o->http)
		st = writ_listen_open(l, o->http, !o->no_token,
		    o->token_file, err);
	if (st == WRIT_OK)
		st = start_front(s, o->http ? l->fd : o->in_fd,
		    o->http ? -1 : o->out_fd, err);
	if (st == WRIT_OK)
		st = greet(s, err);
	if (st == WRIT_OK)
		st = send_config(s, l, err);
	if (st == WRIT_OK && serve_catalog(s) != WRIT_OK)
		st = writ_fail(err, WRIT_LIMIT, "%s: more than the front end "
		    "takes", o->toolbox);
	if (st != WRIT_OK)
		return st;
	watch(s);
	if (o->http && o->no_token)
		serve_say(s, "warning: no token is asked for; every user and "
		    "program of this machine can call these tools");
	if (o->http)
		serve_say(s, "serving MCP on http://%s/mcp (%s%s)", l->address,
		    o->no_token ? "no token" : "token in ", l->token_file);
	return WRIT_OK;
}

enum writ_status
writ_mcp_serve(struct writ_host *host, const struct writ_mcp_options *o,
    struct writ_err *err)
{
	struct serve s = { .host = host, .options = o, .watch_fd = -1,
		.conn.fd = -1, .front.pidfd = -1, .generation = 1 };
	struct writ_listen l = { .fd = -1 };
	enum writ_status st;

	writ_vec_init(&s.boxes, sizeof(struct serve_box *), 8);
	writ_vec_init(&s.seats, sizeof(struct serve_seat *),
	    WRIT_SERVE_SEATS_MAX);
	writ_vec_init(&s.calls, sizeof(struct serve_call *),
	    WRIT_SERVE_CALLS_MAX);
	writ_vec_init(&s.clients, sizeof(struct serve_client),
	    WRIT_CLIENTS_MAX);
	writ_buf_init(&s.scratch, WRIT_WIRE_MSG_MAX);
	st = begin(&s, &l, err);
	writ_closep(&l.fd);
	if (st == WRIT_OK)
		loop(&s);
	serve_release(&s);
	return s.why.msg[0] ? writ_fail(err, WRIT_IO, "%s", s.why.msg) : st;
}
