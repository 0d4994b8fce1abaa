/*
 * writ-compiler: turns one component's bytes into code and a description, jailed, and ends.
 * fds: 3 the component (sealed), 4 code out, 5 text out (the description, or what went wrong).
 * argv is "writ-compiler WALLS UID GID compile|describe".  Exit status: 0, or an enum
 * writ_status with its sentence as the text.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/str.h"
#include "jail/jail.h"
#include "port/engine.h"
#include "port/engine_id.h"

#define WASM_FD 3
#define CODE_FD 4
#define TEXT_FD 5

static enum writ_status
write_all(int fd, const uint8_t *p, size_t n, struct writ_err *err)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return writ_fail(err, WRIT_IO, "output: %s",
			    k < 0 ? strerror(errno) : "no progress");
		p += k;
		n -= (size_t)k;
	}
	return WRIT_OK;
}

static enum writ_status
map_input(const uint8_t **p, size_t *n, struct writ_err *err)
{
	struct stat st;
	void *m;

	if (fstat(WASM_FD, &st) || st.st_size < 0)
		return writ_fail(err, WRIT_IO, "no input");
	if (st.st_size == 0)
		return writ_fail(err, WRIT_INVALID, "an empty file");
	m = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, WASM_FD, 0);
	if (m == MAP_FAILED)
		return writ_fail(err, WRIT_NOMEM, "input");
	*p = m;
	*n = (size_t)st.st_size;
	return WRIT_OK;
}

static enum writ_status
work(struct writ_engine *engine, const uint8_t *p, size_t n, bool code,
    struct writ_err *err)
{
	struct writ_engine_bytes text = { NULL, 0 }, out = { NULL, 0 };
	enum writ_status st;

	st = writ_engine_describe(engine, p, n, &text, err);
	if (st == WRIT_OK && code)
		st = writ_engine_compile(engine, p, n, &out, err);
	if (st == WRIT_OK && code)
		st = write_all(CODE_FD, out.ptr, out.len, err);
	if (st == WRIT_OK)
		st = write_all(TEXT_FD, text.ptr, text.len, err);
	return st;
}

int
main(int argc, char **argv)
{
	struct writ_engine_config config = {
		.small_address_space = WRIT_ENGINE_SMALL };
	struct writ_engine *engine = NULL;
	struct writ_err err = { WRIT_OK, "" };
	unsigned walls = 0, without = 0;
	const uint8_t *wasm = NULL;
	size_t len = 0;
	bool code = argc == 5 && !strcmp(argv[4], "compile");
	enum writ_status st;

	st = writ_jail_child_args(argc, argv, WRIT_JAIL_COMPILER, &err);
	if (st == WRIT_OK)
		st = writ_jail_args_without(argv, &without, &err);
	if (st == WRIT_OK)
		st = writ_engine_new(&config, &engine, &err);
	if (st == WRIT_OK)	/* mapped, not looked at */
		st = map_input(&wasm, &len, &err);
	if (st == WRIT_OK)
		st = writ_jail_lock(WRIT_JAIL_COMPILER, without, &walls, &err);
	if (st == WRIT_OK)
		st = work(engine, wasm, len, code, &err);
	if (st != WRIT_OK)
		(void)write_all(TEXT_FD, (const uint8_t *)err.msg,
		    strlen(err.msg), NULL);
	return (int)st;
}
