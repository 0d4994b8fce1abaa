/*
 * net_int.h - what net.c (the process), net_http.c (requests), net_dial.c (connections) and
 * net_lookup.c (names) share.  Nothing else includes it.
 */
#ifndef WRIT_BROKER_NET_INT_H
#define WRIT_BROKER_NET_INT_H

#include <sys/socket.h>

#include "broker/child.h"
#include "broker/net.h"

/** One connection that is being made for a request. */
struct writ_net_dial {
	enum { WRIT_DIAL_NONE, WRIT_DIAL_LOOKUP, WRIT_DIAL_CONNECT } stage;
	struct writ_net_lookup lookup;
	struct writ_net_resolved to;
	size_t next;			/* of `to`, to be tried */
	int fd;				/* that connects; -1 */
	uint8_t address[16];		/* it connects to */
	uint64_t deadline_ns, turn_ns;	/* of all; of this address */
	bool tried;			/* an address that passed the guard */
	bool timed_out;
	char why[256];			/* the first refusal of the guard, for the record */
};

/** A request between its decision and its end. */
struct writ_net_request {
	struct writ_net *net;
	uint32_t id;
	bool sent;			/* net has been told of it */
	bool decided;			/* its decision is on record */
	bool given_up;			/* net was told to give it up */
	bool wants_dial;		/* as soon as it is decided */
	unsigned dials;
	uint64_t decision;		/* its record */
	struct writ_budget_hold hold;
	bool holds;
	uint64_t may_move;		/* bytes, as net was told */
	struct writ_buf body, text;	/* the guest's words, and what is canonical */
	struct writ_http_field *fields;
	struct writ_http_request rq;
	struct writ_http_terms terms;
	uint64_t connect_ms, first_byte_ms, between_ms;
	int fd;				/* net's end of the exchange, until it is sent */
	struct writ_net_dial dial;
	enum writ_audit_outcome refused_as;	/* how a request that was given up ended */
	char detail[256];
};

struct writ_net_pool {
	char *key;			/* grants and origin */
	uint32_t id;
};

struct writ_net {
	struct writ_net_config config;
	struct writ_child child;
	struct writ_conn conn;		/* fd -1: it does not run */
	int epoll_fd;
	bool ready, want_out, ending;
	unsigned starts;
	uint64_t ready_by_ns;
	/* the set-up, so far */
	bool configured, sealed;
	size_t told_cas, told_pem;	/* authorities, and bytes of the next one */
	size_t told_grants, told_parts;	/* whose secrets were told */
	bool wants_secret[WRIT_SECRETS_MAX], has_secret[WRIT_SECRETS_MAX];
	struct writ_net_request *slots[WRIT_HTTP_EXCHANGES_MAX];
	uint32_t gen[WRIT_HTTP_EXCHANGES_MAX];
	unsigned live, dialling;
	struct writ_net_lookup *lookups;
	unsigned lookups_count, lookups_asked;	/* all; of them, by net */
	uint32_t lookup_seq;
	struct writ_vec pools;		/* struct writ_net_pool */
	uint32_t pool_seq;
	struct writ_buf scratch;
};

/* ids on the wire: of a request, slot and generation; of a look-up, a number with this bit */
#define WRIT_NET_LOOKUP_ID 0x80000000u
/* in the epoll, beside them: */
#define WRIT_NET_WIRE_ID UINT64_MAX

/* ---- net.c */
/** It runs, or was started anew.  Fails when it cannot. */
WRIT_MUST_CHECK enum writ_status
writ_net_running(struct writ_net *n, struct writ_err *err);
/** Kill it; all its requests have their outcomes. */
void writ_net_lose(struct writ_net *n, const char *why);
/** Send it a message; a net that does not read is lost. */
void writ_net_say(struct writ_net *n, unsigned type, uint32_t id,
    struct writ_str body, int fd);
/** Wait for `events` of a connecting fd; its step gets `id`.  False: it cannot. */
bool writ_net_watch(struct writ_net *n, int fd, uint32_t id);

/* ---- net_http.c */
/** The net is ready: send what waited. */
void writ_net_http_ready(struct writ_net *n);
WRIT_MUST_CHECK enum writ_status
writ_net_http_done(struct writ_net *n, const struct writ_msg *m);
WRIT_MUST_CHECK enum writ_status
writ_net_http_operation(struct writ_net *n, const struct writ_msg *m);
/** The request of an id, or NULL: it has ended.  *was: there was one of that id. */
struct writ_net_request *writ_net_request(struct writ_net *n, uint32_t id,
    bool *was);
/** It ends here. */
void writ_net_request_end(struct writ_net_request *r,
    enum writ_audit_outcome outcome, uint64_t bytes, const char *detail);
/** Have net give it up with `code`, and remember why for the outcome. */
void writ_net_request_fail(struct writ_net_request *r,
    const struct writ_http_fault *fault, enum writ_audit_outcome as,
    const char *detail);
/** The secrets that a grant's credential names, or all: tell net.  False: one of them is gone. */
bool writ_net_tell_secret(struct writ_net *n, unsigned index);

/* ---- net_dial.c */
WRIT_MUST_CHECK enum writ_status
writ_net_dial(struct writ_net *n, const struct writ_msg *m);
/** It is decided: dial if net wants it. */
void writ_net_dial_go(struct writ_net_request *r);
/** The connecting fd is ready, or its time is over. */
void writ_net_dial_step(struct writ_net_request *r, uint64_t now);
void writ_net_dial_stop(struct writ_net_request *r);
/** An address and port for connect(2): how long it is. */
socklen_t writ_net_sockaddr(const uint8_t address[16], unsigned port,
    struct sockaddr_storage *out);
/** Connect to an address, not waiting: *fd, and whether it is connected already.  WRIT_LIMIT no more
 * fds; WRIT_IO it cannot. */
WRIT_MUST_CHECK enum writ_status
writ_net_connect(const uint8_t address[16], unsigned port, int *fd, bool *now);
/** Whether a socket that connected is connected to that address and no other. */
bool writ_net_connected(int fd, const uint8_t address[16], unsigned port);

/* ---- net_lookup.c */
void writ_net_lookup_ready(struct writ_net *n);
WRIT_MUST_CHECK enum writ_status
writ_net_lookup_answer(struct writ_net *n, const struct writ_msg *m);
/** A TCP connection to a name server is ready, or somebody's time is over. */
void writ_net_lookup_step(struct writ_net *n, uint32_t id);
void writ_net_lookup_due(struct writ_net *n, uint64_t now);
/** When something is due; UINT64_MAX nothing. */
uint64_t writ_net_lookup_next_ns(const struct writ_net *n);
/** The net is gone: all of them end. */
void writ_net_lookup_lost(struct writ_net *n);

#endif
