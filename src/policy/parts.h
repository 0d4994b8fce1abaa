/*
 * parts.h - readers of the sections of a writ.  Internal to src/policy: parse.c
 * calls them from its table, each fills d->p or only checks shape (kinds not
 * built yet).
 */
#ifndef WRIT_POLICY_PARTS_H
#define WRIT_POLICY_PARTS_H

#include "policy/doc.h"

/** `from`: which store, and the text behind the colon. */
struct writ_doc_source {
	enum writ_source_kind kind;	/* the outermost */
	enum writ_source_kind base;	/* under all overlays */
	struct writ_str text;	/* behind the first colon; empty for memory */
};

writ_doc_read writ_doc_source;	/* struct writ_doc_source: any source */
writ_doc_read writ_doc_bucket_source;	/* the same: memory, database, shared */

/* Sections; `field` is unused, all write to d->p. */
writ_doc_read writ_doc_files, writ_doc_deny;
writ_doc_read writ_doc_http, writ_doc_sockets;
writ_doc_read writ_doc_keyvalue, writ_doc_blobs, writ_doc_spawn,
    writ_doc_client;
writ_doc_read writ_doc_clock, writ_doc_random, writ_doc_env, writ_doc_config;
writ_doc_read writ_doc_secrets;

/* Shared readers; the field is a struct writ_str. */
writ_doc_read writ_doc_keys;	/* a key pattern */
writ_doc_read writ_doc_tool;	/* a tool's name, as MCP has it */
writ_doc_read writ_doc_ask;	/* unsigned: 0 never, 1 first, 2 each */

/** A set of address ranges; *out and *count are the grant's, also on failure. */
WRIT_MUST_CHECK enum writ_status
writ_doc_ranges(struct writ_doc *d, const struct writ_yaml_node *list,
    struct writ_range **out, size_t *count);

/** `deny` over http and over sockets: append to d->p, without a name. */
WRIT_MUST_CHECK enum writ_status
writ_doc_deny_http(struct writ_doc *d, const struct writ_yaml_node *n);
WRIT_MUST_CHECK enum writ_status
writ_doc_deny_sockets(struct writ_doc *d, const struct writ_yaml_node *n);

/**
 * Sort, compare and index what `p` holds; the place where mounts and names must
 * be unique is checked by the callers.  WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status writ_policy_sort(struct writ_policy *p);

/**
 * Read one document or (fragment) some sections of one.
 * As writ_policy_parse; a fragment has no `writ`, `name`, `component`, ....
 */
WRIT_MUST_CHECK enum writ_status
writ_doc_parse(struct writ_str text, const char *file, bool fragment,
    struct writ_policy **out, struct writ_err *err);

#endif
