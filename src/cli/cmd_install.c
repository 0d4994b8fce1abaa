/* writ mcp install: an MCP client's configuration, and what closes its tools. */
#include <errno.h>

#include "base/limits.h"
#include "cli/clients.h"
#include "cli/config_file.h"
#include "cli/judge.h"
#include "cli/splice.h"

struct install {
	const struct cli *cli;
	const struct client *c;
	const char *name;
	char program[4096], toolbox[4096];
	char file[4096];	/* where the servers are */
	char deny_file[4096];	/* "": the client has none */
	json_t *entry, *deny;
	bool written, deny_written, pinned;
	bool same, deny_same;	/* written long ago: nothing to do */
	char backup[CLI_BACKUP_MAX], deny_backup[CLI_BACKUP_MAX];
};

/* ---- the launch line */

/* For a shell on the other side. */
static void
quote(struct writ_buf *b, const char *word)
{
	writ_buf_char(b, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			writ_buf_cstr(b, "'\\'");
		writ_buf_char(b, *word);
	}
	writ_buf_char(b, '\'');
}

static bool
plain(const char *s, const char *more)
{
	size_t i;

	for (i = 0; s[i]; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
		    (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9') ||
		    (i && strchr(more, s[i]))))
			return false;
	return i > 0 && i <= 255;
}

static json_t *
words(const char *const *list)
{
	json_t *a = json_array();

	for (; *list; list++)
		if (json_array_append_new(a, json_string(*list))) {
			json_decref(a);
			return NULL;
		}
	return a;
}

static json_t *
ssh_words(const struct install *in, const char *host)
{
	const char *const line[] = { in->program, "mcp", "--toolbox",
		in->toolbox, NULL };
	char text[16384];
	struct writ_buf b;
	enum writ_status st;
	size_t i;

	writ_buf_init(&b, sizeof(text));
	writ_buf_cstr(&b, "exec");
	for (i = 0; line[i]; i++) {
		writ_buf_char(&b, ' ');
		quote(&b, line[i]);
	}
	st = writ_buf_status(&b);
	if (st == WRIT_OK)
		st = writ_str_cstr(writ_buf_view(&b), text, sizeof(text));
	writ_buf_release(&b);
	return st == WRIT_OK ? words((const char *const[]){ "-T", "-o",
	    "BatchMode=yes", host, text, NULL }) : NULL;
}

static json_t *
docker_words(const struct install *in, const char *image)
{
	char mount[4096 * 2 + 8];
	const char *slash = strrchr(in->toolbox, '/');
	int n = slash == in->toolbox ? 1 : (int)(slash - in->toolbox);

	snprintf(mount, sizeof(mount), "%.*s:%.*s:ro", n, in->toolbox, n,
	    in->toolbox);
	return words((const char *const[]){ "run", "--rm", "-i", "--network",
	    "none", "-v", mount, "-v", "writ-state:/var/lib/writ", "-e",
	    "XDG_STATE_HOME=/var/lib/writ", "-e",
	    "XDG_CACHE_HOME=/var/lib/writ/cache", image, "writ", "mcp",
	    "--toolbox", in->toolbox, NULL });
}

/* The command, and *args: here, or as another machine reaches it. */
static const char *
launch(const struct install *in, const char *via, json_t **args,
    struct writ_err *err)
{
	const char *distro = getenv("WSL_DISTRO_NAME");
	const char *const here[] = { "mcp", "--toolbox", in->toolbox, NULL };

	if (!via) {
		*args = words(here);
		return in->program;
	}
	if (!strcmp(via, "wsl")) {
		*args = distro && plain(distro, ".-_") ?
		    words((const char *const[]){ "-d", distro, "--exec",
		    in->program, "mcp", "--toolbox", in->toolbox, NULL }) :
		    words((const char *const[]){ "--exec", in->program, "mcp",
		    "--toolbox", in->toolbox, NULL });
		return "wsl.exe";
	}
	if (!strncmp(via, "ssh:", 4) && plain(via + 4, ".-_@:")) {
		*args = ssh_words(in, via + 4);
		return "ssh";
	}
	if (!strncmp(via, "docker:", 7) && plain(via + 7, ".-_/:@")) {
		*args = docker_words(in, via + 7);
		return "docker";
	}
	writ_fail(err, WRIT_INVALID, "--via %s: must be wsl, ssh:HOST or "
	    "docker:IMAGE", via);
	return NULL;
}

static enum writ_status
make_entry(struct install *in, struct writ_err *err)
{
	json_t *args = NULL;
	const char *command = launch(in, cli_value(in->cli, "--via"), &args,
	    err);

	if (!command)
		return WRIT_INVALID;
	in->entry = in->c->typed ? json_pack("{s:s, s:s, s:o}", "type", "stdio",
	    "command", command, "args", args) :
	    json_pack("{s:s, s:o}", "command", command, "args", args);
	return in->entry ? WRIT_OK : writ_fail(err, WRIT_INVALID,
	    "the path of writ or of the toolbox cannot be written as JSON");
}

