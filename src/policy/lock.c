/* Writing and reading locks. */
#include "policy/lock.h"

#include "base/json.h"
#include "policy/lock_parts.h"
#include "policy/lookalike.h"
#include "policy/text.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

const char *const writ_lock_hints[] = { "unsaid", "no", "yes" };
static const char *const session_words[] = { "per-call", "named" };

int
writ_lock_order(struct writ_str a, struct writ_str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int r = n ? memcmp(a.ptr, b.ptr, n) : 0;

	return r ? r : (a.len > b.len) - (a.len < b.len);
}

static int
by_text(const void *a, const void *b)
{
	return writ_lock_order(*(const struct writ_str *)a,
	    *(const struct writ_str *)b);
}

static int
by_function(const void *a, const void *b)
{
	const struct writ_lock_function *x = a, *y = b;

	return writ_lock_order(x->name, y->name);
}

static int
by_tool(const void *a, const void *b)
{
	const struct writ_lock_tool *x = a, *y = b;

	return writ_lock_order(x->name, y->name);
}

/* A sorted copy; NULL without memory, or when there is nothing. */
static void *
sorted(const void *v, size_t n, size_t size,
    int (*order)(const void *, const void *))
{
	void *copy = n ? writ_memdup(v, n * size) : NULL;

	if (copy)
		qsort(copy, n, size, order);
	return copy;
}

/* ---- judging the facts */

static enum writ_status
check_texts(const struct writ_lock_function *f, struct writ_err *err)
{
	char why[WRIT_TEXT_WHY_MAX];
	enum writ_status st = writ_text_check(f->description, "description", err);

	if (st != WRIT_OK)
		return st;
	if (writ_text_line_wrong(f->title, why))
		return writ_fail(err, WRIT_INVALID, "title: %s", why);
	if (writ_text_wrong(f->export_name, why))
		return writ_fail(err, WRIT_INVALID, "export: %s", why);
	if (f->input.len > WRIT_LOCK_SCHEMA_MAX ||
	    f->output.len > WRIT_LOCK_SCHEMA_MAX)
		return writ_fail(err, WRIT_LIMIT, "a schema larger than 256 KiB");
	if (f->input.len == 0)
		return writ_fail(err, WRIT_INVALID, "no schema of its arguments");
	if (!writ_str_utf8(f->input) || !writ_str_utf8(f->output) ||
	    memchr(f->input.ptr, '\0', f->input.len) ||
	    (f->output.len && memchr(f->output.ptr, '\0', f->output.len)))
		return writ_fail(err, WRIT_INVALID, "a schema that is not text");
	return WRIT_OK;
}

static enum writ_status
check_tool(const struct writ_lock_tool *t, struct writ_lookalike *names,
    struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	char why[WRIT_TEXT_WHY_MAX];
	size_t i;

	if (t->imports_count > WRIT_LOCK_IMPORTS_MAX)
		return writ_fail(err, WRIT_LIMIT, "more than 1024 imports");
	for (i = 0; i < t->imports_count; i++)
		if (t->imports[i].len == 0 ||
		    writ_text_line_wrong(t->imports[i], why))
			return writ_fail(err, WRIT_INVALID, "an import that is no "
			    "name");
	if (t->writ.len > WRIT_DOC_MAX || !writ_str_utf8(t->writ) ||
	    (t->writ.len && memchr(t->writ.ptr, '\0', t->writ.len)))
		return writ_fail(err, WRIT_INVALID, "a writ that is not text");
	for (i = 0; i < t->functions_count; i++) {
		const struct writ_lock_function *f = &t->functions[i];

		st = writ_lookalike_add(names, f->name, err);
		if (st == WRIT_OK)
			st = check_texts(f, err);
		if (st != WRIT_OK)
			return writ_fail_in(err, st, "%.*s",
			    WRIT_STR_ARG(f->name));
	}
	return WRIT_OK;
}

static enum writ_status
check_facts(const struct writ_lock *l, struct writ_err *err)
{
	writ_auto_release(writ_lookalike) groups;
	writ_auto_release(writ_lookalike) names;
	enum writ_status st;
	size_t i;

	writ_lookalike_init(&groups, WRIT_TOOLBOX_TOOLS_MAX);
	writ_lookalike_init(&names, WRIT_TOOLBOX_TOOLS_MAX);
	st = writ_text_check(l->instructions, "instructions", err);
	for (i = 0; st == WRIT_OK && i < l->tools_count; i++) {
		st = writ_lookalike_add(&groups, l->tools[i].name, err);
		if (st == WRIT_OK)
			st = check_tool(&l->tools[i], &names, err);
		if (st != WRIT_OK)
			return writ_fail_in(err, st, "tool %.*s",
			    WRIT_STR_ARG(l->tools[i].name));
	}
	return st;
}

