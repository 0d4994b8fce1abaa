#include <poll.h>

#include "worker/serve.h"

#define SWEEP_MS 250			/* between two looks at who takes too long */
#define BUSY_WIRE (1024 * 1024)		/* unsent bytes beyond which nothing is begun */
#define MS 1000000ull

/* ---- its parts */

static void
on_listener(struct writ_watch *watch, short revents)
{
	writ_serve_accept((struct writ_serve *)(void *)((char *)watch -
	    offsetof(struct writ_serve, listener)));
}

enum writ_status
writ_serve_new(struct writ_worker *w, int listener, unsigned guests,
    struct writ_serve **out, struct writ_err *err)
{
	struct writ_serve *s = writ_alloc(1, sizeof(*s));

	if (!s)
		return writ_fail(err, WRIT_NOMEM, "serving");
	s->worker = w;
	s->listener.fd = listener;
	s->listener.events = POLLIN;
	s->listener.exclusive = true;
	s->listener.ready = on_listener;
	s->guests_max = guests;
	s->waiting_end = &s->waiting;
	s->now_ns = s->told_ns = writ_clock_host_ns();
	writ_vec_init(&s->mounts, sizeof(struct writ_buf), WRIT_MOUNTS_MAX);
	writ_buf_init(&s->rows, 2 * WRIT_SERVE_ROWS_MAX);
	*out = s;
	return writ_watches_epoll(&w->watches, err);
}

void
writ_serve_free(struct writ_serve *s)
{
	struct writ_served *r;
	size_t i;

	while ((r = s->free) != NULL) {
		s->free = r->next;
		writ_worker_tree_release(&r->guest);
		writ_worker_stdio_release(&r->guest);
		writ_mem_free(r);
	}
	for (i = 0; i < s->mounts.len; i++)
		writ_buf_release(writ_vec_at(&s->mounts, i));
	writ_vec_release(&s->mounts);
	writ_buf_release(&s->rows);
	close(s->worker->watches.epoll_fd);
	writ_mem_free(s);
}

enum writ_status
writ_serve_mount(struct writ_serve *s, struct writ_str body)
{
	struct writ_buf *b;

	if (writ_vec_push(&s->mounts, &b) != WRIT_OK)
		return WRIT_NOMEM;
	writ_buf_init(b, WRIT_WIRE_MSG_MAX);
	writ_buf_str(b, body);
	return writ_buf_status(b);
}

enum writ_status
writ_serve_begin(struct writ_serve *s, struct writ_err *err)
{
	s->sealed = true;
	return writ_fail_in(err, writ_watch_add(&s->worker->watches,
	    &s->listener), "listener");
}

void
writ_serve_drain(struct writ_serve *s)
{
	if (s->draining)
		return;
	s->draining = true;
	writ_watch_remove(&s->worker->watches, &s->listener);
	close(s->listener.fd);
	writ_serve_conns_leave(s);
}

/* ---- telling the broker */

static void
tell(struct writ_serve *s)
{
	struct writ_buf *b = &s->worker->scratch;

	s->counts.running = s->running_count;
	s->counts.waiting = s->waiting_count;
	s->counts.connections = s->conns_count;
	writ_buf_reset(b);
	writ_serving_put(b, &s->counts);
	writ_buf_str(b, writ_buf_view(&s->rows));
	/* no memory for a record: it must not go on without */
	if (writ_buf_status(b) != WRIT_OK || writ_buf_status(&s->rows) !=
	    WRIT_OK) {
		s->worker->broken = true;
		return;
	}
	writ_worker_send(s->worker, WRIT_MSG_SERVED, 0, writ_buf_view(b));
	s->counts.malformed = s->counts.busy = 0;
	writ_buf_reset(&s->rows);
	s->told_ns = s->now_ns;
	writ_worker_report(s->worker, "files", "memory", s->memory_calls,
	    s->memory_bytes);
	writ_worker_report(s->worker, "worker", "untold", s->untold, 0);
	s->memory_calls = s->memory_bytes = s->untold = 0;
}

static bool
has_news(const struct writ_serve *s)
{
	return s->rows.len || s->counts.malformed || s->counts.busy ||
	    s->counts.running != s->running_count ||
	    s->counts.waiting != s->waiting_count ||
	    s->counts.connections != s->conns_count;
}

