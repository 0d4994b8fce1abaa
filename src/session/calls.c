#include "base/limits.h"
#include "session/serve.h"
#include "session/wishes.h"

/* ---- clients */

static struct serve_client *
client_find(const struct serve *s, uint32_t id)
{
	size_t i;

	for (i = 0; i < s->clients.len; i++) {
		struct serve_client *c = writ_vec_at(&s->clients, i);

		if (c->id == id)
			return c;
	}
	return NULL;
}

/* Its named sessions end, and so do its calls. */
static void
client_gone(struct serve *s, uint32_t id)
{
	size_t i;

	for (i = 0; i < s->calls.len; i++) {
		struct serve_call *c = *(struct serve_call **)writ_vec_at(
		    &s->calls, i);

		if (c->client == id)
			c->cancelled = true;
	}
	for (i = 0; i < s->seats.len; i++) {
		struct serve_seat *seat = *(struct serve_seat **)writ_vec_at(
		    &s->seats, i);

		if (seat->name[0] && seat->client == id)
			seat->stop = true;
	}
	for (i = s->clients.len; i-- > 0;)
		if (((struct serve_client *)writ_vec_at(&s->clients, i))->id ==
		    id)
			writ_vec_remove(&s->clients, i);
}

static enum writ_status
on_client(struct serve *s, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	unsigned opened = writ_wire_get_u8(&in);
	struct writ_str name = writ_wire_get_str(&in, 256);
	struct serve_client *c;
	struct writ_buf safe;

	if (!writ_wire_done(&in) || opened > 1 ||
	    opened == (client_find(s, m->id) != NULL))
		return WRIT_PROTO;
	if (!opened) {
		client_gone(s, m->id);
		return WRIT_OK;
	}
	if (writ_vec_push(&s->clients, &c) != WRIT_OK)
		return WRIT_PROTO;	/* it knows the bound */
	c->id = m->id;
	writ_buf_init(&safe, 2048);
	writ_buf_safe(&safe, name, false);
	snprintf(c->name, sizeof(c->name), "%.*s",
	    WRIT_STR_ARG(writ_str_first(writ_buf_view(&safe),
	    sizeof(c->name) - 1)));
	writ_buf_release(&safe);
	return WRIT_OK;
}

/* ---- calls */

static struct serve_call *
call_find(const struct serve *s, uint32_t id)
{
	size_t i;

	for (i = 0; id && i < s->calls.len; i++) {
		struct serve_call *c = *(struct serve_call **)writ_vec_at(
		    &s->calls, i);

		if (c->id == id)
			return c;
	}
	return NULL;
}

struct serve_call *
serve_call_new(struct serve *s, uint32_t id)
{
	struct serve_call *c = writ_alloc(1, sizeof(*c)), **slot;

	if (!c)
		return NULL;
	if (writ_vec_push(&s->calls, &slot) != WRIT_OK) {
		writ_mem_free(c);
		return NULL;
	}
	*slot = c;
	c->id = id;
	c->spawn_left = UINT64_MAX;
	c->depth_left = WRIT_SPAWN_DEPTH_MAX;
	writ_vec_init(&c->spawned, sizeof(struct serve_spawned),
	    WRIT_DOC_GRANTS_MAX);
	writ_buf_init(&c->args, WRIT_CALL_ARGS_MAX);
	writ_buf_init(&c->answer, WRIT_ASK_TEXT_MAX);
	writ_buf_init(&c->out[1], WRIT_CALL_VALUE_MAX);
	writ_buf_init(&c->out[2], WRIT_CALL_VALUE_MAX);
	return c;
}

void
serve_call_free(struct serve *s, struct serve_call *c)
{
	size_t i;

	for (i = 0; i < s->calls.len; i++) {
		struct serve_call *other = *(struct serve_call **)writ_vec_at(
		    &s->calls, i);

		if (other->parent == c) {
			other->parent = NULL;	/* nobody waits any more */
			other->cancelled = true;
		}
		if (other == c) {
			writ_vec_remove(&s->calls, i);
			i--;
		}
	}
	if (c->seat)
		c->seat->call = NULL;
	if (c->box)
		c->box->users--;
	s->args_bytes -= c->args.len;
	writ_vec_release(&c->spawned);
	writ_buf_release(&c->args);
	writ_buf_release(&c->answer);
	writ_buf_release(&c->out[1]);
	writ_buf_release(&c->out[2]);
	writ_mem_free(c);
}

