/*
 * http.h - what a field of HTTP may consist of (RFC 9110).  One rule for all who read, judge or
 * write one; the server's parser has it in its table (worker/serve_head.c).
 */
#ifndef WRIT_BASE_HTTP_H
#define WRIT_BASE_HTTP_H

#include <stdbool.h>

#include "base/str.h"

/** A token (5.6.2): one tchar at least. */
bool writ_http_is_token(struct writ_str s);

/** A field's name as it is kept here: a token without capital letters. */
bool writ_http_is_name(struct writ_str s);

/** What a field's value may hold (5.5): no control character but the tab.  May be empty. */
bool writ_http_is_value(struct writ_str s);

#endif
