/*
 * fuzz_policy.c - a writ, and a grant of the command line, from foreign bytes; then
 * decisions and suggestions over what came of them.
 */
#include "policy/policy.h"

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
		st = writ_policy_add(p, text, &err);
	}
	(void)st;
	return 0;
}
