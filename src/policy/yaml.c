#include "policy/yaml.h"

#include <libfyaml.h>

#define CHUNK_BYTES (16 * 1024)

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

struct writ_yaml {
	struct chunk *chunks;
	struct writ_yaml_node *root;
};

/* One open list or map. */
struct frame {
	struct writ_yaml_node *node;
	struct writ_yaml_node **tail;
	bool have_key;
	struct writ_str key;
	unsigned key_line, key_column;
};

struct build {
	const char *file;
	struct writ_err *err;
	struct writ_yaml *y;
	struct fy_parser *fyp;
	struct frame stack[WRIT_DOC_DEPTH_MAX];
	size_t depth, nodes, documents, text_max;
};

struct position {
	unsigned line, column;
};

static inline void
parser_cleanup(struct fy_parser **p)
{
	if (*p)
		fy_parser_destroy(*p);
}

static inline void
diag_cleanup(struct fy_diag **d)
{
	if (*d)
		fy_diag_destroy(*d);
}

const struct writ_yaml_node *
writ_yaml_root(const struct writ_yaml *y)
{
	return y->root;
}

void *
writ_yaml_mem(struct writ_yaml *y, size_t n)
{
	struct chunk *c = y->chunks;
	size_t size;
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (!c || c->size - c->used < n) {
		size = n > CHUNK_BYTES ? n : CHUNK_BYTES;
		c = writ_alloc(1, sizeof(*c) + size);
		if (!c)
			return NULL;
		c->size = size;
		c->next = y->chunks;
		y->chunks = c;
	}
	p = c->bytes + c->used;
	c->used += n;
	return p;
}

void
writ_yaml_free(struct writ_yaml *y)
{
	struct chunk *c, *next;

	if (!y)
		return;
	for (c = y->chunks; c; c = next) {
		next = c->next;
		writ_mem_free(c);
	}
	writ_mem_free(y);
}

static enum writ_status
fail_at(const struct build *b, struct position at, enum writ_status st,
    const char *what)
{
	return writ_fail(b->err, st, "%s:%u:%u: %s", b->file, at.line,
	    at.column, what);
}

static enum writ_status
no_memory(const struct build *b)
{
	return writ_fail(b->err, WRIT_NOMEM, "%s: out of memory", b->file);
}

/* Where an event stands; a value that is not there has no mark and stands at its
 * key, or at the list or map that it should be in. */
static struct position
event_position(const struct build *b, struct fy_event *e)
{
	const struct fy_mark *m = fy_event_start_mark(e);
	const struct frame *f = b->depth ? &b->stack[b->depth - 1] : NULL;
	enum fy_scalar_style style = FYSS_PLAIN;

	if (m && m->line >= 0 && m->column >= 0) {
		if (e->type == FYET_SCALAR)
			style = fy_token_scalar_style(e->scalar.value);
		/* the mark of a quoted text is behind the quote */
		return (struct position){ (unsigned)m->line + 1,
			(unsigned)m->column + 1 - (m->column > 0 &&
			(style == FYSS_SINGLE_QUOTED ||
			style == FYSS_DOUBLE_QUOTED)) };
	}
	if (f && f->have_key)
		return (struct position){ f->key_line, f->key_column };
	if (f)
		return (struct position){ f->node->line, f->node->column };
	return (struct position){ 1, 1 };
}

/* Copy the text of a scalar event into the tree. */
static enum writ_status
scalar_text(struct build *b, struct fy_event *e, struct position at,
    struct writ_str *out)
{
	size_t len = 0;
	const char *text = fy_token_get_text(e->scalar.value, &len);
	char *copy;

	if (!text)
		len = 0;
	if (len > b->text_max)
		return writ_fail(b->err, WRIT_LIMIT, "%s:%u:%u: a text longer than "
		    "%zu bytes", b->file, at.line, at.column, b->text_max);
	if (len && memchr(text, '\0', len))
		return fail_at(b, at, WRIT_INVALID, "a NUL in a text");
	copy = writ_yaml_mem(b->y, len + 1);
	if (!copy)
		return no_memory(b);
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	*out = writ_str(copy, len);
	return WRIT_OK;
}

