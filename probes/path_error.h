#pragma once
/* What an error of a system call on a path says about that path, and what about this process. */

#include "probes/probe.h"

/* Concludes as "PATH: it does not exist (STEP)": a failure where the disk, the mount or the path is
 * to blame, and unknown where this process is: its rights, its descriptors, its memory. `code` is a
 * positive errno, `step` what was being done. */
void path_error_conclude(struct probe_result *result, const char *path, const char *step, int code);
