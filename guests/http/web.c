#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web.h"

#define PIECE_MAX 65536

static const char *const codes[] = {
	"DNS-timeout", "DNS-error", "destination-not-found", "destination-unavailable",
	"destination-IP-prohibited", "destination-IP-unroutable", "connection-refused",
	"connection-terminated", "connection-timeout", "connection-read-timeout",
	"connection-write-timeout", "connection-limit-reached", "TLS-protocol-error",
	"TLS-certificate-error", "TLS-alert-received", "HTTP-request-denied",
	"HTTP-request-length-required", "HTTP-request-body-size", "HTTP-request-method-invalid",
	"HTTP-request-URI-invalid", "HTTP-request-URI-too-long",
	"HTTP-request-header-section-size", "HTTP-request-header-size",
	"HTTP-request-trailer-section-size", "HTTP-request-trailer-size",
	"HTTP-response-incomplete", "HTTP-response-header-section-size",
	"HTTP-response-header-size", "HTTP-response-body-size",
	"HTTP-response-trailer-section-size", "HTTP-response-trailer-size",
	"HTTP-response-transfer-coding", "HTTP-response-content-coding",
	"HTTP-response-timeout", "HTTP-upgrade-failed", "HTTP-protocol-error", "loop-detected",
	"configuration-error", "internal-error"
};

struct web_text
web_str(const char *s)
{
	struct web_text t = { s, s ? strlen(s) : 0 };

	return t;
}

static wit_string_t
wit(struct web_text t)
{
	wit_string_t s = { (uint8_t *)(t.ptr ? t.ptr : ""), t.len };

	return s;
}

void
web_error(const wasi_http_types_error_code_t *e, char word[WEB_WORD_MAX])
{
	const char *name = e->tag < sizeof(codes) / sizeof(codes[0]) ?
	    codes[e->tag] : "?";
	const wit_string_t *text = NULL;

	switch (e->tag) {
	case WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR:
		if (e->val.internal_error.is_some)
			text = &e->val.internal_error.val;
		break;
	case WASI_HTTP_TYPES_ERROR_CODE_DNS_ERROR:
		if (e->val.dns_error.rcode.is_some)
			text = &e->val.dns_error.rcode.val;
		break;
	case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_BODY_SIZE:
	case WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_BODY_SIZE:
		if (e->val.http_request_body_size.is_some) {
			snprintf(word, WEB_WORD_MAX, "%s %llu", name,
			    (unsigned long long)e->val.http_request_body_size.val);
			return;
		}
		break;
	case WASI_HTTP_TYPES_ERROR_CODE_TLS_ALERT_RECEIVED:
		if (e->val.tls_alert_received.alert_id.is_some) {
			snprintf(word, WEB_WORD_MAX, "%s %u", name,
			    e->val.tls_alert_received.alert_id.val);
			return;
		}
		break;
	default:
		break;
	}
	if (text && text->len)
		snprintf(word, WEB_WORD_MAX, "%s %.*s", name,
		    (int)(text->len > 100 ? 100 : text->len), (const char *)text->ptr);
	else
		snprintf(word, WEB_WORD_MAX, "%s", name);
}

bool
web_fields(const struct web_field *fields, size_t count,
    wasi_http_types_own_fields_t *out, char word[WEB_WORD_MAX])
{
	static const char *const why[] = { "invalid-syntax", "forbidden", "immutable" };
	wasi_http_types_header_error_t err;
	size_t i;

	*out = wasi_http_types_constructor_fields();
	for (i = 0; i < count; i++) {
		wit_string_t name = wit(fields[i].name);
		wasi_http_types_field_value_t value = {
			(uint8_t *)(fields[i].value.ptr ? fields[i].value.ptr : ""),
			fields[i].value.len };

		if (wasi_http_types_method_fields_append(
		    wasi_http_types_borrow_fields(*out), &name, &value, &err))
			continue;
		snprintf(word, WEB_WORD_MAX, "field %zu %s", i,
		    err.tag < 3 ? why[err.tag] : "?");
		wasi_http_types_fields_drop_own(*out);
		return false;
	}
	return true;
}

void
web_pattern(uint8_t *p, size_t n, uint64_t at)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)((at + i) % 251);
}

uint64_t
web_hash(uint64_t hash, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ull;
	return hash;
}

void
web_sleep(uint64_t ns)
{
	wasi_io_poll_own_pollable_t p;

	if (!ns)
		return;
	p = wasi_clocks_monotonic_clock_subscribe_duration(ns);
	wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(p));
	wasi_io_poll_pollable_drop_own(p);
}

