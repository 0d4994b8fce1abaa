#include <errno.h>
#include <fcntl.h>

#include "base/base64.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/grants.h"
#include "cli/output.h"

#define CAPTURE_MAX (8 * 1024 * 1024)	/* bytes of guest output in --json */
#define REFUSALS_MAX 1024

/* One refusal, kept for the end; texts are copies. */
struct refusal {
	char *id, *kind, *op, *target, *rule, *reason, *smallest;
	unsigned times;
};

struct run {
	struct cli *cli;
	struct cli_patience patience;	/* of what is written while it runs */
	bool tty[3], raw, overflow;
	struct writ_buf out[3];		/* --json: what the guest wrote */
	char held[3][4];		/* the begin of a character, for a terminal */
	size_t held_len[3];
	int lost_output;		/* errno of our stdout or stderr */
	struct refusal refusals[REFUSALS_MAX];
	unsigned refusals_count, lost;
};

/* ---- while it runs */

/* How many bytes at the end begin a character that is not whole yet. */
static size_t
begun(const unsigned char *p, size_t n)
{
	size_t k;

	for (k = 1; k <= 3 && k <= n; k++) {
		unsigned char c = p[n - k];

		if (c >= 0xc2 && c <= 0xf4)
			return k < (c < 0xe0 ? 2u : c < 0xf0 ? 3u : 4u) ? k : 0;
		if (c < 0x80 || c > 0xbf)
			return 0;
	}
	return 0;
}

/* To a terminal: no control byte; a character that is cut in two waits for its end. */
static bool
show(struct run *r, int which, const char *bytes, size_t len, bool last)
{
	struct writ_buf whole, b;
	size_t keep;
	bool ok;

	writ_buf_init(&whole, len + 4);
	writ_buf_add(&whole, r->held[which], r->held_len[which]);
	writ_buf_add(&whole, bytes, len);
	keep = last ? 0 : begun(whole.ptr, whole.len);
	writ_buf_init(&b, 16 * whole.len + 16);
	writ_buf_safe(&b, writ_str((const char *)whole.ptr, whole.len - keep),
	    true);
	ok = writ_buf_status(&whole) == WRIT_OK &&
	    writ_buf_status(&b) == WRIT_OK &&
	    cli_write_patient(which, writ_buf_view(&b), &r->patience);
	if (keep)
		memcpy(r->held[which], whole.ptr + whole.len - keep, keep);
	r->held_len[which] = keep;
	writ_buf_release(&whole);
	writ_buf_release(&b);
	return ok;
}

static void
on_until(void *ctx, uint64_t mono_ns)
{
	struct run *r = ctx;

	r->patience.until_ns = mono_ns;
}

static bool
on_output(void *ctx, int which, const char *bytes, size_t len)
{
	struct run *r = ctx;
	bool ok;

	if (r->cli->json) {
		writ_buf_add(&r->out[which], bytes, len);
		if (writ_buf_status(&r->out[which]) == WRIT_OK)
			return true;
		r->overflow = true;
		return false;
	}
	ok = r->tty[which] && !r->raw ? show(r, which, bytes, len, false) :
	    cli_write_patient(which, writ_str(bytes, len), &r->patience);
	if (!ok)
		r->lost_output = errno;
	return ok;
}

static char *
copy(const char *s)
{
	return writ_memdup(s, strlen(s));
}

static bool
same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static bool
said_before(struct run *r, const struct writ_refusal *f)
{
	unsigned i;

	for (i = 0; i < r->refusals_count; i++) {
		struct refusal *k = &r->refusals[i];

		if (same(k->kind, f->kind) && same(k->op, f->op) &&
		    same(k->target, f->target) && same(k->rule, f->rule)) {
			k->times++;
			return true;
		}
	}
	return false;
}

static void
on_refused(void *ctx, const struct writ_refusal *f)
{
	struct run *r = ctx;
	struct refusal *keep;

	if (said_before(r, f))
		return;
	if (r->refusals_count == REFUSALS_MAX) {
		r->lost++;
		return;
	}
	keep = &r->refusals[r->refusals_count++];
	keep->times = 1;
	keep->id = copy(f->id);
	keep->kind = copy(f->kind);
	keep->op = copy(f->op);
	keep->target = copy(f->target);
	keep->rule = copy(f->rule);
	keep->reason = copy(f->reason);
	/* what is no path stays refused under any grant */
	keep->smallest = copy(same(f->rule, "malformed") ? "" : f->smallest);
}

static void
on_log(void *ctx, const char *level, const char *context, const char *message)
{
	struct run *r = ctx;
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 64 * 1024);
	writ_buf_printf(&b, "log %s ", level);
	writ_buf_safe(&b, writ_str_from(context), false);
	writ_buf_cstr(&b, ": ");
	writ_buf_safe(&b, writ_str_from(message), false);
	writ_buf_char(&b, '\n');
	(void)cli_write_patient(2, writ_buf_view(&b), &r->patience);
}

