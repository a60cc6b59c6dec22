#pragma once
/* What the executor does for each manager: a row of operations by action, and how it finds out how
 * a service is that is no child of its own. A new manager is one file and one row. */

#include "executor/operation.h"
#include "model/policy.h"

struct managed;

struct manager_kind {
        /* NULL: not possible; or for `command`, whose processes are the executor's own children,
         * done by action.c. */
        const struct operation_kind *operations[ACTION_COUNT];

        /* Finds out how the service is and says so with managed_tell, now or later: called when a
         * policy was loaded, and when the agent asks for a list. What an action changes, its
         * operation tells. What it keeps in managed->manager_data may not point into the policy:
         * managed->service is replaced by an equal one when policies are loaded again. May be NULL.
         */
        void (*look)(struct managed *managed);

        /* The service is followed no more, or is defined differently from now on: ends what `look`
         * began, and frees managed->manager_data. May be NULL. */
        void (*leave)(struct managed *managed);
};

/* One a manager; see manager_kind.c for the table. */
extern const struct manager_kind command_manager;

/* NULL: action.c does it, or it cannot be done. */
const struct operation_kind *manager_operation(const struct service *service, int action);

/* Both do nothing for a service without a manager of this sort. */
void manager_look(struct managed *managed);
void manager_leave(struct managed *managed);
