/* Judging one HTTP request over every entry that matches. */
#include <stdarg.h>

#include "policy/decide.h"
#include "policy/http_shape.h"

#define SHOWN_MAX 80	/* bytes of a guest's word in a reason */

/* How far an entry went along with a request; later ones are nearer misses. */
enum stage {
	AT_METHOD,
	AT_QUERY,
	AT_HEADERS,
	AT_TYPE,
	AT_SIZE,
	AT_HOURS,
	AT_OPERATION,
	FITS
};

static const char *const stage_rules[] = { "methods", "query", "headers",
	"types", "max", "hours", "operations" };

struct miss {
	const struct writ_http_grant *grant;
	enum stage stage;
	struct writ_str what;		/* a header, a query's name */
};

struct judging {
	const struct writ_http_request *rq;
	struct writ_http_terms *terms;
	const struct writ_http_deny *deny;
	const struct writ_http_grant *ask;
	struct miss miss;
	bool many, clash;
};

static bool
method_fits(const struct writ_http_shape *s, const struct writ_http_request *rq)
{
	return !s->methods || writ_texts_have(s->methods, rq->method);
}

static bool
headers_fit(const struct writ_http_shape *s, const struct writ_http_request *rq,
    struct writ_str *which)
{
	size_t i;

	for (i = 0; i < rq->fields_count; i++) {
		*which = rq->fields[i].name;
		if (writ_str_is(*which, "content-length"))
			continue;
		if (s->headers ? !writ_texts_have(s->headers, *which) :
		    !writ_http_usual_header(*which))
			return false;
	}
	return true;
}

/* A body without a type is no body of a listed type; two types are none. */
static bool
type_fits(const struct writ_http_shape *s, const struct writ_http_request *rq)
{
	bool said = false;
	size_t i;

	if (!s->types)
		return true;
	for (i = 0; i < rq->fields_count; i++) {
		if (!writ_str_is(rq->fields[i].name, "content-type"))
			continue;
		if (said || !writ_http_type_in(s->types, writ_http_media_type(
		    rq->fields[i].value)))
			return false;
		said = true;
	}
	return said || !rq->has_body;
}

static bool
size_fits(const struct writ_http_grant *g, const struct writ_http_request *rq)
{
	if (rq->has_length && rq->length > g->request_max)
		return false;
	return !rq->has_body || g->request_max > 0 ||
	    (rq->has_length && rq->length == 0);
}

static bool
in_hours(const struct writ_http_shape *s, uint64_t minute)
{
	size_t i;

	for (i = 0; i < s->hours_count; i++)
		if (minute >= s->hours[i].from && minute < s->hours[i].to)
			return true;
	return s->hours_count == 0;
}

static bool
operation_fits(const struct writ_http_grant *g,
    const struct writ_http_request *rq)
{
	return !g->operation_field || !rq->operation.ptr ||
	    writ_texts_have(g->operations, rq->operation);
}

static enum stage
how_far(const struct writ_http_grant *g, const struct writ_http_request *rq,
    struct writ_str *what)
{
	const struct writ_http_shape *s = g->shape;

	*what = rq->method;
	if (!method_fits(s, rq))
		return AT_METHOD;
	if (rq->query.ptr && !writ_http_query_fits(s, rq->query, what))
		return AT_QUERY;
	if (!headers_fit(s, rq, what))
		return AT_HEADERS;
	if (!type_fits(s, rq))
		return AT_TYPE;
	if (!size_fits(g, rq))
		return AT_SIZE;
	if (!in_hours(s, rq->minute))
		return AT_HOURS;
	*what = rq->operation;
	return operation_fits(g, rq) ? FITS : AT_OPERATION;
}

static void
keep_miss(struct miss *m, const struct miss *n)
{
	if (!m->grant || n->stage > m->stage || (n->stage == m->stage &&
	    strcmp(n->grant->name, m->grant->name) < 0))
		*m = *n;
}

