#include <errno.h>
#include <poll.h>

#include "base/limits.h"
#include "mcp/pipe.h"

#define READ_MAX (64 * 1024)
#define BROKER_HIGH (4 * 1024 * 1024)	/* unsent bytes towards the broker */

struct pipe {
	struct writ_mcp_sink sink;	/* first: a sink is its stdio */
	struct writ_mcp *m;
	struct writ_conn *broker;
	struct writ_mcp_client *client;
	int in_fd, out_fd;
	struct writ_buf in, out;
	size_t looked;		/* bytes of `in` without a line break */
	size_t out_pos;
	bool skipping;		/* the rest of a line that was too long */
	bool ended, broken;
	uint64_t until;		/* ended: when to stop waiting */
};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- out */

static void
put_line(struct writ_mcp_sink *sink, struct writ_str json)
{
	struct pipe *s = (struct pipe *)sink;

	if (!json.len)
		return;
	writ_buf_str(&s->out, json);
	writ_buf_char(&s->out, '\n');
	if (writ_buf_status(&s->out) != WRIT_OK)
		s->broken = true;
}

static void
put_last(struct writ_mcp_sink *sink, struct writ_str json, unsigned http)
{
	put_line(sink, json);
}

static size_t
unsent(const struct pipe *s)
{
	return s->out.len - s->out_pos;
}

static void
flush_out(struct pipe *s)
{
	while (unsent(s) && !s->broken) {
		ssize_t n = write(s->out_fd, s->out.ptr + s->out_pos,
		    unsent(s));

		if (n > 0)
			s->out_pos += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (!(n < 0 && errno == EINTR))
			s->broken = true;
	}
	if (!unsent(s)) {
		s->out_pos = 0;
		if (s->out.cap > WRIT_MCP_OUT_HIGH)
			writ_buf_release(&s->out);
		else
			writ_buf_reset(&s->out);
	} else if (s->out_pos > WRIT_MCP_OUT_HIGH) {
		writ_buf_consume(&s->out, s->out_pos);
		s->out_pos = 0;
	}
}

/* Whether more work would only pile up. */
static bool
stalled(const struct pipe *s)
{
	return unsent(s) > WRIT_MCP_OUT_HIGH ||
	    s->broker->out.len - s->broker->out_pos > BROKER_HIGH;
}

/* ---- in */

static void
take_line(struct pipe *s, struct writ_str line)
{
	writ_auto_release(writ_mcp_in) in;
	size_t i;

	while (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	for (i = 0; i < line.len; i++)
		if (line.ptr[i] != ' ' && line.ptr[i] != '\t')
			break;
	if (i == line.len)
		return;
	writ_mcp_in_init(&in, line);
	writ_mcp_receive(s->m, s->client, &in, &s->sink);
}

static void
too_long(struct pipe *s)
{
	put_line(&s->sink, WRIT_STR("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":"
	    "{\"code\":-32600,\"message\":\"the message is too long\"}}"));
	s->skipping = true;
	writ_buf_reset(&s->in);
	s->looked = 0;
}

/* Every whole line that is here, while its answer has room. */
static void
take_lines(struct pipe *s)
{
	size_t done = 0;

	while (!stalled(s) && !s->broken) {
		struct writ_str rest = writ_str_skip(writ_buf_view(&s->in),
		    done);
		const char *end = rest.len > s->looked ? memchr(rest.ptr +
		    s->looked, '\n', rest.len - s->looked) : NULL;

		if (!end) {
			s->looked = rest.len;
			break;
		}
		if (!s->skipping)
			take_line(s, writ_str(rest.ptr,
			    (size_t)(end - rest.ptr)));
		s->skipping = false;
		done += (size_t)(end - rest.ptr) + 1;
		s->looked = 0;
	}
	writ_buf_consume(&s->in, done);
	if (s->skipping && s->looked == s->in.len) {
		writ_buf_reset(&s->in);
		s->looked = 0;
	} else if (s->looked > WRIT_MCP_MESSAGE_MAX) {
		too_long(s);
	}
	if (s->ended && s->in.len && s->looked == s->in.len && !stalled(s)) {
		take_line(s, writ_buf_view(&s->in));
		writ_buf_reset(&s->in);
		s->looked = 0;
	}
	if (!s->in.len && s->in.cap > WRIT_MCP_OUT_HIGH)
		writ_buf_release(&s->in);
}

static void
read_in(struct pipe *s)
{
	void *room = writ_buf_room(&s->in, READ_MAX);
	ssize_t n;

	if (!room) {
		s->broken = true;
		return;
	}
	do
		n = read(s->in_fd, room, READ_MAX);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		writ_buf_grew(&s->in, (size_t)n);
	} else if (n == 0 || errno != EAGAIN) {
		s->ended = true;
		s->until = now_ms() + WRIT_MCP_LINGER_MS;
	}
}

