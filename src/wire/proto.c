#include "base/limits.h"
#include "wire/proto.h"

#define B WRIT_SIDE_BROKER
#define W WRIT_SIDE_WORKER
#define NEW WRIT_STATE_NEW
#define SETUP WRIT_STATE_SETUP
#define READY WRIT_STATE_READY
#define RUN WRIT_STATE_RUNNING
#define ANY (SETUP | READY | RUN)
#define IO WRIT_FS_IO_MAX
#define TEXT (WRIT_LOG_MSG_MAX * 2 + 64)
#define ASK (WRIT_ASK_TEXT_MAX + 256)

/* A row's states are the receiver's.  What the broker pipelines behind SEAL arrives when the
 * worker is READY; what a worker sends at the end may cross a CANCEL. */
static const struct writ_wire_row rows[] = {
	/* type                from states       min  max                 fds name */
	{ WRIT_MSG_CONFIG,     B, SETUP,         64,  256,                0, "config" },
	{ WRIT_MSG_ARG,        B, SETUP,         0,   WRIT_ARGS_BYTES_MAX, 0, "arg" },
	{ WRIT_MSG_ENV,        B, SETUP,         8,   WRIT_ENV_BYTES_MAX, 0, "env" },
	{ WRIT_MSG_SETTING,    B, SETUP,         8,   WRIT_ENV_BYTES_MAX, 0, "setting" },
	{ WRIT_MSG_MOUNT,      B, SETUP | READY, 8,   WRIT_WIRE_MSG_MAX,  0, "mount" },
	{ WRIT_MSG_LOAD,       B, SETUP,         8,   8,                  1, "load" },
	{ WRIT_MSG_SEAL,       B, SETUP,         4,   4,                  0, "seal" },
	{ WRIT_MSG_START,      B, READY,         0,   0,                  0, "start" },
	{ WRIT_MSG_STDIN,      B, READY | RUN,   1,   IO,                 0, "stdin" },
	{ WRIT_MSG_STDIN_END,  B, READY | RUN,   0,   0,                  0, "stdin-end" },
	{ WRIT_MSG_OUT_CREDIT, B, READY | RUN,   5,   5,                  0, "out-credit" },
	{ WRIT_MSG_CANCEL,     B, ANY,           0,   0,                  0, "cancel" },
	{ WRIT_MSG_FS_REPLY,   B, READY | RUN,   8,   IO + 256,           1, "fs-reply" },
	{ WRIT_MSG_RESET,      B, READY,         0,   0,                  0, "reset" },
	{ WRIT_MSG_TEXT,       B, READY,         1,   IO,                 0, "text" },
	{ WRIT_MSG_INVOKE,     B, READY,         15,  1024,               0, "invoke" },
	{ WRIT_MSG_ASK_TEXT,   B, READY | RUN,   1,   IO,                 0, "ask-text" },
	{ WRIT_MSG_ASK_REPLY,  B, READY | RUN,   1,   1,                  0, "ask-reply" },
	{ WRIT_MSG_SOCK_REPLY, B, READY | RUN,   46,  1024,               1, "sock-reply" },
	{ WRIT_MSG_DRAIN,      B, RUN,           0,   0,                  0, "drain" },
	{ WRIT_MSG_HTTP_REPLY, B, READY | RUN,   0,   10,                 1, "http-reply" },
	{ WRIT_MSG_HELLO,      W, NEW,           8,   512,                0, "hello" },
	{ WRIT_MSG_READY,      W, SETUP,         4,   4,                  0, "ready" },
	{ WRIT_MSG_FAILED,     W, SETUP,         5,   TEXT,               0, "failed" },
	{ WRIT_MSG_OUT,        W, RUN,           2,   IO + 1,             0, "out" },
	{ WRIT_MSG_IN_CREDIT,  W, RUN,           4,   4,                  0, "in-credit" },
	{ WRIT_MSG_LOG,        W, RUN,           9,   TEXT,               0, "log" },
	{ WRIT_MSG_REFUSED,    W, RUN,           12,  TEXT,               0, "refused" },
	{ WRIT_MSG_REPORT,     W, RUN,           24,  TEXT,               0, "report" },
	{ WRIT_MSG_FS,         W, RUN,           64,  IO + 2 * WRIT_PATH_MAX + 256, 0, "fs" },
	{ WRIT_MSG_DONE,       W, RUN,           16,  TEXT,               0, "done" },
	{ WRIT_MSG_VALUE,      W, RUN,           1,   IO,                 0, "value" },
	{ WRIT_MSG_PROGRESS,   W, RUN,           21,  TEXT,               0, "progress" },
	{ WRIT_MSG_CLIENT_LOG, W, RUN,           9,   IO,                 0, "client-log" },
	{ WRIT_MSG_ASK,        W, RUN,           10,   ASK,                0, "ask" },
	{ WRIT_MSG_SOCK,       W, RUN,           46,  512,                0, "sock" },
	{ WRIT_MSG_SERVED,     W, RUN,           20,  2 * WRIT_SERVE_ROWS_MAX, 0, "served" },
	{ WRIT_MSG_HTTP,       W, RUN,           45,  WRIT_WIRE_MSG_MAX,  0, "http" },
};

const struct writ_wire_table writ_wire_proto = {
	rows, sizeof(rows) / sizeof(rows[0]), false
};

const struct writ_wire_row *
writ_wire_row_at(size_t i)
{
	return i < writ_wire_proto.count ? &rows[i] : NULL;
}

const struct writ_wire_row *
writ_wire_table_row(const struct writ_wire_table *table, unsigned type)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		if (table->rows[i].type == type)
			return &table->rows[i];
	return NULL;
}

const struct writ_wire_row *
writ_wire_row(unsigned type)
{
	return writ_wire_table_row(&writ_wire_proto, type);
}
