/*
 * hostile.c - native code that has taken the worker over: linked with the real jail and codec,
 * started by the broker in place of writ-worker, and up to no good.
 * The file name it is started under says what to do; probes/native/wire.c has the table:
 *
 *   STATE.TYPE.LENGTH.FD   one message of zeros, LENGTH bytes (or "min", "below", "max",
 *                          "above" of its row), in a state; FD: 0 none, 1 with an fd,
 *                          2 announced but not sent, 3 sent but not announced
 *   anything else          a row of `acts` below
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "jail/jail.h"
#include "port/engine_id.h"
#include "wire/conn.h"
#include "wire/fs_msg.h"
#include "wire/setup_msg.h"

#define WITH_FD 0x10000u
#define LINGER_MS 60
#define FLOOD 200000

struct hostile {
	struct writ_conn conn;
	uint64_t root;		/* the one directory that is granted */
	uint32_t requests;
	struct writ_buf scratch;
};

/* ---- talking, outside the table if need be */

static void
raw(struct hostile *h, uint32_t word, uint32_t id, struct writ_str body)
{
	struct writ_buf *out = &h->conn.out;

	writ_wire_put_u32(out, (uint32_t)body.len);
	writ_wire_put_u32(out, word);
	writ_wire_put_u32(out, id);
	writ_buf_str(out, body);
}

/* fd 2 goes with the bytes that come next. */
static void
attach(struct hostile *h)
{
	struct writ_conn *c = &h->conn;

	c->out_fds[c->out_fds_len].at = c->out_base + c->out.len;
	c->out_fds[c->out_fds_len++].fd = 2;
}

/* Send all; false when the broker hung up. */
static bool
push(struct hostile *h)
{
	struct pollfd p = { h->conn.fd, POLLOUT, 0 };
	enum writ_status st;

	while ((st = writ_conn_flush(&h->conn)) == WRIT_AGAIN)
		poll(&p, 1, 1000);
	return st == WRIT_OK;
}

/* Wait to be killed; whatever arrives is thrown away. */
static void
linger(struct hostile *h)
{
	struct pollfd p = { h->conn.fd, POLLIN, 0 };

	while (poll(&p, 1, LINGER_MS) > 0) {
		if (writ_conn_fill(&h->conn) == WRIT_CLOSED)
			return;
		writ_buf_reset(&h->conn.in);
		h->conn.in_pos = 0;
	}
}

static void
hello(struct hostile *h, uint32_t version, const char *engine)
{
	writ_buf_reset(&h->scratch);
	writ_wire_put_u32(&h->scratch, version);
	writ_wire_put_str(&h->scratch, writ_str_from(engine));
	raw(h, WRIT_MSG_HELLO, 0, writ_buf_view(&h->scratch));
	h->conn.state = WRIT_STATE_SETUP;
}

static void
ready(struct hostile *h)
{
	static const char walls[4] = { (char)0xff, 1, 0, 0 };

	raw(h, WRIT_MSG_READY, 0, writ_str(walls, 4));
	h->conn.state = WRIT_STATE_READY;
}

static void
say(struct hostile *h, const char *text)
{
	writ_buf_reset(&h->scratch);
	writ_wire_put_u8(&h->scratch, 2);
	writ_wire_put_str(&h->scratch, WRIT_STR("hostile"));
	writ_wire_put_str(&h->scratch, writ_str_from(text));
	raw(h, WRIT_MSG_LOG, 0, writ_buf_view(&h->scratch));
}

static void
done(struct hostile *h, uint32_t id)
{
	struct writ_done_msg d = { .outcome.kind = WRIT_OUTCOME_DONE };

	writ_buf_reset(&h->scratch);
	writ_done_put(&h->scratch, &d);
	raw(h, WRIT_MSG_DONE, id, writ_buf_view(&h->scratch));
}

