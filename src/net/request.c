#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"

#define WORDS_MAX WRIT_WIRE_MSG_MAX
#define UNSENT_LOW (64 * 1024)		/* towards the worker: curl goes on below it */
#define DIALS_MAX 3			/* sockets of one request */
#define REQUESTS_HELD_MAX (2 * WRIT_NET_REQUESTS_MAX) /* that run, or have not been read */

void
net_request_touch(struct net_request *r, enum net_phase phase)
{
	uint64_t ms = phase == NET_BODY ? r->s.between_ms :
	    phase == NET_WAITING ? r->s.first_byte_ms : r->s.connect_ms;

	/* Connecting has one time for all of it; what moves later has its own each time. */
	if (phase > NET_CONNECTING || r->phase < NET_DIALING)
		r->deadline_ns = net_now() + ms * 1000000;
	r->phase = phase;
}

void
net_request_fail(struct net_request *r, enum writ_http_code code)
{
	if (r->failed)
		return;
	r->failed = true;
	r->fault = (struct writ_http_fault){ code, false, 0 };
}

struct net_request *
net_request_find(struct net *n, uint32_t id)
{
	struct net_request *r;

	for (r = n->requests; r; r = r->next)
		if (r->id == id && r->phase != NET_ENDED)
			return r;
	return NULL;
}

/* ---- the end */

static void
tell_done(struct net_request *r)
{
	long status = 0;
	struct writ_net_done done = { .failed = r->failed, .fault = r->fault,
		.up = r->up, .down = r->down };
	writ_auto_release(writ_buf) b;

	if (r->easy)
		curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	done.status = r->head_done && status > 0 ? (uint32_t)status : 0;
	done.sent = r->tries > 0;
	writ_buf_init(&b, 64);
	writ_net_done_put(&b, &done);
	net_say(r->net, WRIT_NET_DONE, r->id, writ_buf_view(&b));
}

static void
tell_fault(struct net_request *r)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 64);
	writ_fault_put(&b, &r->fault);
	if (writ_conn_send(&r->x, WRIT_X_FAULT, 0, writ_buf_view(&b), -1) !=
	    WRIT_OK)
		r->gone = true;
}

/* What is left is to reach the worker; then it is freed (net_requests_tick). */
void
net_request_end(struct net_request *r, const struct writ_http_fault *fault)
{
	if (r->phase == NET_ENDED)
		return;
	if (fault && !r->failed) {
		r->failed = true;
		r->fault = *fault;
	}
	/* A request that was cut after its answer: the answer stands. */
	if (r->end_told)
		r->failed = false;
	tell_done(r);
	if (r->easy) {
		if (r->phase >= NET_CONNECTING)
			net_pool_remove(r);
		curl_easy_cleanup(r->easy);
		r->easy = NULL;
	}
	if (r->pool)
		net_pool_leave(r);
	writ_closep(&r->fd);
	if (r->failed && !r->gone)
		tell_fault(r);
	/* What is left to be read, the worker may read as long as it is there. */
	r->phase = NET_ENDED;
	r->deadline_ns = UINT64_MAX;
	if (writ_conn_flush(&r->x) == WRIT_CLOSED)
		r->gone = true;
	net_watch(r->net, &r->watch, writ_conn_unsent(&r->x) && !r->gone ?
	    EPOLLOUT : 0);
}

static void
release(struct net_request *r)
{
	net_watch(r->net, &r->watch, 0);
	net_send_forget(r);
	curl_slist_free_all(r->trailers);
	curl_slist_free_all(r->resolve);
	net_scrub_release(&r->scrub);
	writ_buf_release(&r->words);
	writ_buf_release(&r->held);
	writ_buf_release(&r->head_bytes);
	writ_buf_release(&r->out_fields);
	writ_conn_release(&r->x);
	writ_closep(&r->fd);
	r->net->requests_count--;
	writ_mem_free(r);
}

/* ---- connecting */

static void
dial(struct net_request *r)
{
	if (r->dials++ == DIALS_MAX) {
		net_request_end(r, &(struct writ_http_fault){
			WRIT_HTTP_CONNECTION_TERMINATED, false, 0 });
		return;
	}
	net_request_touch(r, NET_DIALING);
	net_say(r->net, WRIT_NET_DIAL, r->id, WRIT_STR(""));
}

/* Headers of curl's easy handle are made once; what it learned of a failed try goes. */
static void
hand_over(struct net_request *r)
{
	r->wants_socket = false;
	net_request_touch(r, NET_CONNECTING);
	if (net_pool_add(r))
		return;
	r->phase = NET_DIALING;
	net_request_end(r, &(struct writ_http_fault){
		WRIT_HTTP_INTERNAL_ERROR, false, 0 });
}

static void
connect_it(struct net_request *r)
{
	if (net_pool_has_idle(r->pool))
		hand_over(r);
	else
		dial(r);
}

