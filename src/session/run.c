#include "base/limits.h"
#include "cap/clock.h"
#include "session/tool.h"

/* One call from end to end; what it owns is released in reverse. */
struct session {
	const struct writ_call *call;
	struct writ_policy *own_policy;		/* when the call gives none */
	struct writ_result *result;
	struct writ_tool tool;
	struct writ_str function;		/* the export in full */
	struct writ_record record;
	struct writ_files files;
	struct writ_run run;
	struct writ_session_net net;
	uint64_t start_ns;
};

static void
session_release(struct session *s)
{
	writ_run_release(&s->run);
	writ_session_net_release(&s->net);
	writ_files_release(&s->files);
	writ_record_release(&s->record);
	writ_tool_release(&s->tool);
	writ_policy_free(s->own_policy);
}

/* ---- what the caller is told while it runs */

static void
on_refused(void *ctx, const struct writ_refused *r)
{
	struct session *s = ctx;

	if (s->call->refused)
		writ_tool_refusal(&s->tool, r, s->call->refused, s->call->ctx);
}

static void
on_until(void *ctx, uint64_t mono_ns)
{
	struct session *s = ctx;

	if (s->call->until)
		s->call->until(s->call->ctx, mono_ns);
}

static bool
on_output(void *ctx, int which, const char *bytes, size_t len)
{
	struct session *s = ctx;

	return !s->call->output ||
	    s->call->output(s->call->ctx, which, bytes, len);
}

static void
on_log(void *ctx, unsigned level, struct writ_str context,
    struct writ_str message)
{
	struct session *s = ctx;

	writ_tool_tell_log(level, context, message, s->call->log,
	    s->call->ctx);
}

static void
on_report(void *ctx, struct writ_str kind, struct writ_str op, uint64_t count,
    uint64_t bytes)
{
	struct session *s = ctx;

	if (!writ_tool_report(&s->tool, kind, op, count, bytes))
		s->record.failed = true;
}

/* ---- the call */

static void
args_digest(const struct session *s, char out[WRIT_DIGEST_TEXT])
{
	struct writ_sha256 h;
	struct writ_digest d;
	size_t i;

	writ_sha256_start(&h);
	if (s->call->function)
		writ_sha256_add(&h, s->call->function,
		    strlen(s->call->function) + 1);
	if (s->call->arguments)
		writ_sha256_add(&h, s->call->arguments,
		    strlen(s->call->arguments) + 1);
	for (i = 0; i < s->call->args_count; i++)
		writ_sha256_add(&h, s->call->args[i],
		    strlen(s->call->args[i]) + 1);
	writ_sha256_end(&h, &d);
	writ_digest_text(&d, out);
}

static void
fill_run(struct session *s, char *name_buf, size_t cap)
{
	const struct writ_call *c = s->call;
	const char *slash = strrchr(c->component, '/');

	snprintf(name_buf, cap, "%s", c->name ? c->name :
	    slash ? slash + 1 : c->component);
	s->run.policy = s->tool.policy;
	s->run.record = &s->record;
	s->run.files = &s->files;
	s->run.name = name_buf;
	s->run.args = c->args;
	s->run.args_count = c->args_count;
	s->run.stdin_fd = c->has_stdin ? c->stdin_fd : -1;
	s->run.cancel_fd = c->has_cancel ? c->cancel_fd : -1;
	s->run.until = on_until;
	s->run.output = on_output;
	s->run.log = on_log;
	s->run.report = on_report;
	s->run.ctx = s;
	writ_tool_setup(&s->tool, &s->run.setup);
}

/* From here on a refusal leaves a record; what is no component file leaves none. */
static enum writ_status
open_files(struct session *s, struct writ_err *err)
{
	struct writ_tool *t = &s->tool;
	enum writ_status st = writ_tool_open(t, err);

	if (st == WRIT_OK && t->host)
		st = writ_run_start(&s->run, t->host->worker,
		    t->host->without_walls, false, err);
	if (st == WRIT_OK)
		st = writ_tool_read(t, err);
	return st == WRIT_OK ? writ_tool_log(t, s->call->audit, NULL, err) : st;
}

