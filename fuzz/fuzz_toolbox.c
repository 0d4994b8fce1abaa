/*
 * fuzz_toolbox.c - a toolbox from foreign bytes, then what is done with its texts; the
 * bytes themselves as names and texts.
 */
#include "policy/lookalike.h"
#include "policy/text.h"
#include "policy/toolbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
prompts(const struct writ_toolbox *t)
{
	const struct writ_str values[WRIT_TOOLBOX_ARGUMENTS_MAX] = {
		WRIT_STR("{{x}}"), WRIT_STR("v"),
	};
	size_t i, k;

	for (i = 0; i < t->prompts_count; i++) {
		const struct writ_toolbox_prompt *p = &t->prompts[i];

		for (k = 0; k < p->messages_count; k++) {
			writ_auto_release(writ_buf) out;

			writ_buf_init(&out, WRIT_MIB);
			writ_toolbox_expand(p, p->messages[k].content.text,
			    values, &out);
			writ_toolbox_expand(p, p->messages[k].uri, values, &out);
		}
	}
}

static void
resources(const struct writ_toolbox *t, struct writ_str uri)
{
	struct writ_str values[WRIT_TOOLBOX_VARIABLES_MAX];
	size_t i, k;

	for (i = 0; i < t->resources_count; i++) {
		const struct writ_toolbox_resource *r = &t->resources[i];

		if (!writ_toolbox_match(r, uri, values))
			continue;
		for (k = 0; k < r->variables_count; k++) {
			writ_auto_release(writ_buf) out;

			writ_buf_init(&out, WRIT_MIB);
			if (writ_toolbox_decode(values[k], &out) == WRIT_OK &&
			    !writ_str_utf8(writ_buf_view(&out)))
				WRIT_BUG("a variable that is not text");
		}
	}
}

static void
names(const struct writ_toolbox *t)
{
	size_t i, k;

	for (i = 0; i < t->groups_count; i++)
		for (k = 0; k < t->groups[i].functions_count; k++)
			if (writ_lookalike_name_wrong(
			    t->groups[i].functions[k].name) ||
			    writ_lookalike_reserved(
			    t->groups[i].functions[k].name))
				WRIT_BUG("a bad name was taken");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct writ_str text = { (const char *)data, size }, rest;
	const struct writ_str line = writ_str_cut(text, '\n', &rest);
	writ_auto(writ_toolbox) t = NULL;
	char name[WRIT_TOOL_NAME_MAX + 1], why[WRIT_TEXT_WHY_MAX];
	struct writ_err err = { 0 };
	enum writ_status st = writ_toolbox_parse(text, "f", &t, &err);

	if ((st == WRIT_OK) != (t != NULL) || (st != WRIT_OK && !err.msg[0]))
		WRIT_BUG("a status and its outputs differ");
	(void)writ_text_line_wrong(text, why);
	if (writ_toolbox_name(WRIT_STR("g"), line, name, NULL) == WRIT_OK &&
	    writ_lookalike_name_wrong(writ_str_from(name)))
		WRIT_BUG("a bad name was made");
	(void)writ_toolbox_selects(line, rest.ptr ? rest : line);
	if (!t)
		return 0;
	names(t);
	prompts(t);
	/* "# uri" in the first line is looked up in the templates */
	resources(t, writ_str_skip(line, 2));
	return 0;
}
