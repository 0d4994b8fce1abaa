#include <errno.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/limits.h"
#include "mcp/http.h"
#include "mcp/http_head.h"
#include "mcp/http_session.h"

#define EVENTS 64
#define BLOCK 32768
#define SMALL BLOCK		/* answers up to this leave with their head */
#define SWEEP_MS 1000
#define BROKER_HIGH (4 * 1024 * 1024)	/* unsent bytes towards the broker */

/** What a connection does; each has its deadline, see overdue(). */
enum phase {
	IDLE,			/* between requests, or before the first */
	HEAD,			/* the request line has come */
	BODY,			/* the head was accepted */
	WORK,			/* the protocol has it */
	REPLY			/* an answer leaves */
};

struct conn {
	struct writ_http_exchange x;	/* first */
	struct writ_mcp_http *h;
	struct MHD_Connection *mhd;
	int fd;
	enum phase phase;
	uint64_t since;		/* of the phase, or when its answer last moved */
	bool trusted;		/* has had the right token once */
	bool path;		/* the request is for the endpoint */
	bool listens;		/* x is a stream of a session */
	bool suspended, gone, woken;
	bool over;		/* the body is more than there is room for */
	size_t excess;
	struct writ_buf body;
	char session_id[WRIT_HTTP_SESSION_ID_LEN + 1];	/* to be told, or "" */
	struct conn *next, *prev, *next_woken;
};

struct writ_mcp_http {
	struct MHD_Daemon *daemon;
	int epoll, daemon_epoll;
	struct writ_mcp *m;
	struct writ_conn *broker;
	bool broker_out;	/* waiting for room towards it */
	struct writ_mcp_client *stateless;
	struct writ_http_sessions sessions;
	struct conn *conns, *woken;
	size_t held, bodies;	/* bytes queued for clients; of requests arriving */
	uint64_t now, swept;
};

static const struct writ_http_refusal
	no_session = { 400, "Mcp-Session-Id is needed: initialize opens a "
	    "session" },
	unknown_session = { 404, "no such session; initialize opens a new one" },
	bad_version = { 400, "this MCP-Protocol-Version is not spoken here" },
	too_long = { 413, "the message is too long" },
	busy = { 503, "busy; try again" },
	gone_session = { 204, "" };

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct conn *
conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void
enter(struct conn *c, enum phase phase)
{
	c->phase = phase;
	c->since = c->h->now;
}

/* ---- waiting: the library forgets a suspended connection, its end included, so that is
 * looked for here */

static void
suspend(struct conn *c)
{
	struct epoll_event e = { .events = EPOLLRDHUP, .data.ptr = c };

	MHD_suspend_connection(c->mhd);
	c->suspended = true;
	(void)epoll_ctl(c->h->epoll, EPOLL_CTL_ADD, c->fd, &e);
}

