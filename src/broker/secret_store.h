/*
 * secret_store.h - the operator's secrets at rest: STATE/secrets/store, each value sealed under a
 * key that only this user can read (STATE/secrets/store.key, mode 0600), or that is kept
 * in the kernel's keyring and is gone when the machine stops.  Values are in locked memory
 * alone while they are open.
 *
 * Whoever has the user's files has key and store: the seal keeps values out of backups of the one
 * without the other, and tells when the store was changed by hand.  An older store put in
 * the place of a newer one is not noticed.
 */
#ifndef WRIT_BROKER_SECRET_STORE_H
#define WRIT_BROKER_SECRET_STORE_H

#include "base/seal.h"
#include "base/vec.h"

struct writ_secret_store;

enum writ_secret_key {
	WRIT_SECRET_KEY_FILE,
	WRIT_SECRET_KEY_KEYRING
};

/** One secret.  value: locked memory, freed with writ_locked_free. */
struct writ_secret_value {
	uint8_t *ptr;
	size_t len;
};

/**
 * What is wrong with a value, in words, or NULL: WRIT_SECRET_MIN to WRIT_SECRET_MAX bytes, none of
 * them a control character, no space at either end.
 */
const char *writ_secret_bad(struct writ_str value);
/** As the names of a writ: [a-z0-9][a-z0-9_-]{0,63}. */
bool writ_secret_name_ok(struct writ_str name);

/**
 * Open the store below `state_dir`.  Without `write` one that does not exist is WRIT_NOENT;
 * with it, folder and key are made and others who write have to wait.  Fails: WRIT_DENIED
 * not ours alone; WRIT_INVALID damaged, or its key is another one; WRIT_BUSY; WRIT_IO;
 * WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_secret_store_open(const char *state_dir, bool write,
    struct writ_secret_store **out, struct writ_err *err);
void writ_secret_store_free(struct writ_secret_store *s);
WRIT_AUTO_FREE(writ_secret_store)

/** Keep the key of a store that holds nothing there.  WRIT_EXIST it holds something. */
WRIT_MUST_CHECK enum writ_status
writ_secret_store_key(struct writ_secret_store *s, enum writ_secret_key where,
    struct writ_err *err);
enum writ_secret_key
writ_secret_store_where(const struct writ_secret_store *s);

/** The value of `name`, the caller's.  WRIT_NOENT; WRIT_INVALID; WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_secret_store_get(struct writ_secret_store *s, struct writ_str name,
    struct writ_secret_value *out, struct writ_err *err);
/** Set or replace; on disk when it returns.  WRIT_INVALID a bad name or value; WRIT_LIMIT. */
WRIT_MUST_CHECK enum writ_status
writ_secret_store_set(struct writ_secret_store *s, struct writ_str name,
    struct writ_str value, int64_t wall_ms, struct writ_err *err);
/** WRIT_NOENT there is none. */
WRIT_MUST_CHECK enum writ_status
writ_secret_store_remove(struct writ_secret_store *s, struct writ_str name,
    struct writ_err *err);
/** Remove the store and its key, whatever state they are in. */
WRIT_MUST_CHECK enum writ_status
writ_secret_store_clear(const char *state_dir, struct writ_err *err);

struct writ_secret_entry {
	struct writ_str name;		/* the store's, until it is changed */
	int64_t set_ms;
	char print[9];			/* of the value, under a key of this store; hex */
};
/** The ith, in the order of names; false: there are no more. */
bool writ_secret_store_at(struct writ_secret_store *s, size_t i,
    struct writ_secret_entry *out);

/** When the file last changed, as an opaque stamp; all zeros: there is none. */
struct writ_secret_stamp {
	uint64_t v[4];
};
void writ_secret_store_stamp(const char *state_dir,
    struct writ_secret_stamp *out);

#endif
