#pragma once
/* GET /healthz: whether the agent can do its work, for load balancers and container probes. */

#include <stdbool.h>

#include "base/str.h"

struct runtime;

/* True: ok. False when nothing can be supervised: the executor is away for long, or the loop does
 * not keep up. Adds "ok" or the reasons to `out`, one a line; what is merely degraded is told as
 * well. */
bool health_page(const struct runtime *runtime, struct strbuf *out);
