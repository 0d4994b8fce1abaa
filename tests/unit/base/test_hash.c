/* test_hash.c - published vectors, the stream, the digest text. */
#include "base/hash.h"

#include "check.h"

#define HEX62 "ba7816bf8f01cfea414140de5dae2223" \
	"b00361a396177a9cb410ff61f20015"
#define HEX HEX62 "ad"
#define ABC_SHA256 "sha256:" HEX

/* FIPS 180-4 examples. */
static void
test_hash__sha256_matches_the_standard(void **state)
{
	char text[WRIT_DIGEST_TEXT];
	struct writ_digest d, parts;
	struct writ_sha256 h;

	writ_sha256("abc", 3, &d);
	writ_digest_text(&d, text);
	assert_string_equal(text, ABC_SHA256);
	writ_sha256_start(&h);
	writ_sha256_add(&h, "a", 1);
	writ_sha256_add(&h, NULL, 0);
	writ_sha256_add(&h, "bc", 2);
	writ_sha256_end(&h, &parts);
	assert_memory_equal(d.b, parts.b, sizeof(d.b));
	writ_sha256(NULL, 0, &d);
	writ_digest_text(&d, text);
	assert_string_equal(text, "sha256:e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855");
}

static void
test_hash__digest_text_is_read_strictly(void **state)
{
	static const char *const bad[] = {
		(""), ("sha256:"), ("SHA256:" HEX), ("sha512:" HEX),
		(ABC_SHA256 "0"), ("sha256:" HEX62 "a"),
		("sha256:" HEX62 "AD"), ("sha256:" HEX62 "ag"), (HEX),
		(" sha256:" HEX62 "a"),
	};
	struct writ_digest d, want;
	size_t i;

	memset(&d, 7, sizeof(d));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(writ_digest_parse(writ_str_from(bad[i]), &d),
		    WRIT_INVALID);
		assert_int_equal(d.b[0], 7);
	}
	assert_int_equal(writ_digest_parse(WRIT_STR(ABC_SHA256), &d), WRIT_OK);
	writ_sha256("abc", 3, &want);
	assert_memory_equal(d.b, want.b, sizeof(d.b));
}

static void
test_hash__mac_is_keyed_blake2b(void **state)
{
	/* Python: hashlib.blake2b(b"abc", digest_size=32, key=bytes(range(32))) */
	static const char want[] = "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f";
	uint8_t key[WRIT_KEY_LEN], mac[WRIT_MAC_LEN], other[WRIT_MAC_LEN];
	writ_auto_release(writ_buf) b;
	size_t i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	writ_mac(key, "abc", 3, mac);
	writ_buf_init(&b, 64);
	writ_buf_hex(&b, mac, sizeof(mac));
	assert_slice(writ_buf_view(&b), want);
	key[31] ^= 1;
	writ_mac(key, "abc", 3, other);
	assert_false(writ_mac_eq(mac, other));
	assert_true(writ_mac_eq(mac, mac));
	memcpy(other, mac, sizeof(mac));
	other[31] ^= 0x80;
	assert_false(writ_mac_eq(mac, other));
}

static void
test_hash__random_differs(void **state)
{
	uint8_t a[32], b[32];

	writ_hash_random(a, sizeof(a));
	writ_hash_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static void
test_hash__stream_is_the_same_in_any_pieces(void **state)
{
	uint8_t whole[1000], parts[1000];
	uint64_t pos = 0;
	size_t step, at, n;

	writ_hash_stream(42, &pos, whole, sizeof(whole));
	assert_int_equal(pos, sizeof(whole));
	for (step = 1; step < 200; step += 7) {
		memset(parts, 0, sizeof(parts));
		pos = 0;
		for (at = 0; at < sizeof(parts); at += n) {
			n = sizeof(parts) - at < step ?
			    sizeof(parts) - at : step;
			writ_hash_stream(42, &pos, parts + at, n);
			assert_int_equal(pos, at + n);
		}
		assert_memory_equal(whole, parts, sizeof(whole));
	}
	pos = 0;
	writ_hash_stream(43, &pos, parts, sizeof(parts));
	assert_memory_not_equal(whole, parts, 64);
	writ_hash_stream(43, &pos, NULL, 0);
	assert_int_equal(pos, sizeof(parts));
}

/* The stream is part of what a seeded writ promises: it may never change. */
static void
test_hash__stream_is_pinned(void **state)
{
	writ_auto_release(writ_buf) b;
	uint8_t bytes[16];
	uint64_t pos = 0;

	writ_hash_stream(1, &pos, bytes, sizeof(bytes));
	writ_buf_init(&b, 64);
	writ_buf_hex(&b, bytes, sizeof(bytes));
	assert_slice(writ_buf_view(&b), "5aa4346f11b0369ca83c9ab48da47ad6");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash__sha256_matches_the_standard),
		cmocka_unit_test(test_hash__digest_text_is_read_strictly),
		cmocka_unit_test(test_hash__mac_is_keyed_blake2b),
		cmocka_unit_test(test_hash__random_differs),
		cmocka_unit_test(test_hash__stream_is_the_same_in_any_pieces),
		cmocka_unit_test(test_hash__stream_is_pinned),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
