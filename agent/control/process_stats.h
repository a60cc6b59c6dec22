#pragma once
/* What /proc says about this process, for the process_* metrics that all exporters share. */

#include <stdint.h>

#include "base/clock.h"

struct process_stats {
        double cpu_seconds; /* user and system */
        uint64_t resident_bytes, virtual_bytes;
        uint64_t open_fds;
        uint64_t max_fds; /* UINT64_MAX: unlimited */
};

/* What cannot be read stays 0. */
struct process_stats process_stats(void);

/* When this process was started, as far as the wall clock says so now; 0: unknown. */
wall_usec_t process_started(struct instant now);
