/* The document as a whole, and its tools. */
#include "policy/toolbox_parts.h"

#include "policy/text.h"

#define AT(s, f) offsetof(struct s, f)
#define GROUP_NAME_MAX 64
#define DAY_MS (24ull * 3600 * 1000)

void
writ_toolbox_in(struct writ_doc *d, const struct writ_yaml_node *n,
    const char *kind, const char *key)
{
	const struct writ_yaml_node *c = n->kind == WRIT_YAML_MAP ? n->first :
	    NULL;

	while (c && !writ_str_is(c->key, key))
		c = c->next;
	if (c && c->kind == WRIT_YAML_SCALAR && c->text.len <= 64 &&
	    !writ_lookalike_name_wrong(c->text))
		(void)snprintf(d->where, sizeof(d->where), "%s \"%s\": ", kind,
		    c->text.ptr);
	else
		writ_doc_in(d, kind);
}

enum writ_status
writ_toolbox_room(struct writ_doc *d, const struct writ_yaml_node *list,
    size_t max, size_t size, void *out)
{
	enum writ_status st = writ_doc_is_list(d, list);

	if (st != WRIT_OK)
		return st;
	if (list->count == 0)
		return writ_doc_bad(d, list, "an empty list");
	if (list->count > max)
		return writ_fail(d->err, WRIT_LIMIT, "%s:%u:%u: %smore than %zu "
		    "entries", d->file, list->line, list->column, d->where, max);
	*(void **)out = writ_yaml_mem(d->yaml, list->count * size);
	return *(void **)out ? WRIT_OK : writ_doc_nomem(d);
}

enum writ_status
writ_toolbox_unique(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_lookalike *l, struct writ_str name)
{
	struct writ_err e = { 0 };
	enum writ_status st = writ_lookalike_add(l, name, &e);

	if (st == WRIT_OK)
		return st;
	if (st == WRIT_NOMEM)
		return writ_doc_nomem(d);
	(void)writ_doc_bad(d, n, "%s", e.msg);
	if (st == WRIT_LIMIT && d->err)
		d->err->status = st;
	return st == WRIT_LIMIT ? st : WRIT_INVALID;
}

/* ---- values */

enum writ_status
writ_toolbox_read_name(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_literal(d, n, &s);
	const char *why;

	if (st != WRIT_OK)
		return st;
	why = writ_lookalike_name_wrong(s);
	if (why)
		return writ_doc_bad(d, n, "\"%.64s\" is not a name: %s", s.ptr,
		    why);
	if (s.len > k->max)
		return writ_doc_bad(d, n, "a name longer than %u bytes",
		    (unsigned)k->max);
	*(struct writ_str *)field = s;
	return WRIT_OK;
}

static enum writ_status
seen_text(struct writ_doc *d, const struct writ_yaml_node *n, bool line,
    struct writ_str *out)
{
	struct writ_str s;
	enum writ_status st = writ_doc_literal(d, n, &s);
	char why[WRIT_TEXT_WHY_MAX];

	if (st != WRIT_OK)
		return st;
	if (s.len == 0)
		return writ_doc_bad(d, n, "an empty text");
	if (s.len > WRIT_TEXT_MAX)
		return writ_doc_bad(d, n, "a text longer than 16 KiB");
	if (line ? writ_text_line_wrong(s, why) : writ_text_wrong(s, why))
		return writ_doc_bad(d, n, "%s", why);
	*out = s;
	return WRIT_OK;
}

enum writ_status
writ_toolbox_read_line(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return seen_text(d, n, true, field);
}

enum writ_status
writ_toolbox_read_text(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return seen_text(d, n, false, field);
}

enum writ_status
writ_toolbox_read_path(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_plain_text(d, n, &s);

	if (st != WRIT_OK)
		return st;
	if (s.ptr[0] == '~')
		return writ_doc_bad(d, n, "\"~\" is not expanded; write the path "
		    "in full");
	if (s.len > WRIT_PATH_MAX)
		return writ_doc_bad(d, n, "a path longer than 4095 bytes");
	*(struct writ_str *)field = s;
	return WRIT_OK;
}

