/*
 * env.h - arguments, environment and wasi:config of a call: literal lists, nothing else.
 * Lives in the worker.
 */
#ifndef WRIT_CAP_ENV_H
#define WRIT_CAP_ENV_H

#include "base/vec.h"
#include "port/ports.h"

struct writ_env {
	struct writ_vec args, vars, settings;	/* struct writ_env_item */
	size_t bytes;
};

void writ_env_init(struct writ_env *e);
/** Free the lists.  Takes NULL. */
void writ_env_release(struct writ_env *e);

/** Append; bytes are copied.  Fails: WRIT_LIMIT too many or too large; WRIT_INVALID not
 * UTF-8, or a NUL inside; WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_env_add_arg(struct writ_env *e, struct writ_str arg);
WRIT_MUST_CHECK enum writ_status
writ_env_add_var(struct writ_env *e, struct writ_str key, struct writ_str value);
WRIT_MUST_CHECK enum writ_status
writ_env_add_setting(struct writ_env *e, struct writ_str key,
    struct writ_str value);

/** The port over `e`, which must outlive it unchanged. */
struct writ_env_port writ_env_port(struct writ_env *e);

#endif
