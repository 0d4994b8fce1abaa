/* Values that a document becomes, and the bounds of one. */
#include "base/limits.h"
#include "policy_test.h"

static void
test_parse__absent_keys_have_their_defaults(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\n");
	struct writ_digest d;

	assert_string_equal(p->name, "unnamed");
	assert_null(p->component_file);
	assert_false(p->strict);
	assert_int_equal(p->unmatched, WRIT_UNMATCHED_DENY);
	assert_int_equal(p->limits.memory_bytes, WRIT_DEFAULT_MEMORY);
	assert_int_equal(p->limits.time_ms, WRIT_DEFAULT_TIME_MS);
	assert_int_equal(p->limits.cpu_ms, WRIT_DEFAULT_CPU_MS);
	assert_int_equal(p->limits.output_bytes, 0);
	assert_int_equal(p->clock, WRIT_CLOCK_VOID);
	assert_int_equal(p->random, WRIT_RANDOM_VOID);
	assert_int_equal(p->files_count + p->env_count + p->config_count, 0);
	writ_sha256("writ: 1\n", 8, &d);
	assert_memory_equal(d.b, p->digest.b, sizeof(d.b));
}

static void
test_parse__values_arrive(void **state)
{
	writ_auto(writ_policy) p = must_parse(
	    "writ: 1\nname: x\nstrict: true\n"
	    "component: { file: ./t.wasm, digest: \"sha256:"
	    "00112233445566778899aabbccddeeff"
	    "00112233445566778899aabbccddeeff\" }\n"
	    "limits: { memory: 64MiB, time: 30s, cpu: 2m, output: 1KiB, "
	    "requests: 5, handles: 6, audit: 1MiB }\n"
	    "clock: { wall: 'frozen 2000-03-01T00:00:01Z', resolution: 20ms }\n"
	    "random: seeded 42\n"
	    "env: { A: \"${B}\", C: \"\" }\nconfig: { m: \"1\" }\n");

	assert_string_equal(p->name, "x");
	assert_true(p->strict);
	assert_string_equal(p->component_file, "./t.wasm");
	assert_true(p->has_component_digest);
	assert_int_equal(p->component_digest.b[1], 0x11);
	assert_int_equal(p->limits.memory_bytes, 64 * WRIT_MIB);
	assert_int_equal(p->limits.time_ms, 30000);
	assert_int_equal(p->limits.cpu_ms, 120000);
	assert_int_equal(p->limits.output_bytes, 1024);
	assert_int_equal(p->limits.requests, 5);
	assert_int_equal(p->limits.handles, 6);
	assert_int_equal(p->limits.audit_bytes, WRIT_MIB);
	assert_int_equal(p->clock, WRIT_CLOCK_FROZEN);
	assert_int_equal(p->clock_seconds, 951868801);
	assert_int_equal(p->clock_resolution_ns, 20000000);
	assert_int_equal(p->random, WRIT_RANDOM_SEEDED);
	assert_int_equal(p->random_seed, 42);
	assert_int_equal(p->env_count, 2);
	assert_string_equal(p->env[0].value, "${B}");
	assert_string_equal(p->config[0].value, "1");
}

static void
test_parse__files_arrive_sorted(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nfiles:\n"
	    "  - { name: r, at: /, from: memory, mode: write }\n"
	    "  - { name: b, at: /a/b, from: \"host:../x\", mode: write, "
	    "quota: { bytes: 5B, files: 6 }, protected: [.env], durable: true }\n"
	    "  - { name: a, at: /a, from: \"host:$${x}\" }\n");

	assert_int_equal(p->files_count, 3);
	assert_string_equal(p->files[0].name, "b");
	assert_string_equal(p->files[0].from, "../x");
	assert_int_equal(p->files[0].quota_bytes, 5);
	assert_int_equal(p->files[0].quota_files, 6);
	assert_string_equal(p->files[0].protected_names[0], ".env");
	assert_null(p->files[0].protected_names[1]);
	assert_true(p->files[0].durable);
	assert_int_equal(p->files[0].line, 4);
	assert_string_equal(p->files[1].from, "${x}");
	assert_false(p->files[1].write);
	assert_string_equal(p->files[2].at, "/");
	assert_null(p->files[2].from);
	assert_int_equal(p->files[2].quota_bytes, WRIT_DEFAULT_MEMFS_BYTES);
	assert_int_equal(p->files[2].quota_files, WRIT_DEFAULT_MEMFS_FILES);
}

