/*
 * bench-load WANT CALL WINDOW COUNT RATE -- SERVER... - calls a tool of an MCP server over
 * stdio, again and again.  CALL is the params of tools/call, as JSON; an answer without the
 * text WANT has failed.  A tenth as many calls go before, so that no start is measured.  Prints
 * one line of bench_pace_report.  Revision 2025-11-25, which every server speaks.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "pace.h"

enum { BUF_MAX = 64 * 1024 * 1024, READ = 65536, FIRST = 100 };

#define GREETING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"," \
	"\"params\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}," \
	"\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}\n"
#define GREETED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"

struct load {
	const char *want, *call;
	struct bench_pace pace;
	size_t first;		/* id of the run's first call */
	pid_t pid;
	int to, from;
	struct writ_buf out, in;
};

static bool
start(struct load *l, char **argv)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return false;
	l->pid = fork();
	if (l->pid == 0) {
		if (dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1)
			execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	l->to = in[1];
	l->from = out[0];
	return l->pid > 0 && !fcntl(l->to, F_SETFL, O_NONBLOCK) &&
	    !fcntl(l->from, F_SETFL, O_NONBLOCK);
}

static bool
flush(struct load *l)
{
	ssize_t n = l->out.len ? write(l->to, l->out.ptr, l->out.len) : 0;

	if (n > 0)
		writ_buf_consume(&l->out, (size_t)n);
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool
wait_for(struct load *l)
{
	struct timespec t;
	bool due = bench_pace_wait(&l->pace, &t);
	struct pollfd p[2] = { { l->from, POLLIN, 0 }, { l->to, 0, 0 } };

	if (!flush(l))
		return false;
	if (l->out.len)
		p[1].events = POLLOUT;
	return ppoll(p, 2, &t, NULL) > 0 || due;
}

static bool
read_more(struct load *l)
{
	void *room = writ_buf_room(&l->in, READ);
	ssize_t n = room ? read(l->from, room, READ) : 0;

	if (n > 0)
		writ_buf_grew(&l->in, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* The number behind the first "id": in a line; 0: none. */
static uint64_t
id_of(struct writ_str line)
{
	const char *at = memmem(line.ptr, line.len, "\"id\":", 5);
	struct writ_str digits;
	uint64_t id = 0;

	if (!at)
		return 0;
	digits = writ_str(at + 5, line.len - (size_t)(at + 5 - line.ptr));
	for (; digits.len && digits.ptr[0] >= '0' && digits.ptr[0] <= '9' &&
	    id < BENCH_CALLS_MAX * 2; digits = writ_str_skip(digits, 1))
		id = id * 10 + (uint64_t)(digits.ptr[0] - '0');
	return id;
}

static bool
take_line(struct load *l, struct writ_str line)
{
	uint64_t id = id_of(line);
	bool well;

	if (id < FIRST)
		return true;
	if (id < l->first || id - l->first >= l->pace.sent)
		return false;
	well = memmem(line.ptr, line.len, l->want, strlen(l->want)) &&
	    !memmem(line.ptr, line.len, "\"isError\":true", 14);
	if (!well && !l->pace.failed)
		fprintf(stderr, "bench-load: %.*s\n", WRIT_STR_ARG(line));
	bench_pace_done(&l->pace, id - l->first, well);
	return true;
}

/* Every whole line that came; how many, or -1. */
static int
take_lines(struct load *l)
{
	struct writ_str rest = writ_buf_view(&l->in), line;
	int lines = 0;

	while (memchr(rest.ptr, '\n', rest.len)) {
		line = writ_str_cut(rest, '\n', &rest);
		if (!take_line(l, line))
			return -1;
		lines++;
	}
	writ_buf_consume(&l->in, l->in.len - rest.len);
	return lines;
}

static bool
greet(struct load *l)
{
	int lines = 0;

	writ_buf_cstr(&l->out, GREETING);
	while (lines == 0)
		if (!wait_for(l) || !read_more(l) ||
		    (lines = take_lines(l)) < 0)
			return false;
	writ_buf_cstr(&l->out, GREETED);
	return true;
}

static bool
run(struct load *l)
{
	struct bench_pace *p = &l->pace;

	while (!bench_pace_over(p)) {
		while (bench_pace_take(p, bench_now()))
			writ_buf_printf(&l->out, "{\"jsonrpc\":\"2.0\","
			    "\"id\":%zu,\"method\":\"tools/call\","
			    "\"params\":%s}\n", l->first + p->sent - 1, l->call);
		if (!wait_for(l) ||
		    !read_more(l) || take_lines(l) < 0)
			return false;
	}
	return writ_buf_status(&l->out) == WRIT_OK;
}

/* Closed loop first: it starts as many workers, or compiles as much, as there will be. */
static bool
run_both(struct load *l)
{
	struct bench_pace cold, real = l->pace;
	bool well;

	if (!bench_pace_warm(&real, &cold))
		return false;
	l->first = FIRST;
	l->pace = cold;
	well = greet(l) && run(l) && l->pace.failed == 0;
	bench_pace_release(&l->pace);
	l->first = FIRST + cold.count;
	l->pace = real;
	return well && run(l);
}

int
main(int argc, char **argv)
{
	struct load l = { .want = argv[argc > 1], .call = argv[argc > 2 ? 2 : 0] };
	char line[256];
	bool well;

	if (argc < 8 || strcmp(argv[6], "--") != 0 ||
	    !bench_pace_init(&l.pace, (const char *[3]){ argv[3], argv[4],
	    argv[5] })) {
		fputs("usage: bench-load WANT CALL WINDOW COUNT RATE -- "
		    "SERVER...\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	writ_buf_init(&l.out, BUF_MAX);
	writ_buf_init(&l.in, BUF_MAX);
	well = start(&l, argv + 7) && run_both(&l);
	if (!well)
		fprintf(stderr, "bench-load: the server ended, or fell "
		    "silent\n");
	if (l.to > 0)
		close(l.to);
	if (well) {
		bench_pace_report(&l.pace, line, sizeof(line));
		fputs(line, stdout);
	} else if (l.pid > 0) {
		kill(l.pid, SIGTERM);
	}
	if (l.pid > 0)
		waitpid(l.pid, NULL, 0);
	return well ? 0 : 1;
}
