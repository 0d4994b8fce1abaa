/*
 * writ/secret.h - the operator's secrets, which writs name and guests never see
 * (docs/SECRETS.md).  Part of the public API; compiles alone as C11 and C++17.
 * No function here gives a value back.
 */
#ifndef WRIT_SECRET_H
#define WRIT_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "writ/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a value: WRIT_SECRET_VALUE_MIN to WRIT_SECRET_VALUE_MAX. */
#define WRIT_SECRET_VALUE_MIN 8
#define WRIT_SECRET_VALUE_MAX (16 * 1024)

/** How to set one.  Zero-initialise, then set what you need. */
struct writ_secret_options {
	bool keyring;	/* keep the store's key in the kernel's keyring, not in a file */
	bool replace;	/* there must be one of that name (rotate) */
};

/**
 * Set the secret `name` to value[len], which is not kept; encrypted and on disk when this
 * returns.  *replaced (may be NULL): there was one of that name.
 * Fails: WRIT_INVALID a bad name or value, or a damaged store; WRIT_NOENT replace, and there is
 * none; WRIT_EXIST keyring, and the store has secrets under a key in a file; WRIT_UNSUPPORTED
 * no keyring here; WRIT_DENIED the store is open to others; WRIT_BUSY; WRIT_LIMIT; WRIT_IO;
 * WRIT_NOMEM (also when no more memory may be locked).
 */
enum writ_status writ_secret_set(const char *name, const char *value, size_t len,
    const struct writ_secret_options *options, bool *replaced,
    struct writ_err *err);

/** Remove it: requests that need it fail from now on.  WRIT_NOENT; otherwise as above. */
enum writ_status writ_secret_remove(const char *name, struct writ_err *err);

/** Remove the whole store and its key, whatever state they are in. */
enum writ_status writ_secret_remove_all(struct writ_err *err);

/**
 * What there is, as JSON in *json, to be freed with writ_free: {"key":"file" or "keyring",
 * "secrets":[{"name","set","fingerprint"}]}.  A fingerprint tells whether two values are the
 * same, to who has this store's key.  An empty list when there is no store.
 */
enum writ_status writ_secret_list(char **json, struct writ_err *err);

#ifdef __cplusplus
}
#endif
#endif
