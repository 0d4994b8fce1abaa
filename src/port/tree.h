/*
 * tree.h - the file port: one tree interface for every backend.
 * The vocabulary is wasi:filesystem/types@0.2.12; status codes map onto its error-code.
 * A handle names an open file or directory of one session; 0 is never one.
 */
#ifndef WRIT_PORT_TREE_H
#define WRIT_PORT_TREE_H

#include "port/op.h"

enum writ_node_type {
	WRIT_NODE_UNKNOWN = 0,
	WRIT_NODE_DIRECTORY = 3,
	WRIT_NODE_SYMLINK = 5,
	WRIT_NODE_REGULAR = 6
};

/* descriptor-flags */
enum {
	WRIT_FD_READ = 1,
	WRIT_FD_WRITE = 2,
	WRIT_FD_FILE_SYNC = 4,
	WRIT_FD_DATA_SYNC = 8,
	WRIT_FD_READ_SYNC = 16,
	WRIT_FD_MUTATE_DIR = 32
};
/* open-flags */
enum {
	WRIT_OPEN_CREATE = 1,
	WRIT_OPEN_DIRECTORY = 2,
	WRIT_OPEN_EXCLUSIVE = 4,
	WRIT_OPEN_TRUNCATE = 8
};
/* path-flags */
enum { WRIT_PATH_FOLLOW = 1 };

struct writ_time {
	int64_t s;		/* since 1970-01-01T00:00:00Z */
	uint32_t ns;
};

/** What a guest may learn of a file: no inode, owner, mode or device. */
struct writ_stat {
	enum writ_node_type type;
	uint64_t links, size;
	struct writ_time atime, mtime, ctime;
	uint64_t hash_hi, hash_lo;	/* stable identity while open, session-keyed */
};

enum writ_time_how { WRIT_TIME_KEEP, WRIT_TIME_NOW, WRIT_TIME_SET };

enum writ_fs_op {
	WRIT_FS_OPEN,		/* dir, path, path_flags, open_flags, fd_flags -> handle, type, fd_flags */
	WRIT_FS_STAT,		/* handle -> stat */
	WRIT_FS_STAT_AT,	/* dir, path, path_flags -> stat */
	WRIT_FS_READ,		/* handle, offset, buf, len -> count (0: end) */
	WRIT_FS_WRITE,		/* handle, offset, buf, len -> count */
	WRIT_FS_APPEND,		/* handle, buf, len -> count */
	WRIT_FS_SET_SIZE,	/* handle, size */
	WRIT_FS_SET_TIMES,	/* handle, atime, mtime */
	WRIT_FS_SET_TIMES_AT,	/* dir, path, path_flags, atime, mtime */
	WRIT_FS_SYNC,		/* handle */
	WRIT_FS_SYNC_DATA,	/* handle */
	WRIT_FS_LIST,		/* dir, cookie, buf, len -> count, cookie; entries encoded as below */
	WRIT_FS_MKDIR,		/* dir, path */
	WRIT_FS_RMDIR,		/* dir, path */
	WRIT_FS_UNLINK,		/* dir, path */
	WRIT_FS_RENAME,		/* dir, path, dir2, path2 */
	WRIT_FS_LINK,		/* dir, path, path_flags, dir2, path2 */
	WRIT_FS_SYMLINK,	/* dir, path = what it says, path2 = where */
	WRIT_FS_READLINK,	/* dir, path, buf, len -> count */
	WRIT_FS_CLOSE,		/* handle; never fails, never waits */
	WRIT_FS_OP_COUNT
};

/**
 * One request with its result.  The caller owns it and must keep it, with `buf`, where it
 * is until it has finished; `path` and `path2` are borrowed for the start only.
 */
struct writ_fs_call {
	struct writ_op op;
	/* request */
	enum writ_fs_op what;
	uint64_t handle, handle2;
	struct writ_str path, path2;
	uint32_t path_flags, open_flags, fd_flags;
	uint64_t offset, size, cookie;	/* offset also: WRITE, READ */
	enum writ_time_how atime_how, mtime_how;
	struct writ_time atime, mtime;
	uint8_t *buf;
	size_t len;		/* at most WRIT_FS_IO_MAX */
	/* result; valid when op.status is WRIT_OK */
	uint64_t out_handle;
	enum writ_node_type out_type;
	uint32_t out_fd_flags;
	size_t out_count;
	uint64_t out_cookie;	/* LIST: 0 when the end is reached */
	struct writ_stat out_stat;
};

/*
 * LIST fills buf with entries, sorted by name, without "." and "..":
 *   u8 type, u16 little-endian name length, name bytes (UTF-8)
 * Names that are not UTF-8 are left out.  cookie 0 starts; each call goes on from
 * out_cookie; a listing sees each name that existed throughout exactly once.
 */

struct writ_tree_port {
	void *ctx;
	/** The i-th preopened directory, or WRIT_NOENT past the last.  `name` is
	 * borrowed from the port for its life. */
	enum writ_status (*preopen)(void *ctx, size_t i, struct writ_str *name,
	    uint64_t *handle);
	/** Start `call` (rules in op.h).  Any status means finished; results are then in
	 * call.  WRIT_PENDING: call->op.done comes later. */
	enum writ_status (*start)(void *ctx, struct writ_fs_call *call);
};

#endif
