#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "broker/secret_key.h"

#define KEY_FILE "store.key"
/* What possesses the key and its owner may do all with it; nobody else anything. */
#define RING_RIGHTS 0x3f3f0000ul

/* ---- a file */

enum writ_status
writ_secret_key_file(int dir, uint8_t key[WRIT_KEY_LEN], struct writ_err *err)
{
	writ_auto_fd fd = openat(dir, KEY_FILE, O_RDONLY | O_CLOEXEC |
	    O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return writ_fail(err, WRIT_NOENT, "the key of the secret store "
		    "(" KEY_FILE ") is gone, and what it held cannot be read "
		    "any more; writ secret rm --all, and set the secrets again");
	if (fd < 0 || fstat(fd, &st))
		return writ_fail(err, WRIT_IO, "the key of the secret store ("
		    KEY_FILE "): %s", strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077))
		return writ_fail(err, WRIT_DENIED, "the key of the secret store "
		    "(" KEY_FILE ") must be a file of yours, closed to others "
		    "(chmod 600)");
	if (st.st_size != WRIT_KEY_LEN ||
	    read(fd, key, WRIT_KEY_LEN) != WRIT_KEY_LEN)
		return writ_fail(err, WRIT_INVALID, "the key of the secret store "
		    "(" KEY_FILE ") is damaged");
	return WRIT_OK;
}

enum writ_status
writ_secret_key_file_new(int dir, uint8_t key[WRIT_KEY_LEN],
    struct writ_err *err)
{
	static const char fresh[] = "." KEY_FILE ".new";
	writ_auto_fd fd = -1;

	writ_hash_random(key, WRIT_KEY_LEN);
	(void)unlinkat(dir, fresh, 0);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, key, WRIT_KEY_LEN) == WRIT_KEY_LEN &&
	    fsync(fd) == 0 && renameat(dir, fresh, dir, KEY_FILE) == 0)
		return WRIT_OK;
	(void)writ_fail(err, WRIT_IO, "the key of the secret store (" KEY_FILE
	    "): %s", strerror(errno));
	(void)unlinkat(dir, fresh, 0);
	return WRIT_IO;
}

/* ---- the keyring */

static void
ring_name(uint64_t id, char out[48])
{
	snprintf(out, 48, "writ:secrets:%016llx", (unsigned long long)id);
}

/* A key of user keyring `@u`; -1: none. */
static long
ring_find(uint64_t id)
{
	char name[48];

	ring_name(id, name);
	return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user",
	    name, 0);
}

static enum writ_status
ring_failed(struct writ_err *err)
{
	if (errno == ENOKEY || errno == EKEYREVOKED || errno == EKEYEXPIRED)
		return writ_fail(err, WRIT_NOENT, "the key of the secret store "
		    "is not in the kernel's keyring any more (it does not "
		    "outlive the machine's, and perhaps the user's, session); "
		    "writ secret rm --all, and set the secrets again");
	return writ_fail(err, WRIT_UNSUPPORTED, "the kernel's keyring cannot be "
	    "used here: %s", strerror(errno));
}

enum writ_status
writ_secret_key_ring(uint64_t id, uint8_t key[WRIT_KEY_LEN],
    struct writ_err *err)
{
	long n = ring_find(id);

	if (n >= 0)
		n = syscall(SYS_keyctl, KEYCTL_READ, n, key, WRIT_KEY_LEN, 0);
	if (n < 0)
		return ring_failed(err);
	return n == WRIT_KEY_LEN ? WRIT_OK : writ_fail(err, WRIT_INVALID,
	    "the key of the secret store in the kernel's keyring is damaged");
}

/* Read back at once: where that is not allowed, no secret must be set. */
enum writ_status
writ_secret_key_ring_new(uint64_t id, uint8_t key[WRIT_KEY_LEN],
    struct writ_err *err)
{
	char name[48];
	long n;

	ring_name(id, name);
	writ_hash_random(key, WRIT_KEY_LEN);
	n = syscall(SYS_add_key, "user", name, key, WRIT_KEY_LEN,
	    KEY_SPEC_USER_KEYRING);
	if (n >= 0)
		n = syscall(SYS_keyctl, KEYCTL_SETPERM, n, RING_RIGHTS);
	return n < 0 ? ring_failed(err) : writ_secret_key_ring(id, key, err);
}

void
writ_secret_key_ring_drop(uint64_t id)
{
	long n = ring_find(id);

	if (n >= 0)
		(void)!syscall(SYS_keyctl, KEYCTL_UNLINK, n,
		    KEY_SPEC_USER_KEYRING);
}