static enum writ_status
check_exports(struct session *s, struct writ_err *err)
{
	if (s->call->function)
		return writ_tool_export(&s->tool,
		    writ_str_from(s->call->function), &s->function, err);
	if (json_is_true(json_object_get(s->tool.described, "run")))
		return WRIT_OK;
	return writ_fail(err, WRIT_INVALID, "%s: does not export wasi:cli/run, "
	    "so it cannot be run as a program; writ call calls a function",
	    s->call->component);
}

/* A function that is called: its records stand within the session's. */
static enum writ_status
begin_call(struct session *s, struct writ_err *err)
{
	struct writ_str text = writ_str_from(s->call->arguments);
	struct writ_audit_call a = { .call = 1, .function = s->function };
	char args[WRIT_DIGEST_TEXT];
	struct writ_digest d;

	writ_sha256(text.ptr, text.len, &d);
	writ_digest_text(&d, args);
	a.args = writ_str_from(args);
	return writ_audit_call_start(s->tool.audit, &a, err);
}

static enum writ_status
start(struct session *s, struct writ_err *err)
{
	const struct writ_call *c = s->call;
	struct writ_run_invoke invoke = { s->function,
		writ_str_from(c->arguments), c->wave ? WRIT_VALUE_WAVE :
		WRIT_VALUE_JSON, false, s->run.setup.output_bytes };
	enum writ_status st;

	if (!c->function)
		return writ_run_command(&s->run);
	st = begin_call(s, err);
	return st == WRIT_OK ? writ_run_invoke(&s->run, &invoke, err) : st;
}

static enum writ_status
serve(struct session *s, struct writ_err *err)
{
	uint8_t host_key[WRIT_FS_KEY_LEN];	/* which the worker never has */
	char name[256];
	enum writ_status st;

	fill_run(s, name, sizeof(name));
	writ_record_init(&s->record, s->tool.audit, s->tool.policy, on_refused,
	    s);
	s->record.secrets = s->run.secrets = s->tool.secrets;
	writ_hash_random(host_key, sizeof(host_key));
	st = writ_tool_check_places(&s->tool, err);
	if (st == WRIT_OK)
		st = writ_files_init(&s->files, s->tool.policy, &s->record,
		    host_key, s->call->trace_denials, err);
	if (st == WRIT_OK)
		st = writ_session_net_start(&s->net, s->tool.host, &s->record,
		    s->tool.secrets, err);
	s->run.net = s->net.net;
	s->run.socks = s->net.socks;
	if (st == WRIT_OK)
		st = writ_run_setup(&s->run, &s->tool.code.code, err);
	if (st == WRIT_OK)
		st = start(s, err);
	if (st == WRIT_OK)
		st = writ_run_serve(&s->run);
	writ_session_net_end(&s->net);
	s->run.net = NULL;
	s->run.socks = NULL;
	return st;
}

/* ---- the result */

static void
fill_result(struct session *s)
{
	struct writ_result *r = s->result;

	r->cached = s->tool.cached;
	r->void_files = s->tool.void_files;
	r->audit_first = s->tool.audit_first;
	snprintf(r->audit_file, sizeof(r->audit_file), "%s",
	    s->tool.audit_file);
	r->allowed = s->record.allowed;
	r->refused = s->record.refusals;
	r->asked = s->record.asked;
	r->wall_us = (writ_clock_host_ns() - s->start_ns) / 1000;
	if (s->tool.audit)
		r->audit_last = writ_audit_records(s->tool.audit);
}

static enum writ_status
record_end(struct session *s, struct writ_err *err)
{
	const struct writ_result *r = s->result;
	bool refused = s->run.end == WRIT_RUN_REFUSED || s->run.done.refused;
	struct writ_audit_end end = { refused ? WRIT_STR("not-started") :
	    writ_str_from(writ_tool_ending(r->ending)),
	    writ_str_from(r->message[0] ? r->message : NULL),
	    refused ? 125 : r->exit_code, r->cpu_us / 1000 };
	struct writ_audit_call_end call = { 1, s->run.done.outcome.result_err ?
	    WRIT_STR("err") : end.outcome, end.reason, end.cpu_ms };
	enum writ_status st = WRIT_OK;

	if (s->call->function)
		st = writ_audit_call_end(s->tool.audit, &call, err);
	return st == WRIT_OK ? writ_audit_session_end(s->tool.audit, &end,
	    err) : st;
}

