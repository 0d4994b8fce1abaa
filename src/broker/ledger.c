#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/vec.h"
#include "broker/ledger.h"

#define MAGIC "writbud1"
#define HEAD_BYTES 4096
#define LOCK_AT (1ll << 40)	/* of the file, far behind its end: bytes that are only locked */
#define LIVE_AT (LOCK_AT + 1)	/* one byte a process */
#define TRIES_NS 50000		/* between two attempts at the lock */

/* The file begins with two of these, at 0 and at half of HEAD_BYTES. */
struct head {
	char magic[8];
	uint64_t seq;
	uint64_t end;		/* blocks stand from HEAD_BYTES to here */
	uint64_t check;
};

/* A block: this, two states, a count for each process, the ring. */
struct block {
	char magic[8];
	uint64_t bytes;
	uint64_t ring;
	char key[WRIT_LEDGER_KEY_MAX];
	uint64_t check;
};

#define STATE_AT 512
#define STATE_STEP 128
#define HOLDS_AT 1024
#define RING_AT (HOLDS_AT + 4 * WRIT_BUDGET_HOLDERS_MAX)

_Static_assert(sizeof(struct block) <= STATE_AT, "a block's head");
_Static_assert(sizeof(struct writ_ledger_state) <= STATE_STEP, "a state");

struct writ_ledger {
	int fd;
	unsigned holder;
	uint8_t boot[16];
	bool grew;
	struct head head;
	uint64_t known;			/* blocks before here are in `index` */
	struct writ_vec index;		/* struct place, as they stand in the file */
	char path[WRIT_PATH_MAX + 1];
};

struct place {
	char *key;
	uint64_t at;
	uint32_t ring;
};

static uint64_t
check_of(const void *p, size_t n)
{
	static const uint8_t key[WRIT_KEY_LEN] = "writ budget ledger";
	uint8_t mac[WRIT_MAC_LEN];
	uint64_t v;

	writ_mac(key, p, n, mac);
	memcpy(&v, mac, sizeof(v));
	return v;
}

#define CHECK_OF(s) check_of((s), offsetof(__typeof__(*(s)), check))

static enum writ_status
damaged(const struct writ_ledger *l, const char *what, struct writ_err *err)
{
	return writ_fail(err, WRIT_INVALID, "budget ledger %s is damaged (%s): "
	    "what was used is not known; put back a copy, or remove it to begin "
	    "from nothing", l->path, what);
}

static enum writ_status
failed(const struct writ_ledger *l, struct writ_err *err)
{
	return writ_fail(err, WRIT_IO, "budget ledger %s: %s", l->path,
	    strerror(errno));
}

static enum writ_status
get(const struct writ_ledger *l, uint64_t at, void *p, size_t n,
    struct writ_err *err)
{
	ssize_t k;

	do
		k = pread(l->fd, p, n, (off_t)at);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return failed(l, err);
	return (size_t)k == n ? WRIT_OK : damaged(l, "it was cut", err);
}

static enum writ_status
put(const struct writ_ledger *l, uint64_t at, const void *p, size_t n,
    struct writ_err *err)
{
	ssize_t k;

	do
		k = pwrite(l->fd, p, n, (off_t)at);
	while (k < 0 && errno == EINTR);
	if (k >= 0 && (size_t)k != n)
		errno = ENOSPC;
	return k >= 0 && (size_t)k == n ? WRIT_OK : failed(l, err);
}

/* ---- locks */

/* WRIT_OK; WRIT_BUSY somebody else has it. */
static enum writ_status
lock_byte(int fd, off_t at, short type)
{
	struct flock f = { .l_type = type, .l_whence = SEEK_SET, .l_start = at,
		.l_len = 1 };
	int rc;

	do
		rc = fcntl(fd, F_OFD_SETLK, &f);
	while (rc && errno == EINTR);
	if (!rc)
		return WRIT_OK;
	return errno == EAGAIN || errno == EACCES ? WRIT_BUSY : WRIT_IO;
}

