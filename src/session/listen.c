#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "session/listen.h"
#include "session/session.h"

#define BACKLOG 1024
#define TOKEN_BYTES 32			/* made; written as hex */
#define TOKEN_MIN 32			/* characters of one made elsewhere */
#define TOKEN_MAX 512

/* ---- the socket */

static enum writ_status
parse(const char *text, struct sockaddr_storage *out, socklen_t *len,
    struct writ_err *err)
{
	static const struct {
		const char *host;
		bool v6;
	} hosts[] = { { "127.0.0.1:", false }, { "localhost:", false },
		{ "[::1]:", true } };
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
	uint64_t port;
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct writ_str t = writ_str_from(text);
		struct writ_str h = writ_str_from(hosts[i].host);

		if (!writ_str_starts(t, h) || writ_str_u64(writ_str_skip(t,
		    h.len), 65535, &port) != WRIT_OK)
			continue;
		if (hosts[i].v6) {
			v6->sin6_family = AF_INET6;
			v6->sin6_addr = in6addr_loopback;
			v6->sin6_port = htons((uint16_t)port);
			*len = sizeof(*v6);
		} else {
			v4->sin_family = AF_INET;
			v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
			v4->sin_port = htons((uint16_t)port);
			*len = sizeof(*v4);
		}
		return WRIT_OK;
	}
	return writ_fail(err, WRIT_INVALID, "\"%s\": not 127.0.0.1:PORT, "
	    "[::1]:PORT or localhost:PORT; this server listens on loopback "
	    "alone", text);
}

static enum writ_status
bind_to(struct writ_listen *l, const struct sockaddr_storage *where,
    socklen_t len, const char *text, struct writ_err *err)
{
	writ_auto_fd fd = socket(where->ss_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	struct sockaddr_storage bound;
	socklen_t bound_len = sizeof(bound);
	int on = 1;
	unsigned port;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on))
	    || bind(fd, (const struct sockaddr *)where, len) ||
	    listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&bound, &bound_len))
		return writ_fail(err, WRIT_IO, "%s: %s", text, strerror(errno));
	port = bound.ss_family == AF_INET6 ?
	    ntohs(((struct sockaddr_in6 *)(void *)&bound)->sin6_port) :
	    ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port);
	snprintf(l->address, sizeof(l->address), "%s:%u",
	    bound.ss_family == AF_INET6 ? "[::1]" : "127.0.0.1", port);
	snprintf(l->hosts, sizeof(l->hosts),
	    "%s:%u,localhost:%u", bound.ss_family == AF_INET6 ? "[::1]" :
	    "127.0.0.1", port, port);
	snprintf(l->origins, sizeof(l->origins),
	    "http://%s,http://localhost:%u", l->address, port);
	l->fd = writ_steal_fd(&fd);
	return WRIT_OK;
}

/* ---- the token */

static enum writ_status
make_token(const char *path, struct writ_err *err)
{
	writ_auto_fd fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	uint8_t raw[TOKEN_BYTES];
	struct writ_buf b;
	bool ok;

	if (fd < 0)
		return writ_fail(err, WRIT_IO, "%s: %s", path, strerror(errno));
	writ_hash_random(raw, sizeof(raw));
	writ_buf_init(&b, 2 * TOKEN_BYTES + 1);
	writ_buf_hex(&b, raw, sizeof(raw));
	writ_buf_char(&b, '\n');
	ok = writ_buf_status(&b) == WRIT_OK && write(fd, b.ptr, b.len) ==
	    (ssize_t)b.len && fsync(fd) == 0;
	writ_buf_release(&b);
	if (ok)
		return WRIT_OK;
	unlink(path);
	return writ_fail(err, WRIT_IO, "%s: %s", path, strerror(errno));
}

static bool
token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || strchr("-._~+/=", c);
}

static enum writ_status
read_token(struct writ_listen *l, const char *path, struct writ_err *err)
{
	writ_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK);
	char text[TOKEN_MAX + 2];
	struct writ_digest d;
	struct stat st;
	ssize_t n;
	size_t i, len;

	if (fd < 0 || fstat(fd, &st))
		return writ_fail(err, WRIT_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077))
		return writ_fail(err, WRIT_DENIED, "%s: the token must be a "
		    "file of yours that nobody else can read: chmod 600", path);
	n = read(fd, text, sizeof(text));
	len = n > 0 && text[n - 1] == '\n' ? (size_t)n - 1 :
	    n > 0 ? (size_t)n : 0;
	for (i = 0; i < len && token_char(text[i]); i++)
		;
	if (i < len || len < TOKEN_MIN || len > TOKEN_MAX)
		return writ_fail(err, WRIT_INVALID, "%s: not a token of %d to "
		    "%d characters (RFC 6750); remove it, and a new one is made",
		    path, TOKEN_MIN, TOKEN_MAX);
	writ_sha256(text, len, &d);
	memcpy(l->token, d.b, sizeof(l->token));
	return WRIT_OK;
}

static enum writ_status
take_token(struct writ_listen *l, const char *token_file, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	char dir[4096];

	if (!token_file) {
		st = writ_state_dir(dir, err);
		if (st == WRIT_OK && (size_t)snprintf(l->token_file,
		    sizeof(l->token_file), "%s/mcp-token", dir) >=
		    sizeof(l->token_file))
			st = writ_fail(err, WRIT_NAMETOOLONG, "%s", dir);
	} else {
		snprintf(l->token_file, sizeof(l->token_file), "%s",
		    token_file);
	}
	if (st == WRIT_OK && access(l->token_file, F_OK) && errno == ENOENT)
		st = make_token(l->token_file, err);
	return st == WRIT_OK ? read_token(l, l->token_file, err) : st;
}

enum writ_status
writ_listen_open(struct writ_listen *l, const char *address, bool with_token,
    const char *token_file, struct writ_err *err)
{
	struct sockaddr_storage where;
	socklen_t len = 0;
	enum writ_status st;

	st = parse(address, &where, &len, err);
	if (st == WRIT_OK && with_token)
		st = take_token(l, token_file, err);
	return st == WRIT_OK ? bind_to(l, &where, len, address, err) : st;
}
