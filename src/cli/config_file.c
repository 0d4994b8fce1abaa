#include "cli/config_file.h"

#include <errno.h>
#include <fcntl.h>

#include "base/limits.h"
#include "cli/cli.h"

static enum writ_status
name_parts(struct cli_file *f, const char *path, struct writ_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (strlen(path) >= sizeof(f->path))
		return writ_fail(err, WRIT_NAMETOOLONG, "%s: too long", path);
	memcpy(f->path, path, strlen(path) + 1);
	f->name = slash ? f->path + n + 1 : f->path;
	if (!*f->name || !strcmp(f->name, "..") || !strcmp(f->name, "."))
		return writ_fail(err, WRIT_INVALID, "%s: names no file", path);
	if (slash && n == 0)
		n = 1;
	memcpy(f->dir, slash ? path : ".", slash ? n : 1);
	f->dir[slash ? n : 1] = '\0';
	return WRIT_OK;
}

static enum writ_status
read_all(struct cli_file *f, int fd, struct writ_err *err)
{
	ssize_t n = 1;

	while (n > 0) {
		void *p = writ_buf_room(&f->text, 65536);

		if (!p)
			break;
		n = read(fd, p, 65536);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return writ_fail(err, WRIT_IO, "%s: %s", f->path,
			    strerror(errno));
		else
			writ_buf_grew(&f->text, (size_t)n);
	}
	return writ_buf_status(&f->text) == WRIT_OK ? WRIT_OK :
	    writ_fail(err, writ_buf_status(&f->text), "%s: more than %d bytes",
	    f->path, WRIT_JSON_MAX);
}

static enum writ_status
may_replace(const struct cli_file *f, struct writ_err *err)
{
	if (!S_ISREG(f->st.st_mode))
		return writ_fail(err, WRIT_DENIED, "%s: not a plain file",
		    f->path);
	if (f->st.st_uid != geteuid())
		return writ_fail(err, WRIT_DENIED, "%s: belongs to another "
		    "user", f->path);
	return WRIT_OK;
}

/* The folder, itself no link and ours; *fd -1 if there is none. */
static enum writ_status
open_folder(const struct cli_file *f, bool to_replace, int *fd,
    struct writ_err *err)
{
	writ_auto_fd dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
	    (to_replace ? O_NOFOLLOW : 0));
	struct stat st;

	if (dir < 0 && errno != ENOENT)
		return writ_fail(err, errno == ENOTDIR || errno == ELOOP ?
		    WRIT_DENIED : WRIT_IO, "%s: %s", f->dir,
		    errno == ENOTDIR || errno == ELOOP ?
		    "not a folder, or a symbolic link to one" :
		    strerror(errno));
	if (dir >= 0 && to_replace && (fstat(dir, &st) ||
	    st.st_uid != geteuid()))
		return writ_fail(err, WRIT_DENIED, "%s: the folder belongs to "
		    "another user", f->dir);
	*fd = writ_steal_fd(&dir);
	return WRIT_OK;
}

enum writ_status
cli_file_read(struct cli_file *f, const char *path, bool to_replace,
    struct writ_err *err)
{
	writ_auto_fd dir = -1;
	writ_auto_fd fd = -1;
	enum writ_status st;

	memset(f, 0, sizeof(*f));
	writ_buf_init(&f->text, WRIT_JSON_MAX + 65536);
	st = name_parts(f, path, err);
	if (st == WRIT_OK)
		st = open_folder(f, to_replace, &dir, err);
	if (st != WRIT_OK || dir < 0)
		return st;
	fd = openat(dir, f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
	    (to_replace ? O_NOFOLLOW : 0));
	if (fd < 0 && errno == ENOENT)
		return WRIT_OK;
	if (fd < 0)
		return writ_fail(err, errno == ELOOP ? WRIT_DENIED : WRIT_IO,
		    "%s: %s", f->path, errno == ELOOP ? "a symbolic link; give "
		    "the file itself with --config" : strerror(errno));
	if (fstat(fd, &f->st))
		return writ_fail(err, WRIT_IO, "%s: %s", f->path,
		    strerror(errno));
	f->there = true;
	st = to_replace ? may_replace(f, err) : WRIT_OK;
	return st == WRIT_OK ? read_all(f, fd, err) : st;
}

