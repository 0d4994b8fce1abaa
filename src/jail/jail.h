/*
 * jail.h - the walls around a worker or compiler process, and the broker's own step down.
 * A jailed program calls writ_jail_child_args first thing in main() and writ_jail_lock when
 * it has loaded what it needs; between the two it must read nothing that a guest chose.
 * Not a policy: who may do what is decided in policy/ and broker/.
 * Both calls belong to a process with one thread: Landlock binds the calling thread only.
 *
 * What each wall is: writ_jail_offers.  Network, IPC and user namespaces are left out: they
 * add nothing to the walls here and cost 0.3 to 0.6 ms (docs/decisions/jail.md).
 */
#ifndef WRIT_JAIL_JAIL_H
#define WRIT_JAIL_JAIL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

/** Bits of a mask; values are stable (they stand in audit records). */
enum writ_wall {
	WRIT_WALL_NO_NEW_PRIVS = 1u << 0,
	WRIT_WALL_SECCOMP = 1u << 1,
	WRIT_WALL_LANDLOCK = 1u << 2,
	WRIT_WALL_RLIMITS = 1u << 3,
	WRIT_WALL_ENVIRONMENT = 1u << 4,
	WRIT_WALL_FDS = 1u << 5,
	WRIT_WALL_UNPRIVILEGED = 1u << 6,
	WRIT_WALL_DUMPABLE = 1u << 7,
	WRIT_WALL_PARENT_DEATH = 1u << 8
};
#define WRIT_WALLS_ALL ((1u << 9) - 1)
#define WRIT_WALLS_COUNT 9

/** Which program is jailed: decides fds kept, rlimits and system calls. */
enum writ_jail_role {
	WRIT_JAIL_WORKER,	/* keeps fd 3, the wire */
	WRIT_JAIL_COMPILER,	/* keeps fds 3 (component), 4 (code), 5 (text) */
	WRIT_JAIL_FRONT,	/* keeps fds 3 (the wire), 4 and 5 (a client, or a listener) */
	WRIT_JAIL_NET,		/* keeps fd 3, the wire */
	WRIT_JAIL_SERVE		/* a worker that keeps a listener too: fds 3 and 4 */
};

/** The name of one wall as the command line knows it, e.g. "landlock"; "?" if none. */
const char *writ_jail_name(unsigned wall);

/**
 * Read names of walls, separated by commas, into a mask (the empty string: 0).
 * Fails: WRIT_INVALID an unknown or repeated name, with the known ones in err.
 */
WRIT_MUST_CHECK enum writ_status
writ_jail_parse(struct writ_str names, unsigned *mask, struct writ_err *err);

/** What this machine offers of one wall. */
struct writ_jail_offer {
	unsigned wall;
	bool offered;
	char what[200];		/* one sentence: what it does here, or why it is missing */
};

/** Ask the kernel; fills all rows, in the order of enum writ_wall. */
void writ_jail_offers(struct writ_jail_offer out[WRIT_WALLS_COUNT]);

/**
 * Whether every wall but those of `without` is offered here.
 * Fails: WRIT_UNSUPPORTED naming the first that is missing and how to do without.
 */
WRIT_MUST_CHECK enum writ_status
writ_jail_check(unsigned without, struct writ_err *err);

/* ---- the broker's side */

/** argv[1..3] of a jailed program: the mask of walls left out, the user and group it must
 * become.  Decimal. */
struct writ_jail_args {
	char walls[12], uid[12], gid[12];
};

/** Fill them: a root broker's children become `nobody` (65534), others stay who they are. */
void writ_jail_args(unsigned without, struct writ_jail_args *out);

enum writ_jail_drop {
	WRIT_DROP_NONE,		/* was not root: nothing to do */
	WRIT_DROP_SUDO,		/* became the user that sudo was called by */
	WRIT_DROP_ROOT		/* plain root: still uid 0, all but three capabilities gone */
};

/**
 * The first act of `writ`.  Not root: only undumpable.  Root through sudo (SUDO_UID and
 * SUDO_GID): becomes that user without supplementary groups or capabilities, HOME becomes
 * that user's.  Plain root: stays uid 0 to reach what root owns, but gives up every
 * capability except CAP_SETUID, CAP_SETGID and CAP_KILL (to start and end children as
 * nobody), so file permissions bind it; no_new_privs.  See docs/decisions/jail.md.
 * Fails: WRIT_INVALID malformed SUDO_UID or SUDO_GID; WRIT_IO the kernel refused.
 */
WRIT_MUST_CHECK enum writ_status
writ_jail_broker_drop(enum writ_jail_drop *how, struct writ_err *err);

/* ---- the jailed program's side */

/** Just the mask of argv[1].  Fails: WRIT_INVALID. */
WRIT_MUST_CHECK enum writ_status
writ_jail_args_without(char **argv, unsigned *without, struct writ_err *err);

/**
 * Put up every wall that can stand before loading, as argv (struct writ_jail_args) says:
 * other fds closed and 0-2 made inert (nothing to read, nowhere to write), environment
 * wiped, user and groups dropped, rlimits, no_new_privs, undumpable, killed with the parent,
 * and a first Landlock layer under which files can be read but not made, changed, listed or
 * removed, and no TCP is possible.
 * Fails: WRIT_INVALID bad arguments; WRIT_IO or WRIT_UNSUPPORTED a wall, named.
 */
WRIT_MUST_CHECK enum writ_status
writ_jail_child_args(int argc, char **argv, enum writ_jail_role role,
    struct writ_err *err);

/**
 * Cap the private writable memory of this process (RLIMIT_DATA, soft and hard) at `bytes`.
 * For the worker once it knows its session's limit; may only go down.
 */
WRIT_MUST_CHECK enum writ_status
writ_jail_cap_memory(uint64_t bytes, struct writ_err *err);

/**
 * Shut the door: no more threads or processes, a Landlock layer with no rule, and the
 * system-call filter of `role` (src/jail/calls.c; anything else kills the process).
 * Nothing opens and nothing new becomes executable from here on.  `*walls` gets the mask of
 * walls that stand, asked of the kernel where it can be asked.
 * Fails: WRIT_IO or WRIT_UNSUPPORTED a wall that is not in `without` does not stand, named.
 */
WRIT_MUST_CHECK enum writ_status
writ_jail_lock(enum writ_jail_role role, unsigned without, unsigned *walls,
    struct writ_err *err);

#endif