void
net_request_dialed(struct net_request *r, int *fd)
{
	if (r->phase != NET_DIALING || r->fd >= 0)
		return;
	r->fd = *fd;
	*fd = -1;
	/* A connection of its own, not one that may just be closing. */
	curl_easy_setopt(r->easy, CURLOPT_FRESH_CONNECT, r->pool->h2 ? 0L : 1L);
	hand_over(r);
}

bool
net_request_may_repeat(const struct net_request *r)
{
	return !r->s.has_body && (writ_str_is(r->s.method, "GET") ||
	    writ_str_is(r->s.method, "HEAD"));
}

/* Nothing of the request has left, or it changes nothing: it may have another socket. */
static bool
may_try_again(struct net_request *r)
{
	if (!r->wants_socket || r->head_done || r->head_bytes.len || r->up)
		return false;
	return r->tries == 0 || net_request_may_repeat(r);
}

void
net_request_done(struct net_request *r, CURLcode code)
{
	if (code == CURLE_OK && !r->failed && net_response_end(r)) {
		net_request_end(r, NULL);
		return;
	}
	if (!r->failed && may_try_again(r)) {
		net_pool_remove(r);
		r->phase = NET_DIALING;
		r->read_paused = r->write_paused = false;
		dial(r);
		return;
	}
	if (!r->failed) {
		r->fault = net_tls_fault(r, code);
		r->failed = true;
	}
	net_request_end(r, NULL);
}

/* ---- the exchange */

static void
hold(struct net_request *r)
{
	writ_auto_release(writ_buf) operation, b;
	enum writ_status st;

	writ_buf_init(&operation, 512);
	writ_buf_init(&b, 512);
	st = net_send_operation(r, &operation);
	if (st == WRIT_AGAIN) {
		net_watch(r->net, &r->watch, EPOLLIN);
		return;
	}
	if (st != WRIT_OK) {
		net_request_fail(r, WRIT_HTTP_REQUEST_DENIED);
		net_request_end(r, NULL);
		return;
	}
	net_watch(r->net, &r->watch, 0);
	if (!r->s.operation_field.len) {
		connect_it(r);
		return;
	}
	writ_wire_put_str(&b, writ_buf_view(&operation));
	r->phase = NET_ASKED;
	net_say(r->net, WRIT_NET_OPERATION, r->id, writ_buf_view(&b));
}

void
net_request_go(struct net_request *r)
{
	if (r->phase == NET_ASKED)
		connect_it(r);
}

/* What epoll should tell of the exchange: room when there is something to send, bytes when curl
 * waits for them; that the worker is gone it tells always. */
static void
watch_exchange(struct net_request *r)
{
	uint32_t events = 0;

	if (r->phase == NET_ENDED)
		return;
	if (writ_conn_unsent(&r->x))
		events |= EPOLLOUT;
	if (r->read_paused || r->phase == NET_HOLDING)
		events |= EPOLLIN;
	net_watch(r->net, &r->watch, events | EPOLLRDHUP);
}

static size_t
unsent(const struct net_request *r)
{
	return r->x.out.len - r->x.out_pos;
}

static void
unpause(struct net_request *r)
{
	r->read_paused = r->write_paused = false;
	net_request_touch(r, r->phase);
	(void)curl_easy_pause(r->easy, CURLPAUSE_CONT);
	r->pool->due_ns = 0;		/* curl looks at it at once */
}

static void
on_exchange(struct net *n, struct net_watch *w, uint32_t events)
{
	struct net_request *r = (struct net_request *)(void *)w;

	if (events & EPOLLOUT && writ_conn_flush(&r->x) == WRIT_CLOSED)
		r->gone = true;
	if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		r->gone = true;
	if (r->phase == NET_ENDED)
		return;
	if (r->gone) {
		net_request_end(r, &(struct writ_http_fault){
			WRIT_HTTP_CONNECTION_TERMINATED, false, 0 });
		return;
	}
	if (r->phase == NET_HOLDING)
		hold(r);
	else if (r->phase >= NET_CONNECTING && ((events & EPOLLIN &&
	    r->read_paused) || (r->write_paused && unsent(r) < UNSENT_LOW)))
		unpause(r);
}

/* ---- the beginning */

static void
begin(struct net_request *r)
{
	/* An origin may give back later, without a credential, what it was given with one. */
	bool scrub = r->net->has_secrets && (r->s.scrub ||
	    r->s.credential_name.len == 0);
	bool ok = net_scrub_init(&r->scrub, r->net, scrub);

	writ_buf_init(&r->held, WRIT_HTTP_OPERATION_BODY_MAX);
	r->pool = net_pool_get(r->net, r->s.pool);
	r->phase = NET_HOLDING;
	r->out_ended = !r->s.has_body;
	r->deadline_ns = UINT64_MAX;	/* the guest takes its time */
	if (!ok || !r->pool || !net_send_prepare(r)) {
		net_request_fail(r, WRIT_HTTP_INTERNAL_ERROR);
		net_request_end(r, NULL);
		return;
	}
	/* A body of 0 bytes is none that curl would ask for: its END comes first. */
	if (r->s.operation_field.len || (r->s.has_body && r->s.has_length &&
	    r->s.length == 0))
		hold(r);
	else
		connect_it(r);
}

