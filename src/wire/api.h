/*
 * api.h - the messages between the broker and a front end that parses a client's bytes (the
 * MCP server): what may be asked for, and what is told.  Same framing and rules as proto.h.
 *
 * The front end holds no authority: it names a tool, hands over arguments as text that the
 * broker passes on unread, and a client by a number of its own choosing.  Nothing in this
 * language grants anything; WRIT_API_GRANT only files a request.
 *
 * A request has an id (the message's), chosen by the front end and unused until its RESULT has
 * come.  Exactly one RESULT answers each CALL, READ, LIST and GRANT, also after CANCEL; TEXT,
 * REFUSED, PROGRESS, LOG and ASK of a request come before it.  Long texts are sent as any
 * number of TEXT messages ahead of the message they belong to.
 *
 * States: NEW until the front end's HELLO, then RUNNING.
 */
#ifndef WRIT_WIRE_API_H
#define WRIT_WIRE_API_H

#include "base/hash.h"
#include "wire/conn.h"

#define WRIT_API_VERSION 1

enum writ_api_type {
	/* front end to broker */
	WRIT_API_HELLO = 64,	/* u32 version */
	WRIT_API_CLIENT,	/* id = client: u8 1 opened or 0 closed, str name as it says */
	WRIT_API_TEXT,		/* id = request: u8 writ_api_text, bytes; both ways */
	WRIT_API_CALL,		/* struct writ_api_call; arguments in TEXT before */
	WRIT_API_READ,		/* u32 client, str uri */
	WRIT_API_LIST,		/* u32 client: resources of the client's sessions */
	WRIT_API_GRANT,		/* struct writ_api_grant: file a request */
	WRIT_API_CANCEL,	/* id = request; no answer beside its RESULT */
	WRIT_API_ANSWER,	/* id = request: u32 ask, u8 writ_api_answer; JSON in TEXT */
	/* broker to front end */
	WRIT_API_TOOL = 96,	/* struct writ_api_tool */
	WRIT_API_PROMPT,	/* JSON, see below */
	WRIT_API_RESOURCE,	/* JSON, see below */
	WRIT_API_CATALOG,	/* struct writ_api_catalog: all TOOL, PROMPT, RESOURCE since the
				 * last one are the catalog now */
	WRIT_API_PROGRESS,	/* id = request: struct writ_api_progress */
	WRIT_API_LOG,		/* id = request: u8 level (0 debug .. 7 emergency), str logger,
				 * str data */
	WRIT_API_ASK,		/* id = request: u32 ask, u8 writ_api_ask, u8 1 if another ask
				 * of the same round follows, str key; JSON in TEXT */
	WRIT_API_REFUSED,	/* id = request: struct writ_api_refused */
	WRIT_API_RESULT,	/* id = request: struct writ_api_result */
	WRIT_API_CONFIG,	/* struct writ_api_config; the first, and once */
	WRIT_API_UPDATED	/* str uri: a resource is not what it was */
};

/*
 * PROMPT: {"name", "title", "description",
 *   "arguments": [{"name", "title", "description", "required", "complete": ["value", ...]}],
 *   "messages": [{"role": "user" | "assistant", "content": MCP content block}]}
 * In texts and URIs of messages the front end replaces {{NAME}} by that argument.  With
 * "tool": NAME instead of messages, that tool is called with the arguments and answers with
 * a list of writ:client/content.message.
 * RESOURCE: {"uri" or "uriTemplate", "name", "title", "description", "mimeType", "size",
 *   "complete": {"VARIABLE": ["value", ...]}}.
 * What is not known is absent.  LIST is answered with a list of RESOURCE; READ with the
 * bytes, and the MIME type in `extra` (text/... and JSON become text, the rest a blob).
 */

