#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>

#include "base/limits.h"
#include "wire/conn.h"

#define WITH_FD 0x10000u	/* in the header's type word */

/* Read at once; as much again as a message may have once that much has come. */
#define FILL_LEAST 8192

/* An answer comes within this, or its sender is not running. */
#define SPIN_NS 40000
#define SPIN_LEAST_NS 5000	/* shorter is not worth it */
#define SPIN_AGAIN 16		/* so many waits later it is tried again */

static bool
one_cpu(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 &&
	    CPU_COUNT(&set) == 1;
}

void
writ_conn_adopt(struct writ_conn *c, int fd, const struct writ_wire_table *table,
    enum writ_wire_side self)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->table = table;
	c->self = self;
	c->state = WRIT_STATE_NEW;
	writ_buf_init(&c->in, 2 * (WRIT_WIRE_MSG_MAX + WRIT_WIRE_HEADER));
	writ_buf_init(&c->out, WRIT_WIRE_QUEUE_MAX);
}

enum writ_status
writ_conn_init(struct writ_conn *c, int fd, const struct writ_wire_table *table,
    enum writ_wire_side self, struct writ_err *err)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0 || fcntl(fd, F_SETFL, fl | O_NONBLOCK))
		return writ_fail(err, WRIT_IO, "wire: not a usable socket");
	writ_conn_adopt(c, fd, table, self);
	c->spin_max_ns = c->spin_ns = one_cpu() ? 0 : SPIN_NS;
	return WRIT_OK;
}

void
writ_conn_release(struct writ_conn *c)
{
	unsigned i;

	if (!c || c->fd < 0)
		return;
	for (i = 0; i < c->in_fds_len; i++)
		close(c->in_fds[i]);
	for (i = 0; i < c->out_fds_len; i++)
		close(c->out_fds[i].fd);
	writ_buf_release(&c->in);
	writ_buf_release(&c->out);
	close(c->fd);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

static void
put_header(uint8_t h[WRIT_WIRE_HEADER], size_t len, uint32_t type, uint32_t id)
{
	unsigned i;

	for (i = 0; i < 4; i++) {
		h[i] = (uint8_t)(len >> (8 * i));
		h[4 + i] = (uint8_t)(type >> (8 * i));
		h[8 + i] = (uint8_t)(id >> (8 * i));
	}
}

/* `fd` is taken over on success: to be closed once it is sent, unless it is lent. */
static enum writ_status
queue(struct writ_conn *c, unsigned word, uint32_t id, struct writ_str body,
    int fd)
{
	uint8_t h[WRIT_WIRE_HEADER];

	if (fd >= 0 && c->out_fds_len == WRIT_CONN_FDS)
		return WRIT_LIMIT;
	if (c->out.len - c->out_pos + sizeof(h) + body.len > c->out.max ||
	    !writ_buf_room(&c->out, sizeof(h) + body.len))
		return c->out.failed == WRIT_NOMEM ? WRIT_NOMEM : WRIT_LIMIT;
	put_header(h, body.len, word | (fd >= 0 ? WITH_FD : 0), id);
	if (fd >= 0) {
		c->out_fds[c->out_fds_len].at = c->out_base + c->out.len;
		c->out_fds[c->out_fds_len].lent = false;
		c->out_fds[c->out_fds_len++].fd = fd;
	}
	writ_buf_add(&c->out, h, sizeof(h));
	writ_buf_str(&c->out, body);
	return WRIT_OK;
}

static void
check_row(const struct writ_conn *c, unsigned type, size_t len, int fd)
{
	const struct writ_wire_row *row = writ_wire_table_row(c->table, type);

	if (!row || !(row->from & (unsigned)c->self) || len < row->min ||
	    len > row->max || (fd >= 0 && !row->fds))
		WRIT_BUG("message outside the wire table");
}

enum writ_status
writ_conn_send(struct writ_conn *c, unsigned type, uint32_t id,
    struct writ_str body, int fd)
{
	enum writ_status st;
	int copy = -1;

	check_row(c, type, body.len, fd);
	if (fd >= 0) {
		if (c->out_fds_len == WRIT_CONN_FDS)
			return WRIT_LIMIT;
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (copy < 0)
			return WRIT_IO;
	}
	st = queue(c, type, id, body, copy);
	if (st != WRIT_OK)
		writ_closep(&copy);
	return st;
}

/* Send one run of bytes: up to the message of the next fd, or from it, together with it. */
static ssize_t
send_run(struct writ_conn *c)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct iovec iov = { c->out.ptr + c->out_pos, c->out.len - c->out_pos };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint64_t at = c->out_base + c->out_pos, stop = UINT64_MAX;
	bool with = c->out_fds_len && c->out_fds[0].at == at;

	if (c->table->plain)
		return send(c->fd, iov.iov_base, iov.iov_len, MSG_NOSIGNAL);
	if (c->out_fds_len > (with ? 1 : 0))
		stop = c->out_fds[with ? 1 : 0].at;
	if (stop - at < iov.iov_len)
		iov.iov_len = stop - at;
	if (with) {
		struct cmsghdr *h;

		memset(&ctl, 0, sizeof(ctl));
		m.msg_control = ctl.b;
		m.msg_controllen = sizeof(ctl.b);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &c->out_fds[0].fd, sizeof(int));
	}
	return sendmsg(c->fd, &m, MSG_NOSIGNAL);
}

