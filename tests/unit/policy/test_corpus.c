/* Replays what the fuzzer kept; a finding would stop the program. */
#include <dirent.h>

#include "base/limits.h"
#include "policy_test.h"

#ifndef CORPUS_MIN
#define CORPUS_MIN 101	/* seeds of fuzz_policy */
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
test_corpus__replays(void **state)
{
	const char *dir = getenv("WRIT_TEST_CORPUS");
	uint8_t *bytes = calloc(1, WRIT_MIB);
	struct dirent *e;
	char path[1024];
	size_t n, files = 0;
	FILE *f;
	DIR *d;

	assert_non_null(dir);
	assert_non_null(bytes);
	d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		f = fopen(path, "re");
		assert_non_null(f);
		n = fread(bytes, 1, WRIT_MIB, f);
		(void)fclose(f);
		assert_int_equal(LLVMFuzzerTestOneInput(bytes, n), 0);
		files++;
	}
	(void)closedir(d);
	free(bytes);
	assert_true(files >= CORPUS_MIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus__replays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
