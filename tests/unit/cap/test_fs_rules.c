/* Rules about places: deny, protected names, masked mounts; FSL-11, FSQ-11, ORA-01. */
#include "fs_world.h"

static bool
ends_at(struct writ_str path, const char *name)
{
	struct writ_str n = writ_str_from(name);
	size_t i;

	/* the name as whole components anywhere in the path */
	for (i = 0; i + n.len <= path.len; i++)
		if ((i == 0 || path.ptr[i - 1] == '/') &&
		    !memcmp(path.ptr + i, n.ptr, n.len) &&
		    (i + n.len == path.len || path.ptr[i + n.len] == '/'))
			return true;
	return false;
}

static bool
is_protected(struct writ_str path, char *const *opened, const char **which)
{
	static const char *const names[] = { ".git/hooks", ".bashrc", ".mcp.json",
		".vscode" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (ends_at(path, names[i]) &&
		    !(opened && opened[0] && !strcmp(opened[0], names[i]))) {
			*which = names[i];
			return true;
		}
	return false;
}

static void
protect(struct world *w)
{
	w->rules.is_protected = is_protected;
}

static void
tricks(enum world_kind kind)
{
	struct world w;
	uint64_t d, h;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, ".git");
	w_make_dir(&w, ".git/hooks");
	w_make_file(&w, ".git/hooks/sample", "s");
	w_make_file(&w, ".bashrc", "old");
	w_make_file(&w, "f", "evil");
	protect(&w);
	/* straight */
	assert_status(w_open(&w, 0, ".git/hooks/pre-commit", WRIT_OPEN_CREATE,
	    WRIT_FD_WRITE, NULL), WRIT_DENIED);
	assert_status(w_open(&w, 0, ".bashrc", 0, WRIT_FD_WRITE, NULL),
	    WRIT_DENIED);
	assert_status(w_open(&w, 0, ".bashrc", WRIT_OPEN_TRUNCATE, 0, NULL),
	    WRIT_DENIED);
	assert_status(w_open(&w, 0, ".mcp.json", WRIT_OPEN_CREATE, 0, NULL),
	    WRIT_DENIED);
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, ".bashrc"), WRIT_DENIED);
	assert_status(w_one(&w, WRIT_FS_MKDIR, 0, ".vscode"), WRIT_DENIED);
	assert_status(w_set_times_at(&w, 0, ".bashrc", 0, 1), WRIT_DENIED);
	/* by detours */
	assert_status(w_open(&w, 0, ".git/../.git/./hooks/x", WRIT_OPEN_CREATE,
	    WRIT_FD_WRITE, NULL), WRIT_DENIED);
	w_make_link(&w, ".bashrc", "l");
	w_make_link(&w, ".git", "g");
	w_make_link(&w, ".mcp.json", "m");
	assert_status(w_open(&w, 0, "l", 0, WRIT_FD_WRITE, NULL), WRIT_DENIED);
	assert_status(w_open(&w, 0, "m", WRIT_OPEN_CREATE, WRIT_FD_WRITE, NULL),
	    WRIT_DENIED);
	assert_status(w_open(&w, 0, "g/hooks/x", WRIT_OPEN_CREATE, WRIT_FD_WRITE,
	    NULL), WRIT_DENIED);
	assert_status(w_open(&w, 0, ".git/hooks", WRIT_OPEN_DIRECTORY,
	    WRIT_FD_READ, &d), WRIT_OK);
	assert_status(w_open(&w, d, "x", WRIT_OPEN_CREATE, WRIT_FD_WRITE, NULL),
	    WRIT_DENIED);
	assert_status(w_open(&w, d, "sample", 0, WRIT_FD_WRITE, NULL),
	    WRIT_DENIED);
	/* by other names of the same thing */
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", 0, ".bashrc"),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, ".bashrc", 0, "b"),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_LINK, 0, ".bashrc", 0, "b"), WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "f", 0, ".mcp.json"),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_SYMLINK, 0, "f", 0, ".mcp.json"),
	    WRIT_DENIED);
	/* by moving what is above it */
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, ".git", 0, "git"),
	    WRIT_DENIED);
	assert_true(w_exists(&w, ".git/hooks"));
	w_make_dir(&w, "fake");
	w_make_dir(&w, "fake/hooks");
	w_make_file(&w, "fake/hooks/pre-commit", "evil");
	w_make_dir(&w, "sub");
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "fake", 0, "sub/.git"),
	    WRIT_DENIED);
	assert_false(w_exists(&w, "sub/.git"));
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "fake", 0, ".vscode"),
	    WRIT_DENIED);
	/* reading is another matter, and what is opened by name works */
	assert_true(w_holds(&w, ".bashrc", "old"));
	w.rules.opened = (char *const[]){ (char[]){ ".bashrc" }, NULL };
	assert_status(w_open(&w, 0, "l", 0, WRIT_FD_WRITE, &h), WRIT_OK);
	world_release(&w);
}

