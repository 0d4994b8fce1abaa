/* fs_rename.c - rename, and what moves along with a directory. */
#include "cap/fs_tree.h"

/* A walk over everything below the source directory, judging both places of each. */
struct below {
	struct writ_fs_walk *from, *to;
	struct writ_buf todo;	/* directories still to read, below the source: each
				 * its bytes and their number (two bytes) behind them */
	char path[WRIT_PATH_MAX + 1];	/* the directory being read, in the handle's */
	size_t len, source_len;
	size_t seen;
	char place[WRIT_PATH_MAX + 1];
};

static enum writ_status
judge_at(struct below *b, const struct writ_fs_walk *top, struct writ_str name)
{
	struct writ_str abs = writ_fs_walk_abs(top);
	size_t tail = b->len - b->source_len;	/* with its leading slash */

	if (abs.len + tail + 1 + name.len > WRIT_PATH_MAX)
		return WRIT_NAMETOOLONG;
	memcpy(b->place, abs.ptr, abs.len);
	if (tail)
		memcpy(b->place + abs.len, b->path + b->source_len, tail);
	b->place[abs.len + tail] = '/';
	memcpy(b->place + abs.len + tail + 1, name.ptr, name.len);
	return writ_fs_walk_judge(top->fs, top->mnt, WRIT_FS_JUDGE_TOUCH,
	    WRIT_FS_RENAME, writ_str(b->place, abs.len + tail + 1 + name.len),
	    true);
}

static enum writ_status
each_below(void *ctx, enum writ_node_type type, struct writ_str name)
{
	struct below *b = ctx;
	size_t n = b->len - b->source_len + 1 + name.len;
	uint8_t count[2] = { (uint8_t)n, (uint8_t)(n >> 8) };
	enum writ_status st;

	if (++b->seen > WRIT_FS_BELOW_MAX)
		return WRIT_LIMIT;
	/* No guest can name it, here or there. */
	if (!name.len || name.len > WRIT_NAME_MAX || !writ_str_utf8(name))
		return type == WRIT_NODE_DIRECTORY ? WRIT_DENIED : WRIT_OK;
	st = judge_at(b, b->from, name);
	if (st == WRIT_OK)
		st = judge_at(b, b->to, name);
	if (st != WRIT_OK || type != WRIT_NODE_DIRECTORY)
		return st;
	writ_buf_add(&b->todo, b->path + b->source_len, b->len - b->source_len);
	writ_buf_char(&b->todo, '/');
	writ_buf_str(&b->todo, name);
	writ_buf_add(&b->todo, count, sizeof(count));
	return writ_buf_status(&b->todo);
}

static enum writ_status
read_below(struct below *b)
{
	const struct writ_fs_store *store = &b->from->mnt->store;
	struct writ_fs_how how = { .read = true, .directory = true };
	struct writ_fs_place at = { b->from->dir->node,
		writ_str(b->path, b->len) };
	struct writ_fs_node *node;
	struct writ_fs_meta meta;
	enum writ_status st;

	st = store->be->open(store->ctx, at, &how, &node, &meta);
	if (st != WRIT_OK)
		return st;
	st = store->be->list(store->ctx, node, each_below, b);
	store->be->close(store->ctx, node);
	return st;
}

static enum writ_status
pop_below(struct below *b)
{
	const uint8_t *end = b->todo.ptr + b->todo.len;
	size_t n = (size_t)end[-2] | (size_t)end[-1] << 8;

	if (b->source_len + n > WRIT_PATH_MAX)
		return WRIT_NAMETOOLONG;
	b->todo.len -= 2 + n;
	memcpy(b->path + b->source_len, b->todo.ptr + b->todo.len, n);
	b->len = b->source_len + n;
	return WRIT_OK;
}

/*
 * A rule about a place must not be escaped by moving a directory above it, in or out:
 * every name below is judged where it is and where it would be.
 */
static enum writ_status
judge_below(struct writ_fs_walk *from, struct writ_fs_walk *to)
{
	writ_auto_mem struct below *b = writ_alloc(1, sizeof(*b));
	struct writ_str source = writ_fs_walk_place(from).path;
	enum writ_status st;

	if (!b)
		return WRIT_NOMEM;
	b->from = from;
	b->to = to;
	memcpy(b->path, source.ptr, source.len);
	b->len = b->source_len = source.len;
	writ_buf_init(&b->todo, WRIT_FS_LISTINGS_BYTES);
	st = read_below(b);
	while (st == WRIT_OK && b->todo.len) {
		st = pop_below(b);
		if (st == WRIT_OK)
			st = read_below(b);
	}
	writ_buf_release(&b->todo);
	return st == WRIT_NAMETOOLONG ? WRIT_LIMIT : st;
}

