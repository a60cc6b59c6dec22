#pragma once
/* How services are that scripts or resource agents manage: their status programs are run when a
 * policy was loaded and when the agent asks, a bounded number at once. What happens in between, the
 * status probe of each service sees. */

#include "base/list.h"
#include "executor/manager_kind.h"
#include "io/loop.h"

enum { SCRIPT_LOOKS_MAX = 8 }; /* status programs at once, those of actions and probes apart */

/* Of the executor; init before anything is followed. */
struct script_looks {
        struct list waiting;
        unsigned running;
        struct loop_defer next;
};

void script_looks_init(struct script_looks *looks, struct loop *loop);
void script_looks_done(struct script_looks *looks);

extern const struct manager_kind scripts_manager;
