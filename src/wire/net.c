#include "wire/net.h"

#include "wire/exchange.h"

#define B WRIT_SIDE_BROKER
#define N WRIT_SIDE_NET
#define NEW WRIT_STATE_NEW
#define SETUP WRIT_STATE_SETUP
#define READY WRIT_STATE_READY
#define TEXT (WRIT_HTTP_HOST_MAX + 16)
#define CA WRIT_WIRE_MSG_MAX
#define SEND WRIT_WIRE_MSG_MAX

/* A row's states are the receiver's.  The broker counts net as READY once it said so. */
static const struct writ_wire_row rows[] = {
	/* type                 from states         min max   fds name */
	{ WRIT_NET_CONFIG,      B, SETUP,           4,  4,    0, "config" },
	{ WRIT_NET_CA,          B, SETUP,           8,  CA,   0, "ca" },
	{ WRIT_NET_SECRET,      B, SETUP | READY,   4,  4,    1, "secret" },
	{ WRIT_NET_SEAL,        B, SETUP,           0,  0,    0, "seal" },
	{ WRIT_NET_RESOLVE,     B, READY,           6,  TEXT, 1, "resolve" },
	{ WRIT_NET_SEND,        B, READY,           64, SEND, 1, "send" },
	{ WRIT_NET_DIALED,      B, READY,           0,  0,    1, "dialed" },
	{ WRIT_NET_FAIL,        B, READY,           10, 10,   0, "fail" },
	{ WRIT_NET_GO,          B, READY,           0,  0,    0, "go" },
	{ WRIT_NET_CLOSE_POOL,  B, READY,           4,  4,    0, "close-pool" },
	{ WRIT_NET_HELLO,       N, NEW,             4,  4,    0, "hello" },
	{ WRIT_NET_READY,       N, SETUP,           4,  4,    0, "ready" },
	{ WRIT_NET_RESOLVED,    N, READY,           9,  1024, 0, "resolved" },
	{ WRIT_NET_DIAL,        N, READY,           0,  0,    0, "dial" },
	{ WRIT_NET_OPERATION,   N, READY,           4,  512,  0, "operation" },
	{ WRIT_NET_DONE,        N, READY,           32, 32,   0, "done" },
};

const struct writ_wire_table writ_wire_net = {
	rows, sizeof(rows) / sizeof(rows[0]), false
};

/* A truth value; anything but 0 and 1 is malformed. */
static bool
get_bool(struct writ_wire_in *in)
{
	unsigned v = writ_wire_get_u8(in);

	if (v > 1)
		in->bad = true;
	return v == 1;
}

static void
put_bounds(struct writ_buf *b, const struct writ_net_send *m)
{
	writ_wire_put_u8(b, m->has_body);
	writ_wire_put_u8(b, m->has_length);
	writ_wire_put_u64(b, m->length);
	writ_wire_put_u64(b, m->request_max);
	writ_wire_put_u64(b, m->response_max);
	writ_wire_put_u64(b, m->connect_ms);
	writ_wire_put_u64(b, m->first_byte_ms);
	writ_wire_put_u64(b, m->between_ms);
}

void
writ_net_send_put(struct writ_buf *b, const struct writ_net_send *m)
{
	writ_wire_put_u32(b, m->pool);
	writ_wire_put_u8(b, m->https);
	writ_wire_put_str(b, m->host);
	writ_wire_put_u32(b, m->port);
	writ_wire_put_str(b, m->method);
	writ_wire_put_str(b, m->target);
	put_bounds(b, m);
	writ_wire_put_u32(b, m->ca);
	writ_wire_put_str(b, m->pins);
	writ_wire_put_u8(b, m->credential_query);
	writ_wire_put_str(b, m->credential_name);
	writ_wire_put_str(b, m->credential_value);
	writ_wire_put_u8(b, m->scrub);
	writ_wire_put_u8(b, m->all_headers);
	writ_wire_put_str(b, m->response_headers);
	writ_wire_put_str(b, m->response_types);
	writ_wire_put_str(b, m->operation_field);
	writ_fields_put(b, m->fields, m->fields_count);
}

static void
get_bounds(struct writ_wire_in *in, struct writ_net_send *m)
{
	m->has_body = get_bool(in);
	m->has_length = get_bool(in);
	m->length = writ_wire_get_u64(in);
	m->request_max = writ_wire_get_u64(in);
	m->response_max = writ_wire_get_u64(in);
	m->connect_ms = writ_wire_get_u64(in);
	m->first_byte_ms = writ_wire_get_u64(in);
	m->between_ms = writ_wire_get_u64(in);
}

