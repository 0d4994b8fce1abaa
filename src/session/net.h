/*
 * net.h - what a session's net is started with: name servers, authorities, budgets; and the net.
 * Internal to src/session.
 */
#ifndef WRIT_SESSION_NET_H
#define WRIT_SESSION_NET_H

#include "broker/bytes.h"
#include "broker/sock.h"
#include "session/session.h"

#define WRIT_SESSION_CAS_MAX 64		/* as many as one net takes */

/** Zeroed is none; where it is as long as its net lives. */
struct writ_session_net {
	bool needed;			/* by the writ */
	struct writ_resolver resolver;
	char resolver_text[256];
	char program[4096];
	struct writ_net_ca cas[WRIT_SESSION_CAS_MAX];	/* [0] the system's */
	struct writ_bytes pem[WRIT_SESSION_CAS_MAX];
	char digests[WRIT_SESSION_CAS_MAX][WRIT_DIGEST_TEXT];
	struct writ_str digest_texts[WRIT_SESSION_CAS_MAX];
	size_t cas_count, digests_count;
	struct writ_budget *budget;	/* NULL: no entry is bounded */
	struct writ_net *net;		/* NULL: not needed, or not started */
	struct writ_socks *socks;	/* NULL: none granted, or not started */
};

/** Read and open what a policy needs; nothing is started.  Fails with a sentence: a file of authorities
 * that is not there, not a person's own, or too large; a ledger that cannot be opened. */
WRIT_MUST_CHECK enum writ_status
writ_session_net_prepare(struct writ_session_net *s,
    const struct writ_host *host, const struct writ_policy *policy,
    struct writ_err *err);
/** Start the net, if one is needed, and have sockets, if some are granted.  Fails as writ_net_open. */
WRIT_MUST_CHECK enum writ_status
writ_session_net_start(struct writ_session_net *s, const struct writ_host *host,
    struct writ_record *record, struct writ_secrets *secrets,
    struct writ_err *err);
/** End both: all their requests have their outcomes on record then. */
void writ_session_net_end(struct writ_session_net *s);
/** Free the rest. */
void writ_session_net_release(struct writ_session_net *s);

#endif
