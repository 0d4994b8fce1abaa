/* test_sock.c - the sockets of a session, against a peer that plays the worker, honest or not. */
#include "fixture.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "broker/sock.h"
#include "wire/sock.h"

#define MS 5000			/* for what is on its way */

/* Sockets, the worker's end of the wire, and a server on loopback. */
struct world {
	struct writ_audit *audit;
	struct writ_policy *policy;
	struct writ_record record;
	struct writ_socks *socks;
	struct writ_conn broker, worker;
	struct writ_conn pair;		/* that came last */
	int server;
	unsigned port, calls;
	/* what the world says */
	uint8_t own[1][16];
	size_t own_count;
	struct writ_net_resolved answer;
	bool late;
	struct writ_net_lookup *looking;
	unsigned stopped;
};

static struct world w;

static const uint8_t loopback[16] = { [10] = 0xff, [11] = 0xff, [12] = 127,
	[15] = 1 };

static void
world_lookup(void *ctx, struct writ_net_lookup *l)
{
	w.looking = l;
	if (w.late)
		return;
	l->result = w.answer;
	l->done(l);
}

static void
world_stop(void *ctx, struct writ_net_lookup *l)
{
	assert_non_null(l);
	w.stopped++;
}

static enum writ_status
world_own(uint8_t (**out)[16], size_t *count)
{
	*out = writ_alloc(1, 16);
	assert_non_null(*out);
	memcpy(*out, w.own, 16);
	*count = w.own_count;
	return WRIT_OK;
}

static int
bound(int type, unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (void *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* %u in `entries` is the server's port. */
static void
begin(struct fixture *f, int type, const char *entries)
{
	const struct writ_sock_world world = { &w, world_lookup, world_stop,
		world_own };
	struct writ_socks_config c = { .world = world };
	struct writ_err err = { WRIT_OK, "" };
	char doc[2048];
	int fds[2], n;

	memset(&w, 0, sizeof(w));
	w.pair.fd = -1;
	w.server = bound(type, &w.port);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(w.server, 16), 0);
	n = snprintf(doc, sizeof(doc), "writ: 1\nname: t\nrandom: secure\n"
	    "sockets:\n");
	while (*entries) {
		const char *mark = strchr(entries, '%');
		size_t k = mark ? (size_t)(mark - entries) : strlen(entries);

		n += snprintf(doc + n, sizeof(doc) - (size_t)n, "%.*s", (int)k,
		    entries);
		if (mark)
			n += snprintf(doc + n, sizeof(doc) - (size_t)n, "%u",
			    w.port);
		entries += k + (mark ? 1 : 0);
	}
	if (writ_policy_parse(writ_str_from(doc), "t", &w.policy, &err) !=
	    WRIT_OK)
		fail_msg("%s\n%s", err.msg, doc);
	w.audit = fixture_must_open(f);
	writ_record_init(&w.record, w.audit, w.policy, NULL, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds), 0);
	assert_int_equal(writ_conn_init(&w.broker, fds[0], &writ_wire_proto,
	    WRIT_SIDE_BROKER, NULL), WRIT_OK);
	assert_int_equal(writ_conn_init(&w.worker, fds[1], &writ_wire_proto,
	    WRIT_SIDE_WORKER, NULL), WRIT_OK);
	w.broker.state = w.worker.state = WRIT_STATE_RUNNING;
	c.policy = w.policy;
	c.record = &w.record;
	assert_int_equal(writ_socks_open(&c, &w.socks, NULL), WRIT_OK);
}

static void
end(void)
{
	writ_socks_free(w.socks);
	writ_conn_release(&w.pair);
	writ_conn_release(&w.broker);
	writ_conn_release(&w.worker);
	writ_record_release(&w.record);
	writ_policy_free(w.policy);
	writ_audit_free(w.audit);
	close(w.server);
}

static struct writ_buf
log_of(struct fixture *f)
{
	return fixture_read(f->path);
}

