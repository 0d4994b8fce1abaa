/* files and deny: the sections whose providers are at work. */
#include "policy/glob.h"
#include "policy/http_shape.h"
#include "policy/parts.h"

#define OVERLAYS_MAX 4
#define QUOTA_MAX (1024 * 1024 * WRIT_GIB)
#define QUOTA_FILES_MAX (1ull << 40)

struct source_word {
	const char *word;
	enum writ_source_kind kind;
	bool named;		/* the text is a name */
};

static const struct source_word source_words[] = {
	{ "host:", WRIT_SOURCE_HOST, false },
	{ "overlay:", WRIT_SOURCE_OVERLAY, false },
	{ "database:", WRIT_SOURCE_DATABASE, true },
	{ "shared:", WRIT_SOURCE_SHARED, true },
	{ "blob:", WRIT_SOURCE_BLOB, false },
};

static enum writ_status
unknown_source(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str s)
{
	static const char *const near[] = { "memory", "host", "overlay",
		"database", "shared", "blob" };
	struct writ_str rest, word = writ_str_cut(s, ':', &rest);
	char meant[80];

	writ_doc_meant(word, near, sizeof(near[0]), 6, meant);
	return writ_doc_bad(d, n, "\"%.64s\" is no source: memory, host:PATH, "
	    "overlay:SOURCE, database:NAME, shared:NAME or blob:sha256:...%s",
	    s.ptr, meant);
}

/* Dots may lead a host path and stand nowhere else: protected names are looked for in
 * the path as it is written. */
static bool
has_inner_dots(struct writ_str path)
{
	struct writ_str rest = path, seg;
	bool inner = false;

	while (rest.ptr) {
		seg = writ_str_cut(rest, '/', &rest);
		if (!writ_str_is(seg, ".") && !writ_str_is(seg, ".."))
			inner = true;
		else if (inner)
			return true;
	}
	return false;
}

static enum writ_status
check_source_text(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct source_word *w, struct writ_str text)
{
	struct writ_digest digest;

	if (w->named && !writ_doc_good_name(text))
		return writ_doc_bad(d, n, "%s needs a name: a-z, 0-9, _ and -",
		    w->word);
	if (w->kind == WRIT_SOURCE_BLOB &&
	    writ_digest_parse(text, &digest) != WRIT_OK)
		return writ_doc_bad(d, n, "blob: needs sha256: and 64 hex digits");
	if (w->kind != WRIT_SOURCE_HOST)
		return WRIT_OK;
	if (text.len == 0)
		return writ_doc_bad(d, n, "host: needs a path");
	if (text.len > WRIT_PATH_MAX)
		return writ_doc_bad(d, n, "a path longer than 4095 bytes");
	if (text.ptr[0] == '~')
		return writ_doc_bad(d, n, "\"~\" is not expanded; write the path "
		    "in full");
	if (has_inner_dots(text))
		return writ_doc_bad(d, n, "\".\" or \"..\" inside the path; they "
		    "may only lead it");
	return WRIT_OK;
}

enum writ_status
writ_doc_source(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_doc_source *out = field;
	struct writ_str s;
	enum writ_status st = writ_doc_plain_text(d, n, &s);
	size_t i, overlays = 0;

	if (st != WRIT_OK)
		return st;
	*out = (struct writ_doc_source){ .kind = WRIT_SOURCE_MEMORY };
	for (;;) {
		if (writ_str_is(s, "memory"))
			break;
		for (i = 0; i < sizeof(source_words) / sizeof(source_words[0]);
		    i++)
			if (writ_str_starts(s, writ_str_from(source_words[i].word)))
				break;
		if (i == sizeof(source_words) / sizeof(source_words[0]))
			return unknown_source(d, n, s);
		s = writ_str_skip(s, strlen(source_words[i].word));
		if (!out->text.ptr) {
			out->kind = source_words[i].kind;
			out->text = s;
		}
		out->base = source_words[i].kind;
		d->uses_database |= out->base == WRIT_SOURCE_DATABASE;
		if (out->base != WRIT_SOURCE_OVERLAY)
			return check_source_text(d, n, &source_words[i], s);
		if (++overlays > OVERLAYS_MAX)
			return writ_doc_bad(d, n, "more than 4 overlays");
	}
	out->base = WRIT_SOURCE_MEMORY;
	return WRIT_OK;
}

