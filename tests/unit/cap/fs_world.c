/* fs_world.c - see fs_world.h. */
#include "fs_world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "cap/fs_host.h"
#include "cap/fs_memory.h"

static enum writ_status
judge(void *ctx, const struct writ_fs_judged *j)
{
	struct world *w = ctx;

	if (j->path.ptr[0] != '/' || j->path.len > WRIT_PATH_MAX ||
	    (j->path.len > 1 && j->path.ptr[j->path.len - 1] == '/'))
		fail_msg("judged path is not canonical");
	if (j->why == WRIT_FS_JUDGE_TOUCH)
		w->touches++;
	if (j->why == WRIT_FS_JUDGE_SEE)
		w->sees++;
	if (j->why == WRIT_FS_JUDGE_EFFECT) {
		w->effects++;
		memcpy(w->last, j->path.ptr, j->path.len);
		w->last[j->path.len] = 0;
		snprintf(w->last_op, sizeof(w->last_op), "%s", j->op);
		w->last_write = j->write;
		if (w->refuse_with != WRIT_OK)
			return w->refuse_with;
	}
	return writ_fs_rules_judge(&w->rules, j);
}

static void
done(void *ctx, const struct writ_fs_judged *j, enum writ_status st,
    uint64_t bytes)
{
	struct world *w = ctx;

	w->dones++;
	w->last_done = st;
	w->last_bytes = bytes;
}

static void
world_now(void *ctx, struct writ_time *out)
{
	struct world *w = ctx;

	*out = (struct writ_time){ w->clock++, 5 };
}

/* "/a/b/" + "**" matches /a/b and all below; otherwise equal. */
static bool
matches(struct writ_str pattern, struct writ_str path)
{
	if (pattern.len > 2 && pattern.ptr[pattern.len - 1] == '*') {
		pattern.len -= 3;
		return writ_str_starts(path, pattern) &&
		    (path.len == pattern.len || path.ptr[pattern.len] == '/');
	}
	return writ_str_eq(pattern, path);
}

static int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	return remove(path);
}

static void
write_host_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

const char *
world_path(const struct world *w, const char *path, char out[512])
{
	if (!strcmp(path, ".."))
		snprintf(out, 512, "%s", w->base);
	else
		snprintf(out, 512, "%s/root/%s", w->base, path);
	return out;
}

struct writ_fs_store
world_store(struct world *w, const char *dir)
{
	struct writ_fs_memory_config config = { world_now, w, 7 };
	struct writ_fs_store store = { 0 };
	char path[512];
	int fd = -1;

	if (w->kind == WORLD_MEMORY) {
		assert_status(writ_fs_memory_new(&config, &store, NULL),
		    WRIT_OK);
		return store;
	}
	snprintf(path, sizeof(path), "%s/%s", w->base, dir);
	assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
	assert_status(writ_fs_host_root(path, &fd, NULL), WRIT_OK);
	assert_status(writ_fs_host_new(fd, &store, NULL), WRIT_OK);
	return store;
}

void
world_init(struct world *w, const struct world_spec *spec)
{
	struct writ_fs_config config = { .hooks = { w, judge, done },
		.key = "0123456789abcde", .handles_max = spec->handles };
	struct writ_fs_mount mount = {
		.at = writ_str_from(spec->at ? spec->at : "/data"),
		.write = !spec->read_only,
		.quota_bytes = spec->quota_bytes,
		.quota_files = spec->quota_files,
		.masked = spec->masked,
	};
	struct writ_err err = { 0 };
	char path[128];

	*w = (struct world){ .kind = spec->kind, .clock = 1000000 };
	w->rules.matches = matches;
	if (w->kind == WORLD_HOST) {
		snprintf(w->base, sizeof(w->base), "/tmp/writ-fs-XXXXXX");
		assert_non_null(mkdtemp(w->base));
		snprintf(path, sizeof(path), "%s/secret", w->base);
		write_host_file(path, CANARY);
		snprintf(path, sizeof(path), "%s/root-evil", w->base);
		assert_int_equal(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), "%s/root-evil/x", w->base);
		write_host_file(path, CANARY);
	}
	assert_status(writ_fs_new(&config, &w->fs, &err), WRIT_OK);
	if (writ_fs_mount(w->fs, &mount, world_store(w, "root"), &w->root,
	    &err) != WRIT_OK)
		fail_msg("%s", err.msg);
}