static void
send(struct serve *s, unsigned type, uint32_t id)
{
	if (writ_buf_status(&s->scratch) != WRIT_OK ||
	    writ_conn_send(&s->conn, type, id, writ_buf_view(&s->scratch), -1)
	    != WRIT_OK)
		s->over = true;		/* a front end that does not read */
}

static void
send_text(struct serve *s, uint32_t id, enum writ_api_text what,
    struct writ_str text)
{
	if (writ_api_send_text(&s->conn, id, what, text) != WRIT_OK)
		s->over = true;
}

/* ---- results */

static void
answer_parent(struct serve_call *c, enum writ_api_status status,
    struct writ_str value, const char *why)
{
	static const enum writ_ask_status as[] = {
		[WRIT_API_OK] = WRIT_ASK_OK, [WRIT_API_ERR] = WRIT_ASK_ERR,
		[WRIT_API_ARGUMENTS] = WRIT_ASK_ARGUMENTS,
		[WRIT_API_UNKNOWN] = WRIT_ASK_UNKNOWN,
		[WRIT_API_DENIED] = WRIT_ASK_DENIED,
		[WRIT_API_LIMIT] = WRIT_ASK_LIMIT,
		[WRIT_API_TRAP] = WRIT_ASK_FAILED,
		[WRIT_API_EXIT] = WRIT_ASK_FAILED,
		[WRIT_API_CANCELLED] = WRIT_ASK_CANCELLED,
		[WRIT_API_FAILED] = WRIT_ASK_FAILED,
	};
	struct serve_call *p = c->parent;

	if (!p || !p->seat || p->seat->run.over)
		return;
	if (status != WRIT_API_OK && status != WRIT_API_ERR)
		value = writ_str_from(why);
	if (value.len > WRIT_ASK_TEXT_MAX) {
		status = WRIT_API_LIMIT;
		value = WRIT_STR("the result is longer than 64 KiB");
	}
	if (writ_run_reply(&p->seat->run, c->parent_ask, as[status], value) !=
	    WRIT_OK)
		p->cancelled = true;
}

/* The one RESULT of a call, with what comes before it; frees the call. */
static void
conclude(struct serve *s, struct serve_call *c, struct writ_api_result *r,
    struct writ_str value)
{
	char why[WRIT_ERR_MSG_MAX + 1];

	snprintf(why, sizeof(why), "%.*s", WRIT_STR_ARG(r->message));
	if (!c->id) {
		answer_parent(c, r->status, value, why);
		serve_call_free(s, c);
		return;
	}
	send_text(s, c->id, c->read ? WRIT_API_TEXT_JSON :
	    WRIT_API_TEXT_VALUE, value);
	send_text(s, c->id, WRIT_API_TEXT_STDOUT, writ_buf_view(&c->out[1]));
	send_text(s, c->id, WRIT_API_TEXT_STDERR, writ_buf_view(&c->out[2]));
	if (c->read)
		r->extra = c->mime;
	writ_buf_reset(&s->scratch);
	writ_api_result_put(&s->scratch, r);
	send(s, WRIT_API_RESULT, c->id);
	serve_call_free(s, c);
}

void
serve_call_refuse(struct serve *s, struct serve_call *c,
    enum writ_api_status status, const char *why)
{
	struct writ_api_result r = { .status = status,
		.message = writ_str_from(why) };

	conclude(s, c, &r, (struct writ_str){ NULL, 0 });
}

void
serve_call_read(struct serve *s, struct serve_call *c)
{
	struct writ_api_result r = { .status = WRIT_API_OK, .extra = c->mime };

	send_text(s, c->id, WRIT_API_TEXT_VALUE, writ_buf_view(&c->out[1]));
	writ_buf_reset(&s->scratch);
	writ_api_result_put(&s->scratch, &r);
	send(s, WRIT_API_RESULT, c->id);
	serve_call_free(s, c);
}

