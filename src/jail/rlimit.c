#include <errno.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "jail/parts.h"

#define SAME RLIM_INFINITY	/* leave it as it is */

/* Soft and hard alike, never above what the process had. */
static const struct {
	int what;
	const char *name;
	rlim_t worker, compiler, front, net;
} table[] = {
	/* resource        name       worker, compiler, front, net */
	{ RLIMIT_CORE,     "core",     0, 0, 0, 0 },
	{ RLIMIT_DATA,     "data",     SAME, WRIT_COMPILE_DATA_MAX,
	    WRIT_FRONT_DATA_MAX, WRIT_FRONT_DATA_MAX },
	{ RLIMIT_NOFILE,   "nofile",   WRIT_FS_HANDLES_MAX + 64, 64,
	    2 * WRIT_CLIENTS_MAX, 4 * WRIT_HTTP_EXCHANGES_MAX },
	{ RLIMIT_FSIZE,    "fsize",    SAME, WRIT_CODE_MAX, SAME, 0 },
	{ RLIMIT_CPU,      "cpu",      SAME, WRIT_COMPILE_MS_MAX / 1000, SAME,
	    SAME },
	{ RLIMIT_MEMLOCK,  "memlock",  0, 0, 0, SAME },	/* secrets are locked */
	{ RLIMIT_MSGQUEUE, "msgqueue", 0, 0, 0, 0 },
	{ RLIMIT_RTPRIO,   "rtprio",   0, 0, 0, 0 },
};

bool
writ_jail_rlimit_offer(char *what, size_t cap)
{
	snprintf(what, cap, "memory, open files and processes are bounded; no "
	    "core dumps");
	return true;
}

static enum writ_status
lower(int what, const char *name, rlim_t to, struct writ_err *err)
{
	struct rlimit now;

#ifdef WRIT_SANITIZE
	if (what == RLIMIT_DATA)
		return WRIT_OK;	/* the runtime's shadow counts as data */
#endif
	if (getrlimit((__rlimit_resource_t)what, &now))
		return writ_fail(err, WRIT_IO, "wall rlimits: %s: %s", name,
		    strerror(errno));
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < to)
		to = now.rlim_max;
	now.rlim_cur = now.rlim_max = to;
	if (setrlimit((__rlimit_resource_t)what, &now))
		return writ_fail(err, WRIT_IO, "wall rlimits: %s: %s", name,
		    strerror(errno));
	return WRIT_OK;
}

enum writ_status
writ_jail_rlimit_apply(enum writ_jail_role role, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	size_t i;

	for (i = 0; st == WRIT_OK && i < sizeof(table) / sizeof(table[0]); i++) {
		rlim_t to = role == WRIT_JAIL_WORKER ||
		    role == WRIT_JAIL_SERVE ? table[i].worker :
		    role == WRIT_JAIL_FRONT ? table[i].front :
		    role == WRIT_JAIL_NET ? table[i].net : table[i].compiler;

		if (to != SAME)
			st = lower(table[i].what, table[i].name, to, err);
	}
	return st;
}

enum writ_status
writ_jail_rlimit_shut(struct writ_err *err)
{
	return lower(RLIMIT_NPROC, "nproc", 0, err);
}

bool
writ_jail_rlimit_holds(void)
{
	struct rlimit core = { 1, 1 }, nproc = { 1, 1 };

	return !getrlimit(RLIMIT_CORE, &core) && core.rlim_max == 0 &&
	    !getrlimit(RLIMIT_NPROC, &nproc) && nproc.rlim_max == 0;
}

enum writ_status
writ_jail_cap_memory(uint64_t bytes, struct writ_err *err)
{
	return lower(RLIMIT_DATA, "data", bytes, err);
}
