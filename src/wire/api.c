#include "base/limits.h"
#include "wire/api.h"

#define B WRIT_SIDE_BROKER
#define F WRIT_SIDE_FRONT
#define NEW WRIT_STATE_NEW
#define RUN WRIT_STATE_RUNNING
#define MSG WRIT_WIRE_MSG_MAX
#define TEXT (WRIT_API_TEXT_MAX + 1)

static const struct writ_wire_row rows[] = {
	/* type              from states min max   fds name */
	{ WRIT_API_HELLO,    F, NEW,     4,  4,    0, "hello" },
	{ WRIT_API_CLIENT,   F, RUN,     5,  512,  0, "client" },
	{ WRIT_API_TEXT,     F | B, RUN, 2,  TEXT, 0, "text" },
	{ WRIT_API_CALL,     F, RUN,     13, 512,  0, "call" },
	{ WRIT_API_READ,     F, RUN,     8,  4096, 0, "read" },
	{ WRIT_API_LIST,     F, RUN,     4,  4,    0, "list" },
	{ WRIT_API_GRANT,    F, RUN,     16, MSG,  0, "grant" },
	{ WRIT_API_CANCEL,   F, RUN,     0,  0,    0, "cancel" },
	{ WRIT_API_ANSWER,   F, RUN,     5,  5,    0, "answer" },
	{ WRIT_API_TOOL,     B, RUN,     25, MSG,  0, "tool" },
	{ WRIT_API_PROMPT,   B, RUN,     2,  MSG,  0, "prompt" },
	{ WRIT_API_RESOURCE, B, RUN,     2,  MSG,  0, "resource" },
	{ WRIT_API_CATALOG,  B, RUN,     12, MSG,  0, "catalog" },
	{ WRIT_API_PROGRESS, B, RUN,     21, 8192, 0, "progress" },
	{ WRIT_API_LOG,      B, RUN,     9,  MSG,  0, "log" },
	{ WRIT_API_ASK,      B, RUN,     10, 256,  0, "ask" },
	{ WRIT_API_REFUSED,  B, RUN,     28, MSG,  0, "refused" },
	{ WRIT_API_RESULT,   B, RUN,     18, MSG,  0, "result" },
	{ WRIT_API_CONFIG,   B, RUN,     62, MSG,  0, "config" },
	{ WRIT_API_UPDATED,  B, RUN,     4,  4100, 0, "updated" },
};

const struct writ_wire_table writ_wire_api = {
	rows, sizeof(rows) / sizeof(rows[0]), false
};

static enum writ_status
done(const struct writ_wire_in *in)
{
	return writ_wire_done(in) ? WRIT_OK : WRIT_PROTO;
}

void
writ_api_call_put(struct writ_buf *b, const struct writ_api_call *m)
{
	writ_wire_put_u32(b, m->client);
	writ_wire_put_u8(b, m->flags);
	writ_wire_put_str(b, m->tool);
	writ_wire_put_str(b, m->session);
}

enum writ_status
writ_api_call_get(struct writ_str body, struct writ_api_call *m)
{
	struct writ_wire_in in = writ_wire_in(body);

	m->client = writ_wire_get_u32(&in);
	m->flags = writ_wire_get_u8(&in);
	m->tool = writ_wire_get_str(&in, WRIT_TOOL_NAME_MAX);
	m->session = writ_wire_get_str(&in, WRIT_SESSION_NAME_MAX);
	return done(&in);
}

void
writ_api_grant_put(struct writ_buf *b, const struct writ_api_grant *m)
{
	writ_wire_put_u32(b, m->client);
	writ_wire_put_str(b, m->tool);
	writ_wire_put_str(b, m->what);
	writ_wire_put_str(b, m->why);
}

enum writ_status
writ_api_grant_get(struct writ_str body, struct writ_api_grant *m)
{
	struct writ_wire_in in = writ_wire_in(body);

	m->client = writ_wire_get_u32(&in);
	m->tool = writ_wire_get_str(&in, WRIT_TOOL_NAME_MAX);
	m->what = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	m->why = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	return done(&in);
}

void
writ_api_tool_put(struct writ_buf *b, const struct writ_api_tool *m)
{
	writ_wire_put_u8(b, m->flags);
	writ_wire_put_str(b, m->name);
	writ_wire_put_str(b, m->title);
	writ_wire_put_str(b, m->description);
	writ_wire_put_str(b, m->input);
	writ_wire_put_str(b, m->output);
	writ_wire_put_str(b, m->annotations);
}

enum writ_status
writ_api_tool_get(struct writ_str body, struct writ_api_tool *m)
{
	struct writ_wire_in in = writ_wire_in(body);

	m->flags = writ_wire_get_u8(&in);
	m->name = writ_wire_get_str(&in, WRIT_TOOL_NAME_MAX);
	m->title = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	m->description = writ_wire_get_str(&in, MSG);
	m->input = writ_wire_get_str(&in, MSG);
	m->output = writ_wire_get_str(&in, MSG);
	m->annotations = writ_wire_get_str(&in, MSG);
	return done(&in);
}

