#include "cap/clock.h"
#include "policy/policy.h"

#define SECOND 1000000000ull
#define READING 1000ull		/* what a virtual clock gains a reading */

static uint64_t
host_time(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t))
		WRIT_BUG("clock_gettime");
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

uint64_t
writ_clock_host_ns(void)
{
	return host_time(CLOCK_MONOTONIC);
}

uint64_t
writ_clock_cpu_ns(void)
{
	return host_time(CLOCK_PROCESS_CPUTIME_ID);
}

void
writ_clock_init(struct writ_clock *c, unsigned mode, int64_t frozen_s,
    uint64_t resolution_ns, uint64_t time_ms)
{
	memset(c, 0, sizeof(*c));
	c->real_wall = c->real_mono = mode == WRIT_CLOCK_REAL;
	c->frozen_s = mode == WRIT_CLOCK_FROZEN ? frozen_s : 0;
	c->resolution_ns = resolution_ns ? resolution_ns : 1000;
	c->budget_ns = time_ms > UINT64_MAX / 1000000 ? UINT64_MAX :
	    time_ms * 1000000;
	c->virtual_ns = SECOND;
	c->start_ns = writ_clock_host_ns();
}

static uint64_t
peek(const struct writ_clock *c)
{
	uint64_t t;

	if (!c->real_mono)
		return c->virtual_ns;
	t = writ_clock_host_ns() - c->start_ns + SECOND;
	return t - t % c->resolution_ns;
}

static uint64_t
mono_now(void *ctx)
{
	struct writ_clock *c = ctx;

	if (!c->real_mono && c->virtual_ns < UINT64_MAX - READING)
		c->virtual_ns += READING;
	return peek(c);
}

static uint64_t
mono_resolution(void *ctx)
{
	const struct writ_clock *c = ctx;

	return c->real_mono ? c->resolution_ns : READING;
}

static void
wall_now(void *ctx, struct writ_time *out)
{
	const struct writ_clock *c = ctx;
	uint64_t t;

	out->s = c->frozen_s;
	out->ns = 0;
	if (!c->real_wall)
		return;
	t = host_time(CLOCK_REALTIME);
	t -= t % c->resolution_ns;
	out->s = (int64_t)(t / SECOND);
	out->ns = (uint32_t)(t % SECOND);
}

static void
wall_resolution(void *ctx, struct writ_time *out)
{
	const struct writ_clock *c = ctx;
	uint64_t r = c->real_wall ? c->resolution_ns : SECOND;

	out->s = (int64_t)(r / SECOND);
	out->ns = (uint32_t)(r % SECOND);
}

void
writ_clock_set_busy(struct writ_clock *c, bool (*busy)(void *ctx), void *ctx)
{
	c->busy = busy;
	c->busy_ctx = ctx;
}

/* A virtual sleep ends at once: the clock jumps and the budget pays. */
static enum writ_status
wait_virtual(struct writ_clock *c, uint64_t deadline_ns, struct writ_wake *wake)
{
	uint64_t gap = deadline_ns - c->virtual_ns, now;

	if (c->busy && c->busy(c->busy_ctx)) {
		now = writ_clock_host_ns();
		c->due_ns = deadline_ns;
		c->due_host_ns = gap > UINT64_MAX - now ? UINT64_MAX : now + gap;
		c->wake = wake;
		return WRIT_AGAIN;
	}
	if (gap > c->budget_ns || c->slept_ns > c->budget_ns - gap)
		return WRIT_LIMIT;
	c->slept_ns += gap;
	c->virtual_ns = deadline_ns;
	return WRIT_OK;
}

static enum writ_status
wait_until(void *ctx, uint64_t deadline_ns, struct writ_wake *wake)
{
	struct writ_clock *c = ctx;

	if (peek(c) >= deadline_ns)
		return WRIT_OK;
	if (!c->real_mono)
		return wait_virtual(c, deadline_ns, wake);
	c->due_ns = deadline_ns;
	c->wake = wake;
	return WRIT_AGAIN;
}

struct writ_clock_port
writ_clock_port(struct writ_clock *c)
{
	return (struct writ_clock_port){ c, mono_now, mono_resolution, wall_now,
		wall_resolution, wait_until };
}

uint64_t
writ_clock_due_in(const struct writ_clock *c)
{
	uint64_t now, due;

	if (!c->wake)
		return UINT64_MAX;
	now = c->real_mono ? peek(c) : writ_clock_host_ns();
	due = c->real_mono ? c->due_ns : c->due_host_ns;
	return due > now ? due - now : 0;
}

void
writ_clock_check(struct writ_clock *c)
{
	struct writ_wake *wake = c->wake;

	if (!wake || writ_clock_due_in(c))
		return;
	if (!c->real_mono && c->virtual_ns < c->due_ns)
		c->virtual_ns = c->due_ns;
	c->wake = NULL;
	wake->fire(wake);
}

void
writ_clock_forget(struct writ_clock *c, const struct writ_wake *wake)
{
	if (c->wake == wake)
		c->wake = NULL;
}

uint64_t
writ_clock_slept_ns(const struct writ_clock *c)
{
	return c->slept_ns;
}
