#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/limits.h"
#include "policy/address.h"
#include "policy/http_shape.h"
#include "session/session.h"

void
writ_free(void *text)
{
	writ_mem_free(text);
}

enum writ_status
writ_text_out(struct writ_buf *b, char **out, struct writ_err *err)
{
	enum writ_status st = writ_buf_status(b);
	char *text;

	if (st != WRIT_OK)
		return writ_fail(err, st, "text too long");
	text = writ_memdup(b->ptr ? (const char *)b->ptr : "", b->len);
	if (!text)
		return writ_fail(err, WRIT_NOMEM, "text");
	writ_buf_release(b);
	*out = text;
	return WRIT_OK;
}

/* Whose files may grant: the user's own, root's, and those of who called sudo. */
static bool
trusted_owner(uid_t uid)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_UID") : NULL;
	uint64_t n = 0;

	if (uid == 0 || uid == geteuid())
		return true;
	return sudo && writ_str_u64(writ_str_from(sudo), UINT32_MAX, &n) ==
	    WRIT_OK && n == uid;
}

static enum writ_status
check_file(int fd, const char *path, size_t max, struct stat *st,
    struct writ_err *err)
{
	if (fstat(fd, st))
		return writ_fail(err, WRIT_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return writ_fail(err, WRIT_INVALID, "%s: not a regular file",
		    path);
	if (!trusted_owner(st->st_uid))
		return writ_fail(err, WRIT_DENIED, "%s: belongs to user %u; a "
		    "writ must be yours, or root's", path, (unsigned)st->st_uid);
	if ((st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) &&
	    st->st_gid != getegid()))
		return writ_fail(err, WRIT_DENIED, "%s: others may write it; "
		    "make it yours alone: chmod go-w", path);
	if (st->st_size < 0 || (uint64_t)st->st_size > max)
		return writ_fail(err, WRIT_LIMIT, "%s: larger than %zu bytes",
		    path, max);
	return WRIT_OK;
}

enum writ_status
writ_doc_read(const char *path, size_t max, struct writ_bytes *out,
    struct writ_err *err)
{
	return writ_doc_read_at(AT_FDCWD, path, max, out, err);
}

/* Below a folder no link is followed, wherever it stands in the path: a tool that may write
 * there would choose what is read. */
static int
open_doc(int dir, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		O_NONBLOCK | O_NOCTTY };

	if (dir != AT_FDCWD && path[0] != '/')
		how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

enum writ_status
writ_doc_read_at(int dir, const char *path, size_t max, struct writ_bytes *out,
    struct writ_err *err)
{
	writ_auto_fd fd = open_doc(dir, path);
	enum writ_status st;
	struct stat sb;

	if (fd < 0 && errno == ELOOP)
		return writ_fail(err, WRIT_DENIED, "%s: a symbolic link; name "
		    "the file itself", path);
	if (fd < 0)
		return writ_fail(err, errno == ENOENT ? WRIT_NOENT : WRIT_IO,
		    "%s: %s", path, strerror(errno));
	st = check_file(fd, path, max, &sb, err);
	if (st != WRIT_OK)
		return st;
	st = writ_bytes_read(fd, 0, (size_t)sb.st_size, out, err);
	return st == WRIT_OK ? st : writ_fail_in(err, st, "%s", path);
}

enum writ_status
writ_doc_write(const char *path, struct writ_str text, struct writ_err *err)
{
	char fresh[4200];
	writ_auto_fd fd = -1;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", path) >=
	    sizeof(fresh))
		return writ_fail(err, WRIT_NAMETOOLONG, "%s", path);
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    0644);
	if (fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len &&
	    fsync(fd) == 0 && rename(fresh, path) == 0)
		return WRIT_OK;
	(void)writ_fail(err, WRIT_IO, "%s: %s", path, strerror(errno));
	unlink(fresh);
	return WRIT_IO;
}

