/* The smallest grant for a refused request, as a line of a writ. */
#include "policy/address.h"
#include "policy/http_shape.h"
#include "policy/decide.h"
#include "policy/parts.h"
#include "policy/url.h"

#define LINE_MAX_BYTES (32 * 1024)
#define OPENED_MAX 8
#define SLUG_MAX 48

bool
writ_policy_has_name(const struct writ_policy *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->files_count; i++)
		if (!strcmp(p->files[i].name, name))
			return true;
	for (i = 0; i < p->files_deny_count; i++)
		if (!strcmp(p->files_deny[i].name, name))
			return true;
	for (i = 0; i < p->spawn_count; i++)
		if (!strcmp(p->spawn[i].name, name))
			return true;
	for (i = 0; i < p->spawn_deny_count; i++)
		if (!strcmp(p->spawn_deny[i].name, name))
			return true;
	for (i = 0; i < p->http_count; i++)
		if (!strcmp(p->http[i].name, name))
			return true;
	for (i = 0; i < p->http_deny_count; i++)
		if (!strcmp(p->http_deny[i].name, name))
			return true;
	for (i = 0; i < p->sockets_count; i++)
		if (!strcmp(p->sockets[i].name, name))
			return true;
	for (i = 0; i < p->sockets_deny_count; i++)
		if (!strcmp(p->sockets_deny[i].name, name))
			return true;
	return false;
}

/* Lower-case letters and digits, other runs as one "-". */
static void
slug(struct writ_str text, char out[SLUG_MAX + 1])
{
	size_t i, n = 0;

	for (i = 0; i < text.len && n < SLUG_MAX; i++) {
		char c = text.ptr[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = c;
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
	/* a name of digits alone would be a number in YAML */
	if (n == 0 || (out[0] >= '0' && out[0] <= '9'))
		(void)snprintf(out, SLUG_MAX + 1, "root");
}

void
writ_suggest_name(const struct writ_policy *p, struct writ_str text,
    struct writ_buf *out)
{
	static const char *const words[] = { "true", "false", "null", "yes", "no",
		"on", "off", "y", "n" };
	char base[SLUG_MAX + 1], name[SLUG_MAX + 32];
	size_t i;

	slug(text, base);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(base, words[i]))
			(void)snprintf(base, sizeof(base), "root");
	(void)snprintf(name, sizeof(name), "%s", base);
	for (i = 2; writ_policy_has_name(p, name) &&
	    i < WRIT_DOC_GRANTS_MAX + 3; i++)
		(void)snprintf(name, sizeof(name), "%s-%zu", base, i);
	writ_buf_cstr(out, name);
}

void
writ_suggest_quote(struct writ_str s, struct writ_buf *out)
{
	writ_auto_release(writ_buf) b;
	size_t i;

	writ_buf_init(&b, LINE_MAX_BYTES);
	for (i = 0; i < s.len; i++) {
		char next = i + 1 < s.len ? s.ptr[i + 1] : '\0';

		writ_buf_char(&b, s.ptr[i]);
		if (s.ptr[i] == '$' && ((next >= 'a' && next <= 'z') ||
		    (next >= 'A' && next <= 'Z') || next == '_' || next == '{'))
			writ_buf_char(&b, '$');
	}
	if (writ_buf_status(&b) == WRIT_OK)
		writ_buf_yaml(out, writ_buf_view(&b));
	else
		out->failed = writ_buf_status(&b);
}

static void
quote_unless_plain(struct writ_str s, struct writ_buf *out)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
		    (c < '0' || c > '9') && (c <= 0 || !strchr("/._-", c))) {
			writ_suggest_quote(s, out);
			return;
		}
	}
	writ_buf_str(out, s);
}

static struct writ_str
last_part(struct writ_str path)
{
	size_t i = path.len;

	while (i > 0 && path.ptr[i - 1] != '/')
		i--;
	return writ_str_skip(path, i);
}