static void
test_fs_rules__protected_names_stand_all_tricks(void **state)
{
	FOR_BOTH(tricks);
}

/* A deny rule follows the place, not the file (FSL-11). */
static void
moving_out(enum world_kind kind)
{
	static const struct writ_fs_deny deny[] = {
		{ "/data/a/secret/**", false }, { "/data/ro/**", true } };
	struct world w;
	uint64_t d;
	char names[4096];

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, "a");
	w_make_dir(&w, "a/secret");
	w_make_dir(&w, "a/secret/deep");
	w_make_file(&w, "a/secret/deep/key", "k");
	w_make_file(&w, "a/ok", "o");
	w_make_dir(&w, "ro");
	w_make_file(&w, "ro/f", "f");
	assert_status(w_open(&w, 0, "a", WRIT_OPEN_DIRECTORY, WRIT_FD_READ, &d),
	    WRIT_OK);
	w.rules.deny = deny;
	w.rules.deny_count = 2;
	writ_fs_rules_changed(w.fs);
	assert_status(w_open(&w, d, "secret/deep/key", 0, WRIT_FD_READ, NULL),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a/secret/deep/key", 0, "k"),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "a/secret/deep/key", 0, "k"),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a/secret/deep", 0, "k"),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a/secret", 0, "k"),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a", 0, "b"), WRIT_DENIED);
	assert_status(w_one(&w, WRIT_FS_READLINK, 0, "a/secret/deep"),
	    WRIT_DENIED);
	w_make_link(&w, "a/secret/deep/key", "l");
	assert_status(w_open(&w, 0, "l", 0, WRIT_FD_READ, NULL), WRIT_DENIED);
	/* listings do not show it */
	assert_string_equal(w_names(&w, d, names), "ok");
	assert_true(w_holds(&w, "ro/f", "f"));
	assert_status(w_open(&w, 0, "ro/f", 0, WRIT_FD_WRITE, NULL), WRIT_DENIED);
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "ro/f"), WRIT_DENIED);
	world_release(&w);
}

static void
test_fs_rules__deny_follows_the_place(void **state)
{
	FOR_BOTH(moving_out);
}

/* A denied directory denies what is in it, a denied link what it leads to. */
static void
exact(enum world_kind kind)
{
	static const struct writ_fs_deny deny[] = { { "/data/dir", false },
		{ "/data/l", false } };
	struct world w;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, "dir");
	w_make_file(&w, "dir/f", "x");
	w_make_file(&w, "dirt", "x");
	w_make_link(&w, "dirt", "l");
	w.rules.deny = deny;
	w.rules.deny_count = 2;
	assert_status(w_open(&w, 0, "dir/f", 0, WRIT_FD_READ, NULL), WRIT_DENIED);
	assert_status(w_open(&w, 0, "dir/no", 0, WRIT_FD_READ, NULL),
	    WRIT_DENIED);
	assert_status(w_open(&w, 0, "l", 0, WRIT_FD_READ, NULL), WRIT_DENIED);
	assert_status(w_open(&w, 0, "dirt", 0, WRIT_FD_READ, NULL), WRIT_OK);
	world_release(&w);
}

static void
test_fs_rules__deny_covers_what_lies_below(void **state)
{
	FOR_BOTH(exact);
}