/* ---- afterwards */

static void
put_safe(struct writ_buf *b, const char *s, int width)
{
	size_t before = b->len;

	writ_buf_safe(b, writ_str_from(s), false);
	while (writ_buf_status(b) == WRIT_OK &&
	    b->len - before < (size_t)width)
		writ_buf_char(b, ' ');
}

static void
print_refusals(struct run *r, struct writ_buf *b)
{
	unsigned i;

	for (i = 0; i < r->refusals_count; i++) {
		struct refusal *f = &r->refusals[i];

		writ_buf_cstr(b, r->cli->colour ? "  \033[31mrefused\033[0m   " :
		    "  refused   ");
		put_safe(b, f->kind, 9);
		put_safe(b, f->op, 8);
		put_safe(b, f->target, 32);
		writ_buf_cstr(b, "  rule: ");
		put_safe(b, f->reason, 0);
		if (f->times > 1)
			writ_buf_printf(b, "   %u times", f->times);
		writ_buf_printf(b, "   (%s)\n", f->id ? f->id : "?");
	}
	if (r->lost)
		writ_buf_printf(b, "  ... and %u more\n", r->lost);
}

/* At most `max` of the smallest grants. */
static void
print_smallest(struct run *r, struct writ_buf *b, unsigned max)
{
	const char *texts[REFUSALS_MAX];
	unsigned i;
	bool any = false;

	for (i = 0; i < r->refusals_count; i++) {
		texts[i] = r->refusals[i].smallest;
		any = any || (texts[i] && *texts[i]);
	}
	if (!any)
		return;
	writ_buf_cstr(b, "\n  The smallest grants that would allow this (check "
	    "the host paths):\n");
	(void)cli_grants_put(b, texts, r->refusals_count, max);
}

static void
print_summary(struct run *r, const struct writ_result *res, struct writ_buf *b)
{
	writ_buf_printf(b, "  %llu refused, %llu allowed, %llu asked · %llu ms · "
	    "audit %09llu–%09llu\n", (unsigned long long)res->refused,
	    (unsigned long long)res->allowed, (unsigned long long)res->asked,
	    (unsigned long long)res->wall_us / 1000,
	    (unsigned long long)res->audit_first,
	    (unsigned long long)res->audit_last);
}

static int
exit_code(const struct writ_result *res)
{
	switch (res->ending) {
	case WRIT_ENDED_OK:
		return res->value_is_err ? CLI_ERR : CLI_OK;
	case WRIT_ENDED_EXIT:
		return res->exit_code;
	case WRIT_ENDED_LIMIT:
		return CLI_LIMIT;
	case WRIT_ENDED_CANCELLED:
		return CLI_CANCELLED;
	case WRIT_ENDED_TRAP:
	case WRIT_ENDED_WORKER:
	default:
		return CLI_TRAP;
	}
}

/* The result on stdout; the err of a result on stderr. */
static void
print_value(struct run *r, const struct writ_result *res)
{
	int fd = res->value_is_err ? 2 : 1;
	struct writ_buf b;

	if (!res->value[0])
		return;
	writ_buf_init(&b, 16 * CAPTURE_MAX);
	if (res->value_is_err)
		writ_buf_cstr(&b, "writ: the function returned an error: ");
	if (r->tty[fd] && !r->raw)
		writ_buf_safe(&b, writ_str_from(res->value), true);
	else
		writ_buf_cstr(&b, res->value);
	writ_buf_char(&b, '\n');
	cli_flush(fd, &b);
}

static void
print_end(struct run *r, const struct writ_result *res)
{
	bool trace = cli_value(r->cli, "--trace-denials") != NULL;
	struct writ_buf b;
	int which;

	for (which = 1; which < 3; which++)
		if (r->held_len[which])
			(void)show(r, which, "", 0, true);
	writ_buf_init(&b, 16 * 1024 * 1024);
	if (r->lost_output && r->lost_output != EPIPE)
		writ_buf_printf(&b, "writ: output: %s; the rest of it was "
		    "refused\n", strerror(r->lost_output));
	print_refusals(r, &b);
	if (res->message[0] && res->ending != WRIT_ENDED_OK &&
	    res->ending != WRIT_ENDED_EXIT) {
		writ_buf_cstr(&b, "writ: ");
		if (res->ending == WRIT_ENDED_TRAP)
			writ_buf_cstr(&b, "the guest trapped: ");
		put_safe(&b, res->message, 0);
		writ_buf_char(&b, '\n');
	}
	if (r->refusals_count)
		print_smallest(r, &b, trace ? 32 : 4);
	if (trace && r->refusals_count)
		writ_buf_printf(&b, "\n  %llu %s, nothing was let through.\n",
		    (unsigned long long)res->refused, res->refused == 1 ?
		    "refusal" : "refusals");
	if (res->void_files && !res->allowed && !res->refused && !trace &&
	    exit_code(res) != 0 && res->ending != WRIT_ENDED_CANCELLED)
		writ_buf_cstr(&b, "  it was granted no files; what it would like "
		    "shows: writ run --trace-denials\n");
	if (res->refused || cli_value(r->cli, "--verbose"))
		print_summary(r, res, &b);
	cli_flush(2, &b);
}

