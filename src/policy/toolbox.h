/*
 * toolbox.h - toolbox.yaml as data: which functions of which components, each group
 * with its writ, are shown to a client as tools; prompts and resources beside them.
 * Pure: it opens no file that it names, and knows nothing of MCP's wire or of what a
 * component exports.  A parsed toolbox is immutable; any thread may read it.
 *
 * The name that a client sees: a function with `name` has exactly that name; any other
 * is GROUP_FUNCTION, where GROUP is the entry of `tools` and FUNCTION is the export
 * without its interface ("acme:notes/store@1.0.0#find" of group `notes` is
 * `notes_find`).  writ_toolbox_name is the one place that says so.
 *
 * Every writ_str here has a NUL behind it and none in it; {NULL,0} stands for absent.
 */
#ifndef WRIT_POLICY_TOOLBOX_H
#define WRIT_POLICY_TOOLBOX_H

#include "base/buf.h"
#include "base/limits.h"

/** The tool of the server itself that files a request for a grant.  Names that begin
 * like `writ_` (or look so) are the server's: no toolbox may use them. */
#define WRIT_TOOLBOX_REQUEST_TOOL "writ_request_grant"

enum writ_toolbox_hint {
	WRIT_TOOLBOX_UNSAID,
	WRIT_TOOLBOX_NO,
	WRIT_TOOLBOX_YES
};

/** What a tool says of itself; hints to a client, never a right. */
struct writ_toolbox_notes {
	enum writ_toolbox_hint read_only, destructive, idempotent, open_world;
};

/** One entry of a list under `functions`. */
struct writ_toolbox_function {
	struct writ_str export_name;	/* as written; see writ_toolbox_selects */
	struct writ_str name;		/* shown to clients; never absent */
	struct writ_str title, description;	/* absent: not said */
	struct writ_toolbox_notes notes;	/* the group's filled in */
	bool listed;			/* false: not shown, but for spawn and
					 * resources */
	unsigned line, column;
};

enum writ_toolbox_session {
	WRIT_TOOLBOX_PER_CALL,		/* a fresh instance for each call */
	WRIT_TOOLBOX_NAMED		/* state kept under a name given in the call */
};

/** Limits of a group, beside those of its writ; the lower one holds. */
struct writ_toolbox_limits {
	uint64_t time_ms;		/* of one call; 0: as the writ says */
	uint64_t output_bytes;		/* of one result */
	uint64_t concurrency;		/* calls at once */
	uint64_t idle_ms;		/* a worker or named session is kept so long */
	uint64_t sessions;		/* named sessions at once */
};

/** One entry of `tools`: a component and its writ. */
struct writ_toolbox_group {
	struct writ_str name;
	struct writ_str component;	/* path, from the toolbox's folder */
	struct writ_str writ;		/* the same; absent: zero authority */
	struct writ_str title, description;	/* for functions that say none and
						 * whose component says none */
	bool all;			/* every exported function; functions empty */
	bool listed;			/* for `all` */
	struct writ_toolbox_notes notes;
	enum writ_toolbox_session session;
	struct writ_toolbox_limits limits;
	struct writ_toolbox_function *functions;
	size_t functions_count;
	unsigned line, column;
};

struct writ_toolbox_argument {
	struct writ_str name, title, description;
	bool required;
	struct writ_str *complete;	/* values offered */
	size_t complete_count;
};

/** Bytes given in place or as a file; exactly one of the three is there. */
struct writ_toolbox_content {
	struct writ_str text;
	struct writ_str base64;		/* padded, canonical; not decoded */
	struct writ_str file;		/* path, from the toolbox's folder */
	struct writ_str mime;		/* absent: not said */
};

enum writ_toolbox_message_kind {
	WRIT_TOOLBOX_TEXT,
	WRIT_TOOLBOX_IMAGE,
	WRIT_TOOLBOX_AUDIO,
	WRIT_TOOLBOX_RESOURCE		/* embedded, under `uri` */
};

