/* fs_quota.c - what counts against the quota of a mount. */
#include "cap/fs_tree.h"

enum writ_status
writ_fs_quota_name(const struct writ_fs_mnt *mnt)
{
	if (mnt->quota_files && mnt->used_files >= mnt->quota_files)
		return WRIT_NOSPC;
	return WRIT_OK;
}

uint64_t
writ_fs_quota_room(const struct writ_fs_mnt *mnt, uint64_t want)
{
	uint64_t room;

	if (!mnt->quota_bytes)
		return want;
	room = mnt->used_bytes < mnt->quota_bytes ?
	    mnt->quota_bytes - mnt->used_bytes : 0;
	return want < room ? want : room;
}

static uint64_t
plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void
writ_fs_quota_add(struct writ_fs_mnt *mnt, uint64_t bytes, uint64_t files)
{
	mnt->used_bytes = plus(mnt->used_bytes, bytes);
	mnt->used_files = plus(mnt->used_files, files);
}

void
writ_fs_quota_sub(struct writ_fs_mnt *mnt, uint64_t bytes, uint64_t files)
{
	mnt->used_bytes -= bytes < mnt->used_bytes ? bytes : mnt->used_bytes;
	mnt->used_files -= files < mnt->used_files ? files : mnt->used_files;
}

void
writ_fs_quota_unlinked(struct writ_fs *fs, struct writ_fs_mnt *mnt,
    const struct writ_fs_meta *meta)
{
	uint64_t bytes = 0;

	if (meta->type != WRIT_NODE_DIRECTORY && meta->links <= 1 &&
	    !writ_fs_handle_unlinked(fs, mnt, meta))
		bytes = meta->size;
	writ_fs_quota_sub(mnt, bytes, 1);
}