static void
json_text(struct writ_buf *b, const char *key, const char *value)
{
	writ_buf_printf(b, ",\"%s\":", key);
	writ_buf_json(b, writ_str_from(value));
}

static void
json_refusals(struct run *r, struct writ_buf *b)
{
	unsigned i;

	writ_buf_cstr(b, ",\"refusals\":[");
	for (i = 0; i < r->refusals_count; i++) {
		const struct refusal *f = &r->refusals[i];

		writ_buf_cstr(b, i ? ",{\"id\":" : "{\"id\":");
		writ_buf_json(b, writ_str_from(f->id));
		json_text(b, "kind", f->kind);
		json_text(b, "op", f->op);
		json_text(b, "target", f->target);
		json_text(b, "rule", f->rule);
		json_text(b, "reason", f->reason);
		json_text(b, "smallest", f->smallest);
		writ_buf_printf(b, ",\"times\":%u}", f->times);
	}
	writ_buf_char(b, ']');
}

/* "stdout":"..."; bytes that are not UTF-8 as "stdout":null,"stdout_base64":"..." */
static void
json_output(struct writ_buf *b, const char *key, const struct writ_buf *out)
{
	struct writ_str s = writ_buf_view(out);

	writ_buf_printf(b, ",\"%s\":", key);
	if (writ_str_utf8(s)) {
		writ_buf_json(b, s);
		return;
	}
	writ_buf_printf(b, "null,\"%s_base64\":", key);
	writ_buf_char(b, '"');
	writ_base64_put(b, s);
	writ_buf_char(b, '"');
}

static int
print_json(struct run *r, const struct writ_result *res)
{
	static const char *const endings[] = { "ok", "exit", "trap", "limit",
		"cancelled", "worker" };
	struct writ_buf b;

	writ_buf_init(&b, 16 * CAPTURE_MAX);
	writ_buf_printf(&b, "{\"ending\":\"%s\",\"exit_code\":%d",
	    endings[res->ending], exit_code(res));
	json_text(&b, "limit", res->limit);
	json_text(&b, "message", res->message);
	json_output(&b, "stdout", &r->out[1]);
	json_output(&b, "stderr", &r->out[2]);
	writ_buf_printf(&b, ",\"output_complete\":%s,\"allowed\":%llu,"
	    "\"refused\":%llu,\"asked\":%llu,\"wall_us\":%llu,\"cpu_us\":%llu,"
	    "\"memory_peak\":%llu,\"cached\":%s,\"audit_first\":%llu,"
	    "\"audit_last\":%llu", r->overflow ? "false" : "true",
	    (unsigned long long)res->allowed, (unsigned long long)res->refused,
	    (unsigned long long)res->asked, (unsigned long long)res->wall_us,
	    (unsigned long long)res->cpu_us,
	    (unsigned long long)res->memory_peak, res->cached ? "true" : "false",
	    (unsigned long long)res->audit_first,
	    (unsigned long long)res->audit_last);
	if (res->value)
		writ_buf_printf(&b, ",\"is_err\":%s", res->value_is_err ?
		    "true" : "false");
	if (res->value && cli_value(r->cli, "--wave"))
		json_text(&b, "value", res->value);
	else if (res->value)
		writ_buf_printf(&b, ",\"value\":%s", res->value[0] ?
		    res->value : "null");
	json_text(&b, "audit", res->audit_file);
	json_refusals(r, &b);
	writ_buf_cstr(&b, "}\n");
	return cli_flush(1, &b);
}

/* ---- the command */

static int
open_stdin(const char *name, struct writ_call *call)
{
	if (!name)
		return CLI_OK;
	call->has_stdin = true;
	call->stdin_fd = 0;
	if (!strcmp(name, "-"))
		return CLI_OK;
	call->stdin_fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (call->stdin_fd < 0)
		return cli_fail("--stdin %s: %s", name, strerror(errno));
	return CLI_OK;
}

/* COMPONENT is the first argument, unless the writ names it and none is given. */
static int
pick_component(const struct cli *cli, const struct writ_policy *p,
    struct writ_call *call)
{
	const char *named = writ_policy_component(p);
	size_t skip = 1;

