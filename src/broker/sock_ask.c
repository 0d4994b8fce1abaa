/* What a worker asks of one socket: options, bind, listen, connect, accept, destinations. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "broker/sock_int.h"

/* Answer with what the socket is now, and with a pair for its bytes. */
static enum writ_status
reply_pair(struct sock *s, struct writ_conn *worker, uint32_t id)
{
	const struct writ_sock_reply r = { .local = s->local,
		.remote = s->remote };
	writ_auto_fd theirs = -1;
	enum writ_status st;
	int pair[2];

	if (worker->out_fds_len == WRIT_CONN_FDS ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    pair)) {
		sock_over(s, WRIT_LIMIT, true);
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_NEW_SOCKET_LIMIT);
	}
	theirs = pair[1];
	st = writ_conn_init(&s->pair, pair[0], &writ_wire_sock,
	    WRIT_SIDE_BROKER, NULL);
	if (st != WRIT_OK) {
		close(pair[0]);
		s->pair.fd = -1;
		return st;
	}
	s->pair.state = WRIT_STATE_RUNNING;
	st = sock_reply(s->all, worker, id, &r, theirs);
	sock_rewatch(s);
	return st;
}

/* ---- the kernel's socket */

static void
set_int(int fd, int level, int name, uint64_t value)
{
	int v = (int)value;

	(void)setsockopt(fd, level, name, &v, sizeof(v));
}

static void
apply(struct sock *s, enum writ_sock_option o)
{
	uint64_t v = s->option[o];

	if (s->fd < 0 || !s->has_option[o])
		return;
	if (o == WRIT_SOCK_KEEP_ALIVE)
		set_int(s->fd, SOL_SOCKET, SO_KEEPALIVE, v);
	else if (o == WRIT_SOCK_KEEP_IDLE_S && !s->udp)
		set_int(s->fd, IPPROTO_TCP, TCP_KEEPIDLE, v);
	else if (o == WRIT_SOCK_KEEP_INTERVAL_S && !s->udp)
		set_int(s->fd, IPPROTO_TCP, TCP_KEEPINTVL, v);
	else if (o == WRIT_SOCK_KEEP_COUNT && !s->udp)
		set_int(s->fd, IPPROTO_TCP, TCP_KEEPCNT, v);
	else if (o == WRIT_SOCK_HOP_LIMIT && s->v6)
		set_int(s->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, v);
	else if (o == WRIT_SOCK_HOP_LIMIT)
		set_int(s->fd, IPPROTO_IP, IP_TTL, v);
	else if (o == WRIT_SOCK_RECEIVE_BUFFER)
		set_int(s->fd, SOL_SOCKET, SO_RCVBUF, v / 2);
	else if (o == WRIT_SOCK_SEND_BUFFER)
		set_int(s->fd, SOL_SOCKET, SO_SNDBUF, v / 2);
	else if (o == WRIT_SOCK_BACKLOG && s->stage == SOCK_LISTENING)
		(void)listen(s->fd, (int)v);
}

static void
apply_all(struct sock *s)
{
	unsigned i;

	for (i = 0; i < WRIT_SOCK_OPTION_COUNT; i++)
		apply(s, (enum writ_sock_option)i);
}

