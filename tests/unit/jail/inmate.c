#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "inmate.h"

struct shared *
inmate_shared(void)
{
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(sh, MAP_FAILED);
	return sh;
}

void
inmate_unshare(struct shared *sh)
{
	munmap(sh, sizeof(*sh));
}

static void
note(struct shared *sh, enum writ_status st, const struct writ_err *err)
{
	sh->status = (int)st;
	memcpy(sh->why, err->msg, sizeof(sh->why));
}

static void
live(const struct inmate *in, struct shared *sh)
{
	struct writ_err err = { WRIT_OK, "" };
	struct writ_jail_args a;
	char name[] = "inmate";
	char *argv[] = { name, a.walls, a.uid, a.gid, NULL };
	enum writ_status st;

	writ_jail_args(in->without, &a);
	st = writ_jail_child_args(4, argv, in->role, &err);
	note(sh, st, &err);
	if (st != WRIT_OK)
		return;
	sh->began = 1;
	if (!in->begin_only) {
		st = writ_jail_lock(in->role, in->without, &sh->walls, &err);
		note(sh, st, &err);
		if (st != WRIT_OK)
			return;
		sh->locked = 1;
	}
	errno = 0;
	sh->ret = in->act(sh, in->ctx);
	sh->err = errno;
	sh->done = 1;
}

pid_t
inmate_start(const struct inmate *in, struct shared *sh)
{
	int pair[2];
	pid_t pid;

	memset(sh, 0, offsetof(struct shared, secret));
	fflush(NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(in->fd >= 0 ? in->fd : pair[1], 3);
		live(in, sh);
		_exit(0);
	}
	close(pair[0]);
	close(pair[1]);
	return pid;
}

int
inmate_wait(pid_t pid)
{
	int i, status = 0;

	for (i = 0; i < 10000; i++) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		assert_true(got >= 0);
		if (got == pid)
			return status;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	fail_msg("the child did not end");
	return -1;
}

int
inmate_run(const struct inmate *in, struct shared *sh)
{
	return inmate_wait(inmate_start(in, sh));
}

void
assert_sigsys(int status)
{
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

void
assert_refused(int status, const struct shared *sh, int err)
{
	assert_string_equal(sh->why, "");
	assert_true(WIFEXITED(status) && sh->done);
	assert_int_equal(sh->ret, -1);
	assert_int_equal(sh->err, err);
}

void
assert_done(int status, const struct shared *sh)
{
	assert_string_equal(sh->why, "");
	assert_true(WIFEXITED(status) && sh->done);
	assert_true(sh->ret >= 0);
}

void
inmate_mkdir(char path[64])
{
	memcpy(path, "/tmp/writ-jail-XXXXXX", sizeof("/tmp/writ-jail-XXXXXX"));
	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0777), 0);
}

void
inmate_rmdir(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

char *
inmate_field(const char *status, const char *name, char out[256])
{
	const char *at = strstr(status, name), *end;
	size_t n;

	if (!at)
		return NULL;
	at += strlen(name);
	while (*at == ' ' || *at == '\t')
		at++;
	end = strchr(at, '\n');
	n = end ? (size_t)(end - at) : strlen(at);
	if (n > 255)
		n = 255;
	memcpy(out, at, n);
	out[n] = '\0';
	return out;
}

long
inmate_slurp(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, cap - 1);
	buf[n > 0 ? n : 0] = '\0';
	close(fd);
	return n;
}
