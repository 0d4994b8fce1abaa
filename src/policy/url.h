/*
 * url.h - the strict reading of URLs and URL patterns, and of address ranges.
 * Internal to src/policy; no name is looked up.
 */
#ifndef WRIT_POLICY_URL_H
#define WRIT_POLICY_URL_H

#include "base/buf.h"

/** Pieces of a URL, borrowed from its text. */
struct writ_url {
	bool https;
	bool any_label;		/* pattern: the host began with "*." */
	bool address;		/* the host is an IP literal */
	struct writ_str host;	/* without "*."; with the [] of IPv6 */
	unsigned port;		/* 443 or 80 when not written */
	bool port_written;
	struct writ_str path;	/* as written; "/" when absent */
	struct writ_str query;	/* requests only; ptr NULL when absent */
};

/**
 * Read `text` as a pattern (no query; `*` allowed; https when no scheme is
 * written) or as a request's URL (scheme required).  NULL, or what is wrong.
 */
const char *writ_url_read(struct writ_str text, bool pattern,
    struct writ_url *out);

/** Append the canonical path: unreserved %XX decoded, other %XX upper-cased. */
void writ_url_path(struct writ_str path, struct writ_buf *out);

/**
 * "HOST:PORT" with the host rules of URLs; both required.  NULL or the mistake.
 */
const char *writ_url_host_port(struct writ_str text, struct writ_url *out);

/** An address range such as 10.0.0.0/8.  NULL or the mistake. */
const char *writ_url_range(struct writ_str text);

#endif
