/*
 * wire.c - what the broker makes of a worker that has been taken over.
 * Runs hostile.c in the worker's place under a writ that grants one directory for reading,
 * once a row, and compares how the broker ended it with a table: wire.tsv, whose columns are
 * case, end, what the hostile program learnt, and the broker's one sentence.  An end may name
 * several; a sentence may stop at a '*' where it depends on how much arrived at once.
 *
 *   wire HOSTILE TABLE          differences are printed and are a failure
 *   wire HOSTILE --print TABLE  print the table with what was found
 *
 * Beside the table each row checks: the child is gone, no fd of the broker is left behind, it
 * took no longer than SLOW_NS, and nothing of the host changed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "broker/run.h"
#include "cap/clock.h"

#define SLOW_NS 20000000000ull
#define SECRET "swordfish"

struct place {
	char dir[128], hostile[4096];
	struct writ_policy *policy;
	struct writ_bytes code;
};

struct seen {
	char said[64];
	char why[WRIT_ERR_MSG_MAX];
	const char *end;
	uint64_t output;
	uint64_t ns;
};

static void
on_log(void *ctx, unsigned level, struct writ_str context, struct writ_str message)
{
	struct seen *s = ctx;

	if (writ_str_is(context, "hostile"))
		snprintf(s->said, sizeof(s->said), "%.*s",
		    WRIT_STR_ARG(message));
}

static bool
on_output(void *ctx, int which, const char *bytes, size_t len)
{
	struct seen *s = ctx;

	s->output += len;
	return true;
}

static void
put(const char *dir, const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static void
link_to(const char *dir, const char *name, const char *to)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (symlink(to, path))
		abort();
}

static bool
make_place(struct place *p, const char *hostile, struct writ_err *err)
{
	static const char base[] = "/tmp/writ-wire-XXXXXX";
	char doc[512], src[160];
	int fd = -1;

	memcpy(p->dir, base, sizeof(base));
	if (!mkdtemp(p->dir) || !realpath(hostile, p->hostile))
		return false;
	snprintf(src, sizeof(src), "%s/src", p->dir);
	if (mkdir(src, 0700))
		return false;
	put(src, "inside", "x");
	put(p->dir, "secret", SECRET);
	link_to(src, "out", "/etc/passwd");
	link_to(src, "up", "..");
	snprintf(doc, sizeof(doc), "writ: 1\nname: hostile\n"
	    "limits: { time: 1s, output: 1MiB }\n"
	    "files: [{ name: src, at: /src, from: \"host:%s\", mode: read }]\n",
	    src);
	if (writ_policy_parse(writ_str_from(doc), "wire.writ.yaml", &p->policy,
	    err) != WRIT_OK || writ_bytes_new(&fd, err) != WRIT_OK)
		return false;
	return write(fd, "code", 4) == 4 &&
	    writ_bytes_seal(fd, 4, &p->code, err) == WRIT_OK;
}

/* The number of entries of a folder, or of our open files. */
static unsigned
count(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void
remove_in(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static void
drop_place(struct place *p)
{
	char src[160];

	snprintf(src, sizeof(src), "%s/src", p->dir);
	writ_bytes_release(&p->code);
	writ_policy_free(p->policy);
	remove_in(src);
	remove_in(p->dir);
}

static const char *
end_name(enum writ_run_end end)
{
	static const char *const names[] = { "finished", "refused",
		"cancelled", "limit", "lost" };

	return names[end];
}

static void
fill(struct writ_run *run, const struct place *p, struct seen *s)
{
	const struct writ_policy *policy = p->policy;

	run->policy = policy;
	run->name = "hostile";
	run->setup.memory_bytes = policy->limits.memory_bytes;
	run->setup.time_ms = policy->limits.time_ms;
	run->setup.cpu_ms = policy->limits.cpu_ms;
	run->setup.output_bytes = policy->limits.output_bytes;
	run->setup.requests = policy->limits.requests;
	run->setup.handles = policy->limits.handles;
	run->setup.clock_resolution_ns = policy->clock_resolution_ns;
	run->setup.clock = (uint8_t)policy->clock;
	run->setup.random = (uint8_t)policy->random;
	run->stdin_fd = run->cancel_fd = -1;
	run->output = on_output;
	run->log = on_log;
	run->ctx = s;
}

static enum writ_status
serve(struct place *p, struct writ_run *run, struct writ_audit *audit,
    struct writ_err *err)
{
	static const uint8_t key[16] = { 1 };
	struct writ_record record;
	struct writ_files files;
	enum writ_status st;

	writ_record_init(&record, audit, p->policy, NULL, NULL);
	st = writ_files_init(&files, p->policy, &record, key, false, err);
	if (st == WRIT_OK) {
		run->record = &record;
		run->files = &files;
		st = writ_run_setup(run, &p->code, err);
		if (st == WRIT_OK)
			st = writ_run_command(run);
		if (st == WRIT_OK)
			st = writ_run_serve(run);
		writ_files_release(&files);
	}
	writ_record_release(&record);
	return st;
}

/* One hostile worker from start to end. */
static enum writ_status
try(struct place *p, const char *what, struct seen *s, struct writ_err *err)
{
	char program[512], log[160];
	struct writ_audit_config config = { .path = log,
		.session = WRIT_STR("hostile"), .principal = WRIT_STR("test") };
	writ_auto(writ_audit) audit = NULL;
	uint64_t start = writ_clock_host_ns();
	struct writ_run run;
	enum writ_status st;

	memset(s, 0, sizeof(*s));
	snprintf(log, sizeof(log), "%s/audit", p->dir);
	snprintf(program, sizeof(program), "%s/%s", p->dir, what);
	unlink(log);
	if (symlink(p->hostile, program) ||
	    writ_audit_open(&config, &audit, err) != WRIT_OK)
		return WRIT_IO;
	st = writ_run_start(&run, program, 0, false, err);
	fill(&run, p, s);
	if (st == WRIT_OK)
		st = serve(p, &run, audit, err);
	s->end = end_name(run.end);
	snprintf(s->why, sizeof(s->why), "%s", run.end == WRIT_RUN_LIMIT ?
	    run.limit : run.why);
	if (run.child.pid > 0)
		st = writ_fail(err, WRIT_IO, "the child was not reaped");
	writ_run_release(&run);
	unlink(program);
	s->ns = writ_clock_host_ns() - start;
	return st;
}

struct row {
	char what[64], end[16], said[64], why[WRIT_ERR_MSG_MAX];
};

/* Copy up to a tab. */
static void
cell(struct writ_str *rest, char *out, size_t cap)
{
	struct writ_str c = writ_str_cut(*rest, '\t', rest);

	snprintf(out, cap, "%.*s", WRIT_STR_ARG(c));
}

static bool
one_of(const char *want, const char *got)
{
	struct writ_str rest = writ_str_from(want), one;

	do {
		one = writ_str_cut(rest, '|', &rest);
		if (writ_str_is(one, got))
			return true;
	} while (rest.len);
	return false;
}

static bool
fits(const char *want, const char *got)
{
	size_t n = strlen(want);

	if (n && want[n - 1] == '*')
		return !strncmp(want, got, n - 1);
	return !strcmp(want, got);
}

static bool
side_effects(struct place *p, const struct row *r, const struct seen *s,
    unsigned fds)
{
	char src[160], text[32] = "";
	unsigned now = count("/proc/self/fd");
	int fd;

	snprintf(src, sizeof(src), "%s/src", p->dir);
	if (now != fds)
		printf("%s: %u fds became %u\n", r->what, fds, now);
	if (count(src) != 5)
		printf("%s: the granted folder changed\n", r->what);
	if (s->ns > SLOW_NS)
		printf("%s: took %llu ms\n", r->what,
		    (unsigned long long)(s->ns / 1000000));
	snprintf(src, sizeof(src), "%s/src/inside", p->dir);
	fd = open(src, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text)) != 1 || text[0] != 'x')
		printf("%s: the granted file changed\n", r->what);
	if (fd >= 0)
		close(fd);
	return now == fds && s->ns <= SLOW_NS && text[0] == 'x';
}

