/* Listings: sorted, in pieces, steady while names come and go; ORA-09. */
#include "fs_world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANY 1000

static void
name_of(char out[16], unsigned i)
{
	snprintf(out, 16, "n%05u", i);
}

static void
make_many(struct world *w, unsigned n)
{
	char name[16];
	unsigned i;

	for (i = 0; i < n; i++) {
		name_of(name, (i * 7919) % n);
		assert_status(w_open(w, 0, name, WRIT_OPEN_CREATE, 0, NULL),
		    WRIT_OK);
	}
}

static void
small(enum world_kind kind)
{
	struct world w;
	char names[4096];
	uint8_t buf[512];
	uint64_t cookie = 0, d;
	size_t n = 9;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, "empty");
	assert_status(w_open(&w, 0, "empty", 0, WRIT_FD_READ, &d), WRIT_OK);
	assert_status(w_list(&w, d, &cookie, buf, sizeof(buf), &n), WRIT_OK);
	assert_int_equal(n, 0);
	assert_int_equal(cookie, 0);
	w_make_file(&w, "b", "");
	w_make_file(&w, "a", "");
	w_make_file(&w, "B", "");
	w_make_file(&w, "aa", "");
	w_make_file(&w, "\xc3\xa4", "");
	w_make_link(&w, "a", "l");
	assert_string_equal(w_names(&w, 0, names), "B a aa b empty l \xc3\xa4");
	assert_status(w_list(&w, 0, &cookie, buf, sizeof(buf), &n), WRIT_OK);
	assert_int_equal(cookie, 0);
	assert_memory_equal(buf, "\6\1\0B\6\1\0a\6\2\0aa\6\1\0b\3\5\0empty\5\1\0l",
	    4 + 4 + 5 + 4 + 8 + 4);
	assert_int_equal(n, 29 + 5);
	world_release(&w);
}

static void
test_fs_list__sorted_with_types(void **state)
{
	FOR_BOTH(small);
}

/* Read in pieces while everything read is deleted, as rm -r does. */
static void
deleting(enum world_kind kind)
{
	struct world w;
	uint8_t buf[600];
	uint64_t cookie = 0;
	unsigned seen = 0;
	char name[16], want[16];
	size_t n, at;

	world_init(&w, &(struct world_spec){ .kind = kind });
	make_many(&w, MANY);
	do {
		assert_status(w_list(&w, 0, &cookie, buf, sizeof(buf), &n),
		    WRIT_OK);
		for (at = 0; at < n; at += 3 + 6) {
			memcpy(name, buf + at + 3, 6);
			name[6] = 0;
			name_of(want, seen++);
			assert_string_equal(name, want);
			assert_status(w_one(&w, WRIT_FS_UNLINK, 0, name),
			    WRIT_OK);
		}
		/* and new ones do not disturb */
		assert_status(w_open(&w, 0, "n00000x", WRIT_OPEN_CREATE, 0, NULL),
		    WRIT_OK);
	} while (cookie);
	assert_int_equal(seen, MANY);
	world_release(&w);
}

static void
test_fs_list__each_name_once_while_deleting(void **state)
{
	FOR_BOTH(deleting);
}

/* Two readers of one handle, and a cookie used twice. */
static void
interleaved(enum world_kind kind)
{
	struct world w;
	uint8_t a[300], b[300], again[300];
	uint64_t ca = 0, cb = 0, cc;
	size_t na, nb, nc;

	world_init(&w, &(struct world_spec){ .kind = kind });
	make_many(&w, 200);
	assert_status(w_list(&w, 0, &ca, a, sizeof(a), &na), WRIT_OK);
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "n00000"), WRIT_OK);
	assert_status(w_list(&w, 0, &cb, b, sizeof(b), &nb), WRIT_OK);
	assert_memory_equal(a + 3, "n00000", 6);
	assert_memory_equal(b + 3, "n00001", 6);
	cc = ca;
	assert_status(w_list(&w, 0, &ca, a, sizeof(a), &na), WRIT_OK);
	assert_status(w_list(&w, 0, &cc, again, sizeof(again), &nc), WRIT_OK);
	assert_int_equal(na, nc);
	assert_memory_equal(a, again, na);
	world_release(&w);
}

