/* What http entries allow: each row is a request, and the rule that decides. */
#include "policy_test.h"

static const char writ[] =
    "writ: 1\n"
    "random: secure\n"
    "http:\n"
    "  - { name: items, methods: [GET, HEAD], url: https://api.example.com/v1/items/* }\n"
    "  - { name: search, methods: [GET], url: https://api.example.com/search,\n"
    "      query: { q: [a, \"b c\"], page: [\"1\", \"2\"] } }\n"
    "  - { name: post, methods: [POST], url: https://api.example.com/v1/items,\n"
    "      query: [dry], request: { headers: [x-key, content-type], max: 10B, types: [application/json] } }\n"
    "  - { name: wide, methods: [GET], url: \"https://*.wide.example.org:8443/**/x\" }\n"
    "  - { name: plain, methods: [GET], url: \"http://plain.example.net/\" }\n"
    "  - { name: v6, methods: [GET], url: \"https://[2001:db8::1]/\" }\n"
    "  - { name: asked, methods: [DELETE], url: https://api.example.com/v1/items/*, ask: each }\n"
    "  - { name: ops, methods: [POST], url: https://api.example.com/graphql,\n"
    "      request: { operations: { field: operationName, values: [Read] } } }\n"
    "  - { name: day, methods: [GET], url: https://api.example.com/day, hours: [\"mon-fri 08:00-18:00\"] }\n"
    "deny:\n"
    "  - { name: secret, http: { url: \"https://api.example.com/**/secret\" } }\n"
    "  - { name: nohead, http: { url: \"https://api.example.com/v1/items/9\", methods: [HEAD] } }\n";

