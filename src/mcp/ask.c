#include "mcp/parts.h"

#define STATE_RAW (4 + 16 + WRIT_MAC_LEN)

static const struct {
	const char *method;
	uint8_t cap;
} asks[] = {
	[WRIT_API_ASK_ELICIT] = { "elicitation/create", WRIT_API_CAN_ELICIT },
	[WRIT_API_ASK_SAMPLE] = { "sampling/createMessage",
	    WRIT_API_CAN_SAMPLE },
	[WRIT_API_ASK_ROOTS] = { "roots/list", WRIT_API_CAN_ROOTS },
};

/* ---- answers */

static void
tell_broker(struct writ_mcp *m, struct writ_mcp_req *r, uint32_t number,
    enum writ_api_answer how, struct writ_str answer)
{
	uint8_t store[5];
	struct writ_buf b = { store, 0, sizeof(store), sizeof(store), WRIT_OK };
	writ_auto_release(writ_buf) tight;

	writ_buf_init(&tight, WRIT_MCP_ASK_MAX);
	writ_mcp_scan_tight(&tight, answer);
	if (writ_buf_status(&tight) != WRIT_OK || writ_api_send_text(m->conn,
	    r->api, WRIT_API_TEXT_ANSWER, writ_buf_view(&tight)) != WRIT_OK)
		how = WRIT_API_ANSWER_FAILED;
	writ_wire_put_u32(&b, number);
	writ_wire_put_u8(&b, (uint8_t)how);
	(void)!writ_conn_send(m->conn, WRIT_API_ANSWER, r->api,
	    writ_buf_view(&b), -1);
}

static void
forget(struct writ_mcp_req *r, unsigned i)
{
	writ_buf_release(&r->asks[i].params);
	r->asks_count--;
	memmove(&r->asks[i], &r->asks[i + 1],
	    (r->asks_count - i) * sizeof(r->asks[0]));
}

static bool
elicit_ok(const struct writ_mcp_ask *ask, const json_t *answer)
{
	struct writ_str action = writ_mcp_text(json_object_get(answer,
	    "action"));
	writ_auto_json params = NULL;

	if (writ_str_is(action, "decline") || writ_str_is(action, "cancel"))
		return true;
	return writ_str_is(action, "accept") &&
	    writ_json_parse_foreign(writ_buf_view(&ask->params),
	    WRIT_MCP_ASK_MAX, &params, NULL) == WRIT_OK &&
	    writ_mcp_form_fits(json_object_get(params, "requestedSchema"),
	    json_object_get(answer, "content"));
}

/* Whether `raw` answers the question in its own terms. */
static bool
answer_ok(const struct writ_mcp_ask *ask, struct writ_str raw)
{
	writ_auto_json j = NULL;

	if (writ_json_parse_foreign(raw, WRIT_MCP_ASK_MAX, &j, NULL) !=
	    WRIT_OK || !json_is_object(j))
		return false;
	switch (ask->what) {
	case WRIT_API_ASK_ELICIT:
		return elicit_ok(ask, j);
	case WRIT_API_ASK_SAMPLE:
		return json_is_string(json_object_get(j, "role")) &&
		    json_object_get(j, "content");
	case WRIT_API_ASK_ROOTS:
		return json_is_array(json_object_get(j, "roots"));
	case WRIT_API_ASK_NONE:
		break;
	}
	return false;
}

/* ---- revision 2026-07-28: the answer is a question, the question comes back answered */

static void
add_digest(struct writ_sha256 *h, const json_t *params, const char *name)
{
	const json_t *v = json_object_get(params, name);
	char *text;
	size_t len;

	writ_sha256_add(h, name, strlen(name) + 1);
	if (!v)
		return;
	text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	len = text ? strlen(text) : 0;
	writ_sha256_add(h, &len, sizeof(len));
	if (text)
		writ_sha256_add(h, text, len);
	writ_mem_free(text);
}

void
writ_mcp_ask_digest(const struct writ_mcp_in *in,
    uint8_t digest[WRIT_SHA256_LEN])
{
	struct writ_sha256 h;
	struct writ_digest d;

	writ_sha256_start(&h);
	writ_sha256_add(&h, in->method.ptr, in->method.len);
	add_digest(&h, in->args, "name");
	add_digest(&h, in->args, "arguments");
	writ_sha256_end(&h, &d);
	memcpy(digest, d.b, sizeof(d.b));
}

/* Bound to the client, the request, the round and the time. */
static void
state_mac(const struct writ_mcp *m, const struct writ_mcp_req *r,
    uint32_t client, const uint8_t digest[WRIT_SHA256_LEN],
    uint8_t mac[WRIT_MAC_LEN])
{
	uint8_t bytes[4 + 4 + 8 + 16 + WRIT_SHA256_LEN];

	memcpy(bytes, &client, 4);
	memcpy(bytes + 4, &r->api, 4);
	memcpy(bytes + 8, &r->due, 8);
	memcpy(bytes + 16, r->nonce, 16);
	memcpy(bytes + 32, digest, WRIT_SHA256_LEN);
	writ_mac(m->key, bytes, sizeof(bytes), mac);
}

