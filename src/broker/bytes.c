#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "broker/bytes.h"

enum writ_status
writ_bytes_new(int *fd, struct writ_err *err)
{
	*fd = memfd_create("writ", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return writ_fail(err, WRIT_IO, "memory file: %s",
		    strerror(errno));
	return WRIT_OK;
}

enum writ_status
writ_bytes_seal(int fd, uint64_t max, struct writ_bytes *out,
    struct writ_err *err)
{
	writ_auto_fd own = fd;
	struct stat st;
	void *p = NULL;

	if (fcntl(own, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_SEAL) || fstat(own, &st))
		return writ_fail(err, WRIT_IO, "seal: %s", strerror(errno));
	if ((uint64_t)st.st_size > max)
		return writ_fail(err, WRIT_LIMIT,
		    "more than %llu bytes", (unsigned long long)max);
	if (st.st_size) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, own, 0);
		if (p == MAP_FAILED)
			return writ_fail(err, WRIT_NOMEM, "map");
	}
	out->ptr = p;
	out->len = (size_t)st.st_size;
	out->fd = writ_steal_fd(&own);
	return WRIT_OK;
}

static enum writ_status
read_all(int fd, uint64_t offset, uint8_t *p, size_t len, struct writ_err *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, p + got, len - got,
		    (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return writ_fail(err, WRIT_IO, "read: %s",
			    strerror(errno));
		if (n == 0)
			return writ_fail(err, WRIT_IO,
			    "became shorter while it was read");
		got += (size_t)n;
	}
	return WRIT_OK;
}

enum writ_status
writ_bytes_read(int fd, uint64_t offset, size_t len, struct writ_bytes *out,
    struct writ_err *err)
{
	writ_auto_fd mem = -1;
	enum writ_status st = writ_bytes_new(&mem, err);
	void *p;

	if (st != WRIT_OK)
		return st;
	if (ftruncate(mem, (off_t)len))
		return writ_fail(err, WRIT_NOMEM, "memory file");
	if (len) {
		p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
		if (p == MAP_FAILED)
			return writ_fail(err, WRIT_NOMEM, "map");
		st = read_all(fd, offset, p, len, err);
		munmap(p, len);
		if (st != WRIT_OK)
			return st;
	}
	return writ_bytes_seal(writ_steal_fd(&mem), len, out, err);
}

void
writ_bytes_release(struct writ_bytes *b)
{
	if (!b || b->fd < 0)
		return;
	if (b->ptr)
		munmap((void *)(uintptr_t)b->ptr, b->len);
	close(b->fd);
	*b = WRIT_BYTES_NONE;
}
