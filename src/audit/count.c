/* count.c - see count.h. */
#include "audit/count.h"

#include "base/limits.h"

/* Cut without regard for characters: a key is compared first, shown second. */
static void
keep(char to[WRIT_AUDIT_COUNT_PART], struct writ_str from)
{
	size_t n = from.len < WRIT_AUDIT_COUNT_PART ? from.len :
	    WRIT_AUDIT_COUNT_PART - 1;

	if (n)
		memcpy(to, from.ptr, n);
	to[n] = '\0';
}

static bool
same(const char part[WRIT_AUDIT_COUNT_PART], struct writ_str s)
{
	size_t n = strlen(part);

	if (s.len >= WRIT_AUDIT_COUNT_PART)
		s.len = WRIT_AUDIT_COUNT_PART - 1;
	return n == s.len && (n == 0 || !memcmp(part, s.ptr, n));
}

static struct writ_audit_count *
look(struct writ_vec *counts, const struct writ_audit_key *key)
{
	struct writ_audit_count *c;
	size_t i;

	for (i = 0; i < counts->len; i++) {
		c = writ_vec_at(counts, i);
		if (c->refused == key->refused && same(c->rule, key->rule) &&
		    same(c->kind, key->kind) && same(c->op, key->op))
			return c;
	}
	return NULL;
}

enum writ_status
writ_audit_count_find(struct writ_vec *counts, const struct writ_audit_key *key,
    struct writ_audit_count **out)
{
	struct writ_audit_key k = *key;
	struct writ_audit_count *c = look(counts, &k);
	enum writ_status st;

	/* The last two places are for the rest, refused and allowed. */
	if (!c && counts->len + 2 >= counts->max) {
		k.kind = k.op = k.rule = WRIT_STR("*");
		c = look(counts, &k);
	}
	if (!c) {
		st = writ_vec_push(counts, &c);
		if (st != WRIT_OK)
			return st;
		c->refused = k.refused;
		keep(c->kind, k.kind);
		keep(c->op, k.op);
		keep(c->rule, k.rule);
		c->next = 2 * WRIT_AUDIT_VERBATIM;
	}
	*out = c;
	return WRIT_OK;
}
