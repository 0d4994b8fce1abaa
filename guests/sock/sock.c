/*
 * sock.c - does with wasi:sockets what its arguments say, one after the other, and says what came
 * of each: "WORD: ok ..." or "WORD: the error".  One socket at a time, and the client that it
 * accepted last.
 *
 *   tcp4 tcp6 udp4 udp6        make a socket
 *   bind ADDR PORT             listen            accept
 *   connect ADDR PORT          local             remote
 *   send TEXT                  fill BYTES        recv           drain
 *   shut receive|send|both     drop              wait MS
 *   stream ADDR PORT | stream any                to ADDR PORT TEXT   get
 *   resolve NAME               ADDR may be "@": the first address of the last name
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wit.h"

#define TCP(f) wasi_sockets_tcp_method_tcp_socket_##f
#define UDP(f) wasi_sockets_udp_method_udp_socket_##f
#define IN(f) wasi_io_streams_method_input_stream_##f
#define OUT(f) wasi_io_streams_method_output_stream_##f
#define GIN(f) wasi_sockets_udp_method_incoming_datagram_stream_##f
#define GOUT(f) wasi_sockets_udp_method_outgoing_datagram_stream_##f
#define LOOK(f) \
    wasi_sockets_ip_name_lookup_method_resolve_address_stream_##f

typedef wasi_sockets_network_ip_socket_address_t address;
typedef wasi_sockets_network_ip_address_t ip_address;
typedef wasi_sockets_network_error_code_t code;

static struct {
	wasi_sockets_network_own_network_t net;
	bool has_tcp, has_udp, has_streams, has_grams, has_found;
	wasi_sockets_tcp_own_tcp_socket_t tcp, client;
	wasi_io_streams_own_input_stream_t in;
	wasi_io_streams_own_output_stream_t out;
	wasi_sockets_udp_own_udp_socket_t udp;
	wasi_sockets_udp_own_incoming_datagram_stream_t gin;
	wasi_sockets_udp_own_outgoing_datagram_stream_t gout;
	ip_address found;
	bool has_client;
} g;

static const char *word;

static const char *const codes[] = { "unknown", "access-denied",
	"not-supported", "invalid-argument", "out-of-memory", "timeout",
	"concurrency-conflict", "not-in-progress", "would-block",
	"invalid-state", "new-socket-limit", "address-not-bindable",
	"address-in-use", "remote-unreachable", "connection-refused",
	"connection-reset", "connection-aborted", "datagram-too-large",
	"name-unresolvable", "temporary-resolver-failure",
	"permanent-resolver-failure" };

static bool
said(bool ok, code e)
{
	printf("%s: %s\n", word, ok ? "ok" : codes[e]);
	fflush(stdout);
	return ok;
}

static void
block(wasi_io_poll_own_pollable_t p)
{
	wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(p));
	wasi_io_poll_pollable_drop_own(p);
}

/* ---- addresses */

static bool
read_ip(const char *text, ip_address *out)
{
	unsigned b[8] = { 0 };
	int n = 0;

	if (!strcmp(text, "@")) {
		*out = g.found;
		return g.has_found;
	}
	memset(out, 0, sizeof(*out));
	if (sscanf(text, "%u.%u.%u.%u%n", &b[0], &b[1], &b[2], &b[3], &n) == 4 &&
	    !text[n]) {
		out->tag = WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV4;
		out->val.ipv4.f0 = (uint8_t)b[0];
		out->val.ipv4.f1 = (uint8_t)b[1];
		out->val.ipv4.f2 = (uint8_t)b[2];
		out->val.ipv4.f3 = (uint8_t)b[3];
		return true;
	}
	out->tag = WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV6;
	if (!strcmp(text, "::1"))
		b[7] = 1;
	else if (strcmp(text, "::") && sscanf(text,
	    "%x:%x:%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4],
	    &b[5], &b[6], &b[7]) != 8)
		return false;
	out->val.ipv6.f0 = (uint16_t)b[0];
	out->val.ipv6.f1 = (uint16_t)b[1];
	out->val.ipv6.f2 = (uint16_t)b[2];
	out->val.ipv6.f3 = (uint16_t)b[3];
	out->val.ipv6.f4 = (uint16_t)b[4];
	out->val.ipv6.f5 = (uint16_t)b[5];
	out->val.ipv6.f6 = (uint16_t)b[6];
	out->val.ipv6.f7 = (uint16_t)b[7];
	return true;
}

