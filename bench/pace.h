/*
 * pace.h - when a load generator sends its next call, and how long each took.
 * Closed loop: at most `window` calls are under way.  Open loop: calls are due at a fixed rate
 * whatever the answers do, and time counts from when a call was due, not from when it was
 * sent, so that a server that stalls does not hide its own delay.
 */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define BENCH_CALLS_MAX 1000000
#define BENCH_SILENCE_S 60	/* longer without an answer is a failure */

/** One run, "WINDOW COUNT RATE": rate 0 is a closed loop. */
struct bench_pace {
	unsigned window;
	size_t count;
	double rate;			/* calls a second */
	uint64_t *due, *spent;		/* ns, by number of the call */
	size_t sent, done, failed;
	uint64_t begin, end;		/* ns */
};

uint64_t bench_now(void);
/** False: malformed, or no memory. */
bool bench_pace_init(struct bench_pace *p, const char *words[3]);
/** What goes before a run: a tenth of its calls, at least its window, in a closed loop. */
bool bench_pace_warm(const struct bench_pace *run, struct bench_pace *warm);
void bench_pace_release(struct bench_pace *p);
/** Whether the next call may go now; it then counts as sent. */
bool bench_pace_take(struct bench_pace *p, uint64_t now);
/** The answer of call number `i` came. */
void bench_pace_done(struct bench_pace *p, size_t i, bool well);
bool bench_pace_over(const struct bench_pace *p);
/** For ppoll: time until a call is due, at most BENCH_SILENCE_S (then false: nothing is due). */
bool bench_pace_wait(const struct bench_pace *p, struct timespec *t);
/** One line: calls a second, then microseconds: p50 p99 greatest; then failed calls. */
int bench_pace_report(struct bench_pace *p, char *line, size_t cap);

#endif
