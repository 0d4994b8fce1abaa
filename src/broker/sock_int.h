/*
 * sock_int.h - shared by sock.c (requests), sock_judge.c (who may), and sock_pump.c (bytes).
 */
#ifndef WRIT_BROKER_SOCK_INT_H
#define WRIT_BROKER_SOCK_INT_H

#include <sys/socket.h>

#include "broker/sock.h"
#include "wire/sock.h"

#define SOCK_TARGET_MAX (WRIT_HTTP_HOST_MAX + 16)

/** An effect that was allowed: to be ended with its outcome. */
struct sock_effect {
	bool running;
	const struct writ_sockets_grant *grant;
	uint64_t id;			/* of the decision; 0: counted only */
	struct writ_budget_hold hold;
	uint64_t moved;			/* bytes, both ways */
};

/** Somebody that a UDP socket may talk to. */
struct sock_peer {
	struct writ_sock_address at;
	struct sock_effect effect;
	uint64_t used;			/* when last, in turns of the socket's clock */
};

enum sock_stage {
	SOCK_FRESH, SOCK_BOUND, SOCK_LISTENING, SOCK_CONNECTING, SOCK_CONNECTED,
	SOCK_OVER			/* failed: only the pair may still be there */
};

/** What an epoll event is about: the kernel's socket, or the pair. */
struct sock_watch {
	struct sock *sock;
	int fd;
	uint32_t events;
};

struct sock {
	struct writ_socks *all;
	struct sock *next;		/* of all->first */
	uint32_t name;			/* the worker's; 0: it has closed it */
	bool udp, v6, gone;
	enum sock_stage stage;
	int fd;				/* -1: none */
	struct writ_conn pair;		/* fd -1: none */
	struct sock_watch net_watch, pair_watch;
	struct writ_sock_address local, remote;
	const struct writ_sockets_grant *listen;	/* that it is bound by; NULL: a client's */
	char bound[SOCK_TARGET_MAX];	/* as it was judged */
	bool has_option[WRIT_SOCK_OPTION_COUNT];
	uint64_t option[WRIT_SOCK_OPTION_COUNT];
	bool asked;			/* a request waits */
	unsigned ask_what;
	uint32_t ask_id, ask_new;
	struct sock_effect effect;	/* TCP */
	/* pump */
	struct writ_buf out;		/* taken from the pair, not yet sent */
	size_t out_pos;
	struct writ_sock_address out_to;	/* UDP: of the datagram in `out` */
	bool out_full;			/* UDP: there is one in it, perhaps empty */
	bool end_asked, end_sent;	/* by the worker; to the peer */
	bool in_ended, deaf, pair_ended, pair_cut;
	bool has_remote;		/* UDP: one peer alone */
	struct sock_peer *peers;	/* UDP: WRIT_SOCK_PEERS_MAX */
	unsigned peers_count;
	uint64_t clock;
	uint64_t linger_ns;		/* when to stop sending after the close */
};

/** A name that this session looked up. */
struct sock_name {
	uint8_t ip[16];
	char host[WRIT_HTTP_HOST_MAX + 1];
};

/** A lookup in flight. */
struct sock_resolve {
	struct writ_net_lookup lookup;	/* first */
	struct writ_socks *all;
	struct sock_resolve *next;
	uint32_t ask_id;
	uint64_t id;
	bool done;
};

struct writ_socks {
	struct writ_socks_config c;
	int epoll;
	struct sock *slots[WRIT_SOCKS_MAX];	/* by the worker's name */
	struct sock *first;
	unsigned count, closed;
	struct sock_resolve *resolves;
	unsigned resolves_count;
	struct sock_name *names;	/* WRIT_SOCK_NAMES_MAX */
	unsigned names_count, names_next;
	uint8_t (*own)[16];		/* this machine's addresses, and when they were */
	size_t own_count;
	uint64_t own_ns;
	struct writ_buf reply;
	uint8_t bytes[WRIT_FS_IO_MAX + WRIT_SOCK_GRAM_HEAD];
};

/* ---- sock_name.c */

/** Answer on `worker` the lookups that are done.  Fails as writ_conn_send. */
WRIT_MUST_CHECK enum writ_status
sock_resolves_answer(struct writ_socks *t, struct writ_conn *worker);
/** Stop what is left of them. */
void sock_resolves_stop(struct writ_socks *t);
/** A RESOLVE; else as writ_socks_serve. */
WRIT_MUST_CHECK enum writ_status
sock_resolve(struct writ_socks *t, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_msg *m);

/* ---- sock.c */

/** CLOCK_MONOTONIC. */
uint64_t sock_now_ns(void);
/** A socket of the worker's by this name, which is free.  NULL: no memory. */
struct sock *sock_new(struct writ_socks *t, uint32_t name, bool udp, bool v6);
/** It is gone; its memory is given back when no event can be about it. */
void sock_drop(struct sock *s, enum writ_status st);
/** Whether a worker may give this name to a new socket. */
bool sock_is_free(const struct writ_socks *t, uint32_t name);
/** Answer request `id`; fails as writ_conn_send. */
WRIT_MUST_CHECK enum writ_status
sock_reply(struct writ_socks *t, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_reply *r, int fd);
/** The same, with an error. */
WRIT_MUST_CHECK enum writ_status
sock_reply_failed(struct writ_socks *t, struct writ_conn *worker, uint32_t id,
    enum writ_sock_error error);
