/* test_audit.c - the records: format, counting, limits, hostile texts. */
#include <inttypes.h>

#include "base/json.h"
#include "base/limits.h"
#include "fixture.h"

/* The format is final: when these lines must change, so must its version. */
static const char *const golden[] = {
	("{\"v\":1,\"seq\":1,\"time\":\"2026-11-24T20:30:55.123Z\""
	    ",\"mono_ns\":42,\"session\":\"s1\",\"type\":\"session-start\""
	    ",\"principal\":\"uid:7\",\"component\":\"sha256:aa\""
	    ",\"component_name\":\"hello.wasm\",\"writ\":\"sha256:bb\""
	    ",\"writ_name\":\"demo\",\"engine\":\"wasmtime 48.0.8\""
	    ",\"program\":\"0.1.0\",\"args\":\"sha256:cc\""
	    ",\"void\":[\"wasi:http/types@0.2.12\""
	    ",\"wasi:sockets/tcp@0.2.12\"],\"walls_missing\":[\"landlock\"]"
	    ",\"prev\":\"sha256:0000000000000000000000000000000000"
	    "000000000000000000000000000000\""
	    ",\"hash\":\"sha256:f427477f648730a8ad078f8768d884e9a6"
	    "0f227b3bead68c248407d2a3310c9e\"}"),
	("{\"v\":1,\"seq\":2,\"time\":\"2026-11-24T20:30:55.123Z\""
	    ",\"mono_ns\":42,\"session\":\"s1\",\"type\":\"wall\""
	    ",\"wall\":\"landlock\",\"reason\":\"--without-wall\""
	    ",\"prev\":\"sha256:f427477f648730a8ad078f8768d884e9a6"
	    "0f227b3bead68c248407d2a3310c9e\""
	    ",\"hash\":\"sha256:035c7a3520ddc3e471a05abc42e9620988"
	    "6cdd6679c200608364400c2ab84c8d\"}"),
	("{\"v\":1,\"seq\":3,\"time\":\"2026-11-24T20:30:55.123Z\""
	    ",\"mono_ns\":42,\"session\":\"s1\",\"type\":\"cache\""
	    ",\"event\":\"rejected\",\"component\":\"sha256:aa\""
	    ",\"reason\":\"its MAC is wrong\""
	    ",\"prev\":\"sha256:035c7a3520ddc3e471a05abc42e9620988"
	    "6cdd6679c200608364400c2ab84c8d\""
	    ",\"hash\":\"sha256:cc2048189f57f7e134a080c84d3a4b3188"
	    "70ed72c5382aa407cfca9c7a6d815e\"}"),
	("{\"v\":1,\"seq\":4,\"time\":\"2026-11-24T20:30:55.123Z\""
	    ",\"mono_ns\":42,\"session\":\"s1\",\"type\":\"decision\""
	    ",\"id\":4,\"principal\":\"uid:7\",\"kind\":\"files\""
	    ",\"op\":\"open\",\"target\":\"/src/a.txt\",\"verdict\":\"allow\""
	    ",\"grant\":\"src\",\"rule\":\"files.src\",\"reason\":null"
	    ",\"prev\":\"sha256:cc2048189f57f7e134a080c84d3a4b3188"
	    "70ed72c5382aa407cfca9c7a6d815e\""
	    ",\"hash\":\"sha256:ff1fcfd856e6c3f177ac9e15778ba1a87b"
	    "deed13b42c56ace5fa5c8d8d5dc2e5\"}"),
	("{\"v\":1,\"seq\":5,\"time\":\"2026-11-24T20:30:55.123Z\""
	    ",\"mono_ns\":42,\"session\":\"s1\",\"type\":\"outcome\""
	    ",\"decision\":4,\"outcome\":\"allowed\",\"bytes\":17"
	    ",\"detail\":null"
	    ",\"prev\":\"sha256:ff1fcfd856e6c3f177ac9e15778ba1a87b"
	    "deed13b42c56ace5fa5c8d8d5dc2e5\""
	    ",\"hash\":\"sha256:9393ef8a2ad4313f2d401455044646cc39"
	    "ce2fc32762972f9f85b48d0a6b551f\"}"),
	("{\"v\":1,\"seq\":6,\"time\":\"2026-11-24T20:30:55.123Z\""
	    ",\"mono_ns\":42,\"session\":\"s1\",\"type\":\"decision\""
	    ",\"id\":6,\"principal\":\"uid:7\",\"kind\":\"files\""
	    ",\"op\":\"open\",\"target\":\"/src/a.txt\",\"verdict\":\"deny\""
	    ",\"grant\":null,\"rule\":\"unmatched\""
	    ",\"reason\":\"no grant covers it\""
	    ",\"prev\":\"sha256:9393ef8a2ad4313f2d401455044646cc39"
	    "ce2fc32762972f9f85b48d0a6b551f\""
	    ",\"hash\":\"sha256:9721ae3cfb20251f3d4b8e7610f3a57937"
	    "2f87ca7bc4c1f14dc113f3198c059a\"}"),
	("{\"v\":1,\"seq\":7,\"time\":\"2026-11-24T20:30:55.123Z\""
	    ",\"mono_ns\":42,\"session\":\"s1\",\"type\":\"worker-report\""
	    ",\"reports\":[{\"what\":\"files.memory.read\",\"count\":3"
	    ",\"bytes\":4096},{\"what\":\"clock.wall\",\"count\":1"
	    ",\"bytes\":0}]"
	    ",\"prev\":\"sha256:9721ae3cfb20251f3d4b8e7610f3a57937"
	    "2f87ca7bc4c1f14dc113f3198c059a\""
	    ",\"hash\":\"sha256:57e51b7b338f0bba7b764c523a56e93d77"
	    "1061bf1d71c841227f9a35099ff6dd\"}"),
	("{\"v\":1,\"seq\":8,\"time\":\"2026-11-24T20:30:55.123Z\""
	    ",\"mono_ns\":42,\"session\":\"s1\",\"type\":\"limit\""
	    ",\"limit\":\"memory\",\"max\":1024"
	    ",\"reason\":\"a memory may not grow\""
	    ",\"prev\":\"sha256:57e51b7b338f0bba7b764c523a56e93d77"
	    "1061bf1d71c841227f9a35099ff6dd\""
	    ",\"hash\":\"sha256:998b7dbdd2b954fedfda57ac0aff7a6bbe"
	    "c7fb4e88e0ca96f399cd267cd71b55\"}"),
	("{\"v\":1,\"seq\":9,\"time\":\"2026-11-24T20:30:55.123Z\""
	    ",\"mono_ns\":42,\"session\":\"s1\",\"type\":\"session-end\""
	    ",\"outcome\":\"exited\",\"exit_code\":-1,\"reason\":null"
	    ",\"allowed\":1,\"asked\":0,\"refused\":1,\"allowed_counted\":0"
	    ",\"refused_counted\":0,\"cpu_ms\":12"
	    ",\"prev\":\"sha256:998b7dbdd2b954fedfda57ac0aff7a6bbe"
	    "c7fb4e88e0ca96f399cd267cd71b55\""
	    ",\"hash\":\"sha256:22d1c0929f1c4d9d6a7fa8c87188cfcc6c"
	    "e360008c322c9e5556e1d96a662252\"}"),
};

