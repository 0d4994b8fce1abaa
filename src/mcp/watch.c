#include "mcp/parts.h"

static const struct {
	enum writ_mcp_watch what;
	const char *filter, *method;
} lists[] = {
	{ WRIT_MCP_WATCH_TOOLS, "toolsListChanged",
	    "notifications/tools/list_changed" },
	{ WRIT_MCP_WATCH_PROMPTS, "promptsListChanged",
	    "notifications/prompts/list_changed" },
	{ WRIT_MCP_WATCH_RESOURCES, "resourcesListChanged",
	    "notifications/resources/list_changed" },
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

void
writ_mcp_watch_release(struct writ_vec *uris)
{
	size_t i;

	for (i = 0; i < uris->len; i++)
		writ_mcp_req_disown(writ_vec_at(uris, i));
	writ_vec_release(uris);
}

static void
put_subscription(struct writ_buf *b, struct writ_str id)
{
	writ_mcp_key(b, "_meta");
	writ_buf_cstr(b, "{\"" WRIT_MCP_META "subscriptionId\":");
	writ_buf_str(b, id);
	writ_buf_char(b, '}');
}

static bool
watches(const struct writ_vec *uris, struct writ_str uri)
{
	size_t i;

	for (i = 0; i < uris->len; i++)
		if (writ_str_eq(*(struct writ_str *)writ_vec_at(uris, i), uri))
			return true;
	return false;
}

/* ---- telling */

static void
tell_listeners(struct writ_mcp *m, unsigned what, const char *method,
    struct writ_str uri)
{
	size_t i;

	for (i = 0; i < WRIT_MCP_REQUESTS_MAX; i++) {
		struct writ_mcp_req *r = m->reqs[i];
		struct writ_buf *b;

		if (!r || r->what != WRIT_MCP_LISTEN || (!(r->watch & what) &&
		    !(uri.len && watches(&r->uris, uri))))
			continue;
		b = writ_mcp_notification(m, method);
		if (uri.len) {
			writ_mcp_key(b, "uri");
			writ_buf_json(b, uri);
		}
		put_subscription(b, r->id);
		writ_buf_cstr(b, "}}");
		writ_mcp_notify(m, r->sink);
	}
}

static void
tell_sessions(struct writ_mcp *m, const char *method, struct writ_str uri)
{
	size_t i;

	for (i = 0; i < m->clients.len; i++) {
		struct writ_mcp_client *c = *(struct writ_mcp_client **)
		    writ_vec_at(&m->clients, i);
		struct writ_buf *b;

		if (!c->legacy || !c->ready || !c->stream ||
		    (uri.len && !watches(&c->uris, uri)))
			continue;
		b = writ_mcp_notification(m, method);
		if (uri.len) {
			writ_mcp_key(b, "uri");
			writ_buf_json(b, uri);
		}
		writ_buf_cstr(b, "}}");
		writ_mcp_notify(m, c->stream);
	}
}

void
writ_mcp_watch_changed(struct writ_mcp *m, unsigned what)
{
	size_t i;

	for (i = 0; i < LISTS; i++) {
		if (!(what & (unsigned)lists[i].what))
			continue;
		tell_listeners(m, (unsigned)lists[i].what, lists[i].method,
		    writ_str(NULL, 0));
		tell_sessions(m, lists[i].method, writ_str(NULL, 0));
	}
}

void
writ_mcp_watch_updated(struct writ_mcp *m, struct writ_str uri)
{
	static const char method[] = "notifications/resources/updated";

	if (!uri.len)
		return;
	tell_listeners(m, 0, method, uri);
	tell_sessions(m, method, uri);
}

/* ---- subscriptions/listen */

static bool
take_uris(struct writ_mcp_req *r, const json_t *uris)
{
	const json_t *one;
	size_t i;

	json_array_foreach(uris, i, one) {
		struct writ_str *slot = NULL;

		if (!json_is_string(one) ||
		    writ_vec_push(&r->uris, &slot) != WRIT_OK ||
		    !writ_mcp_req_own(slot, writ_mcp_text(one)))
			return false;
	}
	return true;
}

static void
acknowledge(struct writ_mcp *m, struct writ_mcp_req *r)
{
	struct writ_buf *b = writ_mcp_notification(m,
	    "notifications/subscriptions/acknowledged");
	size_t i;

	writ_mcp_key(b, "notifications");
	writ_buf_char(b, '{');
	for (i = 0; i < LISTS; i++) {
		if (!(r->watch & (unsigned)lists[i].what))
			continue;
		writ_mcp_key(b, lists[i].filter);
		writ_buf_cstr(b, "true");
	}
	if (r->uris.len) {
		writ_mcp_key(b, "resourceSubscriptions");
		writ_buf_char(b, '[');
		for (i = 0; i < r->uris.len; i++) {
			if (i)
				writ_buf_char(b, ',');
			writ_buf_json(b, *(struct writ_str *)
			    writ_vec_at(&r->uris, i));
		}
		writ_buf_char(b, ']');
	}
	writ_buf_char(b, '}');
	put_subscription(b, r->id);
	writ_buf_cstr(b, "}}");
	writ_mcp_notify(m, r->sink);
}

void
writ_mcp_listen(const struct writ_mcp_turn *t)
{
	const json_t *filter = json_object_get(t->in->args, "notifications");
	const json_t *uris = json_object_get(filter, "resourceSubscriptions");
	struct writ_mcp_req *r;
	size_t i;

	if (!json_is_object(filter) || (uris && !json_is_array(uris))) {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS,
		    "notifications must say what to listen for");
		return;
	}
	r = writ_mcp_req_new(t, WRIT_MCP_LISTEN);
	if (!r)
		return;
	for (i = 0; i < LISTS; i++)
		if (json_is_true(json_object_get(filter, lists[i].filter)))
			r->watch |= (unsigned)lists[i].what;
	if (!take_uris(r, uris)) {
		writ_mcp_req_fail(t->m, r, WRIT_MCP_INVALID_PARAMS,
		    "resourceSubscriptions must be strings, and not too many");
		return;
	}
	acknowledge(t->m, r);
}
