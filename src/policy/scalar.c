/* Typed values of a writ: what a scalar may be, and the units. */
#include "policy/doc.h"

/* What YAML readers take an unquoted scalar for; the first table is the core schema
 * of YAML 1.2, the second what only YAML 1.1 readers see. */
static const char *const plain_null[] = { "", "~", "null", "Null", "NULL" };
static const char *const plain_bool[] = { "true", "True", "TRUE", "false",
	"False", "FALSE" };
static const char *const plain_old[] = { "yes", "no", "on", "off", "y", "n" };

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
fold_is(struct writ_str s, const char *lower)
{
	size_t i;

	if (s.len != strlen(lower))
		return false;
	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		if (c != lower[i])
			return false;
	}
	return true;
}

static size_t
digits(struct writ_str s, size_t i)
{
	while (i < s.len && (is_digit(s.ptr[i]) || s.ptr[i] == '_'))
		i++;
	return i;
}

/* The numbers of YAML 1.2, and 1_000, 12:30 and 2026-01-01 of YAML 1.1. */
static bool
is_number(struct writ_str s)
{
	size_t i = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'), from, dot;

	if (fold_is(writ_str_skip(s, i), ".inf") || fold_is(s, ".nan"))
		return true;
	if (s.len > 2 && s.ptr[0] == '0' && strchr("xob", s.ptr[1])) {
		for (i = 2; i < s.len && strchr("0123456789abcdefABCDEF_",
		    s.ptr[i]); i++)
			;
		return i == s.len;
	}
	from = i;
	i = digits(s, i);
	if (i > from && i < s.len && (s.ptr[i] == ':' || s.ptr[i] == '-')) {
		while (i < s.len && (is_digit(s.ptr[i]) || s.ptr[i] == ':' ||
		    s.ptr[i] == '-'))
			i++;
		return i == s.len;
	}
	dot = i;
	if (i < s.len && s.ptr[i] == '.')
		i = digits(s, i + 1);
	if (i - from == (size_t)(i > dot) || (from < i && s.ptr[from] == '_'))
		return false;
	if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
		i++;
		if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+'))
			i++;
		from = i;
		i = digits(s, i);
		if (i == from)
			return false;
	}
	return i == s.len;
}

/* Fail unless the node is a text: quoted, or unquoted and nothing else in YAML. */
static enum writ_status
need_text(struct writ_doc *d, const struct writ_yaml_node *n)
{
	size_t i;

	if (n->kind != WRIT_YAML_SCALAR)
		return writ_doc_bad(d, n, "a text is needed here, not a %s",
		    n->kind == WRIT_YAML_LIST ? "list" : "map");
	if (!n->plain)
		return WRIT_OK;
	for (i = 0; i < sizeof(plain_null) / sizeof(plain_null[0]); i++)
		if (writ_str_is(n->text, plain_null[i]))
			return writ_doc_bad(d, n, "a text is needed here");
	for (i = 0; i < sizeof(plain_bool) / sizeof(plain_bool[0]); i++)
		if (writ_str_is(n->text, plain_bool[i]))
			return writ_doc_bad(d, n,
			    "a text is needed here; put %.8s in quotes",
			    n->text.ptr);
	for (i = 0; i < sizeof(plain_old) / sizeof(plain_old[0]); i++)
		if (fold_is(n->text, plain_old[i]))
			return writ_doc_bad(d, n,
			    "some readers take %.8s for a truth value; put it in "
			    "quotes", n->text.ptr);
	if (is_number(n->text))
		return writ_doc_bad(d, n,
		    "a text is needed here; put %.40s in quotes", n->text.ptr);
	return WRIT_OK;
}

enum writ_status
writ_doc_literal(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str *out)
{
	enum writ_status st = need_text(d, n);

	if (st == WRIT_OK)
		*out = n->text;
	return st;
}

static bool
starts_name(struct writ_str s, size_t i)
{
	char c = i < s.len ? s.ptr[i] : '\0';

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    c == '{';
}

/* `$$` before `{` or a letter stands for one `$`; a `$` that a shell would expand is
 * a mistake, since nothing is expanded here. */
static enum writ_status
unescape(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str *out)
{
	struct writ_str s = n->text;
	char *copy = writ_yaml_mem(d->yaml, s.len + 1);
	size_t i, len = 0;

	if (!copy)
		return writ_doc_nomem(d);
	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] == '$' && i + 1 < s.len && s.ptr[i + 1] == '$' &&
		    starts_name(s, i + 2))
			i++;
		else if (s.ptr[i] == '$' && starts_name(s, i + 1))
			return writ_doc_bad(d, n, "nothing is expanded here: "
			    "\"$\" before a name or \"{\" is written \"$$\"");
		copy[len++] = s.ptr[i];
	}
	copy[len] = '\0';
	*out = writ_str(copy, len);
	return WRIT_OK;
}

enum writ_status
writ_doc_plain_text(struct writ_doc *d, const struct writ_yaml_node *n,
    struct writ_str *out)
{
	enum writ_status st = need_text(d, n);
	size_t i;

