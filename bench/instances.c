/*
 * bench-instances COMPILER HELLO CALLS - what a worker's engine costs from inside.
 *
 * Starts itself again as a worker starts: the same jail, code that writ-compiler made, the
 * providers without a grant.  There it loads the component, shuts the door, and times fresh
 * instances of HELLO (each with its whole run: made, greeted, dropped) and host calls made
 * by CALLS.  No message passes while time is taken.
 * Prints lines "NAME<tab>VALUE<tab>UNIT<tab>AIM"; an empty AIM is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "broker/child.h"
#include "broker/compile.h"
#include "cap/clock.h"
#include "cap/env.h"
#include "cap/random.h"
#include "jail/jail.h"
#include "port/engine.h"

enum { WIRE = 3, WARM = 3, ROUNDS = 21, RUNS = 500, CALLS = 1000000 };

#define TIMEOUT_MS 120000
#define TIME_MS 100000		/* of one run */
#define GREETING "hello from c\n"

/* Of one run, in ns.  CPU time is what a busy machine changes least. */
struct cost {
	double wall, cpu;
};

/* What the child tells. */
struct told {
	bool ok;
	char why[WRIT_ERR_MSG_MAX];
	double load_us;
	struct cost each;
};

/* The child's whole world. */
struct inside {
	struct writ_engine *engine;
	struct writ_component *component;
	struct writ_clock clock;
	struct writ_random random;
	struct writ_env env;
	struct writ_ports ports;
	struct writ_wake wake;
	uint64_t output;	/* bytes */
};

/* ---- the ports, as void as a worker's without a grant */

static enum writ_status
in_end(void *ctx, uint8_t *p, size_t cap, size_t *n, struct writ_wake *wake)
{
	return WRIT_CLOSED;
}

static enum writ_status
out_room(void *ctx, enum writ_stdio which, size_t *n, struct writ_wake *wake)
{
	*n = WRIT_FS_IO_MAX;
	return WRIT_OK;
}

static enum writ_status
out_write(void *ctx, enum writ_stdio which, const uint8_t *p, size_t n)
{
	struct inside *in = ctx;

	in->output += n;
	return WRIT_OK;
}

static void
no_log(void *ctx, uint32_t level, struct writ_str context,
    struct writ_str message)
{
}

static void
no_refusal(void *ctx, const char *kind, struct writ_str op,
    struct writ_str target)
{
}

static enum writ_status
no_preopen(void *ctx, size_t i, struct writ_str *name, uint64_t *handle)
{
	return WRIT_NOENT;
}

static enum writ_status
no_file(void *ctx, struct writ_fs_call *call)
{
	return call->op.status = WRIT_BADF;
}

static void
forget(void *ctx, struct writ_wake *wake)
{
	struct inside *in = ctx;

	writ_clock_forget(&in->clock, wake);
}

static void
on_wake(struct writ_wake *wake)
{
}

static void
inside_init(struct inside *in)
{
	writ_clock_init(&in->clock, 0, 0, 0, TIME_MS);
	writ_random_init(&in->random, 0, 0);
	writ_env_init(&in->env);
	in->wake.fire = on_wake;
	in->ports = (struct writ_ports){
		.stdio = { in, in_end, out_room, out_write },
		.clock = writ_clock_port(&in->clock),
		.random = writ_random_port(&in->random),
		.env = writ_env_port(&in->env),
		.log = { in, no_log },
		.refuse = { in, no_refusal },
		.tree = { in, no_preopen, no_file },
		.forget = forget,
		.forget_ctx = in,
	};
}

/* ---- the child: load, lock, measure */

