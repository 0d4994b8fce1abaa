/* Locks: what is written is read again, and every change is seen and shown. */
#include <stdio.h>

#include "base/json.h"
#include "base/limits.h"
#include "policy/lock.h"
#include "policy_test.h"

#define TRIES_MAX 5000

static const char old_writ[] = "writ: 1\nfiles:\n"
    "  - { name: out, at: /out, from: \"host:./out\" }\n";

/* Facts that a test may change. */
struct facts {
	struct writ_lock lock;
	struct writ_lock_tool tools[2];
	struct writ_lock_function functions[3];
	struct writ_str imports[2];
};

static void
make_facts(struct facts *f)
{
	*f = (struct facts){
		.functions = {
			{ WRIT_STR("issues_triage"), WRIT_STR("triage"), true,
			    WRIT_STR("Triage"),
			    WRIT_STR("First line.\nSecond line.\nThird line."),
			    { .read_only = WRIT_TOOLBOX_YES },
			    WRIT_STR("{\"type\":\"object\",\"properties\":{}}"),
			    WRIT_STR("{\"type\":\"string\"}") },
			{ WRIT_STR("issues_close"), WRIT_STR("a:b/c@1.0.0#close"),
			    false, { NULL, 0 }, { NULL, 0 }, { 0 },
			    WRIT_STR("{\"type\":\"object\"}"), { NULL, 0 } },
			{ WRIT_STR("notes_read"), WRIT_STR("read"), true,
			    { NULL, 0 }, WRIT_STR("Reads."), { 0 },
			    WRIT_STR("{\"type\":\"object\"}"), { NULL, 0 } },
		},
		.imports = { WRIT_STR("wasi:io/streams@0.2.0"),
		    WRIT_STR("wasi:cli/stdin@0.2.0") },
	};
	f->tools[0] = (struct writ_lock_tool){ .name = WRIT_STR("issues"),
		.writ_file = WRIT_STR("./issues.writ.yaml"),
		.writ = writ_str_from(old_writ), .imports = f->imports,
		.imports_count = 2, .functions = f->functions,
		.functions_count = 2 };
	f->tools[1] = (struct writ_lock_tool){ .name = WRIT_STR("notes"),
		.functions = &f->functions[2], .functions_count = 1 };
	f->lock = (struct writ_lock){ .instructions = WRIT_STR("Be kind."),
		.tools = f->tools, .tools_count = 2 };
}

