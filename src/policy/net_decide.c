/* Judging sockets and name lookups: exact hosts and ports, so a scan is enough. */
#include "policy/decide.h"
#include "policy/http_shape.h"
#include "policy/url.h"

struct socket_place {
	bool udp, name_only;
	struct writ_str host;		/* IPv6 without [] */
	unsigned port;
};

static struct writ_str
without_brackets(struct writ_str host)
{
	return host.len > 2 && host.ptr[0] == '[' ?
	    writ_str(host.ptr + 1, host.len - 2) : host;
}

/* "tcp://HOST:PORT", "udp://HOST:PORT", or for a lookup a bare name. */
static const char *
read_place(const char *op, struct writ_str target, struct socket_place *out)
{
	struct writ_str rest;
	struct writ_url u;
	const char *why;

	memset(out, 0, sizeof(*out));
	if (op && !strcmp(op, "resolve") &&
	    !memmem(target.ptr, target.len, "://", 3)) {
		out->name_only = true;
		out->host = target;
		return NULL;
	}
	if (writ_str_starts(target, WRIT_STR("udp://")))
		out->udp = true;
	else if (!writ_str_starts(target, WRIT_STR("tcp://")))
		return "tcp://HOST:PORT or udp://HOST:PORT is needed";
	rest = writ_str_skip(target, 6);
	/* any free port: listening only */
	if (rest.len > 2 && !memcmp(rest.ptr + rest.len - 2, ":0", 2)) {
		out->host = without_brackets(writ_str(rest.ptr, rest.len - 2));
		return NULL;
	}
	why = writ_url_host_port(rest, &u);
	if (why)
		return why;
	out->host = without_brackets(u.host);
	out->port = u.port;
	return NULL;
}

bool
writ_socket_listens(const char *op)
{
	return op && (!strcmp(op, "bind") || !strcmp(op, "listen") ||
	    !strcmp(op, "accept"));
}

static bool
covers(const struct writ_sockets_grant *g, const char *op,
    const struct socket_place *at)
{
	if (!writ_str_is(at->host, g->host))
		return false;
	if (at->name_only)
		return !g->listen;
	return g->udp == at->udp && g->listen == writ_socket_listens(op) &&
	    g->port == at->port;
}

const struct writ_sockets_grant *
writ_policy_socket(const struct writ_policy *p, const char *op,
    struct writ_str target)
{
	const struct writ_sockets_grant *best = NULL;
	struct socket_place at;
	size_t i;

	if (read_place(op, target, &at))
		return NULL;
	for (i = 0; i < p->sockets_count; i++)
		if (covers(&p->sockets[i], op, &at) && (!best ||
		    strcmp(p->sockets[i].name, best->name) < 0))
			best = &p->sockets[i];
	return best;
}

static const struct writ_sockets_deny *
denied(const struct writ_policy *p, const char *op,
    const struct socket_place *at)
{
	const struct writ_sockets_deny *best = NULL, *d;
	size_t i;

	for (i = 0; i < p->sockets_deny_count; i++) {
		d = &p->sockets_deny[i];
		if (!writ_str_is(at->host, d->host) || writ_socket_listens(op) ||
		    (!at->name_only && (d->udp != at->udp ||
		    d->port != at->port)))
			continue;
		/* a denied port leaves the name to other entries */
		if (at->name_only)
			continue;
		if (!best || strcmp(d->name, best->name) < 0)
			best = d;
	}
	return best;
}

bool
writ_decide_socket(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_decision *out)
{
	const struct writ_sockets_grant *g;
	const struct writ_sockets_deny *d;
	struct socket_place at;
	bool ask;

	if (read_place(rq->op, rq->target, &at))
		return false;
	d = denied(p, rq->op, &at);
	g = writ_policy_socket(p, rq->op, rq->target);
	if (!d && !g)
		return false;
	ask = !d && g->ask != WRIT_ASK_NEVER;
	out->verdict = d ? WRIT_REFUSE : ask ? WRIT_ASK : WRIT_ALLOW;
	out->grant = d ? d->name : g->name;
	(void)snprintf(out->rule, sizeof(out->rule), "%s%s", d ? "deny." :
	    "sockets.", out->grant);
	(void)snprintf(out->reason, sizeof(out->reason), "%s entry %s %s", d ?
	    "deny" : "sockets", out->grant, d ? "refuses it" : ask ?
	    "asks a person" : "covers it");
	return true;
}
