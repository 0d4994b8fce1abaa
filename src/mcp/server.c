#include "base/hash.h"
#include "mcp/parts.h"

#define MODERN 1u
#define LEGACY 2u
#define BOTH 3u

enum writ_status
writ_mcp_new(struct writ_conn *broker, struct writ_mcp **out,
    struct writ_err *err)
{
	writ_auto(writ_mcp) m = writ_alloc(1, sizeof(*m));
	uint8_t store[4];
	struct writ_buf b = { store, 0, sizeof(store), sizeof(store), WRIT_OK };
	enum writ_status st;

	if (!m)
		return writ_fail(err, WRIT_NOMEM, "server");
	m->conn = broker;
	writ_vec_init(&m->clients, sizeof(struct writ_mcp_client *),
	    WRIT_CLIENTS_MAX);
	writ_buf_init(&m->out, WRIT_MCP_ANSWER_MAX);
	writ_hash_random(m->key, sizeof(m->key));
	st = writ_mcp_catalog_new(&m->next);
	writ_wire_put_u32(&b, WRIT_API_VERSION);
	if (st == WRIT_OK)
		st = writ_conn_send(broker, WRIT_API_HELLO, 0,
		    writ_buf_view(&b), -1);
	if (st != WRIT_OK)
		return writ_fail(err, st, "server");
	broker->state = WRIT_STATE_RUNNING;
	*out = writ_steal(&m);
	return WRIT_OK;
}

void
writ_mcp_free(struct writ_mcp *m)
{
	size_t i;

	if (!m)
		return;
	while (m->clients.len)
		writ_mcp_client_close(m, *(struct writ_mcp_client **)
		    writ_vec_at(&m->clients, m->clients.len - 1));
	for (i = 0; i < WRIT_MCP_REQUESTS_MAX; i++)
		if (m->reqs[i])
			writ_mcp_req_free(m, m->reqs[i]);
	writ_vec_release(&m->clients);
	writ_mcp_catalog_free(m->catalog);
	writ_mcp_catalog_free(m->next);
	writ_buf_release(&m->out);
	writ_mem_free(m);
}

const struct writ_api_config *
writ_mcp_config(const struct writ_mcp *m)
{
	return m->configured ? &m->config : NULL;
}

bool
writ_mcp_ready(const struct writ_mcp *m)
{
	return m->configured && m->catalog;
}

int
writ_mcp_tick(struct writ_mcp *m, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;
	size_t i;

	m->now_ms = now_ms;
	if (m->out.cap > WRIT_MCP_OUT_HIGH)
		writ_buf_release(&m->out);
	for (i = 0; m->parked && i < WRIT_MCP_REQUESTS_MAX; i++) {
		struct writ_mcp_req *r = m->reqs[i];

		if (!r || !r->parked)
			continue;
		if (r->due <= now_ms)
			writ_mcp_req_cancel(m, r);
		else if (r->due < next)
			next = r->due;
	}
	if (next == UINT64_MAX)
		return -1;
	next -= now_ms;
	return next > 60000 ? 60000 : (int)next + 1;
}

/* ---- clients */

enum writ_status
writ_mcp_client_open(struct writ_mcp *m, enum writ_mcp_peer peer,
    struct writ_mcp_client **out, struct writ_err *err)
{
	struct writ_mcp_client *c, **slot = NULL;
	enum writ_status st;

	if (m->configured && m->clients.len >= m->config.clients_max)
		return writ_fail(err, WRIT_LIMIT, "too many clients");
	c = writ_alloc(1, sizeof(*c));
	st = c ? writ_vec_push(&m->clients, &slot) : WRIT_NOMEM;
	if (st != WRIT_OK) {
		writ_mem_free(c);
		return writ_fail(err, st, "no room for a client");
	}
	*slot = c;
	c->m = m;
	c->number = ++m->next_client;
	c->peer = peer;
	c->log_level = 3;	/* warning, until it says */
	writ_vec_init(&c->uris, sizeof(struct writ_str),
	    WRIT_MCP_SUBSCRIPTIONS_MAX);
	*out = c;
	return WRIT_OK;
}

void
writ_mcp_client_close(struct writ_mcp *m, struct writ_mcp_client *c)
{
	uint8_t store[8];
	struct writ_buf b = { store, 0, sizeof(store) - 1, sizeof(store) - 1,
		WRIT_OK };
	size_t i;

	for (i = 0; c->busy && i < WRIT_MCP_REQUESTS_MAX; i++)
		if (m->reqs[i] && m->reqs[i]->client == c)
			writ_mcp_req_cancel(m, m->reqs[i]);
	for (i = 0; i < m->clients.len; i++) {
		if (*(struct writ_mcp_client **)writ_vec_at(&m->clients, i) !=
		    c)
			continue;
		writ_vec_remove(&m->clients, i);
		break;
	}
	writ_wire_put_u8(&b, 0);
	writ_wire_put_str(&b, WRIT_STR(""));
	if (c->announced)
		(void)!writ_conn_send(m->conn, WRIT_API_CLIENT, c->number,
		    writ_buf_view(&b), -1);
	writ_mcp_watch_release(&c->uris);
	writ_mem_free(c);
}

