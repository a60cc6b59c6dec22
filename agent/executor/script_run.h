#pragma once
/* Runs one program of a `scripts` service to its end, as the user that the policy names. */

#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "probes/service_script.h"

/* Of a status program that is asked by the way: one that hangs leaves time for the rest. */
#define SCRIPT_LOOK_LIMIT (15 * USEC_PER_SEC)

struct executor;
struct script_run; /* heap; gone when `done` was called or it was cancelled */

/* `output` is what it wrote, as far as it was kept. Both are valid in the call. */
typedef void (*script_run_ended)(void *cookie, const struct script_verdict *verdict,
        const char *output, size_t output_length);

/* The service outlives it. What cannot be run ends with a verdict that says so. `done` is never
 * called from within; it comes shortly after the deadline, a moment on CLOCK_BOOTTIME, at the
 * latest. */
int script_run_start(struct script_run **ret, struct executor *executor,
        const struct service *service, enum script_verb verb, usec_t deadline,
        script_run_ended done, void *cookie, struct error *err);
void script_run_cancel(struct script_run *run); /* accepts NULL; ends the program */