/* ---- the loop */

static enum writ_status
from_broker(struct pipe *s, struct writ_err *err)
{
	enum writ_status st = writ_conn_fill(s->broker);

	if (st == WRIT_AGAIN)
		return WRIT_OK;
	return st == WRIT_OK ? writ_mcp_broker(s->m, err) : st;
}

static bool
over(const struct pipe *s)
{
	if (s->broken)
		return true;
	return s->ended && !s->in.len &&
	    (now_ms() >= s->until || (!unsent(s) &&
	    (!s->client || !writ_mcp_client_busy(s->client))));
}

static int
wait_ms(const struct pipe *s, int due)
{
	uint64_t now = now_ms();
	int left;

	if (s->client && !stalled(s) && s->looked < s->in.len)
		return 0;	/* lines that had to wait */
	if (!s->ended)
		return due;
	left = s->until > now ? (int)(s->until - now) + 1 : 0;
	return due < 0 || left < due ? left : due;
}

static enum writ_status
turn(struct pipe *s, struct writ_err *err)
{
	bool full = stalled(s);
	struct pollfd p[3] = {
		{ full && !writ_conn_unsent(s->broker) ? -1 : s->broker->fd,
		    full ? 0 : POLLIN, 0 },
		{ full || s->ended || !s->client ? -1 : s->in_fd, POLLIN, 0 },
		{ s->out_fd, unsent(s) ? POLLOUT : 0, 0 },
	};
	int due = writ_mcp_tick(s->m, now_ms());

	if (writ_conn_unsent(s->broker))
		p[0].events |= POLLOUT;
	if (poll(p, 3, wait_ms(s, due)) < 0)
		return errno == EINTR ? WRIT_OK : WRIT_IO;
	(void)writ_mcp_tick(s->m, now_ms());
	if (p[2].revents & (POLLERR | POLLHUP | POLLNVAL))
		s->broken = true;
	if (p[1].revents)
		read_in(s);
	if (p[0].revents & ~POLLOUT)
		return from_broker(s, err);
	return WRIT_OK;
}

/* Nothing is read of the client before there is something to offer. */
static enum writ_status
admit(struct pipe *s, struct writ_err *err)
{
	enum writ_status st;

	if (s->client || !writ_mcp_ready(s->m))
		return WRIT_OK;
	st = writ_mcp_client_open(s->m, WRIT_MCP_PIPE, &s->client, err);
	if (st == WRIT_OK)
		writ_mcp_client_stream(s->client, &s->sink);
	return st;
}

static enum writ_status
serve(struct pipe *s, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;

	while (st == WRIT_OK && !over(s)) {
		st = admit(s, err);
		if (st == WRIT_OK && s->client)
			take_lines(s);
		flush_out(s);
		if (writ_conn_flush(s->broker) == WRIT_CLOSED)
			return WRIT_CLOSED;
		if (st == WRIT_OK && !over(s))
			st = turn(s, err);
	}
	return st;
}

enum writ_status
writ_mcp_pipe(struct writ_mcp *m, struct writ_conn *broker, int in, int out,
    struct writ_err *err)
{
	struct pipe s = { .sink = { put_line, put_last }, .m = m,
		.broker = broker, .in_fd = in, .out_fd = out };
	enum writ_status st;

	writ_buf_init(&s.in, WRIT_MCP_MESSAGE_MAX + 2 * READ_MAX);
	writ_buf_init(&s.out, WRIT_MCP_OUT_MAX);
	st = serve(&s, err);
	if (s.client)
		writ_mcp_client_close(m, s.client);
	flush_out(&s);
	(void)!writ_conn_flush(broker);
	writ_buf_release(&s.in);
	writ_buf_release(&s.out);
	return st;
}
