#include <errno.h>
#include <stdarg.h>

#include "cli/probe.h"
#include "cli/probe_world.h"

#define LINES_MAX (256 * 1024)
#define TEXT_MAX 4096

/* One network probe: the requests of an attack, each of which must fail, and one that must not. */
struct net_case {
	const char *id;
	/* writ and lines: "{port}" is the origin's port.  A line is JSON, as guests/probe/http_probe.py
	 * reads it. */
	const char *writ, *lines;
	void (*make)(struct writ_buf *b);	/* instead of lines */
	const char *answers;	/* what each answer holds; NULL: anything but a status */
	const char *never;	/* what no answer may hold; NULL: the token */
	unsigned connections, queries;	/* at most; ANY_NUMBER */
	const char *ok_writ, *ok_line, *ok_answer;	/* NULL: as the attack; "status 200" */
	bool unrecorded;	/* answers are the origin's own: nothing was refused */
};

#define ANY_NUMBER 100000
#define GRANT(rest) "random: secure\nhttp:\n  - { name: o, " rest " }\n"
#define LOOPBACK ", addresses: [\"127.0.0.1/32\"]"
#define ITEMS GRANT("methods: [GET], " \
	"url: \"http://origin.test:{port}/v1/items/*\"" LOOPBACK)
#define ALL GRANT("methods: [GET, PUT, POST], " \
	"url: \"http://origin.test:{port}/**\"" LOOPBACK)
#define NAMES GRANT("methods: [GET], url: \"http://*.x.test:{port}/**\"")
#define GET(host, path) "[\"GET\",\"http\",\"" host "\",\"" path "\",[]]\n"
#define GET_FIELD(name, value) "[\"GET\",\"http\",\"origin.test:{port}\"," \
	"\"/v1/items/1\",[[\"" name "\",\"" value "\"]]]\n"
#define OK_ITEM GET("origin.test:{port}", "/v1/items/1")
#define DENIED "error HttpRequestDenied"
#define PROHIBITED "error DestinationIpProhibited"

static void
put_get(struct writ_buf *b, const char *authority, const char *path)
{
	writ_buf_cstr(b, "[\"GET\",\"http\",");
	writ_buf_json(b, writ_str_from(authority));
	writ_buf_char(b, ',');
	writ_buf_json(b, writ_str_from(path));
	writ_buf_cstr(b, ",[]]\n");
}