static bool
is_below(const struct writ_fs_walk *w, const struct writ_fs_walk *top)
{
	struct writ_str a = writ_fs_walk_inner(w), b = writ_fs_walk_inner(top);

	return writ_str_starts(a, b) && a.len > b.len &&
	    (!b.len || a.ptr[b.len] == '/');
}

static enum writ_status
check_source(const struct writ_fs_walk *from)
{
	if (from->found != WRIT_OK)
		return from->found;
	if (from->meta.type == WRIT_NODE_UNKNOWN)
		return WRIT_DENIED;
	if (from->dot || from->len == from->base)
		return WRIT_BUSY;
	if (from->meta.type != WRIT_NODE_DIRECTORY)
		return from->want_dir ? WRIT_NOTDIR : WRIT_OK;
	return writ_fs_walk_has_masked(from->mnt, writ_fs_walk_inner(from)) ?
	    WRIT_BUSY : WRIT_OK;
}

static enum writ_status
check_target(const struct writ_fs_walk *from, const struct writ_fs_walk *to)
{
	bool dir = from->meta.type == WRIT_NODE_DIRECTORY;

	if (to->broken)
		return to->found;
	if (to->dot || to->len == to->base)
		return WRIT_BUSY;
	if (to->want_dir && !dir)
		return WRIT_NOTDIR;
	if (dir && is_below(to, from))
		return WRIT_INVALID;
	if (writ_fs_walk_has_masked(to->mnt, writ_fs_walk_inner(to)))
		return WRIT_BUSY;
	if (to->found == WRIT_NOENT)
		return WRIT_OK;
	if (to->meta.type == WRIT_NODE_UNKNOWN)
		return WRIT_DENIED;
	if (to->meta.type == WRIT_NODE_DIRECTORY)
		return dir ? WRIT_OK : WRIT_ISDIR;
	return dir || to->want_dir ? WRIT_NOTDIR : WRIT_OK;
}

static bool
same(const struct writ_fs_walk *a, const struct writ_fs_walk *b)
{
	return a->found == WRIT_OK && b->found == WRIT_OK &&
	    a->meta.device == b->meta.device && a->meta.inode == b->meta.inode;
}

static enum writ_status
move(struct writ_fs *fs, struct writ_fs_walk *from, struct writ_fs_walk *to)
{
	const struct writ_fs_store *store = &from->mnt->store;
	enum writ_status st;

	/* Two names of one file, or one name: nothing to do (POSIX rename). */
	if (same(from, to))
		return WRIT_OK;
	if (from->meta.type == WRIT_NODE_DIRECTORY) {
		st = judge_below(from, to);
		if (st != WRIT_OK)
			return st;
	}
	st = writ_fs_handle_move(fs, from->mnt, writ_fs_walk_inner(from),
	    writ_fs_walk_inner(to));
	if (st != WRIT_OK)
		return st;
	st = store->be->rename(store->ctx, writ_fs_walk_place(from),
	    writ_fs_walk_place(to));
	if (st == WRIT_OK && to->found == WRIT_OK)
		writ_fs_quota_unlinked(fs, to->mnt, &to->meta);
	writ_fs_handle_moved(fs, st == WRIT_OK);
	return st;
}

enum writ_status
writ_fs_rename_run(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_walk *from = &fs->walk[0], *to = &fs->walk[1];
	enum writ_status st = writ_fs_walk_to(fs, from, call, false, true);

	if (st != WRIT_OK)
		return st;
	st = writ_fs_walk_to(fs, to, call, true, true);
	if (st != WRIT_OK)
		return writ_fs_walk_end(from, st);
	if (from->mnt != to->mnt)
		st = WRIT_XDEV;
	if (st == WRIT_OK)
		st = check_source(from);
	if (st == WRIT_OK)
		st = check_target(from, to);
	if (st == WRIT_OK)
		st = move(fs, from, to);
	writ_fs_walk_end(from, st);
	return writ_fs_walk_end(to, st);
}