/* ---- the worker's words */

static enum writ_status
tell_as(uint32_t id, const struct writ_sock_msg *m)
{
	struct writ_err why = { WRIT_OK, "" };
	enum writ_status st;
	struct writ_msg got;
	struct writ_buf b;

	writ_buf_init(&b, 1024);
	writ_sock_msg_put(&b, m);
	assert_int_equal(writ_conn_send(&w.worker, WRIT_MSG_SOCK, id,
	    writ_buf_view(&b), -1), WRIT_OK);
	assert_int_equal(writ_conn_flush(&w.worker), WRIT_OK);
	writ_buf_release(&b);
	assert_int_equal(writ_conn_fill(&w.broker), WRIT_OK);
	assert_int_equal(writ_conn_next(&w.broker, &got, &why), WRIT_OK);
	st = writ_socks_serve(w.socks, &w.broker, &got);
	return st;
}

static void
tell(const struct writ_sock_msg *m)
{
	assert_int_equal(tell_as(WRIT_SOCK_NO_REPLY, m), WRIT_OK);
}

/* The reply to the last request, waiting for it. */
static void
hear(struct writ_sock_reply *r)
{
	struct writ_msg m;
	int i;

	for (i = 0; i < MS; i++) {
		struct pollfd p = { writ_socks_fd(w.socks), POLLIN, 0 };

		assert_int_equal(writ_socks_step(w.socks, &w.broker), WRIT_OK);
		assert_int_equal(writ_conn_flush(&w.broker), WRIT_OK);
		if (writ_conn_fill(&w.worker) == WRIT_OK)
			break;
		(void)poll(&p, 1, 1);
	}
	assert_int_equal(writ_conn_next(&w.worker, &m, NULL), WRIT_OK);
	assert_int_equal(m.id, w.calls);
	assert_int_equal(writ_sock_reply_get(m.body, r), WRIT_OK);
	if (m.fd < 0)
		return;
	assert_false(r->failed);
	writ_conn_release(&w.pair);
	writ_conn_adopt(&w.pair, m.fd, &writ_wire_sock, WRIT_SIDE_WORKER);
	w.pair.state = WRIT_STATE_RUNNING;
}

static struct writ_sock_reply
ask(const struct writ_sock_msg *m)
{
	struct writ_sock_reply r;

	memset(&r, 0, sizeof(r));
	assert_int_equal(tell_as(++w.calls, m), WRIT_OK);
	hear(&r);
	return r;
}

static uint32_t
create(uint32_t name, bool udp)
{
	tell(&(struct writ_sock_msg){ .what = WRIT_SOCK_MSG_CREATE,
	    .sock = name, .udp = udp });
	return name;
}

static struct writ_sock_address
at(unsigned last, unsigned port)
{
	struct writ_sock_address a = { .port = (uint16_t)port };

	memcpy(a.ip, loopback, sizeof(a.ip));
	a.ip[15] = (uint8_t)last;
	return a;
}

static struct writ_sock_reply
ask_at(unsigned what, uint32_t sock, unsigned last, unsigned port)
{
	return ask(&(struct writ_sock_msg){ .what = what, .sock = sock,
	    .has_address = true, .address = at(last, port) });
}

/* What a request is refused with. */
static void
refused(struct writ_sock_reply r, enum writ_sock_error error)
{
	assert_true(r.failed);
	assert_int_equal(r.error, error);
}

/* ---- the pair */

static void
say(enum writ_sock_stream_type type, struct writ_str body)
{
	assert_int_equal(writ_conn_send(&w.pair, type, 0, body, -1), WRIT_OK);
	assert_int_equal(writ_conn_flush(&w.pair), WRIT_OK);
}

