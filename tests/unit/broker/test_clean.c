/* test_clean.c - no secret in what a worker says, nor in what is recorded or told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "fixture.h"
#include "broker/run.h"
#include "broker/secrets.h"

#define VALUE "s3cr3t-value-of-many-letters"

struct world {
	struct writ_run run;
	struct writ_record record;
	struct writ_files files;
	struct writ_policy *policy;
	struct writ_secrets *secrets;
	struct writ_conn peer;
	char out[4096], told[4096];
};

static const char document[] = "writ: 1\nrandom: secure\n"
    "secrets: { key: \"env:WRIT_TEST_CLEAN\" }\nclient: [progress, log]\n"
    "http: [{ name: h, methods: [GET], url: https://a.example/x, credential: "
    "{ header: x-key, value: \"${secret:key}\" } }]\n";

static bool
on_output(void *ctx, int which, const char *bytes, size_t len)
{
	struct world *w = ctx;
	size_t at = strlen(w->out);

	snprintf(w->out + at, sizeof(w->out) - at, "%d:%.*s|", which, (int)len,
	    bytes);
	return true;
}

static void
on_log(void *ctx, unsigned level, struct writ_str context,
    struct writ_str message)
{
	struct world *w = ctx;

	snprintf(w->told, sizeof(w->told), "%.*s: %.*s", WRIT_STR_ARG(context),
	    WRIT_STR_ARG(message));
}

static void
on_progress(void *ctx, const struct writ_progress *p)
{
	struct world *w = ctx;

	snprintf(w->told, sizeof(w->told), "%.*s", WRIT_STR_ARG(p->message));
}

static enum writ_status
on_ask(void *ctx, const struct writ_run_ask *a)
{
	struct world *w = ctx;

	snprintf(w->told, sizeof(w->told), "%.*s", WRIT_STR_ARG(a->text));
	return WRIT_OK;
}

static int
setup(void **state)
{
	static struct world w;
	struct writ_run *run = &w.run;
	int fds[2];

	memset(&w, 0, sizeof(w));
	setenv("WRIT_TEST_CLEAN", VALUE, 1);
	assert_int_equal(writ_policy_parse(writ_str_from(document), "f",
	    &w.policy, NULL), WRIT_OK);
	assert_int_equal(writ_secrets_open(w.policy, "/nowhere", &w.secrets,
	    NULL), WRIT_OK);
	assert_non_null(w.secrets);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
	    0);
	assert_int_equal(writ_conn_init(&run->conn, fds[0], &writ_wire_proto,
	    WRIT_SIDE_BROKER, NULL), WRIT_OK);
	assert_int_equal(writ_conn_init(&w.peer, fds[1], &writ_wire_proto,
	    WRIT_SIDE_WORKER, NULL), WRIT_OK);
	writ_buf_init(&run->value, WRIT_CALL_VALUE_MAX);
	writ_buf_init(&w.files.reply, WRIT_WIRE_MSG_MAX);
	w.files.record = &w.record;
	w.files.policy = w.policy;
	run->policy = w.policy;
	run->record = &w.record;
	run->files = &w.files;
	run->secrets = w.secrets;
	run->stdin_fd = run->cancel_fd = run->child.pidfd = -1;
	run->setup.time_ms = run->setup.cpu_ms = 60000;
	run->setup.requests = 100;
	run->out_credit[1] = run->out_credit[2] = 100000;
	run->started = true;
	run->output = on_output;
	run->log = on_log;
	run->progress = on_progress;
	run->ask = on_ask;
	run->ctx = &w;
	run->conn.state = WRIT_STATE_READY;
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	writ_run_release(&w->run);
	writ_conn_release(&w->peer);
	writ_buf_release(&w->files.reply);
	writ_secrets_free(w->secrets);
	writ_policy_free(w->policy);
	return 0;
}

static void
invoke(struct world *w)
{
	const struct writ_run_invoke call = { .function = WRIT_STR("f"),
		.form = WRIT_VALUE_JSON };

	assert_int_equal(writ_run_invoke(&w->run, &call, NULL), WRIT_OK);
	(void)writ_run_step(&w->run);
}

static void
say(struct world *w, enum writ_wire_type type, uint32_t id, struct writ_str body)
{
	assert_int_equal(writ_conn_send(&w->peer, type, id, body, -1), WRIT_OK);
	assert_int_equal(writ_conn_flush(&w->peer), WRIT_OK);
	(void)writ_run_step(&w->run);
}

static void
say_done(struct world *w, const char *why)
{
	struct writ_done_msg done = { .outcome.kind = WRIT_OUTCOME_TRAP };
	struct writ_buf b;

	snprintf(done.outcome.msg, sizeof(done.outcome.msg), "%s", why);
	writ_buf_init(&b, 8192);
	writ_done_put(&b, &done);
	say(w, WRIT_MSG_DONE, w->run.call_id, writ_buf_view(&b));
	writ_buf_release(&b);
}

/* Bytes of a message: a byte, two texts. */
static void
say_texts(struct world *w, enum writ_wire_type type, uint8_t first,
    const char *a, const char *b)
{
	struct writ_buf body;

	writ_buf_init(&body, 8192);
	writ_wire_put_u8(&body, first);
	writ_wire_put_str(&body, writ_str_from(a));
	writ_wire_put_str(&body, writ_str_from(b));
	say(w, type, 0, writ_buf_view(&body));
	writ_buf_release(&body);
}

