#include <string.h>

#include "base/limits.h"
#include "worker/worker.h"

static void
put_texts(struct writ_worker *w, struct writ_str a, size_t a_max,
    struct writ_str b, size_t b_max)
{
	writ_wire_put_str(&w->scratch, writ_str_first(a, a_max));
	writ_wire_put_str(&w->scratch, writ_str_first(b, b_max));
}

static void
tell(struct writ_worker *w, enum writ_wire_type type)
{
	if (writ_buf_status(&w->scratch) == WRIT_OK)
		writ_worker_send(w, type, 0, writ_buf_view(&w->scratch));
}

static uint64_t
bits(double v)
{
	uint64_t raw;

	memcpy(&raw, &v, sizeof(raw));
	return raw;
}

static void
on_progress(void *ctx, double done, const double *total,
    struct writ_str message)
{
	struct writ_guest *g = ctx;
	struct writ_worker *w = g->worker;

	if (writ_worker_flooded(g))
		return;
	writ_buf_reset(&w->scratch);
	writ_wire_put_u64(&w->scratch, bits(done));
	writ_wire_put_u8(&w->scratch, total != NULL);
	writ_wire_put_u64(&w->scratch, bits(total ? *total : 0));
	writ_wire_put_str(&w->scratch, writ_str_first(message,
	    WRIT_API_WORDS_MAX));
	tell(w, WRIT_MSG_PROGRESS);
}

static void
on_log(void *ctx, uint32_t level, struct writ_str logger, struct writ_str data)
{
	struct writ_guest *g = ctx;
	struct writ_worker *w = g->worker;

	if (writ_worker_flooded(g))
		return;
	writ_buf_reset(&w->scratch);
	writ_wire_put_u8(&w->scratch, (uint8_t)(level & 7));
	put_texts(w, logger, 256, data, WRIT_CLIENT_LOG_MAX);
	tell(w, WRIT_MSG_CLIENT_LOG);
}

static enum writ_status
on_ask(void *ctx, struct writ_ask *ask)
{
	struct writ_guest *g = ctx;
	struct writ_worker *w = g->worker;
	uint32_t slot;

	ask->answer = WRIT_ASK_LIMIT;
	if (ask->text.len > WRIT_ASK_TEXT_MAX ||
	    ask->name.len > WRIT_TOOL_NAME_MAX)
		return ask->op.status = WRIT_OK;
	for (slot = 0; slot < WRIT_ASKS_MAX; slot++)
		if (!w->asks[slot].ask)
			break;
	if (slot == WRIT_ASKS_MAX)
		return ask->op.status = WRIT_OK;
	writ_buf_reset(&w->scratch);
	writ_wire_put_u8(&w->scratch, (uint8_t)ask->kind);
	writ_wire_put_u8(&w->scratch, ask->more);
	put_texts(w, ask->name, WRIT_TOOL_NAME_MAX, ask->text,
	    WRIT_ASK_TEXT_MAX);
	if (writ_buf_status(&w->scratch) != WRIT_OK)
		return ask->op.status = WRIT_NOMEM;
	w->asks[slot].ask = ask;
	w->asks[slot].guest = g;
	g->asks_in_flight++;
	writ_worker_send(w, WRIT_MSG_ASK, slot | ++w->asks[slot].gen << 8,
	    writ_buf_view(&w->scratch));
	return WRIT_PENDING;
}

struct writ_client_port
writ_worker_client_port(struct writ_guest *g)
{
	return (struct writ_client_port){ g, on_progress, on_log, on_ask };
}

enum writ_status
writ_worker_client_reply(struct writ_worker *w, const struct writ_msg *m)
{
	uint32_t slot = m->id & 0xff;
	struct writ_ask *ask = slot < WRIT_ASKS_MAX ? w->asks[slot].ask : NULL;
	uint8_t status = (uint8_t)m->body.ptr[0];

	if (!ask || m->id != (slot | w->asks[slot].gen << 8))
		return WRIT_PROTO;
	if (m->row->type == WRIT_MSG_ASK_TEXT) {
		writ_buf_str(&ask->reply, m->body);
		return WRIT_OK;
	}
	if (status >= WRIT_ASK_STATUS_COUNT)
		return WRIT_PROTO;
	ask->answer = (enum writ_ask_status)status;
	if (writ_buf_status(&ask->reply) != WRIT_OK)
		ask->answer = WRIT_ASK_LIMIT;
	ask->op.status = WRIT_OK;
	w->asks[slot].ask = NULL;
	w->asks[slot].guest->asks_in_flight--;
	ask->op.done(&ask->op);
	return WRIT_OK;
}

void
writ_worker_client_drop(struct writ_guest *g)
{
	struct writ_worker *w = g->worker;
	unsigned slot;

	for (slot = 0; slot < WRIT_ASKS_MAX; slot++) {
		struct writ_ask *ask = w->asks[slot].ask;

		if (!ask || w->asks[slot].guest != g)
			continue;
		w->asks[slot].ask = NULL;
		ask->answer = WRIT_ASK_CANCELLED;
		ask->op.status = WRIT_OK;
		ask->op.done(&ask->op);
	}
	g->asks_in_flight = 0;
}
