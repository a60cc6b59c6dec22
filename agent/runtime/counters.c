#include "base/cleanup.h"
#include "runtime/shell.h"

const double runtime_bucket_bounds[RUNTIME_BUCKETS] = {
        0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600};

void counters_observed(struct runtime *runtime, const struct observation *observation) {
        runtime->tables.counters[observation->service].probes_by_outcome[observation->outcome]++;
}

void counters_attempt(struct runtime *runtime, uint32_t service, const struct attempt *attempt) {
        if (attempt->result != ATTEMPT_UNFINISHED) {
                struct service_counters *counters = &runtime->tables.counters[service];
                counters->recovered->actions[attempt->action][attempt->result]++;
                counters->attempts++;
        }
}

static size_t bucket_of(double seconds) {
        size_t i = 0;
        while (i < RUNTIME_BUCKETS && seconds > runtime_bucket_bounds[i]) {
                i++;
        }
        return i;
}

void counters_measured(struct runtime *runtime, const struct effect *effect) {
        struct service_counters *counters = &runtime->tables.counters[effect->service];
        struct recovery_counters *recovered = counters->recovered;
        double seconds = (double) effect->measured.duration / (double) USEC_PER_SEC;
        counters->measured++;
        switch (effect->measured.what) {
        case MEASURED_DETECTION:
                recovered->detection[bucket_of(seconds)]++;
                recovered->detection_sum += seconds;
                return;
        case MEASURED_RECOVERY:
                recovered->recovery[bucket_of(seconds)]++;
                recovered->recovery_sum += seconds;
                return;
        }
}

const struct service_counters *runtime_counters(const struct runtime *runtime, uint32_t service) {
        return &runtime->tables.counters[service];
}
