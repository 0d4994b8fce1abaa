/*
 * probe.h - the confinement probes: what stands in one row, and the runner's
 * parts.  A probe passes only when all of it was seen: the guest met the stated
 * refusal, the canary did not reach a sink, the audit log says so exactly, and
 * the same operation succeeds when it is granted (the control).  Stands on
 * include/writ/ and base/.
 */
#ifndef WRIT_CLI_PROBE_H
#define WRIT_CLI_PROBE_H

#include "cli/cli.h"

#define PROBE_WHY_MAX 240
#define PROBE_OUTPUT_MAX (4 * 1024 * 1024)
#define PROBE_TOKEN_MAX 40

/* How a run must end. */
enum probe_end {
	PROBE_EXITS_0,
	PROBE_EXITS_1,		/* the guest says it got what it must not get */
	PROBE_TRAPS,
	PROBE_LIMITED,		/* by the limit that `detail` names */
	PROBE_REFUSED		/* nothing ran; `detail` is the status's name */
};

struct probe_suite;
struct probe_result;

/**
 * One probe.  `guest` is a component below the guests folder, without ".wasm";
 * `args` are parted by spaces; `writ` is a writ without its first line (NULL:
 * nothing granted); `tree` makes the host tree, one entry a line: "d PATH", "f
 * PATH TEXT", "l PATH TARGET", "p PATH" (FIFO), "s PATH" (socket).  Paths begin
 * at a fresh folder that holds granted/, other/, outside/secret and secret, the
 * last two with a random token; the writ lies there too.  "$" in `tree`, `line`
 * and their kin stands for the token, "%" in `args` for the fresh folder.
 */
struct probe {
	const char *id, *what;
	const char *guest, *args, *writ, *tree;
	enum probe_end end;
	const char *detail;
	const char *line;	/* must stand in the output, or in the error */
	/* "PATH=TEXT" unchanged, "!PATH" absent; one a line */
	const char *keeps;
	const char *rule;	/* of the refusals in the audit log */
	unsigned records;	/* how many refusals must stand there */
	/* allowed, but not done: outcomes that must stand there */
	unsigned failures;
	const char *voids;	/* import that session-start must call void */
	/* the control; what is NULL is as above */
	const char *ok_guest, *ok_args, *ok_writ, *ok_line;
	const char *ok_none;	/* why there can be no control yet */
	/* the guest's stdin; NULL: none granted */
	const char *input, *ok_input;
	bool ok_not_args;	/* the control has no arguments */
	/* instead of all that */
	void (*special)(struct probe_suite *suite, const struct probe *probe,
	    struct probe_result *result);
	const char *not_applicable;
};

enum probe_verdict { PROBE_PASSED, PROBE_FAILED, PROBE_NOT_APPLICABLE };

struct probe_point {
	bool seen;
	/* what was seen instead, or how it was checked */
	char why[PROBE_WHY_MAX];
};

struct probe_result {
	enum probe_verdict verdict;
	struct probe_point refused, canary, audit, control;
	char reason[PROBE_WHY_MAX];	/* of not applicable */
	uint64_t ms;
};

struct probe_suite {
	struct writ_host *host;
	const char *guests;		/* folder of the components */
	const char *programs;		/* or NULL */
	const char *cache_dir, *without_walls;	/* of the host, or NULL */
};

/** The fresh folder of one run. */
struct probe_place {
	char dir[256], token[PROBE_TOKEN_MAX];
};

/** What one run did. */
struct probe_run {
	enum writ_status status;
	struct writ_err err;
	struct writ_result result;
	struct writ_buf output;
	char audit[300];		/* file, beside the place's folder */
};

/** How to run: the fields of struct probe of the same names. */
struct probe_ask {
	const char *component;		/* a path, or NULL: `guest` */
	const char *guest, *args, *writ, *input;
};

/** What the audit log of a run says. */
struct probe_log {
	bool there;
	unsigned denied;		/* decisions and counts, of `rule` */
	unsigned others;		/* refusals by other rules */
	unsigned failed;	/* outcomes of what was allowed, and not done */
	unsigned limits, starts, ends, rejected;
	bool is_void;	/* the import asked about is listed as void */
	char limit[32], outcome[32];
};

extern const struct probe probes_all[];
extern const size_t probes_count;

/* ---- probe_place.c */
/** Make the folder and the tree.  False: could not (errno). */
bool probe_place_open(struct probe_place *p, const char *tree);
/** Remove it all. */
void probe_place_close(struct probe_place *p);
/** `text` with "@" as the token and "%" as the folder. */
void probe_place_text(const struct probe_place *p, const char *text, char *out,
    size_t cap);
/** Compare what is there with `keeps` and the secrets. */
void probe_place_check(const struct probe_place *p, const char *keeps,
    struct probe_point *point);
/** Write a file below the folder. */
bool probe_place_write(const struct probe_place *p, const char *name,
    const void *bytes, size_t len);

/* ---- probe_run.c */
/** Run and collect.  Release with probe_run_release. */
void probe_run(struct probe_suite *suite, const struct probe_place *place,
    const struct probe_ask *ask, struct probe_run *run);
void probe_run_release(struct probe_run *run);
/** Whether the run ended as stated; says in `point` how it did otherwise. */
bool probe_run_ended(const struct probe_run *run, enum probe_end end,
    const char *detail, const char *line, struct probe_point *point);
/** Read the log; `rule` and `voids` may be NULL. */
void probe_log_read(const char *file, const char *rule, const char *voids,
    struct probe_log *log);
/** Run one row. */
void probe_do(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *result);
/** Set a point. */
void probe_point(struct probe_point *point, bool seen, const char *fmt, ...)
    WRIT_PRINTF(3, 4);

/* ---- probe_special.c */
void probe_paths(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_swap(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_root_link(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_odd_names(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_mount(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_worker(struct probe_suite *, const struct probe *,
    struct probe_result *);

/* ---- probe_net.c */
void probe_net(struct probe_suite *, const struct probe *,
    struct probe_result *);

/* ---- probe_bytes.c */
void probe_mutants(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_layers(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_machine_code(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_cache(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_bomb(struct probe_suite *, const struct probe *,
    struct probe_result *);
void probe_escapes(struct probe_suite *, const struct probe *,
    struct probe_result *);

#endif
