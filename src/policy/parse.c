/* The sections of a writ that are values, and the document as a whole. */
#include "policy/parts.h"

#define AT(s, f) offsetof(struct s, f)

static const char default_name[] = "unnamed";

/* What the document says of itself. */
struct head_doc {
	struct writ_str name, file;
	const struct writ_yaml_node *component;
	bool strict;
	unsigned unmatched;
};

/* ---- component and limits */

static enum writ_status
read_version(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	if (n->kind != WRIT_YAML_SCALAR || !n->plain ||
	    !writ_str_is(n->text, "1"))
		return writ_doc_bad(d, n, "the version of the format is 1");
	return WRIT_OK;
}

static enum writ_status
read_component_file(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_plain_text(d, n, &s);

	if (st != WRIT_OK)
		return st;
	if (s.ptr[0] == '~')
		return writ_doc_bad(d, n, "\"~\" is not expanded; write the path "
		    "in full");
	if (s.len > WRIT_PATH_MAX)
		return writ_doc_bad(d, n, "a path longer than 4095 bytes");
	d->p->component_file = writ_str_dup(s);
	return d->p->component_file ? WRIT_OK : writ_doc_nomem(d);
}

static enum writ_status
read_digest(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_plain_text(d, n, &s);

	if (st != WRIT_OK)
		return st;
	if (writ_digest_parse(s, &d->p->component_digest) != WRIT_OK)
		return writ_doc_bad(d, n, "a digest is sha256: and 64 hex "
		    "digits");
	d->p->has_component_digest = true;
	return WRIT_OK;
}

static enum writ_status
read_component(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "file", true, read_component_file, 0, 0, 0, NULL },
		{ "digest", false, read_digest, 0, 0, 0, NULL },
	};

	writ_doc_in(d, k->key);
	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), field);
}

static enum writ_status
read_limits(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const uint64_t month_ms = 31ull * 24 * 3600 * 1000;
	const struct writ_doc_key rows[] = {
		{ "memory", false, writ_doc_size,
		    AT(writ_limits, memory_bytes), 64 * WRIT_KIB, 64 * WRIT_GIB,
		    NULL },
		{ "time", false, writ_doc_time, AT(writ_limits, time_ms), 1,
		    month_ms, NULL },
		{ "cpu", false, writ_doc_time, AT(writ_limits, cpu_ms), 1,
		    month_ms, NULL },
		{ "output", false, writ_doc_size,
		    AT(writ_limits, output_bytes), 1, 1024 * WRIT_GIB, NULL },
		{ "requests", false, writ_doc_count, AT(writ_limits, requests),
		    1, 1ull << 53, NULL },
		{ "handles", false, writ_doc_count, AT(writ_limits, handles), 1,
		    1000000, NULL },
		{ "audit", false, writ_doc_size, AT(writ_limits, audit_bytes),
		    WRIT_AUDIT_RECORD_MAX, 1024 * WRIT_GIB, NULL },
	};

	writ_doc_in(d, k->key);
	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), &d->p->limits);
}

/* ---- clock and random */

