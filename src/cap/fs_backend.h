/*
 * fs_backend.h - what a store of files offers to fs_front.h.
 * A backend knows nodes, names and bytes; it knows nothing of guests, rights, quotas or
 * rules, follows no symbolic link and never sees "." or "..".
 *
 * Places are a directory node and a path below it: components of 1 to WRIT_NAME_MAX
 * bytes of UTF-8 without NUL, one '/' between two, no slash first or last; the empty path
 * is the node itself where that makes sense.  When a component before the last turns
 * out to be a symbolic link the answer is WRIT_LOOP, a file WRIT_NOTDIR, missing
 * WRIT_NOENT; the front then looks again.
 */
#ifndef WRIT_CAP_FS_BACKEND_H
#define WRIT_CAP_FS_BACKEND_H

#include "base/limits.h"
#include "base/mem.h"
#include "port/tree.h"

struct writ_fs_node;	/* one open file or directory; each backend has its own */

struct writ_fs_place {
	struct writ_fs_node *dir;
	struct writ_str path;
};

/** Node metadata as the store knows it; the front decides what a guest sees. */
struct writ_fs_meta {
	enum writ_node_type type;	/* UNKNOWN: a device, FIFO or socket */
	uint64_t device, inode;		/* identity within the store */
	uint64_t links, size;
	struct writ_time atime, mtime, ctime;
};

/** How to open.  A directory takes none of these; exactly one of `create` and
 * an existing node is meant: create fails with WRIT_EXIST when the name is there. */
struct writ_fs_how {
	bool read, write;
	bool create;		/* make a regular file */
	bool directory;		/* the node is one */
	bool sync, data_sync;	/* each write reaches the disk */
};

struct writ_fs_times {
	enum writ_time_how atime_how, mtime_how;
	struct writ_time atime, mtime;	/* ns < 10^9 */
};

struct writ_fs_backend {
	const char *name;
	bool in_memory;		/* never without quota */
	bool phantom;		/* its root may be seen whatever the judge says */

	/** The node of the root directory; owned by the store. */
	struct writ_fs_node *(*root)(void *store);
	void (*free)(void *store);

	/** Metadata of the node at `at`, a final symbolic link itself. */
	enum writ_status (*peek)(void *store, struct writ_fs_place at,
	    struct writ_fs_meta *out);
	/** Open a regular file or directory; *out until close.  WRIT_LOOP a final
	 * symbolic link; WRIT_DENIED neither file nor directory; WRIT_ISDIR and
	 * WRIT_NOTDIR when `how->directory` is wrong. */
	enum writ_status (*open)(void *store, struct writ_fs_place at,
	    const struct writ_fs_how *how, struct writ_fs_node **out,
	    struct writ_fs_meta *meta);
	void (*close)(void *store, struct writ_fs_node *node);
	enum writ_status (*stat)(void *store, struct writ_fs_node *node,
	    struct writ_fs_meta *out);

	/** At most n bytes at offset (offset + n < 2^63); *got 0 only at the end or
	 * when n is 0. */
	enum writ_status (*read)(void *store, struct writ_fs_node *node,
	    uint64_t offset, uint8_t *p, size_t n, size_t *got);
	/** As read; *put may be less than n, not 0 unless n is. */
	enum writ_status (*write)(void *store, struct writ_fs_node *node,
	    uint64_t offset, const uint8_t *p, size_t n, size_t *put);
	/** Write at the end, wherever that is by then. */
	enum writ_status (*append)(void *store, struct writ_fs_node *node,
	    const uint8_t *p, size_t n, size_t *put);
	enum writ_status (*set_size)(void *store, struct writ_fs_node *node,
	    uint64_t size);
	enum writ_status (*set_times)(void *store, struct writ_fs_node *node,
	    const struct writ_fs_times *times);
	enum writ_status (*sync)(void *store, struct writ_fs_node *node,
	    bool data_only);

	/** Tell `each` every entry, in any order, without "." and ".."; stop with its
	 * status when that is not WRIT_OK. */
	enum writ_status (*list)(void *store, struct writ_fs_node *dir,
	    enum writ_status (*each)(void *ctx, enum writ_node_type type,
	    struct writ_str name), void *ctx);

	/* Names.  A final symbolic link is meant itself, never followed. */
	enum writ_status (*set_times_at)(void *store, struct writ_fs_place at,
	    const struct writ_fs_times *times);
	enum writ_status (*mkdir)(void *store, struct writ_fs_place at);
	enum writ_status (*rmdir)(void *store, struct writ_fs_place at);
	enum writ_status (*unlink)(void *store, struct writ_fs_place at);
	enum writ_status (*rename)(void *store, struct writ_fs_place from,
	    struct writ_fs_place to);
	enum writ_status (*link)(void *store, struct writ_fs_place from,
	    struct writ_fs_place to);
	enum writ_status (*symlink)(void *store, struct writ_str target,
	    struct writ_fs_place at);
	/** *len bytes into p[cap]; WRIT_OVERFLOW longer than cap; WRIT_NOTSYMLINK. */
	enum writ_status (*readlink)(void *store, struct writ_fs_place at, char *p,
	    size_t cap, size_t *len);

	/** The descriptor of an open regular file and its O_ACCMODE; *fd is the node's.
	 * NULL: there is none. */
	void (*fd)(void *store, const struct writ_fs_node *node, int *fd, int *mode);
};

/** A store with its functions: what the constructors of backends give. */
struct writ_fs_store {
	const struct writ_fs_backend *be;
	void *ctx;
};

#endif
