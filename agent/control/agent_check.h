#pragma once
/* Answers HAProxy's agent-check on a TCP address: a connection, one line that names a service, one
 * line back, see "agent-check" and "agent-send" in HAProxy's configuration manual. Nothing can be
 * commanded here. */

#include "base/clock.h"
#include "base/error.h"

struct runtime;
struct agent_check; /* heap */

enum {
        AGENT_CHECK_CONNECTIONS_MAX = 64, /* more wait in the listener's backlog */
        AGENT_CHECK_LINE_MAX = 128,
};

/* For the line; without one the answer is about the whole host. */
#define AGENT_CHECK_PATIENCE (500 * USEC_PER_MSEC)

/* Listens where `agent: agent_check` says; `ret` gets NULL where it says nothing. Another address
 * needs a restart of the agent. */
int agent_check_new(struct agent_check **ret, struct runtime *runtime, struct error *err);
void agent_check_free(struct agent_check *check); /* accepts NULL */
