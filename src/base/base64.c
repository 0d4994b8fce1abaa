#include <sodium.h>

#include "base/base64.h"

#define FORM sodium_base64_VARIANT_ORIGINAL

void
writ_base64_put(struct writ_buf *b, struct writ_str bytes)
{
	size_t cap = sodium_base64_encoded_len(bytes.len, FORM);
	char *room = writ_buf_room(b, cap);

	if (!room)
		return;
	sodium_bin2base64(room, cap, (const unsigned char *)bytes.ptr,
	    bytes.len, FORM);
	writ_buf_grew(b, cap - 1);	/* without its NUL */
}

enum writ_status
writ_base64_get(struct writ_str text, struct writ_buf *out)
{
	size_t cap = text.len / 4 * 3, n = 0;
	const char *end = NULL;
	unsigned char *room;

	if (text.len == 0)
		return WRIT_OK;
	room = writ_buf_room(out, cap ? cap : 1);
	if (!room)
		return writ_buf_status(out);
	if (sodium_base642bin(room, cap, text.ptr, text.len, NULL, &n, &end,
	    FORM) || end != text.ptr + text.len)
		return WRIT_INVALID;
	writ_buf_grew(out, n);
	return WRIT_OK;
}
