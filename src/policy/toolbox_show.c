/* Prompts and resources of a toolbox. */
#include "policy/toolbox_parts.h"

#include "policy/text.h"

#define AT(s, f) offsetof(struct s, f)
#define MIME_MAX 128

/* ---- values */

static enum writ_status
read_mime(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const char also[] = "!#$&^_.+-/;= ";
	struct writ_str s, rest, type;
	enum writ_status st = writ_doc_literal(d, n, &s);
	size_t i;

	if (st != WRIT_OK)
		return st;
	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && !strchr(also, c))
			break;
	}
	type = writ_str_cut(s, '/', &rest);
	if (i < s.len || s.len > MIME_MAX || type.len == 0 || rest.len == 0 ||
	    memchr(type.ptr, ' ', type.len) || memchr(type.ptr, ';', type.len))
		return writ_doc_bad(d, n, "a media type is needed here, such as "
		    "text/plain");
	*(struct writ_str *)field = s;
	return WRIT_OK;
}

static bool
is_base64(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static unsigned
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	return c == '+' ? 62 : 63;
}

/* Padded, and without bits behind the end: one spelling for each run of bytes. */
static bool
good_base64(struct writ_str s)
{
	size_t i, pad = 0;

	if (s.len % 4)
		return false;
	while (pad < 2 && pad < s.len && s.ptr[s.len - 1 - pad] == '=')
		pad++;
	for (i = 0; i + pad < s.len; i++)
		if (!is_base64(s.ptr[i]))
			return false;
	return pad == 0 || (sextet(s.ptr[i - 1]) & (pad == 1 ? 3 : 15)) == 0;
}

static enum writ_status
read_base64(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_literal(d, n, &s);

	if (st != WRIT_OK)
		return st;
	if (!good_base64(s))
		return writ_doc_bad(d, n, "base64 is needed here, padded with =");
	*(struct writ_str *)field = s;
	return WRIT_OK;
}

/* The bytes of a resource or message: any text, also an empty one. */
static enum writ_status
read_body(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_literal(d, n, &s);
	char why[WRIT_TEXT_WHY_MAX];

	if (st != WRIT_OK)
		return st;
	if (writ_text_wrong(s, why))
		return writ_doc_bad(d, n, "%s", why);
	*(struct writ_str *)field = s;
	return WRIT_OK;
}

static const char *
uri_wrong(struct writ_str s)
{
	static const char marks[] = "-._~:/?#[]@!$&'()*+,;=%{}";
	size_t i, colon = 0;

	if (s.len > WRIT_TOOLBOX_URI_MAX)
		return "a URI longer than 1024 bytes";
	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool digit = c >= '0' && c <= '9';

		if (!letter && !digit && !strchr(marks, c))
			return "a character that no URI has (write it as %XX)";
		if (c == ':' && !colon)
			colon = i;
		if (!colon && !letter &&
		    (i == 0 || (!digit && !strchr("+-.", c))))
			return "a URI begins with a scheme, such as notes://";
	}
	if (colon == 0 || colon + 1 == s.len)
		return "a URI begins with a scheme, such as notes://";
	if (colon == 4 && (s.ptr[0] | 32) == 'f' && (s.ptr[1] | 32) == 'i' &&
	    (s.ptr[2] | 32) == 'l' && (s.ptr[3] | 32) == 'e')
		return "a file: URI would be taken for a place on the client's "
		    "machine";
	return NULL;
}

static enum writ_status
read_uri(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_literal(d, n, &s);
	const char *why;

	if (st != WRIT_OK)
		return st;
	why = uri_wrong(s);
	if (why)
		return writ_doc_bad(d, n, "%s", why);
	if (!k->max && (memchr(s.ptr, '{', s.len) || memchr(s.ptr, '}', s.len)))
		return writ_doc_bad(d, n, "a URI has no { }; one with variables is "
		    "a \"template\"");
	*(struct writ_str *)field = s;
	return WRIT_OK;
}

/* Values offered for completion, each once. */
static enum writ_status
read_complete(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	struct writ_toolbox_argument *a = field;
	const struct writ_yaml_node *n;
	struct writ_str *v = NULL;
	enum writ_status st = writ_toolbox_room(d, list,
	    WRIT_TOOLBOX_COMPLETE_MAX, sizeof(v[0]), &v);
	size_t i = 0;

	if (st == WRIT_OK)
		st = writ_doc_is_set(d, list, "values");
	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		st = writ_toolbox_read_line(d, n, k, &v[i++]);
		if (st != WRIT_OK)
			return st;
	}
	a->complete = v;
	a->complete_count = i;
	return WRIT_OK;
}

/* ---- prompts */