static void
write_golden(struct writ_audit *a)
{
	struct writ_str voids[] = { WRIT_STR("wasi:http/types@0.2.12"),
		WRIT_STR("wasi:sockets/tcp@0.2.12") };
	struct writ_str walls[] = { WRIT_STR("landlock") };
	struct writ_audit_start s = {
		.component = WRIT_STR("sha256:aa"),
		.component_name = WRIT_STR("hello.wasm"),
		.writ = WRIT_STR("sha256:bb"),
		.writ_name = WRIT_STR("demo"),
		.engine = WRIT_STR("wasmtime 48.0.8"),
		.program = WRIT_STR("0.1.0"),
		.args = WRIT_STR("sha256:cc"),
		.void_imports = voids,
		.void_count = 2,
		.walls_missing = walls,
		.walls_count = 1,
	};
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_ALLOW);
	struct writ_audit_tally t[] = {
		{ WRIT_STR("files.memory.read"), 3, 4096 },
		{ WRIT_STR("clock.wall"), 1, 0 },
	};
	struct writ_audit_end e = { WRIT_STR("exited"), { NULL, 0 }, -1, 12 };
	uint64_t id = 0;

	assert_int_equal(writ_audit_session_start(a, &s, NULL), WRIT_OK);
	assert_int_equal(writ_audit_wall(a, WRIT_STR("landlock"),
	    WRIT_STR("--without-wall"), NULL), WRIT_OK);
	assert_int_equal(writ_audit_cache(a, WRIT_STR("rejected"),
	    WRIT_STR("sha256:aa"), WRIT_STR("its MAC is wrong"), NULL), WRIT_OK);
	d.durable = true;
	assert_int_equal(writ_audit_decide(a, &d, &id, NULL), WRIT_OK);
	assert_int_equal(id, 4);
	assert_int_equal(writ_audit_outcome(a, id, WRIT_AUDIT_ALLOWED, 17,
	    writ_str(NULL, 0), NULL), WRIT_OK);
	d = fixture_decision(WRIT_AUDIT_DENY);
	assert_int_equal(writ_audit_decide(a, &d, &id, NULL), WRIT_OK);
	assert_int_equal(id, 6);
	assert_int_equal(writ_audit_worker_report(a, t, 2, NULL), WRIT_OK);
	assert_int_equal(writ_audit_limit(a, WRIT_STR("memory"), 1024,
	    WRIT_STR("a memory may not grow"), NULL), WRIT_OK);
	assert_int_equal(writ_audit_session_end(a, &e, NULL), WRIT_OK);
}

