#include "wire/serve_msg.h"

void
writ_serving_put(struct writ_buf *b, const struct writ_serving *s)
{
	writ_wire_put_u32(b, s->running);
	writ_wire_put_u32(b, s->waiting);
	writ_wire_put_u32(b, s->connections);
	writ_wire_put_u32(b, s->malformed);
	writ_wire_put_u32(b, s->busy);
}

void
writ_serving_get(struct writ_wire_in *in, struct writ_serving *s)
{
	s->running = writ_wire_get_u32(in);
	s->waiting = writ_wire_get_u32(in);
	s->connections = writ_wire_get_u32(in);
	s->malformed = writ_wire_get_u32(in);
	s->busy = writ_wire_get_u32(in);
}

void
writ_served_put(struct writ_buf *b, const struct writ_served_row *r)
{
	writ_wire_put_u8(b, (uint8_t)r->outcome);
	writ_wire_put_u32(b, r->status);
	writ_wire_put_u32(b, r->wall_us);
	writ_wire_put_u32(b, r->cpu_us);
	writ_wire_put_u64(b, r->up);
	writ_wire_put_u64(b, r->down);
	writ_wire_put_str(b, writ_str_first(r->method, WRIT_HTTP_METHOD_MAX));
	writ_wire_put_str(b, writ_str_first(r->path, WRIT_SERVE_PATH_SHOWN));
	writ_wire_put_str(b, writ_str_first(r->detail, WRIT_SERVE_PATH_SHOWN));
}

void
writ_served_get(struct writ_wire_in *in, struct writ_served_row *r)
{
	unsigned outcome = writ_wire_get_u8(in);

	r->outcome = (enum writ_served_outcome)outcome;
	r->status = writ_wire_get_u32(in);
	r->wall_us = writ_wire_get_u32(in);
	r->cpu_us = writ_wire_get_u32(in);
	r->up = writ_wire_get_u64(in);
	r->down = writ_wire_get_u64(in);
	r->method = writ_wire_get_str(in, WRIT_HTTP_METHOD_MAX);
	r->path = writ_wire_get_str(in, WRIT_SERVE_PATH_SHOWN);
	r->detail = writ_wire_get_str(in, WRIT_SERVE_PATH_SHOWN);
	if (outcome >= WRIT_SERVED_OUTCOME_COUNT || r->status > 999)
		in->bad = true;
}
