#include "base/limits.h"
#include "session/serve.h"

/* writ://GROUP/SESSION/GUEST/PATH, each part percent-encoded (RFC 3986). */
#define SCHEME "writ://"

static void
put_part(struct writ_buf *b, struct writ_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || strchr("-._~", c))
			writ_buf_char(b, (char)c);
		else
			writ_buf_printf(b, "%%%02X", c);
	}
}

static struct serve_seat *
seat_at(const struct serve *s, size_t i)
{
	return *(struct serve_seat **)writ_vec_at(&s->seats, i);
}

/* The next mount of `seat` to look at for call `id`, or NULL. */
static const struct writ_files_grant *
next_mount(struct serve_seat *seat, uint32_t id)
{
	const struct writ_policy *p = seat->tool.policy;

	if (seat->peek_id != id) {
		seat->peek_id = id;
		seat->peek_mount = 0;
	}
	while (seat->peek_mount < p->files_count) {
		const struct writ_files_grant *g =
		    &p->files[seat->peek_mount++];

		if (g->shown)
			return g;
	}
	return NULL;
}

/* Sessions that are busy just now show their files when they are not. */
static bool
start_next(struct serve *s, struct serve_call *c)
{
	size_t i;

	for (i = 0; i < s->seats.len; i++) {
		struct serve_seat *seat = seat_at(s, i);
		const struct writ_files_grant *g;

		if (!seat->name[0] || seat->client != c->client || seat->call ||
		    seat->stop || !(g = next_mount(seat, c->id)))
			continue;
		s->args_bytes -= c->args.len;
		writ_buf_reset(&c->args);
		writ_buf_printf(&c->args, "%s\n" SCHEME, g->at);
		put_part(&c->args, seat->group->spec->name);
		writ_buf_char(&c->args, '/');
		put_part(&c->args, writ_str_from(seat->name));
		s->args_bytes += c->args.len;
		serve_call_start(s, c, seat);
		return true;
	}
	return false;
}

static void
conclude_list(struct serve *s, struct serve_call *c)
{
	writ_buf_char(&c->out[1], ']');
	if (writ_buf_status(&c->out[1]) == WRIT_OK)
		serve_call_read(s, c);
	else
		serve_call_refuse(s, c, WRIT_API_LIMIT,
		    "the sessions show more than one list holds");
}

void
serve_shown_list(struct serve *s, struct serve_call *c)
{
	c->peek = "#list";
	writ_buf_char(&c->out[1], '[');
	if (!start_next(s, c))
		conclude_list(s, c);
}

void
serve_shown_next(struct serve *s, struct serve_call *c, struct serve_seat *seat)
{
	struct writ_str value = writ_buf_view(&seat->run.value);
	bool ok = seat->run.end == WRIT_RUN_FINISHED &&
	    !seat->run.done.refused;

	if (!strcmp(c->peek, "#read")) {
		writ_buf_str(&c->out[1], value);
		if (ok)
			serve_call_read(s, c);
		else
			serve_call_refuse(s, c, WRIT_API_UNKNOWN,
			    "no such resource");
		return;
	}
	if (ok && value.len) {
		if (c->out[1].len > 1)
			writ_buf_char(&c->out[1], ',');
		writ_buf_str(&c->out[1], value);
	}
	if (c->cancelled || !start_next(s, c))
		conclude_list(s, c);
}

/* ---- reading one */

static enum writ_status
part(struct writ_str *rest, char *out, size_t cap)
{
	struct writ_str text = writ_str_cut(*rest, '/', rest);
	writ_auto_release(writ_buf) b;
	enum writ_status st;

	writ_buf_init(&b, cap - 1);
	st = writ_toolbox_decode(text, &b);
	return st == WRIT_OK && b.len ? writ_str_cstr(writ_buf_view(&b), out,
	    cap) : WRIT_INVALID;
}

static struct serve_seat *
seat_of(const struct serve *s, const struct serve_call *c, const char *group,
    const char *name)
{
	size_t i;

	for (i = 0; i < s->seats.len; i++) {
		struct serve_seat *seat = seat_at(s, i);

		if (seat->client == c->client && seat->name[0] &&
		    !strcmp(seat->name, name) && !seat->call && !seat->stop &&
		    writ_str_is(seat->group->spec->name, group))
			return seat;
	}
	return NULL;
}

/* The shown mount that holds an absolute path: the one with the longest name. */
static const struct writ_files_grant *
mount_of(const struct serve_seat *seat, const char *path)
{
	const struct writ_policy *p = seat->tool.policy;
	size_t i;

	for (i = 0; i < p->files_count; i++) {
		size_t n = strlen(p->files[i].at);

		if (!strncmp(path, p->files[i].at, n) && path[n] == '/')
			return p->files[i].shown ? &p->files[i] : NULL;
	}
	return NULL;
}

bool
serve_shown_read(struct serve *s, struct serve_call *c, struct writ_str uri)
{
	char group[WRIT_SESSION_NAME_MAX + 1], name[WRIT_SESSION_NAME_MAX + 1];
	char path[WRIT_PATH_MAX + 2] = "/";
	const struct writ_files_grant *g = NULL;
	struct serve_seat *seat = NULL;
	writ_auto_release(writ_buf) rest;

	if (!writ_str_starts(uri, WRIT_STR(SCHEME)))
		return false;
	uri = writ_str_skip(uri, sizeof(SCHEME) - 1);
	writ_buf_init(&rest, WRIT_PATH_MAX);
	if (part(&uri, group, sizeof(group)) == WRIT_OK &&
	    part(&uri, name, sizeof(name)) == WRIT_OK &&
	    writ_toolbox_decode(uri, &rest) == WRIT_OK &&
	    writ_str_cstr(writ_buf_view(&rest), path + 1, WRIT_PATH_MAX + 1) ==
	    WRIT_OK)
		seat = seat_of(s, c, group, name);
	if (seat)
		g = mount_of(seat, path);
	if (!g) {
		serve_call_refuse(s, c, WRIT_API_UNKNOWN, "no such resource");
		return true;
	}
	c->peek = "#read";
	writ_buf_printf(&c->args, "%s\n%s", g->at, path + strlen(g->at) + 1);
	s->args_bytes += c->args.len;
	serve_call_start(s, c, seat);
	return true;
}
