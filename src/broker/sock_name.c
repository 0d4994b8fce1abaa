/* Names that guests look up: judged, asked of the name servers, their addresses judged. */
#include "base/limits.h"
#include "broker/sock_int.h"

#define RESOLVES_MAX 16			/* of one session in flight */
#define RESOLVE_NS 10000000000ull

static void
resolve_free(struct sock_resolve *r)
{
	struct sock_resolve **at = &r->all->resolves;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	r->all->resolves_count--;
	writ_mem_free(r);
}

void
sock_resolves_stop(struct writ_socks *t)
{
	while (t->resolves) {
		struct sock_resolve *r = t->resolves;

		if (!r->done && t->c.world.stop)
			t->c.world.stop(t->c.world.ctx, &r->lookup);
		writ_record_outcome(t->c.record, r->id, WRIT_CANCELLED, 0);
		resolve_free(r);
	}
}

static void
on_resolved(struct writ_net_lookup *l)
{
	((struct sock_resolve *)(void *)l)->done = true;
}

static enum writ_sock_error
resolve_error(const struct writ_net_resolved *r)
{
	if (r->how == WRIT_DNS_NONE || r->how == WRIT_DNS_OK)
		return WRIT_SOCK_NAME_UNRESOLVABLE;
	/* SERVFAIL may be over soon (RFC 1035 4.1.1) */
	if (r->how == WRIT_DNS_TIMEOUT || r->rcode == 2)
		return WRIT_SOCK_TEMPORARY_FAILURE;
	return WRIT_SOCK_PERMANENT_FAILURE;
}

/* The addresses that some entry for the name lets through. */
static enum writ_status
filter(struct sock_resolve *r, struct writ_sock_reply *out)
{
	struct writ_socks *t = r->all;
	size_t i;

	if (r->lookup.result.how != WRIT_DNS_OK || !r->lookup.result.count) {
		out->failed = true;
		out->error = resolve_error(&r->lookup.result);
		return WRIT_NOENT;
	}
	for (i = 0; i < r->lookup.result.count; i++)
		if (sock_name_keep(t, r->lookup.host,
		    r->lookup.result.addresses[i]))
			memcpy(out->addresses[out->count++],
			    r->lookup.result.addresses[i], 16);
	if (out->count)
		return WRIT_OK;
	out->failed = true;
	out->error = WRIT_SOCK_ACCESS_DENIED;
	return WRIT_DENIED;
}

enum writ_status
sock_resolves_answer(struct writ_socks *t, struct writ_conn *worker)
{
	struct sock_resolve *r = t->resolves, *next;
	enum writ_status st = WRIT_OK;

	for (; r && st == WRIT_OK; r = next) {
		struct writ_sock_reply out = { .failed = false };

		next = r->next;
		if (!r->done)
			continue;
		writ_record_outcome(t->c.record, r->id, filter(r, &out), 0);
		st = sock_reply(t, worker, r->ask_id, &out, -1);
		resolve_free(r);
	}
	return st;
}

enum writ_status
sock_resolve(struct writ_socks *t, struct writ_conn *worker, uint32_t id,
    const struct writ_sock_msg *m)
{
	struct sock_resolve *r;
	enum writ_status st;
	uint64_t record = 0;

	if (t->resolves_count >= RESOLVES_MAX)
		return sock_reply_failed(t, worker, id, WRIT_SOCK_TEMPORARY_FAILURE);
	r = writ_alloc(1, sizeof(*r));
	if (!r)
		return WRIT_NOMEM;
	st = sock_judge_name(t, m->name, &record);
	if (st == WRIT_OK && writ_str_cstr(m->name, r->lookup.host,
	    sizeof(r->lookup.host)) != WRIT_OK)
		st = WRIT_DENIED;	/* no entry has such a name */
	if (st != WRIT_OK) {
		writ_mem_free(r);
		return sock_reply_judged(t, worker, id, st);
	}
	r->all = t;
	r->id = record;
	r->ask_id = id;
	r->lookup.done = on_resolved;
	r->lookup.fd = -1;
	r->lookup.deadline_ns = sock_now_ns() + RESOLVE_NS;
	r->lookup.result.how = WRIT_DNS_NONE;
	r->next = t->resolves;
	t->resolves = r;
	t->resolves_count++;
	if (t->c.world.lookup)
		t->c.world.lookup(t->c.world.ctx, &r->lookup);
	else
		r->done = true;
	return sock_resolves_answer(t, worker);
}

/* ---- of a real net */

static void
net_lookup(void *ctx, struct writ_net_lookup *l)
{
	writ_net_lookup_start(ctx, l);
}

static void
net_stop(void *ctx, struct writ_net_lookup *l)
{
	writ_net_lookup_stop(ctx, l);
}

struct writ_sock_world
writ_sock_world(struct writ_net *net)
{
	return (struct writ_sock_world){ net, net ? net_lookup : NULL,
		net ? net_stop : NULL, writ_net_own };
}