/* Whether another process has the byte locked. */
static bool
is_alive(const struct writ_ledger *l, unsigned holder)
{
	struct flock f = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
		.l_start = LIVE_AT + holder, .l_len = 1 };

	return holder == l->holder || fcntl(l->fd, F_OFD_GETLK, &f) ||
	    f.l_type != F_UNLCK;
}

/* Never without an end: the process that has it may have been stopped. */
enum writ_status
writ_ledger_lock(struct writ_ledger *l, struct writ_err *err)
{
	const struct timespec pause = { 0, TRIES_NS };
	unsigned i, n = WRIT_BUDGET_WAIT_MS * 1000u / (TRIES_NS / 1000u);
	enum writ_status st = WRIT_BUSY;

	for (i = 0; i < n; i++) {
		st = lock_byte(l->fd, LOCK_AT, F_WRLCK);
		if (st != WRIT_BUSY)
			break;
		nanosleep(&pause, NULL);
	}
	if (st == WRIT_BUSY)
		return writ_fail(err, WRIT_IO, "budget ledger %s: another "
		    "process keeps it locked", l->path);
	return st == WRIT_OK ? st : failed(l, err);
}

void
writ_ledger_unlock(struct writ_ledger *l)
{
	(void)!lock_byte(l->fd, LOCK_AT, F_UNLCK);
}

/* ---- the head */

static bool
head_good(const struct head *h)
{
	return !memcmp(h->magic, MAGIC, sizeof(h->magic)) &&
	    h->check == CHECK_OF(h);
}

static enum writ_status
read_head(struct writ_ledger *l, struct writ_err *err)
{
	struct head h[2];
	struct stat sb;
	bool a, b;
	enum writ_status st = get(l, 0, &h[0], sizeof(h[0]), err);

	if (st == WRIT_OK)
		st = get(l, HEAD_BYTES / 2, &h[1], sizeof(h[1]), err);
	if (st != WRIT_OK)
		return st;
	a = head_good(&h[0]);
	b = head_good(&h[1]);
	if (!a && !b)
		return damaged(l, "its head", err);
	l->head = h[!a || (b && h[1].seq > h[0].seq)];
	if (fstat(l->fd, &sb))
		return failed(l, err);
	if (l->head.end < HEAD_BYTES || l->head.end > (uint64_t)sb.st_size)
		return damaged(l, "it was cut", err);
	return WRIT_OK;
}

static enum writ_status
write_head(struct writ_ledger *l, struct writ_err *err)
{
	l->head.seq++;
	l->head.check = CHECK_OF(&l->head);
	return put(l, l->head.seq % 2 * (HEAD_BYTES / 2), &l->head,
	    sizeof(l->head), err);
}

/* ---- the file */

static enum writ_status
open_dir(const char *dir, int *out, struct writ_err *err)
{
	writ_auto_fd fd = -1;
	struct stat sb;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return writ_fail(err, WRIT_IO, "budget folder %s: %s", dir,
		    strerror(errno));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb))
		return writ_fail(err, WRIT_IO, "budget folder %s: %s", dir,
		    strerror(errno));
	if (sb.st_uid != geteuid() || (sb.st_mode & 077))
		return writ_fail(err, WRIT_DENIED, "budget folder %s must belong "
		    "to you and be closed to others (chmod 700)", dir);
	*out = writ_steal_fd(&fd);
	return WRIT_OK;
}

