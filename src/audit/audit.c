/* audit.c - the records; see audit.h. */
#include "audit/audit.h"

#include <time.h>

#include "audit/count.h"
#include "audit/file.h"
#include "audit/line.h"
#include "audit/path.h"
#include "base/limits.h"
#include "base/vec.h"

#define PRINCIPAL_MAX 256
#define FILTERED_MAX (16 * WRIT_AUDIT_RECORD_MAX)	/* bytes of one text */

/* How often decisions of one verdict were taken, and how many were only counted. */
struct totals {
	uint64_t all, counted;
};

struct writ_audit {
	struct writ_audit_file file;
	struct writ_audit_clock clock;
	struct writ_buf line;
	struct writ_audit_filter filter;
	struct writ_vec counts;
	struct totals totals[WRIT_AUDIT_DENY + 1];
	uint64_t max_bytes, bytes;
	bool full;		/* the record about max_bytes is written */
	char session[WRIT_AUDIT_SESSION_MAX + 1];
	char principal[PRINCIPAL_MAX];
};

static int64_t
system_wall_ms(void *ctx)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static uint64_t
system_mono_ns(void *ctx)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static const struct writ_audit_clock system_clock = { system_wall_ms,
	system_mono_ns, NULL };

enum writ_status
writ_audit_open(const struct writ_audit_config *config, struct writ_audit **out,
    struct writ_err *err)
{
	writ_auto(writ_audit) a = NULL;
	enum writ_status st;

	if (!writ_audit_session_ok(config->session))
		return writ_fail(err, WRIT_INVALID,
		    "audit log: a session id has 1 to %d letters, digits, "
		    "'-', '_', '.'", WRIT_AUDIT_SESSION_MAX);
	a = writ_alloc(1, sizeof(*a));
	if (!a)
		return writ_fail(err, WRIT_NOMEM, "audit log");
	a->file.fd = -1;
	writ_buf_init(&a->filter.clean, FILTERED_MAX);
	a->clock = config->clock ? *config->clock : system_clock;
	a->max_bytes = config->max_bytes;
	writ_vec_init(&a->counts, sizeof(struct writ_audit_count),
	    WRIT_AUDIT_COUNTS_MAX);
	writ_buf_init(&a->line, WRIT_AUDIT_RECORD_MAX);
	/* Had now, so that recording does not depend on memory later. */
	if (!writ_buf_room(&a->line, WRIT_AUDIT_RECORD_MAX))
		return writ_fail(err, WRIT_NOMEM, "audit log");
	st = writ_str_cstr(config->session, a->session, sizeof(a->session));
	if (st == WRIT_OK)
		st = writ_str_cstr(config->principal, a->principal,
		    sizeof(a->principal));
	if (st != WRIT_OK)
		return writ_fail(err, WRIT_INVALID,
		    "audit log: the principal's name is malformed");
	st = writ_audit_file_open(config->path, &a->file, err);
	if (st != WRIT_OK)
		return st;
	*out = writ_steal(&a);
	return WRIT_OK;
}

void
writ_audit_filter(struct writ_audit *a,
    void (*filter)(void *ctx, struct writ_str text, struct writ_buf *out),
    void *ctx)
{
	a->filter.apply = filter;
	a->filter.ctx = ctx;
}

uint64_t
writ_audit_records(const struct writ_audit *a)
{
	return a->file.seq;
}

void
writ_audit_free(struct writ_audit *a)
{
	if (!a)
		return;
	writ_audit_file_release(&a->file);
	writ_buf_release(&a->line);
	writ_buf_release(&a->filter.clean);
	writ_vec_release(&a->counts);
	writ_mem_free(a);
}

static struct writ_audit_line
begin(struct writ_audit *a, const char *type)
{
	struct writ_audit_head head = {
		.seq = a->file.seq + 1,
		.wall_ms = a->clock.wall_ms(a->clock.ctx),
		.mono_ns = a->clock.mono_ns(a->clock.ctx),
		.session = writ_str_from(a->session),
		.type = type,
	};
	struct writ_audit_line l;

	writ_audit_line_begin(&l, &a->line, &head);
	l.filter = a->filter.apply ? &a->filter : NULL;
	return l;
}

/* End the line without writing it. */
static enum writ_status
seal(struct writ_audit *a, struct writ_audit_line *l, struct writ_digest *hash,
    struct writ_err *err)
{
	enum writ_status st = writ_audit_line_end(l, &a->file.last, hash);

	if (st != WRIT_OK)
		return writ_fail(err, st, "audit log: record");
	return WRIT_OK;
}

static enum writ_status
append(struct writ_audit *a, const struct writ_digest *hash, bool durable,
    struct writ_err *err)
{
	struct writ_str line = writ_buf_view(&a->line);
	enum writ_status st;

