#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "jail/calls.h"

#define W WRIT_CALL_WORKER
#define C WRIT_CALL_COMPILER
#define F WRIT_CALL_FRONT
#define N WRIT_CALL_NET
#define S WRIT_CALL_SERVE
#define BOTH (WRIT_CALL_BOTH | F | N)

/* Conditions: of an int the kernel reads 32 bits, of a long all 64. */
#define INT 0xffffffffull
#define ANY 0, { { 0 } }
#define IS(arg, v) 1, { { arg, INT, v } }
#define NO_BITS(arg, allowed) 1, { { arg, INT & ~(uint64_t)(allowed), 0 } }

/* Private memory alone, never executable; where it lies is the program's business. */
#define PROT_OK (PROT_READ | PROT_WRITE)
#define MAP_OK (MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE | \
	MAP_NORESERVE | MAP_STACK | MAP_POPULATE)
#define DATA(arg) { arg, ~(uint64_t)PROT_OK, 0 }
#define PRIVATE(arg) { arg, ~(uint64_t)MAP_OK, MAP_PRIVATE }

#define FUTEX_MASK (INT & ~(uint64_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME))
#define FUTEX(op) 1, { { 1, FUTEX_MASK, op } }

#define WIRE 3		/* the worker's; the compiler's 3 is its input */
#define LISTENER 4
#define CODE 4
#define TEXT 5
#define STDERR 2	/* inert; so that an abort can end as an abort */

