/*
 * calls.c - calls KIND DIR N: N host calls of one kind, for timing from outside
 * (a run with N of 0 does all but the calls).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_SIZE = 1 << 20 };

static char block[65536];
static int fd = -1, dir = -1;

static int
do_clock(long i)
{
	struct timespec ts;

	(void)i;
	return clock_gettime(CLOCK_MONOTONIC, &ts) == 0;
}

static int
do_stat(long i)
{
	struct stat st;

	(void)i;
	return fstatat(dir, "bench", &st, 0) == 0;
}

static int
do_open(long i)
{
	int other = openat(dir, "bench", O_RDONLY);

	(void)i;
	return other >= 0 && close(other) == 0;
}

static int
do_read(long i, size_t size)
{
	off_t at = (off_t)((size_t)i * size % FILE_SIZE);

	return pread(fd, block, size, at) == (ssize_t)size;
}

static int
do_write(long i, size_t size)
{
	off_t at = (off_t)((size_t)i * size % FILE_SIZE);

	return pwrite(fd, block, size, at) == (ssize_t)size;
}

static int do_read4k(long i) { return do_read(i, 4096); }
static int do_read64k(long i) { return do_read(i, 65536); }
static int do_write4k(long i) { return do_write(i, 4096); }
static int do_write64k(long i) { return do_write(i, 65536); }

/* One after the other through the file's own position. */
static int
do_next(long i, int writing)
{
	ssize_t n;

	if (i % (FILE_SIZE / 65536) == 0 && lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	n = writing ? write(fd, block, sizeof(block)) :
	    read(fd, block, sizeof(block));
	return n == (ssize_t)sizeof(block);
}

static int do_readseq(long i) { return do_next(i, 0); }
static int do_writeseq(long i) { return do_next(i, 1); }

static const struct {
	const char *name;
	int (*run)(long i);
} kinds[] = {
	{ "clock",    do_clock    },
	{ "stat",     do_stat     },
	{ "open",     do_open     },
	{ "read4k",   do_read4k   },
	{ "read64k",  do_read64k  },
	{ "write4k",  do_write4k  },
	{ "write64k", do_write64k },
	{ "readseq",  do_readseq  },
	{ "writeseq", do_writeseq },
};

static int
prepare(const char *path)
{
	dir = open(path, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return -1;
	fd = openat(dir, "bench", O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return -1;
	memset(block, 'b', sizeof(block));
	for (int i = 0; i < FILE_SIZE / 65536; i++) {
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	long n;

	if (argc != 4) {
		fputs("usage: calls KIND DIR N\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "clock") != 0 && prepare(argv[2]) != 0) {
		perror(argv[2]);
		return 1;
	}
	n = strtol(argv[3], NULL, 10);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		if (strcmp(kinds[k].name, argv[1]) != 0)
			continue;
		for (long i = 0; i < n; i++) {
			if (!kinds[k].run(i)) {
				perror(argv[1]);
				return 1;
			}
		}
		return 0;
	}
	return 2;
}