static void put_host(struct writ_buf *b, const char *fmt, ...) WRIT_PRINTF(2, 3);
static void
put_host(struct writ_buf *b, const char *fmt, ...)
{
	char authority[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(authority, sizeof(authority), fmt, ap);
	va_end(ap);
	put_get(b, authority, "/v1/items/1");
}

/* ---- spellings of authorities */

static const char *const hosts[] = { "origin.test.evil.test:{port}",
	"evil-origin.test:{port}", "xorigin.test:{port}", "test:{port}",
	"a.origin.test:{port}", "origin.test@evil.test:{port}",
	"evil.test@origin.test:{port}", "a:b@origin.test:{port}",
	"@origin.test:{port}", "evil.test#@origin.test:{port}",
	"evil.test/@origin.test:{port}", "evil.test?@origin.test:{port}",
	"evil.test\\@origin.test:{port}", "%6frigin.test:{port}",
	"origin%2etest:{port}", "origin.test%00:{port}", "origin..test:{port}",
	".origin.test:{port}", "origin.test..:{port}", "origin.test:0{port}",
	"origin.test:00{port}", "origin.test:80", "origin.test", "origin.test:0",
	"origin.test:65536", "origin.test:99999999999999999999",
	"origin.test:-1", "origin.test:+{port}", "origin.test: {port}",
	"origin.test:{port} ", "origin.test:", "origin.test::{port}",
	"origin.test:{port}:80", "origin.test:{port}/", "origin.test:{port}#",
	"origin.test:0x50", "[origin.test]:{port}", "[::1]:{port}",
	"::1:{port}", "[::1%25lo]:{port}", "[fe80::1%25eth0]:{port}",
	"[fe80::1%eth0]:{port}", "[v1.x]:{port}", "[::ffff:127.0.0.1]:{port}",
	"[::ffff:7f00:1]:{port}", "[0:0:0:0:0:0:0:1]:{port}", "[::1:{port}",
	"::1]:{port}", "[]:{port}",
	"\xef\xbd\x8frigin.test:{port}",	/* full-width o */
	"\xd0\xberigin.test:{port}",		/* Cyrillic o */
	"origin\xe3\x80\x82test:{port}",	/* ideographic full stop */
	"origin\xef\xbc\x8etest:{port}",	/* full-width full stop */
	"origin.te\xc5\xbft:{port}",		/* long s */
	"or\xc4\xb1gin.test:{port}",		/* dotless i */
	"or\xc2\xadigin.test:{port}",		/* soft hyphen */
	"or\xe2\x80\x8bigin.test:{port}",	/* zero-width space */
	"\xe2\x80\xaeorigin.test:{port}",	/* right-to-left override */
	"xn--rigin-kbd.test:{port}", "xn--:{port}",
	"origin.test,evil.test:{port}", "origin.test;evil.test:{port}",
	"origin_test:{port}", "origin-test:{port}", "localhost:{port}",
	"localhost.localdomain:{port}", "ip6-localhost:{port}",
	"a.localhost:{port}", "unix:/run/x.sock", "unix%3a%2frun%2fx:{port}" };

/* Every control and punctuation character put before, into and behind a granted name. */
static void
make_hosts(struct writ_buf *b)
{
	size_t i;
	int c;

	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		put_host(b, "%s", hosts[i]);
	for (c = 1; c < 128; c++) {
		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || c == '{' || c == '}')
			continue;
		put_host(b, "%corigin.test:{port}", c);
		if (c != '.')
			put_host(b, "origin%c.test:{port}", c);
		put_host(b, "origin.test%cevil.test:{port}", c);
		put_host(b, "evil.test%corigin.test:{port}", c);
	}
}

/* ---- spellings of addresses */

static const char *const literals[] = { "127.0.0.1", "127.1", "127.0.1",
	"127.127.127.127", "0", "0.0.0.0", "2130706433", "0x7f000001",
	"0x7f.0.0.1", "0x7f.1", "017700000001", "0177.0.0.1", "0177.1",
	"127.0.0.01", "127.0.0.1.", "256.0.0.1", "383.0.0.1", "127.0.0.257",
	"127.0.0.1.x.test.", "00000127.0.0.1", "127.000.000.001", "4294967295",
	"[::1]", "[::]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:7f00:1]",
	"[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
	"[2002:7f00:1::]", "[2001:0:0:0:0:0:80ff:fffe]", "[::ffff:0:7f00:1]",
	"[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]",
	"169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376",
	"169.254.43518", "[::ffff:a9fe:a9fe]", "100.100.100.200",
	"168.63.129.16", "192.0.0.192", "10.0.0.1", "172.16.0.1",
	"192.168.0.1", "100.64.0.1", "224.0.0.1", "255.255.255.255",
	"240.0.0.1", "metadata.google.internal", "metadata", "instance-data",
	/* circled and full-width digits */
	"\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
	"\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",
	"127\xe3\x80\x82""0\xe3\x80\x82""0\xe3\x80\x82""1" };

static void
make_literals(struct writ_buf *b)
{
	size_t i;

	for (i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		put_host(b, "%s:{port}", literals[i]);
		put_host(b, "%s", literals[i]);
		put_host(b, "%s:80", literals[i]);
	}
}

/* What a granted name must not lead to, by the last bytes of ranges and between them. */
static const char *const v4_bad[] = { "00000000", "00000001", "00ffffff",
	"0a000000", "0a010203", "0affffff", "64400000", "647fffff", "646464c8",
	"7f000000", "7f000001", "7f7f7f7f", "7fffffff", "a83f8110", "a9fe0001",
	"a9fea9fe", "a9feffff", "ac100000", "ac1fffff", "c0000000", "c00000c0",
	"c0000201", "c05863ff", "c0a80001", "c0a8ffff", "c6120000", "c613ffff",
	"c6336401", "cb007101", "e0000001", "e00000fb", "efffffff", "f0000001",
	"fffffffe", "ffffffff" };
