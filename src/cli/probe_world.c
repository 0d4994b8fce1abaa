#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/probe_world.h"

#define CLIENTS_MAX 64
#define HEAD_MAX 16384
#define LIFE_MS (300 * 1000)
#define NAME 12				/* where a query's name stands */
#define FLOOD (4 * 1024 * 1024)		/* bytes of an endless answer */

/* ---- hostile answers */

static const struct raw {
	const char *what, *bytes;
	const char *flood;		/* repeated up to FLOOD bytes behind it */
} raws[] = {
	{ "two answers to one request", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	    "\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond", NULL },
	{ "Content-Length and Transfer-Encoding", "HTTP/1.1 200 OK\r\n"
	    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2\r\nok\r\n0\r\n\r\n", NULL },
	{ "two lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	    "Content-Length: 5\r\n\r\nokxyz", NULL },
	{ "a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n"
	    "\r\nok", NULL },
	{ "a chunk size with an underscore", "HTTP/1.1 200 OK\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0_2e\r\nok\r\n0\r\n\r\n", NULL },
	{ "a negative chunk size", "HTTP/1.1 200 OK\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n", NULL },
	{ "a chunk size beyond 64 bits", "HTTP/1.1 200 OK\r\n"
	    "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff2\r\nok\r\n", NULL },
	{ "a body cut short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok",
	    NULL },
	{ "chunks cut short", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n5\r\nhello\r\n", NULL },
	{ "a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello", NULL },
	{ "a header name with a space", "HTTP/1.1 200 OK\r\nX y : 1\r\n"
	    "Content-Length: 2\r\n\r\nok", NULL },
	{ "a header with a NUL", NULL, NULL },
	{ "no HTTP at all", "SSH-2.0-OpenSSH_9.2\r\nxxxxxxxxxxxxxxxxxxxxxxxx"
	    "\r\n\r\n", NULL },
	{ "endless interim answers", "", "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" },
	{ "endless headers", "HTTP/1.1 200 OK\r\n", "X-Endless: aaaaaaaaaaaaa\r\n" },
	{ "one endless header", "HTTP/1.1 200 OK\r\nX: ", "aaaaaaaaaaaaaaaaaaaaaaa" },
};

#define NUL_ANSWER "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok"

const char *
probe_world_raw(size_t n)
{
	return n < sizeof(raws) / sizeof(raws[0]) ? raws[n].what : NULL;
}

static bool
send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static void
send_raw(int fd, size_t n)
{
	const struct raw *r = &raws[n];
	size_t sent = 0;

	if (!r->bytes) {
		(void)!send_all(fd, NUL_ANSWER, sizeof(NUL_ANSWER) - 1);
		return;
	}
	if (!send_all(fd, r->bytes, strlen(r->bytes)))
		return;
	while (r->flood && sent < FLOOD &&
	    send_all(fd, r->flood, strlen(r->flood)))
		sent += strlen(r->flood);
}

/* ---- the origin */

struct client {
	int fd;
	size_t len;
	char head[HEAD_MAX];
};

static void
send_text(int fd, const char *extra, const char *body)
{
	char head[1024];
	int n = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n"
	    "Content-Length: %zu\r\nContent-Type: text/plain\r\n"
	    "Connection: close\r\n\r\n", extra, strlen(body));

	if (n > 0 && (size_t)n < sizeof(head) && send_all(fd, head, (size_t)n))
		(void)!send_all(fd, body, strlen(body));
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ?
	    c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static const char *const redirects[] = { "http://evil.test/",
	"//evil.test/", "\\\\evil.test\\", "http:evil.test", "../../admin",
	"http://169.254.169.254/latest/meta-data/", "https://origin.test/",
	"gopher://origin.test/", "file:///etc/passwd", "/v1/admin",
	("/x\r\nRefresh: 0;url=http://evil.test/\r\n"
	"Alt-Svc: h2=\"evil.test:443\"\r\nLink: <//evil.test>;rel=preload") };

const char *
probe_world_redirect(size_t n)
{
	return n < sizeof(redirects) / sizeof(redirects[0]) ? redirects[n] :
	    NULL;
}

/* Two digits; SIZE_MAX: no number. */
static size_t
number(const char *s)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return SIZE_MAX;
	return (size_t)(s[0] - '0') * 10 + (size_t)(s[1] - '0');
}

static void
redirect(int fd, const char *to)
{
	char extra[700];

	snprintf(extra, sizeof(extra), "302 Found\r\nLocation: %s", to);
	send_text(fd, extra, "elsewhere");
}

static void
answer(struct client *c, struct probe_seen *seen, const char *token)
{
	char *line_end = strstr(c->head, "\r\n");
	char *target = strchr(c->head, ' '), *end;

	seen->requests++;
	snprintf(seen->fields, sizeof(seen->fields), "%s",
	    line_end ? line_end + 2 : "");
	if (!target || !line_end || target > line_end)
		return;
	target++;
	end = strchr(target, ' ');
	if (!end)
		return;
	if (!strncmp(target, "/echo", 5)) {
		send_text(c->fd, "200 OK", c->head);
		return;
	}
	*end = '\0';
	snprintf(seen->target, sizeof(seen->target), "%s", target);
	if (!strncmp(target, "/redirect/", 10) &&
	    probe_world_redirect(number(target + 10)))
		redirect(c->fd, probe_world_redirect(number(target + 10)));
	else if (!strncmp(target, "/raw/", 5) &&
	    probe_world_raw(number(target + 5)))
		send_raw(c->fd, number(target + 5));
	else if (strcmp(target, "/silent"))
		send_text(c->fd, "200 OK", token);
}

/* False: it is done with. */
static bool
serve(struct client *c, struct probe_seen *seen, const char *token)
{
	ssize_t n = recv(c->fd, c->head + c->len, HEAD_MAX - 1 - c->len, 0);

	if (n <= 0)
		return false;
	c->len += (size_t)n;
	c->head[c->len] = '\0';
	if (!strstr(c->head, "\r\n\r\n"))
		return c->len < HEAD_MAX - 1;
	answer(c, seen, token);
	shutdown(c->fd, SHUT_WR);
	return false;
}

/* ---- the name server (RFC 1035) */

struct reply {
	uint8_t p[8192];
	size_t len;
};

static void
put(struct reply *r, const void *p, size_t n)
{
	if (r->len + n > sizeof(r->p))
		return;
	memcpy(r->p + r->len, p, n);
	r->len += n;
}

/* One record of the name at `owner` in the reply, counted. */
static void
put_record(struct reply *r, size_t owner, uint16_t type, const void *data,
    size_t n)
{
	uint8_t head[] = { (uint8_t)(0xc0 | owner >> 8), (uint8_t)owner,
		(uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0, 0, 0,
		(uint8_t)(n >> 8), (uint8_t)n };
	unsigned count = (unsigned)(r->p[6] << 8 | r->p[7]) + 1;

	put(r, head, sizeof(head));
	put(r, data, n);
	r->p[6] = (uint8_t)(count >> 8);
	r->p[7] = (uint8_t)count;
}

/* The name as dotted lower-case text; 0: malformed, else where the type begins. */
static size_t
read_name(const uint8_t *q, size_t len, char *out, size_t cap)
{
	size_t at = 12, n = 0;

	while (at < len && q[at]) {
		size_t label = q[at++];

		if (label > 63 || at + label >= len || n + label + 2 > cap)
			return 0;
		if (n)
			out[n++] = '.';
		for (; label; label--, at++)
			out[n++] = (char)(q[at] >= 'A' && q[at] <= 'Z' ?
			    q[at] + 32 : q[at]);
	}
	out[n] = '\0';
	return at + 5 <= len ? at + 1 : 0;
}

static bool
read_hex(const char *text, uint8_t *out, size_t n)
{
	size_t i;

	for (i = 0; i < 2 * n; i++) {
		int d = hex_digit(text[i]);

		if (d < 0)
			return false;
		out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] << 4 | d : d);
	}
	return !strcmp(text + 2 * n, ".x.test");
}

/* The answers; the response code. */
static int
look_up(struct reply *r, const char *name, unsigned type, unsigned *turns)
{
	static const uint8_t other[] = "\5other\4test";
	uint8_t a[16] = { 127, 0, 0, 1 }, ten[4] = { 10, 1, 2, 3 };
	bool v4 = type == 1, v6 = type == 28;
	unsigned i;

	if (!strcmp(name, "fail.test"))
		return 2;
	if (name[0] == 'a' && read_hex(name + 1, a, 4)) {
		if (v4)
			put_record(r, NAME, 1, a, 4);
	} else if (name[0] == 'x' && read_hex(name + 1, a, 16)) {
		if (v6)
			put_record(r, NAME, 28, a, 16);
	} else if (!strcmp(name, "origin.test")) {
		if (v4)
			put_record(r, NAME, 1, a, 4);
	} else if (!strcmp(name, "mixed.test")) {
		if (v4) {
			put_record(r, NAME, 1, ten, 4);
			put_record(r, NAME, 1, a, 4);
		}
	} else if (!strcmp(name, "turn.test")) {
		if (v4) {
			a[3] = (*turns)++ ? 2 : 1;
			put_record(r, NAME, 1, a, 4);
		}
	} else if (!strcmp(name, "alias.test")) {
		size_t real = r->len + 12;	/* where the next one stands */

		put_record(r, NAME, 5, other, sizeof(other));
		if (v4)
			put_record(r, real, 1, a, 4);
	} else if (!strcmp(name, "many.test")) {
		for (i = 0; v4 && i < 300; i++) {
			a[0] = 10;
			a[3] = (uint8_t)i;
			put_record(r, NAME, 1, a, 4);
		}
	} else {
		return 3;
	}
	return 0;
}

static void
resolve(int fd, struct probe_seen *seen, unsigned *turns)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t q[512];
	char name[260];
	struct reply r = { .len = 0 };
	ssize_t n = recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&from,
	    &from_len);
	size_t type_at;
	int code;

	seen->queries++;
	if (n < 17 || !(type_at = read_name(q, (size_t)n, name, sizeof(name))) ||
	    !strcmp(name, "silent.test"))
		return;
	put(&r, q, type_at + 4);
	memset(r.p + 6, 0, 6);
	code = look_up(&r, name, (unsigned)(q[type_at] << 8 | q[type_at + 1]),
	    turns);
	r.p[2] = 0x81;
	r.p[3] = (uint8_t)(0x80 | code);
	(void)!sendto(fd, r.p, r.len, MSG_NOSIGNAL, (struct sockaddr *)&from,
	    from_len);
}

