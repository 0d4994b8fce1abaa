/* test_serve.c - a serving worker from its clients' side, with guests of fake_engine.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "fake_engine.h"
#include "worker/serve.h"

#define GUESTS 4
#define ANSWER_MAX (32u * 1024 * 1024)

/* The rest of a worker. */
static struct writ_worker w;
static unsigned done_count, rows_count, malformed_count, busy_count;
static struct writ_served_row last_row;
static struct sockaddr_in where;
static struct writ_buf got;		/* the answer last received */

void
writ_worker_send(struct writ_worker *worker, enum writ_wire_type type,
    uint32_t id, struct writ_str body)
{
	struct writ_wire_in in = writ_wire_in(body);
	struct writ_serving s;

	done_count += type == WRIT_MSG_DONE;
	if (type != WRIT_MSG_SERVED)
		return;
	assert_true(body.len <= writ_wire_row(type)->max);
	writ_serving_get(&in, &s);
	malformed_count += s.malformed;
	busy_count += s.busy;
	for (; in.len && !in.bad; rows_count++)
		writ_served_get(&in, &last_row);
	assert_true(writ_wire_done(&in));
}

/* What a worker's loop does, until nothing happens for `ms`. */
static void
turn(int ms)
{
	uint64_t until = writ_clock_host_ns() + (uint64_t)ms * 1000000;

	do {
		int wait = writ_serve_wait_ms(w.serve);

		if (wait < 0 || wait > 5)
			wait = 5;
		assert_int_equal(writ_watches_wait(&w.watches, w.conn.fd,
		    POLLIN, wait), WRIT_OK);
		writ_serve_woke(w.serve);
		writ_watches_tell(&w.watches);
		writ_serve_step(w.serve);
	} while (writ_clock_host_ns() < until);
}

static int
setup(void **state)
{
	socklen_t len = sizeof(where);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int wire[2];

	memset(&w, 0, sizeof(w));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    wire), 0);
	w.conn.fd = wire[0];
	w.call_id = 1;
	w.done_fd = -1;
	w.setup = (struct writ_setup){ .time_ms = 2000, .cpu_ms = 100,
		.clock = 1, .memory_bytes = 1 << 20 };
	writ_buf_init(&w.scratch, WRIT_WIRE_MSG_MAX);
	memset(&where, 0, sizeof(where));
	where.sin_family = AF_INET;
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &len), 0);
	assert_int_equal(writ_serve_new(&w, fd, GUESTS, &w.serve, NULL),
	    WRIT_OK);
	assert_int_equal(writ_serve_begin(w.serve, NULL), WRIT_OK);
	writ_buf_init(&got, ANSWER_MAX);
	done_count = rows_count = malformed_count = busy_count = 0;
	fake_tasks_made = fake_tasks_most = 0;
	*state = (void *)(intptr_t)wire[1];
	return 0;
}

static int
teardown(void **state)
{
	writ_serve_drain(w.serve);
	while (w.serve->conns)
		writ_serve_conn_drop(w.serve->conns);
	w.serve->waiting = NULL;
	turn(0);
	assert_int_equal(fake_tasks, 0);
	writ_serve_free(w.serve);
	close(w.conn.fd);
	close((int)(intptr_t)*state);
	writ_buf_release(&w.scratch);
	writ_buf_release(&got);
	return 0;
}

/* ---- a client */

static int
client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof(where)),
	    0);
	return fd;
}

static void
say(int fd, const char *text)
{
	ssize_t n = (ssize_t)strlen(text);

	assert_int_equal(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
}

/* All that comes within `ms`; true when the server has closed. */
static bool
hear(int fd, int ms)
{
	uint64_t until = writ_clock_host_ns() + (uint64_t)ms * 1000000;
	char bytes[65536];
	ssize_t n;

	writ_buf_reset(&got);
	do {
		turn(0);
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0)
			writ_buf_add(&got, bytes, (size_t)n);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
	} while (writ_clock_host_ns() < until);
	return false;
}

static bool
has(const char *text)
{
	return got.len && memmem(got.ptr, got.len, text, strlen(text));
}

static void
assert_has(const char *text)
{
	if (!has(text))
		fail_msg("\"%.*s\" has no \"%s\"",
		    WRIT_STR_ARG(writ_buf_view(&got)), text);
}

