/* fs_front.c - see fs_front.h. */
#include "cap/fs_tree.h"

struct op {
	const char *name;
	enum writ_status (*run)(struct writ_fs *fs, struct writ_fs_call *call);
};

static const struct op ops[WRIT_FS_OP_COUNT] = {
	[WRIT_FS_OPEN]		= { "open",		writ_fs_open_run },
	[WRIT_FS_STAT]		= { "stat",		writ_fs_stat_run },
	[WRIT_FS_STAT_AT]	= { "stat",		writ_fs_stat_at },
	[WRIT_FS_READ]		= { "read",		writ_fs_io_read },
	[WRIT_FS_WRITE]		= { "write",		writ_fs_io_write },
	[WRIT_FS_APPEND]	= { "append",		writ_fs_io_write },
	[WRIT_FS_SET_SIZE]	= { "set-size",		writ_fs_io_size },
	[WRIT_FS_SET_TIMES]	= { "set-times",	writ_fs_stat_times },
	[WRIT_FS_SET_TIMES_AT]	= { "set-times",	writ_fs_stat_times_at },
	[WRIT_FS_SYNC]		= { "sync",		writ_fs_io_sync },
	[WRIT_FS_SYNC_DATA]	= { "sync",		writ_fs_io_sync },
	[WRIT_FS_LIST]		= { "list",		writ_fs_list_run },
	[WRIT_FS_MKDIR]		= { "mkdir",		writ_fs_names_mkdir },
	[WRIT_FS_RMDIR]		= { "rmdir",		writ_fs_names_remove },
	[WRIT_FS_UNLINK]	= { "unlink",		writ_fs_names_remove },
	[WRIT_FS_RENAME]	= { "rename",		writ_fs_rename_run },
	[WRIT_FS_LINK]		= { "link",		writ_fs_names_link },
	[WRIT_FS_SYMLINK]	= { "symlink",		writ_fs_names_symlink },
	[WRIT_FS_READLINK]	= { "readlink",		writ_fs_names_readlink },
	[WRIT_FS_CLOSE]		= { "close",		writ_fs_open_close },
};

const char *
writ_fs_op_name(enum writ_fs_op what)
{
	size_t i = (size_t)what;

	return i < WRIT_FS_OP_COUNT ? ops[i].name : "?";
}

enum writ_status
writ_fs_run(struct writ_fs *fs, struct writ_fs_call *call)
{
	size_t i = (size_t)call->what;

	if (i >= WRIT_FS_OP_COUNT || call->path_flags & ~(uint32_t)WRIT_PATH_FOLLOW)
		call->op.status = WRIT_INVALID;
	else
		call->op.status = ops[i].run(fs, call);
	return call->op.status;
}

enum writ_status
writ_fs_new(const struct writ_fs_config *config, struct writ_fs **out,
    struct writ_err *err)
{
	writ_auto(writ_fs) fs = NULL;
	size_t max = config->handles_max;

	if (!config->hooks.judge)
		return writ_fail(err, WRIT_INVALID, "files: nobody judges");
	if (!max || max > WRIT_FS_HANDLES_MAX)
		max = WRIT_FS_HANDLES_MAX;
	fs = writ_alloc(1, sizeof(*fs));
	if (!fs)
		return writ_fail(err, WRIT_NOMEM, "files: out of memory");
	fs->handles = writ_alloc(max, sizeof(*fs->handles));
	if (!fs->handles)
		return writ_fail(err, WRIT_NOMEM, "files: out of memory");
	fs->handles_max = max;
	fs->hooks = config->hooks;
	memcpy(fs->key, config->key, sizeof(fs->key));
	fs->rules_age = 1;
	*out = writ_steal(&fs);
	return WRIT_OK;
}

static void
release_mount(struct writ_fs_mnt *mnt)
{
	size_t i;

	if (mnt->store.be)
		mnt->store.be->free(mnt->store.ctx);
	for (i = 0; i < mnt->masked_count; i++)
		writ_mem_free(mnt->masked[i]);
	writ_mem_free(mnt->masked);
	writ_mem_free(mnt->at);
	*mnt = (struct writ_fs_mnt){ 0 };
}

void
writ_fs_free(struct writ_fs *fs)
{
	size_t i;

	if (!fs)
		return;
	for (i = 0; i < fs->handles_made; i++)
		if (fs->handles[i].used)
			writ_fs_handle_close(fs, &fs->handles[i]);
	writ_fs_list_release(fs);
	for (i = 0; i < fs->mount_count; i++)
		release_mount(&fs->mounts[i]);
	writ_mem_free(fs->handles);
	writ_mem_free(fs);
}

