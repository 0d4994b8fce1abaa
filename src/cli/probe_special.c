#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cli/probe.h"

#define RO "files:\n  - { name: d, at: /d, from: \"host:./granted\" }\n"
#define LIST_MAX (256 * 1024)
#define FACTS_MAX 512
#define LOOKS_MAX 400			/* of 5 ms */

/* ---- FSP-list: our own generator of traversals */

static void
add_path(struct writ_buf *list, unsigned *count, const char *fmt, ...)
    WRIT_PRINTF(3, 4);
static void
add_path(struct writ_buf *list, unsigned *count, const char *fmt, ...)
{
	char path[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	writ_buf_hex(list, path, (size_t)n);
	writ_buf_char(list, '\n');
	++*count;
}

/* How one might write "..", by class: plain, slashed, encoded, spaced, ... */
static const char *const ups[] = { "..", "../.", ".//..", "./..", "..//",
	".././", "sub/../..", "sub/./../..", "sub//..//..", "link/..",
	"%2e%2e", "%252e%252e", "..%2f", "%2e.", ".%2e", "..%5c", "..\\",
	"..;", "..\t", ".. ", ". .", "...", "....", "..%00", "..%c0%af",
	"\xe2\x80\xa5", "\xef\xbc\x8e\xef\xbc\x8e", "..\xe2\x88\x95" };
static const char *const ends[] = { "secret", "secret/", "./secret",
	"outside/secret", "etc/passwd" };

static unsigned
make_list(struct writ_buf *list)
{
	size_t i, k, depth, j;
	unsigned count = 0;

	for (i = 0; i < sizeof(ups) / sizeof(ups[0]); i++)
		for (k = 0; k < sizeof(ends) / sizeof(ends[0]); k++)
			for (depth = 1; depth <= 4; depth++) {
				char path[512] = "";
				size_t n = 0;

				for (j = 0; j < depth; j++)
					n += (size_t)snprintf(path + n,
					    sizeof(path) - n, "%s/", ups[i]);
				add_path(list, &count, "%s%s", path, ends[k]);
			}
	for (k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
		add_path(list, &count, "/%s", ends[k]);
		add_path(list, &count, "//%s", ends[k]);
		add_path(list, &count, "/proc/self/root/%s", ends[k]);
		add_path(list, &count, "file/../../%s", ends[k]);
		add_path(list, &count, "up/%s", ends[k]);
		add_path(list, &count, "up/up/../%s", ends[k]);
		add_path(list, &count, "abs/%s", ends[k]);
	}
	return count;
}

static unsigned
number_after(const struct writ_buf *output, const char *word)
{
	struct writ_str o = writ_buf_view(output), rest;
	const char *at = o.len ? memmem(o.ptr, o.len, word, strlen(word)) : NULL;
	uint64_t n = 0;

	if (!at)
		return 0;
	at += strlen(word);
	rest = writ_str(at, (size_t)(o.ptr + o.len - at));
	(void)!writ_str_u64(writ_str(at, strspn(at, "0123456789") < rest.len ?
	    strspn(at, "0123456789") : rest.len), UINT32_MAX, &n);
	return (unsigned)n;
}

/* Every refusal that the guest met stands in the log once, and none beside. */
static void
check_list(const struct probe_run *run, unsigned count, struct probe_result *r)
{
	struct probe_log log;
	unsigned tried = number_after(&run->output, "tried=");
	unsigned refused = number_after(&run->output, "refused=");
	unsigned opened = number_after(&run->output, "opened=");

	probe_point(&r->refused, tried == count && opened == 0 && refused > 0,
	    "%u paths: %u tried, %u refused, %u opened", count, tried, refused,
	    opened);
	probe_log_read(run->audit, "malformed", NULL, &log);
	probe_point(&r->audit, log.denied == refused && log.others == 0,
	    "%u refusals met, %u recorded as malformed, %u otherwise", refused,
	    log.denied, log.others);
}

void
probe_paths(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	struct probe_place place;
	struct probe_run run;
	writ_auto_release(writ_buf) list;
	struct probe_ask ask = { NULL, "probe/ops", "list", RO, NULL };
	unsigned count;

	writ_buf_init(&list, LIST_MAX);
	count = make_list(&list);
	writ_buf_char(&list, '\0');
	if (!probe_place_open(&place, "d granted/sub\nf granted/file inside\n"
	    "l granted/link sub\nl granted/up ..\nl granted/abs /\n") ||
	    writ_buf_status(&list) != WRIT_OK) {
		probe_place_close(&place);
		probe_point(&r->refused, false, "host tree");
		return;
	}
	ask.input = (const char *)list.ptr;
	probe_run(suite, &place, &ask, &run);
	check_list(&run, count, r);
	probe_point(&r->canary, !memmem(run.output.ptr ? run.output.ptr :
	    (const uint8_t *)"", run.output.len, place.token,
	    strlen(place.token)), "canary not in the output");
	probe_place_check(&place, NULL, &r->canary);
	probe_run_release(&run);
	/* "link/../file": up and down again inside the grant */
	ask.input = "66696c65\n7375622f2e2e2f66696c65\n";
	probe_place_close(&place);
	if (!probe_place_open(&place, "d granted/sub\nf granted/file inside\n"))
		return;
	probe_run(suite, &place, &ask, &run);
	probe_point(&r->control, number_after(&run.output, "opened=") == 2,
	    "two paths inside opened");
	probe_run_release(&run);
	probe_place_close(&place);
}

/* ---- FSL-08: the race */

static pid_t
start_swapping(const struct probe_place *p)
{
	char dir[512], link[512];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(dir, sizeof(dir), "%s/granted/dir", p->dir);
	snprintf(link, sizeof(link), "%s/granted/away", p->dir);
	/* At most a minute, should the runner die. */
	alarm(60);
	for (;;)
		syscall(SYS_renameat2, AT_FDCWD, dir, AT_FDCWD, link, 2u);
}

static void
stop(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

void
probe_swap(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	static const char tree[] = "d granted/dir\nf granted/dir/file inside\n"
	    "f outside/file $\nl granted/away ../outside\n";
	struct probe_place place;
	struct probe_run run;
	struct probe_ask ask = { NULL, "attack-fs-c", "/d FSL-08", RO, NULL };
	struct probe_log log;
	pid_t pid = -1;

	if (!probe_place_open(&place, tree) ||
	    (pid = start_swapping(&place)) < 0) {
		probe_point(&r->refused, false, "set-up: %s", strerror(errno));
		probe_place_close(&place);
		return;
	}
	probe_run(suite, &place, &ask, &run);
	stop(pid);
	probe_run_ended(&run, PROBE_EXITS_0, NULL, "FSL-08 refused",
	    &r->refused);
	probe_point(&r->canary, !memmem(run.output.ptr ? run.output.ptr :
	    (const uint8_t *)"", run.output.len, place.token,
	    strlen(place.token)), "100,000 opens, canary never read");
	probe_place_check(&place, NULL, &r->canary);
	probe_log_read(run.audit, "malformed", NULL, &log);
	probe_point(&r->audit, log.ends == 1 && log.others == 0 && log.denied &&
	    log.denied == run.result.refused,
	    "%u refusals recorded as malformed, %u otherwise, %llu counted",
	    log.denied, log.others, (unsigned long long)run.result.refused);
	probe_run_release(&run);
	probe_place_close(&place);
	if (!probe_place_open(&place, tree))
		return;
	ask.guest = "probe/ops";
	ask.args = "read:/d/dir/file";
	probe_run(suite, &place, &ask, &run);
	probe_run_ended(&run, PROBE_EXITS_0, NULL, "ok inside", &r->control);
	probe_run_release(&run);
	probe_place_close(&place);
}

/* ---- FSL-09, FSP-13, FSL-13 */

void
probe_root_link(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	struct probe row = { .id = probe->id, .guest = "probe/ops",
		.args = "read:/d/secret", .end = PROBE_REFUSED,
		.tree = "l drift outside\nf granted/secret inside\n", .writ =
		"files:\n  - { name: d, at: /d, from: \"host:./drift\" }\n",
		.ok_writ = RO, .ok_line = "ok inside" };

	probe_do(suite, &row, r);
}

/* Each writ must load as exactly one mount, or not at all. */
void
probe_odd_names(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	static const char *const names[] = { "a:b", "a::b", "a::/x::rw",
		"a\nb", "a\n  - { name: e, at: /e, from: \"host:/\" }" };
	struct writ_policy *policy;
	struct writ_err err;
	unsigned exact = 0, refused = 0;
	char *json;
	size_t i;

	probe_point(&r->refused, true, "parsed as one mount or refused");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		writ_auto_json d = NULL;

		policy = NULL;
		json = NULL;
		if (writ_policy_void(&policy, &err) != WRIT_OK ||
		    writ_policy_grant_dir(policy, names[i], "/d", false, &err)
		    != WRIT_OK) {
			refused++;
		} else if (writ_policy_json(policy, &json, &err) == WRIT_OK &&
		    writ_json_parse(writ_str_from(json), &d, &err) == WRIT_OK &&
		    json_array_size(json_object_get(d, "files")) == 1) {
			exact++;
		} else {
			probe_point(&r->refused, false, "name %zu: %s", i,
			    err.msg);
		}
		writ_free(json);
		writ_policy_free(policy);
	}
	probe_point(&r->canary, r->refused.seen, "%u exact, %u refused, no "
	    "second grant", exact, refused);
	probe_point(&r->audit, true, "nothing was run: checked in the policy");
	policy = NULL;
	probe_point(&r->control, writ_policy_void(&policy, &err) == WRIT_OK &&
	    writ_policy_grant_dir(policy, "plain", "/d", false, &err) ==
	    WRIT_OK, "a plain name is granted");
	writ_policy_free(policy);
}

/* /dev/shm is a file system of its own inside /dev. */
void
probe_mount(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	struct stat dev, shm;
	char name[128], args[256], ok_args[256];
	struct probe row = { .id = probe->id, .guest = "probe/ops",
		.args = args, .ok_args = ok_args, .end = PROBE_EXITS_1,
		.writ = "files:\n  - { name: d, at: /d, from: \"host:/dev\" }\n",
		.ok_writ =
		"files:\n  - { name: d, at: /d, from: \"host:/dev/shm\" }\n",
		.failures = 1, .line = "errno=", .ok_line = "ok inside" };
	int fd;

	snprintf(name, sizeof(name), "/dev/shm/writ-probe-%d", (int)getpid());
	if (stat("/dev", &dev) || stat("/dev/shm", &shm) ||
	    dev.st_dev == shm.st_dev || (fd = open(name, O_WRONLY | O_CREAT |
	    O_EXCL | O_CLOEXEC, 0644)) < 0) {
		snprintf(r->reason, sizeof(r->reason), "no writable /dev/shm "
		    "mounted inside /dev here, and mounting needs root");
		return;
	}
	(void)!write(fd, "inside", 6);
	close(fd);
	snprintf(args, sizeof(args), "read:/d/shm/writ-probe-%d",
	    (int)getpid());
	snprintf(ok_args, sizeof(ok_args), "read:/d/writ-probe-%d",
	    (int)getpid());
	probe_do(suite, &row, r);
	unlink(name);
}

/* ---- AMB-13: the worker from outside */

static bool
read_proc(pid_t pid, const char *name, char *out, size_t cap)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, out, cap - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

static pid_t
find_worker(pid_t parent)
{
	char name[64], list[1024], comm[64];
	struct writ_str left, one;
	uint64_t pid;

	snprintf(name, sizeof(name), "task/%d/children", (int)parent);
	if (!read_proc(parent, name, list, sizeof(list)))
		return 0;
	left = writ_str_from(list);
	while (left.len) {
		one = writ_str_cut(left, ' ', &left);
		if (writ_str_u64(one, INT32_MAX, &pid) != WRIT_OK)
			continue;
		if (read_proc((pid_t)pid, "comm", comm, sizeof(comm)) &&
		    !strncmp(comm, "writ-worker", 11))
			return (pid_t)pid;
	}
	return 0;
}

/* Whether descriptor `n` is something else than the sealed memory that the code was
 * mapped from.  Its name is hidden from whoever lacks CAP_SYS_PTRACE: then it may be. */
static bool
is_foreign(pid_t pid, uint64_t n)
{
	char path[64], to[256];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, (int)n);
	len = readlink(path, to, sizeof(to) - 1);
	return len >= 0 && (len < 7 || memcmp(to, "/memfd:", 7));
}

