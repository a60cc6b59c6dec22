/* When a row of the table fits. Conditions look, they change nothing. */

#include "model/manager.h"
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

/* Failures that began before a dependency was back, or less than `settle` after, may still be that
 * one's fault, also when it failed for too short a time to be called down. A process that is gone
 * does not come back by waiting. */
bool if_dependency_is_just_back(const struct turn *turn) {
        const struct service_state *service = turn->service;
        usec_t failing_since = state_failing_since(service, turn->now.mono);
        for (uint32_t i = 0; i < service->policy->n_depends_on; i++) {
                usec_t back_since = dependency(turn, i)->back_since;
                if (back_since > failing_since ||
                        (back_since != 0 &&
                                usec_add(back_since, service->policy->settle) > turn->now.mono)) {
                        return !service->dead;
                }
        }
        return false;
}

/* The manager's first word only says that it runs, not that somebody has just started it. */
bool if_started_meanwhile(const struct turn *turn) {
        return turn->service->process_known && turn->service->file->incident.id != 0;
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

bool if_dependencies_cleared_just_now(const struct turn *turn) {
        return if_dependencies_cleared(turn) && if_dependency_is_just_back(turn);
}

bool if_has_no_steps(const struct turn *turn) {
        return !turn->service->first_start && turn->service->policy->n_steps == 0;
}

bool if_ladder_spent(const struct turn *turn) {
        return !turn->service->first_start && !state_step(turn->service);
}

/* An incident of readiness, and the service does not live either. */
bool if_escalates(const struct turn *turn) {
        return state_only_readiness_fails(turn->service) && state_liveness_failed(turn->service);
}

bool if_escalates_and_has_dependencies(const struct turn *turn) {
        return if_escalates(turn) && if_has_dependencies(turn);
}

/* More than readiness was in doubt, and only that is left. */
bool if_only_not_ready(const struct turn *turn) {
        const struct service_state *service = turn->service;
        return !state_only_readiness_fails(service) && service->health != HEALTH_HEALTHY &&
               state_lives(service);
}

bool if_lives_again(const struct turn *turn) {
        return turn->service->file->incident.id != 0 && if_only_not_ready(turn);
}

bool if_nothing_left_for_readiness(const struct turn *turn) {
        return if_ladder_spent(turn) && state_only_readiness_fails(turn->service);
}

bool if_no_step_is_meant(const struct turn *turn) {
        return if_ladder_spent(turn) && ladder_meant(turn->service) == 0;
}

/* What failed before in another way has ended. */
bool if_ends_otherwise(const struct turn *turn) {
        return turn->service->file->incident.symptom != (int) turn->service->file->evidence.cause;
}

bool if_step_is_notify(const struct turn *turn) {
        return !turn->service->first_start && state_step(turn->service)->action == ACTION_NOTIFY;
}

bool if_step_is_failover(const struct turn *turn) {
        return !turn->service->first_start && state_step(turn->service)->action == ACTION_FAILOVER;
}

bool if_step_is_useless(const struct turn *turn) {
        return !turn->service->first_start &&
               ladder_fit(turn->service, (uint32_t) turn->service->step, turn->now.wall) ==
                       STEP_USELESS;
}

bool if_backoff_pending(const struct turn *turn) {
        return turn->service->next_attempt > turn->now.mono;
}

bool if_guard_holds(const struct turn *turn) {
        struct guard_status status;
        return guards_first(turn->recovery, turn->service, turn->now.mono, false, &status) !=
               GUARD_NONE;
}

bool if_deployment_lasts(const struct turn *turn) {
        const struct service_state *service = turn->service;
        return service->held_by != GUARD_DEPLOY || service->first_start ||
               guards_hold(turn->recovery, service, GUARD_DEPLOY, turn->now.mono);
}

bool if_person_refused(const struct turn *turn) {
        struct guard_status status;
        return turn->service->policy->manager == MANAGER_NONE ||
               guards_first_for_person(turn->recovery, turn->service, turn->now.mono,
                       turn->input->command.kind, &status) != GUARD_NONE;
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
        return !state_has_evidence(turn->service);
}

bool if_not_judged(const struct turn *turn) {
        return !turn->service->first_start && if_not_measured(turn);
}

bool if_judged_in_doubt(const struct turn *turn) {
        const struct service_state *service = turn->service;
        return !service->first_start && !service->dead && service->has_evidence &&
               !service->file->evidence.certain &&
               service->file->evidence.at.mono <= turn->recovery->suspicion.trusted_since;
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
        return guards_overtake(turn->recovery, service, turn->now.mono) ||
               service->stopped_outside || if_dependency_not_well(turn) ||
               if_incident_and_dependency_down(turn) || if_not_judged(turn) || if_escalates(turn) ||
               if_lives_again(turn);
}

bool if_up_long_enough(const struct turn *turn) {
        const struct service_state *service = turn->service;
        return !action_traits(service->file->attempt.action)->starts ||
               usec_sub(turn->now.mono, service->started_at) >= service->policy->min_uptime;
}

bool if_undecided(const struct turn *turn) {
        return if_not_measured(turn) || turn->service->health == HEALTH_SUSPECT;
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