/* ---- the client's denials */

static enum writ_status
make_deny(struct install *in, struct writ_err *err)
{
	bool reads = cli_value(in->cli, "--deny-read") != NULL;
	const struct client_tool *t;

	in->deny = json_array();
	for (t = client_tools; t->name; t++)
		if (!strcmp(t->client, in->c->name) && t->deny &&
		    (reads || strcmp(t->kind, "read")) &&
		    json_array_append_new(in->deny, json_string(t->deny)))
			return writ_fail(err, WRIT_NOMEM, "install");
	return in->deny ? WRIT_OK : writ_fail(err, WRIT_NOMEM, "install");
}

/* Beside the client's file; in the user's own folder it may have another name. */
static enum writ_status
find_deny_file(struct install *in, struct writ_err *err)
{
	const struct client *c = in->c;
	const char *name = c->deny_file;
	char home[4096];
	size_t n;

	in->deny_file[0] = '\0';
	if (!name)
		return WRIT_OK;
	if (c->home_dir && client_path(CLIENT_HOME, c->home_dir, NULL, home,
	    NULL) == WRIT_OK) {
		n = strlen(home);
		if (!strncmp(in->file, home, n) && in->file[n] == '/' &&
		    !strchr(in->file + n + 1, '/'))
			name = c->home_deny_file;
	}
	return client_path(CLIENT_BESIDE, name, in->file, in->deny_file, err);
}

/* ---- merging */

static enum writ_status
parse(const struct install *in, const struct cli_file *f, json_t **doc,
    struct writ_err *err)
{
	enum writ_status st = writ_json_parse_foreign(f->there ?
	    writ_buf_view(&f->text) : WRIT_STR("{}\n"), WRIT_JSON_MAX, doc, err);

	if (st == WRIT_INVALID && in->c->comments)
		return writ_fail_in(err, st, "%s is not plain JSON; %s allows "
		    "comments, which would be lost: add the lines yourself",
		    f->path, in->c->title);
	return st == WRIT_OK ? st : writ_fail_in(err, st, "%s", f->path);
}

/* The new text of the client's file. */
static enum writ_status
merge_server(const struct install *in, const struct cli_file *f,
    struct writ_buf *out, struct writ_err *err)
{
	const char *const path[] = { in->c->key, in->name, NULL };
	writ_auto_json doc = NULL;
	enum writ_status st = parse(in, f, &doc, err);
	const json_t *old;
	const char *why;

	if (st != WRIT_OK)
		return st;
	old = json_object_get(json_object_get(doc, in->c->key), in->name);
	if (old && client_judge(old, in->program, &why) == SERVER_OUTSIDE)
		return writ_fail(err, WRIT_EXIST, "%s: a server \"%s\" is there "
		    "that is not Writ; choose another --name", f->path,
		    in->name);
	st = cli_splice(f->there ? writ_buf_view(&f->text) : WRIT_STR("{}\n"),
	    path, in->entry, out, err);
	return st == WRIT_OK ? st : writ_fail_in(err, st, "%s", f->path);
}

/* The denials that are there, and ours behind them; no two alike. */
static enum writ_status
join_denials(const struct install *in, const json_t *doc, json_t **list,
    struct writ_err *err)
{
	const json_t *old = json_object_get(json_object_get(doc, "permissions"),
	    "deny"), *one, *have;
	writ_auto_json all = old ? json_deep_copy(old) : json_array();
	size_t i, k;

	if (old && !json_is_array(old))
		return writ_fail(err, WRIT_INVALID,
		    "permissions.deny is not a list");
	json_array_foreach(all, k, have)
		if (!json_is_string(have))
			return writ_fail(err, WRIT_INVALID, "permissions.deny "
			    "holds something that is no text");
	json_array_foreach(in->deny, i, one) {
		bool found = false;

		json_array_foreach(all, k, have)
			found = found || json_equal(one, have);
		if (!found && json_array_append_new(all, json_deep_copy(one)))
			return writ_fail(err, WRIT_NOMEM, "install");
	}
	*list = writ_steal(&all);
	return *list ? WRIT_OK : writ_fail(err, WRIT_NOMEM, "install");
}

static enum writ_status
merge_denials(const struct install *in, const struct cli_file *f,
    struct writ_buf *out, struct writ_err *err)
{
	static const char *const path[] = { "permissions", "deny", NULL };
	writ_auto_json doc = NULL;
	writ_auto_json all = NULL;
	enum writ_status st = parse(in, f, &doc, err);

