#include "mcp/parts.h"

static const json_t *
argument_of(const json_t *prompt, const char *name)
{
	const json_t *args = json_object_get(prompt, "arguments"), *a;
	size_t i;

	json_array_foreach(args, i, a)
		if (writ_str_is(writ_mcp_text(json_object_get(a, "name")),
		    name))
			return a;
	return NULL;
}

/* All that are required, strings, and no others; false: answered. */
static bool
arguments_fit(const struct writ_mcp_turn *t, const json_t *prompt,
    json_t *given)
{
	const json_t *args = json_object_get(prompt, "arguments"), *a;
	json_t *v;
	const char *key;
	size_t i;

	if (given && !json_is_object(given)) {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS,
		    "arguments must be an object");
		return false;
	}
	json_object_foreach(given, key, v) {
		if (json_is_string(v) && argument_of(prompt, key))
			continue;
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS, "an argument is not "
		    "the prompt's, or no string");
		return false;
	}
	json_array_foreach(args, i, a) {
		struct writ_str name = writ_mcp_text(json_object_get(a,
		    "name"));

		if (!json_is_true(json_object_get(a, "required")) ||
		    json_object_get(given, name.ptr))
			continue;
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS,
		    "argument %.*s is missing", WRIT_STR_ARG(name));
		return false;
	}
	return true;
}

/* ---- {{NAME}} */

static void
put_expanded(struct writ_buf *b, struct writ_str text, const json_t *given)
{
	writ_auto_release(writ_buf) all;
	char name[WRIT_NAME_MAX + 1];

	writ_buf_init(&all, WRIT_MCP_ANSWER_MAX);
	while (text.len) {
		const char *at = memmem(text.ptr, text.len, "{{", 2);
		size_t before = at ? (size_t)(at - text.ptr) : text.len;
		const char *end;

		writ_buf_str(&all, writ_str(text.ptr, before));
		text = writ_str_skip(text, before + 2);
		if (!at)
			break;
		end = memmem(text.ptr, text.len, "}}", 2);
		if (end && writ_str_cstr(writ_str(text.ptr,
		    (size_t)(end - text.ptr)), name, sizeof(name)) == WRIT_OK) {
			writ_buf_str(&all, name[0] ? writ_mcp_text(
			    json_object_get(given, name)) : WRIT_STR("{{"));
			text = writ_str_skip(text,
			    (size_t)(end - text.ptr) + 2);
		} else {
			writ_buf_cstr(&all, "{{");
		}
	}
	writ_buf_json(b, writ_buf_view(&all));
	if (writ_buf_status(&all) != WRIT_OK)
		b->failed = writ_buf_status(&all);
}

/* A content block; `text` and `uri` are the members with names in them. */
static void
put_content(struct writ_buf *b, json_t *o, const json_t *given)
{
	const char *key;
	json_t *v;

	writ_buf_char(b, '{');
	json_object_foreach(o, key, v) {
		if (json_is_object(v)) {
			writ_mcp_key(b, key);
			put_content(b, v, given);
		} else if (json_is_string(v)) {
			writ_mcp_key(b, key);
			if (!strcmp(key, "text") || !strcmp(key, "uri"))
				put_expanded(b, writ_mcp_text(v), given);
			else
				writ_buf_json(b, writ_mcp_text(v));
		}
	}
	writ_buf_char(b, '}');
}

static void
put_description(struct writ_buf *b, const json_t *prompt)
{
	struct writ_str about = writ_mcp_text(json_object_get(prompt,
	    "description"));

	if (!about.len)
		return;
	writ_mcp_key(b, "description");
	writ_buf_json(b, about);
}

