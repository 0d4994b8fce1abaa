/* Names, placeholders and templates: what is done with a toolbox's texts later. */
#include "policy/toolbox_parts.h"

/* What stands behind the interface. */
static struct writ_str
function_of(struct writ_str full)
{
	struct writ_str rest, head = writ_str_cut(full, '#', &rest);

	return rest.ptr ? rest : head;
}

bool
writ_toolbox_selects(struct writ_str export_name, struct writ_str full)
{
	struct writ_str rest, version, head;

	if (writ_str_eq(export_name, full))
		return true;
	if (!memchr(export_name.ptr, '#', export_name.len))
		return writ_str_eq(export_name, function_of(full));
	head = writ_str_cut(full, '#', &rest);
	head = writ_str_cut(head, '@', &version);
	return version.ptr && rest.ptr && writ_str_starts(export_name, head) &&
	    export_name.len == head.len + 1 + rest.len &&
	    export_name.ptr[head.len] == '#' &&
	    writ_str_eq(writ_str_skip(export_name, head.len + 1), rest);
}

/* "[method]counter.increment" is shown as "counter.increment". */
static struct writ_str
without_kind(struct writ_str f)
{
	struct writ_str rest;

	if (f.len == 0 || f.ptr[0] != '[')
		return f;
	(void)writ_str_cut(f, ']', &rest);
	return rest.ptr ? rest : f;
}

enum writ_status
writ_toolbox_name(struct writ_str group, struct writ_str full,
    char out[WRIT_TOOL_NAME_MAX + 1], struct writ_err *err)
{
	struct writ_str f = without_kind(function_of(full));
	char name[WRIT_TOOL_NAME_MAX + 1];
	const char *why;

	if (group.len + 1 + f.len > WRIT_TOOL_NAME_MAX)
		return writ_fail(err, WRIT_INVALID, "the tool's name would be "
		    "longer than 128 bytes; give it one with \"name\"");
	(void)snprintf(name, sizeof(name), "%.*s_%.*s", WRIT_STR_ARG(group),
	    WRIT_STR_ARG(f));
	why = writ_lookalike_name_wrong(writ_str_from(name));
	if (why || f.len == 0)
		return writ_fail(err, WRIT_INVALID, "export \"%.*s\" makes no tool "
		    "name (%s); give it one with \"name\"", WRIT_STR_ARG(f),
		    why ? why : "it is empty");
	memcpy(out, name, strlen(name) + 1);
	return WRIT_OK;
}

/* ---- prompts */

/* The next `{{...}}` of *text: what stands before it, what is in it.  False at the
 * end, when `before` is all that is left; `in` without ptr is one that never ends. */
static bool
next_hole(struct writ_str *text, struct writ_str *before, struct writ_str *in)
{
	struct writ_str s = *text;
	size_t i, k;

	for (i = 0; i + 1 < s.len; i++)
		if (s.ptr[i] == '{' && s.ptr[i + 1] == '{')
			break;
	*in = (struct writ_str){ NULL, 0 };
	if (i + 1 >= s.len) {
		*before = s;
		*text = writ_str_skip(s, s.len);
		return false;
	}
	*before = writ_str(s.ptr, i);
	for (k = i + 2; k + 1 < s.len; k++)
		if (s.ptr[k] == '}' && s.ptr[k + 1] == '}')
			break;
	if (k + 1 < s.len)
		*in = writ_str(s.ptr + i + 2, k - i - 2);
	*text = writ_str_skip(s, in->ptr ? k + 2 : s.len);
	return true;
}

static size_t
argument(const struct writ_toolbox_prompt *p, struct writ_str name)
{
	size_t i;

	for (i = 0; i < p->arguments_count; i++)
		if (writ_str_eq(p->arguments[i].name, name))
			break;
	return i;
}

const char *
writ_toolbox_expand_wrong(const struct writ_toolbox_prompt *p,
    struct writ_str text)
{
	struct writ_str before, in;

	while (next_hole(&text, &before, &in)) {
		if (!in.ptr)
			return "\"{{\" without \"}}\" (\"{{}}\" stands for \"{{\")";
		if (in.len && argument(p, in) == p->arguments_count)
			return "\"{{...}}\" that names no argument of this prompt";
	}
	return NULL;
}

