/* Symbolic and hard links, FSL-01 to FSL-05. */
#include "fs_world.h"

#include <unistd.h>

static void
out_of_the_grant(enum world_kind kind)
{
	static const char *const texts[] = { "..", "../secret", "../../etc/hostname",
		"a/../../secret", "./..", "a/../..", "../root/file" };
	struct world w;
	size_t i;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, "a");
	w_make_file(&w, "file", "text");
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct writ_stat s;

		w_make_link(&w, texts[i], "l");
		assert_status(w_open(&w, 0, "l", 0, WRIT_FD_READ, NULL),
		    WRIT_NOTPERM);
		assert_status(w_open(&w, 0, "l", WRIT_OPEN_CREATE |
		    WRIT_OPEN_TRUNCATE, WRIT_FD_WRITE, NULL), WRIT_NOTPERM);
		assert_status(w_open(&w, 0, "l/x", WRIT_OPEN_CREATE,
		    WRIT_FD_WRITE, NULL), WRIT_NOTPERM);
		assert_status(w_open(&w, 0, "l/secret", 0, WRIT_FD_READ, NULL),
		    WRIT_NOTPERM);
		assert_status(w_stat_at(&w, 0, "l", WRIT_PATH_FOLLOW, &s),
		    WRIT_NOTPERM);
		assert_status(w_stat_at(&w, 0, "l/", 0, &s), WRIT_NOTPERM);
		assert_status(w_set_times_at(&w, 0, "l", WRIT_PATH_FOLLOW, 1),
		    WRIT_NOTPERM);
		assert_status(w_one(&w, WRIT_FS_MKDIR, 0, "l/new"),
		    WRIT_NOTPERM);
		assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "l/secret"),
		    WRIT_NOTPERM);
		assert_status(w_two(&w, WRIT_FS_RENAME, 0, "file", 0, "l/y"),
		    WRIT_NOTPERM);
		assert_status(w_two(&w, WRIT_FS_LINK, 0, "l/secret", 0, "y"),
		    WRIT_NOTPERM);
		assert_status(w_stat_at(&w, 0, "l", 0, &s), WRIT_OK);
		assert_int_equal(s.type, WRIT_NODE_SYMLINK);
		assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "l"), WRIT_OK);
	}
	assert_true(w_holds(&w, "file", "text"));
	world_release(&w);
}

static void
test_fs_walk__links_out_of_the_grant_are_refused(void **state)
{
	FOR_BOTH(out_of_the_grant);
}

static void
absolute(enum world_kind kind)
{
	struct world w;

	world_init(&w, &(struct world_spec){ .kind = kind });
	assert_status(w_two(&w, WRIT_FS_SYMLINK, 0, "/etc/passwd", 0, "l"),
	    WRIT_NOTPERM);
	assert_status(w_two(&w, WRIT_FS_SYMLINK, 0, "/data/x", 0, "l"),
	    WRIT_NOTPERM);
	assert_status(w_two(&w, WRIT_FS_SYMLINK, 0, "", 0, "l"), WRIT_NOENT);
	assert_status(w_two(&w, WRIT_FS_SYMLINK, 0, "\xff", 0, "l"),
	    WRIT_INVALID);
	assert_false(w_exists(&w, "l"));
	world_release(&w);
}

static void
test_fs_names__absolute_link_text_is_refused(void **state)
{
	FOR_BOTH(absolute);
}

/* Links that the host planted are no better. */
static void
test_fs_walk__planted_links_are_refused(void **state)
{
	static const char *const targets[] = { "/etc/hostname", "/", "../secret",
		"/proc/self/fd/0", "/dev/stdin", "/proc/self/root/etc/passwd" };
	struct world w;
	char path[512], text[256];
	size_t i;

	world_init(&w, &(struct world_spec){ .kind = WORLD_HOST });
	for (i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		assert_int_equal(symlink(targets[i],
		    world_path(&w, "l", path)), 0);
		assert_status(w_open(&w, 0, "l", 0, WRIT_FD_READ, NULL),
		    WRIT_NOTPERM);
		assert_status(w_open(&w, 0, "l/etc/passwd", 0, WRIT_FD_READ,
		    NULL), WRIT_NOTPERM);
		assert_status(w_readlink(&w, 0, "l", text, sizeof(text)),
		    targets[i][0] == '/' ? WRIT_NOTPERM : WRIT_OK);
		assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "l"), WRIT_OK);
	}
	world_release(&w);
}

