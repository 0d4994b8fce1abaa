/*
 * net.h - writ-net: DNS, HTTP and TLS of one session, jailed, on sockets that the broker opened and
 * connected.  Its one struct and its parts.  Everything it does was judged by the broker; it
 * holds what it is told to: sizes, times, headers, one socket a request.
 * Single-threaded, one epoll.
 */
#ifndef WRIT_NET_NET_H
#define WRIT_NET_NET_H

#include <ares.h>
#include <curl/curl.h>

#include "base/limits.h"
#include "base/seal.h"
#include "base/taint.h"
#include "base/vec.h"
#include "wire/conn.h"
#include "wire/exchange.h"
#include "wire/net.h"

#define WRIT_NET_REQUESTS_MAX WRIT_HTTP_EXCHANGES_MAX
#define WRIT_NET_CAS_MAX 64

struct net;

/** What an epoll event is for: the first member of whoever waits. */
struct net_watch {
	void (*ready)(struct net *n, struct net_watch *w, uint32_t events);
	int fd;
	uint32_t events;		/* asked for; 0 and not in the set: none */
	bool in_set;
};

/** pool.c: connections of one grant and origin. */
struct net_pool {
	uint32_t id;
	CURLM *multi;
	struct net *net;
	unsigned open, running;		/* sockets that live; transfers */
	unsigned users;			/* requests that point here */
	bool h2;			/* its origin speaks HTTP/2 */
	bool closed;			/* nothing new: freed when nobody uses it */
	uint64_t due_ns;		/* when curl wants to be called; UINT64_MAX */
	uint64_t idle_ns;		/* since when nothing runs */
	struct net_pool *next;
};

/** A socket that curl uses. */
struct net_socket {
	struct net_watch watch;
	struct net_pool *pool;
	int port;			/* of this end */
	struct net_request *user;	/* HTTP/1.1: it carries its exchange */
	bool wanted;			/* curl waits for it */
	bool dead;			/* something came that nobody asked for */
	struct net_socket *next;
};

enum net_phase {
	NET_HOLDING,		/* the body is read, to be looked into */
	NET_ASKED,		/* OPERATION was sent */
	NET_DIALING,		/* DIAL was sent */
	NET_CONNECTING,		/* curl has it: TLS, or a connection at hand */
	NET_WAITING,		/* for the first byte of the response */
	NET_BODY,
	NET_ENDED
};

/** scrub.c: takes secrets out of bytes that come in pieces. */
struct net_scrub {
	struct net *net;
	bool on;
	struct writ_buf held;		/* the end of a piece that may begin a secret */
};

/** chunk.c: RFC 9112 7.1, strictly. */
struct net_chunks {
	unsigned state;
	uint64_t left;			/* of the chunk */
	unsigned digits, line;
};

/** request.c */
struct net_request {
	struct net_watch watch;		/* of the exchange */
	struct net *net;
	uint32_t id;
	struct net_pool *pool;
	enum net_phase phase;
	struct writ_conn x;		/* the exchange */
	struct writ_buf words;		/* what `s` borrows from */
	struct writ_net_send s;
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];
	CURL *easy;
	struct curl_slist *headers, *trailers, *resolve;
	int fd;				/* from DIALED, not yet given to curl; -1 */
	struct net_socket *socket;	/* HTTP/1.1: its own for now, or NULL */
	bool wants_socket;		/* curl asked for another one */
	unsigned dials, tries;		/* sockets asked for; times it began to be sent */
	bool h2;			/* its connection speaks HTTP/2 */
	int alert;			/* that TLS got from the peer, or 0 */
	bool farewell;			/* the peer has ended TLS in good order */
	/* the body that goes out */
	struct writ_buf held;		/* kept back for the operation */
	size_t held_at;
	struct writ_str part;		/* of a DATA message, not yet taken */
	bool out_ended, read_paused, gone;
	bool has_last;			/* the body's last byte waits in `last` for its END */
	char last;
	uint64_t up, down;
	/* the response */
	struct writ_buf head_bytes;	/* lines as curl gave them */
	struct writ_buf out_fields;	/* trailers of it */
	unsigned interim;
	bool head_done, chunked, has_length, write_paused, trailing;
	bool old, bodiless;		/* HTTP/1.0; no body, whatever its head says */
	bool end_told;			/* the worker has all of it */
	uint64_t length;		/* of the response's body, if has_length */
	uint64_t got;			/* bytes of it, as they came */
	struct net_chunks chunks;
	struct net_scrub scrub;
	uint64_t deadline_ns;		/* UINT64_MAX: none */
	bool failed;
	struct writ_http_fault fault;	/* if failed */
	struct net_request *next;
};

