#include <errno.h>
#include <fcntl.h>
#include <libgen.h>

#include "audit/audit.h"
#include "base/json.h"
#include "base/limits.h"
#include "broker/run.h"
#include "cap/clock.h"
#include "jail/jail.h"
#include "port/engine_id.h"
#include "session/session.h"

#define IMPORTS_MAX 512
#define TIME_MS_MAX (10ull * 366 * 24 * 3600 * 1000)	/* as nanoseconds it fits */

/* One call from end to end; what it owns is released in reverse. */
struct session {
	struct writ_host *host;
	const struct writ_call *call;
	struct writ_policy *own_policy;		/* when the call gives none */
	const struct writ_policy *policy;
	struct writ_result *result;
	char id[17];
	struct writ_component_file file;
	struct writ_code code;
	json_t *described;
	struct writ_str voids[IMPORTS_MAX];	/* of `described` */
	size_t voids_count;
	struct writ_audit *audit;
	bool begun;				/* session-start is written */
	bool no_writ;				/* the writ itself was refused */
	struct writ_record record;
	struct writ_files files;
	struct writ_run run;
	struct writ_err rejected;
	uint64_t start_ns;
};

static void
session_release(struct session *s)
{
	writ_run_release(&s->run);
	writ_files_release(&s->files);
	writ_record_release(&s->record);
	writ_audit_free(s->audit);
	json_decref(s->described);
	writ_code_release(&s->code);
	writ_component_file_release(&s->file);
	writ_policy_free(s->own_policy);
}

/* ---- what the caller is told while it runs */

static void
on_refused(void *ctx, const struct writ_refused *r)
{
	static const char *const kinds[] = { "files", "http", "sockets",
		"keyvalue", "blobs", "spawn", "client" };
	struct session *s = ctx;
	char id[48], target[4097], smallest[8193];
	struct writ_str t = r->request->target;
	struct writ_refusal out = { id, kinds[r->request->kind],
		r->request->op, target, r->decision->rule,
		r->decision->reason, smallest };

	if (!s->call->refused)
		return;
	snprintf(id, sizeof(id), "%.4s-%llu", s->id,
	    (unsigned long long)r->id);
	snprintf(target, sizeof(target), "%.*s", WRIT_STR_ARG(t));
	snprintf(smallest, sizeof(smallest), "%.*s",
	    WRIT_STR_ARG(r->smallest));
	s->call->refused(s->call->ctx, &out);
}

static void
on_until(void *ctx, uint64_t mono_ns)
{
	struct session *s = ctx;

	if (s->call->until)
		s->call->until(s->call->ctx, mono_ns);
}

static bool
on_output(void *ctx, int which, const char *bytes, size_t len)
{
	struct session *s = ctx;

	return !s->call->output ||
	    s->call->output(s->call->ctx, which, bytes, len);
}

static void
on_log(void *ctx, unsigned level, struct writ_str context,
    struct writ_str message)
{
	static const char *const levels[] = { "trace", "debug", "info", "warn",
		"error", "critical" };
	struct session *s = ctx;
	char c[257], m[WRIT_LOG_MSG_MAX + 1];

	if (!s->call->log)
		return;
	snprintf(c, sizeof(c), "%.*s", WRIT_STR_ARG(context));
	snprintf(m, sizeof(m), "%.*s", WRIT_STR_ARG(message));
	s->call->log(s->call->ctx, level < 6 ? levels[level] : "?", c, m);
}

static void
on_report(void *ctx, struct writ_str kind, struct writ_str op, uint64_t count,
    uint64_t bytes)
{
	struct session *s = ctx;
	char what[128];
	struct writ_audit_tally t = { { what, 0 }, count, bytes };

	snprintf(what, sizeof(what), "%.*s.%.*s", WRIT_STR_ARG(kind),
	    WRIT_STR_ARG(op));
	t.what = writ_str_from(what);
	if (writ_audit_worker_report(s->audit, &t, 1, NULL) == WRIT_IO)
		s->record.failed = true;
}

