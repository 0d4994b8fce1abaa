/* Grants of the command line. */
#include "base/limits.h"
#include "policy_test.h"

static struct writ_policy *
empty(void)
{
	struct writ_policy *p = NULL;
	struct writ_err err;

	assert_int_equal(writ_policy_empty(&p, &err), WRIT_OK);
	return p;
}

static void
refuse(struct writ_policy *p, const char *text, enum writ_status want)
{
	struct writ_digest before = p->digest;
	size_t counts = p->files_count + p->files_deny_count + p->env_count +
	    p->config_count;
	struct writ_err err = { 0 };
	enum writ_status st = writ_policy_add(p, writ_str_from(text), &err);

	if (st != want)
		fail_msg("%s: status %d, %s", text, st, err.msg);
	assert_int_equal(err.status, want);
	assert_non_null(strstr(err.msg, "--grant"));
	assert_memory_equal(&before, &p->digest, sizeof(before));
	assert_int_equal(counts, p->files_count + p->files_deny_count +
	    p->env_count + p->config_count);
}

static void
test_add__short_forms(void **state)
{
	writ_auto(writ_policy) p = empty();

	must_add(p, "files read /src host:./src dir");
	must_add(p, "files write /tmp memory");
	must_add(p, "files write /a/src host:x");
	must_add(p, "http GET https://x.y/");
	must_add(p, "sockets tcp://x.y:1");
	assert_int_equal(p->http_count, 1);
	assert_int_equal(p->sockets_count, 1);
	must_add(p, "env K=V=1 ${x}");
	must_add(p, "config k=v w");
	must_add(p, "clock frozen 2026-01-01T00:00:00Z");
	must_add(p, "random seeded 7");
	assert_int_equal(p->files_count, 3);
	assert_string_equal(p->files[0].name, "src-2");
	assert_string_equal(p->files[1].name, "src");
	assert_string_equal(p->files[1].from, "./src dir");
	assert_true(p->files[2].write);
	assert_string_equal(p->env[0].key, "K");
	assert_string_equal(p->env[0].value, "V=1 ${x}");
	assert_string_equal(p->config[0].value, "v w");
	assert_int_equal(p->clock, WRIT_CLOCK_FROZEN);
	assert_int_equal(p->random, WRIT_RANDOM_SEEDED);
	READ(p, "/src/x", "files.src");
	WRITE(p, "/a/src/x", "files.src-2");
}

static void
test_add__short_forms_with_mistakes(void **state)
{
	static const char *const bad[] = { "files", "files read", "files read /a",
		"files read /a ", "files rw /a memory", "files read a memory",
		"files  read /a memory", "env", "env K", "env =V", "env K-1=V",
		"config x", "clock", "clock reel", "random", "random 5",
		"http GET", "http get https://x.y/", "sockets x.y:1",
		"files read /a host:${x}", "files read /a host:~/x", "", "x",
		"files read /a\nb memory" };
	writ_auto(writ_policy) p = empty();
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(p, bad[i], WRIT_INVALID);
	refuse(p, "files read /a overlay:host:x", WRIT_UNSUPPORTED);
}

static void
test_add__fragments(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nfiles:\n"
	    "  - { name: a, at: /a, from: memory, mode: write }\n");

	must_add(p, "files: [{ name: b, at: /a/b, from: memory }]");
	must_add(p, "deny: [{ name: d, files: { path: /a/x } }]");
	WRITE(p, "/a/y", "files.a");
	READ(p, "/a/b/y", "files.b");
	WRITE(p, "/a/x", "deny.d");
	refuse(p, "writ: 1", WRIT_INVALID);
	refuse(p, "limits: { memory: 1GiB }", WRIT_INVALID);
	refuse(p, "strict: false", WRIT_INVALID);
	refuse(p, "fils: []", WRIT_INVALID);
}

