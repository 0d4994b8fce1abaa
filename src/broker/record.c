#include "base/limits.h"
#include "broker/record.h"

#define TOLD_MAX (256 * 1024)	/* bytes of a target without secrets */
#define RULES_MAX 256		/* rules told of apart; beyond, refusals are silent */

struct told {
	char rule[WRIT_RULE_MAX];
	uint64_t count;
};

void
writ_record_init(struct writ_record *r, struct writ_audit *audit,
    const struct writ_policy *policy,
    void (*refused)(void *ctx, const struct writ_refused *refused), void *ctx)
{
	memset(r, 0, sizeof(*r));
	r->audit = audit;
	r->policy = policy;
	r->refused = refused;
	r->ctx = ctx;
	writ_vec_init(&r->told, sizeof(struct told), RULES_MAX);
}

void
writ_record_release(struct writ_record *r)
{
	writ_vec_release(&r->told);
}

void
writ_record_call(struct writ_record *r)
{
	r->told.len = 0;
}

static struct writ_str
kind_name(enum writ_request_kind kind)
{
	static const char *const names[] = { "files", "http", "sockets",
		"keyvalue", "blobs", "spawn", "client" };

	_Static_assert(sizeof(names) / sizeof(names[0]) == WRIT_REQ_CLIENT + 1,
	    "a kind without a name");
	return writ_str_from(names[kind]);
}

/* As in the audit log: the first ones of a rule verbatim, then silence. */
static bool
worth_telling(struct writ_record *r, const char *rule)
{
	struct told *t;
	size_t i;

	for (i = 0; i < r->told.len; i++) {
		t = writ_vec_at(&r->told, i);
		if (!strcmp(t->rule, rule))
			return ++t->count <= WRIT_AUDIT_VERBATIM;
	}
	if (writ_vec_push(&r->told, &t) != WRIT_OK)
		return false;
	memcpy(t->rule, rule, strlen(rule) + 1);
	t->count = 1;
	return true;
}

/* `helps`: a grant would. */
static void
tell(struct writ_record *r, const struct writ_request *rq,
    const struct writ_decision *d, uint64_t id, bool helps)
{
	writ_auto_release(writ_buf) smallest;
	writ_auto_release(writ_buf) clean;
	writ_auto_release(writ_buf) target;
	struct writ_request shown = *rq;
	struct writ_decision said = *d;
	struct writ_refused what = { id, &shown, &said, { "", 0 } };

	if (!r->refused || !worth_telling(r, d->rule))
		return;
	writ_buf_init(&smallest, 2 * WRIT_DOC_STRING_MAX);
	writ_buf_init(&clean, TOLD_MAX);
	writ_buf_init(&target, TOLD_MAX);
	if (helps)
		writ_policy_suggest(r->policy, rq, &smallest);
	if (writ_buf_status(&smallest) == WRIT_OK)
		what.smallest = writ_secrets_clean(r->secrets,
		    writ_buf_view(&smallest), 2 * WRIT_DOC_STRING_MAX,
		    &clean);
	shown.target = writ_secrets_clean(r->secrets, rq->target,
	    rq->target.len, &target);
	if (r->secrets)
		shown.http = NULL;
	writ_secrets_clean_text(r->secrets, said.reason, sizeof(said.reason));
	r->refused(r->ctx, &what);
}

static enum writ_audit_verdict
verdict_of(enum writ_verdict v)
{
	return v == WRIT_ALLOW ? WRIT_AUDIT_ALLOW : v == WRIT_ASK ?
	    WRIT_AUDIT_ASK : WRIT_AUDIT_DENY;
}

static bool
is_durable(const struct writ_record *r, const struct writ_decision *d,
    const struct writ_request *rq)
{
	size_t i;

	for (i = 0; rq->http && i < r->policy->http_count; i++)
		if (d->grant && !strcmp(r->policy->http[i].name, d->grant))
			return r->policy->http[i].durable;
	for (i = 0; rq->kind == WRIT_REQ_SOCKETS &&
	    i < r->policy->sockets_count; i++)
		if (d->grant && !strcmp(r->policy->sockets[i].name, d->grant))
			return r->policy->sockets[i].durable;
	if (rq->kind != WRIT_REQ_FILES || !d->grant || !rq->write)
		return false;
	for (i = 0; i < r->policy->files_count; i++)
		if (!strcmp(r->policy->files[i].name, d->grant))
			return r->policy->files[i].durable;
	return false;
}

