/*
 * sock.h - TCP and UDP sockets of a guest, and its name lookups (wasi:sockets).
 * The engine keeps the states of the WIT and checks the form of addresses; who may bind, connect,
 * listen, send and resolve is decided behind the port, each time it is asked.
 * Rules for whatever may wait: op.h.  All on the thread that polls guests.
 */
#ifndef WRIT_PORT_SOCK_H
#define WRIT_PORT_SOCK_H

#include "base/limits.h"
#include "port/op.h"

/** wasi:sockets/network.error-code, in its order. */
enum writ_sock_error {
	WRIT_SOCK_UNKNOWN,
	WRIT_SOCK_ACCESS_DENIED,
	WRIT_SOCK_NOT_SUPPORTED,
	WRIT_SOCK_INVALID_ARGUMENT,
	WRIT_SOCK_OUT_OF_MEMORY,
	WRIT_SOCK_TIMEOUT,
	WRIT_SOCK_CONCURRENCY_CONFLICT,
	WRIT_SOCK_NOT_IN_PROGRESS,
	WRIT_SOCK_WOULD_BLOCK,
	WRIT_SOCK_INVALID_STATE,
	WRIT_SOCK_NEW_SOCKET_LIMIT,
	WRIT_SOCK_ADDRESS_NOT_BINDABLE,
	WRIT_SOCK_ADDRESS_IN_USE,
	WRIT_SOCK_REMOTE_UNREACHABLE,
	WRIT_SOCK_CONNECTION_REFUSED,
	WRIT_SOCK_CONNECTION_RESET,
	WRIT_SOCK_CONNECTION_ABORTED,
	WRIT_SOCK_DATAGRAM_TOO_LARGE,
	WRIT_SOCK_NAME_UNRESOLVABLE,
	WRIT_SOCK_TEMPORARY_FAILURE,
	WRIT_SOCK_PERMANENT_FAILURE,
	WRIT_SOCK_ERROR_COUNT
};

/** IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2); such an address is never meant as IPv6. */
struct writ_sock_address {
	uint8_t ip[16];
	uint16_t port;
};

enum writ_sock_op {
	WRIT_SOCK_BIND,		/* sock, address -> local */
	WRIT_SOCK_CONNECT,	/* TCP: sock, address -> local, remote */
	WRIT_SOCK_LISTEN,	/* TCP: sock */
	WRIT_SOCK_ACCEPT,	/* TCP: sock -> out_sock, local, remote; waits for a client */
	WRIT_SOCK_PEER,		/* UDP: sock, address (has_address; else none any more): the
				 * one peer from now on -> local */
	WRIT_SOCK_DESTINE,	/* UDP: sock, address: may datagrams go there? */
	WRIT_SOCK_RESOLVE,	/* name -> addresses */
	WRIT_SOCK_OP_COUNT
};

/** What can be set; never fails, values are within what the WIT allows. */
enum writ_sock_option {
	WRIT_SOCK_KEEP_ALIVE,		/* 0 or 1 */
	WRIT_SOCK_KEEP_IDLE_S,
	WRIT_SOCK_KEEP_INTERVAL_S,
	WRIT_SOCK_KEEP_COUNT,
	WRIT_SOCK_HOP_LIMIT,		/* 1 to 255 */
	WRIT_SOCK_RECEIVE_BUFFER,	/* bytes */
	WRIT_SOCK_SEND_BUFFER,		/* bytes */
	WRIT_SOCK_BACKLOG,
	WRIT_SOCK_OPTION_COUNT
};

/**
 * One request with its result.  The caller owns it and keeps it where it is until it has
 * finished; `name` is borrowed for the start only.
 */
struct writ_sock_call {
	struct writ_op op;	/* its status: WRIT_OK, or WRIT_IO and `error` */
	enum writ_sock_op what;
	uint64_t sock;
	bool has_address;
	struct writ_sock_address address;
	struct writ_str name;
	/* result */
	enum writ_sock_error error;
	uint64_t out_sock;
	struct writ_sock_address local, remote;
	uint8_t addresses[WRIT_NET_ADDRESSES_MAX][16];
	size_t count;
};

/** The halves of a connection: what the guest sends, and what it receives. */
enum { WRIT_SOCK_OUT = 1, WRIT_SOCK_IN = 2 };

struct writ_sock_port {
	void *ctx;
	/** A new socket, neither bound nor connected.  WRIT_OK: *sock is the caller's, who ends
	 * it with close(); 0 is never one.  WRIT_DENIED nothing of sockets is granted;
	 * WRIT_LIMIT too many. */
	enum writ_status (*create)(void *ctx, bool udp, bool v6,
	    uint64_t *sock);
	/** Start `call` (rules in op.h).  At most one request of a socket is in flight, but for
	 * DESTINE.  WRIT_DENIED (RESOLVE alone): nothing of sockets is granted. */
	enum writ_status (*start)(void *ctx, struct writ_sock_call *call);
	void (*set)(void *ctx, uint64_t sock, enum writ_sock_option option,
	    uint64_t value);

	/* of a connected socket */
	/** Up to cap bytes: WRIT_OK and *n > 0; WRIT_AGAIN; WRIT_CLOSED the peer has ended it;
	 * WRIT_IO: *error. */
	enum writ_status (*read)(void *ctx, uint64_t sock, uint8_t *p,
	    size_t cap, size_t *n, enum writ_sock_error *error,
	    struct writ_wake *wake);
	/** How much write() takes now: WRIT_OK and *n > 0; WRIT_AGAIN; WRIT_CLOSED; WRIT_IO:
	 * *error. */
	enum writ_status (*room)(void *ctx, uint64_t sock, size_t *n,
	    enum writ_sock_error *error, struct writ_wake *wake);
	/** Take all n bytes, n within what room() said.  WRIT_OK; WRIT_CLOSED. */
	enum writ_status (*write)(void *ctx, uint64_t sock, const uint8_t *p,
	    size_t n);
	/** Everything written has left this process: WRIT_OK, WRIT_AGAIN, WRIT_CLOSED, WRIT_IO. */
	enum writ_status (*flush)(void *ctx, uint64_t sock,
	    enum writ_sock_error *error, struct writ_wake *wake);
	/** OUT: nothing more is written, the peer sees the end behind what was.  IN: nothing more
	 * is read, what comes is discarded. */
	void (*shutdown)(void *ctx, uint64_t sock, unsigned halves);

	/* of a bound UDP socket */
	/** One datagram (cap is WRIT_SOCK_GRAM_MAX at least): WRIT_OK and *n (0 is one, too);
	 * WRIT_AGAIN; WRIT_CLOSED; WRIT_IO: *error, told once. */
	enum writ_status (*receive)(void *ctx, uint64_t sock,
	    struct writ_sock_address *from, uint8_t *p, size_t cap, size_t *n,
	    enum writ_sock_error *error, struct writ_wake *wake);
	/** How many send() takes now: WRIT_OK and *n > 0; WRIT_AGAIN; WRIT_CLOSED. */
	enum writ_status (*send_room)(void *ctx, uint64_t sock, size_t *n,
	    struct writ_wake *wake);
	/** Send one datagram of at most WRIT_SOCK_GRAM_MAX bytes where DESTINE or PEER allowed
	 * it; it may be lost.  WRIT_OK; WRIT_CLOSED. */
	enum writ_status (*send)(void *ctx, uint64_t sock,
	    const struct writ_sock_address *to, const uint8_t *p, size_t n);

	/** Nobody uses the socket any more; a request of it that is in flight still finishes. */
	void (*close)(void *ctx, uint64_t sock);
};

#endif
