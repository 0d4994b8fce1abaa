/*
 * fake_engine.h - an engine without WebAssembly: what a guest does follows from the path it is
 * asked for, so that serving can be tested from a client's side.  See fake_engine.c for the paths.
 */
#ifndef WRIT_TEST_WORKER_FAKE_ENGINE_H
#define WRIT_TEST_WORKER_FAKE_ENGINE_H

#include "port/engine.h"

/** Tasks that were made and not freed; made at all; the most there were at once. */
extern unsigned fake_tasks, fake_tasks_made, fake_tasks_most;
/** What the last request looked like: method, authority, path, then its fields, one a line. */
extern char fake_seen[8192];

#endif
