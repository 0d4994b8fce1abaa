/*
 * http_shape.h - what one http or deny entry matches, and the index over all of
 * them.  Internal to src/policy.
 *
 * Entries stand sorted by scheme, host, port and the literal beginning of their path (whole
 * segments before the first with a `*`), so a request finds those that can match it by a few
 * binary searches, however many there are.  Deny entries stand first; their paths are folded
 * (fold.h), and so is that of a request before they are looked for.
 */
#ifndef WRIT_POLICY_HTTP_SHAPE_H
#define WRIT_POLICY_HTTP_SHAPE_H

#include "policy/policy.h"

/** One name of a query, and its values; NULL: any.  NULL-terminated. */
struct writ_http_key {
	char *name, **values;
};

/** A window of a week, in minutes from Monday 00:00 UTC; `to` is behind it. */
struct writ_http_hours {
	unsigned from, to;
};

struct writ_http_shape {
	bool https, any_label, address;
	char *host;			/* without "*."; IPv6 in [] */
	unsigned port;
	char *path;			/* canonical pattern, with its "/"; of deny: folded */
	size_t literal;			/* bytes of it before the first wild segment */
	char **methods;			/* NULL: any (deny) */
	struct writ_http_key *query;
	size_t query_count;
	char **headers;			/* of the request; NULL: the usual ones */
	char **types;			/* of the request's body; NULL: any */
	struct writ_http_hours *hours;	/* count 0: always */
	size_t hours_count;
};

/** A deny entry over http: url and methods of its shape alone. */
struct writ_http_deny {
	char *name;
	struct writ_http_shape *shape;
};

/** A deny entry over sockets. */
struct writ_sockets_deny {
	char *name;
	bool udp;
	char *host;
	unsigned port;
};

/** The entry of v[n] for the same place as `g`, or NULL. */
const struct writ_sockets_grant *
writ_sockets_same(const struct writ_sockets_grant *v, size_t n,
    const struct writ_sockets_grant *g);

/** One entry of the index; one of the two is set. */
struct writ_http_entry {
	const struct writ_http_shape *shape;
	const struct writ_http_grant *grant;
	const struct writ_http_deny *deny;
};

/** Free; takes NULL. */
void writ_http_shape_free(struct writ_http_shape *s);
/** Free a NULL-terminated list of texts; takes NULL. */
void writ_texts_free(char **v);
bool writ_texts_have(char *const *v, struct writ_str s);

/** Sort entries for writ_http_find. */
void writ_http_index_sort(struct writ_http_entry *v, size_t n);

/** Bytes of whole segments of a path before the first with a `*`. */
size_t writ_http_literal(struct writ_str path);

/** Calls `visit` for each entry that has the scheme, host, port and path of `rq`. */
void writ_http_find(const struct writ_policy *p,
    const struct writ_http_request *rq,
    void (*visit)(void *ctx, const struct writ_http_entry *e), void *ctx);

/** Whether the query is canonical text in which each name stands once, names and values those
 * of the shape; the first name that is not, in *which. */
bool writ_http_query_fits(const struct writ_http_shape *s, struct writ_str query,
    struct writ_str *which);

/** The media type of a content-type value, without its parameters. */
struct writ_str writ_http_media_type(struct writ_str value);
/** Whether it is in the list; ASCII case does not matter. */
bool writ_http_type_in(char *const *list, struct writ_str type);

/** Fields that no guest says, whatever an entry lists. */
bool writ_http_not_guests(struct writ_str name);
/** The headers that a request may carry when an entry names none. */
bool writ_http_usual_header(struct writ_str name);

#endif
