/* Bytes and datagrams between the kernel's sockets and the workers' pairs.  What one side does not
 * take is not read from the other. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "broker/sock_int.h"

/* Of one socket before it is another's turn. */
#define FILLS_AT_ONCE 8
#define READS_AT_ONCE 8
#define GRAMS_AT_ONCE 16

enum writ_sock_error
sock_error(int e)
{
	static const struct {
		int number;
		enum writ_sock_error error;
	} table[] = {
		{ EACCES,        WRIT_SOCK_ACCESS_DENIED },
		{ EPERM,         WRIT_SOCK_ACCESS_DENIED },
		{ EAFNOSUPPORT,  WRIT_SOCK_NOT_SUPPORTED },
		{ EOPNOTSUPP,    WRIT_SOCK_NOT_SUPPORTED },
		{ EINVAL,        WRIT_SOCK_INVALID_ARGUMENT },
		{ ENOMEM,        WRIT_SOCK_OUT_OF_MEMORY },
		{ ENOBUFS,       WRIT_SOCK_OUT_OF_MEMORY },
		{ ETIMEDOUT,     WRIT_SOCK_TIMEOUT },
		{ EMFILE,        WRIT_SOCK_NEW_SOCKET_LIMIT },
		{ ENFILE,        WRIT_SOCK_NEW_SOCKET_LIMIT },
		{ EADDRNOTAVAIL, WRIT_SOCK_ADDRESS_NOT_BINDABLE },
		{ EADDRINUSE,    WRIT_SOCK_ADDRESS_IN_USE },
		{ EHOSTUNREACH,  WRIT_SOCK_REMOTE_UNREACHABLE },
		{ EHOSTDOWN,     WRIT_SOCK_REMOTE_UNREACHABLE },
		{ ENETUNREACH,   WRIT_SOCK_REMOTE_UNREACHABLE },
		{ ENETDOWN,      WRIT_SOCK_REMOTE_UNREACHABLE },
		{ ECONNREFUSED,  WRIT_SOCK_CONNECTION_REFUSED },
		{ ECONNRESET,    WRIT_SOCK_CONNECTION_RESET },
		{ EPIPE,         WRIT_SOCK_CONNECTION_RESET },
		{ ECONNABORTED,  WRIT_SOCK_CONNECTION_ABORTED },
		{ EMSGSIZE,      WRIT_SOCK_DATAGRAM_TOO_LARGE },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].number == e)
			return table[i].error;
	return WRIT_SOCK_UNKNOWN;
}

/* ---- addresses */

