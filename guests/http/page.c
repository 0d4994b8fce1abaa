/*
 * page - a tool with typed functions that asks for pages: get(url), post(url, body).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web.h"

#define PAGE_MAX (1 << 20)

struct page {
	uint8_t *bytes;
	size_t len;
};

static void
keep(void *ctx, const uint8_t *p, size_t n)
{
	struct page *page = ctx;

	if (n > PAGE_MAX - page->len)
		n = PAGE_MAX - page->len;
	memcpy(page->bytes + page->len, p, n);
	page->len += n;
}

static bool
fetch(const char *method, wit_string_t *url, wit_string_t *body, wit_string_t *ret,
    wit_string_t *err)
{
	struct page page = { malloc(PAGE_MAX), 0 };
	struct web_ask *ask = calloc(1, sizeof(*ask));
	struct web_flight f = { .on_bytes = keep, .ctx = &page };
	char *text = malloc(url->len + 1), word[WEB_WORD_MAX + 16];

	if (!page.bytes || !ask || !text)
		abort();
	memcpy(text, url->ptr, url->len);
	text[url->len] = '\0';
	if (!web_url(text, ask)) {
		wit_string_dup(err, "no URL");
		return false;
	}
	ask->method = web_str(method);
	if (body) {
		ask->has_body = true;
		ask->body.ptr = (const char *)body->ptr;
		ask->body.len = body->len;
	}
	web_send(ask, &f);
	web_land(&f);
	if (f.state == WEB_DONE && f.status < 400) {
		ret->ptr = page.bytes;
		ret->len = page.len;
		return true;
	}
	if (f.state == WEB_DONE)
		snprintf(word, sizeof(word), "status %u", f.status);
	else
		snprintf(word, sizeof(word), "%s", f.word);
	wit_string_dup(err, word);
	return false;
}

bool
exports_wit_get(wit_string_t *url, wit_string_t *ret, wit_string_t *err)
{
	return fetch("GET", url, NULL, ret, err);
}

bool
exports_wit_post(wit_string_t *url, wit_string_t *body, wit_string_t *ret,
    wit_string_t *err)
{
	return fetch("POST", url, body, ret, err);
}
