#include "base/limits.h"
#include "mcp/catalog.h"
#include "mcp/grant.h"
#include "mcp/scan.h"

enum writ_status
writ_mcp_catalog_new(struct writ_mcp_catalog **out)
{
	struct writ_mcp_catalog *c = writ_alloc(1, sizeof(*c));

	if (!c)
		return WRIT_NOMEM;
	writ_vec_init(&c->tools, sizeof(struct writ_mcp_tool),
	    WRIT_MCP_TOOLS_MAX);
	writ_vec_init(&c->prompts, sizeof(struct writ_mcp_entry),
	    WRIT_MCP_PROMPTS_MAX);
	writ_vec_init(&c->resources, sizeof(struct writ_mcp_entry),
	    WRIT_MCP_RESOURCES_MAX);
	writ_vec_init(&c->templates, sizeof(struct writ_mcp_entry),
	    WRIT_MCP_RESOURCES_MAX);
	*out = c;
	return WRIT_OK;
}

static void
drop(struct writ_str *owned)
{
	void *p = NULL;

	memcpy(&p, &owned->ptr, sizeof(p));
	writ_mem_free(p);
	*owned = writ_str(NULL, 0);
}

static void
free_entries(struct writ_vec *v)
{
	size_t i;

	for (i = 0; i < v->len; i++) {
		struct writ_mcp_entry *e = writ_vec_at(v, i);

		json_decref(e->json);
		drop(&e->shown);
	}
	writ_vec_release(v);
}

void
writ_mcp_catalog_free(struct writ_mcp_catalog *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->tools.len; i++)
		drop(&((struct writ_mcp_tool *)writ_vec_at(&c->tools, i))
		    ->shown);
	writ_vec_release(&c->tools);
	free_entries(&c->prompts);
	free_entries(&c->resources);
	free_entries(&c->templates);
	drop(&c->name);
	drop(&c->instructions);
	writ_mem_free(c);
}

static enum writ_status
keep(struct writ_mcp_catalog *c, struct writ_str s, struct writ_str *owned)
{
	void *copy;

	if (c->bytes + s.len > WRIT_MCP_CATALOG_MAX)
		return WRIT_LIMIT;
	copy = writ_memdup(s.ptr ? s.ptr : "", s.len);
	if (!copy)
		return WRIT_NOMEM;
	c->bytes += s.len;
	*owned = writ_str(copy, s.len);
	return WRIT_OK;
}

/* ---- tools */

static enum writ_status
check_object(struct writ_str text, const char *what, struct writ_err *err)
{
	writ_auto_json j = NULL;
	enum writ_status st = writ_json_parse_foreign(text, WRIT_WIRE_MSG_MAX,
	    &j, err);

	if (st == WRIT_NOMEM)
		return st;
	if (st != WRIT_OK || !json_is_object(j))
		return writ_fail(err, WRIT_PROTO, "a tool's %s is not an "
		    "object", what);
	return WRIT_OK;
}

/* The schema with one property more, at the front of `properties`. */
static void
put_input(struct writ_buf *b, struct writ_str input, const char *session)
{
	static const char about[] = "{\"type\":\"string\",\"minLength\":1,"
	    "\"maxLength\":64,\"description\":\"Name of a session whose state "
	    "is kept between calls; without it the call stands alone.\"}";
	struct writ_mcp_scan scan = writ_mcp_scan(input);
	struct writ_str key, value;
	bool done = false;

	if (!session) {
		writ_mcp_scan_tight(b, input);
		return;
	}
	writ_buf_char(b, '{');
	while (writ_mcp_scan_next(&scan, &key, &value)) {
		if (writ_mcp_scan_is(key, "properties") && value.len > 1) {
			struct writ_mcp_scan in = writ_mcp_scan(value);
			struct writ_str k, v;

			writ_buf_printf(b, "\"properties\":{\"%s\":%s", session,
			    about);
			while (writ_mcp_scan_next(&in, &k, &v)) {
				writ_buf_char(b, ',');
				writ_buf_str(b, k);
				writ_buf_char(b, ':');
				writ_mcp_scan_tight(b, v);
			}
			writ_buf_cstr(b, "},");
			done = true;
			continue;
		}
		writ_buf_str(b, key);
		writ_buf_char(b, ':');
		writ_mcp_scan_tight(b, value);
		writ_buf_char(b, ',');
	}
	if (!done)
		writ_buf_printf(b, "\"properties\":{\"%s\":%s},", session, about);
	if (b->len && b->ptr[b->len - 1] == ',')
		b->len--;
	writ_buf_char(b, '}');
}

