/* writ doctor --client: what of a client goes past Writ. */
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/clients.h"
#include "cli/config_file.h"
#include "cli/judge.h"

/* ---- one server */

#define WORDS_MAX 256

struct words {
	const char *at[WORDS_MAX];
	size_t count;
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What the entry starts; false when it is not a list of words. */
static bool
words_of(const json_t *entry, struct words *w)
{
	const json_t *args = json_object_get(entry, "args"), *one;
	const char *command = json_string_value(json_object_get(entry,
	    "command"));
	size_t i;

	w->count = 0;
	if (!command || !*command || (args && !json_is_array(args)) ||
	    json_array_size(args) >= WORDS_MAX)
		return false;
	w->at[w->count++] = command;
	json_array_foreach(args, i, one) {
		if (!json_is_string(one))
			return false;
		w->at[w->count++] = json_string_value(one);
	}
	return true;
}

static size_t
word_at(const struct words *w, const char *word)
{
	size_t i;

	for (i = 0; i < w->count; i++)
		if (!strcmp(w->at[i], word))
			return i;
	return w->count;
}

static bool
same_file(const char *a, const char *b)
{
	struct stat x, y;

	return a[0] == '/' && !stat(a, &x) && !stat(b, &y) &&
	    x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* `writ mcp ...` from word i on. */
static enum server_state
judge_writ(const struct words *w, size_t i, const char *program,
    const char **why)
{
	size_t k;

	*why = "is not writ mcp";
	if (i + 2 >= w->count || strcmp(base_name(w->at[i]), "writ") ||
	    strcmp(w->at[i + 1], "mcp"))
		return SERVER_OUTSIDE;
	*why = "is called writ, and is not this program";
	if (!same_file(w->at[i], program))
		return SERVER_OTHER;
	for (k = i + 2; k < w->count; k++) {
		*why = "does without walls of the jail, or takes its programs "
		    "from elsewhere";
		if (!strncmp(w->at[k], "--without-wall", 14) ||
		    !strncmp(w->at[k], "--programs", 10))
			return SERVER_WEAKENED;
	}
	*why = "";
	return SERVER_INSIDE;
}

enum server_state
client_judge(const json_t *entry, const char *program, const char **why)
{
	struct words w;
	const char *name, *last;
	size_t i;

	*why = "a URL: who answers there cannot be told from here";
	if (json_object_get(entry, "url") || json_object_get(entry, "serverUrl"))
		return SERVER_UNCHECKED;
	*why = "starts nothing that can be read";
	if (!words_of(entry, &w))
		return SERVER_OUTSIDE;
	name = base_name(w.at[0]);
	last = w.at[w.count - 1];
	if (!strcmp(name, "wsl.exe") &&
	    (i = word_at(&w, "--exec")) < w.count)
		return judge_writ(&w, i + 1, program, why);
	*why = "runs on another machine; ask writ doctor there";
	if (!strcmp(name, "ssh") && !strncmp(last, "exec '", 6) &&
	    strstr(last, "/writ' 'mcp' '--toolbox' "))
		return SERVER_UNCHECKED;
	*why = "runs in a container; ask writ doctor in there";
	i = word_at(&w, "mcp");
	if (!strcmp(name, "docker") && i < w.count &&
	    !strcmp(w.at[i - 1], "writ"))
		return SERVER_UNCHECKED;
	return judge_writ(&w, 0, program, why);
}

/* ---- all of a client */

struct exam {
	const struct client *c;
	char program[4096], own[4096];
	json_t *files, *servers, *tools, *unread;
	json_t *closed;		/* what a file denies: its path */
};

static enum writ_status
add(json_t *list, json_t *one, struct writ_err *err)
{
	return one && !json_array_append_new(list, one) ? WRIT_OK :
	    writ_fail(err, WRIT_NOMEM, "doctor");
}

static enum writ_status
take_servers(struct exam *x, const char *path, const json_t *servers,
    struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	const json_t *entry;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)servers, name, entry) {
		const char *why = "";
		enum server_state state = client_judge(entry, x->program, &why);
		struct words w;

		st = add(x->servers, json_pack("{s:s, s:s, s:s, s:s, s:s}",
		    "name", name, "file", path, "state",
		    client_state_name(state), "why", why, "command",
		    words_of(entry, &w) ? w.at[0] : ""), err);
		if (st != WRIT_OK)
			return st;
	}
	return st;
}

