#include <poll.h>

#include "base/limits.h"
#include "wire/sock.h"
#include "worker/worker.h"

/* What is still unsent when a socket is closed is waited for so long, all sockets together. */
#define CLOSE_MS 200
#define GRAMS_AT_ONCE 8		/* datagrams that send_room offers */

/* A socket of a guest's, with our end of its pair once it has one. */
struct writ_worker_sock {
	bool used, udp, v6;
	uint32_t gen;
	struct writ_guest *guest;
	struct writ_conn conn;		/* fd -1: no pair */
	struct writ_watch watch;
	struct writ_wake *in_wake, *out_wake;
	struct writ_str rest;		/* of the DATA being read; borrowed from conn.in */
	bool in_ended, out_ended, failed;
	enum writ_sock_error error;
};

/* A request to the broker. */
struct sock_pending {
	struct writ_sock_call *call;	/* NULL: free */
	struct writ_guest *guest;	/* NULL: it has gone */
	uint32_t gen;
	uint32_t sock, new_sock;
};

struct writ_worker_socks {
	struct writ_worker_sock socks[WRIT_SOCKS_MAX];
	struct sock_pending pending[WRIT_SOCK_CALLS_MAX];
	uint8_t gram[WRIT_SOCK_GRAM_HEAD + WRIT_SOCK_GRAM_MAX];
};

/* ---- sockets */

static uint32_t
name_of(const struct writ_worker_socks *t, const struct writ_worker_sock *s)
{
	return (uint32_t)(s - t->socks) | s->gen << 8;
}

static struct writ_worker_sock *
sock_at(struct writ_worker *w, uint64_t name)
{
	struct writ_worker_sock *s;

	if (!w->socks || (name & 0xff) >= WRIT_SOCKS_MAX || name > UINT32_MAX)
		return NULL;
	s = &w->socks->socks[name & 0xff];
	return s->used && s->gen == (uint32_t)name >> 8 ? s : NULL;
}

/* Most workers have none: the table is made with the first. */
static struct writ_worker_socks *
table(struct writ_worker *w)
{
	unsigned i;

	if (w->socks)
		return w->socks;
	w->socks = writ_alloc(1, sizeof(*w->socks));
	for (i = 0; w->socks && i < WRIT_SOCKS_MAX; i++)
		w->socks->socks[i].conn.fd = -1;
	return w->socks;
}

static struct writ_worker_sock *
sock_new(struct writ_guest *g, bool udp, bool v6)
{
	struct writ_worker_socks *t = table(g->worker);
	struct writ_worker_sock *s = NULL;
	unsigned i;

	for (i = 0; t && i < WRIT_SOCKS_MAX; i++)
		if (!t->socks[i].used) {
			s = &t->socks[i];
			break;
		}
	if (!s)
		return NULL;
	s->used = true;
	s->udp = udp;
	s->v6 = v6;
	s->gen = (s->gen + 1) & 0xffffff;
	if (!s->gen)
		s->gen = 1;
	s->guest = g;
	return s;
}

static void
sock_free(struct writ_worker *w, struct writ_worker_sock *s)
{
	uint32_t gen = s->gen;

	writ_watch_remove(&w->watches, &s->watch);
	writ_conn_release(&s->conn);
	memset(s, 0, sizeof(*s));
	s->gen = gen;
	s->conn.fd = -1;
}

static void
say(struct writ_worker *w, uint32_t id, const struct writ_sock_msg *m)
{
	writ_buf_reset(&w->scratch);
	writ_sock_msg_put(&w->scratch, m);
	if (writ_buf_status(&w->scratch) != WRIT_OK)
		w->broken = true;
	else
		writ_worker_send(w, WRIT_MSG_SOCK, id,
		    writ_buf_view(&w->scratch));
}

/* ---- pairs */

static void
fire(struct writ_wake **wake)
{
	struct writ_wake *w = *wake;

	*wake = NULL;
	if (w)
		w->fire(w);
}

static void on_ready(struct writ_watch *watch, short revents);

/* Watched only for what somebody waits for: an end that nobody reads would wake for ever. */
static void
rewatch(struct writ_worker_sock *s)
{
	struct writ_watches *set = &s->guest->worker->watches;
	short events = 0;

	if (s->conn.fd < 0)
		return;
	if (s->in_wake)
		events |= POLLIN;
	if (writ_conn_unsent(&s->conn))
		events |= POLLOUT;
	if (!events) {
		writ_watch_remove(set, &s->watch);
		return;
	}
	if (s->watch.added) {
		writ_watch_events(set, &s->watch, events);
		return;
	}
	s->watch = (struct writ_watch){ .fd = s->conn.fd, .events = events,
		.ready = on_ready };
	if (writ_watch_add(set, &s->watch) != WRIT_OK) {
		/* nobody would say when: so now, and it is looked at again */
		fire(&s->in_wake);
		fire(&s->out_wake);
	}
}

