#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#include "base/limits.h"
#include "cap/fs_memory.h"
#include "policy/policy.h"
#include "wire/fs_msg.h"
#include "worker/worker.h"

/* A handle with this bit is a descriptor of the broker's; without, one of memory's. */
#define REMOTE (1ull << 63)
#define SLOT_BITS 20

/* A descriptor that the broker holds, with the file fd it may have lent us. */
struct writ_remote {
	uint64_t handle;	/* the broker's; 0: free */
	uint32_t gen;
	int fd;
};

static void *
remote_at(struct writ_worker_tree *t, uint64_t handle)
{
	uint64_t slot = handle & ((1u << SLOT_BITS) - 1);
	struct writ_remote *r;

	if (!(handle & REMOTE) || slot >= t->remote.len)
		return NULL;
	r = writ_vec_at(&t->remote, slot);
	if (!r->handle ||
	    r->gen != (uint32_t)((handle & ~REMOTE) >> SLOT_BITS))
		return NULL;
	return r;
}

bool
writ_worker_tree_remote(uint64_t handle)
{
	return handle & REMOTE;
}

static enum writ_status
remote_add(struct writ_worker_tree *t, uint64_t handle, int fd, uint64_t *out)
{
	struct writ_remote *r = NULL;
	enum writ_status st;
	size_t i;

	for (i = 0; i < t->remote.len; i++) {
		r = writ_vec_at(&t->remote, i);
		if (!r->handle)
			break;
	}
	if (i == t->remote.len) {
		st = writ_vec_push(&t->remote, &r);
		if (st != WRIT_OK)
			return st;
	}
	r->handle = handle;
	r->fd = fd;
	r->gen++;
	*out = REMOTE | (uint64_t)r->gen << SLOT_BITS | i;
	return WRIT_OK;
}

static enum writ_status
memory_judge(void *ctx, const struct writ_fs_judged *j)
{
	struct writ_guest *g = ctx;
	struct writ_worker_rules **rules = writ_vec_at(&g->tree.rules, j->mount);
	enum writ_status st = writ_fs_rules_judge(&(*rules)->rules, j);

	if (st == WRIT_DENIED && j->why != WRIT_FS_JUDGE_SEE)
		g->ports.refuse.refused(g->ports.refuse.ctx, "files",
		    writ_str_from(j->op), j->path);
	return st;
}

void
writ_worker_tree_init(struct writ_guest *g)
{
	struct writ_worker_tree *t = &g->tree;

	memset(t, 0, sizeof(*t));
	writ_vec_init(&t->mounts, sizeof(struct writ_worker_mount),
	    WRIT_MOUNTS_MAX);
	writ_vec_init(&t->rules, sizeof(struct writ_worker_rules *),
	    WRIT_MOUNTS_MAX);
	writ_vec_init(&t->remote, sizeof(struct writ_remote),
	    WRIT_FS_HANDLES_MAX);
}

static void
rules_free(struct writ_worker_rules *r)
{
	size_t i;

	for (i = 0; i < 64; i++) {
		writ_mem_free((char *)(uintptr_t)r->deny[i].pattern);
		writ_mem_free(r->opened[i]);
	}
	writ_mem_free(r);
}

/* Answers that are still to come have lost their guest. */
static void
disown(struct writ_guest *g)
{
	struct writ_worker *w = g->worker;
	uint32_t slot;

	for (slot = 0; g->tree.in_flight && slot < WRIT_WIRE_PENDING_MAX;
	    slot++)
		if (w->pending[slot].call && w->pending[slot].guest == g) {
			w->pending[slot].guest = NULL;
			g->tree.in_flight--;
		}
}

