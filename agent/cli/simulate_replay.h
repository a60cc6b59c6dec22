#pragma once
/* `simulate --replay FILE [POLICY...]`: a recording, run again. */

#include "cli/command.h"
#include "model/policy.h"

/* `policy`: another one for the same inputs; NULL: the recording's own. Returns the exit status. */
int simulate_replay(const struct invocation *invocation, const struct policy *policy);
