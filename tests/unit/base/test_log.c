/* test_log.c - levels, the cut, the escapes. */
#include "base/log.h"

#include "base/mem.h"
#include "check.h"

struct kept {
	char text[2048];
	size_t len;
	enum writ_log_level level;
	int count;
};

static void
keep(void *ctx, enum writ_log_level level, struct writ_str line)
{
	struct kept *k = ctx;

	assert_true(line.len <= sizeof(k->text));
	memcpy(k->text, line.ptr, line.len);
	k->len = line.len;
	k->level = level;
	k->count++;
}

static void
test_log__levels_below_are_dropped(void **state)
{
	struct kept k = { .count = 0 };
	struct writ_log log = { WRIT_LOG_WARN, keep, &k };

	writ_logf(&log, WRIT_LOG_INFO, "no");
	assert_int_equal(k.count, 0);
	writ_logf(&log, WRIT_LOG_WARN, "yes %d", 1);
	writ_logf(&log, WRIT_LOG_ERROR, "yes %d", 2);
	assert_int_equal(k.count, 2);
	assert_int_equal(k.level, WRIT_LOG_ERROR);
	assert_slice(writ_str(k.text, k.len), "yes 2");
}

static void
test_log__no_sink_is_silence(void **state)
{
	struct writ_log log = { WRIT_LOG_DEBUG, NULL, NULL };

	writ_logf(NULL, WRIT_LOG_ERROR, "x");
	writ_logf(&log, WRIT_LOG_ERROR, "x");
}

static void
test_log__control_bytes_are_shown(void **state)
{
	struct kept k = { .count = 0 };
	struct writ_log log = { WRIT_LOG_DEBUG, keep, &k };

	writ_logf(&log, WRIT_LOG_INFO, "a\nb\x1b[0m\xff");
	assert_slice(writ_str(k.text, k.len), "a\\x0ab\\x1b[0m\\xff");
}

static void
test_log__a_long_line_is_cut_without_memory(void **state)
{
	struct kept k = { .count = 0 };
	struct writ_log log = { WRIT_LOG_DEBUG, keep, &k };
	char big[5000];

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	writ_mem_fail_after(0);
	writ_logf(&log, WRIT_LOG_INFO, "%s", big);
	writ_mem_fail_after(-1);
	assert_int_equal(k.len, 1024);
	memset(big, '\n', sizeof(big) - 1);
	writ_logf(&log, WRIT_LOG_INFO, "%s", big);
	assert_int_equal(k.len, 1024);
	assert_memory_equal(k.text + 1020, "\\x0a", 4);
	memset(big, 'a', sizeof(big) - 1);
	memset(big + 1022, '\n', 100);
	writ_logf(&log, WRIT_LOG_INFO, "%s", big);
	assert_int_equal(k.len, 1022);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log__levels_below_are_dropped),
		cmocka_unit_test(test_log__no_sink_is_silence),
		cmocka_unit_test(test_log__control_bytes_are_shown),
		cmocka_unit_test(test_log__a_long_line_is_cut_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
