/* The files of the services that are played: a bad release is a change of them, and as long as it
 * lasts they differ from the last recovery point. */

#include <stdio.h>

#include "sim/sim_host.h"

void sim_compare_files(struct sim_host *host, const struct effect *effect) {
        struct sim_service *service = &host->services[effect->service];
        sim_plan(host, &service->files_due, usec_add(host->now.mono, COMPARE_TIME));
}

static const struct sim_fault *release_of(const struct sim_service *service) {
        for (uint32_t i = 0; i < service->n_faults; i++) {
                const struct sim_fault *fault = &service->faults[i];
                if (fault->active && fault->spec->kind == FAULT_BAD_RELEASE) {
                        return fault;
                }
        }
        return NULL;
}

void sim_files_due(struct sim_host *host, struct due *due) {
        const struct sim_fault *release = release_of(&host->services[due->service]);
        struct input input = {
                .kind = INPUT_FILES,
                .service = due->service,
                .files = {.state = release ? FILES_CHANGED : FILES_UNCHANGED},
        };
        if (release) {
                input.files.age = usec_sub(host->now.mono, release->began);
                input.files.change = (uint64_t) (release->number + 1) << 32 | release->occurrence;
        }
        snprintf(input.files.text, sizeof(input.files.text), "%s",
                release ? "its release changed" : "nothing changed");
        sim_feed(host, &input);
}
