#include "cli/clients.h"

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- doctor */

static void
put_groups(struct writ_buf *b, const json_t *groups)
{
	const json_t *one;
	size_t i;

	if (!json_array_size(groups))
		return;
	writ_buf_cstr(b, "  groups         ");
	json_array_foreach(groups, i, one)
		writ_buf_printf(b, " %lld", json_integer_value(one));
	writ_buf_cstr(b, " stay with the worker: only root can drop them\n");
}

static int
print_doctor(const char *json)
{
	struct writ_err err = { WRIT_OK, "" };
	unsigned missing = 0;
	struct writ_buf b;
	const json_t *w;
	json_t *d;
	size_t i;

	if (writ_json_parse(writ_str_from(json), &d, &err) != WRIT_OK)
		return cli_error(&err);
	writ_buf_init(&b, 1024 * 1024);
	writ_buf_printf(&b, "kernel %s, engine %s, user %lld\n",
	    text_of(d, "kernel"), text_of(d, "engine"),
	    json_integer_value(json_object_get(d, "user")));
	json_array_foreach(json_object_get(d, "walls"), i, w) {
		bool offered = json_is_true(json_object_get(w, "offered"));

		missing += !offered;
		writ_buf_printf(&b, "  %-8s%-16s%s\n", offered ? "ok" : "MISSING",
		    text_of(w, "name"), text_of(w, "what"));
	}
	put_groups(&b, json_object_get(d, "groups"));
	writ_buf_printf(&b, "  approver        %s\n", text_of(d, "approver"));
	if (missing)
		writ_buf_printf(&b, "%u wall%s missing: writ refuses to run "
		    "unless --without-wall names it\n", missing,
		    missing == 1 ? "" : "s");
	json_decref(d);
	return cli_flush(1, &b) == CLI_OK && !missing ? CLI_OK : CLI_REFUSED;
}

int
cmd_doctor(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	char *json;
	int rc;

	if (cli->args_count)
		return cli_fail("doctor: takes no arguments");
	if (cli_value(cli, "--client"))
		return client_doctor(cli);
	if (cli_value(cli, "--config"))
		return cli_fail("doctor: --config is for --client");
	if (writ_doctor(&json, &err) != WRIT_OK)
		return cli_error(&err);
	if (cli->json)
		return cli_json_out(json);
	rc = print_doctor(json);
	writ_free(json);
	return rc;
}

/* ---- cache */

static int
print_cache(const char *json)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_buf b;
	const json_t *e;
	json_t *d;
	size_t i;

	if (writ_json_parse(writ_str_from(json), &d, &err) != WRIT_OK)
		return cli_error(&err);
	writ_buf_init(&b, 16 * 1024 * 1024);
	json_array_foreach(json_object_get(d, "entries"), i, e)
		writ_buf_printf(&b, "  %.16s  %9lld KiB\n", text_of(e, "digest"),
		    json_integer_value(json_object_get(e, "bytes")) / 1024);
	writ_buf_printf(&b, "%zu entries, %lld KiB of at most %lld KiB in ",
	    json_array_size(json_object_get(d, "entries")),
	    json_integer_value(json_object_get(d, "bytes")) / 1024,
	    json_integer_value(json_object_get(d, "max_bytes")) / 1024);
	writ_buf_safe(&b, writ_str_from(text_of(d, "dir")), false);
	writ_buf_char(&b, '\n');
	json_decref(d);
	return cli_flush(1, &b);
}

static int
cache_list(struct cli *cli, struct writ_host *host)
{
	struct writ_err err = { WRIT_OK, "" };
	char *json;
	int rc;

	if (writ_host_cache_list(host, &json, &err) != WRIT_OK)
		return cli_error(&err);
	if (cli->json)
		return cli_json_out(json);
	rc = print_cache(json);
	writ_free(json);
	return rc;
}

static int
cache_clear(struct cli *cli, struct writ_host *host)
{
	struct writ_err err = { WRIT_OK, "" };
	unsigned removed = 0;
	struct writ_buf b;

	if (writ_host_cache_clear(host, &removed, &err) != WRIT_OK)
		return cli_error(&err);
	writ_buf_init(&b, 256);
	writ_buf_printf(&b, cli->json ? "{\"removed\":%u}\n" :
	    "%u entries removed\n", removed);
	return cli_flush(1, &b);
}

int
cmd_cache(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	bool list = cli->args_count == 1 && !strcmp(cli->args[0], "list");
	bool clear = cli->args_count == 1 && !strcmp(cli->args[0], "clear");
	struct writ_host *host;
	int rc;

	if (!list && !clear)
		return cli_fail("cache: list or clear");
	if (cli_host(cli, &host, &err) != WRIT_OK)
		return cli_error(&err);
	rc = list ? cache_list(cli, host) : cache_clear(cli, host);
	writ_host_close(host);
	return rc;
}