struct writ_toolbox_message {
	bool assistant;			/* else user */
	enum writ_toolbox_message_kind kind;
	struct writ_str uri;
	struct writ_toolbox_content content;
};

/** `{{NAME}}` in the texts and uris of messages is replaced: writ_toolbox_expand. */
struct writ_toolbox_prompt {
	struct writ_str name, title, description;
	struct writ_toolbox_argument *arguments;
	size_t arguments_count;
	struct writ_toolbox_message *messages;
	size_t messages_count;
	struct writ_str tool;		/* instead of messages: a tool's name, whose
					 * function gets the arguments as strings */
	unsigned line, column;
};

/** A resource at a fixed URI, or a template of URIs. */
struct writ_toolbox_resource {
	struct writ_str uri;		/* of a template: with {variables} */
	bool is_template;
	struct writ_str name, title, description, mime;
	struct writ_str tool;		/* a tool's name: its function is called with
					 * the variables as strings; else content */
	struct writ_toolbox_content content;
	struct writ_toolbox_argument *variables;	/* in order of the URI */
	size_t variables_count;
	unsigned line, column;
};

struct writ_toolbox {
	struct writ_str name, title, version, instructions;
	struct writ_toolbox_group *groups;
	size_t groups_count;
	struct writ_toolbox_prompt *prompts;
	size_t prompts_count;
	struct writ_toolbox_resource *resources;
	size_t resources_count;
	struct writ_yaml *memory;	/* internal: all of the above */
};

/**
 * Parse and check a whole toolbox of at most WRIT_DOC_MAX bytes.  `file` is only for
 * messages: `FILE:LINE:COL: where: what (did you mean ...)`.  *out is the caller's.
 * Names known from the document are checked for clashes (writ_lookalike); those of
 * `functions: all` are the caller's to check when it knows the exports.
 * Fails: WRIT_INVALID a mistake, the first one; WRIT_LIMIT a bound; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_toolbox_parse(struct writ_str doc, const char *file,
    struct writ_toolbox **out, struct writ_err *err);

/** Free; takes NULL. */
void writ_toolbox_free(struct writ_toolbox *t);
WRIT_AUTO_FREE(writ_toolbox)

/**
 * Whether `export_name` of a toolbox means the export `full` of a component
 * ("find" of the world, "acme:notes/store@1.0.0#find" of an interface): they are equal,
 * or what is written leaves out the version, or the whole interface.  If it means
 * several exports, or none, the caller refuses it.
 */
bool writ_toolbox_selects(struct writ_str export_name, struct writ_str full);

/**
 * The name that clients see for export `full` of a group without a name of its own,
 * as a C string.  Fails: WRIT_INVALID no MCP name comes of it (characters, length).
 */
WRIT_MUST_CHECK enum writ_status
writ_toolbox_name(struct writ_str group, struct writ_str full,
    char out[WRIT_TOOL_NAME_MAX + 1], struct writ_err *err);

/**
 * Append `text` of a message of `p` with each `{{NAME}}` replaced by the value of that
 * argument (values[i] belongs to p->arguments[i], {NULL,0} becomes nothing); `{{}}`
 * stands for `{{`.  Values are not looked into.
 */
void writ_toolbox_expand(const struct writ_toolbox_prompt *p,
    struct writ_str text, const struct writ_str *values, struct writ_buf *out);

/**
 * Whether `uri` is one of the template `r`; values[i] (room for
 * r->variables_count, at most WRIT_TOOLBOX_VARIABLES_MAX) gets the bytes of variable
 * i, percent-encoded as they are in `uri`.  A value is one or more unreserved or
 * percent-encoded characters (RFC 6570, simple expansion).
 */
bool writ_toolbox_match(const struct writ_toolbox_resource *r,
    struct writ_str uri, struct writ_str *values);

/** Append `value` with its %XX decoded; WRIT_INVALID when no text without NUL comes
 * of it, or out->failed. */
WRIT_MUST_CHECK enum writ_status
writ_toolbox_decode(struct writ_str value, struct writ_buf *out);

#endif
