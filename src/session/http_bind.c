#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "session/http_serve.h"

#define BACKLOG 1024

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool
parse_host(struct writ_str host, union address *a)
{
	char text[INET6_ADDRSTRLEN + 1];

	memset(a, 0, sizeof(*a));
	if (writ_str_is(host, "localhost"))
		host = WRIT_STR("127.0.0.1");
	if (host.len > 2 && host.ptr[0] == '[' &&
	    host.ptr[host.len - 1] == ']') {
		a->v6.sin6_family = AF_INET6;
		host = writ_str(host.ptr + 1, host.len - 2);
		return writ_str_cstr(host, text, sizeof(text)) == WRIT_OK &&
		    inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1;
	}
	a->v4.sin_family = AF_INET;
	return writ_str_cstr(host, text, sizeof(text)) == WRIT_OK &&
	    inet_pton(AF_INET, text, &a->v4.sin_addr) == 1;
}

static enum writ_status
parse(const char *text, union address *a, struct writ_err *err)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (!colon || !parse_host(writ_str(text, (size_t)(colon - text)), a) ||
	    writ_str_u64(writ_str_from(colon + 1), 65535, &port) != WRIT_OK)
		return writ_fail(err, WRIT_INVALID, "\"%s\": not an address "
		    "with a port, such as 127.0.0.1:8080 or [::1]:8080", text);
	if (a->any.sa_family == AF_INET6)
		a->v6.sin6_port = htons((uint16_t)port);
	else
		a->v4.sin_port = htons((uint16_t)port);
	return WRIT_OK;
}

static void
show(const union address *a, char text[64])
{
	char host[INET6_ADDRSTRLEN];
	bool six = a->any.sa_family == AF_INET6;

	if (!inet_ntop(a->any.sa_family, six ? (const void *)&a->v6.sin6_addr :
	    (const void *)&a->v4.sin_addr, host, sizeof(host)))
		host[0] = '\0';
	snprintf(text, 64, six ? "[%s]:%u" : "%s:%u", host,
	    ntohs(six ? a->v6.sin6_port : a->v4.sin_port));
}

/* What is set here, the connections that are accepted have too. */
static bool
options(int fd)
{
	int on = 1;

	return !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    !setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

enum writ_status
http_bind(const char *address, int *out, char text[64], struct writ_err *err)
{
	union address a;
	socklen_t len = sizeof(a);
	enum writ_status st = parse(address, &a, err);
	writ_auto_fd fd = st != WRIT_OK ? -1 : socket(a.any.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (st != WRIT_OK)
		return st;
	if (fd < 0 || !options(fd) || bind(fd, &a.any, a.any.sa_family ==
	    AF_INET6 ? sizeof(a.v6) : sizeof(a.v4)) || listen(fd, BACKLOG) ||
	    getsockname(fd, &a.any, &len))
		return writ_fail(err, WRIT_IO, "%s: %s", address,
		    strerror(errno));
	show(&a, text);
	*out = writ_steal_fd(&fd);
	return WRIT_OK;
}

/* Left by one that was killed: nobody answers there. */
static bool
remove_dead(const struct sockaddr_un *a)
{
	writ_auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	return fd >= 0 && !lstat(a->sun_path, &st) && S_ISSOCK(st.st_mode) &&
	    st.st_uid == geteuid() &&
	    connect(fd, (const struct sockaddr *)a, sizeof(*a)) &&
	    errno == ECONNREFUSED && !unlink(a->sun_path);
}

static int
bind_private(int fd, const struct sockaddr_un *a)
{
	mode_t before = umask(0177);	/* never reachable by others, not even shortly */
	int rc = bind(fd, (const struct sockaddr *)a, sizeof(*a));

	umask(before);
	return rc;
}

enum writ_status
http_bind_unix(const char *path, int *out, struct writ_err *err)
{
	writ_auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path))
		return writ_fail(err, WRIT_NAMETOOLONG, "%s: a socket's path "
		    "has at most %zu bytes", path, sizeof(a.sun_path) - 1);
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (fd < 0 || (bind_private(fd, &a) && (errno != EADDRINUSE ||
	    !remove_dead(&a) || bind_private(fd, &a))) || listen(fd, 8))
		return writ_fail(err, errno == EADDRINUSE ? WRIT_EXIST :
		    WRIT_IO, "%s: %s", path, strerror(errno));
	*out = writ_steal_fd(&fd);
	return WRIT_OK;
}