/* The next message by the real codec; false when there is none to come. */
static bool
next(struct hostile *h, struct writ_msg *m)
{
	struct pollfd p = { h->conn.fd, POLLIN, 0 };
	enum writ_status st;

	while ((st = writ_conn_next(&h->conn, m, NULL)) == WRIT_AGAIN) {
		if (poll(&p, 1, 2000) <= 0)
			return false;
		st = writ_conn_fill(&h->conn);
		if (st != WRIT_OK && st != WRIT_AGAIN)
			return false;
	}
	return st == WRIT_OK;
}

/* Behave until the call has begun. */
static bool
until_running(struct hostile *h)
{
	struct writ_mount_msg mount;
	struct writ_msg m;

	hello(h, WRIT_WIRE_VERSION, "wasmtime " WRIT_ENGINE_VERSION);
	while (h->conn.state != WRIT_STATE_RUNNING) {
		if (!push(h) || !next(h, &m))
			return false;
		if (m.row->type == WRIT_MSG_MOUNT &&
		    writ_mount_get(m.body, &mount) == WRIT_OK && mount.remote)
			h->root = mount.root;
		if (m.row->type == WRIT_MSG_SEAL)
			ready(h);
		if (m.row->type == WRIT_MSG_START)
			h->conn.state = WRIT_STATE_RUNNING;
	}
	return true;
}

/* ---- files */

static void
ask(struct hostile *h, const struct writ_fs_call *call)
{
	writ_buf_reset(&h->scratch);
	writ_fs_msg_put(&h->scratch, call);
	raw(h, WRIT_MSG_FS, ++h->requests, writ_buf_view(&h->scratch));
}

static uint8_t io[WRIT_FS_IO_MAX];

/* The status of a request, told to the broker's log for the harness to read. */
static enum writ_status
tell(struct hostile *h, struct writ_fs_call *call)
{
	enum writ_status st = WRIT_PROTO;
	struct writ_msg m;

	ask(h, call);
	while (push(h) && next(h, &m))
		if (m.row->type == WRIT_MSG_FS_REPLY &&
		    writ_fs_reply_get(m.body, call, &st) == WRIT_OK)
			break;
	say(h, st == WRIT_OK ? "ok" : writ_status_name(st));
	return st;
}

static const struct {
	const char *name;
	enum writ_fs_op op;
	const char *path, *path2;
	uint64_t handle;	/* 0: the granted directory */
	uint32_t path_flags, open_flags, fd_flags;
} requests[] = {
	{ "fs-inside", WRIT_FS_OPEN, "inside", "", 0, 0, 0, WRIT_FD_READ },
	{ "fs-parent", WRIT_FS_OPEN, "../secret", "", 0, 0, 0, WRIT_FD_READ },
	{ "fs-parent-stat", WRIT_FS_STAT_AT, "../secret", "", 0, 0, 0, 0 },
	{ "fs-dots", WRIT_FS_OPEN, "inside/../../secret", "", 0, 0, 0,
	    WRIT_FD_READ },
	{ "fs-absolute", WRIT_FS_OPEN, "/etc/passwd", "", 0, 0, 0,
	    WRIT_FD_READ },
	{ "fs-link-out", WRIT_FS_OPEN, "out", "", 0, WRIT_PATH_FOLLOW, 0,
	    WRIT_FD_READ },
	{ "fs-link-in-path", WRIT_FS_OPEN, "up/secret", "", 0, WRIT_PATH_FOLLOW,
	    0, WRIT_FD_READ },
	{ "fs-empty", WRIT_FS_OPEN, "", "", 0, 0, 0, WRIT_FD_READ },
	{ "fs-create", WRIT_FS_OPEN, "made", "", 0, 0, WRIT_OPEN_CREATE,
	    WRIT_FD_WRITE },
	{ "fs-write", WRIT_FS_OPEN, "inside", "", 0, 0, 0, WRIT_FD_WRITE },
	{ "fs-truncate", WRIT_FS_OPEN, "inside", "", 0, 0, WRIT_OPEN_TRUNCATE,
	    WRIT_FD_READ },
	{ "fs-mkdir", WRIT_FS_MKDIR, "made", "", 0, 0, 0, 0 },
	{ "fs-unlink", WRIT_FS_UNLINK, "inside", "", 0, 0, 0, 0 },
	{ "fs-symlink", WRIT_FS_SYMLINK, "/etc", "made", 0, 0, 0, 0 },
	{ "fs-forged-low", WRIT_FS_STAT, "", "", 7777, 0, 0, 0 },
	{ "fs-forged-high", WRIT_FS_STAT, "", "", UINT64_MAX, 0, 0, 0 },
	{ "fs-forged-open", WRIT_FS_OPEN, "inside", "", 1ull << 40, 0, 0,
	    WRIT_FD_READ },
	{ "fs-read-dir", WRIT_FS_READ, "", "", 0, 0, 0, 0 },
	{ "fs-rename", WRIT_FS_RENAME, "inside", "made", 0, 0, 0, 0 },
	{ "fs-link", WRIT_FS_LINK, "inside", "made", 0, 0, 0, 0 },
};

