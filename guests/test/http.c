/*
 * http.c - sends the requests it is told, as they are told, right or wrong, and says what became
 * of each.
 *
 *   http [WORD]...          one request
 *   http - [WORD]...        one of each line of stdin, the words of the arguments before its own
 *
 * Words (\xNN, \s space, \n, \r, \t, \0, \\ in all; \e is an empty word):
 *   METHOD URL      or apart: -m METHOD -s SCHEME -a AUTHORITY -p PATH; "-" none
 *   -H NAME:VALUE   a field; -T a trailer
 *   -d BODY | -d @SIZE   a body; @SIZE of the pattern that origins know
 *   -t C,F,B        timeouts in ms (connect, first byte, between bytes); ns with "ns"
 *   -c BYTES        read and write no more at a time; -w MS before each write, -l MS before
 *                   each read
 *   -x body|future|response|started|stream:BYTES   where to give up
 *   -n COUNT -j AT-A-TIME   the same request so often
 *   -k              keep the request's fields and look at them after sending
 *   -o              the whole body; -q only a count of each outcome at the end
 *   -A              all that can be seen: arguments, environment, and at the end memory
 *   -z MS           sleep before
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/web.h"

#define SHOWN 200
#define OUTCOMES_MAX 64
#define LINE_MAX_BYTES (1 << 20)
#define WORDS_MAX 256

extern char **environ;

struct orders {
	struct web_ask ask;
	unsigned long count, at_a_time;
	bool quiet, whole, all;
	unsigned long before_ms;
};

struct told {				/* of one flight */
	struct web_flight f;
	unsigned long number;
	const struct orders *orders;
	char shown[SHOWN];
	size_t shown_len;
};

static struct { char word[WEB_WORD_MAX + 40]; unsigned long count; } outcomes[OUTCOMES_MAX];
static size_t outcomes_count;
static unsigned long numbers;

static void
put_safe(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] >= 0x7f || p[i] == '\\')
			printf("\\x%02x", p[i]);
		else
			putchar(p[i]);
}

static void
show_fields(void *ctx, int which, wasi_http_types_borrow_fields_t fields)
{
	static const char *const marks[] = { "field", "trailer", "own" };
	wasi_http_types_list_tuple2_field_name_field_value_t list;
	struct told *t = ctx;
	size_t i;

	if (t->orders->quiet)
		return;
	wasi_http_types_method_fields_entries(fields, &list);
	for (i = 0; i < list.len; i++) {
		printf("%lu %s ", t->number, marks[which]);
		put_safe(list.ptr[i].f0.ptr, list.ptr[i].f0.len);
		printf(": ");
		put_safe(list.ptr[i].f1.ptr, list.ptr[i].f1.len);
		putchar('\n');
	}
	wasi_http_types_list_tuple2_field_name_field_value_free(&list);
}

static void
show_bytes(void *ctx, const uint8_t *p, size_t n)
{
	struct told *t = ctx;
	size_t room = SHOWN - t->shown_len;

	if (t->orders->whole) {
		fwrite(p, 1, n, stdout);
		return;
	}
	if (n > room)
		n = room;
	memcpy(t->shown + t->shown_len, p, n);
	t->shown_len += n;
}

static void
count_outcome(const struct told *t)
{
	static const char *const words[] = { "refused", "error", "?", "?", "?", "status",
		"dropped" };
	char line[WEB_WORD_MAX + 40];
	size_t i;

	if (t->f.state == WEB_DONE)
		snprintf(line, sizeof(line), "status %u", t->f.status);
	else
		snprintf(line, sizeof(line), "%s %s", words[t->f.state], t->f.word);
	for (i = 0; i < outcomes_count && strcmp(outcomes[i].word, line); i++)
		;
	if (i == OUTCOMES_MAX)
		return;
	if (i == outcomes_count)
		memcpy(outcomes[outcomes_count++].word, line, sizeof(line));
	outcomes[i].count++;
}

