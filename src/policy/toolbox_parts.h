/*
 * toolbox_parts.h - readers that toolbox.c and toolbox_show.c share.  Internal to
 * src/policy.
 */
#ifndef WRIT_POLICY_TOOLBOX_PARTS_H
#define WRIT_POLICY_TOOLBOX_PARTS_H

#include "policy/doc.h"
#include "policy/lookalike.h"
#include "policy/toolbox.h"

/* Readers for tables; each field is a struct writ_str. */
writ_doc_read writ_toolbox_read_name;	/* a name of MCP, at most k->max bytes */
writ_doc_read writ_toolbox_read_line;	/* a title: one line, not empty */
writ_doc_read writ_toolbox_read_text;	/* a text with nothing hidden, not empty */
writ_doc_read writ_toolbox_read_path;	/* a path, from the toolbox's folder */

/* Sections; the field is the struct writ_toolbox. */
writ_doc_read writ_toolbox_read_prompts, writ_toolbox_read_resources;

/** `kind "name": ` before messages from here on, without the name if it is bad. */
void writ_toolbox_in(struct writ_doc *d, const struct writ_yaml_node *n,
    const char *kind, const char *key);

/** Room for `list` (a list of 1 to max nodes), zeroed, of the document's memory. */
WRIT_MUST_CHECK enum writ_status
writ_toolbox_room(struct writ_doc *d, const struct writ_yaml_node *list,
    size_t max, size_t size, void *out);

/** Add `name` to `l`; a clash is reported at `n`. */
WRIT_MUST_CHECK enum writ_status
writ_toolbox_unique(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_lookalike *l, struct writ_str name);

/** What is wrong with a template's URI, or NULL; names[*count] get its variables. */
const char *writ_toolbox_template_wrong(struct writ_str uri,
    struct writ_str names[WRIT_TOOLBOX_VARIABLES_MAX], size_t *count);

/** What is wrong with the placeholders of a message's text, or NULL. */
const char *writ_toolbox_expand_wrong(const struct writ_toolbox_prompt *p,
    struct writ_str text);

#endif
