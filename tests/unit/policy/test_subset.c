/* subset: rules one by one, then random writs from fixed seeds against writ_decide. */
#include <stdio.h>

#include "base/limits.h"
#include "policy/decide.h"
#include "policy/subset.h"
#include "policy_test.h"

#define ROUNDS 2500
#define TEXT_MAX 4096

static bool
within(const char *a, const char *b, char *why, size_t cap)
{
	writ_auto(writ_policy) p = must_parse(a);
	writ_auto(writ_policy) q = must_parse(b);
	writ_auto_release(writ_buf) out;
	enum writ_subset got;

	writ_buf_init(&out, 64 * 1024);
	got = writ_policy_subset(p, q, &out);
	assert_int_equal(got, writ_policy_subset(p, q, NULL));
	assert_true((got == WRIT_SUBSET_PROVED) == (out.len == 0));
	(void)snprintf(why, cap, "%.*s", (int)out.len, out.len ?
	    (const char *)out.ptr : "");
	return got == WRIT_SUBSET_PROVED;
}

/* Sections of a writ; `why` is the first reason, NULL when it must be proved. */
struct pair {
	const char *a, *b, *why;
};

static void
check_pairs(const struct pair *v, size_t n)
{
	char a[TEXT_MAX], b[TEXT_MAX], why[TEXT_MAX];
	size_t i;

	for (i = 0; i < n; i++) {
		(void)snprintf(a, sizeof(a), "writ: 1\n%s", v[i].a);
		(void)snprintf(b, sizeof(b), "writ: 1\n%s", v[i].b);
		if (within(a, b, why, sizeof(why)) != !v[i].why)
			fail_msg("%s <= %s: %s", v[i].a, v[i].b, why);
		if (v[i].why && strncmp(why, v[i].why, strlen(v[i].why)))
			fail_msg("%s <= %s: %s", v[i].a, v[i].b, why);
		if (!within(a, a, why, sizeof(why)))
			fail_msg("%s is not within itself: %s", v[i].a, why);
	}
}

static void
test_subset__values(void **state)
{
	static const struct pair v[] = {
		{ "", "", NULL },
		{ "strict: true", "", NULL },
		{ "", "strict: true", "strict: true there" },
		{ "limits: { memory: 64MiB }", "", NULL },
		{ "limits: { memory: 512MiB }", "", "limits.memory: " },
		{ "limits: { time: 6m }", "", "limits.time: " },
		{ "limits: { cpu: 61s }", "", "limits.cpu: " },
		{ "limits: { requests: 10000001 }", "", "limits.requests: " },
		{ "limits: { handles: 10001 }", "", "limits.handles: " },
		{ "limits: { audit: 257MiB }", "", "limits.audit: " },
		{ "limits: { output: 1MiB }", "", NULL },
		{ "limits: { output: 1MiB }", "limits: { output: 1MiB }", NULL },
		{ "", "limits: { output: 1MiB }", "limits.output: " },
		{ "limits: { output: 2MiB }", "limits: { output: 1MiB }",
		    "limits.output: " },
		{ "", "clock: { wall: real }", NULL },
		{ "clock: { wall: real }", "", "clock: real" },
		{ "clock: { wall: real, resolution: 2s }",
		    "clock: { wall: real, resolution: 1s }", NULL },
		{ "clock: { wall: real }",
		    "clock: { wall: real, resolution: 1s }", "clock: a finer" },
		{ "clock: { wall: real, resolution: 1ms }",
		    "clock: { wall: real, resolution: 1s }", "clock: a finer" },
		{ "clock: { wall: 'frozen 2026-01-01T00:00:00Z' }",
		    "clock: { wall: real }", "clock: frozen" },
		{ "clock: { wall: 'frozen 2026-01-01T00:00:00Z' }",
		    "clock: { wall: 'frozen 2026-01-01T00:00:01Z' }",
		    "clock: frozen at another" },
		{ "clock: { wall: 'frozen 2026-01-01T00:00:00Z' }",
		    "clock: { wall: 'frozen 2026-01-01T00:00:00Z' }", NULL },
		{ "random: trap", "", NULL },
		{ "random: trap", "random: secure", NULL },
		{ "", "random: trap", "random: " },
		{ "", "random: secure", NULL },
		{ "random: secure", "", "random: " },
		{ "random: secure", "random: seeded 1", "random: " },
		{ "random: seeded 1", "random: secure", "random: " },
		{ "random: seeded 0", "", "random: " },
		{ "random: seeded 1", "random: seeded 1", NULL },
		{ "random: seeded 1", "random: seeded 2", "random: " },
		{ "env: { A: x }", "env: { B: z, A: x }", NULL },
		{ "env: { A: x }", "env: { A: z }", "env: A has another" },
		{ "env: { A: x }", "config: { A: x }", "env: A is not there" },
		{ "config: { A: x }", "config: { A: x }", NULL },
		{ "config: { A: x }", "config: { A: z }",
		    "config: A has another" },
		{ "config: { A: x }", "env: { A: x }",
		    "config: A is not there" },
		{ "client: [log]", "client: [progress, log]", NULL },
		{ "client: [elicit]", "client: [progress, log]",
		    "client: elicit is not there" },
		{ "client: [roots]", "", "client: roots is not there" },
		{ "", "client: [roots]", NULL },
	};

	check_pairs(v, sizeof(v) / sizeof(v[0]));
}

