/* spin.c - never ends: "calls" makes host calls, anything else only computes. */
#include <string.h>
#include <time.h>

int
main(int argc, char **argv)
{
	volatile unsigned n = 0;
	struct timespec ts;

	if (argc > 1 && strcmp(argv[1], "calls") == 0) {
		for (;;)
			clock_gettime(CLOCK_MONOTONIC, &ts);
	}
	for (;;)
		n++;
}
