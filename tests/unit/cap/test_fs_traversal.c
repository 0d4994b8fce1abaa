/* Paths that try to leave the grant, FSP-01 to FSP-11. */
#include "fs_world.h"

static const char *const tree[] = { "a", "a/b", "a/b/c", "...", "..;" };
static const char *const files[] = { "file", "a/file", "a/b/file" };

static void
plant(struct world *w)
{
	size_t i;

	for (i = 0; i < sizeof(tree) / sizeof(*tree); i++)
		w_make_dir(w, tree[i]);
	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		w_make_file(w, files[i], "inside");
}

static bool
is_one_of(const char *const *list, size_t n, const char *path)
{
	while (n--)
		if (!strcmp(list[n], path))
			return true;
	return false;
}

/* What the answer must be, told by text alone: the tree has no links. */
static enum writ_status
oracle(const char *path)
{
	char at[8192] = "", *slash;
	bool file = false;

	if (*path == '/')
		return WRIT_NOTPERM;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n && file)
			return WRIT_NOTDIR;
		if (n == 2 && !strncmp(path, "..", 2)) {
			if (!*at)
				return WRIT_NOTPERM;
			slash = strrchr(at, '/');
			*(slash ? slash : at) = 0;
		} else if (n && !(n == 1 && *path == '.')) {
			snprintf(at + strlen(at), sizeof(at) - strlen(at),
			    "%s%.*s", *at ? "/" : "", (int)n, path);
			file = is_one_of(files, 3, at);
			if (!file && !is_one_of(tree, 5, at))
				return WRIT_NOENT;
		}
		path += n;
		if (*path && file)
			return WRIT_NOTDIR;
		path += strspn(path, "/");
	}
	return WRIT_OK;
}

static unsigned
try_path(struct world *w, const char *path)
{
	struct writ_stat s;
	enum writ_status want = oracle(path), st;
	char text[64] = { 0 };
	uint64_t h;
	size_t n = 0;

	st = w_stat_at(w, 0, path, 0, &s);
	if (st != want)
		fail_msg("stat %s: %s, not %s", path, writ_status_name(st),
		    writ_status_name(want));
	assert_status(w_stat_at(w, 0, path, WRIT_PATH_FOLLOW, &s), want);
	st = w_open(w, 0, path, 0, WRIT_FD_READ, &h);
	assert_status(st, want);
	if (st == WRIT_OK) {
		if (w_read(w, h, 0, text, sizeof(text) - 1, &n) == WRIT_OK)
			assert_string_equal(text, "inside");
		w_close(w, h);
	}
	if (want == WRIT_NOTPERM || want == WRIT_NOTDIR) {
		assert_status(w_open(w, 0, path, WRIT_OPEN_CREATE,
		    WRIT_FD_WRITE, NULL), want);
		assert_status(w_one(w, WRIT_FS_RMDIR, 0, path), want);
		assert_status(w_one(w, WRIT_FS_UNLINK, 0, path), want);
		assert_status(w_one(w, WRIT_FS_READLINK, 0, path), want);
		assert_status(w_two(w, WRIT_FS_RENAME, 0, path, 0, "t"), want);
		assert_status(w_two(w, WRIT_FS_RENAME, 0, "file", 0, path),
		    want);
		assert_status(w_two(w, WRIT_FS_LINK, 0, path, 0, "t"), want);
		assert_status(w_two(w, WRIT_FS_LINK, 0, "file", 0, path), want);
		assert_status(w_two(w, WRIT_FS_SYMLINK, 0, "x", 0, path), want);
		assert_status(w_set_times_at(w, 0, path, 0, 1), want);
	}
	if (want == WRIT_NOTPERM)
		assert_status(w_one(w, WRIT_FS_MKDIR, 0, path), want);
	return 1;
}

