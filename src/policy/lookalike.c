#include "policy/lookalike.h"

struct entry {
	struct writ_str name;
	char skeleton[2 * WRIT_TOOL_NAME_MAX + 1];
};

static bool
is_separator(char c)
{
	return c == '_' || c == '-' || c == '.';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

const char *
writ_lookalike_name_wrong(struct writ_str s)
{
	size_t i;

	if (s.len == 0)
		return "it is empty";
	if (s.len > WRIT_TOOL_NAME_MAX)
		return "it is longer than 128 bytes";
	for (i = 0; i < s.len; i++) {
		char c = lower(s.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    !is_separator(c))
			return "only letters, digits and _ . - make a name";
	}
	return NULL;
}

/* Each character alone becomes what it looks like, so no order of steps matters: m is
 * drawn as rn, w as vv, and I as l, which makes i one of them through its capital. */
void
writ_lookalike_skeleton(struct writ_str name,
    char out[2 * WRIT_TOOL_NAME_MAX + 1])
{
	size_t i, n = 0;

	for (i = 0; i < name.len && i < WRIT_TOOL_NAME_MAX; i++) {
		char c = lower(name.ptr[i]);

		if (is_separator(c)) {
			if (n == 0 || out[n - 1] != '_')
				out[n++] = '_';
		} else if (c == 'm' || c == 'w') {
			out[n++] = c == 'm' ? 'r' : 'v';
			out[n++] = c == 'm' ? 'n' : 'v';
		} else if (c == '0') {
			out[n++] = 'o';
		} else if (c == '1' || c == 'i') {
			out[n++] = 'l';
		} else {
			out[n++] = c;
		}
	}
	out[n] = '\0';
}

bool
writ_lookalike_reserved(struct writ_str name)
{
	char got[2 * WRIT_TOOL_NAME_MAX + 1], own[2 * WRIT_TOOL_NAME_MAX + 1];

	writ_lookalike_skeleton(name, got);
	writ_lookalike_skeleton(WRIT_STR("writ_"), own);
	return !strncmp(got, own, strlen(own));
}

void
writ_lookalike_init(struct writ_lookalike *l, size_t max)
{
	writ_vec_init(&l->names, sizeof(struct entry), max);
}

void
writ_lookalike_release(struct writ_lookalike *l)
{
	if (l)
		writ_vec_release(&l->names);
}

enum writ_status
writ_lookalike_add(struct writ_lookalike *l, struct writ_str name,
    struct writ_err *err)
{
	const char *why = writ_lookalike_name_wrong(name);
	const struct entry *v = l->names.ptr;
	struct entry e = { .name = name }, *slot;
	enum writ_status st;
	size_t i;

	if (why)
		return writ_fail(err, WRIT_INVALID, "\"%.*s\" is not a name: %s",
		    WRIT_STR_ARG(writ_str(name.ptr, name.len < 64 ? name.len :
		    64)), why);
	if (writ_lookalike_reserved(name))
		return writ_fail(err, WRIT_INVALID, "\"%.*s\": names that look as "
		    "if they began with \"writ_\" are the server's own",
		    WRIT_STR_ARG(name));
	writ_lookalike_skeleton(name, e.skeleton);
	for (i = 0; i < l->names.len; i++) {
		if (writ_str_eq(v[i].name, name))
			return writ_fail(err, WRIT_EXIST, "the name \"%.*s\" is "
			    "used twice", WRIT_STR_ARG(name));
		if (!strcmp(v[i].skeleton, e.skeleton))
			return writ_fail(err, WRIT_EXIST, "the name \"%.*s\" looks "
			    "like \"%.*s\"", WRIT_STR_ARG(name),
			    WRIT_STR_ARG(v[i].name));
	}
	st = writ_vec_push(&l->names, &slot);
	if (st == WRIT_LIMIT)
		return writ_fail(err, st, "more than %zu names", l->names.max);
	if (st != WRIT_OK)
		return writ_fail(err, st, "out of memory");
	*slot = e;
	return WRIT_OK;
}
