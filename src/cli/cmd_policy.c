#include <sys/stat.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "cli/recall.h"

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void
put(struct writ_buf *b, const char *s)
{
	writ_buf_safe(b, writ_str_from(s), false);
}

/* ---- check */

/* What people and programs run without asking what is in it; a folder with one of these holds
 * code. */
static const char *const code_names[] = {
	".git", ".hg", ".svn", "Makefile", "makefile", "GNUmakefile",
	"CMakeLists.txt", "meson.build", "configure", "Cargo.toml",
	"package.json", "pyproject.toml", "setup.py", "go.mod", "Dockerfile",
	NULL
};

static void
warn(json_t *warnings, const char *path, const char *what)
{
	struct writ_buf b;

	writ_buf_init(&b, 16384);
	writ_buf_cstr(&b, path);
	writ_buf_cstr(&b, ": ");
	writ_buf_cstr(&b, what);
	(void)json_array_append_new(warnings, json_stringn(
	    (const char *)b.ptr, b.len));
	writ_buf_release(&b);
}

static void
warn_of_code(json_t *warnings, const char *from)
{
	char path[4096 + 32], what[128];
	struct stat st;
	size_t i;

	for (i = 0; code_names[i]; i++) {
		snprintf(path, sizeof(path), "%.4095s/%s", from, code_names[i]);
		if (lstat(path, &st))
			continue;
		snprintf(what, sizeof(what), "may be written, and holds code "
		    "(%s): what runs it runs what the guest wrote",
		    code_names[i]);
		warn(warnings, from, what);
		return;
	}
}

/* Private data in, the world out: whatever the tool reads can leave by what it may send. */
static void
warn_of_flow(json_t *warnings, const json_t *p)
{
	const json_t *g;
	bool reads = false;
	size_t i;

	json_array_foreach(json_object_get(p, "files"), i, g)
		reads |= !strcmp(text_of(g, "source"), "host");
	if (!reads)
		return;
	json_array_foreach(json_object_get(p, "http"), i, g)
		if (json_integer_value(json_object_get(g, "request_max")) &&
		    strcmp(text_of(g, "ask"), "each"))
			warn(warnings, text_of(g, "name"), "sends bodies, and "
			    "the writ reads host files: what is read can be "
			    "sent; request: { max: 0 } or ask: each narrows it");
	if (json_array_size(json_object_get(p, "sockets")))
		warn(warnings, "sockets", "bytes leave unseen, and the writ "
		    "reads host files: what is read can be sent");
}

/* What is allowed to be in a writ, and worth a second look. */
static json_t *
find_warnings(const json_t *p)
{
	json_t *warnings = json_array();
	const json_t *g;
	struct stat st;
	size_t i;

	json_array_foreach(json_object_get(p, "files"), i, g) {
		const char *from = text_of(g, "from");

		if (strcmp(text_of(g, "source"), "host"))
			continue;
		if (lstat(from, &st) || !S_ISDIR(st.st_mode)) {
			warn(warnings, from, "not a directory now; a run would "
			    "be refused");
			continue;
		}
		if (strcmp(text_of(g, "mode"), "write"))
			continue;
		warn_of_code(warnings, from);
		if (!json_integer_value(json_object_get(g, "quota_bytes")))
			warn(warnings, from, "may be written without a quota: "
			    "the guest can fill the disk");
	}
	warn_of_flow(warnings, p);
	return warnings;
}

static void
put_file_grant(struct writ_buf *b, const json_t *g)
{
	const char *from = text_of(g, "from");
	bool host = !strcmp(text_of(g, "source"), "host");

	writ_buf_printf(b, "  files     %-6s", text_of(g, "mode"));
	put(b, text_of(g, "at"));
	writ_buf_printf(b, "   from %s%s", text_of(g, "source"), host ? ":" : "");
	put(b, from);
	if (json_integer_value(json_object_get(g, "quota_bytes")))
		writ_buf_printf(b, "   at most %lld bytes",
		    json_integer_value(json_object_get(g, "quota_bytes")));
	writ_buf_char(b, '\n');
}

static void
put_words(struct writ_buf *b, const json_t *list)
{
	const json_t *word;
	size_t i;

	json_array_foreach(list, i, word) {
		writ_buf_cstr(b, i ? "," : "");
		put(b, json_string_value(word) ? json_string_value(word) : "?");
	}
}