/* Open descriptors, or -1 when even the count is hidden; *beyond gets how many there are
 * above the wire's, 99 if one of them is no memory. */
static int
count_fds(pid_t pid, int *beyond)
{
	char path[64];
	struct dirent *e;
	uint64_t n;
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	*beyond = 0;
	while ((e = readdir(dir)))
		if (writ_str_u64(writ_str_from(e->d_name), 65535, &n) ==
		    WRIT_OK) {
			count++;
			if (n > 3)
				*beyond += is_foreign(pid, n) ? 99 : 1;
		}
	closedir(dir);
	return count;
}

static void
look(pid_t worker, const char *status, int fd)
{
	char env[64], facts[FACTS_MAX];
	int beyond = 0, fds = count_fds(worker, &beyond);
	bool readable = read_proc(worker, "environ", env, sizeof(env));
	struct stat st;
	char path[64];
	int n;

	snprintf(path, sizeof(path), "/proc/%d", (int)worker);
	if (stat(path, &st))
		memset(&st, 0, sizeof(st));
	n = snprintf(facts, sizeof(facts), "%d %d %d %d %d %d %d|%d fds, %d of "
	    "them beyond 0-3 (its code), environ %s",
	    strstr(status, "\nNoNewPrivs:\t1\n") != NULL,
	    strstr(status, "\nSeccomp:\t2\n") != NULL,
	    strstr(status, "\nGroups:\t \n") != NULL ||
	    strstr(status, "\nGroups:\t\n") != NULL,
	    strstr(status, "\nCapEff:\t0000000000000000\n") != NULL,
	    geteuid() != 0 || !strstr(status, "\nUid:\t0\t"),
	    fds < 0 || (fds - beyond == 4 && beyond <= 1),
	    readable ? env[0] == '\0' : 1, fds, beyond,
	    readable ? "empty" : "unreadable (undumpable)");
	cli_write(fd, facts, (size_t)n);
}