static const char *const v6_bad[] = { "00000000000000000000000000000000",
	"00000000000000000000000000000001", "0000000000000000000000007f000001",
	"fe800000000000000000000000000001", "fec00000000000000000000000000001",
	"fc000000000000000000000000000001", "fd000000000000000000000000000001",
	"fd000ec2000000000000000000000254", "fd20ce00000000000000000000000254",
	"fd00004200000000000000000000002a", "ff020000000000000000000000000001",
	"ff0e0000000000000000000000000001", "20010db8000000000000000000000001",
	"20010000000000000000000080fffffe", "00000000000000000000000000000002" };
/* Ways to carry an IPv4 address, around its eight digits. */
static const char *const carriers[][2] = {
	{ "00000000000000000000ffff", "" }, { "000000000000000000000000", "" },
	{ "0000000000000000ffff0000", "" }, { "0064ff9b0000000000000000", "" },
	{ "0064ff9b0001000000000000", "" }, { "2002", "00000000000000000000" },
	{ "fe8000000000000000005efe", "" } };

static void
make_resolved(struct writ_buf *b)
{
	size_t i, k;

	for (i = 0; i < sizeof(v4_bad) / sizeof(v4_bad[0]); i++) {
		put_host(b, "a%s.x.test:{port}", v4_bad[i]);
		for (k = 0; k < sizeof(carriers) / sizeof(carriers[0]); k++)
			put_host(b, "x%s%s%s.x.test:{port}", carriers[k][0],
			    v4_bad[i], carriers[k][1]);
	}
	for (i = 0; i < sizeof(v6_bad) / sizeof(v6_bad[0]); i++)
		put_host(b, "x%s.x.test:{port}", v6_bad[i]);
}

/* ---- spellings of paths */

static const char *const dots[] = { "..", "%2e%2e", "%2E%2E", ".%2e", "%2e.",
	"%252e%252e", "..%00", "..;", "..;x=y", "..%3b", "..\\", "..%5c",
	"%5c..", "..%2f", "..%2F", "%2f..", "%c0%ae%c0%ae", "..%c0%af", ".",
	"%2e", "", "..%20", "..%09", "..." };
static const char *const tails[] = { "admin", "items/1/../../admin", "admin/",
	"/admin", "./admin", "admin%2f1", "admin;a", "items//admin" };

static void
make_paths(struct writ_buf *b)
{
	static const char *const plain[] = { "/v1/items", "/v1/items/", "/",
		"", "*", "//v1/items/1", "/v1//items/1", "/V1/items/1",
		"/v1/Items/1", "/v1/items/1/", "/v1/items/1/2", "/v1/admin",
		"/v1/items/1#x", "/v1/items/1?a=b", "/v1/items/1?",
		"http://origin.test:{port}/v1/items/1", "v1/items/1",
		"\\v1\\items\\1", "/v1/items/ 1", "/v1/items/1 HTTP/1.1",
		"/v1/items/1\r\nX: y", "/v1/items/1\n", "/v1/items/%",
		"/v1/items/%4", "/v1/items/%zz", "/v1/items/%00",
		"/v1/items/\xc3\xa9", "/v1/items/a;b", "/v1/items/a%2fb",
		"/v1/items/a%5cb", "/v1%2fitems%2f1", "/v1/items/%0d%0aX:y" };
	char path[512];
	size_t i, k;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		put_get(b, "origin.test:{port}", plain[i]);
	for (i = 0; i < sizeof(dots) / sizeof(dots[0]); i++)
		for (k = 0; k < sizeof(tails) / sizeof(tails[0]); k++) {
			snprintf(path, sizeof(path), "/v1/items/%s/%s", dots[i],
			    tails[k]);
			put_get(b, "origin.test:{port}", path);
		}
}

static void
make_redirects(struct writ_buf *b)
{
	char path[32];
	size_t i;

	for (i = 0; probe_world_redirect(i); i++) {
		snprintf(path, sizeof(path), "/redirect/%02zu", i);
		put_get(b, "origin.test:{port}", path);
	}
}

