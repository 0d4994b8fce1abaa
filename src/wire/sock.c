#include "wire/sock.h"

#include "base/limits.h"

#define W WRIT_SIDE_WORKER
#define B WRIT_SIDE_BROKER
#define RUN WRIT_STATE_RUNNING
#define IO WRIT_FS_IO_MAX
#define GRAM (WRIT_SOCK_GRAM_HEAD + WRIT_SOCK_GRAM_MAX)

static const struct writ_wire_row rows[] = {
	/* type         from   states min                  max   fds name */
	{ WRIT_S_DATA,  W | B, RUN,   1,                   IO,   0, "data" },
	{ WRIT_S_END,   W | B, RUN,   0,                   0,    0, "end" },
	{ WRIT_S_GRAM,  W | B, RUN,   WRIT_SOCK_GRAM_HEAD, GRAM, 0, "gram" },
	{ WRIT_S_DEAF,  W,     RUN,   0,                   0,    0, "deaf" },
	{ WRIT_S_FAULT, B,     RUN,   1,                   1,    0, "fault" },
};

const struct writ_wire_table writ_wire_sock = {
	rows, sizeof(rows) / sizeof(rows[0]), true
};

static void
put_address(struct writ_buf *b, const struct writ_sock_address *a)
{
	writ_buf_add(b, a->ip, sizeof(a->ip));
	writ_wire_put_u32(b, a->port);
}

static void
get_address(struct writ_wire_in *in, struct writ_sock_address *a)
{
	uint32_t port;
	unsigned i;

	for (i = 0; i < sizeof(a->ip); i++)
		a->ip[i] = writ_wire_get_u8(in);
	port = writ_wire_get_u32(in);
	if (port > UINT16_MAX)
		in->bad = true;
	a->port = (uint16_t)port;
}

void
writ_sock_msg_put(struct writ_buf *b, const struct writ_sock_msg *m)
{
	writ_wire_put_u8(b, (uint8_t)m->what);
	writ_wire_put_u8(b, (uint8_t)(m->udp | m->v6 << 1 |
	    m->has_address << 2));
	writ_wire_put_u32(b, m->sock);
	writ_wire_put_u32(b, m->new_sock);
	put_address(b, &m->address);
	writ_wire_put_u32(b, m->option);
	writ_wire_put_u64(b, m->value);
	writ_wire_put_str(b, m->name);
}

enum writ_status
writ_sock_msg_get(struct writ_str body, struct writ_sock_msg *m)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned flags;

	m->what = writ_wire_get_u8(&in);
	flags = writ_wire_get_u8(&in);
	m->udp = flags & 1;
	m->v6 = flags & 2;
	m->has_address = flags & 4;
	m->sock = writ_wire_get_u32(&in);
	m->new_sock = writ_wire_get_u32(&in);
	get_address(&in, &m->address);
	m->option = writ_wire_get_u32(&in);
	m->value = writ_wire_get_u64(&in);
	m->name = writ_wire_get_str(&in, WRIT_HTTP_HOST_MAX);
	if (!writ_wire_done(&in) || m->what >= WRIT_SOCK_MSG_COUNT ||
	    flags > 7 || m->option >= WRIT_SOCK_OPTION_COUNT)
		return WRIT_PROTO;
	return WRIT_OK;
}

void
writ_sock_reply_put(struct writ_buf *b, const struct writ_sock_reply *r)
{
	writ_wire_put_u8(b, r->failed);
	writ_wire_put_u8(b, (uint8_t)r->error);
	put_address(b, &r->local);
	put_address(b, &r->remote);
	writ_wire_put_u32(b, (uint32_t)r->count);
	writ_buf_add(b, r->addresses, r->count * sizeof(r->addresses[0]));
}

enum writ_status
writ_sock_reply_get(struct writ_str body, struct writ_sock_reply *r)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned failed = writ_wire_get_u8(&in), error = writ_wire_get_u8(&in);
	struct writ_str rest;

	get_address(&in, &r->local);
	get_address(&in, &r->remote);
	r->count = writ_wire_get_u32(&in);
	rest = writ_wire_get_rest(&in);
	if (!writ_wire_done(&in) || failed > 1 ||
	    error >= WRIT_SOCK_ERROR_COUNT ||
	    r->count > WRIT_NET_ADDRESSES_MAX ||
	    rest.len != r->count * sizeof(r->addresses[0]))
		return WRIT_PROTO;
	r->failed = failed;
	r->error = (enum writ_sock_error)error;
	if (rest.len)
		memcpy(r->addresses, rest.ptr, rest.len);
	return WRIT_OK;
}

void
writ_sock_gram_put(uint8_t head[WRIT_SOCK_GRAM_HEAD],
    const struct writ_sock_address *a)
{
	memcpy(head, a->ip, sizeof(a->ip));
	head[16] = (uint8_t)a->port;
	head[17] = (uint8_t)(a->port >> 8);
	head[18] = head[19] = 0;
}

enum writ_status
writ_sock_gram_get(struct writ_str body, struct writ_sock_address *a,
    struct writ_str *bytes)
{
	struct writ_wire_in in = writ_wire_in(body);

	get_address(&in, a);
	*bytes = writ_wire_get_rest(&in);
	return writ_wire_done(&in) ? WRIT_OK : WRIT_PROTO;
}