static const char *
session_name(const struct writ_api_tool *t)
{
	struct writ_str properties, taken;

	if (!(t->flags & WRIT_API_TOOL_NAMED))
		return NULL;
	if (writ_mcp_scan_member(t->input, "properties", &properties) &&
	    writ_mcp_scan_member(properties, "session", &taken))
		return "writ_session";
	return "session";
}

static void
put_tool(struct writ_buf *b, const struct writ_api_tool *t, const char *session)
{
	writ_buf_cstr(b, "{\"name\":");
	writ_buf_json(b, t->name);
	if (t->title.len) {
		writ_buf_cstr(b, ",\"title\":");
		writ_buf_json(b, t->title);
	}
	writ_buf_cstr(b, ",\"description\":");
	writ_buf_json(b, t->description);
	writ_buf_cstr(b, ",\"inputSchema\":");
	put_input(b, t->input, session);
	if (t->output.len) {
		writ_buf_cstr(b, ",\"outputSchema\":");
		writ_mcp_scan_tight(b, t->output);
	}
	if (t->annotations.len) {
		writ_buf_cstr(b, ",\"annotations\":");
		writ_mcp_scan_tight(b, t->annotations);
	}
	writ_buf_char(b, '}');
}

static enum writ_status
add_tool(struct writ_mcp_catalog *c, const struct writ_api_tool *t)
{
	writ_auto_release(writ_buf) b;
	struct writ_mcp_tool *slot = NULL;
	const char *session = session_name(t);
	enum writ_status st;

	writ_buf_init(&b, 4 * WRIT_WIRE_MSG_MAX);
	put_tool(&b, t, session);
	st = writ_buf_status(&b);
	if (st == WRIT_OK)
		st = writ_vec_push(&c->tools, &slot);
	if (st != WRIT_OK)
		return st;
	memcpy(slot->name, t->name.ptr, t->name.len);
	slot->flags = t->flags;
	slot->has_output = t->output.len > 0;
	slot->session = session;
	return keep(c, writ_buf_view(&b), &slot->shown);
}

enum writ_status
writ_mcp_catalog_tool(struct writ_mcp_catalog *c, struct writ_str body,
    struct writ_err *err)
{
	struct writ_api_tool t;
	enum writ_status st = writ_api_tool_get(body, &t);

	if (st != WRIT_OK || !t.name.len ||
	    memchr(t.name.ptr, 0, t.name.len) ||
	    writ_mcp_catalog_find_tool(c, t.name))
		return writ_fail(err, WRIT_PROTO, "a malformed tool");
	st = check_object(t.input, "input schema", err);
	if (st == WRIT_OK && t.output.len)
		st = check_object(t.output, "output schema", err);
	if (st == WRIT_OK && t.annotations.len)
		st = check_object(t.annotations, "annotations", err);
	return st == WRIT_OK ? add_tool(c, &t) : st;
}

