/* fs_host.c - see fs_host.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "cap/fs_host.h"

/* The kernel's walls: nothing above the start, no link, no other file system. */
#define WALLS (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV | \
	RESOLVE_NO_SYMLINKS)
#define TRIES 100		/* of a call that a signal interrupts */
#define DENTS_LEN (32 * 1024)

struct writ_fs_node {
	int fd;			/* directories: O_PATH */
	int mode;		/* O_ACCMODE of a regular file */
};

struct host {
	struct writ_fs_node root;
	uint64_t mount;		/* the kernel's id of the root's mount */
};

static enum writ_status
status(int e)
{
	static const struct {
		int e;
		enum writ_status st;
	} map[] = {
		{ ENOENT, WRIT_NOENT },		{ EEXIST, WRIT_EXIST },
		{ ENOTDIR, WRIT_NOTDIR },	{ EISDIR, WRIT_ISDIR },
		{ ENOTEMPTY, WRIT_NOTEMPTY },	{ ELOOP, WRIT_LOOP },
		{ ENAMETOOLONG, WRIT_NAMETOOLONG }, { ENOSPC, WRIT_NOSPC },
		{ EDQUOT, WRIT_NOSPC },		{ EFBIG, WRIT_NOSPC },
		{ EROFS, WRIT_ROFS },		{ EBUSY, WRIT_BUSY },
		{ ETXTBSY, WRIT_BUSY },		{ ENOMEM, WRIT_NOMEM },
		{ EINVAL, WRIT_INVALID },	{ EACCES, WRIT_DENIED },
		{ EPERM, WRIT_DENIED },		{ EXDEV, WRIT_DENIED },
		{ ENXIO, WRIT_DENIED },		{ ENODEV, WRIT_DENIED },
		{ EMLINK, WRIT_LIMIT },		{ EMFILE, WRIT_LIMIT },
		{ ENFILE, WRIT_LIMIT },		{ EOPNOTSUPP, WRIT_UNSUPPORTED },
	};
	size_t i;

	for (i = 0; i < sizeof(map) / sizeof(*map); i++)
		if (map[i].e == e)
			return map[i].st;
	return WRIT_IO;
}

static int
open_beneath(int dir, const char *path, uint64_t flags, uint64_t mode)
{
	struct open_how how = { .flags = flags | O_CLOEXEC | O_NOFOLLOW,
		.mode = mode, .resolve = WALLS };
	long fd = -1;
	int i;

	for (i = 0; i < TRIES; i++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EINTR && errno != EAGAIN))
			break;
	}
	return (int)fd;
}

/* A name in an open directory: what all *at calls of the kernel are given. */
struct spot {
	int dir;
	int opened;		/* dir, if it is to be closed */
	const char *name;
	char path[WRIT_PATH_MAX + 1];
};

static void
spot_release(struct spot *s)
{
	if (s->opened >= 0)
		close(s->opened);
	s->opened = -1;
}

static enum writ_status
spot_find(struct writ_fs_place at, struct spot *s)
{
	enum writ_status st = writ_str_cstr(at.path, s->path, sizeof(s->path));
	char *slash;

	s->dir = at.dir->fd;
	s->opened = -1;
	if (st != WRIT_OK)
		return st;
	if (!at.path.len)
		return WRIT_INVALID;
	slash = strrchr(s->path, '/');
	s->name = slash ? slash + 1 : s->path;
	if (!slash)
		return WRIT_OK;
	*slash = 0;
	s->opened = open_beneath(at.dir->fd, s->path, O_PATH | O_DIRECTORY, 0);
	if (s->opened < 0)
		return status(errno);
	s->dir = s->opened;
	return WRIT_OK;
}

static struct writ_time
time_from(const struct statx_timestamp *t)
{
	return (struct writ_time){ t->tv_sec, t->tv_nsec };
}

static enum writ_node_type
type_from(unsigned mode)
{
	return S_ISREG(mode) ? WRIT_NODE_REGULAR :
	    S_ISDIR(mode) ? WRIT_NODE_DIRECTORY :
	    S_ISLNK(mode) ? WRIT_NODE_SYMLINK : WRIT_NODE_UNKNOWN;
}