	st = writ_audit_file_append(&a->file, line, hash, durable, err);
	if (st == WRIT_OK)
		a->bytes += line.len;
	return st;
}

static enum writ_status
commit(struct writ_audit *a, struct writ_audit_line *l, bool durable,
    struct writ_err *err)
{
	struct writ_digest hash;
	enum writ_status st = seal(a, l, &hash, err);

	return st == WRIT_OK ? append(a, &hash, durable, err) : st;
}

enum writ_status
writ_audit_limit(struct writ_audit *a, struct writ_str limit, uint64_t max,
    struct writ_str reason, struct writ_err *err)
{
	struct writ_audit_line l = begin(a, "limit");

	writ_audit_line_text(&l, "limit", limit);
	writ_audit_line_u64(&l, "max", max);
	writ_audit_line_text(&l, "reason", reason);
	return commit(a, &l, false, err);
}

/*
 * As commit, within the session's bytes.  The first time there is no room, that is
 * recorded; from then on WRIT_LIMIT.
 */
static enum writ_status
commit_within(struct writ_audit *a, struct writ_audit_line *l, bool durable,
    struct writ_err *err)
{
	struct writ_digest hash;
	enum writ_status st = seal(a, l, &hash, err);

	if (st != WRIT_OK)
		return st;
	if (a->max_bytes == 0 || (!a->full && a->bytes <= a->max_bytes &&
	    a->line.len <= a->max_bytes - a->bytes))
		return append(a, &hash, durable, err);
	if (!a->full) {
		st = writ_audit_limit(a, WRIT_STR("audit"), a->max_bytes,
		    WRIT_STR("this session's share of the audit log is used up"),
		    err);
		if (st != WRIT_OK)
			return st;
		a->full = true;
	}
	return writ_fail(err, WRIT_LIMIT,
	    "audit log: this session's share is used up");
}

enum writ_status
writ_audit_session_start(struct writ_audit *a, const struct writ_audit_start *s,
    struct writ_err *err)
{
	struct writ_audit_line l = begin(a, "session-start");

	writ_audit_line_text(&l, "principal", writ_str_from(a->principal));
	writ_audit_line_text(&l, "component", s->component);
	writ_audit_line_text(&l, "component_name", s->component_name);
	writ_audit_line_text(&l, "writ", s->writ);
	writ_audit_line_text(&l, "writ_name", s->writ_name);
	writ_audit_line_text(&l, "engine", s->engine);
	writ_audit_line_text(&l, "program", s->program);
	writ_audit_line_text(&l, "args", s->args);
	writ_audit_line_list(&l, "void", s->void_imports, s->void_count);
	writ_audit_line_list(&l, "walls_missing", s->walls_missing,
	    s->walls_count);
	if (s->resolver.ptr) {
		writ_audit_line_text(&l, "resolver", s->resolver);
		writ_audit_line_list(&l, "authorities", s->authorities,
		    s->authorities_count);
	}
	return commit(a, &l, false, err);
}

static void
put_request(struct writ_audit_line *l, const struct writ_audit_request *r)
{
	writ_buf_cstr(l->b, "{\"method\":");
	writ_audit_line_value(l, r->method);
	writ_audit_line_text(l, "path", r->path);
	writ_audit_line_u64(l, "status", r->status);
	writ_audit_line_text(l, "outcome", r->outcome);
	if (r->detail.len)
		writ_audit_line_text(l, "detail", r->detail);
	writ_audit_line_u64(l, "up", r->up);
	writ_audit_line_u64(l, "down", r->down);
	writ_audit_line_u64(l, "wall_us", r->wall_us);
	writ_audit_line_u64(l, "cpu_us", r->cpu_us);
	writ_buf_char(l->b, '}');
}

enum writ_status
writ_audit_served(struct writ_audit *a, const struct writ_audit_served *s,
    bool (*next)(void *ctx, struct writ_audit_request *out), void *ctx,
    uint64_t *written, struct writ_err *err)
{
	struct writ_audit_request r;
	struct writ_audit_line l;
	enum writ_status st;
	bool more = next(ctx, &r), first = true;
	uint64_t n;

	*written = 0;
	do {
		l = begin(a, "served");
		writ_audit_line_u64(&l, "malformed", first ? s->malformed : 0);
		writ_audit_line_u64(&l, "busy", first ? s->busy : 0);
		first = false;
		writ_audit_line_key(&l, "requests");
		writ_buf_char(l.b, '[');
		for (n = 0; more && l.b->len < WRIT_AUDIT_RECORD_MAX / 2; n++) {
			if (n)
				writ_buf_char(l.b, ',');
			put_request(&l, &r);
			more = next(ctx, &r);
		}
		writ_buf_char(l.b, ']');
		st = commit_within(a, &l, false, err);
		*written += st == WRIT_OK ? n : 0;
	} while (st == WRIT_OK && more);
	return st;
}

