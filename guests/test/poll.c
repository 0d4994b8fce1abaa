/* poll.c - polls standard input, output and a clock, each alone and together. */
#include "t.h"
#include <poll.h>

static int
wait_for(__wasi_subscription_t *subs, size_t n, __wasi_event_t *events)
{
	size_t got = 0;

	return __wasi_poll_oneoff(subs, events, n, &got) == 0 ? (int)got : -1;
}

static __wasi_subscription_t
clock_sub(__wasi_userdata_t tag, __wasi_timestamp_t ns)
{
	__wasi_subscription_t s = { .userdata = tag };

	s.u.tag = __WASI_EVENTTYPE_CLOCK;
	s.u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
	s.u.u.clock.timeout = ns;
	return s;
}

static __wasi_subscription_t
fd_sub(__wasi_userdata_t tag, int fd, int type)
{
	__wasi_subscription_t s = { .userdata = tag };

	s.u.tag = (uint8_t)type;
	s.u.u.fd_read.file_descriptor = fd;
	return s;
}

int
main(int argc, char **argv)
{
	__wasi_subscription_t subs[3];
	__wasi_event_t events[3];
	char buf[16];
	ssize_t n;

	t_start(argc, argv);
	subs[0] = clock_sub(7, 1000000);
	t_ok("a clock alone", wait_for(subs, 1, events) == 1 &&
	    events[0].userdata == 7 && events[0].error == 0);
	subs[0] = clock_sub(8, 0);
	t_ok("a clock of zero", wait_for(subs, 1, events) == 1 &&
	    events[0].userdata == 8);
	subs[0] = fd_sub(9, 1, __WASI_EVENTTYPE_FD_WRITE);
	t_ok("output is ready", wait_for(subs, 1, events) == 1 &&
	    events[0].userdata == 9);
	subs[0] = fd_sub(10, 0, __WASI_EVENTTYPE_FD_READ);
	subs[1] = clock_sub(11, 5000000000);
	t_ok("input before a long clock", wait_for(subs, 2, events) == 1 &&
	    events[0].userdata == 10);
	n = read(0, buf, sizeof(buf));
	t_ok("what was ready can be read", n >= 0);
	subs[0] = clock_sub(12, 60000000000);
	subs[1] = clock_sub(13, 1000000);
	t_ok("the shorter of two clocks", wait_for(subs, 2, events) == 1 &&
	    events[0].userdata == 13);
	return t_end();
}