static void
list_of_paths(enum world_kind kind)
{
	static const char *const heads[] = { "", "./", "a/", "a/b/", "a/./b/",
		"a//b/", ".../", "..;/", "a/b/c/", "missing/" };
	static const char *const ups[] = { "../", "..//", ".././", "./../",
		"../../", "../a/../", "../../../", "../../../../../../../../",
		"..\\", "%2e%2e/", "..%2f", "%252e%252e/", ".. /", " ../",
		"..../", "...//", "..;/" };
	static const char *const tails[] = { "secret", "file", "root-evil/x",
		"../secret", "etc/passwd", "", ".", ".." };
	struct world w;
	size_t i, j, k;
	unsigned tried = 0;
	char path[128];

	world_init(&w, &(struct world_spec){ .kind = kind });
	plant(&w);
	for (i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		for (j = 0; j < sizeof(ups) / sizeof(*ups); j++)
			for (k = 0; k < sizeof(tails) / sizeof(*tails); k++) {
				snprintf(path, sizeof(path), "%s%s%s", heads[i],
				    ups[j], tails[k]);
				tried += try_path(&w, path);
			}
	assert_true(tried >= 1000);
	assert_false(w_exists(&w, "t"));
	world_release(&w);
}

static void
test_fs_walk__paths_never_leave_the_handle(void **state)
{
	FOR_BOTH(list_of_paths);
}

static void
absolute(enum world_kind kind)
{
	static const char *const paths[] = { "/", "//", "///a", "/data/file",
		"/data-evil/x", "/etc/passwd", "/proc/self/fd/3", "/.", "/.." };
	struct world w;
	size_t i;

	world_init(&w, &(struct world_spec){ .kind = kind });
	plant(&w);
	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		try_path(&w, paths[i]);
	world_release(&w);
}

static void
test_fs_walk__absolute_paths_are_refused(void **state)
{
	FOR_BOTH(absolute);
}

static void
no_wider(enum world_kind kind)
{
	struct world w;
	uint64_t b;

	world_init(&w, &(struct world_spec){ .kind = kind });
	plant(&w);
	assert_status(w_open(&w, 0, "a/b", WRIT_OPEN_DIRECTORY, WRIT_FD_READ, &b),
	    WRIT_OK);
	assert_status(w_open(&w, b, "file", 0, WRIT_FD_READ, NULL), WRIT_OK);
	assert_status(w_open(&w, b, "c/../file", 0, WRIT_FD_READ, NULL), WRIT_OK);
	assert_status(w_open(&w, b, "..", 0, WRIT_FD_READ, NULL), WRIT_NOTPERM);
	assert_status(w_open(&w, b, "../file", 0, WRIT_FD_READ, NULL),
	    WRIT_NOTPERM);
	assert_status(w_open(&w, b, "c/../../file", 0, WRIT_FD_READ, NULL),
	    WRIT_NOTPERM);
	assert_status(w_open(&w, b, "../b/file", 0, WRIT_FD_READ, NULL),
	    WRIT_NOTPERM);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, b, "."), WRIT_OK);
	world_release(&w);
}

static void
test_fs_walk__a_directory_handle_is_a_root(void **state)
{
	FOR_BOTH(no_wider);
}

static enum writ_status
open_bytes(struct world *w, const char *p, size_t n)
{
	struct writ_fs_call c = { .what = WRIT_FS_OPEN, .handle = w->root,
		.path = writ_str(p, n), .fd_flags = WRIT_FD_READ };

	return writ_fs_run(w->fs, &c);
}

static void
bad_names(enum world_kind kind)
{
	static const struct {
		const char *p;
		size_t n;
	} names[] = {
		{ "file\0", 5 }, { "file\0.txt", 9 }, { "\0", 1 },
		{ "a/\0/file", 8 }, { "\xc0\xae\xc0\xae/x", 6 },
		{ "\xe0\x80\xae/x", 5 }, { "\xed\xa0\x80", 3 },
		{ "\xed\xbf\xbf", 3 }, { "\xf4\x90\x80\x80", 4 },
		{ "\xff", 1 }, { "a\x80", 2 }, { "\xc3", 1 },
		{ "\xf8\x88\x80\x80\x80", 5 },
	};
	struct world w;
	size_t i;

	world_init(&w, &(struct world_spec){ .kind = kind });
	plant(&w);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_status(open_bytes(&w, names[i].p, names[i].n),
		    WRIT_INVALID);
	assert_status(open_bytes(&w, "", 0), WRIT_NOENT);
	assert_status(open_bytes(&w, NULL, 0), WRIT_NOENT);
	world_release(&w);
}

static void
test_fs_walk__nul_and_bad_utf8_are_invalid(void **state)
{
	FOR_BOTH(bad_names);
}

