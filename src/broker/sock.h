/*
 * sock.h - the sockets of one session's guests: judged, opened, bound and connected here, their
 * bytes moved between the kernel's socket and the pair that the worker has.  The worker
 * never has a socket of the network, nor names an address to the kernel.
 *
 * Who may what (DESIGN 7):
 * - connect, and each destination of a datagram, are judged by writ_decide as "tcp://HOST:PORT":
 *   HOST is the name that this session looked the address up by, if an entry names it, else the
 *   address; the address itself has to pass the entry's `addresses` (policy/address.h).
 * - bind and listen want a `listen` entry for exactly that address and port.  Any address and port
 *   0 is what connecting and sending do anyway: some entry of the protocol will do.
 * - a client of a listener, and whoever sends to a bound UDP socket, has to be within the entry's
 *   `addresses`, without them on this machine (loopback).  Whoever was heard so may be answered.
 *   A UDP socket without a `listen` entry hears those it has sent to, nobody else.
 * - the address bound, dialled or accepted is asserted with getsockname and getpeername.
 * One session; one thread; nothing waits, but for writ_socks_linger.
 */
#ifndef WRIT_BROKER_SOCK_H
#define WRIT_BROKER_SOCK_H

#include "broker/net.h"

struct writ_socks;

/** What else of the network is needed; members may be NULL: no name has an address, no address
 * is this machine's. */
struct writ_sock_world {
	void *ctx;
	/** As writ_net_lookup_start, _stop and writ_net_own. */
	void (*lookup)(void *ctx, struct writ_net_lookup *l);
	void (*stop)(void *ctx, struct writ_net_lookup *l);
	enum writ_status (*own)(uint8_t (**out)[16], size_t *count);
};

/** All borrowed for the life of the sockets but `world`, which is copied. */
struct writ_socks_config {
	const struct writ_policy *policy;
	struct writ_record *record;
	struct writ_budget *budget;	/* NULL: nothing is bounded */
	struct writ_sock_world world;
};

/** The world of a session's net (ctx, a struct writ_net). */
struct writ_sock_world writ_sock_world(struct writ_net *net);

/** *out is the caller's.  WRIT_IO, WRIT_NOMEM. */
WRIT_MUST_CHECK enum writ_status
writ_socks_open(const struct writ_socks_config *config, struct writ_socks **out,
    struct writ_err *err);
/** Cut what is still open; every decision has its outcome then.  Takes NULL. */
void writ_socks_free(struct writ_socks *t);
WRIT_AUTO_FREE(writ_socks)

/** An fd that polls readable when writ_socks_step has something to do. */
int writ_socks_fd(const struct writ_socks *t);
/** Move what can be moved, answer on `worker` what can be answered.  WRIT_LIMIT the worker does
 * not read; WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_socks_step(struct writ_socks *t, struct writ_conn *worker);

/** A message of the worker's (SOCK of proto.h).  WRIT_PROTO what no worker of ours says; else
 * as writ_socks_step. */
WRIT_MUST_CHECK enum writ_status
writ_socks_serve(struct writ_socks *t, struct writ_conn *worker,
    const struct writ_msg *m);

/** Cut all sockets that the worker has: its guest is gone, whatever it says.  Those that it closed
 * still send what was written to them.  Fails as writ_socks_step. */
WRIT_MUST_CHECK enum writ_status
writ_socks_cut(struct writ_socks *t, struct writ_conn *worker);
/** Wait, at most `ms`, until what was written to closed sockets has left. */
void writ_socks_linger(struct writ_socks *t, int ms);
/** How many sockets there are, closed ones that still send among them. */
unsigned writ_socks_count(const struct writ_socks *t);

#endif