/* Whole from its first moment on: a file without a good head was damaged, never just begun. */
static enum writ_status
make_file(struct writ_ledger *l, int dir, const char *name, struct writ_err *err)
{
	struct head h = { MAGIC, 1, HEAD_BYTES, 0 };
	uint8_t page[HEAD_BYTES] = { 0 };
	char tmp[32];
	uint64_t r;
	enum writ_status st;

	writ_hash_random(&r, sizeof(r));
	snprintf(tmp, sizeof(tmp), ".new-%016llx", (unsigned long long)r);
	h.check = CHECK_OF(&h);
	memcpy(page, &h, sizeof(h));
	l->fd = openat(dir, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (l->fd < 0)
		return failed(l, err);
	st = put(l, 0, page, sizeof(page), err);
	if (st == WRIT_OK && (fdatasync(l->fd) ||
	    (linkat(dir, tmp, dir, name, 0) && errno != EEXIST)))
		st = failed(l, err);
	(void)unlinkat(dir, tmp, 0);
	writ_closep(&l->fd);
	return st;
}

static enum writ_status
open_file(struct writ_ledger *l, int dir, const char *name, struct writ_err *err)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	struct stat sb;
	enum writ_status st;

	l->fd = openat(dir, name, flags);
	if (l->fd < 0 && errno == ENOENT) {
		st = make_file(l, dir, name, err);
		if (st != WRIT_OK)
			return st;
		l->fd = openat(dir, name, flags);
	}
	if (l->fd < 0 || fstat(l->fd, &sb))
		return failed(l, err);
	if (!S_ISREG(sb.st_mode) || sb.st_uid != geteuid() ||
	    (sb.st_mode & 077))
		return writ_fail(err, WRIT_DENIED, "budget ledger %s must be a "
		    "file of yours, closed to others (chmod 600)", l->path);
	return WRIT_OK;
}

/* Take a number that no living process has. */
static enum writ_status
become_holder(struct writ_ledger *l, struct writ_err *err)
{
	enum writ_status st = WRIT_BUSY;
	unsigned i;

	for (i = 0; i < WRIT_BUDGET_HOLDERS_MAX && st == WRIT_BUSY; i++) {
		st = lock_byte(l->fd, LIVE_AT + i, F_WRLCK);
		l->holder = i;
	}
	if (st == WRIT_BUSY)
		return writ_fail(err, WRIT_LIMIT, "budget ledger %s: %d sessions "
		    "have it open", l->path, WRIT_BUDGET_HOLDERS_MAX);
	return st == WRIT_OK ? st : failed(l, err);
}

static enum writ_status scan(struct writ_ledger *l, struct writ_err *err);

/* Whoever had this number before is dead: what was held is free. */
static enum writ_status
clear_holder(struct writ_ledger *l, struct writ_err *err)
{
	const uint32_t none = 0;
	enum writ_status st = WRIT_OK;
	const struct place *p;
	uint32_t had;
	uint64_t at;
	size_t i;

	for (i = 0; st == WRIT_OK && i < l->index.len; i++) {
		p = writ_vec_at(&l->index, i);
		at = p->at + HOLDS_AT + 4 * l->holder;
		st = get(l, at, &had, sizeof(had), err);
		if (st == WRIT_OK && had) {
			struct writ_ledger_account a = { p->at, p->ring, { 0 } };

			st = put(l, at, &none, sizeof(none), err);
			if (st == WRIT_OK)
				st = writ_ledger_read(l, &a, err);
			if (st == WRIT_OK)
				st = writ_ledger_recount(l, &a, err);
		}
	}
	return st;
}

enum writ_status
writ_ledger_open(const char *dir, const char *name, const uint8_t boot[16],
    struct writ_ledger **out, struct writ_err *err)
{
	writ_auto(writ_ledger) l = writ_alloc(1, sizeof(*l));
	writ_auto_fd folder = -1;
	enum writ_status st;
	int n;

