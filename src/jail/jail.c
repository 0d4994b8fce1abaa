#include "jail/parts.h"

static bool
env_offer(char *what, size_t cap)
{
	snprintf(what, cap, "the process has no environment variables");
	return true;
}

static bool
nnp_offer(char *what, size_t cap)
{
	snprintf(what, cap, "no program it could start would gain rights");
	return true;
}

static bool
dump_offer(char *what, size_t cap)
{
	snprintf(what, cap, "other processes of the same user cannot trace it "
	    "or read its memory");
	return true;
}

static bool
parent_offer(char *what, size_t cap)
{
	snprintf(what, cap, "it is killed when the broker ends");
	return true;
}

static bool
never_asked(void)
{
	return true;
}

/* `holds` is asked at the end of writ_jail_lock, just before the filter. */
static const struct {
	enum writ_wall wall;
	const char *name;
	bool (*offer)(char *what, size_t cap);
	bool (*holds)(void);
} walls[WRIT_WALLS_COUNT] = {
	{ WRIT_WALL_NO_NEW_PRIVS, "no-new-privs", nnp_offer,
	    writ_jail_nnp_holds },
	{ WRIT_WALL_SECCOMP, "seccomp", writ_jail_seccomp_offer, never_asked },
	{ WRIT_WALL_LANDLOCK, "landlock", writ_jail_landlock_offer,
	    writ_jail_landlock_holds },
	{ WRIT_WALL_RLIMITS, "rlimits", writ_jail_rlimit_offer,
	    writ_jail_rlimit_holds },
	{ WRIT_WALL_ENVIRONMENT, "environment", env_offer, writ_jail_env_holds },
	{ WRIT_WALL_FDS, "fds", writ_jail_fds_offer, never_asked },
	{ WRIT_WALL_UNPRIVILEGED, "unprivileged", writ_jail_user_offer,
	    writ_jail_user_holds },
	{ WRIT_WALL_DUMPABLE, "dumpable", dump_offer, writ_jail_dump_holds },
	{ WRIT_WALL_PARENT_DEATH, "parent-death", parent_offer,
	    writ_jail_parent_holds },
};

const char *
writ_jail_name(unsigned wall)
{
	size_t i;

	for (i = 0; i < WRIT_WALLS_COUNT; i++)
		if ((unsigned)walls[i].wall == wall)
			return walls[i].name;
	return "?";
}

static enum writ_status
parse_one(struct writ_str name, unsigned *mask, struct writ_err *err)
{
	size_t i;

	for (i = 0; i < WRIT_WALLS_COUNT; i++) {
		if (!writ_str_is(name, walls[i].name))
			continue;
		if (*mask & (unsigned)walls[i].wall)
			return writ_fail(err, WRIT_INVALID,
			    "wall %s is named twice", walls[i].name);
		*mask |= (unsigned)walls[i].wall;
		return WRIT_OK;
	}
	return writ_fail(err, WRIT_INVALID, "no wall is called \"%.*s\"; there "
	    "are no-new-privs, seccomp, landlock, rlimits, environment, fds, "
	    "unprivileged, dumpable, parent-death", WRIT_STR_ARG(name));
}

enum writ_status
writ_jail_parse(struct writ_str names, unsigned *mask, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	unsigned all = 0;
	bool more = names.len > 0;

	while (st == WRIT_OK && more) {
		bool comma = memchr(names.ptr, ',', names.len) != NULL;
		struct writ_str one = writ_str_cut(names, ',', &names);

		st = parse_one(one, &all, err);
		if (st == WRIT_OK && comma && !names.len)
			st = parse_one(names, &all, err);
		more = names.len > 0;
	}
	if (st == WRIT_OK)
		*mask = all;
	return st;
}

void
writ_jail_offers(struct writ_jail_offer out[WRIT_WALLS_COUNT])
{
	size_t i;

	for (i = 0; i < WRIT_WALLS_COUNT; i++) {
		out[i].wall = (unsigned)walls[i].wall;
		out[i].offered = walls[i].offer(out[i].what,
		    sizeof(out[i].what));
	}
}

enum writ_status
writ_jail_check(unsigned without, struct writ_err *err)
{
	char what[sizeof(((struct writ_jail_offer *)0)->what)];
	size_t i;

	for (i = 0; i < WRIT_WALLS_COUNT; i++)
		if (!(without & (unsigned)walls[i].wall) &&
		    !walls[i].offer(what, sizeof(what)))
			return writ_fail(err, WRIT_UNSUPPORTED, "wall %s is "
			    "missing: %s (--without-wall=%s runs without it)",
			    walls[i].name, what, walls[i].name);
	return WRIT_OK;
}

