#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/seal.h"
#include "base/vec.h"
#include "broker/secret_store.h"
#include "broker/secrets.h"
#include "base/taint.h"

#define OLD_MAX 4	/* values that a secret had before, still kept out of what is written */

struct held {
	char *name, *from;
	enum writ_secret_from kind;
	struct writ_secret_value now;		/* ptr NULL: it is gone */
	struct writ_secret_value old[OLD_MAX];	/* newest first */
	struct writ_secret_stamp stamp;		/* of its file */
};

struct writ_secrets {
	struct writ_vec held;			/* struct held */
	struct writ_secret_stamp stamp;		/* of the store */
	struct writ_taint_value *values;
	struct writ_taint *taint;
	bool blind;				/* what a secret is could not be kept in mind */
	char state_dir[WRIT_PATH_MAX + 1];
};

/* ---- which */

static enum writ_status
add(struct writ_secrets *s, const struct writ_policy *p, const char *name,
    struct writ_err *err)
{
	const struct writ_secret_source *from = writ_policy_secret(p, name);
	struct held *h;

	if (writ_secrets_index(s, name) >= 0)
		return WRIT_OK;
	if (writ_vec_push(&s->held, &h) != WRIT_OK)
		return writ_fail(err, WRIT_LIMIT, "more than %d secrets",
		    WRIT_SECRETS_MAX);
	h->name = writ_str_dup(writ_str_from(name));
	h->kind = from ? from->kind : WRIT_SECRET_STORE;
	h->from = writ_str_dup(writ_str_from(from && from->from ? from->from :
	    ""));
	return h->name && h->from ? WRIT_OK : writ_fail(err, WRIT_NOMEM,
	    "secrets");
}

static enum writ_status
collect(struct writ_secrets *s, const struct writ_policy *p,
    struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	size_t i, k;

	for (i = 0; i < p->http_count; i++)
		for (k = 0; st == WRIT_OK && k < p->http[i].credential_parts;
		    k++)
			if (p->http[i].credential[k].secret)
				st = add(s, p, p->http[i].credential[k].secret,
				    err);
	return st;
}

/* A guest that may read the folder of a secret's file has the secret. */
static enum writ_status
check_place(const struct writ_policy *p, const struct held *h,
    struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	size_t i, n;

	if (h->kind != WRIT_SECRET_FILE)
		return WRIT_OK;
	for (i = 0; st == WRIT_OK && i < p->files_count; i++) {
		const struct writ_files_grant *g = &p->files[i];
		char *folder, *file;

		if (g->source != WRIT_SOURCE_HOST)
			continue;
		folder = realpath(g->from, NULL);
		file = realpath(h->from, NULL);
		n = folder ? strlen(folder) : 0;
		if (folder && file && (!strcmp(folder, "/") ||
		    (!strncmp(file, folder, n) && file[n] == '/')))
			st = writ_fail(err, WRIT_DENIED, "secret \"%s\": its "
			    "file %s lies inside %s, which files \"%s\" grants; "
			    "move it out of there", h->name, h->from, g->from,
			    g->name);
		free(folder);
		free(file);
	}
	return st;
}

/* ---- fetching */

static enum writ_status
copy_value(const struct held *h, struct writ_str v, struct writ_secret_value *out,
    struct writ_err *err)
{
	const char *bad = writ_secret_bad(v);

	if (bad)
		return writ_fail(err, v.len > WRIT_SECRET_MAX ? WRIT_LIMIT :
		    WRIT_INVALID, "secret \"%s\": its value %s", h->name, bad);
	out->ptr = writ_locked_alloc(v.len);
	if (!out->ptr)
		return writ_fail(err, WRIT_NOMEM, "no memory for secrets that "
		    "can be locked (ulimit -l)");
	memcpy(out->ptr, v.ptr, v.len);
	out->len = v.len;
	return WRIT_OK;
}

static enum writ_status
fetch_env(struct held *h, struct writ_secret_value *out, struct writ_err *err)
{
	const char *v = getenv(h->from);

	return v ? copy_value(h, writ_str_from(v), out, err) : writ_fail(err,
	    WRIT_NOENT, "secret \"%s\": the variable %s is not set", h->name,
	    h->from);
}

