/*
 * config_file.h - read and replace a file of another program, such as an MCP
 * client's configuration: whole or not at all, with the old one kept.
 */
#ifndef WRIT_CLI_CONFIG_FILE_H
#define WRIT_CLI_CONFIG_FILE_H

#include <sys/stat.h>

#include "base/buf.h"

#define CLI_BACKUP_MAX (4096 + 400)

struct cli_file {
	char path[4096], dir[4096];
	const char *name;	/* the last part of path */
	bool there;
	struct stat st;		/* if there */
	struct writ_buf text;	/* if there */
};

/**
 * Read the file (none is WRIT_OK, with `there` false).  With `to_replace` it,
 * and its folder, must be ours and no symbolic link; without, links are
 * followed, as the file's own program does.
 * Fails: WRIT_DENIED a link, another's, or no plain file; WRIT_LIMIT; WRIT_IO;
 * WRIT_NAMETOOLONG; WRIT_NOMEM.  Release in any case.
 */
WRIT_MUST_CHECK enum writ_status
cli_file_read(struct cli_file *f, const char *path, bool to_replace,
    struct writ_err *err);

/**
 * Replace (or make, with its folder) the file by `text` in one step.  What was
 * there is kept beside it; `backup` becomes that name's path, "" if there was
 * none.  Fails: as cli_file_read; WRIT_BUSY somebody else changed it meanwhile;
 * then the file is as it was.
 */
WRIT_MUST_CHECK enum writ_status
cli_file_replace(struct cli_file *f, struct writ_str text, char backup[CLI_BACKUP_MAX],
    struct writ_err *err);

/** Free the text. */
void cli_file_release(struct cli_file *f);
WRIT_AUTO_RELEASE(cli_file)

#endif
