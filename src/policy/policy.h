/*
 * policy.h - a writ as data, and the one decision function over it.  Pure:
 * bytes in, decision out; no I/O, no clock, no globals.  Knows nothing of
 * processes or WebAssembly.  A parsed policy is immutable; any thread may read
 * it.
 */
#ifndef WRIT_POLICY_POLICY_H
#define WRIT_POLICY_POLICY_H

#include "base/buf.h"
#include "base/field.h"
#include "base/hash.h"
#include "base/limits.h"

enum writ_clock_mode {
	/* wall frozen at 1970-01-01, monotonic virtual */
	WRIT_CLOCK_VOID,
	WRIT_CLOCK_REAL,
	/* wall frozen at `seconds`, monotonic virtual */
	WRIT_CLOCK_FROZEN
};

enum writ_random_mode {
	WRIT_RANDOM_VOID,	/* deterministic stream of the session */
	WRIT_RANDOM_SECURE,
	WRIT_RANDOM_SEEDED,
	WRIT_RANDOM_TRAP
};

enum writ_unmatched { WRIT_UNMATCHED_DENY, WRIT_UNMATCHED_ASK };

enum writ_source_kind {
	WRIT_SOURCE_MEMORY,
	WRIT_SOURCE_HOST,
	WRIT_SOURCE_OVERLAY,
	WRIT_SOURCE_DATABASE,
	WRIT_SOURCE_SHARED,
	WRIT_SOURCE_BLOB
};

/** Limits of a call; each has its documented default when absent
 * (base/limits.h). */
struct writ_limits {
	uint64_t memory_bytes;
	uint64_t time_ms;	/* wall time */
	uint64_t cpu_ms;
	uint64_t output_bytes;	/* 0: not limited */
	uint64_t requests;	/* asks to the broker */
	uint64_t handles;
	uint64_t audit_bytes;	/* of the session's records */
};

struct writ_pair {		/* env and config entries */
	char *key, *value;
};

/** One `files` entry. */
struct writ_files_grant {
	char *name;
	char *at;		/* canonical absolute guest path */
	enum writ_source_kind source;
	/* the text behind "host:", as written; NULL for memory */
	char *from;
	bool write;
	uint64_t quota_bytes, quota_files;	/* 0: not limited */
	/* names opened by `protected`; NULL-terminated */
	char **protected_names;
	bool durable;
	bool shown;	/* the client may read it as resources (memory) */
	unsigned line, column;
};

/** One `deny` entry over files: refuses what the pattern matches and all below
 * it. */
struct writ_files_deny {
	char *name;
	char *path;	/* pattern over absolute guest paths, * and ** */
	bool write_only;	/* refuses changes only */
	size_t literal;	/* bytes of `path` before its first wild segment */
};

/** One `spawn` entry: the component may call this tool of its toolbox. */
struct writ_spawn_grant {
	char *name;
	char *tool;		/* as clients see it; no other entry has it */
	uint64_t depth;	/* levels of tools below this one, itself counted */
	uint64_t calls;		/* in all */
	bool durable;
};

/** One `deny` entry over tools. */
struct writ_spawn_deny {
	char *name, *tool;
};

/** What a component may ask of the client (MCP); bits of writ_policy.client. */
enum writ_client {
	WRIT_CLIENT_PROGRESS = 1,
	WRIT_CLIENT_LOG = 2,
	WRIT_CLIENT_ELICIT = 4,
	WRIT_CLIENT_SAMPLE = 8,
	WRIT_CLIENT_ROOTS = 16
};

/** A range of addresses, IPv4 as ::ffff:0:0/96. */
struct writ_range {
	uint8_t address[16];
	unsigned bits;			/* 0 to 128 */
};

/** A piece of a credential's value: text, and then perhaps a secret. */
struct writ_credential_part {
	char *text, *secret;		/* secret: NULL none */
};

/** Where the value of a secret comes from; one without an entry comes from the store. */
enum writ_secret_from { WRIT_SECRET_STORE, WRIT_SECRET_ENV, WRIT_SECRET_FILE };

/** One of `secrets`. */
struct writ_secret_source {
	char *name;
	enum writ_secret_from kind;
	char *from;			/* a variable's name, a path; NULL: the store */
};

enum writ_ask_when { WRIT_ASK_NEVER, WRIT_ASK_FIRST, WRIT_ASK_EACH };