static enum writ_status
look(int dir, const char *name, struct writ_fs_meta *out, uint64_t *mount)
{
	struct statx x;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT |
	    (*name ? 0 : AT_EMPTY_PATH), STATX_BASIC_STATS | STATX_MNT_ID, &x))
		return status(errno);
	if (!(x.stx_mask & STATX_MNT_ID))
		return WRIT_UNSUPPORTED;
	*out = (struct writ_fs_meta){
		.type = type_from(x.stx_mode),
		.device = makedev(x.stx_dev_major, x.stx_dev_minor),
		.inode = x.stx_ino,
		.links = x.stx_nlink,
		.size = x.stx_size,
		.atime = time_from(&x.stx_atime),
		.mtime = time_from(&x.stx_mtime),
		.ctime = time_from(&x.stx_ctime),
	};
	*mount = x.stx_mnt_id;
	return WRIT_OK;
}

static enum writ_status
host_stat(void *store, struct writ_fs_node *node, struct writ_fs_meta *out)
{
	uint64_t mount;

	return look(node->fd, "", out, &mount);
}

static enum writ_status
host_peek(void *store, struct writ_fs_place at, struct writ_fs_meta *out)
{
	const struct host *h = store;
	char path[WRIT_PATH_MAX + 1];
	writ_auto_fd fd = -1;
	uint64_t mount;
	enum writ_status st = writ_str_cstr(at.path, path, sizeof(path));

	if (st != WRIT_OK)
		return st;
	/* One component is looked at in place; what is mounted there shows by its
	 * mount. */
	if (!strchr(path, '/')) {
		st = look(at.dir->fd, path, out, &mount);
		return st == WRIT_OK && mount != h->mount ? WRIT_DENIED : st;
	}
	fd = open_beneath(at.dir->fd, path, O_PATH, 0);
	if (fd < 0)
		return status(errno);
	return look(fd, "", out, &mount);
}

static int
access_mode(const struct writ_fs_how *how)
{
	return how->write ? (how->read ? O_RDWR : O_WRONLY) : O_RDONLY;
}

static int
open_as(struct writ_fs_place at, const char *path, const struct writ_fs_how *how)
{
	uint64_t flags = (uint64_t)access_mode(how);

	if (how->directory)
		return open_beneath(at.dir->fd, *path ? path : ".",
		    O_PATH | O_DIRECTORY, 0);
	if (how->sync)
		flags |= O_SYNC;
	if (how->data_sync)
		flags |= O_DSYNC;
	if (how->create)
		flags |= O_CREAT | O_EXCL;
	/* Should it have become a FIFO or a terminal: neither wait nor adopt it. */
	return open_beneath(at.dir->fd, path, flags | O_NONBLOCK | O_NOCTTY,
	    how->create ? 0644 : 0);
}

static enum writ_status
host_open(void *store, struct writ_fs_place at, const struct writ_fs_how *how,
    struct writ_fs_node **out, struct writ_fs_meta *meta)
{
	writ_auto_mem struct writ_fs_node *node = writ_alloc(1, sizeof(*node));
	char path[WRIT_PATH_MAX + 1];
	writ_auto_fd fd = -1;
	struct writ_fs_meta found;
	uint64_t mount;
	enum writ_status st = writ_str_cstr(at.path, path, sizeof(path));

	if (st != WRIT_OK)
		return st;
	if (!node)
		return WRIT_NOMEM;
	fd = open_as(at, path, how);
	if (fd < 0)
		return status(errno);
	st = look(fd, "", &found, &mount);
	if (st != WRIT_OK)
		return st;
	if (how->directory != (found.type == WRIT_NODE_DIRECTORY))
		return how->directory ? WRIT_NOTDIR : WRIT_ISDIR;
	if (!how->directory && found.type != WRIT_NODE_REGULAR)
		return WRIT_DENIED;
	node->fd = writ_steal_fd(&fd);
	node->mode = access_mode(how);
	*meta = found;
	*out = writ_steal(&node);
	return WRIT_OK;
}

static void
host_close(void *store, struct writ_fs_node *node)
{
	close(node->fd);
	writ_mem_free(node);
}

