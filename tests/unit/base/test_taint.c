/* test_taint.c - values are found in text in whatever common encoding, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/hash.h"
#include "base/taint.h"

#define TOKEN "ghp_S3cr3t/Tok+n\"\\~"
#define BINARY "\xf0\x9f\x94\x91p\xc3\xa4ss?>>"

static const struct writ_taint_value values[] = {
	{ "gh", (const uint8_t *)TOKEN, sizeof(TOKEN) - 1 },
	{ "key", (const uint8_t *)BINARY, sizeof(BINARY) - 1 },
	{ "short", (const uint8_t *)"12345678", 8 },
};

static int
setup(void **state)
{
	struct writ_taint *t = NULL;

	assert_int_equal(writ_taint_new(values, 3, &t), WRIT_OK);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	writ_taint_free(*state);
	return 0;
}

static void
becomes(const struct writ_taint *t, struct writ_str text, const char *want)
{
	struct writ_buf b;
	bool in = writ_taint_in(t, text);

	writ_buf_init(&b, 1 << 20);
	writ_taint_redact(t, text, &b);
	assert_int_equal(b.failed, WRIT_OK);
	if (!writ_str_is(writ_buf_view(&b), want))
		fail_msg("%.*s -> %.*s, not %s", WRIT_STR_ARG(text),
		    WRIT_STR_ARG(writ_buf_view(&b)), want);
	assert_int_equal(in, !writ_str_is(text, want));
	writ_buf_release(&b);
}

static void
test_taint__nothing_of_it_is_left_as_it_was(void **state)
{
	becomes(*state, WRIT_STR(""), "");
	becomes(*state, WRIT_STR("abc"), "abc");
	becomes(*state, WRIT_STR("nothing to hide, 1234567, 100% \\o/"),
	    "nothing to hide, 1234567, 100% \\o/");
	becomes(*state, WRIT_STR(TOKEN), "[secret gh]");
	becomes(*state, WRIT_STR("Bearer " TOKEN "; " BINARY "!"),
	    "Bearer [secret gh]; [secret key]!");
	becomes(*state, WRIT_STR(TOKEN TOKEN "12345678"),
	    "[secret gh][secret short]");
	becomes(*state, WRIT_STR("123456789"), "[secret short]9");
	becomes(*state, WRIT_STR("a 987654321"), "a 9[secret short]");
	becomes(NULL, WRIT_STR(TOKEN), TOKEN);
}

static void
test_taint__a_value_cut_by_the_end_counts(void **state)
{
	becomes(*state, WRIT_STR("x ghp_S3cr"), "x [secret gh]");
	becomes(*state, WRIT_STR("x ghp_S3c"), "x ghp_S3c");
	becomes(*state, WRIT_STR("x ghp_S3cr "), "x ghp_S3cr ");
}

static void
test_taint__hex_of_either_case(void **state)
{
	char text[128], upper[128];
	size_t v, i;

	for (v = 0; v < 3; v++) {
		for (i = 0; i < values[v].len; i++) {
			snprintf(text + 2 * i, 3, "%02x", values[v].ptr[i]);
			snprintf(upper + 2 * i, 3, "%02X", values[v].ptr[i]);
		}
		assert_true(writ_taint_in(*state, writ_str_from(text)));
		assert_true(writ_taint_in(*state, writ_str_from(upper)));
		text[7] ^= 0x01;
		assert_false(writ_taint_in(*state, writ_str(text, 16)));
	}
	becomes(*state, WRIT_STR("=3132333435363738="), "=[secret short]=");
}

/* Whatever stands before and behind the value, in both alphabets. */
static void
test_taint__base64_in_every_alignment(void **state)
{
	unsigned v, before, after, url;
	size_t i;

	for (v = 0; v < 3; v++)
		for (before = 0; before < 7; before++)
			for (after = 0; after < 4; after++)
				for (url = 0; url < 2; url++) {
					char plain[128];
					struct writ_buf b, out;
					int n = snprintf(plain, sizeof(plain),
					    "%.*s%.*s%.*s", (int)before,
					    "user:::", (int)values[v].len,
					    (const char *)values[v].ptr,
					    (int)after, "zzzz");

					writ_buf_init(&b, 1024);
					writ_buf_init(&out, 1024);
					writ_base64_put(&b, writ_str(plain,
					    (size_t)n));
					for (i = 0; url && i < b.len; i++)
						b.ptr[i] = b.ptr[i] == '+' ?
						    '-' : b.ptr[i] == '/' ?
						    '_' : b.ptr[i];
					writ_taint_redact(*state,
					    writ_buf_view(&b), &out);
					writ_buf_char(&out, '\0');
					assert_non_null(strstr((char *)out.ptr,
					    "[secret "));
					/* what stands around it, and two characters that it
					 * shares with that */
					assert_true(out.len <= strlen("[secret "
					    "short]") + 2 + 4 * (before / 3 +
					    after / 3 + 2) + 2);
					writ_buf_release(&b);
					writ_buf_release(&out);
				}
}

