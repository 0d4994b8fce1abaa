/*
 * bytes.h - sealed memory files: bytes that are read once, hashed, and then cannot change.
 */
#ifndef WRIT_BROKER_BYTES_H
#define WRIT_BROKER_BYTES_H

#include "base/hash.h"

/** A memory file that nobody can change any more, and its mapping. */
struct writ_bytes {
	int fd;
	const uint8_t *ptr;
	size_t len;
};

/** An empty one: fd -1. */
#define WRIT_BYTES_NONE ((struct writ_bytes){ -1, NULL, 0 })

/** Read all of `fd` from `offset`, `len` bytes.  Fails: WRIT_IO short or broken; WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_bytes_read(int fd, uint64_t offset, size_t len, struct writ_bytes *out,
    struct writ_err *err);

/** A writable memory file for a child to fill; seal it when the child is gone. */
WRIT_MUST_CHECK enum writ_status writ_bytes_new(int *fd, struct writ_err *err);

/** Seal and map a file of writ_bytes_new (takes `fd`); at most `max` bytes. */
WRIT_MUST_CHECK enum writ_status
writ_bytes_seal(int fd, uint64_t max, struct writ_bytes *out,
    struct writ_err *err);

/** Unmap and close; takes WRIT_BYTES_NONE. */
void writ_bytes_release(struct writ_bytes *b);
WRIT_AUTO_RELEASE(writ_bytes)

#endif
