/*
 * resolver.h - which name servers are asked: those of /etc/resolv.conf, or the one of --resolver.
 * Only its `nameserver` lines count: there are no search lists, and /etc/hosts is nobody's.
 */
#ifndef WRIT_BROKER_RESOLVER_H
#define WRIT_BROKER_RESOLVER_H

#include "base/limits.h"
#include "base/str.h"

struct writ_resolver {
	struct {
		uint8_t address[16];	/* IPv4 as ::ffff:a.b.c.d */
		unsigned port;
	} servers[WRIT_RESOLVERS_MAX];
	size_t count;			/* 0: no name can be looked up */
};

/** What --resolver says: ADDR, ADDR:PORT or [IPV6]:PORT.  WRIT_INVALID. */
WRIT_MUST_CHECK enum writ_status
writ_resolver_parse(struct writ_str text, struct writ_resolver *out,
    struct writ_err *err);
/** The `nameserver` lines of a resolv.conf(5); the first WRIT_RESOLVERS_MAX.  Never fails: lines that
 * are none are left out. */
void writ_resolver_conf(struct writ_str text, struct writ_resolver *out);
/** Those of this machine.  A file that cannot be read has none. */
void writ_resolver_system(struct writ_resolver *out);
/** "ADDR:PORT", separated by ", ". */
void writ_resolver_text(const struct writ_resolver *r, char *out, size_t cap);

#endif
