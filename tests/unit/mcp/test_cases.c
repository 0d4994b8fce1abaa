/*
 * Conversations in text files (tests/data/mcp): what a client sends, what it must get.
 *   > TEXT        a message of the client, as it is
 *   < JSON        the next message to the client; of objects, the members named here; "*" is
 *                 anything, "<absent>" no such member, "$STATE" is remembered
 *   .             nothing more has come
 *   = STATUS      HTTP status of the last answer
 *   peer pipe | session | stateless     who connects (first line)
 *   headers VERSION METHOD NAME         of the next message; - is none
 *   catalog N, updated URI, finish      what the broker does (fake.h)
 *   tick MS                             time passes
 *   count cancelled | granted N         what the broker was asked for
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/limits.h"
#include "fake.h"
#include "mcp/mcp.h"

#define OUT_MAX 512
#define LINE_MAX_ 65536

struct desk {
	struct writ_mcp_sink sink;	/* first */
	struct fake fake;
	struct writ_conn conn;
	struct writ_mcp *m;
	struct writ_mcp_client *client;
	char *out[OUT_MAX];
	unsigned first, count, http;
	char state[256];
	char headers[3][128];
	bool with_headers;
	uint64_t now;
};

static struct desk *the_desk;
static const char *where;
static unsigned line_no;

#define FAIL(...) (print_error("%s:%u: ", where, line_no), \
	print_error(__VA_ARGS__), print_error("\n"), fail())

static void
on_send(struct writ_mcp_sink *sink, struct writ_str json)
{
	struct desk *d = the_desk;

	assert_true(json.len > 0);
	assert_null(memchr(json.ptr, '\n', json.len));
	if (d->count == OUT_MAX)
		FAIL("too much comes out");
	d->out[d->count] = writ_memdup(json.ptr, json.len);
	assert_non_null(d->out[d->count++]);
}

static void
on_end(struct writ_mcp_sink *sink, struct writ_str json, unsigned http)
{
	if (json.len)
		on_send(sink, json);
	the_desk->http = http;
	if (sink != &the_desk->sink)
		free(sink);
}

static void
settle(struct desk *d)
{
	unsigned i;

	for (i = 0; i < 4; i++) {
		assert_int_not_equal(writ_conn_flush(&d->conn), WRIT_CLOSED);
		assert_true(fake_step(&d->fake));
		if (writ_conn_fill(&d->conn) == WRIT_OK)
			assert_int_equal(writ_mcp_broker(d->m, NULL), WRIT_OK);
	}
}

static void
open_desk(struct desk *d, enum writ_mcp_peer peer)
{
	int fds[2];

	memset(d, 0, sizeof(*d));
	the_desk = d;
	d->sink = (struct writ_mcp_sink){ on_send, on_end };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds), 0);
	fake_init(&d->fake, fds[0]);
	assert_int_equal(writ_conn_init(&d->conn, fds[1], &writ_wire_api,
	    WRIT_SIDE_FRONT, NULL), WRIT_OK);
	assert_int_equal(writ_mcp_new(&d->conn, &d->m, NULL), WRIT_OK);
	fake_greet(&d->fake, peer == WRIT_MCP_PIPE ? WRIT_API_STDIO :
	    WRIT_API_HTTP);
	settle(d);
	assert_true(writ_mcp_ready(d->m));
	assert_int_equal(writ_mcp_client_open(d->m, peer, &d->client, NULL),
	    WRIT_OK);
	writ_mcp_client_stream(d->client, &d->sink);
}

static void
close_desk(struct desk *d)
{
	while (d->first < d->count)
		free(d->out[d->first++]);
	d->first = d->count = 0;
	writ_mcp_free(d->m);
	while (d->first < d->count)
		free(d->out[d->first++]);
	writ_conn_release(&d->conn);
	fake_release(&d->fake);
}

/* ---- matching */

static bool
matches(struct desk *d, const json_t *want, const json_t *got)
{
	const char *key;
	json_t *v, *w = json_incref((json_t *)(uintptr_t)want);
	bool ok = true;
	size_t i;

	json_decref(w);
	if (json_is_string(want) && !strcmp(json_string_value(want), "*"))
		return got != NULL;
	if (json_is_string(want) &&
	    !strcmp(json_string_value(want), "<absent>"))
		return got == NULL;
	if (json_is_string(want) && json_is_string(got) &&
	    !strcmp(json_string_value(want), "$STATE")) {
		snprintf(d->state, sizeof(d->state), "%s",
		    json_string_value(got));
		return true;
	}
	if (!got)
		return false;
	if (json_is_object(want)) {
		json_object_foreach(w, key, v)
			ok = ok && matches(d, v, json_object_get(got, key));
		return ok && json_is_object(got);
	}
	if (json_is_array(want)) {
		if (json_array_size(want) != json_array_size(got))
			return false;
		json_array_foreach(w, i, v)
			ok = ok && matches(d, v, json_array_get(got, i));
		return ok;
	}
	return json_equal(want, got);
}

