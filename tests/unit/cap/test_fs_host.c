/* What only a host directory can do: FSL-06 to FSL-13, FSP-12, FSQ-10. */
#include "fs_world.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cap/fs_host.h"

static void
host_init(struct world *w)
{
	world_init(w, &(struct world_spec){ .kind = WORLD_HOST });
}

static void
test_fs_host__root_is_a_directory_itself(void **state)
{
	static const struct {
		const char *path;
		enum writ_status want;
	} cases[] = {
		{ "dir", WRIT_OK }, { "dir/", WRIT_OK }, { "dir///", WRIT_OK },
		{ "dir/.", WRIT_OK }, { "dir/./", WRIT_OK },
		{ "link", WRIT_LOOP }, { "link/", WRIT_LOOP },
		{ "link//.//", WRIT_LOOP }, { "link/./.", WRIT_LOOP },
		{ "file", WRIT_NOTDIR }, { "none", WRIT_NOENT },
		{ "file/x", WRIT_NOTDIR }, { "gone", WRIT_LOOP },
	};
	struct world w;
	char path[512], full[600];
	size_t i;

	host_init(&w);
	w_make_dir(&w, "dir");
	w_make_file(&w, "file", "");
	w_make_link(&w, "dir", "link");
	w_make_link(&w, "missing", "gone");
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct writ_err err = { 0 };
		int fd = -1;

		snprintf(full, sizeof(full), "%s/%s", world_path(&w, "", path),
		    cases[i].path);
		assert_status(writ_fs_host_root(full, &fd, &err), cases[i].want);
		assert_int_equal(fd >= 0, cases[i].want == WRIT_OK);
		assert_int_equal(err.msg[0] != 0, cases[i].want != WRIT_OK);
		if (fd >= 0)
			close(fd);
	}
	world_release(&w);
}

static void
test_fs_host__root_must_be_a_directory(void **state)
{
	struct writ_fs_store store;
	struct writ_err err = { 0 };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_status(writ_fs_host_new(fd, &store, &err), WRIT_NOTDIR);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_status(writ_fs_host_root("", &fd, &err), WRIT_INVALID);
}

/* FSL-09, FSL-10, FSL-07: the grant is the inode, not its name. */
static void
test_fs_host__the_grant_is_the_inode(void **state)
{
	struct world w;
	char root[512], moved[512], path[600];

	host_init(&w);
	w_make_dir(&w, "d");
	w_make_file(&w, "f", "mine");
	snprintf(root, sizeof(root), "%s/root", w.base);
	snprintf(moved, sizeof(moved), "%s/moved", w.base);
	assert_int_equal(rename(root, moved), 0);
	assert_int_equal(symlink("root-evil", root), 0);
	assert_true(w_holds(&w, "f", "mine"));
	assert_status(w_open(&w, 0, "x", 0, WRIT_FD_READ, NULL), WRIT_NOENT);
	assert_status(w_open(&w, 0, "d/../../secret", 0, WRIT_FD_READ, NULL),
	    WRIT_NOTPERM);
	w_make_file(&w, "new", "n");
	snprintf(path, sizeof(path), "%s/new", moved);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/root-evil/new", w.base);
	assert_int_equal(access(path, F_OK), -1);
	world_release(&w);
}

/* A handle keeps its directory when the host moves it; ".." leads nowhere else. */
static void
test_fs_host__a_moved_directory_stays_confined(void **state)
{
	struct world w;
	char from[512], to[600];
	uint64_t d;

	host_init(&w);
	w_make_dir(&w, "a");
	w_make_dir(&w, "a/b");
	w_make_file(&w, "a/b/f", "f");
	assert_status(w_open(&w, 0, "a/b", 0, WRIT_FD_READ, &d), WRIT_OK);
	snprintf(to, sizeof(to), "%s/out", w.base);
	assert_int_equal(rename(world_path(&w, "a/b", from), to), 0);
	assert_status(w_open(&w, d, "f", 0, WRIT_FD_READ, NULL), WRIT_OK);
	assert_status(w_open(&w, d, "../secret", 0, WRIT_FD_READ, NULL),
	    WRIT_NOTPERM);
	assert_status(w_open(&w, d, "..", 0, WRIT_FD_READ, NULL), WRIT_NOTPERM);
	world_release(&w);
}

static void
plant_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(s >= 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	close(s);
}

