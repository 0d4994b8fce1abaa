/* What differs between two locks, the most important first. */
#include "policy/lock_parts.h"

#include "policy/policy.h"
#include "policy/subset.h"

#define LINE_SHOWN_MAX 400	/* bytes of a line in a diff */
#define REASONS_MAX (16 * 1024)

struct diff {
	const struct writ_lock *old, *now;
	struct writ_buf *out;
	bool differs;
};

static void
said(struct diff *d, const char *kind, struct writ_str name, const char *what)
{
	d->differs = true;
	if (!d->out)
		return;
	writ_buf_printf(d->out, "%s", kind);
	writ_buf_safe(d->out, name, false);
	writ_buf_cstr(d->out, what);
	writ_buf_char(d->out, '\n');
}

/* ---- lines */

/* The first line of *s, which goes on behind it; of a schema also one field of it, so
 * that a change in a long line is found. */
static struct writ_str
next_line(struct writ_str *s, bool schema)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < s->len; i++) {
		char c = s->ptr[i];

		if (c == '\n')
			break;
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (schema && !quoted && (c == ',' || c == '{'))
			break;
	}
	if (i < s->len)
		i++;
	else
		i = s->len;
	return (struct writ_str){ s->ptr, i };
}

static size_t
count_lines(struct writ_str s, bool schema)
{
	size_t n = 0;

	while (s.len) {
		s = writ_str_skip(s, next_line(&s, schema).len);
		n++;
	}
	return n;
}

static void
show_line(struct diff *d, char sign, struct writ_str line)
{
	if (line.len && line.ptr[line.len - 1] == '\n')
		line.len--;
	writ_buf_printf(d->out, "  %c ", sign);
	writ_buf_safe(d->out, writ_str(line.ptr, line.len < LINE_SHOWN_MAX ?
	    line.len : LINE_SHOWN_MAX), false);
	writ_buf_cstr(d->out, line.len > LINE_SHOWN_MAX ? "...\n" : "\n");
}

/* Lines from..to of `s`, signed. */
static void
show_lines(struct diff *d, char sign, struct writ_str s, size_t from, size_t to,
    bool schema)
{
	struct writ_str line;
	size_t n;

	for (n = 0; n < to && s.len; n++) {
		line = next_line(&s, schema);
		s = writ_str_skip(s, line.len);
		if (n < from)
			continue;
		if (n - from == WRIT_LOCK_DIFF_LINES) {
			writ_buf_printf(d->out, "  %c (%zu more)\n", sign, to - n);
			return;
		}
		show_line(d, sign, line);
	}
}

/* The lines at the end that are the same, at most `max`. */
static size_t
same_end(struct writ_str a, struct writ_str b, size_t na, size_t nb,
    bool schema)
{
	size_t max = na < nb ? na : nb, i, run = 0;

	for (i = na - max; i > 0; i--)
		a = writ_str_skip(a, next_line(&a, schema).len);
	for (i = nb - max; i > 0; i--)
		b = writ_str_skip(b, next_line(&b, schema).len);
	for (i = 0; i < max; i++) {
		struct writ_str x = next_line(&a, schema);
		struct writ_str y = next_line(&b, schema);

		run = writ_str_eq(x, y) ? run + 1 : 0;
		a = writ_str_skip(a, x.len);
		b = writ_str_skip(b, y.len);
	}
	return run;
}

/* What is between the same beginning and the same end. */
static void
compare_text(struct diff *d, struct writ_str name, const char *what,
    struct writ_str a, struct writ_str b)
{
	bool schema = !strcmp(what, "arguments") || !strcmp(what, "results");
	struct writ_str x = a, y = b, line;
	size_t na, nb, begin = 0, end;

	if (writ_str_eq(a, b))
		return;
	d->differs = true;
	if (!d->out)
		return;
	writ_buf_cstr(d->out, "tool ");
	writ_buf_safe(d->out, name, false);
	writ_buf_printf(d->out, ": %s changed:\n", what);
	while (x.len && y.len) {
		line = next_line(&x, schema);
		if (!writ_str_eq(line, next_line(&y, schema)))
			break;
		x = writ_str_skip(x, line.len);
		y = writ_str_skip(y, line.len);
		begin++;
	}
	na = count_lines(x, schema);
	nb = count_lines(y, schema);
	end = same_end(x, y, na, nb, schema);
	show_lines(d, '-', a, begin, begin + na - end, schema);
	show_lines(d, '+', b, begin, begin + nb - end, schema);
}

