#include <sys/stat.h>

#include "base/limits.h"
#include "cli/cli.h"

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

static unsigned
put_file_grant(struct writ_buf *b, const json_t *g)
{
	const char *from = text_of(g, "from");
	bool host = !strcmp(text_of(g, "source"), "host");
	struct stat st;

	writ_buf_printf(b, "  files     %-6s", text_of(g, "mode"));
	put(b, text_of(g, "at"));
	writ_buf_printf(b, "   from %s%s", text_of(g, "source"), host ? ":" : "");
	put(b, from);
	if (json_integer_value(json_object_get(g, "quota_bytes")))
		writ_buf_printf(b, "   at most %lld bytes",
		    json_integer_value(json_object_get(g, "quota_bytes")));
	writ_buf_char(b, '\n');
	if (!host || (!lstat(from, &st) && S_ISDIR(st.st_mode)))
		return 0;
	writ_buf_cstr(b, "  ! ");
	put(b, from);
	writ_buf_cstr(b, ": not a directory now; a run would be refused\n");
	return 1;
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
print_check(const char *json)
{
	struct writ_err err = { WRIT_OK, "" };
	unsigned warnings = 0;
	struct writ_buf b;
	const json_t *g;
	json_t *p;
	size_t i;

	if (writ_json_parse(writ_str_from(json), &p, &err) != WRIT_OK)
		return cli_error(&err);
	writ_buf_init(&b, 16 * 1024 * 1024);
	put(&b, *text_of(p, "name") ? text_of(p, "name") : "(no name)");
	writ_buf_printf(&b, "   %.19s…\n", text_of(p, "digest"));
	json_array_foreach(json_object_get(p, "files"), i, g)
		warnings += put_file_grant(&b, g);
	put_list(&b, p, "env");
	put_list(&b, p, "config");
	writ_buf_printf(&b, "  clock     %s\n  random    %s\n",
	    text_of(p, "clock"), text_of(p, "random"));
	json_array_foreach(json_object_get(p, "deny"), i, g) {
		writ_buf_cstr(&b, "  deny      ");
		put(&b, text_of(g, "path"));
		writ_buf_printf(&b, " (%s)\n", text_of(g, "mode"));
	}
	put_limits(&b, p);
	writ_buf_printf(&b, "  0 errors, %u warnings\n", warnings);
	json_decref(p);
	return cli_flush(1, &b);
}

int
cmd_check(struct cli *cli)
{
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
	if (st != WRIT_OK)
		return cli_error(&err);
	if (cli->json)
		return cli_json_out(json);
	rc = print_check(json);
	writ_free(json);
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

int
cmd_explain(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_policy *p;
	enum writ_status st;
	char *json;
	int rc;

	if (cli->args_count != 3)
		return cli_fail("explain: give KIND OPERATION TARGET, e.g. "
		    "files read /src/README.md");
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