#define SPAWN(s) "random: secure\nspawn: [{ name: s, " s " }]\n"

static void
test_subset__spawn(void **state)
{
	static const struct pair v[] = {
		{ "random: secure", SPAWN("tool: t, depth: 1, calls: 1"), NULL },
		{ SPAWN("tool: t, depth: 1, calls: 1"), "random: secure",
		    "spawn \"s\": tool t is not granted there" },
		{ SPAWN("tool: t, depth: 1, calls: 2"),
		    SPAWN("tool: t, depth: 1, calls: 2"), NULL },
		{ SPAWN("tool: t, depth: 2, calls: 2"),
		    SPAWN("tool: t, depth: 1, calls: 2"), "spawn \"s\": depth" },
		{ SPAWN("tool: t, depth: 1, calls: 3"),
		    SPAWN("tool: t, depth: 1, calls: 2"), "spawn \"s\": 3 calls" },
		{ SPAWN("tool: T, depth: 1, calls: 1"),
		    SPAWN("tool: t, depth: 1, calls: 1"),
		    "spawn \"s\": tool T is not granted" },
		{ SPAWN("tool: t, depth: 1, calls: 1"),
		    SPAWN("tool: t, depth: 1, calls: 1, durable: true"),
		    "spawn \"s\": durable there" },
		{ SPAWN("tool: t, depth: 1, calls: 1"),
		    SPAWN("tool: t, depth: 1, calls: 1")
		    "deny: [{ name: d, spawn: { tool: t } }]",
		    "spawn \"s\": tool t is not granted" },
		{ SPAWN("tool: t, depth: 1, calls: 1")
		    "deny: [{ name: d, spawn: { tool: t } }]",
		    "random: secure", NULL },
	};

	check_pairs(v, sizeof(v) / sizeof(v[0]));
}

#define F(s) "files: [{ name: f, " s " }]\n"
#define FF(s, t) "files: [{ name: f, " s " }, { name: g, " t " }]\n"
#define D(s) "deny: [{ name: d, files: { " s " } }]\n"
#define HOST "at: /s, from: \"host:/h\""

