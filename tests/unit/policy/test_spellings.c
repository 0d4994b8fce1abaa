/* Generated spellings of hosts, ports and paths: what is allowed must be, once decoded by the
 * simple rules here, what the entry says; what is denied must be so in every spelling. */
#include "policy_test.h"

#include "policy/fold.h"

#define HOST "api.example.com"
#define PATH "/v1/items/a"
#define TEXT_MAX 256
#define LETTER_MAX 16

struct tally {
	size_t tried, unread, refused, allowed;
};

static enum writ_verdict
judge(const struct writ_policy *p, const char *scheme, struct writ_str host,
    struct writ_str path, struct tally *t, char *url, size_t cap)
{
	struct writ_http_request rq;
	struct writ_http_terms terms;
	struct writ_decision d;
	struct writ_buf storage;

	writ_buf_init(&storage, 32768);
	t->tried++;
	d.verdict = WRIT_REFUSE;
	url[0] = '\0';
	if (writ_http_read(WRIT_STR("GET"), writ_str_from(scheme), host, path,
	    NULL, 0, &storage, &rq)) {
		t->unread++;
	} else {
		writ_decide_http(p, &rq, &terms, &d);
		(void)snprintf(url, cap, "%.*s", WRIT_STR_ARG(rq.url));
		if (d.verdict == WRIT_REFUSE)
			t->refused++;
		else
			t->allowed++;
	}
	writ_buf_release(&storage);
	return d.verdict;
}

/* ---- what may stand between, or in place of, the bytes of a name or path */

static const struct writ_str pieces[] = {
	{ "\0", 1 }, { "\t", 1 }, { "\n", 1 }, { "\r", 1 }, { "\r\n", 2 },
	{ " ", 1 }, { "\x0b", 1 }, { "\x7f", 1 }, { "\\", 1 }, { "/", 1 },
	{ "//", 2 }, { "@", 1 }, { "#", 1 }, { "?", 1 }, { ":", 1 }, { ";", 1 },
	{ ".", 1 }, { "..", 2 }, { "/.", 2 }, { "/./", 3 }, { "/../", 4 },
	{ "-", 1 }, { "_", 1 }, { "*", 1 }, { "[", 1 }, { "]", 1 }, { "%", 1 },
	{ "%0", 2 }, { "%zz", 3 }, { "%u0061", 6 }, { "%00", 3 }, { "%09", 3 },
	{ "%0a", 3 }, { "%0d%0a", 6 }, { "%20", 3 }, { "%23", 3 }, { "%25", 3 },
	{ "%2e", 3 }, { "%2E%2e", 6 }, { "%2f", 3 }, { "%2F..%2f", 8 },
	{ "%3a", 3 }, { "%3b", 3 }, { "%3f", 3 }, { "%40", 3 }, { "%5c", 3 },
	{ "%252e", 5 }, { "%252f", 5 }, { "%c0%ae", 6 }, { "%c0%af", 6 },
	{ "%e0%80%af", 9 }, { "%ff", 3 }, { "%c2%ad", 6 }, { "%e2%80%8b", 9 },
	{ "%ef%bc%8f", 9 }, { "%ef%bc%8e", 9 }, { "%e2%80%a4", 9 },
	{ "%e3%80%82", 9 }, { "\xe3\x80\x82", 3 }, { "\xef\xbc\x8e", 3 },
	{ "\xc2\xad", 2 }, { "\xe2\x80\x8b", 3 }, { "\xff", 1 }, { "xn--", 4 },
	{ "'", 1 }, { "\"", 1 }, { "<", 1 }, { "|", 1 }, { "^", 1 }, { "`", 1 },
	{ "{", 1 }, { "~", 1 }, { "$", 1 }, { "&", 1 }, { "+", 1 }, { ",", 1 },
	{ "=", 1 }, { "!", 1 }, { "0", 1 }, { "a", 1 }, { "A", 1 },
};

#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

/* `base` with `piece` at `at`, in place of `gone` bytes. */
static struct writ_str
splice(const char *base, size_t at, size_t gone, struct writ_str piece, char *out)
{
	size_t n = strlen(base);

	memcpy(out, base, at);
	memcpy(out + at, piece.ptr, piece.len);
	memcpy(out + at + piece.len, base + at + gone, n - at - gone);
	return writ_str(out, n - gone + piece.len);
}

