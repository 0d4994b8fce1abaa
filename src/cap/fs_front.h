/*
 * fs_front.h - what no file backend may forget: handles, path walk, rights, quotas,
 * location rules, virtual metadata.  Lives where its backends live: in the worker over
 * fs_memory.h, in the broker over fs_host.h and fs_phantom.h.  Knows neither wire nor
 * policy: who judges is passed in.
 *
 * One writ_fs is one session's mounts of one process; one thread, calls must not
 * overlap, hooks must not call back into it.  Everything is synchronous: host calls may
 * block on the disk.
 *
 * How a path is resolved: relative to a directory handle, which it can never leave
 * ("..", an absolute path and links out of it: WRIT_NOTPERM).  Symbolic links are
 * expanded here, never by a backend.  Rules apply to the canonical absolute guest
 * path, i.e. after links: the place counts, not the name used.
 */
#ifndef WRIT_CAP_FS_FRONT_H
#define WRIT_CAP_FS_FRONT_H

#include "cap/fs_backend.h"

#define WRIT_FS_KEY_LEN 16

struct writ_fs;

enum writ_fs_judge_why {
	/** One operation of the guest, about to happen: decide and record. */
	WRIT_FS_JUDGE_EFFECT,
	/** A place that an operation touches beside its own: a link or directory walked
	 * through, everything below a renamed directory (old and new place), an open
	 * handle after the rules changed.  Record only a refusal. */
	WRIT_FS_JUDGE_TOUCH,
	/** An entry of a listing, which is left out when refused.  Record nothing. */
	WRIT_FS_JUDGE_SEE
};

/** What is to be judged.  Borrowed for the call of the hook. */
struct writ_fs_judged {
	enum writ_fs_judge_why why;
	enum writ_fs_op what;
	const char *op;		/* its name: "open", "stat", "rename", ... */
	struct writ_str path;	/* canonical absolute guest path */
	bool write;		/* changes something, or opens for change */
	size_t mount;		/* index, in the order of writ_fs_mount */
};

struct writ_fs_hooks {
	void *ctx;
	/**
	 * Before any effect, and before it is said whether the place exists.  WRIT_OK lets
	 * the operation go on; anything else is its result (WRIT_DENIED: a rule; others:
	 * e.g. the record could not be written).  rename and link ask twice: source and
	 * destination, both with `write`.  On a mount without `write` a changing
	 * operation is still judged, for the record, and is WRIT_ROFS whatever the
	 * answer.  Required.
	 */
	enum writ_status (*judge)(void *ctx, const struct writ_fs_judged *judged);
	/**
	 * After an operation judged as EFFECT and let go on (twice for rename and link):
	 * its outcome.  Also, without a judge before: a path refused as malformed or
	 * leaving its directory (`path` is then the directory's), and CLOSE of a file,
	 * where `bytes` is what was read and written through this writ_fs.  May be NULL.
	 */
	void (*done)(void *ctx, const struct writ_fs_judged *judged,
	    enum writ_status status, uint64_t bytes);
};

struct writ_fs_config {
	struct writ_fs_hooks hooks;
	/** Keys the identity hashes of this session; secret, random. */
	uint8_t key[WRIT_FS_KEY_LEN];
	/** Open handles at most, roots included; 0: WRIT_FS_HANDLES_MAX. */
	size_t handles_max;
};

struct writ_fs_mount {
	struct writ_str at;	/* canonical absolute guest path; "/" or no final slash */
	bool write;
	/**
	 * Net growth at most, in bytes of file sizes (holes count) and in names; 0: not
	 * limited, except that a backend in memory then takes WRIT_DEFAULT_MEMFS_BYTES
	 * and _FILES.  Counted is what this writ_fs adds: growth less what it removes,
	 * never below 0; files that were there before cost nothing.
	 */
	uint64_t quota_bytes, quota_files;
	/** Paths relative to this mount where another grant is mounted ("tmp", "a/b");
	 * NULL-terminated or NULL.  Copied.  What is at or below one is WRIT_DENIED through
	 * this mount and left out of listings; a parent of one can be neither renamed nor
	 * removed (WRIT_BUSY). */
	const char *const *masked;
};

/** Make one without mounts.  *out is the caller's (writ_fs_free).  Fails: WRIT_NOMEM;
 * WRIT_INVALID no judge. */
WRIT_MUST_CHECK enum writ_status
writ_fs_new(const struct writ_fs_config *config, struct writ_fs **out,
    struct writ_err *err);

