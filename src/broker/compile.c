#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "broker/compile.h"
#include "broker/child.h"
#include "jail/jail.h"

#define QUIET_MS 500

static enum writ_status
start(const struct writ_compile *c, const int fds[3], bool code,
    struct writ_child *child, struct writ_err *err)
{
	struct writ_spawn spec = { .program = c->program, .fds_count = 3 };
	struct writ_jail_args args;

	writ_jail_args(c->without_walls, &args);
	memcpy(spec.fds, fds, 3 * sizeof(int));
	spec.args[0] = args.walls;
	spec.args[1] = args.uid;
	spec.args[2] = args.gid;
	spec.args[3] = code ? "compile" : "describe";
	return writ_spawn(&spec, child, err);
}

/* Wait for its end, or for somebody to cancel; say so when it becomes long. */
static enum writ_status
wait_child(const struct writ_compile *c, struct writ_child *child, int *status)
{
	struct pollfd p[2] = { { child->pidfd, POLLIN, 0 },
		{ c->cancel_fd, POLLIN, 0 } };
	int n, left = WRIT_COMPILE_MS_MAX, step = QUIET_MS;

	while (left > 0) {
		n = poll(p, 2, step);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != 0)
			break;
		if (c->progress && step == QUIET_MS)
			c->progress(c->ctx, "compiling");
		left -= step;
		step = left;
	}
	if (p[0].revents)
		return writ_child_wait(child, WRIT_COMPILE_MS_MAX, status);
	writ_child_end(child, status);
	return p[1].revents ? WRIT_CANCELLED : WRIT_LIMIT;
}

/* The compiler ends with 0, or with a status and its sentence in the text. */
static enum writ_status
judge(enum writ_status waited, int status, const struct writ_bytes *text,
    struct writ_err *err)
{
	char words[96], line[256] = "";
	size_t n = text->len < sizeof(line) - 1 ? text->len : sizeof(line) - 1;

	if (waited == WRIT_CANCELLED)
		return writ_fail(err, waited, "cancelled while compiling");
	if (waited == WRIT_LIMIT)
		return writ_fail(err, WRIT_LIMIT,
		    "compiling took more than %d s", WRIT_COMPILE_MS_MAX / 1000);
	if (n)
		memcpy(line, text->ptr, n);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return WRIT_OK;
	if (WIFEXITED(status) && n)
		switch (WEXITSTATUS(status)) {
		case WRIT_INVALID:
			return writ_fail(err, WRIT_INVALID, "%s", line);
		case WRIT_UNSUPPORTED:
			return writ_fail(err, WRIT_UNSUPPORTED, "%s", line);
		default:
			return writ_fail(err, WRIT_IO, "compiler: %s", line);
		}
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU ||
	    WTERMSIG(status) == SIGXFSZ || WTERMSIG(status) == SIGABRT))
		return writ_fail(err, WRIT_LIMIT, "compiling needed more than "
		    "the compiler may use (memory, time or size)");
	writ_child_words(status, words, sizeof(words));
	return writ_fail(err, WRIT_IO, "the compiler %s", words);
}

enum writ_status
writ_compile(const struct writ_compile *c, const struct writ_bytes *wasm,
    struct writ_bytes *code, struct writ_bytes *text, struct writ_err *err)
{
	writ_auto_fd code_fd = -1, text_fd = -1;
	writ_auto_release(writ_bytes) said = WRIT_BYTES_NONE;
	struct writ_child child = { 0, -1 };
	enum writ_status st, waited;
	int status = 0;

	st = writ_bytes_new(&code_fd, err);
	if (st == WRIT_OK)
		st = writ_bytes_new(&text_fd, err);
	if (st == WRIT_OK)
		st = start(c, (int[3]){ wasm->fd, code_fd, text_fd },
		    code != NULL, &child, err);
	if (st != WRIT_OK)
		return st;
	waited = wait_child(c, &child, &status);
	st = writ_bytes_seal(writ_steal_fd(&text_fd), WRIT_DESCRIBE_MAX, &said,
	    err);
	if (st == WRIT_OK)
		st = judge(waited, status, &said, err);
	if (st == WRIT_OK && code)
		st = writ_bytes_seal(writ_steal_fd(&code_fd), WRIT_CODE_MAX,
		    code, err);
	if (st != WRIT_OK)
		return st;
	*text = said;
	said = WRIT_BYTES_NONE;
	return WRIT_OK;
}