/* Milliseconds from the last word to the next; 0: there is nothing to say. */
static uint64_t
tell_after_ms(const struct writ_serve *s)
{
	return has_news(s) ? WRIT_SERVE_BATCH_MS :
	    s->running_count ? WRIT_SERVE_BEAT_MS : 0;
}

static void
tell_due(struct writ_serve *s)
{
	uint64_t ms = tell_after_ms(s);

	if (ms && s->now_ns - s->told_ns >= ms * MS)
		tell(s);
}

static void
record(struct writ_served *r, const struct writ_outcome *o)
{
	static const enum writ_served_outcome as[] = {
		[WRIT_OUTCOME_NONE] = WRIT_SERVED_CANCELLED,
		[WRIT_OUTCOME_DONE] = WRIT_SERVED_OK,
		[WRIT_OUTCOME_EXIT] = WRIT_SERVED_EXIT,
		[WRIT_OUTCOME_TRAP] = WRIT_SERVED_TRAP,
		[WRIT_OUTCOME_LIMIT] = WRIT_SERVED_LIMIT,
		[WRIT_OUTCOME_ERROR] = WRIT_SERVED_FAILED,
	};
	struct writ_serve *s = r->serve;
	uint64_t wall = (s->now_ns - r->start_ns) / 1000;
	uint64_t cpu = r->cpu_ns / 1000;
	struct writ_served_row row = {
		.outcome = as[o->kind], .status = r->status,
		.wall_us = wall < UINT32_MAX ? (uint32_t)wall : UINT32_MAX,
		.cpu_us = cpu < UINT32_MAX ? (uint32_t)cpu : UINT32_MAX,
		.up = r->up, .down = r->down,
		.method = writ_str_from(r->method),
		.path = writ_str_from(r->path),
		.detail = writ_str_from(o->kind == WRIT_OUTCOME_LIMIT ?
		    o->limit : o->msg),
	};

	if (row.outcome == WRIT_SERVED_OK && !r->finished)
		row.outcome = WRIT_SERVED_EXIT;
	writ_served_put(&s->rows, &row);
	if (s->rows.len >= WRIT_SERVE_ROWS_MAX)
		tell(s);
}

/* ---- a request's guest */

static struct writ_served *
served_new(struct writ_serve *s)
{
	struct writ_served *r = s->free;
	struct writ_worker *w = s->worker;

	if (r) {
		s->free = r->next;
		return r;
	}
	r = writ_alloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->serve = s;
	writ_guest_init(&r->guest, w);
	writ_serve_attach(r);
	r->guest.next = w->guests;
	w->guests = &r->guest;
	return r;
}

/* Nothing of it is there for the next one. */
static void
served_clear(struct writ_served *r)
{
	struct writ_guest *g = &r->guest;
	struct writ_serve *s = r->serve;

	writ_worker_client_drop(g);
	writ_worker_tree_leave(g);
	s->memory_calls += g->tree.memory_calls;
	s->memory_bytes += g->tree.memory_bytes;
	s->untold += g->untold;
	g->untold = 0;
	writ_guest_reset(g);
	g->running = g->woken = false;
	memset((char *)r + offsetof(struct writ_served, conn), 0,
	    sizeof(*r) - offsetof(struct writ_served, conn));
}

static enum writ_status
give_mounts(struct writ_serve *s, struct writ_guest *g)
{
	struct writ_mount_msg m;
	enum writ_status st = WRIT_OK;
	size_t i;

	for (i = 0; st == WRIT_OK && i < s->mounts.len; i++) {
		st = writ_mount_get(writ_buf_view(writ_vec_at(&s->mounts, i)),
		    &m);
		if (st == WRIT_OK)
			st = writ_worker_tree_mount(g, &m);
	}
	return st;
}

static void
note(struct writ_served *r, const struct writ_http_head *h)
{
	struct writ_str path = writ_str_first(h->path, WRIT_SERVE_PATH_SHOWN);

	memcpy(r->method, h->method.ptr, h->method.len);
	memcpy(r->path, path.ptr, path.len);
	r->start_ns = r->serve->now_ns;
}

