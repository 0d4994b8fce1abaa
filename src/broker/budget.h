/*
 * budget.h - what grants with a rate, a concurrency or a total have used.  Kept in one file a writ
 * (by principal and the writ's name) under the state folder, so that every instance and
 * every process of the same user counts together, and totals outlive restarts.
 * Rates: at most N in any window, on the clock CLOCK_BOOTTIME; a file of another boot forgets
 * rates and concurrency, never totals.  One thread; processes share by a lock on the file.
 * A changed bound applies to what was used before it was changed.
 */
#ifndef WRIT_BROKER_BUDGET_H
#define WRIT_BROKER_BUDGET_H

#include "policy/policy.h"

struct writ_budget;

/** Open (and make) the ledger of a writ in folder `dir`.  Only grants of `policy` with a bound
 * have an account in it.  *out is NULL when none has.  WRIT_IO, WRIT_INVALID a damaged
 * file (never reset by itself), WRIT_DENIED one that is not ours alone, WRIT_LIMIT too
 * many accounts or processes, WRIT_NOMEM.  `policy` is not needed afterwards. */
WRIT_MUST_CHECK enum writ_status
writ_budget_open(const char *dir, const struct writ_policy *policy,
    struct writ_budget **out, struct writ_err *err);
/** What was not settled is given back, but for its bytes. */
void writ_budget_free(struct writ_budget *b);
WRIT_AUTO_FREE(writ_budget)

/** For tests: another clock, another boot. */
struct writ_budget_clock {
	uint64_t (*now_ns)(void *ctx);
	void *ctx;
	uint8_t boot[16];
};
WRIT_MUST_CHECK enum writ_status
writ_budget_open_with(const char *dir, const struct writ_policy *policy,
    const struct writ_budget_clock *clock, struct writ_budget **out,
    struct writ_err *err);

/** What one request, or socket, holds until it has ended. */
struct writ_budget_hold {
	unsigned accounts[WRIT_HTTP_MATCHES_MAX];
	size_t count;
	uint64_t bytes;			/* that it may still move, of the totals; UINT64_MAX any */
};

/**
 * Charge one request to all entries that allow it, or to none.  WRIT_OK: *hold;
 * WRIT_LIMIT: rule gets "http.NAME.rate", ".concurrency", ".requests" or ".bytes", and
 * reason a sentence that says when it would work again; WRIT_IO the ledger cannot be
 * used (rule "budget", reason why).  `b` NULL: nothing is bounded.
 *
 * Of a total of bytes a request takes as much as its entries let it move (request_max +
 * response_max), a socket WRIT_BUDGET_PIECE, or what is left.  It counts as
 * moved from then on, until writ_budget_settle gives back what was not.
 */
WRIT_MUST_CHECK enum writ_status
writ_budget_charge(struct writ_budget *b, const char *kind,
    const char *const *names, size_t count, struct writ_budget_hold *hold,
    char rule[WRIT_RULE_MAX], char reason[WRIT_REASON_MAX]);
/** Take up to WRIT_BUDGET_PIECE more: hold->bytes grows.  WRIT_LIMIT nothing is left; WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_budget_more(struct writ_budget *b, struct writ_budget_hold *hold);
/** The request has ended and moved so many bytes.  A second time does nothing.  WRIT_IO: what
 * it held stays taken. */
WRIT_MUST_CHECK enum writ_status
writ_budget_settle(struct writ_budget *b, struct writ_budget_hold *hold,
    uint64_t bytes);

#endif