/* Denied and there, denied and not there: the same answer (ORA-01). */
static void
oracle(enum world_kind kind)
{
	static const struct writ_fs_deny deny[] = { { "/data/s/**", false } };
	static const char *const pairs[][2] = {
		{ "s/there", "s/not" }, { "s/there/", "s/not/" },
		{ "s/there/x", "s/not/x" }, { "s/dir", "s/nodir" },
		{ "s/dir/../../ok", "s/nodir/../../ok" },
		{ "s/dir/../there", "s/nodir/../not" },
		{ "s/there/../../ok", "s/not/../../ok" },
		{ "s/out", "s/noout" }, { "s/out/", "s/noout/" },
		{ "to-there", "to-not" }, { "s/dir/.", "s/nodir/." },
	};
	static const enum writ_fs_op ops[] = { WRIT_FS_STAT_AT, WRIT_FS_UNLINK,
		WRIT_FS_RMDIR, WRIT_FS_MKDIR, WRIT_FS_READLINK };
	struct world w;
	size_t i, j, k;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, "s");
	w_make_dir(&w, "s/dir");
	w_make_file(&w, "s/there", "t");
	w_make_file(&w, "ok", "o");
	w_make_link(&w, "../ok", "s/out");
	w_make_link(&w, "s/there", "to-there");
	w_make_link(&w, "s/not", "to-not");
	w.rules.deny = deny;
	w.rules.deny_count = 1;
	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		for (j = 0; j < 2; j++) {
			const char *p = pairs[i][j];
			struct writ_stat s;

			if (p[0] == 's')
				for (k = 0; k < 5; k++)
					assert_status(w_one(&w, ops[k], 0, p),
					    WRIT_DENIED);
			assert_status(w_stat_at(&w, 0, p, WRIT_PATH_FOLLOW, &s),
			    WRIT_DENIED);
			assert_status(w_open(&w, 0, p, 0, WRIT_FD_READ, NULL),
			    WRIT_DENIED);
			assert_status(w_open(&w, 0, p, WRIT_OPEN_CREATE,
			    WRIT_FD_WRITE, NULL), WRIT_DENIED);
			assert_status(w_open(&w, 0, p, WRIT_OPEN_DIRECTORY, 0,
			    NULL), WRIT_DENIED);
		}
	world_release(&w);
}

static void
test_fs_rules__refusals_do_not_tell_what_exists(void **state)
{
	FOR_BOTH(oracle);
}

static void
masked(enum world_kind kind)
{
	static const char *const mask[] = { "tmp", "a/b/c", NULL };
	struct world w;
	char names[4096];

	world_init(&w, &(struct world_spec){ .kind = kind, .masked = mask });
	w_make_dir(&w, "a");
	w_make_dir(&w, "a/b");
	w_make_file(&w, "a/b/cc", "x");
	w_make_file(&w, "tmpx", "x");
	assert_status(w_one(&w, WRIT_FS_MKDIR, 0, "tmp"), WRIT_DENIED);
	assert_status(w_open(&w, 0, "tmp/x", WRIT_OPEN_CREATE, 0, NULL),
	    WRIT_DENIED);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, 0, "tmp/../a"), WRIT_DENIED);
	assert_status(w_one(&w, WRIT_FS_MKDIR, 0, "a/b/c"), WRIT_DENIED);
	assert_status(w_one(&w, WRIT_FS_MKDIR, 0, "a/b/c/d"), WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a", 0, "z"), WRIT_BUSY);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a/b", 0, "z"), WRIT_BUSY);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "tmpx", 0, "tmp"),
	    WRIT_DENIED);
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "a/b/cc"), WRIT_OK);
	assert_status(w_one(&w, WRIT_FS_RMDIR, 0, "a/b"), WRIT_BUSY);
	w_make_link(&w, "tmp", "l");
	assert_status(w_open(&w, 0, "l/x", WRIT_OPEN_CREATE, 0, NULL),
	    WRIT_DENIED);
	assert_string_equal(w_names(&w, 0, names), "a l tmpx");
	world_release(&w);
}

