#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include "base/vec.h"
#include "broker/budget.h"
#include "broker/ledger.h"

#define SECOND_NS 1000000000ull

/* A grant's bounds, and its account. */
struct account {
	char key[WRIT_LEDGER_KEY_MAX];	/* "http.issues" */
	uint64_t rate_count, rate_window_ns;
	uint64_t concurrency, total_requests, total_bytes;
	uint64_t piece;			/* of total_bytes, taken at a time */
	bool durable;
	struct writ_ledger_account at;
};

struct writ_budget {
	struct writ_ledger *ledger;
	struct writ_vec accounts;	/* struct account, by key */
	struct writ_budget_clock clock;
};

static uint64_t
add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t
less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- opening */

static enum writ_status
add_account(struct writ_budget *b, const char *kind, const char *name,
    const struct account *bounds, struct writ_err *err)
{
	struct account *a;
	enum writ_status st;

	if (bounds->rate_count > WRIT_BUDGET_RATE_MAX)
		return writ_fail(err, WRIT_LIMIT, "%s \"%s\": a rate counts up "
		    "to %d requests", kind, name, WRIT_BUDGET_RATE_MAX);
	st = writ_vec_push(&b->accounts, &a);
	if (st != WRIT_OK)
		return writ_fail(err, st, "budgets");
	*a = *bounds;
	if ((size_t)snprintf(a->key, sizeof(a->key), "%s.%s", kind, name) >=
	    sizeof(a->key))
		return writ_fail(err, WRIT_NAMETOOLONG, "%s \"%s\"", kind, name);
	return WRIT_OK;
}

static enum writ_status
collect(struct writ_budget *b, const struct writ_policy *p, struct writ_err *err)
{
	enum writ_status st = WRIT_OK;
	size_t i;

	for (i = 0; st == WRIT_OK && i < p->http_count; i++) {
		const struct writ_http_grant *g = &p->http[i];
		const struct account a = { { 0 }, g->rate_count,
			least(g->rate_window_ms,
			    UINT64_MAX / 1000000) * 1000000, g->concurrency,
			g->total_requests, g->total_bytes,
			add(g->request_max, g->response_max), g->durable };

		if (a.rate_count || a.concurrency || a.total_requests ||
		    a.total_bytes)
			st = add_account(b, "http", g->name, &a, err);
	}
	for (i = 0; st == WRIT_OK && i < p->sockets_count; i++) {
		const struct writ_sockets_grant *g = &p->sockets[i];
		const struct account a = { { 0 }, 0, 0, g->concurrency, 0,
			g->total_bytes, WRIT_BUDGET_PIECE, g->durable };

		if (a.concurrency || a.total_bytes)
			st = add_account(b, "sockets", g->name, &a, err);
	}
	return st;
}

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct account *)a)->key,
	    ((const struct account *)b)->key);
}

static bool
is_plain(const char *name)
{
	return strlen(name) <= 160 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name);
}

/* UID-NAME.budget; a name that would not do as one of a file by its digest. */
static void
file_name(const char *writ, char out[WRIT_NAME_MAX + 1])
{
	char text[WRIT_DIGEST_TEXT];
	struct writ_digest d;

	if (!is_plain(writ)) {
		writ_sha256(writ, strlen(writ), &d);
		writ_digest_text(&d, text);
		text[6] = '~';
		writ = text;
	}
	snprintf(out, WRIT_NAME_MAX + 1, "%u-%s.budget", (unsigned)geteuid(),
	    writ);
}

static enum writ_status
find_accounts(struct writ_budget *b, struct writ_err *err)
{
	enum writ_status st = writ_ledger_lock(b->ledger, err);
	uint32_t ring;
	size_t i;

	if (st != WRIT_OK)
		return st;
	for (i = 0; st == WRIT_OK && i < b->accounts.len; i++) {
		struct account *a = writ_vec_at(&b->accounts, i);

		for (ring = 16; ring < a->rate_count; ring *= 2)
			continue;
		st = writ_ledger_account(b->ledger, a->key,
		    a->rate_count ? ring : 0, &a->at, err);
	}
	if (st == WRIT_OK && writ_ledger_grew(b->ledger))
		st = writ_ledger_sync(b->ledger, err);
	writ_ledger_unlock(b->ledger);
	return st;
}