/* ---- writing */

static void
put(struct writ_buf *b, struct writ_str s)
{
	if (s.len)
		writ_buf_json(b, s);
	else
		writ_buf_cstr(b, "null");
}

static void
digest_of(struct writ_str s, struct writ_digest *out)
{
	writ_sha256(s.len ? s.ptr : "", s.len, out);
}

/* Of title, description and annotations: each length goes before its bytes. */
static void
digest_said(const struct writ_lock_function *f, struct writ_digest *out)
{
	const struct writ_str texts[] = { f->title, f->description };
	const uint8_t notes[] = { (uint8_t)f->notes.read_only,
		(uint8_t)f->notes.destructive, (uint8_t)f->notes.idempotent,
		(uint8_t)f->notes.open_world };
	struct writ_sha256 h;
	uint8_t len[8];
	size_t i, k;

	writ_sha256_start(&h);
	for (i = 0; i < COUNT(texts); i++) {
		for (k = 0; k < sizeof(len); k++)
			len[k] = (uint8_t)((uint64_t)texts[i].len >> (8 * k));
		writ_sha256_add(&h, len, sizeof(len));
		if (texts[i].len)
			writ_sha256_add(&h, texts[i].ptr, texts[i].len);
	}
	writ_sha256_add(&h, notes, sizeof(notes));
	writ_sha256_end(&h, out);
}

static void
put_digest(struct writ_buf *b, const char *key, const struct writ_digest *d)
{
	char text[WRIT_DIGEST_TEXT];

	writ_digest_text(d, text);
	writ_buf_printf(b, "%s\"%s\"", key, text);
}

/* The text and its digest; null twice when there is none. */
static void
put_text(struct writ_buf *b, const char *key, const char *digest_key,
    struct writ_str s)
{
	struct writ_digest d;

	writ_buf_cstr(b, key);
	if (s.len == 0) {
		writ_buf_printf(b, "null%snull", digest_key);
		return;
	}
	digest_of(s, &d);
	put(b, s);
	put_digest(b, digest_key, &d);
}

static void
put_function(struct writ_buf *b, const struct writ_lock_function *f)
{
	struct writ_digest said;

	writ_buf_cstr(b, "    {\n     \"name\": ");
	put(b, f->name);
	writ_buf_cstr(b, ",\n     \"export\": ");
	put(b, f->export_name);
	writ_buf_printf(b, ",\n     \"listed\": %s,\n     \"title\": ",
	    f->listed ? "true" : "false");
	put(b, f->title);
	writ_buf_cstr(b, ",\n     \"description\": ");
	put(b, f->description);
	writ_buf_printf(b, ",\n     \"annotations\": [\"%s\", \"%s\", \"%s\", "
	    "\"%s\"]", writ_lock_hints[f->notes.read_only],
	    writ_lock_hints[f->notes.destructive],
	    writ_lock_hints[f->notes.idempotent],
	    writ_lock_hints[f->notes.open_world]);
	digest_said(f, &said);
	put_digest(b, ",\n     \"said_digest\": ", &said);
	put_text(b, ",\n     \"input\": ", ",\n     \"input_digest\": ", f->input);
	put_text(b, ",\n     \"output\": ", ",\n     \"output_digest\": ",
	    f->output);
	writ_buf_cstr(b, "\n    }");
}

