/* fs_stat.c - metadata as a guest may see it, and times. */
#include "cap/fs_tree.h"

/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012) over two words: identities must be equal
 * for equal nodes, and tell nothing of the host's device and inode numbers.
 */
static uint64_t
rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void
sip_rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static uint64_t
sip(const uint8_t key[WRIT_FS_KEY_LEN], const uint64_t *words, size_t n)
{
	uint64_t k[2], v[4];
	size_t i;

	memcpy(k, key, sizeof(k));
	v[0] = k[0] ^ 0x736f6d6570736575;
	v[1] = k[1] ^ 0x646f72616e646f6d;
	v[2] = k[0] ^ 0x6c7967656e657261;
	v[3] = k[1] ^ 0x7465646279746573;
	for (i = 0; i <= n; i++) {
		uint64_t m = i < n ? words[i] : (uint64_t)(n * 8) << 56;

		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct writ_time
clean_time(struct writ_time t)
{
	if (t.ns > 999999999)
		t.ns = 999999999;
	return t;
}

void
writ_fs_stat_virtual(const struct writ_fs *fs, const struct writ_fs_mnt *mnt,
    const struct writ_fs_meta *meta, struct writ_stat *out)
{
	uint64_t id[4] = { mnt->index, meta->device, meta->inode, 1 };

	*out = (struct writ_stat){
		.type = meta->type,
		.links = meta->type == WRIT_NODE_DIRECTORY ? 1 : meta->links,
		.size = meta->type == WRIT_NODE_DIRECTORY ? 0 : meta->size,
		.atime = clean_time(meta->atime),
		.mtime = clean_time(meta->mtime),
		.ctime = clean_time(meta->ctime),
		.hash_hi = sip(fs->key, id, 4),
	};
	id[3] = 2;
	out->hash_lo = sip(fs->key, id, 4);
	/* Who else reads a file is nothing that a reader may watch; who may write
	 * may also set times, and must find what it set. */
	if (!mnt->write)
		out->atime = out->mtime;
}

enum writ_status
writ_fs_stat_run(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_handle *h = writ_fs_handle_get(fs, call->handle);
	struct writ_fs_meta meta;
	enum writ_status st;

	if (!h)
		return WRIT_BADF;
	st = writ_fs_handle_judge(fs, h, call->what, false);
	if (st == WRIT_OK)
		st = h->mnt->store.be->stat(h->mnt->store.ctx, h->node, &meta);
	if (st == WRIT_OK)
		writ_fs_stat_virtual(fs, h->mnt, &meta, &call->out_stat);
	return st;
}

/* What was found, as an operation on an existing node sees it. */
static enum writ_status
found(const struct writ_fs_walk *w)
{
	if (w->found != WRIT_OK)
		return w->found;
	if (w->meta.type == WRIT_NODE_UNKNOWN)
		return WRIT_DENIED;
	if (w->want_dir && w->meta.type != WRIT_NODE_DIRECTORY)
		return WRIT_NOTDIR;
	return WRIT_OK;
}

enum writ_status
writ_fs_stat_at(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_walk *w = &fs->walk[0];
	enum writ_status st = writ_fs_walk_to(fs, w, call, false, false);

	if (st != WRIT_OK)
		return st;
	st = found(w);
	if (st == WRIT_OK)
		writ_fs_stat_virtual(fs, w->mnt, &w->meta, &call->out_stat);
	return writ_fs_walk_end(w, st);
}

static bool
take_times(const struct writ_fs_call *call, struct writ_fs_times *out)
{
	if ((unsigned)call->atime_how > WRIT_TIME_SET ||
	    (unsigned)call->mtime_how > WRIT_TIME_SET)
		return false;
	*out = (struct writ_fs_times){ call->atime_how, call->mtime_how,
		clean_time(call->atime), clean_time(call->mtime) };
	return true;
}

enum writ_status
writ_fs_stat_times(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_handle *h = writ_fs_handle_get(fs, call->handle);
	struct writ_fs_times times;
	enum writ_status st;

	if (!h)
		return WRIT_BADF;
	if (!take_times(call, &times))
		return WRIT_INVALID;
	st = writ_fs_handle_judge(fs, h, call->what, true);
	if (!h->may_change)
		return WRIT_ROFS;
	if (st != WRIT_OK)
		return st;
	return h->mnt->store.be->set_times(h->mnt->store.ctx, h->node, &times);
}

enum writ_status
writ_fs_stat_times_at(struct writ_fs *fs, struct writ_fs_call *call)
{
	struct writ_fs_walk *w = &fs->walk[0];
	struct writ_fs_times times;
	enum writ_status st;

	if (!take_times(call, &times))
		return WRIT_INVALID;
	st = writ_fs_walk_to(fs, w, call, false, true);
	if (st != WRIT_OK)
		return st;
	st = found(w);
	if (st == WRIT_OK)
		st = w->mnt->store.be->set_times_at(w->mnt->store.ctx,
		    writ_fs_walk_place(w), &times);
	return writ_fs_walk_end(w, st);
}
