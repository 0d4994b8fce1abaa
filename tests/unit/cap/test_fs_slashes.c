/* Slashes and dots at the end, for every operation that takes a path (GHSA-vqjp). */
#include "fs_world.h"

enum how { OPEN, OPEN_LINK, CREATE, EXCL, OPENDIR, STAT, STAT_LINK, TIMES, MKDIR,
	RMDIR, UNLINK, READLINK, FROM, TO, TO_DIR, LINK_OLD, LINK_NEW, SYM_NEW,
	HOW_COUNT };

static const char *const how_names[] = { "open", "open-nofollow", "create",
	"create-exclusive", "open-directory", "stat", "stat-nofollow",
	"set-times", "mkdir", "rmdir", "unlink", "readlink", "rename-from",
	"rename-to", "rename-directory-to", "link-old", "link-new",
	"symlink-new" };

#define OK WRIT_OK
#define NOENT WRIT_NOENT
#define NOTDIR WRIT_NOTDIR
#define ISDIR WRIT_ISDIR
#define EXIST WRIT_EXIST
#define LOOP WRIT_LOOP
#define INVALID WRIT_INVALID
#define BUSY WRIT_BUSY
#define NOTEMPTY WRIT_NOTEMPTY
#define NOTPERM WRIT_NOTPERM
#define NOTSYM WRIT_NOTSYMLINK

/*
 * The tree: dir/ (empty), full/x, file, dlink -> dir, flink -> file,
 * gone -> missing.  "mv" is a file, "mvdir" a directory to be renamed over the path.
 * Columns as enum how.
 */
static const struct {
	const char *path;
	enum writ_status want[HOW_COUNT];
} cases[] = {
	{ "dir", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		OK, ISDIR, NOTSYM, OK, ISDIR, OK, NOTPERM, EXIST, EXIST } },
	{ "dir/", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		OK, ISDIR, NOTSYM, OK, NOTDIR, OK, NOTPERM, EXIST, EXIST } },
	{ "dir///", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		OK, ISDIR, NOTSYM, OK, NOTDIR, OK, NOTPERM, EXIST, EXIST } },
	{ "dir/.", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		INVALID, ISDIR, NOTSYM, BUSY, BUSY, BUSY, NOTPERM, EXIST,
		EXIST } },
	{ "full/", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		NOTEMPTY, ISDIR, NOTSYM, OK, NOTDIR, NOTEMPTY, NOTPERM, EXIST,
		EXIST } },
	{ "file", { OK, OK, OK, EXIST, NOTDIR, OK, OK, OK, EXIST,
		NOTDIR, OK, NOTSYM, OK, OK, NOTDIR, OK, EXIST, EXIST } },
	{ "file/", { NOTDIR, NOTDIR, NOTDIR, EXIST, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, EXIST, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR, NOTDIR } },
	{ "file//", { NOTDIR, NOTDIR, NOTDIR, EXIST, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, EXIST, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR, NOTDIR } },
	{ "new", { NOENT, NOENT, OK, OK, NOENT, NOENT, NOENT, NOENT, OK,
		NOENT, NOENT, NOENT, NOENT, OK, OK, NOENT, OK, OK } },
	{ "new/", { NOENT, NOENT, ISDIR, ISDIR, NOENT, NOENT, NOENT, NOENT, OK,
		NOENT, NOENT, NOENT, NOENT, NOTDIR, OK, NOENT, NOENT, NOENT } },
	{ "dlink", { OK, LOOP, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		NOTDIR, OK, OK, OK, OK, NOTDIR, OK, EXIST, EXIST } },
	{ "dlink/", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		NOTDIR, NOTDIR, NOTSYM, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR } },
	{ "dlink//", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		NOTDIR, NOTDIR, NOTSYM, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR } },
	{ "dlink/.", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		INVALID, ISDIR, NOTSYM, BUSY, BUSY, BUSY, NOTPERM, EXIST,
		EXIST } },
	{ "flink", { OK, LOOP, OK, EXIST, NOTDIR, OK, OK, OK, EXIST,
		NOTDIR, OK, OK, OK, OK, NOTDIR, OK, EXIST, EXIST } },
	{ "flink/", { NOTDIR, NOTDIR, NOTDIR, EXIST, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, EXIST, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR, NOTDIR } },
	{ "flink/.", { NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR, NOTDIR } },
	{ "gone", { NOENT, LOOP, OK, EXIST, NOENT, NOENT, OK, NOENT, EXIST,
		NOTDIR, OK, OK, OK, OK, NOTDIR, OK, EXIST, EXIST } },
	{ "gone/", { NOENT, NOENT, ISDIR, ISDIR, NOENT, NOENT, NOENT, NOENT,
		EXIST, NOTDIR, NOTDIR, NOENT, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR } },
	{ ".", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		INVALID, ISDIR, NOTSYM, BUSY, BUSY, BUSY, NOTPERM, EXIST,
		EXIST } },
	{ "dir/..", { OK, OK, ISDIR, EXIST, OK, OK, OK, OK, EXIST,
		INVALID, ISDIR, NOTSYM, BUSY, BUSY, BUSY, NOTPERM, EXIST,
		EXIST } },
	{ "file/..", { NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR, NOTDIR } },
	{ "file/x", { NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR, NOTDIR,
		NOTDIR, NOTDIR, NOTDIR } },
	{ "new/x", { NOENT, NOENT, NOENT, NOENT, NOENT, NOENT, NOENT, NOENT,
		NOENT, NOENT, NOENT, NOENT, NOENT, NOENT, NOENT, NOENT, NOENT,
		NOENT } },
	{ "dlink/new", { NOENT, NOENT, OK, OK, NOENT, NOENT, NOENT, NOENT, OK,
		NOENT, NOENT, NOENT, NOENT, OK, OK, NOENT, OK, OK } },
};

