#include <stdarg.h>

#include "mcp/parts.h"

static unsigned
http_of(int code, bool modern)
{
	switch (code) {
	case WRIT_MCP_PARSE:
	case WRIT_MCP_INVALID_REQUEST:
	case WRIT_MCP_HEADERS:
	case WRIT_MCP_CAPABILITY:
	case WRIT_MCP_VERSION:
		return 400;
	case WRIT_MCP_NO_METHOD:
		return modern ? 404 : 200;
	case WRIT_MCP_INVALID_PARAMS:
		return modern ? 400 : 200;
	default:
		return 200;
	}
}

static void
put_id(struct writ_buf *b, struct writ_str id)
{
	writ_buf_cstr(b, "{\"jsonrpc\":\"2.0\",\"id\":");
	writ_buf_str(b, id.len ? id : WRIT_STR("null"));
}

static void
end_error(struct writ_mcp *m, struct writ_mcp_sink *sink, struct writ_str id,
    int code, bool modern, struct writ_str text, struct writ_str data)
{
	struct writ_buf *b = &m->out;

	writ_buf_reset(b);
	put_id(b, id);
	writ_buf_printf(b, ",\"error\":{\"code\":%d,\"message\":", code);
	writ_buf_json(b, text);
	if (data.len) {
		writ_buf_cstr(b, ",\"data\":");
		writ_buf_str(b, data);
	}
	writ_buf_cstr(b, "}}");
	if (writ_buf_status(b) != WRIT_OK)
		sink->end(sink, WRIT_STR("{\"jsonrpc\":\"2.0\",\"id\":null,"
		    "\"error\":{\"code\":-32603,\"message\":"
		    "\"out of memory\"}}"), 500);
	else
		sink->end(sink, writ_buf_view(b), http_of(code, modern));
}

void
writ_mcp_error(const struct writ_mcp_turn *t, int code, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	end_error(t->m, t->sink, t->in->id, code, t->modern,
	    writ_str_from(text), writ_str(NULL, 0));
}

void
writ_mcp_error_data(const struct writ_mcp_turn *t, int code,
    struct writ_str data, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	end_error(t->m, t->sink, t->in->id, code, t->modern,
	    writ_str_from(text), data);
}

void
writ_mcp_key(struct writ_buf *b, const char *key)
{
	if (b->len && b->ptr[b->len - 1] != '{')
		writ_buf_char(b, ',');
	writ_buf_printf(b, "\"%s\":", key);
}

static void
put_server(struct writ_buf *b, const struct writ_mcp *m)
{
	struct writ_str name = m->catalog ? m->catalog->name : WRIT_STR("");

	writ_buf_cstr(b, "{\"name\":");
	writ_buf_json(b, name.len ? name : WRIT_STR("writ"));
	writ_buf_cstr(b, ",\"version\":");
	writ_buf_json(b, m->config.version);
	writ_buf_char(b, '}');
}

struct writ_buf *
writ_mcp_result_typed(struct writ_mcp *m, struct writ_str id, const char *type,
    struct writ_str meta)
{
	struct writ_buf *b = &m->out;

	writ_buf_reset(b);
	put_id(b, id);
	writ_buf_printf(b, ",\"result\":{\"resultType\":\"%s\",\"_meta\":{",
	    type);
	writ_buf_str(b, meta);
	writ_mcp_key(b, WRIT_MCP_META "serverInfo");
	put_server(b, m);
	writ_buf_char(b, '}');
	return b;
}

struct writ_buf *
writ_mcp_result(struct writ_mcp *m, struct writ_str id, bool modern,
    struct writ_str meta)
{
	struct writ_buf *b = &m->out;

	if (modern)
		return writ_mcp_result_typed(m, id, "complete", meta);
	writ_buf_reset(b);
	put_id(b, id);
	writ_buf_cstr(b, ",\"result\":{");
	if (meta.len) {
		writ_buf_cstr(b, "\"_meta\":{");
		writ_buf_str(b, meta);
		writ_buf_char(b, '}');
	}
	return b;
}

void
writ_mcp_result_cache(struct writ_buf *b, bool modern, unsigned ttl_ms)
{
	if (!modern)
		return;
	writ_mcp_key(b, "ttlMs");
	writ_buf_printf(b, "%u", ttl_ms);
	writ_mcp_key(b, "cacheScope");
	writ_buf_cstr(b, "\"private\"");
}

void
writ_mcp_result_end(struct writ_mcp *m, struct writ_mcp_sink *sink,
    struct writ_str id, bool modern)
{
	writ_buf_cstr(&m->out, "}}");
	if (!sink)
		return;
	if (writ_buf_status(&m->out) == WRIT_OK)
		sink->end(sink, writ_buf_view(&m->out), 200);
	else
		end_error(m, sink, id, WRIT_MCP_INTERNAL, modern,
		    writ_buf_status(&m->out) == WRIT_LIMIT ?
		    WRIT_STR("the answer is too large") :
		    WRIT_STR("out of memory"), writ_str(NULL, 0));
}

void
writ_mcp_result_empty(const struct writ_mcp_turn *t)
{
	(void)writ_mcp_result(t->m, t->in->id, t->modern, writ_str(NULL, 0));
	writ_mcp_result_end(t->m, t->sink, t->in->id, t->modern);
}

struct writ_buf *
writ_mcp_notification(struct writ_mcp *m, const char *method)
{
	writ_buf_reset(&m->out);
	writ_buf_printf(&m->out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\","
	    "\"params\":{", method);
	return &m->out;
}

void
writ_mcp_notify(struct writ_mcp *m, struct writ_mcp_sink *sink)
{
	if (sink && writ_buf_status(&m->out) == WRIT_OK)
		sink->send(sink, writ_buf_view(&m->out));
}

void
writ_mcp_reply_error(struct writ_mcp *m, struct writ_mcp_req *r, int code,
    struct writ_str data, struct writ_str text)
{
	if (r->sink)
		end_error(m, r->sink, r->id, code, r->modern, text, data);
	r->sink = NULL;
}

void
writ_mcp_req_fail(struct writ_mcp *m, struct writ_mcp_req *r, int code,
    const char *text)
{
	writ_mcp_reply_error(m, r, code, writ_str(NULL, 0),
	    writ_str_from(text));
	writ_mcp_req_cancel(m, r);
}