enum writ_status
writ_audit_call_start(struct writ_audit *a, const struct writ_audit_call *c,
    struct writ_err *err)
{
	struct writ_audit_line l = begin(a, "call-start");

	writ_audit_line_u64(&l, "call", c->call);
	writ_audit_line_text(&l, "function", c->function);
	writ_audit_line_text(&l, "tool", c->tool);
	writ_audit_line_text(&l, "args", c->args);
	writ_audit_line_text(&l, "client", c->client);
	writ_audit_line_text(&l, "parent", c->parent);
	return commit(a, &l, false, err);
}

static enum writ_status
decision_record(struct writ_audit *a, const struct writ_audit_decision *d,
    struct writ_err *err)
{
	static const char *const verdicts[] = { "allow", "ask", "deny" };
	struct writ_audit_line l = begin(a, "decision");

	writ_audit_line_u64(&l, "id", a->file.seq + 1);
	writ_audit_line_text(&l, "principal", writ_str_from(a->principal));
	writ_audit_line_text(&l, "kind", d->kind);
	writ_audit_line_text(&l, "op", d->op);
	writ_audit_line_text(&l, "target", d->target);
	writ_audit_line_text(&l, "verdict",
	    writ_str_from(verdicts[d->verdict]));
	writ_audit_line_text(&l, "grant", d->grant);
	writ_audit_line_text(&l, "rule", d->rule);
	writ_audit_line_text(&l, "reason", d->reason);
	return commit_within(a, &l, d->durable, err);
}

/* What is owed of one entry, `upto` decisions in all. */
static enum writ_status
count_record(struct writ_audit *a, struct writ_audit_count *c, uint64_t upto,
    struct writ_err *err)
{
	struct writ_audit_line l =
	    begin(a, c->refused ? "refused-count" : "allowed-count");
	enum writ_status st;

	writ_audit_line_text(&l, "kind", writ_str_from(c->kind));
	writ_audit_line_text(&l, "op",
	    c->op[0] ? writ_str_from(c->op) : writ_str(NULL, 0));
	writ_audit_line_text(&l, "rule", writ_str_from(c->rule));
	writ_audit_line_u64(&l, "count", upto - c->told);
	writ_audit_line_u64(&l, "total", upto);
	st = commit(a, &l, false, err);
	if (st == WRIT_OK)
		c->told = upto;
	return st;
}

static enum writ_status
count_one(struct writ_audit *a, struct writ_audit_count *c, struct writ_err *err)
{
	enum writ_status st;

	if (c->total + 1 >= c->next) {
		st = count_record(a, c, c->total + 1, err);
		if (st != WRIT_OK)
			return st;
		while (c->next <= c->total + 1 && c->next < UINT64_MAX / 2)
			c->next *= 2;
	}
	c->total++;
	return WRIT_OK;
}

static bool
may_count(const struct writ_audit_decision *d)
{
	if (d->durable || d->verdict == WRIT_AUDIT_ASK)
		return false;
	return d->verdict == WRIT_AUDIT_DENY || d->coalesce;
}

/* Verbatim while the entry is young and there is room, else counted. */
static enum writ_status
decide_counted(struct writ_audit *a, const struct writ_audit_decision *d,
    uint64_t *id, struct writ_err *err)
{
	bool refused = d->verdict == WRIT_AUDIT_DENY;
	struct writ_audit_key key = { refused, d->kind,
		refused ? writ_str(NULL, 0) : d->op, d->rule };
	struct writ_audit_count *c;
	enum writ_status st;

	st = writ_audit_count_find(&a->counts, &key, &c);
	if (st != WRIT_OK)
		return writ_fail(err, st, "audit log: counts");
	if (c->total < WRIT_AUDIT_VERBATIM && !a->full) {
		st = decision_record(a, d, err);
		if (st == WRIT_OK) {
			*id = a->file.seq;
			c->total++;
			c->told++;
			return WRIT_OK;
		}
		if (st != WRIT_LIMIT)
			return st;
	}
	st = count_one(a, c, err);
	if (st != WRIT_OK)
		return st;
	*id = 0;
	a->totals[d->verdict].counted++;
	return WRIT_OK;
}

enum writ_status
writ_audit_decide(struct writ_audit *a, const struct writ_audit_decision *d,
    uint64_t *id, struct writ_err *err)
{
	enum writ_status st;

	if ((unsigned)d->verdict > WRIT_AUDIT_DENY)
		WRIT_BUG("a verdict that is none");
	if (may_count(d)) {
		st = decide_counted(a, d, id, err);
	} else {
		st = decision_record(a, d, err);
		if (st == WRIT_OK)
			*id = a->file.seq;
	}
	if (st == WRIT_OK)
		a->totals[d->verdict].all++;
	return st;
}