/* 0, or an errno. */
static int
open_socket(struct sock *s)
{
	if (s->fd >= 0)
		return 0;
	s->fd = socket(s->v6 ? AF_INET6 : AF_INET, (s->udp ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return errno;
	if (s->v6)
		set_int(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!s->udp)
		set_int(s->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	apply_all(s);
	return 0;
}

static bool
told_local(int fd, struct writ_sock_address *out)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	return !getsockname(fd, (void *)&a, &len) && sock_address(&a, len, out);
}

static bool
told_remote(int fd, struct writ_sock_address *out)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	return !getpeername(fd, (void *)&a, &len) && sock_address(&a, len, out);
}

void
sock_set(struct sock *s, const struct writ_sock_msg *m)
{
	static const uint64_t most[WRIT_SOCK_OPTION_COUNT] = {
		[WRIT_SOCK_KEEP_ALIVE] = 1,
		[WRIT_SOCK_KEEP_IDLE_S] = 32767,
		[WRIT_SOCK_KEEP_INTERVAL_S] = 32767,
		[WRIT_SOCK_KEEP_COUNT] = 127,
		[WRIT_SOCK_HOP_LIMIT] = 255,
		[WRIT_SOCK_RECEIVE_BUFFER] = WRIT_SOCK_BUFFER_MAX,
		[WRIT_SOCK_SEND_BUFFER] = WRIT_SOCK_BUFFER_MAX,
		[WRIT_SOCK_BACKLOG] = WRIT_SOCK_BACKLOG_MAX,
	};

	s->option[m->option] = m->value < most[m->option] ? m->value :
	    most[m->option];
	s->has_option[m->option] = true;
	apply(s, (enum writ_sock_option)m->option);
}

/* ---- bind and listen */

/* Bind to what was judged, and see that it is what is bound.  0, or an errno. */
static int
bind_to(struct sock *s, const struct writ_sock_address *want)
{
	struct sockaddr_storage a;
	socklen_t len = sock_sockaddr(want, &a);
	int e = open_socket(s);

	if (e)
		return e;
	if (!s->udp)
		set_int(s->fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(s->fd, (void *)&a, len))
		return errno;
	if (!told_local(s->fd, &s->local) ||
	    memcmp(s->local.ip, want->ip, sizeof(want->ip)) ||
	    (want->port ? s->local.port != want->port : !s->local.port))
		return EFAULT;
	return 0;
}

static enum writ_status
on_bind(struct sock *s, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_msg *m)
{
	const struct writ_sock_reply r = { .failed = false };
	struct writ_sock_reply done = r;
	enum writ_status st;
	uint64_t record;
	int e;

	if (s->stage != SOCK_FRESH || !m->has_address)
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_STATE);
	if (sock_is_v4(m->address.ip) == s->v6)
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_ARGUMENT);
	st = sock_judge_bind(s, &m->address, &record);
	if (st != WRIT_OK)
		return sock_reply_judged(s->all, worker, id, st);
	e = bind_to(s, &m->address);
	writ_record_outcome(s->all->c.record, record, e ? WRIT_IO : WRIT_OK, 0);
	if (e) {
		sock_shut(s, false);	/* it may be tried again */
		s->listen = NULL;
		return sock_reply_failed(s->all, worker, id, sock_error(e));
	}
	s->stage = SOCK_BOUND;
	if (s->udp)
		return reply_pair(s, worker, id);
	done.local = s->local;
	return sock_reply(s->all, worker, id, &done, -1);
}

static enum writ_status
on_listen(struct sock *s, struct writ_conn *worker, uint32_t id)
{
	const struct writ_sock_reply done = { .failed = false };
	const struct writ_request rq = { .kind = WRIT_REQ_SOCKETS,
		.op = "listen", .write = true,
		.target = writ_str_from(s->bound) };
	uint64_t backlog = s->has_option[WRIT_SOCK_BACKLOG] ?
	    s->option[WRIT_SOCK_BACKLOG] : WRIT_SOCK_BACKLOG_MAX;
	enum writ_status st;
	uint64_t record = 0;

	if (s->stage != SOCK_BOUND || s->udp)
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_STATE);
	/* bound as a client is: there is no entry, and the record says so */
	st = writ_record_judge(s->all->c.record, &rq, WRIT_RECORD_EFFECT,
	    &record);
	if (st == WRIT_OK && !s->listen)
		st = WRIT_DENIED;
	if (st != WRIT_OK)
		return sock_reply_judged(s->all, worker, id, st);
	st = listen(s->fd, (int)backlog) ? WRIT_IO : WRIT_OK;
	writ_record_outcome(s->all->c.record, record, st, 0);
	if (st != WRIT_OK)
		return sock_reply_failed(s->all, worker, id, sock_error(errno));
	s->stage = SOCK_LISTENING;
	return sock_reply(s->all, worker, id, &done, -1);
}

/* ---- connect */

static enum writ_status
connect_failed(struct sock *s, struct writ_conn *worker, uint32_t id, int e)
{
	sock_over(s, WRIT_IO, true);
	/* there is no free port: what the WIT calls it */
	return sock_reply_failed(s->all, worker, id, e == EADDRNOTAVAIL ?
	    WRIT_SOCK_ADDRESS_IN_USE : sock_error(e));
}

