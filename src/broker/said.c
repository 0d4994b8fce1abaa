#include "base/limits.h"
#include "broker/run_int.h"
#include "jail/jail.h"
#include "port/engine_id.h"

#define REPORTS_MAX 16			/* a worker of ours sends two a call */
#define CLEAN_MAX (1024 * 1024)		/* bytes of one text without its secrets */

static enum writ_status
on_hello(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	uint32_t version = writ_wire_get_u32(&in);
	struct writ_str engine = writ_wire_get_str(&in, 256);

	if (!writ_wire_done(&in))
		return WRIT_PROTO;
	if (version != WRIT_WIRE_VERSION || !writ_str_starts(engine,
	    writ_str_from("wasmtime " WRIT_ENGINE_VERSION))) {
		writ_run_end_with(run, WRIT_RUN_LOST,
		    "writ-worker is of another version than writ");
		return WRIT_OK;
	}
	run->conn.state = WRIT_STATE_SETUP;
	return WRIT_OK;
}

static enum writ_status
on_ready(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);

	run->walls = writ_wire_get_u32(&in);
	if ((run->walls | run->without_walls) != WRIT_WALLS_ALL) {
		writ_run_end_with(run, WRIT_RUN_LOST,
		    "the worker says that not all walls of its jail stand");
		return WRIT_OK;
	}
	run->started = true;
	run->conn.state = WRIT_STATE_READY;
	if (run->calling)
		writ_run_clock_starts(run);
	return WRIT_OK;
}

static enum writ_status
on_failed(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	unsigned status = writ_wire_get_u8(&in);
	struct writ_str text = writ_wire_get_str(&in, WRIT_ERR_MSG_MAX);
	char why[WRIT_ERR_MSG_MAX];

	if (!writ_wire_done(&in) || status == 0 || status > WRIT_NOTPERM)
		return WRIT_PROTO;
	snprintf(why, sizeof(why), "%.*s", WRIT_STR_ARG(text));
	writ_secrets_clean_text(run->secrets, why, sizeof(why));
	run->refused_status = (enum writ_status)status;
	writ_run_end_with(run, WRIT_RUN_REFUSED, why);
	return WRIT_OK;
}

/* What may be shown of an output.  A secret's beginning at its end waits for what follows, or
 * (`end`) for nothing more. */
static bool
show(struct writ_run *run, int which, struct writ_str bytes, bool end)
{
	writ_auto_release(writ_buf) clean;
	struct writ_buf *held = &run->held[which];
	struct writ_str all;
	size_t tail;

	writ_buf_init(&clean, 16 * CLEAN_MAX);
	if (!run->output)
		return true;
	if (!run->secrets)
		return !bytes.len || run->output(run->ctx, which, bytes.ptr,
		    bytes.len);
	if (!held->max)
		writ_buf_init(held, CLEAN_MAX);
	writ_buf_str(held, bytes);
	all = writ_buf_view(held);
	tail = end ? 0 : writ_secrets_tail(run->secrets, all);
	writ_secrets_redact(run->secrets, writ_str(all.ptr, all.len - tail),
	    &clean);
	if (writ_buf_status(held) != WRIT_OK ||
	    writ_buf_status(&clean) != WRIT_OK)
		return false;
	writ_buf_consume(held, held->len - tail);
	return !clean.len || run->output(run->ctx, which,
	    (const char *)clean.ptr, clean.len);
}

static enum writ_status
on_out(struct writ_run *run, const struct writ_msg *m)
{
	unsigned which = (uint8_t)m->body.ptr[0];
	struct writ_str bytes = writ_str_skip(m->body, 1);

	if (which < 1 || which > 2 || bytes.len > run->out_credit[which])
		return WRIT_PROTO;
	run->out_credit[which] -= bytes.len;
	run->output_bytes += bytes.len;
	if (run->setup.output_bytes && run->output_bytes >
	    writ_run_times(run, run->setup.output_bytes))
		return WRIT_PROTO;
	if (run->closed[which])
		return WRIT_OK;
	if (show(run, (int)which, bytes, false))
		return writ_run_credit(run, which, bytes.len);
	run->closed[which] = true;
	writ_run_judge(run);	/* its writer may have given up for a cancel */
	return run->over ? WRIT_OK : writ_run_credit(run, which, 0);
}

static enum writ_status
on_in_credit(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	uint32_t n = writ_wire_get_u32(&in);

	if (n == 0 || n > WRIT_WIRE_STREAM_CREDIT || run->stdin_credit)
		return WRIT_PROTO;
	run->stdin_credit = n;
	if (run->stdin_fd < 0 && !run->stdin_ended) {
		run->stdin_ended = true;
		return writ_conn_send(&run->conn, WRIT_MSG_STDIN_END, 0,
		    WRIT_STR(""), -1);
	}
	return WRIT_OK;
}