static void
test_audit__every_record_has_its_final_form(void **state)
{
	writ_auto(writ_audit) a = fixture_must_open(*state);
	writ_auto_release(writ_buf) file;
	struct fixture *f = *state;
	size_t i;

	write_golden(a);
	file = fixture_read(f->path);
	if (getenv("WRIT_AUDIT_SHOW"))
		(void)!write(1, file.ptr, file.len);
	assert_int_equal(fixture_lines(&file),
	    sizeof(golden) / sizeof(*golden));
	for (i = 0; i < sizeof(golden) / sizeof(*golden); i++)
		assert_true(writ_str_is(fixture_line(&file, i), golden[i]));
	fixture_verify(f, 0, NULL);
}

/* What docs/AUDIT.md says anybody can do, done without our own reader. */
static void
test_audit__hash_is_over_the_object_without_it(void **state)
{
	struct writ_digest d;
	char text[WRIT_DIGEST_TEXT];
	char object[1024];
	const char *line = golden[1], *end = strstr(line, ",\"hash\":");
	size_t n = (size_t)(end - line);

	memcpy(object, line, n);
	object[n] = '}';
	writ_sha256(object, n + 1, &d);
	writ_digest_text(&d, text);
	assert_non_null(strstr(end, text));
	assert_non_null(strstr(golden[2], text));
}

static void
test_audit__time_and_sequence_survive_a_clock_going_back(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;

	fixture_decide(a, fixture_decision(WRIT_AUDIT_ALLOW), 1);
	f->wall_ms = 951782400000;	/* 2000-02-29 */
	f->mono_ns = 43;
	fixture_decide(a, fixture_decision(WRIT_AUDIT_ALLOW), 1);
	f->wall_ms = -5;
	fixture_decide(a, fixture_decision(WRIT_AUDIT_ALLOW), 1);
	f->wall_ms = INT64_MAX;
	fixture_decide(a, fixture_decision(WRIT_AUDIT_ALLOW), 1);
	file = fixture_read(f->path);
	assert_true(fixture_has(fixture_line(&file, 1),
	    "\"seq\":2,\"time\":\"2000-02-29T00:00:00.000Z\",\"mono_ns\":43,"));
	assert_true(fixture_has(fixture_line(&file, 2),
	    "\"time\":\"1970-01-01T00:00:00.000Z\""));
	assert_true(fixture_has(fixture_line(&file, 3),
	    "\"time\":\"9999-12-31T23:59:59.999Z\""));
	fixture_verify(f, 0, NULL);
}

static void
test_audit__refusals_are_counted_at_doubling_intervals(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;
	struct writ_audit_end e = { WRIT_STR("exited"), { NULL, 0 }, 0, 0 };

	assert_int_equal(fixture_decide(a, fixture_decision(WRIT_AUDIT_DENY),
	    1000000), WRIT_AUDIT_VERBATIM);
	assert_int_equal(writ_audit_session_end(a, &e, NULL), WRIT_OK);
	file = fixture_read(f->path);
	/* 16 + one at 32, 64, ..., 524288 + what was owed + the end */
	assert_int_equal(fixture_lines(&file), 16 + 15 + 1 + 1);
	assert_true(fixture_has(fixture_line(&file, 16),
	    "\"type\":\"refused-count\",\"kind\":\"files\",\"op\":null,"
	    "\"rule\":\"unmatched\",\"count\":16,\"total\":32,"));
	assert_true(fixture_has(fixture_line(&file, 17),
	    "\"count\":32,\"total\":64,"));
	assert_true(fixture_has(fixture_line(&file, 31),
	    "\"count\":475712,\"total\":1000000,"));
	assert_true(fixture_has(fixture_line(&file, 32),
	    "\"allowed\":0,\"asked\":0,\"refused\":1000000,"
	    "\"allowed_counted\":0,\"refused_counted\":999984,"));
	fixture_verify(f, 0, NULL);
}