static void
test_fs_walk__other_mounts_are_not_reached_from_above(void **state)
{
	FOR_BOTH(masked);
}

/* Handles move with a renamed directory, and so do the rules for them. */
static void
handles_move(enum world_kind kind)
{
	static const struct writ_fs_deny deny[] = { { "/data/new/sub/no", false } };
	struct world w;
	uint64_t d, sub, f;
	char b;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, "old");
	w_make_dir(&w, "old/sub");
	w_make_file(&w, "old/sub/f", "f");
	w_make_dir(&w, "older");
	assert_status(w_open(&w, 0, "old", 0, WRIT_FD_READ, &d), WRIT_OK);
	assert_status(w_open(&w, 0, "old/sub", 0, WRIT_FD_READ, &sub), WRIT_OK);
	assert_status(w_open(&w, sub, "f", 0, WRIT_FD_READ, &f), WRIT_OK);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "old", 0, "new"), WRIT_OK);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, sub, "f"), WRIT_OK);
	assert_string_equal(w.last, "/data/new/sub/f");
	assert_status(w_one(&w, WRIT_FS_STAT_AT, d, "sub"), WRIT_OK);
	assert_string_equal(w.last, "/data/new/sub");
	w.rules.deny = deny;
	w.rules.deny_count = 1;
	assert_status(w_open(&w, sub, "no", WRIT_OPEN_CREATE, 0, NULL),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_RENAME, sub, "f", sub, "no"),
	    WRIT_DENIED);
	assert_status(w_read(&w, f, 0, &b, 1, NULL), WRIT_OK);
	w.rules.deny_count = 0;
	assert_status(w_two(&w, WRIT_FS_RENAME, sub, "f", sub, "no"), WRIT_OK);
	w.rules.deny_count = 1;
	assert_status(w_read(&w, f, 0, &b, 1, NULL), WRIT_DENIED);
	world_release(&w);
}

static void
test_fs_rename__open_handles_follow(void **state)
{
	FOR_BOTH(handles_move);
}

/* Revoked: the next use of an open handle is refused. */
static void
revoked(enum world_kind kind)
{
	static const struct writ_fs_deny deny[] = { { "/data/**", false } };
	struct world w;
	struct writ_stat s;
	uint64_t h, cookie = 0;
	uint8_t buf[300];
	size_t n;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_file(&w, "f", "text");
	assert_status(w_open(&w, 0, "f", 0, WRIT_FD_READ | WRIT_FD_WRITE, &h),
	    WRIT_OK);
	w.rules.deny = deny;
	w.rules.deny_count = 1;
	assert_status(w_read(&w, h, 0, buf, 1, &n), WRIT_OK);
	writ_fs_rules_changed(w.fs);
	assert_status(w_read(&w, h, 0, buf, 1, &n), WRIT_DENIED);
	assert_status(w_write(&w, h, 0, "x", 1, &n), WRIT_DENIED);
	assert_status(w_stat(&w, h, &s), WRIT_DENIED);
	assert_status(w_set_size(&w, h, 0), WRIT_DENIED);
	assert_status(w_set_times(&w, h, 0, 0), WRIT_DENIED);
	assert_status(w_list(&w, 0, &cookie, buf, sizeof(buf), &n), WRIT_DENIED);
	w.rules.deny_count = 0;
	assert_true(w_holds(&w, "f", "text"));
	world_release(&w);
}

static void
test_fs_handles__revocation_bites_at_the_next_use(void **state)
{
	FOR_BOTH(revoked);
}

