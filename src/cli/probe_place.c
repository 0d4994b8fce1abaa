#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/hash.h"
#include "cli/probe.h"

void
probe_place_text(const struct probe_place *p, const char *text, char *out,
    size_t cap)
{
	size_t n = 0;

	for (; text && *text && n + sizeof(p->dir) + 1 < cap; text++) {
		if (*text == '$')
			n += (size_t)snprintf(out + n, cap - n, "%s", p->token);
		else if (*text == '%')
			n += (size_t)snprintf(out + n, cap - n, "%s", p->dir);
		else
			out[n++] = *text;
	}
	out[n] = '\0';
}

bool
probe_place_write(const struct probe_place *p, const char *name,
    const void *bytes, size_t len)
{
	char path[512];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	ok = cli_write(fd, bytes, len);
	return close(fd) == 0 && ok;
}

static bool
make_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
		return false;
	memcpy(a.sun_path, path, strlen(path) + 1);
	ok = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return ok;
}

/* One line of a tree: "KIND PATH REST". */
static bool
make_one(const struct probe_place *p, struct writ_str line)
{
	struct writ_str rest, tail, kind = writ_str_cut(line, ' ', &rest);
	struct writ_str name = writ_str_cut(rest, ' ', &tail);
	char path[512], text[512], leaf[256], raw[400];

	if (writ_str_cstr(name, leaf, sizeof(leaf)) != WRIT_OK ||
	    writ_str_cstr(tail.ptr ? tail : writ_str("", 0), raw,
	    sizeof(raw)) != WRIT_OK)
		return false;
	snprintf(path, sizeof(path), "%s/%s", p->dir, leaf);
	probe_place_text(p, raw, text, sizeof(text));
	switch (kind.ptr[0]) {
	case 'd':
		return mkdir(path, 0755) == 0;
	case 'f':
		return probe_place_write(p, leaf, text, strlen(text));
	case 'l':
		return symlink(text, path) == 0;
	case 'p':
		return mkfifo(path, 0644) == 0;
	case 's':
		return make_socket(path);
	default:
		return false;
	}
}

static bool
make_all(const struct probe_place *p, const char *tree)
{
	struct writ_str left = writ_str_from(tree), line;

	while (left.len) {
		line = writ_str_cut(left, '\n', &left);
		if (line.len && !make_one(p, line))
			return false;
	}
	return true;
}

bool
probe_place_open(struct probe_place *p, const char *tree)
{
	const char *tmp = getenv("TMPDIR");
	unsigned char random[8];
	size_t i;

	snprintf(p->dir, sizeof(p->dir), "%.200s/writ-probe-XXXXXX",
	    tmp && tmp[0] == '/' ? tmp : "/tmp");
	writ_hash_random(random, sizeof(random));
	snprintf(p->token, sizeof(p->token), "canary-");
	for (i = 0; i < sizeof(random); i++)
		snprintf(p->token + 7 + 2 * i, 3, "%02x", random[i]);
	if (!mkdtemp(p->dir)) {
		p->dir[0] = '\0';
		return false;
	}
	return make_all(p, "d granted\nd other\nd outside\n"
	    "f outside/secret $\nf secret $\n") && make_all(p, tree);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	if (type == FTW_DP)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

void
probe_place_close(struct probe_place *p)
{
	if (p->dir[0])
		nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	p->dir[0] = '\0';
}

/* Whether the file holds exactly `want`. */
static bool
holds(const struct probe_place *p, const char *name, const char *want)
{
	char path[512], have[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return false;
	n = read(fd, have, sizeof(have));
	close(fd);
	return n == (ssize_t)strlen(want) && !memcmp(have, want, (size_t)n);
}

static bool
check_one(const struct probe_place *p, struct writ_str line,
    struct probe_point *point)
{
	struct writ_str rest, name;
	char leaf[256], want[512], path[512], raw[400];
	struct stat st;

	if (line.ptr[0] == '!') {
		(void)!writ_str_cstr(writ_str_skip(line, 1), leaf, sizeof(leaf));
		snprintf(path, sizeof(path), "%s/%s", p->dir, leaf);
		if (lstat(path, &st) == 0)
			probe_point(point, false, "%s exists on the host", leaf);
		return point->seen;
	}
	name = writ_str_cut(line, '=', &rest);
	(void)!writ_str_cstr(name, leaf, sizeof(leaf));
	(void)!writ_str_cstr(rest, raw, sizeof(raw));
	probe_place_text(p, raw, want, sizeof(want));
	if (!holds(p, leaf, want))
		probe_point(point, false, "%s changed on the host", leaf);
	return point->seen;
}

void
probe_place_check(const struct probe_place *p, const char *keeps,
    struct probe_point *point)
{
	struct writ_str left = writ_str_from(keeps), line;

	if (!holds(p, "secret", p->token) ||
	    !holds(p, "outside/secret", p->token))
		probe_point(point, false, "the canary changed on the host");
	while (left.len && point->seen) {
		line = writ_str_cut(left, '\n', &left);
		if (line.len)
			check_one(p, line, point);
	}
}
