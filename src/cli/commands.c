#include "cli/cli.h"

#define COMMON \
	{ "--json", NULL, NULL, "print JSON instead of text" }
#define PLACES \
	{ "--cache-dir", NULL, "DIR", "where compiled code is kept (default: " \
	    "$XDG_CACHE_HOME/writ)" }, \
	{ "--cache-max", NULL, "SIZE", "how large that may become, e.g. 512MiB " \
	    "(default: 2GiB); what was used longest ago is removed first" }, \
	{ "--programs", NULL, "DIR", "where writ-worker and writ-compiler are" }, \
	{ "--without-wall", NULL, "NAMES", "do without these walls of the jail, " \
	    "comma-separated; it is recorded" }
#define RESOLVER \
	{ "--resolver", NULL, "ADDR[:PORT]", "the name server to ask (default: those " \
	    "of /etc/resolv.conf); it is recorded" }
#define WRIT_FILE \
	{ "--writ", "-w", "FILE", "the writ: what the component is granted" }

static const struct cli_option run_options[] = {
	WRIT_FILE,
	{ "--dir", NULL, "HOST::GUEST[::ro|rw]", "grant a host directory at a "
	    "guest path (default: ro)", true },
	{ "--env", NULL, "NAME=VALUE", "grant an environment variable", true },
	{ "--grant", NULL, "TEXT", "add one grant, e.g. \"files write /tmp "
	    "memory\", \"clock real\", \"random secure\"", true },
	{ "--stdin", NULL, "FILE", "what the guest reads as standard input; - is "
	    "ours (default: nothing)" },
	{ "--trace-denials", NULL, NULL, "show every file the guest would like, "
	    "and suggest grants; nothing more is let through" },
	{ "--audit", NULL, "FILE", "the audit log (default: a new file under "
	    "$XDG_STATE_HOME/writ/audit)" },
	{ "--argv0", NULL, "NAME", "what the guest sees as its own name" },
	{ "--raw-output", NULL, NULL, "pass control bytes to a terminal" },
	{ "--verbose", "-v", NULL, "always print the summary line" },
	RESOLVER,
	PLACES,
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option call_options[] = {
	WRIT_FILE,
	{ "--dir", NULL, "HOST::GUEST[::ro|rw]", "grant a host directory at a "
	    "guest path (default: ro)", true },
	{ "--env", NULL, "NAME=VALUE", "grant an environment variable", true },
	{ "--grant", NULL, "TEXT", "add one grant, as for run", true },
	{ "--wave", NULL, NULL, "arguments and result are WAVE, not JSON; "
	    "'FUNCTION(value, ...)' is WAVE too" },
	{ "--trace-denials", NULL, NULL, "show every file the guest would like, "
	    "and suggest grants; nothing more is let through" },
	{ "--audit", NULL, "FILE", "the audit log (default: a new file under "
	    "$XDG_STATE_HOME/writ/audit)" },
	{ "--raw-output", NULL, NULL, "pass control bytes to a terminal" },
	{ "--verbose", "-v", NULL, "always print the summary line" },
	RESOLVER,
	PLACES,
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option serve_options[] = {
	{ "--addr", NULL, "ADDRESS:PORT", "where to listen; port 0 is any free one "
	    "(default: 127.0.0.1:8080)" },
	WRIT_FILE,
	{ "--workers", NULL, "N", "processes (default: one for each CPU)" },
	{ "--concurrency", NULL, "N", "requests of one worker at a time "
	    "(default: 64); as many wait, more are told to come back (503)" },
	{ "--grace", NULL, "SECONDS", "at the end: for requests that still run "
	    "(default: 30)" },
	{ "--admin", NULL, "PATH", "make a socket there, for you alone, that "
	    "answers GET /healthz" },
	{ "--dir", NULL, "HOST::GUEST[::ro|rw]", "grant a host directory at a "
	    "guest path (default: ro)", true },
	{ "--env", NULL, "NAME=VALUE", "grant an environment variable", true },
	{ "--grant", NULL, "TEXT", "add one grant, as for run", true },
	{ "--argv0", NULL, "NAME", "what the guest sees as its own name" },
	{ "--raw-output", NULL, NULL, "pass control bytes to a terminal" },
	RESOLVER,
	PLACES,
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option mcp_options[] = {
	{ "--toolbox", "-t", "FILE", "the toolbox: which tools there are, each "
	    "with its writ" },
	{ "--http", NULL, "127.0.0.1:PORT", "serve streamable HTTP there instead "
	    "of stdio; port 0 is any free one" },
	{ "--token-file", NULL, "FILE", "the bearer token of HTTP, mode 0600, "
	    "made when missing (default: $XDG_STATE_HOME/writ/mcp-token)" },
	{ "--no-token", NULL, NULL, "HTTP without a token: every program and every "
	    "user of this machine can call the tools" },
	{ "--no-wishes", NULL, NULL, "offer no writ_request_grant: a client cannot "
	    "ask a person for more" },
	{ "--client", NULL, "NAME", "install: for claude-code, claude-desktop, "
	    "cursor or vscode" },
	{ "--name", NULL, "NAME", "install: what the client calls the server "
	    "(default: writ)" },
	{ "--write", NULL, NULL, "install: merge it into the client's file, and "
	    "keep what was there beside it" },
	{ "--config", NULL, "FILE", "install: the client's file (default: where "
	    "the client looks)" },
	{ "--via", NULL, "WAY", "install: how a client elsewhere starts it: wsl, "
	    "ssh:HOST or docker:IMAGE" },
	{ "--deny", NULL, NULL, "install: with --write also deny the client's own "
	    "shell, write and fetch tools" },
	{ "--deny-read", NULL, NULL, "install: --deny, and its tools that read "
	    "files" },
	RESOLVER,
	PLACES,
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option pin_options[] = {
	{ "--check", NULL, NULL, "write nothing: fail when something changed" },
	{ "--yes", "-y", NULL, "pin without asking (needed without a terminal)" },
	PLACES,
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option wishes_options[] = {
	{ "--clear", NULL, NULL, "empty the list after showing it" },
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option inspect_options[] = {
	WRIT_FILE,
	{ "--all", "-a", NULL, "list every function with its type" },
	{ "--schema", NULL, NULL, "list what can be called, with the JSON Schema "
	    "of arguments and results" },
	PLACES,
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option explain_options[] = {
	WRIT_FILE,
	{ "--audit", NULL, "FILE", "the log to look an id up in (default: all "
	    "under $XDG_STATE_HOME/writ/audit)" },
	{ "--dir", NULL, "HOST::GUEST[::ro|rw]", "as for run", true },
	{ "--env", NULL, "NAME=VALUE", "as for run", true },
	{ "--grant", NULL, "TEXT", "as for run", true },
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option cache_options[] = {
	PLACES,
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option secret_options[] = {
	{ "--keyring", NULL, NULL, "set: keep the store's key in the kernel's "
	    "keyring instead of a file; it is gone, and the secrets with it, when "
	    "the machine stops" },
	{ "--all", NULL, NULL, "rm: remove all secrets and the store's key" },
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option probe_options[] = {
	{ "--guests", NULL, "DIR", "where the guests are (default: guests/out)" },
	PLACES,
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option doctor_options[] = {
	{ "--client", NULL, "NAME", "look at that client instead: which of its "
	    "servers and tools go past Writ" },
	{ "--config", NULL, "FILE", "the client's file (default: where the client "
	    "looks)" },
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option common_options[] = {
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};
static const struct cli_option help_options[] = {
	{ "--man", NULL, NULL, "print the manual page (roff)" },
	{ "--completion", NULL, "SHELL", "print completions: bash or zsh" },
	COMMON,
	{ NULL, NULL, NULL, NULL, false }
};

const struct cli_command cli_commands[] = {
	{ "run", "[COMPONENT] [ARGS...]",
	    "run a component with exactly what a writ grants", run_options, true,
	    cmd_run },
	{ "call", "COMPONENT FUNCTION [ARGUMENTS]",
	    "call one exported function, with arguments as JSON or WAVE",
	    call_options, true, cmd_call },
	{ "serve", "[COMPONENT] [-- ARGS...]",
	    "serve HTTP with a component, a fresh instance for each request",
	    serve_options, false, cmd_serve },
	{ "mcp", "[install]", "serve a toolbox to an agent over MCP; install: set "
	    "up a client for it", mcp_options, false, cmd_mcp },
	{ "pin", "TOOLBOX", "show what changed in a toolbox, and pin it",
	    pin_options, false, cmd_pin },
	{ "wishes", "", "show what agents asked to be granted", wishes_options,
	    false, cmd_wishes },
	{ "inspect", "COMPONENT",
	    "show what a component asks for, and what it would get",
	    inspect_options, false, cmd_inspect },
	{ "check", "WRIT", "check a writ and show what it grants",
	    common_options, false, cmd_check },
	{ "explain", "ID | KIND OPERATION TARGET",
	    "tell how a request was judged, or would be, and why", explain_options,
	    false, cmd_explain },
	{ "doctor", "", "tell which walls of the jail this machine offers, or "
	    "what of a client goes past Writ", doctor_options, false,
	    cmd_doctor },
	{ "cache", "list|clear", "show or empty the cache of compiled code",
	    cache_options, false, cmd_cache },
	{ "secret", "set|list|rotate|rm [NAME]", "keep the values that a writ's "
	    "credentials name; read from the terminal or standard input",
	    secret_options, false, cmd_secret },
	{ "probe", "[CATEGORY|ID...]",
	    "attack the sandbox in every known way, and tell what held",
	    probe_options, false, cmd_probe },
	{ "help", "[COMMAND]", "show this, or the options of a command",
	    help_options, false, cmd_help },
	{ "version", "", "print the version", common_options, false,
	    cmd_version },
	{ NULL, NULL, NULL, NULL, false, NULL }
};