static void
make_text(const struct facts *f, struct writ_buf *out)
{
	struct writ_err err = { 0 };

	writ_buf_init(out, WRIT_LOCK_MAX);
	if (writ_lock_make(&f->lock, out, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
}

static struct writ_lock *
read_back(const struct facts *f)
{
	writ_auto_release(writ_buf) text;
	struct writ_lock *l = NULL;
	struct writ_err err = { 0 };

	make_text(f, &text);
	if (writ_lock_parse(writ_buf_view(&text), "t.lock", &l, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	return l;
}

static void
test_lock__reads_what_it_wrote(void **state)
{
	writ_auto_release(writ_buf) text;
	writ_auto_release(writ_buf) again;
	writ_auto_release(writ_buf) diff;
	struct facts f;
	struct writ_err err = { 0 };

	make_facts(&f);
	make_text(&f, &text);
	writ_auto(writ_lock) l = read_back(&f);
	writ_buf_init(&again, WRIT_LOCK_MAX);
	assert_int_equal(writ_lock_make(l, &again, &err), WRIT_OK);
	assert_true(writ_str_eq(writ_buf_view(&text), writ_buf_view(&again)));
	writ_buf_init(&diff, 65536);
	assert_true(writ_lock_same(l, &f.lock, &diff));
	assert_true(writ_lock_same(&f.lock, l, NULL));
	assert_int_equal(diff.len, 0);
}

static void
test_lock__order_of_facts_does_not_show(void **state)
{
	writ_auto_release(writ_buf) text;
	writ_auto_release(writ_buf) again;
	struct writ_lock_function moved;
	struct writ_lock_tool tool;
	struct writ_str import;
	struct facts f;

	make_facts(&f);
	make_text(&f, &text);
	writ_auto(writ_lock) l = read_back(&f);
	moved = f.functions[0];
	f.functions[0] = f.functions[1];
	f.functions[1] = moved;
	import = f.imports[0];
	f.imports[0] = f.imports[1];
	f.imports[1] = import;
	tool = f.tools[0];
	f.tools[0] = f.tools[1];
	f.tools[1] = tool;
	make_text(&f, &again);
	assert_true(writ_str_eq(writ_buf_view(&text), writ_buf_view(&again)));
	assert_true(writ_lock_same(l, &f.lock, NULL));
}

/* After `f` was changed: not the same, and the diff begins or goes on with `shown`. */
static void
check_change(const struct facts *f, const char *shown)
{
	writ_auto_release(writ_buf) diff;
	writ_auto_release(writ_buf) tiny;
	struct facts old;

	make_facts(&old);
	writ_auto(writ_lock) l = read_back(&old);
	writ_buf_init(&diff, 65536);
	writ_buf_init(&tiny, 3);
	assert_false(writ_lock_same(l, &f->lock, &diff));
	assert_false(writ_lock_same(l, &f->lock, NULL));
	assert_false(writ_lock_same(l, &f->lock, &tiny));
	writ_buf_char(&diff, '\0');
	if (!strstr((const char *)diff.ptr, shown))
		fail_msg("want \"%s\" in \"%s\"", shown, (const char *)diff.ptr);
}

static void
test_lock__every_change_is_seen(void **state)
{
	struct facts f;

#define CHANGE(what, shown)          \
	do {                         \
		make_facts(&f);      \
		f.what;              \
		check_change(&f, shown); \
	} while (0)
	CHANGE(functions[0].description = WRIT_STR("First line.\nEvil.\n"
	    "Third line."), "tool issues_triage: description changed:\n"
	    "  - Second line.\n  + Evil.\n");
	CHANGE(functions[0].description = writ_str(NULL, 0),
	    "  - First line.\n  - Second line.\n  - Third line.\n");
	CHANGE(functions[1].description = WRIT_STR("New."),
	    "tool issues_close: description changed:\n  + New.\n");
	CHANGE(functions[0].title = WRIT_STR("Triages"),
	    "tool issues_triage: title changed:\n  - Triage\n  + Triages\n");
	CHANGE(functions[0].notes.read_only = WRIT_TOOLBOX_NO,
	    "annotations changed:\n  - readOnly yes, destructive unsaid");
	CHANGE(functions[0].notes.destructive = WRIT_TOOLBOX_NO, "annotations");
	CHANGE(functions[0].notes.idempotent = WRIT_TOOLBOX_NO, "annotations");
	CHANGE(functions[0].notes.open_world = WRIT_TOOLBOX_NO, "annotations");
	CHANGE(functions[0].input = WRIT_STR("{\"type\":\"object\","
	    "\"properties\":{\"a\":{}}}"), "tool issues_triage: arguments "
	    "changed:\n");
	CHANGE(functions[0].output = writ_str(NULL, 0),
	    "tool issues_triage: results changed:\n");
	CHANGE(functions[1].output = WRIT_STR("{}"), "results changed:\n  + {");
	CHANGE(functions[0].listed = false, "is not shown to clients any more");
	CHANGE(functions[1].listed = true, "is shown to clients now");
	CHANGE(functions[1].export_name = WRIT_STR("a:b/c@1.0.1#close"),
	    "tool issues_close: export changed:\n  - a:b/c@1.0.0#close\n");
	CHANGE(functions[0].name = WRIT_STR("issues_other"),
	    "tool issues_other is new\ntool issues_triage is gone\n");
	CHANGE(tools[0].functions_count = 1, "tool issues_close is gone\n");
	CHANGE(tools[0].component.b[31] = 1, "component of issues changed\n");
	CHANGE(tools[0].session = WRIT_TOOLBOX_NAMED, "state is kept now");
	CHANGE(tools[0].imports_count = 1, "imports of issues changed:\n"
	    "  - wasi:cli/stdin@0.2.0\n");
	CHANGE(imports[0] = WRIT_STR("wasi:http/types@0.2.0"),
	    "  + wasi:http/types@0.2.0\n  - wasi:io/streams@0.2.0\n");
	CHANGE(imports[1] = WRIT_STR("wasi:io/streams@0.2.0"),
	    "imports of issues changed:\n");
	CHANGE(lock.tools_count = 1, "tools of notes are gone\n");
	CHANGE(tools[1].name = WRIT_STR("papers"), "tools of papers are new:\n"
	    "  + notes_read\ntools of notes are gone\n");
	CHANGE(lock.instructions = WRIT_STR("Obey."), "instructions changed:\n"
	    "  - Be kind.\n  + Obey.\n");
	CHANGE(tools[0].writ_file = WRIT_STR("./other.writ.yaml"),
	    "WRIT of issues changed; it allows more, or other things:\n"
	    "  + files \"out\": a host path that is not absolute\n");
}

static void
test_lock__capabilities_come_first(void **state)
{
	struct facts f;

	make_facts(&f);
	f.functions[0].description = WRIT_STR("Other.");
	f.tools[1].writ = WRIT_STR("writ: 1\nclient: [elicit]\n");
	f.tools[1].writ_file = WRIT_STR("./n.writ.yaml");
	check_change(&f, "WRIT of notes changed; it allows more, or other "
	    "things:\n  + client: elicit is not there\ntool issues_triage");
	make_facts(&f);
	f.tools[0].writ = WRIT_STR("writ: 1\nfiles:\n  - { name: out, at: /out, "
	    "from: \"host:./out\", mode: write }\n");
	check_change(&f, "WRIT of issues changed; it allows more, or other "
	    "things:\n  + files \"out\": mode write, and read there\n");
	f.tools[0].writ = WRIT_STR("writ: 1\nfiles:\n  - { name: out, at: /out, "
	    "from: \"host:./in\" }\n");
	check_change(&f, "host folder /\\x01/./in is /\\x01/./out there");
	f.tools[0].writ = WRIT_STR("writ: 1\nfiles:\n  - { name: out, at: /out, "
	    "from: \"host:/out\" }\n");
	check_change(&f, "WRIT of issues changed; it allows more");
	f.tools[0].writ = WRIT_STR("writ: 1\n");
	check_change(&f, "writ of issues changed; it allows less\n");
	f.tools[0].writ = WRIT_STR("writ: 1\nfiles:\n  - { name: o, at: /out, "
	    "from: \"host:./out\" }\n");
	check_change(&f, "writ of issues changed; it allows the same\n");
	f.tools[0].writ = WRIT_STR("writ: 2\n");
	check_change(&f, "WRIT of issues changed; what it allows cannot be "
	    "compared\n");
}

static void
refuse_facts(const struct facts *f, const char *why)
{
	writ_auto_release(writ_buf) out;
	struct writ_err err = { 0 };

	writ_buf_init(&out, WRIT_LOCK_MAX);
	assert_true(writ_lock_make(&f->lock, &out, &err) != WRIT_OK);
	assert_int_equal(out.len, 0);
	if (!strstr(err.msg, why))
		fail_msg("want \"%s\" got \"%s\"", why, err.msg);
}

static void
test_lock__facts_of_components_are_judged(void **state)
{
	struct facts f;

#define REFUSE(what, shown)          \
	do {                         \
		make_facts(&f);      \
		f.what;              \
		refuse_facts(&f, shown); \
	} while (0)
	REFUSE(functions[2].name = WRIT_STR("issues_triage"),
	    "the name \"issues_triage\" is used twice");
	REFUSE(functions[2].name = WRIT_STR("lssues-Triage"),
	    "the name \"lssues-Triage\" looks like \"issues_triage\"");
	REFUSE(functions[2].name = WRIT_STR("writ_request_grant"),
	    "the server's own");
	REFUSE(functions[2].name = WRIT_STR("n\xc3\xb6tes"), "is not a name");
	REFUSE(functions[2].description = WRIT_STR("a\xe2\x80\x8b" "b"),
	    "tool notes: notes_read: description: U+200B at byte 2");
	REFUSE(functions[2].description = WRIT_STR("a\x1b[2J"), "U+001B");
	REFUSE(functions[2].description = WRIT_STR("\xed\xa0\x80"), "not UTF-8");
	REFUSE(functions[2].title = WRIT_STR("a\nb"), "title: a line break");
	REFUSE(functions[2].input = writ_str(NULL, 0), "no schema");
	REFUSE(tools[1].name = WRIT_STR("Issues"),
	    "the name \"Issues\" looks like \"issues\"");
	REFUSE(lock.instructions = WRIT_STR("\xf3\xa0\x81\x81"),
	    "instructions: U+E0041");
	REFUSE(imports[0] = WRIT_STR(""), "an import that is no name");
}

/* `with` stands in place of `what` in a good lock. */
static void
refuse_text(const char *what, const char *with, const char *why)
{
	writ_auto_release(writ_buf) text;
	writ_auto_release(writ_buf) bad;
	struct writ_lock *l = NULL;
	struct writ_err err = { 0 };
	struct facts f;
	const char *at;

	make_facts(&f);
	make_text(&f, &text);
	writ_buf_char(&text, '\0');
	at = strstr((const char *)text.ptr, what);
	assert_non_null(at);
	writ_buf_init(&bad, WRIT_LOCK_MAX);
	writ_buf_add(&bad, text.ptr, (size_t)(at - (const char *)text.ptr));
	writ_buf_cstr(&bad, with);
	writ_buf_cstr(&bad, at + strlen(what));
	assert_true(writ_lock_parse(writ_buf_view(&bad), "t.lock", &l, &err) !=
	    WRIT_OK);
	assert_null(l);
	if (!strstr(err.msg, why) || strncmp(err.msg, "t.lock", 6))
		fail_msg("want \"%s\" got \"%s\"", why, err.msg);
}

static void
test_lock__edited_locks_are_refused(void **state)
{
	refuse_text("\"lock\": 1", "\"lock\": 2", "version");
	refuse_text("\"lock\": 1", "\"lock\": 1, \"more\": 2", "not known");
	refuse_text("\"lock\": 1", "\"lock\": 1, \"lock\": 1", "t.lock");
	refuse_text("\"instructions\": \"Be kind.\",", "", "missing key "
	    "instructions");
	refuse_text("Second line.", "Second lines.", "not that of said_digest");
	refuse_text("\"listed\": true", "\"listed\": 1", "listed");
	refuse_text("\"listed\": true", "\"listed\": true, \"x\": 1", "not known");
	refuse_text("[\"yes\", ", "[\"no\", ", "not that of said_digest");
	refuse_text("[\"yes\", ", "[\"maybe\", ", "annotations");
	refuse_text("[\"yes\", ", "[", "four words");
	refuse_text("properties", "property", "not that of input");
	refuse_text("host:./out", "host:./etc", "not that of writ");
	refuse_text("\"session\": \"per-call\"", "\"session\": \"x\"", "session");
	refuse_text("\"writ\": null", "\"writ\": \"writ: 1\"", "writ_digest");
	refuse_text("\"writ\": null,\n   \"writ_digest\": null", "\"writ\": null,"
	    "\"writ_digest\": \"sha256:00\"", "a digest of nothing");
	refuse_text("\"name\": \"notes\"", "\"name\": \"lssues\"", "looks like");
	refuse_text("\"name\": \"notes\"", "\"name\": \"\"", "a text is needed");
	refuse_text("\"component\": \"sha256:", "\"component\": \"sha256:0",
	    "a digest is needed");
	refuse_text("\"wasi:cli/stdin@0.2.0\"", "3", "an import is a text");
	refuse_text("{\n \"lock\"", "[{\n \"lock\"", "t.lock");
}

static void
test_lock__bounds(void **state)
{
	writ_auto_release(writ_buf) small;
	struct writ_lock *l = NULL;
	struct writ_err err = { 0 };
	struct facts f;
	char *big = calloc(1, WRIT_LOCK_MAX + 2);

	assert_non_null(big);
	make_facts(&f);
	writ_buf_init(&small, 300);
	assert_int_equal(writ_lock_make(&f.lock, &small, &err), WRIT_LIMIT);
	assert_int_equal(small.len, 0);
	assert_int_equal(writ_lock_parse(writ_str(big, WRIT_LOCK_MAX + 1), "t",
	    &l, &err), WRIT_LIMIT);
	memset(big, ' ', WRIT_LOCK_SCHEMA_MAX + 1);
	f.functions[0].input = writ_str(big, WRIT_LOCK_SCHEMA_MAX + 1);
	refuse_facts(&f, "a schema larger than 256 KiB");
	free(big);
}

static void
test_lock__every_allocation_fails_once(void **state)
{
	enum writ_status st = WRIT_NOMEM;
	struct facts f;
	long n;

	make_facts(&f);
	for (n = 0; st != WRIT_OK && n < TRIES_MAX; n++) {
		writ_auto_release(writ_buf) text;
		writ_auto(writ_lock) l = NULL;
		struct writ_err err = { 0 };

		writ_buf_init(&text, WRIT_LOCK_MAX);
		writ_mem_fail_after(n);
		st = writ_lock_make(&f.lock, &text, &err);
		if (st == WRIT_OK)
			st = writ_lock_parse(writ_buf_view(&text), "t", &l, &err);
		if (st == WRIT_OK && !writ_lock_same(l, &f.lock, NULL))
			st = WRIT_IO;
		writ_mem_fail_after(-1);
		assert_true(st == WRIT_OK || st == WRIT_NOMEM);
	}
	assert_int_equal(st, WRIT_OK);
	assert_true(n > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock__reads_what_it_wrote),
		cmocka_unit_test(test_lock__order_of_facts_does_not_show),
		cmocka_unit_test(test_lock__every_change_is_seen),
		cmocka_unit_test(test_lock__capabilities_come_first),
		cmocka_unit_test(test_lock__facts_of_components_are_judged),
		cmocka_unit_test(test_lock__edited_locks_are_refused),
		cmocka_unit_test(test_lock__bounds),
		cmocka_unit_test(test_lock__every_allocation_fails_once),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
