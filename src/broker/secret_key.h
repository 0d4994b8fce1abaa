/*
 * secret_key.h - the key of the secret store: a file beside it, or a key in the kernel's keyring of
 * this user, which ends with the machine.
 */
#ifndef WRIT_BROKER_SECRET_KEY_H
#define WRIT_BROKER_SECRET_KEY_H

#include "base/seal.h"

/** Read the key of folder `dir`.  WRIT_NOENT there is none; WRIT_DENIED others can read it. */
WRIT_MUST_CHECK enum writ_status
writ_secret_key_file(int dir, uint8_t key[WRIT_KEY_LEN], struct writ_err *err);
/** Make one; the one that was there is gone.  WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_secret_key_file_new(int dir, uint8_t key[WRIT_KEY_LEN],
    struct writ_err *err);
/** The same in the keyring, by the id of a store.  WRIT_NOENT; WRIT_UNSUPPORTED no keyring here. */
WRIT_MUST_CHECK enum writ_status
writ_secret_key_ring(uint64_t id, uint8_t key[WRIT_KEY_LEN],
    struct writ_err *err);
WRIT_MUST_CHECK enum writ_status
writ_secret_key_ring_new(uint64_t id, uint8_t key[WRIT_KEY_LEN],
    struct writ_err *err);
/** Forget it; takes an id that has none. */
void writ_secret_key_ring_drop(uint64_t id);

#endif
