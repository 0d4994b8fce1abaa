/*
 * doc.h - reading a writ's tree: tables of keys, typed values, errors with a
 * place.  Internal to src/policy.  One writ_doc reads one document and is then
 * gone.
 */
#ifndef WRIT_POLICY_DOC_H
#define WRIT_POLICY_DOC_H

#include "base/vec.h"
#include "policy/policy.h"
#include "policy/yaml.h"

#define WRIT_DOC_NAME_MAX 64

/** What a policy remembers of its document beside the grants. */
struct writ_policy_more {
	bool clock_said, random_said;
};

/** A name seen, to find the second use. */
struct writ_doc_name {
	struct writ_str name;
	unsigned line, column;
};

/** The first grant of a kind that needs something; `kind` NULL when none. */
struct writ_doc_first {
	const char *kind;
	unsigned line, column;
	char name[WRIT_DOC_NAME_MAX + 1];
};

struct writ_doc {
	const char *file;
	struct writ_err *err;
	struct writ_yaml *yaml;
	struct writ_policy *p;		/* being built */
	char where[WRIT_DOC_NAME_MAX + 32];	/* `http "issues": ` */
	struct writ_vec names;		/* struct writ_doc_name */
	struct writ_doc_first unbuilt;	/* kind not offered yet */
	struct writ_doc_first wants_random;
	bool named;			/* the writ says its name */
	bool uses_database;
};

struct writ_doc_key;

/** Reads the value `n` of key `k` into `field`. */
typedef enum writ_status writ_doc_read(struct writ_doc *d,
    const struct writ_yaml_node *n, const struct writ_doc_key *k, void *field);

/** A row of the table of keys of one kind of map. */
struct writ_doc_key {
	const char *key;
	bool required;
	writ_doc_read *read;
	size_t offset;		/* of the field in the struct being filled */
	uint64_t min, max;	/* for numbers, in the smallest unit */
	const void *more;	/* words: struct writ_doc_word; maps: rows */
};

struct writ_doc_word {
	const char *word;	/* NULL ends the table */
	unsigned value;
};

#define WRIT_DOC_ROWS(t) (t), sizeof(t) / sizeof((t)[0])

/** Fail at a node's value / at its key: message `FILE:L:C: where: what`. */
enum writ_status writ_doc_bad(const struct writ_doc *d,
    const struct writ_yaml_node *n, const char *fmt, ...) WRIT_PRINTF(3, 4);
enum writ_status writ_doc_bad_key(const struct writ_doc *d,
    const struct writ_yaml_node *n, const char *fmt, ...) WRIT_PRINTF(3, 4);
enum writ_status writ_doc_nomem(const struct writ_doc *d);

/** Remember that the entry `n` is of a kind not built yet / needs `random`. */
void writ_doc_unbuilt(struct writ_doc *d, const char *kind,
    struct writ_str name, const struct writ_yaml_node *n);
void writ_doc_wants_random(struct writ_doc *d, const char *kind,
    struct writ_str name, const struct writ_yaml_node *n);

/** Read the map `n` by its table into `into`; unknown and missing keys fail. */
WRIT_MUST_CHECK enum writ_status
writ_doc_map(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *rows, size_t count, void *into);

/** Messages from here on begin with `section: `, until the map being read goes
 * on. */
void writ_doc_in(struct writ_doc *d, const char *section);

/**
 * Set `d->where` from the kind and the entry's `name` key (when it has a good
 * one), and read the entry; the name is checked, and recorded as used.
 */
WRIT_MUST_CHECK enum writ_status
writ_doc_entry(struct writ_doc *d, const struct writ_yaml_node *n,
    const char *kind, const struct writ_doc_key *rows, size_t count,
    void *into);

/** The node must be a list / map; *count gets its length. */
WRIT_MUST_CHECK enum writ_status
writ_doc_is_list(struct writ_doc *d, const struct writ_yaml_node *n);
WRIT_MUST_CHECK enum writ_status
writ_doc_is_map(struct writ_doc *d, const struct writ_yaml_node *n);
/** A list with at least one item, no item twice (as texts). */
WRIT_MUST_CHECK enum writ_status
writ_doc_is_set(struct writ_doc *d, const struct writ_yaml_node *n,
    const char *of);

/** A text as it stands (env, config values): any text, `$` is nothing special.
 */
WRIT_MUST_CHECK enum writ_status
writ_doc_literal(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str *out);
/** A non-empty text without control characters; `$${` unescaped, `${`, `$VAR`
 * fail. */
WRIT_MUST_CHECK enum writ_status
writ_doc_plain_text(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str *out);

/** The same, when wrong() has nothing to say of it (else a sentence, static). */
WRIT_MUST_CHECK enum writ_status
writ_doc_right_text(struct writ_doc *d, const struct writ_yaml_node *n,
    const char *(*wrong)(struct writ_str), struct writ_str *out);

/* Readers for tables; the type of the field is in the comment. */
writ_doc_read writ_doc_text;	/* struct writ_str: writ_doc_plain_text */
writ_doc_read writ_doc_name;	/* struct writ_str: [a-z0-9][a-z0-9_-]{0,63} */
writ_doc_read writ_doc_bool;	/* bool */
writ_doc_read writ_doc_count;	/* uint64_t: decimal, min..max */
/* uint64_t: bytes, with a unit, min..max; 0 if min 0 */
writ_doc_read writ_doc_size;
/* uint64_t: milliseconds, with a unit, min..max */
writ_doc_read writ_doc_time;
writ_doc_read writ_doc_pick;	/* unsigned: a word of k->more */
writ_doc_read writ_doc_node;	/* const struct writ_yaml_node *: as it is */

/** Whether `s` is a good grant name. */
bool writ_doc_good_name(struct writ_str s);

/** ` (did you mean "x"?)` in out when a row's word is near `s`, else "". */
void writ_doc_meant(struct writ_str s, const void *words, size_t stride,
    size_t count, char out[80]);

#endif