/* The judge speaks before anything happens, and whatever it says is the answer. */
static void
before_effects(enum world_kind kind)
{
	static const enum writ_status answers[] = { WRIT_DENIED, WRIT_IO,
		WRIT_LIMIT, WRIT_PENDING, WRIT_AGAIN };
	struct world w;
	size_t i;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_file(&w, "f", "text");
	w_make_dir(&w, "d");
	for (i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		enum writ_status want = i < 3 ? answers[i] : WRIT_DENIED;

		w.refuse_with = answers[i];
		assert_status(w_open(&w, 0, "n", WRIT_OPEN_CREATE, 0, NULL),
		    want);
		assert_status(w_open(&w, 0, "f", WRIT_OPEN_TRUNCATE, 2, NULL),
		    want);
		assert_status(w_one(&w, WRIT_FS_MKDIR, 0, "n"), want);
		assert_status(w_one(&w, WRIT_FS_RMDIR, 0, "d"), want);
		assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "f"), want);
		assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", 0, "n"), want);
		assert_status(w_two(&w, WRIT_FS_LINK, 0, "f", 0, "n"), want);
		assert_status(w_two(&w, WRIT_FS_SYMLINK, 0, "f", 0, "n"), want);
		w.refuse_with = WRIT_OK;
		assert_false(w_exists(&w, "n"));
		assert_true(w_exists(&w, "d"));
		assert_true(w_holds(&w, "f", "text"));
	}
	world_release(&w);
}

static void
test_fs_ops__the_judge_speaks_first(void **state)
{
	FOR_BOTH(before_effects);
}

/* What is told afterwards. */
static void
outcomes(enum world_kind kind)
{
	struct world w;
	uint64_t h;
	unsigned before;

	world_init(&w, &(struct world_spec){ .kind = kind });
	assert_status(w_open(&w, 0, "none", 0, WRIT_FD_READ, NULL), WRIT_NOENT);
	assert_int_equal(w.last_done, WRIT_NOENT);
	assert_string_equal(w.last_op, "open");
	assert_false(w.last_write);
	assert_status(w_open(&w, 0, "../x", 0, WRIT_FD_READ, NULL), WRIT_NOTPERM);
	assert_int_equal(w.last_done, WRIT_NOTPERM);
	assert_status(w_open(&w, 0, "f", WRIT_OPEN_CREATE, 3, &h), WRIT_OK);
	assert_true(w.last_write);
	assert_status(w_write(&w, h, 0, "12345", 5, NULL), WRIT_OK);
	assert_status(w_close(&w, h), WRIT_OK);
	assert_int_equal(w.last_bytes, 5);
	before = w.dones;
	w_make_dir(&w, "d");
	assert_int_equal(w.dones, before + 1);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", 0, "g"), WRIT_OK);
	assert_int_equal(w.dones, before + 3);
	w.refuse_with = WRIT_DENIED;
	assert_status(w_one(&w, WRIT_FS_MKDIR, 0, "e"), WRIT_DENIED);
	assert_int_equal(w.dones, before + 3);
	world_release(&w);
}

static void
test_fs_ops__outcomes_are_told(void **state)
{
	FOR_BOTH(outcomes);
}

/* A directory with more below it than can be judged does not move. */
static void
test_fs_rename__too_much_below_is_refused(void **state)
{
	struct world w;
	char name[32];
	unsigned i;

	world_init(&w, &(struct world_spec){ .kind = WORLD_MEMORY,
	    .quota_files = 70000 });
	w_make_dir(&w, "d");
	for (i = 0; i <= 65536; i++) {
		snprintf(name, sizeof(name), "d/%u", i);
		assert_status(w_open(&w, 0, name, WRIT_OPEN_CREATE, 0, NULL),
		    WRIT_OK);
	}
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "d", 0, "e"), WRIT_LIMIT);
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "d/0"), WRIT_OK);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "d", 0, "e"), WRIT_OK);
	world_release(&w);
}