enum writ_status
writ_budget_open_with(const char *dir, const struct writ_policy *policy,
    const struct writ_budget_clock *clock, struct writ_budget **out,
    struct writ_err *err)
{
	writ_auto(writ_budget) b = writ_alloc(1, sizeof(*b));
	char name[WRIT_NAME_MAX + 1];
	enum writ_status st;

	if (!b)
		return writ_fail(err, WRIT_NOMEM, "budgets");
	b->clock = *clock;
	writ_vec_init(&b->accounts, sizeof(struct account),
	    WRIT_BUDGET_ACCOUNTS_MAX);
	st = collect(b, policy, err);
	if (st == WRIT_OK && !b->accounts.len) {
		*out = NULL;
		return WRIT_OK;
	}
	if (st != WRIT_OK)
		return st;
	qsort(b->accounts.ptr, b->accounts.len, sizeof(struct account), by_key);
	file_name(policy->name, name);
	st = writ_ledger_open(dir, name, clock->boot, &b->ledger, err);
	if (st == WRIT_OK)
		st = find_accounts(b, err);
	if (st == WRIT_OK)
		*out = writ_steal(&b);
	return st;
}

static uint64_t
system_now(void *ctx)
{
	struct timespec t = { 0, 0 };

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* As the kernel names it, hashed. */
static enum writ_status
system_boot(uint8_t boot[16], struct writ_err *err)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	writ_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	struct writ_digest d;
	char text[64];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n <= 0)
		return writ_fail(err, WRIT_IO, "%s: %s", path, strerror(errno));
	writ_sha256(text, (size_t)n, &d);
	memcpy(boot, d.b, 16);
	return WRIT_OK;
}

enum writ_status
writ_budget_open(const char *dir, const struct writ_policy *policy,
    struct writ_budget **out, struct writ_err *err)
{
	struct writ_budget_clock clock = { .now_ns = system_now };
	enum writ_status st = system_boot(clock.boot, err);

	return st == WRIT_OK ? writ_budget_open_with(dir, policy, &clock, out,
	    err) : st;
}

void
writ_budget_free(struct writ_budget *b)
{
	if (!b)
		return;
	writ_ledger_free(b->ledger);
	writ_vec_release(&b->accounts);
	writ_mem_free(b);
}

/* ---- charging */

/* What a charge is about, while the ledger is locked. */
struct charge {
	struct writ_budget *b;
	struct writ_budget_hold *hold;
	uint64_t now_ns;
	char *rule, *reason;
};

static struct account *
account_of(struct writ_budget *b, const char *kind, const char *name)
{
	struct account key;

	if ((size_t)snprintf(key.key, sizeof(key.key), "%s.%s", kind, name) >=
	    sizeof(key.key))
		return NULL;
	return bsearch(&key, b->accounts.ptr, b->accounts.len,
	    sizeof(struct account), by_key);
}

static struct account *
held(struct writ_budget *b, const struct writ_budget_hold *hold, size_t i)
{
	return writ_vec_at(&b->accounts, hold->accounts[i]);
}

static enum writ_status
over(const struct charge *c, const struct account *a, const char *which,
    const char *fmt, ...) WRIT_PRINTF(4, 5);

static enum writ_status
over(const struct charge *c, const struct account *a, const char *which,
    const char *fmt, ...)
{
	va_list ap;

	snprintf(c->rule, WRIT_RULE_MAX, "%.80s.%s", a->key, which);
	va_start(ap, fmt);
	vsnprintf(c->reason, WRIT_REASON_MAX, fmt, ap);
	va_end(ap);
	return WRIT_LIMIT;
}

static enum writ_status
broken(char rule[WRIT_RULE_MAX], char reason[WRIT_REASON_MAX],
    const struct writ_err *err)
{
	snprintf(rule, WRIT_RULE_MAX, "budget");
	snprintf(reason, WRIT_REASON_MAX, "%.*s", WRIT_REASON_MAX - 1, err->msg);
	return WRIT_IO;
}