static struct writ_str
folder_of(const struct writ_request *rq)
{
	struct writ_str t = rq->target;
	size_t n = t.len;

	if (rq->op && (!strcmp(rq->op, "list") || !strcmp(rq->op, "readdir")))
		return t;
	while (n > 1 && t.ptr[n - 1] != '/')
		n--;
	/* never everything for the sake of one name, unless it is to be made there */
	if (n == 1 && !rq->write)
		return t;
	return writ_str(t.ptr, n > 1 ? n - 1 : 1);
}

/* ---- files */

/* A grant to be, its texts in buffers; `opened` is borrowed names. */
struct wish {
	struct writ_files_grant g;
	struct writ_buf name, at, from;
	char *opened[OPENED_MAX + 1];
	size_t opened_count;
};

static void
wish_init(struct wish *w)
{
	memset(w, 0, sizeof(*w));
	writ_buf_init(&w->name, WRIT_DOC_NAME_MAX + 1);
	writ_buf_init(&w->at, WRIT_PATH_MAX + 1);
	writ_buf_init(&w->from, 2 * WRIT_PATH_MAX + 2);
}

static void
wish_release(struct wish *w)
{
	writ_buf_release(&w->name);
	writ_buf_release(&w->at);
	writ_buf_release(&w->from);
}

/* End the texts with NUL and let the grant show them; false without memory. */
static bool
wish_ready(struct wish *w)
{
	struct writ_buf *v[] = { &w->name, &w->at, &w->from };
	size_t i;

	for (i = 0; i < 3; i++) {
		writ_buf_char(v[i], '\0');
		if (writ_buf_status(v[i]) != WRIT_OK)
			return false;
	}
	w->g.name = (char *)w->name.ptr;
	w->g.at = (char *)w->at.ptr;
	w->g.from = (char *)w->from.ptr;
	w->g.protected_names = w->opened;
	return true;
}

static bool
wish_open(struct wish *w, const char *name)
{
	if (w->opened_count == OPENED_MAX)
		return false;
	/* never written through: the list's type is that of owned names */
	w->opened[w->opened_count++] = (char *)(uintptr_t)name;
	return true;
}

/* A mount of the target's folder, for a path that none covers. */
static void
wish_new(const struct writ_policy *p, const struct writ_request *rq,
    struct wish *w)
{
	struct writ_str at = folder_of(rq);
	bool tmp = rq->write && writ_str_is(at, "/tmp");

	writ_suggest_name(p, last_part(at), &w->name);
	writ_buf_str(&w->at, at);
	w->g.source = tmp ? WRIT_SOURCE_MEMORY : WRIT_SOURCE_HOST;
	writ_buf_char(&w->from, '.');
	if (at.len > 1)
		writ_buf_str(&w->from, at);
}

/* The entry `g` itself, or its folder around the target when that is a narrower way
 * to make a change possible. */
static bool
wish_from(const struct writ_policy *p, const struct writ_request *rq,
    const struct writ_files_grant *g, struct wish *w)
{
	struct writ_str folder = folder_of(rq), at = writ_str_from(g->at);
	bool inner = rq->write && !g->write && g->source == WRIT_SOURCE_HOST &&
	    folder.len > at.len;
	size_t i;

	w->g.source = g->source;
	w->g.durable = g->durable;
	w->g.shown = g->shown;
	w->g.write = g->write;
	for (i = 0; g->protected_names && g->protected_names[i]; i++)
		if (!wish_open(w, g->protected_names[i]))
			return false;
	writ_buf_cstr(&w->from, g->from ? g->from : "");
	if (inner) {
		writ_suggest_name(p, last_part(folder), &w->name);
		writ_buf_str(&w->at, folder);
		if (w->from.len && w->from.ptr[w->from.len - 1] != '/')
			writ_buf_char(&w->from, '/');
		writ_buf_str(&w->from, writ_str_skip(folder,
		    at.len == 1 ? 1 : at.len + 1));
		return true;
	}
	writ_buf_cstr(&w->name, g->name);
	writ_buf_str(&w->at, at);
	w->g.quota_bytes = g->quota_bytes;
	w->g.quota_files = g->quota_files;
	return true;
}

