/*
 * run_int.h - shared by run.c (a worker's life and calls) and said.c (what it says).
 */
#ifndef WRIT_BROKER_RUN_INT_H
#define WRIT_BROKER_RUN_INT_H

#include "broker/run.h"

/** The call is over; the first reason stands. */
void writ_run_end_with(struct writ_run *run, enum writ_run_end end,
    const char *why);
/** Let the worker send n more bytes of stream `which`; 0: the stream is closed. */
WRIT_MUST_CHECK enum writ_status
writ_run_credit(struct writ_run *run, unsigned which, size_t n);
/** The worker is ready and has its call: time counts from here. */
void writ_run_clock_starts(struct writ_run *run);
/** It serves, and has spoken. */
void writ_run_heard(struct writ_run *run);
/** A limit of one call, over the calls there were and may be: a worker that serves has many. */
uint64_t writ_run_times(const struct writ_run *run, uint64_t limit);
/** Handle one message.  WRIT_PROTO when it is malformed. */
WRIT_MUST_CHECK enum writ_status
writ_run_dispatch(struct writ_run *run, const struct writ_msg *m);

#endif