static void
make_raw(struct writ_buf *b)
{
	char path[32];
	size_t i;

	for (i = 1; probe_world_raw(i); i++) {
		snprintf(path, sizeof(path), "/raw/%02zu", i);
		put_get(b, "origin.test:{port}", path);
	}
}

/* ---- the cases */

static const struct net_case cases[] = {
	{ "AMB-05", NULL, GET("origin.test:{port}", "/"), NULL, DENIED, NULL,
	    0, 0, ITEMS, OK_ITEM, NULL, false },
	{ "NET-list", ITEMS, NULL, make_hosts, NULL, NULL, 0, 0, ITEMS, OK_ITEM,
	    NULL, false },
	{ "NET-07", GRANT("methods: [GET], url: \"https://origin.test:{port}/"
	    "v1/items/*\"" LOOPBACK),
	    OK_ITEM
	    "[\"GET\",\"HTTP\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"GET\",\"HTTPS\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"GET\",\"ws\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"GET\",\"ftp\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"GET\",\"file\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"GET\",\"gopher\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"GET\",\"data\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"GET\",\"http+unix\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n",
	    NULL, NULL, NULL, 0, 0, ITEMS, OK_ITEM, NULL, false },
	{ "NET-08", GRANT("methods: [GET], url: \"http://*.x.test:{port}/\""
	    LOOPBACK), GET("x.test:{port}", "/") GET("a.b.x.test:{port}", "/")
	    GET("xx.test:{port}", "/") GET("a7f000001x.test:{port}", "/")
	    GET(".x.test:{port}", "/") GET("*.x.test:{port}", "/"), NULL, NULL,
	    NULL, 0, 0, NULL, GET("a7f000001.x.test:{port}", "/"), NULL, false },
	{ "NET-10", ITEMS, GET_FIELD("host", "evil.test")
	    GET_FIELD("Host", "evil.test") GET_FIELD(":authority", "evil.test")
	    GET("origin.test:{port}", "http://evil.test/v1/items/1"), NULL,
	    NULL, NULL, 0, 0, NULL, OK_ITEM, NULL, false },
	{ "NET-12", "random: secure\nhttp: []\n", OK_ITEM, NULL, DENIED, NULL,
	    0, 0, ITEMS, OK_ITEM, NULL, false },
	{ "NET-14", ALL,
	    "[\"CONNECT\",\"http\",\"origin.test:{port}\",\"/\",[]]\n"
	    "[\"TRACE\",\"http\",\"origin.test:{port}\",\"/\",[]]\n"
	    "[\"TRACK\",\"http\",\"origin.test:{port}\",\"/\",[]]\n"
	    GET_FIELD("upgrade", "websocket")
	    GET_FIELD("connection", "upgrade")
	    GET_FIELD("http2-settings", "AAMAAABk"), NULL, NULL, NULL, 0, 0,
	    NULL, OK_ITEM, NULL, false },
	{ "IPX-literals", NAMES, NULL, make_literals, NULL, NULL, 0, 0, ITEMS,
	    OK_ITEM, NULL, false },
	{ "IPX-list", NAMES, NULL, make_resolved, PROHIBITED, NULL, 0,
	    ANY_NUMBER, GRANT("methods: [GET], url: \"http://*.x.test:{port}/**\""
	    LOOPBACK), GET("a7f000001.x.test:{port}", "/"), NULL, false },
	{ "IPX-10", GRANT("methods: [GET], url: \"http://127.0.0.1:{port}/\""
	    LOOPBACK), GET("origin.test:{port}", "/") GET("127.0.0.1:80", "/")
	    GET("127.0.0.2:{port}", "/") GET("127.0.0.1", "/"), NULL, NULL,
	    NULL, 0, 0, NULL, GET("127.0.0.1:{port}", "/"), NULL, false },
	{ "DNS-01", GRANT("methods: [GET], url: \"http://origin.test:{port}/\""),
	    GET("origin.test:{port}", "/"), NULL, PROHIBITED, NULL, 0, 4,
	    ITEMS, OK_ITEM, NULL, false },
	{ "DNS-02", GRANT("methods: [GET], url: \"http://turn.test:{port}/\", "
	    "addresses: [\"127.0.0.2/32\"]"), GET("turn.test:{port}", "/"),
	    NULL, PROHIBITED, NULL, 0, 4, GRANT("methods: [GET], "
	    "url: \"http://turn.test:{port}/\"" LOOPBACK),
	    GET("turn.test:{port}", "/"), NULL, false },
	{ "DNS-03", GRANT("methods: [GET], url: \"http://mixed.test:{port}/\""),
	    GET("mixed.test:{port}", "/"), NULL, PROHIBITED, NULL, 0, 4,
	    GRANT("methods: [GET], url: \"http://mixed.test:{port}/\"" LOOPBACK),
	    GET("mixed.test:{port}", "/"), NULL, false },
	{ "DNS-04", GRANT("methods: [GET], url: \"http://alias.test:{port}/\""),
	    GET("alias.test:{port}", "/") GET("other.test:{port}", "/"), NULL,
	    NULL, NULL, 0, 4, GRANT("methods: [GET], "
	    "url: \"http://alias.test:{port}/\"" LOOPBACK),
	    GET("alias.test:{port}", "/"), NULL, false },
	{ "DNS-07", GRANT("methods: [GET], url: \"http://many.test:{port}/\""),
	    GET("many.test:{port}", "/"), NULL, "error D", NULL, 0, 8, ITEMS,
	    OK_ITEM, NULL, false },
	{ "DNS-10", GRANT("methods: [GET], url: \"http://origin.test:{port}/\""
	    LOOPBACK), GET("origin:{port}", "/"), NULL, NULL, NULL, 0, 0, NULL,
	    GET("origin.test:{port}", "/"), NULL, false },
	{ "DNS-11", GRANT("methods: [GET], url: \"http://fail.test:{port}/\""
	    LOOPBACK), GET("fail.test:{port}", "/"), NULL, "error D", NULL, 0, 8,
	    ITEMS, OK_ITEM, NULL, false },
	{ "RDR-01", ALL, NULL, make_redirects, "status 302 elsewhere", NULL,
	    ANY_NUMBER, ANY_NUMBER, NULL, OK_ITEM, NULL, true },
	{ "SMG-01", ITEMS, GET_FIELD("transfer-encoding", "chunked")
	    "[\"GET\",\"http\",\"origin.test:{port}\",\"/v1/items/1\","
	    "[[\"content-length\",\"0\"],[\"transfer-encoding\",\"chunked\"]]]\n",
	    NULL, NULL, NULL, 0, 0, NULL, OK_ITEM, NULL, false },
	{ "SMG-02", ITEMS, GET_FIELD("content-length", "+0")
	    GET_FIELD("content-length", "0x0") GET_FIELD("content-length", "0, 0")
	    GET_FIELD("content-length", "0_0") GET_FIELD("content-length", "-0")
	    GET_FIELD("content-length", " ")
	    GET_FIELD("content-length", "18446744073709551616")
	    "[\"GET\",\"http\",\"origin.test:{port}\",\"/v1/items/1\","
	    "[[\"content-length\",\"0\"],[\"content-length\",\"0\"]]]\n", NULL,
	    NULL, NULL, 0, 0, NULL, OK_ITEM, NULL, false },
	{ "SMG-03", ITEMS, GET_FIELD("accept", "a\\r\\nX: y")
	    GET_FIELD("accept", "a\\nb") GET_FIELD("accept", "a\\rb")
	    GET_FIELD("accept", "a\\u0000b") GET_FIELD("accept", "a\\r\\n b"),
	    NULL, "refused fields", NULL, 0, 0, NULL,
	    GET_FIELD("accept", "text/plain"), NULL, false },
	{ "SMG-04", ITEMS, GET_FIELD("accept ", "a") GET_FIELD("ac cept", "a")
	    GET_FIELD("accept:", "a") GET_FIELD(":path", "/x")
	    GET_FIELD("", "a") GET_FIELD("acc\\u0000ept", "a")
	    GET_FIELD("acc\\r\\nept", "a") GET_FIELD("\\u00e4", "a"), NULL,
	    "refused fields", NULL, 0, 0, NULL,
	    GET_FIELD("accept", "text/plain"), NULL, false },
	{ "SMG-06", ALL,
	    "[\"GET / HTTP/1.1\\r\\nX:\",\"http\",\"origin.test:{port}\","
	    "\"/v1/items/1\",[]]\n"
	    "[\"GET \",\"http\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"get\",\"http\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"\",\"http\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"G\\u0000T\",\"http\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n",
	    NULL, NULL, NULL, 0, 0, NULL, OK_ITEM, NULL, false },
	{ "SMG-07", ITEMS, GET_FIELD("connection", "close")
	    GET_FIELD("keep-alive", "1") GET_FIELD("te", "trailers")
	    GET_FIELD("trailer", "x") GET_FIELD("proxy-authorization", "x")
	    GET_FIELD("proxy-connection", "x") GET_FIELD("upgrade", "x"), NULL,
	    NULL, NULL, 0, 0, NULL, OK_ITEM, NULL, false },
	{ "SMG-09", ALL, GET("origin.test:{port}", "/raw/00")
	    GET("origin.test:{port}", "/v1/items/1"), NULL, "status 200",
	    "second", 2, ANY_NUMBER, NULL, OK_ITEM, NULL, true },
	{ "SMG-list", ALL, NULL, make_raw, "error", NULL, ANY_NUMBER, ANY_NUMBER,
	    NULL, OK_ITEM, NULL, true },
	{ "SHP-01", ITEMS,
	    "[\"POST\",\"http\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"HEAD\",\"http\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"DELETE\",\"http\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    "[\"get\",\"http\",\"origin.test:{port}\",\"/v1/items/1\",[]]\n"
	    GET_FIELD("x-http-method-override", "DELETE"), NULL, NULL, NULL, 0,
	    0, NULL, OK_ITEM, NULL, false },
	{ "SHP-list", ITEMS, NULL, make_paths, NULL, NULL, 0, 0, NULL, OK_ITEM,
	    NULL, false },
	{ "SHP-03", GRANT("methods: [GET], url: \"http://origin.test:{port}/s\", "
	    "query: [q]" LOOPBACK), GET("origin.test:{port}", "/s?q=1&admin=1")
	    GET("origin.test:{port}", "/s?q=1&q=2")
	    GET("origin.test:{port}", "/s?q[]=1")
	    GET("origin.test:{port}", "/s?%71=1&q=2")
	    GET("origin.test:{port}", "/s?Q=1")
	    GET("origin.test:{port}", "/s?q=1;admin=1&x")
	    GET("origin.test:{port}", "/s?%61dmin=1")
	    GET("origin.test:{port}", "/s?q=1#&"), NULL, NULL, NULL, 0, 0, NULL,
	    GET("origin.test:{port}", "/s?q=1"), NULL, false },
	{ "SHP-05", GRANT("methods: [PUT], url: \"http://origin.test:{port}/p\", "
	    "request: { max: 4B }" LOOPBACK),
	    "[\"PUT\",\"http\",\"origin.test:{port}\",\"/p\","
	    "[[\"content-length\",\"5\"]],\"12345\"]\n", NULL, NULL, NULL, 0, 0,
	    NULL, "[\"PUT\",\"http\",\"origin.test:{port}\",\"/p\","
	    "[[\"content-length\",\"4\"]],\"1234\"]\n", NULL, false },
	{ "SHP-06", GRANT("methods: [GET], url: \"http://origin.test:{port}/v1/**\", "
	    "response: { max: 4B }" LOOPBACK), OK_ITEM, NULL, "error", NULL, 1,
	    ANY_NUMBER, ITEMS, OK_ITEM, NULL, true },
	{ "SHP-10", ITEMS, GET_FIELD("cookie", "a=b")
	    GET_FIELD("authorization", "Bearer x")
	    GET_FIELD("x-forwarded-for", "127.0.0.1")
	    GET_FIELD("range", "bytes=0-1") GET_FIELD("user-agent", "x"), NULL,
	    NULL, NULL, 0, 0, NULL, GET_FIELD("accept", "text/plain"), NULL,
	    false },
	{ "ORA-06", GRANT("methods: [GET], url: \"http://127.0.0.1:1/**\"" LOOPBACK)
	    "  - { name: p, methods: [GET], url: \"http://127.0.0.1:2/**\""
	    LOOPBACK " }\n", GET("127.0.0.1:1", "/") GET("127.0.0.1:2", "/"),
	    NULL, "error ConnectionRefused", NULL, 0, 0, ITEMS, OK_ITEM, NULL,
	    false },
	{ "EXF-02", ITEMS, GET("origin.test:{port}", "/v1/items/1?leak=canary")
	    GET_FIELD("user-agent", "canary") GET_FIELD("cookie", "canary")
	    GET_FIELD("x-canary", "1") GET("canary.origin.test:{port}",
	    "/v1/items/1"), NULL, NULL, NULL, 0, 0, NULL, OK_ITEM, NULL, false },
	{ "EXF-05", GRANT("methods: [GET], "
	    "url: \"http://origin.test:{port}/repos/acme/*/issues\"" LOOPBACK),
	    GET("origin.test:{port}", "/repos/evil/site/issues")
	    GET("origin.test:{port}", "/repos/acme/site/../../evil/site/issues")
	    GET("origin.test:{port}", "/repos/acme%2f..%2fevil/site/issues")
	    GET("origin.test:{port}", "/repos/ACME/site/issues"), NULL, NULL,
	    NULL, 0, 0, NULL, GET("origin.test:{port}",
	    "/repos/acme/site/issues"), NULL, false },
};

static const struct net_case *
find(const char *id)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].id, id))
			return &cases[i];
	return NULL;
}