static void
test_taint__below_escapes(void **state)
{
	struct writ_buf b, twice;
	char text[256];
	size_t i;

	for (i = 0; i < values[1].len; i++)
		snprintf(text + 3 * i, 4, "%%%02x", values[1].ptr[i]);
	becomes(*state, writ_str_from(text), "[secret key]");
	becomes(*state, WRIT_STR("q=ghp_S3cr3t%2FTok%2Bn%22%5C~&x"),
	    "q=[secret gh]&x");
	becomes(*state, WRIT_STR("q=ghp_S3cr3t%2fTok%2bn%22%5c%7e&x=%20"),
	    "q=[secret gh]&x=%20");
	becomes(*state, WRIT_STR("{\"a\":\"ghp_S3cr3t\\/Tok+n\\\"\\\\~\"}"),
	    "{\"a\":\"[secret gh]\"}");
	becomes(*state, WRIT_STR("\\u0031\\x32345678"), "[secret short]");
	becomes(*state, WRIT_STR("\\ud83d\\udd11p\\u00e4ss?>>"),
	    "[secret key]");
	/* JSON in JSON, and a query in it */
	writ_buf_init(&b, 1024);
	writ_buf_init(&twice, 1024);
	writ_buf_json(&b, WRIT_STR("a " TOKEN));
	writ_buf_json(&twice, writ_buf_view(&b));
	becomes(*state, writ_buf_view(&twice), "\"\\\"a [secret gh]\\\"\"");
	becomes(*state, WRIT_STR("%2531%32345678 %"), "[secret short] %");
	/* base64 with its '+' and '/' escaped */
	writ_buf_reset(&b);
	writ_buf_reset(&twice);
	writ_base64_put(&b, WRIT_STR("?" BINARY));
	for (i = 0; i < b.len; i++)
		writ_buf_printf(&twice, b.ptr[i] == '+' || b.ptr[i] == '/' ?
		    "%%%02X" : "%c", b.ptr[i]);
	assert_non_null(memchr(twice.ptr, '%', twice.len));
	assert_true(writ_taint_in(*state, writ_buf_view(&twice)));
	writ_buf_release(&b);
	writ_buf_release(&twice);
}

static void
test_taint__escapes_that_are_none_stand(void **state)
{
	becomes(*state, WRIT_STR("%"), "%");
	becomes(*state, WRIT_STR("%1 \\"), "%1 \\");
	becomes(*state, WRIT_STR("%%12345678\\"), "%%[secret short]\\");
	becomes(*state, WRIT_STR("\\u12 \\ud83d\\u \\x1"),
	    "\\u12 \\ud83d\\u \\x1");
	assert_false(writ_taint_in(*state, writ_str("\\\0%zz", 5)));
}

static void
test_taint__agrees_with_a_slow_search(void **state)
{
	static const char alphabet[] = "12345678%3\\";
	char text[64];
	uint64_t pos = 0;
	unsigned round, i;
	uint8_t r[64];

	for (round = 0; round < 20000; round++) {
		writ_hash_stream(7, &pos, r, sizeof(r));
		for (i = 0; i < 40; i++)
			text[i] = alphabet[r[i] % 11];
		if (r[41] & 1)
			memcpy(text + r[42] % 32, "12345678", 8);
		text[40] = '\0';
		if (strstr(text, "12345678"))
			assert_true(writ_taint_in(*state,
			    writ_str_from(text)));
	}
}

static void
test_taint__without_memory_nothing_is_shown(void **state)
{
	struct writ_taint *t = *state;
	struct writ_buf b;
	long n;

	for (n = 0; n < 12; n++) {
		writ_buf_init(&b, 1024);
		writ_mem_fail_after(n);
		writ_taint_redact(t, WRIT_STR("%31 " TOKEN), &b);
		writ_mem_fail_after(-1);
		if (b.failed == WRIT_OK)
			assert_null(memmem(b.ptr, b.len, "S3cr3t", 6));
		else
			assert_int_equal(b.len, 0);
		writ_buf_release(&b);
		writ_mem_fail_after(n);
		assert_true(writ_taint_in(t, WRIT_STR("%31 %2531%32345678")));
		writ_mem_fail_after(-1);
	}
}

static void
test_taint__masked_in_place(void **state)
{
	char text[] = "a 12345678 b %312345678, 3132333435363738.";

	assert_int_equal(writ_taint_mask(*state, text, strlen(text)), WRIT_OK);
	assert_string_equal(text, "a ******** b **********, "
	    "****************.");
	writ_mem_fail_after(0);
	memcpy(text, "a 12345678", 10);
	assert_int_equal(writ_taint_mask(*state, text, strlen(text)),
	    WRIT_NOMEM);
	writ_mem_fail_after(-1);
	assert_memory_equal(text, "a 12345678", 10);
}

