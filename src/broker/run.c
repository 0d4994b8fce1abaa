#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "broker/run_int.h"
#include "cap/clock.h"
#include "jail/jail.h"

#define GRACE_NS 3000000000ull		/* for a worker to notice its own limits */
#define TELL_NS 200000000ull		/* for its word that it noticed them */
#define STARTUP_NS 30000000000ull	/* for a worker to load */
#define REAP_MS 500			/* its socket is closed last; a server waits with it */
#define JUDGE_MS 1000			/* limits are looked at this often at least */
#define JUDGE_BUSY_NS 10000000ull	/* and while messages keep coming */
#define STDIN_CHUNK 65536
#define LINGER_MS 2000			/* for what was written to sockets */

/* `spec` has the program, and what is special about this worker. */
static enum writ_status
start(struct writ_run *run, struct writ_spawn *spec, unsigned without_walls,
    struct writ_err *err)
{
	struct writ_jail_args args;
	writ_auto_fd theirs = -1;
	enum writ_status st;
	int pair[2];

	memset(run, 0, sizeof(*run));
	run->conn.fd = run->stdin_fd = run->cancel_fd = -1;
	run->child.pidfd = -1;
	run->without_walls = without_walls;
	writ_buf_init(&run->value, WRIT_CALL_VALUE_MAX);
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
	spec->args[0] = args.walls;
	spec->args[1] = args.uid;
	spec->args[2] = args.gid;
	spec->fds[0] = theirs;
	return writ_spawn(spec, &run->child, err);
}

enum writ_status
writ_run_start(struct writ_run *run, const char *program, unsigned without_walls,
    bool pool, struct writ_err *err)
{
	struct writ_spawn spec = { .program = program, .fds_count = 1,
		.args[3] = pool ? "pool" : NULL };

	return start(run, &spec, without_walls, err);
}

enum writ_status
writ_run_start_serving(struct writ_run *run, const char *program,
    unsigned without_walls, int fd, unsigned guests, struct writ_err *err)
{
	char count[16];
	struct writ_spawn spec = { .program = program, .fds_count = 2,
		.fds[1] = fd, .args[3] = "serve", .args[4] = count };
	enum writ_status st;

	snprintf(count, sizeof(count), "%u", guests);
	st = start(run, &spec, without_walls, err);
	run->guests = guests;
	return st;
}

void
writ_run_release(struct writ_run *run)
{
	writ_child_end(&run->child, NULL);
	writ_conn_release(&run->conn);
	writ_buf_release(&run->value);
	writ_buf_release(&run->held[1]);
	writ_buf_release(&run->held[2]);
}

void
writ_run_end_with(struct writ_run *run, enum writ_run_end end, const char *why)
{
	if (run->over)
		return;
	run->over = true;
	run->end = end;
	snprintf(run->why, sizeof(run->why), "%s", why);
}

/* Between calls a worker has nothing to say and nothing to do: one that has is no worker of
 * ours any more, and gets no other call. */
static void
idle_lost(struct writ_run *run, const char *why)
{
	if (!run->over || run->end != WRIT_RUN_FINISHED)
		return;
	run->end = WRIT_RUN_LOST;
	snprintf(run->why, sizeof(run->why), "%s", why);
}

/* ---- set-up */

enum writ_status
writ_run_credit(struct writ_run *run, unsigned which, size_t n)
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
	run->setup.sockets = run->socks != NULL;
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

enum writ_status
writ_run_setup(struct writ_run *run, const struct writ_bytes *code,
    struct writ_err *err)
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
		st = writ_run_credit(run, i, WRIT_WIRE_STREAM_CREDIT);
	run->deadline_ns = writ_clock_host_ns() + STARTUP_NS;
	return st == WRIT_OK ? st : writ_fail(err, st, st == WRIT_LIMIT ?
	    "too many or too large arguments, variables or mounts" :
	    "set-up of the worker");
}

/* ---- calls */

static uint64_t worker_cpu_ms(struct writ_run *run);

void
writ_run_clock_starts(struct writ_run *run)
{
	run->conn.state = WRIT_STATE_RUNNING;
	run->deadline_ns = writ_clock_host_ns() + GRACE_NS +
	    run->setup.time_ms * 1000000;
	run->cpu_base_ms = run->fresh ? 0 : worker_cpu_ms(run);
	run->fresh = false;
	if (run->until)
		run->until(run->ctx, run->deadline_ns - GRACE_NS + TELL_NS);
}