static enum writ_status
host_read(void *store, struct writ_fs_node *node, uint64_t offset, uint8_t *p,
    size_t n, size_t *got)
{
	ssize_t r = -1;
	int i;

	for (i = 0; i < TRIES; i++) {
		r = pread(node->fd, p, n, (off_t)offset);
		if (r >= 0 || errno != EINTR)
			break;
	}
	if (r < 0)
		return status(errno);
	*got = (size_t)r;
	return WRIT_OK;
}

static enum writ_status
put_bytes(int fd, off_t offset, const uint8_t *p, size_t n, int flags, size_t *put)
{
	struct iovec iov = { .iov_len = n };
	ssize_t r = -1;
	int i;

	/* iovec has no const form; pwritev2 only reads. */
	memcpy(&iov.iov_base, &p, sizeof(p));
	for (i = 0; i < TRIES; i++) {
		r = pwritev2(fd, &iov, 1, offset, flags);
		if (r >= 0 || errno != EINTR)
			break;
	}
	if (r < 0)
		return status(errno);
	*put = (size_t)r;
	return r || !n ? WRIT_OK : WRIT_NOSPC;
}

static enum writ_status
host_write(void *store, struct writ_fs_node *node, uint64_t offset,
    const uint8_t *p, size_t n, size_t *put)
{
	return put_bytes(node->fd, (off_t)offset, p, n, 0, put);
}

static enum writ_status
host_append(void *store, struct writ_fs_node *node, const uint8_t *p, size_t n,
    size_t *put)
{
	return put_bytes(node->fd, 0, p, n, RWF_APPEND, put);
}

static enum writ_status
host_set_size(void *store, struct writ_fs_node *node, uint64_t size)
{
	return ftruncate(node->fd, (off_t)size) ? status(errno) : WRIT_OK;
}

static struct timespec
timespec_from(enum writ_time_how how, struct writ_time t)
{
	if (how == WRIT_TIME_SET)
		return (struct timespec){ t.s, t.ns };
	return (struct timespec){ 0,
		how == WRIT_TIME_NOW ? UTIME_NOW : UTIME_OMIT };
}

static enum writ_status
set_times(int dir, const char *name, const struct writ_fs_times *times)
{
	struct timespec ts[2] = {
		timespec_from(times->atime_how, times->atime),
		timespec_from(times->mtime_how, times->mtime)
	};

	return utimensat(dir, name, ts, AT_SYMLINK_NOFOLLOW |
	    (*name ? 0 : AT_EMPTY_PATH)) ? status(errno) : WRIT_OK;
}

static enum writ_status
host_set_times(void *store, struct writ_fs_node *node,
    const struct writ_fs_times *times)
{
	return set_times(node->fd, "", times);
}

/* A readable descriptor of an open directory. */
static int
reopen(const struct writ_fs_node *dir)
{
	return open_beneath(dir->fd, ".", O_RDONLY | O_DIRECTORY, 0);
}

static enum writ_status
host_sync(void *store, struct writ_fs_node *node, bool data_only)
{
	writ_auto_fd again = -1;
	int flags = fcntl(node->fd, F_GETFL), fd = node->fd;

	if (flags < 0)
		return status(errno);
	if (flags & O_PATH) {
		again = reopen(node);
		if (again < 0)
			return status(errno);
		fd = again;
	}
	return (data_only ? fdatasync(fd) : fsync(fd)) ? status(errno) : WRIT_OK;
}

static enum writ_node_type
entry_type(int dir, const struct dirent64 *d)
{
	struct writ_fs_meta meta;
	uint64_t mount;

	switch (d->d_type) {
	case DT_REG:
		return WRIT_NODE_REGULAR;
	case DT_DIR:
		return WRIT_NODE_DIRECTORY;
	case DT_LNK:
		return WRIT_NODE_SYMLINK;
	case DT_UNKNOWN:
		return look(dir, d->d_name, &meta, &mount) == WRIT_OK ?
		    meta.type : WRIT_NODE_UNKNOWN;
	default:
		return WRIT_NODE_UNKNOWN;
	}
}

static enum writ_status
host_list(void *store, struct writ_fs_node *dir,
    enum writ_status (*each)(void *ctx, enum writ_node_type type,
    struct writ_str name), void *ctx)
{
	writ_auto_fd fd = reopen(dir);
	writ_auto_mem char *buf = NULL;
	enum writ_status st = WRIT_OK;
	const struct dirent64 *d;
	ssize_t n = 0, at = 0;

