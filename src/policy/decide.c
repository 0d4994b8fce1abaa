#include "policy/decide.h"

#include <stdarg.h>

#include "base/limits.h"
#include "policy/glob.h"
#include "policy/lookalike.h"

#define SHOWN_MAX 120	/* bytes of a target in a reason */

/* Target text for people, short and without control bytes. */
struct shown {
	char text[SHOWN_MAX + 4];
};

static struct shown
show(struct writ_str s)
{
	size_t n = s.len < SHOWN_MAX ? s.len : SHOWN_MAX, i;
	bool clean = s.len == 0 || writ_str_utf8(s);
	struct shown out;

	while (clean && n > 0 && n < s.len &&
	    ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
		n--;
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		out.text[i] = c < 0x20 || c == 0x7f || (!clean && c >= 0x80) ?
		    '?' : (char)c;
	}
	(void)snprintf(out.text + n, sizeof(out.text) - n, "%s",
	    n < s.len ? "..." : "");
	return out;
}

static void
verdict(struct writ_decision *out, enum writ_verdict v, const char *grant,
    const char *fmt, ...) WRIT_PRINTF(4, 5);

static void
verdict(struct writ_decision *out, enum writ_verdict v, const char *grant,
    const char *fmt, ...)
{
	va_list ap;

	out->verdict = v;
	out->grant = grant;
	va_start(ap, fmt);
	(void)vsnprintf(out->reason, sizeof(out->reason), fmt, ap);
	va_end(ap);
}

static void
rule(struct writ_decision *out, const char *a, const char *b, const char *c)
{
	(void)snprintf(out->rule, sizeof(out->rule), "%s%s%s", a, b, c);
}

const char *
writ_decide_path_wrong(struct writ_str path)
{
	struct writ_str rest = path, seg;
	size_t parts = 0;

	if (path.len == 0 || path.ptr[0] != '/')
		return "it is not absolute";
	if (path.len > WRIT_PATH_MAX)
		return "it is longer than 4095 bytes";
	if (memchr(path.ptr, '\0', path.len) || !writ_str_utf8(path))
		return "it is not text";
	if (path.len == 1)
		return NULL;
	rest = writ_str_skip(path, 1);
	while (rest.ptr) {
		seg = writ_str_cut(rest, '/', &rest);
		if (seg.len == 0 || writ_str_is(seg, ".") ||
		    writ_str_is(seg, ".."))
			return "it is not canonical";
		if (seg.len > WRIT_NAME_MAX || ++parts > WRIT_PATH_PARTS_MAX)
			return "a name in it is too long, or too many";
	}
	return NULL;
}

