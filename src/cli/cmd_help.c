#include "cli/cli.h"

static void
option_line(struct writ_buf *b, const struct cli_option *o)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%s%s%s%s", o->letter ? o->letter : "",
	    o->letter ? ", " : "", o->name, o->arg ? " " : "",
	    o->arg ? o->arg : "");
	writ_buf_printf(b, "  %-30s %s\n", left, o->help);
}

static void
command_help(struct writ_buf *b, const struct cli_command *c)
{
	const struct cli_option *o;

	writ_buf_printf(b, "writ %s [OPTIONS] %s\n  %s\n\n", c->name, c->args,
	    c->summary);
	for (o = c->options; o->name; o++)
		option_line(b, o);
}

static void
overview(struct writ_buf *b)
{
	const struct cli_command *c;

	writ_buf_cstr(b, "writ: run WebAssembly components that start with no "
	    "authority\n\n");
	for (c = cli_commands; c->name; c++)
		writ_buf_printf(b, "  writ %-8s %-27s %s\n", c->name, c->args,
		    c->summary);
	writ_buf_cstr(b, "\nExit codes: the guest's own; 124 a limit, 125 "
	    "refused or misconfigured, 126 a trap, 130 interrupted.\n");
}

/* ---- the manual page and completions, from the same table */

static void
roff_text(struct writ_buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			writ_buf_char(b, '\\');
		writ_buf_char(b, *text);
	}
}

static void
manual(struct writ_buf *b)
{
	const struct cli_command *c;
	const struct cli_option *o;

	writ_buf_cstr(b, ".TH WRIT 1\n.SH NAME\nwrit \\- run WebAssembly "
	    "components that start with no authority\n.SH SYNOPSIS\n"
	    ".B writ\n.I COMMAND\n[OPTIONS] [ARGS...]\n.SH COMMANDS\n");
	for (c = cli_commands; c->name; c++) {
		writ_buf_printf(b, ".SS writ %s ", c->name);
		roff_text(b, c->args);
		writ_buf_char(b, '\n');
		roff_text(b, c->summary);
		writ_buf_cstr(b, ".\n");
		for (o = c->options; o->name; o++) {
			writ_buf_cstr(b, ".TP\n.B ");
			roff_text(b, o->name);
			writ_buf_printf(b, " %s\n", o->arg ? o->arg : "");
			roff_text(b, o->help);
			writ_buf_cstr(b, ".\n");
		}
	}
	writ_buf_cstr(b, ".SH EXIT STATUS\nThe guest's own status passes through "
	    "run. 124: a limit stopped it. 125: refused or misconfigured, nothing "
	    "ran. 126: it trapped, or its worker was lost. 130: interrupted.\n");
}

static void
words_of(struct writ_buf *b, const struct cli_command *c)
{
	const struct cli_option *o;

	for (o = c->options; o->name; o++)
		writ_buf_printf(b, "%s%s", o == c->options ? "" : " ", o->name);
}

static void
completion(struct writ_buf *b, bool zsh)
{
	const struct cli_command *c;

	if (zsh)
		writ_buf_cstr(b, "#compdef writ\nautoload -U +X bashcompinit && "
		    "bashcompinit\n");
	writ_buf_cstr(b, "_writ() {\n  local cur=${COMP_WORDS[COMP_CWORD]}\n"
	    "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W \"");
	for (c = cli_commands; c->name; c++)
		writ_buf_printf(b, "%s ", c->name);
	writ_buf_cstr(b, "\" -- \"$cur\")); return\n  fi\n"
	    "  case ${COMP_WORDS[1]} in\n");
	for (c = cli_commands; c->name; c++) {
		writ_buf_printf(b, "  %s) COMPREPLY=($(compgen -W \"", c->name);
		words_of(b, c);
		writ_buf_cstr(b, "\" -- \"$cur\") $(compgen -f -- \"$cur\"));;\n");
	}
	writ_buf_cstr(b, "  esac\n}\ncomplete -o filenames -F _writ writ\n");
}

/* ---- the table as JSON */

static void
json_member(struct writ_buf *b, const char *key, const char *value)
{
	writ_buf_printf(b, "\"%s\":", key);
	if (value)
		writ_buf_json(b, writ_str_from(value));
	else
		writ_buf_cstr(b, "null");
}

static void
json_option(struct writ_buf *b, const struct cli_option *o)
{
	writ_buf_char(b, '{');
	json_member(b, "name", o->name);
	writ_buf_char(b, ',');
	json_member(b, "letter", o->letter);
	writ_buf_char(b, ',');
	json_member(b, "argument", o->arg);
	writ_buf_printf(b, ",\"repeats\":%s,", o->many ? "true" : "false");
	json_member(b, "help", o->help);
	writ_buf_char(b, '}');
}

static void
json_command(struct writ_buf *b, const struct cli_command *c)
{
	const struct cli_option *o;

	writ_buf_char(b, '{');
	json_member(b, "name", c->name);
	writ_buf_char(b, ',');
	json_member(b, "arguments", c->args);
	writ_buf_char(b, ',');
	json_member(b, "summary", c->summary);
	writ_buf_cstr(b, ",\"options\":[");
	for (o = c->options; o->name; o++) {
		if (o != c->options)
			writ_buf_char(b, ',');
		json_option(b, o);
	}
	writ_buf_cstr(b, "]}");
}

/* All commands, or the one. */
static void
json_table(struct writ_buf *b, const struct cli_command *one)
{
	const struct cli_command *c;

	writ_buf_cstr(b, "{\"commands\":[");
	for (c = one ? one : cli_commands; c->name; c++) {
		json_command(b, c);
		if (one)
			break;
		if (c[1].name)
			writ_buf_char(b, ',');
	}
	writ_buf_cstr(b, "]}\n");
}

int
cli_help(const struct cli_command *c)
{
	struct writ_buf b;

	writ_buf_init(&b, 64 * 1024);
	command_help(&b, c);
	return cli_flush(1, &b);
}

int
cmd_help(struct cli *cli)
{
	const char *shell = cli_value(cli, "--completion");
	const struct cli_command *c = NULL;
	struct writ_buf b;

	if (shell && strcmp(shell, "bash") && strcmp(shell, "zsh"))
		return cli_fail("help: --completion knows bash and zsh");
	if (cli->args_count) {
		c = cli_find(cli->args[0]);
		if (!c)
			return cli_fail("help: no command %s", cli->args[0]);
	}
	writ_buf_init(&b, 1024 * 1024);
	if (cli_value(cli, "--man"))
		manual(&b);
	else if (shell)
		completion(&b, !strcmp(shell, "zsh"));
	else if (cli->json)
		json_table(&b, c);
	else if (c)
		command_help(&b, c);
	else
		overview(&b);
	return cli_flush(1, &b);
}

int
cmd_version(struct cli *cli)
{
	struct writ_buf b;

	writ_buf_init(&b, 256);
	writ_buf_printf(&b, cli->json ? "{\"version\":\"%s\"}\n" : "writ %s\n",
	    WRIT_VERSION);
	return cli_flush(1, &b);
}
