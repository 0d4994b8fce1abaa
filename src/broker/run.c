#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "broker/run.h"
#include "cap/clock.h"
#include "jail/jail.h"
#include "port/engine_id.h"

#define GRACE_NS 3000000000ull		/* for a worker to notice its own limits */
#define TELL_NS 200000000ull		/* for its word that it noticed them */
#define STARTUP_NS 30000000000ull	/* for a worker to load */
#define REAP_MS 2000
#define JUDGE_MS 1000			/* limits are looked at this often at least */
#define JUDGE_BUSY_NS 10000000ull	/* and while messages keep coming */
#define REPORTS_MAX 16			/* a worker of ours sends two a call */
#define STDIN_CHUNK 65536

enum writ_status
writ_run_start(struct writ_run *run, const char *program, unsigned without_walls,
    struct writ_err *err)
{
	struct writ_spawn spec = { .program = program, .fds_count = 1 };
	struct writ_jail_args args;
	writ_auto_fd theirs = -1;
	enum writ_status st;
	int pair[2];

	memset(run, 0, sizeof(*run));
	run->conn.fd = run->stdin_fd = run->cancel_fd = -1;
	run->child.pidfd = -1;
	run->without_walls = without_walls;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return writ_fail(err, WRIT_IO, "socketpair: %s", strerror(errno));
	theirs = pair[1];
	st = writ_conn_init(&run->conn, pair[0], &writ_wire_proto,
	    WRIT_SIDE_BROKER, err);
	if (st != WRIT_OK) {
		close(pair[0]);
		return st;
	}
	writ_jail_args(without_walls, &args);
	spec.args[0] = args.walls;
	spec.args[1] = args.uid;
	spec.args[2] = args.gid;
	spec.fds[0] = theirs;
	return writ_spawn(&spec, &run->child, err);
}

void
writ_run_release(struct writ_run *run)
{
	writ_child_end(&run->child, NULL);
	writ_conn_release(&run->conn);
}

static void
end_with(struct writ_run *run, enum writ_run_end end, const char *why)
{
	if (run->over)
		return;
	run->over = true;
	run->end = end;
	snprintf(run->why, sizeof(run->why), "%s", why);
}

/* ---- set-up */

static enum writ_status
give_credit(struct writ_run *run, unsigned which, size_t n)
{
	run->out_credit[which] += n;
	uint8_t raw[5] = { (uint8_t)which, (uint8_t)n, (uint8_t)(n >> 8),
		(uint8_t)(n >> 16), (uint8_t)(n >> 24) };

	return writ_conn_send(&run->conn, WRIT_MSG_OUT_CREDIT, 0,
	    writ_str((const char *)raw, sizeof(raw)), -1);
}

static enum writ_status
send_pairs(struct writ_run *run, enum writ_wire_type type,
    const struct writ_pair *pairs, size_t n)
{
	writ_auto_release(writ_buf) b;
	enum writ_status st = WRIT_OK;
	size_t i;

	writ_buf_init(&b, WRIT_ENV_BYTES_MAX);
	for (i = 0; st == WRIT_OK && i < n; i++) {
		writ_buf_reset(&b);
		writ_wire_put_str(&b, writ_str_from(pairs[i].key));
		writ_wire_put_str(&b, writ_str_from(pairs[i].value));
		st = writ_buf_status(&b);
		if (st == WRIT_OK)
			st = writ_conn_send(&run->conn, type, 0,
			    writ_buf_view(&b), -1);
	}
	return st;
}

static enum writ_status
send_args(struct writ_run *run)
{
	size_t i, total = strlen(run->name);
	enum writ_status st;

	st = writ_conn_send(&run->conn, WRIT_MSG_ARG, 0,
	    writ_str_from(run->name), -1);
	for (i = 0; st == WRIT_OK && i < run->args_count; i++) {
		total += strlen(run->args[i]);
		if (total > WRIT_ARGS_BYTES_MAX || i >= WRIT_ARGS_MAX)
			return WRIT_LIMIT;
		st = writ_conn_send(&run->conn, WRIT_MSG_ARG, 0,
		    writ_str_from(run->args[i]), -1);
	}
	return st;
}

