/* fs_open.c - opening and closing. */
#include <fcntl.h>

#include "cap/fs_tree.h"

#define SYNC_FLAGS (WRIT_FD_FILE_SYNC | WRIT_FD_DATA_SYNC | WRIT_FD_READ_SYNC)

static bool
is_change(const struct writ_fs_call *call)
{
	return call->fd_flags & (WRIT_FD_WRITE | WRIT_FD_MUTATE_DIR) ||
	    call->open_flags & (WRIT_OPEN_CREATE | WRIT_OPEN_EXCLUSIVE |
	    WRIT_OPEN_TRUNCATE);
}

static enum writ_status
check_flags(const struct writ_fs_call *call)
{
	if (call->fd_flags & ~WRIT_FS_FD_ALL ||
	    call->open_flags & ~WRIT_FS_OPEN_ALL)
		return WRIT_INVALID;
	if (call->open_flags & WRIT_OPEN_DIRECTORY &&
	    call->open_flags & ~(uint32_t)WRIT_OPEN_DIRECTORY)
		return WRIT_INVALID;
	return WRIT_OK;
}

/* Whether what was found may be opened as asked. */
static enum writ_status
check_found(const struct writ_fs_walk *w, const struct writ_fs_call *call)
{
	uint32_t flags = call->open_flags;

	if (w->found == WRIT_NOENT && flags & WRIT_OPEN_CREATE && !w->broken) {
		if (w->want_dir)
			return WRIT_ISDIR;
		return writ_fs_quota_name(w->mnt);
	}
	if (w->found != WRIT_OK)
		return w->found;
	if (flags & WRIT_OPEN_CREATE && flags & WRIT_OPEN_EXCLUSIVE)
		return WRIT_EXIST;
	if (w->meta.type == WRIT_NODE_SYMLINK)
		return WRIT_LOOP;
	if (w->meta.type == WRIT_NODE_DIRECTORY) {
		if (call->fd_flags & WRIT_FD_WRITE ||
		    flags & (WRIT_OPEN_CREATE | WRIT_OPEN_TRUNCATE))
			return WRIT_ISDIR;
		return WRIT_OK;
	}
	if (w->want_dir || flags & WRIT_OPEN_DIRECTORY)
		return WRIT_NOTDIR;
	return w->meta.type == WRIT_NODE_REGULAR ? WRIT_OK : WRIT_DENIED;
}

static enum writ_status
empty_file(struct writ_fs_walk *w)
{
	const struct writ_fs_store *store = &w->mnt->store;
	struct writ_fs_how how = { .write = true };
	struct writ_fs_node *node;
	struct writ_fs_meta meta;
	enum writ_status st;

	st = store->be->open(store->ctx, writ_fs_walk_place(w), &how, &node,
	    &meta);
	if (st != WRIT_OK)
		return st;
	st = store->be->set_size(store->ctx, node, 0);
	if (st == WRIT_OK)
		writ_fs_quota_sub(w->mnt, meta.size, 0);
	store->be->close(store->ctx, node);
	return st;
}

static enum writ_status
open_node(struct writ_fs_walk *w, const struct writ_fs_call *call,
    struct writ_fs_handle *h)
{
	const struct writ_fs_store *store = &w->mnt->store;
	struct writ_fs_how how = {
		.read = call->fd_flags & WRIT_FD_READ,
		.write = call->fd_flags & WRIT_FD_WRITE,
		.create = w->found == WRIT_NOENT,
		.sync = call->fd_flags & WRIT_FD_FILE_SYNC,
		.data_sync = call->fd_flags & WRIT_FD_DATA_SYNC,
	};
	struct writ_fs_meta meta;
	enum writ_status st = WRIT_OK;

	how.directory = !how.create && w->meta.type == WRIT_NODE_DIRECTORY;
	if (call->open_flags & WRIT_OPEN_TRUNCATE && !how.create)
		st = empty_file(w);
	if (st == WRIT_OK)
		st = store->be->open(store->ctx, writ_fs_walk_place(w), &how,
		    &h->node, &meta);
	if (st != WRIT_OK)
		return st;
	if (how.create)
		writ_fs_quota_add(w->mnt, 0, 1);
	h->mnt = w->mnt;
	h->type = meta.type;
	h->device = meta.device;
	h->inode = meta.inode;
	h->may_change = w->dir->flags & WRIT_FD_MUTATE_DIR;
	if (how.directory)
		h->flags = w->dir->flags & (WRIT_FD_READ | WRIT_FD_MUTATE_DIR);
	else
		h->flags = call->fd_flags & ~(uint32_t)WRIT_FD_MUTATE_DIR;
	h->seen_read = w->fs->rules_age;
	if (w->write)
		h->seen_write = w->fs->rules_age;
	return WRIT_OK;
}

