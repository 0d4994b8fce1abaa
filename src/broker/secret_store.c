#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "broker/secret_key.h"
#include "broker/secret_store.h"

#define MAGIC "writsec1"
#define FOLDER "secrets"
#define STORE_FILE "store"
#define FRESH_FILE ".store.new"
#define NAME_MAX_LEN 64
#define STORE_MAX (WRIT_SECRETS_MAX * (sizeof(struct record) + NAME_MAX_LEN + \
	WRIT_SECRET_MAX + WRIT_SEAL_BYTES) + 4096)
#define WAIT_TRIES 100		/* of 20 ms, for another writer */

/* The file: this, then the records with their names and sealed values, then a MAC of it all. */
struct head {
	char magic[8];
	uint64_t id;		/* of this store, made with its key */
	uint32_t where;		/* enum writ_secret_key */
	uint32_t count;
};

struct record {
	int64_t set_ms;
	uint32_t name_len, sealed_len;
};

struct secret {
	char name[NAME_MAX_LEN + 1];
	int64_t set_ms;
	uint8_t *sealed;
	size_t sealed_len;
};

/* In locked memory. */
struct keys {
	uint8_t key[WRIT_KEY_LEN];	/* as it is kept; the others are made of it */
	uint8_t seal[WRIT_KEY_LEN], file[WRIT_KEY_LEN], print[WRIT_KEY_LEN];
	bool have;
};

struct writ_secret_store {
	int dir;
	struct head head;
	struct keys *keys;
	struct writ_vec secrets;	/* struct secret, by name */
	char path[WRIT_PATH_MAX + 1];	/* of the folder */
};

/* ---- names and values */

bool
writ_secret_name_ok(struct writ_str s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t i;

	if (s.len == 0 || s.len > NAME_MAX_LEN || s.ptr[0] == '_' ||
	    s.ptr[0] == '-')
		return false;
	for (i = 0; i < s.len; i++)
		if (!memchr(allowed, s.ptr[i], sizeof(allowed) - 1))
			return false;
	return true;
}

const char *
writ_secret_bad(struct writ_str v)
{
	size_t i;

	if (v.len < WRIT_SECRET_MIN)
		return "is shorter than 8 bytes: it could not be told from "
		    "ordinary text, and so not be kept out of it";
	if (v.len > WRIT_SECRET_MAX)
		return "is longer than 16 KiB";
	for (i = 0; i < v.len; i++)
		if ((unsigned char)v.ptr[i] < 0x20 || v.ptr[i] == 0x7f)
			return "has a control character (a line end?), which no "
			    "header may have";
	if (v.ptr[0] == ' ' || v.ptr[v.len - 1] == ' ')
		return "begins or ends with a space";
	return NULL;
}

/* ---- keys */

static void
derive(struct keys *k)
{
	writ_mac(k->key, "seal", 4, k->seal);
	writ_mac(k->key, "file", 4, k->file);
	writ_mac(k->key, "print", 5, k->print);
	k->have = true;
}

static enum writ_status
read_key(struct writ_secret_store *s, struct writ_err *err)
{
	enum writ_status st = s->head.where == WRIT_SECRET_KEY_KEYRING ?
	    writ_secret_key_ring(s->head.id, s->keys->key, err) :
	    writ_secret_key_file(s->dir, s->keys->key, err);

	if (st == WRIT_OK)
		derive(s->keys);
	return st == WRIT_NOENT ? WRIT_INVALID : st;
}

static enum writ_status
make_key(struct writ_secret_store *s, struct writ_err *err)
{
	enum writ_status st;

	writ_hash_random(&s->head.id, sizeof(s->head.id));
	st = s->head.where == WRIT_SECRET_KEY_KEYRING ?
	    writ_secret_key_ring_new(s->head.id, s->keys->key, err) :
	    writ_secret_key_file_new(s->dir, s->keys->key, err);
	if (st == WRIT_OK)
		derive(s->keys);
	return st;
}

enum writ_status
writ_secret_store_key(struct writ_secret_store *s, enum writ_secret_key where,
    struct writ_err *err)
{
	if (s->head.where == (uint32_t)where)
		return WRIT_OK;
	if (s->secrets.len)
		return writ_fail(err, WRIT_EXIST, "the secret store has secrets "
		    "under a key in %s; remove them first (writ secret rm "
		    "--all)", s->head.where == WRIT_SECRET_KEY_KEYRING ?
		    "the kernel's keyring" : "a file");
	s->head.where = (uint32_t)where;
	s->keys->have = false;
	return WRIT_OK;
}

