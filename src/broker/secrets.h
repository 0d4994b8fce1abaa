/*
 * secrets.h - the secrets that a session's grants name, in locked memory that is left out of
 * core dumps (libsodium), and the taint by which they are kept out of whatever is written.
 * The store itself is broker/secret_store.h.  One thread.
 */
#ifndef WRIT_BROKER_SECRETS_H
#define WRIT_BROKER_SECRETS_H

#include "policy/policy.h"

struct writ_secrets;

/** Fetch every secret that `policy` names from its source.  *out is NULL when it names none.
 * Fails with a sentence that names the secret, never its value: WRIT_NOENT no such secret;
 * WRIT_DENIED a file that others can read or write; WRIT_LIMIT; WRIT_INVALID a value that
 * no header may have; WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_secrets_open(const struct writ_policy *policy, const char *state_dir,
    struct writ_secrets **out, struct writ_err *err);
/** Wipe and free; takes NULL. */
void writ_secrets_free(struct writ_secrets *s);
WRIT_AUTO_FREE(writ_secrets)

/** The index of a secret by name, or -1. */
int writ_secrets_index(const struct writ_secrets *s, const char *name);
/** A pipe's read end that holds the secret and then ends; the caller's to close.  WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_secrets_pipe(const struct writ_secrets *s, unsigned index, int *fd,
    struct writ_err *err);
/** Fetch them anew if the store or a file changed since; *changed tells.  A secret that is gone
 * makes its requests fail (index stays, pipe is WRIT_NOENT). */
WRIT_MUST_CHECK enum writ_status
writ_secrets_refresh(struct writ_secrets *s, bool *changed, struct writ_err *err);

/**
 * Append `text` to `out` with every secret in it, as it is or in a common encoding (base64 in its
 * three alignments, base64url, hex, percent-encoded, JSON-escaped), replaced by
 * "[secret NAME]".  `s` NULL: as it is.
 */
void writ_secrets_redact(const struct writ_secrets *s, struct writ_str text,
    struct writ_buf *out);
/** Whether there is one in it. */
bool writ_secrets_in(const struct writ_secrets *s, struct writ_str text);
/** How many bytes at its end may be the beginning of one (writ_taint_tail). */
size_t writ_secrets_tail(const struct writ_secrets *s, struct writ_str text);

/**
 * `text` itself, or what may be told of it, in `room` (to be initialised by the caller): at most
 * `max` bytes of it.  Empty when there is no memory to look.
 */
struct writ_str writ_secrets_clean(const struct writ_secrets *s,
    struct writ_str text, size_t max, struct writ_buf *room);
/** The same for a C string of `cap` bytes, in its place. */
void writ_secrets_clean_text(const struct writ_secrets *s, char *text,
    size_t cap);
/** For writ_audit_filter: ctx is a struct writ_secrets. */
void writ_secrets_filter(void *ctx, struct writ_str text, struct writ_buf *out);

#endif