static address
read_address(const char *ip, const char *port)
{
	address a;
	ip_address i;

	memset(&a, 0, sizeof(a));
	if (!read_ip(ip, &i)) {
		fprintf(stderr, "%s: not an address\n", ip);
		exit(2);
	}
	a.tag = i.tag;
	if (i.tag == WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV4) {
		a.val.ipv4.address = i.val.ipv4;
		a.val.ipv4.port = (uint16_t)atoi(port);
	} else {
		a.val.ipv6.address = i.val.ipv6;
		a.val.ipv6.port = (uint16_t)atoi(port);
	}
	return a;
}

static void
show_ip(const ip_address *i)
{
	if (i->tag == WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV4)
		printf("%u.%u.%u.%u", i->val.ipv4.f0, i->val.ipv4.f1,
		    i->val.ipv4.f2, i->val.ipv4.f3);
	else
		printf("%x:%x:%x:%x:%x:%x:%x:%x", i->val.ipv6.f0,
		    i->val.ipv6.f1, i->val.ipv6.f2, i->val.ipv6.f3,
		    i->val.ipv6.f4, i->val.ipv6.f5, i->val.ipv6.f6,
		    i->val.ipv6.f7);
}

static void
show(const address *a)
{
	ip_address i = { .tag = a->tag };

	if (a->tag == WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV4)
		i.val.ipv4 = a->val.ipv4.address;
	else
		i.val.ipv6 = a->val.ipv6.address;
	show_ip(&i);
	printf(" %u", a->tag == WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV4 ?
	    a->val.ipv4.port : a->val.ipv6.port);
}

static void
said_address(bool ok, const address *a, code e)
{
	if (!ok) {
		said(false, e);
		return;
	}
	printf("%s: ok ", word);
	show(a);
	printf("\n");
	fflush(stdout);
}

/* ---- sockets */

static wasi_sockets_tcp_borrow_tcp_socket_t
tcp(void)
{
	return wasi_sockets_tcp_borrow_tcp_socket(g.tcp);
}

static wasi_sockets_udp_borrow_udp_socket_t
udp(void)
{
	return wasi_sockets_udp_borrow_udp_socket(g.udp);
}

static wasi_sockets_network_borrow_network_t
net(void)
{
	return wasi_sockets_network_borrow_network(g.net);
}

static void
drop_streams(void)
{
	if (g.has_streams) {
		wasi_io_streams_input_stream_drop_own(g.in);
		wasi_io_streams_output_stream_drop_own(g.out);
	}
	if (g.has_client)
		wasi_sockets_tcp_tcp_socket_drop_own(g.client);
	if (g.has_grams) {
		wasi_sockets_udp_incoming_datagram_stream_drop_own(g.gin);
		wasi_sockets_udp_outgoing_datagram_stream_drop_own(g.gout);
	}
	g.has_streams = g.has_client = g.has_grams = false;
}

static void
drop(void)
{
	drop_streams();
	if (g.has_tcp)
		wasi_sockets_tcp_tcp_socket_drop_own(g.tcp);
	if (g.has_udp)
		wasi_sockets_udp_udp_socket_drop_own(g.udp);
	g.has_tcp = g.has_udp = false;
}

