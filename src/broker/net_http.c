/* Requests: read, decided, charged, recorded; then handed to net, and their outcomes. */
#include <errno.h>
#include <time.h>

#include "broker/net_int.h"
#include "cap/clock.h"
#include "wire/exchange.h"

#define HELD_MAX (2 * (WRIT_HTTP_TARGET_MAX + WRIT_HTTP_HOST_MAX) + 256)
#define NO_FDS "no more file descriptors"

/* ---- ids */

struct writ_net_request *
writ_net_request(struct writ_net *n, uint32_t id, bool *was)
{
	uint32_t slot = id & 0xff, gen = id >> 8;
	struct writ_net_request *r = n->slots[slot];

	*was = !(id & WRIT_NET_LOOKUP_ID) && gen && gen <= n->gen[slot];
	return r && r->id == id ? r : NULL;
}

static bool
take_slot(struct writ_net *n, struct writ_net_request *r)
{
	uint32_t slot;

	for (slot = 0; slot < WRIT_HTTP_EXCHANGES_MAX; slot++)
		if (!n->slots[slot] && n->gen[slot] < 0x7fffff)
			break;
	if (slot == WRIT_HTTP_EXCHANGES_MAX)
		return false;
	r->id = slot | ++n->gen[slot] << 8;
	n->slots[slot] = r;
	n->live++;
	return true;
}

/* ---- a request's life */

static void
request_free(struct writ_net_request *r)
{
	if (!r)
		return;
	writ_buf_release(&r->body);
	writ_buf_release(&r->text);
	writ_mem_free(r->fields);
	writ_closep(&r->fd);
	writ_mem_free(r);
}

static inline void
request_freep(struct writ_net_request **r)
{
	request_free(*r);
}

static void
settle(struct writ_net_request *r, uint64_t bytes)
{
	if (r->holds && writ_budget_settle(r->net->config.budget, &r->hold,
	    bytes) != WRIT_OK)
		r->net->config.record->failed = true;
	r->holds = false;
}

void
writ_net_request_end(struct writ_net_request *r,
    enum writ_audit_outcome outcome, uint64_t bytes, const char *detail)
{
	struct writ_net *n = r->net;

	writ_net_dial_stop(r);
	settle(r, bytes);
	writ_record_ended(n->config.record, r->decision, outcome, bytes,
	    detail);
	n->slots[r->id & 0xff] = NULL;
	n->live--;
	request_free(r);
}

void
writ_net_request_fail(struct writ_net_request *r,
    const struct writ_http_fault *fault, enum writ_audit_outcome as,
    const char *detail)
{
	uint8_t raw[16];
	struct writ_buf b;

	if (r->given_up)
		return;
	r->given_up = true;
	r->refused_as = as;
	snprintf(r->detail, sizeof(r->detail), "%s", detail);
	writ_buf_init(&b, sizeof(raw));
	writ_fault_put(&b, fault);
	writ_net_say(r->net, WRIT_NET_FAIL, r->id, writ_buf_view(&b), -1);
	writ_buf_release(&b);
}

/* ---- reading */

static uint64_t
clamp_ms(uint64_t ns, uint64_t unless_said)
{
	uint64_t ms = ns / 1000000 + (ns % 1000000 != 0);

	if (ns == 0)
		return unless_said;
	return ms < WRIT_NET_TIMEOUT_MS_MAX ? ms : WRIT_NET_TIMEOUT_MS_MAX;
}

/* Of the week, UTC, from Monday; the first day of the clock was a Thursday. */
static uint64_t
minute_of_week(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ((uint64_t)t.tv_sec / 60 + 3 * 24 * 60) % (7 * 24 * 60);
}

static const char *
read_request(struct writ_net_request *r, const struct writ_http_msg *m)
{
	const struct writ_http_head *h = &m->head;
	const char *why = writ_http_read(h->method, h->scheme, h->authority,
	    h->path, h->fields, h->fields_count, &r->text, &r->rq);

	if (why)
		return why;
	r->rq.has_body = m->options.has_body;
	r->rq.minute = minute_of_week();
	if (!r->rq.has_body && r->rq.length)
		return "content-length of a body that is not sent";
	return NULL;
}

