/*
 * writ-worker: runs guests, jailed.  Started by the broker with its socket as fd 3 and nothing
 * else; argv is "writ-worker WALLS UID GID [pool | serve GUESTS]" (see jail.h, run.h); one that
 * serves has the listening socket as fd 4.  It ends when the broker goes.
 */
#include <poll.h>
#include <signal.h>
#include <sys/time.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "jail/jail.h"
#include "port/engine_id.h"
#include "worker/serve.h"

#define WIRE_FD 3
#define LISTENER_FD 4

/* For the signal handler alone; set once, before the timer starts. */
static struct writ_engine *ticking;

static void
on_tick(int sig)
{
	writ_engine_tick(ticking);
}

/* CPU time, not wall time: a worker that waits gets no ticks. */
static enum writ_status
start_ticks(struct writ_engine *engine, struct writ_err *err)
{
	struct itimerval every = { { 0, WRIT_TICK_MS * 1000 },
		{ 0, WRIT_TICK_MS * 1000 } };
	struct sigaction sa = { .sa_handler = on_tick,
		.sa_flags = SA_RESTART | SA_ONSTACK };

	ticking = engine;
	if (sigaction(SIGPROF, &sa, NULL) ||
	    setitimer(ITIMER_PROF, &every, NULL))
		return writ_fail(err, WRIT_IO, "CPU timer");
	return WRIT_OK;
}

void
writ_worker_send(struct writ_worker *w, enum writ_wire_type type, uint32_t id,
    struct writ_str body)
{
	if (writ_conn_send(&w->conn, type, id, body, -1) != WRIT_OK)
		w->broken = true;
}

/* Between calls. */
static enum writ_status
dispatch_ready(struct writ_worker *w, struct writ_msg *m, struct writ_err *err)
{
	switch ((int)m->row->type) {
	case WRIT_MSG_START:
		writ_worker_call_start(w, m->id);
		return WRIT_OK;
	case WRIT_MSG_RESET:
		writ_guest_reset(&w->first);
		return WRIT_OK;
	case WRIT_MSG_MOUNT:
		return writ_worker_setup(w, m, err);
	case WRIT_MSG_TEXT:
		writ_buf_str(&w->args, m->body);
		return writ_buf_status(&w->args);
	case WRIT_MSG_INVOKE:
		return writ_worker_invoke(w, m->id, m->body);
	default:
		return WRIT_AGAIN;
	}
}

static enum writ_status
dispatch(struct writ_worker *w, struct writ_msg *m, struct writ_err *err)
{
	enum writ_status st = WRIT_AGAIN;

	if (m->row->type == WRIT_MSG_CANCEL) {
		w->cancelled = true;
		return WRIT_OK;
	}
	if (w->conn.state == WRIT_STATE_SETUP)
		return writ_worker_setup(w, m, err);
	if (w->conn.state == WRIT_STATE_READY)
		st = dispatch_ready(w, m, err);
	if (st != WRIT_AGAIN)
		return st;
	if (m->row->type == WRIT_MSG_FS_REPLY)
		return writ_worker_tree_reply(w, m);
	if (m->row->type == WRIT_MSG_SOCK_REPLY)
		return writ_worker_sock_reply(w, m);
	if (m->row->type == WRIT_MSG_DRAIN) {
		if (!w->serve)
			return WRIT_PROTO;
		writ_serve_drain(w->serve);
		return WRIT_OK;
	}
	if (m->row->type == WRIT_MSG_HTTP_REPLY)
		return writ_worker_http_reply(w, m);
	if (m->row->type == WRIT_MSG_ASK_TEXT ||
	    m->row->type == WRIT_MSG_ASK_REPLY)
		return writ_worker_client_reply(w, m);
	return writ_worker_stdio_message(w, m);
}

/* Handle every whole message that is here. */
static enum writ_status
drain(struct writ_worker *w, struct writ_err *err)
{
	struct writ_msg m;
	/* While an answer is on its way, looking is cheaper than sleeping. */
	enum writ_status st = w->in_flight && !w->serve ?
	    writ_conn_spin(&w->conn) : writ_conn_fill(&w->conn);

	if (st != WRIT_OK)
		return st;
	while ((st = writ_conn_next(&w->conn, &m, err)) == WRIT_OK) {
		st = dispatch(w, &m, err);
		writ_closep(&m.fd);
		if (st != WRIT_OK)
			return st;
	}
	return st == WRIT_AGAIN ? WRIT_OK : st;
}

static int
wait_ms(struct writ_worker *w)
{
	uint64_t due = UINT64_MAX, left;

	if (w->serve)
		return writ_serve_wait_ms(w->serve);
	if (w->first.running) {
		due = writ_clock_due_in(&w->first.clock);
		left = writ_guest_left_ns(&w->first);
		if (left < due)
			due = left;
	}
	if (due == UINT64_MAX)
		return -1;
	due = due / 1000000 + 1;
	return due > 3600000 ? 3600000 : (int)due;
}