static enum writ_status
read_arguments(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "name", true, writ_toolbox_read_name,
		    AT(writ_toolbox_argument, name), 0, 64, NULL },
		{ "title", false, writ_toolbox_read_line,
		    AT(writ_toolbox_argument, title), 0, 0, NULL },
		{ "description", false, writ_toolbox_read_text,
		    AT(writ_toolbox_argument, description), 0, 0, NULL },
		{ "required", false, writ_doc_bool,
		    AT(writ_toolbox_argument, required), 0, 0, NULL },
		{ "complete", false, read_complete, 0, 0, 0, NULL },
	};
	struct writ_toolbox_prompt *p = field;
	struct writ_toolbox_argument *v = NULL;
	const struct writ_yaml_node *n;
	enum writ_status st = writ_toolbox_room(d, list,
	    WRIT_TOOLBOX_ARGUMENTS_MAX, sizeof(v[0]), &v);
	size_t i, k2;

	if (st != WRIT_OK)
		return st;
	for (n = list->first, i = 0; n; n = n->next, i++) {
		st = writ_doc_map(d, n, WRIT_DOC_ROWS(rows), &v[i]);
		if (st != WRIT_OK)
			return st;
		for (k2 = 0; k2 < i; k2++)
			if (writ_str_eq(v[k2].name, v[i].name))
				return writ_doc_bad(d, n, "the argument \"%.64s\" "
				    "twice", v[i].name.ptr);
	}
	p->arguments = v;
	p->arguments_count = i;
	return WRIT_OK;
}

/* What a message holds, as written. */
struct message_doc {
	unsigned role;
	struct writ_str text;
	struct writ_toolbox_content image, audio, resource;
	struct writ_str uri;
	bool has_image, has_audio, has_resource;
};

static const struct writ_doc_word roles[] = {
	{ "user", 0 }, { "assistant", 1 }, { NULL, 0 },
};

static enum writ_status
one_of_three(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_toolbox_content *c, const char *of)
{
	if ((c->text.ptr != NULL) + (c->base64.ptr != NULL) +
	    (c->file.ptr != NULL) == 1)
		return WRIT_OK;
	return writ_doc_bad(d, n, "one of %s is needed here", of);
}

static enum writ_status
read_media(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "mime", true, read_mime, AT(writ_toolbox_content, mime), 0, 0,
		    NULL },
		{ "base64", false, read_base64,
		    AT(writ_toolbox_content, base64), 0, 0, NULL },
		{ "file", false, writ_toolbox_read_path,
		    AT(writ_toolbox_content, file), 0, 0, NULL },
	};
	struct message_doc *m = field;
	bool image = writ_str_is(n->key, "image");
	struct writ_toolbox_content *c = image ? &m->image : &m->audio;
	enum writ_status st = writ_doc_map(d, n, WRIT_DOC_ROWS(rows), c);

	*(image ? &m->has_image : &m->has_audio) = true;
	return st == WRIT_OK ? one_of_three(d, n, c, "base64, file") : st;
}

static enum writ_status
read_embedded(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "uri", true, writ_toolbox_read_line, AT(message_doc, uri), 0, 0,
		    NULL },
		{ "mime", false, read_mime, AT(message_doc, resource.mime), 0, 0,
		    NULL },
		{ "text", false, read_body, AT(message_doc, resource.text), 0, 0,
		    NULL },
		{ "base64", false, read_base64,
		    AT(message_doc, resource.base64), 0, 0, NULL },
		{ "file", false, writ_toolbox_read_path,
		    AT(message_doc, resource.file), 0, 0, NULL },
	};
	struct message_doc *m = field;
	enum writ_status st = writ_doc_map(d, n, WRIT_DOC_ROWS(rows), m);

	m->has_resource = true;
	return st == WRIT_OK ? one_of_three(d, n, &m->resource,
	    "text, base64, file") : st;
}

static const struct writ_doc_key message_rows[] = {
	{ "role", true, writ_doc_pick, AT(message_doc, role), 0, 0, roles },
	{ "text", false, read_body, AT(message_doc, text), 0, 0, NULL },
	{ "image", false, read_media, 0, 0, 0, NULL },
	{ "audio", false, read_media, 0, 0, 0, NULL },
	{ "resource", false, read_embedded, 0, 0, 0, NULL },
};