static void
test_subset__files(void **state)
{
	static const struct pair v[] = {
		{ "", F(HOST), NULL },
		{ F(HOST), "", "files \"f\": no mount at /s there" },
		{ F(HOST), F(HOST), NULL },
		{ F(HOST), F(HOST ", mode: write"), NULL },
		{ F(HOST ", mode: write"), F(HOST), "files \"f\": mode write" },
		{ F(HOST), F("at: /s, from: \"host:/other\""),
		    "files \"f\": host folder /h is /other there" },
		{ F(HOST), F("at: /s, from: memory"),
		    "files \"f\": another source" },
		{ F("at: /s/t, from: \"host:/h/t\""), F(HOST),
		    "files \"f\": no mount at /s/t there" },
		{ F(HOST ", protected: [.env]"), F(HOST),
		    "files \"f\": opens .env" },
		{ F(HOST ", protected: [.env]"),
		    F(HOST ", protected: [.ssh, .env]"), NULL },
		{ F(HOST), F(HOST ", durable: true"), "files \"f\": durable" },
		{ F(HOST ", durable: true"), F(HOST), NULL },
		{ F(HOST ", mode: write, quota: { bytes: 1MiB, files: 2 }"),
		    F(HOST ", mode: write, quota: { bytes: 1MiB, files: 2 }"),
		    NULL },
		{ F(HOST ", mode: write, quota: { bytes: 2MiB }"),
		    F(HOST ", mode: write, quota: { bytes: 1MiB }"),
		    "files \"f\": quota of bytes" },
		{ F(HOST ", mode: write"),
		    F(HOST ", mode: write, quota: { bytes: 1MiB }"),
		    "files \"f\": quota of bytes" },
		{ F(HOST ", mode: write, quota: { files: 3 }"),
		    F(HOST ", mode: write, quota: { files: 2 }"),
		    "files \"f\": quota of files" },
		{ F(HOST), F(HOST ", mode: write, quota: { files: 2 }"), NULL },
		{ F(HOST), FF(HOST, "at: /s/x, from: memory"),
		    "files \"f\": shows what \"g\" at /s/x hides" },
		{ F(HOST), FF(HOST, "at: /sx, from: memory"), NULL },
		{ F(HOST) D("path: /s/x"), FF(HOST, "at: /s/x, from: memory"),
		    NULL },
		{ F(HOST) D("path: /s/x, mode: write"),
		    FF(HOST, "at: /s/x, from: memory"),
		    "files \"f\": shows what \"g\" at /s/x hides" },
		{ FF(HOST, "at: /s/x, from: memory"),
		    FF(HOST, "at: /s/x, from: memory"), NULL },
		{ FF(HOST, "at: /s/x, from: memory"), F(HOST),
		    "files \"g\": no mount at /s/x there" },
	};

	check_pairs(v, sizeof(v) / sizeof(v[0]));
}

static void
test_subset__deny(void **state)
{
	static const struct pair v[] = {
		{ F(HOST), F(HOST) D("path: /s/x"),
		    "files \"f\": deny \"d\" (/s/x) is not kept" },
		{ F(HOST) D("path: /s/x"), F(HOST) D("path: /s/x"), NULL },
		{ F(HOST) D("path: /s"), F(HOST) D("path: /s/x"), NULL },
		{ F(HOST) D("path: /"), F(HOST) D("path: /s/x"), NULL },
		{ F(HOST) D("path: /s/x/y"), F(HOST) D("path: /s/x"),
		    "files \"f\": deny \"d\"" },
		{ F(HOST) D("path: /s/*"), F(HOST) D("path: /s/x/y"), NULL },
		{ F(HOST) D("path: /s/x"), F(HOST) D("path: /s/*"),
		    "files \"f\": deny \"d\"" },
		{ F(HOST) D("path: /s/x"), F(HOST) D("path: /s/x/**/k"), NULL },
		{ F(HOST) D("path: /s/x"), F(HOST) D("path: /s/x*/k"),
		    "files \"f\": deny \"d\"" },
		{ F(HOST) D("path: /s/x"), F(HOST) D("path: /s/xy/*"),
		    "files \"f\": deny \"d\"" },
		{ F(HOST) D("path: /s/**/k"), F(HOST) D("path: /s/**/k"), NULL },
		{ F(HOST), F(HOST) D("path: /t"), NULL },
		{ F(HOST), F(HOST) D("path: /sx/*"), NULL },
		{ F(HOST), F(HOST) D("path: /**/k"), "files \"f\": deny \"d\"" },
		{ F(HOST), F(HOST) D("path: /s/x, mode: write"), NULL },
		{ F(HOST ", mode: write"),
		    F(HOST ", mode: write") D("path: /s/x, mode: write"),
		    "files \"f\": deny \"d\"" },
		{ F(HOST) D("path: /s/x, mode: write"),
		    F(HOST) D("path: /s/x"), "files \"f\": deny \"d\"" },
		{ F(HOST ", mode: write") D("path: /s/x"),
		    F(HOST ", mode: write") D("path: /s/x, mode: write"), NULL },
		{ F(HOST), F(HOST) D("path: /"), "files \"f\": deny \"d\"" },
	};

	check_pairs(v, sizeof(v) / sizeof(v[0]));
}

