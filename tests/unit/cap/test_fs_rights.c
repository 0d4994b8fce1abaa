/* What a handle may do, FSQ-01 to FSQ-05 and FAILURES A3, B42. */
#include "fs_world.h"

static void
plant_in(struct world *w, uint64_t *ro)
{
	struct writ_fs_mount spec = { .at = WRIT_STR("/ro") };
	struct writ_fs_store store = { 0 };

	/* Host: the same directory again.  Memory: a store of its own, which can only
	 * be filled through a writable mount, so the read-only one stays empty. */
	store = world_store(w, "root");
	assert_status(writ_fs_mount(w->fs, &spec, store, ro, NULL), WRIT_OK);
}

struct expected {
	enum writ_status open;
	bool made, emptied;
};

/* The rules, written down a second time. */
static struct expected
expect(bool writable, bool exists, bool dir, unsigned of, unsigned ff)
{
	bool change = of & (WRIT_OPEN_CREATE | WRIT_OPEN_EXCLUSIVE |
	    WRIT_OPEN_TRUNCATE) || ff & (WRIT_FD_WRITE | WRIT_FD_MUTATE_DIR);
	bool create = of & WRIT_OPEN_CREATE;

	if (of & WRIT_OPEN_DIRECTORY && of != WRIT_OPEN_DIRECTORY)
		return (struct expected){ WRIT_INVALID, false, false };
	if (change && !writable)
		return (struct expected){ WRIT_ROFS, false, false };
	if (!exists)
		return (struct expected){ create ? WRIT_OK : WRIT_NOENT, create,
			false };
	if (create && of & WRIT_OPEN_EXCLUSIVE)
		return (struct expected){ WRIT_EXIST, false, false };
	if (dir)
		return (struct expected){ ff & WRIT_FD_WRITE ||
			of & (WRIT_OPEN_CREATE | WRIT_OPEN_TRUNCATE) ?
			WRIT_ISDIR : WRIT_OK, false, false };
	if (of & WRIT_OPEN_DIRECTORY)
		return (struct expected){ WRIT_NOTDIR, false, false };
	return (struct expected){ WRIT_OK, false, of & WRIT_OPEN_TRUNCATE };
}

static void
use_file(struct world *w, uint64_t h, bool writable, unsigned ff,
    const struct expected *e)
{
	enum writ_status want_read = ff & WRIT_FD_READ ? WRIT_OK : WRIT_BADF;
	enum writ_status want_write = !writable ? WRIT_ROFS :
	    ff & WRIT_FD_WRITE ? WRIT_OK : WRIT_BADF;
	struct writ_stat s;
	char buf[8] = { 0 };
	size_t n = 99;

	assert_status(w_stat(w, h, &s), WRIT_OK);
	assert_int_equal(s.size, e->made || e->emptied ? 0 : 4);
	assert_status(w_read(w, h, 0, buf, sizeof(buf), &n), want_read);
	/* zero lengths are no way around */
	assert_status(w_read(w, h, 0, buf, 0, &n), want_read);
	assert_status(w_write(w, h, 0, "", 0, &n), want_write);
	assert_status(w_append(w, h, "", 0, &n), want_write);
	assert_status(w_set_size(w, h, s.size), want_write);
	assert_status(w_write(w, h, 0, "y", 1, &n), want_write);
	assert_status(w_append(w, h, "y", 1, &n), want_write);
	assert_status(w_set_size(w, h, 4), want_write);
}

static void
one_open(struct world *w, uint64_t dir, bool writable, const char *path,
    unsigned of, unsigned ff)
{
	bool exists = w_exists(w, path), is_dir = !strcmp(path, "dir");
	struct writ_fs_call c = { .what = WRIT_FS_OPEN, .handle = dir,
		.path = writ_str_from(path), .open_flags = of, .fd_flags = ff };
	struct expected e = expect(writable, exists, is_dir, of, ff);
	enum writ_status st = writ_fs_run(w->fs, &c);

	if (st != e.open)
		fail_msg("open %s flags %u fd %u %s: %s, not %s", path, of, ff,
		    writable ? "rw" : "ro", writ_status_name(st),
		    writ_status_name(e.open));
	assert_int_equal(w->last_write || st == WRIT_INVALID, (of & 13) != 0 ||
	    (ff & 34) != 0 || st == WRIT_INVALID);
	if (st != WRIT_OK)
		return;
	if (is_dir) {
		assert_int_equal(c.out_type, WRIT_NODE_DIRECTORY);
		assert_int_equal(c.out_fd_flags, WRIT_FD_READ |
		    (writable ? WRIT_FD_MUTATE_DIR : 0));
	} else {
		assert_int_equal(c.out_type, WRIT_NODE_REGULAR);
		assert_int_equal(c.out_fd_flags, ff & ~WRIT_FD_MUTATE_DIR);
		use_file(w, c.out_handle, writable, ff, &e);
	}
	w_close(w, c.out_handle);
}

