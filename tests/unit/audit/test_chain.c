/* test_chain.c - what a check of the whole finds, and what it cannot. */
#include "base/json.h"
#include "base/limits.h"
#include "fixture.h"

#define RECORDS 6

/* A log of RECORDS decisions, and its bytes. */
static struct writ_buf
make_log(struct fixture *f)
{
	writ_auto(writ_audit) a = fixture_must_open(f);
	struct writ_audit_decision d = fixture_decision(WRIT_AUDIT_ALLOW);
	char target[16];
	int i;

	for (i = 0; i < RECORDS; i++) {
		snprintf(target, sizeof(target), "/src/%d", i);
		d.target = writ_str_from(target);
		fixture_decide(a, d, 1);
	}
	fixture_verify(f, 0, NULL);
	return fixture_read(f->path);
}

/* Write the log anew from its lines in this order (a digit each). */
static void
rewrite(struct fixture *f, const struct writ_buf *log, const char *order)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, 1 << 20);
	for (; *order; order++) {
		writ_buf_str(&b, fixture_line(log, (size_t)(*order - '0')));
		writ_buf_char(&b, '\n');
	}
	fixture_write(f->path, writ_buf_view(&b));
}

static void
test_chain__any_changed_byte_is_found(void **state)
{
	struct fixture *f = *state;
	writ_auto_release(writ_buf) log = make_log(f);
	size_t i, line = 1;

	for (i = 0; i < log.len; i++) {
		struct writ_audit_report r;
		struct writ_err err;
		uint8_t was = log.ptr[i];

		log.ptr[i] ^= 1;
		fixture_write(f->path, writ_buf_view(&log));
		assert_int_equal(writ_audit_verify(f->path, &r, &err),
		    WRIT_INVALID);
		assert_int_equal(r.bad_line, line);
		assert_int_equal(r.records, line - 1);
		log.ptr[i] = was;
		line += was == '\n';
	}
}

static void
test_chain__deleted_doubled_and_moved_records_are_found(void **state)
{
	struct fixture *f = *state;
	writ_auto_release(writ_buf) log = make_log(f);

	rewrite(f, &log, "01345");
	fixture_verify(f, 3, "number");
	rewrite(f, &log, "12345");
	fixture_verify(f, 1, "number");
	rewrite(f, &log, "0112345");
	fixture_verify(f, 3, "number");
	rewrite(f, &log, "021345");
	fixture_verify(f, 2, "number");
	rewrite(f, &log, "012345");
	fixture_verify(f, 0, NULL);
}

static void
test_chain__a_record_of_another_log_is_found(void **state)
{
	struct fixture *f = *state;
	writ_auto_release(writ_buf) log = make_log(f);
	writ_auto_release(writ_buf) other;
	writ_auto_release(writ_buf) mixed;

	unlink(f->path);
	f->mono_ns++;
	other = make_log(f);
	writ_buf_init(&mixed, 1 << 20);
	writ_buf_str(&mixed, fixture_line(&log, 0));
	writ_buf_char(&mixed, '\n');
	writ_buf_str(&mixed, fixture_line(&other, 1));
	writ_buf_char(&mixed, '\n');
	fixture_write(f->path, writ_buf_view(&mixed));
	fixture_verify(f, 2, "not chained");
}

static void
test_chain__inserted_lines_are_found(void **state)
{
	static const char *const lines[] = { "\n", "{}\n", "x\n", "[]\n",
		"{\"v\":1,\"seq\":3}\n", "{\"v\":1,\"seq\":0,\n" };
	struct fixture *f = *state;
	writ_auto_release(writ_buf) log = make_log(f);
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		writ_auto_release(writ_buf) b;

		writ_buf_init(&b, 1 << 20);
		writ_buf_str(&b, fixture_line(&log, 0));
		writ_buf_char(&b, '\n');
		writ_buf_cstr(&b, lines[i]);
		writ_buf_str(&b, fixture_line(&log, 1));
		writ_buf_char(&b, '\n');
		fixture_write(f->path, writ_buf_view(&b));
		fixture_verify(f, 2, "not a record");
	}
}

