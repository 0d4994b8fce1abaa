/* Connections: a name's addresses are judged, and the first that passes and answers is dialled.
 * What was judged is what is connected to: nothing is looked up twice. */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "broker/net_int.h"
#include "cap/clock.h"
#include "policy/address.h"

#define SOONER_MS 100
#define TURN_LEAST_NS 1000000000ull	/* for one of several addresses */

/* ---- addresses */

static bool
take_address(const struct sockaddr *sa, uint8_t out[16])
{
	if (sa->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)sa)->
		    sin6_addr, 16);
		return true;
	}
	if (sa->sa_family != AF_INET)
		return false;
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, &((const struct sockaddr_in *)(const void *)sa)->
	    sin_addr, 4);
	return true;
}

enum writ_status
writ_net_own(uint8_t (**out)[16], size_t *count)
{
	struct ifaddrs *all = NULL, *i;
	uint8_t (*own)[16];
	size_t n = 0;

	if (getifaddrs(&all))
		return WRIT_IO;
	for (i = all; i; i = i->ifa_next)
		n += i->ifa_addr != NULL;
	own = n <= WRIT_NET_OWN_MAX ? writ_alloc(n + 1, sizeof(*own)) : NULL;
	*count = 0;
	for (i = all; own && i; i = i->ifa_next)
		if (i->ifa_addr && take_address(i->ifa_addr, own[*count]))
			++*count;
	freeifaddrs(all);
	if (!own)
		return n > WRIT_NET_OWN_MAX ? WRIT_LIMIT : WRIT_NOMEM;
	*out = own;
	return WRIT_OK;
}

/* Every entry that allows the request has to let it go there.  NULL, or why not. */
static const char *
refused(const struct writ_net_request *r, const uint8_t a[16],
    const uint8_t (*own)[16], size_t own_count)
{
	const char *why = NULL;
	size_t i;

	for (i = 0; !why && i < r->terms.count; i++) {
		const struct writ_http_grant *g = r->terms.grants[i];
		struct writ_range itself = { .bits = 128 };

		memcpy(itself.address, a, 16);
		/* an entry whose URL names an address names that one */
		why = r->rq.address && !g->addresses_count ?
		    writ_address_refused(a, &itself, 1, own, own_count) :
		    writ_address_refused(a, g->addresses, g->addresses_count,
		    own, own_count);
	}
	return why;
}

/* ---- one connection */

socklen_t
writ_net_sockaddr(const uint8_t address[16], unsigned port,
    struct sockaddr_storage *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)out;

	memset(out, 0, sizeof(*out));
	if (memcmp(address, mapped, sizeof(mapped))) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		memcpy(&six->sin6_addr, address, 16);
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)port);
	memcpy(&four->sin_addr, address + 12, 4);
	return sizeof(*four);
}

enum writ_status
writ_net_connect(const uint8_t address[16], unsigned port, int *fd, bool *now)
{
	struct sockaddr_storage to;
	socklen_t len = writ_net_sockaddr(address, port, &to);
	int one = 1;

	*now = false;
	*fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (*fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM ? WRIT_LIMIT : WRIT_IO;
	(void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(*fd, (struct sockaddr *)&to, len) == 0) {
		*now = true;
		return WRIT_OK;
	}
	if (errno == EINPROGRESS || errno == EINTR)
		return WRIT_OK;
	writ_closep(fd);
	return WRIT_IO;
}

bool
writ_net_connected(int fd, const uint8_t address[16], unsigned port)
{
	struct sockaddr_storage want, have;
	socklen_t len = writ_net_sockaddr(address, port, &want);
	socklen_t got = sizeof(have), size = sizeof(int);
	uint8_t a[16], b[16];
	int error = 0;

	memset(&have, 0, sizeof(have));
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) || error ||
	    getpeername(fd, (struct sockaddr *)&have, &got) || got != len)
		return false;
	return take_address((struct sockaddr *)&want, a) &&
	    take_address((struct sockaddr *)&have, b) && !memcmp(a, b, 16) &&
	    ((struct sockaddr_in *)(void *)&want)->sin_port ==
	    ((struct sockaddr_in *)(void *)&have)->sin_port;
}

