/* Several clients of one server, and the ends of their connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "fake.h"
#include "mcp/mcp.h"

#define META "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":" \
	"\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":" \
	"{\"elicitation\":{}}}"
#define INIT "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\"," \
	"\"params\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":" \
	"{\"elicitation\":{}}}}"
#define SLOW "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"," \
	"\"params\":{\"name\":\"slow\"}}"

/* A sink that remembers what came last. */
struct seen {
	struct writ_mcp_sink sink;
	unsigned sends, ends;
	char last[8192];
};

struct desk {
	struct fake fake;
	struct writ_conn conn;
	struct writ_mcp *m;
};

static void
keep(struct writ_mcp_sink *sink, struct writ_str json)
{
	struct seen *s = (struct seen *)sink;

	snprintf(s->last, sizeof(s->last), "%.*s", (int)json.len, json.ptr);
}

static void
on_send(struct writ_mcp_sink *sink, struct writ_str json)
{
	((struct seen *)sink)->sends++;
	keep(sink, json);
}

static void
on_end(struct writ_mcp_sink *sink, struct writ_str json, unsigned http)
{
	((struct seen *)sink)->ends++;
	keep(sink, json);
}

static const struct seen nothing = { { on_send, on_end }, 0, 0, "" };

static void
settle(struct desk *d)
{
	unsigned i;

	for (i = 0; i < 4; i++) {
		assert_int_not_equal(writ_conn_flush(&d->conn), WRIT_CLOSED);
		assert_true(fake_step(&d->fake));
		if (writ_conn_fill(&d->conn) == WRIT_OK)
			assert_int_equal(writ_mcp_broker(d->m, NULL), WRIT_OK);
	}
}

static int
set_up(void **state)
{
	static struct desk d;
	int fds[2];

	memset(&d, 0, sizeof(d));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -1;
	fake_init(&d.fake, fds[0]);
	if (writ_conn_init(&d.conn, fds[1], &writ_wire_api, WRIT_SIDE_FRONT,
	    NULL) != WRIT_OK || writ_mcp_new(&d.conn, &d.m, NULL) != WRIT_OK)
		return -1;
	fake_greet(&d.fake, WRIT_API_HTTP);
	settle(&d);
	*state = &d;
	return 0;
}

static int
tear_down(void **state)
{
	struct desk *d = *state;

	writ_mcp_free(d->m);
	writ_conn_release(&d->conn);
	fake_release(&d->fake);
	return 0;
}

static struct writ_mcp_client *
open_client(struct desk *d, enum writ_mcp_peer peer)
{
	struct writ_mcp_client *c = NULL;

	assert_int_equal(writ_mcp_client_open(d->m, peer, &c, NULL), WRIT_OK);
	return c;
}

static void
say(struct desk *d, struct writ_mcp_client *c, const char *text,
    struct seen *seen)
{
	struct writ_mcp_in in;

	*seen = nothing;
	writ_mcp_in_init(&in, writ_str_from(text));
	writ_mcp_receive(d->m, c, &in, &seen->sink);
	writ_mcp_in_release(&in);
	settle(d);
}

static void
test_server__clients_are_bounded(void **state)
{
	struct desk *d = *state;
	struct writ_mcp_client *c, *first = NULL;
	struct writ_err err = { WRIT_OK, "" };
	struct seen seen;
	unsigned i;

	for (i = 0; i < 16; i++) {
		c = open_client(d, WRIT_MCP_SESSION);
		say(d, c, INIT, &seen);
		if (!first)
			first = c;
	}
	assert_int_equal(writ_mcp_client_open(d->m, WRIT_MCP_SESSION, &c,
	    &err), WRIT_LIMIT);
	writ_mcp_client_close(d->m, first);
	(void)open_client(d, WRIT_MCP_SESSION);
	settle(d);
	assert_int_equal(d->fake.opened, 16);
	assert_int_equal(d->fake.closed, 1);
}

static void
test_server__one_client_cannot_touch_another(void **state)
{
	struct desk *d = *state;
	struct writ_mcp_client *a = open_client(d, WRIT_MCP_SESSION);
	struct writ_mcp_client *b = open_client(d, WRIT_MCP_SESSION);
	struct seen slow, ask, other;

	say(d, a, INIT, &other);
	say(d, b, INIT, &other);
	say(d, a, SLOW, &slow);
	say(d, b, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":1}}", &other);
	assert_int_equal(d->fake.cancelled, 0);
	say(d, a, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\","
	    "\"params\":{\"name\":\"ask\"}}", &ask);
	assert_int_equal(ask.sends, 1);
	assert_non_null(strstr(ask.last, "\"id\":1,\"method\":\"elicit"));
	say(d, b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"action\":"
	    "\"decline\"}}", &other);
	assert_int_equal(ask.ends, 0);
	say(d, a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"action\":"
	    "\"decline\"}}", &other);
	assert_int_equal(ask.ends, 1);
	writ_mcp_client_close(d->m, a);
	assert_int_equal(slow.ends, 1);
	assert_string_equal(slow.last, "");
	settle(d);
	assert_int_equal(d->fake.cancelled, 1);
	say(d, b, SLOW, &slow);
	fake_finish(&d->fake);
	settle(d);
	assert_non_null(strstr(slow.last, "at last"));
}