static void
test_taint__a_beginning_at_the_end(void **state)
{
	static const struct {
		const char *text;
		size_t tail;
	} v[] = {
		{ "", 0 }, { "#", 0 }, { "ghp", 3 }, { "#g", 1 }, { "x ghp_", 4 }, { "x ghp_S3c", 7 },
		{ "x ghp_ ", 0 }, { "1234567", 7 }, { "12345678", 0 },
		{ "12345671234", 4 }, { "3132333", 7 }, { "MTIzND", 6 },
		{ "%31234%3", 8 }, { "a%31234", 6 }, { "\\u00312345\\u00", 14 },
		{ "12345%2", 7 }, { "100%", 1 }, { "1234%35%", 8 },
	};
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (writ_taint_tail(*state, writ_str_from(v[i].text)) !=
		    v[i].tail)
			fail_msg("%s: %zu", v[i].text, writ_taint_tail(*state,
			    writ_str_from(v[i].text)));
}

/* However a text is cut into pieces, what is shown is what is shown of the whole. */
static void
test_taint__pieces_are_as_the_whole(void **state)
{
	static const char text[] = "12345678 x" TOKEN "y 1231234567812345678 "
	    "3132333435363738 %31234567%38 MTIzNDU2Nzg= ghp_S3cr3t\\/Tok+n\\\"\\\\~ "
	    "12345678123456 f09f9491 end";
	struct writ_buf want, got, held, piece;
	size_t a, b, i, tail;

	writ_buf_init(&want, 4096);
	writ_buf_init(&got, 4096);
	writ_buf_init(&held, 4096);
	writ_buf_init(&piece, 4096);
	writ_buf_str(&want, WRIT_STR(text));
	assert_int_equal(writ_taint_mask(*state, (char *)want.ptr, want.len),
	    WRIT_OK);
	for (a = 0; a <= want.len; a++)
		for (b = a; b <= want.len; b += 3) {
			const size_t cut[] = { 0, a, b, want.len };

			writ_buf_reset(&got);
			writ_buf_reset(&held);
			for (i = 0; i < 3; i++) {
				writ_buf_add(&held, text + cut[i],
				    cut[i + 1] - cut[i]);
				tail = i == 2 ? 0 : writ_taint_tail(*state,
				    writ_buf_view(&held));
				writ_buf_reset(&piece);
				writ_buf_add(&piece, held.ptr, held.len - tail);
				assert_int_equal(writ_taint_mask(*state,
				    (char *)piece.ptr, piece.len), WRIT_OK);
				writ_buf_str(&got, writ_buf_view(&piece));
				writ_buf_consume(&held, held.len - tail);
			}
			if (!writ_str_eq(writ_buf_view(&got),
			    writ_buf_view(&want)))
				fail_msg("%zu %zu: %.*s, not %.*s", a, b,
				    WRIT_STR_ARG(writ_buf_view(&got)),
				    WRIT_STR_ARG(writ_buf_view(&want)));
		}
	writ_buf_release(&want);
	writ_buf_release(&got);
	writ_buf_release(&held);
	writ_buf_release(&piece);
}

static void
test_taint__is_fast_however_many_values(void **state)
{
	static struct writ_taint_value many[1000];
	static char text[1000][40];
	struct timespec t0, t1;
	struct writ_taint *t = NULL;
	size_t i, n = 4 << 20;
	char *big = malloc(n);

	assert_non_null(big);
	for (i = 0; i < 1000; i++) {
		int k = snprintf(text[i], sizeof(text[i]), "%zu-%016llx", i * 7919,
		    (unsigned long long)i * 0x9e3779b97f4a7c15ull);

		many[i] = (struct writ_taint_value){ "n",
			(const uint8_t *)text[i], (size_t)k };
	}
	for (i = 0; i < n; i++)
		big[i] = (char)('a' + i * 2654435761u % 4294967296u / 171798692);
	assert_int_equal(writ_taint_new(many, 1000, &t), WRIT_OK);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_false(writ_taint_in(t, writ_str(big, n)));
	clock_gettime(CLOCK_MONOTONIC, &t1);
	print_message("4 MiB, 1000 values: %.1f ms\n",
	    (double)(t1.tv_sec - t0.tv_sec) * 1e3 +
	    (double)(t1.tv_nsec - t0.tv_nsec) / 1e6);
	writ_taint_free(t);
	free(big);
}

#define T(name) cmocka_unit_test_setup_teardown(test_taint__##name, setup, \
	teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_of_it_is_left_as_it_was),
		T(a_value_cut_by_the_end_counts),
		T(hex_of_either_case),
		T(base64_in_every_alignment),
		T(below_escapes),
		T(escapes_that_are_none_stand),
		T(agrees_with_a_slow_search),
		T(without_memory_nothing_is_shown),
		T(masked_in_place),
		T(a_beginning_at_the_end),
		T(pieces_are_as_the_whole),
		T(is_fast_however_many_values),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	return cmocka_run_group_tests_name("taint", tests, NULL, NULL);
}
