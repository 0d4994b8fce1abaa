/* fs_memory.c - see fs_memory.h. */
#include "cap/fs_memory_node.h"

static struct writ_time
now(const struct writ_fs_memory *m)
{
	struct writ_time t;

	m->config.now(m->config.now_ctx, &t);
	return t;
}

static struct writ_fs_node *
node_new(struct writ_fs_memory *m, enum writ_node_type type)
{
	struct writ_fs_node *node = writ_alloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->type = type;
	node->id = ++m->last_id;
	node->atime = node->mtime = node->ctime = now(m);
	node->next = m->nodes;
	if (m->nodes)
		m->nodes->prev = node;
	m->nodes = node;
	return node;
}

static void
node_free(struct writ_fs_memory *m, struct writ_fs_node *node)
{
	size_t i;

	if (node->prev)
		node->prev->next = node->next;
	else
		m->nodes = node->next;
	if (node->next)
		node->next->prev = node->prev;
	for (i = 0; i < node->chunk_slots; i++)
		writ_mem_free(node->chunks[i]);
	writ_mem_free(node->chunks);
	writ_mem_free(node->target);
	writ_fs_memory_dir_release(node);
	writ_mem_free(node);
}

static void
node_unused(struct writ_fs_memory *m, struct writ_fs_node *node)
{
	if (!node->links && !node->opened)
		node_free(m, node);
}

static void
memory_free(void *store)
{
	struct writ_fs_memory *m = store;

	if (!m)
		return;
	while (m->nodes)
		node_free(m, m->nodes);
	writ_mem_free(m);
}

static struct writ_fs_node *
memory_root(void *store)
{
	return ((struct writ_fs_memory *)store)->root;
}

static enum writ_status
step(struct writ_fs_node **node, struct writ_str name, bool last)
{
	struct writ_fs_memory_entry *e;

	if ((*node)->type != WRIT_NODE_DIRECTORY)
		return WRIT_NOTDIR;
	e = writ_fs_memory_dir_find(*node, name);
	if (!e)
		return WRIT_NOENT;
	*node = e->node;
	if (!last && (*node)->type == WRIT_NODE_SYMLINK)
		return WRIT_LOOP;
	return WRIT_OK;
}

static enum writ_status
lookup(struct writ_fs_place at, struct writ_fs_node **out)
{
	struct writ_fs_node *node = at.dir;
	struct writ_str rest = at.path, name;
	enum writ_status st = WRIT_OK;

	while (st == WRIT_OK && rest.len) {
		name = writ_str_cut(rest, '/', &rest);
		st = step(&node, name, !rest.len);
	}
	*out = node;
	return st;
}

/* The directory that `at` is a name in; WRIT_NOENT when it was removed. */
static enum writ_status
lookup_parent(struct writ_fs_place at, struct writ_fs_node **dir,
    struct writ_str *name)
{
	struct writ_str path = at.path;
	size_t n = path.len;
	enum writ_status st = WRIT_OK;

	while (n && path.ptr[n - 1] != '/')
		n--;
	*name = writ_str_skip(path, n);
	*dir = at.dir;
	if (n) {
		at.path = writ_str(path.ptr, n - 1);
		st = lookup(at, dir);
	}
	if (st != WRIT_OK)
		return st;
	if ((*dir)->type == WRIT_NODE_SYMLINK)
		return WRIT_LOOP;
	if ((*dir)->type != WRIT_NODE_DIRECTORY)
		return WRIT_NOTDIR;
	return name->len && (*dir)->links ? WRIT_OK : WRIT_NOENT;
}

static void
fill_meta(const struct writ_fs_node *node, struct writ_fs_meta *out)
{
	*out = (struct writ_fs_meta){ node->type, 0, node->id, node->links,
		node->size, node->atime, node->mtime, node->ctime };
}

static enum writ_status
memory_peek(void *store, struct writ_fs_place at, struct writ_fs_meta *out)
{
	struct writ_fs_node *node;
	enum writ_status st = lookup(at, &node);

	if (st == WRIT_OK)
		fill_meta(node, out);
	return st;
}

