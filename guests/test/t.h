/*
 * t.h - what the test guests share: "ok NAME" or "not ok NAME" lines, paths
 * below the granted directory (argument 1, else /d), exit status 1 on failure.
 */
#ifndef T_H
#define T_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

static int t_failed;
static const char *t_dir = "/d";

__attribute__((unused)) static void
t_check(int good, const char *name, int line)
{
	int saved = errno;

	if (good) {
		printf("ok %s\n", name);
		return;
	}
	t_failed++;
	printf("not ok %s (line %d, errno %d %s)\n", name, line, saved,
	    strerror(saved));
}

/* Does `call` fail with `want`? */
#define t_fails(name, call, want) do { \
	errno = 0; \
	int t_bad = (call) < 0; \
	t_check(t_bad && errno == (want), name, __LINE__); \
} while (0)
#define t_ok(name, condition) do { \
	errno = 0; \
	t_check(!!(condition), name, __LINE__); \
} while (0)

/* `name` below the granted directory; eight such strings live at a time. */
__attribute__((unused)) static const char *
t_at(const char *name)
{
	static char room[8][1024];
	static unsigned next;
	char *path = room[next++ % 8];

	snprintf(path, sizeof(room[0]), "%s/%s", t_dir, name);
	return path;
}

__attribute__((unused)) static int
t_write(const char *name, const char *text)
{
	int fd = open(t_at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	size_t len = strlen(text);

	if (fd < 0)
		return -1;
	if (write(fd, text, len) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	return close(fd);
}

/* Does the file hold exactly `text` (at most 255 bytes)? */
__attribute__((unused)) static int
t_holds(const char *name, const char *text)
{
	char buf[256];
	int fd = open(t_at(name), O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf));
	close(fd);
	return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

__attribute__((unused)) static void
t_start(int argc, char **argv)
{
	if (argc > 1)
		t_dir = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
}

__attribute__((unused)) static int
t_end(void)
{
	printf("%s\n", t_failed ? "failed" : "passed");
	return t_failed ? 1 : 0;
}

#endif