static void
fail(struct writ_worker_sock *s, enum writ_sock_error error)
{
	if (!s->failed)
		s->error = error;
	s->failed = true;
	fire(&s->in_wake);
	fire(&s->out_wake);
}

static enum writ_status
flush(struct writ_worker_sock *s)
{
	enum writ_status st = writ_conn_flush(&s->conn);

	/* Why it closed stands in what is yet to be read. */
	if (st == WRIT_CLOSED) {
		s->out_ended = true;
		writ_buf_reset(&s->conn.out);
		s->conn.out_pos = 0;
	}
	return st;
}

static void
on_ready(struct writ_watch *watch, short revents)
{
	struct writ_worker_sock *s = (struct writ_worker_sock *)(void *)
	    ((char *)watch - offsetof(struct writ_worker_sock, watch));

	if (writ_conn_unsent(&s->conn))
		(void)!flush(s);
	if (!writ_conn_unsent(&s->conn))
		fire(&s->out_wake);
	if (revents & ~POLLOUT)
		fire(&s->in_wake);
	rewatch(s);
}

/* The next message of the pair.  WRIT_CLOSED: it was cut. */
static enum writ_status
next(struct writ_worker_sock *s, struct writ_msg *m)
{
	enum writ_status st = writ_conn_next(&s->conn, m, NULL);

	while (st == WRIT_AGAIN) {
		st = writ_conn_fill(&s->conn);
		if (st != WRIT_OK)
			return st;
		st = writ_conn_next(&s->conn, m, NULL);
	}
	return st;
}

/* Have bytes in s->rest. */
static enum writ_status
fetch(struct writ_worker_sock *s, struct writ_wake *wake)
{
	struct writ_msg m;
	enum writ_status st;

	if (s->rest.len)
		return WRIT_OK;
	if (s->in_ended)
		return WRIT_CLOSED;
	if (s->failed)
		return WRIT_IO;
	st = next(s, &m);
	if (st == WRIT_AGAIN) {
		s->in_wake = wake;
		rewatch(s);
		return st;
	}
	if (st == WRIT_OK && m.row->type == WRIT_S_DATA) {
		s->rest = m.body;
		return WRIT_OK;
	}
	if (st == WRIT_OK && m.row->type == WRIT_S_END) {
		s->in_ended = true;
		return WRIT_CLOSED;
	}
	if (st == WRIT_OK && m.row->type == WRIT_S_FAULT &&
	    (uint8_t)m.body.ptr[0] < WRIT_SOCK_ERROR_COUNT)
		fail(s, (enum writ_sock_error)m.body.ptr[0]);
	else
		fail(s, WRIT_SOCK_CONNECTION_RESET);
	return WRIT_IO;
}

static enum writ_status
on_read(void *ctx, uint64_t name, uint8_t *p, size_t cap, size_t *n,
    enum writ_sock_error *error, struct writ_wake *wake)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s = sock_at(g->worker, name);
	enum writ_status st;

	if (!s || s->conn.fd < 0)
		return WRIT_CLOSED;
	st = fetch(s, wake);
	if (st == WRIT_IO)
		*error = s->error;
	if (st != WRIT_OK)
		return st;
	*n = s->rest.len < cap ? s->rest.len : cap;
	memcpy(p, s->rest.ptr, *n);
	s->rest = writ_str_skip(s->rest, *n);
	return WRIT_OK;
}

/* Nothing is left to be sent. */
static enum writ_status
drained(struct writ_worker_sock *s, enum writ_sock_error *error,
    struct writ_wake *wake)
{
	if (writ_conn_unsent(&s->conn) && flush(s) == WRIT_AGAIN) {
		s->out_wake = wake;
		rewatch(s);
		return WRIT_AGAIN;
	}
	rewatch(s);
	if (s->failed) {
		*error = s->error;
		return WRIT_IO;
	}
	return s->out_ended ? WRIT_CLOSED : WRIT_OK;
}