/* A copy of the guest's words, and what they mean.  WRIT_PROTO, WRIT_NOMEM. */
static enum writ_status
request_new(struct writ_net *n, struct writ_str body,
    struct writ_http_msg *m, struct writ_net_request **out)
{
	__attribute__((cleanup(request_freep))) struct writ_net_request *r =
	    writ_alloc(1, sizeof(*r));
	struct writ_http_field fields[WRIT_HTTP_FIELDS_OUT_MAX];

	if (!r)
		return WRIT_NOMEM;
	r->net = n;
	r->fd = r->dial.fd = r->dial.lookup.fd = -1;
	writ_buf_init(&r->body, WRIT_WIRE_MSG_MAX);
	writ_buf_init(&r->text, HELD_MAX);
	writ_buf_str(&r->body, body);
	if (writ_buf_status(&r->body) != WRIT_OK)
		return WRIT_NOMEM;
	if (writ_http_msg_get(writ_buf_view(&r->body), fields, m) != WRIT_OK)
		return WRIT_PROTO;
	r->fields = writ_memdup(fields, (m->head.fields_count + 1) *
	    sizeof(fields[0]));
	if (!r->fields)
		return WRIT_NOMEM;
	m->head.fields = r->fields;
	r->connect_ms = clamp_ms(m->options.connect_ns, WRIT_NET_CONNECT_MS);
	r->first_byte_ms = clamp_ms(m->options.first_byte_ns,
	    WRIT_NET_READ_MS);
	r->between_ms = clamp_ms(m->options.between_bytes_ns,
	    WRIT_NET_READ_MS);
	*out = writ_steal(&r);
	return WRIT_OK;
}

/* ---- refusing */

static enum writ_status
reply_fault(struct writ_conn *worker, uint32_t id, enum writ_http_code code)
{
	const struct writ_http_fault fault = { .code = code };
	writ_auto_release(writ_buf) b;
	enum writ_status st;

	writ_buf_init(&b, 16);
	writ_fault_put(&b, &fault);
	st = writ_buf_status(&b);
	return st == WRIT_OK ? writ_conn_send(worker, WRIT_MSG_HTTP_REPLY, id,
	    writ_buf_view(&b), -1) : st;
}

