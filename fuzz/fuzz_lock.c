/*
 * fuzz_lock.c - a lock from foreign bytes: what is read is written, read again and the
 * same.  Bytes that are no lock are a description that a component brings.
 */
#include "base/json.h"
#include "policy/lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
round_trip(const struct writ_lock *l)
{
	writ_auto_release(writ_buf) text;
	writ_auto_release(writ_buf) diff;
	writ_auto(writ_lock) again = NULL;
	struct writ_err err = { 0 };

	writ_buf_init(&text, WRIT_LOCK_MAX);
	writ_buf_init(&diff, WRIT_MIB);
	if (writ_lock_make(l, &text, &err) != WRIT_OK)
		return;		/* written out it may be too large */
	if (writ_lock_parse(writ_buf_view(&text), "f", &again, &err) != WRIT_OK)
		WRIT_BUG(err.msg);
	if (!writ_lock_same(l, again, &diff) || diff.len)
		WRIT_BUG("a lock differs from itself");
}

static void
as_facts(struct writ_str text)
{
	struct writ_lock_function f[] = {
		{ .name = WRIT_STR("a"), .export_name = WRIT_STR("b"),
		    .description = text, .input = WRIT_STR("{}") },
	};
	struct writ_lock_tool t = { .name = WRIT_STR("t"), .functions = f,
		.functions_count = 1 };
	struct writ_lock_tool u = t;
	struct writ_lock_function g[] = { f[0] };
	const struct writ_lock old = { .tools = &t, .tools_count = 1 };
	const struct writ_lock now = { .tools = &u, .tools_count = 1 };
	writ_auto_release(writ_buf) diff;

	round_trip(&old);
	writ_buf_init(&diff, WRIT_MIB);
	g[0].description = writ_str_skip(text, text.len / 2);
	g[0].input = text.len ? text : f[0].input;
	u.functions = g;
	u.writ = text;
	if (writ_lock_same(&old, &now, &diff) != (text.len == 0))
		WRIT_BUG("a change was not seen");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct writ_str text = { (const char *)data, size };
	writ_auto(writ_lock) l = NULL;
	struct writ_err err = { 0 };
	static bool ready;
	enum writ_status st;

	if (!ready) {
		if (writ_hash_init() != WRIT_OK)
			return 0;
		writ_json_init();
		ready = true;
	}
	st = writ_lock_parse(text, "f", &l, &err);
	if ((st == WRIT_OK) != (l != NULL) || (st != WRIT_OK && !err.msg[0]))
		WRIT_BUG("a status and its outputs differ");
	if (l)
		round_trip(l);
	else if (size < 4096)
		as_facts(text);
	return 0;
}