static void
reset(struct world *w)
{
	w_one(w, WRIT_FS_UNLINK, 0, "new");
	w_make_file(w, "file", "text");
	w->last_write = false;
}

static void
matrix(enum world_kind kind)
{
	static const char *const paths[] = { "file", "dir", "new" };
	struct world w;
	uint64_t ro = 0;
	unsigned of, ff, i;

	world_init(&w, &(struct world_spec){ .kind = kind });
	if (kind == WORLD_HOST)
		plant_in(&w, &ro);
	w_make_dir(&w, "dir");
	for (of = 0; of < 16; of++)
		for (ff = 0; ff < 64; ff++)
			for (i = 0; i < 3; i++) {
				reset(&w);
				one_open(&w, w.root, true, paths[i], of, ff);
				if (!ro)
					continue;
				reset(&w);
				one_open(&w, ro, false, paths[i], of, ff);
				assert_true(w_holds(&w, "file", "text"));
				assert_false(w_exists(&w, "new"));
			}
	world_release(&w);
}

static void
test_fs_open__every_flag_on_every_mount(void **state)
{
	FOR_BOTH(matrix);
}

static void
undefined(enum world_kind kind)
{
	struct world w;
	uint64_t h = 0;
	struct writ_fs_call c = { .what = WRIT_FS_STAT_AT,
		.path = WRIT_STR("."), .path_flags = 2 };

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_file(&w, "file", "text");
	assert_status(w_open(&w, 0, "file", 16, 1, &h), WRIT_INVALID);
	assert_status(w_open(&w, 0, "file", 0, 64, &h), WRIT_INVALID);
	assert_status(w_open(&w, 0, "file", 0, 0x80000001u, &h), WRIT_INVALID);
	c.handle = w.root;
	assert_status(writ_fs_run(w.fs, &c), WRIT_INVALID);
	c.path_flags = 0;
	c.what = WRIT_FS_OP_COUNT;
	assert_status(writ_fs_run(w.fs, &c), WRIT_INVALID);
	c.what = (enum writ_fs_op)-1;
	assert_status(writ_fs_run(w.fs, &c), WRIT_INVALID);
	assert_string_equal(writ_fs_op_name(c.what), "?");
	world_release(&w);
}

static void
test_fs_open__undefined_flags_are_invalid(void **state)
{
	FOR_BOTH(undefined);
}

/* A read-only grant: nothing changes, by any door. */
static void
read_only(enum world_kind kind)
{
	struct writ_stat before, after;
	struct world w;
	uint64_t ro, d, f;

	world_init(&w, &(struct world_spec){ .kind = kind });
	if (kind != WORLD_HOST) {
		world_release(&w);
		world_init(&w, &(struct world_spec){ .kind = kind,
		    .read_only = true });
		assert_status(w_one(&w, WRIT_FS_MKDIR, 0, "x"), WRIT_ROFS);
		assert_status(w_open(&w, 0, "x", WRIT_OPEN_CREATE, 0, &f),
		    WRIT_ROFS);
		assert_status(w_set_times(&w, w.root, 1, 1), WRIT_ROFS);
		world_release(&w);
		return;
	}
	plant_in(&w, &ro);
	w_make_dir(&w, "d");
	w_make_file(&w, "d/f", "text");
	assert_status(w_stat_at(&w, 0, "d/f", 0, &before), WRIT_OK);
	assert_status(w_open(&w, ro, "d", WRIT_OPEN_DIRECTORY, WRIT_FD_READ, &d),
	    WRIT_OK);
	assert_status(w_open(&w, d, "f", 0, WRIT_FD_READ, &f), WRIT_OK);
	/* FSQ-04: no more through a child; FSQ-05: nor by opening oneself again */
	assert_status(w_open(&w, d, ".", 0, WRIT_FD_MUTATE_DIR, NULL), WRIT_ROFS);
	assert_status(w_open(&w, d, "f", 0, WRIT_FD_WRITE, NULL), WRIT_ROFS);
	assert_status(w_open(&w, d, "f", WRIT_OPEN_TRUNCATE, 0, NULL), WRIT_ROFS);
	assert_status(w_open(&w, d, "f", WRIT_OPEN_TRUNCATE, WRIT_FD_READ, NULL),
	    WRIT_ROFS);
	/* FSQ-02 */
	assert_status(w_set_size(&w, f, 0), WRIT_ROFS);
	assert_status(w_write(&w, f, 0, "x", 1, NULL), WRIT_ROFS);
	assert_status(w_write(&w, f, 0, "x", 0, NULL), WRIT_ROFS);
	assert_status(w_append(&w, f, "x", 1, NULL), WRIT_ROFS);
	assert_status(w_set_times(&w, f, 1, 1), WRIT_ROFS);
	assert_status(w_set_times(&w, d, 1, 1), WRIT_ROFS);
	assert_status(w_set_times_at(&w, d, "f", 0, 1), WRIT_ROFS);
	assert_status(w_one(&w, WRIT_FS_UNLINK, d, "f"), WRIT_ROFS);
	assert_status(w_one(&w, WRIT_FS_RMDIR, ro, "d"), WRIT_ROFS);
	assert_status(w_one(&w, WRIT_FS_MKDIR, d, "n"), WRIT_ROFS);
	assert_status(w_two(&w, WRIT_FS_RENAME, d, "f", d, "g"), WRIT_ROFS);
	assert_status(w_two(&w, WRIT_FS_LINK, d, "f", d, "g"), WRIT_ROFS);
	assert_status(w_two(&w, WRIT_FS_SYMLINK, d, "f", d, "g"), WRIT_ROFS);
	/* also where nothing is: the answer does not tell */
	assert_status(w_one(&w, WRIT_FS_UNLINK, d, "none"), WRIT_ROFS);
	assert_status(w_open(&w, d, "none", 0, WRIT_FD_WRITE, NULL), WRIT_ROFS);
	assert_status(w_stat_at(&w, 0, "d/f", 0, &after), WRIT_OK);
	assert_int_equal(after.size, 4);
	assert_int_equal(after.mtime.s, before.mtime.s);
	assert_int_equal(after.mtime.ns, before.mtime.ns);
	world_release(&w);
}

