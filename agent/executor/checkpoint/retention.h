#pragma once
/* Which checkpoints of a service are kept: of each state the newest few, of recovery points as many
 * as the policy says, and whatever an undo would go back to. What is not kept loses its record;
 * gc removes the objects that nobody needs any more. */

#include <stdint.h>

#include "base/error.h"
#include "executor/checkpoint/catalog.h"

/* Calls `removed` with the id of each that goes. */
int retention_prune(struct catalog *catalog, uint64_t keep,
        void (*removed)(void *cookie, const char *id), void *cookie, struct error *err);

/* The same for one state that is not that of recovery points, after one more got it. What was found
 * in the catalog has to be found anew. */
int retention_trim(struct catalog *catalog, enum checkpoint_state state, struct error *err);
