/* Patterns against a slow and simple matcher, and by example. */
#include "policy_test.h"

static bool
glob(const char *pattern, const char *path)
{
	return writ_policy_glob(writ_str_from(pattern), writ_str_from(path));
}

static void
test_glob__examples(void **state)
{
	assert_true(glob("/a", "/a"));
	assert_false(glob("/a", "/a/"));
	assert_false(glob("/a", "/a/b"));
	assert_true(glob("/", "/"));
	assert_false(glob("/", "/a"));
	assert_true(glob("/*", "/a"));
	assert_false(glob("/*", "/"));
	assert_false(glob("/*", "/a/b"));
	assert_true(glob("/a*c", "/abc"));
	assert_false(glob("/a*c", "/ac"));
	assert_true(glob("/a*b*c", "/axbbxc"));
	assert_false(glob("/a*b*c", "/abc"));
	assert_true(glob("/*.txt", "/x.txt"));
	assert_false(glob("/*.txt", "/.txt"));
	assert_true(glob("/**/admin/**", "/admin"));
	assert_true(glob("/**/admin/**", "/x/admin/y"));
	assert_false(glob("/**/admin/**", "/xadmin"));
	assert_true(glob("/**", "/"));
	assert_true(glob("/**", "/a/b"));
	assert_true(glob("/a/**/b", "/a/b"));
	assert_true(glob("/a/**/b", "/a/x/y/b"));
	assert_false(glob("/a/**/b", "/a/x/y/bc"));
	assert_false(glob("a", "a"));
	assert_false(glob("/a", "a"));
}

/* Recursive and obvious. */
static bool
run(const char *p, size_t n, const char *s, size_t m)
{
	size_t k;

	if (n == 0)
		return m == 0;
	if (p[0] != '*')
		return m > 0 && s[0] == p[0] && run(p + 1, n - 1, s + 1, m - 1);
	for (k = 1; k <= m; k++)
		if (run(p + 1, n - 1, s + k, m - k))
			return true;
	return false;
}

static bool
slow(const char *p, const char *s)
{
	size_t n, m;

	if (!p)
		return !s;
	n = strcspn(p, "/");
	if (n == 2 && p[0] == '*' && p[1] == '*') {
		const char *next = p[n] ? p + n + 1 : NULL;

		for (;;) {
			if (slow(next, s))
				return true;
			if (!s)
				return false;
			s = s[strcspn(s, "/")] ? s + strcspn(s, "/") + 1 : NULL;
		}
	}
	if (!s)
		return false;
	m = strcspn(s, "/");
	return run(p, n, s, m) && slow(p[n] ? p + n + 1 : NULL,
	    s[m] ? s + m + 1 : NULL);
}

static uint32_t
next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

static void
make(uint64_t *seed, bool pattern, char *out, size_t cap)
{
	size_t parts = 1 + next(seed) % 5, i, k, n = 0, len;

	for (i = 0; i < parts; i++) {
		n += (size_t)snprintf(out + n, cap - n, "/");
		if (pattern && next(seed) % 3 == 0) {
			n += (size_t)snprintf(out + n, cap - n, "**");
			continue;
		}
		len = 1 + next(seed) % 4;
		for (k = 0; k < len; k++) {
			bool star = pattern && next(seed) % 3 == 0 &&
			    out[n - 1] != '*';

			n += (size_t)snprintf(out + n, cap - n, "%c",
			    star ? '*' : (char)('a' + next(seed) % 2));
		}
	}
}

static void
test_glob__agrees_with_the_obvious_matcher(void **state)
{
	char pattern[128], path[128];
	uint64_t seed = 20261124;
	size_t i, yes = 0;

	for (i = 0; i < 200000; i++) {
		make(&seed, true, pattern, sizeof(pattern));
		make(&seed, false, path, sizeof(path));
		if (glob(pattern, path) != slow(pattern + 1, path + 1))
			fail_msg("%s against %s", pattern, path);
		yes += glob(pattern, path);
	}
	assert_true(yes > 5000 && yes < 195000);
}

static void
test_glob__hostile_patterns_are_quick(void **state)
{
	char pattern[1024] = "/", path[4096] = "/";
	size_t i;

	for (i = 1; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "a*", 2);
	memcpy(pattern + sizeof(pattern) - 3, "*b", 3);
	memset(path + 1, 'a', sizeof(path) - 2);
	for (i = 0; i < 1000; i++)
		assert_false(glob(pattern, path));
}

static void
test_glob__more_than_63_segments_match_nothing(void **state)
{
	char pattern[256] = "", path[256] = "";
	size_t i;

	for (i = 0; i < 64; i++) {
		memcpy(pattern + 2 * i, "/a", 3);
		memcpy(path + 2 * i, "/a", 3);
	}
	assert_false(glob(pattern, path));
	pattern[126] = path[126] = '\0';
	assert_true(glob(pattern, path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glob__examples),
		cmocka_unit_test(test_glob__agrees_with_the_obvious_matcher),
		cmocka_unit_test(test_glob__hostile_patterns_are_quick),
		cmocka_unit_test(test_glob__more_than_63_segments_match_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
