/* Requests that go out (port/http.h): one question to the broker each, then an exchange with
 * net on a socket of its own.  Nothing is decided here. */
#include "base/limits.h"
#include "wire/exchange.h"
#include "worker/worker.h"

#define UNSENT_MAX (128 * 1024)		/* bytes written that net has not taken */
#define TOGETHER (32 * 1024)		/* bytes that are sent at once at least */
#define UNASKED_MAX (4 * 1024 * 1024)	/* bytes of questions that the broker has not read */

_Static_assert(WRIT_HTTP_ASKS_MAX <= 1 << 16, "a row's number has 16 bits");

/* The wakes of whoever waits for something of an exchange. */
enum { FOR_HEAD, FOR_ROOM, FOR_FLUSH, FOR_READ, FOR_TRAILERS, FORS };

struct writ_exchange {
	struct writ_guest *guest;
	struct writ_exchange *next;	/* of the guest's */
	struct writ_conn conn;		/* fd -1: not yet, or no more */
	struct writ_watch watch;
	struct writ_wake *wakes[FORS];
	uint32_t asked;			/* the row of its question + 1; 0: answered */
	unsigned closed;		/* halves */
	bool finished;			/* the request's body is whole */
	bool out_gone;			/* nobody takes the rest of it */
	bool has_head, ended;		/* of the response: its head, its end */
	bool failed;
	struct writ_http_fault fault;	/* failed: why */
	struct writ_str data;		/* of the message read last, in conn */
	struct writ_buf head, trailers;	/* fields as they came */
	unsigned status;
	struct writ_http_field *fields;	/* of what was asked for last; NULL: nothing yet */
};

/* ---- waking */

static void
fire(struct writ_exchange *x, unsigned which)
{
	struct writ_wake *wake = x->wakes[which];

	x->wakes[which] = NULL;
	if (wake)
		wake->fire(wake);
}

static void
fire_all(struct writ_exchange *x)
{
	unsigned i;

	for (i = 0; i < FORS; i++)
		fire(x, i);
}

static enum writ_status
wait_for(struct writ_exchange *x, unsigned which, struct writ_wake *wake)
{
	x->wakes[which] = wake;
	return WRIT_AGAIN;
}

/* ---- the socket */

/* What is read already is for the guest first: net waits meanwhile. */
static void
set_events(struct writ_exchange *x)
{
	short events = 0;

	if (!x->data.len)
		events |= POLLIN;
	if (writ_conn_unsent(&x->conn))
		events |= POLLOUT;
	writ_watch_events(&x->guest->worker->watches, &x->watch, events);
}

static void
hang_up(struct writ_exchange *x)
{
	if (x->conn.fd < 0)
		return;
	writ_watch_remove(&x->guest->worker->watches, &x->watch);
	x->data = WRIT_STR("");
	writ_conn_release(&x->conn);
}

static void
fail(struct writ_exchange *x, enum writ_http_code code)
{
	if (!x->failed && !x->ended)
		x->fault = (struct writ_http_fault){ .code = code };
	x->failed = !x->ended;
	x->out_gone = true;
	hang_up(x);
}

static enum writ_status
flush_out(struct writ_exchange *x)
{
	enum writ_status st = x->conn.fd >= 0 ? writ_conn_flush(&x->conn) :
	    WRIT_CLOSED;

	if (st == WRIT_CLOSED)
		x->out_gone = true;
	return st;
}

/* ---- what net says */

static bool
take_head(struct writ_exchange *x, struct writ_str body)
{
	struct writ_wire_in in = writ_wire_in(body);

	x->status = writ_wire_get_u32(&in);
	writ_buf_str(&x->head, writ_wire_get_rest(&in));
	x->has_head = true;
	return x->status >= 100 && x->status <= 999 &&
	    writ_buf_status(&x->head) == WRIT_OK;
}

static bool
take_message(struct writ_exchange *x, const struct writ_msg *m)
{
	switch ((int)m->row->type) {
	case WRIT_X_HEAD:
		return !x->has_head && take_head(x, m->body);
	case WRIT_X_DATA:
		if (!(x->closed & WRIT_EXCHANGE_IN))
			x->data = m->body;
		return x->has_head && !x->ended;
	case WRIT_X_END:
		writ_buf_str(&x->trailers, m->body);
		if (!x->has_head || writ_buf_status(&x->trailers) != WRIT_OK)
			return false;
		x->ended = true;
		return true;
	case WRIT_X_FAULT:
		if (writ_fault_get(m->body, &x->fault) != WRIT_OK)
			return false;
		x->failed = true;
		x->out_gone = true;
		return true;
	default:
		return false;
	}
}

