#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "wire/conn.h"

/* A broker's end, a worker's end. */
struct pair {
	struct writ_conn broker, worker;
};

static int
setup(void **state)
{
	static struct pair p;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
	    0);
	assert_int_equal(writ_conn_init(&p.broker, fds[0],
	    &writ_wire_proto, WRIT_SIDE_BROKER, NULL), WRIT_OK);
	assert_int_equal(writ_conn_init(&p.worker, fds[1],
	    &writ_wire_proto, WRIT_SIDE_WORKER, NULL), WRIT_OK);
	p.broker.state = p.worker.state = WRIT_STATE_RUNNING;
	*state = &p;
	return 0;
}

static int
teardown(void **state)
{
	struct pair *p = *state;

	writ_conn_release(&p->broker);
	writ_conn_release(&p->worker);
	return 0;
}

static void
send_raw(struct pair *p, const void *bytes, size_t n)
{
	assert_int_equal(send(p->worker.fd, bytes, n, 0), (ssize_t)n);
}

/* Header of a message, then nothing. */
static void
send_header(struct pair *p, uint32_t len, uint32_t type)
{
	uint8_t h[12] = { (uint8_t)len, (uint8_t)(len >> 8),
		(uint8_t)(len >> 16), (uint8_t)(len >> 24), (uint8_t)type,
		(uint8_t)(type >> 8), (uint8_t)(type >> 16) };

	send_raw(p, h, sizeof(h));
}

static void
expect_proto(struct pair *p, const char *why)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_msg m;

	assert_int_equal(writ_conn_fill(&p->broker), WRIT_OK);
	assert_int_equal(writ_conn_next(&p->broker, &m, &err), WRIT_PROTO);
	assert_non_null(strstr(err.msg, why));
}

static void
test_conn__a_message_comes_over(void **state)
{
	struct pair *p = *state;
	struct writ_msg m;

	assert_int_equal(writ_conn_send(&p->worker, WRIT_MSG_OUT, 7,
	    WRIT_STR("\1hello"), -1), WRIT_OK);
	assert_true(writ_conn_unsent(&p->worker));
	assert_int_equal(writ_conn_flush(&p->worker), WRIT_OK);
	assert_false(writ_conn_unsent(&p->worker));
	assert_int_equal(writ_conn_fill(&p->broker), WRIT_OK);
	assert_int_equal(writ_conn_next(&p->broker, &m, NULL), WRIT_OK);
	assert_int_equal(m.row->type, WRIT_MSG_OUT);
	assert_int_equal(m.id, 7);
	assert_int_equal(m.fd, -1);
	assert_true(writ_str_is(m.body, "\1hello"));
	assert_int_equal(writ_conn_next(&p->broker, &m, NULL), WRIT_AGAIN);
	assert_int_equal(writ_conn_fill(&p->broker), WRIT_AGAIN);
}

static void
test_conn__messages_split_anywhere_are_whole_again(void **state)
{
	static const uint8_t wire[] = { 3, 0, 0, 0, 35, 0, 0, 0, 9, 0, 0, 0,
		2, 'a', 'b' };
	struct pair *p = *state;
	struct writ_msg m;
	size_t i;

	for (i = 0; i < sizeof(wire); i++) {
		assert_int_equal(writ_conn_next(&p->broker, &m, NULL),
		    WRIT_AGAIN);
		send_raw(p, wire + i, 1);
		assert_int_equal(writ_conn_fill(&p->broker), WRIT_OK);
	}
	assert_int_equal(writ_conn_next(&p->broker, &m, NULL), WRIT_OK);
	assert_int_equal(m.id, 9);
	assert_int_equal(m.body.len, 3);
}

static void
test_conn__an_fd_comes_with_its_own_message(void **state)
{
	struct pair *p = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char reply[80] = { 0 };
	struct writ_msg m;
	int i;

	p->worker.state = WRIT_STATE_RUNNING;
	for (i = 0; i < 3; i++)
		assert_int_equal(writ_conn_send(&p->broker, WRIT_MSG_FS_REPLY,
		    (uint32_t)i, writ_str(reply, sizeof(reply)),
		    i == 1 ? fd : -1), WRIT_OK);
	assert_int_equal(writ_conn_flush(&p->broker), WRIT_OK);
	for (i = 0; i < 3; i++) {
		struct stat st;

		while (writ_conn_next(&p->worker, &m, NULL) == WRIT_AGAIN)
			assert_int_equal(writ_conn_fill(&p->worker), WRIT_OK);
		assert_int_equal(m.id, i);
		assert_int_equal(m.fd >= 0, i == 1);
		if (m.fd >= 0) {
			assert_int_equal(fstat(m.fd, &st), 0);
			assert_true(S_ISCHR(st.st_mode));
			assert_true(fcntl(m.fd, F_GETFD) & FD_CLOEXEC);
			close(m.fd);
		}
	}
	close(fd);
}