static bool
is_plain_host(struct writ_str s)
{
	const char *want = HOST;
	size_t i;

	if (s.len > 4 && !memcmp(s.ptr + s.len - 4, ":443", 4))
		s.len -= 4;
	for (i = 0; i < s.len && want[i]; i++) {
		char c = s.ptr[i];

		if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != want[i])
			return false;
	}
	return i == s.len && !want[i];
}

/* Decoded once, without any other rule. */
static bool
is_plain_path(struct writ_str s)
{
	const char *want = PATH;
	size_t i, k;

	for (i = k = 0; i < s.len; i++, k++) {
		unsigned c = (unsigned char)s.ptr[i];

		if (c == '%' && s.len - i > 2) {
			if (sscanf(s.ptr + i + 1, "%2x", &c) != 1)
				return false;
			i += 2;
		}
		if (!want[k] || c != (unsigned char)want[k])
			return false;
	}
	return !want[k];
}

static void
check(const struct writ_policy *p, const char *scheme, struct writ_str host,
    struct writ_str path, struct tally *t)
{
	char url[1024];
	bool allowed = judge(p, scheme, host, path, t, url, sizeof(url)) ==
	    WRIT_ALLOW;
	bool plain = is_plain_host(host) && is_plain_path(path) &&
	    !strcmp(scheme, "https");

	if (allowed && (!plain || strcmp(url, "https://" HOST PATH)))
		fail_msg("%.*s %.*s was allowed as %s", WRIT_STR_ARG(host),
		    WRIT_STR_ARG(path), url);
}

static const char *const authorities[] = { HOST ".evil.test", "evil." HOST,
	"evil-" HOST, "x" HOST, HOST "x", HOST ".", HOST "..", "." HOST,
	HOST ":", HOST ":0443", HOST ":80", HOST ":0", HOST ":65979",
	HOST ":-1", HOST ":+443", HOST ": 443", HOST ":443:80", HOST ":443 ",
	HOST ":0x1bb", HOST ":443@evil.test", "evil.test#@" HOST, "@" HOST,
	":@" HOST, "user:pass@" HOST, HOST "@evil.test", "evil.test\\@" HOST,
	"evil.test:443\\@" HOST, "[" HOST "]", "*.example.com", "*", "",
	"api.EXAMPLE.com.", "example.com", "a.api.example.com",
	"api..example.com", "api%2eexample.com", "%61pi.example.com",
	"api.example.com%00.evil.test", "api.example.c\xd0\xbem",
	"xn--pi-7lb.example.com", "127.0.0.1", "0x7f.1", "2130706433",
	"0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "1.2.3.4.5" };
static const char *const schemes[] = { "http", "HTTPS", "Https", "https:",
	"https ", " https", "ws", "wss", "ftp", "file", "gopher", "data",
	"jar", "http+unix", "unix", "https\n", "https://" };

static void
test_spellings__allow_nothing_else(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nrandom: secure\nhttp:\n"
	    "  - { name: a, methods: [GET], url: \"https://" HOST PATH "\" }\n");
	struct writ_str host = WRIT_STR(HOST), path = WRIT_STR(PATH);
	struct tally t = { 0 };
	char text[TEXT_MAX];
	size_t i, at, gone;

	for (i = 0; i < PIECES; i++) {
		for (gone = 0; gone < 2; gone++) {
			for (at = 0; at + gone <= host.len; at++)
				check(p, "https", splice(HOST, at, gone,
				    pieces[i], text), path, &t);
			for (at = 0; at + gone <= path.len; at++)
				check(p, "https", host, splice(PATH, at, gone,
				    pieces[i], text), &t);
		}
	}
	for (i = 0; i < 256; i++)
		for (at = 0; at < path.len; at++) {
			char one[4];

			(void)snprintf(one, sizeof(one), "%%%02x", (unsigned)i);
			check(p, "https", host, splice(PATH, at, 1,
			    writ_str(one, 3), text), &t);
		}
	for (i = 0; i < sizeof(authorities) / sizeof(char *); i++)
		check(p, "https", writ_str_from(authorities[i]), path, &t);
	for (i = 0; i < sizeof(schemes) / sizeof(char *); i++)
		check(p, schemes[i], host, path, &t);
	print_message("%zu spellings: %zu unread, %zu refused, %zu equal\n",
	    t.tried, t.unread, t.refused, t.allowed);
	/* the equal ones: upper case, and letters that are percent-encoded */
	assert_true(t.tried > 5000 && t.allowed > 5 && t.allowed < 60);
}

