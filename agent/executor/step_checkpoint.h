#pragma once
/* Before a step changes anything about a service, what the service consists of is kept as a
 * checkpoint that is `suspect`: whatever the step or its failure overwrites can be looked at, and
 * compared, afterwards. It is taken at idle priority, and the step waits for it a moment only: a
 * tree that takes longer is read on beside the step. It gives way to whatever else has to be done
 * with the same checkpoints. */

#include <stdbool.h>

struct managed;
struct step_checkpoint; /* heap; of managed->keeping, while it is under way */

/* Begins one. `ready` is called once, never from within: when it is taken, when it has failed, or
 * when it has taken long enough; unless step_checkpoint_forget came first. False: there is nothing
 * to be kept, or no way to; then `ready` is not called. */
bool step_checkpoint_start(
        struct managed *managed, int action, void (*ready)(void *cookie), void *cookie);

/* Nobody waits for it any more; it goes on. */
void step_checkpoint_forget(struct managed *managed);

/* Ends it where it is, which loses nothing. To be called when nobody waits for it. */
void step_checkpoint_cancel(struct managed *managed);