static void
test_conn__an_unknown_message_is_refused(void **state)
{
	struct pair *p = *state;

	send_header(p, 0, 999);
	expect_proto(p, "unknown");
}

static void
test_conn__undefined_header_bits_are_refused(void **state)
{
	struct pair *p = *state;

	send_header(p, 3, WRIT_MSG_OUT | 0x20000);
	expect_proto(p, "unknown");
}

static void
test_conn__the_other_side_s_message_is_refused(void **state)
{
	struct pair *p = *state;

	send_header(p, 0, WRIT_MSG_START);
	expect_proto(p, "wrong side");
}

static void
test_conn__a_message_out_of_its_state_is_refused(void **state)
{
	struct pair *p = *state;

	p->broker.state = WRIT_STATE_SETUP;
	send_header(p, 3, WRIT_MSG_OUT);
	expect_proto(p, "wrong time");
}

static void
test_conn__sizes_are_judged_before_the_bytes_come(void **state)
{
	struct pair *p = *state;

	send_header(p, 0x7fffffff, WRIT_MSG_OUT);
	expect_proto(p, "bytes");
}

static void
test_conn__a_promised_fd_that_does_not_come_is_refused(void **state)
{
	struct pair *p = *state;

	send_header(p, 3, WRIT_MSG_OUT | 0x10000);
	expect_proto(p, "with an fd");
}

static void
test_conn__an_fd_smuggled_to_the_broker_is_refused_and_closed(void **state)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int))];
	} ctl = { .b = { 0 } };
	static const uint8_t wire[] = { 3, 0, 0, 0, 35, 0, 0, 0, 9, 0, 0, 0,
		2, 'a', 'b' };
	struct iovec iov = { (void *)(uintptr_t)wire, sizeof(wire) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = ctl.b, .msg_controllen = sizeof(ctl.b) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	struct pair *p = *state;
	int pipes[2];
	char c;

	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &pipes[1], sizeof(int));
	assert_int_equal(sendmsg(p->worker.fd, &m, 0), sizeof(wire));
	close(pipes[1]);
	expect_proto(p, "fd");
	writ_conn_release(&p->broker);
	/* the end of file shows that nobody holds it any more */
	assert_int_equal(read(pipes[0], &c, 1), 0);
	close(pipes[0]);
	p->broker.fd = -1;
}

static void
test_conn__a_peer_that_does_not_read_hits_the_queue_limit(void **state)
{
	static char big[WRIT_FS_IO_MAX + 1];
	struct pair *p = *state;
	enum writ_status st = WRIT_OK;
	unsigned i;

	for (i = 0; i < 1000 && st == WRIT_OK; i++) {
		st = writ_conn_send(&p->worker, WRIT_MSG_OUT, 0,
		    writ_str(big, sizeof(big)), -1);
		if (st == WRIT_OK)
			(void)!writ_conn_flush(&p->worker);
	}
	assert_int_equal(st, WRIT_LIMIT);
	assert_true(p->worker.out.len <= WRIT_WIRE_QUEUE_MAX);
}

static void
test_conn__the_end_is_seen(void **state)
{
	struct pair *p = *state;

	writ_conn_release(&p->worker);
	assert_int_equal(writ_conn_fill(&p->broker), WRIT_CLOSED);
}

static void
test_conn__megabytes_come_over_in_order(void **state)
{
	static char big[WRIT_FS_IO_MAX + 1];
	struct pair *p = *state;
	uint32_t sent = 0, got = 0;
	struct writ_msg m;

	while (got < 400) {
		if (sent < 400 && writ_conn_send(&p->worker, WRIT_MSG_OUT, sent,
		    writ_str(big, 2 + sent * 100), -1) == WRIT_OK)
			sent++;
		(void)!writ_conn_flush(&p->worker);
		(void)!writ_conn_fill(&p->broker);
		while (writ_conn_next(&p->broker, &m, NULL) == WRIT_OK) {
			assert_int_equal(m.id, got);
			assert_int_equal(m.body.len, 2 + got * 100);
			got++;
		}
	}
}

/* Fill the worker's socket until nothing more goes. */
static unsigned
stuff(struct pair *p)
{
	static char body[WRIT_FS_IO_MAX];
	unsigned n = 0;

	do {
		assert_int_equal(writ_conn_send(&p->broker, WRIT_MSG_FS_REPLY, 1,
		    writ_str(body, sizeof(body)), -1), WRIT_OK);
		n++;
	} while (writ_conn_flush(&p->broker) == WRIT_OK);
	return n;
}

