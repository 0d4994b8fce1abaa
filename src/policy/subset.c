#include "policy/subset_int.h"

#include <stdarg.h>

#include "policy/decide.h"
#include "policy/glob.h"
#include "policy/http_shape.h"

/* A field that no rule here looks at would be proved without being compared: whoever
 * adds one writes its rule, and then the new size. */
_Static_assert(sizeof(void *) != 8 || (sizeof(struct writ_policy) == 392 &&
    sizeof(struct writ_limits) == 56 && sizeof(struct writ_files_grant) == 80 &&
    sizeof(struct writ_files_deny) == 32 && sizeof(struct writ_spawn_grant) == 40 &&
    sizeof(struct writ_spawn_deny) == 16 &&
    sizeof(struct writ_http_grant) == 192 && sizeof(struct writ_http_shape) == 96 &&
    sizeof(struct writ_http_deny) == 16 && sizeof(struct writ_sockets_grant) == 72 &&
    sizeof(struct writ_sockets_deny) == 32), "subset.c: a rule is missing");

void
writ_unproved(struct writ_proof *p, const char *fmt, ...)
{
	char line[2 * WRIT_ERR_MSG_MAX];
	va_list ap;

	p->open = true;
	if (!p->why)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	writ_buf_safe(p->why, writ_str_from(line), false);
	writ_buf_char(p->why, '\n');
}

/* ---- limits */

/* 0 stands for no limit at all. */
static bool
fits(uint64_t a, uint64_t b)
{
	return b == 0 || (a != 0 && a <= b);
}

static void
prove_limits(struct writ_proof *p)
{
	const struct writ_limits *a = &p->a->limits, *b = &p->b->limits;
	const struct {
		const char *name;
		uint64_t a, b;
	} rows[] = {
		{ "memory", a->memory_bytes, b->memory_bytes },
		{ "time", a->time_ms, b->time_ms },
		{ "cpu", a->cpu_ms, b->cpu_ms },
		{ "requests", a->requests, b->requests },
		{ "handles", a->handles, b->handles },
		{ "audit", a->audit_bytes, b->audit_bytes },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].a > rows[i].b)
			writ_unproved(p, "limits.%s: %llu is more than %llu",
			    rows[i].name, (unsigned long long)rows[i].a,
			    (unsigned long long)rows[i].b);
	if (!fits(a->output_bytes, b->output_bytes))
		writ_unproved(p, "limits.output: %llu is not within %llu (0: none)",
		    (unsigned long long)a->output_bytes,
		    (unsigned long long)b->output_bytes);
}

/* ---- values */

static uint64_t
resolution(const struct writ_policy *p)
{
	return p->clock_resolution_ns ? p->clock_resolution_ns : 1;
}

static void
prove_clock(struct writ_proof *p)
{
	const struct writ_policy *a = p->a, *b = p->b;

	if (a->clock == WRIT_CLOCK_VOID)
		return;
	if (a->clock != b->clock)
		writ_unproved(p, "clock: %s, and not so there",
		    a->clock == WRIT_CLOCK_REAL ? "real" : "frozen");
	else if (a->clock == WRIT_CLOCK_FROZEN &&
	    a->clock_seconds != b->clock_seconds)
		writ_unproved(p, "clock: frozen at another time");
	else if (resolution(a) < resolution(b))
		writ_unproved(p, "clock: a finer resolution");
}

static void
prove_random(struct writ_proof *p)
{
	const struct writ_policy *a = p->a, *b = p->b;
	bool ok = false;

	switch (a->random) {
	case WRIT_RANDOM_TRAP:
		ok = true;
		break;
	case WRIT_RANDOM_VOID:
		ok = b->random != WRIT_RANDOM_TRAP;
		break;
	case WRIT_RANDOM_SECURE:
		ok = b->random == WRIT_RANDOM_SECURE;
		break;
	case WRIT_RANDOM_SEEDED:
		ok = b->random == WRIT_RANDOM_SEEDED &&
		    a->random_seed == b->random_seed;
		break;
	}
	if (!ok)
		writ_unproved(p, "random: another source than there");
}

static void
prove_pairs(struct writ_proof *p, const char *kind, const struct writ_pair *a,
    size_t n, const struct writ_pair *b, size_t m)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < m && strcmp(a[i].key, b[k].key); k++)
			;
		if (k == m)
			writ_unproved(p, "%s: %s is not there", kind, a[i].key);
		else if (strcmp(a[i].value, b[k].value))
			writ_unproved(p, "%s: %s has another value", kind, a[i].key);
	}
}