static enum writ_status
memory_stat(void *store, struct writ_fs_node *node, struct writ_fs_meta *out)
{
	fill_meta(node, out);
	return WRIT_OK;
}

static void
changed(struct writ_fs_memory *m, struct writ_fs_node *node)
{
	node->mtime = node->ctime = now(m);
}

/* Give `node` its first or a further name. */
static enum writ_status
add_name(struct writ_fs_memory *m, struct writ_fs_place at,
    struct writ_fs_node *node)
{
	struct writ_fs_memory_entry *e;
	struct writ_fs_node *dir;
	struct writ_str name;
	enum writ_status st = lookup_parent(at, &dir, &name);

	if (st != WRIT_OK)
		return st;
	if (writ_fs_memory_dir_find(dir, name))
		return WRIT_EXIST;
	if (node->links == UINT32_MAX)
		return WRIT_LIMIT;
	e = writ_fs_memory_dir_entry(m, name);
	if (!e)
		return WRIT_NOMEM;
	e->node = node;
	node->links++;
	if (node->type == WRIT_NODE_DIRECTORY)
		node->parent = dir;
	writ_fs_memory_dir_insert(dir, e);
	changed(m, dir);
	return WRIT_OK;
}

static enum writ_status
make_named(struct writ_fs_memory *m, struct writ_fs_place at,
    enum writ_node_type type, struct writ_fs_node **out)
{
	struct writ_fs_node *node = node_new(m, type);
	enum writ_status st;

	if (!node)
		return WRIT_NOMEM;
	st = add_name(m, at, node);
	if (st != WRIT_OK) {
		node_free(m, node);
		return st;
	}
	*out = node;
	return WRIT_OK;
}

static enum writ_status
memory_open(void *store, struct writ_fs_place at, const struct writ_fs_how *how,
    struct writ_fs_node **out, struct writ_fs_meta *meta)
{
	struct writ_fs_node *node;
	enum writ_status st;

	if (how->create)
		st = make_named(store, at, WRIT_NODE_REGULAR, &node);
	else
		st = lookup(at, &node);
	if (st != WRIT_OK)
		return st;
	if (node->type == WRIT_NODE_SYMLINK)
		return WRIT_LOOP;
	if (how->directory != (node->type == WRIT_NODE_DIRECTORY))
		return how->directory ? WRIT_NOTDIR : WRIT_ISDIR;
	node->opened++;
	fill_meta(node, meta);
	*out = node;
	return WRIT_OK;
}

static void
memory_close(void *store, struct writ_fs_node *node)
{
	node->opened--;
	node_unused(store, node);
}

static enum writ_status
memory_read(void *store, struct writ_fs_node *node, uint64_t offset, uint8_t *p,
    size_t n, size_t *got)
{
	*got = writ_fs_memory_data_read(node, offset, p, n);
	return WRIT_OK;
}

static enum writ_status
memory_write(void *store, struct writ_fs_node *node, uint64_t offset,
    const uint8_t *p, size_t n, size_t *put)
{
	*put = writ_fs_memory_data_write(node, offset, p, n);
	if (n && !*put)
		return WRIT_NOMEM;
	changed(store, node);
	return WRIT_OK;
}

static enum writ_status
memory_append(void *store, struct writ_fs_node *node, const uint8_t *p, size_t n,
    size_t *put)
{
	return memory_write(store, node, node->size, p, n, put);
}

static enum writ_status
memory_set_size(void *store, struct writ_fs_node *node, uint64_t size)
{
	writ_fs_memory_data_resize(node, size);
	changed(store, node);
	return WRIT_OK;
}

static void
set_time(struct writ_time *t, enum writ_time_how how, struct writ_time to,
    struct writ_time at)
{
	if (how == WRIT_TIME_NOW)
		*t = at;
	else if (how == WRIT_TIME_SET)
		*t = to;
}

