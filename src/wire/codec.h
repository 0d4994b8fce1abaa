/*
 * codec.h - how values stand inside a wire message: little-endian fixed-width integers and
 * length-prefixed bytes.  Reading is total: a short or oversized field marks the reader bad
 * and yields zeroes, so that one check at the end decides.
 */
#ifndef WRIT_WIRE_CODEC_H
#define WRIT_WIRE_CODEC_H

#include "base/buf.h"

void writ_wire_put_u8(struct writ_buf *b, uint8_t v);
void writ_wire_put_u32(struct writ_buf *b, uint32_t v);
void writ_wire_put_u64(struct writ_buf *b, uint64_t v);
/** u32 length, then the bytes. */
void writ_wire_put_str(struct writ_buf *b, struct writ_str s);

struct writ_wire_in {
	const uint8_t *ptr;
	size_t len;
	bool bad;
};

static inline struct writ_wire_in
writ_wire_in(struct writ_str s)
{
	return (struct writ_wire_in){ (const uint8_t *)s.ptr, s.len, false };
}

uint8_t writ_wire_get_u8(struct writ_wire_in *in);
uint32_t writ_wire_get_u32(struct writ_wire_in *in);
uint64_t writ_wire_get_u64(struct writ_wire_in *in);
/** Bytes of at most `max`; borrowed from the message. */
struct writ_str writ_wire_get_str(struct writ_wire_in *in, size_t max);
/** Everything that is left; borrowed. */
struct writ_str writ_wire_get_rest(struct writ_wire_in *in);
/** Whether all was read and nothing was wrong. */
bool writ_wire_done(const struct writ_wire_in *in);

#endif