static void
put_bound(struct writ_buf *b, const json_t *g, const char *key,
    const char *words)
{
	long long n = json_integer_value(json_object_get(g, key));

	if (n)
		writ_buf_printf(b, "   %s %lld", words, n);
}

static void
put_http_grant(struct writ_buf *b, const json_t *g)
{
	const json_t *rate = json_object_get(g, "rate");
	const json_t *credential = json_object_get(g, "credential");
	const json_t *addresses = json_object_get(g, "addresses");

	writ_buf_cstr(b, "  http      ");
	put_words(b, json_object_get(g, "methods"));
	writ_buf_char(b, ' ');
	put(b, text_of(g, "url"));
	if (json_array_size(json_object_get(g, "query"))) {
		writ_buf_cstr(b, "?");
		put_words(b, json_object_get(g, "query"));
	}
	writ_buf_printf(b, "   up %lld down %lld bytes",
	    json_integer_value(json_object_get(g, "request_max")),
	    json_integer_value(json_object_get(g, "response_max")));
	if (rate)
		writ_buf_printf(b, "   %lld in %lld ms",
		    json_integer_value(json_object_get(rate, "count")),
		    json_integer_value(json_object_get(rate, "window_ms")));
	put_bound(b, g, "concurrency", "at a time");
	put_bound(b, g, "total_requests", "requests in all");
	put_bound(b, g, "total_bytes", "bytes in all");
	if (credential) {
		writ_buf_printf(b, "   adds %s ", text_of(credential, "in"));
		put(b, text_of(credential, "name"));
	}
	if (json_array_size(addresses)) {
		writ_buf_cstr(b, "   to ");
		put_words(b, addresses);
	}
	if (strcmp(text_of(g, "ask"), "never"))
		writ_buf_printf(b, "   asks: %s", text_of(g, "ask"));
	writ_buf_char(b, '\n');
}

static void
put_socket_grant(struct writ_buf *b, const json_t *g)
{
	writ_buf_printf(b, "  sockets   %s ", text_of(g, "how"));
	put(b, text_of(g, "at"));
	if (json_array_size(json_object_get(g, "addresses"))) {
		writ_buf_cstr(b, "   to ");
		put_words(b, json_object_get(g, "addresses"));
	}
	writ_buf_char(b, '\n');
}

static void
put_list(struct writ_buf *b, const json_t *p, const char *key)
{
	const json_t *list = json_object_get(p, key), *name;
	size_t i;

	json_array_foreach(list, i, name) {
		if (!i)
			writ_buf_printf(b, "  %-10s", key);
		writ_buf_cstr(b, i ? ", " : "");
		put(b, json_string_value(name) ? json_string_value(name) : "?");
	}
	if (json_array_size(list))
		writ_buf_char(b, '\n');
}

static void
put_secrets(struct writ_buf *b, const json_t *p)
{
	const json_t *list = json_object_get(p, "secrets"), *s;
	size_t i;

	json_array_foreach(list, i, s) {
		writ_buf_cstr(b, i ? ", " : "  secrets   ");
		put(b, text_of(s, "name"));
		writ_buf_cstr(b, " from ");
		put(b, text_of(s, "from"));
	}
	if (json_array_size(list))
		writ_buf_char(b, '\n');
}

static void
put_limits(struct writ_buf *b, const json_t *p)
{
	json_t *limits = json_object_get(p, "limits");
	const char *key;
	json_t *v;

	writ_buf_cstr(b, "  limits   ");
	json_object_foreach(limits, key, v)
		if (json_integer_value(v))
			writ_buf_printf(b, " %s %lld", key,
			    json_integer_value(v));
	writ_buf_char(b, '\n');
}

static int
print_check(const json_t *p, const json_t *warnings)
{
	size_t i, n = json_array_size(warnings);
	struct writ_buf b;
	const json_t *g;

	writ_buf_init(&b, 16 * 1024 * 1024);
	put(&b, *text_of(p, "name") ? text_of(p, "name") : "(no name)");
	writ_buf_printf(&b, "   %.19s…\n", text_of(p, "digest"));
	json_array_foreach(json_object_get(p, "files"), i, g)
		put_file_grant(&b, g);
	json_array_foreach(json_object_get(p, "http"), i, g)
		put_http_grant(&b, g);
	json_array_foreach(json_object_get(p, "sockets"), i, g)
		put_socket_grant(&b, g);
	put_list(&b, p, "env");
	put_list(&b, p, "config");
	put_secrets(&b, p);
	writ_buf_printf(&b, "  clock     %s\n  random    %s\n",
	    text_of(p, "clock"), text_of(p, "random"));
	json_array_foreach(json_object_get(p, "deny"), i, g) {
		writ_buf_cstr(&b, "  deny      ");
		put(&b, text_of(g, "path"));
		writ_buf_printf(&b, " (%s)\n", text_of(g, "mode"));
	}
	put_limits(&b, p);
	for (i = 0; i < n; i++) {
		writ_buf_cstr(&b, "  ! ");
		put(&b, json_string_value(json_array_get(warnings, i)));
		writ_buf_char(&b, '\n');
	}
	writ_buf_printf(&b, "  0 errors, %zu warning%s\n", n, n == 1 ? "" : "s");
	return cli_flush(1, &b);
}