enum writ_secret_key
writ_secret_store_where(const struct writ_secret_store *s)
{
	return (enum writ_secret_key)s->head.where;
}

/* ---- reading */

static enum writ_status
damaged(const struct writ_secret_store *s, struct writ_err *err)
{
	return writ_fail(err, WRIT_INVALID, "the secret store %s was changed by "
	    "somebody else, or its key is another one; writ secret rm --all, "
	    "and set the secrets again", s->path);
}

static struct secret *
find(struct writ_secret_store *s, struct writ_str name)
{
	struct secret *e;
	size_t i;

	for (i = 0; i < s->secrets.len; i++) {
		e = writ_vec_at(&s->secrets, i);
		if (writ_str_is(name, e->name))
			return e;
	}
	return NULL;
}

static enum writ_status
take_record(struct writ_secret_store *s, struct writ_str *in,
    struct writ_err *err)
{
	struct secret *e;
	struct record r;
	struct writ_str name;

	if (in->len < sizeof(r))
		return damaged(s, err);
	memcpy(&r, in->ptr, sizeof(r));
	*in = writ_str_skip(*in, sizeof(r));
	if (r.name_len > NAME_MAX_LEN || r.sealed_len > WRIT_SECRET_MAX +
	    WRIT_SEAL_BYTES || in->len < (size_t)r.name_len + r.sealed_len)
		return damaged(s, err);
	name = writ_str(in->ptr, r.name_len);
	if (!writ_secret_name_ok(name) || find(s, name))
		return damaged(s, err);
	if (writ_vec_push(&s->secrets, &e) != WRIT_OK)
		return writ_fail(err, WRIT_NOMEM, "secret store");
	memcpy(e->name, name.ptr, name.len);
	e->set_ms = r.set_ms;
	e->sealed_len = r.sealed_len;
	e->sealed = writ_memdup(in->ptr + r.name_len, r.sealed_len);
	*in = writ_str_skip(*in, (size_t)r.name_len + r.sealed_len);
	return e->sealed ? WRIT_OK : writ_fail(err, WRIT_NOMEM, "secret store");
}

static enum writ_status
parse(struct writ_secret_store *s, struct writ_str in, struct writ_err *err)
{
	uint8_t mac[WRIT_MAC_LEN];
	enum writ_status st;
	uint32_t i;

	if (in.len < sizeof(s->head) + WRIT_MAC_LEN)
		return damaged(s, err);
	memcpy(&s->head, in.ptr, sizeof(s->head));
	if (memcmp(s->head.magic, MAGIC, sizeof(s->head.magic)) ||
	    s->head.where > WRIT_SECRET_KEY_KEYRING ||
	    s->head.count > WRIT_SECRETS_MAX)
		return damaged(s, err);
	st = read_key(s, err);
	if (st != WRIT_OK)
		return st;
	in.len -= WRIT_MAC_LEN;
	writ_mac(s->keys->file, in.ptr, in.len, mac);
	if (!writ_mac_eq(mac, (const uint8_t *)in.ptr + in.len))
		return damaged(s, err);
	in = writ_str_skip(in, sizeof(s->head));
	for (i = 0; st == WRIT_OK && i < s->head.count; i++)
		st = take_record(s, &in, err);
	return st == WRIT_OK && in.len ? damaged(s, err) : st;
}

static enum writ_status
read_file(struct writ_secret_store *s, struct writ_err *err)
{
	writ_auto_fd fd = openat(s->dir, STORE_FILE, O_RDONLY | O_CLOEXEC |
	    O_NOFOLLOW | O_NONBLOCK);
	writ_auto_release(writ_buf) b;
	struct stat st;
	void *room;

	writ_buf_init(&b, STORE_MAX);
	if (fd < 0 && errno == ENOENT)
		return WRIT_NOENT;
	if (fd < 0 || fstat(fd, &st))
		return writ_fail(err, WRIT_IO, "secret store %s: %s", s->path,
		    strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077))
		return writ_fail(err, WRIT_DENIED, "the secret store %s must be "
		    "a file of yours, closed to others (chmod 600)", s->path);
	if (st.st_size < 0 || (uint64_t)st.st_size > STORE_MAX)
		return damaged(s, err);
	room = writ_buf_room(&b, (size_t)st.st_size + 1);
	if (!room)
		return writ_fail(err, WRIT_NOMEM, "secret store");
	if (read(fd, room, (size_t)st.st_size) != st.st_size)
		return damaged(s, err);
	return parse(s, writ_str(room, (size_t)st.st_size), err);
}