static void
plant(struct world *w)
{
	w_make_dir(w, "dir");
	w_make_dir(w, "full");
	w_make_file(w, "full/x", "x");
	w_make_file(w, "file", "text");
	w_make_link(w, "dir", "dlink");
	w_make_link(w, "file", "flink");
	w_make_link(w, "missing", "gone");
	w_make_file(w, "mv", "mv");
	w_make_dir(w, "mvdir");
}

static enum writ_status
apply(struct world *w, enum how how, const char *path)
{
	struct writ_stat s;

	switch (how) {
	case OPEN:
		return w_open(w, 0, path, 0, WRIT_FD_READ, NULL);
	case OPEN_LINK:
		return w_open_nofollow(w, 0, path, 0, WRIT_FD_READ, NULL);
	case CREATE:
		return w_open(w, 0, path, WRIT_OPEN_CREATE, WRIT_FD_READ, NULL);
	case EXCL:
		return w_open(w, 0, path, WRIT_OPEN_CREATE | WRIT_OPEN_EXCLUSIVE,
		    WRIT_FD_READ, NULL);
	case OPENDIR:
		return w_open(w, 0, path, WRIT_OPEN_DIRECTORY, WRIT_FD_READ,
		    NULL);
	case STAT:
		return w_stat_at(w, 0, path, WRIT_PATH_FOLLOW, &s);
	case STAT_LINK:
		return w_stat_at(w, 0, path, 0, &s);
	case TIMES:
		return w_set_times_at(w, 0, path, WRIT_PATH_FOLLOW, 77);
	case MKDIR:
		return w_one(w, WRIT_FS_MKDIR, 0, path);
	case RMDIR:
		return w_one(w, WRIT_FS_RMDIR, 0, path);
	case UNLINK:
		return w_one(w, WRIT_FS_UNLINK, 0, path);
	case READLINK:
		return w_one(w, WRIT_FS_READLINK, 0, path);
	case FROM:
		return w_two(w, WRIT_FS_RENAME, 0, path, 0, "renamed");
	case TO:
		return w_two(w, WRIT_FS_RENAME, 0, "mv", 0, path);
	case TO_DIR:
		return w_two(w, WRIT_FS_RENAME, 0, "mvdir", 0, path);
	case LINK_OLD:
		return w_two(w, WRIT_FS_LINK, 0, path, 0, "linked");
	case LINK_NEW:
		return w_two(w, WRIT_FS_LINK, 0, "mv", 0, path);
	case SYM_NEW:
	case HOW_COUNT:
		break;
	}
	return w_two(w, WRIT_FS_SYMLINK, 0, "mv", 0, path);
}

static void
table(enum world_kind kind)
{
	struct world w;
	size_t i;
	int how;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (how = 0; how < HOW_COUNT; how++) {
			enum writ_status st;

			world_init(&w, &(struct world_spec){ .kind = kind });
			plant(&w);
			st = apply(&w, (enum how)how, cases[i].path);
			if (st != cases[i].want[how])
				print_error("%s %s (%s): %s, not %s\n",
				    how_names[how], cases[i].path,
				    kind == WORLD_HOST ? "host" : "memory",
				    writ_status_name(st),
				    writ_status_name(cases[i].want[how]));
			assert_int_equal(st, cases[i].want[how]);
			world_release(&w);
		}
}

static void
test_fs_walk__slashes_and_dots_at_the_end(void **state)
{
	FOR_BOTH(table);
}

/* A link's text may end in a slash too: it then wants a directory. */
static void
in_links(enum world_kind kind)
{
	struct world w;

	world_init(&w, &(struct world_spec){ .kind = kind });
	plant(&w);
	w_make_link(&w, "dir/", "l1");
	w_make_link(&w, "file/", "l2");
	w_make_link(&w, "file/.", "l3");
	w_make_link(&w, "dlink/../file", "l4");
	assert_status(w_open(&w, 0, "l1", 0, WRIT_FD_READ, NULL), WRIT_OK);
	assert_status(w_open(&w, 0, "l2", 0, WRIT_FD_READ, NULL), WRIT_NOTDIR);
	assert_status(w_open(&w, 0, "l3", 0, WRIT_FD_READ, NULL), WRIT_NOTDIR);
	assert_status(w_open(&w, 0, "l4", 0, WRIT_FD_READ, NULL), WRIT_OK);
	world_release(&w);
}

static void
test_fs_walk__slashes_in_link_text(void **state)
{
	FOR_BOTH(in_links);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_walk__slashes_and_dots_at_the_end),
		cmocka_unit_test(test_fs_walk__slashes_in_link_text),
	};

	return cmocka_run_group_tests_name("fs slashes", tests, NULL, NULL);
}
