/* test_budget.c - what grants have used: windows, processes at once, restarts, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "broker/budget.h"

#define S 1000000000ull

struct world {
	char dir[64], file[128];
	struct writ_http_grant http[3];
	struct writ_sockets_grant sockets[1];
	struct writ_policy policy;
	struct writ_budget_clock clock;
	uint64_t now;
	char rule[WRIT_RULE_MAX], reason[WRIT_REASON_MAX];
};

static uint64_t
fake_now(void *ctx)
{
	return *(uint64_t *)ctx;
}

static char name_a[] = "a", name_b[] = "b", name_c[] = "c", name_s[] = "s",
    writ_name[] = "test";

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	snprintf(w->dir, sizeof(w->dir), "/tmp/writ-budget-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->file, sizeof(w->file), "%s/%u-test.budget", w->dir,
	    (unsigned)geteuid());
	w->http[0].name = name_a;
	w->http[1].name = name_b;
	w->http[2].name = name_c;
	w->sockets[0].name = name_s;
	w->policy.name = writ_name;
	w->policy.http = w->http;
	w->policy.http_count = 3;
	w->policy.sockets = w->sockets;
	w->policy.sockets_count = 1;
	w->now = 1000 * S;
	w->clock = (struct writ_budget_clock){ fake_now, &w->now, { 1 } };
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	unlink(w->file);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static struct writ_budget *
opened(struct world *w)
{
	struct writ_budget *b = NULL;
	struct writ_err err = { WRIT_OK, "" };

	if (writ_budget_open_with(w->dir, &w->policy, &w->clock, &b, &err) !=
	    WRIT_OK)
		fail_msg("%s", err.msg);
	return b;
}

static enum writ_status
charge(struct world *w, struct writ_budget *b, const char *name,
    struct writ_budget_hold *hold)
{
	struct writ_budget_hold h;

	return writ_budget_charge(b, "http", &name, 1, hold ? hold : &h, w->rule,
	    w->reason);
}

static unsigned
charge_many(struct world *w, struct writ_budget *b, const char *name, unsigned n)
{
	unsigned ok = 0;

	while (n--)
		ok += charge(w, b, name, NULL) == WRIT_OK;
	return ok;
}

static void
test_budget__nothing_bounded_needs_no_ledger(void **state)
{
	struct world *w = *state;
	struct writ_budget_hold hold = { .count = 7 };

	assert_null(opened(w));
	assert_int_equal(charge(w, NULL, "a", &hold), WRIT_OK);
	assert_int_equal(hold.count, 0);
	assert_true(hold.bytes == UINT64_MAX);
	assert_int_equal(writ_budget_settle(NULL, &hold, 5), WRIT_OK);
	assert_int_equal(access(w->file, F_OK), -1);
}

static void
test_budget__the_eleventh_of_ten_is_refused(void **state)
{
	struct world *w = *state;
	struct writ_budget *b;

	w->http[0].rate_count = 10;
	w->http[0].rate_window_ms = 60000;
	b = opened(w);
	assert_int_equal(charge_many(w, b, "a", 11), 10);
	assert_string_equal(w->rule, "http.a.rate");
	assert_string_equal(w->reason, "10 requests in 60.000 s are allowed; "
	    "the next one in 60.000 s");
	assert_int_equal(charge_many(w, b, "b", 11), 11);	/* not bounded */
	writ_budget_free(b);
}

static void
test_budget__a_window_slides(void **state)
{
	struct world *w = *state;
	struct writ_budget *b;

	w->http[0].rate_count = 10;
	w->http[0].rate_window_ms = 60000;
	b = opened(w);
	w->now = 1059 * S;		/* late in one minute */
	assert_int_equal(charge_many(w, b, "a", 10), 10);
	w->now = 1061 * S;		/* early in the next one */
	assert_int_equal(charge_many(w, b, "a", 10), 0);
	w->now = 1119 * S - 1;
	assert_int_equal(charge_many(w, b, "a", 10), 0);
	w->now = 1119 * S;		/* exactly a window later */
	assert_int_equal(charge_many(w, b, "a", 3), 3);
	w->now = 1120 * S;
	assert_int_equal(charge_many(w, b, "a", 10), 7);
	w->now = 1179 * S;
	assert_int_equal(charge_many(w, b, "a", 10), 3);
	writ_budget_free(b);
}

