/* fs_walk.c - from a handle and a guest's path to a canonical place. */
#include "cap/fs_tree.h"

/* Operations for which a slash behind a link means what the link leads to; the others
 * take names only, and a link with a slash is no directory. */
static bool
slash_follows(enum writ_fs_op what)
{
	return what == WRIT_FS_OPEN || what == WRIT_FS_STAT_AT ||
	    what == WRIT_FS_SET_TIMES_AT || what == WRIT_FS_READLINK;
}

struct writ_str
writ_fs_walk_abs(const struct writ_fs_walk *w)
{
	return w->len ? writ_str(w->path, w->len) : WRIT_STR("/");
}

struct writ_str
writ_fs_walk_inner(const struct writ_fs_walk *w)
{
	size_t from = w->mnt->at_len + 1;

	return w->len >= from ? writ_str(w->path + from, w->len - from) :
	    WRIT_STR("");
}

struct writ_fs_place
writ_fs_walk_place(const struct writ_fs_walk *w)
{
	struct writ_fs_place at = { w->dir->node, WRIT_STR("") };

	if (w->len > w->base)
		at.path = writ_str(w->path + w->base + 1,
		    w->len - w->base - 1);
	return at;
}

/* Whether `path` is `top` or lies below it. */
static bool
within(struct writ_str path, struct writ_str top)
{
	return writ_str_starts(path, top) &&
	    (path.len == top.len || top.len == 0 || path.ptr[top.len] == '/');
}

static bool
is_masked(const struct writ_fs_mnt *mnt, struct writ_str path)
{
	struct writ_str inner = writ_str_skip(path, mnt->at_len + 1);
	size_t i;

	for (i = 0; i < mnt->masked_count; i++)
		if (within(inner, writ_str_from(mnt->masked[i])))
			return true;
	return false;
}

bool
writ_fs_walk_has_masked(const struct writ_fs_mnt *mnt, struct writ_str inner)
{
	size_t i;

	for (i = 0; i < mnt->masked_count; i++)
		if (within(writ_str_from(mnt->masked[i]), inner))
			return true;
	return false;
}

enum writ_status
writ_fs_walk_judge(struct writ_fs *fs, const struct writ_fs_mnt *mnt,
    enum writ_fs_judge_why why, enum writ_fs_op what, struct writ_str path,
    bool write)
{
	struct writ_fs_judged judged = { why, what, writ_fs_op_name(what), path,
		write, mnt->index };
	bool root = path.len <= mnt->at_len || path.len == 1;
	enum writ_status st;

	if (mnt->store.be->phantom && root && !write)
		return WRIT_OK;
	if (mnt->masked_count && !root && is_masked(mnt, path))
		return WRIT_DENIED;
	st = fs->hooks.judge(fs->hooks.ctx, &judged);
	/* Nobody may answer with a status that means "later". */
	return st == WRIT_AGAIN || st == WRIT_PENDING ? WRIT_DENIED : st;
}

static enum writ_status
touch(struct writ_fs_walk *w)
{
	return writ_fs_walk_judge(w->fs, w->mnt, WRIT_FS_JUDGE_TOUCH, w->what,
	    writ_fs_walk_abs(w), false);
}

static enum writ_status
push(struct writ_fs_walk *w, struct writ_str name)
{
	if (w->len + 1 + name.len > WRIT_PATH_MAX)
		return WRIT_NAMETOOLONG;
	w->path[w->len++] = '/';
	memcpy(w->path + w->len, name.ptr, name.len);
	w->len += name.len;
	return WRIT_OK;
}

static void
pop(struct writ_fs_walk *w)
{
	if (w->len == w->base)
		return;
	while (w->path[w->len - 1] != '/')
		w->len--;
	w->len--;
}

static struct writ_str
rest(const struct writ_fs_walk *w)
{
	return writ_str(w->rest_buf + w->rest, sizeof(w->rest_buf) - w->rest);
}

/* The next component of `s`, which then starts behind it; false at the end. */
static bool
next_part(struct writ_str *s, struct writ_str *part)
{
	size_t n = 0;

	while (s->len && s->ptr[0] == '/')
		*s = writ_str_skip(*s, 1);
	if (!s->len)
		return false;
	while (n < s->len && s->ptr[n] != '/')
		n++;
	*part = writ_str(s->ptr, n);
	*s = writ_str_skip(*s, n);
	return true;
}

static bool
only_slashes(struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.ptr[i] != '/')
			return false;
	return true;
}

