/* test_mem.c - allocation, and the nth of it failing in all of base. */
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/vec.h"
#include "check.h"

static void
test_mem__alloc_is_zeroed_and_checked(void **state)
{
	writ_auto_mem uint8_t *p = writ_alloc(100, 3);
	writ_auto_mem void *nothing = writ_alloc(0, 16);
	size_t i;

	assert_non_null(p);
	assert_non_null(nothing);
	for (i = 0; i < 300; i++)
		assert_int_equal(p[i], 0);
	assert_null(writ_alloc(SIZE_MAX / 2, 3));
	assert_null(writ_alloc(SIZE_MAX / 2 + 1, 1));
}

static void
test_mem__realloc_keeps_the_block_on_failure(void **state)
{
	writ_auto_mem char *p = writ_memdup("abc", 3);

	assert_non_null(p);
	assert_string_equal(p, "abc");
	assert_null(writ_realloc(p, SIZE_MAX / 2, 4));
	writ_mem_fail_after(0);
	assert_null(writ_realloc(p, 100, 1));
	writ_mem_fail_after(-1);
	assert_string_equal(p, "abc");
	p = writ_realloc(p, 100, 1);
	assert_string_equal(p, "abc");
}

static void
test_mem__memdup_adds_a_nul(void **state)
{
	writ_auto_mem char *empty = writ_memdup(NULL, 0);
	writ_auto_mem char *inner = writ_memdup("a\0b", 3);

	assert_string_equal(empty, "");
	assert_memory_equal(inner, "a\0b", 4);
	assert_null(writ_memdup("", SIZE_MAX));
}

static void
test_mem__fail_after_counts(void **state)
{
	void *a, *b;

	writ_mem_fail_after(2);
	a = writ_alloc(1, 1);
	b = writ_memdup("x", 1);
	assert_null(writ_alloc(1, 1));
	assert_null(writ_alloc(1, 1));
	writ_mem_fail_after(-1);
	assert_non_null(a);
	assert_non_null(b);
	writ_mem_free(a);
	writ_mem_free(b);
	a = writ_alloc(1, 1);
	assert_non_null(a);
	writ_mem_free(a);
	writ_mem_free(NULL);
}

static void *
allocate_many(void *arg)
{
	size_t *got = arg;
	int i;

	for (i = 0; i < 1000; i++) {
		void *p = writ_alloc(1, 8);

		*got += p != NULL;
		writ_mem_free(p);
	}
	return NULL;
}

static void
test_mem__fail_after_is_exact_across_threads(void **state)
{
	size_t got[4] = { 0 }, i, sum = 0;
	pthread_t t[4];

	writ_mem_fail_after(1234);
	for (i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, allocate_many, &got[i]), 0);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		sum += got[i];
	}
	writ_mem_fail_after(-1);
	assert_int_equal(sum, 1234);
}

static int *
with_auto_fd(int *seen)
{
	writ_auto_fd fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	*seen = fd;
	return seen;
}

static void
test_mem__auto_closes_and_steal_takes(void **state)
{
	int fd = -1, kept;
	char *p = writ_memdup("x", 1), *q;

	with_auto_fd(&fd);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	fd = 7;
	kept = writ_steal_fd(&fd);
	assert_int_equal(kept, 7);
	assert_int_equal(fd, -1);
	q = writ_steal(&p);
	assert_null(p);
	writ_mem_free(q);
}

/* Everything in base that allocates; each failure must be WRIT_NOMEM. */
static enum writ_status
fill_buffer(void)
{
	writ_auto_release(writ_buf) b;
	int i;

	writ_buf_init(&b, 1 << 16);
	for (i = 0; i < 200; i++) {
		writ_buf_printf(&b, "%d %s,", i, "some text that is not short");
		writ_buf_json(&b, WRIT_STR("quoted \"\n\xff"));
		writ_buf_safe(&b, WRIT_STR("shown \x1b"), false);
		writ_buf_hex(&b, "abc", 3);
	}
	return writ_buf_status(&b);
}

static enum writ_status
fill_vector(void)
{
	writ_auto_release(writ_vec) v;
	enum writ_status st;
	uint64_t *slot;
	size_t i, len;

	writ_vec_init(&v, sizeof(*slot), 1000);
	for (i = 0; i < 100; i++) {
		len = v.len;
		slot = NULL;
		st = writ_vec_push(&v, &slot);
		if (st != WRIT_OK) {
			assert_int_equal(v.len, len);
			assert_null(slot);
			return st;
		}
		*slot = i;
	}
	for (i = 0; i < 100; i++)
		assert_int_equal(*(uint64_t *)writ_vec_at(&v, i), i);
	return WRIT_OK;
}

static enum writ_status
parse_json(void)
{
	writ_auto_json j = NULL;
	struct writ_err err = { 0 };
	enum writ_status st;

	st = writ_json_parse(WRIT_STR("{\"a\":[1,2.5,true,null,\"a text "
	    "that is longer than one short chunk\\u00e9\"],"
	    "\"b\":{\"c\":\"d\",\"e\":[]},"
	    "\"f\":1,\"g\":2,\"h\":3,\"i\":4,\"j\":5,\"k\":6,\"l\":7}"),
	    &j, &err);
	if (st != WRIT_OK)
		assert_null(j);
	return st;
}

static enum writ_status
copy_slice(void)
{
	writ_auto_mem char *p = writ_str_dup(WRIT_STR("abc"));

	return p ? WRIT_OK : WRIT_NOMEM;
}

static void
test_mem__nth_failure_is_nomem_everywhere_in_base(void **state)
{
	static enum writ_status (*const uses[])(void) = { fill_buffer,
		fill_vector, parse_json, copy_slice };
	enum writ_status st;
	size_t i;
	long n;

	for (i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
		for (n = 0; n < 1000; n++) {
			writ_mem_fail_after(n);
			st = uses[i]();
			writ_mem_fail_after(-1);
			if (st == WRIT_OK)
				break;
			assert_int_equal(st, WRIT_NOMEM);
		}
		assert_in_range(n, 1, 999);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mem__alloc_is_zeroed_and_checked),
		cmocka_unit_test(test_mem__realloc_keeps_the_block_on_failure),
		cmocka_unit_test(test_mem__memdup_adds_a_nul),
		cmocka_unit_test(test_mem__fail_after_counts),
		cmocka_unit_test(test_mem__fail_after_is_exact_across_threads),
		cmocka_unit_test(test_mem__auto_closes_and_steal_takes),
		cmocka_unit_test(
		    test_mem__nth_failure_is_nomem_everywhere_in_base),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
