/* The line that would allow a refused request. */
#include "policy_test.h"

#define LINE_MAX_BYTES (64 * 1024)

static void
check_line(const struct writ_policy *p, const struct writ_request *rq,
    const char *want)
{
	writ_auto_release(writ_buf) out;
	struct writ_err err = { 0 };
	struct writ_policy *q = NULL;
	enum writ_status st;

	writ_buf_init(&out, LINE_MAX_BYTES);
	writ_policy_suggest(p, rq, &out);
	writ_buf_char(&out, '\0');
	assert_int_equal(writ_buf_status(&out), WRIT_OK);
	assert_string_equal((const char *)out.ptr, want);
	if (!want[0])
		return;
	assert_int_equal(writ_policy_empty(&q, &err), WRIT_OK);
	st = writ_policy_add(q, writ_str_from(want), &err);
	if (st != WRIT_OK && st != WRIT_UNSUPPORTED)
		fail_msg("%s: %s", want, err.msg);
	writ_policy_free(q);
}

static void
check_file(const struct writ_policy *p, const char *op, const char *path,
    bool write, const char *want)
{
	const struct writ_request rq = { .kind = WRIT_REQ_FILES, .op = op,
		.write = write, .target = writ_str_from(path) };

	check_line(p, &rq, want);
}

static void
test_suggest__files(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nfiles:\n"
	    "  - { name: src, at: /src, from: \"host:./s\" }\n"
	    "  - { name: w, at: /w, from: \"host:./w\", mode: write, "
	    "quota: { bytes: 1KiB, files: 3 } }\n"
	    "deny: [{ name: d, files: { path: /no } }]\n");

	check_file(p, "open", "/a/README.md", false,
	    "files: [{ name: a, at: /a, from: \"host:./a\", mode: read }]");
	check_file(p, "list", "/a/src", false, "files: [{ name: src-2, at: "
	    "/a/src, from: \"host:./a/src\", mode: read }]");
	check_file(p, "open", "/x", false,
	    "files: [{ name: x, at: /x, from: \"host:./x\", mode: read }]");
	check_file(p, "open", "/tmp/x", true,
	    "files: [{ name: tmp, at: /tmp, from: memory, mode: write }]");
	check_file(p, "open", "/a b/$x/c", false, "files: [{ name: x, at: "
	    "\"/a b/$$x\", from: \"host:./a b/$$x\", mode: read }]");
	check_file(p, "open", "/src/x", true,
	    "files: [{ name: src, at: /src, from: \"host:./s\", mode: write }]");
	check_file(p, "open", "/src/o/x", true, "files: [{ name: o, at: /src/o, "
	    "from: \"host:./s/o\", mode: write }]");
	check_file(p, "open", "/w/.git/config", true, "files: [{ name: w, at: "
	    "/w, from: \"host:./w\", mode: write, quota: { bytes: 1024B, "
	    "files: 3 }, protected: [\".git/config\"] }]");
	check_file(p, "open", "/src/.env", false, "files: [{ name: src, at: "
	    "/src, from: \"host:./s\", mode: read, protected: [\".env\"] }]");
	check_file(p, "open", "/src/a", false, "");
	check_file(p, "open", "/no/x", false, "");
	check_file(p, "open", "no", false, "");
	check_file(p, "open", "/a\x7f/b", false, "");
	check_file(p, "open", "/1/y", false,
	    "files: [{ name: root, at: /1, from: \"host:./1\", mode: read }]");
	check_file(p, "open", "/no2/true/y", false, "files: [{ name: root, at: "
	    "/no2/true, from: \"host:./no2/true\", mode: read }]");
}

static void
check_kind(enum writ_request_kind kind, const char *op, const char *target,
    const char *want)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\n");
	const struct writ_request rq = { .kind = kind, .op = op,
		.target = writ_str_from(target) };

	check_line(p, &rq, want);
}