bool
web_url(const char *url, struct web_ask *ask)
{
	const char *at = strstr(url, "://"), *path;

	if (!at)
		return false;
	ask->scheme.ptr = url;
	ask->scheme.len = (size_t)(at - url);
	at += 3;
	path = at + strcspn(at, "/?#");
	ask->authority.ptr = at;
	ask->authority.len = (size_t)(path - at);
	ask->path = web_str(*path ? path : "/");
	return true;
}

/* ---- what is asked for */

static void
make_method(struct web_text text, wasi_http_types_method_t *m)
{
	static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT",
		"OPTIONS", "TRACE", "PATCH" };
	uint8_t i;

	for (i = 0; i < 9; i++)
		if (text.len == strlen(names[i]) &&
		    !memcmp(text.ptr, names[i], text.len))
			break;
	m->tag = i;
	if (i == 9)
		m->val.other = wit(text);
}

static void
make_scheme(struct web_text text, wasi_http_types_scheme_t *s)
{
	if (text.len == 4 && !memcmp(text.ptr, "http", 4)) {
		s->tag = WASI_HTTP_TYPES_SCHEME_HTTP;
	} else if (text.len == 5 && !memcmp(text.ptr, "https", 5)) {
		s->tag = WASI_HTTP_TYPES_SCHEME_HTTPS;
	} else {
		s->tag = WASI_HTTP_TYPES_SCHEME_OTHER;
		s->val.other = wit(text);
	}
}

static const char *
set_parts(const struct web_ask *ask, wasi_http_types_own_outgoing_request_t request)
{
	wasi_http_types_borrow_outgoing_request_t r =
	    wasi_http_types_borrow_outgoing_request(request);
	wasi_http_types_method_t method;
	wasi_http_types_scheme_t scheme;
	wit_string_t authority = wit(ask->authority), path = wit(ask->path);

	make_method(ask->method, &method);
	if (!wasi_http_types_method_outgoing_request_set_method(r, &method))
		return "method";
	make_scheme(ask->scheme, &scheme);
	if (!wasi_http_types_method_outgoing_request_set_scheme(r,
	    ask->scheme.ptr ? &scheme : NULL))
		return "scheme";
	if (!wasi_http_types_method_outgoing_request_set_authority(r,
	    ask->authority.ptr ? &authority : NULL))
		return "authority";
	if (!wasi_http_types_method_outgoing_request_set_path_with_query(r,
	    ask->path.ptr ? &path : NULL))
		return "path";
	return NULL;
}

static const char *
set_options(const struct web_ask *ask, wasi_http_types_own_request_options_t options)
{
	wasi_http_types_borrow_request_options_t o =
	    wasi_http_types_borrow_request_options(options);
	wasi_http_types_duration_t t[3] = { ask->timeouts[0], ask->timeouts[1],
		ask->timeouts[2] };

	if (ask->has_timeout[0] &&
	    !wasi_http_types_method_request_options_set_connect_timeout(o, &t[0]))
		return "connect-timeout";
	if (ask->has_timeout[1] &&
	    !wasi_http_types_method_request_options_set_first_byte_timeout(o, &t[1]))
		return "first-byte-timeout";
	if (ask->has_timeout[2] &&
	    !wasi_http_types_method_request_options_set_between_bytes_timeout(o, &t[2]))
		return "between-bytes-timeout";
	return NULL;
}

static void
refuse(struct web_flight *f, const char *where)
{
	f->state = WEB_REFUSED;
	snprintf(f->word, sizeof(f->word), "%s", where);
}

static void
fail(struct web_flight *f, const wasi_http_types_error_code_t *e)
{
	f->state = WEB_FAILED;
	web_error(e, f->word);
}

/* The request as it will be handed over; false: refused. */
static bool
build(struct web_flight *f, wasi_http_types_own_outgoing_request_t *request)
{
	const struct web_ask *ask = f->ask;
	wasi_http_types_own_fields_t fields;
	const char *bad;

	if (!web_fields(ask->fields, ask->fields_count, &fields, f->word)) {
		f->state = WEB_REFUSED;
		return false;
	}
	*request = wasi_http_types_constructor_outgoing_request(fields);
	bad = set_parts(ask, *request);
	if (!bad && ask->has_body) {
		wasi_http_types_borrow_outgoing_request_t r =
		    wasi_http_types_borrow_outgoing_request(*request);

		f->has_out = wasi_http_types_method_outgoing_request_body(r, &f->out);
		f->has_out_stream = f->has_out &&
		    wasi_http_types_method_outgoing_body_write(
		    wasi_http_types_borrow_outgoing_body(f->out), &f->out_stream);
		if (!f->has_out_stream)
			bad = "body";
	}
	if (bad) {
		wasi_http_types_outgoing_request_drop_own(*request);
		refuse(f, bad);
	}
	return !bad;
}