/* ---- files */

static const struct writ_files_grant *
same_place(const struct writ_policy *p, const char *at)
{
	size_t i;

	for (i = 0; i < p->files_count; i++)
		if (!strcmp(p->files[i].at, at))
			return &p->files[i];
	return NULL;
}

static bool
is_below(const char *path, const char *at)
{
	size_t n = strlen(at);

	if (n == 1)
		return path[1] != '\0';
	return !strncmp(path, at, n) && path[n] == '/';
}

static bool
opens(const struct writ_files_grant *g, const char *name)
{
	char *const *v;

	for (v = g->protected_names; v && *v; v++)
		if (!strcmp(*v, name))
			return true;
	return false;
}

static void
prove_source(struct writ_proof *p, const struct writ_files_grant *a,
    const struct writ_files_grant *b)
{
	char *const *v;

	if (a->source != b->source) {
		writ_unproved(p, "files \"%s\": another source than there", a->name);
	} else if (a->source == WRIT_SOURCE_HOST) {
		if (a->from[0] != '/' || b->from[0] != '/')
			writ_unproved(p, "files \"%s\": a host path that is not absolute",
			    a->name);
		else if (strcmp(a->from, b->from))
			writ_unproved(p, "files \"%s\": host folder %.200s is %.200s "
			    "there", a->name, a->from, b->from);
	} else if (a->source != WRIT_SOURCE_MEMORY) {
		writ_unproved(p, "files \"%s\": no rule for its source yet", a->name);
	}
	for (v = a->protected_names; v && *v; v++)
		if (!opens(b, *v))
			writ_unproved(p, "files \"%s\": opens %s, and not so there",
			    a->name, *v);
}

static void
prove_rights(struct writ_proof *p, const struct writ_files_grant *a,
    const struct writ_files_grant *b)
{
	if (b->durable && !a->durable)
		writ_unproved(p, "files \"%s\": durable there", a->name);
	if (a->shown && !b->shown)
		writ_unproved(p, "files \"%s\": not shown there", a->name);
	if (!a->write)
		return;
	if (!b->write)
		writ_unproved(p, "files \"%s\": mode write, and read there", a->name);
	if (!fits(a->quota_bytes, b->quota_bytes))
		writ_unproved(p, "files \"%s\": quota of bytes not within that there",
		    a->name);
	if (!fits(a->quota_files, b->quota_files))
		writ_unproved(p, "files \"%s\": quota of files not within that there",
		    a->name);
}

/* What `a` can reach at and below `at` is nothing. */
static bool
shut(const struct writ_policy *a, const char *at)
{
	const struct writ_request rq = { .kind = WRIT_REQ_FILES, .op = "read",
		.target = writ_str_from(at) };

	return writ_decide_denied(a, &rq) != NULL;
}

static void
prove_mount(struct writ_proof *p, const struct writ_files_grant *a)
{
	const struct writ_files_grant *b = same_place(p->b, a->at), *below;
	size_t i;

	if (!b) {
		writ_unproved(p, "files \"%s\": no mount at %.200s there", a->name,
		    a->at);
		return;
	}
	prove_source(p, a, b);
	prove_rights(p, a, b);
	for (i = 0; i < p->b->files_count; i++) {
		below = &p->b->files[i];
		if (is_below(below->at, a->at) && !same_place(p->a, below->at) &&
		    writ_decide_mount(p->a, writ_str_from(below->at)) == a &&
		    !shut(p->a, below->at))
			writ_unproved(p, "files \"%s\": shows what \"%s\" at %.200s "
			    "hides there", a->name, below->name, below->at);
	}
}

static bool
is_literal(const struct writ_files_deny *d)
{
	return !strchr(d->path, '*');
}

/* Whether `a` refuses all that `b` refuses. */
static bool
implies(const struct writ_files_deny *a, const struct writ_files_deny *b)
{
	size_t n = strlen(a->path);

	if (a->write_only && !b->write_only)
		return false;
	if (!strcmp(a->path, b->path))
		return true;
	if (is_literal(b))
		return writ_glob_covers(writ_str_from(a->path + 1),
		    writ_str_from(b->path + 1));
	/* all that the pattern matches lies below its literal beginning */
	return is_literal(a) && (n == 1 || (b->literal >= n &&
	    !memcmp(a->path, b->path, n) &&
	    (b->literal == n || b->path[n] == '/')));
}

