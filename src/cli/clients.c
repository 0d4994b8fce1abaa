#include "cli/clients.h"

#include <errno.h>

const struct client client_table[] = {
	{ "claude-code", "Claude Code", CLIENT_CWD, ".mcp.json", "mcpServers",
	    .typed = true, .deny_file = ".claude/settings.json" },
	{ "claude-desktop", "Claude Desktop", CLIENT_CONFIG,
	    "Claude/claude_desktop_config.json", "mcpServers",
	    .offer = "Claude Desktop has no file that closes tools of its own: "
	    "remove its extensions in Settings; its Code tab obeys the settings "
	    "of Claude Code (--client claude-code)." },
	{ "cursor", "Cursor", CLIENT_CWD, ".cursor/mcp.json", "mcpServers",
	    .deny_file = "cli.json", .home_dir = ".cursor",
	    .home_deny_file = "cli-config.json",
	    .offer = "These denials hold for Cursor's command line (cursor-agent). "
	    "The editor's agent does not read them; it obeys hooks "
	    "(.cursor/hooks.json), which Writ neither writes nor judges, and "
	    "its own settings.",
	    .example = ".cursor/hooks.json, for its shell and for reading:\n\n"
	    "{\n  \"version\": 1,\n  \"hooks\": {\n"
	    "    \"beforeShellExecution\": [{ \"command\": \"echo "
	    "'{\\\"permission\\\":\\\"deny\\\"}'\", \"failClosed\": true }],\n"
	    "    \"beforeReadFile\": [{ \"command\": \"echo "
	    "'{\\\"permission\\\":\\\"deny\\\"}'\", \"failClosed\": true }]\n"
	    "  }\n}\n" },
	{ "vscode", "VS Code", CLIENT_CWD, ".vscode/mcp.json", "servers",
	    .typed = true, .comments = true,
	    .offer = "VS Code has no file that closes its own tools.  Its tools "
	    "picker does, for each chat, and so does a custom agent "
	    "(.github/agents/NAME.agent.md) whose tools: names nothing but "
	    "this server, as long as that agent is the one that is used.",
	    .example = ".github/agents/@.agent.md:\n\n---\n"
	    "description: Works with the tools of @ alone.\n"
	    "tools: [\"@/*\"]\n---\n" },
	{ NULL }
};

const struct client_tool client_tools[] = {
	{ "claude-code", "Bash", "shell", "Bash", "runs commands" },
	{ "claude-code", "PowerShell", "shell", "PowerShell", "runs commands" },
	{ "claude-code", "Monitor", "shell", "Monitor",
	    "runs a command and watches it" },
	{ "claude-code", "Write", "write", "Write", "writes files" },
	{ "claude-code", "Edit", "write", "Edit", "changes files" },
	{ "claude-code", "NotebookEdit", "write", "NotebookEdit",
	    "changes notebooks" },
	{ "claude-code", "WebFetch", "fetch", "WebFetch", "fetches URLs" },
	{ "claude-code", "WebSearch", "fetch", "WebSearch",
	    "sends words to a search engine" },
	{ "claude-code", "Artifact", "fetch", "Artifact",
	    "publishes a page" },
	{ "claude-code", "Read", "read", "Read", "reads files" },
	{ "claude-code", "Grep", "read", "Grep", "searches files" },
	{ "claude-code", "Glob", "read", "Glob", "lists files" },
	{ "claude-desktop", "the Code and Cowork tabs", "shell", NULL,
	    "run commands, write files, fetch" },
	{ "cursor", "Shell", "shell", "Shell(*)", "runs commands" },
	{ "cursor", "Write", "write", "Write(**)", "writes files" },
	{ "cursor", "WebFetch", "fetch", "WebFetch(*)", "fetches URLs" },
	{ "cursor", "Read", "read", "Read(**)", "reads files" },
	{ "cursor", "the editor's agent", "shell", NULL,
	    "runs commands, reads and writes files, fetches" },
	{ "vscode", "the terminal tools", "shell", NULL, "run commands" },
	{ "vscode", "the edit tools", "write", NULL, "write files" },
	{ "vscode", "the fetch tool", "fetch", NULL, "fetches URLs" },
	{ "vscode", "the read and search tools", "read", NULL, "read files" },
	{ NULL }
};

