/*
 * audit.h - the audit log: what was decided, written before the effect
 * happens.  One canonical JSON object a line, hash-chained; the format is final
 * and described in docs/AUDIT.md.  Knows nothing of policy or WebAssembly: it
 * takes plain strings.  It is not signed: whoever can rewrite the whole file
 * can make a new chain.  One writ_audit belongs to one session; calls must not
 * overlap.
 *
 * The duty of callers: when a function here fails, the effect does not happen.
 */
#ifndef WRIT_AUDIT_AUDIT_H
#define WRIT_AUDIT_AUDIT_H

#include "base/buf.h"
#include "base/hash.h"

/** Longest id of a session: letters, digits, '-', '_', '.', not first a '.'. */
#define WRIT_AUDIT_SESSION_MAX 64

struct writ_audit;

/** Where time comes from; both functions must be set. */
struct writ_audit_clock {
	int64_t (*wall_ms)(void *ctx);	/* since 1970-01-01T00:00:00Z */
	uint64_t (*mono_ns)(void *ctx);
	void *ctx;
};

struct writ_audit_config {
	const char *path;
	struct writ_str session;	/* id, see WRIT_AUDIT_SESSION_MAX */
	struct writ_str principal;	/* who asks, e.g. "uid:1000" */
	const struct writ_audit_clock *clock;	/* NULL: the system's; copied */
	uint64_t max_bytes;	/* of this session's records; 0: not limited */
};

enum writ_audit_verdict {
	WRIT_AUDIT_ALLOW,
	WRIT_AUDIT_ASK,
	WRIT_AUDIT_DENY
};

/** What became of a decision. */
enum writ_audit_outcome {
	WRIT_AUDIT_ALLOWED,		/* done */
	WRIT_AUDIT_DENIED,
	WRIT_AUDIT_DENIED_BY_HUMAN,
	WRIT_AUDIT_EXPIRED,
	WRIT_AUDIT_NO_APPROVER,
	WRIT_AUDIT_REVOKED,
	WRIT_AUDIT_FAILED,		/* not done */
	WRIT_AUDIT_UNKNOWN		/* may or may not have been done */
};

/*
 * In all structs below a slice is borrowed for the call, and one with a NULL
 * pointer is written as null.  A text is cut at WRIT_AUDIT_TEXT_MAX bytes of
 * its JSON form.
 */

/** How a session began.  Digests are texts ("sha256:..."). */
struct writ_audit_start {
	struct writ_str component;	/* digest */
	struct writ_str component_name;	/* as people know it */
	struct writ_str writ;		/* digest of the document */
	struct writ_str writ_name;
	struct writ_str engine;		/* name and version */
	struct writ_str program;	/* Writ's own version */
	struct writ_str args;		/* digest of the arguments */
	const struct writ_str *void_imports;	/* NULL: not known */
	size_t void_count;
	const struct writ_str *walls_missing;
	size_t walls_count;
	/* of a session with a net; NULL: none, and neither is written */
	struct writ_str resolver;	/* name servers that are asked */
	const struct writ_str *authorities;	/* digests of files of certificates */
	size_t authorities_count;
};

struct writ_audit_decision {
	struct writ_str kind;		/* "files", "http", ... */
	struct writ_str op;		/* "open", "stat", "GET", ... */
	struct writ_str target;
	struct writ_str grant;
	struct writ_str rule;
	struct writ_str reason;
	enum writ_audit_verdict verdict;
	bool coalesce;	/* an allowed look at metadata: may be counted only */
	/* on disk, not only in the system's memory, on return */
	bool durable;
};

/** One line of what a worker says it did by itself. */
struct writ_audit_tally {
	struct writ_str what;		/* e.g. "files.memory.read" */
	uint64_t count, bytes;
};

/** One request that a worker answered, as it says. */
struct writ_audit_request {
	struct writ_str method, path;
	struct writ_str outcome;	/* "ok", "trapped", ... */
	struct writ_str detail;
	uint64_t status;		/* 0: none was sent */
	uint64_t up, down;		/* bytes of the bodies */
	uint64_t wall_us, cpu_us;
};

/** What came to no request of its own, since the last record of this kind. */
struct writ_audit_served {
	uint64_t malformed, busy;
};

/** One typed call within a session; calls of a session never overlap, so what stands between
 * its two records belongs to it. */
struct writ_audit_call {
	uint64_t call;			/* from 1 */
	struct writ_str function;	/* the export, in full */
	struct writ_str tool;		/* the name its caller used */
	struct writ_str args;		/* digest */
	struct writ_str client;		/* who called, as the client calls itself */
	struct writ_str parent;		/* session and call that spawned it, "ID/N" */
};

struct writ_audit_call_end {
	uint64_t call;
	struct writ_str outcome;	/* as of a session's end, or "err" */
	struct writ_str reason;
	uint64_t cpu_ms;
};

struct writ_audit_end {
	struct writ_str outcome;	/* "exited", "trapped", "limit", ... */
	struct writ_str reason;
	int exit_code;
	uint64_t cpu_ms;
};

/**
 * Open or create the log and take it for this session alone.  An existing log
 * is continued: its last record's own hash is checked (the whole:
 * writ_audit_verify).
 *
 * Fails: WRIT_BUSY another writer has it; WRIT_INVALID a bad session id, or the
 * file is no regular file, is another user's, is writable by others, or ends in
 * a torn or changed record; WRIT_LOOP a symbolic link; WRIT_ROFS; WRIT_IO;
 * WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_open(const struct writ_audit_config *config, struct writ_audit **out,
    struct writ_err *err);

/** Let every text of every record pass `filter` first, which appends to `out` what of it may be
 * written.  Where it fails for want of memory no record is written; of a text that becomes too long
 * nothing is.  `ctx` is borrowed for the log's life. */
