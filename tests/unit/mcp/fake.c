#include "base/limits.h"
#include "fake.h"

#define SCHEMA "{\"type\":\"object\"}"

static void
say(struct fake *f, unsigned type, uint32_t id, const struct writ_buf *b)
{
	if (writ_conn_send(&f->conn, type, id, writ_buf_view(b), -1) != WRIT_OK)
		WRIT_BUG("the fake broker's queue is full");
}

static void
say_text(struct fake *f, uint32_t id, enum writ_api_text what, const char *text)
{
	if (writ_api_send_text(&f->conn, id, what, writ_str_from(text)) !=
	    WRIT_OK)
		WRIT_BUG("the fake broker's queue is full");
}

void
fake_init(struct fake *f, int fd)
{
	memset(f, 0, sizeof(*f));
	if (writ_conn_init(&f->conn, fd, &writ_wire_api, WRIT_SIDE_BROKER,
	    NULL) != WRIT_OK)
		WRIT_BUG("no connection");
}

static void
forget(struct fake_call *c)
{
	writ_buf_release(&c->args);
	writ_buf_release(&c->answers);
	writ_buf_release(&c->answer);
	c->used = false;
}

void
fake_release(struct fake *f)
{
	unsigned i;

	for (i = 0; i < FAKE_CALLS; i++)
		if (f->calls[i].used)
			forget(&f->calls[i]);
	writ_conn_release(&f->conn);
}

/* ---- what it offers */

static const struct {
	const char *name;
	uint8_t flags;
	const char *output;
} tools[] = {
	{ "echo", 0, SCHEMA }, { "text", 0, "" }, { "printer", 0, "" },
	{ "fails", 0, SCHEMA }, { "traps", 0, "" }, { "limited", 0, "" },
	{ "denied", 0, "" }, { "badargs", 0, "" }, { "exits", 0, "" },
	{ "refused", 0, "" }, { "content", WRIT_API_TOOL_CONTENT, "" },
	{ "badcontent", WRIT_API_TOOL_CONTENT, "" }, { "notjson", 0, "" },
	{ "progress", 0, "" }, { "logs", 0, "" }, { "slow", 0, "" },
	{ "ask", WRIT_API_TOOL_CLIENT, "" },
	{ "gather", WRIT_API_TOOL_CLIENT, "" },
	{ "twice", WRIT_API_TOOL_CLIENT, "" },
	{ "named", WRIT_API_TOOL_NAMED, SCHEMA },
	{ "needy", WRIT_API_TOOL_NEEDS_SAMPLE, "" },
	{ "hidden", WRIT_API_TOOL_UNLISTED, "" },
	{ "askprompt", WRIT_API_TOOL_UNLISTED, "" },
};

static void
put_tool(struct fake *f, const char *name, uint8_t flags, const char *output)
{
	struct writ_api_tool t = { flags, writ_str_from(name), WRIT_STR(""),
		WRIT_STR("Does one thing."), WRIT_STR("{\"type\":\"object\",\n"
		" \"properties\": {\"big\": {\"maximum\": "
		"18446744073709551615}}}"), writ_str_from(output),
		WRIT_STR("{\"readOnlyHint\":true}") };
	struct writ_buf b;

	if (f->plain)
		t.input = WRIT_STR(SCHEMA);
	writ_buf_init(&b, WRIT_WIRE_MSG_MAX);
	writ_api_tool_put(&b, &t);
	say(f, WRIT_API_TOOL, 0, &b);
	writ_buf_release(&b);
}

static void
put_json(struct fake *f, unsigned type, const char *json)
{
	if (writ_conn_send(&f->conn, type, 0, writ_str_from(json), -1) !=
	    WRIT_OK)
		WRIT_BUG("the fake broker's queue is full");
}

