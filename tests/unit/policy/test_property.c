/* Random writs and requests from a fixed seed: laws that hold for all of them. */
#include "policy_test.h"

#define ROUNDS 4000
#define ENTRIES_MAX 8

struct entry {
	char text[256];
	char name[24];
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

static void
path(uint64_t *seed, bool pattern, char *out, size_t cap)
{
	static const char *const words[] = { "a", "b", "c", ".git", "hooks",
		"config", ".env", "x.pem", "ab" };
	size_t parts = 1 + next(seed) % 3, n = 0, i;

	for (i = 0; i < parts; i++) {
		uint32_t r = next(seed) % 8;
		const char *w = words[next(seed) % 9];

		if (pattern && r == 0)
			w = "*";
		else if (pattern && r == 1)
			w = "**";
		n += (size_t)snprintf(out + n, cap - n, "/%s", w);
	}
}

static void
make_world(uint64_t *seed, struct world *w)
{
	char at[64];
	size_t i;

	w->n = 1 + next(seed) % ENTRIES_MAX;
	for (i = 0; i < w->n; i++) {
		struct entry *e = &w->v[i];

		e->deny = next(seed) % 3 == 0;
		(void)snprintf(e->name, sizeof(e->name), "n%zu", i);
		do {
			path(seed, e->deny, at, sizeof(at));
		} while (strstr(at, "/**/**/**"));
		if (e->deny)
			(void)snprintf(e->text, sizeof(e->text), "{ name: %s, "
			    "files: { path: \"%s\", mode: %s } }", e->name, at,
			    next(seed) % 2 ? "all" : "write");
		else
			(void)snprintf(e->text, sizeof(e->text), "{ name: %s, "
			    "at: %s, from: \"%s\", mode: %s }", e->name, at,
			    next(seed) % 3 ? "host:./h" : "memory",
			    next(seed) % 2 ? "read" : "write");
	}
}

/* Entries in the given order, without the one called `without`, with `extra` lines. */
static struct writ_policy *
build(const struct world *w, bool backwards, bool no_deny, const char *without,
    const char *extra)
{
	writ_auto_release(writ_buf) b;
	struct writ_policy *p = NULL;
	struct writ_err err;
	size_t i, pass;

	writ_buf_init(&b, 64 * 1024);
	writ_buf_cstr(&b, "writ: 1\n");
	for (pass = 0; pass < 2; pass++) {
		bool deny = pass == 1;

		writ_buf_printf(&b, "%s:\n", deny ? "deny" : "files");
		writ_buf_cstr(&b, "  [\n");
		for (i = 0; i < w->n; i++) {
			const struct entry *e =
			    &w->v[backwards ? w->n - 1 - i : i];

			if (e->deny == deny && !(deny && no_deny) &&
			    (!without || strcmp(e->name, without)))
				writ_buf_printf(&b, "   %s,\n", e->text);
		}
		if (!deny && extra)
			writ_buf_printf(&b, "   %s", extra);
		writ_buf_cstr(&b, "  ]\n");
	}
	assert_int_equal(writ_buf_status(&b), WRIT_OK);
	/* NULL when two mounts are the same: the world is skipped */
	if (writ_policy_parse(writ_buf_view(&b), "t", &p, &err) != WRIT_OK) {
		if (extra)
			print_error("%s\n", err.msg);
		return NULL;
	}
	return p;
}

static struct writ_request
make_request(uint64_t *seed, char *target, size_t cap)
{
	path(seed, false, target, cap);
	return (struct writ_request){ .kind = WRIT_REQ_FILES, .op = "open",
		.write = next(seed) % 2, .target = writ_str_from(target),
		.how = (enum writ_request_how)(next(seed) % 4) };
}

/* Deny beats allow, by a matcher that looks at every entry in turn. */
static void
check_deny(const struct writ_policy *p, const struct writ_request *rq,
    const struct writ_decision *d)
{
	bool hit = false;
	size_t i, n;

	for (i = 0; i < p->files_deny_count; i++) {
		const struct writ_files_deny *e = &p->files_deny[i];

		if (e->write_only && !rq->write)
			continue;
		for (n = 1; n <= rq->target.len; n++)
			if (n == rq->target.len || rq->target.ptr[n] == '/')
				hit |= writ_policy_glob(writ_str_from(e->path),
				    writ_str(rq->target.ptr, n));
	}
	if (hit) {
		assert_int_equal(d->verdict, WRIT_REFUSE);
		assert_memory_equal(d->rule, "deny.", 5);
	} else if (!strncmp(d->rule, "deny.", 5)) {
		assert_true(rq->write && rq->how == WRIT_HOW_TREE);
	}
}

static void
check_suggestion(const struct world *w, const struct writ_policy *p,
    const struct writ_request *rq, const struct writ_decision *d)
{
	writ_auto_release(writ_buf) out;
	struct writ_decision again;
	struct writ_policy *q;
	char name[80] = "";
	const char *at;

	writ_buf_init(&out, 64 * 1024);
	writ_policy_suggest(p, rq, &out);
	if (d->verdict == WRIT_ALLOW || !strncmp(d->rule, "deny.", 5)) {
		assert_int_equal(out.len, 0);
		return;
	}
	writ_buf_char(&out, '\0');
	at = strstr((const char *)out.ptr, "name: ");
	assert_non_null(at);
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 6, ","),
	    at + 6);
	/* "files: [" and "]" off: the entry itself */
	out.ptr[out.len - 2] = '\0';
	q = build(w, false, false, name, (const char *)out.ptr + 8);
	if (!q)
		fail_msg("does not parse: %s", (const char *)out.ptr);
	writ_decide(q, rq, &again);
	if (again.verdict != WRIT_ALLOW)
		fail_msg("%s %s still refused (%s) with %s", d->rule,
		    rq->target.ptr, again.rule, (const char *)out.ptr);
	writ_policy_free(q);
}