/* Read on until there is data, an end, or nothing more now. */
static void
pump(struct writ_exchange *x)
{
	enum writ_status st = WRIT_OK;
	struct writ_msg m;

	while (st == WRIT_OK && x->conn.fd >= 0 && !x->data.len &&
	    !x->failed && !x->ended) {
		st = writ_conn_next(&x->conn, &m, NULL);
		if (st == WRIT_AGAIN)
			st = writ_conn_fill(&x->conn);
		else if (st == WRIT_OK && !take_message(x, &m))
			st = WRIT_PROTO;
	}
	if (st == WRIT_PROTO || st == WRIT_NOMEM)
		fail(x, WRIT_HTTP_INTERNAL_ERROR);
	else if (st == WRIT_CLOSED)
		fail(x, WRIT_HTTP_CONNECTION_TERMINATED);
	else if (x->failed)
		hang_up(x);
}

static void
on_ready(struct writ_watch *watch, short revents)
{
	struct writ_exchange *x = (struct writ_exchange *)(void *)
	    ((char *)watch - offsetof(struct writ_exchange, watch));

	(void)flush_out(x);
	if (revents & ~POLLOUT)
		pump(x);
	if (x->conn.fd >= 0) {
		/* over, but for its bytes: watching would not end */
		if (revents & (POLLHUP | POLLERR))
			writ_watch_remove(&x->guest->worker->watches,
			    &x->watch);
		else
			set_events(x);
	}
	if (revents & POLLOUT || x->out_gone) {
		fire(x, FOR_ROOM);
		fire(x, FOR_FLUSH);
	}
	if (revents & ~POLLOUT) {
		fire(x, FOR_HEAD);
		fire(x, FOR_READ);
		fire(x, FOR_TRAILERS);
	}
}

/* ---- asking */

static void
answered(struct writ_exchange *x)
{
	struct writ_worker *w = x->guest->worker;

	if (!x->asked)
		return;
	w->http[x->asked - 1].exchange = NULL;
	x->asked = 0;
}

static void
exchange_free(struct writ_exchange *x)
{
	struct writ_exchange **at = &x->guest->http;

	while (*at && *at != x)
		at = &(*at)->next;
	if (*at)
		*at = x->next;
	answered(x);
	hang_up(x);
	writ_buf_release(&x->head);
	writ_buf_release(&x->trailers);
	writ_mem_free(x->fields);
	writ_mem_free(x);
}

static struct writ_exchange *
exchange_new(struct writ_guest *g)
{
	struct writ_exchange *x = writ_alloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->guest = g;
	x->conn.fd = x->watch.fd = -1;
	writ_buf_init(&x->head, WRIT_WIRE_MSG_MAX);
	writ_buf_init(&x->trailers, WRIT_WIRE_MSG_MAX);
	x->next = g->http;
	g->http = x;
	return x;
}

/* What does not fit a message was not asked: nobody can decide half of it. */
static bool
put_message(struct writ_exchange *x, const struct writ_http_msg *m)
{
	struct writ_buf *b = &x->guest->worker->scratch;
	struct writ_http_msg again;

	writ_buf_reset(b);
	if (m->head.fields_count <= WRIT_HTTP_FIELDS_OUT_MAX)
		writ_http_msg_put(b, m);
	if (m->head.fields_count <= WRIT_HTTP_FIELDS_OUT_MAX &&
	    writ_buf_status(b) == WRIT_OK && writ_http_msg_get(
	    writ_buf_view(b), x->guest->worker->http_fields, &again) ==
	    WRIT_OK)
		return true;
	x->failed = x->out_gone = true;
	x->fault.code = m->head.path.len > WRIT_HTTP_TARGET_MAX ?
	    WRIT_HTTP_REQUEST_URI_TOO_LONG :
	    m->head.authority.len > WRIT_HTTP_TARGET_MAX ?
	    WRIT_HTTP_REQUEST_URI_INVALID :
	    WRIT_HTTP_REQUEST_HEADER_SECTION_SIZE;
	return false;
}

