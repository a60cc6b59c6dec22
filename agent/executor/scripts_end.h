#pragma once
/* Ends a service of scripts for certain, which a demotion waits for: its stop script first, then
 * SIGKILL to what its start script left in the background, as far as it still carries the mark of
 * its environment. It has ended when its own status says so. */

#include "executor/operation.h"

extern const struct operation_kind scripts_end;