static void
stamp_of(const struct stat *st, struct writ_secret_stamp *out)
{
	out->v[0] = (uint64_t)st->st_ino;
	out->v[1] = (uint64_t)st->st_size;
	out->v[2] = (uint64_t)st->st_mtim.tv_sec;
	out->v[3] = (uint64_t)st->st_mtim.tv_nsec;
}

static enum writ_status
check_file(const struct held *h, const struct stat *st, struct writ_err *err)
{
	if (!S_ISREG(st->st_mode))
		return writ_fail(err, WRIT_INVALID, "secret \"%s\": %s is not a "
		    "regular file", h->name, h->from);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return writ_fail(err, WRIT_DENIED, "secret \"%s\": %s belongs to "
		    "user %u; it must be yours, or root's", h->name, h->from,
		    (unsigned)st->st_uid);
	if (st->st_mode & 077)
		return writ_fail(err, WRIT_DENIED, "secret \"%s\": others may "
		    "read or write %s; make it yours alone: chmod 600", h->name,
		    h->from);
	if (st->st_size > WRIT_SECRET_MAX + 1)
		return writ_fail(err, WRIT_LIMIT, "secret \"%s\": %s is longer "
		    "than 16 KiB", h->name, h->from);
	return WRIT_OK;
}

/* Without the line end of its last line. */
static enum writ_status
fetch_file(struct held *h, struct writ_secret_value *out, struct writ_err *err)
{
	writ_auto_fd fd = open(h->from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY);
	writ_auto_locked char *text = NULL;
	enum writ_status rc;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return writ_fail(err, errno == ENOENT ? WRIT_NOENT : errno ==
		    ELOOP ? WRIT_DENIED : WRIT_IO, "secret \"%s\": %s: %s",
		    h->name, h->from, errno == ELOOP ? "a symbolic link; name "
		    "the file itself" : strerror(errno));
	if (fstat(fd, &st))
		return writ_fail(err, WRIT_IO, "secret \"%s\": %s: %s", h->name,
		    h->from, strerror(errno));
	rc = check_file(h, &st, err);
	if (rc != WRIT_OK)
		return rc;
	text = writ_locked_alloc(WRIT_SECRET_MAX + 1);
	if (!text)
		return writ_fail(err, WRIT_NOMEM, "no memory for secrets that "
		    "can be locked (ulimit -l)");
	n = read(fd, text, WRIT_SECRET_MAX + 1);
	if (n < 0)
		return writ_fail(err, WRIT_IO, "secret \"%s\": %s: %s", h->name,
		    h->from, strerror(errno));
	if (n && text[n - 1] == '\n')
		n--;
	stamp_of(&st, &h->stamp);
	return copy_value(h, writ_str(text, (size_t)n), out, err);
}

static enum writ_status
fetch(struct writ_secrets *s, struct writ_secret_store *store, struct held *h,
    struct writ_secret_value *out, struct writ_err *err)
{
	enum writ_status st;

	if (h->kind == WRIT_SECRET_ENV)
		return fetch_env(h, out, err);
	if (h->kind == WRIT_SECRET_FILE)
		return fetch_file(h, out, err);
	if (!store)
		return writ_fail(err, WRIT_NOENT, "secret \"%s\": there is no "
		    "store yet: writ secret set %s", h->name, h->name);
	st = writ_secret_store_get(store, writ_str_from(h->name), out, err);
	return st;
}

static bool
uses_store(const struct writ_secrets *s)
{
	size_t i;

	for (i = 0; i < s->held.len; i++)
		if (((const struct held *)writ_vec_at(&s->held, i))->kind ==
		    WRIT_SECRET_STORE)
			return true;
	return false;
}

/* *store stays NULL when there is none. */
static enum writ_status
open_store(struct writ_secrets *s, struct writ_secret_store **store,
    struct writ_err *err)
{
	enum writ_status st;

	if (!uses_store(s))
		return WRIT_OK;
	writ_secret_store_stamp(s->state_dir, &s->stamp);
	st = writ_secret_store_open(s->state_dir, false, store, err);
	return st == WRIT_NOENT ? WRIT_OK : st;
}

