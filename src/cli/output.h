/*
 * output.h - writing to somebody who may have stopped reading: a pipe that is
 * full, a terminal that is held.  For the one thread of the command line; uses
 * the real timer and SIGALRM.
 */
#ifndef WRIT_CLI_OUTPUT_H
#define WRIT_CLI_OUTPUT_H

#include "base/str.h"

/** What ends the waiting. */
struct cli_patience {
	uint64_t until_ns;	/* on CLOCK_MONOTONIC; 0: never */
	int cancel_fd;		/* readable: at once; -1: none */
};

/**
 * Write all of `s`.  False: it cannot be written (errno), or patience has ended
 * (errno EPIPE, as when the reader is gone); a part may have been written.
 */
bool cli_write_patient(int fd, struct writ_str s, const struct cli_patience *p);

#endif
