/*
 * syscalls.c - native code in a jail tries every system call there is.
 * Each try is a process of its own that enters the jail as writ-worker or writ-net does (jail.h),
 * makes one call, and is seen to be killed, to get an error, or to have its way.  What comes out is
 * compared with a table, whose columns are number, name, arguments, verdict: syscalls.tsv of
 * a worker, syscalls_net.tsv of net.
 *
 *   syscalls ROLE TABLE          run every row; differences are printed and are a failure
 *   syscalls --print ROLE TABLE  print the table with the verdicts found
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "jail/jail.h"

#define WAIT_MS 300
#define X32 0x40000000l
#define PAGE 4096

struct shared {
	long ret, err;
	int locked, done;
	char page[PAGE];
};

struct row {
	char where[8];		/* "": native; x32; i386 */
	long number;
	char name[40], how[24], verdict[16];
	enum writ_jail_role role;
};

/* Arguments that would do harm if the call were allowed at all or with any argument. */
static bool
sharp(const char *how, struct shared *sh, long a[6])
{
	const struct {
		const char *how;
		long a[6];
	} table[] = {
		{ "executable", { 0, PAGE, PROT_READ | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
		{ "high-bits", { 0, PAGE, PROT_READ | (long)(1ull << 40),
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
		{ "private", { 0, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
		{ "shared", { 0, PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0 } },
		{ "grows-down", { 0, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0 } },
		{ "to-executable", { (long)sh->page, PAGE,
		    PROT_READ | PROT_EXEC } },
		{ "to-writable", { (long)sh, PAGE, PROT_READ | PROT_WRITE } },
		{ "move-fixed", { (long)sh, PAGE, PAGE,
		    MREMAP_MAYMOVE | MREMAP_FIXED, (long)sh } },
		{ "dont-unmap", { (long)sh, PAGE, PAGE, MREMAP_MAYMOVE | 4 } },
		{ "poison", { (long)sh, PAGE, 100 } },
		{ "lock-pi", { (long)sh->page, FUTEX_LOCK_PI } },
		{ "requeue-pi", { (long)sh->page, FUTEX_CMP_REQUEUE_PI } },
		{ "wake", { (long)sh->page, FUTEX_WAKE, 1 } },
		{ "abort-parent", { getppid(), getppid(), SIGABRT } },
		{ "stop-self", { getpid(), getpid(), SIGSTOP } },
		{ "other-clock", { -((long)getppid() << 3) - 6,
		    (long)sh->page } },
		{ "own-clock", { 1, (long)sh->page } },
		{ "no-append", { 3, (long)sh->page, 0, 0, 0, 0x20 } },
		{ "wire-out-of-band", { 3, (long)sh->page, MSG_OOB } },
		{ "wire-peek", { 3, (long)sh->page, MSG_PEEK } },
		{ "other-fd", { 4, (long)sh->page, 0 } },
		{ "wire-fd", { 3, (long)sh->page, 1 } },
		{ "stderr-fd", { 2, (long)sh->page, 1 } },
		{ "sigsys", { SIGSYS, 0, 0, 8 } },
		{ "sigsegv", { SIGSEGV, 0, 0, 8 } },
		{ "parent", { getppid(), 8, (long)sh->page } },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].how, how)) {
			memcpy(a, table[i].a, sizeof(table[i].a));
			return true;
		}
	return false;
}

static bool
arguments(const char *how, struct shared *sh, long a[6])
{
	int i;

	for (i = 0; i < 6; i++)
		a[i] = strcmp(how, "ones") ? 0 : -1;
	return !strcmp(how, "zeros") || !strcmp(how, "ones") ||
	    sharp(how, sh, a);
}

/* The 32-bit door of a 64-bit kernel. */
static long
old_door(long nr, const long a[6])
{
	long ret = nr;

#ifdef __x86_64__
	__asm__ volatile("int $0x80" : "+a"(ret)
	    : "b"(a[0]), "c"(a[1]), "d"(a[2]) : "memory", "r8", "r9", "r10",
	    "r11");
#endif
	return ret;
}

static void
jailed(const struct row *r, const char *how, struct shared *sh)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_jail_args a;
	char name[] = "probe";
	char *argv[] = { name, a.walls, a.uid, a.gid, NULL };
	unsigned walls = 0;
	long v[6];

	writ_jail_args(0, &a);
	if (writ_jail_child_args(4, argv, r->role, &err) != WRIT_OK ||
	    !arguments(how, sh, v) ||
	    writ_jail_lock(r->role, 0, &walls, &err) != WRIT_OK)
		return;
	sh->locked = 1;
	errno = 0;
	if (!strcmp(r->where, "i386"))
		sh->ret = old_door(r->number, v);
	else
		sh->ret = syscall(r->number | (strcmp(r->where, "x32") ? 0 :
		    X32), v[0], v[1], v[2], v[3], v[4], v[5]);
	sh->err = errno;
	sh->done = 1;
	_exit(0);
}

/* Reap within WAIT_MS, or kill; whether it ended by itself. */
static bool
reap(pid_t pid, int *status)
{
	int i;

	for (i = 0; i < WAIT_MS * 10; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		usleep(100);
	}
	kill(pid, SIGKILL);
	waitpid(pid, status, 0);
	return false;
}

static void
try(const struct row *r, const char *how, struct shared *sh, char out[16])
{
	int pair[2], status = 0;
	const char *v;
	bool ended;
	pid_t pid;

	memset(sh, 0, sizeof(*sh));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(pair[1], 3);
		jailed(r, how, sh);
		_exit(1);
	}
	close(pair[0]);
	close(pair[1]);
	ended = pid > 0 && reap(pid, &status);
	if (!sh->locked)
		v = "no-jail";
	else if (!ended)
		v = "waits";
	else if (WIFSIGNALED(status))
		v = WTERMSIG(status) == SIGSYS ? "killed" : "faults";
	else if (!sh->done)
		v = "ends";
	else
		v = sh->ret == -1 ? strerrorname_np((int)sh->err) : "done";
	snprintf(out, 16, "%s", v ? v : "unknown");
}

/* `want` may name several verdicts, separated by '|'. */
static bool
expected(const char *want, const char *got)
{
	struct writ_str rest = writ_str_from(want), one;

	do {
		one = writ_str_cut(rest, '|', &rest);
		if (writ_str_is(one, got))
			return true;
	} while (rest.len);
	return false;
}

/* A row says "any" when zeros and ones come to the same. */
static bool
check(const struct row *r, struct shared *sh, bool print)
{
	const char *colon = r->where[0] ? ":" : "";
	char a[16], b[16];
	bool any = !strcmp(r->how, "any"), same;

	try(r, any ? "zeros" : r->how, sh, a);
	memcpy(b, a, sizeof(b));
	if (any)
		try(r, "ones", sh, b);
	same = !strcmp(a, b);
	if (print && same)
		printf("%s%s%ld\t%s\t%s\t%s\n", r->where, colon, r->number,
		    r->name, r->how, a);
	else if (print)
		printf("%s%s%ld\t%s\tzeros\t%s\n%s%s%ld\t%s\tones\t%s\n",
		    r->where, colon, r->number, r->name, a, r->where, colon,
		    r->number, r->name, b);
	else if (!same || !expected(r->verdict, a))
		printf("%s%s%ld %s (%s): expected %s, got %s%s%s\n", r->where,
		    colon, r->number, r->name, r->how, r->verdict, a,
		    same ? "" : " and ", same ? "" : b);
	return print || (same && expected(r->verdict, a));
}

static bool
read_row(const char *line, struct row *r)
{
	char number[24];
	struct writ_str n;
	uint64_t v;
	size_t prefix;

	if (sscanf(line, "%23s %39s %23s %15s", number, r->name, r->how,
	    r->verdict) != 4)
		return false;
	prefix = !strncmp(number, "i386:", 5) ? 5 :
	    !strncmp(number, "x32:", 4) ? 4 : 0;
	n = writ_str_skip(writ_str_from(number), prefix);
	if (writ_str_u64(n, 100000, &v) != WRIT_OK)
		return false;
	memset(r->where, 0, sizeof(r->where));
	memcpy(r->where, number, prefix ? prefix - 1 : 0);
	r->number = (long)v;
	return true;
}

static int
run(FILE *f, struct shared *sh, enum writ_jail_role role, bool print)
{
	unsigned rows = 0, bad = 0;
	char line[256];
	struct row r;

	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#') {
			if (print)
				fputs(line, stdout);
			continue;
		}
		if (!read_row(line, &r)) {
			printf("not a row: %s", line);
			return 2;
		}
		r.role = role;
		rows++;
		bad += !check(&r, sh, print);
	}
	if (!print)
		printf("%u rows, %u differ\n", rows, bad);
	return bad || rows < 400;
}

int
main(int argc, char **argv)
{
	bool print = argc == 4 && !strcmp(argv[1], "--print");
	enum writ_jail_role role = WRIT_JAIL_WORKER;
	struct shared *sh;
	FILE *f;
	int rc;

	if (argc != 3 && !print) {
		fprintf(stderr, "usage: syscalls [--print] worker|net TABLE\n");
		return 2;
	}
	if (!strcmp(argv[argc - 2], "net"))
		role = WRIT_JAIL_NET;
	f = fopen(argv[argc - 1], "re");
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!f || sh == MAP_FAILED) {
		fprintf(stderr, "syscalls: %s: %s\n", argv[argc - 1],
		    strerror(errno));
		return 2;
	}
	rc = run(f, sh, role, print);
	fclose(f);
	return rc;
}
