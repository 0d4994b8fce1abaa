/*
 * answer.c - the peer of echo.c for `wasmtime serve`: reads the request's body and answers
 * with the same bytes; the ABI by hand.  What it holds goes with its instance.
 */
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(module, name) \
	__attribute__((import_module(module), import_name(name)))
#define TYPES "wasi:http/types@0.2.12"
#define STREAMS "wasi:io/streams@0.2.12"

enum { BODY_MAX = 16 * 1024 };

/* result<handle> and result<list<u8>, stream-error>, as they come back. */
struct handle {
	uint8_t failed;
	int32_t is;
};

struct bytes {
	uint8_t failed;
	union {
		struct {
			const uint8_t *ptr;
			size_t len;
		} read;
		struct {
			uint8_t closed;
			int32_t error;
		} why;
	};
};

IMPORT(TYPES, "[method]incoming-request.consume")
void request_consume(int32_t request, struct handle *body);
IMPORT(TYPES, "[method]incoming-body.stream")
void body_stream(int32_t body, struct handle *stream);
IMPORT(STREAMS, "[method]input-stream.blocking-read")
void stream_read(int32_t stream, uint64_t len, struct bytes *got);
IMPORT(TYPES, "[constructor]fields") int32_t fields_new(void);
IMPORT(TYPES, "[constructor]outgoing-response")
int32_t response_new(int32_t fields);
IMPORT(TYPES, "[method]outgoing-response.body")
void response_body(int32_t response, struct handle *body);
IMPORT(TYPES, "[static]response-outparam.set")
void outparam_set(int32_t to, int32_t failed, int32_t response, int32_t b,
    int64_t c, int32_t d, int32_t e, int32_t f, int32_t g);
IMPORT(TYPES, "[method]outgoing-body.write")
void body_write(int32_t body, struct handle *stream);
IMPORT(STREAMS, "[method]output-stream.blocking-write-and-flush")
void stream_write(int32_t stream, const void *p, size_t n, struct bytes *got);
IMPORT(STREAMS, "[resource-drop]output-stream") void stream_drop(int32_t s);
IMPORT(TYPES, "[static]outgoing-body.finish")
void body_finish(int32_t body, int32_t has, int32_t trailers, void *got);

extern unsigned char __heap_base;

EXPORT("cabi_realloc") void *
cabi_realloc(void *old, size_t old_len, size_t align, size_t len)
{
	static uintptr_t top;
	uintptr_t at = top ? top : (uintptr_t)&__heap_base;

	at = (at + align - 1) & ~(uintptr_t)(align - 1);
	top = at + len;
	while (top > __builtin_wasm_memory_size(0) * 65536)
		if (__builtin_wasm_memory_grow(0, 1 + len / 65536) ==
		    (size_t)-1)
			__builtin_trap();
	return (void *)at;
}

static int32_t
must(struct handle h)
{
	if (h.failed)
		__builtin_trap();
	return h.is;
}

static size_t
read_body(int32_t request, uint8_t *to)
{
	struct handle h;
	struct bytes got;
	int32_t stream;
	size_t n = 0, i;

	request_consume(request, &h);
	body_stream(must(h), &h);
	stream = must(h);
	for (;;) {
		stream_read(stream, BODY_MAX - n, &got);
		if (got.failed)
			break;		/* its end */
		for (i = 0; i < got.read.len && n < BODY_MAX; i++)
			to[n++] = got.read.ptr[i];
		if (n == BODY_MAX)
			break;
	}
	return n;
}

EXPORT("wasi:http/incoming-handler@0.2.12#handle") void
handle(int32_t request, int32_t out)
{
	static uint8_t body[BODY_MAX];
	static uint64_t ignored[8];
	size_t n = read_body(request, body);
	int32_t response = response_new(fields_new()), to, stream;
	struct handle h;
	struct bytes got;

	response_body(response, &h);
	to = must(h);
	outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
	body_write(to, &h);
	stream = must(h);
	/* One such write takes at most 4096 bytes. */
	stream_write(stream, body, n < 4096 ? n : 4096, &got);
	stream_drop(stream);
	body_finish(to, 0, 0, ignored);
}
