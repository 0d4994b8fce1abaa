/*
 * scan.h - slices of JSON text, for values that must leave as they came: ids, arguments,
 * numbers of any size.  Works only on text that writ_json_parse_foreign accepted; knows
 * nothing of types.  Never allocates, never reads past the slice.
 */
#ifndef WRIT_MCP_SCAN_H
#define WRIT_MCP_SCAN_H

#include "base/buf.h"

/** Walks the members of an object or the items of an array. */
struct writ_mcp_scan {
	struct writ_str rest;
};

/** Start at an object or array; another value has nothing in it. */
struct writ_mcp_scan writ_mcp_scan(struct writ_str value);

/** The next one: its key as written, with quotes (empty in an array), and its value
 * without white space around it.  False at the end. */
bool writ_mcp_scan_next(struct writ_mcp_scan *scan, struct writ_str *key,
    struct writ_str *value);

/** Whether a key as written spells `name` (printable ASCII), with or without escapes. */
bool writ_mcp_scan_is(struct writ_str key, const char *name);

/** The value of a member of `object`; false when there is none. */
bool writ_mcp_scan_member(struct writ_str object, const char *name,
    struct writ_str *value);

/** Append a value without the white space between its tokens: on one line. */
void writ_mcp_scan_tight(struct writ_buf *b, struct writ_str value);

#endif