/* Let the broker work until `fd` has something. */
static bool
pump(int fd)
{
	int i;

	for (i = 0; i < MS; i++) {
		struct pollfd p[2] = { { fd, POLLIN, 0 },
			{ writ_socks_fd(w.socks), POLLIN, 0 } };

		(void)poll(p, 2, 1);
		if (p[0].revents)
			return true;
		assert_int_equal(writ_socks_step(w.socks, &w.broker), WRIT_OK);
	}
	return false;
}

static struct writ_msg
heard(void)
{
	struct writ_msg m;

	assert_true(pump(w.pair.fd));
	assert_int_equal(writ_conn_fill(&w.pair), WRIT_OK);
	assert_int_equal(writ_conn_next(&w.pair, &m, NULL), WRIT_OK);
	return m;
}

static bool
server_waits(void)
{
	struct pollfd p = { w.server, POLLIN, 0 };

	return poll(&p, 1, 50) > 0;
}

#define ENTRY "  - { name: s, connect: \"tcp://127.0.0.1:%\", " \
	"addresses: [\"127.0.0.1/32\"] }\n"
#define UDP "  - { name: u, connect: \"udp://127.0.0.1:%\", " \
	"addresses: [\"127.0.0.1/32\"] }\n"

/* ---- tests */

static void
test_sock__bytes_go_both_ways_and_are_on_record(void **state)
{
	struct fixture *f = *state;
	struct writ_sock_reply r;
	struct writ_buf file;
	struct writ_msg m;
	char bytes[16];
	int client;

	begin(f, SOCK_STREAM, ENTRY);
	r = ask_at(WRIT_SOCK_CONNECT, create(0x101, false), 1, w.port);
	assert_false(r.failed);
	assert_int_equal(r.remote.port, w.port);
	assert_true(r.local.port != 0);
	client = accept(w.server, NULL, NULL);
	assert_true(client >= 0);
	say(WRIT_S_DATA, WRIT_STR("ping"));
	say(WRIT_S_END, WRIT_STR(""));
	assert_true(pump(client));
	assert_int_equal(read(client, bytes, sizeof(bytes)), 4);
	assert_true(pump(client));
	assert_int_equal(read(client, bytes, sizeof(bytes)), 0);
	assert_int_equal(write(client, "pong!", 5), 5);
	m = heard();
	assert_int_equal(m.row->type, WRIT_S_DATA);
	assert_true(writ_str_is(m.body, "pong!"));
	close(client);
	assert_int_equal(heard().row->type, WRIT_S_END);
	tell(&(struct writ_sock_msg){ .what = WRIT_SOCK_MSG_CLOSE,
	    .sock = 0x101 });
	assert_int_equal(writ_socks_count(w.socks), 0);
	file = log_of(f);
	assert_int_equal(fixture_lines(&file), 2);
	assert_true(fixture_has(fixture_line(&file, 0), "\"op\":\"connect\""));
	assert_true(fixture_has(fixture_line(&file, 1), "\"bytes\":9,"));
	writ_buf_release(&file);
	end();
}

static void
test_sock__what_no_entry_names_is_not_dialled(void **state)
{
	struct fixture *f = *state;
	uint32_t s;

	begin(f, SOCK_STREAM, "  - { name: s, connect: \"tcp://127.0.0.1:%\" }\n");
	s = create(0x101, false);
	refused(ask_at(WRIT_SOCK_CONNECT, s, 1, w.port),
	    WRIT_SOCK_ACCESS_DENIED);	/* loopback: needs a range */
	refused(ask_at(WRIT_SOCK_CONNECT, s, 2, w.port),
	    WRIT_SOCK_ACCESS_DENIED);
	refused(ask_at(WRIT_SOCK_CONNECT, s, 1, w.port ^ 1),
	    WRIT_SOCK_ACCESS_DENIED);
	refused(ask_at(WRIT_SOCK_CONNECT, s, 1, 0),
	    WRIT_SOCK_INVALID_ARGUMENT);
	refused(ask_at(WRIT_SOCK_BIND, s, 1, 0), WRIT_SOCK_ACCESS_DENIED);
	refused(ask_at(WRIT_SOCK_PEER, s, 1, w.port),
	    WRIT_SOCK_INVALID_STATE);
	assert_false(server_waits());
	assert_int_equal(w.record.refusals, 4);
	end();
}

