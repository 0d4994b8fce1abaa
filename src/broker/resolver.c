#include <fcntl.h>

#include "base/mem.h"
#include "broker/resolver.h"
#include "policy/address.h"

#define CONF "/etc/resolv.conf"
#define CONF_MAX 65536
#define PORT 53

static bool
read_server(struct writ_str text, uint8_t address[16], unsigned *port)
{
	struct writ_str host = text, digits = { NULL, 0 };
	const char *colon;
	uint64_t n;

	*port = PORT;
	if (text.len && text.ptr[0] == '[') {
		const char *end = memchr(text.ptr, ']', text.len);

		if (!end)
			return false;
		host = writ_str(text.ptr, (size_t)(end - text.ptr) + 1);
		digits = writ_str_skip(text, host.len);
		if (digits.len && digits.ptr[0] != ':')
			return false;
		if (digits.len == 1)
			return false;
		digits = writ_str_skip(digits, 1);
	} else if (text.len) {
		colon = memchr(text.ptr, ':', text.len);
		if (colon && !memchr(colon + 1, ':', text.len -
		    (size_t)(colon + 1 - text.ptr))) {
			host.len = (size_t)(colon - text.ptr);
			digits = writ_str_skip(text, host.len + 1);
			if (!digits.len)
				return false;
		}
	}
	if (digits.len) {
		if (writ_str_u64(digits, 65535, &n) != WRIT_OK || n == 0)
			return false;
		*port = (unsigned)n;
	}
	return writ_address_read(host, address);
}

enum writ_status
writ_resolver_parse(struct writ_str text, struct writ_resolver *out,
    struct writ_err *err)
{
	struct writ_resolver r = { .count = 1 };

	if (!read_server(text, r.servers[0].address, &r.servers[0].port))
		return writ_fail(err, WRIT_INVALID, "\"%.*s\" is no name server: "
		    "ADDR, ADDR:PORT or [IPV6]:PORT", WRIT_STR_ARG(text));
	*out = r;
	return WRIT_OK;
}

static struct writ_str
word(struct writ_str *line)
{
	size_t i = 0, n = 0;
	struct writ_str w;

	while (i < line->len && (line->ptr[i] == ' ' || line->ptr[i] == '\t'))
		i++;
	while (i + n < line->len && line->ptr[i + n] != ' ' &&
	    line->ptr[i + n] != '\t' && line->ptr[i + n] != '\r')
		n++;
	w = writ_str(line->ptr + i, n);
	*line = writ_str_skip(*line, i + n);
	return w;
}

void
writ_resolver_conf(struct writ_str text, struct writ_resolver *out)
{
	memset(out, 0, sizeof(*out));
	while (text.len && out->count < WRIT_RESOLVERS_MAX) {
		struct writ_str line = writ_str_cut(text, '\n', &text);

		if (writ_str_is(word(&line), "nameserver") &&
		    writ_address_read(word(&line),
		    out->servers[out->count].address))
			out->servers[out->count++].port = PORT;
	}
}

void
writ_resolver_system(struct writ_resolver *out)
{
	writ_auto_fd fd = open(CONF, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	writ_auto_mem char *text = writ_alloc(1, CONF_MAX);
	ssize_t n = fd >= 0 && text ? read(fd, text, CONF_MAX) : 0;

	writ_resolver_conf(writ_str(text, n > 0 ? (size_t)n : 0), out);
}

void
writ_resolver_text(const struct writ_resolver *r, char *out, size_t cap)
{
	char a[46];
	size_t i, at = 0;

	out[0] = '\0';
	for (i = 0; i < r->count && at < cap; i++) {
		bool six;
		int n;

		writ_address_text(r->servers[i].address, a);
		six = strchr(a, ':') != NULL;
		n = snprintf(out + at, cap - at, "%s%s%s%s:%u", i ? ", " : "",
		    six ? "[" : "", a, six ? "]" : "", r->servers[i].port);
		at += n > 0 ? (size_t)n : 0;
	}
}