/* ---- before anything runs */

static enum writ_status
check_digest(const struct session *s, struct writ_err *err)
{
	char want[WRIT_DIGEST_TEXT], have[WRIT_DIGEST_TEXT];

	if (!s->policy->has_component_digest ||
	    !memcmp(&s->policy->component_digest, &s->file.digest,
	    sizeof(s->file.digest)))
		return WRIT_OK;
	writ_digest_text(&s->policy->component_digest, want);
	writ_digest_text(&s->file.digest, have);
	return writ_fail(err, WRIT_DENIED, "%s: is %s, but the writ is for %s",
	    s->call->component, have, want);
}

/* Which imports are void under this writ; at most IMPORTS_MAX are named. */
static void
find_voids(struct session *s)
{
	const json_t *imports = json_object_get(s->described, "imports"), *one;
	writ_auto_release(writ_buf) words;
	struct writ_str name;
	size_t i;

	writ_buf_init(&words, 64 * 1024);
	json_array_foreach(imports, i, one) {
		bool is_void = false;

		if (writ_json_str(one, "name", &name) != WRIT_OK)
			continue;
		writ_buf_reset(&words);
		(void)writ_void_words(s->policy, name, &words, &is_void);
		if (is_void && s->voids_count < IMPORTS_MAX)
			s->voids[s->voids_count++] = name;
		if (is_void && writ_str_starts(name,
		    WRIT_STR("wasi:filesystem/")))
			s->result->void_files = 1;
	}
}

/* The description comes from the jailed compiler: bounded, but untrusted. */
static enum writ_status
read_description(struct session *s, struct writ_err *err)
{
	const json_t *missing, *one;
	writ_auto_release(writ_buf) names;
	size_t i;
	enum writ_status st = writ_json_parse(writ_str(
	    (const char *)s->code.text.ptr, s->code.text.len), &s->described,
	    err);

	if (st != WRIT_OK)
		return writ_fail_in(err, WRIT_IO, "%s: description",
		    s->call->component);
	find_voids(s);
	missing = json_object_get(s->described, "missing");
	writ_buf_init(&names, WRIT_ERR_MSG_MAX);
	json_array_foreach(missing, i, one) {
		const char *name = json_string_value(one);

		if (name)
			writ_buf_printf(&names, "%s%s", i ? ", " : "", name);
	}
	if (json_array_size(missing))
		return writ_fail(err, WRIT_UNSUPPORTED, "%s: imports what is "
		    "not offered: %.*s", s->call->component,
		    WRIT_STR_ARG(writ_buf_view(&names)));
	if (!json_is_true(json_object_get(s->described, "run")))
		return writ_fail(err, WRIT_INVALID, "%s: does not export "
		    "wasi:cli/run, so it cannot be run as a program",
		    s->call->component);
	return WRIT_OK;
}

static enum writ_status
check_strict(const struct session *s, struct writ_err *err)
{
	if (!s->policy->strict || s->voids_count == 0)
		return WRIT_OK;
	return writ_fail(err, WRIT_DENIED, "%s: imports %.*s (%zu in all) "
	    "without a grant, and the writ says strict: true",
	    s->call->component, WRIT_STR_ARG(s->voids[0]), s->voids_count);
}

/* Whether one of two real paths holds the other, or they are the same. */
static bool
overlap(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), k = n < m ? n : m;

	if (k == 1)
		return true;	/* "/" */
	return !strncmp(a, b, k) && (n == m || (n < m ? b : a)[k] == '/');
}

/* A tool that could reach the cache's key could make code for others; one that could reach the
 * audit log could write history. */
static enum writ_status
check_own_place(const struct session *s, const char *place, const char *what,
    struct writ_err *err)
{
	char *own = realpath(place, NULL), *granted;
	enum writ_status st = WRIT_OK;
	size_t i;

