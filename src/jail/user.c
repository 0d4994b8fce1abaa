#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "jail/parts.h"

#define NOBODY 65534
#define CAP_BITS 64

static bool
get_caps(struct __user_cap_data_struct d[2])
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };

	memset(d, 0, 2 * sizeof(*d));
	return !syscall(SYS_capget, &h, d);
}

static bool
has_cap(unsigned cap)
{
	struct __user_cap_data_struct d[2];

	return get_caps(d) && (d[cap / 32].effective >> cap % 32 & 1);
}

/* Whether `id` exists in this user namespace. */
static bool
mapped(const char *map, unsigned long id)
{
	unsigned long inside, outside, count;
	FILE *f = fopen(map, "re");
	bool yes = false;

	if (!f)
		return true;	/* no /proc: setresuid will tell */
	while (!yes && fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3)
		yes = id >= inside && id - inside < count;
	fclose(f);
	return yes;
}

bool
writ_jail_user_offer(char *what, size_t cap)
{
	if (geteuid() != 0) {
		snprintf(what, cap, "runs as user %u without capabilities",
		    (unsigned)geteuid());
		return true;
	}
	if (!has_cap(CAP_SETUID) || !has_cap(CAP_SETGID)) {
		snprintf(what, cap, "root without the capabilities setuid and "
		    "setgid cannot become another user: run as a user");
		return false;
	}
	if (!mapped("/proc/self/uid_map", NOBODY) ||
	    !mapped("/proc/self/gid_map", NOBODY)) {
		snprintf(what, cap, "user 65534 does not exist in this user "
		    "namespace: run as a user");
		return false;
	}
	snprintf(what, cap, "started by root, runs as user 65534 (nobody) "
	    "without groups or capabilities");
	return true;
}

enum writ_status
writ_jail_user_become(uid_t uid, gid_t gid, struct writ_err *err)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		return writ_fail(err, WRIT_IO,
		    "wall unprivileged: becoming user %u: %s", (unsigned)uid,
		    strerror(errno));
	return WRIT_OK;
}

enum writ_status
writ_jail_user_caps(uint64_t mask, struct writ_err *err)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];
	unsigned i;

	if (!get_caps(d))
		return writ_fail(err, WRIT_IO, "capabilities: %s",
		    strerror(errno));
	if (has_cap(CAP_SETPCAP))
		for (i = 0; i < CAP_BITS; i++)
			if (!(mask >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0,
			    0) && errno == EINVAL)
				break;	/* past the last one */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (i = 0; i < 2; i++) {
		d[i].permitted &= (uint32_t)(mask >> (32 * i));
		d[i].effective = d[i].permitted;
		d[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &h, d))
		return writ_fail(err, WRIT_IO, "capabilities: %s",
		    strerror(errno));
	return WRIT_OK;
}

enum writ_status
writ_jail_user_apply(uid_t uid, gid_t gid, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;

	if (uid == 0 || gid == 0)
		return writ_fail(err, WRIT_INVALID,
		    "wall unprivileged: user or group 0");
	if (geteuid() == 0)
		st = writ_jail_user_become(uid, gid, err);
	else if (geteuid() != uid || getegid() != gid)
		return writ_fail(err, WRIT_INVALID,
		    "wall unprivileged: not started by root");
	if (st == WRIT_OK)
		st = writ_jail_user_caps(0, err);
	if (st == WRIT_OK && !writ_jail_user_holds())
		return writ_fail(err, WRIT_IO,
		    "wall unprivileged: still privileged");
	return st;
}

bool
writ_jail_user_holds(void)
{
	struct __user_cap_data_struct d[2];
	uid_t r, e, s;
	gid_t rg, eg, sg;

	return !getresuid(&r, &e, &s) && r && e && s &&
	    !getresgid(&rg, &eg, &sg) && rg && eg && sg && get_caps(d) &&
	    !(d[0].permitted | d[0].effective | d[0].inheritable |
	    d[1].permitted | d[1].effective | d[1].inheritable);
}
