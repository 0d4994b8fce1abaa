/* fixture.c - see fixture.h. */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static int64_t
wall_ms(void *ctx)
{
	return ((struct fixture *)ctx)->wall_ms;
}

static uint64_t
mono_ns(void *ctx)
{
	return ((struct fixture *)ctx)->mono_ns;
}

int
fixture_setup(void **state)
{
	struct fixture *f = writ_alloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	if (!f)
		return -1;
	snprintf(f->dir, sizeof(f->dir), "%.40s/writ-audit-XXXXXX",
	    tmp ? tmp : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/log.jsonl", f->dir);
	f->wall_ms = 1795552255123;	/* 2026-11-24T20:30:55.123Z */
	f->mono_ns = 42;
	f->clock = (struct writ_audit_clock){ wall_ms, mono_ns, f };
	*state = f;
	return 0;
}

static void
remove_tree(const char *path)
{
	char below[512];
	struct dirent *e;
	DIR *d = opendir(path);

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		if (unlink(below))
			remove_tree(below);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	remove_tree(f->dir);
	writ_mem_free(f);
	return 0;
}

enum writ_status
fixture_open(struct fixture *f, struct writ_audit **a, struct writ_err *err)
{
	struct writ_audit_config c = {
		.path = f->path,
		.session = WRIT_STR("s1"),
		.principal = WRIT_STR("uid:7"),
		.clock = &f->clock,
		.max_bytes = f->max_bytes,
	};

	return writ_audit_open(&c, a, err);
}

struct writ_audit *
fixture_must_open(struct fixture *f)
{
	struct writ_audit *a = NULL;
	struct writ_err err = { 0 };

	if (fixture_open(f, &a, &err) != WRIT_OK)
		fail_msg("open: %s", err.msg);
	return a;
}

struct writ_audit_decision
fixture_decision(enum writ_audit_verdict v)
{
	struct writ_audit_decision d = {
		.kind = WRIT_STR("files"),
		.op = WRIT_STR("open"),
		.target = WRIT_STR("/src/a.txt"),
		.verdict = v,
	};

	if (v == WRIT_AUDIT_DENY) {
		d.rule = WRIT_STR("unmatched");
		d.reason = WRIT_STR("no grant covers it");
	} else {
		d.grant = WRIT_STR("src");
		d.rule = WRIT_STR("files.src");
	}
	return d;
}

unsigned
fixture_decide(struct writ_audit *a, struct writ_audit_decision d, unsigned n)
{
	unsigned ids = 0, i;
	uint64_t id;

	for (i = 0; i < n; i++) {
		id = UINT64_MAX;
		assert_int_equal(writ_audit_decide(a, &d, &id, NULL), WRIT_OK);
		assert_true(id != UINT64_MAX);
		ids += id != 0;
	}
	return ids;
}

struct writ_buf
fixture_read(const char *path)
{
	struct writ_buf b;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p;
	ssize_t n;

	assert_true(fd >= 0);
	writ_buf_init(&b, 16 * 1024 * 1024);
	do {
		p = writ_buf_room(&b, 65536);
		assert_non_null(p);
		n = read(fd, p, 65536);
		assert_true(n >= 0);
		writ_buf_grew(&b, (size_t)n);
	} while (n);
	close(fd);
	return b;
}

void
fixture_write(const char *path, struct writ_str bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
	close(fd);
}

struct writ_str
fixture_line(const struct writ_buf *file, size_t i)
{
	struct writ_str rest = writ_buf_view(file), line;

	do {
		if (!rest.len)
			return writ_str(NULL, 0);
		line = writ_str_cut(rest, '\n', &rest);
	} while (i--);
	return line;
}

size_t
fixture_lines(const struct writ_buf *file)
{
	size_t n = 0, i;

	for (i = 0; i < file->len; i++)
		n += file->ptr[i] == '\n';
	return n;
}

bool
fixture_has(struct writ_str s, const char *text)
{
	return s.len && memmem(s.ptr, s.len, text, strlen(text));
}

void
fixture_verify(struct fixture *f, uint64_t bad_line, const char *why)
{
	struct writ_audit_report r;
	struct writ_err err = { 0 };
	enum writ_status st = writ_audit_verify(f->path, &r, &err);

	if (bad_line == 0) {
		if (st != WRIT_OK)
			fail_msg("verify: %s", err.msg);
		assert_int_equal(r.bad_line, 0);
		return;
	}
	assert_int_equal(st, WRIT_INVALID);
	assert_int_equal(r.bad_line, bad_line);
	if (!strstr(err.msg, why))
		fail_msg("verify said: %s", err.msg);
}