static void
put_state(struct writ_buf *b, const struct writ_mcp *m,
    const struct writ_mcp_req *r)
{
	uint8_t raw[STATE_RAW];

	memcpy(raw, &r->api, 4);
	memcpy(raw + 4, r->nonce, 16);
	state_mac(m, r, r->client->number, r->digest, raw + 20);
	writ_buf_char(b, '"');
	writ_buf_hex(b, raw, sizeof(raw));
	writ_buf_char(b, '"');
}

static bool
unhex(struct writ_str s, uint8_t raw[STATE_RAW])
{
	size_t i;

	if (s.len != (size_t)2 * STATE_RAW)
		return false;
	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		unsigned v;

		if (c >= '0' && c <= '9')
			v = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = (unsigned)(c - 'a') + 10;
		else
			return false;
		raw[i / 2] = (uint8_t)(i % 2 ? raw[i / 2] | v : v << 4);
	}
	return true;
}

struct writ_mcp_req *
writ_mcp_ask_parked(const struct writ_mcp_turn *t)
{
	struct writ_str state = writ_mcp_text(json_object_get(t->in->args,
	    "requestState"));
	uint8_t raw[STATE_RAW], digest[WRIT_SHA256_LEN], mac[WRIT_MAC_LEN];
	struct writ_mcp_req *r = NULL;
	uint32_t api = 0;

	if (unhex(state, raw)) {
		memcpy(&api, raw, sizeof(api));
		r = writ_mcp_req_of(t->m, api);
	}
	if (r && r->parked) {
		writ_mcp_ask_digest(t->in, digest);
		state_mac(t->m, r, t->client->number, digest, mac);
		if (writ_mac_eq(mac, raw + 20) &&
		    !memcmp(raw + 4, r->nonce, sizeof(r->nonce)))
			return r;
	}
	writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS, "requestState is not of this "
	    "request, or is over; make the request again without it");
	return NULL;
}

static void
put_request(struct writ_buf *b, const struct writ_mcp_ask *ask)
{
	writ_buf_printf(b, "{\"method\":\"%s\"", asks[ask->what].method);
	if (ask->params.len) {
		writ_mcp_key(b, "params");
		writ_buf_str(b, writ_buf_view(&ask->params));
	}
	writ_buf_char(b, '}');
}

static void
park(struct writ_mcp *m, struct writ_mcp_req *r)
{
	struct writ_mcp_sink *sink = r->sink;
	struct writ_buf *b;
	unsigned i;

	r->due = m->now_ms + m->config.park_ms;
	writ_hash_random(r->nonce, sizeof(r->nonce));
	r->parked = true;
	m->parked++;
	b = writ_mcp_result_typed(m, r->id, "input_required",
	    writ_str(NULL, 0));
	writ_mcp_key(b, "inputRequests");
	writ_buf_char(b, '{');
	for (i = 0; i < r->asks_count; i++) {
		writ_mcp_key(b, r->asks[i].key);
		put_request(b, &r->asks[i]);
	}
	writ_buf_char(b, '}');
	writ_mcp_key(b, "requestState");
	put_state(b, m, r);
	r->sink = NULL;
	writ_mcp_result_end(m, sink, r->id, true);
}

void
writ_mcp_ask_settle(struct writ_mcp *m, struct writ_mcp_req *r)
{
	unsigned i = 0;
	struct writ_str raw;

	while (i < r->asks_count) {
		struct writ_mcp_ask *ask = &r->asks[i];

		if (!writ_mcp_scan_member(r->answers, ask->key, &raw) ||
		    !answer_ok(ask, raw)) {
			i++;
			continue;
		}
		tell_broker(m, r, ask->number, WRIT_API_ANSWER_OK, raw);
		forget(r, i);
	}
	if (r->asks_count && r->sink)
		park(m, r);
}

/* ---- older revisions: a request to the client, and its response */

static void
send_request(struct writ_mcp *m, struct writ_mcp_req *r,
    struct writ_mcp_ask *ask)
{
	struct writ_buf *b = &m->out;

	ask->rpc = ++r->client->next_rpc;
	writ_buf_reset(b);
	writ_buf_printf(b, "{\"jsonrpc\":\"2.0\",\"id\":%u", ask->rpc);
	writ_mcp_key(b, "method");
	writ_buf_printf(b, "\"%s\"", asks[ask->what].method);
	if (ask->params.len) {
		writ_mcp_key(b, "params");
		writ_buf_str(b, writ_buf_view(&ask->params));
	}
	writ_buf_char(b, '}');
	writ_mcp_notify(m, r->sink ? r->sink : r->client->stream);
}

