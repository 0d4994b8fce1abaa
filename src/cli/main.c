/*
 * writ: the command line of libwrit.
 */
#include <fcntl.h>
#include <signal.h>

#include "base/hash.h"
#include "cli/cli.h"

static int
unknown_command(const char *name)
{
	const struct cli_command *c, *best = NULL;
	unsigned d, least = 3;

	for (c = cli_commands; c->name; c++) {
		d = writ_str_distance(writ_str_from(name),
		    writ_str_from(c->name), least);
		if (d < least) {
			least = d;
			best = c;
		}
	}
	if (best)
		return cli_fail("unknown command %s (did you mean %s?)", name,
		    best->name);
	return cli_fail("unknown command %s; see: writ help", name);
}

/* What the caller closed must not become a file of ours that output is written into.  Opened the
 * wrong way round, so that using it stays the error it was. */
static bool
fill_standard_fds(void)
{
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null",
		    fd ? O_RDONLY : O_WRONLY) != fd)
			return false;
	return true;
}

int
main(int argc, char **argv)
{
	static struct cli cli;
	struct writ_err err = { WRIT_OK, "" };
	const char *name = argc > 1 ? argv[1] : "help";

	if (!fill_standard_fds())
		return CLI_REFUSED;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (writ_process_init(&err) != WRIT_OK)
		return cli_error(&err);
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	if (!strcmp(name, "--version"))
		name = "version";
	cli.command = cli_find(name);
	if (!cli.command)
		return unknown_command(name);
	if (!cli_parse(&cli, argc > 2 ? argc - 2 : 0, argv + 2))
		return CLI_REFUSED;
	return cli.help ? cli_help(cli.command) : cli.command->run(&cli);
}