/* Claude Code keeps servers of one folder in a file of the user. */
static const json_t *
of_project(const struct exam *x, const json_t *doc)
{
	const json_t *all = json_object_get(doc, "projects");
	char dir[4096];
	size_t n = (size_t)(strrchr(x->own, '/') - x->own);

	if (writ_str_cstr(writ_str(x->own, n ? n : 1), dir, sizeof(dir)) !=
	    WRIT_OK)
		return NULL;
	return json_object_get(json_object_get(all, dir), x->c->key);
}

static enum writ_status
take_denials(struct exam *x, const char *path, const json_t *doc,
    struct writ_err *err)
{
	const json_t *deny = json_object_get(json_object_get(doc,
	    "permissions"), "deny"), *one;
	size_t i;

	json_array_foreach(deny, i, one)
		if (json_is_string(one) && json_object_set_new(x->closed,
		    json_string_value(one), json_string(path)))
			return writ_fail(err, WRIT_NOMEM, "doctor");
	return WRIT_OK;
}

static enum writ_status
take_file(struct exam *x, const char *path, bool denies, struct writ_err *err)
{
	struct writ_err why = { WRIT_OK, "" };
	writ_auto_json doc = NULL;
	writ_auto_release(cli_file) f;
	enum writ_status st;

	st = cli_file_read(&f, path, false, &why);
	if (st == WRIT_OK && !f.there)
		return WRIT_OK;
	if (st == WRIT_OK)
		st = writ_json_parse_foreign(writ_buf_view(&f.text),
		    WRIT_JSON_MAX, &doc, &why);
	if (st == WRIT_NOMEM)
		return writ_fail(err, st, "doctor");
	if (st != WRIT_OK)
		return add(x->unread, json_pack("{s:s, s:s}", "file", path,
		    "why", why.msg), err);
	st = add(x->files, json_string(path), err);
	if (st == WRIT_OK && denies)
		return take_denials(x, path, doc, err);
	if (st == WRIT_OK)
		st = take_servers(x, path, json_object_get(doc, x->c->key), err);
	return st == WRIT_OK ? take_servers(x, path, of_project(x, doc), err) :
	    st;
}

static enum writ_status
take_tools(struct exam *x, struct writ_err *err)
{
	const struct client_tool *t;
	enum writ_status st = WRIT_OK;

	for (t = client_tools; t->name && st == WRIT_OK; t++) {
		const char *by = t->deny ? json_string_value(
		    json_object_get(x->closed, t->deny)) : NULL;

		if (!strcmp(t->client, x->c->name))
			st = add(x->tools, json_pack("{s:s, s:s, s:s, s:s, s:s?}",
			    "name", t->name, "kind", t->kind, "what", t->what,
			    "state", by ? "closed" : "open", "by", by), err);
	}
	return st;
}

static enum writ_status
examine(struct exam *x, struct writ_err *err)
{
	const struct client_place *p;
	char path[4096];
	enum writ_status st = client_program(x->program, err);

	if (st == WRIT_OK)
		st = take_file(x, x->own, false, err);
	for (p = client_places; p->client && st == WRIT_OK; p++) {
		if (strcmp(p->client, x->c->name))
			continue;
		st = client_path(p->base, p->file, x->own, path, err);
		if (st == WRIT_OK && strcmp(path, x->own))
			st = take_file(x, path, p->denies, err);
	}
	return st == WRIT_OK ? take_tools(x, err) : st;
}

/* ---- telling */

const char *
client_state_name(enum server_state state)
{
	switch (state) {
	case SERVER_INSIDE: return "inside";
	case SERVER_OTHER: return "other";
	case SERVER_WEAKENED: return "weakened";
	case SERVER_UNCHECKED: return "unchecked";
	case SERVER_OUTSIDE: return "outside";
	}
	return "outside";
}

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Rows whose state is not the good one. */
static size_t
past(const json_t *rows, const char *good)
{
	const json_t *one;
	size_t i, n = 0;

	json_array_foreach(rows, i, one)
		n += strcmp(text_of(one, "state"), good) != 0;
	return n;
}