char *
writ_path_join(const char *dir, const char *rel)
{
	char *out;
	size_t n = strlen(dir) + strlen(rel) + 2;

	if (rel[0] == '/')
		return writ_str_dup(writ_str_from(rel));
	if (!strncmp(rel, "./", 2))
		rel += 2;
	out = writ_alloc(n, 1);
	if (out)
		snprintf(out, n, "%s/%s", dir, rel);
	return out;
}

static enum writ_status
anchor_one(const char *dir, char **path, struct writ_err *err)
{
	char *abs;

	if (!*path)
		return WRIT_OK;
	abs = writ_path_join(dir, *path);
	if (!abs)
		return writ_fail(err, WRIT_NOMEM, "path");
	writ_mem_free(*path);
	*path = abs;
	return WRIT_OK;
}

/* Host paths from the i-th grant on become absolute: they start at `dir`. */
static enum writ_status
anchor(struct writ_policy *p, const char *dir, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	size_t i;

	for (i = 0; st == WRIT_OK && i < p->files_count; i++)
		if (p->files[i].source == WRIT_SOURCE_HOST &&
		    p->files[i].from[0] != '/')
			st = anchor_one(dir, &p->files[i].from, err);
	for (i = 0; st == WRIT_OK && i < p->http_count; i++)
		st = anchor_one(dir, &p->http[i].ca_file, err);
	for (i = 0; st == WRIT_OK && i < p->secrets_count; i++)
		if (p->secrets[i].kind == WRIT_SECRET_FILE &&
		    p->secrets[i].from[0] != '/')
			st = anchor_one(dir, &p->secrets[i].from, err);
	for (i = 0; st == WRIT_OK && i < p->http_count; i++)
		if (p->http[i].ca_file && p->http[i].ca_file[0] != '/')
			st = anchor_one(dir, &p->http[i].ca_file, err);
	return st;
}

enum writ_status
writ_folder_of(const char *path, char out[4096], struct writ_err *err)
{
	char copy[4096], *slash, *real;

	if (writ_str_cstr(writ_str_from(path), copy, sizeof(copy)) != WRIT_OK)
		return writ_fail(err, WRIT_NAMETOOLONG, "path of the writ");
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = '\0';
	real = realpath(slash ? copy : ".", NULL);
	if (!real || strlen(real) >= 4096) {
		free(real);
		return writ_fail(err, WRIT_IO, "%s: its folder cannot be found",
		    path);
	}
	memcpy(out, real, strlen(real) + 1);
	free(real);
	return WRIT_OK;
}

enum writ_status
writ_policy_outside(const struct writ_policy *p, const char *path, const char *dir,
    struct writ_err *err)
{
	size_t i;

	for (i = 0; i < p->files_count; i++) {
		const struct writ_files_grant *g = &p->files[i];
		char *real;
		size_t n;
		bool inside;

		if (g->source != WRIT_SOURCE_HOST || !g->write)
			continue;
		real = realpath(g->from, NULL);
		if (!real)
			continue;	/* reported when it is opened */
		n = strlen(real);
		inside = !strcmp(real, "/") || (!strncmp(dir, real, n) &&
		    (dir[n] == '\0' || dir[n] == '/'));
		free(real);
		if (inside)
			return writ_fail(err, WRIT_DENIED, "%s: lies inside "
			    "%s, which it grants for writing (files \"%s\"); "
			    "move it out of there", path, g->from, g->name);
	}
	return WRIT_OK;
}

enum writ_status
writ_policy_load(const char *path, struct writ_policy **out,
    struct writ_err *err)
{
	writ_auto_release(writ_bytes) doc = WRIT_BYTES_NONE;
	writ_auto(writ_policy) p = NULL;
	char dir[4096];
	enum writ_status st = writ_hash_init();