/* ---- deny */

/* The spellings of one letter of "admin", by kind. */
static size_t
letter(char c, unsigned kind, char *out)
{
	uint32_t u = (uint32_t)(c - 'a');

	switch (kind) {
	case 1:
		return (size_t)snprintf(out, LETTER_MAX, "%c", c - 32);
	case 2:
		return (size_t)snprintf(out, LETTER_MAX, "%%%02X", (unsigned)c);
	case 3:
		return (size_t)snprintf(out, LETTER_MAX, "%%%02x", (unsigned)c - 32);
	case 4:		/* full-width, capital and small */
		return (size_t)snprintf(out, LETTER_MAX, "%%EF%%BC%%%02X", 0xa1 + u);
	case 5:
		return (size_t)snprintf(out, LETTER_MAX, "%%ef%%bd%%%02x", 0x81 + u);
	case 6:		/* circled */
		return u < 16 ? (size_t)snprintf(out, LETTER_MAX, "%%E2%%93%%%02X",
		    0x90 + u) : 0;
	case 7:		/* mathematical bold */
		return (size_t)snprintf(out, LETTER_MAX, "%%F0%%9D%%90%%%02X", 0x80 + u);
	default:
		out[0] = c;
		return 1;
	}
}

static void
test_spellings__deny_meets_all(void **state)
{
	writ_auto(writ_policy) p = must_parse("writ: 1\nrandom: secure\nhttp:\n"
	    "  - { name: a, methods: [GET], url: \"https://" HOST "/**\" }\n"
	    "deny: [{ name: d, http: { url: \"https://" HOST "/**/Admin/**\" } }]\n");
	static const char *const frames[] = { "/%s", "/%s/", "/%s/x", "/v1/%s",
		"/v1/%s/", "/v1/%s/users/1", "/V1/x/%s/y?" };
	struct tally t = { 0 };
	char word[128], path[192], url[1024];
	unsigned kinds, i, f;

	for (kinds = 0; kinds < 8 * 8 * 8 * 8 * 8; kinds += 7) {
		size_t n = 0;

		for (i = 0; i < 5; i++)
			n += letter("admin"[i], (kinds >> (3 * i)) & 7, word + n);
		word[n] = '\0';
		f = kinds % 7;
		(void)snprintf(path, sizeof(path), "%.*s%s%s",
		    (int)(strchr(frames[f], '%') - frames[f]), frames[f], word,
		    strchr(frames[f], '%') + 2);
		if (judge(p, "https", WRIT_STR(HOST), writ_str_from(path), &t,
		    url, sizeof(url)) == WRIT_ALLOW)
			fail_msg("%s was allowed", path);
	}
	assert_true(t.tried > 4000 && t.unread == 0);
	assert_int_equal(judge(p, "https", WRIT_STR(HOST),
	    WRIT_STR("/v1/administrator"), &t, url, sizeof(url)), WRIT_ALLOW);
}

static void
fold(const char *path, bool pattern, const char *want)
{
	char out[WRIT_FOLD_ROOM(TEXT_MAX)];
	size_t n = writ_fold_path(writ_str_from(path), pattern, out);

	if (n != strlen(want) || memcmp(out, want, n))
		fail_msg("%s is %.*s, not %s", path, (int)n, out, want);
}

static void
test_spellings__folding(void **state)
{
	fold("/", false, "/");
	fold("/A/b/", false, "/a/b");
	fold("/a%3Ab%20c", false, "/a:b c");
	fold("/a*b%2A", false, "/a%2Ab%2A");
	fold("/a*b%2A/**", true, "/a*b%2A/**");
	fold("/%EF%BC%8A", true, "/%2A");
	fold("/100%25", false, "/100%25");
	fold("/%C3%89", false, "/%C3%89");
	fold("/%E2%84%AA%C5%BF%C4%B1%C4%B0", false, "/ksii");
	fold("/%F0%9D%9F%98%F0%9D%9F%BF", false, "/09");
	fold("/%FF", false, "/%FF");
	fold("/%F0%9D", false, "/%F0%9D");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings__allow_nothing_else),
		cmocka_unit_test(test_spellings__deny_meets_all),
		cmocka_unit_test(test_spellings__folding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
