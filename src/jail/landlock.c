#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "jail/parts.h"

/* Written out, so that an old kernel header does not weaken the wall. */
#define GET_VERSION 1u
#define FS_READ_FILE (1ull << 2)
#define FS_ABI1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)		/* ABI 2 */
#define FS_TRUNCATE (1ull << 14)	/* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15)	/* ABI 5 */
#define NET_TCP 3ull			/* ABI 4: bind, connect */
#define SCOPED 3ull			/* ABI 6: abstract sockets, signals */

struct ruleset {
	uint64_t fs, net, scoped;
};

static long
abi_version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);
}

bool
writ_jail_landlock_offer(char *what, size_t cap)
{
	long abi = abi_version();

	if (abi < 1) {
		snprintf(what, cap, "%s", errno == EOPNOTSUPP ?
		    "this kernel has Landlock but it is not enabled at boot" :
		    "this kernel has no Landlock");
		return false;
	}
	snprintf(what, cap, "no file can be opened%s%s%s (Landlock ABI %ld)",
	    abi >= 3 ? " or truncated" : "",
	    abi >= 4 ? ", no TCP port bound or connected" : "",
	    abi >= 6 ? ", no other process signalled" : "", abi);
	return true;
}

/* Fills what an ABI knows; returns the size of struct ruleset that it knows. */
static size_t
rights(long abi, struct ruleset *r)
{
	r->fs = FS_ABI1 | (abi >= 2 ? FS_REFER : 0) |
	    (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
	r->net = abi >= 4 ? NET_TCP : 0;
	r->scoped = abi >= 6 ? SCOPED : 0;
	if (abi >= 6)
		return sizeof(*r);
	return abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

enum writ_status
writ_jail_landlock_apply(bool reading, struct writ_err *err)
{
	long abi = abi_version();
	struct ruleset r = { 0, 0, 0 };
	writ_auto_fd fd = -1;
	size_t size;

	if (abi < 1)
		return writ_fail(err, WRIT_UNSUPPORTED,
		    "wall landlock: this kernel does not offer it");
	size = rights(abi, &r);
	if (reading)
		r.fs &= ~FS_READ_FILE;
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0))
		return writ_fail(err, WRIT_IO, "wall landlock: %s",
		    strerror(errno));
	return WRIT_OK;
}

bool
writ_jail_landlock_holds(void)
{
	writ_auto_fd fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 && errno == EACCES;
}
