/*
 * lookalike.h - names for tools and prompts, and which of them people confuse.
 * Knows MCP's alphabet, and no other script: a name outside it is no name.
 */
#ifndef WRIT_POLICY_LOOKALIKE_H
#define WRIT_POLICY_LOOKALIKE_H

#include "base/limits.h"
#include "base/str.h"
#include "base/vec.h"

/** A set of names that must not be taken for each other. */
struct writ_lookalike {
	struct writ_vec names;
};

/** What is wrong with `s` as a name of MCP (1-128 of A-Z a-z 0-9 _ . -), or NULL. */
const char *writ_lookalike_name_wrong(struct writ_str s);

/**
 * What a good name looks like, as a C string: case, 0/O, 1/l/I/i, rn/m, vv/w and runs
 * of - _ . make no difference.  Two names are look-alikes when these are equal.
 */
void writ_lookalike_skeleton(struct writ_str name,
    char out[2 * WRIT_TOOL_NAME_MAX + 1]);

/** Whether the name belongs to the server: it looks as if it began with `writ_`. */
bool writ_lookalike_reserved(struct writ_str name);

/** Start empty: `max` names at most. */
void writ_lookalike_init(struct writ_lookalike *l, size_t max);
/** Free; the names are not owned. */
void writ_lookalike_release(struct writ_lookalike *l);
WRIT_AUTO_RELEASE(writ_lookalike)

/**
 * Add `name`, borrowed as long as `l` lives.
 * Fails: WRIT_INVALID no good name, or reserved; WRIT_EXIST it is there already, or
 * looks like one that is (err names both); WRIT_LIMIT more than `max`; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_lookalike_add(struct writ_lookalike *l, struct writ_str name,
    struct writ_err *err);

#endif