static void
test_subset__no_resolution_is_the_finest(void **state)
{
	writ_auto(writ_policy) a = must_parse("writ: 1\nclock: { wall: real }\n");
	writ_auto(writ_policy) b = must_parse("writ: 1\nclock: { wall: real }\n");

	b->clock_resolution_ns = 1;
	assert_int_equal(writ_policy_subset(a, b, NULL), WRIT_SUBSET_PROVED);
	assert_int_equal(writ_policy_subset(b, a, NULL), WRIT_SUBSET_PROVED);
	b->clock_resolution_ns = 2;
	assert_int_equal(writ_policy_subset(a, b, NULL), WRIT_SUBSET_UNPROVED);
}

static void
test_subset__asking_is_not_within_denying(void **state)
{
	writ_auto(writ_policy) asks = must_parse("writ: 1\n");
	writ_auto(writ_policy) denies = must_parse("writ: 1\n");

	asks->unmatched = WRIT_UNMATCHED_ASK;	/* no document says it yet */
	assert_int_equal(writ_policy_subset(asks, denies, NULL),
	    WRIT_SUBSET_UNPROVED);
	assert_int_equal(writ_policy_subset(denies, asks, NULL),
	    WRIT_SUBSET_PROVED);
	assert_int_equal(writ_policy_subset(asks, asks, NULL),
	    WRIT_SUBSET_PROVED);
}

static void
test_subset__relative_host_paths_are_unproved(void **state)
{
	char why[TEXT_MAX];
	static const char doc[] = "writ: 1\n" F("at: /s, from: \"host:./h\"");

	assert_false(within(doc, doc, why, sizeof(why)));
	assert_non_null(strstr(why, "not absolute"));
}

/* ---- random writs */

static uint32_t
next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

#define MOUNTS 3
#define DENIES 3

struct mount {
	unsigned at, from, opened;	/* indices; at 0: none */
	bool write;
	unsigned quota;			/* 0: none */
};

struct deny {
	unsigned path;			/* 0: none */
	bool write_only;
};

/* A small writ, so that two of them are often near. */
struct small {
	struct mount mounts[MOUNTS];
	struct deny denies[DENIES];
	unsigned tool[2], depth[2], denied_tool, client;
};

static const char *const places[] = { "", "/a", "/a/b", "/b", "/", "/a/b/c" };
static const char *const froms[] = { "memory", "host:/h", "host:/h/.git",
	"host:/k" };
static const char *const opened[] = { "", ".env", ".git/hooks" };
static const char *const patterns[] = { "", "/a", "/a/b", "/a/*", "/**/c", "/b",
	"/*/b", "/a/**", "/a/b/c", "/**/.env", "/a/.e*", "/" };