static const struct writ_call_row rows[] = {
	/* name               who   arguments */
	/* ending, and faults: the engine's handlers turn guest faults into traps */
	{ "exit_group",       BOTH, ANY },
	{ "rt_sigreturn",     BOTH, ANY },
	{ "rt_sigprocmask",   BOTH, ANY },
	{ "sigaltstack",      BOTH, ANY },
	{ "restart_syscall",  BOTH, ANY },
	{ "rt_sigaction",     BOTH, IS(0, SIGSEGV) },
	{ "rt_sigaction",     BOTH, IS(0, SIGBUS) },
	{ "rt_sigaction",     BOTH, IS(0, SIGILL) },
	{ "rt_sigaction",     BOTH, IS(0, SIGFPE) },
	{ "rt_sigaction",     BOTH, IS(0, SIGABRT) },
	{ "getpid",           BOTH, ANY },
	{ "gettid",           BOTH, ANY },
	{ "tgkill",           BOTH, 2, { { 0, INT, WRIT_CALL_SELF },
	    { 2, INT, SIGABRT } } },
	{ "write",            BOTH, IS(0, STDERR) },
	{ "writev",           BOTH, IS(0, STDERR) },

	/* memory */
	{ "mmap",             BOTH, 2, { DATA(2), PRIVATE(3) } },
	{ "mprotect",         BOTH, 1, { DATA(2) } },
	{ "munmap",           BOTH, ANY },
	{ "mremap",           BOTH, 1, { { 3, ~(uint64_t)MREMAP_MAYMOVE, 0 } } },
	{ "brk",              BOTH, ANY },
	{ "madvise",          BOTH, IS(2, MADV_DONTNEED) },
	{ "madvise",          BOTH, IS(2, MADV_FREE) },
	{ "madvise",          BOTH, IS(2, MADV_HUGEPAGE) },
	{ "madvise",          BOTH, IS(2, MADV_NOHUGEPAGE) },

	/* time, randomness, locks */
	{ "clock_gettime",    BOTH, NO_BITS(0, 7) },	/* no clock of another process */
	{ "gettimeofday",     BOTH, ANY },
	{ "getrandom",        BOTH, ANY },
	{ "sched_yield",      BOTH, ANY },
	{ "sched_getaffinity", BOTH, IS(0, 0) },	/* malloc, when memory is short */
	{ "futex",            BOTH, FUTEX(FUTEX_WAIT) },
	{ "futex",            BOTH, FUTEX(FUTEX_WAKE) },
	{ "futex",            BOTH, FUTEX(FUTEX_WAIT_BITSET) },
	{ "futex",            BOTH, FUTEX(FUTEX_WAKE_BITSET) },

	/* the wire */
	{ "recvmsg",          W | F,   2, { { 0, INT, WIRE }, { 2, INT &
	    ~(uint64_t)(MSG_CMSG_CLOEXEC | MSG_DONTWAIT), 0 } } },
	{ "sendmsg",          W | F,   2, { { 0, INT, WIRE }, { 2, INT &
	    ~(uint64_t)(MSG_NOSIGNAL | MSG_DONTWAIT), 0 } } },
	/* the pairs that came over it, and no address */
	{ "recvfrom",         W,    2, { { 3, INT & ~(uint64_t)MSG_DONTWAIT, 0 },
	    { 4, ~0ull, 0 } } },
	{ "sendto",           W,    2, { { 3, INT & ~(uint64_t)(MSG_NOSIGNAL |
	    MSG_DONTWAIT), 0 }, { 4, ~0ull, 0 } } },
	{ "poll",             W | F | N, ANY },
	{ "ppoll",            W | F | N, ANY },

	/* files that the broker lent, with the rights it opened them with */
	{ "pread64",          W,    ANY },
	{ "pwrite64",         W,    ANY },
	{ "pwritev2",         W,    NO_BITS(5, RWF_APPEND) },
	{ "close",            BOTH, ANY },

	/* what a front end was given: clients, by its fds or through its listener */
	{ "read",             F,    ANY },
	{ "write",            F,    ANY },
	{ "accept4",          F | S,    2, { { 0, INT, LISTENER }, { 3, INT &
	    ~(uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK), 0 } } },
	{ "recvfrom",         F | S,    2, { { 3, INT, 0 }, { 4, ~0ull, 0 } } },
	{ "sendto",           F | S,    2, { { 3, INT & ~(uint64_t)(MSG_NOSIGNAL |
	    MSG_MORE), 0 }, { 4, ~0ull, 0 } } },	/* to its peer alone */
	{ "sendmsg",          F,    NO_BITS(2, MSG_NOSIGNAL | MSG_MORE) },
	{ "setsockopt",       F,    2, { { 1, INT, IPPROTO_TCP },
	    { 2, INT, TCP_NODELAY } } },
	{ "setsockopt",       F,    2, { { 1, INT, IPPROTO_TCP },
	    { 2, INT, TCP_CORK } } },
	{ "shutdown",         F | S,    ANY },
	{ "epoll_ctl",        F | S,    ANY },
	{ "epoll_wait",       F | S,    ANY },
	{ "setsockopt",       S,    2, { { 1, INT, SOL_SOCKET },
	    { 2, INT, SO_LINGER } } },	/* an answer that is cut ends with a reset */

	/* net: sockets that the broker opened and connected; what libraries try beyond that is
	 * answered, and not done */
	{ "recvmsg",          N,    2, { { 0, INT, WIRE }, { 2, INT &
	    ~(uint64_t)(MSG_CMSG_CLOEXEC | MSG_DONTWAIT), 0 } } },
	{ "sendmsg",          N,    2, { { 0, INT, WIRE }, { 2, INT &
	    ~(uint64_t)(MSG_NOSIGNAL | MSG_DONTWAIT), 0 } } },
	{ "recvfrom",         N,    2, { { 3, INT & ~(uint64_t)MSG_PEEK, 0 },
	    { 4, ~0ull, 0 } } },
	{ "sendto",           N,    2, { { 3, INT & ~(uint64_t)(MSG_NOSIGNAL |
	    MSG_MORE), 0 }, { 4, ~0ull, 0 } } },	/* to its peer alone */
	{ "read",             N,    ANY },
	{ "write",            N,    ANY },
	{ "epoll_ctl",        N,    ANY },
	{ "epoll_wait",       N,    ANY },
	{ "shutdown",         N,    ANY },
	{ "getsockopt",       N,    2, { { 1, INT, SOL_SOCKET },
	    { 2, INT, SO_ERROR } } },
	{ "setsockopt",       N,    2, { { 1, INT, IPPROTO_TCP },
	    { 2, INT, TCP_NODELAY } } },
	{ "getsockname",      N,    ANY },
	{ "getpeername",      N,    ANY },
	{ "socketpair",       N,    IS(0, AF_UNIX) },
	{ "rt_sigaction",     N,    IS(0, SIGPIPE) },	/* curl, while it closes */
	{ "fcntl",            N,    IS(1, F_GETFL) },
	{ "fcntl",            N,    IS(1, F_SETFL) },
	{ "fcntl",            N,    IS(1, F_SETFD) },
	{ "mlock",            N,    ANY },
	{ "munlock",          N,    ANY },
	{ "madvise",          N,    IS(2, MADV_DONTDUMP) },
	{ "madvise",          N,    IS(2, MADV_DODUMP) },
	{ "connect",          N,    ANY, WRIT_CALL_NOTHING },	/* it is already */
	{ "socket",           N,    ANY, EAFNOSUPPORT },
	{ "openat",           N,    ANY, ENOENT },
	{ "newfstatat",       N,    ANY, ENOENT },
	{ "access",           N,    ANY, ENOENT },
	{ "sysinfo",          N,    ANY, ENOSYS },
	{ "uname",            N,    ANY, ENOSYS },	/* no name of this machine */
	{ "ioctl",            N,    ANY, ENOTTY },

	/* what the compiler was started for */
	{ "write",            C,    IS(0, CODE) },
	{ "write",            C,    IS(0, TEXT) },
};

/* On top, in builds with sanitizers: what their run-times do, and what a report does.  Rows of
 * `rows` stay as narrow as they are. */
static const struct writ_call_row widened[] = {
#ifdef WRIT_SANITIZE
	{ "madvise",          BOTH, IS(2, MADV_DONTDUMP) },	/* large blocks */
	{ "openat",           BOTH, ANY },	/* a report: Landlock refuses */
	{ "newfstatat",       BOTH, ANY },	/* a report: where is a symbolizer */
	/* the thread that TSan starts: its beginning may come after the filter */
	{ "nanosleep",        BOTH, ANY },
	{ "clock_nanosleep",  BOTH, NO_BITS(0, 7) },
	{ "rseq",             BOTH, ANY },
	{ "set_robust_list",  BOTH, ANY },
#endif
	{ NULL,               0,    ANY },
};

const struct writ_call_row *
writ_jail_call_at(size_t i)
{
	const size_t n = sizeof(rows) / sizeof(rows[0]);

	if (i < n)
		return &rows[i];
	i -= n;
	return i < sizeof(widened) / sizeof(widened[0]) && widened[i].name ?
	    &widened[i] : NULL;
}
