#include "base/limits.h"
#include "worker/worker.h"

/* What only informs is counted instead once this much is unsent: a guest that floods must not
 * fill the queue that its answers need. */
#define TELL_MAX (1024 * 1024)

static void
on_wake(struct writ_wake *wake)
{
	struct writ_guest *g = (struct writ_guest *)(void *)
	    ((char *)wake - offsetof(struct writ_guest, wake));

	g->woken = true;
}

static void
send_texts(struct writ_worker *w, enum writ_wire_type type)
{
	if (writ_buf_status(&w->scratch) == WRIT_OK)
		writ_worker_send(w, type, 0, writ_buf_view(&w->scratch));
}

bool
writ_worker_flooded(struct writ_guest *g)
{
	struct writ_conn *c = &g->worker->conn;

	if (c->out.len - c->out_pos < TELL_MAX)
		return false;
	(void)!writ_conn_flush(c);
	if (c->out.len - c->out_pos < TELL_MAX)
		return false;
	g->untold++;
	return true;
}

static void
on_log(void *ctx, uint32_t level, struct writ_str context,
    struct writ_str message)
{
	struct writ_guest *g = ctx;
	struct writ_worker *w = g->worker;

	if (g->log_bytes > WRIT_LOG_BYTES_MAX) {
		g->untold++;
		return;
	}
	if (writ_worker_flooded(g))
		return;
	context = writ_str_first(context, 256);
	message = writ_str_first(message, WRIT_LOG_MSG_MAX);
	g->log_bytes += 16 + context.len + message.len;
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
	struct writ_guest *g = ctx;
	struct writ_worker *w = g->worker;

	if (writ_worker_flooded(g))
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
	struct writ_guest *g = ctx;

	writ_clock_forget(&g->clock, wake);
	if (g->stdio.in_wake == wake)
		g->stdio.in_wake = NULL;
	if (g->stdio.out_wake == wake)
		g->stdio.out_wake = NULL;
	writ_worker_sock_forget(g, wake);
	writ_worker_http_forget(g, wake);
}

bool
writ_guest_awaits_more(void *ctx)
{
	const struct writ_guest *g = ctx;

	return (g->awaits && g->awaits(g)) || g->stdio.in_wake || g->stdio.out_wake ||
	    g->tree.in_flight || g->asks_in_flight ||
	    writ_worker_sock_awaits(g) ||
	    writ_worker_http_waits(g);
}

void
writ_guest_init(struct writ_guest *g, struct writ_worker *w)
{
	memset(g, 0, sizeof(*g));
	g->worker = w;
	g->ports.stdio = writ_worker_stdio_port(g);
	g->ports.clock = writ_clock_port(&g->clock);
	g->ports.random = writ_random_port(&g->random);
	g->ports.env = writ_env_port(&w->env);
	g->ports.log = (struct writ_log_port){ g, on_log };
	g->ports.refuse = (struct writ_refuse_port){ g, on_refused };
	g->ports.tree = writ_worker_tree_port(g);
	g->ports.client = writ_worker_client_port(g);
	g->ports.sock = writ_worker_sock_port(g);
	g->ports.http = writ_worker_http_port(g);
	g->ports.forget = forget;
	g->ports.forget_ctx = g;
	g->wake.fire = on_wake;
	writ_worker_stdio_init(g);
	writ_worker_tree_init(g);
}

void
writ_guest_start_over(struct writ_guest *g)
{
	const struct writ_setup *s = &g->worker->setup;

	writ_clock_init(&g->clock, s->clock, s->clock_seconds,
	    s->clock_resolution_ns, s->time_ms);
	writ_clock_set_busy(&g->clock, writ_guest_awaits_more, g);
	writ_random_init(&g->random, s->random, s->random_seed);
	g->stdio.output_max = s->output_bytes;
}

void
writ_guest_reset(struct writ_guest *g)
{
	writ_task_free(g->task);
	g->task = NULL;
	writ_worker_sock_leave(g);
	writ_worker_http_drop(g);
	writ_worker_stdio_release(g);
	writ_worker_stdio_init(g);
	writ_worker_tree_release(g);
	writ_worker_tree_init(g);
	writ_guest_start_over(g);
}

struct writ_task_limits
writ_guest_begin(struct writ_guest *g)
{
	const struct writ_setup *s = &g->worker->setup;

	g->call_start_ns = writ_clock_host_ns();
	g->slept_before_ns = writ_clock_slept_ns(&g->clock);
	g->stdio.output = 0;
	g->log_bytes = 0;
	g->woken = g->running = true;
	return (struct writ_task_limits){ s->memory_bytes, s->handles,
		WRIT_HOSTCALL_FUEL };
}

uint64_t
writ_guest_left_ns(const struct writ_guest *g)
{
	uint64_t all = g->worker->setup.time_ms * 1000000;
	uint64_t used = writ_clock_host_ns() - g->call_start_ns +
	    writ_clock_slept_ns(&g->clock) - g->slept_before_ns;

	return used < all ? all - used : 0;
}

void
writ_guest_explain(struct writ_outcome *o)
{
	if (!o->memory_refused || (o->kind != WRIT_OUTCOME_TRAP &&
	    (o->kind != WRIT_OUTCOME_EXIT || !o->exit_code)))
		return;
	o->kind = WRIT_OUTCOME_LIMIT;
	memcpy(o->limit, "memory", sizeof("memory"));
}

void
writ_worker_report(struct writ_worker *w, const char *kind, const char *op, uint64_t count,
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

void
writ_guest_report(struct writ_guest *g)
{
	writ_worker_report(g->worker, "files", "memory", g->tree.memory_calls,
	    g->tree.memory_bytes);
	writ_worker_report(g->worker, "worker", "untold", g->untold, 0);
	g->tree.memory_calls = g->tree.memory_bytes = g->untold = 0;
}