/* For a request that never became a call. */
static enum writ_status
refuse_id(struct serve *s, uint32_t id, enum writ_api_status status,
    const char *why)
{
	struct writ_api_result r = { .status = status,
		.message = writ_str_from(why) };

	writ_buf_reset(&s->scratch);
	writ_api_result_put(&s->scratch, &r);
	send(s, WRIT_API_RESULT, id);
	return WRIT_OK;
}

static enum writ_api_status
status_of(const struct writ_run *run, const struct writ_result *r)
{
	if (run->end == WRIT_RUN_FINISHED && run->done.refused)
		return run->done.refused == WRIT_NOENT ? WRIT_API_UNKNOWN :
		    WRIT_API_ARGUMENTS;
	switch (r->ending) {
	case WRIT_ENDED_OK:
		return run->done.outcome.result_err ? WRIT_API_ERR :
		    WRIT_API_OK;
	case WRIT_ENDED_EXIT:
		return WRIT_API_EXIT;
	case WRIT_ENDED_TRAP:
		return WRIT_API_TRAP;
	case WRIT_ENDED_LIMIT:
		return WRIT_API_LIMIT;
	case WRIT_ENDED_CANCELLED:
		return WRIT_API_CANCELLED;
	case WRIT_ENDED_WORKER:
	default:
		return WRIT_API_FAILED;
	}
}

static const char *
outcome_word(enum writ_api_status status, const struct writ_result *r)
{
	return status == WRIT_API_ARGUMENTS || status == WRIT_API_UNKNOWN ?
	    "not-started" : status == WRIT_API_ERR ? "err" :
	    writ_tool_ending(r->ending);
}

void
serve_call_finish(struct serve *s, struct serve_seat *seat)
{
	struct serve_call *c = seat->call;
	struct writ_result r = { .exit_code = 0 };
	struct writ_api_result out = { .status = WRIT_API_FAILED };
	struct writ_audit_call_end end = { .call = seat->calls };
	enum writ_status st = writ_tool_result(&seat->tool, &seat->run, &r,
	    NULL);

	out.status = status_of(&seat->run, &r);
	end.outcome = writ_str_from(outcome_word(out.status, &r));
	end.reason = writ_str_from(r.message[0] ? r.message : NULL);
	end.cpu_ms = r.cpu_us / 1000;
	if (st == WRIT_OK)
		st = writ_audit_call_end(seat->tool.audit, &end, NULL);
	if (st != WRIT_OK) {
		out.status = WRIT_API_FAILED;
		snprintf(r.message, sizeof(r.message),
		    "the audit log cannot be written");
	}
	out.exit_code = r.exit_code;
	out.message = writ_str_from(r.message);
	out.refused = (uint32_t)(seat->record.refusals - c->refused_before);
	out.allowed = (uint32_t)(seat->record.allowed - c->allowed_before);
	seat->call = NULL;
	c->seat = NULL;
	if (c->peek) {
		serve_shown_next(s, c, seat);
		return;
	}
	conclude(s, c, &out, out.status == WRIT_API_OK ||
	    out.status == WRIT_API_ERR ? writ_buf_view(&seat->run.value) :
	    (struct writ_str){ NULL, 0 });
}

/* ---- what a running call says */

/* Where a folder is on this machine is the operator's to know, not the client's. */
static void
hide_paths(char *out, size_t cap, const char *text)
{
	struct writ_str rest = writ_str_from(text), host = WRIT_STR("host:");
	size_t n = 0;

	while (rest.len && n + sizeof("host:...") < cap) {
		if (!writ_str_starts(rest, host)) {
			out[n++] = rest.ptr[0];
			rest = writ_str_skip(rest, 1);
			continue;
		}
		memcpy(out + n, "host:...", 8);
		n += 8;
		while (rest.len && rest.ptr[0] != '"')
			rest = writ_str_skip(rest, 1);
	}
	out[n] = '\0';
}

