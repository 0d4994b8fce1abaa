#include <fcntl.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/limits.h"
#include "session/serve.h"

/* ---- JSON of what the operator wrote */

static void
set(json_t *o, const char *key, struct writ_str s)
{
	if (s.ptr)
		json_object_set_new(o, key, json_stringn(s.ptr, s.len));
}

/* The bytes of a content given in place or as a file; *text: they are text, else base64. */
static enum writ_status
content_bytes(const struct serve *s, const struct writ_toolbox_content *c,
    struct writ_buf *out, bool *text)
{
	writ_auto_release(writ_bytes) bytes = WRIT_BYTES_NONE;
	writ_auto_fd dir = -1;
	enum writ_status st;

	*text = c->base64.ptr == NULL;
	if (!c->file.ptr) {
		writ_buf_str(out, c->text.ptr ? c->text : c->base64);
		return writ_buf_status(out);
	}
	dir = open(s->box->box->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return WRIT_IO;
	st = writ_doc_read_at(dir, c->file.ptr, WRIT_DOC_MAX, &bytes, NULL);
	if (st != WRIT_OK)
		return st;
	writ_buf_add(out, bytes.ptr, bytes.len);
	*text = writ_str_utf8(writ_buf_view(out)) &&
	    !memchr(bytes.ptr, 0, bytes.len);
	return writ_buf_status(out);
}

static json_t *
base64(struct writ_str bytes)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 2 * WRIT_WIRE_MSG_MAX);
	writ_base64_put(&b, bytes);
	return writ_buf_status(&b) == WRIT_OK && b.len ? json_stringn(
	    (const char *)b.ptr, b.len) : json_string("");
}

/* An MCP content block. */
static json_t *
block(const struct serve *s, const struct writ_toolbox_message *m)
{
	static const char *const types[] = { "text", "image", "audio",
		"resource" };
	json_t *o = json_pack("{s:s}", "type", types[m->kind]), *inner = o;
	writ_auto_release(writ_buf) b;
	bool text = true;

	writ_buf_init(&b, WRIT_WIRE_MSG_MAX);
	if (content_bytes(s, &m->content, &b, &text) != WRIT_OK)
		serve_say(s, "toolbox: the content of a prompt cannot be read");
	if (m->kind == WRIT_TOOLBOX_RESOURCE) {
		inner = json_object();
		set(inner, "uri", m->uri);
		json_object_set_new(o, "resource", inner);
	}
	set(inner, "mimeType", m->content.mime);
	if (m->kind == WRIT_TOOLBOX_TEXT ||
	    (m->kind == WRIT_TOOLBOX_RESOURCE && text))
		json_object_set_new(inner, "text", json_stringn(
		    b.ptr ? (const char *)b.ptr : "", b.len));
	else
		json_object_set_new(inner, m->kind == WRIT_TOOLBOX_RESOURCE ?
		    "blob" : "data", m->content.base64.ptr ?
		    json_stringn((const char *)b.ptr, b.len) :
		    base64(writ_buf_view(&b)));
	return o;
}

