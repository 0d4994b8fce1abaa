/*
 * parts.h - what the files behind mcp.h share.  Not for transports.
 */
#ifndef WRIT_MCP_PARTS_H
#define WRIT_MCP_PARTS_H

#include "base/limits.h"
#include "base/vec.h"
#include "mcp/catalog.h"
#include "mcp/mcp.h"
#include "mcp/scan.h"

#define WRIT_MCP_MODERN "2026-07-28"
#define WRIT_MCP_LEGACY "2025-11-25"
#define WRIT_MCP_META "io.modelcontextprotocol/"

/* JSON-RPC 2.0 and MCP */
enum {
	WRIT_MCP_PARSE = -32700,
	WRIT_MCP_INVALID_REQUEST = -32600,
	WRIT_MCP_NO_METHOD = -32601,
	WRIT_MCP_INVALID_PARAMS = -32602,
	WRIT_MCP_INTERNAL = -32603,
	WRIT_MCP_NO_RESOURCE = -32002,	/* before 2026-07-28 */
	WRIT_MCP_HEADERS = -32020,
	WRIT_MCP_CAPABILITY = -32021,
	WRIT_MCP_VERSION = -32022
};

/** What a request waits for. */
enum writ_mcp_what {
	WRIT_MCP_CALL,
	WRIT_MCP_PROMPT,	/* a tool behind a prompt */
	WRIT_MCP_READ,
	WRIT_MCP_LIST,
	WRIT_MCP_GRANT,
	WRIT_MCP_LISTEN		/* subscriptions/listen: for changes, not the broker */
};

/** A question of a running tool to its client. */
struct writ_mcp_ask {
	uint32_t number;		/* the broker's */
	uint32_t rpc;			/* id of our request to the client */
	enum writ_api_ask what;
	char key[64];
	struct writ_buf params;		/* JSON object, tight; ROOTS: empty */
};

enum writ_mcp_watch {
	WRIT_MCP_WATCH_TOOLS = 1,
	WRIT_MCP_WATCH_PROMPTS = 2,
	WRIT_MCP_WATCH_RESOURCES = 4
};

struct writ_mcp_req {
	uint32_t api;			/* id towards the broker */
	enum writ_mcp_what what;
	struct writ_mcp_client *client;	/* NULL: closed, only the RESULT is awaited */
	struct writ_mcp_sink *sink;	/* NULL: parked, or gone */
	struct writ_str id, token;	/* owned, as written */
	struct writ_str subject;	/* owned: tool, URI */
	bool modern, parked, finished;
	uint8_t caps;			/* WRIT_API_CAN_* of the client */
	uint8_t lacks;			/* asked for, and not among them */
	int log_level;			/* least to send; -1 none */
	bool content, has_output;
	bool spelt;	/* READ: the value is JSON that spells the bytes */
	struct writ_buf value, printed, errors;	/* arrived TEXT */
	struct writ_buf refused;	/* JSON objects, separated by commas */
	struct writ_buf advice;		/* the same for people */
	unsigned refused_count;
	struct writ_buf ask_text;	/* of the ASK to come */
	struct writ_mcp_ask asks[WRIT_MCP_ASKS_MAX];
	unsigned asks_count;
	struct writ_str answers;	/* owned: inputResponses as written */
	uint8_t digest[WRIT_SHA256_LEN];	/* of what was asked, modern */
	uint8_t nonce[16];		/* of the state handed out last */
	uint64_t due;			/* parked: until */
	double progress;
	bool progressed;
	/* a RESULT that came while it was parked */
	struct writ_api_result result;
	struct writ_str result_text;	/* owned: its message and extra, joined */
	size_t from;			/* LIST: where the page begins */
	unsigned watch;			/* LISTEN: writ_mcp_watch */
	struct writ_vec uris;		/* LISTEN: struct writ_str, owned */
};

struct writ_mcp_client {
	struct writ_mcp *m;
	uint32_t number;
	enum writ_mcp_peer peer;
	bool legacy, ready;		/* initialize answered; initialized came */
	bool announced;			/* the broker knows of it */
	char version[16];		/* of a session */
	uint8_t caps;
	int log_level;
	unsigned busy;
	uint32_t next_rpc;
	struct writ_mcp_sink *stream;
	struct writ_vec uris;		/* struct writ_str, owned: subscribed */
};

struct writ_mcp {
	struct writ_conn *conn;
	uint8_t config_body[WRIT_WIRE_MSG_MAX];	/* owns the slices of config */
	struct writ_api_config config;
	bool configured;
	struct writ_mcp_catalog *catalog, *next;
	struct writ_mcp_req *reqs[WRIT_MCP_REQUESTS_MAX];
	uint32_t generation[WRIT_MCP_REQUESTS_MAX];
	unsigned in_flight, parked, listens;
	struct writ_vec clients;	/* struct writ_mcp_client * */
	uint32_t next_client;
	size_t held;			/* bytes in buffers of requests */
	uint64_t now_ms;
	uint8_t key[WRIT_KEY_LEN];
	struct writ_buf out;		/* the message being written */
};

