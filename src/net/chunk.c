#include "net/net.h"

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LF,
	END };

#define LINE_MAX_BYTES 1024		/* of a chunk's first line */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a chunk's first line. */
static enum writ_status
line_byte(struct net_chunks *c, char b)
{
	int digit = hex(b);

	if (++c->line > LINE_MAX_BYTES)
		return WRIT_PROTO;
	if (c->state == SIZE && digit >= 0) {
		if (++c->digits > 16)
			return WRIT_PROTO;
		c->left = c->left << 4 | (unsigned)digit;
		return WRIT_OK;
	}
	if (b == '\r') {
		if (c->digits == 0)
			return WRIT_PROTO;
		c->state = SIZE_LF;
		return WRIT_OK;
	}
	if (c->state == SIZE && (c->digits == 0 ||
	    (b != ';' && b != ' ' && b != '\t')))
		return WRIT_PROTO;
	c->state = EXTENSION;
	return (unsigned char)b < 0x20 && b != '\t' ? WRIT_PROTO : WRIT_OK;
}

static enum writ_status
other_byte(struct net_chunks *c, char b)
{
	if (b != (c->state == DATA_CR ? '\r' : '\n'))
		return WRIT_PROTO;
	switch (c->state) {
	case SIZE_LF:
		c->state = c->left ? DATA : TRAILER;
		c->line = 0;
		break;
	case DATA_CR:
		c->state = DATA_LF;
		break;
	default:
		c->state = SIZE;
		c->digits = c->line = 0;
	}
	return WRIT_OK;
}

/* Lines behind the last chunk, kept without their CR; an empty one ends them. */
static enum writ_status
trailer_byte(struct net_chunks *c, char b, struct writ_buf *trailers)
{
	if (c->state == TRAILER_LF) {
		if (b != '\n')
			return WRIT_PROTO;
		if (c->line)
			writ_buf_char(trailers, '\n');
		c->state = c->line ? TRAILER : END;
		c->line = 0;
		return writ_buf_status(trailers) == WRIT_OK ? WRIT_OK :
		    WRIT_PROTO;
	}
	if (b == '\r') {
		c->state = TRAILER_LF;
		return WRIT_OK;
	}
	if (b == '\n' || !b || (c->line == 0 && (b == ' ' || b == '\t')))
		return WRIT_PROTO;
	c->line = 1;
	writ_buf_char(trailers, b);
	return WRIT_OK;
}

enum writ_status
net_chunks_add(struct net_chunks *c, const char *p, size_t n,
    struct writ_buf *out, struct writ_buf *trailers)
{
	enum writ_status st = WRIT_OK;

	while (n && st == WRIT_OK && c->state != END) {
		size_t take = 1;

		if (c->state == DATA) {
			take = n < c->left ? n : (size_t)c->left;
			writ_buf_add(out, p, take);
			c->left -= take;
			if (!c->left)
				c->state = DATA_CR;
		} else if (c->state == SIZE || c->state == EXTENSION) {
			st = line_byte(c, *p);
		} else if (c->state == TRAILER || c->state == TRAILER_LF) {
			st = trailer_byte(c, *p, trailers);
		} else {
			st = other_byte(c, *p);
		}
		p += take;
		n -= take;
	}
	if (st == WRIT_OK && n)
		return WRIT_PROTO;	/* behind the end */
	return st == WRIT_OK && c->state == END ? WRIT_CLOSED : st;
}
