/*
 * serve.h - inside of the server of a toolbox: workers ("seats"), calls, and the conversation
 * with the front end that parses the client.  serve.c has the loop and the seats, calls.c the
 * life of a call, catalog.c what the front end is shown.  Nothing outside src/session includes
 * it.
 *
 * One seat is one worker process and one session with an audit log of its own: its calls follow
 * each other, each in a fresh instance, or, for a named session, all in one.  One thread.
 */
#ifndef WRIT_SESSION_SERVE_H
#define WRIT_SESSION_SERVE_H

#include "session/box.h"
#include "wire/api.h"
#include "writ/mcp.h"

struct serve_call;

/** A toolbox that is served, or was and still has seats. */
struct serve_box {
	struct writ_box *box;
	unsigned users;			/* seats and calls */
};

struct serve_seat {
	struct serve *server;
	struct serve_box *box;
	struct writ_box_group *group;
	struct writ_tool tool;		/* shares the group's */
	struct writ_record record;
	struct writ_files files;
	struct writ_run run;
	struct writ_session_net net;
	struct serve_call *call;	/* NULL: idle */
	uint32_t client;		/* of a named session */
	char name[WRIT_SESSION_NAME_MAX + 1];	/* "": calls are independent */
	uint64_t calls;			/* so far */
	uint64_t idle_ns;		/* since when */
	uint32_t peek_id;		/* LIST that looked at it last, and how far */
	size_t peek_mount;
	uint64_t judged_ns;		/* when last looked at, idle */
	bool stop;			/* to be ended once idle */
};

enum serve_state {
	SERVE_COLLECTING,		/* its arguments arrive */
	SERVE_WAITING,			/* for a seat */
	SERVE_RUNNING
};

/** An ask of a running call that the front end is to answer. */
struct serve_ask {
	uint32_t id;			/* for the front end; 0: free */
	uint32_t worker_id;
};

struct serve_call {
	uint32_t id;			/* of the request; a spawned call has none (0) */
	enum serve_state state;
	struct serve_box *box;
	struct writ_box_tool *tool;
	uint32_t client;
	uint8_t flags;			/* WRIT_API_WANTS_... */
	bool cancelled;
	bool read;			/* of a resource, not a call */
	const char *peek;		/* "#list", "#read": of a session's files */
	struct writ_str mime;		/* of that; the toolbox's */
	char session[WRIT_SESSION_NAME_MAX + 1];
	struct writ_buf args, answer, out[3];	/* out: stdout 1, stderr 2 */
	struct serve_seat *seat;
	struct serve_ask asks[WRIT_ASKS_MAX];
	uint64_t refused_before, allowed_before;
	unsigned refused_told;
	/* spawned by another call */
	struct serve_call *parent;
	uint32_t parent_ask;
	unsigned depth_left;		/* levels that may stand below it */
	uint64_t spawn_left;		/* calls that may be made below it, in all */
	struct writ_vec spawned;	/* struct serve_spawned: by its own entries */
};

/** How often a call has used one `spawn` entry. */
struct serve_spawned {
	const struct writ_spawn_grant *grant;
	uint64_t calls;
};

struct serve_client {
	uint32_t id;
	char name[128];			/* as it calls itself; made safe */
};

struct serve {
	struct writ_host *host;
	const struct writ_mcp_options *options;
	struct serve_box *box;		/* the one shown */
	struct writ_vec boxes;		/* struct serve_box * */
	struct writ_vec seats;		/* struct serve_seat * */
	struct writ_vec calls;		/* struct serve_call *, oldest first */
	struct writ_vec clients;	/* struct serve_client */
	struct writ_conn conn;
	struct writ_child front;
	size_t args_bytes;		/* of all calls together */
	uint32_t ask_seq, generation;
	int watch_fd;			/* inotify; -1: none */
	uint64_t reload_ns;		/* when to look again; 0: nothing changed */
	struct writ_buf scratch;
	bool held;			/* messages, or calls, wait for room */
	bool over;
	struct writ_err why;
};

#define SERVE_BACKLOG_MAX (1024 * 1024)	/* bytes for the front end */

/** The front end has more to read than it should: until it has, its messages are not read, and
 * calls neither begin nor end.  What one of them adds fits the rest of the queue. */
static inline bool
serve_stalled(const struct serve *s)
{
	return s->conn.out.len - s->conn.out_pos > SERVE_BACKLOG_MAX;
}

/* ---- serve.c */
/** A seat for `call`: an idle one, a new one, or NULL with WRIT_BUSY when it has to wait.
 * Other failures are told in err. */
WRIT_MUST_CHECK enum writ_status
serve_seat_for(struct serve *s, struct serve_call *call, struct serve_seat **out,
    struct writ_err *err);
/** Say something to the operator, one line. */
void serve_say(const struct serve *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- calls.c */
/** Handle one message of the front end.  WRIT_PROTO: it broke the rules. */
WRIT_MUST_CHECK enum writ_status
serve_message(struct serve *s, const struct writ_msg *m);
/** Give waiting calls their seats. */
void serve_calls_go(struct serve *s);
/** The seat's call is over: tell the front end (or the parent), and free it. */
void serve_call_finish(struct serve *s, struct serve_seat *seat);
/** A new call; `id` 0: of no request.  NULL: too many, or no memory. */
struct serve_call *serve_call_new(struct serve *s, uint32_t id);
/** Give `call` to an idle seat.  May end, and free, it. */
void serve_call_start(struct serve *s, struct serve_call *call,
    struct serve_seat *seat);
/** Answer `call` without a worker, and free it. */
void serve_call_refuse(struct serve *s, struct serve_call *call,
    enum writ_api_status status, const char *why);
void serve_call_free(struct serve *s, struct serve_call *call);
/** Answer a READ with the bytes in out[1], and free the call. */
void serve_call_read(struct serve *s, struct serve_call *call);
/** Callbacks of a seat's worker. */
void serve_call_ports(struct serve_seat *seat);

/* ---- spawn.c */
/** A call asks for another tool, by decision `id`: start it as a child, or answer why not. */
WRIT_MUST_CHECK enum writ_status
serve_spawn(struct serve_seat *seat, const struct writ_run_ask *a, uint64_t id);

/* ---- shown.c: files of named sessions that their writ shows */
/** Answer LIST, or start on it: the seats of the client are asked one after the other. */
void serve_shown_list(struct serve *s, struct serve_call *call);
/** Start to READ `uri`, one of a session.  False: it is none. */
bool serve_shown_read(struct serve *s, struct serve_call *call,
    struct writ_str uri);
/** A seat has answered for `call` (its run's value), or not: go on, or conclude. */
void serve_shown_next(struct serve *s, struct serve_call *call,
    struct serve_seat *seat);

/* ---- catalog.c */
/** Send the whole catalog of the toolbox.  Fails as writ_conn_send. */
WRIT_MUST_CHECK enum writ_status serve_catalog(struct serve *s);

/** Read `uri` for a READ: at once, or as a call of the tool behind it. */
void serve_resource(struct serve *s, struct serve_call *call, struct writ_str uri);

#endif