/* ---- running one */

/* `text` with "{port}" as the origin's port. */
static void
put_text(struct writ_buf *b, const char *text, uint16_t port)
{
	const char *at;

	while (text && (at = strstr(text, "{port}"))) {
		writ_buf_str(b, writ_str(text, (size_t)(at - text)));
		writ_buf_printf(b, "%u", port);
		text = at + 6;
	}
	writ_buf_cstr(b, text ? text : "");
}

struct heard {
	unsigned lines, errors, wrong;
	char first[160];		/* that was wrong */
};

/* Whether one answer, without its number, is as the case says. */
static bool
fits(const struct net_case *c, const char *token, const char *answer)
{
	const char *never = c->never ? c->never : c->unrecorded ? NULL : token;

	if (never && strstr(answer, never))
		return false;
	if (!c->answers)
		return strncmp(answer, "status", 6) != 0;
	return strstr(answer, c->answers) != NULL;
}

static void
hear(const struct net_case *c, const char *token, struct writ_str output,
    struct heard *h)
{
	char line[512];
	struct writ_str rest = output, one;

	memset(h, 0, sizeof(*h));
	while (rest.len) {
		const char *answer;

		one = writ_str_cut(rest, '\n', &rest);
		snprintf(line, sizeof(line), "%.*s", WRIT_STR_ARG(one));
		answer = strchr(line, ' ');
		if (!answer)
			continue;
		answer++;
		h->lines++;
		h->errors += !strncmp(answer, "error", 5);
		if (!fits(c, token, answer) && h->wrong++ == 0)
			snprintf(h->first, sizeof(h->first), "%.150s", line);
	}
}