static void
put_row(struct writ_buf *b, const char *state, const char *name,
    const char *text, const char *file)
{
	writ_buf_printf(b, "  %-10s", state);
	writ_buf_safe(b, writ_str_from(name), false);
	writ_buf_cstr(b, *text ? ": " : "");
	writ_buf_safe(b, writ_str_from(text), false);
	writ_buf_cstr(b, *file ? "  (" : "");
	writ_buf_safe(b, writ_str_from(file), false);
	writ_buf_cstr(b, *file ? ")\n" : "\n");
}

static void
put_text(struct writ_buf *b, const struct exam *x)
{
	size_t i, servers = past(x->servers, "inside");
	size_t tools = past(x->tools, "closed");
	const char *last = "";
	const json_t *one;

	writ_buf_printf(b, "%s: servers\n", x->c->title);
	json_array_foreach(x->servers, i, one)
		put_row(b, text_of(one, "state"), text_of(one, "name"),
		    text_of(one, "why"), text_of(one, "file"));
	json_array_foreach(x->unread, i, one)
		put_row(b, "UNREAD", text_of(one, "file"), text_of(one, "why"),
		    "");
	writ_buf_printf(b, "%s: tools of its own\n", x->c->title);
	json_array_foreach(x->tools, i, one) {
		const char *by = text_of(one, "by");

		put_row(b, text_of(one, "state"), text_of(one, "name"),
		    text_of(one, "what"), strcmp(by, last) ? by : "");
		last = by;
	}
	if (x->c->offer)
		writ_buf_printf(b, "%s\n", x->c->offer);
	writ_buf_printf(b, "%zu server%s, %zu tool%s and %zu unread file%s may go "
	    "past Writ.  Plugins, extensions and tools that a newer %s brings "
	    "are not seen from here.\n", servers, servers == 1 ? "" : "s",
	    tools, tools == 1 ? "" : "s", json_array_size(x->unread),
	    json_array_size(x->unread) == 1 ? "" : "s", x->c->title);
}

static void
put_json(struct writ_buf *b, const struct exam *x)
{
	writ_buf_printf(b, "{\"client\":\"%s\",\"files\":", x->c->name);
	writ_json_put(b, x->files);
	writ_buf_cstr(b, ",\"servers\":");
	writ_json_put(b, x->servers);
	writ_buf_cstr(b, ",\"tools\":");
	writ_json_put(b, x->tools);
	writ_buf_cstr(b, ",\"unread\":");
	writ_json_put(b, x->unread);
	writ_buf_printf(b, ",\"past\":%zu}\n", past(x->servers, "inside") +
	    past(x->tools, "closed") + json_array_size(x->unread));
}

static int
tell(const struct cli *cli, const struct exam *x)
{
	struct writ_buf b;
	bool whole = !past(x->servers, "inside") && !past(x->tools, "closed") &&
	    !json_array_size(x->unread);

	writ_buf_init(&b, 32 * 1024 * 1024);
	if (cli->json)
		put_json(&b, x);
	else
		put_text(&b, x);
	return cli_flush(1, &b) == CLI_OK && whole ? CLI_OK : CLI_REFUSED;
}

int
client_doctor(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	writ_auto_json files = json_array();
	writ_auto_json servers = json_array();
	writ_auto_json tools = json_array();
	writ_auto_json unread = json_array();
	writ_auto_json closed = json_object();
	struct exam x = { .files = files, .servers = servers, .tools = tools,
		.unread = unread, .closed = closed };

	x.c = client_of(cli);
	if (!x.c)
		return CLI_REFUSED;
	if (!files || !servers || !tools || !unread || !closed)
		return cli_fail("doctor: out of memory");
	if (client_file(cli, x.c, x.own, &err) != WRIT_OK ||
	    examine(&x, &err) != WRIT_OK)
		return cli_error(&err);
	return tell(cli, &x);
}
