/* test_net.c - requests that go out, seen from the broker, with a net that is this program: what
 * it does follows from the path that it is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/vec.h"
#include "broker/net_int.h"
#include "cap/clock.h"
#include "jail/jail.h"
#include "wire/exchange.h"

#include "fixture.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

/* ---- the net: what the broker's child does */

static void
fake_say(struct writ_conn *c, unsigned type, uint32_t id, struct writ_buf *b)
{
	if (writ_conn_send(c, type, id, writ_buf_view(b), -1) != WRIT_OK)
		_exit(1);
	writ_buf_reset(b);
}

static void
fake_done(struct writ_conn *c, uint32_t id, struct writ_net_done d)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 64);
	writ_net_done_put(&b, &d);
	fake_say(c, WRIT_NET_DONE, id, &b);
}

static void
fake_send(struct writ_conn *c, const struct writ_msg *m)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	writ_auto_release(writ_buf) b;
	struct writ_net_send s;
	unsigned i;

	writ_buf_init(&b, 64);
	if (m->fd < 0 || writ_net_send_get(m->body, fields, &s) != WRIT_OK)
		_exit(1);
	if (writ_str_is(s.target, "/die"))
		_exit(0);
	if (writ_str_is(s.target, "/lie"))
		fake_done(c, m->id + 1, (struct writ_net_done){ 0 });
	if (writ_str_is(s.target, "/lookup-lie"))
		fake_say(c, WRIT_NET_DIAL, WRIT_NET_LOOKUP_ID | 1, &b);
	if (writ_str_is(s.target, "/dial"))
		fake_say(c, WRIT_NET_DIAL, m->id, &b);
	for (i = 0; writ_str_is(s.target, "/dials") && i < 2; i++)
		fake_say(c, WRIT_NET_DIAL, m->id, &b);
	if (writ_str_is(s.target, "/operation") && s.operation_field.len) {
		writ_wire_put_str(&b, WRIT_STR("Write"));
		fake_say(c, WRIT_NET_OPERATION, m->id, &b);
	}
	if (writ_str_is(s.target, "/silent-operation"))
		fake_done(c, m->id, (struct writ_net_done){ .failed = true,
		    .fault.code = WRIT_HTTP_REQUEST_DENIED });
	/* "/wait": nothing, until its exchange closes; the fd is kept */
	if (writ_str_is(s.target, "/wait"))
		(void)!dup(m->fd);
}

static void
fake_message(struct writ_conn *c, const struct writ_msg *m)
{
	const uint8_t walls[4] = { 0xff, 0x01 };
	struct writ_net_done d = { .status = 200, .sent = true, .up = 3,
		.down = 4 };
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 64);
	switch (m->row->type) {
	case WRIT_NET_SEAL:
		writ_buf_add(&b, walls, 4);
		fake_say(c, WRIT_NET_READY, 0, &b);
		c->state = WRIT_STATE_READY;
		return;
	case WRIT_NET_SEND:
		fake_send(c, m);
		return;
	case WRIT_NET_DIALED:
		if (send(m->fd, "hello", 5, MSG_NOSIGNAL) != 5)
			_exit(1);
		fake_done(c, m->id, d);
		return;
	case WRIT_NET_FAIL:
		d = (struct writ_net_done){ .failed = true };
		(void)!writ_fault_get(m->body, &d.fault);
		fake_done(c, m->id, d);
		return;
	default:
		return;
	}
}

static int
fake_net(void)
{
	struct writ_conn c;
	const uint8_t hello[4] = { WRIT_NET_VERSION };
	writ_auto_release(writ_buf) b;
	struct pollfd p = { 3, POLLIN, 0 };
	struct writ_msg m;

	writ_buf_init(&b, 64);
	if (writ_conn_init(&c, 3, &writ_wire_net, WRIT_SIDE_NET, NULL) !=
	    WRIT_OK)
		return 1;
	writ_buf_add(&b, hello, 4);
	fake_say(&c, WRIT_NET_HELLO, 0, &b);
	c.state = WRIT_STATE_SETUP;
	while (writ_conn_flush(&c) == WRIT_OK && poll(&p, 1, 20000) > 0) {
		if (writ_conn_fill(&c) == WRIT_CLOSED)
			break;
		while (writ_conn_next(&c, &m, NULL) == WRIT_OK) {
			fake_message(&c, &m);
			writ_closep(&m.fd);
		}
	}
	return 0;
}

/* ---- the broker's side */