static void
tell_refused(void *ctx, const struct writ_refusal *r)
{
	char smallest[8193];
	struct serve_seat *seat = ctx;
	struct serve *s = seat->server;
	struct writ_api_refused out = { writ_str_from(r->id),
		writ_str_from(r->kind), writ_str_from(r->op),
		writ_str_from(r->target), writ_str_from(r->rule),
		writ_str_from(r->reason), WRIT_STR("") };

	hide_paths(smallest, sizeof(smallest), r->smallest);
	out.smallest = writ_str_from(smallest);
	if (!seat->call || !seat->call->id || seat->call->refused_told++ >= 16)
		return;
	writ_buf_reset(&s->scratch);
	writ_api_refused_put(&s->scratch, &out);
	send(s, WRIT_API_REFUSED, seat->call->id);
}

static void
on_refused(void *ctx, const struct writ_refused *r)
{
	struct serve_seat *seat = ctx;

	writ_tool_refusal(&seat->tool, r, tell_refused, seat);
}

static bool
on_output(void *ctx, int which, const char *bytes, size_t len)
{
	struct serve_seat *seat = ctx;
	struct writ_buf *out;
	size_t room;

	if (!seat->call)
		return true;
	out = &seat->call->out[which];
	room = out->len < WRIT_MCP_PRINTED_MAX ? WRIT_MCP_PRINTED_MAX -
	    out->len : 0;	/* more is not shown */
	writ_buf_add(out, bytes, len < room ? len : room);
	return true;
}

static void
on_report(void *ctx, struct writ_str kind, struct writ_str op, uint64_t count,
    uint64_t bytes)
{
	struct serve_seat *seat = ctx;

	if (!writ_tool_report(&seat->tool, kind, op, count, bytes))
		seat->record.failed = true;
}

/* What only informs waits for nobody. */
static bool
busy(const struct serve *s)
{
	return s->conn.out.len - s->conn.out_pos > 256 * 1024;
}

static void
on_progress(void *ctx, const struct writ_progress *p)
{
	struct serve_seat *seat = ctx;
	struct serve *s = seat->server;
	struct writ_api_progress out = { p->done, p->total, p->has_total,
		p->message };

	if (!seat->call || !seat->call->id || busy(s) ||
	    !(seat->call->flags & WRIT_API_WANTS_PROGRESS))
		return;
	writ_buf_reset(&s->scratch);
	writ_api_progress_put(&s->scratch, &out);
	send(s, WRIT_API_PROGRESS, seat->call->id);
}

static void
on_client_log(void *ctx, unsigned level, struct writ_str logger,
    struct writ_str data)
{
	struct serve_seat *seat = ctx;
	struct serve *s = seat->server;

	if (!seat->call || !seat->call->id || busy(s) ||
	    !(seat->call->flags & WRIT_API_WANTS_LOG))
		return;
	writ_buf_reset(&s->scratch);
	writ_wire_put_u8(&s->scratch, (uint8_t)level);
	writ_wire_put_str(&s->scratch, logger);
	writ_wire_put_str(&s->scratch, data);
	send(s, WRIT_API_LOG, seat->call->id);
}

/* ---- what it asks */

static const struct {
	const char *word;
	enum writ_api_ask kind;
	uint8_t can;
} asks[] = {
	[WRIT_ASK_ELICIT] = { "elicit", WRIT_API_ASK_ELICIT,
	    WRIT_API_CAN_ELICIT },
	[WRIT_ASK_SAMPLE] = { "sample", WRIT_API_ASK_SAMPLE,
	    WRIT_API_CAN_SAMPLE },
	[WRIT_ASK_ROOTS] = { "roots", WRIT_API_ASK_ROOTS, WRIT_API_CAN_ROOTS },
};

