#include <time.h>

#include "audit/line.h"
#include "broker/secret_store.h"
#include "session/session.h"
#include "writ/secret.h"

_Static_assert(WRIT_SECRET_VALUE_MIN == WRIT_SECRET_MIN &&
    WRIT_SECRET_VALUE_MAX == WRIT_SECRET_MAX, "writ/secret.h");

static enum writ_status
open_store(bool change, struct writ_secret_store **out, struct writ_err *err)
{
	char dir[4096];
	enum writ_status st = writ_hash_init();

	if (st == WRIT_OK)
		st = writ_state_dir(dir, err);
	return st == WRIT_OK ? writ_secret_store_open(dir, change, out, err) :
	    st;
}

static bool
has(struct writ_secret_store *store, const char *name)
{
	struct writ_secret_entry e;
	size_t i;

	for (i = 0; writ_secret_store_at(store, i, &e); i++)
		if (writ_str_is(e.name, name))
			return true;
	return false;
}

enum writ_status
writ_secret_set(const char *name, const char *value, size_t len,
    const struct writ_secret_options *o, bool *replaced, struct writ_err *err)
{
	writ_auto(writ_secret_store) store = NULL;
	enum writ_status st = open_store(true, &store, err);
	bool there;

	if (st != WRIT_OK)
		return st;
	there = has(store, name);
	if (o->replace && !there)
		return writ_fail(err, WRIT_NOENT, "no secret \"%.64s\" is in the "
		    "store: writ secret set %.64s", name, name);
	if (o->keyring)
		st = writ_secret_store_key(store, WRIT_SECRET_KEY_KEYRING, err);
	if (st == WRIT_OK)
		st = writ_secret_store_set(store, writ_str_from(name),
		    writ_str(value, len), (int64_t)time(NULL) * 1000, err);
	if (st == WRIT_OK && replaced)
		*replaced = there;
	return st;
}

enum writ_status
writ_secret_remove(const char *name, struct writ_err *err)
{
	writ_auto(writ_secret_store) store = NULL;
	enum writ_status st = open_store(false, &store, err);

	if (st != WRIT_OK)
		return st;
	writ_secret_store_free(writ_steal(&store));
	st = open_store(true, &store, err);
	return st == WRIT_OK ? writ_secret_store_remove(store,
	    writ_str_from(name), err) : st;
}

enum writ_status
writ_secret_remove_all(struct writ_err *err)
{
	char dir[4096];
	enum writ_status st = writ_state_dir(dir, err);

	return st == WRIT_OK ? writ_secret_store_clear(dir, err) : st;
}

enum writ_status
writ_secret_list(char **json, struct writ_err *err)
{
	writ_auto(writ_secret_store) store = NULL;
	writ_auto_release(writ_buf) b;
	struct writ_secret_entry e;
	char when[WRIT_AUDIT_TIME_MAX];
	enum writ_status st = open_store(false, &store, err);
	size_t i;

	writ_buf_init(&b, WRIT_JSON_MAX);
	if (st != WRIT_OK && st != WRIT_NOENT)
		return st;
	writ_buf_printf(&b, "{\"key\":\"%s\",\"secrets\":[", store &&
	    writ_secret_store_where(store) == WRIT_SECRET_KEY_KEYRING ?
	    "keyring" : "file");
	for (i = 0; store && writ_secret_store_at(store, i, &e); i++) {
		writ_audit_time(e.set_ms, when);
		writ_buf_cstr(&b, i ? ",{\"name\":" : "{\"name\":");
		writ_buf_json(&b, e.name);
		writ_buf_printf(&b, ",\"set\":\"%s\",\"fingerprint\":\"%s\"}",
		    when, e.print);
	}
	writ_buf_cstr(&b, "]}");
	return writ_text_out(&b, json, err);
}