static enum writ_status
on_room(void *ctx, uint64_t name, size_t *n, enum writ_sock_error *error,
    struct writ_wake *wake)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s = sock_at(g->worker, name);
	enum writ_status st;

	if (!s || s->conn.fd < 0)
		return WRIT_CLOSED;
	st = drained(s, error, wake);
	if (st == WRIT_OK)
		*n = WRIT_FS_IO_MAX;
	return st;
}

static enum writ_status
send_on(struct writ_worker_sock *s, enum writ_sock_stream_type type,
    struct writ_str body)
{
	if (writ_conn_send(&s->conn, type, 0, body, -1) != WRIT_OK)
		return WRIT_CLOSED;
	(void)!flush(s);
	rewatch(s);
	return s->out_ended ? WRIT_CLOSED : WRIT_OK;
}

static enum writ_status
on_write(void *ctx, uint64_t name, const uint8_t *p, size_t n)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s = sock_at(g->worker, name);

	if (!s || s->conn.fd < 0 || s->udp || s->out_ended ||
	    n > WRIT_FS_IO_MAX)
		return WRIT_CLOSED;
	return n ? send_on(s, WRIT_S_DATA, writ_str((const char *)p, n)) :
	    WRIT_OK;
}

static enum writ_status
on_flush(void *ctx, uint64_t name, enum writ_sock_error *error,
    struct writ_wake *wake)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s = sock_at(g->worker, name);

	if (!s || s->conn.fd < 0)
		return WRIT_CLOSED;
	return drained(s, error, wake);
}

static void
on_shutdown(void *ctx, uint64_t name, unsigned halves)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s = sock_at(g->worker, name);

	if (!s || s->conn.fd < 0 || s->udp)
		return;
	if (halves & WRIT_SOCK_IN && !s->out_ended)
		(void)!send_on(s, WRIT_S_DEAF, WRIT_STR(""));
	if (halves & WRIT_SOCK_OUT && !s->out_ended) {
		(void)!send_on(s, WRIT_S_END, WRIT_STR(""));
		s->out_ended = true;
	}
}

/* ---- datagrams */

static enum writ_status
on_receive(void *ctx, uint64_t name, struct writ_sock_address *from, uint8_t *p,
    size_t cap, size_t *n, enum writ_sock_error *error, struct writ_wake *wake)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s = sock_at(g->worker, name);
	struct writ_str bytes;
	struct writ_msg m;
	enum writ_status st;

	if (!s || s->conn.fd < 0 || !s->udp)
		return WRIT_CLOSED;
	st = next(s, &m);
	if (st == WRIT_AGAIN) {
		s->in_wake = wake;
		rewatch(s);
		return st;
	}
	if (st == WRIT_OK && m.row->type == WRIT_S_FAULT &&
	    (uint8_t)m.body.ptr[0] < WRIT_SOCK_ERROR_COUNT) {
		*error = (enum writ_sock_error)m.body.ptr[0];
		return WRIT_IO;
	}
	if (st != WRIT_OK || m.row->type != WRIT_S_GRAM ||
	    writ_sock_gram_get(m.body, from, &bytes) != WRIT_OK ||
	    bytes.len > cap) {
		s->out_ended = true;
		return WRIT_CLOSED;
	}
	memcpy(p, bytes.ptr, bytes.len);
	*n = bytes.len;
	return WRIT_OK;
}

static enum writ_status
on_send_room(void *ctx, uint64_t name, size_t *n, struct writ_wake *wake)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s = sock_at(g->worker, name);
	enum writ_sock_error error;
	enum writ_status st;

	if (!s || s->conn.fd < 0)
		return WRIT_CLOSED;
	st = drained(s, &error, wake);
	if (st == WRIT_OK)
		*n = GRAMS_AT_ONCE;
	return st == WRIT_IO ? WRIT_CLOSED : st;
}

static enum writ_status
on_send(void *ctx, uint64_t name, const struct writ_sock_address *to,
    const uint8_t *p, size_t n)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s = sock_at(g->worker, name);
	uint8_t *gram = g->worker->socks ? g->worker->socks->gram : NULL;

	if (!s || s->conn.fd < 0 || !s->udp || s->out_ended ||
	    n > WRIT_SOCK_GRAM_MAX)
		return WRIT_CLOSED;
	writ_sock_gram_put(gram, to);
	if (n)
		memcpy(gram + WRIT_SOCK_GRAM_HEAD, p, n);
	return send_on(s, WRIT_S_GRAM, writ_str((const char *)gram,
	    WRIT_SOCK_GRAM_HEAD + n));
}

