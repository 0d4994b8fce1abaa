#include "base/seal.h"
#include "base/taint.h"

#define PASSES 3	/* escapes within escapes that are undone */
#define MAP_BYTES 8192	/* one bit for each hash of four characters */
#define VARIANTS 16	/* spellings of four characters: case of hex, alphabet of base64 */

enum form { RAW, REVERSED, HEX, BASE64, BASE64_1, BASE64_2, FORMS };

/* The first four characters of a value in a form, in one spelling. */
struct entry {
	uint32_t four;
	uint16_t value;
	uint8_t form;
};

struct writ_taint {
	const struct writ_taint_value *values;
	uint8_t *map;
	struct entry *entries;		/* by `four` */
	size_t count;
};

/* ---- a value in a form, character by character */

/* Of base64: the value begins n bytes after a group; how many characters are its own alone. */
static size_t
first_char(enum form form)
{
	return form == BASE64_1 ? 2 : form == BASE64_2 ? 3 : 0;
}

static size_t
length(const struct writ_taint_value *v, enum form form)
{
	size_t shift = (size_t)(form - BASE64);

	if (form == RAW || form == REVERSED)
		return v->len;
	if (form == HEX)
		return 2 * v->len;
	return 8 * (shift + v->len) / 6 - first_char(form);
}

/* The six bits of character i. */
static unsigned
six(const struct writ_taint_value *v, enum form form, size_t i)
{
	size_t bit = 6 * (first_char(form) + i) - 8 * (size_t)(form - BASE64);
	unsigned two = (unsigned)v->ptr[bit / 8] << 8;

	if (bit / 8 + 1 < v->len)
		two |= v->ptr[bit / 8 + 1];
	return two >> (10 - bit % 8) & 63;
}

