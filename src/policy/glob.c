#include "policy/glob.h"

#include "base/limits.h"
#include "policy/policy.h"

/*
 * A pattern is a row of at most 63 segments; a state is how many of them are used
 * up, and the set of live states is one word.  A match costs at most (segments of
 * the pattern) x (bytes of the text), whatever the pattern.
 */
struct parts {
	struct writ_str v[WRIT_GLOB_PARTS_MAX];
	size_t n;
};

static bool
is_rest(struct writ_str s)
{
	return writ_str_is(s, "**");
}

static bool
split(struct writ_str pattern, struct parts *out)
{
	struct writ_str rest = pattern;

	out->n = 0;
	if (pattern.len == 0)
		return true;
	while (rest.ptr) {
		if (out->n == WRIT_GLOB_PARTS_MAX)
			return false;
		out->v[out->n++] = writ_str_cut(rest, '/', &rest);
	}
	return true;
}

const char *
writ_glob_wrong(struct writ_str pattern)
{
	size_t i, rests = 0;
	struct parts p;

	if (pattern.len > WRIT_GLOB_MAX)
		return "a pattern longer than 1024 bytes";
	if (!split(pattern, &p))
		return "a pattern of more than 63 segments";
	for (i = 0; i < p.n; i++) {
		if (is_rest(p.v[i]))
			rests++;
		else if (memmem(p.v[i].ptr, p.v[i].len, "**", 2))
			return "\"**\" must be a whole segment";
	}
	return rests > 2 ? "\"**\" more than twice" : NULL;
}

/* One segment: literal pieces in order, first and last anchored, at least one byte
 * for each star.  Leftmost placing of the pieces loses nothing. */
static bool
segment(struct writ_str p, struct writ_str s)
{
	struct writ_str piece = writ_str_cut(p, '*', &p);
	const char *at;

	if (!p.ptr)
		return writ_str_eq(piece, s);
	if (!writ_str_starts(s, piece))
		return false;
	s = writ_str_skip(s, piece.len);
	for (;;) {
		piece = writ_str_cut(p, '*', &p);
		if (s.len < 1 + piece.len)
			return false;
		if (!p.ptr)
			return piece.len == 0 || !memcmp(s.ptr + s.len -
			    piece.len, piece.ptr, piece.len);
		s = writ_str_skip(s, 1);
		if (piece.len == 0)
			continue;
		at = memmem(s.ptr, s.len, piece.ptr, piece.len);
		if (!at)
			return false;
		s = writ_str_skip(s, (size_t)(at - s.ptr) + piece.len);
	}
}

/* `**` may stand for nothing. */
static uint64_t
close_over(const struct parts *p, uint64_t live)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (((live >> i) & 1) && is_rest(p->v[i]))
			live |= 1ull << (i + 1);
	return live;
}

static uint64_t
step(const struct parts *p, uint64_t live, struct writ_str seg)
{
	uint64_t next = 0;
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (!((live >> i) & 1))
			continue;
		if (is_rest(p->v[i]))
			next |= 1ull << i;
		else if (segment(p->v[i], seg))
			next |= 1ull << (i + 1);
	}
	return close_over(p, next);
}

enum want { WHOLE, COVER, REACH };

static bool
simulate(struct writ_str pattern, struct writ_str s, enum want want)
{
	struct writ_str rest = s, seg;
	struct parts p;
	uint64_t live, end;

	if (!split(pattern, &p))
		return want != WHOLE;	/* refused when read; err on refusing */
	end = 1ull << p.n;
	live = close_over(&p, 1);
	if (s.len == 0)
		rest.ptr = NULL;
	while (rest.ptr && live) {
		if (want != WHOLE && (live & end))
			return true;
		seg = writ_str_cut(rest, '/', &rest);
		live = step(&p, live, seg);
	}
	return want == REACH ? live != 0 : (live & end) != 0;
}

bool
writ_glob_match(struct writ_str pattern, struct writ_str s)
{
	return simulate(pattern, s, WHOLE);
}

bool
writ_glob_covers(struct writ_str pattern, struct writ_str s)
{
	return simulate(pattern, s, COVER);
}

bool
writ_glob_reaches(struct writ_str pattern, struct writ_str s)
{
	return simulate(pattern, s, REACH);
}

bool
writ_policy_glob(struct writ_str pattern, struct writ_str path)
{
	if (!writ_str_starts(pattern, WRIT_STR("/")) ||
	    !writ_str_starts(path, WRIT_STR("/")))
		return false;
	return writ_glob_match(writ_str_skip(pattern, 1), writ_str_skip(path, 1));
}
