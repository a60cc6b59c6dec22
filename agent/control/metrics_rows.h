#pragma once
/* The families of the metrics page that are one number each: a row of a table, with the function
 * that takes the number out of a snapshot. NaN: there is no such sample now. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/process_stats.h"
#include "metrics/metrics.h"
#include "model/incident.h"
#include "model/observation.h"
#include "runtime/runtime.h"
#include "store/store.h"

struct agent_row {
        const struct policy *policy;
        struct runtime_stats stats;
        struct suspicion_status suspicion;
        struct store_counts store;
        struct process_stats process;
        wall_usec_t started; /* of this process */
        uint32_t host_budget_left;
        bool store_degraded, dry_run;
};

struct service_row {
        const struct service_counters *counters;
        const char *state;
        enum health health;
        bool alive, ready, paused, incident;
        int cause; /* enum cause, of the open incident */
        uint32_t warnings;
        usec_t next_attempt; /* mono; 0: none */
        enum guard held_by;
        bool flapping;
        double flapping_score; /* percent */
        uint32_t reminders;
        const struct content_report *content; /* NULL: it is not followed, or nothing was said */
        uint32_t budget_left, budget_limit;
        struct instant now;
};

struct agent_metric {
        struct metric_family family;
        double (*value)(const struct agent_row *row);
};

struct service_metric { /* labels: service */
        struct metric_family family;
        double (*value)(const struct service_row *row);
};

struct probe_metric { /* labels: service, probe; one of the two functions */
        struct metric_family family;
        double (*value)(const struct observation *last);
        uint64_t (*microseconds)(const struct observation *last); /* USEC_INFINITY: no sample */
};

extern const struct agent_metric agent_metrics[];
extern const size_t n_agent_metrics;
extern const struct service_metric service_metrics[];
extern const size_t n_service_metrics;
extern const struct probe_metric probe_metrics[];
extern const size_t n_probe_metrics;

/* metrics_groups.c, metrics_pools.c */
void metrics_put_groups(struct metrics_writer *writer, const struct runtime *runtime, usec_t now);
void metrics_put_pools(struct metrics_writer *writer, const struct runtime *runtime);