/* ---- requests */

static enum writ_status
on_create(void *ctx, bool udp, bool v6, uint64_t *name)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s;

	if (!g->worker->setup.sockets)
		return WRIT_DENIED;
	s = sock_new(g, udp, v6);
	if (!s)
		return g->worker->socks ? WRIT_LIMIT : WRIT_NOMEM;
	*name = name_of(g->worker->socks, s);
	say(g->worker, WRIT_SOCK_NO_REPLY, &(struct writ_sock_msg){
	    .what = WRIT_SOCK_MSG_CREATE, .sock = (uint32_t)*name,
	    .udp = udp, .v6 = v6 });
	return WRIT_OK;
}

static enum writ_status
refuse(struct writ_sock_call *call, enum writ_sock_error error)
{
	call->error = error;
	return call->op.status = WRIT_IO;
}

static enum writ_status
on_start(void *ctx, struct writ_sock_call *call)
{
	struct writ_guest *g = ctx;
	struct writ_worker *w = g->worker;
	struct writ_worker_socks *t = w->setup.sockets ? table(w) : NULL;
	struct writ_worker_sock *s = sock_at(w, call->sock), *client = NULL;
	struct writ_sock_msg m = { .what = call->what,
		.sock = (uint32_t)call->sock, .has_address = call->has_address,
		.address = call->address, .name = call->name };
	uint32_t slot;

	if (!w->setup.sockets)
		return WRIT_DENIED;
	for (slot = 0; t && slot < WRIT_SOCK_CALLS_MAX; slot++)
		if (!t->pending[slot].call)
			break;
	if (!t || slot == WRIT_SOCK_CALLS_MAX)
		return refuse(call, WRIT_SOCK_OUT_OF_MEMORY);
	if (!s && call->what != WRIT_SOCK_RESOLVE)
		return refuse(call, WRIT_SOCK_INVALID_STATE);
	if (call->name.len > WRIT_HTTP_HOST_MAX)
		return refuse(call, WRIT_SOCK_INVALID_ARGUMENT);
	if (call->what == WRIT_SOCK_ACCEPT) {
		client = sock_new(g, false, s->v6);
		if (!client)
			return refuse(call, WRIT_SOCK_NEW_SOCKET_LIMIT);
		m.new_sock = name_of(t, client);
	}
	t->pending[slot].call = call;
	t->pending[slot].guest = g;
	t->pending[slot].sock = m.sock;
	t->pending[slot].new_sock = m.new_sock;
	g->socks_in_flight++;
	say(w, slot | ++t->pending[slot].gen << 8, &m);
	return WRIT_PENDING;
}

static void
on_set(void *ctx, uint64_t name, enum writ_sock_option option, uint64_t value)
{
	struct writ_guest *g = ctx;

	if (sock_at(g->worker, name) && !writ_worker_flooded(g))
		say(g->worker, WRIT_SOCK_NO_REPLY, &(struct writ_sock_msg){
		    .what = WRIT_SOCK_MSG_SET, .sock = (uint32_t)name,
		    .option = option, .value = value });
}

static void
close_sock(struct writ_worker *w, struct writ_worker_sock *s)
{
	struct pollfd p = { s->conn.fd, POLLOUT, 0 };
	uint32_t name = name_of(w->socks, s);

	/* What was written is to arrive.  Seldom: a pair holds more than one write. */
	if (s->conn.fd >= 0 && writ_conn_unsent(&s->conn) &&
	    flush(s) == WRIT_AGAIN && poll(&p, 1, CLOSE_MS) > 0)
		(void)!flush(s);
	sock_free(w, s);
	say(w, WRIT_SOCK_NO_REPLY, &(struct writ_sock_msg){
	    .what = WRIT_SOCK_MSG_CLOSE, .sock = name });
}

static void
on_close(void *ctx, uint64_t name)
{
	struct writ_guest *g = ctx;
	struct writ_worker_sock *s = sock_at(g->worker, name);

	if (s)
		close_sock(g->worker, s);
}

struct writ_sock_port
writ_worker_sock_port(struct writ_guest *g)
{
	return (struct writ_sock_port){ g, on_create, on_start, on_set, on_read,
		on_room, on_write, on_flush, on_shutdown, on_receive,
		on_send_room, on_send, on_close };
}

/* ---- replies */

