#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/vec.h"
#include "broker/cache.h"
#include "port/engine_id.h"

#define SUFFIX ".code"
#define KEY_FILE "key"
#define MAGIC "writcc1\n"
#define NAME_MAX_LEN 96

/* An entry: this, then the text, then the code. */
struct header {
	char magic[8];
	uint64_t text_len, code_len;
	uint8_t mac[WRIT_MAC_LEN];
};

struct writ_cache {
	int fd;
	bool has_key;
	uint64_t max_bytes;
	uint8_t key[WRIT_KEY_LEN];
	char dir[4096];
};

void
writ_code_release(struct writ_code *c)
{
	if (!c)
		return;
	writ_bytes_release(&c->code);
	writ_bytes_release(&c->text);
}

static enum writ_status
make_dirs(const char *dir, struct writ_err *err)
{
	char path[4096];
	size_t i, n = strlen(dir);

	if (writ_str_cstr(writ_str(dir, n), path, sizeof(path)) != WRIT_OK)
		return writ_fail(err, WRIT_INVALID, "cache folder: too long");
	for (i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0700) && errno != EEXIST && errno != EROFS &&
		    errno != EACCES)
			return writ_fail(err, WRIT_IO, "%s: %s", path,
			    strerror(errno));
		path[i] = i < n ? '/' : '\0';
	}
	return WRIT_OK;
}

static enum writ_status
check_dir(const struct writ_cache *c, struct writ_err *err)
{
	struct stat st;

	if (fstat(c->fd, &st))
		return writ_fail(err, WRIT_IO, "%s: %s", c->dir, strerror(errno));
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return writ_fail(err, WRIT_DENIED, "cache folder %s must belong "
		    "to you and be closed to others (chmod 700)", c->dir);
	return WRIT_OK;
}

