/*
 * fs_host.h - a host directory: the backend of `from: host:PATH`.  Lives in the broker.
 * Only regular files, directories and symbolic links are visible; nothing is opened
 * that could block or act (FIFO, socket, device); no other file system mounted inside
 * is entered; the kernel itself (openat2) follows no link and leaves no root.
 * Files are made with mode 0644, directories 0755, less the umask; never executable.
 */
#ifndef WRIT_CAP_FS_HOST_H
#define WRIT_CAP_FS_HOST_H

#include "cap/fs_backend.h"

/**
 * Bind a grant to the directory that `path` names now: *fd (O_PATH, the caller's) stays
 * that directory whatever the name becomes.  Trailing slashes and "/." are ignored; a
 * symbolic link as the last component is refused.
 * Fails: WRIT_NOENT; WRIT_NOTDIR; WRIT_LOOP it is a symbolic link; WRIT_DENIED no
 * permission; WRIT_UNSUPPORTED the kernel has no openat2; WRIT_INVALID empty.
 */
WRIT_MUST_CHECK enum writ_status
writ_fs_host_root(const char *path, int *fd, struct writ_err *err);

/** The tree below `root_fd`, which is taken, also on failure.  *out is to be given to
 * writ_fs_mount.  Fails: WRIT_NOMEM; WRIT_NOTDIR; WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_fs_host_new(int root_fd, struct writ_fs_store *out, struct writ_err *err);

#endif