/* The table of before points at values that may be gone: it is never left standing. */
static enum writ_status
make_taint(struct writ_secrets *s, struct writ_err *err)
{
	struct writ_taint_value *values = writ_alloc(s->held.len * (OLD_MAX + 1),
	    sizeof(*values));
	struct writ_taint *taint = NULL;
	size_t i, k, n = 0;

	for (i = 0; values && i < s->held.len; i++) {
		const struct held *h = writ_vec_at(&s->held, i);

		if (h->now.ptr)
			values[n++] = (struct writ_taint_value){ h->name,
				h->now.ptr, h->now.len };
		for (k = 0; k < OLD_MAX; k++)
			if (h->old[k].ptr)
				values[n++] = (struct writ_taint_value){
					h->name, h->old[k].ptr,
					h->old[k].len };
	}
	writ_taint_free(s->taint);
	writ_mem_free(s->values);
	s->blind = !values || writ_taint_new(values, n, &taint) != WRIT_OK;
	s->taint = taint;
	s->values = values;
	return s->blind ? writ_fail(err, WRIT_NOMEM, "no memory for secrets that "
	    "can be locked (ulimit -l)") : WRIT_OK;
}

enum writ_status
writ_secrets_open(const struct writ_policy *policy, const char *state_dir,
    struct writ_secrets **out, struct writ_err *err)
{
	writ_auto(writ_secrets) s = writ_alloc(1, sizeof(*s));
	writ_auto(writ_secret_store) store = NULL;
	enum writ_status st;
	size_t i;

	if (!s)
		return writ_fail(err, WRIT_NOMEM, "secrets");
	writ_vec_init(&s->held, sizeof(struct held), WRIT_SECRETS_MAX);
	st = writ_str_cstr(writ_str_from(state_dir), s->state_dir,
	    sizeof(s->state_dir));
	if (st != WRIT_OK)
		return writ_fail(err, st, "state folder");
	st = collect(s, policy, err);
	if (st == WRIT_OK && !s->held.len) {
		*out = NULL;
		return WRIT_OK;
	}
	if (st == WRIT_OK)
		st = open_store(s, &store, err);
	for (i = 0; st == WRIT_OK && i < s->held.len; i++) {
		struct held *h = writ_vec_at(&s->held, i);

		st = check_place(policy, h, err);
		if (st == WRIT_OK)
			st = fetch(s, store, h, &h->now, err);
	}
	if (st == WRIT_OK)
		st = make_taint(s, err);
	if (st == WRIT_OK)
		*out = writ_steal(&s);
	return st;
}

void
writ_secrets_free(struct writ_secrets *s)
{
	size_t i, k;

	if (!s)
		return;
	writ_taint_free(s->taint);
	writ_mem_free(s->values);
	for (i = 0; i < s->held.len; i++) {
		struct held *h = writ_vec_at(&s->held, i);

		writ_locked_free(h->now.ptr);
		for (k = 0; k < OLD_MAX; k++)
			writ_locked_free(h->old[k].ptr);
		writ_mem_free(h->name);
		writ_mem_free(h->from);
	}
	writ_vec_release(&s->held);
	writ_mem_free(s);
}

int
writ_secrets_index(const struct writ_secrets *s, const char *name)
{
	size_t i;

	for (i = 0; s && i < s->held.len; i++)
		if (!strcmp(((const struct held *)writ_vec_at(&s->held,
		    i))->name, name))
			return (int)i;
	return -1;
}

/* Whatever a pipe takes at once is never waited for. */
enum writ_status
writ_secrets_pipe(const struct writ_secrets *s, unsigned index, int *fd,
    struct writ_err *err)
{
	writ_auto_fd from = -1;
	writ_auto_fd to = -1;
	const struct held *h = writ_vec_at(&s->held, index);
	int p[2];

	if (!h->now.ptr)
		return writ_fail(err, WRIT_NOENT, "secret \"%s\" is gone",
		    h->name);
	if (pipe2(p, O_CLOEXEC | O_NONBLOCK))
		return writ_fail(err, WRIT_IO, "pipe: %s", strerror(errno));
	from = p[0];
	to = p[1];
	(void)fcntl(to, F_SETPIPE_SZ, WRIT_SECRET_MAX);
	if (write(to, h->now.ptr, h->now.len) != (ssize_t)h->now.len)
		return writ_fail(err, WRIT_IO, "secret \"%s\": a pipe takes too "
		    "little", h->name);
	*fd = writ_steal_fd(&from);
	return WRIT_OK;
}

/* ---- changes */

static bool
same_stamp(const struct writ_secret_stamp *a, const struct writ_secret_stamp *b)
{
	return !memcmp(a->v, b->v, sizeof(a->v));
}

