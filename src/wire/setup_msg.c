#include "wire/setup_msg.h"

#define TEXT_MAX 4096

void
writ_setup_put(struct writ_buf *b, const struct writ_setup *s)
{
	writ_wire_put_u64(b, s->memory_bytes);
	writ_wire_put_u64(b, s->time_ms);
	writ_wire_put_u64(b, s->cpu_ms);
	writ_wire_put_u64(b, s->output_bytes);
	writ_wire_put_u64(b, s->requests);
	writ_wire_put_u64(b, s->handles);
	writ_wire_put_u8(b, s->clock);
	writ_wire_put_u8(b, s->random);
	writ_wire_put_u8(b, s->sockets);
	writ_wire_put_u64(b, (uint64_t)s->clock_seconds);
	writ_wire_put_u64(b, s->clock_resolution_ns);
	writ_wire_put_u64(b, s->random_seed);
	writ_buf_add(b, s->hash_key, sizeof(s->hash_key));
}

enum writ_status
writ_setup_get(struct writ_str body, struct writ_setup *s)
{
	struct writ_wire_in in = writ_wire_in(body);
	struct writ_str key;
	unsigned sockets;

	s->memory_bytes = writ_wire_get_u64(&in);
	s->time_ms = writ_wire_get_u64(&in);
	s->cpu_ms = writ_wire_get_u64(&in);
	s->output_bytes = writ_wire_get_u64(&in);
	s->requests = writ_wire_get_u64(&in);
	s->handles = writ_wire_get_u64(&in);
	s->clock = writ_wire_get_u8(&in);
	s->random = writ_wire_get_u8(&in);
	sockets = writ_wire_get_u8(&in);
	s->sockets = sockets;
	s->clock_seconds = (int64_t)writ_wire_get_u64(&in);
	s->clock_resolution_ns = writ_wire_get_u64(&in);
	s->random_seed = writ_wire_get_u64(&in);
	key = writ_wire_get_rest(&in);
	if (!writ_wire_done(&in) || key.len != sizeof(s->hash_key) ||
	    s->clock > 2 || s->random > 3 || sockets > 1)
		return WRIT_PROTO;
	memcpy(s->hash_key, key.ptr, sizeof(s->hash_key));
	return WRIT_OK;
}

static void
put_list(struct writ_buf *b, const struct writ_str *s, unsigned n)
{
	unsigned i;

	writ_wire_put_u8(b, (uint8_t)n);
	for (i = 0; i < n; i++)
		writ_wire_put_str(b, s[i]);
}

static unsigned
get_list(struct writ_wire_in *in, struct writ_str *s, unsigned max)
{
	unsigned i, n = writ_wire_get_u8(in);

	if (n > max) {
		in->bad = true;
		return 0;
	}
	for (i = 0; i < n; i++)
		s[i] = writ_wire_get_str(in, TEXT_MAX);
	return n;
}

void
writ_mount_put(struct writ_buf *b, const struct writ_mount_msg *m)
{
	unsigned i;

	writ_wire_put_str(b, m->at);
	writ_wire_put_u8(b, (uint8_t)(m->remote | m->write << 1 |
	    m->phantom << 2));
	writ_wire_put_u64(b, m->quota_bytes);
	writ_wire_put_u64(b, m->quota_files);
	writ_wire_put_u64(b, m->root);
	put_list(b, m->deny, m->deny_count);
	for (i = 0; i < m->deny_count; i++)
		writ_wire_put_u8(b, m->deny_write_only[i]);
	put_list(b, m->opened, m->opened_count);
	put_list(b, m->masked, m->masked_count);
}