static void
test_budget__a_clock_that_goes_back_refills_nothing(void **state)
{
	struct world *w = *state;
	struct writ_budget *b;

	w->http[0].rate_count = 2;
	w->http[0].rate_window_ms = 1000;
	b = opened(w);
	assert_int_equal(charge_many(w, b, "a", 3), 2);
	w->now = 1;
	assert_int_equal(charge_many(w, b, "a", 3), 0);
	writ_budget_free(b);
	b = opened(w);
	assert_int_equal(charge_many(w, b, "a", 3), 0);
	w->now = 1001 * S;
	assert_int_equal(charge_many(w, b, "a", 3), 2);
	writ_budget_free(b);
}

static void
test_budget__another_boot_forgets_rates_but_no_totals(void **state)
{
	struct world *w = *state;
	struct writ_budget_hold hold;
	struct writ_budget *b;

	w->http[0].rate_count = 2;
	w->http[0].rate_window_ms = 3600000;
	w->http[0].total_requests = 5;
	w->http[0].concurrency = 3;
	b = opened(w);
	assert_int_equal(charge(w, b, "a", &hold), WRIT_OK);
	assert_int_equal(charge(w, b, "a", &hold), WRIT_OK);
	assert_int_equal(charge(w, b, "a", &hold), WRIT_LIMIT);
	writ_budget_free(b);
	w->clock.boot[0] = 2;
	w->now = 5 * S;
	b = opened(w);
	assert_int_equal(charge(w, b, "a", &hold), WRIT_OK);
	assert_int_equal(charge(w, b, "a", &hold), WRIT_OK);
	assert_int_equal(charge(w, b, "a", &hold), WRIT_LIMIT);
	assert_string_equal(w->rule, "http.a.rate");
	writ_budget_free(b);
	w->clock.boot[0] = 3;
	b = opened(w);
	assert_int_equal(charge_many(w, b, "a", 2), 1);
	assert_string_equal(w->rule, "http.a.requests");
	writ_budget_free(b);
}

/* n processes, each charging what it can; how many charges there were in all. */
static unsigned
processes(struct world *w, unsigned n, unsigned each)
{
	unsigned i, total = 0, ok;
	pid_t pid[16];
	int status, p[2];

	assert_int_equal(pipe(p), 0);
	for (i = 0; i < n; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (!pid[i]) {
			struct writ_budget *b = NULL;

			if (writ_budget_open_with(w->dir, &w->policy, &w->clock,
			    &b, NULL) != WRIT_OK)
				_exit(1);
			ok = charge_many(w, b, "a", each);
			if (write(p[1], &ok, sizeof(ok)) != sizeof(ok))
				_exit(2);
			_exit(0);
		}
	}
	for (i = 0; i < n; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
		assert_int_equal(read(p[0], &ok, sizeof(ok)), sizeof(ok));
		total += ok;
	}
	close(p[0]);
	close(p[1]);
	return total;
}

static void
test_budget__ten_processes_share_one_total(void **state)
{
	struct world *w = *state;

	w->http[0].total_requests = 100;
	assert_int_equal(processes(w, 10, 40), 100);
	assert_int_equal(processes(w, 10, 40), 0);	/* started again */
}

static void
test_budget__ten_processes_share_one_rate(void **state)
{
	struct world *w = *state;

	w->http[0].rate_count = 30;
	w->http[0].rate_window_ms = 1000;
	assert_int_equal(processes(w, 10, 20), 30);
	w->now += S;
	assert_int_equal(processes(w, 3, 50), 30);
}