void
web_send(const struct web_ask *ask, struct web_flight *f)
{
	wasi_http_types_own_outgoing_request_t request;
	wasi_http_types_own_request_options_t options;
	wasi_http_types_own_fields_t kept = { 0 };
	wasi_http_types_error_code_t err;
	bool timed = ask->has_timeout[0] || ask->has_timeout[1] || ask->has_timeout[2];
	const char *bad;

	f->ask = ask;
	f->hash = WEB_HASH_START;
	if (!build(f, &request))
		return;
	if (timed) {
		options = wasi_http_types_constructor_request_options();
		bad = set_options(ask, options);
		if (bad) {
			wasi_http_types_outgoing_request_drop_own(request);
			wasi_http_types_request_options_drop_own(options);
			refuse(f, bad);
			return;
		}
	}
	if (ask->keep_fields)
		kept = wasi_http_types_method_outgoing_request_headers(
		    wasi_http_types_borrow_outgoing_request(request));
	if (!wasi_http_outgoing_handler_handle(request, timed ? &options : NULL,
	    &f->future, &err)) {
		fail(f, &err);
		wasi_http_types_error_code_free(&err);
		return;
	}
	f->has_future = true;
	f->state = WEB_SENT;
	if (ask->keep_fields) {
		if (f->on_fields)
			f->on_fields(f->ctx, 2, wasi_http_types_borrow_fields(kept));
		wasi_http_types_fields_drop_own(kept);
	}
}

/* ---- the body that goes out */

static void
out_failed(struct web_flight *f, wasi_io_streams_stream_error_t *err)
{
	wasi_http_types_error_code_t code;

	snprintf(f->out_word, sizeof(f->out_word), "closed");
	if (err->tag == WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED) {
		snprintf(f->out_word, sizeof(f->out_word), "failed");
		if (wasi_http_types_http_error_code(wasi_io_error_borrow_error(
		    err->val.last_operation_failed), &code)) {
			web_error(&code, f->out_word);
			wasi_http_types_error_code_free(&code);
		}
		wasi_io_streams_stream_error_free(err);
	}
	wasi_io_streams_output_stream_drop_own(f->out_stream);
	f->has_out_stream = false;
}

/* All bytes are written: trailers, and the end. */
static void
out_finish(struct web_flight *f)
{
	wasi_http_types_own_fields_t fields;
	wasi_http_types_error_code_t err;
	char word[WEB_WORD_MAX];
	bool trailers = f->ask->trailers_count > 0;

	wasi_io_streams_output_stream_drop_own(f->out_stream);
	f->has_out_stream = false;
	if (f->ask->drop == WEB_DROP_BODY)
		return;
	if (trailers && !web_fields(f->ask->trailers, f->ask->trailers_count, &fields,
	    word)) {
		snprintf(f->out_word, sizeof(f->out_word), "trailer %s", word);
		wasi_http_types_outgoing_body_drop_own(f->out);
		f->has_out = false;
		return;
	}
	f->has_out = false;
	if (!wasi_http_types_static_outgoing_body_finish(f->out,
	    trailers ? &fields : NULL, &err)) {
		web_error(&err, f->out_word);
		wasi_http_types_error_code_free(&err);
	}
}

static size_t
out_piece(struct web_flight *f, uint64_t room, wit_list_u8_t *piece)
{
	static uint8_t bytes[PIECE_MAX];
	const struct web_ask *ask = f->ask;
	uint64_t whole = ask->body.ptr ? ask->body.len : ask->body_size;
	uint64_t n = whole - f->sent;

	if (n > room)
		n = room;
	if (ask->chunk && n > ask->chunk)
		n = ask->chunk;
	if (n > PIECE_MAX)
		n = PIECE_MAX;
	if (ask->body.ptr)
		memcpy(bytes, ask->body.ptr + f->sent, (size_t)n);
	else
		web_pattern(bytes, (size_t)n, f->sent);
	piece->ptr = bytes;
	piece->len = (size_t)n;
	return (size_t)n;
}