static enum writ_status
parse_buf(struct writ_buf *b)
{
	struct writ_policy *p = NULL;
	struct writ_err err;
	enum writ_status st;

	assert_int_equal(writ_buf_status(b), WRIT_OK);
	st = writ_policy_parse(writ_buf_view(b), "t", &p, &err);
	writ_policy_free(p);
	return st;
}

static void
test_parse__bounds_are_limits(void **state)
{
	writ_auto_release(writ_buf) b;
	size_t i;

	writ_buf_init(&b, 4 * WRIT_MIB);
	writ_buf_cstr(&b, "writ: 1\nfiles:\n");
	for (i = 0; i < WRIT_MOUNTS_MAX + 1; i++)
		writ_buf_printf(&b, " - { name: a%zu, at: /a%zu, from: memory }\n",
		    i, i);
	assert_int_equal(parse_buf(&b), WRIT_LIMIT);

	writ_buf_reset(&b);
	writ_buf_cstr(&b, "writ: 1\ndeny:\n");
	for (i = 0; i < WRIT_DOC_LIST_MAX + 1; i++)
		writ_buf_printf(&b, " - { name: a%zu, files: { path: /a } }\n", i);
	assert_int_equal(parse_buf(&b), WRIT_LIMIT);

	writ_buf_reset(&b);
	writ_buf_cstr(&b, "writ: 1\nenv:\n A: ");
	for (i = 0; i < WRIT_DOC_STRING_MAX + 1; i++)
		writ_buf_char(&b, 'x');
	assert_int_equal(parse_buf(&b), WRIT_LIMIT);

	writ_buf_reset(&b);
	writ_buf_cstr(&b, "writ: 1\n#");
	for (i = 0; i < WRIT_DOC_MAX; i++)
		writ_buf_char(&b, 'x');
	assert_int_equal(parse_buf(&b), WRIT_LIMIT);
}

static void
test_parse__nesting_of_100000_is_an_error(void **state)
{
	writ_auto_release(writ_buf) b;
	size_t i;

	writ_buf_init(&b, WRIT_MIB);
	writ_buf_cstr(&b, "writ: 1\nenv: ");
	for (i = 0; i < 100000; i++)
		writ_buf_char(&b, '[');
	assert_int_not_equal(parse_buf(&b), WRIT_OK);

	writ_buf_reset(&b);
	writ_buf_cstr(&b, "writ: 1\nenv:\n");
	for (i = 0; i < 1000; i++) {
		size_t k;

		for (k = 0; k < i; k++)
			writ_buf_char(&b, ' ');
		writ_buf_cstr(&b, "a:\n");
	}
	assert_int_not_equal(parse_buf(&b), WRIT_OK);
}

static void
test_parse__slow_texts_are_refused_at_once(void **state)
{
	static const char *const runs[] = { " ", "\t", "\n", "\r\n", "x", "!", "%",
		"&", "[ ", "- ", "? ", ": ", ",", "#", "'' ", "\"", "a: " };
	writ_auto_release(writ_buf) b;
	size_t i;

	/* each of these cost the library minutes or memory; a second is plenty */
	writ_buf_init(&b, 2 * WRIT_MIB);
	for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		clock_t begin = clock();

		writ_buf_reset(&b);
		writ_buf_cstr(&b, "writ: 1\nenv:\n  A: ");
		while (b.len + 8 < WRIT_MIB)
			writ_buf_cstr(&b, runs[i]);
		assert_int_not_equal(parse_buf(&b), WRIT_OK);
		assert_true(clock() - begin < 10 * CLOCKS_PER_SEC);
	}
}

static void
test_parse__env_is_bounded_in_all(void **state)
{
	writ_auto_release(writ_buf) b;
	size_t i, k;

	writ_buf_init(&b, WRIT_MIB);
	writ_buf_cstr(&b, "writ: 1\nenv:\n");
	for (i = 0; i < 100; i++) {
		writ_buf_printf(&b, " A%zu: ", i);
		for (k = 0; k < 1000; k++)
			writ_buf_char(&b, 'x');
		writ_buf_char(&b, '\n');
	}
	assert_int_equal(parse_buf(&b), WRIT_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse__absent_keys_have_their_defaults),
		cmocka_unit_test(test_parse__values_arrive),
		cmocka_unit_test(test_parse__files_arrive_sorted),
		cmocka_unit_test(test_parse__bounds_are_limits),
		cmocka_unit_test(test_parse__nesting_of_100000_is_an_error),
		cmocka_unit_test(test_parse__slow_texts_are_refused_at_once),
		cmocka_unit_test(test_parse__env_is_bounded_in_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
