#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "broker/child.h"

#define HIGH_FD 64	/* above every target, so that no dup2 hits a source */

/* A sanitizer in the child reports to the broker's own. */
#ifdef WRIT_SANITIZE
#define NULLED 2
#else
#define NULLED 3
#endif

struct plan {
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int high[WRIT_SPAWN_FDS];
	int null;
};

static int
plan_files(struct plan *p, const struct writ_spawn *spec)
{
	unsigned i;
	int rc = 0;

	p->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (p->null < 0)
		return errno;
	for (i = 0; i < NULLED; i++)
		rc |= posix_spawn_file_actions_adddup2(&p->files, p->null,
		    (int)i);
	for (i = 0; i < spec->fds_count; i++) {
		p->high[i] = fcntl(spec->fds[i], F_DUPFD_CLOEXEC, HIGH_FD);
		if (p->high[i] < 0)	/* too high: so few may be open */
			return errno == EINVAL ? EMFILE : errno;
		rc |= posix_spawn_file_actions_adddup2(&p->files, p->high[i],
		    (int)(3 + i));
	}
	return rc;
}

static int
plan_signals(struct plan *p)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	return posix_spawnattr_setsigmask(&p->attr, &none) |
	    posix_spawnattr_setsigdefault(&p->attr, &all) |
	    posix_spawnattr_setflags(&p->attr, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
}

static int
run(struct plan *p, const struct writ_spawn *spec, pid_t *pid)
{
	char *argv[8] = { NULL };
	char *envp[1] = { NULL };
	unsigned i;

	memcpy(&argv[0], &spec->program, sizeof(char *));
	for (i = 0; i < 6 && spec->args[i]; i++)
		memcpy(&argv[1 + i], &spec->args[i], sizeof(char *));
	return posix_spawn(pid, spec->program, &p->files, &p->attr, argv, envp);
}

enum writ_status
writ_spawn(const struct writ_spawn *spec, struct writ_child *out,
    struct writ_err *err)
{
	struct plan p = { .high = { -1, -1, -1, -1 }, .null = -1 };
	unsigned i;
	int rc;

	if (posix_spawn_file_actions_init(&p.files))
		return writ_fail(err, WRIT_NOMEM, "spawn");
	if (posix_spawnattr_init(&p.attr)) {
		posix_spawn_file_actions_destroy(&p.files);
		return writ_fail(err, WRIT_NOMEM, "spawn");
	}
	rc = plan_files(&p, spec);
	if (!rc)
		rc = plan_signals(&p);
	if (!rc)
		rc = run(&p, spec, &out->pid);
	for (i = 0; i < WRIT_SPAWN_FDS; i++)
		writ_closep(&p.high[i]);
	writ_closep(&p.null);
	posix_spawnattr_destroy(&p.attr);
	posix_spawn_file_actions_destroy(&p.files);
	if (rc)
		return writ_fail(err, rc == ENOENT ? WRIT_NOENT : WRIT_IO,
		    "%s: cannot be started: %s", spec->program, strerror(rc));
	out->pidfd = (int)syscall(SYS_pidfd_open, out->pid, 0);
	if (out->pidfd < 0) {
		writ_child_end(out, NULL);
		return writ_fail(err, WRIT_IO, "%s: no pidfd: %s",
		    spec->program, strerror(errno));
	}
	return WRIT_OK;
}

static void
reap(struct writ_child *child, int *status)
{
	int st = 0;

	while (waitpid(child->pid, &st, 0) < 0 && errno == EINTR)
		continue;
	if (status)
		*status = st;
	child->pid = 0;
	if (child->pidfd >= 0)
		close(child->pidfd);
	child->pidfd = -1;
}

void
writ_child_end(struct writ_child *child, int *status)
{
	if (child->pid <= 0)
		return;
	kill(child->pid, SIGKILL);
	reap(child, status);
}

enum writ_status
writ_child_wait(struct writ_child *child, uint64_t timeout_ms, int *status)
{
	struct pollfd p = { child->pidfd, POLLIN, 0 };
	int n;

	do
		n = poll(&p, 1, timeout_ms > 1000000 ? 1000000 :
		    (int)timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		writ_child_end(child, status);
		return WRIT_LIMIT;
	}
	reap(child, status);
	return WRIT_OK;
}

void
writ_child_words(int status, char *out, size_t cap)
{
	if (WIFSIGNALED(status))
		snprintf(out, cap, "was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out, cap, "exited with %d", WEXITSTATUS(status));
}