/* At most N in any window: the Nth last must have left it. */
static enum writ_status
check_rate(const struct charge *c, struct account *a, struct writ_err *err)
{
	uint64_t at = 0, wait;
	enum writ_status st;

	if (a->at.state.times < a->rate_count)
		return WRIT_OK;
	st = writ_ledger_time(c->b->ledger, &a->at, a->rate_count, &at, err);
	if (st != WRIT_OK)
		return st;
	wait = less(add(at, a->rate_window_ns), c->now_ns);
	if (!wait)
		return WRIT_OK;
	return over(c, a, "rate", "%llu requests in %llu.%03llu s are allowed; "
	    "the next one in %llu.%03llu s",
	    (unsigned long long)a->rate_count,
	    (unsigned long long)(a->rate_window_ns / SECOND_NS),
	    (unsigned long long)(a->rate_window_ns / 1000000 % 1000),
	    (unsigned long long)(wait / SECOND_NS),
	    (unsigned long long)(wait / 1000000 % 1000));
}

static enum writ_status
check_running(const struct charge *c, struct account *a, struct writ_err *err)
{
	enum writ_status st;

	if (a->at.state.running < a->concurrency)
		return WRIT_OK;
	st = writ_ledger_recount(c->b->ledger, &a->at, err);
	if (st != WRIT_OK || a->at.state.running < a->concurrency)
		return st;
	return over(c, a, "concurrency", "%llu at a time are allowed; the next "
	    "one when one of them has ended",
	    (unsigned long long)a->concurrency);
}

static enum writ_status
check(struct charge *c, struct account *a, struct writ_err *err)
{
	enum writ_status st = writ_ledger_read(c->b->ledger, &a->at, err);

	if (st != WRIT_OK)
		return st;
	/* A clock that went back (a machine restored from a snapshot) refills nothing. */
	if (c->now_ns < a->at.state.last_ns)
		c->now_ns = a->at.state.last_ns;
	if (a->total_requests && a->at.state.requests >= a->total_requests)
		return over(c, a, "requests", "all %llu requests were made; none "
		    "will be possible until the writ allows more",
		    (unsigned long long)a->total_requests);
	if (a->total_bytes && a->at.state.bytes >= a->total_bytes)
		return over(c, a, "bytes", "all %llu bytes were moved or are "
		    "held by what runs; none will be possible until the writ "
		    "allows more", (unsigned long long)a->total_bytes);
	if (a->rate_count)
		st = check_rate(c, a, err);
	if (st == WRIT_OK && a->concurrency)
		st = check_running(c, a, err);
	if (st == WRIT_OK && a->total_bytes)
		c->hold->bytes = least(c->hold->bytes, least(a->piece,
		    a->total_bytes - a->at.state.bytes));
	return st;
}

static enum writ_status
take(struct charge *c, struct account *a, struct writ_err *err)
{
	struct writ_ledger *l = c->b->ledger;
	enum writ_status st = WRIT_OK;

	if (a->rate_count)
		st = writ_ledger_time_add(l, &a->at, c->now_ns, err);
	if (st == WRIT_OK && a->concurrency)
		st = writ_ledger_hold(l, &a->at, 1, err);
	if (st != WRIT_OK)
		return st;
	a->at.state.requests = add(a->at.state.requests, 1);
	if (a->total_bytes)
		a->at.state.bytes = add(a->at.state.bytes, c->hold->bytes);
	st = writ_ledger_write(l, &a->at, err);
	return st == WRIT_OK && a->durable ? writ_ledger_sync(l, err) : st;
}

static enum writ_status
charge_all(struct charge *c, struct writ_err *err)
{
	struct writ_budget_hold *h = c->hold;
	enum writ_status st = WRIT_OK;
	size_t i;

	for (i = 0; st == WRIT_OK && i < h->count; i++)
		st = check(c, held(c->b, h, i), err);
	for (i = 0; st == WRIT_OK && i < h->count; i++)
		st = take(c, held(c->b, h, i), err);
	return st;
}

