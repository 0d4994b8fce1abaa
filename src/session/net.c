#include "session/net.h"

#include "base/limits.h"

/* Where systems keep the authorities they trust. */
static const char *const bundles[] = { "/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem" };

static enum writ_status
add_ca(struct writ_session_net *s, size_t i, const char *file,
    struct writ_err *err)
{
	enum writ_status st = writ_doc_read(file, WRIT_NET_CA_MAX, &s->pem[i],
	    err);
	struct writ_digest d;

	if (st != WRIT_OK)
		return st;
	s->cas[i].pem = writ_str((const char *)s->pem[i].ptr, s->pem[i].len);
	writ_sha256(s->pem[i].ptr, s->pem[i].len, &d);
	writ_digest_text(&d, s->digests[s->digests_count]);
	s->digest_texts[s->digests_count] = writ_str_from(
	    s->digests[s->digests_count]);
	s->digests_count++;
	return WRIT_OK;
}

static enum writ_status
add_system(struct writ_session_net *s, struct writ_err *err)
{
	struct writ_err why = { WRIT_OK, "" };
	enum writ_status st;
	size_t i;

	for (i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++) {
		st = add_ca(s, 0, bundles[i], &why);
		if (st != WRIT_NOENT)
			return st == WRIT_OK ? st : writ_fail(err, st, "%s",
			    why.msg);
	}
	return writ_fail(err, WRIT_NOENT, "%s: there are no authorities to check "
	    "https with; install ca-certificates, or name a file with tls.ca",
	    bundles[0]);
}

static enum writ_status
add_cas(struct writ_session_net *s, const struct writ_policy *p,
    struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	bool default_ca = false;
	size_t i, k;

	s->cas_count = 1;
	for (i = 0; st == WRIT_OK && i < p->http_count; i++) {
		const char *file = p->http[i].ca_file;

		default_ca |= !file && writ_http_grant_https(&p->http[i]);
		for (k = 1; file && k < s->cas_count; k++)
			if (!strcmp(s->cas[k].file, file))
				break;
		if (!file || k < s->cas_count)
			continue;
		if (k == WRIT_SESSION_CAS_MAX)
			return writ_fail(err, WRIT_LIMIT, "more than %d files "
			    "of authorities", WRIT_SESSION_CAS_MAX - 1);
		s->cas[k].file = file;
		s->cas_count++;
		st = add_ca(s, k, file, err);
	}
	return st == WRIT_OK && default_ca ? add_system(s, err) : st;
}

enum writ_status
writ_session_net_prepare(struct writ_session_net *s,
    const struct writ_host *host, const struct writ_policy *policy,
    struct writ_err *err)
{
	char state[4096], dir[4200];
	enum writ_status st;
	size_t i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < WRIT_SESSION_CAS_MAX; i++)
		s->pem[i] = WRIT_BYTES_NONE;
	if (!policy->http_count && !policy->sockets_count)
		return WRIT_OK;
	s->needed = writ_net_needed(policy);
	st = writ_state_dir(state, err);
	if (st != WRIT_OK)
		return st;
	snprintf(dir, sizeof(dir), "%s/budgets", state);
	st = writ_budget_open(dir, policy, &s->budget, err);
	if (st != WRIT_OK || !s->needed)
		return st;
	if (host->has_resolver)
		s->resolver = host->resolver;
	else
		writ_resolver_system(&s->resolver);
	writ_resolver_text(&s->resolver, s->resolver_text,
	    sizeof(s->resolver_text));
	return add_cas(s, policy, err);
}

enum writ_status
writ_session_net_start(struct writ_session_net *s, const struct writ_host *host,
    struct writ_record *record, struct writ_secrets *secrets,
    struct writ_err *err)
{
	struct writ_net_config config = { .program = s->program,
		.without_walls = host->without_walls, .policy = record->policy,
		.record = record, .budget = s->budget, .secrets = secrets,
		.resolver = &s->resolver, .cas = s->cas,
		.cas_count = s->cas_count };
	struct writ_socks_config socks = { .policy = record->policy,
		.record = record, .budget = s->budget };
	enum writ_status st = WRIT_OK;

	if (s->needed)
		st = writ_host_program(host, "writ-net", s->program, err);
	if (st == WRIT_OK && s->needed)
		st = writ_net_open(&config, &s->net, err);
	if (st != WRIT_OK || !record->policy->sockets_count)
		return st;
	socks.world = writ_sock_world(s->net);
	return writ_socks_open(&socks, &s->socks, err);
}

void
writ_session_net_end(struct writ_session_net *s)
{
	writ_socks_free(s->socks);	/* its lookups are the net's */
	s->socks = NULL;
	writ_net_free(s->net);
	s->net = NULL;
}

void
writ_session_net_release(struct writ_session_net *s)
{
	size_t i;

	writ_session_net_end(s);
	writ_budget_free(s->budget);
	s->budget = NULL;
	for (i = 0; i < s->cas_count; i++)
		writ_bytes_release(&s->pem[i]);
	s->cas_count = 0;
}
