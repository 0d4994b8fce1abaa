/*
 * session.h - what the files of libwrit's public API share.  Nothing outside
 * src/session includes it.
 */
#ifndef WRIT_SESSION_SESSION_H
#define WRIT_SESSION_SESSION_H

#include "broker/bytes.h"
#include "broker/cache.h"
#include "broker/compile.h"
#include "broker/resolver.h"
#include "policy/policy.h"
#include "writ/writ.h"

struct writ_host {
	char worker[4096], compiler[4096];	/* program paths */
	char program_dir[4096];			/* as given; "": not */
	struct writ_cache *cache;
	unsigned without_walls;
	bool has_resolver;			/* else those of this machine */
	struct writ_resolver resolver;
	int cancel_fd;		/* of the running call; -1: none */
	void (*progress)(void *ctx, const char *what);
	void *ctx;
};

static inline void
writ_host_freep(struct writ_host **h)
{
	writ_host_close(*h);
}

/** A component's bytes, sealed, and their digest; its path is borrowed. */
struct writ_component_file {
	const char *path;
	struct writ_bytes bytes;
	struct writ_digest digest;
};
void writ_component_file_release(struct writ_component_file *f);
WRIT_AUTO_RELEASE(writ_component_file)

/** Open a component file: regular, at most WRIT_COMPONENT_MAX bytes.  Sentences
 * in err name the file.  The bytes are not read yet.  WRIT_NOENT, WRIT_INVALID,
 * WRIT_LIMIT, WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_component_file_open(const char *path, int *fd, size_t *size,
    struct writ_err *err);
/** Read and hash it. */
WRIT_MUST_CHECK enum writ_status
writ_component_file_read(const char *path, int fd, size_t size,
    struct writ_component_file *out, struct writ_err *err);

/** Code and description from the cache, or made now.  *rejected (cleared first)
 * gets the sentence about a cache entry that was changed, for the audit. */
WRIT_MUST_CHECK enum writ_status
writ_host_code(struct writ_host *host, const struct writ_component_file *file,
    struct writ_code *out, bool *cached, struct writ_err *rejected,
    struct writ_err *err);

/** What an import gets under a policy, in words: "nothing", "/src (read)".
 * `name` as "wasi:filesystem/types@0.2.12".  False: the interface is not in the
 * void table.  `is_void` may be NULL. */
bool writ_void_words(const struct writ_policy *policy, struct writ_str name,
    struct writ_buf *words, bool *is_void);

/**
 * $NAME, or ~/FALLBACK, with /writ behind it; WRIT_INVALID when neither is set.
 */
WRIT_MUST_CHECK enum writ_status
writ_xdg(const char *name, const char *fallback, char out[4096],
    struct writ_err *err);

/** Read a document that grants (a writ, a toolbox, a lock): a regular file of a trusted owner
 * that nobody else may write, at most `max` bytes.  WRIT_NOENT, WRIT_DENIED,
 * WRIT_INVALID, WRIT_LIMIT, WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_doc_read(const char *path, size_t max, struct writ_bytes *out,
    struct writ_err *err);
/** The same of a path relative to the folder `dir`: no symbolic link in it is followed. */
WRIT_MUST_CHECK enum writ_status
writ_doc_read_at(int dir, const char *path, size_t max, struct writ_bytes *out,
    struct writ_err *err);
/** Write a document in one step: the old one, or the new one whole.  WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_doc_write(const char *path, struct writ_str text, struct writ_err *err);
/** `rel` below `dir`, unless it is absolute.  malloc'd; NULL without memory. */
char *writ_path_join(const char *dir, const char *rel);
/** The folder of `path`, absolute and real.  WRIT_IO, WRIT_NAMETOOLONG. */
WRIT_MUST_CHECK enum writ_status
writ_folder_of(const char *path, char out[4096], struct writ_err *err);
/** Refuse a document at `path` in folder `dir` that a grant of `p` would let be written: a writ
 * that its own tool may rewrite grants everything.  WRIT_DENIED. */
WRIT_MUST_CHECK enum writ_status
writ_policy_outside(const struct writ_policy *p, const char *path, const char *dir,
    struct writ_err *err);

/** The state folder (XDG_STATE_HOME/writ or ~/.local/state/writ), made with mode 0700. */
WRIT_MUST_CHECK enum writ_status
writ_state_dir(char out[4096], struct writ_err *err);
/** The path of a program of ours beside the running one, or where it is installed.
 * WRIT_NOENT. */
WRIT_MUST_CHECK enum writ_status
writ_host_program(const struct writ_host *host, const char *name, char out[4096],
    struct writ_err *err);

/** The buffer's text, malloc'd for the caller of the public API; releases the
 * buffer. */
WRIT_MUST_CHECK enum writ_status
writ_text_out(struct writ_buf *b, char **out, struct writ_err *err);

#endif
