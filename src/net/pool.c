#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"

#define POOL_IDLE_MAX 64		/* connections kept */
#define POOL_IDLE_S 60
#define SOCKETS_HIGH 320		/* of all pools: above it idle pools are closed */
#define H2_STREAMS 64			/* at a time on one connection */

/* ---- sockets of curl */

static struct net_socket *
socket_of(struct net *n, int fd)
{
	struct net_socket *s;

	for (s = n->sockets; s && s->watch.fd != fd; s = s->next)
		;
	return s;
}

static void
socket_free(struct net *n, struct net_socket *s)
{
	struct net_socket **at;

	for (at = &n->sockets; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			n->sockets_count--;
			break;
		}
	if (s->user)
		s->user->socket = NULL;
	net_watch(n, &s->watch, 0);
	writ_mem_free(s);
}

/* What is finished inside of curl. */
static void
reap(struct net_pool *p)
{
	struct net_request *r;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(p->multi, &left))) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle,
		    CURLINFO_PRIVATE, (char **)&r) != CURLE_OK)
			continue;
		net_request_done(r, code);
	}
}

static void
act(struct net_pool *p, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(p->multi, fd, what, &running);
	reap(p);
}

/* Nobody asked for what came: it must not be taken for an answer to the next request.  curl sees that
 * the connection is closed before it uses it again. */
static void
retire(struct net *n, struct net_socket *s)
{
	net_watch(n, &s->watch, 0);
	s->dead = true;
	s->pool->open--;
	(void)shutdown(s->watch.fd, SHUT_RDWR);
}

static void
on_ready(struct net *n, struct net_watch *w, uint32_t events)
{
	struct net_socket *s = (struct net_socket *)(void *)w;
	int what = 0;

	if (!s->wanted) {
		/* curl has enough for now, or is done with it */
		if (s->user || s->pool->h2)
			net_watch(n, w, 0);
		else
			retire(n, s);
		return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	act(s->pool, s->watch.fd, what);
}

/* CURLMOPT_SOCKETFUNCTION */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
	struct net_pool *p = ctx;
	struct net_socket *s = socket_of(p->net, fd);
	uint32_t events = 0;

	if (!s)		/* none of those we gave: nothing is waited for */
		return what == CURL_POLL_REMOVE ? 0 : -1;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EPOLLIN | EPOLLRDHUP;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EPOLLOUT;
	s->wanted = events != 0;
	/* Most of them curl wants again at once, and between two exchanges it is watched. */
	if (s->wanted || p->h2)
		net_watch(p->net, &s->watch, events);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int
on_timer(CURLM *multi, long ms, void *ctx)
{
	struct net_pool *p = ctx;

	p->due_ns = ms < 0 ? UINT64_MAX : net_now() + (uint64_t)ms * 1000000;
	return 0;
}

/* In host order; 0: none. */
static int
own_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
	socklen_t len = sizeof(at);

	if (getsockname(fd, &at.any, &len))
		return 0;
	return at.any.sa_family == AF_INET ? ntohs(at.v4.sin_port) :
	    at.any.sa_family == AF_INET6 ? ntohs(at.v6.sin6_port) : 0;
}

/* CURLOPT_OPENSOCKETFUNCTION: the one that the broker dialled, once. */
static curl_socket_t
on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct net_request *r = ctx;
	struct net_socket *s;
	int fd = r->fd;

	if (fd < 0) {
		r->wants_socket = true;
		return CURL_SOCKET_BAD;
	}
	s = writ_alloc(1, sizeof(*s));
	if (!s)
		return CURL_SOCKET_BAD;
	s->watch = (struct net_watch){ on_ready, fd, 0, false };
	s->pool = r->pool;
	s->port = own_port(fd);
	s->user = r;
	r->socket = s;
	s->next = r->net->sockets;
	r->net->sockets = s;
	r->net->sockets_count++;
	r->pool->open++;
	r->fd = -1;
	return fd;
}

