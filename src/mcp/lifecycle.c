#include "mcp/parts.h"

static const char *const levels[] = { "debug", "info", "notice", "warning",
	"error", "critical", "alert", "emergency" };

/* Revisions that have sessions, the newest first. */
static const char *const sessions[] = { WRIT_MCP_LEGACY, "2025-06-18",
	"2025-03-26" };

int
writ_mcp_level(struct writ_str name)
{
	int i;

	for (i = 0; i < 8; i++)
		if (writ_str_is(name, levels[i]))
			return i;
	return -1;
}

const char *
writ_mcp_level_name(unsigned level)
{
	return levels[level < 8 ? level : 7];
}

uint8_t
writ_mcp_caps(const json_t *capabilities)
{
	static const struct {
		const char *name;
		uint8_t cap;
	} known[] = {
		{ "elicitation", WRIT_API_CAN_ELICIT },
		{ "sampling", WRIT_API_CAN_SAMPLE },
		{ "roots", WRIT_API_CAN_ROOTS },
	};
	uint8_t caps = 0;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (json_is_object(json_object_get(capabilities,
		    known[i].name)))
			caps |= known[i].cap;
	return caps;
}

static void
put_capabilities(struct writ_buf *b, bool modern)
{
	writ_mcp_key(b, "capabilities");
	writ_buf_cstr(b, "{\"tools\":{\"listChanged\":true},"
	    "\"prompts\":{\"listChanged\":true},"
	    "\"resources\":{\"subscribe\":true,\"listChanged\":true},"
	    "\"completions\":{}");
	writ_buf_cstr(b, modern ? "}" : ",\"logging\":{}}");
}

static void
put_instructions(struct writ_buf *b, const struct writ_mcp *m)
{
	if (!m->catalog->instructions.len)
		return;
	writ_mcp_key(b, "instructions");
	writ_buf_json(b, m->catalog->instructions);
}

void
writ_mcp_discover(const struct writ_mcp_turn *t)
{
	struct writ_buf *b = writ_mcp_result(t->m, t->in->id, true,
	    writ_str(NULL, 0));

	writ_mcp_key(b, "supportedVersions");
	writ_buf_cstr(b, "[\"" WRIT_MCP_MODERN "\"]");
	put_capabilities(b, true);
	put_instructions(b, t->m);
	writ_mcp_result_cache(b, true, 60000);
	writ_mcp_result_end(t->m, t->sink, t->in->id, true);
}

/* The revision of a session: the client's if it is one of ours, else the newest. */
static const char *
choose(struct writ_str wanted)
{
	size_t i;

	for (i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
		if (writ_str_is(wanted, sessions[i]))
			return sessions[i];
	return WRIT_MCP_LEGACY;
}

enum writ_mcp_peer
writ_mcp_speaks(struct writ_str version)
{
	if (writ_str_is(version, WRIT_MCP_MODERN))
		return WRIT_MCP_STATELESS;
	return version.ptr && writ_str_is(version, choose(version)) ?
	    WRIT_MCP_SESSION : WRIT_MCP_PIPE;
}

bool
writ_mcp_announce(const struct writ_mcp_turn *t)
{
	const json_t *info = json_object_get(t->in->args, "clientInfo");
	struct writ_str name;
	uint8_t store[512];
	struct writ_buf b = { store, 0, sizeof(store), sizeof(store), WRIT_OK };

	if (t->client->announced)
		return true;
	if (t->modern)
		info = json_object_get(t->in->meta,
		    WRIT_MCP_META "clientInfo");
	name = writ_mcp_text(json_object_get(info, "name"));
	if (name.len > 256 || t->client->peer == WRIT_MCP_STATELESS)
		name = writ_str(NULL, 0);
	writ_wire_put_u8(&b, 1);
	writ_wire_put_str(&b, name);
	if (writ_conn_send(t->m->conn, WRIT_API_CLIENT, t->client->number,
	    writ_buf_view(&b), -1) != WRIT_OK) {
		writ_mcp_error(t, WRIT_MCP_INTERNAL,
		    "the server is busy; try again later");
		return false;
	}
	t->client->announced = true;
	return true;
}

void
writ_mcp_initialize(const struct writ_mcp_turn *t)
{
	struct writ_mcp_client *c = t->client;
	const json_t *args = t->in->args;
	struct writ_str wanted = writ_mcp_text(json_object_get(args,
	    "protocolVersion"));
	struct writ_buf *b;

	if (c->legacy) {
		writ_mcp_error(t, WRIT_MCP_INVALID_REQUEST,
		    "the session is initialized already");
		return;
	}
	if (!wanted.ptr || !json_is_object(json_object_get(args,
	    "capabilities"))) {
		writ_mcp_error(t, WRIT_MCP_INVALID_PARAMS,
		    "initialize needs protocolVersion and capabilities");
		return;
	}
	if (!writ_mcp_announce(t))
		return;
	c->legacy = true;
	c->caps = writ_mcp_caps(json_object_get(args, "capabilities"));
	snprintf(c->version, sizeof(c->version), "%s", choose(wanted));
	b = writ_mcp_result(t->m, t->in->id, false, writ_str(NULL, 0));
	writ_mcp_key(b, "protocolVersion");
	writ_buf_json(b, writ_str_from(c->version));
	put_capabilities(b, false);
	writ_mcp_key(b, "serverInfo");
	writ_buf_cstr(b, "{\"name\":");
	writ_buf_json(b, t->m->catalog->name.len ? t->m->catalog->name :
	    WRIT_STR("writ"));
	writ_buf_cstr(b, ",\"version\":");
	writ_buf_json(b, t->m->config.version);
	writ_buf_char(b, '}');
	put_instructions(b, t->m);
	writ_mcp_result_end(t->m, t->sink, t->in->id, false);
}