	if (st != WRIT_OK)
		return st;
	st = join_denials(in, doc, &all, err);
	if (st == WRIT_OK)
		st = cli_splice(f->there ? writ_buf_view(&f->text) :
		    WRIT_STR("{}\n"), path, all, out, err);
	return st == WRIT_OK ? st : writ_fail_in(err, st, "%s", f->path);
}

static bool
differs(const struct cli_file *f, const struct writ_buf *text)
{
	return !f->there || !writ_str_eq(writ_buf_view(&f->text),
	    writ_buf_view(text));
}

/* Both texts are made before either is written. */
static enum writ_status
write_files(struct install *in, struct writ_err *err)
{
	bool deny = cli_value(in->cli, "--deny") ||
	    cli_value(in->cli, "--deny-read");
	writ_auto_release(cli_file) server = { .there = false };
	writ_auto_release(cli_file) denials = { .there = false };
	writ_auto_release(writ_buf) text = { 0 };
	writ_auto_release(writ_buf) deny_text = { 0 };
	enum writ_status st;

	writ_buf_init(&text, WRIT_JSON_MAX);
	writ_buf_init(&deny_text, WRIT_JSON_MAX);
	if (deny && !in->deny_file[0])
		return writ_fail(err, WRIT_UNSUPPORTED, "--deny: %s",
		    in->c->offer);
	st = cli_file_read(&server, in->file, true, err);
	if (st == WRIT_OK)
		st = merge_server(in, &server, &text, err);
	if (st == WRIT_OK && deny)
		st = cli_file_read(&denials, in->deny_file, true, err);
	if (st == WRIT_OK && deny)
		st = merge_denials(in, &denials, &deny_text, err);
	/* denials first: a server alone would be less safe, not more */
	in->deny_same = deny && !differs(&denials, &deny_text);
	in->same = !differs(&server, &text);
	if (st == WRIT_OK && deny && !in->deny_same)
		st = cli_file_replace(&denials, writ_buf_view(&deny_text),
		    in->deny_backup, err);
	in->deny_written = st == WRIT_OK && deny;
	if (st == WRIT_OK && !in->same)
		st = cli_file_replace(&server, writ_buf_view(&text), in->backup,
		    err);
	in->written = st == WRIT_OK;
	return st;
}

/* ---- telling */

static void
put_written(struct writ_buf *b, const char *what, const char *file,
    const char *backup)
{
	writ_buf_printf(b, "%s ", what);
	writ_buf_safe(b, writ_str_from(file), false);
	if (*backup) {
		writ_buf_cstr(b, ", and kept what was there as ");
		writ_buf_safe(b, writ_str_from(backup), false);
	}
	writ_buf_cstr(b, "\n");
}

static void
put_snippet(struct writ_buf *b, const char *outer, const char *inner,
    json_t *value)
{
	writ_auto_json doc = json_pack("{s:{s:O}}", outer, inner, value);

	writ_buf_cstr(b, "\n");
	if (doc)
		cli_splice_value(b, doc, 2, 0);
	writ_buf_cstr(b, "\n\n");
}

static void
put_command(struct writ_buf *b, const struct install *in)
{
	const json_t *one;
	size_t i;

	writ_buf_printf(b, "Or: claude mcp add --scope project %s -- ",
	    in->name);
	quote(b, json_string_value(json_object_get(in->entry, "command")));
	json_array_foreach(json_object_get(in->entry, "args"), i, one) {
		writ_buf_char(b, ' ');
		quote(b, json_string_value(one));
	}
	writ_buf_cstr(b, "\n\n");
}

static void
put_example(struct writ_buf *b, const struct install *in)
{
	struct writ_str rest = writ_str_from(in->c->example);

	writ_buf_cstr(b, "For example ");
	while (rest.ptr) {
		writ_buf_str(b, writ_str_cut(rest, '@', &rest));
		if (rest.ptr)
			writ_buf_cstr(b, in->name);
	}
	writ_buf_char(b, '\n');
}

static void
put_denials(struct writ_buf *b, const struct install *in)
{
	writ_buf_printf(b, "The tools that %s has of its own stay open beside "
	    "it, and go past Writ.\n", in->c->title);
	if (in->deny_file[0]) {
		writ_buf_cstr(b, "What closes them, in ");
		writ_buf_safe(b, writ_str_from(in->deny_file), false);
		writ_buf_cstr(b, " (--write --deny merges it; --deny-read "
		    "closes those that read files, too):\n");
		put_snippet(b, "permissions", "deny", in->deny);
	}
	if (in->c->offer)
		writ_buf_printf(b, "%s\n", in->c->offer);
	if (in->c->example)
		put_example(b, in);
}