/** The same for what was judged: access denied; WRIT_IO ends the session. */
WRIT_MUST_CHECK enum writ_status
sock_reply_judged(struct writ_socks *t, struct writ_conn *worker, uint32_t id,
    enum writ_status st);

/* ---- sock_ask.c */

/** A request about a socket.  WRIT_PROTO; else as writ_conn_send. */
WRIT_MUST_CHECK enum writ_status
sock_ask(struct sock *s, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_msg *m);
/** An option, clamped. */
void sock_set(struct sock *s, const struct writ_sock_msg *m);
/** The kernel says that a connect has ended. */
WRIT_MUST_CHECK enum writ_status
sock_connected(struct sock *s, struct writ_conn *worker, uint32_t id);
/** A client may be there. */
WRIT_MUST_CHECK enum writ_status
sock_accept(struct sock *s, struct writ_conn *worker);

/* ---- sock_judge.c */

/** "tcp://HOST:PORT" of an address. */
void sock_target(bool udp, const struct writ_sock_address *a,
    char out[SOCK_TARGET_MAX]);
/** Judge, charge and record that `s` connects or sends to `a`.  WRIT_OK: `e` runs; WRIT_DENIED;
 * WRIT_IO nothing can be recorded. */
WRIT_MUST_CHECK enum writ_status
sock_judge_out(struct sock *s, const char *op, const struct writ_sock_address *a,
    struct sock_effect *e);
/** Judge and record that it is bound to `a`; s->listen and s->bound are set.  *id 0: by the way. */
WRIT_MUST_CHECK enum writ_status
sock_judge_bind(struct sock *s, const struct writ_sock_address *a, uint64_t *id);
/** Judge, charge and record a client of a socket bound by a `listen` entry. */
WRIT_MUST_CHECK enum writ_status
sock_judge_client(struct sock *s, const struct writ_sock_address *from,
    struct sock_effect *e);
/** Whether a name may be looked up; it is recorded. */
WRIT_MUST_CHECK enum writ_status
sock_judge_name(struct writ_socks *t, struct writ_str name, uint64_t *id);
/** Whether some entry for the name lets an answer through; then it is remembered. */
bool sock_name_keep(struct writ_socks *t, const char *name,
    const uint8_t ip[16]);
/** Have this machine's own addresses in t->own.  Fails as writ_net_own. */
WRIT_MUST_CHECK enum writ_status
sock_own(struct writ_socks *t);

/** How many bytes of `n` may be moved; 0: its budget is used up. */
size_t sock_allow(struct writ_socks *t, struct sock_effect *e, size_t n);
/** It is over: the outcome is recorded, the budget settled.  Takes one that does not run. */
void sock_effect_end(struct writ_socks *t, struct sock_effect *e,
    enum writ_status st);

/* ---- sock_pump.c */

/** The error that a guest sees of an errno. */
enum writ_sock_error sock_error(int e);
/** Wait for what can be moved now. */
void sock_rewatch(struct sock *s);
/** Move bytes or datagrams as far as it goes. */
void sock_pump(struct sock *s);
/** The connection, or socket, is over for this reason; the worker is told on its pair. */
void sock_fault(struct sock *s, enum writ_sock_error error,
    enum writ_status st);
/** It is over, with its outcomes; the pair stays. */
void sock_over(struct sock *s, enum writ_status st, bool reset);
/** Close the kernel's socket; `reset`: the peer is to see a broken connection. */
void sock_shut(struct sock *s, bool reset);
/** The peer entry of an address, or NULL. */
struct sock_peer *sock_peer_find(struct sock *s,
    const struct writ_sock_address *a);
/** A new one, the one least used making room; its effect does not run yet.  NULL: no memory. */
struct sock_peer *sock_peer_add(struct sock *s,
    const struct writ_sock_address *a);
/** Forget it, with its outcome; the last entry takes its place. */
void sock_peer_drop(struct sock *s, struct sock_peer *p, enum writ_status st);

/* ---- addresses */

/** For the kernel; how long it is. */
socklen_t sock_sockaddr(const struct writ_sock_address *a,
    struct sockaddr_storage *out);
/** From the kernel.  False: it is of another family. */
bool sock_address(const struct sockaddr_storage *in, socklen_t len,
    struct writ_sock_address *out);
/** Whether it is IPv4. */
bool sock_is_v4(const uint8_t ip[16]);
/** Whether it is 0.0.0.0 or ::. */
bool sock_is_any(const uint8_t ip[16]);
/** Whether both are the same, port included. */
bool sock_same(const struct writ_sock_address *a,
    const struct writ_sock_address *b);

#endif
