#include "broker/sock.h"

#include <sys/epoll.h>
#include <time.h>

#include "base/limits.h"
#include "broker/sock_int.h"

#define EVENTS 64
#define LINGER_NS 10000000000ull	/* for a peer that does not read what was written */

uint64_t
sock_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- life */

enum writ_status
writ_socks_open(const struct writ_socks_config *config, struct writ_socks **out,
    struct writ_err *err)
{
	struct writ_socks *t = writ_alloc(1, sizeof(*t));

	if (!t)
		return writ_fail(err, WRIT_NOMEM, "sockets");
	t->c = *config;
	writ_buf_init(&t->reply, WRIT_WIRE_MSG_MAX);
	t->names = writ_alloc(WRIT_SOCK_NAMES_MAX, sizeof(*t->names));
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!t->names || t->epoll < 0) {
		writ_socks_free(t);
		return writ_fail(err, WRIT_IO, "sockets: epoll");
	}
	*out = t;
	return WRIT_OK;
}

/* Its memory is given back by sweep(), when no event can be about it any more. */
void
sock_drop(struct sock *s, enum writ_status st)
{
	if (s->gone)
		return;
	sock_over(s, st, st != WRIT_OK);
	if (s->name)
		s->all->slots[s->name & 0xff] = NULL;
	else
		s->all->closed--;
	s->name = 0;
	s->gone = true;
	if (s->pair.fd >= 0 && s->pair_watch.fd >= 0)
		(void)epoll_ctl(s->all->epoll, EPOLL_CTL_DEL, s->pair.fd, NULL);
	writ_conn_release(&s->pair);
}

static void
sweep(struct writ_socks *t)
{
	struct sock **at = &t->first, *s;

	while ((s = *at)) {
		if (!s->gone) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		t->count--;
		writ_buf_release(&s->out);
		writ_mem_free(s->peers);
		writ_mem_free(s);
	}
}

void
writ_socks_free(struct writ_socks *t)
{
	struct sock *s;

	if (!t)
		return;
	sock_resolves_stop(t);
	for (s = t->first; s; s = s->next)
		sock_drop(s, WRIT_CANCELLED);
	sweep(t);
	writ_closep(&t->epoll);
	writ_mem_free(t->names);
	writ_mem_free(t->own);
	writ_buf_release(&t->reply);
	writ_mem_free(t);
}

int
writ_socks_fd(const struct writ_socks *t)
{
	return t->epoll;
}

unsigned
writ_socks_count(const struct writ_socks *t)
{
	return t->count;
}

struct sock *
sock_new(struct writ_socks *t, uint32_t name, bool udp, bool v6)
{
	struct sock *s = writ_alloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->all = t;
	s->name = name;
	s->udp = udp;
	s->v6 = v6;
	s->fd = s->pair.fd = s->net_watch.fd = s->pair_watch.fd = -1;
	s->net_watch.sock = s->pair_watch.sock = s;
	writ_buf_init(&s->out, WRIT_FS_IO_MAX);
	s->next = t->first;
	t->first = s;
	t->count++;
	t->slots[name & 0xff] = s;
	return s;
}

bool
sock_is_free(const struct writ_socks *t, uint32_t name)
{
	return (name & 0xff) < WRIT_SOCKS_MAX && name >> 8 &&
	    !t->slots[name & 0xff];
}

/* ---- replies */

enum writ_status
sock_reply(struct writ_socks *t, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_reply *r, int fd)
{
	writ_buf_reset(&t->reply);
	writ_sock_reply_put(&t->reply, r);
	if (writ_buf_status(&t->reply) != WRIT_OK)
		return writ_buf_status(&t->reply);
	return writ_conn_send(worker, WRIT_MSG_SOCK_REPLY, id,
	    writ_buf_view(&t->reply), fd);
}

enum writ_status
sock_reply_failed(struct writ_socks *t, struct writ_conn *worker, uint32_t id,
    enum writ_sock_error error)
{
	const struct writ_sock_reply r = { .failed = true, .error = error };

	return sock_reply(t, worker, id, &r, -1);
}

/* The same for a request that is judged: WRIT_IO ends the session. */
enum writ_status
sock_reply_judged(struct writ_socks *t, struct writ_conn *worker, uint32_t id,
    enum writ_status st)
{
	return st == WRIT_IO ? st :
	    sock_reply_failed(t, worker, id, WRIT_SOCK_ACCESS_DENIED);
}

/* ---- closing */

static enum writ_status
answer_left(struct sock *s, struct writ_conn *worker)
{
	if (!s->asked)
		return WRIT_OK;
	s->asked = false;
	return sock_reply_failed(s->all, worker, s->ask_id,
	    WRIT_SOCK_CONNECTION_ABORTED);
}

/* What was written to it still leaves; everything else ends now. */
static enum writ_status
on_close(struct sock *s, struct writ_conn *worker)
{
	struct writ_socks *t = s->all;
	enum writ_status st = answer_left(s, worker);
	bool sends = s->pair.fd >= 0 && (s->stage == SOCK_CONNECTED ||
	    (s->udp && s->stage == SOCK_BOUND));

	if (!sends || t->closed >= WRIT_SOCKS_MAX) {
		sock_drop(s, s->stage == SOCK_CONNECTING ? WRIT_CANCELLED :
		    sends ? WRIT_LIMIT : WRIT_OK);
		return st;
	}
	t->slots[s->name & 0xff] = NULL;
	s->name = 0;
	t->closed++;
	s->deaf = true;
	s->linger_ns = sock_now_ns() + LINGER_NS;
	sock_pump(s);
	return st;
}

