/* fs_memory_dir.c - directories of fs_memory.h. */
#include "cap/fs_memory_node.h"

static int
compare(struct writ_str a, const struct writ_fs_memory_entry *e)
{
	int c = memcmp(a.ptr, e->name, a.len < e->len ? a.len : e->len);

	return c ? c : (a.len > e->len) - (a.len < e->len);
}

struct writ_fs_memory_entry *
writ_fs_memory_dir_find(const struct writ_fs_node *dir, struct writ_str name)
{
	struct writ_fs_memory_entry *e = dir->entries;
	int c;

	while (e && (c = compare(name, e)) != 0)
		e = c < 0 ? e->left : e->right;
	return e;
}

struct writ_fs_memory_entry *
writ_fs_memory_dir_entry(struct writ_fs_memory *m, struct writ_str name)
{
	struct writ_fs_memory_entry *e;

	e = writ_alloc(1, sizeof(*e) + name.len);
	if (!e)
		return NULL;
	/* xorshift64*; only the shape of the tree depends on it */
	m->seed ^= m->seed >> 12;
	m->seed ^= m->seed << 25;
	m->seed ^= m->seed >> 27;
	e->priority = (uint32_t)((m->seed * 0x2545f4914f6cdd1d) >> 32);
	e->len = (uint16_t)name.len;
	memcpy(e->name, name.ptr, name.len);
	return e;
}

void
writ_fs_memory_dir_insert(struct writ_fs_node *dir, struct writ_fs_memory_entry *e)
{
	struct writ_fs_memory_entry **link = &dir->entries, *t;
	struct writ_fs_memory_entry **left = &e->left, **right = &e->right;
	struct writ_str name = writ_str(e->name, e->len);

	while (*link && (*link)->priority >= e->priority)
		link = compare(name, *link) < 0 ? &(*link)->left :
		    &(*link)->right;
	t = *link;
	*link = e;
	while (t) {
		if (compare(name, t) > 0) {
			*left = t;
			left = &t->right;
			t = t->right;
		} else {
			*right = t;
			right = &t->left;
			t = t->left;
		}
	}
	*left = NULL;
	*right = NULL;
}

void
writ_fs_memory_dir_remove(struct writ_fs_node *dir,
    const struct writ_fs_memory_entry *e)
{
	struct writ_fs_memory_entry **link = &dir->entries;
	struct writ_fs_memory_entry *l = e->left, *r = e->right;
	struct writ_str name = writ_str(e->name, e->len);

	while (*link && *link != e)
		link = compare(name, *link) < 0 ? &(*link)->left :
		    &(*link)->right;
	if (!*link)
		WRIT_BUG("entry is not in this directory");
	while (l && r) {
		if (l->priority >= r->priority) {
			*link = l;
			link = &l->right;
			l = l->right;
		} else {
			*link = r;
			link = &r->left;
			r = r->left;
		}
	}
	*link = l ? l : r;
}

struct writ_fs_memory_entry *
writ_fs_memory_dir_after(const struct writ_fs_node *dir, struct writ_str name)
{
	struct writ_fs_memory_entry *e = dir->entries, *best = NULL;

	while (e) {
		if (!name.ptr || compare(name, e) < 0) {
			best = e;
			e = e->left;
		} else {
			e = e->right;
		}
	}
	return best;
}

void
writ_fs_memory_dir_release(struct writ_fs_node *dir)
{
	struct writ_fs_memory_entry *e = dir->entries, *l;

	while (e) {
		l = e->left;
		if (l) {
			e->left = l->right;
			l->right = e;
			e = l;
		} else {
			l = e->right;
			writ_mem_free(e);
			e = l;
		}
	}
	dir->entries = NULL;
}
