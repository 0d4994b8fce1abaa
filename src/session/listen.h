/*
 * listen.h - the listening socket of an HTTP server on loopback, and its bearer token.
 */
#ifndef WRIT_SESSION_LISTEN_H
#define WRIT_SESSION_LISTEN_H

#include "base/hash.h"
#include "base/str.h"

struct writ_listen {
	int fd;				/* the caller's; -1: none */
	char address[64];		/* as bound: "127.0.0.1:8123" */
	char hosts[256];		/* Host values that mean us, comma-separated */
	char origins[256];		/* Origin values of a page of ours, the same */
	char token_file[4096];		/* "": none */
	uint8_t token[WRIT_SHA256_LEN];	/* SHA-256 of it */
};

/**
 * Listen at `address` ("127.0.0.1:PORT", "[::1]:PORT", "localhost:PORT"; port 0: any free
 * one) and, if there is to be a token, read it from `token_file` (NULL: STATE/writ/mcp-token),
 * which is made, with mode 0600, when it is missing.
 * Fails: WRIT_INVALID not an address of loopback, or a token that is none; WRIT_DENIED a token
 * that others may read; WRIT_IO in use, or not to be read.
 */
WRIT_MUST_CHECK enum writ_status
writ_listen_open(struct writ_listen *l, const char *address, bool with_token,
    const char *token_file, struct writ_err *err);

#endif
