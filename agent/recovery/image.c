/* Everything that the core remembers, as text: for a recording that has to begin in the middle of
 * its life. Unlike the records of the store it leaves nothing out, and fits the layout of this
 * build only. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "recovery/state.h"

enum {
        PIECE = 32, /* bytes of a line; pieces of zeros are left out */
        ITEM_MAX = 8192,
};

static void keep_budget(struct budget *to, const struct budget *from) {
        to->times = from->times;
        to->capacity = from->capacity;
}

static void keep_core(void *to, const void *from) {
        struct recovery *core = to;
        const struct recovery *other = from;
        core->policy = other->policy;
        core->services = other->services;
        core->probes = other->probes;
        core->files = other->files;
        core->steps = other->steps;
        core->budget_times = other->budget_times;
        core->groups = other->groups;
        core->suspicion.spec = other->suspicion.spec;
        core->suspicion.suspects = other->suspicion.suspects;
        core->suspicion.young.entries = other->suspicion.young.entries;
        core->suspicion.young.capacity = other->suspicion.young.capacity;
        keep_budget(&core->host, &other->host);
}

static void keep_service(void *to, const void *from) {
        struct service_state *service = to;
        const struct service_state *other = from;
        service->policy = other->policy;
        service->probes = other->probes;
        service->steps = other->steps;
        service->file = other->file;
        keep_budget(&service->budget, &other->budget);
}

static void keep_step(void *to, const void *from) {
        struct step_memory *step = to;
        const struct step_memory *other = from;
        keep_budget(&step->budget, &other->budget);
}

static void keep_group(void *to, const void *from) {
        keep_budget(to, from);
}

void recovery_arrays(struct recovery *recovery, struct recovery_array ret[RECOVERY_ARRAYS]) {
        const struct policy *policy = recovery->policy;
        size_t n = policy->n_services;
        const struct recovery_array arrays[RECOVERY_ARRAYS] = {
                {"core", recovery, sizeof(*recovery), 1, keep_core},
                {"services", recovery->services, sizeof(*recovery->services), n, keep_service},
                {"probes", recovery->probes, sizeof(*recovery->probes), policy->n_probes, NULL},
                {"files", recovery->files, sizeof(*recovery->files), n, NULL},
                {"steps", recovery->steps, sizeof(*recovery->steps), recovery_count_steps(policy),
                        keep_step},
                {"groups", recovery->groups, sizeof(*recovery->groups), policy->n_groups,
                        keep_group},
                {"suspects", recovery->suspicion.suspects, sizeof(*recovery->suspicion.suspects), n,
                        NULL},
                {"times", recovery->budget_times, sizeof(*recovery->budget_times),
                        recovery_count_times(policy), NULL},
        };
        memcpy(ret, arrays, sizeof(arrays));
}

/* ---- What the rest of the core relies on ---- */

static bool is_sane_budget(const struct budget *budget) {
        return budget->count <= budget->capacity &&
               (budget->oldest < budget->capacity || budget->oldest == 0);
}

static bool is_sane_service(const struct service_state *service) {
        const struct attempt *attempt = &service->file->attempt;
        bool sane = (int) service->phase < PHASE_COUNT && service->phase != PHASE_DECIDING &&
                    service->health <= HEALTH_FAILED && service->pace <= PACE_DOWN &&
                    (int) service->held_by < GUARD_COUNT && service->permit <= PERMIT_GRANTED &&
                    service->step >= 0 && (uint32_t) service->step <= service->policy->n_steps &&
                    attempt->action >= 0 && attempt->action < ACTION_COUNT &&
                    is_sane_budget(&service->budget);
        for (uint32_t i = 0; i < service->policy->n_steps; i++) {
                sane = sane && is_sane_budget(&service->steps[i].budget);
        }
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                sane = sane && service->probes[i].health <= HEALTH_FAILED;
        }
        return sane;
}

/* The heap of those that fail, each in its place. */
static bool link_young(struct suspicion *suspicion, uint32_t n_services) {
        struct heap *young = &suspicion->young;
        size_t count = young->count, found = 0;
        if (count > n_services || count > young->capacity) {
                return false;
        }
        memset(young->entries, 0, count * sizeof(*young->entries));
        for (uint32_t i = 0; i < n_services; i++) {
                struct suspect *suspect = &suspicion->suspects[i];
                size_t position = suspect->young.position;
                if (suspect->root >= n_services || position > count) {
                        return false;
                }
                if (position > 0 && !young->entries[position - 1].node) {
                        young->entries[position - 1] =
                                (struct heap_entry){suspect->young.key, &suspect->young};
                        found++;
                }
        }
        return found == count;
}

bool recovery_adopt(struct recovery *recovery) {
        const struct policy *policy = recovery->policy;
        bool sane = is_sane_budget(&recovery->host) && recovery->n_trail <= RECOVERY_TRAIL_MAX &&
                    link_young(&recovery->suspicion, policy->n_services) &&
                    (recovery->trial < policy->n_services || recovery->trial == UINT32_MAX);
        for (uint32_t i = 0; i < policy->n_groups; i++) {
                sane = sane && is_sane_budget(&recovery->groups[i]);
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                sane = sane && is_sane_service(&recovery->services[i]);
        }
        return sane;
}