/* Name rules; they say nothing about what exists. */
static enum writ_status
check_text(struct writ_str path)
{
	struct writ_str s = path, part;
	size_t parts = 0;

	if (!path.len)
		return WRIT_NOENT;
	if (path.len > WRIT_PATH_MAX)
		return WRIT_NAMETOOLONG;
	if (memchr(path.ptr, 0, path.len) || !writ_str_utf8(path))
		return WRIT_INVALID;
	if (path.ptr[0] == '/')
		return WRIT_NOTPERM;
	while (next_part(&s, &part))
		if (part.len > WRIT_NAME_MAX || ++parts > WRIT_PATH_PARTS_MAX)
			return WRIT_NAMETOOLONG;
	return WRIT_OK;
}

/* The place a lookup stopped at is judged with what was still to come, read as
 * text, so that refused places look the same whether they exist or not. */
static enum writ_status
stop(struct writ_fs_walk *w, enum writ_status why)
{
	enum writ_status st = touch(w);
	struct writ_str s = rest(w), part;

	w->found = why;
	w->broken = true;
	while (st == WRIT_OK && next_part(&s, &part)) {
		if (writ_str_is(part, "."))
			continue;
		if (writ_str_is(part, ".."))
			pop(w);
		else
			st = push(w, part);
	}
	return st;
}

static enum writ_status
expand_link(struct writ_fs_walk *w, char *target, size_t cap)
{
	const struct writ_fs_store *store = &w->mnt->store;
	enum writ_status st = touch(w);
	size_t n;

	if (st != WRIT_OK)
		return st;
	if (++w->links > WRIT_SYMLINKS_MAX)
		return stop(w, WRIT_LOOP);
	st = store->be->readlink(store->ctx, writ_fs_walk_place(w), target, cap,
	    &n);
	if (st == WRIT_NOTSYMLINK)
		return stop(w, WRIT_LOOP);	/* it was one a moment ago */
	if (st == WRIT_OK)
		st = check_text(writ_str(target, n));
	if (st == WRIT_OK && n >= w->rest)
		st = WRIT_NAMETOOLONG;
	if (st != WRIT_OK)
		return stop(w, st);
	/* What follows begins with a slash or is empty. */
	w->rest -= n;
	memcpy(w->rest_buf + w->rest, target, n);
	pop(w);
	return WRIT_OK;
}

static enum writ_status
step_name(struct writ_fs_walk *w, struct writ_str part, bool *done)
{
	const struct writ_fs_store *store = &w->mnt->store;
	char target[WRIT_PATH_MAX];
	bool last = only_slashes(rest(w));
	enum writ_status st = push(w, part);

	if (st != WRIT_OK)
		return stop(w, st);
	w->dot = false;
	st = store->be->peek(store->ctx, writ_fs_walk_place(w), &w->meta);
	if (st != WRIT_OK && !(last && st == WRIT_NOENT))
		return stop(w, st);
	w->found = st;
	if (st == WRIT_OK && w->meta.type == WRIT_NODE_SYMLINK && (!last ||
	    w->follow || (w->want_dir && slash_follows(w->what))))
		return expand_link(w, target, sizeof(target));
	*done = last;
	if (!last && w->meta.type != WRIT_NODE_DIRECTORY)
		return stop(w, w->meta.type == WRIT_NODE_UNKNOWN ? WRIT_DENIED :
		    WRIT_NOTDIR);
	return WRIT_OK;
}

static enum writ_status
step_up(struct writ_fs_walk *w)
{
	enum writ_status st;

	w->dot = true;
	if (w->len == w->base)
		return stop(w, WRIT_NOTPERM);
	/* Leaving a place says that it was there. */
	st = touch(w);
	pop(w);
	return st;
}

/* Component by component, links expanded. */
static enum writ_status
walk_parts(struct writ_fs_walk *w)
{
	const struct writ_fs_store *store = &w->mnt->store;
	enum writ_status st = WRIT_OK;
	struct writ_str s, part;
	bool done = false;

	while (st == WRIT_OK && !w->broken && !done) {
		s = rest(w);
		if (!next_part(&s, &part))
			break;
		w->rest = sizeof(w->rest_buf) - s.len;
		if (++w->steps > WRIT_FS_LINK_STEPS_MAX)
			return stop(w, WRIT_LOOP);
		if (only_slashes(s) && s.len)
			w->want_dir = true;
		if (writ_str_is(part, ".."))
			st = step_up(w);
		else if (!writ_str_is(part, "."))
			st = step_name(w, part, &done);
		else
			w->dot = true;
	}
	if (st != WRIT_OK || w->broken || done)
		return st;
	w->want_dir = true;
	w->found = store->be->peek(store->ctx, writ_fs_walk_place(w), &w->meta);
	w->broken = w->found != WRIT_OK;
	return WRIT_OK;
}