static enum writ_status
put_tool(struct writ_buf *b, const struct writ_lock_tool *t)
{
	writ_auto_mem struct writ_lock_function *functions = sorted(t->functions,
	    t->functions_count, sizeof(*functions), by_function);
	writ_auto_mem struct writ_str *imports = sorted(t->imports,
	    t->imports_count, sizeof(*imports), by_text);
	size_t i;

	if ((t->functions_count && !functions) || (t->imports_count && !imports))
		return WRIT_NOMEM;
	writ_buf_cstr(b, "  {\n   \"name\": ");
	put(b, t->name);
	put_digest(b, ",\n   \"component\": ", &t->component);
	writ_buf_cstr(b, ",\n   \"writ_file\": ");
	put(b, t->writ_file);
	put_text(b, ",\n   \"writ\": ", ",\n   \"writ_digest\": ", t->writ);
	writ_buf_printf(b, ",\n   \"session\": \"%s\",\n   \"imports\": [",
	    session_words[t->session == WRIT_TOOLBOX_NAMED]);
	for (i = 0; i < t->imports_count; i++) {
		writ_buf_cstr(b, i ? ",\n    " : "\n    ");
		put(b, imports[i]);
	}
	writ_buf_cstr(b, "],\n   \"functions\": [");
	for (i = 0; i < t->functions_count; i++) {
		writ_buf_cstr(b, i ? ",\n" : "\n");
		put_function(b, &functions[i]);
	}
	writ_buf_cstr(b, "]\n  }");
	return WRIT_OK;
}

enum writ_status
writ_lock_make(const struct writ_lock *facts, struct writ_buf *out,
    struct writ_err *err)
{
	writ_auto_mem struct writ_lock_tool *tools = sorted(facts->tools,
	    facts->tools_count, sizeof(*tools), by_tool);
	size_t from = out->len, i;
	enum writ_status st;

	if (facts->tools_count && !tools)
		return writ_fail(err, WRIT_NOMEM, "out of memory");
	st = check_facts(facts, err);
	if (st != WRIT_OK)
		return st;
	writ_buf_cstr(out, "{\n \"lock\": 1,\n \"instructions\": ");
	put(out, facts->instructions);
	writ_buf_cstr(out, ",\n \"tools\": [");
	for (i = 0; i < facts->tools_count && st == WRIT_OK; i++) {
		writ_buf_cstr(out, i ? ",\n" : "\n");
		st = put_tool(out, &tools[i]);
	}
	writ_buf_cstr(out, "]\n}\n");
	if (st == WRIT_OK)
		st = writ_buf_status(out);
	if (st == WRIT_OK && out->len - from > WRIT_LOCK_MAX)
		st = WRIT_LIMIT;
	if (st == WRIT_OK)
		return WRIT_OK;
	out->len = from;
	return writ_fail(err, st, st == WRIT_LIMIT ? "the lock would be too large" :
	    "out of memory");
}

/* ---- reading */

struct reading {
	const char *file;
	struct writ_err *err;
};

static enum writ_status
bad(const struct reading *r, const char *what, const char *key)
{
	return writ_fail(r->err, WRIT_INVALID, "%s: not a lock: %s%s%s", r->file,
	    what, key ? " " : "", key ? key : "");
}

/* An object of exactly these keys. */
static enum writ_status
need_keys(const struct reading *r, const json_t *o, const char *const *keys,
    size_t n)
{
	size_t i;

	if (!json_is_object(o))
		return bad(r, "an object is missing", NULL);
	for (i = 0; i < n; i++)
		if (!json_object_get(o, keys[i]))
			return bad(r, "missing key", keys[i]);
	if (json_object_size(o) != n)
		return bad(r, "a key that is not known", NULL);
	return WRIT_OK;
}

/* A text, or null when `null` allows it. */
static enum writ_status
need_text(const struct reading *r, const json_t *o, const char *key, bool null,
    struct writ_str *out)
{
	const json_t *v = json_object_get(o, key);

	*out = (struct writ_str){ NULL, 0 };
	if (null && json_is_null(v))
		return WRIT_OK;
	if (!json_is_string(v) || json_string_length(v) == 0)
		return bad(r, "a text is needed for", key);
	*out = writ_str(json_string_value(v), json_string_length(v));
	return WRIT_OK;
}

static enum writ_status
need_digest(const struct reading *r, const json_t *o, const char *key,
    struct writ_digest *out)
{
	struct writ_str s;
	enum writ_status st = need_text(r, o, key, false, &s);

	if (st == WRIT_OK && writ_digest_parse(s, out) != WRIT_OK)
		return bad(r, "a digest is needed for", key);
	return st;
}

