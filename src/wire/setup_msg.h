/*
 * setup_msg.h - what the broker tells a worker of its session: CONFIG, MOUNT, DONE.
 * No host path is part of any of it.
 */
#ifndef WRIT_WIRE_SETUP_MSG_H
#define WRIT_WIRE_SETUP_MSG_H

#include "base/limits.h"
#include "port/engine.h"
#include "wire/codec.h"

/** The scalars of a session.  Enumerations as in policy.h, by value. */
struct writ_setup {
	uint64_t memory_bytes, time_ms, cpu_ms, output_bytes, requests, handles;
	uint8_t clock, random;
	bool sockets;			/* some are granted */
	int64_t clock_seconds;
	uint64_t clock_resolution_ns, random_seed;
	uint8_t hash_key[16];		/* of file identities */
};

void writ_setup_put(struct writ_buf *b, const struct writ_setup *s);
/** WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_setup_get(struct writ_str body, struct writ_setup *s);

/** A preopened directory.  `remote` mounts are served by the broker under `index`. */
struct writ_mount_msg {
	struct writ_str at;
	bool remote, write, phantom;
	uint64_t quota_bytes, quota_files;
	uint64_t root;			/* remote: the broker's handle */
	struct writ_str deny[64];	/* patterns; memory mounts */
	bool deny_write_only[64];
	unsigned deny_count;
	struct writ_str opened[64];	/* protected names opened */
	unsigned opened_count;
	struct writ_str masked[WRIT_MOUNTS_MAX];	/* mounts below this one */
	unsigned masked_count;
};

void writ_mount_put(struct writ_buf *b, const struct writ_mount_msg *m);
/** Slices are borrowed from the body.  WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_mount_get(struct writ_str body, struct writ_mount_msg *m);

/** A typed call; its arguments came in TEXT before. */
struct writ_invoke_msg {
	bool keep;			/* the instance, before and after */
	uint8_t form;			/* enum writ_value_form */
	uint64_t result_max;		/* bytes, at most WRIT_CALL_VALUE_MAX */
	struct writ_str function;
};

void writ_invoke_put(struct writ_buf *b, const struct writ_invoke_msg *m);
/** WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_invoke_get(struct writ_str body, struct writ_invoke_msg *m);

/** How a call ended, with its costs. */
struct writ_done_msg {
	struct writ_outcome outcome;
	enum writ_status refused;	/* not WRIT_OK: nothing ran, outcome.msg says why */
	uint64_t cpu_us;
};

void writ_done_put(struct writ_buf *b, const struct writ_done_msg *d);
/** Texts are cut to their fields.  WRIT_PROTO when malformed. */
WRIT_MUST_CHECK enum writ_status
writ_done_get(struct writ_str body, struct writ_done_msg *d);

#endif