/* A free row, or WRIT_HTTP_ASKS_MAX. */
static uint32_t
find_row(struct writ_worker *w)
{
	uint32_t i, slot;

	for (i = 0; i < WRIT_HTTP_ASKS_MAX; i++) {
		slot = (w->http_next + i) % WRIT_HTTP_ASKS_MAX;
		if (!w->http[slot].busy) {
			w->http_next = slot + 1;
			return slot;
		}
	}
	return WRIT_HTTP_ASKS_MAX;
}

/* How many may run at a time is the broker's to say: whoever is refused is on record. */
static enum writ_status
http_send(void *ctx, const struct writ_http_head *head,
    const struct writ_http_options *options, struct writ_exchange **out)
{
	const struct writ_http_msg m = { *head, *options };
	struct writ_guest *g = ctx;
	struct writ_worker *w = g->worker;
	struct writ_exchange *x;
	uint32_t slot = find_row(w);

	if (slot == WRIT_HTTP_ASKS_MAX ||
	    w->conn.out.len - w->conn.out_pos > UNASKED_MAX)
		return WRIT_LIMIT;
	x = exchange_new(g);
	if (!x)
		return WRIT_NOMEM;
	*out = x;
	if (!put_message(x, &m))
		return WRIT_OK;
	x->asked = slot + 1;
	x->finished = !options->has_body;	/* nothing will follow, no END either */
	w->http[slot].busy = true;
	w->http[slot].exchange = x;
	writ_worker_send(w, WRIT_MSG_HTTP, slot | ++w->http[slot].gen << 16,
	    writ_buf_view(&w->scratch));
	return WRIT_OK;
}

/* ---- the port */

static enum writ_status
tell_fault(const struct writ_exchange *x, struct writ_http_fault *fault)
{
	*fault = x->fault;
	return WRIT_IO;
}

static enum writ_status
get_fields(struct writ_exchange *x, const struct writ_buf *raw,
    struct writ_http_head *head, struct writ_http_fault *fault)
{
	struct writ_wire_in in = writ_wire_in(writ_buf_view(raw));

	memset(head, 0, sizeof(*head));
	if (!x->fields)
		x->fields = writ_alloc(WRIT_HTTP_FIELDS_OUT_MAX,
		    sizeof(*x->fields));
	if (x->fields) {
		writ_fields_get(&in, x->fields, &head->fields_count);
		head->fields = x->fields;
		if (writ_wire_done(&in))
			return WRIT_OK;
	}
	fail(x, WRIT_HTTP_INTERNAL_ERROR);
	*fault = (struct writ_http_fault){ .code = WRIT_HTTP_INTERNAL_ERROR };
	return WRIT_IO;
}

static enum writ_status
http_head(void *ctx, struct writ_exchange *x, struct writ_http_head *head,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	enum writ_status st;

	if (!x->has_head)
		pump(x);
	if (x->has_head) {
		st = get_fields(x, &x->head, head, fault);
		head->status = x->status;
		return st;
	}
	return x->failed ? tell_fault(x, fault) : wait_for(x, FOR_HEAD, wake);
}

/* A request that goes out has nobody to answer. */
static enum writ_status
http_respond(void *ctx, struct writ_exchange *x,
    const struct writ_http_head *head, bool has_body,
    const struct writ_http_fault *fault)
{
	return WRIT_INVALID;
}

static size_t
unsent(const struct writ_exchange *x)
{
	return x->conn.out.len - x->conn.out_pos;
}

static enum writ_status
http_room(void *ctx, struct writ_exchange *x, size_t *n,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	if (x->failed)
		return tell_fault(x, fault);
	if (x->out_gone || x->finished)
		return WRIT_CLOSED;
	if (x->conn.fd < 0 || unsent(x) >= UNSENT_MAX)
		return wait_for(x, FOR_ROOM, wake);
	*n = WRIT_FS_IO_MAX;
	return WRIT_OK;
}

static enum writ_status
send_out(struct writ_exchange *x, enum writ_exchange_type type,
    struct writ_str body)
{
	if (x->out_gone || x->conn.fd < 0)
		return WRIT_CLOSED;
	if (writ_conn_send(&x->conn, type, 0, body, -1) != WRIT_OK) {
		fail(x, WRIT_HTTP_INTERNAL_ERROR);
		return WRIT_CLOSED;
	}
	/* Small pieces of a body leave together: when the guest waits, or yields. */
	if ((type == WRIT_X_DATA && unsent(x) < TOGETHER) ||
	    flush_out(x) == WRIT_AGAIN)
		set_events(x);
	return x->out_gone ? WRIT_CLOSED : WRIT_OK;
}

