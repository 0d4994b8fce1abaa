/* sleeps.c - N sleeps (argument 1, else 1000) of M nanoseconds (else 1000). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int
main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
	long ns = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
	struct timespec pause = { ns / 1000000000, ns % 1000000000 };
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (long i = 0; i < n; i++) {
		if (nanosleep(&pause, NULL) != 0) {
			printf("not ok sleep %ld\n", i);
			return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	long long spent = (to.tv_sec - from.tv_sec) * 1000000000LL +
	    (to.tv_nsec - from.tv_nsec);

	printf("%s the clock went on by what was slept\n",
	    spent >= (long long)n * ns ? "ok" : "not ok");
	return spent >= (long long)n * ns ? 0 : 1;
}
