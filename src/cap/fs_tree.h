/*
 * fs_tree.h - the inside of fs_front.h, shared by its own files only.
 */
#ifndef WRIT_CAP_FS_TREE_H
#define WRIT_CAP_FS_TREE_H

#include "base/buf.h"
#include "cap/fs_front.h"

#define WRIT_FS_LINK_STEPS_MAX 4096	/* components looked at in one lookup */
#define WRIT_FS_RACES_MAX 8		/* lookups again after the store changed */
#define WRIT_FS_BELOW_MAX 65536		/* entries below a renamed directory */
#define WRIT_FS_LISTINGS_MAX 32		/* unfinished listings kept */
#define WRIT_FS_LISTINGS_BYTES (32 * 1024 * 1024) /* of all of them */
#define WRIT_FS_OFFSET_MAX ((uint64_t)INT64_MAX)
#define WRIT_FS_FD_ALL 63u
#define WRIT_FS_OPEN_ALL 15u

struct writ_fs_mnt {
	struct writ_fs_store store;
	size_t index;
	char *at;		/* without the slash of "/": at_len is then 0 */
	size_t at_len;
	bool write;
	uint64_t quota_bytes, quota_files;	/* 0: not limited */
	uint64_t used_bytes, used_files;
	char **masked;
	size_t masked_count;
};

struct writ_fs_handle {
	bool used, root;
	bool unlinked;		/* its last name is gone; its bytes go with it */
	bool may_change;	/* opened below WRIT_FD_MUTATE_DIR */
	uint32_t generation;
	uint32_t next_free;
	uint32_t flags;		/* granted descriptor-flags */
	enum writ_node_type type;
	struct writ_fs_mnt *mnt;
	struct writ_fs_node *node;
	char *path;		/* canonical, within the mount, "" for its root */
	size_t path_len;
	char *path_next;	/* while a rename is prepared */
	size_t path_next_len;
	uint64_t device, inode;
	uint64_t seen_read, seen_write;	/* rules_age when last judged */
	uint64_t moved;		/* bytes read and written */
};

/* One lookup.  `path` is the canonical absolute place reached: the mount's, the handle's
 * and what lies below it, which starts at `base`. */
struct writ_fs_walk {
	struct writ_fs *fs;
	struct writ_fs_handle *dir;
	struct writ_fs_mnt *mnt;
	enum writ_fs_op what;
	bool follow;
	/* result */
	enum writ_status found;	/* OK: meta is set; NOENT; or why it cannot be reached */
	struct writ_fs_meta meta;
	bool broken;		/* stopped before the last component */
	bool want_dir;		/* a slash or dot at the end: only a directory fits */
	bool dot;		/* ends in "." or "..": no name of its own */
	bool write, let_on;	/* how it was judged */
	/* work */
	unsigned links, steps;
	size_t len, base;
	size_t rest;		/* what is still to walk: rest_buf + rest, to its end */
	char path[WRIT_PATH_MAX + 1];
	char rest_buf[2 * WRIT_PATH_MAX + 2];
};

struct writ_fs_listing {
	uint32_t id;		/* 0: free */
	uint64_t handle;
	uint64_t used_at;
	struct writ_buf text;	/* entries as LIST encodes them */
	uint32_t *order;	/* their offsets, sorted by name */
	size_t count, order_cap;
};

struct writ_fs {
	struct writ_fs_hooks hooks;
	uint8_t key[WRIT_FS_KEY_LEN];
	uint64_t rules_age;
	struct writ_fs_mnt mounts[WRIT_MOUNTS_MAX];
	size_t mount_count;
	struct writ_fs_handle *handles;
	size_t handles_max, handles_made;
	uint32_t free_head;	/* index + 1; 0: none */
	struct writ_fs_listing listings[WRIT_FS_LISTINGS_MAX];
	uint32_t listing_id;
	uint64_t listing_clock;
	struct writ_fs_walk walk[2];
};

/* ---- fs_handles.c */

