/* Decisions over files and over the kinds not built yet. */
#include "policy_test.h"

#define MOUNTS                                                         \
	"writ: 1\nfiles:\n"                                            \
	"  - { name: src, at: /src, from: \"host:./src\" }\n"          \
	"  - { name: out, at: /src/out, from: \"host:./o\", mode: write }\n" \
	"  - { name: tmp, at: /tmp, from: memory, mode: write }\n"

static void
test_decide__no_grant_covers_nothing(void **state)
{
	writ_auto(writ_policy) p = NULL;
	struct writ_err err;

	assert_int_equal(writ_policy_empty(&p, &err), WRIT_OK);
	READ(p, "/", "unmatched");
	READ(p, "/etc/passwd", "unmatched");
	WRITE(p, "/tmp/x", "unmatched");
}

static void
test_decide__longest_prefix_wins(void **state)
{
	writ_auto(writ_policy) p = must_parse(MOUNTS);

	READ(p, "/src", "files.src");
	READ(p, "/src/a/b", "files.src");
	WRITE(p, "/src/a", "files.src.mode");
	WRITE(p, "/src/out", "files.out");
	WRITE(p, "/src/out/a", "files.out");
	READ(p, "/src/outer", "files.src");
	WRITE(p, "/src/outer", "files.src.mode");
	READ(p, "/srcs", "unmatched");
	READ(p, "/", "unmatched");
	READ(p, "/sr", "unmatched");
}

static void
test_decide__a_mount_at_the_root_covers_all(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nfiles:\n"
	    "  - { name: r, at: /, from: memory, mode: write }\n");

	READ(p, "/", "files.r");
	WRITE(p, "/a/b/c", "files.r");
}

static void
test_decide__malformed_paths_are_refused(void **state)
{
	static const char *const bad[] = { "", "a", "src/a", "/src/", "//src",
		"/src//a", "/src/.", "/src/../x", "/..", "/src/\xff" };
	writ_auto(writ_policy) p = must_parse(MOUNTS);
	struct writ_request rq = { .kind = WRIT_REQ_FILES, .op = "open",
		.target = { "/src/a\0b", 8 } };
	struct writ_decision d;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		READ(p, bad[i], "malformed");
	writ_decide(p, &rq, &d);
	assert_string_equal(d.rule, "malformed");
	rq.kind = (enum writ_request_kind)77;
	writ_decide(p, &rq, &d);
	assert_int_equal(d.verdict, WRIT_REFUSE);
}

static void
test_decide__deny_beats_allow(void **state)
{
	writ_auto(writ_policy) p = must_parse(MOUNTS "deny:\n"
	    "  - { name: k, files: { path: \"/src/**/*.txt\" } }\n"
	    "  - { name: d, files: { path: /tmp/no } }\n"
	    "  - { name: w, files: { path: /tmp/ro, mode: write } }\n");

	READ(p, "/src/a.txt", "deny.k");
	READ(p, "/src/x/y/a.txt", "deny.k");
	WRITE(p, "/src/out/a.txt", "deny.k");
	READ(p, "/src/a.txt/below", "deny.k");
	READ(p, "/src/a.text", "files.src");
	READ(p, "/tmp/no", "deny.d");
	READ(p, "/tmp/no/x", "deny.d");
	READ(p, "/tmp/nope", "files.tmp");
	READ(p, "/tmp/ro/x", "files.tmp");
	WRITE(p, "/tmp/ro/x", "deny.w");
}

static void
test_decide__a_denied_path_cannot_be_carried_away(void **state)
{
	writ_auto(writ_policy) p = must_parse(MOUNTS "deny:\n"
	    "  - { name: d, files: { path: /tmp/a/b/secret } }\n"
	    "  - { name: e, files: { path: \"/src/out/*/x\" } }\n");

	check_rule(p, "/tmp/a", true, WRIT_HOW_TREE, "deny.d");
	check_rule(p, "/tmp/a/b", true, WRIT_HOW_TREE, "deny.d");
	check_rule(p, "/tmp/a/c", true, WRIT_HOW_TREE, "files.tmp");
	check_rule(p, "/tmp/ab", true, WRIT_HOW_TREE, "files.tmp");
	check_rule(p, "/src/out/q", true, WRIT_HOW_TREE, "deny.e");
	check_rule(p, "/src/out/q/y", true, WRIT_HOW_TREE, "files.out");
	check_rule(p, "/tmp/a", true, WRIT_HOW_ITSELF, "files.tmp");
}

static void
test_decide__deny_of_the_root_denies_all(void **state)
{
	writ_auto(writ_policy) p = must_parse(MOUNTS
	    "deny: [{ name: all, files: { path: / } }]\n");

	READ(p, "/", "deny.all");
	READ(p, "/src/a", "deny.all");
	check_rule(p, "/tmp/a", true, WRIT_HOW_TREE, "deny.all");
}