/* The code comes as a file descriptor, as it does with LOAD. */
static int
receive_fd(void)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *head;
	int fd = -1;

	if (recvmsg(WIRE, &m, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&m);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

static enum writ_status
load(struct inside *in, struct told *told, struct writ_err *err)
{
	writ_auto_fd fd = receive_fd();
	uint64_t from = writ_clock_host_ns();
	enum writ_status st;

	if (fd < 0)
		return writ_fail(err, WRIT_PROTO, "no code came");
	st = writ_component_load(in->engine, fd, &in->component, err);
	told->load_us = (double)(writ_clock_host_ns() - from) / 1e3;
	return st;
}

/* One fresh instance, from nothing to nothing. */
static enum writ_status
run_once(struct inside *in, struct writ_err *err)
{
	struct writ_task_limits limits = { 64 * WRIT_MIB, 1000,
		WRIT_HOSTCALL_FUEL };
	struct writ_outcome o = { WRIT_OUTCOME_NONE };
	struct writ_task *task = NULL;
	enum writ_status st;

	st = writ_task_run(in->component, &in->ports, &limits, &in->wake, &task,
	    err);
	if (st != WRIT_OK)
		return st;
	if (!writ_task_poll(task, &o))
		st = writ_fail(err, WRIT_AGAIN, "the guest waits");
	else if (o.kind != WRIT_OUTCOME_DONE &&
	    (o.kind != WRIT_OUTCOME_EXIT || o.exit_code))
		st = writ_fail(err, WRIT_INVALID, "the guest failed: %s%.200s",
		    o.limit, o.msg);
	writ_task_free(task);
	return st;
}

/* Mean of one of `runs`. */
static enum writ_status
one_round(struct inside *in, unsigned runs, struct cost *each,
    struct writ_err *err)
{
	uint64_t wall = writ_clock_host_ns(), cpu = writ_clock_cpu_ns();
	enum writ_status st = WRIT_OK;
	unsigned i;

	for (i = 0; st == WRIT_OK && i < runs; i++)
		st = run_once(in, err);
	each->cpu = (double)(writ_clock_cpu_ns() - cpu) / runs;
	each->wall = (double)(writ_clock_host_ns() - wall) / runs;
	return st;
}

static int
by_size(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* Medians of the rounds that follow the warm ones. */
static enum writ_status
median(struct inside *in, unsigned runs, struct cost *out, struct writ_err *err)
{
	double wall[WARM + ROUNDS], cpu[WARM + ROUNDS];
	enum writ_status st = WRIT_OK;
	struct cost each;
	unsigned i;

	for (i = 0; st == WRIT_OK && i < WARM + ROUNDS; i++) {
		st = one_round(in, runs, &each, err);
		wall[i] = each.wall;
		cpu[i] = each.cpu;
	}
	if (st != WRIT_OK)
		return st;
	qsort(wall + WARM, ROUNDS, sizeof(wall[0]), by_size);
	qsort(cpu + WARM, ROUNDS, sizeof(cpu[0]), by_size);
	*out = (struct cost){ wall[WARM + ROUNDS / 2], cpu[WARM + ROUNDS / 2] };
	return WRIT_OK;
}

static enum writ_status
instances(struct inside *in, struct told *told, struct writ_err *err)
{
	uint64_t all = (WARM + ROUNDS) * RUNS * strlen(GREETING);
	enum writ_status st = median(in, RUNS, &told->each, err);

	if (st == WRIT_OK && in->output != all)
		return writ_fail(err, WRIT_INVALID,
		    "an instance did not greet");
	return st;
}

static enum writ_status
set_args(struct inside *in, const char *count)
{
	const char *args[] = { "calls", "clock", "/", count };
	enum writ_status st = WRIT_OK;
	size_t i;

	writ_env_release(&in->env);
	writ_env_init(&in->env);
	for (i = 0; st == WRIT_OK && i < 4; i++)
		st = writ_env_add_arg(&in->env, writ_str_from(args[i]));
	return st;
}

/* A run with many calls less a run with none. */
static enum writ_status
hostcalls(struct inside *in, struct told *told, struct writ_err *err)
{
	char count[16];
	struct cost none = { 0 }, all = { 0 };
	enum writ_status st = set_args(in, "0");

	snprintf(count, sizeof(count), "%d", CALLS);
	if (st == WRIT_OK)
		st = median(in, 1, &none, err);
	if (st == WRIT_OK)
		st = set_args(in, count);
	if (st == WRIT_OK)
		st = median(in, 1, &all, err);
	told->each.wall = (all.wall - none.wall) / CALLS;
	told->each.cpu = (all.cpu - none.cpu) / CALLS;
	return st;
}

static enum writ_status
measure(int argc, char **argv, struct told *told, struct writ_err *err)
{
	struct writ_engine_config config = {
		.pool_slots = (uint32_t)(argv[4][0] - '0'),
		.pool_memory_max = 64 * WRIT_MIB,
	};
	static struct inside in;
	unsigned walls = 0;
	enum writ_status st;

	inside_init(&in);
	st = writ_jail_child_args(argc, argv, WRIT_JAIL_WORKER, err);
	if (st == WRIT_OK)
		st = writ_engine_new(&config, &in.engine, err);
	if (st == WRIT_OK)
		st = load(&in, told, err);
	if (st == WRIT_OK)
		st = writ_jail_cap_memory(1024 * WRIT_MIB, err);
	if (st == WRIT_OK)
		st = writ_jail_lock(WRIT_JAIL_WORKER, 0, &walls, err);
	if (st != WRIT_OK)
		return st;
	return argv[5][0] == 'i' ? instances(&in, told, err) :
	    hostcalls(&in, told, err);
}

static int
child(int argc, char **argv)
{
	struct writ_err err = { WRIT_OK, "" };
	struct told told = { false };
	struct iovec iov = { &told, sizeof(told) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	told.ok = measure(argc, argv, &told, &err) == WRIT_OK;
	memcpy(told.why, err.msg, sizeof(told.why));
	return sendmsg(WIRE, &m, MSG_NOSIGNAL) == sizeof(told) ? 0 : 1;
}

/* ---- the parent: compile, start, print */

static enum writ_status
compile(const char *compiler, const char *component, struct writ_bytes *code,
    struct writ_err *err)
{
	struct writ_compile c = { .program = compiler, .cancel_fd = -1 };
	writ_auto_release(writ_bytes) wasm = WRIT_BYTES_NONE;
	writ_auto_release(writ_bytes) text = WRIT_BYTES_NONE;
	writ_auto_fd fd = open(component, O_RDONLY | O_CLOEXEC);
	enum writ_status st;
	struct stat sb;

	if (fd < 0 || fstat(fd, &sb))
		return writ_fail(err, WRIT_IO, "%s: %s", component,
		    strerror(errno));
	st = writ_bytes_read(fd, 0, (size_t)sb.st_size, &wasm, err);
	return st == WRIT_OK ? writ_compile(&c, &wasm, code, &text, err) : st;
}

static int
send_fd(int wire, int fd)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { { 0 } };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	return sendmsg(wire, &m, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static enum writ_status
start(const char *slots, const char *what, int wire, struct writ_child *out,
    struct writ_err *err)
{
	struct writ_spawn spec = { .program = "/proc/self/exe",
		.fds = { wire }, .fds_count = 1 };
	struct writ_jail_args args;

	writ_jail_args(0, &args);
	spec.args[0] = args.walls;
	spec.args[1] = args.uid;
	spec.args[2] = args.gid;
	spec.args[3] = slots;
	spec.args[4] = what;
	return writ_spawn(&spec, out, err);
}

/* One measurement in a process of its own. */
static enum writ_status
inside(const struct writ_bytes *code, const char *slots, const char *what,
    struct told *told, struct writ_err *err)
{
	writ_auto_fd ours = -1, theirs = -1;
	struct writ_child kid = { 0, -1 };
	enum writ_status st;
	int pair[2], status = 0;
	char words[96];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return writ_fail(err, WRIT_IO, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	if (send_fd(ours, code->fd))
		return writ_fail(err, WRIT_IO, "send: %s", strerror(errno));
	st = start(slots, what, theirs, &kid, err);
	if (st != WRIT_OK)
		return st;
	st = writ_child_wait(&kid, TIMEOUT_MS, &status);
	writ_child_words(status, words, sizeof(words));
	if (st != WRIT_OK || recv(ours, told, sizeof(*told), MSG_DONTWAIT) !=
	    sizeof(*told))
		return writ_fail(err, WRIT_IO, "the measured process %s", words);
	return told->ok ? WRIT_OK :
	    writ_fail(err, WRIT_INVALID, "%s", told->why);
}

static enum writ_status
print_instances(const struct writ_bytes *code, const char *slots,
    const char *how, struct writ_err *err)
{
	struct told told;
	enum writ_status st = inside(code, slots, "instances", &told, err);

	if (st != WRIT_OK)
		return st;
	printf("load, %s\t%.0f\tµs\t\n", how, told.load_us);
	printf("fresh instance, %s\t%.1f\tµs\t25\n", how,
	    told.each.wall / 1e3);
	printf("fresh instance, %s, CPU time\t%.1f\tµs\t\n", how,
	    told.each.cpu / 1e3);
	printf("fresh instances, %s\t%.0f\ta second\t\n", how,
	    1e9 / told.each.wall);
	return WRIT_OK;
}

static enum writ_status
print_all(char **argv, struct writ_err *err)
{
	writ_auto_release(writ_bytes) hello = WRIT_BYTES_NONE;
	writ_auto_release(writ_bytes) calls = WRIT_BYTES_NONE;
	enum writ_status st = compile(argv[1], argv[2], &hello, err);
	struct told told;

	if (st == WRIT_OK)
		st = compile(argv[1], argv[3], &calls, err);
	if (st == WRIT_OK)
		st = print_instances(&hello, "0", "on demand", err);
	if (st == WRIT_OK)
		st = print_instances(&hello, "8", "from a pool", err);
	if (st == WRIT_OK)
		st = inside(&calls, "0", "hostcalls", &told, err);
	if (st == WRIT_OK)
		printf("host call, clock\t%.1f\tns\t250\n", told.each.wall);
	return st;
}

int
main(int argc, char **argv)
{
	struct writ_err err = { WRIT_OK, "" };

	if (argc == 6)
		return child(argc, argv);
	if (argc != 4) {
		fputs("usage: bench-instances COMPILER HELLO CALLS\n", stderr);
		return 2;
	}
	if (print_all(argv, &err) == WRIT_OK)
		return 0;
	fprintf(stderr, "bench-instances: %s\n", err.msg);
	return 1;
}