enum writ_status
sock_connected(struct sock *s, struct writ_conn *worker, uint32_t id)
{
	struct writ_sock_address peer;
	socklen_t len = sizeof(int);
	int e = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &len))
		e = errno;
	if (!e && (!told_local(s->fd, &s->local) ||
	    !told_remote(s->fd, &peer)))
		e = errno;
	/* dialled is what was judged */
	if (!e && !sock_same(&peer, &s->remote))
		e = EFAULT;
	if (e)
		return connect_failed(s, worker, id, e);
	s->stage = SOCK_CONNECTED;
	return reply_pair(s, worker, id);
}

static enum writ_status
on_connect(struct sock *s, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_msg *m)
{
	struct sockaddr_storage a;
	socklen_t len = sock_sockaddr(&m->address, &a);
	enum writ_status st;
	int e;

	if (s->udp || !m->has_address || (s->stage != SOCK_FRESH &&
	    s->stage != SOCK_BOUND))
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_STATE);
	if (sock_is_v4(m->address.ip) == s->v6 || !m->address.port ||
	    sock_is_any(m->address.ip))
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_ARGUMENT);
	st = sock_judge_out(s, "connect", &m->address, &s->effect);
	if (st != WRIT_OK)
		return sock_reply_judged(s->all, worker, id, st);
	s->remote = m->address;
	e = open_socket(s);
	if (!e && connect(s->fd, (void *)&a, len))
		e = errno;
	if (!e)
		return sock_connected(s, worker, id);
	if (e != EINPROGRESS)
		return connect_failed(s, worker, id, e);
	s->stage = SOCK_CONNECTING;
	s->asked = true;
	s->ask_id = id;
	s->ask_what = m->what;
	sock_rewatch(s);
	return WRIT_OK;
}

/* ---- accept */

/* A client that came, and may come.  WRIT_AGAIN: none. */
static enum writ_status
next_client(struct sock *s, int *fd, struct writ_sock_address *local,
    struct writ_sock_address *remote, struct sock_effect *e)
{
	enum writ_status st;
	unsigned i;

	/* those that may not are not waited for longer than the kernel's queue */
	for (i = 0; i < WRIT_SOCK_BACKLOG_MAX; i++) {
		writ_auto_fd client = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK |
		    SOCK_CLOEXEC);

		if (client < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (client < 0)
			return errno == EAGAIN ? WRIT_AGAIN : WRIT_LIMIT;
		if (!told_local(client, local) || !told_remote(client, remote) ||
		    local->port != s->local.port ||
		    (!sock_is_any(s->local.ip) &&
		    memcmp(local->ip, s->local.ip, sizeof(local->ip))))
			continue;
		st = sock_judge_client(s, remote, e);
		if (st == WRIT_DENIED)
			continue;
		if (st == WRIT_OK) {
			*fd = client;
			client = -1;
		}
		return st;
	}
	return WRIT_AGAIN;
}

enum writ_status
sock_accept(struct sock *s, struct writ_conn *worker)
{
	struct writ_sock_address local, remote;
	struct sock_effect e;
	enum writ_status st;
	struct sock *client;
	int fd = -1;

	st = next_client(s, &fd, &local, &remote, &e);
	if (st == WRIT_AGAIN || st == WRIT_IO)
		return st == WRIT_IO ? st : WRIT_OK;
	s->asked = false;
	client = st == WRIT_OK && sock_is_free(s->all, s->ask_new) ?
	    sock_new(s->all, s->ask_new, false, s->v6) : NULL;
	if (!client) {
		if (st == WRIT_OK)
			sock_effect_end(s->all, &e, WRIT_NOMEM);
		writ_closep(&fd);
		return sock_reply_failed(s->all, worker, s->ask_id,
		    WRIT_SOCK_NEW_SOCKET_LIMIT);
	}
	client->fd = fd;
	client->stage = SOCK_CONNECTED;
	client->local = local;
	client->remote = remote;
	client->effect = e;
	memcpy(client->has_option, s->has_option, sizeof(s->has_option));
	memcpy(client->option, s->option, sizeof(s->option));
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	apply_all(client);
	st = reply_pair(client, worker, s->ask_id);
	/* the worker has no such socket */
	if (client->pair.fd < 0)
		sock_drop(client, WRIT_LIMIT);
	return st;
}

