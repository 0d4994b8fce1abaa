/*
 * files.h - the file trees that the broker serves to one worker: host directories, and the
 * phantom mount.  Host paths are known here and in fs_host, nowhere else.
 */
#ifndef WRIT_BROKER_FILES_H
#define WRIT_BROKER_FILES_H

#include "broker/record.h"
#include "cap/fs_front.h"
#include "wire/conn.h"

struct writ_files {
	struct writ_fs *fs;		/* NULL: nothing is served */
	struct writ_record *record;	/* borrowed */
	const struct writ_policy *policy;
	uint64_t roots[WRIT_MOUNTS_MAX];	/* by index in policy->files; 0: memory */
	uint64_t phantom_root;
	uint64_t ids[2];		/* decisions of the running operation */
	unsigned ids_count;
	/* outcomes not yet written: they follow their reply, and precede whatever else is
	 * written */
	struct { uint64_t id, bytes; enum writ_status status; } outcomes[2];
	unsigned outcomes_count;
	struct writ_buf reply;
	uint8_t *bytes;			/* WRIT_FS_IO_MAX, for what is read */
	uint64_t requests;
};

/**
 * Open every host directory that the policy names (each is bound to its inode here), and the
 * phantom if `trace`.  Fails: WRIT_NOENT, WRIT_NOTDIR, WRIT_LOOP (a symbolic link) with the
 * grant named; WRIT_UNSUPPORTED a source not built yet; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_files_init(struct writ_files *f, const struct writ_policy *policy,
    struct writ_record *record, const uint8_t key[16], bool trace,
    struct writ_err *err);
void writ_files_release(struct writ_files *f);

/** Send the MOUNT messages of every grant, memory ones included. */
WRIT_MUST_CHECK enum writ_status
writ_files_announce(struct writ_files *f, struct writ_conn *conn);

/** Close what the last call held open. */
void writ_files_close_all(struct writ_files *f);

/** Serve one FS message.  WRIT_PROTO malformed; WRIT_LIMIT the worker does not read. */
WRIT_MUST_CHECK enum writ_status
writ_files_serve(struct writ_files *f, struct writ_conn *conn,
    const struct writ_msg *m);

#endif
