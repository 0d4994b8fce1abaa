#include <errno.h>
#include <poll.h>
#include <termios.h>

#include "base/seal.h"
#include "cli/cli.h"

#define MORE_MS 100	/* a pasted text of several lines has arrived by then */
#define CTRL_C 3
#define CTRL_D 4
#define CTRL_U 21
#define BACKSPACE 8
#define DELETE 127

/* ---- the value */

struct value {
	char *ptr;		/* locked, of WRIT_SECRET_VALUE_MAX + 2 bytes */
	size_t len;
};

/* All of standard input, without one line end at its end.  0, or an exit code. */
static int
read_input(struct value *v)
{
	ssize_t n;

	while (v->len < WRIT_SECRET_VALUE_MAX + 2) {
		n = read(0, v->ptr + v->len, WRIT_SECRET_VALUE_MAX + 2 - v->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cli_fail("secret: standard input: %s",
			    strerror(errno));
		if (n == 0)
			break;
		v->len += (size_t)n;
	}
	if (v->len && v->ptr[v->len - 1] == '\n')
		v->len--;
	return 0;
}

/* Whatever is left of a pasted text must not become commands of the shell. */
static bool
more_lines(void)
{
	struct pollfd p = { 0, POLLIN, 0 };
	bool any = false;
	char rest[256];

	while (poll(&p, 1, MORE_MS) > 0 && read(0, rest, sizeof(rest)) > 0)
		any = true;
	writ_wipe(rest, sizeof(rest));
	return any;
}

/* One line, byte by byte: the terminal's own line would end at 4095 bytes. */
static int
read_line(struct value *v)
{
	char c = 0;
	ssize_t n;

	for (;;) {
		n = read(0, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || c == '\n' || c == '\r' || c == CTRL_D)
			break;
		if (c == CTRL_C)
			return CLI_CANCELLED;
		if (c == CTRL_U)
			v->len = 0;
		else if (c == BACKSPACE || c == DELETE)
			v->len -= v->len > 0;
		else if (v->len < WRIT_SECRET_VALUE_MAX + 1)
			v->ptr[v->len++] = c;
	}
	c = 0;
	return more_lines() ? cli_fail("secret: more than one line; a secret is "
	    "one line") : 0;
}

static int
read_terminal(const char *name, struct value *v)
{
	struct termios before, quiet;
	struct writ_buf b;
	int rc;

	if (tcgetattr(0, &before))
		return cli_fail("secret: the terminal: %s", strerror(errno));
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	quiet.c_cc[VMIN] = 1;
	quiet.c_cc[VTIME] = 0;
	if (tcsetattr(0, TCSAFLUSH, &quiet))
		return cli_fail("secret: the terminal: %s", strerror(errno));
	writ_buf_init(&b, 256);
	writ_buf_printf(&b, "Value of %s (it is not shown): ", name);
	(void)cli_flush(2, &b);
	rc = read_line(v);
	(void)tcsetattr(0, TCSAFLUSH, &before);
	(void)cli_write(2, "\n", 1);
	return rc;
}

/* ---- the verbs */

static int
say(struct cli *cli, const char *name, const char *did)
{
	struct writ_buf b;

	writ_buf_init(&b, 1024);
	if (cli->json)
		writ_buf_printf(&b, "{\"secret\":\"%s\",\"done\":\"%s\"}\n",
		    name, did);
	else
		writ_buf_printf(&b, "%s: %s\n", name, did);
	return cli_flush(1, &b);
}

/* Set, or (rotate) replace. */
static int
set(struct cli *cli, bool rotate)
{
	struct writ_secret_options o = { cli_value(cli, "--keyring") != NULL,
		rotate };
	writ_auto_locked char *room = NULL;
	struct writ_err err = { WRIT_OK, "" };
	const char *verb = rotate ? "rotate" : "set";
	struct value v = { NULL, 0 };
	bool replaced = false;
	int rc;

	if (cli->args_count > 2)
		return cli_fail("secret %s: a value on the command line can be "
		    "read by every user of this machine, and stays in the "
		    "shell's history; change it, and give it on standard input",
		    verb);
	if (cli->args_count != 2)
		return cli_fail("secret %s: which one?", verb);
	room = writ_locked_alloc(WRIT_SECRET_VALUE_MAX + 2);
	if (!room)
		return cli_fail("secret: no memory that can be locked "
		    "(ulimit -l)");
	v.ptr = room;
	rc = isatty(0) ? read_terminal(cli->args[1], &v) : read_input(&v);
	if (rc)
		return rc;
	if (writ_secret_set(cli->args[1], v.ptr, v.len, &o, &replaced, &err) !=
	    WRIT_OK)
		return cli_error(&err);
	return say(cli, cli->args[1], replaced ? "replaced" : "set");
}

static int
print_list(const char *json)
{
	struct writ_err err = { WRIT_OK, "" };
	const json_t *list, *e;
	struct writ_buf b;
	json_t *d;
	size_t i;

	if (writ_json_parse(writ_str_from(json), &d, &err) != WRIT_OK)
		return cli_error(&err);
	writ_buf_init(&b, 1024 * 1024);
	list = json_object_get(d, "secrets");
	json_array_foreach(list, i, e)
		writ_buf_printf(&b, "  %-32s  set %.10s  fingerprint %s\n",
		    json_string_value(json_object_get(e, "name")),
		    json_string_value(json_object_get(e, "set")),
		    json_string_value(json_object_get(e, "fingerprint")));
	writ_buf_printf(&b, "%zu secret%s; the key is in %s\n",
	    json_array_size(list), json_array_size(list) == 1 ? "" : "s",
	    !strcmp(json_string_value(json_object_get(d, "key")), "keyring") ?
	    "the kernel's keyring" : "a file beside the store");
	json_decref(d);
	return cli_flush(1, &b);
}

static int
list(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	char *json;
	int rc;

	if (cli->args_count != 1)
		return cli_fail("secret list: takes no name");
	if (writ_secret_list(&json, &err) != WRIT_OK)
		return cli_error(&err);
	if (cli->json)
		return cli_json_out(json);
	rc = print_list(json);
	writ_free(json);
	return rc;
}

static int
rm(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	bool all = cli_value(cli, "--all") != NULL;

	if (cli->args_count != (all ? 1 : 2))
		return cli_fail("secret rm: one name, or --all");
	if ((all ? writ_secret_remove_all(&err) :
	    writ_secret_remove(cli->args[1], &err)) != WRIT_OK)
		return cli_error(&err);
	return say(cli, all ? "all secrets" : cli->args[1], "removed");
}

int
cmd_secret(struct cli *cli)
{
	const char *verb = cli->args_count ? cli->args[0] : "";

	if (cli_value(cli, "--keyring") && strcmp(verb, "set"))
		return cli_fail("secret: --keyring is for set");
	if (cli_value(cli, "--all") && strcmp(verb, "rm"))
		return cli_fail("secret: --all is for rm");
	if (!strcmp(verb, "set"))
		return set(cli, false);
	if (!strcmp(verb, "rotate"))
		return set(cli, true);
	if (!strcmp(verb, "list"))
		return list(cli);
	if (!strcmp(verb, "rm"))
		return rm(cli);
	return cli_fail("secret: set, list, rotate or rm");
}