/** What a TEXT belongs to. */
enum writ_api_text {
	WRIT_API_TEXT_ARGS,	/* front end: arguments of the CALL to come, JSON */
	WRIT_API_TEXT_ANSWER,	/* front end: of the ANSWER to come, JSON */
	WRIT_API_TEXT_VALUE,	/* broker: the result's value, JSON; of READ: its bytes */
	WRIT_API_TEXT_STDOUT,	/* broker: what the call wrote; may hold anything */
	WRIT_API_TEXT_STDERR,
	WRIT_API_TEXT_ASK,	/* broker: of the ASK to come, JSON */
	WRIT_API_TEXT_JSON	/* broker: of READ through a tool: the tool's value,
				 * JSON; a string is the text, or base64 of the bytes */
};

/** What a client can do for a tool; flags of writ_api_call. */
enum {
	WRIT_API_WANTS_PROGRESS = 1,
	WRIT_API_WANTS_LOG = 2,
	WRIT_API_CAN_ELICIT = 4,
	WRIT_API_CAN_SAMPLE = 8,
	WRIT_API_CAN_ROOTS = 16
};

struct writ_api_call {
	uint32_t client;
	uint8_t flags;
	struct writ_str tool;		/* at most 128 bytes */
	struct writ_str session;	/* name of a kept session, or empty; at most 64 */
};

/** A wish, in the client's words: all three are untrusted text, at most 4 KiB each. */
struct writ_api_grant {
	uint32_t client;
	struct writ_str tool, what, why;
};

enum writ_api_answer {
	WRIT_API_ANSWER_OK,		/* the client's result is in TEXT */
	WRIT_API_ANSWER_FAILED,		/* the client answered with an error, or not at all */
	WRIT_API_ANSWER_UNSUPPORTED	/* the client cannot do this */
};

enum writ_api_ask {
	WRIT_API_ASK_ELICIT,	/* {"message","requestedSchema"} */
	WRIT_API_ASK_SAMPLE,	/* params of sampling/createMessage */
	WRIT_API_ASK_ROOTS,	/* nothing */
	WRIT_API_ASK_NONE	/* nothing; no question, it only ends the round: ask 0 */
};

/* flags of writ_api_tool */
enum {
	WRIT_API_TOOL_CONTENT = 1,	/* the value is a list of content blocks */
	WRIT_API_TOOL_NAMED = 2,	/* takes the name of a session */
	WRIT_API_TOOL_CLIENT = 4,	/* may ask the client for something */
	WRIT_API_TOOL_UNLISTED = 8,	/* not shown: only behind a prompt */
	WRIT_API_TOOL_NEEDS_ELICIT = 16,	/* of no use to a client that cannot */
	WRIT_API_TOOL_NEEDS_SAMPLE = 32,
	WRIT_API_TOOL_NEEDS_ROOTS = 64
};

enum writ_api_transport {
	WRIT_API_STDIO,		/* fd 4 the client's input, 5 its output */
	WRIT_API_HTTP		/* fd 4 the listening socket */
};

/* flags of writ_api_config */
enum {
	WRIT_API_CONFIG_GRANTS = 1,	/* clients may file requests for grants */
	WRIT_API_CONFIG_TOKEN = 2	/* HTTP: a bearer token is needed (never without
					 * it but in tests on loopback) */
};

struct writ_api_config {
	enum writ_api_transport transport;
	uint8_t flags;
	uint32_t clients_max;		/* at a time; at most WRIT_CLIENTS_MAX */
	uint32_t idle_ms;		/* HTTP: a quiet client is closed */
	uint32_t park_ms;		/* a call waits so long for its client's answer */
	uint8_t token[WRIT_SHA256_LEN];	/* SHA-256 of the token */
	struct writ_str version;	/* ours */
	struct writ_str path;		/* HTTP: "/mcp" */
	struct writ_str hosts;		/* HTTP: Host values, separated by commas */
	struct writ_str origins;	/* HTTP: Origin values, the same; none without */
};

struct writ_api_tool {
	uint8_t flags;
	struct writ_str name, title, description;	/* checked; title may be empty */
	struct writ_str input;		/* JSON Schema 2020-12 of the arguments */
	struct writ_str output;		/* of {"result": value}; empty: no value */
	struct writ_str annotations;	/* JSON object, or empty */
};