static bool
request(struct hostile *h, const char *what)
{
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct writ_fs_call call = { .what = requests[i].op,
			.path = writ_str_from(requests[i].path),
			.path2 = writ_str_from(requests[i].path2),
			.path_flags = requests[i].path_flags,
			.open_flags = requests[i].open_flags,
			.fd_flags = requests[i].fd_flags,
			.buf = io, .len = sizeof(io) };

		if (strcmp(what, requests[i].name))
			continue;
		if (!until_running(h))
			return true;
		call.handle = requests[i].handle ? requests[i].handle : h->root;
		call.handle2 = h->root;
		(void)tell(h, &call);
		done(h, 1);
		return true;
	}
	return false;
}

/* ---- single acts */

static void
act_behave(struct hostile *h)
{
	if (!until_running(h))
		return;
	say(h, "nothing happened");
	done(h, 1);
}

static void
act_old_version(struct hostile *h)
{
	hello(h, WRIT_WIRE_VERSION + 1, "wasmtime " WRIT_ENGINE_VERSION);
}

static void
act_other_engine(struct hostile *h)
{
	hello(h, WRIT_WIRE_VERSION, "wasmtime 1.0.0");
}

static void
act_done_other_call(struct hostile *h)
{
	if (until_running(h))
		done(h, 2);
}

static void
act_done_twice(struct hostile *h)
{
	if (!until_running(h))
		return;
	done(h, 1);
	done(h, 1);
}

static void
act_garbage(struct hostile *h)
{
	uint32_t x = 12345;
	int i;

	for (i = 0; i < 4096; i++) {
		x = x * 1664525 + 1013904223;
		writ_wire_put_u8(&h->conn.out, (uint8_t)(x >> 24));
	}
}

static void
act_garbage_running(struct hostile *h)
{
	if (until_running(h))
		act_garbage(h);
}

/* A length that no table has, and one whose sum with the header wraps. */
static void
act_length_max(struct hostile *h)
{
	writ_wire_put_u32(&h->conn.out, UINT32_MAX);
	writ_wire_put_u32(&h->conn.out, WRIT_MSG_HELLO);
	writ_wire_put_u32(&h->conn.out, 0);
}

static void
act_half(struct hostile *h)
{
	writ_wire_put_u32(&h->conn.out, 100);
	writ_wire_put_u32(&h->conn.out, WRIT_MSG_HELLO);
}

static void
act_silent(struct hostile *h)
{
}

static void
act_hang_up(struct hostile *h)
{
	if (until_running(h))
		close(h->conn.fd);
}

static void
act_crash(struct hostile *h)
{
	if (until_running(h))
		abort();
}

static void
act_open(struct hostile *h)
{
	if (!until_running(h) || !push(h))
		return;
#ifdef WRIT_SANITIZE
	/* The widened filter leaves opening to Landlock. */
	close(socket(AF_UNIX, SOCK_STREAM, 0));
#else
	fclose(fopen("/etc/passwd", "re"));
#endif
}

