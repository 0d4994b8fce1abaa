/* fs_list.c - listings: a sorted snapshot, read in pieces. */
#include "cap/fs_tree.h"

#define ENTRY_HEAD 3

struct making {
	struct writ_fs *fs;
	struct writ_fs_handle *dir;
	struct writ_fs_listing *list;
	char path[WRIT_PATH_MAX + 1];
	size_t len;
};

static struct writ_str
name_at(const struct writ_fs_listing *l, size_t i)
{
	const uint8_t *p = l->text.ptr + l->order[i];

	return writ_str((const char *)p + ENTRY_HEAD,
	    (size_t)p[1] | (size_t)p[2] << 8);
}

static int
compare(struct writ_str a, struct writ_str b)
{
	int c = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static void
sift(struct writ_fs_listing *l, size_t i, size_t n)
{
	size_t child;

	while ((child = 2 * i + 1) < n) {
		uint32_t t;

		if (child + 1 < n &&
		    compare(name_at(l, child), name_at(l, child + 1)) < 0)
			child++;
		if (compare(name_at(l, i), name_at(l, child)) >= 0)
			return;
		t = l->order[i];
		l->order[i] = l->order[child];
		l->order[child] = t;
		i = child;
	}
}

/* Heapsort: in place, and no system call that a jail would kill (qsort makes one). */
static void
sort(struct writ_fs_listing *l)
{
	size_t i;

	for (i = 1; i < l->count; i++)
		if (compare(name_at(l, i - 1), name_at(l, i)) > 0)
			break;
	if (i >= l->count)
		return;
	for (i = l->count / 2; i-- > 0;)
		sift(l, i, l->count);
	for (i = l->count; i-- > 1;) {
		uint32_t t = l->order[0];

		l->order[0] = l->order[i];
		l->order[i] = t;
		sift(l, 0, i);
	}
}

static void
release(struct writ_fs_listing *l)
{
	writ_buf_release(&l->text);
	writ_mem_free(l->order);
	*l = (struct writ_fs_listing){ 0 };
}

static size_t
bytes_of(const struct writ_fs_listing *l)
{
	return l->text.cap + l->order_cap * sizeof(*l->order);
}

void
writ_fs_list_drop(struct writ_fs *fs, uint64_t handle)
{
	size_t i;

	for (i = 0; i < WRIT_FS_LISTINGS_MAX; i++)
		if (fs->listings[i].id && fs->listings[i].handle == handle)
			release(&fs->listings[i]);
}

void
writ_fs_list_release(struct writ_fs *fs)
{
	size_t i;

	for (i = 0; i < WRIT_FS_LISTINGS_MAX; i++)
		if (fs->listings[i].id)
			release(&fs->listings[i]);
}

static enum writ_status
remember_offset(struct writ_fs_listing *l)
{
	size_t cap = l->order_cap ? l->order_cap * 2 : 64;
	uint32_t *p;

	if (l->count == WRIT_FS_DIR_ENTRIES_MAX)
		return WRIT_LIMIT;
	if (l->count == l->order_cap) {
		p = writ_realloc(l->order, cap, sizeof(*p));
		if (!p)
			return WRIT_NOMEM;
		l->order = p;
		l->order_cap = cap;
	}
	l->order[l->count++] = (uint32_t)l->text.len;
	return WRIT_OK;
}

static enum writ_status
each_entry(void *ctx, enum writ_node_type type, struct writ_str name)
{
	struct making *m = ctx;
	uint8_t head[ENTRY_HEAD] = { (uint8_t)type, (uint8_t)name.len,
		(uint8_t)(name.len >> 8) };
	size_t n = m->len + 1 + name.len;
	enum writ_status st;

	/* What no path can name, or nobody may open, is not shown. */
	if (type == WRIT_NODE_UNKNOWN || !name.len || name.len > WRIT_NAME_MAX ||
	    n > WRIT_PATH_MAX || !writ_str_utf8(name))
		return WRIT_OK;
	m->path[m->len] = '/';
	memcpy(m->path + m->len + 1, name.ptr, name.len);
	if (writ_fs_walk_judge(m->fs, m->dir->mnt, WRIT_FS_JUDGE_SEE,
	    WRIT_FS_LIST, writ_str(m->path, n), false) != WRIT_OK)
		return WRIT_OK;
	st = remember_offset(m->list);
	if (st != WRIT_OK)
		return st;
	writ_buf_add(&m->list->text, head, sizeof(head));
	writ_buf_str(&m->list->text, name);
	return writ_buf_status(&m->list->text);
}

static struct writ_fs_listing *
oldest(struct writ_fs *fs, const struct writ_fs_listing *but)
{
	struct writ_fs_listing *l = NULL;
	size_t i;

	for (i = 0; i < WRIT_FS_LISTINGS_MAX; i++) {
		struct writ_fs_listing *c = &fs->listings[i];

		if (c != but && c->id && (!l || c->used_at < l->used_at))
			l = c;
	}
	return l;
}

static struct writ_fs_listing *
free_listing(struct writ_fs *fs)
{
	size_t i;

	for (i = 0; i < WRIT_FS_LISTINGS_MAX; i++)
		if (!fs->listings[i].id)
			return &fs->listings[i];
	release(oldest(fs, NULL));
	return free_listing(fs);
}

/* All listings together stay within their bound: the least used go. */
static void
trim(struct writ_fs *fs, const struct writ_fs_listing *keep)
{
	struct writ_fs_listing *l;
	size_t i, sum = 0;

	for (i = 0; i < WRIT_FS_LISTINGS_MAX; i++)
		sum += bytes_of(&fs->listings[i]);
	while (sum > WRIT_FS_LISTINGS_BYTES && (l = oldest(fs, keep))) {
		sum -= bytes_of(l);
		release(l);
	}
}

static enum writ_status
make(struct writ_fs *fs, struct writ_fs_handle *h, struct writ_fs_listing **out)
{
	writ_auto_mem struct making *m = writ_alloc(1, sizeof(*m));
	struct writ_fs_listing *l;
	enum writ_status st;

	if (!m)
		return WRIT_NOMEM;
	l = free_listing(fs);
	l->id = ++fs->listing_id ? fs->listing_id : ++fs->listing_id;
	l->handle = writ_fs_handle_id(fs, h);
	writ_buf_init(&l->text, WRIT_FS_LISTINGS_BYTES);
	*m = (struct making){ .fs = fs, .dir = h, .list = l };
	m->len = writ_fs_handle_place(h, m->path).len;
	if (m->len == 1)
		m->len = 0;
	st = h->mnt->store.be->list(h->mnt->store.ctx, h->node, each_entry, m);
	if (st != WRIT_OK) {
		release(l);
		return st;
	}
	sort(l);
	trim(fs, l);
	*out = l;
	return WRIT_OK;
}

/* A cookie is the listing's id and the index of the next entry. */
static enum writ_status
find(struct writ_fs *fs, const struct writ_fs_call *call, size_t *at,
    struct writ_fs_listing **out)
{
	size_t i;

	for (i = 0; i < WRIT_FS_LISTINGS_MAX; i++) {
		struct writ_fs_listing *l = &fs->listings[i];

		if (l->id && l->id == call->cookie >> 32 &&
		    l->handle == call->handle) {
			*at = (size_t)(call->cookie & UINT32_MAX);
			*out = l;
			return *at < l->count ? WRIT_OK : WRIT_INVALID;
		}
	}
	return WRIT_INVALID;
}

static void
give(struct writ_fs *fs, struct writ_fs_listing *l, size_t at,
    struct writ_fs_call *call)
{
	size_t cap = call->len < WRIT_FS_DIR_BYTES_MAX ? call->len :
	    WRIT_FS_DIR_BYTES_MAX;
	size_t n, done = 0;

	for (; at < l->count; at++) {
		n = ENTRY_HEAD + name_at(l, at).len;
		if (done + n > cap)
			break;
		memcpy(call->buf + done, l->text.ptr + l->order[at], n);
		done += n;
	}
	call->out_count = done;
	call->out_cookie = 0;
	l->used_at = ++fs->listing_clock;
	if (at < l->count)
		call->out_cookie = (uint64_t)l->id << 32 | at;
	else
		release(l);
}

static enum writ_status
start(struct writ_fs *fs, struct writ_fs_handle *h, struct writ_fs_listing **out)
{
	struct writ_fs_judged judged = { WRIT_FS_JUDGE_EFFECT, WRIT_FS_LIST,
		writ_fs_op_name(WRIT_FS_LIST),
		writ_fs_handle_place(h, fs->walk[0].path), false, h->mnt->index };
	enum writ_status st;

	st = writ_fs_walk_judge(fs, h->mnt, WRIT_FS_JUDGE_EFFECT, WRIT_FS_LIST,
	    judged.path, false);
	if (st != WRIT_OK)
		return st;
	st = make(fs, h, out);
	if (fs->hooks.done)
		fs->hooks.done(fs->hooks.ctx, &judged, st, 0);
	return st;
}

enum writ_status
writ_fs_list_run(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_handle *h = writ_fs_handle_get(fs, call->handle);
	struct writ_fs_listing *l = NULL;
	enum writ_status st;
	size_t at = 0;

	if (!h)
		return WRIT_BADF;
	if (h->type != WRIT_NODE_DIRECTORY)
		return WRIT_NOTDIR;
	if (!(h->flags & WRIT_FD_READ))
		return WRIT_BADF;
	if (call->len < ENTRY_HEAD + WRIT_NAME_MAX)
		return WRIT_INVALID;
	if (call->cookie) {
		st = writ_fs_handle_judge(fs, h, call->what, false);
		if (st == WRIT_OK)
			st = find(fs, call, &at, &l);
	} else {
		st = start(fs, h, &l);
	}
	if (st == WRIT_OK)
		give(fs, l, at, call);
	return st;
}
