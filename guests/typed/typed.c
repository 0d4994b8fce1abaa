/*
 * typed.c - functions over every value type, for tests of typed calls; the ABI by hand.
 * A list is returned as it came, whatever it is of, so one function serves many.
 */
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(module, name) \
	__attribute__((import_module(module), import_name(name)))
#define VALUES "writ:test/values@0.1.0#"

IMPORT("[export]writ:test/values@0.1.0", "[resource-new]counter")
int counter_new(void *rep);
IMPORT("[export]writ:test/values@0.1.0", "[resource-rep]counter")
void *counter_rep(int handle);
IMPORT("[export]writ:test/values@0.1.0", "[resource-drop]counter")
void counter_drop(int handle);
IMPORT("wasi:cli/exit@0.2.12", "exit") void wasi_exit(int failed);

struct slice {
	const void *ptr;
	size_t len;
};

struct answer {
	uint8_t tag;
	union {
		int64_t n;
		struct slice s;
	};
};

struct small_answer {
	uint8_t tag;
	struct slice s;
};

struct point {
	int32_t x, y;
	uint8_t labelled;
	struct slice label;
};

extern unsigned char __heap_base;
static uintptr_t top;
static uint32_t remembered;

EXPORT("cabi_realloc") void *
cabi_realloc(void *old, size_t old_len, size_t align, size_t len)
{
	uintptr_t at = top ? top : (uintptr_t)&__heap_base;

	at = (at + align - 1) & ~(uintptr_t)(align - 1);
	top = at + len;
	while (top > __builtin_wasm_memory_size(0) * 65536)
		if (__builtin_wasm_memory_grow(0, 1 + len / 65536) ==
		    (size_t)-1)
			__builtin_trap();
	for (size_t i = 0; i < old_len && i < len; i++)
		((char *)at)[i] = ((char *)old)[i];
	return (void *)at;
}

static void *
alloc(size_t len)
{
	return cabi_realloc(NULL, 0, 8, len);
}

#define RELEASE(name) \
	EXPORT("cabi_post_" name) void
/* One call's memory is free for the next, unless a resource lives in it. */
static unsigned counters;
static void
release(void)
{
	if (counters == 0)
		top = 0;
}

static struct slice *
slice(const void *ptr, size_t len)
{
	struct slice *s = alloc(sizeof(*s));

	*s = (struct slice){ ptr, len };
	return s;
}

#define ECHO_LIST(ident, name) \
	EXPORT(VALUES name) struct slice *ident(const void *p, size_t n) \
	{ return slice(p, n); } \
	RELEASE(VALUES name) ident##_post(void *p) { release(); }
ECHO_LIST(echo_all, "echo-all")
ECHO_LIST(echo_texts, "echo-texts")
ECHO_LIST(echo_bytes, "echo-bytes")

#define ECHO(ident, name, type) \
	EXPORT(VALUES name) type ident(type n) { return n; }
ECHO(echo_u64, "echo-u64", uint64_t)
ECHO(echo_s64, "echo-s64", int64_t)
ECHO(echo_u8, "echo-u8", uint32_t)
ECHO(echo_f32, "echo-f32", float)
ECHO(echo_f64, "echo-f64", double)
ECHO(echo_char, "echo-char", uint32_t)

EXPORT(VALUES "move-by") struct point *
move_by(int32_t x, int32_t y, int labelled, const char *p, size_t n, int32_t by)
{
	struct point *to = alloc(sizeof(*to));

	*to = (struct point){ x + by, y + by, (uint8_t)labelled, { p, n } };
	return to;
}

/* "" opens; else err green.  result<_, color> is two flat values. */
EXPORT(VALUES "open") uint8_t *
open_(const char *p, size_t n)
{
	uint8_t *answer = alloc(2);

	(void)p;
	answer[0] = n != 0;
	answer[1] = 1;
	return answer;
}

EXPORT(VALUES "[constructor]counter") int
counter(uint32_t start)
{
	uint32_t *n = alloc(sizeof(*n));

	counters++;
	*n = start;
	return counter_new(n);
}

EXPORT(VALUES "[method]counter.increment") uint32_t
increment(uint32_t *self, uint32_t by)
{
	return *self += by;
}

EXPORT(VALUES "[static]counter.merge") int
merge(int into, uint32_t *other)
{
	*(uint32_t *)counter_rep(into) += *other;
	return into;
}

EXPORT(VALUES "[dtor]counter") void
counter_dtor(void *rep)
{
	(void)rep;
	counters--;
}

EXPORT("add") uint32_t
add(uint32_t a, uint32_t b)
{
	return a + b;
}

EXPORT("greet") struct slice *
greet(const char *name, size_t n)
{
	static const char hello[] = "hello, ";
	char *text = alloc(sizeof(hello) - 1 + n);

	for (size_t i = 0; i < sizeof(hello) - 1; i++)
		text[i] = hello[i];
	for (size_t i = 0; i < n; i++)
		text[sizeof(hello) - 1 + i] = name[i];
	return slice(text, sizeof(hello) - 1 + n);
}
RELEASE("greet") greet_post(void *p) { release(); }

EXPORT("check") struct small_answer *
check(const char *p, size_t n)
{
	struct small_answer *a = alloc(sizeof(*a));

	*a = (struct small_answer){ 0, { p, n } };
	if (n == 0)
		*a = (struct small_answer){ 1, { "empty", 5 } };
	return a;
}

EXPORT("divide") struct answer *
divide(int64_t a, int64_t b)
{
	struct answer *answer = alloc(sizeof(*answer));

	if (b == 0 || (a == INT64_MIN && b == -1)) {
		answer->tag = 1;
		answer->s = (struct slice){ "no such number", 14 };
	} else {
		answer->tag = 0;
		answer->n = a / b;
	}
	return answer;
}

EXPORT("remember") uint32_t
remember(uint32_t n)
{
	uint32_t last = remembered;

	remembered = n;
	return last;
}

EXPORT("fill") struct slice *
fill(uint32_t n)
{
	char *text = alloc(n);

	__builtin_memset(text, 'x', n);
	return slice(text, n);
}
RELEASE("fill") fill_post(void *p) { release(); }

EXPORT("fill-list") struct slice *
fill_list(uint32_t n)
{
	return slice(alloc(2 * n), n);
}
RELEASE("fill-list") fill_list_post(void *p) { release(); }

EXPORT("nothing") void
nothing(void)
{
}

EXPORT("leave") void
leave(int well)
{
	wasi_exit(!well);
	__builtin_trap();
}

EXPORT("trap") void
trap(void)
{
	__builtin_trap();
}

EXPORT("spin") void
spin(void)
{
	for (volatile int forever = 1; forever;)
		;
}
