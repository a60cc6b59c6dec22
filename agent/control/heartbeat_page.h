#pragma once
/* Heartbeats over HTTP, on the listener: POST /heartbeat/SERVICE/PROBE with the token of the probe
 * in `Authorization: Bearer TOKEN` (RFC 6750). The body is the status text; `?failed` reports a
 * failure. Whatever is wrong with the token, the service or the probe gets the same 401. */

#include <stdbool.h>

struct http_exchange;
struct runtime;

/* Whether a path is of this page. */
bool heartbeat_page_is(const char *path);

/* Answers, now or later. */
void heartbeat_page(struct runtime *runtime, struct http_exchange *exchange);
