/*
 * catalog.h - what the toolbox offers, as the broker told it last: tools, prompts,
 * resources.  What lists show of each is rendered once, when it arrives.
 * Immutable once complete; a new one replaces it whole.
 */
#ifndef WRIT_MCP_CATALOG_H
#define WRIT_MCP_CATALOG_H

#include "base/hash.h"
#include "base/json.h"
#include "base/vec.h"
#include "wire/api.h"

struct writ_mcp_tool {
	char name[WRIT_TOOL_NAME_MAX + 1];
	uint8_t flags;
	bool has_output;
	const char *session;	/* NAMED: the argument's name; static */
	struct writ_str shown;	/* owned: JSON object of tools/list */
};

/** A prompt, a resource or a template. */
struct writ_mcp_entry {
	json_t *json;		/* owned */
	struct writ_str name;	/* of a prompt; else the URI or its template; borrowed of json */
	struct writ_str shown;	/* owned: JSON object of its list */
};

struct writ_mcp_catalog {
	uint32_t generation;
	struct writ_str name, instructions;	/* owned */
	struct writ_vec tools;		/* struct writ_mcp_tool, in order of arrival */
	struct writ_vec prompts, resources, templates;	/* struct writ_mcp_entry */
	size_t bytes;
};

/** An empty one.  Fails: WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_mcp_catalog_new(struct writ_mcp_catalog **out);
/** Takes NULL. */
void writ_mcp_catalog_free(struct writ_mcp_catalog *c);
WRIT_AUTO_FREE(writ_mcp_catalog)

/** Add what a TOOL, PROMPT or RESOURCE says.  Fails: WRIT_PROTO malformed (err: how);
 * WRIT_LIMIT; WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_mcp_catalog_tool(struct writ_mcp_catalog *c, struct writ_str body,
    struct writ_err *err);
WRIT_MUST_CHECK enum writ_status
writ_mcp_catalog_prompt(struct writ_mcp_catalog *c, struct writ_str body,
    struct writ_err *err);
WRIT_MUST_CHECK enum writ_status
writ_mcp_catalog_resource(struct writ_mcp_catalog *c, struct writ_str body,
    struct writ_err *err);
/** Add the tool that files requests. */
WRIT_MUST_CHECK enum writ_status
writ_mcp_catalog_grants(struct writ_mcp_catalog *c);
/** Complete it with a CATALOG. */
WRIT_MUST_CHECK enum writ_status
writ_mcp_catalog_end(struct writ_mcp_catalog *c, struct writ_str body,
    struct writ_err *err);

/** By name; NULL. */
const struct writ_mcp_tool *
writ_mcp_catalog_find_tool(const struct writ_mcp_catalog *c,
    struct writ_str name);
const struct writ_mcp_entry *
writ_mcp_catalog_find(const struct writ_vec *entries, struct writ_str name);

/** Whether the lists of two vectors show the same. */
bool writ_mcp_catalog_same_tools(const struct writ_mcp_catalog *a,
    const struct writ_mcp_catalog *b);
bool writ_mcp_catalog_same(const struct writ_vec *a, const struct writ_vec *b);

/** Append what a list shows of a resource or template (json: checked by the caller). */
void writ_mcp_catalog_show(struct writ_buf *b, struct writ_str raw);

#endif