static enum writ_status
memory_set_times(void *store, struct writ_fs_node *node,
    const struct writ_fs_times *times)
{
	struct writ_time at = now(store);

	set_time(&node->atime, times->atime_how, times->atime, at);
	set_time(&node->mtime, times->mtime_how, times->mtime, at);
	node->ctime = at;
	return WRIT_OK;
}

static enum writ_status
memory_set_times_at(void *store, struct writ_fs_place at,
    const struct writ_fs_times *times)
{
	struct writ_fs_node *node;
	enum writ_status st = lookup(at, &node);

	return st == WRIT_OK ? memory_set_times(store, node, times) : st;
}

static enum writ_status
memory_sync(void *store, struct writ_fs_node *node, bool data_only)
{
	return WRIT_OK;
}

static enum writ_status
memory_list(void *store, struct writ_fs_node *dir,
    enum writ_status (*each)(void *ctx, enum writ_node_type type,
    struct writ_str name), void *ctx)
{
	struct writ_fs_memory_entry *e;
	struct writ_str name = writ_str(NULL, 0);
	enum writ_status st = WRIT_OK;

	while (st == WRIT_OK && (e = writ_fs_memory_dir_after(dir, name))) {
		name = writ_str(e->name, e->len);
		st = each(ctx, e->node->type, name);
	}
	return st;
}

static enum writ_status
memory_mkdir(void *store, struct writ_fs_place at)
{
	struct writ_fs_node *node;

	return make_named(store, at, WRIT_NODE_DIRECTORY, &node);
}

static void
drop_name(struct writ_fs_memory *m, struct writ_fs_node *dir,
    struct writ_fs_memory_entry *e)
{
	struct writ_fs_node *node = e->node;

	writ_fs_memory_dir_remove(dir, e);
	writ_mem_free(e);
	node->links--;
	node->ctime = now(m);
	node_unused(m, node);
	changed(m, dir);
}

static enum writ_status
remove_name(struct writ_fs_memory *m, struct writ_fs_place at, bool directory)
{
	struct writ_fs_memory_entry *e;
	struct writ_fs_node *dir;
	struct writ_str name;
	enum writ_status st = lookup_parent(at, &dir, &name);

	if (st != WRIT_OK)
		return st;
	e = writ_fs_memory_dir_find(dir, name);
	if (!e)
		return WRIT_NOENT;
	if (directory != (e->node->type == WRIT_NODE_DIRECTORY))
		return directory ? WRIT_NOTDIR : WRIT_ISDIR;
	if (e->node->entries)
		return WRIT_NOTEMPTY;
	drop_name(m, dir, e);
	return WRIT_OK;
}

static enum writ_status
memory_rmdir(void *store, struct writ_fs_place at)
{
	return remove_name(store, at, true);
}

static enum writ_status
memory_unlink(void *store, struct writ_fs_place at)
{
	return remove_name(store, at, false);
}

static enum writ_status
check_over(const struct writ_fs_node *from, const struct writ_fs_node *to)
{
	if (to->type != WRIT_NODE_DIRECTORY)
		return from->type == WRIT_NODE_DIRECTORY ? WRIT_NOTDIR : WRIT_OK;
	if (from->type != WRIT_NODE_DIRECTORY)
		return WRIT_ISDIR;
	return to->entries ? WRIT_NOTEMPTY : WRIT_OK;
}

static bool
is_above(const struct writ_fs_node *top, const struct writ_fs_node *dir)
{
	for (; dir; dir = dir->parent)
		if (dir == top)
			return true;
	return false;
}