static void
test_audit__each_rule_has_its_own_count(void **state)
{
	writ_auto(writ_audit) a = fixture_must_open(*state);
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_DENY);

	assert_int_equal(fixture_decide(a, d, 20), 16);
	d.op = WRIT_STR("stat");
	assert_int_equal(fixture_decide(a, d, 20), 0);
	d.rule = WRIT_STR("deny.no-admin");
	assert_int_equal(fixture_decide(a, d, 20), 16);
	d.kind = WRIT_STR("http");
	assert_int_equal(fixture_decide(a, d, 20), 16);
}

/* What a call did stands before its end, also what was only counted. */
static void
test_audit__the_end_of_a_call_settles_its_counts(void **state)
{
	struct fixture *f = *state;
	struct writ_audit *a = fixture_must_open(f);
	const struct writ_audit_call call = { .call = 1,
		.function = WRIT_STR("f"), .tool = WRIT_STR("t") };
	const struct writ_audit_call_end end = { .call = 1,
		.outcome = WRIT_STR("ok") };
	struct writ_buf file;

	assert_int_equal(writ_audit_call_start(a, &call, NULL), WRIT_OK);
	assert_int_equal(fixture_decide(a, fixture_decision(WRIT_AUDIT_DENY),
	    WRIT_AUDIT_VERBATIM + 3), WRIT_AUDIT_VERBATIM);
	assert_int_equal(writ_audit_call_end(a, &end, NULL), WRIT_OK);
	/* nothing is owed: a second call has no part in it */
	assert_int_equal(writ_audit_call_end(a, &end, NULL), WRIT_OK);
	file = fixture_read(f->path);
	assert_int_equal(fixture_lines(&file), WRIT_AUDIT_VERBATIM + 4);
	assert_true(fixture_has(fixture_line(&file, WRIT_AUDIT_VERBATIM + 1),
	    "\"type\":\"refused-count\""));
	assert_true(fixture_has(fixture_line(&file, WRIT_AUDIT_VERBATIM + 1),
	    "\"count\":3,\"total\":19"));
	assert_true(fixture_has(fixture_line(&file, WRIT_AUDIT_VERBATIM + 2),
	    "\"type\":\"call-end\""));
	writ_buf_release(&file);
	writ_audit_free(a);
	fixture_verify(f, 0, NULL);
}

static void
test_audit__only_metadata_reads_are_counted_when_allowed(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_ALLOW);

	assert_int_equal(fixture_decide(a, d, 100), 100);
	d.coalesce = true;
	d.op = WRIT_STR("stat");
	assert_int_equal(fixture_decide(a, d, 100), 16);
	d.op = WRIT_STR("readdir");
	assert_int_equal(fixture_decide(a, d, 100), 16);
	d.durable = true;
	assert_int_equal(fixture_decide(a, d, 5), 5);
	d.durable = false;
	d.verdict = WRIT_AUDIT_ASK;
	assert_int_equal(fixture_decide(a, d, 40), 40);
	file = fixture_read(f->path);
	assert_true(fixture_has(fixture_line(&file, 116),
	    "\"type\":\"allowed-count\",\"kind\":\"files\",\"op\":\"stat\","
	    "\"rule\":\"files.src\",\"count\":16,\"total\":32,"));
	fixture_verify(f, 0, NULL);
}

static void
test_audit__endless_rules_share_one_count(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_DENY);
	char rule[32];
	unsigned ids = 0, i;

	for (i = 0; i < 3000; i++) {
		snprintf(rule, sizeof(rule), "rule.%u", i);
		d.rule = writ_str_from(rule);
		ids += fixture_decide(a, d, 1);
	}
	assert_in_range(ids, 1000, 1024 + 16);
	d = fixture_decision(WRIT_AUDIT_ALLOW);
	d.coalesce = true;
	assert_int_equal(fixture_decide(a, d, 100), 16);
	file = fixture_read(f->path);
	assert_true(fixture_has(writ_buf_view(&file), "\"rule\":\"*\""));
	fixture_verify(f, 0, NULL);
}

