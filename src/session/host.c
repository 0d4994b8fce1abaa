#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/limits.h"
#include "jail/jail.h"
#include "session/session.h"

/* ---- components */

void
writ_component_file_release(struct writ_component_file *f)
{
	if (f)
		writ_bytes_release(&f->bytes);
}

enum writ_status
writ_component_file_open(const char *path, int *fd_out, size_t *size,
    struct writ_err *err)
{
	writ_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
	    O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return writ_fail(err, errno == ENOENT ? WRIT_NOENT : WRIT_IO,
		    "%s: %s", path, strerror(errno));
	if (fstat(fd, &st))
		return writ_fail(err, WRIT_IO, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return writ_fail(err, WRIT_INVALID, "%s: a directory, not a "
		    "component", path);
	if (!S_ISREG(st.st_mode))
		return writ_fail(err, WRIT_INVALID, "%s: not a regular file",
		    path);
	if (st.st_size > WRIT_COMPONENT_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: %lld MiB; a component "
		    "may have %d MiB", path, (long long)(st.st_size >> 20),
		    WRIT_COMPONENT_MAX >> 20);
	if (st.st_size == 0)
		return writ_fail(err, WRIT_INVALID, "%s: an empty file, not a "
		    "component", path);
	*size = (size_t)st.st_size;
	*fd_out = writ_steal_fd(&fd);
	return WRIT_OK;
}

enum writ_status
writ_component_file_read(const char *path, int fd, size_t size,
    struct writ_component_file *out, struct writ_err *err)
{
	enum writ_status st = writ_bytes_read(fd, 0, size, &out->bytes, err);

	if (st != WRIT_OK)
		return writ_fail_in(err, st, "%s", path);
	out->path = path;
	writ_sha256(out->bytes.ptr, out->bytes.len, &out->digest);
	return WRIT_OK;
}

static struct writ_compile
compiler_of(const struct writ_host *host)
{
	return (struct writ_compile){ host->compiler, host->without_walls,
		host->cancel_fd, host->progress, host->ctx };
}

enum writ_status
writ_host_code(struct writ_host *host, const struct writ_component_file *file,
    struct writ_code *out, bool *cached, struct writ_err *rejected,
    struct writ_err *err)
{
	struct writ_compile c = compiler_of(host);
	struct writ_err ignored;
	enum writ_status st;

