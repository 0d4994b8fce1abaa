#include <errno.h>
#include <poll.h>
#include <stdarg.h>

#include "base/limits.h"
#include "cli/cli.h"

const struct cli_command *
cli_find(const char *name)
{
	const struct cli_command *c;

	for (c = cli_commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

bool
cli_write(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN) {
			struct pollfd pfd = { fd, POLLOUT, 0 };

			(void)poll(&pfd, 1, -1);
			continue;
		}
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

int
cli_flush(int fd, struct writ_buf *b)
{
	enum writ_status st = writ_buf_status(b);
	bool ok = cli_write(fd, (const char *)b->ptr, b->len);
	int saved = errno;

	writ_buf_release(b);
	if (st == WRIT_OK && ok)
		return CLI_OK;
	if (fd != 1)
		return CLI_REFUSED;
	return cli_fail("standard output: %s", st == WRIT_OK ?
	    strerror(saved) : writ_status_name(st));
}

int
cli_fail(const char *fmt, ...)
{
	struct writ_buf b;
	char raw[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	writ_buf_init(&b, 16384);
	writ_buf_cstr(&b, "writ: ");
	writ_buf_safe(&b, writ_str_from(raw), false);
	writ_buf_char(&b, '\n');
	cli_flush(2, &b);
	return CLI_REFUSED;
}

int
cli_error(const struct writ_err *err)
{
	return cli_fail("%s", err->msg[0] ? err->msg :
	    writ_status_name(err->status));
}

int
cli_json_out(char *text)
{
	bool ok = cli_write(1, text, strlen(text)) && cli_write(1, "\n", 1);
	int saved = errno;

	writ_free(text);
	return ok ? CLI_OK : cli_fail("standard output: %s", strerror(saved));
}

/* ---- parsing */

static const struct cli_option *
find_option(const struct cli_command *c, struct writ_str name)
{
	const struct cli_option *o;

	for (o = c->options; o->name; o++)
		if (writ_str_is(name, o->name) ||
		    (o->letter && writ_str_is(name, o->letter)))
			return o;
	return NULL;
}

static bool
unknown_option(const struct cli_command *c, const char *arg)
{
	const struct cli_option *o, *best = NULL;
	unsigned d, least = 3;

	for (o = c->options; o->name; o++) {
		d = writ_str_distance(writ_str_from(arg),
		    writ_str_from(o->name), least);
		/* of two as near, the one that begins alike */
		if (d < least || (best && d == least && arg[1] == '-' &&
		    arg[2] == o->name[2] && arg[2] != best->name[2])) {
			least = d;
			best = o;
		}
	}
	if (best)
		cli_fail("%s: unknown option %s (did you mean %s?)", c->name,
		    arg, best->name);
	else
		cli_fail("%s: unknown option %s; see: writ help %s", c->name,
		    arg, c->name);
	return false;
}

static bool
keep(struct cli *cli, const struct cli_option *o, const char *value)
{
	if (!o->many && cli_value(cli, o->name)) {
		cli_fail("%s: %s given twice", cli->command->name, o->name);
		return false;
	}
	if (cli->values_count == CLI_VALUES_MAX) {
		cli_fail("%s: more than %d options", cli->command->name,
		    CLI_VALUES_MAX);
		return false;
	}
	cli->values[cli->values_count].option = o;
	cli->values[cli->values_count++].value = value;
	return true;
}

/* One option at argv[*i]; "--name=value" and "--name value" alike. */
static bool
parse_option(struct cli *cli, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *eq = strchr(arg, '=');
	struct writ_str name = writ_str(arg, eq && arg[1] == '-' ?
	    (size_t)(eq - arg) : strlen(arg));
	const struct cli_option *o = find_option(cli->command, name);

	if (!o)
		return unknown_option(cli->command, arg);
	if (!o->arg && name.len != strlen(arg)) {
		cli_fail("%s: %s takes no value", cli->command->name, o->name);
		return false;
	}
	if (!o->arg)
		return keep(cli, o, "");
	if (name.len != strlen(arg))
		return keep(cli, o, eq + 1);
	if (*i + 1 >= argc) {
		cli_fail("%s: %s needs %s", cli->command->name, o->name, o->arg);
		return false;
	}
	return keep(cli, o, argv[++*i]);
}

bool
cli_parse(struct cli *cli, int argc, char **argv)
{
	int i, n = 0;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			cli->dashed = true;
			i++;
			break;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			cli->help = true;
			return true;
		}
		if (argv[i][0] == '-' && argv[i][1]) {
			if (!parse_option(cli, argc, argv, &i))
				return false;
			continue;
		}
		if (cli->command->stops)
			break;
		argv[n++] = argv[i];
	}
	if (cli->command->stops) {
		cli->args = (const char *const *)argv + i;
		cli->args_count = (size_t)(argc - i);
	} else {
		cli->before = (size_t)n;
		while (i < argc)
			argv[n++] = argv[i++];
		cli->args = (const char *const *)argv;
		cli->args_count = (size_t)n;
	}
	cli->json = cli_value(cli, "--json") != NULL;
	cli->colour = isatty(2) && !getenv("NO_COLOR");
	return true;
}

const char *
cli_value(const struct cli *cli, const char *name)
{
	unsigned i;

	for (i = cli->values_count; i--; )
		if (!strcmp(cli->values[i].option->name, name))
			return cli->values[i].value;
	return NULL;
}

/* ---- what several commands need */

/* HOST::GUEST or HOST::GUEST::ro|rw, split at "::" and nothing else. */
static enum writ_status
add_dir(struct writ_policy *p, const char *text, struct writ_err *err)
{
	const char *guest = strstr(text, "::"), *mode;
	char host_path[4096], guest_path[4096];
	bool write = false;

	if (!guest || guest == text || strchr(text, '\n'))
		return writ_fail(err, WRIT_INVALID, "--dir %s: must be "
		    "HOST::GUEST, HOST::GUEST::ro or HOST::GUEST::rw", text);
	mode = strstr(guest + 2, "::");
	if (mode && strcmp(mode, "::ro") && strcmp(mode, "::rw"))
		return writ_fail(err, WRIT_INVALID, "--dir %s: \"%s\" is "
		    "neither ro nor rw", text, mode + 2);
	if (mode)
		write = !strcmp(mode, "::rw");
	if (writ_str_cstr(writ_str(text, (size_t)(guest - text)), host_path,
	    sizeof(host_path)) != WRIT_OK ||
	    writ_str_cstr(writ_str(guest + 2, mode ? (size_t)(mode - guest - 2) :
	    strlen(guest + 2)), guest_path, sizeof(guest_path)) != WRIT_OK)
		return writ_fail(err, WRIT_NAMETOOLONG, "--dir: path too long");
	return writ_policy_grant_dir(p, host_path, guest_path, write, err);
}

static enum writ_status
add_env(struct writ_policy *p, const char *text, struct writ_err *err)
{
	const char *eq = strchr(text, '=');
	char key[1024];

	if (!eq || eq == text || writ_str_cstr(writ_str(text,
	    (size_t)(eq - text)), key, sizeof(key)) != WRIT_OK)
		return writ_fail(err, WRIT_INVALID,
		    "--env %s: must be NAME=VALUE", text);
	return writ_policy_grant_env(p, key, eq + 1, err);
}

enum writ_status
cli_policy(const struct cli *cli, struct writ_policy **out, struct writ_err *err)
{
	const char *file = cli_value(cli, "--writ");
	struct writ_policy *p = NULL;
	enum writ_status st;
	unsigned i;

	st = file ? writ_policy_load(file, &p, err) : writ_policy_void(&p, err);
	for (i = 0; st == WRIT_OK && i < cli->values_count; i++) {
		const char *name = cli->values[i].option->name;
		const char *value = cli->values[i].value;

		if (!strcmp(name, "--dir"))
			st = add_dir(p, value, err);
		else if (!strcmp(name, "--env"))
			st = add_env(p, value, err);
		else if (!strcmp(name, "--grant"))
			st = writ_policy_grant(p, value, err);
	}
	if (st != WRIT_OK)
		writ_policy_free(p);
	else
		*out = p;
	return st;
}

static void
on_progress(void *ctx, const char *what)
{
	struct writ_buf b;

	writ_buf_init(&b, 8192);
	writ_buf_cstr(&b, "writ: ");
	if (!strcmp(what, "compiling"))
		what = "compiling (the first time; the result is kept)";
	writ_buf_safe(&b, writ_str_from(what), false);
	writ_buf_char(&b, '\n');
	cli_flush(2, &b);
}

/* A whole number and its unit; 0 when there is none. */
static enum writ_status
read_size(const char *text, uint64_t *out, struct writ_err *err)
{
	static const struct {
		struct writ_str name;
		uint64_t bytes;
	} units[] = { { { "KiB", 3 }, WRIT_KIB }, { { "MiB", 3 }, WRIT_MIB },
		{ { "GiB", 3 }, WRIT_GIB } };
	struct writ_str s = writ_str_from(text);
	size_t i;

	*out = 0;
	if (!text)
		return WRIT_OK;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (s.len > 3 && writ_str_eq(writ_str_skip(s, s.len - 3),
		    units[i].name) && writ_str_u64(writ_str(text, s.len - 3),
		    INT64_MAX / units[i].bytes, out) == WRIT_OK &&
		    (*out *= units[i].bytes) >= WRIT_CACHE_MAX_LEAST)
			return WRIT_OK;
	return writ_fail(err, WRIT_INVALID, "--cache-max %s: must be a whole "
	    "number of KiB, MiB or GiB, at least 1MiB", text);
}

enum writ_status
cli_host(const struct cli *cli, struct writ_host **out, struct writ_err *err)
{
	struct writ_host_options o = {
		.program_dir = cli_value(cli, "--programs"),
		.cache_dir = cli_value(cli, "--cache-dir"),
		.without_walls = cli_value(cli, "--without-wall"),
		.resolver = cli_value(cli, "--resolver"),
		.progress = on_progress,
	};
	enum writ_status st = read_size(cli_value(cli, "--cache-max"),
	    &o.cache_max_bytes, err);

	return st == WRIT_OK ? writ_host_open(&o, out, err) : st;
}
