/* test_serve_head.c - requests of tests/data/serve, read whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "worker/serve_head.h"

#define TEXT_MAX (256 * 1024)

static struct {
	char text[TEXT_MAX + 1];
	struct writ_str rest;
	unsigned cases;
} file;

static void
load(const char *name)
{
	const char *root = getenv("WRIT_TEST_DATA");
	char path[1024];
	size_t n;
	FILE *f;

	assert_non_null(root);
	(void)snprintf(path, sizeof(path), "%s/serve/%s", root, name);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(file.text, 1, TEXT_MAX, f);
	(void)fclose(f);
	file.rest = writ_str(file.text, n);
	file.cases = 0;
}

static unsigned
digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

static void
unescape(struct writ_str s, struct writ_buf *out)
{
	size_t i;

	writ_buf_reset(out);
	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\\') {
			c = s.ptr[++i];
			if (c == 'x') {
				c = (char)(digit(s.ptr[i + 1]) << 4 |
				    digit(s.ptr[i + 2]));
				i += 2;
			} else {
				c = c == 'r' ? '\r' : c == 'n' ? '\n' :
				    c == 't' ? '\t' : c;
			}
		}
		writ_buf_char(out, c);
	}
}

/* The next case: its bytes, its first line of what is expected, and the lines after that. */
static bool
next_case(struct writ_buf *bytes, struct writ_str *want, struct writ_str *more)
{
	struct writ_str line;

	do {
		if (!file.rest.len)
			return false;
		line = writ_str_cut(file.rest, '\n', &file.rest);
	} while (!line.len || line.ptr[0] != '>');
	unescape(writ_str_skip(line, 2), bytes);
	line = writ_str_cut(file.rest, '\n', &file.rest);
	assert_true(line.len > 2 && line.ptr[0] == '=');
	*want = writ_str_skip(line, 2);
	more->ptr = file.rest.ptr;
	while (file.rest.len && (file.rest.ptr[0] == '+' ||
	    file.rest.ptr[0] == '~'))
		(void)writ_str_cut(file.rest, '\n', &file.rest);
	more->len = (size_t)(file.rest.ptr - more->ptr);
	file.cases++;
	return true;
}

static void
put_fields(struct writ_buf *out, const struct writ_http_field *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		writ_buf_cstr(out, "+ ");
		writ_buf_str(out, f[i].name);
		writ_buf_cstr(out, ": ");
		writ_buf_str(out, f[i].value);
		writ_buf_char(out, '\n');
	}
}

static void
put_head(const struct writ_serve_head *h, struct writ_buf *out)
{
	struct writ_str a = h->request.authority;

	writ_buf_cstr(out, "ok ");
	writ_buf_str(out, h->request.method);
	writ_buf_char(out, ' ');
	writ_buf_str(out, a.len ? a : WRIT_STR("-"));
	writ_buf_char(out, ' ');
	writ_buf_str(out, h->request.path);
	writ_buf_char(out, '\n');
	writ_buf_cstr(out, h->http10 ? "+ http10\n" : "");
	writ_buf_cstr(out, h->close ? "+ close\n" : "");
	if (h->has_length)
		writ_buf_printf(out, "+ length %llu\n",
		    (unsigned long long)h->length);
	writ_buf_cstr(out, h->chunked ? "+ chunked\n" : "");
	writ_buf_cstr(out, h->expects ? "+ expects\n" : "");
	put_fields(out, h->request.fields, h->request.fields_count);
}