static enum writ_status
ask_client(struct serve_seat *seat, const struct writ_run_ask *a)
{
	struct serve *s = seat->server;
	struct serve_call *c = seat->call;
	unsigned i;

	for (i = 0; i < WRIT_ASKS_MAX && c->asks[i].id; i++)
		;
	if (i == WRIT_ASKS_MAX)
		return writ_run_reply(&seat->run, a->id, WRIT_ASK_LIMIT,
		    WRIT_STR("too many questions at once"));
	c->asks[i].id = ++s->ask_seq ? s->ask_seq : ++s->ask_seq;
	c->asks[i].worker_id = a->id;
	send_text(s, c->id, WRIT_API_TEXT_ASK, a->text);
	writ_buf_reset(&s->scratch);
	writ_wire_put_u32(&s->scratch, c->asks[i].id);
	writ_wire_put_u8(&s->scratch, (uint8_t)asks[a->kind].kind);
	writ_wire_put_u8(&s->scratch, a->more);
	writ_wire_put_str(&s->scratch, a->name);
	send(s, WRIT_API_ASK, c->id);
	return WRIT_OK;
}

static enum writ_status
judged(struct serve_seat *seat, bool spawn, const char *op,
    struct writ_str target, uint64_t *id)
{
	struct writ_request rq = { .kind = spawn ? WRIT_REQ_SPAWN :
	    WRIT_REQ_CLIENT, .op = op, .target = target };

	return writ_record_judge(&seat->record, &rq, WRIT_RECORD_EFFECT, id);
}

/* The last question of a round is refused here; those before it must not wait for it. */
static void
end_round(struct serve_seat *seat, const struct writ_run_ask *a)
{
	struct serve *s = seat->server;
	struct serve_call *c = seat->call;
	unsigned i;

	for (i = 0; i < WRIT_ASKS_MAX && !c->asks[i].id; i++)
		;
	if (a->more || i == WRIT_ASKS_MAX)
		return;
	writ_buf_reset(&s->scratch);
	writ_wire_put_u32(&s->scratch, 0);
	writ_wire_put_u8(&s->scratch, WRIT_API_ASK_NONE);
	writ_wire_put_u8(&s->scratch, 0);
	writ_wire_put_str(&s->scratch, (struct writ_str){ NULL, 0 });
	send(s, WRIT_API_ASK, c->id);
}

static enum writ_status
refuse_ask(struct serve_seat *seat, const struct writ_run_ask *a,
    enum writ_ask_status status, struct writ_str words)
{
	end_round(seat, a);
	return writ_run_reply(&seat->run, a->id, status, words);
}

static enum writ_status
on_ask(void *ctx, const struct writ_run_ask *a)
{
	struct serve_seat *seat = ctx;
	bool spawn = a->kind == WRIT_ASK_SPAWN;
	const char *word = spawn ? "spawn" : asks[a->kind].word;
	uint64_t id = 0;
	enum writ_status st;

	if (!seat->call)
		return WRIT_PROTO;
	st = judged(seat, spawn, word, spawn ? a->name : writ_str_from(word),
	    &id);
	if (st == WRIT_DENIED)
		return refuse_ask(seat, a, WRIT_ASK_DENIED,
		    WRIT_STR("the writ does not grant it"));
	if (st != WRIT_OK)
		return st;
	if (spawn)
		return serve_spawn(seat, a, id);
	if (!seat->call->id || !(seat->call->flags & asks[a->kind].can))
		return refuse_ask(seat, a, WRIT_ASK_UNSUPPORTED,
		    WRIT_STR("this client cannot do it"));
	return ask_client(seat, a);
}

void
serve_call_ports(struct serve_seat *seat)
{
	struct writ_run *run = &seat->run;

	writ_record_init(&seat->record, seat->tool.audit, seat->tool.policy,
	    on_refused, seat);
	seat->record.secrets = run->secrets = seat->tool.secrets;
	run->policy = seat->tool.policy;
	run->record = &seat->record;
	run->name = seat->group->spec->name.ptr;
	run->stdin_fd = run->cancel_fd = -1;
	run->output = on_output;
	run->report = on_report;
	run->progress = on_progress;
	run->client_log = on_client_log;
	run->ask = on_ask;
	run->ctx = seat;
	writ_tool_setup(&seat->tool, &run->setup);
}

/* ---- starting */

static struct writ_str
function_of(const struct serve_call *c)
{
	return c->peek ? writ_str_from(c->peek) : c->tool->export_name;
}