/* On a new connection. */
static bool
ask(const char *text, int ms)
{
	int fd = client();
	bool closed;

	say(fd, text);
	closed = hear(fd, ms);
	close(fd);
	turn(20);
	return closed;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- answers */

static void
test_serve__a_request_is_answered(void **state)
{
	assert_false(ask("GET /hello HTTP/1.1\r\nHost: a:1\r\nX-A: b\r\n"
	    "Connection: keep-alive\r\n\r\n", 50));
	assert_has("HTTP/1.1 200 OK\r\nx-kind: hello\r\n");
	assert_has("\r\ntransfer-encoding: chunked\r\n");
	assert_has("\r\ndate: ");
	assert_has(" GMT\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
	assert_false(has("upgrade"));
	assert_string_equal(fake_seen, "GET a:1 /hello\nx-a: b\n");
	turn(150);
	assert_int_equal(rows_count, 1);
	assert_int_equal(last_row.status, 200);
	assert_int_equal(last_row.down, 5);
	assert_int_equal(last_row.outcome, WRIT_SERVED_OK);
}

static void
test_serve__a_connection_is_used_again_and_in_order(void **state)
{
	int fd = client();

	say(fd, GET("/hello") "POST /echo HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 3\r\n\r\nabc" GET("/none"));
	assert_false(hear(fd, 50));
	assert_has("hello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n");
	assert_has("abc\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n");
	assert_int_equal(fake_tasks_made, 3);
	assert_int_equal(fake_tasks_most, 1);
	close(fd);
}

static void
test_serve__bodies_and_trailers_go_both_ways(void **state)
{
	ask("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n4\r\nabcd\r\n3\r\nefg\r\n0\r\nX-Sum: 7\r\n\r\n", 50);
	assert_has("\r\n4\r\nabcd\r\n3\r\nefg\r\n0\r\nx-sum: 7\r\n\r\n");
}

static void
test_serve__a_body_arrives_as_it_is_sent(void **state)
{
	int fd = client();

	say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	    "Content-Length: 6\r\n\r\n");
	assert_false(hear(fd, 30));
	/* the guest answers before it reads: then nobody is asked */
	assert_has("HTTP/1.1 200 OK");
	assert_false(has("100 Continue"));
	say(fd, "abc");
	assert_false(hear(fd, 30));
	assert_has("3\r\nabc\r\n");
	say(fd, "def");
	assert_true(hear(fd, 30));
	assert_has("3\r\ndef\r\n0\r\n\r\n");
	close(fd);
}

static void
test_serve__old_clients_get_a_body_that_ends_with_the_connection(void **state)
{
	assert_true(ask("GET /hello HTTP/1.0\r\n\r\n", 100));
	assert_has("connection: close\r\n\r\nhello");
	assert_false(has("chunked"));
}

static void
test_serve__head_and_204_have_no_body(void **state)
{
	ask("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n", 30);
	assert_has("200 OK");
	assert_false(has("5\r\nhello"));
	ask(GET("/none"), 30);
	assert_has("204 No Content");
	assert_false(has("hello"));
	assert_false(has("content-length"));
	assert_false(has("chunked"));
}

static void
test_serve__a_slow_reader_slows_its_guest(void **state)
{
	int fd = client(), small = 256 * 1024;
	size_t all = 0;

	w.setup.time_ms = w.setup.cpu_ms = 60000;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	say(fd, GET("/big"));
	turn(100);
	assert_int_equal(fake_tasks, 1);
	assert_true(w.serve->conns->out.len <= 256 * 1024);
	while (fake_tasks || !has("\r\n0\r\n\r\n")) {
		assert_false(hear(fd, 10));
		all += got.len;
	}
	assert_true(all > 16u * 1024 * 1024);
	close(fd);
}

/* ---- what a guest does wrong */

static void
test_serve__guests_that_fail_are_told_apart(void **state)
{
	static const struct {
		const char *request, *status;
		enum writ_served_outcome outcome;
	} cases[] = {
		{ GET("/trap"), "HTTP/1.1 500 ", WRIT_SERVED_TRAP },
		{ GET("/nothing"), "HTTP/1.1 500 ", WRIT_SERVED_EXIT },
		{ GET("/refused"), "HTTP/1.1 500 ", WRIT_SERVED_FAILED },
		{ GET("/hang"), "HTTP/1.1 504 ", WRIT_SERVED_LIMIT },
		{ GET("/spin"), "HTTP/1.1 504 ", WRIT_SERVED_LIMIT },
		{ GET("/split"), "HTTP/1.1 500 ", WRIT_SERVED_OK },
		{ GET("/interim"), "HTTP/1.1 500 ", WRIT_SERVED_OK },
	};
	size_t i;

	w.setup.time_ms = 300;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(ask(cases[i].request, 600));
		assert_has(cases[i].status);
		assert_false(has("unreachable"));
		assert_false(has("Set-Cookie"));
		turn(150);
		assert_int_equal(rows_count, i + 1);
		assert_int_equal(last_row.outcome, cases[i].outcome);
	}
	assert_true(writ_str_is(last_row.path, "/interim"));
}