static enum writ_status
take_key(struct build *b, struct fy_event *e, struct position at)
{
	struct frame *f = &b->stack[b->depth - 1];
	enum writ_status st;

	if (e->type != FYET_SCALAR)
		return fail_at(b, at, WRIT_INVALID,
		    "a key must be a word, not a list or a map");
	st = scalar_text(b, e, at, &f->key);
	if (st != WRIT_OK)
		return st;
	if (f->key.len == 0)
		return fail_at(b, at, WRIT_INVALID, "an empty key");
	if (writ_str_is(f->key, "<<"))
		return fail_at(b, at, WRIT_INVALID, "merge keys are refused");
	f->key_line = at.line;
	f->key_column = at.column;
	f->have_key = true;
	return WRIT_OK;
}

/* Hang `n` below the open list or map, or make it the root. */
static enum writ_status
attach(struct build *b, struct writ_yaml_node *n, struct position at)
{
	struct frame *f;

	if (b->depth == 0) {
		b->y->root = n;
		return WRIT_OK;
	}
	f = &b->stack[b->depth - 1];
	if (f->node->count >= WRIT_DOC_LIST_MAX)
		return fail_at(b, at, WRIT_LIMIT,
		    "more than 1024 items in one list or map");
	n->key = f->key;
	n->key_line = f->key_line;
	n->key_column = f->key_column;
	f->have_key = false;
	f->node->count++;
	*f->tail = n;
	f->tail = &n->next;
	return WRIT_OK;
}

static enum writ_status
take_value(struct build *b, struct fy_event *e, struct position at)
{
	struct writ_yaml_node *n;
	enum writ_status st = WRIT_OK;

	if (++b->nodes > WRIT_DOC_NODES_MAX)
		return fail_at(b, at, WRIT_LIMIT, "too many values");
	n = writ_yaml_mem(b->y, sizeof(*n));
	if (!n)
		return no_memory(b);
	n->line = at.line;
	n->column = at.column;
	if (e->type == FYET_SCALAR) {
		n->kind = WRIT_YAML_SCALAR;
		n->plain = fy_token_scalar_style(e->scalar.value) == FYSS_PLAIN;
		st = scalar_text(b, e, at, &n->text);
		return st == WRIT_OK ? attach(b, n, at) : st;
	}
	n->kind = e->type == FYET_MAPPING_START ? WRIT_YAML_MAP : WRIT_YAML_LIST;
	st = attach(b, n, at);
	if (st != WRIT_OK)
		return st;
	if (b->depth == WRIT_DOC_DEPTH_MAX)
		return fail_at(b, at, WRIT_LIMIT, "nested deeper than 16 levels");
	b->stack[b->depth++] = (struct frame){ .node = n, .tail = &n->first };
	return WRIT_OK;
}

static int
by_key(const void *a, const void *b)
{
	const struct writ_yaml_node *x = *(struct writ_yaml_node *const *)a;
	const struct writ_yaml_node *y = *(struct writ_yaml_node *const *)b;
	size_t n = x->key.len < y->key.len ? x->key.len : y->key.len;
	int r = memcmp(x->key.ptr, y->key.ptr, n);

	if (r == 0 && x->key.len != y->key.len)
		r = x->key.len < y->key.len ? -1 : 1;
	if (r == 0 && x->key_line != y->key_line)
		r = x->key_line < y->key_line ? -1 : 1;
	if (r == 0)
		r = x->key_column < y->key_column ? -1 :
		    x->key_column > y->key_column;
	return r;
}