enum writ_status
writ_audit_outcome(struct writ_audit *a, uint64_t id,
    enum writ_audit_outcome outcome, uint64_t bytes, struct writ_str detail,
    struct writ_err *err)
{
	static const char *const names[] = { "allowed", "denied",
		"denied-by-human", "expired", "no-approver", "revoked",
		"failed", "unknown" };
	struct writ_audit_line l;

	if ((unsigned)outcome > WRIT_AUDIT_UNKNOWN)
		WRIT_BUG("an outcome that is none");
	if (id == 0)
		return WRIT_OK;
	l = begin(a, "outcome");
	writ_audit_line_u64(&l, "decision", id);
	writ_audit_line_text(&l, "outcome", writ_str_from(names[outcome]));
	writ_audit_line_u64(&l, "bytes", bytes);
	writ_audit_line_text(&l, "detail", detail);
	return commit(a, &l, false, err);
}

enum writ_status
writ_audit_worker_report(struct writ_audit *a, const struct writ_audit_tally *t,
    size_t n, struct writ_err *err)
{
	struct writ_audit_line l = begin(a, "worker-report");
	size_t i;

	writ_audit_line_key(&l, "reports");
	writ_buf_char(l.b, '[');
	for (i = 0; i < n; i++) {
		writ_buf_cstr(l.b, i ? ",{\"what\":" : "{\"what\":");
		writ_audit_line_value(&l, t[i].what);
		writ_audit_line_u64(&l, "count", t[i].count);
		writ_audit_line_u64(&l, "bytes", t[i].bytes);
		writ_buf_char(l.b, '}');
	}
	writ_buf_char(l.b, ']');
	return commit_within(a, &l, false, err);
}

enum writ_status
writ_audit_cache(struct writ_audit *a, struct writ_str event,
    struct writ_str component, struct writ_str reason, struct writ_err *err)
{
	struct writ_audit_line l = begin(a, "cache");

	writ_audit_line_text(&l, "event", event);
	writ_audit_line_text(&l, "component", component);
	writ_audit_line_text(&l, "reason", reason);
	return commit(a, &l, false, err);
}

enum writ_status
writ_audit_wall(struct writ_audit *a, struct writ_str wall,
    struct writ_str reason, struct writ_err *err)
{
	struct writ_audit_line l = begin(a, "wall");

	writ_audit_line_text(&l, "wall", wall);
	writ_audit_line_text(&l, "reason", reason);
	return commit(a, &l, false, err);
}

static enum writ_status
flush_counts(struct writ_audit *a, struct writ_err *err)
{
	struct writ_audit_count *c;
	enum writ_status st;
	size_t i;

	for (i = 0; i < a->counts.len; i++) {
		c = writ_vec_at(&a->counts, i);
		if (c->told == c->total)
			continue;
		st = count_record(a, c, c->total, err);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

enum writ_status
writ_audit_call_end(struct writ_audit *a, const struct writ_audit_call_end *e,
    struct writ_err *err)
{
	enum writ_status st = flush_counts(a, err);
	struct writ_audit_line l;

	if (st != WRIT_OK)
		return st;
	l = begin(a, "call-end");
	writ_audit_line_u64(&l, "call", e->call);
	writ_audit_line_text(&l, "outcome", e->outcome);
	writ_audit_line_text(&l, "reason", e->reason);
	writ_audit_line_u64(&l, "cpu_ms", e->cpu_ms);
	return commit(a, &l, false, err);
}

enum writ_status
writ_audit_session_end(struct writ_audit *a, const struct writ_audit_end *e,
    struct writ_err *err)
{
	enum writ_status st = flush_counts(a, err);
	struct writ_audit_line l;

	if (st != WRIT_OK)
		return st;
	l = begin(a, "session-end");
	writ_audit_line_text(&l, "outcome", e->outcome);
	writ_audit_line_int(&l, "exit_code", e->exit_code);
	writ_audit_line_text(&l, "reason", e->reason);
	writ_audit_line_u64(&l, "allowed", a->totals[WRIT_AUDIT_ALLOW].all);
	writ_audit_line_u64(&l, "asked", a->totals[WRIT_AUDIT_ASK].all);
	writ_audit_line_u64(&l, "refused", a->totals[WRIT_AUDIT_DENY].all);
	writ_audit_line_u64(&l, "allowed_counted",
	    a->totals[WRIT_AUDIT_ALLOW].counted);
	writ_audit_line_u64(&l, "refused_counted",
	    a->totals[WRIT_AUDIT_DENY].counted);
	writ_audit_line_u64(&l, "cpu_ms", e->cpu_ms);
	return commit(a, &l, true, err);
}