static void
test_clean__output_also_over_two_messages(void **state)
{
	struct world *w = *state;

	invoke(w);
	say(w, WRIT_MSG_OUT, 0, WRIT_STR("\1a " VALUE " b\n"));
	assert_string_equal(w->out, "1:a [secret key] b\n|");
	w->out[0] = '\0';
	say(w, WRIT_MSG_OUT, 0, WRIT_STR("\2x s3cr3t-val"));
	assert_string_equal(w->out, "2:x |");
	say(w, WRIT_MSG_OUT, 0, WRIT_STR("\1other"));
	say(w, WRIT_MSG_OUT, 0, WRIT_STR("\2ue-of-many-letters y"));
	assert_string_equal(w->out, "2:x |1:other|2:[secret key] y|");
	w->out[0] = '\0';
	say(w, WRIT_MSG_OUT, 0, WRIT_STR("\1 s3cr3"));
	say(w, WRIT_MSG_OUT, 0, WRIT_STR("\1 is none"));
	assert_string_equal(w->out, "1: |1:s3cr3 is none|");
	w->out[0] = '\0';
	say(w, WRIT_MSG_OUT, 0, WRIT_STR("\1s3cr3t-v"));
	say(w, WRIT_MSG_OUT, 0, WRIT_STR("\2s3cr3"));
	assert_string_equal(w->out, "");
	say_done(w, "");
	assert_int_equal(w->run.end, WRIT_RUN_FINISHED);
	assert_string_equal(w->out, "1:[secret key]|2:s3cr3|");
}

static void
test_clean__results_and_traps(void **state)
{
	struct world *w = *state;

	invoke(w);
	say(w, WRIT_MSG_VALUE, 1, WRIT_STR("[\"s3cr3t-value"));
	say(w, WRIT_MSG_VALUE, 1, WRIT_STR("-of-many-letters\",1]"));
	say_done(w, "panicked: " VALUE);
	assert_int_equal(w->run.end, WRIT_RUN_FINISHED);
	assert_true(writ_str_is(writ_buf_view(&w->run.value),
	    "[\"[secret key]\",1]"));
	assert_string_equal(w->run.done.outcome.msg, "panicked: [secret key]");
}

