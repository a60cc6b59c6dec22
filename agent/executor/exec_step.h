#pragma once
/* Runs the program of an exec step to its end. */

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "executor/action.h"

struct exec_step; /* heap; gone when `done` was called or it was freed */

/* text: how it ended, and the last line that it wrote. */
typedef void (*exec_step_ended)(void *cookie, bool ok, const char *text);

/* The executor, service and step outlive it. `done` is never called from within. */
int exec_step_new(struct exec_step **ret, struct executor *executor, const struct service *service,
        const struct action_order *order, usec_t limit, exec_step_ended done, void *cookie,
        struct error *err);
void exec_step_free(struct exec_step *step); /* accepts NULL; ends the program */
