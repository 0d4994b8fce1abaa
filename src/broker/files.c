#include <fcntl.h>

#include "base/limits.h"
#include "broker/files.h"
#include "cap/fs_host.h"
#include "cap/fs_phantom.h"
#include "wire/fs_msg.h"
#include "wire/setup_msg.h"

/* CLOSE is not answered. */
#define NO_REPLY UINT32_MAX

static enum writ_record_why
why_of(const struct writ_fs_judged *j)
{
	if (j->why == WRIT_FS_JUDGE_SEE)
		return WRIT_RECORD_SEE;
	if (j->why == WRIT_FS_JUDGE_TOUCH)
		return WRIT_RECORD_TOUCH;
	return j->write || j->what == WRIT_FS_OPEN ? WRIT_RECORD_EFFECT :
	    WRIT_RECORD_LOOK;
}

/* A renamed directory needs no WRIT_HOW_TREE: the front asks about every name below it. */
static enum writ_request_how
how_of(const struct writ_fs_judged *j)
{
	switch ((int)j->what) {
	case WRIT_FS_STAT:
	case WRIT_FS_STAT_AT:
	case WRIT_FS_READLINK:
		return WRIT_HOW_META;
	case WRIT_FS_MKDIR:
	case WRIT_FS_RMDIR:
		return WRIT_HOW_MKDIR;
	default:
		return WRIT_HOW_ITSELF;
	}
}

/* What became of the decisions before: nobody waits for it to be written down. */
static void
settle(struct writ_files *f)
{
	unsigned i;

	for (i = 0; i < f->outcomes_count; i++)
		writ_record_outcome(f->record, f->outcomes[i].id,
		    f->outcomes[i].status, f->outcomes[i].bytes);
	f->outcomes_count = 0;
}

static enum writ_status
judge(void *ctx, const struct writ_fs_judged *j)
{
	struct writ_files *f = ctx;
	struct writ_request rq = { .kind = WRIT_REQ_FILES, .op = j->op,
		.write = j->write, .target = j->path, .how = how_of(j) };
	uint64_t id = 0;
	enum writ_status st;

	/* rename and link have two decisions before their outcomes; an open that met
	 * a race looks, and is judged, again. */
	settle(f);
	st = writ_record_judge(f->record, &rq, why_of(j), &id);
	if (st == WRIT_OK && j->why == WRIT_FS_JUDGE_EFFECT && id &&
	    f->ids_count < 2)
		f->ids[f->ids_count++] = id;
	return st;
}

static void
done(void *ctx, const struct writ_fs_judged *j, enum writ_status status,
    uint64_t bytes)
{
	struct writ_files *f = ctx;

	if (!f->ids_count) {
		/* No judge was asked: the path leaves its folder, or is none. */
		if (status == WRIT_NOTPERM || status == WRIT_INVALID)
			writ_record_refuse(f->record, &(struct writ_request){
			    .kind = WRIT_REQ_FILES, .op = j->op,
			    .target = j->path, .write = j->write },
			    "malformed", "the path leaves this folder, or is "
			    "not a path");
		return;
	}
	if (f->outcomes_count == 2)
		WRIT_BUG("an outcome without a decision");
	f->outcomes[f->outcomes_count].id = f->ids[0];
	f->outcomes[f->outcomes_count].status = status;
	f->outcomes[f->outcomes_count++].bytes = bytes;
	f->ids[0] = f->ids[1];
	f->ids_count--;
}

/* ---- mounts */

/* Mounts below `at`, relative to it: NULL-terminated slices into the policy. */
static unsigned
masked_below(const struct writ_policy *p, const char *at, const char **out)
{
	size_t i, n = strlen(at);
	unsigned k = 0;

	if (n == 1)
		n = 0;		/* "/" */
	for (i = 0; i < p->files_count && k < WRIT_MOUNTS_MAX; i++) {
		const char *other = p->files[i].at;

		if (strlen(other) > n + 1 && !strncmp(other, at, n) &&
		    other[n] == '/')
			out[k++] = other + n + 1;
	}
	out[k] = NULL;
	return k;
}