static void
test_budget__two_at_a_time_also_after_a_crash(void **state)
{
	struct world *w = *state;
	struct writ_budget_hold hold[2];
	struct writ_budget *b;
	int status;
	pid_t pid;

	w->http[0].concurrency = 2;
	b = opened(w);
	assert_int_equal(charge(w, b, "a", &hold[0]), WRIT_OK);
	pid = fork();
	if (!pid) {
		writ_budget_free(b);
		b = NULL;
		if (writ_budget_open_with(w->dir, &w->policy, &w->clock, &b,
		    NULL) != WRIT_OK ||
		    charge(w, b, "a", &hold[1]) != WRIT_OK ||
		    charge(w, b, "a", &hold[1]) != WRIT_LIMIT)
			_exit(1);
		raise(SIGSTOP);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(charge(w, b, "a", &hold[1]), WRIT_LIMIT);
	assert_string_equal(w->rule, "http.a.concurrency");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(charge(w, b, "a", &hold[1]), WRIT_OK);
	assert_int_equal(charge(w, b, "a", NULL), WRIT_LIMIT);
	assert_int_equal(writ_budget_settle(b, &hold[0], 0), WRIT_OK);
	assert_int_equal(writ_budget_settle(b, &hold[0], 0), WRIT_OK);	/* once */
	assert_int_equal(charge(w, b, "a", &hold[0]), WRIT_OK);
	assert_int_equal(charge(w, b, "a", NULL), WRIT_LIMIT);
	writ_budget_free(b);
	b = opened(w);			/* all of it was this process's */
	assert_int_equal(charge(w, b, "a", &hold[0]), WRIT_OK);
	assert_int_equal(charge(w, b, "a", &hold[0]), WRIT_OK);
	writ_budget_free(b);
}

static void
test_budget__bytes_are_held_and_given_back(void **state)
{
	struct world *w = *state;
	struct writ_budget_hold hold[2];
	struct writ_budget *b;

	w->http[0].total_bytes = 1000;
	w->http[0].request_max = 100;
	w->http[0].response_max = 600;
	b = opened(w);
	assert_int_equal(charge(w, b, "a", &hold[0]), WRIT_OK);
	assert_int_equal(hold[0].bytes, 700);
	assert_int_equal(charge(w, b, "a", &hold[1]), WRIT_OK);
	assert_int_equal(hold[1].bytes, 300);
	assert_int_equal(charge(w, b, "a", NULL), WRIT_LIMIT);
	assert_string_equal(w->rule, "http.a.bytes");
	assert_int_equal(writ_budget_settle(b, &hold[0], 50), WRIT_OK);
	assert_int_equal(writ_budget_settle(b, &hold[1], 350), WRIT_OK);
	assert_int_equal(charge(w, b, "a", &hold[0]), WRIT_OK);
	assert_int_equal(hold[0].bytes, 600);
	writ_budget_free(b);		/* not settled: it counts as moved */
	b = opened(w);
	assert_int_equal(charge(w, b, "a", NULL), WRIT_LIMIT);
	writ_budget_free(b);
	w->http[0].total_bytes = 1001;
	b = opened(w);
	assert_int_equal(charge(w, b, "a", &hold[0]), WRIT_OK);
	assert_int_equal(hold[0].bytes, 1);
	writ_budget_free(b);
}

static void
test_budget__a_socket_takes_bytes_in_pieces(void **state)
{
	struct world *w = *state;
	const char *name = "s";
	struct writ_budget_hold hold;
	struct writ_budget *b;

	w->sockets[0].total_bytes = WRIT_BUDGET_PIECE + 10;
	b = opened(w);
	assert_int_equal(writ_budget_charge(b, "sockets", &name, 1, &hold,
	    w->rule, w->reason), WRIT_OK);
	assert_int_equal(hold.bytes, WRIT_BUDGET_PIECE);
	assert_int_equal(writ_budget_more(b, &hold), WRIT_OK);
	assert_int_equal(hold.bytes, WRIT_BUDGET_PIECE + 10);
	assert_int_equal(writ_budget_more(b, &hold), WRIT_LIMIT);
	assert_int_equal(writ_budget_settle(b, &hold, 5), WRIT_OK);
	assert_int_equal(writ_budget_charge(b, "sockets", &name, 1, &hold,
	    w->rule, w->reason), WRIT_OK);
	assert_int_equal(writ_budget_more(b, &hold), WRIT_OK);
	assert_int_equal(hold.bytes, WRIT_BUDGET_PIECE + 5);
	writ_budget_free(b);
}

static void
test_budget__all_or_none_are_charged(void **state)
{
	struct world *w = *state;
	const char *both[] = { "a", "c", "b" };
	struct writ_budget_hold hold;
	struct writ_budget *b;

	w->http[0].total_requests = 5;
	w->http[0].concurrency = 9;
	w->http[1].total_requests = 2;
	b = opened(w);
	assert_int_equal(charge(w, b, "b", NULL), WRIT_OK);
	assert_int_equal(writ_budget_charge(b, "http", both, 3, &hold, w->rule,
	    w->reason), WRIT_OK);
	assert_int_equal(hold.count, 2);
	assert_int_equal(writ_budget_charge(b, "http", both, 3, &hold, w->rule,
	    w->reason), WRIT_LIMIT);
	assert_string_equal(w->rule, "http.b.requests");
	assert_int_equal(charge_many(w, b, "a", 9), 4);
	writ_budget_free(b);
}

static void
test_budget__a_changed_bound_keeps_what_was_used(void **state)
{
	struct world *w = *state;
	struct writ_budget *before, *b;

	w->http[0].total_requests = 1000;
	w->http[0].rate_count = 16;
	w->http[0].rate_window_ms = 1000;
	before = opened(w);
	assert_int_equal(charge_many(w, before, "a", 20), 16);
	w->http[0].rate_count = 40;	/* a larger ring: the account moves */
	w->http[0].total_requests = 30;
	b = opened(w);
	assert_int_equal(charge_many(w, b, "a", 4), 4);
	w->now += S - 1;
	assert_int_equal(charge_many(w, before, "a", 1), 0);
	w->now += 1;
	assert_int_equal(charge_many(w, before, "a", 7), 7);
	assert_int_equal(charge_many(w, b, "a", 40), 3);
	assert_string_equal(w->rule, "http.a.requests");
	writ_budget_free(before);
	writ_budget_free(b);
	w->http[0].rate_count = 1;
	w->http[0].total_requests = 31;
	b = opened(w);
	assert_int_equal(charge_many(w, b, "a", 1), 0);
	assert_string_equal(w->rule, "http.a.rate");
	w->now += S;
	assert_int_equal(charge_many(w, b, "a", 2), 1);
	writ_budget_free(b);
}

static void
refused(struct world *w, enum writ_status want, const char *word)
{
	struct writ_budget *b = NULL;
	struct writ_err err = { WRIT_OK, "" };

	assert_int_equal(writ_budget_open_with(w->dir, &w->policy, &w->clock, &b,
	    &err), want);
	assert_null(b);
	if (!strstr(err.msg, word) || !strstr(err.msg, w->dir))
		fail_msg("%s", err.msg);
}

static void
test_budget__a_damaged_ledger_is_never_a_new_one(void **state)
{
	struct world *w = *state;
	uint8_t whole[16384], junk = 0x5a;
	struct writ_budget *b;
	ssize_t n;
	off_t at;
	int fd;

	w->http[0].total_requests = 1;
	b = opened(w);
	assert_int_equal(charge_many(w, b, "a", 2), 1);
	fd = open(w->file, O_RDWR);
	n = read(fd, whole, sizeof(whole));
	assert_in_range(n, 4096, sizeof(whole) - 1);
	for (at = 0; at < n; at += 8) {
		assert_int_equal(pwrite(fd, whole, (size_t)n, 0), n);
		assert_int_equal(pwrite(fd, &junk, 1, at), 1);
		writ_budget_free(b);
		b = NULL;
		if (writ_budget_open_with(w->dir, &w->policy, &w->clock, &b,
		    NULL) != WRIT_OK)
			assert_null(b);
		/* One of two states lost: the charge before it, at most. */
		else if (at < 4096 + 512 || at >= 4096 + 768)
			assert_int_equal(charge_many(w, b, "a", 2), 0);
	}
	writ_budget_free(b);
	for (at = 0; at < n; at += 128) {
		assert_int_equal(pwrite(fd, whole, (size_t)n, 0), n);
		assert_int_equal(ftruncate(fd, at), 0);
		refused(w, WRIT_INVALID, "damaged");
	}
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, whole, (size_t)n, 0), n);
	memset(whole + 4096 + 512, 0, 256);
	assert_int_equal(pwrite(fd, whole, (size_t)n, 0), n);
	refused(w, WRIT_INVALID, "remove it to begin from nothing");
	close(fd);
}