static void
test_sock__an_address_of_this_machine_needs_a_range_of_its_own(void **state)
{
	struct fixture *f = *state;

	static const uint8_t ten[16] = { [10] = 0xff, [11] = 0xff, [12] = 10,
		1, 2, 3 };
	struct writ_sock_msg m = { .what = WRIT_SOCK_CONNECT, .sock = 0x101,
		.has_address = true };
	struct writ_buf file;

	begin(f, SOCK_STREAM, "  - { name: s, connect: \"tcp://10.1.2.3:%\", "
	    "addresses: [\"10.0.0.0/8\"] }\n");
	memcpy(w.own[0], ten, 16);
	w.own_count = 1;
	m.address.port = (uint16_t)w.port;
	memcpy(m.address.ip, ten, 16);
	create(0x101, false);
	refused(ask(&m), WRIT_SOCK_ACCESS_DENIED);
	file = log_of(f);
	assert_int_equal(fixture_lines(&file), 1);
	assert_true(fixture_has(fixture_line(&file, 0),
	    "\"rule\":\"sockets.s.addresses\""));
	assert_true(fixture_has(fixture_line(&file, 0),
	    "an address of this machine"));
	writ_buf_release(&file);
	end();
}

static void
test_sock__a_name_counts_only_once_it_was_looked_up(void **state)
{
	const struct writ_sock_msg look = { .what = WRIT_SOCK_RESOLVE,
		.name = WRIT_STR("db.test") };
	struct fixture *f = *state;
	struct writ_sock_reply r;
	uint32_t s;

	begin(f, SOCK_STREAM, "  - { name: s, connect: \"tcp://db.test:%\", "
	    "addresses: [\"127.0.0.1/32\"] }\n");
	s = create(0x101, false);
	refused(ask_at(WRIT_SOCK_CONNECT, s, 1, w.port),
	    WRIT_SOCK_ACCESS_DENIED);
	w.answer.how = WRIT_DNS_OK;
	w.answer.count = 2;
	memcpy(w.answer.addresses[0], at(9, 0).ip, 16);
	memcpy(w.answer.addresses[1], at(1, 0).ip, 16);
	r = ask(&look);
	assert_false(r.failed);
	assert_int_equal(r.count, 1);	/* .9 is in no range */
	assert_memory_equal(r.addresses[0], loopback, 16);
	refused(ask_at(WRIT_SOCK_CONNECT, s, 9, w.port),
	    WRIT_SOCK_ACCESS_DENIED);
	refused(ask_at(WRIT_SOCK_CONNECT, s, 1, w.port ^ 1),
	    WRIT_SOCK_ACCESS_DENIED);
	assert_false(ask_at(WRIT_SOCK_CONNECT, s, 1, w.port).failed);
	end();
}

static void
test_sock__no_other_name_is_asked_for(void **state)
{
	static const char *const names[] = { "", "db.test.", "DB.TEST", "b.test",
		"db.test:1", "localhost", "tcp://db.test:1", "db.test/" };
	struct fixture *f = *state;
	size_t i;

	begin(f, SOCK_STREAM, "  - { name: s, connect: \"tcp://db.test:%\" }\n");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		refused(ask(&(struct writ_sock_msg){
		    .what = WRIT_SOCK_RESOLVE,
		    .name = writ_str_from(names[i]) }),
		    WRIT_SOCK_ACCESS_DENIED);
	refused(ask(&(struct writ_sock_msg){ .what = WRIT_SOCK_RESOLVE,
	    .name = WRIT_STR("db.test\0x") }), WRIT_SOCK_ACCESS_DENIED);
	assert_null(w.looking);
	end();
}