static void
sent(struct writ_conn *c, size_t n)
{
	if (c->out_fds_len && c->out_fds[0].at == c->out_base + c->out_pos) {
		if (!c->out_fds[0].lent)
			close(c->out_fds[0].fd);
		c->out_fds_len--;
		memmove(&c->out_fds[0], &c->out_fds[1],
		    c->out_fds_len * sizeof(c->out_fds[0]));
	}
	c->out_pos += n;
	if (c->out_pos == c->out.len || c->out_pos > WRIT_WIRE_MSG_MAX) {
		c->out_base += c->out_pos;
		writ_buf_consume(&c->out, c->out_pos);
		c->out_pos = 0;
	}
}

enum writ_status
writ_conn_flush(struct writ_conn *c)
{
	while (c->out_pos < c->out.len) {
		ssize_t n = send_run(c);

		if (n > 0) {
			sent(c, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return WRIT_AGAIN;
		return WRIT_CLOSED;
	}
	return WRIT_OK;
}

/* The last fd is lent and still here: from now on a copy stands for it. */
static enum writ_status
keep_lent(struct writ_conn *c)
{
	unsigned last = c->out_fds_len - 1;
	int copy = fcntl(c->out_fds[last].fd, F_DUPFD_CLOEXEC, 3);

	/* Its message cannot go without it: nothing more is sent. */
	if (copy < 0)
		c->out_fds_len--;
	else
		c->out_fds[last].fd = copy;
	c->out_fds[last].lent = false;
	return copy < 0 ? WRIT_IO : WRIT_OK;
}

enum writ_status
writ_conn_send_now(struct writ_conn *c, unsigned type, uint32_t id,
    struct writ_str body, int fd)
{
	enum writ_status st;

	check_row(c, type, body.len, fd);
	st = queue(c, type, id, body, fd);
	if (st != WRIT_OK)
		return st;
	if (fd >= 0)
		c->out_fds[c->out_fds_len - 1].lent = true;
	/* Why it did not go shows where the conversation is waited for. */
	(void)!writ_conn_flush(c);
	if (c->out_fds_len && c->out_fds[c->out_fds_len - 1].lent)
		return keep_lent(c);
	return WRIT_OK;
}

bool
writ_conn_more(const struct writ_conn *c)
{
	return c->in_pos < c->in.len;
}

bool
writ_conn_unsent(const struct writ_conn *c)
{
	return c->out_pos < c->out.len;
}

static enum writ_status
take_fds(struct writ_conn *c, struct msghdr *m)
{
	enum writ_status st = WRIT_OK;
	struct cmsghdr *h;

	for (h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t i, n;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
			if (c->in_fds_len < WRIT_CONN_FDS) {
				c->in_fds[c->in_fds_len++] = fd;
			} else {
				close(fd);
				st = WRIT_PROTO;
			}
		}
	}
	return m->msg_flags & MSG_CTRUNC ? WRIT_PROTO : st;
}

enum writ_status
writ_conn_fill(struct writ_conn *c)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(WRIT_CONN_FDS * sizeof(int))];
	} ctl;
	struct iovec iov;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = ctl.b, .msg_controllen = sizeof(ctl.b) };
	enum writ_status st;
	ssize_t n;

	if (c->in_pos) {
		writ_buf_consume(&c->in, c->in_pos);
		c->in_pos = 0;
	}
	iov.iov_len = c->in.max - c->in.len;
	if (iov.iov_len > (c->in_much ? WRIT_WIRE_MSG_MAX : FILL_LEAST))
		iov.iov_len = c->in_much ? WRIT_WIRE_MSG_MAX : FILL_LEAST;
	iov.iov_base = writ_buf_room(&c->in, iov.iov_len);
	if (!iov.iov_base)
		return WRIT_NOMEM;
	do
		n = c->table->plain ? recv(c->fd, iov.iov_base, iov.iov_len, 0) :
		    recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? WRIT_AGAIN : WRIT_CLOSED;
	st = c->table->plain ? WRIT_OK : take_fds(c, &m);
	if (n == 0)
		return WRIT_CLOSED;
	writ_buf_grew(&c->in, (size_t)n);
	c->in_much = n >= FILL_LEAST;
	return st;
}