static void
resume(struct conn *c)
{
	(void)epoll_ctl(c->h->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	c->suspended = false;
	MHD_resume_connection(c->mhd);
}

/* From within the protocol, so it only makes a note. */
static void
on_wake(struct writ_http_exchange *x)
{
	struct conn *c = (struct conn *)x;

	if (c->woken)
		return;
	c->woken = true;
	c->next_woken = c->h->woken;
	c->h->woken = c;
}

static void
forget_sink(struct conn *c)
{
	if (c->x.live)
		writ_mcp_gone(c->h->m, &c->x.sink);
	c->x.live = false;
}

/* Nothing more from or for this client; the library notices by itself. */
static void
cut(struct conn *c)
{
	if (c->gone)
		return;
	c->gone = true;
	(void)shutdown(c->fd, SHUT_RDWR);
	forget_sink(c);
	if (c->suspended)
		resume(c);
}

static void
handle_woken(struct writ_mcp_http *h)
{
	while (h->woken) {
		struct conn *c = h->woken;

		h->woken = c->next_woken;
		c->woken = false;
		if (c->x.broken)
			cut(c);
		if (c->suspended)
			resume(c);
	}
}

/* ---- answers */

static ssize_t
on_read(void *cls, uint64_t pos, char *to, size_t max)
{
	struct conn *c = cls;
	size_t n;

	if (c->gone || c->x.broken)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	c->since = c->h->now;
	n = writ_http_exchange_take(&c->x, to, max);
	if (n)
		return (ssize_t)n;
	if (c->x.ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	suspend(c);
	return 0;
}

static struct MHD_Response *
response(struct conn *c)
{
	size_t len = writ_http_exchange_left(&c->x);

	if (c->x.answer == WRIT_HTTP_STREAM)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
		    BLOCK, on_read, c, NULL);
	if (len > SMALL)
		return MHD_create_response_from_callback(len, BLOCK, on_read,
		    c, NULL);
	return MHD_create_response_from_buffer(len, c->x.out.ptr,
	    MHD_RESPMEM_PERSISTENT);
}

/* Takes the response over. */
static enum MHD_Result
queue(struct conn *c, struct MHD_Response *r, unsigned status,
    const char *type)
{
	enum MHD_Result ok = MHD_NO;

	if (r && (!type || MHD_add_response_header(r, "Content-Type", type)) &&
	    MHD_add_response_header(r, "Cache-Control", "no-store") &&
	    (!c->session_id[0] || MHD_add_response_header(r, "Mcp-Session-Id",
	    c->session_id))) {
		enter(c, REPLY);
		ok = MHD_queue_response(c->mhd, status, r);
	}
	if (r)
		MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result
refuse(struct conn *c, const struct writ_http_refusal *why)
{
	static const struct {
		unsigned status;
		const char *name, *value;
	} extra[] = {
		{ 401, "WWW-Authenticate", "Bearer" },
		{ 405, "Allow", "POST" },
		{ 503, "Retry-After", "1" },
	};
	char text[128];
	int len = snprintf(text, sizeof(text), *why->text ? "%s\n" : "%s",
	    why->text);
	struct MHD_Response *r = MHD_create_response_from_buffer((size_t)len,
	    text, MHD_RESPMEM_MUST_COPY);
	size_t i;

	for (i = 0; r && i < sizeof(extra) / sizeof(extra[0]); i++)
		if (extra[i].status == why->status)
			(void)MHD_add_response_header(r, extra[i].name,
			    extra[i].value);
	if (r && !c->trusted)
		(void)MHD_add_response_header(r, "Connection", "close");
	return queue(c, r, why->status, len ? "text/plain" : NULL);
}

/* Called again by the library when a suspended connection goes on. */
static enum MHD_Result
answer(struct conn *c)
{
	const struct writ_http_exchange *x = &c->x;
	const char *type = "application/json";

	if (c->gone || x->broken)
		return MHD_NO;
	if (x->answer == WRIT_HTTP_NONE) {
		suspend(c);
		return MHD_YES;
	}
	if (x->answer == WRIT_HTTP_STREAM)
		type = "text/event-stream";
	else if (!writ_http_exchange_left(x))
		type = NULL;
	return queue(c, response(c), x->answer == WRIT_HTTP_STREAM ? 200 :
	    x->status, type);
}

/* ---- requests */

static bool
stalled(const struct writ_mcp_http *h)
{
	return h->broker->out.len - h->broker->out_pos > BROKER_HIGH ||
	    h->held > WRIT_HTTP_HELD_MAX / 2;
}

/* Whether it speaks 2026-07-28, or should: such messages know no session. */
static bool
is_stateless(const struct writ_http_head *head, const struct writ_mcp_in *in)
{
	const struct writ_str *f = head->field;

	if (in->kind == WRIT_MCP_BAD || in->version.ptr)
		return true;
	if (writ_mcp_in_opens(in) || f[WRIT_HTTP_SESSION].ptr)
		return false;
	return f[WRIT_HTTP_METHOD].ptr || (f[WRIT_HTTP_VERSION].ptr &&
	    writ_mcp_speaks(f[WRIT_HTTP_VERSION]) == WRIT_MCP_STATELESS) ||
	    writ_str_is(in->method, "server/discover");
}

/* Who the message is of; a new client when it opens a session. */
static const struct writ_http_refusal *
find_client(struct writ_mcp_http *h, const struct writ_http_head *head,
    const struct writ_mcp_in *in, struct writ_mcp_client **out)
{
	const struct writ_str *f = head->field;
	const struct writ_http_session *s;

	if (is_stateless(head, in)) {
		*out = h->stateless;
		return NULL;
	}
	if (f[WRIT_HTTP_VERSION].ptr &&
	    writ_mcp_speaks(f[WRIT_HTTP_VERSION]) != WRIT_MCP_SESSION)
		return &bad_version;
	if (!f[WRIT_HTTP_SESSION].ptr) {
		if (!writ_mcp_in_opens(in))
			return &no_session;
		return writ_mcp_client_open(h->m, WRIT_MCP_SESSION, out,
		    NULL) == WRIT_OK ? NULL : &busy;
	}
	s = writ_http_session_find(&h->sessions, f[WRIT_HTTP_SESSION], h->now);
	if (!s)
		return &unknown_session;
	*out = s->client;
	return NULL;
}

/* The answer to `initialize` is there: keep the session, or not. */
static const struct writ_http_refusal *
settle_session(struct conn *c, struct writ_mcp_client *client)
{
	struct writ_mcp_http *h = c->h;

	if (!writ_mcp_client_opened(client)) {
		writ_mcp_client_close(h->m, client);
		return NULL;
	}
	if (writ_http_session_open(&h->sessions, client, h->now,
	    c->session_id) == WRIT_OK)
		return NULL;
	writ_mcp_client_close(h->m, client);
	return &busy;
}

static enum MHD_Result
post(struct conn *c, const struct writ_http_head *head)
{
	writ_auto_release(writ_buf) name;
	writ_auto_release(writ_mcp_in) in;
	struct writ_mcp_headers headers = { head->field[WRIT_HTTP_VERSION],
		head->field[WRIT_HTTP_METHOD], { NULL, 0 } };
	struct writ_mcp_client *client = NULL;
	const struct writ_http_refusal *no;

	writ_buf_init(&name, WRIT_HTTP_HEAD_MAX);
	writ_mcp_in_init(&in, writ_buf_view(&c->body));
	if (head->field[WRIT_HTTP_NAME].ptr &&
	    writ_http_head_decode(head->field[WRIT_HTTP_NAME], &name))
		headers.name = name.len ? writ_buf_view(&name) : WRIT_STR("");
	in.headers = &headers;
	no = find_client(c->h, head, &in, &client);
	if (no)
		return refuse(c, no);
	c->x.live = true;
	enter(c, WORK);
	writ_mcp_receive(c->h->m, client, &in, &c->x.sink);
	if (!is_stateless(head, &in) && !head->field[WRIT_HTTP_SESSION].ptr)
		no = settle_session(c, client);
	return no ? refuse(c, no) : answer(c);
}

static enum MHD_Result
get(struct conn *c, const struct writ_http_head *head)
{
	struct writ_http_session *s = writ_http_session_find(&c->h->sessions,
	    head->field[WRIT_HTTP_SESSION], c->h->now);

	if (!s)
		return refuse(c, &unknown_session);
	if (!writ_http_session_attach(s, &c->x))
		return refuse(c, &busy);
	c->listens = true;
	writ_http_exchange_stream(&c->x);
	return answer(c);
}

static enum MHD_Result
delete(struct conn *c, const struct writ_http_head *head)
{
	struct writ_http_session *s = writ_http_session_find(&c->h->sessions,
	    head->field[WRIT_HTTP_SESSION], c->h->now);

	if (!s)
		return refuse(c, &unknown_session);
	writ_http_session_close(&c->h->sessions, s);
	return refuse(c, &gone_session);
}

static enum MHD_Result
on_field(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
    const char *value, size_t value_len)
{
	writ_http_head_add(cls, writ_str(key, key_len),
	    writ_str(value, value_len));
	return MHD_YES;
}

static void
read_head(const struct conn *c, const char *verb, const char *version,
    struct writ_http_head *head)
{
	*head = (struct writ_http_head){ .path = c->path };
	head->verb = writ_http_head_verb(writ_str_from(verb));
	head->malformed = strcmp(version, MHD_HTTP_VERSION_1_1) != 0;
	(void)MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, on_field,
	    head);
}

/* The library cannot be told to answer before all has come: what is too much is dropped, for
 * a while. */
static enum MHD_Result
take_body(struct conn *c, const char *data, size_t len)
{
	if (!c->over && c->body.len + len <= WRIT_MCP_MESSAGE_MAX &&
	    c->h->bodies + len <= WRIT_HTTP_BODIES_MAX) {
		writ_buf_add(&c->body, data, len);
		if (writ_buf_status(&c->body) == WRIT_OK) {
			c->h->bodies += len;
			return MHD_YES;
		}
	}
	c->over = true;
	c->excess += len;
	return c->excess > WRIT_HTTP_EXCESS_MAX ? MHD_NO : MHD_YES;
}

static void
drop_body(struct conn *c)
{
	c->h->bodies -= c->body.len;
	writ_buf_release(&c->body);
}

static enum MHD_Result
take_whole(struct conn *c, const struct writ_http_head *head)
{
	enum MHD_Result ok;

	if (c->over)
		return refuse(c, c->body.len + c->excess >
		    WRIT_MCP_MESSAGE_MAX ? &too_long : &busy);
	if (head->verb == WRIT_HTTP_GET)
		return get(c, head);
	if (head->verb == WRIT_HTTP_DELETE)
		return delete(c, head);
	if (stalled(c->h))
		return refuse(c, &busy);
	ok = post(c, head);
	drop_body(c);
	return ok;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *verb, const char *version, const char *data, size_t *len,
    void **ctx)
{
	const struct writ_http_refusal *no;
	struct writ_http_head head;
	struct conn *c = conn_of(mhd);

	if (!c || c->gone)
		return MHD_NO;
	if (c->phase == WORK)
		return answer(c);
	if (c->phase == BODY && *len) {
		enum MHD_Result ok = take_body(c, data, *len);

		*len = 0;
		return ok;
	}
	read_head(c, verb, version, &head);
	if (c->phase == BODY)
		return take_whole(c, &head);
	no = writ_http_head_judge(&head, writ_mcp_config(c->h->m), &c->trusted);
	if (no)
		return refuse(c, no);
	enter(c, BODY);
	return MHD_YES;
}

/* ---- connections */

static void *
on_request_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct writ_mcp_http *h = cls;
	struct conn *c = conn_of(mhd);

	if (c) {
		c->path = writ_str_eq(writ_str_from(uri),
		    writ_mcp_config(h->m)->path);
		enter(c, HEAD);
	}
	return NULL;
}