enum writ_status
writ_doc_bucket_source(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_doc_source *s = field;
	enum writ_status st = writ_doc_source(d, n, k, field);

	if (st == WRIT_OK && s->kind != WRIT_SOURCE_MEMORY &&
	    s->kind != WRIT_SOURCE_DATABASE && s->kind != WRIT_SOURCE_SHARED)
		return writ_doc_bad(d, n, "a bucket or container comes from "
		    "memory, database:NAME or shared:NAME");
	return st;
}

/* What is wrong with an absolute canonical path (or pattern), or NULL. */
static const char *
path_wrong(struct writ_str path)
{
	struct writ_str rest, seg;

	if (path.ptr[0] != '/')
		return "the path must begin with \"/\"";
	if (path.len > WRIT_PATH_MAX)
		return "a path longer than 4095 bytes";
	if (path.len == 1)
		return NULL;
	rest = writ_str_skip(path, 1);
	while (rest.ptr) {
		seg = writ_str_cut(rest, '/', &rest);
		if (seg.len == 0)
			return "\"//\" or a \"/\" at the end of the path";
		if (writ_str_is(seg, ".") || writ_str_is(seg, ".."))
			return "\".\" or \"..\" in the path";
		if (seg.len > WRIT_NAME_MAX)
			return "a name longer than 255 bytes in the path";
	}
	return NULL;
}

static enum writ_status
read_at(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return writ_doc_right_text(d, n, path_wrong, field);
}

static const char *
pattern_wrong(struct writ_str path)
{
	const char *why = path_wrong(path);

	return why ? why : writ_glob_wrong(writ_str_skip(path, 1));
}

static enum writ_status
read_pattern(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return writ_doc_right_text(d, n, pattern_wrong, field);
}

struct files_doc {
	struct writ_str name, at;
	struct writ_doc_source from;
	unsigned write;
	bool durable, shown;
	uint64_t quota_bytes, quota_files;
	const struct writ_yaml_node *quota, *opened;
};

#define AT(s, f) offsetof(struct s, f)

static enum writ_status
read_quota(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "bytes", false, writ_doc_size, AT(files_doc, quota_bytes), 1,
		    QUOTA_MAX, NULL },
		{ "files", false, writ_doc_count, AT(files_doc, quota_files), 1,
		    QUOTA_FILES_MAX, NULL },
	};
	struct files_doc *f = field;

	f->quota = n;
	if (n->kind == WRIT_YAML_MAP && n->count == 0)
		return writ_doc_bad(d, n, "an empty quota");
	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), f);
}

static const struct writ_doc_word modes[] = {
	{ "read", 0 }, { "write", 1 }, { NULL, 0 },
};

static const struct writ_doc_key files_rows[] = {
	{ "name", true, writ_doc_name, AT(files_doc, name), 0, 0, NULL },
	{ "at", true, read_at, AT(files_doc, at), 0, 0, NULL },
	{ "from", true, writ_doc_source, AT(files_doc, from), 0, 0, NULL },
	{ "mode", false, writ_doc_pick, AT(files_doc, write), 0, 0, modes },
	{ "quota", false, read_quota, 0, 0, 0, NULL },
	{ "protected", false, writ_doc_node, AT(files_doc, opened), 0, 0, NULL },
	{ "durable", false, writ_doc_bool, AT(files_doc, durable), 0, 0, NULL },
	{ "shown", false, writ_doc_bool, AT(files_doc, shown), 0, 0, NULL },
};