/* ---- capabilities */

/* Relative paths of the same file mean the same folder: they get a beginning that no
 * document can spell. */
static enum writ_status
anchor(struct writ_policy *p)
{
	static const char mark[] = "/\x01/";
	size_t i, n;
	char *path;

	for (i = 0; i < p->files_count; i++) {
		if (p->files[i].source != WRIT_SOURCE_HOST ||
		    p->files[i].from[0] == '/')
			continue;
		n = strlen(p->files[i].from) + 1;
		path = writ_alloc(sizeof(mark) + n, 1);
		if (!path)
			return WRIT_NOMEM;
		memcpy(path, mark, sizeof(mark) - 1);
		memcpy(path + sizeof(mark) - 1, p->files[i].from, n);
		writ_mem_free(p->files[i].from);
		p->files[i].from = path;
	}
	return WRIT_OK;
}

static enum writ_status
policy_of(const struct writ_lock_tool *t, bool same_file,
    struct writ_policy **out)
{
	enum writ_status st = t->writ.len ?
	    writ_policy_parse(t->writ, "writ", out, NULL) :
	    writ_policy_empty(out, NULL);

	return st == WRIT_OK && same_file ? anchor(*out) : st;
}

static void
compare_writs(struct diff *d, const struct writ_lock_tool *a,
    const struct writ_lock_tool *b)
{
	writ_auto(writ_policy) p = NULL;
	writ_auto(writ_policy) q = NULL;
	writ_auto_release(writ_buf) why;
	bool same_file = writ_str_eq(a->writ_file, b->writ_file);

	if (writ_str_eq(a->writ, b->writ) && same_file)
		return;
	writ_buf_init(&why, REASONS_MAX);
	if (policy_of(a, same_file, &p) != WRIT_OK ||
	    policy_of(b, same_file, &q) != WRIT_OK) {
		said(d, "WRIT of ", b->name, " changed; what it allows cannot be "
		    "compared");
		return;
	}
	if (writ_policy_subset(q, p, &why) == WRIT_SUBSET_PROVED) {
		said(d, "writ of ", b->name, writ_policy_subset(p, q, NULL) ==
		    WRIT_SUBSET_PROVED ? " changed; it allows the same" :
		    " changed; it allows less");
		return;
	}
	said(d, "WRIT of ", b->name, " changed; it allows more, or other things:");
	if (d->out && writ_buf_status(&why) != WRIT_LIMIT)
		show_lines(d, '+', writ_buf_view(&why), 0,
		    count_lines(writ_buf_view(&why), false), false);
}

static bool
has_import(const struct writ_lock_tool *t, struct writ_str name)
{
	size_t i;

	for (i = 0; i < t->imports_count; i++)
		if (writ_str_eq(t->imports[i], name))
			return true;
	return false;
}

static void
compare_imports(struct diff *d, const struct writ_lock_tool *a,
    const struct writ_lock_tool *b)
{
	size_t i;
	bool head = false;

	for (i = 0; i < b->imports_count; i++) {
		if (has_import(a, b->imports[i]))
			continue;
		if (!head)
			said(d, "imports of ", b->name, " changed:");
		head = true;
		if (d->out)
			show_line(d, '+', b->imports[i]);
	}
	for (i = 0; i < a->imports_count; i++) {
		if (has_import(b, a->imports[i]))
			continue;
		if (!head)
			said(d, "imports of ", b->name, " changed:");
		head = true;
		if (d->out)
			show_line(d, '-', a->imports[i]);
	}
	/* one of them has an import twice */
	if (!head && a->imports_count != b->imports_count)
		said(d, "imports of ", b->name, " changed");
}

/* ---- tools and functions */

static const struct writ_lock_tool *
tool(const struct writ_lock *l, struct writ_str name)
{
	size_t i;

	for (i = 0; i < l->tools_count; i++)
		if (writ_str_eq(l->tools[i].name, name))
			return &l->tools[i];
	return NULL;
}

static const struct writ_lock_function *
function(const struct writ_lock_tool *t, struct writ_str name)
{
	size_t i;

	for (i = 0; t && i < t->functions_count; i++)
		if (writ_str_eq(t->functions[i].name, name))
			return &t->functions[i];
	return NULL;
}