/** One `http` entry: its bounds.  What it matches is internal (http_shape.c). */
struct writ_http_grant {
	char *name;
	struct writ_http_shape *shape;	/* internal */
	uint64_t request_max, response_max;	/* bytes of a body */
	/* the response's headers and media types that pass; NULL: all.  NULL-terminated */
	char **response_headers, **response_types;
	char *operation_field;		/* of a JSON body: "operationName", "method"; NULL */
	char **operations;		/* its allowed values, NULL-terminated */
	uint64_t rate_count, rate_window_ms;	/* at most so many in any window; 0: any */
	uint64_t concurrency;		/* at a time; 0: any */
	uint64_t total_requests, total_bytes;	/* for ever, kept across restarts; 0: any */
	/* credential: a header, or with `credential_query` a query value; name NULL: none */
	char *credential_name;
	bool credential_query;
	struct writ_credential_part *credential;
	size_t credential_parts;
	bool scrub;			/* the secret is taken out of what comes back */
	struct writ_range *addresses;	/* instead of public ones; count 0: public */
	size_t addresses_count;
	char *ca_file;			/* PEM of the only authorities; NULL: the system's */
	char *pins;			/* "sha256//BASE64;...", NULL: none */
	enum writ_ask_when ask;
	bool durable;
	unsigned line, column;
};

/** One `sockets` entry. */
struct writ_sockets_grant {
	char *name;
	bool udp, listen;		/* listen: bind and accept, else connect and send */
	char *host;			/* a name or an address in its one spelling; no [] */
	unsigned port;			/* 0 (listen only): any free one */
	uint64_t total_bytes;		/* both ways, for ever; 0: any */
	uint64_t concurrency;		/* sockets at a time; 0: any */
	struct writ_range *addresses;
	size_t addresses_count;
	enum writ_ask_when ask;
	bool durable;
};

/** A parsed writ.  Every pointer is owned by it. */
struct writ_policy {
	char *name;
	char *component_file;	/* NULL when absent */
	bool has_component_digest;
	struct writ_digest component_digest;
	bool strict;
	enum writ_unmatched unmatched;
	struct writ_limits limits;
	enum writ_clock_mode clock;
	int64_t clock_seconds;	/* frozen: since 1970-01-01T00:00:00Z */
	uint64_t clock_resolution_ns;	/* 0 or 1: as fine as it is */
	enum writ_random_mode random;
	uint64_t random_seed;
	struct writ_pair *env, *config;
	size_t env_count, config_count;
	struct writ_files_grant *files;	/* sorted by `at`, longest first */
	size_t files_count;
	struct writ_files_deny *files_deny;	/* sorted by literal prefix */
	size_t files_deny_count;
	struct writ_spawn_grant *spawn;
	size_t spawn_count;
	struct writ_spawn_deny *spawn_deny;
	size_t spawn_deny_count;
	unsigned client;		/* enum writ_client, ORed */
	struct writ_http_grant *http;
	size_t http_count;
	struct writ_sockets_grant *sockets;
	size_t sockets_count;
	struct writ_http_deny *http_deny;	/* internal */
	size_t http_deny_count;
	struct writ_sockets_deny *sockets_deny;	/* internal */
	size_t sockets_deny_count;
	struct writ_http_entry *http_index;	/* internal: grants and deny entries */
	size_t http_index_count;
	struct writ_secret_source *secrets;
	size_t secrets_count;
	/* of the document's bytes; each addition makes it SHA-256 of the digest
	 * before and the text added */
	struct writ_digest digest;
	struct writ_policy_more *more;	/* internal */
};

/**
 * Parse and check a whole document of at most WRIT_DOC_MAX bytes.  `file` is
 * only for messages, which read `FILE:LINE:COL: where: what (did you mean
 * ...)`.  *out is the caller's (writ_policy_free).
 * Fails: WRIT_INVALID a mistake in the document, first one reported;
 * WRIT_UNSUPPORTED a kind of grant whose provider is not built yet (the message
 * says "not built yet"); WRIT_LIMIT too large, too deep or too many;
 * WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_policy_parse(struct writ_str doc, const char *file,
    struct writ_policy **out, struct writ_err *err);

/** The policy that grants nothing: every default, no grant.  *out as above. */
WRIT_MUST_CHECK enum writ_status
writ_policy_empty(struct writ_policy **out, struct writ_err *err);

/**
 * Add one grant written as a YAML fragment of a writ, e.g.
 *   files: [{ name: src, at: /src, from: "host:./src", mode: read }]
 * or a short form of the command line: "files read /src host:./src" (`--grant`;
 * all of them in docs/WRIT.md).  Same rules and failures as a document; what
 * `p` has already (a name, a mount, a variable, a clock) is WRIT_INVALID.
 * Relative host paths stand as written: their folder is the caller's affair.
 * `p` is unchanged on failure.
 */
