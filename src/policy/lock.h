/*
 * lock.h - toolbox.lock: what a toolbox's tools were when a person looked at them.
 * Pure: facts in, canonical JSON out, and back.  The text of descriptions, schemas and
 * writs is kept beside their digests, so that a change can be shown and not only told.
 *
 * One struct serves facts (all borrowed from the caller) and what was parsed.  Texts
 * are {NULL,0} when absent; an empty text is the same as none.
 */
#ifndef WRIT_POLICY_LOCK_H
#define WRIT_POLICY_LOCK_H

#include "base/hash.h"
#include "policy/toolbox.h"

struct writ_lock_function {
	struct writ_str name;		/* shown to clients */
	struct writ_str export_name;	/* in full, with interface and version */
	bool listed;
	struct writ_str title, description;
	struct writ_toolbox_notes notes;
	struct writ_str input, output;	/* JSON Schema, as sent; output may be absent */
};

struct writ_lock_tool {
	struct writ_str name;		/* of the group */
	struct writ_digest component;
	struct writ_str writ_file;	/* as the toolbox names it; absent: none */
	struct writ_str writ;		/* the writ's text; absent: no authority */
	enum writ_toolbox_session session;
	struct writ_str *imports;	/* of the component, any order */
	size_t imports_count;
	struct writ_lock_function *functions;
	size_t functions_count;
};

struct writ_lock {
	struct writ_str instructions;	/* of the toolbox */
	struct writ_lock_tool *tools;
	size_t tools_count;
	void *memory;			/* internal; NULL in facts */
};

/**
 * Write the facts as a lock: canonical, so that equal facts give equal bytes.  This is
 * also where names and texts that a component brings are judged: names that are equal
 * or look alike, hidden text, too many functions.
 * Fails: WRIT_INVALID, WRIT_EXIST as said (err names the tool); WRIT_LIMIT too many, or
 * over out->max or WRIT_LOCK_MAX; WRIT_NOMEM.  `out` is the caller's, appended to.
 */
WRIT_MUST_CHECK enum writ_status
writ_lock_make(const struct writ_lock *facts, struct writ_buf *out,
    struct writ_err *err);

/**
 * Read a lock of at most WRIT_LOCK_MAX bytes.  Strict: every key known, in place and
 * of its type, every digest that of the text beside it.  *out is the caller's.
 * Fails: WRIT_INVALID, WRIT_LIMIT, WRIT_NOMEM; messages begin with `file`.
 */
WRIT_MUST_CHECK enum writ_status
writ_lock_parse(struct writ_str text, const char *file, struct writ_lock **out,
    struct writ_err *err);

/** Free what writ_lock_parse made; takes NULL. */
void writ_lock_free(struct writ_lock *l);
WRIT_AUTO_FREE(writ_lock)

/**
 * Whether `now` is what `old` says, in everything; order does not count.  What differs
 * is appended to `diff` (may be NULL) for people, safe for a terminal: first what the
 * tools may do (writs, judged by writ_policy_subset, and imports), then what there is,
 * then what is said.  A diff that does not fit, or no memory, never makes them the same.
 */
bool writ_lock_same(const struct writ_lock *old, const struct writ_lock *now,
    struct writ_buf *diff);

#endif