static bool
may_have_changed(const struct writ_secrets *s, const struct held *h, bool store)
{
	struct writ_secret_stamp now = { { 0 } };
	struct stat st;

	if (h->kind != WRIT_SECRET_FILE)
		return h->kind == WRIT_SECRET_STORE && store;
	if (!lstat(h->from, &st))
		stamp_of(&st, &now);
	return !same_stamp(&now, &h->stamp);
}

/* `v` in place of the value: the one before is kept for its taint. */
static void
replace(struct held *h, struct writ_secret_value v)
{
	size_t i;

	if (h->now.ptr) {
		writ_locked_free(h->old[OLD_MAX - 1].ptr);
		for (i = OLD_MAX - 1; i > 0; i--)
			h->old[i] = h->old[i - 1];
		h->old[0] = h->now;
	}
	h->now = v;
}

static enum writ_status
refresh_one(struct writ_secrets *s, struct writ_secret_store *store,
    struct held *h, bool *changed, struct writ_err *err)
{
	struct writ_secret_value v = { NULL, 0 };
	enum writ_status st = fetch(s, store, h, &v, err);

	if (st == WRIT_NOENT) {
		memset(&h->stamp, 0, sizeof(h->stamp));
		st = WRIT_OK;
	}
	if (st != WRIT_OK)
		return st;
	if (v.len == h->now.len && (!v.len || !memcmp(v.ptr, h->now.ptr,
	    v.len))) {
		writ_locked_free(v.ptr);
		return WRIT_OK;
	}
	replace(h, v);
	*changed = true;
	return WRIT_OK;
}

enum writ_status
writ_secrets_refresh(struct writ_secrets *s, bool *changed, struct writ_err *err)
{
	writ_auto(writ_secret_store) store = NULL;
	struct writ_secret_stamp before, now = { { 0 } };
	bool store_changed = false;
	enum writ_status st = WRIT_OK;
	size_t i;

	*changed = false;
	if (!s)
		return WRIT_OK;
	before = s->stamp;
	if (uses_store(s)) {
		writ_secret_store_stamp(s->state_dir, &now);
		store_changed = !same_stamp(&now, &before);
	}
	if (store_changed)
		st = open_store(s, &store, err);
	for (i = 0; st == WRIT_OK && i < s->held.len; i++) {
		struct held *h = writ_vec_at(&s->held, i);

		if (may_have_changed(s, h, store_changed))
			st = refresh_one(s, store, h, changed, err);
	}
	if ((*changed || s->blind) && make_taint(s, err) != WRIT_OK)
		st = WRIT_NOMEM;
	if (st != WRIT_OK)
		s->stamp = before;	/* look again the next time */
	return st;
}

/* ---- taint */

void
writ_secrets_redact(const struct writ_secrets *s, struct writ_str text,
    struct writ_buf *out)
{
	if (s && s->blind)
		out->failed = WRIT_NOMEM;
	else
		writ_taint_redact(s ? s->taint : NULL, text, out);
}

bool
writ_secrets_in(const struct writ_secrets *s, struct writ_str text)
{
	return s && (s->blind || writ_taint_in(s->taint, text));
}

size_t
writ_secrets_tail(const struct writ_secrets *s, struct writ_str text)
{
	return s ? writ_taint_tail(s->taint, text) : 0;
}

struct writ_str
writ_secrets_clean(const struct writ_secrets *s, struct writ_str text,
    size_t max, struct writ_buf *room)
{
	if (!writ_secrets_in(s, text))
		return text;
	writ_secrets_redact(s, text, room);
	if (writ_buf_status(room) != WRIT_OK)
		return WRIT_STR("");
	return writ_str_first(writ_buf_view(room), max);
}

void
writ_secrets_clean_text(const struct writ_secrets *s, char *text, size_t cap)
{
	writ_auto_release(writ_buf) room;
	struct writ_str clean;

	writ_buf_init(&room, 16 * cap);
	clean = writ_secrets_clean(s, writ_str_from(text), cap - 1, &room);
	if (clean.ptr != text) {
		memcpy(text, clean.ptr, clean.len);
		text[clean.len] = '\0';
	}
}

void
writ_secrets_filter(void *ctx, struct writ_str text, struct writ_buf *out)
{
	writ_secrets_redact(ctx, text, out);
}
