/*
 * file.h - the log as a file: taken by one writer, continued, appended to.
 * Internal.
 */
#ifndef WRIT_AUDIT_FILE_H
#define WRIT_AUDIT_FILE_H

#include "base/hash.h"
#include "base/mem.h"

struct writ_audit_file {
	int fd;
	bool broken;	/* the chain on disk is not known any more */
	uint64_t seq;	/* of the last record; 0: none */
	uint64_t size;	/* bytes of whole records */
	struct writ_digest last;	/* its hash; all zero: none */
};

/** See writ_audit_open.  *f is set on success only. */
WRIT_MUST_CHECK enum writ_status
writ_audit_file_open(const char *path, struct writ_audit_file *f,
    struct writ_err *err);
/**
 * Append one whole record with hash `hash`; to the disk when `durable`.
 * On failure nothing of it stays, or the file is broken and takes no more.
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_file_append(struct writ_audit_file *f, struct writ_str line,
    const struct writ_digest *hash, bool durable, struct writ_err *err);
/** Takes NULL. */
void writ_audit_file_release(struct writ_audit_file *f);

#endif
