#include <string.h>

#include "base/str.h"
#include "support/chaos_inside.h"

static size_t acts_within(
        const struct chaos *chaos, uint32_t service, usec_t window, bool unrecorded) {
        const struct actor *actor = &chaos->actors[service];
        size_t count = 0;
        for (size_t i = 0; i < actor->n_acts; i++) {
                count += chaos->world->now.wall - actor->acts[i].at < window &&
                         (!unrecorded || actor->acts[i].unrecorded);
        }
        return count;
}

/* Those of the step and of its likes. */
static size_t acts_of_step(const struct chaos *chaos, uint32_t service, uint32_t step) {
        const struct service *policy = &world_policy(chaos->world)->services[service];
        const struct actor *actor = &chaos->actors[service];
        size_t count = 0;
        for (size_t i = 0; i < actor->n_acts; i++) {
                const struct act *act = &actor->acts[i];
                count += chaos->world->now.wall - act->at < policy->steps[step].budget->per &&
                         str_eq(policy->steps[act->step].identity, policy->steps[step].identity);
        }
        return count;
}

static void check_step_budget(const struct chaos *chaos, uint32_t service, uint32_t step) {
        const struct step_spec *spec = &world_policy(chaos->world)->services[service].steps[step];
        if (spec->budget && acts_of_step(chaos, service, step) > spec->budget->actions) {
                chaos_broken(chaos, "%s: more actions than the budget of step %u allows",
                        chaos_name(chaos, service), step);
        }
}

static void check_group(const struct chaos *chaos, const struct group_spec *group) {
        const struct policy *policy = world_policy(chaos->world);
        size_t all = 0;
        for (uint32_t i = 0; group && i < chaos->n; i++) {
                all += policy->services[i].group == group
                               ? acts_within(chaos, i, group->budget.per, false)
                               : 0;
        }
        if (group && all > group->budget.actions) {
                chaos_broken(chaos, "more actions than the budget of a group allows");
        }
}

void chaos_check_budgets(const struct chaos *chaos, uint32_t service, uint32_t step) {
        const struct policy *policy = world_policy(chaos->world);
        const struct budget_spec *budget = &policy->services[service].budget;
        size_t all = 0;
        if (acts_within(chaos, service, budget->per, false) > budget->actions) {
                chaos_broken(chaos, "%s: more actions than its budget allows",
                        chaos_name(chaos, service));
        }
        for (uint32_t i = 0; i < chaos->n; i++) {
                all += acts_within(chaos, i, policy->agent.budget.per, false);
        }
        if (all > policy->agent.budget.actions) {
                chaos_broken(chaos, "more actions than the budget of the host allows");
        }
        if (acts_within(chaos, service, USEC_PER_HOUR, true) > 3) {
                chaos_broken(chaos, "%s: too many unrecorded actions", chaos_name(chaos, service));
        }
        check_step_budget(chaos, service, step);
        check_group(chaos, policy->services[service].group);
}