static void
act_bad_op(struct hostile *h)
{
	struct writ_fs_call call = { .what = WRIT_FS_STAT };

	if (!until_running(h))
		return;
	writ_buf_reset(&h->scratch);
	writ_fs_msg_put(&h->scratch, &call);
	h->scratch.ptr[0] = WRIT_FS_OP_COUNT;
	raw(h, WRIT_MSG_FS, 1, writ_buf_view(&h->scratch));
}

static void
act_read_too_much(struct hostile *h)
{
	struct writ_fs_call call = { .what = WRIT_FS_READ,
		.len = WRIT_FS_IO_MAX + 1 };

	if (!until_running(h))
		return;
	call.handle = h->root;
	ask(h, &call);
}

static void
act_out_stream_0(struct hostile *h)
{
	if (until_running(h))
		raw(h, WRIT_MSG_OUT, 0, writ_str("\0x", 2));
}

static void
act_out_stream_3(struct hostile *h)
{
	if (until_running(h))
		raw(h, WRIT_MSG_OUT, 0, writ_str("\3x", 2));
}

static void
flood(struct hostile *h, uint32_t word, struct writ_str body)
{
	int i;

	if (!until_running(h))
		return;
	for (i = 0; i < FLOOD; i++) {
		raw(h, word, (uint32_t)i, body);
		if (h->conn.out.len > WRIT_WIRE_MSG_MAX && !push(h))
			return;
	}
}

/* Far more than was allowed, reading no credit. */
static void
act_flood_out(struct hostile *h)
{
	memset(io, 'x', sizeof(io));
	io[0] = 1;
	flood(h, WRIT_MSG_OUT, writ_str((const char *)io, 32768));
}

static void
act_flood_credit(struct hostile *h)
{
	flood(h, WRIT_MSG_IN_CREDIT, writ_str("\1\0\0\0", 4));
}

static void
act_flood_requests(struct hostile *h)
{
	struct writ_fs_call call = { .what = WRIT_FS_LIST,
		.len = WRIT_FS_IO_MAX };
	int i;

	if (!until_running(h))
		return;
	call.handle = h->root;
	for (i = 0; i < FLOOD; i++) {
		ask(h, &call);
		if (h->conn.out.len > WRIT_WIRE_MSG_MAX && !push(h))
			return;
	}
}

/* The opened files are never closed. */
static void
act_flood_handles(struct hostile *h)
{
	struct writ_fs_call call = { .what = WRIT_FS_OPEN,
		.path = WRIT_STR("inside"), .fd_flags = WRIT_FD_READ,
		.buf = io, .len = 0 };
	enum writ_status st = WRIT_OK;
	struct writ_msg m;
	int i;

	if (!until_running(h))
		return;
	for (i = 0; st == WRIT_OK && i < 2 * WRIT_FS_HANDLES_MAX; i++) {
		call.handle = h->root;
		ask(h, &call);
		if (!push(h) || !next(h, &m))
			return;
		writ_closep(&m.fd);
		if (m.row->type == WRIT_MSG_FS_REPLY &&
		    writ_fs_reply_get(m.body, &call, &st) != WRIT_OK)
			return;
	}
	say(h, writ_status_name(st));
	done(h, 1);
}

static void
act_fd_burst(struct hostile *h)
{
	unsigned i;

	for (i = 0; i < 15; i++) {
		attach(h);
		raw(h, WRIT_MSG_HELLO, 0, WRIT_STR(""));
	}
}

/* Passing the wire itself to the other side. */
static void
act_wire_in_wire(struct hostile *h)
{
	if (!until_running(h))
		return;
	attach(h);
	h->conn.out_fds[0].fd = h->conn.fd;
	raw(h, WRIT_MSG_LOG | WITH_FD, 0, WRIT_STR("\0\0\0\0\0\0\0\0\0"));
}

