/*
 * fuzz_splice.c - a member set in a JSON text.  The first byte chooses where;
 * cli_splice itself stops when its result is not what it must be.
 */
#include "base/hash.h"
#include "base/limits.h"
#include "cli/splice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
prepare(void)
{
	static bool ready;

	if (ready)
		return;
	if (writ_hash_init() != WRIT_OK)
		abort();
	writ_json_init();
	ready = true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[][4] = {
		{ "a", NULL }, { "a", "b", NULL }, { "a", "b", "c", NULL },
		{ "mcpServers", "writ", NULL }, { "permissions", "deny", NULL },
		{ "", NULL }, { "\"", "\\", NULL }, { "\xc3\xa9", "a", NULL },
	};
	writ_auto_release(writ_buf) out;
	writ_auto_json value = NULL;
	struct writ_str text;

	prepare();
	writ_buf_init(&out, WRIT_JSON_MAX);
	if (size == 0)
		return 0;
	text = writ_str((const char *)data + 1, size - 1);
	value = data[0] & 8 ? json_pack("{s:[s,s]}", "args", "}\"", "\\") :
	    json_pack("[]");
	if (value && cli_splice(text, paths[data[0] % 8], value, &out, NULL) ==
	    WRIT_OK && out.len == 0)
		WRIT_BUG("nothing was made");
	return 0;
}