static void
test_fs_ops__a_read_only_grant_never_changes(void **state)
{
	FOR_BOTH(read_only);
}

static void
wrong_kind(enum world_kind kind)
{
	struct world w;
	uint64_t f, cookie = 0;
	char buf[300];
	size_t n;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_file(&w, "f", "text");
	assert_status(w_open(&w, 0, "f", 0, WRIT_FD_READ | WRIT_FD_WRITE, &f),
	    WRIT_OK);
	assert_status(w_open(&w, f, "f", 0, WRIT_FD_READ, NULL), WRIT_NOTDIR);
	assert_status(w_one(&w, WRIT_FS_MKDIR, f, "x"), WRIT_NOTDIR);
	assert_status(w_list(&w, f, &cookie, (uint8_t *)buf, sizeof(buf), &n),
	    WRIT_NOTDIR);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", f, "g"), WRIT_NOTDIR);
	assert_status(w_read(&w, w.root, 0, buf, 1, &n), WRIT_ISDIR);
	assert_status(w_write(&w, w.root, 0, "x", 1, &n), WRIT_BADF);
	assert_status(w_append(&w, w.root, "x", 1, &n), WRIT_BADF);
	assert_status(w_set_size(&w, w.root, 1), WRIT_BADF);
	world_release(&w);
}

static void
test_fs_ops__files_are_no_directories(void **state)
{
	FOR_BOTH(wrong_kind);
}

static void
handles(enum world_kind kind)
{
	struct world w;
	struct writ_stat s;
	uint64_t h, old, i, list[40];
	unsigned n;

	world_init(&w, &(struct world_spec){ .kind = kind, .handles = 20 });
	w_make_file(&w, "f", "text");
	assert_status(w_open(&w, 0, "f", 0, WRIT_FD_READ, &old), WRIT_OK);
	assert_status(w_close(&w, old), WRIT_OK);
	assert_status(w_close(&w, old), WRIT_BADF);
	assert_status(w_open(&w, 0, "f", 0, WRIT_FD_READ, &h), WRIT_OK);
	assert_true(h != old);
	assert_status(w_stat(&w, old, &s), WRIT_BADF);
	assert_status(w_close(&w, old), WRIT_BADF);
	for (i = 0; i < 100; i++)
		assert_status(w_stat(&w, i << 16 | 40, &s), WRIT_BADF);
	assert_status(w_stat(&w, UINT64_MAX, &s), WRIT_BADF);
	assert_status(w_stat(&w, h | 1ull << 48, &s), WRIT_BADF);
	for (n = 0; n < 40; n++)
		if (w_open(&w, 0, "f", 0, WRIT_FD_READ, &list[n]) != WRIT_OK)
			break;
	assert_int_equal(n, 18);
	assert_status(w_open(&w, 0, "new", WRIT_OPEN_CREATE, 0, &h), WRIT_LIMIT);
	assert_false(w_exists(&w, "new"));
	writ_fs_close_all(w.fs);
	assert_status(w_stat(&w, list[0], &s), WRIT_BADF);
	assert_status(w_close(&w, w.root), WRIT_OK);
	assert_status(w_stat(&w, w.root, &s), WRIT_OK);
	for (i = 0; i < 100000; i++)
		assert_status(w_open(&w, 0, "f", 0, WRIT_FD_READ, NULL), WRIT_OK);
	world_release(&w);
}

static void
test_fs_handles__stale_forged_and_too_many(void **state)
{
	FOR_BOTH(handles);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_open__every_flag_on_every_mount),
		cmocka_unit_test(test_fs_open__undefined_flags_are_invalid),
		cmocka_unit_test(test_fs_ops__a_read_only_grant_never_changes),
		cmocka_unit_test(test_fs_ops__files_are_no_directories),
		cmocka_unit_test(test_fs_handles__stale_forged_and_too_many),
	};

	return cmocka_run_group_tests_name("fs rights", tests, NULL, NULL);
}
