/* Random http entries from a fixed seed: what is proved within another writ must hold for every
 * request of a small world. */
#include "policy_test.h"

#include "policy/subset.h"

#define ROUNDS 6000
#define ENTRIES_MAX 4
#define PIN "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static const char *const hosts[] = { "a.example.com", "b.example.com",
	"*.example.com" };
static const char *const paths[] = { "/x", "/x/*", "/x/**", "/**", "/x/y",
	"/*/y", "/x/*/z", "/**/y", "/x/y*", "/X/Y", "/x/%EF%BD%99" };
static const char *const methods[] = { "GET", "PUT", "GET, PUT" };
static const char *const extras[] = { "", ", query: [q]",
	", query: { q: [a] }", ", query: [q, r]", ", request: { max: 5B }",
	", request: { max: 0 }", ", response: { max: 7B }",
	", request: { headers: [x-a] }", ", request: { headers: [x-a, accept] }",
	", ask: each", ", ask: first", ", rate: 10/min", ", rate: 5/min",
	", rate: 5/s", ", concurrency: 2", ", total: { requests: 3 }",
	", credential: { header: x-k, value: \"${secret:k}\" }",
	", credential: { header: x-k, value: \"${secret:m}\" }",
	", request: { types: [text/a] }", ", hours: [\"mon 00:00-24:00\"]",
	", hours: [\"mon 08:00-10:00\"]", ", durable: true" };

struct entry {
	unsigned host, path, method, extra;
	bool deny;
};

struct world {
	struct entry v[ENTRIES_MAX];
	size_t n;
};

static uint32_t
next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

#define PICK(seed, t) (next(seed) % (sizeof(t) / sizeof((t)[0])))

static void
make_entry(uint64_t *seed, struct entry *e)
{
	*e = (struct entry){ PICK(seed, hosts), PICK(seed, paths),
		PICK(seed, methods), next(seed) % 2 ? PICK(seed, extras) : 0,
		next(seed) % 6 == 0 };
}

static void
make(uint64_t *seed, struct world *w)
{
	size_t i;

	w->n = 1 + next(seed) % (ENTRIES_MAX - 1);
	for (i = 0; i < w->n; i++)
		make_entry(seed, &w->v[i]);
}

/* One small thing of it: narrowed, widened, gone, or new. */
static void
change(uint64_t *seed, struct world *w)
{
	struct entry *e = &w->v[next(seed) % w->n];

	switch (next(seed) % 6) {
	case 0:
		e->host = PICK(seed, hosts);
		break;
	case 1:
		e->path = PICK(seed, paths);
		break;
	case 2:
		e->method = PICK(seed, methods);
		break;
	case 3:
		e->extra = PICK(seed, extras);
		break;
	case 4:
		if (w->n > 1)
			*e = w->v[--w->n];
		break;
	default:
		if (w->n < ENTRIES_MAX)
			make_entry(seed, &w->v[w->n++]);
	}
}

static struct writ_policy *
build(const struct world *w)
{
	writ_auto_release(writ_buf) b;
	struct writ_policy *p = NULL;
	struct writ_err err = { WRIT_OK, "" };
	int pass;
	size_t i;

	writ_buf_init(&b, 65536);
	writ_buf_cstr(&b, "writ: 1\nrandom: secure\n");
	for (pass = 0; pass < 2; pass++) {
		writ_buf_cstr(&b, pass ? "deny: [" : "http: [");
		for (i = 0; i < w->n; i++) {
			const struct entry *e = &w->v[i];

			if (e->deny != (pass == 1))
				continue;
			writ_buf_printf(&b, pass ? "{ name: n%zu, http: { url: "
			    "\"https://%s%s\", methods: [%s] }%s }, " :
			    "{ name: n%zu, url: \"https://%s%s\", methods: [%s]"
			    "%s }, ", i, hosts[e->host], paths[e->path],
			    methods[e->method], pass ? "" : extras[e->extra]);
		}
		writ_buf_cstr(&b, "]\n");
	}
	if (writ_policy_parse(writ_buf_view(&b), "w", &p, &err) != WRIT_OK)
		fail_msg("%s in %.*s", err.msg, (int)b.len, (char *)b.ptr);
	return p;
}

/* ---- every request of the small world */

struct ask {
	const char *host, *path, *method;
	struct writ_http_field field;	/* name NULL: none */
	uint64_t length;		/* 0: no body */
	uint64_t minute;
};

static enum writ_verdict
judge(const struct writ_policy *p, const struct ask *a,
    struct writ_http_terms *terms)
{
	struct writ_http_request rq;
	struct writ_decision d;
	struct writ_buf storage;

