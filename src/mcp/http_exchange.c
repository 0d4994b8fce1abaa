#include "base/limits.h"
#include "mcp/http_exchange.h"

static void
add(struct writ_http_exchange *x, struct writ_str s)
{
	if (x->broken || *x->held + s.len > WRIT_HTTP_HELD_MAX) {
		x->broken = true;
		return;
	}
	writ_buf_str(&x->out, s);
	if (writ_buf_status(&x->out) == WRIT_OK)
		*x->held += s.len;
	else
		x->broken = true;
}

static void
on_send(struct writ_mcp_sink *sink, struct writ_str json)
{
	struct writ_http_exchange *x = (struct writ_http_exchange *)sink;

	writ_http_exchange_event(x, json);
}

static void
on_end(struct writ_mcp_sink *sink, struct writ_str json, unsigned http)
{
	struct writ_http_exchange *x = (struct writ_http_exchange *)sink;

	x->live = false;
	x->ended = true;
	if (x->answer == WRIT_HTTP_STREAM) {
		if (json.len)
			writ_http_exchange_event(x, json);
	} else {
		x->answer = WRIT_HTTP_JSON;
		x->status = http;
		add(x, json);
	}
	x->wake(x);
}

void
writ_http_exchange_init(struct writ_http_exchange *x, size_t *held,
    void (*wake)(struct writ_http_exchange *x))
{
	*x = (struct writ_http_exchange){ .sink = { on_send, on_end },
		.held = held, .wake = wake };
	writ_buf_init(&x->out, WRIT_HTTP_QUEUE_MAX);
}

void
writ_http_exchange_reset(struct writ_http_exchange *x)
{
	*x->held -= writ_http_exchange_left(x);
	writ_buf_release(&x->out);
	writ_http_exchange_init(x, x->held, x->wake);
}

void
writ_http_exchange_stream(struct writ_http_exchange *x)
{
	if (x->answer != WRIT_HTTP_NONE)
		return;
	x->answer = WRIT_HTTP_STREAM;
	x->wake(x);
}

void
writ_http_exchange_comment(struct writ_http_exchange *x)
{
	writ_http_exchange_stream(x);
	if (writ_http_exchange_left(x) == 0)
		add(x, WRIT_STR(":\n\n"));
	x->wake(x);
}

void
writ_http_exchange_event(struct writ_http_exchange *x, struct writ_str json)
{
	writ_http_exchange_stream(x);
	add(x, WRIT_STR("event: message\ndata: "));
	add(x, json);
	add(x, WRIT_STR("\n\n"));
	x->wake(x);
}

void
writ_http_exchange_end(struct writ_http_exchange *x)
{
	x->ended = true;
	x->wake(x);
}

size_t
writ_http_exchange_take(struct writ_http_exchange *x, char *to, size_t max)
{
	size_t n = writ_http_exchange_left(x);

	if (n > max)
		n = max;
	if (!n)
		return 0;
	memcpy(to, x->out.ptr + x->pos, n);
	x->pos += n;
	*x->held -= n;
	if (x->pos == x->out.len) {
		x->pos = 0;
		writ_buf_release(&x->out);
	} else if (x->pos > WRIT_MCP_OUT_HIGH) {
		writ_buf_consume(&x->out, x->pos);
		x->pos = 0;
	}
	return n;
}
