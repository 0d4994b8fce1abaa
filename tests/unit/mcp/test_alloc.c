/* Memory that is gone: each message ends its sink once, and nothing else happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "fake.h"
#include "mcp/mcp.h"

#define META "\"_meta\":{\"progressToken\":\"t\"," \
	"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{\"elicitation\":{}," \
	"\"sampling\":{},\"roots\":{}}}"

static const char *const lines[] = {
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\","
	    "\"params\":{" META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\","
	    "\"params\":{" META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
	    "{\"name\":\"named\",\"arguments\":{\"session\":\"s\",\"a\":1},"
	    META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
	    "{\"name\":\"content\"," META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
	    "{\"name\":\"refused\"," META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
	    "{\"name\":\"progress\"," META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
	    "{\"name\":\"gather\",\"inputResponses\":{\"a\":{\"action\":"
	    "\"cancel\"}}," META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
	    "{\"name\":\"writ_request_grant\",\"arguments\":{\"tool\":\"t\","
	    "\"what\":\"w\",\"why\":\"y\"}," META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/get\",\"params\":"
	    "{\"name\":\"greet\",\"arguments\":{\"who\":\"w\"}," META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/get\",\"params\":"
	    "{\"name\":\"made\"," META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\","
	    "\"params\":{\"uri\":\"test://static-text\"," META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\","
	    "\"params\":{" META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscriptions/listen\","
	    "\"params\":{\"notifications\":{\"toolsListChanged\":true,"
	    "\"resourceSubscriptions\":[\"a:b\"]}," META "}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":"
	    "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
	    "\"clientInfo\":{\"name\":\"n\"}}}",
};
#define LINES (sizeof(lines) / sizeof(lines[0]))

static unsigned ends;

static void
on_send(struct writ_mcp_sink *sink, struct writ_str json)
{
}

static void
on_end(struct writ_mcp_sink *sink, struct writ_str json, unsigned http)
{
	ends++;
}

/* One message with the nth allocation of the front end failing, in each of its turns. */
static void
once(const char *line, long n)
{
	struct writ_mcp_sink sink = { on_send, on_end };
	struct writ_conn conn = { .fd = -1 };
	struct writ_mcp_client *client;
	struct writ_mcp *m = NULL;
	static struct fake fake;
	struct writ_mcp_in in;
	int fds[2], i;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds), 0);
	fake_init(&fake, fds[0]);
	assert_int_equal(writ_conn_init(&conn, fds[1], &writ_wire_api,
	    WRIT_SIDE_FRONT, NULL), WRIT_OK);
	assert_int_equal(writ_mcp_new(&conn, &m, NULL), WRIT_OK);
	assert_int_equal(writ_conn_flush(&conn), WRIT_OK);
	assert_true(fake_step(&fake));
	fake_greet(&fake, WRIT_API_STDIO);
	assert_true(fake_step(&fake));
	assert_int_equal(writ_conn_fill(&conn), WRIT_OK);
	assert_int_equal(writ_mcp_broker(m, NULL), WRIT_OK);
	assert_int_equal(writ_mcp_client_open(m, WRIT_MCP_PIPE, &client, NULL),
	    WRIT_OK);
	ends = 0;
	writ_mem_fail_after(n);
	writ_mcp_in_init(&in, writ_str_from(line));
	writ_mcp_receive(m, client, &in, &sink);
	writ_mcp_in_release(&in);
	writ_mem_fail_after(-1);
	for (i = 0; i < 3; i++) {
		assert_int_not_equal(writ_conn_flush(&conn), WRIT_CLOSED);
		assert_true(fake_step(&fake));
		if (writ_conn_fill(&conn) != WRIT_OK)
			continue;
		writ_mem_fail_after(n);
		assert_int_not_equal(writ_mcp_broker(m, NULL), WRIT_PROTO);
		writ_mem_fail_after(-1);
	}
	writ_mcp_free(m);
	assert_int_equal(ends, 1);
	writ_conn_release(&conn);
	fake_release(&fake);
}

static void
test_mcp__each_message_is_ended_once_when_memory_is_gone(void **state)
{
	size_t i;
	long n;

	for (i = 0; i < LINES; i++)
		for (n = 0; n < 120; n++)
			once(lines[i], n);
}

/* A catalog that does not fit ends the front end, in good order. */
static void
test_mcp__a_catalog_without_memory_is_an_error(void **state)
{
	struct writ_conn conn = { .fd = -1 };
	static struct fake fake;
	enum writ_status st;
	int fds[2];
	long n;

	for (n = 0; n < 400; n += 3) {
		struct writ_mcp *m = NULL;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM |
		    SOCK_CLOEXEC, 0, fds), 0);
		fake_init(&fake, fds[0]);
		assert_int_equal(writ_conn_init(&conn, fds[1], &writ_wire_api,
		    WRIT_SIDE_FRONT, NULL), WRIT_OK);
		assert_int_equal(writ_mcp_new(&conn, &m, NULL), WRIT_OK);
		fake.plain = true;
		fake_greet(&fake, WRIT_API_STDIO);
		assert_true(fake_step(&fake));
		assert_int_equal(writ_conn_fill(&conn), WRIT_OK);
		writ_mem_fail_after(n);
		st = writ_mcp_broker(m, NULL);
		writ_mem_fail_after(-1);
		assert_true(st == WRIT_NOMEM || (st == WRIT_OK &&
		    writ_mcp_ready(m)));
		writ_mcp_free(m);
		writ_conn_release(&conn);
		fake_release(&fake);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_mcp__each_message_is_ended_once_when_memory_is_gone),
		cmocka_unit_test(test_mcp__a_catalog_without_memory_is_an_error),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