/* A text and the digest of it. */
static enum writ_status
need_pinned(const struct reading *r, const json_t *o, const char *key,
    const char *digest_key, struct writ_str *out)
{
	struct writ_digest is, said;
	struct writ_str digest;
	enum writ_status st = need_text(r, o, key, true, out);

	if (st != WRIT_OK)
		return st;
	if (!out->ptr) {
		st = need_text(r, o, digest_key, true, &digest);
		return st == WRIT_OK && digest.ptr ?
		    bad(r, "a digest of nothing:", digest_key) : st;
	}
	st = need_digest(r, o, digest_key, &said);
	digest_of(*out, &is);
	if (st == WRIT_OK && memcmp(&is, &said, sizeof(is)))
		return bad(r, "the digest is not that of", key);
	return st;
}

static enum writ_status
need_notes(const struct reading *r, const json_t *o,
    struct writ_toolbox_notes *out)
{
	enum writ_toolbox_hint *v[] = { &out->read_only, &out->destructive,
		&out->idempotent, &out->open_world };
	const json_t *list = json_object_get(o, "annotations");
	size_t i, k;

	if (!json_is_array(list) || json_array_size(list) != COUNT(v))
		return bad(r, "four words are needed for annotations", NULL);
	for (i = 0; i < COUNT(v); i++) {
		const char *word = json_string_value(json_array_get(list, i));

		for (k = 0; word && k < 3 && strcmp(word, writ_lock_hints[k]); k++)
			;
		if (!word || k == 3)
			return bad(r, "annotations are yes, no or unsaid", NULL);
		*v[i] = (enum writ_toolbox_hint)k;
	}
	return WRIT_OK;
}

static enum writ_status
need_function(const struct reading *r, const json_t *o,
    struct writ_lock_function *f)
{
	static const char *const keys[] = { "name", "export", "listed", "title",
		"description", "annotations", "said_digest", "input",
		"input_digest", "output", "output_digest" };
	struct writ_digest said, is;
	enum writ_status st = need_keys(r, o, keys, COUNT(keys));

	if (st == WRIT_OK)
		st = need_text(r, o, "name", false, &f->name);
	if (st == WRIT_OK)
		st = need_text(r, o, "export", false, &f->export_name);
	if (st == WRIT_OK && !json_is_boolean(json_object_get(o, "listed")))
		st = bad(r, "true or false is needed for", "listed");
	f->listed = json_is_true(json_object_get(o, "listed"));
	if (st == WRIT_OK)
		st = need_text(r, o, "title", true, &f->title);
	if (st == WRIT_OK)
		st = need_text(r, o, "description", true, &f->description);
	if (st == WRIT_OK)
		st = need_notes(r, o, &f->notes);
	if (st == WRIT_OK)
		st = need_digest(r, o, "said_digest", &said);
	if (st != WRIT_OK)
		return st;
	digest_said(f, &is);
	if (memcmp(&is, &said, sizeof(is)))
		return bad(r, "the digest is not that of", "said_digest");
	st = need_pinned(r, o, "input", "input_digest", &f->input);
	return st != WRIT_OK ? st :
	    need_pinned(r, o, "output", "output_digest", &f->output);
}

/* A list of at most `max`, and room for what is in it. */
static enum writ_status
need_list(const struct reading *r, const json_t *o, const char *key, size_t max,
    const json_t **list)
{
	*list = json_object_get(o, key);
	if (!json_is_array(*list))
		return bad(r, "a list is needed for", key);
	if (json_array_size(*list) > max)
		return writ_fail(r->err, WRIT_LIMIT, "%s: too many %s", r->file,
		    key);
	return WRIT_OK;
}

static enum writ_status
need_room(const struct reading *r, const json_t *list, size_t size, void *out)
{
	size_t n = json_array_size(list);
	void *v = n ? writ_alloc(n, size) : NULL;

	if (n && !v)
		return writ_fail(r->err, WRIT_NOMEM, "%s: out of memory", r->file);
	memcpy(out, &v, sizeof(v));
	return WRIT_OK;
}

static enum writ_status
need_imports(const struct reading *r, const json_t *o, struct writ_lock_tool *t)
{
	const json_t *list, *v;
	enum writ_status st = need_list(r, o, "imports", WRIT_LOCK_IMPORTS_MAX,
	    &list);

	if (st == WRIT_OK)
		st = need_room(r, list, sizeof(t->imports[0]), &t->imports);
	if (st != WRIT_OK)
		return st;
	while (t->imports_count < json_array_size(list)) {
		v = json_array_get(list, t->imports_count);
		if (!json_is_string(v) || json_string_length(v) == 0)
			return bad(r, "an import is a text", NULL);
		t->imports[t->imports_count++] = writ_str(json_string_value(v),
		    json_string_length(v));
	}
	return WRIT_OK;
}

