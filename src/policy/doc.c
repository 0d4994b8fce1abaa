#include "policy/doc.h"

#include <stdarg.h>

/* Whether the message says already which key the value belongs to. */
static bool
says_key(const struct writ_doc *d, const struct writ_yaml_node *n)
{
	return n->key.len == 0 || (!strncmp(d->where, n->key.ptr, n->key.len) &&
	    !strcmp(d->where + n->key.len, ": "));
}

enum writ_status
writ_doc_bad(const struct writ_doc *d, const struct writ_yaml_node *n,
    const char *fmt, ...)
{
	const char *key = n->key.ptr && !says_key(d, n) ? n->key.ptr : NULL;
	char what[WRIT_ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(what, sizeof(what), fmt, ap) < 0)
		what[0] = '\0';
	va_end(ap);
	return writ_fail(d->err, WRIT_INVALID, "%s:%u:%u: %s%.64s%s%s", d->file,
	    n->line, n->column, d->where, key ? key : "",
	    key ? ": " : "", what);
}

enum writ_status
writ_doc_bad_key(const struct writ_doc *d, const struct writ_yaml_node *n,
    const char *fmt, ...)
{
	char what[WRIT_ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(what, sizeof(what), fmt, ap) < 0)
		what[0] = '\0';
	va_end(ap);
	return writ_fail(d->err, WRIT_INVALID, "%s:%u:%u: %s%s", d->file,
	    n->key_line, n->key_column, d->where, what);
}

enum writ_status
writ_doc_nomem(const struct writ_doc *d)
{
	return writ_fail(d->err, WRIT_NOMEM, "%s: out of memory", d->file);
}

static void
note_first(struct writ_doc_first *f, const char *kind, struct writ_str name,
    const struct writ_yaml_node *n)
{
	if (f->kind)
		return;
	f->kind = kind;
	f->line = n->line;
	f->column = n->column;
	(void)snprintf(f->name, sizeof(f->name), "%.*s", WRIT_STR_ARG(name));
}

void
writ_doc_unbuilt(struct writ_doc *d, const char *kind, struct writ_str name,
    const struct writ_yaml_node *n)
{
	note_first(&d->unbuilt, kind, name, n);
}

void
writ_doc_wants_random(struct writ_doc *d, const char *kind,
    struct writ_str name, const struct writ_yaml_node *n)
{
	note_first(&d->wants_random, kind, name, n);
}

void
writ_doc_meant(struct writ_str s, const void *words, size_t stride,
    size_t count, char out[80])
{
	const char *best = NULL;
	unsigned best_far = 3, far;
	size_t i;

	for (i = 0; i < count; i++) {
		const char *w = *(const char *const *)
		    ((const char *)words + i * stride);

		far = writ_str_distance(s, writ_str_from(w), best_far);
		if (far < best_far && far < strlen(w)) {
			best_far = far;
			best = w;
		}
	}
	out[0] = '\0';
	if (best)
		(void)snprintf(out, 80, " (did you mean \"%.50s\"?)", best);
}

static enum writ_status
unknown_key(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *rows, size_t count)
{
	char meant[80];

	writ_doc_meant(n->key, rows, sizeof(rows[0]), count, meant);
	return writ_doc_bad_key(d, n, "unknown key \"%.64s\"%s", n->key.ptr,
	    meant);
}

static const struct writ_yaml_node *
child(const struct writ_yaml_node *map, const char *key)
{
	const struct writ_yaml_node *n;

	for (n = map->first; n; n = n->next)
		if (writ_str_is(n->key, key))
			return n;
	return NULL;
}