	rejected->msg[0] = '\0';
	*cached = false;
	st = writ_cache_get(host->cache, &file->digest, out, rejected);
	if (st == WRIT_OK) {
		*cached = true;
		return st;
	}
	if (st == WRIT_NOENT)
		rejected->msg[0] = '\0';
	st = writ_compile(&c, &file->bytes, &out->code, &out->text, err);
	if (st != WRIT_OK)
		return writ_fail_in(err, st, "%s", file->path);
	if (writ_cache_put(host->cache, &file->digest, out, &ignored) != WRIT_OK
	    && host->progress)
		host->progress(host->ctx, ignored.msg);
	return WRIT_OK;
}

/* ---- the host */

enum writ_status
writ_state_dir(char out[4096], struct writ_err *err)
{
	char *p;
	enum writ_status st = writ_xdg("XDG_STATE_HOME", ".local/state", out,
	    err);

	if (st != WRIT_OK)
		return st;
	for (p = strchr(out + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		(void)mkdir(out, 0700);
		*p = '/';
	}
	if (mkdir(out, 0700) && errno != EEXIST)
		return writ_fail(err, WRIT_IO, "%s: %s", out, strerror(errno));
	return WRIT_OK;
}

enum writ_status
writ_process_init(struct writ_err *err)
{
	enum writ_jail_drop how;
	enum writ_status st;
	int fd;

	/* None of ours may land on 0, 1 or 2: guest output would be written into it. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd < 0)
		return writ_fail(err, WRIT_IO, "/dev/null: %s", strerror(errno));
	close(fd);
	st = writ_jail_broker_drop(&how, err);
	if (st == WRIT_OK)
		st = writ_hash_init();
	if (st == WRIT_OK)
		writ_json_init();
	return st;
}

enum writ_status
writ_xdg(const char *name, const char *fallback, char out[4096],
    struct writ_err *err)
{
	const char *dir = getenv(name), *home = getenv("HOME");
	int n;

	if (dir && dir[0] == '/')
		n = snprintf(out, 4096, "%s/writ", dir);
	else if (home && home[0] == '/')
		n = snprintf(out, 4096, "%s/%s/writ", home, fallback);
	else
		return writ_fail(err, WRIT_INVALID, "neither %s nor HOME says "
		    "where to keep files", name);
	return n < 4096 ? WRIT_OK : writ_fail(err, WRIT_NAMETOOLONG, "%s", name);
}

static bool
program_in(const char *dir, const char *name, char out[4096])
{
	int n = snprintf(out, 4096, "%s/%s", dir, name);

	return n > 0 && n < 4096 && access(out, X_OK) == 0;
}

static enum writ_status
find_program(const struct writ_host_options *o, const char *name, char out[4096],
    struct writ_err *err)
{
	char self[4096], *slash;
	ssize_t n;

	if (o->program_dir)
		return program_in(o->program_dir, name, out) ? WRIT_OK :
		    writ_fail(err, WRIT_NOENT, "%s: not in %s", name,
		    o->program_dir);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		if (program_in(self, name, out))
			return WRIT_OK;
	}
	if (program_in(WRIT_LIBEXEC, name, out))
		return WRIT_OK;
	return writ_fail(err, WRIT_NOENT, "%s: neither beside this program nor "
	    "in %s", name, WRIT_LIBEXEC);
}

enum writ_status
writ_host_program(const struct writ_host *h, const char *name, char out[4096],
    struct writ_err *err)
{
	struct writ_host_options o = { .program_dir = h->program_dir[0] ?
		h->program_dir : NULL };

	return find_program(&o, name, out, err);
}

enum writ_status
writ_host_open(const struct writ_host_options *o, struct writ_host **out,
    struct writ_err *err)
{
	writ_auto(writ_host) h = writ_alloc(1, sizeof(*h));
	char dir[4096];
	enum writ_status st = writ_hash_init();

	if (!h)
		return writ_fail(err, WRIT_NOMEM, "host");
	if (st == WRIT_OK)
		st = writ_jail_parse(writ_str_from(o->without_walls),
		    &h->without_walls, err);
	if (st == WRIT_OK)
		st = writ_jail_check(h->without_walls, err);
	h->has_resolver = o->resolver != NULL;
	if (st == WRIT_OK && o->resolver)
		st = writ_resolver_parse(writ_str_from(o->resolver),
		    &h->resolver, err);
	if (st == WRIT_OK)
		st = find_program(o, "writ-worker", h->worker, err);
	if (st == WRIT_OK)
		st = find_program(o, "writ-compiler", h->compiler, err);
	if (st == WRIT_OK && !o->cache_dir)
		st = writ_xdg("XDG_CACHE_HOME", ".cache", dir, err);
	if (st == WRIT_OK)
		st = writ_cache_open(o->cache_dir ? o->cache_dir : dir,
		    o->cache_max_bytes, &h->cache, err);
	if (st != WRIT_OK)
		return st;
	if (o->program_dir)
		snprintf(h->program_dir, sizeof(h->program_dir), "%s",
		    o->program_dir);
	h->cancel_fd = -1;
	h->progress = o->progress;
	h->ctx = o->ctx;
	*out = writ_steal(&h);
	return WRIT_OK;
}

void
writ_host_close(struct writ_host *h)
{
	if (!h)
		return;
	writ_cache_free(h->cache);
	writ_mem_free(h);
}

enum writ_status
writ_host_cache_list(struct writ_host *h, char **json, struct writ_err *err)
{
	writ_auto_release(writ_buf) b;
	enum writ_status st;

	writ_buf_init(&b, WRIT_JSON_MAX);
	st = writ_cache_list(h->cache, &b, err);
	return st == WRIT_OK ? writ_text_out(&b, json, err) : st;
}

enum writ_status
writ_host_cache_clear(struct writ_host *h, unsigned *removed,
    struct writ_err *err)
{
	return writ_cache_clear(h->cache, removed, err);
}