static void
write_host(const char *from, struct writ_buf *out)
{
	writ_auto_release(writ_buf) b;

	writ_buf_init(&b, LINE_MAX_BYTES);
	writ_buf_cstr(&b, "host:");
	writ_buf_cstr(&b, from);
	if (writ_buf_status(&b) == WRIT_OK)
		writ_suggest_quote(writ_buf_view(&b), out);
	else
		out->failed = writ_buf_status(&b);
}

static void
write_files(const struct writ_files_grant *g, struct writ_buf *out)
{
	bool memory = g->source == WRIT_SOURCE_MEMORY;
	bool bytes = g->quota_bytes &&
	    !(memory && g->quota_bytes == WRIT_DEFAULT_MEMFS_BYTES);
	bool files = g->quota_files &&
	    !(memory && g->quota_files == WRIT_DEFAULT_MEMFS_FILES);
	size_t i;

	writ_buf_printf(out, "files: [{ name: %s, at: ", g->name);
	quote_unless_plain(writ_str_from(g->at), out);
	writ_buf_cstr(out, ", from: ");
	if (memory)
		writ_buf_cstr(out, "memory");
	else
		write_host(g->from, out);
	writ_buf_cstr(out, g->write ? ", mode: write" : ", mode: read");
	if (g->write && (bytes || files)) {
		writ_buf_cstr(out, ", quota: { ");
		if (bytes)
			writ_buf_printf(out, "bytes: %lluB%s",
			    (unsigned long long)g->quota_bytes,
			    files ? ", " : "");
		if (files)
			writ_buf_printf(out, "files: %llu",
			    (unsigned long long)g->quota_files);
		writ_buf_cstr(out, " }");
	}
	for (i = 0; g->protected_names && g->protected_names[i]; i++) {
		writ_buf_cstr(out, i ? ", " : ", protected: [");
		writ_buf_yaml(out, writ_str_from(g->protected_names[i]));
	}
	writ_buf_cstr(out, i ? "]" : "");
	writ_buf_cstr(out, g->shown ? ", shown: true" : "");
	writ_buf_cstr(out, g->durable ? ", durable: true }]" : " }]");
}

static void
suggest_files(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_buf *out)
{
	const struct writ_files_grant *g;
	const char *name;
	struct wish w;
	bool good = true;

	if (writ_decide_path_wrong(rq->target) || writ_decide_denied(p, rq))
		return;
	g = writ_decide_mount(p, rq->target);
	wish_init(&w);
	if (g && g->source != WRIT_SOURCE_MEMORY &&
	    g->source != WRIT_SOURCE_HOST)
		good = false;
	else if (g)
		good = wish_from(p, rq, g, &w);
	else
		wish_new(p, rq, &w);
	w.g.write |= rq->write;
	good = good && wish_ready(&w);
	while (good && (name = writ_decide_protected(&w.g, rq)) != NULL)
		good = wish_open(&w, name);
	if (good)
		write_files(&w.g, out);
	wish_release(&w);
}

/* ---- the other kinds */

static unsigned
hex(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return (unsigned)((c | 0x20) - 'a') + 10;
}

/* A query name or value, decoded and quoted. */
static void
write_decoded(struct writ_str s, struct writ_buf *out)
{
	writ_auto_release(writ_buf) b;
	size_t i;

	writ_buf_init(&b, LINE_MAX_BYTES);
	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] == '%' && i + 2 < s.len) {
			writ_buf_char(&b, (char)(hex(s.ptr[i + 1]) * 16 +
			    hex(s.ptr[i + 2])));
			i += 2;
		} else {
			writ_buf_char(&b, s.ptr[i]);
		}
	}
	if (writ_buf_status(&b) != WRIT_OK)
		out->failed = writ_buf_status(&b);
	else if (!writ_str_utf8(writ_buf_view(&b)))
		out->failed = WRIT_LIMIT;	/* no writ can say it */
	else
		writ_suggest_quote(writ_buf_view(&b), out);
}