/** One message being answered. */
struct writ_mcp_turn {
	struct writ_mcp *m;
	struct writ_mcp_client *client;
	const struct writ_mcp_in *in;
	struct writ_mcp_sink *sink;
	bool modern;
	uint8_t caps;
};

/* in.c */
/** Of a JSON string; {NULL,0} for anything else. */
struct writ_str writ_mcp_text(const json_t *value);
/** Whether `raw` (JSON as written) is a string or an integer, and not too long. */
bool writ_mcp_id_ok(struct writ_str raw);

/* reply.c: messages out.  Those with a turn end its sink. */
void writ_mcp_error(const struct writ_mcp_turn *t, int code, const char *fmt,
    ...) WRIT_PRINTF(3, 4);
/** With `data`, JSON text. */
void writ_mcp_error_data(const struct writ_mcp_turn *t, int code,
    struct writ_str data, const char *fmt, ...) WRIT_PRINTF(4, 5);
/** End the sink of a request with an error; the request stays. */
void writ_mcp_reply_error(struct writ_mcp *m, struct writ_mcp_req *r, int code,
    struct writ_str data, struct writ_str text);
/** Append "key": with a comma before it where one is due; `key` needs no escapes. */
void writ_mcp_key(struct writ_buf *b, const char *key);
/** Start a result in m->out: its braces, and what its revision wants in it; `meta` are
 * members of _meta, or empty.  Members follow by writ_mcp_key. */
struct writ_buf *writ_mcp_result(struct writ_mcp *m, struct writ_str id,
    bool modern, struct writ_str meta);
/** The same with a resultType of its own (modern). */
struct writ_buf *writ_mcp_result_typed(struct writ_mcp *m, struct writ_str id,
    const char *type, struct writ_str meta);
/** Append how long the result may be kept (modern). */
void writ_mcp_result_cache(struct writ_buf *b, bool modern, unsigned ttl_ms);
/** End it and the sink. */
void writ_mcp_result_end(struct writ_mcp *m, struct writ_mcp_sink *sink,
    struct writ_str id, bool modern);
/** A whole result without members. */
void writ_mcp_result_empty(const struct writ_mcp_turn *t);
/** Send m->out by sink->send; nothing if it does not fit. */
void writ_mcp_notify(struct writ_mcp *m, struct writ_mcp_sink *sink);
/** Start {"jsonrpc":"2.0","method":METHOD,"params":{ in m->out; end it with "}}". */
struct writ_buf *writ_mcp_notification(struct writ_mcp *m, const char *method);

/* request.c */
/** A request in flight; its sink and what it needs of the turn are set.  Answers the turn
 * with an error and returns NULL when there is no room. */
struct writ_mcp_req *
writ_mcp_req_new(const struct writ_mcp_turn *t, enum writ_mcp_what what);
/** Forget it (its sink must have been ended or be gone). */
void writ_mcp_req_free(struct writ_mcp *m, struct writ_mcp_req *r);
WRIT_MUST_CHECK bool writ_mcp_req_own(struct writ_str *owned, struct writ_str s);
void writ_mcp_req_disown(struct writ_str *owned);
/** Take from the turn what the client wants to be told meanwhile; false: no memory. */
WRIT_MUST_CHECK bool
writ_mcp_req_wishes(struct writ_mcp_req *r, const struct writ_mcp_turn *t);
struct writ_mcp_req *writ_mcp_req_of(struct writ_mcp *m, uint32_t api);
/** Of a client, by the id it gave; NULL. */
struct writ_mcp_req *
writ_mcp_req_find(const struct writ_mcp_client *client, struct writ_str id);
/** Send a message of it to the broker; on failure the request is answered and gone. */
WRIT_MUST_CHECK bool
writ_mcp_req_send(struct writ_mcp *m, struct writ_mcp_req *r, unsigned type,
    const struct writ_buf *body);
/** End its sink without an answer, stop it; what the broker still says is ignored. */
void writ_mcp_req_cancel(struct writ_mcp *m, struct writ_mcp_req *r);
/** Answer it with an error, stop it if it runs. */
void writ_mcp_req_fail(struct writ_mcp *m, struct writ_mcp_req *r, int code,
    const char *text);

/* methods */
void writ_mcp_discover(const struct writ_mcp_turn *t);
void writ_mcp_initialize(const struct writ_mcp_turn *t);
void writ_mcp_tools_list(const struct writ_mcp_turn *t);
void writ_mcp_tools_call(const struct writ_mcp_turn *t);
void writ_mcp_prompts_list(const struct writ_mcp_turn *t);
void writ_mcp_prompts_get(const struct writ_mcp_turn *t);
void writ_mcp_resources_list(const struct writ_mcp_turn *t);
void writ_mcp_templates_list(const struct writ_mcp_turn *t);
void writ_mcp_resources_read(const struct writ_mcp_turn *t);
void writ_mcp_subscribe(const struct writ_mcp_turn *t);
void writ_mcp_unsubscribe(const struct writ_mcp_turn *t);
void writ_mcp_listen(const struct writ_mcp_turn *t);
void writ_mcp_complete(const struct writ_mcp_turn *t);

