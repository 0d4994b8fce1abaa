#include "mcp/grant.h"
#include "mcp/parts.h"

#define OVERHEAD 4096	/* of a call on the wire, beside its arguments */

static bool
wire_has_room(const struct writ_conn *c, size_t args)
{
	size_t queued = c->out.len - c->out_pos;

	return queued + args + args / 64 + OVERHEAD < c->out.max;
}

/* ---- capabilities that a tool cannot do without */

static const struct {
	uint8_t needs, can;
	const char *name;
} needs[] = {
	{ WRIT_API_TOOL_NEEDS_ELICIT, WRIT_API_CAN_ELICIT, "elicitation" },
	{ WRIT_API_TOOL_NEEDS_SAMPLE, WRIT_API_CAN_SAMPLE, "sampling" },
	{ WRIT_API_TOOL_NEEDS_ROOTS, WRIT_API_CAN_ROOTS, "roots" },
};

bool
writ_mcp_call_capable(const struct writ_mcp_turn *t,
    const struct writ_mcp_tool *tool)
{
	char data[160];
	struct writ_buf b = { (uint8_t *)data, 0, sizeof(data) - 1,
		sizeof(data) - 1, WRIT_OK };
	bool missing = false;
	size_t i;

	writ_buf_cstr(&b, "{\"requiredCapabilities\":{");
	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (!(tool->flags & needs[i].needs) || (t->caps & needs[i].can))
			continue;
		writ_mcp_key(&b, needs[i].name);
		writ_buf_cstr(&b, "{}");
		missing = true;
	}
	writ_buf_cstr(&b, "}}");
	if (missing && t->modern)
		writ_mcp_error_data(t, WRIT_MCP_CAPABILITY, writ_buf_view(&b),
		    "tool %s needs a capability of the client that it did not "
		    "declare", tool->name);
	else if (missing)
		writ_mcp_result_refusal(t, "The tool %s needs a client that "
		    "can do more than this one declared.", tool->name);
	return !missing;
}

void
writ_mcp_call_lacking(struct writ_mcp *m, struct writ_mcp_req *r)
{
	char data[160];
	struct writ_buf b = { (uint8_t *)data, 0, sizeof(data) - 1,
		sizeof(data) - 1, WRIT_OK };
	size_t i;

	writ_buf_cstr(&b, "{\"requiredCapabilities\":{");
	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (!(r->lacks & needs[i].can))
			continue;
		writ_mcp_key(&b, needs[i].name);
		writ_buf_cstr(&b, "{}");
	}
	writ_buf_cstr(&b, "}}");
	writ_mcp_reply_error(m, r, WRIT_MCP_CAPABILITY, writ_buf_view(&b),
	    WRIT_STR("the tool failed without a capability of the client that "
	    "was not declared"));
}

/* ---- calls */

/* Of 2026-07-28 the broker passes every question on: what the client cannot do is answered in
 * ask.c, and kept for the result. */
static uint8_t
wishes(const struct writ_mcp_req *r)
{
	return (uint8_t)(r->caps | (r->modern ? WRIT_API_CAN_ELICIT |
	    WRIT_API_CAN_SAMPLE | WRIT_API_CAN_ROOTS : 0) |
	    (r->token.len ? WRIT_API_WANTS_PROGRESS : 0) |
	    (r->log_level >= 0 ? WRIT_API_WANTS_LOG : 0));
}

void
writ_mcp_call_start(const struct writ_mcp_turn *t, struct writ_mcp_req *r,
    const struct writ_mcp_tool *tool, struct writ_str args,
    struct writ_str session)
{
	struct writ_api_call call = { t->client->number, wishes(r),
		writ_str_from(tool->name), session };
	writ_auto_release(writ_buf) b;
	struct writ_str answers;

	writ_buf_init(&b, WRIT_WIRE_MSG_MAX);
	writ_api_call_put(&b, &call);
	r->content = tool->flags & WRIT_API_TOOL_CONTENT;
	r->has_output = tool->has_output;
	if (t->modern)
		writ_mcp_ask_digest(t->in, r->digest);
	if (!writ_mcp_req_own(&r->subject, call.tool) || (t->modern &&
	    writ_mcp_scan_member(t->in->params, "inputResponses", &answers) &&
	    !writ_mcp_req_own(&r->answers, answers)) ||
	    !wire_has_room(t->m->conn, args.len) ||
	    writ_api_send_text(t->m->conn, r->api, WRIT_API_TEXT_ARGS, args) !=
	    WRIT_OK) {
		r->finished = true;
		writ_mcp_req_fail(t->m, r, WRIT_MCP_INTERNAL,
		    "the server is busy; try again later");
		return;
	}
	(void)!writ_mcp_req_send(t->m, r, WRIT_API_CALL, &b);
}

/* Take the name of the session out of the arguments; false: answered. */
static bool
take_session(const struct writ_mcp_turn *t, const struct writ_mcp_tool *tool,
    struct writ_buf *args, struct writ_str *session)
{
	const json_t *given = json_object_get(t->in->args, "arguments");
	const json_t *name = json_object_get(given, tool->session);
	struct writ_mcp_scan scan;
	struct writ_str raw = { NULL, 0 }, key, value;