static enum writ_status
read_message(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_toolbox_message *out)
{
	struct message_doc m = { 0 };
	enum writ_status st = writ_doc_map(d, n, WRIT_DOC_ROWS(message_rows), &m);

	if (st != WRIT_OK)
		return st;
	if ((m.text.ptr != NULL) + m.has_image + m.has_audio + m.has_resource !=
	    1)
		return writ_doc_bad(d, n, "one of text, image, audio, resource is "
		    "needed here");
	out->assistant = m.role;
	out->uri = m.uri;
	out->kind = m.has_image ? WRIT_TOOLBOX_IMAGE :
	    m.has_audio ? WRIT_TOOLBOX_AUDIO :
	    m.has_resource ? WRIT_TOOLBOX_RESOURCE : WRIT_TOOLBOX_TEXT;
	out->content = m.has_image ? m.image : m.has_audio ? m.audio : m.resource;
	if (m.text.ptr)
		out->content.text = m.text;
	return WRIT_OK;
}

static enum writ_status
read_messages(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	struct writ_toolbox_prompt *p = field;
	struct writ_toolbox_message *v = NULL;
	const struct writ_yaml_node *n;
	enum writ_status st = writ_toolbox_room(d, list,
	    WRIT_TOOLBOX_MESSAGES_MAX, sizeof(v[0]), &v);
	size_t i = 0;

	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		st = read_message(d, n, &v[i++]);
		if (st != WRIT_OK)
			return st;
	}
	p->messages = v;
	p->messages_count = i;
	return WRIT_OK;
}

static const struct writ_doc_key prompt_rows[] = {
	{ "name", true, writ_toolbox_read_name, AT(writ_toolbox_prompt, name), 0,
	    WRIT_TOOL_NAME_MAX, NULL },
	{ "title", false, writ_toolbox_read_line, AT(writ_toolbox_prompt, title),
	    0, 0, NULL },
	{ "description", false, writ_toolbox_read_text,
	    AT(writ_toolbox_prompt, description), 0, 0, NULL },
	{ "arguments", false, read_arguments, 0, 0, 0, NULL },
	{ "messages", false, read_messages, 0, 0, 0, NULL },
	{ "tool", false, writ_toolbox_read_name, AT(writ_toolbox_prompt, tool), 0,
	    WRIT_TOOL_NAME_MAX, NULL },
};

static enum writ_status
check_prompt(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_toolbox_prompt *p)
{
	const char *why = NULL;
	size_t i;

	if ((p->messages_count > 0) == (p->tool.ptr != NULL))
		return writ_doc_bad(d, n, "one of messages, tool is needed here");
	for (i = 0; !why && i < p->messages_count; i++) {
		const struct writ_toolbox_message *m = &p->messages[i];

		if (m->content.text.ptr)
			why = writ_toolbox_expand_wrong(p, m->content.text);
		if (!why && m->uri.ptr)
			why = writ_toolbox_expand_wrong(p, m->uri);
	}
	return why ? writ_doc_bad(d, n, "message %zu: %s", i, why) : WRIT_OK;
}

enum writ_status
writ_toolbox_read_prompts(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	writ_auto_release(writ_lookalike) names;
	struct writ_toolbox *t = field;
	struct writ_toolbox_prompt *v = NULL;
	const struct writ_yaml_node *n;
	enum writ_status st;
	size_t i = 0;

	writ_lookalike_init(&names, WRIT_TOOLBOX_PROMPTS_MAX);
	writ_doc_in(d, k->key);
	st = writ_toolbox_room(d, list, WRIT_TOOLBOX_PROMPTS_MAX, sizeof(v[0]),
	    &v);
	for (n = list->first; st == WRIT_OK && n; n = n->next, i++) {
		writ_toolbox_in(d, n, "prompt", "name");
		v[i].line = n->line;
		v[i].column = n->column;
		st = writ_doc_map(d, n, WRIT_DOC_ROWS(prompt_rows), &v[i]);
		if (st == WRIT_OK)
			st = writ_toolbox_unique(d, n, &names, v[i].name);
		if (st == WRIT_OK)
			st = check_prompt(d, n, &v[i]);
	}
	if (st != WRIT_OK)
		return st;
	t->prompts = v;
	t->prompts_count = i;
	return WRIT_OK;
}

/* ---- resources */

struct resource_doc {
	struct writ_toolbox_resource r;
	struct writ_str pattern;
	const struct writ_yaml_node *complete;
};

