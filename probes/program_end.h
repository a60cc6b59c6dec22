#pragma once
/* How the program of a probe ends in time, and what is said of one that does not. */

#include <sys/types.h>

#include "io/child.h"
#include "probes/probe.h"

/* Sets the times of the request: SIGTERM comes a tenth of the timeout, but at most 500ms, before
 * the deadline of the run, SIGKILL half of that later, so that nothing is left when the result is
 * there. The child is followed until it is dead, however long that takes. */
void program_end_in_time(struct child_request *request, const struct probe_run *run);

/* Ends a run that cannot begin, because the program of the one that began at `started` is not dead.
 * pid 0: it has not even begun. */
void program_is_still_there(struct probe_run *run, pid_t pid, usec_t started);
