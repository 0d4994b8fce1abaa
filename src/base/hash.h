/*
 * hash.h - digests and keyed hashes (libsodium); the only file that knows it.
 */
#ifndef WRIT_BASE_HASH_H
#define WRIT_BASE_HASH_H

#include "base/buf.h"

#define WRIT_SHA256_LEN 32
#define WRIT_MAC_LEN 32
#define WRIT_KEY_LEN 32

/** "sha256:" + 64 hex digits + NUL. */
#define WRIT_DIGEST_TEXT 72

struct writ_digest {
	uint8_t b[WRIT_SHA256_LEN];
};

/** A running SHA-256 (FIPS 180-4).  Opaque, large enough for the library's
 * state. */
struct writ_sha256 {
	_Alignas(16) uint8_t state[128];
};

/** Prepare the library; call once before anything else here.  WRIT_IO on
 * failure. */
WRIT_MUST_CHECK enum writ_status writ_hash_init(void);
void writ_sha256(const void *p, size_t n, struct writ_digest *out);
void writ_sha256_start(struct writ_sha256 *h);
void writ_sha256_add(struct writ_sha256 *h, const void *p, size_t n);
void writ_sha256_end(struct writ_sha256 *h, struct writ_digest *out);
/** BLAKE2b-256 of p[n] under key (RFC 7693). */
void writ_mac(const uint8_t key[WRIT_KEY_LEN], const void *p, size_t n,
    uint8_t out[WRIT_MAC_LEN]);
/** Compare in constant time. */
bool writ_mac_eq(const uint8_t a[WRIT_MAC_LEN], const uint8_t b[WRIT_MAC_LEN]);
/** n bytes from the system's generator. */
void writ_hash_random(void *p, size_t n);
/** Deterministic stream: n bytes of ChaCha20 keyed by BLAKE2b(seed), from block
 * position *pos (bytes), which is advanced. */
void writ_hash_stream(uint64_t seed, uint64_t *pos, void *p, size_t n);
/** "sha256:<hex>" into out. */
void writ_digest_text(const struct writ_digest *d, char out[WRIT_DIGEST_TEXT]);
/** The reverse; WRIT_INVALID for anything else. */
WRIT_MUST_CHECK enum writ_status
writ_digest_parse(struct writ_str s, struct writ_digest *out);

#endif