static uint64_t
mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

enum writ_status
writ_conn_spin(struct writ_conn *c)
{
	enum writ_status st = writ_conn_fill(c);
	uint64_t until, ns = c->spin_ns;

	if (st != WRIT_AGAIN)
		return st;
	if (ns < SPIN_LEAST_NS) {
		if (++c->spins_left_out < SPIN_AGAIN)
			return st;
		c->spins_left_out = 0;
		ns = c->spin_max_ns;
	}
	until = mono_ns() + ns;
	while (ns && st == WRIT_AGAIN && mono_ns() < until)
		st = writ_conn_fill(c);
	/* Two that share a CPU would spin in each other's way. */
	c->spin_ns = st == WRIT_AGAIN ? c->spin_ns / 2 : c->spin_max_ns;
	return st;
}

static enum writ_status
judge(const struct writ_conn *c, const struct writ_wire_row *row, uint32_t word,
    uint32_t len, struct writ_err *err)
{
	if (!row || (word & ~(uint32_t)(0xffff | WITH_FD)))
		return writ_fail(err, WRIT_PROTO, "unknown message %u",
		    (unsigned)word);
	if (row->from == (unsigned)c->self)
		return writ_fail(err, WRIT_PROTO, "message %s from the wrong side",
		    row->name);
	if (!(row->states & (unsigned)c->state))
		return writ_fail(err, WRIT_PROTO, "message %s at the wrong time",
		    row->name);
	if (len < row->min || len > row->max)
		return writ_fail(err, WRIT_PROTO, "message %s of %u bytes",
		    row->name, (unsigned)len);
	if ((word & WITH_FD) && !row->fds)
		return writ_fail(err, WRIT_PROTO, "message %s with an fd",
		    row->name);
	return WRIT_OK;
}

static int
claim_fd(struct writ_conn *c)
{
	int fd;

	if (!c->in_fds_len)
		return -1;
	fd = c->in_fds[0];
	c->in_fds_len--;
	memmove(&c->in_fds[0], &c->in_fds[1],
	    c->in_fds_len * sizeof(c->in_fds[0]));
	return fd;
}

enum writ_status
writ_conn_next(struct writ_conn *c, struct writ_msg *msg, struct writ_err *err)
{
	struct writ_str rest = writ_str_skip(writ_buf_view(&c->in), c->in_pos);
	struct writ_wire_in in = writ_wire_in(rest);
	uint32_t len, word;
	enum writ_status st;

	if (rest.len < WRIT_WIRE_HEADER)
		return WRIT_AGAIN;
	len = writ_wire_get_u32(&in);
	word = writ_wire_get_u32(&in);
	msg->id = writ_wire_get_u32(&in);
	msg->row = writ_wire_table_row(c->table, word & 0xffff);
	st = judge(c, msg->row, word, len, err);
	if (st != WRIT_OK)
		return st;
	if (in.len < len)
		return WRIT_AGAIN;
	msg->body = writ_str((const char *)in.ptr, len);
	msg->fd = word & WITH_FD ? claim_fd(c) : -1;
	if (((word & WITH_FD) && msg->fd < 0) ||
	    (c->self == WRIT_SIDE_BROKER && c->in_fds_len))
		return writ_fail(err, WRIT_PROTO, "message %s and its fd differ",
		    msg->row->name);
	c->in_pos += WRIT_WIRE_HEADER + len;
	return WRIT_OK;
}
