#include <stdarg.h>

#include "base/limits.h"
#include "mcp/parts.h"

static void WRIT_PRINTF(3, 4)
bad(struct writ_mcp_in *in, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(in->why, sizeof(in->why), fmt, ap);
	va_end(ap);
	in->kind = WRIT_MCP_BAD;
	in->code = code;
}

struct writ_str
writ_mcp_text(const json_t *value)
{
	if (!json_is_string(value))
		return writ_str(NULL, 0);
	return writ_str(json_string_value(value), json_string_length(value));
}

bool
writ_mcp_id_ok(struct writ_str raw)
{
	size_t i = raw.len && raw.ptr[0] == '-' ? 1 : 0;

	if (raw.len == 0 || raw.len > WRIT_MCP_ID_MAX)
		return false;
	if (raw.ptr[0] == '"')
		return true;
	if (i == raw.len)
		return false;
	for (; i < raw.len; i++)
		if (raw.ptr[i] < '0' || raw.ptr[i] > '9')
			return false;
	return true;
}

static void
look_at_params(struct writ_mcp_in *in)
{
	in->args = json_object_get(in->json, "params");
	if (!in->args)
		return;
	if (!json_is_object(in->args)) {
		bad(in, WRIT_MCP_INVALID_PARAMS, "params must be an object");
		return;
	}
	in->meta = json_object_get(in->args, "_meta");
	if (in->meta && !json_is_object(in->meta)) {
		bad(in, WRIT_MCP_INVALID_PARAMS, "_meta must be an object");
		return;
	}
	in->version = writ_mcp_text(json_object_get(in->meta,
	    WRIT_MCP_META "protocolVersion"));
}

static void
look_at_object(struct writ_mcp_in *in)
{
	const json_t *method = json_object_get(in->json, "method");
	bool answer = json_object_get(in->json, "result") ||
	    json_object_get(in->json, "error");

	if (writ_mcp_scan_member(in->text, "id", &in->id) &&
	    !writ_mcp_id_ok(in->id)) {
		in->id.len = 0;
		bad(in, WRIT_MCP_INVALID_REQUEST, "id must be a string or an "
		    "integer of at most %d bytes", WRIT_MCP_ID_MAX);
		return;
	}
	if (!writ_str_is(writ_mcp_text(json_object_get(in->json, "jsonrpc")),
	    "2.0")) {
		bad(in, WRIT_MCP_INVALID_REQUEST, "jsonrpc must be \"2.0\"");
		return;
	}
	(void)writ_mcp_scan_member(in->text, "params", &in->params);
	if (!method && answer && in->id.len) {
		in->kind = WRIT_MCP_ANSWER;
		return;
	}
	if (!json_is_string(method) || answer) {
		bad(in, WRIT_MCP_INVALID_REQUEST,
		    "neither a request nor a notification nor an answer");
		return;
	}
	in->method = writ_mcp_text(method);
	in->kind = in->id.len ? WRIT_MCP_REQUEST : WRIT_MCP_NOTIFICATION;
	look_at_params(in);
}

void
writ_mcp_in_init(struct writ_mcp_in *in, struct writ_str text)
{
	struct writ_err err = { WRIT_OK, "" };
	enum writ_status st;

	*in = (struct writ_mcp_in){ .text = text };
	st = writ_json_parse_foreign(text, WRIT_MCP_MESSAGE_MAX, &in->json,
	    &err);
	if (st == WRIT_NOMEM)
		bad(in, WRIT_MCP_INTERNAL, "out of memory");
	else if (st == WRIT_LIMIT)
		bad(in, WRIT_MCP_INVALID_REQUEST, "%.180s", err.msg);
	else if (st != WRIT_OK)
		bad(in, WRIT_MCP_PARSE, "parse error: %.180s", err.msg);
	else if (json_is_array(in->json))
		bad(in, WRIT_MCP_INVALID_REQUEST,
		    "batches are not part of the protocol");
	else if (!json_is_object(in->json))
		bad(in, WRIT_MCP_INVALID_REQUEST, "a message is an object");
	else
		look_at_object(in);
}

void
writ_mcp_in_release(struct writ_mcp_in *in)
{
	if (in)
		json_decref(in->json);
	if (in)
		in->json = NULL;
}

bool
writ_mcp_in_opens(const struct writ_mcp_in *in)
{
	return in->kind == WRIT_MCP_REQUEST && !in->version.ptr &&
	    writ_str_is(in->method, "initialize");
}
