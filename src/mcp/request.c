#include "mcp/parts.h"

bool
writ_mcp_req_own(struct writ_str *owned, struct writ_str s)
{
	void *copy = writ_memdup(s.ptr ? s.ptr : "", s.len);

	if (!copy)
		return false;
	*owned = writ_str(copy, s.len);
	return true;
}

void
writ_mcp_req_disown(struct writ_str *owned)
{
	void *p = NULL;

	memcpy(&p, &owned->ptr, sizeof(p));
	writ_mem_free(p);
	*owned = writ_str(NULL, 0);
}

static void
init_bufs(struct writ_mcp_req *r)
{
	writ_buf_init(&r->value, WRIT_MCP_VALUE_MAX);
	writ_buf_init(&r->printed, WRIT_MCP_PRINTED_MAX);
	writ_buf_init(&r->errors, WRIT_MCP_PRINTED_MAX);
	writ_buf_init(&r->refused, 8 * WRIT_WIRE_MSG_MAX);
	writ_buf_init(&r->advice, 8 * WRIT_WIRE_MSG_MAX);
	writ_buf_init(&r->ask_text, WRIT_MCP_ASK_MAX);
	writ_vec_init(&r->uris, sizeof(struct writ_str),
	    WRIT_MCP_SUBSCRIPTIONS_MAX);
}

static size_t
free_slot(const struct writ_mcp *m)
{
	size_t i;

	for (i = 0; i < WRIT_MCP_REQUESTS_MAX; i++)
		if (!m->reqs[i])
			break;
	return i;
}

bool
writ_mcp_req_wishes(struct writ_mcp_req *r, const struct writ_mcp_turn *t)
{
	struct writ_str meta, token;

	writ_mcp_req_disown(&r->token);
	r->progressed = false;

	r->log_level = t->client->log_level;
	if (t->modern)
		r->log_level = writ_mcp_level(writ_mcp_text(json_object_get(
		    t->in->meta, WRIT_MCP_META "logLevel")));
	if (!writ_mcp_scan_member(t->in->params, "_meta", &meta) ||
	    !writ_mcp_scan_member(meta, "progressToken", &token) ||
	    !writ_mcp_id_ok(token))
		return true;
	return writ_mcp_req_own(&r->token, token);
}

static bool
room_for(const struct writ_mcp_turn *t, enum writ_mcp_what what)
{
	const struct writ_mcp *m = t->m;

	if (m->in_flight == WRIT_MCP_REQUESTS_MAX ||
	    (what == WRIT_MCP_LISTEN && m->listens == WRIT_MCP_LISTENS_MAX) ||
	    (t->client->peer != WRIT_MCP_STATELESS &&
	    t->client->busy >= WRIT_MCP_CLIENT_REQUESTS_MAX)) {
		writ_mcp_error(t, WRIT_MCP_INTERNAL,
		    "too many requests in flight; wait for one to end");
		return false;
	}
	return true;
}

struct writ_mcp_req *
writ_mcp_req_new(const struct writ_mcp_turn *t, enum writ_mcp_what what)
{
	struct writ_mcp *m = t->m;
	struct writ_mcp_req *r;
	size_t slot;

	if (!room_for(t, what) || !writ_mcp_announce(t))
		return NULL;
	slot = free_slot(m);
	r = writ_alloc(1, sizeof(*r));
	if (!r || !writ_mcp_req_own(&r->id, t->in->id) || !writ_mcp_req_wishes(r, t)) {
		if (r)
			writ_mcp_req_disown(&r->id);
		writ_mem_free(r);
		writ_mcp_error(t, WRIT_MCP_INTERNAL, "out of memory");
		return NULL;
	}
	init_bufs(r);
	r->what = what;
	r->client = t->client;
	r->sink = t->sink;
	r->modern = t->modern;
	r->caps = t->caps;
	/* An id comes again after a million requests in one slot; 0 is none. */
	m->generation[slot] = (m->generation[slot] + 1) &
	    (UINT32_MAX / WRIT_MCP_REQUESTS_MAX);
	if (!m->generation[slot])
		m->generation[slot] = 1;
	r->api = (uint32_t)slot + m->generation[slot] * WRIT_MCP_REQUESTS_MAX;
	m->reqs[slot] = r;
	m->in_flight++;
	if (what == WRIT_MCP_LISTEN)
		m->listens++;
	t->client->busy++;
	return r;
}

void
writ_mcp_req_free(struct writ_mcp *m, struct writ_mcp_req *r)
{
	unsigned i;

	if (r->parked)
		m->parked--;
	if (r->client)
		r->client->busy--;
	m->in_flight--;
	if (r->what == WRIT_MCP_LISTEN)
		m->listens--;
	m->reqs[r->api % WRIT_MCP_REQUESTS_MAX] = NULL;
	m->held -= r->value.len + r->printed.len + r->errors.len;
	writ_mcp_req_disown(&r->id);
	writ_mcp_req_disown(&r->token);
	writ_mcp_req_disown(&r->subject);
	writ_mcp_req_disown(&r->answers);
	writ_mcp_req_disown(&r->result_text);
	writ_buf_release(&r->value);
	writ_buf_release(&r->printed);
	writ_buf_release(&r->errors);
	writ_buf_release(&r->refused);
	writ_buf_release(&r->advice);
	writ_buf_release(&r->ask_text);
	for (i = 0; i < r->asks_count; i++)
		writ_buf_release(&r->asks[i].params);
	writ_mcp_watch_release(&r->uris);
	writ_mem_free(r);
}

struct writ_mcp_req *
writ_mcp_req_of(struct writ_mcp *m, uint32_t api)
{
	struct writ_mcp_req *r = m->reqs[api % WRIT_MCP_REQUESTS_MAX];

	return r && r->api == api ? r : NULL;
}

struct writ_mcp_req *
writ_mcp_req_find(const struct writ_mcp_client *client, struct writ_str id)
{
	const struct writ_mcp *m = client->m;
	size_t i, left = client->busy;

	/* Low slots are used first, so all of them are seen early. */
	for (i = 0; left && i < WRIT_MCP_REQUESTS_MAX; i++) {
		struct writ_mcp_req *r = m->reqs[i];

		if (!r || r->client != client)
			continue;
		if (!r->parked && writ_str_eq(r->id, id))
			return r;
		left--;
	}
	return NULL;
}

bool
writ_mcp_req_send(struct writ_mcp *m, struct writ_mcp_req *r, unsigned type,
    const struct writ_buf *body)
{
	enum writ_status st = writ_buf_status(body);

	if (st == WRIT_OK)
		st = writ_conn_send(m->conn, type, r->api, writ_buf_view(body),
		    -1);
	if (st == WRIT_OK)
		return true;
	r->finished = true;	/* the broker never heard of it */
	writ_mcp_req_fail(m, r, WRIT_MCP_INTERNAL,
	    "the server is busy; try again later");
	return false;
}

void
writ_mcp_req_cancel(struct writ_mcp *m, struct writ_mcp_req *r)
{
	if (r->sink)
		r->sink->end(r->sink, writ_str(NULL, 0), 202);
	r->sink = NULL;
	if (r->finished || r->what == WRIT_MCP_LISTEN) {
		writ_mcp_req_free(m, r);
		return;
	}
	if (r->parked)
		m->parked--;
	r->parked = false;
	if (r->client)
		r->client->busy--;
	r->client = NULL;
	(void)!writ_conn_send(m->conn, WRIT_API_CANCEL, r->api,
	    writ_str(NULL, 0), -1);
}