static unsigned
count_lines(struct writ_str s)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < s.len; i++)
		n += s.ptr[i] == '\n';
	return n;
}

static void
check_attack(const struct net_case *c, const struct probe_run *run,
    const struct probe_world *w, const struct heard *h, unsigned sent,
    struct probe_result *r)
{
	struct probe_log log;
	unsigned refused;

	probe_log_read(run->audit, NULL, NULL, &log);
	refused = log.denied + log.others + log.failed;
	if (run->status != WRIT_OK)
		probe_point(&r->refused, false, "%.200s", run->err.msg);
	else if (h->lines != sent)
		probe_point(&r->refused, false, "%u answers to %u requests",
		    h->lines, sent);
	else
		probe_point(&r->refused, h->wrong == 0, h->wrong ?
		    "%u of %u: %s" : "%u wrong of %u requests%s", h->wrong, sent,
		    h->wrong ? h->first : "");
	/* What is followed would come back to the world under another name. */
	probe_point(&r->canary, w->seen->connections <= c->connections &&
	    w->seen->queries <= c->queries && w->seen->requests <= sent,
	    "%u connections, %u requests, %u name queries",
	    w->seen->connections, w->seen->requests, w->seen->queries);
	probe_point(&r->audit, log.starts == 1 && log.ends == 1 &&
	    (c->unrecorded || refused == h->errors),
	    "%u records of %u refusals", refused, h->errors);
}

