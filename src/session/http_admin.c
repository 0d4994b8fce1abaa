/* http_admin.c - who may reach the socket (this user alone) may ask how it goes. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "cap/clock.h"
#include "session/http_serve.h"

#define ASK_NS 2000000000ull		/* for a question, and its answer */

static void
asker_close(struct http_asker *k)
{
	writ_closep(&k->fd);
	k->len = 0;
}

void
http_admin_poll(const struct http_admin *a, struct pollfd *p)
{
	unsigned i;

	for (i = 0; i < HTTP_ADMIN_MAX; i++)
		p[i] = (struct pollfd){ a->askers[i].fd, POLLIN, 0 };
	p[i] = (struct pollfd){ a->fd, POLLIN, 0 };
}

static void
health(const struct http_server *s, struct writ_buf *b)
{
	struct writ_serving all = { 0 };
	unsigned i, up = 0;
	const char *status;

	for (i = 0; i < s->seats_count; i++) {
		const struct http_seat *seat = &s->seats[i];

		if (!seat->filled || !seat->run.started)
			continue;
		up++;
		all.running += seat->now.running;
		all.waiting += seat->now.waiting;
		all.connections += seat->now.connections;
	}
	status = s->stopping ? "stopping" : up == s->seats_count ? "ok" :
	    up ? "degraded" : "down";
	writ_buf_printf(b, "{\"status\":\"%s\",\"address\":\"%s\","
	    "\"workers\":%u,\"workers_up\":%u,\"replaced\":%u,"
	    "\"connections\":%u,\"running\":%u,\"waiting\":%u,"
	    "\"requests\":%llu,\"failed\":%llu,\"malformed\":%llu,"
	    "\"busy\":%llu}\n", status, s->address, s->seats_count, up,
	    s->replaced, all.connections, all.running, all.waiting,
	    (unsigned long long)s->requests, (unsigned long long)s->failed,
	    (unsigned long long)s->malformed, (unsigned long long)s->busy);
}

/* One question, one answer, and it is over. */
static void
answer(const struct http_server *s, struct http_asker *k)
{
	struct writ_str text = writ_str(k->text, k->len);
	writ_auto_release(writ_buf) body, head;
	bool known = writ_str_starts(text, WRIT_STR("GET /healthz HTTP/1.")) ||
	    writ_str_starts(text, WRIT_STR("GET /healthz\r\n"));
	bool well = !s->stopping && s->ready;

	writ_buf_init(&body, 1024);
	writ_buf_init(&head, 2048);
	if (known)
		health(s, &body);
	else
		writ_buf_cstr(&body, "{\"error\":\"there is GET /healthz\"}\n");
	writ_buf_printf(&head, "HTTP/1.1 %s\r\ncontent-type: application/json"
	    "\r\ncontent-length: %zu\r\nconnection: close\r\n\r\n", !known ?
	    "404 Not Found" : well ? "200 OK" : "503 Service Unavailable",
	    body.len);
	writ_buf_str(&head, writ_buf_view(&body));
	if (writ_buf_status(&head) == WRIT_OK)
		(void)!send(k->fd, head.ptr, head.len, MSG_NOSIGNAL);
	asker_close(k);
}

static void
hear(const struct http_server *s, struct http_asker *k)
{
	ssize_t n = recv(k->fd, k->text + k->len, sizeof(k->text) - k->len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		asker_close(k);
		return;
	}
	k->len += (size_t)n;
	if (k->len == sizeof(k->text) || memmem(k->text, k->len, "\r\n\r\n", 4))
		answer(s, k);
}

static void
admit(struct http_admin *a)
{
	int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct http_asker *oldest = &a->askers[0];
	unsigned i;

	if (fd < 0)
		return;
	for (i = 0; i < HTTP_ADMIN_MAX; i++) {
		struct http_asker *k = &a->askers[i];

		if (k->fd < 0 || (oldest->fd >= 0 &&
		    k->since_ns < oldest->since_ns))
			oldest = k;
	}
	asker_close(oldest);
	oldest->fd = fd;
	oldest->since_ns = writ_clock_host_ns();
}

void
http_admin_step(struct http_server *s, const struct pollfd *p)
{
	struct http_admin *a = &s->admin;
	unsigned i;

	for (i = 0; i < HTTP_ADMIN_MAX; i++) {
		struct http_asker *k = &a->askers[i];

		if (k->fd < 0)
			continue;
		if (p[i].revents)
			hear(s, k);
		else if (writ_clock_host_ns() - k->since_ns > ASK_NS)
			asker_close(k);
	}
	if (p[i].revents)
		admit(a);
}

void
http_admin_release(struct http_admin *a)
{
	unsigned i;

	for (i = 0; i < HTTP_ADMIN_MAX; i++)
		asker_close(&a->askers[i]);
	if (a->fd >= 0)
		unlink(a->path);
	writ_closep(&a->fd);
}
