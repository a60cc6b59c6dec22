#pragma once
/* The TCP listener: /metrics, /healthz and the status page to read, and heartbeats of services. No
 * command can be given here. */

#include "base/error.h"

struct runtime;
struct listener; /* heap */

enum { LISTENER_EXECUTOR_AWAY_SECONDS = 10, LISTENER_LAG_SECONDS = 5 };

/* Listens where the policy's `agent: listen` says. `ret` gets NULL for `none`. The address and the
 * web_config_file are taken once; another address needs a restart of the agent. */
int listener_new(struct listener **ret, struct runtime *runtime, struct error *err);
void listener_free(struct listener *listener); /* accepts NULL */