static enum writ_status
read_version(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	if (n->kind != WRIT_YAML_SCALAR || !n->plain ||
	    !writ_str_is(n->text, "1"))
		return writ_doc_bad(d, n, "the version of the format is 1");
	return WRIT_OK;
}

static enum writ_status
read_hint(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	bool yes = false;
	enum writ_status st = writ_doc_bool(d, n, k, &yes);

	if (st == WRIT_OK)
		*(enum writ_toolbox_hint *)field = yes ? WRIT_TOOLBOX_YES :
		    WRIT_TOOLBOX_NO;
	return st;
}

static enum writ_status
read_notes(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "readOnly", false, read_hint,
		    AT(writ_toolbox_notes, read_only), 0, 0, NULL },
		{ "destructive", false, read_hint,
		    AT(writ_toolbox_notes, destructive), 0, 0, NULL },
		{ "idempotent", false, read_hint,
		    AT(writ_toolbox_notes, idempotent), 0, 0, NULL },
		{ "openWorld", false, read_hint,
		    AT(writ_toolbox_notes, open_world), 0, 0, NULL },
	};
	struct writ_toolbox_notes *notes = field;
	enum writ_status st = writ_doc_map(d, n, WRIT_DOC_ROWS(rows), notes);

	if (st == WRIT_OK && notes->read_only == WRIT_TOOLBOX_YES &&
	    notes->destructive == WRIT_TOOLBOX_YES)
		return writ_doc_bad(d, n, "what only reads is not destructive");
	return st;
}

static enum writ_status
read_limits(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "time", false, writ_doc_time,
		    AT(writ_toolbox_limits, time_ms), 1, 31 * DAY_MS, NULL },
		{ "output", false, writ_doc_size,
		    AT(writ_toolbox_limits, output_bytes), 1,
		    WRIT_TOOL_OUTPUT_MAX, NULL },
		{ "concurrency", false, writ_doc_count,
		    AT(writ_toolbox_limits, concurrency), 1,
		    WRIT_TOOL_CONCURRENCY_MAX, NULL },
		{ "idle", false, writ_doc_time,
		    AT(writ_toolbox_limits, idle_ms), 1, 31 * DAY_MS, NULL },
		{ "sessions", false, writ_doc_count,
		    AT(writ_toolbox_limits, sessions), 1,
		    WRIT_TOOL_SESSIONS_MAX, NULL },
	};

	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), field);
}

/* ---- functions */

static enum writ_status
read_export(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_literal(d, n, &s);
	size_t i, hashes = 0;

	if (st != WRIT_OK)
		return st;
	for (i = 0; i < s.len; i++) {
		hashes += s.ptr[i] == '#';
		if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f)
			break;
	}
	if (i < s.len || s.len == 0 || s.len > WRIT_NAME_MAX || hashes > 1 ||
	    s.ptr[0] == '#' || s.ptr[s.len - 1] == '#')
		return writ_doc_bad(d, n, "an export is a function's name, or "
		    "namespace:package/interface#function");
	*(struct writ_str *)field = s;
	return WRIT_OK;
}

static const struct writ_doc_key function_rows[] = {
	{ "export", true, read_export, AT(writ_toolbox_function, export_name), 0,
	    0, NULL },
	{ "name", false, writ_toolbox_read_name, AT(writ_toolbox_function, name),
	    0, WRIT_TOOL_NAME_MAX, NULL },
	{ "title", false, writ_toolbox_read_line,
	    AT(writ_toolbox_function, title), 0, 0, NULL },
	{ "description", false, writ_toolbox_read_text,
	    AT(writ_toolbox_function, description), 0, 0, NULL },
	{ "annotations", false, read_notes, AT(writ_toolbox_function, notes), 0,
	    0, NULL },
	{ "listed", false, writ_doc_bool, AT(writ_toolbox_function, listed), 0, 0,
	    NULL },
};

