#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "worker/serve.h"

#define OUT_BUF_MAX (256 * 1024)	/* an answer's head and trailers, and a body's window */
#define KEEP_OUT (2 * WRIT_SERVE_OUT_MAX)

static size_t
unsent(const struct writ_serve_conn *c)
{
	return c->out.len - c->out_pos;
}

static size_t
unread(const struct writ_serve_conn *c)
{
	return c->in_len - c->in_pos;
}

/* ---- its end */

void
writ_serve_conn_drop(struct writ_serve_conn *c)
{
	struct writ_serve *s = c->serve;
	struct linger reset = { 1, 0 };

	if (c->phase == WRIT_SERVE_WAITING)
		writ_serve_unqueue(s, c);
	/* an answer whose end is the connection's: only a reset tells that it was cut */
	if (c->cut && c->reset)
		(void)setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
	writ_watch_remove(&s->worker->watches, &c->watch);
	close(c->watch.fd);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	writ_buf_release(&c->out);
	writ_buf_release(&c->trailers);
	writ_mem_free(c);
	s->conns_count--;
}

/* The client does not listen any more. */
static void
gone(struct writ_serve_conn *c)
{
	if (c->phase == WRIT_SERVE_RUNNING)
		writ_served_abandon(c->served);
	else
		writ_serve_conn_drop(c);
}

/* ---- what leaves */

bool
writ_serve_conn_flush(struct writ_serve_conn *c)
{
	while (unsent(c)) {
		ssize_t n = send(c->watch.fd, c->out.ptr + c->out_pos,
		    unsent(c), MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!c->blocked)
				c->since_ns = c->serve->now_ns;
			c->blocked = true;
			if (c->out_pos >= WRIT_SERVE_OUT_MAX) {
				writ_buf_consume(&c->out, c->out_pos);
				c->out_pos = 0;
			}
			return true;
		}
		if (n < 0) {
			gone(c);
			return false;
		}
		c->out_pos += (size_t)n;
		c->since_ns = c->serve->now_ns;
	}
	c->blocked = false;
	c->out_pos = 0;
	if (c->out.cap > KEEP_OUT)
		writ_buf_release(&c->out);
	else
		writ_buf_reset(&c->out);
	if (c->phase == WRIT_SERVE_RUNNING)
		writ_served_room(c->served);
	return true;
}

/* All that was queued has left: the client may still be sending, and a close would take what it
 * has not read from it. */
static void
linger(struct writ_serve_conn *c)
{
	if (c->cut || shutdown(c->watch.fd, SHUT_WR)) {
		writ_serve_conn_drop(c);
		return;
	}
	c->phase = WRIT_SERVE_LINGERING;
	c->since_ns = c->serve->now_ns;
	c->thrown = 0;
	writ_serve_conn_events(c);
}

static void
leave(struct writ_serve_conn *c)
{
	c->phase = WRIT_SERVE_LEAVING;
	if (!writ_serve_conn_flush(c))
		return;
	if (unsent(c))
		writ_serve_conn_events(c);
	else
		linger(c);
}

void
writ_serve_conn_refuse(struct writ_serve_conn *c, unsigned status)
{
	c->close = true;
	writ_serve_answer_plain(c, status);
	leave(c);
}

/* ---- what comes */

enum writ_status
writ_serve_conn_fill(struct writ_serve_conn *c)
{
	ssize_t n;

	if (c->in_pos == c->in_len) {
		c->in_pos = c->in_len = 0;
	} else if (c->in_len == WRIT_SERVE_IN_MAX) {
		if (c->in_pos == 0)
			return WRIT_LIMIT;
		memmove(c->in, c->in + c->in_pos, unread(c));
		c->in_len -= c->in_pos;
		c->in_pos = 0;
	}
	do {
		n = recv(c->watch.fd, c->in + c->in_len,
		    WRIT_SERVE_IN_MAX - c->in_len, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return WRIT_AGAIN;
	if (n <= 0)
		return WRIT_CLOSED;
	/* a head has one time for all of it, however it drips */
	if (c->phase != WRIT_SERVE_READING || c->in_len == 0)
		c->since_ns = c->serve->now_ns;
	c->in_len += (size_t)n;
	return WRIT_OK;
}

static void
malformed(struct writ_serve_conn *c, unsigned status)
{
	c->serve->counts.malformed++;
	writ_serve_conn_refuse(c, status);
}

static void
read_head(struct writ_serve_conn *c)
{
	enum writ_status st;
	unsigned status;

	st = writ_serve_scan(&c->scan, c->in + c->in_pos, unread(c), 2,
	    &c->head_size);
	if (st == WRIT_AGAIN)
		return;
	c->to_head = false;
	if (st != WRIT_OK) {
		malformed(c, st == WRIT_LIMIT ? 431 : 400);
		return;
	}
	status = writ_serve_head_read(c->in + c->in_pos, c->head_size,
	    &c->head);
	if (status) {
		malformed(c, status);
		return;
	}
	c->in_pos += c->head_size;
	c->to_head = writ_str_is(c->head.request.method, "HEAD");
	c->close = c->head.close || c->serve->draining;
	c->cut = c->reset = false;
	c->ready.len = 0;
	writ_buf_reset(&c->trailers);
	writ_serve_body_init(&c->body, &c->head);
	writ_serve_request(c->serve, c);
}

/* What the guest left of its request's body, if it is here already. */
static bool
body_is_over(struct writ_serve_conn *c)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_MAX];
	enum writ_status st;
	struct writ_str data;
	size_t used, count;

	do {
		st = writ_serve_body_take(&c->body, c->in + c->in_pos,
		    unread(c), &used, &data);
		c->in_pos += used;
	} while (st == WRIT_OK);
	return st == WRIT_CLOSED && (!data.len || !writ_serve_trailers_read(
	    c->in + c->in_pos - data.len, data.len, fields, &count));
}