/* FSL-12, FSP-12: neither opened nor waited for, nor touched in any way. */
static void
test_fs_host__special_files_are_refused(void **state)
{
	static const char *const names[] = { "fifo", "sock", "null" };
	struct writ_stat s;
	struct world w;
	char path[512];
	size_t i;

	host_init(&w);
	assert_int_equal(mkfifo(world_path(&w, "fifo", path), 0600), 0);
	plant_socket(world_path(&w, "sock", path));
	w_make_file(&w, "f", "f");
	for (i = 0; i < 3; i++) {
		const char *n = names[i];

		if (i == 2 && mknod(world_path(&w, "null", path), S_IFCHR | 0666,
		    makedev(1, 3)))
			break;	/* takes root */
		assert_status(w_open(&w, 0, n, 0, WRIT_FD_READ, NULL),
		    WRIT_DENIED);
		assert_status(w_open(&w, 0, n, 0, WRIT_FD_WRITE, NULL),
		    WRIT_DENIED);
		assert_status(w_open(&w, 0, n, WRIT_OPEN_CREATE, 3, NULL),
		    WRIT_DENIED);
		assert_status(w_open(&w, 0, n, WRIT_OPEN_TRUNCATE, 3, NULL),
		    WRIT_DENIED);
		assert_status(w_stat_at(&w, 0, n, 0, &s), WRIT_DENIED);
		assert_status(w_one(&w, WRIT_FS_UNLINK, 0, n), WRIT_DENIED);
		assert_status(w_set_times_at(&w, 0, n, 0, 1), WRIT_DENIED);
		assert_status(w_two(&w, WRIT_FS_RENAME, 0, n, 0, "x"),
		    WRIT_DENIED);
		assert_status(w_two(&w, WRIT_FS_RENAME, 0, "f", 0, n),
		    WRIT_DENIED);
		assert_status(w_two(&w, WRIT_FS_LINK, 0, n, 0, "x"), WRIT_DENIED);
		assert_int_equal(access(world_path(&w, n, path), F_OK), 0);
	}
	world_release(&w);
}

