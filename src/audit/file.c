/* file.c - see file.h. */
#include "audit/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit/line.h"
#include "base/buf.h"
#include "base/limits.h"

static enum writ_status
open_failed(const char *path, struct writ_err *err)
{
	enum writ_status st = WRIT_IO;

	if (errno == ELOOP)
		return writ_fail(err, WRIT_LOOP,
		    "audit log %s: is a symbolic link", path);
	if (errno == EROFS)
		st = WRIT_ROFS;
	return writ_fail(err, st, "audit log %s: %s", path, strerror(errno));
}

/* Nobody else may be able to write, and nothing but a file keeps a chain. */
static enum writ_status
check_file(int fd, const char *path, uint64_t *size, struct writ_err *err)
{
	struct stat sb;

	if (fstat(fd, &sb))
		return writ_fail(err, WRIT_IO, "audit log %s: %s", path,
		    strerror(errno));
	if (!S_ISREG(sb.st_mode))
		return writ_fail(err, WRIT_INVALID,
		    "audit log %s: is not a regular file", path);
	if (sb.st_uid != geteuid())
		return writ_fail(err, WRIT_INVALID,
		    "audit log %s: belongs to another user", path);
	if (sb.st_mode & 022)
		return writ_fail(err, WRIT_INVALID,
		    "audit log %s: others may write it (mode %03o)", path,
		    (unsigned)(sb.st_mode & 0777));
	*size = (uint64_t)sb.st_size;
	return WRIT_OK;
}

/* Exactly n bytes from `at`. */
static bool
read_all(int fd, char *p, size_t n, uint64_t at)
{
	ssize_t got;

	while (n) {
		got = pread(fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return true;
}

/* The last line of the file's tail: what stands behind the line end before it. */
static enum writ_status
last_line(struct writ_str tail, bool is_whole, struct writ_str *line,
    const char **why)
{
	const char *nl;

	if (tail.ptr[tail.len - 1] != '\n') {
		*why = "is torn (no line end)";
		return WRIT_INVALID;
	}
	tail.len--;
	nl = tail.len ? memrchr(tail.ptr, '\n', tail.len) : NULL;
	if (nl) {
		*line = writ_str_skip(tail, (size_t)(nl + 1 - tail.ptr));
		return WRIT_OK;
	}
	if (!is_whole) {
		*why = "is too long";
		return WRIT_INVALID;
	}
	*line = tail;
	return WRIT_OK;
}

static enum writ_status
continue_chain(struct writ_audit_file *f, const char *path, struct writ_err *err)
{
	size_t n = f->size < WRIT_AUDIT_RECORD_MAX + 1 ? (size_t)f->size :
	    WRIT_AUDIT_RECORD_MAX + 1;
	struct writ_audit_link link;
	struct writ_str line;
	writ_auto_mem char *tail = NULL;
	const char *why = NULL;

	if (n == 0)
		return WRIT_OK;
	tail = writ_alloc(n, 1);
	if (!tail)
		return writ_fail(err, WRIT_NOMEM, "audit log");
	if (!read_all(f->fd, tail, n, f->size - n))
		return writ_fail(err, WRIT_IO, "audit log %s: cannot be read",
		    path);
	if (last_line(writ_str(tail, n), n == f->size, &line, &why) != WRIT_OK ||
	    writ_audit_line_check(line, &link, &why) != WRIT_OK)
		return writ_fail(err, WRIT_INVALID, "audit log %s cannot be "
		    "continued: the last record %s; move the file away to "
		    "begin a new one", path, why);
	f->seq = link.seq;
	f->last = link.hash;
	return WRIT_OK;
}

enum writ_status
writ_audit_file_open(const char *path, struct writ_audit_file *f,
    struct writ_err *err)
{
	writ_auto_fd fd = -1;
	struct writ_audit_file got = { 0 };
	enum writ_status st;

	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
	    O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0)
		return open_failed(path, err);
	st = check_file(fd, path, &got.size, err);
	if (st != WRIT_OK)
		return st;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			return writ_fail(err, WRIT_BUSY,
			    "audit log %s: another writer has it", path);
		return writ_fail(err, WRIT_IO, "audit log %s: lock: %s", path,
		    strerror(errno));
	}
	/* Again: the last writer may have been at work until now. */
	st = check_file(fd, path, &got.size, err);
	if (st != WRIT_OK)
		return st;
	got.fd = fd;
	st = continue_chain(&got, path, err);
	if (st != WRIT_OK)
		return st;
	*f = got;
	writ_steal_fd(&fd);
	return WRIT_OK;
}

enum writ_status
writ_audit_file_append(struct writ_audit_file *f, struct writ_str line,
    const struct writ_digest *hash, bool durable, struct writ_err *err)
{
	const char *why;
	ssize_t n;

	if (f->broken)
		return writ_fail(err, WRIT_IO,
		    "audit log: closed after an earlier failure");
	do
		n = write(f->fd, line.ptr, line.len);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n != line.len) {
		why = n < 0 ? strerror(errno) : "no room for the whole record";
		if (n > 0 && ftruncate(f->fd, (off_t)f->size))
			f->broken = true;
		return writ_fail(err, WRIT_IO, "audit log: %s", why);
	}
	f->size += line.len;
	f->seq++;
	f->last = *hash;
	/* After a failed sync nobody knows what the disk holds. */
	if (durable && fdatasync(f->fd)) {
		f->broken = true;
		return writ_fail(err, WRIT_IO, "audit log: sync: %s",
		    strerror(errno));
	}
	return WRIT_OK;
}

void
writ_audit_file_release(struct writ_audit_file *f)
{
	if (!f)
		return;
	writ_closep(&f->fd);
	f->fd = -1;
}