/* Take `n` messages; the fd of the last, -1 if it has none. */
static int
take(struct pair *p, unsigned n)
{
	struct writ_msg m = { .fd = -1 };

	while (n) {
		while (writ_conn_next(&p->worker, &m, NULL) == WRIT_OK)
			n--;
		(void)!writ_conn_flush(&p->broker);
		if (n)
			(void)!writ_conn_fill(&p->worker);
	}
	return m.fd;
}

static void
test_conn__a_lent_fd_leaves_without_a_copy(void **state)
{
	struct pair *p = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), next, got;

	assert_int_equal(writ_conn_send_now(&p->broker, WRIT_MSG_FS_REPLY, 1,
	    WRIT_STR("12345678"), fd), WRIT_OK);
	assert_false(writ_conn_unsent(&p->broker));
	assert_int_not_equal(fcntl(fd, F_GETFD), -1);
	next = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	close(next);
	got = take(p, 1);
	assert_int_equal(got, next);
	close(got);
	close(fd);
}

static void
test_conn__a_lent_fd_that_has_to_wait_may_be_closed(void **state)
{
	struct pair *p = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), got;
	unsigned n = stuff(p);
	struct stat sb, null;

	assert_int_equal(fstat(fd, &null), 0);
	assert_int_equal(writ_conn_send_now(&p->broker, WRIT_MSG_FS_REPLY, 1,
	    WRIT_STR("12345678"), fd), WRIT_OK);
	assert_true(writ_conn_unsent(&p->broker));
	close(fd);
	got = take(p, n + 1);
	assert_true(got >= 0);
	assert_int_equal(fstat(got, &sb), 0);
	assert_int_equal(sb.st_rdev, null.st_rdev);
	close(got);
}

static void
test_conn__it_is_said_whether_more_has_arrived(void **state)
{
	struct pair *p = *state;
	struct writ_msg m;
	unsigned i;

	for (i = 0; i < 2; i++)
		assert_int_equal(writ_conn_send(&p->worker, WRIT_MSG_OUT, i,
		    WRIT_STR("\1hello"), -1), WRIT_OK);
	assert_int_equal(writ_conn_flush(&p->worker), WRIT_OK);
	assert_int_equal(writ_conn_fill(&p->broker), WRIT_OK);
	assert_int_equal(writ_conn_next(&p->broker, &m, NULL), WRIT_OK);
	assert_true(writ_conn_more(&p->broker));
	assert_int_equal(writ_conn_next(&p->broker, &m, NULL), WRIT_OK);
	assert_false(writ_conn_more(&p->broker));
}

static void
test_conn__spinning_ends_and_is_given_up_where_it_does_not_pay(void **state)
{
	struct pair *p = *state;
	unsigned i;

	p->broker.spin_max_ns = p->broker.spin_ns = 40000;
	for (i = 0; i < 4; i++)
		assert_int_equal(writ_conn_spin(&p->broker), WRIT_AGAIN);
	assert_true(p->broker.spin_ns < 5000);
	send_header(p, 8, WRIT_MSG_OUT);
	assert_int_equal(writ_conn_spin(&p->broker), WRIT_OK);
	assert_true(p->broker.spin_ns < 5000);	/* it was there: no spin paid */
	p->broker.spin_max_ns = p->broker.spin_ns = 0;
	for (i = 0; i < 40; i++)
		assert_int_equal(writ_conn_spin(&p->broker), WRIT_AGAIN);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_conn__a_message_comes_over),
		T(test_conn__messages_split_anywhere_are_whole_again),
		T(test_conn__an_fd_comes_with_its_own_message),
		T(test_conn__an_unknown_message_is_refused),
		T(test_conn__undefined_header_bits_are_refused),
		T(test_conn__the_other_side_s_message_is_refused),
		T(test_conn__a_message_out_of_its_state_is_refused),
		T(test_conn__sizes_are_judged_before_the_bytes_come),
		T(test_conn__a_promised_fd_that_does_not_come_is_refused),
		T(test_conn__an_fd_smuggled_to_the_broker_is_refused_and_closed),
		T(test_conn__a_peer_that_does_not_read_hits_the_queue_limit),
		T(test_conn__the_end_is_seen),
		T(test_conn__megabytes_come_over_in_order),
		T(test_conn__a_lent_fd_leaves_without_a_copy),
		T(test_conn__a_lent_fd_that_has_to_wait_may_be_closed),
		T(test_conn__it_is_said_whether_more_has_arrived),
		T(test_conn__spinning_ends_and_is_given_up_where_it_does_not_pay),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
