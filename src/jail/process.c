#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "jail/parts.h"

/* ---- fds */

bool
writ_jail_fds_offer(char *what, size_t cap)
{
	/* An empty range above every fd: asks without closing. */
	if (syscall(SYS_close_range, ~0u, ~0u, 0)) {
		snprintf(what, cap, "this kernel has no close_range");
		return false;
	}
	snprintf(what, cap, "the process is given its own socket or files and "
	    "no other open file");
	return true;
}

/* A sanitizer's report goes to 2. */
#ifdef WRIT_SANITIZE
#define INERT 2
#else
#define INERT 3
#endif

/* A read end whose writer is gone: reading gives the end, writing EBADF.  An fd that is
 * received later can then never become the 2 that some library prints to. */
static enum writ_status
make_inert(struct writ_err *err)
{
	int p[2], i, rc = 0;

	if (pipe(p))
		return writ_fail(err, WRIT_IO, "wall fds: %s", strerror(errno));
	for (i = 0; i < INERT; i++)
		if (dup2(p[0], i) != i)
			rc = errno;
	for (i = 0; i < 2; i++)
		if (p[i] > 2)
			close(p[i]);
	if (rc)
		return writ_fail(err, WRIT_IO, "wall fds: %s", strerror(rc));
	return WRIT_OK;
}

enum writ_status
writ_jail_fds_apply(unsigned last, struct writ_err *err)
{
	if (syscall(SYS_close_range, last + 1, ~0u, 0))
		return writ_fail(err, errno == ENOSYS ? WRIT_UNSUPPORTED :
		    WRIT_IO, "wall fds: %s", strerror(errno));
	return make_inert(err);
}

/* ---- environment */

void
writ_jail_env_apply(void)
{
	char **e;

	for (e = environ; e && *e; e++)
		explicit_bzero(*e, strlen(*e));
	clearenv();
}

bool
writ_jail_env_holds(void)
{
	return !environ || !environ[0];
}

/* ---- what others may do to it */

static enum writ_status
refused(const char *wall, struct writ_err *err)
{
	return writ_fail(err, WRIT_IO, "wall %s: %s", wall, strerror(errno));
}

enum writ_status
writ_jail_nnp_apply(struct writ_err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return refused("no-new-privs", err);
	return WRIT_OK;
}

bool
writ_jail_nnp_holds(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

enum writ_status
writ_jail_dump_apply(struct writ_err *err)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return refused("dumpable", err);
	return WRIT_OK;
}

bool
writ_jail_dump_holds(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
}

enum writ_status
writ_jail_parent_apply(pid_t parent, struct writ_err *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return refused("parent-death", err);
	if (getppid() != parent)
		return writ_fail(err, WRIT_CLOSED,
		    "wall parent-death: the parent is gone");
	return WRIT_OK;
}

bool
writ_jail_parent_holds(void)
{
	int sig = 0;

	return !prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0) && sig == SIGKILL;
}