/* A host that asks the world's name server. */
static enum writ_status
open_host(const struct probe_suite *suite, const struct probe_world *w,
    struct writ_host **out, struct writ_err *err)
{
	char resolver[32];
	struct writ_host_options o = { .program_dir = suite->programs,
		.cache_dir = suite->cache_dir,
		.without_walls = suite->without_walls, .resolver = resolver };

	snprintf(resolver, sizeof(resolver), "127.0.0.1:%u", w->dns);
	return writ_host_open(&o, out, err);
}

static void
run_case(struct probe_suite *suite, const struct net_case *c, bool control,
    const struct probe_ask *ask, struct probe_place *place,
    const struct probe_world *w, struct probe_result *r)
{
	struct writ_err err = { WRIT_OK, "" };
	struct probe_suite own = *suite;
	struct probe_run run;
	struct heard h;

	if (open_host(suite, w, &own.host, &err) != WRIT_OK) {
		probe_point(control ? &r->control : &r->refused, false, "%s",
		    err.msg);
		return;
	}
	probe_run(&own, place, ask, &run);
	hear(c, place->token, writ_buf_view(&run.output), &h);
	if (!control)
		check_attack(c, &run, w, &h, count_lines(writ_str_from(
		    ask->input)), r);
	else
		probe_run_ended(&run, PROBE_EXITS_0, NULL, c->ok_answer ?
		    c->ok_answer : "0 status 200", &r->control);
	probe_run_release(&run);
	writ_host_close(own.host);
}

