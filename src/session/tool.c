#include <errno.h>
#include <fcntl.h>

#include "base/json.h"
#include "base/limits.h"
#include "jail/jail.h"
#include "port/engine_id.h"
#include "policy/toolbox.h"
#include "session/tool.h"

#define TIME_MS_MAX (10ull * 366 * 24 * 3600 * 1000)	/* as nanoseconds it fits */

void
writ_tool_init(struct writ_tool *t, struct writ_host *host, const char *path,
    const struct writ_policy *policy)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t raw[16];
	unsigned i;

	memset(t, 0, sizeof(*t));
	t->host = host;
	t->path = path;
	t->policy = policy;
	t->fd = -1;
	t->file.bytes = t->code.code = t->code.text = WRIT_BYTES_NONE;
	writ_hash_random(raw, sizeof(raw));
	for (i = 0; i < 16; i++)
		t->id[i] = hex[raw[i] & 15];
}

void
writ_tool_share(struct writ_tool *out, const struct writ_tool *t)
{
	struct writ_tool fresh;

	writ_tool_init(&fresh, t->host, t->path, t->policy);
	*out = *t;
	memcpy(out->id, fresh.id, sizeof(out->id));
	out->fd = -1;
	out->audit = NULL;
	out->secrets = NULL;
	out->net = NULL;
	out->begun = false;
	out->shared = true;
	out->rejected.msg[0] = '\0';
}

void
writ_tool_release(struct writ_tool *t)
{
	writ_closep(&t->fd);
	writ_audit_free(t->audit);
	writ_secrets_free(t->secrets);
	if (t->shared)
		return;
	json_decref(t->described);
	writ_code_release(&t->code);
	writ_component_file_release(&t->file);
}

enum writ_status
writ_tool_open(struct writ_tool *t, struct writ_err *err)
{
	return writ_component_file_open(t->path, &t->fd, &t->size, err);
}

enum writ_status
writ_tool_read(struct writ_tool *t, struct writ_err *err)
{
	enum writ_status st = writ_component_file_read(t->path, t->fd, t->size,
	    &t->file, err);

	writ_closep(&t->fd);
	return st;
}

/* ---- before anything runs */

static enum writ_status
check_digest(const struct writ_tool *t, struct writ_err *err)
{
	char want[WRIT_DIGEST_TEXT], have[WRIT_DIGEST_TEXT];

	if (!t->policy->has_component_digest ||
	    !memcmp(&t->policy->component_digest, &t->file.digest,
	    sizeof(t->file.digest)))
		return WRIT_OK;
	writ_digest_text(&t->policy->component_digest, want);
	writ_digest_text(&t->file.digest, have);
	return writ_fail(err, WRIT_DENIED, "%s: is %s, but the writ is for %s",
	    t->path, have, want);
}

/* Which imports are void under this writ; at most WRIT_TOOL_IMPORTS_MAX are named. */
static void
find_voids(struct writ_tool *t)
{
	const json_t *imports = json_object_get(t->described, "imports"), *one;
	writ_auto_release(writ_buf) words;
	struct writ_str name;
	size_t i;

	writ_buf_init(&words, 64 * 1024);
	json_array_foreach(imports, i, one) {
		bool is_void = false;

		if (writ_json_str(one, "name", &name) != WRIT_OK)
			continue;
		writ_buf_reset(&words);
		(void)writ_void_words(t->policy, name, &words, &is_void);
		if (is_void && t->voids_count < WRIT_TOOL_IMPORTS_MAX)
			t->voids[t->voids_count++] = name;
		if (is_void && writ_str_starts(name,
		    WRIT_STR("wasi:filesystem/")))
			t->void_files = true;
	}
}