const struct client_place client_places[] = {
	{ "claude-code", CLIENT_HOME, ".claude.json", false },
	{ "claude-code", CLIENT_ABSOLUTE, "/etc/claude-code/managed-mcp.json",
	    false },
	{ "claude-code", CLIENT_BESIDE, ".claude/settings.json", true },
	{ "claude-code", CLIENT_BESIDE, ".claude/settings.local.json", true },
	{ "claude-code", CLIENT_HOME, ".claude/settings.json", true },
	{ "claude-code", CLIENT_ABSOLUTE,
	    "/etc/claude-code/managed-settings.json", true },
	{ "cursor", CLIENT_HOME, ".cursor/mcp.json", false },
	{ "cursor", CLIENT_BESIDE, "cli.json", true },
	{ "cursor", CLIENT_HOME, ".cursor/cli-config.json", true },
	{ "vscode", CLIENT_CONFIG, "Code/User/mcp.json", false },
	{ NULL }
};

const struct client *
client_of(const struct cli *cli)
{
	const char *name = cli_value(cli, "--client");
	const struct client *c;
	struct writ_buf names;

	for (c = client_table; c->name; c++)
		if (name && !strcmp(c->name, name))
			return c;
	writ_buf_init(&names, 512);
	for (c = client_table; c->name; c++)
		writ_buf_printf(&names, "%s%s", names.len ? ", " : "", c->name);
	cli_fail("%s: %s%s%s: %.*s", cli->command->name, name ?
	    "no client is called " : "which client? --client ",
	    name ? name : "NAME", name ? "; known" : "",
	    WRIT_STR_ARG(writ_buf_view(&names)));
	writ_buf_release(&names);
	return NULL;
}

static enum writ_status
base_dir(enum client_base base, const char *own, char out[4096],
    struct writ_err *err)
{
	const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
	const char *slash = own ? strrchr(own, '/') : NULL;
	int n = 0;

	out[0] = '\0';
	if (base == CLIENT_CWD) {
		if (!getcwd(out, 4096))
			return writ_fail(err, WRIT_IO, "working folder: %s",
			    strerror(errno));
	} else if (base == CLIENT_BESIDE && slash) {
		n = snprintf(out, 4096, "%.*s", (int)(slash - own), own);
	} else if (base == CLIENT_CONFIG && xdg && xdg[0] == '/') {
		n = snprintf(out, 4096, "%s", xdg);
	} else if (base == CLIENT_HOME || base == CLIENT_CONFIG) {
		if (!home || home[0] != '/')
			return writ_fail(err, WRIT_INVALID, "HOME does not say "
			    "where the client's files are; --config does");
		n = snprintf(out, 4096, "%s%s", home,
		    base == CLIENT_CONFIG ? "/.config" : "");
	}
	return n < 4096 ? WRIT_OK : writ_fail(err, WRIT_NAMETOOLONG, "path");
}

enum writ_status
client_path(enum client_base base, const char *file, const char *own,
    char out[4096], struct writ_err *err)
{
	char dir[4096];
	enum writ_status st;
	int n;

	if (file[0] == '/')
		base = CLIENT_ABSOLUTE;
	st = base_dir(base, own, dir, err);
	if (st != WRIT_OK)
		return st;
	n = snprintf(out, 4096, "%s%s%s", strcmp(dir, "/") ? dir : "",
	    base == CLIENT_ABSOLUTE ? "" : "/", file);
	return n > 0 && n < 4096 ? WRIT_OK :
	    writ_fail(err, WRIT_NAMETOOLONG, "%s", file);
}

enum writ_status
client_file(const struct cli *cli, const struct client *c, char out[4096],
    struct writ_err *err)
{
	const char *given = cli_value(cli, "--config");

	return client_path(given ? CLIENT_CWD : c->base, given ? given : c->file,
	    NULL, out, err);
}

enum writ_status
client_program(char out[4096], struct writ_err *err)
{
	ssize_t n = readlink("/proc/self/exe", out, 4095);

	if (n <= 0 || out[0] != '/')
		return writ_fail(err, WRIT_IO, "/proc/self/exe: %s",
		    strerror(errno));
	out[n] = '\0';
	return WRIT_OK;
}