	for (i = 0; own && st == WRIT_OK && i < s->policy->files_count; i++) {
		const struct writ_files_grant *g = &s->policy->files[i];

		if (g->source != WRIT_SOURCE_HOST)
			continue;
		granted = realpath(g->from, NULL);
		if (granted && overlap(own, granted))
			st = writ_fail(err, WRIT_DENIED, "files \"%s\": %s "
			    "overlaps %s (%s); grant a narrower folder, or move "
			    "that", g->name, g->from, what, own);
		free(granted);
	}
	free(own);
	return st;
}

static enum writ_status
check_own_places(const struct session *s, struct writ_err *err)
{
	enum writ_status st = check_own_place(s,
	    writ_cache_dir(s->host->cache), "the compile cache", err);

	return st == WRIT_OK ? check_own_place(s, s->result->audit_file,
	    "the audit log", err) : st;
}

/* ---- audit */

static enum writ_status
open_audit(struct session *s, struct writ_err *err)
{
	char path[4096], who[32];
	struct writ_audit_config config = {
		.path = s->call->audit,
		.session = writ_str_from(s->id),
		.max_bytes = s->policy->limits.audit_bytes,
	};
	struct timespec now;
	enum writ_status st = WRIT_OK;

	snprintf(who, sizeof(who), "uid:%u", (unsigned)getuid());
	config.principal = writ_str_from(who);
	if (!config.path) {
		clock_gettime(CLOCK_REALTIME, &now);
		st = writ_audit_default_path(config.session,
		    (int64_t)now.tv_sec * 1000, path, sizeof(path), err);
		config.path = path;
	}
	if (st == WRIT_OK)
		st = writ_audit_open(&config, &s->audit, err);
	if (st != WRIT_OK)
		return writ_fail_in(err, st, "audit log");
	snprintf(s->result->audit_file, sizeof(s->result->audit_file), "%s",
	    config.path);
	s->result->audit_first = writ_audit_records(s->audit) + 1;
	return WRIT_OK;
}

static void
args_digest(const struct session *s, char out[WRIT_DIGEST_TEXT])
{
	struct writ_sha256 h;
	struct writ_digest d;
	size_t i;

	writ_sha256_start(&h);
	for (i = 0; i < s->call->args_count; i++)
		writ_sha256_add(&h, s->call->args[i],
		    strlen(s->call->args[i]) + 1);
	writ_sha256_end(&h, &d);
	writ_digest_text(&d, out);
}

static enum writ_status
record_walls(struct session *s, struct writ_str *names, size_t *n,
    struct writ_err *err)
{
	unsigned wall;
	enum writ_status st = WRIT_OK;

	*n = 0;
	for (wall = 1; st == WRIT_OK && wall <= WRIT_WALLS_ALL; wall <<= 1) {
		if (!s->host || !(s->host->without_walls & wall))
			continue;
		names[*n] = writ_str_from(writ_jail_name(wall));
		st = writ_audit_wall(s->audit, names[(*n)++],
		    WRIT_STR("accepted by the operator"), err);
	}
	return st;
}

/* What is known by now; a call may be refused before its imports are. */
static enum writ_status
record_start(struct session *s, struct writ_err *err)
{
	struct writ_str walls[WRIT_WALLS_COUNT];
	char component[WRIT_DIGEST_TEXT], writ[WRIT_DIGEST_TEXT];
	char args[WRIT_DIGEST_TEXT];
	struct writ_audit_start a = {
		.component_name = writ_str_from(s->call->component),
		.writ_name = writ_str_from(s->policy->name),
		.engine = WRIT_STR(WRIT_ENGINE_ID),
		.program = WRIT_STR("writ " WRIT_VERSION),
		.void_imports = s->described ? s->voids : NULL,
		.void_count = s->voids_count,
		.walls_missing = walls,
	};
	enum writ_status st;

	writ_digest_text(&s->file.digest, component);
	writ_digest_text(&s->policy->digest, writ);
	args_digest(s, args);
	a.component = writ_str_from(component);
	a.writ = writ_str_from(s->no_writ ? NULL : writ);
	a.args = writ_str_from(args);
	st = record_walls(s, walls, &a.walls_count, err);
	if (st == WRIT_OK)
		st = writ_audit_session_start(s->audit, &a, err);
	if (st != WRIT_OK)
		return st;
	s->begun = true;
	return s->rejected.msg[0] ? writ_audit_cache(s->audit,
	    WRIT_STR("rejected"), a.component, writ_str_from(s->rejected.msg),
	    err) : WRIT_OK;
}

