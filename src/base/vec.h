/*
 * vec.h - a growing array of equal elements, with a stated maximum.
 */
#ifndef WRIT_BASE_VEC_H
#define WRIT_BASE_VEC_H

#include "base/err.h"
#include "base/mem.h"

struct writ_vec {
	void *ptr;
	size_t len, cap, max, size;
};

/** Start empty: elements of `size` bytes, `max` of them at most. */
void writ_vec_init(struct writ_vec *v, size_t size, size_t max);
/** Free the array (not what its elements own).  Takes NULL. */
void writ_vec_release(struct writ_vec *v);
/**
 * Append a zeroed element and give its address in *slot (valid until the next
 * push).
 * Fails: WRIT_LIMIT at max; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status writ_vec_push(struct writ_vec *v,
    void *slot_out);
/** Element i; WRIT_BUG when out of range. */
void *writ_vec_at(const struct writ_vec *v, size_t i);
/** Remove element i by moving the rest down. */
void writ_vec_remove(struct writ_vec *v, size_t i);

WRIT_AUTO_RELEASE(writ_vec)

#endif
