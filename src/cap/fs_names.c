/* fs_names.c - making and removing names. */
#include "cap/fs_tree.h"

/* Whether a new name may be made where the walk ended; `dir` for a directory. */
static enum writ_status
check_new(const struct writ_fs_walk *w, bool dir)
{
	if (w->found == WRIT_OK) {
		/* "file/" asks for a directory that is none. */
		if (w->want_dir && !dir && w->meta.type != WRIT_NODE_DIRECTORY)
			return WRIT_NOTDIR;
		return WRIT_EXIST;
	}
	if (w->found != WRIT_NOENT)
		return w->found;
	if (w->broken || (w->want_dir && !dir))
		return WRIT_NOENT;
	return writ_fs_quota_name(w->mnt);
}

enum writ_status
writ_fs_names_mkdir(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_walk *w = &fs->walk[0];
	enum writ_status st = writ_fs_walk_to(fs, w, call, false, true);

	if (st != WRIT_OK)
		return st;
	st = check_new(w, true);
	if (st == WRIT_OK)
		st = w->mnt->store.be->mkdir(w->mnt->store.ctx,
		    writ_fs_walk_place(w));
	if (st == WRIT_OK)
		writ_fs_quota_add(w->mnt, 0, 1);
	return writ_fs_walk_end(w, st);
}

static enum writ_status
check_remove(const struct writ_fs_walk *w, bool dir)
{
	if (w->found != WRIT_OK)
		return w->found;
	if (w->meta.type == WRIT_NODE_UNKNOWN)
		return WRIT_DENIED;
	if (w->meta.type != WRIT_NODE_DIRECTORY)
		return dir || w->want_dir ? WRIT_NOTDIR : WRIT_OK;
	if (!dir)
		return WRIT_ISDIR;
	if (w->dot || w->len == w->base)
		return WRIT_INVALID;
	return writ_fs_walk_has_masked(w->mnt, writ_fs_walk_inner(w)) ?
	    WRIT_BUSY : WRIT_OK;
}

enum writ_status
writ_fs_names_remove(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_walk *w = &fs->walk[0];
	bool dir = call->what == WRIT_FS_RMDIR;
	const struct writ_fs_store *store;
	enum writ_status st = writ_fs_walk_to(fs, w, call, false, true);

	if (st != WRIT_OK)
		return st;
	store = &w->mnt->store;
	st = check_remove(w, dir);
	if (st == WRIT_OK)
		st = dir ? store->be->rmdir(store->ctx, writ_fs_walk_place(w)) :
		    store->be->unlink(store->ctx, writ_fs_walk_place(w));
	if (st == WRIT_OK)
		writ_fs_quota_unlinked(fs, w->mnt, &w->meta);
	return writ_fs_walk_end(w, st);
}

static enum writ_status
check_link_source(const struct writ_fs_walk *w)
{
	if (w->found != WRIT_OK)
		return w->found;
	if (w->meta.type == WRIT_NODE_UNKNOWN)
		return WRIT_DENIED;
	if (w->meta.type == WRIT_NODE_DIRECTORY)
		return WRIT_NOTPERM;
	return w->want_dir ? WRIT_NOTDIR : WRIT_OK;
}

enum writ_status
writ_fs_names_link(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_walk *from = &fs->walk[0], *to = &fs->walk[1];
	enum writ_status st;

	if (call->path_flags & WRIT_PATH_FOLLOW)
		return WRIT_INVALID;
	st = writ_fs_walk_to(fs, from, call, false, true);
	if (st != WRIT_OK)
		return st;
	st = writ_fs_walk_to(fs, to, call, true, true);
	if (st != WRIT_OK)
		return writ_fs_walk_end(from, st);
	if (from->mnt != to->mnt)
		st = WRIT_XDEV;
	if (st == WRIT_OK)
		st = check_link_source(from);
	if (st == WRIT_OK)
		st = check_new(to, false);
	if (st == WRIT_OK)
		st = from->mnt->store.be->link(from->mnt->store.ctx,
		    writ_fs_walk_place(from), writ_fs_walk_place(to));
	if (st == WRIT_OK)
		writ_fs_quota_add(to->mnt, 0, 1);
	writ_fs_walk_end(from, st);
	return writ_fs_walk_end(to, st);
}

/* Only text that could never lead out by itself; it is not trusted at use either. */
static enum writ_status
check_target(struct writ_str target)
{
	if (!target.len)
		return WRIT_NOENT;
	if (target.len > WRIT_PATH_MAX)
		return WRIT_NAMETOOLONG;
	if (memchr(target.ptr, 0, target.len) || !writ_str_utf8(target))
		return WRIT_INVALID;
	return target.ptr[0] == '/' ? WRIT_NOTPERM : WRIT_OK;
}

enum writ_status
writ_fs_names_symlink(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_walk *w = &fs->walk[0];
	enum writ_status st = writ_fs_walk_to(fs, w, call, true, true);

	if (st != WRIT_OK)
		return st;
	st = check_target(call->path);
	if (st == WRIT_OK)
		st = check_new(w, false);
	/* The text of a link takes room as a file's bytes do. */
	if (st == WRIT_OK && writ_fs_quota_room(w->mnt, call->path.len) <
	    call->path.len)
		st = WRIT_NOSPC;
	if (st == WRIT_OK)
		st = w->mnt->store.be->symlink(w->mnt->store.ctx, call->path,
		    writ_fs_walk_place(w));
	if (st == WRIT_OK)
		writ_fs_quota_add(w->mnt, call->path.len, 1);
	return writ_fs_walk_end(w, st);
}

static enum writ_status
read_link(struct writ_fs_walk *w, struct writ_fs_call *call)
{
	enum writ_status st;
	size_t n;

	if (w->found != WRIT_OK)
		return w->found;
	if (w->meta.type != WRIT_NODE_SYMLINK)
		return w->want_dir && w->meta.type != WRIT_NODE_DIRECTORY ?
		    WRIT_NOTDIR : WRIT_NOTSYMLINK;
	st = w->mnt->store.be->readlink(w->mnt->store.ctx,
	    writ_fs_walk_place(w), (char *)call->buf, call->len, &n);
	if (st != WRIT_OK)
		return st;
	/* An absolute target names places of the host. */
	st = check_target(writ_str((const char *)call->buf, n));
	if (st == WRIT_OK)
		call->out_count = n;
	else
		memset(call->buf, 0, n);
	return st;
}

enum writ_status
writ_fs_names_readlink(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_walk *w = &fs->walk[0];
	enum writ_status st = writ_fs_walk_to(fs, w, call, false, false);

	if (st != WRIT_OK)
		return st;
	return writ_fs_walk_end(w, read_link(w, call));
}