/* In a process of its own, while the parent runs the guest. */
static void
inspect_child(pid_t parent, int fd)
{
	struct timespec pause = { 0, 5 * 1000 * 1000 };
	char status[4096];
	pid_t worker;
	int i;

	for (i = 0; i < LOOKS_MAX; i++) {
		nanosleep(&pause, NULL);
		worker = find_worker(parent);
		if (worker && read_proc(worker, "status", status,
		    sizeof(status)) && strstr(status, "\nSeccomp:\t2\n")) {
			look(worker, status, fd);
			_exit(0);
		}
	}
	_exit(1);
}

static void
check_facts(const char *facts, struct probe_result *r)
{
	static const char *const names[] = { "no_new_privs", "seccomp",
		"no groups", "no capabilities", "not root", "fds 0-3 and code only",
		"no environment" };
	const char *words = strchr(facts, '|');
	size_t i;

	probe_point(&r->refused, words != NULL, "%s", words ? words + 1 :
	    "no jailed worker was seen");
	probe_point(&r->canary, words != NULL, "%s", "read from /proc/PID/"
	    "{status,fd,environ}; Landlock shows nowhere: see tests/unit/jail");
	for (i = 0; words && i < sizeof(names) / sizeof(names[0]); i++)
		if (facts[2 * i] != '1')
			probe_point(&r->refused, false, "not so: %s (%s)",
			    names[i], words + 1);
}