	if (st == WRIT_OK)
		st = writ_doc_read(path, WRIT_DOC_MAX, &doc, err);
	if (st == WRIT_OK)
		st = writ_policy_parse(writ_str((const char *)doc.ptr, doc.len),
		    path, &p, err);
	if (st == WRIT_OK)
		st = writ_folder_of(path, dir, err);
	if (st == WRIT_OK)
		st = anchor(p, dir, err);
	if (st == WRIT_OK)
		st = anchor_one(dir, &p->component_file, err);
	if (st == WRIT_OK)
		st = writ_policy_outside(p, path, dir, err);
	if (st == WRIT_OK)
		*out = writ_steal(&p);
	return st;
}

enum writ_status
writ_policy_void(struct writ_policy **out, struct writ_err *err)
{
	enum writ_status st = writ_hash_init();

	return st == WRIT_OK ? writ_policy_empty(out, err) : st;
}

static enum writ_status
anchor_here(struct writ_policy *p, struct writ_err *err)
{
	char dir[4096];

	if (!getcwd(dir, sizeof(dir)))
		return writ_fail(err, WRIT_IO, "working directory: %s",
		    strerror(errno));
	return anchor(p, dir, err);
}

enum writ_status
writ_policy_grant(struct writ_policy *p, const char *text, struct writ_err *err)
{
	enum writ_status st = writ_policy_add(p, writ_str_from(text), err);

	return st == WRIT_OK ? anchor_here(p, err) : st;
}

/* The folder with its links and dots resolved, the last name as it stands: a link there must be
 * seen as one.  What does not exist stays as written; opening it says so. */
static enum writ_status
resolve_parent(const char *host, char out[4096], struct writ_err *err)
{
	char copy[4096], *slash, *real;
	const char *last = host;
	size_t len = strlen(host);
	int n = 0;

	if (len >= sizeof(copy))
		return writ_fail(err, WRIT_NAMETOOLONG, "folder: %.64s...", host);
	memcpy(out, host, len + 1);
	if (!strstr(host, ".."))
		return WRIT_OK;
	memcpy(copy, host, len + 1);
	slash = strrchr(copy, '/');
	last = slash ? slash + 1 : copy;
	if (!strcmp(last, "..") || !strcmp(last, ".") || !*last || !slash) {
		real = realpath(host, NULL);
		last = "";
	} else {
		*slash = '\0';
		real = realpath(copy[0] ? copy : "/", NULL);
	}
	if (real)
		n = snprintf(out, 4096, "%s%s%s", real, *last ? "/" : "", last);
	free(real);
	return n < 4096 ? WRIT_OK : writ_fail(err, WRIT_NAMETOOLONG,
	    "folder: %.64s...", host);
}

enum writ_status
writ_policy_grant_dir(struct writ_policy *p, const char *host, const char *guest,
    bool write, struct writ_err *err)
{
	char path[4096];
	enum writ_status st;

	st = resolve_parent(host, path, err);
	if (st == WRIT_OK)
		st = writ_policy_add_dir(p, writ_str_from(path),
		    writ_str_from(guest), write, err);
	return st == WRIT_OK ? anchor_here(p, err) : st;
}

enum writ_status
writ_policy_grant_env(struct writ_policy *p, const char *key, const char *value,
    struct writ_err *err)
{
	return writ_policy_add_env(p, writ_str_from(key), writ_str_from(value),
	    err);
}

const char *
writ_policy_component(const struct writ_policy *p)
{
	return p->component_file;
}

static void
json_files(struct writ_buf *b, const struct writ_policy *p)
{
	static const char *const sources[] = { "memory", "host", "overlay",
		"database", "shared", "blob" };
	size_t i;

	writ_buf_cstr(b, ",\"files\":[");
	for (i = 0; i < p->files_count; i++) {
		const struct writ_files_grant *g = &p->files[i];

		writ_buf_cstr(b, i ? ",{\"name\":" : "{\"name\":");
		writ_buf_json(b, writ_str_from(g->name));
		writ_buf_cstr(b, ",\"at\":");
		writ_buf_json(b, writ_str_from(g->at));
		writ_buf_printf(b, ",\"source\":\"%s\",\"from\":",
		    sources[g->source]);
		writ_buf_json(b, writ_str_from(g->from));
		writ_buf_printf(b, ",\"mode\":\"%s\",\"quota_bytes\":%llu,"
		    "\"quota_files\":%llu}", g->write ? "write" : "read",
		    (unsigned long long)g->quota_bytes,
		    (unsigned long long)g->quota_files);
	}
	writ_buf_cstr(b, "]");
}