static void
test_audit__hostile_text_stays_in_its_line(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_DENY);
	writ_auto_json j = NULL;
	struct writ_str s;
	size_t i;

	d.target = WRIT_STR("/x\"}\n{\"v\":1,\"seq\":2}\r\0\x1b\x7f\xff");
	fixture_decide(a, d, 1);
	file = fixture_read(f->path);
	assert_int_equal(fixture_lines(&file), 1);
	fixture_verify(f, 0, NULL);
	assert_int_equal(writ_json_parse_nul(fixture_line(&file, 0), &j, NULL),
	    WRIT_OK);
	assert_int_equal(writ_json_str(j, "target", &s), WRIT_OK);
	assert_true(writ_str_eq(s, WRIT_STR("/x\"}\n{\"v\":1,\"seq\":2}"
	    "\r\0\x1b\x7f\xef\xbf\xbd")));
	for (i = 0; i + 1 < file.len; i++)
		assert_true(file.ptr[i] >= 0x20 && file.ptr[i] != 0x7f);
}

static void
test_audit__long_texts_are_cut_and_say_so(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_DENY);
	static const char fill[] = { 'a', '\n', '"', '\xff' };
	static const size_t keeps[] = { 4096, 682 * 6, 2048 * 2, 1365 * 3 };
	char big[10000];
	size_t i, base = 0;

	for (i = 0; i < 4; i++) {
		memset(big, fill[i], sizeof(big));
		d.target = writ_str(big, sizeof(big));
		fixture_decide(a, d, 1);
	}
	for (i = 0; i + 3 < sizeof(big); i += 4)
		memcpy(big + i, "\xf0\x9f\x98\x80", 4);
	d.target = writ_str(big + 1, 4099);	/* begins and ends mid-character */
	fixture_decide(a, d, 1);
	memset(big, 'a', sizeof(big));
	d.target = writ_str(big, 4096);
	fixture_decide(a, d, 1);
	file = fixture_read(f->path);
	base = fixture_line(&file, 5).len;	/* 4096 bytes and not cut */
	assert_false(fixture_has(fixture_line(&file, 5), "\"cut\""));
	for (i = 0; i < 5; i++)
		assert_true(fixture_has(fixture_line(&file, i),
		    ",\"cut\":true,\"prev\":"));
	for (i = 0; i < 4; i++)
		assert_int_equal(fixture_line(&file, i).len,
		    base + strlen(",\"cut\":true") - 4096 + keeps[i]);
	fixture_verify(f, 0, NULL);
}

static void
test_audit__the_largest_records_fit(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;
	struct writ_audit_start s = { 0 };
	struct writ_audit_decision d = { .verdict = WRIT_AUDIT_ALLOW };
	char big[8192];
	struct writ_str t = writ_str(big, sizeof(big)), list[100];
	uint64_t id;
	size_t i;

	memset(big, '\n', sizeof(big));
	for (i = 0; i < 100; i++)
		list[i] = t;
	s.component = s.component_name = s.writ = s.writ_name = t;
	s.engine = s.program = s.args = t;
	s.void_imports = s.walls_missing = list;
	s.void_count = s.walls_count = 100;
	assert_int_equal(writ_audit_session_start(a, &s, NULL), WRIT_OK);
	d.kind = d.op = d.target = d.grant = d.rule = d.reason = t;
	assert_int_equal(writ_audit_decide(a, &d, &id, NULL), WRIT_OK);
	file = fixture_read(f->path);
	assert_int_equal(fixture_lines(&file), 2);
	assert_true(file.len < WRIT_AUDIT_RECORD_MAX * 2);
	fixture_verify(f, 0, NULL);
}

static void
test_audit__a_report_too_large_is_limit_and_harmless(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	static struct writ_audit_tally t[5000];
	size_t i;

	for (i = 0; i < 5000; i++)
		t[i].what = WRIT_STR("files.memory.read");
	assert_int_equal(writ_audit_worker_report(a, t, 5000, NULL),
	    WRIT_LIMIT);
	assert_int_equal(writ_audit_worker_report(a, t, 500, NULL), WRIT_OK);
	assert_int_equal(writ_audit_worker_report(a, NULL, 0, NULL), WRIT_OK);
	fixture_verify(f, 0, NULL);
}

