/* flood.c - writes N MiB to standard output; tells on standard error where it ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char block[65536];

int
main(int argc, char **argv)
{
	long mib = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	unsigned long long sent = 0;

	memset(block, 'x', sizeof(block));
	for (long i = 0; i < mib * 16; i++) {
		for (size_t at = 0; at < sizeof(block);) {
			ssize_t n = write(1, block + at, sizeof(block) - at);

			if (n <= 0) {
				fprintf(stderr, "stopped at %llu errno=%d\n",
				    sent, errno);
				return 1;
			}
			at += (size_t)n;
			sent += (unsigned long long)n;
		}
	}
	fprintf(stderr, "sent %llu\n", sent);
	return 0;
}
