#pragma once
/* Sends a signal to a running command: to its main process, or to everything that belongs to it.
 * Carries out `reload`, too, which is the signal that the service names for it. */

#include "executor/operation.h"

extern const struct operation_kind signal_step;
