/* verify.c - a whole log checked; see audit.h. */
#include <errno.h>
#include <fcntl.h>

#include "audit/audit.h"
#include "audit/line.h"
#include "base/json.h"
#include "base/limits.h"

/* Must be one JSON object that has what every record has. */
static enum writ_status
check_members(struct writ_str line, const char **why)
{
	writ_auto_json j = NULL;
	struct writ_err err = { 0 };
	struct writ_str s;
	uint64_t v;
	enum writ_status st = writ_json_parse_nul(line, &j, &err);

	if (st == WRIT_NOMEM)
		return st;
	*why = "is not JSON";
	if (st != WRIT_OK)
		return WRIT_INVALID;
	*why = "lacks a member that every record has";
	if (writ_json_str(j, "time", &s) != WRIT_OK ||
	    writ_json_u64(j, "mono_ns", &v) != WRIT_OK ||
	    writ_json_str(j, "session", &s) != WRIT_OK ||
	    writ_json_str(j, "type", &s) != WRIT_OK)
		return WRIT_INVALID;
	return WRIT_OK;
}

static enum writ_status
check_record(struct writ_str line, struct writ_audit_report *r, const char **why)
{
	struct writ_audit_link link;
	enum writ_status st = writ_audit_line_check(line, &link, why);

	if (st != WRIT_OK)
		return st;
	*why = "its number does not follow the one before";
	if (link.seq != r->records + 1)
		return WRIT_INVALID;
	*why = "it is not chained to the record before";
	if (memcmp(link.prev.b, r->last.b, sizeof(link.prev.b)))
		return WRIT_INVALID;
	st = check_members(line, why);
	if (st != WRIT_OK)
		return st;
	r->records++;
	r->last = link.hash;
	return WRIT_OK;
}

static enum writ_status
bad(struct writ_audit_report *r, const char *path, const char *why,
    struct writ_err *err)
{
	r->bad_line = r->records + 1;
	return writ_fail(err, WRIT_INVALID, "audit log %s: record %llu: %s",
	    path, (unsigned long long)r->bad_line, why);
}

/* Check the whole lines in the buffer and drop them. */
static enum writ_status
check_lines(struct writ_buf *b, const char *path, struct writ_audit_report *r,
    struct writ_err *err)
{
	struct writ_str left = writ_buf_view(b), line;
	const char *nl, *why = NULL;
	enum writ_status st;

	while (left.len && (nl = memchr(left.ptr, '\n', left.len))) {
		line = writ_str(left.ptr, (size_t)(nl - left.ptr));
		st = check_record(line, r, &why);
		if (st == WRIT_NOMEM)
			return writ_fail(err, st, "audit log: check");
		if (st != WRIT_OK)
			return bad(r, path, why, err);
		left = writ_str_skip(left, line.len + 1);
	}
	writ_buf_consume(b, b->len - left.len);
	return WRIT_OK;
}

enum writ_status
writ_audit_verify(const char *path, struct writ_audit_report *report,
    struct writ_err *err)
{
	writ_auto_release(writ_buf) b = { 0 };
	writ_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum writ_status st;
	ssize_t n;
	void *p;

	memset(report, 0, sizeof(*report));
	if (fd < 0)
		return writ_fail(err, errno == ENOENT ? WRIT_NOENT : WRIT_IO,
		    "audit log %s: %s", path, strerror(errno));
	writ_buf_init(&b, WRIT_AUDIT_RECORD_MAX + 1);
	for (;;) {
		if (b.len > WRIT_AUDIT_RECORD_MAX)
			return bad(report, path, "it is too long", err);
		p = writ_buf_room(&b, WRIT_AUDIT_RECORD_MAX + 1 - b.len);
		if (!p)
			return writ_fail(err, WRIT_NOMEM, "audit log: check");
		n = read(fd, p, WRIT_AUDIT_RECORD_MAX + 1 - b.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return writ_fail(err, WRIT_IO, "audit log %s: %s", path,
			    strerror(errno));
		if (n == 0)
			break;
		writ_buf_grew(&b, (size_t)n);
		st = check_lines(&b, path, report, err);
		if (st != WRIT_OK)
			return st;
	}
	if (b.len)
		return bad(report, path, "it is torn (no line end)", err);
	return WRIT_OK;
}