/* ---- writing */

static void
put_all(const struct writ_secret_store *s, struct writ_buf *b)
{
	const struct secret *e;
	uint8_t mac[WRIT_MAC_LEN];
	size_t i;

	writ_buf_add(b, &s->head, sizeof(s->head));
	for (i = 0; i < s->secrets.len; i++) {
		struct record r;

		e = writ_vec_at(&s->secrets, i);
		memset(&r, 0, sizeof(r));
		r.set_ms = e->set_ms;
		r.name_len = (uint32_t)strlen(e->name);
		r.sealed_len = (uint32_t)e->sealed_len;
		writ_buf_add(b, &r, sizeof(r));
		writ_buf_cstr(b, e->name);
		writ_buf_add(b, e->sealed, e->sealed_len);
	}
	if (writ_buf_status(b) != WRIT_OK)
		return;
	writ_mac(s->keys->file, b->ptr, b->len, mac);
	writ_buf_add(b, mac, sizeof(mac));
}

static enum writ_status
save(struct writ_secret_store *s, struct writ_err *err)
{
	writ_auto_release(writ_buf) b;
	writ_auto_fd fd = -1;
	enum writ_status st;

	writ_buf_init(&b, STORE_MAX);
	memcpy(s->head.magic, MAGIC, sizeof(s->head.magic));
	s->head.count = (uint32_t)s->secrets.len;
	put_all(s, &b);
	st = writ_buf_status(&b);
	if (st != WRIT_OK)
		return writ_fail(err, st, "secret store");
	(void)unlinkat(s->dir, FRESH_FILE, 0);
	fd = openat(s->dir, FRESH_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	if (fd >= 0 && write(fd, b.ptr, b.len) == (ssize_t)b.len &&
	    fsync(fd) == 0 &&
	    renameat(s->dir, FRESH_FILE, s->dir, STORE_FILE) == 0 &&
	    fsync(s->dir) == 0)
		return WRIT_OK;
	(void)writ_fail(err, WRIT_IO, "secret store %s: %s", s->path,
	    strerror(errno));
	(void)unlinkat(s->dir, FRESH_FILE, 0);
	return WRIT_IO;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct secret *)a)->name,
	    ((const struct secret *)b)->name);
}

/* The new value, in its place; what was there is kept in *old for when it cannot be saved. */
static enum writ_status
put_value(struct writ_secret_store *s, struct writ_str name,
    struct writ_str value, struct secret *old, struct writ_err *err)
{
	size_t len = value.len + WRIT_SEAL_BYTES;
	uint8_t *sealed = writ_alloc(len, 1);
	struct secret *e = find(s, name);
	enum writ_status st = sealed ? WRIT_OK : WRIT_NOMEM;

	if (st == WRIT_OK && !e)
		st = writ_vec_push(&s->secrets, &e);
	if (st != WRIT_OK) {
		writ_mem_free(sealed);
		return writ_fail(err, st, st == WRIT_LIMIT ? "the secret store "
		    "is full" : "secret store");
	}
	*old = *e;
	writ_seal(s->keys->seal, name, value.ptr, value.len, sealed);
	memcpy(e->name, name.ptr, name.len);
	e->name[name.len] = '\0';
	e->sealed = sealed;
	e->sealed_len = len;
	return WRIT_OK;
}

enum writ_status
writ_secret_store_set(struct writ_secret_store *s, struct writ_str name,
    struct writ_str value, int64_t wall_ms, struct writ_err *err)
{
	const char *bad = writ_secret_bad(value);
	struct secret old = { .sealed = NULL }, *e;
	enum writ_status st = WRIT_OK;

