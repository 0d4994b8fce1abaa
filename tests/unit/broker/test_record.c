/* test_record.c - every kind of request is judged, written down and told. */
#include "fixture.h"

#include "broker/record.h"
#include "policy/policy.h"

struct told {
	unsigned count;
};

static void
on_refused(void *ctx, const struct writ_refused *r)
{
	struct told *t = ctx;

	t->count++;
}

struct world {
	struct writ_audit *audit;
	struct writ_policy *policy;
	struct writ_record record;
	struct told told;
};

static void
world_begin(struct world *w, struct fixture *f)
{
	memset(w, 0, sizeof(*w));
	w->audit = fixture_must_open(f);
	assert_int_equal(writ_policy_empty(&w->policy, NULL), WRIT_OK);
	writ_record_init(&w->record, w->audit, w->policy, on_refused, &w->told);
}

static void
world_end(struct world *w)
{
	writ_record_release(&w->record);
	writ_policy_free(w->policy);
	writ_audit_free(w->audit);
}

static void
test_record__every_kind_has_its_name_in_the_log(void **state)
{
	static const char *const words[] = { "files", "http", "sockets",
		"keyvalue", "blobs", "spawn", "client" };
	struct fixture *f = *state;
	struct world w;
	struct writ_buf file;
	unsigned kind;

	world_begin(&w, f);
	for (kind = WRIT_REQ_FILES; kind <= WRIT_REQ_CLIENT; kind++) {
		struct writ_request rq = { .kind = (enum writ_request_kind)kind,
			.op = kind == WRIT_REQ_CLIENT ? "elicit" : "open",
			.target = kind == WRIT_REQ_CLIENT ? WRIT_STR("elicit") :
			    WRIT_STR("/x") };

		assert_int_equal(writ_record_judge(&w.record, &rq,
		    WRIT_RECORD_EFFECT, NULL), WRIT_DENIED);
	}
	assert_int_equal(w.record.refusals, WRIT_REQ_CLIENT + 1);
	file = fixture_read(f->path);
	assert_int_equal(fixture_lines(&file), WRIT_REQ_CLIENT + 1);
	for (kind = WRIT_REQ_FILES; kind <= WRIT_REQ_CLIENT; kind++) {
		char want[64];

		snprintf(want, sizeof(want), "\"kind\":\"%s\"", words[kind]);
		assert_true(fixture_has(fixture_line(&file, kind), want));
	}
	writ_buf_release(&file);
	world_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_record__every_kind_has_its_name_in_the_log,
		    fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