static const char *const tools[] = { "", "t", "T", "u" };

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static void
make_mount(uint64_t *seed, struct mount *m)
{
	m->at = next(seed) % COUNT(places);
	m->from = next(seed) % COUNT(froms);
	m->opened = m->from ? next(seed) % COUNT(opened) : 0;
	m->write = next(seed) % 2;
	m->quota = m->write ? next(seed) % 3 : 0;
}

static void
make(uint64_t *seed, struct small *s)
{
	size_t i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < MOUNTS; i++)
		make_mount(seed, &s->mounts[i]);
	for (i = 0; i < DENIES; i++) {
		s->denies[i].path = next(seed) % 2 ?
		    next(seed) % COUNT(patterns) : 0;
		s->denies[i].write_only = next(seed) % 2;
	}
	for (i = 0; i < 2; i++) {
		s->tool[i] = next(seed) % COUNT(tools);
		s->depth[i] = 1 + next(seed) % 3;
	}
	if (s->tool[0] == s->tool[1])
		s->tool[1] = 0;
	s->denied_tool = next(seed) % 3 ? 0 : next(seed) % COUNT(tools);
	s->client = next(seed) % 32;
}

/* One step away, as an editor would make it: mostly down, sometimes up. */
static void
change(uint64_t *seed, struct small *s)
{
	struct mount *m = &s->mounts[next(seed) % MOUNTS];
	struct deny *d = &s->denies[next(seed) % DENIES];
	unsigned k = next(seed) % 2;

	switch (next(seed) % 12) {
	case 0:
		m->at = 0;
		break;
	case 1:
		m->write = false;
		m->quota = 0;
		break;
	case 2:
		m->opened = 0;
		break;
	case 3:
		d->path = next(seed) % COUNT(patterns);
		break;
	case 4:
		d->write_only = !d->write_only;
		break;
	case 5:
		d->path = 0;
		break;
	case 6:
		make_mount(seed, m);
		break;
	case 7:
		s->client = next(seed) % 32;
		break;
	case 8:
		s->depth[k] = 1 + next(seed) % 3;
		break;
	case 9:
		s->tool[k] = s->tool[!k] ? 0 : next(seed) % COUNT(tools);
		break;
	case 10:
		s->denied_tool = next(seed) % COUNT(tools);
		break;
	default:
		m->write = true;
		m->quota = next(seed) % 3;
		break;
	}
}

static void
write_files(const struct small *s, struct writ_buf *b)
{
	size_t i;

	writ_buf_cstr(b, "files: [\n");
	for (i = 0; i < MOUNTS; i++) {
		const struct mount *m = &s->mounts[i];

		if (!m->at)
			continue;
		writ_buf_printf(b, " { name: f%zu, at: %s, from: \"%s\", mode: %s",
		    i, places[m->at], froms[m->from], m->write ? "write" :
		    "read");
		if (m->opened)
			writ_buf_printf(b, ", protected: [%s]",
			    opened[m->opened]);
		if (m->quota)
			writ_buf_printf(b, ", quota: { bytes: %uMiB }", m->quota);
		writ_buf_cstr(b, " },\n");
	}
	writ_buf_cstr(b, " ]\n");
}