static enum writ_status
read_opened(struct writ_doc *d, const struct writ_yaml_node *list,
    struct writ_files_grant *g)
{
	const char *const *names = writ_policy_protected();
	const struct writ_yaml_node *n;
	enum writ_status st = writ_doc_is_set(d, list, "protected names");
	size_t count = 0, i, k = 0;
	struct writ_str s;
	char meant[80];

	if (st != WRIT_OK)
		return st;
	while (names[count])
		count++;
	g->protected_names = writ_alloc(list->count + 1, sizeof(char *));
	if (!g->protected_names)
		return writ_doc_nomem(d);
	for (n = list->first; n; n = n->next) {
		st = writ_doc_plain_text(d, n, &s);
		if (st != WRIT_OK)
			return st;
		for (i = 0; i < count && !writ_str_is(s, names[i]); i++)
			;
		if (i == count) {
			writ_doc_meant(s, names, sizeof(names[0]), count, meant);
			return writ_doc_bad(d, n, "\"%.64s\" is not a protected "
			    "name%s", s.ptr, meant);
		}
		g->protected_names[k] = writ_str_dup(s);
		if (!g->protected_names[k++])
			return writ_doc_nomem(d);
	}
	return WRIT_OK;
}

static const char *
source_kind(enum writ_source_kind kind)
{
	switch (kind) {
	case WRIT_SOURCE_MEMORY:
		return "files from memory";
	case WRIT_SOURCE_HOST:
		return "files from host:";
	case WRIT_SOURCE_OVERLAY:
		return "files from overlay:";
	case WRIT_SOURCE_DATABASE:
		return "files from database:";
	case WRIT_SOURCE_SHARED:
		return "files from shared:";
	case WRIT_SOURCE_BLOB:
		return "files from blob:";
	}
	return "files";
}

/* Combinations that a reader would misunderstand. */
static enum writ_status
check_files(struct writ_doc *d, const struct files_doc *f,
    const struct writ_yaml_node *n)
{
	const struct writ_doc_source *from = &f->from;

	if (f->quota && !f->write)
		return writ_doc_bad(d, f->quota,
		    "a quota has no meaning without mode: write");
	if (from->kind == WRIT_SOURCE_BLOB && f->write)
		return writ_doc_bad(d, n, "a blob is read-only; put an overlay "
		    "over it: overlay:blob:...");
	if (from->base == WRIT_SOURCE_MEMORY && f->opened)
		return writ_doc_bad(d, f->opened,
		    "nothing is protected in memory");
	if (f->shown && from->kind != WRIT_SOURCE_MEMORY)
		return writ_doc_bad(d, n, "only a mount in memory can be shown "
		    "to the client; what is on the host a toolbox names under "
		    "resources");
	if (from->kind != WRIT_SOURCE_MEMORY && from->kind != WRIT_SOURCE_HOST)
		writ_doc_unbuilt(d, source_kind(from->kind), f->name, n);
	return WRIT_OK;
}

static enum writ_status
check_mount(struct writ_doc *d, const struct files_doc *f,
    const struct writ_yaml_node *n)
{
	size_t i;

	for (i = 0; i + 1 < d->p->files_count; i++)
		if (writ_str_is(f->at, d->p->files[i].at))
			return writ_doc_bad(d, n, "mount %.200s is taken by "
			    "\"%s\"", f->at.ptr, d->p->files[i].name);
	return WRIT_OK;
}