static void
literal_names(enum world_kind kind)
{
	static const char *const names[] = { "..\\secret", "C:\\x", "\\\\?\\x",
		"CON", "aux.txt", "COM1", "COM\xc2\xb9", "%2e%2e", ". .",
		"name ", "name.", "....", "\xe2\x80\xae", "-rf", "*", "~", "$HOME",
		"\n", "\xef\xbc\x8e\xef\xbc\x8e" };
	struct world w;
	size_t i;

	world_init(&w, &(struct world_spec){ .kind = kind });
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		w_make_file(&w, names[i], names[i]);
		assert_true(w_holds(&w, names[i], names[i]));
	}
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_true(w_holds(&w, names[i], names[i]));
	world_release(&w);
}

static void
test_fs_walk__odd_names_are_names(void **state)
{
	FOR_BOTH(literal_names);
}

static void
repeat(char *out, const char *part, size_t times)
{
	size_t i, n = strlen(part);

	for (i = 0; i < times; i++)
		memcpy(out + i * n, part, n);
	out[times * n] = 0;
}

static void
too_long(enum world_kind kind)
{
	struct world w;
	char path[8192];

	world_init(&w, &(struct world_spec){ .kind = kind });
	plant(&w);
	repeat(path, "x", 255);
	assert_status(w_open(&w, 0, path, WRIT_OPEN_CREATE, WRIT_FD_WRITE, NULL),
	    WRIT_OK);
	repeat(path, "x", 256);
	assert_status(w_open(&w, 0, path, WRIT_OPEN_CREATE, WRIT_FD_WRITE, NULL),
	    WRIT_NAMETOOLONG);
	repeat(path, "x", 4096);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, 0, path), WRIT_NAMETOOLONG);
	repeat(path, "a/", 1000);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, 0, path), WRIT_NAMETOOLONG);
	repeat(path, "./", 1000);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, 0, path), WRIT_NAMETOOLONG);
	repeat(path, "./", 512);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, 0, path), WRIT_OK);
	repeat(path, "a/../", 256);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, 0, path), WRIT_OK);
	repeat(path, "/", 4095);
	path[0] = '.';
	assert_status(w_one(&w, WRIT_FS_STAT_AT, 0, path), WRIT_OK);
	world_release(&w);
}

static void
test_fs_walk__long_paths_fail_cleanly(void **state)
{
	FOR_BOTH(too_long);
}

/* Too deep to be named from its root: taken apart from there. */
static void
flatten(const struct world *w)
{
	char d[512], dd[512], e[512];

	if (w->kind != WORLD_HOST)
		return;
	world_path(w, "d", d);
	world_path(w, "d/d", dd);
	world_path(w, "e", e);
	while (rename(dd, e) == 0) {
		assert_int_equal(rmdir(d), 0);
		assert_int_equal(rename(e, d), 0);
	}
}

/* 10^5 nested directories (FSQ-08) end at the length of a path. */
static void
deep(enum world_kind kind)
{
	struct world w;
	uint64_t at, next;
	unsigned depth;
	enum writ_status st = WRIT_OK;

	world_init(&w, &(struct world_spec){ .kind = kind });
	at = w.root;
	for (depth = 0; depth < 100000; depth++) {
		st = w_one(&w, WRIT_FS_MKDIR, at, "d");
		if (st == WRIT_OK)
			st = w_open(&w, at, "d", WRIT_OPEN_DIRECTORY,
			    WRIT_FD_READ, &next);
		if (st != WRIT_OK)
			break;
		w_close(&w, at);
		at = next;
	}
	assert_status(st, WRIT_NAMETOOLONG);
	assert_in_range(depth, 2000, 2050);
	flatten(&w);
	world_release(&w);
}

static void
test_fs_walk__nesting_ends(void **state)
{
	FOR_BOTH(deep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_walk__paths_never_leave_the_handle),
		cmocka_unit_test(test_fs_walk__absolute_paths_are_refused),
		cmocka_unit_test(test_fs_walk__a_directory_handle_is_a_root),
		cmocka_unit_test(test_fs_walk__nul_and_bad_utf8_are_invalid),
		cmocka_unit_test(test_fs_walk__odd_names_are_names),
		cmocka_unit_test(test_fs_walk__long_paths_fail_cleanly),
		cmocka_unit_test(test_fs_walk__nesting_ends),
	};

	return cmocka_run_group_tests_name("fs walk", tests, NULL, NULL);
}
