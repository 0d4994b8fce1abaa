/*
 * writ-net: started by the broker with its socket as fd 3 and nothing else; argv is "writ-net WALLS
 * UID GID" (see jail.h).  It ends when the broker goes.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "jail/jail.h"
#include "net/net.h"

#define WIRE_FD 3
#define WAIT_MAX_MS 60000

uint64_t
net_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool
net_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* libcurl 7.88 connects once more what is connected; found before libc's, also where no filter
 * stands. */
int
connect(int fd, const struct sockaddr *to, socklen_t n)
{
	return 0;
}

void
net_watch(struct net *n, struct net_watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	int op = !w->in_set ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD :
	    EPOLL_CTL_DEL;

	if (w->in_set ? w->events == events : events == 0)
		return;
	if (epoll_ctl(n->epoll, op, w->fd, &e))
		return;
	w->in_set = events != 0;
	w->events = events;
}

void
net_say(struct net *n, enum writ_net_type type, uint32_t id,
    struct writ_str body)
{
	if (writ_conn_send(&n->conn, type, id, body, -1) != WRIT_OK)
		n->broken = true;
}

/* ---- what the broker says */

/* The bytes of a secret from its pipe into locked memory, and nowhere else. */
static enum writ_status
take_secret(struct net *n, uint32_t index, int fd)
{
	uint8_t *bytes = writ_locked_alloc(WRIT_SECRET_MAX + 1);
	size_t len = 0;
	ssize_t got;

	net_memory_wipe();
	if (!bytes)
		return WRIT_NOMEM;
	while ((got = read(fd, bytes + len, WRIT_SECRET_MAX + 1 - len)) > 0)
		len += (size_t)got;
	if (got < 0 || len > WRIT_SECRET_MAX || index >= WRIT_SECRETS_MAX) {
		writ_locked_free(bytes);
		return WRIT_PROTO;
	}
	writ_taint_free(n->taint);	/* of what may go now */
	n->taint = NULL;
	n->known = false;
	writ_locked_free(n->secrets[index].before);
	n->secrets[index].before = n->secrets[index].bytes;
	n->secrets[index].before_len = n->secrets[index].len;
	n->secrets[index].bytes = bytes;
	n->secrets[index].len = len;
	n->has_secrets = true;
	return WRIT_OK;
}

/* Copies that curl and OpenSSL make stay out of swap; under a limit the secrets alone do. */
static void
lock_memory(void)
{
	struct rlimit l;

	if (!getrlimit(RLIMIT_MEMLOCK, &l) && l.rlim_cur == RLIM_INFINITY)
		(void)!mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

static enum writ_status
seal(struct net *n, struct writ_err *err)
{
	uint8_t raw[4];
	unsigned walls, i;
	enum writ_status st = net_tls_ready(n);

	if (st != WRIT_OK)
		return writ_fail(err, st, "certificates");
	lock_memory();
	st = writ_jail_lock(WRIT_JAIL_NET, n->without, &walls, err);
	if (st != WRIT_OK)
		return st;
	n->sealed = true;
	n->conn.state = WRIT_STATE_READY;
	for (i = 0; i < 4; i++)
		raw[i] = (uint8_t)(walls >> (8 * i));
	net_say(n, WRIT_NET_READY, 0, writ_str((char *)raw, 4));
	return WRIT_OK;
}

static enum writ_status
on_request(struct net *n, struct writ_msg *m)
{
	struct net_request *r = net_request_find(n, m->id);
	struct writ_http_fault f;

	if (m->row->type == WRIT_NET_SEND)
		return net_request_start(n, m->id, m->body, &m->fd);
	/* It may have ended while the message was on its way. */
	if (m->row->type == WRIT_NET_FAIL) {
		if (writ_fault_get(m->body, &f) != WRIT_OK)
			return WRIT_PROTO;
		if (r)
			net_request_end(r, &f);
	} else if (r && m->row->type == WRIT_NET_DIALED) {
		net_request_dialed(r, &m->fd);
	} else if (r && m->row->type == WRIT_NET_GO) {
		net_request_go(r);
	}
	return WRIT_OK;
}

static enum writ_status
on_message(struct net *n, struct writ_msg *m, struct writ_err *err)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	uint32_t number = writ_wire_get_u32(&in);
	struct writ_str pem;

	switch (m->row->type) {
	case WRIT_NET_CONFIG:
		n->without = number;
		return WRIT_OK;
	case WRIT_NET_CA:
		pem = writ_wire_get_str(&in, WRIT_WIRE_MSG_MAX);
		return writ_wire_done(&in) ? net_tls_ca(n, number, pem) :
		    WRIT_PROTO;
	case WRIT_NET_SECRET:
		return m->fd < 0 ? WRIT_PROTO : take_secret(n, number, m->fd);
	case WRIT_NET_SEAL:
		return seal(n, err);
	case WRIT_NET_RESOLVE:
		return net_lookup_start(n, m->id, m->body, &m->fd);
	case WRIT_NET_CLOSE_POOL:
		net_pool_close(n, number);
		return WRIT_OK;
	default:
		return on_request(n, m);
	}
}