void writ_audit_filter(struct writ_audit *a,
    void (*filter)(void *ctx, struct writ_str text, struct writ_buf *out),
    void *ctx);

/** The number (seq) of the last record in the log; 0 when it has none. */
uint64_t writ_audit_records(const struct writ_audit *a);

/** Close and let the next writer in.  Writes nothing.  Takes NULL. */
void writ_audit_free(struct writ_audit *a);
WRIT_AUTO_FREE(writ_audit)

/*
 * Records.  Each is written whole, in one write(), before the function
 * returns.  All fail with WRIT_IO (also a full disk; the torn part is taken
 * back, so the next record may succeed when there is room again) and
 * WRIT_NOMEM.
 */

WRIT_MUST_CHECK enum writ_status
writ_audit_session_start(struct writ_audit *a, const struct writ_audit_start *s,
    struct writ_err *err);

/**
 * Record a decision.  *id names it for writ_audit_outcome, and is 0 when the
 * decision was only counted: refusals of one (kind, rule) after the first
 * WRIT_AUDIT_VERBATIM, and likewise allowed ones of one (kind, op, rule) that
 * have `coalesce`.  Counts are written each time the total has doubled, and at
 * the end.  Never counted: what has `durable`, and WRIT_AUDIT_ASK.
 *
 * Fails also: WRIT_LIMIT beyond max_bytes, for what is allowed or asked and may
 * not be counted; refusals are then counted from the first.
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_decide(struct writ_audit *a, const struct writ_audit_decision *d,
    uint64_t *id, struct writ_err *err);

/**
 * Record what became of decision `id`; nothing is written for id 0.  `bytes`
 * moved; `detail` one sentence or nothing.  Not subject to max_bytes.
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_outcome(struct writ_audit *a, uint64_t id,
    enum writ_audit_outcome outcome, uint64_t bytes, struct writ_str detail,
    struct writ_err *err);

/** Record a worker's word, n lines of it.  Fails also: WRIT_LIMIT beyond
 * max_bytes or when the record would be too large. */
WRIT_MUST_CHECK enum writ_status
writ_audit_worker_report(struct writ_audit *a, const struct writ_audit_tally *t,
    size_t n, struct writ_err *err);

/**
 * Record requests that were served, a batch in as few records as hold it: a worker's word.  `next`
 * fills in one after the other and returns false behind the last; it is asked once for each.
 * *written, always set: how many are on record.  Fails also: WRIT_LIMIT beyond max_bytes.
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_served(struct writ_audit *a, const struct writ_audit_served *s,
    bool (*next)(void *ctx, struct writ_audit_request *out), void *ctx,
    uint64_t *written, struct writ_err *err);

/** A typed call begins, or has ended: counts still owed are written before its end, so that they
 * are its own.  Not subject to max_bytes. */
WRIT_MUST_CHECK enum writ_status
writ_audit_call_start(struct writ_audit *a, const struct writ_audit_call *c,
    struct writ_err *err);
WRIT_MUST_CHECK enum writ_status
writ_audit_call_end(struct writ_audit *a, const struct writ_audit_call_end *e,
    struct writ_err *err);

/** A limit (its name in the writ) was reached, and what its value is. */
WRIT_MUST_CHECK enum writ_status
writ_audit_limit(struct writ_audit *a, struct writ_str limit, uint64_t max,
    struct writ_str reason, struct writ_err *err);

/** Something about the compile cache, e.g. event "rejected". */
WRIT_MUST_CHECK enum writ_status
writ_audit_cache(struct writ_audit *a, struct writ_str event,
    struct writ_str component, struct writ_str reason, struct writ_err *err);

/** A wall of the jail is missing and the operator accepted that. */
WRIT_MUST_CHECK enum writ_status
writ_audit_wall(struct writ_audit *a, struct writ_str wall,
    struct writ_str reason, struct writ_err *err);

/** Write the counts still owed, then the end with the session's totals, and put
 * all of it on disk. */
WRIT_MUST_CHECK enum writ_status
writ_audit_session_end(struct writ_audit *a, const struct writ_audit_end *e,
    struct writ_err *err);

/**
 * The default log of a session, `STATE/writ/audit/YYYY-MM-DD-SESSION.jsonl`
 * with STATE from XDG_STATE_HOME (when absolute) or ~/.local/state, as a C
 * string into out[cap]; missing folders are made with mode 0700.
 * Fails: WRIT_NOENT neither variable is set; WRIT_INVALID a bad session id, or
 * the folder is a link, another user's, or writable by others;
 * WRIT_NAMETOOLONG; WRIT_IO.
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_default_path(struct writ_str session, int64_t wall_ms, char *out,
    size_t cap, struct writ_err *err);

/** What a check of a whole log found. */
struct writ_audit_report {
	uint64_t records;	/* good ones from the start */
	/* first bad line, from 1; 0 when there is none */
	uint64_t bad_line;
	struct writ_digest last;	/* hash of the last good record */
};

/**
 * Check every record of a log: form, hash, chain, sequence.  `report` is always
 * set.
 * Fails: WRIT_INVALID a bad record (err names its line and what is wrong);
 * WRIT_IO; WRIT_NOENT; WRIT_NOMEM.  Cannot see that records are missing at the
 * end, nor that the whole was written anew.
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_verify(const char *path, struct writ_audit_report *report,
    struct writ_err *err);

#endif
