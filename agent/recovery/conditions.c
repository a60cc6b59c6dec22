/* When a row of the table fits. Conditions look, they change nothing. */

#include "recovery/state.h"

static const struct service_state *dependency(const struct turn *turn, uint32_t i) {
        return &turn->recovery->services[turn->service->policy->depends_on[i]];
}

uint32_t conditions_culprit(const struct turn *turn, bool well) {
        for (uint32_t i = 0; i < turn->service->policy->n_depends_on; i++) {
                const struct service_state *other = dependency(turn, i);
                if (well ? !state_is_well(other) : state_is_down(other)) {
                        return other->policy->index;
                }
        }
        return UINT32_MAX;
}

bool if_has_dependencies(const struct turn *turn) {
        return turn->service->policy->n_depends_on > 0;
}

bool if_dependency_down(const struct turn *turn) {
        return conditions_culprit(turn, false) != UINT32_MAX;
}

bool if_dependency_not_well(const struct turn *turn) {
        return turn->service->first_start && conditions_culprit(turn, true) != UINT32_MAX;
}

bool if_dependencies_well(const struct turn *turn) {
        return conditions_culprit(turn, true) == UINT32_MAX;
}

bool if_dependencies_cleared(const struct turn *turn) {
        for (uint32_t i = 0; i < turn->service->policy->n_depends_on; i++) {
                const struct service_state *other = dependency(turn, i);
                if (state_is_down(other) || other->asked || other->health == HEALTH_SUSPECT) {
                        return false;
                }
        }
        return true;
}

bool if_incident_and_dependency_down(const struct turn *turn) {
        const struct service_state *service = turn->service;
        return service->file->incident.id != 0 && service->health != HEALTH_HEALTHY &&
               if_dependency_down(turn);
}

bool if_has_no_steps(const struct turn *turn) {
        return !turn->service->first_start && turn->service->policy->n_steps == 0;
}

bool if_ladder_spent(const struct turn *turn) {
        return !turn->service->first_start && !state_step(turn->service);
}

bool if_step_is_notify(const struct turn *turn) {
        return !turn->service->first_start && state_step(turn->service)->action == ACTION_NOTIFY;
}

bool if_backoff_pending(const struct turn *turn) {
        return turn->service->next_attempt > turn->now.mono;
}

bool if_guard_holds(const struct turn *turn) {
        struct guard_status status;
        return guards_first(turn->recovery, turn->service, turn->now.mono, false, &status) !=
               GUARD_NONE;
}

bool if_person_refused(const struct turn *turn) {
        struct guard_status status;
        return turn->service->policy->manager == MANAGER_NONE ||
               guards_first(turn->recovery, turn->service, turn->now.mono, true, &status) !=
                       GUARD_NONE;
}

bool if_long_healthy(const struct turn *turn) {
        usec_t since = state_healthy_since(turn->service);
        return since != 0 &&
               usec_sub(turn->now.mono, since) >= turn->service->policy->backoff.reset_after;
}

bool if_healed(const struct turn *turn) {
        return !turn->service->first_start && turn->service->health == HEALTH_HEALTHY;
}

bool if_not_measured(const struct turn *turn) {
        return !turn->service->has_evidence && !turn->service->dead;
}

bool if_not_judged(const struct turn *turn) {
        return !turn->service->first_start && if_not_measured(turn);
}

bool if_healthy(const struct turn *turn) {
        return turn->service->health == HEALTH_HEALTHY &&
               turn->service->file->attempt.origin == ORIGIN_LADDER;
}

bool if_overtaken(const struct turn *turn) {
        const struct service_state *service = turn->service;
        if (service->file->attempt.origin == ORIGIN_OPERATOR) {
                return false;
        }
        return service->paused || service->stopped_outside || service->manager_busy ||
               !turn->recovery->executor_up || if_dependency_not_well(turn) ||
               if_incident_and_dependency_down(turn) || if_not_judged(turn);
}

bool if_store_cap_spent(const struct turn *turn) {
        const struct budget *budget = &turn->service->budget;
        return turn->service->file->attempt.origin == ORIGIN_LADDER &&
               budget_spent(budget, turn->now.mono, USEC_PER_HOUR) > STORE_DEGRADED_ACTIONS;
}

bool if_action_is_stop(const struct turn *turn) {
        return turn->service->file->attempt.action == ACTION_STOP;
}

bool if_stop_by_person(const struct turn *turn) {
        return if_action_is_stop(turn) && turn->service->file->attempt.origin == ORIGIN_OPERATOR;
}

bool if_stopped_outside(const struct turn *turn) {
        return turn->service->stopped_outside;
}

bool if_by_person_stopped(const struct turn *turn) {
        const struct service_state *service = turn->service;
        return service->file->attempt.origin == ORIGIN_OPERATOR && service->stopped &&
               service->health != HEALTH_HEALTHY;
}

bool if_by_person_well(const struct turn *turn) {
        return turn->service->file->attempt.origin == ORIGIN_OPERATOR &&
               turn->service->file->incident.id == 0 && turn->service->health != HEALTH_FAILED;
}

bool if_died_since(const struct turn *turn) {
        const struct service_state *service = turn->service;
        return service->dead && service->died_at > service->phase_since;
}
