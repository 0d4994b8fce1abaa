/*
 * random.h - random bytes for a guest: the session's deterministic stream, a seeded one, the
 * system's generator, or a trap.  Lives in the worker.
 */
#ifndef WRIT_CAP_RANDOM_H
#define WRIT_CAP_RANDOM_H

#include "port/ports.h"

struct writ_random {
	unsigned mode;		/* enum writ_random_mode */
	uint64_t seed, pos, insecure_pos;
};

/** `mode` by value of enum writ_random_mode; `seed` for the seeded one. */
void writ_random_init(struct writ_random *r, unsigned mode, uint64_t seed);
/** The port over `r`, which must outlive it. */
struct writ_random_port writ_random_port(struct writ_random *r);

#endif