/** The open handle, or NULL. */
struct writ_fs_handle *writ_fs_handle_get(struct writ_fs *fs, uint64_t id);
uint64_t writ_fs_handle_id(const struct writ_fs *fs, const struct writ_fs_handle *h);
/** A fresh slot with a copy of `path`; nothing is open yet.  WRIT_LIMIT, WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_fs_handle_make(struct writ_fs *fs, struct writ_str path,
    struct writ_fs_handle **out);
/** Give the slot back; its node is closed already. */
void writ_fs_handle_drop(struct writ_fs *fs, struct writ_fs_handle *h);
/** Close node, listings and slot; releases quota of an unlinked file. */
void writ_fs_handle_close(struct writ_fs *fs, struct writ_fs_handle *h);
/** Judge an open handle again if the rules changed since. */
enum writ_status writ_fs_handle_judge(struct writ_fs *fs, struct writ_fs_handle *h,
    enum writ_fs_op what, bool write);
/** The handle's absolute guest path into p[WRIT_PATH_MAX + 1]. */
struct writ_str writ_fs_handle_place(const struct writ_fs_handle *h, char *p);
/** Prepare new paths for the handles at or below `from`; then commit or forget. */
WRIT_MUST_CHECK enum writ_status
writ_fs_handle_move(struct writ_fs *fs, const struct writ_fs_mnt *mnt,
    struct writ_str from, struct writ_str to);
void writ_fs_handle_moved(struct writ_fs *fs, bool commit);
/** Mark the open handles of this node unlinked; whether there are any. */
bool writ_fs_handle_unlinked(struct writ_fs *fs, const struct writ_fs_mnt *mnt,
    const struct writ_fs_meta *meta);

/* ---- fs_walk.c */

/**
 * Look `path` up from handle `id`, judge the place with `write`, and say whether the
 * operation may go on: on WRIT_OK the caller looks at w->found.  A changing operation
 * without the right is WRIT_ROFS.
 */
WRIT_MUST_CHECK enum writ_status
writ_fs_walk_to(struct writ_fs *fs, struct writ_fs_walk *w,
    const struct writ_fs_call *call, bool second, bool write);
/** Report the outcome of what walk_to let go on; returns st. */
enum writ_status writ_fs_walk_end(struct writ_fs_walk *w, enum writ_status st);
struct writ_str writ_fs_walk_abs(const struct writ_fs_walk *w);
/** Within the mount / below the handle's directory. */
struct writ_str writ_fs_walk_inner(const struct writ_fs_walk *w);
struct writ_fs_place writ_fs_walk_place(const struct writ_fs_walk *w);
/** Ask the hook, masked places first. */
enum writ_status writ_fs_walk_judge(struct writ_fs *fs, const struct writ_fs_mnt *mnt,
    enum writ_fs_judge_why why, enum writ_fs_op what, struct writ_str path,
    bool write);
/** Whether a masked place lies below `inner`, which is not one itself. */
bool writ_fs_walk_has_masked(const struct writ_fs_mnt *mnt, struct writ_str inner);

/* ---- fs_quota.c */

/** Room for n more names. */
enum writ_status writ_fs_quota_name(const struct writ_fs_mnt *mnt);
/** How many of `want` bytes may still be added. */
uint64_t writ_fs_quota_room(const struct writ_fs_mnt *mnt, uint64_t want);
void writ_fs_quota_add(struct writ_fs_mnt *mnt, uint64_t bytes, uint64_t files);
void writ_fs_quota_sub(struct writ_fs_mnt *mnt, uint64_t bytes, uint64_t files);
/** A name of `meta` is gone: release it, and its bytes if it was the last. */
void writ_fs_quota_unlinked(struct writ_fs *fs, struct writ_fs_mnt *mnt,
    const struct writ_fs_meta *meta);

/* ---- fs_stat.c */

/** What the guest sees of `meta`. */
void writ_fs_stat_virtual(const struct writ_fs *fs, const struct writ_fs_mnt *mnt,
    const struct writ_fs_meta *meta, struct writ_stat *out);

/* ---- fs_list.c */

/** Forget the listings of one handle; of all. */
void writ_fs_list_drop(struct writ_fs *fs, uint64_t handle);
void writ_fs_list_release(struct writ_fs *fs);

/* ---- the operations; each one entry of the table in fs_front.c */

enum writ_status writ_fs_open_run(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_open_close(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_stat_run(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_stat_at(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_stat_times(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_stat_times_at(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_io_read(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_io_write(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_io_size(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_io_sync(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_list_run(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_names_mkdir(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_names_remove(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_names_link(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_names_symlink(struct writ_fs *fs, struct writ_fs_call *call);
enum writ_status writ_fs_names_readlink(struct writ_fs *fs,
    struct writ_fs_call *call);
enum writ_status writ_fs_rename_run(struct writ_fs *fs, struct writ_fs_call *call);

#endif