static void
test_add__what_is_there_already_is_refused(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nrandom: secure\n"
	    "clock: { wall: real }\nenv: { A: b }\nconfig: { c: d }\nfiles:\n"
	    "  - { name: a, at: /a, from: memory }\n"
	    "deny: [{ name: d, files: { path: /x } }]\n");

	refuse(p, "files: [{ name: a, at: /b, from: memory }]", WRIT_INVALID);
	refuse(p, "files: [{ name: d, at: /b, from: memory }]", WRIT_INVALID);
	refuse(p, "files: [{ name: b, at: /a, from: memory }]", WRIT_INVALID);
	refuse(p, "deny: [{ name: a, files: { path: /a } }]", WRIT_INVALID);
	refuse(p, "env A=c", WRIT_INVALID);
	refuse(p, "config c=e", WRIT_INVALID);
	refuse(p, "random trap", WRIT_INVALID);
	refuse(p, "clock real", WRIT_INVALID);
	assert_string_equal(p->env[0].value, "b");
}

static void
test_add__directories_are_literal(void **state)
{
	static const char *const hosts[] = { "/srv/a b", "~", "~/x", "$HOME/x",
		"a${b}", "./x:y", "a\"b'c#d", "ä" };
	writ_auto(writ_policy) p = empty();
	char guest[32], want[64];
	struct writ_err err;
	size_t i;

	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		(void)snprintf(guest, sizeof(guest), "/m$X/%zu", i);
		assert_int_equal(writ_policy_add_dir(p, writ_str_from(hosts[i]),
		    writ_str_from(guest), i % 2, &err), WRIT_OK);
	}
	assert_int_equal(p->files_count, 8);
	for (i = 0; i < 8; i++) {
		const char *host = hosts[i];

		(void)snprintf(want, sizeof(want), "%s%s",
		    host[0] == '~' ? "./" : "", host);
		assert_string_equal(p->files[i].from, want);
		(void)snprintf(guest, sizeof(guest), "/m$X/%zu", i);
		assert_string_equal(p->files[i].at, guest);
		assert_int_equal(p->files[i].write, i % 2);
	}
	assert_int_equal(writ_policy_add_dir(p, WRIT_STR(""), WRIT_STR("/q"),
	    false, &err), WRIT_INVALID);
	assert_int_equal(writ_policy_add_dir(p, WRIT_STR("a"), WRIT_STR("q"),
	    false, &err), WRIT_INVALID);
	assert_int_equal(writ_policy_add_dir(p, WRIT_STR("a\xff"),
	    WRIT_STR("/q"), false, &err), WRIT_INVALID);
}

static void
test_add__variables(void **state)
{
	writ_auto(writ_policy) p = empty();
	struct writ_err err;

	assert_int_equal(writ_policy_add_env(p, WRIT_STR("A"),
	    WRIT_STR("\"$x\\ \n~"), &err), WRIT_OK);
	assert_string_equal(p->env[0].value, "\"$x\\ \n~");
	assert_int_equal(writ_policy_add_env(p, WRIT_STR("A"), WRIT_STR("2"),
	    &err), WRIT_EXIST);
	assert_int_equal(writ_policy_add_env(p, WRIT_STR("A B"), WRIT_STR("2"),
	    &err), WRIT_INVALID);
	assert_int_equal(writ_policy_add_env(p, WRIT_STR("B"),
	    writ_str("a\0b", 3), &err), WRIT_INVALID);
	assert_int_equal(p->env_count, 1);
}

static void
test_add__every_addition_changes_the_digest(void **state)
{
	writ_auto(writ_policy) p = empty();
	writ_auto(writ_policy) q = empty();
	struct writ_digest before = p->digest;

	must_add(p, "env A=b");
	assert_memory_not_equal(&before, &p->digest, sizeof(before));
	must_add(q, "env A=b");
	assert_memory_equal(&q->digest, &p->digest, sizeof(before));
}

static void
test_add__mounts_are_bounded(void **state)
{
	writ_auto(writ_policy) p = empty();
	char text[64];
	size_t i;

	for (i = 0; i < WRIT_MOUNTS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "files read /%zu memory", i);
		must_add(p, text);
	}
	refuse(p, "files read /more memory", WRIT_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add__short_forms),
		cmocka_unit_test(test_add__short_forms_with_mistakes),
		cmocka_unit_test(test_add__fragments),
		cmocka_unit_test(test_add__what_is_there_already_is_refused),
		cmocka_unit_test(test_add__directories_are_literal),
		cmocka_unit_test(test_add__variables),
		cmocka_unit_test(test_add__every_addition_changes_the_digest),
		cmocka_unit_test(test_add__mounts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
