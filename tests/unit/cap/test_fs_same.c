/* Random operations on memory and on a host directory at once: the same answers. */
#include "fs_world.h"

#define ROUNDS 40000
#define HANDLES 6

struct pair {
	struct world w[2];
	uint64_t h[HANDLES][2];	/* 0: closed */
	bool dir[HANDLES];
	uint64_t seed;
};

static unsigned
pick(struct pair *p, unsigned n)
{
	return world_random(&p->seed) % n;
}

static void
pick_path(struct pair *p, char out[64])
{
	static const char *const parts[] = { "a", "b", "c", "a", "b", "a", "l",
		"..", ".", "m", "" };
	unsigned i, n = 1 + pick(p, 2) + pick(p, 3);

	out[0] = 0;
	for (i = 0; i < n; i++)
		snprintf(out + strlen(out), 64 - strlen(out), "%s%s",
		    i ? "/" : "", parts[pick(p, i ? 11 : 10)]);
}

static const enum writ_fs_op paths_ops[] = { WRIT_FS_OPEN, WRIT_FS_OPEN,
	WRIT_FS_STAT_AT, WRIT_FS_MKDIR, WRIT_FS_MKDIR, WRIT_FS_RMDIR,
	WRIT_FS_UNLINK, WRIT_FS_RENAME, WRIT_FS_LINK, WRIT_FS_SYMLINK,
	WRIT_FS_READLINK, WRIT_FS_SET_TIMES_AT };
static const enum writ_fs_op handle_ops[] = { WRIT_FS_STAT, WRIT_FS_READ,
	WRIT_FS_WRITE, WRIT_FS_APPEND, WRIT_FS_SET_SIZE, WRIT_FS_LIST,
	WRIT_FS_CLOSE };

struct step {
	struct writ_fs_call c;
	unsigned slot, slot2, keep;
	bool by_handle;
	char path[64], path2[64];
	uint8_t data[64];
};

static void
plan(struct pair *p, struct step *s)
{
	bool by_handle = pick(p, 3) == 0;
	unsigned i;

	*s = (struct step){ .slot = pick(p, HANDLES + 3),
		.slot2 = pick(p, HANDLES + 3), .keep = pick(p, HANDLES) };
	s->by_handle = by_handle;
	s->c.what = by_handle ? handle_ops[pick(p, 7)] : paths_ops[pick(p, 12)];
	pick_path(p, s->path);
	pick_path(p, s->path2);
	s->c.path_flags = pick(p, 2);
	s->c.open_flags = pick(p, 4) ? pick(p, 16) : WRIT_OPEN_CREATE;
	s->c.fd_flags = pick(p, 4);
	s->c.offset = pick(p, 200);
	s->c.size = pick(p, 200);
	s->c.len = pick(p, sizeof(s->data));
	s->c.mtime_how = WRIT_TIME_SET;
	s->c.mtime.s = (int64_t)pick(p, 1000);
	for (i = 0; i < sizeof(s->data); i++)
		s->data[i] = (uint8_t)('a' + pick(p, 26));
}

/* The open handle there; a path needs a directory, else it is the root's. */
static uint64_t
handle_at(const struct pair *p, unsigned slot, int i, bool any)
{
	if (slot < HANDLES && p->h[slot][i] && (any || p->dir[slot]))
		return p->h[slot][i];
	return p->w[i].root;
}

static enum writ_status
run_step(struct pair *p, const struct step *s, int i, struct writ_fs_call *c,
    uint8_t buf[600])
{
	*c = s->c;
	memcpy(buf, s->data, sizeof(s->data));
	c->buf = buf;
	c->handle = handle_at(p, s->slot, i, s->by_handle);
	c->handle2 = handle_at(p, s->slot2, i, false);
	c->path = writ_str_from(s->path);
	c->path2 = writ_str_from(s->path2);
	if (c->what == WRIT_FS_LIST || c->what == WRIT_FS_READLINK)
		c->len = 600;
	return writ_fs_run(p->w[i].fs, c);
}

