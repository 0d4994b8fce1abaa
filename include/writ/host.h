/*
 * writ/host.h - the place where components run: programs, cache, jail.  Part of
 * the public API; compiles alone as C11 and C++17.  One host may serve many
 * calls, one at a time; use it from one thread.
 */
#ifndef WRIT_HOST_H
#define WRIT_HOST_H

#include <stdint.h>

#include "writ/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

struct writ_host;

/** The version of the library, e.g. "0.1.0"; static. */
const char *writ_version(void);

/**
 * Call first in main(), with one thread.  Prepares the library and steps down:
 * root through sudo becomes the user who called it, plain root gives up its
 * capabilities, any process becomes undumpable.  A program that must keep
 * root's powers has no business running guests.
 * Fails: WRIT_INVALID malformed SUDO_UID or SUDO_GID; WRIT_IO the kernel
 * refused.
 */
enum writ_status writ_process_init(struct writ_err *err);

/** How to open a host.  Zero-initialise, then set what you need. */
struct writ_host_options {
	/** Folder of writ-worker and writ-compiler; NULL: beside the running
	 * program, then the installed place. */
	const char *program_dir;
	/** The compile cache; NULL: $XDG_CACHE_HOME/writ or ~/.cache/writ. */
	const char *cache_dir;
	/** Bytes that the cache may have; what was used longest ago is removed
	 * first.  0: 2 GiB. */
	uint64_t cache_max_bytes;
	/** Names of jail walls to do without, comma-separated, e.g. "landlock";
	 * NULL: none.  Each is recorded in every audit log.  A missing wall is
	 * otherwise a refusal. */
	const char *without_walls;
	/** The one name server to ask, "ADDR", "ADDR:PORT" or "[IPV6]:PORT"; NULL: those of
	 * /etc/resolv.conf.  It is recorded. */
	const char *resolver;
	/** Called when something takes longer than half a second (a first
	 * compile); may be NULL. */
	void (*progress)(void *ctx, const char *what);
	void *ctx;
};

/**
 * *out is the caller's (writ_host_close).  Fails: WRIT_INVALID an unknown wall, or no name server;
 * WRIT_UNSUPPORTED a wall this kernel does not offer; WRIT_IO; WRIT_NOMEM.
 */
enum writ_status writ_host_open(const struct writ_host_options *options,
    struct writ_host **out, struct writ_err *err);
void writ_host_close(struct writ_host *host);

/**
 * What a component imports and exports, and what each import gets without a
 * grant or (policy not NULL) with this one: JSON in *json, to be freed with
 * writ_free.  {"file","digest","size","wasi","run","producers":[...],
 *  "imports":[{"name","functions":[{"name","type"}],"offered":true,
 *  "gets":"..."}],
 *  "exports":[...],"missing":[...]}
 * Compiles nothing.  Fails: WRIT_INVALID not a component (one sentence);
 * WRIT_NOENT; WRIT_LIMIT too large; WRIT_IO.
 */
enum writ_status writ_host_inspect(struct writ_host *host,
    const char *component, const struct writ_policy *policy, char **json,
    struct writ_err *err);

/** The cache as JSON: {"dir","entries":[{"digest","bytes","used"}],"bytes",
 * "max_bytes"}. */
enum writ_status writ_host_cache_list(struct writ_host *host, char **json,
    struct writ_err *err);
/** Remove every entry, *removed how many, and what killed runs left. */
enum writ_status writ_host_cache_clear(struct writ_host *host,
    unsigned *removed, struct writ_err *err);

/**
 * Check the chain of an audit log (docs/AUDIT.md).  *good, always set: how many
 * records from the first one are whole and in order.
 * Fails: WRIT_INVALID at the record after them, with the reason; WRIT_NOENT;
 * WRIT_IO; WRIT_NOMEM.
 */
enum writ_status writ_log_check(const char *path, uint64_t *good,
    struct writ_err *err);

/** What of the jail this machine offers: JSON,
 * {"walls":[{"name","offered","what"}],
 * "engine","kernel","user","groups":[...],"approver"}; groups: those that a
 * worker keeps beside its user's own.  Needs no host. */
enum writ_status writ_doctor(char **json, struct writ_err *err);

#ifdef __cplusplus
}
#endif
#endif