static enum writ_status
memory_rename(void *store, struct writ_fs_place from, struct writ_fs_place to)
{
	struct writ_fs_memory *m = store;
	struct writ_fs_memory_entry *old, *over, *e;
	struct writ_fs_node *dir, *dir2, *node;
	struct writ_str name, name2;
	enum writ_status st = lookup_parent(from, &dir, &name);

	if (st == WRIT_OK)
		st = lookup_parent(to, &dir2, &name2);
	if (st != WRIT_OK)
		return st;
	old = writ_fs_memory_dir_find(dir, name);
	if (!old)
		return WRIT_NOENT;
	node = old->node;
	over = writ_fs_memory_dir_find(dir2, name2);
	if (over && over->node == node)
		return WRIT_OK;
	if (node->type == WRIT_NODE_DIRECTORY && is_above(node, dir2))
		return WRIT_INVALID;
	st = over ? check_over(node, over->node) : WRIT_OK;
	if (st != WRIT_OK)
		return st;
	e = writ_fs_memory_dir_entry(m, name2);
	if (!e)
		return WRIT_NOMEM;
	e->node = node;
	if (over)
		drop_name(m, dir2, over);
	writ_fs_memory_dir_remove(dir, old);
	writ_mem_free(old);
	writ_fs_memory_dir_insert(dir2, e);
	if (node->type == WRIT_NODE_DIRECTORY)
		node->parent = dir2;
	changed(m, dir);
	changed(m, dir2);
	return WRIT_OK;
}

static enum writ_status
memory_link(void *store, struct writ_fs_place from, struct writ_fs_place to)
{
	struct writ_fs_node *node;
	enum writ_status st = lookup(from, &node);

	if (st != WRIT_OK)
		return st;
	if (node->type == WRIT_NODE_DIRECTORY)
		return WRIT_NOTPERM;
	return add_name(store, to, node);
}

static enum writ_status
memory_symlink(void *store, struct writ_str target, struct writ_fs_place at)
{
	struct writ_fs_node *node;
	writ_auto_mem char *text = writ_memdup(target.ptr, target.len);
	enum writ_status st;

	if (!text)
		return WRIT_NOMEM;
	st = make_named(store, at, WRIT_NODE_SYMLINK, &node);
	if (st != WRIT_OK)
		return st;
	node->target = writ_steal(&text);
	node->size = target.len;
	return WRIT_OK;
}

static enum writ_status
memory_readlink(void *store, struct writ_fs_place at, char *p, size_t cap,
    size_t *len)
{
	struct writ_fs_node *node;
	enum writ_status st = lookup(at, &node);

	if (st != WRIT_OK)
		return st;
	if (node->type != WRIT_NODE_SYMLINK)
		return WRIT_NOTSYMLINK;
	if (node->size > cap)
		return WRIT_OVERFLOW;
	memcpy(p, node->target, (size_t)node->size);
	*len = (size_t)node->size;
	return WRIT_OK;
}

static const struct writ_fs_backend memory = {
	.name = "memory",
	.in_memory = true,
	.root = memory_root,
	.free = memory_free,
	.peek = memory_peek,
	.open = memory_open,
	.close = memory_close,
	.stat = memory_stat,
	.read = memory_read,
	.write = memory_write,
	.append = memory_append,
	.set_size = memory_set_size,
	.set_times = memory_set_times,
	.sync = memory_sync,
	.list = memory_list,
	.set_times_at = memory_set_times_at,
	.mkdir = memory_mkdir,
	.rmdir = memory_rmdir,
	.unlink = memory_unlink,
	.rename = memory_rename,
	.link = memory_link,
	.symlink = memory_symlink,
	.readlink = memory_readlink,
};

enum writ_status
writ_fs_memory_new(const struct writ_fs_memory_config *config,
    struct writ_fs_store *out, struct writ_err *err)
{
	struct writ_fs_memory *m = writ_alloc(1, sizeof(*m));

	if (!m)
		return writ_fail(err, WRIT_NOMEM, "files in memory");
	m->config = *config;
	m->seed = config->seed ? config->seed : 1;
	m->root = node_new(m, WRIT_NODE_DIRECTORY);
	if (!m->root) {
		memory_free(m);
		return writ_fail(err, WRIT_NOMEM, "files in memory");
	}
	m->root->links = 1;
	*out = (struct writ_fs_store){ &memory, m };
	return WRIT_OK;
}
