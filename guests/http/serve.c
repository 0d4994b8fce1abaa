/*
 * serve - answers HTTP requests (wasi:http/incoming-handler), by the first word of the path:
 *
 *   /              hello
 *   /echo          the body back, as it comes
 *   /slow/MS       hello, after so long
 *   /big/BYTES     so many bytes of the pattern that tests know
 *   /headers       method, authority and fields of the request, as text
 *   /status/N      that status, no body
 *   /trailers      a body and two trailers
 *   /out?URL       asks for URL and passes the answer on
 *   /cut/BYTES     announces twice as many bytes as it sends
 *   /short, /long  a body one byte shorter or longer than announced
 *   /none          returns without an answer
 *   /error         answers with an error code
 *   /trap /spin /hog   ends badly
 *   /count         how many requests this instance has seen: always 1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web.h"

#define PIECE 65536

static unsigned requests_seen;

struct answer {
	wasi_http_types_own_response_outparam_t out;
	wasi_http_types_own_outgoing_body_t body;
	wasi_io_streams_own_output_stream_t stream;
};

/* Start an answer.  length < 0: none announced. */
static void
start(struct answer *a, unsigned status, const char *type, int64_t length)
{
	struct web_field fields[2];
	wasi_http_types_own_fields_t list;
	wasi_http_types_result_own_outgoing_response_error_code_t result = { 0 };
	wasi_http_types_borrow_outgoing_response_t r;
	char number[24], word[WEB_WORD_MAX];
	size_t n = 0;

	if (type) {
		fields[n].name = web_str("content-type");
		fields[n++].value = web_str(type);
	}
	if (length >= 0) {
		snprintf(number, sizeof(number), "%lld", (long long)length);
		fields[n].name = web_str("content-length");
		fields[n++].value = web_str(number);
	}
	if (!web_fields(fields, n, &list, word))
		abort();
	result.val.ok = wasi_http_types_constructor_outgoing_response(list);
	r = wasi_http_types_borrow_outgoing_response(result.val.ok);
	if (!wasi_http_types_method_outgoing_response_set_status_code(r,
	    (uint16_t)status) ||
	    !wasi_http_types_method_outgoing_response_body(r, &a->body) ||
	    !wasi_http_types_method_outgoing_body_write(
	    wasi_http_types_borrow_outgoing_body(a->body), &a->stream))
		abort();
	wasi_http_types_static_response_outparam_set(a->out, &result);
}

static void
block(wasi_io_poll_own_pollable_t p)
{
	wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(p));
	wasi_io_poll_pollable_drop_own(p);
}

/* False: nobody reads. */
static bool
put(struct answer *a, const uint8_t *p, size_t n)
{
	wasi_io_streams_borrow_output_stream_t s =
	    wasi_io_streams_borrow_output_stream(a->stream);
	wasi_io_streams_stream_error_t err;
	uint64_t room;

	while (n) {
		wit_list_u8_t piece;

		if (!wasi_io_streams_method_output_stream_check_write(s, &room, &err))
			return false;
		if (!room) {
			block(wasi_io_streams_method_output_stream_subscribe(s));
			continue;
		}
		piece.ptr = (uint8_t *)p;
		piece.len = n < room ? n : (size_t)room;
		if (!wasi_io_streams_method_output_stream_write(s, &piece, &err))
			return false;
		p += piece.len;
		n -= piece.len;
	}
	return true;
}

static void
end(struct answer *a, wasi_http_types_own_trailers_t *trailers)
{
	wasi_http_types_error_code_t err;
	wasi_io_streams_stream_error_t bad;

	wasi_io_streams_method_output_stream_blocking_flush(
	    wasi_io_streams_borrow_output_stream(a->stream), &bad);
	wasi_io_streams_output_stream_drop_own(a->stream);
	wasi_http_types_static_outgoing_body_finish(a->body, trailers, &err);
}

static void
text(struct answer *a, unsigned status, const char *body)
{
	start(a, status, "text/plain", (int64_t)strlen(body));
	put(a, (const uint8_t *)body, strlen(body));
	end(a, NULL);
}

/* ---- routes */

struct asked {
	char path[2048];		/* with the query */
	wasi_http_types_own_incoming_request_t request;
};

static uint64_t
number(const struct asked *q)
{
	const char *at = strchr(q->path + 1, '/');

	return at ? strtoull(at + 1, NULL, 10) : 0;
}

