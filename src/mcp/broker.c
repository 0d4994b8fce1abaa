#include "mcp/parts.h"


static bool
take(struct writ_mcp *m, struct writ_mcp_req *r, struct writ_buf *to,
    struct writ_str piece, bool cut)
{
	if (cut && piece.len > to->max - to->len)
		piece.len = to->max - to->len;
	if (m->held + piece.len > WRIT_MCP_HELD_MAX)
		return false;
	writ_buf_str(to, piece);
	if (writ_buf_status(to) != WRIT_OK)
		return false;
	m->held += piece.len;
	return true;
}

static enum writ_status
on_text(struct writ_mcp *m, struct writ_mcp_req *r, struct writ_str body)
{
	struct writ_str piece = writ_str_skip(body, 1);
	bool fits = true;

	switch (body.ptr[0]) {
	case WRIT_API_TEXT_JSON:
	case WRIT_API_TEXT_VALUE:
		r->spelt = body.ptr[0] == WRIT_API_TEXT_JSON;
		fits = take(m, r, &r->value, piece, false);
		break;
	case WRIT_API_TEXT_STDOUT:
		fits = take(m, r, &r->printed, piece, true);
		break;
	case WRIT_API_TEXT_STDERR:
		fits = take(m, r, &r->errors, piece, true);
		break;
	case WRIT_API_TEXT_ASK:
		writ_buf_str(&r->ask_text, piece);
		break;
	default:
		return WRIT_PROTO;
	}
	if (!fits)
		writ_mcp_req_fail(m, r, WRIT_MCP_INTERNAL,
		    "the answer is too large");
	return WRIT_OK;
}

static double
as_double(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d - d == 0 ? d : 0;	/* no infinity, no NaN */
}

static enum writ_status
on_progress(struct writ_mcp *m, struct writ_mcp_req *r, struct writ_str body)
{
	struct writ_api_progress p;
	struct writ_buf *b;

	if (writ_api_progress_get(body, &p) != WRIT_OK)
		return WRIT_PROTO;
	if (!r->sink || !r->token.len ||
	    (r->progressed && as_double(p.done) <= r->progress))
		return WRIT_OK;
	r->progress = as_double(p.done);
	r->progressed = true;
	b = writ_mcp_notification(m, "notifications/progress");
	writ_mcp_key(b, "progressToken");
	writ_buf_str(b, r->token);
	writ_mcp_key(b, "progress");
	writ_buf_printf(b, "%.17g", r->progress);
	if (p.has_total) {
		writ_mcp_key(b, "total");
		writ_buf_printf(b, "%.17g", as_double(p.total));
	}
	if (p.message.len) {
		writ_mcp_key(b, "message");
		writ_buf_json(b, p.message);
	}
	writ_buf_cstr(b, "}}");
	writ_mcp_notify(m, r->sink);
	return WRIT_OK;
}

static void
put_data(struct writ_buf *b, struct writ_str data)
{
	writ_auto_json j = NULL;

	if (writ_json_parse_foreign(data, WRIT_WIRE_MSG_MAX, &j, NULL) ==
	    WRIT_OK)
		writ_mcp_scan_tight(b, data);
	else
		writ_buf_json(b, data);
}

static enum writ_status
on_log(struct writ_mcp *m, struct writ_mcp_req *r, struct writ_str body)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned level = writ_wire_get_u8(&in);
	struct writ_str logger = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	struct writ_str data = writ_wire_get_str(&in, WRIT_WIRE_MSG_MAX);
	struct writ_buf *b;

	if (!writ_wire_done(&in) || level > 7)
		return WRIT_PROTO;
	if (!r->sink || r->log_level < 0 || (int)level < r->log_level)
		return WRIT_OK;
	b = writ_mcp_notification(m, "notifications/message");
	writ_mcp_key(b, "level");
	writ_buf_printf(b, "\"%s\"", writ_mcp_level_name(level));
	if (logger.len) {
		writ_mcp_key(b, "logger");
		writ_buf_json(b, logger);
	}
	writ_mcp_key(b, "data");
	put_data(b, data);
	writ_buf_cstr(b, "}}");
	writ_mcp_notify(m, r->sink);
	return WRIT_OK;
}

static enum writ_status
on_refused(struct writ_mcp *m, struct writ_mcp_req *r, struct writ_str body)
{
	struct writ_api_refused f;

	if (writ_api_refused_get(body, &f) != WRIT_OK)
		return WRIT_PROTO;
	if (r->refused_count++ < WRIT_MCP_REFUSED_MAX)
		writ_mcp_result_refused(r, &f);
	return WRIT_OK;
}

/* A parked request keeps what came; its client will come for it. */
static enum writ_status
keep_result(struct writ_mcp *m, struct writ_mcp_req *r,
    const struct writ_api_result *result)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 3 * WRIT_API_WORDS_MAX);
	writ_buf_str(&b, result->message);
	writ_buf_str(&b, result->extra);
	r->finished = true;
	if (writ_buf_status(&b) != WRIT_OK ||
	    !writ_mcp_req_own(&r->result_text, writ_buf_view(&b))) {
		writ_mcp_req_cancel(m, r);
		return WRIT_OK;
	}
	r->result = *result;
	r->result.message = writ_str(r->result_text.ptr, result->message.len);
	r->result.extra = writ_str(r->result_text.ptr + result->message.len,
	    result->extra.len);
	return WRIT_OK;
}