static void
test_suggest__other_kinds(void **state)
{
	check_kind(WRIT_REQ_HTTP, "POST", "https://api.evil.test/collect",
	    "http: [{ name: api, url: \"https://api.evil.test/collect\", "
	    "methods: [POST] }]");
	check_kind(WRIT_REQ_HTTP, "GET",
	    "http://x.y:8080/%7Ea%c3%a9?q=a%20b&e=&f", "http: [{ name: x, url: "
	    "\"http://x.y:8080/~a%C3%A9\", methods: [GET], query: { \"q\": "
	    "[\"a b\"], \"e\": [\"\"], \"f\": [\"\"] } }]");
	check_kind(WRIT_REQ_HTTP, "GET", "https://192.0.2.1/",
	    "http: [{ name: http, url: \"https://192.0.2.1/\", "
	    "methods: [GET], addresses: [\"192.0.2.1/32\"] }]");
	check_kind(WRIT_REQ_HTTP, "GET", "https://8.8.8.8/",
	    "http: [{ name: http, url: \"https://8.8.8.8/\", "
	    "methods: [GET] }]");
	check_kind(WRIT_REQ_HTTP, "CONNECT", "https://x.y/", "");
	check_kind(WRIT_REQ_HTTP, "TRACE", "https://x.y/", "");
	check_kind(WRIT_REQ_HTTP, "GET", "https://x.y/a%c3", "");
	check_kind(WRIT_REQ_HTTP, "GET, POST", "https://x.y/", "");
	check_kind(WRIT_REQ_HTTP, "GET", "https://x.y/a*", "");
	check_kind(WRIT_REQ_HTTP, "GET", "https://x.y/../a", "");
	check_kind(WRIT_REQ_SOCKETS, "connect", "tcp://db.internal:5432",
	    "sockets: [{ name: db, connect: \"tcp://db.internal:5432\" }]");
	check_kind(WRIT_REQ_SOCKETS, "connect", "tcp://x", "");
	check_kind(WRIT_REQ_SOCKETS, "bind", "tcp://127.0.0.1:0", "sockets: "
	    "[{ name: listen, listen: \"tcp://127.0.0.1:0\" }]");
	check_kind(WRIT_REQ_SOCKETS, "bind", "tcp://x.y:80", "");
	check_kind(WRIT_REQ_KEYVALUE, "set", "memo", "keyvalue: [{ name: memo, "
	    "bucket: \"memo\", from: memory, keys: \"**\", rights: [set] }]");
	check_kind(WRIT_REQ_BLOBS, "read", "c", "blobs: [{ name: c, container: "
	    "\"c\", from: memory, rights: [read] }]");
	check_kind(WRIT_REQ_SPAWN, "spawn", "summarise", "spawn: [{ name: "
	    "summarise, tool: \"summarise\", depth: 1, calls: 1 }]");
	check_kind(WRIT_REQ_SPAWN, "spawn", "Not A Tool", "");
	check_kind(WRIT_REQ_CLIENT, "ask", "elicit", "client: [elicit]");
	check_kind(WRIT_REQ_CLIENT, "ask", "everything", "");
}

static void
check_whole(const char *doc, const char *path,
    const struct writ_http_field *fields, size_t n, const char *want)
{
	writ_auto(writ_policy) p = must_parse(doc);
	struct writ_http_request http;
	struct writ_request rq = { .kind = WRIT_REQ_HTTP, .op = "GET",
		.http = &http };
	struct writ_buf storage;

	writ_buf_init(&storage, 8192);
	assert_null(writ_http_read(WRIT_STR("GET"), WRIT_STR("https"),
	    WRIT_STR("x.y"), writ_str_from(path), fields, n, &storage, &http));
	http.has_body = http.has_length;
	rq.target = http.url;
	check_line(p, &rq, want);
	writ_buf_release(&storage);
}

/* The line alone allows exactly the request; nothing is said where no line could help. */
static void
test_suggest__whole_requests(void **state)
{
	static const struct writ_http_field fields[] = {
		{ { "x-a", 3 }, { "1", 1 } }, { { "accept", 6 }, { "1", 1 } },
		{ { "x-a", 3 }, { "2", 1 } },
		{ { "content-length", 14 }, { "10000000", 8 } },
	};
	static const char base[] = "writ: 1\nrandom: secure\nhttp: [{ name: a, "
	    "methods: [GET], url: \"https://x.y/a\" }, { name: b, methods: "
	    "[GET], url: \"https://x.y/b\", ask: each }]\n"
	    "deny: [{ name: d, http: { url: \"https://x.y/d/**\" } }]\n";

	check_whole(base, "/a", fields + 1, 1, "");
	check_whole(base, "/a", fields, 3, "http: [{ name: x, url: "
	    "\"https://x.y/a\", methods: [GET], request: { headers: "
	    "[\"x-a\", \"accept\"] } }]");
	check_whole(base, "/c?q=1", fields + 3, 1, "http: [{ name: x, url: "
	    "\"https://x.y/c\", methods: [GET], query: { \"q\": [\"1\"] }, "
	    "request: { max: 10000000B } }]");
	check_whole(base, "/b", NULL, 0, "");
	check_whole(base, "/D/x", NULL, 0, "");
	check_whole(base, "/c?q=1&q=2", NULL, 0, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suggest__files),
		cmocka_unit_test(test_suggest__other_kinds),
		cmocka_unit_test(test_suggest__whole_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