static int
from_hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
from_base64(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static bool
same(const struct writ_taint_value *v, enum form form, size_t i, uint8_t c)
{
	if (form == RAW)
		return v->ptr[i] == c;
	if (form == REVERSED)
		return v->ptr[v->len - 1 - i] == c;
	if (form == HEX)
		return from_hex(c) == (v->ptr[i / 2] >> (i % 2 ? 0 : 4) & 15);
	return from_base64(c) == (int)six(v, form, i);
}

/* A spelling of character i; `other` the second one, where there are two. */
static uint8_t
spell(const struct writ_taint_value *v, enum form form, size_t i, bool other)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF",
	    base[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789+/";
	unsigned n;

	if (form == RAW)
		return v->ptr[i];
	if (form == REVERSED)
		return v->ptr[v->len - 1 - i];
	if (form == HEX) {
		n = v->ptr[i / 2] >> (i % 2 ? 0 : 4) & 15;
		return (uint8_t)digits[n + (other ? 16 : 0)];
	}
	n = six(v, form, i);
	return n < 62 || !other ? (uint8_t)base[n] : n == 62 ? '-' : '_';
}

/* ---- the table */

static uint32_t
load(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t
hash(uint32_t four)
{
	return four * 2654435761u >> 16;
}

static int
by_four(const void *a, const void *b)
{
	uint32_t x = ((const struct entry *)a)->four,
	    y = ((const struct entry *)b)->four;

	return (x > y) - (x < y);
}

static void
add_form(struct writ_taint *t, size_t value, enum form form)
{
	const struct writ_taint_value *v = &t->values[value];
	uint8_t four[4];
	unsigned i, k, j;
	uint32_t f;

	for (k = 0; k < VARIANTS; k++) {
		for (i = 0; i < 4; i++)
			four[i] = spell(v, form, i, k >> i & 1);
		f = load(four);
		for (j = (unsigned)t->count; j > 0 &&
		    t->entries[j - 1].value == value &&
		    t->entries[j - 1].form == form; j--)
			if (t->entries[j - 1].four == f)
				break;
		if (j > 0 && t->entries[j - 1].value == value &&
		    t->entries[j - 1].form == form)
			continue;	/* spelt so already */
		t->entries[t->count++] = (struct entry){ f, (uint16_t)value,
			(uint8_t)form };
		t->map[hash(f) / 8] |= (uint8_t)(1u << hash(f) % 8);
	}
}

enum writ_status
writ_taint_new(const struct writ_taint_value *values, size_t count,
    struct writ_taint **out)
{
	writ_auto(writ_taint) t = writ_alloc(1, sizeof(*t));
	size_t i;
	unsigned form;

	if (!t || count > UINT16_MAX - 1)
		return WRIT_NOMEM;
	t->values = values;
	t->map = writ_locked_alloc(MAP_BYTES);
	t->entries = writ_locked_alloc(count * FORMS * VARIANTS *
	    sizeof(struct entry));
	if (!t->map || !t->entries)
		return WRIT_NOMEM;
	for (i = 0; i < count; i++)
		for (form = 0; form < FORMS; form++)
			if (values[i].len >= WRIT_SECRET_MIN)
				add_form(t, i, (enum form)form);
	qsort(t->entries, t->count, sizeof(struct entry), by_four);
	*out = writ_steal(&t);
	return WRIT_OK;
}

void
writ_taint_free(struct writ_taint *t)
{
	if (!t)
		return;
	writ_locked_free(t->map);
	writ_locked_free(t->entries);
	writ_mem_free(t);
}

/* ---- looking */

/* How much of the value stands at the beginning of s, if it counts. */
static size_t
match(const struct writ_taint_value *v, enum form form, struct writ_str s)
{
	size_t i, n = length(v, form);

	for (i = 0; i < n && i < s.len; i++)
		if (!same(v, form, i, (uint8_t)s.ptr[i]))
			return 0;
	return i == n || i >= WRIT_SECRET_MIN ? i : 0;
}

/* The first entry for these four characters, if there is one. */
static size_t
first_of(const struct writ_taint *t, uint32_t four)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->entries[mid].four < four)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The longest match at the beginning of s (at least four characters), of which value. */
static size_t
match_any(const struct writ_taint *t, struct writ_str s, size_t *value)
{
	uint32_t four = load((const uint8_t *)s.ptr);
	size_t i, n, best = 0;

	if (!(t->map[hash(four) / 8] >> hash(four) % 8 & 1))
		return 0;
	for (i = first_of(t, four); i < t->count && t->entries[i].four == four;
	    i++) {
		const struct entry *e = &t->entries[i];

		n = match(&t->values[e->value], (enum form)e->form, s);
		if (n > best) {
			best = n;
			*value = e->value;
		}
	}
	return best;
}

/* A text, and where each character of it stood in the one that was given. */
struct view {
	uint8_t *ptr;
	uint32_t *from;			/* len + 1 of them; NULL: it is the text given */
	size_t len;
};

struct look {
	const struct writ_taint *t;
	struct writ_str text;
	uint16_t *mask;			/* value + 1 of each byte; NULL: none found yet */
	bool only;			/* whether there is one is all that is asked */
	bool found;
	bool failed;
};

static void
mark(struct look *l, size_t from, size_t to, size_t value)
{
	l->found = true;
	if (l->only)
		return;
	if (!l->mask)
		l->mask = writ_alloc(l->text.len, sizeof(uint16_t));
	if (!l->mask) {
		l->failed = true;
		return;
	}
	for (; from < to; from++)
		l->mask[from] = (uint16_t)(value + 1);
}

static void
scan(struct look *l, const struct view *v)
{
	size_t i = 0, n, value = 0;

	while (i + 4 <= v->len && !l->failed && !(l->only && l->found)) {
		n = match_any(l->t, writ_str((const char *)v->ptr + i,
		    v->len - i), &value);
		if (n)
			mark(l, v->from ? v->from[i] : i,
			    v->from ? v->from[i + n] : i + n, value);
		i += n ? n : 1;
	}
}

/* Whether all of s is the beginning of a longer value in this form. */
static bool
begins_form(const struct writ_taint_value *v, enum form form, struct writ_str s)
{
	size_t k, n = length(v, form);

	for (k = 0; k < s.len && k < n && same(v, form, k, (uint8_t)s.ptr[k]);
	    k++)
		continue;
	return k == s.len && k < n;
}

/* Up to three characters are in no table. */
static bool
begins_short(const struct writ_taint *t, struct writ_str s)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if ((i == 0 || t->entries[i].value != t->entries[i - 1].value ||
		    t->entries[i].form != t->entries[i - 1].form) &&
		    begins_form(&t->values[t->entries[i].value],
		    (enum form)t->entries[i].form, s))
			return true;
	return false;
}

/* Whether all of s is the beginning of a longer one. */
static bool
begins(const struct writ_taint *t, struct writ_str s)
{
	uint32_t four;
	size_t i;

	if (s.len < 4)
		return begins_short(t, s);
	four = load((const uint8_t *)s.ptr);
	if (!(t->map[hash(four) / 8] >> hash(four) % 8 & 1))
		return false;
	for (i = first_of(t, four); i < t->count && t->entries[i].four == four;
	    i++)
		if (begins_form(&t->values[t->entries[i].value],
		    (enum form)t->entries[i].form, s))
			return true;
	return false;
}

