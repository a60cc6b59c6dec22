#include "executor/action_plan.h"

#include <string.h>

#include "model/manager.h"

static struct action_part *add(struct action_plan *plan, int action) {
        struct action_part *part = &plan->parts[plan->count++];
        *part = (struct action_part){.action = action, .limit = USEC_INFINITY};
        return part;
}

/* ---- Rollback ---- */

/* With `stop` the service is down during the exchange; else it is exchanged under it, and
 * restarted. */
static void plan_exchange(struct action_plan *plan, int action, const struct service *service) {
        if (service && service->rollback && service->rollback->stop) {
                add(plan, ACTION_STOP);
                add(plan, action);
                add(plan, ACTION_START);
        } else {
                add(plan, action);
                add(plan, ACTION_RESTART);
        }
}

/* A rollback whose service cannot be started with it is taken back at once; one that stopped the
 * service and went no further starts it. */
static bool clear_exchange(struct action_plan *plan, int action, bool exchanged) {
        bool stopped = plan->at > 0 && plan->parts[plan->at - 1].action == ACTION_STOP;
        *plan = (struct action_plan){0};
        if (exchanged && action == ACTION_ROLLBACK) {
                add(plan, ACTION_UNDO);
                add(plan, ACTION_RESTART);
        } else if (stopped && !exchanged) {
                add(plan, ACTION_START);
        }
        return plan->count > 0;
}

/* ---- A change of the active member ---- */

static struct action_part *add_step(struct action_plan *plan, const struct group_step_spec *step) {
        struct action_part *part = add(plan, step->action);
        if (step->action == ACTION_EXEC) {
                part->exec = &step->exec;
                part->limit = step->timeout;
        } else if (step->action == ACTION_HAPROXY) {
                part->haproxy = &step->haproxy;
                part->limit = usec_add(step->haproxy.wait, step->timeout);
                part->goes_on = step->on_error == TRAFFIC_IGNORE;
        }
        return part;
}

static void plan_promotion(struct action_plan *plan, const struct group_spec *group) {
        for (uint32_t i = 0; i < group->fence.count; i++) {
                add_step(plan, &group->fence.items[i])->begins_nothing = true;
        }
        if (group->address.family) {
                add(plan, PART_ADDRESS_TAKE);
        }
        for (uint32_t i = 0; i < group->promote.count; i++) {
                add_step(plan, &group->promote.items[i]);
        }
}

static void add_programs(struct action_plan *plan, const struct group_steps *steps, bool after) {
        bool stopped = false;
        for (uint32_t i = 0; i < steps->count; i++) {
                if (steps->items[i].action == ACTION_STOP) {
                        stopped = true;
                } else if (stopped == after) {
                        add_step(plan, &steps->items[i])->goes_on = true;
                }
        }
}

static void add_stop(struct action_plan *plan, usec_t patience) {
        struct action_part *part = add(plan, ACTION_DEMOTE);
        part->limit = patience;
        part->goes_on = part->proves = true;
        if (plan->traces.unit) {
                part = add(plan, PART_UNIT_END);
                part->limit = patience;
                part->goes_on = part->proves = true;
        }
}

static void add_address_drop(struct action_plan *plan) {
        if (plan->traces.address) {
                struct action_part *part = add(plan, PART_ADDRESS_DROP);
                part->goes_on = part->proves = true;
        }
}

static void plan_demotion(
        struct action_plan *plan, const struct group_spec *group, enum demotion demotion) {
        static const struct group_steps none;
        bool programs = group && (demotion == DEMOTION_WHOLE || demotion == DEMOTION_LATE);
        bool late = demotion == DEMOTION_LATE || demotion == DEMOTION_AGAIN;
        const struct group_steps *steps = programs ? &group->demote : &none;
        if (late) {
                add_stop(plan, 0);
                add_address_drop(plan);
                add_programs(plan, steps, false);
                add_programs(plan, steps, true);
        } else {
                add_programs(plan, steps, false);
                add_stop(plan, group ? group->stop_timeout : USEC_INFINITY);
                add_programs(plan, steps, true);
                add_address_drop(plan);
        }
}

/* ---- Traffic ---- */

void action_plan_drain_first(struct action_plan *plan, int action, const struct service *service) {
        usec_t limit = service ? action_drain_time(service, action) : 0;
        if (limit == 0) {
                return;
        }
        memmove(&plan->parts[1], &plan->parts[0], plan->count * sizeof(plan->parts[0]));
        plan->count++;
        plan->parts[0] = (struct action_part){
                .action = ACTION_HAPROXY,
                .haproxy = &service->traffic->away,
                .limit = limit,
                .goes_on = service->traffic->on_error == TRAFFIC_IGNORE,
        };
}

void action_plan_give_back(struct action_plan *plan, const struct service *service) {
        if (service && service->traffic) {
                plan->parts[0].haproxy = &service->traffic->back;
                plan->parts[0].limit = TRAFFIC_ANSWER_TIME;
        }
}

/* Nothing of it runs while the programs change what it is made of; it is started once they say that
 * it will follow. */
static void plan_following(struct action_plan *plan, const struct group_spec *group) {
        add_stop(plan, group->stop_timeout);
        for (uint32_t i = 0; i < plan->count; i++) {
                plan->parts[i].goes_on = false;
        }
        for (uint32_t i = 0; i < group->follow.count; i++) {
                add_step(plan, &group->follow.items[i]);
        }
}

/* ---- Any action ---- */

void action_plan_make(struct action_plan *plan, int action, const struct service *service,
        enum demotion demotion, struct action_traces traces) {
        *plan = (struct action_plan){.traces = traces};
        if (action == ACTION_ROLLBACK || action == ACTION_UNDO) {
                plan_exchange(plan, action, service);
        } else if (action == ACTION_PROMOTE && service && service->group) {
                plan_promotion(plan, service->group);
        } else if (action == ACTION_FOLLOW && service && service->group) {
                plan_following(plan, service->group);
        } else if (action == ACTION_DEMOTE) {
                plan_demotion(plan, service ? service->group : NULL, demotion);
        } else {
                add(plan, action);
        }
}

bool action_plan_clear_up(
        struct action_plan *plan, int action, const struct service *service, bool exchanged) {
        if (action == ACTION_ROLLBACK || action == ACTION_UNDO) {
                return clear_exchange(plan, action, exchanged);
        }
        if (action == ACTION_FOLLOW) { /* what was started may be anything */
                action_plan_make(plan, ACTION_DEMOTE, service, DEMOTION_BARE, plan->traces);
                return true;
        }
        if (action != ACTION_PROMOTE || action_plan_part(plan)->begins_nothing) {
                return false;
        }
        action_plan_make(plan, ACTION_DEMOTE, service, DEMOTION_WHOLE, plan->traces);
        return true;
}
