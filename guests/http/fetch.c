/*
 * fetch METHOD URL [-H NAME:VALUE]... [-d BODY | -d @SIZE] [-a] - asks for one page, and prints
 * the status, the fields and the body.  -a: and before it all that this program sees of
 * where it runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "web.h"

extern char **environ;

static void
show_fields(void *ctx, int which, wasi_http_types_borrow_fields_t fields)
{
	static const char *const marks[] = { "", "trailer ", "own " };
	wasi_http_types_list_tuple2_field_name_field_value_t list;
	size_t i;

	if (which == 0)
		printf("status %u\n", ((struct web_flight *)ctx)->status);
	wasi_http_types_method_fields_entries(fields, &list);
	for (i = 0; i < list.len; i++)
		printf("%s%.*s: %.*s\n", marks[which], (int)list.ptr[i].f0.len,
		    (const char *)list.ptr[i].f0.ptr, (int)list.ptr[i].f1.len,
		    (const char *)list.ptr[i].f1.ptr);
	wasi_http_types_list_tuple2_field_name_field_value_free(&list);
	if (which == 0)
		printf("\n");
}

static void
show_bytes(void *ctx, const uint8_t *p, size_t n)
{
	(void)ctx;
	fwrite(p, 1, n, stdout);
}

static void
show_all(int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		printf("argument %s\n", argv[i]);
	for (i = 0; environ && environ[i]; i++)
		printf("environment %s\n", environ[i]);
}

static void
add_field(struct web_ask *ask, char *text)
{
	char *colon = strchr(text + 1, ':');
	struct web_field *f = &ask->fields[ask->fields_count++];

	f->name.ptr = text;
	f->name.len = colon ? (size_t)(colon - text) : strlen(text);
	f->value = web_str(colon ? colon + 1 + (colon[1] == ' ') : "");
}

static int
usage(void)
{
	fprintf(stderr, "usage: fetch METHOD URL [-H NAME:VALUE]... [-d BODY | -d @SIZE] "
	    "[-a]\n");
	return 2;
}

int
main(int argc, char **argv)
{
	static struct web_ask ask;
	struct web_flight f = { .on_fields = show_fields, .on_bytes = show_bytes };
	int i;

	if (argc < 3 || !web_url(argv[2], &ask))
		return usage();
	ask.method = web_str(argv[1]);
	for (i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "-a")) {
			show_all(argc, argv);
		} else if (!strcmp(argv[i], "-H") && ++i < argc &&
		    ask.fields_count < 64) {
			add_field(&ask, argv[i]);
		} else if (!strcmp(argv[i], "-d") && ++i < argc) {
			ask.has_body = true;
			if (argv[i][0] == '@')
				ask.body_size = strtoull(argv[i] + 1, NULL, 10);
			else
				ask.body = web_str(argv[i]);
		} else {
			return usage();
		}
	}
	f.ctx = &f;
	web_send(&ask, &f);
	web_land(&f);
	fflush(stdout);
	if (f.state == WEB_DONE)
		return f.status < 400 ? 0 : 1;
	fprintf(stderr, "fetch: %s %s\n", f.state == WEB_REFUSED ? "refused" : "error", f.word);
	return 1;
}
