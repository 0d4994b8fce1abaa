#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/hash.h"
#include "net/net.h"

#define TIMEOUT_MS 2000
#define TRIES 2
/* c-ares is told of a server that is none: its one socket is connected to the real one. */
#define SERVER "192.0.2.1"

static ares_socket_t
on_socket(int family, int type, int protocol, void *ctx)
{
	struct net_lookup *l = ctx;
	int fd = l->fd;

	if (fd < 0 || (type == SOCK_STREAM) != l->tcp) {
		l->truncated |= type == SOCK_STREAM;
		errno = EMFILE;
		return ARES_SOCKET_BAD;
	}
	l->fd = -1;
	return fd;
}

static int
on_close(ares_socket_t fd, void *ctx)
{
	return 0;	/* l->watch.fd is it, and is closed with the lookup */
}

static int
on_connect(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len,
    void *ctx)
{
	return 0;
}

/* c-ares seeds its ids from a file or from nothing; what stands on the wire is random.  Over TCP
 * nobody else can answer. */
static void
mask_id(const struct net_lookup *l, uint8_t *p, size_t n)
{
	if (!l->tcp && n >= 2) {
		p[0] ^= l->mask[0];
		p[1] ^= l->mask[1];
	}
}

/* It can only come from where the socket is connected to. */
static ares_ssize_t
on_receive(ares_socket_t fd, void *p, size_t n, int flags,
    struct sockaddr *from, ares_socklen_t *len, void *ctx)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(53) };
	ares_ssize_t got;

	if (from && len && *len >= sizeof(a)) {
		inet_pton(AF_INET, SERVER, &a.sin_addr);
		memcpy(from, &a, sizeof(a));
		*len = sizeof(a);
	}
	got = recvfrom(fd, p, n, 0, NULL, NULL);
	mask_id(ctx, p, got > 0 ? (size_t)got : 0);
	return got;
}

static ares_ssize_t
on_send(ares_socket_t fd, const struct iovec *v, int n, void *ctx)
{
	uint8_t all[4096];
	size_t len = 0;
	int i;

	for (i = 0; i < n; i++) {
		if (v[i].iov_len > sizeof(all) - len) {
			errno = EMSGSIZE;
			return -1;
		}
		memcpy(all + len, v[i].iov_base, v[i].iov_len);
		len += v[i].iov_len;
	}
	mask_id(ctx, all, len);
	return sendto(fd, all, len, MSG_NOSIGNAL, NULL, 0);
}

static const struct ares_socket_functions functions = { on_socket, on_close,
	on_connect, on_receive, on_send };

/* ---- answers */

static void
keep(struct net_lookup *l, const struct ares_addrinfo_node *node)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t *out;

	if (l->answer.count == WRIT_NET_ADDRESSES_MAX)
		return;
	out = l->answer.addresses[l->answer.count];
	if (node->ai_family == AF_INET) {
		const struct sockaddr_in *a =
		    (const struct sockaddr_in *)(const void *)node->ai_addr;

		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + 12, &a->sin_addr, 4);
		l->answer.count++;
	} else if (node->ai_family == AF_INET6) {
		const struct sockaddr_in6 *a =
		    (const struct sockaddr_in6 *)(const void *)node->ai_addr;

		memcpy(out, &a->sin6_addr, 16);
		l->answer.count++;
	}
}

static void
on_answer(void *ctx, int status, int timeouts, struct ares_addrinfo *info)
{
	struct net_lookup *l = ctx;
	const struct ares_addrinfo_node *node;

	l->done = true;
	for (node = status == ARES_SUCCESS ? info->nodes : NULL; node;
	    node = node->ai_next)
		keep(l, node);
	ares_freeaddrinfo(info);
	if (l->truncated)
		l->answer.count = 0;
	if (l->truncated)
		l->answer.how = WRIT_DNS_TRUNCATED;
	else if (l->answer.count)
		l->answer.how = WRIT_DNS_OK;
	else if (status == ARES_ENOTFOUND || status == ARES_ENODATA ||
	    status == ARES_SUCCESS)
		l->answer.how = WRIT_DNS_NONE;
	else if (status == ARES_ETIMEOUT)
		l->answer.how = WRIT_DNS_TIMEOUT;
	else
		l->answer.how = WRIT_DNS_ERROR;
	/* RFC 1035 4.1.1, as far as c-ares tells */
	l->answer.rcode = status == ARES_EFORMERR ? 1 :
	    status == ARES_ESERVFAIL ? 2 : status == ARES_ENOTFOUND ? 3 :
	    status == ARES_ENOTIMP ? 4 : status == ARES_EREFUSED ? 5 : 0;
}

