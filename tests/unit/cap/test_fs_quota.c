/* Quotas: bytes and names, FSQ-07 and FSQ-08. */
#include "fs_world.h"

#include <malloc.h>

#define QUOTA 100000u

static uint64_t
bytes_used(struct world *w)
{
	uint64_t bytes, files;

	writ_fs_usage(w->fs, 0, &bytes, &files);
	return bytes;
}

static uint64_t
files_used(struct world *w)
{
	uint64_t bytes, files;

	writ_fs_usage(w->fs, 0, &bytes, &files);
	return files;
}

static uint64_t
size_of(struct world *w, uint64_t h)
{
	struct writ_stat s;

	assert_status(w_stat(w, h, &s), WRIT_OK);
	return s.size;
}

static uint64_t
make(struct world *w, const char *name)
{
	uint64_t h;

	assert_status(w_open(w, 0, name, WRIT_OPEN_CREATE,
	    WRIT_FD_READ | WRIT_FD_WRITE, &h), WRIT_OK);
	return h;
}

static void
init(struct world *w, enum world_kind kind)
{
	world_init(w, &(struct world_spec){ .kind = kind, .quota_bytes = QUOTA,
	    .quota_files = 10 });
}

static void
growth(enum world_kind kind)
{
	static uint8_t block[WRIT_FS_IO_MAX];
	struct world w;
	uint64_t h;
	size_t n = 0;

	init(&w, kind);
	h = make(&w, "f");
	assert_status(w_write(&w, h, 0, block, sizeof(block), &n), WRIT_OK);
	assert_int_equal(n, sizeof(block));
	/* what fits in part is cut at the limit; then nothing fits */
	assert_status(w_write(&w, h, n, block, sizeof(block), &n), WRIT_OK);
	assert_int_equal(n, QUOTA - sizeof(block));
	assert_status(w_write(&w, h, QUOTA, block, 1, &n), WRIT_NOSPC);
	assert_status(w_append(&w, h, block, 1, &n), WRIT_NOSPC);
	assert_int_equal(size_of(&w, h), QUOTA);
	assert_int_equal(bytes_used(&w), QUOTA);
	/* writing over costs nothing; shrinking gives back */
	assert_status(w_write(&w, h, 0, block, 1000, &n), WRIT_OK);
	assert_status(w_set_size(&w, h, 10), WRIT_OK);
	assert_int_equal(bytes_used(&w), 10);
	assert_status(w_append(&w, h, block, 90, &n), WRIT_OK);
	assert_int_equal(bytes_used(&w), 100);
	world_release(&w);
}

static void
test_fs_quota__one_large_write(void **state)
{
	FOR_BOTH(growth);
}

static void
small_writes(enum world_kind kind)
{
	struct world w;
	uint64_t h;
	unsigned i;
	size_t n;
	enum writ_status st = WRIT_OK;

	init(&w, kind);
	h = make(&w, "f");
	for (i = 0; i < QUOTA && st == WRIT_OK; i++)
		st = w_append(&w, h, "0123456789a", 11, &n);
	assert_status(st, WRIT_NOSPC);
	assert_int_equal(size_of(&w, h), QUOTA);
	world_release(&w);
}

static void
test_fs_quota__many_small_writes(void **state)
{
	FOR_BOTH(small_writes);
}

static void
sparse(enum world_kind kind)
{
	struct world w;
	uint64_t h;
	size_t n = 0;

	init(&w, kind);
	h = make(&w, "f");
	assert_status(w_write(&w, h, QUOTA - 1, "x", 1, &n), WRIT_OK);
	assert_int_equal(bytes_used(&w), QUOTA);
	assert_status(w_write(&w, h, QUOTA, "x", 1, &n), WRIT_NOSPC);
	assert_status(w_set_size(&w, h, 0), WRIT_OK);
	assert_status(w_write(&w, h, QUOTA, "x", 1, &n), WRIT_NOSPC);
	assert_status(w_write(&w, h, 1ull << 60, "x", 1, &n), WRIT_NOSPC);
	assert_status(w_write(&w, h, INT64_MAX, "x", 1, &n), WRIT_INVALID);
	assert_status(w_write(&w, h, UINT64_MAX, "x", 1, &n), WRIT_INVALID);
	assert_status(w_set_size(&w, h, 1ull << 60), WRIT_NOSPC);
	assert_status(w_set_size(&w, h, UINT64_MAX), WRIT_NOSPC);
	assert_status(w_set_size(&w, h, QUOTA + 1), WRIT_NOSPC);
	assert_int_equal(size_of(&w, h), 0);
	assert_int_equal(bytes_used(&w), 0);
	assert_status(w_set_size(&w, h, QUOTA), WRIT_OK);
	assert_int_equal(bytes_used(&w), QUOTA);
	world_release(&w);
}

static void
test_fs_quota__holes_and_sizes_count(void **state)
{
	FOR_BOTH(sparse);
}

