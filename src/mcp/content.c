#include "mcp/parts.h"

void
writ_mcp_content_text(struct writ_buf *b, const char *label,
    struct writ_str text)
{
	writ_auto_release(writ_buf) safe;

	writ_buf_init(&safe, WRIT_MCP_ANSWER_MAX);
	writ_buf_cstr(&safe, label);
	writ_buf_safe(&safe, text, true);
	if (writ_buf_status(&safe) != WRIT_OK)
		return;
	writ_buf_cstr(b, "{\"type\":\"text\",\"text\":");
	writ_buf_json(b, writ_buf_view(&safe));
	writ_buf_char(b, '}');
}

bool
writ_mcp_is_text(struct writ_str mime, struct writ_str bytes)
{
	static const char *const also[] = { "application/json",
		"application/xml", "application/javascript",
		"application/yaml", "application/toml", "image/svg+xml" };
	struct writ_str kind = writ_str_cut(mime, ';', &mime);
	size_t i;

	if (!writ_str_utf8(bytes))
		return false;
	if (!kind.len || writ_str_starts(kind, WRIT_STR("text/")))
		return true;
	for (i = 0; i < sizeof(also) / sizeof(also[0]); i++)
		if (writ_str_is(kind, also[i]))
			return true;
	return (kind.len > 5 && writ_str_is(writ_str_skip(kind, kind.len - 5),
	    "+json")) || (kind.len > 4 && writ_str_is(writ_str_skip(kind,
	    kind.len - 4), "+xml"));
}

/* ---- writ:client/content.block */

static bool
is_string(struct writ_str raw)
{
	return raw.len && raw.ptr[0] == '"';
}

/* Copy member `from` of `raw`, a string, as member `to`; absent and null are none. */
static bool
put(struct writ_buf *b, struct writ_str raw, const char *from, const char *to,
    bool needed)
{
	struct writ_str v;

	if (!writ_mcp_scan_member(raw, from, &v) || writ_str_is(v, "null"))
		return !needed;
	if (!is_string(v))
		return false;
	writ_mcp_key(b, to);
	writ_buf_str(b, v);
	return true;
}

static bool
put_media(struct writ_buf *b, struct writ_str v)
{
	return put(b, v, "data", "data", true) &&
	    put(b, v, "mime-type", "mimeType", true);
}

static bool
put_link(struct writ_buf *b, struct writ_str v)
{
	return put(b, v, "uri", "uri", true) &&
	    put(b, v, "name", "name", true) &&
	    put(b, v, "description", "description", false) &&
	    put(b, v, "mime-type", "mimeType", false);
}

static bool
put_resource(struct writ_buf *b, struct writ_str v)
{
	struct writ_str body;
	bool ok;

	writ_mcp_key(b, "resource");
	writ_buf_char(b, '{');
	ok = put(b, v, "uri", "uri", true) &&
	    put(b, v, "mime-type", "mimeType", false) &&
	    writ_mcp_scan_member(v, "body", &body);
	if (ok)
		ok = put(b, body, "text", "text", true) ||
		    put(b, body, "blob", "blob", true);
	writ_buf_char(b, '}');
	return ok;
}

static bool
put_string(struct writ_buf *b, struct writ_str v)
{
	if (!is_string(v))
		return false;
	writ_mcp_key(b, "text");
	writ_buf_str(b, v);
	return true;
}

bool
writ_mcp_content_block(struct writ_buf *b, struct writ_str raw)
{
	static const struct {
		const char *name, *type;
		bool (*put)(struct writ_buf *, struct writ_str);
	} cases[] = {
		{ "text", "text", put_string },
		{ "image", "image", put_media },
		{ "audio", "audio", put_media },
		{ "resource", "resource", put_resource },
		{ "link", "resource_link", put_link },
	};
	struct writ_str v;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!writ_mcp_scan_member(raw, cases[i].name, &v))
			continue;
		writ_buf_printf(b, "{\"type\":\"%s\"", cases[i].type);
		if (!cases[i].put(b, v))
			return false;
		writ_buf_char(b, '}');
		return true;
	}
	return false;
}