void
writ_worker_tree_release(struct writ_guest *g)
{
	struct writ_worker_tree *t = &g->tree;
	size_t i;

	disown(g);
	writ_fs_free(t->memory);
	/* an open that was answered after its guest had ended has no other owner */
	for (i = 0; i < t->remote.len; i++)
		writ_closep(&((struct writ_remote *)
		    writ_vec_at(&t->remote, i))->fd);
	for (i = 0; i < t->mounts.len; i++)
		writ_mem_free(((struct writ_worker_mount *)
		    writ_vec_at(&t->mounts, i))->at);
	for (i = 0; i < t->rules.len; i++)
		rules_free(*(struct writ_worker_rules **)
		    writ_vec_at(&t->rules, i));
	writ_vec_release(&t->mounts);
	writ_vec_release(&t->rules);
	writ_vec_release(&t->remote);
}

/* ---- mounts */

static enum writ_status
rules_add(struct writ_guest *g, const struct writ_mount_msg *m)
{
	struct writ_worker_rules *r = writ_alloc(1, sizeof(*r)), **slot;
	unsigned i;

	if (!r)
		return WRIT_NOMEM;
	if (writ_vec_push(&g->tree.rules, &slot) != WRIT_OK) {
		rules_free(r);
		return WRIT_NOMEM;
	}
	*slot = r;
	r->rules.matches = writ_policy_glob;
	/* nothing is behind a mount in memory: no name in it is protected */
	r->rules.opened = r->opened;
	r->rules.deny = r->deny;
	r->rules.deny_count = m->deny_count;
	for (i = 0; i < m->deny_count; i++) {
		r->deny[i].pattern = writ_str_dup(m->deny[i]);
		r->deny[i].write_only = m->deny_write_only[i];
		if (!r->deny[i].pattern)
			return WRIT_NOMEM;
	}
	for (i = 0; i < m->opened_count; i++) {
		r->opened[i] = writ_str_dup(m->opened[i]);
		if (!r->opened[i])
			return WRIT_NOMEM;
	}
	return WRIT_OK;
}

static enum writ_status
memory_new(struct writ_guest *g)
{
	struct writ_fs_config config = {
		.hooks = { g, memory_judge, NULL } };

	if (g->tree.memory)
		return WRIT_OK;
	memcpy(config.key, g->worker->setup.hash_key, sizeof(config.key));
	return writ_fs_new(&config, &g->tree.memory, NULL);
}

static enum writ_status
mount_memory(struct writ_guest *g, const struct writ_mount_msg *m,
    uint64_t *root)
{
	struct writ_fs_memory_config mem = { g->ports.clock.wall_now,
		g->ports.clock.ctx, g->worker->setup.random_seed };
	const char *masked[WRIT_MOUNTS_MAX + 1] = { NULL };
	struct writ_fs_mount spec = { m->at, m->write, m->quota_bytes,
		m->quota_files, masked };
	struct writ_fs_store store;
	enum writ_status st = memory_new(g);
	unsigned i;

	if (st == WRIT_OK)
		st = rules_add(g, m);
	for (i = 0; st == WRIT_OK && i < m->masked_count; i++) {
		masked[i] = writ_str_dup(m->masked[i]);
		st = masked[i] ? WRIT_OK : WRIT_NOMEM;
	}
	if (st == WRIT_OK)
		st = writ_fs_memory_new(&mem, &store, NULL);
	if (st == WRIT_OK)
		st = writ_fs_mount(g->tree.memory, &spec, store, root, NULL);
	for (i = 0; i < m->masked_count; i++)
		writ_mem_free((char *)(uintptr_t)masked[i]);
	g->tree.memory_quota += m->quota_bytes ? m->quota_bytes :
	    WRIT_DEFAULT_MEMFS_BYTES;
	return st;
}

enum writ_status
writ_worker_tree_mount(struct writ_guest *g, const struct writ_mount_msg *m)
{
	struct writ_worker_mount *mount;
	enum writ_status st;
	uint64_t root = 0;

	if (m->remote)
		st = remote_add(&g->tree, m->root, -1, &root);
	else
		st = mount_memory(g, m, &root);
	if (st == WRIT_OK)
		st = writ_vec_push(&g->tree.mounts, &mount);
	if (st != WRIT_OK)
		return st;
	mount->root = root;
	mount->at = writ_str_dup(m->at);
	return mount->at ? WRIT_OK : WRIT_NOMEM;
}

