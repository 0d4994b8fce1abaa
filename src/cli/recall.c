#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/recall.h"
#include "writ/host.h"

#define PREFIX 4		/* letters of the session in an id */
#define DATE 11			/* "YYYY-MM-DD-" before the session in a file's name */
#define FILES_MAX 16		/* logs with the prefix, newest first */
#define LINE_MAX_BYTES 65536	/* docs/AUDIT.md, "Form of a line" */

struct wanted {
	char prefix[PREFIX + 1];
	uint64_t seq;
};

struct log_file {
	char path[4096];
	struct timespec changed;
};

static bool
split(const char *id, struct wanted *w)
{
	const char *p;

	if (strlen(id) < PREFIX + 2 || id[PREFIX] != '-' ||
	    strspn(id, "0123456789abcdef") != PREFIX)
		return false;
	memcpy(w->prefix, id, PREFIX);
	w->prefix[PREFIX] = '\0';
	w->seq = 0;
	for (p = id + PREFIX + 1; *p; p++) {
		if (*p < '0' || *p > '9' || w->seq > UINT32_MAX)
			return false;
		w->seq = w->seq * 10 + (uint64_t)(*p - '0');
	}
	return true;
}

bool
cli_recall_is_id(const char *text)
{
	struct wanted w;

	return split(text, &w);
}

void
cli_recall_release(struct cli_recall *r)
{
	json_decref(r->decision);
	json_decref(r->start);
	r->decision = r->start = NULL;
}

/* ---- one log */

static bool
is_type(const json_t *record, const char *type)
{
	struct writ_str s;

	return writ_json_str(record, "type", &s) == WRIT_OK &&
	    writ_str_is(s, type);
}

/* Keep the line if it is what is wanted, or where its session began. */
static void
take_line(const struct wanted *w, struct writ_str line, struct cli_recall *r)
{
	struct writ_str session;
	uint64_t seq;
	json_t *o;

	if (writ_json_parse_nul(line, &o, NULL) != WRIT_OK)
		return;
	if (writ_json_str(o, "session", &session) != WRIT_OK ||
	    !writ_str_starts(session, writ_str_from(w->prefix)) ||
	    writ_json_u64(o, "seq", &seq) != WRIT_OK) {
		json_decref(o);
		return;
	}
	if (is_type(o, "session-start") && seq < w->seq) {
		json_decref(r->start);
		r->start = o;
	} else if (is_type(o, "decision") && seq == w->seq && !r->decision) {
		r->decision = o;
	} else {
		json_decref(o);
	}
}

/* In a whole chain the record `seq` is line `seq`; a bad record behind it takes nothing from
 * it. */
static void
check_chain(const struct wanted *w, struct cli_recall *r)
{
	struct writ_err err = { WRIT_OK, "" };
	uint64_t good = 0;
	enum writ_status st = writ_log_check(r->file, &good, &err);

	if (good >= w->seq && r->line == w->seq)
		return;
	snprintf(r->doubt, sizeof(r->doubt), "%s", st != WRIT_OK ? err.msg :
	    "it does not stand where its number says");
}

static enum writ_status
search(const char *path, const struct wanted *w, struct cli_recall *r,
    struct writ_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return writ_fail(err, errno == ENOENT ? WRIT_NOENT : WRIT_IO,
		    "%s: %s", path, strerror(errno));
	}
	r->line = 0;
	while (!r->decision && (n = getline(&line, &room, f)) > 0) {
		r->line++;
		if (n <= LINE_MAX_BYTES)
			take_line(w, writ_str(line, (size_t)n), r);
	}
	free(line);
	(void)fclose(f);
	if (!r->decision) {
		cli_recall_release(r);
		return writ_fail(err, WRIT_NOENT, "%s: has no decision %s-%llu",
		    path, w->prefix, (unsigned long long)w->seq);
	}
	snprintf(r->file, sizeof(r->file), "%s", path);
	check_chain(w, r);
	return WRIT_OK;
}

/* ---- the state folder */

static bool
state_folder(char out[4096])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n = -1;

	if (state && state[0] == '/')
		n = snprintf(out, 4096, "%s/writ/audit", state);
	else if (home && home[0] == '/')
		n = snprintf(out, 4096, "%s/.local/state/writ/audit", home);
	return n > 0 && n < 4096 - 300;
}

static bool
newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec :
	    a->tv_nsec > b->tv_nsec;
}

/* Keep the FILES_MAX newest, sorted. */
static size_t
keep_file(struct log_file *files, size_t n, const struct log_file *one)
{
	size_t i = n < FILES_MAX ? n : FILES_MAX - 1;

	if (n == FILES_MAX && !newer(&one->changed, &files[i].changed))
		return n;
	for (; i && newer(&one->changed, &files[i - 1].changed); i--)
		files[i] = files[i - 1];
	files[i] = *one;
	return n < FILES_MAX ? n + 1 : n;
}

static size_t
list(const char *folder, const struct wanted *w, struct log_file *files)
{
	DIR *dir = opendir(folder);
	struct log_file one;
	struct dirent *e;
	struct stat st;
	size_t n = 0;

	if (!dir)
		return 0;
	while ((e = readdir(dir))) {
		if (strlen(e->d_name) <= DATE + PREFIX ||
		    strncmp(e->d_name + DATE, w->prefix, PREFIX) ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		snprintf(one.path, sizeof(one.path), "%.3700s/%.255s", folder,
		    e->d_name);
		one.changed = st.st_mtim;
		n = keep_file(files, n, &one);
	}
	closedir(dir);
	return n;
}

enum writ_status
cli_recall_find(const char *id, const char *audit, struct cli_recall *out,
    struct writ_err *err)
{
	struct log_file *files;
	char folder[4096];
	struct wanted w;
	size_t i, n;
	enum writ_status st = WRIT_NOENT;

	memset(out, 0, sizeof(*out));
	if (!split(id, &w))
		return writ_fail(err, WRIT_INVALID, "\"%s\": not an id such as "
		    "24d6-18", id);
	if (audit)
		return search(audit, &w, out, err);
	if (!state_folder(folder))
		return writ_fail(err, WRIT_NOENT, "neither XDG_STATE_HOME nor "
		    "HOME names a folder; say which log: --audit FILE");
	files = writ_alloc(FILES_MAX, sizeof(*files));
	if (!files)
		return writ_fail(err, WRIT_NOMEM, "list of logs");
	n = list(folder, &w, files);
	for (i = 0; i < n && st != WRIT_OK; i++)
		st = search(files[i].path, &w, out, err);
	writ_mem_free(files);
	if (st != WRIT_OK)
		return writ_fail(err, WRIT_NOENT, "%s: no log under %s has it; if "
		    "the run wrote another one: --audit FILE", id, folder);
	return WRIT_OK;
}