static void
json_texts(struct writ_buf *b, const char *key, char *const *v)
{
	size_t i;

	if (!v)
		return;
	writ_buf_printf(b, ",\"%s\":[", key);
	for (i = 0; v[i]; i++) {
		writ_buf_cstr(b, i ? "," : "");
		writ_buf_json(b, writ_str_from(v[i]));
	}
	writ_buf_char(b, ']');
}

/* The URL pattern as a writ has it. */
static void
put_pattern(struct writ_buf *out, const struct writ_http_shape *s)
{
	writ_buf_printf(out, "%s://%s%s", s->https ? "https" : "http",
	    s->any_label ? "*." : "", s->host);
	if (s->port != (s->https ? 443 : 80))
		writ_buf_printf(out, ":%u", s->port);
	writ_buf_cstr(out, s->path);
}

static void
json_pattern(struct writ_buf *b, const struct writ_http_shape *s)
{
	writ_auto_release(writ_buf) url;

	writ_buf_init(&url, 2 * WRIT_DOC_STRING_MAX);
	put_pattern(&url, s);
	writ_buf_json(b, writ_buf_view(&url));
}

static void
json_ranges(struct writ_buf *b, const struct writ_range *v, size_t n)
{
	char text[46];
	size_t i;

	writ_buf_cstr(b, ",\"addresses\":[");
	for (i = 0; i < n; i++) {
		bool four = v[i].bits >= 96 && !memcmp(v[i].address,
		    "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

		writ_address_text(v[i].address, text);
		writ_buf_printf(b, "%s\"%s/%u\"", i ? "," : "", text,
		    v[i].bits - (four ? 96 : 0));
	}
	writ_buf_char(b, ']');
}

static void
json_http(struct writ_buf *b, const struct writ_http_grant *g)
{
	static const char *const asks[] = { "never", "first", "each" };
	size_t i;

	writ_buf_cstr(b, "{\"name\":");
	writ_buf_json(b, writ_str_from(g->name));
	writ_buf_cstr(b, ",\"url\":");
	json_pattern(b, g->shape);
	json_texts(b, "methods", g->shape->methods);
	writ_buf_cstr(b, ",\"query\":[");
	for (i = 0; i < g->shape->query_count; i++) {
		writ_buf_cstr(b, i ? "," : "");
		writ_buf_json(b, writ_str_from(g->shape->query[i].name));
	}
	writ_buf_printf(b, "],\"request_max\":%llu,\"response_max\":%llu",
	    (unsigned long long)g->request_max,
	    (unsigned long long)g->response_max);
	json_texts(b, "request_headers", g->shape->headers);
	json_texts(b, "response_headers", g->response_headers);
	json_texts(b, "operations", g->operations);
	if (g->rate_count)
		writ_buf_printf(b, ",\"rate\":{\"count\":%llu,"
		    "\"window_ms\":%llu}", (unsigned long long)g->rate_count,
		    (unsigned long long)g->rate_window_ms);
	writ_buf_printf(b, ",\"concurrency\":%llu,\"total_requests\":%llu,"
	    "\"total_bytes\":%llu,\"ask\":\"%s\",\"durable\":%s",
	    (unsigned long long)g->concurrency,
	    (unsigned long long)g->total_requests,
	    (unsigned long long)g->total_bytes, asks[g->ask],
	    g->durable ? "true" : "false");
	if (g->credential_name) {
		writ_buf_cstr(b, ",\"credential\":{\"name\":");
		writ_buf_json(b, writ_str_from(g->credential_name));
		writ_buf_printf(b, ",\"in\":\"%s\",\"scrub\":%s}",
		    g->credential_query ? "query" : "header",
		    g->scrub ? "true" : "false");
	}
	json_ranges(b, g->addresses, g->addresses_count);
	writ_buf_char(b, '}');
}

static void
json_net(struct writ_buf *b, const struct writ_policy *p)
{
	size_t i;

	writ_buf_cstr(b, ",\"http\":[");
	for (i = 0; i < p->http_count; i++) {
		writ_buf_cstr(b, i ? "," : "");
		json_http(b, &p->http[i]);
	}
	writ_buf_cstr(b, "],\"sockets\":[");
	for (i = 0; i < p->sockets_count; i++) {
		const struct writ_sockets_grant *g = &p->sockets[i];

		writ_buf_cstr(b, i ? ",{\"name\":" : "{\"name\":");
		writ_buf_json(b, writ_str_from(g->name));
		writ_buf_printf(b, ",\"how\":\"%s\",\"at\":\"%s://%s:%u\"",
		    g->listen ? "listen" : "connect", g->udp ? "udp" : "tcp",
		    g->host, g->port);
		json_ranges(b, g->addresses, g->addresses_count);
		writ_buf_char(b, '}');
	}
	writ_buf_cstr(b, "]");
}

static void
json_deny(struct writ_buf *b, const struct writ_policy *p)
{
	const char *between = "";
	size_t i;

	writ_buf_cstr(b, ",\"deny\":[");
	for (i = 0; i < p->files_deny_count; i++, between = ",") {
		writ_buf_printf(b, "%s{\"name\":", between);
		writ_buf_json(b, writ_str_from(p->files_deny[i].name));
		writ_buf_cstr(b, ",\"path\":");
		writ_buf_json(b, writ_str_from(p->files_deny[i].path));
		writ_buf_printf(b, ",\"mode\":\"%s\"}",
		    p->files_deny[i].write_only ? "write" : "all");
	}
	for (i = 0; i < p->http_deny_count; i++, between = ",") {
		writ_buf_printf(b, "%s{\"name\":", between);
		writ_buf_json(b, writ_str_from(p->http_deny[i].name));
		writ_buf_cstr(b, ",\"path\":");
		json_pattern(b, p->http_deny[i].shape);
		writ_buf_cstr(b, ",\"mode\":\"http\"}");
	}
	for (i = 0; i < p->sockets_deny_count; i++, between = ",") {
		writ_buf_printf(b, "%s{\"name\":", between);
		writ_buf_json(b, writ_str_from(p->sockets_deny[i].name));
		writ_buf_printf(b, ",\"path\":\"%s://%s:%u\",\"mode\":"
		    "\"sockets\"}", p->sockets_deny[i].udp ? "udp" : "tcp",
		    p->sockets_deny[i].host, p->sockets_deny[i].port);
	}
	writ_buf_cstr(b, "]");
}

static void
json_names(struct writ_buf *b, const char *key, const struct writ_pair *pairs,
    size_t n)
{
	size_t i;

	writ_buf_printf(b, ",\"%s\":[", key);
	for (i = 0; i < n; i++) {
		if (i)
			writ_buf_char(b, ',');
		writ_buf_json(b, writ_str_from(pairs[i].key));
	}
	writ_buf_char(b, ']');
}

/* ,"spawn":[...],"client":[...] */
static void
json_tools(struct writ_buf *b, const struct writ_policy *p)
{
	const char *word, *sep = "";
	unsigned bit;
	size_t i;

	writ_buf_cstr(b, ",\"spawn\":[");
	for (i = 0; i < p->spawn_count; i++) {
		writ_buf_cstr(b, i ? ",{\"name\":" : "{\"name\":");
		writ_buf_json(b, writ_str_from(p->spawn[i].name));
		writ_buf_cstr(b, ",\"tool\":");
		writ_buf_json(b, writ_str_from(p->spawn[i].tool));
		writ_buf_printf(b, ",\"depth\":%llu,\"calls\":%llu}",
		    (unsigned long long)p->spawn[i].depth,
		    (unsigned long long)p->spawn[i].calls);
	}
	writ_buf_cstr(b, "],\"client\":[");
	for (bit = 1; (word = writ_policy_client_word(bit)) != NULL; bit <<= 1) {
		if (!(p->client & bit))
			continue;
		writ_buf_printf(b, "%s\"%s\"", sep, word);
		sep = ",";
	}
	writ_buf_cstr(b, "]");
}

static void
json_secret(struct writ_buf *b, const struct writ_policy *p, const char *name,
    const char *sep)
{
	static const char *const kinds[] = { "store", "env:", "file:" };
	const struct writ_secret_source *s = writ_policy_secret(p, name);
	writ_auto_release(writ_buf) from;

	writ_buf_init(&from, WRIT_PATH_MAX + 16);
	writ_buf_cstr(&from, kinds[s ? s->kind : WRIT_SECRET_STORE]);
	writ_buf_cstr(&from, s && s->from ? s->from : "");
	writ_buf_printf(b, "%s{\"name\":", sep);
	writ_buf_json(b, writ_str_from(name));
	writ_buf_cstr(b, ",\"from\":");
	writ_buf_json(b, writ_buf_view(&from));
	writ_buf_char(b, '}');
}

static bool
used_before(const struct writ_policy *p, size_t grant, size_t part)
{
	const char *name = p->http[grant].credential[part].secret;
	size_t i, k;

	for (i = 0; i <= grant; i++)
		for (k = 0; k < p->http[i].credential_parts && (i < grant ||
		    k < part); k++)
			if (p->http[i].credential[k].secret &&
			    !strcmp(p->http[i].credential[k].secret, name))
				return true;
	return false;
}

/* ,"secrets":[...]: those that credentials name, and where each comes from */
static void
json_secrets(struct writ_buf *b, const struct writ_policy *p)
{
	const char *sep = "";
	size_t i, k;

	writ_buf_cstr(b, ",\"secrets\":[");
	for (i = 0; i < p->http_count; i++)
		for (k = 0; k < p->http[i].credential_parts; k++) {
			if (!p->http[i].credential[k].secret ||
			    used_before(p, i, k))
				continue;
			json_secret(b, p, p->http[i].credential[k].secret, sep);
			sep = ",";
		}
	writ_buf_cstr(b, "]");
}

enum writ_status
writ_policy_json(const struct writ_policy *p, char **json, struct writ_err *err)
{
	static const char *const clocks[] = { "void", "real", "frozen" };
	static const char *const randoms[] = { "void", "secure", "seeded",
		"trap" };
	writ_auto_release(writ_buf) b;
	char digest[WRIT_DIGEST_TEXT];

	writ_buf_init(&b, WRIT_JSON_MAX);
	writ_digest_text(&p->digest, digest);
	writ_buf_cstr(&b, "{\"name\":");
	writ_buf_json(&b, writ_str_from(p->name));
	writ_buf_printf(&b, ",\"digest\":\"%s\",\"component\":", digest);
	if (p->component_file)
		writ_buf_json(&b, writ_str_from(p->component_file));
	else
		writ_buf_cstr(&b, "null");
	writ_buf_printf(&b, ",\"strict\":%s,\"clock\":\"%s\",\"random\":\"%s\"",
	    p->strict ? "true" : "false", clocks[p->clock], randoms[p->random]);
	writ_buf_printf(&b, ",\"limits\":{\"memory\":%llu,\"time_ms\":%llu,"
	    "\"cpu_ms\":%llu,\"output\":%llu,\"requests\":%llu,"
	    "\"handles\":%llu}",
	    (unsigned long long)p->limits.memory_bytes,
	    (unsigned long long)p->limits.time_ms,
	    (unsigned long long)p->limits.cpu_ms,
	    (unsigned long long)p->limits.output_bytes,
	    (unsigned long long)p->limits.requests,
	    (unsigned long long)p->limits.handles);
	json_names(&b, "env", p->env, p->env_count);
	json_names(&b, "config", p->config, p->config_count);
	json_secrets(&b, p);
	json_files(&b, p);
	json_net(&b, p);
	json_deny(&b, p);
	json_tools(&b, p);
	writ_buf_cstr(&b, "}");
	return writ_text_out(&b, json, err);
}

static const struct {
	const char *name;
	enum writ_request_kind kind;
} kinds[] = {
	{ "files",    WRIT_REQ_FILES },
	{ "http",     WRIT_REQ_HTTP },
	{ "sockets",  WRIT_REQ_SOCKETS },
	{ "keyvalue", WRIT_REQ_KEYVALUE },
	{ "blobs",    WRIT_REQ_BLOBS },
	{ "spawn",    WRIT_REQ_SPAWN },
	{ "client",   WRIT_REQ_CLIENT },
};

static bool
files_op(const char *op, bool *write)
{
	static const char *const reads[] = { "read", "open", "stat", "list",
		"readlink", "sync", NULL };
	static const char *const writes[] = { "write", "create", "mkdir",
		"rmdir", "unlink", "rename", "link", "symlink", "set-size",
		"set-times", "append", NULL };
	size_t i;

	*write = false;
	for (i = 0; reads[i]; i++)
		if (!strcmp(op, reads[i]))
			return true;
	*write = true;
	for (i = 0; writes[i]; i++)
		if (!strcmp(op, writes[i]))
			return true;
	return false;
}

enum writ_status
writ_policy_explain(const struct writ_policy *p, const char *kind, const char *op,
    const char *target, char **json, struct writ_err *err)
{
	static const char *const verdicts[] = { "allow", "ask", "deny" };
	struct writ_request rq = { .op = op, .target = writ_str_from(target) };
	writ_auto_release(writ_buf) b, smallest;
	struct writ_decision d;
	size_t i, n = sizeof(kinds) / sizeof(kinds[0]);

	writ_buf_init(&b, WRIT_JSON_MAX);
	writ_buf_init(&smallest, WRIT_DOC_STRING_MAX * 2);
	for (i = 0; i < n && strcmp(kind, kinds[i].name); i++)
		;
	if (i == n)
		return writ_fail(err, WRIT_INVALID, "\"%s\": not a kind of "
		    "request (files, http, sockets, keyvalue, blobs, spawn, "
		    "client)",
		    kind);
	rq.kind = kinds[i].kind;
	rq.write = true;
	if (rq.kind == WRIT_REQ_FILES && !files_op(op, &rq.write))
		return writ_fail(err, WRIT_INVALID, "\"%s\": not an operation "
		    "on files (read, write, stat, list, mkdir, unlink, ...)", op);
	writ_decide(p, &rq, &d);
	writ_policy_suggest(p, &rq, &smallest);
	writ_buf_printf(&b, "{\"verdict\":\"%s\",\"rule\":", verdicts[d.verdict]);
	writ_buf_json(&b, writ_str_from(d.rule));
	writ_buf_cstr(&b, ",\"grant\":");
	if (d.grant)
		writ_buf_json(&b, writ_str_from(d.grant));
	else
		writ_buf_cstr(&b, "null");
	writ_buf_cstr(&b, ",\"reason\":");
	writ_buf_json(&b, writ_str_from(d.reason));
	writ_buf_cstr(&b, ",\"smallest\":");
	writ_buf_json(&b, writ_buf_view(&smallest));
	writ_buf_char(&b, '}');
	return writ_text_out(&b, json, err);
}
