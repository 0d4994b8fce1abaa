/*
 * fs_msg.h - a file request and its reply as wire messages (FS, FS_REPLY).
 */
#ifndef WRIT_WIRE_FS_MSG_H
#define WRIT_WIRE_FS_MSG_H

#include "port/tree.h"
#include "wire/codec.h"

/** Append the request part of `call` (buf's bytes only for WRITE and APPEND). */
void writ_fs_msg_put(struct writ_buf *b, const struct writ_fs_call *call);

/**
 * Read a request.  Paths and buf are borrowed from the message; for operations that fill a
 * buffer, call->buf stays NULL and call->len is what was asked for, at most
 * WRIT_FS_IO_MAX.  Fails: WRIT_PROTO malformed or out of range.
 */
WRIT_MUST_CHECK enum writ_status
writ_fs_msg_get(struct writ_str body, struct writ_fs_call *call);

/** Append a reply: the result part of `call` with status `st`; out_count bytes of
 * call->buf follow for READ, LIST and READLINK. */
void writ_fs_reply_put(struct writ_buf *b, const struct writ_fs_call *call,
    enum writ_status st);

/** Read a reply into the result part of `call` (whose buf and len bound the bytes).
 * *st is the status.  Fails: WRIT_PROTO malformed, or more bytes than asked for. */
WRIT_MUST_CHECK enum writ_status
writ_fs_reply_get(struct writ_str body, struct writ_fs_call *call,
    enum writ_status *st);

#endif