static void
test_clean__log_lines_progress_and_questions(void **state)
{
	struct world *w = *state;
	struct writ_buf b;

	invoke(w);
	say_texts(w, WRIT_MSG_LOG, 2, "ctx", "key=" VALUE);
	assert_string_equal(w->told, "ctx: key=[secret key]");
	writ_buf_init(&b, 1024);
	writ_wire_put_u64(&b, 1);
	writ_wire_put_u8(&b, 0);
	writ_wire_put_u64(&b, 0);
	writ_wire_put_str(&b, WRIT_STR("at " VALUE));
	say(w, WRIT_MSG_PROGRESS, 0, writ_buf_view(&b));
	assert_string_equal(w->told, "at [secret key]");
	writ_buf_reset(&b);
	writ_wire_put_u8(&b, WRIT_ASK_ELICIT);
	writ_wire_put_u8(&b, 0);
	writ_wire_put_str(&b, WRIT_STR(""));
	writ_wire_put_str(&b, WRIT_STR("{\"m\":\"" VALUE "?\"}"));
	say(w, WRIT_MSG_ASK, 9, writ_buf_view(&b));
	assert_string_equal(w->told, "{\"m\":\"[secret key]?\"}");
	writ_buf_release(&b);
	assert_false(w->run.over);
}

struct heard {
	char target[256], reason[WRIT_REASON_MAX], smallest[1024];
};

static void
on_refused(void *ctx, const struct writ_refused *r)
{
	struct heard *h = ctx;

	snprintf(h->target, sizeof(h->target), "%.*s",
	    WRIT_STR_ARG(r->request->target));
	snprintf(h->reason, sizeof(h->reason), "%s", r->decision->reason);
	snprintf(h->smallest, sizeof(h->smallest), "%.*s",
	    WRIT_STR_ARG(r->smallest));
}

static void
test_clean__records_and_what_is_told_of_refusals(void **state)
{
	struct world *w = *state;
	const struct writ_request rq = { .kind = WRIT_REQ_FILES, .op = "open",
		.target = WRIT_STR("/tmp/" VALUE) };
	struct fixture *f;
	struct writ_audit *a;
	struct writ_record r;
	struct writ_buf file;
	struct heard heard;
	void *fixture;
	uint64_t id;

	assert_int_equal(fixture_setup(&fixture), 0);
	f = fixture;
	a = fixture_must_open(f);
	writ_audit_filter(a, writ_secrets_filter, w->secrets);
	writ_record_init(&r, a, w->policy, on_refused, &heard);
	r.secrets = w->secrets;
	assert_int_equal(writ_record_judge(&r, &rq, WRIT_RECORD_EFFECT, &id),
	    WRIT_DENIED);
	assert_string_equal(heard.target, "/tmp/[secret key]");
	assert_null(strstr(heard.smallest, "s3cr3t"));
	assert_non_null(strstr(heard.smallest, "/tmp"));
	assert_int_equal(writ_audit_outcome(a, id, WRIT_AUDIT_FAILED, 0,
	    WRIT_STR("%73%33cr3t-value-of-many-letters"), NULL), WRIT_OK);
	writ_mem_fail_after(0);
	assert_int_equal(writ_record_judge(&r, &rq, WRIT_RECORD_EFFECT, &id),
	    WRIT_IO);
	writ_mem_fail_after(-1);
	file = fixture_read(f->path);
	assert_int_equal(fixture_lines(&file), 2);
	assert_true(fixture_has(fixture_line(&file, 0),
	    "\"target\":\"/tmp/[secret key]\""));
	assert_true(fixture_has(fixture_line(&file, 1),
	    "\"detail\":\"[secret key]\""));
	assert_null(memmem(file.ptr, file.len, "cr3t", 4));
	writ_buf_release(&file);
	writ_record_release(&r);
	writ_audit_free(a);
	fixture_verify(f, 0, NULL);
	fixture_teardown(&fixture);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_clean__output_also_over_two_messages),
		T(test_clean__results_and_traps),
		T(test_clean__log_lines_progress_and_questions),
		T(test_clean__records_and_what_is_told_of_refusals),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	return cmocka_run_group_tests_name("clean", tests, NULL, NULL);
}