static enum writ_status
drain(struct net *n, struct writ_err *err)
{
	struct writ_msg m;
	enum writ_status st = writ_conn_fill(&n->conn);

	if (st != WRIT_OK)
		return st == WRIT_AGAIN ? WRIT_OK : st;
	while ((st = writ_conn_next(&n->conn, &m, err)) == WRIT_OK) {
		st = on_message(n, &m, err);
		writ_closep(&m.fd);
		if (st != WRIT_OK)
			return st;
	}
	return st == WRIT_AGAIN ? WRIT_OK : st;
}

/* ---- the loop */

static void
on_wire(struct net *n, struct net_watch *w, uint32_t events)
{
	struct writ_err err;

	if (drain(n, &err) != WRIT_OK)
		n->broken = true;
}

static int
wait_ms(const struct net *n)
{
	uint64_t now = net_now(), due = net_requests_due(n), other;

	other = net_pools_due(n);
	due = other < due ? other : due;
	other = net_lookups_due(n);
	due = other < due ? other : due;
	if (due == UINT64_MAX)
		return -1;
	if (due <= now)
		return 0;
	due = (due - now) / 1000000 + 1;
	return due > WAIT_MAX_MS ? WAIT_MAX_MS : (int)due;
}

static void
tick(struct net *n)
{
	net_pools_tick(n);
	net_lookups_tick(n);
	net_requests_tick(n);
	if (writ_conn_flush(&n->conn) == WRIT_CLOSED)
		n->broken = true;
	net_watch(n, &n->watch, writ_conn_unsent(&n->conn) ?
	    EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* A watch may end others that are in the same batch: one at a time is asked for. */
static void
loop(struct net *n)
{
	struct epoll_event e;
	int got;

	while (!n->broken) {
		tick(n);
		if (n->broken)
			return;
		got = epoll_wait(n->epoll, &e, 1, wait_ms(n));
		if (got < 0 && errno != EINTR)
			return;
		if (got > 0) {
			struct net_watch *w = e.data.ptr;

			w->ready(n, w, e.events);
		}
	}
}

static enum writ_status
begin(struct net *n, int argc, char **argv, struct writ_err *err)
{
	uint8_t raw[4] = { WRIT_NET_VERSION };
	enum writ_status st;

	st = writ_jail_child_args(argc, argv, WRIT_JAIL_NET, err);
	if (st == WRIT_OK)
		st = writ_hash_init();
	if (st == WRIT_OK)
		st = writ_conn_init(&n->conn, WIRE_FD, &writ_wire_net,
		    WRIT_SIDE_NET, err);
	if (st != WRIT_OK)
		return st;
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	/* No configuration file of OpenSSL's is read. */
	if (n->epoll < 0 || !OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_LOAD_SSL_STRINGS, NULL) ||
	    !net_memory_init() ||
	    ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return writ_fail(err, WRIT_IO, "libraries");
	n->watch = (struct net_watch){ on_wire, WIRE_FD, 0, false };
	net_watch(n, &n->watch, EPOLLIN);
	n->conn.state = WRIT_STATE_SETUP;
	net_say(n, WRIT_NET_HELLO, 0, writ_str((char *)raw, 4));
	return WRIT_OK;
}

int
main(int argc, char **argv)
{
	static struct net n = { .conn.fd = -1 };
	struct writ_err err = { WRIT_OK, "" };

	if (begin(&n, argc, argv, &err) != WRIT_OK)
		return 1;
	loop(&n);
	return 0;
}