enum writ_status
writ_socks_cut(struct writ_socks *t, struct writ_conn *worker)
{
	enum writ_status st = WRIT_OK;
	unsigned i;

	for (i = 0; i < WRIT_SOCKS_MAX && st == WRIT_OK; i++) {
		if (!t->slots[i])
			continue;
		st = answer_left(t->slots[i], worker);
		sock_drop(t->slots[i], WRIT_CANCELLED);
	}
	sweep(t);
	return st;
}

/* A closed socket that has sent all, or has had its time. */
static void
closed_end(struct writ_socks *t)
{
	uint64_t now = t->closed ? sock_now_ns() : 0;
	struct sock *s;

	for (s = t->closed ? t->first : NULL; s; s = s->next) {
		bool sent = s->stage == SOCK_OVER || (s->udp && s->pair_ended &&
		    !s->out_full);

		if (s->name || s->gone)
			continue;
		if (sent)
			sock_drop(s, WRIT_OK);
		else if (now > s->linger_ns)
			sock_drop(s, WRIT_LIMIT);
	}
}

/* ---- messages */

static enum writ_status
on_create(struct writ_socks *t, const struct writ_sock_msg *m)
{
	if (!sock_is_free(t, m->sock))
		return WRIT_PROTO;
	return sock_new(t, m->sock, m->udp, m->v6) ? WRIT_OK : WRIT_NOMEM;
}

enum writ_status
writ_socks_serve(struct writ_socks *t, struct writ_conn *worker,
    const struct writ_msg *m)
{
	struct writ_sock_msg msg;
	enum writ_status st = WRIT_OK;
	struct sock *s;

	if (writ_sock_msg_get(m->body, &msg) != WRIT_OK ||
	    (m->id == WRIT_SOCK_NO_REPLY) != (msg.what >= WRIT_SOCK_OP_COUNT))
		return WRIT_PROTO;
	if (msg.what == WRIT_SOCK_MSG_CREATE)
		return on_create(t, &msg);
	if (msg.what == WRIT_SOCK_RESOLVE)
		return sock_resolve(t, worker, m->id, &msg);
	s = (msg.sock & 0xff) < WRIT_SOCKS_MAX ? t->slots[msg.sock & 0xff] :
	    NULL;
	/* cut meanwhile */
	if (!s || s->name != msg.sock)
		return m->id == WRIT_SOCK_NO_REPLY ? WRIT_OK :
		    sock_reply_failed(t, worker, m->id, WRIT_SOCK_INVALID_STATE);
	if (msg.what == WRIT_SOCK_MSG_SET)
		sock_set(s, &msg);
	else if (msg.what == WRIT_SOCK_MSG_CLOSE)
		st = on_close(s, worker);
	else
		st = sock_ask(s, worker, m->id, &msg);
	closed_end(t);
	sweep(t);
	return st;
}

/* ---- the loop */

static enum writ_status
happened(struct sock_watch *w, struct writ_conn *worker)
{
	struct sock *s = w->sock;
	enum writ_status st = WRIT_OK;

	if (s->gone)
		return WRIT_OK;
	if (w == &s->net_watch && s->stage == SOCK_CONNECTING) {
		s->asked = false;
		return sock_connected(s, worker, s->ask_id);
	}
	if (w == &s->net_watch && s->stage == SOCK_LISTENING) {
		if (s->asked)
			st = sock_accept(s, worker);
		sock_rewatch(s);
		return st;
	}
	sock_pump(s);
	return st;
}

enum writ_status
writ_socks_step(struct writ_socks *t, struct writ_conn *worker)
{
	struct epoll_event e[EVENTS];
	int i, n = t->count ? epoll_wait(t->epoll, e, EVENTS, 0) : 0;
	enum writ_status st = t->resolves ? sock_resolves_answer(t, worker) :
	    WRIT_OK;

	for (i = 0; i < n && st == WRIT_OK; i++)
		st = happened(e[i].data.ptr, worker);
	closed_end(t);
	sweep(t);
	return st;
}

void
writ_socks_linger(struct writ_socks *t, int ms)
{
	uint64_t until = sock_now_ns() + (uint64_t)ms * 1000000;
	struct epoll_event e[EVENTS];
	uint64_t now;
	int i, n;

	for (;;) {
		closed_end(t);
		sweep(t);
		now = sock_now_ns();
		if (!t->closed || now >= until)
			return;
		n = epoll_wait(t->epoll, e, EVENTS, (int)((until - now) /
		    1000000) + 1);
		for (i = 0; i < n; i++) {
			struct sock_watch *w = e[i].data.ptr;

			/* those of a worker that is gone are cut soon */
			if (w->sock->name)
				sock_drop(w->sock, WRIT_CANCELLED);
			else if (!w->sock->gone)
				sock_pump(w->sock);
		}
	}
}