struct world {
	struct fixture *f;
	struct writ_policy *policy;
	struct writ_record record;
	struct writ_budget *budget;
	struct writ_resolver resolver;
	struct writ_net *net;
	struct writ_conn broker, worker;	/* of the wire */
	int listener;
	unsigned port, refused;
};

static void
on_refused(void *ctx, const struct writ_refused *r)
{
	((struct world *)ctx)->refused++;
}

static int
listen_somewhere(unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void
parse(struct world *w, const char *more)
{
	writ_auto_release(writ_buf) doc;
	struct writ_err err = { WRIT_OK, "" };

	writ_buf_init(&doc, 4096);
	writ_buf_printf(&doc, "writ: 1\nname: t\nrandom: secure\nhttp:\n"
	    "  - { name: one, methods: [GET], url: \"http://127.0.0.1:%u/**\"%s }\n"
	    "  - { name: name, methods: [GET], url: \"http://localhost:%u/**\" }\n"
	    "  - { name: nobody, methods: [GET], url: \"http://127.0.0.1:1/**\" }\n"
	    "  - { name: asks, methods: [GET], "
	    "url: \"http://asks.example.com/\", ask: each }\n"
	    "  - { name: op, methods: [POST], url: \"http://127.0.0.2:%u/**\", "
	    "request: { operations: { field: operationName, values: [Read] } } }"
	    "\n", w->port, more, w->port, w->port);
	if (writ_policy_parse(writ_buf_view(&doc), "t.yaml", &w->policy, &err) !=
	    WRIT_OK)
		fail_msg("%s", err.msg);
}

static void
begin_with(struct world *w, const char *more)
{
	struct writ_net_config c = { .program = "/proc/self/exe",
		.record = &w->record, .resolver = &w->resolver };
	struct writ_err err = { WRIT_OK, "" };
	int pair[2];

	w->listener = listen_somewhere(&w->port);
	parse(w, more);
	writ_record_init(&w->record, fixture_must_open(w->f), w->policy,
	    on_refused, w);
	assert_int_equal(writ_budget_open(w->f->dir, w->policy, &w->budget,
	    NULL), WRIT_OK);
	c.policy = w->policy;
	c.budget = w->budget;
	if (writ_net_open(&c, &w->net, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    pair), 0);
	assert_int_equal(writ_conn_init(&w->broker, pair[0], &writ_wire_proto,
	    WRIT_SIDE_BROKER, NULL), WRIT_OK);
	assert_int_equal(writ_conn_init(&w->worker, pair[1], &writ_wire_proto,
	    WRIT_SIDE_WORKER, NULL), WRIT_OK);
	w->worker.state = WRIT_STATE_RUNNING;
}

static int
setup(void **state)
{
	static struct world w;
	void *f;

	memset(&w, 0, sizeof(w));
	if (fixture_setup(&f))
		return -1;
	w.f = f;
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	void *f = w->f;

	writ_net_free(w->net);
	writ_budget_free(w->budget);
	writ_audit_free(w->record.audit);
	writ_record_release(&w->record);
	writ_policy_free(w->policy);
	writ_conn_release(&w->broker);
	writ_conn_release(&w->worker);
	writ_closep(&w->listener);
	return fixture_teardown(&f);
}

/* Let things happen until nothing lives, or for `ms`. */
static void
run(struct world *w, int ms)
{
	uint64_t until = writ_clock_host_ns() + (uint64_t)ms * 1000000;

	do {
		struct pollfd p = { writ_net_fd(w->net), POLLIN, 0 };

		(void)poll(&p, 1, 20);
		writ_net_step(w->net);
	} while (w->net->live && writ_clock_host_ns() < until);
}

struct answer {
	bool faulted;
	enum writ_http_code code;
	int fd;
};

/* Ask, and what the worker is answered. */
static struct answer
ask_with(struct world *w, const char *method, const char *authority,
    const char *path, const struct writ_http_field *field)
{
	struct writ_http_msg m = { .head = { .method = writ_str_from(method),
		.scheme = WRIT_STR("http"),
		.authority = writ_str_from(authority),
		.path = writ_str_from(path), .fields = field,
		.fields_count = field ? 1 : 0 },
		.options.has_body = !strcmp(method, "POST") };
	writ_auto_release(writ_buf) b;
	struct writ_http_fault fault;
	struct answer a = { .fd = -1 };
	struct writ_msg got;

	writ_buf_init(&b, WRIT_WIRE_MSG_MAX);
	writ_http_msg_put(&b, &m);
	assert_int_equal(writ_net_http(w->net, &w->record, &w->broker, 7,
	    writ_buf_view(&b)), WRIT_OK);
	assert_int_equal(writ_conn_flush(&w->broker), WRIT_OK);
	assert_int_equal(writ_conn_fill(&w->worker), WRIT_OK);
	assert_int_equal(writ_conn_next(&w->worker, &got, NULL), WRIT_OK);
	assert_int_equal(got.row->type, WRIT_MSG_HTTP_REPLY);
	assert_int_equal(got.id, 7);
	a.fd = got.fd;
	a.faulted = got.fd < 0;
	if (!a.faulted)
		return a;
	assert_int_equal(writ_fault_get(got.body, &fault), WRIT_OK);
	a.code = fault.code;
	return a;
}

static struct answer
ask(struct world *w, const char *host, const char *path)
{
	char authority[64];

	snprintf(authority, sizeof(authority), "%s:%u", host, w->port);
	return ask_with(w, "GET", authority, path, NULL);
}

/* Whether the listener was connected to, and by whom it was said hello. */
static unsigned
visitors(struct world *w)
{
	char bytes[8];
	unsigned n = 0;
	int fd;

	while ((fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		n += recv(fd, bytes, sizeof(bytes), 0) == 5;
		close(fd);
	}
	return n;
}

/* The last record of the log must have all of these. */
static void
last_has(struct world *w, const char *a, const char *b)
{
	struct writ_buf file = fixture_read(w->f->path);
	struct writ_str line = fixture_line(&file, fixture_lines(&file) - 1);

	if (!fixture_has(line, a) || !fixture_has(line, b))
		fail_msg("%.*s", WRIT_STR_ARG(line));
	writ_buf_release(&file);
}

static unsigned
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* ---- */

static void
test_net__what_is_allowed_is_dialled_and_recorded(void **state)
{
	struct world *w = *state;
	struct answer a;
	unsigned fds, i;

	begin_with(w, "");
	a = ask(w, "127.0.0.1", "/dial");
	assert_false(a.faulted);
	close(a.fd);
	run(w, 5000);
	assert_int_equal(w->net->live, 0);
	assert_int_equal(visitors(w), 1);
	last_has(w, "\"outcome\":\"allowed\",\"bytes\":7", "status 200");
	fds = open_fds();
	for (i = 0; i < 20; i++) {
		a = ask(w, "127.0.0.1", "/dial");
		close(a.fd);
		run(w, 5000);
		assert_int_equal(visitors(w), 1);
	}
	assert_int_equal(open_fds(), fds);
}

static void
test_net__refusals_dial_nothing(void **state)
{
	static const struct {
		const char *method, *host, *path;
		const char *name, *value;	/* of a field */
		enum writ_http_code code;
		const char *rule;
	} rows[] = {
		{ "GET", "127.0.0.3:80", "/", NULL, NULL,
		    WRIT_HTTP_REQUEST_DENIED, "\"rule\":\"unmatched\"" },
		{ "DELETE", "127.0.0.1:1", "/", NULL, NULL,
		    WRIT_HTTP_REQUEST_DENIED, "\"grant\":\"nobody\"" },
		{ "TRACE", "127.0.0.1:1", "/", NULL, NULL,
		    WRIT_HTTP_REQUEST_DENIED, "\"rule\":\"malformed\"" },
		{ "CONNECT", "127.0.0.1:1", "/", NULL, NULL,
		    WRIT_HTTP_REQUEST_DENIED, "\"rule\":\"malformed\"" },
		{ "GET", "127.0.0.1:99999", "/", NULL, NULL,
		    WRIT_HTTP_REQUEST_URI_INVALID, "\"rule\":\"malformed\"" },
		{ "GET", "127.1:1", "/", NULL, NULL,
		    WRIT_HTTP_REQUEST_URI_INVALID, "\"rule\":\"malformed\"" },
		{ "GET", "2130706433:1", "/", NULL, NULL,
		    WRIT_HTTP_REQUEST_URI_INVALID, "\"rule\":\"malformed\"" },
		{ "GET", "user@127.0.0.1:1", "/", NULL, NULL,
		    WRIT_HTTP_REQUEST_URI_INVALID, "\"rule\":\"malformed\"" },
		{ "GET", "127.0.0.1:1", "/a/../b", NULL, NULL,
		    WRIT_HTTP_REQUEST_URI_INVALID, "\"rule\":\"malformed\"" },
		{ "GET", "127.0.0.1:1", "/", "host",
		    "other", WRIT_HTTP_REQUEST_DENIED,
		    "\"rule\":\"malformed\"" },
		{ "GET", "127.0.0.1:1", "/", "content-length",
		    "5", WRIT_HTTP_REQUEST_DENIED,
		    "\"rule\":\"malformed\"" },
		{ "GET", "asks.example.com", "/", NULL, NULL,
		    WRIT_HTTP_REQUEST_DENIED, "\"outcome\":\"no-approver\"" },
	};
	struct world *w = *state;
	struct answer a;
	size_t i;

	begin_with(w, "");
	for (i = 0; i < COUNT(rows); i++) {
		struct writ_http_field f = { writ_str_from(rows[i].name),
			writ_str_from(rows[i].value) };

		a = ask_with(w, rows[i].method, rows[i].host, rows[i].path,
		    rows[i].name ? &f : NULL);
		assert_true(a.faulted);
		if (a.code != rows[i].code)
			fail_msg("row %zu: %d", i, a.code);
		last_has(w, rows[i].rule, "");
	}
	assert_int_equal(w->net->live, 0);
	assert_int_equal(w->refused, COUNT(rows));
	assert_int_equal(visitors(w), 0);
}

static void
test_net__a_name_must_not_lead_to_this_machine(void **state)
{
	struct world *w = *state;
	struct answer a;

	begin_with(w, "");
	a = ask(w, "localhost", "/dial");
	close(a.fd);
	run(w, 5000);
	assert_int_equal(visitors(w), 0);
	last_has(w, "\"outcome\":\"denied\"", "127.0.0.1: loopback");
}

static void
test_net__refused_connections_are_one_code(void **state)
{
	struct world *w = *state;
	struct answer a;

	begin_with(w, "");
	a = ask_with(w, "GET", "127.0.0.1:1", "/dial", NULL);
	close(a.fd);
	run(w, 5000);
	last_has(w, "\"outcome\":\"failed\"", "connection refused");
}

static void
test_net__a_net_that_dies_or_lies_is_replaced(void **state)
{
	static const char *const paths[] = { "/die", "/lie", "/lookup-lie",
		"/dials" };
	struct world *w = *state;
	struct answer a;
	size_t i;

	begin_with(w, "");
	for (i = 0; i < COUNT(paths); i++) {
		a = ask(w, "127.0.0.1", paths[i]);
		run(w, 5000);
		close(a.fd);
		assert_int_equal(w->net->live, 0);
		assert_true(w->net->conn.fd < 0 && w->net->child.pid <= 0);
		last_has(w, "\"outcome\":\"unknown\"", "writ-net");
		a = ask(w, "127.0.0.1", "/dial");
		assert_false(a.faulted);
		run(w, 5000);
		close(a.fd);
		last_has(w, "\"outcome\":\"allowed\"", "status 200");
	}
	/* but not for ever */
	for (i = 0; i < WRIT_NET_STARTS_MAX; i++) {
		a = ask(w, "127.0.0.1", "/die");
		if (a.faulted)
			break;
		close(a.fd);
		run(w, 5000);
	}
	assert_true(a.faulted && a.code == WRIT_HTTP_INTERNAL_ERROR);
	last_has(w, "\"outcome\":\"failed\"", "cannot be started");
}

static void
test_net__concurrency_is_given_back(void **state)
{
	struct world *w = *state;
	struct answer a, b;

	begin_with(w, ", concurrency: 1");
	a = ask(w, "127.0.0.1", "/wait");
	assert_false(a.faulted);
	b = ask(w, "127.0.0.1", "/dial");
	assert_true(b.faulted);
	assert_int_equal(b.code, WRIT_HTTP_CONNECTION_LIMIT_REACHED);
	last_has(w, "\"rule\":\"http.one.concurrency\"", "\"deny\"");
	run(w, 100);
	writ_net_lose(w->net, "for a test");
	close(a.fd);
	b = ask(w, "127.0.0.1", "/dial");
	assert_false(b.faulted);
	run(w, 5000);
	close(b.fd);
	assert_int_equal(visitors(w), 1);
}

static void
test_net__operations_are_judged_before_anything_is_sent(void **state)
{
	struct world *w = *state;
	char authority[64];
	struct writ_http_field type = { WRIT_STR("content-type"),
		WRIT_STR("application/json") };
	struct answer a;

	begin_with(w, "");
	snprintf(authority, sizeof(authority), "127.0.0.2:%u", w->port);
	a = ask_with(w, "POST", authority, "/operation", &type);
	assert_false(a.faulted);
	run(w, 5000);
	close(a.fd);
	assert_int_equal(w->net->live, 0);
	last_has(w, "\"verdict\":\"deny\"", "Write");
	a = ask_with(w, "POST", authority, "/silent-operation", &type);
	run(w, 5000);
	close(a.fd);
	last_has(w, "\"rule\":\"http.operation\"", "\"deny\"");
	/* dialling before the decision waits for it, and never happens here */
	a = ask_with(w, "POST", authority, "/dial", &type);
	run(w, 200);
	assert_int_equal(w->net->live, 1);
	close(a.fd);
	assert_int_equal(visitors(w), 0);
}

static void
test_net__without_file_descriptors_it_says_so(void **state)
{
	struct world *w = *state;
	struct rlimit old, few;
	struct answer a;

	begin_with(w, "");
	a = ask(w, "127.0.0.1", "/dial");
	close(a.fd);
	run(w, 5000);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = 3;		/* what is open stays open */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	a = ask(w, "127.0.0.1", "/dial");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(a.faulted);
	assert_int_equal(a.code, WRIT_HTTP_CONNECTION_LIMIT_REACHED);
	last_has(w, "\"outcome\":\"failed\"", "no more file descriptors");
	a = ask(w, "127.0.0.1", "/dial");
	assert_false(a.faulted);
	close(a.fd);
	run(w, 5000);
	last_has(w, "\"outcome\":\"allowed\"", "status 200");
}

static void
test_net__the_end_of_a_session_has_every_outcome(void **state)
{
	struct world *w = *state;
	struct answer a[3];
	size_t i;

	begin_with(w, "");
	for (i = 0; i < 3; i++)
		a[i] = ask(w, "127.0.0.1", "/wait");
	run(w, 100);
	assert_int_equal(w->net->live, 3);
	writ_net_free(writ_steal(&w->net));
	for (i = 0; i < 3; i++)
		close(a[i].fd);
	last_has(w, "\"outcome\":\"unknown\"", "the session ended");
	assert_int_equal(w->record.failed, false);
}

/* ---- name servers */

static void
test_resolver__one_spelling_of_a_server(void **state)
{
	static const struct {
		const char *text, *want;	/* NULL: refused */
	} rows[] = {
		{ "127.0.0.1", "127.0.0.1:53" },
		{ "127.0.0.1:5353", "127.0.0.1:5353" },
		{ "::1", "[::1]:53" },
		{ "[::1]", "[::1]:53" },
		{ "[::1]:5353", "[::1]:5353" },
		{ "", NULL }, { ":53", NULL }, { "127.0.0.1:", NULL },
		{ "127.0.0.1:0", NULL }, { "127.0.0.1:65536", NULL },
		{ "127.1", NULL }, { "localhost", NULL }, { "[::1", NULL },
		{ "[::1]:", NULL }, { "[::1]x", NULL }, { "[127.0.0.1]", NULL },
		{ "fe80::1%lo", NULL }, { "127.0.0.1 ", NULL },
	};
	struct writ_resolver r;
	char text[128];
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		enum writ_status st = writ_resolver_parse(
		    writ_str_from(rows[i].text), &r, NULL);

		if ((st == WRIT_OK) != (rows[i].want != NULL))
			fail_msg("\"%s\"", rows[i].text);
		if (st != WRIT_OK)
			continue;
		writ_resolver_text(&r, text, sizeof(text));
		assert_string_equal(text, rows[i].want);
	}
	writ_resolver_conf(WRIT_STR("# nameserver 1.1.1.1\nsearch x\n"
	    "nameserver\t10.0.0.1\r\nnameserver fe80::1%eth0\nnameserver\n"
	    "nameserver 2001:db8::1 # a\nnameserver 1\nnameserver 10.0.0.2\n"
	    "nameserver 10.0.0.3"), &r);
	writ_resolver_text(&r, text, sizeof(text));
	assert_string_equal(text, "10.0.0.1:53, [2001:db8::1]:53, 10.0.0.2:53");
	writ_resolver_conf(WRIT_STR(""), &r);
	assert_int_equal(r.count, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_net__what_is_allowed_is_dialled_and_recorded),
		T(test_net__refusals_dial_nothing),
		T(test_net__a_name_must_not_lead_to_this_machine),
		T(test_net__refused_connections_are_one_code),
		T(test_net__a_net_that_dies_or_lies_is_replaced),
		T(test_net__concurrency_is_given_back),
		T(test_net__operations_are_judged_before_anything_is_sent),
		T(test_net__without_file_descriptors_it_says_so),
		T(test_net__the_end_of_a_session_has_every_outcome),
		cmocka_unit_test(test_resolver__one_spelling_of_a_server),
	};

	/* started by the broker: walls, user and group */
	if (argc > 3)
		return fake_net();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