static enum writ_status
engage(struct writ_served *r, struct writ_err *err)
{
	struct writ_guest *g = &r->guest;
	struct writ_task_limits limits;
	enum writ_status st;

	writ_guest_start_over(g);
	g->stdio.in_ended = true;
	st = give_mounts(r->serve, g);
	if (st != WRIT_OK)
		return writ_fail(err, st, "mounts");
	limits = writ_guest_begin(g);
	return writ_task_handle(r->serve->worker->component, &g->ports,
	    &limits, &r->conn->head.request, writ_serve_exchange(r),
	    &g->wake, &g->task, err);
}

/* What the client is told when its guest did not answer. */
static unsigned
status_of(const struct writ_outcome *o)
{
	return o->kind == WRIT_OUTCOME_LIMIT && (!strcmp(o->limit, "time") ||
	    !strcmp(o->limit, "cpu")) ? 504 : 500;
}

static void
end(struct writ_served *r, struct writ_outcome *o)
{
	struct writ_serve *s = r->serve;
	struct writ_serve_conn *c;

	writ_task_free(r->guest.task);
	r->guest.task = NULL;
	writ_guest_explain(o);
	c = r->conn;
	if (c && !r->responded) {
		r->status = status_of(o);
		c->close = true;
		writ_serve_answer_plain(c, r->status);
	} else if (c && !r->finished) {
		c->cut = true;
	}
	record(r, o);
	served_clear(r);
	r->next = s->free;
	s->free = r;
	s->running_count--;
	if (c)
		writ_serve_conn_next(c);
}

static void
start(struct writ_serve *s, struct writ_serve_conn *c)
{
	struct writ_outcome o = { .kind = WRIT_OUTCOME_ERROR };
	struct writ_served *r = served_new(s);
	struct writ_err err = { WRIT_OK, "" };

	if (!r) {
		writ_serve_conn_refuse(c, 503);
		return;
	}
	r->conn = c;
	c->served = r;
	c->phase = WRIT_SERVE_RUNNING;
	s->running_count++;
	note(r, &c->head.request);
	if (engage(r, &err) == WRIT_OK) {
		r->next = s->started;
		s->started = r;
		return;
	}
	snprintf(o.msg, sizeof(o.msg), "%s", err.msg);
	end(r, &o);
}

/* ---- admission */

void
writ_serve_request(struct writ_serve *s, struct writ_serve_conn *c)
{
	const struct writ_conn *wire = &s->worker->conn;

	if (wire->out.len - wire->out_pos < BUSY_WIRE &&
	    s->running_count < s->guests_max && !s->waiting) {
		start(s, c);
		return;
	}
	if (s->waiting_count >= WRIT_SERVE_WAITING_MAX || s->draining ||
	    wire->out.len - wire->out_pos >= BUSY_WIRE) {
		s->counts.busy++;
		writ_serve_conn_refuse(c, 503);
		return;
	}
	c->phase = WRIT_SERVE_WAITING;
	c->since_ns = s->now_ns;
	c->behind = NULL;
	*s->waiting_end = c;
	s->waiting_end = &c->behind;
	s->waiting_count++;
	writ_serve_conn_events(c);
}

void
writ_serve_unqueue(struct writ_serve *s, struct writ_serve_conn *c)
{
	struct writ_serve_conn **at = &s->waiting;

	while (*at && *at != c)
		at = &(*at)->behind;
	if (!*at)
		WRIT_BUG("waits in no queue");
	*at = c->behind;
	if (!*at)
		s->waiting_end = at;
	s->waiting_count--;
	c->phase = WRIT_SERVE_LEAVING;
}

static void
start_waiting(struct writ_serve *s)
{
	while (s->waiting && s->running_count < s->guests_max) {
		struct writ_serve_conn *c = s->waiting;

		writ_serve_unqueue(s, c);
		start(s, c);
	}
}

/* A whole answer is whole, whoever is still there. */
void
writ_served_abandon(struct writ_served *r)
{
	struct writ_serve_conn *c = r->conn;

	r->conn = NULL;
	if (!r->finished || c->out.len > c->out_pos)
		r->cancelled = true;
	c->phase = WRIT_SERVE_LEAVING;
	writ_served_readable(r);
	writ_served_room(r);
	writ_serve_conn_drop(c);
}