/* ---- the dial of a request */

static void
set_stage(struct writ_net_request *r, unsigned stage)
{
	struct writ_net *n = r->net;

	n->dialling -= r->dial.stage == WRIT_DIAL_CONNECT;
	r->dial.stage = stage;
	n->dialling += stage == WRIT_DIAL_CONNECT;
}

void
writ_net_dial_stop(struct writ_net_request *r)
{
	writ_net_lookup_stop(r->net, &r->dial.lookup);
	writ_closep(&r->dial.fd);
	set_stage(r, WRIT_DIAL_NONE);
}

static void
fail(struct writ_net_request *r, enum writ_http_code code, const char *detail)
{
	const struct writ_http_fault fault = { .code = code };

	writ_net_dial_stop(r);
	writ_net_request_fail(r, &fault, code ==
	    WRIT_HTTP_DESTINATION_IP_PROHIBITED ? WRIT_AUDIT_DENIED :
	    WRIT_AUDIT_FAILED, detail);
}

/* All were tried.  Which of refusal, reset and no route it was is nobody's business. */
static void
nobody_answered(struct writ_net_request *r)
{
	if (r->dial.timed_out)
		fail(r, WRIT_HTTP_CONNECTION_TIMEOUT, "connection timeout");
	else if (!r->dial.tried)
		fail(r, WRIT_HTTP_DESTINATION_IP_PROHIBITED, r->dial.why);
	else
		fail(r, WRIT_HTTP_CONNECTION_REFUSED, "connection refused");
}