void
writ_run_heard(struct writ_run *run)
{
	run->cpu_base_ms = worker_cpu_ms(run);
}

uint64_t
writ_run_times(const struct writ_run *run, uint64_t limit)
{
	uint64_t calls = run->guests ? run->served_count + run->guests : 1;

	return limit > UINT64_MAX / calls ? UINT64_MAX : limit * calls;
}

/* What is counted for one call starts from nothing. */
static void
begin_call(struct writ_run *run)
{
	memset(&run->done, 0, sizeof(run->done));
	run->limit[0] = run->why[0] = '\0';
	run->over = false;
	run->calling = true;
	run->call_id++;
	run->output_bytes = run->log_bytes = 0;
	run->reports = 0;
	run->served_count = 0;
	run->files->requests = 0;
	run->stdin_credit = 0;
	run->stdin_ended = false;
	writ_buf_reset(&run->value);
	writ_buf_reset(&run->held[1]);
	writ_buf_reset(&run->held[2]);
	if (run->started)
		writ_run_clock_starts(run);
}

enum writ_status
writ_run_command(struct writ_run *run)
{
	run->fresh = true;
	begin_call(run);
	return writ_conn_send(&run->conn, WRIT_MSG_START, run->call_id,
	    WRIT_STR(""), -1);
}

void
writ_run_serving(struct writ_run *run)
{
	run->fresh = true;
	begin_call(run);
}

enum writ_status
writ_run_drain(struct writ_run *run)
{
	return writ_conn_send(&run->conn, WRIT_MSG_DRAIN, 0, WRIT_STR(""), -1);
}

static enum writ_status
send_arguments(struct writ_run *run, struct writ_str text)
{
	enum writ_status st = WRIT_OK;

	if (text.len > WRIT_CALL_ARGS_MAX)
		return WRIT_LIMIT;
	while (st == WRIT_OK && text.len) {
		size_t n = text.len < WRIT_FS_IO_MAX ? text.len :
		    WRIT_FS_IO_MAX;

		st = writ_conn_send(&run->conn, WRIT_MSG_TEXT, 0,
		    writ_str(text.ptr, n), -1);
		text = writ_str_skip(text, n);
	}
	return st;
}

/* Files that the last call held open, and all it left in the worker, are gone before the next. */
static enum writ_status
send_reset(struct writ_run *run)
{
	enum writ_status st;

	writ_files_close_all(run->files);
	st = run->socks ? writ_socks_cut(run->socks, &run->conn) : WRIT_OK;
	if (st == WRIT_OK)
		st = writ_conn_send(&run->conn, WRIT_MSG_RESET, 0,
		    WRIT_STR(""), -1);
	return st == WRIT_OK ? writ_files_announce(run->files, &run->conn) : st;
}

enum writ_status
writ_run_invoke(struct writ_run *run, const struct writ_run_invoke *call,
    struct writ_err *err)
{
	struct writ_invoke_msg m = { call->keep, (uint8_t)call->form,
		call->result_max, call->function };
	writ_auto_release(writ_buf) body;
	enum writ_status st = WRIT_OK;

	if (call->function.len == 0 ||
	    call->function.len > WRIT_FUNCTION_NAME_MAX)
		return writ_fail(err, WRIT_INVALID, "name of a function");
	if (m.result_max == 0 || m.result_max > WRIT_CALL_VALUE_MAX)
		m.result_max = WRIT_CALL_VALUE_MAX;
	run->result_max = m.result_max;
	run->fresh = run->call_id == 0;
	if (!run->fresh && !call->keep)
		st = send_reset(run);
	begin_call(run);
	if (st == WRIT_OK)
		st = send_arguments(run, call->args);
	writ_buf_init(&body, 1024);
	writ_invoke_put(&body, &m);
	if (st == WRIT_OK)
		st = writ_buf_status(&body);
	if (st == WRIT_OK)
		st = writ_conn_send(&run->conn, WRIT_MSG_INVOKE, run->call_id,
		    writ_buf_view(&body), -1);
	return st == WRIT_OK ? st : writ_fail(err, st, st == WRIT_LIMIT ?
	    "arguments of more than %u bytes" : "call of a worker",
	    (unsigned)WRIT_CALL_ARGS_MAX);
}

