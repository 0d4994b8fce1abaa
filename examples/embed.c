/*
 * embed.c - run a component under a writ with libwrit.
 *   cc embed.c $(pkg-config --cflags --libs --static writ) -o embed
 *   ./embed tool.wasm notes 'files read /notes host:./notes'
 */
#include <stdio.h>

#include <writ/writ.h>

static bool
output(void *ctx, int which, const char *bytes, size_t len)
{
	return fwrite(bytes, 1, len, which == 1 ? stdout : stderr) == len;
}

static void
refused(void *ctx, const struct writ_refusal *r)
{
	fprintf(stderr, "refused: %s %s (%s)\n", r->kind, r->op, r->reason);
}

int
main(int argc, char **argv)
{
	struct writ_host_options options = { 0 };
	struct writ_call call = { .output = output, .refused = refused };
	struct writ_result result;
	struct writ_policy *policy = NULL;
	struct writ_host *host = NULL;
	struct writ_err err = { WRIT_OK, "" };
	enum writ_status st = writ_process_init(&err);

	if (argc < 2)
		return 2;
	call.component = argv[1];
	if (st == WRIT_OK)
		st = writ_policy_void(&policy, &err);
	for (int i = 2; st == WRIT_OK && i < argc; i++)
		st = writ_policy_grant(policy, argv[i], &err);
	call.policy = policy;
	if (st == WRIT_OK)
		st = writ_host_open(&options, &host, &err);
	if (st == WRIT_OK)
		st = writ_run(host, &call, &result, &err);
	writ_host_close(host);
	writ_policy_free(policy);
	if (st != WRIT_OK) {
		fprintf(stderr, "embed: %s\n", err.msg);
		return 125;
	}
	return result.ending == WRIT_ENDED_OK ? 0 : 1;
}
