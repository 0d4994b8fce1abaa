/* test_seal.c - memory for secrets, and their encryption. */
#include "check.h"
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/seal.h"

static const uint8_t key[WRIT_KEY_LEN] = "a key of thirty-two bytes......";

static void
test_seal__opens_under_its_key_and_name_alone(void **state)
{
	const char text[] = "hunter2hunter2";
	uint8_t sealed[sizeof(text) + WRIT_SEAL_BYTES], again[sizeof(sealed)];
	uint8_t other[WRIT_KEY_LEN] = { 1 };
	char back[sizeof(text)];
	size_t i;

	writ_seal(key, WRIT_STR("name"), text, sizeof(text), sealed);
	writ_seal(key, WRIT_STR("name"), text, sizeof(text), again);
	assert_memory_not_equal(sealed, again, sizeof(sealed));
	assert_null(memmem(sealed, sizeof(sealed), text, 4));
	assert_int_equal(writ_unseal(key, WRIT_STR("name"), sealed,
	    sizeof(sealed), back), WRIT_OK);
	assert_memory_equal(back, text, sizeof(text));
	assert_int_equal(writ_unseal(key, WRIT_STR("Name"), sealed,
	    sizeof(sealed), back), WRIT_INVALID);
	assert_int_equal(writ_unseal(other, WRIT_STR("name"), sealed,
	    sizeof(sealed), back), WRIT_INVALID);
	for (i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_int_equal(writ_unseal(key, WRIT_STR("name"), sealed,
		    sizeof(sealed), back), WRIT_INVALID);
		sealed[i] ^= 1;
		assert_int_equal(writ_unseal(key, WRIT_STR("name"), sealed, i,
		    back), WRIT_INVALID);
	}
}

static void
test_seal__nothing_can_be_sealed_too(void **state)
{
	uint8_t sealed[WRIT_SEAL_BYTES], back[1];

	writ_seal(key, WRIT_STR(""), "", 0, sealed);
	assert_int_equal(writ_unseal(key, WRIT_STR(""), sealed, sizeof(sealed),
	    back), WRIT_OK);
}

/* Under a sanitizer mlock() does nothing. */
#ifndef WRIT_SANITIZE
/* "Locked:" of /proc/self/smaps for the page of p. */
static long
locked_kib(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[256];
	unsigned long from, to;
	long kib = -1;
	bool here = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (unsigned long)p && (unsigned long)p < to;
		else if (here && sscanf(line, "Locked: %ld", &kib) == 1)
			break;
	}
	fclose(f);
	return kib;
}

static void
test_seal__locked_memory_is_locked_and_zero(void **state)
{
	uint8_t *p = writ_locked_alloc(100);
	size_t i;

	assert_non_null(p);
	for (i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_true(locked_kib(p) > 0);
	writ_locked_free(p);
	writ_locked_free(NULL);
	p = writ_locked_alloc(0);
	assert_non_null(p);
	writ_locked_free(p);
}

static void
test_seal__memory_that_cannot_be_locked_is_none(void **state)
{
	const struct rlimit none = { 0, 0 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (geteuid() == 0 && (setresuid(65534, 65534, 65534)))
			_exit(2);
		_exit(setrlimit(RLIMIT_MEMLOCK, &none) || writ_locked_alloc(10));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal__opens_under_its_key_and_name_alone),
		cmocka_unit_test(test_seal__nothing_can_be_sealed_too),
#ifndef WRIT_SANITIZE
		cmocka_unit_test(test_seal__locked_memory_is_locked_and_zero),
		cmocka_unit_test(
		    test_seal__memory_that_cannot_be_locked_is_none),
#endif
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
