/*
 * line.h - one record as bytes: how it is built, and how it is checked.
 * Internal.  docs/AUDIT.md is the format's description; this is its only
 * implementation.
 */
#ifndef WRIT_AUDIT_LINE_H
#define WRIT_AUDIT_LINE_H

#include "base/hash.h"

/** Bytes of `,"hash":"sha256:<64 hex>"}`, which ends every line. */
#define WRIT_AUDIT_HASH_MEMBER 82

/** "2026-11-24T20:30:55.123Z" and NUL. */
#define WRIT_AUDIT_TIME_MAX 25

/** What every text passes before it is written; apply NULL: nothing. */
struct writ_audit_filter {
	void (*apply)(void *ctx, struct writ_str text, struct writ_buf *out);
	void *ctx;
	struct writ_buf clean;
};

/** A record being built; starts at the buffer's beginning. */
struct writ_audit_line {
	struct writ_buf *b;
	bool cut;	/* some text was too long */
	struct writ_audit_filter *filter;	/* NULL: none */
};

struct writ_audit_head {
	uint64_t seq;
	int64_t wall_ms;
	uint64_t mono_ns;
	struct writ_str session;
	const char *type;
};

/** Where a record stands in the chain. */
struct writ_audit_link {
	uint64_t seq;
	struct writ_digest prev, hash;
};

/** Milliseconds since 1970 as RFC 3339, UTC; years before 1970 and after 9999
 * become the nearest end of that range. */
void writ_audit_time(int64_t wall_ms, char out[WRIT_AUDIT_TIME_MAX]);

/** Begin (the buffer is emptied), add members in order, end. */
void writ_audit_line_begin(struct writ_audit_line *l, struct writ_buf *b,
    const struct writ_audit_head *head);
void writ_audit_line_text(struct writ_audit_line *l, const char *key,
    struct writ_str s);
void writ_audit_line_u64(struct writ_audit_line *l, const char *key,
    uint64_t v);
void writ_audit_line_int(struct writ_audit_line *l, const char *key, int v);
/** An array of texts, cut where it exceeds its share of a record; NULL: null.
 */
void writ_audit_line_list(struct writ_audit_line *l, const char *key,
    const struct writ_str *s, size_t n);
/** `,"key":`, for values made by hand with the two below. */
void writ_audit_line_key(struct writ_audit_line *l, const char *key);
void writ_audit_line_value(struct writ_audit_line *l, struct writ_str s);
/**
 * Close the object, with the line end; *hash is what the next record's prev is.
 * The buffer's failure, if any.
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_line_end(struct writ_audit_line *l, const struct writ_digest *prev,
    struct writ_digest *hash);

/**
 * Check a line (without its line end) by itself: its frame and its hash.
 * WRIT_INVALID with the reason in *why (static).
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_line_check(struct writ_str line, struct writ_audit_link *out,
    const char **why);

#endif