static void
test_budget__a_ledger_of_others_is_refused(void **state)
{
	struct world *w = *state;
	char other[160];

	w->http[0].total_requests = 1;
	writ_budget_free(opened(w));
	assert_int_equal(chmod(w->file, 0640), 0);
	refused(w, WRIT_DENIED, "chmod 600");
	assert_int_equal(unlink(w->file), 0);
	snprintf(other, sizeof(other), "%s/other", w->dir);
	assert_int_equal(symlink("other", w->file), 0);
	refused(w, WRIT_IO, "");
	assert_int_equal(unlink(w->file), 0);
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(mkfifo(w->file, 0600), 0);
	refused(w, WRIT_DENIED, "file of yours");
	assert_int_equal(unlink(w->file), 0);
	assert_int_equal(chmod(w->dir, 0755), 0);
	refused(w, WRIT_DENIED, "chmod 700");
	assert_int_equal(chmod(w->dir, 0700), 0);
}

static void
test_budget__a_full_disk_is_told_when_it_is_opened(void **state)
{
	struct world *w = *state;
	int status;
	pid_t pid;

	w->http[0].total_requests = 2;
	w->http[1].rate_count = 5000;
	w->http[1].rate_window_ms = 1000;
	pid = fork();
	if (!pid) {
		const struct rlimit small = { 20000, 20000 };
		struct writ_err err = { WRIT_OK, "" };
		struct writ_budget *b = NULL;

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &small))
			_exit(1);
		_exit(writ_budget_open_with(w->dir, &w->policy, &w->clock, &b,
		    &err) == WRIT_IO && strstr(err.msg, "too large") ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* What could not be made left nothing behind that matters. */
	writ_budget_free(opened(w));
}