struct writ_api_catalog {
	uint32_t generation;		/* grows */
	struct writ_str name, instructions;
};

struct writ_api_progress {
	uint64_t done, total;		/* IEEE 754 binary64, as bits; finite */
	bool has_total;
	struct writ_str message;	/* at most 4 KiB, untrusted */
};

/** A request of the tool that was refused; at most 16 a call are told. */
struct writ_api_refused {
	struct writ_str id, kind, op, target, rule, reason, smallest;
};

enum writ_api_status {
	WRIT_API_OK,		/* value in TEXT, or none */
	WRIT_API_ERR,		/* the tool's own error: the error value is in TEXT */
	WRIT_API_ARGUMENTS,	/* arguments do not fit: message says which */
	WRIT_API_UNKNOWN,	/* no such tool, resource, session or client */
	WRIT_API_DENIED,	/* the call as such is refused (not pinned, changed, ...) */
	WRIT_API_LIMIT,		/* a limit of the writ or of the server; message names it */
	WRIT_API_TRAP,		/* the tool crashed */
	WRIT_API_EXIT,		/* a program ended with exit code `exit_code` */
	WRIT_API_CANCELLED,
	WRIT_API_FAILED,	/* a fault of ours or of the machine */
	WRIT_API_STATUS_COUNT
};

struct writ_api_result {
	enum writ_api_status status;
	uint8_t exit_code;
	uint32_t refused, allowed;	/* decisions of this call */
	struct writ_str message;	/* one sentence, safe to show */
	struct writ_str extra;		/* READ: MIME type; GRANT: id of the request */
};

/** The messages of this file, for writ_conn_init. */
extern const struct writ_wire_table writ_wire_api;

/*
 * Codec.  `put` appends to a buffer (check its status once); `get` borrows from the body and
 * returns WRIT_PROTO when it is malformed or a field is over its bound.
 */
void writ_api_call_put(struct writ_buf *b, const struct writ_api_call *m);
WRIT_MUST_CHECK enum writ_status
writ_api_call_get(struct writ_str body, struct writ_api_call *m);
void writ_api_grant_put(struct writ_buf *b, const struct writ_api_grant *m);
WRIT_MUST_CHECK enum writ_status
writ_api_grant_get(struct writ_str body, struct writ_api_grant *m);
void writ_api_tool_put(struct writ_buf *b, const struct writ_api_tool *m);
WRIT_MUST_CHECK enum writ_status
writ_api_tool_get(struct writ_str body, struct writ_api_tool *m);
void writ_api_config_put(struct writ_buf *b, const struct writ_api_config *m);
WRIT_MUST_CHECK enum writ_status
writ_api_config_get(struct writ_str body, struct writ_api_config *m);
void writ_api_catalog_put(struct writ_buf *b, const struct writ_api_catalog *m);
WRIT_MUST_CHECK enum writ_status
writ_api_catalog_get(struct writ_str body, struct writ_api_catalog *m);
void writ_api_progress_put(struct writ_buf *b, const struct writ_api_progress *m);
WRIT_MUST_CHECK enum writ_status
writ_api_progress_get(struct writ_str body, struct writ_api_progress *m);
void writ_api_refused_put(struct writ_buf *b, const struct writ_api_refused *m);
WRIT_MUST_CHECK enum writ_status
writ_api_refused_get(struct writ_str body, struct writ_api_refused *m);
void writ_api_result_put(struct writ_buf *b, const struct writ_api_result *m);
WRIT_MUST_CHECK enum writ_status
writ_api_result_get(struct writ_str body, struct writ_api_result *m);

/**
 * Queue `text` as TEXT messages of request `id`; none when it is empty.
 * Fails as writ_conn_send.
 */
WRIT_MUST_CHECK enum writ_status
writ_api_send_text(struct writ_conn *c, uint32_t id, enum writ_api_text what,
    struct writ_str text);

#endif