/* Nothing ran; that is told by its status, so a failure to record it changes nothing. */
static void
record_not_started(struct session *s, const struct writ_err *why)
{
	struct writ_audit_end end = { WRIT_STR("not-started"),
		writ_str_from(why ? why->msg : NULL), 125, 0 };

	if (!s->audit)
		return;
	if (s->begun || record_start(s, NULL) == WRIT_OK)
		(void)!writ_audit_session_end(s->audit, &end, NULL);
	s->result->audit_last = writ_audit_records(s->audit);
}

/* ---- the result */

static void
from_outcome(struct writ_result *r, const struct writ_outcome *o)
{
	static const enum writ_ending endings[] = {
		[WRIT_OUTCOME_DONE] = WRIT_ENDED_OK,
		[WRIT_OUTCOME_EXIT] = WRIT_ENDED_EXIT,
		[WRIT_OUTCOME_TRAP] = WRIT_ENDED_TRAP,
		[WRIT_OUTCOME_LIMIT] = WRIT_ENDED_LIMIT,
		[WRIT_OUTCOME_ERROR] = WRIT_ENDED_WORKER,
	};

	r->ending = endings[o->kind];
	r->exit_code = o->exit_code;
	r->memory_peak = o->memory_peak;
	snprintf(r->limit, sizeof(r->limit), "%s", o->limit);
	snprintf(r->message, sizeof(r->message), "%s", o->msg);
}

static uint64_t
limit_value(const struct session *s, const char *limit, const char **unit)
{
	const struct writ_limits *l = &s->policy->limits;

	*unit = "";
	if (!strcmp(limit, "memory")) {
		*unit = "bytes";
		return l->memory_bytes;
	}
	if (!strcmp(limit, "time") || !strcmp(limit, "cpu")) {
		*unit = "ms";
		return limit[0] == 't' ? l->time_ms : l->cpu_ms;
	}
	if (!strcmp(limit, "output")) {
		*unit = "bytes";
		return l->output_bytes;
	}
	if (!strcmp(limit, "audit")) {
		*unit = "bytes";
		return l->audit_bytes;
	}
	return !strcmp(limit, "requests") ? l->requests :
	    !strcmp(limit, "handles") ? l->handles : 0;
}

/* "limit reached: memory 67108864 bytes (limits.memory); the call was stopped" */
static enum writ_status
finish_limit(struct session *s)
{
	struct writ_result *r = s->result;
	const char *unit;
	uint64_t max = limit_value(s, r->limit, &unit);
	char said[sizeof(r->message)];

	memcpy(said, r->message, sizeof(said));
	if (max && *unit)
		snprintf(r->message, sizeof(r->message), "limit reached: %s "
		    "%llu %s (limits.%s); the call was stopped", r->limit,
		    (unsigned long long)max, unit, r->limit);
	else if (max)
		snprintf(r->message, sizeof(r->message), "limit reached: %llu "
		    "%s (limits.%s); the call was stopped",
		    (unsigned long long)max, r->limit, r->limit);
	else
		snprintf(r->message, sizeof(r->message), "limit reached: %s; "
		    "the call was stopped", r->limit);
	return writ_audit_limit(s->audit, writ_str_from(r->limit), max,
	    writ_str_from(said[0] ? said : NULL), NULL);
}

