/* Bytes, times, metadata and unlinked files. */
#include "fs_world.h"

#include "base/mem.h"

#define BIG (300 * 1024u)

static uint64_t
make(struct world *w, const char *name)
{
	uint64_t h;

	assert_status(w_open(w, 0, name, WRIT_OPEN_CREATE,
	    WRIT_FD_READ | WRIT_FD_WRITE, &h), WRIT_OK);
	return h;
}

/* Random reads, writes, appends and sizes against a plain array. */
static void
against_array(enum world_kind kind)
{
	static uint8_t model[BIG], buf[WRIT_FS_IO_MAX], got[WRIT_FS_IO_MAX];
	struct world w;
	uint64_t seed = 42;
	uint64_t h;
	size_t size = 0, n, i;
	int round;

	world_init(&w, &(struct world_spec){ .kind = kind });
	memset(model, 0, sizeof(model));
	h = make(&w, "f");
	for (round = 0; round < 3000; round++) {
		size_t at = world_random(&seed) % BIG;
		size_t len = world_random(&seed) % 3 ? world_random(&seed) % 900 :
		    world_random(&seed) % sizeof(buf);
		unsigned what = world_random(&seed) % 8;

		if (len > BIG - at)
			len = BIG - at;
		for (i = 0; i < len; i++)
			buf[i] = (uint8_t)world_random(&seed);
		if (what < 3) {
			assert_status(w_write(&w, h, at, buf, len, &n), WRIT_OK);
			assert_int_equal(n, len);
			memcpy(model + at, buf, len);
			if (len && at + len > size)
				size = at + len;
		} else if (what == 3 && size + len <= BIG) {
			assert_status(w_append(&w, h, buf, len, &n), WRIT_OK);
			assert_int_equal(n, len);
			memcpy(model + size, buf, len);
			size += len;
		} else if (what == 4) {
			assert_status(w_set_size(&w, h, at), WRIT_OK);
			if (at < size)
				memset(model + at, 0, size - at);
			size = at;
		} else {
			size_t want = at >= size ? 0 :
			    len < size - at ? len : size - at;

			memset(got, 0xaa, sizeof(got));
			assert_status(w_read(&w, h, at, got, len, &n), WRIT_OK);
			assert_int_equal(n, want);
			assert_memory_equal(got, model + at, n);
		}
	}
	world_release(&w);
}

static void
test_fs_io__agrees_with_an_array(void **state)
{
	FOR_BOTH(against_array);
}

static void
limits(enum world_kind kind)
{
	static uint8_t big[2 * WRIT_FS_IO_MAX];
	struct world w;
	uint64_t h;
	size_t n = 0;

	world_init(&w, &(struct world_spec){ .kind = kind });
	h = make(&w, "f");
	assert_status(w_write(&w, h, 0, big, sizeof(big), &n), WRIT_OK);
	assert_int_equal(n, WRIT_FS_IO_MAX);
	assert_status(w_append(&w, h, big, sizeof(big), &n), WRIT_OK);
	assert_int_equal(n, WRIT_FS_IO_MAX);
	assert_status(w_read(&w, h, 0, big, sizeof(big), &n), WRIT_OK);
	assert_int_equal(n, WRIT_FS_IO_MAX);
	assert_status(w_read(&w, h, INT64_MAX, big, 0, &n), WRIT_OK);
	assert_int_equal(n, 0);
	assert_status(w_read(&w, h, 1ull << 40, big, 10, &n), WRIT_OK);
	assert_int_equal(n, 0);
	assert_status(w_read(&w, h, INT64_MAX, big, 1, &n), WRIT_INVALID);
	assert_status(w_read(&w, h, UINT64_MAX, big, 0, &n), WRIT_INVALID);
	assert_status(w_read(&w, h, UINT64_MAX, big, 1, &n), WRIT_INVALID);
	assert_status(w_write(&w, h, UINT64_MAX - 1, big, 1, &n), WRIT_INVALID);
	assert_status(w_write(&w, h, 1ull << 63, big, 0, &n), WRIT_INVALID);
	world_release(&w);
}

