#pragma once
/* Runs a policy against faults in virtual time: the same compiled core as in the agent decides, a
 * host is played round it. Equal policies, faults and seeds give equal runs. */

#include "base/clock.h"
#include "model/policy.h"
#include "model/schema.h"
#include "sim/faults.h"

/* Called for each thing that happens, in order. `service` is NULL where it is about the host;
 * `what` is one word. */
typedef void (*simulation_tell)(
        void *cookie, usec_t at, const char *service, const char *what, const char *text);

struct simulation_options {
        uint64_t seed;
        usec_t duration;
        const struct schema_variant *probes; /* names of the probe types, so that each sees what it
                                                can; NULL: all see the same */
        bool every_round; /* runs also the rounds of probes that cannot change anything: the
                             decisions are the same, which a test proves */
        simulation_tell tell; /* NULL: nobody listens */
        void *cookie;
};

struct sample_set { /* durations, sorted when the run is over */
        usec_t *items;
        size_t count, capacity;
};

/* The smallest sample that at least `percent` of them do not exceed (nearest rank); 0 when there
 * are none. */
usec_t sample_percentile(const struct sample_set *samples, double percent);

struct service_outcome {
        const char *name; /* the policy's */
        bool standby; /* of its group, for all of the time: nothing below is anything but 0 */
        usec_t down; /* did not serve, whoever's fault that was */
        uint32_t outages; /* times that it ceased to serve */
        uint32_t incidents; /* opened by the core */
        uint32_t gave_up; /* times that it was given up */
        uint32_t handed_over; /* times that another member of its group would have taken over */
        struct sample_set detection; /* from the beginning of an outage to its incident */
        struct sample_set recovery; /* of the outages with an incident: until it served again */
        uint32_t actions[ACTION_COUNT];
        uint32_t wrong; /* actions on a service that had no fault of its own */
        uint32_t missed; /* faults that a step of its ladder could have cured, and that none was
                            tried on */
};

struct fault_outcome {
        const char *name; /* the plan's */
        uint32_t occurred;
        uint32_t cured; /* by an action; the others ended by themselves, or last */
};

struct simulation {
        usec_t duration;
        struct service_outcome *services; /* as in the policy */
        uint32_t n_services;
        struct fault_outcome *faults; /* as in the plan */
        uint32_t n_faults;
        uint64_t steps; /* inputs that the core was fed */
};

double service_availability(const struct simulation *simulation, uint32_t service); /* 0 to 1 */

/* -ENOMEM, or -EINVAL for a policy beyond the core's limits. The policy has to outlive the result;
 * a service that a fault names and the policy lacks is left out. */
int simulation_run(struct simulation *ret, const struct policy *policy,
        const struct fault_plan *plan, const struct simulation_options *options, struct error *err);
void simulation_done(struct simulation *simulation);
