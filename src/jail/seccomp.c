#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>

#include "jail/calls.h"
#include "jail/parts.h"

bool
writ_jail_seccomp_offer(char *what, size_t cap)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;
	const char *sanitizers = writ_jail_sanitize_name();

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)) {
		snprintf(what, cap, "this kernel cannot filter system calls");
		return false;
	}
	if (sanitizers) {
		snprintf(what, cap, "WIDENED: a build with sanitizers (%s), for "
		    "tests alone; its list of system calls is longer",
		    sanitizers);
		return true;
	}
	snprintf(what, cap, "a system call outside a short list kills the "
	    "process; nothing opens, connects, executes or starts processes");
	return true;
}

static int
add(scmp_filter_ctx ctx, const struct writ_call_row *row)
{
	struct scmp_arg_cmp cmp[WRIT_CALL_ARGS];
	int nr = seccomp_syscall_resolve_name(row->name);
	unsigned i;

	if (nr == __NR_SCMP_ERROR)
		return -ENOSYS;
	for (i = 0; i < row->count; i++) {
		uint64_t value = row->only[i].value;

		if (value == WRIT_CALL_SELF)
			value = (uint64_t)getpid();
		cmp[i] = SCMP_CMP64(row->only[i].arg, SCMP_CMP_MASKED_EQ,
		    row->only[i].mask, value);
	}
	return seccomp_rule_add_array(ctx, row->answer == 0 ? SCMP_ACT_ALLOW :
	    SCMP_ACT_ERRNO(row->answer == WRIT_CALL_NOTHING ? 0 :
	    (unsigned)row->answer), nr, row->count, cmp);
}

static int
build(scmp_filter_ctx ctx, unsigned who)
{
	const struct writ_call_row *row;
	size_t i;
	int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);

	if (!rc)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!rc)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	for (i = 0; !rc && (row = writ_jail_call_at(i)); i++)
		if (row->who & who)
			rc = add(ctx, row);
	return rc;
}

enum writ_status
writ_jail_seccomp_apply(enum writ_jail_role role, struct writ_err *err)
{
	static const unsigned who[] = {
		[WRIT_JAIL_WORKER] = WRIT_CALL_WORKER,
		[WRIT_JAIL_COMPILER] = WRIT_CALL_COMPILER,
		[WRIT_JAIL_FRONT] = WRIT_CALL_FRONT,
		[WRIT_JAIL_NET] = WRIT_CALL_NET,
		[WRIT_JAIL_SERVE] = WRIT_CALL_WORKER | WRIT_CALL_SERVE,
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc;

	if (!ctx)
		return writ_fail(err, WRIT_NOMEM, "wall seccomp: no memory");
	rc = build(ctx, who[role]);
	writ_jail_sanitize_shut();
	if (!rc)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc)
		return writ_fail(err, WRIT_IO, "wall seccomp: %s",
		    strerror(rc < 0 ? -rc : rc));
	return WRIT_OK;
}