static void
compare_results(const struct writ_fs_call *a, const struct writ_fs_call *b)
{
	assert_int_equal(a->out_type, b->out_type);
	assert_int_equal(a->out_fd_flags, b->out_fd_flags);
	assert_int_equal(a->out_count, b->out_count);
	assert_int_equal(a->out_stat.type, b->out_stat.type);
	assert_int_equal(a->out_stat.size, b->out_stat.size);
	assert_int_equal(a->out_stat.links, b->out_stat.links);
	if (a->what == WRIT_FS_READ || a->what == WRIT_FS_LIST ||
	    a->what == WRIT_FS_READLINK)
		assert_memory_equal(a->buf, b->buf, a->out_count);
}

static void
one_step(struct pair *p, unsigned round)
{
	struct writ_fs_call c[2];
	uint8_t buf[2][600];
	struct step s;
	uint64_t bytes[2], files[2];
	enum writ_status st[2];
	int i;

	plan(p, &s);
	for (i = 0; i < 2; i++)
		st[i] = run_step(p, &s, i, &c[i], buf[i]);
	if (st[0] != st[1] || strcmp(p->w[0].last, p->w[1].last))
		fail_msg("round %u: %s \"%s\" \"%s\" of %u flags %u %u %u: memory "
		    "%s at %s, host %s at %s", round,
		    writ_fs_op_name(s.c.what), s.path, s.path2, s.slot,
		    s.c.path_flags, s.c.open_flags, s.c.fd_flags,
		    writ_status_name(st[0]), p->w[0].last,
		    writ_status_name(st[1]), p->w[1].last);
	if (st[0] == WRIT_OK)
		compare_results(&c[0], &c[1]);
	for (i = 0; i < 2; i++) {
		writ_fs_usage(p->w[i].fs, 0, &bytes[i], &files[i]);
		if (st[0] != WRIT_OK)
			continue;
		if (s.c.what == WRIT_FS_OPEN) {
			if (p->h[s.keep][i])
				w_close(&p->w[i], p->h[s.keep][i]);
			p->h[s.keep][i] = c[i].out_handle;
			p->dir[s.keep] = c[i].out_type ==
			    WRIT_NODE_DIRECTORY;
		}
		if (s.c.what == WRIT_FS_CLOSE && s.slot < HANDLES)
			p->h[s.slot][i] = 0;
	}
	if (bytes[0] != bytes[1] || files[0] != files[1])
		fail_msg("round %u: %s: usage %llu %llu and %llu %llu", round,
		    writ_fs_op_name(s.c.what), (unsigned long long)bytes[0],
		    (unsigned long long)files[0], (unsigned long long)bytes[1],
		    (unsigned long long)files[1]);
}

/* Remove everything: the quota must be back at nothing. */
static void
sweep(struct world *w, uint64_t dir, int depth)
{
	char names[4096], *name, *rest = names;
	uint64_t sub, bytes, files;

	assert_true(depth < 64);
	w_names(w, dir, names);
	while ((name = strsep(&rest, " ")) && *name) {
		if (w_one(w, WRIT_FS_UNLINK, dir, name) == WRIT_OK)
			continue;
		assert_status(w_open(w, dir, name, WRIT_OPEN_DIRECTORY,
		    WRIT_FD_READ, &sub), WRIT_OK);
		sweep(w, sub, depth + 1);
		w_close(w, sub);
		assert_status(w_one(w, WRIT_FS_RMDIR, dir, name), WRIT_OK);
	}
	if (depth)
		return;
	writ_fs_usage(w->fs, 0, &bytes, &files);
	assert_int_equal(bytes, 0);
	assert_int_equal(files, 0);
}

static void
test_fs_backends__answer_alike(void **state)
{
	static struct pair p;
	unsigned seed, round;
	int i;

	for (seed = 1; seed <= 6; seed++) {
		memset(&p, 0, sizeof(p));
		p.seed = seed;
		for (i = 0; i < 2; i++)
			world_init(&p.w[i], &(struct world_spec){
			    .kind = (enum world_kind)i, .quota_bytes = 3000,
			    .quota_files = 40 });
		for (round = 0; round < ROUNDS; round++)
			one_step(&p, round);
		for (i = 0; i < 2; i++) {
			writ_fs_close_all(p.w[i].fs);
			sweep(&p.w[i], p.w[i].root, 0);
			world_release(&p.w[i]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_backends__answer_alike),
	};

	return cmocka_run_group_tests_name("fs same", tests, NULL, NULL);
}