/* The description comes from the jailed compiler: bounded, but untrusted. */
static enum writ_status
read_description(struct writ_tool *t, struct writ_err *err)
{
	const json_t *missing, *one;
	writ_auto_release(writ_buf) names;
	size_t i;
	enum writ_status st = writ_json_parse(writ_str(
	    (const char *)t->code.text.ptr, t->code.text.len), &t->described,
	    err);

	if (st != WRIT_OK)
		return writ_fail_in(err, WRIT_IO, "%s: description",
		    t->path);
	find_voids(t);
	missing = json_object_get(t->described, "missing");
	writ_buf_init(&names, WRIT_ERR_MSG_MAX);
	json_array_foreach(missing, i, one) {
		const char *name = json_string_value(one);

		if (name)
			writ_buf_printf(&names, "%s%s", i ? ", " : "", name);
	}
	if (json_array_size(missing))
		return writ_fail(err, WRIT_UNSUPPORTED, "%s: imports what is "
		    "not offered: %.*s", t->path,
		    WRIT_STR_ARG(writ_buf_view(&names)));
	return WRIT_OK;
}

static enum writ_status
check_strict(const struct writ_tool *t, struct writ_err *err)
{
	if (!t->policy->strict || t->voids_count == 0)
		return WRIT_OK;
	return writ_fail(err, WRIT_DENIED, "%s: imports %.*s (%zu in all) "
	    "without a grant, and the writ says strict: true",
	    t->path, WRIT_STR_ARG(t->voids[0]), t->voids_count);
}

enum writ_status
writ_tool_prepare(struct writ_tool *t, struct writ_err *err)
{
	enum writ_status st = check_digest(t, err);

	if (st == WRIT_OK)
		st = writ_host_code(t->host, &t->file, &t->code, &t->cached,
		    &t->rejected, err);
	if (st == WRIT_OK)
		st = read_description(t, err);
	return st == WRIT_OK ? check_strict(t, err) : st;
}

