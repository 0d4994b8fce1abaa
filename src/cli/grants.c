#include "cli/grants.h"

/* One suggestion, cut into its parts; all point into the text. */
struct entry {
	struct writ_str kind;	/* empty: of another form, `body` is all of it */
	struct writ_str name, body;	/* body: behind the name */
	struct writ_str at;
	bool write, special;	/* special: opens protected names */
};

static struct writ_str
between(const char *from, const char *to)
{
	return writ_str(from, (size_t)(to - from));
}

static void
cut_place(struct entry *e, const char *body)
{
	const char *at = strstr(body, ", at: "), *from;

	from = at ? strstr(at, ", from: ") : NULL;
	if (!from)
		return;
	e->at = between(at + 6, from);
	e->write = strstr(from, ", mode: write") != NULL;
	e->special = strstr(from, ", protected: [") != NULL;
}

static void
cut(const char *text, struct entry *e)
{
	const char *list = strstr(text, ": [{ name: "), *comma;
	size_t n = strlen(text);

	memset(e, 0, sizeof(*e));
	e->body = writ_str_from(text);
	comma = list ? strchr(list, ',') : NULL;
	if (!comma || text[n - 1] != ']')
		return;
	e->kind = between(text, list);
	e->name = between(list + 11, comma);
	e->body = between(comma, text + n - 1);
	if (writ_str_is(e->kind, "files"))
		cut_place(e, comma);
}

static bool
below(struct writ_str path, struct writ_str top)
{
	if (top.len == 1)
		return true;
	return path.len >= top.len && !memcmp(path.ptr, top.ptr, top.len) &&
	    (path.len == top.len || path.ptr[top.len] == '/');
}

/* Would `b` allow what `a` allows? */
static bool
covers(const struct entry *b, const struct entry *a)
{
	return a->at.len && b->at.len && !a->special && (b->write || !a->write) &&
	    below(a->at, b->at);
}

static bool
same_entry(const struct entry *a, const struct entry *b)
{
	return writ_str_eq(a->kind, b->kind) && writ_str_eq(a->body, b->body) &&
	    writ_str_eq(a->name, b->name);
}

/* Is the i-th said by another: by an earlier one, or by a later one that covers more? */
static bool
needless(const char *const *texts, size_t n, size_t i)
{
	struct entry mine, other;
	size_t k;

	cut(texts[i], &mine);
	for (k = 0; k < n; k++) {
		if (k == i || !texts[k] || !texts[k][0])
			continue;
		cut(texts[k], &other);
		if (k < i && same_entry(&mine, &other))
			return true;
		if (covers(&other, &mine) && (k < i || !covers(&mine, &other)))
			return true;
	}
	return false;
}

static unsigned
earlier_of_name(const struct entry *const e, size_t i)
{
	unsigned same = 0;
	size_t k;

	for (k = 0; k < i; k++)
		same += writ_str_eq(e[k].kind, e[i].kind) &&
		    writ_str_eq(e[k].name, e[i].name);
	return same;
}

static void
put_entry(struct writ_buf *out, const struct entry *e, size_t i)
{
	unsigned same = earlier_of_name(e, i);

	writ_buf_cstr(out, "{ name: ");
	writ_buf_safe(out, e[i].name, false);
	if (same)
		writ_buf_printf(out, "-%u", same + 1);
	writ_buf_safe(out, e[i].body, false);
}

static size_t
of_kind(const struct entry *e, size_t n, struct writ_str kind)
{
	size_t i, found = 0;

	for (i = 0; i < n; i++)
		found += writ_str_eq(e[i].kind, kind);
	return found;
}

static void
put_kind(struct writ_buf *out, const struct entry *e, size_t n, size_t first)
{
	bool one = of_kind(e, n, e[first].kind) == 1;
	size_t i;

	writ_buf_cstr(out, "    ");
	writ_buf_safe(out, e[first].kind, false);
	writ_buf_cstr(out, one ? ": [" : ":\n");
	for (i = first; i < n; i++) {
		if (!writ_str_eq(e[i].kind, e[first].kind))
			continue;
		writ_buf_cstr(out, one ? "" : "      - ");
		put_entry(out, e, i);
		writ_buf_cstr(out, one ? "]\n" : "\n");
	}
}

size_t
cli_grants_put(struct writ_buf *out, const char *const *texts, size_t n,
    size_t max)
{
	struct entry *e = writ_alloc(max ? max : 1, sizeof(*e));
	size_t i, k, shown = 0, left = 0;

	if (!e)
		return 0;
	for (i = 0; i < n; i++) {
		if (!texts[i] || !texts[i][0] || needless(texts, n, i))
			continue;
		if (shown == max)
			left++;
		else
			cut(texts[i], &e[shown++]);
	}
	for (i = 0; i < shown; i++) {
		for (k = 0; k < i && !writ_str_eq(e[k].kind, e[i].kind); k++)
			;
		if (e[i].kind.len == 0) {
			writ_buf_cstr(out, "    ");
			writ_buf_safe(out, e[i].body, false);
			writ_buf_char(out, '\n');
		} else if (k == i) {
			put_kind(out, e, shown, i);
		}
	}
	if (left)
		writ_buf_printf(out, "    # and %zu more\n", left);
	writ_mem_free(e);
	return shown;
}