/* NULL when two mounts are at one place. */
static struct writ_policy *
build(const struct small *s)
{
	writ_auto_release(writ_buf) b;
	struct writ_policy *p = NULL;
	const char *word;
	size_t i;

	writ_buf_init(&b, 64 * 1024);
	writ_buf_cstr(&b, "writ: 1\nrandom: secure\n");
	write_files(s, &b);
	writ_buf_cstr(&b, "spawn: [\n");
	for (i = 0; i < 2; i++)
		if (s->tool[i])
			writ_buf_printf(&b, " { name: s%zu, tool: %s, depth: %u, "
			    "calls: %u },\n", i, tools[s->tool[i]], s->depth[i],
			    4 - s->depth[i]);
	writ_buf_cstr(&b, " ]\ndeny: [\n");
	for (i = 0; i < DENIES; i++)
		if (s->denies[i].path)
			writ_buf_printf(&b, " { name: d%zu, files: { path: \"%s\", "
			    "mode: %s } },\n", i, patterns[s->denies[i].path],
			    s->denies[i].write_only ? "write" : "all");
	if (s->denied_tool)
		writ_buf_printf(&b, " { name: dt, spawn: { tool: %s } },\n",
		    tools[s->denied_tool]);
	writ_buf_cstr(&b, " ]\nclient: [");
	for (i = 1; (word = writ_policy_client_word((unsigned)i)); i <<= 1)
		if (s->client & i)
			writ_buf_printf(&b, "%s,", word);
	writ_buf_cstr(&b, "]\n");
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	return writ_policy_parse(writ_buf_view(&b), "t", &p, NULL) == WRIT_OK ?
	    p : NULL;
}

static bool
allows(const struct writ_policy *p, const struct writ_request *rq)
{
	struct writ_decision d;

	writ_decide(p, rq, &d);
	return d.verdict == WRIT_ALLOW;
}

/* What an allowed path is: the mounts of both must be the same thing there, and what
 * may be written in all no more. */
static bool
same_thing(const struct writ_policy *a, const struct writ_policy *b,
    const struct writ_request *rq)
{
	const struct writ_files_grant *x = writ_decide_mount(a, rq->target);
	const struct writ_files_grant *y = writ_decide_mount(b, rq->target);

	if (x->source != y->source || strcmp(x->at, y->at))
		return false;
	if (x->from && strcmp(x->from, y->from))
		return false;
	return !rq->write || !y->quota_bytes || (x->quota_bytes &&
	    x->quota_bytes <= y->quota_bytes);
}

/* A request that a allows and b does not, in `out`; of all paths of up to three names. */
static bool
counter_example(const struct writ_policy *a, const struct writ_policy *b,
    char *out, size_t cap)
{
	static const char *const words[] = { "", "a", "b", "c", ".env",
		".git", "hooks" };
	const size_t n = COUNT(words);
	struct writ_request rq = { .kind = WRIT_REQ_FILES, .op = "open" };
	char path[64];
	size_t i, how;

	for (i = 0; i < n * n * n; i++) {
		const char *x = words[i % n], *y = words[i / n % n],
		    *z = words[i / n / n];

		if ((!*x && *y) || (!*y && *z))
			continue;
		(void)snprintf(path, sizeof(path), "/%s%s%s%s%s", x, *y ? "/" :
		    "", y, *z ? "/" : "", z);
		rq.target = writ_str_from(path);
		for (how = 0; how < 8; how++) {
			rq.write = how & 1;
			rq.how = (enum writ_request_how)(how / 2);
			if (allows(a, &rq) && (!allows(b, &rq) ||
			    !same_thing(a, b, &rq))) {
				(void)snprintf(out, cap, "%s write %d how %zu",
				    path, rq.write, how / 2);
				return true;
			}
		}
	}
	return false;
}

static bool
counter_tool(const struct writ_policy *a, const struct writ_policy *b, char *out,
    size_t cap)
{
	const struct writ_spawn_grant *x, *y;
	struct writ_request rq = { .kind = WRIT_REQ_SPAWN, .op = "call" };
	unsigned bit;
	size_t i;

	for (i = 1; i < COUNT(tools); i++) {
		rq.target = writ_str_from(tools[i]);
		x = writ_policy_spawn(a, rq.target);
		y = writ_policy_spawn(b, rq.target);
		if (allows(a, &rq) && (!allows(b, &rq) || x->depth > y->depth ||
		    x->calls > y->calls)) {
			(void)snprintf(out, cap, "tool %s", tools[i]);
			return true;
		}
	}
	rq.kind = WRIT_REQ_CLIENT;
	for (bit = 1; writ_policy_client_word(bit); bit <<= 1) {
		rq.target = writ_str_from(writ_policy_client_word(bit));
		if (allows(a, &rq) && !allows(b, &rq)) {
			(void)snprintf(out, cap, "client %s", rq.target.ptr);
			return true;
		}
	}
	return false;
}