static void
write_query(struct writ_str query, struct writ_buf *out)
{
	const char *before = ", query: { ";
	struct writ_str rest = query, pair, value;

	while (rest.ptr) {
		pair = writ_str_cut(rest, '&', &rest);
		pair = writ_str_cut(pair, '=', &value);
		writ_buf_cstr(out, before);
		write_decoded(pair, out);
		writ_buf_cstr(out, ": [");
		write_decoded(value, out);
		writ_buf_char(out, ']');
		before = ", ";
	}
	writ_buf_cstr(out, " }");
}

/* One address that is not public has to be named. */
static void
write_address(struct writ_str host, struct writ_buf *out)
{
	uint8_t address[16];
	char text[46];
	bool six = host.ptr[0] == '[';

	if (!writ_address_read(host, address) ||
	    !writ_address_refused(address, NULL, 0, NULL, 0))
		return;
	writ_address_text(address, text);
	writ_buf_printf(out, ", addresses: [\"%s/%d\"]", text, six ? 128 : 32);
}

static const char method_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-";

/* The headers that the request has, if an entry must name them, and the length of its body. */
static void
write_request(const struct writ_http_request *rq, struct writ_buf *out)
{
	bool unusual = false, large = rq->has_length &&
	    rq->length > WRIT_DEFAULT_HTTP_REQUEST;
	const char *sep = "headers: [";
	size_t i, k;

	for (i = 0; i < rq->fields_count; i++)
		unusual |= !writ_http_usual_header(rq->fields[i].name);
	if (!unusual && !large)
		return;
	writ_buf_cstr(out, ", request: { ");
	for (i = 0; unusual && i < rq->fields_count; i++) {
		struct writ_str name = rq->fields[i].name;

		for (k = 0; k < i && !writ_str_eq(rq->fields[k].name, name); k++)
			;
		if (k < i || writ_str_is(name, "content-length"))
			continue;
		writ_buf_cstr(out, sep);
		writ_suggest_quote(name, out);
		sep = ", ";
	}
	writ_buf_cstr(out, unusual ? "]" : "");
	if (large)
		writ_buf_printf(out, "%smax: %lluB", unusual ? ", " : "",
		    (unsigned long long)rq->length);
	writ_buf_cstr(out, " }");
}

static void
suggest_http(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_buf *out)
{
	struct writ_str rest;
	struct writ_url u;

	/* a method is the guest's word: capitals only, or it could say more */
	if (writ_url_read(rq->target, false, &u) || !rq->op ||
	    !rq->op[0] || rq->op[strspn(rq->op, method_chars)] ||
	    memchr(u.path.ptr, '*', u.path.len))
		return;
	writ_buf_cstr(out, "http: [{ name: ");
	writ_suggest_name(p, u.address ? WRIT_STR("http") :
	    writ_str_cut(u.host, '.', &rest), out);
	writ_buf_printf(out, ", url: \"%s://%.*s", u.https ? "https" : "http",
	    WRIT_STR_ARG(u.host));
	if (u.port != (u.https ? 443 : 80))
		writ_buf_printf(out, ":%u", u.port);
	writ_url_path(u.path, out);
	writ_buf_printf(out, "\", methods: [%s]", rq->op);
	if (u.query.len > 0)
		write_query(u.query, out);
	if (rq->http)
		write_request(rq->http, out);
	if (u.address)
		write_address(u.host, out);
	writ_buf_cstr(out, " }]");
}

static void
suggest_sockets(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_buf *out)
{
	struct writ_str rest, host = writ_str_skip(rq->target, 6);
	bool listen = writ_socket_listens(rq->op);

	writ_buf_cstr(out, "sockets: [{ name: ");
	writ_suggest_name(p, listen ? WRIT_STR("listen") :
	    writ_str_cut(host, '.', &rest), out);
	writ_buf_cstr(out, listen ? ", listen: " : ", connect: ");
	writ_suggest_quote(rq->target, out);
	writ_buf_cstr(out, " }]");
}

/* The right that an operation of wasi:keyvalue needs. */
static const char *
keyvalue_right(const struct writ_request *rq)
{
	const char *op = rq->op ? rq->op : "";

	if (!strcmp(op, "delete"))
		return "delete";
	if (!strncmp(op, "list", 4))
		return "list";
	return rq->write || !strcmp(op, "set") ? "set" : "get";
}

