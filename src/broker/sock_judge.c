/* Who may bind, connect, send, be heard and be looked up. */
#include <netinet/in.h>
#include <stdio.h>

#include "base/limits.h"
#include "broker/sock_int.h"
#include "policy/address.h"

static void
target_of(bool udp, const char *host, unsigned port, char out[SOCK_TARGET_MAX])
{
	bool six = strchr(host, ':');

	(void)snprintf(out, SOCK_TARGET_MAX, "%s://%s%s%s:%u",
	    udp ? "udp" : "tcp", six ? "[" : "", host, six ? "]" : "", port);
}

void
sock_target(bool udp, const struct writ_sock_address *a,
    char out[SOCK_TARGET_MAX])
{
	char host[46];

	writ_address_text(a->ip, host);
	target_of(udp, host, a->port, out);
}

static enum writ_status
judge(struct writ_socks *t, const char *op, const char *target,
    enum writ_record_why why, uint64_t *id)
{
	const struct writ_request rq = { .kind = WRIT_REQ_SOCKETS, .op = op,
		.write = true, .target = writ_str_from(target) };

	return writ_record_judge(t->c.record, &rq, why, id);
}

/* What the policy would allow, and something else forbids. */
static enum writ_status
refuse(struct writ_socks *t, const char *op, const char *target,
    const char *rule, const char *reason)
{
	const struct writ_request rq = { .kind = WRIT_REQ_SOCKETS, .op = op,
		.write = true, .target = writ_str_from(target) };

	writ_record_refuse(t->c.record, &rq, rule, reason);
	return t->c.record->failed ? WRIT_IO : WRIT_DENIED;
}

static enum writ_status
charge(struct writ_socks *t, const char *op, const char *target,
    struct sock_effect *e)
{
	char rule[WRIT_RULE_MAX] = "budget", reason[WRIT_REASON_MAX] = "";
	const char *name = e->grant->name;
	enum writ_status st;

	e->hold.bytes = UINT64_MAX;
	if (!t->c.budget)
		return WRIT_OK;
	st = writ_budget_charge(t->c.budget, "sockets", &name, 1, &e->hold,
	    rule, reason);
	return st == WRIT_OK ? st : refuse(t, op, target, rule, reason);
}

/* The effect is charged before it is recorded: what the record says is so. */
static enum writ_status
begin(struct writ_socks *t, const char *op, const char *target,
    enum writ_record_why why, struct sock_effect *e)
{
	enum writ_status st = charge(t, op, target, e);

	if (st != WRIT_OK)
		return st;
	st = judge(t, op, target, why, &e->id);
	if (st == WRIT_OK) {
		e->running = true;
		return st;
	}
	if (t->c.budget)
		(void)!writ_budget_settle(t->c.budget, &e->hold, 0);
	return st;
}

void
sock_effect_end(struct writ_socks *t, struct sock_effect *e,
    enum writ_status st)
{
	if (!e->running)
		return;
	e->running = false;
	if (t->c.budget)
		(void)!writ_budget_settle(t->c.budget, &e->hold, e->moved);
	writ_record_outcome(t->c.record, e->id, st, e->moved);
}

size_t
sock_allow(struct writ_socks *t, struct sock_effect *e, size_t n)
{
	while (e->hold.bytes - e->moved < n) {
		uint64_t before = e->hold.bytes;

		if (!t->c.budget || writ_budget_more(t->c.budget, &e->hold) !=
		    WRIT_OK || e->hold.bytes <= before)
			break;
	}
	return e->hold.bytes - e->moved < n ? (size_t)(e->hold.bytes -
	    e->moved) : n;
}

/* ---- out */

#define OWN_NS 1000000000ull		/* so long they are taken to be the same */

enum writ_status
sock_own(struct writ_socks *t)
{
	uint64_t now = sock_now_ns();
	enum writ_status st;

	if (!t->c.world.own || (t->own_ns && now - t->own_ns < OWN_NS))
		return WRIT_OK;
	writ_mem_free(t->own);
	t->own = NULL;
	t->own_count = t->own_ns = 0;
	st = t->c.world.own(&t->own, &t->own_count);
	if (st == WRIT_OK)
		t->own_ns = now;
	return st;
}

/* Why the address may not be dialled under this entry, or NULL. */
static const char *
guarded(struct writ_socks *t, const struct writ_sockets_grant *g,
    const uint8_t ip[16])
{
	if (sock_own(t) != WRIT_OK)
		return "this machine's addresses cannot be told";
	return writ_address_refused(ip, g->addresses, g->addresses_count,
	    (const uint8_t (*)[16])t->own, t->own_count);
}

/* A deny entry for the address itself holds under whatever name it was looked up. */
static bool
is_denied(struct writ_socks *t, const char *op, const char *target)
{
	const struct writ_request rq = { .kind = WRIT_REQ_SOCKETS, .op = op,
		.write = true, .target = writ_str_from(target) };
	struct writ_decision d;

	writ_decide(t->c.policy, &rq, &d);
	return d.verdict == WRIT_REFUSE && !strncmp(d.rule, "deny.", 5);
}

/* The entry for one of the names that `a` was looked up by, or for the address; `target` is how
 * it is judged. */