static enum writ_status
record_call(struct serve *s, struct serve_seat *seat, struct writ_err *err)
{
	const struct serve_call *c = seat->call;
	const struct serve_client *client = client_find(s, c->client);
	char args[WRIT_DIGEST_TEXT], parent[64];
	struct writ_audit_call a = { .call = seat->calls,
		.function = function_of(c),
		.tool = writ_str_from(c->tool ? c->tool->name : NULL) };
	struct writ_digest d;

	writ_sha256(c->args.ptr, c->args.len, &d);
	writ_digest_text(&d, args);
	a.args = writ_str_from(args);
	a.client = writ_str_from(client && client->name[0] ? client->name :
	    NULL);
	if (c->parent && c->parent->seat) {
		snprintf(parent, sizeof(parent), "%s/%llu",
		    c->parent->seat->tool.id,
		    (unsigned long long)c->parent->seat->calls);
		a.parent = writ_str_from(parent);
	}
	return writ_audit_call_start(seat->tool.audit, &a, err);
}

void
serve_call_start(struct serve *s, struct serve_call *c, struct serve_seat *seat)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_run_invoke invoke = { function_of(c),
		writ_buf_view(&c->args), WRIT_VALUE_JSON,
		seat->name[0] != '\0', seat->run.setup.output_bytes };
	enum writ_status st;

	seat->call = c;
	seat->calls++;
	c->seat = seat;
	c->state = SERVE_RUNNING;
	writ_record_call(&seat->record);
	c->refused_before = seat->record.refusals;
	c->allowed_before = seat->record.allowed;
	st = record_call(s, seat, &err);
	if (st == WRIT_OK)
		st = writ_run_invoke(&seat->run, &invoke, &err);
	if (st != WRIT_OK) {
		seat->stop = true;
		seat->call = NULL;
		c->seat = NULL;
		serve_call_refuse(s, c, st == WRIT_LIMIT ? WRIT_API_LIMIT :
		    WRIT_API_FAILED, err.msg);
		return;
	}
	/* A worker that is gone shows when it is read. */
	(void)!writ_conn_flush(&seat->run.conn);
}

static void
try_call(struct serve *s, struct serve_call *c)
{
	struct writ_err err = { WRIT_OK, "" };
	struct serve_seat *seat = NULL;
	enum writ_status st;

	if (c->cancelled) {
		serve_call_refuse(s, c, WRIT_API_CANCELLED, "cancelled");
		return;
	}
	st = serve_seat_for(s, c, &seat, &err);
	if (st == WRIT_OK)
		serve_call_start(s, c, seat);
	else if (st != WRIT_BUSY)
		serve_call_refuse(s, c, st == WRIT_LIMIT ? WRIT_API_LIMIT :
		    WRIT_API_FAILED, err.msg);
}

void
serve_calls_go(struct serve *s)
{
	size_t i, n;

	for (i = 0; i < s->calls.len && !serve_stalled(s);
	    i += s->calls.len == n) {
		struct serve_call *c = *(struct serve_call **)writ_vec_at(
		    &s->calls, i);

		n = s->calls.len;
		if (c->state == SERVE_WAITING)
			try_call(s, c);
		if (s->calls.len > n)
			n = s->calls.len;
	}
	if (i < s->calls.len)
		s->held = true;		/* there is more to do when there is room */
}

/* ---- messages of the front end */

static enum writ_status
on_text(struct serve *s, const struct writ_msg *m)
{
	struct serve_call *c = call_find(s, m->id);
	unsigned what = (uint8_t)m->body.ptr[0];
	struct writ_str text = writ_str_skip(m->body, 1);

	if (what == WRIT_API_TEXT_ANSWER) {
		if (c && c->state == SERVE_RUNNING)
			writ_buf_str(&c->answer, text);
		return WRIT_OK;		/* the call may have ended meanwhile */
	}
	if (what != WRIT_API_TEXT_ARGS || !m->id ||
	    (c && c->state != SERVE_COLLECTING))
		return WRIT_PROTO;
	if (!c)
		c = serve_call_new(s, m->id);
	if (!c)
		return WRIT_LIMIT;	/* it knows the bound */
	if (s->args_bytes + text.len > WRIT_SERVE_ARGS_MAX) {
		c->args.failed = WRIT_LIMIT;
		return WRIT_OK;
	}
	s->args_bytes -= c->args.len;
	writ_buf_str(&c->args, text);
	s->args_bytes += c->args.len;
	return WRIT_OK;
}