static const struct writ_doc_key resource_rows[] = {
	{ "uri", false, read_uri, AT(resource_doc, r.uri), 0, 0, NULL },
	{ "template", false, read_uri, AT(resource_doc, pattern), 0, 1, NULL },
	{ "name", true, writ_toolbox_read_line, AT(resource_doc, r.name), 0, 0,
	    NULL },
	{ "title", false, writ_toolbox_read_line, AT(resource_doc, r.title), 0, 0,
	    NULL },
	{ "description", false, writ_toolbox_read_text,
	    AT(resource_doc, r.description), 0, 0, NULL },
	{ "mime", false, read_mime, AT(resource_doc, r.mime), 0, 0, NULL },
	{ "text", false, read_body, AT(resource_doc, r.content.text), 0, 0, NULL },
	{ "base64", false, read_base64, AT(resource_doc, r.content.base64), 0, 0,
	    NULL },
	{ "file", false, writ_toolbox_read_path,
	    AT(resource_doc, r.content.file), 0, 0, NULL },
	{ "tool", false, writ_toolbox_read_name, AT(resource_doc, r.tool), 0,
	    WRIT_TOOL_NAME_MAX, NULL },
	{ "complete", false, writ_doc_node, AT(resource_doc, complete), 0, 0,
	    NULL },
};

static enum writ_status
read_variables(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct resource_doc *f, struct writ_toolbox_resource *out)
{
	struct writ_str names[WRIT_TOOLBOX_VARIABLES_MAX];
	struct writ_toolbox_argument *v;
	const struct writ_yaml_node *c;
	size_t count = 0, i;
	const char *why = writ_toolbox_template_wrong(f->pattern, names, &count);
	enum writ_status st = WRIT_OK;

	if (why)
		return writ_doc_bad(d, n, "template: %s", why);
	v = writ_yaml_mem(d->yaml, count * sizeof(v[0]));
	if (!v)
		return writ_doc_nomem(d);
	for (i = 0; i < count; i++) {
		char *copy = writ_yaml_mem(d->yaml, names[i].len + 1);

		if (!copy)
			return writ_doc_nomem(d);
		memcpy(copy, names[i].ptr, names[i].len);
		v[i].name = writ_str(copy, names[i].len);
		v[i].required = true;
	}
	if (f->complete)
		st = writ_doc_is_map(d, f->complete);
	for (c = f->complete && st == WRIT_OK ? f->complete->first : NULL; c;
	    c = c->next) {
		for (i = 0; i < count && !writ_str_eq(v[i].name, c->key); i++)
			;
		if (i == count)
			return writ_doc_bad_key(d, c, "\"%.64s\" is no variable of "
			    "the template", c->key.ptr);
		st = read_complete(d, c, NULL, &v[i]);
		if (st != WRIT_OK)
			return st;
	}
	out->variables = v;
	out->variables_count = count;
	return st;
}

static enum writ_status
read_resource(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_toolbox_resource *out)
{
	struct resource_doc f = { .r = { .line = n->line, .column = n->column } };
	enum writ_status st = writ_doc_map(d, n, WRIT_DOC_ROWS(resource_rows), &f);
	const struct writ_toolbox_content *c = &f.r.content;

	if (st != WRIT_OK)
		return st;
	if ((f.r.uri.ptr != NULL) == (f.pattern.ptr != NULL))
		return writ_doc_bad(d, n, "one of uri, template is needed here");
	if (f.pattern.ptr && !f.r.tool.ptr)
		return writ_doc_bad(d, n, "a template needs a \"tool\" that makes "
		    "its content");
	if ((c->text.ptr != NULL) + (c->base64.ptr != NULL) +
	    (c->file.ptr != NULL) + (f.r.tool.ptr != NULL) != 1)
		return writ_doc_bad(d, n, "one of text, base64, file, tool is "
		    "needed here");
	if (f.complete && !f.pattern.ptr)
		return writ_doc_bad(d, f.complete, "only the variables of a "
		    "template are completed");
	*out = f.r;
	if (!f.pattern.ptr)
		return WRIT_OK;
	out->is_template = true;
	out->uri = f.pattern;
	return read_variables(d, n, &f, out);
}

enum writ_status
writ_toolbox_read_resources(struct writ_doc *d,
    const struct writ_yaml_node *list, const struct writ_doc_key *k, void *field)
{
	struct writ_toolbox *t = field;
	struct writ_toolbox_resource *v = NULL;
	const struct writ_yaml_node *n;
	enum writ_status st;
	size_t i, j;

	writ_doc_in(d, k->key);
	st = writ_toolbox_room(d, list, WRIT_TOOLBOX_RESOURCES_MAX, sizeof(v[0]),
	    &v);
	if (st != WRIT_OK)
		return st;
	for (n = list->first, i = 0; n; n = n->next, i++) {
		writ_toolbox_in(d, n, "resource", "name");
		st = read_resource(d, n, &v[i]);
		if (st != WRIT_OK)
			return st;
		for (j = 0; j < i; j++)
			if (writ_str_eq(v[j].uri, v[i].uri))
				return writ_doc_bad(d, n, "the URI %.200s twice",
				    v[i].uri.ptr);
	}
	t->resources = v;
	t->resources_count = i;
	return WRIT_OK;
}
