#pragma once
/* What a service's status amounts to, for every place that shows it: JSON, metrics, status page. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "recovery/recovery.h"

struct runtime;

struct verdict {
        struct service_status status;
        const char *state; /* one word */
        usec_t since; /* of that state; mono */
        bool up; /* it lives */
        bool ready; /* and can serve */
        bool down; /* failed in more than its readiness, and not because a person stopped it */
        const char *probe; /* that speaks against the service, NULL: none */
        const char *detail; /* its evidence, NULL: none */
};

/* Points into the runtime's snapshots: valid until control returns to the loop. */
struct verdict verdict_of(const struct runtime *runtime, uint32_t service);

struct tally {
        uint32_t services, up, down, not_ready, degraded, paused, incidents, exhausted;
};
void tally_add(struct tally *tally, const struct verdict *verdict);
struct tally tally_all(const struct runtime *runtime);
