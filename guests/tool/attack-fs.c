/*
 * attack-fs.c - attack-fs DIR PROBE [OTHER]: tries to leave, or to do more in,
 * the granted directory DIR; prints "PROBE refused errno=N" or "PROBE GOT ...".
 * Raw preview1 calls where the C library would check the path itself.
 * OTHER is a second mount, for probes that need one (FSL-05, FSL-06).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

static const char *probe, *dir, *other;
static int root = -1, other_root = -1;

#define RW (__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE)
#define ALL (~(__wasi_rights_t)0 & ((1ull << 29) - 1))

/* The import itself: a path is pointer and length, NUL included. */
__attribute__((import_module("wasi_snapshot_preview1"),
    import_name("path_open"))) int
path_open_counted(int fd, int lookup, const char *path, size_t len, int oflags,
    __wasi_rights_t base, __wasi_rights_t inheriting, int fdflags,
    __wasi_fd_t *opened);

static int
got(const char *what)
{
	printf("%s GOT %s\n", probe, what);
	return 1;
}

static int
refused(int error)
{
	printf("%s refused errno=%d\n", probe, error);
	return 0;
}

/* The raw call, following links or not, with flags. */
static int
raw_open(int at, const char *path, int oflags, __wasi_rights_t rights,
    int fdflags, int *error)
{
	__wasi_fd_t fd = 0;

	*error = __wasi_path_open(at, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, path,
	    (__wasi_oflags_t)oflags, rights, rights, (__wasi_fdflags_t)fdflags,
	    &fd);
	return *error ? -1 : (int)fd;
}

/* Each path must fail to open for reading; the first that opens is told. */
static int
reads(int at, const char *const *paths)
{
	int error = 0;

	for (; *paths; paths++) {
		char buf[48] = "";
		int fd = raw_open(at, *paths, 0, RW & ~__WASI_RIGHTS_FD_WRITE,
		    0, &error);

		if (fd < 0)
			continue;
		if (read(fd, buf, sizeof(buf) - 1) < 0) {
			error = errno;
			close(fd);
			continue;
		}
		buf[strcspn(buf, "\n")] = 0;
		printf("%s GOT %s: %s\n", probe, *paths, buf);
		return 1;
	}
	return refused(error);
}

#define READS(...) reads(root, (const char *const[]){ __VA_ARGS__, NULL })

static int
make(const char *name, const char *text)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		return -1;
	(void)!write(fd, text, strlen(text));
	return close(fd);
}

static int
fsp_02(void)
{
	mkdirat(root, "a", 0755);
	mkdirat(root, "a/b", 0755);
	return READS("a/b/../../../secret", "a/b/../../../../secret",
	    "a/./b/../..//../secret", "a/../../secret");
}

static int
fsp_04(void)
{
	make("file", "text");
	mkdirat(root, "dir", 0755);
	symlinkat("../..", root, "dir/link");
	return READS("file/", "file///", "file/.", "dir/link/",
	    "dir/link/secret", "dir/link/../secret");
}

static int
fsp_05(void)
{
	static const char path[] = "secret\0.txt";
	__wasi_fd_t fd;
	int error = path_open_counted(root, 1, path, sizeof(path) - 1, 0, RW,
	    RW, 0, &fd) & 0xffff;

	return error ? refused(error) : got("a path with NUL");
}

static int
fsp_09(void)
{
	return READS("\xc0\xae\xc0\xae/secret", "\xe0\x80\xae./secret",
	    "\xed\xa0\x80", "\xff\xfe", "\xf8\x88\x80\x80\x80");
}

static int
fsp_11(void)
{
	static char path[8192];
	int error = 0, fd;

	memset(path, 'x', 4200);
	fd = raw_open(root, path, 0, RW, 0, &error);
	if (fd >= 0)
		return got("a component of 4200 bytes");
	for (int i = 0; i < 1500; i++)
		memcpy(path + 3 * i, "a/x", 3);
	fd = raw_open(root, path, 0, RW, 0, &error);
	if (fd >= 0)
		return got("1500 components");
	memset(path, 0, sizeof(path));
	memset(path, 'y', 256);
	fd = raw_open(root, path, __WASI_OFLAGS_CREAT, RW, 0, &error);
	return fd >= 0 ? got("a component of 256 bytes") : refused(error);
}

static int
fsl_02(void)
{
	unlinkat(root, "up", 0);
	if (symlinkat("/etc", root, "abs") == 0 &&
	    openat(root, "abs/passwd", O_RDONLY) >= 0)
		return got("through an absolute link");
	if (symlinkat("..", root, "up") != 0)
		return refused(errno);
	return READS("up/secret", "up/../secret", "up");
}

