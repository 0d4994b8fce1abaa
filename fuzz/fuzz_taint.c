/*
 * fuzz_taint.c - a stranger's text through the search for secrets: whole, and in two pieces.  The
 * first byte says where it is cut.  No value may be left as it is.
 */
#include "base/hash.h"
#include "base/taint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIRST "key/1+2=\"x"
#define SECOND "12345678"

static const struct writ_taint_value values[] = {
	{ "a", (const uint8_t *)FIRST, sizeof(FIRST) - 1 },
	{ "b", (const uint8_t *)SECOND, sizeof(SECOND) - 1 },
};

static bool
has_value(const void *p, size_t n)
{
	return n && (memmem(p, n, FIRST, sizeof(FIRST) - 1) ||
	    memmem(p, n, SECOND, sizeof(SECOND) - 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	writ_auto(writ_taint) t = NULL;
	writ_auto_release(writ_buf) b;
	size_t cut, tail;

	writ_buf_init(&b, 1 << 20);
	if (size < 1 || writ_hash_init() != WRIT_OK ||
	    writ_taint_new(values, 2, &t) != WRIT_OK)
		return 0;
	cut = (size_t)data[0] * (size - 1) / 255;
	data++;
	size--;
	writ_taint_redact(t, writ_str((const char *)data, size), &b);
	if (b.failed == WRIT_OK && has_value(b.ptr, b.len))
		WRIT_BUG("a value is left");
	if (has_value(data, size) && !writ_taint_in(t,
	    writ_str((const char *)data, size)))
		WRIT_BUG("a value was not found");
	/* in pieces: what a piece shows has no value, nor has the seam */
	writ_buf_reset(&b);
	writ_buf_add(&b, data, size);
	tail = writ_taint_tail(t, writ_str((const char *)data, cut));
	if (tail > cut)
		WRIT_BUG("a tail longer than the text");
	if (b.ptr && writ_taint_mask(t, (char *)b.ptr, cut - tail) == WRIT_OK &&
	    writ_taint_mask(t, (char *)b.ptr + cut - tail, size - cut + tail) ==
	    WRIT_OK && has_value(b.ptr, b.len))
		WRIT_BUG("a value is left over two pieces");
	return 0;
}
