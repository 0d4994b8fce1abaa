#include <errno.h>
#include <sys/epoll.h>

#include "base/limits.h"
#include "worker/watch.h"

_Static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR
    && POLLHUP == EPOLLHUP && POLLRDHUP == EPOLLRDHUP,
    "events of poll and of epoll are the same bits");

enum writ_status
writ_watches_epoll(struct writ_watches *s, struct writ_err *err)
{
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return writ_fail(err, WRIT_IO, "epoll");
	s->has_epoll = s->wire_ready = true;
	return WRIT_OK;
}

/* The wire has no watch: its `ptr` is NULL. */
static bool
control(struct writ_watches *s, int op, int fd, short events,
    struct writ_watch *watch)
{
	struct epoll_event e = { .events = (uint32_t)(uint16_t)events,
		.data.ptr = watch };

	if (op == EPOLL_CTL_ADD && watch && watch->exclusive)
		e.events |= EPOLLEXCLUSIVE;
	return epoll_ctl(s->epoll_fd, op, fd, &e) == 0;
}

enum writ_status
writ_watch_add(struct writ_watches *s, struct writ_watch *watch)
{
	if (watch->added)
		WRIT_BUG("a watch is added twice");
	if (!s->has_epoll && s->count >= WRIT_WATCH_POLL_MAX)
		return WRIT_LIMIT;
	if (s->has_epoll && !control(s, EPOLL_CTL_ADD, watch->fd,
	    watch->events, watch))
		return WRIT_IO;
	watch->prev = NULL;
	watch->next = s->first;
	if (s->first)
		s->first->prev = watch;
	s->first = watch;
	s->count++;
	watch->added = true;
	return WRIT_OK;
}

void
writ_watch_events(struct writ_watches *s, struct writ_watch *watch,
    short events)
{
	if (!watch->added || watch->events == events)
		return;
	watch->events = events;
	if (s->has_epoll && !control(s, EPOLL_CTL_MOD, watch->fd, events,
	    watch))
		WRIT_BUG("a watched fd is not open");
}

void
writ_watch_remove(struct writ_watches *s, struct writ_watch *watch)
{
	unsigned i;

	if (!watch->added)
		return;
	for (i = 0; i < s->batch_len; i++)
		if (s->batch[i].watch == watch)
			s->batch[i].watch = NULL;
	if (s->has_epoll)
		(void)control(s, EPOLL_CTL_DEL, watch->fd, 0, watch);
	if (watch->prev)
		watch->prev->next = watch->next;
	else
		s->first = watch->next;
	if (watch->next)
		watch->next->prev = watch->prev;
	watch->next = watch->prev = NULL;
	s->count--;
	watch->added = false;
}

/* Whoever is told may remove others, which leave the batch then. */
void
writ_watches_tell(struct writ_watches *s)
{
	unsigned i;

	for (i = 0; i < s->batch_len; i++)
		if (s->batch[i].watch)
			s->batch[i].watch->ready(s->batch[i].watch,
			    s->batch[i].revents);
	s->batch_len = 0;
}

static enum writ_status
wait_poll(struct writ_watches *s, int fd, short events, int ms)
{
	struct writ_watch **watch = s->polled_watch, *w;
	struct pollfd *p = s->polled;
	unsigned n = 1, i;

	p[0] = (struct pollfd){ fd, events, 0 };
	for (w = s->first; w && n <= WRIT_WATCH_POLL_MAX; w = w->next) {
		p[n] = (struct pollfd){ w->fd, w->events, 0 };
		watch[n++] = w;
	}
	if (poll(p, n, ms) < 0)
		return errno == EINTR ? WRIT_OK : WRIT_IO;
	/* the rest is still ready the next time */
	for (i = 1; i < n && s->batch_len < WRIT_WATCH_BATCH; i++)
		if (p[i].revents) {
			s->batch[s->batch_len].watch = watch[i];
			s->batch[s->batch_len++].revents = p[i].revents;
		}
	return WRIT_OK;
}

static enum writ_status
wait_epoll(struct writ_watches *s, int fd, short events, int ms)
{
	struct epoll_event e[WRIT_WATCH_BATCH];
	int i, n;

	if (!s->has_wire || s->wire_events != events) {
		if (!control(s, s->has_wire ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
		    fd, events, NULL))
			return WRIT_IO;
		s->has_wire = true;
		s->wire_events = events;
	}
	n = epoll_wait(s->epoll_fd, e, WRIT_WATCH_BATCH, ms);
	if (n < 0)
		return errno == EINTR ? WRIT_OK : WRIT_IO;
	for (i = 0; i < n; i++) {
		if (!e[i].data.ptr) {
			s->wire_ready = true;
			continue;
		}
		s->batch[s->batch_len].watch = e[i].data.ptr;
		s->batch[s->batch_len++].revents = (short)e[i].events;
	}
	return WRIT_OK;
}

enum writ_status
writ_watches_wait(struct writ_watches *s, int fd, short events, int ms)
{
	s->batch_len = 0;
	s->wire_ready = !s->has_epoll;
	return s->has_epoll ? wait_epoll(s, fd, events, ms) :
	    wait_poll(s, fd, events, ms);
}