static void
answer(const struct writ_mcp_turn *t, const json_t *prompt, const json_t *given)
{
	const json_t *messages = json_object_get(prompt, "messages"), *one;
	struct writ_buf *b = writ_mcp_result(t->m, t->in->id, t->modern,
	    writ_str(NULL, 0));
	size_t i;

	put_description(b, prompt);
	writ_mcp_key(b, "messages");
	writ_buf_char(b, '[');
	json_array_foreach(messages, i, one) {
		writ_buf_cstr(b, i ? ",{" : "{");
		writ_mcp_key(b, "role");
		writ_buf_json(b, writ_mcp_text(json_object_get(one, "role")));
		writ_mcp_key(b, "content");
		put_content(b, json_object_get(one, "content"), given);
		writ_buf_char(b, '}');
	}
	writ_buf_char(b, ']');
	writ_mcp_result_end(t->m, t->sink, t->in->id, t->modern);
}

void
writ_mcp_prompts_get(const struct writ_mcp_turn *t)
{
	json_t *given = json_object_get(t->in->args, "arguments");
	const struct writ_mcp_entry *p = writ_mcp_catalog_find(
	    &t->m->catalog->prompts, writ_mcp_text(json_object_get(t->in->args,
	    "name")));
	struct writ_str args = WRIT_STR("{}"), tool_name;
	const struct writ_mcp_tool *tool;
	struct writ_mcp_req *r;

	if (!p) {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS, "no such prompt");
		return;
	}
	if (!arguments_fit(t, p->json, given) || writ_mcp_call_resume(t))
		return;
	tool_name = writ_mcp_text(json_object_get(p->json, "tool"));
	if (!tool_name.len) {
		answer(t, p->json, given);
		return;
	}
	tool = writ_mcp_catalog_find_tool(t->m->catalog, tool_name);
	if (!tool) {
		writ_mcp_error(t, WRIT_MCP_INTERNAL,
		    "the prompt's tool is missing");
		return;
	}
	if (!writ_mcp_call_capable(t, tool))
		return;
	(void)writ_mcp_scan_member(t->in->params, "arguments", &args);
	r = writ_mcp_req_new(t, WRIT_MCP_PROMPT);
	if (r)
		writ_mcp_call_start(t, r, tool, args, writ_str(NULL, 0));
}

/* ---- what a tool behind a prompt answers: a list of writ:client/content.message */

static bool
put_messages(struct writ_buf *b, struct writ_str value)
{
	struct writ_mcp_scan scan = writ_mcp_scan(value);
	struct writ_str key, one, role, block;
	bool first = true;

	while (writ_mcp_scan_next(&scan, &key, &one)) {
		if (!writ_mcp_scan_member(one, "role", &role) ||
		    !writ_mcp_scan_member(one, "content", &block) ||
		    (!writ_str_is(role, "\"user\"") &&
		    !writ_str_is(role, "\"assistant\"")))
			return false;
		writ_buf_cstr(b, first ? "{\"role\":" : ",{\"role\":");
		first = false;
		writ_buf_str(b, role);
		writ_buf_cstr(b, ",\"content\":");
		if (!writ_mcp_content_block(b, block))
			return false;
		writ_buf_char(b, '}');
	}
	return !first;
}

void
writ_mcp_prompt_result(struct writ_mcp *m, struct writ_mcp_req *r,
    const struct writ_api_result *result)
{
	struct writ_str value = writ_buf_view(&r->value);
	writ_auto_json j = NULL;
	struct writ_buf *b;
	bool ok = result->status == WRIT_API_OK && value.len &&
	    writ_json_parse_foreign(value, WRIT_MCP_VALUE_MAX, &j, NULL) ==
	    WRIT_OK && json_is_array(j);

	b = writ_mcp_result(m, r->id, r->modern, writ_str(NULL, 0));
	writ_mcp_key(b, "messages");
	writ_buf_char(b, '[');
	ok = ok && put_messages(b, value);
	writ_buf_char(b, ']');
	if (ok) {
		writ_mcp_result_end(m, r->sink, r->id, r->modern);
		return;
	}
	writ_mcp_reply_error(m, r, result->status == WRIT_API_ARGUMENTS ?
	    WRIT_MCP_INVALID_PARAMS : WRIT_MCP_INTERNAL,
	    writ_str(NULL, 0), result->message.len ? result->message :
	    WRIT_STR("the prompt could not be made"));
}
