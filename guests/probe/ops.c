/*
 * ops.c - ops OP[:PATH[:ARGUMENT]]...: does one file operation after another
 * and prints "OP PATH ok ..." or "OP PATH errno=N" for each; status 1 if one
 * failed.  `ops list` reads lines of hex from stdin, opens each as a path below
 * the first preopen by the raw call, and prints how many were refused, missing
 * and opened, with what the opened ones hold.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

/* One table of one signature; not every operation needs its argument. */
#pragma clang diagnostic ignored "-Wunused-parameter"

/* The import itself: a path is pointer and length, any bytes. */
__attribute__((import_module("wasi_snapshot_preview1"),
    import_name("path_open"))) int
path_open_counted(int fd, int lookup, const char *path, size_t len, int oflags,
    __wasi_rights_t base, __wasi_rights_t inheriting, int fdflags,
    __wasi_fd_t *opened);

static char data[64];
static int held = -1;

static int
first_bytes(int fd)
{
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, data, sizeof(data) - 1);
	close(fd);
	if (n < 0)
		return -1;
	data[n] = 0;
	data[strcspn(data, "\n")] = 0;
	return 0;
}

static int
put(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | flags, 0644);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	return close(fd) == 0 && n == (ssize_t)strlen(text) ? 0 : -1;
}

static int
op_read(const char *path, const char *arg)
{
	return first_bytes(open(path, O_RDONLY));
}

static int
op_write(const char *path, const char *arg)
{
	return put(path, O_CREAT | O_TRUNC, arg);
}

static int
op_append(const char *path, const char *arg)
{
	return put(path, O_APPEND, arg);
}

static int
op_fill(const char *path, const char *arg)
{
	static char block[4096];
	long n = strtol(arg, NULL, 10);
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	if (fd < 0)
		return -1;
	for (; n > 0; n -= (long)sizeof(block))
		if (write(fd, block, sizeof(block)) != sizeof(block))
			return -1;
	return close(fd);
}

static int
op_size(const char *path, const char *arg)
{
	return truncate(path, strtoll(arg, NULL, 10));
}

static int
op_files(const char *path, const char *arg)
{
	char name[256];
	long i, n = strtol(arg, NULL, 10);

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/f%ld", path, i);
		if (put(name, O_CREAT, "") != 0)
			return -1;
	}
	return 0;
}

static int
op_nest(const char *path, const char *arg)
{
	long i, n = strtol(arg, NULL, 10);
	int at = open(path, O_RDONLY | O_DIRECTORY), next;

	for (i = 0; at >= 0 && i < n; i++) {
		if (mkdirat(at, "d", 0755) != 0) {
			snprintf(data, sizeof(data), "after %ld", i);
			return -1;
		}
		next = openat(at, "d", O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	return at < 0 ? -1 : close(at);
}

static int
op_stat(const char *path, const char *arg)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return -1;
	snprintf(data, sizeof(data), "size %lld", (long long)st.st_size);
	return 0;
}

static int
op_list(const char *path, const char *arg)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return -1;
	while ((e = readdir(dir)))
		snprintf(data + strlen(data), sizeof(data) - strlen(data),
		    "%s ", e->d_name);
	return closedir(dir);
}

/* Keep a directory open; later ops name files below it with "readat". */
static int
op_hold(const char *path, const char *arg)
{
	held = open(path, O_RDONLY | O_DIRECTORY);
	return held < 0 ? -1 : 0;
}

static int
op_readat(const char *path, const char *arg)
{
	return first_bytes(openat(held, path, O_RDONLY));
}

static int op_mkdir(const char *p, const char *a) { return mkdir(p, 0755); }
static int op_rmdir(const char *p, const char *a) { return rmdir(p); }
static int op_unlink(const char *p, const char *a) { return unlink(p); }
static int op_rename(const char *p, const char *a) { return rename(p, a); }
static int op_link(const char *p, const char *a) { return link(p, a); }
static int op_symlink(const char *p, const char *a) { return symlink(p, a); }

static const struct {
	const char *name;
	int (*run)(const char *path, const char *arg);
} ops[] = {
	{ "read", op_read }, { "write", op_write }, { "append", op_append },
	{ "fill", op_fill }, { "size", op_size }, { "files", op_files },
	{ "nest", op_nest }, { "stat", op_stat }, { "ls", op_list },
	{ "hold", op_hold }, { "readat", op_readat }, { "mkdir", op_mkdir },
	{ "rmdir", op_rmdir }, { "unlink", op_unlink },
	{ "rename", op_rename }, { "link", op_link },
	{ "symlink", op_symlink },
};

static int
run_op(char *text)
{
	char *path = strchr(text, ':'), *arg = NULL;
	size_t i, n = sizeof(ops) / sizeof(ops[0]);

	if (path)
		*path++ = 0;
	arg = path ? strchr(path, ':') : NULL;
	if (arg)
		*arg++ = 0;
	for (i = 0; i < n && strcmp(ops[i].name, text); i++)
		;
	if (i == n) {
		printf("%s unknown\n", text);
		return 1;
	}
	data[0] = 0;
	errno = 0;
	if (ops[i].run(path ? path : "", arg ? arg : "") == 0) {
		printf("%s %s ok %s\n", text, path ? path : "", data);
		return 0;
	}
	printf("%s %s errno=%d %s\n", text, path ? path : "", errno, data);
	return 1;
}

static size_t
from_hex(const char *line, char *out, size_t max)
{
	unsigned byte;
	size_t n = 0;

	while (n < max && sscanf(line + 2 * n, "%2x", &byte) == 1)
		out[n++] = (char)byte;
	return n;
}

static int
run_list(void)
{
	static char line[16384], path[8192];
	int tried = 0, missing = 0, refused = 0, opened = 0;

	while (fgets(line, sizeof(line), stdin)) {
		size_t len = from_hex(line, path, sizeof(path));
		__wasi_fd_t fd;
		int error;

		tried++;
		error = path_open_counted(3, 1, path, len, 0,
		    __WASI_RIGHTS_FD_READ, __WASI_RIGHTS_FD_READ, 0, &fd) &
		    0xffff;
		if (error == __WASI_ERRNO_NOENT || error == __WASI_ERRNO_NOTDIR)
			missing++;
		else if (error)
			refused++;
		else {
			opened++;
			first_bytes((int)fd);
			printf("OPENED %.*s: %s\n", (int)len, path, data);
		}
	}
	printf("list tried=%d refused=%d missing=%d opened=%d\n", tried,
	    refused, missing, opened);
	return opened != 0;
}

int
main(int argc, char **argv)
{
	int i, failed = 0;

	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return run_list();
	for (i = 1; i < argc; i++)
		failed |= run_op(argv[i]);
	return failed;
}
