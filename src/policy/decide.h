/* decide.h - what deciding and suggesting share.  Internal to src/policy. */
#ifndef WRIT_POLICY_DECIDE_H
#define WRIT_POLICY_DECIDE_H

#include "policy/policy.h"

/** What is wrong with an absolute canonical guest path, or NULL. */
const char *writ_decide_path_wrong(struct writ_str path);

/** The mount with the longest prefix of `path`, or NULL. */
const struct writ_files_grant *
writ_decide_mount(const struct writ_policy *p, struct writ_str path);

/** The deny entry that refuses a files request, or NULL. */
const struct writ_files_deny *
writ_decide_denied(const struct writ_policy *p, const struct writ_request *rq);

/** The protected name that refuses a files request within `g`, or NULL. */
const char *
writ_decide_protected(const struct writ_files_grant *g,
    const struct writ_request *rq);

/** writ_decide of an http request that is a URL and a method (`op`) alone. */
void writ_decide_http_url(const struct writ_policy *p,
    const struct writ_request *rq, struct writ_decision *out);

/** writ_decide of a sockets request; false: no entry says anything of it. */
bool writ_decide_socket(const struct writ_policy *p,
    const struct writ_request *rq, struct writ_decision *out);

/** Whether an operation of sockets waits for others: "bind", "listen", "accept". */
bool writ_socket_listens(const char *op);

/** Whether an entry of `p`, of any kind, has this name. */
bool writ_policy_has_name(const struct writ_policy *p, const char *name);

/** Append a grant name made from `text`, one that no entry of `p` has. */
void writ_suggest_name(const struct writ_policy *p, struct writ_str text,
    struct writ_buf *out);

/** Append `s` as a double-quoted text of a writ, `$` escaped where it must be.
 */
void writ_suggest_quote(struct writ_str s, struct writ_buf *out);

/** The slug of a protected name, for rules. */
const char *writ_policy_protected_slug(const char *name);

#endif
