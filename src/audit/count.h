/*
 * count.h - which decisions stand verbatim and which are only counted.
 * Internal.
 */
#ifndef WRIT_AUDIT_COUNT_H
#define WRIT_AUDIT_COUNT_H

#include "base/str.h"
#include "base/vec.h"

/** Different keys that are told apart; all others share one entry. */
#define WRIT_AUDIT_COUNTS_MAX 1024
/** Bytes of each part of a key that are told apart. */
#define WRIT_AUDIT_COUNT_PART 128

/** Decisions of one (refused, kind, op, rule). */
struct writ_audit_count {
	bool refused;
	char kind[WRIT_AUDIT_COUNT_PART], op[WRIT_AUDIT_COUNT_PART],
	    rule[WRIT_AUDIT_COUNT_PART];
	uint64_t total;		/* seen */
	uint64_t told;		/* of them, in some record */
	uint64_t next;		/* total at which a record is due */
};

struct writ_audit_key {
	bool refused;
	struct writ_str kind, op, rule;
};

/**
 * The entry of a key, made when new; the shared one ("*") when there is no more
 * room.
 * Fails: WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_audit_count_find(struct writ_vec *counts, const struct writ_audit_key *key,
    struct writ_audit_count **out);

#endif
