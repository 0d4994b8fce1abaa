/* The nth allocation fails, for every n: nothing leaks, nothing is half done. */
#include "fs_world.h"

#include "base/mem.h"

static enum writ_status
scenario(struct world *w)
{
	static uint8_t block[70000];
	uint8_t buf[600];
	uint64_t d = 0, f = 0, cookie = 0;
	enum writ_status st, worst = WRIT_OK;
	size_t n;

#define TRY(call)                                  \
	do {                                       \
		st = (call);                       \
		if (st == WRIT_NOMEM)              \
			worst = WRIT_NOMEM;        \
		else if (worst == WRIT_OK)         \
			assert_status(st, WRIT_OK); \
	} while (0)
	TRY(w_one(w, WRIT_FS_MKDIR, 0, "d"));
	TRY(w_one(w, WRIT_FS_MKDIR, 0, "d/e"));
	TRY(w_open(w, 0, "d", WRIT_OPEN_DIRECTORY, WRIT_FD_READ, &d));
	TRY(w_open(w, 0, "d/e/f", WRIT_OPEN_CREATE, 3, &f));
	if (f) {
		TRY(w_write(w, f, 60000, block, 60000, &n));
		TRY(w_set_size(w, f, 10));
		TRY(w_append(w, f, block, 100, &n));
	}
	TRY(w_two(w, WRIT_FS_SYMLINK, 0, "d", 0, "l"));
	TRY(w_two(w, WRIT_FS_LINK, 0, "l", 0, "l2"));
	TRY(w_two(w, WRIT_FS_RENAME, 0, "d", 0, "moved"));
	TRY(w_list(w, w->root, &cookie, buf, sizeof(buf), &n));
	TRY(w_open(w, 0, "moved/e/f", WRIT_OPEN_TRUNCATE, 1, NULL));
#undef TRY
	if (d)
		assert_status(w_close(w, d), WRIT_OK);
	if (f)
		assert_status(w_close(w, f), WRIT_OK);
	return worst;
}

static void
every_nth(enum world_kind kind)
{
	struct world w;
	long n;
	enum writ_status st = WRIT_NOMEM;
	uint64_t bytes, files;

	for (n = 0; st != WRIT_OK && n < 1000; n++) {
		world_init(&w, &(struct world_spec){ .kind = kind });
		writ_mem_fail_after(n);
		st = scenario(&w);
		writ_mem_fail_after(-1);
		/* whatever happened, the tree still works and counts right */
		w_one(&w, WRIT_FS_UNLINK, 0, "moved/e/f");
		w_one(&w, WRIT_FS_UNLINK, 0, "d/e/f");
		w_one(&w, WRIT_FS_UNLINK, 0, "l");
		w_one(&w, WRIT_FS_UNLINK, 0, "l2");
		w_one(&w, WRIT_FS_RMDIR, 0, "moved/e");
		w_one(&w, WRIT_FS_RMDIR, 0, "moved");
		w_one(&w, WRIT_FS_RMDIR, 0, "d/e");
		w_one(&w, WRIT_FS_RMDIR, 0, "d");
		writ_fs_usage(w.fs, 0, &bytes, &files);
		assert_int_equal(files, 0);
		assert_int_equal(bytes, 0);
		w_make_file(&w, "after", "x");
		world_release(&w);
	}
	assert_status(st, WRIT_OK);
	assert_true(n > 5);
}

static void
test_fs_ops__every_nth_allocation_may_fail(void **state)
{
	FOR_BOTH(every_nth);
}

static void
test_fs_front__every_nth_allocation_of_making_one(void **state)
{
	struct writ_fs_config config = { .hooks = { NULL, writ_fs_rules_judge } };
	struct writ_fs_mount spec = { .at = WRIT_STR("/m"),
		.masked = (const char *const[]){ "a", "b", NULL } };
	struct world w;
	long n;

	world_init(&w, &(struct world_spec){ .kind = WORLD_MEMORY });
	for (n = 0; n < 100; n++) {
		struct writ_fs_store store = world_store(&w, "x");
		struct writ_fs *fs = NULL;
		uint64_t root = 0;
		enum writ_status st;

		writ_mem_fail_after(n);
		st = writ_fs_new(&config, &fs, NULL);
		if (st == WRIT_OK)
			st = writ_fs_mount(fs, &spec, store, &root, NULL);
		else
			store.be->free(store.ctx);
		writ_mem_fail_after(-1);
		writ_fs_free(fs);
		if (st == WRIT_OK)
			break;
		assert_status(st, WRIT_NOMEM);
		assert_int_equal(root, 0);
	}
	assert_in_range(n, 3, 50);
	world_release(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_ops__every_nth_allocation_may_fail),
		cmocka_unit_test(test_fs_front__every_nth_allocation_of_making_one),
	};

	return cmocka_run_group_tests_name("fs alloc", tests, NULL, NULL);
}
