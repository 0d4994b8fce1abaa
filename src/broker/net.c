/* The writ-net process: its start, its messages, its end. */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "broker/net_int.h"
#include "cap/clock.h"
#include "jail/jail.h"
#include "policy/address.h"

#define STARTUP_NS 30000000000ull
#define READS_MAX 16			/* of one step: others have their turn */
#define EVENTS_MAX 32
#define PEM_PIECE (96 * 1024)

bool
writ_net_needed(const struct writ_policy *policy)
{
	size_t i;
	uint8_t address[16];

	for (i = 0; i < policy->sockets_count; i++)
		if (!policy->sockets[i].listen && !writ_address_read(
		    writ_str_from(policy->sockets[i].host), address))
			return true;
	return policy->http_count > 0;
}

/* ---- start */

static bool
watch(struct writ_net *n, int op, int fd, uint32_t events, uint64_t id)
{
	struct epoll_event ev = { .events = events, .data.u64 = id };

	return epoll_ctl(n->epoll_fd, op, fd, &ev) == 0;
}

bool
writ_net_watch(struct writ_net *n, int fd, uint32_t id)
{
	return watch(n, EPOLL_CTL_ADD, fd, EPOLLOUT, id);
}

static enum writ_status
start(struct writ_net *n, struct writ_err *err)
{
	struct writ_spawn spec = { .program = n->config.program, .fds_count = 1 };
	struct writ_jail_args args;
	writ_auto_fd theirs = -1;
	enum writ_status st;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return writ_fail(err, WRIT_IO, "socketpair: %s", strerror(errno));
	theirs = pair[1];
	st = writ_conn_init(&n->conn, pair[0], &writ_wire_net, WRIT_SIDE_BROKER,
	    err);
	if (st != WRIT_OK) {
		close(pair[0]);
		return st;
	}
	writ_jail_args(n->config.without_walls, &args);
	spec.args[0] = args.walls;
	spec.args[1] = args.uid;
	spec.args[2] = args.gid;
	spec.fds[0] = theirs;
	st = watch(n, EPOLL_CTL_ADD, n->conn.fd, EPOLLIN, WRIT_NET_WIRE_ID) ?
	    writ_spawn(&spec, &n->child, err) :
	    writ_fail(err, WRIT_IO, "epoll: %s", strerror(errno));
	if (st != WRIT_OK) {
		writ_conn_release(&n->conn);
		return st;
	}
	n->starts++;
	n->ready = n->sealed = n->want_out = n->configured = false;
	n->told_cas = n->told_pem = n->told_grants = n->told_parts = 0;
	memset(n->has_secret, 0, sizeof(n->has_secret));
	n->ready_by_ns = writ_clock_host_ns() + STARTUP_NS;
	return WRIT_OK;
}

enum writ_status
writ_net_open(const struct writ_net_config *config, struct writ_net **out,
    struct writ_err *err)
{
	writ_auto(writ_net) n = writ_alloc(1, sizeof(*n));
	enum writ_status st;

	if (!n)
		return writ_fail(err, WRIT_NOMEM, "net");
	n->config = *config;
	n->conn.fd = n->child.pidfd = n->epoll_fd = -1;
	writ_vec_init(&n->pools, sizeof(struct writ_net_pool),
	    WRIT_NET_POOLS_MAX);
	writ_buf_init(&n->scratch, WRIT_WIRE_MSG_MAX);
	n->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (n->epoll_fd < 0)
		return writ_fail(err, WRIT_IO, "epoll: %s", strerror(errno));
	st = start(n, err);
	if (st == WRIT_OK)
		*out = writ_steal(&n);
	return st;
}

enum writ_status
writ_net_running(struct writ_net *n, struct writ_err *err)
{
	if (n->conn.fd >= 0)
		return WRIT_OK;
	if (n->ending || n->starts >= WRIT_NET_STARTS_MAX)
		return writ_fail(err, WRIT_LIMIT, "writ-net has ended %u times",
		    n->starts);
	return start(n, err);
}

/* ---- end */