static void
on_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
    enum MHD_RequestTerminationCode how)
{
	struct conn *c = conn_of(mhd);

	if (!c)
		return;
	forget_sink(c);
	if (c->listens)
		writ_http_sessions_detach(&c->h->sessions, &c->x, c->h->now);
	writ_http_exchange_reset(&c->x);
	drop_body(c);
	c->listens = c->over = false;
	c->excess = 0;
	c->session_id[0] = '\0';
	enter(c, IDLE);
}

static void
unlink_conn(struct conn *c)
{
	struct conn **p;

	for (p = &c->h->woken; c->woken && *p; p = &(*p)->next_woken) {
		if (*p != c)
			continue;
		*p = c->next_woken;
		break;
	}
	if (c->prev)
		c->prev->next = c->next;
	else
		c->h->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

static void
on_connection(void *cls, struct MHD_Connection *mhd, void **ctx,
    enum MHD_ConnectionNotificationCode what)
{
	struct writ_mcp_http *h = cls;
	struct conn *c = *ctx;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (c)
			unlink_conn(c);
		writ_mem_free(c);
		*ctx = NULL;
		return;
	}
	c = writ_alloc(1, sizeof(*c));
	*ctx = c;
	if (!c)
		return;
	writ_http_exchange_init(&c->x, &h->held, on_wake);
	writ_buf_init(&c->body, WRIT_MCP_MESSAGE_MAX);
	c->h = h;
	c->mhd = mhd;
	c->fd = MHD_get_connection_info(mhd,
	    MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	c->next = h->conns;
	if (c->next)
		c->next->prev = c;
	h->conns = c;
	enter(c, IDLE);
}

/* Whether it has had its time.  Who has not shown the token yet has little. */
static bool
overdue(const struct conn *c, uint64_t idle_ms)
{
	uint64_t ms = c->h->now - c->since;

	switch (c->phase) {
	case IDLE:
		return ms > (c->trusted ? idle_ms : WRIT_HTTP_STRANGER_MS);
	case HEAD:
		return ms > WRIT_HTTP_STRANGER_MS;
	case BODY:
		return ms > WRIT_HTTP_BODY_MS;
	case REPLY:
		return !c->suspended && ms > WRIT_HTTP_STALL_MS;
	case WORK:
		break;
	}
	return false;
}

static void
sweep(struct writ_mcp_http *h)
{
	uint64_t idle_ms = writ_mcp_config(h->m)->idle_ms;
	struct conn *c, *next;

	h->swept = h->now;
	for (c = h->conns; c; c = next) {
		next = c->next;
		if (overdue(c, idle_ms)) {
			cut(c);
		} else if (c->suspended && !c->gone &&
		    h->now - c->since > WRIT_HTTP_QUIET_MS) {
			c->since = h->now;
			writ_http_exchange_comment(&c->x);
		}
	}
	writ_http_sessions_expire(&h->sessions, h->now, idle_ms);
}

/* ---- the loop */

static enum writ_status
from_broker(struct writ_mcp_http *h, struct writ_err *err)
{
	enum writ_status st = writ_conn_fill(h->broker);

	if (st == WRIT_AGAIN)
		return WRIT_OK;
	return st == WRIT_OK ? writ_mcp_broker(h->m, err) : st;
}

/* Send what is queued for the broker; ask to be told of room when there is none. */
static enum writ_status
to_broker(struct writ_mcp_http *h)
{
	enum writ_status st = writ_conn_flush(h->broker);
	bool waits = st == WRIT_AGAIN;
	struct epoll_event e = { .events = EPOLLIN | (waits ? EPOLLOUT : 0u),
		.data.ptr = h->broker };

	if (st == WRIT_CLOSED)
		return st;
	if (waits != h->broker_out &&
	    epoll_ctl(h->epoll, EPOLL_CTL_MOD, h->broker->fd, &e))
		return WRIT_IO;
	h->broker_out = waits;
	return WRIT_OK;
}

static int
wait_ms(struct writ_mcp_http *h)
{
	int due = writ_mcp_tick(h->m, h->now), most = SWEEP_MS;
	MHD_UNSIGNED_LONG_LONG ms;

	if (h->woken)
		return 0;
	if (due >= 0 && due < most)
		most = due;
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES &&
	    ms < (unsigned)most)
		most = (int)ms;
	return most;
}