static const struct row {
	const char *method, *scheme, *authority, *path, *fields;
	const char *rule;		/* "!..." refused by it; "" cannot be read */
} rows[] = {
	{ "GET", "https", "api.example.com", "/v1/items/1", "", "http.items" },
	{ "GET", "", "api.example.com", "/v1/items/1", "", "http.items" },
	{ "GET", "https", "API.Example.com:443", "/v1/items/%41", "", "http.items" },
	{ "HEAD", "https", "api.example.com", "/v1/items/1", "", "http.items" },
	{ "HEAD", "https", "api.example.com", "/v1/items/9", "", "!deny.nohead" },
	{ "GET", "https", "api.example.com", "/v1/items/secret", "", "!deny.secret" },
	{ "GET", "https", "api.example.com", "/v1/items/%73ecret", "", "!deny.secret" },
	{ "GET", "https", "api.example.com", "/v1/items/SECRET", "", "!deny.secret" },
	{ "GET", "https", "api.example.com", "/secret/", "", "!deny.secret" },
	{ "GET", "https", "api.example.com", "/v1/items/%EF%BC%B3ecret", "", "!deny.secret" },
	{ "GET", "https", "api.example.com", "/v1/items/%E2%93%A2ecret", "", "!deny.secret" },
	{ "GET", "https", "api.example.com", "/v1/items/secrets", "", "http.items" },
	{ "GET", "https", "api.example.com", "/v1/items/1/2", "", "!unmatched" },
	{ "GET", "https", "api.example.com", "/v1/items/", "", "!unmatched" },
	{ "GET", "https", "api.example.com", "/v1/items", "", "!http.post.methods" },
	{ "PUT", "https", "api.example.com", "/v1/items/1", "", "!http.asked.methods" },
	{ "DELETE", "https", "api.example.com", "/v1/items/1", "", "?http.asked" },
	{ "GET", "https", "api.example.com", "/v1/items/1?x=1", "", "!http.items.query" },
	{ "GET", "https", "api.example.com", "/v1/items/1", "cookie: a=b", "!http.items.headers" },
	{ "GET", "https", "api.example.com", "/v1/items/1", "accept: a", "http.items" },
	{ "GET", "https", "api.example.com", "/search?q=a&page=2", "", "http.search" },
	{ "GET", "https", "api.example.com", "/search?q=b%20c", "", "http.search" },
	{ "GET", "https", "api.example.com", "/search?%71=a", "", "http.search" },
	{ "GET", "https", "api.example.com", "/search?q=c", "", "!http.search.query" },
	{ "GET", "https", "api.example.com", "/search?q=a&q=a", "", "!http.search.query" },
	{ "GET", "https", "api.example.com", "/search?q=a&%71=a", "", "!http.search.query" },
	{ "GET", "https", "api.example.com", "/search?", "", "!http.search.query" },
	{ "GET", "https", "api.example.com", "/search?q=a&", "", "!http.search.query" },
	{ "POST", "https", "api.example.com", "/v1/items?dry=", "x-key: 1; content-type: application/JSON; content-length: 10", "http.post" },
	{ "POST", "https", "api.example.com", "/v1/items", "content-type: application/json; content-length: 11", "!http.post.max" },
	{ "POST", "https", "api.example.com", "/v1/items", "content-type: text/plain; content-length: 1", "!http.post.types" },
	{ "POST", "https", "api.example.com", "/v1/items", "content-length: 1", "!http.post.types" },
	{ "POST", "https", "api.example.com", "/v1/items", "accept: a", "!http.post.headers" },
	{ "GET", "https", "a.wide.example.org:8443", "/x", "", "http.wide" },
	{ "GET", "https", "a.wide.example.org:8443", "/1/2/x", "", "http.wide" },
	{ "GET", "https", "wide.example.org:8443", "/x", "", "!unmatched" },
	{ "GET", "https", "a.b.wide.example.org:8443", "/x", "", "!unmatched" },
	{ "GET", "https", "a.wide.example.org", "/x", "", "!unmatched" },
	{ "GET", "http", "plain.example.net", "", "", "http.plain" },
	{ "GET", "https", "plain.example.net", "/", "", "!unmatched" },
	{ "GET", "https", "[2001:db8::1]", "/", "", "http.v6" },
	{ "GET", "https", "[2001:DB8::1]", "/", "", "http.v6" },
	{ "GET", "https", "[2001:db8:0::1]", "/", "", "" },
	{ "POST", "https", "api.example.com", "/graphql", "", "http.ops" },
	{ "GET", "https", "api.example.com", "/day", "", "!http.day.hours" },
	{ "GET", "https", "api.example.com", "/v1/items/../admin", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/%2e%2e", "", "" },
	{ "GET", "https", "api.example.com", "//v1/items/1", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/a%2fb", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/a;b", "", "" },
	{ "GET", "https", "api.example.com", "/search?q=a;b", "", "" },
	{ "GET", "https", "api.example.com", "*", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/%2573ecret", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/%c1%b3ecret", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/%ed%a0%80", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/%f4%90%80%80", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/%ff", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/%c3", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/%EF%BC%8E%EF%BC%8E%EF%BC%8Fx", "", "" },
	{ "GET", "https", "api.example.com", "/v1/items/100%25", "", "http.items" },
	{ "GET", "https", "api.example.com", "/v1/items/%C3%a9%F0%9F%98%80", "", "http.items" },
	{ "GET", "https", "user@api.example.com", "/", "", "" },
	{ "GET", "https", "api.example.com.", "/", "", "" },
	{ "GET", "https", "api.example.com:0443", "/", "", "" },
	{ "GET", "https", "api.example.com:", "/", "", "" },
	{ "GET", "https", "api.example.com:65536", "/", "", "" },
	{ "GET", "https", "127.1", "/", "", "" },
	{ "GET", "https", "0x7f000001", "/", "", "" },
	{ "GET", "https", "2130706433", "/", "", "" },
	{ "GET", "https", "[::1%25lo]", "/", "", "" },
	{ "GET", "ftp", "api.example.com", "/", "", "" },
	{ "GET", "HTTPS", "api.example.com", "/", "", "" },
	{ "get", "https", "api.example.com", "/", "", "" },
	{ "TRACE", "https", "api.example.com", "/", "", "" },
	{ "CONNECT", "https", "api.example.com", "/", "", "" },
	{ "GET", "https", "api.example.com", "/", "host: x", "" },
	{ "GET", "https", "api.example.com", "/", "te: trailers", "" },
	{ "GET", "https", "api.example.com", "/", "user-agent: x", "" },
	{ "GET", "https", "api.example.com", "/", "expect: 100-continue", "" },
	{ "GET", "https", "api.example.com", "/", "content-length: +1", "" },
	{ "GET", "https", "api.example.com", "/", "content-length: 01", "" },
	{ "GET", "https", "api.example.com", "/", "content-length: 1; content-length: 1", "" },
	{ "GET", "https", "api.example.com", "/", "Accept: a", "" },
};

static size_t
read_fields(const char *text, struct writ_http_field *out)
{
	struct writ_str rest = writ_str_from(text), one, value;
	size_t n = 0;

	while (rest.len) {
		one = writ_str_cut(rest, ';', &rest);
		if (one.len && one.ptr[0] == ' ')
			one = writ_str_skip(one, 1);
		out[n].name = writ_str_cut(one, ':', &value);
		out[n++].value = writ_str_skip(value, 1);
	}
	return n;
}

static void
check(const struct writ_policy *p, const struct row *r)
{
	struct writ_http_field fields[8];
	struct writ_http_request rq;
	struct writ_http_terms terms;
	struct writ_decision d;
	struct writ_buf storage;
	const char *want = r->rule + (r->rule[0] == '!' || r->rule[0] == '?');
	enum writ_verdict v = r->rule[0] == '!' ? WRIT_REFUSE :
	    r->rule[0] == '?' ? WRIT_ASK : WRIT_ALLOW;
	const char *why;

	writ_buf_init(&storage, 65536);
	why = writ_http_read(writ_str_from(r->method), writ_str_from(r->scheme),
	    writ_str_from(r->authority), writ_str_from(r->path), fields,
	    read_fields(r->fields, fields), &storage, &rq);
	if (!why && !*r->rule)
		fail_msg("%s %s%s %s was read as %.*s", r->method, r->authority,
		    r->path, r->fields, WRIT_STR_ARG(rq.url));
	if (why && *r->rule)
		fail_msg("%s %s%s: %s", r->method, r->authority, r->path, why);
	if (!why) {
		rq.has_body = rq.has_length;
		writ_decide_http(p, &rq, &terms, &d);
		if (d.verdict != v || strcmp(d.rule, want))
			fail_msg("%s %.*s: %d by %s, not %s", r->method,
			    WRIT_STR_ARG(rq.url), (int)d.verdict, d.rule,
			    r->rule);
	}
	writ_buf_release(&storage);
}

static void
test_http__rows(void **state)
{
	struct writ_err err = { WRIT_OK, "" };
	writ_auto(writ_policy) p = NULL;
	size_t i;

	if (writ_policy_parse(writ_str_from(writ), "w", &p, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(p, &rows[i]);
}

static void
test_http__terms_are_the_strictest(void **state)
{
	static const char two[] = "writ: 1\nrandom: secure\nhttp:\n"
	    "  - { name: b, methods: [GET], url: \"https://a.example/**\", "
	    "response: { max: 5B }, rate: 30/min }\n"
	    "  - { name: a, methods: [GET], url: https://a.example/x, "
	    "response: { max: 9B }, request: { max: 3B }, "
	    "credential: { header: authorization, value: \"Bearer ${secret:k}!\" } }\n";
	struct writ_err err = { WRIT_OK, "" };
	writ_auto(writ_policy) p = NULL;
	struct writ_http_terms terms;
	struct writ_http_request rq;
	struct writ_decision d;
	struct writ_buf storage;

	if (writ_policy_parse(writ_str_from(two), "w", &p, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	writ_buf_init(&storage, 4096);
	assert_null(writ_http_read(WRIT_STR("GET"), WRIT_STR("https"),
	    WRIT_STR("a.example"), WRIT_STR("/x"), NULL, 0, &storage, &rq));
	writ_decide_http(p, &rq, &terms, &d);
	assert_int_equal(d.verdict, WRIT_ALLOW);
	assert_string_equal(d.rule, "http.a");
	assert_int_equal(terms.count, 2);
	assert_int_equal(terms.request_max, 3);
	assert_int_equal(terms.response_max, 5);
	assert_string_equal(terms.credential->name, "a");
	assert_int_equal(terms.credential->credential_parts, 2);
	assert_string_equal(terms.credential->credential[0].text, "Bearer ");
	assert_string_equal(terms.credential->credential[0].secret, "k");
	assert_string_equal(terms.credential->credential[1].text, "!");
	writ_buf_release(&storage);
}

static void
test_http__a_long_query_is_not_read(void **state)
{
	char path[WRIT_HTTP_QUERY_MAX + 4] = "/?";
	struct writ_http_request rq;
	struct writ_buf storage;

	writ_buf_init(&storage, 65536);
	memset(path + 2, 'a', WRIT_HTTP_QUERY_MAX + 1);
	assert_null(writ_http_read(WRIT_STR("GET"), WRIT_STR("https"),
	    WRIT_STR("a.example"), writ_str(path, WRIT_HTTP_QUERY_MAX + 2), NULL,
	    0, &storage, &rq));
	assert_non_null(writ_http_read(WRIT_STR("GET"), WRIT_STR("https"),
	    WRIT_STR("a.example"), writ_str(path, WRIT_HTTP_QUERY_MAX + 3), NULL,
	    0, &storage, &rq));
	writ_buf_release(&storage);
}

static void
test_http__operations_and_hours(void **state)
{
	struct writ_err err = { WRIT_OK, "" };
	writ_auto(writ_policy) p = NULL;
	struct writ_http_terms terms;
	struct writ_http_request rq;
	struct writ_decision d;
	struct writ_buf storage;

	if (writ_policy_parse(writ_str_from(writ), "w", &p, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	writ_buf_init(&storage, 4096);
	assert_null(writ_http_read(WRIT_STR("POST"), WRIT_STR("https"),
	    WRIT_STR("api.example.com"), WRIT_STR("/graphql"), NULL, 0,
	    &storage, &rq));
	writ_decide_http(p, &rq, &terms, &d);
	assert_string_equal(terms.operation_field, "operationName");
	rq.operation = WRIT_STR("Read");
	writ_decide_http(p, &rq, &terms, &d);
	assert_int_equal(d.verdict, WRIT_ALLOW);
	assert_null(terms.operation_field);
	rq.operation = WRIT_STR("Drop");
	writ_decide_http(p, &rq, &terms, &d);
	assert_string_equal(d.rule, "http.ops.operations");
	writ_buf_reset(&storage);
	assert_null(writ_http_read(WRIT_STR("GET"), WRIT_STR("https"),
	    WRIT_STR("api.example.com"), WRIT_STR("/day"), NULL, 0, &storage,
	    &rq));
	rq.minute = 4 * 1440 + 8 * 60;
	writ_decide_http(p, &rq, &terms, &d);
	assert_string_equal(d.rule, "http.day");
	rq.minute = 4 * 1440 + 18 * 60;
	writ_decide_http(p, &rq, &terms, &d);
	assert_string_equal(d.rule, "http.day.hours");
	writ_buf_release(&storage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http__rows),
		cmocka_unit_test(test_http__terms_are_the_strictest),
		cmocka_unit_test(test_http__a_long_query_is_not_read),
		cmocka_unit_test(test_http__operations_and_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
