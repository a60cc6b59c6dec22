#pragma once
/* Runs the program of an exec step to its end, as a child or as a transient unit; its text is how
 * it ended, and the last line that it wrote. */

#include "executor/operation.h"

extern const struct operation_kind exec_step;