enum writ_status
writ_mcp_catalog_grants(struct writ_mcp_catalog *c)
{
	struct writ_api_tool t = {
		.name = WRIT_STR(WRIT_MCP_GRANT_TOOL),
		.title = WRIT_STR("Ask for a grant"),
		.description = WRIT_STR(WRIT_MCP_GRANT_ABOUT),
		.input = WRIT_STR(WRIT_MCP_GRANT_INPUT),
		.annotations = WRIT_STR("{\"readOnlyHint\":false,"
		    "\"destructiveHint\":false,\"openWorldHint\":false}"),
	};

	if (writ_mcp_catalog_find_tool(c, t.name))
		return WRIT_PROTO;
	return add_tool(c, &t);
}

const struct writ_mcp_tool *
writ_mcp_catalog_find_tool(const struct writ_mcp_catalog *c,
    struct writ_str name)
{
	size_t i;

	for (i = 0; i < c->tools.len; i++) {
		const struct writ_mcp_tool *t = writ_vec_at(&c->tools, i);

		if (writ_str_is(name, t->name))
			return t;
	}
	return NULL;
}

/* ---- prompts and resources */

static void
put_text(struct writ_buf *b, const json_t *o, const char *key)
{
	struct writ_str s;

	if (writ_json_str(o, key, &s) != WRIT_OK)
		return;
	if (b->len && b->ptr[b->len - 1] != '{')
		writ_buf_char(b, ',');
	writ_buf_printf(b, "\"%s\":", key);
	writ_buf_json(b, s);
}

static void
put_prompt(struct writ_buf *b, const json_t *p)
{
	const json_t *args = json_object_get(p, "arguments"), *a;
	size_t i;

	writ_buf_char(b, '{');
	put_text(b, p, "name");
	put_text(b, p, "title");
	put_text(b, p, "description");
	writ_buf_cstr(b, ",\"arguments\":[");
	json_array_foreach(args, i, a) {
		writ_buf_cstr(b, i ? ",{" : "{");
		put_text(b, a, "name");
		put_text(b, a, "title");
		put_text(b, a, "description");
		writ_buf_printf(b, ",\"required\":%s}",
		    json_is_true(json_object_get(a, "required")) ? "true" :
		    "false");
	}
	writ_buf_cstr(b, "]}");
}

void
writ_mcp_catalog_show(struct writ_buf *b, struct writ_str raw)
{
	static const char *const shown[] = { "uri", "uriTemplate", "name",
		"title", "description", "mimeType", "size" };
	struct writ_str value;
	size_t i;

	writ_buf_char(b, '{');
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		if (!writ_mcp_scan_member(raw, shown[i], &value))
			continue;
		if (b->len && b->ptr[b->len - 1] != '{')
			writ_buf_char(b, ',');
		writ_buf_printf(b, "\"%s\":", shown[i]);
		writ_mcp_scan_tight(b, value);
	}
	writ_buf_char(b, '}');
}

static bool
prompt_ok(const json_t *p)
{
	const json_t *args = json_object_get(p, "arguments"), *a, *m;
	const json_t *messages = json_object_get(p, "messages");
	struct writ_str s;
	size_t i;

	if ((args && !json_is_array(args)) ||
	    (!json_is_array(messages) &&
	    writ_json_str(p, "tool", &s) != WRIT_OK))
		return false;
	json_array_foreach(args, i, a)
		if (writ_json_str(a, "name", &s) != WRIT_OK)
			return false;
	json_array_foreach(messages, i, m)
		if (writ_json_str(m, "role", &s) != WRIT_OK ||
		    !json_is_object(json_object_get(m, "content")))
			return false;
	return true;
}

/* Takes `j`. */
static enum writ_status
add_entry(struct writ_mcp_catalog *c, struct writ_vec *to, json_t *j,
    const char *key, struct writ_str shown)
{
	struct writ_mcp_entry *slot = NULL;
	struct writ_str name = { NULL, 0 };
	enum writ_status st = writ_json_str(j, key, &name);

	if (st != WRIT_OK || !name.len || writ_mcp_catalog_find(to, name))
		st = WRIT_PROTO;
	if (st == WRIT_OK)
		st = writ_vec_push(to, &slot);
	if (st != WRIT_OK) {
		json_decref(j);
		return st;
	}
	slot->json = j;
	slot->name = name;
	return keep(c, shown, &slot->shown);
}

