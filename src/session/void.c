#include "session/session.h"

/* DESIGN section 4: what each interface of the void table is without a grant. */
static const struct {
	const char *package;		/* of the interface's name, up to '@' */
	const char *void_words;
	enum { ALWAYS, FILES, CLOCK, RANDOM, ENV, CONFIG, NEVER } grant;
} voids[] = {
	{ "wasi:cli/environment",	"no variables, no directory; its own arguments", ENV },
	{ "wasi:cli/",			"the call's own streams, not a terminal", ALWAYS },
	{ "wasi:clocks/wall-clock",	"frozen at 1970-01-01", CLOCK },
	{ "wasi:clocks/",		"virtual time", CLOCK },
	{ "wasi:random/",		"a deterministic stream", RANDOM },
	{ "wasi:filesystem/",		"no directory at all", FILES },
	{ "wasi:sockets/",		"every attempt refused", NEVER },
	{ "wasi:http/",			"every request refused before any name lookup", NEVER },
	{ "wasi:keyvalue/",		"no bucket", NEVER },
	{ "wasi:blobstore/",		"no container", NEVER },
	{ "wasi:config/",		"empty", CONFIG },
	{ "wasi:logging/",		"goes to the session's log, capped", ALWAYS },
	{ "wasi:io/",			"carries no authority", ALWAYS },
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
put_granted(const struct writ_policy *p, unsigned grant, struct writ_buf *words)
{
	static const char *const clocks[] = { NULL, "real", "frozen" };
	static const char *const randoms[] = { NULL, "secure", "seeded",
		"a trap" };

	switch (grant) {
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
		granted = policy && put_granted(policy, voids[i].grant, words);
		if (!granted)
			writ_buf_cstr(words, voids[i].void_words);
		if (is_void)
			*is_void = !granted && voids[i].grant != ALWAYS;
		return true;
	}
	return false;
}
