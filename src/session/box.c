#include "base/json.h"
#include "base/limits.h"
#include "policy/lookalike.h"
#include "session/box.h"
#include "writ/mcp.h"

static void
tool_release(struct writ_box_tool *t)
{
	writ_mem_free(t->name);
	writ_mem_free(t->input);
	writ_mem_free(t->output);
}

static void
group_release(struct writ_box_group *g)
{
	writ_tool_release(&g->tool);
	writ_policy_free(g->policy);
	writ_bytes_release(&g->writ_text);
	writ_mem_free(g->component);
	writ_mem_free(g->writ);
}

void
writ_box_free(struct writ_box *box)
{
	size_t i;

	if (!box)
		return;
	for (i = 0; i < box->tools.len; i++)
		tool_release(writ_vec_at(&box->tools, i));
	writ_vec_release(&box->tools);
	for (i = 0; box->groups && i < box->toolbox->groups_count; i++)
		group_release(&box->groups[i]);
	writ_mem_free(box->groups);
	writ_toolbox_free(box->toolbox);
	writ_bytes_release(&box->text);
	writ_mem_free(box);
}

struct writ_box_tool *
writ_box_find(struct writ_box *box, struct writ_str name)
{
	size_t i;

	for (i = 0; i < box->tools.len; i++) {
		struct writ_box_tool *t = writ_vec_at(&box->tools, i);

		if (writ_str_is(name, t->name))
			return t;
	}
	return NULL;
}

/* ---- one group */

/* The lower of the writ's and the toolbox's limits holds. */
static void
lower(uint64_t *limit, uint64_t other)
{
	if (other && (*limit == 0 || other < *limit))
		*limit = other;
}

/* What is pinned is the text, what holds the policy: both are read, and must be of one file. */
static enum writ_status
same_text(const struct writ_box_group *g, struct writ_err *err)
{
	struct writ_digest d;

	writ_sha256(g->writ_text.ptr, g->writ_text.len, &d);
	return memcmp(&d, &g->policy->digest, sizeof(d)) == 0 ? WRIT_OK :
	    writ_fail(err, WRIT_BUSY, "%s: it changes while it is read",
	    g->writ);
}

static enum writ_status
load_policy(struct writ_box *box, struct writ_box_group *g, struct writ_err *err)
{
	enum writ_status st;

	if (!g->writ) {
		st = writ_policy_empty(&g->policy, err);
	} else {
		st = writ_doc_read(g->writ, WRIT_DOC_MAX, &g->writ_text, err);
		if (st == WRIT_OK)
			st = writ_policy_load(g->writ, &g->policy, err);
		if (st == WRIT_OK)
			st = same_text(g, err);
	}
	if (st == WRIT_OK)
		st = writ_policy_outside(g->policy, box->path, box->dir, err);
	if (st != WRIT_OK)
		return st;
	lower(&g->policy->limits.time_ms, g->spec->limits.time_ms);
	lower(&g->policy->limits.output_bytes, g->spec->limits.output_bytes);
	return WRIT_OK;
}

static enum writ_status
load_component(struct writ_host *host, struct writ_box_group *g,
    struct writ_err *err)
{
	struct writ_tool *t = &g->tool;
	enum writ_status st;

	writ_tool_init(t, host, g->component, g->policy);
	st = writ_tool_open(t, err);
	if (st == WRIT_OK)
		st = writ_tool_read(t, err);
	if (st == WRIT_OK)
		st = writ_tool_prepare(t, err);
	return st == WRIT_OK ? writ_tool_check_places(t, err) : st;
}

/* ---- its functions */

static struct writ_str
text_of(const json_t *object, const char *key)
{
	struct writ_str s;

	return writ_json_str(object, key, &s) == WRIT_OK && s.len ? s :
	    (struct writ_str){ NULL, 0 };
}

/* A schema as text of its own; NULL without one. */
static char *
schema_of(const json_t *function, const char *key)
{
	const json_t *schema = json_object_get(function, key);

	return json_is_object(schema) ? json_dumps(schema, JSON_COMPACT) : NULL;
}