/* The earliest repetition in the text is the one reported. */
static enum writ_status
check_duplicates(struct build *b, const struct writ_yaml_node *map)
{
	writ_auto_mem struct writ_yaml_node **v = NULL;
	const struct writ_yaml_node *dup = NULL;
	struct writ_yaml_node *n;
	size_t i = 0;

	if (map->count < 2)
		return WRIT_OK;
	v = writ_alloc(map->count, sizeof(struct writ_yaml_node *));
	if (!v)
		return no_memory(b);
	for (n = map->first; n && i < map->count; n = n->next)
		v[i++] = n;
	qsort(v, map->count, sizeof(struct writ_yaml_node *), by_key);
	for (i = 1; i < map->count; i++) {
		if (!writ_str_eq(v[i - 1]->key, v[i]->key))
			continue;
		if (!dup || v[i]->key_line < dup->key_line ||
		    (v[i]->key_line == dup->key_line &&
		    v[i]->key_column < dup->key_column))
			dup = v[i];
	}
	if (!dup)
		return WRIT_OK;
	return writ_fail(b->err, WRIT_INVALID, "%s:%u:%u: duplicate key \"%.64s\"",
	    b->file, dup->key_line, dup->key_column, dup->key.ptr);
}

static enum writ_status
end_container(struct build *b)
{
	struct frame *f;

	if (b->depth == 0)
		return no_memory(b);	/* the library never sends this */
	f = &b->stack[--b->depth];
	return f->node->kind == WRIT_YAML_MAP ? check_duplicates(b, f->node) :
	    WRIT_OK;
}

static enum writ_status
start_document(struct build *b, struct fy_event *e, struct position at)
{
	struct fy_document_state *s = e->document_start.document_state;

	if (b->documents++ > 0)
		return fail_at(b, at, WRIT_INVALID,
		    "a second document; one is read");
	if (s && (fy_document_state_version_explicit(s) ||
	    fy_document_state_tags_explicit(s)))
		return fail_at(b, at, WRIT_INVALID,
		    "YAML directives (%YAML, %TAG) are refused");
	return WRIT_OK;
}

static enum writ_status
take_event(struct build *b, struct fy_event *e)
{
	struct position at = event_position(b, e);
	const struct frame *f = b->depth ? &b->stack[b->depth - 1] : NULL;

	switch (e->type) {
	case FYET_DOCUMENT_START:
		return start_document(b, e, at);
	case FYET_ALIAS:
		return fail_at(b, at, WRIT_INVALID, "YAML aliases are refused");
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		return end_container(b);
	case FYET_SCALAR:
	case FYET_MAPPING_START:
	case FYET_SEQUENCE_START:
		if (fy_event_get_anchor_token(e))
			return fail_at(b, at, WRIT_INVALID,
			    "YAML anchors are refused");
		if (fy_event_get_tag_token(e))
			return fail_at(b, at, WRIT_INVALID,
			    "YAML tags are refused");
		if (f && f->node->kind == WRIT_YAML_MAP && !f->have_key)
			return take_key(b, e, at);
		return take_value(b, e, at);
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	}
	return WRIT_OK;
}

/* What the library said was wrong with the text. */
static enum writ_status
syntax_error(const struct build *b, struct fy_diag *diag)
{
	void *prev = NULL;
	struct fy_diag_error *e = fy_diag_errors_iterate(diag, &prev);
	unsigned line = 1, column = 1;

	if (!e)
		return writ_fail(b->err, WRIT_INVALID, "%s: not YAML", b->file);
	if (e->line > 0)
		line = (unsigned)e->line;
	if (e->column > 0)
		column = (unsigned)e->column;
	return writ_fail(b->err, WRIT_INVALID, "%s:%u:%u: not YAML: %s", b->file,
	    line, column, e->msg ? e->msg : "?");
}

static enum writ_status
run(struct build *b, struct writ_str doc)
{
	const struct fy_diag_cfg dcfg = { .level = FYET_ERROR,
		.module_mask = ~0u };
	__attribute__((cleanup(diag_cleanup))) struct fy_diag *diag =
	    fy_diag_create(&dcfg);
	__attribute__((cleanup(parser_cleanup))) struct fy_parser *fyp = NULL;
	struct fy_parse_cfg cfg = { .diag = diag, .flags = FYPCF_QUIET |
		FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE |
		FYPCF_DISABLE_RECYCLING };
	enum writ_status st = WRIT_OK;
	struct fy_event *e;

	if (!diag)
		return no_memory(b);
	fy_diag_set_collect_errors(diag, true);
	fyp = fy_parser_create(&cfg);
	if (!fyp || fy_parser_set_string(fyp, doc.ptr, doc.len))
		return no_memory(b);
	b->fyp = fyp;
	while (st == WRIT_OK && (e = fy_parser_parse(fyp)) != NULL) {
		st = take_event(b, e);
		fy_parser_event_free(fyp, e);
	}
	if (st == WRIT_OK &&
	    (fy_parser_get_stream_error(fyp) || fy_diag_got_error(diag)))
		st = syntax_error(b, diag);
	return st;
}

