#include "base/seal.h"

#include <sodium.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(NONCE + TAG == WRIT_SEAL_BYTES, "nonce and tag");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == WRIT_KEY_LEN,
    "the key");

/* sodium_malloc locks too, and says nothing when it could not. */
void *
writ_locked_alloc(size_t n)
{
	void *p = sodium_malloc(n ? n : 1);

	if (p && sodium_mlock(p, n ? n : 1)) {
		sodium_free(p);
		return NULL;
	}
	if (p)
		memset(p, 0, n ? n : 1);
	return p;
}

void
writ_locked_free(void *p)
{
	sodium_free(p);
}

void
writ_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

void
writ_seal(const uint8_t key[WRIT_KEY_LEN], struct writ_str name,
    const void *p, size_t n, uint8_t *out)
{
	randombytes_buf(out, NONCE);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, NULL, p, n,
	    (const unsigned char *)name.ptr, name.len, NULL, out, key);
}

enum writ_status
writ_unseal(const uint8_t key[WRIT_KEY_LEN], struct writ_str name,
    const uint8_t *p, size_t n, void *out)
{
	if (n < WRIT_SEAL_BYTES ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, p + NONCE,
	    n - NONCE, (const unsigned char *)name.ptr, name.len, p, key))
		return WRIT_INVALID;
	return WRIT_OK;
}
