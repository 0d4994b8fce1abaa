#include "wire/codec.h"

void
writ_wire_put_u8(struct writ_buf *b, uint8_t v)
{
	writ_buf_add(b, &v, 1);
}

void
writ_wire_put_u32(struct writ_buf *b, uint32_t v)
{
	uint8_t p[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
		(uint8_t)(v >> 24) };

	writ_buf_add(b, p, sizeof(p));
}

void
writ_wire_put_u64(struct writ_buf *b, uint64_t v)
{
	writ_wire_put_u32(b, (uint32_t)v);
	writ_wire_put_u32(b, (uint32_t)(v >> 32));
}

void
writ_wire_put_str(struct writ_buf *b, struct writ_str s)
{
	writ_wire_put_u32(b, (uint32_t)s.len);
	writ_buf_str(b, s);
}

static const uint8_t *
take(struct writ_wire_in *in, size_t n)
{
	const uint8_t *p = in->ptr;

	if (in->bad || in->len < n) {
		in->bad = true;
		return NULL;
	}
	in->ptr += n;
	in->len -= n;
	return p;
}

uint8_t
writ_wire_get_u8(struct writ_wire_in *in)
{
	const uint8_t *p = take(in, 1);

	return p ? *p : 0;
}

uint32_t
writ_wire_get_u32(struct writ_wire_in *in)
{
	const uint8_t *p = take(in, 4);

	if (!p)
		return 0;
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

uint64_t
writ_wire_get_u64(struct writ_wire_in *in)
{
	uint64_t lo = writ_wire_get_u32(in);

	return lo | (uint64_t)writ_wire_get_u32(in) << 32;
}

struct writ_str
writ_wire_get_str(struct writ_wire_in *in, size_t max)
{
	size_t n = writ_wire_get_u32(in);
	const uint8_t *p;

	if (n > max)
		in->bad = true;
	p = take(in, n);
	return writ_str(p ? (const char *)p : "", p ? n : 0);
}

struct writ_str
writ_wire_get_rest(struct writ_wire_in *in)
{
	size_t n = in->len;
	const uint8_t *p = take(in, n);

	return writ_str(p ? (const char *)p : "", p ? n : 0);
}

bool
writ_wire_done(const struct writ_wire_in *in)
{
	return !in->bad && in->len == 0;
}