static bool
brings_pair(const struct sock_pending *p, const struct writ_worker_sock *s)
{
	return p->call->what == WRIT_SOCK_CONNECT ||
	    p->call->what == WRIT_SOCK_ACCEPT ||
	    (p->call->what == WRIT_SOCK_BIND && s && s->udp);
}

/* The socket that the reply is about, with its pair.  WRIT_PROTO: the pair is missing. */
static enum writ_status
attach(struct writ_worker *w, struct sock_pending *p, struct writ_msg *m)
{
	bool accept = p->call->what == WRIT_SOCK_ACCEPT;
	struct writ_worker_sock *s = sock_at(w, accept ? p->new_sock : p->sock);

	if (!s)			/* closed meanwhile: so is the pair */
		return WRIT_OK;
	if (!brings_pair(p, s))
		return m->fd < 0 ? WRIT_OK : WRIT_PROTO;
	if (m->fd < 0 || s->conn.fd >= 0)
		return WRIT_PROTO;
	writ_conn_adopt(&s->conn, m->fd, &writ_wire_sock, WRIT_SIDE_WORKER);
	m->fd = -1;
	s->conn.state = WRIT_STATE_RUNNING;
	return WRIT_OK;
}

static void
finish(struct writ_worker *w, struct sock_pending *p,
    const struct writ_sock_reply *r)
{
	struct writ_sock_call *call = p->call;
	struct writ_worker_sock *client = sock_at(w, p->new_sock);

	call->op.status = r->failed ? WRIT_IO : WRIT_OK;
	call->error = r->error;
	call->local = r->local;
	call->remote = r->remote;
	call->count = r->count;
	memcpy(call->addresses, r->addresses, sizeof(call->addresses));
	if (call->what == WRIT_SOCK_ACCEPT && r->failed && client)
		sock_free(w, client);
	/* nobody is left to take the client */
	if (call->what == WRIT_SOCK_ACCEPT && !r->failed) {
		call->out_sock = p->new_sock;
		if (!sock_at(w, p->sock) && client) {
			call->op.status = WRIT_IO;
			call->error = WRIT_SOCK_INVALID_STATE;
			close_sock(w, client);
		}
	}
	if (p->guest)
		p->guest->socks_in_flight--;
	p->call = NULL;
	p->guest = NULL;
	call->op.done(&call->op);
}

enum writ_status
writ_worker_sock_reply(struct writ_worker *w, struct writ_msg *m)
{
	uint32_t slot = m->id & 0xff;
	struct sock_pending *p = w->socks && slot < WRIT_SOCK_CALLS_MAX ?
	    &w->socks->pending[slot] : NULL;
	struct writ_sock_reply r;
	enum writ_status st;

	memset(&r, 0, sizeof(r));
	if (!p || !p->call || m->id != (slot | p->gen << 8) ||
	    writ_sock_reply_get(m->body, &r) != WRIT_OK ||
	    (r.failed && m->fd >= 0))
		return WRIT_PROTO;
	st = r.failed ? WRIT_OK : attach(w, p, m);
	if (st == WRIT_OK)
		finish(w, p, &r);
	return st;
}

/* ---- guests that wait, and that go */

bool
writ_worker_sock_awaits(const struct writ_guest *g)
{
	const struct writ_worker_socks *t = g->worker->socks;
	unsigned i;

	for (i = 0; t && i < WRIT_SOCKS_MAX; i++)
		if (t->socks[i].guest == g && (t->socks[i].in_wake ||
		    t->socks[i].out_wake))
			return true;
	return g->socks_in_flight > 0;
}

void
writ_worker_sock_forget(struct writ_guest *g, struct writ_wake *wake)
{
	struct writ_worker_socks *t = g->worker->socks;
	unsigned i;

	for (i = 0; t && i < WRIT_SOCKS_MAX; i++) {
		struct writ_worker_sock *s = &t->socks[i];

		if (s->in_wake == wake)
			s->in_wake = NULL;
		if (s->out_wake == wake)
			s->out_wake = NULL;
	}
}

void
writ_worker_sock_leave(struct writ_guest *g)
{
	struct writ_worker_socks *t = g->worker->socks;
	unsigned i;

	for (i = 0; t && i < WRIT_SOCKS_MAX; i++)
		if (t->socks[i].used && t->socks[i].guest == g)
			close_sock(g->worker, &t->socks[i]);
	for (i = 0; t && i < WRIT_SOCK_CALLS_MAX; i++)
		if (t->pending[i].guest == g)
			t->pending[i].guest = NULL;
	g->socks_in_flight = 0;
}
