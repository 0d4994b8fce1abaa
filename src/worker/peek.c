/* peek.c - what a session shows of its files in memory, for the broker alone: no guest runs. */
#include "base/limits.h"
#include "worker/worker.h"

#define SHOWN_MAX 1000		/* entries of one list */
#define LIST_MAX (256 * 1024)	/* bytes of it */
#define DEPTH_MAX 16

struct listing {
	struct writ_fs *fs;
	uint64_t root;
	struct writ_str prefix, at;	/* of URIs; guest path of the mount */
	struct writ_buf *out;
	unsigned count;
};

static bool
unreserved(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || strchr("-._~/", c);
}

/* RFC 3986: what is not unreserved, as %XX. */
static void
put_uri(struct writ_buf *b, struct writ_str path)
{
	size_t i;

	for (i = 0; i < path.len; i++)
		if (unreserved((unsigned char)path.ptr[i]))
			writ_buf_char(b, path.ptr[i]);
		else
			writ_buf_printf(b, "%%%02X",
			    (unsigned char)path.ptr[i]);
}

static void
put_file(struct listing *l, struct writ_str path, uint64_t size)
{
	writ_auto_release(writ_buf) name;

	writ_buf_init(&name, 2 * WRIT_PATH_MAX + 2);
	writ_buf_str(&name, l->at);
	writ_buf_char(&name, '/');
	writ_buf_str(&name, path);
	writ_buf_printf(l->out, "%s{\"uri\":\"", l->count++ ? "," : "");
	writ_buf_str(l->out, l->prefix);
	put_uri(l->out, writ_buf_view(&name));
	writ_buf_cstr(l->out, "\",\"name\":");
	writ_buf_json(l->out, writ_buf_view(&name));
	writ_buf_printf(l->out, ",\"size\":%llu}", (unsigned long long)size);
}

static enum writ_status list_dir(struct listing *l, struct writ_str path,
    unsigned depth);

static enum writ_status
list_entry(struct listing *l, struct writ_str dir, struct writ_str name,
    unsigned type, unsigned depth)
{
	struct writ_fs_call c = { .what = WRIT_FS_STAT_AT, .handle = l->root };
	writ_auto_release(writ_buf) path;

	writ_buf_init(&path, WRIT_PATH_MAX);
	writ_buf_str(&path, dir);
	if (dir.len)
		writ_buf_char(&path, '/');
	writ_buf_str(&path, name);
	if (writ_buf_status(&path) != WRIT_OK || l->count >= SHOWN_MAX)
		return WRIT_LIMIT;
	if (type == WRIT_NODE_DIRECTORY)
		return depth < DEPTH_MAX ? list_dir(l, writ_buf_view(&path),
		    depth + 1) : WRIT_OK;
	if (type != WRIT_NODE_REGULAR)
		return WRIT_OK;
	c.path = writ_buf_view(&path);
	if (writ_fs_run(l->fs, &c) == WRIT_OK)
		put_file(l, c.path, c.out_stat.size);
	return writ_buf_status(l->out);
}

/* One listing in pieces: u8 type, u16 length, name. */
static enum writ_status
list_handle(struct listing *l, uint64_t handle, struct writ_str path,
    unsigned depth)
{
	struct writ_fs_call c = { .what = WRIT_FS_LIST, .handle = handle };
	writ_auto_release(writ_buf) piece;
	enum writ_status st = WRIT_OK;

	writ_buf_init(&piece, WRIT_FS_DIR_BYTES_MAX);
	c.buf = writ_buf_room(&piece, WRIT_FS_DIR_BYTES_MAX);
	c.len = WRIT_FS_DIR_BYTES_MAX;
	if (!c.buf)
		return WRIT_NOMEM;
	do {
		size_t i, n;

		c.cookie = c.out_cookie;
		st = writ_fs_run(l->fs, &c);
		for (i = 0; st == WRIT_OK && i + 3 <= c.out_count; i += 3 + n) {
			n = (size_t)c.buf[i + 1] | (size_t)c.buf[i + 2] << 8;
			if (i + 3 + n > c.out_count)
				return WRIT_PROTO;
			st = list_entry(l, path, writ_str(
			    (const char *)c.buf + i + 3, n), c.buf[i], depth);
		}
	} while (st == WRIT_OK && c.out_cookie);
	return st;
}

static enum writ_status
list_dir(struct listing *l, struct writ_str path, unsigned depth)
{
	struct writ_fs_call open = { .what = WRIT_FS_OPEN, .handle = l->root,
		.path = path.len ? path : WRIT_STR("."),
		.open_flags = WRIT_OPEN_DIRECTORY, .fd_flags = WRIT_FD_READ };
	struct writ_fs_call close = { .what = WRIT_FS_CLOSE };
	enum writ_status st = writ_fs_run(l->fs, &open);

	if (st != WRIT_OK)
		return st;
	st = list_handle(l, open.out_handle, path, depth);
	close.handle = open.out_handle;
	(void)writ_fs_run(l->fs, &close);
	return st;
}

/* The mount in memory at `at`, or NULL. */
static const struct writ_worker_mount *
shown(const struct writ_guest *g, struct writ_str at)
{
	size_t i;

	for (i = 0; g->tree.memory && i < g->tree.mounts.len; i++) {
		const struct writ_worker_mount *m = writ_vec_at(
		    &g->tree.mounts, i);

		if (writ_str_is(at, m->at) && !writ_worker_tree_remote(m->root))
			return m;
	}
	return NULL;
}

static enum writ_status
read_file(struct writ_guest *g, uint64_t root, struct writ_str path,
    struct writ_buf *out)
{
	struct writ_fs_call open = { .what = WRIT_FS_OPEN, .handle = root,
		.path = path, .fd_flags = WRIT_FD_READ };
	struct writ_fs_call c = { .what = WRIT_FS_READ };
	enum writ_status st = writ_fs_run(g->tree.memory, &open);

	c.handle = open.out_handle;
	while (st == WRIT_OK) {
		c.buf = writ_buf_room(out, WRIT_FS_IO_MAX);
		c.len = WRIT_FS_IO_MAX;
		if (!c.buf) {
			st = WRIT_LIMIT;
			break;
		}
		st = writ_fs_run(g->tree.memory, &c);
		if (st != WRIT_OK || c.out_count == 0)
			break;
		writ_buf_grew(out, c.out_count);
		c.offset += c.out_count;
	}
	if (open.op.status != WRIT_OK)
		return st;
	c.what = WRIT_FS_CLOSE;
	(void)writ_fs_run(g->tree.memory, &c);
	return st;
}

enum writ_status
writ_worker_peek(struct writ_guest *g, struct writ_str what,
    struct writ_str args, struct writ_buf *out)
{
	struct writ_str at = writ_str_cut(args, '\n', &args);
	const struct writ_worker_mount *m = shown(g, at);
	struct listing l = { g->tree.memory, m ? m->root : 0, args, at, out,
		0 };

	if (!m)
		return WRIT_NOENT;
	if (writ_str_is(what, "#read"))
		return read_file(g, m->root, args, out);
	return writ_str_is(what, "#list") ? list_dir(&l, WRIT_STR(""), 0) :
	    WRIT_INVALID;
}
