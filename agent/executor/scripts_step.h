#pragma once
/* Starts, stops, restarts and reloads a service by its scripts or its resource agent. What was
 * started and stopped is proven by its status, as far as a status program can prove it. */

#include "executor/operation.h"

extern const struct operation_kind scripts_step;
