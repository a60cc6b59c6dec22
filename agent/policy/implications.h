#pragma once
/* What a policy implies, for `recoverctl check`: pure arithmetic over one service. */

#include <stdbool.h>
#include <stdint.h>

#include "model/policy.h"

enum { IMPLIED_ATTEMPTS_MAX = 64 }; /* rows of the schedule that are listed; the sums cover all */

/* How long until a probe counts as failed, from the moment at which the service stops working.
 *   worst    the failure comes just after a run has looked, and every run of the series ends by its
 * timeout: interval + slack + (fall - 1) * max(fast_interval, timeout) + timeout typical  the
 * failure comes in the middle between two runs and shows at once (a refused connection, a wrong
 *            answer): interval / 2 + (fall - 1) * fast_interval
 * The end of a `command` or a `unit` is certain evidence, and is noticed without waiting for a run.
 */
struct detection {
        const struct probe_spec *probe;
        usec_t worst, typical;
        bool at_once; /* the death of the process itself takes no time to detect */
};

/* One attempt of the ladder. The waits are the bounds that the jitter keeps. The service's backoff
 * counts on from one step to the next; a step with a backoff of its own counts its own attempts.
 * Notify never waits. */
struct implied_attempt {
        uint32_t number; /* 1-based within the incident */
        uint32_t step;
        int action; /* enum action */
        usec_t least, most; /* the wait before it */
        usec_t action_time, verify; /* the longest that the action and its proof take */
        usec_t ends; /* since the failure is known, with the longest of all until then */
};

struct implications {
        struct detection detections[POLICY_PROBES_MAX + 1];
        uint32_t n_detections;
        usec_t worst_detection,
                typical_detection; /* the quickest probe's, as one failed probe may be enough;
                                      with `require` below all, the time until enough failed */
        struct implied_attempt attempts[IMPLIED_ATTEMPTS_MAX];
        uint32_t n_attempts; /* listed */
        uint32_t total_attempts; /* of the whole ladder */
        uint32_t actions; /* attempts that cost budget: all but notify */
        /* From the failure being known until the service is given up: the sum over all attempts of
         *   wait + time of the action + verify
         * `least` with the shortest waits and actions that fail at once, so that nothing is
         * verified; `most` with the longest of all. Times that the budget, a guard or a dependency
         * holds an attempt come on top. */
        usec_t exhausted_least, exhausted_most;
        /* Most actions within an hour: budget.actions for each stretch of `per` that begins in it,
         * and no more than the ladder has unless acknowledged: min(actions, budget.actions *
         * ceil(1h / per)). */
        uint32_t actions_per_hour;
        bool budget_holds; /* the budget is spent before the ladder ends */
};

/* Bounds of the wait before attempt `number`; backoff_bounds of recovery/backoff.h, which this
 * folder may not include. */
typedef void (*backoff_bounds_of)(
        const struct backoff_spec *spec, uint32_t number, usec_t *ret_least, usec_t *ret_most);

void implications_compute(const struct policy *policy, const struct service *service,
        backoff_bounds_of bounds, struct implications *ret);

/* Longest time of the action of a step. Source of the standards: struct step_spec. */
usec_t implications_action_time(const struct service *service, const struct step_spec *step);