/* lifecycle.c */
/** Tell the broker of the client, once, by the name it gives itself; false: answered. */
WRIT_MUST_CHECK bool
writ_mcp_announce(const struct writ_mcp_turn *t);
/** WRIT_API_CAN_* of a capabilities object. */
uint8_t writ_mcp_caps(const json_t *capabilities);
/** 0 debug to 7 emergency; -1 no such level. */
int writ_mcp_level(struct writ_str name);
const char *writ_mcp_level_name(unsigned level);

/* list.c */
/** Where a page begins, from params.cursor; false: answered with an error. */
WRIT_MUST_CHECK bool
writ_mcp_cursor(const struct writ_mcp_turn *t, size_t *from);
/** Append ,"nextCursor" if `next` is not the end. */
void writ_mcp_next_cursor(struct writ_buf *b, size_t next, size_t count);

/* call.c */
/** Ask the broker to run `tool` with these arguments for `r`. */
void writ_mcp_call_start(const struct writ_mcp_turn *t, struct writ_mcp_req *r,
    const struct writ_mcp_tool *tool, struct writ_str args,
    struct writ_str session);
/** Whether the turn continues a parked request; then it was handled. */
bool writ_mcp_call_resume(const struct writ_mcp_turn *t);
/** Whether the client can what the tool needs; false: answered. */
WRIT_MUST_CHECK bool
writ_mcp_call_capable(const struct writ_mcp_turn *t,
    const struct writ_mcp_tool *tool);

/** Answer that the client lacks what the tool asked for (r->lacks), and failed without. */
void writ_mcp_call_lacking(struct writ_mcp *m, struct writ_mcp_req *r);

/* result.c: the RESULT of each kind of request; ends it. */
void writ_mcp_result_of(struct writ_mcp *m, struct writ_mcp_req *r,
    const struct writ_api_result *result);
/** Keep a refusal for the result. */
void writ_mcp_result_refused(struct writ_mcp_req *r,
    const struct writ_api_refused *f);
/** A tool result that says why a call was not made. */
void writ_mcp_result_refusal(const struct writ_mcp_turn *t, const char *fmt,
    ...) WRIT_PRINTF(2, 3);
void writ_mcp_prompt_result(struct writ_mcp *m, struct writ_mcp_req *r,
    const struct writ_api_result *result);
void writ_mcp_read_result(struct writ_mcp *m, struct writ_mcp_req *r,
    const struct writ_api_result *result);
void writ_mcp_list_result(struct writ_mcp *m, struct writ_mcp_req *r,
    const struct writ_api_result *result);

/* content.c */
/** Append a writ:client/content.block (JSON) as MCP content; false if it is none. */
bool writ_mcp_content_block(struct writ_buf *b, struct writ_str raw);
/** Append a text block of what may hold anything: neutralised. */
void writ_mcp_content_text(struct writ_buf *b, const char *label,
    struct writ_str text);
/** Whether bytes of this MIME type are text. */
bool writ_mcp_is_text(struct writ_str mime, struct writ_str bytes);

/* form.c */
/** Whether `content` fills in the form that `schema` describes (flat, as MCP's
 * requestedSchema): required members, types, enums and bounds.  NULL is an empty one. */
bool writ_mcp_form_fits(const json_t *schema, json_t *content);

/* ask.c */
/** An ASK of the broker; `more` of the same round follow.  False: a broken promise. */
WRIT_MUST_CHECK bool
writ_mcp_ask(struct writ_mcp *m, struct writ_mcp_req *r, struct writ_str body);
/** Answer what the client's message answers of the questions of `r`, and park it again for
 * the rest. */
void writ_mcp_ask_settle(struct writ_mcp *m, struct writ_mcp_req *r);
/** A client's response to a request of ours. */
void writ_mcp_ask_answered(const struct writ_mcp_turn *t);
/** The parked request that params.requestState names; NULL: answered with an error. */
struct writ_mcp_req *writ_mcp_ask_parked(const struct writ_mcp_turn *t);
/** What a modern request asks, without its answers and _meta. */
void writ_mcp_ask_digest(const struct writ_mcp_in *in,
    uint8_t digest[WRIT_SHA256_LEN]);

/* watch.c */
/** Tell all who want to know what of the lists has changed. */
void writ_mcp_watch_changed(struct writ_mcp *m, unsigned what);
void writ_mcp_watch_updated(struct writ_mcp *m, struct writ_str uri);
/** Free the strings of a vector of owned writ_str. */
void writ_mcp_watch_release(struct writ_vec *uris);

#endif
