/*
 * fs_memory.h - files in memory: the backend of `from: memory`.  Lives in the worker.
 * No I/O.  Reading and writing allocate only for bytes not yet there; holes cost nothing.
 */
#ifndef WRIT_CAP_FS_MEMORY_H
#define WRIT_CAP_FS_MEMORY_H

#include "cap/fs_backend.h"

struct writ_fs_memory_config {
	/** The wall clock for times of files (the session's, so that a frozen clock is
	 * frozen here too).  Same form as writ_clock_port.wall_now.  Required. */
	void (*now)(void *ctx, struct writ_time *out);
	void *now_ctx;
	/** Makes the shape of directories unpredictable to the guest. */
	uint64_t seed;
};

/** An empty tree.  *out is to be given to writ_fs_mount.  Fails: WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_fs_memory_new(const struct writ_fs_memory_config *config,
    struct writ_fs_store *out, struct writ_err *err);

#endif
