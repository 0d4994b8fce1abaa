/* Grants that come from the command line: short forms and fragments. */
#include "policy/http_shape.h"
#include "policy/decide.h"
#include "policy/parts.h"

#define WORDS_MAX 4
#define FRAGMENT_MAX (64 * 1024)

static const char label[] = "--grant";

/* ---- two policies become one */

static bool
has_mount(const struct writ_policy *p, const char *at)
{
	size_t i;

	for (i = 0; i < p->files_count; i++)
		if (!strcmp(p->files[i].at, at))
			return true;
	return false;
}

static bool
has_key(const struct writ_pair *v, size_t n, struct writ_str key)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (writ_str_is(key, v[i].key))
			return true;
	return false;
}

static enum writ_status
taken(struct writ_err *err, const char *what, const char *name)
{
	return writ_fail(err, WRIT_INVALID, "%s: %s %.200s is there already",
	    label, what, name);
}

static enum writ_status
check_pairs(const struct writ_pair *a, size_t n, const struct writ_pair *b,
    size_t m, struct writ_err *err)
{
	size_t bytes = 0, i;

	for (i = 0; i < m; i++)
		if (has_key(a, n, writ_str_from(b[i].key)))
			return taken(err, "the key", b[i].key);
	for (i = 0; i < n; i++)
		bytes += strlen(a[i].key) + strlen(a[i].value) + 2;
	for (i = 0; i < m; i++)
		bytes += strlen(b[i].key) + strlen(b[i].value) + 2;
	if (n + m > WRIT_ENV_MAX || bytes > WRIT_ENV_BYTES_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: too many variables or "
		    "configuration keys", label);
	return WRIT_OK;
}

static enum writ_status
check_spawn(const struct writ_policy *p, const struct writ_policy *q,
    struct writ_err *err)
{
	size_t i;

	if (p->spawn_count + q->spawn_count > WRIT_DOC_LIST_MAX ||
	    p->spawn_deny_count + q->spawn_deny_count > WRIT_DOC_LIST_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: more than 1024 spawn "
		    "entries", label);
	for (i = 0; i < q->spawn_count; i++) {
		if (writ_policy_has_name(p, q->spawn[i].name))
			return taken(err, "the name", q->spawn[i].name);
		if (writ_policy_spawn(p, writ_str_from(q->spawn[i].tool)))
			return taken(err, "the tool", q->spawn[i].tool);
	}
	for (i = 0; i < q->spawn_deny_count; i++)
		if (writ_policy_has_name(p, q->spawn_deny[i].name))
			return taken(err, "the name", q->spawn_deny[i].name);
	return WRIT_OK;
}

static enum writ_status
check_net(const struct writ_policy *p, const struct writ_policy *q,
    struct writ_err *err)
{
	size_t i;

	if (p->http_count + q->http_count > WRIT_DOC_LIST_MAX ||
	    p->sockets_count + q->sockets_count > WRIT_DOC_LIST_MAX ||
	    p->http_deny_count + q->http_deny_count > WRIT_DOC_LIST_MAX ||
	    p->sockets_deny_count + q->sockets_deny_count > WRIT_DOC_LIST_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: more than 1024 http or "
		    "sockets entries", label);
	for (i = 0; i < q->http_count; i++)
		if (writ_policy_has_name(p, q->http[i].name))
			return taken(err, "the name", q->http[i].name);
	for (i = 0; i < q->sockets_count; i++) {
		if (writ_policy_has_name(p, q->sockets[i].name))
			return taken(err, "the name", q->sockets[i].name);
		if (writ_sockets_same(p->sockets, p->sockets_count,
		    &q->sockets[i]))
			return taken(err, "the place", q->sockets[i].host);
	}
	for (i = 0; i < q->http_deny_count; i++)
		if (writ_policy_has_name(p, q->http_deny[i].name))
			return taken(err, "the name", q->http_deny[i].name);
	for (i = 0; i < q->sockets_deny_count; i++)
		if (writ_policy_has_name(p, q->sockets_deny[i].name))
			return taken(err, "the name", q->sockets_deny[i].name);
	return WRIT_OK;
}

static enum writ_status
check_secrets(const struct writ_policy *p, const struct writ_policy *q,
    struct writ_err *err)
{
	size_t i;

	if (p->secrets_count + q->secrets_count > WRIT_SECRETS_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: more than %d secrets",
		    label, WRIT_SECRETS_MAX);
	for (i = 0; i < q->secrets_count; i++)
		if (writ_policy_secret(p, q->secrets[i].name))
			return taken(err, "the secret", q->secrets[i].name);
	return WRIT_OK;
}

