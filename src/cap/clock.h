/*
 * clock.h - the clocks a guest sees: void and frozen (virtual monotonic), or real.
 * Lives in the worker.  Monotonic time never shows the host's uptime: it starts at 1 s.
 */
#ifndef WRIT_CAP_CLOCK_H
#define WRIT_CAP_CLOCK_H

#include "port/ports.h"

struct writ_clock {
	bool real_wall, real_mono;
	int64_t frozen_s;
	uint64_t resolution_ns;		/* at least 1 */
	uint64_t budget_ns;		/* how much may be slept virtually */
	uint64_t virtual_ns, slept_ns;
	uint64_t start_ns;		/* host monotonic time of 1 s */
	uint64_t due_ns;		/* guest time that `wake` waits for */
	uint64_t due_host_ns;		/* host time at which a virtual clock jumps there */
	bool (*busy)(void *ctx);	/* something else may come first; may be NULL */
	void *busy_ctx;
	struct writ_wake *wake;
};

/**
 * `mode` is an enum writ_clock_mode by value; `frozen_s` for the frozen one;
 * `resolution_ns` 0 means 1 us; `time_ms` is the call's time limit, which virtual sleeps are
 * charged to.
 */
void writ_clock_init(struct writ_clock *c, unsigned mode, int64_t frozen_s,
    uint64_t resolution_ns, uint64_t time_ms);

/**
 * Whether something beside the clock is awaited, such as input.  A virtual sleep then takes as
 * long as it says, so that what is awaited has the time to come; otherwise it ends at once.
 */
void writ_clock_set_busy(struct writ_clock *c, bool (*busy)(void *ctx), void *ctx);

/** The port over `c`, which must outlive it. */
struct writ_clock_port writ_clock_port(struct writ_clock *c);

/** Nanoseconds until the wake is due, or UINT64_MAX when nobody waits. */
uint64_t writ_clock_due_in(const struct writ_clock *c);
/** Fire the wake if it is due. */
void writ_clock_check(struct writ_clock *c);
/** Forget `wake`. */
void writ_clock_forget(struct writ_clock *c, const struct writ_wake *wake);
/** Virtually slept time, to be added to the time used. */
uint64_t writ_clock_slept_ns(const struct writ_clock *c);

/** The host's monotonic clock, ns.  The one place that reads it. */
uint64_t writ_clock_host_ns(void);
/** CPU time of this process, ns. */
uint64_t writ_clock_cpu_ns(void);

#endif