/* ---- the process */

static int
listen_on(int type, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    (type == SOCK_STREAM && listen(fd, 256)) ||
	    getsockname(fd, (struct sockaddr *)&a, &n)) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

static void
accept_one(int fd, struct client *clients, struct probe_seen *seen)
{
	struct timeval wait = { .tv_sec = 5 };
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	size_t i;

	if (c < 0)
		return;
	seen->connections++;
	(void)!setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	for (i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].fd < 0) {
			clients[i].fd = c;
			clients[i].len = 0;
			return;
		}
	close(c);
}

static void
live(int origin, int dns, struct probe_seen *seen, const char *token)
{
	struct client *clients = calloc(CLIENTS_MAX, sizeof(*clients));
	struct pollfd p[CLIENTS_MAX + 2];
	unsigned turns = 0;
	size_t i;

	if (!clients)
		return;
	for (i = 0; i < CLIENTS_MAX; i++)
		clients[i].fd = -1;
	for (;;) {
		p[0] = (struct pollfd){ origin, POLLIN, 0 };
		p[1] = (struct pollfd){ dns, POLLIN, 0 };
		for (i = 0; i < CLIENTS_MAX; i++)
			p[i + 2] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
		if (poll(p, CLIENTS_MAX + 2, LIFE_MS) <= 0 && errno != EINTR)
			return;
		for (i = 0; i < CLIENTS_MAX; i++)
			if (p[i + 2].revents &&
			    !serve(&clients[i], seen, token)) {
				close(clients[i].fd);
				clients[i].fd = -1;
			}
		if (p[0].revents)
			accept_one(origin, clients, seen);
		if (p[1].revents)
			resolve(dns, seen, &turns);
	}
}

bool
probe_world_start(struct probe_world *w, const char *token)
{
	int origin, dns;

	memset(w, 0, sizeof(*w));
	origin = listen_on(SOCK_STREAM, &w->origin);
	dns = listen_on(SOCK_DGRAM, &w->dns);
	w->seen = mmap(NULL, sizeof(*w->seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->seen == MAP_FAILED)
		w->seen = NULL;
	if (origin >= 0 && dns >= 0 && w->seen)
		w->pid = fork();
	if (w->pid == 0 && w->seen && origin >= 0 && dns >= 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		live(origin, dns, w->seen, token);
		_exit(0);
	}
	if (origin >= 0)
		close(origin);
	if (dns >= 0)
		close(dns);
	return w->pid > 0;
}

void
probe_world_stop(struct probe_world *w)
{
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		(void)!waitpid(w->pid, NULL, 0);
	}
	if (w->seen)
		munmap(w->seen, sizeof(*w->seen));
	memset(w, 0, sizeof(*w));
}
