/* line.c - see line.h. */
#include "audit/line.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"

#define HEAD "{\"v\":1,\"seq\":"
#define PREV ",\"prev\":\""
#define HASH ",\"hash\":\""
#define DIGEST_LEN (WRIT_DIGEST_TEXT - 1)
/* Bytes of `,"prev":"sha256:<64 hex>"`. */
#define PREV_MEMBER (sizeof(PREV) - 1 + DIGEST_LEN + 1)
/* A list's share of a record: two of them and eight texts must fit. */
#define LIST_MAX (12 * 1024)

_Static_assert(sizeof(HASH) - 1 + DIGEST_LEN + 2 == WRIT_AUDIT_HASH_MEMBER,
    "the hash member");
_Static_assert(2 * LIST_MAX + 8 * (WRIT_AUDIT_TEXT_MAX + 64) + 1024 <
    WRIT_AUDIT_RECORD_MAX, "the largest record fits");

#define MS_PER_DAY 86400000

/* Proleptic Gregorian date of a day number from 1970 (days >= 0), by eras of 400
 * years beginning in March, so that leap days come last. */
static void
civil(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468, era = z / 146097, doe = z % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

void
writ_audit_time(int64_t wall_ms, char out[WRIT_AUDIT_TIME_MAX])
{
	static const int64_t last = 253402300799999;	/* end of 9999 */
	int year, month, day;
	unsigned ms;

	if (wall_ms < 0)
		wall_ms = 0;
	if (wall_ms > last)
		wall_ms = last;
	civil(wall_ms / MS_PER_DAY, &year, &month, &day);
	ms = (unsigned)(wall_ms % MS_PER_DAY);
	snprintf(out, WRIT_AUDIT_TIME_MAX,
	    "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)year % 10000,
	    (unsigned)month % 100, (unsigned)day % 100, ms / 3600000 % 100,
	    ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

void
writ_audit_line_key(struct writ_audit_line *l, const char *key)
{
	writ_buf_add(l->b, ",\"", 2);
	writ_buf_cstr(l->b, key);
	writ_buf_add(l->b, "\":", 2);
}

/* Bytes that writ_buf_json makes of the first character, and of how many. */
static size_t
json_cost(struct writ_str s, size_t *taken)
{
	uint32_t cp = 0;
	size_t n = writ_str_rune(s, &cp);

	*taken = n ? n : 1;
	if (n == 0)
		return 3;
	if (cp < 0x20 || writ_str_deceptive(cp))
		return cp < 0x10000 ? 6 : 12;
	return cp == '"' || cp == '\\' ? 2 : n;
}

/* What of `s` fits WRIT_AUDIT_TEXT_MAX bytes of JSON, in whole characters. */
static struct writ_str
fitting(struct writ_str s)
{
	size_t used = 0, at = 0, cost, taken;

	while (at < s.len) {
		cost = json_cost(writ_str_skip(s, at), &taken);
		if (used + cost > WRIT_AUDIT_TEXT_MAX)
			break;
		used += cost;
		at += taken;
	}
	return writ_str(s.ptr, at);
}

/* Without memory to look at it nothing is written at all. */
static struct writ_str
filtered(struct writ_audit_line *l, struct writ_str s)
{
	struct writ_buf *clean;

	if (!l->filter || s.len == 0)
		return s;
	clean = &l->filter->clean;
	writ_buf_reset(clean);
	l->filter->apply(l->filter->ctx, s, clean);
	if (writ_buf_status(clean) == WRIT_OK)
		return writ_str(clean->ptr ? (const char *)clean->ptr : "",
		    clean->len);
	if (clean->failed == WRIT_NOMEM)
		l->b->failed = WRIT_NOMEM;
	l->cut = true;
	return WRIT_STR("");
}

void
writ_audit_line_value(struct writ_audit_line *l, struct writ_str s)
{
	struct writ_str fits;

	if (!s.ptr) {
		writ_buf_add(l->b, "null", 4);
		return;
	}
	fits = s = filtered(l, s);
	/* No byte becomes more than six. */
	if (s.len > WRIT_AUDIT_TEXT_MAX / 6)
		fits = fitting(s);
	if (fits.len < s.len)
		l->cut = true;
	writ_buf_json(l->b, fits);
}

void
writ_audit_line_text(struct writ_audit_line *l, const char *key,
    struct writ_str s)
{
	writ_audit_line_key(l, key);
	writ_audit_line_value(l, s);
}

void
writ_audit_line_u64(struct writ_audit_line *l, const char *key, uint64_t v)
{
	char digits[20], *p = digits + sizeof(digits);

	writ_audit_line_key(l, key);
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	writ_buf_add(l->b, p, (size_t)(digits + sizeof(digits) - p));
}

void
writ_audit_line_int(struct writ_audit_line *l, const char *key, int v)
{
	writ_audit_line_key(l, key);
	writ_buf_printf(l->b, "%d", v);
}

void
writ_audit_line_list(struct writ_audit_line *l, const char *key,
    const struct writ_str *s, size_t n)
{
	size_t start, i;

	writ_audit_line_key(l, key);
	if (!s) {
		writ_buf_add(l->b, "null", 4);
		return;
	}
	start = l->b->len;
	writ_buf_char(l->b, '[');
	for (i = 0; i < n; i++) {
		if (l->b->len - start > LIST_MAX - WRIT_AUDIT_TEXT_MAX - 4) {
			l->cut = true;
			break;
		}
		if (i)
			writ_buf_char(l->b, ',');
		writ_audit_line_value(l, s[i]);
	}
	writ_buf_char(l->b, ']');
}

void
writ_audit_line_begin(struct writ_audit_line *l, struct writ_buf *b,
    const struct writ_audit_head *head)
{
	char time[WRIT_AUDIT_TIME_MAX];

	l->b = b;
	l->cut = false;
	l->filter = NULL;
	writ_buf_reset(b);
	writ_audit_time(head->wall_ms, time);
	writ_buf_printf(b, HEAD "%" PRIu64 ",\"time\":\"%s\"", head->seq, time);
	writ_audit_line_u64(l, "mono_ns", head->mono_ns);
	writ_audit_line_text(l, "session", head->session);
	writ_audit_line_text(l, "type", writ_str_from(head->type));
}

/* The hash covers the object as it would read without its hash member. */
static void
object_hash(struct writ_str before_hash, struct writ_digest *out)
{
	struct writ_sha256 h;

	writ_sha256_start(&h);
	writ_sha256_add(&h, before_hash.ptr, before_hash.len);
	writ_sha256_add(&h, "}", 1);
	writ_sha256_end(&h, out);
}

enum writ_status
writ_audit_line_end(struct writ_audit_line *l, const struct writ_digest *prev,
    struct writ_digest *hash)
{
	char text[WRIT_DIGEST_TEXT];

	if (l->cut)
		writ_buf_cstr(l->b, ",\"cut\":true");
	writ_digest_text(prev, text);
	writ_buf_cstr(l->b, PREV);
	writ_buf_add(l->b, text, DIGEST_LEN);
	writ_buf_char(l->b, '"');
	if (writ_buf_status(l->b) != WRIT_OK)
		return writ_buf_status(l->b);
	object_hash(writ_buf_view(l->b), hash);
	writ_digest_text(hash, text);
	writ_buf_cstr(l->b, HASH);
	writ_buf_add(l->b, text, DIGEST_LEN);
	writ_buf_add(l->b, "\"}\n", 3);
	return writ_buf_status(l->b);
}

/* Read `member` + digest + `"` at `at`. */
static bool
digest_at(struct writ_str line, size_t at, struct writ_str member,
    struct writ_digest *out)
{
	struct writ_str s = writ_str_skip(line, at);

	if (!writ_str_starts(s, member))
		return false;
	s = writ_str_skip(s, member.len);
	if (s.len <= DIGEST_LEN || s.ptr[DIGEST_LEN] != '"')
		return false;
	return writ_digest_parse(writ_str(s.ptr, DIGEST_LEN), out) == WRIT_OK;
}

enum writ_status
writ_audit_line_check(struct writ_str line, struct writ_audit_link *out,
    const char **why)
{
	struct writ_audit_link link;
	struct writ_digest real;
	struct writ_str rest;
	size_t hash_at;

	*why = "not a record of this format";
	if (line.len < sizeof(HEAD) + PREV_MEMBER + WRIT_AUDIT_HASH_MEMBER ||
	    !writ_str_starts(line, WRIT_STR(HEAD)) ||
	    line.ptr[line.len - 1] != '}')
		return WRIT_INVALID;
	rest = writ_str_skip(line, sizeof(HEAD) - 1);
	if (writ_str_u64(writ_str_cut(rest, ',', &rest), UINT64_MAX - 1,
	    &link.seq) != WRIT_OK || link.seq == 0)
		return WRIT_INVALID;
	hash_at = line.len - WRIT_AUDIT_HASH_MEMBER;
	if (!digest_at(line, hash_at, WRIT_STR(HASH), &link.hash) ||
	    !digest_at(line, hash_at - PREV_MEMBER, WRIT_STR(PREV), &link.prev))
		return WRIT_INVALID;
	*why = "its hash does not match its bytes";
	object_hash(writ_str(line.ptr, hash_at), &real);
	if (memcmp(real.b, link.hash.b, sizeof(real.b)))
		return WRIT_INVALID;
	*why = NULL;
	*out = link;
	return WRIT_OK;
}