/* ---- in the jailed program */

static enum writ_status
arg_number(const char *text, uint64_t max, unsigned *out, struct writ_err *err)
{
	uint64_t v = 0;

	if (!text || writ_str_u64(writ_str_from(text), max, &v) != WRIT_OK)
		return writ_fail(err, WRIT_INVALID,
		    "this program is started by writ, not by hand");
	*out = (unsigned)v;
	return WRIT_OK;
}

enum writ_status
writ_jail_args_without(char **argv, unsigned *without, struct writ_err *err)
{
	return arg_number(argv[1], WRIT_WALLS_ALL, without, err);
}

struct begin {
	enum writ_jail_role role;
	unsigned without, uid, gid;
	pid_t parent;
};

static bool
wanted(const struct begin *b, enum writ_wall wall)
{
	return !(b->without & (unsigned)wall);
}

/* The order matters: fds need a free number, dropping the user clears the parent's signal,
 * Landlock needs no_new_privs. */
static enum writ_status
begin_walls(const struct begin *b, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;

	if (wanted(b, WRIT_WALL_ENVIRONMENT))
		writ_jail_env_apply();
	if (wanted(b, WRIT_WALL_FDS))
		st = writ_jail_fds_apply(b->role == WRIT_JAIL_WORKER ||
		    b->role == WRIT_JAIL_NET ? 3 :
		    b->role == WRIT_JAIL_SERVE ? 4 : 5, err);
	if (st == WRIT_OK && wanted(b, WRIT_WALL_RLIMITS))
		st = writ_jail_rlimit_apply(b->role, err);
	if (st == WRIT_OK && wanted(b, WRIT_WALL_UNPRIVILEGED))
		st = writ_jail_user_apply(b->uid, b->gid, err);
	if (st == WRIT_OK && wanted(b, WRIT_WALL_NO_NEW_PRIVS))
		st = writ_jail_nnp_apply(err);
	if (st == WRIT_OK && wanted(b, WRIT_WALL_DUMPABLE))
		st = writ_jail_dump_apply(err);
	if (st == WRIT_OK && wanted(b, WRIT_WALL_PARENT_DEATH))
		st = writ_jail_parent_apply(b->parent, err);
	if (st == WRIT_OK && wanted(b, WRIT_WALL_LANDLOCK))
		st = writ_jail_landlock_apply(true, err);
	return st;
}

enum writ_status
writ_jail_child_args(int argc, char **argv, enum writ_jail_role role,
    struct writ_err *err)
{
	struct begin b = { .role = role, .parent = getppid() };
	enum writ_status st;

	st = arg_number(argc > 3 ? argv[1] : NULL, WRIT_WALLS_ALL, &b.without,
	    err);
	if (st == WRIT_OK)
		st = arg_number(argv[2], UINT32_MAX - 1, &b.uid, err);
	if (st == WRIT_OK)
		st = arg_number(argv[3], UINT32_MAX - 1, &b.gid, err);
	return st == WRIT_OK ? begin_walls(&b, err) : st;
}

static enum writ_status
verify(unsigned without, unsigned *standing, struct writ_err *err)
{
	size_t i;

	*standing = 0;
	for (i = 0; i < WRIT_WALLS_COUNT; i++) {
		if (without & (unsigned)walls[i].wall)
			continue;
		if (!walls[i].holds())
			return writ_fail(err, WRIT_IO, "wall %s does not stand",
			    walls[i].name);
		*standing |= (unsigned)walls[i].wall;
	}
	return WRIT_OK;
}

enum writ_status
writ_jail_lock(enum writ_jail_role role, unsigned without, unsigned *standing,
    struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	unsigned all = 0;

	if (!(without & WRIT_WALL_LANDLOCK))
		st = writ_jail_landlock_apply(false, err);
	if (st == WRIT_OK && !(without & WRIT_WALL_RLIMITS))
		st = writ_jail_rlimit_shut(err);
	if (st == WRIT_OK)
		st = verify(without, &all, err);
	if (st == WRIT_OK && !(without & WRIT_WALL_SECCOMP))
		st = writ_jail_seccomp_apply(role, err);
	if (st == WRIT_OK)
		*standing = all;
	return st;
}
