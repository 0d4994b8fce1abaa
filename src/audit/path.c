/* path.c - the default place of a log; see audit.h. */
#include "audit/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "audit/line.h"
#include "base/limits.h"

bool
writ_audit_session_ok(struct writ_str s)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_.";
	size_t i;

	if (s.len == 0 || s.len > WRIT_AUDIT_SESSION_MAX || s.ptr[0] == '.')
		return false;
	for (i = 0; i < s.len; i++)
		if (!memchr(allowed, s.ptr[i], sizeof(allowed) - 1))
			return false;
	return true;
}

/* mkdir -p of an absolute path, 0700 for what is made. */
static enum writ_status
make_folders(char *path, struct writ_err *err)
{
	char *p = path, *slash;

	do {
		slash = strchr(p + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return writ_fail(err, errno == EROFS ? WRIT_ROFS :
			    WRIT_IO, "audit folder %s: %s", path,
			    strerror(errno));
		if (slash)
			*slash = '/';
		p = slash;
	} while (p);
	return WRIT_OK;
}

static enum writ_status
check_folder(const char *path, struct writ_err *err)
{
	writ_auto_fd fd = open(path,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat sb;

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return writ_fail(err, WRIT_INVALID,
		    "audit folder %s: is not a folder", path);
	if (fd < 0 || fstat(fd, &sb))
		return writ_fail(err, WRIT_IO, "audit folder %s: %s", path,
		    strerror(errno));
	if (sb.st_uid != geteuid())
		return writ_fail(err, WRIT_INVALID,
		    "audit folder %s: belongs to another user", path);
	if (sb.st_mode & 022)
		return writ_fail(err, WRIT_INVALID,
		    "audit folder %s: others may write it (mode %03o)", path,
		    (unsigned)(sb.st_mode & 0777));
	return WRIT_OK;
}

static enum writ_status
state_folder(char *out, size_t cap, struct writ_err *err)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	/* The specification: a path that is not absolute is ignored. */
	if (state && state[0] == '/')
		n = snprintf(out, cap, "%s/writ/audit", state);
	else if (home && home[0] == '/')
		n = snprintf(out, cap, "%s/.local/state/writ/audit", home);
	else
		return writ_fail(err, WRIT_NOENT, "audit log: neither "
		    "XDG_STATE_HOME nor HOME names a folder; give a file");
	if (n < 0 || (size_t)n >= cap)
		return writ_fail(err, WRIT_NAMETOOLONG,
		    "audit folder: its path is too long");
	return WRIT_OK;
}

enum writ_status
writ_audit_default_path(struct writ_str session, int64_t wall_ms, char *out,
    size_t cap, struct writ_err *err)
{
	char folder[WRIT_PATH_MAX + 1], time[WRIT_AUDIT_TIME_MAX];
	enum writ_status st;
	int n;

	if (!writ_audit_session_ok(session))
		return writ_fail(err, WRIT_INVALID,
		    "audit log: a malformed session id");
	st = state_folder(folder, sizeof(folder), err);
	if (st != WRIT_OK)
		return st;
	writ_audit_time(wall_ms, time);
	n = snprintf(NULL, 0, "%s/%.10s-%.*s.jsonl", folder, time,
	    WRIT_STR_ARG(session));
	if (n < 0 || (size_t)n >= cap)
		return writ_fail(err, WRIT_NAMETOOLONG,
		    "audit log: its path is too long");
	st = make_folders(folder, err);
	if (st == WRIT_OK)
		st = check_folder(folder, err);
	if (st != WRIT_OK)
		return st;
	snprintf(out, cap, "%s/%.10s-%.*s.jsonl", folder, time,
	    WRIT_STR_ARG(session));
	return WRIT_OK;
}