static json_t *
parse(const char *text)
{
	json_t *j = NULL;

	if (writ_json_parse_foreign(writ_str_from(text), WRIT_MIB * 32, &j,
	    NULL) != WRIT_OK)
		FAIL("not JSON: %s", text);
	return j;
}

static void
expect(struct desk *d, const char *text)
{
	json_t *want = parse(text), *got;
	char *line;

	if (d->first == d->count)
		FAIL("nothing came, wanted %s", text);
	line = d->out[d->first++];
	got = parse(line);
	if (!matches(d, want, got))
		FAIL("wanted %s\n   got %s", text, line);
	json_decref(want);
	json_decref(got);
	free(line);
}

/* ---- steps */

static void
replace_state(const struct desk *d, const char *text, char *out, size_t cap)
{
	const char *at = strstr(text, "$STATE");

	if (at)
		snprintf(out, cap, "%.*s%s%s", (int)(at - text), text,
		    d->state, at + 6);
	else
		snprintf(out, cap, "%s", text);
}

static void
client_says(struct desk *d, const char *text)
{
	static char line[LINE_MAX_];
	struct writ_mcp_headers h;
	struct writ_mcp_sink *sink = malloc(sizeof(*sink));
	struct writ_mcp_in in;
	struct writ_str *const to[] = { &h.version, &h.method, &h.name };
	unsigned i;

	assert_non_null(sink);
	*sink = d->sink;
	replace_state(d, text, line, sizeof(line));
	writ_mcp_in_init(&in, writ_str_from(line));
	for (i = 0; i < 3; i++)
		*to[i] = strcmp(d->headers[i], "-") ?
		    writ_str_from(d->headers[i]) : writ_str(NULL, 0);
	if (d->with_headers)
		in.headers = &h;
	d->with_headers = false;
	writ_mcp_receive(d->m, d->client, &in, sink);
	writ_mcp_in_release(&in);
	settle(d);
}

static void
count(const struct desk *d, const char *what)
{
	char name[32];
	unsigned n;

	assert_int_equal(sscanf(what, "%31s %u", name, &n), 2);
	if ((!strcmp(name, "cancelled") ? d->fake.cancelled :
	    d->fake.granted) != n)
		FAIL("%s: %u and %u", name, d->fake.cancelled,
		    d->fake.granted);
}

static void
step(struct desk *d, const char *line)
{
	unsigned n;

	if (!strncmp(line, "> ", 2)) {
		client_says(d, line + 2);
	} else if (!strncmp(line, "< ", 2)) {
		expect(d, line + 2);
	} else if (!strcmp(line, ".")) {
		if (d->first != d->count)
			FAIL("unexpected: %s", d->out[d->first]);
	} else if (sscanf(line, "= %u", &n) == 1) {
		if (d->http != n)
			FAIL("HTTP status %u", d->http);
	} else if (sscanf(line, "headers %127s %127s %127s", d->headers[0],
	    d->headers[1], d->headers[2]) == 3) {
		d->with_headers = true;
	} else if (sscanf(line, "catalog %u", &n) == 1) {
		fake_catalog(&d->fake, n);
		settle(d);
	} else if (!strncmp(line, "updated ", 8)) {
		fake_updated(&d->fake, line + 8);
		settle(d);
	} else if (!strcmp(line, "finish")) {
		fake_finish(&d->fake);
		settle(d);
	} else if (sscanf(line, "tick %u", &n) == 1) {
		d->now += n;
		(void)writ_mcp_tick(d->m, d->now);
		settle(d);
	} else if (!strncmp(line, "count ", 6)) {
		count(d, line + 6);
	} else if (line[0] && line[0] != '#') {
		FAIL("what is: %s", line);
	}
}

static void
test_mcp__a_conversation_goes_as_written(void **state)
{
	static char line[LINE_MAX_];
	static struct desk d;
	enum writ_mcp_peer peer = WRIT_MCP_PIPE;
	bool open = false;
	FILE *f;

	where = *state;
	line_no = 0;
	f = fopen(where, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		line_no++;
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "peer session"))
			peer = WRIT_MCP_SESSION;
		else if (!strcmp(line, "peer stateless"))
			peer = WRIT_MCP_STATELESS;
		else if (strcmp(line, "peer pipe")) {
			if (!open)
				open_desk(&d, peer);
			open = true;
			step(&d, line);
		}
	}
	fclose(f);
	assert_true(open);
	if (d.first != d.count)
		FAIL("unexpected: %s", d.out[d.first]);
	close_desk(&d);
}

int
main(int argc, char **argv)
{
	struct CMUnitTest tests[64];
	size_t n = 0;

	if (argc < 2 || argc > 64 || writ_hash_init() != WRIT_OK)
		return 1;
	writ_json_init();
	for (n = 0; (int)n < argc - 1; n++)
		tests[n] = (struct CMUnitTest){ argv[n + 1],
			test_mcp__a_conversation_goes_as_written, NULL, NULL,
			argv[n + 1] };
	return _cmocka_run_group_tests("mcp cases", tests, n, NULL, NULL);
}
