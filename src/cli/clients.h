/*
 * clients.h - the MCP clients that are known: where each keeps its servers, how
 * an entry is written, which tools it has of its own, and what closes them.
 */
#ifndef WRIT_CLI_CLIENTS_H
#define WRIT_CLI_CLIENTS_H

#include "cli/cli.h"

#define CLIENT_NAME_MAX 64

/** What a path of the table begins at. */
enum client_base {
	CLIENT_ABSOLUTE,
	CLIENT_CWD,		/* the working folder */
	CLIENT_BESIDE,		/* the folder of the client's own file */
	CLIENT_HOME,
	CLIENT_CONFIG		/* $XDG_CONFIG_HOME, or ~/.config */
};

struct client {
	const char *name, *title;
	enum client_base base;	/* of `file`, where its servers are */
	const char *file;
	const char *key;	/* the member that holds the servers */
	bool typed;		/* an entry says "type": "stdio" */
	bool comments;		/* its JSON may have comments */
	/* permissions.deny of this file closes tools; NULL: no file does */
	const char *deny_file;
	/* the same for a user's own configuration folder, if it is another */
	const char *home_dir, *home_deny_file;
	const char *offer;	/* what else it offers; NULL: nothing */
	const char *example;	/* of that, @ for the server's name; or NULL */
};

/** A tool of the client's own, that goes past Writ. */
struct client_tool {
	const char *client, *name;
	const char *kind;	/* shell, write, fetch or read */
	const char *deny;	/* what permissions.deny must hold; NULL: no use */
	const char *what;
};

/** A file that a client also reads. */
struct client_place {
	const char *client;
	enum client_base base;
	const char *file;
	bool denies;		/* it may close tools; else it has servers */
};

/** Each ended by a row without a name. */
extern const struct client client_table[];
extern const struct client_tool client_tools[];
extern const struct client_place client_places[];

/** The client of --client.  NULL: that has been said. */
const struct client *client_of(const struct cli *cli);
/** `file` from `base`; `own` is the client's own file.  Fails: WRIT_INVALID no
 * HOME; WRIT_NAMETOOLONG. */
enum writ_status client_path(enum client_base base, const char *file,
    const char *own, char out[4096], struct writ_err *err);
/** The client's own file: --config, or its place; absolute. */
enum writ_status client_file(const struct cli *cli, const struct client *c,
    char out[4096], struct writ_err *err);
/** This program's file, absolute. */
enum writ_status client_program(char out[4096], struct writ_err *err);

/** `writ doctor --client`. */
int client_doctor(struct cli *cli);

#endif