static enum writ_status
turn(struct writ_mcp_http *h, struct writ_err *err)
{
	struct epoll_event events[EVENTS];
	enum writ_status st = WRIT_OK;
	int i, n = epoll_wait(h->epoll, events, EVENTS, wait_ms(h));

	if (n < 0 && errno != EINTR)
		return writ_fail(err, WRIT_IO, "epoll: %s", strerror(errno));
	h->now = now_ms();
	(void)writ_mcp_tick(h->m, h->now);
	/* The connections first: the broker's messages may end them. */
	for (i = 0; i < n; i++)
		if (events[i].data.ptr != h->broker && events[i].data.ptr != h)
			cut(events[i].data.ptr);
	for (i = 0; i < n; i++)
		if (events[i].data.ptr == h->broker)
			st = from_broker(h, err);
	if (h->now - h->swept >= SWEEP_MS)
		sweep(h);
	handle_woken(h);
	if (st == WRIT_OK && MHD_run(h->daemon) != MHD_YES)
		st = writ_fail(err, WRIT_IO, "the HTTP library gave up");
	handle_woken(h);
	return st;
}

static enum writ_status
watch(struct writ_mcp_http *h, int fd, void *ptr, struct writ_err *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = ptr };

	if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &e))
		return writ_fail(err, WRIT_IO, "epoll: %s", strerror(errno));
	return WRIT_OK;
}

