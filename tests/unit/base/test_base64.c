#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/base64.h"

/* The vectors of RFC 4648 section 10. */
static const struct {
	const char *bytes, *text;
} vectors[] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static void
test_base64__the_vectors_of_the_rfc(void **state)
{
	struct writ_buf b;
	size_t i;

	writ_buf_init(&b, 64);
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		writ_buf_reset(&b);
		writ_base64_put(&b, writ_str_from(vectors[i].bytes));
		assert_true(writ_str_is(writ_buf_view(&b), vectors[i].text));
		writ_buf_reset(&b);
		assert_int_equal(writ_base64_get(writ_str_from(
		    vectors[i].text), &b), WRIT_OK);
		assert_true(writ_str_is(writ_buf_view(&b), vectors[i].bytes));
	}
	writ_buf_release(&b);
}

static void
test_base64__what_is_not_in_its_one_form_is_refused(void **state)
{
	static const char *const bad[] = { "Zg", "Zg=", "Zh==", "Zm9v\n", "Z m9",
		"Zm9vYg==Zg==", "====", "Zm-_", "=", "Z===" };
	struct writ_buf b;
	size_t i;

	writ_buf_init(&b, 64);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(writ_base64_get(writ_str_from(bad[i]), &b),
		    WRIT_INVALID);
		assert_int_equal(b.len, 0);
	}
	writ_buf_release(&b);
}

static void
test_base64__a_full_buffer_stays_as_it_is(void **state)
{
	struct writ_buf b;

	writ_buf_init(&b, 6);
	writ_base64_put(&b, WRIT_STR("foobar"));
	assert_int_equal(writ_buf_status(&b), WRIT_LIMIT);
	writ_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64__the_vectors_of_the_rfc),
		cmocka_unit_test(
		    test_base64__what_is_not_in_its_one_form_is_refused),
		cmocka_unit_test(test_base64__a_full_buffer_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