static void
test_fs_list__readers_do_not_disturb_each_other(void **state)
{
	FOR_BOTH(interleaved);
}

static void
bad_cookies(enum world_kind kind)
{
	struct world w;
	uint8_t buf[300];
	uint64_t cookie = 0, first, h, bad;
	size_t n;
	unsigned i;

	world_init(&w, &(struct world_spec){ .kind = kind });
	make_many(&w, 200);
	assert_status(w_list(&w, 0, &cookie, buf, 257, &n), WRIT_INVALID);
	assert_status(w_list(&w, 0, &cookie, buf, 258, &n), WRIT_OK);
	first = cookie;
	for (i = 0; i < 200; i++) {
		bad = (i % 2 ? cookie + ((uint64_t)i << 32) : cookie | (255u + i));
		if (bad == cookie)
			continue;
		assert_status(w_list(&w, 0, &bad, buf, sizeof(buf), &n),
		    WRIT_INVALID);
	}
	bad = UINT64_MAX;
	assert_status(w_list(&w, 0, &bad, buf, sizeof(buf), &n), WRIT_INVALID);
	/* another handle's */
	assert_status(w_open(&w, 0, ".", 0, WRIT_FD_READ, &h), WRIT_OK);
	assert_status(w_list(&w, h, &cookie, buf, sizeof(buf), &n), WRIT_INVALID);
	/* unfinished listings are bounded; the oldest goes */
	for (i = 0; i < 100; i++) {
		cookie = 0;
		assert_status(w_list(&w, h, &cookie, buf, sizeof(buf), &n),
		    WRIT_OK);
	}
	assert_status(w_list(&w, 0, &first, buf, sizeof(buf), &n), WRIT_INVALID);
	assert_status(w_list(&w, h, &cookie, buf, sizeof(buf), &n), WRIT_OK);
	assert_status(w_close(&w, h), WRIT_OK);
	world_release(&w);
}

static void
test_fs_list__cookies_are_checked(void **state)
{
	FOR_BOTH(bad_cookies);
}

static void
many(enum world_kind kind)
{
	struct world w;
	static uint8_t buf[WRIT_FS_DIR_BYTES_MAX];
	uint64_t cookie = 0;
	size_t n, sum = 0;
	unsigned count = kind == WORLD_MEMORY ? 100000 : 5000;

	world_init(&w, &(struct world_spec){ .kind = kind,
	    .quota_files = 200000 });
	make_many(&w, count);
	do {
		assert_status(w_list(&w, 0, &cookie, buf, sizeof(buf), &n),
		    WRIT_OK);
		sum += n;
	} while (cookie);
	assert_int_equal(sum, count * 9);
	world_release(&w);
}

static void
test_fs_list__many_entries(void **state)
{
	FOR_BOTH(many);
}

/* What a guest could not name or open is not shown. */
static void
test_fs_list__host_oddities_are_left_out(void **state)
{
	struct world w;
	char path[512], names[4096];
	int fd;

	world_init(&w, &(struct world_spec){ .kind = WORLD_HOST });
	fd = open(world_path(&w, "bad\xff", path), O_CREAT | O_WRONLY | O_CLOEXEC,
	    0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(mkfifo(world_path(&w, "fifo", path), 0600), 0);
	w_make_file(&w, "good", "");
	assert_string_equal(w_names(&w, 0, names), "good");
	world_release(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_list__sorted_with_types),
		cmocka_unit_test(test_fs_list__each_name_once_while_deleting),
		cmocka_unit_test(test_fs_list__readers_do_not_disturb_each_other),
		cmocka_unit_test(test_fs_list__cookies_are_checked),
		cmocka_unit_test(test_fs_list__many_entries),
		cmocka_unit_test(test_fs_list__host_oddities_are_left_out),
	};

	return cmocka_run_group_tests_name("fs list", tests, NULL, NULL);
}
