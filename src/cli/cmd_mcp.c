#include <sys/resource.h>

#include "base/limits.h"
#include "cli/cli.h"

/* What the guests of all clients hold open is held here: one of them must not leave the others
 * without, so the usual soft limit is not enough. */
static void
take_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

/* stdout belongs to the protocol: everything for people goes to stderr. */
static void
say(void *ctx, const char *line)
{
	struct writ_buf b;

	writ_buf_init(&b, 64 * 1024);
	writ_buf_cstr(&b, "writ: ");
	writ_buf_safe(&b, writ_str_from(line), true);
	writ_buf_char(&b, '\n');
	cli_flush(2, &b);
}

/* The first option given that is the other verb's, or NULL. */
static const char *
misplaced(const struct cli *cli, bool install)
{
	static const struct {
		const char *name;
		bool install;
	} owned[] = {
		{ "--client", true }, { "--name", true }, { "--write", true },
		{ "--config", true }, { "--via", true }, { "--deny", true },
		{ "--deny-read", true }, { "--http", false },
		{ "--token-file", false }, { "--no-token", false },
		{ "--no-wishes", false },
	};
	size_t i;

	for (i = 0; i < sizeof(owned) / sizeof(owned[0]); i++)
		if (owned[i].install != install &&
		    cli_value(cli, owned[i].name))
			return owned[i].name;
	return NULL;
}

int
cmd_mcp(struct cli *cli)
{
	bool install = cli->args_count == 1 &&
	    !strcmp(cli->args[0], "install");

	struct writ_mcp_options o = { .toolbox = cli_value(cli, "--toolbox"),
		.http = cli_value(cli, "--http"), .in_fd = 0, .out_fd = 1,
		.token_file = cli_value(cli, "--token-file"),
		.no_token = cli_value(cli, "--no-token") != NULL,
		.no_wishes = cli_value(cli, "--no-wishes") != NULL,
		.say = say };
	struct writ_err err = { WRIT_OK, "" };
	struct writ_host *host;
	enum writ_status st;

	if (misplaced(cli, install))
		return cli_fail("mcp: %s %s", misplaced(cli, install), install ?
		    "is for serving, not for mcp install" :
		    "is for mcp install");
	if (install)
		return cmd_install(cli);
	if (cli->args_count || !o.toolbox)
		return cli_fail("mcp: which toolbox? writ mcp --toolbox FILE "
		    "[--http 127.0.0.1:PORT]");
	if (o.no_token && (!o.http || o.token_file))
		return cli_fail("mcp: --no-token is for --http, and without "
		    "--token-file");
	take_files();
	o.cancel_fd = cli_stop_fd(false);
	o.has_cancel = o.cancel_fd >= 0;
	if (cli_host(cli, &host, &err) != WRIT_OK)
		return cli_error(&err);
	st = writ_mcp_serve(host, &o, &err);
	writ_host_close(host);
	return st == WRIT_OK ? CLI_OK : cli_error(&err);
}

/* ---- pin */

static bool
agreed(void)
{
	char answer[16];

	if (!isatty(0))
		return false;
	(void)cli_write(2, "pin this? [y/N] ", 16);
	return fgets(answer, sizeof(answer), stdin) &&
	    (answer[0] == 'y' || answer[0] == 'Y');
}

static int
show_diff(const struct cli *cli, const char *diff, bool pinned)
{
	struct writ_buf b;

	writ_buf_init(&b, 32 * 1024 * 1024);
	if (cli->json) {
		writ_buf_printf(&b, "{\"changed\":%s,\"pinned\":%s,"
		    "\"diff\":", *diff ? "true" : "false",
		    pinned ? "true" : "false");
		writ_buf_json(&b, writ_str_from(diff));
		writ_buf_cstr(&b, "}\n");
	} else {
		writ_buf_safe(&b, writ_str_from(diff), true);
		if (!*diff)
			writ_buf_cstr(&b, "nothing changed\n");
	}
	return cli_flush(1, &b);
}

int
cmd_pin(struct cli *cli)
{
	bool check = cli_value(cli, "--check") != NULL, write;
	struct writ_err err = { WRIT_OK, "" };
	struct writ_host *host;
	char *diff = NULL, *again = NULL;
	enum writ_status st;
	int rc = CLI_OK;

	if (cli->args_count != 1)
		return cli_fail("pin: which toolbox? writ pin TOOLBOX");
	if (cli_host(cli, &host, &err) != WRIT_OK)
		return cli_error(&err);
	st = writ_mcp_pin(host, cli->args[0], NULL, &diff, &err);
	write = st == WRIT_OK && *diff && !check;
	if (write && !cli->json)
		(void)show_diff(cli, diff, false);
	if (write && !cli_value(cli, "--yes") && !agreed()) {
		rc = cli_fail("pin: not pinned; look at it, then: writ pin "
		    "--yes %s", cli->args[0]);
		write = false;
	}
	if (write)
		st = writ_mcp_pin(host, cli->args[0], diff, &again, &err);
	if (st != WRIT_OK)
		rc = cli_error(&err);
	else if (cli->json || !*diff || check)
		rc = show_diff(cli, diff, write) == CLI_OK ? rc : CLI_REFUSED;
	if (st == WRIT_OK && check && *diff)
		rc = CLI_REFUSED;
	writ_free(diff);
	writ_free(again);
	writ_host_close(host);
	return rc;
}

/* ---- wishes */

static int
print_wishes(const char *lines)
{
	struct writ_str rest = writ_str_from(lines), line;
	struct writ_buf b;

	writ_buf_init(&b, 32 * 1024 * 1024);
	while (rest.len) {
		static const char *const keys[] = { "id", "time", "toolbox",
			"tool", "client", "what", "why" };
		json_t *o;
		size_t i;

		line = writ_str_cut(rest, '\n', &rest);
		if (!line.len || writ_json_parse_nul(line, &o, NULL) != WRIT_OK)
			continue;
		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			const json_t *v = json_object_get(o, keys[i]);

			writ_buf_printf(&b, "  %-9s", keys[i]);
			writ_buf_safe(&b, writ_str(json_string_value(v),
			    json_string_length(v)), false);
			writ_buf_char(&b, '\n');
		}
		writ_buf_char(&b, '\n');
		json_decref(o);
	}
	writ_buf_cstr(&b, b.len ? "The words are the agent's.  A wish changes "
	    "nothing: who agrees edits the writ, and pins.\n" :
	    "no wishes\n");
	return cli_flush(1, &b);
}

int
cmd_wishes(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	char *lines;
	int rc;

	if (cli->args_count)
		return cli_fail("wishes: takes no arguments");
	if (writ_mcp_wishes(cli_value(cli, "--clear") != NULL, &lines, &err) !=
	    WRIT_OK)
		return cli_error(&err);
	rc = cli->json ? cli_json_out(lines) : print_wishes(lines);
	if (!cli->json)
		writ_free(lines);
	return rc;
}