	if (fd < 0)
		return status(errno);
	buf = writ_alloc(DENTS_LEN, 1);
	if (!buf)
		return WRIT_NOMEM;
	while (st == WRIT_OK) {
		if (at == n) {
			n = getdents64(fd, buf, DENTS_LEN);
			at = 0;
			/* ENOENT: the directory was removed; it is empty. */
			if (n <= 0)
				return n && errno != ENOENT ? status(errno) :
				    WRIT_OK;
		}
		d = (const struct dirent64 *)(const void *)(buf + at);
		at += d->d_reclen;
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			st = each(ctx, entry_type(fd, d),
			    writ_str_from(d->d_name));
	}
	return st;
}

static enum writ_status
host_set_times_at(void *store, struct writ_fs_place at,
    const struct writ_fs_times *times)
{
	struct spot s;
	enum writ_status st;

	if (!at.path.len)
		return set_times(at.dir->fd, "", times);
	st = spot_find(at, &s);
	if (st == WRIT_OK)
		st = set_times(s.dir, s.name, times);
	spot_release(&s);
	return st;
}

static enum writ_status
host_mkdir(void *store, struct writ_fs_place at)
{
	struct spot s;
	enum writ_status st = spot_find(at, &s);

	if (st == WRIT_OK && mkdirat(s.dir, s.name, 0755))
		st = status(errno);
	spot_release(&s);
	return st;
}

static enum writ_status
remove_name(struct writ_fs_place at, int flags)
{
	struct spot s;
	enum writ_status st = spot_find(at, &s);

	if (st == WRIT_OK && unlinkat(s.dir, s.name, flags))
		st = errno == EEXIST ? WRIT_NOTEMPTY : status(errno);
	spot_release(&s);
	return st;
}

static enum writ_status
host_rmdir(void *store, struct writ_fs_place at)
{
	return remove_name(at, AT_REMOVEDIR);
}

static enum writ_status
host_unlink(void *store, struct writ_fs_place at)
{
	return remove_name(at, 0);
}

static enum writ_status
two_names(struct writ_fs_place from, struct writ_fs_place to,
    int (*call)(int dir, const char *name, int dir2, const char *name2))
{
	struct spot a, b;
	enum writ_status st = spot_find(from, &a);

	if (st != WRIT_OK) {
		spot_release(&a);
		return st;
	}
	st = spot_find(to, &b);
	if (st == WRIT_OK && call(a.dir, a.name, b.dir, b.name))
		st = status(errno);
	spot_release(&a);
	spot_release(&b);
	return st;
}

static int
call_rename(int dir, const char *name, int dir2, const char *name2)
{
	int r = renameat(dir, name, dir2, name2);

	if (r && errno == EEXIST)
		errno = ENOTEMPTY;
	return r;
}

static int
call_link(int dir, const char *name, int dir2, const char *name2)
{
	return linkat(dir, name, dir2, name2, 0);
}

static enum writ_status
host_rename(void *store, struct writ_fs_place from, struct writ_fs_place to)
{
	return two_names(from, to, call_rename);
}

static enum writ_status
host_link(void *store, struct writ_fs_place from, struct writ_fs_place to)
{
	return two_names(from, to, call_link);
}

static enum writ_status
host_symlink(void *store, struct writ_str target, struct writ_fs_place at)
{
	char text[WRIT_PATH_MAX + 1];
	struct spot s;
	enum writ_status st = writ_str_cstr(target, text, sizeof(text));

	if (st != WRIT_OK)
		return st;
	st = spot_find(at, &s);
	if (st == WRIT_OK && symlinkat(text, s.dir, s.name))
		st = status(errno);
	spot_release(&s);
	return st;
}