/** Close every handle and free the stores.  Takes NULL. */
void writ_fs_free(struct writ_fs *fs);
WRIT_AUTO_FREE(writ_fs)

/**
 * Add a mount.  `store` is taken, also on failure.  *root is the handle of its
 * directory, with WRIT_FD_READ and, if spec->write, WRIT_FD_MUTATE_DIR; CLOSE leaves a
 * root open.  `spec` is borrowed for the call.
 * Fails: WRIT_INVALID `at` or a masked path is not canonical; WRIT_LIMIT more than
 * WRIT_MOUNTS_MAX, or handles; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_fs_mount(struct writ_fs *fs, const struct writ_fs_mount *spec,
    struct writ_fs_store store, uint64_t *root, struct writ_err *err);

/**
 * Execute one call of the tree port now.  Never WRIT_PENDING or WRIT_AGAIN; op.done is
 * not called; op.status is set to what is returned; results only on WRIT_OK.
 *
 * Handles are never 0 and their top 16 bits are always 0 (a router may tag them).
 * Directories opened inherit WRIT_FD_READ and WRIT_FD_MUTATE_DIR from the directory
 * handle they were opened through, never more (WRIT_ROFS when asked for); files get the
 * READ and WRITE asked for, WRITE only below WRIT_FD_MUTATE_DIR.  CREATE, EXCLUSIVE and
 * TRUNCATE are changes whatever the fd_flags.
 *
 * Fails, beside what wasi:filesystem says: WRIT_NOTPERM the path leaves the directory of
 * the handle; WRIT_DENIED the judge refused, a masked place, a device, FIFO or socket,
 * another file system mounted there; WRIT_ROFS change on a read-only mount; WRIT_BADF
 * unknown or closed handle, or one not opened for this; WRIT_INVALID undefined flag, NUL
 * or bad UTF-8, offset or size of 2^63 and more; WRIT_XDEV rename or link across mounts;
 * WRIT_NOSPC quota or disk (a write that fits in part is cut); WRIT_LIMIT handles,
 * entries of a listing, or a renamed directory with too much below it; WRIT_NAMETOOLONG.
 */
enum writ_status writ_fs_run(struct writ_fs *fs, struct writ_fs_call *call);

/**
 * The descriptor (O_CLOEXEC) behind an open regular file, to be passed to the worker: *fd
 * is the handle's, valid until its close.  *flags gets O_RDONLY, O_WRONLY or O_RDWR, exactly
 * the rights of the handle.  Fails: WRIT_BADF no such handle, or it has neither right;
 * WRIT_UNSUPPORTED not a regular file, no descriptor behind it, open for writing on a
 * mount with a byte quota (or with synchronous flags), so bytes must pass through
 * writ_fs_run; or what the judge answers.
 */
WRIT_MUST_CHECK enum writ_status
writ_fs_fd(struct writ_fs *fs, uint64_t handle, int *fd, int *flags);

/** The rules behind the judge changed (narrowed, revoked): every open handle is
 * judged again, with TOUCH, at its next use. */
void writ_fs_rules_changed(struct writ_fs *fs);

/** Close every handle but the roots: the guest is gone. */
void writ_fs_close_all(struct writ_fs *fs);

/** What counts against the quota of mount `i` now. */
void writ_fs_usage(const struct writ_fs *fs, size_t i, uint64_t *bytes,
    uint64_t *files);

/** Name of an operation as judged: "open", "set-size", ...; "?" if unknown. */
const char *writ_fs_op_name(enum writ_fs_op what);

/* ---- a judge without a policy, for the worker */

struct writ_fs_deny {
	const char *pattern;	/* over absolute guest paths */
	bool write_only;
};

/** Rules as data, with the functions of policy.h passed in.  Borrowed by the judge. */
struct writ_fs_rules {
	/** writ_policy_glob.  Required if there are denials. */
	bool (*matches)(struct writ_str pattern, struct writ_str path);
	/** writ_policy_is_protected; NULL: no name is protected. */
	bool (*is_protected)(struct writ_str path, char *const *opened,
	    const char **which);
	char *const *opened;	/* protected names opened; NULL-terminated or NULL */
	const struct writ_fs_deny *deny;
	size_t deny_count;
};

/** A writ_fs_hooks.judge over ctx = struct writ_fs_rules *: refuses what a deny pattern
 * matches, the place itself or one of its parents, and changes of protected names. */
enum writ_status writ_fs_rules_judge(void *ctx, const struct writ_fs_judged *judged);

#endif