static bool
two(const char *s, unsigned lo, unsigned hi, unsigned *out)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*out = (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
	return *out >= lo && *out <= hi;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, from 1970 on. */
static int64_t
days(unsigned y, unsigned m, unsigned d)
{
	static const unsigned before[] = { 0, 31, 59, 90, 120, 151, 181, 212,
		243, 273, 304, 334 };
	unsigned leaps = (m > 2 ? y : y - 1);

	leaps = leaps / 4 - leaps / 100 + leaps / 400;
	return (int64_t)(y - 1970) * 365 + (leaps - 477) + before[m - 1] + d - 1;
}

/* YYYY-MM-DDTHH:MM:SSZ, 1970 to 9999. */
static bool
timestamp(struct writ_str s, int64_t *out)
{
	static const unsigned month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30,
		31, 30, 31 };
	unsigned c, y, mo, d, h, mi, sec;
	bool leap;

	if (s.len != 20 || s.ptr[4] != '-' || s.ptr[7] != '-' ||
	    s.ptr[10] != 'T' || s.ptr[13] != ':' || s.ptr[16] != ':' ||
	    s.ptr[19] != 'Z')
		return false;
	if (!two(s.ptr, 19, 99, &c) || !two(s.ptr + 2, 0, 99, &y) ||
	    !two(s.ptr + 5, 1, 12, &mo) || !two(s.ptr + 8, 1, 31, &d) ||
	    !two(s.ptr + 11, 0, 23, &h) || !two(s.ptr + 14, 0, 59, &mi) ||
	    !two(s.ptr + 17, 0, 59, &sec))
		return false;
	y += c * 100;
	leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (y < 1970 || d > month_days[mo - 1] || (mo == 2 && d == 29 && !leap))
		return false;
	*out = days(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
	return true;
}

static enum writ_status
read_wall(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_policy *p = d->p;
	struct writ_str s, word;
	enum writ_status st = writ_doc_plain_text(d, n, &s);

	if (st != WRIT_OK)
		return st;
	if (writ_str_is(s, "real")) {
		p->clock = WRIT_CLOCK_REAL;
		return WRIT_OK;
	}
	word = writ_str_cut(s, ' ', &s);
	if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
		s = writ_str(s.ptr + 1, s.len - 2);
	if (!writ_str_is(word, "frozen") || !timestamp(s, &p->clock_seconds))
		return writ_doc_bad(d, n, "the wall clock is real, or frozen at "
		    "a time such as: frozen \"2026-01-01T00:00:00Z\"");
	p->clock = WRIT_CLOCK_FROZEN;
	return WRIT_OK;
}

enum writ_status
writ_doc_clock(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "wall", true, read_wall, 0, 0, 0, NULL },
		{ "resolution", false, writ_doc_time, 0, 1, 3600 * 1000, NULL },
	};
	uint64_t resolution_ms = 0;
	enum writ_status st;

	writ_doc_in(d, k->key);
	st = writ_doc_map(d, n, WRIT_DOC_ROWS(rows), &resolution_ms);
	d->p->clock_resolution_ns = resolution_ms * 1000000;
	d->p->more->clock_said = true;
	return st;
}

enum writ_status
writ_doc_random(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_policy *p = d->p;
	struct writ_str s, seed;
	enum writ_status st;

	writ_doc_in(d, k->key);
	st = writ_doc_plain_text(d, n, &s);
	if (st != WRIT_OK)
		return st;
	p->more->random_said = true;
	if (writ_str_is(s, "secure")) {
		p->random = WRIT_RANDOM_SECURE;
	} else if (writ_str_is(s, "trap")) {
		p->random = WRIT_RANDOM_TRAP;
	} else if (writ_str_is(writ_str_cut(s, ' ', &seed), "seeded") &&
	    writ_str_u64(seed, UINT64_MAX, &p->random_seed) == WRIT_OK) {
		p->random = WRIT_RANDOM_SEEDED;
	} else {
		return writ_doc_bad(d, n, "secure, trap, or seeded and a number "
		    "is needed here");
	}
	return WRIT_OK;
}

/* ---- env and config */

static bool
is_word(struct writ_str s, const char *also)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    c == '_';
		bool more = (c >= '0' && c <= '9') || strchr(also, c);

		if (!letter && (i == 0 || !more))
			return false;
	}
	return s.len > 0 && s.len <= WRIT_NAME_MAX;
}

static enum writ_status
fill_pair(struct writ_doc *d, const struct writ_yaml_node *n, bool env,
    struct writ_pair *out)
{
	struct writ_str value;
	enum writ_status st;

	if (!is_word(n->key, env ? "" : ".:/-"))
		return writ_doc_bad_key(d, n, "\"%.64s\" is not a name of letters, "
		    "digits and _%s", n->key.ptr, env ? "" : " . : / -");
	st = writ_doc_literal(d, n, &value);
	if (st != WRIT_OK)
		return st;
	out->key = writ_str_dup(n->key);
	out->value = writ_str_dup(value);
	return out->key && out->value ? WRIT_OK : writ_doc_nomem(d);
}

static enum writ_status
read_pairs(struct writ_doc *d, const struct writ_yaml_node *map, bool env,
    struct writ_pair **out, size_t *count)
{
	const struct writ_yaml_node *n;
	enum writ_status st = writ_doc_is_map(d, map);
	size_t bytes = 0;

	if (st != WRIT_OK || map->count == 0)
		return st;
	*out = writ_alloc(map->count, sizeof(**out));
	if (!*out)
		return writ_doc_nomem(d);
	for (n = map->first; n; n = n->next) {
		st = fill_pair(d, n, env, &(*out)[(*count)++]);
		if (st != WRIT_OK)
			return st;
		bytes += n->key.len + n->text.len + 2;
		if (bytes > WRIT_ENV_BYTES_MAX)
			return writ_fail(d->err, WRIT_LIMIT, "%s:%u:%u: %smore "
			    "than 96 KiB together", d->file, n->line, n->column,
			    d->where);
	}
	return WRIT_OK;
}

