#include "mcp/http_session.h"

/* With several streams a message leaves by one of them: the newest, for a client that comes
 * back before its old connection is known to be gone. */
static void
on_send(struct writ_mcp_sink *sink, struct writ_str json)
{
	struct writ_http_session *s = (struct writ_http_session *)sink;

	if (s->streams_count)
		writ_http_exchange_event(s->streams[s->streams_count - 1],
		    json);
}

static void
on_end(struct writ_mcp_sink *sink, struct writ_str json, unsigned http)
{
}

static struct writ_http_session *
at(const struct writ_http_sessions *s, size_t i)
{
	return *(struct writ_http_session **)writ_vec_at(&s->list, i);
}

void
writ_http_sessions_init(struct writ_http_sessions *s, struct writ_mcp *m)
{
	s->m = m;
	writ_hash_random(s->key, sizeof(s->key));
	writ_vec_init(&s->list, sizeof(struct writ_http_session *),
	    WRIT_CLIENTS_MAX);
}

void
writ_http_sessions_release(struct writ_http_sessions *s)
{
	while (s->list.len)
		writ_http_session_close(s, at(s, s->list.len - 1));
	writ_vec_release(&s->list);
}

enum writ_status
writ_http_session_open(struct writ_http_sessions *s,
    struct writ_mcp_client *client, uint64_t now_ms,
    char id[WRIT_HTTP_SESSION_ID_LEN + 1])
{
	struct writ_http_session *one = writ_alloc(1, sizeof(*one)), **slot;
	uint8_t raw[WRIT_HTTP_SESSION_ID_LEN / 2];
	struct writ_buf b = { (uint8_t *)id, 0, WRIT_HTTP_SESSION_ID_LEN,
		WRIT_HTTP_SESSION_ID_LEN, WRIT_OK };
	enum writ_status st;

	if (!one)
		return WRIT_NOMEM;
	st = writ_vec_push(&s->list, &slot);
	if (st != WRIT_OK) {
		writ_mem_free(one);
		return st;
	}
	*slot = one;
	writ_hash_random(raw, sizeof(raw));
	writ_buf_hex(&b, raw, sizeof(raw));
	id[WRIT_HTTP_SESSION_ID_LEN] = '\0';
	one->sink = (struct writ_mcp_sink){ on_send, on_end };
	one->client = client;
	one->used_ms = now_ms;
	writ_mac(s->key, id, WRIT_HTTP_SESSION_ID_LEN, one->mac);
	return WRIT_OK;
}

void
writ_http_session_close(struct writ_http_sessions *s,
    struct writ_http_session *session)
{
	size_t i;

	for (i = 0; i < session->streams_count; i++)
		writ_http_exchange_end(session->streams[i]);
	writ_mcp_client_close(s->m, session->client);
	for (i = 0; i < s->list.len; i++)
		if (at(s, i) == session)
			break;
	writ_vec_remove(&s->list, i);
	writ_mem_free(session);
}

/* Digests under a key of this process are compared: how long that takes tells nothing. */
struct writ_http_session *
writ_http_session_find(struct writ_http_sessions *s, struct writ_str id,
    uint64_t now_ms)
{
	uint8_t mac[WRIT_MAC_LEN];
	size_t i;

	if (id.len != WRIT_HTTP_SESSION_ID_LEN)
		return NULL;
	writ_mac(s->key, id.ptr, id.len, mac);
	for (i = 0; i < s->list.len; i++) {
		struct writ_http_session *one = at(s, i);

		if (memcmp(one->mac, mac, sizeof(mac)))
			continue;
		one->used_ms = now_ms;
		return one;
	}
	return NULL;
}

void
writ_http_sessions_expire(struct writ_http_sessions *s, uint64_t now_ms,
    uint64_t idle_ms)
{
	size_t i = s->list.len;

	while (i-- > 0) {
		struct writ_http_session *one = at(s, i);

		if (one->streams_count || now_ms - one->used_ms < idle_ms)
			continue;
		if (writ_mcp_client_busy(one->client))
			one->used_ms = now_ms;
		else
			writ_http_session_close(s, one);
	}
}

bool
writ_http_session_attach(struct writ_http_session *session,
    struct writ_http_exchange *x)
{
	if (session->streams_count == WRIT_HTTP_STREAMS_MAX)
		return false;
	session->streams[session->streams_count++] = x;
	writ_mcp_client_stream(session->client, &session->sink);
	return true;
}

void
writ_http_sessions_detach(struct writ_http_sessions *s,
    const struct writ_http_exchange *x, uint64_t now_ms)
{
	size_t i;
	unsigned j;

	for (i = 0; i < s->list.len; i++) {
		struct writ_http_session *one = at(s, i);

		for (j = 0; j < one->streams_count; j++)
			if (one->streams[j] == x)
				break;
		if (j == one->streams_count)
			continue;
		one->streams_count--;
		for (; j < one->streams_count; j++)
			one->streams[j] = one->streams[j + 1];
		one->used_ms = now_ms;
		if (!one->streams_count)
			writ_mcp_client_stream(one->client, NULL);
		return;
	}
}