static void
root_mount(enum world_kind kind)
{
	static const char *const mask[] = { "m", NULL };
	struct world w;
	uint64_t d;

	world_init(&w, &(struct world_spec){ .kind = kind, .at = "/",
	    .masked = mask });
	w_make_dir(&w, "a");
	assert_string_equal(w.last, "/a");
	assert_status(w_one(&w, WRIT_FS_STAT_AT, 0, "."), WRIT_OK);
	assert_string_equal(w.last, "/");
	assert_status(w_open(&w, 0, "a", 0, WRIT_FD_READ, &d), WRIT_OK);
	assert_status(w_one(&w, WRIT_FS_MKDIR, d, "m"), WRIT_OK);
	assert_string_equal(w.last, "/a/m");
	assert_status(w_one(&w, WRIT_FS_MKDIR, 0, "m"), WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a", 0, "b"), WRIT_OK);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, d, "m"), WRIT_OK);
	assert_string_equal(w.last, "/b/m");
	world_release(&w);
}

static void
test_fs_walk__a_mount_at_the_root(void **state)
{
	FOR_BOTH(root_mount);
}

static void
bad_mount(struct world *w, const char *at, const char *const *mask)
{
	struct writ_fs_mount spec = { .at = writ_str_from(at), .masked = mask };
	struct writ_err err = { 0 };
	uint64_t root = 0;

	assert_status(writ_fs_mount(w->fs, &spec, world_store(w, "other"), &root,
	    &err), WRIT_INVALID);
	assert_int_equal(root, 0);
	assert_true(err.msg[0]);
}

static void
mounts(enum world_kind kind)
{
	static const char *const bad[] = { "", "data", "/data/", "//", "/a//b",
		"/a/../b", "/.", "/a/.", "/\xff" };
	static const char *const masks[] = { "/a", "", "a/", "..", "a/./b" };
	struct world w;
	size_t i;
	int n;

	world_init(&w, &(struct world_spec){ .kind = kind });
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		bad_mount(&w, bad[i], NULL);
	for (i = 0; i < sizeof(masks) / sizeof(*masks); i++)
		bad_mount(&w, "/ok", (const char *const[]){ "x", masks[i],
		    NULL });
	for (n = 1; n <= WRIT_MOUNTS_MAX; n++) {
		struct writ_fs_mount spec = { .at = WRIT_STR("/m") };
		uint64_t root;

		assert_status(writ_fs_mount(w.fs, &spec, world_store(&w, "other"),
		    &root, NULL), n < WRIT_MOUNTS_MAX ? WRIT_OK : WRIT_LIMIT);
	}
	world_release(&w);
}

static void
test_fs_front__mounts_are_checked(void **state)
{
	FOR_BOTH(mounts);
}

static void
test_fs_front__nobody_judges_is_refused(void **state)
{
	struct writ_fs_config config = { 0 };
	struct writ_fs *fs = NULL;

	assert_status(writ_fs_new(&config, &fs, NULL), WRIT_INVALID);
	assert_null(fs);
	writ_fs_free(NULL);
}

static void
test_fs_rules__denials_without_a_matcher_deny(void **state)
{
	static const struct writ_fs_deny deny[] = { { "/x", false } };
	struct writ_fs_rules rules = { .deny = deny, .deny_count = 1 };
	struct writ_fs_judged j = { .path = WRIT_STR("/y") };

	assert_status(writ_fs_rules_judge(&rules, &j), WRIT_DENIED);
	rules.deny_count = 0;
	assert_status(writ_fs_rules_judge(&rules, &j), WRIT_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_rules__protected_names_stand_all_tricks),
		cmocka_unit_test(test_fs_rules__deny_follows_the_place),
		cmocka_unit_test(test_fs_rules__deny_covers_what_lies_below),
		cmocka_unit_test(test_fs_rules__refusals_do_not_tell_what_exists),
		cmocka_unit_test(
		    test_fs_walk__other_mounts_are_not_reached_from_above),
		cmocka_unit_test(test_fs_rename__open_handles_follow),
		cmocka_unit_test(
		    test_fs_handles__revocation_bites_at_the_next_use),
		cmocka_unit_test(test_fs_ops__the_judge_speaks_first),
		cmocka_unit_test(test_fs_ops__outcomes_are_told),
		cmocka_unit_test(test_fs_rename__too_much_below_is_refused),
		cmocka_unit_test(test_fs_walk__a_mount_at_the_root),
		cmocka_unit_test(test_fs_front__mounts_are_checked),
		cmocka_unit_test(test_fs_front__nobody_judges_is_refused),
		cmocka_unit_test(test_fs_rules__denials_without_a_matcher_deny),
	};

	return cmocka_run_group_tests_name("fs rules", tests, NULL, NULL);
}