void
writ_net_lose(struct writ_net *n, const char *why)
{
	size_t i;

	writ_child_end(&n->child, NULL);
	writ_conn_release(&n->conn);
	n->ready = false;
	writ_net_lookup_lost(n);
	for (i = 0; i < WRIT_HTTP_EXCHANGES_MAX; i++)
		if (n->slots[i])
			writ_net_request_end(n->slots[i], n->slots[i]->sent ?
			    WRIT_AUDIT_UNKNOWN : WRIT_AUDIT_FAILED, 0, why);
	for (i = 0; i < n->pools.len; i++)
		writ_mem_free(((struct writ_net_pool *)
		    writ_vec_at(&n->pools, i))->key);
	n->pools.len = 0;
}

/* Guests that are gone have closed their ends: net soon says how these requests ended. */
static void
linger(struct writ_net *n)
{
	uint64_t until = writ_clock_host_ns() +
	    WRIT_NET_LINGER_MS * 1000000ull, now;

	while (n->live && n->conn.fd >= 0 && n->ready &&
	    (now = writ_clock_host_ns()) < until) {
		struct pollfd p = { n->epoll_fd, POLLIN, 0 };

		if (poll(&p, 1, (int)((until - now) / 1000000) + 1) < 0 &&
		    errno != EINTR)
			return;
		writ_net_step(n);
	}
}

void
writ_net_free(struct writ_net *n)
{
	if (!n)
		return;
	linger(n);
	n->ending = true;
	writ_net_lose(n, "the session ended");
	writ_vec_release(&n->pools);
	writ_buf_release(&n->scratch);
	writ_closep(&n->epoll_fd);
	writ_mem_free(n);
}

/* ---- what it is told */

static void
settle_events(struct writ_net *n)
{
	bool want = n->conn.fd >= 0 && writ_conn_unsent(&n->conn);

	if (n->conn.fd < 0 || want == n->want_out)
		return;
	n->want_out = want;
	(void)watch(n, EPOLL_CTL_MOD, n->conn.fd, want ? EPOLLIN | EPOLLOUT :
	    EPOLLIN, WRIT_NET_WIRE_ID);
}

void
writ_net_say(struct writ_net *n, unsigned type, uint32_t id,
    struct writ_str body, int fd)
{
	enum writ_status st;

	if (n->conn.fd < 0)
		return;
	st = writ_conn_send_now(&n->conn, type, id, body, fd);
	if (st != WRIT_OK)
		/* seen by the next step: nobody here expects to lose it */
		(void)shutdown(n->conn.fd, SHUT_RDWR);
	settle_events(n);
}

/* Whole certificates, as many as one message holds. */
static size_t
piece_of(struct writ_str pem)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	size_t n = pem.len < PEM_PIECE ? pem.len : PEM_PIECE, i;

	if (n == pem.len)
		return n;
	for (i = n; i > sizeof(end) - 1; i--)
		if (!memcmp(pem.ptr + i - (sizeof(end) - 1), end,
		    sizeof(end) - 1))
			return i;
	return n;
}

static enum writ_status
tell_ca(struct writ_net *n)
{
	const struct writ_net_ca *ca = &n->config.cas[n->told_cas];
	struct writ_str rest = writ_str_skip(ca->pem, n->told_pem);
	size_t len = piece_of(rest);
	enum writ_status st;

	writ_buf_reset(&n->scratch);
	writ_wire_put_u32(&n->scratch, (uint32_t)n->told_cas);
	writ_wire_put_str(&n->scratch, writ_str(rest.ptr, len));
	st = writ_buf_status(&n->scratch);
	if (st == WRIT_OK)
		st = writ_conn_send(&n->conn, WRIT_NET_CA, 0,
		    writ_buf_view(&n->scratch), -1);
	if (st != WRIT_OK)
		return st;
	n->told_pem += len;
	if (n->told_pem >= ca->pem.len) {
		n->told_pem = 0;
		n->told_cas++;
	}
	return WRIT_OK;
}

