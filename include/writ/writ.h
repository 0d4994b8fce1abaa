/*
 * writ/writ.h - all of libwrit: run WebAssembly components that start with no
 * authority.  See examples/embed.c.
 */
#ifndef WRIT_H
#define WRIT_H

#include "writ/error.h"
#include "writ/host.h"
#include "writ/mcp.h"
#include "writ/policy.h"
#include "writ/secret.h"
#include "writ/serve.h"
#include "writ/session.h"

#endif
