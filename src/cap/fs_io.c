/* fs_io.c - bytes of open files. */
#include "cap/fs_tree.h"

/* The open regular file that `right` was granted for; zero lengths change nothing. */
static enum writ_status
file_for(struct writ_fs *fs, const struct writ_fs_call *call, uint32_t right,
    struct writ_fs_handle **out)
{
	struct writ_fs_handle *h = writ_fs_handle_get(fs, call->handle);
	bool write = right == WRIT_FD_WRITE;

	if (!h)
		return WRIT_BADF;
	if (h->type == WRIT_NODE_DIRECTORY)
		return write ? WRIT_BADF : WRIT_ISDIR;
	if (write && !h->may_change)
		return WRIT_ROFS;
	if (!(h->flags & right))
		return WRIT_BADF;
	*out = h;
	return writ_fs_handle_judge(fs, h, call->what, write);
}

enum writ_status
writ_fs_io_read(struct writ_fs *fs, struct writ_fs_call *call)
{
	size_t n = call->len < WRIT_FS_IO_MAX ? call->len : WRIT_FS_IO_MAX;
	struct writ_fs_handle *h = NULL;
	enum writ_status st;

	st = file_for(fs, call, WRIT_FD_READ, &h);
	if (st != WRIT_OK)
		return st;
	if (call->offset > WRIT_FS_OFFSET_MAX - n)
		return WRIT_INVALID;
	st = h->mnt->store.be->read(h->mnt->store.ctx, h->node, call->offset,
	    call->buf, n, &call->out_count);
	if (st == WRIT_OK)
		h->moved += call->out_count;
	return st;
}

/* Cut *n so that a write at *offset fits the quota; *size is the size before. */
static enum writ_status
fit(struct writ_fs_handle *h, bool append, uint64_t *offset, size_t *n,
    uint64_t *size)
{
	struct writ_fs_meta meta;
	enum writ_status st;
	uint64_t end;

	*size = 0;
	if (!h->mnt->quota_bytes)
		return WRIT_OK;
	st = h->mnt->store.be->stat(h->mnt->store.ctx, h->node, &meta);
	if (st != WRIT_OK)
		return st;
	*size = meta.size;
	if (append)
		*offset = meta.size;
	if (*offset > WRIT_FS_OFFSET_MAX - *n)
		return WRIT_INVALID;
	end = *offset + *n;
	if (end <= meta.size)
		return WRIT_OK;
	end = meta.size + writ_fs_quota_room(h->mnt, end - meta.size);
	if (end <= *offset)
		return WRIT_NOSPC;
	*n = (size_t)(end - *offset);
	return WRIT_OK;
}

enum writ_status
writ_fs_io_write(struct writ_fs *fs, struct writ_fs_call *call)
{
	size_t n = call->len < WRIT_FS_IO_MAX ? call->len : WRIT_FS_IO_MAX;
	bool append = call->what == WRIT_FS_APPEND;
	uint64_t offset = append ? 0 : call->offset, size;
	struct writ_fs_handle *h = NULL;
	const struct writ_fs_store *store;
	enum writ_status st;

	st = file_for(fs, call, WRIT_FD_WRITE, &h);
	if (st != WRIT_OK)
		return st;
	if (offset > WRIT_FS_OFFSET_MAX - n)
		return WRIT_INVALID;
	call->out_count = 0;
	if (!n)
		return WRIT_OK;
	st = fit(h, append, &offset, &n, &size);
	if (st != WRIT_OK)
		return st;
	store = &h->mnt->store;
	if (append)
		st = store->be->append(store->ctx, h->node, call->buf, n,
		    &call->out_count);
	else
		st = store->be->write(store->ctx, h->node, offset, call->buf, n,
		    &call->out_count);
	if (st != WRIT_OK)
		return st;
	h->moved += call->out_count;
	if (h->mnt->quota_bytes && offset + call->out_count > size)
		writ_fs_quota_add(h->mnt, offset + call->out_count - size, 0);
	return WRIT_OK;
}

enum writ_status
writ_fs_io_size(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_handle *h = NULL;
	struct writ_fs_meta meta;
	enum writ_status st;
	uint64_t more;

	st = file_for(fs, call, WRIT_FD_WRITE, &h);
	if (st != WRIT_OK)
		return st;
	if (call->size > WRIT_FS_OFFSET_MAX)
		return h->mnt->quota_bytes ? WRIT_NOSPC : WRIT_INVALID;
	st = h->mnt->store.be->stat(h->mnt->store.ctx, h->node, &meta);
	if (st != WRIT_OK)
		return st;
	more = call->size > meta.size ? call->size - meta.size : 0;
	if (writ_fs_quota_room(h->mnt, more) < more)
		return WRIT_NOSPC;
	st = h->mnt->store.be->set_size(h->mnt->store.ctx, h->node, call->size);
	if (st != WRIT_OK)
		return st;
	if (more)
		writ_fs_quota_add(h->mnt, more, 0);
	else
		writ_fs_quota_sub(h->mnt, meta.size - call->size, 0);
	return WRIT_OK;
}

enum writ_status
writ_fs_io_sync(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_handle *h = writ_fs_handle_get(fs, call->handle);
	enum writ_status st;

	if (!h)
		return WRIT_BADF;
	st = writ_fs_handle_judge(fs, h, call->what, false);
	if (st != WRIT_OK)
		return st;
	return h->mnt->store.be->sync(h->mnt->store.ctx, h->node,
	    call->what == WRIT_FS_SYNC_DATA);
}
