#include "wire/exchange.h"

#include "base/http.h"
#include "base/limits.h"

#define W WRIT_SIDE_WORKER
#define N WRIT_SIDE_NET
#define RUN WRIT_STATE_RUNNING
#define IO WRIT_FS_IO_MAX
#define FIELDS (WRIT_HTTP_FIELDS_BYTES_MAX + 8 * WRIT_HTTP_FIELDS_OUT_MAX + 64)

static const struct writ_wire_row rows[] = {
	/* type           from   states min max     fds name */
	{ WRIT_X_DATA,    W | N, RUN,   1,  IO,     0, "data" },
	{ WRIT_X_END,     W | N, RUN,   4,  FIELDS, 0, "end" },
	{ WRIT_X_GIVE_UP, W,     RUN,   0,  0,      0, "give-up" },
	{ WRIT_X_HEAD,    N,     RUN,   8,  FIELDS, 0, "head" },
	{ WRIT_X_FAULT,   N,     RUN,   10, 10,     0, "fault" },
};

const struct writ_wire_table writ_wire_exchange = {
	rows, sizeof(rows) / sizeof(rows[0]), true
};

/* ---- fields */

void
writ_fields_put(struct writ_buf *b, const struct writ_http_field *fields,
    size_t count)
{
	size_t i;

	writ_wire_put_u32(b, (uint32_t)count);
	for (i = 0; i < count; i++) {
		writ_wire_put_str(b, fields[i].name);
		writ_wire_put_str(b, fields[i].value);
	}
}

void
writ_fields_get(struct writ_wire_in *in, struct writ_http_field *out,
    size_t *count)
{
	uint32_t n = writ_wire_get_u32(in), i;
	size_t bytes = 0;

	*count = 0;
	if (n > WRIT_HTTP_FIELDS_OUT_MAX)
		in->bad = true;
	for (i = 0; !in->bad && i < n; i++) {
		out[i].name = writ_wire_get_str(in, WRIT_HTTP_FIELDS_BYTES_MAX);
		out[i].value = writ_wire_get_str(in, WRIT_HTTP_FIELDS_BYTES_MAX);
		bytes += out[i].name.len + out[i].value.len;
		if (!writ_http_is_name(out[i].name) ||
		    !writ_http_is_value(out[i].value) ||
		    bytes > WRIT_HTTP_FIELDS_BYTES_MAX)
			in->bad = true;
	}
	if (!in->bad)
		*count = n;
}

/* ---- faults */

void
writ_fault_put(struct writ_buf *b, const struct writ_http_fault *f)
{
	writ_wire_put_u8(b, (uint8_t)f->code);
	writ_wire_put_u8(b, f->has_n);
	writ_wire_put_u64(b, f->n);
}

static void
get_fault(struct writ_wire_in *in, struct writ_http_fault *f)
{
	unsigned code = writ_wire_get_u8(in), has_n = writ_wire_get_u8(in);

	f->code = (enum writ_http_code)code;
	f->has_n = has_n != 0;
	f->n = writ_wire_get_u64(in);
	if (code >= WRIT_HTTP_CODE_COUNT || has_n > 1)
		in->bad = true;
}

enum writ_status
writ_fault_get(struct writ_str body, struct writ_http_fault *f)
{
	struct writ_wire_in in = writ_wire_in(body);

	get_fault(&in, f);
	return writ_wire_done(&in) ? WRIT_OK : WRIT_PROTO;
}

/* ---- HTTP of proto.h */

void
writ_http_msg_put(struct writ_buf *b, const struct writ_http_msg *m)
{
	writ_wire_put_str(b, m->head.method);
	writ_wire_put_str(b, m->head.scheme);
	writ_wire_put_str(b, m->head.authority);
	writ_wire_put_str(b, m->head.path);
	writ_wire_put_u8(b, m->options.has_body);
	writ_wire_put_u64(b, m->options.connect_ns);
	writ_wire_put_u64(b, m->options.first_byte_ns);
	writ_wire_put_u64(b, m->options.between_bytes_ns);
	writ_fields_put(b, m->head.fields, m->head.fields_count);
}

enum writ_status
writ_http_msg_get(struct writ_str body, struct writ_http_field *fields,
    struct writ_http_msg *m)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned has_body;

	memset(m, 0, sizeof(*m));
	m->head.method = writ_wire_get_str(&in, WRIT_HTTP_TARGET_MAX);
	m->head.scheme = writ_wire_get_str(&in, WRIT_HTTP_TARGET_MAX);
	m->head.authority = writ_wire_get_str(&in, WRIT_HTTP_TARGET_MAX);
	m->head.path = writ_wire_get_str(&in, WRIT_HTTP_TARGET_MAX);
	has_body = writ_wire_get_u8(&in);
	m->options.has_body = has_body != 0;
	m->options.connect_ns = writ_wire_get_u64(&in);
	m->options.first_byte_ns = writ_wire_get_u64(&in);
	m->options.between_bytes_ns = writ_wire_get_u64(&in);
	m->head.fields = fields;
	writ_fields_get(&in, fields, &m->head.fields_count);
	return writ_wire_done(&in) && has_body <= 1 ? WRIT_OK : WRIT_PROTO;
}
