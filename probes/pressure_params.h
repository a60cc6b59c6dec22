#pragma once
/* The pressure probe in two halves: pressure.c knows the policy and the run, pressure_check.c reads
 * and judges. */

#include "probes/counter_history.h"
#include "probes/findings.h"
#include "probes/oom_kills.h"
#include "probes/pressure_read.h"

enum pressure_of { PRESSURE_OF_HOST, PRESSURE_OF_SERVICE };

struct stall_limit {
        struct amount some, full;
        int window; /* enum pressure_window */
};

struct pressure_params {
        int of; /* enum pressure_of */
        struct stall_limit *cpu, *memory, *io; /* NULL: no limit */
        struct amount max_load; /* percent of the processors */
        int load_window; /* enum load_window */
        struct amount min_available, max_swap;
        struct oom_limit oom;
};

/* Where the kernel tells; tests have it tell something else. */
struct pressure_places {
        const char *proc; /* where proc(5) is mounted */
        const char *cgroup; /* directory of the service's cgroup; NULL: of the host */
};

/* Reads what has a limit and concludes. `kills` belongs to the probe, zeroed before its first run
 * and whenever the cgroup is another. */
void pressure_check(const struct pressure_params *params, const struct pressure_places *places,
        struct counter_history *kills, usec_t now, struct probe_result *result);