static enum writ_status
finish(struct session *s, struct writ_err *err)
{
	static const char *const words[] = { "ok", "exited", "trapped", "limit",
		"cancelled", "worker-lost" };
	struct writ_result *r = s->result;
	struct writ_audit_end end = { .exit_code = 0 };
	enum writ_status st = WRIT_OK;

	if (s->run.end == WRIT_RUN_FINISHED) {
		from_outcome(r, &s->run.done.outcome);
		r->cpu_us = s->run.done.cpu_us;
	} else if (s->run.end == WRIT_RUN_CANCELLED) {
		r->ending = WRIT_ENDED_CANCELLED;
		snprintf(r->message, sizeof(r->message), "cancelled");
	} else if (s->run.end == WRIT_RUN_LIMIT) {
		r->ending = WRIT_ENDED_LIMIT;
		snprintf(r->limit, sizeof(r->limit), "%s", s->run.limit);
	} else {
		r->ending = WRIT_ENDED_WORKER;
		snprintf(r->message, sizeof(r->message), "%s", s->run.why);
	}
	if (r->ending == WRIT_ENDED_LIMIT)
		st = finish_limit(s);
	r->allowed = s->record.allowed;
	r->refused = s->record.refusals;
	r->asked = s->record.asked;
	r->wall_us = (writ_clock_host_ns() - s->start_ns) / 1000;
	end.outcome = writ_str_from(words[r->ending]);
	end.reason = writ_str_from(r->message[0] ? r->message : NULL);
	end.exit_code = r->exit_code;
	end.cpu_ms = r->cpu_us / 1000;
	if (st == WRIT_OK)
		st = writ_audit_session_end(s->audit, &end, err);
	r->audit_last = writ_audit_records(s->audit);
	if (s->run.end == WRIT_RUN_REFUSED)
		return writ_fail(err, s->run.refused_status, "%s: %s",
		    s->call->component, s->run.why);
	return st == WRIT_OK ? st : writ_fail_in(err, st, "audit log");
}

/* ---- the call */

static void
fill_setup(struct session *s)
{
	const struct writ_policy *p = s->policy;
	struct writ_setup *u = &s->run.setup;

	u->memory_bytes = p->limits.memory_bytes;
	u->time_ms = p->limits.time_ms < TIME_MS_MAX ? p->limits.time_ms :
	    TIME_MS_MAX;
	u->cpu_ms = p->limits.cpu_ms;
	u->output_bytes = p->limits.output_bytes;
	u->requests = p->limits.requests;
	u->handles = p->limits.handles;
	u->clock = (uint8_t)p->clock;
	u->random = (uint8_t)p->random;
	u->clock_seconds = p->clock_seconds;
	u->clock_resolution_ns = p->clock_resolution_ns;
	u->random_seed = p->random_seed;
	writ_hash_random(u->hash_key, sizeof(u->hash_key));
}

static void
fill_run(struct session *s, char *name_buf, size_t cap)
{
	const struct writ_call *c = s->call;
	const char *slash = strrchr(c->component, '/');

	snprintf(name_buf, cap, "%s", c->name ? c->name :
	    slash ? slash + 1 : c->component);
	s->run.policy = s->policy;
	s->run.record = &s->record;
	s->run.files = &s->files;
	s->run.name = name_buf;
	s->run.args = c->args;
	s->run.args_count = c->args_count;
	s->run.stdin_fd = c->has_stdin ? c->stdin_fd : -1;
	s->run.cancel_fd = c->has_cancel ? c->cancel_fd : -1;
	s->run.until = on_until;
	s->run.output = on_output;
	s->run.log = on_log;
	s->run.report = on_report;
	s->run.ctx = s;
	fill_setup(s);
}

