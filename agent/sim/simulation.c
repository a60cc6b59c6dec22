#include "sim/simulation.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/sim_host.h"

enum { SAMPLES_FIRST = 16 };

bool sample_add(struct sample_set *samples, usec_t sample) {
        if (samples->count == samples->capacity) {
                size_t more = samples->capacity ? 2 * samples->capacity : SAMPLES_FIRST;
                usec_t *items = reallocarray(samples->items, more, sizeof(*items));
                if (!items) {
                        return false;
                }
                samples->items = items;
                samples->capacity = more;
        }
        samples->items[samples->count++] = sample;
        return true;
}

static int compare(const void *a, const void *b) {
        usec_t one = *(const usec_t *) a, other = *(const usec_t *) b;
        return one < other ? -1 : one > other;
}

static void sort(struct sample_set *samples) {
        if (samples->count > 0) {
                qsort(samples->items, samples->count, sizeof(*samples->items), compare);
        }
}

usec_t sample_percentile(const struct sample_set *samples, double percent) {
        if (samples->count == 0) {
                return 0;
        }
        double rank = ceil(percent / 100 * (double) samples->count);
        return samples->items[rank < 1 ? 0 : (size_t) rank - 1];
}

double service_availability(const struct simulation *simulation, uint32_t service) {
        return simulation->duration == 0 ? 1
                                         : 1 - (double) simulation->services[service].down /
                                                           (double) simulation->duration;
}

int simulation_run(struct simulation *ret, const struct policy *policy,
        const struct fault_plan *plan, const struct simulation_options *options,
        struct error *err) {
        struct sim_host host;
        AUTO(simulation_done) struct simulation result = {0};
        int r = sim_host_init(&host, policy, plan, options, &result, err);
        if (r == 0) {
                sim_host_run(&host);
                r = host.failed ? error_set(err, ENOMEM, "out of memory") : 0;
        }
        sim_host_done(&host);
        if (r < 0) {
                return r;
        }
        for (uint32_t i = 0; i < result.n_services; i++) {
                sort(&result.services[i].detection);
                sort(&result.services[i].recovery);
        }
        *ret = result;
        memset(&result, 0, sizeof(result));
        return 0;
}

void simulation_done(struct simulation *simulation) {
        for (uint32_t i = 0; simulation->services && i < simulation->n_services; i++) {
                free(simulation->services[i].detection.items);
                free(simulation->services[i].recovery.items);
        }
        free(simulation->services);
        free(simulation->faults);
        *simulation = (struct simulation){0};
}