static enum writ_status
on_log(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	unsigned level = writ_wire_get_u8(&in);
	struct writ_str context = writ_wire_get_str(&in, 256);
	struct writ_str message = writ_wire_get_str(&in, WRIT_LOG_MSG_MAX);
	struct writ_buf room[2];

	if (!writ_wire_done(&in))
		return WRIT_PROTO;
	run->files->requests++;
	run->log_bytes += 16 + context.len + message.len;
	/* the worker stops before */
	if (run->log_bytes > writ_run_times(run, 2 * WRIT_LOG_BYTES_MAX))
		return WRIT_PROTO;
	writ_buf_init(&room[0], CLEAN_MAX);
	writ_buf_init(&room[1], CLEAN_MAX);
	if (run->log)
		run->log(run->ctx, level, writ_secrets_clean(run->secrets,
		    context, 256, &room[0]), writ_secrets_clean(run->secrets,
		    message, WRIT_LOG_MSG_MAX, &room[1]));
	writ_buf_release(&room[0]);
	writ_buf_release(&room[1]);
	return WRIT_OK;
}

static const struct {
	const char *name;
	enum writ_request_kind kind;
} kinds[] = {
	{ "files",    WRIT_REQ_FILES },
	{ "http",     WRIT_REQ_HTTP },
	{ "sockets",  WRIT_REQ_SOCKETS },
	{ "keyvalue", WRIT_REQ_KEYVALUE },
	{ "blobs",    WRIT_REQ_BLOBS },
};

/* A void said no inside the worker.  Decided again here: what is recorded is the policy's word. */
static enum writ_status
on_refused(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	struct writ_str kind = writ_wire_get_str(&in, 32);
	struct writ_str op = writ_wire_get_str(&in, 256);
	struct writ_request rq = { .op = "?",
		.target = writ_wire_get_str(&in, 4096) };
	char name[257];
	size_t i;

	if (!writ_wire_done(&in) ||
	    writ_str_cstr(op, name, sizeof(name)) != WRIT_OK)
		return WRIT_PROTO;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (writ_str_is(kind, kinds[i].name))
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return WRIT_PROTO;
	rq.kind = kinds[i].kind;
	rq.op = name;
	rq.write = rq.kind != WRIT_REQ_FILES || (strcmp(name, "stat") &&
	    strcmp(name, "list") && strcmp(name, "read"));
	run->files->requests++;
	return writ_record_judge(run->record, &rq, WRIT_RECORD_TOUCH, NULL) ==
	    WRIT_IO ? WRIT_IO : WRIT_OK;
}

static enum writ_status
on_report(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	struct writ_str kind = writ_wire_get_str(&in, 256);
	struct writ_str op = writ_wire_get_str(&in, 256);
	uint64_t count = writ_wire_get_u64(&in);
	uint64_t bytes = writ_wire_get_u64(&in);

	if (!writ_wire_done(&in))
		return WRIT_PROTO;
	if (++run->reports > REPORTS_MAX)
		return WRIT_PROTO;
	if (run->report)
		run->report(run->ctx, kind, op, count, bytes);
	return WRIT_OK;
}

static enum writ_status
on_fs(struct writ_run *run, const struct writ_msg *m)
{
	return writ_files_serve(run->files, &run->conn, m);
}

/* The result as it may be passed on. */
static enum writ_status
clean_value(struct writ_run *run)
{
	writ_auto_release(writ_buf) clean;

	writ_buf_init(&clean, run->value.max);
	if (!writ_secrets_in(run->secrets, writ_buf_view(&run->value)))
		return WRIT_OK;
	writ_secrets_redact(run->secrets, writ_buf_view(&run->value), &clean);
	if (writ_buf_status(&clean) == WRIT_OK) {
		writ_buf_reset(&run->value);
		writ_buf_str(&run->value, writ_buf_view(&clean));
	}
	return writ_buf_status(&clean) != WRIT_OK ? writ_buf_status(&clean) :
	    writ_buf_status(&run->value);
}

static enum writ_status
on_sock(struct writ_run *run, const struct writ_msg *m)
{
	if (!run->socks)
		return WRIT_PROTO;	/* it was told so */
	run->files->requests++;
	return writ_socks_serve(run->socks, &run->conn, m);
}

static enum writ_status
on_done(struct writ_run *run, const struct writ_msg *m)
{
	int which;

	/* nothing follows it: what did would count for the next call */
	if (m->id != run->call_id || writ_conn_more(&run->conn) ||
	    writ_done_get(m->body, &run->done) != WRIT_OK)
		return WRIT_PROTO;
	run->conn.state = WRIT_STATE_READY;
	run->calling = false;
	for (which = 1; which <= 2; which++)
		if (!run->closed[which] && run->held[which].len)
			(void)show(run, which, WRIT_STR(""), true);
	writ_secrets_clean_text(run->secrets, run->done.outcome.msg,
	    sizeof(run->done.outcome.msg));
	if (clean_value(run) != WRIT_OK)
		writ_run_end_with(run, WRIT_RUN_LOST, "its result has a secret "
		    "in it, and is too long without");
	if (!run->over)
		writ_run_end_with(run, WRIT_RUN_FINISHED, "");
	return WRIT_OK;
}

static enum writ_status
on_value(struct writ_run *run, const struct writ_msg *m)
{
	if (m->id != run->call_id ||
	    run->value.len + m->body.len > run->result_max)
		return WRIT_PROTO;
	writ_buf_str(&run->value, m->body);
	return writ_buf_status(&run->value);
}

