#include <sys/utsname.h>

#include "base/limits.h"
#include "jail/jail.h"
#include "port/engine_id.h"
#include "session/session.h"

/* The groups that a worker keeps.  Only who may set groups (CAP_SETGID) can drop them, and a
 * user namespace made without it forbids just that (setgroups "deny"). */
static void
put_groups(struct writ_buf *b)
{
	int n = geteuid() == 0 ? 0 : getgroups(0, NULL), i;
	gid_t *groups = n > 0 ? writ_alloc((size_t)n, sizeof(*groups)) : NULL;
	const char *comma = "";

	n = groups ? getgroups(n, groups) : 0;
	for (i = 0; i < n; i++) {
		if (groups[i] == getegid())
			continue;
		writ_buf_printf(b, "%s%u", comma, (unsigned)groups[i]);
		comma = ",";
	}
	writ_mem_free(groups);
}

enum writ_status
writ_doctor(char **json, struct writ_err *err)
{
	struct writ_jail_offer offers[WRIT_WALLS_COUNT];
	writ_auto_release(writ_buf) b;
	struct utsname u;
	size_t i;

	writ_buf_init(&b, WRIT_JSON_MAX);
	writ_jail_offers(offers);
	writ_buf_cstr(&b, "{\"walls\":[");
	for (i = 0; i < WRIT_WALLS_COUNT; i++) {
		writ_buf_printf(&b, "%s{\"name\":\"%s\",\"offered\":%s,"
		    "\"what\":", i ? "," : "", writ_jail_name(offers[i].wall),
		    offers[i].offered ? "true" : "false");
		writ_buf_json(&b, writ_str_from(offers[i].what));
		writ_buf_char(&b, '}');
	}
	writ_buf_cstr(&b, "],\"engine\":\"" WRIT_ENGINE_ID "\",\"kernel\":");
	writ_buf_json(&b, writ_str_from(uname(&u) ? NULL : u.release));
	writ_buf_printf(&b, ",\"user\":%u,\"groups\":[", (unsigned)geteuid());
	put_groups(&b);
	writ_buf_cstr(&b, "],\"approver\":");
	writ_buf_json(&b, WRIT_STR("no approver: a writ is the only way to "
	    "grant; whoever may write your writ files may widen them"));
	writ_buf_char(&b, '}');
	return writ_text_out(&b, json, err);
}