enum writ_status
writ_run_reply(struct writ_run *run, uint32_t id, enum writ_ask_status status,
    struct writ_str text)
{
	uint8_t raw = (uint8_t)status;
	enum writ_status st = WRIT_OK;

	while (st == WRIT_OK && text.len) {
		size_t n = text.len < WRIT_FS_IO_MAX ? text.len :
		    WRIT_FS_IO_MAX;

		st = writ_conn_send(&run->conn, WRIT_MSG_ASK_TEXT, id,
		    writ_str(text.ptr, n), -1);
		text = writ_str_skip(text, n);
	}
	return st == WRIT_OK ? writ_conn_send(&run->conn, WRIT_MSG_ASK_REPLY,
	    id, writ_str((const char *)&raw, 1), -1) : st;
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
	writ_run_end_with(run, WRIT_RUN_LOST, why);
}

static enum writ_status
drain(struct writ_run *run, bool spin, struct writ_err *err)
{
	enum writ_status st = spin ? writ_conn_spin(&run->conn) :
	    writ_conn_fill(&run->conn);
	struct writ_msg m;

	if (st != WRIT_OK)
		return st;
	while (!run->over && !run->record->failed && !run->record->full &&
	    run->files->requests <= writ_run_times(run, run->setup.requests) &&
	    (st = writ_conn_next(&run->conn, &m, err)) == WRIT_OK) {
		st = writ_run_dispatch(run, &m);
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
	writ_run_end_with(run, end, "");
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
		writ_run_end_with(run, WRIT_RUN_LOST,
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
worker_cpu_ms(struct writ_run *run)
{
	struct timespec t;

	/* Looked up once: libc asks the kernel each time. */
	if (run->child.pid > 0 && !run->has_cpu_clock)
		run->has_cpu_clock = !clock_getcpuclockid(run->child.pid,
		    &run->cpu_clock);
	if (run->child.pid <= 0 || !run->has_cpu_clock ||
	    clock_gettime(run->cpu_clock, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The guest's own limits are judged in the worker; these hold without its help, and however
 * much it says. */
/* One that serves says so each second while it works: CPU time without a word is a loop of its
 * own. */
static void
judge_serving(struct writ_run *run)
{
	if (worker_cpu_ms(run) > run->cpu_base_ms + WRIT_SERVE_SILENT_MS)
		writ_run_end_with(run, WRIT_RUN_LOST,
		    "the worker did not answer");
}

static void
judge_call(struct writ_run *run)
{
	if (run->started &&
	    worker_cpu_ms(run) > run->cpu_base_ms + run->setup.cpu_ms +
	    GRACE_NS / 1000000) {
		cancel(run, WRIT_RUN_LIMIT, "cpu");
		idle_lost(run, "the worker used CPU time between calls");
	}
	if ((run->calling || !run->started) &&
	    writ_clock_host_ns() > run->deadline_ns) {
		if (run->started)
			cancel(run, WRIT_RUN_LIMIT, "time");
		else
			writ_run_end_with(run, WRIT_RUN_LOST,
			    "the worker did not get ready");
	}
}

static void
judge_limits(struct writ_run *run)
{
	struct pollfd p = { run->cancel_fd, POLLIN, 0 };

	if (run->cancel_fd >= 0 && poll(&p, 1, 0) > 0)
		cancel(run, WRIT_RUN_CANCELLED, "");
	if (run->guests && run->started)
		judge_serving(run);
	else
		judge_call(run);
	if (run->files->requests > writ_run_times(run, run->setup.requests))
		cancel(run, WRIT_RUN_LIMIT, "requests");
	if (run->record->full)
		cancel(run, WRIT_RUN_LIMIT, "audit");
	if (run->record->failed)
		writ_run_end_with(run, WRIT_RUN_LOST,
		    "the audit log cannot be written; the guest was stopped");
}

static int
wait_ms(const struct writ_run *run)
{
	uint64_t now = writ_clock_host_ns(), ms;

	if (!run->calling && run->started)
		return -1;
	if (run->guests && run->started)
		return JUDGE_MS;
	if (run->deadline_ns <= now)
		return 0;
	ms = (run->deadline_ns - now) / 1000000 + 1;
	return ms > JUDGE_MS ? JUDGE_MS : (int)ms;
}

/* The same, and until the net is due. */
static int
wait_both_ms(const struct writ_run *run)
{
	int ms = wait_ms(run), net = run->net ? writ_net_wait_ms(run->net) : -1;

	return net >= 0 && (ms < 0 || net < ms) ? net : ms;
}

static enum writ_status
sleep_once(struct writ_run *run)
{
	bool wants = run->stdin_credit && run->stdin_fd >= 0 &&
	    !run->stdin_ended;
	struct pollfd p[5] = {
		{ run->conn.fd, POLLIN, 0 },
		{ wants ? run->stdin_fd : -1, POLLIN, 0 },
		{ run->cancel_fd, POLLIN, 0 },
		{ run->net ? writ_net_fd(run->net) : -1, POLLIN, 0 },
		{ run->socks ? writ_socks_fd(run->socks) : -1, POLLIN, 0 },
	};

	if (writ_conn_unsent(&run->conn))
		p[0].events |= POLLOUT;
	if (poll(p, 5, wait_both_ms(run)) < 0)
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

	if (now < run->judge_ns && (now <= run->deadline_ns || run->guests) &&
	    run->files->requests <= writ_run_times(run, run->setup.requests) &&
	    !run->record->failed && !run->record->full)
		return;
	run->judge_ns = now + JUDGE_BUSY_NS;
	judge_limits(run);
}

/* Whatever arrives, and be it the end of the socket, is wrong. */
static enum writ_status
step_idle(struct writ_run *run)
{
	enum writ_status st = writ_conn_fill(&run->conn);

	if (st == WRIT_CLOSED)
		idle_lost(run, "the worker ended between calls");
	else if (st != WRIT_AGAIN)
		idle_lost(run, "the worker broke the protocol (it spoke "
		    "between calls)");
	return st == WRIT_AGAIN ? st : WRIT_OK;
}

void
writ_run_side_step(struct writ_run *run)
{
	struct writ_err none = { WRIT_OK, "" };
	enum writ_status st = run->socks && run->started ?
	    writ_socks_step(run->socks, &run->conn) : WRIT_OK;

	if (st != WRIT_OK && !run->over)
		lost(run, st, &none);
	else if (st != WRIT_OK)
		idle_lost(run, "the worker does not read its answers");
}

/* `spin`: a busy guest asks again at once, and looking is cheaper than sleeping. */
static enum writ_status
step(struct writ_run *run, bool spin)
{
	struct writ_err why = { WRIT_OK, "" };
	enum writ_status st;

	writ_run_side_step(run);
	st = writ_conn_flush(&run->conn);
	judge_due(run);
	if (run->over)
		return run->end == WRIT_RUN_FINISHED ? step_idle(run) : WRIT_OK;
	if (st == WRIT_CLOSED && drain(run, spin, &why) == WRIT_OK)
		return WRIT_OK;
	if (st != WRIT_CLOSED)
		st = drain(run, spin, &why);
	if (st != WRIT_OK && st != WRIT_AGAIN)
		lost(run, st, &why);
	return st == WRIT_AGAIN ? st : WRIT_OK;
}

enum writ_status
writ_run_step(struct writ_run *run)
{
	return step(run, false);
}

void
writ_run_cancel(struct writ_run *run)
{
	cancel(run, WRIT_RUN_CANCELLED, "");
}

void
writ_run_judge(struct writ_run *run)
{
	judge_limits(run);
}

void
writ_run_judge_due(struct writ_run *run)
{
	judge_due(run);
}

int
writ_run_wait_ms(const struct writ_run *run)
{
	return wait_ms(run);
}

enum writ_status
writ_run_serve(struct writ_run *run)
{
	struct writ_err none = { WRIT_OK, "" };
	enum writ_status st;

	while (!run->over) {
		if (run->net)
			writ_net_step(run->net);
		st = step(run, true);
		if (st == WRIT_AGAIN && !run->over)
			st = sleep_once(run);
		if (st != WRIT_OK && st != WRIT_AGAIN)
			lost(run, st, &none);
	}
	writ_child_end(&run->child, NULL);
	if (run->socks && run->end == WRIT_RUN_FINISHED)
		writ_socks_linger(run->socks, LINGER_MS);
	return WRIT_OK;
}