void
writ_mcp_client_stream(struct writ_mcp_client *client,
    struct writ_mcp_sink *sink)
{
	client->stream = sink;
}

unsigned
writ_mcp_client_busy(const struct writ_mcp_client *client)
{
	const struct writ_mcp *m = client->m;
	unsigned n = 0;
	size_t i;

	for (i = 0; client->busy && i < WRIT_MCP_REQUESTS_MAX; i++)
		if (m->reqs[i] && m->reqs[i]->client == client &&
		    !m->reqs[i]->parked && m->reqs[i]->what != WRIT_MCP_LISTEN)
			n++;
	return n;
}

bool
writ_mcp_client_opened(const struct writ_mcp_client *client)
{
	return client->legacy;
}

void
writ_mcp_gone(struct writ_mcp *m, struct writ_mcp_sink *sink)
{
	size_t i;

	for (i = 0; i < WRIT_MCP_REQUESTS_MAX; i++) {
		struct writ_mcp_req *r = m->reqs[i];

		if (!r || r->sink != sink)
			continue;
		r->sink = NULL;
		if (r->modern)
			writ_mcp_req_cancel(m, r);
	}
	for (i = 0; i < m->clients.len; i++) {
		struct writ_mcp_client *c = *(struct writ_mcp_client **)
		    writ_vec_at(&m->clients, i);

		if (c->stream == sink)
			c->stream = NULL;
	}
}

/* ---- messages of clients */

static void
on_set_level(const struct writ_mcp_turn *t)
{
	int level = writ_mcp_level(writ_mcp_text(json_object_get(t->in->args,
	    "level")));

	if (level < 0) {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS,
		    "level must be one of debug, info, notice, warning, error, "
		    "critical, alert, emergency");
		return;
	}
	t->client->log_level = level;
	writ_mcp_result_empty(t);
}

static void
on_initialized(const struct writ_mcp_turn *t)
{
	t->client->ready = true;
}

/* Only of the client's own: another's id means nothing here. */
static void
on_cancelled(const struct writ_mcp_turn *t)
{
	struct writ_mcp_req *r;
	struct writ_str id;

	if (!writ_mcp_scan_member(t->in->params, "requestId", &id))
		return;
	r = t->client->peer == WRIT_MCP_STATELESS ? NULL :
	    writ_mcp_req_find(t->client, id);
	if (r)
		writ_mcp_req_cancel(t->m, r);
}

struct method {
	const char *name;
	unsigned revisions;
	bool session;		/* before 2026-07-28: after initialize alone */
	void (*handle)(const struct writ_mcp_turn *t);
};

static const struct method requests[] = {
	/* name                       revisions session handle */
	{ "initialize",               LEGACY, false, writ_mcp_initialize },
	{ "ping",                     LEGACY, false, writ_mcp_result_empty },
	{ "logging/setLevel",         LEGACY, true,  on_set_level },
	{ "resources/subscribe",      LEGACY, true,  writ_mcp_subscribe },
	{ "resources/unsubscribe",    LEGACY, true,  writ_mcp_unsubscribe },
	{ "server/discover",          MODERN, true,  writ_mcp_discover },
	{ "subscriptions/listen",     MODERN, true,  writ_mcp_listen },
	{ "tools/list",               BOTH,   true,  writ_mcp_tools_list },
	{ "tools/call",               BOTH,   true,  writ_mcp_tools_call },
	{ "prompts/list",             BOTH,   true,  writ_mcp_prompts_list },
	{ "prompts/get",              BOTH,   true,  writ_mcp_prompts_get },
	{ "resources/list",           BOTH,   true,  writ_mcp_resources_list },
	{ "resources/templates/list", BOTH,   true,  writ_mcp_templates_list },
	{ "resources/read",           BOTH,   true,  writ_mcp_resources_read },
	{ "completion/complete",      BOTH,   true,  writ_mcp_complete },
};

/* They are never answered; one that is not here is ignored. */
static const struct method notifications[] = {
	{ "notifications/initialized", LEGACY, false, on_initialized },
	{ "notifications/cancelled",   BOTH,   false, on_cancelled },
};

static const struct method *
find(const struct method *table, size_t count, struct writ_str name,
    unsigned revision)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (writ_str_is(name, table[i].name) &&
		    (table[i].revisions & revision))
			return &table[i];
	return NULL;
}

/* ---- what a request of 2026-07-28 must say of itself */

static bool
header_is(struct writ_str header, struct writ_str value)
{
	return header.ptr && writ_str_eq(header, value);
}