static enum writ_status
send_scalars(struct writ_run *run, const struct writ_bytes *code)
{
	uint8_t raw[512];
	struct writ_buf b;
	enum writ_status st;
	unsigned i;

	writ_buf_init(&b, sizeof(raw));
	writ_setup_put(&b, &run->setup);
	st = writ_conn_send(&run->conn, WRIT_MSG_CONFIG, 0, writ_buf_view(&b),
	    -1);
	writ_buf_release(&b);
	for (i = 0; i < 8; i++)
		raw[i] = (uint8_t)((uint64_t)code->len >> (8 * i));
	if (st == WRIT_OK)
		st = writ_conn_send(&run->conn, WRIT_MSG_LOAD, 0,
		    writ_str((const char *)raw, 8), code->fd);
	return st;
}

/* Everything up to START goes out in one breath; the worker takes it in order. */
static enum writ_status
send_all(struct writ_run *run, const struct writ_bytes *code)
{
	const struct writ_policy *p = run->policy;
	uint8_t raw[4];
	enum writ_status st = send_scalars(run, code);
	unsigned i;

	if (st == WRIT_OK)
		st = send_args(run);
	if (st == WRIT_OK)
		st = send_pairs(run, WRIT_MSG_ENV, p->env, p->env_count);
	if (st == WRIT_OK)
		st = send_pairs(run, WRIT_MSG_SETTING, p->config,
		    p->config_count);
	if (st == WRIT_OK)
		st = writ_files_announce(run->files, &run->conn);
	for (i = 0; i < 4; i++)
		raw[i] = (uint8_t)(run->without_walls >> (8 * i));
	if (st == WRIT_OK)
		st = writ_conn_send(&run->conn, WRIT_MSG_SEAL, 0,
		    writ_str((const char *)raw, 4), -1);
	for (i = 1; st == WRIT_OK && i <= 2; i++)
		st = give_credit(run, i, WRIT_WIRE_STREAM_CREDIT);
	if (st == WRIT_OK)
		st = writ_conn_send(&run->conn, WRIT_MSG_START, 1,
		    WRIT_STR(""), -1);
	return st;
}

/* ---- messages from the worker */

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
		end_with(run, WRIT_RUN_LOST,
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
		end_with(run, WRIT_RUN_LOST,
		    "the worker says that not all walls of its jail stand");
		return WRIT_OK;
	}
	run->conn.state = WRIT_STATE_RUNNING;
	run->started = true;
	run->deadline_ns = writ_clock_host_ns() + GRACE_NS +
	    run->setup.time_ms * 1000000;
	if (run->until)
		run->until(run->ctx, run->deadline_ns - GRACE_NS + TELL_NS);
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
	run->refused_status = (enum writ_status)status;
	end_with(run, WRIT_RUN_REFUSED, why);
	return WRIT_OK;
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
	if (run->setup.output_bytes && run->output_bytes > run->setup.output_bytes)
		return WRIT_PROTO;
	if (run->closed[which])
		return WRIT_OK;
	if (!run->output || run->output(run->ctx, (int)which, bytes.ptr,
	    bytes.len))
		return give_credit(run, which, bytes.len);
	run->closed[which] = true;
	return give_credit(run, which, 0);
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

	if (!writ_wire_done(&in))
		return WRIT_PROTO;
	run->files->requests++;
	run->log_bytes += 16 + context.len + message.len;
	if (run->log_bytes > 2 * WRIT_LOG_BYTES_MAX)	/* the worker stops before */
		return WRIT_PROTO;
	if (run->log)
		run->log(run->ctx, level, context, message);
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

static enum writ_status
on_done(struct writ_run *run, const struct writ_msg *m)
{
	if (m->id != 1 || writ_done_get(m->body, &run->done) != WRIT_OK)
		return WRIT_PROTO;
	run->conn.state = WRIT_STATE_READY;
	if (!run->over)
		end_with(run, WRIT_RUN_FINISHED, "");
	return WRIT_OK;
}