/* CURLOPT_SOCKOPTFUNCTION: libcurl 7.88 connects again all the same, which the filter answers. */
static int
on_sockopt(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* CURLOPT_CLOSESOCKETFUNCTION; the pool outlives every socket of it. */
static int
on_close(void *ctx, curl_socket_t fd)
{
	struct net *n = ctx;
	struct net_socket *s = socket_of(n, fd);

	if (s) {
		s->pool->open -= !s->dead;
		socket_free(n, s);
	}
	return close(fd);
}

void
net_pool_sockets(struct net_request *r)
{
	curl_easy_setopt(r->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(r->easy, CURLOPT_OPENSOCKETDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_SOCKOPTFUNCTION, on_sockopt);
	curl_easy_setopt(r->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(r->easy, CURLOPT_CLOSESOCKETDATA, r->net);
	curl_easy_setopt(r->easy, CURLOPT_MAXAGE_CONN, (long)POOL_IDLE_S);
}

/* ---- pools */

struct net_pool *
net_pool_get(struct net *n, uint32_t id)
{
	struct net_pool *p;

	for (p = n->pools; p; p = p->next)
		if (p->id == id && !p->closed) {
			p->users++;
			return p;
		}
	p = writ_alloc(1, sizeof(*p));
	if (p)
		p->multi = curl_multi_init();
	if (!p || !p->multi) {
		writ_mem_free(p);
		return NULL;
	}
	p->id = id;
	p->users = 1;
	p->net = n;
	p->due_ns = UINT64_MAX;
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)POOL_IDLE_MAX);
	curl_multi_setopt(p->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	p->next = n->pools;
	n->pools = p;
	return p;
}

bool
net_pool_has_idle(const struct net_pool *p)
{
	if (p->closed)
		return false;
	return p->h2 ? p->open && p->running < H2_STREAMS :
	    p->open > p->running;
}

bool
net_pool_add(struct net_request *r)
{
	if (curl_multi_add_handle(r->pool->multi, r->easy) != CURLM_OK)
		return false;
	r->pool->running++;
	return true;
}

/* The one socket of the pool with that port; NULL: none, or more than one. */
static struct net_socket *
with_port(const struct net_pool *p, int port)
{
	struct net_socket *s, *found = NULL;

	for (s = p->net->sockets; s; s = s->next) {
		if (s->pool != p || s->port != port)
			continue;
		if (found)
			return NULL;
		found = s;
	}
	return found;
}

bool
net_pool_use(struct net_request *r, int port)
{
	struct net_socket *s;
	char byte;

	if (r->socket)		/* it was opened for it */
		return r->socket->port == port;
	s = with_port(r->pool, port);
	if (!s || s->dead || s->user)
		return false;
	if (recv(s->watch.fd, &byte, 1, MSG_PEEK) >= 0 ||
	    errno != EAGAIN) {
		retire(r->net, s);
		return false;
	}
	s->user = r;
	r->socket = s;
	return true;
}

/* A connection that is left is watched: nothing may come. */
void
net_pool_remove(struct net_request *r)
{
	struct net_pool *p = r->pool;
	struct net_socket *s;

	(void)curl_multi_remove_handle(p->multi, r->easy);
	p->running--;
	s = r->socket;		/* if curl has not closed it */
	r->socket = NULL;
	if (!s)
		return;
	s->user = NULL;
	if (!s->dead && !p->h2)
		net_watch(p->net, &s->watch, EPOLLIN | EPOLLRDHUP);
}

void
net_pool_leave(struct net_request *r)
{
	if (--r->pool->users == 0)
		r->pool->idle_ns = net_now();
	r->pool = NULL;
}

void
net_pool_close(struct net *n, uint32_t id)
{
	struct net_pool *p;

	for (p = n->pools; p; p = p->next)
		if (p->id == id)
			p->closed = true;
}

/* curl closes what it still has. */
static void
pool_free(struct net *n, struct net_pool *p)
{
	struct net_pool **at;

	for (at = &n->pools; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	(void)curl_multi_cleanup(p->multi);
	writ_mem_free(p);
}

/* The pool that was left alone for the longest time, if nobody uses it. */
static struct net_pool *
oldest(const struct net *n)
{
	struct net_pool *p, *best = NULL;

	for (p = n->pools; p; p = p->next)
		if (!p->users && (!best || p->closed ||
		    (!best->closed && p->idle_ns < best->idle_ns)))
			best = p;
	return best;
}

static uint64_t
expires(const struct net_pool *p)
{
	return p->closed ? 0 : p->idle_ns + POOL_IDLE_S * 1000000000ull;
}

void
net_pools_tick(struct net *n)
{
	uint64_t now = net_now();
	struct net_pool *p;

	for (p = n->pools; p; p = p->next)
		if (p->due_ns <= now) {
			p->due_ns = UINT64_MAX;
			act(p, CURL_SOCKET_TIMEOUT, 0);
		}
	while ((p = oldest(n)) && (expires(p) <= now ||
	    (n->sockets_count > SOCKETS_HIGH && p->open)))
		pool_free(n, p);
}

uint64_t
net_pools_due(const struct net *n)
{
	const struct net_pool *p;
	uint64_t due = UINT64_MAX;

	for (p = n->pools; p; p = p->next) {
		if (p->due_ns < due)
			due = p->due_ns;
		if (!p->users && expires(p) < due)
			due = expires(p);
	}
	return due;
}
