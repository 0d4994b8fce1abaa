/* entropy.c - random bytes in small, odd and big pieces. */
#include "t.h"

static unsigned char big[1 << 20];

int
main(int argc, char **argv)
{
	unsigned seen[256] = { 0 };
	unsigned least = ~0u;

	t_start(argc, argv);
	t_ok("none at all", getentropy(big, 0) == 0);
	t_ok("one byte", getentropy(big, 1) == 0);
	t_ok("256 bytes", getentropy(big, 256) == 0);
	t_fails("257 are too many for getentropy", getentropy(big, 257), EIO);
	memset(big, 0, sizeof(big));
	t_ok("a MiB in one call",
	    __wasi_random_get(big, sizeof(big)) == 0);
	for (size_t i = 0; i < sizeof(big); i++)
		seen[big[i]]++;
	for (int i = 0; i < 256; i++)
		least = seen[i] < least ? seen[i] : least;
	t_ok("every byte value is there", least > 3000);
	t_ok("the end was filled too",
	    memcmp(big + sizeof(big) - 64, (char[64]){ 0 }, 64) != 0);
	return t_end();
}