static void
test_decide__protected_names_are_refused_for_change(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nfiles:\n"
	    "  - { name: w, at: /w, from: \"host:./w\", mode: write }\n"
	    "  - { name: o, at: /o, from: \"host:./o\", mode: write, "
	    "protected: [.git/hooks, .env] }\n"
	    "  - { name: m, at: /m, from: memory, mode: write }\n");

	WRITE(p, "/w/.git/hooks/pre-commit", "protected.git-hooks");
	WRITE(p, "/w/sub/.git/hooks", "protected.git-hooks");
	WRITE(p, "/w/.GIT/Hooks/x", "protected.git-hooks");
	READ(p, "/w/.git/hooks/pre-commit", "files.w");
	WRITE(p, "/w/.git/index", "files.w");
	WRITE(p, "/w/git/hooks", "files.w");
	WRITE(p, "/w/.bashrc", "protected.bashrc");
	WRITE(p, "/w/.bashrc2", "files.w");
	WRITE(p, "/w/.vscode/tasks.json", "protected.vscode");
	WRITE(p, "/w/a.writ.yaml", "protected.writ");
	WRITE(p, "/w/.config/writ/settings", "protected.writ");
	WRITE(p, "/w/.cache/writ/key", "protected.writ-cache");
	WRITE(p, "/w/.cache/other/key", "files.w");
	WRITE(p, "/w/.local/state/writ/audit/x", "protected.writ-state");
	check_rule(p, "/w/.local", true, WRIT_HOW_TREE, "protected.writ-state");
	WRITE(p, "/w/AGENTS.md", "protected.agents-md");
	WRITE(p, "/w/x/.mcp.json", "protected.mcp");
	WRITE(p, "/o/.git/hooks/x", "files.o");
	WRITE(p, "/o/.git/config", "protected.git-config");
	READ(p, "/o/.env", "files.o");
	WRITE(p, "/m/.git/hooks/x", "files.m");
}

static void
test_decide__keys_are_refused_for_reading_too(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nfiles:\n"
	    "  - { name: r, at: /r, from: \"host:./r\" }\n");

	READ(p, "/r/.env", "protected.env");
	READ(p, "/r/.env.local", "protected.env");
	READ(p, "/r/a/id_rsa", "protected.key");
	READ(p, "/r/id_rsa.pub", "files.r");
	READ(p, "/r/.ssh", "protected.ssh");
	READ(p, "/r/u/.cache/writ/key", "protected.writ-cache");
	READ(p, "/r/u/.local/state/writ/audit", "protected.writ-state");
	READ(p, "/r/.config/writ", "files.r");
	READ(p, "/r/.cache/writer", "files.r");
	READ(p, "/r/.ssh/known_hosts", "protected.ssh");
	READ(p, "/r/server.pem", "protected.pem");
	READ(p, "/r/environment", "files.r");
	check_rule(p, "/r/.env", false, WRIT_HOW_META, "files.r");
}

static void
test_decide__folders_of_protected_names_stay_in_place(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nfiles:\n"
	    "  - { name: w, at: /w, from: \"host:./w\", mode: write }\n");

	check_rule(p, "/w/.git", true, WRIT_HOW_TREE, "protected.git-hooks");
	check_rule(p, "/w/.git", true, WRIT_HOW_ITSELF, "protected.git-hooks");
	check_rule(p, "/w/.git", true, WRIT_HOW_MKDIR, "files.w");
	check_rule(p, "/w/repo", true, WRIT_HOW_TREE, "files.w");
	check_rule(p, "/w/.ssh", true, WRIT_HOW_MKDIR, "protected.ssh");
}

static void
test_decide__a_mount_of_a_protected_folder_is_judged(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nfiles:\n"
	    "  - { name: g, at: /g, from: \"host:./repo/.git\", mode: write }\n"
	    "  - { name: s, at: /s, from: \"host:/home/u/.ssh/\" }\n"
	    "  - { name: h, at: /h, from: \"host:.git//hooks\", mode: write }\n");

	WRITE(p, "/g/hooks/pre-commit", "protected.git-hooks");
	WRITE(p, "/g/index", "files.g");
	READ(p, "/s/known_hosts", "protected.ssh");
	WRITE(p, "/h/pre-commit", "protected.git-hooks");
}

static void
check_other(enum writ_request_kind kind, const char *target, const char *reason)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\n");
	const struct writ_request rq = { .kind = kind, .op = "GET",
		.target = writ_str_from(target) };
	struct writ_decision d;

	writ_decide(p, &rq, &d);
	assert_int_equal(d.verdict, WRIT_REFUSE);
	assert_null(d.grant);
	assert_string_equal(d.reason, reason);
}