static void
put_prompts(struct fake *f, unsigned which)
{
	put_json(f, WRIT_API_PROMPT, "{\"name\":\"greet\",\"description\":"
	    "\"Greets\",\"arguments\":[{\"name\":\"who\",\"required\":true,"
	    "\"complete\":[\"alice\",\"albert\",\"bob\"]},{\"name\":\"how\"}],"
	    "\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\","
	    "\"text\":\"Hello {{who}}, {{how}}{{}}x}}\"}},{\"role\":"
	    "\"assistant\",\"content\":{\"type\":\"resource\",\"resource\":"
	    "{\"uri\":\"test://{{who}}\",\"mimeType\":\"text/plain\","
	    "\"text\":\"t\"}}}]}");
	put_json(f, WRIT_API_PROMPT, "{\"name\":\"made\",\"description\":"
	    "\"By a tool\",\"tool\":\"hidden\"}");
	if (which != 2)
		put_json(f, WRIT_API_PROMPT, "{\"name\":\"asks\","
		    "\"description\":\"By a tool that asks\",\"tool\":"
		    "\"askprompt\"}");
}

void
fake_catalog(struct fake *f, unsigned which)
{
	struct writ_api_catalog c = { which + 1, WRIT_STR("fake"),
		WRIT_STR("Use it well.") };
	struct writ_buf b;
	char name[32];
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		put_tool(f, tools[i].name, tools[i].flags, tools[i].output);
	for (i = 0; i < (which == 3 ? 200 : which == 1 ? 1 : 0); i++) {
		snprintf(name, sizeof(name), "extra%zu", i);
		put_tool(f, name, 0, "");
	}
	put_prompts(f, which);
	put_json(f, WRIT_API_RESOURCE, "{\"uri\":\"test://static-text\","
	    "\"name\":\"static\",\"mimeType\":\"text/plain\"}");
	put_json(f, WRIT_API_RESOURCE, "{\"uriTemplate\":\"test://{id}/data\","
	    "\"name\":\"template\",\"complete\":{\"id\":[\"1\",\"12\"]}}");
	writ_buf_init(&b, 4096);
	writ_api_catalog_put(&b, &c);
	say(f, WRIT_API_CATALOG, 0, &b);
	writ_buf_release(&b);
}

void
fake_greet(struct fake *f, enum writ_api_transport transport)
{
	struct writ_api_config c = { .transport = transport,
		.flags = WRIT_API_CONFIG_GRANTS, .clients_max = 16,
		.idle_ms = 60000, .park_ms = 60000, .version = WRIT_STR("1"),
		.path = WRIT_STR("/mcp") };
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_api_config_put(&b, &c);
	say(f, WRIT_API_CONFIG, 0, &b);
	writ_buf_release(&b);
	fake_catalog(f, 0);
}

void
fake_updated(struct fake *f, const char *uri)
{
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_wire_put_str(&b, writ_str_from(uri));
	say(f, WRIT_API_UPDATED, 0, &b);
	writ_buf_release(&b);
}

/* ---- what its tools do */

static void
result(struct fake *f, uint32_t id, enum writ_api_status status,
    const char *message, const char *extra)
{
	struct writ_api_result r = { status, status == WRIT_API_EXIT ? 3 : 0,
		0, 0, writ_str_from(message), writ_str_from(extra) };
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_api_result_put(&b, &r);
	say(f, WRIT_API_RESULT, id, &b);
	writ_buf_release(&b);
}

static void
value(struct fake *f, uint32_t id, const char *json)
{
	say_text(f, id, WRIT_API_TEXT_VALUE, json);
	result(f, id, WRIT_API_OK, "", "");
}

static void
ask(struct fake *f, struct fake_call *c, enum writ_api_ask what, bool more,
    const char *key)
{
	static const char form[] = "{\"message\":\"Name?\",\n"
	    "\"requestedSchema\":{\"type\":\"object\",\"properties\":"
	    "{\"name\":{\"type\":\"string\"}}}}";
	static const char *const texts[] = { form,
		"{\"messages\":[],\"maxTokens\":10}", "" };
	struct writ_buf b;

	say_text(f, c->id, WRIT_API_TEXT_ASK, texts[what]);
	writ_buf_init(&b, 256);
	writ_wire_put_u32(&b, c->asked++);
	writ_wire_put_u8(&b, (uint8_t)what);
	writ_wire_put_u8(&b, more);
	writ_wire_put_str(&b, writ_str_from(key));
	say(f, WRIT_API_ASK, c->id, &b);
	writ_buf_release(&b);
}

