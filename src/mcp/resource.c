#include "base/base64.h"
#include "mcp/parts.h"

#define TTL_MS 5000
#define URI_MAX 2048	/* bytes; fits a READ */

/* ---- read */

static bool
uri_of(const struct writ_mcp_turn *t, struct writ_str *uri)
{
	*uri = writ_mcp_text(json_object_get(t->in->args, "uri"));
	if (uri->len && uri->len <= URI_MAX)
		return true;
	writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS,
	    "uri must be a string of 1 to %d bytes", URI_MAX);
	return false;
}

void
writ_mcp_resources_read(const struct writ_mcp_turn *t)
{
	writ_auto_release(writ_buf) b;
	struct writ_mcp_req *r;
	struct writ_str uri;

	if (!uri_of(t, &uri))
		return;
	r = writ_mcp_req_new(t, WRIT_MCP_READ);
	if (!r)
		return;
	writ_buf_init(&b, WRIT_API_WORDS_MAX);
	writ_wire_put_u32(&b, t->client->number);
	writ_wire_put_str(&b, uri);
	if (!writ_mcp_req_own(&r->subject, uri))
		b.failed = WRIT_NOMEM;
	(void)!writ_mcp_req_send(t->m, r, WRIT_API_READ, &b);
}

static void
no_resource(struct writ_mcp *m, struct writ_mcp_req *r,
    const struct writ_api_result *result)
{
	bool unknown = result->status == WRIT_API_UNKNOWN;
	writ_auto_release(writ_buf) data;
	int code = WRIT_MCP_INTERNAL;

	if (unknown)
		code = r->modern ? WRIT_MCP_INVALID_PARAMS :
		    WRIT_MCP_NO_RESOURCE;
	writ_buf_init(&data, 8 * WRIT_API_WORDS_MAX);
	writ_buf_cstr(&data, "{\"uri\":");
	writ_buf_json(&data, r->subject);
	writ_buf_char(&data, '}');
	writ_mcp_reply_error(m, r, code, writ_buf_view(&data), unknown ?
	    WRIT_STR("no such resource") : result->message.len ?
	    result->message : WRIT_STR("the resource could not be read"));
}

/* The value of a tool: a string is the text or, for a type that is no text, base64 already. */
static void
put_spelt(struct writ_buf *b, struct writ_str mime, struct writ_str value)
{
	json_t *j = NULL;
	bool string = writ_json_parse_foreign(value, WRIT_MCP_VALUE_MAX, &j,
	    NULL) == WRIT_OK && json_is_string(j);

	writ_mcp_key(b, writ_mcp_is_text(mime, WRIT_STR("")) || !string ?
	    "text" : "blob");
	if (string)
		writ_buf_json(b, writ_str(json_string_value(j),
		    json_string_length(j)));
	else
		writ_buf_json(b, value);
	json_decref(j);
}

void
writ_mcp_read_result(struct writ_mcp *m, struct writ_mcp_req *r,
    const struct writ_api_result *result)
{
	struct writ_str bytes = writ_buf_view(&r->value);
	struct writ_buf *b;

	if (result->status != WRIT_API_OK) {
		no_resource(m, r, result);
		return;
	}
	b = writ_mcp_result(m, r->id, r->modern, writ_str(NULL, 0));
	writ_mcp_key(b, "contents");
	writ_buf_cstr(b, "[{\"uri\":");
	writ_buf_json(b, r->subject);
	if (result->extra.len) {
		writ_mcp_key(b, "mimeType");
		writ_buf_json(b, result->extra);
	}
	if (r->spelt) {
		put_spelt(b, result->extra, bytes);
	} else if (writ_mcp_is_text(result->extra, bytes)) {
		writ_mcp_key(b, "text");
		writ_buf_json(b, bytes);
	} else {
		writ_mcp_key(b, "blob");
		writ_buf_char(b, '"');
		writ_base64_put(b, bytes);
		writ_buf_char(b, '"');
	}
	writ_buf_cstr(b, "}]");
	writ_mcp_result_cache(b, r->modern, 0);
	writ_mcp_result_end(m, r->sink, r->id, r->modern);
}

