#include "base/limits.h"
#include "cli/cli.h"

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void
put(struct writ_buf *b, const char *s, size_t width)
{
	size_t before = b->len;

	writ_buf_safe(b, writ_str_from(s), false);
	while (writ_buf_status(b) == WRIT_OK && b->len - before < width)
		writ_buf_char(b, ' ');
}

static void
put_functions(struct writ_buf *b, const json_t *item)
{
	const json_t *f;
	size_t i;

	json_array_foreach(json_object_get(item, "functions"), i, f) {
		writ_buf_cstr(b, "      ");
		put(b, text_of(f, "name"), 0);
		writ_buf_cstr(b, ": ");
		put(b, text_of(f, "type"), 0);
		writ_buf_char(b, '\n');
	}
}

static void
put_exports(struct writ_buf *b, const json_t *d, bool all)
{
	const json_t *e;
	size_t i;

	json_array_foreach(json_object_get(d, "exports"), i, e) {
		writ_buf_cstr(b, i ? "            " : "  exports   ");
		put(b, text_of(e, "name"), 0);
		if (*text_of(e, "type")) {
			writ_buf_cstr(b, ": ");
			put(b, text_of(e, "type"), 0);
		}
		writ_buf_char(b, '\n');
		if (all)
			put_functions(b, e);
	}
}

static void
put_imports(struct writ_buf *b, const json_t *d, bool all, bool with_writ)
{
	const json_t *m, *imports = json_object_get(d, "imports");
	size_t i, functions = 0;

	writ_buf_printf(b, "  %-44s%s\n", "asks for", with_writ ?
	    "with this writ it gets" : "without a grant it gets");
	json_array_foreach(imports, i, m) {
		writ_buf_cstr(b, "    ");
		put(b, text_of(m, "name"), 42);
		put(b, text_of(m, "gets"), 0);
		writ_buf_char(b, '\n');
		functions += json_array_size(json_object_get(m, "functions"));
		if (all)
			put_functions(b, m);
	}
	writ_buf_printf(b, "  %zu interfaces, %zu functions%s\n",
	    json_array_size(imports), functions, all ? "" : ": --all");
	json_array_foreach(json_object_get(d, "missing"), i, m) {
		writ_buf_cstr(b, "  ! not offered, so it will be refused: ");
		put(b, json_string_value(m) ? json_string_value(m) : "?", 0);
		writ_buf_char(b, '\n');
	}
}

/* One function that can be called with values: its name, and what goes in and out. */
static void
put_schema(struct writ_buf *b, const json_t *f)
{
	static const char *const parts[][2] = { { "input", "arguments" },
		{ "output", "returns" }, { "error", "error" } };
	const char *signature = text_of(f, "type");
	size_t i;

	if (!*text_of(f, "export"))
		return;
	writ_buf_cstr(b, "  ");
	put(b, text_of(f, "export"), 0);
	writ_buf_cstr(b, ": ");
	put(b, signature, 0);
	writ_buf_char(b, '\n');
	if (*text_of(f, "uncallable")) {
		writ_buf_cstr(b, "    cannot be called: ");
		put(b, text_of(f, "uncallable"), 0);
		writ_buf_char(b, '\n');
	}
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *schema = json_object_get(f, parts[i][0]);

		if (!schema)
			continue;
		writ_buf_printf(b, "    %-9s ", parts[i][1]);
		writ_json_put(b, schema);
		writ_buf_char(b, '\n');
	}
}

static void
put_schemas(struct writ_buf *b, const json_t *d)
{
	const json_t *e, *f;
	size_t i, j;

	json_array_foreach(json_object_get(d, "exports"), i, e) {
		put_schema(b, e);
		json_array_foreach(json_object_get(e, "functions"), j, f)
			put_schema(b, f);
	}
}

enum shown { SHORT, ALL, SCHEMAS };

static int
print(const char *json, enum shown shown, bool with_writ)
{
	bool all = shown == ALL;
	struct writ_err err = { WRIT_OK, "" };
	const json_t *p;
	struct writ_buf b;
	json_t *d;
	size_t i;

	if (writ_json_parse(writ_str_from(json), &d, &err) != WRIT_OK)
		return cli_error(&err);
	writ_buf_init(&b, 16 * 1024 * 1024);
	put(&b, text_of(d, "file"), 0);
	writ_buf_printf(&b, "   %.19s…   WASI ", text_of(d, "digest"));
	put(&b, *text_of(d, "wasi") ? text_of(d, "wasi") : "none", 0);
	writ_buf_printf(&b, "   %lld KiB", json_integer_value(json_object_get(d, "size")) / 1024);
	json_array_foreach(json_object_get(d, "producers"), i, p) {
		writ_buf_cstr(&b, i ? ", " : "   ");
		put(&b, json_string_value(p) ? json_string_value(p) : "?", 0);
	}
	writ_buf_char(&b, '\n');
	if (shown == SCHEMAS) {
		put_schemas(&b, d);
	} else {
		put_exports(&b, d, all);
		put_imports(&b, d, all, with_writ);
	}
	json_decref(d);
	return cli_flush(1, &b);
}

int
cmd_inspect(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_policy *p = NULL;
	struct writ_host *host;
	enum writ_status st;
	char *json = NULL;
	int rc;

	if (cli->args_count != 1)
		return cli_fail("inspect: give one COMPONENT");
	if (cli_value(cli, "--writ") && cli_policy(cli, &p, &err) != WRIT_OK)
		return cli_error(&err);
	st = cli_host(cli, &host, &err);
	if (st == WRIT_OK) {
		st = writ_host_inspect(host, cli->args[0], p, &json, &err);
		writ_host_close(host);
	}
	rc = p != NULL;
	writ_policy_free(p);
	if (st != WRIT_OK)
		return cli_error(&err);
	if (cli->json)
		return cli_json_out(json);
	rc = print(json, cli_value(cli, "--schema") ? SCHEMAS :
	    cli_value(cli, "--all") ? ALL : SHORT, rc);
	writ_free(json);
	return rc;
}