void
writ_toolbox_expand(const struct writ_toolbox_prompt *p, struct writ_str text,
    const struct writ_str *values, struct writ_buf *out)
{
	struct writ_str before, in;
	size_t i;

	while (next_hole(&text, &before, &in)) {
		writ_buf_str(out, before);
		i = argument(p, in);
		if (in.len == 0)
			writ_buf_cstr(out, "{{");
		else if (i < p->arguments_count && values[i].ptr)
			writ_buf_str(out, values[i]);
	}
	writ_buf_str(out, before);
}

/* ---- templates */

static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bytes of the value that `s` begins with. */
static size_t
value_len(struct writ_str s)
{
	size_t i = 0;

	while (i < s.len) {
		if (is_unreserved(s.ptr[i]))
			i++;
		else if (s.ptr[i] == '%' && s.len - i >= 3 &&
		    hex(s.ptr[i + 1]) >= 0 && hex(s.ptr[i + 2]) >= 0)
			i += 3;
		else
			break;
	}
	return i;
}

static bool
good_variable(struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!is_unreserved(s.ptr[i]) || s.ptr[i] == '-' ||
		    s.ptr[i] == '.' || s.ptr[i] == '~')
			return false;
	return s.len > 0 && s.len <= WRIT_DOC_NAME_MAX;
}

const char *
writ_toolbox_template_wrong(struct writ_str uri,
    struct writ_str names[WRIT_TOOLBOX_VARIABLES_MAX], size_t *count)
{
	struct writ_str rest = uri, name;
	size_t i, n = 0;
	char after;

	while (memchr(rest.ptr, '{', rest.len)) {
		(void)writ_str_cut(rest, '{', &rest);
		name = writ_str_cut(rest, '}', &rest);
		if (!rest.ptr || !good_variable(name))
			return "a variable is {NAME}, of letters, digits and _";
		if (n == WRIT_TOOLBOX_VARIABLES_MAX)
			return "more than 8 variables";
		for (i = 0; i < n; i++)
			if (writ_str_eq(names[i], name))
				return "a variable twice";
		names[n++] = name;
		after = rest.len ? rest.ptr[0] : '/';
		if (after == '{' || after == '%' || is_unreserved(after))
			return "behind a variable stands its end: / ? # & = : , ; "
			    "or nothing";
		if (rest.len == 0)
			break;
	}
	if (n == 0)
		return "a template without {variables} is a \"uri\"";
	if (rest.len && memchr(rest.ptr, '}', rest.len))
		return "a \"}\" without \"{\"";
	*count = n;
	return NULL;
}

bool
writ_toolbox_match(const struct writ_toolbox_resource *r, struct writ_str uri,
    struct writ_str *values)
{
	struct writ_str t = r->uri, literal, name;
	size_t n, i = 0;

	for (;;) {
		literal = writ_str_cut(t, '{', &t);
		if (!writ_str_starts(uri, literal))
			return false;
		uri = writ_str_skip(uri, literal.len);
		if (!t.ptr)
			return uri.len == 0;
		name = writ_str_cut(t, '}', &t);
		n = value_len(uri);
		if (n == 0 || name.len == 0 || i >= r->variables_count)
			return false;
		values[i++] = writ_str(uri.ptr, n);
		uri = writ_str_skip(uri, n);
		if (!t.ptr || t.len == 0)
			return uri.len == 0;
	}
}

enum writ_status
writ_toolbox_decode(struct writ_str value, struct writ_buf *out)
{
	size_t from = out->len, i;
	struct writ_str got;

	for (i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (c == '%') {
			if (value.len - i < 3 || hex(value.ptr[i + 1]) < 0 ||
			    hex(value.ptr[i + 2]) < 0)
				return WRIT_INVALID;
			c = (char)(hex(value.ptr[i + 1]) * 16 +
			    hex(value.ptr[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return WRIT_INVALID;
		writ_buf_char(out, c);
	}
	if (writ_buf_status(out) != WRIT_OK)
		return writ_buf_status(out);
	got = writ_str_skip(writ_buf_view(out), from);
	return got.len == 0 || writ_str_utf8(got) ? WRIT_OK : WRIT_INVALID;
}
