/* json.c - see json.h. */
#include "base/json.h"

#include "base/hash.h"
#include "base/limits.h"

/* jansson passes a failed allocation on as a syntax error; this tells. */
static _Thread_local bool no_memory;

static void *
jansson_malloc(size_t n)
{
	void *p = writ_alloc(n, 1);

	if (!p)
		no_memory = true;
	return p;
}

void
writ_json_init(void)
{
	size_t seed = 0;

	json_set_alloc_funcs(jansson_malloc, writ_mem_free);
	while (seed == 0)
		writ_hash_random(&seed, sizeof(seed));
	json_object_seed(seed);
}

/*
 * Nesting and values, counted before the recursive parser sees them.  Bytes inside
 * strings do not count; what is malformed otherwise is the parser's to refuse.
 */
static bool
too_much(struct writ_str s, size_t values, unsigned *line, unsigned *column)
{
	unsigned depth = 0;
	bool in_string = false;
	size_t i;

	*line = 1;
	*column = 0;
	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		(*column)++;
		if (c == '\n') {
			(*line)++;
			*column = 0;
		} else if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == ',') {
			if (values-- == 0)
				return true;
		} else if (c == '{' || c == '[') {
			if (++depth > WRIT_JSON_DEPTH_MAX || values-- == 0)
				return true;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return false;
}

static enum writ_status
parse(struct writ_str s, size_t max, size_t flags, json_t **out,
    struct writ_err *err)
{
	size_t values = flags & JSON_DECODE_ANY ? WRIT_JSON_VALUES_MAX :
	    SIZE_MAX;
	unsigned line, column;
	json_error_t e;
	json_t *j;

	if (s.len > max)
		return writ_fail(err, WRIT_LIMIT,
		    "JSON of %zu bytes, at most %zu are read", s.len, max);
	if (too_much(s, values, &line, &column))
		return writ_fail(err, WRIT_LIMIT,
		    "JSON line %u, column %u: nested deeper than %d, or more "
		    "than %zu values", line, column, WRIT_JSON_DEPTH_MAX,
		    values);
	no_memory = false;
	j = json_loadb(s.len ? s.ptr : "", s.len, flags | JSON_REJECT_DUPLICATES,
	    &e);
	if (j) {
		*out = j;
		return WRIT_OK;
	}
	if (no_memory ||
	    json_error_code(&e) == json_error_out_of_memory)
		return writ_fail(err, WRIT_NOMEM, "JSON: out of memory");
	return writ_fail(err, WRIT_INVALID, "JSON line %d, column %d: %s",
	    e.line, e.column, e.text);
}

enum writ_status
writ_json_parse(struct writ_str s, json_t **out, struct writ_err *err)
{
	return parse(s, WRIT_JSON_MAX, 0, out, err);
}

enum writ_status
writ_json_parse_nul(struct writ_str s, json_t **out, struct writ_err *err)
{
	return parse(s, WRIT_JSON_MAX, JSON_ALLOW_NUL, out, err);
}

enum writ_status
writ_json_parse_foreign(struct writ_str s, size_t max, json_t **out,
    struct writ_err *err)
{
	return parse(s, max, JSON_ALLOW_NUL | JSON_DECODE_ANY |
	    JSON_DECODE_INT_AS_REAL, out, err);
}

static enum writ_status
member(const json_t *o, const char *key, const json_t **out)
{
	if (!json_is_object(o))
		return WRIT_INVALID;
	*out = json_object_get(o, key);
	return *out ? WRIT_OK : WRIT_NOENT;
}

enum writ_status
writ_json_str(const json_t *o, const char *key, struct writ_str *out)
{
	const json_t *m;
	enum writ_status st = member(o, key, &m);

	if (st != WRIT_OK)
		return st;
	if (!json_is_string(m))
		return WRIT_INVALID;
	*out = writ_str(json_string_value(m), json_string_length(m));
	return WRIT_OK;
}

enum writ_status
writ_json_u64(const json_t *o, const char *key, uint64_t *out)
{
	const json_t *m;
	enum writ_status st = member(o, key, &m);

	if (st != WRIT_OK)
		return st;
	if (!json_is_integer(m) || json_integer_value(m) < 0)
		return WRIT_INVALID;
	*out = (uint64_t)json_integer_value(m);
	return WRIT_OK;
}

void
writ_json_put(struct writ_buf *b, const json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) :
	    NULL;
	struct writ_str s = writ_str_from(text);
	uint32_t cp = 0;
	size_t n;

	if (!text) {
		writ_buf_cstr(b, "null");
		return;
	}
	/* Outside its strings it is plain ASCII. */
	while (s.len && writ_buf_status(b) == WRIT_OK) {
		n = writ_str_rune(s, &cp);
		if (n && writ_str_deceptive(cp))
			writ_buf_json_escape(b, cp);
		else
			writ_buf_add(b, s.ptr, n ? n : 1);
		s = writ_str_skip(s, n ? n : 1);
	}
	writ_mem_free(text);
}