/** dns.c: one name being looked up. */
struct net_lookup {
	struct net_watch watch;
	uint32_t id;
	ares_channel channel;
	int fd;				/* until c-ares takes it; -1 */
	uint8_t mask[2];		/* over the ids of c-ares */
	bool tcp, truncated, done;
	struct writ_net_resolved answer;
	struct net_lookup *next;
};

struct net {
	struct net_watch watch;		/* of the wire */
	struct writ_conn conn;
	int epoll;
	unsigned without;		/* walls left out */
	struct net_pool *pools;
	struct net_request *requests;
	unsigned requests_count, lookups_count, sockets_count;
	struct net_socket *sockets;
	struct net_lookup *lookups;
	int alert_slot;			/* of an SSL_CTX: the request that uses it */
	void *cas[WRIT_NET_CAS_MAX];	/* X509_STORE *, by index */
	struct writ_buf ca_parts[WRIT_NET_CAS_MAX];
	struct {
		uint8_t *bytes, *before;	/* locked memory */
		size_t len, before_len;
	} secrets[WRIT_SECRETS_MAX];
	struct writ_taint_value values[2 * WRIT_SECRETS_MAX];
	struct writ_taint *taint;	/* of them all, when first wanted */
	bool known;			/* it is of those there are now */
	bool has_secrets;
	bool sealed, broken;
};

/** CLOCK_MONOTONIC, ns. */
uint64_t net_now(void);

/** Let an fd that came in a message never block.  False: it is none. */
bool net_nonblocking(int fd);

/** memory.c: give curl an allocator that can wipe what it frees.  False: curl cannot begin. */
bool net_memory_init(void);
/** From now on it does: curl's copies of a credential are in there. */
void net_memory_wipe(void);

/** Ask epoll for `events` (0: none) of w->fd. */
void net_watch(struct net *n, struct net_watch *w, uint32_t events);

/** Queue one message to the broker; a full queue ends the process. */
void net_say(struct net *n, enum writ_net_type type, uint32_t id,
    struct writ_str body);

/* ---- request.c */
/** SEND came.  Takes `fd`.  WRIT_PROTO malformed. */
WRIT_MUST_CHECK enum writ_status
net_request_start(struct net *n, uint32_t id, struct writ_str body, int *fd);
/** The request of an id, or NULL. */
struct net_request *net_request_find(struct net *n, uint32_t id);
/** DIALED came.  Takes `fd`. */
void net_request_dialed(struct net_request *r, int *fd);
/** GO came: the operation is allowed. */
void net_request_go(struct net_request *r);
/** End it: with a fault (the worker is told), or well (NULL). */
void net_request_end(struct net_request *r, const struct writ_http_fault *fault);
/** curl is done with it. */
void net_request_done(struct net_request *r, CURLcode code);
/** Look at times; free what has ended and is told. */
void net_requests_tick(struct net *n);
/** When one must be looked at, or UINT64_MAX. */
uint64_t net_requests_due(const struct net *n);
/** Whether it may be sent a second time: it changes nothing. */
bool net_request_may_repeat(const struct net_request *r);
/** Something moved: the time for the phase begins anew. */
void net_request_touch(struct net_request *r, enum net_phase phase);
/** A fault of this code, without a number. */
void net_request_fail(struct net_request *r, enum writ_http_code code);

