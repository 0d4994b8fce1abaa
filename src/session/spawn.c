#include "base/limits.h"
#include "policy/subset.h"
#include "session/serve.h"

/* How often `c` has used entry `g`; NULL without memory. */
static uint64_t *
used(struct serve_call *c, const struct writ_spawn_grant *g)
{
	struct serve_spawned *one;
	size_t i;

	for (i = 0; i < c->spawned.len; i++) {
		one = writ_vec_at(&c->spawned, i);
		if (one->grant == g)
			return &one->calls;
	}
	if (writ_vec_push(&c->spawned, &one) != WRIT_OK)
		return NULL;
	one->grant = g;
	return &one->calls;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whether its writ grants no more: what a parent lacks it cannot have through a child.  What is
 * missing is not for the guest: it speaks of host folders. */
static bool
within(const struct serve_seat *seat, const struct writ_box_tool *tool)
{
	return writ_policy_subset(tool->group->policy, seat->tool.policy,
	    NULL) == WRIT_SUBSET_PROVED;
}

/* Granted by its entry, and refused all the same: the log has both. */
static enum writ_status
refuse(struct serve_seat *seat, const struct writ_run_ask *a, uint64_t id,
    enum writ_ask_status how, struct writ_str why)
{
	writ_record_outcome(&seat->record, id, how == WRIT_ASK_DENIED ?
	    WRIT_DENIED : how == WRIT_ASK_LIMIT ? WRIT_LIMIT : WRIT_NOENT, 0);
	return writ_run_reply(&seat->run, a->id, how, why);
}

/* What the child may do at most: less, on every level, than what its parent may. */
static bool
bound(const struct serve_seat *seat, const struct writ_spawn_grant *g,
    struct serve_call *child, struct writ_buf *why)
{
	struct serve_call *c = seat->call;
	uint64_t *calls = used(c, g);
	unsigned depth = (unsigned)least(g->depth, c->depth_left);
	uint64_t left = calls && *calls < g->calls ?
	    least(g->calls - *calls, c->spawn_left) : 0;

	if (!depth)
		writ_buf_printf(why, "no more levels of tools may stand here "
		    "(spawn.%s.depth, or that of a tool above)", g->name);
	else if (!left)
		writ_buf_printf(why, "no more calls may be made here "
		    "(spawn.%s.calls, or that of a tool above)", g->name);
	if (!depth || !left)
		return false;
	child->depth_left = depth - 1;
	child->spawn_left = left - 1;
	return true;
}

/* Every call above pays. */
static void
pay(struct serve_call *c, const struct writ_spawn_grant *g)
{
	uint64_t *calls = used(c, g);

	if (calls)
		(*calls)++;
	for (; c; c = c->parent)
		if (c->spawn_left != UINT64_MAX && c->spawn_left)
			c->spawn_left--;
}

static void
adopt(struct serve *s, struct serve_call *parent, struct serve_call *child,
    const struct writ_run_ask *a)
{
	child->parent = parent;
	child->parent_ask = a->id;
	child->client = parent->client;
	child->box = parent->box;
	child->box->users++;
	child->state = SERVE_WAITING;
	writ_buf_str(&child->args, a->text);
	s->args_bytes += child->args.len;
}

enum writ_status
serve_spawn(struct serve_seat *seat, const struct writ_run_ask *a, uint64_t id)
{
	struct serve *s = seat->server;
	struct serve_call *c = seat->call, *child;
	struct writ_box_tool *tool = writ_box_find(c->box->box, a->name);
	const struct writ_spawn_grant *g = writ_policy_spawn(seat->tool.policy,
	    a->name);
	writ_auto_release(writ_buf) why;

	if (!tool || !g)
		return refuse(seat, a, id, WRIT_ASK_UNKNOWN, a->name);
	writ_buf_init(&why, 2048);
	if (!within(seat, tool))
		return refuse(seat, a, id, WRIT_ASK_DENIED, WRIT_STR("the "
		    "other tool's writ is not within this tool's"));
	child = serve_call_new(s, 0);
	if (!child)
		return refuse(seat, a, id, WRIT_ASK_LIMIT,
		    WRIT_STR("the server has too many calls"));
	if (!bound(seat, g, child, &why)) {
		serve_call_free(s, child);
		return refuse(seat, a, id, WRIT_ASK_LIMIT,
		    writ_buf_view(&why));
	}
	child->tool = tool;
	adopt(s, c, child, a);
	pay(c, g);
	return WRIT_OK;
}
