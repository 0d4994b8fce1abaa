/*
 * harness.c - see harness.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

const char *harness_guests;

static enum writ_status
on_read(void *ctx, uint8_t *p, size_t cap, size_t *n, struct writ_wake *wake)
{
	(void)ctx; (void)p; (void)cap; (void)n; (void)wake;
	return WRIT_CLOSED;
}

static enum writ_status
on_room(void *ctx, enum writ_stdio which, size_t *n, struct writ_wake *wake)
{
	struct world *w = ctx;

	(void)which; (void)wake;
	if (w->out_len >= w->out_max)
		return WRIT_LIMIT;
	*n = w->out_max - w->out_len;
	return WRIT_OK;
}

static enum writ_status
on_write(void *ctx, enum writ_stdio which, const uint8_t *p, size_t n)
{
	struct world *w = ctx;

	(void)which;
	assert_true(n <= w->out_max - w->out_len);
	memcpy(w->out + w->out_len, p, n);
	w->out_len += n;
	return WRIT_OK;
}

static uint64_t
on_mono(void *ctx)
{
	struct world *w = ctx;

	return w->mono += 1000;
}

static void
on_wall(void *ctx, struct writ_time *out)
{
	(void)ctx;
	out->s = 0;
	out->ns = 0;
}

static enum writ_status
on_wait(void *ctx, uint64_t deadline_ns, struct writ_wake *wake)
{
	struct world *w = ctx;

	(void)wake;
	if (deadline_ns > w->mono)
		w->mono = deadline_ns;
	return WRIT_OK;
}

static enum writ_status
on_fill(void *ctx, bool insecure, uint8_t *p, size_t n)
{
	(void)ctx; (void)insecure;
	memset(p, 7, n);
	return WRIT_OK;
}

static enum writ_status
no_pair(void *ctx, size_t i, struct writ_str *key, struct writ_str *value)
{
	(void)ctx; (void)i; (void)key; (void)value;
	return WRIT_NOENT;
}

static enum writ_status
no_argument(void *ctx, size_t i, struct writ_str *arg)
{
	(void)ctx; (void)i; (void)arg;
	return WRIT_NOENT;
}

static void
on_log(void *ctx, uint32_t level, struct writ_str context, struct writ_str message)
{
	(void)ctx; (void)level; (void)context; (void)message;
}

static void
on_refused(void *ctx, const char *kind, struct writ_str op, struct writ_str target)
{
	struct world *w = ctx;

	snprintf(w->refused, sizeof(w->refused), "%s %.*s %.*s", kind,
	    WRIT_STR_ARG(op), WRIT_STR_ARG(target));
}

static enum writ_status
no_preopen(void *ctx, size_t i, struct writ_str *name, uint64_t *handle)
{
	(void)ctx; (void)i; (void)name; (void)handle;
	return WRIT_NOENT;
}

static enum writ_status
no_file(void *ctx, struct writ_fs_call *call)
{
	(void)ctx; (void)call;
	return WRIT_IO;
}

static void
on_forget(void *ctx, struct writ_wake *wake)
{
	struct world *w = ctx;

	assert_ptr_equal(wake, &w->wake);
	w->forgotten++;
}

static void
on_fire(struct writ_wake *wake)
{
	struct world *w = (struct world *)(void *)((char *)wake -
	    offsetof(struct world, wake));

	w->fired++;
}

void
world_init(struct world *w, struct writ_ports *ports)
{
	memset(w, 0, sizeof(*w));
	w->out_max = sizeof(w->out);
	w->wake.fire = on_fire;
	*ports = (struct writ_ports){
		.stdio = { w, on_read, on_room, on_write },
		.clock = { w, on_mono, on_mono, on_wall, on_wall, on_wait },
		.random = { w, on_fill },
		.env = { w, no_pair, no_argument, no_pair },
		.log = { w, on_log },
		.refuse = { w, on_refused },
		.tree = { w, no_preopen, no_file },
		.forget = on_forget,
		.forget_ctx = w,
	};
}

struct writ_engine *
engine_new(uint32_t slots)
{
	struct writ_engine_config config = {
		.pool_slots = slots,
		.pool_memory_max = 64 * WRIT_MIB,
	};
	struct writ_engine *engine = NULL;
	struct writ_err err = { 0 };

	if (writ_engine_new(&config, &engine, &err) != WRIT_OK)
		fail_msg("%s", err.msg);
	return engine;
}

enum writ_status
load(struct writ_engine *engine, const char *name, struct writ_component **out,
    struct writ_err *err)
{
	struct writ_engine_bytes code = { NULL, 0 };
	struct stat st;
	char path[4096];
	enum writ_status status;
	uint8_t *wasm;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", harness_guests, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		skip();
	assert_int_equal(fstat(fd, &st), 0);
	wasm = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(wasm, MAP_FAILED);
	close(fd);
	status = writ_engine_compile(engine, wasm, (size_t)st.st_size, &code, err);
	munmap(wasm, (size_t)st.st_size);
	if (status != WRIT_OK)
		return status;
	fd = memfd_create("code", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, code.ptr, code.len), (ssize_t)code.len);
	writ_engine_bytes_free(&code);
	assert_null(code.ptr);
	status = writ_component_load(engine, fd, out, err);
	close(fd);
	return status;
}

const struct writ_task_limits plenty = {
	.memory_bytes = 64 * WRIT_MIB,
	.handles = 1000,
	.hostcall_bytes = WRIT_HOSTCALL_FUEL,
};
