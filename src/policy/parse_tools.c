/* spawn and client: what a component may ask of its toolbox and of the client. */
#include "policy/lookalike.h"
#include "policy/parts.h"

#define AT(s, f) offsetof(struct s, f)

enum writ_status
writ_doc_tool(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str s;
	enum writ_status st = writ_doc_literal(d, n, &s);
	const char *why;

	if (st != WRIT_OK)
		return st;
	why = writ_lookalike_name_wrong(s);
	if (why)
		return writ_doc_bad(d, n, "\"%.64s\" is not a tool's name: %s",
		    s.ptr, why);
	*(struct writ_str *)field = s;
	return WRIT_OK;
}

struct spawn_doc {
	struct writ_str name, tool;
	uint64_t depth, calls;
	unsigned ask;
	bool durable;
};

static const struct writ_doc_key spawn_rows[] = {
	{ "name", true, writ_doc_name, AT(spawn_doc, name), 0, 0, NULL },
	{ "tool", true, writ_doc_tool, AT(spawn_doc, tool), 0, 0, NULL },
	{ "depth", true, writ_doc_count, AT(spawn_doc, depth), 1, 16, NULL },
	{ "calls", true, writ_doc_count, AT(spawn_doc, calls), 1, 1000000, NULL },
	{ "ask", false, writ_doc_ask, AT(spawn_doc, ask), 0, 0, NULL },
	{ "durable", false, writ_doc_bool, AT(spawn_doc, durable), 0, 0, NULL },
};

static enum writ_status
read_spawn(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_spawn_grant *g)
{
	const struct writ_spawn_grant *other;
	struct spawn_doc f = { 0 };
	enum writ_status st = writ_doc_entry(d, n, "spawn",
	    WRIT_DOC_ROWS(spawn_rows), &f);

	if (st != WRIT_OK)
		return st;
	writ_doc_wants_random(d, "spawn", f.name, n);
	if (f.ask)
		writ_doc_unbuilt(d, "ask in spawn", f.name, n);
	other = writ_policy_spawn(d->p, f.tool);
	if (other)
		return writ_doc_bad(d, n, "tool %.128s is granted by \"%s\"",
		    f.tool.ptr, other->name);
	g->depth = f.depth;
	g->calls = f.calls;
	g->durable = f.durable;
	g->name = writ_str_dup(f.name);
	g->tool = writ_str_dup(f.tool);
	d->p->spawn_count++;
	return g->name && g->tool ? WRIT_OK : writ_doc_nomem(d);
}

enum writ_status
writ_doc_spawn(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_yaml_node *n;
	struct writ_policy *p = d->p;
	enum writ_status st;

	writ_doc_in(d, k->key);
	st = writ_doc_is_list(d, list);
	if (st != WRIT_OK || list->count == 0)
		return st;
	p->spawn = writ_alloc(list->count, sizeof(p->spawn[0]));
	if (!p->spawn)
		return writ_doc_nomem(d);
	for (n = list->first; n; n = n->next) {
		st = read_spawn(d, n, &p->spawn[p->spawn_count]);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}

static const struct writ_doc_word client_words[] = {
	{ "progress", WRIT_CLIENT_PROGRESS }, { "log", WRIT_CLIENT_LOG },
	{ "elicit", WRIT_CLIENT_ELICIT }, { "sample", WRIT_CLIENT_SAMPLE },
	{ "roots", WRIT_CLIENT_ROOTS }, { NULL, 0 },
};

const char *
writ_policy_client_word(unsigned bit)
{
	size_t i;

	for (i = 0; client_words[i].word; i++)
		if (client_words[i].value == bit)
			break;
	return client_words[i].word;
}

enum writ_status
writ_doc_client(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_doc_key words = { .more = client_words };
	const struct writ_yaml_node *n;
	enum writ_status st;
	unsigned one = 0;

	writ_doc_in(d, k->key);
	st = writ_doc_is_list(d, list);
	if (st == WRIT_OK && list->count > 0)
		st = writ_doc_is_set(d, list, "words");
	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		st = writ_doc_pick(d, n, &words, &one);
		if (st != WRIT_OK)
			return st;
		d->p->client |= one;
	}
	return WRIT_OK;
}
