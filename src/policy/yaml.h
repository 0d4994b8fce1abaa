/*
 * yaml.h - YAML text to a bounded tree with positions.  Internal to
 * src/policy.  A strict subset: one document, no anchors, aliases, tags,
 * directives, merge keys, duplicate keys or keys that are not words.  Knows
 * nothing of writs.  yaml.c is the only file that includes libfyaml, whose own
 * allocations do not go through writ_alloc.
 */
#ifndef WRIT_POLICY_YAML_H
#define WRIT_POLICY_YAML_H

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

enum writ_yaml_kind { WRIT_YAML_SCALAR, WRIT_YAML_LIST, WRIT_YAML_MAP };

/** One node; lines and columns count from 1.  Text holds no NUL. */
struct writ_yaml_node {
	enum writ_yaml_kind kind;
	bool plain;		/* a scalar without quotes */
	unsigned line, column;
	struct writ_str text;	/* of a scalar */
	struct writ_str key;	/* when the parent is a map */
	unsigned key_line, key_column;
	size_t count;		/* children */
	struct writ_yaml_node *first, *next;
};

struct writ_yaml;		/* the tree and all memory of it */

/**
 * Parse `doc`.  The tree is *out's (writ_yaml_free).  Messages read
 * `FILE:LINE:COL: what`.
 * Fails: WRIT_INVALID not this subset of YAML; WRIT_LIMIT over a bound of
 * base/limits.h; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_yaml_parse(struct writ_str doc, const char *file, struct writ_yaml **out,
    struct writ_err *err);

/** The same for documents with texts of up to `text_max` bytes; writ_yaml_parse
 * stands for WRIT_DOC_STRING_MAX. */
WRIT_MUST_CHECK enum writ_status
writ_yaml_parse_long(struct writ_str doc, const char *file, size_t text_max,
    struct writ_yaml **out, struct writ_err *err);

/** The root node; lives as long as the tree. */
const struct writ_yaml_node *writ_yaml_root(const struct writ_yaml *y);

/** n bytes that live as long as the tree; NULL without memory. */
void *writ_yaml_mem(struct writ_yaml *y, size_t n);

/** Free; takes NULL. */
void writ_yaml_free(struct writ_yaml *y);
WRIT_AUTO_FREE(writ_yaml)

#endif