/* ---- list: the toolbox's, then those of the client's sessions */

void
writ_mcp_resources_list(const struct writ_mcp_turn *t)
{
	writ_auto_release(writ_buf) b;
	struct writ_mcp_req *r;
	size_t from;

	if (!writ_mcp_cursor(t, &from))
		return;
	r = writ_mcp_req_new(t, WRIT_MCP_LIST);
	if (!r)
		return;
	r->from = from;
	writ_buf_init(&b, WRIT_API_WORDS_MAX);
	writ_wire_put_u32(&b, t->client->number);
	(void)!writ_mcp_req_send(t->m, r, WRIT_API_LIST, &b);
}

static void
put_found(struct writ_buf *b, struct writ_str raw, size_t index, size_t from)
{
	if (index < from || index - from >= WRIT_MCP_PAGE)
		return;
	if (index > from)
		writ_buf_char(b, ',');
	writ_mcp_catalog_show(b, raw);
}

void
writ_mcp_list_result(struct writ_mcp *m, struct writ_mcp_req *r,
    const struct writ_api_result *result)
{
	const struct writ_vec *fixed = &m->catalog->resources;
	struct writ_str value = writ_buf_view(&r->value), key, one;
	struct writ_mcp_scan scan;
	struct writ_buf *b = writ_mcp_result(m, r->id, r->modern,
	    writ_str(NULL, 0));
	writ_auto_json j = NULL;
	size_t i;

	writ_mcp_key(b, "resources");
	writ_buf_char(b, '[');
	for (i = r->from; i < fixed->len && i - r->from < WRIT_MCP_PAGE; i++) {
		if (i > r->from)
			writ_buf_char(b, ',');
		writ_buf_str(b, ((const struct writ_mcp_entry *)
		    writ_vec_at(fixed, i))->shown);
	}
	i = fixed->len;
	if (result->status == WRIT_API_OK && value.len &&
	    writ_json_parse_foreign(value, WRIT_MCP_VALUE_MAX, &j, NULL) ==
	    WRIT_OK && json_is_array(j)) {
		scan = writ_mcp_scan(value);
		while (writ_mcp_scan_next(&scan, &key, &one))
			if (one.ptr[0] == '{')
				put_found(b, one, i++, r->from);
	}
	writ_buf_char(b, ']');
	writ_mcp_next_cursor(b, r->from + WRIT_MCP_PAGE, i);
	writ_mcp_result_cache(b, r->modern, TTL_MS);
	writ_mcp_result_end(m, r->sink, r->id, r->modern);
}

/* ---- subscriptions of sessions */

static size_t
subscribed(const struct writ_vec *uris, struct writ_str uri)
{
	size_t i;

	for (i = 0; i < uris->len; i++)
		if (writ_str_eq(*(struct writ_str *)writ_vec_at(uris, i), uri))
			break;
	return i;
}

void
writ_mcp_subscribe(const struct writ_mcp_turn *t)
{
	struct writ_vec *uris = &t->client->uris;
	struct writ_str uri, *slot = NULL;

	if (!uri_of(t, &uri))
		return;
	if (subscribed(uris, uri) == uris->len) {
		if (writ_vec_push(uris, &slot) != WRIT_OK) {
			writ_mcp_error(t, WRIT_MCP_INTERNAL,
			    "too many subscriptions");
			return;
		}
		if (!writ_mcp_req_own(slot, uri)) {
			writ_vec_remove(uris, uris->len - 1);
			writ_mcp_error(t, WRIT_MCP_INTERNAL, "out of memory");
			return;
		}
	}
	writ_mcp_result_empty(t);
}

void
writ_mcp_unsubscribe(const struct writ_mcp_turn *t)
{
	struct writ_vec *uris = &t->client->uris;
	struct writ_str uri;
	size_t i;

	if (!uri_of(t, &uri))
		return;
	i = subscribed(uris, uri);
	if (i < uris->len) {
		writ_mcp_req_disown(writ_vec_at(uris, i));
		writ_vec_remove(uris, i);
	}
	writ_mcp_result_empty(t);
}
