#include <time.h>

#include "worker/serve.h"

static const struct {
	unsigned status;
	const char *words;
} reasons[] = {
	{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
	{ 204, "No Content" }, { 206, "Partial Content" },
	{ 301, "Moved Permanently" }, { 302, "Found" }, { 303, "See Other" },
	{ 304, "Not Modified" }, { 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" }, { 400, "Bad Request" },
	{ 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 408, "Request Timeout" },
	{ 409, "Conflict" }, { 413, "Content Too Large" },
	{ 414, "URI Too Long" }, { 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
	{ 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
};

static const char *
reason(unsigned status)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].words;
	return "";	/* RFC 9112 4: optional, and read by nobody */
}

/* ---- the date */

static bool
leap(int64_t y)
{
	return (y % 4 == 0 && y % 100) || y % 400 == 0;
}

void
writ_serve_date(int64_t seconds, char out[40])
{
	static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon",
		"Tue", "Wed" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
		"May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30,
		31, 30, 31 };
	int64_t day = seconds / 86400, year = 1970, left = seconds % 86400;
	const char *name = days[day % 7];
	unsigned m, n;

	for (; day >= 365 + leap(year); year++)
		day -= 365 + leap(year);
	for (m = 0; m < 11; m++) {
		n = lengths[m] + (m == 1 && leap(year));
		if (day < n)
			break;
		day -= n;
	}
	snprintf(out, 40, "%s, %02d %s %04d %02d:%02d:%02d GMT", name,
	    (int)day + 1, months[m], (int)year, (int)(left / 3600),
	    (int)(left / 60 % 60), (int)(left % 60));
}

/* Once a second. */
static const char *
date_now(struct writ_serve *s)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	if (t.tv_sec != s->date_s && t.tv_sec > 0) {
		s->date_s = t.tv_sec;
		writ_serve_date(t.tv_sec, s->date);
	}
	return s->date;
}

/* ---- a guest's answer */

static bool
read_length(struct writ_str value, bool *has, uint64_t *length)
{
	size_t i;

	for (i = 0; i < value.len; i++)
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return false;
	if (*has || !value.len ||
	    writ_str_u64(value, INT64_MAX, length) != WRIT_OK)
		return false;
	return *has = true;
}

bool
writ_serve_answer_ok(const struct writ_http_head *head, bool *has_length,
    uint64_t *length)
{
	size_t i, bytes = 0;

	*has_length = false;
	*length = 0;
	if (head->status < 200 || head->status > 999 ||
	    head->fields_count > WRIT_HTTP_FIELDS_OUT_MAX)
		return false;
	for (i = 0; i < head->fields_count; i++) {
		const struct writ_http_field *f = &head->fields[i];

		bytes += f->name.len + f->value.len;
		if (!writ_serve_is_token(f->name) ||
		    !writ_serve_is_value(f->value) ||
		    bytes > WRIT_HTTP_FIELDS_BYTES_MAX)
			return false;
		if (writ_str_is(f->name, "content-length") &&
		    !read_length(f->value, has_length, length))
			return false;
	}
	return true;
}

static void
put_field(struct writ_buf *b, struct writ_str name, struct writ_str value)
{
	writ_buf_str(b, name);
	writ_buf_add(b, ": ", 2);
	writ_buf_str(b, value);
	writ_buf_add(b, "\r\n", 2);
}

static void
put_status(struct writ_serve_conn *c, unsigned status)
{
	writ_buf_printf(&c->out, "HTTP/1.1 %u %s\r\n", status, reason(status));
}

static void
put_end(struct writ_serve_conn *c, bool dated)
{
	if (!dated)
		put_field(&c->out, WRIT_STR("date"),
		    writ_str_from(date_now(c->serve)));
	if (c->close)
		writ_buf_cstr(&c->out, "connection: close\r\n");
	writ_buf_add(&c->out, "\r\n", 2);
}

void
writ_serve_answer(struct writ_served *r, const struct writ_http_head *head)
{
	struct writ_serve_conn *c = r->conn;
	bool dated = false, length = false;
	size_t i;

	put_status(c, head->status);
	for (i = 0; i < head->fields_count; i++) {
		const struct writ_http_field *f = &head->fields[i];

		if (writ_serve_is_hop(f->name))
			continue;
		if (writ_str_is(f->name, "content-length")) {
			length = true;
			if (head->status == 204)	/* RFC 9110 8.6 */
				continue;
		}
		dated = dated || writ_str_is(f->name, "date");
		put_field(&c->out, f->name, f->value);
	}
	if (r->chunked)
		writ_buf_cstr(&c->out, "transfer-encoding: chunked\r\n");
	else if (!length && !r->bodiless && r->has_length)
		writ_buf_cstr(&c->out, "content-length: 0\r\n");
	put_end(c, dated);
}

void
writ_serve_answer_plain(struct writ_serve_conn *c, unsigned status)
{
	const char *words = reason(status);

	put_status(c, status);
	writ_buf_printf(&c->out, "content-type: text/plain\r\n"
	    "content-length: %zu\r\n", strlen(words) + 1);
	if (status == 503)
		writ_buf_cstr(&c->out, "retry-after: 1\r\n");
	put_end(c, false);
	if (!c->to_head)
		writ_buf_printf(&c->out, "%s\n", words);
}