static void
test_decide__other_kinds_are_unmatched(void **state)
{
	check_other(WRIT_REQ_HTTP, "https://evil.test/collect?x=1",
	    "no http entry covers https://evil.test/collect?x=1");
	check_other(WRIT_REQ_HTTP, "https://evil.test/../x",
	    "the URL is refused: a dot segment in the path");
	check_other(WRIT_REQ_SOCKETS, "tcp://db:5432",
	    "no sockets entry covers tcp://db:5432");
	check_other(WRIT_REQ_KEYVALUE, "memo",
	    "no keyvalue entry covers bucket memo");
	check_other(WRIT_REQ_BLOBS, "c\x1b[m",
	    "no blobs entry covers container c?[m");
	check_other(WRIT_REQ_SPAWN, "t", "no spawn entry covers tool t");
}

static void
check_tool(const struct writ_policy *p, enum writ_request_kind kind,
    const char *target, enum writ_verdict verdict, const char *rule)
{
	const struct writ_request rq = { .kind = kind, .op = "call",
		.write = true, .target = writ_str_from(target) };
	struct writ_decision d;

	writ_decide(p, &rq, &d);
	assert_string_equal(d.rule, rule);
	assert_int_equal(d.verdict, verdict);
	assert_true(d.reason[0] != '\0');
}

static void
test_decide__spawn(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nrandom: secure\nspawn:\n"
	    "  - { name: a, tool: Issues_find, depth: 2, calls: 10 }\n"
	    "  - { name: b, tool: issues_close, depth: 1, calls: 1 }\n"
	    "deny:\n"
	    "  - { name: z, spawn: { tool: issues_close } }\n"
	    "  - { name: c, spawn: { tool: issues_close } }\n");
	const struct writ_spawn_grant *g;

	check_tool(p, WRIT_REQ_SPAWN, "Issues_find", WRIT_ALLOW, "spawn.a");
	check_tool(p, WRIT_REQ_SPAWN, "issues_find", WRIT_REFUSE, "unmatched");
	check_tool(p, WRIT_REQ_SPAWN, "issues_close", WRIT_REFUSE, "deny.c");
	check_tool(p, WRIT_REQ_SPAWN, "Issues_find\x1b", WRIT_REFUSE,
	    "malformed");
	check_tool(p, WRIT_REQ_SPAWN, "", WRIT_REFUSE, "malformed");
	g = writ_policy_spawn(p, WRIT_STR("Issues_find"));
	assert_non_null(g);
	assert_int_equal(g->depth, 2);
	assert_int_equal(g->calls, 10);
	assert_null(writ_policy_spawn(p, WRIT_STR("Issues")));
}

static void
test_decide__client(void **state)
{
	writ_auto(writ_policy) none = must_parse("writ: 1\n");
	writ_auto(writ_policy) p = must_parse("writ: 1\nclient: [log, elicit]\n");
	static const char *const words[] = { "progress", "log", "elicit",
		"sample", "roots" };
	size_t i;

	for (i = 0; i < 5; i++)
		check_tool(none, WRIT_REQ_CLIENT, words[i], WRIT_REFUSE,
		    "unmatched");
	check_tool(p, WRIT_REQ_CLIENT, "log", WRIT_ALLOW, "client.log");
	check_tool(p, WRIT_REQ_CLIENT, "elicit", WRIT_ALLOW, "client.elicit");
	check_tool(p, WRIT_REQ_CLIENT, "sample", WRIT_REFUSE, "unmatched");
	check_tool(p, WRIT_REQ_CLIENT, "Log", WRIT_REFUSE, "malformed");
	check_tool(p, WRIT_REQ_CLIENT, "", WRIT_REFUSE, "malformed");
}

static void
test_decide__reasons_are_cut_whole(void **state)
{
	writ_auto(writ_policy) p = must_parse(MOUNTS);
	char path[4000] = "/x/";
	struct writ_decision d;
	size_t i;

	for (i = 3; i + 3 < 240; i += 2)
		memcpy(path + i, "\xc3\xa4", 2);
	d = judge_file(p, path, false, WRIT_HOW_ITSELF);
	assert_true(writ_str_utf8(writ_str_from(d.reason)));
	assert_non_null(strstr(d.reason, "..."));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide__no_grant_covers_nothing),
		cmocka_unit_test(test_decide__longest_prefix_wins),
		cmocka_unit_test(test_decide__a_mount_at_the_root_covers_all),
		cmocka_unit_test(test_decide__malformed_paths_are_refused),
		cmocka_unit_test(test_decide__deny_beats_allow),
		cmocka_unit_test(
		    test_decide__a_denied_path_cannot_be_carried_away),
		cmocka_unit_test(test_decide__deny_of_the_root_denies_all),
		cmocka_unit_test(
		    test_decide__protected_names_are_refused_for_change),
		cmocka_unit_test(test_decide__keys_are_refused_for_reading_too),
		cmocka_unit_test(
		    test_decide__folders_of_protected_names_stay_in_place),
		cmocka_unit_test(
		    test_decide__a_mount_of_a_protected_folder_is_judged),
		cmocka_unit_test(test_decide__other_kinds_are_unmatched),
		cmocka_unit_test(test_decide__spawn),
		cmocka_unit_test(test_decide__client),
		cmocka_unit_test(test_decide__reasons_are_cut_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