static void
test_sock__lookups_fail_as_they_failed(void **state)
{
	const struct writ_sock_msg look = { .what = WRIT_SOCK_RESOLVE,
		.name = WRIT_STR("db.test") };
	struct fixture *f = *state;
	struct writ_buf file;

	begin(f, SOCK_STREAM, "  - { name: s, connect: \"tcp://db.test:%\" }\n");
	w.answer.how = WRIT_DNS_NONE;
	refused(ask(&look), WRIT_SOCK_NAME_UNRESOLVABLE);
	w.answer.how = WRIT_DNS_TIMEOUT;
	refused(ask(&look), WRIT_SOCK_TEMPORARY_FAILURE);
	w.answer.how = WRIT_DNS_ERROR;
	w.answer.rcode = 5;
	refused(ask(&look), WRIT_SOCK_PERMANENT_FAILURE);
	w.answer.how = WRIT_DNS_OK;
	w.answer.count = 1;
	memcpy(w.answer.addresses[0], loopback, 16);
	refused(ask(&look), WRIT_SOCK_ACCESS_DENIED);
	w.late = true;
	assert_int_equal(tell_as(++w.calls, &look), WRIT_OK);
	writ_socks_free(w.socks);
	w.socks = NULL;
	assert_int_equal(w.stopped, 1);
	assert_non_null(w.looking);
	file = log_of(f);
	assert_int_equal(fixture_lines(&file), 10);	/* each with its outcome */
	writ_buf_release(&file);
	end();
}

static void
test_sock__lookups_in_flight_are_bounded(void **state)
{
	const struct writ_sock_msg look = { .what = WRIT_SOCK_RESOLVE,
		.name = WRIT_STR("db.test") };
	struct fixture *f = *state;
	unsigned i;

	begin(f, SOCK_STREAM, "  - { name: s, connect: \"tcp://db.test:%\" }\n");
	w.late = true;
	for (i = 0; i < 16; i++)
		assert_int_equal(tell_as(++w.calls, &look), WRIT_OK);
	refused(ask(&look), WRIT_SOCK_TEMPORARY_FAILURE);
	writ_socks_free(w.socks);
	w.socks = NULL;
	end();
}

static void
test_sock__what_no_worker_of_ours_says_ends_it(void **state)
{
	const struct writ_sock_msg accept_in_use = { .what = WRIT_SOCK_ACCEPT,
		.sock = 0x101, .new_sock = 0x101 };
	struct fixture *f = *state;

	begin(f, SOCK_STREAM, ENTRY);
	create(0x101, false);
	assert_int_equal(tell_as(WRIT_SOCK_NO_REPLY, &(struct writ_sock_msg){
	    .what = WRIT_SOCK_MSG_CREATE, .sock = 0x201 }), WRIT_PROTO);
	assert_int_equal(tell_as(WRIT_SOCK_NO_REPLY, &(struct writ_sock_msg){
	    .what = WRIT_SOCK_MSG_CREATE, .sock = 0x1ff }), WRIT_PROTO);
	assert_int_equal(tell_as(WRIT_SOCK_NO_REPLY, &(struct writ_sock_msg){
	    .what = WRIT_SOCK_MSG_CREATE, .sock = 2 }), WRIT_PROTO);
	assert_int_equal(tell_as(WRIT_SOCK_NO_REPLY, &(struct writ_sock_msg){
	    .what = WRIT_SOCK_BIND, .sock = 0x101 }), WRIT_PROTO);
	assert_int_equal(tell_as(1, &(struct writ_sock_msg){
	    .what = WRIT_SOCK_MSG_CLOSE, .sock = 0x101 }), WRIT_PROTO);
	assert_int_equal(tell_as(1, &accept_in_use), WRIT_PROTO);
	/* of a socket that is gone: it may have crossed */
	tell(&(struct writ_sock_msg){ .what = WRIT_SOCK_MSG_CLOSE,
	    .sock = 0x777 });
	refused(ask_at(WRIT_SOCK_CONNECT, 0x777, 1, w.port),
	    WRIT_SOCK_INVALID_STATE);
	end();
}