static const struct {
	const char *name;
	void (*act)(struct hostile *);
} acts[] = {
	{ "behave",          act_behave },
	{ "old-version",     act_old_version },
	{ "other-engine",    act_other_engine },
	{ "done-other-call", act_done_other_call },
	{ "done-twice",      act_done_twice },
	{ "garbage",         act_garbage },
	{ "garbage-running", act_garbage_running },
	{ "length-max",      act_length_max },
	{ "half",            act_half },
	{ "silent",          act_silent },
	{ "hang-up",         act_hang_up },
	{ "crash",           act_crash },
	{ "open",            act_open },
	{ "bad-op",          act_bad_op },
	{ "read-too-much",   act_read_too_much },
	{ "out-stream-0",    act_out_stream_0 },
	{ "out-stream-3",    act_out_stream_3 },
	{ "flood-out",       act_flood_out },
	{ "flood-credit",    act_flood_credit },
	{ "flood-requests",  act_flood_requests },
	{ "flood-handles",   act_flood_handles },
	{ "fd-burst",        act_fd_burst },
	{ "wire-in-wire",    act_wire_in_wire },
};

static bool
single(struct hostile *h, const char *what)
{
	size_t i;

	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (!strcmp(acts[i].name, what)) {
			acts[i].act(h);
			return true;
		}
	return request(h, what);
}

/* ---- one message */

static bool
reach(struct hostile *h, struct writ_str state)
{
	if (writ_str_is(state, "new"))
		return true;
	if (writ_str_is(state, "setup")) {
		hello(h, WRIT_WIRE_VERSION, "wasmtime " WRIT_ENGINE_VERSION);
		return true;
	}
	if (!until_running(h))
		return false;
	if (writ_str_is(state, "ended"))
		done(h, 1);
	return true;
}

static uint64_t
length(struct writ_str text, unsigned type)
{
	const struct writ_wire_row *row = writ_wire_row(type);
	uint32_t min = row ? row->min : 0, max = row ? row->max : 8;
	uint64_t n = 0;

	if (writ_str_is(text, "min"))
		return min;
	if (writ_str_is(text, "below"))
		return min - 1;
	if (writ_str_is(text, "max"))
		return max;
	if (writ_str_is(text, "above"))
		return max + 1;
	return writ_str_u64(text, WRIT_WIRE_MSG_MAX, &n) == WRIT_OK ? n : 0;
}

static bool
one_message(struct hostile *h, struct writ_str what)
{
	static const char zeros[2 * WRIT_WIRE_MSG_MAX];
	struct writ_str state = writ_str_cut(what, '.', &what);
	struct writ_str type = writ_str_cut(what, '.', &what);
	struct writ_str size = writ_str_cut(what, '.', &what);
	uint64_t t = 0, fd = 0;

	if (writ_str_u64(type, UINT32_MAX, &t) != WRIT_OK ||
	    writ_str_u64(what, 3, &fd) != WRIT_OK)
		return false;
	if (!reach(h, state))
		return true;
	if (fd & 1)
		attach(h);
	raw(h, (uint32_t)t | (fd == 1 || fd == 2 ? WITH_FD : 0), 1,
	    writ_str(zeros, length(size, (unsigned)t)));
	return true;
}

int
main(int argc, char **argv)
{
	static struct hostile h;
	struct writ_err err = { WRIT_OK, "" };
	const char *name = strrchr(argv[0], '/');
	unsigned without = 0, walls = 0;

	name = name ? name + 1 : argv[0];
	writ_buf_init(&h.scratch, WRIT_WIRE_MSG_MAX);
	if (writ_jail_child_args(argc, argv, WRIT_JAIL_WORKER, &err) ||
	    writ_jail_args_without(argv, &without, &err) ||
	    writ_conn_init(&h.conn, 3, &writ_wire_proto, WRIT_SIDE_WORKER,
	    &err) ||
	    writ_jail_lock(WRIT_JAIL_WORKER, without, &walls, &err))
		return 9;
	if (!single(&h, name) && !one_message(&h, writ_str_from(name)))
		return 8;
	if (h.conn.out.len)
		push(&h);
	linger(&h);
	return 7;
}