static bool
next_request(void *ctx, struct writ_audit_request *out)
{
	unsigned *left = ctx;

	*out = (struct writ_audit_request){ WRIT_STR("GET"), WRIT_STR("/a\"b"),
		WRIT_STR("ok"), WRIT_STR(""), 200, 1, 2, 3, 4 };
	return *left && (*left)--;
}

static void
test_audit__requests_stand_in_as_few_records_as_hold_them(void **state)
{
	const struct writ_audit_served s = { 7, 8 };
	struct fixture *f = *state;
	writ_auto(writ_audit) a = fixture_must_open(f);
	writ_auto_release(writ_buf) file;
	unsigned left = 0;
	uint64_t n = 1;

	assert_int_equal(writ_audit_served(a, &s, next_request, &left, &n,
	    NULL), WRIT_OK);
	assert_int_equal(n, 0);
	left = 1000;
	assert_int_equal(writ_audit_served(a, &s, next_request, &left, &n,
	    NULL), WRIT_OK);
	assert_int_equal(n, 1000);
	assert_int_equal(left, 0);
	file = fixture_read(f->path);
	assert_in_range(fixture_lines(&file), 3, 6);
	assert_true(fixture_has(fixture_line(&file, 0),
	    "\"malformed\":7,\"busy\":8,\"requests\":[],"));
	assert_true(fixture_has(fixture_line(&file, 1), "\"requests\":["
	    "{\"method\":\"GET\",\"path\":\"/a\\\"b\",\"status\":200,"
	    "\"outcome\":\"ok\",\"up\":1,\"down\":2,\"wall_us\":3,"
	    "\"cpu_us\":4},{"));
	assert_true(fixture_has(fixture_line(&file, 2),
	    "\"malformed\":0,\"busy\":0,"));
	fixture_verify(f, 0, NULL);
}

static void
test_audit__a_full_log_says_how_many_requests_it_has(void **state)
{
	const struct writ_audit_served s = { 0, 0 };
	struct fixture *f = *state;
	writ_auto(writ_audit) a = NULL;
	writ_auto_release(writ_buf) file;
	unsigned left = 1000;
	uint64_t n = 0;

	f->max_bytes = 50000;
	a = fixture_must_open(f);
	assert_int_equal(writ_audit_served(a, &s, next_request, &left, &n,
	    NULL), WRIT_LIMIT);
	assert_in_range(n, 100, 999);
	file = fixture_read(f->path);
	assert_true(fixture_has(fixture_line(&file, 1),
	    "\"type\":\"limit\""));
	fixture_verify(f, 0, NULL);
}

static void
test_audit__beyond_its_bytes_a_session_is_refused(void **state)
{
	struct fixture *f = *state;
	writ_auto(writ_audit) a = NULL;
	writ_auto_release(writ_buf) file;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_ALLOW);
	struct writ_audit_tally t = { WRIT_STR("x"), 1, 1 };
	struct writ_audit_end e = { WRIT_STR("limit"), { NULL, 0 }, 124, 0 };
	enum writ_status st = WRIT_OK;
	struct writ_str line;
	uint64_t id = 0, last = 0;
	unsigned i, n = 0;

	f->max_bytes = 4000;
	a = fixture_must_open(f);
	while (st == WRIT_OK && n < 100) {
		last = id;
		st = writ_audit_decide(a, &d, &id, NULL);
		n += st == WRIT_OK;
	}
	assert_int_equal(st, WRIT_LIMIT);
	assert_in_range(n, 5, 15);
	assert_int_equal(writ_audit_decide(a, &d, &id, NULL), WRIT_LIMIT);
	d.verdict = WRIT_AUDIT_ASK;
	assert_int_equal(writ_audit_decide(a, &d, &id, NULL), WRIT_LIMIT);
	assert_int_equal(writ_audit_worker_report(a, &t, 1, NULL), WRIT_LIMIT);
	assert_int_equal(writ_audit_outcome(a, last + 1, WRIT_AUDIT_ALLOWED, 1,
	    writ_str(NULL, 0), NULL), WRIT_OK);
	for (i = 0; i < 3; i++)
		assert_int_equal(fixture_decide(a,
		    fixture_decision(WRIT_AUDIT_DENY), 100), 0);
	assert_int_equal(writ_audit_session_end(a, &e, NULL), WRIT_OK);
	file = fixture_read(f->path);
	line = fixture_line(&file, n);
	assert_true(fixture_has(line,
	    "\"type\":\"limit\",\"limit\":\"audit\",\"max\":4000,"));
	/* decisions, limit, outcome, counts at 32..256, the rest, end */
	assert_int_equal(fixture_lines(&file), n + 1 + 1 + 4 + 1 + 1);
	fixture_verify(f, 0, NULL);
}

