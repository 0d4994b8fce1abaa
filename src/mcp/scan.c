#include "mcp/scan.h"

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct writ_str
skip_blank(struct writ_str s)
{
	while (s.len && blank(s.ptr[0]))
		s = writ_str_skip(s, 1);
	return s;
}

/* Bytes of the string that `s` begins with, quotes included. */
static size_t
string_len(struct writ_str s)
{
	size_t i;

	for (i = 1; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '"')
			return i + 1;
	}
	return s.len;
}

static size_t
nested_len(struct writ_str s)
{
	size_t i = 0, depth = 0;

	while (i < s.len) {
		char c = s.ptr[i];

		if (c == '"') {
			i += string_len(writ_str_skip(s, i));
			continue;
		}
		i++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			break;
	}
	return i;
}

static size_t
value_len(struct writ_str s)
{
	size_t i;

	if (s.len && s.ptr[0] == '"')
		return string_len(s);
	if (s.len && (s.ptr[0] == '{' || s.ptr[0] == '['))
		return nested_len(s);
	for (i = 0; i < s.len; i++)
		if (blank(s.ptr[i]) || memchr(",]}", s.ptr[i], 3))
			break;
	return i;
}

struct writ_mcp_scan
writ_mcp_scan(struct writ_str value)
{
	struct writ_mcp_scan scan = { skip_blank(value) };

	if (scan.rest.len && memchr("{[", scan.rest.ptr[0], 2))
		scan.rest = writ_str_skip(scan.rest, 1);
	else
		scan.rest.len = 0;
	return scan;
}

bool
writ_mcp_scan_next(struct writ_mcp_scan *scan, struct writ_str *key,
    struct writ_str *value)
{
	struct writ_str s = skip_blank(scan->rest);
	size_t n;

	if (s.len && s.ptr[0] == ',')
		s = skip_blank(writ_str_skip(s, 1));
	if (!s.len || s.ptr[0] == '}' || s.ptr[0] == ']')
		return false;
	*key = writ_str(s.ptr, 0);
	n = value_len(s);
	*value = writ_str(s.ptr, n);
	s = skip_blank(writ_str_skip(s, n));
	if (s.len && s.ptr[0] == ':') {
		*key = *value;
		s = skip_blank(writ_str_skip(s, 1));
		n = value_len(s);
		*value = writ_str(s.ptr, n);
		s = writ_str_skip(s, n);
	}
	scan->rest = s;
	return value->len > 0;
}

static int
hex4(struct writ_str s)
{
	int v = 0;
	size_t i;

	if (s.len < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		char c = s.ptr[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

bool
writ_mcp_scan_is(struct writ_str key, const char *name)
{
	if (key.len < 2)
		return false;
	key = writ_str(key.ptr + 1, key.len - 2);
	for (; *name; name++) {
		int c;

		if (!key.len)
			return false;
		c = (unsigned char)key.ptr[0];
		key = writ_str_skip(key, 1);
		if (c == '\\' && key.len) {
			c = key.ptr[0];		/* \" \\ \/ stand for themselves */
			key = writ_str_skip(key, 1);
			if (c == 'u') {
				c = hex4(key);
				key = writ_str_skip(key, 4);
			} else if (memchr("bfnrt", c, 5)) {
				return false;
			}
		}
		if (c != (unsigned char)*name)
			return false;
	}
	return key.len == 0;
}

bool
writ_mcp_scan_member(struct writ_str object, const char *name,
    struct writ_str *value)
{
	struct writ_mcp_scan scan = writ_mcp_scan(object);
	struct writ_str key, v;

	while (writ_mcp_scan_next(&scan, &key, &v)) {
		if (writ_mcp_scan_is(key, name)) {
			*value = v;
			return true;
		}
	}
	return false;
}

void
writ_mcp_scan_tight(struct writ_buf *b, struct writ_str s)
{
	while (s.len) {
		size_t n = 0;

		while (n < s.len && !blank(s.ptr[n]))
			n += s.ptr[n] == '"' ?
			    string_len(writ_str_skip(s, n)) : 1;
		if (n > s.len)
			n = s.len;
		writ_buf_str(b, writ_str(s.ptr, n));
		s = skip_blank(writ_str_skip(s, n));
	}
}