/* Components as a canonical path has them, without a leading slash. */
static bool
is_canonical(struct writ_str s)
{
	struct writ_str part;

	if (!s.len || s.len > WRIT_PATH_MAX || !writ_str_utf8(s) ||
	    memchr(s.ptr, 0, s.len) || s.ptr[s.len - 1] == '/')
		return false;
	while (s.ptr) {
		part = writ_str_cut(s, '/', &s);
		if (!part.len || part.len > WRIT_NAME_MAX ||
		    writ_str_is(part, ".") || writ_str_is(part, ".."))
			return false;
	}
	return true;
}

static enum writ_status
copy_masked(struct writ_fs_mnt *mnt, const char *const *masked)
{
	size_t n = 0;

	while (masked && masked[n])
		if (!is_canonical(writ_str_from(masked[n++])))
			return WRIT_INVALID;
	if (!n)
		return WRIT_OK;
	mnt->masked = writ_alloc(n, sizeof(*mnt->masked));
	if (!mnt->masked)
		return WRIT_NOMEM;
	for (; mnt->masked_count < n; mnt->masked_count++) {
		char *copy = writ_str_dup(writ_str_from(
		    masked[mnt->masked_count]));

		if (!copy)
			return WRIT_NOMEM;
		mnt->masked[mnt->masked_count] = copy;
	}
	return WRIT_OK;
}

static enum writ_status
fill_mount(struct writ_fs_mnt *mnt, const struct writ_fs_mount *spec)
{
	struct writ_str at = spec->at;

	if (!at.len || at.ptr[0] != '/' ||
	    (at.len > 1 && !is_canonical(writ_str_skip(at, 1))))
		return WRIT_INVALID;
	mnt->at_len = at.len > 1 ? at.len : 0;
	mnt->at = writ_str_dup(at);
	if (!mnt->at)
		return WRIT_NOMEM;
	mnt->write = spec->write;
	mnt->quota_bytes = spec->quota_bytes;
	mnt->quota_files = spec->quota_files;
	if (mnt->store.be->in_memory && !mnt->quota_bytes)
		mnt->quota_bytes = WRIT_DEFAULT_MEMFS_BYTES;
	if (mnt->store.be->in_memory && !mnt->quota_files)
		mnt->quota_files = WRIT_DEFAULT_MEMFS_FILES;
	return copy_masked(mnt, spec->masked);
}

static enum writ_status
open_root(struct writ_fs *fs, struct writ_fs_mnt *mnt, uint64_t *root)
{
	struct writ_fs_node *node = mnt->store.be->root(mnt->store.ctx);
	struct writ_fs_handle *h;
	struct writ_fs_meta meta;
	enum writ_status st;

	st = mnt->store.be->stat(mnt->store.ctx, node, &meta);
	if (st == WRIT_OK)
		st = writ_fs_handle_make(fs, WRIT_STR(""), &h);
	if (st != WRIT_OK)
		return st;
	h->root = true;
	h->may_change = mnt->write;
	h->flags = WRIT_FD_READ | (mnt->write ? WRIT_FD_MUTATE_DIR : 0u);
	h->type = WRIT_NODE_DIRECTORY;
	h->mnt = mnt;
	h->node = node;
	h->device = meta.device;
	h->inode = meta.inode;
	*root = writ_fs_handle_id(fs, h);
	return WRIT_OK;
}

enum writ_status
writ_fs_mount(struct writ_fs *fs, const struct writ_fs_mount *spec,
    struct writ_fs_store store, uint64_t *root, struct writ_err *err)
{
	struct writ_fs_mnt *mnt;
	enum writ_status st;

	if (fs->mount_count == WRIT_MOUNTS_MAX) {
		store.be->free(store.ctx);
		return writ_fail(err, WRIT_LIMIT, "files: more than %d mounts",
		    WRIT_MOUNTS_MAX);
	}
	mnt = &fs->mounts[fs->mount_count];
	mnt->store = store;
	mnt->index = fs->mount_count;
	st = fill_mount(mnt, spec);
	if (st == WRIT_OK)
		st = open_root(fs, mnt, root);
	if (st != WRIT_OK) {
		release_mount(mnt);
		return writ_fail(err, st, "files: cannot mount %.*s: %s",
		    WRIT_STR_ARG(spec->at), st == WRIT_INVALID ?
		    "not a canonical path" : writ_status_name(st));
	}
	fs->mount_count++;
	return WRIT_OK;
}

void
writ_fs_rules_changed(struct writ_fs *fs)
{
	fs->rules_age++;
}

void
writ_fs_close_all(struct writ_fs *fs)
{
	size_t i;

	for (i = 0; i < fs->handles_made; i++)
		if (fs->handles[i].used && !fs->handles[i].root)
			writ_fs_handle_close(fs, &fs->handles[i]);
	writ_fs_list_release(fs);
}

void
writ_fs_usage(const struct writ_fs *fs, size_t i, uint64_t *bytes, uint64_t *files)
{
	if (i >= fs->mount_count)
		WRIT_BUG("no such mount");
	*bytes = fs->mounts[i].used_bytes;
	*files = fs->mounts[i].used_files;
}
