/* The phantom mount: every wish is heard, none is granted. */
#include "fs_world.h"

#include "cap/fs_phantom.h"

static uint64_t
add(struct world *w)
{
	static const char *const mask[] = { "data", NULL };
	struct writ_fs_mount spec = { .at = WRIT_STR("/"), .write = true,
		.masked = mask };
	uint64_t root;

	world_init(w, &(struct world_spec){ .kind = WORLD_MEMORY });
	assert_status(writ_fs_mount(w->fs, &spec, writ_fs_phantom(), &root, NULL),
	    WRIT_OK);
	return root;
}

static void
heard(struct world *w, const char *op, const char *path, bool write)
{
	assert_string_equal(w->last_op, op);
	assert_string_equal(w->last, path);
	assert_int_equal(w->last_write, write);
}

static void
test_fs_phantom__every_wish_is_judged_and_refused(void **state)
{
	struct world w;
	uint64_t p = add(&w);

	assert_status(w_open(&w, p, "etc/passwd", 0, WRIT_FD_READ, NULL),
	    WRIT_DENIED);
	heard(&w, "open", "/etc/passwd", false);
	assert_status(w_open(&w, p, "home/x/../y/.ssh/id", WRIT_OPEN_CREATE,
	    WRIT_FD_WRITE, NULL), WRIT_DENIED);
	heard(&w, "open", "/home/y/.ssh/id", true);
	assert_status(w_one(&w, WRIT_FS_STAT_AT, p, "usr/./lib//x"), WRIT_DENIED);
	heard(&w, "stat", "/usr/lib/x", false);
	assert_status(w_one(&w, WRIT_FS_MKDIR, p, "a"), WRIT_DENIED);
	heard(&w, "mkdir", "/a", true);
	assert_status(w_one(&w, WRIT_FS_UNLINK, p, "a"), WRIT_DENIED);
	heard(&w, "unlink", "/a", true);
	assert_status(w_one(&w, WRIT_FS_RMDIR, p, "a/"), WRIT_DENIED);
	heard(&w, "rmdir", "/a", true);
	assert_status(w_one(&w, WRIT_FS_READLINK, p, "proc/self"), WRIT_DENIED);
	heard(&w, "readlink", "/proc/self", false);
	assert_status(w_two(&w, WRIT_FS_RENAME, p, "a", p, "b"), WRIT_DENIED);
	heard(&w, "rename", "/b", true);
	assert_status(w_two(&w, WRIT_FS_LINK, p, "a", p, "b"), WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_SYMLINK, p, "a", p, "b"), WRIT_DENIED);
	heard(&w, "symlink", "/b", true);
	assert_status(w_set_times_at(&w, p, "a", 0, 1), WRIT_DENIED);
	world_release(&w);
}

static void
test_fs_phantom__its_root_can_be_seen(void **state)
{
	static const struct writ_fs_deny deny[] = { { "/", false } };
	struct world w;
	struct writ_stat s;
	uint64_t p = add(&w), d;
	char names[4096];

	w.rules.deny = deny;
	w.rules.deny_count = 1;
	w.refuse_with = WRIT_DENIED;
	assert_status(w_stat(&w, p, &s), WRIT_OK);
	assert_int_equal(s.type, WRIT_NODE_DIRECTORY);
	assert_status(w_stat_at(&w, p, ".", 0, &s), WRIT_OK);
	assert_string_equal(w_names(&w, p, names), "");
	assert_status(w_open(&w, p, ".", WRIT_OPEN_DIRECTORY, WRIT_FD_READ, &d),
	    WRIT_OK);
	assert_string_equal(w_names(&w, d, names), "");
	assert_status(w_close(&w, d), WRIT_OK);
	assert_status(w_set_times(&w, p, 1, 1), WRIT_DENIED);
	assert_status(w_open(&w, p, "..", 0, WRIT_FD_READ, NULL), WRIT_NOTPERM);
	world_release(&w);
}

static void
test_fs_phantom__real_mounts_are_not_reached_through_it(void **state)
{
	struct world w;
	uint64_t p = add(&w);

	w_make_file(&w, "f", "x");
	assert_status(w_open(&w, p, "data/f", 0, WRIT_FD_READ, NULL),
	    WRIT_DENIED);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", p, "f"), WRIT_XDEV);
	assert_true(w_holds(&w, "f", "x"));
	world_release(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_phantom__every_wish_is_judged_and_refused),
		cmocka_unit_test(test_fs_phantom__its_root_can_be_seen),
		cmocka_unit_test(
		    test_fs_phantom__real_mounts_are_not_reached_through_it),
	};

	return cmocka_run_group_tests_name("fs phantom", tests, NULL, NULL);
}
