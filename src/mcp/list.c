#include "mcp/parts.h"

#define TTL_MS 5000		/* a client need not ask again sooner */

bool
writ_mcp_cursor(const struct writ_mcp_turn *t, size_t *from)
{
	const json_t *cursor = json_object_get(t->in->args, "cursor");
	uint64_t n = 0;

	*from = 0;
	if (!cursor)
		return true;
	if (!json_is_string(cursor) || writ_str_u64(writ_mcp_text(cursor),
	    UINT32_MAX, &n) != WRIT_OK) {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS,
		    "cursor is none that this server gave");
		return false;
	}
	*from = (size_t)n;
	return true;
}

void
writ_mcp_next_cursor(struct writ_buf *b, size_t next, size_t count)
{
	if (next >= count)
		return;
	writ_mcp_key(b, "nextCursor");
	writ_buf_printf(b, "\"%zu\"", next);
}

void
writ_mcp_tools_list(const struct writ_mcp_turn *t)
{
	const struct writ_vec *tools = &t->m->catalog->tools;
	size_t i, from, shown = 0;
	struct writ_buf *b;

	if (!writ_mcp_cursor(t, &from))
		return;
	b = writ_mcp_result(t->m, t->in->id, t->modern, writ_str(NULL, 0));
	writ_mcp_key(b, "tools");
	writ_buf_char(b, '[');
	for (i = from; i < tools->len && shown < WRIT_MCP_PAGE; i++) {
		const struct writ_mcp_tool *tool = writ_vec_at(tools, i);

		if (tool->flags & WRIT_API_TOOL_UNLISTED)
			continue;
		if (shown++)
			writ_buf_char(b, ',');
		writ_buf_str(b, tool->shown);
	}
	writ_buf_char(b, ']');
	writ_mcp_next_cursor(b, i, tools->len);
	writ_mcp_result_cache(b, t->modern, TTL_MS);
	writ_mcp_result_end(t->m, t->sink, t->in->id, t->modern);
}

static void
list_entries(const struct writ_mcp_turn *t, const struct writ_vec *entries,
    const char *key)
{
	size_t i, from;
	struct writ_buf *b;

	if (!writ_mcp_cursor(t, &from))
		return;
	b = writ_mcp_result(t->m, t->in->id, t->modern, writ_str(NULL, 0));
	writ_mcp_key(b, key);
	writ_buf_char(b, '[');
	for (i = from; i < entries->len && i - from < WRIT_MCP_PAGE; i++) {
		const struct writ_mcp_entry *e = writ_vec_at(entries, i);

		if (i > from)
			writ_buf_char(b, ',');
		writ_buf_str(b, e->shown);
	}
	writ_buf_char(b, ']');
	writ_mcp_next_cursor(b, i, entries->len);
	writ_mcp_result_cache(b, t->modern, TTL_MS);
	writ_mcp_result_end(t->m, t->sink, t->in->id, t->modern);
}

void
writ_mcp_prompts_list(const struct writ_mcp_turn *t)
{
	list_entries(t, &t->m->catalog->prompts, "prompts");
}

void
writ_mcp_templates_list(const struct writ_mcp_turn *t)
{
	list_entries(t, &t->m->catalog->templates, "resourceTemplates");
}

/* ---- completion */

static const json_t *
offered(const struct writ_mcp_turn *t, struct writ_str argument)
{
	const json_t *ref = json_object_get(t->in->args, "ref"), *a, *args;
	struct writ_str type = writ_mcp_text(json_object_get(ref, "type"));
	const struct writ_mcp_entry *e;
	char key[WRIT_NAME_MAX];
	size_t i;

	if (writ_str_is(type, "ref/prompt")) {
		e = writ_mcp_catalog_find(&t->m->catalog->prompts,
		    writ_mcp_text(json_object_get(ref, "name")));
		args = e ? json_object_get(e->json, "arguments") : NULL;
		json_array_foreach(args, i, a)
			if (writ_str_eq(writ_mcp_text(json_object_get(a,
			    "name")), argument))
				return json_object_get(a, "complete");
		return NULL;
	}
	e = writ_mcp_catalog_find(&t->m->catalog->templates,
	    writ_mcp_text(json_object_get(ref, "uri")));
	if (!e || writ_str_cstr(argument, key, sizeof(key)) != WRIT_OK)
		return NULL;
	return json_object_get(json_object_get(e->json, "complete"), key);
}

static bool
ref_known(const struct writ_mcp_turn *t)
{
	const json_t *ref = json_object_get(t->in->args, "ref");
	struct writ_str type = writ_mcp_text(json_object_get(ref, "type"));
	struct writ_str uri = writ_mcp_text(json_object_get(ref, "uri"));

	if (writ_str_is(type, "ref/prompt"))
		return writ_mcp_catalog_find(&t->m->catalog->prompts,
		    writ_mcp_text(json_object_get(ref, "name"))) != NULL;
	return writ_str_is(type, "ref/resource") &&
	    (writ_mcp_catalog_find(&t->m->catalog->templates, uri) ||
	    writ_mcp_catalog_find(&t->m->catalog->resources, uri));
}

void
writ_mcp_complete(const struct writ_mcp_turn *t)
{
	const json_t *argument = json_object_get(t->in->args, "argument");
	struct writ_str name = writ_mcp_text(json_object_get(argument, "name"));
	struct writ_str typed = writ_mcp_text(json_object_get(argument,
	    "value"));
	const json_t *values, *v;
	size_t i, total = 0;
	struct writ_buf *b;

	if (!name.ptr || !typed.ptr || !ref_known(t)) {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS, "completion needs a "
		    "known ref, and argument with name and value");
		return;
	}
	values = offered(t, name);
	b = writ_mcp_result(t->m, t->in->id, t->modern, writ_str(NULL, 0));
	writ_mcp_key(b, "completion");
	writ_buf_cstr(b, "{\"values\":[");
	json_array_foreach(values, i, v) {
		struct writ_str s = writ_mcp_text(v);

		if (!s.ptr || !writ_str_starts(s, typed))
			continue;
		if (total++ >= WRIT_MCP_COMPLETE_MAX)
			continue;
		if (total > 1)
			writ_buf_char(b, ',');
		writ_buf_json(b, s);
	}
	writ_buf_printf(b, "],\"total\":%zu,\"hasMore\":%s}", total,
	    total > WRIT_MCP_COMPLETE_MAX ? "true" : "false");
	writ_mcp_result_end(t->m, t->sink, t->in->id, t->modern);
}
