/*
 * parts.h - the mechanisms behind jail.h, one file each: whether this kernel has it, and
 * putting it up.  Private to src/jail.
 */
#ifndef WRIT_JAIL_PARTS_H
#define WRIT_JAIL_PARTS_H

#include "jail/jail.h"

/* Each _offer fills one sentence and says whether the wall can stand here. */

/* landlock.c: the kernel's rules on files, TCP, signals and abstract sockets. */
bool writ_jail_landlock_offer(char *what, size_t cap);
/** A layer without rules; `reading` leaves reading of files open. */
WRIT_MUST_CHECK enum writ_status
writ_jail_landlock_apply(bool reading, struct writ_err *err);
/** Whether opening a folder is refused, asked of the kernel. */
bool writ_jail_landlock_holds(void);

/* seccomp.c: the filter made from calls.c. */
bool writ_jail_seccomp_offer(char *what, size_t cap);
WRIT_MUST_CHECK enum writ_status
writ_jail_seccomp_apply(enum writ_jail_role role, struct writ_err *err);

/* rlimit.c */
bool writ_jail_rlimit_offer(char *what, size_t cap);
WRIT_MUST_CHECK enum writ_status
writ_jail_rlimit_apply(enum writ_jail_role role, struct writ_err *err);
/** No more processes or threads. */
WRIT_MUST_CHECK enum writ_status writ_jail_rlimit_shut(struct writ_err *err);
bool writ_jail_rlimit_holds(void);

/* user.c: user, groups, capabilities. */
bool writ_jail_user_offer(char *what, size_t cap);
WRIT_MUST_CHECK enum writ_status
writ_jail_user_apply(uid_t uid, gid_t gid, struct writ_err *err);
bool writ_jail_user_holds(void);
/** Become `uid`, `gid`, no other group. */
WRIT_MUST_CHECK enum writ_status
writ_jail_user_become(uid_t uid, gid_t gid, struct writ_err *err);
/** Keep only the capabilities of `mask` (bit n: capability n), in every set. */
WRIT_MUST_CHECK enum writ_status
writ_jail_user_caps(uint64_t mask, struct writ_err *err);

/* sanitize.c: what a build with sanitizers needs, and nothing else in other builds. */
/** The sanitizers of this build, or NULL: a build for use. */
const char *writ_jail_sanitize_name(void);
/** The filter is about to stand: do not look for leaks at the end. */
void writ_jail_sanitize_shut(void);

/* process.c: what a process is started with, and what others may do to it. */
bool writ_jail_fds_offer(char *what, size_t cap);
/** Close all above `last`; make 0-2 inert. */
WRIT_MUST_CHECK enum writ_status
writ_jail_fds_apply(unsigned last, struct writ_err *err);
/** Wipe the environment's bytes and forget it. */
void writ_jail_env_apply(void);
bool writ_jail_env_holds(void);
WRIT_MUST_CHECK enum writ_status writ_jail_nnp_apply(struct writ_err *err);
bool writ_jail_nnp_holds(void);
WRIT_MUST_CHECK enum writ_status writ_jail_dump_apply(struct writ_err *err);
bool writ_jail_dump_holds(void);
/** SIGKILL when the parent ends; `parent` is who it was when the process began. */
WRIT_MUST_CHECK enum writ_status
writ_jail_parent_apply(pid_t parent, struct writ_err *err);
bool writ_jail_parent_holds(void);

#endif
