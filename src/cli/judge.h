/*
 * judge.h - whether a client's entry for an MCP server is one that runs in Writ.
 * What cannot be told counts as one that does not.
 */
#ifndef WRIT_CLI_JUDGE_H
#define WRIT_CLI_JUDGE_H

#include "base/json.h"

enum server_state {
	SERVER_INSIDE,		/* this program, with all its walls */
	SERVER_OTHER,		/* called writ, and another program */
	SERVER_WEAKENED,	/* this program, told to do without something */
	SERVER_UNCHECKED,	/* somewhere else */
	SERVER_OUTSIDE
};

/** `why` becomes static words, "" if it is inside. */
enum server_state client_judge(const json_t *entry, const char *program,
    const char **why);
const char *client_state_name(enum server_state state);

#endif