enum writ_status
writ_doc_map(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *rows, size_t count, void *into)
{
	const struct writ_yaml_node *c;
	enum writ_status st = writ_doc_is_map(d, n);
	char where[sizeof(d->where)];
	size_t i;

	if (st != WRIT_OK)
		return st;
	memcpy(where, d->where, sizeof(where));
	for (c = n->first; c; c = c->next) {
		for (i = 0; i < count; i++)
			if (writ_str_is(c->key, rows[i].key))
				break;
		if (i == count)
			return unknown_key(d, c, rows, count);
		st = rows[i].read(d, c, &rows[i],
		    (char *)into + rows[i].offset);
		if (st != WRIT_OK)
			return st;
		memcpy(d->where, where, sizeof(where));
	}
	for (i = 0; i < count; i++)
		if (rows[i].required && !child(n, rows[i].key))
			return writ_doc_bad(d, n, "missing key \"%s\"",
			    rows[i].key);
	return WRIT_OK;
}

bool
writ_doc_good_name(struct writ_str s)
{
	size_t i;

	if (s.len == 0 || s.len > WRIT_DOC_NAME_MAX)
		return false;
	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			continue;
		if (i == 0 || (c != '_' && c != '-'))
			return false;
	}
	return true;
}

void
writ_doc_in(struct writ_doc *d, const char *section)
{
	(void)snprintf(d->where, sizeof(d->where), "%s: ", section);
}

enum writ_status
writ_doc_entry(struct writ_doc *d, const struct writ_yaml_node *n,
    const char *kind, const struct writ_doc_key *rows, size_t count, void *into)
{
	const struct writ_yaml_node *name = NULL;
	struct writ_doc_name *seen;
	enum writ_status st;

	if (n->kind == WRIT_YAML_MAP)
		name = child(n, "name");
	writ_doc_in(d, kind);
	if (name && name->kind == WRIT_YAML_SCALAR &&
	    writ_doc_good_name(name->text))
		(void)snprintf(d->where, sizeof(d->where), "%s \"%s\": ", kind,
		    name->text.ptr);
	st = writ_doc_map(d, n, rows, count, into);
	if (st != WRIT_OK)
		return st;
	st = writ_vec_push(&d->names, &seen);
	if (st == WRIT_LIMIT)
		return writ_fail(d->err, st, "%s:%u:%u: more than 4096 grants",
		    d->file, n->line, n->column);
	if (st != WRIT_OK || !name)
		return writ_doc_nomem(d);
	*seen = (struct writ_doc_name){ name->text, name->line, name->column };
	return WRIT_OK;
}

static const char *
kind_word(const struct writ_yaml_node *n)
{
	if (n->kind == WRIT_YAML_LIST)
		return "a list";
	if (n->kind == WRIT_YAML_MAP)
		return "a map";
	return n->plain && n->text.len == 0 ? "nothing" : "a single value";
}

enum writ_status
writ_doc_is_list(struct writ_doc *d, const struct writ_yaml_node *n)
{
	if (n->kind == WRIT_YAML_LIST)
		return WRIT_OK;
	return writ_doc_bad(d, n, "a list is needed here, not %s", kind_word(n));
}

enum writ_status
writ_doc_is_map(struct writ_doc *d, const struct writ_yaml_node *n)
{
	if (n->kind == WRIT_YAML_MAP)
		return WRIT_OK;
	return writ_doc_bad(d, n, "a map is needed here, not %s", kind_word(n));
}

enum writ_status
writ_doc_is_set(struct writ_doc *d, const struct writ_yaml_node *n,
    const char *of)
{
	const struct writ_yaml_node *a, *b;
	enum writ_status st = writ_doc_is_list(d, n);

	if (st != WRIT_OK)
		return st;
	if (n->count == 0)
		return writ_doc_bad(d, n, "an empty list of %s", of);
	for (a = n->first; a; a = a->next)
		for (b = n->first; b != a; b = b->next)
			if (a->kind == WRIT_YAML_SCALAR &&
			    b->kind == WRIT_YAML_SCALAR &&
			    writ_str_eq(a->text, b->text))
				return writ_doc_bad(d, a, "\"%.64s\" twice",
				    a->text.ptr);
	return WRIT_OK;
}
