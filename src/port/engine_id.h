/*
 * engine_id.h - engine version and the settings that compiled code depends on.  Part of every
 * cache key; raise the number behind the slash whenever engine/ changes its configuration or what
 * it describes, for the description is kept with the code.
 */
#ifndef WRIT_PORT_ENGINE_ID_H
#define WRIT_PORT_ENGINE_ID_H

#define WRIT_ENGINE_VERSION "48.0.8"
#ifdef WRIT_SANITIZE
/* Beside a sanitizer's shadow no huge address ranges are reserved. */
#define WRIT_ENGINE_SMALL true
#define WRIT_ENGINE_ID "wasmtime " WRIT_ENGINE_VERSION "/3 small " WRIT_SANITIZE
#else
#define WRIT_ENGINE_SMALL false
#define WRIT_ENGINE_ID "wasmtime " WRIT_ENGINE_VERSION "/3"
#endif

#endif