static void
dialled(struct writ_net_request *r)
{
	int fd = r->dial.fd;

	r->dial.fd = -1;
	set_stage(r, WRIT_DIAL_NONE);
	(void)epoll_ctl(r->net->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	writ_net_say(r->net, WRIT_NET_DIALED, r->id, WRIT_STR(""), fd);
	close(fd);
}

/* The addresses that are left share the time that is left. */
static uint64_t
turn_ends(const struct writ_net_request *r)
{
	uint64_t now = writ_clock_host_ns(), left, turn;

	if (now >= r->dial.deadline_ns)
		return now;
	left = r->dial.deadline_ns - now;
	turn = left / (r->dial.to.count - r->dial.next + 1);
	if (turn < TURN_LEAST_NS)
		turn = TURN_LEAST_NS < left ? TURN_LEAST_NS : left;
	return now + turn;
}

static void
note_refused(struct writ_net_request *r, const char *why)
{
	char text[46];

	writ_address_text(r->dial.to.addresses[r->dial.next], text);
	if (!r->dial.why[0])
		snprintf(r->dial.why, sizeof(r->dial.why), "%.*s is at %s: %s",
		    100, r->dial.lookup.host, text, why);
}

/* WRIT_OK: it connects, or is.  Else not there. */
static enum writ_status
try_one(struct writ_net_request *r, const uint8_t a[16])
{
	enum writ_status st;
	bool now;

	st = writ_net_connect(a, r->rq.port, &r->dial.fd, &now);
	if (st != WRIT_OK)
		return st;
	memcpy(r->dial.address, a, 16);
	r->dial.turn_ns = turn_ends(r);
	set_stage(r, WRIT_DIAL_CONNECT);
	if (!writ_net_watch(r->net, r->dial.fd, r->id)) {
		writ_closep(&r->dial.fd);
		set_stage(r, WRIT_DIAL_NONE);
		return WRIT_LIMIT;
	}
	return WRIT_OK;
}

static void
try_next(struct writ_net_request *r)
{
	writ_auto_mem uint8_t (*own)[16] = NULL;
	enum writ_status st;
	size_t count = 0;

	if (writ_net_own(&own, &count) != WRIT_OK) {
		fail(r, WRIT_HTTP_INTERNAL_ERROR, "the addresses of this "
		    "machine cannot be told");
		return;
	}
	for (; r->dial.next < r->dial.to.count &&
	    writ_clock_host_ns() < r->dial.deadline_ns; r->dial.next++) {
		const uint8_t *a = r->dial.to.addresses[r->dial.next];
		const char *why = refused(r, a, (const uint8_t (*)[16])own,
		    count);

		if (why) {
			note_refused(r, why);
			continue;
		}
		r->dial.tried = true;
		st = try_one(r, a);
		if (st == WRIT_LIMIT) {
			fail(r, WRIT_HTTP_CONNECTION_LIMIT_REACHED,
			    "no more file descriptors");
			return;
		}
		if (st == WRIT_OK) {
			r->dial.next++;
			return;
		}
	}
	if (r->dial.next < r->dial.to.count)
		r->dial.timed_out = true;
	nobody_answered(r);
}

static void
looked_up(struct writ_net_lookup *l)
{
	struct writ_net_request *r = (struct writ_net_request *)(void *)
	    ((char *)l - offsetof(struct writ_net_request, dial.lookup));
	struct writ_http_fault fault = { .code = WRIT_HTTP_DNS_ERROR,
		.has_n = l->result.rcode != 0, .n = l->result.rcode };

	set_stage(r, WRIT_DIAL_NONE);
	if (l->result.how == WRIT_DNS_OK) {
		r->dial.to = l->result;
		r->dial.next = 0;
		try_next(r);
	} else if (l->no_fds) {
		fail(r, WRIT_HTTP_CONNECTION_LIMIT_REACHED,
		    "no more file descriptors");
	} else if (l->result.how == WRIT_DNS_TIMEOUT) {
		fail(r, WRIT_HTTP_DNS_TIMEOUT, "name lookup: timeout");
	} else {
		writ_net_request_fail(r, &fault, WRIT_AUDIT_FAILED,
		    l->result.how == WRIT_DNS_NONE ? "name lookup: no address" :
		    "name lookup failed");
	}
}

void
writ_net_dial_go(struct writ_net_request *r)
{
	struct writ_net_lookup *l = &r->dial.lookup;

	if (!r->wants_dial || !r->decided)
		return;
	r->wants_dial = false;
	memset(&r->dial, 0, sizeof(r->dial));
	r->dial.fd = l->fd = -1;
	if (writ_str_cstr(r->rq.host, l->host, sizeof(l->host)) != WRIT_OK) {
		fail(r, WRIT_HTTP_DESTINATION_NOT_FOUND, "host too long");
		return;
	}
	/* a little earlier than net, which knows less of why */
	r->dial.deadline_ns = writ_clock_host_ns() + r->connect_ms * 1000000 -
	    (r->connect_ms < SOONER_MS * 8 ? r->connect_ms / 8 : SOONER_MS) *
	    1000000;
	l->deadline_ns = r->dial.deadline_ns;
	l->done = looked_up;
	set_stage(r, WRIT_DIAL_LOOKUP);
	writ_net_lookup_start(r->net, l);
}

enum writ_status
writ_net_dial(struct writ_net *n, const struct writ_msg *m)
{
	bool was;
	struct writ_net_request *r = writ_net_request(n, m->id, &was);

	if (!was)
		return WRIT_PROTO;
	if (!r || r->given_up)
		return WRIT_OK;		/* they crossed */
	if (!r->sent || r->dial.stage != WRIT_DIAL_NONE || r->wants_dial ||
	    ++r->dials > WRIT_NET_DIALS_MAX)
		return WRIT_PROTO;
	r->wants_dial = true;
	writ_net_dial_go(r);
	return WRIT_OK;
}

void
writ_net_dial_step(struct writ_net_request *r, uint64_t now)
{
	struct writ_net_dial *d = &r->dial;

	if (d->stage != WRIT_DIAL_CONNECT)
		return;
	if (writ_net_connected(d->fd, d->address, r->rq.port)) {
		dialled(r);
		return;
	}
	d->timed_out |= now >= d->turn_ns || now >= d->deadline_ns;
	writ_closep(&d->fd);
	set_stage(r, WRIT_DIAL_NONE);
	try_next(r);
}