static enum writ_status
on_progress(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	struct writ_progress p = { .done = writ_wire_get_u64(&in) };
	struct writ_buf room;

	p.has_total = writ_wire_get_u8(&in) != 0;
	p.total = writ_wire_get_u64(&in);
	p.message = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	if (!writ_wire_done(&in))
		return WRIT_PROTO;
	run->files->requests++;
	writ_buf_init(&room, CLEAN_MAX);
	p.message = writ_secrets_clean(run->secrets, p.message,
	    WRIT_API_WORDS_MAX, &room);
	if (run->progress && run->policy->client & WRIT_CLIENT_PROGRESS)
		run->progress(run->ctx, &p);
	writ_buf_release(&room);
	return WRIT_OK;
}

static enum writ_status
on_client_log(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	unsigned level = writ_wire_get_u8(&in);
	struct writ_str logger = writ_wire_get_str(&in, 256);
	struct writ_str data = writ_wire_get_str(&in, WRIT_CLIENT_LOG_MAX);
	struct writ_buf room[2];

	if (!writ_wire_done(&in) || level > 7)
		return WRIT_PROTO;
	run->files->requests++;
	writ_buf_init(&room[0], CLEAN_MAX);
	writ_buf_init(&room[1], CLEAN_MAX);
	if (run->client_log && run->policy->client & WRIT_CLIENT_LOG)
		run->client_log(run->ctx, level,
		    writ_secrets_clean(run->secrets, logger, 256, &room[0]),
		    writ_secrets_clean(run->secrets, data, WRIT_CLIENT_LOG_MAX,
		    &room[1]));
	writ_buf_release(&room[0]);
	writ_buf_release(&room[1]);
	return WRIT_OK;
}

static enum writ_status
on_ask(struct writ_run *run, const struct writ_msg *m)
{
	writ_auto_release(writ_buf) room;
	struct writ_wire_in in = writ_wire_in(m->body);
	unsigned kind = writ_wire_get_u8(&in);
	struct writ_run_ask ask = { m->id, (enum writ_ask_kind)kind,
		writ_wire_get_u8(&in) != 0 };

	writ_buf_init(&room, CLEAN_MAX);
	ask.name = writ_wire_get_str(&in, WRIT_TOOL_NAME_MAX);
	ask.text = writ_wire_get_str(&in, WRIT_ASK_TEXT_MAX);
	if (!writ_wire_done(&in) || kind >= WRIT_ASK_KIND_COUNT)
		return WRIT_PROTO;
	run->files->requests++;
	ask.text = writ_secrets_clean(run->secrets, ask.text, WRIT_ASK_TEXT_MAX,
	    &room);
	if (run->ask)
		return run->ask(run->ctx, &ask);
	return writ_run_reply(run, m->id, WRIT_ASK_UNSUPPORTED,
	    WRIT_STR("nobody to ask: the call did not come from a client"));
}

static enum writ_status
on_served(struct writ_run *run, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body), rows;
	struct writ_served_row row;
	struct writ_serving s;
	uint64_t n = 0;

	writ_serving_get(&in, &s);
	rows = in;
	for (; in.len && !in.bad; n++)
		writ_served_get(&in, &row);
	if (!run->guests || !writ_wire_done(&in))
		return WRIT_PROTO;
	run->served_count += n;
	run->reports = 0;
	writ_run_heard(run);
	if (run->served)
		run->served(run->ctx, &s, &rows);
	return WRIT_OK;
}

static enum writ_status
on_http(struct writ_run *run, const struct writ_msg *m)
{
	run->files->requests++;
	return writ_net_http(run->net, run->record, &run->conn, m->id, m->body);
}

static const struct {
	enum writ_wire_type type;
	enum writ_status (*handle)(struct writ_run *, const struct writ_msg *);
} handlers[] = {
	{ WRIT_MSG_HELLO,      on_hello },
	{ WRIT_MSG_READY,      on_ready },
	{ WRIT_MSG_FAILED,     on_failed },
	{ WRIT_MSG_OUT,        on_out },
	{ WRIT_MSG_IN_CREDIT,  on_in_credit },
	{ WRIT_MSG_LOG,        on_log },
	{ WRIT_MSG_REFUSED,    on_refused },
	{ WRIT_MSG_REPORT,     on_report },
	{ WRIT_MSG_FS,         on_fs },
	{ WRIT_MSG_DONE,       on_done },
	{ WRIT_MSG_VALUE,      on_value },
	{ WRIT_MSG_PROGRESS,   on_progress },
	{ WRIT_MSG_CLIENT_LOG, on_client_log },
	{ WRIT_MSG_ASK,        on_ask },
	{ WRIT_MSG_SERVED,     on_served },
	{ WRIT_MSG_HTTP,       on_http },
	{ WRIT_MSG_SOCK,       on_sock },
};

enum writ_status
writ_run_dispatch(struct writ_run *run, const struct writ_msg *m)
{
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == m->row->type)
			return handlers[i].handle(run, m);
	return WRIT_PROTO;
}

