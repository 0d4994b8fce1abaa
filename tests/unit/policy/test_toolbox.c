/* The documents of tests/data/toolbox, and what is made of a toolbox. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/lookalike.h"
#include "policy/text.h"
#include "policy/toolbox.h"
#include "policy_test.h"

struct text {
	char bytes[WRIT_MIB];
	size_t len;
};

static void
load(const char *dir, const char *name, struct text *out)
{
	const char *root = getenv("WRIT_TEST_DATA");
	char path[1024];
	FILE *f;

	assert_non_null(root);
	(void)snprintf(path, sizeof(path), "%s/toolbox/%s/%s", root, dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	out->len = fread(out->bytes, 1, sizeof(out->bytes) - 1, f);
	out->bytes[out->len] = '\0';
	(void)fclose(f);
}

static void
check(const char *dir, const char *name, struct text *t, size_t *wrong)
{
	char want[WRIT_ERR_MSG_MAX] = "f";
	struct writ_toolbox *box = NULL;
	struct writ_err err = { 0 };
	struct writ_str rest, line;
	enum writ_status st;
	const char *at;

	load(dir, name, t);
	st = writ_toolbox_parse(writ_str(t->bytes, t->len), "f", &box, &err);
	if (!strcmp(dir, "accept")) {
		if (st != WRIT_OK)
			fail_msg("accept/%s: %s", name, err.msg);
		writ_toolbox_free(box);
		return;
	}
	assert_null(box);
	at = strstr(t->bytes, "# expect: ");
	assert_non_null(at);
	line = writ_str_cut(writ_str_from(at + strlen("# expect: ")), '\n', &rest);
	assert_int_equal(writ_str_cstr(line, want + 1, sizeof(want) - 1), WRIT_OK);
	if (strcmp(want, err.msg))
		print_error("reject/%s: want \"%s\" got \"%s\"\n", name, want,
		    err.msg);
	*wrong += strcmp(want, err.msg) != 0;
	assert_true(st == WRIT_INVALID || st == WRIT_LIMIT);
	assert_int_equal(err.status, st);
}

static size_t
check_all(const char *dir)
{
	const char *root = getenv("WRIT_TEST_DATA");
	struct text *t = calloc(1, sizeof(*t));
	struct dirent *e;
	char path[1024];
	size_t n = 0, wrong = 0;
	DIR *d;

	assert_non_null(root);
	assert_non_null(t);
	(void)snprintf(path, sizeof(path), "%s/toolbox/%s", root, dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (!strstr(e->d_name, ".yaml"))
			continue;
		check(dir, e->d_name, t, &wrong);
		n++;
	}
	(void)closedir(d);
	free(t);
	assert_int_equal(wrong, 0);
	return n;
}

static void
test_toolbox__accepted_documents(void **state)
{
	assert_true(check_all("accept") >= 2);
}

static void
test_toolbox__rejected_with_place_and_reason(void **state)
{
	assert_true(check_all("reject") >= 60);
}

/* ---- what is read */