void
cli_file_release(struct cli_file *f)
{
	writ_buf_release(&f->text);
}

/* ---- replacing */

/* A new file of that name; nothing is left of one that could not be written. */
static enum writ_status
write_new(int dir, const char *name, mode_t mode, struct writ_str text,
    struct writ_err *err)
{
	writ_auto_fd fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return writ_fail(err, errno == EEXIST ? WRIT_EXIST : WRIT_IO,
		    "%s: %s", name, strerror(errno));
	if (cli_write(fd, text.ptr, text.len) && fsync(fd) == 0)
		return WRIT_OK;
	writ_fail(err, WRIT_IO, "%s: %s", name, strerror(errno));
	(void)unlinkat(dir, name, 0);
	return WRIT_IO;
}

static bool
unchanged(const struct cli_file *f, int dir)
{
	struct stat now;

	if (fstatat(dir, f->name, &now, AT_SYMLINK_NOFOLLOW))
		return !f->there && errno == ENOENT;
	return f->there && now.st_ino == f->st.st_ino &&
	    now.st_dev == f->st.st_dev && now.st_size == f->st.st_size &&
	    now.st_mtim.tv_sec == f->st.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec;
}

/* The old text under a name with the time. */
static enum writ_status
keep(const struct cli_file *f, int dir, char backup[CLI_BACKUP_MAX], struct writ_err *err)
{
	time_t now = time(NULL);
	char stamp[32], name[400];
	struct tm tm;
	enum writ_status st;

	backup[0] = '\0';
	if (!f->there)
		return WRIT_OK;
	if (!gmtime_r(&now, &tm) ||
	    !strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm))
		return writ_fail(err, WRIT_IO, "no time for a backup's name");
	snprintf(name, sizeof(name), "%s.backup-%s", f->name, stamp);
	st = write_new(dir, name, f->st.st_mode & 0777,
	    writ_buf_view(&f->text), err);
	if (st == WRIT_EXIST)
		return writ_fail(err, st, "%s: a backup of this second is "
		    "there already", name);
	if (st == WRIT_OK)
		snprintf(backup, CLI_BACKUP_MAX, "%s/%s", f->dir, name);
	return st;
}

enum writ_status
cli_file_replace(struct cli_file *f, struct writ_str text, char backup[CLI_BACKUP_MAX],
    struct writ_err *err)
{
	writ_auto_fd dir = -1;
	mode_t mode = f->there ? f->st.st_mode & 0777 : 0644;
	char name[400];
	enum writ_status st;

	if (mkdir(f->dir, 0755) && errno != EEXIST)
		return writ_fail(err, WRIT_IO, "%s: %s", f->dir,
		    strerror(errno));
	st = open_folder(f, true, &dir, err);
	if (st != WRIT_OK)
		return st;
	snprintf(name, sizeof(name), ".%s.writ-%d", f->name, (int)getpid());
	st = write_new(dir, name, mode, text, err);
	if (st != WRIT_OK)
		return st;
	if (!unchanged(f, dir))
		st = writ_fail(err, WRIT_BUSY, "%s: changed meanwhile; nothing "
		    "was written", f->path);
	if (st == WRIT_OK)
		st = keep(f, dir, backup, err);
	if (st == WRIT_OK && ((f->there && fchmodat(dir, name, mode, 0)) ||
	    renameat(dir, name, dir, f->name)))
		st = writ_fail(err, WRIT_IO, "%s: %s", f->path, strerror(errno));
	if (st != WRIT_OK)
		(void)unlinkat(dir, name, 0);
	else
		(void)fsync(dir);
	return st;
}
