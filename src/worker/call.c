#include "base/limits.h"
#include "worker/worker.h"

/* The result in pieces.  Over its bound, or out of memory: the worker's own fault, so it ends. */
static void
send_value(struct writ_worker *w, struct writ_str text)
{
	while (text.len) {
		size_t n = text.len < WRIT_FS_IO_MAX ? text.len :
		    WRIT_FS_IO_MAX;

		writ_worker_send(w, WRIT_MSG_VALUE, w->call_id,
		    writ_str(text.ptr, n));
		text = writ_str_skip(text, n);
	}
}

/* An instance is kept for the next call only if this one asked for it, and ended well. */
static void
put_task(struct writ_worker *w, const struct writ_outcome *o)
{
	if (w->first.task && o->kind == WRIT_OUTCOME_DONE && w->invoked)
		send_value(w, writ_task_result(w->first.task));
	if (w->keep && o->kind == WRIT_OUTCOME_DONE) {
		writ_worker_http_cut(&w->first);
		return;
	}
	writ_task_free(w->first.task);
	w->first.task = NULL;
	writ_worker_http_drop(&w->first);
}

static void
send_done(struct writ_worker *w, const struct writ_done_msg *done)
{
	writ_buf_reset(&w->scratch);
	writ_done_put(&w->scratch, done);
	if (writ_buf_status(&w->scratch) != WRIT_OK)
		WRIT_BUG("outcome does not fit");
	writ_worker_send(w, WRIT_MSG_DONE, w->call_id,
	    writ_buf_view(&w->scratch));
	w->conn.state = WRIT_STATE_READY;
	w->first.running = false;
}

static void
finish(struct writ_worker *w, struct writ_outcome *o)
{
	struct writ_done_msg done = { .outcome = *o };

	put_task(w, o);
	writ_guest_report(&w->first);
	writ_guest_explain(&done.outcome);
	done.cpu_us = (writ_clock_cpu_ns() - w->cpu_start_ns) / 1000;
	send_done(w, &done);
}

static void
finish_with(struct writ_worker *w, enum writ_outcome_kind kind,
    const char *limit, const char *msg)
{
	struct writ_outcome o = { .kind = kind };

	snprintf(o.limit, sizeof(o.limit), "%s", limit);
	snprintf(o.msg, sizeof(o.msg), "%s", msg);
	finish(w, &o);
}

static struct writ_task_limits
begin(struct writ_worker *w, uint32_t id)
{
	struct writ_task_limits limits = writ_guest_begin(&w->first);

	w->conn.state = WRIT_STATE_RUNNING;
	w->call_id = id;
	w->cpu_start_ns = w->cpu_ns = writ_clock_cpu_ns();
	w->cpu_at_ns = w->first.call_start_ns;
	return limits;
}

void
writ_worker_call_start(struct writ_worker *w, uint32_t id)
{
	struct writ_guest *g = &w->first;
	struct writ_task_limits limits = begin(w, id);
	struct writ_err err = { WRIT_OK, "" };

	w->invoked = w->keep = false;
	if (writ_task_run(w->component, &g->ports, &limits, &g->wake, &g->task,
	    &err) != WRIT_OK)
		finish_with(w, WRIT_OUTCOME_ERROR, "", err.msg);
}

/* Arguments that do not fit: nothing of the guest has run. */
static void
refuse(struct writ_worker *w, enum writ_status st, const struct writ_err *err)
{
	struct writ_done_msg done = { .outcome.kind = WRIT_OUTCOME_ERROR,
		.refused = st };

	snprintf(done.outcome.msg, sizeof(done.outcome.msg), "%s", err->msg);
	send_done(w, &done);
}

/* No guest is asked: what it left in memory is looked at, for what the writ shows. */
static void
peek(struct writ_worker *w, const struct writ_invoke_msg *m)
{
	struct writ_done_msg done = { .outcome.kind = WRIT_OUTCOME_DONE };
	writ_auto_release(writ_buf) out;
	enum writ_status st;

	writ_buf_init(&out, m->result_max);
	st = writ_worker_peek(&w->first, m->function, writ_buf_view(&w->args), &out);
	writ_buf_reset(&w->args);
	if (st == WRIT_OK)
		st = writ_buf_status(&out);
	if (st == WRIT_OK) {
		send_value(w, writ_buf_view(&out));
		send_done(w, &done);
		return;
	}
	refuse(w, st, &(struct writ_err){ st, "the file cannot be shown" });
}

enum writ_status
writ_worker_invoke(struct writ_worker *w, uint32_t id, struct writ_str body)
{
	struct writ_guest *g = &w->first;
	struct writ_task_limits limits;
	struct writ_err err = { WRIT_OK, "" };
	struct writ_invoke_msg m;
	struct writ_invoke invoke;
	enum writ_status st = writ_invoke_get(body, &m);

	if (st != WRIT_OK || writ_buf_status(&w->args) != WRIT_OK)
		return WRIT_PROTO;
	if (g->task && !m.keep)
		return WRIT_PROTO;	/* RESET would have freed it */
	writ_worker_client_drop(g);
	limits = begin(w, id);
	if (m.function.ptr[0] == '#') {
		peek(w, &m);
		return WRIT_OK;
	}
	w->invoked = true;
	w->keep = m.keep;
	invoke = (struct writ_invoke){ m.function, writ_buf_view(&w->args),
		(enum writ_value_form)m.form, m.result_max };
	st = g->task ? writ_task_again(g->task, &invoke, &err) :
	    writ_task_invoke(w->component, &g->ports, &limits, &invoke,
	    &g->wake, &g->task, &err);
	writ_buf_reset(&w->args);
	if (st != WRIT_OK)
		refuse(w, st, &err);
	return WRIT_OK;
}

/* Asking costs a system call; with one thread, CPU time is never faster than the clock. */
static uint64_t
cpu_used_ms(struct writ_worker *w)
{
	uint64_t now = writ_clock_host_ns(), most;

	most = w->cpu_ns + (now - w->cpu_at_ns) - w->cpu_start_ns;
	if (most / 1000000 < w->setup.cpu_ms)
		return 0;
	w->cpu_ns = writ_clock_cpu_ns();
	w->cpu_at_ns = now;
	return (w->cpu_ns - w->cpu_start_ns) / 1000000;
}

static bool
over(struct writ_worker *w)
{
	if (w->cancelled)
		finish_with(w, WRIT_OUTCOME_ERROR, "", "cancelled");
	else if (writ_guest_left_ns(&w->first) == 0)
		finish_with(w, WRIT_OUTCOME_LIMIT, "time", "");
	else if (cpu_used_ms(w) >= w->setup.cpu_ms)
		finish_with(w, WRIT_OUTCOME_LIMIT, "cpu", "");
	else
		return false;
	return true;
}

void
writ_worker_call_step(struct writ_worker *w)
{
	struct writ_outcome o = { WRIT_OUTCOME_NONE };
	struct writ_guest *g = &w->first;

	writ_clock_check(&g->clock);
	if (over(w) || !g->woken)
		return;
	g->woken = false;
	if (writ_task_poll(g->task, &o))
		finish(w, &o);
}
