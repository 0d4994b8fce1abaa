#include "cli/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100		/* a write that blocks is interrupted this often */
#define LONGEST_MS 1000000

static void
on_alarm(int sig)
{
}

/* Interrupts write(), which may block though poll() said that there is room: on a terminal, or
 * when somebody else writes into the same pipe. */
static void
set_alarm(int ms)
{
	struct itimerval t = { { 0, ms * 1000 }, { 0, ms * 1000 } };
	struct sigaction sa = { .sa_handler = on_alarm };
	sigset_t set;

	if (ms) {
		sigaction(SIGALRM, &sa, NULL);
		sigemptyset(&set);
		sigaddset(&set, SIGALRM);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	setitimer(ITIMER_REAL, &t, NULL);
}

static int
left_ms(const struct cli_patience *p)
{
	struct timespec t;
	uint64_t now, ms;

	if (!p->until_ns)
		return LONGEST_MS;
	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	ms = p->until_ns > now ? (p->until_ns - now) / 1000000 + 1 : 0;
	return ms < LONGEST_MS ? (int)ms : LONGEST_MS;
}

/* Whether there is room; false with errno. */
static bool
wait_room(int fd, const struct cli_patience *p)
{
	struct pollfd fds[2] = { { fd, POLLOUT, 0 },
		{ p->cancel_fd, POLLIN, 0 } };
	int ready = 0;

	while (ready <= 0) {
		int ms = left_ms(p);

		ready = poll(fds, 2, ms);
		if (ready < 0 && errno != EINTR)
			return false;
		if ((ready == 0 && ms < LONGEST_MS) ||
		    (ready > 0 && fds[1].revents)) {
			errno = EPIPE;
			return false;
		}
	}
	return true;
}

/* What is written at once fits into a pipe that has room. */
static bool
write_some(int fd, struct writ_str *s, const struct cli_patience *p)
{
	size_t part = s->len < PIPE_BUF ? s->len : PIPE_BUF;
	ssize_t n;

	if (!wait_room(fd, p))
		return false;
	n = write(fd, s->ptr, part);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	*s = writ_str_skip(*s, (size_t)n);
	return true;
}

bool
cli_write_patient(int fd, struct writ_str s, const struct cli_patience *p)
{
	bool ok = true;
	int saved;

	set_alarm(LOOK_MS);
	while (ok && s.len)
		ok = write_some(fd, &s, p);
	saved = errno;
	set_alarm(0);
	errno = saved;
	return ok;
}