static enum writ_status
read_function(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_toolbox_function *f)
{
	f->listed = true;
	f->line = n->line;
	f->column = n->column;
	if (n->kind == WRIT_YAML_SCALAR)
		return read_export(d, n, &function_rows[0], &f->export_name);
	return writ_doc_map(d, n, WRIT_DOC_ROWS(function_rows), f);
}

static enum writ_status
read_functions(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	struct writ_toolbox_group *g = field;
	struct writ_toolbox_function *v = NULL;
	const struct writ_yaml_node *n;
	enum writ_status st;
	size_t i = 0;

	g->all = list->kind == WRIT_YAML_SCALAR && writ_str_is(list->text, "all");
	if (g->all)
		return WRIT_OK;
	if (list->kind != WRIT_YAML_LIST)
		return writ_doc_bad(d, list, "\"all\" or a list of functions is "
		    "needed here");
	st = writ_toolbox_room(d, list, WRIT_TOOLBOX_TOOLS_MAX, sizeof(v[0]), &v);
	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		st = read_function(d, n, &v[i++]);
		if (st != WRIT_OK)
			return st;
	}
	g->functions = v;
	g->functions_count = i;
	return WRIT_OK;
}

/* ---- tools */

static const struct writ_doc_word sessions[] = {
	{ "per-call", WRIT_TOOLBOX_PER_CALL }, { "named", WRIT_TOOLBOX_NAMED },
	{ NULL, 0 },
};

static enum writ_status
read_session(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	unsigned word = 0;
	enum writ_status st = writ_doc_pick(d, n, k, &word);

	if (st == WRIT_OK)
		*(enum writ_toolbox_session *)field =
		    (enum writ_toolbox_session)word;
	return st;
}

static const struct writ_doc_key group_rows[] = {
	{ "name", true, writ_toolbox_read_name, AT(writ_toolbox_group, name), 0,
	    GROUP_NAME_MAX, NULL },
	{ "component", true, writ_toolbox_read_path,
	    AT(writ_toolbox_group, component), 0, 0, NULL },
	{ "writ", false, writ_toolbox_read_path, AT(writ_toolbox_group, writ), 0,
	    0, NULL },
	{ "functions", true, read_functions, 0, 0, 0, NULL },
	{ "title", false, writ_toolbox_read_line, AT(writ_toolbox_group, title),
	    0, 0, NULL },
	{ "description", false, writ_toolbox_read_text,
	    AT(writ_toolbox_group, description), 0, 0, NULL },
	{ "annotations", false, read_notes, AT(writ_toolbox_group, notes), 0, 0,
	    NULL },
	{ "listed", false, writ_doc_bool, AT(writ_toolbox_group, listed), 0, 0,
	    NULL },
	{ "session", false, read_session, AT(writ_toolbox_group, session), 0, 0,
	    sessions },
	{ "limits", false, read_limits, AT(writ_toolbox_group, limits), 0, 0,
	    NULL },
};

static void
inherit(enum writ_toolbox_hint *mine, enum writ_toolbox_hint theirs)
{
	if (*mine == WRIT_TOOLBOX_UNSAID)
		*mine = theirs;
}

/* What the group says holds for its functions; names are made where none is given. */
static enum writ_status
finish_function(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_toolbox_group *g, struct writ_toolbox_function *f)
{
	char name[WRIT_TOOL_NAME_MAX + 1], *copy;
	struct writ_err e = { 0 };

	/* a function that destroys does not inherit that it only reads */
	if (f->notes.destructive != WRIT_TOOLBOX_YES)
		inherit(&f->notes.read_only, g->notes.read_only);
	if (f->notes.read_only != WRIT_TOOLBOX_YES)
		inherit(&f->notes.destructive, g->notes.destructive);
	inherit(&f->notes.idempotent, g->notes.idempotent);
	inherit(&f->notes.open_world, g->notes.open_world);
	f->listed = f->listed && g->listed;
	if (f->name.ptr)
		return WRIT_OK;
	if (writ_toolbox_name(g->name, f->export_name, name, &e) != WRIT_OK)
		return writ_doc_bad(d, n, "%s", e.msg);
	copy = writ_yaml_mem(d->yaml, strlen(name) + 1);
	if (!copy)
		return writ_doc_nomem(d);
	memcpy(copy, name, strlen(name) + 1);
	f->name = writ_str_from(copy);
	return WRIT_OK;
}