static void
test_sock__nonsense_on_a_pair_cuts_the_connection(void **state)
{
	struct fixture *f = *state;
	struct writ_msg m;
	char bytes[16];
	int client;

	begin(f, SOCK_STREAM, ENTRY);
	assert_false(ask_at(WRIT_SOCK_CONNECT, create(0x101, false), 1,
	    w.port).failed);
	client = accept(w.server, NULL, NULL);
	say(WRIT_S_END, WRIT_STR(""));
	say(WRIT_S_DATA, WRIT_STR("more"));
	m = heard();
	assert_int_equal(m.row->type, WRIT_S_FAULT);
	assert_true(pump(client));
	assert_true(read(client, bytes, sizeof(bytes)) <= 0);
	close(client);
	end();
}

static void
test_sock__a_pair_that_is_cut_is_a_reset_for_the_peer(void **state)
{
	struct fixture *f = *state;
	char bytes[16];
	int client;

	begin(f, SOCK_STREAM, ENTRY);
	assert_false(ask_at(WRIT_SOCK_CONNECT, create(0x101, false), 1,
	    w.port).failed);
	client = accept(w.server, NULL, NULL);
	/* a header that says 100 bytes, and three of them */
	assert_int_equal(write(w.pair.fd, "\144\0\0\0\1\0\0\0\0\0\0\0abc", 15),
	    15);
	writ_conn_release(&w.pair);
	assert_true(pump(client));
	assert_int_equal(read(client, bytes, sizeof(bytes)), -1);
	close(client);
	end();
}

static void
test_sock__what_was_written_leaves_after_the_close(void **state)
{
	struct fixture *f = *state;
	char bytes[16];
	int client;

	begin(f, SOCK_STREAM, ENTRY);
	assert_false(ask_at(WRIT_SOCK_CONNECT, create(0x101, false), 1,
	    w.port).failed);
	client = accept(w.server, NULL, NULL);
	say(WRIT_S_DATA, WRIT_STR("last"));
	writ_conn_release(&w.pair);
	tell(&(struct writ_sock_msg){ .what = WRIT_SOCK_MSG_CLOSE,
	    .sock = 0x101 });
	create(0x201, false);		/* its place is free already */
	writ_socks_linger(w.socks, MS);
	assert_int_equal(read(client, bytes, sizeof(bytes)), 4);
	assert_int_equal(read(client, bytes, sizeof(bytes)), 0);
	close(client);
	end();
}

static void
test_sock__requests_in_flight_are_answered_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct writ_sock_reply r;
	uint32_t s;

	begin(f, SOCK_STREAM, "  - { name: l, listen: \"tcp://127.0.0.1:0\" }\n");
	s = create(0x101, false);
	assert_false(ask_at(WRIT_SOCK_BIND, s, 1, 0).failed);
	refused(ask_at(WRIT_SOCK_BIND, s, 1, 0), WRIT_SOCK_INVALID_STATE);
	assert_false(ask(&(struct writ_sock_msg){ .what = WRIT_SOCK_LISTEN,
	    .sock = s }).failed);
	assert_int_equal(tell_as(++w.calls, &(struct writ_sock_msg){
	    .what = WRIT_SOCK_ACCEPT, .sock = s, .new_sock = 0x102 }), WRIT_OK);
	assert_int_equal(tell_as(9, &(struct writ_sock_msg){
	    .what = WRIT_SOCK_ACCEPT, .sock = s, .new_sock = 0x103 }),
	    WRIT_PROTO);
	assert_int_equal(writ_socks_cut(w.socks, &w.broker), WRIT_OK);
	hear(&r);
	refused(r, WRIT_SOCK_CONNECTION_ABORTED);
	assert_int_equal(writ_socks_count(w.socks), 0);
	end();
}