static void
prove_deny(struct writ_proof *p, const struct writ_files_deny *b)
{
	struct writ_str pattern = writ_str_from(b->path + 1);
	size_t i;

	for (i = 0; i < p->a->files_deny_count; i++)
		if (implies(&p->a->files_deny[i], b))
			return;
	for (i = 0; i < p->a->files_count; i++) {
		const struct writ_files_grant *g = &p->a->files[i];

		if (b->write_only && !g->write)
			continue;
		if (writ_glob_reaches(pattern, writ_str_from(g->at + 1))) {
			writ_unproved(p, "files \"%s\": deny \"%s\" (%.200s) is not "
			    "kept", g->name, b->name, b->path);
			return;
		}
	}
}

static void
prove_files(struct writ_proof *p)
{
	size_t i;

	for (i = 0; i < p->a->files_count; i++)
		prove_mount(p, &p->a->files[i]);
	for (i = 0; i < p->b->files_deny_count; i++)
		prove_deny(p, &p->b->files_deny[i]);
}

/* ---- spawn, client and the rest */

static bool
denies_tool(const struct writ_policy *p, const char *tool)
{
	size_t i;

	for (i = 0; i < p->spawn_deny_count; i++)
		if (!strcmp(p->spawn_deny[i].tool, tool))
			return true;
	return false;
}

static void
prove_spawn(struct writ_proof *p, const struct writ_spawn_grant *a)
{
	const struct writ_spawn_grant *b =
	    writ_policy_spawn(p->b, writ_str_from(a->tool));

	if (denies_tool(p->a, a->tool))
		return;
	if (!b || denies_tool(p->b, a->tool)) {
		writ_unproved(p, "spawn \"%s\": tool %s is not granted there", a->name,
		    a->tool);
		return;
	}
	if (a->depth > b->depth)
		writ_unproved(p, "spawn \"%s\": depth %llu is more than %llu", a->name,
		    (unsigned long long)a->depth, (unsigned long long)b->depth);
	if (a->calls > b->calls)
		writ_unproved(p, "spawn \"%s\": %llu calls are more than %llu", a->name,
		    (unsigned long long)a->calls, (unsigned long long)b->calls);
	if (b->durable && !a->durable)
		writ_unproved(p, "spawn \"%s\": durable there", a->name);
}

/* The same place, as far as `a` uses it at all. */
static bool
same_source(const struct writ_secret_source *a,
    const struct writ_secret_source *b)
{
	enum writ_secret_from x = a ? a->kind : WRIT_SECRET_STORE,
	    y = b ? b->kind : WRIT_SECRET_STORE;

	return x == y && (x == WRIT_SECRET_STORE || !strcmp(a->from, b->from));
}

static void
prove_secrets(struct writ_proof *p)
{
	size_t i, k;

	for (i = 0; i < p->a->http_count; i++)
		for (k = 0; k < p->a->http[i].credential_parts; k++) {
			const char *name = p->a->http[i].credential[k].secret;

			if (name && !same_source(writ_policy_secret(p->a, name),
			    writ_policy_secret(p->b, name)))
				writ_unproved(p, "secrets: %s comes from elsewhere "
				    "there", name);
		}
}

static void
prove_client(struct writ_proof *p)
{
	const char *word;
	unsigned bit;

	for (bit = 1; (word = writ_policy_client_word(bit)) != NULL; bit <<= 1)
		if ((p->a->client & bit) && !(p->b->client & bit))
			writ_unproved(p, "client: %s is not there", word);
}

enum writ_subset
writ_policy_subset(const struct writ_policy *a, const struct writ_policy *b,
    struct writ_buf *why)
{
	struct writ_proof p = { .a = a, .b = b, .why = why };
	size_t i;

	if (b->strict && !a->strict)
		writ_unproved(&p, "strict: true there");
	if (a->unmatched == WRIT_UNMATCHED_ASK &&
	    b->unmatched != WRIT_UNMATCHED_ASK)
		writ_unproved(&p, "unmatched: ask, and deny there");
	prove_limits(&p);
	prove_clock(&p);
	prove_random(&p);
	prove_pairs(&p, "env", a->env, a->env_count, b->env, b->env_count);
	prove_pairs(&p, "config", a->config, a->config_count, b->config,
	    b->config_count);
	prove_files(&p);
	for (i = 0; i < a->spawn_count; i++)
		prove_spawn(&p, &a->spawn[i]);
	prove_client(&p);
	prove_secrets(&p);
	writ_prove_net(&p);
	return p.open ? WRIT_SUBSET_UNPROVED : WRIT_SUBSET_PROVED;
}