/* As a connection does it, `step` bytes at a time. */
static void
read_head(struct writ_str bytes, size_t step, struct writ_buf *out)
{
	static struct writ_serve_head head;
	struct writ_serve_scan scan = { 0 };
	enum writ_status st = WRIT_AGAIN;
	size_t have = 0, size = 0;
	uint8_t *copy;
	unsigned status;

	writ_buf_reset(out);
	while (st == WRIT_AGAIN && have < bytes.len) {
		have = bytes.len - have < step ? bytes.len : have + step;
		/* a copy of the exact size, so that a read beyond shows */
		copy = malloc(have);
		assert_non_null(copy);
		memcpy(copy, bytes.ptr, have);
		st = writ_serve_scan(&scan, copy, have, 2, &size);
		if (st == WRIT_OK) {
			status = writ_serve_head_read(copy, size, &head);
			if (status)
				writ_buf_printf(out, "%u\n", status);
			else
				put_head(&head, out);
		}
		free(copy);
	}
	if (st != WRIT_OK)
		writ_buf_cstr(out, st == WRIT_AGAIN ? "more\n" :
		    st == WRIT_LIMIT ? "431\n" : "400\n");
}

static void
compare(struct writ_str want, struct writ_str more, struct writ_buf *got,
    struct writ_str bytes)
{
	writ_auto_release(writ_buf) all, line;

	writ_buf_init(&all, TEXT_MAX);
	writ_buf_init(&line, TEXT_MAX);
	unescape(want, &line);
	writ_buf_str(&all, writ_buf_view(&line));
	writ_buf_char(&all, '\n');
	unescape(more, &line);
	writ_buf_str(&all, writ_buf_view(&line));
	if (!writ_str_eq(writ_buf_view(&all), writ_buf_view(got)))
		fail_msg("case %u, \"%.*s\": \"%.*s\", not \"%.*s\"",
		    file.cases, WRIT_STR_ARG(bytes),
		    WRIT_STR_ARG(writ_buf_view(got)),
		    WRIT_STR_ARG(writ_buf_view(&all)));
}

static void
test_serve_head__cases(void **state)
{
	writ_auto_release(writ_buf) bytes, got;
	struct writ_str want, more;

	writ_buf_init(&bytes, TEXT_MAX);
	writ_buf_init(&got, TEXT_MAX);
	load("heads.txt");
	while (next_case(&bytes, &want, &more)) {
		read_head(writ_buf_view(&bytes), SIZE_MAX / 2, &got);
		compare(want, more, &got, writ_buf_view(&bytes));
		read_head(writ_buf_view(&bytes), 1, &got);
		compare(want, more, &got, writ_buf_view(&bytes));
	}
	assert_true(file.cases > 90);
}

/* ---- bodies */

static void
put_end(const char *p, size_t len, struct writ_str trailers,
    struct writ_buf *out)
{
	struct writ_http_field fields[WRIT_HTTP_FIELDS_MAX];
	uint8_t copy[1024];
	size_t count;

	assert_true(trailers.len <= sizeof(copy));
	memcpy(copy, trailers.ptr, trailers.len);
	if (writ_serve_trailers_read(copy, trailers.len, fields, &count)) {
		writ_buf_reset(out);
		writ_buf_cstr(out, "bad\n");
		return;
	}
	writ_buf_char(out, '\n');
	put_fields(out, fields, count);
	if (!len)
		return;
	writ_buf_cstr(out, "~ ");
	writ_buf_add(out, p, len);
	writ_buf_char(out, '\n');
}

static void
read_body(struct writ_str bytes, size_t step, struct writ_buf *out)
{
	struct writ_serve_body b;
	enum writ_status st;
	size_t have = 0, done = 0, used;
	struct writ_str data;

	writ_serve_body_init(&b, &(struct writ_serve_head){ .chunked = true });
	writ_buf_reset(out);
	writ_buf_cstr(out, "ok ");
	for (;;) {
		st = writ_serve_body_take(&b, (const uint8_t *)bytes.ptr +
		    done, have - done, &used, &data);
		assert_true(done + used <= have);
		assert_true(st != WRIT_OK || data.len);
		done += used;
		if (st == WRIT_OK)
			writ_buf_str(out, data);
		else if (st != WRIT_AGAIN || have == bytes.len)
			break;
		else
			have = bytes.len - have < step ? bytes.len :
			    have + step;
	}
	if (st == WRIT_CLOSED) {
		put_end(bytes.ptr + done, bytes.len - done, data, out);
		return;
	}
	writ_buf_reset(out);
	writ_buf_cstr(out, st == WRIT_AGAIN ? "more\n" : "bad\n");
}

