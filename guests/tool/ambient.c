/*
 * ambient.c - tries everything a program finds around it without asking, and
 * tells what it got: one line each, "name: got DETAIL | nothing | refused", and
 * the same as one line of JSON at the end.  Preview1 has no network to try.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

extern char **environ;

static char json[8192];
static size_t json_len;

static void
add_json(const char *name, const char *state, const char *detail)
{
	int n = snprintf(json + json_len, sizeof(json) - json_len,
	    "%s\"%s\":{\"state\":\"%s\",\"detail\":\"", json_len ? "," : "",
	    name, state);

	json_len += (size_t)n;
	for (; *detail && json_len + 16 < sizeof(json); detail++) {
		unsigned char c = (unsigned char)*detail;

		if (c == '"' || c == '\\' || c < 0x20 || c > 0x7e)
			json_len += (size_t)sprintf(json + json_len,
			    "\\u%04x", c);
		else
			json[json_len++] = (char)c;
	}
	json_len += (size_t)sprintf(json + json_len, "\"}");
}

static void
report(const char *name, const char *state, const char *format, ...)
{
	char detail[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	printf("%s: %s%s%s\n", name, state, *detail ? " " : "", detail);
	add_json(name, state, detail);
}

static void
try_arguments(int argc, char **argv)
{
	if (argc == 0)
		report("arguments", "nothing", "");
	else
		report("arguments", "got", "%d, first %s", argc, argv[0]);
}

static void
try_environment(void)
{
	int n = 0;

	while (environ && environ[n])
		n++;
	if (n == 0)
		report("environment", "nothing", "");
	else
		report("environment", "got", "%d, first %s", n, environ[0]);
	if (getenv("HOME"))
		report("home", "got", "%s", getenv("HOME"));
	else
		report("home", "nothing", "");
}

static void
try_preopens(void)
{
	__wasi_prestat_t stat;
	int n = 0;

	while (__wasi_fd_prestat_get(3 + n, &stat) == 0)
		n++;
	if (n == 0)
		report("preopens", "nothing", "");
	else
		report("preopens", "got", "%d", n);
}

static void
try_read(const char *name, const char *path)
{
	char buf[64];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0) {
		report(name, "refused", "errno=%d", errno);
		return;
	}
	n = read(fd, buf, sizeof(buf) - 1);
	if (n < 0)
		report(name, "refused", "read errno=%d", errno);
	else
		report(name, "got", "%.*s", (int)strcspn(buf, "\n") < n ?
		    (int)strcspn(buf, "\n") : (int)n, buf);
	close(fd);
}

static void
try_list(const char *name, const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir) {
		report(name, "refused", "errno=%d", errno);
		return;
	}
	while (readdir(dir))
		n++;
	closedir(dir);
	report(name, "got", "%d entries", n);
}

static void
try_write(const char *name, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0) {
		report(name, "refused", "errno=%d", errno);
		return;
	}
	close(fd);
	unlink(path);
	report(name, "got", "created %s", path);
}

static void
try_clocks(void)
{
	struct timespec now, mono, again;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		report("wall-clock", "refused", "errno=%d", errno);
	else if (now.tv_sec == 0)
		report("wall-clock", "nothing", "frozen at 1970");
	else
		report("wall-clock", "got", "%lld", (long long)now.tv_sec);
	if (clock_gettime(CLOCK_MONOTONIC, &mono) != 0 ||
	    clock_gettime(CLOCK_MONOTONIC, &again) != 0)
		report("monotonic-clock", "refused", "errno=%d", errno);
	else
		report("monotonic-clock", "got", "%lld.%09ld then +%lld ns",
		    (long long)mono.tv_sec, mono.tv_nsec,
		    (long long)(again.tv_sec - mono.tv_sec) * 1000000000 +
		    (again.tv_nsec - mono.tv_nsec));
}

static void
try_random(void)
{
	unsigned char bytes[8];

	if (getentropy(bytes, sizeof(bytes)) != 0)
		report("random", "refused", "errno=%d", errno);
	else
		report("random", "got", "%02x%02x%02x%02x%02x%02x%02x%02x",
		    bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
		    bytes[5], bytes[6], bytes[7]);
}

static void
try_stdin(void)
{
	char buf[64];
	ssize_t n = read(0, buf, sizeof(buf));

	if (n < 0)
		report("stdin", "refused", "errno=%d", errno);
	else if (n == 0)
		report("stdin", "nothing", "");
	else
		report("stdin", "got", "%d bytes", (int)n);
}

int
main(int argc, char **argv)
{
	try_arguments(argc, argv);
	try_environment();
	try_preopens();
	try_read("passwd", "/etc/passwd");
	try_read("proc-environ", "/proc/self/environ");
	try_read("ssh-key", "/root/.ssh/id_rsa");
	try_list("root", "/");
	try_list("cwd", ".");
	try_list("parent", "..");
	try_write("tmp-write", "/tmp/ambient-was-here");
	try_write("cwd-write", "ambient-was-here");
	try_clocks();
	try_random();
	try_stdin();
	printf("{%s}\n", json);
	return 0;
}