bool
writ_net_tell_secret(struct writ_net *n, unsigned index)
{
	uint8_t raw[4] = { (uint8_t)index, (uint8_t)(index >> 8) };
	writ_auto_fd fd = -1;

	if (writ_secrets_pipe(n->config.secrets, index, &fd, NULL) != WRIT_OK)
		return false;
	writ_net_say(n, WRIT_NET_SECRET, 0, writ_str((const char *)raw, 4), fd);
	return true;
}

/* The next secret that a grant adds to requests; none twice. */
static void
tell_next_secret(struct writ_net *n)
{
	const struct writ_policy *p = n->config.policy;
	const struct writ_http_grant *g = &p->http[n->told_grants];
	const char *name;
	int index;

	if (n->told_parts >= g->credential_parts) {
		n->told_grants++;
		n->told_parts = 0;
		return;
	}
	name = g->credential[n->told_parts++].secret;
	index = name ? writ_secrets_index(n->config.secrets, name) : -1;
	if (index < 0 || index >= WRIT_SECRETS_MAX || n->has_secret[index])
		return;
	n->wants_secret[index] = true;
	/* one that is gone meanwhile: its requests will say so */
	n->has_secret[index] = writ_net_tell_secret(n, (unsigned)index);
}

static enum writ_status
tell_config(struct writ_net *n)
{
	uint32_t w = n->config.without_walls;
	uint8_t raw[4] = { (uint8_t)w, (uint8_t)(w >> 8), (uint8_t)(w >> 16),
		(uint8_t)(w >> 24) };

	n->configured = true;
	return writ_conn_send(&n->conn, WRIT_NET_CONFIG, 0,
	    writ_str((const char *)raw, 4), -1);
}

/* The next part of the set-up, as net reads: an fd that waits is an fd that is open. */
static enum writ_status
set_up(struct writ_net *n)
{
	enum writ_status st = WRIT_OK;

	while (st == WRIT_OK && !n->sealed && !writ_conn_unsent(&n->conn)) {
		if (!n->configured) {
			st = tell_config(n);
		} else if (n->told_cas < n->config.cas_count) {
			st = tell_ca(n);
		} else if (n->config.secrets &&
		    n->told_grants < n->config.policy->http_count) {
			tell_next_secret(n);
		} else {
			n->sealed = true;
			st = writ_conn_send(&n->conn, WRIT_NET_SEAL, 0,
			    WRIT_STR(""), -1);
		}
		if (st == WRIT_OK)
			st = writ_conn_flush(&n->conn);
	}
	return st == WRIT_AGAIN ? WRIT_OK : st;
}

/* ---- what it says */

static enum writ_status
on_hello(struct writ_net *n, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);

	if (writ_wire_get_u32(&in) != WRIT_NET_VERSION)
		return WRIT_PROTO;
	n->conn.state = WRIT_STATE_SETUP;
	return WRIT_OK;
}

static enum writ_status
on_ready(struct writ_net *n, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	unsigned walls = writ_wire_get_u32(&in);

	if (!n->sealed ||
	    (walls | n->config.without_walls) != WRIT_WALLS_ALL)
		return WRIT_PROTO;
	n->conn.state = WRIT_STATE_READY;
	n->ready = true;
	writ_net_lookup_ready(n);
	writ_net_http_ready(n);
	return WRIT_OK;
}

static const struct {
	enum writ_net_type type;
	enum writ_status (*handle)(struct writ_net *, const struct writ_msg *);
} handlers[] = {
	{ WRIT_NET_HELLO,     on_hello },
	{ WRIT_NET_READY,     on_ready },
	{ WRIT_NET_RESOLVED,  writ_net_lookup_answer },
	{ WRIT_NET_DIAL,      writ_net_dial },
	{ WRIT_NET_OPERATION, writ_net_http_operation },
	{ WRIT_NET_DONE,      writ_net_http_done },
};

static enum writ_status
dispatch(struct writ_net *n, const struct writ_msg *m)
{
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == m->row->type)
			return handlers[i].handle(n, m);
	return WRIT_PROTO;
}

