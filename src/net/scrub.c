#include "net/net.h"

/* All that this process knows, and what each was before it was replaced: an answer on the way may
 * have the old one in it. */
static bool
learn(struct net *n)
{
	size_t i, k = 0;

	if (n->known && n->taint)
		return true;
	writ_taint_free(n->taint);
	n->taint = NULL;
	for (i = 0; i < WRIT_SECRETS_MAX; i++) {
		if (n->secrets[i].len)
			n->values[k++] = (struct writ_taint_value){ "",
				n->secrets[i].bytes, n->secrets[i].len };
		if (n->secrets[i].before_len)
			n->values[k++] = (struct writ_taint_value){ "",
				n->secrets[i].before,
				n->secrets[i].before_len };
	}
	n->known = writ_taint_new(n->values, k, &n->taint) == WRIT_OK;
	return n->known;
}

bool
net_scrub_init(struct net_scrub *s, struct net *n, bool on)
{
	memset(s, 0, sizeof(*s));
	s->net = n;
	s->on = on;
	writ_buf_init(&s->held, 2 * WRIT_SECRET_MAX + 1);
	return !on || learn(n);
}

void
net_scrub_release(struct net_scrub *s)
{
	writ_buf_release(&s->held);
	memset(s, 0, sizeof(*s));
}

void
net_scrub_add(struct net_scrub *s, struct writ_str p, bool end,
    struct writ_buf *out)
{
	size_t from = out->len, keep;
	char *text;

	writ_buf_str(out, writ_buf_view(&s->held));
	writ_buf_str(out, p);
	writ_buf_reset(&s->held);
	if (writ_buf_status(out) != WRIT_OK || !s->on || out->len == from)
		return;
	text = (char *)out->ptr + from;
	/* a secret that came meanwhile makes the table anew */
	if (!learn(s->net)) {
		out->failed = WRIT_NOMEM;
		out->len = from;
		return;
	}
	keep = end ? 0 : writ_taint_tail(s->net->taint, writ_str(text,
	    out->len - from));
	if (writ_taint_mask(s->net->taint, text, out->len - from - keep) !=
	    WRIT_OK) {
		out->failed = WRIT_NOMEM;
		out->len = from;
		return;
	}
	writ_buf_add(&s->held, out->ptr + out->len - keep, keep);
	out->len -= keep;
}