/* As when a last question is refused before it gets here. */
static void
end_round(struct fake *f, struct fake_call *c)
{
	struct writ_buf b;

	writ_buf_init(&b, 256);
	writ_wire_put_u32(&b, 0);
	writ_wire_put_u8(&b, WRIT_API_ASK_NONE);
	writ_wire_put_u8(&b, 0);
	writ_wire_put_str(&b, writ_str_from(""));
	say(f, WRIT_API_ASK, c->id, &b);
	writ_buf_release(&b);
}

static void
progress(struct fake *f, uint32_t id, double done)
{
	struct writ_api_progress p = { .has_total = true,
		.message = WRIT_STR("on") };
	double total = 100;
	struct writ_buf b;

	memcpy(&p.done, &done, sizeof(done));
	memcpy(&p.total, &total, sizeof(total));
	writ_buf_init(&b, 4096);
	writ_api_progress_put(&b, &p);
	say(f, WRIT_API_PROGRESS, id, &b);
	writ_buf_release(&b);
}

static void
log_line(struct fake *f, uint32_t id, uint8_t level, const char *data)
{
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_wire_put_u8(&b, level);
	writ_wire_put_str(&b, WRIT_STR("me"));
	writ_wire_put_str(&b, writ_str_from(data));
	say(f, WRIT_API_LOG, id, &b);
	writ_buf_release(&b);
}

static void
refuse(struct fake *f, uint32_t id)
{
	struct writ_api_refused r = { WRIT_STR("7"), WRIT_STR("files"),
		WRIT_STR("open"), WRIT_STR("/etc/\x1b[31mx"),
		WRIT_STR("unmatched"), WRIT_STR("no grant"),
		WRIT_STR("files: [{at: /etc}]") };
	struct writ_buf b;

	writ_buf_init(&b, 4096);
	writ_api_refused_put(&b, &r);
	say(f, WRIT_API_REFUSED, id, &b);
	writ_buf_release(&b);
}

#define MESSAGES "[{\"role\":\"user\",\"content\":{\"text\":\"made\"}}]"

