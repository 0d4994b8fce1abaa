/*
 * fuzz_wire.c - foreign bytes into every decoder of the wire, and into a connection of either
 * side in every state.
 */
#include <sys/socket.h>

#include "base/limits.h"
#include "wire/conn.h"
#include "wire/exchange.h"
#include "wire/fs_msg.h"
#include "wire/net.h"
#include "wire/setup_msg.h"
#include "wire/sock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
decode(struct writ_str body)
{
	static uint8_t bytes[WRIT_FS_IO_MAX];
	struct writ_fs_call call = { .what = WRIT_FS_READ, .buf = bytes,
		.len = sizeof(bytes) };
	struct writ_mount_msg mount;
	struct writ_done_msg done;
	struct writ_setup setup;
	struct writ_sock_reply reply = { .count = 0 };
	struct writ_sock_address to;
	struct writ_sock_msg sock;
	struct writ_str gram;
	enum writ_status st;

	if (writ_fs_reply_get(body, &call, &st) == WRIT_OK &&
	    call.out_count > sizeof(bytes))
		WRIT_BUG("a reply longer than its buffer");
	if (writ_fs_msg_get(body, &call) == WRIT_OK &&
	    (call.what >= WRIT_FS_OP_COUNT || call.len > WRIT_FS_IO_MAX))
		WRIT_BUG("a request out of range");
	if (writ_mount_get(body, &mount) == WRIT_OK && mount.deny_count > 64)
		WRIT_BUG("too many patterns");
	(void)!writ_setup_get(body, &setup);
	if (writ_sock_msg_get(body, &sock) == WRIT_OK &&
	    (sock.what >= WRIT_SOCK_MSG_COUNT ||
	    sock.name.len > WRIT_HTTP_HOST_MAX))
		WRIT_BUG("a socket request out of range");
	if (writ_sock_reply_get(body, &reply) == WRIT_OK &&
	    reply.count > WRIT_NET_ADDRESSES_MAX)
		WRIT_BUG("more addresses than there is room for");
	if (writ_sock_gram_get(body, &to, &gram) == WRIT_OK &&
	    gram.len + WRIT_SOCK_GRAM_HEAD != body.len)
		WRIT_BUG("a datagram of another length");
	if (writ_done_get(body, &done) == WRIT_OK &&
	    strlen(done.outcome.msg) >= sizeof(done.outcome.msg))
		WRIT_BUG("a text without its end");
}

static void
decode_net(struct writ_str body)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	struct writ_net_resolved resolved;
	struct writ_wire_in in = writ_wire_in(body);
	struct writ_http_fault fault;
	struct writ_net_send send;
	struct writ_net_done done;
	struct writ_http_msg msg;
	size_t count;

	writ_fields_get(&in, fields, &count);
	if (count > WRIT_HTTP_FIELDS_OUT_MAX)
		WRIT_BUG("too many fields");
	if (writ_http_msg_get(body, fields, &msg) == WRIT_OK &&
	    msg.head.fields_count > WRIT_HTTP_FIELDS_OUT_MAX)
		WRIT_BUG("too many fields of a request");
	if (writ_net_send_get(body, fields, &send) == WRIT_OK &&
	    (send.port == 0 || send.port > 65535 || send.target.ptr[0] != '/'))
		WRIT_BUG("a request of net out of range");
	if (writ_net_resolved_get(body, &resolved) == WRIT_OK &&
	    resolved.count > WRIT_NET_ADDRESSES_MAX)
		WRIT_BUG("too many addresses");
	if (writ_fault_get(body, &fault) == WRIT_OK &&
	    fault.code >= WRIT_HTTP_CODE_COUNT)
		WRIT_BUG("a fault that does not exist");
	(void)!writ_net_done_get(body, &done);
}

/* One of the languages, and a side of it. */
static void
choose(uint8_t byte, const struct writ_wire_table **table,
    enum writ_wire_side *side)
{
	static const struct {
		const struct writ_wire_table *table;
		enum writ_wire_side sides[2];
	} all[] = {
		{ &writ_wire_proto, { WRIT_SIDE_WORKER, WRIT_SIDE_BROKER } },
		{ &writ_wire_net, { WRIT_SIDE_NET, WRIT_SIDE_BROKER } },
		{ &writ_wire_exchange, { WRIT_SIDE_NET, WRIT_SIDE_WORKER } },
	};
	size_t i = (byte >> 3) % 3;

	*table = all[i].table;
	*side = all[i].sides[byte & 1];
}

static void
converse(uint8_t how, enum writ_wire_state state, const uint8_t *data,
    size_t size)
{
	const struct writ_wire_table *table;
	enum writ_wire_side side;
	struct writ_conn c = { .fd = -1 };
	struct writ_msg m;
	int fds[2];

	choose(how, &table, &side);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds))
		return;
	if (writ_conn_init(&c, fds[0], table, side, NULL) == WRIT_OK) {
		c.state = state;
		(void)!write(fds[1], data, size);
		(void)!writ_conn_fill(&c);
		while (writ_conn_next(&c, &m, NULL) == WRIT_OK) {
			if (m.row->from == side ||
			    !(m.row->states & (unsigned)state) ||
			    m.body.len > m.row->max)
				WRIT_BUG("a message outside the table");
			decode(m.body);
			decode_net(m.body);
			writ_closep(&m.fd);
		}
	}
	writ_conn_release(&c);
	close(fds[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 100000)
		return 0;
	converse(data[0], (enum writ_wire_state)(1u << ((data[0] >> 1) & 3)),
	    data + 1, size - 1);
	decode(writ_str((const char *)data, size));
	decode_net(writ_str((const char *)data, size));
	return 0;
}