static uint64_t
out_whole(const struct web_flight *f)
{
	uint64_t whole = f->ask->body.ptr ? f->ask->body.len : f->ask->body_size;

	/* given up half way */
	return f->ask->drop == WEB_DROP_BODY ? whole / 2 : whole;
}

/* True: it got on. */
static bool
out_step(struct web_flight *f)
{
	wasi_io_streams_borrow_output_stream_t s;
	wasi_io_streams_stream_error_t err;
	wit_list_u8_t piece;
	uint64_t room;

	if (!f->has_out_stream)
		return false;
	s = wasi_io_streams_borrow_output_stream(f->out_stream);
	if (f->sent >= out_whole(f)) {
		/* what was written must be gone before the stream is dropped */
		if (!wasi_io_streams_method_output_stream_flush(s, &err)) {
			out_failed(f, &err);
			return true;
		}
		out_finish(f);
		return true;
	}
	if (!wasi_io_streams_method_output_stream_check_write(s, &room, &err)) {
		out_failed(f, &err);
		return true;
	}
	if (!room)
		return false;
	web_sleep(f->ask->pause_ns);
	f->sent += out_piece(f, room, &piece);
	if (!wasi_io_streams_method_output_stream_write(s, &piece, &err))
		out_failed(f, &err);
	return true;
}

/* ---- the answer */

static void
take_response(struct web_flight *f)
{
	wasi_http_types_own_fields_t fields;
	wasi_http_types_borrow_incoming_response_t r =
	    wasi_http_types_borrow_incoming_response(f->response);

	f->status = wasi_http_types_method_incoming_response_status(r);
	fields = wasi_http_types_method_incoming_response_headers(r);
	if (f->on_fields)
		f->on_fields(f->ctx, 0, wasi_http_types_borrow_fields(fields));
	wasi_http_types_fields_drop_own(fields);
	if (f->ask->drop == WEB_DROP_RESPONSE) {
		f->state = WEB_DROPPED;
		return;
	}
	f->has_in = wasi_http_types_method_incoming_response_consume(r, &f->in);
	f->has_in_stream = f->has_in && wasi_http_types_method_incoming_body_stream(
	    wasi_http_types_borrow_incoming_body(f->in), &f->in_stream);
	if (!f->has_in_stream)
		refuse(f, "consume");
	else
		f->state = WEB_READING;
}

static bool
head_step(struct web_flight *f)
{
	wasi_http_types_result_result_own_incoming_response_error_code_void_t got;

	if (f->ask->drop == WEB_DROP_FUTURE) {
		f->state = WEB_DROPPED;
		return true;
	}
	if (!wasi_http_types_method_future_incoming_response_get(
	    wasi_http_types_borrow_future_incoming_response(f->future), &got))
		return false;
	if (got.is_err) {
		refuse(f, "future taken");
	} else if (got.val.ok.is_err) {
		fail(f, &got.val.ok.val.err);
		wasi_http_types_error_code_free(&got.val.ok.val.err);
	} else {
		f->response = got.val.ok.val.ok;
		f->has_response = true;
		take_response(f);
	}
	return true;
}

static void
in_ended(struct web_flight *f, wasi_io_streams_stream_error_t *err)
{
	wasi_http_types_error_code_t code;

	wasi_io_streams_input_stream_drop_own(f->in_stream);
	f->has_in_stream = false;
	if (err->tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED) {
		f->trailers = wasi_http_types_static_incoming_body_finish(f->in);
		f->has_in = false;
		f->has_trailers = true;
		f->state = WEB_TRAILERS;
		return;
	}
	f->state = WEB_FAILED;
	snprintf(f->word, sizeof(f->word), "body failed");
	if (wasi_http_types_http_error_code(wasi_io_error_borrow_error(
	    err->val.last_operation_failed), &code)) {
		web_error(&code, f->word);
		wasi_http_types_error_code_free(&code);
	}
	wasi_io_streams_stream_error_free(err);
}

static bool
in_step(struct web_flight *f)
{
	wasi_io_streams_stream_error_t err;
	wit_list_u8_t bytes;

	web_sleep(f->ask->lag_ns);
	if (!wasi_io_streams_method_input_stream_read(
	    wasi_io_streams_borrow_input_stream(f->in_stream),
	    f->ask->chunk ? f->ask->chunk : PIECE_MAX, &bytes, &err)) {
		in_ended(f, &err);
		return true;
	}
	if (!bytes.len)
		return false;
	f->got += bytes.len;
	f->hash = web_hash(f->hash, bytes.ptr, bytes.len);
	if (f->on_bytes)
		f->on_bytes(f->ctx, bytes.ptr, bytes.len);
	wit_list_u8_free(&bytes);
	if (f->ask->drop == WEB_DROP_STREAM && f->got >= f->ask->drop_after)
		f->state = WEB_DROPPED;
	return true;
}