static enum writ_status
add_tool(struct writ_box *box, struct writ_box_group *g, const json_t *function,
    const struct writ_toolbox_function *said, struct writ_err *err)
{
	struct writ_str full = text_of(function, "export"), docs;
	char name[WRIT_TOOL_NAME_MAX + 1];
	struct writ_box_tool *t;
	enum writ_status st;

	if (!said) {
		st = writ_toolbox_name(g->spec->name, full, name, err);
		if (st != WRIT_OK)
			return st;
	}
	st = writ_vec_push(&box->tools, &t);
	if (st != WRIT_OK)
		return writ_fail(err, st, "more than %d tools",
		    WRIT_TOOLBOX_TOOLS_MAX);
	t->group = g;
	t->export_name = full;
	docs = text_of(function, "docs");
	t->title = said && said->title.len ? said->title : g->spec->title;
	t->description = said && said->description.len ? said->description :
	    docs.len ? docs : g->spec->description;
	t->notes = said ? said->notes : g->spec->notes;
	t->listed = said ? said->listed : g->spec->listed;
	t->content = json_is_true(json_object_get(function, "content"));
	t->name = writ_str_dup(said ? said->name : writ_str_from(name));
	t->input = schema_of(function, "input");
	t->output = t->content ? NULL : schema_of(function, "output");
	if (!t->name || !t->input)
		return writ_fail(err, WRIT_NOMEM, "tool");
	return WRIT_OK;
}

struct selection {
	struct writ_box *box;
	struct writ_box_group *g;
	const struct writ_toolbox_function *said;
	const json_t *found;
	unsigned count;
};

static bool
is_program(const json_t *function)
{
	return writ_str_starts(text_of(function, "export"),
	    WRIT_STR("wasi:cli/run@"));
}

static enum writ_status
take(void *ctx, const json_t *function, struct writ_err *err)
{
	struct selection *s = ctx;

	return is_program(function) ? WRIT_OK :
	    add_tool(s->box, s->g, function, NULL, err);
}

static enum writ_status
look(void *ctx, const json_t *function, struct writ_err *err)
{
	struct selection *s = ctx;

	if (writ_toolbox_selects(s->said->export_name, text_of(function,
	    "export"))) {
		s->found = function;
		s->count++;
	}
	return WRIT_OK;
}

static enum writ_status
load_functions(struct writ_box *box, struct writ_box_group *g,
    struct writ_err *err)
{
	struct selection s = { .box = box, .g = g };
	enum writ_status st;
	size_t i;