static enum writ_status
mount_host(struct writ_files *f, size_t i, struct writ_err *err)
{
	const struct writ_files_grant *g = &f->policy->files[i];
	const char *masked[WRIT_MOUNTS_MAX + 1];
	struct writ_fs_mount spec = { writ_str_from(g->at), g->write,
		g->quota_bytes, g->quota_files, masked };
	struct writ_fs_store store;
	enum writ_status st;
	int fd = -1;

	masked_below(f->policy, g->at, masked);
	st = writ_fs_host_root(g->from, &fd, err);
	if (st == WRIT_OK)
		st = writ_fs_host_new(fd, &store, err);
	if (st == WRIT_OK)
		st = writ_fs_mount(f->fs, &spec, store, &f->roots[i], err);
	return st == WRIT_OK ? st :
	    writ_fail_in(err, st, "files \"%s\"", g->name);
}

static enum writ_status
mount_phantom(struct writ_files *f, struct writ_err *err)
{
	const char *masked[WRIT_MOUNTS_MAX + 1];
	struct writ_fs_mount spec = { WRIT_STR("/"), true, 0, 0, masked };

	masked_below(f->policy, "/", masked);
	return writ_fs_mount(f->fs, &spec, writ_fs_phantom(), &f->phantom_root,
	    err);
}

static bool
mounts_root(const struct writ_policy *p)
{
	size_t i;

	for (i = 0; i < p->files_count; i++)
		if (!strcmp(p->files[i].at, "/"))
			return true;
	return false;
}

enum writ_status
writ_files_init(struct writ_files *f, const struct writ_policy *policy,
    struct writ_record *record, const uint8_t key[16], bool trace,
    struct writ_err *err)
{
	struct writ_fs_config config = { .hooks = { f, judge, done } };
	enum writ_status st;
	size_t i;

	memset(f, 0, sizeof(*f));
	f->record = record;
	f->policy = policy;
	writ_buf_init(&f->reply, WRIT_WIRE_MSG_MAX);
	if (policy->files_count > WRIT_MOUNTS_MAX)
		return writ_fail(err, WRIT_LIMIT, "more than %d files grants",
		    WRIT_MOUNTS_MAX);
	f->bytes = writ_alloc(1, WRIT_FS_IO_MAX);
	if (!f->bytes)
		return writ_fail(err, WRIT_NOMEM, "files");
	memcpy(config.key, key, sizeof(config.key));
	st = writ_fs_new(&config, &f->fs, err);
	for (i = 0; st == WRIT_OK && i < policy->files_count; i++) {
		if (policy->files[i].source == WRIT_SOURCE_HOST)
			st = mount_host(f, i, err);
		else if (policy->files[i].source != WRIT_SOURCE_MEMORY)
			st = writ_fail(err, WRIT_UNSUPPORTED,
			    "files \"%s\": this source is not built yet",
			    policy->files[i].name);
	}
	if (st == WRIT_OK && trace && !mounts_root(policy))
		st = mount_phantom(f, err);
	return st;
}

void
writ_files_release(struct writ_files *f)
{
	writ_fs_free(f->fs);
	writ_buf_release(&f->reply);
	writ_mem_free(f->bytes);
	memset(f, 0, sizeof(*f));
}

static void
describe(const struct writ_files *f, size_t i, struct writ_mount_msg *m)
{
	const struct writ_files_grant *g = &f->policy->files[i];
	const char *masked[WRIT_MOUNTS_MAX + 1];
	unsigned k;

	m->at = writ_str_from(g->at);
	m->remote = f->roots[i] != 0;
	m->write = g->write;
	m->quota_bytes = g->quota_bytes;
	m->quota_files = g->quota_files;
	m->root = f->roots[i];
	if (m->remote)
		return;
	m->masked_count = masked_below(f->policy, g->at, masked);
	for (k = 0; k < m->masked_count; k++)
		m->masked[k] = writ_str_from(masked[k]);
	for (k = 0; k < f->policy->files_deny_count; k++) {
		m->deny[k] = writ_str_from(f->policy->files_deny[k].path);
		m->deny_write_only[k] = f->policy->files_deny[k].write_only;
	}
	m->deny_count = k;
	for (k = 0; g->protected_names && g->protected_names[k] && k < 64; k++)
		m->opened[k] = writ_str_from(g->protected_names[k]);
	m->opened_count = k;
}