enum writ_status
writ_tool_secrets(struct writ_tool *t, struct writ_err *err)
{
	char dir[4096];
	enum writ_status st = WRIT_OK;

	if (!t->secrets)
		st = writ_state_dir(dir, err);
	if (!t->secrets && st == WRIT_OK)
		st = writ_secrets_open(t->policy, dir, &t->secrets, err);
	if (st == WRIT_OK && t->secrets && t->audit)
		writ_audit_filter(t->audit, writ_secrets_filter, t->secrets);
	return st;
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
 * audit log could write history, and one that could reach a ledger, what it has used. */
static enum writ_status
check_own_place(const struct writ_tool *t, const char *place, const char *what,
    struct writ_err *err)
{
	char *own = realpath(place, NULL), *granted;
	enum writ_status st = WRIT_OK;
	size_t i;

	for (i = 0; own && st == WRIT_OK && i < t->policy->files_count; i++) {
		const struct writ_files_grant *g = &t->policy->files[i];

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

enum writ_status
writ_tool_check_places(const struct writ_tool *t, struct writ_err *err)
{
	static const struct {
		const char *name, *what;
	} own[] = {
		{ "secrets", "the secret store" },
		{ "budgets", "the ledgers of budgets" },
	};
	char dir[4096], path[4200];
	enum writ_status st = check_own_place(t,
	    writ_cache_dir(t->host->cache), "the compile cache", err);
	size_t i;

	if (st == WRIT_OK)
		st = check_own_place(t, t->audit_file, "the audit log", err);
	if (st != WRIT_OK || writ_xdg("XDG_STATE_HOME", ".local/state", dir,
	    NULL) != WRIT_OK)
		return st;
	for (i = 0; st == WRIT_OK && i < sizeof(own) / sizeof(own[0]); i++) {
		/* what is not there yet will be made there */
		snprintf(path, sizeof(path), "%s/%s", dir, own[i].name);
		st = check_own_place(t, access(path, F_OK) ? dir : path,
		    own[i].what, err);
	}
	return st;
}

/* ---- its functions */

enum writ_status
writ_tool_each(const struct writ_tool *t, enum writ_status (*visit)(void *ctx,
    const json_t *function, struct writ_err *err), void *ctx,
    struct writ_err *err)
{
	const json_t *export, *functions, *one;
	enum writ_status st = WRIT_OK;
	size_t i, j;

	json_array_foreach(json_object_get(t->described, "exports"), i,
	    export) {
		functions = json_object_get(export, "functions");
		if (json_is_object(json_object_get(export, "input")))
			st = visit(ctx, export, err);
		json_array_foreach(functions, j, one)
			if (st == WRIT_OK &&
			    json_is_object(json_object_get(one, "input")))
				st = visit(ctx, one, err);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

#define NEAR 3		/* edits, at most, to be offered */
#define OFFERED 8

struct wanted {
	struct writ_str name, found;
	unsigned count;			/* of those that it selects */
	struct writ_str near[OFFERED];	/* all that it selects, or looks like */
	unsigned far[OFFERED];
	size_t near_count;
};

/* Keep the nearest, nearest first. */
static void
offer(struct wanted *w, struct writ_str full, unsigned far)
{
	size_t i = w->near_count < OFFERED ? w->near_count++ : OFFERED - 1;

	if (i == OFFERED - 1 && w->near[i].ptr && w->far[i] <= far)
		return;
	for (; i > 0 && w->far[i - 1] > far; i--) {
		w->near[i] = w->near[i - 1];
		w->far[i] = w->far[i - 1];
	}
	w->near[i] = full;
	w->far[i] = far;
}

static enum writ_status
match(void *ctx, const json_t *function, struct writ_err *err)
{
	struct wanted *w = ctx;
	struct writ_str full, head, last;
	unsigned far;

	if (writ_json_str(function, "export", &full) != WRIT_OK)
		return WRIT_OK;
	if (writ_toolbox_selects(w->name, full)) {
		w->found = full;
		w->count++;
		offer(w, full, 0);
		return WRIT_OK;
	}
	head = writ_str_cut(full, '#', &last);
	far = writ_str_distance(w->name, last.ptr ? last : head, NEAR + 1);
	if (far > NEAR)
		far = writ_str_distance(w->name, full, NEAR + 1);
	if (far <= NEAR)
		offer(w, full, far);
	return WRIT_OK;
}

static enum writ_status
say_near(const struct writ_tool *t, const struct wanted *w,
    struct writ_err *err)
{
	writ_auto_release(writ_buf) names;
	size_t i;

	writ_buf_init(&names, 640);
	for (i = 0; i < w->near_count && (!w->count || !w->far[i]); i++) {
		if (names.len + w->near[i].len + 2 > 512)
			break;
		writ_buf_printf(&names, "%s%.*s", i ? ", " : "",
		    WRIT_STR_ARG(w->near[i]));
	}
	return writ_fail(err, WRIT_NOENT, "%s: %s \"%.*s\"%s%.*s; writ inspect "
	    "lists what it exports", t->path, w->count ?
	    "several functions are called" : "no function",
	    WRIT_STR_ARG(writ_str_first(w->name, 128)), w->count ? ": " :
	    names.len ? "; there is " : "",
	    WRIT_STR_ARG(writ_buf_view(&names)));
}

enum writ_status
writ_tool_export(const struct writ_tool *t, struct writ_str name,
    struct writ_str *full, struct writ_err *err)
{
	struct wanted w = { .name = name };
	enum writ_status st = writ_tool_each(t, match, &w, err);

	if (st == WRIT_OK && w.count != 1)
		st = say_near(t, &w, err);
	*full = w.found;
	return st;
}

/* ---- audit */

enum writ_status
writ_tool_log(struct writ_tool *t, const char *file, const char *who,
    struct writ_err *err)
{
	char path[4096], principal[128];
	struct writ_audit_config config = {
		.path = file,
		.session = writ_str_from(t->id),
		.max_bytes = t->policy->limits.audit_bytes,
	};
	struct timespec now;
	enum writ_status st = WRIT_OK;

	snprintf(principal, sizeof(principal), "uid:%u%s%s",
	    (unsigned)getuid(), who ? " " : "", who ? who : "");
	config.principal = writ_str_from(principal);
	if (!config.path) {
		clock_gettime(CLOCK_REALTIME, &now);
		st = writ_audit_default_path(config.session,
		    (int64_t)now.tv_sec * 1000, path, sizeof(path), err);
		config.path = path;
	}
	if (st == WRIT_OK)
		st = writ_audit_open(&config, &t->audit, err);
	if (st != WRIT_OK)
		return writ_fail_in(err, st, "audit log");
	snprintf(t->audit_file, sizeof(t->audit_file), "%s",
	    config.path);
	t->audit_first = writ_audit_records(t->audit) + 1;
	return WRIT_OK;
}

static enum writ_status
record_walls(struct writ_tool *t, struct writ_str *names, size_t *n,
    struct writ_err *err)
{
	unsigned wall;
	enum writ_status st = WRIT_OK;

	*n = 0;
	for (wall = 1; st == WRIT_OK && wall <= WRIT_WALLS_ALL; wall <<= 1) {
		if (!t->host || !(t->host->without_walls & wall))
			continue;
		names[*n] = writ_str_from(writ_jail_name(wall));
		st = writ_audit_wall(t->audit, names[(*n)++],
		    WRIT_STR("accepted by the operator"), err);
	}
	return st;
}

/* What is known by now; a call may be refused before its imports are. */
enum writ_status
writ_tool_begin(struct writ_tool *t, struct writ_str args, struct writ_err *err)
{
	struct writ_str walls[WRIT_WALLS_COUNT];
	char component[WRIT_DIGEST_TEXT], writ[WRIT_DIGEST_TEXT];
	struct writ_audit_start a = {
		.component_name = writ_str_from(t->path),
		.writ_name = writ_str_from(t->policy->name),
		.engine = WRIT_STR(WRIT_ENGINE_ID),
		.program = WRIT_STR("writ " WRIT_VERSION),
		.void_imports = t->described ? t->voids : NULL,
		.void_count = t->voids_count,
		.walls_missing = walls,
	};
	enum writ_status st;

	writ_digest_text(&t->file.digest, component);
	writ_digest_text(&t->policy->digest, writ);
	a.component = writ_str_from(component);
	a.writ = writ_str_from(t->no_writ ? NULL : writ);
	a.args = args;
	if (t->net && t->net->needed) {
		a.resolver = writ_str_from(t->net->resolver_text);
		a.authorities = t->net->digest_texts;
		a.authorities_count = t->net->digests_count;
	}
	st = record_walls(t, walls, &a.walls_count, err);
	if (st == WRIT_OK)
		st = writ_audit_session_start(t->audit, &a, err);
	if (st != WRIT_OK)
		return st;
	t->begun = true;
	return t->rejected.msg[0] ? writ_audit_cache(t->audit,
	    WRIT_STR("rejected"), a.component, writ_str_from(t->rejected.msg),
	    err) : WRIT_OK;
}

/* Nothing ran; that is told by its status, so a failure to record it changes nothing. */
void
writ_tool_not_started(struct writ_tool *t, struct writ_str args,
    const struct writ_err *why)
{
	struct writ_audit_end end = { WRIT_STR("not-started"),
		writ_str_from(why ? why->msg : NULL), 125, 0 };

	if (!t->audit)
		return;
	if (t->begun || writ_tool_begin(t, args, NULL) == WRIT_OK)
		(void)!writ_audit_session_end(t->audit, &end, NULL);
}

void
writ_tool_setup(const struct writ_tool *t, struct writ_setup *u)
{
	const struct writ_policy *p = t->policy;

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
limit_value(const struct writ_tool *t, const char *limit, const char **unit)
{
	const struct writ_limits *l = &t->policy->limits;

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
finish_limit(struct writ_tool *t, struct writ_result *r)
{
	const char *unit;
	uint64_t max = limit_value(t, r->limit, &unit);
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
		snprintf(r->message, sizeof(r->message), "limit reached: "
		    "%.31s%s%.200s; the call was stopped", r->limit, said[0] ?
		    ": " : "", said);
	return writ_audit_limit(t->audit, writ_str_from(r->limit), max,
	    writ_str_from(said[0] ? said : NULL), NULL);
}

const char *
writ_tool_ending(enum writ_ending ending)
{
	static const char *const words[] = { "ok", "exited", "trapped", "limit",
		"cancelled", "worker-lost" };

	return words[ending];
}

enum writ_status
writ_tool_result(struct writ_tool *t, const struct writ_run *run,
    struct writ_result *r, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;

	if (run->end == WRIT_RUN_FINISHED) {
		from_outcome(r, &run->done.outcome);
		r->cpu_us = run->done.cpu_us;
	} else if (run->end == WRIT_RUN_CANCELLED) {
		r->ending = WRIT_ENDED_CANCELLED;
		snprintf(r->message, sizeof(r->message), "cancelled");
	} else if (run->end == WRIT_RUN_LIMIT) {
		r->ending = WRIT_ENDED_LIMIT;
		snprintf(r->limit, sizeof(r->limit), "%s", run->limit);
	} else {
		r->ending = WRIT_ENDED_WORKER;
		snprintf(r->message, sizeof(r->message), "%s", run->why);
	}
	if (r->ending == WRIT_ENDED_LIMIT)
		st = finish_limit(t, r);
	return st == WRIT_OK ? st : writ_fail(err, st, "audit log");
}

void
writ_tool_refusal(const struct writ_tool *t, const struct writ_refused *r,
    void (*tell)(void *ctx, const struct writ_refusal *refusal), void *ctx)
{
	static const char *const kinds[] = { "files", "http", "sockets",
		"keyvalue", "blobs", "spawn", "client" };
	char id[48], target[4097], smallest[8193];
	struct writ_str name = r->request->target;
	struct writ_refusal out = { id, kinds[r->request->kind],
		r->request->op, target, r->decision->rule,
		r->decision->reason, smallest };

	snprintf(id, sizeof(id), "%.4s-%llu", t->id,
	    (unsigned long long)r->id);
	snprintf(target, sizeof(target), "%.*s", WRIT_STR_ARG(name));
	snprintf(smallest, sizeof(smallest), "%.*s",
	    WRIT_STR_ARG(r->smallest));
	tell(ctx, &out);
}

bool
writ_tool_report(struct writ_tool *t, struct writ_str kind, struct writ_str op,
    uint64_t count, uint64_t bytes)
{
	char what[128];
	struct writ_audit_tally tally = { { what, 0 }, count, bytes };

	snprintf(what, sizeof(what), "%.*s.%.*s", WRIT_STR_ARG(kind),
	    WRIT_STR_ARG(op));
	tally.what = writ_str_from(what);
	return writ_audit_worker_report(t->audit, &tally, 1, NULL) != WRIT_IO;
}

void
writ_tool_tell_log(unsigned level, struct writ_str context,
    struct writ_str message, void (*tell)(void *ctx, const char *level,
    const char *context, const char *message), void *ctx)
{
	static const char *const levels[] = { "trace", "debug", "info", "warn",
		"error", "critical" };
	char c[257], m[WRIT_LOG_MSG_MAX + 1];

	if (!tell)
		return;
	snprintf(c, sizeof(c), "%.*s", WRIT_STR_ARG(context));
	snprintf(m, sizeof(m), "%.*s", WRIT_STR_ARG(message));
	tell(ctx, level < 6 ? levels[level] : "?", c, m);
}
