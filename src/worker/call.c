#include "base/limits.h"
#include "worker/worker.h"

static void
on_wake(struct writ_wake *wake)
{
	struct writ_worker *w = (struct writ_worker *)(void *)
	    ((char *)wake - offsetof(struct writ_worker, wake));

	w->woken = true;
}

static void
send_texts(struct writ_worker *w, enum writ_wire_type type)
{
	if (writ_buf_status(&w->scratch) == WRIT_OK)
		writ_worker_send(w, type, 0, writ_buf_view(&w->scratch));
}

/* What only informs is counted instead once this much is unsent: a guest that floods must not
 * fill the queue that its answers need. */
#define TELL_MAX (1024 * 1024)

bool
writ_worker_flooded(struct writ_worker *w)
{
	if (w->conn.out.len - w->conn.out_pos < TELL_MAX)
		return false;
	(void)!writ_conn_flush(&w->conn);
	if (w->conn.out.len - w->conn.out_pos < TELL_MAX)
		return false;
	w->untold++;
	return true;
}

static void
on_log(void *ctx, uint32_t level, struct writ_str context,
    struct writ_str message)
{
	struct writ_worker *w = ctx;

	if (w->log_bytes > WRIT_LOG_BYTES_MAX) {
		w->untold++;
		return;
	}
	if (writ_worker_flooded(w))
		return;
	context = writ_str_first(context, 256);
	message = writ_str_first(message, WRIT_LOG_MSG_MAX);
	w->log_bytes += 16 + context.len + message.len;
	writ_buf_reset(&w->scratch);
	writ_wire_put_u8(&w->scratch, (uint8_t)level);
	writ_wire_put_str(&w->scratch, context);
	writ_wire_put_str(&w->scratch, message);
	send_texts(w, WRIT_MSG_LOG);
}

static void
on_refused(void *ctx, const char *kind, struct writ_str op,
    struct writ_str target)
{
	struct writ_worker *w = ctx;

	if (writ_worker_flooded(w))
		return;
	writ_buf_reset(&w->scratch);
	writ_wire_put_str(&w->scratch, writ_str_from(kind));
	writ_wire_put_str(&w->scratch, writ_str_first(op, 256));
	writ_wire_put_str(&w->scratch, writ_str_first(target, 4096));
	send_texts(w, WRIT_MSG_REFUSED);
}

static void
forget(void *ctx, struct writ_wake *wake)
{
	struct writ_worker *w = ctx;

	writ_clock_forget(&w->clock, wake);
	if (w->stdio.in_wake == wake)
		w->stdio.in_wake = NULL;
	if (w->stdio.out_wake == wake)
		w->stdio.out_wake = NULL;
}

bool
writ_worker_awaits_more(void *ctx)
{
	const struct writ_worker *w = ctx;

	return w->stdio.in_wake || w->stdio.out_wake ||
	    w->tree.in_flight || w->asks_in_flight;
}

void
writ_worker_ports(struct writ_worker *w)
{
	w->ports.stdio = writ_worker_stdio_port(w);
	w->ports.clock = writ_clock_port(&w->clock);
	w->ports.random = writ_random_port(&w->random);
	w->ports.env = writ_env_port(&w->env);
	w->ports.log = (struct writ_log_port){ w, on_log };
	w->ports.refuse = (struct writ_refuse_port){ w, on_refused };
	w->ports.tree = writ_worker_tree_port(w);
	w->ports.client = writ_worker_client_port(w);
	w->ports.forget = forget;
	w->ports.forget_ctx = w;
	w->wake.fire = on_wake;
}

static uint64_t
used_ns(const struct writ_worker *w)
{
	return writ_clock_host_ns() - w->call_start_ns +
	    writ_clock_slept_ns(&w->clock) - w->slept_before_ns;
}

uint64_t
writ_worker_call_left_ns(const struct writ_worker *w)
{
	uint64_t all = w->setup.time_ms * 1000000, used = used_ns(w);

	return used < all ? all - used : 0;
}