enum writ_status
writ_net_send_get(struct writ_str body, struct writ_http_field *fields,
    struct writ_net_send *m)
{
	struct writ_wire_in in = writ_wire_in(body);

	memset(m, 0, sizeof(*m));
	m->pool = writ_wire_get_u32(&in);
	m->https = get_bool(&in);
	m->host = writ_wire_get_str(&in, WRIT_HTTP_HOST_MAX);
	m->port = writ_wire_get_u32(&in);
	m->method = writ_wire_get_str(&in, WRIT_HTTP_METHOD_MAX);
	m->target = writ_wire_get_str(&in, WRIT_HTTP_TARGET_MAX + 1);
	get_bounds(&in, m);
	m->ca = writ_wire_get_u32(&in);
	m->pins = writ_wire_get_str(&in, WRIT_DOC_STRING_MAX);
	m->credential_query = get_bool(&in);
	m->credential_name = writ_wire_get_str(&in, WRIT_DOC_STRING_MAX);
	m->credential_value = writ_wire_get_str(&in, 2 * WRIT_DOC_STRING_MAX);
	m->scrub = get_bool(&in);
	m->all_headers = get_bool(&in);
	m->response_headers = writ_wire_get_str(&in, WRIT_HTTP_FIELDS_BYTES_MAX);
	m->response_types = writ_wire_get_str(&in, WRIT_HTTP_FIELDS_BYTES_MAX);
	m->operation_field = writ_wire_get_str(&in, 32);
	m->fields = fields;
	writ_fields_get(&in, fields, &m->fields_count);
	if (m->port == 0 || m->port > 65535 || m->host.len == 0 ||
	    m->method.len == 0 || m->target.len == 0 ||
	    m->target.ptr[0] != '/')
		in.bad = true;
	return writ_wire_done(&in) ? WRIT_OK : WRIT_PROTO;
}

void
writ_net_resolved_put(struct writ_buf *b, const struct writ_net_resolved *m)
{
	writ_wire_put_u8(b, (uint8_t)m->how);
	writ_wire_put_u32(b, m->rcode);
	writ_wire_put_u32(b, (uint32_t)m->count);
	writ_buf_add(b, m->addresses, 16 * m->count);
}

enum writ_status
writ_net_resolved_get(struct writ_str body, struct writ_net_resolved *m)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned how = writ_wire_get_u8(&in);
	struct writ_str rest;

	memset(m, 0, sizeof(*m));
	m->rcode = writ_wire_get_u32(&in);
	m->count = writ_wire_get_u32(&in);
	rest = writ_wire_get_rest(&in);
	if (in.bad || how > WRIT_DNS_ERROR ||
	    m->count > WRIT_NET_ADDRESSES_MAX || rest.len != 16 * m->count ||
	    (how == WRIT_DNS_OK) != (m->count > 0))
		return WRIT_PROTO;
	m->how = how;
	if (m->count)
		memcpy(m->addresses, rest.ptr, rest.len);
	return WRIT_OK;
}

void
writ_net_done_put(struct writ_buf *b, const struct writ_net_done *m)
{
	writ_wire_put_u8(b, m->failed);
	writ_fault_put(b, &m->fault);
	writ_wire_put_u32(b, m->status);
	writ_wire_put_u8(b, m->sent);
	writ_wire_put_u64(b, m->up);
	writ_wire_put_u64(b, m->down);
}

enum writ_status
writ_net_done_get(struct writ_str body, struct writ_net_done *m)
{
	struct writ_wire_in in = writ_wire_in(body);

	memset(m, 0, sizeof(*m));
	m->failed = get_bool(&in);
	if (in.bad || body.len < 11 || writ_fault_get(writ_str(body.ptr + 1,
	    10), &m->fault) != WRIT_OK)
		return WRIT_PROTO;
	in = writ_wire_in(writ_str_skip(body, 11));
	m->status = writ_wire_get_u32(&in);
	m->sent = get_bool(&in);
	m->up = writ_wire_get_u64(&in);
	m->down = writ_wire_get_u64(&in);
	return writ_wire_done(&in) ? WRIT_OK : WRIT_PROTO;
}
