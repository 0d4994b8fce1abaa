#include "base/json.h"
#include "base/limits.h"
#include "session/session.h"

/* One import of the description, with what it gets. */
static void
put_import(struct writ_buf *b, const json_t *one, const struct writ_policy *policy)
{
	writ_auto_release(writ_buf) words;
	struct writ_str name;
	bool is_void = false, known;

	writ_buf_init(&words, 64 * 1024);
	if (writ_json_str(one, "name", &name) != WRIT_OK)
		name = WRIT_STR("?");
	known = writ_void_words(policy, name, &words, &is_void);
	writ_buf_cstr(b, "{\"name\":");
	writ_buf_json(b, name);
	writ_buf_cstr(b, ",\"functions\":");
	writ_json_put(b, json_object_get(one, "functions"));
	writ_buf_printf(b, ",\"offered\":%s,\"void\":%s,\"gets\":", known && !json_is_false(json_object_get(one, "offered")) ? "true" :
	    "false", is_void ? "true" : "false");
	writ_buf_json(b, known ? writ_buf_view(&words) :
	    WRIT_STR("not offered: such a component is refused"));
	writ_buf_char(b, '}');
}

static void
put_member(struct writ_buf *b, const json_t *d, const char *key)
{
	writ_buf_printf(b, ",\"%s\":", key);
	writ_json_put(b, json_object_get(d, key));
}

static enum writ_status
put_all(struct writ_buf *b, const char *path,
    const struct writ_component_file *file, const json_t *d,
    const struct writ_policy *policy)
{
	const json_t *imports = json_object_get(d, "imports"), *one;
	char digest[WRIT_DIGEST_TEXT];
	size_t i;

	writ_digest_text(&file->digest, digest);
	writ_buf_cstr(b, "{\"file\":");
	writ_buf_json(b, writ_str_from(path));
	writ_buf_printf(b, ",\"digest\":\"%s\",\"size\":%zu", digest,
	    file->bytes.len);
	put_member(b, d, "wasi");
	put_member(b, d, "run");
	put_member(b, d, "producers");
	writ_buf_cstr(b, ",\"imports\":[");
	json_array_foreach(imports, i, one) {
		if (i)
			writ_buf_char(b, ',');
		put_import(b, one, policy);
	}
	writ_buf_char(b, ']');
	put_member(b, d, "exports");
	put_member(b, d, "missing");
	writ_buf_char(b, '}');
	return writ_buf_status(b);
}

enum writ_status
writ_host_inspect(struct writ_host *host, const char *path,
    const struct writ_policy *policy, char **json, struct writ_err *err)
{
	struct writ_compile c = { host->compiler, host->without_walls, -1,
		NULL, NULL };
	writ_auto_release(writ_component_file) file = { path, WRIT_BYTES_NONE,
		{ { 0 } } };
	writ_auto_release(writ_bytes) text = WRIT_BYTES_NONE;
	writ_auto_release(writ_buf) b;
	writ_auto_json described = NULL;
	writ_auto_fd fd = -1;
	size_t size = 0;
	enum writ_status st;

	writ_buf_init(&b, 3 * (size_t)WRIT_DESCRIBE_MAX);
	st = writ_component_file_open(path, &fd, &size, err);
	if (st == WRIT_OK)
		st = writ_component_file_read(path, fd, size, &file, err);
	if (st == WRIT_OK)
		st = writ_compile(&c, &file.bytes, NULL, &text, err);
	if (st == WRIT_OK)
		st = writ_json_parse(writ_str((const char *)text.ptr, text.len),
		    &described, err);
	if (st != WRIT_OK)
		return strstr(err ? err->msg : "", path) ? st :
		    writ_fail_in(err, st, "%s", path);
	st = put_all(&b, path, &file, described, policy);
	if (st != WRIT_OK)
		return writ_fail(err, st, "%s: description", path);
	return writ_text_out(&b, json, err);
}