/* FSQ-10: what is made is plain. */
static void
test_fs_host__modes_are_plain(void **state)
{
	struct world w;
	struct stat sb;
	char path[512];
	mode_t old = umask(0);

	host_init(&w);
	w_make_file(&w, "f", "x");
	w_make_dir(&w, "d");
	assert_int_equal(stat(world_path(&w, "f", path), &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0644);
	assert_int_equal(stat(world_path(&w, "d", path), &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0755);
	umask(077);
	w_make_file(&w, "g", "x");
	assert_int_equal(stat(world_path(&w, "g", path), &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	umask(old);
	world_release(&w);
}

struct swapper {
	char a[512], b[512], c[512];
	atomic_bool stop;
	unsigned long swaps;
};

static void *
swap(void *arg)
{
	struct swapper *s = arg;

	while (!atomic_load(&s->stop)) {
		if (rename(s->a, s->c) || rename(s->b, s->a) ||
		    rename(s->a, s->b) || rename(s->c, s->a))
			break;
		s->swaps++;
		if (s->swaps % 16 == 0)
			usleep(50);	/* let the walker see the directory too */
	}
	return NULL;
}

/* FSL-08: a directory becomes a link out, over and over, while it is walked. */
static void
test_fs_host__swapped_directories_never_lead_out(void **state)
{
	struct swapper s = { .stop = false };
	struct world w;
	pthread_t thread;
	unsigned i, inside = 0;
	char text[64], path[512];
	uint64_t h;
	size_t n;
	enum writ_status st;

	host_init(&w);
	w_make_dir(&w, "dir");
	w_make_file(&w, "dir/secret", "inside");
	w_make_dir(&w, "dir/y");
	w_make_file(&w, "dir/x", "inside");
	assert_int_equal(symlink("../root-evil", world_path(&w, "evil", path)),
	    0);
	world_path(&w, "dir", s.a);
	world_path(&w, "evil", s.b);
	world_path(&w, "kept", s.c);
	assert_int_equal(pthread_create(&thread, NULL, swap, &s), 0);
	for (i = 0; i < 20000; i++) {
		st = w_open(&w, 0, i % 2 ? "dir/x" : "dir/./y/../x", 0,
		    WRIT_FD_READ, &h);
		if (st == WRIT_OK) {
			memset(text, 0, sizeof(text));
			assert_status(w_read(&w, h, 0, text, sizeof(text) - 1,
			    &n), WRIT_OK);
			assert_string_equal(text, "inside");
			w_close(&w, h);
			inside++;
		} else if (st != WRIT_NOENT && st != WRIT_NOTPERM &&
		    st != WRIT_LOOP) {
			fail_msg("%s", writ_status_name(st));
		}
		st = w_open(&w, 0, "dir/made", WRIT_OPEN_CREATE |
		    WRIT_OPEN_TRUNCATE, WRIT_FD_WRITE, &h);
		if (st == WRIT_OK)
			w_close(&w, h);
		w_one(&w, WRIT_FS_UNLINK, 0, "dir/made");
		w_one(&w, WRIT_FS_UNLINK, 0, "dir/../root-evil/x");
	}
	atomic_store(&s.stop, true);
	pthread_join(thread, NULL);
	if (inside <= 100)
		fail_msg("inside %u of %u, %lu swaps", inside, i, s.swaps);
	assert_true(s.swaps > 100);
	snprintf(path, sizeof(path), "%s/root-evil/x", w.base);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/root-evil/made", w.base);
	assert_int_equal(access(path, F_OK), -1);
	world_release(&w);
}

/* FSL-13, in a mount namespace of its own; 77: the kernel does not let us. */
static int
mounted_inside(const struct world *w, bool bind)
{
	char path[512], outer[512];

	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 77;
	world_path(w, "mnt", path);
	snprintf(outer, sizeof(outer), "%s/root-evil", w->base);
	if (bind ? mount(outer, path, NULL, MS_BIND, NULL) :
	    mount("tmpfs", path, "tmpfs", 0, NULL))
		return 77;
	return 0;
}

static int
probe_mount(struct world *w, bool bind)
{
	struct writ_fs_mount spec = { .at = WRIT_STR("/again"), .write = true };
	struct writ_stat s;
	int r = mounted_inside(w, bind);

	if (r)
		return r;
	/* a root opened in this namespace, where the mount is */
	if (writ_fs_mount(w->fs, &spec, world_store(w, "root"), &w->root, NULL) !=
	    WRIT_OK)
		return 3;
	if (w_open(w, 0, "mnt", 0, WRIT_FD_READ, NULL) != WRIT_DENIED ||
	    w_open(w, 0, "mnt/x", 0, WRIT_FD_READ, NULL) != WRIT_DENIED ||
	    w_open(w, 0, "d/../mnt/x", 0, WRIT_FD_READ, NULL) != WRIT_DENIED ||
	    w_open(w, 0, "l/x", 0, WRIT_FD_READ, NULL) != WRIT_DENIED ||
	    w_open(w, 0, "mnt/n", WRIT_OPEN_CREATE, 2, NULL) != WRIT_DENIED)
		return 1;
	if (w_stat_at(w, 0, "mnt", 0, &s) != WRIT_DENIED ||
	    w_stat_at(w, 0, "mnt/x", 0, &s) != WRIT_DENIED ||
	    w_one(w, WRIT_FS_MKDIR, 0, "mnt/n") != WRIT_DENIED ||
	    w_one(w, WRIT_FS_UNLINK, 0, "mnt/x") != WRIT_DENIED ||
	    w_one(w, WRIT_FS_RMDIR, 0, "mnt") != WRIT_DENIED ||
	    w_two(w, WRIT_FS_RENAME, 0, "mnt/x", 0, "x") != WRIT_DENIED ||
	    w_two(w, WRIT_FS_RENAME, 0, "mnt", 0, "x") != WRIT_DENIED ||
	    w_two(w, WRIT_FS_LINK, 0, "mnt/x", 0, "x") != WRIT_DENIED)
		return 2;
	return 0;
}

static void
test_fs_host__other_file_systems_are_not_entered(void **state)
{
	struct world w;
	int i, status, skipped = 0;

	host_init(&w);
	w_make_dir(&w, "mnt");
	w_make_dir(&w, "d");
	w_make_link(&w, "mnt", "l");
	for (i = 0; i < 2; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(probe_mount(&w, i == 0));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77)
			skipped++;
		else
			assert_int_equal(WEXITSTATUS(status), 0);
	}
	world_release(&w);
	if (skipped)
		skip();
}

static void
test_fs_host__descriptors_carry_exactly_the_rights(void **state)
{
	static const struct {
		unsigned of, ff;
		enum writ_status want;
		int mode;
	} cases[] = {
		{ 0, WRIT_FD_READ, WRIT_OK, O_RDONLY },
		{ 0, WRIT_FD_WRITE, WRIT_OK, O_WRONLY },
		{ 0, WRIT_FD_READ | WRIT_FD_WRITE, WRIT_OK, O_RDWR },
		{ 0, 0, WRIT_BADF, 0 },
		{ WRIT_OPEN_TRUNCATE, WRIT_FD_READ, WRIT_OK, O_RDONLY },
		{ WRIT_OPEN_CREATE, WRIT_FD_READ, WRIT_OK, O_RDONLY },
		{ 0, WRIT_FD_WRITE | WRIT_FD_FILE_SYNC, WRIT_UNSUPPORTED, 0 },
	};
	struct world w;
	uint64_t h;
	size_t i;
	int fd, flags;

	host_init(&w);
	w_make_file(&w, "f", "text");
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fd = flags = -1;
		assert_status(w_open(&w, 0, "f", cases[i].of, cases[i].ff, &h),
		    WRIT_OK);
		assert_status(writ_fs_fd(w.fs, h, &fd, &flags), cases[i].want);
		if (cases[i].want == WRIT_OK) {
			assert_int_equal(flags, cases[i].mode);
			assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE,
			    cases[i].mode);
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		} else {
			assert_int_equal(fd, -1);
		}
		w_close(&w, h);
		/* It was the handle's own. */
		assert_int_equal(fcntl(fd, F_GETFD), -1);
		assert_status(writ_fs_fd(w.fs, h, &fd, &flags), WRIT_BADF);
	}
	assert_status(writ_fs_fd(w.fs, w.root, &fd, &flags), WRIT_UNSUPPORTED);
	world_release(&w);
	world_init(&w, &(struct world_spec){ .kind = WORLD_HOST,
	    .quota_bytes = 100 });
	w_make_file(&w, "f", "text");
	assert_status(w_open(&w, 0, "f", 0, WRIT_FD_WRITE, &h), WRIT_OK);
	assert_status(writ_fs_fd(w.fs, h, &fd, &flags), WRIT_UNSUPPORTED);
	world_release(&w);
	world_init(&w, &(struct world_spec){ .kind = WORLD_MEMORY });
	w_make_file(&w, "f", "text");
	assert_status(w_open(&w, 0, "f", 0, WRIT_FD_READ, &h), WRIT_OK);
	assert_status(writ_fs_fd(w.fs, h, &fd, &flags), WRIT_UNSUPPORTED);
	world_release(&w);
}

static int
count_fds(void)
{
	int i, n = 0;

	for (i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

/* Whatever fails or is closed leaves no descriptor behind (FAILURES A9). */
static void
test_fs_host__no_descriptor_leaks(void **state)
{
	struct world w;
	int before, i;
	struct writ_stat s;

	host_init(&w);
	w_make_dir(&w, "d");
	w_make_dir(&w, "d/e");
	w_make_file(&w, "d/e/f", "x");
	w_make_link(&w, "d/e", "l");
	before = count_fds();
	for (i = 0; i < 200; i++) {
		w_open(&w, 0, "l/f", 0, 3, NULL);
		w_open(&w, 0, "l/none/x", 0, 3, NULL);
		w_open(&w, 0, "l/f", WRIT_OPEN_DIRECTORY, 1, NULL);
		w_open(&w, 0, "l/f", WRIT_OPEN_TRUNCATE, 1, NULL);
		w_open(&w, 0, "d", 0, 1, NULL);
		w_stat_at(&w, 0, "d/e/../e/f", 0, &s);
		w_two(&w, WRIT_FS_RENAME, 0, "d/e/f", 0, "d/g");
		w_two(&w, WRIT_FS_RENAME, 0, "d/g", 0, "d/e/f");
		w_two(&w, WRIT_FS_RENAME, 0, "d", 0, "d2");
		w_two(&w, WRIT_FS_RENAME, 0, "d2", 0, "d");
		w_two(&w, WRIT_FS_LINK, 0, "d/e/f", 0, "d/none/f");
		w_one(&w, WRIT_FS_RMDIR, 0, "d/e");
		w_one(&w, WRIT_FS_MKDIR, 0, "d/e");
		w_one(&w, WRIT_FS_UNLINK, 0, "d/e/none");
	}
	assert_int_equal(count_fds(), before);
	world_release(&w);
}

/* Host permissions still count; the guest hears no more than "refused". */
static void
test_fs_host__permissions_of_the_host_count(void **state)
{
	struct world w;
	char path[512];

	host_init(&w);
	w_make_file(&w, "f", "x");
	assert_int_equal(chmod(world_path(&w, "f", path), 0), 0);
	if (geteuid() == 0)
		assert_true(w_holds(&w, "f", "x"));
	else
		assert_status(w_open(&w, 0, "f", 0, WRIT_FD_READ, NULL),
		    WRIT_DENIED);
	world_release(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fs_host__root_is_a_directory_itself),
		cmocka_unit_test(test_fs_host__root_must_be_a_directory),
		cmocka_unit_test(test_fs_host__the_grant_is_the_inode),
		cmocka_unit_test(test_fs_host__a_moved_directory_stays_confined),
		cmocka_unit_test(test_fs_host__special_files_are_refused),
		cmocka_unit_test(test_fs_host__modes_are_plain),
		cmocka_unit_test(test_fs_host__swapped_directories_never_lead_out),
		cmocka_unit_test(test_fs_host__other_file_systems_are_not_entered),
		cmocka_unit_test(
		    test_fs_host__descriptors_carry_exactly_the_rights),
		cmocka_unit_test(test_fs_host__no_descriptor_leaks),
		cmocka_unit_test(test_fs_host__permissions_of_the_host_count),
	};

	return cmocka_run_group_tests_name("fs host", tests, NULL, NULL);
}