static enum writ_status
need_functions(const struct reading *r, const json_t *o,
    struct writ_lock_tool *t)
{
	const json_t *list;
	enum writ_status st = need_list(r, o, "functions", WRIT_TOOLBOX_TOOLS_MAX,
	    &list);

	if (st == WRIT_OK)
		st = need_room(r, list, sizeof(t->functions[0]), &t->functions);
	while (st == WRIT_OK && t->functions_count < json_array_size(list)) {
		st = need_function(r, json_array_get(list, t->functions_count),
		    &t->functions[t->functions_count]);
		t->functions_count++;
	}
	return st;
}

static enum writ_status
need_tool(const struct reading *r, const json_t *o, struct writ_lock_tool *t)
{
	static const char *const keys[] = { "name", "component", "writ_file",
		"writ", "writ_digest", "session", "imports", "functions" };
	struct writ_str session;
	enum writ_status st = need_keys(r, o, keys, COUNT(keys));

	if (st == WRIT_OK)
		st = need_text(r, o, "name", false, &t->name);
	if (st == WRIT_OK)
		st = need_digest(r, o, "component", &t->component);
	if (st == WRIT_OK)
		st = need_text(r, o, "writ_file", true, &t->writ_file);
	if (st == WRIT_OK)
		st = need_pinned(r, o, "writ", "writ_digest", &t->writ);
	if (st == WRIT_OK)
		st = need_text(r, o, "session", false, &session);
	if (st != WRIT_OK)
		return st;
	if (writ_str_is(session, session_words[1]))
		t->session = WRIT_TOOLBOX_NAMED;
	else if (!writ_str_is(session, session_words[0]))
		return bad(r, "per-call or named is needed for", "session");
	st = need_imports(r, o, t);
	return st != WRIT_OK ? st : need_functions(r, o, t);
}

static enum writ_status
need_lock(const struct reading *r, json_t *root, struct writ_lock *l)
{
	static const char *const keys[] = { "lock", "instructions", "tools" };
	enum writ_status st = need_keys(r, root, keys, COUNT(keys));
	uint64_t version = 0;
	const json_t *list;

	if (st == WRIT_OK && (writ_json_u64(root, "lock", &version) != WRIT_OK ||
	    version != 1))
		return bad(r, "the version of the format is 1", NULL);
	if (st == WRIT_OK)
		st = need_text(r, root, "instructions", true, &l->instructions);
	if (st == WRIT_OK)
		st = need_list(r, root, "tools", WRIT_TOOLBOX_TOOLS_MAX, &list);
	if (st == WRIT_OK)
		st = need_room(r, list, sizeof(l->tools[0]), &l->tools);
	while (st == WRIT_OK && l->tools_count < json_array_size(list)) {
		st = need_tool(r, json_array_get(list, l->tools_count),
		    &l->tools[l->tools_count]);
		l->tools_count++;
	}
	return st;
}

enum writ_status
writ_lock_parse(struct writ_str text, const char *file, struct writ_lock **out,
    struct writ_err *err)
{
	const struct reading r = { file, err };
	writ_auto(writ_lock) l = NULL;
	json_t *root = NULL;
	enum writ_status st;

	if (text.len > WRIT_LOCK_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: larger than 4 MiB", file);
	l = writ_alloc(1, sizeof(*l));
	if (!l)
		return writ_fail(err, WRIT_NOMEM, "%s: out of memory", file);
	st = writ_json_parse(text, &root, err);
	if (st != WRIT_OK)
		return writ_fail_in(err, st, "%s", file);
	l->memory = root;
	st = need_lock(&r, root, l);
	if (st == WRIT_OK) {
		st = check_facts(l, err);
		if (st != WRIT_OK)
			return writ_fail_in(err, st == WRIT_EXIST ? WRIT_INVALID :
			    st, "%s", file);
	}
	if (st != WRIT_OK)
		return st;
	*out = writ_steal(&l);
	return WRIT_OK;
}

void
writ_lock_free(struct writ_lock *l)
{
	size_t i;

	if (!l)
		return;
	for (i = 0; i < l->tools_count; i++) {
		writ_mem_free(l->tools[i].imports);
		writ_mem_free(l->tools[i].functions);
	}
	writ_mem_free(l->tools);
	json_decref(l->memory);
	writ_mem_free(l);
}