static enum writ_status
on_call(struct serve *s, const struct writ_msg *m)
{
	struct serve_call *c = call_find(s, m->id);
	struct writ_api_call a;

	if (!m->id || (c && c->state != SERVE_COLLECTING) ||
	    writ_api_call_get(m->body, &a) != WRIT_OK)
		return WRIT_PROTO;
	if (!c)
		c = serve_call_new(s, m->id);
	if (!c)
		return refuse_id(s, m->id, WRIT_API_LIMIT, "the server has as "
		    "many calls as it takes; try again later");
	c->state = SERVE_WAITING;
	c->client = a.client;
	c->flags = a.flags;
	c->box = s->box;
	c->box->users++;
	c->tool = writ_box_find(s->box->box, a.tool);
	if (!c->tool || !client_find(s, a.client)) {
		serve_call_refuse(s, c, WRIT_API_UNKNOWN, "no such tool");
		return WRIT_OK;
	}
	if (writ_buf_status(&c->args) != WRIT_OK) {
		serve_call_refuse(s, c, WRIT_API_LIMIT, "arguments are larger "
		    "than the server takes (4 MiB a call)");
		return WRIT_OK;
	}
	if (writ_str_cstr(a.session, c->session, sizeof(c->session)) != WRIT_OK)
		return WRIT_PROTO;
	if (c->tool->group->spec->session != WRIT_TOOLBOX_NAMED)
		c->session[0] = '\0';
	return WRIT_OK;
}

static enum writ_status
on_cancel(struct serve *s, const struct writ_msg *m)
{
	struct serve_call *c = call_find(s, m->id);

	if (c)
		c->cancelled = true;
	return WRIT_OK;		/* its RESULT may be on the way */
}

static enum writ_status
on_answer(struct serve *s, const struct writ_msg *m)
{
	static const enum writ_ask_status as[] = { WRIT_ASK_OK,
		WRIT_ASK_FAILED, WRIT_ASK_UNSUPPORTED };
	struct writ_wire_in in = writ_wire_in(m->body);
	uint32_t id = writ_wire_get_u32(&in);
	unsigned how = writ_wire_get_u8(&in), i;
	struct serve_call *c = call_find(s, m->id);
	enum writ_status st;

	if (!writ_wire_done(&in) || how > WRIT_API_ANSWER_UNSUPPORTED || !id)
		return WRIT_PROTO;
	if (!c || c->state != SERVE_RUNNING)
		return WRIT_OK;		/* the call ended meanwhile */
	for (i = 0; i < WRIT_ASKS_MAX && c->asks[i].id != id; i++)
		;
	if (i == WRIT_ASKS_MAX)
		return WRIT_PROTO;
	c->asks[i].id = 0;
	if (writ_buf_status(&c->answer) != WRIT_OK)
		how = WRIT_API_ANSWER_FAILED;
	st = c->seat->run.over ? WRIT_OK : writ_run_reply(&c->seat->run,
	    c->asks[i].worker_id, as[how], how == WRIT_API_ANSWER_OK ?
	    writ_buf_view(&c->answer) : (struct writ_str){ NULL, 0 });
	writ_buf_reset(&c->answer);
	if (st != WRIT_OK)
		c->cancelled = true;
	return WRIT_OK;
}

/* A client's words without the secrets of any session that runs. */
static struct writ_str
without_secrets(const struct serve *s, struct writ_str text,
    struct writ_buf room[2])
{
	size_t i;
	unsigned k = 0;

	writ_buf_init(&room[0], 16 * WRIT_API_WORDS_MAX);
	writ_buf_init(&room[1], 16 * WRIT_API_WORDS_MAX);
	for (i = 0; i < s->seats.len; i++) {
		const struct serve_seat *seat = *(struct serve_seat **)
		    writ_vec_at(&s->seats, i);

		writ_buf_reset(&room[k]);
		if (writ_secrets_in(seat->tool.secrets, text)) {
			text = writ_secrets_clean(seat->tool.secrets, text,
			    WRIT_API_WORDS_MAX, &room[k]);
			k = !k;
		}
	}
	return text;
}