static enum writ_status
wait_for_more(struct writ_worker *w, struct writ_err *err)
{
	enum writ_status st = writ_conn_flush(&w->conn);
	short events = POLLIN;
	int ms;

	if (st == WRIT_CLOSED)
		return st;
	writ_worker_tree_tidy(w);
	st = w->serve && !w->watches.wire_ready ? WRIT_AGAIN : drain(w, err);
	if (st != WRIT_OK && st != WRIT_AGAIN)
		return st;
	ms = st == WRIT_OK || (w->first.running && w->first.woken) ? 0 :
	    wait_ms(w);
	if (ms == 0 && !w->watches.count)
		return WRIT_OK;
	if (writ_conn_unsent(&w->conn))
		events |= POLLOUT;
	st = writ_watches_wait(&w->watches, w->conn.fd, events, ms);
	if (st == WRIT_OK && w->serve)
		writ_serve_woke(w->serve);
	writ_watches_tell(&w->watches);
	return st;
}

static enum writ_status
loop(struct writ_worker *w, struct writ_err *err)
{
	enum writ_status st;

	for (;;) {
		if (w->first.running)
			writ_worker_call_step(w);
		if (w->serve)
			writ_serve_step(w->serve);
		if (w->broken)
			return WRIT_CLOSED;
		st = wait_for_more(w, err);
		if (st != WRIT_OK && st != WRIT_AGAIN)
			return st;
	}
}

static enum writ_status
hello(struct writ_worker *w)
{
	writ_buf_reset(&w->scratch);
	writ_wire_put_u32(&w->scratch, WRIT_WIRE_VERSION);
	writ_wire_put_str(&w->scratch, writ_str_from(writ_engine_version()));
	writ_worker_send(w, WRIT_MSG_HELLO, 0, writ_buf_view(&w->scratch));
	w->conn.state = WRIT_STATE_SETUP;
	return writ_conn_flush(&w->conn);
}

/* Tell the broker why, as far as it still listens. */
static void
say_failed(struct writ_worker *w, const struct writ_err *err)
{
	if (w->conn.state != WRIT_STATE_SETUP)
		return;
	writ_buf_reset(&w->scratch);
	writ_wire_put_u8(&w->scratch, (uint8_t)err->status);
	writ_wire_put_str(&w->scratch, writ_str_from(err->msg));
	writ_worker_send(w, WRIT_MSG_FAILED, 0, writ_buf_view(&w->scratch));
	if (writ_conn_flush(&w->conn) != WRIT_OK)
		w->broken = true;
}

static enum writ_status
begin(struct writ_worker *w, int argc, char **argv, struct writ_err *err)
{
	struct writ_engine_config config = {
		/* All that a 32-bit memory can be: limits.memory is judged
		 * elsewhere. */
		.pool_memory_max = UINT64_C(4) << 30,
		.small_address_space = WRIT_ENGINE_SMALL };
	uint64_t guests = 0;
	enum writ_status st;

	/* One at a time: a call's instance is gone before the next is made. */
	if (argc > 4 && !strcmp(argv[4], "pool"))
		config.pool_slots = 1;
	if (argc > 5 && (strcmp(argv[4], "serve") || writ_str_u64(
	    writ_str_from(argv[5]), WRIT_SERVE_GUESTS_MAX, &guests) != WRIT_OK
	    || !guests))
		return writ_fail(err, WRIT_INVALID, "arguments");
	config.pool_slots += (uint32_t)guests;
	st = writ_jail_child_args(argc, argv, guests ? WRIT_JAIL_SERVE :
	    WRIT_JAIL_WORKER, err);
	if (st == WRIT_OK)
		st = writ_hash_init();
	if (st == WRIT_OK)
		st = writ_conn_init(&w->conn, WIRE_FD, &writ_wire_proto,
		    WRIT_SIDE_WORKER, err);
	if (st != WRIT_OK)
		return st;
	writ_buf_init(&w->scratch, WRIT_WIRE_MSG_MAX);
	writ_buf_init(&w->args, WRIT_CALL_ARGS_MAX);
	writ_env_init(&w->env);
	writ_guest_init(&w->first, w);
	w->guests = &w->first;
	if (guests)
		st = writ_serve_new(w, LISTENER_FD, (unsigned)guests,
		    &w->serve, err);
	if (st == WRIT_OK)
		st = writ_engine_new(&config, &w->engine, err);
	if (st == WRIT_OK)
		st = start_ticks(w->engine, err);
	return st == WRIT_OK ? hello(w) : st;
}

int
main(int argc, char **argv)
{
	static struct writ_worker w = { .conn.fd = -1, .done_fd = -1 };
	struct writ_err err = { WRIT_OK, "" };
	enum writ_status st = begin(&w, argc, argv, &err);

	if (st == WRIT_OK)
		st = loop(&w, &err);
	if (st == WRIT_CLOSED)
		return 0;
	err.status = st;
	if (w.conn.fd >= 0)
		say_failed(&w, &err);
	return 1;
}
