/* The core from outside, read-only. */

#include <string.h>

#include "recovery/state.h"

void recovery_service_status(
        const struct recovery *recovery, uint32_t index, struct service_status *ret) {
        const struct service_state *service = &recovery->services[index];
        const struct case_file *file = service->file;
        *ret = (struct service_status){
                .policy = service->policy,
                .health = service->health,
                .phase = service->phase,
                .phase_since = service->phase_since,
                .health_since = service->health_since,
                .pace = service->pace,
                .held_by = service->held_by,
                .paused = service->paused,
                .pause_until = service->pause_until,
                .pause_by = service->paused ? file->pause_by : "",
                .pause_reason = service->paused ? file->pause_reason : "",
                .process_known = service->process_known,
                .running = service->running,
                .pid = service->pid,
                .step = service->step,
                .step_attempts = service->step_attempts,
                .backoff_level = service->backoff_level,
                .next_attempt = service->next_attempt,
                .timer = service->timer,
                .culprit = service->culprit,
                .last_rule = service->last_rule,
                .last_rule_at = service->last_rule_at,
                .incidents = service->incidents,
        };
        /* The file of a service that was always healthy is left untouched: reading it would map it.
         */
        bool tried = service->token || service->incidents || service->phase != PHASE_WATCHING ||
                     service->last_rule;
        ret->incident = tried && file->incident.id ? &file->incident : NULL;
        ret->attempt = tried && file->attempt.intended ? &file->attempt : NULL;
        ret->evidence = service->has_evidence ? &file->evidence : NULL;
        memcpy(ret->attempts_by_result, service->attempts_by_result,
                sizeof(ret->attempts_by_result));
}

size_t recovery_trail(const struct recovery *recovery, const uint32_t **ret) {
        *ret = recovery->trail;
        return recovery->n_trail;
}

void recovery_probe_status(const struct recovery *recovery, uint32_t service, uint32_t probe,
        struct probe_status *ret) {
        *ret = recovery->services[service].probes[probe];
}

const char *recovery_state_word(const struct service_status *status) {
        if (status->phase == PHASE_WATCHING) {
                return health_text(status->health);
        }
        bool starting = status->attempt && status->attempt->origin == ORIGIN_FIRST_START;
        if (starting && (status->phase == PHASE_SAVING || status->phase == PHASE_ACTING ||
                                status->phase == PHASE_VERIFYING)) {
                return "starting";
        }
        return phase_text(status->phase);
}
