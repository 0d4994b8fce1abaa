/*
 * check.h - cmocka with what it wants included first, and a slice assertion.
 */
#ifndef WRIT_TESTS_BASE_CHECK_H
#define WRIT_TESTS_BASE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** A slice (or buffer view) and a C string are the same bytes. */
#define assert_slice(s, text)                                        \
	do {                                                         \
		struct writ_str s_ = (s);                            \
		assert_int_equal(s_.len, strlen(text));              \
		if (s_.len)                                          \
			assert_memory_equal(s_.ptr, text, s_.len);   \
	} while (0)

#endif
