#include "base/http.h"

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_tchar(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool
writ_http_is_token(struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!is_tchar(s.ptr[i]))
			return false;
	return s.len > 0;
}

bool
writ_http_is_name(struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (is_upper(s.ptr[i]))
			return false;
	return writ_http_is_token(s);
}

bool
writ_http_is_value(struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}