static enum writ_status
record_some(struct fixture *f)
{
	writ_auto(writ_audit) a = NULL;
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_DENY);
	struct writ_audit_end e = { WRIT_STR("x"), { NULL, 0 }, 0, 0 };
	enum writ_status st = fixture_open(f, &a, NULL);
	uint64_t id;
	int i;

	for (i = 0; i < 20 && st == WRIT_OK; i++)
		st = writ_audit_decide(a, &d, &id, NULL);
	d.kind = WRIT_STR("http");
	if (st == WRIT_OK)
		st = writ_audit_decide(a, &d, &id, NULL);
	return st == WRIT_OK ? writ_audit_session_end(a, &e, NULL) : st;
}

static void
test_audit__nth_failure_leaves_a_good_chain(void **state)
{
	struct fixture *f = *state;
	enum writ_status st = WRIT_NOMEM;
	long n;

	writ_audit_free(fixture_must_open(f));
	for (n = 0; n < 100 && st != WRIT_OK; n++) {
		writ_mem_fail_after(n);
		st = record_some(f);
		writ_mem_fail_after(-1);
		if (st != WRIT_OK)
			assert_int_equal(st, WRIT_NOMEM);
		fixture_verify(f, 0, NULL);
	}
	/* handle, line, counts; the second time also the file's tail */
	assert_in_range(n, 4, 8);
}

static void
test_audit__nth_failure_of_a_check_is_nomem(void **state)
{
	struct fixture *f = *state;
	struct writ_audit_report r;
	struct writ_audit *a = fixture_must_open(f);
	enum writ_status st = WRIT_NOMEM;
	long n;

	fixture_decide(a, fixture_decision(WRIT_AUDIT_ALLOW), 2);
	writ_audit_free(a);
	for (n = 0; n < 1000 && st != WRIT_OK; n++) {
		writ_mem_fail_after(n);
		st = writ_audit_verify(f->path, &r, NULL);
		writ_mem_fail_after(-1);
		if (st != WRIT_OK)
			assert_int_equal(st, WRIT_NOMEM);
		assert_int_equal(r.bad_line, 0);
	}
	assert_int_equal(r.records, 2);
	assert_in_range(n, 5, 999);
}

int
main(void)
{
#define WITH_FIXTURE(t) \
	cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_audit__every_record_has_its_final_form),
		WITH_FIXTURE(test_audit__hash_is_over_the_object_without_it),
		WITH_FIXTURE(
		    test_audit__time_and_sequence_survive_a_clock_going_back),
		WITH_FIXTURE(
		    test_audit__refusals_are_counted_at_doubling_intervals),
		WITH_FIXTURE(test_audit__each_rule_has_its_own_count),
		WITH_FIXTURE(test_audit__the_end_of_a_call_settles_its_counts),
		WITH_FIXTURE(
		    test_audit__only_metadata_reads_are_counted_when_allowed),
		WITH_FIXTURE(test_audit__endless_rules_share_one_count),
		WITH_FIXTURE(test_audit__hostile_text_stays_in_its_line),
		WITH_FIXTURE(test_audit__long_texts_are_cut_and_say_so),
		WITH_FIXTURE(test_audit__the_largest_records_fit),
		WITH_FIXTURE(
		    test_audit__a_report_too_large_is_limit_and_harmless),
		WITH_FIXTURE(test_audit__requests_stand_in_as_few_records_as_hold_them),
		WITH_FIXTURE(test_audit__a_full_log_says_how_many_requests_it_has),
		WITH_FIXTURE(test_audit__beyond_its_bytes_a_session_is_refused),
		WITH_FIXTURE(test_audit__nth_failure_leaves_a_good_chain),
		WITH_FIXTURE(test_audit__nth_failure_of_a_check_is_nomem),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