	call->component = cli->args_count ? cli->args[0] : NULL;
	if (named && (!call->component || cli->dashed)) {
		call->component = named;
		skip = 0;
	}
	if (!call->component)
		return cli_fail("%s: which component? writ %s [OPTIONS] %s",
		    cli->command->name, cli->command->name,
		    cli->command->args);
	if (skip && cli->args_count > 1 && !strcmp(cli->args[1], "--"))
		skip = 2;
	call->args = cli->args + skip;
	call->args_count = cli->args_count - skip;
	return CLI_OK;
}

/* FUNCTION ARGS, or FUNCTION(ARGS) in WAVE. */
static int
pick_function(const struct cli *cli, struct writ_call *call)
{
	static char name[1024];
	const char *text, *paren;
	int n;

	if (call->args_count < 1 || call->args_count > 2)
		return cli_fail("call: which function? writ call [OPTIONS] "
		    "COMPONENT FUNCTION ['{\"name\": value}'], or "
		    "'FUNCTION(value, ...)'");
	text = call->args[0];
	paren = strchr(text, '(');
	n = snprintf(name, sizeof(name), "%.*s", paren ?
	    (int)(paren - text) : (int)strlen(text), text);
	if (n < 1 || (size_t)n >= sizeof(name))
		return cli_fail("call: the name of the function");
	if (paren && call->args_count == 2)
		return cli_fail("call: arguments twice: in parentheses, and "
		    "behind");
	call->function = name;
	call->wave = paren || cli_value(cli, "--wave");
	call->arguments = paren ? paren : call->args_count == 2 ?
	    call->args[1] : NULL;
	call->args_count = 0;
	return CLI_OK;
}

static int
run_it(struct run *r, const struct writ_policy *p)
{
	struct writ_call call = {
		.policy = p,
		.name = cli_value(r->cli, "--argv0"),
		.trace_denials = cli_value(r->cli, "--trace-denials") != NULL,
		.audit = cli_value(r->cli, "--audit"),
		.until = on_until, .output = on_output, .refused = on_refused, .log = on_log,
		.ctx = r,
	};
	static struct writ_result res;
	struct writ_err err = { WRIT_OK, "" };
	struct writ_host *host;
	enum writ_status st;
	int rc = pick_component(r->cli, p, &call);

	if (rc == CLI_OK && r->cli->command->run == cmd_call)
		rc = pick_function(r->cli, &call);
	if (rc == CLI_OK)
		rc = open_stdin(cli_value(r->cli, "--stdin"), &call);
	if (rc != CLI_OK)
		return rc;
	call.cancel_fd = cli_stop_fd(true);
	call.has_cancel = call.cancel_fd >= 0;
	r->patience.cancel_fd = call.cancel_fd;
	if (cli_host(r->cli, &host, &err) != WRIT_OK)
		return cli_error(&err);
	st = writ_run(host, &call, &res, &err);
	writ_host_close(host);
	if (st == WRIT_CANCELLED)
		cli_error(&err);
	if (st != WRIT_OK)
		return st == WRIT_CANCELLED ? CLI_CANCELLED : cli_error(&err);
	if (!r->cli->json && res.value)
		print_value(r, &res);
	if (!r->cli->json)
		print_end(r, &res);
	else if (print_json(r, &res) != CLI_OK)
		return CLI_REFUSED;
	writ_free(res.value);
	if (r->overflow)
		cli_fail("run: --json keeps at most %d MiB of output; the rest "
		    "was refused", CAPTURE_MAX >> 20);
	return exit_code(&res);
}

/* A writ that cannot be read grants nothing; that somebody tried is recorded. */
static int
refused_writ(struct cli *cli, const struct writ_err *why)
{
	struct writ_call call = { .audit = cli_value(cli, "--audit") };
	static struct writ_result res;
	struct writ_err err = { WRIT_OK, "" };
	size_t skip = cli->args_count > 1 && !strcmp(cli->args[1], "--") ? 2 : 1;

	if (cli->args_count && !cli->dashed) {
		call.component = cli->args[0];
		call.args = cli->args + skip;
		call.args_count = cli->args_count - skip;
		(void)!writ_run_refused(&call, why, &res, &err);
	}
	return cli_error(why);
}

int
cmd_run(struct cli *cli)
{
	static struct run r;
	struct writ_err err = { WRIT_OK, "" };
	struct writ_policy *p;
	int i, rc;

	r.cli = cli;
	r.raw = cli_value(cli, "--raw-output") != NULL;
	for (i = 1; i < 3; i++) {
		r.tty[i] = isatty(i);
		writ_buf_init(&r.out[i], CAPTURE_MAX);
	}
	if (cli_policy(cli, &p, &err) != WRIT_OK)
		return refused_writ(cli, &err);
	rc = run_it(&r, p);
	writ_policy_free(p);
	return rc;
}

int
cmd_call(struct cli *cli)
{
	return cmd_run(cli);
}