static void
on_create(bool is_udp, uint8_t family)
{
	code e = 0;

	drop();
	if (is_udp)
		g.has_udp = wasi_sockets_udp_create_socket_create_udp_socket(
		    family, &g.udp, &e);
	else
		g.has_tcp = wasi_sockets_tcp_create_socket_create_tcp_socket(
		    family, &g.tcp, &e);
	said(g.has_udp || g.has_tcp, e);
}

static void
on_bind(address a)
{
	code e = 0;
	bool ok;

	if (g.has_udp) {
		ok = UDP(start_bind)(udp(), net(), &a, &e);
		while (ok && !(ok = UDP(finish_bind)(udp(), &e)) && e == 8) {
			block(UDP(subscribe)(udp()));
			ok = true;
		}
	} else {
		ok = TCP(start_bind)(tcp(), net(), &a, &e);
		while (ok && !(ok = TCP(finish_bind)(tcp(), &e)) && e == 8) {
			block(TCP(subscribe)(tcp()));
			ok = true;
		}
	}
	said(ok, e);
}

static void
on_listen(void)
{
	code e = 0;
	bool ok = TCP(start_listen)(tcp(), &e);

	while (ok && !(ok = TCP(finish_listen)(tcp(), &e)) && e == 8) {
		block(TCP(subscribe)(tcp()));
		ok = true;
	}
	said(ok, e);
}

static void
on_connect(address a)
{
	wasi_sockets_tcp_tuple2_own_input_stream_own_output_stream_t s;
	code e = 0;
	bool ok = TCP(start_connect)(tcp(), net(), &a, &e);

	while (ok && !(ok = TCP(finish_connect)(tcp(), &s, &e)) && e == 8) {
		block(TCP(subscribe)(tcp()));
		ok = true;
	}
	if (said(ok, e)) {
		g.in = s.f0;
		g.out = s.f1;
		g.has_streams = true;
	}
}

static void
on_accept(void)
{
	wasi_sockets_tcp_tuple3_own_tcp_socket_own_input_stream_own_output_stream_t
	    s;
	code e = 0;
	bool ok;

	drop_streams();
	while (!(ok = TCP(accept)(tcp(), &s, &e)) && e == 8)
		block(TCP(subscribe)(tcp()));
	if (said(ok, e)) {
		g.client = s.f0;
		g.in = s.f1;
		g.out = s.f2;
		g.has_streams = g.has_client = true;
	}
}

static void
on_address(bool remote)
{
	wasi_sockets_tcp_borrow_tcp_socket_t t = g.has_client ?
	    wasi_sockets_tcp_borrow_tcp_socket(g.client) : tcp();
	address a;
	code e = 0;
	bool ok;

	if (g.has_udp)
		ok = remote ? UDP(remote_address)(udp(), &a, &e) :
		    UDP(local_address)(udp(), &a, &e);
	else
		ok = remote ? TCP(remote_address)(t, &a, &e) :
		    TCP(local_address)(t, &a, &e);
	said_address(ok, &a, e);
}

/* ---- bytes */

static void
said_stream(wasi_io_streams_stream_error_t *e)
{
	wit_string_t text;

	if (e->tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED) {
		printf("%s: closed\n", word);
		fflush(stdout);
		return;
	}
	wasi_io_error_method_error_to_debug_string(wasi_io_error_borrow_error(
	    e->val.last_operation_failed), &text);
	printf("%s: failed: %.*s\n", word, (int)text.len, (char *)text.ptr);
	fflush(stdout);
	wit_string_free(&text);
	wasi_io_streams_stream_error_free(e);
}

static bool
write_all(const char *p, size_t n)
{
	wasi_io_streams_stream_error_t e;

	while (n) {
		wit_list_u8_t part = { (uint8_t *)(uintptr_t)p,
			n < 4096 ? n : 4096 };

		if (!OUT(blocking_write_and_flush)(
		    wasi_io_streams_borrow_output_stream(g.out), &part, &e)) {
			said_stream(&e);
			return false;
		}
		p += part.len;
		n -= part.len;
	}
	return true;
}