/* U+202A..202E and U+2066..2069 change the order in which text is shown. */
static bool
is_bidi(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;

	if (n < 3 || u[0] != 0xe2)
		return false;
	return (u[1] == 0x80 && u[2] >= 0xaa && u[2] <= 0xae) ||
	    (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9);
}

static bool
is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Refuses what libfyaml 0.7 reads in square time (long runs of blanks, long tags,
 * lines of `%`) or loses memory over (`''''` in a text) before it is asked, and what
 * could hide text from a reviewer. */
static enum writ_status
check_bytes(const struct build *b, struct writ_str doc)
{
	struct position at = { 1, 1 };
	size_t i, run = 0, quotes = 0;
	bool blank = false;

	for (i = 0; i < doc.len; i++) {
		unsigned char c = (unsigned char)doc.ptr[i];

		run = is_blank(c) == blank ? run + 1 : 1;
		blank = is_blank(c);
		if (run > (blank ? WRIT_DOC_BLANKS_MAX : WRIT_DOC_WORD_MAX))
			return fail_at(b, at, WRIT_LIMIT, blank ?
			    "more than 1024 blanks or empty lines in a row" :
			    "a word longer than 32 KiB");

		quotes = c == '\'' ? quotes + 1 : 0;
		if (quotes > WRIT_DOC_QUOTES_MAX)
			return fail_at(b, at, WRIT_LIMIT,
			    "more than 3 single quotes in a row; put the text "
			    "in double quotes");
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return fail_at(b, at, WRIT_INVALID,
			    "a control character");
		/* before the library sees it: it reads them in square time */
		if (c == '%' && at.column == 1)
			return fail_at(b, at, WRIT_INVALID,
			    "YAML directives (%YAML, %TAG) are refused");
		if (is_bidi(doc.ptr + i, doc.len - i))
			return fail_at(b, at, WRIT_INVALID,
			    "a character that reorders text");
		if (c == '\n')
			at = (struct position){ at.line + 1, 1 };
		else
			at.column += (c & 0xc0) != 0x80;
	}
	if (!writ_str_utf8(doc))
		return writ_fail(b->err, WRIT_INVALID, "%s: not UTF-8", b->file);
	if (writ_str_starts(doc, WRIT_STR("\xef\xbb\xbf")))
		return fail_at(b, (struct position){ 1, 1 }, WRIT_INVALID,
		    "a byte order mark");
	return WRIT_OK;
}

enum writ_status
writ_yaml_parse(struct writ_str doc, const char *file, struct writ_yaml **out,
    struct writ_err *err)
{
	return writ_yaml_parse_long(doc, file, WRIT_DOC_STRING_MAX, out, err);
}

enum writ_status
writ_yaml_parse_long(struct writ_str doc, const char *file, size_t text_max,
    struct writ_yaml **out, struct writ_err *err)
{
	writ_auto(writ_yaml) y = writ_alloc(1, sizeof(*y));
	struct build b = { .file = file, .err = err, .y = y,
		.text_max = text_max };
	enum writ_status st;

	if (!y)
		return no_memory(&b);
	if (doc.len > WRIT_DOC_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s: larger than 1 MiB", file);
	st = check_bytes(&b, doc);
	if (st == WRIT_OK && doc.len > 0)
		st = run(&b, doc);
	if (st != WRIT_OK)
		return st;
	if (!y->root)
		return writ_fail(err, WRIT_INVALID, "%s:1:1: an empty document",
		    file);
	*out = writ_steal(&y);
	return WRIT_OK;
}