	if (!writ_secret_name_ok(name))
		return writ_fail(err, WRIT_INVALID, "\"%.*s\" is not a name for "
		    "a secret: a-z, 0-9, _ and -, at most %d of them",
		    WRIT_STR_ARG(name), NAME_MAX_LEN);
	if (bad)
		return writ_fail(err, WRIT_INVALID, "the value of \"%.*s\" %s",
		    WRIT_STR_ARG(name), bad);
	if (!s->keys->have)
		st = make_key(s, err);
	if (st == WRIT_OK)
		st = put_value(s, name, value, &old, err);
	if (st != WRIT_OK)
		return st;
	e = find(s, name);
	e->set_ms = wall_ms;
	qsort(s->secrets.ptr, s->secrets.len, sizeof(struct secret), by_name);
	st = save(s, err);
	writ_mem_free(old.sealed);
	return st;
}

enum writ_status
writ_secret_store_remove(struct writ_secret_store *s, struct writ_str name,
    struct writ_err *err)
{
	struct secret *e = find(s, name);

	if (!e)
		return writ_fail(err, WRIT_NOENT, "no secret \"%.*s\" is in the "
		    "store", WRIT_STR_ARG(name));
	writ_mem_free(e->sealed);
	writ_vec_remove(&s->secrets,
	    (size_t)(e - (struct secret *)s->secrets.ptr));
	return save(s, err);
}

/* ---- opening */

static enum writ_status
check_dir(const struct writ_secret_store *s, struct writ_err *err)
{
	struct stat st;

	if (fstat(s->dir, &st))
		return writ_fail(err, WRIT_IO, "%s: %s", s->path,
		    strerror(errno));
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return writ_fail(err, WRIT_DENIED, "the folder %s must belong to "
		    "you and be closed to others (chmod 700)", s->path);
	return WRIT_OK;
}

static enum writ_status
lock_dir(struct writ_secret_store *s, struct writ_err *err)
{
	const struct timespec pause = { 0, 20000000 };
	unsigned i;

	for (i = 0; i < WAIT_TRIES; i++) {
		if (!flock(s->dir, LOCK_EX | LOCK_NB))
			return WRIT_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return writ_fail(err, WRIT_IO, "%s: %s", s->path,
			    strerror(errno));
		nanosleep(&pause, NULL);
	}
	return writ_fail(err, WRIT_BUSY, "%s: another process is changing it",
	    s->path);
}

enum writ_status
writ_secret_store_open(const char *state_dir, bool write_it,
    struct writ_secret_store **out, struct writ_err *err)
{
	writ_auto(writ_secret_store) s = writ_alloc(1, sizeof(*s));
	enum writ_status st;
	int n;

	if (!s)
		return writ_fail(err, WRIT_NOMEM, "secret store");
	s->dir = -1;
	writ_vec_init(&s->secrets, sizeof(struct secret), WRIT_SECRETS_MAX);
	n = snprintf(s->path, sizeof(s->path), "%s/" FOLDER, state_dir);
	if (n < 0 || (size_t)n >= sizeof(s->path))
		return writ_fail(err, WRIT_NAMETOOLONG, "state folder");
	s->keys = writ_locked_alloc(sizeof(*s->keys));
	if (!s->keys)
		return writ_fail(err, WRIT_NOMEM, "no memory for secrets that "
		    "can be locked (ulimit -l)");
	if (write_it && mkdir(s->path, 0700) && errno != EEXIST)
		return writ_fail(err, WRIT_IO, "%s: %s", s->path,
		    strerror(errno));
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0)
		return errno == ENOENT ? writ_fail(err, WRIT_NOENT, "there is no "
		    "secret store yet: writ secret set NAME") : writ_fail(err,
		    WRIT_IO, "%s: %s", s->path, strerror(errno));
	st = check_dir(s, err);
	if (st == WRIT_OK && write_it)
		st = lock_dir(s, err);
	if (st == WRIT_OK)
		st = read_file(s, err);
	if (st == WRIT_NOENT && write_it)
		st = WRIT_OK;
	else if (st == WRIT_NOENT)
		return writ_fail(err, st, "there is no secret store yet: writ "
		    "secret set NAME");
	if (st == WRIT_OK)
		*out = writ_steal(&s);
	return st;
}