void
writ_files_close_all(struct writ_files *f)
{
	if (f->fs)
		writ_fs_close_all(f->fs);
}

enum writ_status
writ_files_announce(struct writ_files *f, struct writ_conn *conn)
{
	struct writ_mount_msg m;
	enum writ_status st = WRIT_OK;
	size_t i;

	if (f->policy->files_deny_count > 64)
		return WRIT_LIMIT;
	for (i = 0; st == WRIT_OK && i < f->policy->files_count; i++) {
		memset(&m, 0, sizeof(m));
		describe(f, i, &m);
		writ_buf_reset(&f->reply);
		writ_mount_put(&f->reply, &m);
		st = writ_buf_status(&f->reply);
		if (st == WRIT_OK)
			st = writ_conn_send(conn, WRIT_MSG_MOUNT, 0,
			    writ_buf_view(&f->reply), -1);
	}
	if (st != WRIT_OK || !f->phantom_root)
		return st;
	memset(&m, 0, sizeof(m));
	m.at = WRIT_STR("/");
	m.remote = m.write = m.phantom = true;
	m.root = f->phantom_root;
	writ_buf_reset(&f->reply);
	writ_mount_put(&f->reply, &m);
	return writ_conn_send(conn, WRIT_MSG_MOUNT, 0,
	    writ_buf_view(&f->reply), -1);
}

/* ---- serving */

static bool
fills(enum writ_fs_op op)
{
	return op == WRIT_FS_READ || op == WRIT_FS_LIST ||
	    op == WRIT_FS_READLINK;
}

/* A regular file's fd goes along, with exactly the rights decided: an optimisation.  It stays
 * the handle's. */
static int
lend(struct writ_files *f, const struct writ_fs_call *c, enum writ_status st)
{
	int fd = -1, flags = 0;

	if (st != WRIT_OK || c->what != WRIT_FS_OPEN ||
	    c->out_type != WRIT_NODE_REGULAR ||
	    writ_fs_fd(f->fs, c->out_handle, &fd, &flags) != WRIT_OK)
		return -1;
	return fd;
}

/* The worker waits: what it asked alone is answered at once, what came together, together. */
static enum writ_status
answer(struct writ_files *f, struct writ_conn *conn, uint32_t id, int fd)
{
	struct writ_str body = writ_buf_view(&f->reply);

	return writ_conn_more(conn) ?
	    writ_conn_send(conn, WRIT_MSG_FS_REPLY, id, body, fd) :
	    writ_conn_send_now(conn, WRIT_MSG_FS_REPLY, id, body, fd);
}

enum writ_status
writ_files_serve(struct writ_files *f, struct writ_conn *conn,
    const struct writ_msg *m)
{
	struct writ_fs_call c = { .what = WRIT_FS_OP_COUNT };
	enum writ_status st;
	int fd = -1;

	if (writ_fs_msg_get(m->body, &c) != WRIT_OK ||
	    (m->id == NO_REPLY) != (c.what == WRIT_FS_CLOSE))
		return WRIT_PROTO;
	f->requests++;
	if (fills(c.what))
		c.buf = f->bytes;
	f->ids_count = 0;
	st = writ_fs_run(f->fs, &c);
	if (c.what == WRIT_FS_CLOSE) {
		settle(f);
		return WRIT_OK;
	}
	if (st == WRIT_AGAIN || st == WRIT_PENDING)
		WRIT_BUG("a file call that waits");
	if (st != WRIT_OK)
		memset(&c.out_stat, 0, sizeof(c.out_stat));
	if (conn->out_fds_len < WRIT_CONN_FDS)
		fd = lend(f, &c, st);
	writ_buf_reset(&f->reply);
	writ_fs_reply_put(&f->reply, &c, st);
	st = writ_buf_status(&f->reply);
	if (st == WRIT_OK)
		st = answer(f, conn, m->id, fd);
	settle(f);
	return st;
}