static void
put_text(struct writ_buf *b, const struct install *in)
{
	if (in->written) {
		put_written(b, in->same ? "server unchanged in" :
		    "server written to", in->file, in->backup);
	} else {
		writ_buf_printf(b, "For %s, in ", in->c->title);
		writ_buf_safe(b, writ_str_from(in->file), false);
		writ_buf_cstr(b, " (--write merges it):\n");
		put_snippet(b, in->c->key, in->name, in->entry);
		if (!strcmp(in->c->name, "claude-code"))
			put_command(b, in);
	}
	if (in->deny_written)
		put_written(b, in->deny_same ? "denials unchanged in" :
		    "denials written to", in->deny_file, in->deny_backup);
	else
		put_denials(b, in);
	if (!in->pinned) {
		writ_buf_cstr(b, "The toolbox is not pinned yet, and will not be "
		    "served before: writ pin ");
		writ_buf_safe(b, writ_str_from(in->toolbox), false);
		writ_buf_char(b, '\n');
	}
	if (in->written && !in->same)
		writ_buf_printf(b, "%s reads it when it starts anew.\n",
		    in->c->title);
	writ_buf_printf(b, "What still goes past Writ: writ doctor --client %s\n",
	    in->c->name);
}

static void
put_json(struct writ_buf *b, const struct install *in)
{
	writ_auto_json doc = json_pack("{s:s, s:s, s:{s:{s:O}}, s:b, s:s?, "
	    "s:s?, s:{s:{s:O}}, s:b, s:s?, s:b}",
	    "client", in->c->name, "file", in->file,
	    "config", in->c->key, in->name, in->entry,
	    "written", in->written,
	    "backup", in->backup[0] ? in->backup : NULL,
	    "deny_file", in->deny_file[0] ? in->deny_file : NULL,
	    "deny", "permissions", "deny", in->deny,
	    "deny_written", in->deny_written,
	    "deny_backup", in->deny_backup[0] ? in->deny_backup : NULL,
	    "pinned", in->pinned);

	writ_json_put(b, doc);
	writ_buf_char(b, '\n');
}

/* ---- the command */

static enum writ_status
find_toolbox(struct install *in, struct writ_err *err)
{
	const char *given = cli_value(in->cli, "--toolbox");
	char lock[4200];
	char *slash;
	struct stat st;

	if (!realpath(given, in->toolbox))
		return writ_fail(err, WRIT_NOENT, "%s: %s", given,
		    strerror(errno));
	if (stat(in->toolbox, &st) || !S_ISREG(st.st_mode))
		return writ_fail(err, WRIT_INVALID, "%s: not a plain file",
		    given);
	snprintf(lock, sizeof(lock), "%s", in->toolbox);
	slash = strrchr(lock, '/');
	snprintf(slash, sizeof(lock) - (size_t)(slash - lock), "/toolbox.lock");
	in->pinned = stat(lock, &st) == 0;
	return WRIT_OK;
}

static enum writ_status
prepare(struct install *in, struct writ_err *err)
{
	enum writ_status st = find_toolbox(in, err);

	if (st == WRIT_OK)
		st = client_program(in->program, err);
	if (st == WRIT_OK)
		st = client_file(in->cli, in->c, in->file, err);
	if (st == WRIT_OK)
		st = find_deny_file(in, err);
	if (st == WRIT_OK)
		st = make_entry(in, err);
	if (st == WRIT_OK)
		st = make_deny(in, err);
	if (st == WRIT_OK && cli_value(in->cli, "--write") &&
	    cli_value(in->cli, "--via") && !cli_value(in->cli, "--config"))
		st = writ_fail(err, WRIT_INVALID, "--via: the client's file is "
		    "on another machine; give it with --config, or copy what "
		    "is printed without --write");
	if (st == WRIT_OK && cli_value(in->cli, "--write"))
		st = write_files(in, err);
	return st;
}

int
cmd_install(struct cli *cli)
{
	struct install in = { .cli = cli };
	struct writ_err err = { WRIT_OK, "" };
	struct writ_buf b;
	enum writ_status st;

	in.name = cli_value(cli, "--name") ? cli_value(cli, "--name") : "writ";
	in.c = client_of(cli);
	if (!in.c)
		return CLI_REFUSED;
	if (!cli_value(cli, "--toolbox"))
		return cli_fail("mcp install: which toolbox? --toolbox FILE");
	if (!plain(in.name, "-_") || strlen(in.name) > CLIENT_NAME_MAX)
		return cli_fail("mcp install: --name must be 1 to %d of A-Z a-z "
		    "0-9 - _, and begin with a letter or digit",
		    CLIENT_NAME_MAX);
	st = prepare(&in, &err);
	if (st == WRIT_OK) {
		writ_buf_init(&b, 1024 * 1024);
		if (cli->json)
			put_json(&b, &in);
		else
			put_text(&b, &in);
	}
	json_decref(in.entry);
	json_decref(in.deny);
	return st == WRIT_OK ? cli_flush(1, &b) : cli_error(&err);
}
