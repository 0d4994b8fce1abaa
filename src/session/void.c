#include "session/session.h"

/* DESIGN section 4: what each interface of the void table is without a grant. */
static const struct {
	const char *package;		/* of the interface's name, up to '@' */
	const char *void_words;
	enum { ALWAYS, FILES, CLOCK, RANDOM, ENV, CONFIG, NEVER, TELL, ASK,
	    SPAWN, HTTP, SOCKETS } grant;
	unsigned client;		/* TELL, ASK: bits of policy->client */
} voids[] = {
	{ "wasi:cli/environment",	"no variables, no directory; its own arguments", ENV },
	{ "wasi:cli/",			"the call's own streams, not a terminal", ALWAYS },
	{ "wasi:clocks/wall-clock",	"frozen at 1970-01-01", CLOCK },
	{ "wasi:clocks/",		"virtual time", CLOCK },
	{ "wasi:random/",		"a deterministic stream", RANDOM },
	{ "wasi:filesystem/",		"no directory at all", FILES },
	{ "wasi:sockets/",		"every attempt refused", SOCKETS },
	{ "wasi:http/",			"every request refused before any name lookup", HTTP },
	{ "wasi:keyvalue/",		"no bucket", NEVER },
	{ "wasi:blobstore/",		"no container", NEVER },
	{ "wasi:config/",		"empty", CONFIG },
	{ "wasi:logging/",		"goes to the session's log, capped", ALWAYS },
	{ "wasi:io/",			"carries no authority", ALWAYS },
	{ "writ:client/content",	"carries no authority", ALWAYS },
	{ "writ:client/types",		"carries no authority", ALWAYS },
	{ "writ:client/progress",	"goes nowhere", TELL, WRIT_CLIENT_PROGRESS },
	{ "writ:client/log",		"goes nowhere", TELL, WRIT_CLIENT_LOG },
	{ "writ:client/elicit",		"every question denied", ASK, WRIT_CLIENT_ELICIT },
	{ "writ:client/sample",		"every question denied", ASK, WRIT_CLIENT_SAMPLE },
	{ "writ:client/roots",		"every question denied", ASK, WRIT_CLIENT_ROOTS },
	{ "writ:client/gather",		"every question denied", ASK, WRIT_CLIENT_ELICIT |
		WRIT_CLIENT_SAMPLE | WRIT_CLIENT_ROOTS },
	{ "writ:tools/spawn",		"every call denied", SPAWN },
};

static bool
put_files(const struct writ_policy *p, struct writ_buf *words)
{
	size_t i;

	for (i = 0; i < p->files_count; i++)
		writ_buf_printf(words, "%s%s (%s)", i ? ", " : "",
		    p->files[i].at, p->files[i].write ? "write" : "read");
	return p->files_count > 0;
}

static bool
put_asks(const struct writ_policy *p, unsigned bits, struct writ_buf *words)
{
	const char *word, *between = "asks the client: ";
	unsigned bit;

	for (bit = 1; (word = writ_policy_client_word(bit)) != NULL; bit <<= 1)
		if (p->client & bits & bit) {
			writ_buf_printf(words, "%s%s", between, word);
			between = ", ";
		}
	return p->client & bits;
}

static bool
put_spawn(const struct writ_policy *p, struct writ_buf *words)
{
	size_t i;

	for (i = 0; i < p->spawn_count; i++)
		writ_buf_printf(words, "%s%s", i ? ", " : "calls ",
		    p->spawn[i].tool);
	return p->spawn_count > 0;
}

#define NET_SHOWN 8

static bool
put_http(const struct writ_policy *p, struct writ_buf *words)
{
	size_t i;

	for (i = 0; i < p->http_count && i < NET_SHOWN; i++)
		writ_buf_printf(words, "%s%s", i ? ", " : "requests of: ",
		    p->http[i].name);
	if (p->http_count > i)
		writ_buf_printf(words, ", and %zu more", p->http_count - i);
	return p->http_count > 0;
}

static bool
put_sockets(const struct writ_policy *p, struct writ_buf *words)
{
	size_t i;

	for (i = 0; i < p->sockets_count && i < NET_SHOWN; i++)
		writ_buf_printf(words, "%s%s", i ? ", " : "sockets of: ",
		    p->sockets[i].name);
	if (p->sockets_count > i)
		writ_buf_printf(words, ", and %zu more", p->sockets_count - i);
	return p->sockets_count > 0;
}

static bool
put_granted(const struct writ_policy *p, size_t row, struct writ_buf *words)
{
	static const char *const clocks[] = { NULL, "real", "frozen" };
	static const char *const randoms[] = { NULL, "secure", "seeded",
		"a trap" };

	switch (voids[row].grant) {
	case FILES:
		return put_files(p, words);
	case CLOCK:
		if (clocks[p->clock])
			writ_buf_cstr(words, clocks[p->clock]);
		return clocks[p->clock] != NULL;
	case RANDOM:
		if (randoms[p->random])
			writ_buf_cstr(words, randoms[p->random]);
		return randoms[p->random] != NULL;
	case ENV:
		if (p->env_count)
			writ_buf_printf(words, "%zu variable%s", p->env_count,
			    p->env_count == 1 ? "" : "s");
		return p->env_count > 0;
	case CONFIG:
		if (p->config_count)
			writ_buf_printf(words, "%zu value%s", p->config_count,
			    p->config_count == 1 ? "" : "s");
		return p->config_count > 0;
	case TELL:
		if (p->client & voids[row].client)
			writ_buf_cstr(words, "reaches the client");
		return p->client & voids[row].client;
	case ASK:
		return put_asks(p, voids[row].client, words);
	case SPAWN:
		return put_spawn(p, words);
	case HTTP:
		return put_http(p, words);
	case SOCKETS:
		return put_sockets(p, words);
	case ALWAYS:
	case NEVER:
	default:
		return false;
	}
}

bool
writ_void_words(const struct writ_policy *policy, struct writ_str name,
    struct writ_buf *words, bool *is_void)
{
	size_t i;

	for (i = 0; i < sizeof(voids) / sizeof(voids[0]); i++) {
		bool granted;

		if (!writ_str_starts(name, writ_str_from(voids[i].package)))
			continue;
		granted = policy && put_granted(policy, i, words);
		if (!granted)
			writ_buf_cstr(words, voids[i].void_words);
		if (is_void)
			*is_void = !granted && voids[i].grant != ALWAYS;
		return true;
	}
	return false;
}