static enum writ_status
open_found(struct writ_fs_walk *w, struct writ_fs_call *call)
{
	struct writ_fs_handle *h;
	enum writ_status st = check_found(w, call);

	if (st == WRIT_OK)
		st = writ_fs_handle_make(w->fs, writ_fs_walk_inner(w), &h);
	if (st != WRIT_OK)
		return st;
	st = open_node(w, call, h);
	if (st != WRIT_OK) {
		writ_fs_handle_drop(w->fs, h);
		return st;
	}
	call->out_handle = writ_fs_handle_id(w->fs, h);
	call->out_type = h->type;
	call->out_fd_flags = h->flags;
	return WRIT_OK;
}

/* The store changed between the look and the opening: look again. */
static bool
raced(const struct writ_fs_walk *w, const struct writ_fs_call *call,
    enum writ_status st)
{
	if (st == WRIT_LOOP)
		return w->found == WRIT_OK ?
		    w->meta.type != WRIT_NODE_SYMLINK : !w->broken;
	if (st == WRIT_EXIST)
		return w->found == WRIT_NOENT;
	return st == WRIT_NOENT && w->found == WRIT_OK &&
	    call->open_flags & WRIT_OPEN_CREATE;
}

enum writ_status
writ_fs_open_run(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_walk *w = &fs->walk[0];
	enum writ_status st = check_flags(call);
	unsigned i;

	if (st != WRIT_OK)
		return st;
	for (i = 0; i < WRIT_FS_RACES_MAX; i++) {
		st = writ_fs_walk_to(fs, w, call, false, is_change(call));
		if (st != WRIT_OK)
			return st;
		st = writ_fs_walk_end(w, open_found(w, call));
		if (st == WRIT_OK || !raced(w, call, st))
			break;
	}
	return st;
}

enum writ_status
writ_fs_open_close(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_handle *h = writ_fs_handle_get(fs, call->handle);

	if (!h)
		return WRIT_BADF;
	if (h->root)
		return WRIT_OK;
	if (fs->hooks.done && h->type == WRIT_NODE_REGULAR) {
		struct writ_fs_judged judged = { WRIT_FS_JUDGE_EFFECT,
			call->what, writ_fs_op_name(call->what),
			writ_fs_handle_place(h, fs->walk[0].path),
			h->flags & WRIT_FD_WRITE, h->mnt->index };

		fs->hooks.done(fs->hooks.ctx, &judged, WRIT_OK, h->moved);
	}
	writ_fs_handle_close(fs, h);
	return WRIT_OK;
}

enum writ_status
writ_fs_fd(struct writ_fs *fs, uint64_t handle, int *fd, int *flags)
{
	struct writ_fs_handle *h = writ_fs_handle_get(fs, handle);
	bool read, write;
	int mode, got_fd, got_mode;
	enum writ_status st;

	if (!h)
		return WRIT_BADF;
	read = h->flags & WRIT_FD_READ;
	write = h->flags & WRIT_FD_WRITE;
	if (h->type != WRIT_NODE_REGULAR || !h->mnt->store.be->fd)
		return WRIT_UNSUPPORTED;
	if (!read && !write)
		return WRIT_BADF;
	if (write && (h->mnt->quota_bytes || h->flags & SYNC_FLAGS))
		return WRIT_UNSUPPORTED;
	mode = read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY;
	st = writ_fs_handle_judge(fs, h, write ? WRIT_FS_WRITE : WRIT_FS_READ,
	    write);
	if (st != WRIT_OK)
		return st;
	h->mnt->store.be->fd(h->mnt->store.ctx, h->node, &got_fd, &got_mode);
	if (got_mode != mode)
		WRIT_BUG("descriptor with other rights than its handle");
	*fd = got_fd;
	*flags = mode;
	return WRIT_OK;
}
