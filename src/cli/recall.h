/*
 * recall.h - find a decision again that an earlier run told by its id, in the
 * audit logs.  Reads the format of docs/AUDIT.md, and checks the chain up to
 * what it found.
 */
#ifndef WRIT_CLI_RECALL_H
#define WRIT_CLI_RECALL_H

#include "base/json.h"

/** What was found; release with cli_recall_release. */
struct cli_recall {
	char file[4096];
	json_t *decision;	/* the record of type "decision" */
	json_t *start;		/* its session's "session-start", or NULL */
	uint64_t line;		/* where the decision stands, from 1 */
	char doubt[1024];	/* why it is not to be believed, or "" */
};

/** Is it an id such as "24d6-18"? */
bool cli_recall_is_id(const char *text);

/**
 * Look in `audit`, or (NULL) in the logs of the state folder, newest first.
 * Fails: WRIT_NOENT no log has it; WRIT_INVALID not an id; WRIT_IO; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status cli_recall_find(const char *id,
    const char *audit, struct cli_recall *out, struct writ_err *err);
void cli_recall_release(struct cli_recall *r);

#endif