static const struct {
	enum writ_wire_type type;
	enum writ_status (*handle)(struct writ_run *, const struct writ_msg *);
} handlers[] = {
	{ WRIT_MSG_HELLO,     on_hello },
	{ WRIT_MSG_READY,     on_ready },
	{ WRIT_MSG_FAILED,    on_failed },
	{ WRIT_MSG_OUT,       on_out },
	{ WRIT_MSG_IN_CREDIT, on_in_credit },
	{ WRIT_MSG_LOG,       on_log },
	{ WRIT_MSG_REFUSED,   on_refused },
	{ WRIT_MSG_REPORT,    on_report },
	{ WRIT_MSG_FS,        on_fs },
	{ WRIT_MSG_DONE,      on_done },
};

static enum writ_status
dispatch(struct writ_run *run, const struct writ_msg *m)
{
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == m->row->type)
			return handlers[i].handle(run, m);
	return WRIT_PROTO;
}

/* What a lost worker is called in one sentence. */
static void
lost(struct writ_run *run, enum writ_status st, const struct writ_err *err)
{
	char words[96], why[WRIT_ERR_MSG_MAX];
	int status = 0;

	if (st == WRIT_CLOSED) {
		if (writ_child_wait(&run->child, REAP_MS, &status) == WRIT_OK)
			writ_child_words(status, words, sizeof(words));
		else
			snprintf(words, sizeof(words), "closed its socket");
		snprintf(why, sizeof(why), "the worker %s", words);
	} else if (st == WRIT_PROTO) {
		snprintf(why, sizeof(why), "the worker broke the protocol (%.200s)",
		    err->msg[0] ? err->msg : "malformed message");
	} else {
		snprintf(why, sizeof(why), "the worker was stopped: %s",
		    st == WRIT_LIMIT ? "it does not read its answers" :
		    writ_status_name(st));
	}
	end_with(run, WRIT_RUN_LOST, why);
}

static enum writ_status
drain(struct writ_run *run, struct writ_err *err)
{
	enum writ_status st = writ_conn_spin(&run->conn);
	struct writ_msg m;

	if (st != WRIT_OK)
		return st;
	while (!run->over && !run->record->failed && !run->record->full &&
	    run->files->requests <= run->setup.requests &&
	    (st = writ_conn_next(&run->conn, &m, err)) == WRIT_OK) {
		st = dispatch(run, &m);
		writ_closep(&m.fd);
		if (st == WRIT_PROTO && err && !err->msg[0])
			st = writ_fail(err, st, "%s", m.row->name);
		if (st != WRIT_OK)
			return st;
	}
	return st == WRIT_AGAIN ? WRIT_OK : st;
}

/* ---- the loop */

/* The worker is killed with its guest: a call that is stopped has no more to say. */
static void
cancel(struct writ_run *run, enum writ_run_end end, const char *limit)
{
	if (run->over)
		return;
	end_with(run, end, "");
	snprintf(run->limit, sizeof(run->limit), "%s", limit);
}

static enum writ_status
feed_stdin(struct writ_run *run)
{
	char buf[STDIN_CHUNK];
	size_t want = run->stdin_credit < sizeof(buf) ? run->stdin_credit :
	    sizeof(buf);
	ssize_t n = read(run->stdin_fd, buf, want);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return WRIT_OK;
	if (n < 0) {
		end_with(run, WRIT_RUN_LOST,
		    "standard input cannot be read; the guest was stopped");
		return WRIT_OK;
	}
	if (n == 0) {
		run->stdin_ended = true;
		return writ_conn_send(&run->conn, WRIT_MSG_STDIN_END, 0,
		    WRIT_STR(""), -1);
	}
	run->stdin_credit = 0;
	return writ_conn_send(&run->conn, WRIT_MSG_STDIN, 0,
	    writ_str(buf, (size_t)n), -1);
}