void
probe_worker(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	struct probe_ask ask = { NULL, "test/spin", NULL,
		"limits: { cpu: 1s }\n", NULL };
	struct probe_place place;
	struct probe_run run;
	char facts[FACTS_MAX] = "", status[4096] = "";
	pid_t pid, self = getpid();
	struct probe_log log;
	int fds[2];
	ssize_t n;

	if (!probe_place_open(&place, NULL) || pipe2(fds, O_CLOEXEC))
		return;
	pid = fork();
	if (pid == 0)
		inspect_child(self, fds[1]);
	close(fds[1]);
	probe_run(suite, &place, &ask, &run);
	n = read(fds[0], facts, sizeof(facts) - 1);
	facts[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	if (pid > 0)
		stop(pid);
	check_facts(facts, r);
	probe_log_read(run.audit, NULL, NULL, &log);
	probe_point(&r->audit, log.limits == 1 && log.ends == 1,
	    "%u limit, %u end", log.limits, log.ends);
	/* The control: an ordinary process, this one, has none of that. */
	(void)!read_proc(self, "status", status, sizeof(status));
	probe_point(&r->control, strstr(status, "\nSeccomp:\t0\n") != NULL ||
	    !strstr(status, "\nSeccomp:\t2\n"), "this process has no filter");
	probe_run_release(&run);
	probe_place_close(&place);
}