enum writ_status
writ_budget_charge(struct writ_budget *b, const char *kind,
    const char *const *names, size_t count, struct writ_budget_hold *hold,
    char rule[WRIT_RULE_MAX], char reason[WRIT_REASON_MAX])
{
	struct writ_budget_hold h = { .count = 0, .bytes = UINT64_MAX };
	struct charge c = { b, &h, 0, rule, reason };
	struct writ_err err = { WRIT_OK, "" };
	const struct account *a;
	enum writ_status st;
	size_t i;

	if (count > WRIT_HTTP_MATCHES_MAX)
		WRIT_BUG("more entries than may match");
	for (i = 0; b && i < count; i++) {
		a = account_of(b, kind, names[i]);
		if (a)
			h.accounts[h.count++] = (unsigned)(a -
			    (const struct account *)b->accounts.ptr);
	}
	if (!h.count) {
		*hold = h;
		return WRIT_OK;
	}
	st = writ_ledger_lock(b->ledger, &err);
	if (st != WRIT_OK)
		return broken(rule, reason, &err);
	c.now_ns = b->clock.now_ns(b->clock.ctx);
	st = charge_all(&c, &err);
	writ_ledger_unlock(b->ledger);
	if (st == WRIT_OK)
		*hold = h;
	return st == WRIT_OK || st == WRIT_LIMIT ? st :
	    broken(rule, reason, &err);
}

/* ---- more, and less */

enum writ_status
writ_budget_more(struct writ_budget *b, struct writ_budget_hold *hold)
{
	uint64_t more = UINT64_MAX;
	struct account *a;
	enum writ_status st;
	size_t i;

	if (!b || !hold->count || hold->bytes == UINT64_MAX)
		return WRIT_OK;
	st = writ_ledger_lock(b->ledger, NULL);
	if (st != WRIT_OK)
		return st;
	for (i = 0; st == WRIT_OK && i < hold->count; i++) {
		a = held(b, hold, i);
		st = writ_ledger_read(b->ledger, &a->at, NULL);
		if (a->total_bytes)
			more = least(more, least(WRIT_BUDGET_PIECE,
			    less(a->total_bytes, a->at.state.bytes)));
	}
	if (st == WRIT_OK && !more)
		st = WRIT_LIMIT;
	for (i = 0; st == WRIT_OK && i < hold->count; i++) {
		a = held(b, hold, i);
		if (!a->total_bytes)
			continue;
		a->at.state.bytes = add(a->at.state.bytes, more);
		st = writ_ledger_write(b->ledger, &a->at, NULL);
	}
	writ_ledger_unlock(b->ledger);
	if (st == WRIT_OK)
		hold->bytes += more;
	return st == WRIT_OK || st == WRIT_LIMIT ? st : WRIT_IO;
}

static enum writ_status
give_back(struct writ_budget *b, struct account *a, uint64_t taken,
    uint64_t moved)
{
	enum writ_status st;

	if (!a->total_bytes && !a->concurrency)
		return WRIT_OK;
	st = writ_ledger_read(b->ledger, &a->at, NULL);
	if (st == WRIT_OK && a->concurrency)
		st = writ_ledger_hold(b->ledger, &a->at, -1, NULL);
	if (st != WRIT_OK)
		return st;
	if (a->total_bytes)
		a->at.state.bytes = add(less(a->at.state.bytes, taken), moved);
	return writ_ledger_write(b->ledger, &a->at, NULL);
}

enum writ_status
writ_budget_settle(struct writ_budget *b, struct writ_budget_hold *hold,
    uint64_t bytes)
{
	enum writ_status st, first = WRIT_OK;
	size_t i, n = hold->count;

	hold->count = 0;
	if (!b || !n)
		return WRIT_OK;
	st = writ_ledger_lock(b->ledger, NULL);
	if (st != WRIT_OK)
		return WRIT_IO;
	for (i = 0; i < n; i++) {
		st = give_back(b, held(b, hold, i), hold->bytes, bytes);
		if (first == WRIT_OK && st != WRIT_OK)
			first = WRIT_IO;
	}
	writ_ledger_unlock(b->ledger);
	return first;
}