/* The mount at exactly `at`; mounts are sorted longest first, then by bytes. */
static const struct writ_files_grant *
mount_at(const struct writ_policy *p, struct writ_str at)
{
	size_t lo = 0, hi = p->files_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2, n = strlen(p->files[mid].at);
		int r = n != at.len ? (n < at.len ? 1 : -1) :
		    memcmp(p->files[mid].at, at.ptr, n);

		if (r == 0)
			return &p->files[mid];
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct writ_files_grant *
writ_decide_mount(const struct writ_policy *p, struct writ_str path)
{
	const struct writ_files_grant *g;
	size_t n = path.len;

	if (p->files_count == 0)
		return NULL;
	for (;;) {
		g = mount_at(p, writ_str(path.ptr, n ? n : 1));
		if (g || n <= 1)
			return g;
		do {
			n--;
		} while (n > 0 && path.ptr[n] != '/');
	}
}

static int
prefix_cmp(const struct writ_files_deny *d, struct writ_str s)
{
	size_t n = d->literal < s.len ? d->literal : s.len;
	int r = n ? memcmp(d->path, s.ptr, n) : 0;

	if (r == 0 && d->literal != s.len)
		return d->literal < s.len ? -1 : 1;
	return r;
}

/* First deny entry whose literal prefix is not less than `s`. */
static size_t
deny_from(const struct writ_policy *p, struct writ_str s)
{
	size_t lo = 0, hi = p->files_deny_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (prefix_cmp(&p->files_deny[mid], s) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
refuses(const struct writ_files_deny *d, const struct writ_request *rq)
{
	struct writ_str pattern = writ_str_skip(writ_str_from(d->path), 1);
	struct writ_str path = writ_str_skip(rq->target, 1);

	if (d->write_only && !rq->write)
		return false;
	if (writ_glob_covers(pattern, path))
		return true;
	/* What is denied must not be carried to where the pattern ends. */
	return rq->write && rq->how == WRIT_HOW_TREE &&
	    writ_glob_reaches(pattern, path);
}

/* The one with the least name, so that the order of entries cannot show. */
static void
keep_least(const struct writ_files_deny **best, const struct writ_files_deny *d)
{
	if (!*best || strcmp(d->name, (*best)->name) < 0)
		*best = d;
}

const struct writ_files_deny *
writ_decide_denied(const struct writ_policy *p, const struct writ_request *rq)
{
	const struct writ_files_deny *best = NULL;
	struct writ_str path = rq->target, prefix;
	size_t n, i;

	if (p->files_deny_count == 0)
		return NULL;
	for (n = 0; n <= path.len; n++) {
		if (n > 0 && n < path.len && path.ptr[n] != '/')
			continue;
		if (n == path.len && path.len == 1)
			break;
		prefix = writ_str(path.ptr, n);
		for (i = deny_from(p, prefix); i < p->files_deny_count &&
		    prefix_cmp(&p->files_deny[i], prefix) == 0; i++)
			if (refuses(&p->files_deny[i], rq))
				keep_least(&best, &p->files_deny[i]);
	}
	if (best || !rq->write || rq->how != WRIT_HOW_TREE)
		return best;
	/* Patterns that begin below the moved folder stand together behind it. */
	for (i = deny_from(p, path); i < p->files_deny_count &&
	    p->files_deny[i].literal >= path.len &&
	    !memcmp(p->files_deny[i].path, path.ptr, path.len); i++)
		if (refuses(&p->files_deny[i], rq))
			keep_least(&best, &p->files_deny[i]);
	return best;
}

/* `from` and the path below the mount as one path, in buf; protected names are those
 * of the host, wherever they are mounted.  {NULL,0} when too long. */
static struct writ_str
host_path(const struct writ_files_grant *g, struct writ_str path, char *buf,
    size_t cap)
{
	size_t at = strlen(g->at);
	struct writ_str rest = writ_str_skip(path, at == 1 ? 1 : at + 1);
	int n = snprintf(buf, cap, "%s/%.*s", g->from ? g->from : "",
	    (int)rest.len, rest.len ? rest.ptr : "");

	if (n < 0 || (size_t)n >= cap)
		return (struct writ_str){ NULL, 0 };
	return writ_str(buf, (size_t)n);
}

/* An empty component ("a//b") would end the search for names early. */
static size_t
squeeze(char *s, size_t n)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++)
		if (s[i] != '/' || k == 0 || s[k - 1] != '/')
			s[k++] = s[i];
	if (k > 1 && s[k - 1] == '/')
		k--;
	return k;
}

const char *
writ_decide_protected(const struct writ_files_grant *g,
    const struct writ_request *rq)
{
	char buf[2 * WRIT_PATH_MAX + 2];
	struct writ_str path;
	const char *which = NULL;

	if (g->source == WRIT_SOURCE_MEMORY)
		return NULL;
	path = host_path(g, rq->target, buf, sizeof(buf));
	if (!path.ptr)
		return writ_policy_protected()[0];
	path.len = squeeze(buf, path.len);
	if (path.len > 0 && path.ptr[0] == '/')
		path = writ_str_skip(path, 1);
	if (!rq->write && rq->how == WRIT_HOW_META)
		return NULL;
	if (!rq->write) {
		(void)writ_policy_is_secret(path, g->protected_names, &which);
		return which;
	}
	if (writ_policy_is_protected(path, g->protected_names, &which))
		return which;
	if (rq->how != WRIT_HOW_MKDIR)
		(void)writ_policy_holds_protected(path, g->protected_names,
		    &which);
	return which;
}

static void
decide_files(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_decision *out)
{
	const char *why = writ_decide_path_wrong(rq->target), *name;
	const char *act = rq->write ? "changing" : "reading";
	struct shown path = show(rq->target);
	const struct writ_files_grant *g;
	const struct writ_files_deny *d;

	if (why) {
		rule(out, "malformed", "", "");
		verdict(out, WRIT_REFUSE, NULL, "the path is refused: %s", why);
		return;
	}
	d = writ_decide_denied(p, rq);
	if (d) {
		rule(out, "deny.", d->name, "");
		verdict(out, WRIT_REFUSE, d->name, "deny entry %s refuses %s %s",
		    d->name, act, path.text);
		return;
	}
	g = writ_decide_mount(p, rq->target);
	if (!g) {
		rule(out, "unmatched", "", "");
		verdict(out, WRIT_REFUSE, NULL, "no files entry covers %s",
		    path.text);
		return;
	}
	if (rq->write && !g->write) {
		rule(out, "files.", g->name, ".mode");
		verdict(out, WRIT_REFUSE, g->name,
		    "files entry %s allows reading only", g->name);
		return;
	}
	name = writ_decide_protected(g, rq);
	if (name) {
		rule(out, "protected.", writ_policy_protected_slug(name), "");
		verdict(out, WRIT_REFUSE, g->name, "%s is protected from %s, and "
		    "files entry %s does not open it by name", name, act,
		    g->name);
		return;
	}
	rule(out, "files.", g->name, "");
	verdict(out, WRIT_ALLOW, g->name, "files entry %s covers %s %s", g->name,
	    act, path.text);
}

static void
decide_other(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_decision *out, const char *kind, const char *of)
{
	struct shown target = show(rq->target);
	bool ask = p->unmatched == WRIT_UNMATCHED_ASK;

	rule(out, "unmatched", "", "");
	verdict(out, ask ? WRIT_ASK : WRIT_REFUSE, NULL,
	    "no %s entry covers %s%s", kind, of, target.text);
}

const struct writ_spawn_grant *
writ_policy_spawn(const struct writ_policy *p, struct writ_str tool)
{
	size_t i;

	for (i = 0; i < p->spawn_count; i++)
		if (writ_str_is(tool, p->spawn[i].tool))
			return &p->spawn[i];
	return NULL;
}

static const struct writ_spawn_deny *
spawn_denied(const struct writ_policy *p, struct writ_str tool)
{
	const struct writ_spawn_deny *best = NULL, *d;
	size_t i;

	for (i = 0; i < p->spawn_deny_count; i++) {
		d = &p->spawn_deny[i];
		if (writ_str_is(tool, d->tool) &&
		    (!best || strcmp(d->name, best->name) < 0))
			best = d;
	}
	return best;
}

static void
decide_spawn(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_decision *out)
{
	const char *why = writ_lookalike_name_wrong(rq->target);
	const struct writ_spawn_grant *g;
	const struct writ_spawn_deny *d;
	struct shown tool = show(rq->target);

	if (why) {
		rule(out, "malformed", "", "");
		verdict(out, WRIT_REFUSE, NULL, "the tool's name is refused: %s",
		    why);
		return;
	}
	d = spawn_denied(p, rq->target);
	if (d) {
		rule(out, "deny.", d->name, "");
		verdict(out, WRIT_REFUSE, d->name, "deny entry %s refuses tool %s",
		    d->name, tool.text);
		return;
	}
	g = writ_policy_spawn(p, rq->target);
	if (!g) {
		decide_other(p, rq, out, "spawn", "tool ");
		return;
	}
	rule(out, "spawn.", g->name, "");
	verdict(out, WRIT_ALLOW, g->name, "spawn entry %s covers tool %s",
	    g->name, tool.text);
}

/* The client is a person's own program: never asked whether it may be asked. */
static void
decide_client(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_decision *out)
{
	const char *word;
	unsigned bit;

	for (bit = 1; (word = writ_policy_client_word(bit)) != NULL; bit <<= 1)
		if (writ_str_is(rq->target, word))
			break;
	if (!word) {
		rule(out, "malformed", "", "");
		verdict(out, WRIT_REFUSE, NULL, "nothing is asked of a client by "
		    "this name");
	} else if (p->client & bit) {
		rule(out, "client.", word, "");
		verdict(out, WRIT_ALLOW, NULL, "client: [%s] covers it", word);
	} else {
		rule(out, "unmatched", "", "");
		verdict(out, WRIT_REFUSE, NULL, "client does not list %s", word);
	}
}

void
writ_decide(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_decision *out)
{
	struct writ_http_terms terms;

	memset(out, 0, sizeof(*out));
	switch (rq->kind) {
	case WRIT_REQ_FILES:
		decide_files(p, rq, out);
		return;
	case WRIT_REQ_HTTP:
		if (rq->http)
			writ_decide_http(p, rq->http, &terms, out);
		else
			writ_decide_http_url(p, rq, out);
		return;
	case WRIT_REQ_SOCKETS:
		if (!writ_decide_socket(p, rq, out))
			decide_other(p, rq, out, "sockets", "");
		return;
	case WRIT_REQ_KEYVALUE:
		decide_other(p, rq, out, "keyvalue", "bucket ");
		return;
	case WRIT_REQ_BLOBS:
		decide_other(p, rq, out, "blobs", "container ");
		return;
	case WRIT_REQ_SPAWN:
		decide_spawn(p, rq, out);
		return;
	case WRIT_REQ_CLIENT:
		decide_client(p, rq, out);
		return;
	}
	rule(out, "malformed", "", "");
	verdict(out, WRIT_REFUSE, NULL, "a request of no known kind");
}