static enum writ_status
file_wish(const struct serve *s, const struct serve_client *c,
    const struct writ_api_grant *a, char id[WRIT_WISH_ID], struct writ_err *err)
{
	struct writ_buf what[2], why[2];
	struct writ_wish wish = { writ_str_from(c->name),
		writ_str_from(s->options->toolbox), a->tool,
		without_secrets(s, a->what, what),
		without_secrets(s, a->why, why) };
	enum writ_status st = writ_wish_file(&wish, id, err);
	unsigned i;

	for (i = 0; i < 2; i++) {
		writ_buf_release(&what[i]);
		writ_buf_release(&why[i]);
	}
	return st;
}

static enum writ_status
on_grant(struct serve *s, const struct writ_msg *m)
{
	struct writ_api_result r = { .status = WRIT_API_OK };
	struct writ_api_grant a;
	struct writ_err err = { WRIT_OK, "" };
	char id[WRIT_WISH_ID];
	const struct serve_client *c;

	if (writ_api_grant_get(m->body, &a) != WRIT_OK)
		return WRIT_PROTO;
	c = client_find(s, a.client);
	if (!c || s->options->no_wishes)
		return refuse_id(s, m->id, WRIT_API_UNKNOWN, "not offered");
	if (file_wish(s, c, &a, id, &err) != WRIT_OK)
		return refuse_id(s, m->id, WRIT_API_LIMIT, err.msg);
	serve_say(s, "%s asks for a grant; it changes nothing: see writ wishes "
	    "(%s)", c->name[0] ? c->name : "the client", id);
	r.extra = writ_str_from(id);
	writ_buf_reset(&s->scratch);
	writ_api_result_put(&s->scratch, &r);
	send(s, WRIT_API_RESULT, m->id);
	return WRIT_OK;
}

static enum writ_status
on_read(struct serve *s, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	uint32_t client = writ_wire_get_u32(&in);
	struct writ_str uri = writ_wire_get_str(&in, 4096);
	struct serve_call *c;

	if (!writ_wire_done(&in) || !m->id || call_find(s, m->id))
		return WRIT_PROTO;
	if (!client_find(s, client))
		return refuse_id(s, m->id, WRIT_API_UNKNOWN, "no such client");
	c = serve_call_new(s, m->id);
	if (!c)
		return refuse_id(s, m->id, WRIT_API_LIMIT, "too many calls");
	c->read = true;
	c->client = client;
	c->box = s->box;
	c->box->users++;
	serve_resource(s, c, uri);
	return WRIT_OK;
}

static enum writ_status
on_list(struct serve *s, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	uint32_t client = writ_wire_get_u32(&in);
	struct serve_call *c;

	if (!writ_wire_done(&in) || !m->id || call_find(s, m->id))
		return WRIT_PROTO;
	c = client_find(s, client) ? serve_call_new(s, m->id) : NULL;
	if (!c)
		return refuse_id(s, m->id, WRIT_API_LIMIT,
		    "too many calls, or no such client");
	c->client = client;
	c->box = s->box;
	c->box->users++;
	serve_shown_list(s, c);
	return WRIT_OK;
}

static const struct {
	unsigned type;
	enum writ_status (*handle)(struct serve *, const struct writ_msg *);
} handlers[] = {
	{ WRIT_API_CLIENT, on_client },
	{ WRIT_API_TEXT,   on_text },
	{ WRIT_API_CALL,   on_call },
	{ WRIT_API_READ,   on_read },
	{ WRIT_API_LIST,   on_list },
	{ WRIT_API_GRANT,  on_grant },
	{ WRIT_API_CANCEL, on_cancel },
	{ WRIT_API_ANSWER, on_answer },
};

enum writ_status
serve_message(struct serve *s, const struct writ_msg *m)
{
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == m->row->type)
			return handlers[i].handle(s, m);
	return WRIT_PROTO;
}
