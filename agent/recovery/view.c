/* The core from outside, read-only. */

#include <string.h>

#include "recovery/detector.h"
#include "recovery/state.h"

bool state_was_tried(const struct service_state *service) {
        return service->token || service->incidents || service->phase != PHASE_WATCHING ||
               service->last_rule;
}

const struct hold *recovery_hold(const struct recovery *recovery, enum hold_source source) {
        return &recovery->holds[source];
}

static bool is_up(enum health health) {
        return health == HEALTH_HEALTHY || health == HEALTH_SUSPECT;
}

/* While only its readiness fails, an attempt that puts all in doubt does not make it dead. */
static bool is_alive(const struct service_state *service) {
        if (state_was_tried(service) && state_only_readiness_fails(service)) {
                return !state_liveness_failed(service);
        }
        bool judged = service->health != HEALTH_UNKNOWN ||
                      policy_count_probes(service->policy, ROLE_LIVENESS) > 0;
        return !service->dead && judged &&
               is_up(detector_of_role(service->policy, service->probes, ROLE_LIVENESS));
}

static uint32_t count_warnings(const struct service_state *service) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                n += service->policy->probes[i].role == ROLE_WARNING &&
                     service->probes[i].health == HEALTH_FAILED;
        }
        return n;
}

void recovery_service_status(
        const struct recovery *recovery, uint32_t index, struct service_status *ret) {
        const struct service_state *service = &recovery->services[index];
        const struct case_file *file = service->file;
        const struct service *policy = service->policy;
        *ret = (struct service_status){
                .policy = service->policy,
                .health = service->health,
                .alive = is_alive(service),
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
                .flapping = service->flapping,
                .last_rule = service->last_rule,
                .last_rule_at = service->last_rule_at,
                .incidents = service->incidents,
        };
        ret->files.state = service->files.state;
        ret->files.awaited = service->files.awaited_until != 0;
        ret->files.blamed = policy->rollback && state_blames_change(service);
        ret->files.changed = service->files.changed;
        ret->files.text = policy->rollback ? file->files_text : "";
        ret->ready = ret->alive && is_up(detector_of_role(policy, service->probes, ROLE_READINESS));
        ret->warnings = count_warnings(service);
        bool tried = state_was_tried(service);
        ret->incident = tried && file->incident.id ? &file->incident : NULL;
        ret->attempt = tried && file->attempt.intended ? &file->attempt : NULL;
        ret->reminders = service->phase == PHASE_EXHAUSTED ? file->reminders : 0;
        ret->flapping_score = state_flapping(service);
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

void recovery_suspicion(const struct recovery *recovery, struct suspicion_status *ret) {
        const struct suspicion *suspicion = &recovery->suspicion;
        *ret = (struct suspicion_status){
                .state = suspicion->state,
                .since = suspicion->state == SUSPICION_NONE ? 0 : suspicion->since,
                .until = suspicion_bound(suspicion),
                .text = suspicion->text,
                .measured = suspicion->measured,
                .failing = suspicion->failing,
                .count = suspicion->count,
        };
}

const char *recovery_state_word(const struct service_status *status) {
        if (status->flapping &&
                (status->phase == PHASE_WATCHING || status->held_by == GUARD_FLAPPING)) {
                return "flapping";
        }
        if (status->phase == PHASE_WATCHING) {
                bool degraded = status->health == HEALTH_HEALTHY && status->warnings > 0;
                return degraded ? "degraded" : health_text(status->health);
        }
        if (status->phase == PHASE_UNATTENDED && status->alive) {
                return "not-ready";
        }
        bool starting = status->attempt && status->attempt->origin == ORIGIN_FIRST_START;
        if (starting && (status->phase == PHASE_SAVING || status->phase == PHASE_ACTING ||
                                status->phase == PHASE_VERIFYING)) {
                return "starting";
        }
        return phase_text(status->phase);
}
