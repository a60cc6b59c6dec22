#include "policy/implications.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/param.h>

#include "base/cleanup.h"
#include "model/manager.h"

/* What a stop may take beyond `stop_timeout`: killing, and proving that the group is empty. */
#define STOP_MARGIN (5 * USEC_PER_SEC)

static usec_t time_of_step(const struct service *service, const struct step_spec *step) {
        usec_t stop = service->command ? usec_add(service->command->stop_timeout, STOP_MARGIN)
                                       : manager_traits(service->manager)->action_limit;

        if (step->timeout > 0) {
                return step->timeout;
        }
        switch ((enum action) step->action) {
        case ACTION_RESTART:
        case ACTION_START:
        case ACTION_STOP:
        case ACTION_PROMOTE:
        case ACTION_DEMOTE:
        case ACTION_FOLLOW:
                return stop;
        case ACTION_ROLLBACK:
        case ACTION_UNDO:
                return usec_add(stop, action_traits(step->action)->longer);
        case ACTION_EXEC:
        case ACTION_HAPROXY:
                return USEC_PER_MINUTE;
        case ACTION_RELOAD:
                return service->command ? 0 : USEC_PER_MINUTE;
        case ACTION_SIGNAL:
        case ACTION_NOTIFY:
        case ACTION_FAILOVER:
                return 0;
        }
        return 0;
}

usec_t implications_action_time(const struct service *service, const struct step_spec *step) {
        return usec_add(time_of_step(service, step), action_drain_time(service, step->action));
}

/* ---- Detection --------------------------------------------------------------------------------
 */

static struct detection detect(const struct policy *policy, const struct service *service,
        const struct probe_spec *probe) {
        usec_t each = MAX(probe->fast_interval, probe->timeout);
        return (struct detection){
                .probe = probe,
                .worst = probe->interval + policy->agent.slack + (probe->fall - 1) * each +
                         probe->timeout,
                .typical = probe->interval / 2 + (probe->fall - 1) * probe->fast_interval,
                .at_once = probe->implied && manager_traits(service->manager)->tells_exit,
        };
}

static int compare_times(const void *left, const void *right) {
        usec_t a = *(const usec_t *) left, b = *(const usec_t *) right;
        return (a > b) - (a < b);
}

/* With n liveness probes of which `require` must be healthy, the service has failed when n -
 * require + 1 have. A process probe notices other failures than the rest, so only what was written
 * counts, where there is any. */
static void combine(const struct service *service, struct implications *ret) {
        usec_t worst[POLICY_PROBES_MAX + 1], typical[POLICY_PROBES_MAX + 1];
        uint32_t n = 0, implied = 0;

        for (uint32_t i = 0; i < ret->n_detections; i++) {
                if (ret->detections[i].probe->role != ROLE_LIVENESS) {
                        continue;
                }
                implied += ret->detections[i].at_once;
                if (!ret->detections[i].at_once || ret->n_detections == 1) {
                        worst[n] = ret->detections[i].worst;
                        typical[n++] = ret->detections[i].typical;
                }
        }
        if (n == 0) {
                return;
        }
        qsort(worst, n, sizeof(worst[0]), compare_times);
        qsort(typical, n, sizeof(typical[0]), compare_times);
        uint32_t required = service->require > implied ? service->require - implied : 1;
        uint32_t needed = n >= required ? n - required : 0;
        ret->worst_detection = worst[needed];
        ret->typical_detection = typical[needed];
}

/* ---- Ladder -----------------------------------------------------------------------------------
 */

struct climb {
        const struct service *service;
        backoff_bounds_of bounds;
        struct implications *ret;
};

/* As the core counts, see ladder_plan_delay of recovery/incidents.c. `own` is 1-based within the
 * step. */
static void bound_wait(struct climb *climb, const struct step_spec *step, uint32_t own,
        struct implied_attempt *attempt) {
        if (action_traits(step->action)->only_tells) {
                return;
        }
        uint32_t number = step->backoff ? own : ++climb->ret->actions;
        climb->ret->actions += step->backoff != NULL;
        climb->bounds(step->backoff ? step->backoff : &climb->service->backoff, number,
                &attempt->least, &attempt->most);
}

static void add_attempt(struct climb *climb, uint32_t index, uint32_t own) {
        const struct step_spec *step = &climb->service->steps[index];
        struct implications *ret = climb->ret;
        struct implied_attempt attempt = {
                .number = ++ret->total_attempts, .step = index, .action = step->action};

        bound_wait(climb, step, own, &attempt);
        usec_t verify = step->verify ? step->verify : climb->service->verify;
        attempt.verify = action_traits(step->action)->only_tells ? 0 : verify;
        attempt.action_time = implications_action_time(climb->service, step);
        usec_t spent = usec_add(attempt.action_time, attempt.verify);
        ret->exhausted_least = usec_add(ret->exhausted_least, attempt.least);
        ret->exhausted_most = usec_add(ret->exhausted_most, usec_add(attempt.most, spent));
        attempt.ends = ret->exhausted_most;
        if (ret->n_attempts < IMPLIED_ATTEMPTS_MAX) {
                ret->attempts[ret->n_attempts++] = attempt;
        }
}

static uint32_t most_per_hour(const struct budget_spec *budget, uint32_t actions) {
        uint64_t stretches = (USEC_PER_HOUR + budget->per - 1) / budget->per;
        return (uint32_t) MIN((uint64_t) actions, budget->actions * stretches);
}

void implications_compute(const struct policy *policy, const struct service *service,
        backoff_bounds_of bounds, struct implications *ret) {
        assert(service->n_probes <= ELEMENTSOF(ret->detections));
        *ret = (struct implications){0};
        for (uint32_t i = 0; i < service->n_probes; i++) {
                ret->detections[ret->n_detections++] = detect(policy, service, &service->probes[i]);
        }
        combine(service, ret);
        struct climb climb = {.service = service, .bounds = bounds, .ret = ret};
        for (uint32_t i = 0; i < service->n_steps; i++) {
                for (uint32_t own = 1; own <= service->steps[i].attempts; own++) {
                        add_attempt(&climb, i, own);
                }
        }
        ret->actions_per_hour = most_per_hour(&service->budget, ret->actions);
        ret->budget_holds = ret->actions > service->budget.actions;
}
