#include <poll.h>

#include "worker/serve.h"

static void
fire(struct writ_wake **slot)
{
	struct writ_wake *wake = *slot;

	*slot = NULL;
	if (wake)
		wake->fire(wake);
}

void
writ_served_readable(struct writ_served *r)
{
	fire(&r->read_wake);
}

void
writ_served_room(struct writ_served *r)
{
	fire(&r->room_wake);
}

struct writ_exchange *
writ_serve_exchange(struct writ_served *r)
{
	return (struct writ_exchange *)(void *)r;
}

/* A guest has one exchange of this kind; the others are requests of its own, which go out. */
static bool
own(const struct writ_served *r, const struct writ_exchange *x)
{
	return (const void *)x == (const void *)r;
}

static enum writ_status
failed(struct writ_http_fault *fault, enum writ_http_code code)
{
	*fault = (struct writ_http_fault){ .code = code };
	return WRIT_IO;
}

/* ---- the request's body */

/* RFC 9110 10.1.1: who waits to be asked for the body is asked once, and not behind an answer.
 * False: the connection is gone. */
static bool
ask_for_it(struct writ_served *r)
{
	struct writ_serve_conn *c = r->conn;

	if (!c->head.expects)
		return true;
	c->head.expects = false;
	if (r->responded) {
		c->close = true;
		return true;
	}
	writ_buf_cstr(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
	return writ_serve_conn_flush(c);
}

/* The trailer section is kept: `in` is used again. */
static enum writ_status
whole(struct writ_served *r, struct writ_str section)
{
	struct writ_buf *t = &r->conn->trailers;

	if (section.len)
		writ_buf_str(t, section);
	if (writ_buf_status(t) != WRIT_OK)
		return WRIT_NOMEM;
	if (section.len && writ_serve_trailers_read(t->ptr, t->len, r->fields,
	    &r->fields_count))
		return WRIT_INVALID;
	r->body_over = true;
	return WRIT_CLOSED;
}

/* Until there is body in c->ready, or nothing more can be had now. */
static enum writ_status
look(struct writ_served *r)
{
	struct writ_serve_conn *c = r->conn;
	enum writ_status st;
	size_t used;

	for (;;) {
		st = writ_serve_body_take(&c->body, c->in + c->in_pos,
		    c->in_len - c->in_pos, &used, &c->ready);
		c->in_pos += used;
		if (st == WRIT_CLOSED)
			return whole(r, c->ready);
		if (st != WRIT_AGAIN)
			return st;
		if (!ask_for_it(r))
			return WRIT_CLOSED;
		st = writ_serve_conn_fill(c);
		if (st != WRIT_OK)
			return st;
	}
}

/* What keeps a guest from its client's bytes, in the guest's words. */
static enum writ_status
told(struct writ_served *r, enum writ_status st, struct writ_http_fault *fault)
{
	if (st == WRIT_CLOSED && !r->body_over) {
		if (r->conn)
			writ_served_abandon(r);
		return failed(fault, WRIT_HTTP_CONNECTION_TERMINATED);
	}
	if (st == WRIT_OK || st == WRIT_AGAIN || st == WRIT_CLOSED)
		return st;
	r->body_failed = true;
	if (r->conn)
		r->conn->close = true;
	return failed(fault, WRIT_HTTP_PROTOCOL_ERROR);
}

static enum writ_status
on_read(void *ctx, struct writ_exchange *x, uint8_t *p, size_t cap, size_t *n,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	struct writ_served *r = ctx;
	struct writ_serve_conn *c = r->conn;
	enum writ_status st = WRIT_OK;

	if (!own(r, x))
		return r->outgoing.read(r->outgoing.ctx, x, p, cap, n, fault,
		    wake);
	if (r->body_failed)
		return failed(fault, WRIT_HTTP_PROTOCOL_ERROR);
	if (!c)
		return failed(fault, WRIT_HTTP_CONNECTION_TERMINATED);
	if (!c->ready.len)
		st = r->body_over ? WRIT_CLOSED : told(r, look(r), fault);
	if (st == WRIT_AGAIN)
		r->read_wake = wake;
	if (st != WRIT_OK)
		return st;
	*n = c->ready.len < cap ? c->ready.len : cap;
	memcpy(p, c->ready.ptr, *n);
	c->ready = writ_str_skip(c->ready, *n);
	r->up += *n;
	return WRIT_OK;
}

/* A reader that gave up the body wants what is behind it. */
static enum writ_status
skip_body(struct writ_served *r, struct writ_http_fault *fault)
{
	enum writ_status st = WRIT_OK;

	while (st == WRIT_OK && !r->body_over) {
		r->conn->ready.len = 0;
		st = told(r, look(r), fault);
	}
	return st == WRIT_CLOSED ? WRIT_OK : st;
}

static enum writ_status
on_trailers(void *ctx, struct writ_exchange *x, struct writ_http_head *head,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	struct writ_served *r = ctx;
	enum writ_status st;

	if (!own(r, x))
		return r->outgoing.trailers(r->outgoing.ctx, x, head, fault,
		    wake);
	if (r->body_failed)
		return failed(fault, WRIT_HTTP_PROTOCOL_ERROR);
	if (!r->conn)
		return failed(fault, WRIT_HTTP_CONNECTION_TERMINATED);
	st = skip_body(r, fault);
	if (st == WRIT_AGAIN)
		r->read_wake = wake;
	if (st != WRIT_OK)
		return st;
	memset(head, 0, sizeof(*head));
	head->fields = r->fields;
	head->fields_count = r->fields_count;
	return WRIT_OK;
}

/* ---- the answer */

/* What there was no memory for is missing from the rest on. */
static enum writ_status
queued(struct writ_served *r)
{
	if (writ_buf_status(&r->conn->out) != WRIT_OK)
		r->conn->cut = true;
	return r->conn->cut ? WRIT_CLOSED : WRIT_OK;
}

static enum writ_status
answer_fault(struct writ_served *r)
{
	/* what went wrong is the operator's affair */
	r->status = 500;
	r->finished = true;
	r->conn->close = r->conn->close || !r->body_over;
	writ_serve_answer_plain(r->conn, r->status);
	return WRIT_OK;
}

static enum writ_status
on_respond(void *ctx, struct writ_exchange *x, const struct writ_http_head *head,
    bool has_body, const struct writ_http_fault *fault)
{
	struct writ_served *r = ctx;
	bool to_head, none, has_length;
	uint64_t length;

	if (!own(r, x))
		return r->outgoing.respond(r->outgoing.ctx, x, head, has_body,
		    fault);
	if (r->responded)
		return WRIT_INVALID;
	if (!r->conn)
		return WRIT_CLOSED;
	r->responded = true;
	if (!head)
		return answer_fault(r);
	to_head = r->conn->to_head;
	none = head->status == 204 || head->status == 304;
	if (!writ_serve_answer_ok(head, &has_length, &length) || (has_length &&
	    length && !has_body && !to_head && !none)) {
		(void)answer_fault(r);
		return WRIT_INVALID;
	}
	r->status = head->status;
	r->bodiless = to_head || none;
	r->finished = !has_body;
	r->has_length = has_length || !has_body;
	r->length = length;
	if (!r->has_length && !r->bodiless) {
		r->chunked = !r->conn->head.http10;
		r->conn->close = r->conn->close || !r->chunked;
		r->conn->reset = !r->chunked;
	}
	writ_serve_answer(r, head);
	return queued(r);
}

static size_t
unsent(const struct writ_serve_conn *c)
{
	return c->out.len - c->out_pos;
}

static enum writ_status
on_room(void *ctx, struct writ_exchange *x, size_t *n,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	struct writ_served *r = ctx;
	size_t room = WRIT_SERVE_OUT_MAX;

	if (!own(r, x))
		return r->outgoing.room(r->outgoing.ctx, x, n, fault, wake);
	if (!r->conn || !r->responded || r->finished)
		return WRIT_CLOSED;
	if (unsent(r->conn) >= WRIT_SERVE_OUT_MAX / 2 &&
	    !writ_serve_conn_flush(r->conn))
		return WRIT_CLOSED;
	if (unsent(r->conn) >= WRIT_SERVE_OUT_MAX) {
		r->room_wake = wake;
		return WRIT_AGAIN;
	}
	room -= unsent(r->conn);
	*n = room;
	return WRIT_OK;
}

/* An answer that says its length and has another one is never sent whole. */
static enum writ_status
on_write(void *ctx, struct writ_exchange *x, const uint8_t *p, size_t n)
{
	struct writ_served *r = ctx;
	struct writ_buf *b;

	if (!own(r, x))
		return r->outgoing.write(r->outgoing.ctx, x, p, n);
	if (!r->conn || !r->responded || r->finished || r->conn->cut)
		return WRIT_CLOSED;
	if (n == 0)
		return WRIT_OK;
	r->down += n;
	if (r->has_length && n > r->length) {
		r->conn->cut = true;
		return WRIT_CLOSED;
	}
	r->length -= r->has_length ? n : 0;
	if (r->bodiless)
		return WRIT_OK;
	b = &r->conn->out;
	if (r->chunked)
		writ_buf_printf(b, "%zx\r\n", n);
	writ_buf_add(b, p, n);
	if (r->chunked)
		writ_buf_add(b, "\r\n", 2);
	return queued(r);
}

static enum writ_status
on_flush(void *ctx, struct writ_exchange *x, struct writ_http_fault *fault,
    struct writ_wake *wake)
{
	struct writ_served *r = ctx;

	if (!own(r, x))
		return r->outgoing.flush(r->outgoing.ctx, x, fault, wake);
	if (!r->conn || !writ_serve_conn_flush(r->conn))
		return WRIT_CLOSED;
	if (!unsent(r->conn))
		return WRIT_OK;
	r->room_wake = wake;
	return WRIT_AGAIN;
}

static void
put_trailers(struct writ_served *r, const struct writ_http_field *f, size_t n)
{
	struct writ_buf *b = &r->conn->out;
	size_t i;

	writ_buf_cstr(b, "0\r\n");
	for (i = 0; i < n && i < WRIT_HTTP_FIELDS_OUT_MAX; i++) {
		if (writ_serve_is_hop(f[i].name) ||
		    writ_str_is(f[i].name, "content-length") ||
		    !writ_serve_is_token(f[i].name) ||
		    !writ_serve_is_value(f[i].value))
			continue;
		writ_buf_str(b, f[i].name);
		writ_buf_cstr(b, ": ");
		writ_buf_str(b, f[i].value);
		writ_buf_cstr(b, "\r\n");
	}
	writ_buf_cstr(b, "\r\n");
}

static enum writ_status
on_finish(void *ctx, struct writ_exchange *x,
    const struct writ_http_field *trailers, size_t count)
{
	struct writ_served *r = ctx;

	if (!own(r, x))
		return r->outgoing.finish(r->outgoing.ctx, x, trailers, count);
	if (!r->conn || !r->responded || r->finished || r->conn->cut)
		return WRIT_CLOSED;
	if (r->has_length && r->length && !r->bodiless) {
		r->conn->cut = true;
		return WRIT_CLOSED;
	}
	if (r->chunked)
		put_trailers(r, trailers, count);
	r->finished = true;
	return queued(r);
}

/* A request's body that nobody reads is judged at the end; an answer given up stays broken. */
static void
on_close(void *ctx, struct writ_exchange *x, unsigned halves)
{
	struct writ_served *r = ctx;

	if (!own(r, x)) {
		r->outgoing.close(r->outgoing.ctx, x, halves);
		return;
	}
	if ((halves & WRIT_EXCHANGE_OUT) && r->conn && r->responded &&
	    !r->finished)
		r->conn->cut = true;
	if (halves & WRIT_EXCHANGE_IN)
		r->read_wake = NULL;
	if (halves & WRIT_EXCHANGE_OUT)
		r->room_wake = NULL;
}

/* ---- beside requests that go out */

static enum writ_status
on_send(void *ctx, const struct writ_http_head *head,
    const struct writ_http_options *options, struct writ_exchange **out)
{
	const struct writ_http_port *p = &((struct writ_served *)ctx)->outgoing;

	return p->send(p->ctx, head, options, out);
}

static enum writ_status
on_head(void *ctx, struct writ_exchange *x, struct writ_http_head *head,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	const struct writ_http_port *p = &((struct writ_served *)ctx)->outgoing;

	return p->head(p->ctx, x, head, fault, wake);
}

static struct writ_http_port
port_of(struct writ_served *r)
{
	return (struct writ_http_port){ r, r->outgoing.send ? on_send : NULL,
		on_head, on_respond, on_room, on_write, on_flush, on_finish,
		on_read, on_trailers, on_close };
}

static bool
awaits(const struct writ_guest *g)
{
	const struct writ_served *r = (const void *)g;

	return r->read_wake || r->room_wake;
}

void
writ_serve_attach(struct writ_served *r)
{
	r->outgoing = r->guest.ports.http;
	r->guest.ports.http = port_of(r);
	r->guest.awaits = awaits;
}