static void
test_budget__a_charge_that_cannot_be_written_is_none(void **state)
{
	struct world *w = *state;
	struct writ_budget *b;
	int status;
	pid_t pid;

	w->http[0].total_requests = 2;
	b = opened(w);
	pid = fork();
	if (!pid) {
		const struct rlimit none = { 0, 0 };

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &none) ||
		    charge(w, b, "a", NULL) != WRIT_IO ||
		    strcmp(w->rule, "budget") || !strstr(w->reason, w->file))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(charge_many(w, b, "a", 3), 2);
	writ_budget_free(b);
}

static void
test_budget__many_entries_and_odd_names(void **state)
{
	struct world *w = *state;
	static struct writ_http_grant many[1000];
	static char names[1000][16], odd[256];
	struct writ_budget *b;
	unsigned i;

	memset(odd, 'n', sizeof(odd) - 1);
	odd[3] = '/';
	for (i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof(names[i]), "g%u", i);
		many[i].name = names[i];
		many[i].total_requests = i + 1;
	}
	w->policy.http = many;
	w->policy.http_count = 1000;
	writ_budget_free(opened(w));
	b = opened(w);
	assert_int_equal(charge_many(w, b, "g6", 20), 7);
	assert_int_equal(charge_many(w, b, "g999", 3), 3);
	writ_budget_free(b);
	w->policy.name = odd;
	assert_int_equal(unlink(w->file), 0);
	w->policy.http_count = 1;
	b = opened(w);
	assert_int_equal(charge_many(w, b, "g0", 20), 1);
	writ_budget_free(b);
	{
		char cmd[256];
		struct writ_digest d;
		char text[WRIT_DIGEST_TEXT];

		writ_sha256(odd, strlen(odd), &d);
		writ_digest_text(&d, text);
		snprintf(cmd, sizeof(cmd), "%s/%u-sha256~%s.budget", w->dir,
		    (unsigned)geteuid(), text + 7);
		assert_int_equal(unlink(cmd), 0);
	}
}

static void
test_budget__a_charge_is_cheap(void **state)
{
	struct world *w = *state;
	struct writ_budget *b = NULL;
	struct timespec t0, t1;
	unsigned i, n = 20000;

	w->http[0].rate_count = 1000;
	w->http[0].rate_window_ms = 1;
	assert_int_equal(writ_budget_open(w->dir, &w->policy, &b, NULL), WRIT_OK);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (i = 0; i < n; i++)
		(void)!charge(w, b, "a", NULL);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	print_message("a charge: %.2f us\n", ((double)(t1.tv_sec - t0.tv_sec) *
	    1e9 + (double)(t1.tv_nsec - t0.tv_nsec)) / n / 1e3);
	writ_budget_free(b);
}

#define T(name) cmocka_unit_test_setup_teardown(test_budget__##name, setup, \
	teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_bounded_needs_no_ledger),
		T(the_eleventh_of_ten_is_refused),
		T(a_window_slides),
		T(a_clock_that_goes_back_refills_nothing),
		T(another_boot_forgets_rates_but_no_totals),
		T(ten_processes_share_one_total),
		T(ten_processes_share_one_rate),
		T(two_at_a_time_also_after_a_crash),
		T(bytes_are_held_and_given_back),
		T(a_socket_takes_bytes_in_pieces),
		T(all_or_none_are_charged),
		T(a_changed_bound_keeps_what_was_used),
		T(a_damaged_ledger_is_never_a_new_one),
		T(a_ledger_of_others_is_refused),
		T(a_full_disk_is_told_when_it_is_opened),
		T(a_charge_that_cannot_be_written_is_none),
		T(many_entries_and_odd_names),
		T(a_charge_is_cheap),
	};

	if (writ_hash_init() != WRIT_OK)
		return 1;
	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