static void
test_fs_io__offsets_and_lengths_are_bounded(void **state)
{
	FOR_BOTH(limits);
}

static void
unlinked(enum world_kind kind)
{
	struct world w;
	struct writ_stat s;
	uint64_t h, d;
	char buf[8];
	size_t n;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_file(&w, "f", "alive");
	h = make(&w, "f");
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "f"), WRIT_OK);
	assert_status(w_read(&w, h, 0, buf, sizeof(buf), &n), WRIT_OK);
	assert_int_equal(n, 5);
	assert_status(w_append(&w, h, "!", 1, &n), WRIT_OK);
	assert_status(w_stat(&w, h, &s), WRIT_OK);
	assert_int_equal(s.size, 6);
	assert_int_equal(s.links, 0);
	w_make_file(&w, "f", "other");
	assert_status(w_read(&w, h, 0, buf, sizeof(buf), &n), WRIT_OK);
	assert_memory_equal(buf, "alive!", 6);
	/* renamed over: the old one lives on behind its handle */
	w_make_file(&w, "g", "new");
	w_close(&w, h);
	h = make(&w, "f");
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "g", 0, "f"), WRIT_OK);
	assert_status(w_read(&w, h, 0, buf, sizeof(buf), &n), WRIT_OK);
	assert_memory_equal(buf, "other", 5);
	assert_true(w_holds(&w, "f", "new"));
	/* a removed directory takes nothing in any more */
	w_make_dir(&w, "d");
	assert_status(w_open(&w, 0, "d", 0, WRIT_FD_READ, &d), WRIT_OK);
	assert_status(w_one(&w, WRIT_FS_RMDIR, 0, "d"), WRIT_OK);
	assert_status(w_open(&w, d, "x", WRIT_OPEN_CREATE, 0, NULL), WRIT_NOENT);
	assert_status(w_one(&w, WRIT_FS_MKDIR, d, "x"), WRIT_NOENT);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", d, "x"), WRIT_NOENT);
	assert_status(w_stat(&w, d, &s), WRIT_OK);
	world_release(&w);
}

static void
test_fs_io__unlinked_files_live_behind_their_handles(void **state)
{
	FOR_BOTH(unlinked);
}

static void
times(enum world_kind kind)
{
	struct writ_fs_call c = { .what = WRIT_FS_SET_TIMES,
		.atime_how = WRIT_TIME_KEEP, .mtime_how = WRIT_TIME_SET,
		.mtime = { INT64_MAX, UINT32_MAX } };
	struct world w;
	struct writ_stat s, t;
	uint64_t h;

	world_init(&w, &(struct world_spec){ .kind = kind });
	h = make(&w, "f");
	w_make_link(&w, "f", "l");
	assert_status(w_set_times(&w, h, 1000, 2000), WRIT_OK);
	assert_status(w_stat(&w, h, &s), WRIT_OK);
	assert_int_equal(s.atime.s, 1000);
	assert_int_equal(s.mtime.s, 2000);
	assert_int_equal(s.mtime.ns, 123);
	assert_status(w_set_times_at(&w, 0, "l", 0, 7), WRIT_OK);
	assert_status(w_stat_at(&w, 0, "l", 0, &t), WRIT_OK);
	assert_int_equal(t.mtime.s, 7);
	assert_status(w_stat(&w, h, &s), WRIT_OK);
	assert_int_equal(s.mtime.s, 2000);
	assert_status(w_set_times_at(&w, 0, "l", WRIT_PATH_FOLLOW, -9), WRIT_OK);
	assert_status(w_stat(&w, h, &s), WRIT_OK);
	assert_int_equal(s.mtime.s, -9);
	assert_int_equal(s.atime.s, 1000);
	/* far ends saturate, they do not fail or wrap (B37) */
	c.handle = h;
	assert_status(writ_fs_run(w.fs, &c), WRIT_OK);
	assert_status(w_stat(&w, h, &s), WRIT_OK);
	assert_true(s.mtime.s > 2000 && s.mtime.ns < 1000000000);
	c.mtime.s = INT64_MIN;
	assert_status(writ_fs_run(w.fs, &c), WRIT_OK);
	assert_status(w_stat(&w, h, &s), WRIT_OK);
	assert_true(s.mtime.s < 0 && s.mtime.ns < 1000000000);
	assert_int_equal(s.atime.s, 1000);
	c.mtime_how = (enum writ_time_how)3;
	assert_status(writ_fs_run(w.fs, &c), WRIT_INVALID);
	c.mtime_how = WRIT_TIME_NOW;
	assert_status(writ_fs_run(w.fs, &c), WRIT_OK);
	assert_status(w_stat(&w, h, &s), WRIT_OK);
	assert_true(s.mtime.s >= 1000000);
	assert_status(w_set_times(&w, w.root, 1, 2), WRIT_OK);
	assert_status(w_stat_at(&w, 0, ".", 0, &s), WRIT_OK);
	assert_int_equal(s.mtime.s, 2);
	world_release(&w);
}