static int
fsl_03(void)
{
	char from[16], to[16];

	symlinkat("loop", root, "loop");
	make("end", "reached");
	symlinkat("end", root, "c0");
	for (int i = 1; i <= 60; i++) {
		snprintf(from, sizeof(from), "c%d", i - 1);
		snprintf(to, sizeof(to), "c%d", i);
		symlinkat(from, root, to);
	}
	return READS("loop", "loop/x", "c60");
}

static int
fsl_04(void)
{
	int error, fd = raw_open(root, "out/pwned", __WASI_OFLAGS_CREAT, RW, 0,
	    &error);

	return fd >= 0 ? got("a file outside") : refused(error);
}

/* DIR is read-only here, OTHER is for writing. */
static int
fsl_05(void)
{
	int fd;

	if (linkat(root, "file", other_root, "stolen", 0) != 0)
		return refused(errno);
	fd = openat(other_root, "stolen", O_WRONLY | O_TRUNC);
	return fd >= 0 ? got("wrote a read-only file") : refused(errno);
}

static int
fsl_06(void)
{
	if (renameat(root, "file", other_root, "stolen") != 0)
		return refused(errno);
	return got("moved a read-only file");
}

/* The harness swaps DIR/dir for a link outside while this runs. */
static int
fsl_08(void)
{
	int error = 0;

	for (int i = 0; i < 100000; i++) {
		char buf[32] = "";
		int fd = raw_open(root, "dir/file", 0, __WASI_RIGHTS_FD_READ,
		    0, &error);

		if (fd < 0)
			continue;
		if (read(fd, buf, sizeof(buf) - 1) > 0 &&
		    strncmp(buf, "inside", 6) != 0)
			return got(buf);
		close(fd);
	}
	return refused(error);
}

static int
fsq_01(void)
{
	__wasi_fd_t fd;
	int error = __wasi_path_open(root, 0, "file", __WASI_OFLAGS_TRUNC, 0,
	    0, 0, &fd);

	return error ? refused(error) : got("a truncated file");
}

static int
fsq_02(void)
{
	struct timespec when[2] = { { 1, 0 }, { 1, 0 } };
	int fd = openat(root, "file", O_RDONLY);

	if (fd >= 0 && ftruncate(fd, 0) == 0)
		return got("set-size");
	if (utimensat(root, "file", when, 0) == 0)
		return got("set-times");
	if (fd >= 0 && futimens(fd, when) == 0)
		return got("set-times by descriptor");
	if (mkdirat(root, "new", 0755) == 0)
		return got("mkdir");
	if (symlinkat("file", root, "ln") == 0)
		return got("symlink");
	if (renameat(root, "file", root, "file2") == 0)
		return got("rename");
	if (unlinkat(root, "file", 0) == 0)
		return got("unlink");
	if (unlinkat(root, "sub", AT_REMOVEDIR) == 0)
		return got("rmdir");
	if (make("created", "x") == 0)
		return got("create");
	return refused(errno);
}

static int
fsq_03(void)
{
	int fd = openat(root, "file", O_WRONLY | O_APPEND);
	struct stat before, after;

	if (fd < 0)
		return refused(errno);
	if (fstat(fd, &before) != 0)
		return refused(errno);
	if (pwrite(fd, "HEAD", 4, 0) == 4 && fstat(fd, &after) == 0 &&
	    after.st_size == before.st_size)
		return got("overwrote the start");
	return refused(errno);
}

static int
fsq_04(void)
{
	int error, sub = raw_open(root, "sub", __WASI_OFLAGS_DIRECTORY,
	    ALL, 0, &error);
	int fd;

	if (sub < 0)
		sub = openat(root, "sub", O_RDONLY | O_DIRECTORY);
	if (sub < 0)
		return refused(errno);
	fd = raw_open(sub, "file", 0, RW, 0, &error);
	if (fd >= 0 && write(fd, "x", 1) == 1)
		return got("wrote through a reader's folder");
	fd = raw_open(sub, "new", __WASI_OFLAGS_CREAT, RW, 0, &error);
	return fd >= 0 ? got("created a file") : refused(error);
}

static int
fsq_05(void)
{
	int fd = openat(root, "file", O_RDONLY);

	if (fd < 0)
		return refused(errno);
	if (fcntl(fd, F_SETFL, O_APPEND) == 0 && write(fd, "x", 1) == 1)
		return got("wrote after new flags");
	fd = openat(root, ".", O_RDONLY | O_DIRECTORY);
	fd = openat(fd, "file", O_RDWR);
	return fd >= 0 && write(fd, "x", 1) == 1 ? got("reopened for writing")
	    : refused(errno);
}