static enum writ_status
on_result(struct writ_mcp *m, struct writ_mcp_req *r, struct writ_str body)
{
	struct writ_api_result result;

	if (writ_api_result_get(body, &result) != WRIT_OK)
		return WRIT_PROTO;
	if (r->finished)
		return WRIT_PROTO;
	if (r->parked)
		return keep_result(m, r, &result);
	r->finished = true;
	if (r->client && r->sink)
		writ_mcp_result_of(m, r, &result);
	else
		writ_mcp_req_free(m, r);
	return WRIT_OK;
}

static enum writ_status
on_ask(struct writ_mcp *m, struct writ_mcp_req *r, struct writ_str body)
{
	return writ_mcp_ask(m, r, body) ? WRIT_OK : WRIT_PROTO;
}

static enum writ_status
of_request(struct writ_mcp *m, const struct writ_msg *msg)
{
	static const struct {
		unsigned type;
		enum writ_status (*handle)(struct writ_mcp *,
		    struct writ_mcp_req *, struct writ_str);
	} table[] = {
		{ WRIT_API_TEXT, on_text },
		{ WRIT_API_PROGRESS, on_progress },
		{ WRIT_API_LOG, on_log },
		{ WRIT_API_ASK, on_ask },
		{ WRIT_API_REFUSED, on_refused },
		{ WRIT_API_RESULT, on_result },
	};
	struct writ_mcp_req *r = writ_mcp_req_of(m, msg->id);
	size_t i;

	if (!r || r->what == WRIT_MCP_LISTEN)
		return WRIT_PROTO;
	if (!r->client && msg->row->type != WRIT_API_RESULT)
		return WRIT_OK;		/* cancelled: what it still says */
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (msg->row->type == table[i].type)
			return table[i].handle(m, r, msg->body);
	return WRIT_PROTO;
}

static enum writ_status
on_config(struct writ_mcp *m, struct writ_str body)
{
	if (m->configured || body.len > sizeof(m->config_body))
		return WRIT_PROTO;
	memcpy(m->config_body, body.ptr, body.len);
	if (writ_api_config_get(writ_str((char *)m->config_body, body.len),
	    &m->config) != WRIT_OK)
		return WRIT_PROTO;
	if (m->config.park_ms > WRIT_MCP_PARK_MS_MAX)
		m->config.park_ms = WRIT_MCP_PARK_MS_MAX;
	m->configured = true;
	return WRIT_OK;
}

static enum writ_status
on_catalog(struct writ_mcp *m, struct writ_str body, struct writ_err *err)
{
	struct writ_mcp_catalog *old = m->catalog, *new = m->next;
	enum writ_status st = WRIT_OK;
	unsigned changed = 0;

	if (m->config.flags & WRIT_API_CONFIG_GRANTS)
		st = writ_mcp_catalog_grants(new);
	if (st == WRIT_OK)
		st = writ_mcp_catalog_end(new, body, err);
	if (st == WRIT_OK)
		st = writ_mcp_catalog_new(&m->next);
	if (st != WRIT_OK)
		return st;
	m->catalog = new;
	if (!old)
		return WRIT_OK;
	if (!writ_mcp_catalog_same_tools(old, new))
		changed |= WRIT_MCP_WATCH_TOOLS;
	if (!writ_mcp_catalog_same(&old->prompts, &new->prompts))
		changed |= WRIT_MCP_WATCH_PROMPTS;
	if (!writ_mcp_catalog_same(&old->resources, &new->resources) ||
	    !writ_mcp_catalog_same(&old->templates, &new->templates))
		changed |= WRIT_MCP_WATCH_RESOURCES;
	writ_mcp_catalog_free(old);
	writ_mcp_watch_changed(m, changed);
	return WRIT_OK;
}

static enum writ_status
dispatch(struct writ_mcp *m, const struct writ_msg *msg, struct writ_err *err)
{
	struct writ_wire_in in = writ_wire_in(msg->body);
	struct writ_str uri;

	if (msg->row->type == WRIT_API_CONFIG)
		return on_config(m, msg->body);
	if (!m->configured)
		return writ_fail(err, WRIT_PROTO, "no configuration");
	switch (msg->row->type) {
	case WRIT_API_TOOL:
		return writ_mcp_catalog_tool(m->next, msg->body, err);
	case WRIT_API_PROMPT:
		return writ_mcp_catalog_prompt(m->next, msg->body, err);
	case WRIT_API_RESOURCE:
		return writ_mcp_catalog_resource(m->next, msg->body, err);
	case WRIT_API_CATALOG:
		return on_catalog(m, msg->body, err);
	case WRIT_API_UPDATED:
		uri = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
		if (!writ_wire_done(&in))
			return WRIT_PROTO;
		writ_mcp_watch_updated(m, uri);
		return WRIT_OK;
	default:
		return of_request(m, msg);
	}
}

enum writ_status
writ_mcp_broker(struct writ_mcp *m, struct writ_err *err)
{
	struct writ_msg msg;
	enum writ_status st;

	while ((st = writ_conn_next(m->conn, &msg, err)) == WRIT_OK) {
		st = dispatch(m, &msg, err);
		writ_closep(&msg.fd);
		if (st != WRIT_OK)
			return st == WRIT_PROTO ? writ_fail(err, st,
			    "message %s from the broker", msg.row->name) : st;
	}
	return st == WRIT_AGAIN ? WRIT_OK : st;
}