static enum writ_status
check_merge(const struct writ_policy *p, const struct writ_policy *q,
    struct writ_err *err)
{
	enum writ_status st;
	size_t i;

	if (p->files_count + q->files_count > WRIT_MOUNTS_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: more than 64 mounts",
		    label);
	if (p->files_deny_count + q->files_deny_count > WRIT_DOC_LIST_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: more than 1024 deny "
		    "entries", label);
	for (i = 0; i < q->files_count; i++) {
		if (writ_policy_has_name(p, q->files[i].name))
			return taken(err, "the name", q->files[i].name);
		if (has_mount(p, q->files[i].at))
			return taken(err, "the mount", q->files[i].at);
	}
	for (i = 0; i < q->files_deny_count; i++)
		if (writ_policy_has_name(p, q->files_deny[i].name))
			return taken(err, "the name", q->files_deny[i].name);
	if (p->more->clock_said && q->more->clock_said)
		return taken(err, "a grant of", "clock");
	if (p->more->random_said && q->more->random_said)
		return taken(err, "a grant of", "random");
	st = check_spawn(p, q, err);
	if (st == WRIT_OK)
		st = check_net(p, q, err);
	if (st == WRIT_OK)
		st = check_secrets(p, q, err);
	if (st == WRIT_OK)
		st = check_pairs(p->env, p->env_count, q->env, q->env_count, err);
	return st != WRIT_OK ? st : check_pairs(p->config, p->config_count,
	    q->config, q->config_count, err);
}

/* One array of a then b in *out; NULL when both are empty. */
static bool
joined(const void *a, size_t n, const void *b, size_t m, size_t size,
    void *out_pointer)
{
	char *v;

	if (n + m == 0)
		return true;
	v = writ_alloc(n + m, size);
	if (!v)
		return false;
	if (n)
		memcpy(v, a, n * size);
	if (m)
		memcpy(v + n * size, b, m * size);
	memcpy(out_pointer, &v, sizeof(v));
	return true;
}

