#include "mcp/parts.h"

static bool
bound_ok(const json_t *p, const char *least, const char *most, double v)
{
	const json_t *lo = json_object_get(p, least);
	const json_t *hi = json_object_get(p, most);

	return !(json_is_number(lo) && v < json_number_value(lo)) &&
	    !(json_is_number(hi) && v > json_number_value(hi));
}

static size_t
characters(struct writ_str s)
{
	uint32_t cp;
	size_t n = 0, k;

	while ((k = writ_str_rune(s, &cp)) > 0) {
		s = writ_str_skip(s, k);
		n++;
	}
	return n;
}

/* "enum": [values], or "oneOf"/"anyOf": [{"const": value}]; neither: anything. */
static bool
choice_ok(const json_t *p, const json_t *value)
{
	static const char *const lists[] = { "enum", "oneOf", "anyOf" };
	const json_t *one;
	size_t i, k;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const json_t *list = json_object_get(p, lists[i]);

		if (!json_is_array(list))
			continue;
		json_array_foreach(list, k, one)
			if (json_equal(i ? json_object_get(one, "const") : one,
			    value))
				return true;
		return false;
	}
	return true;
}

static bool
string_ok(const json_t *p, const json_t *value)
{
	return json_is_string(value) && choice_ok(p, value) &&
	    bound_ok(p, "minLength", "maxLength",
	    (double)characters(writ_mcp_text(value)));
}

static bool
number_ok(const json_t *p, const json_t *value, bool whole)
{
	double d = json_is_number(value) ? json_number_value(value) : 0;

	if (!json_is_number(value) || !bound_ok(p, "minimum", "maximum", d))
		return false;
	return !whole || (d >= -9.1e18 && d <= 9.1e18 && (double)(int64_t)d == d);
}

static bool
array_ok(const json_t *p, const json_t *value)
{
	const json_t *items = json_object_get(p, "items"), *one;
	size_t i;

	if (!json_is_array(value) || !bound_ok(p, "minItems", "maxItems",
	    (double)json_array_size(value)))
		return false;
	json_array_foreach(value, i, one)
		if (!json_is_string(one) || !choice_ok(items, one))
			return false;
	return true;
}

static bool
property_ok(const json_t *p, const json_t *value)
{
	struct writ_str type = writ_mcp_text(json_object_get(p, "type"));

	if (writ_str_is(type, "string"))
		return string_ok(p, value);
	if (writ_str_is(type, "number") || writ_str_is(type, "integer"))
		return number_ok(p, value, writ_str_is(type, "integer"));
	if (writ_str_is(type, "boolean"))
		return json_is_boolean(value);
	if (writ_str_is(type, "array"))
		return array_ok(p, value);
	return choice_ok(p, value);
}

bool
writ_mcp_form_fits(const json_t *schema, json_t *content)
{
	const json_t *properties = json_object_get(schema, "properties");
	const json_t *required = json_object_get(schema, "required"), *name;
	const char *key;
	json_t *v;
	size_t i;

	if (content && !json_is_object(content))
		return false;
	json_array_foreach(required, i, name)
		if (json_is_string(name) &&
		    !json_object_get(content, json_string_value(name)))
			return false;
	json_object_foreach(content, key, v) {
		const json_t *p = json_object_get(properties, key);

		if (!p || !property_ok(p, v))
			return false;
	}
	return true;
}
