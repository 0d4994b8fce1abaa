#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cli/probe.h"

#define ARGS_MAX 64
#define AUDIT_LINE_MAX (128 * 1024)

void
probe_point(struct probe_point *point, bool seen, const char *fmt, ...)
{
	va_list ap;

	point->seen = seen;
	va_start(ap, fmt);
	vsnprintf(point->why, sizeof(point->why), fmt, ap);
	va_end(ap);
}

/* ---- one run */

static bool
keep_output(void *ctx, int which, const char *bytes, size_t len)
{
	struct probe_run *run = ctx;

	/* A full buffer keeps what it has; the guest goes on. */
	writ_buf_add(&run->output, bytes, len);
	return true;
}

static int
input_fd(const char *text)
{
	int fd = memfd_create("probe-stdin", MFD_CLOEXEC);

	if (fd >= 0 && (!cli_write(fd, text, strlen(text)) ||
	    lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static size_t
split(char *text, const char **out)
{
	size_t n = 0;
	char *p = text;

	while (*p && n < ARGS_MAX) {
		while (*p == ' ')
			*p++ = '\0';
		if (*p)
			out[n++] = p;
		while (*p && *p != ' ')
			p++;
	}
	return n;
}

static enum writ_status
load_writ(const struct probe_place *place, const char *writ,
    struct writ_policy **out, struct writ_err *err)
{
	char text[8192], path[512];
	int n;

	n = snprintf(text, sizeof(text), "writ: 1\n%s", writ ? writ : "");
	if (!probe_place_write(place, "writ.yaml", text, (size_t)n))
		return writ_fail(err, WRIT_IO, "writ.yaml: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/writ.yaml", place->dir);
	return writ_policy_load(path, out, err);
}

void
probe_run(struct probe_suite *suite, const struct probe_place *place,
    const struct probe_ask *ask, struct probe_run *run)
{
	struct writ_policy *policy = NULL;
	char component[4400], args[4096];
	const char *argv[ARGS_MAX];
	struct writ_call call = { .component = component, .args = argv,
		.audit = run->audit, .output = keep_output, .ctx = run };
	writ_auto_fd fd = -1;

	memset(run, 0, sizeof(*run));
	writ_buf_init(&run->output, PROBE_OUTPUT_MAX);
	snprintf(run->audit, sizeof(run->audit), "%s.audit", place->dir);
	if (ask->component)
		snprintf(component, sizeof(component), "%s", ask->component);
	else
		snprintf(component, sizeof(component), "%s/%s.wasm",
		    suite->guests, ask->guest);
	probe_place_text(place, ask->args, args, sizeof(args));
	call.args_count = split(args, argv);
	if (ask->input) {
		call.stdin_fd = fd = input_fd(ask->input);
		call.has_stdin = fd >= 0;
	}
	run->status = load_writ(place, ask->writ, &policy, &run->err);
	call.policy = policy;
	if (run->status == WRIT_OK)
		run->status = writ_run(suite->host, &call, &run->result,
		    &run->err);
	writ_policy_free(policy);
}

void
probe_run_release(struct probe_run *run)
{
	if (run->audit[0])
		unlink(run->audit);
	writ_buf_release(&run->output);
}

static bool
in_output(const struct probe_run *run, const char *line)
{
	struct writ_str o = writ_buf_view(&run->output);

	return !line || !line[0] ||
	    (o.len && memmem(o.ptr, o.len, line, strlen(line)));
}

static const char *
ending_word(const struct probe_run *run)
{
	static const char *const words[] = { "status 0", "an exit status",
		"a trap", "a limit", "cancelled", "the worker was lost" };

	return run->status == WRIT_OK ? words[run->result.ending] :
	    writ_status_name(run->status);
}

static bool
ended_so(const struct probe_run *run, enum probe_end end, const char *detail)
{
	const struct writ_result *r = &run->result;

	if (end == PROBE_REFUSED)
		return run->status != WRIT_OK && (!detail ||
		    !strcmp(writ_status_name(run->status), detail));
	if (run->status != WRIT_OK)
		return false;
	switch (end) {
	case PROBE_EXITS_0:
		return r->ending == WRIT_ENDED_OK ||
		    (r->ending == WRIT_ENDED_EXIT && r->exit_code == 0);
	case PROBE_EXITS_1:
		return r->ending == WRIT_ENDED_EXIT && r->exit_code == 1;
	case PROBE_TRAPS:
		return r->ending == WRIT_ENDED_TRAP;
	case PROBE_LIMITED:
		return r->ending == WRIT_ENDED_LIMIT && !strcmp(r->limit, detail);
	case PROBE_REFUSED:
	default:
		return false;
	}
}

bool
probe_run_ended(const struct probe_run *run, enum probe_end end,
    const char *detail, const char *line, struct probe_point *point)
{
	const char *said = run->status == WRIT_OK ? run->result.message :
	    run->err.msg;
	struct writ_str o = writ_buf_view(&run->output);

	if (!ended_so(run, end, detail))
		probe_point(point, false, "ended with %s %s: %.100s | %.*s",
		    ending_word(run), run->result.limit, said,
		    (int)(o.len > 60 ? 60 : o.len), o.len ? o.ptr : "");
	else if (!in_output(run, line) && !(line && strstr(said, line)))
		probe_point(point, false, "did not say \"%.60s\" but %.60s%.*s",
		    line, said, (int)(o.len > 90 ? 90 : o.len),
		    o.len ? o.ptr : "");
	else
		probe_point(point, true, "%.200s", end == PROBE_REFUSED ||
		    end == PROBE_LIMITED || end == PROBE_TRAPS ? said :
		    line ? line : "");
	return point->seen;
}

/* ---- the audit log */

/* A rule of the table may end in "*". */
static bool
is_rule(const char *by, const char *rule)
{
	size_t n = rule ? strlen(rule) : 0;

	if (!by || n == 0)
		return false;
	return rule[n - 1] == '*' ? !strncmp(by, rule, n - 1) :
	    !strcmp(by, rule);
}

static void
log_one(struct probe_log *log, const json_t *r, const char *rule,
    const char *voids)
{
	const char *type = json_string_value(json_object_get(r, "type"));
	const char *verdict = json_string_value(json_object_get(r, "verdict"));
	const char *by = json_string_value(json_object_get(r, "rule"));
	const char *word;
	const json_t *one;
	uint64_t count = 1;
	size_t i;

	if (!type)
		return;
	if ((!strcmp(type, "decision") && verdict && !strcmp(verdict, "deny")) ||
	    !strcmp(type, "refused-count")) {
		if (verdict == NULL)
			(void)!writ_json_u64(r, "count", &count);
		if (is_rule(by, rule))
			log->denied += (unsigned)count;
		else
			log->others += (unsigned)count;
	} else if (!strcmp(type, "limit")) {
		log->limits++;
		word = json_string_value(json_object_get(r, "limit"));
		snprintf(log->limit, sizeof(log->limit), "%s", word ? word : "");
	} else if (!strcmp(type, "outcome")) {
		log->failed++;
	} else if (!strcmp(type, "cache")) {
		log->rejected++;
	} else if (!strcmp(type, "session-start")) {
		log->starts++;
		json_array_foreach(json_object_get(r, "void"), i, one)
			if (voids && json_string_value(one) &&
			    strstr(json_string_value(one), voids))
				log->is_void = true;
	} else if (!strcmp(type, "session-end")) {
		log->ends++;
		word = json_string_value(json_object_get(r, "outcome"));
		snprintf(log->outcome, sizeof(log->outcome), "%s",
		    word ? word : "");
	}
}

void
probe_log_read(const char *file, const char *rule, const char *voids,
    struct probe_log *log)
{
	FILE *f = fopen(file, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	memset(log, 0, sizeof(*log));
	if (!f)
		return;
	log->there = true;
	while ((n = getline(&line, &cap, f)) > 0 && n < AUDIT_LINE_MAX) {
		writ_auto_json record = NULL;

		/* Allowed looks are most of a long log; they are not counted. */
		if (strstr(line, "\"verdict\":\"allow\"") ||
		    strstr(line, "\"outcome\":\"allowed\""))
			continue;
		if (writ_json_parse_nul(writ_str(line, (size_t)n), &record,
		    NULL) == WRIT_OK)
			log_one(log, record, rule, voids);
	}
	free(line);
	fclose(f);
}

static void
check_log(const struct probe *probe, const struct probe_run *run,
    struct probe_point *point)
{
	struct probe_log log;

	probe_log_read(run->audit, probe->rule, probe->voids, &log);
	if (probe->end == PROBE_REFUSED) {
		probe_point(point, log.starts == 0 ||
		    !strcmp(log.outcome, "not-started"),
		    log.starts ? "session ended as %s" :
		    "no session: nothing was started", log.outcome);
	} else if (log.starts != 1 || log.ends != 1) {
		probe_point(point, false, "%u session-start, %u session-end",
		    log.starts, log.ends);
	} else if (probe->records != log.denied || log.others) {
		probe_point(point, false, "%u refusals by %s and %u by other "
		    "rules, not %u", log.denied, probe->rule ? probe->rule :
		    "any rule", log.others, probe->records);
	} else if (probe->failures && probe->failures != log.failed) {
		probe_point(point, false, "%u outcomes of what was not done, "
		    "not %u", log.failed, probe->failures);
	} else if (probe->end == PROBE_LIMITED && (log.limits != 1 ||
	    strcmp(log.limit, probe->detail))) {
		probe_point(point, false, "%u limit records, the last of %s",
		    log.limits, log.limit);
	} else if (probe->end == PROBE_TRAPS && strcmp(log.outcome, "trapped")) {
		probe_point(point, false, "session ended as %s", log.outcome);
	} else if (probe->voids && !log.is_void) {
		probe_point(point, false, "session-start does not call %s void",
		    probe->voids);
	} else {
		probe_point(point, true, "%s%s%s", probe->rule ? probe->rule :
		    probe->voids ? "void " : "session-end ", probe->voids ?
		    probe->voids : "", probe->rule || probe->voids ? "" :
		    log.outcome);
	}
}

/* ---- one row */

static void
attack(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *result)
{
	struct probe_place place;
	struct probe_run run;
	struct probe_ask ask = { NULL, probe->guest, probe->args, probe->writ,
		probe->input };
	char line[600];

	if (!probe_place_open(&place, probe->tree)) {
		probe_point(&result->refused, false, "host tree: %s",
		    strerror(errno));
		probe_place_close(&place);
		return;
	}
	probe_run(suite, &place, &ask, &run);
	probe_place_text(&place, probe->line, line, sizeof(line));
	probe_run_ended(&run, probe->end, probe->detail, line,
	    &result->refused);
	probe_point(&result->canary, true, "not in the output, host unchanged");
	if (in_output(&run, place.token))
		probe_point(&result->canary, false, "the guest read the canary");
	probe_place_check(&place, probe->keeps, &result->canary);
	check_log(probe, &run, &result->audit);
	probe_run_release(&run);
	probe_place_close(&place);
}

static void
control(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *result)
{
	struct probe_place place;
	struct probe_run run;
	struct probe_ask ask = { NULL,
		probe->ok_guest ? probe->ok_guest : probe->guest,
		probe->ok_not_args ? NULL :
		probe->ok_args ? probe->ok_args : probe->args,
		probe->ok_writ ? probe->ok_writ : probe->writ, probe->ok_input };
	char line[600];

	if (probe->ok_none) {
		probe_point(&result->control, false, "%s", probe->ok_none);
		return;
	}
	if (!probe_place_open(&place, probe->tree))
		probe_point(&result->control, false, "host tree: %s",
		    strerror(errno));
	else {
		probe_run(suite, &place, &ask, &run);
		probe_place_text(&place, probe->ok_line, line, sizeof(line));
		probe_run_ended(&run, PROBE_EXITS_0, NULL, line,
		    &result->control);
		probe_run_release(&run);
	}
	probe_place_close(&place);
}

/* What was refused as stated, but cannot be granted yet, proves nothing yet. */
static void
judge(const struct probe *probe, struct probe_result *r)
{
	bool held = r->refused.seen && r->canary.seen && r->audit.seen;

	if (held && r->control.seen) {
		r->verdict = PROBE_PASSED;
	} else if (held && probe->ok_none) {
		r->verdict = PROBE_NOT_APPLICABLE;
		snprintf(r->reason, sizeof(r->reason), "refused as stated, but "
		    "no control: %.180s", probe->ok_none);
	} else {
		r->verdict = PROBE_FAILED;
	}
}

void
probe_do(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	struct timespec a, b;

	memset(r, 0, sizeof(*r));
	if (probe->not_applicable) {
		r->verdict = PROBE_NOT_APPLICABLE;
		snprintf(r->reason, sizeof(r->reason), "%s",
		    probe->not_applicable);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (probe->special) {
		probe->special(suite, probe, r);
	} else {
		attack(suite, probe, r);
		control(suite, probe, r);
	}
	if (!r->reason[0])
		judge(probe, r);
	else
		r->verdict = PROBE_NOT_APPLICABLE;
	clock_gettime(CLOCK_MONOTONIC, &b);
	r->ms = (uint64_t)((b.tv_sec - a.tv_sec) * 1000 +
	    (b.tv_nsec - a.tv_nsec) / 1000000);
}