static enum writ_status
on_accept(struct sock *s, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_msg *m)
{
	if (!sock_is_free(s->all, m->new_sock))
		return WRIT_PROTO;
	if (s->stage != SOCK_LISTENING)
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_STATE);
	s->asked = true;
	s->ask_id = id;
	s->ask_what = m->what;
	s->ask_new = m->new_sock;
	sock_rewatch(s);
	return WRIT_OK;
}

/* ---- UDP: destinations */

/* Judge a destination, unless it was.  WRIT_OK: its entry. */
static enum writ_status
allow_peer(struct sock *s, const struct writ_sock_address *a)
{
	struct sock_effect e;
	struct sock_peer *p;
	enum writ_status st;

	if (sock_peer_find(s, a))
		return WRIT_OK;
	st = sock_judge_out(s, "send", a, &e);
	if (st != WRIT_OK)
		return st;
	p = sock_peer_add(s, a);
	if (!p) {
		sock_effect_end(s->all, &e, WRIT_NOMEM);
		return WRIT_DENIED;
	}
	p->effect = e;
	return WRIT_OK;
}

/* A port that was chosen by the kernel goes with the peer: it is taken again. */
static int
no_peer(struct sock *s)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct writ_sock_address now, before = s->local;
	struct sockaddr_storage a;
	socklen_t len;

	if (connect(s->fd, &none, sizeof(none)) || !told_local(s->fd, &now))
		return errno;
	if (now.port == before.port)
		return 0;
	len = sock_sockaddr(&before, &a);
	return bind(s->fd, (void *)&a, len) ? errno : 0;
}

static enum writ_status
on_peer(struct sock *s, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_msg *m)
{
	struct writ_sock_reply done = { .failed = false };
	struct writ_sock_address local;
	struct sockaddr_storage a;
	socklen_t len = sock_sockaddr(&m->address, &a);
	enum writ_status st;
	int e;

	if (!s->udp || s->stage != SOCK_BOUND)
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_STATE);
	if (m->has_address && (sock_is_v4(m->address.ip) == s->v6 ||
	    !m->address.port || sock_is_any(m->address.ip)))
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_ARGUMENT);
	st = m->has_address ? allow_peer(s, &m->address) : WRIT_OK;
	if (st != WRIT_OK)
		return sock_reply_judged(s->all, worker, id, st);
	if (!m->has_address)
		e = s->has_remote ? no_peer(s) : 0;
	else
		e = connect(s->fd, (void *)&a, len) ? errno : 0;
	if (!e && (!told_local(s->fd, &local) || (m->has_address &&
	    (!told_remote(s->fd, &s->remote) ||
	    !sock_same(&s->remote, &m->address)))))
		e = EFAULT;
	s->has_remote = !e && m->has_address;
	if (e)
		return sock_reply_failed(s->all, worker, id, sock_error(e));
	done.local = local;
	return sock_reply(s->all, worker, id, &done, -1);
}

static enum writ_status
on_destine(struct sock *s, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_msg *m)
{
	const struct writ_sock_reply done = { .failed = false };
	enum writ_status st;

	if (!s->udp || s->stage != SOCK_BOUND || !m->has_address)
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_STATE);
	if (sock_is_v4(m->address.ip) == s->v6 || !m->address.port ||
	    sock_is_any(m->address.ip))
		return sock_reply_failed(s->all, worker, id,
		    WRIT_SOCK_INVALID_ARGUMENT);
	st = allow_peer(s, &m->address);
	return st == WRIT_OK ? sock_reply(s->all, worker, id, &done, -1) :
	    sock_reply_judged(s->all, worker, id, st);
}

/* ---- all of them */

enum writ_status
sock_ask(struct sock *s, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_msg *m)
{
	if (s->asked)
		return WRIT_PROTO;
	switch (m->what) {
	case WRIT_SOCK_BIND:
		return on_bind(s, worker, id, m);
	case WRIT_SOCK_CONNECT:
		return on_connect(s, worker, id, m);
	case WRIT_SOCK_LISTEN:
		return on_listen(s, worker, id);
	case WRIT_SOCK_ACCEPT:
		return on_accept(s, worker, id, m);
	case WRIT_SOCK_PEER:
		return on_peer(s, worker, id, m);
	case WRIT_SOCK_DESTINE:
		return on_destine(s, worker, id, m);
	default:
		return WRIT_PROTO;
	}
}
