/* test_sock.c - a worker's sockets, against a peer that plays the broker, honest or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "wire/sock.h"
#include "worker/worker.h"

static struct writ_worker w;
static struct writ_guest other;
static struct writ_sock_port port;
static struct writ_conn broker;		/* its end of the last pair */
static struct writ_sock_msg said;	/* last, and how it was called */
static uint32_t said_id;
static unsigned said_count, closes, done_count, fired;

void
writ_worker_send(struct writ_worker *worker, enum writ_wire_type type,
    uint32_t id, struct writ_str body)
{
	assert_int_equal(type, WRIT_MSG_SOCK);
	assert_int_equal(writ_sock_msg_get(body, &said), WRIT_OK);
	said_id = id;
	said_count++;
	closes += said.what == WRIT_SOCK_MSG_CLOSE;
}

bool
writ_worker_flooded(struct writ_guest *g)
{
	return false;
}

static void
on_fire(struct writ_wake *wake)
{
	fired++;
}

static void
on_done(struct writ_op *op)
{
	done_count++;
}

static struct writ_wake wake = { on_fire };

static int
setup(void **state)
{
	memset(&w, 0, sizeof(w));
	memset(&other, 0, sizeof(other));
	w.first.worker = other.worker = &w;
	w.setup.sockets = true;
	writ_buf_init(&w.scratch, WRIT_WIRE_MSG_MAX);
	port = writ_worker_sock_port(&w.first);
	broker.fd = -1;
	said_count = closes = done_count = fired = 0;
	return 0;
}

static int
teardown(void **state)
{
	writ_worker_sock_leave(&w.first);
	writ_worker_sock_leave(&other);
	writ_conn_release(&broker);
	writ_mem_free(w.socks);
	writ_buf_release(&w.scratch);
	return 0;
}

static uint64_t
create(bool udp)
{
	uint64_t sock = 0;

	assert_int_equal(port.create(port.ctx, udp, false, &sock), WRIT_OK);
	assert_true(sock != 0);
	assert_int_equal(said.what, WRIT_SOCK_MSG_CREATE);
	assert_int_equal(said_id, WRIT_SOCK_NO_REPLY);
	return sock;
}

static void
start(struct writ_sock_call *call, enum writ_sock_op what, uint64_t sock)
{
	memset(call, 0, sizeof(*call));
	call->op.done = on_done;
	call->what = what;
	call->sock = sock;
	assert_int_equal(port.start(port.ctx, call), WRIT_PENDING);
}

static enum writ_status
answer_as(uint32_t id, const struct writ_sock_reply *r, int fd)
{
	struct writ_msg m = { writ_wire_row(WRIT_MSG_SOCK_REPLY), id, { "", 0 },
		fd };
	enum writ_status st;
	struct writ_buf b;

	writ_buf_init(&b, 2048);
	writ_sock_reply_put(&b, r);
	m.body = writ_buf_view(&b);
	st = writ_worker_sock_reply(&w, &m);
	writ_buf_release(&b);
	writ_closep(&m.fd);
	return st;
}

static int
pair(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
	writ_conn_release(&broker);
	writ_conn_adopt(&broker, fds[0], &writ_wire_sock, WRIT_SIDE_BROKER);
	broker.state = WRIT_STATE_RUNNING;
	return fds[1];
}

static const struct writ_sock_reply fine = { .failed = false };

/* A connected socket. */
static uint64_t
connected(void)
{
	struct writ_sock_call call;
	uint64_t sock = create(false);

	start(&call, WRIT_SOCK_CONNECT, sock);
	assert_int_equal(answer_as(said_id, &fine, pair()), WRIT_OK);
	assert_int_equal(call.op.status, WRIT_OK);
	return sock;
}

static void
say(enum writ_sock_stream_type type, struct writ_str body)
{
	assert_int_equal(writ_conn_send(&broker, type, 0, body, -1), WRIT_OK);
	assert_int_equal(writ_conn_flush(&broker), WRIT_OK);
}

static struct writ_msg
heard(void)
{
	struct writ_msg m;

	/* a long one comes in pieces */
	while (writ_conn_next(&broker, &m, NULL) != WRIT_OK)
		assert_int_equal(writ_conn_fill(&broker), WRIT_OK);
	return m;
}

static enum writ_status
read_some(uint64_t sock, char *p, size_t cap, size_t *n,
    enum writ_sock_error *e)
{
	return port.read(port.ctx, sock, (uint8_t *)p, cap, n, e, &wake);
}

static void
turn(void)
{
	assert_int_equal(writ_watches_wait(&w.watches, -1, 0, 0), WRIT_OK);
	writ_watches_tell(&w.watches);
}

/* ---- tests */

static void
test_sock__nothing_is_asked_without_a_grant(void **state)
{
	struct writ_sock_call call = { .what = WRIT_SOCK_RESOLVE };
	uint64_t sock = 0;

	w.setup.sockets = false;
	assert_int_equal(port.create(port.ctx, false, false, &sock),
	    WRIT_DENIED);
	assert_int_equal(port.start(port.ctx, &call), WRIT_DENIED);
	assert_int_equal(said_count, 0);
}