static bool
trailers_step(struct web_flight *f)
{
	wasi_http_types_result_result_option_own_trailers_error_code_void_t got;

	if (!wasi_http_types_method_future_trailers_get(
	    wasi_http_types_borrow_future_trailers(f->trailers), &got))
		return false;
	f->state = WEB_DONE;
	if (got.is_err) {
		refuse(f, "trailers taken");
	} else if (got.val.ok.is_err) {
		fail(f, &got.val.ok.val.err);
		wasi_http_types_error_code_free(&got.val.ok.val.err);
	} else if (got.val.ok.val.ok.is_some) {
		wasi_http_types_own_fields_t fields = got.val.ok.val.ok.val;

		if (f->on_fields)
			f->on_fields(f->ctx, 1, wasi_http_types_borrow_fields(fields));
		wasi_http_types_fields_drop_own(fields);
	}
	return true;
}

static bool
in_flight(const struct web_flight *f)
{
	return f->state == WEB_SENT || f->state == WEB_READING ||
	    f->state == WEB_TRAILERS;
}

bool
web_step(struct web_flight *f)
{
	bool on = true;

	while (on && in_flight(f)) {
		on = out_step(f);
		if (f->ask->drop == WEB_DROP_STARTED && f->sent > 0)
			f->state = WEB_DROPPED;
		if (f->ask->drop == WEB_DROP_BODY && !f->has_out_stream && f->has_out) {
			wasi_http_types_outgoing_body_drop_own(f->out);
			f->has_out = false;
		}
		if (f->state == WEB_SENT)
			on |= head_step(f);
		else if (f->state == WEB_READING)
			on |= in_step(f);
		else if (f->state == WEB_TRAILERS)
			on |= trailers_step(f);
	}
	return in_flight(f);
}

void
web_wait(struct web_flight *f)
{
	wasi_io_poll_own_pollable_t own[2];
	wasi_io_poll_borrow_pollable_t borrowed[2];
	wasi_io_poll_list_borrow_pollable_t list = { borrowed, 0 };
	wit_list_u32_t ready;
	size_t i;

	if (f->has_out_stream)
		own[list.len++] = wasi_io_streams_method_output_stream_subscribe(
		    wasi_io_streams_borrow_output_stream(f->out_stream));
	if (f->state == WEB_SENT)
		own[list.len++] = wasi_http_types_method_future_incoming_response_subscribe(
		    wasi_http_types_borrow_future_incoming_response(f->future));
	else if (f->state == WEB_READING)
		own[list.len++] = wasi_io_streams_method_input_stream_subscribe(
		    wasi_io_streams_borrow_input_stream(f->in_stream));
	else if (f->state == WEB_TRAILERS)
		own[list.len++] = wasi_http_types_method_future_trailers_subscribe(
		    wasi_http_types_borrow_future_trailers(f->trailers));
	if (!list.len)
		return;
	for (i = 0; i < list.len; i++)
		borrowed[i] = wasi_io_poll_borrow_pollable(own[i]);
	wasi_io_poll_poll(&list, &ready);
	wit_list_u32_free(&ready);
	for (i = 0; i < list.len; i++)
		wasi_io_poll_pollable_drop_own(own[i]);
}

void
web_land(struct web_flight *f)
{
	while (web_step(f))
		web_wait(f);
	if (f->has_out_stream)
		wasi_io_streams_output_stream_drop_own(f->out_stream);
	if (f->has_out)
		wasi_http_types_outgoing_body_drop_own(f->out);
	if (f->has_in_stream)
		wasi_io_streams_input_stream_drop_own(f->in_stream);
	if (f->has_in)
		wasi_http_types_incoming_body_drop_own(f->in);
	if (f->has_trailers)
		wasi_http_types_future_trailers_drop_own(f->trailers);
	if (f->has_response)
		wasi_http_types_incoming_response_drop_own(f->response);
	if (f->has_future)
		wasi_http_types_future_incoming_response_drop_own(f->future);
	f->has_out_stream = f->has_out = f->has_in_stream = f->has_in = false;
	f->has_trailers = f->has_response = f->has_future = false;
}
