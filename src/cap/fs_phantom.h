/*
 * fs_phantom.h - the mount at "/" of `writ learn` and --trace-denials: shows what a guest
 * would like to open.  It has nothing: its root can be seen and listed (empty), every
 * other operation is judged, so recorded, and WRIT_DENIED whatever the answer.
 * Lives in the broker, mounted with `write` so that wishes to change are seen as such,
 * and with every real mount masked.
 */
#ifndef WRIT_CAP_FS_PHANTOM_H
#define WRIT_CAP_FS_PHANTOM_H

#include "cap/fs_backend.h"

/** It needs no memory and no freeing. */
struct writ_fs_store writ_fs_phantom(void);

#endif
