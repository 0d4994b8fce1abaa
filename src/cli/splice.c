#include "cli/splice.h"

#include "base/limits.h"

/* ---- positions in a text that is known to be JSON */

static size_t
skip_blank(struct writ_str s, size_t i)
{
	while (i < s.len && strchr(" \t\r\n", s.ptr[i]))
		i++;
	return i;
}

static size_t
string_end(struct writ_str s, size_t i)
{
	for (i++; i < s.len && s.ptr[i] != '"'; i++)
		if (s.ptr[i] == '\\')
			i++;
	return i + 1;
}

static size_t
value_end(struct writ_str s, size_t i)
{
	unsigned depth = 0;

	while (i < s.len) {
		char c = s.ptr[i];

		if (c == '"') {
			i = string_end(s, i);
		} else if (c == '{' || c == '[') {
			depth++;
			i++;
		} else if (c == '}' || c == ']') {
			if (depth == 0)
				return i;
			depth--;
			i++;
		} else if (depth == 0 && strchr(", \t\r\n", c)) {
			return i;
		} else {
			i++;
			if (depth == 0)
				continue;
		}
		if (depth == 0)
			return i;
	}
	return s.len;
}

/* Whether the string token names `key`, whatever escapes it is written with. */
static bool
is_key(struct writ_str token, const char *key)
{
	json_t *name;
	bool same;

	if (writ_json_parse_foreign(token, WRIT_JSON_MAX, &name, NULL) !=
	    WRIT_OK)
		return false;
	same = json_string_length(name) == strlen(key) &&
	    !strcmp(json_string_value(name), key);
	json_decref(name);
	return same;
}

struct member {
	bool found, empty;
	size_t start, end;	/* of its value; else where one goes */
};

/* The member `key` of the object that begins at `i`. */
static struct member
find(struct writ_str s, size_t i, const char *key)
{
	struct member m = { .empty = true, .end = i + 1 };
	size_t name, colon;

	for (i = skip_blank(s, i + 1); i < s.len && s.ptr[i] == '"';
	    i = skip_blank(s, i)) {
		name = i;
		i = string_end(s, i);
		colon = skip_blank(s, i);
		m.empty = false;
		m.start = skip_blank(s, colon + 1);
		m.end = value_end(s, m.start);
		if (is_key(writ_str(s.ptr + name, i - name), key)) {
			m.found = true;
			return m;
		}
		i = skip_blank(s, m.end);
		if (i < s.len && s.ptr[i] == ',')
			i++;
	}
	return m;
}

/* ---- writing */

/* Spaces of one level, as the text's first indented line has it; 0: a tab. */
static unsigned
unit_of(struct writ_str s)
{
	const char *line = s.len ? memchr(s.ptr, '\n', s.len) : NULL;
	size_t i, start = line ? (size_t)(line - s.ptr) + 1 : s.len;

	if (start < s.len && s.ptr[start] == '\t')
		return 0;
	for (i = start; i < s.len && s.ptr[i] == ' '; i++)
		;
	return i - start >= 1 && i - start <= 8 ? (unsigned)(i - start) : 2;
}

static void
indent(struct writ_buf *b, unsigned spaces, size_t depth)
{
	size_t i, n = spaces ? spaces * depth : depth;

	for (i = 0; i < n; i++)
		writ_buf_char(b, spaces ? ' ' : '\t');
}

void
cli_splice_value(struct writ_buf *out, const json_t *value, unsigned spaces,
    unsigned depth)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY |
	    JSON_INDENT(spaces ? spaces : 1));
	struct writ_str rest = writ_str_from(text), line;
	size_t blanks;
	bool first = true;

	if (!text)
		out->failed = WRIT_NOMEM;
	while (rest.ptr) {
		line = writ_str_cut(rest, '\n', &rest);
		for (blanks = 0; blanks < line.len && line.ptr[blanks] == ' ';)
			blanks++;
		if (!first) {
			writ_buf_char(out, '\n');
			indent(out, spaces, depth + (spaces ?
			    blanks / spaces : blanks));
		}
		writ_buf_str(out, writ_str_skip(line, blanks));
		first = false;
	}
	writ_mem_free(text);
}

/* path[0]: {path[1]: {... value}}; *out is the caller's. */
static json_t *
nested(const char *const *path, const json_t *value)
{
	json_t *inner, *o;

	if (!path[0])
		return json_deep_copy(value);
	inner = nested(path + 1, value);
	o = json_object();
	if (!inner || json_object_set_new(o, path[0], inner)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static void
insert(struct writ_buf *out, struct writ_str text, const struct member *m,
    const char *key, const json_t *value, unsigned depth)
{
	unsigned spaces = unit_of(text);

	writ_buf_add(out, text.ptr, m->found ? m->start : m->end);
	if (!m->found) {
		writ_buf_cstr(out, m->empty ? "\n" : ",\n");
		indent(out, spaces, depth + 1);
		writ_buf_json(out, writ_str_from(key));
		writ_buf_cstr(out, ": ");
	}
	cli_splice_value(out, value, spaces, depth + 1);
	if (!m->found && m->empty) {
		writ_buf_char(out, '\n');
		indent(out, spaces, depth);
		text = writ_str_skip(text, skip_blank(text, m->end));
	} else {
		text = writ_str_skip(text, m->end);
	}
	writ_buf_str(out, text);
}

/* What the object must be afterwards. */
static enum writ_status
expect(json_t *o, const char *const *path, const json_t *value,
    struct writ_err *err)
{
	json_t *made;

	while (path[1]) {
		json_t *next = json_object_get(o, path[0]);

		if (!next)
			break;
		if (!json_is_object(next))
			return writ_fail(err, WRIT_INVALID,
			    "\"%s\" is there, and is not an object", path[0]);
		o = next;
		path++;
	}
	made = nested(path + 1, value);
	return made && !json_object_set_new(o, path[0], made) ? WRIT_OK :
	    writ_fail(err, WRIT_NOMEM, "JSON");
}

enum writ_status
cli_splice(struct writ_str text, const char *const *path, const json_t *value,
    struct writ_buf *out, struct writ_err *err)
{
	writ_auto_json want = NULL;
	writ_auto_json have = NULL;
	writ_auto_json put = NULL;
	size_t at = skip_blank(text, 0);
	struct member m;
	enum writ_status st;
	unsigned depth = 0;

	st = writ_json_parse_foreign(text, WRIT_JSON_MAX, &want, err);
	if (st != WRIT_OK)
		return st;
	if (!json_is_object(want))
		return writ_fail(err, WRIT_INVALID, "not a JSON object");
	st = expect(want, path, value, err);
	if (st != WRIT_OK)
		return st;
	for (m = find(text, at, path[0]); m.found && path[1]; depth++)
		m = find(text, m.start, *++path);
	put = nested(path + 1, value);
	if (!put)
		return writ_fail(err, WRIT_NOMEM, "JSON");
	insert(out, text, &m, path[0], put, depth);
	st = writ_buf_status(out);
	if (st == WRIT_OK)
		st = writ_json_parse_foreign(writ_buf_view(out), WRIT_JSON_MAX,
		    &have, err);
	if (st != WRIT_OK)
		return writ_fail(err, st, "what would be written is too large");
	if (!json_equal(want, have))
		WRIT_BUG("spliced JSON differs");
	return WRIT_OK;
}