static void
run_tool(struct fake *f, struct fake_call *c, struct writ_str session)
{
	static const struct {
		const char *tool, *value;
		enum writ_api_status status;
		const char *message;
	} plain[] = {
		{ "text", "\"hello\"", WRIT_API_OK, "" },
		{ "fails", "\"boom\"", WRIT_API_ERR, "" },
		{ "traps", "", WRIT_API_TRAP, "unreachable" },
		{ "limited", "", WRIT_API_LIMIT, "time, 5 s" },
		{ "denied", "", WRIT_API_DENIED, "not pinned" },
		{ "badargs", "", WRIT_API_ARGUMENTS, "/a: expected a number" },
		{ "exits", "", WRIT_API_EXIT, "" },
		{ "content", "[{\"text\":\"t\"},{\"image\":{\"data\":\"AA==\","
		    "\"mime-type\":\"image/png\"}},{\"audio\":{\"data\":\"AA==\""
		    ",\"mime-type\":\"audio/wav\"}},{\"resource\":{\"uri\":"
		    "\"test://r\",\"mime-type\":null,\"body\":{\"text\":\"b\"}}},"
		    "{\"link\":{\"uri\":\"test://l\",\"name\":\"l\","
		    "\"description\":null,\"mime-type\":\"a/b\"}}]",
		    WRIT_API_OK, "" },
		{ "badcontent", "[{\"text\":\"t\"},{\"image\":\"x\"}]",
		    WRIT_API_OK, "" },
		{ "notjson", "{\n", WRIT_API_OK, "" },
		{ "needy", "\"sampled\"", WRIT_API_OK, "" },
		{ "hidden", MESSAGES, WRIT_API_OK, "" },
	};
	struct writ_buf b;
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (strcmp(plain[i].tool, c->tool))
			continue;
		say_text(f, c->id, WRIT_API_TEXT_VALUE, plain[i].value);
		result(f, c->id, plain[i].status, plain[i].message, "");
		forget(c);
		return;
	}
	if (!strcmp(c->tool, "ask") || !strcmp(c->tool, "askprompt")) {
		ask(f, c, WRIT_API_ASK_ELICIT, false, "user_name");
		return;
	} else if (!strcmp(c->tool, "gather")) {
		ask(f, c, WRIT_API_ASK_ELICIT, true, "a");
		ask(f, c, WRIT_API_ASK_SAMPLE, true, "b");
		ask(f, c, WRIT_API_ASK_ROOTS, true, "c");
		end_round(f, c);
		return;
	} else if (!strcmp(c->tool, "twice")) {
		ask(f, c, WRIT_API_ASK_ELICIT, false, "step1");
		return;
	} else if (!strcmp(c->tool, "slow")) {
		return;
	} else if (!strcmp(c->tool, "printer")) {
		say_text(f, c->id, WRIT_API_TEXT_STDOUT, "\n{\"jsonrpc\":"
		    "\"2.0\",\"id\":1,\"result\":{}}\n\x1b[2J");
		say_text(f, c->id, WRIT_API_TEXT_STDERR, "oh");
		result(f, c->id, WRIT_API_OK, "", "");
	} else if (!strcmp(c->tool, "refused")) {
		refuse(f, c->id);
		say_text(f, c->id, WRIT_API_TEXT_VALUE, "\"no entry\"");
		result(f, c->id, WRIT_API_ERR, "", "");
	} else if (!strcmp(c->tool, "progress")) {
		progress(f, c->id, 0);
		progress(f, c->id, 50);
		progress(f, c->id, 50);
		progress(f, c->id, 100);
		value(f, c->id, "null");
	} else if (!strcmp(c->tool, "logs")) {
		log_line(f, c->id, 0, "quiet");
		log_line(f, c->id, 1, "{ \"a\": 1 }");
		log_line(f, c->id, 4, "loud");
		value(f, c->id, "true");
	} else {
		writ_buf_init(&b, WRIT_CALL_ARGS_MAX + 4096);
		if (!strcmp(c->tool, "named")) {
			writ_buf_cstr(&b, "{\"session\":");
			writ_buf_json(&b, session);
			writ_buf_cstr(&b, ",\"args\":");
		}
		writ_buf_str(&b, writ_buf_view(&c->args));
		if (!strcmp(c->tool, "named"))
			writ_buf_char(&b, '}');
		writ_buf_char(&b, '\0');
		value(f, c->id, (char *)b.ptr);
		writ_buf_release(&b);
	}
	forget(c);
}

static void
answered(struct fake *f, struct fake_call *c, unsigned how)
{
	static const char *const words[] = { "", "\"failed\"",
		"\"unsupported\"" };

	if (c->answers.len)
		writ_buf_char(&c->answers, ',');
	if (how == WRIT_API_ANSWER_OK)
		writ_buf_str(&c->answers, writ_buf_view(&c->answer));
	else
		writ_buf_cstr(&c->answers, words[how < 3 ? how : 1]);
	writ_buf_reset(&c->answer);
	if (++c->answered < c->asked)
		return;
	if (!strcmp(c->tool, "twice") && c->step++ == 0) {
		ask(f, c, WRIT_API_ASK_ELICIT, false, "step2");
		return;
	}
	if (!strcmp(c->tool, "askprompt")) {
		value(f, c->id, MESSAGES);
	} else {
		struct writ_buf b;

		writ_buf_init(&b, WRIT_MIB);
		writ_buf_char(&b, '[');
		writ_buf_str(&b, writ_buf_view(&c->answers));
		writ_buf_char(&b, ']');
		writ_buf_char(&b, '\0');
		value(f, c->id, (char *)b.ptr);
		writ_buf_release(&b);
	}
	forget(c);
}

/* ---- messages */

static struct fake_call *
call_of(struct fake *f, uint32_t id, bool make)
{
	struct fake_call *found = NULL;
	unsigned i;

	for (i = 0; i < FAKE_CALLS; i++) {
		if (f->calls[i].used && f->calls[i].id == id)
			return &f->calls[i];
		if (!f->calls[i].used)
			found = &f->calls[i];
	}
	if (!make || !found)
		return NULL;
	memset(found, 0, sizeof(*found));
	found->used = true;
	found->id = id;
	writ_buf_init(&found->args, WRIT_CALL_ARGS_MAX);
	writ_buf_init(&found->answer, WRIT_MIB);
	writ_buf_init(&found->answers, WRIT_MIB);
	return found;
}