static void
test_sock__a_datagram_needs_no_word_before_to_be_judged(void **state)
{
	uint8_t gram[WRIT_SOCK_GRAM_HEAD + 2];
	struct fixture *f = *state;
	struct writ_sock_address to;
	struct writ_msg m;
	uint32_t s;

	begin(f, SOCK_DGRAM, UDP);
	s = create(0x101, true);
	to = at(0, 0);
	memset(to.ip + 12, 0, 4);
	assert_false(ask(&(struct writ_sock_msg){ .what = WRIT_SOCK_BIND,
	    .sock = s, .has_address = true, .address = to }).failed);
	/* no DESTINE was said for either */
	to = at(2, w.port);
	memcpy(gram + WRIT_SOCK_GRAM_HEAD, "hi", 2);
	writ_sock_gram_put(gram, &to);
	say(WRIT_S_GRAM, writ_str((const char *)gram, sizeof(gram)));
	m = heard();
	assert_int_equal(m.row->type, WRIT_S_FAULT);
	assert_int_equal(m.body.ptr[0], WRIT_SOCK_ACCESS_DENIED);
	assert_false(server_waits());
	to = at(1, w.port);
	writ_sock_gram_put(gram, &to);
	say(WRIT_S_GRAM, writ_str((const char *)gram, sizeof(gram)));
	assert_true(pump(w.server));
	refused(ask_at(WRIT_SOCK_DESTINE, s, 3, w.port),
	    WRIT_SOCK_ACCESS_DENIED);
	refused(ask_at(WRIT_SOCK_CONNECT, s, 1, w.port),
	    WRIT_SOCK_INVALID_STATE);
	assert_int_equal(w.record.allowed, 1);
	end();
}

static void
test_sock__many_peers_take_the_place_of_the_first(void **state)
{
	struct fixture *f = *state;
	struct writ_sock_address any = at(0, 0);
	uint32_t s;
	unsigned i;

	begin(f, SOCK_DGRAM, "  - { name: l, listen: \"udp://0.0.0.0:0\", "
	    "addresses: [\"127.0.0.1/32\"] }\n");
	s = create(0x101, true);
	memset(any.ip + 12, 0, 4);
	struct writ_sock_reply r = ask(&(struct writ_sock_msg){
	    .what = WRIT_SOCK_BIND, .sock = s, .has_address = true,
	    .address = any });

	assert_false(r.failed);
	for (i = 0; i < 3 * WRIT_SOCK_PEERS_MAX; i++) {
		struct sockaddr_in to = { .sin_family = AF_INET,
			.sin_port = htons(r.local.port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		unsigned port;
		int fd = bound(SOCK_DGRAM, &port);

		assert_int_equal(sendto(fd, "x", 1, 0, (void *)&to, sizeof(to)),
		    1);
		close(fd);
		assert_int_equal(heard().row->type, WRIT_S_GRAM);
	}
	end();
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_sock__##name, \
	fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_both_ways_and_are_on_record),
		TEST(what_no_entry_names_is_not_dialled),
		TEST(an_address_of_this_machine_needs_a_range_of_its_own),
		TEST(a_name_counts_only_once_it_was_looked_up),
		TEST(no_other_name_is_asked_for),
		TEST(lookups_fail_as_they_failed),
		TEST(lookups_in_flight_are_bounded),
		TEST(what_no_worker_of_ours_says_ends_it),
		TEST(nonsense_on_a_pair_cuts_the_connection),
		TEST(a_pair_that_is_cut_is_a_reset_for_the_peer),
		TEST(what_was_written_leaves_after_the_close),
		TEST(requests_in_flight_are_answered_at_the_end),
		TEST(a_datagram_needs_no_word_before_to_be_judged),
		TEST(many_peers_take_the_place_of_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
