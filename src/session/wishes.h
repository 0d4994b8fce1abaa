/*
 * wishes.h - what agents asked to be granted: a list for a person to read.  Filing a wish
 * changes no writ; who agrees edits the writ, and pins.
 */
#ifndef WRIT_SESSION_WISHES_H
#define WRIT_SESSION_WISHES_H

#include "base/buf.h"

#define WRIT_WISH_ID 9

/** Untrusted words, at most WRIT_API_WORDS_MAX bytes each. */
struct writ_wish {
	struct writ_str client, toolbox, tool, what, why;
};

/**
 * Append a wish to STATE/writ/wishes.jsonl; `id` names it.  One that was filed already (same
 * toolbox, tool and words) keeps its id and is not filed twice.
 * Fails: WRIT_LIMIT too many are open; WRIT_IO.
 */
WRIT_MUST_CHECK enum writ_status
writ_wish_file(const struct writ_wish *wish, char id[WRIT_WISH_ID],
    struct writ_err *err);

#endif
