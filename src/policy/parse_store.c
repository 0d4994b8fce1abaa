/* keyvalue and blobs: read and checked in full, offered later. */
#include "policy/glob.h"
#include "policy/parts.h"

#define AT(s, f) offsetof(struct s, f)

enum right {
	RIGHT_GET = 1, RIGHT_SET = 2, RIGHT_DELETE = 4, RIGHT_LIST = 8,
	RIGHT_CHANGES = RIGHT_SET | RIGHT_DELETE
};

static const struct writ_doc_word keyvalue_rights[] = {
	{ "get", RIGHT_GET }, { "set", RIGHT_SET }, { "delete", RIGHT_DELETE },
	{ "list", RIGHT_LIST }, { NULL, 0 },
};

static const struct writ_doc_word blobs_rights[] = {
	{ "read", RIGHT_GET }, { "write", RIGHT_SET }, { NULL, 0 },
};

struct store_doc {
	struct writ_str name, bucket, keys;
	struct writ_doc_source from;
	unsigned rights, ask;
	bool durable;
	uint64_t max_value, max_keys;
};

enum writ_status
writ_doc_keys(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return writ_doc_right_text(d, n, writ_glob_wrong, field);
}

static enum writ_status
read_bucket(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	struct writ_str *out = field;
	enum writ_status st = writ_doc_plain_text(d, n, out);

	if (st == WRIT_OK && out->len > WRIT_NAME_MAX)
		return writ_doc_bad(d, n, "a name longer than 255 bytes");
	return st;
}

static enum writ_status
read_rights(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	enum writ_status st = writ_doc_is_set(d, list, "rights");
	const struct writ_yaml_node *n;
	unsigned one = 0, all = 0;

	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		st = writ_doc_pick(d, n, k, &one);
		if (st != WRIT_OK)
			return st;
		all |= one;
	}
	*(unsigned *)field = all;
	return WRIT_OK;
}

static enum writ_status
read_max(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	static const struct writ_doc_key rows[] = {
		{ "value", false, writ_doc_size, AT(store_doc, max_value), 1,
		    WRIT_GIB, NULL },
		{ "keys", false, writ_doc_count, AT(store_doc, max_keys), 1,
		    1ull << 40, NULL },
	};

	return writ_doc_map(d, n, WRIT_DOC_ROWS(rows), field);
}

static const struct writ_doc_key keyvalue_rows[] = {
	{ "name", true, writ_doc_name, AT(store_doc, name), 0, 0, NULL },
	{ "bucket", true, read_bucket, AT(store_doc, bucket), 0, 0, NULL },
	{ "from", true, writ_doc_bucket_source, AT(store_doc, from), 0, 0, NULL },
	{ "keys", true, writ_doc_keys, AT(store_doc, keys), 0, 0, NULL },
	{ "rights", true, read_rights, AT(store_doc, rights), 0, 0,
	    keyvalue_rights },
	{ "max", false, read_max, 0, 0, 0, NULL },
	{ "ask", false, writ_doc_ask, AT(store_doc, ask), 0, 0, NULL },
	{ "durable", false, writ_doc_bool, AT(store_doc, durable), 0, 0, NULL },
};

static const struct writ_doc_key blobs_rows[] = {
	{ "name", true, writ_doc_name, AT(store_doc, name), 0, 0, NULL },
	{ "container", true, read_bucket, AT(store_doc, bucket), 0, 0, NULL },
	{ "from", true, writ_doc_bucket_source, AT(store_doc, from), 0, 0, NULL },
	{ "rights", true, read_rights, AT(store_doc, rights), 0, 0,
	    blobs_rights },
	{ "ask", false, writ_doc_ask, AT(store_doc, ask), 0, 0, NULL },
	{ "durable", false, writ_doc_bool, AT(store_doc, durable), 0, 0, NULL },
};

static enum writ_status
read_list(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, const struct writ_doc_key *rows, size_t count)
{
	const struct writ_yaml_node *n;
	enum writ_status st;

	writ_doc_in(d, k->key);
	st = writ_doc_is_list(d, list);
	if (st != WRIT_OK)
		return st;
	for (n = list->first; n; n = n->next) {
		struct store_doc f = { 0 };

		st = writ_doc_entry(d, n, k->key, rows, count, &f);
		if (st != WRIT_OK)
			return st;
		writ_doc_unbuilt(d, k->key, f.name, n);
		if (f.rights & RIGHT_CHANGES)
			writ_doc_wants_random(d, k->key, f.name, n);
	}
	return WRIT_OK;
}

enum writ_status
writ_doc_keyvalue(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	return read_list(d, list, k, WRIT_DOC_ROWS(keyvalue_rows));
}

enum writ_status
writ_doc_blobs(struct writ_doc *d, const struct writ_yaml_node *list,
    const struct writ_doc_key *k, void *field)
{
	return read_list(d, list, k, WRIT_DOC_ROWS(blobs_rows));
}
