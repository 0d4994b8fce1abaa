/*
 * fs_world.h - one granted tree for the file tests, in memory or in a fresh host
 * directory, with a judge that follows rules and remembers what it was asked.
 */
#ifndef WRIT_TESTS_CAP_FS_WORLD_H
#define WRIT_TESTS_CAP_FS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cap/fs_front.h"

#define CANARY "outside-canary"

enum world_kind { WORLD_MEMORY, WORLD_HOST, WORLD_KINDS };

struct world_spec {
	enum world_kind kind;
	const char *at;		/* NULL: "/data" */
	bool read_only;
	uint64_t quota_bytes, quota_files;
	const char *const *masked;
	size_t handles;
};

struct world {
	enum world_kind kind;
	struct writ_fs *fs;
	uint64_t root;
	char base[64];		/* host: BASE/root is granted, BASE/secret is not */
	struct writ_fs_rules rules;
	enum writ_status refuse_with;	/* not OK: every EFFECT gets it */
	unsigned effects, touches, sees, dones;
	char last[WRIT_PATH_MAX + 1];	/* path of the last EFFECT */
	char last_op[16];
	bool last_write;
	enum writ_status last_done;
	uint64_t last_bytes;
	int64_t clock;		/* seconds; memory files take their times from it */
};

void world_init(struct world *w, const struct world_spec *spec);
void world_release(struct world *w);
/** A store of that kind, for a further mount. */
struct writ_fs_store world_store(struct world *w, const char *dir);
/** The host path of `path` below the granted root, or of BASE for "..". */
const char *world_path(const struct world *w, const char *path, char out[512]);

/* each returns the status; dir 0 is the root */
enum writ_status w_open(struct world *w, uint64_t dir, const char *path,
    unsigned open_flags, unsigned fd_flags, uint64_t *out);
enum writ_status w_open_nofollow(struct world *w, uint64_t dir, const char *path,
    unsigned open_flags, unsigned fd_flags, uint64_t *out);
enum writ_status w_close(struct world *w, uint64_t h);
enum writ_status w_stat(struct world *w, uint64_t h, struct writ_stat *out);
enum writ_status w_stat_at(struct world *w, uint64_t dir, const char *path,
    unsigned path_flags, struct writ_stat *out);
enum writ_status w_read(struct world *w, uint64_t h, uint64_t offset, void *p,
    size_t n, size_t *got);
enum writ_status w_write(struct world *w, uint64_t h, uint64_t offset,
    const void *p, size_t n, size_t *put);
enum writ_status w_append(struct world *w, uint64_t h, const void *p, size_t n,
    size_t *put);
enum writ_status w_set_size(struct world *w, uint64_t h, uint64_t size);
enum writ_status w_set_times(struct world *w, uint64_t h, int64_t atime,
    int64_t mtime);
enum writ_status w_set_times_at(struct world *w, uint64_t dir, const char *path,
    unsigned path_flags, int64_t mtime);
/** MKDIR, RMDIR, UNLINK, READLINK (into the void), STAT_AT: one path, no flag. */
enum writ_status w_one(struct world *w, enum writ_fs_op op, uint64_t dir,
    const char *path);
/** RENAME, LINK; SYMLINK: path is the text. */
enum writ_status w_two(struct world *w, enum writ_fs_op op, uint64_t dir,
    const char *path, uint64_t dir2, const char *path2);
enum writ_status w_readlink(struct world *w, uint64_t dir, const char *path,
    char *out, size_t cap);
enum writ_status w_list(struct world *w, uint64_t dir, uint64_t *cookie,
    uint8_t *buf, size_t cap, size_t *got);

/* these fail the test when they do not work */
void w_make_file(struct world *w, const char *path, const char *text);
void w_make_dir(struct world *w, const char *path);
void w_make_link(struct world *w, const char *text, const char *path);
/** Whether the file holds exactly `text`. */
bool w_holds(struct world *w, const char *path, const char *text);
bool w_exists(struct world *w, const char *path);
/** "a b c": the names of a directory as listed. */
const char *w_names(struct world *w, uint64_t dir, char out[4096]);

/** xorshift64*: the next number of a repeatable sequence; *state is never 0. */
uint32_t world_random(uint64_t *state);

#define assert_status(got, want)                                        \
	do {                                                            \
		enum writ_status g_ = (got), w_ = (want);               \
		if (g_ != w_)                                           \
			fail_msg("%s is %s, not %s", #got,              \
			    writ_status_name(g_), writ_status_name(w_)); \
	} while (0)

/** Run `body` over both kinds. */
#define FOR_BOTH(body)                                                  \
	do {                                                            \
		int k_;                                                 \
		for (k_ = 0; k_ < WORLD_KINDS; k_++)                    \
			body((enum world_kind)k_);                      \
	} while (0)

#endif
