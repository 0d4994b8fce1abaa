#include "jail/parts.h"

#ifdef WRIT_SANITIZE
/* Options are compiled in: a jailed program has no environment.  The run-times know these names
 * and call them before main, so nothing here is instrumented or declared in a header of ours.
 *
 * A finding ends the program by SIGABRT, never with a status that a guest could have.  The fake
 * stack of use-after-return does not follow the engine's fibers.  The engine's handlers for
 * faults of guests come before the run-time's, which they chain to.  Colours would ask what kind
 * of file 2 is, and a stack trace of UBSan's would read /proc: its file and line must do. */
#define EARLY __attribute__((no_sanitize("address", "undefined", "thread")))

const char *__asan_default_options(void);
const char *__lsan_default_options(void);
const char *__ubsan_default_options(void);
const char *__tsan_default_options(void);
int __lsan_is_turned_off(void);

EARLY const char *
__asan_default_options(void)
{
	return "abort_on_error=1:color=never:detect_stack_use_after_return=0:"
	    "allow_user_segv_handler=1:strict_string_checks=1:"
	    "detect_stack_use_after_scope=1";
}

EARLY const char *
__lsan_default_options(void)
{
	return "exitcode=99";
}

EARLY const char *
__ubsan_default_options(void)
{
	return "abort_on_error=1:color=never:print_stacktrace=0";
}

EARLY const char *
__tsan_default_options(void)
{
	return "abort_on_error=1:color=never:halt_on_error=1:"
	    "report_signal_unsafe=0";
}

/* Looking for leaks needs a process and ptrace: not behind the filter. */
static int behind;

EARLY int
__lsan_is_turned_off(void)
{
	return behind;
}

void
writ_jail_sanitize_shut(void)
{
	behind = 1;
}

const char *
writ_jail_sanitize_name(void)
{
	return WRIT_SANITIZE;
}
#else
void
writ_jail_sanitize_shut(void)
{
}

const char *
writ_jail_sanitize_name(void)
{
	return NULL;
}
#endif