WRIT_MUST_CHECK enum writ_status
writ_policy_add(struct writ_policy *p, struct writ_str text,
    struct writ_err *err);

/** Add a directory grant (`--dir HOST::GUEST[::ro|rw]`), given in parts; `host`
 * is literal (no `$` or `~` in it means anything), its name is made from
 * `guest`. */
WRIT_MUST_CHECK enum writ_status
writ_policy_add_dir(struct writ_policy *p, struct writ_str host,
    struct writ_str guest, bool write, struct writ_err *err);

/** Add an environment variable; WRIT_EXIST when the name is there already. */
WRIT_MUST_CHECK enum writ_status
writ_policy_add_env(struct writ_policy *p, struct writ_str key,
    struct writ_str value, struct writ_err *err);

/** Free; takes NULL. */
void writ_policy_free(struct writ_policy *p);
WRIT_AUTO_FREE(writ_policy)

/* ---- decisions */

enum writ_verdict { WRIT_ALLOW, WRIT_ASK, WRIT_REFUSE };

enum writ_request_kind {
	WRIT_REQ_FILES,
	WRIT_REQ_HTTP,
	WRIT_REQ_SOCKETS,
	WRIT_REQ_KEYVALUE,
	WRIT_REQ_BLOBS,
	WRIT_REQ_SPAWN,
	WRIT_REQ_CLIENT
};

/** How a files request touches its target. */
enum writ_request_how {
	WRIT_HOW_ITSELF,	/* its bytes, its entries, its being there */
	WRIT_HOW_META,		/* looks at its attributes only (stat) */
	WRIT_HOW_MKDIR,		/* makes a directory, or removes an empty one */
	WRIT_HOW_TREE	/* moves or replaces a directory with all below */
};

/**
 * One canonical request.  `target` is what the operation is on: an absolute
 * canonical guest path, a URL, "tcp://host:port", a bucket, a container, a
 * tool's name, a word of `client`.  Borrowed.
 *
 * A path is the one reached after symbolic links were followed.  Rename is two
 * requests with write (both ends; WRIT_HOW_TREE when the moved thing is a
 * directory), a hard link also: its source counts as changed, since the new
 * name can change it.
 */
struct writ_request {
	enum writ_request_kind kind;
	const char *op;		/* "open", "stat", "connect", "GET", ... */
	bool write;		/* changes something (files) */
	struct writ_str target;
	enum writ_request_how how;	/* files only */
	const struct writ_http_request *http;	/* http: all of it; NULL: the URL alone */
};

/**
 * One canonical HTTP request, made by writ_http_read: what is judged is what is sent.
 * Borrowed from the guest's words and from the storage given.
 */
struct writ_http_request {
	bool https;
	bool address;			/* the host is an IP literal */
	struct writ_str method;
	struct writ_str host;		/* lower case; IPv6 in [] */
	unsigned port;
	struct writ_str path;		/* canonical */
	struct writ_str query;		/* canonical, without "?"; ptr NULL: none */
	struct writ_str url;		/* all of it, canonical: what records and people see */
	const struct writ_http_field *fields;
	size_t fields_count;
	bool has_body;
	bool has_length;
	uint64_t length;		/* what content-length says */
	struct writ_str operation;	/* of the body; ptr NULL: not known yet */
	uint64_t minute;		/* of the week, UTC, Monday 00:00 is 0 (time windows) */
};

/** What an allowed request is held to: of all entries that match, the strictest. */
struct writ_http_terms {
	const struct writ_http_grant *grants[WRIT_HTTP_MATCHES_MAX];	/* all are charged */
	size_t count;
	const struct writ_http_grant *credential;	/* whose is added; NULL: none */
	uint64_t request_max, response_max;
	/* Allowed if the body's operation is: hold it back, and judge again with it. */
	const char *operation_field;
};

#define WRIT_RULE_MAX 96
#define WRIT_REASON_MAX 256

struct writ_decision {
	enum writ_verdict verdict;
	/* name of the deciding entry, or NULL; policy's */
	const char *grant;
	/* e.g. "files.src", "deny.no-admin", "unmatched" */
	char rule[WRIT_RULE_MAX];
	char reason[WRIT_REASON_MAX];	/* one sentence for people */
};