static void
hello(struct answer *a, struct asked *q)
{
	(void)q;
	text(a, 200, "hello\n");
}

static void
count(struct answer *a, struct asked *q)
{
	char line[32];

	(void)q;
	snprintf(line, sizeof(line), "%u\n", requests_seen);
	text(a, 200, line);
}

static void
echo(struct answer *a, struct asked *q)
{
	wasi_http_types_own_incoming_body_t body;
	wasi_io_streams_own_input_stream_t in;
	wasi_io_streams_stream_error_t err;
	wit_list_u8_t bytes;

	if (!wasi_http_types_method_incoming_request_consume(
	    wasi_http_types_borrow_incoming_request(q->request), &body) ||
	    !wasi_http_types_method_incoming_body_stream(
	    wasi_http_types_borrow_incoming_body(body), &in))
		abort();
	start(a, 200, "application/octet-stream", -1);
	while (wasi_io_streams_method_input_stream_blocking_read(
	    wasi_io_streams_borrow_input_stream(in), PIECE, &bytes, &err)) {
		bool on = put(a, bytes.ptr, bytes.len);

		wit_list_u8_free(&bytes);
		if (!on)
			break;
	}
	wasi_io_streams_input_stream_drop_own(in);
	wasi_http_types_incoming_body_drop_own(body);
	end(a, NULL);
}

static void
slow(struct answer *a, struct asked *q)
{
	web_sleep(number(q) * 1000000);
	text(a, 200, "slow\n");
}

static void
big(struct answer *a, struct asked *q)
{
	static uint8_t piece[PIECE];
	uint64_t n = number(q), at = 0;

	start(a, 200, "application/octet-stream", (int64_t)n);
	while (at < n) {
		size_t k = n - at < PIECE ? (size_t)(n - at) : PIECE;

		web_pattern(piece, k, at);
		if (!put(a, piece, k))
			break;
		at += k;
	}
	end(a, NULL);
}

static void
headers(struct answer *a, struct asked *q)
{
	wasi_http_types_borrow_incoming_request_t r =
	    wasi_http_types_borrow_incoming_request(q->request);
	wasi_http_types_own_fields_t fields =
	    wasi_http_types_method_incoming_request_headers(r);
	wasi_http_types_list_tuple2_field_name_field_value_t list;
	wasi_http_types_method_t method;
	wit_string_t authority;
	char line[4096];
	size_t i;
	int n;

	start(a, 200, "text/plain", -1);
	wasi_http_types_method_incoming_request_method(r, &method);
	n = snprintf(line, sizeof(line), "method %u %.*s\npath %s\n", method.tag,
	    method.tag == 9 ? (int)method.val.other.len : 0,
	    method.tag == 9 ? (const char *)method.val.other.ptr : "", q->path);
	put(a, (uint8_t *)line, (size_t)n);
	if (wasi_http_types_method_incoming_request_authority(r, &authority)) {
		n = snprintf(line, sizeof(line), "authority %.*s\n", (int)authority.len,
		    (const char *)authority.ptr);
		put(a, (uint8_t *)line, (size_t)n);
	}
	wasi_http_types_method_fields_entries(wasi_http_types_borrow_fields(fields), &list);
	for (i = 0; i < list.len; i++) {
		n = snprintf(line, sizeof(line), "%.*s: %.*s\n", (int)list.ptr[i].f0.len,
		    (const char *)list.ptr[i].f0.ptr, (int)list.ptr[i].f1.len,
		    (const char *)list.ptr[i].f1.ptr);
		put(a, (uint8_t *)line, (size_t)n < sizeof(line) ? (size_t)n :
		    sizeof(line) - 1);
	}
	wasi_http_types_fields_drop_own(fields);
	end(a, NULL);
}

static void
status(struct answer *a, struct asked *q)
{
	start(a, (unsigned)number(q), NULL, -1);
	end(a, NULL);
}

static void
trailers(struct answer *a, struct asked *q)
{
	struct web_field t[2] = { { web_str("x-sum"), web_str("abc") },
		{ web_str("x-two"), web_str("2") } };
	wasi_http_types_own_fields_t fields;
	char word[WEB_WORD_MAX];

	(void)q;
	if (!web_fields(t, 2, &fields, word))
		abort();
	start(a, 200, "text/plain", -1);
	put(a, (const uint8_t *)"hello", 5);
	end(a, &fields);
}

static void
pass_bytes(void *ctx, const uint8_t *p, size_t n)
{
	put(ctx, p, n);
}

