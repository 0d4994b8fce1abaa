/*
 * box.h - a toolbox, loaded: its document, and for each group the component under its writ,
 * described and pinned.  Who calls the tools is serve.c's business.
 * What is loaded stays as it is in memory, whatever becomes of the files.
 */
#ifndef WRIT_SESSION_BOX_H
#define WRIT_SESSION_BOX_H

#include "policy/lock.h"
#include "policy/toolbox.h"
#include "session/tool.h"

struct writ_box_group {
	const struct writ_toolbox_group *spec;
	char *component, *writ;		/* paths; writ NULL: none */
	struct writ_bytes writ_text;
	struct writ_policy *policy;
	struct writ_tool tool;
};

/** One function of one group. */
struct writ_box_tool {
	struct writ_box_group *group;
	char *name;			/* as clients see it */
	struct writ_str export_name;	/* as the engine wants it; `described` owns it */
	struct writ_str title, description;	/* absent: {NULL, 0} */
	struct writ_toolbox_notes notes;
	char *input, *output;		/* JSON Schema; output NULL: no value */
	bool content;			/* the value is a list of content blocks */
	bool listed;
};

struct writ_box {
	char path[4096], dir[4096], lock[4096];	/* the toolbox, its folder, its lock */
	struct writ_bytes text;
	struct writ_toolbox *toolbox;
	struct writ_box_group *groups;		/* toolbox->groups_count */
	struct writ_vec tools;			/* struct writ_box_tool */
};

/** What to make of the lock. */
enum writ_box_lock {
	WRIT_BOX_LOCKED,	/* it must be there and agree */
	WRIT_BOX_UNLOCKED	/* do not look at it: `writ pin` */
};

/**
 * Load the toolbox at `path` with every component and writ it names.  *out is the caller's.
 * Fails: WRIT_NOENT no such file, or not pinned yet; WRIT_INVALID a mistake in one of them;
 * WRIT_DENIED ownership, place, strict, or a lock that differs (err->msg says what changed
 * first); WRIT_UNSUPPORTED an import; WRIT_LIMIT; WRIT_IO; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_box_load(struct writ_host *host, const char *path, enum writ_box_lock lock,
    struct writ_box **out, struct writ_err *err);
/** Free; nothing may run with its groups any more.  Takes NULL. */
void writ_box_free(struct writ_box *box);

static inline void
writ_box_freep(struct writ_box **box)
{
	writ_box_free(*box);
}

/** The tool that clients know as `name`, or NULL. */
struct writ_box_tool *writ_box_find(struct writ_box *box, struct writ_str name);

/** The lock of what was loaded, appended to `out`. */
WRIT_MUST_CHECK enum writ_status
writ_box_lock_text(const struct writ_box *box, struct writ_buf *out,
    struct writ_err *err);

#endif
