#include "base/limits.h"
#include "wire/fs_msg.h"

static bool
carries_bytes(enum writ_fs_op op)
{
	return op == WRIT_FS_WRITE || op == WRIT_FS_APPEND;
}

static bool
fills_bytes(enum writ_fs_op op)
{
	return op == WRIT_FS_READ || op == WRIT_FS_LIST ||
	    op == WRIT_FS_READLINK;
}

static void
put_time(struct writ_buf *b, const struct writ_time *t)
{
	writ_wire_put_u64(b, (uint64_t)t->s);
	writ_wire_put_u32(b, t->ns);
}

static struct writ_time
get_time(struct writ_wire_in *in)
{
	struct writ_time t;

	t.s = (int64_t)writ_wire_get_u64(in);
	t.ns = writ_wire_get_u32(in);
	if (t.ns > 999999999)
		in->bad = true;
	return t;
}

void
writ_fs_msg_put(struct writ_buf *b, const struct writ_fs_call *call)
{
	writ_wire_put_u8(b, (uint8_t)call->what);
	writ_wire_put_u8(b, (uint8_t)call->path_flags);
	writ_wire_put_u8(b, (uint8_t)call->open_flags);
	writ_wire_put_u8(b, (uint8_t)call->fd_flags);
	writ_wire_put_u8(b, (uint8_t)call->atime_how);
	writ_wire_put_u8(b, (uint8_t)call->mtime_how);
	writ_wire_put_u64(b, call->handle);
	writ_wire_put_u64(b, call->handle2);
	writ_wire_put_u64(b, call->offset);
	writ_wire_put_u64(b, call->size);
	writ_wire_put_u64(b, call->cookie);
	put_time(b, &call->atime);
	put_time(b, &call->mtime);
	writ_wire_put_u32(b, (uint32_t)call->len);
	writ_wire_put_str(b, call->path);
	writ_wire_put_str(b, call->path2);
	if (carries_bytes(call->what))
		writ_buf_add(b, call->buf, call->len);
}

enum writ_status
writ_fs_msg_get(struct writ_str body, struct writ_fs_call *call)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned what = writ_wire_get_u8(&in);
	unsigned atime_how, mtime_how;
	struct writ_str bytes;

	call->path_flags = writ_wire_get_u8(&in);
	call->open_flags = writ_wire_get_u8(&in);
	call->fd_flags = writ_wire_get_u8(&in);
	atime_how = writ_wire_get_u8(&in);
	mtime_how = writ_wire_get_u8(&in);
	call->handle = writ_wire_get_u64(&in);
	call->handle2 = writ_wire_get_u64(&in);
	call->offset = writ_wire_get_u64(&in);
	call->size = writ_wire_get_u64(&in);
	call->cookie = writ_wire_get_u64(&in);
	call->atime = get_time(&in);
	call->mtime = get_time(&in);
	call->len = writ_wire_get_u32(&in);
	call->path = writ_wire_get_str(&in, WRIT_PATH_MAX);
	call->path2 = writ_wire_get_str(&in, WRIT_PATH_MAX);
	bytes = writ_wire_get_rest(&in);
	if (!writ_wire_done(&in) || what >= WRIT_FS_OP_COUNT ||
	    atime_how > WRIT_TIME_SET || mtime_how > WRIT_TIME_SET ||
	    call->len > WRIT_FS_IO_MAX || call->path_flags > 1 ||
	    call->open_flags > 15 || call->fd_flags > 63)
		return WRIT_PROTO;
	call->what = (enum writ_fs_op)what;
	call->atime_how = (enum writ_time_how)atime_how;
	call->mtime_how = (enum writ_time_how)mtime_how;
	if (bytes.len != (carries_bytes(call->what) ? call->len : 0))
		return WRIT_PROTO;
	call->buf = NULL;
	if (carries_bytes(call->what))
		call->buf = (uint8_t *)(uintptr_t)bytes.ptr;
	return WRIT_OK;
}

void
writ_fs_reply_put(struct writ_buf *b, const struct writ_fs_call *call,
    enum writ_status st)
{
	const struct writ_stat *s = &call->out_stat;

	writ_wire_put_u8(b, (uint8_t)st);
	writ_wire_put_u8(b, (uint8_t)call->out_type);
	writ_wire_put_u8(b, (uint8_t)call->out_fd_flags);
	writ_wire_put_u64(b, call->out_handle);
	writ_wire_put_u32(b, (uint32_t)call->out_count);
	writ_wire_put_u64(b, call->out_cookie);
	writ_wire_put_u8(b, (uint8_t)s->type);
	writ_wire_put_u64(b, s->links);
	writ_wire_put_u64(b, s->size);
	put_time(b, &s->atime);
	put_time(b, &s->mtime);
	put_time(b, &s->ctime);
	writ_wire_put_u64(b, s->hash_hi);
	writ_wire_put_u64(b, s->hash_lo);
	if (st == WRIT_OK && fills_bytes(call->what))
		writ_buf_add(b, call->buf, call->out_count);
}

static bool
get_type(struct writ_wire_in *in, enum writ_node_type *out)
{
	unsigned t = writ_wire_get_u8(in);

	*out = (enum writ_node_type)t;
	return t == WRIT_NODE_UNKNOWN || t == WRIT_NODE_DIRECTORY ||
	    t == WRIT_NODE_SYMLINK || t == WRIT_NODE_REGULAR;
}

enum writ_status
writ_fs_reply_get(struct writ_str body, struct writ_fs_call *call,
    enum writ_status *st)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned status = writ_wire_get_u8(&in);
	struct writ_stat *s = &call->out_stat;
	struct writ_str bytes;
	bool types = get_type(&in, &call->out_type);

	call->out_fd_flags = writ_wire_get_u8(&in);
	call->out_handle = writ_wire_get_u64(&in);
	call->out_count = writ_wire_get_u32(&in);
	call->out_cookie = writ_wire_get_u64(&in);
	types &= get_type(&in, &s->type);
	s->links = writ_wire_get_u64(&in);
	s->size = writ_wire_get_u64(&in);
	s->atime = get_time(&in);
	s->mtime = get_time(&in);
	s->ctime = get_time(&in);
	s->hash_hi = writ_wire_get_u64(&in);
	s->hash_lo = writ_wire_get_u64(&in);
	bytes = writ_wire_get_rest(&in);
	if (!writ_wire_done(&in) || !types || status > WRIT_NOTPERM ||
	    status == WRIT_AGAIN || status == WRIT_PENDING ||
	    call->out_count > WRIT_FS_IO_MAX)
		return WRIT_PROTO;
	*st = (enum writ_status)status;
	if (*st == WRIT_OK && fills_bytes(call->what)) {
		if (bytes.len != call->out_count || bytes.len > call->len)
			return WRIT_PROTO;
		if (bytes.len)
			memcpy(call->buf, bytes.ptr, bytes.len);
	} else if (bytes.len) {
		return WRIT_PROTO;
	}
	return WRIT_OK;
}
