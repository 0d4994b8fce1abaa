/*
 * fuzz_mcp.c - lines of a client into the MCP front end, with the fake broker of the tests
 * behind it; and bytes of a broker that lies.  The first byte chooses.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include "../tests/unit/mcp/fake.h"
#include "base/hash.h"
#include "mcp/mcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned waiting;	/* sinks that have not been ended */

static void
check_line(struct writ_str json)
{
	json_t *j = NULL;

	if (memchr(json.ptr, '\n', json.len))
		WRIT_BUG("a line break in a message");
	if (writ_json_parse_foreign(json, 64 * WRIT_MIB, &j, NULL) != WRIT_OK)
		WRIT_BUG("a message that is no JSON");
	json_decref(j);
}

static void
on_send(struct writ_mcp_sink *sink, struct writ_str json)
{
	check_line(json);
}

static void
on_end(struct writ_mcp_sink *sink, struct writ_str json, unsigned http)
{
	if (json.len)
		check_line(json);
	waiting--;
	free(sink);
}

static struct writ_mcp_sink *
sink_new(void)
{
	struct writ_mcp_sink *s = malloc(sizeof(*s));

	if (!s)
		abort();
	*s = (struct writ_mcp_sink){ on_send, on_end };
	waiting++;
	return s;
}

struct desk {
	struct fake fake;
	struct writ_conn conn;
	struct writ_mcp *m;
	struct writ_mcp_client *clients[3];
	struct writ_mcp_sink stream;
};

static void
settle(struct desk *d)
{
	unsigned i;

	for (i = 0; i < 3; i++) {
		(void)!writ_conn_flush(&d->conn);
		if (!fake_step(&d->fake))
			WRIT_BUG("the front end broke the language");
		if (writ_conn_fill(&d->conn) == WRIT_OK &&
		    writ_mcp_broker(d->m, NULL) == WRIT_PROTO)
			WRIT_BUG("an honest broker was refused");
	}
}

static void
open_desk(struct desk *d, bool greet)
{
	int fds[2];
	unsigned i;

	d->stream.send = on_send;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		abort();
	fake_init(&d->fake, fds[0]);
	if (writ_conn_init(&d->conn, fds[1], &writ_wire_api, WRIT_SIDE_FRONT,
	    NULL) != WRIT_OK || writ_mcp_new(&d->conn, &d->m, NULL) != WRIT_OK)
		abort();
	if (!greet)
		return;
	fake_greet(&d->fake, WRIT_API_STDIO);
	settle(d);
	for (i = 0; i < 3; i++) {
		if (writ_mcp_client_open(d->m, (enum writ_mcp_peer)i,
		    &d->clients[i], NULL) != WRIT_OK)
			abort();
		writ_mcp_client_stream(d->clients[i], &d->stream);
	}
}

static void
close_desk(struct desk *d)
{
	writ_mcp_free(d->m);
	writ_conn_release(&d->conn);
	fake_release(&d->fake);
	if (waiting)
		WRIT_BUG("a sink was forgotten");
}

static void
one_line(struct desk *d, struct writ_mcp_client *c, struct writ_str line)
{
	struct writ_mcp_in in;

	writ_mcp_in_init(&in, line);
	writ_mcp_receive(d->m, c, &in, sink_new());
	writ_mcp_in_release(&in);
	settle(d);
}

static void
clients_say(struct desk *d, struct writ_str text)
{
	static const char init[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":"
	    "\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
	    "\"capabilities\":{\"elicitation\":{},\"sampling\":{},"
	    "\"roots\":{}}}}";
	unsigned n = 0;

	one_line(d, d->clients[0], writ_str_from(init));
	while (text.len && n++ < 64) {
		struct writ_str line = writ_str_cut(text, '\n', &text);

		one_line(d, d->clients[n % 7 == 6 ? 2 : n % 11 == 10 ? 1 : 0],
		    line);
		if (n % 5 == 4)
			fake_finish(&d->fake);
		(void)writ_mcp_tick(d->m, 1000 * n);
	}
	fake_catalog(&d->fake, 1 + n % 2);
	settle(d);
	(void)writ_mcp_tick(d->m, 10000000);
	settle(d);
}

/* Whole messages of a broker, cut from the input, as a front end with calls gets them. */
static void
broker_says(struct desk *d, struct writ_str text)
{
	static const char call[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
	    "\"tools/call\",\"params\":{\"name\":\"slow\",\"_meta\":{"
	    "\"progressToken\":1,\"io.modelcontextprotocol/protocolVersion\":"
	    "\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{"
	    "\"elicitation\":{},\"roots\":{}}}}}";

	one_line(d, d->clients[0], writ_str_from(call));
	if (write(d->fake.conn.fd, text.ptr, text.len) < 0)
		return;
	while (writ_conn_fill(&d->conn) == WRIT_OK)
		if (writ_mcp_broker(d->m, NULL) != WRIT_OK)
			break;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct writ_str text = { (const char *)data + 1, size - 1 };
	static struct desk d;
	static bool ready;

	if (size < 1 || size > 64 * 1024)
		return 0;
	if (!ready) {
		if (writ_hash_init() != WRIT_OK)
			abort();
		writ_json_init();
		ready = true;
	}
	memset(&d, 0, sizeof(d));
	open_desk(&d, true);
	if (data[0] & 1)
		broker_says(&d, text);
	else
		clients_say(&d, text);
	close_desk(&d);
	return 0;
}