static struct writ_mcp_req *
asked(const struct writ_mcp_turn *t, unsigned *index)
{
	uint64_t rpc = 0;
	size_t i;
	unsigned k;

	if (writ_str_u64(t->in->id, UINT32_MAX, &rpc) != WRIT_OK || !rpc)
		return NULL;
	for (i = 0; i < WRIT_MCP_REQUESTS_MAX; i++) {
		struct writ_mcp_req *r = t->m->reqs[i];

		for (k = 0; r && r->client == t->client && k < r->asks_count;
		    k++) {
			if (r->asks[k].rpc == rpc) {
				*index = k;
				return r;
			}
		}
	}
	return NULL;
}

void
writ_mcp_ask_answered(const struct writ_mcp_turn *t)
{
	unsigned i = 0;
	struct writ_mcp_req *r = asked(t, &i);
	struct writ_str raw;

	if (!r)
		return;		/* late, or never asked */
	if (writ_mcp_scan_member(t->in->text, "result", &raw) &&
	    answer_ok(&r->asks[i], raw))
		tell_broker(t->m, r, r->asks[i].number, WRIT_API_ANSWER_OK,
		    raw);
	else
		tell_broker(t->m, r, r->asks[i].number,
		    WRIT_API_ANSWER_FAILED, writ_str(NULL, 0));
	forget(r, i);
}

/* ---- the broker's questions */

/* A key is a member's name in JSON and must need no escapes. */
static bool
key_ok(const struct writ_mcp_req *r, struct writ_str key)
{
	size_t i;

	if (key.len >= sizeof(r->asks[0].key))
		return false;
	for (i = 0; i < key.len; i++)
		if (key.ptr[i] < 0x21 || key.ptr[i] > 0x7e ||
		    key.ptr[i] == '"' || key.ptr[i] == '\\')
			return false;
	for (i = 0; i < r->asks_count; i++)
		if (key.len && writ_str_is(key, r->asks[i].key))
			return false;
	return true;
}

/* The JSON of a question, on one line; empty for roots. */
static bool
take_params(struct writ_mcp_req *r, enum writ_api_ask what,
    struct writ_buf *to)
{
	writ_auto_json j = NULL;
	bool ok = what == WRIT_API_ASK_ROOTS;

	writ_buf_init(to, WRIT_MCP_ASK_MAX);
	if (!ok)
		ok = writ_buf_status(&r->ask_text) == WRIT_OK &&
		    writ_json_parse_foreign(writ_buf_view(&r->ask_text),
		    WRIT_MCP_ASK_MAX, &j, NULL) == WRIT_OK && json_is_object(j);
	if (ok && what == WRIT_API_ASK_ELICIT)
		ok = json_is_string(json_object_get(j, "message")) &&
		    json_is_object(json_object_get(j, "requestedSchema"));
	if (ok && what != WRIT_API_ASK_ROOTS)
		writ_mcp_scan_tight(to, writ_buf_view(&r->ask_text));
	writ_buf_reset(&r->ask_text);
	if (ok && writ_buf_status(to) == WRIT_OK)
		return true;
	writ_buf_release(to);
	return false;
}

bool
writ_mcp_ask(struct writ_mcp *m, struct writ_mcp_req *r, struct writ_str body)
{
	struct writ_wire_in in = writ_wire_in(body);
	uint32_t number = writ_wire_get_u32(&in);
	unsigned what = writ_wire_get_u8(&in);
	bool more = writ_wire_get_u8(&in) != 0;
	struct writ_str key = writ_wire_get_str(&in, WRIT_NAME_MAX);
	struct writ_mcp_ask *ask;

	if (!writ_wire_done(&in) || what > WRIT_API_ASK_NONE)
		return false;
	if (what == WRIT_API_ASK_NONE) {
		if (r->modern && r->asks_count)
			writ_mcp_ask_settle(m, r);
		return true;
	}
	if (r->asks_count == WRIT_MCP_ASKS_MAX)
		return false;
	ask = &r->asks[r->asks_count];
	*ask = (struct writ_mcp_ask){ .number = number,
		.what = (enum writ_api_ask)what };
	if (!(r->caps & asks[what].cap)) {
		writ_buf_reset(&r->ask_text);
		r->lacks |= asks[what].cap;
		tell_broker(m, r, number, WRIT_API_ANSWER_UNSUPPORTED,
		    writ_str(NULL, 0));
	} else if (!key_ok(r, key) ||
	    !take_params(r, ask->what, &ask->params)) {
		tell_broker(m, r, number, WRIT_API_ANSWER_FAILED,
		    writ_str(NULL, 0));
	} else {
		if (key.len)
			memcpy(ask->key, key.ptr, key.len);
		else
			snprintf(ask->key, sizeof(ask->key), "ask-%u", number);
		r->asks_count++;
		if (!r->modern)
			send_request(m, r, ask);
	}
	if (r->modern && !more && r->asks_count)
		writ_mcp_ask_settle(m, r);
	return true;
}