struct tally {
	size_t proved, refuted, unknown;
};

static void
check_random(const struct small *x, const struct small *y, struct tally *t)
{
	writ_auto(writ_policy) a = build(x);
	writ_auto(writ_policy) b = build(y);
	writ_auto_release(writ_buf) why;
	char bad[128];
	bool counter;

	if (!a || !b)
		return;
	writ_buf_init(&why, 64 * 1024);
	assert_int_equal(writ_policy_subset(a, a, NULL), WRIT_SUBSET_PROVED);
	counter = counter_example(a, b, bad, sizeof(bad)) ||
	    counter_tool(a, b, bad, sizeof(bad));
	if (writ_policy_subset(a, b, &why) == WRIT_SUBSET_PROVED) {
		if (counter)
			fail_msg("proved, but %s", bad);
		t->proved++;
	} else if (counter) {
		t->refuted++;
	} else {
		t->unknown++;
	}
}

static void
test_subset__what_is_proved_holds(void **state)
{
	struct tally t = { 0 };
	struct small x, y;
	uint64_t seed = 11;
	size_t i, k;

	for (i = 0; i < ROUNDS; i++) {
		make(&seed, &y);
		x = y;
		for (k = 1 + next(&seed) % 4; k > 0; k--)
			change(&seed, &x);
		check_random(&x, &y, &t);
		check_random(&y, &x, &t);
	}
	/* it says yes often, and its silence is mostly a real no */
	if (t.proved < 500 || t.refuted < 500 || t.unknown > t.proved)
		fail_msg("%zu proved, %zu refuted, %zu unknown", t.proved,
		    t.refuted, t.unknown);
	print_message("%zu proved, %zu refuted, %zu unknown\n", t.proved,
	    t.refuted, t.unknown);
}

#define USES_S "random: secure\nhttp: [{ name: h, methods: [GET], url: " \
	"https://a.example/x, credential: { header: x-key, value: " \
	"\"${secret:s}\" } }]\n"

static void
test_subset__a_secret_comes_from_the_same_place(void **state)
{
	static const struct pair v[] = {
		{ "secrets: { s: store }\n" USES_S, USES_S, NULL },
		{ USES_S, "secrets: { s: store, t: store }\n" USES_S, NULL },
		{ "secrets: { s: \"env:A\" }\n" USES_S, USES_S, "secrets: s" },
		{ USES_S, "secrets: { s: \"file:A\" }\n" USES_S,
		    "secrets: s" },
		{ "secrets: { s: \"env:A\" }\n" USES_S,
		    "secrets: { s: \"env:B\" }\n" USES_S, "secrets: s" },
		{ "secrets: { s: \"env:A\" }\n" USES_S,
		    "secrets: { s: \"env:A\" }\n" USES_S, NULL },
		/* not used: no authority */
		{ "secrets: { s: \"env:A\" }\n", "", NULL },
		{ USES_S, "secrets: { t: \"env:A\" }\n" USES_S, NULL },
	};

	check_pairs(v, sizeof(v) / sizeof(v[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subset__values),
		cmocka_unit_test(test_subset__a_secret_comes_from_the_same_place),
		cmocka_unit_test(test_subset__spawn),
		cmocka_unit_test(test_subset__files),
		cmocka_unit_test(test_subset__deny),
		cmocka_unit_test(test_subset__no_resolution_is_the_finest),
		cmocka_unit_test(test_subset__asking_is_not_within_denying),
		cmocka_unit_test(test_subset__relative_host_paths_are_unproved),
		cmocka_unit_test(test_subset__what_is_proved_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