static void
on_fill(size_t n)
{
	static char part[65536];
	bool ok = true;

	memset(part, 'x', sizeof(part));
	while (n && ok) {
		size_t k = n < sizeof(part) ? n : sizeof(part);

		ok = write_all(part, k);
		n -= k;
	}
	if (ok)
		said(true, 0);
}

static void
on_recv(bool all)
{
	wasi_io_streams_stream_error_t e;
	wit_list_u8_t bytes;
	uint64_t total = 0;

	while (IN(blocking_read)(wasi_io_streams_borrow_input_stream(g.in),
	    65536, &bytes, &e)) {
		total += bytes.len;
		if (!all) {
			printf("%s: ok %.*s\n", word, (int)bytes.len,
			    (char *)bytes.ptr);
			fflush(stdout);
			wit_list_u8_free(&bytes);
			return;
		}
		wit_list_u8_free(&bytes);
	}
	if (all)
		printf("%s: %llu bytes, then ", word,
		    (unsigned long long)total);
	said_stream(&e);
}

static void
on_shut(const char *how)
{
	code e = 0;

	said(TCP(shutdown)(g.has_client ? wasi_sockets_tcp_borrow_tcp_socket(
	    g.client) : tcp(), !strcmp(how, "receive") ? 0 :
	    !strcmp(how, "send") ? 1 : 2, &e), e);
}

/* ---- datagrams */

static void
on_stream(address *a)
{
	wasi_sockets_udp_tuple2_own_incoming_datagram_stream_own_outgoing_datagram_stream_t
	    s;
	code e = 0;

	if (g.has_grams) {
		wasi_sockets_udp_incoming_datagram_stream_drop_own(g.gin);
		wasi_sockets_udp_outgoing_datagram_stream_drop_own(g.gout);
		g.has_grams = false;
	}
	if (said(UDP(stream)(udp(), a, &s, &e), e)) {
		g.gin = s.f0;
		g.gout = s.f1;
		g.has_grams = true;
	}
}

static void
on_to(address *a, const char *text)
{
	wasi_sockets_udp_borrow_outgoing_datagram_stream_t out =
	    wasi_sockets_udp_borrow_outgoing_datagram_stream(g.gout);
	wasi_sockets_udp_outgoing_datagram_t d;
	wasi_sockets_udp_list_outgoing_datagram_t list = { &d, 1 };
	uint64_t n = 0;
	code e = 0;

	memset(&d, 0, sizeof(d));
	d.data.ptr = (uint8_t *)(uintptr_t)text;
	d.data.len = strlen(text);
	d.remote_address.is_some = a != NULL;
	if (a)
		d.remote_address.val = *a;
	do {
		while (GOUT(check_send)(out, &n, &e) && n == 0)
			block(GOUT(subscribe)(out));
		if (n == 0 || !GOUT(send)(out, &list, &n, &e)) {
			said(false, e);
			return;
		}
	} while (n == 0);
	said(true, 0);
}

static void
on_get(void)
{
	wasi_sockets_udp_borrow_incoming_datagram_stream_t in =
	    wasi_sockets_udp_borrow_incoming_datagram_stream(g.gin);
	wasi_sockets_udp_list_incoming_datagram_t list;
	code e = 0;

	for (;;) {
		if (!GIN(receive)(in, 1, &list, &e)) {
			said(false, e);
			return;
		}
		if (list.len)
			break;
		block(GIN(subscribe)(in));
	}
	printf("%s: ok %.*s from ", word, (int)list.ptr[0].data.len,
	    (char *)list.ptr[0].data.ptr);
	show(&list.ptr[0].remote_address);
	printf("\n");
	fflush(stdout);
	wasi_sockets_udp_list_incoming_datagram_free(&list);
}

/* ---- names */