static void
test_chain__a_torn_tail_is_found(void **state)
{
	struct fixture *f = *state;
	writ_auto_release(writ_buf) log = make_log(f);
	size_t cut, last = fixture_line(&log, RECORDS - 1).len;

	for (cut = 1; cut <= last; cut += 7) {
		fixture_write(f->path, writ_str((char *)log.ptr, log.len - cut));
		fixture_verify(f, RECORDS, "torn");
	}
}

/* Stated in docs/AUDIT.md: whole records missing at the end cannot be seen. */
static void
test_chain__a_missing_end_is_not_seen(void **state)
{
	struct fixture *f = *state;
	writ_auto_release(writ_buf) log = make_log(f);
	struct writ_audit_report r;

	rewrite(f, &log, "0123");
	assert_int_equal(writ_audit_verify(f->path, &r, NULL), WRIT_OK);
	assert_int_equal(r.records, 4);
	fixture_write(f->path, WRIT_STR(""));
	assert_int_equal(writ_audit_verify(f->path, &r, NULL), WRIT_OK);
	assert_int_equal(r.records, 0);
}

static void
test_chain__an_endless_line_is_refused(void **state)
{
	struct fixture *f = *state;
	size_t n = 4 * WRIT_AUDIT_RECORD_MAX;
	writ_auto_mem char *big = writ_alloc(n, 1);

	assert_non_null(big);
	memset(big, 'a', n);
	fixture_write(f->path, writ_str(big, n));
	fixture_verify(f, 1, "too long");
}

/* A well-chained line that is no JSON: the chain alone is not the form. */
static void
test_chain__what_is_chained_must_be_json(void **state)
{
	struct fixture *f = *state;
	struct writ_digest zero = { { 0 } }, d;
	char text[WRIT_DIGEST_TEXT];
	writ_auto_release(writ_buf) b = { 0 };
	int pass;

	for (pass = 0; pass < 2; pass++) {
		writ_buf_release(&b);
		writ_buf_init(&b, 1 << 16);
		writ_digest_text(&zero, text);
		writ_buf_printf(&b, "{\"v\":1,\"seq\":1,%s,\"prev\":\"%s\"",
		    pass ? "\"a\":1" : "oops", text);
		writ_buf_char(&b, '}');
		writ_sha256(b.ptr, b.len, &d);
		b.len--;
		writ_digest_text(&d, text);
		writ_buf_printf(&b, ",\"hash\":\"%s\"}\n", text);
		fixture_write(f->path, writ_buf_view(&b));
		fixture_verify(f, 1, pass ? "lacks a member" : "not JSON");
	}
}

static void
test_chain__missing_file_is_noent(void **state)
{
	struct fixture *f = *state;
	struct writ_audit_report r;

	assert_int_equal(writ_audit_verify(f->path, &r, NULL), WRIT_NOENT);
	assert_int_equal(writ_audit_verify(f->dir, &r, NULL), WRIT_IO);
}

int
main(void)
{
#define WITH_FIXTURE(t) \
	cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_chain__any_changed_byte_is_found),
		WITH_FIXTURE(
		    test_chain__deleted_doubled_and_moved_records_are_found),
		WITH_FIXTURE(test_chain__a_record_of_another_log_is_found),
		WITH_FIXTURE(test_chain__inserted_lines_are_found),
		WITH_FIXTURE(test_chain__a_torn_tail_is_found),
		WITH_FIXTURE(test_chain__a_missing_end_is_not_seen),
		WITH_FIXTURE(test_chain__an_endless_line_is_refused),
		WITH_FIXTURE(test_chain__what_is_chained_must_be_json),
		WITH_FIXTURE(test_chain__missing_file_is_noent),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