static const struct writ_yaml_node *
functions_of(const struct writ_yaml_node *group)
{
	const struct writ_yaml_node *n = group->first;

	while (n && !writ_str_is(n->key, "functions"))
		n = n->next;
	return n ? n->first : NULL;
}

static bool
says_sessions(const struct writ_yaml_node *group)
{
	const struct writ_yaml_node *n, *m;

	for (n = group->first; n; n = n->next)
		for (m = n->first; m; m = m->next)
			if (writ_str_is(n->key, "limits") &&
			    writ_str_is(m->key, "sessions"))
				return true;
	return false;
}

static enum writ_status
read_group(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_toolbox_group *g)
{
	const struct writ_yaml_node *c;
	enum writ_status st;
	size_t i;

	*g = (struct writ_toolbox_group){ .listed = true,
		.line = n->line, .column = n->column,
		.limits = {
			.output_bytes = WRIT_DEFAULT_TOOL_OUTPUT,
			.concurrency = WRIT_DEFAULT_TOOL_CONCURRENCY,
			.idle_ms = WRIT_DEFAULT_TOOL_IDLE_MS,
			.sessions = WRIT_DEFAULT_TOOL_SESSIONS,
		} };
	writ_toolbox_in(d, n, "tool", "name");
	st = writ_doc_map(d, n, WRIT_DOC_ROWS(group_rows), g);
	if (st != WRIT_OK)
		return st;
	if (g->session == WRIT_TOOLBOX_PER_CALL && says_sessions(n))
		return writ_doc_bad(d, n, "limits.sessions has no meaning without "
		    "session: named");
	for (c = functions_of(n), i = 0; c && i < g->functions_count;
	    c = c->next, i++) {
		st = finish_function(d, c, g,
		    &g->functions[i]);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

/* No two groups, and no two functions of any group, with like names. */
static enum writ_status
check_group(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_toolbox_group *g, struct writ_lookalike *groups,
    struct writ_lookalike *functions)
{
	const struct writ_yaml_node *c;
	enum writ_status st;
	size_t i;

	writ_toolbox_in(d, n, "tool", "name");
	st = writ_toolbox_unique(d, n, groups, g->name);
	for (c = functions_of(n), i = 0; st == WRIT_OK && c &&
	    i < g->functions_count; c = c->next, i++)
		st = writ_toolbox_unique(d, c, functions, g->functions[i].name);
	return st;
}

static enum writ_status
read_tools(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	writ_auto_release(writ_lookalike) groups;
	writ_auto_release(writ_lookalike) functions;
	struct writ_toolbox *t = field;
	struct writ_toolbox_group *v = NULL;
	const struct writ_yaml_node *n;
	enum writ_status st;
	size_t i = 0;

	writ_lookalike_init(&groups, WRIT_TOOLBOX_TOOLS_MAX);
	writ_lookalike_init(&functions, WRIT_TOOLBOX_TOOLS_MAX);
	writ_doc_in(d, k->key);
	st = writ_toolbox_room(d, list, WRIT_TOOLBOX_TOOLS_MAX, sizeof(v[0]), &v);
	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next, i++) {
		st = read_group(d, n, &v[i]);
		if (st == WRIT_OK)
			st = check_group(d, n, &v[i], &groups, &functions);
		if (st != WRIT_OK)
			return st;
	}
	t->groups = v;
	t->groups_count = i;
	return WRIT_OK;
}

/* ---- the document */

static const struct writ_doc_key whole_rows[] = {
	{ "toolbox", true, read_version, 0, 0, 0, NULL },
	{ "name", true, writ_toolbox_read_name, AT(writ_toolbox, name), 0,
	    GROUP_NAME_MAX, NULL },
	{ "title", false, writ_toolbox_read_line, AT(writ_toolbox, title), 0, 0,
	    NULL },
	{ "version", false, writ_toolbox_read_line, AT(writ_toolbox, version), 0,
	    0, NULL },
	{ "instructions", false, writ_toolbox_read_text,
	    AT(writ_toolbox, instructions), 0, 0, NULL },
	{ "tools", false, read_tools, 0, 0, 0, NULL },
	{ "prompts", false, writ_toolbox_read_prompts, 0, 0, 0, NULL },
	{ "resources", false, writ_toolbox_read_resources, 0, 0, 0, NULL },
};

/* Whether `name` may be a tool: one that is written, or one of `functions: all`. */
static bool
may_be_tool(const struct writ_toolbox *t, struct writ_str name)
{
	size_t i, k;

	for (i = 0; i < t->groups_count; i++) {
		const struct writ_toolbox_group *g = &t->groups[i];

		if (g->all && name.len > g->name.len + 1 &&
		    writ_str_starts(name, g->name) && name.ptr[g->name.len] == '_')
			return true;
		for (k = 0; k < g->functions_count; k++)
			if (writ_str_eq(g->functions[k].name, name))
				return true;
	}
	return false;
}

/* What prompts and resources are made by. */
static enum writ_status
check_makers(struct writ_doc *d, const struct writ_toolbox *t)
{
	size_t i;

	for (i = 0; i < t->prompts_count; i++) {
		const struct writ_toolbox_prompt *p = &t->prompts[i];

		if (p->tool.ptr && !may_be_tool(t, p->tool))
			return writ_fail(d->err, WRIT_INVALID, "%s:%u:%u: prompt "
			    "\"%.64s\": no tool of this toolbox is named "
			    "\"%.128s\"", d->file, p->line, p->column,
			    p->name.ptr, p->tool.ptr);
	}
	for (i = 0; i < t->resources_count; i++) {
		const struct writ_toolbox_resource *r = &t->resources[i];

		if (r->tool.ptr && !may_be_tool(t, r->tool))
			return writ_fail(d->err, WRIT_INVALID, "%s:%u:%u: resource "
			    "\"%.64s\": no tool of this toolbox is named "
			    "\"%.128s\"", d->file, r->line, r->column,
			    r->name.ptr, r->tool.ptr);
	}
	return WRIT_OK;
}

enum writ_status
writ_toolbox_parse(struct writ_str doc, const char *file,
    struct writ_toolbox **out, struct writ_err *err)
{
	writ_auto(writ_yaml) yaml = NULL;
	struct writ_doc d = { .file = file, .err = err };
	const struct writ_yaml_node *root;
	struct writ_toolbox *t;
	enum writ_status st = writ_yaml_parse_long(doc, file, WRIT_INLINE_MAX,
	    &yaml, err);

	if (st != WRIT_OK)
		return st;
	d.yaml = yaml;
	root = writ_yaml_root(yaml);
	t = writ_yaml_mem(yaml, sizeof(*t));
	if (!t)
		return writ_doc_nomem(&d);
	if ((root->kind == WRIT_YAML_SCALAR && root->plain &&
	    root->text.len == 0) ||
	    (root->kind == WRIT_YAML_MAP && root->count == 0))
		return writ_doc_bad(&d, root, "an empty document");
	st = writ_doc_map(&d, root, WRIT_DOC_ROWS(whole_rows), t);
	if (st == WRIT_OK)
		st = check_makers(&d, t);
	if (st != WRIT_OK)
		return st;
	t->memory = writ_steal(&yaml);
	*out = t;
	return WRIT_OK;
}

void
writ_toolbox_free(struct writ_toolbox *t)
{
	if (t)
		writ_yaml_free(t->memory);
}
