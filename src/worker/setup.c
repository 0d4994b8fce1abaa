#include "base/limits.h"
#include "jail/jail.h"
#include "worker/serve.h"

static enum writ_status
on_config(struct writ_worker *w, struct writ_msg *m, struct writ_err *err)
{
	struct writ_setup *s = &w->setup;

	if (w->has_setup || writ_setup_get(m->body, s) != WRIT_OK)
		return writ_fail(err, WRIT_PROTO, "config");
	w->has_setup = true;
	writ_guest_start_over(&w->first);
	return WRIT_OK;
}

static enum writ_status
on_arg(struct writ_worker *w, struct writ_msg *m, struct writ_err *err)
{
	return writ_fail_in(err, writ_env_add_arg(&w->env, m->body),
	    "arguments");
}

static enum writ_status
on_pair(struct writ_worker *w, struct writ_msg *m, struct writ_err *err)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	struct writ_str key = writ_wire_get_str(&in, WRIT_ENV_BYTES_MAX);
	struct writ_str value = writ_wire_get_str(&in, WRIT_ENV_BYTES_MAX);
	enum writ_status st;

	if (!writ_wire_done(&in))
		return writ_fail(err, WRIT_PROTO, "pair");
	if (m->row->type == WRIT_MSG_ENV)
		st = writ_env_add_var(&w->env, key, value);
	else
		st = writ_env_add_setting(&w->env, key, value);
	return st == WRIT_OK ? st :
	    writ_fail(err, st, "environment or config: too much, or malformed");
}

static enum writ_status
on_mount(struct writ_worker *w, struct writ_msg *m, struct writ_err *err)
{
	struct writ_mount_msg mount;
	enum writ_status st = writ_mount_get(m->body, &mount);

	if (st == WRIT_OK && w->has_setup)
		st = writ_worker_tree_mount(&w->first, &mount);
	if (st == WRIT_OK && w->serve)
		st = writ_serve_mount(w->serve, m->body);
	return st == WRIT_OK ? st : writ_fail(err, st, "mount");
}

static enum writ_status
on_load(struct writ_worker *w, struct writ_msg *m, struct writ_err *err)
{
	if (m->fd < 0 || w->component)
		return writ_fail(err, WRIT_PROTO, "load");
	return writ_component_load(w->engine, m->fd, &w->component, err);
}

/* What the process may hold beside what the guest was granted: code, stacks, buffers. */
#define OWN_MEMORY (512 * WRIT_MIB)

static enum writ_status
cap_memory(const struct writ_worker *w, struct writ_err *err)
{
	uint64_t all = w->setup.memory_bytes + w->first.tree.memory_quota;
	uint64_t guests = w->serve ? w->serve->guests_max : 1;

	if (all < w->setup.memory_bytes ||
	    all > (INT64_MAX - OWN_MEMORY) / guests)
		return writ_fail(err, WRIT_LIMIT, "limits.memory");
	return writ_jail_cap_memory(all * guests + OWN_MEMORY, err);
}

/* The door closes: from here on nothing opens and nothing new can be executed. */
static enum writ_status
on_seal(struct writ_worker *w, struct writ_msg *m, struct writ_err *err)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	unsigned without = writ_wire_get_u32(&in);
	uint8_t ready[4] = { 0 };
	unsigned walls = 0;
	enum writ_status st;
	unsigned i;

	if (!w->component || !w->has_setup)
		return writ_fail(err, WRIT_PROTO, "seal before load");
	st = without & WRIT_WALL_RLIMITS ? WRIT_OK : cap_memory(w, err);
	if (st != WRIT_OK)
		return st;
	st = writ_jail_lock(w->serve ? WRIT_JAIL_SERVE : WRIT_JAIL_WORKER,
	    without, &walls, err);
	if (st != WRIT_OK)
		return st;
	for (i = 0; i < 4; i++)
		ready[i] = (uint8_t)(walls >> (8 * i));
	writ_worker_send(w, WRIT_MSG_READY, 0,
	    writ_str((const char *)ready, sizeof(ready)));
	w->conn.state = w->serve ? WRIT_STATE_RUNNING : WRIT_STATE_READY;
	w->call_id = 1;		/* serving is one call, without an end of its own */
	return w->serve ? writ_serve_begin(w->serve, err) : WRIT_OK;
}

static const struct {
	enum writ_wire_type type;
	enum writ_status (*handle)(struct writ_worker *, struct writ_msg *,
	    struct writ_err *);
} handlers[] = {
	{ WRIT_MSG_CONFIG,  on_config },
	{ WRIT_MSG_ARG,     on_arg },
	{ WRIT_MSG_ENV,     on_pair },
	{ WRIT_MSG_SETTING, on_pair },
	{ WRIT_MSG_MOUNT,   on_mount },
	{ WRIT_MSG_LOAD,    on_load },
	{ WRIT_MSG_SEAL,    on_seal },
};

enum writ_status
writ_worker_setup(struct writ_worker *w, struct writ_msg *m, struct writ_err *err)
{
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == m->row->type)
			return handlers[i].handle(w, m, err);
	return writ_fail(err, WRIT_PROTO, "message %s in set-up", m->row->name);
}
