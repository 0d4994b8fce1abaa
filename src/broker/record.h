/*
 * record.h - where a request is decided, and the decision written down before its effect.
 * The only caller of writ_decide and of the audit log's decision records.
 */
#ifndef WRIT_BROKER_RECORD_H
#define WRIT_BROKER_RECORD_H

#include "audit/audit.h"
#include "base/vec.h"
#include "broker/secrets.h"
#include "policy/policy.h"

/** Told of a refusal, the first ones of each rule verbatim.  Borrowed for the call. */
struct writ_refused {
	uint64_t id;			/* of the decision's record */
	const struct writ_request *request;
	const struct writ_decision *decision;
	struct writ_str smallest;	/* grant that would allow it, or empty */
};

struct writ_record {
	struct writ_audit *audit;
	const struct writ_policy *policy;
	void (*refused)(void *ctx, const struct writ_refused *refused);
	void *ctx;
	uint64_t allowed, refusals, asked;
	bool failed;			/* the log cannot be written: nothing goes on */
	bool full;			/* limits.audit is reached: the call is to end */
	const struct writ_secrets *secrets;	/* kept out of what is told; NULL: none */
	struct writ_vec told;		/* how often each rule was told */
};

/** `audit`, `policy` are borrowed.  `refused` may be NULL. */
void writ_record_init(struct writ_record *r, struct writ_audit *audit,
    const struct writ_policy *policy,
    void (*refused)(void *ctx, const struct writ_refused *refused), void *ctx);
void writ_record_release(struct writ_record *r);

/** Another call begins: what its caller is told of starts anew. */
void writ_record_call(struct writ_record *r);

/** What a decision is for. */
enum writ_record_why {
	WRIT_RECORD_EFFECT,	/* record it, then the effect may follow */
	WRIT_RECORD_LOOK,	/* as EFFECT, but many alike may be counted together */
	WRIT_RECORD_TOUCH,	/* record only a refusal */
	WRIT_RECORD_SEE		/* record nothing */
};

/**
 * Decide, record, count, and tell of a refusal.  WRIT_OK allowed; WRIT_DENIED refused;
 * WRIT_IO the record could not be written: the effect must not happen.  *id (may be NULL)
 * gets the decision's id for writ_record_outcome, 0 when none was written.
 */
WRIT_MUST_CHECK enum writ_status
writ_record_judge(struct writ_record *r, const struct writ_request *rq,
    enum writ_record_why why, uint64_t *id);

/** Asked of every entry that allows a request: it may turn *d into a refusal (a budget). */
struct writ_record_charge {
	void (*charge)(void *ctx, const struct writ_http_terms *terms,
	    struct writ_decision *d);
	void *ctx;
};

/** How a request over HTTP was decided, and the record of it (0: counted only). */
struct writ_record_http {
	struct writ_decision decision;
	uint64_t id;
};

/**
 * As writ_record_judge for an HTTP request; `terms` gets what it is held to.  Where a person would be
 * asked it is refused, with the outcome "no-approver".  WRIT_PENDING: it depends on its operation,
 * nothing was charged or recorded yet.  WRIT_IO: what was charged is to be given back.
 */
WRIT_MUST_CHECK enum writ_status
writ_record_http(struct writ_record *r, const struct writ_http_request *rq,
    struct writ_http_terms *terms, const struct writ_record_charge *charge,
    struct writ_record_http *out);

/**
 * Record, count and tell a refusal that is none of the policy's.  With rule `malformed`, what was
 * asked for cannot be named (a path that leaves its folder), so `rq` names the nearest that can be
 * (the folder it was asked through).
 */
void writ_record_refuse(struct writ_record *r, const struct writ_request *rq,
    const char *rule, const char *reason);

/** What became of an effect decided before, in other words than a status. */
void writ_record_ended(struct writ_record *r, uint64_t id,
    enum writ_audit_outcome outcome, uint64_t bytes, const char *detail);

/** The outcome of an effect decided before. */
void writ_record_outcome(struct writ_record *r, uint64_t id,
    enum writ_status status, uint64_t bytes);

#endif
