/*
 * address.h - which addresses a granted name may lead to.  Pure: the caller
 * says what this machine's own addresses are.  All addresses are 16 bytes;
 * IPv4 stands as ::ffff:a.b.c.d (RFC 4291 2.5.5.2).
 */
#ifndef WRIT_POLICY_ADDRESS_H
#define WRIT_POLICY_ADDRESS_H

#include "policy/policy.h"

/**
 * Whether `address` may be dialled under `ranges` (count 0: public addresses only).  An
 * address that carries an IPv4 address (mapped, compatible, translated, NAT64, 6to4, Teredo,
 * ISATAP) is judged as that too.  `own` are this machine's addresses, any of which needs a
 * range of one address.  NULL when it may; else the reason in a word or two ("loopback",
 * "cloud metadata", "an address of this machine", "not in addresses"), for records and people.
 */
const char *writ_address_refused(const uint8_t address[16],
    const struct writ_range *ranges, size_t ranges_count,
    const uint8_t (*own)[16], size_t own_count);

/** Read an IP literal in its one usual spelling (IPv6 with or without []).  False: it is none. */
bool writ_address_read(struct writ_str text, uint8_t out[16]);
/** Its usual spelling, RFC 5952; IPv6 without []. */
void writ_address_text(const uint8_t address[16], char out[46]);
/** Read a range such as "10.0.0.0/8".  NULL, or the mistake. */
const char *writ_range_read(struct writ_str text, struct writ_range *out);
bool writ_range_has(const struct writ_range *range, const uint8_t address[16]);

#endif