static bool
read_key(struct writ_cache *c)
{
	writ_auto_fd fd = openat(c->fd, KEY_FILE,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && !(st.st_mode & 077) &&
	    st.st_size == WRIT_KEY_LEN &&
	    read(fd, c->key, WRIT_KEY_LEN) == WRIT_KEY_LEN;
}

/* Two first runs at once: whoever links first has made the key.  One that sweeps leftovers may
 * take the file away before it is locked: hence the tries. */
#define KEY_TRIES 4

static void
make_key(struct writ_cache *c)
{
	char tmp[NAME_MAX_LEN];
	uint8_t r[8], key[WRIT_KEY_LEN];
	writ_auto_fd fd = -1;

	writ_hash_random(r, sizeof(r));
	writ_hash_random(key, sizeof(key));
	snprintf(tmp, sizeof(tmp), ".key-%02x%02x%02x%02x%02x%02x", r[0], r[1],
	    r[2], r[3], r[4], r[5]);
	fd = openat(c->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	(void)!flock(fd, LOCK_EX | LOCK_NB);
	if (write(fd, key, sizeof(key)) == sizeof(key))
		(void)!linkat(c->fd, tmp, c->fd, KEY_FILE, 0);
	unlinkat(c->fd, tmp, 0);
}

enum writ_status
writ_cache_open(const char *dir, uint64_t max_bytes, struct writ_cache **out,
    struct writ_err *err)
{
	writ_auto(writ_cache) c = writ_alloc(1, sizeof(*c));
	enum writ_status st;
	unsigned i;

	if (!c)
		return writ_fail(err, WRIT_NOMEM, "cache");
	c->fd = -1;
	c->max_bytes = max_bytes ? max_bytes : WRIT_CACHE_MAX;
	st = make_dirs(dir, err);
	if (st != WRIT_OK)
		return st;
	snprintf(c->dir, sizeof(c->dir), "%s", dir);
	c->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd < 0 && (errno == ENOENT || errno == EACCES)) {
		*out = writ_steal(&c);	/* cannot be made: nothing is cached */
		return WRIT_OK;
	}
	if (c->fd < 0)
		return writ_fail(err, WRIT_IO, "cache folder %s: %s", dir,
		    strerror(errno));
	st = check_dir(c, err);
	if (st != WRIT_OK)
		return st;
	c->has_key = read_key(c);
	for (i = 0; i < KEY_TRIES && !c->has_key; i++) {
		make_key(c);
		c->has_key = read_key(c);
	}
	*out = writ_steal(&c);
	return WRIT_OK;
}

void
writ_cache_free(struct writ_cache *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	memset(c->key, 0, sizeof(c->key));
	writ_mem_free(c);
}

const char *
writ_cache_dir(const struct writ_cache *c)
{
	return c->dir;
}

static void
entry_name(const struct writ_digest *component, char out[NAME_MAX_LEN])
{
	struct writ_sha256 h;
	struct writ_digest d;
	char text[WRIT_DIGEST_TEXT];

	writ_sha256_start(&h);
	writ_sha256_add(&h, component->b, sizeof(component->b));
	writ_sha256_add(&h, WRIT_ENGINE_ID, sizeof(WRIT_ENGINE_ID));
	writ_sha256_end(&h, &d);
	writ_digest_text(&d, text);
	snprintf(out, NAME_MAX_LEN, "%s" SUFFIX, text + strlen("sha256:"));
}

/* Over the component's digest, the engine, the text, and a MAC of the code. */
static enum writ_status
entry_mac(const struct writ_cache *c, const struct writ_digest *component,
    const struct writ_code *code, uint8_t out[WRIT_MAC_LEN])
{
	writ_auto_release(writ_buf) b;
	uint8_t code_mac[WRIT_MAC_LEN];

	writ_buf_init(&b, WRIT_DESCRIBE_MAX + 4096);
	writ_mac(c->key, code->code.ptr, code->code.len, code_mac);
	writ_buf_cstr(&b, MAGIC WRIT_ENGINE_ID "\n");
	writ_buf_add(&b, component->b, sizeof(component->b));
	writ_buf_add(&b, code_mac, sizeof(code_mac));
	writ_buf_add(&b, code->text.ptr, code->text.len);
	if (writ_buf_status(&b) != WRIT_OK)
		return writ_buf_status(&b);
	writ_mac(c->key, b.ptr, b.len, out);
	return WRIT_OK;
}

static enum writ_status
read_entry(int fd, struct header *h, struct writ_code *out, struct writ_err *err)
{
	struct stat st;
	enum writ_status rc;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    pread(fd, h, sizeof(*h), 0) != sizeof(*h) ||
	    memcmp(h->magic, MAGIC, sizeof(h->magic)) ||
	    h->text_len > WRIT_DESCRIBE_MAX || h->code_len > WRIT_CODE_MAX ||
	    sizeof(*h) + h->text_len + h->code_len != (uint64_t)st.st_size)
		return writ_fail(err, WRIT_INVALID, "malformed");
	rc = writ_bytes_read(fd, sizeof(*h), h->text_len, &out->text, err);
	if (rc != WRIT_OK)
		return rc;
	return writ_bytes_read(fd, sizeof(*h) + h->text_len, h->code_len,
	    &out->code, err);
}

enum writ_status
writ_cache_get(struct writ_cache *c, const struct writ_digest *component,
    struct writ_code *out, struct writ_err *err)
{
	writ_auto_release(writ_code) code = { WRIT_BYTES_NONE, WRIT_BYTES_NONE };
	char name[NAME_MAX_LEN];
	uint8_t mac[WRIT_MAC_LEN];
	writ_auto_fd fd = -1;
	struct header h;
	enum writ_status st;