/* ---- response.c: what curl gives us, checked */
size_t net_response_header(char *p, size_t size, size_t n, void *ctx);
size_t net_response_body(char *p, size_t size, size_t n, void *ctx);
/** The response is whole: tell the worker.  False: it was not, and is failed. */
bool net_response_end(struct net_request *r);

/* ---- send.c: what curl is given */
/** Make the easy handle of a judged request.  False: no memory. */
bool net_send_prepare(struct net_request *r);
/** Wipe and free what was made for curl. */
void net_send_forget(struct net_request *r);
size_t net_send_body(char *p, size_t size, size_t n, void *ctx);
/** Whether all of the body is here, held back; its operation in *out.  WRIT_OK; WRIT_AGAIN;
 * WRIT_INVALID it is not what it should be. */
WRIT_MUST_CHECK enum writ_status
net_send_operation(struct net_request *r, struct writ_buf *out);

/* ---- pool.c */
struct net_pool *net_pool_get(struct net *n, uint32_t id);
/** Hand the request to curl.  False: no memory. */
bool net_pool_add(struct net_request *r);
void net_pool_remove(struct net_request *r);
/** The request points there no more. */
void net_pool_leave(struct net_request *r);
/** Whether a connection is at hand. */
bool net_pool_has_idle(const struct net_pool *p);
/** Nothing new goes over its connections; they close as soon as nothing runs. */
void net_pool_close(struct net *n, uint32_t id);
void net_pools_tick(struct net *n);
uint64_t net_pools_due(const struct net *n);
/** HTTP/1.1: r is about to be sent over the connection whose own port that is.  False: something
 * came over it that nobody asked for, or it cannot be told; it is not to be used. */
WRIT_MUST_CHECK bool net_pool_use(struct net_request *r, int port);
/** Which socket callbacks an easy handle needs. */
void net_pool_sockets(struct net_request *r);

/* ---- tls.c */
/** Collect a PEM bundle's piece; made into a store when the door is shut.  WRIT_INVALID. */
WRIT_MUST_CHECK enum writ_status
net_tls_ca(struct net *n, uint32_t index, struct writ_str pem);
WRIT_MUST_CHECK enum writ_status net_tls_ready(struct net *n);
/** Let the handle trust exactly the authorities of r->s.ca. */
void net_tls_prepare(struct net_request *r);
/** r is about to use a connection; whether that speaks HTTP/2. */
bool net_tls_begin(struct net_request *r);
/** What a failed transfer means. */
struct writ_http_fault net_tls_fault(struct net_request *r, CURLcode code);

/* ---- dns.c */
/** RESOLVE came.  Takes `fd`.  WRIT_PROTO malformed or too many. */
WRIT_MUST_CHECK enum writ_status
net_lookup_start(struct net *n, uint32_t id, struct writ_str body, int *fd);
void net_lookups_tick(struct net *n);
uint64_t net_lookups_due(const struct net *n);

/* ---- scrub.c, chunk.c */
/** `on`: secrets are looked for, as they are and in common encodings.  False: no memory. */
WRIT_MUST_CHECK bool net_scrub_init(struct net_scrub *s, struct net *n, bool on);
void net_scrub_release(struct net_scrub *s);
/** Append p to `out` with every secret as "*"; at `end` nothing is held back. */
void net_scrub_add(struct net_scrub *s, struct writ_str p, bool end,
    struct writ_buf *out);
/**
 * Decode: appends the data in p[n] to `out`, trailers as lines to `trailers`.  WRIT_OK; WRIT_CLOSED
 * all of it was there; WRIT_PROTO.
 */
WRIT_MUST_CHECK enum writ_status
net_chunks_add(struct net_chunks *c, const char *p, size_t n,
    struct writ_buf *out, struct writ_buf *trailers);

#endif
