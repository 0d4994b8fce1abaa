/*
 * attack-res.c - attack-res PROBE [N]: takes all there is of one thing.  Prints
 * how far it got; a limit that ends the call prints nothing more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

static long count;

static int
loop(void)
{
	for (volatile unsigned n = 0;; n++)
		;
}

static int
loop_calls(void)
{
	struct timespec ts;

	for (;;)
		clock_gettime(CLOCK_MONOTONIC, &ts);
}

static int
grow(void)
{
	size_t pages = 0;

	while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1)
		pages += 16;
	printf("RES-03 refused after %zu MiB\n", pages / 16);
	return 0;
}

static volatile unsigned depth;

__attribute__((noinline)) static unsigned
down(unsigned n)
{
	depth = n;
	return n ? down(n + 1) + depth : 0;
}

static int
recurse(void)
{
	return (int)down(1);
}

/* Preview1 descriptors stand for handles: directory opens of whatever is. */
static int
handles(void)
{
	__wasi_fd_t fd;
	long n = 0;

	while (n < count && __wasi_path_open(3, 0, ".",
	    __WASI_OFLAGS_DIRECTORY, 0, 0, 0, &fd) == 0)
		n++;
	printf("RES-06 opened %ld of %ld\n", n, count);
	return 0;
}

static int
random_bytes(void)
{
	size_t room = (size_t)64 << 20;
	unsigned char *bytes = malloc(room);
	long n = 0;

	if (!bytes) {
		puts("RES-08 no memory");
		return 0;
	}
	while (n < count && __wasi_random_get(bytes, room) == 0)
		n++;
	printf("RES-08 got %ld times 64 MiB\n", n);
	return 0;
}

static int
sleeps(void)
{
	struct timespec pause = { 0, 1 };
	long n = 0;

	while (n < count && nanosleep(&pause, NULL) == 0)
		n++;
	printf("RES-11 slept %ld\n", n);
	return 0;
}

static int
polls(void)
{
	static __wasi_subscription_t subs[10000];
	static __wasi_event_t events[10000];
	size_t got = 0, n = count > 10000 ? 10000 : (size_t)count;
	int error;

	for (size_t i = 0; i < n; i++) {
		subs[i].userdata = i;
		subs[i].u.tag = __WASI_EVENTTYPE_CLOCK;
		subs[i].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
		subs[i].u.u.clock.timeout = 1000000 + i;
	}
	error = __wasi_poll_oneoff(subs, events, n, &got);
	printf("RES-11 polled %zu, %zu ready, error %d\n", n, got, error);
	return 0;
}

static int
flood(void)
{
	static char block[65536];
	long long sent = 0;

	memset(block, 'x', sizeof(block));
	for (long i = 0; i < count; i++) {
		ssize_t n = write(1, block, sizeof(block));

		if (n <= 0) {
			fprintf(stderr, "RES-12 stopped at %lld errno=%d\n",
			    sent, errno);
			return 1;
		}
		sent += n;
	}
	fprintf(stderr, "RES-12 sent %lld\n", sent);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
	long count;
} probes[] = {
	{ "RES-01",       loop,         0       },
	{ "RES-01-calls", loop_calls,   0       },
	{ "RES-03",       grow,         0       },
	{ "RES-05",       recurse,      0       },
	{ "RES-06",       handles,      1000000 },
	{ "RES-08",       random_bytes, 16384   },
	{ "RES-11",       sleeps,       1000000 },
	{ "RES-11-poll",  polls,        10000   },
	{ "RES-12",       flood,        163840  },
};

int
main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: attack-res PROBE [N]\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (strcmp(probes[i].name, argv[1]) != 0)
			continue;
		count = argc > 2 ? strtol(argv[2], NULL, 10) : probes[i].count;
		return probes[i].run();
	}
	printf("%s unknown\n", argv[1]);
	return 2;
}
