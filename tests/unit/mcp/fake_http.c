/*
 * fake_http WRIT-MCP [OPTION...] - the real, jailed front end on a port of loopback, with a
 * broker of no substance (fake.h) behind it.  The first line of stdout is the port.  Lines of
 * stdin: "finish" ends every call of `slow`, "catalog N" sends another catalog, "updated URI"
 * tells of a resource, "report" answers with the counts "CANCELLED OPENED CLOSED"; at its end the
 * front end is let go.  Ends with the front end's status.
 * OPTIONs: "no-token", "idle=MS", "clients=N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "broker/child.h"
#include "fake.h"
#include "jail/jail.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

static struct fake fake;

static int
listener(unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) ||
	    listen(fd, 1024) || getsockname(fd, (struct sockaddr *)&a, &len))
		return -1;
	*port = ntohs(a.sin_port);
	return fd;
}

static bool
option(int argc, char **argv, const char *name, uint64_t *number)
{
	struct writ_str rest;
	int i;

	for (i = 2; i < argc; i++)
		if (writ_str_is(writ_str_cut(writ_str_from(argv[i]), '=',
		    &rest), name))
			return !number || writ_str_u64(rest, UINT32_MAX,
			    number) == WRIT_OK;
	return false;
}

static void
greet(int argc, char **argv, unsigned port)
{
	struct writ_api_config c = { .transport = WRIT_API_HTTP,
		.flags = WRIT_API_CONFIG_GRANTS, .park_ms = 60000,
		.version = WRIT_STR("1"), .path = WRIT_STR("/mcp") };
	uint64_t idle = 60000, clients = WRIT_CLIENTS_MAX;
	char hosts[64], origins[64];
	struct writ_digest d;
	struct writ_buf b;

	if (!option(argc, argv, "no-token", NULL))
		c.flags |= WRIT_API_CONFIG_TOKEN;
	(void)option(argc, argv, "idle", &idle);
	(void)option(argc, argv, "clients", &clients);
	c.idle_ms = (uint32_t)idle;
	c.clients_max = (uint32_t)clients;
	writ_sha256(TOKEN, strlen(TOKEN), &d);
	memcpy(c.token, d.b, sizeof(c.token));
	snprintf(hosts, sizeof(hosts), "127.0.0.1:%u,localhost:%u", port, port);
	snprintf(origins, sizeof(origins), "http://127.0.0.1:%u", port);
	c.hosts = writ_str_from(hosts);
	c.origins = writ_str_from(origins);
	writ_buf_init(&b, 4096);
	writ_api_config_put(&b, &c);
	if (writ_conn_send(&fake.conn, WRIT_API_CONFIG, 0, writ_buf_view(&b),
	    -1) != WRIT_OK)
		WRIT_BUG("no configuration");
	writ_buf_release(&b);
	fake_catalog(&fake, 0);
}

static void
obey(const char *line)
{
	struct writ_str rest, word = writ_str_cut(writ_str_from(line), ' ',
	    &rest);
	uint64_t n;

	if (writ_str_is(word, "finish"))
		fake_finish(&fake);
	else if (writ_str_is(word, "catalog") &&
	    writ_str_u64(rest, 3, &n) == WRIT_OK)
		fake_catalog(&fake, (unsigned)n);
	else if (writ_str_is(word, "updated"))
		fake_updated(&fake, rest.ptr);
	else if (writ_str_is(word, "report"))
		printf("%u %u %u\n", fake.cancelled, fake.opened, fake.closed);
	fflush(stdout);
}

static void
serve(void)
{
	char line[512];

	for (;;) {
		struct pollfd p[2] = { { fake.conn.fd, POLLIN, 0 },
			{ 0, POLLIN, 0 } };

		if (!fake_step(&fake))
			return;
		if (writ_conn_unsent(&fake.conn))
			p[0].events |= POLLOUT;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (!p[1].revents)
			continue;
		/* One line a time: the test waits for each. */
		if (!fgets(line, sizeof(line), stdin))
			return;
		line[strcspn(line, "\n")] = '\0';
		obey(line);
	}
}

static int
run(char *program, struct writ_child *child, int listening)
{
	struct writ_spawn spec = { .program = program, .fds_count = 2 };
	struct writ_jail_args args;
	struct writ_err err = { WRIT_OK, "" };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -1;
	writ_jail_args(0, &args);
	spec.args[0] = args.walls;
	spec.args[1] = args.uid;
	spec.args[2] = args.gid;
	spec.fds[0] = fds[1];
	spec.fds[1] = listening;
	if (writ_spawn(&spec, child, &err) != WRIT_OK) {
		fprintf(stderr, "fake_http: %s\n", err.msg);
		return -1;
	}
	close(fds[1]);
	close(listening);
	return fds[0];
}

int
main(int argc, char **argv)
{
	struct rlimit files = { 0, 0 };
	struct writ_child child = { 0, -1 };
	int fd, status = 0, listening;
	unsigned port = 0;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	listening = listener(&port);
	if (argc < 2 || listening < 0 || writ_hash_init() != WRIT_OK)
		return 2;
	fd = run(argv[1], &child, listening);
	if (fd < 0)
		return 2;
	setvbuf(stdin, NULL, _IONBF, 0);
	printf("%u %d\n", port, (int)child.pid);
	fflush(stdout);
	fake_init(&fake, fd);
	greet(argc, argv, port);
	serve();
	fake_release(&fake);
	(void)!writ_child_wait(&child, 5000, &status);
	if (status) {
		char words[128];

		writ_child_words(status, words, sizeof(words));
		fprintf(stderr, "fake_http: the front end %s\n", words);
		return 1;
	}
	return 0;
}