/* Workers that do not read what they asked for hold all places. */
static void
refuse(struct net *n, uint32_t id)
{
	struct writ_net_done done = { .failed = true,
		.fault.code = WRIT_HTTP_CONNECTION_LIMIT_REACHED };
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 64);
	writ_net_done_put(&b, &done);
	net_say(n, WRIT_NET_DONE, id, writ_buf_view(&b));
}

/* Times that no clock overflows on; none is 0. */
static void
clamp(uint64_t *ms)
{
	const uint64_t most = 24 * 3600 * 1000;

	*ms = *ms == 0 ? 1 : *ms > most ? most : *ms;
}

enum writ_status
net_request_start(struct net *n, uint32_t id, struct writ_str body, int *fd)
{
	struct net_request *r;

	if (*fd < 0 || net_request_find(n, id))
		return WRIT_PROTO;
	if (n->requests_count >= REQUESTS_HELD_MAX) {
		refuse(n, id);
		return WRIT_OK;
	}
	r = writ_alloc(1, sizeof(*r));
	if (!r)
		return WRIT_NOMEM;
	writ_conn_adopt(&r->x, *fd, &writ_wire_exchange, WRIT_SIDE_NET);
	r->x.state = WRIT_STATE_RUNNING;
	r->watch = (struct net_watch){ on_exchange, *fd, 0, false };
	*fd = r->fd = -1;
	r->net = n;
	r->id = id;
	r->next = n->requests;
	n->requests = r;
	n->requests_count++;
	writ_buf_init(&r->words, WORDS_MAX);
	writ_buf_str(&r->words, body);
	if (writ_buf_status(&r->words) != WRIT_OK)
		return WRIT_NOMEM;
	if (writ_net_send_get(writ_buf_view(&r->words), r->fields, &r->s) !=
	    WRIT_OK)
		return WRIT_PROTO;
	clamp(&r->s.connect_ms);
	clamp(&r->s.first_byte_ms);
	clamp(&r->s.between_ms);
	begin(r);
	return WRIT_OK;
}

/* ---- time */

static void
late(struct net_request *r)
{
	static const enum writ_http_code codes[] = {
		[NET_HOLDING] = WRIT_HTTP_CONNECTION_READ_TIMEOUT,
		[NET_ASKED] = WRIT_HTTP_CONNECTION_READ_TIMEOUT,
		[NET_DIALING] = WRIT_HTTP_CONNECTION_TIMEOUT,
		[NET_CONNECTING] = WRIT_HTTP_CONNECTION_TIMEOUT,
		[NET_WAITING] = WRIT_HTTP_CONNECTION_READ_TIMEOUT,
		[NET_BODY] = WRIT_HTTP_CONNECTION_READ_TIMEOUT,
	};

	/* It takes nothing of the body, or it answers nothing. */
	net_request_fail(r, r->phase == NET_WAITING && r->s.has_body &&
	    !r->out_ended ? WRIT_HTTP_CONNECTION_WRITE_TIMEOUT :
	    codes[r->phase]);
	net_request_end(r, NULL);
}

static void
look(struct net_request *r, uint64_t now)
{
	if (writ_conn_flush(&r->x) == WRIT_CLOSED)
		r->gone = true;
	if (r->write_paused && unsent(r) < UNSENT_LOW)
		unpause(r);
	if (r->deadline_ns > now)
		return;
	/* A worker that does not read or write has all the time of its call. */
	if (r->write_paused || r->read_paused)
		net_request_touch(r, r->phase);
	else
		late(r);
}

void
net_requests_tick(struct net *n)
{
	uint64_t now = net_now();
	struct net_request **at = &n->requests, *r;

	while ((r = *at)) {
		if (r->phase != NET_ENDED) {
			look(r, now);
			watch_exchange(r);
		}
		if (r->phase == NET_ENDED && (r->gone ||
		    !writ_conn_unsent(&r->x) || r->deadline_ns <= now)) {
			*at = r->next;
			release(r);
		} else {
			at = &r->next;
		}
	}
}

uint64_t
net_requests_due(const struct net *n)
{
	const struct net_request *r;
	uint64_t due = UINT64_MAX;

	for (r = n->requests; r; r = r->next)
		if (r->deadline_ns < due)
			due = r->deadline_ns;
	return due;
}