static json_t *
arguments_of(const struct writ_toolbox_argument *a, size_t n)
{
	json_t *list = json_array();
	size_t i, k;

	for (i = 0; i < n; i++) {
		json_t *o = json_object(), *complete = json_array();

		set(o, "name", a[i].name);
		set(o, "title", a[i].title);
		set(o, "description", a[i].description);
		json_object_set_new(o, "required", json_boolean(a[i].required));
		for (k = 0; k < a[i].complete_count; k++)
			json_array_append_new(complete, json_stringn(
			    a[i].complete[k].ptr, a[i].complete[k].len));
		if (k)
			json_object_set(o, "complete", complete);
		json_decref(complete);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
prompt_of(const struct serve *s, const struct writ_toolbox_prompt *p)
{
	json_t *o = json_object(), *messages;
	size_t i;

	set(o, "name", p->name);
	set(o, "title", p->title);
	set(o, "description", p->description);
	json_object_set_new(o, "arguments", arguments_of(p->arguments,
	    p->arguments_count));
	if (p->tool.ptr) {
		set(o, "tool", p->tool);
		return o;
	}
	messages = json_array();
	for (i = 0; i < p->messages_count; i++)
		json_array_append_new(messages, json_pack("{s:s,s:o}", "role",
		    p->messages[i].assistant ? "assistant" : "user", "content",
		    block(s, &p->messages[i])));
	json_object_set_new(o, "messages", messages);
	return o;
}

static json_t *
resource_of(const struct writ_toolbox_resource *r)
{
	json_t *o = json_object(), *complete = json_object();
	size_t i, k;

	set(o, r->is_template ? "uriTemplate" : "uri", r->uri);
	set(o, "name", r->name);
	set(o, "title", r->title);
	set(o, "description", r->description);
	set(o, "mimeType", r->mime);
	for (i = 0; i < r->variables_count; i++) {
		const struct writ_toolbox_argument *v = &r->variables[i];
		json_t *list = json_array();

		for (k = 0; k < v->complete_count; k++)
			json_array_append_new(list, json_stringn(
			    v->complete[k].ptr, v->complete[k].len));
		if (k)
			json_object_set(complete, v->name.ptr, list);
		json_decref(list);
	}
	if (json_object_size(complete))
		json_object_set(o, "complete", complete);
	json_decref(complete);
	return o;
}

/* ---- sending */

static enum writ_status
send(struct serve *s, unsigned type, uint32_t id)
{
	enum writ_status st = writ_buf_status(&s->scratch);

	return st == WRIT_OK ? writ_conn_send(&s->conn, type, id,
	    writ_buf_view(&s->scratch), -1) : st;
}

static enum writ_status
send_json(struct serve *s, unsigned type, json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	enum writ_status st = text ? WRIT_OK : WRIT_NOMEM;

	json_decref(j);
	writ_buf_reset(&s->scratch);
	if (st == WRIT_OK) {
		writ_buf_cstr(&s->scratch, text);
		st = send(s, type, 0);
	}
	free(text);
	return st;
}

static void
hint(json_t *o, const char *key, enum writ_toolbox_hint h)
{
	if (h != WRIT_TOOLBOX_UNSAID)
		json_object_set_new(o, key, json_boolean(h == WRIT_TOOLBOX_YES));
}

static enum writ_status
send_tool(struct serve *s, const struct writ_box_tool *t)
{
	const struct writ_policy *p = t->group->policy;
	struct writ_api_tool m = { .name = writ_str_from(t->name),
		.title = t->title, .description = t->description,
		.input = writ_str_from(t->input),
		.output = writ_str_from(t->output) };
	json_t *notes = json_object();
	char *text;
	enum writ_status st;

	hint(notes, "readOnlyHint", t->notes.read_only);
	hint(notes, "destructiveHint", t->notes.destructive);
	hint(notes, "idempotentHint", t->notes.idempotent);
	hint(notes, "openWorldHint", t->notes.open_world);
	text = json_object_size(notes) ? json_dumps(notes, JSON_COMPACT) : NULL;
	json_decref(notes);
	m.annotations = writ_str_from(text);
	if (t->content)
		m.flags |= WRIT_API_TOOL_CONTENT;
	if (t->group->spec->session == WRIT_TOOLBOX_NAMED)
		m.flags |= WRIT_API_TOOL_NAMED;
	if (p->client & (WRIT_CLIENT_ELICIT | WRIT_CLIENT_SAMPLE |
	    WRIT_CLIENT_ROOTS))
		m.flags |= WRIT_API_TOOL_CLIENT;
	if (!t->listed)
		m.flags |= WRIT_API_TOOL_UNLISTED;
	writ_buf_reset(&s->scratch);
	writ_api_tool_put(&s->scratch, &m);
	st = send(s, WRIT_API_TOOL, 0);
	free(text);
	return st;
}

enum writ_status
serve_catalog(struct serve *s)
{
	const struct writ_toolbox *t = s->box->box->toolbox;
	struct writ_api_catalog c = { s->generation, t->name, t->instructions };
	enum writ_status st = WRIT_OK;
	size_t i;

	for (i = 0; st == WRIT_OK && i < s->box->box->tools.len; i++)
		st = send_tool(s, writ_vec_at(&s->box->box->tools, i));
	for (i = 0; st == WRIT_OK && i < t->prompts_count; i++)
		st = send_json(s, WRIT_API_PROMPT, prompt_of(s,
		    &t->prompts[i]));
	for (i = 0; st == WRIT_OK && i < t->resources_count; i++)
		st = send_json(s, WRIT_API_RESOURCE, resource_of(
		    &t->resources[i]));
	writ_buf_reset(&s->scratch);
	writ_api_catalog_put(&s->scratch, &c);
	return st == WRIT_OK ? send(s, WRIT_API_CATALOG, 0) : st;
}

/* ---- resources */

static enum writ_status
read_static(struct serve *s, struct serve_call *c,
    const struct writ_toolbox_resource *r)
{
	writ_auto_release(writ_buf) raw;
	bool text;
	enum writ_status st;

	if (!r->content.base64.ptr)
		return content_bytes(s, &r->content, &c->out[1], &text);
	writ_buf_init(&raw, WRIT_DOC_MAX);
	st = content_bytes(s, &r->content, &raw, &text);
	return st == WRIT_OK ? writ_base64_get(writ_buf_view(&raw),
	    &c->out[1]) : st;
}

/* A template is a call of its tool, with the variables of the URI as strings. */
static enum writ_status
read_called(struct serve *s, struct serve_call *c,
    const struct writ_toolbox_resource *r, const struct writ_str *values)
{
	writ_auto_release(writ_buf) value;
	enum writ_status st = WRIT_OK;
	size_t i;

	c->tool = writ_box_find(c->box->box, r->tool);
	if (!c->tool)
		return WRIT_NOENT;
	writ_buf_init(&value, WRIT_TOOLBOX_URI_MAX);
	writ_buf_char(&c->args, '{');
	for (i = 0; st == WRIT_OK && i < r->variables_count; i++) {
		writ_buf_reset(&value);
		st = writ_toolbox_decode(values[i], &value);
		if (i)
			writ_buf_char(&c->args, ',');
		writ_buf_json(&c->args, r->variables[i].name);
		writ_buf_char(&c->args, ':');
		writ_buf_json(&c->args, writ_buf_view(&value));
	}
	writ_buf_char(&c->args, '}');
	s->args_bytes += c->args.len;
	c->state = SERVE_WAITING;
	return st == WRIT_OK ? writ_buf_status(&c->args) : st;
}

void
serve_resource(struct serve *s, struct serve_call *c, struct writ_str uri)
{
	const struct writ_toolbox *t = c->box->box->toolbox;
	struct writ_str values[WRIT_TOOLBOX_VARIABLES_MAX];
	enum writ_status st = WRIT_NOENT;
	size_t i;

	if (serve_shown_read(s, c, uri))
		return;
	for (i = 0; i < t->resources_count; i++) {
		const struct writ_toolbox_resource *r = &t->resources[i];

		if (r->is_template ? !writ_toolbox_match(r, uri, values) :
		    !writ_str_eq(r->uri, uri))
			continue;
		c->mime = r->mime.ptr ? r->mime : r->content.mime;
		if (r->tool.ptr) {
			st = read_called(s, c, r, values);
			if (st == WRIT_OK)
				return;		/* a worker answers */
			break;
		}
		st = read_static(s, c, r);
		break;
	}
	if (st == WRIT_OK)
		serve_call_read(s, c);
	else
		serve_call_refuse(s, c, st == WRIT_NOENT || st == WRIT_INVALID ?
		    WRIT_API_UNKNOWN : WRIT_API_FAILED, st == WRIT_NOENT ?
		    "no such resource" : "the resource cannot be read");
}
