#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/limits.h"
#include "cli/cli.h"

#define CAPTURE_MAX (8 * 1024 * 1024)	/* bytes of guest output in --json */
#define REFUSALS_MAX 1024

/* One refusal, kept for the end; texts are copies. */
struct refusal {
	char *id, *kind, *op, *target, *rule, *reason, *smallest;
};

struct run {
	struct cli *cli;
	bool tty[3], raw, overflow;
	struct writ_buf out[3];		/* --json: what the guest wrote */
	struct refusal refusals[REFUSALS_MAX];
	unsigned refusals_count, lost;
};

/* The write end of the pipe that cancels; for the signal handler alone. */
static int cancel_pipe = -1;

static void
on_signal(int sig)
{
	int saved = errno;

	(void)!write(cancel_pipe, "x", 1);
	errno = saved;
}

static int
cancel_fd(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -1;
	cancel_pipe = fds[1];
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	return fds[0];
}

/* ---- while it runs */

static bool
on_output(void *ctx, int which, const char *bytes, size_t len)
{
	struct run *r = ctx;
	struct writ_buf b;
	bool ok;

	if (r->cli->json) {
		writ_buf_add(&r->out[which], bytes, len);
		if (writ_buf_status(&r->out[which]) == WRIT_OK)
			return true;
		r->overflow = true;
		return false;
	}
	if (!r->tty[which] || r->raw)
		return cli_write(which, bytes, len);
	writ_buf_init(&b, 16 * len + 16);
	writ_buf_safe(&b, writ_str(bytes, len), true);
	ok = cli_write(which, (const char *)b.ptr, b.len);
	writ_buf_release(&b);
	return ok;
}

static char *
copy(const char *s)
{
	return writ_memdup(s, strlen(s));
}

static void
on_refused(void *ctx, const struct writ_refusal *f)
{
	struct run *r = ctx;
	struct refusal *keep;

	if (r->refusals_count == REFUSALS_MAX) {
		r->lost++;
		return;
	}
	keep = &r->refusals[r->refusals_count++];
	keep->id = copy(f->id);
	keep->kind = copy(f->kind);
	keep->op = copy(f->op);
	keep->target = copy(f->target);
	keep->rule = copy(f->rule);
	keep->reason = copy(f->reason);
	keep->smallest = copy(f->smallest);
}

static void
on_log(void *ctx, const char *level, const char *context, const char *message)
{
	struct writ_buf b;

	writ_buf_init(&b, 64 * 1024);
	writ_buf_printf(&b, "log %s ", level);
	writ_buf_safe(&b, writ_str_from(context), false);
	writ_buf_cstr(&b, ": ");
	writ_buf_safe(&b, writ_str_from(message), false);
	writ_buf_char(&b, '\n');
	cli_flush(2, &b);
}

/* ---- afterwards */

static void
put_safe(struct writ_buf *b, const char *s, int width)
{
	size_t before = b->len;

	writ_buf_safe(b, writ_str_from(s), false);
	while (b->len - before < (size_t)width)
		writ_buf_char(b, ' ');
}

static bool
same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static void
print_refusals(struct run *r, struct writ_buf *b)
{
	unsigned i;

	for (i = 0; i < r->refusals_count; i++) {
		struct refusal *f = &r->refusals[i];

		if (i && same(f->kind, f[-1].kind) && same(f->op, f[-1].op) &&
		    same(f->target, f[-1].target))
			continue;
		writ_buf_cstr(b, r->cli->colour ? "  \033[31mrefused\033[0m   " :
		    "  refused   ");
		put_safe(b, f->kind, 9);
		put_safe(b, f->op, 8);
		put_safe(b, f->target, 32);
		writ_buf_cstr(b, "  rule: ");
		put_safe(b, f->reason, 0);
		writ_buf_printf(b, "   (%s)\n", f->id ? f->id : "?");
	}
	if (r->lost)
		writ_buf_printf(b, "  ... and %u more\n", r->lost);
}

/* Every different smallest grant once, at most `max` of them. */
static void
print_smallest(struct run *r, struct writ_buf *b, unsigned max)
{
	unsigned i, k, n = 0;

	for (i = 0; i < r->refusals_count && n < max; i++) {
		const char *s = r->refusals[i].smallest;

		if (!s || !*s)
			continue;
		for (k = 0; k < i && !same(s, r->refusals[k].smallest); k++)
			;
		if (k < i)
			continue;
		if (n++ == 0)
			writ_buf_cstr(b, "\n  The smallest grants that would "
			    "allow this (check the host paths):\n");
		writ_buf_cstr(b, "    ");
		put_safe(b, s, 0);
		writ_buf_char(b, '\n');
	}
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
		return CLI_OK;
	case WRIT_ENDED_EXIT:
		return res->exit_code;
	case WRIT_ENDED_LIMIT:
		return CLI_LIMIT;
	case WRIT_ENDED_CANCELLED:
		return 130;
	case WRIT_ENDED_TRAP:
	case WRIT_ENDED_WORKER:
	default:
		return CLI_TRAP;
	}
}

static void
print_end(struct run *r, const struct writ_result *res)
{
	bool trace = cli_value(r->cli, "--trace-denials") != NULL;
	struct writ_buf b;

	writ_buf_init(&b, 16 * 1024 * 1024);
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
		writ_buf_printf(&b, "\n  %llu refusals, nothing was let "
		    "through.\n", (unsigned long long)res->refused);
	if (res->void_files && !trace && exit_code(res) != 0)
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
		writ_buf_char(b, '}');
	}
	writ_buf_char(b, ']');
}

static void
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
	writ_buf_cstr(&b, ",\"stdout\":");
	writ_buf_json(&b, writ_buf_view(&r->out[1]));
	writ_buf_cstr(&b, ",\"stderr\":");
	writ_buf_json(&b, writ_buf_view(&r->out[2]));
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
	json_text(&b, "audit", res->audit_file);
	json_refusals(r, &b);
	writ_buf_cstr(&b, "}\n");
	cli_flush(1, &b);
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
		return cli_fail("run: which component? "
		    "writ run [OPTIONS] COMPONENT [ARGS...]");
	if (skip && cli->args_count > 1 && !strcmp(cli->args[1], "--"))
		skip = 2;
	call->args = cli->args + skip;
	call->args_count = cli->args_count - skip;
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
		.output = on_output, .refused = on_refused, .log = on_log,
		.ctx = r,
	};
	static struct writ_result res;
	struct writ_err err = { WRIT_OK, "" };
	struct writ_host *host;
	enum writ_status st;
	int rc = pick_component(r->cli, p, &call);

	if (rc == CLI_OK)
		rc = open_stdin(cli_value(r->cli, "--stdin"), &call);
	if (rc != CLI_OK)
		return rc;
	call.cancel_fd = cancel_fd();
	call.has_cancel = call.cancel_fd >= 0;
	if (cli_host(r->cli, &host, &err) != WRIT_OK)
		return cli_error(&err);
	st = writ_run(host, &call, &res, &err);
	writ_host_close(host);
	if (st != WRIT_OK)
		return cli_error(&err);
	if (r->cli->json)
		print_json(r, &res);
	else
		print_end(r, &res);
	if (r->overflow)
		cli_fail("run: --json keeps at most %d MiB of output; the rest "
		    "was refused", CAPTURE_MAX >> 20);
	return exit_code(&res);
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
		return cli_error(&err);
	rc = run_it(&r, p);
	writ_policy_free(p);
	return rc;
}
