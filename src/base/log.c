/* log.c - see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define LOG_LINE_MAX 1024

/* On the stack and without allocation: logging must work when memory is gone. */
void
writ_logf(const struct writ_log *log, enum writ_log_level level,
    const char *fmt, ...)
{
	char raw[LOG_LINE_MAX + 1], line[LOG_LINE_MAX], form[WRIT_STR_SHOWN_MAX];
	struct writ_str rest;
	size_t len = 0, n;
	va_list ap;

	if (!log || !log->emit || level > log->level)
		return;
	va_start(ap, fmt);
	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		raw[0] = '\0';
	va_end(ap);
	rest = writ_str_from(raw);
	while (rest.len) {
		rest = writ_str_skip(rest,
		    writ_str_shown(rest, false, form, &n));
		if (n > sizeof(line) - len)
			break;
		memcpy(line + len, form, n);
		len += n;
	}
	log->emit(log->ctx, level, writ_str(line, len));
}