/* From here on a refusal leaves a record; what is no component file leaves none. */
static enum writ_status
open_files(struct session *s, struct writ_err *err)
{
	writ_auto_fd fd = -1;
	size_t size = 0;
	enum writ_status st;

	st = writ_component_file_open(s->call->component, &fd, &size, err);
	if (st == WRIT_OK && s->host)
		st = writ_run_start(&s->run, s->host->worker,
		    s->host->without_walls, err);
	if (st == WRIT_OK)
		st = writ_component_file_read(s->call->component, fd, size,
		    &s->file, err);
	if (st == WRIT_OK)
		st = open_audit(s, err);
	return st;
}

static enum writ_status
prepare(struct session *s, struct writ_err *err)
{
	enum writ_status st = check_digest(s, err);

	if (st == WRIT_OK)
		st = writ_host_code(s->host, &s->file, &s->code,
		    &s->result->cached, &s->rejected, err);
	if (st == WRIT_OK)
		st = read_description(s, err);
	if (st == WRIT_OK)
		st = check_strict(s, err);
	if (st == WRIT_OK)
		st = record_start(s, err);
	return st;
}

static enum writ_status
serve(struct session *s, struct writ_err *err)
{
	uint8_t host_key[WRIT_FS_KEY_LEN];	/* which the worker never has */
	char name[256];
	enum writ_status st;

	fill_run(s, name, sizeof(name));
	writ_record_init(&s->record, s->audit, s->policy, on_refused, s);
	writ_hash_random(host_key, sizeof(host_key));
	st = check_own_places(s, err);
	if (st == WRIT_OK)
		st = writ_files_init(&s->files, s->policy, &s->record, host_key,
		    s->call->trace_denials, err);
	if (st == WRIT_OK)
		st = writ_run_serve(&s->run, &s->code.code, err);
	return st;
}

static enum writ_status
run_session(struct session *s, struct writ_err *err)
{
	enum writ_status st = open_files(s, err);

	if (st == WRIT_OK)
		st = prepare(s, err);
	if (st == WRIT_OK)
		st = serve(s, err);
	if (st == WRIT_OK)
		return finish(s, err);
	record_not_started(s, err);
	return st;
}

static enum writ_status
session_init(struct session *s, const struct writ_call *call,
    struct writ_result *result, struct writ_err *err)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t raw[16];
	enum writ_status st;
	unsigned i;

	memset(result, 0, sizeof(*result));
	s->call = call;
	s->policy = call->policy;
	s->result = result;
	s->file.bytes = s->code.code = s->code.text = WRIT_BYTES_NONE;
	s->run.conn.fd = s->run.child.pidfd = -1;
	s->start_ns = writ_clock_host_ns();
	writ_hash_random(raw, sizeof(raw));
	for (i = 0; i < 16; i++)
		s->id[i] = hex[raw[i] & 15];
	if (!call->component)
		return writ_fail(err, WRIT_INVALID, "no component");
	if (s->policy)
		return WRIT_OK;
	st = writ_policy_empty(&s->own_policy, err);
	s->policy = s->own_policy;
	return st;
}

enum writ_status
writ_run(struct writ_host *host, const struct writ_call *call,
    struct writ_result *result, struct writ_err *err)
{
	struct session s = { .host = host };
	enum writ_status st = session_init(&s, call, result, err);

	host->cancel_fd = call->has_cancel ? call->cancel_fd : -1;
	if (st == WRIT_OK)
		st = run_session(&s, err);
	session_release(&s);
	host->cancel_fd = -1;
	return st;
}

enum writ_status
writ_run_refused(const struct writ_call *call, const struct writ_err *why,
    struct writ_result *result, struct writ_err *err)
{
	struct session s = { .no_writ = true };
	enum writ_status st = session_init(&s, call, result, err);

	if (st == WRIT_OK)
		st = open_files(&s, err);
	if (st == WRIT_OK)
		record_not_started(&s, why);
	session_release(&s);
	return st;
}