/* The next request begins when the client has taken the answer to the last. */
static void
go_on(struct writ_serve_conn *c)
{
	if (!writ_serve_conn_flush(c))
		return;
	if (!unsent(c) && unread(c)) {
		c->since_ns = c->serve->now_ns;
		read_head(c);
		return;
	}
	writ_serve_conn_events(c);
}

void
writ_serve_conn_next(struct writ_serve_conn *c)
{
	bool over = body_is_over(c);

	c->served = NULL;
	if (c->cut || c->close || !over || c->serve->draining) {
		leave(c);
		return;
	}
	c->phase = WRIT_SERVE_READING;
	c->since_ns = c->serve->now_ns;
	memset(&c->scan, 0, sizeof(c->scan));
	go_on(c);
}

/* ---- events */

void
writ_serve_conn_events(struct writ_serve_conn *c)
{
	short events = POLLRDHUP;

	switch (c->phase) {
	case WRIT_SERVE_READING:
		events |= unsent(c) ? POLLOUT : POLLIN;
		break;
	case WRIT_SERVE_WAITING:
		break;
	case WRIT_SERVE_RUNNING:
		if (c->served->read_wake)
			events |= POLLIN;
		if (c->blocked)
			events |= POLLOUT;
		break;
	case WRIT_SERVE_LEAVING:
		events = POLLOUT;
		break;
	case WRIT_SERVE_LINGERING:
		events = POLLIN;
		break;
	}
	if ((events & ~c->watch.events & POLLIN) &&
	    c->phase == WRIT_SERVE_RUNNING)
		c->since_ns = c->serve->now_ns;
	writ_watch_events(&c->serve->worker->watches, &c->watch, events);
}

static void
throw_away(struct writ_serve_conn *c)
{
	ssize_t n = recv(c->watch.fd, c->in, sizeof(c->in), 0);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	c->thrown += n > 0 ? (size_t)n : 0;
	if (n <= 0 || c->thrown > WRIT_SERVE_LINGER_MAX)
		writ_serve_conn_drop(c);
}

static void
on_reading(struct writ_serve_conn *c, short revents)
{
	enum writ_status st;

	if (unsent(c)) {
		/* it neither takes the last answer nor asks again */
		if (revents & (POLLRDHUP | POLLHUP | POLLERR))
			gone(c);
		else
			go_on(c);
		return;
	}
	st = writ_serve_conn_fill(c);
	if (st == WRIT_OK)
		read_head(c);
	else if (st != WRIT_AGAIN)
		writ_serve_conn_drop(c);
}

static void
on_running(struct writ_serve_conn *c, short revents)
{
	if (revents & (POLLRDHUP | POLLHUP | POLLERR)) {
		gone(c);
		return;
	}
	/* what it waits for is settled again when it has run */
	if ((revents & POLLIN) && !c->served->read_wake)
		writ_serve_conn_events(c);
	else if (revents & POLLIN)
		writ_served_readable(c->served);
	if ((revents & POLLOUT) && writ_serve_conn_flush(c))
		writ_serve_conn_events(c);
}

static void
on_ready(struct writ_watch *watch, short revents)
{
	struct writ_serve_conn *c = (struct writ_serve_conn *)(void *)
	    ((char *)watch - offsetof(struct writ_serve_conn, watch));

	switch (c->phase) {
	case WRIT_SERVE_READING:
		on_reading(c, revents);
		break;
	case WRIT_SERVE_WAITING:
		if (revents & (POLLRDHUP | POLLHUP | POLLERR))
			gone(c);
		break;
	case WRIT_SERVE_RUNNING:
		on_running(c, revents);
		break;
	case WRIT_SERVE_LEAVING:
		leave(c);
		break;
	case WRIT_SERVE_LINGERING:
		throw_away(c);
		break;
	}
}