static void
test_sock__bytes_are_read_as_they_come(void **state)
{
	uint64_t sock = connected();
	enum writ_sock_error e;
	char p[8];
	size_t n;

	assert_int_equal(read_some(sock, p, 2, &n, &e), WRIT_AGAIN);
	assert_true(writ_worker_sock_awaits(&w.first));
	turn();
	assert_int_equal(fired, 0);
	say(WRIT_S_DATA, WRIT_STR("abc"));
	say(WRIT_S_END, WRIT_STR(""));
	turn();
	assert_int_equal(fired, 1);
	assert_false(writ_worker_sock_awaits(&w.first));
	turn();			/* nobody waits any more */
	assert_int_equal(fired, 1);
	assert_int_equal(read_some(sock, p, 2, &n, &e), WRIT_OK);
	assert_int_equal(n, 2);
	assert_memory_equal(p, "ab", 2);
	assert_int_equal(read_some(sock, p, 8, &n, &e), WRIT_OK);
	assert_int_equal(n, 1);
	assert_int_equal(read_some(sock, p, 8, &n, &e), WRIT_CLOSED);
	assert_int_equal(read_some(sock, p, 8, &n, &e), WRIT_CLOSED);
}

static void
test_sock__a_fault_is_told_behind_what_came_before_it(void **state)
{
	uint64_t sock = connected();
	uint8_t raw = WRIT_SOCK_TIMEOUT;
	enum writ_sock_error e;
	char p[8];
	size_t n;

	say(WRIT_S_DATA, WRIT_STR("x"));
	say(WRIT_S_FAULT, writ_str((const char *)&raw, 1));
	assert_int_equal(read_some(sock, p, 8, &n, &e), WRIT_OK);
	assert_int_equal(read_some(sock, p, 8, &n, &e), WRIT_IO);
	assert_int_equal(e, WRIT_SOCK_TIMEOUT);
	assert_int_equal(port.room(port.ctx, sock, &n, &e, &wake), WRIT_IO);
}

static void
test_sock__a_pair_that_ends_early_is_a_reset(void **state)
{
	uint64_t sock = connected();
	enum writ_sock_error e;
	char p[8];
	size_t n;

	writ_conn_release(&broker);
	assert_int_equal(read_some(sock, p, 8, &n, &e), WRIT_IO);
	assert_int_equal(e, WRIT_SOCK_CONNECTION_RESET);
	assert_int_equal(port.write(port.ctx, sock, (const uint8_t *)"x", 1),
	    WRIT_CLOSED);
}

static void
test_sock__no_more_is_written_than_is_taken(void **state)
{
	static uint8_t bytes[WRIT_FS_IO_MAX];
	uint64_t sock = connected();
	enum writ_sock_error e;
	size_t n, sent = 0, got = 0;
	struct writ_msg m;

	while (port.room(port.ctx, sock, &n, &e, &wake) == WRIT_OK) {
		assert_true(n <= sizeof(bytes));
		assert_int_equal(port.write(port.ctx, sock, bytes, n), WRIT_OK);
		sent += n;
		assert_true(sent < 4 * WRIT_MIB);
	}
	assert_int_equal(port.flush(port.ctx, sock, &e, &wake), WRIT_AGAIN);
	assert_int_equal(fired, 0);
	while (got < sent) {
		m = heard();
		assert_int_equal(m.row->type, WRIT_S_DATA);
		got += m.body.len;
		turn();
	}
	assert_true(fired > 0);
	assert_int_equal(port.flush(port.ctx, sock, &e, &wake), WRIT_OK);
	port.shutdown(port.ctx, sock, WRIT_SOCK_OUT | WRIT_SOCK_IN);
	assert_int_equal(heard().row->type, WRIT_S_DEAF);
	assert_int_equal(heard().row->type, WRIT_S_END);
	assert_int_equal(port.room(port.ctx, sock, &n, &e, &wake),
	    WRIT_CLOSED);
}