void
writ_api_config_put(struct writ_buf *b, const struct writ_api_config *m)
{
	writ_wire_put_u8(b, (uint8_t)m->transport);
	writ_wire_put_u8(b, m->flags);
	writ_wire_put_u32(b, m->clients_max);
	writ_wire_put_u32(b, m->idle_ms);
	writ_wire_put_u32(b, m->park_ms);
	writ_buf_add(b, m->token, sizeof(m->token));
	writ_wire_put_str(b, m->version);
	writ_wire_put_str(b, m->path);
	writ_wire_put_str(b, m->hosts);
	writ_wire_put_str(b, m->origins);
}

enum writ_status
writ_api_config_get(struct writ_str body, struct writ_api_config *m)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned transport = writ_wire_get_u8(&in);
	size_t i;

	if (transport > WRIT_API_HTTP)
		return WRIT_PROTO;
	m->transport = (enum writ_api_transport)transport;
	m->flags = writ_wire_get_u8(&in);
	m->clients_max = writ_wire_get_u32(&in);
	m->idle_ms = writ_wire_get_u32(&in);
	m->park_ms = writ_wire_get_u32(&in);
	for (i = 0; i < sizeof(m->token); i++)
		m->token[i] = writ_wire_get_u8(&in);
	m->version = writ_wire_get_str(&in, WRIT_NAME_MAX);
	m->path = writ_wire_get_str(&in, WRIT_NAME_MAX);
	m->hosts = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	m->origins = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	if (m->clients_max == 0 || m->clients_max > WRIT_CLIENTS_MAX)
		return WRIT_PROTO;
	return done(&in);
}

void
writ_api_catalog_put(struct writ_buf *b, const struct writ_api_catalog *m)
{
	writ_wire_put_u32(b, m->generation);
	writ_wire_put_str(b, m->name);
	writ_wire_put_str(b, m->instructions);
}

enum writ_status
writ_api_catalog_get(struct writ_str body, struct writ_api_catalog *m)
{
	struct writ_wire_in in = writ_wire_in(body);

	m->generation = writ_wire_get_u32(&in);
	m->name = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	m->instructions = writ_wire_get_str(&in, MSG);
	return done(&in);
}

void
writ_api_progress_put(struct writ_buf *b, const struct writ_api_progress *m)
{
	writ_wire_put_u64(b, m->done);
	writ_wire_put_u64(b, m->total);
	writ_wire_put_u8(b, m->has_total);
	writ_wire_put_str(b, m->message);
}

enum writ_status
writ_api_progress_get(struct writ_str body, struct writ_api_progress *m)
{
	struct writ_wire_in in = writ_wire_in(body);

	m->done = writ_wire_get_u64(&in);
	m->total = writ_wire_get_u64(&in);
	m->has_total = writ_wire_get_u8(&in) != 0;
	m->message = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	return done(&in);
}

void
writ_api_refused_put(struct writ_buf *b, const struct writ_api_refused *m)
{
	const struct writ_str *const fields[] = { &m->id, &m->kind, &m->op,
		&m->target, &m->rule, &m->reason, &m->smallest };
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		writ_wire_put_str(b, *fields[i]);
}

enum writ_status
writ_api_refused_get(struct writ_str body, struct writ_api_refused *m)
{
	struct writ_str *const fields[] = { &m->id, &m->kind, &m->op,
		&m->target, &m->rule, &m->reason, &m->smallest };
	struct writ_wire_in in = writ_wire_in(body);
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i] = writ_wire_get_str(&in, 2 * WRIT_API_WORDS_MAX);
	return done(&in);
}

void
writ_api_result_put(struct writ_buf *b, const struct writ_api_result *m)
{
	writ_wire_put_u8(b, (uint8_t)m->status);
	writ_wire_put_u8(b, m->exit_code);
	writ_wire_put_u32(b, m->refused);
	writ_wire_put_u32(b, m->allowed);
	writ_wire_put_str(b, m->message);
	writ_wire_put_str(b, m->extra);
}

enum writ_status
writ_api_result_get(struct writ_str body, struct writ_api_result *m)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned status = writ_wire_get_u8(&in);

	if (status >= WRIT_API_STATUS_COUNT)
		return WRIT_PROTO;
	m->status = (enum writ_api_status)status;
	m->exit_code = writ_wire_get_u8(&in);
	m->refused = writ_wire_get_u32(&in);
	m->allowed = writ_wire_get_u32(&in);
	m->message = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	m->extra = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	return done(&in);
}

enum writ_status
writ_api_send_text(struct writ_conn *c, uint32_t id, enum writ_api_text what,
    struct writ_str text)
{
	writ_auto_release(writ_buf) b;
	enum writ_status st = WRIT_OK;

	writ_buf_init(&b, TEXT);
	while (st == WRIT_OK && text.len) {
		size_t n = text.len < WRIT_API_TEXT_MAX ? text.len :
		    WRIT_API_TEXT_MAX;

		writ_buf_reset(&b);
		writ_wire_put_u8(&b, (uint8_t)what);
		writ_buf_str(&b, writ_str(text.ptr, n));
		text = writ_str_skip(text, n);
		st = writ_buf_status(&b);
		if (st == WRIT_OK)
			st = writ_conn_send(c, WRIT_API_TEXT, id,
			    writ_buf_view(&b), -1);
	}
	return st;
}