static void
test_fs_stat__times_are_set_and_saturate(void **state)
{
	FOR_BOTH(times);
}

static void
metadata(enum world_kind kind)
{
	struct world w, v;
	struct writ_stat f, g, d, again;
	uint64_t h;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_file(&w, "f", "12345");
	w_make_file(&w, "g", "");
	w_make_dir(&w, "d");
	w_make_dir(&w, "d/sub");
	w_make_link(&w, "some/text", "l");
	assert_status(w_stat_at(&w, 0, "f", 0, &f), WRIT_OK);
	assert_int_equal(f.type, WRIT_NODE_REGULAR);
	assert_int_equal(f.size, 5);
	assert_int_equal(f.links, 1);
	assert_status(w_stat_at(&w, 0, "d", 0, &d), WRIT_OK);
	assert_int_equal(d.type, WRIT_NODE_DIRECTORY);
	assert_int_equal(d.links, 1);
	assert_int_equal(d.size, 0);
	assert_status(w_stat_at(&w, 0, "l", 0, &g), WRIT_OK);
	assert_int_equal(g.type, WRIT_NODE_SYMLINK);
	assert_int_equal(g.size, 9);
	assert_status(w_stat_at(&w, 0, "g", 0, &g), WRIT_OK);
	assert_true(f.hash_hi != g.hash_hi && f.hash_lo != g.hash_lo);
	assert_true(f.hash_hi != f.hash_lo);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", 0, "d/f"), WRIT_OK);
	h = make(&w, "d/f");
	assert_status(w_stat(&w, h, &again), WRIT_OK);
	assert_true(f.hash_hi == again.hash_hi && f.hash_lo == again.hash_lo);
	/* another session's key: nothing to compare */
	world_init(&v, &(struct world_spec){ .kind = kind });
	world_release(&v);
	world_release(&w);
}

static void
test_fs_stat__only_virtual_metadata(void **state)
{
	FOR_BOTH(metadata);
}

