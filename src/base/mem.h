/*
 * mem.h - cleanup attributes, ownership hand-over, checked allocation.  All
 * heap memory of the C side goes through writ_alloc and its kin, so that a test
 * can make the nth allocation fail.
 */
#ifndef WRIT_BASE_MEM_H
#define WRIT_BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/** Declares a pointer that is freed with TYPE_free at the end of its scope. */
#define writ_auto(type) \
	__attribute__((cleanup(type##_freep))) struct type *
/**
 * Declares a struct that is released with TYPE_release at the end of its scope.
 */
#define writ_auto_release(type) \
	__attribute__((cleanup(type##_releasep))) struct type
/** An fd closed at the end of its scope when >= 0. */
#define writ_auto_fd __attribute__((cleanup(writ_closep))) int
/** A malloc'd pointer freed at the end of its scope: writ_auto_mem char *p =
 * NULL; */
#define writ_auto_mem __attribute__((cleanup(writ_mem_freep)))

/** In a header, after TYPE_free: enables writ_auto(TYPE). */
#define WRIT_AUTO_FREE(type)                                      \
	static inline void type##_freep(struct type **p)          \
	{                                                         \
		if (*p)                                           \
			type##_free(*p);                          \
	}
#define WRIT_AUTO_RELEASE(type)                                   \
	static inline void type##_releasep(struct type *p)        \
	{                                                         \
		type##_release(p);                                \
	}

/** Take the pointer out of an auto variable, leaving NULL. */
#define writ_steal(pp)                            \
	(__extension__({                          \
		__typeof__(*(pp)) stolen_ = *(pp); \
		*(pp) = NULL;                     \
		stolen_;                          \
	}))
/** Take an fd out of a writ_auto_fd, leaving -1. */
static inline int
writ_steal_fd(int *fd)
{
	int f = *fd;

	*fd = -1;
	return f;
}

static inline void
writ_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/** Zeroed memory for `n` objects of `size`; NULL without memory or on overflow.
 */
void *writ_alloc(size_t n, size_t size);
/** As realloc for `n` objects of `size`; the old block stays valid on NULL. */
void *writ_realloc(void *p, size_t n, size_t size);
/** A copy of p[n] (NUL added behind it); NULL without memory. */
void *writ_memdup(const void *p, size_t n);
/** Free; takes NULL. */
void writ_mem_free(void *p);
/**
 * For tests: let the next n allocations of the process succeed and all later
 * ones fail; n < 0 turns it off.  The one mutable global of base; safe on any
 * thread.
 */
void writ_mem_fail_after(long n);

static inline void
writ_mem_freep(void *pp)
{
	writ_mem_free(*(void **)pp);
}

#endif