/* ---- escapes */

static unsigned
put_utf8(uint32_t cp, uint8_t out[4])
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 63));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (uint8_t)(0xe0 | cp >> 12);
		out[1] = (uint8_t)(0x80 | (cp >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (cp & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | cp >> 18);
	out[1] = (uint8_t)(0x80 | (cp >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (cp >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (cp & 63));
	return 4;
}

/* n hex digits at p; false: they are none. */
static bool
hex_at(struct writ_str s, size_t at, unsigned n, uint32_t *out)
{
	uint32_t v = 0;
	unsigned i;

	if (at + n > s.len)
		return false;
	for (i = 0; i < n; i++) {
		int d = from_hex((uint8_t)s.ptr[at + i]);

		if (d < 0)
			return false;
		v = v << 4 | (uint32_t)d;
	}
	*out = v;
	return true;
}

/* The escape at the beginning of s: how many bytes it has, and in out[*n] what it stands for.  0: none. */
static size_t
escape(struct writ_str s, uint8_t out[4], unsigned *n)
{
	static const char letters[] = "\"\\/bfnrt'", means[] = "\"\\/\b\f\n\r\t'";
	uint32_t cp = 0, low = 0;
	const char *at;

	*n = 1;
	if (s.ptr[0] == '%' && hex_at(s, 1, 2, &cp)) {
		out[0] = (uint8_t)cp;
		return 3;
	}
	if (s.ptr[0] != '\\' || s.len < 2)
		return 0;
	if (s.ptr[1] == 'x' && hex_at(s, 2, 2, &cp)) {
		out[0] = (uint8_t)cp;
		return 4;
	}
	if (s.ptr[1] == 'u' && hex_at(s, 2, 4, &cp)) {
		if (cp >> 10 == 0x36 && s.len > 7 && s.ptr[6] == '\\' &&
		    s.ptr[7] == 'u' && hex_at(s, 8, 4, &low) &&
		    low >> 10 == 0x37) {
			*n = put_utf8(0x10000 + ((cp & 1023) << 10 |
			    (low & 1023)), out);
			return 12;
		}
		*n = put_utf8(cp, out);
		return 6;
	}
	at = s.ptr[1] ? strchr(letters, s.ptr[1]) : NULL;
	if (!at)
		return 0;
	out[0] = (uint8_t)means[at - letters];
	return 2;
}

static bool
has_escape(const struct view *v)
{
	return v->len && (memchr(v->ptr, '%', v->len) ||
	    memchr(v->ptr, '\\', v->len));
}

static void
release(struct view *v)
{
	if (!v->from)
		return;			/* the text that was given */
	writ_wipe(v->ptr, v->len);
	writ_mem_free(v->ptr);
	writ_mem_free(v->from);
}

/* `v` without its escapes.  False: no memory. */
static bool
unescape(const struct view *v, struct view *out)
{
	struct writ_str s = { (const char *)v->ptr, v->len };
	size_t i = 0, n;
	unsigned k, made;
	uint8_t b[4];

	out->ptr = writ_alloc(v->len, 1);
	out->from = writ_alloc(v->len + 1, sizeof(uint32_t));
	out->len = 0;
	if (!out->ptr || !out->from) {
		writ_mem_free(out->ptr);
		writ_mem_free(out->from);
		return false;
	}
	while (i < v->len) {
		n = escape(writ_str_skip(s, i), b, &made);
		if (!n) {
			b[0] = v->ptr[i];
			n = made = 1;
		}
		for (k = 0; k < made; k++) {
			out->from[out->len] = v->from ? v->from[i] :
			    (uint32_t)i;
			out->ptr[out->len++] = b[k];
		}
		i += n;
	}
	out->from[out->len] = v->from ? v->from[i] : (uint32_t)i;
	return true;
}

static void
look(struct look *l)
{
	struct view v = { NULL, NULL, l->text.len }, next;
	unsigned pass;

	if (l->text.len > UINT32_MAX / 2) {
		l->failed = true;
		return;
	}
	memcpy(&v.ptr, &l->text.ptr, sizeof(v.ptr));
	scan(l, &v);
	for (pass = 0; pass < PASSES && has_escape(&v) && !l->failed &&
	    !(l->only && l->found); pass++) {
		l->failed = !unescape(&v, &next);
		if (l->failed)
			break;
		release(&v);
		v = next;
		scan(l, &v);
	}
	release(&v);
}

bool
writ_taint_in(const struct writ_taint *t, struct writ_str text)
{
	struct look l = { .t = t, .text = text, .only = true };

	if (!t || !t->count || text.len < 4)
		return false;
	look(&l);
	return l.found || l.failed;
}

void
writ_taint_redact(const struct writ_taint *t, struct writ_str text,
    struct writ_buf *out)
{
	struct look l = { .t = t, .text = text };
	size_t i, from;

	if (t && t->count && text.len >= 4)
		look(&l);
	if (l.failed)
		out->failed = WRIT_NOMEM;
	else if (!l.found)
		writ_buf_str(out, text);
	for (i = 0; l.found && !l.failed && i < text.len; ) {
		for (from = i; i < text.len && l.mask[i] == l.mask[from]; i++)
			continue;
		if (!l.mask[from]) {
			writ_buf_add(out, text.ptr + from, i - from);
			continue;
		}
		writ_buf_cstr(out, "[secret ");
		writ_buf_cstr(out, t->values[l.mask[from] - 1].name);
		writ_buf_char(out, ']');
	}
	writ_mem_free(l.mask);
}

enum writ_status
writ_taint_mask(const struct writ_taint *t, char *p, size_t n)
{
	struct look l = { .t = t, .text = { p, n } };
	size_t i;

	if (!t || !t->count || n < 4)
		return WRIT_OK;
	look(&l);
	for (i = 0; l.found && !l.failed && i < n; i++)
		if (l.mask[i])
			p[i] = '*';
	writ_mem_free(l.mask);
	return l.failed ? WRIT_NOMEM : WRIT_OK;
}

/* ---- texts in pieces */

/* Where in `v` a suffix is, that begins a value; v->len: there is none. */
static size_t
beginning(const struct writ_taint *t, const struct view *v)
{
	struct writ_str s = { (const char *)v->ptr, v->len };
	size_t i = 0, n, value;

	while (i < v->len) {
		if (begins(t, writ_str_skip(s, i)))
			return i;
		/* never within one that is whole */
		n = i + 4 <= v->len ? match_any(t, writ_str_skip(s, i),
		    &value) : 0;
		i += n ? n : 1;
	}
	return v->len;
}

/* Bytes at its end that may be an escape which is not whole: "%4", "\\u00e". */
static size_t
half_escape(struct writ_str s)
{
	size_t k;

	for (k = 1; k <= 5 && k <= s.len; k++) {
		char c = s.ptr[s.len - k];

		if (c == '\\' || (c == '%' && k <= 2))
			return k;
	}
	return 0;
}

/* `tail` bytes of s, or more: never a part of a value that is whole. */
static size_t
no_part(const struct writ_taint *t, struct writ_str s, size_t tail)
{
	struct look l = { .t = t, .text = s };
	size_t at = s.len - tail;

	if (tail == 0 || tail == s.len)
		return tail;
	look(&l);
	while (l.mask && at > 0 && l.mask[at] && l.mask[at - 1] == l.mask[at])
		at--;
	writ_mem_free(l.mask);
	return l.failed ? s.len : s.len - at;
}

/* The same below escapes, if that is more than `best`. */
static size_t
escaped_tail(const struct writ_taint *t, struct writ_str s, size_t best)
{
	struct view v = { NULL, NULL, s.len }, plain;
	size_t i, half = half_escape(s);

	memcpy(&v.ptr, &s.ptr, sizeof(v.ptr));
	if (!has_escape(&v))
		return best;
	v.len -= half;
	if (!unescape(&v, &plain))
		return s.len;
	i = beginning(t, &plain);
	if (i < plain.len)
		half = s.len - plain.from[i];
	release(&plain);
	return half > best ? half : best;
}

size_t
writ_taint_tail(const struct writ_taint *t, struct writ_str text)
{
	struct writ_str s = text;
	struct view v;

	if (!t || !t->count || text.len == 0)
		return 0;
	if (s.len > 2 * WRIT_SECRET_MAX)
		s = writ_str_skip(s, s.len - 2 * WRIT_SECRET_MAX);
	v = (struct view){ NULL, NULL, s.len };
	memcpy(&v.ptr, &s.ptr, sizeof(v.ptr));
	return no_part(t, s, escaped_tail(t, s, s.len - beginning(t, &v)));
}
