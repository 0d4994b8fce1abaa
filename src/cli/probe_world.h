/*
 * probe_world.h - what network probes run against: an HTTP origin and a name
 * server on loopback, in a process of their own that counts what reaches it.
 * Nothing of it ever talks to another machine.
 */
#ifndef WRIT_CLI_PROBE_WORLD_H
#define WRIT_CLI_PROBE_WORLD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

/** What has reached the world; shared memory, read when the run is over. */
struct probe_seen {
	unsigned connections, requests, queries;
	char target[512];		/* of the last request */
	char fields[2048];		/* its head, after the first line */
};

struct probe_world {
	pid_t pid;
	uint16_t origin, dns;		/* ports on 127.0.0.1 */
	struct probe_seen *seen;
};

/**
 * Start it.  The origin answers 200 and `token` to anything, but
 *   /redirect/N     302 to the N-th place of probe_world_redirect
 *   /echo           200 and the request's head
 *   /raw/N          the N-th hostile answer of probe_world_raw
 *   /silent         nothing
 * The name server answers origin.test with 127.0.0.1, aHEX8.x.test with that IPv4 address,
 * xHEX32.x.test with that IPv6 address, mixed.test with 10.1.2.3 and 127.0.0.1, turn.test with
 * 127.0.0.1 the first time and 127.0.0.2 after, alias.test as CNAME of other.test at 127.0.0.1,
 * fail.test with SERVFAIL, silent.test with nothing, many.test with 300 addresses, all else
 * with NXDOMAIN.  False: it could not be started.
 */
bool probe_world_start(struct probe_world *w, const char *token);
/** Kill it. */
void probe_world_stop(struct probe_world *w);

/** Where redirects lead; NULL past the last. */
const char *probe_world_redirect(size_t n);
/** Hostile answers of an origin: what each is; NULL past the last. */
const char *probe_world_raw(size_t n);

#endif