static enum writ_status
finish(struct session *s, struct writ_err *err)
{
	struct writ_result *r = s->result;
	enum writ_status st = writ_tool_result(&s->tool, &s->run, r, err);

	r->value_is_err = s->run.done.outcome.result_err;
	if (r->value_is_err)
		r->exit_code = 1;
	if (st == WRIT_OK)
		st = record_end(s, err);
	if (s->run.end == WRIT_RUN_REFUSED)
		return writ_fail(err, s->run.refused_status, "%s: %s",
		    s->call->component, s->run.why);
	if (s->run.done.refused)
		return writ_fail(err, s->run.done.refused, "%s", r->message);
	if (st == WRIT_OK && s->call->function && r->ending == WRIT_ENDED_OK)
		st = writ_text_out(&s->run.value, &r->value, err);
	return st == WRIT_OK ? st : writ_fail_in(err, st, "audit log");
}

static enum writ_status
run_session(struct session *s, char args[WRIT_DIGEST_TEXT], struct writ_err *err)
{
	enum writ_status st = open_files(s, err);

	if (st == WRIT_OK)
		st = writ_tool_prepare(&s->tool, err);
	if (st == WRIT_OK)
		st = check_exports(s, err);
	if (st == WRIT_OK)
		st = writ_tool_secrets(&s->tool, err);
	if (st == WRIT_OK)
		st = writ_session_net_prepare(&s->net, s->tool.host,
		    s->tool.policy, err);
	s->tool.net = st == WRIT_OK ? &s->net : NULL;
	if (st == WRIT_OK)
		st = writ_tool_begin(&s->tool, writ_str_from(args), err);
	if (st == WRIT_OK)
		st = serve(s, err);
	if (st == WRIT_OK)
		return finish(s, err);
	writ_tool_not_started(&s->tool, writ_str_from(args), err);
	return st;
}

static enum writ_status
session_init(struct session *s, struct writ_host *host,
    const struct writ_call *call, struct writ_result *result,
    struct writ_err *err)
{
	const struct writ_policy *policy = call->policy;
	enum writ_status st = WRIT_OK;

	memset(result, 0, sizeof(*result));
	memset(s, 0, sizeof(*s));
	s->call = call;
	s->result = result;
	s->run.conn.fd = s->run.child.pidfd = -1;
	s->start_ns = writ_clock_host_ns();
	if (!policy)
		st = writ_policy_empty(&s->own_policy, err);
	writ_tool_init(&s->tool, host, call->component, policy ? policy :
	    s->own_policy);
	if (!call->component)
		return writ_fail(err, WRIT_INVALID, "no component");
	return st;
}

enum writ_status
writ_run(struct writ_host *host, const struct writ_call *call,
    struct writ_result *result, struct writ_err *err)
{
	char args[WRIT_DIGEST_TEXT];
	struct session s;
	enum writ_status st = session_init(&s, host, call, result, err);

	host->cancel_fd = call->has_cancel ? call->cancel_fd : -1;
	args_digest(&s, args);
	if (st == WRIT_OK)
		st = run_session(&s, args, err);
	fill_result(&s);
	session_release(&s);
	host->cancel_fd = -1;
	return st;
}

enum writ_status
writ_run_refused(const struct writ_call *call, const struct writ_err *why,
    struct writ_result *result, struct writ_err *err)
{
	char args[WRIT_DIGEST_TEXT];
	struct session s;
	enum writ_status st = session_init(&s, NULL, call, result, err);

	s.tool.no_writ = true;
	args_digest(&s, args);
	if (st == WRIT_OK)
		st = open_files(&s, err);
	if (st == WRIT_OK)
		writ_tool_not_started(&s.tool, writ_str_from(args), why);
	fill_result(&s);
	session_release(&s);
	return st;
}