static void
suggest_store(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_buf *out)
{
	bool keyvalue = rq->kind == WRIT_REQ_KEYVALUE;

	writ_buf_cstr(out, keyvalue ? "keyvalue: [{ name: " :
	    "blobs: [{ name: ");
	writ_suggest_name(p, rq->target, out);
	writ_buf_cstr(out, keyvalue ? ", bucket: " : ", container: ");
	writ_suggest_quote(rq->target, out);
	if (keyvalue)
		writ_buf_printf(out, ", from: memory, keys: \"**\", rights: "
		    "[%s] }]", keyvalue_right(rq));
	else
		writ_buf_printf(out, ", from: memory, rights: [%s] }]",
		    rq->write ? "write" : "read");
}

static void
suggest_spawn(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_buf *out)
{
	writ_buf_cstr(out, "spawn: [{ name: ");
	writ_suggest_name(p, rq->target, out);
	writ_buf_cstr(out, ", tool: ");
	writ_suggest_quote(rq->target, out);
	writ_buf_cstr(out, ", depth: 1, calls: 1 }]");
}

/* The whole list: the line stands in place of the one there. */
static void
suggest_client(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_buf *out)
{
	const char *word, *sep = "client: [";
	unsigned bit;

	for (bit = 1; (word = writ_policy_client_word(bit)) != NULL; bit <<= 1) {
		if (!(p->client & bit) && !writ_str_is(rq->target, word))
			continue;
		writ_buf_printf(out, "%s%s", sep, word);
		sep = ", ";
	}
	writ_buf_char(out, ']');
}

static void
suggest(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_buf *out)
{
	switch (rq->kind) {
	case WRIT_REQ_FILES:
		suggest_files(p, rq, out);
		return;
	case WRIT_REQ_HTTP:
		suggest_http(p, rq, out);
		return;
	case WRIT_REQ_SOCKETS:
		suggest_sockets(p, rq, out);
		return;
	case WRIT_REQ_KEYVALUE:
	case WRIT_REQ_BLOBS:
		suggest_store(p, rq, out);
		return;
	case WRIT_REQ_SPAWN:
		suggest_spawn(p, rq, out);
		return;
	case WRIT_REQ_CLIENT:
		suggest_client(p, rq, out);
		return;
	}
}

/* Whether one more entry could allow it: of what an entry that is there refuses or asks, none. */
static bool
could_be(const struct writ_request *rq, const struct writ_decision *now)
{
	if (rq->kind != WRIT_REQ_HTTP && rq->kind != WRIT_REQ_SOCKETS)
		return true;
	return now->verdict == WRIT_REFUSE && strcmp(now->rule, "malformed") &&
	    strcmp(now->rule, "http.overlap") && strncmp(now->rule, "deny.", 5);
}

static bool
allows(const struct writ_policy *q, const struct writ_request *rq)
{
	struct writ_decision d;

	if (rq->kind != WRIT_REQ_HTTP && rq->kind != WRIT_REQ_SOCKETS)
		return true;
	writ_decide(q, rq, &d);
	return d.verdict == WRIT_ALLOW;
}

void
writ_policy_suggest(const struct writ_policy *p, const struct writ_request *rq,
    struct writ_buf *out)
{
	writ_auto(writ_policy) q = NULL;
	writ_auto_release(writ_buf) line;
	struct writ_decision now;
	enum writ_status st;

	writ_decide(p, rq, &now);
	if (now.verdict == WRIT_ALLOW || !could_be(rq, &now))
		return;
	writ_buf_init(&line, LINE_MAX_BYTES);
	suggest(p, rq, &line);
	if (writ_buf_status(&line) != WRIT_OK || line.len == 0)
		return;
	/* What a writ cannot say (a name with a control byte) is not suggested. */
	st = writ_doc_parse(writ_buf_view(&line), "suggestion", true, &q, NULL);
	if (st == WRIT_UNSUPPORTED || (st == WRIT_OK && allows(q, rq)))
		writ_buf_str(out, writ_buf_view(&line));
}