enum writ_status
writ_mcp_catalog_prompt(struct writ_mcp_catalog *c, struct writ_str body,
    struct writ_err *err)
{
	writ_auto_release(writ_buf) b;
	json_t *j = NULL;
	enum writ_status st = writ_json_parse(body, &j, err);

	if (st != WRIT_OK)
		return st == WRIT_NOMEM ? st : WRIT_PROTO;
	writ_buf_init(&b, 4 * WRIT_WIRE_MSG_MAX);
	if (prompt_ok(j))
		put_prompt(&b, j);
	st = writ_buf_status(&b);
	if (st != WRIT_OK || !b.len) {
		json_decref(j);
		return writ_fail(err, st == WRIT_OK ? WRIT_PROTO : st,
		    "a malformed prompt");
	}
	c->bytes += body.len;
	return add_entry(c, &c->prompts, j, "name", writ_buf_view(&b));
}

enum writ_status
writ_mcp_catalog_resource(struct writ_mcp_catalog *c, struct writ_str body,
    struct writ_err *err)
{
	writ_auto_release(writ_buf) b;
	json_t *j = NULL;
	enum writ_status st = writ_json_parse(body, &j, err);
	bool template;

	if (st != WRIT_OK)
		return st == WRIT_NOMEM ? st : WRIT_PROTO;
	writ_buf_init(&b, 4 * WRIT_WIRE_MSG_MAX);
	writ_mcp_catalog_show(&b, body);
	st = writ_buf_status(&b);
	if (st != WRIT_OK) {
		json_decref(j);
		return st;
	}
	c->bytes += body.len;
	template = json_object_get(j, "uriTemplate") != NULL;
	return add_entry(c, template ? &c->templates : &c->resources, j,
	    template ? "uriTemplate" : "uri", writ_buf_view(&b));
}

const struct writ_mcp_entry *
writ_mcp_catalog_find(const struct writ_vec *entries, struct writ_str name)
{
	size_t i;

	for (i = 0; i < entries->len; i++) {
		const struct writ_mcp_entry *e = writ_vec_at(entries, i);

		if (writ_str_eq(e->name, name))
			return e;
	}
	return NULL;
}

enum writ_status
writ_mcp_catalog_end(struct writ_mcp_catalog *c, struct writ_str body,
    struct writ_err *err)
{
	struct writ_api_catalog m;
	enum writ_status st = writ_api_catalog_get(body, &m);

	if (st != WRIT_OK)
		return writ_fail(err, st, "a malformed catalog");
	c->generation = m.generation;
	st = keep(c, m.name, &c->name);
	return st == WRIT_OK ? keep(c, m.instructions, &c->instructions) : st;
}

bool
writ_mcp_catalog_same_tools(const struct writ_mcp_catalog *a,
    const struct writ_mcp_catalog *b)
{
	size_t i;

	if (a->tools.len != b->tools.len)
		return false;
	for (i = 0; i < a->tools.len; i++) {
		const struct writ_mcp_tool *x = writ_vec_at(&a->tools, i);
		const struct writ_mcp_tool *y = writ_vec_at(&b->tools, i);

		if (!writ_str_eq(x->shown, y->shown) || x->flags != y->flags)
			return false;
	}
	return true;
}

bool
writ_mcp_catalog_same(const struct writ_vec *a, const struct writ_vec *b)
{
	size_t i;

	if (a->len != b->len)
		return false;
	for (i = 0; i < a->len; i++) {
		const struct writ_mcp_entry *x = writ_vec_at(a, i);
		const struct writ_mcp_entry *y = writ_vec_at(b, i);

		if (!writ_str_eq(x->shown, y->shown))
			return false;
	}
	return true;
}