static void
chains(enum world_kind kind)
{
	struct world w;
	char name[16], text[16];
	int i;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_file(&w, "l0", "end");
	for (i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(text, sizeof(text), "l%d", i - 1);
		w_make_link(&w, text, name);
	}
	assert_true(w_holds(&w, "l40", "end"));
	assert_status(w_open(&w, 0, "l41", 0, WRIT_FD_READ, NULL), WRIT_LOOP);
	w_make_link(&w, "b", "a");
	w_make_link(&w, "a", "b");
	w_make_link(&w, "self", "self");
	w_make_link(&w, "grow/x", "grow");
	assert_status(w_open(&w, 0, "a", 0, WRIT_FD_READ, NULL), WRIT_LOOP);
	assert_status(w_open(&w, 0, "a", WRIT_OPEN_CREATE, WRIT_FD_WRITE, NULL),
	    WRIT_LOOP);
	assert_status(w_open(&w, 0, "self/x", 0, WRIT_FD_READ, NULL), WRIT_LOOP);
	assert_status(w_open(&w, 0, "grow", 0, WRIT_FD_READ, NULL), WRIT_LOOP);
	world_release(&w);
}

static void
test_fs_walk__chains_and_loops_end(void **state)
{
	FOR_BOTH(chains);
}

/* Forty long links in one another: bounded work, not exponential. */
static void
bomb(enum world_kind kind)
{
	struct world w;
	char name[16], text[4096];
	int i, j;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_link(&w, ".", "l0");
	for (i = 1; i <= 20; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		text[0] = 0;
		for (j = 0; j < 10; j++)
			snprintf(text + strlen(text),
			    sizeof(text) - strlen(text), "%sl%d",
			    j ? "/" : "", i - 1);
		w_make_link(&w, text, name);
	}
	assert_status(w_open(&w, 0, "l20", 0, WRIT_FD_READ, NULL), WRIT_LOOP);
	world_release(&w);
}

static void
test_fs_walk__link_bombs_are_bounded(void **state)
{
	FOR_BOTH(bomb);
}

/* A dangling link with CREATE makes its target, inside, or nothing (CVE-2024-38358). */
static void
dangling(enum world_kind kind)
{
	struct world w;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_dir(&w, "d");
	w_make_link(&w, "d/target", "l");
	w_make_link(&w, "d/no/target", "m");
	assert_status(w_open(&w, 0, "l", WRIT_OPEN_CREATE | WRIT_OPEN_EXCLUSIVE,
	    WRIT_FD_WRITE, NULL), WRIT_EXIST);
	assert_false(w_exists(&w, "d/target"));
	assert_status(w_open_nofollow(&w, 0, "l", WRIT_OPEN_CREATE, WRIT_FD_WRITE,
	    NULL), WRIT_LOOP);
	assert_false(w_exists(&w, "d/target"));
	assert_status(w_open(&w, 0, "l", WRIT_OPEN_CREATE, WRIT_FD_WRITE, NULL),
	    WRIT_OK);
	assert_string_equal(w.last, "/data/d/target");
	assert_true(w_exists(&w, "d/target"));
	assert_status(w_open(&w, 0, "m", WRIT_OPEN_CREATE, WRIT_FD_WRITE, NULL),
	    WRIT_NOENT);
	world_release(&w);
}

static void
test_fs_open__create_through_a_dangling_link(void **state)
{
	FOR_BOTH(dangling);
}

static void
link_text(enum world_kind kind)
{
	struct writ_fs_call c = { .what = WRIT_FS_READLINK };
	struct world w;
	char text[64];

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_link(&w, "somewhere/else", "l");
	assert_status(w_readlink(&w, 0, "l", text, sizeof(text)), WRIT_OK);
	assert_string_equal(text, "somewhere/else");
	c.handle = w.root;
	c.path = WRIT_STR("l");
	c.buf = (uint8_t *)text;
	c.len = 5;
	assert_status(writ_fs_run(w.fs, &c), WRIT_OVERFLOW);
	c.len = 0;
	assert_status(writ_fs_run(w.fs, &c), WRIT_OVERFLOW);
	world_release(&w);
}

static void
test_fs_names__readlink_is_whole_or_nothing(void **state)
{
	FOR_BOTH(link_text);
}