static void
say(struct told *t)
{
	const struct web_flight *f = &t->f;

	count_outcome(t);
	if (t->orders->quiet)
		return;
	printf("%lu ", t->number);
	if (f->state == WEB_DONE)
		printf("status %u", f->status);
	else if (f->state == WEB_DROPPED)
		printf("dropped");
	else
		printf("%s %s", f->state == WEB_REFUSED ? "refused" : "error", f->word);
	if (f->status && f->state != WEB_DONE)
		printf(" after status %u", f->status);
	if (f->status)
		printf(" bytes %llu hash %016llx", (unsigned long long)f->got,
		    (unsigned long long)f->hash);
	if (f->ask->has_body)
		printf(" sent %llu", (unsigned long long)f->sent);
	if (f->out_word[0])
		printf(" body-error %s", f->out_word);
	if (t->shown_len) {
		printf(" body ");
		put_safe((uint8_t *)t->shown, t->shown_len);
	}
	putchar('\n');
	fflush(stdout);
}

static void
do_orders(const struct orders *o)
{
	unsigned long width = o->at_a_time ? o->at_a_time : 1, started = 0, ended = 0;
	struct told *ring = calloc(width, sizeof(*ring));

	if (!ring)
		abort();
	web_sleep(o->before_ms * 1000000ull);
	while (ended < o->count) {
		struct told *t;

		while (started < o->count && started - ended < width) {
			t = &ring[started++ % width];
			memset(t, 0, sizeof(*t));
			t->orders = o;
			t->number = numbers++;
			t->f.on_fields = show_fields;
			t->f.on_bytes = show_bytes;
			t->f.ctx = t;
			web_send(&o->ask, &t->f);
		}
		t = &ring[ended++ % width];
		web_land(&t->f);
		say(t);
	}
	free(ring);
}

/* ---- words */

static size_t
unescape(char *word)
{
	char *in = word, *out = word;
	unsigned byte;
	int n;

	for (; *in; in++) {
		if (*in != '\\') {
			*out++ = *in;
			continue;
		}
		switch (*++in) {
		case 's': *out++ = ' '; break;
		case 'n': *out++ = '\n'; break;
		case 'r': *out++ = '\r'; break;
		case 't': *out++ = '\t'; break;
		case '0': *out++ = '\0'; break;
		case 'e': break;
		case 'x':
			n = 0;
			if (sscanf(in + 1, "%2x%n", &byte, &n) == 1) {
				*out++ = (char)byte;
				in += n;
			}
			break;
		case '\0': in--; break;
		default: *out++ = *in; break;
		}
	}
	*out = '\0';
	return (size_t)(out - word);
}

static void
split_url(struct web_text url, struct web_ask *ask)
{
	size_t i = 0, from;

	while (i + 2 < url.len && memcmp(url.ptr + i, "://", 3))
		i++;
	ask->scheme.ptr = url.ptr;
	ask->scheme.len = i;
	from = i = i + 3 < url.len ? i + 3 : url.len;
	while (i < url.len && !memchr("/?#", url.ptr[i], 3))
		i++;
	ask->authority.ptr = url.ptr + from;
	ask->authority.len = i - from;
	ask->path.ptr = url.ptr + i;
	ask->path.len = url.len - i;
	if (!ask->path.len)
		ask->path = web_str("/");
}

static void
set_field(struct web_text text, struct web_field *f)
{
	const char *colon = text.len > 1 ? memchr(text.ptr + 1, ':', text.len - 1) : NULL;

	f->name.ptr = text.ptr;
	f->name.len = colon ? (size_t)(colon - text.ptr) : text.len;
	f->value.ptr = colon ? colon + 1 : "";
	f->value.len = colon ? text.len - f->name.len - 1 : 0;
}

static void
set_timeouts(const char *text, struct web_ask *ask)
{
	uint64_t unit = strstr(text, "ns") ? 1 : 1000000;
	char *end;
	int i;

	for (i = 0; i < 3 && *text; i++) {
		ask->timeouts[i] = strtoull(text, &end, 10) * unit;
		ask->has_timeout[i] = end != text;
		text = *end == ',' ? end + 1 : "";
	}
}

static void
set_drop(const char *text, struct web_ask *ask)
{
	static const struct { const char *name; enum web_drop drop; } names[] = {
		{ "body", WEB_DROP_BODY }, { "future", WEB_DROP_FUTURE },
		{ "response", WEB_DROP_RESPONSE }, { "started", WEB_DROP_STARTED },
		{ "stream", WEB_DROP_STREAM } };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(text, names[i].name, strlen(names[i].name)))
			ask->drop = names[i].drop;
	if (strchr(text, ':'))
		ask->drop_after = strtoull(strchr(text, ':') + 1, NULL, 10);
}