	if (!l)
		return writ_fail(err, WRIT_NOMEM, "budget ledger");
	l->fd = -1;
	l->known = HEAD_BYTES;
	writ_vec_init(&l->index, sizeof(struct place), WRIT_BUDGET_ACCOUNTS_MAX);
	memcpy(l->boot, boot, sizeof(l->boot));
	n = snprintf(l->path, sizeof(l->path), "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(l->path))
		return writ_fail(err, WRIT_NAMETOOLONG, "budget folder");
	st = open_dir(dir, &folder, err);
	if (st == WRIT_OK)
		st = open_file(l, folder, name, err);
	if (st == WRIT_OK)
		st = writ_ledger_lock(l, err);
	if (st != WRIT_OK)
		return st;
	st = read_head(l, err);
	if (st == WRIT_OK)
		st = become_holder(l, err);
	if (st == WRIT_OK)
		st = scan(l, err);
	if (st == WRIT_OK)
		st = clear_holder(l, err);
	writ_ledger_unlock(l);
	if (st == WRIT_OK)
		*out = writ_steal(&l);
	return st;
}

void
writ_ledger_free(struct writ_ledger *l)
{
	size_t i;

	if (!l)
		return;
	for (i = 0; i < l->index.len; i++)
		writ_mem_free(((struct place *)writ_vec_at(&l->index, i))->key);
	writ_vec_release(&l->index);
	writ_closep(&l->fd);
	writ_mem_free(l);
}

bool
writ_ledger_grew(const struct writ_ledger *l)
{
	return l->grew;
}

enum writ_status
writ_ledger_sync(struct writ_ledger *l, struct writ_err *err)
{
	return fdatasync(l->fd) ? failed(l, err) : WRIT_OK;
}

/* ---- blocks */

static uint64_t
block_bytes(uint64_t ring)
{
	return (RING_AT + 8 * ring + 511) / 512 * 512;
}

static enum writ_status
read_block(struct writ_ledger *l, uint64_t at, struct block *b,
    struct writ_err *err)
{
	enum writ_status st = get(l, at, b, sizeof(*b), err);

	if (st != WRIT_OK)
		return st;
	if (memcmp(b->magic, MAGIC, sizeof(b->magic)) ||
	    b->check != CHECK_OF(b) || b->ring > WRIT_BUDGET_RATE_MAX * 2 ||
	    b->bytes != block_bytes(b->ring) || b->bytes > l->head.end - at ||
	    b->key[sizeof(b->key) - 1])
		return damaged(l, "an account's head", err);
	return WRIT_OK;
}

/* Its place in the file is taken before it is used: a full disk shows here. */
static enum writ_status
append_block(struct writ_ledger *l, const char *key, uint32_t ring,
    struct writ_ledger_account *a, struct writ_err *err)
{
	struct block b = { MAGIC, block_bytes(ring), ring, { 0 }, 0 };
	uint64_t at = l->head.end;
	int rc;
	enum writ_status st;

	if (ftruncate(l->fd, (off_t)at))
		return failed(l, err);
	rc = posix_fallocate(l->fd, (off_t)at, (off_t)b.bytes);
	if (rc) {
		errno = rc;
		return failed(l, err);
	}
	snprintf(b.key, sizeof(b.key), "%s", key);
	b.check = CHECK_OF(&b);
	a->at = at;
	a->ring = ring;
	st = put(l, at, &b, sizeof(b), err);
	if (st == WRIT_OK)
		st = writ_ledger_write(l, a, err);
	if (st != WRIT_OK)
		return st;
	l->head.end = at + b.bytes;
	st = write_head(l, err);
	l->grew = true;
	return st == WRIT_OK ? scan(l, err) : st;
}

/* Look at blocks that were not there before. */
static enum writ_status
scan(struct writ_ledger *l, struct writ_err *err)
{
	struct place *p;
	struct block b;
	enum writ_status st;

	while (l->known < l->head.end) {
		st = read_block(l, l->known, &b, err);
		if (st != WRIT_OK)
			return st;
		st = writ_vec_push(&l->index, &p);
		if (st == WRIT_LIMIT)
			return writ_fail(err, st, "budget ledger %s: too many "
			    "accounts; remove it to begin from nothing",
			    l->path);
		if (st == WRIT_OK)
			p->key = writ_str_dup(writ_str_from(b.key));
		if (st != WRIT_OK || !p->key)
			return writ_fail(err, WRIT_NOMEM, "budget ledger");
		p->at = l->known;
		p->ring = (uint32_t)b.ring;
		l->known += b.bytes;
	}
	return WRIT_OK;
}

/* The account's first block: where it moved to is said there.  (A move that was never finished
 * leaves a second one that nothing points to.) */
static const struct place *
find_block(const struct writ_ledger *l, const char *key)
{
	const struct place *p;
	size_t i;

	for (i = 0; i < l->index.len; i++) {
		p = writ_vec_at(&l->index, i);
		if (!strcmp(p->key, key))
			return p;
	}
	return NULL;
}

/* A larger ring: the account moves, with its times and what others hold. */
static enum writ_status
move_block(struct writ_ledger *l, const char *key, uint32_t ring,
    struct writ_ledger_account *a, struct writ_err *err)
{
	uint8_t holds[4 * WRIT_BUDGET_HOLDERS_MAX];
	struct writ_ledger_account to = { .state = a->state };
	uint64_t n = a->state.times < a->ring ? a->state.times : a->ring, ns;
	enum writ_status st;