static enum writ_status
write_down(struct writ_record *r, const struct writ_request *rq,
    const struct writ_decision *d, bool coalesce, uint64_t *id)
{
	struct writ_audit_decision a = {
		.kind = kind_name(rq->kind),
		.op = writ_str_from(rq->op),
		.target = rq->target,
		.grant = writ_str_from(d->grant),
		.rule = writ_str_from(d->rule),
		.reason = writ_str_from(d->reason),
		.verdict = verdict_of(d->verdict),
		.coalesce = coalesce && d->verdict == WRIT_ALLOW,
		.durable = is_durable(r, d, rq),
	};
	enum writ_status st = writ_audit_decide(r->audit, &a, id, NULL);

	if (st == WRIT_OK)
		return st;
	if (st == WRIT_LIMIT)
		r->full = true;
	else
		r->failed = true;
	return WRIT_IO;
}

enum writ_status
writ_record_judge(struct writ_record *r, const struct writ_request *rq,
    enum writ_record_why why, uint64_t *id_out)
{
	struct writ_decision d;
	enum writ_status st;
	uint64_t id = 0;

	writ_decide(r->policy, rq, &d);
	if (why == WRIT_RECORD_SEE ||
	    (why == WRIT_RECORD_TOUCH && d.verdict == WRIT_ALLOW))
		return d.verdict == WRIT_ALLOW ? WRIT_OK : WRIT_DENIED;
	if (r->failed)
		return WRIT_IO;
	st = write_down(r, rq, &d, why == WRIT_RECORD_LOOK, &id);
	if (st != WRIT_OK)
		return st;
	if (id_out)
		*id_out = id;
	if (d.verdict == WRIT_ALLOW) {
		r->allowed++;
		return WRIT_OK;
	}
	r->refusals++;
	tell(r, rq, &d, id, true);
	return WRIT_DENIED;
}

/* Nobody is there to ask, yet: it is refused, and the log says why. */
static enum writ_status
no_approver(struct writ_record *r, uint64_t id)
{
	if (writ_audit_outcome(r->audit, id, WRIT_AUDIT_NO_APPROVER, 0,
	    WRIT_STR("nobody can be asked"), NULL) == WRIT_OK)
		return WRIT_DENIED;
	r->failed = true;
	return WRIT_IO;
}

enum writ_status
writ_record_http(struct writ_record *r, const struct writ_http_request *rq,
    struct writ_http_terms *terms, const struct writ_record_charge *charge,
    struct writ_record_http *out)
{
	char op[WRIT_HTTP_METHOD_MAX + 1];
	const struct writ_request plain = { .kind = WRIT_REQ_HTTP, .op = op,
		.target = rq->url, .http = rq };
	enum writ_status st;

	memset(out, 0, sizeof(*out));
	if (writ_str_cstr(rq->method, op, sizeof(op)) != WRIT_OK)
		WRIT_BUG("a method that was not read");
	writ_decide_http(r->policy, rq, terms, &out->decision);
	if (out->decision.verdict == WRIT_ALLOW && terms->operation_field &&
	    !rq->operation.ptr)
		return WRIT_PENDING;
	if (r->failed)
		return WRIT_IO;
	if (out->decision.verdict == WRIT_ALLOW)
		charge->charge(charge->ctx, terms, &out->decision);
	st = write_down(r, &plain, &out->decision, false, &out->id);
	if (st != WRIT_OK)
		return st;
	if (out->decision.verdict == WRIT_ALLOW) {
		r->allowed++;
		return WRIT_OK;
	}
	r->refusals++;
	r->asked += out->decision.verdict == WRIT_ASK;
	tell(r, &plain, &out->decision, out->id, true);
	return out->decision.verdict == WRIT_ASK ? no_approver(r, out->id) :
	    WRIT_DENIED;
}

void
writ_record_refuse(struct writ_record *r, const struct writ_request *rq,
    const char *rule, const char *reason)
{
	struct writ_decision d = { .verdict = WRIT_REFUSE };
	uint64_t id = 0;

	snprintf(d.rule, sizeof(d.rule), "%s", rule);
	snprintf(d.reason, sizeof(d.reason), "%s", reason);
	if (r->failed || write_down(r, rq, &d, false, &id) != WRIT_OK)
		return;
	r->refusals++;
	tell(r, rq, &d, id, false);
}

void
writ_record_ended(struct writ_record *r, uint64_t id,
    enum writ_audit_outcome outcome, uint64_t bytes, const char *detail)
{
	if (id && writ_audit_outcome(r->audit, id, outcome, bytes,
	    writ_str_from(detail[0] ? detail : NULL), NULL) != WRIT_OK)
		r->failed = true;
}

void
writ_record_outcome(struct writ_record *r, uint64_t id, enum writ_status status,
    uint64_t bytes)
{
	enum writ_audit_outcome o = status == WRIT_OK ? WRIT_AUDIT_ALLOWED :
	    status == WRIT_UNKNOWN ? WRIT_AUDIT_UNKNOWN : WRIT_AUDIT_FAILED;
	struct writ_str detail = writ_str_from(status == WRIT_OK ? NULL :
	    writ_status_name(status));

	if (id && writ_audit_outcome(r->audit, id, o, bytes, detail, NULL) !=
	    WRIT_OK)
		r->failed = true;
}
