/*
 * harness.h - ports over one buffer, and components from guests/out, for the engine's tests.
 */
#ifndef WRIT_ENGINE_TESTS_HARNESS_H
#define WRIT_ENGINE_TESTS_HARNESS_H

#include "base/limits.h"
#include "port/engine.h"

/* What the ports of one call act on. */
struct world {
	char out[4096];
	size_t out_len;
	uint64_t mono;
	size_t out_max;
	char refused[256];
	unsigned fired, forgotten;
	struct writ_wake wake;
};

/** The folder of components; the test's main sets it. */
extern const char *harness_guests;

/** Limits that no honest test meets. */
extern const struct writ_task_limits plenty;

/** Make `w` and ports over it. */
void world_init(struct world *w, struct writ_ports *ports);

/** An engine, or the test fails. */
struct writ_engine *engine_new(uint32_t slots);

/** Compile a component of the folder and load the code from a memfd; skips the test if the
 * component is not built. */
enum writ_status load(struct writ_engine *engine, const char *name,
    struct writ_component **out, struct writ_err *err);

#endif
