/* Names: asked of a name server through net, which parses what it answers. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#include "broker/net_int.h"
#include "cap/clock.h"
#include "policy/address.h"

#define TURN_NS 8000000000ull		/* for one server to answer, and net to say so */

static const uint8_t loopback4[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
static const uint8_t loopback6[16] = { [15] = 1 };

/* ---- the list */

static void
set_asked(struct writ_net *n, struct writ_net_lookup *l, bool asked)
{
	n->lookups_asked += (unsigned)asked - (unsigned)l->asked;
	l->asked = asked;
}

static void
unlink_lookup(struct writ_net *n, struct writ_net_lookup *l)
{
	struct writ_net_lookup **at = &n->lookups;

	set_asked(n, l, false);
	while (*at && *at != l)
		at = &(*at)->next;
	if (*at) {
		*at = l->next;
		n->lookups_count--;
	}
	l->active = false;
	writ_closep(&l->fd);
}

static void
finish(struct writ_net *n, struct writ_net_lookup *l,
    const struct writ_net_resolved *result)
{
	unlink_lookup(n, l);
	l->result = *result;
	l->done(l);
}

static void
finish_with(struct writ_net *n, struct writ_net_lookup *l, unsigned how,
    uint32_t rcode)
{
	struct writ_net_resolved r = { .rcode = rcode };

	r.how = how;
	finish(n, l, &r);
}

void
writ_net_lookup_stop(struct writ_net *n, struct writ_net_lookup *l)
{
	if (l->active)
		unlink_lookup(n, l);
}

static struct writ_net_lookup *
find(struct writ_net *n, uint32_t id)
{
	struct writ_net_lookup *l = n->lookups;

	while (l && l->id != id)
		l = l->next;
	return l;
}

/* ---- asking */

static void
say_resolve(struct writ_net *n, struct writ_net_lookup *l, int fd)
{
	writ_buf_reset(&n->scratch);
	writ_wire_put_u8(&n->scratch, l->tcp);
	writ_wire_put_str(&n->scratch, writ_str_from(l->host));
	writ_net_say(n, WRIT_NET_RESOLVE, l->id, writ_buf_view(&n->scratch), fd);
}

/* A socket to the server whose turn it is; TCP is yet to connect.  WRIT_LIMIT, WRIT_IO. */
static enum writ_status
open_socket(struct writ_net *n, struct writ_net_lookup *l, int *fd)
{
	const uint8_t *a = n->config.resolver->servers[l->server].address;
	unsigned port = n->config.resolver->servers[l->server].port;
	struct sockaddr_storage to;
	socklen_t len = writ_net_sockaddr(a, port, &to);
	bool now;

	if (l->tcp)
		return writ_net_connect(a, port, fd, &now);
	*fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (*fd < 0)
		return errno == EMFILE || errno == ENFILE ? WRIT_LIMIT :
		    WRIT_IO;
	if (connect(*fd, (struct sockaddr *)&to, len) == 0)
		return WRIT_OK;
	writ_closep(fd);
	return WRIT_IO;
}

/* Ask the server whose turn it is, or the next ones. */
static void
ask(struct writ_net *n, struct writ_net_lookup *l)
{
	enum writ_status st = WRIT_IO;
	writ_auto_fd fd = -1;

	if (n->lookups_asked >= WRIT_NET_LOOKUPS_MAX)
		return;			/* one that ends makes room */
	for (; l->server < n->config.resolver->count; l->server++) {
		st = open_socket(n, l, &fd);
		if (st != WRIT_IO)
			break;
		l->tcp = false;
	}
	if (st == WRIT_OK && l->tcp &&
	    !writ_net_watch(n, fd, l->id))
		st = WRIT_LIMIT;
	if (st != WRIT_OK) {
		l->no_fds = st == WRIT_LIMIT;
		finish_with(n, l, WRIT_DNS_ERROR, 2);
		return;
	}
	set_asked(n, l, true);
	l->turn_ns = writ_clock_host_ns() + TURN_NS;
	if (l->turn_ns > l->deadline_ns)
		l->turn_ns = l->deadline_ns;
	if (l->tcp)
		l->fd = writ_steal_fd(&fd);
	else
		say_resolve(n, l, fd);
}

static void
ask_next(struct writ_net *n, struct writ_net_lookup *l, unsigned how,
    uint32_t rcode)
{
	writ_closep(&l->fd);
	l->tcp = false;
	set_asked(n, l, false);
	l->id = WRIT_NET_LOOKUP_ID | (++n->lookup_seq & ~WRIT_NET_LOOKUP_ID);
	if (++l->server < n->config.resolver->count &&
	    writ_clock_host_ns() < l->deadline_ns)
		ask(n, l);
	else
		finish_with(n, l, how, rcode);
}

/* What needs no server.  True: *r is the answer. */
static bool
known(const char *host, struct writ_net_resolved *r)
{
	struct writ_str name = writ_str_from(host), tail;

	memset(r, 0, sizeof(*r));
	if (writ_address_read(name, r->addresses[0])) {
		r->count = 1;
		return true;
	}
	tail = name.len > 10 ? writ_str_skip(name, name.len - 10) : name;
	if (writ_str_is(name, "localhost") || writ_str_is(tail, ".localhost")) {
		memcpy(r->addresses[0], loopback4, 16);
		memcpy(r->addresses[1], loopback6, 16);
		r->count = 2;
		return true;
	}
	/* no search list: a name of one label is nobody's */
	r->how = WRIT_DNS_NONE;
	r->rcode = 3;
	return !memchr(name.ptr, '.', name.len);
}

void
writ_net_lookup_start(struct writ_net *n, struct writ_net_lookup *l)
{
	struct writ_net_resolved r;

	l->fd = -1;
	if (known(l->host, &r)) {
		l->result = r;
		l->done(l);
		return;
	}
	memset(&r, 0, sizeof(r));
	r.how = WRIT_DNS_ERROR;
	r.rcode = 2;
	if (n->lookups_count >= WRIT_NET_WAITING_MAX ||
	    writ_net_running(n, NULL) != WRIT_OK) {
		l->result = r;
		l->done(l);
		return;
	}
	l->id = WRIT_NET_LOOKUP_ID | (++n->lookup_seq & ~WRIT_NET_LOOKUP_ID);
	l->server = 0;
	l->asked = l->tcp = l->no_fds = false;
	l->active = true;
	l->turn_ns = l->deadline_ns;
	l->next = n->lookups;
	n->lookups = l;
	n->lookups_count++;
	if (n->ready)
		ask(n, l);
}

/* ---- what comes back */

void
writ_net_lookup_ready(struct writ_net *n)
{
	struct writ_net_lookup *l, *waits;

	/* whoever is told of an end may begin or stop others: from the start, each time */
	do {
		waits = NULL;
		for (l = n->lookups; l; l = l->next)
			if (!l->asked)
				waits = l;	/* the oldest */
		if (waits)
			ask(n, waits);
	} while (waits && n->lookups_asked < WRIT_NET_LOOKUPS_MAX);
}

enum writ_status
writ_net_lookup_answer(struct writ_net *n, const struct writ_msg *m)
{
	struct writ_net_lookup *l = find(n, m->id);
	struct writ_net_resolved r;

	if (writ_net_resolved_get(m->body, &r) != WRIT_OK ||
	    !(m->id & WRIT_NET_LOOKUP_ID))
		return WRIT_PROTO;
	if (!l)
		return WRIT_OK;		/* given up meanwhile */
	if (!l->asked || l->fd >= 0)
		return WRIT_PROTO;
	if (r.how == WRIT_DNS_TRUNCATED && !l->tcp) {
		l->tcp = true;
		set_asked(n, l, false);
		ask(n, l);
	} else if (r.how == WRIT_DNS_OK || r.how == WRIT_DNS_NONE) {
		finish(n, l, &r);
	} else {
		ask_next(n, l, r.how == WRIT_DNS_TIMEOUT ? WRIT_DNS_TIMEOUT :
		    WRIT_DNS_ERROR, r.rcode);
	}
	return WRIT_OK;
}

void
writ_net_lookup_step(struct writ_net *n, uint32_t id)
{
	struct writ_net_lookup *l = find(n, id);
	size_t server;
	int fd;

	if (!l || l->fd < 0)
		return;
	server = l->server;
	if (!writ_net_connected(l->fd,
	    n->config.resolver->servers[server].address,
	    n->config.resolver->servers[server].port)) {
		ask_next(n, l, WRIT_DNS_ERROR, 2);
		return;
	}
	fd = l->fd;
	l->fd = -1;
	say_resolve(n, l, fd);
	close(fd);
}

void
writ_net_lookup_due(struct writ_net *n, uint64_t now)
{
	struct writ_net_lookup *l = n->lookups, *next;

	for (; l; l = next) {
		next = l->next;
		if (now < l->turn_ns)
			continue;
		ask_next(n, l, WRIT_DNS_TIMEOUT, 0);
		return;		/* whoever was told may have changed the list */
	}
}

uint64_t
writ_net_lookup_next_ns(const struct writ_net *n)
{
	const struct writ_net_lookup *l = n->lookups;
	uint64_t next = UINT64_MAX;

	for (; l; l = l->next)
		if (l->turn_ns < next)
			next = l->turn_ns;
	return next;
}

void
writ_net_lookup_lost(struct writ_net *n)
{
	while (n->lookups)
		finish_with(n, n->lookups, WRIT_DNS_ERROR, 2);
}
