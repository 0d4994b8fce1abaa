/*
 * seal.h - memory for secrets, and their encryption (libsodium).
 */
#ifndef WRIT_BASE_SEAL_H
#define WRIT_BASE_SEAL_H

#include "base/hash.h"

/** Bytes that sealing adds: a nonce before, a tag behind. */
#define WRIT_SEAL_BYTES (24 + 16)

/** Zeroed memory between guard pages, that is neither swapped out nor part of a core dump.  NULL: no
 * memory, or no more may be locked (RLIMIT_MEMLOCK). */
void *writ_locked_alloc(size_t n);
/** Wipe and free; takes NULL. */
void writ_locked_free(void *p);
/** Overwrite with zeros, also where a compiler thinks nobody looks. */
void writ_wipe(void *p, size_t n);

/** Encrypt p[n] into out[n + WRIT_SEAL_BYTES] under a fresh nonce (XChaCha20-Poly1305); `name` is
 * not hidden, but what was sealed for one name opens for no other. */
void writ_seal(const uint8_t key[WRIT_KEY_LEN], struct writ_str name,
    const void *p, size_t n, uint8_t *out);
/** The reverse: out[n - WRIT_SEAL_BYTES].  WRIT_INVALID: changed, cut, another key or name. */
WRIT_MUST_CHECK enum writ_status
writ_unseal(const uint8_t key[WRIT_KEY_LEN], struct writ_str name,
    const uint8_t *p, size_t n, void *out);

static inline void
writ_locked_freep(void *pp)
{
	writ_locked_free(*(void **)pp);
}
/** Locked memory freed at the end of its scope: writ_auto_locked char *p = NULL; */
#define writ_auto_locked __attribute__((cleanup(writ_locked_freep)))

#endif
