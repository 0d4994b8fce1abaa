/*
 * cache.h - compiled code by digest of (component, engine, settings), each
 * entry under a MAC whose key only the broker has.  Code without a valid MAC is
 * never handed to a worker.  Entries are read into sealed memory before they
 * are checked, so that what was checked is what runs.
 */
#ifndef WRIT_BROKER_CACHE_H
#define WRIT_BROKER_CACHE_H

#include "broker/bytes.h"

struct writ_cache;

/** Code and the description that was made with it. */
struct writ_code {
	struct writ_bytes code, text;
};
void writ_code_release(struct writ_code *c);
WRIT_AUTO_RELEASE(writ_code)

/**
 * Open, making what is missing: the folder 0700 and its key file 0600.  A
 * folder of another owner, or open to others, is refused.  One that cannot be
 * written is used for reading; when it has no key either, nothing is cached.
 * `max_bytes` of all entries together; 0: WRIT_CACHE_MAX.  *out is the
 * caller's.
 * Fails: WRIT_DENIED; WRIT_IO; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_cache_open(const char *dir, uint64_t max_bytes, struct writ_cache **out,
    struct writ_err *err);
void writ_cache_free(struct writ_cache *cache);
WRIT_AUTO_FREE(writ_cache)

/** The folder as it was given; borrowed. */
const char *writ_cache_dir(const struct writ_cache *cache);

/** The entry for a component.  Fails: WRIT_NOENT none; WRIT_INVALID it was
 * changed or torn (it has been removed; the caller records that and compiles);
 * WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_cache_get(struct writ_cache *cache, const struct writ_digest *component,
    struct writ_code *out, struct writ_err *err);

/** Keep an entry (atomically), after removing those used longest ago until it
 * has room, and what killed writers left.  WRIT_IO when it cannot be written or
 * is larger than the whole cache may be: the caller may go on. */
WRIT_MUST_CHECK enum writ_status
writ_cache_put(struct writ_cache *cache, const struct writ_digest *component,
    const struct writ_code *code, struct writ_err *err);

/** Append {"dir":...,"entries":[...],"bytes":N,"max_bytes":N} as JSON. */
WRIT_MUST_CHECK enum writ_status
writ_cache_list(struct writ_cache *cache, struct writ_buf *json,
    struct writ_err *err);

/** Remove every entry, *removed how many, and what killed writers left. */
WRIT_MUST_CHECK enum writ_status
writ_cache_clear(struct writ_cache *cache, unsigned *removed,
    struct writ_err *err);

#endif