static bool
same_notes(const struct writ_toolbox_notes *a,
    const struct writ_toolbox_notes *b)
{
	return a->read_only == b->read_only && a->destructive == b->destructive &&
	    a->idempotent == b->idempotent && a->open_world == b->open_world;
}

static void
show_notes(struct diff *d, char sign, const struct writ_toolbox_notes *n)
{
	if (d->out)
		writ_buf_printf(d->out, "  %c readOnly %s, destructive %s, "
		    "idempotent %s, openWorld %s\n", sign,
		    writ_lock_hints[n->read_only],
		    writ_lock_hints[n->destructive],
		    writ_lock_hints[n->idempotent],
		    writ_lock_hints[n->open_world]);
}

static void
compare_function(struct diff *d, const struct writ_lock_function *a,
    const struct writ_lock_function *b)
{
	compare_text(d, b->name, "export", a->export_name, b->export_name);
	if (a->listed != b->listed)
		said(d, "tool ", b->name, b->listed ? ": is shown to clients now" :
		    ": is not shown to clients any more");
	if (!same_notes(&a->notes, &b->notes)) {
		said(d, "tool ", b->name, ": annotations changed:");
		show_notes(d, '-', &a->notes);
		show_notes(d, '+', &b->notes);
	}
	compare_text(d, b->name, "title", a->title, b->title);
	compare_text(d, b->name, "description", a->description, b->description);
	compare_text(d, b->name, "arguments", a->input, b->input);
	compare_text(d, b->name, "results", a->output, b->output);
}

static void
compare_tool(struct diff *d, const struct writ_lock_tool *a,
    const struct writ_lock_tool *b)
{
	const struct writ_lock_function *f;
	size_t i;

	if (memcmp(&a->component, &b->component, sizeof(a->component)))
		said(d, "component of ", b->name, " changed");
	if (a->session != b->session)
		said(d, "sessions of ", b->name, b->session ==
		    WRIT_TOOLBOX_NAMED ? ": state is kept now" :
		    ": state is not kept any more");
	for (i = 0; i < b->functions_count; i++)
		if (!function(a, b->functions[i].name))
			said(d, "tool ", b->functions[i].name, " is new");
	for (i = 0; i < a->functions_count; i++)
		if (!function(b, a->functions[i].name))
			said(d, "tool ", a->functions[i].name, " is gone");
	for (i = 0; i < b->functions_count; i++) {
		f = function(a, b->functions[i].name);
		if (f)
			compare_function(d, f, &b->functions[i]);
	}
	if (a->functions_count != b->functions_count)
		d->differs = true;
}

static void
compare_rights(struct diff *d, const struct writ_lock_tool *b)
{
	static const struct writ_lock_tool nothing;
	const struct writ_lock_tool *a = tool(d->old, b->name);
	struct writ_lock_tool none = nothing;

	if (a) {
		compare_writs(d, a, b);
		compare_imports(d, a, b);
		return;
	}
	none.name = b->name;
	none.writ_file = b->writ_file;
	compare_writs(d, &none, b);
}

bool
writ_lock_same(const struct writ_lock *old, const struct writ_lock *now,
    struct writ_buf *diff)
{
	struct diff d = { .old = old, .now = now, .out = diff };
	size_t i, k;

	for (i = 0; i < now->tools_count; i++)
		compare_rights(&d, &now->tools[i]);
	for (i = 0; i < now->tools_count; i++) {
		const struct writ_lock_tool *b = &now->tools[i];
		const struct writ_lock_tool *a = tool(old, b->name);

		if (a) {
			compare_tool(&d, a, b);
			continue;
		}
		said(&d, "tools of ", b->name, " are new:");
		for (k = 0; diff && k < b->functions_count; k++)
			show_line(&d, '+', b->functions[k].name);
	}
	for (i = 0; i < old->tools_count; i++)
		if (!tool(now, old->tools[i].name))
			said(&d, "tools of ", old->tools[i].name, " are gone");
	if (old->tools_count != now->tools_count)
		d.differs = true;
	if (!writ_str_eq(old->instructions, now->instructions))
		compare_text(&d, WRIT_STR("box"), "instructions",
		    old->instructions, now->instructions);
	return !d.differs;
}