static void
pass_head(void *ctx, int which, wasi_http_types_borrow_fields_t fields)
{
	(void)fields;
	if (which == 0)
		start(ctx, 200, "text/plain", -1);
}

static void
out(struct answer *a, struct asked *q)
{
	static struct web_ask ask;
	struct web_flight f = { .on_fields = pass_head, .on_bytes = pass_bytes, .ctx = a };
	const char *url = strchr(q->path, '?');
	char line[WEB_WORD_MAX + 32];

	ask.method = web_str("GET");
	if (!url || !web_url(url + 1, &ask)) {
		text(a, 400, "/out?URL\n");
		return;
	}
	web_send(&ask, &f);
	web_land(&f);
	if (f.status) {
		end(a, NULL);
		return;
	}
	snprintf(line, sizeof(line), "out: %s\n", f.word);
	text(a, 502, line);
}

static void
cut(struct answer *a, struct asked *q)
{
	static const uint8_t piece[PIECE];
	uint64_t n = number(q), at;

	start(a, 200, NULL, (int64_t)(2 * n));
	for (at = 0; at < n; at += PIECE)
		put(a, piece, n - at < PIECE ? (size_t)(n - at) : PIECE);
	wasi_io_streams_output_stream_drop_own(a->stream);
	wasi_http_types_outgoing_body_drop_own(a->body);
}

static void
wrong_length(struct answer *a, struct asked *q)
{
	start(a, 200, NULL, q->path[1] == 's' ? 11 : 9);
	put(a, (const uint8_t *)"0123456789", 10);
	end(a, NULL);
}

static void
none(struct answer *a, struct asked *q)
{
	(void)q;
	wasi_http_types_response_outparam_drop_own(a->out);
}

static void
error(struct answer *a, struct asked *q)
{
	wasi_http_types_result_own_outgoing_response_error_code_t result = {
		.is_err = true };

	(void)q;
	result.val.err.tag = WASI_HTTP_TYPES_ERROR_CODE_CONFIGURATION_ERROR;
	wasi_http_types_static_response_outparam_set(a->out, &result);
}

static void
trap(struct answer *a, struct asked *q)
{
	(void)a;
	(void)q;
	__builtin_trap();
}

static void
trap_late(struct answer *a, struct asked *q)
{
	(void)q;
	start(a, 200, "text/plain", -1);
	put(a, (const uint8_t *)"half", 4);
	__builtin_trap();
}

static void
spin(struct answer *a, struct asked *q)
{
	volatile unsigned turns = 0;

	(void)a;
	(void)q;
	for (;;)
		turns++;
}

static void
hog(struct answer *a, struct asked *q)
{
	size_t n = 0;
	char *p;

	(void)q;
	while ((p = malloc(1 << 20)) && ++n < 65536)
		memset(p, 1, 1 << 20);
	text(a, 507, "no more memory\n");
}

static const struct {
	const char *word;
	void (*make)(struct answer *, struct asked *);
} routes[] = {
	{ "", hello }, { "hello", hello }, { "echo", echo }, { "slow", slow },
	{ "big", big }, { "headers", headers }, { "status", status },
	{ "trailers", trailers }, { "out", out }, { "cut", cut },
	{ "short", wrong_length }, { "long", wrong_length }, { "none", none },
	{ "error", error }, { "trap", trap }, { "trap-late", trap_late },
	{ "spin", spin }, { "hog", hog }, { "count", count },
};

void
exports_wasi_http_incoming_handler_handle(
    wasi_http_types_own_incoming_request_t request,
    wasi_http_types_own_response_outparam_t response_out)
{
	static struct asked q;
	struct answer a = { .out = response_out };
	wit_string_t path;
	size_t i, n;

	requests_seen++;
	q.request = request;
	q.path[0] = '/';
	if (wasi_http_types_method_incoming_request_path_with_query(
	    wasi_http_types_borrow_incoming_request(request), &path)) {
		n = path.len < sizeof(q.path) ? path.len : sizeof(q.path) - 1;
		memcpy(q.path, path.ptr, n);
		wit_string_free(&path);
	}
	n = strcspn(q.path + 1, "/?");
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strlen(routes[i].word) == n &&
		    !memcmp(routes[i].word, q.path + 1, n))
			break;
	if (i < sizeof(routes) / sizeof(routes[0]))
		routes[i].make(&a, &q);
	else
		text(&a, 404, "no such thing\n");
}
