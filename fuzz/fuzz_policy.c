/*
 * fuzz_policy.c - a writ, and a grant of the command line, from foreign bytes; then
 * decisions, suggestions and proofs over what came of them.
 */
#include "policy/policy.h"
#include "policy/subset.h"

#define SUGGESTION_MAX (64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(const struct writ_policy *p, enum writ_request_kind kind,
    struct writ_str target, unsigned how)
{
	writ_auto_release(writ_buf) out;
	struct writ_decision d;
	const struct writ_request rq = {
		.kind = kind, .op = how & 1 ? "GET" : "list",
		.write = (how & 2) != 0, .target = target,
		.how = (enum writ_request_how)(how % 4),
	};

	writ_buf_init(&out, SUGGESTION_MAX);
	writ_decide(p, &rq, &d);
	if (!d.rule[0] || !d.reason[0])
		WRIT_BUG("a decision without its reason");
	writ_policy_suggest(p, &rq, &out);
	if (d.verdict == WRIT_ALLOW && out.len > 0)
		WRIT_BUG("a suggestion for what is allowed");
}

/* What was read once is canonical: read again, it is the same. */
static void
judge_http(const struct writ_policy *p, struct writ_str line)
{
	writ_auto_release(writ_buf) once;
	writ_auto_release(writ_buf) twice;
	struct writ_str method, authority, rest = line;
	const struct writ_http_field field = { { "x-a", 3 }, line };
	struct writ_http_request a, b;
	struct writ_http_terms terms;
	struct writ_decision d;
	size_t n;

	method = writ_str_cut(rest, ' ', &rest);
	for (n = 0; n < rest.len && !strchr("/?", rest.ptr[n]); n++)
		;
	authority = writ_str(rest.ptr, n);
	writ_buf_init(&once, SUGGESTION_MAX);
	writ_buf_init(&twice, SUGGESTION_MAX);
	if (writ_http_read(method, WRIT_STR(""), authority, writ_str_skip(rest, n),
	    &field, line.len % 2, &once, &a))
		return;
	n = (size_t)(a.path.ptr - a.url.ptr) - strlen("https://");
	if (writ_http_read(method, WRIT_STR("https"),
	    writ_str(a.url.ptr + strlen("https://"), n),
	    writ_str(a.path.ptr, a.url.len - n - strlen("https://")), NULL, 0,
	    &twice, &b) || !writ_str_eq(a.url, b.url))
		WRIT_BUG("a canonical request is not");
	writ_decide_http(p, &a, &terms, &d);
	if (!d.rule[0] || !d.reason[0] || (d.verdict == WRIT_ALLOW &&
	    terms.count == 0))
		WRIT_BUG("a decision without its reason");
}

/* Either answer is right; only that there is one is looked at. */
static void
prove(const struct writ_policy *p, const struct writ_policy *q)
{
	(void)writ_policy_subset(p, q, NULL);
	(void)writ_policy_subset(q, p, NULL);
}

static void
judge_all(const struct writ_policy *p, struct writ_str text)
{
	static const struct writ_str fixed[] = {
		{ "/", 1 }, { "/src/a/.git/config", 18 }, { "/tmp/x", 6 },
	};
	struct writ_str line, rest = text;
	size_t i, lines;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		judge(p, WRIT_REQ_FILES, fixed[i], (unsigned)i + 1);
	for (lines = 0; rest.ptr && lines < 16; lines++) {
		line = writ_str_cut(rest, '\n', &rest);
		judge_http(p, line);
		for (i = 0; i <= WRIT_REQ_SPAWN; i++)
			judge(p, (enum writ_request_kind)i, line,
			    (unsigned)(lines + i));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct writ_str text = { (const char *)data, size };
	writ_auto(writ_policy) p = NULL;
	writ_auto(writ_policy) q = NULL;
	struct writ_err err = { 0 };
	enum writ_status st = writ_policy_parse(text, "f", &p, &err);

	if ((st == WRIT_OK) != (p != NULL) || (st != WRIT_OK && !err.msg[0]))
		WRIT_BUG("a status and its outputs differ");
	if (writ_policy_empty(&q, &err) != WRIT_OK)
		return 0;
	st = writ_policy_add(q, text, &err);
	judge_all(q, text);
	if (p) {
		judge_all(p, text);
		prove(p, q);
		st = writ_policy_add(p, text, &err);
	}
	(void)st;
	return 0;
}