static bool
headers_fit(const struct writ_mcp_turn *t)
{
	const struct writ_mcp_headers *h = t->in->headers;
	const json_t *name;

	if (!h)
		return true;
	if (!header_is(h->version, t->in->version) ||
	    !header_is(h->method, t->in->method)) {
		writ_mcp_error(t, WRIT_MCP_HEADERS, "the headers "
		    "MCP-Protocol-Version and Mcp-Method must be sent and say "
		    "what the message says");
		return false;
	}
	name = json_object_get(t->in->args, writ_str_is(t->in->method,
	    "resources/read") ? "uri" : "name");
	if (!writ_str_is(t->in->method, "tools/call") &&
	    !writ_str_is(t->in->method, "prompts/get") &&
	    !writ_str_is(t->in->method, "resources/read"))
		return true;
	if (json_is_string(name) && !header_is(h->name, writ_mcp_text(name))) {
		writ_mcp_error(t, WRIT_MCP_HEADERS, "the header Mcp-Name must "
		    "be sent and say what the message says");
		return false;
	}
	return true;
}

static bool
modern_fits(struct writ_mcp_turn *t)
{
	const json_t *caps = json_object_get(t->in->meta,
	    WRIT_MCP_META "clientCapabilities");

	if (!t->in->version.ptr) {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS, "_meta must have "
		    WRIT_MCP_META "protocolVersion");
		return false;
	}
	if (!headers_fit(t))
		return false;
	if (!writ_str_is(t->in->version, WRIT_MCP_MODERN)) {
		writ_auto_release(writ_buf) data;

		writ_buf_init(&data, WRIT_MCP_ANSWER_MAX);
		writ_buf_cstr(&data, "{\"supported\":[\"" WRIT_MCP_MODERN
		    "\"],\"requested\":");
		writ_buf_json(&data, t->in->version);
		writ_buf_char(&data, '}');
		writ_mcp_error_data(t, WRIT_MCP_VERSION, writ_buf_view(&data),
		    "this protocol version is not supported; initialize opens "
		    "a session of " WRIT_MCP_LEGACY);
		return false;
	}
	if (!json_is_object(caps)) {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS, "_meta must have "
		    WRIT_MCP_META "clientCapabilities");
		return false;
	}
	t->caps = writ_mcp_caps(caps);
	return true;
}

static void
on_request(struct writ_mcp_turn *t)
{
	const struct method *row;
	char shown[64];
	struct writ_buf b = { (uint8_t *)shown, 0, sizeof(shown) - 1,
		sizeof(shown) - 1, WRIT_OK };

	if (t->client->peer != WRIT_MCP_STATELESS &&
	    writ_mcp_req_find(t->client, t->in->id)) {
		writ_mcp_error(t, WRIT_MCP_INVALID_REQUEST,
		    "a request with this id is in flight");
		return;
	}
	if (t->modern && !modern_fits(t))
		return;
	row = find(requests, sizeof(requests) / sizeof(requests[0]),
	    t->in->method, t->modern ? MODERN : LEGACY);
	if (!row) {
		writ_buf_safe(&b, t->in->method, false);
		writ_mcp_error(t, WRIT_MCP_NO_METHOD, "no method %.*s",
		    (int)b.len, shown);
		return;
	}
	if (!t->modern && row->session && !t->client->legacy) {
		writ_mcp_error(t, WRIT_MCP_INVALID_REQUEST, "not initialized: "
		    "send initialize first, or _meta with " WRIT_MCP_META
		    "protocolVersion");
		return;
	}
	row->handle(t);
}

/* Whether it speaks 2026-07-28, or should. */
static bool
is_modern(const struct writ_mcp_client *client, const struct writ_mcp_in *in)
{
	return in->version.ptr || client->peer == WRIT_MCP_STATELESS ||
	    (writ_str_is(in->method, "server/discover") && !client->legacy);
}

void
writ_mcp_receive(struct writ_mcp *m, struct writ_mcp_client *client,
    const struct writ_mcp_in *in, struct writ_mcp_sink *sink)
{
	struct writ_mcp_turn t = { m, client, in, sink,
		is_modern(client, in), client->caps };
	const struct method *row;

	switch (in->kind) {
	case WRIT_MCP_BAD:
		writ_mcp_error(&t, in->code, "%s", in->why);
		return;
	case WRIT_MCP_REQUEST:
		on_request(&t);
		return;
	case WRIT_MCP_NOTIFICATION:
		row = find(notifications, sizeof(notifications) /
		    sizeof(notifications[0]), in->method, t.modern ? MODERN :
		    LEGACY);
		if (row)
			row->handle(&t);
		break;
	case WRIT_MCP_ANSWER:
		writ_mcp_ask_answered(&t);
		break;
	}
	sink->end(sink, writ_str(NULL, 0), 202);
}