static void
restart(struct writ_fs_walk *w)
{
	w->len = w->base;
	w->found = WRIT_OK;
	w->broken = w->want_dir = w->dot = false;
}

/*
 * The whole path in one lookup of the store, which follows no link: most paths have
 * none.  False: it takes walk_parts.
 */
static bool
walk_whole(struct writ_fs_walk *w, struct writ_str path)
{
	const struct writ_fs_store *store = &w->mnt->store;
	struct writ_str s = path, part;

	restart(w);
	while (next_part(&s, &part)) {
		w->dot = writ_str_is(part, ".");
		if (w->dot)
			continue;
		if (writ_str_is(part, "..") || push(w, part) != WRIT_OK)
			return false;
	}
	w->want_dir = w->dot || path.ptr[path.len - 1] == '/';
	w->found = store->be->peek(store->ctx, writ_fs_walk_place(w), &w->meta);
	if (w->found == WRIT_OK)
		return w->meta.type != WRIT_NODE_SYMLINK || !(w->follow ||
		    w->dot || (w->want_dir && slash_follows(w->what)));
	w->broken = w->found != WRIT_NOENT;
	return w->found != WRIT_LOOP;
}

static enum writ_status
walk_path(struct writ_fs_walk *w, struct writ_str path)
{
	enum writ_status st = WRIT_OK;
	unsigned i;

	if (walk_whole(w, path))
		return WRIT_OK;
	/* The store answers LOOP only when it changed under our feet. */
	for (i = 0; i < WRIT_FS_RACES_MAX; i++) {
		restart(w);
		w->links = w->steps = 0;
		w->rest = sizeof(w->rest_buf) - path.len;
		memcpy(w->rest_buf + w->rest, path.ptr, path.len);
		st = walk_parts(w);
		if (st != WRIT_OK || w->found != WRIT_LOOP ||
		    w->links > WRIT_SYMLINKS_MAX ||
		    w->steps > WRIT_FS_LINK_STEPS_MAX)
			break;
	}
	return st;
}

static void
tell(struct writ_fs_walk *w, enum writ_status st)
{
	struct writ_fs_judged judged = { WRIT_FS_JUDGE_EFFECT, w->what,
		writ_fs_op_name(w->what), writ_fs_walk_abs(w), w->write,
		w->mnt->index };

	if (w->fs->hooks.done)
		w->fs->hooks.done(w->fs->hooks.ctx, &judged, st, 0);
}

enum writ_status
writ_fs_walk_to(struct writ_fs *fs, struct writ_fs_walk *w,
    const struct writ_fs_call *call, bool second, bool write)
{
	struct writ_str path = second ? call->path2 : call->path;
	enum writ_status st;

	w->fs = fs;
	w->let_on = false;
	w->write = write;
	w->what = call->what;
	w->follow = call->path_flags & WRIT_PATH_FOLLOW && !second &&
	    !(call->what == WRIT_FS_OPEN &&
	    call->open_flags & WRIT_OPEN_CREATE &&
	    call->open_flags & WRIT_OPEN_EXCLUSIVE);
	w->dir = writ_fs_handle_get(fs, second && call->what != WRIT_FS_SYMLINK ?
	    call->handle2 : call->handle);
	if (!w->dir)
		return WRIT_BADF;
	if (w->dir->type != WRIT_NODE_DIRECTORY)
		return WRIT_NOTDIR;
	w->mnt = w->dir->mnt;
	w->len = writ_fs_handle_place(w->dir, w->path).len;
	if (w->len == 1)
		w->len = 0;
	w->base = w->len;
	st = check_text(path);
	if (st != WRIT_OK) {
		tell(w, st);
		return st;
	}
	st = walk_path(w, path);
	if (st == WRIT_OK && w->broken && w->found == WRIT_NOTPERM) {
		tell(w, WRIT_NOTPERM);
		return WRIT_NOTPERM;
	}
	if (st == WRIT_OK)
		st = writ_fs_walk_judge(fs, w->mnt, WRIT_FS_JUDGE_EFFECT,
		    w->what, writ_fs_walk_abs(w), write);
	w->let_on = st == WRIT_OK;
	if (write && !(w->dir->flags & WRIT_FD_MUTATE_DIR))
		return writ_fs_walk_end(w, WRIT_ROFS);
	return st;
}

enum writ_status
writ_fs_walk_end(struct writ_fs_walk *w, enum writ_status st)
{
	if (w->let_on)
		tell(w, st);
	w->let_on = false;
	return st;
}