	writ_buf_init(&storage, 4096);
	assert_null(writ_http_read(writ_str_from(a->method), WRIT_STR("https"),
	    writ_str_from(a->host), writ_str_from(a->path), &a->field,
	    a->field.name.ptr ? 1 : 0, &storage, &rq));
	rq.has_body = rq.has_length = a->length > 0;
	rq.length = a->length;
	rq.minute = a->minute;
	writ_decide_http(p, &rq, terms, &d);
	writ_buf_release(&storage);
	return d.verdict;
}

static bool
same_credential(const struct writ_http_terms *a, const struct writ_http_terms *b)
{
	if (!a->credential || !b->credential)
		return a->credential == b->credential;
	return !strcmp(a->credential->credential[0].secret,
	    b->credential->credential[0].secret);
}

/* What `a` does and `b` does not allow, in words; false: nothing. */
static bool
counter(const struct writ_policy *a, const struct writ_policy *b,
    const struct ask *ask, char *out, size_t cap)
{
	struct writ_http_terms x, y;
	enum writ_verdict va = judge(a, ask, &x), vb = judge(b, ask, &y);
	const char *what = NULL;

	if (va == WRIT_REFUSE)
		return false;
	if (vb == WRIT_REFUSE || (va == WRIT_ALLOW && vb == WRIT_ASK))
		what = "refused or asked there";
	else if (x.request_max > y.request_max || x.response_max > y.response_max)
		what = "larger";
	else if (!same_credential(&x, &y))
		what = "with another credential";
	if (what)
		snprintf(out, cap, "%s %s%s %.*s length %u is %s", ask->method,
		    ask->host, ask->path, (int)ask->field.name.len,
		    ask->field.name.ptr ? ask->field.name.ptr : "",
		    (unsigned)ask->length, what);
	return what != NULL;
}

static bool
any_counter(const struct writ_policy *a, const struct writ_policy *b, char *out,
    size_t cap)
{
	static const char *const hs[] = { "a.example.com", "b.example.com",
		"c.example.com", "example.com" };
	static const char *const ps[] = { "/x", "/x/y", "/x/y/", "/x/q/z", "/y",
		"/", "/x/", "/x/yes", "/x?q=a", "/x?q=b", "/x?r=a&q=a",
		"/x/y?q=a", "/X/y", "/X/Y", "/x/%EF%BD%99" };
	static const char *const ms[] = { "GET", "PUT" };
	static const struct writ_http_field fs[] = { { { NULL, 0 }, { "", 0 } },
		{ { "x-a", 3 }, { "1", 1 } }, { { "accept", 6 }, { "1", 1 } },
		{ { "content-type", 12 }, { "text/a", 6 } } };
	static const uint64_t lengths[] = { 0, 5, 6 }, minutes[] = { 60, 540,
		2000 };
	size_t h, p, m, f, l, t;

	for (h = 0; h < 4; h++)
	for (p = 0; p < 15; p++)
	for (m = 0; m < 2; m++)
	for (f = 0; f < 4; f++)
	for (l = 0; l < 3; l++)
	for (t = 0; t < (l || f ? 1 : 3); t++) {
		struct ask ask = { hs[h], ps[p], ms[m], fs[f], lengths[l],
			minutes[t] };

		if (counter(a, b, &ask, out, cap))
			return true;
	}
	return false;
}

static void
check(const struct world *x, const struct world *y, size_t tally[3])
{
	writ_auto(writ_policy) a = build(x);
	writ_auto(writ_policy) b = build(y);
	writ_auto_release(writ_buf) why;
	char bad[256];
	bool refuted, proved;

	writ_buf_init(&why, 65536);
	proved = writ_policy_subset(a, b, &why) == WRIT_SUBSET_PROVED;
	refuted = any_counter(a, b, bad, sizeof(bad));
	if (proved && refuted)
		fail_msg("proved, but %s", bad);
	tally[proved ? 0 : refuted ? 1 : 2]++;
}

static void
test_http_subset__what_is_proved_holds(void **state)
{
	size_t tally[3] = { 0 }, i, k;
	struct world x, y;
	uint64_t seed = 5;

	for (i = 0; i < ROUNDS; i++) {
		make(&seed, &y);
		x = y;
		for (k = 1 + next(&seed) % 3; k > 0; k--)
			change(&seed, &x);
		check(&x, &y, tally);
	}
	print_message("%zu proved, %zu refuted, %zu unknown\n", tally[0],
	    tally[1], tally[2]);
	assert_true(tally[0] > 300 && tally[1] > 1000);
}

struct pair_row {
	const char *a, *b;
	bool within;
};

static void
check_rows(const struct pair_row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		writ_auto(writ_policy) a = must_parse(rows[i].a);
		writ_auto(writ_policy) b = must_parse(rows[i].b);

		if ((writ_policy_subset(a, b, NULL) == WRIT_SUBSET_PROVED) !=
		    rows[i].within)
			fail_msg("row %zu", i);
	}
}