static enum writ_status
preopen(void *ctx, size_t i, struct writ_str *name, uint64_t *handle)
{
	struct writ_guest *g = ctx;
	const struct writ_worker_mount *m;

	if (i >= g->tree.mounts.len)
		return WRIT_NOENT;
	m = writ_vec_at(&g->tree.mounts, i);
	*name = writ_str_from(m->at);
	*handle = m->root;
	return WRIT_OK;
}

/* ---- a file whose fd the broker lent */

static enum writ_status
io_status(ssize_t n)
{
	if (n >= 0)
		return WRIT_OK;
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ?
	    WRIT_NOSPC : errno == EBADF ? WRIT_BADF : WRIT_IO;
}

/* The operations that move bytes go straight to a lent fd.  False: ask the broker. */
static bool
try_lent(const struct writ_remote *r, struct writ_fs_call *c)
{
	struct iovec iov = { c->buf, c->len };
	ssize_t n;

	if (r->fd < 0 || c->len == 0 || c->offset > INT64_MAX)
		return false;
	do {
		if (c->what == WRIT_FS_READ)
			n = pread(r->fd, c->buf, c->len, (off_t)c->offset);
		else if (c->what == WRIT_FS_WRITE)
			n = pwrite(r->fd, c->buf, c->len, (off_t)c->offset);
		else if (c->what == WRIT_FS_APPEND)
			n = pwritev2(r->fd, &iov, 1, 0, RWF_APPEND);
		else
			return false;
	} while (n < 0 && errno == EINTR);
	c->op.status = io_status(n);
	c->out_count = n > 0 ? (size_t)n : 0;
	return true;
}

/* ---- asking the broker */

static enum writ_status
submit(struct writ_guest *g, struct writ_fs_call *c)
{
	struct writ_worker *w = g->worker;
	uint32_t slot;

	for (slot = 0; slot < WRIT_WIRE_PENDING_MAX; slot++)
		if (!w->pending[slot].call)
			break;
	if (slot == WRIT_WIRE_PENDING_MAX)
		return c->op.status = WRIT_BUSY;
	writ_buf_reset(&w->scratch);
	writ_fs_msg_put(&w->scratch, c);
	if (writ_buf_status(&w->scratch) != WRIT_OK)
		return c->op.status = WRIT_NAMETOOLONG;
	w->pending[slot].call = c;
	w->pending[slot].guest = g;
	g->tree.in_flight++;
	w->in_flight++;
	writ_worker_send(w, WRIT_MSG_FS,
	    slot | ++w->pending[slot].gen << 8, writ_buf_view(&w->scratch));
	return WRIT_PENDING;
}

void
writ_worker_tree_tidy(struct writ_worker *w)
{
	writ_closep(&w->done_fd);
	w->done_fd = -1;
}

/* The broker is told; CLOSE is not answered. */
static void
say_closed(struct writ_worker *w, uint64_t handle)
{
	struct writ_fs_call c = { .what = WRIT_FS_CLOSE, .handle = handle };

	writ_buf_reset(&w->scratch);
	writ_fs_msg_put(&w->scratch, &c);
	if (writ_buf_status(&w->scratch) == WRIT_OK)
		writ_worker_send(w, WRIT_MSG_FS, UINT32_MAX,
		    writ_buf_view(&w->scratch));
}

static bool
is_mount(struct writ_worker_tree *t, uint64_t handle)
{
	size_t i;

	for (i = 0; i < t->mounts.len; i++)
		if (((struct writ_worker_mount *)
		    writ_vec_at(&t->mounts, i))->root == handle)
			return true;
	return false;
}

static enum writ_status
close_remote(struct writ_guest *g, struct writ_remote *r, uint64_t handle)
{
	struct writ_worker *w = g->worker;
	uint64_t theirs = r->handle;

	if (is_mount(&g->tree, handle))
		return WRIT_OK;
	writ_worker_tree_tidy(w);
	w->done_fd = r->fd;
	r->fd = -1;
	r->handle = 0;
	say_closed(w, theirs);
	return WRIT_OK;
}