static bool
same_name(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* Two entries that would both say the same header are no answer to which. */
static void
keep_credential(struct judging *j, const struct writ_http_grant *g)
{
	struct writ_http_terms *t = j->terms;

	if (!g->credential_name)
		return;
	if (t->credential)
		j->clash = true;
	else
		t->credential = g;
}

static void
keep_terms(struct judging *j, const struct writ_http_grant *g)
{
	struct writ_http_terms *t = j->terms;

	if (t->count == WRIT_HTTP_MATCHES_MAX) {
		j->many = true;
		return;
	}
	t->grants[t->count++] = g;
	if (g->request_max < t->request_max)
		t->request_max = g->request_max;
	if (g->response_max < t->response_max)
		t->response_max = g->response_max;
	keep_credential(j, g);
	if (g->operation_field && !j->rq->operation.ptr) {
		if (t->operation_field &&
		    !same_name(t->operation_field, g->operation_field))
			j->clash = true;
		t->operation_field = g->operation_field;
	}
	/* each beats first; of several, the one with the least name */
	if (g->ask != WRIT_ASK_NEVER && (!j->ask || g->ask > j->ask->ask ||
	    (g->ask == j->ask->ask && strcmp(g->name, j->ask->name) < 0)))
		j->ask = g;
}

static void
visit(void *ctx, const struct writ_http_entry *e)
{
	struct judging *j = ctx;
	struct miss m = { e->grant };

	if (e->deny) {
		if (method_fits(e->shape, j->rq) && (!j->deny ||
		    strcmp(e->deny->name, j->deny->name) < 0))
			j->deny = e->deny;
		return;
	}
	m.stage = how_far(e->grant, j->rq, &m.what);
	if (m.stage == FITS)
		keep_terms(j, e->grant);
	else
		keep_miss(&j->miss, &m);
}

/* ---- words */

static void
say(struct writ_decision *out, enum writ_verdict v, const char *grant,
    const char *fmt, ...) WRIT_PRINTF(4, 5);
static void
say(struct writ_decision *out, enum writ_verdict v, const char *grant,
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
rule(struct writ_decision *out, const char *a, const char *b, const char *c,
    const char *d)
{
	(void)snprintf(out->rule, sizeof(out->rule), "%s%s%s%s", a, b, c, d);
}

/* A guest's word; everything in a canonical request is printable ASCII. */
struct word {
	char text[SHOWN_MAX + 4];
};

static struct word
shown(struct writ_str s)
{
	struct word w;
	size_t i, n = s.len < SHOWN_MAX ? s.len : SHOWN_MAX;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		w.text[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
	}
	(void)snprintf(w.text + n, sizeof(w.text) - n, "%s",
	    n < s.len ? "..." : "");
	return w;
}

static void
say_miss(const struct miss *m, struct writ_decision *out)
{
	struct word what = shown(m->what);
	const char *n = m->grant->name;

	rule(out, "http.", n, ".", stage_rules[m->stage]);
	switch (m->stage) {
	case AT_METHOD:
		say(out, WRIT_REFUSE, n, "http entry %s does not allow the "
		    "method %s", n, what.text);
		return;
	case AT_QUERY:
		say(out, WRIT_REFUSE, n, "http entry %s does not allow \"%s\" in "
		    "the query, or not so, or not twice", n, what.text);
		return;
	case AT_HEADERS:
		say(out, WRIT_REFUSE, n, "http entry %s does not allow the "
		    "header %s", n, what.text);
		return;
	case AT_TYPE:
		say(out, WRIT_REFUSE, n, "http entry %s allows only bodies of "
		    "the types it lists", n);
		return;
	case AT_SIZE:
		say(out, WRIT_REFUSE, n, "http entry %s allows a body of at most "
		    "%llu bytes", n, (unsigned long long)m->grant->request_max);
		return;
	case AT_HOURS:
		say(out, WRIT_REFUSE, n, "http entry %s allows nothing at this "
		    "hour", n);
		return;
	case AT_OPERATION:
		say(out, WRIT_REFUSE, n, "http entry %s does not allow the "
		    "operation %s", n, what.text);
		return;
	case FITS:
		break;
	}
	WRIT_BUG("a miss that fits");
}

static void
say_unmatched(const struct writ_policy *p, const struct writ_http_request *rq,
    struct writ_decision *out)
{
	bool ask = p->unmatched == WRIT_UNMATCHED_ASK;
	struct word url = shown(rq->url);

	rule(out, "unmatched", "", "", "");
	say(out, ask ? WRIT_ASK : WRIT_REFUSE, NULL, "no http entry covers %s",
	    url.text);
}

static void
conclude(const struct writ_policy *p, const struct judging *j,
    struct writ_decision *out)
{
	const struct writ_http_terms *t = j->terms;
	const char *n;

	if (j->deny) {
		rule(out, "deny.", j->deny->name, "", "");
		say(out, WRIT_REFUSE, j->deny->name, "deny entry %s refuses it",
		    j->deny->name);
	} else if (t->count == 0 && j->miss.grant) {
		say_miss(&j->miss, out);
		if (p->unmatched == WRIT_UNMATCHED_ASK)
			out->verdict = WRIT_ASK;
	} else if (t->count == 0) {
		say_unmatched(p, j->rq, out);
	} else if (j->many || j->clash) {
		rule(out, "http.overlap", "", "", "");
		say(out, WRIT_REFUSE, NULL, j->many ? "more than 16 http entries "
		    "cover it" : "several http entries cover it, with different "
		    "credentials or operations");
	} else if (j->ask) {
		rule(out, "http.", j->ask->name, "", "");
		say(out, WRIT_ASK, j->ask->name, "http entry %s asks a person",
		    j->ask->name);
	} else {
		n = t->grants[0]->name;
		rule(out, "http.", n, "", "");
		say(out, WRIT_ALLOW, n, "http entry %s covers it", n);
	}
}

static int
by_name(const void *a, const void *b)
{
	const struct writ_http_grant *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void
writ_decide_http(const struct writ_policy *p,
    const struct writ_http_request *rq, struct writ_http_terms *terms,
    struct writ_decision *out)
{
	struct judging j = { .rq = rq, .terms = terms };

	memset(out, 0, sizeof(*out));
	memset(terms, 0, sizeof(*terms));
	terms->request_max = terms->response_max = UINT64_MAX;
	writ_http_find(p, rq, visit, &j);
	if (terms->count > 1)
		qsort(terms->grants, terms->count, sizeof(terms->grants[0]),
		    by_name);
	conclude(p, &j, out);
}

/* A URL and a method alone: what `writ explain` asks, and a void that refused. */
void
writ_decide_http_url(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_decision *out)
{
	struct writ_http_request http;
	struct writ_http_terms terms;
	struct writ_str scheme = { "", 0 }, rest = rq->target;
	writ_auto_release(writ_buf) storage;
	const char *sep = rest.len ? memmem(rest.ptr, rest.len, "://", 3) : NULL;
	const char *why = NULL;
	size_t n;

	if (sep) {
		scheme = writ_str(rest.ptr, (size_t)(sep - rest.ptr));
		rest = writ_str_skip(rest, scheme.len + 3);
	}
	for (n = 0; n < rest.len && rest.ptr[n] != '/' && rest.ptr[n] != '?';
	    n++)
		;
	writ_buf_init(&storage, WRIT_HTTP_TARGET_MAX + 1024);
	if (!sep || scheme.len == 0)
		why = "no scheme (https:// or http://)";
	if (!why)
		why = writ_http_read(writ_str_from(rq->op ? rq->op : ""), scheme,
		    writ_str(rest.ptr, n), writ_str_skip(rest, n), NULL, 0,
		    &storage, &http);
	if (why) {
		memset(out, 0, sizeof(*out));
		rule(out, "malformed", "", "", "");
		say(out, WRIT_REFUSE, NULL, "the URL is refused: %s", why);
		return;
	}
	writ_decide_http(p, &http, &terms, out);
}
