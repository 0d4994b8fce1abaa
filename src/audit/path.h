/*
 * path.h - which names a session may have.  Internal.
 */
#ifndef WRIT_AUDIT_PATH_H
#define WRIT_AUDIT_PATH_H

#include "base/str.h"

/** Whether `s` is a session id (audit.h, WRIT_AUDIT_SESSION_MAX). */
bool writ_audit_session_ok(struct writ_str s);

#endif