static void
giving_back(enum world_kind kind)
{
	struct world w;
	uint64_t h, h2;
	size_t n;

	init(&w, kind);
	h = make(&w, "f");
	assert_status(w_write(&w, h, 0, "12345", 5, &n), WRIT_OK);
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "f", 0, "g"), WRIT_OK);
	assert_int_equal(files_used(&w), 2);
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "f"), WRIT_OK);
	assert_int_equal(bytes_used(&w), 5);
	assert_status(w_open(&w, 0, "g", 0, WRIT_FD_READ, &h2), WRIT_OK);
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "g"), WRIT_OK);
	assert_int_equal(files_used(&w), 0);
	/* the bytes live on behind the open handles, and are still counted */
	assert_int_equal(bytes_used(&w), 5);
	assert_status(w_append(&w, h, "67", 2, &n), WRIT_OK);
	assert_int_equal(bytes_used(&w), 7);
	w_close(&w, h);
	assert_int_equal(bytes_used(&w), 7);
	w_close(&w, h2);
	assert_int_equal(bytes_used(&w), 0);
	w_make_file(&w, "a", "1234");
	w_make_file(&w, "b", "12");
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "b", 0, "a"), WRIT_OK);
	assert_int_equal(bytes_used(&w), 2);
	assert_int_equal(files_used(&w), 1);
	w_make_file(&w, "a", "");
	assert_int_equal(bytes_used(&w), 0);
	w_make_file(&w, "a", "123");
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "a", 0, "b"), WRIT_OK);
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "b"), WRIT_OK);
	assert_int_equal(bytes_used(&w), 3);
	w_make_file(&w, "a", "");
	w_make_link(&w, "text", "l");
	assert_int_equal(bytes_used(&w), 4);
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "l"), WRIT_OK);
	assert_int_equal(bytes_used(&w), 0);
	assert_int_equal(files_used(&w), 1);
	world_release(&w);
}

static void
test_fs_quota__unlink_rename_and_close_give_back(void **state)
{
	FOR_BOTH(giving_back);
}

static void
names(enum world_kind kind)
{
	struct world w;
	char name[16];
	int i;

	init(&w, kind);
	for (i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		w_make_file(&w, name, "");
	}
	w_make_dir(&w, "d");
	w_make_link(&w, "x", "l");
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "f0", 0, "h"), WRIT_OK);
	assert_int_equal(files_used(&w), 10);
	assert_status(w_open(&w, 0, "n", WRIT_OPEN_CREATE, 0, NULL), WRIT_NOSPC);
	assert_status(w_one(&w, WRIT_FS_MKDIR, 0, "n"), WRIT_NOSPC);
	assert_status(w_two(&w, WRIT_FS_SYMLINK, 0, "x", 0, "n"), WRIT_NOSPC);
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "f0", 0, "n"), WRIT_NOSPC);
	assert_false(w_exists(&w, "n"));
	/* renaming makes no name */
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f0", 0, "n"), WRIT_OK);
	assert_status(w_one(&w, WRIT_FS_RMDIR, 0, "d"), WRIT_OK);
	assert_int_equal(files_used(&w), 9);
	w_make_file(&w, "again", "");
	world_release(&w);
}

static void
test_fs_quota__every_name_counts(void **state)
{
	FOR_BOTH(names);
}

/* A mount without quota in memory has one all the same. */
static void
test_fs_quota__memory_is_never_without(void **state)
{
	struct world w;
	uint64_t h;
	size_t n;

	world_init(&w, &(struct world_spec){ .kind = WORLD_MEMORY });
	h = make(&w, "f");
	assert_status(w_set_size(&w, h, WRIT_DEFAULT_MEMFS_BYTES), WRIT_OK);
	assert_status(w_append(&w, h, "x", 1, &n), WRIT_NOSPC);
	world_release(&w);
}

/* Memory follows the quota: what truncation gives back is really free again. */
static void
test_fs_quota__memory_in_use_follows_the_count(void **state)
{
	static uint8_t block[WRIT_FS_IO_MAX];
	struct world w;
	char name[32];
	unsigned i;
	uint64_t h;
	size_t n, before = mallinfo2().uordblks, after;

	world_init(&w, &(struct world_spec){ .kind = WORLD_MEMORY,
	    .quota_bytes = 1 << 20 });
	for (i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		h = make(&w, name);
		assert_status(w_write(&w, h, 0, block, sizeof(block), &n),
		    WRIT_OK);
		assert_int_equal(n, sizeof(block));
		assert_status(w_set_size(&w, h, 1 + i % 60), WRIT_OK);
		assert_status(w_close(&w, h), WRIT_OK);
	}
	after = mallinfo2().uordblks;
	assert_true(after < before + (4u << 20));
	world_release(&w);
}

/* A million empty files (FSQ-08) end at the default. */
static void
test_fs_quota__a_million_files_end(void **state)
{
	struct world w;
	char name[32];
	unsigned i;
	enum writ_status st = WRIT_OK;

	world_init(&w, &(struct world_spec){ .kind = WORLD_MEMORY });
	for (i = 0; i < 1000000 && st == WRIT_OK; i++) {
		snprintf(name, sizeof(name), "file-%u", i * 2654435761u);
		st = w_open(&w, 0, name, WRIT_OPEN_CREATE, WRIT_FD_WRITE, NULL);
	}
	assert_status(st, WRIT_NOSPC);
	assert_int_equal(i, WRIT_DEFAULT_MEMFS_FILES + 1);
	world_release(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_quota__one_large_write),
		cmocka_unit_test(test_fs_quota__many_small_writes),
		cmocka_unit_test(test_fs_quota__holes_and_sizes_count),
		cmocka_unit_test(test_fs_quota__unlink_rename_and_close_give_back),
		cmocka_unit_test(test_fs_quota__every_name_counts),
		cmocka_unit_test(test_fs_quota__memory_is_never_without),
		cmocka_unit_test(test_fs_quota__memory_in_use_follows_the_count),
		cmocka_unit_test(test_fs_quota__a_million_files_end),
	};

	return cmocka_run_group_tests_name("fs quota", tests, NULL, NULL);
}
