/*
 * writ/policy.h - writs: the documents that grant authority to a component.
 * Part of the public API; compiles alone as C11 and C++17.
 */
#ifndef WRIT_PUBLIC_POLICY_H
#define WRIT_PUBLIC_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "writ/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct writ_policy;

/**
 * Load a writ from a file.  Relative host paths in it start at the file's own
 * folder.  Refused: a symbolic link, not a regular file, world-writable, owned
 * by anybody but the user (or root, or SUDO_UID), lying inside a folder that it
 * grants for writing.  *out is the caller's (writ_policy_free).
 * Fails: WRIT_NOENT; WRIT_DENIED ownership or place; WRIT_INVALID a mistake, as
 * FILE:LINE:COL: ...; WRIT_UNSUPPORTED a kind of grant not built yet;
 * WRIT_LIMIT; WRIT_IO; WRIT_NOMEM.
 */
enum writ_status writ_policy_load(const char *path, struct writ_policy **out,
    struct writ_err *err);

/** The writ that grants nothing.  *out as above. */
enum writ_status writ_policy_void(struct writ_policy **out,
    struct writ_err *err);

/**
 * Add one grant in text form, as a fragment of a writ or in the short form of
 * `writ run --grant` ("files read /src host:./src", "env K=V", "clock real",
 * "random secure").  Host paths are relative to the working directory.
 */
enum writ_status writ_policy_grant(struct writ_policy *policy, const char *text,
    struct writ_err *err);

/** Grant the host directory `host` at guest path `guest` (`--dir`). */
enum writ_status writ_policy_grant_dir(struct writ_policy *policy,
    const char *host, const char *guest, bool write, struct writ_err *err);

/** Grant one environment variable (`--env`). */
enum writ_status writ_policy_grant_env(struct writ_policy *policy,
    const char *key, const char *value, struct writ_err *err);

/** Free; takes NULL. */
void writ_policy_free(struct writ_policy *policy);

/** The file of the component the writ names, resolved against its folder, or
 * NULL.  Borrowed. */
const char *writ_policy_component(const struct writ_policy *policy);

/**
 * Describe the writ as JSON (grants, limits, digests, notes), malloc'd
 * NUL-terminated text in *json, to be freed with writ_free.  Fails: WRIT_NOMEM.
 */
enum writ_status writ_policy_json(const struct writ_policy *policy, char **json,
    struct writ_err *err);

/**
 * Judge one request without doing it (`writ explain`): kind "files", "http",
 * "sockets", "keyvalue", "blobs" or "spawn"; op e.g. "read", "write", "GET";
 * target a guest path, URL or name.  *json:
 * {"verdict","rule","grant","reason","nearest","smallest"}, to be freed with
 * writ_free.  Fails: WRIT_INVALID an unknown kind or op; WRIT_NOMEM.
 */
enum writ_status writ_policy_explain(const struct writ_policy *policy,
    const char *kind, const char *op, const char *target, char **json,
    struct writ_err *err);

/** Free text that this library returned; takes NULL. */
void writ_free(void *text);

#ifdef __cplusplus
}
#endif
#endif
