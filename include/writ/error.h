/*
 * writ/error.h - status codes and the error object of libwrit.
 * Part of the public API; compiles alone as C11 and C++17.
 */
#ifndef WRIT_ERROR_H
#define WRIT_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/** What became of a call.  WRIT_OK is 0; values are stable. */
enum writ_status {
	WRIT_OK = 0,
	WRIT_AGAIN = 1,		/* nothing now; the wake given will fire */
	/* a request was taken; its op completes later */
	WRIT_PENDING = 2,
	WRIT_DENIED = 3,	/* a rule refused it */
	WRIT_NOENT = 4,		/* no such thing */
	WRIT_EXIST = 5,		/* exists already */
	WRIT_LIMIT = 6,		/* a limit or quota is reached */
	WRIT_INVALID = 7,	/* malformed input */
	WRIT_UNSUPPORTED = 8,	/* well-formed, but not offered */
	WRIT_IO = 9,		/* the system below failed */
	WRIT_NOMEM = 10,	/* out of memory */
	WRIT_CLOSED = 11,	/* end of stream, or the peer is gone */
	WRIT_CANCELLED = 12,	/* cancelled before it finished */
	WRIT_UNKNOWN = 13,	/* an effect may or may not have happened */
	WRIT_NOTDIR = 14,
	WRIT_ISDIR = 15,
	WRIT_NOTEMPTY = 16,
	WRIT_LOOP = 17,		/* too many symbolic links */
	WRIT_NAMETOOLONG = 18,
	WRIT_BADF = 19,		/* handle not open, or not for this use */
	WRIT_XDEV = 20,		/* across two grants */
	WRIT_NOSPC = 21,	/* a file quota, or the disk, is full */
	WRIT_ROFS = 22,		/* grant is read-only */
	WRIT_BUSY = 23,
	WRIT_NOTSYMLINK = 24,	/* readlink of something else */
	WRIT_OVERFLOW = 25,
	WRIT_TRAP = 26,		/* the guest trapped */
	WRIT_PROTO = 27,	/* a peer broke the protocol */
	/* not possible for anyone: leaves its directory, ... */
	WRIT_NOTPERM = 28
};

#define WRIT_ERR_MSG_MAX 512

/** A failure: code and one sentence.  Plain storage, nothing to free. */
struct writ_err {
	enum writ_status status;
	char msg[WRIT_ERR_MSG_MAX];
};

/** The constant's name without its prefix, e.g. "denied"; "?" if unknown. */
const char *writ_status_name(enum writ_status st);

#ifdef __cplusplus
}
#endif
#endif