static void
test_serve__a_broken_answer_is_never_a_short_one(void **state)
{
	assert_true(ask(GET("/half"), 100));
	assert_has("5\r\nhello\r\n");
	assert_false(has("0\r\n\r\n"));
	assert_true(ask(GET("/small"), 100));
	assert_has("content-length: 10\r\n");
	assert_true(ask("GET /half HTTP/1.0\r\n\r\n", 100));
	assert_int_equal(fake_tasks, 0);
}

/* ---- what a client does wrong */

static void
test_serve__malformed_requests_start_no_guest(void **state)
{
	assert_true(ask("GET / HTTP/1.1\r\n\r\n", 100));
	assert_has("HTTP/1.1 400 Bad Request\r\n");
	assert_has("connection: close\r\n");
	assert_true(ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/hello"), 100));
	assert_has("HTTP/1.1 400 ");
	assert_false(has("200 OK"));
	assert_int_equal(fake_tasks_made, 0);
	turn(1100);
	assert_int_equal(malformed_count, 2);
	assert_int_equal(rows_count, 0);
}

static void
test_serve__what_follows_a_broken_body_is_no_request(void **state)
{
	assert_true(ask("POST /echo HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n2x\r\nab\r\n0\r\n\r\n"
	    GET("/hello"), 100));
	assert_int_equal(fake_tasks_made, 1);
	assert_false(has("hello"));
}

static void
test_serve__a_body_that_nobody_reads_is_no_request(void **state)
{
	/* here already: skipped; not here: the connection ends */
	(void)ask("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
	    "GET /" GET("/none"), 50);
	assert_has("204 No Content");
	assert_int_equal(fake_tasks_made, 2);
	assert_true(ask("POST /hello HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 99\r\n\r\n" GET("/none"), 100));
	assert_has("200 OK");
	assert_int_equal(fake_tasks_made, 3);
}

static void
test_serve__a_client_that_goes_stops_its_guest(void **state)
{
	static const char *const requests[] = { GET("/hang"), GET("/big"),
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na" };
	size_t i;
	int fd;

	for (i = 0; i < 3; i++) {
		fd = client();
		say(fd, requests[i]);
		turn(30);
		assert_int_equal(fake_tasks, 1);
		close(fd);
		turn(150);
		assert_int_equal(fake_tasks, 0);
		assert_int_equal(last_row.outcome, WRIT_SERVED_CANCELLED);
		assert_null(w.serve->conns);
	}
}

/* ---- many */

static void
test_serve__slow_requests_run_at_once_and_the_rest_wait(void **state)
{
	int fds[GUESTS + 2];
	uint64_t from = writ_clock_host_ns();
	size_t i;

	for (i = 0; i < GUESTS + 2; i++) {
		fds[i] = client();
		say(fds[i], GET("/sleep"));
	}
	turn(50);
	assert_int_equal(fake_tasks, GUESTS);
	assert_int_equal(w.serve->waiting_count, 2);
	close(fds[GUESTS]);	/* one of those that wait goes */
	for (i = 0; i < GUESTS + 2; i++)
		if (i != GUESTS) {
			while (!hear(fds[i], 10) && !has("hello"))
				;
			assert_has("hello");
			close(fds[i]);
		}
	assert_int_equal(fake_tasks_most, GUESTS);
	assert_int_equal(fake_tasks_made, GUESTS + 1);
	assert_true(writ_clock_host_ns() - from < 1500000000);
}

static void
test_serve__too_many_are_told_to_come_back(void **state)
{
	int fds[GUESTS + WRIT_SERVE_WAITING_MAX];
	size_t i, n = sizeof(fds) / sizeof(fds[0]);

	for (i = 0; i < n; i++) {
		fds[i] = client();
		say(fds[i], GET("/hang"));
		turn(0);
	}
	turn(20);
	assert_true(ask(GET("/hello"), 100));
	assert_has("HTTP/1.1 503 Service Unavailable\r\n");
	assert_has("retry-after: 1\r\n");
	for (i = 0; i < n; i++)
		close(fds[i]);
	turn(1100);
	assert_int_equal(busy_count, 1);
	assert_int_equal(fake_tasks, 0);
}

static void
test_serve__stopping_lets_what_runs_finish(void **state)
{
	int slow = client(), idle = client();

	say(slow, GET("/sleep"));
	turn(30);
	writ_serve_drain(w.serve);
	assert_true(hear(idle, 50));
	assert_int_equal(done_count, 0);
	assert_true(hear(slow, 300));
	assert_has("hello");
	close(slow);
	close(idle);
	turn(50);
	assert_int_equal(done_count, 1);
	assert_int_equal(rows_count, 1);
}

/* ---- who keeps others out */

static void
test_serve__who_only_holds_a_connection_makes_room(void **state)
{
	int fds[16], fd;
	size_t i;

	for (i = 0; i < 16; i++) {
		fds[i] = client();
		turn(0);
	}
	turn(20);
	assert_int_equal(w.serve->conns_count, 16);
	w.serve->conns_count += WRIT_SERVE_CONNECTIONS_MAX - 16;
	turn(600);
	fd = client();
	say(fd, GET("/hello"));
	assert_false(hear(fd, 100));
	assert_has("200 OK");
	/* the oldest has gone, and no other */
	assert_true(hear(fds[0], 10));
	assert_false(hear(fds[1], 10));
	w.serve->conns_count -= WRIT_SERVE_CONNECTIONS_MAX - 16;
	close(fd);
	for (i = 0; i < 16; i++)
		close(fds[i]);
	turn(20);
	assert_int_equal(w.serve->conns_count, 0);
}

/* It asked for much, takes nothing, and closed its side: no reason to look at it again and again. */
static void
test_serve__who_neither_takes_nor_asks_is_left(void **state)
{
	int fd = client(), small = 16 * 1024, i;

	w.setup.time_ms = w.setup.cpu_ms = 60000;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (i = 0; i < 3; i++)
		say(fd, GET("/big"));
	turn(50);
	assert_int_equal(fake_tasks, 1);
	(void)shutdown(fd, SHUT_WR);
	turn(50);
	assert_int_equal(fake_tasks, 0);
	assert_null(w.serve->conns);
	close(fd);
}

static void
test_serve__trailers_that_frame_are_refused(void **state)
{
	assert_true(ask("POST /hello HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
	    "Content-Length: 5\r\n\r\n" GET("/none"), 100));
	assert_int_equal(fake_tasks_made, 1);
	assert_true(ask("POST /echo HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
	    "Host: b\r\n\r\n" GET("/none"), 100));
	assert_int_equal(fake_tasks_made, 2);
	assert_false(has("204"));
}

/* Whatever allocation fails: an answer is whole, or broken. */
static void
test_serve__without_memory_nothing_is_made_to_look_whole(void **state)
{
	long n;
	int fd;

	for (n = 0; n < 24; n++) {
		fd = client();
		say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n"
		    "4\r\nabcd\r\n0\r\nX: y\r\n\r\n");
		writ_mem_fail_after(n);
		turn(30);
		writ_mem_fail_after(-1);
		(void)hear(fd, 30);
		close(fd);
		turn(10);
		assert_true(!has("0\r\nx: y\r\n\r\n") || has("4\r\nabcd\r\n"));
		assert_int_equal(fake_tasks, 0);
		assert_null(w.serve->conns);
		writ_buf_reset(&w.serve->rows);
	}
	assert_has("4\r\nabcd\r\n0\r\nx: y\r\n\r\n");
}

static void
test_serve__dates(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
		{ 4102444799, "Thu, 31 Dec 2099 23:59:59 GMT" },
	};
	char text[40];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		writ_serve_date(cases[i].seconds, text);
		assert_string_equal(text, cases[i].text);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_serve__a_request_is_answered),
		T(test_serve__a_connection_is_used_again_and_in_order),
		T(test_serve__bodies_and_trailers_go_both_ways),
		T(test_serve__a_body_arrives_as_it_is_sent),
		T(test_serve__old_clients_get_a_body_that_ends_with_the_connection),
		T(test_serve__head_and_204_have_no_body),
		T(test_serve__a_slow_reader_slows_its_guest),
		T(test_serve__guests_that_fail_are_told_apart),
		T(test_serve__a_broken_answer_is_never_a_short_one),
		T(test_serve__malformed_requests_start_no_guest),
		T(test_serve__what_follows_a_broken_body_is_no_request),
		T(test_serve__a_body_that_nobody_reads_is_no_request),
		T(test_serve__a_client_that_goes_stops_its_guest),
		T(test_serve__slow_requests_run_at_once_and_the_rest_wait),
		T(test_serve__too_many_are_told_to_come_back),
		T(test_serve__stopping_lets_what_runs_finish),
		T(test_serve__who_only_holds_a_connection_makes_room),
		T(test_serve__who_neither_takes_nor_asks_is_left),
		T(test_serve__trailers_that_frame_are_refused),
		T(test_serve__without_memory_nothing_is_made_to_look_whole),
		cmocka_unit_test(test_serve__dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
