/*
 * field.h - one HTTP field (RFC 9110 5), as everybody passes it on.
 */
#ifndef WRIT_BASE_FIELD_H
#define WRIT_BASE_FIELD_H

#include "base/str.h"

/** A name is a token in lower case; a value has no CR, LF or NUL.  Borrowed. */
struct writ_http_field {
	struct writ_str name, value;
};

#endif