enum writ_status
writ_doc_env(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	writ_doc_in(d, k->key);
	return read_pairs(d, n, true, &d->p->env, &d->p->env_count);
}

enum writ_status
writ_doc_config(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	writ_doc_in(d, k->key);
	return read_pairs(d, n, false, &d->p->config, &d->p->config_count);
}

/* ---- the document */

static const struct writ_doc_word unmatched_words[] = {
	{ "deny", WRIT_UNMATCHED_DENY }, { "ask", WRIT_UNMATCHED_ASK },
	{ NULL, 0 },
};

#define SECTION(word, read) { (word), false, (read), 0, 0, 0, NULL }
#define SECTIONS                            \
	SECTION("clock", writ_doc_clock),       \
	SECTION("random", writ_doc_random),     \
	SECTION("env", writ_doc_env),           \
	SECTION("config", writ_doc_config),     \
	SECTION("secrets", writ_doc_secrets),   \
	SECTION("files", writ_doc_files),       \
	SECTION("http", writ_doc_http),         \
	SECTION("keyvalue", writ_doc_keyvalue), \
	SECTION("blobs", writ_doc_blobs),       \
	SECTION("sockets", writ_doc_sockets),   \
	SECTION("spawn", writ_doc_spawn),       \
	SECTION("client", writ_doc_client),     \
	SECTION("deny", writ_doc_deny)

static const struct writ_doc_key whole_rows[] = {
	{ "writ", true, read_version, 0, 0, 0, NULL },
	{ "name", false, writ_doc_name, AT(head_doc, name), 0, 0, NULL },
	{ "component", false, read_component, 0, 0, 0, NULL },
	{ "strict", false, writ_doc_bool, AT(head_doc, strict), 0, 0, NULL },
	{ "unmatched", false, writ_doc_pick, AT(head_doc, unmatched), 0, 0,
	    unmatched_words },
	{ "limits", false, read_limits, 0, 0, 0, NULL },
	SECTIONS
};

static const struct writ_doc_key fragment_rows[] = { SECTIONS };

static int
by_name(const void *a, const void *b)
{
	const struct writ_doc_name *x = a, *y = b;
	size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
	int r = memcmp(x->name.ptr, y->name.ptr, n);

	if (r == 0 && x->name.len != y->name.len)
		r = x->name.len < y->name.len ? -1 : 1;
	if (r == 0 && x->line != y->line)
		r = x->line < y->line ? -1 : 1;
	return r ? r : (x->column > y->column) - (x->column < y->column);
}

static enum writ_status
check_names(struct writ_doc *d)
{
	struct writ_doc_name *v = d->names.ptr;
	size_t i;

	if (d->names.len < 2)
		return WRIT_OK;
	qsort(v, d->names.len, sizeof(*v), by_name);
	for (i = 1; i < d->names.len; i++)
		if (writ_str_eq(v[i - 1].name, v[i].name))
			return writ_fail(d->err, WRIT_INVALID, "%s:%u:%u: the name "
			    "\"%s\" is used twice (first at %u:%u)", d->file,
			    v[i].line, v[i].column, v[i].name.ptr,
			    v[i - 1].line, v[i - 1].column);
	return WRIT_OK;
}

/* Rules over the whole document, then what is not offered yet. */
static enum writ_status
check_whole(struct writ_doc *d, const struct head_doc *h, bool fragment)
{
	const struct writ_doc_first *w = &d->wants_random, *u = &d->unbuilt;
	enum writ_status st = check_names(d);

	if (st != WRIT_OK)
		return st;
	if (!fragment && d->uses_database && !h->name.ptr)
		return writ_fail(d->err, WRIT_INVALID, "%s:1:1: a database: "
		    "belongs to a writ by its name; missing key \"name\"",
		    d->file);
	if (!fragment && w->kind && !d->p->more->random_said)
		return writ_fail(d->err, WRIT_INVALID, "%s:%u:%u: %s \"%s\": a "
		    "writ that grants this must say what random is (random: "
		    "secure, seeded N or trap)", d->file, w->line, w->column,
		    w->kind, w->name);
	if (u->kind)
		return writ_fail(d->err, WRIT_UNSUPPORTED, "%s:%u:%u: %s \"%s\": "
		    "not built yet", d->file, u->line, u->column, u->kind,
		    u->name);
	if (h->unmatched == WRIT_UNMATCHED_ASK)
		return writ_fail(d->err, WRIT_UNSUPPORTED, "%s:1:1: unmatched: "
		    "ask: not built yet", d->file);
	return WRIT_OK;
}