/* What cannot be read: which of its parts, for the guest; the whole of it, for the log. */
static enum writ_http_code
malformed(struct writ_record *record, const struct writ_http_msg *m,
    const char *why)
{
	const struct writ_http_head *h = &m->head;
	char op[WRIT_HTTP_METHOD_MAX + 1];
	writ_auto_release(writ_buf) url, scratch;
	struct writ_request rq = { .kind = WRIT_REQ_HTTP, .op = op };
	struct writ_http_request unused;
	size_t i;

	for (i = 0; i < h->method.len && i < sizeof(op) - 1; i++)
		op[i] = h->method.ptr[i] > 0x20 && h->method.ptr[i] < 0x7f ?
		    h->method.ptr[i] : '?';
	op[i] = '\0';
	writ_buf_init(&url, 4 * WRIT_HTTP_TARGET_MAX);
	writ_buf_init(&scratch, HELD_MAX);
	writ_buf_str(&url, h->scheme.len ? h->scheme : WRIT_STR("https"));
	writ_buf_cstr(&url, "://");
	writ_buf_str(&url, h->authority);
	writ_buf_str(&url, h->path);
	rq.target = writ_buf_view(&url);
	writ_record_refuse(record, &rq, "malformed", why);
	return writ_http_read(WRIT_STR("GET"), h->scheme, h->authority, h->path,
	    NULL, 0, &scratch, &unused) ? WRIT_HTTP_REQUEST_URI_INVALID :
	    WRIT_HTTP_REQUEST_DENIED;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static enum writ_http_code
code_of(const struct writ_decision *d)
{
	return ends_with(d->rule, ".concurrency") ?
	    WRIT_HTTP_CONNECTION_LIMIT_REACHED : WRIT_HTTP_REQUEST_DENIED;
}

/* ---- deciding */

static void
charge(void *ctx, const struct writ_http_terms *terms, struct writ_decision *d)
{
	struct writ_net_request *r = ctx;
	const char *names[WRIT_HTTP_MATCHES_MAX];
	char rule[WRIT_RULE_MAX], reason[WRIT_REASON_MAX];
	enum writ_status st;
	size_t i;

	for (i = 0; i < terms->count; i++)
		names[i] = terms->grants[i]->name;
	if (terms->credential && !r->rq.https) {
		d->verdict = WRIT_REFUSE;
		snprintf(d->rule, sizeof(d->rule), "credential");
		snprintf(d->reason, sizeof(d->reason), "a credential is added "
		    "to https only");
		return;
	}
	st = writ_budget_charge(r->net->config.budget, "http", names,
	    terms->count, &r->hold, rule, reason);
	r->holds = st == WRIT_OK;
	if (st == WRIT_OK && (!r->sent || r->hold.bytes >= r->may_move))
		return;
	d->verdict = WRIT_REFUSE;
	if (st == WRIT_OK) {	/* net was told of wider bounds, and holds the body */
		settle(r, 0);
		snprintf(d->rule, sizeof(d->rule), "http.%.60s.bytes",
		    names[0]);
		snprintf(d->reason, sizeof(d->reason), "less is left of its "
		    "bytes in all than one request may move");
		return;
	}
	memcpy(d->rule, rule, sizeof(d->rule));
	memcpy(d->reason, reason, sizeof(d->reason));
}

/* WRIT_OK, WRIT_PENDING; WRIT_DENIED and *code; WRIT_IO nothing may happen any more. */
static enum writ_status
decide(struct writ_net_request *r, struct writ_record *record,
    enum writ_http_code *code)
{
	const struct writ_record_charge c = { charge, r };
	struct writ_record_http out;
	enum writ_status st;

	*code = WRIT_HTTP_REQUEST_DENIED;
	st = writ_record_http(record, &r->rq, &r->terms, &c, &out);
	if (st == WRIT_OK)
		r->decision = out.id;
	if (st == WRIT_DENIED)
		*code = code_of(&out.decision);
	if (st != WRIT_OK && r->net)
		settle(r, 0);
	r->decided = st == WRIT_OK;
	return st;
}

/* ---- telling net */

static uint32_t
pool_of(struct writ_net *n, const struct writ_net_request *r)
{
	writ_auto_release(writ_buf) key;
	struct writ_net_pool *p;
	uint8_t raw[4];
	size_t i;

	writ_buf_init(&key, 64 * 1024);
	writ_buf_printf(&key, "%s://%.*s:%u", r->rq.https ? "https" : "http",
	    WRIT_STR_ARG(r->rq.host), r->rq.port);
	for (i = 0; i < r->terms.count; i++)
		writ_buf_printf(&key, " %s", r->terms.grants[i]->name);
	writ_buf_char(&key, '\0');
	if (writ_buf_status(&key) != WRIT_OK)
		return ++n->pool_seq;	/* of its own */
	for (i = 0; i < n->pools.len; i++) {
		p = writ_vec_at(&n->pools, i);
		if (!strcmp(p->key, (const char *)key.ptr))
			return p->id;
	}
	if (n->pools.len == WRIT_NET_POOLS_MAX) {
		p = writ_vec_at(&n->pools, 0);
		for (i = 0; i < 4; i++)
			raw[i] = (uint8_t)(p->id >> (8 * i));
		writ_net_say(n, WRIT_NET_CLOSE_POOL, 0,
		    writ_str((const char *)raw, 4), -1);
		writ_mem_free(p->key);
		writ_vec_remove(&n->pools, 0);
	}
	if (writ_vec_push(&n->pools, &p) != WRIT_OK)
		return ++n->pool_seq;
	p->key = writ_memdup(key.ptr, key.len);
	p->id = ++n->pool_seq;
	if (!p->key)
		writ_vec_remove(&n->pools, n->pools.len - 1);
	return n->pool_seq;
}

/* The one authority that all entries agree on: their own, or the system's; UINT32_MAX they differ. */
static uint32_t
ca_of(const struct writ_net *n, const struct writ_net_request *r)
{
	const char *file = NULL, *mine;
	size_t i;

	for (i = 0; i < r->terms.count; i++) {
		mine = r->terms.grants[i]->ca_file;
		if (mine && file && strcmp(mine, file))
			return UINT32_MAX;
		file = mine ? mine : file;
	}
	for (i = 0; file && i < n->config.cas_count; i++)
		if (n->config.cas[i].file && !strcmp(n->config.cas[i].file,
		    file))
			return (uint32_t)i;
	return file ? UINT32_MAX : 0;
}

static const char *
pins_of(const struct writ_net_request *r, bool *differ)
{
	const char *pins = NULL, *mine;
	size_t i;

	for (i = 0; i < r->terms.count; i++) {
		mine = r->terms.grants[i]->pins;
		*differ |= mine && pins && strcmp(mine, pins);
		pins = mine ? mine : pins;
	}
	return pins;
}

static bool
in_list(char *const *list, const char *word)
{
	for (; *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

/* What every entry with a list lets pass.  False: no entry has one. */
static bool
put_lists(const struct writ_net_request *r, bool types, struct writ_buf *b)
{
	char *const *first = NULL, *const *other;
	size_t i, k;
	bool some = false;

	for (i = 0; !first && i < r->terms.count; i++)
		first = types ? r->terms.grants[i]->response_types :
		    r->terms.grants[i]->response_headers;
	for (k = 0; first && first[k]; k++) {
		bool all = true;

		for (i = 0; i < r->terms.count; i++) {
			other = types ? r->terms.grants[i]->response_types :
			    r->terms.grants[i]->response_headers;
			all &= !other || in_list(other, first[k]);
		}
		if (all)
			writ_buf_printf(b, "%s%s", some ? "," : "", first[k]);
		some |= all;
	}
	/* "" would be any type: one that no response has is none */
	if (first && !some && types)
		writ_buf_cstr(b, "none/none");
	return first != NULL;
}

/* False: one of its secrets is gone. */
static bool
put_credential(struct writ_net *n, const struct writ_http_grant *g,
    struct writ_buf *b)
{
	size_t i;

	for (i = 0; i < g->credential_parts; i++) {
		const struct writ_credential_part *p = &g->credential[i];
		int index;

		if (p->text && p->text[0]) {
			writ_wire_put_u32(b, 0);
			writ_wire_put_str(b, writ_str_from(p->text));
		}
		if (!p->secret)
			continue;
		index = writ_secrets_index(n->config.secrets, p->secret);
		if (index < 0 || index >= WRIT_SECRETS_MAX ||
		    !n->has_secret[index])
			return false;
		writ_wire_put_u32(b, (uint32_t)index + 1);
		writ_wire_put_str(b, WRIT_STR(""));
	}
	return true;
}

/* Values may have changed since net was told them. */
static bool
refresh_secrets(struct writ_net *n)
{
	bool changed = false;
	size_t i;

	if (!n->config.secrets)
		return true;
	if (writ_secrets_refresh(n->config.secrets, &changed, NULL) != WRIT_OK)
		return false;
	/* also one that was gone, and is there again */
	for (i = 0; i < WRIT_SECRETS_MAX; i++)
		if (n->wants_secret[i] && (changed || !n->has_secret[i]))
			n->has_secret[i] = writ_net_tell_secret(n,
			    (unsigned)i);
	return true;
}

/* Of what its entries have left in all, each way gets what it may need. */
static void
set_bounds(struct writ_net_request *r, struct writ_net_send *m)
{
	uint64_t up = r->terms.request_max;
	uint64_t left = r->holds ? r->hold.bytes : UINT64_MAX;

	if (!r->rq.has_body)
		up = 0;
	else if (r->rq.has_length && r->rq.length < up)
		up = r->rq.length;
	else if (up > left / 2)
		up = left / 2;
	m->request_max = up < left ? up : left;
	left -= m->request_max;
	m->response_max = r->terms.response_max < left ?
	    r->terms.response_max : left;
	r->may_move = m->request_max > UINT64_MAX - m->response_max ?
	    UINT64_MAX : m->request_max + m->response_max;
}

static void
set_request(struct writ_net_request *r, struct writ_net_send *m)
{
	const struct writ_http_request *rq = &r->rq;

	m->pool = pool_of(r->net, r);
	m->https = rq->https;
	m->host = rq->host;
	m->port = rq->port;
	m->method = rq->method;
	m->target = rq->path;
	if (rq->query.ptr)	/* behind it in the same text */
		m->target.len += 1 + rq->query.len;
	m->fields = rq->fields;
	m->fields_count = rq->fields_count;
	m->has_body = rq->has_body;
	m->has_length = rq->has_length;
	m->length = rq->length;
	m->connect_ms = r->connect_ms;
	m->first_byte_ms = r->first_byte_ms;
	m->between_ms = r->between_ms;
	m->operation_field = r->decided ? WRIT_STR("") :
	    writ_str_from(r->terms.operation_field);
}

static bool
set_credential(struct writ_net_request *r, struct writ_net_send *m,
    struct writ_buf *b)
{
	const struct writ_http_grant *g = r->terms.credential;
	size_t i;

	for (i = 0; i < r->terms.count; i++)
		m->scrub |= r->terms.grants[i]->credential_name &&
		    r->terms.grants[i]->scrub;
	if (!g)
		return true;
	if (!refresh_secrets(r->net) || !put_credential(r->net, g, b) ||
	    writ_buf_status(b) != WRIT_OK)
		return false;
	m->credential_query = g->credential_query;
	m->credential_name = writ_str_from(g->credential_name);
	m->credential_value = writ_buf_view(b);
	return true;
}

/* With a credential that is to be taken out of what comes back, a guest does not choose a form in
 * which it would not be found: a coding, or a piece of a few bytes. */
static void
set_plain_fields(struct writ_net_send *m,
    struct writ_http_field kept[WRIT_HTTP_FIELDS_OUT_MAX])
{
	static const char *const dropped[] = { "accept-encoding", "te", "range",
		"if-range" };
	const size_t last = sizeof(dropped) / sizeof(dropped[0]);
	size_t i, k, n = 0;

	for (i = 0; i < m->fields_count; i++) {
		for (k = 0; k < last && !writ_str_is(m->fields[i].name,
		    dropped[k]); k++)
			continue;
		if (k == last)
			kept[n++] = m->fields[i];
	}
	if (n < WRIT_HTTP_FIELDS_OUT_MAX)
		kept[n++] = (struct writ_http_field){
			WRIT_STR("accept-encoding"), WRIT_STR("identity") };
	m->fields = kept;
	m->fields_count = n;
}

/* NULL, or why it cannot be sent; it has not been then. */
static const char *
tell_net(struct writ_net_request *r)
{
	struct writ_http_field kept[WRIT_HTTP_FIELDS_OUT_MAX];
	struct writ_net *n = r->net;
	writ_auto_release(writ_buf) credential, headers, types, body;
	struct writ_net_send m = { 0 };
	bool differ = false;

	writ_buf_init(&credential, 2 * WRIT_DOC_STRING_MAX);
	writ_buf_init(&headers, WRIT_HTTP_FIELDS_BYTES_MAX);
	writ_buf_init(&types, WRIT_HTTP_FIELDS_BYTES_MAX);
	writ_buf_init(&body, WRIT_WIRE_MSG_MAX);
	set_request(r, &m);
	set_bounds(r, &m);
	m.ca = ca_of(n, r);
	m.pins = writ_str_from(pins_of(r, &differ));
	if (m.ca == UINT32_MAX || differ)
		return "its entries trust different authorities or keys";
	if (!set_credential(r, &m, &credential))
		return "a secret of its credential is gone";
	if (m.scrub && r->terms.credential)
		set_plain_fields(&m, kept);
	m.all_headers = !put_lists(r, false, &headers);
	m.response_headers = writ_buf_view(&headers);
	(void)put_lists(r, true, &types);
	m.response_types = writ_buf_view(&types);
	writ_net_send_put(&body, &m);
	if (writ_buf_status(&headers) != WRIT_OK ||
	    writ_buf_status(&types) != WRIT_OK ||
	    writ_buf_status(&body) != WRIT_OK)
		return "it does not fit one message";
	writ_net_say(n, WRIT_NET_SEND, r->id, writ_buf_view(&body), r->fd);
	writ_closep(&r->fd);
	r->sent = true;
	return NULL;
}

/* An undecided one that is not sent has to be on record all the same. */
static void
record_unsent(struct writ_net_request *r, const char *rule, const char *why)
{
	char op[WRIT_HTTP_METHOD_MAX + 1];
	const struct writ_request plain = { .kind = WRIT_REQ_HTTP, .op = op,
		.target = r->rq.url };

	if (r->decided || writ_str_cstr(r->rq.method, op, sizeof(op)) !=
	    WRIT_OK)
		return;
	writ_record_refuse(r->net->config.record, &plain, rule, why);
}

void
writ_net_http_ready(struct writ_net *n)
{
	const char *why;
	size_t i;

	for (i = 0; i < WRIT_HTTP_EXCHANGES_MAX; i++) {
		struct writ_net_request *r = n->slots[i];

		why = r && !r->sent ? tell_net(r) : NULL;
		if (!why)
			continue;
		/* the worker sees its exchange end */
		record_unsent(r, "http.unsent", why);
		writ_net_request_end(r, WRIT_AUDIT_FAILED, 0, why);
	}
}

/* ---- the worker asks */

/* It is decided: two ends of an exchange, or why not. */
static enum writ_status
begin(struct writ_net_request *r, int *theirs, enum writ_http_code *code,
    const char **why)
{
	struct writ_net *n = r->net;
	int pair[2];

	*code = WRIT_HTTP_CONNECTION_LIMIT_REACHED;
	*why = "too many requests at a time";
	if (n->live >= WRIT_HTTP_EXCHANGES_MAX)
		return WRIT_LIMIT;
	*why = NO_FDS;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    pair))
		return WRIT_LIMIT;
	*theirs = pair[0];
	r->fd = pair[1];
	*code = WRIT_HTTP_INTERNAL_ERROR;
	*why = "writ-net cannot be started";
	if (writ_net_running(n, NULL) != WRIT_OK)
		return errno == EMFILE || errno == ENFILE ? WRIT_LIMIT :
		    WRIT_IO;
	*why = "too many requests in one session";
	if (!take_slot(n, r))
		return WRIT_LIMIT;
	*why = n->ready ? tell_net(r) : NULL;
	*code = WRIT_HTTP_CONFIGURATION_ERROR;
	if (!*why)
		return WRIT_OK;
	n->slots[r->id & 0xff] = NULL;
	n->live--;
	return WRIT_IO;
}

static void
end_unbegun(struct writ_net_request *r, const char *why)
{
	record_unsent(r, "http.unsent", why);
	settle(r, 0);
	if (r->decided)
		writ_record_ended(r->net->config.record, r->decision,
		    WRIT_AUDIT_FAILED, 0, why);
}

enum writ_status
writ_net_http(struct writ_net *n, struct writ_record *record,
    struct writ_conn *worker, uint32_t id, struct writ_str body)
{
	__attribute__((cleanup(request_freep))) struct writ_net_request *r =
	    NULL;
	writ_auto_fd theirs = -1;
	enum writ_http_code code = WRIT_HTTP_INTERNAL_ERROR;
	struct writ_http_msg m;
	enum writ_status st = request_new(n, body, &m, &r);
	const char *why;

	if (st == WRIT_PROTO)
		return st;
	if (st != WRIT_OK)
		return reply_fault(worker, id, code);
	why = read_request(r, &m);
	if (why)
		return reply_fault(worker, id, malformed(record, &m, why));
	st = decide(r, record, &code);
	if (st != WRIT_OK && st != WRIT_PENDING)
		return reply_fault(worker, id, code);
	if (!n)
		WRIT_BUG("a request that is allowed, and nobody to send it");
	st = begin(r, &theirs, &code, &why);
	if (st != WRIT_OK) {
		end_unbegun(r, why);
		return reply_fault(worker, id, code);
	}
	writ_steal(&r);		/* its slot has it */
	if (writ_conn_flush(worker) != WRIT_AGAIN)
		return writ_conn_send_now(worker, WRIT_MSG_HTTP_REPLY, id,
		    WRIT_STR(""), theirs);
	/* It reads its answers slowly: a few may wait.  Else net sees the exchange close. */
	st = writ_conn_send(worker, WRIT_MSG_HTTP_REPLY, id, WRIT_STR(""),
	    theirs);
	return st == WRIT_LIMIT || st == WRIT_IO ? reply_fault(worker, id,
	    WRIT_HTTP_CONNECTION_LIMIT_REACHED) : st;
}

/* ---- net tells */

enum writ_status
writ_net_http_operation(struct writ_net *n, const struct writ_msg *m)
{
	struct writ_wire_in in = writ_wire_in(m->body);
	struct writ_str op = writ_wire_get_str(&in, WRIT_DOC_STRING_MAX);
	struct writ_http_fault fault = { .code = WRIT_HTTP_REQUEST_DENIED };
	enum writ_status st;
	struct writ_net_request *r;
	bool was;

	r = writ_net_request(n, m->id, &was);
	if (!writ_wire_done(&in) || !was)
		return WRIT_PROTO;
	if (!r || r->given_up)
		return WRIT_OK;
	if (!r->sent || r->decided || !r->terms.operation_field)
		return WRIT_PROTO;
	r->rq.operation = writ_str(op.ptr ? op.ptr : "", op.len);
	st = decide(r, n->config.record, &fault.code);
	r->rq.operation = WRIT_STR("");	/* it was the message's */
	if (st == WRIT_PENDING)
		WRIT_BUG("an operation that decides nothing");
	if (st != WRIT_OK) {
		r->decided = true;	/* it is on record, with no outcome to come */
		writ_net_request_fail(r, &fault, WRIT_AUDIT_DENIED, "");
		return WRIT_OK;
	}
	writ_net_say(n, WRIT_NET_GO, r->id, WRIT_STR(""), -1);
	writ_net_dial_go(r);
	return WRIT_OK;
}

/* As the WIT has them. */
static const char *const code_names[WRIT_HTTP_CODE_COUNT] = {
	"DNS timeout", "DNS error", "destination not found",
	"destination unavailable", "destination IP prohibited",
	"destination IP unroutable", "connection refused",
	"connection terminated", "connection timeout",
	"connection read timeout", "connection write timeout",
	"connection limit reached", "TLS protocol error",
	"TLS certificate error", "TLS alert received", "HTTP request denied",
	"HTTP request length required", "HTTP request body size",
	"HTTP request method invalid", "HTTP request URI invalid",
	"HTTP request URI too long", "HTTP request header section size",
	"HTTP request header size", "HTTP request trailer section size",
	"HTTP request trailer size", "HTTP response incomplete",
	"HTTP response header section size", "HTTP response header size",
	"HTTP response body size", "HTTP response trailer section size",
	"HTTP response trailer size", "HTTP response transfer coding",
	"HTTP response content coding", "HTTP response timeout",
	"HTTP upgrade failed", "HTTP protocol error", "loop detected",
	"configuration error", "internal error" };

enum writ_status
writ_net_http_done(struct writ_net *n, const struct writ_msg *m)
{
	enum writ_audit_outcome outcome = WRIT_AUDIT_ALLOWED;
	struct writ_net_request *r;
	struct writ_net_done d;
	char detail[sizeof(r->detail) + 64];
	uint64_t bytes;
	bool was;

	r = writ_net_request(n, m->id, &was);
	if (writ_net_done_get(m->body, &d) != WRIT_OK || !r || !r->sent)
		return WRIT_PROTO;
	bytes = d.up > UINT64_MAX - d.down ? UINT64_MAX : d.up + d.down;
	if (!d.failed) {
		snprintf(detail, sizeof(detail), "status %u",
		    (unsigned)d.status);
	} else if (r->given_up) {
		outcome = d.sent ? WRIT_AUDIT_UNKNOWN : r->refused_as;
		snprintf(detail, sizeof(detail), "%s", r->detail);
	} else {
		outcome = d.sent ? WRIT_AUDIT_UNKNOWN : WRIT_AUDIT_FAILED;
		if (d.status)
			snprintf(detail, sizeof(detail), "status %u, %s",
			    (unsigned)d.status, code_names[d.fault.code]);
		else
			snprintf(detail, sizeof(detail), "%s",
			    code_names[d.fault.code]);
	}
	record_unsent(r, "http.operation", "the body did not say its operation");
	writ_net_request_end(r, outcome, bytes, detail);
	return WRIT_OK;
}