static void
test_sock__datagrams_keep_their_bounds(void **state)
{
	static uint8_t bytes[WRIT_SOCK_GRAM_MAX];
	struct writ_sock_address a = { { 1, 2, 3 }, 53 }, from;
	uint64_t sock = create(true);
	struct writ_sock_call call;
	enum writ_sock_error e;
	struct writ_str body;
	struct writ_msg m;
	size_t n;

	start(&call, WRIT_SOCK_BIND, sock);
	assert_int_equal(answer_as(said_id, &fine, pair()), WRIT_OK);
	assert_int_equal(port.send_room(port.ctx, sock, &n, &wake), WRIT_OK);
	assert_int_equal(port.send(port.ctx, sock, &a, bytes, 0), WRIT_OK);
	assert_int_equal(port.send(port.ctx, sock, &a, bytes, sizeof(bytes)),
	    WRIT_OK);
	m = heard();
	assert_int_equal(writ_sock_gram_get(m.body, &from, &body), WRIT_OK);
	assert_int_equal(body.len, 0);
	assert_int_equal(from.port, 53);
	m = heard();
	assert_int_equal(m.body.len, WRIT_SOCK_GRAM_HEAD + sizeof(bytes));
	say(WRIT_S_GRAM, m.body);
	assert_int_equal(port.receive(port.ctx, sock, &from, bytes,
	    sizeof(bytes), &n, &e, &wake), WRIT_OK);
	assert_int_equal(n, sizeof(bytes));
	assert_memory_equal(from.ip, a.ip, 16);
	say(WRIT_S_DATA, WRIT_STR("not of UDP"));
	assert_int_equal(port.receive(port.ctx, sock, &from, bytes,
	    sizeof(bytes), &n, &e, &wake), WRIT_CLOSED);
}

static void
test_sock__replies_that_do_not_fit_end_the_conversation(void **state)
{
	struct writ_sock_call call;
	uint64_t sock = create(false);

	assert_int_equal(answer_as(0, &fine, -1), WRIT_PROTO);
	start(&call, WRIT_SOCK_CONNECT, sock);
	assert_int_equal(answer_as(said_id, &fine, -1), WRIT_PROTO);
	assert_int_equal(answer_as(said_id + 256, &fine, pair()), WRIT_PROTO);
	assert_int_equal(answer_as(said_id, &(struct writ_sock_reply){
	    .failed = true }, pair()), WRIT_PROTO);
	assert_int_equal(done_count, 0);
	assert_int_equal(answer_as(said_id, &fine, pair()), WRIT_OK);
	assert_int_equal(answer_as(said_id, &fine, pair()), WRIT_PROTO);
	start(&call, WRIT_SOCK_LISTEN, sock);
	assert_int_equal(answer_as(said_id, &fine, pair()), WRIT_PROTO);
	assert_int_equal(done_count, 1);
	assert_int_equal(answer_as(said_id, &fine, -1), WRIT_OK);
}

static void
test_sock__a_client_that_nobody_takes_is_closed(void **state)
{
	struct writ_sock_call call;
	uint64_t sock = create(false);
	uint32_t id;

	start(&call, WRIT_SOCK_ACCEPT, sock);
	assert_true(said.new_sock && said.new_sock != said.sock);
	id = said_id;
	port.close(port.ctx, sock);
	assert_int_equal(closes, 1);
	assert_int_equal(answer_as(id, &fine, pair()), WRIT_OK);
	assert_int_equal(closes, 2);
	assert_int_equal(call.op.status, WRIT_IO);
	assert_int_equal(done_count, 1);
}

static void
test_sock__sockets_and_requests_are_bounded(void **state)
{
	static struct writ_sock_call calls[WRIT_SOCK_CALLS_MAX], more;
	uint64_t sock = 0;
	unsigned i;

	for (i = 0; i < WRIT_SOCKS_MAX; i++)
		create(false);
	assert_int_equal(port.create(port.ctx, false, false, &sock),
	    WRIT_LIMIT);
	for (i = 0; i < WRIT_SOCK_CALLS_MAX; i++)
		start(&calls[i], WRIT_SOCK_RESOLVE, 0);
	assert_int_equal(port.start(port.ctx, &more), WRIT_IO);
	writ_worker_sock_leave(&w.first);
	assert_int_equal(closes, WRIT_SOCKS_MAX);
	assert_false(writ_worker_sock_awaits(&w.first));
	/* what was in flight still finishes */
	assert_int_equal(answer_as(0 | 1 << 8, &fine, -1), WRIT_OK);
	assert_int_equal(done_count, 1);
	create(false);
}

static void
test_sock__one_guest_does_not_wake_or_close_another(void **state)
{
	uint64_t sock = connected();
	enum writ_sock_error e;
	char p[8];
	size_t n;

	assert_int_equal(read_some(sock, p, 8, &n, &e), WRIT_AGAIN);
	writ_worker_sock_leave(&other);
	assert_int_equal(closes, 0);
	assert_false(writ_worker_sock_awaits(&other));
	writ_worker_sock_forget(&w.first, &wake);
	say(WRIT_S_DATA, WRIT_STR("x"));
	turn();
	assert_int_equal(fired, 0);
	assert_int_equal(read_some(sock, p, 8, &n, &e), WRIT_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_sock__##name, \
	setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_asked_without_a_grant),
		TEST(bytes_are_read_as_they_come),
		TEST(a_fault_is_told_behind_what_came_before_it),
		TEST(a_pair_that_ends_early_is_a_reset),
		TEST(no_more_is_written_than_is_taken),
		TEST(datagrams_keep_their_bounds),
		TEST(replies_that_do_not_fit_end_the_conversation),
		TEST(a_client_that_nobody_takes_is_closed),
		TEST(sockets_and_requests_are_bounded),
		TEST(one_guest_does_not_wake_or_close_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