static const struct writ_sockets_grant *
entry_for(struct sock *s, const char *op, const struct writ_sock_address *a,
    char target[SOCK_TARGET_MAX])
{
	const struct writ_policy *p = s->all->c.policy;
	const struct writ_sockets_grant *g;
	char literal[SOCK_TARGET_MAX], *first = NULL;
	unsigned i;

	sock_target(s->udp, a, literal);
	memcpy(target, literal, sizeof(literal));
	if (is_denied(s->all, op, literal))
		return writ_policy_socket(p, op, writ_str_from(literal));
	for (i = 0; i < s->all->names_count; i++) {
		struct sock_name *n = &s->all->names[i];

		if (memcmp(n->ip, a->ip, sizeof(n->ip)))
			continue;
		target_of(s->udp, n->host, a->port, target);
		g = writ_policy_socket(p, op, writ_str_from(target));
		if (g)
			return g;
		first = first ? first : n->host;
	}
	g = writ_policy_socket(p, op, writ_str_from(literal));
	if (g || !first)
		memcpy(target, literal, sizeof(literal));
	else
		target_of(s->udp, first, a->port, target);
	return g;
}

enum writ_status
sock_judge_out(struct sock *s, const char *op, const struct writ_sock_address *a,
    struct sock_effect *e)
{
	char target[SOCK_TARGET_MAX], rule[WRIT_RULE_MAX];
	char reason[WRIT_REASON_MAX], text[46];
	const char *why;

	memset(e, 0, sizeof(*e));
	e->grant = entry_for(s, op, a, target);
	if (!e->grant)
		return judge(s->all, op, target, WRIT_RECORD_EFFECT, NULL);
	why = guarded(s->all, e->grant, a->ip);
	if (!why)
		return begin(s->all, op, target, WRIT_RECORD_EFFECT, e);
	writ_address_text(a->ip, text);
	(void)snprintf(rule, sizeof(rule), "sockets.%.60s.addresses",
	    e->grant->name);
	(void)snprintf(reason, sizeof(reason), "it leads to %s: %s", text, why);
	return refuse(s->all, op, target, rule, reason);
}

/* ---- in */

static bool
has_client_entry(const struct writ_policy *p, bool udp)
{
	size_t i;

	for (i = 0; i < p->sockets_count; i++)
		if (!p->sockets[i].listen && p->sockets[i].udp == udp)
			return true;
	return false;
}

enum writ_status
sock_judge_bind(struct sock *s, const struct writ_sock_address *a, uint64_t *id)
{
	const struct writ_policy *p = s->all->c.policy;
	enum writ_status st;

	*id = 0;
	sock_target(s->udp, a, s->bound);
	s->listen = writ_policy_socket(p, "bind", writ_str_from(s->bound));
	if (!s->listen && sock_is_any(a->ip) && !a->port &&
	    has_client_entry(p, s->udp))
		return WRIT_OK;
	st = judge(s->all, "bind", s->bound, WRIT_RECORD_EFFECT, id);
	if (st != WRIT_OK)
		s->listen = NULL;
	return st;
}

/* Within the entry's ranges; without any, this machine alone. */
static bool
is_welcome(const struct writ_sockets_grant *g, const uint8_t ip[16])
{
	static const uint8_t one[16] = { [15] = 1 };
	size_t i;

	if (!g->addresses_count)
		return !memcmp(ip, one, sizeof(one)) ||
		    (sock_is_v4(ip) && ip[12] == 127);
	for (i = 0; i < g->addresses_count; i++)
		if (writ_range_has(&g->addresses[i], ip))
			return true;
	return false;
}

enum writ_status
sock_judge_client(struct sock *s, const struct writ_sock_address *from,
    struct sock_effect *e)
{
	char rule[WRIT_RULE_MAX], reason[WRIT_REASON_MAX], text[46];

	memset(e, 0, sizeof(*e));
	e->grant = s->listen;
	if (!s->listen)
		return WRIT_DENIED;
	if (is_welcome(s->listen, from->ip))
		return begin(s->all, "accept", s->bound, WRIT_RECORD_EFFECT, e);
	writ_address_text(from->ip, text);
	(void)snprintf(rule, sizeof(rule), "sockets.%.60s.addresses",
	    s->listen->name);
	(void)snprintf(reason, sizeof(reason), "a client at %s is not within "
	    "the entry's addresses", text);
	return refuse(s->all, "accept", s->bound, rule, reason);
}

/* ---- names */

enum writ_status
sock_judge_name(struct writ_socks *t, struct writ_str name, uint64_t *id)
{
	const struct writ_request rq = { .kind = WRIT_REQ_SOCKETS,
		.op = "resolve", .write = true, .target = name };

	return writ_record_judge(t->c.record, &rq, WRIT_RECORD_EFFECT, id);
}

static void
remember(struct writ_socks *t, const char *name, const uint8_t ip[16])
{
	struct sock_name *n;
	unsigned i;

	for (i = 0; i < t->names_count; i++)
		if (!memcmp(t->names[i].ip, ip, 16) &&
		    !strcmp(t->names[i].host, name))
			return;
	n = &t->names[t->names_next];
	t->names_next = (t->names_next + 1) % WRIT_SOCK_NAMES_MAX;
	if (t->names_count < WRIT_SOCK_NAMES_MAX)
		t->names_count++;
	memcpy(n->ip, ip, sizeof(n->ip));
	(void)snprintf(n->host, sizeof(n->host), "%s", name);
}

bool
sock_name_keep(struct writ_socks *t, const char *name, const uint8_t ip[16])
{
	const struct writ_policy *p = t->c.policy;
	size_t i;

	for (i = 0; i < p->sockets_count; i++) {
		const struct writ_sockets_grant *g = &p->sockets[i];

		if (g->listen || strcmp(g->host, name) || guarded(t, g, ip))
			continue;
		remember(t, name, ip);
		return true;
	}
	return false;
}