#define JOIN(f) \
	joined(p->f, p->f##_count, q->f, q->f##_count, sizeof(*p->f), &f)
#define TAKE(f)                              \
	do {                                 \
		writ_mem_free(p->f);         \
		writ_mem_free(q->f);         \
		p->f = writ_steal(&f);       \
		q->f = NULL;                 \
		p->f##_count += q->f##_count; \
		q->f##_count = 0;            \
	} while (0)

static void
take_values(struct writ_policy *p, const struct writ_policy *q)
{
	if (q->more->clock_said) {
		p->clock = q->clock;
		p->clock_seconds = q->clock_seconds;
		p->clock_resolution_ns = q->clock_resolution_ns;
		p->more->clock_said = true;
	}
	p->client |= q->client;
	if (q->more->random_said) {
		p->random = q->random;
		p->random_seed = q->random_seed;
		p->more->random_said = true;
	}
}

/* Move everything of q into p. */
static enum writ_status
merge(struct writ_policy *p, struct writ_policy *q, struct writ_err *err)
{
	writ_auto_mem struct writ_files_grant *files = NULL;
	writ_auto_mem struct writ_files_deny *files_deny = NULL;
	writ_auto_mem struct writ_spawn_grant *spawn = NULL;
	writ_auto_mem struct writ_spawn_deny *spawn_deny = NULL;
	writ_auto_mem struct writ_http_grant *http = NULL;
	writ_auto_mem struct writ_http_deny *http_deny = NULL;
	writ_auto_mem struct writ_sockets_grant *sockets = NULL;
	writ_auto_mem struct writ_sockets_deny *sockets_deny = NULL;
	writ_auto_mem struct writ_pair *env = NULL;
	writ_auto_mem struct writ_pair *config = NULL;
	writ_auto_mem struct writ_secret_source *secrets = NULL;
	enum writ_status st = check_merge(p, q, err);

	if (st != WRIT_OK)
		return st;
	if (!JOIN(files) || !JOIN(files_deny) || !JOIN(spawn) ||
	    !JOIN(spawn_deny) || !JOIN(http) || !JOIN(http_deny) ||
	    !JOIN(sockets) || !JOIN(sockets_deny) || !JOIN(env) || !JOIN(config) ||
	    !JOIN(secrets))
		return writ_fail(err, WRIT_NOMEM, "%s: out of memory", label);
	TAKE(files);
	TAKE(files_deny);
	TAKE(spawn);
	TAKE(spawn_deny);
	TAKE(http);
	TAKE(http_deny);
	TAKE(sockets);
	TAKE(sockets_deny);
	TAKE(env);
	TAKE(config);
	TAKE(secrets);
	take_values(p, q);
	return writ_policy_sort(p) == WRIT_OK ? WRIT_OK : writ_fail(err,
	    WRIT_NOMEM, "%s: out of memory", label);
}

static enum writ_status
add_fragment(struct writ_policy *p, struct writ_str text, struct writ_err *err)
{
	writ_auto(writ_policy) q = NULL;
	struct writ_sha256 h;
	enum writ_status st = writ_doc_parse(text, label, true, &q, err);

	if (st == WRIT_OK)
		st = merge(p, q, err);
	if (st != WRIT_OK)
		return st;
	writ_sha256_start(&h);
	writ_sha256_add(&h, p->digest.b, sizeof(p->digest.b));
	writ_sha256_add(&h, text.ptr, text.len);
	writ_sha256_end(&h, &p->digest);
	return WRIT_OK;
}

/* ---- short forms */

static void
name_from_path(const struct writ_policy *p, struct writ_str path,
    struct writ_buf *out)
{
	size_t i = path.len;

	while (i > 0 && path.ptr[i - 1] != '/')
		i--;
	writ_suggest_name(p, writ_str_skip(path, i), out);
}

/* files MODE AT FROM */
static bool
short_files(const struct writ_policy *p, const struct writ_str *w,
    struct writ_buf *out)
{
	writ_buf_cstr(out, "files: [{ name: ");
	name_from_path(p, w[1], out);
	writ_buf_cstr(out, ", mode: ");
	writ_buf_yaml(out, w[0]);
	writ_buf_cstr(out, ", at: ");
	writ_buf_yaml(out, w[1]);
	writ_buf_cstr(out, ", from: ");
	writ_buf_yaml(out, w[2]);
	writ_buf_cstr(out, " }]");
	return true;
}

static bool
pair(const char *section, struct writ_str s, struct writ_buf *out)
{
	struct writ_str value, key = writ_str_cut(s, '=', &value);

	if (!value.ptr)
		return false;
	writ_buf_printf(out, "%s: { ", section);
	writ_buf_yaml(out, key);
	writ_buf_cstr(out, ": ");
	writ_buf_yaml(out, value);
	writ_buf_cstr(out, " }");
	return true;
}

static bool
short_env(const struct writ_policy *p, const struct writ_str *w,
    struct writ_buf *out)
{
	return pair("env", w[0], out);
}

static bool
short_config(const struct writ_policy *p, const struct writ_str *w,
    struct writ_buf *out)
{
	return pair("config", w[0], out);
}

static bool
short_clock(const struct writ_policy *p, const struct writ_str *w,
    struct writ_buf *out)
{
	writ_buf_cstr(out, "clock: { wall: ");
	writ_buf_yaml(out, w[0]);
	writ_buf_cstr(out, " }");
	return true;
}

static bool
short_random(const struct writ_policy *p, const struct writ_str *w,
    struct writ_buf *out)
{
	writ_buf_cstr(out, "random: ");
	writ_buf_yaml(out, w[0]);
	return true;
}

/* http METHOD URL */
static bool
short_http(const struct writ_policy *p, const struct writ_str *w,
    struct writ_buf *out)
{
	writ_buf_cstr(out, "http: [{ name: ");
	writ_suggest_name(p, WRIT_STR("http"), out);
	writ_buf_cstr(out, ", methods: [");
	writ_buf_yaml(out, w[0]);
	writ_buf_cstr(out, "], url: ");
	writ_buf_yaml(out, w[1]);
	writ_buf_cstr(out, " }]");
	return true;
}

static bool
socket_at(const struct writ_policy *p, const char *key, struct writ_str place,
    struct writ_buf *out)
{
	writ_buf_cstr(out, "sockets: [{ name: ");
	writ_suggest_name(p, WRIT_STR("sockets"), out);
	writ_buf_printf(out, ", %s: ", key);
	writ_buf_yaml(out, place);
	writ_buf_cstr(out, " }]");
	return true;
}

/* sockets tcp://HOST:PORT */
static bool
short_sockets(const struct writ_policy *p, const struct writ_str *w,
    struct writ_buf *out)
{
	return socket_at(p, "connect", w[0], out);
}

/* listen tcp://ADDRESS:PORT */
static bool
short_listen(const struct writ_policy *p, const struct writ_str *w,
    struct writ_buf *out)
{
	return socket_at(p, "listen", w[0], out);
}

struct short_form {
	const char *word;
	size_t words;		/* behind it; the last one runs to the end */
	bool (*expand)(const struct writ_policy *p, const struct writ_str *w,
	    struct writ_buf *out);
	const char *form;
};

static const struct short_form short_forms[] = {
	{ "files", 3, short_files, "files read|write /AT FROM" },
	{ "env", 1, short_env, "env NAME=VALUE" },
	{ "config", 1, short_config, "config KEY=VALUE" },
	{ "clock", 1, short_clock, "clock real|frozen TIME" },
	{ "random", 1, short_random, "random secure|seeded N|trap" },
	{ "http", 2, short_http, "http METHOD URL" },
	{ "sockets", 1, short_sockets, "sockets tcp://HOST:PORT" },
	{ "listen", 1, short_listen, "listen tcp://ADDRESS:PORT" },
};

static enum writ_status
add_short(struct writ_policy *p, const struct short_form *f,
    struct writ_str rest, struct writ_err *err)
{
	struct writ_str w[WORDS_MAX] = { { NULL, 0 } };
	writ_auto_release(writ_buf) b;
	size_t i;

	for (i = 0; i < f->words && rest.ptr; i++) {
		w[i] = i + 1 < f->words ? writ_str_cut(rest, ' ', &rest) : rest;
		if (w[i].len == 0)
			break;
	}
	writ_buf_init(&b, FRAGMENT_MAX);
	if (i < f->words || !f->expand(p, w, &b))
		return writ_fail(err, WRIT_INVALID, "%s: the short form is: %s",
		    label, f->form);
	if (writ_buf_status(&b) != WRIT_OK)
		return writ_fail(err, writ_buf_status(&b), "%s: too long", label);
	return add_fragment(p, writ_buf_view(&b), err);
}

enum writ_status
writ_policy_add(struct writ_policy *p, struct writ_str text,
    struct writ_err *err)
{
	struct writ_str rest, word;
	size_t i;

	if (!writ_str_utf8(text))
		return writ_fail(err, WRIT_INVALID, "%s: not UTF-8", label);
	if (text.len && memchr(text.ptr, '\0', text.len))
		return writ_fail(err, WRIT_INVALID, "%s: a NUL in it", label);
	word = writ_str_cut(text, ' ', &rest);
	for (i = 0; i < sizeof(short_forms) / sizeof(short_forms[0]); i++)
		if (writ_str_is(word, short_forms[i].word))
			return add_short(p, &short_forms[i], rest, err);
	return add_fragment(p, text, err);
}

enum writ_status
writ_policy_add_dir(struct writ_policy *p, struct writ_str host,
    struct writ_str guest, bool write, struct writ_err *err)
{
	writ_auto_release(writ_buf) b, from;

	writ_buf_init(&b, FRAGMENT_MAX);
	writ_buf_init(&from, FRAGMENT_MAX);
	if (!writ_str_utf8(host) || !writ_str_utf8(guest))
		return writ_fail(err, WRIT_INVALID, "--dir: not UTF-8");
	if (host.len == 0 || guest.len == 0)
		return writ_fail(err, WRIT_INVALID, "--dir: an empty path");
	writ_buf_cstr(&from, host.ptr[0] == '~' ? "host:./" : "host:");
	writ_buf_str(&from, host);
	writ_buf_cstr(&b, "files: [{ name: ");
	name_from_path(p, guest, &b);
	writ_buf_cstr(&b, write ? ", mode: write, at: " : ", mode: read, at: ");
	writ_suggest_quote(guest, &b);
	writ_buf_cstr(&b, ", from: ");
	writ_suggest_quote(writ_buf_view(&from), &b);
	writ_buf_cstr(&b, " }]");
	if (writ_buf_status(&from) != WRIT_OK || writ_buf_status(&b) != WRIT_OK)
		return writ_fail(err, WRIT_LIMIT, "--dir: too long");
	return add_fragment(p, writ_buf_view(&b), err);
}

enum writ_status
writ_policy_add_env(struct writ_policy *p, struct writ_str key,
    struct writ_str value, struct writ_err *err)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, FRAGMENT_MAX);
	if (!writ_str_utf8(key) || !writ_str_utf8(value))
		return writ_fail(err, WRIT_INVALID, "--env: not UTF-8");
	if (has_key(p->env, p->env_count, key))
		return writ_fail(err, WRIT_EXIST, "--env: %.*s is there already",
		    WRIT_STR_ARG(key));
	writ_buf_cstr(&b, "env: { ");
	writ_buf_yaml(&b, key);
	writ_buf_cstr(&b, ": ");
	writ_buf_yaml(&b, value);
	writ_buf_cstr(&b, " }");
	if (writ_buf_status(&b) != WRIT_OK)
		return writ_fail(err, writ_buf_status(&b), "--env: too long");
	return add_fragment(p, writ_buf_view(&b), err);
}