/* What c-ares waits for on its socket, if it has it still. */
static void
watch(struct net *n, struct net_lookup *l)
{
	ares_socket_t fds[ARES_GETSOCK_MAXNUM];
	int bits = ares_getsock(l->channel, fds, ARES_GETSOCK_MAXNUM);
	uint32_t events = 0;

	if (ARES_GETSOCK_READABLE(bits, 0))
		events |= EPOLLIN;
	if (ARES_GETSOCK_WRITABLE(bits, 0))
		events |= EPOLLOUT;
	net_watch(n, &l->watch, events);
}

static void
on_ready(struct net *n, struct net_watch *w, uint32_t events)
{
	struct net_lookup *l = (struct net_lookup *)(void *)w;

	if (l->done)
		return;
	ares_process_fd(l->channel, events & ~(uint32_t)EPOLLOUT ? w->fd :
	    ARES_SOCKET_BAD, events & EPOLLOUT ? w->fd : ARES_SOCKET_BAD);
	watch(n, l);
}

static bool
open_channel(struct net_lookup *l)
{
	char lookups[] = "b";
	/* without domains it would ask for the name of this machine */
	struct ares_options o = { .flags = ARES_FLAG_NOSEARCH |
		ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP | (l->tcp ? ARES_FLAG_USEVC : 0),
		.timeout = TIMEOUT_MS, .tries = TRIES, .lookups = lookups };

	if (ares_init_options(&l->channel, &o, ARES_OPT_FLAGS |
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
	    ARES_OPT_DOMAINS) != ARES_SUCCESS)
		return false;
	ares_set_socket_functions(l->channel, &functions, l);
	return ares_set_servers_ports_csv(l->channel, SERVER ":53") ==
	    ARES_SUCCESS;
}

enum writ_status
net_lookup_start(struct net *n, uint32_t id, struct writ_str body, int *fd)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
		.ai_flags = ARES_AI_NOSORT };
	struct writ_wire_in in = writ_wire_in(body);
	unsigned tcp = writ_wire_get_u8(&in);
	struct writ_str host = writ_wire_get_str(&in, WRIT_HTTP_HOST_MAX);
	char name[WRIT_HTTP_HOST_MAX + 1];
	struct net_lookup *l;

	if (!writ_wire_done(&in) || tcp > 1 || *fd < 0 ||
	    n->lookups_count >= WRIT_NET_LOOKUPS_MAX ||
	    writ_str_cstr(host, name, sizeof(name)) != WRIT_OK || !name[0])
		return WRIT_PROTO;
	l = writ_alloc(1, sizeof(*l));
	if (!l)
		return WRIT_NOMEM;
	l->id = id;
	l->tcp = tcp;
	l->watch = (struct net_watch){ on_ready, *fd, 0, false };
	l->fd = *fd;
	*fd = -1;
	l->answer.how = WRIT_DNS_ERROR;
	l->next = n->lookups;
	n->lookups = l;
	n->lookups_count++;
	writ_hash_random(l->mask, sizeof(l->mask));
	if (!net_nonblocking(l->fd) || !open_channel(l)) {
		l->done = true;
		return WRIT_OK;
	}
	ares_getaddrinfo(l->channel, name, NULL, &hints, on_answer, l);
	watch(n, l);
	return WRIT_OK;
}

static void
finish(struct net *n, struct net_lookup *l)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 1024);
	writ_net_resolved_put(&b, &l->answer);
	net_say(n, WRIT_NET_RESOLVED, l->id, writ_buf_view(&b));
	net_watch(n, &l->watch, 0);
	if (l->channel)
		ares_destroy(l->channel);
	close(l->watch.fd);
	n->lookups_count--;
	writ_mem_free(l);
}

void
net_lookups_tick(struct net *n)
{
	struct net_lookup **at = &n->lookups, *l;

	while ((l = *at)) {
		if (!l->done) {
			ares_process_fd(l->channel, ARES_SOCKET_BAD,
			    ARES_SOCKET_BAD);
			watch(n, l);
		}
		if (l->done) {
			*at = l->next;
			finish(n, l);
		} else {
			at = &l->next;
		}
	}
}

uint64_t
net_lookups_due(const struct net *n)
{
	uint64_t due = UINT64_MAX, now = net_now();
	const struct net_lookup *l;

	for (l = n->lookups; l; l = l->next) {
		struct timeval most = { 1, 0 }, t;
		struct timeval *left = ares_timeout(l->channel, &most, &t);
		uint64_t at = now + (uint64_t)left->tv_sec * 1000000000 +
		    (uint64_t)left->tv_usec * 1000;

		if (at < due)
			due = at;
	}
	return due;
}