static bool
check(struct place *p, const struct row *r, bool print)
{
	unsigned fds = count("/proc/self/fd");
	struct writ_err err = { WRIT_OK, "" };
	struct seen s;
	enum writ_status st = try(p, r->what, &s, &err);
	const char *said = s.said[0] ? s.said : "-";
	const char *why = s.why[0] ? s.why : "-";

	if (st != WRIT_OK) {
		printf("%s: %s: %s\n", r->what, writ_status_name(st), err.msg);
		return false;
	}
	if (print) {
		printf("%s\t%s\t%s\t%s\n", r->what, s.end, said, why);
		return side_effects(p, r, &s, fds);
	}
	if (!one_of(r->end, s.end) || strcmp(said, r->said) ||
	    !fits(r->why, why)) {
		printf("%s: expected %s, %s, \"%s\"; got %s, %s, \"%s\"\n",
		    r->what, r->end, r->said, r->why, s.end, said, why);
		return false;
	}
	return side_effects(p, r, &s, fds);
}

static int
run_table(FILE *f, struct place *p, bool print)
{
	unsigned rows = 0, bad = 0;
	char line[1024];

	while (fgets(line, sizeof(line), f)) {
		struct writ_str rest;
		struct row r;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#') {
			if (print)
				puts(line);
			continue;
		}
		rest = writ_str_from(line);
		cell(&rest, r.what, sizeof(r.what));
		cell(&rest, r.end, sizeof(r.end));
		cell(&rest, r.said, sizeof(r.said));
		cell(&rest, r.why, sizeof(r.why));
		rows++;
		bad += !check(p, &r, print);
		fflush(stdout);
	}
	if (!print)
		printf("%u rows, %u differ\n", rows, bad);
	return bad || rows < 150;
}

int
main(int argc, char **argv)
{
	bool print = argc == 4 && !strcmp(argv[2], "--print");
	struct place place = { .code = WRIT_BYTES_NONE };
	struct writ_err err = { WRIT_OK, "" };
	FILE *f;
	int rc = 2;

	if (argc != 3 && !print) {
		fprintf(stderr, "usage: wire HOSTILE [--print] TABLE\n");
		return 2;
	}
	f = fopen(argv[argc - 1], "re");
	if (!f || writ_hash_init() != WRIT_OK) {
		fprintf(stderr, "wire: %s: %s\n", argv[argc - 1],
		    strerror(errno));
		return 2;
	}
	writ_json_init();
	if (make_place(&place, argv[1], &err))
		rc = run_table(f, &place, print);
	else
		fprintf(stderr, "wire: %s\n", err.msg);
	drop_place(&place);
	fclose(f);
	return rc;
}