static void
report(struct writ_worker *w, const char *kind, const char *op, uint64_t count,
    uint64_t bytes)
{
	if (!count)
		return;
	writ_buf_reset(&w->scratch);
	writ_wire_put_str(&w->scratch, writ_str_from(kind));
	writ_wire_put_str(&w->scratch, writ_str_from(op));
	writ_wire_put_u64(&w->scratch, count);
	writ_wire_put_u64(&w->scratch, bytes);
	send_texts(w, WRIT_MSG_REPORT);
}

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
	if (w->task && o->kind == WRIT_OUTCOME_DONE && w->invoked)
		send_value(w, writ_task_result(w->task));
	if (w->keep && o->kind == WRIT_OUTCOME_DONE)
		return;
	writ_task_free(w->task);
	w->task = NULL;
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
	w->running = false;
}

static void
finish(struct writ_worker *w, struct writ_outcome *o)
{
	struct writ_done_msg done = { .outcome = *o };

	put_task(w, o);
	report(w, "files", "memory", w->tree.memory_calls,
	    w->tree.memory_bytes);
	report(w, "worker", "untold", w->untold, 0);
	w->tree.memory_calls = w->tree.memory_bytes = w->untold = 0;
	if (o->memory_refused && (o->kind == WRIT_OUTCOME_TRAP ||
	    (o->kind == WRIT_OUTCOME_EXIT && o->exit_code))) {
		done.outcome.kind = WRIT_OUTCOME_LIMIT;
		memcpy(done.outcome.limit, "memory", sizeof("memory"));
	}
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
	w->conn.state = WRIT_STATE_RUNNING;
	w->call_id = id;
	w->call_start_ns = writ_clock_host_ns();
	w->cpu_start_ns = w->cpu_ns = writ_clock_cpu_ns();
	w->cpu_at_ns = w->call_start_ns;
	w->slept_before_ns = writ_clock_slept_ns(&w->clock);
	w->stdio.output = 0;
	w->log_bytes = 0;
	w->woken = w->running = true;
	return (struct writ_task_limits){ w->setup.memory_bytes,
		w->setup.handles, WRIT_HOSTCALL_FUEL };
}

void
writ_worker_call_start(struct writ_worker *w, uint32_t id)
{
	struct writ_task_limits limits = begin(w, id);
	struct writ_err err = { WRIT_OK, "" };

	w->invoked = w->keep = false;
	if (writ_task_run(w->component, &w->ports, &limits, &w->wake, &w->task,
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
	st = writ_worker_peek(w, m->function, writ_buf_view(&w->args), &out);
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
	struct writ_task_limits limits;
	struct writ_err err = { WRIT_OK, "" };
	struct writ_invoke_msg m;
	struct writ_invoke invoke;
	enum writ_status st = writ_invoke_get(body, &m);

	if (st != WRIT_OK || writ_buf_status(&w->args) != WRIT_OK)
		return WRIT_PROTO;
	if (w->task && !m.keep)
		return WRIT_PROTO;	/* RESET would have freed it */
	writ_worker_client_drop(w);
	limits = begin(w, id);
	if (m.function.ptr[0] == '#') {
		peek(w, &m);
		return WRIT_OK;
	}
	w->invoked = true;
	w->keep = m.keep;
	invoke = (struct writ_invoke){ m.function, writ_buf_view(&w->args),
		(enum writ_value_form)m.form, m.result_max };
	st = w->task ? writ_task_again(w->task, &invoke, &err) :
	    writ_task_invoke(w->component, &w->ports, &limits, &invoke,
	    &w->wake, &w->task, &err);
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
	else if (writ_worker_call_left_ns(w) == 0)
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

	writ_clock_check(&w->clock);
	if (over(w) || !w->woken)
		return;
	w->woken = false;
	if (writ_task_poll(w->task, &o))
		finish(w, &o);
}