static int
check_json(json_t *p, json_t *warnings)
{
	struct writ_buf b;

	(void)json_object_set(p, "warnings", warnings);
	writ_buf_init(&b, 16 * 1024 * 1024);
	writ_json_put(&b, p);
	writ_buf_char(&b, '\n');
	return cli_flush(1, &b);
}

int
cmd_check(struct cli *cli)
{
	json_t *d, *warnings;
	struct writ_err err = { WRIT_OK, "" };
	struct writ_policy *p;
	enum writ_status st;
	char *json;
	int rc;

	if (cli->args_count != 1)
		return cli_fail("check: give one WRIT");
	if (writ_policy_load(cli->args[0], &p, &err) != WRIT_OK)
		return cli_error(&err);
	st = writ_policy_json(p, &json, &err);
	writ_policy_free(p);
	if (st == WRIT_OK) {
		st = writ_json_parse(writ_str_from(json), &d, &err);
		writ_free(json);
	}
	if (st != WRIT_OK)
		return cli_error(&err);
	warnings = find_warnings(d);
	rc = cli->json ? check_json(d, warnings) : print_check(d, warnings);
	json_decref(warnings);
	json_decref(d);
	return rc;
}

/* ---- explain */

static int
print_explain(const struct cli *cli, const char *json)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_buf b;
	json_t *d;

	if (writ_json_parse(writ_str_from(json), &d, &err) != WRIT_OK)
		return cli_error(&err);
	writ_buf_init(&b, 1024 * 1024);
	writ_buf_cstr(&b, "  request   ");
	put(&b, cli->args[0]);
	writ_buf_char(&b, ' ');
	put(&b, cli->args[1]);
	writ_buf_char(&b, ' ');
	put(&b, cli->args[2]);
	writ_buf_printf(&b, "\n  decided   %s: ", text_of(d, "verdict"));
	put(&b, text_of(d, "reason"));
	writ_buf_cstr(&b, "\n  rule      ");
	put(&b, text_of(d, "rule"));
	writ_buf_char(&b, '\n');
	if (*text_of(d, "smallest")) {
		writ_buf_cstr(&b, "  smallest  ");
		put(&b, text_of(d, "smallest"));
		writ_buf_char(&b, '\n');
	}
	json_decref(d);
	return cli_flush(1, &b);
}

/* ---- explain a decision that a run printed */

static struct writ_str
head(const char *s, size_t n)
{
	return writ_str(s, strnlen(s, n));
}

static void
put_line(struct writ_buf *b, const char *label, const char *text)
{
	writ_buf_printf(b, "  %-10s", label);
	put(b, text);
	writ_buf_char(b, '\n');
}

/* What the policy of the command line says to the same request: the smallest grant. */
static void
put_smallest(struct writ_buf *b, const struct writ_policy *p, const json_t *d,
    const char *op, const char *label)
{
	struct writ_err err = { WRIT_OK, "" };
	char *json;
	json_t *o;

	if (writ_policy_explain(p, text_of(d, "kind"), op, text_of(d, "target"),
	    &json, &err) != WRIT_OK)
		return;
	if (writ_json_parse(writ_str_from(json), &o, NULL) == WRIT_OK) {
		if (strcmp(text_of(o, "verdict"), "allow"))
			put_line(b, label, text_of(o, "smallest"));
		json_decref(o);
	}
	writ_free(json);
}

static bool
same_writ(const struct writ_policy *p, const json_t *start)
{
	struct writ_err err = { WRIT_OK, "" };
	bool same = false;
	char *json;
	json_t *o;

	if (writ_policy_json(p, &json, &err) != WRIT_OK)
		return false;
	if (writ_json_parse(writ_str_from(json), &o, NULL) == WRIT_OK) {
		same = !strcmp(text_of(o, "digest"), text_of(start, "writ"));
		json_decref(o);
	}
	writ_free(json);
	return same;
}

