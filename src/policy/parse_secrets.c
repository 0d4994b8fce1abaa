/* secrets: where the values of ${secret:NAME} come from. */
#include "policy/parts.h"

static bool
is_variable(struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    c != '_' && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return s.len > 0 && s.len <= WRIT_NAME_MAX;
}

static enum writ_status
read_source(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_secret_source *out)
{
	struct writ_str s, from = { NULL, 0 };
	enum writ_status st;

	if (!writ_doc_good_name(n->key))
		return writ_doc_bad_key(d, n, "\"%.64s\" is not a name: a-z, 0-9, "
		    "_ and -", n->key.ptr);
	st = writ_doc_plain_text(d, n, &s);
	if (st != WRIT_OK)
		return st;
	if (writ_str_starts(s, WRIT_STR("env:"))) {
		out->kind = WRIT_SECRET_ENV;
		from = writ_str_skip(s, 4);
		if (!is_variable(from))
			return writ_doc_bad(d, n, "env: needs the name of a "
			    "variable");
	} else if (writ_str_starts(s, WRIT_STR("file:"))) {
		out->kind = WRIT_SECRET_FILE;
		from = writ_str_skip(s, 5);
		if (from.len == 0)
			return writ_doc_bad(d, n, "file: needs a path");
		if (from.ptr[0] == '~')
			return writ_doc_bad(d, n, "\"~\" is not expanded; write "
			    "the path in full");
	} else if (!writ_str_is(s, "store")) {
		return writ_doc_bad(d, n, "store, env:NAME or file:PATH is needed "
		    "here; the value itself does not belong in a writ");
	}
	out->name = writ_str_dup(n->key);
	out->from = from.ptr ? writ_str_dup(from) : NULL;
	return out->name && (out->from || !from.ptr) ? WRIT_OK :
	    writ_doc_nomem(d);
}

enum writ_status
writ_doc_secrets(struct writ_doc *d, const struct writ_yaml_node *map,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_yaml_node *n;
	enum writ_status st;

	writ_doc_in(d, k->key);
	st = writ_doc_is_map(d, map);
	if (st != WRIT_OK || map->count == 0)
		return st;
	if (map->count > WRIT_SECRETS_MAX)
		return writ_doc_bad(d, map, "more than %d secrets",
		    WRIT_SECRETS_MAX);
	d->p->secrets = writ_alloc(map->count, sizeof(*d->p->secrets));
	if (!d->p->secrets)
		return writ_doc_nomem(d);
	for (n = map->first; n; n = n->next) {
		st = read_source(d, n, &d->p->secrets[d->p->secrets_count++]);
		if (st != WRIT_OK)
			return st;
	}
	return WRIT_OK;
}
