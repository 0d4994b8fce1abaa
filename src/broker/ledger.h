/*
 * ledger.h - the file behind budget.h: accounts with a state, a ring of times, and a count for
 * each process that holds something.  Knows no bounds.
 *
 * Every state stands twice, with a checksum, and is written over the older one: a process that is
 * killed while it writes loses its own charge at most.  A process is alive while it has its
 * byte of the file locked (F_OFD_SETLK), so what it held is known to be free when it is gone.
 * Everything but _open and _free happens between _lock and _unlock.
 */
#ifndef WRIT_BROKER_LEDGER_H
#define WRIT_BROKER_LEDGER_H

#include "base/hash.h"
#include "base/limits.h"

#define WRIT_LEDGER_KEY_MAX 320		/* bytes of an account's key, with its NUL */

struct writ_ledger;

/** What an account has used. */
struct writ_ledger_state {
	uint64_t seq;
	uint8_t boot[16];		/* in which times and running were counted */
	uint64_t times;			/* how many were put into the ring, in this boot */
	uint64_t last_ns;
	uint64_t requests, bytes;	/* totals */
	uint64_t running;		/* of all processes */
	uint64_t moved;			/* where the account is now; 0: here */
	uint64_t check;
};

/** An account as one process knows it. */
struct writ_ledger_account {
	uint64_t at;			/* its block */
	uint32_t ring;			/* room for so many times */
	struct writ_ledger_state state;	/* as last read */
};

/**
 * Open FOLDER/NAME, making what is missing: the folder 0700, the file 0600.  `boot` says which
 * boot this is.  Fails: WRIT_DENIED not ours alone; WRIT_INVALID damaged; WRIT_LIMIT too
 * many processes have it; WRIT_IO; WRIT_NOMEM.
 */
WRIT_MUST_CHECK enum writ_status
writ_ledger_open(const char *dir, const char *name, const uint8_t boot[16],
    struct writ_ledger **out, struct writ_err *err);
void writ_ledger_free(struct writ_ledger *l);
WRIT_AUTO_FREE(writ_ledger)

/** Wait for the lock, WRIT_BUDGET_WAIT_MS at most.  WRIT_IO. */
WRIT_MUST_CHECK enum writ_status
writ_ledger_lock(struct writ_ledger *l, struct writ_err *err);
void writ_ledger_unlock(struct writ_ledger *l);

/** The account of `key`, made if it is new, with a ring of at least `ring` times; its state is
 * read.  WRIT_INVALID damaged; WRIT_LIMIT too many; WRIT_IO (also a full disk). */
WRIT_MUST_CHECK enum writ_status
writ_ledger_account(struct writ_ledger *l, const char *key, uint32_t ring,
    struct writ_ledger_account *a, struct writ_err *err);
/** Read its state anew; what was counted in another boot is gone from it. */
WRIT_MUST_CHECK enum writ_status
writ_ledger_read(struct writ_ledger *l, struct writ_ledger_account *a,
    struct writ_err *err);
/** Write a->state. */
WRIT_MUST_CHECK enum writ_status
writ_ledger_write(struct writ_ledger *l, struct writ_ledger_account *a,
    struct writ_err *err);
/** Whether an account was made since it was opened. */
bool writ_ledger_grew(const struct writ_ledger *l);
/** All of it is on disk when this returns. */
WRIT_MUST_CHECK enum writ_status
writ_ledger_sync(struct writ_ledger *l, struct writ_err *err);

/** The nth last time (n from 1, at most ring and state.times). */
WRIT_MUST_CHECK enum writ_status
writ_ledger_time(struct writ_ledger *l, const struct writ_ledger_account *a,
    uint64_t n, uint64_t *ns, struct writ_err *err);
/** Put a time into the ring: it counts once a->state is written. */
WRIT_MUST_CHECK enum writ_status
writ_ledger_time_add(struct writ_ledger *l, struct writ_ledger_account *a,
    uint64_t ns, struct writ_err *err);

/** Take (n = 1) or give back (n = -1) one of what may run at a time, in this process's name; it
 * counts for others once a->state is written. */
WRIT_MUST_CHECK enum writ_status
writ_ledger_hold(struct writ_ledger *l, struct writ_ledger_account *a, int n,
    struct writ_err *err);
/** Count state.running anew, without what dead processes held. */
WRIT_MUST_CHECK enum writ_status
writ_ledger_recount(struct writ_ledger *l, struct writ_ledger_account *a,
    struct writ_err *err);

#endif