/* A word that needs no value; false: it is none. */
static bool
flag(struct orders *o, char c)
{
	switch (c) {
	case 'k': o->ask.keep_fields = true; return true;
	case 'o': o->whole = true; return true;
	case 'q': o->quiet = true; return true;
	case 'A': o->all = true; return true;
	default: return false;
	}
}

static void
set_body(struct web_text value, struct web_ask *ask)
{
	ask->has_body = true;
	ask->body.ptr = NULL;
	if (value.len && value.ptr[0] == '@')
		ask->body_size = strtoull(value.ptr + 1, NULL, 10);
	else
		ask->body = value;
}

static void
option(struct orders *o, char c, struct web_text value)
{
	struct web_text none = { NULL, 0 };
	struct web_text part = value.len == 1 && value.ptr[0] == '-' ? none : value;

	switch (c) {
	case 'm': o->ask.method = value; break;
	case 's': o->ask.scheme = part; break;
	case 'a': o->ask.authority = part; break;
	case 'p': o->ask.path = part; break;
	case 'H':
		if (o->ask.fields_count < 64)
			set_field(value, &o->ask.fields[o->ask.fields_count++]);
		break;
	case 'T':
		if (o->ask.trailers_count < 16)
			set_field(value, &o->ask.trailers[o->ask.trailers_count++]);
		break;
	case 'd': set_body(value, &o->ask); break;
	case 't': set_timeouts(value.ptr, &o->ask); break;
	case 'c': o->ask.chunk = strtoull(value.ptr, NULL, 10); break;
	case 'w': o->ask.pause_ns = strtoull(value.ptr, NULL, 10) * 1000000; break;
	case 'l': o->ask.lag_ns = strtoull(value.ptr, NULL, 10) * 1000000; break;
	case 'x': set_drop(value.ptr, &o->ask); break;
	case 'n': o->count = strtoul(value.ptr, NULL, 10); break;
	case 'j': o->at_a_time = strtoul(value.ptr, NULL, 10); break;
	case 'z': o->before_ms = strtoul(value.ptr, NULL, 10); break;
	default:
		fprintf(stderr, "http: -%c is nothing\n", c);
		exit(2);
	}
}

static void
read_words(struct orders *o, char **words, size_t count)
{
	unsigned plain = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		struct web_text word = { words[i], unescape(words[i]) };

		if (word.len == 2 && word.ptr[0] == '-') {
			char c = word.ptr[1];

			if (flag(o, c))
				continue;
			if (++i == count) {
				fprintf(stderr, "http: -%c of what?\n", c);
				exit(2);
			}
			word.ptr = words[i];
			word.len = unescape(words[i]);
			option(o, c, word);
		} else if (plain++ == 0) {
			o->ask.method = word;
		} else {
			split_url(word, &o->ask);
		}
	}
}

static void
do_line(const struct orders *common, char *line)
{
	static struct orders o;
	char *words[WORDS_MAX], *save = NULL, *word;
	size_t n = 0;

	o = *common;
	for (word = strtok_r(line, " \n", &save); word && n < WORDS_MAX;
	    word = strtok_r(NULL, " \n", &save))
		words[n++] = word;
	if (!n)
		return;
	read_words(&o, words, n);
	do_orders(&o);
}

static void
do_lines(const struct orders *common)
{
	static char line[LINE_MAX_BYTES];

	while (fgets(line, sizeof(line), stdin))
		do_line(common, line);
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

/* Every byte of this program's memory, as it is. */
static void
show_memory(void)
{
	fwrite((void *)1, 1, __builtin_wasm_memory_size(0) * 65536 - 1, stdout);
	putchar('\n');
}

int
main(int argc, char **argv)
{
	static struct orders o;
	bool lines = argc > 1 && !strcmp(argv[1], "-");
	size_t i;

	o.count = 1;
	o.ask.method = web_str("GET");
	read_words(&o, argv + 1 + lines, (size_t)(argc - 1 - lines));
	if (o.all)
		show_all(argc, argv);
	if (lines)
		do_lines(&o);
	else
		do_orders(&o);
	for (i = 0; o.quiet && i < outcomes_count; i++)
		printf("%lu times %s\n", outcomes[i].count, outcomes[i].word);
	if (o.all)
		show_memory();
	return fflush(stdout) ? 1 : 0;
}
