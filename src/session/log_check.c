#include "audit/audit.h"
#include "session/session.h"

enum writ_status
writ_log_check(const char *path, uint64_t *good, struct writ_err *err)
{
	struct writ_audit_report report;
	enum writ_status st;

	*good = 0;
	st = writ_hash_init();
	if (st != WRIT_OK)
		return writ_fail(err, st, "audit log %s: check", path);
	st = writ_audit_verify(path, &report, err);
	*good = report.records;
	return st;
}
