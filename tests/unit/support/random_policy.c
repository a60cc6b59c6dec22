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
                enum action action = (enum action) rng_below(rng, ACTION_UNDO);
                struct step_spec *step =
                        build_step(policy, service, action, 1 + (uint32_t) rng_below(rng, 4));
                step->verify = rng_below(rng, 2) ? 0 : 10 * USEC_PER_SEC;
                if (rng_below(rng, 4) == 0) {
                        build_step_budget(policy, step, (uint32_t) rng_below(rng, 4),
                                (1 + rng_below(rng, 15)) * USEC_PER_MINUTE);
                }
                step->causes = rng_below(rng, 4)   ? 0
                               : rng_below(rng, 3) ? UINT32_C(1) << CAUSE_EXITED
                                                   : UINT32_C(1) << CAUSE_CHANGED;
        }
}

/* The first probe always says something about the service. */
static int random_role(struct rng *rng, uint32_t probe) {
        if (rng_below(rng, 2)) {
                return ROLE_LIVENESS;
        }
        return (int) rng_below(rng, probe == 0 ? ROLE_WARNING : ROLE_COUNT);
}

struct policy *random_policy(uint64_t seed) {
        struct rng rng;
        rng_seed(&rng, seed ^ 0x5eed);
        struct policy *policy = build_policy();
        uint32_t n = 1 + (uint32_t) rng_below(&rng, RANDOM_SERVICES_MAX);
        policy->agent.budget.actions = 5 + (uint32_t) rng_below(&rng, 30);
        struct group_spec *group = build_group(policy, "some", 2 + (uint32_t) rng_below(&rng, 10),
                (1 + rng_below(&rng, 15)) * USEC_PER_MINUTE);
        policy->agent.suspicion = (struct suspicion_spec){
                .enabled = rng_below(&rng, 2),
                .share = 20 + (double) rng_below(&rng, 40),
                .at_least = 2 + (uint32_t) rng_below(&rng, 2),
                .at_most = (3 + rng_below(&rng, 12)) * USEC_PER_SEC,
                .calm = (1 + rng_below(&rng, 10)) * USEC_PER_SEC,
                .min_memory = 2,
        };
        for (uint32_t i = 0; i < n; i++) {
                char name[16];
                snprintf(name, sizeof(name), "s%" PRIu32, i);
                struct service *service = build_service(policy, name);
                uint32_t probes = 1 + (uint32_t) rng_below(&rng, RANDOM_PROBES_MAX);
                for (uint32_t p = 0; p < probes; p++) {
                        const char probe_name[] = {(char) ('a' + p), '\0'};
                        struct probe_spec *probe = build_probe(policy, service, probe_name);
                        probe->fall = 1 + (uint32_t) rng_below(&rng, 3);
                        probe->rise = 1 + (uint32_t) rng_below(&rng, 3);
                        probe->interval = probe->down_interval = 5 * USEC_PER_SEC;
                        probe->fast_interval = USEC_PER_SEC;
                        probe->role = random_role(&rng, p);
                }
                uint32_t liveness = policy_count_probes(service, ROLE_LIVENESS);
                service->require = liveness ? 1 + (uint32_t) rng_below(&rng, liveness) : 0;
                service->start_grace = rng_below(&rng, 2) * 3 * USEC_PER_SEC;
                service->settle = rng_below(&rng, 6) * USEC_PER_SEC;
                service->budget.actions = (uint32_t) rng_below(&rng, 8);
                service->budget.per = (1 + rng_below(&rng, 15)) * USEC_PER_MINUTE;
                service->group = rng_below(&rng, 2) ? group : NULL;
                service->min_uptime = rng_below(&rng, 3) == 0 ? 20 * USEC_PER_SEC : 0;
                service->deploy_lock = "/run/deploy.lock";
                service->deploy_lock_max = (1 + rng_below(&rng, 60)) * USEC_PER_SEC;
                service->mode = rng_below(&rng, 10) == 0 ? MODE_OBSERVE : MODE_ACT;
                service->flapping = (struct flapping_spec){
                        .hold = rng_below(&rng, 2), .high = 30 + rng_below(&rng, 40), .low = 20};
                service->remind =
                        (struct remind_spec){.after = rng_below(&rng, 2) * USEC_PER_MINUTE,
                                .max = USEC_PER_HOUR,
                                .factor = 2};
                if (rng_below(&rng, 2)) {
                        build_rollback(
                                policy, service, (1 + rng_below(&rng, 10)) * USEC_PER_MINUTE);
                }
                random_backoff(&rng, &service->backoff);
                random_ladder(&rng, policy, service);
                for (uint32_t d = 0; d < i; d++) {
                        if (rng_below(&rng, 3) == 0) {
                                build_depend(policy, service, &policy->services[d]);
                        }
                }
        }
        for (uint32_t i = 0; i < n; i++) { /* soft edges may lead anywhere, also in circles */
                uint32_t on = (uint32_t) rng_below(&rng, n);
                if (on != i && rng_below(&rng, 3) == 0) {
                        build_soft_depend(policy, &policy->services[i], &policy->services[on]);
                }
        }
        return build_done(policy);
}