static void
test_property__laws_hold(void **state)
{
	uint64_t seed = 3;
	size_t i, k, allowed = 0, refused = 0, denied = 0;

	for (i = 0; i < ROUNDS; i++) {
		struct world w;
		struct writ_policy *p, *back;

		make_world(&seed, &w);
		p = build(&w, false, false, NULL, NULL);
		back = build(&w, true, false, NULL, NULL);
		assert_true((p == NULL) == (back == NULL));
		for (k = 0; p && back && k < 16; k++) {
			char target[64];
			struct writ_request rq = make_request(&seed, target,
			    sizeof(target));
			struct writ_decision d, e;

			writ_decide(p, &rq, &d);
			writ_decide(back, &rq, &e);
			assert_int_equal(d.verdict, e.verdict);
			assert_string_equal(d.rule, e.rule);
			assert_string_equal(d.reason, e.reason);
			check_deny(p, &rq, &d);
			check_suggestion(&w, p, &rq, &d);
			allowed += d.verdict == WRIT_ALLOW;
			refused += d.verdict == WRIT_REFUSE;
			denied += !strncmp(d.rule, "deny.", 5);
		}
		writ_policy_free(p);
		writ_policy_free(back);
	}
	/* the worlds are neither all open nor all shut */
	if (allowed < 1000 || refused < 1000 || denied < 1000)
		fail_msg("%zu allowed, %zu refused, %zu denied", allowed, refused,
		    denied);
}

static void
test_property__removing_deny_only_widens(void **state)
{
	uint64_t seed = 5;
	size_t i, k;

	for (i = 0; i < ROUNDS; i++) {
		struct world w;
		struct writ_policy *p, *q;

		make_world(&seed, &w);
		p = build(&w, false, false, NULL, NULL);
		q = build(&w, false, true, NULL, NULL);
		for (k = 0; p && q && k < 16; k++) {
			char target[64];
			struct writ_request rq = make_request(&seed, target,
			    sizeof(target));
			struct writ_decision d, e;

			writ_decide(p, &rq, &d);
			writ_decide(q, &rq, &e);
			if (d.verdict == WRIT_ALLOW)
				assert_int_equal(e.verdict, WRIT_ALLOW);
		}
		writ_policy_free(p);
		writ_policy_free(q);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_property__laws_hold),
		cmocka_unit_test(test_property__removing_deny_only_widens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
