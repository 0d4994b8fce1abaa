/* sockets entries. */
#include "policy/http_shape.h"
#include "policy/parts.h"
#include "policy/url.h"

#define AT(s, f) offsetof(struct s, f)

/* One entry being read. */
struct sockets_doc {
	struct writ_str name;
	struct writ_sockets_grant *g;
	uint64_t concurrency;
	unsigned ask;
	bool durable;
};

/* tcp://HOST:PORT or udp://HOST:PORT; port 0 for a listener. */
static enum writ_status
read_place(struct writ_doc *d, const struct writ_yaml_node *n, bool listen,
    struct writ_sockets_grant *out)
{
	struct writ_str s, rest;
	enum writ_status st = writ_doc_plain_text(d, n, &s);
	struct writ_url u;
	const char *why;

	if (st != WRIT_OK)
		return st;
	if (!writ_str_starts(s, WRIT_STR("tcp://")) &&
	    !writ_str_starts(s, WRIT_STR("udp://")))
		return writ_doc_bad(d, n, "tcp://HOST:PORT or udp://HOST:PORT is "
		    "needed here");
	out->udp = s.ptr[0] == 'u';
	out->listen = listen;
	rest = writ_str_skip(s, 6);
	if (listen && rest.len > 2 && !memcmp(rest.ptr + rest.len - 2, ":0", 2)) {
		char one[WRIT_HTTP_HOST_MAX + 8];

		/* read as with a port, which is then any */
		if (rest.len + 1 > sizeof(one))
			return writ_doc_bad(d, n, "too long");
		memcpy(one, rest.ptr, rest.len - 1);
		one[rest.len - 1] = '1';
		why = writ_url_host_port(writ_str(one, rest.len), &u);
		u.host = writ_str(rest.ptr, why ? 0 : u.host.len);
		u.port = 0;
	} else {
		why = writ_url_host_port(rest, &u);
	}
	if (why)
		return writ_doc_bad(d, n, "%s", why);
	if (listen && !u.address)
		return writ_doc_bad(d, n, "a listener is bound to an address");
	if (u.host.ptr[0] == '[')
		u.host = writ_str(u.host.ptr + 1, u.host.len - 2);
	out->host = writ_str_dup(u.host);
	out->port = u.port;
	return out->host ? WRIT_OK : writ_doc_nomem(d);
}

/* k->max: a listener. */
static enum writ_status
read_where(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_sockets_grant *g = ((struct sockets_doc *)field)->g;

	if (g->host)
		return writ_doc_bad(d, n, "either connect or listen");
	return read_place(d, n, k->max != 0, g);
}

static enum writ_status
read_addresses(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_sockets_grant *g = ((struct sockets_doc *)field)->g;

	return writ_doc_ranges(d, n, &g->addresses, &g->addresses_count);
}

static enum writ_status
read_total(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "bytes", true, writ_doc_size,
		    AT(writ_sockets_grant, total_bytes), 1, 1024 * WRIT_GIB,
		    NULL },
	};

	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows),
	    ((struct sockets_doc *)field)->g);
}

static const struct writ_doc_key sockets_rows[] = {
	{ "name", true, writ_doc_name, AT(sockets_doc, name), 0, 0, NULL },
	{ "connect", false, read_where, 0, 0, 0, NULL },
	{ "listen", false, read_where, 0, 0, 1, NULL },
	{ "addresses", false, read_addresses, 0, 0, 0, NULL },
	{ "concurrency", false, writ_doc_count, AT(sockets_doc, concurrency), 1,
	    1000000, NULL },
	{ "total", false, read_total, 0, 0, 0, NULL },
	{ "ask", false, writ_doc_ask, AT(sockets_doc, ask), 0, 0, NULL },
	{ "durable", false, writ_doc_bool, AT(sockets_doc, durable), 0, 0, NULL },
};

static enum writ_status
read_socket(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_sockets_grant *g)
{
	struct sockets_doc f = { .g = g };
	enum writ_status st = writ_doc_entry(d, n, "sockets",
	    WRIT_DOC_ROWS(sockets_rows), &f);

	if (st != WRIT_OK)
		return st;
	if (!g->host)
		return writ_doc_bad(d, n, "connect or listen is needed here");
	writ_doc_wants_random(d, "sockets", f.name, n);
	g->name = writ_str_dup(f.name);
	g->concurrency = f.concurrency;
	g->ask = (enum writ_ask_when)f.ask;
	g->durable = f.durable;
	return g->name ? WRIT_OK : writ_doc_nomem(d);
}

const struct writ_sockets_grant *
writ_sockets_same(const struct writ_sockets_grant *v, size_t n,
    const struct writ_sockets_grant *g)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].udp == g->udp && v[i].listen == g->listen &&
		    v[i].port == g->port && !strcmp(v[i].host, g->host))
			return &v[i];
	return NULL;
}

enum writ_status
writ_doc_sockets(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_yaml_node *n;
	struct writ_policy *p = d->p;
	enum writ_status st;

	writ_doc_in(d, k->key);
	st = writ_doc_is_list(d, list);
	if (st != WRIT_OK || list->count == 0)
		return st;
	p->sockets = writ_alloc(list->count, sizeof(p->sockets[0]));
	if (!p->sockets)
		return writ_doc_nomem(d);
	for (n = list->first; n; n = n->next) {
		struct writ_sockets_grant *g = &p->sockets[p->sockets_count++];
		const struct writ_sockets_grant *same;

		st = read_socket(d, n, g);
		if (st != WRIT_OK)
			return st;
		same = writ_sockets_same(p->sockets, p->sockets_count - 1, g);
		if (same)
			return writ_doc_bad(d, n, "\"%s\" is for this place "
			    "already", same->name);
	}
	return WRIT_OK;
}

static enum writ_status
deny_connect(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return read_place(d, n, false, field);
}

enum writ_status
writ_doc_deny_sockets(struct writ_doc *d, const struct writ_yaml_node *n)
{
	static const struct writ_doc_key rows[] = {
		{ "connect", true, deny_connect, 0, 0, 0, NULL },
	};
	struct writ_sockets_deny *out =
	    &d->p->sockets_deny[d->p->sockets_deny_count++];
	struct writ_sockets_grant at = { 0 };
	enum writ_status st = writ_doc_map(d, n, WRIT_DOC_ROWS(rows), &at);

	out->udp = at.udp;
	out->host = at.host;
	out->port = at.port;
	return st;
}