/* CPU time of the worker as the kernel counts it; 0 when it cannot be told. */
static uint64_t
worker_cpu_ms(const struct writ_run *run)
{
	struct timespec t;
	clockid_t id;

	if (run->child.pid <= 0 || clock_getcpuclockid(run->child.pid, &id) ||
	    clock_gettime(id, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The guest's own limits are judged in the worker; these hold without its help, and however
 * much it says. */
static void
judge_limits(struct writ_run *run)
{
	struct pollfd p = { run->cancel_fd, POLLIN, 0 };

	if (run->cancel_fd >= 0 && poll(&p, 1, 0) > 0)
		cancel(run, WRIT_RUN_CANCELLED, "");
	if (run->started &&
	    worker_cpu_ms(run) > run->setup.cpu_ms + GRACE_NS / 1000000)
		cancel(run, WRIT_RUN_LIMIT, "cpu");
	if (writ_clock_host_ns() > run->deadline_ns) {
		if (run->started)
			cancel(run, WRIT_RUN_LIMIT, "time");
		else
			end_with(run, WRIT_RUN_LOST,
			    "the worker did not get ready");
	}
	if (run->files->requests > run->setup.requests)
		cancel(run, WRIT_RUN_LIMIT, "requests");
	if (run->record->full)
		cancel(run, WRIT_RUN_LIMIT, "audit");
	if (run->record->failed)
		end_with(run, WRIT_RUN_LOST,
		    "the audit log cannot be written; the guest was stopped");
}

static int
wait_ms(const struct writ_run *run)
{
	uint64_t now = writ_clock_host_ns(), ms;

	if (run->deadline_ns <= now)
		return 0;
	ms = (run->deadline_ns - now) / 1000000 + 1;
	return ms > JUDGE_MS ? JUDGE_MS : (int)ms;
}

static enum writ_status
sleep_once(struct writ_run *run)
{
	bool wants = run->stdin_credit && run->stdin_fd >= 0 &&
	    !run->stdin_ended;
	struct pollfd p[3] = {
		{ run->conn.fd, POLLIN, 0 },
		{ wants ? run->stdin_fd : -1, POLLIN, 0 },
		{ run->cancel_fd, POLLIN, 0 },
	};

	if (writ_conn_unsent(&run->conn))
		p[0].events |= POLLOUT;
	if (poll(p, 3, wait_ms(run)) < 0)
		return errno == EINTR ? WRIT_OK : WRIT_IO;
	if (p[2].revents)
		cancel(run, WRIT_RUN_CANCELLED, "");
	return p[1].revents ? feed_stdin(run) : WRIT_OK;
}

/* Looking costs system calls: once in a while is enough. */
static void
judge_due(struct writ_run *run)
{
	uint64_t now = writ_clock_host_ns();

	if (now < run->judge_ns && run->files->requests <= run->setup.requests &&
	    !run->record->failed && !run->record->full)
		return;
	run->judge_ns = now + JUDGE_BUSY_NS;
	judge_limits(run);
}

static enum writ_status
step(struct writ_run *run, struct writ_err *err)
{
	enum writ_status st = writ_conn_flush(&run->conn);

	judge_due(run);
	if (run->over)
		return WRIT_OK;
	if (st == WRIT_CLOSED)
		return drain(run, err) == WRIT_OK ? WRIT_OK : WRIT_CLOSED;
	st = drain(run, err);
	return st != WRIT_AGAIN || run->over ? st : sleep_once(run);
}

enum writ_status
writ_run_serve(struct writ_run *run, const struct writ_bytes *code,
    struct writ_err *err)
{
	struct writ_err why = { WRIT_OK, "" };
	enum writ_status st = send_all(run, code);

	if (st != WRIT_OK)
		return writ_fail(err, st, st == WRIT_LIMIT ?
		    "too many or too large arguments, variables or mounts" :
		    "set-up of the worker");
	run->deadline_ns = writ_clock_host_ns() + STARTUP_NS;
	while (!run->over) {
		st = step(run, &why);
		if (st != WRIT_OK && st != WRIT_AGAIN)
			lost(run, st, &why);
	}
	writ_child_end(&run->child, NULL);
	return WRIT_OK;
}