	st = append_block(l, key, ring, &to, err);
	if (st == WRIT_OK)
		st = get(l, a->at + HOLDS_AT, holds, sizeof(holds), err);
	if (st == WRIT_OK)
		st = put(l, to.at + HOLDS_AT, holds, sizeof(holds), err);
	for (to.state.times = 0; st == WRIT_OK && n; n--) {
		st = writ_ledger_time(l, a, n, &ns, err);
		if (st == WRIT_OK)
			st = writ_ledger_time_add(l, &to, ns, err);
	}
	if (st == WRIT_OK)
		st = writ_ledger_write(l, &to, err);
	if (st != WRIT_OK)
		return st;
	a->state.moved = to.at;
	st = writ_ledger_write(l, a, err);
	if (st == WRIT_OK)
		*a = to;
	return st;
}

enum writ_status
writ_ledger_account(struct writ_ledger *l, const char *key, uint32_t ring,
    struct writ_ledger_account *a, struct writ_err *err)
{
	const struct place *p;
	enum writ_status st;

	if (strlen(key) >= WRIT_LEDGER_KEY_MAX)
		return writ_fail(err, WRIT_NAMETOOLONG, "budget of %s", key);
	st = read_head(l, err);
	if (st == WRIT_OK)
		st = scan(l, err);
	if (st != WRIT_OK)
		return st;
	p = find_block(l, key);
	if (!p) {
		memset(&a->state, 0, sizeof(a->state));
		memcpy(a->state.boot, l->boot, sizeof(l->boot));
		return append_block(l, key, ring, a, err);
	}
	a->at = p->at;
	a->ring = p->ring;
	st = writ_ledger_read(l, a, err);
	if (st == WRIT_OK && a->ring < ring)
		st = move_block(l, key, ring, a, err);
	return st;
}

/* ---- states */

static bool
state_good(const struct writ_ledger_state *s)
{
	return s->seq && s->check == CHECK_OF(s);
}

static enum writ_status
read_state(struct writ_ledger *l, struct writ_ledger_account *a,
    struct writ_err *err)
{
	uint8_t both[2 * STATE_STEP];
	struct writ_ledger_state s[2];
	bool first, second;
	enum writ_status st = get(l, a->at + STATE_AT, both, sizeof(both), err);

	if (st != WRIT_OK)
		return st;
	memcpy(&s[0], both, sizeof(s[0]));
	memcpy(&s[1], both + STATE_STEP, sizeof(s[1]));
	first = state_good(&s[0]);
	second = state_good(&s[1]);
	if (!first && !second)
		return damaged(l, "what an account has used", err);
	a->state = s[!first || (second && s[1].seq > s[0].seq)];
	return WRIT_OK;
}

enum writ_status
writ_ledger_read(struct writ_ledger *l, struct writ_ledger_account *a,
    struct writ_err *err)
{
	struct block b;
	unsigned moves = 0;
	enum writ_status st = read_state(l, a, err);

