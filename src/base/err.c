/* err.c - see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const status_names[] = {
	[WRIT_OK] = "ok",
	[WRIT_AGAIN] = "again",
	[WRIT_PENDING] = "pending",
	[WRIT_DENIED] = "denied",
	[WRIT_NOENT] = "noent",
	[WRIT_EXIST] = "exist",
	[WRIT_LIMIT] = "limit",
	[WRIT_INVALID] = "invalid",
	[WRIT_UNSUPPORTED] = "unsupported",
	[WRIT_IO] = "io",
	[WRIT_NOMEM] = "nomem",
	[WRIT_CLOSED] = "closed",
	[WRIT_CANCELLED] = "cancelled",
	[WRIT_UNKNOWN] = "unknown",
	[WRIT_NOTDIR] = "notdir",
	[WRIT_ISDIR] = "isdir",
	[WRIT_NOTEMPTY] = "notempty",
	[WRIT_LOOP] = "loop",
	[WRIT_NAMETOOLONG] = "nametoolong",
	[WRIT_BADF] = "badf",
	[WRIT_XDEV] = "xdev",
	[WRIT_NOSPC] = "nospc",
	[WRIT_ROFS] = "rofs",
	[WRIT_BUSY] = "busy",
	[WRIT_NOTSYMLINK] = "notsymlink",
	[WRIT_OVERFLOW] = "overflow",
	[WRIT_TRAP] = "trap",
	[WRIT_PROTO] = "proto",
	[WRIT_NOTPERM] = "notperm",
};

const char *
writ_status_name(enum writ_status st)
{
	size_t i = (size_t)st;

	if (i >= sizeof(status_names) / sizeof(*status_names) ||
	    !status_names[i])
		return "?";
	return status_names[i];
}

static void
clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

/* Through a copy: the arguments may point into err->msg itself. */
static void
set_msg(struct writ_err *err, const char *msg)
{
	size_t n = strnlen(msg, WRIT_ERR_MSG_MAX - 1);

	memcpy(err->msg, msg, n);
	err->msg[n] = '\0';
	clean(err->msg);
}

enum writ_status
writ_fail(struct writ_err *err, enum writ_status st, const char *fmt, ...)
{
	char msg[WRIT_ERR_MSG_MAX];
	int saved = errno;
	va_list ap;

	if (!err)
		return st;
	va_start(ap, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		msg[0] = '\0';
	va_end(ap);
	set_msg(err, msg);
	err->status = st;
	errno = saved;
	return st;
}

enum writ_status
writ_fail_in(struct writ_err *err, enum writ_status st, const char *fmt, ...)
{
	char msg[WRIT_ERR_MSG_MAX];
	int saved = errno, n;
	size_t used, rest;
	va_list ap;

	if (!err)
		return st;
	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n;
	if (used < sizeof(msg) - 3) {
		memcpy(msg + used, ": ", 2);
		used += 2;
		rest = strnlen(err->msg, sizeof(msg) - 1 - used);
		memcpy(msg + used, err->msg, rest);
		msg[used + rest] = '\0';
	}
	set_msg(err, msg);
	err->status = st;
	errno = saved;
	return st;
}

static void
say(const char *s)
{
	/* Nothing is left to do when even this fails. */
	if (write(STDERR_FILENO, s, strlen(s)) < 0)
		return;
}

void
writ_bug(const char *file, int line, const char *why)
{
	char digits[16], *p = digits + sizeof(digits) - 1;
	unsigned n = line < 0 ? 0 : (unsigned)line;

	/* No stdio: this may run in a jail, on a small stack, out of memory. */
	*p = '\0';
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	say("writ: bug at ");
	say(file);
	say(":");
	say(p);
	say(": ");
	say(why);
	say("\n");
	abort();
}
