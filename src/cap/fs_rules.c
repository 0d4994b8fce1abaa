/* fs_rules.c - rules as data; see fs_front.h. */
#include "cap/fs_front.h"

/* The pattern matches the place or one of the directories it lies in. */
static bool
covers(const struct writ_fs_rules *rules, const char *pattern, struct writ_str path)
{
	struct writ_str p = writ_str_from(pattern);
	size_t n = path.len;

	while (n) {
		if (rules->matches(p, writ_str(path.ptr, n)))
			return true;
		do
			n--;
		while (n && path.ptr[n] != '/');
	}
	return path.len > 1 && rules->matches(p, WRIT_STR("/"));
}

enum writ_status
writ_fs_rules_judge(void *ctx, const struct writ_fs_judged *judged)
{
	const struct writ_fs_rules *rules = ctx;
	const char *which;
	size_t i;

	for (i = 0; i < rules->deny_count; i++) {
		if (rules->deny[i].write_only && !judged->write)
			continue;
		if (!rules->matches ||
		    covers(rules, rules->deny[i].pattern, judged->path))
			return WRIT_DENIED;
	}
	if (judged->write && rules->is_protected &&
	    rules->is_protected(judged->path, rules->opened, &which))
		return WRIT_DENIED;
	return WRIT_OK;
}
