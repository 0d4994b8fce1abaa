/*
 * sock.h - what worker and broker say of sockets: the requests of MSG_SOCK and their replies
 * (proto.h), and the language of the socket pair that each connected or UDP socket has, on which
 * its bytes go.  No address that a guest chose ever reaches a system call of the worker's.
 *
 * On a pair: DATA* then END each way (TCP), or GRAM* (UDP).  The broker may say FAULT, which ends
 * a TCP pair, and is about one datagram of a UDP pair.  A pair that closes without END was cut.
 * A side that does not read makes the other wait: that is all the flow control there is.
 */
#ifndef WRIT_WIRE_SOCK_H
#define WRIT_WIRE_SOCK_H

#include "port/sock.h"
#include "wire/proto.h"

enum writ_sock_stream_type {
	/* both ways */
	WRIT_S_DATA = 1,	/* bytes */
	WRIT_S_END,		/* no more of them this way */
	WRIT_S_GRAM,		/* 16 bytes address, u32 port, the datagram */
	/* worker to broker */
	WRIT_S_DEAF,		/* whatever comes is to be discarded */
	/* broker to worker */
	WRIT_S_FAULT		/* u8 writ_sock_error */
};

extern const struct writ_wire_table writ_wire_sock;

/** Beyond enum writ_sock_op: these are not answered. */
enum {
	WRIT_SOCK_MSG_CREATE = WRIT_SOCK_OP_COUNT,	/* sock, udp, v6 */
	WRIT_SOCK_MSG_SET,				/* sock, option, value */
	WRIT_SOCK_MSG_CLOSE,				/* sock */
	WRIT_SOCK_MSG_COUNT
};
#define WRIT_SOCK_NO_REPLY UINT32_MAX

/** MSG_SOCK.  A socket is named by the worker: slot (below WRIT_SOCKS_MAX) | generation << 8. */
struct writ_sock_msg {
	unsigned what;			/* enum writ_sock_op, or one of the above */
	uint32_t sock;
	uint32_t new_sock;		/* ACCEPT: the name that the client will have */
	bool udp, v6, has_address;
	struct writ_sock_address address;
	uint32_t option;		/* enum writ_sock_option */
	uint64_t value;
	struct writ_str name;		/* RESOLVE */
};

/** Append a request. */
void writ_sock_msg_put(struct writ_buf *b, const struct writ_sock_msg *m);
/** Slices are borrowed.  WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_sock_msg_get(struct writ_str body, struct writ_sock_msg *m);

/** MSG_SOCK_REPLY; an fd comes with what makes a pair: CONNECT, ACCEPT, BIND of UDP. */
struct writ_sock_reply {
	bool failed;
	enum writ_sock_error error;
	struct writ_sock_address local, remote;
	uint8_t addresses[WRIT_NET_ADDRESSES_MAX][16];
	size_t count;
};

/** Append a reply. */
void writ_sock_reply_put(struct writ_buf *b, const struct writ_sock_reply *r);
/** WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_sock_reply_get(struct writ_str body, struct writ_sock_reply *r);

/* the body of a GRAM */
#define WRIT_SOCK_GRAM_HEAD 20
/** What stands before a datagram's bytes. */
void writ_sock_gram_put(uint8_t head[WRIT_SOCK_GRAM_HEAD],
    const struct writ_sock_address *a);
/** The datagram's bytes, borrowed from `body`.  WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_sock_gram_get(struct writ_str body, struct writ_sock_address *a,
    struct writ_str *bytes);

#endif