enum writ_status
writ_mount_get(struct writ_str body, struct writ_mount_msg *m)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned i, bits;

	m->at = writ_wire_get_str(&in, WRIT_PATH_MAX);
	bits = writ_wire_get_u8(&in);
	m->remote = bits & 1;
	m->write = bits & 2;
	m->phantom = bits & 4;
	m->quota_bytes = writ_wire_get_u64(&in);
	m->quota_files = writ_wire_get_u64(&in);
	m->root = writ_wire_get_u64(&in);
	m->deny_count = get_list(&in, m->deny, 64);
	for (i = 0; i < m->deny_count; i++)
		m->deny_write_only[i] = writ_wire_get_u8(&in) != 0;
	m->opened_count = get_list(&in, m->opened, 64);
	m->masked_count = get_list(&in, m->masked, WRIT_MOUNTS_MAX);
	return writ_wire_done(&in) && bits < 8 ? WRIT_OK : WRIT_PROTO;
}

void
writ_invoke_put(struct writ_buf *b, const struct writ_invoke_msg *m)
{
	writ_wire_put_u8(b, m->keep);
	writ_wire_put_u8(b, m->form);
	writ_wire_put_u64(b, m->result_max);
	writ_wire_put_str(b, m->function);
}

enum writ_status
writ_invoke_get(struct writ_str body, struct writ_invoke_msg *m)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned keep = writ_wire_get_u8(&in);

	m->keep = keep == 1;
	m->form = writ_wire_get_u8(&in);
	m->result_max = writ_wire_get_u64(&in);
	m->function = writ_wire_get_str(&in, WRIT_FUNCTION_NAME_MAX);
	return writ_wire_done(&in) && keep <= 1 && m->form <= WRIT_VALUE_WAVE &&
	    m->result_max && m->result_max <= WRIT_CALL_VALUE_MAX &&
	    m->function.len ? WRIT_OK : WRIT_PROTO;
}

void
writ_done_put(struct writ_buf *b, const struct writ_done_msg *d)
{
	writ_wire_put_u8(b, (uint8_t)d->outcome.kind);
	writ_wire_put_u8(b, d->outcome.exit_code);
	writ_wire_put_u8(b, d->outcome.memory_refused);
	writ_wire_put_u8(b, d->outcome.result_err);
	writ_wire_put_u8(b, (uint8_t)d->refused);
	writ_wire_put_u64(b, d->outcome.memory_peak);
	writ_wire_put_u64(b, d->cpu_us);
	writ_wire_put_str(b, writ_str_from(d->outcome.limit));
	writ_wire_put_str(b, writ_str_from(d->outcome.msg));
}

static void
copy_text(char *to, size_t cap, struct writ_str s)
{
	size_t i, n = s.len < cap - 1 ? s.len : cap - 1;

	for (i = 0; i < n; i++)
		to[i] = s.ptr[i] >= 0 && s.ptr[i] < 0x20 ? '?' : s.ptr[i];
	to[n] = '\0';
}

enum writ_status
writ_done_get(struct writ_str body, struct writ_done_msg *d)
{
	struct writ_wire_in in = writ_wire_in(body);
	unsigned kind = writ_wire_get_u8(&in), refused;

	d->outcome.exit_code = writ_wire_get_u8(&in);
	d->outcome.memory_refused = writ_wire_get_u8(&in) != 0;
	d->outcome.result_err = writ_wire_get_u8(&in) != 0;
	refused = writ_wire_get_u8(&in);
	d->outcome.memory_peak = writ_wire_get_u64(&in);
	d->cpu_us = writ_wire_get_u64(&in);
	copy_text(d->outcome.limit, sizeof(d->outcome.limit),
	    writ_wire_get_str(&in, TEXT_MAX));
	copy_text(d->outcome.msg, sizeof(d->outcome.msg),
	    writ_wire_get_str(&in, TEXT_MAX));
	if (!writ_wire_done(&in) || kind == WRIT_OUTCOME_NONE ||
	    kind > WRIT_OUTCOME_ERROR || refused > WRIT_NOTPERM ||
	    (refused && kind != WRIT_OUTCOME_ERROR))
		return WRIT_PROTO;
	d->refused = (enum writ_status)refused;
	d->outcome.kind = (enum writ_outcome_kind)kind;
	return WRIT_OK;
}
