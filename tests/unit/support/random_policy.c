#include "support/random_policy.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/rng.h"
#include "support/core_world.h"

static void random_backoff(struct rng *rng, struct backoff_spec *backoff) {
        backoff->initial = rng_below(rng, 4) * USEC_PER_SEC;
        backoff->max = (4 + rng_below(rng, 60)) * USEC_PER_SEC;
        backoff->factor = 1 + rng_unit(rng) * 2;
        backoff->jitter = (int) rng_below(rng, JITTER_DECORRELATED + 1);
        backoff->reset_after = (60 + rng_below(rng, 240)) * USEC_PER_SEC;
}

static void random_ladder(struct rng *rng, struct policy *policy, struct service *service) {
        uint32_t steps = (uint32_t) rng_below(rng, 4);
        for (uint32_t i = 0; i < steps; i++) {
                enum action action = (enum action) rng_below(rng, ACTION_COUNT);
                struct step_spec *step =
                        build_step(policy, service, action, 1 + (uint32_t) rng_below(rng, 4));
                step->verify = rng_below(rng, 2) ? 0 : 10 * USEC_PER_SEC;
        }
}

struct policy *random_policy(uint64_t seed) {
        struct rng rng;
        rng_seed(&rng, seed ^ 0x5eed);
        struct policy *policy = build_policy();
        uint32_t n = 1 + (uint32_t) rng_below(&rng, RANDOM_SERVICES_MAX);
        policy->agent.budget.actions = 5 + (uint32_t) rng_below(&rng, 30);
        for (uint32_t i = 0; i < n; i++) {
                char name[16];
                snprintf(name, sizeof(name), "s%" PRIu32, i);
                struct service *service = build_service(policy, name);
                uint32_t probes = 1 + (uint32_t) rng_below(&rng, RANDOM_PROBES_MAX);
                for (uint32_t p = 0; p < probes; p++) {
                        struct probe_spec *probe = build_probe(policy, service, p ? "b" : "a");
                        probe->fall = 1 + (uint32_t) rng_below(&rng, 3);
                        probe->rise = 1 + (uint32_t) rng_below(&rng, 3);
                        probe->interval = probe->down_interval = 5 * USEC_PER_SEC;
                        probe->fast_interval = USEC_PER_SEC;
                }
                service->require = 1 + (uint32_t) rng_below(&rng, probes);
                service->start_grace = rng_below(&rng, 2) * 3 * USEC_PER_SEC;
                service->settle = rng_below(&rng, 6) * USEC_PER_SEC;
                service->budget.actions = (uint32_t) rng_below(&rng, 8);
                service->budget.per = (1 + rng_below(&rng, 15)) * USEC_PER_MINUTE;
                random_backoff(&rng, &service->backoff);
                random_ladder(&rng, policy, service);
                for (uint32_t d = 0; d < i; d++) {
                        if (rng_below(&rng, 3) == 0) {
                                build_depend(policy, service, &policy->services[d]);
                        }
                }
        }
        return build_done(policy);
}
