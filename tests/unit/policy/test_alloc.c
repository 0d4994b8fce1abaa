/* Every allocation fails once: no crash, no leak, one honest status. */
#include "policy_test.h"

#define TRIES_MAX 5000

static const char document[] =
    "writ: 1\nname: t\ncomponent: { file: \"a$${b}\" }\n"
    "env: { A: b, C: d }\nconfig: { e: f }\nclock: { wall: real }\n"
    "files:\n"
    "  - { name: a, at: /a, from: \"host:$${x}\", mode: write, "
    "protected: [.env, .ssh] }\n"
    "  - { name: b, at: /b, from: memory }\n"
    "deny:\n"
    "  - { name: d, files: { path: \"/a/**/x\" } }\n"
    "  - { name: e, files: { path: /q } }\n"
    "  - { name: f, spawn: { tool: t } }\n"
    "random: secure\nclient: [log]\n"
    "spawn: [{ name: g, tool: u, depth: 1, calls: 1 }]\n";

static void
test_alloc__parse(void **state)
{
	enum writ_status st = WRIT_NOMEM;
	long n;

	for (n = 0; st != WRIT_OK && n < TRIES_MAX; n++) {
		struct writ_policy *p = NULL;
		struct writ_err err = { 0 };

		writ_mem_fail_after(n);
		st = writ_policy_parse(writ_str_from(document), "t", &p, &err);
		writ_mem_fail_after(-1);
		assert_true(st == WRIT_OK ? p != NULL : p == NULL);
		if (st != WRIT_OK) {
			assert_int_equal(st, WRIT_NOMEM);
			assert_non_null(strstr(err.msg, "memory"));
		}
		writ_policy_free(p);
	}
	assert_int_equal(st, WRIT_OK);
	assert_true(n > 20);
}

static void
test_alloc__add_leaves_the_policy_as_it_was(void **state)
{
	enum writ_status st = WRIT_NOMEM;
	struct writ_err err;
	long n;

	for (n = 0; st != WRIT_OK && n < TRIES_MAX; n++) {
		writ_auto(writ_policy) p = must_parse(document);

		writ_mem_fail_after(n);
		st = writ_policy_add(p, WRIT_STR("files read /z host:z"), &err);
		writ_mem_fail_after(-1);
		if (st != WRIT_OK) {
			assert_int_equal(st, WRIT_NOMEM);
			READ(p, "/z", "unmatched");
		} else {
			READ(p, "/z", "files.z");
		}
		WRITE(p, "/a/1", "files.a");
		READ(p, "/a/x", "deny.d");
	}
	assert_int_equal(st, WRIT_OK);
}

static void
test_alloc__suggest_says_all_or_nothing(void **state)
{
	static const char want[] = "files: [{ name: z, at: /z, from: "
	    "\"host:./z\", mode: read }]";
	writ_auto(writ_policy) p = must_parse(document);
	const struct writ_request rq = { .kind = WRIT_REQ_FILES, .op = "open",
		.target = { "/z/1", 4 } };
	bool said = false;
	long n;

	for (n = 0; !said && n < TRIES_MAX; n++) {
		writ_auto_release(writ_buf) out;

		writ_buf_init(&out, 4096);
		writ_mem_fail_after(n);
		writ_policy_suggest(p, &rq, &out);
		writ_mem_fail_after(-1);
		said = out.len > 0;
		if (said) {
			assert_int_equal(out.len, sizeof(want) - 1);
			assert_memory_equal(out.ptr, want, out.len);
		}
	}
	assert_true(said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc__parse),
		cmocka_unit_test(test_alloc__add_leaves_the_policy_as_it_was),
		cmocka_unit_test(test_alloc__suggest_says_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