static void
put_recalled(struct writ_buf *b, const struct cli_recall *r,
    const struct writ_policy *p)
{
	const json_t *d = r->decision;
	bool opened = !strcmp(text_of(d, "op"), "open");

	writ_buf_cstr(b, "  request   ");
	put(b, text_of(d, "kind"));
	writ_buf_char(b, ' ');
	put(b, text_of(d, "op"));
	writ_buf_char(b, ' ');
	put(b, text_of(d, "target"));
	writ_buf_cstr(b, "\n  decided   ");
	put(b, text_of(d, "verdict"));
	writ_buf_cstr(b, ": ");
	put(b, text_of(d, "reason"));
	writ_buf_char(b, '\n');
	put_line(b, "rule", text_of(d, "rule"));
	writ_buf_cstr(b, "  writ      ");
	writ_buf_safe(b, head(text_of(r->start, "writ"), 19), false);
	writ_buf_cstr(b, "… ");
	put(b, text_of(r->start, "writ_name"));
	writ_buf_char(b, '\n');
	if (strcmp(text_of(d, "verdict"), "allow") &&
	    strcmp(text_of(d, "rule"), "malformed")) {
		if (!same_writ(p, r->start))
			put_line(b, "smallest", "needs the writ it ran with: "
			    "writ explain -w WRIT ID");
		else if (!opened)
			put_smallest(b, p, d, text_of(d, "op"), "smallest");
		else
			put_smallest(b, p, d, "read", "to read");
		if (opened && same_writ(p, r->start))
			put_smallest(b, p, d, "write", "to write");
	}
	writ_buf_cstr(b, "  recorded  ");
	put(b, text_of(d, "time"));
	writ_buf_printf(b, ", record %lld of ", json_integer_value(json_object_get(d, "seq")));
	put(b, r->file);
	writ_buf_cstr(b, *r->doubt ? "\n" : ", whose chain is whole up to it\n");
	if (*r->doubt)
		put_line(b, "NOT PROVEN", r->doubt);
}

static int
recall_json(const struct cli_recall *r)
{
	struct writ_buf b;

	writ_buf_init(&b, 1024 * 1024);
	writ_buf_cstr(&b, "{\"file\":");
	writ_buf_json(&b, writ_str_from(r->file));
	writ_buf_cstr(&b, ",\"record\":");
	writ_json_put(&b, r->decision);
	writ_buf_cstr(&b, ",\"session\":");
	writ_json_put(&b, r->start);
	writ_buf_cstr(&b, ",\"doubt\":");
	writ_buf_json(&b, writ_str_from(r->doubt));
	writ_buf_cstr(&b, "}\n");
	return cli_flush(1, &b);
}

static int
recall(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_policy *p;
	struct cli_recall r;
	struct writ_buf b;
	int rc;

	if (cli_recall_find(cli->args[0], cli_value(cli, "--audit"), &r,
	    &err) != WRIT_OK)
		return cli_error(&err);
	if (cli->json) {
		rc = recall_json(&r);
	} else if (cli_policy(cli, &p, &err) != WRIT_OK) {
		rc = cli_error(&err);
	} else {
		writ_buf_init(&b, 1024 * 1024);
		put_recalled(&b, &r, p);
		writ_policy_free(p);
		rc = cli_flush(1, &b);
	}
	if (rc == CLI_OK && *r.doubt)
		rc = cli_fail("explain: %s: the log was changed, so nothing "
		    "shows that this was decided", cli->args[0]);
	cli_recall_release(&r);
	return rc;
}

int
cmd_explain(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_policy *p;
	enum writ_status st;
	char *json;
	int rc;

	if (cli->args_count == 1)
		return recall(cli);
	if (cli->args_count != 3)
		return cli_fail("explain: give the id of a refusal, or KIND "
		    "OPERATION TARGET, e.g. files read /src/README.md");
	if (cli_policy(cli, &p, &err) != WRIT_OK)
		return cli_error(&err);
	st = writ_policy_explain(p, cli->args[0], cli->args[1], cli->args[2],
	    &json, &err);
	writ_policy_free(p);
	if (st != WRIT_OK)
		return cli_error(&err);
	if (cli->json)
		return cli_json_out(json);
	rc = print_explain(cli, json);
	writ_free(json);
	return rc;
}
