#pragma once
/* What HAProxy's agent-check is answered about a service, as its probes have it; see "agent-check"
 * in HAProxy's configuration manual. */

#include "model/agent_answer.h"

struct runtime;

enum { AGENT_REPLY_MAX = 256 };

/* The line about a service, or ("") about all; and which kind of answer it is. */
enum agent_answer agent_reply(
        const struct runtime *runtime, const char *name, char ret[AGENT_REPLY_MAX]);