static enum writ_status
fill_head(struct writ_doc *d, const struct head_doc *h)
{
	struct writ_policy *p = d->p;

	p->strict = h->strict;
	p->unmatched = WRIT_UNMATCHED_DENY;
	if (!h->name.ptr)
		return WRIT_OK;
	writ_mem_free(p->name);
	p->name = writ_str_dup(h->name);
	return p->name ? WRIT_OK : writ_doc_nomem(d);
}

static enum writ_status
new_policy(struct writ_policy **out)
{
	writ_auto(writ_policy) p = writ_alloc(1, sizeof(*p));

	if (!p)
		return WRIT_NOMEM;
	p->limits = (struct writ_limits){
		.memory_bytes = WRIT_DEFAULT_MEMORY,
		.time_ms = WRIT_DEFAULT_TIME_MS,
		.cpu_ms = WRIT_DEFAULT_CPU_MS,
		.requests = WRIT_DEFAULT_REQUESTS,
		.handles = WRIT_DEFAULT_HANDLES,
		.audit_bytes = WRIT_DEFAULT_AUDIT,
	};
	p->name = writ_str_dup(WRIT_STR(default_name));
	p->more = writ_alloc(1, sizeof(*p->more));
	if (!p->name || !p->more)
		return WRIT_NOMEM;
	writ_sha256("", 0, &p->digest);
	*out = writ_steal(&p);
	return WRIT_OK;
}

static enum writ_status
read_root(struct writ_doc *d, bool fragment, struct head_doc *h)
{
	const struct writ_yaml_node *root = writ_yaml_root(d->yaml);

	if (root->kind == WRIT_YAML_SCALAR && root->plain &&
	    (root->text.len == 0 || writ_str_is(root->text, "~") ||
	    writ_str_is(root->text, "null")))
		return writ_doc_bad(d, root, "an empty document");
	if (root->kind == WRIT_YAML_MAP && root->count == 0)
		return writ_doc_bad(d, root, "an empty document");
	if (fragment)
		return writ_doc_map(d, root, WRIT_DOC_ROWS(fragment_rows), h);
	return writ_doc_map(d, root, WRIT_DOC_ROWS(whole_rows), h);
}

enum writ_status
writ_doc_parse(struct writ_str text, const char *file, bool fragment,
    struct writ_policy **out, struct writ_err *err)
{
	writ_auto(writ_yaml) yaml = NULL;
	writ_auto(writ_policy) p = NULL;
	writ_auto_release(writ_vec) names;
	struct head_doc h = { 0 };
	struct writ_doc d = { .file = file, .err = err };
	enum writ_status st;

	writ_vec_init(&names, sizeof(struct writ_doc_name), WRIT_DOC_GRANTS_MAX);
	st = writ_yaml_parse(text, file, &yaml, err);
	if (st != WRIT_OK)
		return st;
	if (new_policy(&p) != WRIT_OK)
		return writ_doc_nomem(&d);
	d.yaml = yaml;
	d.p = p;
	d.names = names;
	st = read_root(&d, fragment, &h);
	if (st == WRIT_OK)
		st = check_whole(&d, &h, fragment);
	if (st == WRIT_OK)
		st = fill_head(&d, &h);
	names = d.names;
	if (st != WRIT_OK)
		return st;
	writ_sha256(text.ptr, text.len, &p->digest);
	if (writ_policy_sort(p) != WRIT_OK)
		return writ_doc_nomem(&d);
	*out = writ_steal(&p);
	return WRIT_OK;
}

enum writ_status
writ_policy_parse(struct writ_str doc, const char *file,
    struct writ_policy **out, struct writ_err *err)
{
	return writ_doc_parse(doc, file, false, out, err);
}

enum writ_status
writ_policy_empty(struct writ_policy **out, struct writ_err *err)
{
	if (new_policy(out) != WRIT_OK)
		return writ_fail(err, WRIT_NOMEM, "out of memory");
	return WRIT_OK;
}
