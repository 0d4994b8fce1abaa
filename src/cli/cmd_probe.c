#include <fcntl.h>
#include <sys/stat.h>

#include "cli/probe.h"

static const char *const verdicts[] = { "passed", "FAILED", "n/a" };
static const char *const verdict_names[] = { "passed", "failed",
	"not-applicable" };

/* Whether one of the arguments is the id, or begins it up to a dash. */
static bool
wanted(const struct cli *cli, const char *id)
{
	size_t i, n;

	for (i = 0; i < cli->args_count; i++) {
		n = strlen(cli->args[i]);
		if (!strncmp(cli->args[i], id, n) &&
		    (id[n] == '\0' || id[n] == '-'))
			return true;
	}
	return cli->args_count == 0;
}

/* An argument that names no probe is a mistake. */
static int
check_names(const struct cli *cli)
{
	size_t i, k;

	for (i = 0; i < cli->args_count; i++) {
		struct cli one = { .args = &cli->args[i], .args_count = 1 };

		for (k = 0; k < probes_count && !wanted(&one, probes_all[k].id);
		    k++)
			;
		if (k == probes_count)
			return cli_fail("probe: no probe is called %s",
			    cli->args[i]);
	}
	return CLI_OK;
}

static void
put_point(struct writ_buf *b, const char *name, const struct probe_point *p)
{
	writ_buf_printf(b, ",\"%s\":{\"seen\":%s,\"detail\":", name,
	    p->seen ? "true" : "false");
	writ_buf_json(b, writ_str_from(p->why));
	writ_buf_char(b, '}');
}

static void
put_json(struct writ_buf *b, const struct probe *p, const struct probe_result *r)
{
	writ_buf_cstr(b, b->len > 16 ? ",{\"id\":" : "{\"id\":");
	writ_buf_json(b, writ_str_from(p->id));
	writ_buf_cstr(b, ",\"what\":");
	writ_buf_json(b, writ_str_from(p->what));
	writ_buf_printf(b, ",\"verdict\":\"%s\",\"ms\":%llu",
	    verdict_names[r->verdict], (unsigned long long)r->ms);
	if (r->verdict == PROBE_NOT_APPLICABLE) {
		writ_buf_cstr(b, ",\"reason\":");
		writ_buf_json(b, writ_str_from(r->reason));
	}
	if (!p->not_applicable) {
		put_point(b, "refused", &r->refused);
		put_point(b, "canary", &r->canary);
		put_point(b, "audit", &r->audit);
		put_point(b, "control", &r->control);
	}
	writ_buf_char(b, '}');
}

static void
put_why(struct writ_buf *b, const char *name, const struct probe_point *p)
{
	if (p->seen)
		return;
	writ_buf_printf(b, "  %24s%-8s ", "", name);
	writ_buf_safe(b, writ_str_from(p->why), false);
	writ_buf_char(b, '\n');
}

static void
put_text(struct writ_buf *b, const struct probe *p, const struct probe_result *r)
{
	writ_buf_printf(b, "  %-16s%-8s%s\n", p->id, verdicts[r->verdict],
	    p->what);
	if (r->verdict == PROBE_NOT_APPLICABLE) {
		writ_buf_printf(b, "  %24s", "");
		writ_buf_safe(b, writ_str_from(r->reason), false);
		writ_buf_char(b, '\n');
	}
	if (r->verdict != PROBE_FAILED)
		return;
	put_why(b, "refused", &r->refused);
	put_why(b, "canary", &r->canary);
	put_why(b, "audit", &r->audit);
	put_why(b, "control", &r->control);
}

static int
run_all(const struct cli *cli, struct probe_suite *suite)
{
	unsigned counts[3] = { 0, 0, 0 };
	struct writ_buf b;
	size_t i;

	writ_buf_init(&b, 4 * 1024 * 1024);
	if (cli->json)
		writ_buf_cstr(&b, "{\"probes\":[");
	for (i = 0; i < probes_count; i++) {
		struct probe_result result;

		if (!wanted(cli, probes_all[i].id))
			continue;
		probe_do(suite, &probes_all[i], &result);
		counts[result.verdict]++;
		if (cli->json) {
			put_json(&b, &probes_all[i], &result);
			continue;
		}
		put_text(&b, &probes_all[i], &result);
		cli_flush(1, &b);
		writ_buf_init(&b, 4 * 1024 * 1024);
	}
	writ_buf_printf(&b, cli->json ? "],\"passed\":%u,\"failed\":%u,"
	    "\"not_applicable\":%u}\n" : "%u passed, %u failed, "
	    "%u not applicable\n", counts[PROBE_PASSED], counts[PROBE_FAILED],
	    counts[PROBE_NOT_APPLICABLE]);
	cli_flush(1, &b);
	return counts[PROBE_FAILED] ? 1 : CLI_OK;
}

int
cmd_probe(struct cli *cli)
{
	struct writ_err err = { WRIT_OK, "" };
	struct probe_suite suite = { .guests = cli_value(cli, "--guests"),
		.programs = cli_value(cli, "--programs"),
		.cache_dir = cli_value(cli, "--cache-dir"),
		.without_walls = cli_value(cli, "--without-wall") };
	char marker[4096];
	int rc = check_names(cli);

	if (rc != CLI_OK)
		return rc;
	if (!suite.guests)
		suite.guests = "guests/out";
	snprintf(marker, sizeof(marker), "%s/probe/ops.wasm", suite.guests);
	if (access(marker, R_OK))
		return cli_fail("probe: %s is not there; build the guests "
		    "(make guests) or say --guests DIR", marker);
	if (cli_host(cli, &suite.host, &err) != WRIT_OK)
		return cli_error(&err);
	rc = run_all(cli, &suite);
	writ_host_close(suite.host);
	return rc;
}