static enum writ_status
start_remote(struct writ_guest *g, struct writ_fs_call *c)
{
	struct writ_remote *r = remote_at(&g->tree, c->handle), *r2 = r;
	uint64_t h = c->handle, h2 = c->handle2;
	enum writ_status st;

	if (c->what == WRIT_FS_RENAME || c->what == WRIT_FS_LINK)
		r2 = remote_at(&g->tree, c->handle2);
	if (!r)
		return c->op.status = WRIT_BADF;
	if (!r2)
		return c->op.status = WRIT_XDEV;
	if (c->what == WRIT_FS_CLOSE)
		return c->op.status = close_remote(g, r, h);
	if (c->len > WRIT_FS_IO_MAX || c->path.len > WRIT_PATH_MAX ||
	    c->path2.len > WRIT_PATH_MAX)
		return c->op.status = WRIT_NAMETOOLONG;
	if (try_lent(r, c))
		return c->op.status;
	c->handle = r->handle;
	c->handle2 = r2->handle;
	st = submit(g, c);
	c->handle = h;
	c->handle2 = h2;
	return st;
}

static enum writ_status
start(void *ctx, struct writ_fs_call *c)
{
	struct writ_guest *g = ctx;

	if (c->handle & REMOTE)
		return start_remote(g, c);
	if ((c->what == WRIT_FS_RENAME || c->what == WRIT_FS_LINK) &&
	    (c->handle2 & REMOTE))
		return c->op.status = WRIT_XDEV;
	if (!g->tree.memory)
		return c->op.status = WRIT_BADF;
	g->tree.memory_calls++;
	c->op.status = writ_fs_run(g->tree.memory, c);
	if (c->op.status == WRIT_OK && (c->what == WRIT_FS_READ ||
	    c->what == WRIT_FS_WRITE || c->what == WRIT_FS_APPEND))
		g->tree.memory_bytes += c->out_count;
	return c->op.status;
}

struct writ_tree_port
writ_worker_tree_port(struct writ_guest *g)
{
	return (struct writ_tree_port){ g, preopen, start };
}

/* An opened file gets a handle of ours, and the fd if one came with it.  Without its guest it is
 * closed again. */
static void
opened(struct writ_worker *w, struct writ_guest *g, struct writ_fs_call *c,
    struct writ_msg *m)
{
	enum writ_status st = g ? remote_add(&g->tree, c->out_handle, m->fd,
	    &c->out_handle) : WRIT_CLOSED;

	if (st == WRIT_OK) {
		m->fd = -1;
		return;
	}
	c->op.status = WRIT_LIMIT;
	say_closed(w, c->out_handle);
}

enum writ_status
writ_worker_tree_reply(struct writ_worker *w, struct writ_msg *m)
{
	uint32_t slot = m->id & 0xff;
	struct writ_fs_call *c = w->pending[slot].call;
	struct writ_guest *g = w->pending[slot].guest;
	enum writ_status st;

	if (!c || m->id != (slot | w->pending[slot].gen << 8))
		return WRIT_PROTO;
	st = writ_fs_reply_get(m->body, c, &c->op.status);
	if (st != WRIT_OK)
		return st;
	w->pending[slot].call = NULL;
	w->in_flight--;
	if (g)
		g->tree.in_flight--;
	if (c->what == WRIT_FS_OPEN && c->op.status == WRIT_OK)
		opened(w, g, c, m);
	c->op.done(&c->op);
	return WRIT_OK;
}

void
writ_worker_tree_leave(struct writ_guest *g)
{
	struct writ_worker_tree *t = &g->tree;
	size_t i;

	for (i = 0; i < t->remote.len; i++) {
		struct writ_remote *r = writ_vec_at(&t->remote, i);

		if (r->handle && !is_mount(t, REMOTE |
		    (uint64_t)r->gen << SLOT_BITS | i))
			say_closed(g->worker, r->handle);
	}
}