static enum writ_status
fill_files(struct writ_doc *d, const struct files_doc *f,
    const struct writ_yaml_node *n, struct writ_files_grant *g)
{
	bool memory = f->from.kind == WRIT_SOURCE_MEMORY;

	g->name = writ_str_dup(f->name);
	g->at = writ_str_dup(f->at);
	if (!memory)
		g->from = writ_str_dup(f->from.text);
	if (!g->name || !g->at || (!memory && !g->from))
		return writ_doc_nomem(d);
	g->source = f->from.kind;
	g->write = f->write;
	g->durable = f->durable;
	g->shown = f->shown;
	g->quota_bytes = f->quota_bytes;
	g->quota_files = f->quota_files;
	if (memory && !g->quota_bytes)
		g->quota_bytes = WRIT_DEFAULT_MEMFS_BYTES;
	if (memory && !g->quota_files)
		g->quota_files = WRIT_DEFAULT_MEMFS_FILES;
	g->line = n->line;
	g->column = n->column;
	return f->opened ? read_opened(d, f->opened, g) : WRIT_OK;
}

enum writ_status
writ_doc_files(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_yaml_node *n;
	struct writ_policy *p = d->p;
	enum writ_status st;

	writ_doc_in(d, k->key);
	st = writ_doc_is_list(d, list);
	if (st != WRIT_OK || list->count == 0)
		return st;
	if (list->count > WRIT_MOUNTS_MAX)
		return writ_fail(d->err, WRIT_LIMIT, "%s:%u:%u: files: more than "
		    "64 entries", d->file, list->line, list->column);
	p->files = writ_alloc(list->count, sizeof(p->files[0]));
	if (!p->files)
		return writ_doc_nomem(d);
	for (n = list->first; n; n = n->next) {
		struct files_doc f = { 0 };

		st = writ_doc_entry(d, n, "files", WRIT_DOC_ROWS(files_rows), &f);
		if (st == WRIT_OK)
			st = check_files(d, &f, n);
		if (st == WRIT_OK)
			st = fill_files(d, &f, n, &p->files[p->files_count++]);
		if (st == WRIT_OK)
			st = check_mount(d, &f, n);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

/* ---- deny */

struct deny_doc {
	struct writ_str name;
	const struct writ_yaml_node *kind;	/* the one that was read */
	bool two, http, sockets;
	struct writ_str path, tool;
	unsigned write_only;
};

struct deny_other {		/* of the kinds not built yet: shape only */
	struct writ_str bucket, keys, container;
};

static const struct writ_doc_word deny_modes[] = {
	{ "all", 0 }, { "write", 1 }, { NULL, 0 },
};

static const struct writ_doc_key deny_files_rows[] = {
	{ "path", true, read_pattern, AT(deny_doc, path), 0, 0, NULL },
	{ "mode", false, writ_doc_pick, AT(deny_doc, write_only), 0, 0,
	    deny_modes },
};
static const struct writ_doc_key deny_keyvalue_rows[] = {
	{ "bucket", true, writ_doc_text, AT(deny_other, bucket), 0, 0, NULL },
	{ "keys", false, writ_doc_keys, AT(deny_other, keys), 0, 0, NULL },
};
static const struct writ_doc_key deny_blobs_rows[] = {
	{ "container", true, writ_doc_text, AT(deny_other, container), 0, 0,
	    NULL },
};
static const struct writ_doc_key deny_spawn_rows[] = {
	{ "tool", true, writ_doc_tool, AT(deny_doc, tool), 0, 0, NULL },
};

static void
note_kind(struct deny_doc *f, const struct writ_yaml_node *n)
{
	f->two |= f->kind != NULL;
	f->kind = n;
}

static enum writ_status
deny_files(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	note_kind(field, n);
	return writ_doc_map(d, n, WRIT_DOC_ROWS(deny_files_rows), field);
}

static enum writ_status
deny_spawn(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	note_kind(field, n);
	return writ_doc_map(d, n, WRIT_DOC_ROWS(deny_spawn_rows), field);
}

static enum writ_status
deny_http(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	((struct deny_doc *)field)->http = true;
	note_kind(field, n);
	return writ_doc_deny_http(d, n);
}

static enum writ_status
deny_sockets(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	((struct deny_doc *)field)->sockets = true;
	note_kind(field, n);
	return writ_doc_deny_sockets(d, n);
}

/* k->more is the table, k->max its length. */
static enum writ_status
deny_other(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct deny_other o = { 0 };
	struct deny_doc *f = field;

	note_kind(f, n);
	writ_doc_unbuilt(d, "deny", f->name, n);
	return writ_doc_map(d, n, k->more, (size_t)k->max, &o);
}

#define OTHER(t) 0, 0, sizeof(t) / sizeof((t)[0]), (t)

static const struct writ_doc_key deny_rows[] = {
	{ "name", true, writ_doc_name, AT(deny_doc, name), 0, 0, NULL },
	{ "files", false, deny_files, 0, 0, 0, NULL },
	{ "http", false, deny_http, 0, 0, 0, NULL },
	{ "sockets", false, deny_sockets, 0, 0, 0, NULL },
	{ "keyvalue", false, deny_other, OTHER(deny_keyvalue_rows) },
	{ "blobs", false, deny_other, OTHER(deny_blobs_rows) },
	{ "spawn", false, deny_spawn, 0, 0, 0, NULL },
};

static enum writ_status
keep_spawn_deny(struct writ_doc *d, const struct deny_doc *f)
{
	struct writ_spawn_deny *out =
	    &d->p->spawn_deny[d->p->spawn_deny_count++];

	out->name = writ_str_dup(f->name);
	out->tool = writ_str_dup(f->tool);
	return out->name && out->tool ? WRIT_OK : writ_doc_nomem(d);
}

static enum writ_status
name_net_deny(struct writ_doc *d, const struct deny_doc *f)
{
	struct writ_policy *p = d->p;
	char **name = f->http ? &p->http_deny[p->http_deny_count - 1].name :
	    &p->sockets_deny[p->sockets_deny_count - 1].name;

	*name = writ_str_dup(f->name);
	return *name ? WRIT_OK : writ_doc_nomem(d);
}

static enum writ_status
read_deny(struct writ_doc *d, const struct writ_yaml_node *n)
{
	struct writ_policy *p = d->p;
	struct writ_files_deny *out;
	struct deny_doc f = { 0 };
	enum writ_status st = writ_doc_entry(d, n, "deny",
	    WRIT_DOC_ROWS(deny_rows), &f);

	if (st != WRIT_OK)
		return st;
	if (f.two || !f.kind)
		return writ_doc_bad(d, n, "one of files, http, sockets, "
		    "keyvalue, blobs, spawn is needed here");
	if (f.tool.ptr)
		return keep_spawn_deny(d, &f);
	if (f.http || f.sockets)
		return name_net_deny(d, &f);
	if (!f.path.ptr)
		return WRIT_OK;
	out = &p->files_deny[p->files_deny_count++];
	out->name = writ_str_dup(f.name);
	out->path = writ_str_dup(f.path);
	out->write_only = f.write_only;
	return out->name && out->path ? WRIT_OK : writ_doc_nomem(d);
}

enum writ_status
writ_doc_deny(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_yaml_node *n;
	struct writ_policy *p = d->p;
	enum writ_status st;

	writ_doc_in(d, k->key);
	st = writ_doc_is_list(d, list);
	if (st != WRIT_OK || list->count == 0)
		return st;
	p->files_deny = writ_alloc(list->count, sizeof(p->files_deny[0]));
	p->spawn_deny = writ_alloc(list->count, sizeof(p->spawn_deny[0]));
	p->http_deny = writ_alloc(list->count, sizeof(p->http_deny[0]));
	p->sockets_deny = writ_alloc(list->count, sizeof(p->sockets_deny[0]));
	if (!p->files_deny || !p->spawn_deny || !p->http_deny ||
	    !p->sockets_deny)
		return writ_doc_nomem(d);
	for (n = list->first; n; n = n->next) {
		st = read_deny(d, n);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}
