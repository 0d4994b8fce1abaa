/*
 * inmate.h - run one act in a forked, jailed child and see what became of it.
 * What the child writes into *shared is seen by the test, also after it was killed.
 */
#ifndef TESTS_JAIL_INMATE_H
#define TESTS_JAIL_INMATE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include "jail/jail.h"

#ifdef WRIT_SANITIZE
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define NOBODY 65534u

/** The page between test and child. */
struct shared {
	int began;		/* the jail's first half stands */
	int locked;		/* the second, too */
	int status;		/* enum writ_status of the last step */
	unsigned walls;
	char why[WRIT_ERR_MSG_MAX];
	long ret, err;		/* what the act returned, with errno */
	int done;		/* the act came to its end */
	volatile int go;	/* test to child: go on */
	char secret[64];
	char text[4096];
};

/** What to do in the jail, and in which. */
struct inmate {
	unsigned without;
	enum writ_jail_role role;
	bool begin_only;	/* act between the two halves */
	int fd;			/* becomes fd 3; -1: one end of a socket pair */
	long (*act)(struct shared *sh, void *ctx);
	void *ctx;
};

/** Map the page; NULL fails the test. */
struct shared *inmate_shared(void);
void inmate_unshare(struct shared *sh);

/** Fork and jail; returns the pid. */
pid_t inmate_start(const struct inmate *in, struct shared *sh);
/** Wait (10 s at most); the status as of waitpid. */
int inmate_wait(pid_t pid);
/** Both. */
int inmate_run(const struct inmate *in, struct shared *sh);

/** Every wall but `mask`. */
#define ONLY(mask) (WRIT_WALLS_ALL & ~(unsigned)(mask))

/** Fails unless the child was killed by the system-call filter. */
void assert_sigsys(int status);
/** Fails unless the act ended by itself with -1 and `err`. */
void assert_refused(int status, const struct shared *sh, int err);
/** Fails unless the act ended by itself with something >= 0. */
void assert_done(int status, const struct shared *sh);

/** A folder that every user may write to; remove with inmate_rmdir. */
void inmate_mkdir(char path[64]);
void inmate_rmdir(const char *path);

/** The value of a field in /proc/<pid>/status, e.g. "Seccomp:"; NULL if absent. */
char *inmate_field(const char *status, const char *name, char out[256]);
/** Read a small file into buf; length or -1. */
long inmate_slurp(const char *path, char *buf, size_t cap);

#endif