void
writ_secret_store_free(struct writ_secret_store *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->secrets.len; i++)
		writ_mem_free(((struct secret *)writ_vec_at(&s->secrets,
		    i))->sealed);
	writ_vec_release(&s->secrets);
	writ_locked_free(s->keys);
	writ_closep(&s->dir);
	writ_mem_free(s);
}

static enum writ_status
open_sealed(const struct writ_secret_store *s, const struct secret *e,
    struct writ_secret_value *out, struct writ_err *err)
{
	writ_auto_locked uint8_t *p = NULL;
	size_t len;

	if (e->sealed_len < WRIT_SEAL_BYTES)
		return damaged(s, err);
	len = e->sealed_len - WRIT_SEAL_BYTES;
	p = writ_locked_alloc(len);
	if (!p)
		return writ_fail(err, WRIT_NOMEM, "no memory for secrets that "
		    "can be locked (ulimit -l)");
	if (writ_unseal(s->keys->seal, writ_str_from(e->name), e->sealed,
	    e->sealed_len, p) != WRIT_OK)
		return damaged(s, err);
	out->ptr = writ_steal(&p);
	out->len = len;
	return WRIT_OK;
}

enum writ_status
writ_secret_store_get(struct writ_secret_store *s, struct writ_str name,
    struct writ_secret_value *out, struct writ_err *err)
{
	const struct secret *e = find(s, name);

	return e ? open_sealed(s, e, out, err) : writ_fail(err, WRIT_NOENT,
	    "no secret \"%.*s\" is in the store: writ secret set %.*s",
	    WRIT_STR_ARG(name), WRIT_STR_ARG(name));
}

bool
writ_secret_store_at(struct writ_secret_store *s, size_t i,
    struct writ_secret_entry *out)
{
	struct writ_secret_value v = { NULL, 0 };
	uint8_t mac[WRIT_MAC_LEN];
	const struct secret *e;

	if (i >= s->secrets.len)
		return false;
	e = writ_vec_at(&s->secrets, i);
	memset(out, 0, sizeof(*out));
	out->name = writ_str_from(e->name);
	out->set_ms = e->set_ms;
	if (open_sealed(s, e, &v, NULL) != WRIT_OK)
		return true;
	writ_mac(s->keys->print, v.ptr, v.len, mac);
	writ_locked_free(v.ptr);
	snprintf(out->print, sizeof(out->print), "%02x%02x%02x%02x", mac[0],
	    mac[1], mac[2], mac[3]);
	return true;
}

/* The keyring's key is found by the id in the head, whether or not the rest can be read. */
enum writ_status
writ_secret_store_clear(const char *state_dir, struct writ_err *err)
{
	static const char *const files[] = { STORE_FILE, FRESH_FILE, "store.key",
		".store.key.new" };
	char path[WRIT_PATH_MAX + 1];
	writ_auto_fd dir = -1;
	writ_auto_fd fd = -1;
	struct head h;
	size_t i;

	if ((size_t)snprintf(path, sizeof(path), "%s/" FOLDER, state_dir) >=
	    sizeof(path))
		return writ_fail(err, WRIT_NAMETOOLONG, "state folder");
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return WRIT_OK;
	fd = openat(dir, STORE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK);
	if (fd >= 0 && pread(fd, &h, sizeof(h), 0) == sizeof(h) &&
	    !memcmp(h.magic, MAGIC, sizeof(h.magic)) &&
	    h.where == WRIT_SECRET_KEY_KEYRING)
		writ_secret_key_ring_drop(h.id);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (unlinkat(dir, files[i], 0) && errno != ENOENT)
			return writ_fail(err, WRIT_IO, "%s/%s: %s", path,
			    files[i], strerror(errno));
	return WRIT_OK;
}

void
writ_secret_store_stamp(const char *state_dir, struct writ_secret_stamp *out)
{
	char path[WRIT_PATH_MAX + 1];
	struct stat st;

	memset(out, 0, sizeof(*out));
	if ((size_t)snprintf(path, sizeof(path), "%s/" FOLDER "/" STORE_FILE,
	    state_dir) >= sizeof(path) || stat(path, &st))
		return;
	out->v[0] = (uint64_t)st.st_ino;
	out->v[1] = (uint64_t)st.st_size;
	out->v[2] = (uint64_t)st.st_mtim.tv_sec;
	out->v[3] = (uint64_t)st.st_mtim.tv_nsec;
}
