/* policy_test.h - what the tests of src/policy share. */
#ifndef WRIT_POLICY_TEST_H
#define WRIT_POLICY_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/policy.h"

/** The policy of a document that must be right. */
static inline struct writ_policy *
must_parse(const char *doc)
{
	struct writ_policy *p = NULL;
	struct writ_err err = { 0 };

	if (writ_policy_parse(writ_str_from(doc), "t.yaml", &p, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	return p;
}

static inline void
must_add(struct writ_policy *p, const char *text)
{
	struct writ_err err = { 0 };

	if (writ_policy_add(p, writ_str_from(text), &err) != WRIT_OK)
		fail_msg("%s: %s", text, err.msg);
}

/** A decision over a file; how as in policy.h. */
static inline struct writ_decision
judge_file(const struct writ_policy *p, const char *path, bool write,
    enum writ_request_how how)
{
	const struct writ_request rq = { .kind = WRIT_REQ_FILES, .op = "open",
		.write = write, .target = writ_str_from(path), .how = how };
	struct writ_decision d;

	writ_decide(p, &rq, &d);
	return d;
}

/** The rule of the decision must be this, and the verdict fit it. */
static inline void
check_rule(const struct writ_policy *p, const char *path, bool write,
    enum writ_request_how how, const char *rule)
{
	struct writ_decision d = judge_file(p, path, write, how);
	size_t n = strlen(rule);
	bool allow = !strncmp(rule, "files.", 6) &&
	    !(n > 5 && !strcmp(rule + n - 5, ".mode"));

	assert_string_equal(d.rule, rule);
	assert_int_equal(d.verdict, allow ? WRIT_ALLOW : WRIT_REFUSE);
	assert_true(d.reason[0] != '\0');
}

#define READ(p, path, rule) check_rule(p, path, false, WRIT_HOW_ITSELF, rule)
#define WRITE(p, path, rule) check_rule(p, path, true, WRIT_HOW_ITSELF, rule)

#endif
