/*
 * dial - a tool with one typed function: dial(port, text) says text to that port of 127.0.0.1, and
 * gives what comes back until the other side ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wit.h"

#define TCP(f) wasi_sockets_tcp_method_tcp_socket_##f
#define IN(f) wasi_io_streams_method_input_stream_##f
#define OUT(f) wasi_io_streams_method_output_stream_##f
#define ANSWER_MAX 4096
#define WOULD_BLOCK 8

typedef wasi_sockets_network_error_code_t code;
typedef wasi_sockets_tcp_tuple2_own_input_stream_own_output_stream_t streams;

static bool
connected(wasi_sockets_tcp_borrow_tcp_socket_t t, uint16_t port, streams *s, code *e)
{
	wasi_sockets_network_ip_socket_address_t to = {
		.tag = WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV4,
		.val.ipv4 = { port, { 127, 0, 0, 1 } } };
	wasi_sockets_network_own_network_t net =
	    wasi_sockets_instance_network_instance_network();
	wasi_io_poll_own_pollable_t p;

	if (!TCP(start_connect)(t, wasi_sockets_network_borrow_network(net), &to,
	    e))
		return false;
	while (!TCP(finish_connect)(t, s, e)) {
		if (*e != WOULD_BLOCK)
			return false;
		p = TCP(subscribe)(t);
		wasi_io_poll_method_pollable_block(
		    wasi_io_poll_borrow_pollable(p));
		wasi_io_poll_pollable_drop_own(p);
	}
	return true;
}

/* All that comes, at most ANSWER_MAX. */
static void
read_all(wasi_io_streams_own_input_stream_t in, wit_string_t *ret)
{
	wasi_io_streams_stream_error_t e;
	wit_list_u8_t part;
	size_t n;

	ret->ptr = malloc(ANSWER_MAX);
	ret->len = 0;
	while (ret->ptr && ret->len < ANSWER_MAX && IN(blocking_read)(
	    wasi_io_streams_borrow_input_stream(in), ANSWER_MAX, &part, &e)) {
		n = ANSWER_MAX - ret->len;
		n = part.len < n ? part.len : n;
		memcpy(ret->ptr + ret->len, part.ptr, n);
		ret->len += n;
		wit_list_u8_free(&part);
	}
}

bool
exports_wit_dial(uint16_t port, wit_string_t *text, wit_string_t *ret,
    wit_string_t *err)
{
	wasi_sockets_tcp_own_tcp_socket_t own;
	wit_list_u8_t bytes = { text->ptr, text->len };
	wasi_io_streams_stream_error_t stream_error;
	streams s;
	code e = 0;
	char word[32];

	if (!wasi_sockets_tcp_create_socket_create_tcp_socket(
	    WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &own, &e) ||
	    !connected(wasi_sockets_tcp_borrow_tcp_socket(own), port, &s, &e)) {
		snprintf(word, sizeof(word), "error-code %u", e);
		wit_string_dup(err, word);
		return false;
	}
	(void)OUT(blocking_write_and_flush)(
	    wasi_io_streams_borrow_output_stream(s.f1), &bytes, &stream_error);
	read_all(s.f0, ret);
	wasi_io_streams_input_stream_drop_own(s.f0);
	wasi_io_streams_output_stream_drop_own(s.f1);
	wasi_sockets_tcp_tcp_socket_drop_own(own);
	return true;
}
