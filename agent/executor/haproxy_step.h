#pragma once
/* What a step `haproxy` does: each HAProxy of it is told by a child of its own, all at the same
 * time, so that one that hangs delays nobody beyond the deadline. */

#include "executor/operation.h"

extern const struct operation_kind haproxy_step;
