#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>

#include "jail/parts.h"

#define NOBODY 65534u

void
writ_jail_args(unsigned without, struct writ_jail_args *out)
{
	bool root = geteuid() == 0;

	if (without & WRIT_WALL_UNPRIVILEGED)
		root = false;
	snprintf(out->walls, sizeof(out->walls), "%u", without);
	snprintf(out->uid, sizeof(out->uid), "%u",
	    root ? NOBODY : (unsigned)geteuid());
	snprintf(out->gid, sizeof(out->gid), "%u",
	    root ? NOBODY : (unsigned)getegid());
}

/* The id in variable `name`; 0 when unset and `optional`. */
static enum writ_status
env_id(const char *name, bool optional, unsigned *id, struct writ_err *err)
{
	const char *text = getenv(name);
	uint64_t v = 0;

	if (!text && optional) {
		*id = 0;
		return WRIT_OK;
	}
	if (!text)
		return writ_fail(err, WRIT_INVALID, "%s is not set", name);
	if (writ_str_u64(writ_str_from(text), UINT32_MAX - 1, &v) != WRIT_OK)
		return writ_fail(err, WRIT_INVALID, "%s is not a number", name);
	*id = (unsigned)v;
	return WRIT_OK;
}

/* sudo leaves root's HOME; state and cache belong to the user.  The file itself is read: no
 * name service is loaded into a static program that was started by root. */
static void
set_home(uid_t uid)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *pw;

	if (!f)
		return;
	while ((pw = fgetpwent(f)))
		if (pw->pw_uid == uid && pw->pw_dir && pw->pw_dir[0] == '/') {
			setenv("HOME", pw->pw_dir, 1);
			break;
		}
	fclose(f);
}

static enum writ_status
drop_to_sudo(unsigned uid, struct writ_err *err)
{
	unsigned gid;
	enum writ_status st = env_id("SUDO_GID", false, &gid, err);

	if (st == WRIT_OK && gid == 0)
		return writ_fail(err, WRIT_INVALID,
		    "SUDO_GID is 0 but SUDO_UID is not");
	if (st == WRIT_OK)
		st = writ_jail_user_apply(uid, gid, err);
	if (st == WRIT_OK)
		set_home(uid);
	return st;
}

static enum writ_status
drop_root(unsigned uid, enum writ_jail_drop *how, struct writ_err *err)
{
	const uint64_t keep = 1ull << CAP_SETUID | 1ull << CAP_SETGID |
	    1ull << CAP_KILL;

	if (uid) {
		*how = WRIT_DROP_SUDO;
		return drop_to_sudo(uid, err);
	}
	*how = WRIT_DROP_ROOT;
	return writ_jail_user_caps(keep, err);
}

enum writ_status
writ_jail_broker_drop(enum writ_jail_drop *how, struct writ_err *err)
{
	enum writ_jail_drop done = WRIT_DROP_NONE;
	enum writ_status st = WRIT_OK;
	unsigned uid;

	if (geteuid() == 0) {
		st = env_id("SUDO_UID", true, &uid, err);
		if (st == WRIT_OK)
			st = drop_root(uid, &done, err);
	}
	if (st == WRIT_OK)
		st = writ_jail_nnp_apply(err);
#ifndef WRIT_SANITIZE
	if (st == WRIT_OK)
		st = writ_jail_dump_apply(err);
#endif
	if (st == WRIT_OK)
		*how = done;
	return st;
}
