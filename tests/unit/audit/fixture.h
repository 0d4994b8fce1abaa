/*
 * fixture.h - a folder of its own per test, a clock that stands, and whole files.
 */
#ifndef WRIT_TESTS_AUDIT_FIXTURE_H
#define WRIT_TESTS_AUDIT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "base/buf.h"

struct fixture {
	char dir[64], path[96];
	int64_t wall_ms;
	uint64_t mono_ns;
	struct writ_audit_clock clock;
	uint64_t max_bytes;	/* of the sessions opened */
};

/** For cmocka: *state becomes a struct fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/** Open f->path as session "s1" of "uid:7". */
enum writ_status fixture_open(struct fixture *f, struct writ_audit **a,
    struct writ_err *err);
/** The same; it must work. */
struct writ_audit *fixture_must_open(struct fixture *f);

/** A decision over files by rule "files.src" (or "unmatched" when refused). */
struct writ_audit_decision fixture_decision(enum writ_audit_verdict v);
/** Record n decisions like `d`; how many got an id. */
unsigned fixture_decide(struct writ_audit *a, struct writ_audit_decision d,
    unsigned n);

/** The whole file; release it. */
struct writ_buf fixture_read(const char *path);
void fixture_write(const char *path, struct writ_str bytes);
/** Line i (from 0) without its line end; {NULL,0} when there is none. */
struct writ_str fixture_line(const struct writ_buf *file, size_t i);
size_t fixture_lines(const struct writ_buf *file);
/** Whether the slice has the text in it. */
bool fixture_has(struct writ_str s, const char *text);

/** Verify f->path; it must fail at `bad_line`, saying `why`; 0: must be good. */
void fixture_verify(struct fixture *f, uint64_t bad_line, const char *why);

#endif