/* The same file under two session keys has two identities; none is an inode number. */
static void
test_fs_stat__identities_are_keyed(void **state)
{
	struct writ_fs_config config = { .key = "another key 123" };
	struct writ_fs_mount spec = { .at = WRIT_STR("/data") };
	struct writ_fs_call c = { .what = WRIT_FS_STAT_AT, .path = WRIT_STR("f") };
	struct writ_stat s;
	struct world w;
	writ_auto(writ_fs) fs = NULL;

	world_init(&w, &(struct world_spec){ .kind = WORLD_HOST });
	w_make_file(&w, "f", "x");
	assert_status(w_stat_at(&w, 0, "f", 0, &s), WRIT_OK);
	config.hooks.judge = writ_fs_rules_judge;
	config.hooks.ctx = &w.rules;
	assert_status(writ_fs_new(&config, &fs, NULL), WRIT_OK);
	assert_status(writ_fs_mount(fs, &spec, world_store(&w, "root"), &c.handle,
	    NULL), WRIT_OK);
	assert_status(writ_fs_run(fs, &c), WRIT_OK);
	assert_true(c.out_stat.hash_hi != s.hash_hi);
	assert_true(c.out_stat.hash_lo != s.hash_lo);
	/* who may not write does not see when others read */
	assert_int_equal(c.out_stat.atime.s, c.out_stat.mtime.s);
	assert_int_equal(c.out_stat.atime.ns, c.out_stat.mtime.ns);
	world_release(&w);
}

static void
syncing(enum world_kind kind)
{
	struct writ_fs_call c = { .what = WRIT_FS_SYNC };
	struct world w;
	uint64_t h, d;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, "d");
	assert_status(w_open(&w, 0, "d", 0, WRIT_FD_READ, &d), WRIT_OK);
	assert_status(w_open(&w, 0, "f", WRIT_OPEN_CREATE, WRIT_FD_WRITE |
	    WRIT_FD_FILE_SYNC | WRIT_FD_DATA_SYNC, &h), WRIT_OK);
	assert_status(w_write(&w, h, 0, "x", 1, NULL), WRIT_OK);
	for (c.handle = h; c.handle; c.handle = c.handle == h ? d :
	    c.handle == d ? w.root : 0) {
		c.what = WRIT_FS_SYNC;
		assert_status(writ_fs_run(w.fs, &c), WRIT_OK);
		c.what = WRIT_FS_SYNC_DATA;
		assert_status(writ_fs_run(w.fs, &c), WRIT_OK);
	}
	c.handle = 12345;
	assert_status(writ_fs_run(w.fs, &c), WRIT_BADF);
	world_release(&w);
}

static void
test_fs_io__sync_works_on_all(void **state)
{
	FOR_BOTH(syncing);
}

static void
renames(enum world_kind kind)
{
	struct world w;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, "a");
	w_make_dir(&w, "a/b");
	w_make_dir(&w, "full");
	w_make_file(&w, "full/x", "x");
	w_make_file(&w, "f", "f");
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a", 0, "a/b/c"),
	    WRIT_INVALID);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a", 0, "a/c"), WRIT_INVALID);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a/b", 0, "a"), WRIT_NOTEMPTY);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a", 0, "full"),
	    WRIT_NOTEMPTY);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a", 0, "f"), WRIT_NOTDIR);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", 0, "a"), WRIT_ISDIR);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a", 0, "a"), WRIT_OK);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "none", 0, "f"), WRIT_NOENT);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", 0, "none/f"),
	    WRIT_NOENT);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "full", 0, "a/b"), WRIT_OK);
	assert_true(w_holds(&w, "a/b/x", "x"));
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", 0, "a/b/x"), WRIT_OK);
	assert_true(w_holds(&w, "a/b/x", "f"));
	world_release(&w);
}

static void
test_fs_rename__follows_posix(void **state)
{
	FOR_BOTH(renames);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_io__agrees_with_an_array),
		cmocka_unit_test(test_fs_io__offsets_and_lengths_are_bounded),
		cmocka_unit_test(
		    test_fs_io__unlinked_files_live_behind_their_handles),
		cmocka_unit_test(test_fs_stat__times_are_set_and_saturate),
		cmocka_unit_test(test_fs_stat__only_virtual_metadata),
		cmocka_unit_test(test_fs_stat__identities_are_keyed),
		cmocka_unit_test(test_fs_io__sync_works_on_all),
		cmocka_unit_test(test_fs_rename__follows_posix),
	};

	return cmocka_run_group_tests_name("fs io", tests, NULL, NULL);
}
