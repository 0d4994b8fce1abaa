#include "net/net.h"

void
net_scrub_init(struct net_scrub *s, const struct net *n,
    struct writ_str credential_value)
{
	struct writ_wire_in in = writ_wire_in(credential_value);

	memset(s, 0, sizeof(*s));
	s->net = n;
	writ_buf_init(&s->held, WRIT_SECRET_MAX);
	s->secrets = writ_alloc(credential_value.len / 8 + 1,
	    sizeof(s->secrets[0]));
	while (s->secrets && in.len && !in.bad) {
		uint32_t index = writ_wire_get_u32(&in);

		(void)writ_wire_get_str(&in, WRIT_DOC_STRING_MAX);
		if (in.bad || index == 0 || index > WRIT_SECRETS_MAX)
			continue;
		s->secrets[s->count++] = index - 1;
		if (n->secrets[index - 1].len > s->longest)
			s->longest = n->secrets[index - 1].len;
	}
}

void
net_scrub_release(struct net_scrub *s)
{
	writ_buf_release(&s->held);
	writ_mem_free(s->secrets);
	memset(s, 0, sizeof(*s));
}

/* Secrets within `p` become stars of the same length. */
static void
blot(const struct net_scrub *s, char *p, size_t n)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		const char *secret =
		    (const char *)s->net->secrets[s->secrets[i]].bytes;
		size_t len = s->net->secrets[s->secrets[i]].len;
		char *at = p;

		while (len && len <= n - (size_t)(at - p) &&
		    (at = memmem(at, n - (size_t)(at - p), secret, len))) {
			memset(at, '*', len);
			at += len;
		}
	}
}

/* The longest end of p[n] that begins one of the secrets. */
static size_t
open_end(const struct net_scrub *s, const char *p, size_t n)
{
	size_t i, k, best = 0;

	for (i = 0; i < s->count; i++) {
		const uint8_t *secret = s->net->secrets[s->secrets[i]].bytes;
		size_t len = s->net->secrets[s->secrets[i]].len;

		for (k = len && len - 1 < n ? len - 1 : n; k > best; k--)
			if (k < len && !memcmp(p + n - k, secret, k)) {
				best = k;
				break;
			}
	}
	return best;
}

void
net_scrub_add(struct net_scrub *s, struct writ_str p, bool end,
    struct writ_buf *out)
{
	size_t from = out->len, keep;

	writ_buf_str(out, writ_buf_view(&s->held));
	writ_buf_str(out, p);
	writ_buf_reset(&s->held);
	if (writ_buf_status(out) != WRIT_OK || s->longest == 0 ||
	    out->len == from)
		return;
	blot(s, (char *)out->ptr + from, out->len - from);
	if (end)
		return;
	keep = open_end(s, (char *)out->ptr + from, out->len - from);
	writ_buf_add(&s->held, out->ptr + out->len - keep, keep);
	out->len -= keep;
}