	while (st == WRIT_OK && a->state.moved) {
		if (a->state.moved <= a->at || moves++ > 64)
			return damaged(l, "where an account is", err);
		a->at = a->state.moved;
		st = read_head(l, err);
		if (st == WRIT_OK && a->at >= l->head.end)
			return damaged(l, "where an account is", err);
		if (st == WRIT_OK)
			st = read_block(l, a->at, &b, err);
		if (st != WRIT_OK)
			return st;
		a->ring = (uint32_t)b.ring;
		st = read_state(l, a, err);
	}
	if (st == WRIT_OK && memcmp(a->state.boot, l->boot, sizeof(l->boot))) {
		memcpy(a->state.boot, l->boot, sizeof(l->boot));
		a->state.times = a->state.last_ns = 0;
		st = writ_ledger_recount(l, a, err);
	}
	return st;
}

enum writ_status
writ_ledger_write(struct writ_ledger *l, struct writ_ledger_account *a,
    struct writ_err *err)
{
	a->state.seq++;
	a->state.check = CHECK_OF(&a->state);
	return put(l, a->at + STATE_AT + a->state.seq % 2 * STATE_STEP,
	    &a->state, sizeof(a->state), err);
}

enum writ_status
writ_ledger_time(struct writ_ledger *l, const struct writ_ledger_account *a,
    uint64_t n, uint64_t *ns, struct writ_err *err)
{
	uint64_t i;

	if (!n || n > a->ring || n > a->state.times)
		WRIT_BUG("a time that is not in the ring");
	i = (a->state.times - n) % a->ring;
	return get(l, a->at + RING_AT + 8 * i, ns, sizeof(*ns), err);
}

enum writ_status
writ_ledger_time_add(struct writ_ledger *l, struct writ_ledger_account *a,
    uint64_t ns, struct writ_err *err)
{
	enum writ_status st = put(l, a->at + RING_AT +
	    8 * (a->state.times % a->ring), &ns, sizeof(ns), err);

	if (st == WRIT_OK) {
		a->state.times++;
		a->state.last_ns = ns;
	}
	return st;
}

enum writ_status
writ_ledger_hold(struct writ_ledger *l, struct writ_ledger_account *a, int n,
    struct writ_err *err)
{
	uint64_t at = a->at + HOLDS_AT + 4 * l->holder;
	uint32_t mine;
	enum writ_status st = get(l, at, &mine, sizeof(mine), err);

	if (st != WRIT_OK)
		return st;
	if (n < 0 && !mine)
		return WRIT_OK;
	mine = n < 0 ? mine - 1 : mine + 1;
	st = put(l, at, &mine, sizeof(mine), err);
	if (st != WRIT_OK)
		return st;
	if (n > 0)
		a->state.running++;
	else if (a->state.running)
		a->state.running--;
	return WRIT_OK;
}

enum writ_status
writ_ledger_recount(struct writ_ledger *l, struct writ_ledger_account *a,
    struct writ_err *err)
{
	uint32_t holds[WRIT_BUDGET_HOLDERS_MAX];
	unsigned i;
	enum writ_status st = get(l, a->at + HOLDS_AT, holds, sizeof(holds),
	    err);

	if (st != WRIT_OK)
		return st;
	a->state.running = 0;
	for (i = 0; i < WRIT_BUDGET_HOLDERS_MAX; i++) {
		if (holds[i] && !is_alive(l, i))
			holds[i] = 0;
		a->state.running += holds[i];
	}
	st = put(l, a->at + HOLDS_AT, holds, sizeof(holds), err);
	return st == WRIT_OK ? writ_ledger_write(l, a, err) : st;
}