	if (st != WRIT_OK)
		return st;
	if (n->text.len == 0)
		return writ_doc_bad(d, n, "an empty text");
	for (i = 0; i < n->text.len; i++)
		if ((unsigned char)n->text.ptr[i] < 0x20 ||
		    n->text.ptr[i] == 0x7f)
			return writ_doc_bad(d, n, "a control character");
	if (memchr(n->text.ptr, '$', n->text.len))
		return unescape(d, n, out);
	*out = n->text;
	return WRIT_OK;
}

enum writ_status
writ_doc_right_text(struct writ_doc *d, const struct writ_yaml_node *n,
    const char *(*wrong)(struct writ_str), struct writ_str *out)
{
	enum writ_status st = writ_doc_plain_text(d, n, out);
	const char *why;

	if (st != WRIT_OK)
		return st;
	why = wrong(*out);
	return why ? writ_doc_bad(d, n, "%s", why) : WRIT_OK;
}

enum writ_status
writ_doc_text(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return writ_doc_plain_text(d, n, field);
}

enum writ_status
writ_doc_node(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	*(const struct writ_yaml_node **)field = n;
	return WRIT_OK;
}

enum writ_status
writ_doc_name(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	enum writ_status st = need_text(d, n);

	if (st != WRIT_OK)
		return st;
	if (!writ_doc_good_name(n->text))
		return writ_doc_bad(d, n, "\"%.64s\" is not a name: a-z, 0-9, _ "
		    "and - (not first), at most 64", n->text.ptr);
	*(struct writ_str *)field = n->text;
	return WRIT_OK;
}

enum writ_status
writ_doc_bool(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	bool yes = writ_str_is(n->text, "true");

	if (n->kind != WRIT_YAML_SCALAR || !n->plain ||
	    (!yes && !writ_str_is(n->text, "false")))
		return writ_doc_bad(d, n, "true or false is needed here");
	*(bool *)field = yes;
	return WRIT_OK;
}

enum writ_status
writ_doc_pick(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	const struct writ_doc_word *words = k->more;
	enum writ_status st = need_text(d, n);
	char meant[80], all[160] = "";
	size_t i, len = 0;

	if (st != WRIT_OK)
		return st;
	for (i = 0; words[i].word; i++) {
		if (writ_str_is(n->text, words[i].word)) {
			*(unsigned *)field = words[i].value;
			return WRIT_OK;
		}
		if (len < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len,
			    "%s%s", i ? ", " : "", words[i].word);
	}
	writ_doc_meant(n->text, words, sizeof(words[0]), i, meant);
	return writ_doc_bad(d, n, "\"%.40s\" is none of: %s%s", n->text.ptr, all,
	    meant);
}

enum writ_status
writ_doc_count(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	uint64_t v = 0;

	if (n->kind != WRIT_YAML_SCALAR || !n->plain ||
	    writ_str_u64(n->text, UINT64_MAX, &v) == WRIT_INVALID)
		return writ_doc_bad(d, n, "a whole number is needed here");
	if (writ_str_u64(n->text, k->max, &v) != WRIT_OK)
		return writ_doc_bad(d, n, "%.40s is more than %llu",
		    n->text.ptr, (unsigned long long)k->max);
	if (v < k->min)
		return writ_doc_bad(d, n, "%.40s is less than %llu",
		    n->text.ptr, (unsigned long long)k->min);
	*(uint64_t *)field = v;
	return WRIT_OK;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{ "B", 1 }, { "KiB", WRIT_KIB }, { "MiB", WRIT_MIB }, { "GiB", WRIT_GIB },
	{ NULL, 0 },
};

static const struct unit times[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 },
	{ NULL, 0 },
};

/* DIGITS UNIT without a space; min and max in the smallest unit. */
static enum writ_status
measure(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, const struct unit *units, uint64_t *out)
{
	const char *all = units == sizes ? "B, KiB, MiB or GiB" : "ms, s, m or h";
	struct writ_str s = n->text, unit;
	uint64_t v;
	size_t i = 0;

	if (n->kind != WRIT_YAML_SCALAR)
		return writ_doc_bad(d, n, "a number with a unit (%s) is needed "
		    "here", all);
	while (i < s.len && is_digit(s.ptr[i]))
		i++;
	unit = writ_str_skip(s, i);
	if (i > 0 && unit.len == 0 && k->min == 0 && writ_str_is(s, "0")) {
		*out = 0;
		return WRIT_OK;
	}
	if (i > 0 && unit.len == 0)
		return writ_doc_bad(d, n, "%.40s has no unit (%s)", s.ptr, all);
	for (; units->name; units++)
		if (writ_str_is(unit, units->name))
			break;
	if (i == 0 || !units->name || (i > 1 && s.ptr[0] == '0'))
		return writ_doc_bad(d, n, "\"%.40s\" is not a whole number with "
		    "a unit (%s)", s.ptr, all);
	if (writ_str_u64(writ_str(s.ptr, i), k->max / units->factor, &v) !=
	    WRIT_OK)
		return writ_doc_bad(d, n, "%.40s is too much", s.ptr);
	if (v * units->factor < k->min)
		return writ_doc_bad(d, n, "%.40s is too little", s.ptr);
	*out = v * units->factor;
	return WRIT_OK;
}

enum writ_status
writ_doc_size(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return measure(d, n, k, sizes, field);
}

enum writ_status
writ_doc_time(struct writ_doc *d, const struct writ_yaml_node *n,
    const struct writ_doc_key *k, void *field)
{
	return measure(d, n, k, times, field);
}