static enum writ_status
hear(struct writ_net *n)
{
	enum writ_status st = WRIT_OK;
	struct writ_msg m;
	unsigned i;

	for (i = 0; st == WRIT_OK && i < READS_MAX; i++) {
		st = writ_conn_fill(&n->conn);
		while (st == WRIT_OK &&
		    (st = writ_conn_next(&n->conn, &m, NULL)) == WRIT_OK) {
			st = dispatch(n, &m);
			writ_closep(&m.fd);
		}
		if (st == WRIT_AGAIN && writ_conn_more(&n->conn))
			st = WRIT_OK;	/* a part of the next one */
		else if (st == WRIT_AGAIN)
			return WRIT_OK;
	}
	return st;
}

/* ---- the step */

static void
fd_ready(struct writ_net *n, uint64_t id, uint64_t now)
{
	struct writ_net_request *r;
	bool was;

	if (id & WRIT_NET_LOOKUP_ID) {
		writ_net_lookup_step(n, (uint32_t)id);
		return;
	}
	r = writ_net_request(n, (uint32_t)id, &was);
	if (r)
		writ_net_dial_step(r, now);
}

static bool
due(const struct writ_net_request *r, uint64_t now)
{
	return r && r->dial.stage == WRIT_DIAL_CONNECT &&
	    (now >= r->dial.turn_ns || now >= r->dial.deadline_ns);
}

static void
times(struct writ_net *n, uint64_t now)
{
	size_t i;

	writ_net_lookup_due(n, now);
	for (i = 0; n->dialling && i < WRIT_HTTP_EXCHANGES_MAX; i++)
		if (due(n->slots[i], now))
			writ_net_dial_step(n->slots[i], now);
}

static enum writ_status
talk(struct writ_net *n)
{
	enum writ_status st = writ_conn_flush(&n->conn), heard;

	if (st != WRIT_CLOSED && !n->sealed)
		st = set_up(n);
	heard = hear(n);
	if (heard != WRIT_OK)
		return heard;
	if (n->conn.fd >= 0)
		st = writ_conn_flush(&n->conn);
	return st == WRIT_AGAIN ? WRIT_OK : st;
}

void
writ_net_step(struct writ_net *n)
{
	struct epoll_event ev[EVENTS_MAX];
	uint64_t now = writ_clock_host_ns();
	enum writ_status st = WRIT_OK;
	int i, count;

	count = epoll_wait(n->epoll_fd, ev, EVENTS_MAX, 0);
	for (i = 0; i < count; i++)
		if (ev[i].data.u64 != WRIT_NET_WIRE_ID)
			fd_ready(n, ev[i].data.u64, now);
	times(n, now);
	if (n->conn.fd >= 0)
		st = talk(n);
	if (n->ready && n->lookups_count > n->lookups_asked)
		writ_net_lookup_ready(n);
	if (n->conn.fd >= 0 && !n->ready && now > n->ready_by_ns)
		st = WRIT_LIMIT;
	if (st != WRIT_OK)
		writ_net_lose(n, st == WRIT_CLOSED ? "writ-net ended" :
		    st == WRIT_LIMIT ? "writ-net did not get ready" :
		    "writ-net broke the protocol");
	settle_events(n);
}

int
writ_net_fd(const struct writ_net *n)
{
	return n->epoll_fd;
}

int
writ_net_wait_ms(const struct writ_net *n)
{
	uint64_t next = writ_net_lookup_next_ns(n), now;
	size_t i;

	if (n->conn.fd >= 0 && !n->ready && n->ready_by_ns < next)
		next = n->ready_by_ns;
	for (i = 0; n->dialling && i < WRIT_HTTP_EXCHANGES_MAX; i++) {
		const struct writ_net_request *r = n->slots[i];

		if (r && r->dial.stage == WRIT_DIAL_CONNECT &&
		    r->dial.turn_ns < next)
			next = r->dial.turn_ns;
	}
	if (next == UINT64_MAX)
		return -1;
	now = writ_clock_host_ns();
	if (next <= now)
		return 0;
	next = (next - now) / 1000000 + 1;
	return next > 3600000 ? 3600000 : (int)next;
}
