/* fs_phantom.c - see fs_phantom.h. */
#include "cap/fs_phantom.h"

static struct writ_fs_node *
phantom_root(void *store)
{
	return NULL;
}

static void
phantom_free(void *store)
{
}

static enum writ_status
phantom_stat(void *store, struct writ_fs_node *node, struct writ_fs_meta *out)
{
	*out = (struct writ_fs_meta){ .type = WRIT_NODE_DIRECTORY, .inode = 1,
		.links = 1 };
	return WRIT_OK;
}

static enum writ_status
phantom_peek(void *store, struct writ_fs_place at, struct writ_fs_meta *out)
{
	if (at.path.len)
		return WRIT_DENIED;
	return phantom_stat(store, at.dir, out);
}

static enum writ_status
phantom_open(void *store, struct writ_fs_place at, const struct writ_fs_how *how,
    struct writ_fs_node **out, struct writ_fs_meta *meta)
{
	if (at.path.len || !how->directory)
		return WRIT_DENIED;
	*out = NULL;
	return phantom_stat(store, NULL, meta);
}

static void
phantom_close(void *store, struct writ_fs_node *node)
{
}

static enum writ_status
phantom_read(void *store, struct writ_fs_node *node, uint64_t offset, uint8_t *p,
    size_t n, size_t *got)
{
	return WRIT_DENIED;
}

static enum writ_status
phantom_write(void *store, struct writ_fs_node *node, uint64_t offset,
    const uint8_t *p, size_t n, size_t *put)
{
	return WRIT_DENIED;
}

static enum writ_status
phantom_append(void *store, struct writ_fs_node *node, const uint8_t *p, size_t n,
    size_t *put)
{
	return WRIT_DENIED;
}

static enum writ_status
phantom_set_size(void *store, struct writ_fs_node *node, uint64_t size)
{
	return WRIT_DENIED;
}

static enum writ_status
phantom_set_times(void *store, struct writ_fs_node *node,
    const struct writ_fs_times *times)
{
	return WRIT_DENIED;
}

static enum writ_status
phantom_sync(void *store, struct writ_fs_node *node, bool data_only)
{
	return WRIT_OK;
}

static enum writ_status
phantom_list(void *store, struct writ_fs_node *dir,
    enum writ_status (*each)(void *ctx, enum writ_node_type type,
    struct writ_str name), void *ctx)
{
	return WRIT_OK;
}

static enum writ_status
phantom_set_times_at(void *store, struct writ_fs_place at,
    const struct writ_fs_times *times)
{
	return WRIT_DENIED;
}

static enum writ_status
phantom_one(void *store, struct writ_fs_place at)
{
	return WRIT_DENIED;
}

static enum writ_status
phantom_two(void *store, struct writ_fs_place from, struct writ_fs_place to)
{
	return WRIT_DENIED;
}

static enum writ_status
phantom_symlink(void *store, struct writ_str target, struct writ_fs_place at)
{
	return WRIT_DENIED;
}

static enum writ_status
phantom_readlink(void *store, struct writ_fs_place at, char *p, size_t cap,
    size_t *len)
{
	return WRIT_DENIED;
}

static const struct writ_fs_backend phantom = {
	.name = "phantom",
	.phantom = true,
	.root = phantom_root,
	.free = phantom_free,
	.peek = phantom_peek,
	.open = phantom_open,
	.close = phantom_close,
	.stat = phantom_stat,
	.read = phantom_read,
	.write = phantom_write,
	.append = phantom_append,
	.set_size = phantom_set_size,
	.set_times = phantom_set_times,
	.sync = phantom_sync,
	.list = phantom_list,
	.set_times_at = phantom_set_times_at,
	.mkdir = phantom_one,
	.rmdir = phantom_one,
	.unlink = phantom_one,
	.rename = phantom_two,
	.link = phantom_two,
	.symlink = phantom_symlink,
	.readlink = phantom_readlink,
};

struct writ_fs_store
writ_fs_phantom(void)
{
	return (struct writ_fs_store){ &phantom, NULL };
}