static enum writ_status
http_write(void *ctx, struct writ_exchange *x, const uint8_t *p, size_t n)
{
	struct writ_str all = writ_str((const char *)p, n);
	enum writ_status st = WRIT_OK;

	while (st == WRIT_OK && all.len) {
		struct writ_str some = writ_str(all.ptr, all.len <
		    WRIT_FS_IO_MAX ? all.len : WRIT_FS_IO_MAX);

		st = send_out(x, WRIT_X_DATA, some);
		all = writ_str_skip(all, some.len);
	}
	return st;
}

static enum writ_status
http_flush(void *ctx, struct writ_exchange *x, struct writ_http_fault *fault,
    struct writ_wake *wake)
{
	if (x->failed)
		return tell_fault(x, fault);
	if (x->out_gone)
		return WRIT_CLOSED;
	/* Less than that is on its way as soon as the loop runs. */
	return x->conn.fd >= 0 && unsent(x) < TOGETHER ? WRIT_OK :
	    wait_for(x, FOR_FLUSH, wake);
}

/* Before the exchange is there, the end waits for it: `finished` says so. */
static enum writ_status
send_end(struct writ_exchange *x, const struct writ_http_field *trailers,
    size_t count)
{
	struct writ_buf *b = &x->guest->worker->scratch;

	writ_buf_reset(b);
	writ_fields_put(b, trailers, count);
	if (writ_buf_status(b) != WRIT_OK)
		return WRIT_CLOSED;
	return send_out(x, WRIT_X_END, writ_buf_view(b));
}

static bool
fields_fit(struct writ_exchange *x, const struct writ_http_field *fields,
    size_t count)
{
	struct writ_buf *b = &x->guest->worker->scratch;
	struct writ_wire_in in;
	size_t n;

	if (count > WRIT_HTTP_FIELDS_OUT_MAX)
		return false;
	writ_buf_reset(b);
	writ_fields_put(b, fields, count);
	in = writ_wire_in(writ_buf_view(b));
	writ_fields_get(&in, x->guest->worker->http_fields, &n);
	return writ_buf_status(b) == WRIT_OK && writ_wire_done(&in);
}

static enum writ_status
http_finish(void *ctx, struct writ_exchange *x,
    const struct writ_http_field *trailers, size_t count)
{
	if (x->finished)
		return WRIT_OK;
	if (x->out_gone)
		return WRIT_CLOSED;
	if (!fields_fit(x, trailers, count)) {
		fail(x, WRIT_HTTP_REQUEST_TRAILER_SECTION_SIZE);
		return WRIT_CLOSED;
	}
	x->finished = true;
	if (!x->asked)
		return send_end(x, trailers, count);
	/* not answered yet: the trailers are kept until it is */
	writ_buf_reset(&x->trailers);
	writ_fields_put(&x->trailers, trailers, count);
	return WRIT_OK;
}

static enum writ_status
http_read(void *ctx, struct writ_exchange *x, uint8_t *p, size_t cap, size_t *n,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	if (!x->data.len)
		pump(x);
	if (!x->data.len && x->failed)
		return tell_fault(x, fault);
	if (!x->data.len && x->ended)
		return WRIT_CLOSED;
	if (!x->data.len || !cap) {
		set_events(x);
		return wait_for(x, FOR_READ, wake);
	}
	*n = x->data.len < cap ? x->data.len : cap;
	memcpy(p, x->data.ptr, *n);
	x->data = writ_str_skip(x->data, *n);
	set_events(x);
	return WRIT_OK;
}

static enum writ_status
http_trailers(void *ctx, struct writ_exchange *x, struct writ_http_head *head,
    struct writ_http_fault *fault, struct writ_wake *wake)
{
	/* whoever asks has given up the body that is left */
	do {
		x->data = WRIT_STR("");
		pump(x);
	} while (x->data.len);
	if (x->ended)
		return get_fields(x, &x->trailers, head, fault);
	if (x->failed)
		return tell_fault(x, fault);
	set_events(x);
	return wait_for(x, FOR_TRAILERS, wake);
}

