#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/hash.h"
#include "base/limits.h"
#include "session/session.h"
#include "session/wishes.h"
#include "writ/mcp.h"

static enum writ_status
wishes_open(int flags, int *out, struct writ_err *err)
{
	char dir[4096], path[4200];
	struct stat st;
	enum writ_status rc = writ_state_dir(dir, err);

	if (rc != WRIT_OK)
		return rc;
	snprintf(path, sizeof(path), "%s/wishes.jsonl", dir);
	*out = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*out < 0)
		return writ_fail(err, errno == ENOENT ? WRIT_NOENT : WRIT_IO,
		    "%s: %s", path, strerror(errno));
	if (fstat(*out, &st) || !S_ISREG(st.st_mode) ||
	    st.st_uid != geteuid() || flock(*out, LOCK_EX)) {
		close(*out);
		return writ_fail(err, WRIT_IO, "%s: not a file of ours", path);
	}
	return WRIT_OK;
}

/* The same wish has the same id: what is filed twice is seen once. */
static void
wish_id(const struct writ_wish *w, char id[WRIT_WISH_ID])
{
	const struct writ_str parts[] = { w->toolbox, w->tool, w->what };
	struct writ_sha256 h;
	struct writ_digest d;
	char text[WRIT_DIGEST_TEXT];
	size_t i;

	writ_sha256_start(&h);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		writ_sha256_add(&h, parts[i].ptr, parts[i].len);
		writ_sha256_add(&h, "", 1);
	}
	writ_sha256_end(&h, &d);
	writ_digest_text(&d, text);
	snprintf(id, WRIT_WISH_ID, "%.8s", strchr(text, ':') + 1);
}

static void
put(struct writ_buf *b, const char *key, struct writ_str value)
{
	writ_buf_printf(b, ",\"%s\":", key);
	writ_buf_json(b, writ_str_first(value, WRIT_API_WORDS_MAX));
}

static void
wish_line(struct writ_buf *b, const struct writ_wish *w, const char *id)
{
	char when[32];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	writ_buf_printf(b, "{\"id\":\"%s\",\"time\":\"%s\"", id, when);
	put(b, "toolbox", w->toolbox);
	put(b, "tool", w->tool);
	put(b, "client", w->client);
	put(b, "what", w->what);
	put(b, "why", w->why);
	writ_buf_cstr(b, "}\n");
}

static enum writ_status
read_all(int fd, struct writ_buf *b)
{
	char *room;
	ssize_t n;

	while ((room = writ_buf_room(b, 4096)) &&
	    (n = read(fd, room, 4096)) > 0)
		writ_buf_grew(b, (size_t)n);
	return b->failed ? WRIT_LIMIT : WRIT_OK;
}

enum writ_status
writ_wish_file(const struct writ_wish *w, char id[WRIT_WISH_ID],
    struct writ_err *err)
{
	writ_auto_fd fd = -1;
	writ_auto_release(writ_buf) all;
	writ_auto_release(writ_buf) line;
	char mark[32];
	enum writ_status st = wishes_open(O_RDWR | O_CREAT | O_APPEND, &fd,
	    err);

	writ_buf_init(&all, WRIT_WISHES_MAX + 8192);
	writ_buf_init(&line, 64 * 1024);
	if (st != WRIT_OK)
		return st;
	wish_id(w, id);
	wish_line(&line, w, id);
	snprintf(mark, sizeof(mark), "{\"id\":\"%s\"", id);
	if (read_all(fd, &all) != WRIT_OK ||
	    all.len + line.len > WRIT_WISHES_MAX)
		return writ_fail(err, WRIT_LIMIT, "too many wishes are open; a "
		    "person has to look at them first (writ wishes)");
	if (all.len && memmem(all.ptr, all.len, mark, strlen(mark)))
		return WRIT_OK;
	if (writ_buf_status(&line) != WRIT_OK ||
	    write(fd, line.ptr, line.len) != (ssize_t)line.len)
		return writ_fail(err, WRIT_IO, "the wish cannot be written");
	return WRIT_OK;
}

enum writ_status
writ_mcp_wishes(bool clear, char **lines, struct writ_err *err)
{
	writ_auto_fd fd = -1;
	writ_auto_release(writ_buf) all;
	enum writ_status st = wishes_open(O_RDWR, &fd, err);

	writ_buf_init(&all, WRIT_WISHES_MAX + 8192);
	if (st == WRIT_OK)
		st = read_all(fd, &all) == WRIT_OK ? WRIT_OK :
		    writ_fail(err, WRIT_LIMIT, "the list of wishes is too long");
	if (st != WRIT_OK && st != WRIT_NOENT)
		return st;
	if (clear && fd >= 0 && ftruncate(fd, 0))
		return writ_fail(err, WRIT_IO, "the list of wishes: %s",
		    strerror(errno));
	return writ_text_out(&all, lines, err);
}
