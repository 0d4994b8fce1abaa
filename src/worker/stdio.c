#include "base/limits.h"
#include "worker/worker.h"

void
writ_worker_stdio_init(struct writ_guest *g)
{
	memset(&g->stdio, 0, sizeof(g->stdio));
	writ_buf_init(&g->stdio.in, WRIT_WIRE_STREAM_CREDIT);
}

void
writ_worker_stdio_release(struct writ_guest *g)
{
	writ_buf_release(&g->stdio.in);
}

/* Nothing is asked of the broker before the guest reads: what a guest leaves unread stays in the
 * caller's stdin. */
static enum writ_status
stdio_read(void *ctx, uint8_t *p, size_t cap, size_t *n, struct writ_wake *wake)
{
	struct writ_guest *g = ctx;
	struct writ_worker_stdio *s = &g->stdio;
	uint8_t credit[4] = { 0, 0, 1, 0 };	/* 64 KiB */

	if (s->in.len) {
		*n = s->in.len < cap ? s->in.len : cap;
		memcpy(p, s->in.ptr, *n);
		writ_buf_consume(&s->in, *n);
		return WRIT_OK;
	}
	if (s->in_ended)
		return WRIT_CLOSED;
	if (!s->in_asked)
		writ_worker_send(g->worker, WRIT_MSG_IN_CREDIT, 0,
		    writ_str((const char *)credit, sizeof(credit)));
	s->in_asked = true;
	s->in_wake = wake;
	return WRIT_AGAIN;
}

static enum writ_status
stdio_room(void *ctx, enum writ_stdio which, size_t *n, struct writ_wake *wake)
{
	struct writ_guest *g = ctx;
	struct writ_worker_stdio *s = &g->stdio;
	uint64_t room = g->worker->credit[which];

	if (room == UINT64_MAX)
		return WRIT_CLOSED;
	if (s->output_max && s->output >= s->output_max)
		return WRIT_LIMIT;
	if (room == 0) {
		s->out_wake = wake;
		return WRIT_AGAIN;
	}
	if (room > WRIT_FS_IO_MAX)
		room = WRIT_FS_IO_MAX;
	*n = (size_t)room;
	return WRIT_OK;
}

static enum writ_status
stdio_write(void *ctx, enum writ_stdio which, const uint8_t *p, size_t n)
{
	struct writ_guest *g = ctx;
	struct writ_worker_stdio *s = &g->stdio;
	struct writ_worker *w = g->worker;

	if (w->credit[which] == UINT64_MAX)
		return WRIT_CLOSED;
	if (n > w->credit[which] || n > WRIT_FS_IO_MAX)
		return WRIT_INVALID;
	if (s->output_max && s->output + n > s->output_max)
		return WRIT_LIMIT;
	if (n == 0)
		return WRIT_OK;
	w->credit[which] -= n;
	s->output += n;
	writ_buf_reset(&w->scratch);
	writ_wire_put_u8(&w->scratch, (uint8_t)which);
	writ_buf_add(&w->scratch, p, n);
	if (writ_buf_status(&w->scratch) != WRIT_OK)
		return WRIT_NOMEM;
	writ_worker_send(w, WRIT_MSG_OUT, 0, writ_buf_view(&w->scratch));
	return WRIT_OK;
}

struct writ_stdio_port
writ_worker_stdio_port(struct writ_guest *g)
{
	return (struct writ_stdio_port){ g, stdio_read, stdio_room,
		stdio_write };
}

static void
fire(struct writ_wake **slot)
{
	struct writ_wake *wake = *slot;

	*slot = NULL;
	if (wake)
		wake->fire(wake);
}

/* A credit of zero bytes closes the stream: its reader is gone. */
static enum writ_status
add_credit(struct writ_worker *w, struct writ_str body)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned which = writ_wire_get_u8(&in);
	uint32_t n = writ_wire_get_u32(&in);
	struct writ_guest *g;

	if (!writ_wire_done(&in) || which < 1 || which > 2 ||
	    n > WRIT_WIRE_STREAM_CREDIT)
		return WRIT_PROTO;
	if (n == 0)
		w->credit[which] = UINT64_MAX;
	else if (w->credit[which] != UINT64_MAX)
		w->credit[which] += n;
	for (g = w->guests; g; g = g->next)
		fire(&g->stdio.out_wake);
	return WRIT_OK;
}

enum writ_status
writ_worker_stdio_message(struct writ_worker *w, const struct writ_msg *m)
{
	struct writ_worker_stdio *s = &w->first.stdio;

	if (m->row->type == WRIT_MSG_OUT_CREDIT)
		return add_credit(w, m->body);
	if (m->row->type == WRIT_MSG_STDIN_END) {
		s->in_ended = true;
	} else {
		writ_buf_str(&s->in, m->body);
		if (writ_buf_status(&s->in) != WRIT_OK)
			return WRIT_PROTO;
		s->in_asked = false;
	}
	fire(&s->in_wake);
	return WRIT_OK;
}