static void
test_serve_body__cases(void **state)
{
	writ_auto_release(writ_buf) bytes, got;
	struct writ_str want, more;

	writ_buf_init(&bytes, TEXT_MAX);
	writ_buf_init(&got, TEXT_MAX);
	load("bodies.txt");
	while (next_case(&bytes, &want, &more)) {
		read_body(writ_buf_view(&bytes), SIZE_MAX / 2, &got);
		compare(want, more, &got, writ_buf_view(&bytes));
		read_body(writ_buf_view(&bytes), 1, &got);
		compare(want, more, &got, writ_buf_view(&bytes));
	}
	assert_true(file.cases > 30);
}

static void
test_serve_body__a_length_is_exact(void **state)
{
	struct writ_serve_head head = { .has_length = true, .length = 3 };
	struct writ_serve_body b;
	struct writ_str data;
	size_t used;

	writ_serve_body_init(&b, &head);
	assert_int_equal(writ_serve_body_take(&b, (const uint8_t *)"ab", 2,
	    &used, &data), WRIT_OK);
	assert_int_equal(used, 2);
	assert_int_equal(writ_serve_body_take(&b, (const uint8_t *)"", 0,
	    &used, &data),
	    WRIT_AGAIN);
	assert_int_equal(writ_serve_body_take(&b, (const uint8_t *)"cGET", 4,
	    &used, &data), WRIT_OK);
	assert_int_equal(used, 1);
	assert_int_equal(writ_serve_body_take(&b, (const uint8_t *)"GET", 3,
	    &used, &data), WRIT_CLOSED);
	assert_int_equal(used, 0);
}

/* ---- bounds */

static void
head_of(struct writ_buf *b, unsigned fields, size_t target, size_t value)
{
	unsigned i;
	size_t j;

	writ_buf_reset(b);
	writ_buf_cstr(b, "GET /");
	for (j = 1; j < target; j++)
		writ_buf_char(b, 'a');
	writ_buf_cstr(b, " HTTP/1.1\r\nHost: a\r\n");
	for (i = 1; i < fields; i++) {
		writ_buf_printf(b, "X-%u: ", i);
		for (j = 0; j < value; j++)
			writ_buf_char(b, 'v');
		writ_buf_cstr(b, "\r\n");
	}
	writ_buf_cstr(b, "\r\n");
}

static void
assert_begins(struct writ_buf *b, const char *want)
{
	writ_auto_release(writ_buf) got;

	writ_buf_init(&got, TEXT_MAX);
	read_head(writ_buf_view(b), 1000, &got);
	if (!writ_str_starts(writ_buf_view(&got), writ_str_from(want)))
		fail_msg("%.*s, not %s", WRIT_STR_ARG(writ_buf_view(&got)),
		    want);
}

static void
test_serve_head__bounds(void **state)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, TEXT_MAX);
	head_of(&b, WRIT_HTTP_FIELDS_MAX, 1, 1);
	assert_begins(&b, "ok");
	head_of(&b, WRIT_HTTP_FIELDS_MAX + 1, 1, 1);
	assert_begins(&b, "431");
	head_of(&b, 1, WRIT_HTTP_TARGET_MAX, 0);
	assert_begins(&b, "ok");
	head_of(&b, 1, WRIT_HTTP_TARGET_MAX + 1, 0);
	assert_begins(&b, "414");
	head_of(&b, 60, 1, 200);
	assert_begins(&b, "ok");
	head_of(&b, 60, 1, 300);
	assert_begins(&b, "431");
	/* a line that never ends */
	writ_buf_reset(&b);
	while (b.len <= WRIT_HTTP_HEAD_MAX)
		writ_buf_char(&b, 'a');
	assert_begins(&b, "431");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serve_head__cases),
		cmocka_unit_test(test_serve_head__bounds),
		cmocka_unit_test(test_serve_body__cases),
		cmocka_unit_test(test_serve_body__a_length_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
