/* hash.c - see hash.h. */
#include "base/hash.h"

#include <sodium.h>

#define BLOCK 64	/* bytes of a ChaCha20 block */

_Static_assert(sizeof(crypto_hash_sha256_state) <=
    sizeof(((struct writ_sha256 *)0)->state), "room for the library's state");
_Static_assert(crypto_hash_sha256_BYTES == WRIT_SHA256_LEN, "SHA-256");

enum writ_status
writ_hash_init(void)
{
	return sodium_init() < 0 ? WRIT_IO : WRIT_OK;
}

void
writ_sha256(const void *p, size_t n, struct writ_digest *out)
{
	crypto_hash_sha256(out->b, p, n);
}

static crypto_hash_sha256_state *
state_of(struct writ_sha256 *h)
{
	return (crypto_hash_sha256_state *)(void *)h->state;
}

void
writ_sha256_start(struct writ_sha256 *h)
{
	crypto_hash_sha256_init(state_of(h));
}

void
writ_sha256_add(struct writ_sha256 *h, const void *p, size_t n)
{
	crypto_hash_sha256_update(state_of(h), p, n);
}

void
writ_sha256_end(struct writ_sha256 *h, struct writ_digest *out)
{
	crypto_hash_sha256_final(state_of(h), out->b);
}

void
writ_mac(const uint8_t key[WRIT_KEY_LEN], const void *p, size_t n,
    uint8_t out[WRIT_MAC_LEN])
{
	if (crypto_generichash(out, WRIT_MAC_LEN, p, n, key, WRIT_KEY_LEN))
		WRIT_BUG("BLAKE2b refused fixed sizes");
}

bool
writ_mac_eq(const uint8_t a[WRIT_MAC_LEN], const uint8_t b[WRIT_MAC_LEN])
{
	return sodium_memcmp(a, b, WRIT_MAC_LEN) == 0;
}

void
writ_hash_random(void *p, size_t n)
{
	randombytes_buf(p, n);
}

static void
stream_key(uint64_t seed, uint8_t key[crypto_stream_chacha20_KEYBYTES])
{
	uint8_t le[8];
	size_t i;

	for (i = 0; i < sizeof(le); i++)
		le[i] = (uint8_t)(seed >> (8 * i));
	if (crypto_generichash(key, crypto_stream_chacha20_KEYBYTES, le,
	    sizeof(le), NULL, 0))
		WRIT_BUG("BLAKE2b refused fixed sizes");
}

void
writ_hash_stream(uint64_t seed, uint64_t *pos, void *p, size_t n)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
	uint8_t key[crypto_stream_chacha20_KEYBYTES], block[BLOCK] = { 0 };
	size_t skip = *pos % BLOCK, head = 0;

	if (n == 0)
		return;
	stream_key(seed, key);
	if (skip) {
		head = n < BLOCK - skip ? n : BLOCK - skip;
		crypto_stream_chacha20_xor_ic(block, block, BLOCK, nonce,
		    *pos / BLOCK, key);
		memcpy(p, block + skip, head);
	}
	*pos += head;
	p = (uint8_t *)p + head;
	n -= head;
	memset(p, 0, n);
	crypto_stream_chacha20_xor_ic(p, p, n, nonce, *pos / BLOCK, key);
	*pos += n;
}

void
writ_digest_text(const struct writ_digest *d, char out[WRIT_DIGEST_TEXT])
{
	memcpy(out, "sha256:", 7);
	sodium_bin2hex(out + 7, WRIT_DIGEST_TEXT - 7, d->b, sizeof(d->b));
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

enum writ_status
writ_digest_parse(struct writ_str s, struct writ_digest *out)
{
	struct writ_digest d;
	size_t i;

	if (s.len != WRIT_DIGEST_TEXT - 1 ||
	    !writ_str_starts(s, WRIT_STR("sha256:")))
		return WRIT_INVALID;
	s = writ_str_skip(s, 7);
	for (i = 0; i < sizeof(d.b); i++) {
		int hi = hex_value(s.ptr[2 * i]), lo = hex_value(s.ptr[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return WRIT_INVALID;
		d.b[i] = (uint8_t)(hi << 4 | lo);
	}
	*out = d;
	return WRIT_OK;
}