/* ---- running */

static bool
over(struct writ_served *r, struct writ_outcome *o)
{
	const char *limit = NULL;

	if (r->cancelled)
		return true;
	if (writ_guest_left_ns(&r->guest) == 0)
		limit = "time";
	else if (r->cpu_ns / MS >= r->serve->worker->setup.cpu_ms)
		limit = "cpu";
	else
		return false;
	o->kind = WRIT_OUTCOME_LIMIT;
	snprintf(o->limit, sizeof(o->limit), "%s", limit);
	return true;
}

/* While it has used little, the time that passed stands for it, which is never less. */
static bool
poll_guest(struct writ_served *r, struct writ_outcome *o)
{
	struct writ_serve *s = r->serve;
	bool exact = r->cpu_ns > MS, done;
	uint64_t from = exact ? writ_clock_cpu_ns() : s->now_ns;

	done = writ_task_poll(r->guest.task, o);
	s->now_ns = writ_clock_host_ns();
	r->cpu_ns += (exact ? writ_clock_cpu_ns() : s->now_ns) - from;
	return done;
}

/* What it wrote leaves before it is let run again. */
static bool
step_one(struct writ_served *r, struct writ_outcome *o)
{
	struct writ_serve_conn *c;

	writ_clock_check(&r->guest.clock);
	if (over(r, o))
		return true;
	if (!r->guest.woken)
		return false;
	r->guest.woken = false;
	if (poll_guest(r, o))
		return true;
	c = r->conn;
	if (c && c->out.len > c->out_pos && !c->blocked &&
	    !writ_serve_conn_flush(c))
		return false;
	if (r->conn)
		writ_serve_conn_events(r->conn);
	return false;
}

static void
drained(struct writ_serve *s)
{
	struct writ_worker *w = s->worker;
	struct writ_done_msg done = { .outcome.kind = WRIT_OUTCOME_DONE };

	tell(s);
	writ_buf_reset(&w->scratch);
	writ_done_put(&w->scratch, &done);
	writ_worker_send(w, WRIT_MSG_DONE, w->call_id,
	    writ_buf_view(&w->scratch));
	w->conn.state = WRIT_STATE_READY;
	s->told_done = true;
}

/* A request that follows another on its connection has its turn behind all others. */
static void
run_started(struct writ_serve *s)
{
	struct writ_served *r;

	while ((r = s->started) != NULL) {
		s->started = r->next;
		r->next = s->running;
		s->running = r;
	}
}

void
writ_serve_woke(struct writ_serve *s)
{
	s->now_ns = writ_clock_host_ns();
}

void
writ_serve_step(struct writ_serve *s)
{
	struct writ_outcome o;
	struct writ_served **at = &s->running, *r;

	s->now_ns = writ_clock_host_ns();
	run_started(s);
	while ((r = *at) != NULL) {
		memset(&o, 0, sizeof(o));
		if (step_one(r, &o)) {
			*at = r->next;
			end(r, &o);
		} else {
			at = &r->next;
		}
	}
	start_waiting(s);
	if (s->now_ns - s->swept_ns >= SWEEP_MS * MS) {
		s->swept_ns = s->now_ns;
		writ_serve_sweep(s);
	}
	if (!s->told_done)
		tell_due(s);
	if (s->draining && !s->told_done && !s->running_count &&
	    !s->conns_count)
		drained(s);
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int
writ_serve_wait_ms(struct writ_serve *s)
{
	const struct writ_served *r;
	uint64_t due = UINT64_MAX;

	if (s->started)
		return 0;
	for (r = s->running; r; r = r->next) {
		if (r->guest.woken || r->cancelled)
			return 0;
		due = least(due, writ_clock_due_in(&r->guest.clock));
		due = least(due, writ_guest_left_ns(&r->guest));
	}
	if (s->conns_count || (!s->listener.added && !s->draining))
		due = least(due, SWEEP_MS * MS);
	if (tell_after_ms(s))
		due = least(due, tell_after_ms(s) * MS);
	return due == UINT64_MAX ? -1 : (int)(least(due / MS + 1, 3600000));
}