/* The one that has said nothing for longest makes room: those who only hold connections do not
 * keep others out. */
static bool
make_room(struct writ_serve *s)
{
	struct writ_serve_conn *c, *quiet = NULL;

	for (c = s->conns; c; c = c->next)
		if (c->phase == WRIT_SERVE_READING && (!quiet ||
		    c->since_ns < quiet->since_ns))
			quiet = c;
	if (!quiet || s->now_ns - quiet->since_ns < WRIT_SERVE_QUIET_MS *
	    1000000ull)
		return false;
	writ_serve_conn_drop(quiet);
	return true;
}

void
writ_serve_accept(struct writ_serve *s)
{
	struct writ_serve_conn *c;
	int fd;

	if (s->conns_count >= WRIT_SERVE_CONNECTIONS_MAX && !make_room(s)) {
		writ_watch_remove(&s->worker->watches, &s->listener);
		return;
	}
	fd = accept4(s->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	c = fd < 0 ? NULL : writ_alloc(1, sizeof(*c));
	if (!c) {
		/* no fds or no memory: not again before the next sweep */
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR &&
		    errno != ECONNABORTED))
			writ_watch_remove(&s->worker->watches, &s->listener);
		writ_closep(&fd);
		return;
	}
	c->serve = s;
	c->watch.fd = fd;
	c->watch.events = POLLIN | POLLRDHUP;
	c->watch.ready = on_ready;
	c->since_ns = s->now_ns;
	writ_buf_init(&c->out, OUT_BUF_MAX);
	writ_buf_init(&c->trailers, WRIT_HTTP_HEAD_MAX);
	if (writ_watch_add(&s->worker->watches, &c->watch) != WRIT_OK) {
		close(fd);
		writ_mem_free(c);
		return;
	}
	c->next = s->conns;
	if (s->conns)
		s->conns->prev = c;
	s->conns = c;
	s->conns_count++;
}

/* ---- time */

/* Milliseconds that what it does now may take; 0: any. */
static uint64_t
allowed_ms(const struct writ_serve_conn *c)
{
	switch (c->phase) {
	case WRIT_SERVE_READING:
		if (unsent(c))
			return WRIT_SERVE_STALL_MS;
		return unread(c) || !c->head_size ? WRIT_SERVE_HEAD_MS :
		    WRIT_SERVE_IDLE_MS_HTTP;
	case WRIT_SERVE_WAITING:
		return WRIT_SERVE_WAIT_MS;
	case WRIT_SERVE_RUNNING:
		return c->blocked || c->served->read_wake ?
		    WRIT_SERVE_STALL_MS : 0;
	case WRIT_SERVE_LEAVING:
		return WRIT_SERVE_STALL_MS;
	case WRIT_SERVE_LINGERING:
		return WRIT_SERVE_LINGER_MS;
	}
	return 0;
}

static void
too_late(struct writ_serve_conn *c)
{
	if (c->phase == WRIT_SERVE_WAITING) {
		writ_serve_unqueue(c->serve, c);
		c->serve->counts.busy++;
		writ_serve_conn_refuse(c, 503);
	} else if (c->phase == WRIT_SERVE_READING && unread(c) && !unsent(c)) {
		malformed(c, 408);
	} else {
		gone(c);
	}
}

static void
listen_again(struct writ_serve *s)
{
	if (s->sealed && !s->draining && !s->listener.added &&
	    s->conns_count < WRIT_SERVE_CONNECTIONS_MAX &&
	    writ_watch_add(&s->worker->watches, &s->listener) != WRIT_OK)
		s->worker->broken = true;
}

void
writ_serve_sweep(struct writ_serve *s)
{
	struct writ_serve_conn *c, *next;
	uint64_t ms;

	listen_again(s);

	for (c = s->conns; c; c = next) {
		next = c->next;
		ms = allowed_ms(c);
		if (ms && s->now_ns > c->since_ns &&
		    s->now_ns - c->since_ns > ms * 1000000)
			too_late(c);
	}
}

void
writ_serve_conns_leave(struct writ_serve *s)
{
	struct writ_serve_conn *c, *next;

	for (c = s->conns; c; c = next) {
		next = c->next;
		if (c->phase == WRIT_SERVE_READING && !unread(c) && !unsent(c))
			writ_serve_conn_drop(c);
	}
}