static void
test_http_subset__budgets_sum(void **state)
{
#define H(n, extra) "{ name: " n ", methods: [GET], url: \"https://a.example.com/" \
	n "\"" extra " }"
#define W(v) "writ: 1\nrandom: secure\nhttp: [" v "]\n"
#define ALL(extra) W("{ name: all, methods: [GET], url: \"https://a.example.com/**\"" \
	extra " }")
	static const struct pair_row rows[] = {
		{ W(H("a", ", rate: 5/min") "," H("b", ", rate: 5/min")),
		    ALL(", rate: 10/min"), true },
		{ W(H("a", ", rate: 5/min") "," H("b", ", rate: 6/min")),
		    ALL(", rate: 10/min"), false },
		{ W(H("a", ", rate: 5/h")), ALL(", rate: 5/min"), true },
		{ W(H("a", ", rate: 5/s")), ALL(", rate: 5/min"), false },
		{ W(H("a", "")), ALL(", rate: 10/min"), false },
		{ W(H("a", ", total: { requests: 3 }") ","
		    H("b", ", total: { requests: 3 }")),
		    ALL(", total: { requests: 5 }"), false },
		{ W(H("a", ", total: { bytes: 3B }")),
		    ALL(", total: { bytes: 5B }"), true },
		{ W(H("a", ", concurrency: 2")), ALL(", concurrency: 1"), false },
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

/* What no request alone shows. */
static void
test_http_subset__where_it_leads_and_what_is_added(void **state)
{
#define AT(url) W("{ name: a, methods: [GET], url: \"" url "\" }")
#define OPS(v) ", request: { operations: { field: method, values: [" v "] } }"
#define CRED ", credential: { header: x-k, value: \"${secret:k}\" }"
#define TO(v) W(H("a", ", addresses: [\"" v "\"]"))
	static const struct pair_row rows[] = {
		{ TO("10.1.0.0/16"), TO("10.0.0.0/8"), true },
		{ TO("10.0.0.0/8"), TO("10.1.0.0/16"), false },
		/* one address may be this machine's own, which no wider range opens */
		{ TO("10.1.2.3/32"), TO("10.0.0.0/8"), false },
		{ TO("127.0.0.1/32"), TO("0.0.0.0/0"), false },
		{ TO("fd00:42::42/128"), TO("fd00::/8"), false },
		{ TO("127.0.0.1/32"), TO("127.0.0.1/32"), true },
		{ TO("10.0.0.0/8"), W(H("a", "")), false },
		{ W(H("a", "")), TO("0.0.0.0/0"), false },
		{ W(H("a", CRED)), W(H("a", CRED)), true },
		/* refused there: two entries add something */
		{ W(H("a", CRED)), W(H("a", CRED) ", { name: b, methods: [GET], "
		    "url: \"https://a.example.com/**\"" CRED " }"), false },
		{ W(H("a", ", tls: { pins: [\"sha256//" PIN "\"] }")),
		    W(H("a", "")), true },
		{ W(H("a", "")),
		    W(H("a", ", tls: { pins: [\"sha256//" PIN "\"] }")), false },
		{ W(H("a", ", response: { headers: [x-a] }")),
		    W(H("a", ", response: { headers: [x-a, x-b] }")), true },
		{ W(H("a", "")), W(H("a", ", response: { headers: [x-a] }")),
		    false },
		{ AT("https://*.b.example.com/"), AT("https://example.com/"),
		    false },
		{ AT("https://*.b.example.com/"), AT("https://*.example.com/"),
		    false },
		{ AT("https://c.b.example.com/"), AT("https://*.b.example.com/"),
		    true },
		{ AT("http://b.example.com/"), AT("https://b.example.com/"),
		    false },
		{ AT("https://b.example.com:80/"), AT("http://b.example.com/"),
		    false },
		{ AT("https://b.example.com:8443/"),
		    AT("https://b.example.com/"), false },
		{ W(H("a", OPS("Read"))), W(H("a", OPS("Read, Write"))), true },
		{ W(H("a", OPS("Read, Write"))), W(H("a", OPS("Read"))), false },
		{ W(H("a", ", request: { max: 1B }")), W(H("a", OPS("Read"))),
		    false },
		{ W(H("a", ", tls: { ca: /a.pem }")), W(H("a", "")), false },
		{ W(H("a", "")), W(H("a", ", tls: { ca: /a.pem }")), false },
		{ W(H("a", ", tls: { ca: /a.pem }")),
		    W(H("a", ", tls: { ca: /a.pem }")), true },
		{ W(H("a", ", response: { types: [text/a, text/b] }")),
		    W(H("a", ", response: { types: [text/a] }")), false },
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

/* An entry may be within each of many, and yet too many cover it. */
static void
test_http_subset__more_than_may_match(void **state)
{
	writ_auto(writ_policy) a = must_parse(W(H("a", "")));
	writ_auto_release(writ_buf) text;
	unsigned n, i;

	for (n = WRIT_HTTP_MATCHES_MAX; n <= WRIT_HTTP_MATCHES_MAX + 1; n++) {
		writ_auto(writ_policy) b = NULL;

		writ_buf_init(&text, 65536);
		writ_buf_cstr(&text, "writ: 1\nrandom: secure\nhttp:\n");
		for (i = 0; i < n; i++)
			writ_buf_printf(&text, "  - { name: n%u, methods: "
			    "[GET], url: \"https://a.example.com/**\" }\n", i);
		writ_buf_char(&text, '\0');
		b = must_parse((const char *)text.ptr);
		assert_int_equal(writ_policy_subset(a, b, NULL) ==
		    WRIT_SUBSET_PROVED, n == WRIT_HTTP_MATCHES_MAX);
		writ_buf_release(&text);
	}
}

/* Deny entries meet every spelling, also where the writs differ only in that. */
static void
test_http_subset__folded_deny(void **state)
{
#define DENY(v) "deny: [{ name: d, http: { url: \"https://a.example.com" v \
	"\" } }]\n"
	static const struct pair_row rows[] = {
		{ W(H("a", "")), W(H("a", "")) DENY("/A"), false },
		{ W(H("a", "")), W(H("a", "")) DENY("/a/"), false },
		{ W(H("a", "")), W(H("a", "")) DENY("/%EF%BC%A1"), false },
		{ W(H("a", "")), W(H("a", "")) DENY("/b"), true },
		{ ALL("") DENY("/%41dmin/**"), ALL("") DENY("/ADMIN/x"), true },
		{ ALL("") DENY("/admin/*"), ALL("") DENY("/admin"), false },
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_http_subset__sockets(void **state)
{
#define S(v) "writ: 1\nrandom: secure\nsockets: [" v "]\n"
#define TCP(extra) S("{ name: a, connect: \"tcp://a.b:1\"" extra " }")
#define NO_SOCKET "deny: [{ name: d, sockets: { connect: \"tcp://a.b:1\" } }]\n"
	static const struct pair_row rows[] = {
		{ TCP(""), TCP(""), true },
		{ TCP(""), S(""), false },
		{ S(""), TCP(""), true },
		{ TCP(""), S("{ name: a, connect: \"udp://a.b:1\" }"), false },
		{ TCP(""), S("{ name: a, connect: \"tcp://a.b:2\" }"), false },
		{ TCP(""), S("{ name: a, connect: \"tcp://a.c:1\" }"), false },
		{ S("{ name: a, connect: \"tcp://127.0.0.1:1\" }"),
		    S("{ name: a, listen: \"tcp://127.0.0.1:1\" }"), false },
		{ S("{ name: a, listen: \"tcp://127.0.0.1:1\" }"),
		    S("{ name: a, listen: \"tcp://127.0.0.1:0\" }"), false },
		{ TCP(", total: { bytes: 1KiB }"), TCP(""), true },
		{ TCP(", total: { bytes: 1KiB }"), TCP(", total: { bytes: 2KiB }"),
		    true },
		{ TCP(", total: { bytes: 2KiB }"), TCP(", total: { bytes: 1KiB }"),
		    false },
		{ TCP(""), TCP(", total: { bytes: 1KiB }"), false },
		{ TCP(", concurrency: 2"), TCP(", concurrency: 1"), false },
		{ TCP(""), TCP(", concurrency: 1"), false },
		{ TCP(", addresses: [\"10.1.0.0/16\"]"),
		    TCP(", addresses: [\"10.0.0.0/8\"]"), true },
		{ TCP(", addresses: [\"10.0.0.1/32\"]"),
		    TCP(", addresses: [\"10.0.0.0/8\"]"), false },
		{ TCP(", addresses: [\"10.0.0.0/8\"]"), TCP(""), false },
		{ TCP(", ask: each"), TCP(", ask: first"), true },
		{ TCP(", ask: first"), TCP(", ask: each"), false },
		{ TCP(", durable: true"), TCP(""), true },
		{ TCP(""), TCP(", durable: true"), false },
		{ TCP(""), TCP("") NO_SOCKET, false },
		{ TCP("") NO_SOCKET, TCP("") NO_SOCKET, true },
		{ TCP("") NO_SOCKET, S(""), true },
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_subset__what_is_proved_holds),
		cmocka_unit_test(test_http_subset__budgets_sum),
		cmocka_unit_test(
		    test_http_subset__where_it_leads_and_what_is_added),
		cmocka_unit_test(test_http_subset__more_than_may_match),
		cmocka_unit_test(test_http_subset__folded_deny),
		cmocka_unit_test(test_http_subset__sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