	if (!c->has_key)
		return WRIT_NOENT;
	entry_name(component, name);
	fd = openat(c->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? WRIT_NOENT : writ_fail(err, WRIT_INVALID,
		    "cache entry %s cannot be opened: %s", name,
		    strerror(errno));
	st = read_entry(fd, &h, &code, err);
	if (st == WRIT_OK)
		st = entry_mac(c, component, &code, mac);
	if (st == WRIT_NOMEM)
		return st;
	if (st != WRIT_OK || !writ_mac_eq(mac, h.mac)) {
		unlinkat(c->fd, name, 0);
		return writ_fail(err, WRIT_INVALID,
		    "cache entry %s was changed by somebody else; compiled anew",
		    name);
	}
	(void)futimens(fd, NULL);	/* when it was last used */
	*out = code;
	code = (struct writ_code){ WRIT_BYTES_NONE, WRIT_BYTES_NONE };
	return WRIT_OK;
}

static bool
write_all(int fd, const void *p, size_t n)
{
	const char *c = p;

	while (n) {
		ssize_t k = write(fd, c, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		c += k;
		n -= (size_t)k;
	}
	return true;
}

/* ---- what is kept */

/* What is written under a name of its own first: ".<entry>-<random>", ".key-<random>". */
static bool
is_part(const char *name)
{
	return name[0] == '.' && (!strncmp(name, ".key-", 5) ||
	    (strlen(name) > 65 + strlen(SUFFIX) &&
	    !strncmp(name + 65, SUFFIX "-", strlen(SUFFIX "-"))));
}

static bool
is_entry(const char *name)
{
	size_t n = strlen(name);

	return n == 64 + strlen(SUFFIX) && !strcmp(name + 64, SUFFIX);
}

typedef enum writ_status visit_fn(struct writ_cache *c, const char *name,
    void *ctx);

/* Visit the entries, or (`parts`) what writers have not finished. */
static enum writ_status
each(struct writ_cache *c, bool parts, visit_fn *visit, void *ctx,
    struct writ_err *err)
{
	int fd = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	enum writ_status st = WRIT_OK;
	struct dirent *e;
	unsigned n = 0;

	if (!d) {
		writ_closep(&fd);
		return c->fd < 0 ? WRIT_OK : writ_fail(err, WRIT_IO,
		    "cache folder %s: %s", c->dir, strerror(errno));
	}
	while (st == WRIT_OK && n++ < WRIT_CACHE_ENTRIES_MAX &&
	    (e = readdir(d)))
		if (parts ? is_part(e->d_name) : is_entry(e->d_name))
			st = visit(c, e->d_name, ctx);
	closedir(d);
	return st;
}

/* Somebody else may have removed it first. */
static enum writ_status
remove_name(struct writ_cache *c, const char *name)
{
	return unlinkat(c->fd, name, 0) && errno != ENOENT ? WRIT_IO : WRIT_OK;
}

/* A writer holds a lock on its part until it is renamed or dead. */
static enum writ_status
remove_part(struct writ_cache *c, const char *name, void *ctx)
{
	writ_auto_fd fd = openat(c->fd, name, O_RDONLY | O_CLOEXEC |
	    O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		(void)!remove_name(c, name);
	return WRIT_OK;
}

struct kept {
	char name[NAME_MAX_LEN];
	uint64_t bytes;
	struct timespec used;
};

static enum writ_status
keep_one(struct writ_cache *c, const char *name, void *ctx)
{
	struct kept *k;
	struct stat st;
	enum writ_status rc;

	if (fstatat(c->fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return WRIT_OK;
	rc = writ_vec_push(ctx, &k);
	if (rc != WRIT_OK)
		return rc;
	snprintf(k->name, sizeof(k->name), "%s", name);
	k->bytes = (uint64_t)st.st_size;
	k->used = st.st_mtim;
	return WRIT_OK;
}

static int
by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct kept *)a)->used;
	const struct timespec *y = &((const struct kept *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Those used longest ago go first.  Who reads one of them has it open, and reads all of it into
 * memory of its own; who comes later finds none and compiles. */
static void
make_room(struct writ_cache *c, uint64_t bytes)
{
	writ_auto_release(writ_vec) all;
	uint64_t total = bytes;
	struct kept *k;
	size_t i;

	writ_vec_init(&all, sizeof(struct kept), WRIT_CACHE_ENTRIES_MAX);
	(void)!each(c, true, remove_part, NULL, NULL);
	if (each(c, false, keep_one, &all, NULL) != WRIT_OK || !all.len)
		return;
	for (i = 0; i < all.len; i++) {
		k = writ_vec_at(&all, i);
		total += k->bytes;
	}
	if (total <= c->max_bytes)
		return;
	qsort(all.ptr, all.len, sizeof(struct kept), by_use);
	for (i = 0; i < all.len && total > c->max_bytes; i++) {
		k = writ_vec_at(&all, i);
		if (remove_name(c, k->name) == WRIT_OK)
			total -= k->bytes;
	}
}

enum writ_status
writ_cache_put(struct writ_cache *c, const struct writ_digest *component,
    const struct writ_code *code, struct writ_err *err)
{
	struct header h = { MAGIC, code->text.len, code->code.len, { 0 } };
	uint64_t bytes = sizeof(h) + code->text.len + code->code.len;
	char name[NAME_MAX_LEN], tmp[NAME_MAX_LEN + 24];
	writ_auto_fd fd = -1;
	enum writ_status st;
	uint64_t r;

	if (!c->has_key)
		return writ_fail(err, WRIT_IO, "cache folder %s cannot be "
		    "written; nothing is kept", c->dir);
	if (bytes > c->max_bytes)
		return writ_fail(err, WRIT_IO, "compiled code of %llu MiB is "
		    "not kept: the cache may have %llu MiB",
		    (unsigned long long)(bytes >> 20),
		    (unsigned long long)(c->max_bytes >> 20));
	make_room(c, bytes);
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	st = entry_mac(c, component, code, h.mac);
	if (st != WRIT_OK)
		return writ_fail(err, st, "cache entry");
	entry_name(component, name);
	writ_hash_random(&r, sizeof(r));
	snprintf(tmp, sizeof(tmp), ".%s-%08llx", name,
	    (unsigned long long)(r & 0xffffffff));
	fd = openat(c->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) &&
	    write_all(fd, &h, sizeof(h)) &&
	    write_all(fd, code->text.ptr, code->text.len) &&
	    write_all(fd, code->code.ptr, code->code.len) &&
	    !renameat(c->fd, tmp, c->fd, name))
		return WRIT_OK;
	st = writ_fail(err, WRIT_IO, "cache folder %s: %s; compiled code is not "
	    "kept", c->dir, strerror(errno));
	if (fd >= 0)
		unlinkat(c->fd, tmp, 0);
	return st;
}

struct listing {
	struct writ_buf *json;
	uint64_t bytes;
	unsigned n;
};

static enum writ_status
list_one(struct writ_cache *c, const char *name, void *ctx)
{
	struct listing *l = ctx;
	struct stat st;

	if (fstatat(c->fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return WRIT_OK;
	writ_buf_printf(l->json, "%s{\"digest\":\"%.64s\",\"bytes\":%lld,"
	    "\"used\":%lld}", l->n++ ? "," : "", name, (long long)st.st_size,
	    (long long)st.st_mtime);
	l->bytes += (uint64_t)st.st_size;
	return writ_buf_status(l->json);
}

enum writ_status
writ_cache_list(struct writ_cache *c, struct writ_buf *json,
    struct writ_err *err)
{
	struct listing l = { json, 0, 0 };
	enum writ_status st;

	writ_buf_cstr(json, "{\"dir\":");
	writ_buf_json(json, writ_str_from(c->dir));
	writ_buf_cstr(json, ",\"entries\":[");
	st = each(c, false, list_one, &l, err);
	writ_buf_printf(json, "],\"bytes\":%llu,\"max_bytes\":%llu}",
	    (unsigned long long)l.bytes, (unsigned long long)c->max_bytes);
	return st != WRIT_OK ? st : writ_buf_status(json);
}

static enum writ_status
remove_one(struct writ_cache *c, const char *name, void *ctx)
{
	enum writ_status st = remove_name(c, name);

	if (st == WRIT_OK)
		++*(unsigned *)ctx;
	return st;
}

enum writ_status
writ_cache_clear(struct writ_cache *c, unsigned *removed, struct writ_err *err)
{
	enum writ_status st;

	*removed = 0;
	(void)!each(c, true, remove_part, NULL, NULL);
	st = each(c, false, remove_one, removed, err);
	return st == WRIT_OK ? st : writ_fail(err, st,
	    "cache folder %s: an entry cannot be removed", c->dir);
}