static enum writ_status
host_readlink(void *store, struct writ_fs_place at, char *p, size_t cap,
    size_t *len)
{
	char text[WRIT_PATH_MAX + 1];
	struct spot s;
	enum writ_status st = spot_find(at, &s);
	ssize_t n = 0;

	if (st == WRIT_OK) {
		n = readlinkat(s.dir, s.name, text, sizeof(text));
		if (n < 0)
			st = errno == EINVAL ? WRIT_NOTSYMLINK : status(errno);
	}
	spot_release(&s);
	if (st != WRIT_OK)
		return st;
	if ((size_t)n > cap || (size_t)n == sizeof(text))
		return WRIT_OVERFLOW;
	memcpy(p, text, (size_t)n);
	*len = (size_t)n;
	return WRIT_OK;
}

static void
host_fd(void *store, const struct writ_fs_node *node, int *fd, int *mode)
{
	*mode = node->mode;
	*fd = node->fd;
}

static struct writ_fs_node *
host_root(void *store)
{
	return &((struct host *)store)->root;
}

static void
host_free(void *store)
{
	struct host *h = store;

	if (!h)
		return;
	close(h->root.fd);
	writ_mem_free(h);
}

static const struct writ_fs_backend host = {
	.name = "host",
	.root = host_root,
	.free = host_free,
	.peek = host_peek,
	.open = host_open,
	.close = host_close,
	.stat = host_stat,
	.read = host_read,
	.write = host_write,
	.append = host_append,
	.set_size = host_set_size,
	.set_times = host_set_times,
	.sync = host_sync,
	.list = host_list,
	.set_times_at = host_set_times_at,
	.mkdir = host_mkdir,
	.rmdir = host_rmdir,
	.unlink = host_unlink,
	.rename = host_rename,
	.link = host_link,
	.symlink = host_symlink,
	.readlink = host_readlink,
	.fd = host_fd,
};

/* Slashes and dots at the end would make O_NOFOLLOW look behind a link. */
static size_t
plain_len(const char *path)
{
	size_t n = strlen(path);

	for (;;) {
		if (n > 1 && path[n - 1] == '/')
			n--;
		else if (n > 2 && path[n - 1] == '.' && path[n - 2] == '/')
			n -= 2;
		else
			return n ? n : strlen(path);
	}
}

enum writ_status
writ_fs_host_root(const char *path, int *fd, struct writ_err *err)
{
	writ_auto_mem char *plain = NULL;
	struct stat sb;
	writ_auto_fd got = -1;

	if (!*path)
		return writ_fail(err, WRIT_INVALID, "host directory: empty path");
	plain = writ_memdup(path, plain_len(path));
	if (!plain)
		return writ_fail(err, WRIT_NOMEM, "host directory %s", path);
	got = open(plain, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (got < 0 || fstat(got, &sb))
		return writ_fail(err, status(errno), "host directory %s: %s",
		    path, strerror(errno));
	if (S_ISLNK(sb.st_mode))
		return writ_fail(err, WRIT_LOOP, "host directory %s: it is a "
		    "symbolic link; name the directory itself", path);
	if (!S_ISDIR(sb.st_mode))
		return writ_fail(err, WRIT_NOTDIR,
		    "host directory %s: it is not a directory", path);
	*fd = writ_steal_fd(&got);
	return WRIT_OK;
}

enum writ_status
writ_fs_host_new(int root_fd, struct writ_fs_store *out, struct writ_err *err)
{
	writ_auto_fd fd = root_fd;
	writ_auto_fd probe = open_beneath(root_fd, ".", O_PATH | O_DIRECTORY, 0);
	int e = errno;
	struct writ_fs_meta meta;
	struct host *h;
	uint64_t mount;
	enum writ_status st;

	if (probe < 0)
		return writ_fail(err, e == ENOSYS ? WRIT_UNSUPPORTED : status(e),
		    "host directory: openat2: %s", strerror(e));
	st = look(fd, "", &meta, &mount);
	if (st == WRIT_OK && meta.type != WRIT_NODE_DIRECTORY)
		st = WRIT_NOTDIR;
	if (st != WRIT_OK)
		return writ_fail(err, st, "host directory: %s",
		    writ_status_name(st));
	h = writ_alloc(1, sizeof(*h));
	if (!h)
		return writ_fail(err, WRIT_NOMEM, "host directory");
	h->root.fd = writ_steal_fd(&fd);
	h->mount = mount;
	*out = (struct writ_fs_store){ &host, h };
	return WRIT_OK;
}
