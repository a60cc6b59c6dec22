#pragma once
/* Exchanges what a service consists of for what it was well with, and back. Stopping and starting
 * the service is not its business: see action.c. */

#include "executor/operation.h"

extern const struct operation_kind rollback_step; /* ACTION_ROLLBACK and ACTION_UNDO */

/* ACTION_ROLLBACK up to where something would change: all guards are asked, and what can be made
 * ready is. Its order has no action behind it. */
extern const struct operation_kind rollback_rehearsal;