static void
hard(enum world_kind kind)
{
	struct world w;
	struct writ_stat a, b;
	uint64_t h;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_file(&w, "a", "one");
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "a", 0, "b"), WRIT_OK);
	assert_status(w_stat_at(&w, 0, "a", 0, &a), WRIT_OK);
	assert_status(w_stat_at(&w, 0, "b", 0, &b), WRIT_OK);
	assert_int_equal(a.links, 2);
	assert_true(a.hash_hi == b.hash_hi && a.hash_lo == b.hash_lo);
	assert_status(w_open(&w, 0, "b", 0, WRIT_FD_WRITE, &h), WRIT_OK);
	assert_status(w_write(&w, h, 0, "two", 3, NULL), WRIT_OK);
	w_close(&w, h);
	assert_true(w_holds(&w, "a", "two"));
	/* rename of one name of a file to another does nothing */
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "a", 0, "b"), WRIT_OK);
	assert_true(w_exists(&w, "a") && w_exists(&w, "b"));
	assert_status(w_one(&w, WRIT_FS_UNLINK, 0, "a"), WRIT_OK);
	assert_true(w_holds(&w, "b", "two"));
	world_release(&w);
}

static void
test_fs_names__hard_links_are_one_file(void **state)
{
	FOR_BOTH(hard);
}

/* A link to a link is to the link itself; following is not offered. */
static void
hard_to_link(enum world_kind kind)
{
	struct writ_fs_call c = { .what = WRIT_FS_LINK,
		.path = WRIT_STR("l"), .path2 = WRIT_STR("l3"),
		.path_flags = WRIT_PATH_FOLLOW };
	struct world w;
	struct writ_stat s;

	world_init(&w, &(struct world_spec){ .kind = kind });
	w_make_link(&w, "../secret", "l");
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "l", 0, "l2"), WRIT_OK);
	assert_status(w_stat_at(&w, 0, "l2", 0, &s), WRIT_OK);
	assert_int_equal(s.type, WRIT_NODE_SYMLINK);
	c.handle = c.handle2 = w.root;
	assert_status(writ_fs_run(w.fs, &c), WRIT_INVALID);
	world_release(&w);
}

static void
test_fs_names__link_takes_the_link_itself(void **state)
{
	FOR_BOTH(hard_to_link);
}

/* Neither bytes nor rights move between two grants (CVE-2026-58494). */
static void
across(enum world_kind kind)
{
	struct writ_fs_mount ro = { .at = WRIT_STR("/ro") },
	    rw = { .at = WRIT_STR("/rw"), .write = true };
	struct world w;
	uint64_t r, q, h;

	world_init(&w, &(struct world_spec){ .kind = kind });
	assert_status(writ_fs_mount(w.fs, &ro, world_store(&w, "root"), &r, NULL),
	    WRIT_OK);
	assert_status(writ_fs_mount(w.fs, &rw, world_store(&w, "other"), &q,
	    NULL), WRIT_OK);
	w_make_file(&w, "f", "safe");
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "f", q, "g"), WRIT_XDEV);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", q, "g"), WRIT_XDEV);
	assert_status(w_two(&w, WRIT_FS_LINK, r, "f", q, "g"), WRIT_ROFS);
	assert_status(w_two(&w, WRIT_FS_RENAME, r, "f", q, "g"), WRIT_ROFS);
	assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", r, "g"), WRIT_ROFS);
	assert_status(w_two(&w, WRIT_FS_LINK, 0, "f", r, "g"), WRIT_ROFS);
	assert_status(w_open(&w, q, "g", 0, WRIT_FD_WRITE, &h), WRIT_NOENT);
	assert_true(w_holds(&w, "f", "safe"));
	world_release(&w);
}

static void
test_fs_names__nothing_moves_between_mounts(void **state)
{
	FOR_BOTH(across);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_walk__links_out_of_the_grant_are_refused),
		cmocka_unit_test(test_fs_names__absolute_link_text_is_refused),
		cmocka_unit_test(test_fs_walk__planted_links_are_refused),
		cmocka_unit_test(test_fs_walk__chains_and_loops_end),
		cmocka_unit_test(test_fs_walk__link_bombs_are_bounded),
		cmocka_unit_test(test_fs_open__create_through_a_dangling_link),
		cmocka_unit_test(test_fs_names__readlink_is_whole_or_nothing),
		cmocka_unit_test(test_fs_names__hard_links_are_one_file),
		cmocka_unit_test(test_fs_names__link_takes_the_link_itself),
		cmocka_unit_test(test_fs_names__nothing_moves_between_mounts),
	};

	return cmocka_run_group_tests_name("fs links", tests, NULL, NULL);
}
