/* test_vec.c - the growing array. */
#include "base/vec.h"

#include "check.h"

struct item {
	int a;
	char tail[12];
};

static void
test_vec__push_gives_zeroed_slots_up_to_max(void **state)
{
	writ_auto_release(writ_vec) v;
	struct item *it = NULL;
	int i;

	writ_vec_init(&v, sizeof(*it), 21);
	for (i = 0; i < 21; i++) {
		assert_int_equal(writ_vec_push(&v, &it), WRIT_OK);
		assert_int_equal(it->a, 0);
		assert_int_equal(it->tail[11], 0);
		it->a = i;
		it->tail[11] = 'x';
	}
	it = NULL;
	assert_int_equal(writ_vec_push(&v, &it), WRIT_LIMIT);
	assert_null(it);
	assert_int_equal(v.len, 21);
	assert_true(v.cap <= 21);
	for (i = 0; i < 21; i++) {
		it = writ_vec_at(&v, (size_t)i);
		assert_int_equal(it->a, i);
	}
}

static void
test_vec__remove_moves_the_rest_down(void **state)
{
	writ_auto_release(writ_vec) v;
	int *slot = NULL, i;

	writ_vec_init(&v, sizeof(*slot), 10);
	for (i = 0; i < 4; i++) {
		assert_int_equal(writ_vec_push(&v, &slot), WRIT_OK);
		*slot = i;
	}
	writ_vec_remove(&v, 1);
	writ_vec_remove(&v, 2);
	assert_int_equal(v.len, 2);
	assert_int_equal(*(int *)writ_vec_at(&v, 0), 0);
	assert_int_equal(*(int *)writ_vec_at(&v, 1), 2);
	assert_int_equal(writ_vec_push(&v, &slot), WRIT_OK);
	assert_int_equal(*slot, 0);
}

static void
test_vec__size_overflow_is_nomem(void **state)
{
	writ_auto_release(writ_vec) v;
	void *slot = NULL;

	writ_vec_init(&v, SIZE_MAX / 4, 100);
	assert_int_equal(writ_vec_push(&v, &slot), WRIT_NOMEM);
	assert_null(slot);
	assert_int_equal(v.len, 0);
	writ_vec_release(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vec__push_gives_zeroed_slots_up_to_max),
		cmocka_unit_test(test_vec__remove_moves_the_rest_down),
		cmocka_unit_test(test_vec__size_overflow_is_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
