#include <sys/resource.h>
#include <time.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "cli/grants.h"
#include "cli/output.h"

#define PATIENCE_NS 5000000000ull	/* with whoever reads our output: all guests wait meanwhile */

struct serve {
	struct cli *cli;
	struct cli_patience patience;	/* of what is written while it serves */
	bool tty[3], raw;
};

static void
put(struct writ_buf *b, int fd)
{
	writ_buf_char(b, '\n');
	(void)cli_write(fd, (const char *)b->ptr, b->len);
}

static void
on_ready(void *ctx, const char *url)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 256);
	writ_buf_printf(&b, "Serving HTTP on %s", url);
	put(&b, 1);
}

static void
on_say(void *ctx, const char *line)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 64 * 1024);
	writ_buf_cstr(&b, "writ: ");
	writ_buf_safe(&b, writ_str_from(line), false);
	put(&b, 2);
}

static uint64_t
mono_ns(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Guests of many requests write at once: what a terminal could take as a command is not passed
 * on, whoever wrote it. */
static bool
on_output(void *ctx, int which, const char *bytes, size_t len)
{
	struct serve *s = ctx;
	writ_auto_release(writ_buf) b;

	s->patience.until_ns = mono_ns() + PATIENCE_NS;
	if (!s->tty[which] || s->raw)
		return cli_write_patient(which, writ_str(bytes, len),
		    &s->patience);
	writ_buf_init(&b, 16 * len + 16);
	writ_buf_safe(&b, writ_str(bytes, len), true);
	return writ_buf_status(&b) == WRIT_OK &&
	    cli_write_patient(which, writ_buf_view(&b), &s->patience);
}

static void
on_refused(void *ctx, const struct writ_refusal *f)
{
	const char *smallest = f->smallest;
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 64 * 1024);
	writ_buf_printf(&b, "  refused   %s %s ", f->kind, f->op);
	writ_buf_safe(&b, writ_str_from(f->target), false);
	writ_buf_cstr(&b, "  rule: ");
	writ_buf_safe(&b, writ_str_from(f->reason), false);
	writ_buf_printf(&b, "   (%s)", f->id);
	put(&b, 2);
	if (!*smallest)
		return;
	writ_buf_reset(&b);
	writ_buf_cstr(&b, "  The smallest grant that would allow this:\n");
	(void)cli_grants_put(&b, &smallest, 1, 1);
	(void)cli_write(2, (const char *)b.ptr, b.len);
}

static void
on_log(void *ctx, const char *level, const char *context, const char *message)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 64 * 1024);
	writ_buf_printf(&b, "log %s ", level);
	writ_buf_safe(&b, writ_str_from(context), false);
	writ_buf_cstr(&b, ": ");
	writ_buf_safe(&b, writ_str_from(message), false);
	put(&b, 2);
}

/* An option that is a number from 1; *out as it was when it is absent. */
static bool
number(const struct cli *cli, const char *name, uint64_t max, unsigned *out)
{
	const char *text = cli_value(cli, name);
	uint64_t n;

	if (!text)
		return true;
	if (writ_str_u64(writ_str_from(text), max, &n) != WRIT_OK || !n) {
		cli_fail("serve: %s %s: not a number from 1 to %llu", name,
		    text, (unsigned long long)max);
		return false;
	}
	*out = (unsigned)n;
	return true;
}

/* COMPONENT is the one argument before "--", unless the writ names it; what is behind is the guest's. */
static bool
pick_component(const struct cli *cli, const struct writ_policy *p,
    struct writ_serve_options *o)
{
	const char *named = writ_policy_component(p);

	o->component = cli->before ? cli->args[0] : named;
	if (cli->before > 1) {
		cli_fail("serve: %.200s: one component; arguments for the guest "
		    "stand behind --", cli->args[1]);
		return false;
	}
	if (!o->component) {
		cli_fail("serve: which component? writ serve COMPONENT "
		    "[--addr 127.0.0.1:8080] [-w WRIT]");
		return false;
	}
	o->args = cli->args + cli->before;
	o->args_count = cli->args_count - cli->before;
	return true;
}

/* Each worker has files, and its clients, of its own; but their listener and logs are here. */
static void
take_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static int
serve(struct serve *s, const struct writ_policy *p)
{
	const char *addr = cli_value(s->cli, "--addr");
	struct writ_serve_options o = {
		.policy = p, .address = addr ? addr : "127.0.0.1:8080",
		.admin = cli_value(s->cli, "--admin"),
		.name = cli_value(s->cli, "--argv0"),
		.ready = on_ready, .say = on_say, .output = on_output,
		.refused = on_refused, .log = on_log, .ctx = s,
	};
	struct writ_err err = { WRIT_OK, "" };
	unsigned grace = 0;
	struct writ_host *host;
	enum writ_status st;

	if (!pick_component(s->cli, p, &o) ||
	    !number(s->cli, "--workers", WRIT_SERVE_WORKERS_MAX, &o.workers) ||
	    !number(s->cli, "--concurrency", WRIT_SERVE_GUESTS_MAX,
	    &o.concurrency) || !number(s->cli, "--grace", 86400, &grace))
		return CLI_REFUSED;
	o.grace_ms = grace * 1000ull;
	take_files();
	o.cancel_fd = cli_stop_fd(false);
	o.has_cancel = o.cancel_fd >= 0;
	s->patience.cancel_fd = o.cancel_fd;
	if (cli_host(s->cli, &host, &err) != WRIT_OK)
		return cli_error(&err);
	st = writ_http_serve(host, &o, &err);
	writ_host_close(host);
	return st == WRIT_OK ? CLI_OK : st == WRIT_CANCELLED ? CLI_CANCELLED :
	    cli_error(&err);
}

int
cmd_serve(struct cli *cli)
{
	static struct serve s;
	struct writ_err err = { WRIT_OK, "" };
	struct writ_policy *p;
	int rc;

	s.cli = cli;
	s.raw = cli_value(cli, "--raw-output") != NULL;
	s.tty[1] = isatty(1);
	s.tty[2] = isatty(2);
	if (cli_policy(cli, &p, &err) != WRIT_OK)
		return cli_error(&err);
	rc = serve(&s, p);
	writ_policy_free(p);
	return rc;
}