static void
test_server__a_state_is_of_its_client(void **state)
{
	struct desk *d = *state;
	struct writ_mcp_client *a = open_client(d, WRIT_MCP_PIPE);
	struct writ_mcp_client *b = open_client(d, WRIT_MCP_PIPE);
	struct seen first, again;
	char line[1024], *at;

	say(d, a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
	    "\"params\":{\"name\":\"ask\"," META "}}", &first);
	at = strstr(first.last, "\"requestState\":\"");
	assert_non_null(at);
	snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":"
	    "\"tools/call\",\"params\":{\"name\":\"ask\",%.*s\","
	    "\"inputResponses\":{\"user_name\":{\"action\":\"cancel\"}}," META
	    "}}", (int)(strchr(at + 17, '"') - at), at);
	say(d, b, line, &again);
	assert_non_null(strstr(again.last, "-32602"));
	say(d, a, line, &again);
	assert_non_null(strstr(again.last, "\"complete\""));
}

static void
test_server__a_stream_that_ends_cancels_what_is_stateless(void **state)
{
	struct desk *d = *state;
	struct writ_mcp_client *all = open_client(d, WRIT_MCP_STATELESS);
	struct writ_mcp_client *s = open_client(d, WRIT_MCP_SESSION);
	struct seen one, two, old, listen;

	say(d, all, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
	    "\"params\":{\"name\":\"slow\"," META "}}", &one);
	say(d, all, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
	    "\"params\":{\"name\":\"slow\"," META "}}", &two);
	say(d, all, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":"
	    "\"subscriptions/listen\",\"params\":{\"notifications\":{"
	    "\"toolsListChanged\":true}," META "}}", &listen);
	assert_int_equal(listen.sends, 1);
	say(d, s, INIT, &old);
	say(d, s, SLOW, &old);
	writ_mcp_gone(d->m, &one.sink);
	writ_mcp_gone(d->m, &listen.sink);
	writ_mcp_gone(d->m, &old.sink);
	settle(d);
	assert_int_equal(d->fake.cancelled, 1);
	assert_int_equal(one.ends + listen.ends + old.ends, 0);
	fake_catalog(&d->fake, 1);
	fake_finish(&d->fake);
	settle(d);
	assert_int_equal(listen.sends, 1);
	assert_int_equal(two.ends, 1);
	assert_int_equal(one.ends + old.ends, 0);
	assert_int_equal(writ_mcp_client_busy(s), 0);
	assert_int_equal(writ_mcp_client_busy(all), 0);
}

static void
test_server__listeners_leave_room_for_calls(void **state)
{
	struct desk *d = *state;
	struct writ_mcp_client *all = open_client(d, WRIT_MCP_STATELESS);
	static struct seen seen[WRIT_MCP_LISTENS_MAX + 1];
	size_t i;

	for (i = 0; i <= WRIT_MCP_LISTENS_MAX; i++) {
		struct writ_mcp_in in;

		seen[i] = nothing;
		writ_mcp_in_init(&in, WRIT_STR("{\"jsonrpc\":\"2.0\",\"id\":2,"
		    "\"method\":\"subscriptions/listen\",\"params\":{"
		    "\"notifications\":{}," META "}}"));
		writ_mcp_receive(d->m, all, &in, &seen[i].sink);
		writ_mcp_in_release(&in);
	}
	assert_int_equal(seen[WRIT_MCP_LISTENS_MAX - 1].ends, 0);
	assert_non_null(strstr(seen[WRIT_MCP_LISTENS_MAX].last, "too many"));
	say(d, all, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
	    "\"params\":{\"name\":\"text\"," META "}}", &seen[0]);
	assert_non_null(strstr(seen[0].last, "hello"));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_server__clients_are_bounded),
		TEST(test_server__one_client_cannot_touch_another),
		TEST(test_server__a_state_is_of_its_client),
		TEST(test_server__a_stream_that_ends_cancels_what_is_stateless),
		TEST(test_server__listeners_leave_room_for_calls),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
