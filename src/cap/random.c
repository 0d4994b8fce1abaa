#include "cap/random.h"
#include "base/hash.h"
#include "base/limits.h"
#include "policy/policy.h"

/* Keeps the insecure interfaces' stream apart from the secure ones'. */
#define INSECURE_SEED 0x5deece66d1ce4e5bull

void
writ_random_init(struct writ_random *r, unsigned mode, uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	r->mode = mode;
	r->seed = mode == WRIT_RANDOM_SEEDED ? seed : 0;
}

static enum writ_status
fill(void *ctx, bool insecure, uint8_t *p, size_t n)
{
	struct writ_random *r = ctx;

	if (n > WRIT_RANDOM_MAX)
		return WRIT_LIMIT;
	if (r->mode == WRIT_RANDOM_TRAP)
		return WRIT_DENIED;
	if (r->mode == WRIT_RANDOM_SECURE)
		writ_hash_random(p, n);
	else if (insecure)
		writ_hash_stream(r->seed ^ INSECURE_SEED, &r->insecure_pos, p, n);
	else
		writ_hash_stream(r->seed, &r->pos, p, n);
	return WRIT_OK;
}

struct writ_random_port
writ_random_port(struct writ_random *r)
{
	return (struct writ_random_port){ r, fill };
}