	if (!name)
		return true;
	*session = writ_mcp_text(name);
	if (!session->len || session->len > WRIT_SESSION_NAME_MAX) {
		writ_mcp_result_refusal(t, "The arguments do not fit: /%s: "
		    "expected a string of 1 to %d bytes. Nothing ran.",
		    tool->session, WRIT_SESSION_NAME_MAX);
		return false;
	}
	(void)writ_mcp_scan_member(t->in->params, "arguments", &raw);
	scan = writ_mcp_scan(raw);
	writ_buf_char(args, '{');
	while (writ_mcp_scan_next(&scan, &key, &value)) {
		if (writ_mcp_scan_is(key, tool->session))
			continue;
		if (args->len > 1)
			writ_buf_char(args, ',');
		writ_buf_str(args, key);
		writ_buf_char(args, ':');
		writ_buf_str(args, value);
	}
	writ_buf_char(args, '}');
	if (writ_buf_status(args) == WRIT_OK)
		return true;
	writ_mcp_error(t, WRIT_MCP_INTERNAL, "out of memory");
	return false;
}

static void
call(const struct writ_mcp_turn *t, const struct writ_mcp_tool *tool,
    struct writ_str args)
{
	struct writ_str session = { NULL, 0 };
	writ_auto_release(writ_buf) stripped;
	struct writ_mcp_req *r;

	writ_buf_init(&stripped, WRIT_CALL_ARGS_MAX + 2);
	if (args.len > WRIT_CALL_ARGS_MAX) {
		writ_mcp_result_refusal(t, "The arguments are too large: %zu "
		    "bytes, at most %d are taken. Nothing ran.", args.len,
		    WRIT_CALL_ARGS_MAX);
		return;
	}
	if (tool->session && !take_session(t, tool, &stripped, &session))
		return;
	if (session.len)
		args = writ_buf_view(&stripped);
	r = writ_mcp_req_new(t, WRIT_MCP_CALL);
	if (r)
		writ_mcp_call_start(t, r, tool, args, session);
}

/* ---- the tool that asks for more */

static void
request_grant(const struct writ_mcp_turn *t)
{
	const json_t *args = json_object_get(t->in->args, "arguments");
	struct writ_api_grant g = { t->client->number,
		writ_mcp_text(json_object_get(args, "tool")),
		writ_mcp_text(json_object_get(args, "what")),
		writ_mcp_text(json_object_get(args, "why")) };
	writ_auto_release(writ_buf) b;
	struct writ_mcp_req *r;

	if (json_object_size(args) != 3 || !g.tool.len || !g.what.len ||
	    !g.why.ptr || g.tool.len > WRIT_TOOL_NAME_MAX ||
	    g.what.len > WRIT_API_WORDS_MAX || g.why.len > WRIT_API_WORDS_MAX) {
		writ_mcp_result_refusal(t, "The arguments do not fit: tool, "
		    "what and why are strings, of at most %d, %d and %d bytes, "
		    "and there are no others. Nothing was filed.",
		    WRIT_TOOL_NAME_MAX, WRIT_API_WORDS_MAX, WRIT_API_WORDS_MAX);
		return;
	}
	r = writ_mcp_req_new(t, WRIT_MCP_GRANT);
	if (!r)
		return;
	writ_buf_init(&b, WRIT_WIRE_MSG_MAX);
	writ_api_grant_put(&b, &g);
	(void)!writ_mcp_req_send(t->m, r, WRIT_API_GRANT, &b);
}

/* ---- continuing */

bool
writ_mcp_call_resume(const struct writ_mcp_turn *t)
{
	struct writ_mcp_req *r;
	struct writ_str answers = WRIT_STR("{}"), id, held;

	if (!t->modern || !json_object_get(t->in->args, "requestState"))
		return false;
	r = writ_mcp_ask_parked(t);
	if (!r)
		return true;
	(void)writ_mcp_scan_member(t->in->params, "inputResponses", &answers);
	if (!writ_mcp_req_own(&id, t->in->id)) {
		writ_mcp_error(t, WRIT_MCP_INTERNAL, "out of memory");
		return true;
	}
	writ_mcp_req_disown(&r->id);
	r->id = id;
	if (!writ_mcp_req_own(&held, answers)) {
		writ_mcp_error(t, WRIT_MCP_INTERNAL, "out of memory");
		return true;
	}
	writ_mcp_req_disown(&r->answers);
	r->answers = held;
	r->sink = t->sink;
	r->caps = t->caps;
	r->parked = false;
	t->m->parked--;
	if (!writ_mcp_req_wishes(r, t))
		writ_mcp_req_fail(t->m, r, WRIT_MCP_INTERNAL, "out of memory");
	else if (r->finished)
		writ_mcp_result_of(t->m, r, &r->result);
	else
		writ_mcp_ask_settle(t->m, r);
	return true;
}

void
writ_mcp_tools_call(const struct writ_mcp_turn *t)
{
	struct writ_str name = writ_mcp_text(json_object_get(t->in->args,
	    "name"));
	struct writ_str args = WRIT_STR("{}");
	const struct writ_mcp_tool *tool =
	    writ_mcp_catalog_find_tool(t->m->catalog, name);
	char shown[200];
	struct writ_buf b = { (uint8_t *)shown, 0, sizeof(shown) - 1,
		sizeof(shown) - 1, WRIT_OK };

	if (!name.ptr || !tool || (tool->flags & WRIT_API_TOOL_UNLISTED)) {
		writ_buf_safe(&b, name, false);
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS, "no tool \"%.*s\"",
		    (int)b.len, shown);
		return;
	}
	(void)writ_mcp_scan_member(t->in->params, "arguments", &args);
	if (args.ptr[0] != '{') {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS,
		    "arguments must be an object");
		return;
	}
	if (writ_mcp_call_resume(t))
		return;
	if (writ_str_is(name, WRIT_MCP_GRANT_TOOL) &&
	    (t->m->config.flags & WRIT_API_CONFIG_GRANTS))
		request_grant(t);
	else if (writ_mcp_call_capable(t, tool))
		call(t, tool, args);
}