static struct writ_toolbox *
must_read(const char *doc)
{
	struct writ_toolbox *t = NULL;
	struct writ_err err = { 0 };

	if (writ_toolbox_parse(writ_str_from(doc), "t", &t, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	return t;
}

#define IS(s, c) assert_true(writ_str_is((s), (c)))

static void
test_toolbox__fields_and_defaults(void **state)
{
	writ_auto(writ_toolbox) t = must_read("toolbox: 1\nname: Box.1\ntools:\n"
	    "  - { name: a, component: ./a.wasm, functions: all }\n"
	    "  - { name: b, component: ./b.wasm, writ: ./w.yaml, session: named,\n"
	    "      annotations: { readOnly: true, openWorld: false },\n"
	    "      limits: { time: 2s, output: 3KiB, concurrency: 5, idle: 1m, "
	    "sessions: 7 },\n"
	    "      functions: [x, { export: \"n:p/i@1.0.0#y\" }, { export: z, "
	    "name: q, listed: false, annotations: { destructive: true } }] }\n");
	const struct writ_toolbox_group *a = &t->groups[0], *b = &t->groups[1];

	assert_int_equal(t->groups_count, 2);
	assert_true(a->all && a->listed && !a->writ.ptr);
	assert_int_equal(a->session, WRIT_TOOLBOX_PER_CALL);
	assert_int_equal(a->limits.time_ms, 0);
	assert_int_equal(a->limits.output_bytes, WRIT_DEFAULT_TOOL_OUTPUT);
	assert_int_equal(a->limits.concurrency, WRIT_DEFAULT_TOOL_CONCURRENCY);
	assert_int_equal(a->limits.idle_ms, WRIT_DEFAULT_TOOL_IDLE_MS);
	assert_int_equal(a->limits.sessions, WRIT_DEFAULT_TOOL_SESSIONS);
	assert_int_equal(b->functions_count, 3);
	assert_int_equal(b->session, WRIT_TOOLBOX_NAMED);
	assert_int_equal(b->limits.time_ms, 2000);
	assert_int_equal(b->limits.output_bytes, 3072);
	assert_int_equal(b->limits.concurrency, 5);
	assert_int_equal(b->limits.idle_ms, 60000);
	assert_int_equal(b->limits.sessions, 7);
	IS(b->writ, "./w.yaml");
	IS(b->functions[0].name, "b_x");
	IS(b->functions[1].name, "b_y");
	IS(b->functions[1].export_name, "n:p/i@1.0.0#y");
	IS(b->functions[2].name, "q");
	assert_false(b->functions[2].listed);
	assert_int_equal(b->functions[0].notes.read_only, WRIT_TOOLBOX_YES);
	assert_int_equal(b->functions[0].notes.open_world, WRIT_TOOLBOX_NO);
	assert_int_equal(b->functions[2].notes.read_only, WRIT_TOOLBOX_UNSAID);
	assert_int_equal(b->functions[2].notes.destructive, WRIT_TOOLBOX_YES);
}

static void
test_toolbox__an_unlisted_group_lists_nothing(void **state)
{
	writ_auto(writ_toolbox) t = must_read("toolbox: 1\nname: t\ntools:\n"
	    "  - { name: a, component: ./a.wasm, listed: false, functions: [x, "
	    "{ export: z, listed: true }] }\n"
	    "  - { name: b, component: ./a.wasm, functions: [x] }\n");

	assert_false(t->groups[0].functions[0].listed);
	assert_false(t->groups[0].functions[1].listed);
	assert_true(t->groups[1].functions[0].listed);
}

static void
test_toolbox__exports_are_selected(void **state)
{
	static const struct {
		const char *written, *full;
		bool yes;
	} v[] = {
		{ "find", "find", true }, { "find", "finds", false },
		{ "find", "a:b/c@1.0.0#find", true },
		{ "find", "a:b/c#find", true },
		{ "find", "a:b/c#find-all", false },
		{ "a:b/c#find", "a:b/c@1.0.0#find", true },
		{ "a:b/c#find", "a:b/cc@1.0.0#find", false },
		{ "a:b/c#find", "a:b/c@1.0.0#find2", false },
		{ "a:b/c@1.0.1#find", "a:b/c@1.0.0#find", false },
		{ "a:b/c@1.0.0#find", "a:b/c@1.0.0#find", true },
		{ "a:b/c#find", "find", false },
	};
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (writ_toolbox_selects(writ_str_from(v[i].written),
		    writ_str_from(v[i].full)) != v[i].yes)
			fail_msg("%s %s", v[i].written, v[i].full);
}

static void
test_toolbox__names_of_tools(void **state)
{
	char out[WRIT_TOOL_NAME_MAX + 1], long_name[200];
	struct writ_err err = { 0 };

	memset(long_name, 'x', sizeof(long_name));
	assert_int_equal(writ_toolbox_name(WRIT_STR("g"),
	    WRIT_STR("a:b/c@1.0.0#f-x"), out, &err), WRIT_OK);
	assert_string_equal(out, "g_f-x");
	assert_int_equal(writ_toolbox_name(WRIT_STR("g"), WRIT_STR("f y"), out,
	    &err), WRIT_INVALID);
	assert_int_equal(writ_toolbox_name(WRIT_STR("g"), WRIT_STR("a#"), out,
	    &err), WRIT_INVALID);
	assert_int_equal(writ_toolbox_name(WRIT_STR("g"),
	    writ_str(long_name, 126), out, &err), WRIT_OK);
	assert_int_equal(strlen(out), 128);
	assert_int_equal(writ_toolbox_name(WRIT_STR("g"),
	    writ_str(long_name, 127), out, &err), WRIT_INVALID);
}

/* ---- prompts and templates */

static void
check_expand(const struct writ_toolbox_prompt *p, const char *text,
    const char *want)
{
	const struct writ_str values[] = { WRIT_STR("{{b}}"), { NULL, 0 } };
	writ_auto_release(writ_buf) out;

	writ_buf_init(&out, 4096);
	writ_toolbox_expand(p, writ_str_from(text), values, &out);
	if (!writ_str_is(writ_buf_view(&out), want))
		fail_msg("%s: %.*s", text, (int)out.len, (char *)out.ptr);
}

static void
test_toolbox__prompts_are_filled_in(void **state)
{
	writ_auto(writ_toolbox) t = must_read("toolbox: 1\nname: t\nprompts:\n"
	    "  - { name: p, arguments: [{ name: a }, { name: b }], messages: "
	    "[{ role: user, text: x }] }\n");
	const struct writ_toolbox_prompt *p = &t->prompts[0];

	check_expand(p, "", "");
	check_expand(p, "no holes {a} }}", "no holes {a} }}");
	check_expand(p, "<{{a}}|{{b}}|{{a}}>", "<{{b}}||{{b}}>");
	check_expand(p, "{{}}a}}{{}}{{}}", "{{a}}{{{{");
	check_expand(p, "{{{a}}", "");
}

static void
check_match(const char *template, const char *uri, const char *want)
{
	struct writ_str values[WRIT_TOOLBOX_VARIABLES_MAX];
	writ_auto_release(writ_buf) got;
	char doc[1024];
	size_t i;

	(void)snprintf(doc, sizeof(doc), "toolbox: 1\nname: t\ntools: [{ name: "
	    "g, component: c, functions: all }]\nresources: [{ name: r, "
	    "template: \"%s\", tool: g_x }]\n", template);
	writ_auto(writ_toolbox) t = must_read(doc);
	if (writ_toolbox_match(&t->resources[0], writ_str_from(uri), values) !=
	    (want != NULL))
		fail_msg("%s %s", template, uri);
	writ_buf_init(&got, 4096);
	for (i = 0; want && i < t->resources[0].variables_count; i++) {
		writ_buf_str(&got, t->resources[0].variables[i].name);
		writ_buf_char(&got, '=');
		assert_int_equal(writ_toolbox_decode(values[i], &got), WRIT_OK);
		writ_buf_char(&got, ';');
	}
	if (want && !writ_str_is(writ_buf_view(&got), want))
		fail_msg("%s %s: %.*s", template, uri, (int)got.len,
		    (char *)got.ptr);
}

static void
test_toolbox__templates_match(void **state)
{
	check_match("t://{id}/data", "t://1/data", "id=1;");
	check_match("t://{id}/data", "t://a%20b%2Fc/data", "id=a b/c;");
	check_match("t://{id}/data", "t://1/2/data", NULL);
	check_match("t://{id}/data", "t:///data", NULL);
	check_match("t://{id}/data", "t://1/data/", NULL);
	check_match("t://{id}/data", "T://1/data", NULL);
	check_match("t://{id}/data", "t://%2/data", NULL);
	check_match("t://{id}/data", "t://1 2/data", NULL);
	check_match("t://{id}", "t://..", "id=..;");
	check_match("t://{a}/x?q={b}&r={c}", "t://1/x?q=2&r=3", "a=1;b=2;c=3;");
	check_match("t://{a}/x?q={b}&r={c}", "t://1/x?q=2", NULL);
	check_match("t://{a}", "", NULL);
}

static void
test_toolbox__decoding_gives_text_only(void **state)
{
	static const char *const bad[] = { "%00", "%ff", "%", "%4", "%zz",
		"%c0%80", "%ed%a0%80" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		writ_auto_release(writ_buf) out;

		writ_buf_init(&out, 64);
		assert_int_equal(writ_toolbox_decode(writ_str_from(bad[i]), &out),
		    WRIT_INVALID);
	}
}

/* ---- names and texts */

static void
check_alike(const char *a, const char *b, bool alike)
{
	writ_auto_release(writ_lookalike) l;
	struct writ_err err = { 0 };
	enum writ_status st;

	writ_lookalike_init(&l, 2);
	assert_int_equal(writ_lookalike_add(&l, writ_str_from(a), &err), WRIT_OK);
	st = writ_lookalike_add(&l, writ_str_from(b), &err);
	if (st != (alike ? WRIT_EXIST : WRIT_OK))
		fail_msg("%s %s: %s", a, b, err.msg);
	if (alike)
		assert_true(strstr(err.msg, a) && strstr(err.msg, b));
}

static void
test_lookalike__names(void **state)
{
	writ_auto_release(writ_lookalike) l;
	char big[WRIT_TOOL_NAME_MAX + 1];

	check_alike("read", "READ", true);
	check_alike("go0d", "good", true);
	check_alike("go0d", "gOOd", true);
	check_alike("file1", "fiIel", true);
	check_alike("fi1e", "file", true);
	check_alike("fIle", "flle", true);
	check_alike("modern", "rnodem", true);
	check_alike("view", "vievv", true);
	check_alike("a-b", "a_b", true);
	check_alike("a.b", "a_-b", true);
	check_alike("a.b", "ab", false);
	check_alike("read", "reads", false);
	check_alike("list", "last", false);
	writ_lookalike_init(&l, 4);
	memset(big, 'm', sizeof(big));
	assert_int_equal(writ_lookalike_add(&l, writ_str(big, 128), NULL),
	    WRIT_OK);
	assert_int_equal(writ_lookalike_add(&l, writ_str(big, 129), NULL),
	    WRIT_INVALID);
	assert_int_equal(writ_lookalike_add(&l, WRIT_STR(""), NULL),
	    WRIT_INVALID);
	assert_int_equal(writ_lookalike_add(&l, WRIT_STR("caf\xc3\xa9"), NULL),
	    WRIT_INVALID);
	assert_int_equal(writ_lookalike_add(&l,
	    writ_str_from(WRIT_TOOLBOX_REQUEST_TOOL), NULL), WRIT_INVALID);
	assert_true(writ_lookalike_reserved(WRIT_STR("VVr1t-x")));
	assert_false(writ_lookalike_reserved(WRIT_STR("write_file")));
}

static void
test_text__hidden_is_refused(void **state)
{
	static const char *const good[] = { "", "plain", "two\nlines\tand tab",
		"caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80",
		"\xe2\x9d\xa4\xef\xb8\x8f", "1\xef\xb8\x8f\xe2\x83\xa3",
		"e\xcc\x81" };
	static const char *const bad[] = { "\r", "\x1b[0m", "\x7f", "\xc2\x9b",
		"\xe2\x80\x8b", "\xe2\x80\x8d", "\xe2\x80\xae",
		"\xe2\x81\xa6", "\xe2\x81\xa0", "\xef\xbb\xbf", "\xc2\xad",
		"\xd8\x9c", "\xf3\xa0\x81\x81", "\xf3\xa0\x84\x80",
		"a\xef\xb8\x8f", "\xe2\x9d\xa4\xef\xb8\x8f\xef\xb8\x8f",
		"\xef\xb8\x80", "\xed\xa0\x80", "\xc0\x80", "\xf8",
		"\xe2\x80\xa8", "\xef\xbf\xbf", "\xf0\x9f\xbf\xbf",
		"\xe3\x85\xa4", "\xe1\xa0\x8e", "\xef\xbf\xb9" };
	char big[WRIT_TEXT_MAX + 1];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(writ_text_check(writ_str_from(good[i]), "t",
		    NULL), WRIT_OK);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (writ_text_check(writ_str_from(bad[i]), "t", NULL) !=
		    WRIT_INVALID)
			fail_msg("bad text %zu was taken", i);
	memset(big, 'a', sizeof(big));
	assert_int_equal(writ_text_check(writ_str(big, WRIT_TEXT_MAX), "t", NULL),
	    WRIT_OK);
	assert_int_equal(writ_text_check(writ_str(big, sizeof(big)), "t", NULL),
	    WRIT_LIMIT);
	memset(big, ' ', 129);
	assert_int_equal(writ_text_check(writ_str(big, 128), "t", NULL), WRIT_OK);
	assert_int_equal(writ_text_check(writ_str(big, 129), "t", NULL),
	    WRIT_INVALID);
	for (i = 0; i < 9; i++)
		memcpy(big + 1 + 2 * i, "\xcc\x81", 2);
	assert_int_equal(writ_text_check(writ_str(big, 17), "t", NULL), WRIT_OK);
	assert_int_equal(writ_text_check(writ_str(big, 19), "t", NULL),
	    WRIT_INVALID);
}

#define TRIES_MAX 5000

static void
test_toolbox__every_allocation_fails_once(void **state)
{
	struct text *t = calloc(1, sizeof(*t));
	enum writ_status st = WRIT_NOMEM;
	long n;

	assert_non_null(t);
	load("accept", "issues.yaml", t);
	for (n = 0; st != WRIT_OK && n < TRIES_MAX; n++) {
		struct writ_toolbox *box = NULL;
		struct writ_err err = { 0 };

		writ_mem_fail_after(n);
		st = writ_toolbox_parse(writ_str(t->bytes, t->len), "t", &box,
		    &err);
		writ_mem_fail_after(-1);
		assert_true(st == WRIT_OK ? box != NULL : box == NULL);
		if (st != WRIT_OK)
			assert_int_equal(st, WRIT_NOMEM);
		writ_toolbox_free(box);
	}
	free(t);
	assert_int_equal(st, WRIT_OK);
	assert_true(n > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_toolbox__accepted_documents),
		cmocka_unit_test(test_toolbox__rejected_with_place_and_reason),
		cmocka_unit_test(test_toolbox__fields_and_defaults),
		cmocka_unit_test(test_toolbox__an_unlisted_group_lists_nothing),
		cmocka_unit_test(test_toolbox__exports_are_selected),
		cmocka_unit_test(test_toolbox__names_of_tools),
		cmocka_unit_test(test_toolbox__prompts_are_filled_in),
		cmocka_unit_test(test_toolbox__templates_match),
		cmocka_unit_test(test_toolbox__decoding_gives_text_only),
		cmocka_unit_test(test_lookalike__names),
		cmocka_unit_test(test_text__hidden_is_refused),
		cmocka_unit_test(test_toolbox__every_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