void
world_release(struct world *w)
{
	char path[128], text[64] = { 0 };
	int fd;

	writ_fs_free(w->fs);
	if (w->kind != WORLD_HOST)
		return;
	/* Whatever a test did, what lies outside is as it was. */
	snprintf(path, sizeof(path), "%s/secret", w->base);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	assert_string_equal(text, CANARY);
	close(fd);
	nftw(w->base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct writ_fs_call
start(struct world *w, enum writ_fs_op op, uint64_t dir, const char *path)
{
	return (struct writ_fs_call){ .what = op, .handle = dir ? dir : w->root,
		.path = writ_str_from(path) };
}

static enum writ_status
run(struct world *w, struct writ_fs_call *c)
{
	enum writ_status st = writ_fs_run(w->fs, c);

	assert_int_equal(st, c->op.status);
	return st;
}

static enum writ_status
open_with(struct world *w, struct writ_fs_call *c, unsigned open_flags,
    unsigned fd_flags, uint64_t *out)
{
	enum writ_status st;

	c->open_flags = open_flags;
	c->fd_flags = fd_flags;
	st = run(w, c);
	if (st != WRIT_OK) {
		assert_true(c->out_handle == 0);
		return st;
	}
	assert_true(c->out_handle != 0 && c->out_handle >> 48 == 0);
	if (out)
		*out = c->out_handle;
	else
		assert_status(w_close(w, c->out_handle), WRIT_OK);
	return st;
}

enum writ_status
w_open(struct world *w, uint64_t dir, const char *path, unsigned open_flags,
    unsigned fd_flags, uint64_t *out)
{
	struct writ_fs_call c = start(w, WRIT_FS_OPEN, dir, path);

	c.path_flags = WRIT_PATH_FOLLOW;
	return open_with(w, &c, open_flags, fd_flags, out);
}

enum writ_status
w_open_nofollow(struct world *w, uint64_t dir, const char *path,
    unsigned open_flags, unsigned fd_flags, uint64_t *out)
{
	struct writ_fs_call c = start(w, WRIT_FS_OPEN, dir, path);

	return open_with(w, &c, open_flags, fd_flags, out);
}

enum writ_status
w_close(struct world *w, uint64_t h)
{
	struct writ_fs_call c = start(w, WRIT_FS_CLOSE, h, NULL);

	return run(w, &c);
}

enum writ_status
w_stat(struct world *w, uint64_t h, struct writ_stat *out)
{
	struct writ_fs_call c = start(w, WRIT_FS_STAT, h, NULL);
	enum writ_status st = run(w, &c);

	*out = c.out_stat;
	return st;
}

enum writ_status
w_stat_at(struct world *w, uint64_t dir, const char *path, unsigned path_flags,
    struct writ_stat *out)
{
	struct writ_fs_call c = start(w, WRIT_FS_STAT_AT, dir, path);
	enum writ_status st;

	c.path_flags = path_flags;
	st = run(w, &c);
	*out = c.out_stat;
	return st;
}

enum writ_status
w_read(struct world *w, uint64_t h, uint64_t offset, void *p, size_t n,
    size_t *got)
{
	struct writ_fs_call c = start(w, WRIT_FS_READ, h, NULL);
	enum writ_status st;

	c.offset = offset;
	c.buf = p;
	c.len = n;
	st = run(w, &c);
	if (got)
		*got = c.out_count;
	return st;
}

static enum writ_status
put(struct world *w, struct writ_fs_call *c, const void *p, size_t n, size_t *out)
{
	enum writ_status st;

	memcpy(&c->buf, &p, sizeof(p));
	c->len = n;
	st = run(w, c);
	if (out)
		*out = c->out_count;
	return st;
}

enum writ_status
w_write(struct world *w, uint64_t h, uint64_t offset, const void *p, size_t n,
    size_t *out)
{
	struct writ_fs_call c = start(w, WRIT_FS_WRITE, h, NULL);

	c.offset = offset;
	return put(w, &c, p, n, out);
}

enum writ_status
w_append(struct world *w, uint64_t h, const void *p, size_t n, size_t *out)
{
	struct writ_fs_call c = start(w, WRIT_FS_APPEND, h, NULL);

	return put(w, &c, p, n, out);
}

enum writ_status
w_set_size(struct world *w, uint64_t h, uint64_t size)
{
	struct writ_fs_call c = start(w, WRIT_FS_SET_SIZE, h, NULL);

	c.size = size;
	return run(w, &c);
}

enum writ_status
w_set_times(struct world *w, uint64_t h, int64_t atime, int64_t mtime)
{
	struct writ_fs_call c = start(w, WRIT_FS_SET_TIMES, h, NULL);

	c.atime_how = c.mtime_how = WRIT_TIME_SET;
	c.atime.s = atime;
	c.mtime.s = mtime;
	c.mtime.ns = 123;
	return run(w, &c);
}

enum writ_status
w_set_times_at(struct world *w, uint64_t dir, const char *path,
    unsigned path_flags, int64_t mtime)
{
	struct writ_fs_call c = start(w, WRIT_FS_SET_TIMES_AT, dir, path);

	c.path_flags = path_flags;
	c.mtime_how = WRIT_TIME_SET;
	c.mtime.s = mtime;
	return run(w, &c);
}

enum writ_status
w_one(struct world *w, enum writ_fs_op op, uint64_t dir, const char *path)
{
	struct writ_fs_call c = start(w, op, dir, path);
	uint8_t buf[WRIT_PATH_MAX];

	c.buf = buf;
	c.len = sizeof(buf);
	return run(w, &c);
}

enum writ_status
w_two(struct world *w, enum writ_fs_op op, uint64_t dir, const char *path,
    uint64_t dir2, const char *path2)
{
	struct writ_fs_call c = start(w, op, dir, path);

	c.handle2 = dir2 ? dir2 : w->root;
	c.path2 = writ_str_from(path2);
	return run(w, &c);
}

enum writ_status
w_readlink(struct world *w, uint64_t dir, const char *path, char *out, size_t cap)
{
	struct writ_fs_call c = start(w, WRIT_FS_READLINK, dir, path);
	enum writ_status st;

	c.buf = (uint8_t *)out;
	c.len = cap - 1;
	st = run(w, &c);
	if (st == WRIT_OK)
		out[c.out_count] = 0;
	return st;
}

enum writ_status
w_list(struct world *w, uint64_t dir, uint64_t *cookie, uint8_t *buf, size_t cap,
    size_t *got)
{
	struct writ_fs_call c = start(w, WRIT_FS_LIST, dir, NULL);
	enum writ_status st;

	c.cookie = *cookie;
	c.buf = buf;
	c.len = cap;
	st = run(w, &c);
	if (st == WRIT_OK) {
		*cookie = c.out_cookie;
		*got = c.out_count;
	}
	return st;
}

void
w_make_file(struct world *w, const char *path, const char *text)
{
	uint64_t h;
	size_t n = 0;

	assert_status(w_open(w, 0, path, WRIT_OPEN_CREATE | WRIT_OPEN_TRUNCATE,
	    WRIT_FD_WRITE, &h), WRIT_OK);
	assert_status(w_write(w, h, 0, text, strlen(text), &n), WRIT_OK);
	assert_int_equal(n, strlen(text));
	assert_status(w_close(w, h), WRIT_OK);
}

void
w_make_dir(struct world *w, const char *path)
{
	assert_status(w_one(w, WRIT_FS_MKDIR, 0, path), WRIT_OK);
}

void
w_make_link(struct world *w, const char *text, const char *path)
{
	assert_status(w_two(w, WRIT_FS_SYMLINK, 0, text, 0, path), WRIT_OK);
}

bool
w_holds(struct world *w, const char *path, const char *text)
{
	char buf[256] = { 0 };
	uint64_t h;
	size_t n = 0;

	if (w_open(w, 0, path, 0, WRIT_FD_READ, &h) != WRIT_OK)
		return false;
	assert_status(w_read(w, h, 0, buf, sizeof(buf) - 1, &n), WRIT_OK);
	assert_status(w_close(w, h), WRIT_OK);
	return n == strlen(text) && !memcmp(buf, text, n);
}

bool
w_exists(struct world *w, const char *path)
{
	struct writ_stat s;

	return w_stat_at(w, 0, path, 0, &s) == WRIT_OK;
}

const char *
w_names(struct world *w, uint64_t dir, char out[4096])
{
	uint8_t buf[300];
	uint64_t cookie = 0;
	size_t n = 0, at, len = 0;

	do {
		assert_status(w_list(w, dir, &cookie, buf, sizeof(buf), &n),
		    WRIT_OK);
		for (at = 0; at < n;) {
			size_t name = (size_t)buf[at + 1] | buf[at + 2] << 8;

			assert_true(len + name + 2 < 4096);
			if (len)
				out[len++] = ' ';
			memcpy(out + len, buf + at + 3, name);
			len += name;
			at += 3 + name;
		}
		assert_int_equal(at, n);
	} while (cookie);
	out[len] = 0;
	return out;
}

uint32_t
world_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * 0x2545f4914f6cdd1d) >> 32);
}
