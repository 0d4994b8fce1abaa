/*
 * net.h - HTTP that goes out, and names that are looked up, seen from the broker: requests are
 * read, decided, charged and recorded here, names resolved through writ-net, addresses judged,
 * connections made.  No byte of DNS, HTTP or TLS is parsed here, none of a body seen.
 * One struct writ_net and its writ-net process belong to one session.  Nothing waits; one thread.
 */
#ifndef WRIT_BROKER_NET_H
#define WRIT_BROKER_NET_H

#include "broker/budget.h"
#include "broker/record.h"
#include "broker/resolver.h"
#include "broker/secrets.h"
#include "wire/conn.h"
#include "wire/net.h"

struct writ_net;

/** A grant's own authorities (`tls.ca`), or with file NULL the system's. */
struct writ_net_ca {
	const char *file;		/* as the grant has it */
	struct writ_str pem;
};

/** All borrowed for the life of the net. */
struct writ_net_config {
	const char *program;		/* path of writ-net */
	unsigned without_walls;
	const struct writ_policy *policy;
	struct writ_record *record;
	struct writ_budget *budget;	/* NULL: nothing is bounded */
	struct writ_secrets *secrets;	/* NULL: the policy names none */
	const struct writ_resolver *resolver;
	const struct writ_net_ca *cas;
	size_t cas_count;
};

/** Whether a policy has something that a net is needed for. */
bool writ_net_needed(const struct writ_policy *policy);

/** Start one; it gets ready while others go on.  Fails: WRIT_NOENT no such program; WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_net_open(const struct writ_net_config *config, struct writ_net **out,
    struct writ_err *err);
/**
 * End it: requests that still run are waited for at most WRIT_NET_LINGER_MS, then all have their
 * outcome, and the process is gone.  The record is still open.  Takes NULL.
 */
void writ_net_free(struct writ_net *n);
WRIT_AUTO_FREE(writ_net)

/** An fd that polls readable when writ_net_step has something to do. */
int writ_net_fd(const struct writ_net *n);
/** Milliseconds until a step is due without that; -1: none is. */
int writ_net_wait_ms(const struct writ_net *n);
/** Do what is there to do; never waits. */
void writ_net_step(struct writ_net *n);

/**
 * A worker asks for a request to be sent (HTTP of proto.h): decide, and answer it on `worker` with
 * HTTP_REPLY.  `n` NULL: the policy grants nothing of the kind, so it is refused by `record`.
 * WRIT_PROTO it is malformed beyond what a guest can cause; else as writ_conn_send.
 */
WRIT_MUST_CHECK enum writ_status
writ_net_http(struct writ_net *n, struct writ_record *record,
    struct writ_conn *worker, uint32_t id, struct writ_str body);

/** A name that is looked up.  The caller's storage, zeroed but for what is given, and where it is
 * until `done` was called or it was stopped. */
struct writ_net_lookup {
	/* given */
	char host[WRIT_HTTP_HOST_MAX + 1];	/* as policies have them: lower case, A-labels */
	uint64_t deadline_ns;		/* on the clock CLOCK_MONOTONIC */
	void (*done)(struct writ_net_lookup *l);
	/* result */
	struct writ_net_resolved result;
	bool no_fds;			/* this process, or the system, has no more fds */
	/* net's own */
	struct writ_net_lookup *next;
	bool active, asked, tcp;
	uint32_t id;
	size_t server;
	int fd;				/* TCP that connects; -1 */
	uint64_t turn_ns;		/* of this server ends */
};

/**
 * Begin.  `done` is called once, now or later, whatever comes of it.  An IP literal is itself;
 * "localhost" and what ends in ".localhost" are loopback; any other name of one label has no
 * address; the rest is asked of the name servers, as it is written.  Who may be dialled of the
 * result is the caller's to judge.
 */
void writ_net_lookup_start(struct writ_net *n, struct writ_net_lookup *l);
/** Forget about it: `done` will not be called.  Takes one that has ended. */
void writ_net_lookup_stop(struct writ_net *n, struct writ_net_lookup *l);

/** This machine's own addresses now, `*out` malloc'd (writ_mem_free).  WRIT_IO, WRIT_NOMEM,
 * WRIT_LIMIT: whoever asks must then not dial. */
WRIT_MUST_CHECK enum writ_status
writ_net_own(uint8_t (**out)[16], size_t *count);

#endif