/**
 * Judge one request over all matching entries: deny beats ask beats allow; no
 * match gives `unmatched` (which never asks for files).  Total: every input has
 * a decision, and a malformed target is refused.  Needs no memory.
 *
 * Rules: "files.NAME" allowed; "deny.NAME"; "unmatched"; "files.NAME.mode" the
 * mount is read-only; "spawn.NAME"; "client.WORD"; "protected.SLUG" a protected
 * name (of the host's own path, so a mount of `.git` itself is judged too);
 * "malformed".
 *
 * Cost for files: (parts of the path) x log(mounts + deny entries), then the
 * patterns whose literal beginning is a folder of the path; the rest are not
 * looked at.
 */
void writ_decide(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_decision *out);

/**
 * Read what a guest asks for into one canonical request (RFC 3986, RFC 9110; none of the
 * tolerance of WHATWG URLs).  `scheme` "http" or "https" ("" is https), `authority` HOST[:PORT],
 * `path` begins with "/" or "?" or is "".  Fields are looked at for the bounds of docs/WRIT.md
 * (host, content-length once and digits only, hop-by-hop names).  `storage` gets what had to
 * be rewritten and must outlive *out.  NULL, or what is wrong, for people.
 */
const char *writ_http_read(struct writ_str method, struct writ_str scheme,
    struct writ_str authority, struct writ_str path,
    const struct writ_http_field *fields, size_t fields_count,
    struct writ_buf *storage, struct writ_http_request *out);

/** As writ_decide, of an HTTP request, with what it is held to (on WRIT_ALLOW).  Cost: the host's
 * labels and the path's segments in a trie, then the entries that match. */
void writ_decide_http(const struct writ_policy *p,
    const struct writ_http_request *rq, struct writ_http_terms *terms,
    struct writ_decision *out);

/** Whether an entry is for https. */
bool writ_http_grant_https(const struct writ_http_grant *g);

/**
 * The `sockets` entry that would allow an operation on "tcp://HOST:PORT" (its address ranges are
 * the caller's to check), or NULL; says nothing of deny entries, which writ_decide judges.
 */
const struct writ_sockets_grant *
writ_policy_socket(const struct writ_policy *p, const char *op,
    struct writ_str target);

/**
 * The `spawn` entry for a tool (its budgets are the caller's to keep), or NULL;
 * says nothing of deny entries, which writ_decide judges.
 */
const struct writ_spawn_grant *
writ_policy_spawn(const struct writ_policy *p, struct writ_str tool);

/** The entry of `secrets` for a name, or NULL: it comes from the store. */
const struct writ_secret_source *
writ_policy_secret(const struct writ_policy *p, const char *name);

/** The word of one bit of `client` ("elicit"), or NULL. */
const char *writ_policy_client_word(unsigned bit);

/**
 * The smallest grant that would allow exactly this request, as one line of a
 * writ, appended to `out`; nothing is appended when no grant could (e.g. a deny
 * entry) or when it is allowed already.  A line with the name of an entry that
 * the policy has stands in place of that entry.  Host paths in it are guesses
 * to be checked: `./` and the guest's path.
 */
void writ_policy_suggest(const struct writ_policy *p,
    const struct writ_request *rq, struct writ_buf *out);

/** Names in a host tree that are refused for change, and some of them for
 * reading, unless a grant opens them by name (`.git/hooks`, `.bashrc`, `.env`,
 * ...): NULL-terminated.  `*` stands for any run of bytes within a component.
 */
const char *const *writ_policy_protected(void);

/** Whether the path (canonical, relative or absolute) is, or lies below, a
 * protected name not in `opened` (NULL-terminated or NULL); *which gets the
 * name.  Case is folded (ASCII) because host file systems may. */
bool writ_policy_is_protected(struct writ_str path, char *const *opened,
    const char **which);

/** The same for reading: only names that hold keys or passwords. */
bool writ_policy_is_secret(struct writ_str path, char *const *opened,
    const char **which);

/** Whether the path is a folder that must stay what and where it is because
 * protected names lie in it (`.git` of `.git/hooks`): anything but making the
 * directory, or removing it empty, is refused. */
bool writ_policy_holds_protected(struct writ_str path, char *const *opened,
    const char **which);

/** Match an absolute path against a pattern: `*` one non-empty segment or run
 * within one, `**` zero or more whole segments (at most twice).  Costs at most
 * the segments of the pattern (63; longer ones match nothing) times the bytes
 * of the path. */
bool writ_policy_glob(struct writ_str pattern, struct writ_str path);

#endif