static void
go(struct probe_suite *suite, const struct net_case *c, bool control,
    struct probe_result *r)
{
	const char *writ = control && c->ok_writ ? c->ok_writ : c->writ;
	writ_auto_release(writ_buf) doc, raw, lines;
	struct probe_place place;
	struct probe_world w;

	writ_buf_init(&doc, TEXT_MAX);
	writ_buf_init(&raw, LINES_MAX);
	writ_buf_init(&lines, LINES_MAX);
	if (!probe_place_open(&place, NULL) ||
	    !probe_world_start(&w, place.token)) {
		probe_point(&r->refused, false, "origin or name server: %s",
		    strerror(errno));
		probe_place_close(&place);
		return;
	}
	if (writ)
		put_text(&doc, writ, w.origin);
	if (c->make && !control)
		c->make(&raw);
	else
		writ_buf_cstr(&raw, control ? c->ok_line : c->lines);
	writ_buf_char(&raw, '\0');
	put_text(&lines, (char *)raw.ptr, w.origin);
	writ_buf_char(&doc, '\0');
	writ_buf_char(&lines, '\0');
	if (writ_buf_status(&doc) == WRIT_OK &&
	    writ_buf_status(&lines) == WRIT_OK) {
		struct probe_ask ask = { .guest = "probe/http",
			.writ = writ ? (char *)doc.ptr : NULL,
			.input = (char *)lines.ptr };

		run_case(suite, c, control, &ask, &place, &w, r);
	}
	probe_world_stop(&w);
	probe_place_close(&place);
}

void
probe_net(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	const struct net_case *c = find(probe->id);

	if (!c) {
		probe_point(&r->refused, false, "no such case");
		return;
	}
	go(suite, c, false, r);
	go(suite, c, true, r);
}