bool
sock_is_v4(const uint8_t ip[16])
{
	static const uint8_t head[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(ip, head, sizeof(head));
}

bool
sock_is_any(const uint8_t ip[16])
{
	static const uint8_t none[16];

	return !memcmp(ip, none, sizeof(none)) ||
	    (sock_is_v4(ip) && !memcmp(ip + 12, none, 4));
}

bool
sock_same(const struct writ_sock_address *a, const struct writ_sock_address *b)
{
	return a->port == b->port && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

socklen_t
sock_sockaddr(const struct writ_sock_address *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *four = (void *)out;
	struct sockaddr_in6 *six = (void *)out;

	memset(out, 0, sizeof(*out));
	if (sock_is_v4(a->ip)) {
		four->sin_family = AF_INET;
		four->sin_port = htons(a->port);
		memcpy(&four->sin_addr, a->ip + 12, 4);
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(a->port);
	memcpy(&six->sin6_addr, a->ip, 16);
	return sizeof(*six);
}

bool
sock_address(const struct sockaddr_storage *in, socklen_t len,
    struct writ_sock_address *out)
{
	const struct sockaddr_in *four = (const void *)in;
	const struct sockaddr_in6 *six = (const void *)in;

	memset(out, 0, sizeof(*out));
	if (in->ss_family == AF_INET && len >= sizeof(*four)) {
		out->ip[10] = out->ip[11] = 0xff;
		memcpy(out->ip + 12, &four->sin_addr, 4);
		out->port = ntohs(four->sin_port);
		return true;
	}
	if (in->ss_family != AF_INET6 || len < sizeof(*six))
		return false;
	memcpy(out->ip, &six->sin6_addr, 16);
	out->port = ntohs(six->sin6_port);
	return true;
}

/* ---- what is waited for */

static void
watch(struct sock *s, struct sock_watch *w, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (w->fd >= 0 && (!events || w->fd != fd)) {
		(void)epoll_ctl(s->all->epoll, EPOLL_CTL_DEL, w->fd, NULL);
		w->fd = -1;
	}
	if (!events || fd < 0 || (w->fd == fd && w->events == events))
		return;
	(void)epoll_ctl(s->all->epoll, w->fd == fd ? EPOLL_CTL_MOD :
	    EPOLL_CTL_ADD, fd, &e);
	w->fd = fd;
	w->events = events;
}

static bool
out_waits(const struct sock *s)
{
	return s->udp ? s->out_full : s->out_pos < s->out.len;
}

static uint32_t
net_events(const struct sock *s)
{
	bool moving = s->stage == SOCK_CONNECTED ||
	    (s->udp && s->stage == SOCK_BOUND);
	bool heard = !s->in_ended && !s->deaf && !s->pair_ended &&
	    s->pair.fd >= 0 && !writ_conn_unsent(&s->pair);
	uint32_t events = 0;

	if (s->fd < 0)
		return 0;
	if (s->stage == SOCK_CONNECTING)
		return EPOLLOUT;
	if (s->stage == SOCK_LISTENING)
		return s->asked ? EPOLLIN : 0;
	if (moving && out_waits(s))
		events |= EPOLLOUT;
	if (moving && heard)
		events |= EPOLLIN;
	return events;
}

void
sock_rewatch(struct sock *s)
{
	uint32_t pair = 0;

	if (s->pair.fd >= 0 && !s->pair_ended && !out_waits(s))
		pair |= EPOLLIN;
	if (s->pair.fd >= 0 && writ_conn_unsent(&s->pair))
		pair |= EPOLLOUT;
	watch(s, &s->net_watch, s->fd, net_events(s));
	watch(s, &s->pair_watch, s->pair.fd, pair);
}

/* ---- endings */

void
sock_shut(struct sock *s, bool reset)
{
	const struct linger now = { 1, 0 };

	if (s->fd < 0)
		return;
	watch(s, &s->net_watch, s->fd, 0);
	if (reset && !s->udp)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now,
		    sizeof(now));
	close(s->fd);
	s->fd = -1;
}

/* Tell the worker; a pair that cannot take it is closed, which tells as much. */
static void
tell(struct sock *s, enum writ_sock_stream_type type, struct writ_str body)
{
	if (s->pair.fd < 0)
		return;
	if (writ_conn_send(&s->pair, type, 0, body, -1) != WRIT_OK ||
	    writ_conn_flush(&s->pair) == WRIT_CLOSED) {
		writ_buf_reset(&s->pair.out);
		s->pair.out_pos = 0;
		s->deaf = true;
	}
}

void
sock_over(struct sock *s, enum writ_status st, bool reset)
{
	/* what was counted when it was taken, and has not left */
	if (s->effect.running && !s->udp)
		s->effect.moved -= s->out.len - s->out_pos;
	sock_effect_end(s->all, &s->effect, st);
	while (s->peers_count)
		sock_peer_drop(s, &s->peers[s->peers_count - 1], WRIT_OK);
	sock_shut(s, reset);
	writ_buf_reset(&s->out);
	s->out_pos = 0;
	s->out_full = false;
	s->stage = SOCK_OVER;
}

void
sock_fault(struct sock *s, enum writ_sock_error error, enum writ_status st)
{
	uint8_t raw = (uint8_t)error;

	if (s->stage == SOCK_OVER)
		return;
	sock_over(s, st, true);
	tell(s, WRIT_S_FAULT, writ_str((const char *)&raw, 1));
}

/* Of a UDP socket one datagram was lost, and the worker hears why. */
static void
gram_fault(struct sock *s, enum writ_sock_error error)
{
	uint8_t raw = (uint8_t)error;

	if (!writ_conn_unsent(&s->pair))
		tell(s, WRIT_S_FAULT, writ_str((const char *)&raw, 1));
}

/* Both ways have ended: nothing more can be said. */
static void
end_if_done(struct sock *s)
{
	if (s->udp || s->stage != SOCK_CONNECTED)
		return;
	/* The worker has closed it, or its pair: what it wrote has left. */
	if (s->pair_ended && !out_waits(s)) {
		sock_over(s, s->pair_cut ? WRIT_IO : WRIT_OK, s->pair_cut);
	} else if (s->end_sent && s->in_ended) {
		sock_over(s, WRIT_OK, false);
	}
}

/* ---- TCP */

/* Send what waits.  False: the connection is over, or takes no more now. */
static bool
send_out(struct sock *s)
{
	while (s->out_pos < s->out.len) {
		ssize_t n = send(s->fd, s->out.ptr + s->out_pos,
		    s->out.len - s->out_pos, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			sock_fault(s, sock_error(errno), WRIT_IO);
		if (n < 0)
			return false;
		s->out_pos += (size_t)n;
	}
	writ_buf_reset(&s->out);
	s->out_pos = 0;
	if (s->end_asked && !s->end_sent) {
		s->end_sent = true;
		(void)shutdown(s->fd, SHUT_WR);
	}
	return true;
}

/* One message of the worker's.  False: the socket is over. */
static bool
take(struct sock *s, const struct writ_msg *m)
{
	switch ((int)m->row->type) {
	case WRIT_S_DATA:
		if (s->end_asked)
			break;
		if (sock_allow(s->all, &s->effect, m->body.len) <
		    m->body.len) {
			sock_fault(s, WRIT_SOCK_ACCESS_DENIED, WRIT_LIMIT);
			return false;
		}
		writ_buf_str(&s->out, m->body);
		if (writ_buf_status(&s->out) != WRIT_OK) {
			sock_fault(s, WRIT_SOCK_OUT_OF_MEMORY, WRIT_NOMEM);
			return false;
		}
		s->effect.moved += m->body.len;
		return true;
	case WRIT_S_END:
		s->end_asked = true;
		return true;
	case WRIT_S_DEAF:
		s->deaf = true;
		(void)shutdown(s->fd, SHUT_RD);
		return true;
	default:
		break;
	}
	/* no worker of ours says that */
	sock_fault(s, WRIT_SOCK_UNKNOWN, WRIT_PROTO);
	return false;
}

/* The next message of the pair; WRIT_CLOSED when there is none any more.  All that has been read of
 * it is given before WRIT_AGAIN: no event would tell of the rest. */
static enum writ_status
next(struct sock *s, unsigned *fills, struct writ_msg *m)
{
	enum writ_status st;

	if (s->pair.fd < 0 || s->pair_ended)
		return WRIT_CLOSED;
	while ((st = writ_conn_next(&s->pair, m, NULL)) == WRIT_AGAIN) {
		st = (*fills)++ < FILLS_AT_ONCE ? writ_conn_fill(&s->pair) :
		    WRIT_AGAIN;
		if (st == WRIT_OK)
			continue;
		if (st == WRIT_AGAIN)
			return st;
		s->pair_ended = true;
		s->pair_cut = writ_conn_more(&s->pair);
		return WRIT_CLOSED;
	}
	if (st != WRIT_OK) {
		s->pair_ended = s->pair_cut = true;
		return WRIT_CLOSED;
	}
	return st;
}

static void
pump_out(struct sock *s)
{
	struct writ_msg m;
	unsigned fills = 0;

	while (s->stage == SOCK_CONNECTED && send_out(s) &&
	    next(s, &fills, &m) == WRIT_OK && take(s, &m))
		;
}

static void
pump_in(struct sock *s)
{
	unsigned reads;
	size_t cap;
	ssize_t n;

	for (reads = 0; reads < READS_AT_ONCE && s->stage == SOCK_CONNECTED &&
	    !s->in_ended && !s->deaf && s->pair.fd >= 0 &&
	    !writ_conn_unsent(&s->pair); reads++) {
		cap = sock_allow(s->all, &s->effect, WRIT_FS_IO_MAX);
		/* with nothing left to take, still learn of the end */
		n = recv(s->fd, s->all->bytes, cap ? cap : 1, MSG_DONTWAIT |
		    (cap ? 0 : MSG_PEEK));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			sock_fault(s, sock_error(errno), WRIT_IO);
		} else if (n == 0) {
			s->in_ended = true;
			tell(s, WRIT_S_END, WRIT_STR(""));
		} else if (!cap) {
			sock_fault(s, WRIT_SOCK_ACCESS_DENIED, WRIT_LIMIT);
		} else {
			s->effect.moved += (size_t)n;
			tell(s, WRIT_S_DATA, writ_str((const char *)
			    s->all->bytes, (size_t)n));
		}
	}
}

/* ---- UDP */

struct sock_peer *
sock_peer_find(struct sock *s, const struct writ_sock_address *a)
{
	unsigned i;

	for (i = 0; i < s->peers_count; i++)
		if (sock_same(&s->peers[i].at, a)) {
			s->peers[i].used = ++s->clock;
			return &s->peers[i];
		}
	return NULL;
}

void
sock_peer_drop(struct sock *s, struct sock_peer *p, enum writ_status st)
{
	sock_effect_end(s->all, &p->effect, st);
	*p = s->peers[--s->peers_count];
}

struct sock_peer *
sock_peer_add(struct sock *s, const struct writ_sock_address *a)
{
	struct sock_peer *p = s->peers;
	unsigned i;

	if (!s->peers)
		s->peers = p = writ_alloc(WRIT_SOCK_PEERS_MAX, sizeof(*p));
	if (!p)
		return NULL;
	if (s->peers_count == WRIT_SOCK_PEERS_MAX) {
		for (i = 1; i < s->peers_count; i++)
			if (s->peers[i].used < p->used)
				p = &s->peers[i];
		sock_peer_drop(s, p, WRIT_OK);
	}
	p = &s->peers[s->peers_count++];
	memset(p, 0, sizeof(*p));
	p->at = *a;
	p->used = ++s->clock;
	return p;
}

/* Who a datagram goes to, judged; NULL: it does not. */
static struct sock_peer *
destination(struct sock *s, const struct writ_sock_address *a)
{
	struct sock_peer *p = sock_peer_find(s, a);
	struct sock_effect e;

	if (p || (s->has_remote && !sock_same(a, &s->remote)))
		return p;
	if (sock_judge_out(s, "send", a, &e) != WRIT_OK)
		return NULL;
	p = sock_peer_add(s, a);
	if (p)
		p->effect = e;
	else
		sock_effect_end(s->all, &e, WRIT_NOMEM);
	return p;
}

/* Send the datagram that waits.  False: not now. */
static bool
send_gram(struct sock *s)
{
	struct sock_peer *p = destination(s, &s->out_to);
	struct sockaddr_storage to;
	socklen_t len = sock_sockaddr(&s->out_to, &to);
	ssize_t n;

	if (!p || sock_is_v4(s->out_to.ip) == s->v6) {
		gram_fault(s, WRIT_SOCK_ACCESS_DENIED);
	} else if (sock_allow(s->all, &p->effect, s->out.len) < s->out.len) {
		gram_fault(s, WRIT_SOCK_ACCESS_DENIED);
	} else {
		n = sendto(s->fd, s->out.len ? (const void *)s->out.ptr : "",
		    s->out.len, MSG_NOSIGNAL | MSG_DONTWAIT, (void *)&to, len);
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0)
			gram_fault(s, sock_error(errno));
		else
			p->effect.moved += (size_t)n;
	}
	writ_buf_reset(&s->out);
	s->out_full = false;
	return true;
}

static void
pump_grams_out(struct sock *s)
{
	struct writ_str bytes;
	struct writ_msg m;
	unsigned fills = 0;

	for (;;) {
		if (s->out_full && !send_gram(s))
			return;
		if (next(s, &fills, &m) != WRIT_OK)
			return;
		if (m.row->type != WRIT_S_GRAM || writ_sock_gram_get(m.body,
		    &s->out_to, &bytes) != WRIT_OK) {
			sock_fault(s, WRIT_SOCK_UNKNOWN, WRIT_PROTO);
			return;
		}
		writ_buf_str(&s->out, bytes);
		s->out_full = writ_buf_status(&s->out) == WRIT_OK;
	}
}

/* Whether whoever sent this may be heard. */
static struct sock_peer *
source(struct sock *s, const struct writ_sock_address *from)
{
	struct sock_peer *p = sock_peer_find(s, from);
	struct sock_effect e;

	if (p || s->has_remote || !s->listen)
		return p;
	if (sock_judge_client(s, from, &e) != WRIT_OK)
		return NULL;
	p = sock_peer_add(s, from);
	if (p)
		p->effect = e;
	else
		sock_effect_end(s->all, &e, WRIT_NOMEM);
	return p;
}

static void
pump_grams_in(struct sock *s)
{
	uint8_t *bytes = s->all->bytes + WRIT_SOCK_GRAM_HEAD;
	struct sockaddr_storage from;
	struct writ_sock_address a;
	struct sock_peer *p;
	socklen_t len;
	unsigned i;
	ssize_t n;

	for (i = 0; i < GRAMS_AT_ONCE && s->pair.fd >= 0 && !s->deaf &&
	    !writ_conn_unsent(&s->pair); i++) {
		len = sizeof(from);
		n = recvfrom(s->fd, bytes, WRIT_FS_IO_MAX, MSG_DONTWAIT,
		    (void *)&from, &len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			gram_fault(s, sock_error(errno));
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 || n > WRIT_SOCK_GRAM_MAX ||
		    !sock_address(&from, len, &a))
			continue;
		p = source(s, &a);
		if (!p || sock_allow(s->all, &p->effect, (size_t)n) < (size_t)n)
			continue;
		p->effect.moved += (size_t)n;
		writ_sock_gram_put(s->all->bytes, &a);
		tell(s, WRIT_S_GRAM, writ_str((const char *)s->all->bytes,
		    WRIT_SOCK_GRAM_HEAD + (size_t)n));
	}
}

void
sock_pump(struct sock *s)
{
	if (s->pair.fd >= 0 && writ_conn_unsent(&s->pair) &&
	    writ_conn_flush(&s->pair) == WRIT_CLOSED) {
		writ_buf_reset(&s->pair.out);
		s->pair.out_pos = 0;
		s->deaf = true;
	}
	if (s->udp && s->stage == SOCK_BOUND && s->pair.fd >= 0) {
		pump_grams_out(s);
		if (s->stage == SOCK_BOUND && !s->pair_ended)
			pump_grams_in(s);
	} else if (s->stage == SOCK_CONNECTED) {
		pump_out(s);
		pump_in(s);
		end_if_done(s);
	} else if (s->stage == SOCK_OVER) {
		struct writ_msg m;
		unsigned fills = 0;

		/* nobody hears it: until the worker has closed it, too */
		while (next(s, &fills, &m) == WRIT_OK)
			;
	}
	sock_rewatch(s);
}