/* Clients wait, unaccepted, until there is something to offer. */
static enum writ_status
begin(struct writ_mcp_http *h, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	struct epoll_event e;

	while (st == WRIT_OK && !writ_mcp_ready(h->m)) {
		st = to_broker(h);
		if (st == WRIT_OK && epoll_wait(h->epoll, &e, 1, -1) > 0)
			st = from_broker(h, err);
	}
	return st != WRIT_OK ? st : writ_mcp_client_open(h->m,
	    WRIT_MCP_STATELESS, &h->stateless, err);
}

enum writ_status
writ_mcp_http_serve(struct writ_mcp_http *h, struct writ_mcp *m,
    struct writ_conn *broker, struct writ_err *err)
{
	enum writ_status st;

	h->m = m;
	h->broker = broker;
	h->now = h->swept = now_ms();
	writ_http_sessions_init(&h->sessions, m);
	st = watch(h, broker->fd, broker, err);
	if (st == WRIT_OK)
		st = begin(h, err);
	if (st == WRIT_OK)
		st = watch(h, h->daemon_epoll, h, err);
	while (st == WRIT_OK) {
		st = to_broker(h);
		if (st == WRIT_OK)
			st = turn(h, err);
	}
	return st;
}

/* ---- begin and end */

enum writ_status
writ_mcp_http_open(int listener, struct writ_mcp_http **out,
    struct writ_err *err)
{
	writ_auto(writ_mcp_http) h = writ_alloc(1, sizeof(*h));

	if (!h)
		return writ_fail(err, WRIT_NOMEM, "HTTP");
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0)
		return writ_fail(err, WRIT_IO, "epoll: %s", strerror(errno));
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
	    MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_PEDANTIC_CHECKS, 0, NULL,
	    NULL, on_request, h,
	    MHD_OPTION_LISTEN_SOCKET, listener,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)WRIT_HTTP_CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WRIT_HTTP_HEAD_MAX,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
	    MHD_OPTION_URI_LOG_CALLBACK, on_request_line, h,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
	if (!h->daemon)
		return writ_fail(err, WRIT_IO, "HTTP: the listening socket "
		    "cannot be served");
	h->daemon_epoll = MHD_get_daemon_info(h->daemon,
	    MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	*out = writ_steal(&h);
	return WRIT_OK;
}

void
writ_mcp_http_free(struct writ_mcp_http *h)
{
	struct conn *c;

	if (!h)
		return;
	for (c = h->conns; c; c = c->next)
		cut(c);
	if (h->m)
		writ_http_sessions_release(&h->sessions);
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	if (h->epoll >= 0)
		close(h->epoll);
	writ_mem_free(h);
}