static void
on_read(struct fake *f, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	struct writ_str uri;

	(void)writ_wire_get_u32(&in);
	uri = writ_wire_get_str(&in, WRIT_API_WORDS_MAX);
	if (writ_str_is(uri, "test://static-text")) {
		say_text(f, m->id, WRIT_API_TEXT_VALUE, "plain \"text\"\n");
		result(f, m->id, WRIT_API_OK, "", "text/plain");
	} else if (writ_str_is(uri, "test://static-binary")) {
		say_text(f, m->id, WRIT_API_TEXT_VALUE, "\xff\x01\x02\x03");
		result(f, m->id, WRIT_API_OK, "", "image/png");
	} else {
		result(f, m->id, WRIT_API_UNKNOWN, "no such resource", "");
	}
}

static bool
on_call(struct fake *f, const struct writ_msg *m)
{
	struct writ_api_call call;
	struct fake_call *c = call_of(f, m->id, true);

	if (!c || writ_api_call_get(m->body, &call) != WRIT_OK)
		return false;
	memcpy(c->tool, call.tool.ptr, call.tool.len);
	run_tool(f, c, call.session);
	return true;
}

static bool
on_text(struct fake *f, const struct writ_msg *m)
{
	struct fake_call *c = call_of(f, m->id, true);

	if (!c)
		return false;
	writ_buf_str(m->body.ptr[0] == WRIT_API_TEXT_ANSWER ? &c->answer :
	    &c->args, writ_str_skip(m->body, 1));
	return true;
}

/* Each is opened once, and closed once. */
static bool
on_client(struct fake *f, const struct writ_msg *m)
{
	bool *here = &f->clients[m->id % FAKE_CLIENTS];

	if (*here == (m->body.ptr[0] != 0))
		return false;
	*here = !*here;
	if (*here)
		f->opened++;
	else
		f->closed++;
	return true;
}

static bool
on_message(struct fake *f, const struct writ_msg *m)
{
	struct fake_call *c;
	struct writ_api_grant g;

	switch (m->row->type) {
	case WRIT_API_HELLO:
		f->conn.state = WRIT_STATE_RUNNING;
		return true;
	case WRIT_API_CLIENT:
		return on_client(f, m);
	case WRIT_API_TEXT:
		return on_text(f, m);
	case WRIT_API_CALL:
		return on_call(f, m);
	case WRIT_API_READ:
		on_read(f, m);
		return true;
	case WRIT_API_LIST:
		value(f, m->id, "[{\"uri\":\"writ://session/a\",\"name\":\"a\","
		    "\"secret\":1}]");
		return true;
	case WRIT_API_GRANT:
		if (writ_api_grant_get(m->body, &g) != WRIT_OK)
			return false;
		f->granted++;
		result(f, m->id, WRIT_API_OK, "", "req-1");
		return true;
	case WRIT_API_CANCEL:
		c = call_of(f, m->id, false);
		f->cancelled++;
		if (c) {
			result(f, m->id, WRIT_API_CANCELLED, "", "");
			forget(c);
		}
		return true;
	case WRIT_API_ANSWER:
		c = call_of(f, m->id, false);
		if (c)
			answered(f, c, (uint8_t)m->body.ptr[4]);
		return true;
	default:
		return false;
	}
}

bool
fake_step(struct fake *f)
{
	struct writ_msg m;
	enum writ_status st = writ_conn_flush(&f->conn);

	if (st == WRIT_CLOSED)
		return false;
	st = writ_conn_fill(&f->conn);
	if (st != WRIT_OK)
		return st == WRIT_AGAIN;
	while ((st = writ_conn_next(&f->conn, &m, NULL)) == WRIT_OK)
		if (!on_message(f, &m))
			return false;
	return st == WRIT_AGAIN && writ_conn_flush(&f->conn) != WRIT_CLOSED;
}

void
fake_finish(struct fake *f)
{
	unsigned i;

	for (i = 0; i < FAKE_CALLS; i++) {
		if (!f->calls[i].used || strcmp(f->calls[i].tool, "slow"))
			continue;
		value(f, f->calls[i].id, "\"at last\"");
		forget(&f->calls[i]);
	}
}
