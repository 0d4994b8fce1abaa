/* fs_handles.c - the handle table of fs_front.h. */
#include "cap/fs_tree.h"

struct writ_fs_handle *
writ_fs_handle_get(struct writ_fs *fs, uint64_t id)
{
	size_t slot = (size_t)(id & 0xffff);
	struct writ_fs_handle *h;

	if (slot == 0 || slot > fs->handles_made)
		return NULL;
	h = &fs->handles[slot - 1];
	return h->used && h->generation == id >> 16 ? h : NULL;
}

uint64_t
writ_fs_handle_id(const struct writ_fs *fs, const struct writ_fs_handle *h)
{
	return (uint64_t)h->generation << 16 | (uint64_t)(h - fs->handles + 1);
}

enum writ_status
writ_fs_handle_make(struct writ_fs *fs, struct writ_str path,
    struct writ_fs_handle **out)
{
	struct writ_fs_handle *h;
	uint32_t generation;
	char *copy;

	if (!fs->free_head && fs->handles_made == fs->handles_max)
		return WRIT_LIMIT;
	copy = writ_memdup(path.len ? path.ptr : "", path.len);
	if (!copy)
		return WRIT_NOMEM;
	if (fs->free_head) {
		h = &fs->handles[fs->free_head - 1];
		fs->free_head = h->next_free;
	} else {
		h = &fs->handles[fs->handles_made++];
	}
	generation = h->generation;
	*h = (struct writ_fs_handle){ .used = true, .generation = generation,
		.path = copy, .path_len = path.len };
	*out = h;
	return WRIT_OK;
}

void
writ_fs_handle_drop(struct writ_fs *fs, struct writ_fs_handle *h)
{
	writ_mem_free(h->path);
	h->path = NULL;
	h->used = false;
	/* A slot whose generations are used up is never used again. */
	if (h->generation == UINT32_MAX)
		return;
	h->generation++;
	h->next_free = fs->free_head;
	fs->free_head = (uint32_t)(h - fs->handles + 1);
}

static bool
same_node(const struct writ_fs_handle *h, const struct writ_fs_mnt *mnt,
    uint64_t device, uint64_t inode)
{
	return h->used && h->mnt == mnt && h->node && h->inode == inode &&
	    h->device == device;
}

static void
release_unlinked(struct writ_fs *fs, struct writ_fs_handle *h)
{
	struct writ_fs_meta meta;
	size_t i;

	for (i = 0; i < fs->handles_made; i++)
		if (&fs->handles[i] != h && same_node(&fs->handles[i], h->mnt,
		    h->device, h->inode))
			return;
	if (h->mnt->store.be->stat(h->mnt->store.ctx, h->node, &meta) == WRIT_OK)
		writ_fs_quota_sub(h->mnt, meta.size, 0);
}

void
writ_fs_handle_close(struct writ_fs *fs, struct writ_fs_handle *h)
{
	if (h->type == WRIT_NODE_DIRECTORY)
		writ_fs_list_drop(fs, writ_fs_handle_id(fs, h));
	else if (h->unlinked)
		release_unlinked(fs, h);
	if (!h->root)
		h->mnt->store.be->close(h->mnt->store.ctx, h->node);
	h->node = NULL;
	writ_fs_handle_drop(fs, h);
}

struct writ_str
writ_fs_handle_place(const struct writ_fs_handle *h, char *p)
{
	size_t n = h->mnt->at_len;

	if (n)
		memcpy(p, h->mnt->at, n);
	if (h->path_len) {
		p[n++] = '/';
		memcpy(p + n, h->path, h->path_len);
		n += h->path_len;
	}
	if (!n)
		p[n++] = '/';
	return writ_str(p, n);
}

enum writ_status
writ_fs_handle_judge(struct writ_fs *fs, struct writ_fs_handle *h,
    enum writ_fs_op what, bool write)
{
	uint64_t *seen = write ? &h->seen_write : &h->seen_read;
	enum writ_status st;

	if (*seen == fs->rules_age)
		return WRIT_OK;
	st = writ_fs_walk_judge(fs, h->mnt, WRIT_FS_JUDGE_TOUCH, what,
	    writ_fs_handle_place(h, fs->walk[0].path), write);
	if (st == WRIT_OK)
		*seen = fs->rules_age;
	return st;
}

static enum writ_status
prepare_move(struct writ_fs_handle *h, struct writ_str from, struct writ_str to)
{
	size_t tail = h->path_len - from.len, n = to.len + tail;

	if (h->mnt->at_len + 1 + n > WRIT_PATH_MAX)
		return WRIT_NAMETOOLONG;
	h->path_next = writ_alloc(n + 1, 1);
	if (!h->path_next)
		return WRIT_NOMEM;
	memcpy(h->path_next, to.ptr, to.len);
	if (tail)
		memcpy(h->path_next + to.len, h->path + from.len, tail);
	h->path_next_len = n;
	return WRIT_OK;
}

enum writ_status
writ_fs_handle_move(struct writ_fs *fs, const struct writ_fs_mnt *mnt,
    struct writ_str from, struct writ_str to)
{
	enum writ_status st;
	size_t i;

	for (i = 0; i < fs->handles_made; i++) {
		struct writ_fs_handle *h = &fs->handles[i];
		struct writ_str path = writ_str(h->path, h->path_len);

		if (!h->used || h->mnt != mnt || !writ_str_starts(path, from) ||
		    (path.len > from.len && path.ptr[from.len] != '/'))
			continue;
		st = prepare_move(h, from, to);
		if (st != WRIT_OK) {
			writ_fs_handle_moved(fs, false);
			return st;
		}
	}
	return WRIT_OK;
}

void
writ_fs_handle_moved(struct writ_fs *fs, bool commit)
{
	size_t i;

	for (i = 0; i < fs->handles_made; i++) {
		struct writ_fs_handle *h = &fs->handles[i];

		if (!h->path_next)
			continue;
		/* A file whose name was replaced stays where it was. */
		if (commit && !h->unlinked) {
			char *old = h->path;

			h->path = h->path_next;
			h->path_len = h->path_next_len;
			h->path_next = old;
			h->seen_read = h->seen_write = 0;
		}
		writ_mem_free(h->path_next);
		h->path_next = NULL;
	}
}

bool
writ_fs_handle_unlinked(struct writ_fs *fs, const struct writ_fs_mnt *mnt,
    const struct writ_fs_meta *meta)
{
	bool any = false;
	size_t i;

	for (i = 0; i < fs->handles_made; i++)
		if (same_node(&fs->handles[i], mnt, meta->device, meta->inode)) {
			fs->handles[i].unlinked = true;
			any = true;
		}
	return any;
}