static void
http_close(void *ctx, struct writ_exchange *x, unsigned halves)
{
	const unsigned both = WRIT_EXCHANGE_OUT | WRIT_EXCHANGE_IN;

	x->closed |= halves;
	if (halves & WRIT_EXCHANGE_OUT) {
		x->wakes[FOR_ROOM] = x->wakes[FOR_FLUSH] = NULL;
		if (!x->finished && (x->asked || send_out(x, WRIT_X_GIVE_UP,
		    WRIT_STR("")) == WRIT_OK))
			x->out_gone = true;
	}
	if (halves & WRIT_EXCHANGE_IN) {
		x->wakes[FOR_HEAD] = x->wakes[FOR_READ] =
		    x->wakes[FOR_TRAILERS] = NULL;
		/* nobody wants the answer: no request either, unless it has come */
		if (!x->has_head)
			fail(x, WRIT_HTTP_CONNECTION_TERMINATED);
		x->data = WRIT_STR("");
		if (x->conn.fd >= 0)
			set_events(x);
	}
	if (x->closed == both)
		exchange_free(x);
}

struct writ_http_port
writ_worker_http_port(struct writ_guest *g)
{
	return (struct writ_http_port){ g, http_send, http_head, http_respond,
		http_room, http_write, http_flush, http_finish, http_read,
		http_trailers, http_close };
}

/* ---- the broker's answer */

static enum writ_status
begin(struct writ_exchange *x, int fd)
{
	writ_auto_release(writ_buf) end;
	enum writ_status st;

	writ_conn_adopt(&x->conn, fd, &writ_wire_exchange, WRIT_SIDE_WORKER);
	x->conn.state = WRIT_STATE_RUNNING;
	x->watch = (struct writ_watch){ .fd = fd, .events = POLLIN,
		.ready = on_ready };
	st = writ_watch_add(&x->guest->worker->watches, &x->watch);
	if (st != WRIT_OK) {
		fail(x, WRIT_HTTP_CONNECTION_LIMIT_REACHED);
		return WRIT_OK;
	}
	writ_buf_init(&end, WRIT_WIRE_MSG_MAX);
	writ_buf_str(&end, writ_buf_view(&x->trailers));
	writ_buf_reset(&x->trailers);
	if (x->finished && end.len)
		(void)send_out(x, WRIT_X_END, writ_buf_view(&end));
	else if (!x->finished && x->out_gone) {
		x->out_gone = false;
		(void)send_out(x, WRIT_X_GIVE_UP, WRIT_STR(""));
		x->out_gone = true;
	}
	if (x->failed)
		hang_up(x);
	return WRIT_OK;
}

enum writ_status
writ_worker_http_reply(struct writ_worker *w, struct writ_msg *m)
{
	uint32_t slot = m->id & 0xffff;
	struct writ_exchange *x;
	struct writ_http_fault fault = { .code = WRIT_HTTP_INTERNAL_ERROR };

	if (slot >= WRIT_HTTP_ASKS_MAX || !w->http[slot].busy ||
	    m->id != (slot | w->http[slot].gen << 16) ||
	    (m->fd >= 0) != (m->body.len == 0) ||
	    (m->fd < 0 && writ_fault_get(m->body, &fault) != WRIT_OK))
		return WRIT_PROTO;
	x = w->http[slot].exchange;
	w->http[slot].busy = false;
	w->http[slot].exchange = NULL;
	if (!x)
		return WRIT_OK;		/* given up meanwhile: its fd is closed */
	x->asked = 0;
	if (m->fd >= 0) {
		int fd = m->fd;

		m->fd = -1;
		(void)begin(x, fd);
	} else {
		x->failed = x->out_gone = true;
		x->fault = fault;
	}
	fire_all(x);
	return WRIT_OK;
}

/* ---- the guest's end */

void
writ_worker_http_drop(struct writ_guest *g)
{
	while (g->http)
		exchange_free(g->http);
}

void
writ_worker_http_cut(struct writ_guest *g)
{
	struct writ_exchange *x;

	for (x = g->http; x; x = x->next) {
		answered(x);
		memset(x->wakes, 0, sizeof(x->wakes));
		fail(x, WRIT_HTTP_CONNECTION_TERMINATED);
	}
}

void
writ_worker_http_forget(struct writ_guest *g, const struct writ_wake *wake)
{
	struct writ_exchange *x;
	unsigned i;

	for (x = g->http; x; x = x->next)
		for (i = 0; i < FORS; i++)
			if (x->wakes[i] == wake)
				x->wakes[i] = NULL;
}

bool
writ_worker_http_waits(const struct writ_guest *g)
{
	const struct writ_exchange *x;
	unsigned i;

	for (x = g->http; x; x = x->next)
		for (i = 0; i < FORS; i++)
			if (x->wakes[i])
				return true;
	return false;
}