static void
on_resolve(const char *name)
{
	wasi_sockets_ip_name_lookup_own_resolve_address_stream_t own;
	wasi_sockets_ip_name_lookup_borrow_resolve_address_stream_t s;
	wasi_sockets_ip_name_lookup_option_ip_address_t next;
	wit_string_t text = { (uint8_t *)(uintptr_t)name, strlen(name) };
	code e = 0;

	g.has_found = false;
	if (!wasi_sockets_ip_name_lookup_resolve_addresses(net(), &text, &own,
	    &e)) {
		said(false, e);
		return;
	}
	s = wasi_sockets_ip_name_lookup_borrow_resolve_address_stream(own);
	for (;;) {
		if (!LOOK(resolve_next_address)(s, &next, &e)) {
			if (e == 8) {
				block(LOOK(subscribe)(s));
				continue;
			}
			said(false, e);
			break;
		}
		if (!next.is_some)
			break;
		if (!g.has_found)
			g.found = next.val;
		if (g.has_found)
			printf(" ");
		else
			printf("%s: ok ", word);
		g.has_found = true;
		show_ip(&next.val);
	}
	if (g.has_found)
		printf("\n");
	fflush(stdout);
	wasi_sockets_ip_name_lookup_resolve_address_stream_drop_own(own);
}

/* ---- words */

/* Does what `w` says with the words behind it; how many it took. */
static int
step(char **w, int left)
{
	address a;

	word = w[0];
	if (!strcmp(w[0], "tcp4") || !strcmp(w[0], "tcp6"))
		on_create(false, w[0][3] == '6');
	else if (!strcmp(w[0], "udp4") || !strcmp(w[0], "udp6"))
		on_create(true, w[0][3] == '6');
	else if (!strcmp(w[0], "listen"))
		on_listen();
	else if (!strcmp(w[0], "accept"))
		on_accept();
	else if (!strcmp(w[0], "local") || !strcmp(w[0], "remote"))
		on_address(w[0][0] == 'r');
	else if (!strcmp(w[0], "recv") || !strcmp(w[0], "drain"))
		on_recv(w[0][0] == 'd');
	else if (!strcmp(w[0], "get"))
		on_get();
	else if (!strcmp(w[0], "drop"))
		drop();
	else if (left < 2)
		return -1;
	else if (!strcmp(w[0], "stream") && !strcmp(w[1], "any"))
		return on_stream(NULL), 2;
	else if (!strcmp(w[0], "send"))
		return write_all(w[1], strlen(w[1])) && said(true, 0), 2;
	else if (!strcmp(w[0], "fill"))
		return on_fill((size_t)atol(w[1])), 2;
	else if (!strcmp(w[0], "shut"))
		return on_shut(w[1]), 2;
	else if (!strcmp(w[0], "resolve"))
		return on_resolve(w[1]), 2;
	else if (!strcmp(w[0], "wait"))
		return block(wasi_clocks_monotonic_clock_subscribe_duration(
		    (uint64_t)atol(w[1]) * 1000000)), 2;
	else if (!strcmp(w[0], "to") && !strcmp(w[1], "peer") && left > 2)
		return on_to(NULL, w[2]), 3;
	else if (left < 3)
		return -1;
	else {
		a = read_address(w[1], w[2]);
		if (!strcmp(w[0], "bind"))
			return on_bind(a), 3;
		if (!strcmp(w[0], "connect"))
			return on_connect(a), 3;
		if (!strcmp(w[0], "stream"))
			return on_stream(&a), 3;
		if (!strcmp(w[0], "to") && left > 3)
			return on_to(&a, w[3]), 4;
		return -1;
	}
	return 1;
}

int
main(int argc, char **argv)
{
	int i = 1, n;

	g.net = wasi_sockets_instance_network_instance_network();
	while (i < argc) {
		n = step(argv + i, argc - i);
		if (n < 0) {
			fprintf(stderr, "%s: unknown, or too little\n",
			    argv[i]);
			return 2;
		}
		i += n;
	}
	drop();
	return 0;
}
