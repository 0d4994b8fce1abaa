/*
 * web.h - wasi:http as C programs want it, over the bindings that wit-bindgen made (wit.h).
 * One web_flight is one request on its way; nothing here blocks but web_wait and
 * web_land.  Used by the client tool, the test driver, the server.
 */
#ifndef WEB_H
#define WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wit.h"

#define WEB_FIELDS_MAX 4096
#define WEB_WORD_MAX 160

struct web_text {
	const char *ptr;		/* NULL: none */
	size_t len;
};

struct web_field {
	struct web_text name, value;
};

/* Where a request is given up. */
enum web_drop {
	WEB_DROP_NONE, WEB_DROP_BODY, WEB_DROP_FUTURE, WEB_DROP_RESPONSE,
	WEB_DROP_STREAM, WEB_DROP_STARTED
};

/** What to send.  Nothing is checked here. */
struct web_ask {
	struct web_text method, scheme, authority, path;
	struct web_field fields[64];
	size_t fields_count;
	struct web_field trailers[16];
	size_t trailers_count;
	bool has_body;
	struct web_text body;		/* ptr NULL: `body_size` bytes of a pattern */
	uint64_t body_size;
	uint64_t timeouts[3];		/* ns: connect, first byte, between bytes */
	bool has_timeout[3];
	uint64_t chunk;			/* bytes a read or write at most; 0: any */
	uint64_t pause_ns;		/* before each write */
	uint64_t lag_ns;		/* before each read */
	enum web_drop drop;
	uint64_t drop_after;		/* bytes of the response */
	bool keep_fields;		/* look at the request's fields after sending */
};

enum web_state { WEB_REFUSED, WEB_FAILED, WEB_SENT, WEB_READING, WEB_TRAILERS, WEB_DONE,
	WEB_DROPPED };

struct web_flight {
	const struct web_ask *ask;
	enum web_state state;
	char word[WEB_WORD_MAX];	/* why it was refused or failed, or dropped */
	wasi_http_types_own_future_incoming_response_t future;
	bool has_future;
	wasi_http_types_own_outgoing_body_t out;
	wasi_io_streams_own_output_stream_t out_stream;
	bool has_out, has_out_stream;
	uint64_t sent;
	char out_word[WEB_WORD_MAX];	/* why the body could not be sent whole */
	unsigned status;
	wasi_http_types_own_incoming_response_t response;
	wasi_http_types_own_incoming_body_t in;
	wasi_io_streams_own_input_stream_t in_stream;
	wasi_http_types_own_future_trailers_t trailers;
	bool has_response, has_in, has_in_stream, has_trailers;
	uint64_t got, hash;
	/* called for each response's fields (which: 0), trailers (1), own fields after sending (2) */
	void (*on_fields)(void *ctx, int which, wasi_http_types_borrow_fields_t fields);
	void (*on_bytes)(void *ctx, const uint8_t *p, size_t n);
	void *ctx;
};

/** Build and hand over the request; the state tells how far it came. */
void web_send(const struct web_ask *ask, struct web_flight *f);
/** Do what can be done without waiting; false: it is over. */
bool web_step(struct web_flight *f);
/** Wait until a step may do something. */
void web_wait(struct web_flight *f);
/** Step and wait until it is over, then let go of all. */
void web_land(struct web_flight *f);

/** The code's name as in the WIT, with its numbers and words. */
void web_error(const wasi_http_types_error_code_t *e, char word[WEB_WORD_MAX]);
/** Fields from a list, appended one by one; false: `word` says which was refused and why. */
bool web_fields(const struct web_field *fields, size_t count,
    wasi_http_types_own_fields_t *out, char word[WEB_WORD_MAX]);
void web_sleep(uint64_t ns);
/** n bytes of the pattern that test origins also know, from offset `at`. */
void web_pattern(uint8_t *p, size_t n, uint64_t at);
uint64_t web_hash(uint64_t hash, const uint8_t *p, size_t n);
/** "http://host:port/path" in its parts, nothing checked; false: no "://". */
bool web_url(const char *url, struct web_ask *ask);
struct web_text web_str(const char *s);

#define WEB_HASH_START 0xcbf29ce484222325ull

#endif
