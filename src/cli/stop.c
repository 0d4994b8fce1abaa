#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "cli/cli.h"

/* The write end of the pipe; for the signal handler alone. */
static int stop_pipe = -1;

static void
on_signal(int sig)
{
	int saved = errno;

	(void)!write(stop_pipe, "x", 1);
	errno = saved;
}

int
cli_stop_fd(bool once)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction sa = { .sa_handler = on_signal,
		.sa_flags = once ? (int)SA_RESETHAND : 0 };
	struct sigaction old;
	int fds[2];
	size_t i;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -1;
	stop_pipe = fds[1];
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
	return fds[0];
}