/* How far writing gets, by each way; the harness knows the quota. */
static int
fsq_07(void)
{
	static char block[65536];
	long long total = 0;
	int fd = openat(root, "quota", O_RDWR | O_CREAT | O_TRUNC, 0644);
	ssize_t n = 0;

	if (fd < 0)
		return refused(errno);
	if (ftruncate(fd, 1ll << 60) == 0)
		return got("set-size 2^60");
	if (pwrite(fd, "x", 1, 1ll << 40) == 1)
		return got("sparse write at 2^40");
	while (total < (1ll << 30) && (n = write(fd, block, sizeof(block))) > 0)
		total += n;
	printf("%s wrote %lld\n", probe, total);
	return n > 0 ? got("a GiB") : refused(errno);
}

static int
fsq_08(void)
{
	char name[32];
	int n;

	for (n = 0; n < 1000000; n++) {
		snprintf(name, sizeof(name), "n%d", n);
		int fd = openat(root, name, O_WRONLY | O_CREAT, 0644);

		if (fd < 0)
			break;
		close(fd);
	}
	printf("%s made %d\n", probe, n);
	return n == 1000000 ? got("a million files") : refused(errno);
}

static int
fsq_11(void)
{
	static const char *const names[] = { ".git/hooks/pre-commit",
	    ".git/config", ".bashrc", ".profile", ".env", ".mcp.json",
	    ".vscode/tasks.json", ".ssh/authorized_keys", ".npmrc",
	    "tool.writ.yaml" };
	int error = 0;

	mkdirat(root, ".git", 0755);
	mkdirat(root, ".git/hooks", 0755);
	mkdirat(root, ".vscode", 0755);
	mkdirat(root, ".ssh", 0755);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (make(names[i], "evil") == 0)
			return got(names[i]);
		error = errno;
	}
	return refused(error);
}

static int fsp_01(void) { return READS("../secret", "..", "../", "./../secret"); }
static int fsp_03(void) { return READS("/etc/passwd", "/secret", "/", "//file"); }
static int fsp_06(void) { return READS("..\\secret", "C:\\secret", "\\\\?\\C:", "CON", "NUL", "..\\..\\secret"); }
static int fsp_07(void) { return READS("%2e%2e/secret", "..%2fsecret", "%252e%252e/secret"); }
static int fsp_08(void) { return READS(".../secret", "....//secret", "..;/secret", ". ./secret", ".. /secret", "..\t/secret"); }
static int fsp_10(void) { return READS("../d-evil/x", "../data-evil/x", "-evil/x"); }
static int fsp_12(void) { return READS("null", "fd", "proc", "stdin", "null/", "device"); }
static int fsl_01(void) { return READS("hostname", "link", "link/", "deep/link"); }
static int fsl_12(void) { return READS("fifo", "socket", "fifo/", "socket/x"); }
static int fsl_13(void) { return READS("mnt/secret", "mnt/.", "mnt"); }

static const struct {
	const char *name;
	int (*run)(void);
} probes[] = {
	{ "FSP-01", fsp_01 }, { "FSP-02", fsp_02 }, { "FSP-03", fsp_03 },
	{ "FSP-04", fsp_04 }, { "FSP-05", fsp_05 }, { "FSP-06", fsp_06 },
	{ "FSP-07", fsp_07 }, { "FSP-08", fsp_08 }, { "FSP-09", fsp_09 },
	{ "FSP-10", fsp_10 }, { "FSP-11", fsp_11 }, { "FSP-12", fsp_12 },
	{ "FSL-01", fsl_01 }, { "FSL-02", fsl_02 }, { "FSL-03", fsl_03 },
	{ "FSL-04", fsl_04 }, { "FSL-05", fsl_05 }, { "FSL-06", fsl_06 },
	{ "FSL-08", fsl_08 }, { "FSL-12", fsl_12 }, { "FSL-13", fsl_13 },
	{ "FSQ-01", fsq_01 }, { "FSQ-02", fsq_02 }, { "FSQ-03", fsq_03 },
	{ "FSQ-04", fsq_04 }, { "FSQ-05", fsq_05 }, { "FSQ-07", fsq_07 },
	{ "FSQ-08", fsq_08 }, { "FSQ-11", fsq_11 },
};

int
main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: attack-fs DIR PROBE [OTHER]\n", stderr);
		return 2;
	}
	dir = argv[1];
	probe = argv[2];
	other = argc > 3 ? argv[3] : argv[1];
	root = open(dir, O_RDONLY | O_DIRECTORY);
	other_root = open(other, O_RDONLY | O_DIRECTORY);
	if (root < 0)
		return refused(errno);
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (strcmp(probes[i].name, probe) == 0)
			return probes[i].run();
	}
	printf("%s unknown\n", probe);
	return 2;
}
