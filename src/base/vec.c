/* vec.c - see vec.h. */
#include "base/vec.h"

#include <stdint.h>
#include <string.h>

#define FIRST_CAP 8

void
writ_vec_init(struct writ_vec *v, size_t size, size_t max)
{
	if (size == 0)
		WRIT_BUG("a vector of nothing");
	*v = (struct writ_vec){ .max = max, .size = size };
}

void
writ_vec_release(struct writ_vec *v)
{
	if (!v)
		return;
	writ_mem_free(v->ptr);
	v->ptr = NULL;
	v->len = v->cap = 0;
}

static enum writ_status
grow(struct writ_vec *v)
{
	size_t cap = v->cap > v->max / 2 ? v->max : v->cap * 2;
	void *p;

	if (cap < FIRST_CAP)
		cap = v->max < FIRST_CAP ? v->max : FIRST_CAP;
	p = writ_realloc(v->ptr, cap, v->size);
	if (!p)
		return WRIT_NOMEM;
	v->ptr = p;
	v->cap = cap;
	return WRIT_OK;
}

enum writ_status
writ_vec_push(struct writ_vec *v, void *slot_out)
{
	enum writ_status st;
	void *slot;

	if (v->len >= v->max)
		return WRIT_LIMIT;
	if (v->len == v->cap) {
		st = grow(v);
		if (st != WRIT_OK)
			return st;
	}
	slot = (uint8_t *)v->ptr + v->len * v->size;
	memset(slot, 0, v->size);
	v->len++;
	memcpy(slot_out, &slot, sizeof(slot));
	return WRIT_OK;
}

void *
writ_vec_at(const struct writ_vec *v, size_t i)
{
	if (i >= v->len)
		WRIT_BUG("vector index out of range");
	return (uint8_t *)v->ptr + i * v->size;
}

void
writ_vec_remove(struct writ_vec *v, size_t i)
{
	uint8_t *at = writ_vec_at(v, i);

	memmove(at, at + v->size, (v->len - i - 1) * v->size);
	v->len--;
}