	if (g->spec->all)
		return writ_tool_each(&g->tool, take, &s, err);
	for (i = 0; i < g->spec->functions_count; i++) {
		s.said = &g->spec->functions[i];
		s.count = 0;
		st = writ_tool_each(&g->tool, look, &s, err);
		if (st != WRIT_OK)
			return st;
		if (s.count != 1)
			return writ_fail(err, WRIT_INVALID, "%s:%u:%u: %s %s "
			    "\"%.*s\"; writ inspect lists what it exports",
			    box->path, s.said->line, s.said->column,
			    g->component, s.count ? "exports several functions "
			    "called" : "exports no function",
			    WRIT_STR_ARG(s.said->export_name));
		st = add_tool(box, g, s.found, s.said, err);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

static enum writ_status
load_group(struct writ_box *box, struct writ_host *host,
    struct writ_box_group *g, struct writ_err *err)
{
	enum writ_status st;

	g->component = writ_path_join(box->dir, g->spec->component.ptr);
	if (g->spec->writ.ptr)
		g->writ = writ_path_join(box->dir, g->spec->writ.ptr);
	if (!g->component || (g->spec->writ.ptr && !g->writ))
		return writ_fail(err, WRIT_NOMEM, "path");
	st = load_policy(box, g, err);
	if (st == WRIT_OK)
		st = load_component(host, g, err);
	if (st == WRIT_OK)
		st = load_functions(box, g, err);
	return st == WRIT_OK ? st : writ_fail_in(err, st, "tool \"%.*s\"",
	    WRIT_STR_ARG(g->spec->name));
}

/* ---- the lock */

/* What the lock is made of, borrowed from a box. */
struct facts {
	struct writ_lock lock;
	struct writ_vec memory;		/* void *, freed together */
};

static void
facts_release(struct facts *f)
{
	size_t i;

	for (i = 0; i < f->memory.len; i++)
		writ_mem_free(*(void **)writ_vec_at(&f->memory, i));
	writ_vec_release(&f->memory);
}

static void *
facts_alloc(struct facts *f, size_t n, size_t size)
{
	void **slot;
	void *p;

	if (writ_vec_push(&f->memory, &slot) != WRIT_OK)
		return NULL;
	p = writ_alloc(n ? n : 1, size);
	*slot = p;
	return p;
}

static void
function_facts(struct writ_lock_function *f, const struct writ_box_tool *t)
{
	*f = (struct writ_lock_function){ .name = writ_str_from(t->name),
		.export_name = t->export_name, .listed = t->listed,
		.title = t->title, .description = t->description,
		.notes = t->notes, .input = writ_str_from(t->input),
		.output = writ_str_from(t->output) };
}

static enum writ_status
group_facts(struct facts *f, const struct writ_box *box,
    const struct writ_box_group *g, struct writ_lock_tool *out)
{
	const json_t *imports = json_object_get(g->tool.described, "imports");
	size_t i, n = json_array_size(imports);

	*out = (struct writ_lock_tool){ .name = g->spec->name,
		.component = g->tool.file.digest, .writ_file = g->spec->writ,
		.session = g->spec->session };
	if (g->writ)
		out->writ = writ_str((const char *)g->writ_text.ptr,
		    g->writ_text.len);
	out->imports = facts_alloc(f, n, sizeof(*out->imports));
	out->functions = facts_alloc(f, box->tools.len,
	    sizeof(*out->functions));
	if (!out->imports || !out->functions)
		return WRIT_NOMEM;
	for (i = 0; i < n; i++) {
		struct writ_str name = text_of(json_array_get(imports, i),
		    "name");

		if (name.len)
			out->imports[out->imports_count++] = name;
	}
	for (i = 0; i < box->tools.len; i++) {
		const struct writ_box_tool *t = writ_vec_at(
		    (struct writ_vec *)(uintptr_t)&box->tools, i);

		if (t->group == g)
			function_facts(&out->functions[out->functions_count++],
			    t);
	}
	return WRIT_OK;
}

static enum writ_status
facts_make(struct facts *f, const struct writ_box *box, struct writ_err *err)
{
	size_t i, n = box->toolbox->groups_count;

	memset(f, 0, sizeof(*f));
	writ_vec_init(&f->memory, sizeof(void *), 2 * n + 1);
	f->lock.instructions = box->toolbox->instructions;
	f->lock.tools = facts_alloc(f, n, sizeof(*f->lock.tools));
	if (!f->lock.tools)
		return writ_fail(err, WRIT_NOMEM, "lock");
	for (i = 0; i < n; i++)
		if (group_facts(f, box, &box->groups[i],
		    &f->lock.tools[f->lock.tools_count++]) != WRIT_OK)
			return writ_fail(err, WRIT_NOMEM, "lock");
	return WRIT_OK;
}

enum writ_status
writ_box_lock_text(const struct writ_box *box, struct writ_buf *out,
    struct writ_err *err)
{
	struct facts f;
	enum writ_status st = facts_make(&f, box, err);

	if (st == WRIT_OK)
		st = writ_lock_make(&f.lock, out, err);
	facts_release(&f);
	return st;
}

static enum writ_status
read_lock(const struct writ_box *box, struct writ_lock **out,
    struct writ_err *err)
{
	writ_auto_release(writ_bytes) text = WRIT_BYTES_NONE;
	enum writ_status st = writ_doc_read(box->lock, WRIT_LOCK_MAX, &text,
	    err);

	return st == WRIT_OK ? writ_lock_parse(writ_str((const char *)text.ptr,
	    text.len), box->lock, out, err) : st;
}

/* An error is one line. */
static void
join_lines(struct writ_buf *out, struct writ_str text)
{
	struct writ_str line;

	while (text.len) {
		line = writ_str_cut(text, '\n', &text);
		while (line.len && line.ptr[0] == ' ')
			line = writ_str_skip(line, 1);
		if (out->len && line.len)
			writ_buf_cstr(out, "; ");
		writ_buf_str(out, line);
	}
}

/* The same check that `writ pin` makes before it writes (names, texts), and then equality. */
static enum writ_status
check_lock(struct writ_box *box, struct writ_err *err)
{
	writ_auto_release(writ_buf) now;
	writ_auto_release(writ_buf) diff;
	writ_auto_release(writ_buf) line;
	writ_auto(writ_lock) old = NULL;
	struct facts f;
	enum writ_status st = read_lock(box, &old, err);

	writ_buf_init(&now, WRIT_LOCK_MAX);
	writ_buf_init(&diff, WRIT_ERR_MSG_MAX);
	writ_buf_init(&line, 2 * WRIT_ERR_MSG_MAX);
	if (st == WRIT_NOENT)
		return writ_fail(err, st, "%s: not pinned yet: look at its "
		    "tools, then: writ pin %s", box->path, box->path);
	if (st != WRIT_OK)
		return st;
	st = facts_make(&f, box, err);
	if (st == WRIT_OK)
		st = writ_lock_make(&f.lock, &now, err);
	if (st == WRIT_OK && !writ_lock_same(old, &f.lock, &diff)) {
		join_lines(&line, writ_buf_view(&diff));
		st = writ_fail(err, WRIT_DENIED, "%s is not what was pinned "
		    "(writ pin shows it, and pins it again): %.*s", box->path,
		    WRIT_STR_ARG(writ_buf_view(&line)));
	}
	facts_release(&f);
	return st;
}

/* ---- the box */

static enum writ_status
load_groups(struct writ_box *box, struct writ_host *host, struct writ_err *err)
{
	size_t i, n = box->toolbox->groups_count;
	enum writ_status st;

	box->groups = writ_alloc(n ? n : 1, sizeof(*box->groups));
	if (!box->groups)
		return writ_fail(err, WRIT_NOMEM, "toolbox");
	for (i = 0; i < n; i++) {
		struct writ_box_group *g = &box->groups[i];

		g->spec = &box->toolbox->groups[i];
		g->writ_text = WRIT_BYTES_NONE;
		writ_tool_init(&g->tool, host, NULL, NULL);
	}
	for (i = 0; i < n; i++) {
		st = load_group(box, host, &box->groups[i], err);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

static enum writ_status
read_box(struct writ_box *box, const char *path, struct writ_err *err)
{
	const char *dot, *slash;
	enum writ_status st;

	if (writ_str_cstr(writ_str_from(path), box->path, sizeof(box->path)) !=
	    WRIT_OK)
		return writ_fail(err, WRIT_NAMETOOLONG, "path of the toolbox");
	dot = strrchr(path, '.');
	slash = strrchr(path, '/');
	if (!dot || (slash && dot < slash))
		dot = path + strlen(path);
	if ((size_t)snprintf(box->lock, sizeof(box->lock), "%.*s.lock",
	    (int)(dot - path), path) >= sizeof(box->lock))
		return writ_fail(err, WRIT_NAMETOOLONG, "path of the toolbox");
	st = writ_doc_read(path, WRIT_DOC_MAX, &box->text, err);
	if (st == WRIT_OK)
		st = writ_folder_of(path, box->dir, err);
	return st == WRIT_OK ? writ_toolbox_parse(writ_str(
	    (const char *)box->text.ptr, box->text.len), path, &box->toolbox,
	    err) : st;
}

enum writ_status
writ_box_load(struct writ_host *host, const char *path, enum writ_box_lock lock,
    struct writ_box **out, struct writ_err *err)
{
	writ_auto(writ_box) box = writ_alloc(1, sizeof(*box));
	enum writ_status st;

	if (!box)
		return writ_fail(err, WRIT_NOMEM, "toolbox");
	box->text = WRIT_BYTES_NONE;
	writ_vec_init(&box->tools, sizeof(struct writ_box_tool),
	    WRIT_TOOLBOX_TOOLS_MAX);
	st = read_box(box, path, err);
	if (st == WRIT_OK)
		st = load_groups(box, host, err);
	if (st == WRIT_OK && lock == WRIT_BOX_LOCKED)
		st = check_lock(box, err);
	if (st != WRIT_OK)
		return st;
	*out = writ_steal(&box);
	return WRIT_OK;
}

/* ---- pinning */

/* The difference, and the digest of the lock that it leads to: two that are alike lead to the
 * same lock, also where a long text is shown in part. */
static enum writ_status
show_pin(const struct writ_lock *old, const struct writ_lock *now,
    struct writ_str text, struct writ_buf *diff)
{
	const struct writ_lock none = { .memory = NULL };
	char digest[WRIT_DIGEST_TEXT];
	struct writ_digest d;

	/* a toolbox without tools has a lock, too */
	if (writ_lock_same(old ? old : &none, now, diff) && old)
		return WRIT_OK;
	writ_sha256(text.ptr, text.len, &d);
	writ_digest_text(&d, digest);
	writ_buf_printf(diff, "lock %s\n", digest);
	return writ_buf_status(diff);
}

enum writ_status
writ_mcp_pin(struct writ_host *host, const char *toolbox, const char *shown,
    char **diff_out, struct writ_err *err)
{
	writ_auto(writ_box) box = NULL;
	writ_auto(writ_lock) old = NULL;
	writ_auto_release(writ_buf) diff;
	writ_auto_release(writ_buf) text;
	struct facts f;
	enum writ_status st;

	writ_buf_init(&diff, 16 * 1024 * 1024);
	writ_buf_init(&text, WRIT_LOCK_MAX);
	st = writ_box_load(host, toolbox, WRIT_BOX_UNLOCKED, &box, err);
	if (st == WRIT_OK)
		st = read_lock(box, &old, err);
	if (st != WRIT_OK && st != WRIT_NOENT)
		return st;
	st = writ_box_lock_text(box, &text, err);
	if (st != WRIT_OK)
		return st;
	st = facts_make(&f, box, err);
	if (st == WRIT_OK)
		st = show_pin(old, &f.lock, writ_buf_view(&text), &diff);
	facts_release(&f);
	if (st == WRIT_OK && shown && !writ_str_is(writ_buf_view(&diff), shown))
		return writ_fail(err, WRIT_BUSY, "%s: it changed after it was "
		    "shown; nothing was pinned", toolbox);
	if (st == WRIT_OK && shown && diff.len)
		st = writ_doc_write(box->lock, writ_buf_view(&text), err);
	return st == WRIT_OK ? writ_text_out(&diff, diff_out, err) : st;
}
