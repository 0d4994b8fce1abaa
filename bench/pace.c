#include "pace.h"

#include "base/str.h"
#include "base/mem.h"

uint64_t
bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool
has_room(struct bench_pace *p)
{
	p->due = writ_alloc(p->count, sizeof(*p->due));
	p->spent = writ_alloc(p->count, sizeof(*p->spent));
	return p->due && p->spent;
}

bool
bench_pace_init(struct bench_pace *p, const char *words[3])
{
	uint64_t n[3];
	unsigned i;

	for (i = 0; i < 3; i++)
		if (writ_str_u64(writ_str_from(words[i]), BENCH_CALLS_MAX,
		    &n[i]) != WRIT_OK)
			return false;
	*p = (struct bench_pace){ .window = (unsigned)n[0], .count = n[1],
		.rate = (double)n[2] };
	return p->window && p->count && has_room(p);
}

bool
bench_pace_warm(const struct bench_pace *run, struct bench_pace *warm)
{
	*warm = (struct bench_pace){ .window = run->window,
		.count = run->count / 10 };
	if (warm->count < run->window)
		warm->count = run->window;
	return has_room(warm);
}

void
bench_pace_release(struct bench_pace *p)
{
	writ_mem_free(p->due);
	writ_mem_free(p->spent);
}

static uint64_t
next_due(const struct bench_pace *p)
{
	return p->begin + (uint64_t)((double)p->sent * 1e9 / p->rate);
}

bool
bench_pace_take(struct bench_pace *p, uint64_t now)
{
	if (!p->begin)
		p->begin = now;
	if (p->sent == p->count || p->sent - p->done >= p->window)
		return false;
	if (p->rate > 0 && next_due(p) > now)
		return false;
	p->due[p->sent] = p->rate > 0 ? next_due(p) : now;
	p->sent++;
	return true;
}

void
bench_pace_done(struct bench_pace *p, size_t i, bool well)
{
	p->end = bench_now();
	p->spent[i] = p->end - p->due[i];
	p->done++;
	p->failed += !well;
}

bool
bench_pace_over(const struct bench_pace *p)
{
	return p->done == p->count;
}

bool
bench_pace_wait(const struct bench_pace *p, struct timespec *t)
{
	uint64_t now = bench_now(), due;

	*t = (struct timespec){ .tv_sec = BENCH_SILENCE_S };
	if (p->rate <= 0 || p->sent == p->count ||
	    p->sent - p->done >= p->window)
		return false;
	due = next_due(p);
	due = due > now ? due - now : 0;
	*t = (struct timespec){ (time_t)(due / 1000000000),
		(long)(due % 1000000000) };
	return true;
}

static int
by_size(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

int
bench_pace_report(struct bench_pace *p, char *line, size_t cap)
{
	size_t n = p->count;

	qsort(p->spent, n, sizeof(*p->spent), by_size);
	return snprintf(line, cap, "%.1f %.1f %.1f %.1f %zu\n",
	    (double)n * 1e9 / (double)(p->end - p->begin),
	    (double)p->spent[n / 2] / 1e3,
	    (double)p->spent[n - 1 - n / 100] / 1e3,
	    (double)p->spent[n - 1] / 1e3, p->failed);
}
