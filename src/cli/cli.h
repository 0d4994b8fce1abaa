/*
 * cli.h - the command line: one table of commands, one parser, helpers for
 * output.  Stands on include/writ/ and base/ alone.
 */
#ifndef WRIT_CLI_CLI_H
#define WRIT_CLI_CLI_H

#include "base/buf.h"
#include "base/json.h"
#include "writ/writ.h"

/* Exit codes of every command; a guest's own status passes through `run`. */
enum {
	CLI_OK = 0,
	CLI_ERR = 1,		/* a called function returned its err */
	CLI_LIMIT = 124,	/* a limit stopped the guest */
	CLI_REFUSED = 125,	/* refused, or misconfigured: nothing ran */
	CLI_TRAP = 126,		/* the guest trapped, or its worker was lost */
	CLI_CANCELLED = 130	/* stopped by a signal to us */
};

#define CLI_VALUES_MAX 512

struct cli_option {
	const char *name;	/* "--dir" */
	const char *letter;	/* "-w", or NULL */
	const char *arg;	/* name of its argument, or NULL: a flag */
	const char *help;
	bool many;		/* may be given more than once */
};

struct cli;

struct cli_command {
	const char *name;
	const char *args;	/* positional arguments, for usage */
	const char *summary;
	const struct cli_option *options;	/* ends with a NULL name */
	bool stops;	/* what follows the first argument is not ours */
	int (*run)(struct cli *cli);
};

/** A parsed command line. */
struct cli {
	const struct cli_command *command;
	struct {
		const struct cli_option *option;
		const char *value;
	} values[CLI_VALUES_MAX];
	unsigned values_count;
	const char *const *args;
	size_t args_count;
	bool json, colour;
	bool dashed;		/* a "--" stood before the first argument */
	size_t before;		/* arguments before a "--", or all of them */
	bool help;		/* --help: show the command's options */
};

/** The table, ended by a NULL name. */
extern const struct cli_command cli_commands[];

/** The command of that name, or NULL. */
const struct cli_command *cli_find(const char *name);

/** Parse argv behind the command's name.  False: the mistake has been printed.
 */
bool cli_parse(struct cli *cli, int argc, char **argv);
/** The last value of an option, "" for a flag, NULL when absent. */
const char *cli_value(const struct cli *cli, const char *name);

/** "writ: <message>" on stderr, made safe for a terminal.  Returns CLI_REFUSED.
 */
int cli_fail(const char *fmt, ...) WRIT_PRINTF(1, 2);
/** The same for an error of the library. */
int cli_error(const struct writ_err *err);
/** Print `text` on stdout with a newline, and free it with writ_free. */
int cli_json_out(char *text);
/** A pipe, open for good, that can be read as soon as SIGINT, SIGTERM or SIGHUP has come; one that
 * we were started to ignore stays ignored.  `once`: a second one ends this process.  -1: errno. */
int cli_stop_fd(bool once);
/** Write all of it to fd, waiting where it must.  False: the reader is gone
 * (errno). */
bool cli_write(int fd, const char *p, size_t n);
/** Print a buffer on `fd` and release it.  CLI_OK, or CLI_REFUSED if it could
 * not be written; that has been said. */
int cli_flush(int fd, struct writ_buf *b);

/** The policy of -w, --dir, --env and --grant.  *out is the caller's. */
enum writ_status cli_policy(const struct cli *cli, struct writ_policy **out,
    struct writ_err *err);
/** A host as --cache-dir, --programs and --without-wall say. */
enum writ_status cli_host(const struct cli *cli, struct writ_host **out,
    struct writ_err *err);

/** One verb each, a row of cli_commands; returns the exit status. */
/** Print the options of one command. */
int cli_help(const struct cli_command *c);

/** The commands.  Each returns the exit code. */
int cmd_run(struct cli *cli);
int cmd_call(struct cli *cli);
int cmd_serve(struct cli *cli);
int cmd_mcp(struct cli *cli);
int cmd_install(struct cli *cli);
int cmd_pin(struct cli *cli);
int cmd_wishes(struct cli *cli);
int cmd_inspect(struct cli *cli);
int cmd_check(struct cli *cli);
int cmd_explain(struct cli *cli);
int cmd_doctor(struct cli *cli);
int cmd_cache(struct cli *cli);
int cmd_secret(struct cli *cli);
int cmd_probe(struct cli *cli);
int cmd_help(struct cli *cli);
int cmd_version(struct cli *cli);

#endif
